# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's logins: which passwords to try, and how often one may fail.

At a vendor that locks accounts each login of the operator is counted before it is made, for all hosts, users and runs together. A password that was
refused is not tried again by any run as long as the refusal counts, but another one may be: a correction works at once.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils._moments import retry_after
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Capabilities

from .._times import utc_now
from .login_notes import window
from .operator_counters import NOT_MADE, REFUSED, WORKED, Admission, OperatorCounters, Outcome, Secret
from .users import Source

_LONGEST_WAIT = 120.0  # seconds for which another run's login may be under way
_PATIENCE = 10.0  # seconds after which a login that is under way no longer keeps others from theirs, as long as the budget allows it
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds between two looks

# Errors of a whole call after which no login has been judged.
_NOT_JUDGED = frozenset(
    (
        errors.CONNECTION_FAILED,
        errors.TLS_FAILED,
        errors.INVALID_INPUT,
        errors.RATE_LIMITED,
        errors.TARGET_NOT_FOUND,
        errors.TARGET_NOT_READY,
        errors.VENDOR_UNAVAILABLE,
        errors.UNSUPPORTED,
    )
)


def _refuses_no_login(error: Dict[str, Any]) -> bool:
    """Whether the status of an answer that cannot be interpreted shows at least that it was not the refusal of a login."""
    return isinstance(error.get("http_status"), int) and error["http_status"] not in (401, 403)


@dataclass
class Candidate:
    """A password that may be the operator's."""

    password: Optional[str] = field(repr=False)  # None where there is none to choose
    source: Source
    secret: Optional[Secret] = field(default=None, repr=False)  # all that the login consists of


class AlreadyRefused(PasswordError):
    """This password was refused before, so it was not tried; another one may be right."""


