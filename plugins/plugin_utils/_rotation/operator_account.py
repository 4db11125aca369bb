# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account that acts for all at a target: which passwords may be its own, and which of them has logged in."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, Optional, Type

from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Vendor

from .._times import utc_now
from ..record import Record
from ..store import Store
from .login_notes import window
from .operator import AS_GIVEN, Candidate, Operator, OperatorLogins
from .operator_counters import OperatorCounters, Secret
from .read_only import counters
from .users import Source


class OperatorAccount:
    """The operator of one target.

    ``name`` is the user that it is, or ``None`` if it is none of the vendor's users.

    :param params: the vendor's options as they were resolved.
    :param target: what identifies the endpoint.
    :param scrub: learns every secret that is read.
    :param check_mode: whether the task is a dry run.
    """

    def __init__(
        self, vendor: Type[Vendor], params: Dict[str, Any], target: str, *, scrub: Scrubber, check_mode: bool
    ) -> None:
        self._vendor, self._params, self._target = vendor, params, target
        self._scrub, self._check_mode = scrub, check_mode
        self.name = vendor.operator_name(params)
        # The option with its password, of a vendor that knows operators by name.
        self._option = vendor.operator_options[1] if vendor.operator_options else ""
        # What its logins are counted under; None where they are not.
        locks = vendor.capabilities.failed_logins_per_call is not None
        self._counted = vendor.counted_operator(params) if locks else None
        self._proved: object = None  # the password that has logged in last

    def options(self, candidate: Candidate) -> Dict[str, Any]:
        """The option of the vendor's module that makes it log in with this password."""
        return {self._option: candidate.password} if candidate.password and self._option else {}

    def has_logged_in(self, candidate: Candidate) -> None:
        """Note that this password is right: it is tried first from now on, and needs no count."""
        self._proved = candidate.password or AS_GIVEN

    def forget_failures(self, store: Store, names: Iterable[str]) -> None:
        """Forget its failed logins, if it is one of these users or not a user at all: somebody has unlocked them by hand."""
        if self._counted and (self.name is None or self.name in names):
            OperatorCounters(store, self._vendor.name, self._target).forget(self._counted)

    def for_call(self, store: Store, *, is_user: bool, failures: Optional[Dict[str, int]] = None) -> Operator:
        """The operator as it is now, with the passwords to try in order; to be asked for before anything is sent.

        :param is_user: whether the task knows it as a user, so that the store may have a record of it.
        :param failures: how many logins of users have failed, where the records say more.
        """
        record = store.get([self.name])[self.name].record if self.name and is_user else None
        candidates = self._candidates(record)
        # A failed login counts at the vendor in check mode, too.
        note = OperatorCounters(counters(store), self._vendor.name, self._target) if self._counted else None
        for candidate in candidates if note else ():
            candidate.secret = self._login_secret(candidate)
        logins = OperatorLogins(
            note,
            self._counted,
            self._vendor.capabilities,
            own=self._own_failures(record, failures or {}),
            stamp=record.rotated_at if record else None,
            check_mode=self._check_mode,
        )
        candidates = sorted(
            logins.in_order(candidates), key=lambda one: one.password is None or one.password != self._proved
        )
        configured = self._params.get(self._option) if self.name else None
        return Operator(self.name, logins, candidates, proved=self._proved, configured=configured)

    def _candidates(self, record: Optional[Record]) -> List[Candidate]:
        """The passwords that may be its own, the likeliest first.

        An operator that is rotated like any other user has its password in the store, which then knows better than the inventory. After a
        run that died, its pending password may be the one in force; and where the store was restored from an old copy, or has never had one that
        was proved, the user's may be.
        """
        as_given = [Candidate(None, Source.GIVEN)]
        if record is None:
            return as_given
        self._scrub.add(*record.secrets)
        given = Candidate(self._params.get(self._option), Source.GIVEN)
        ordered = [Candidate(record.known_password, Source.CURRENT) if record.known_password else given]
        if record.pending and record.pending.sent:
            ordered.append(Candidate(record.pending.password, Source.PENDING))
        ordered.append(given)
        # An abandoned change may have arrived since.
        ordered.extend(Candidate(item.password, Source.EARLIER) for item in record.earlier)
        # Each once, where it comes first.
        passwords = [one.password for one in ordered]
        return [
            one for number, one in enumerate(ordered) if one.password and one.password not in passwords[:number]
        ] or as_given

    def _own_failures(self, record: Optional[Record], failures: Dict[str, int]) -> int:
        """The failed logins that its record counts, if it is a user."""
        own = record.recent_failed_logins(utc_now(), window(self._vendor.capabilities)) if record else 0
        return failures.get(self.name, own) if self.name else own

    def _login_secret(self, candidate: Candidate) -> Secret:
        """All that a login of the operator consists of beside its name, whatever a vendor calls it."""
        values = {
            name: self._params.get(name) for name, option in self._vendor.argument_spec.items() if option.get("no_log")
        }
        if candidate.password:
            values[self._option] = candidate.password
        return Secret(json.dumps(values, sort_keys=True, default=str))