class OperatorLogins:
    """The logins of one operator, as far as they are counted.

    :param counters: those of the target; ``None`` where they are not counted: the vendor locks nobody, or nobody acts for all.
    :param name: what they are counted under.
    :param capabilities: of the vendor.
    :param own: failed logins that a record of the operator counts besides.
    :param stamp: of the operator's record as it is now.
    :param check_mode: whether the task is a dry run, in which a login is made only if none has failed.
    """

    def __init__(
        self,
        counters: Optional[OperatorCounters],
        name: Optional[str],
        capabilities: Capabilities,
        *,
        own: int = 0,
        stamp: Optional[str] = None,
        check_mode: bool = False,
    ) -> None:
        self._counters, self._name, self._own, self._stamp = counters, name or "", own, stamp
        self._check_mode, self._most = check_mode, capabilities.failed_logins_per_call or 0
        self._limit = min(self._most, 1) if check_mode else self._most
        self._window = window(capabilities)
        self._capabilities = capabilities
        self._token: Optional[str] = None
        # Whether the last login is known to have been refused before anything else was sent
        self.refused_at_once = False
        self._source, self._several = "", False
        self._secret: Optional[Secret] = None  # of the login that was counted
        self._seen = False  # whether a login of the current call was accepted

    @property
    def counted(self) -> bool:
        """Whether a failed login counts."""
        return self._counters is not None

    def failures(self) -> int:
        """The failed logins of the operator beside those that its record counts."""
        return self._counters.failures(self._name, utc_now(), self._window) if self._counters else 0

    def in_order(self, candidates: List[Candidate]) -> List[Candidate]:
        """The likeliest password first: one from the source of the last that worked, unless the record has changed since."""
        worked = self._counters.source(self._name, self._stamp) if self._counters and len(candidates) > 1 else None
        self._several = len(candidates) > 1
        return sorted(candidates, key=lambda candidate: candidate.source != worked) if worked else candidates

    def begin(self, candidate: Candidate) -> None:
        """Count a login that is about to be made.

        :raises PasswordError: :class:`AlreadyRefused`; ``login_budget_spent``; ``store_failed``, ``store_conflict``.
        """
        if self._counters is None or self._token is not None:
            return
        began, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            waited = time.monotonic() - began
            admitted = self._counters.admit(
                self._name,
                limit=self._limit - self._own,
                now=utc_now(),
                window=self._window,
                alone=waited < _PATIENCE,
                secret=candidate.secret,
            )
            if admitted.token:
                self._token, self._source, self._secret = (
                    admitted.token,
                    candidate.source.value if self._several else "",
                    candidate.secret,
                )
                return
            if not admitted.may_change or waited >= _LONGEST_WAIT:
                raise self._not_admitted(admitted)
            time.sleep(random.uniform(0.5, 1.0) * pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def worked(self) -> None:
        """The login was accepted. To be called as soon as that is known: others wait for it."""
        self._seen = True
        self._end(WORKED)

    def ended(self, result: Dict[str, Any], nearby: bool) -> None:
        """The call is over.

        :param result: the module's result.
        :param nearby: whether :meth:`worked` would have been called for a login that was accepted.
        """
        error = result.get("error") or {}
        kind = error.get("kind")
        self.refused_at_once, self._seen = nearby and not self._seen, False
        if kind == errors.AUTHENTICATION_FAILED:
            if self._counters and self._token is None:
                # It worked at first, and a later login did not.
                with suppress(PasswordError):
                    self._counters.add_failure(self._name, utc_now(), self._window)
            # Where something was done, it worked at first.
            self._end(
                REFUSED,
                not any(
                    user.get("state") != State.FAILED for user in result.get("users") or [] if isinstance(user, dict)
                ),
            )
        elif kind in (None, errors.PERMISSION_DENIED):
            self._end(WORKED)
        elif kind in _NOT_JUDGED or (kind == errors.UNEXPECTED_RESPONSE and _refuses_no_login(error)):
            self._end(NOT_MADE)
        else:
            self._end(REFUSED, by_the_password=False)

    def was_not_made(self) -> None:
        """Nothing can have been sent."""
        self._end(NOT_MADE)

    def is_in_doubt(self) -> None:
        """The login may have been made and refused."""
        self._end(REFUSED, by_the_password=False)

    def _end(self, outcome: Outcome, by_the_password: bool = True) -> None:
        if self._counters is None or self._token is None:
            return
        token, self._token = self._token, None
        secret = self._secret if by_the_password else None
        # It stays counted where the store fails: the outcome for the users matters more.
        with suppress(PasswordError):
            self._counters.end_login(
                self._name,
                token,
                outcome,
                window=self._window,
                secret=secret,
                came_from=(self._source, self._stamp),
            )

    def _not_admitted(self, admitted: Admission) -> PasswordError:
        failed = admitted.failed + self._own
        by_hand = (
            "log in as %s by hand, then run the playbook repair for it with rotate_repair_forget_failed_logins."
            % self._name
        )
        failures = "%s at %s" % (_change.failures(failed), self._capabilities.title)
        if failed < self._most and admitted.known:
            later = (
                "If it is right by now, %s" % by_hand
                if self._window is None
                else retry_after(admitted.failed_at, self._window)
            )
            message = "Skipped the login of the operator %s: %s, and this password was refused before. Correct it; a different one is tried at once. %s"
        else:
            if self._check_mode and failed < self._most:
                later = "In check mode the operator does not log in while a failed login counts; a normal run may."
            elif self._window is None:
                later = "Only a successful login makes the vendor forget them: %s" % by_hand
            else:
                later = retry_after(admitted.failed_at, self._window)
            message = "Skipped the login of the operator %s: %s; one more could lock the account. %s"
        kind = AlreadyRefused if admitted.known else PasswordError
        return kind(errors.LOGIN_BUDGET_SPENT, message % (self._name, failures, later))


AS_GIVEN = object()  # instead of a password: what the vendor's options hold, which need not be one


class Operator:
    """The operator in one call of the module.

    :param name: of the user that it is; ``None`` if it is not one of the vendor's users.
    :param candidates: the passwords to try.
    :param proved: the one that has logged in before, which needs no count.
    :param configured: the password that the user gave.
    """

    def __init__(
        self,
        name: Optional[str],
        logins: OperatorLogins,
        candidates: List[Candidate],
        *,
        proved: object,
        configured: Optional[str],
    ) -> None:
        self.name, self.logins, self.candidates = name, logins, candidates
        self._proved, self._configured = proved, configured
        # Before a login of ours is under way.
        self._extra = logins.failures() if name else 0

    def begin(self) -> None:
        """Count the login that comes first, unless it cannot fail; the passwords that were refused before are passed over.

        :raises PasswordError: none may be made.
        """
        for number, candidate in enumerate(self.candidates):
            try:
                self.begin_as(candidate)
            except AlreadyRefused:
                if candidate is self.candidates[-1]:
                    raise
            else:
                self.candidates = self.candidates[number:]
                return

    def begin_as(self, candidate: Candidate) -> None:
        """Count the login that comes next, unless it was counted or cannot fail.

        :raises PasswordError: it may not be made.
        """
        if self._proved is None or (candidate.password or self._configured or AS_GIVEN) != self._proved:
            self.logins.begin(candidate)

    def extra_failures(self, name: str) -> int:
        """Failed logins of a user as the operator, which its record does not count."""
        return self._extra if name == self.name else 0

    def without_extra(self, user: UserResult) -> UserResult:
        """A user's result with the failed logins that its record is to count."""
        extra = self._extra if user.name == self.name else 0
        if not extra or user.failed_logins is None:
            return user
        return replace(user, failed_logins=max(user.failed_logins - extra, 0))
