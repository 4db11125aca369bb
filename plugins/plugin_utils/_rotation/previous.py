# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out whether passwords that were replaced are refused, and locks nobody out.

Such a login is meant to fail, and at vendors that lock accounts a failed login counts. There it is made only for users whose current password has just
logged in, so that no failed login precedes it; it is counted before it is made; and a login with the current password follows, which resets the count.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import utc_now
from ..record import Record
from ..store import Store, records_of
from . import proof
from .login_notes import note_failed_logins
from .sender import Sender
from .users import Source

_TRIES = 3  # within the grace period of the vendor, while the previous password is still accepted

_ACCEPTED = (
    "The previous password of %s still logs in. Check again in a few minutes (playbook verify with rotate_check_previous). If it is accepted then, too, "
    "disable the account or end its sessions at the vendor."
)


@dataclass(frozen=True)
class Outcome:
    """Whether the previous password of a user is refused."""

    refused: Optional[bool]  # None: not checked, or the login was inconclusive
    error: Optional[Dict[str, Any]] = None  # why it is not known, or that it is accepted

    @classmethod
    def unchecked(cls, message: str, kind: str = errors.NOT_VERIFIED) -> Outcome:
        """The outcome of a user whose previous password was not tried."""
        return cls(None, PasswordError(kind, message).as_dict())

    @classmethod
    def of(cls, name: str, answer: proof.Answer) -> Outcome:
        """The outcome of a login with the previous password."""
        if answer.password:
            return cls(False, PasswordError(errors.PREVIOUS_ACCEPTED, _ACCEPTED % name).as_dict())
        return cls(None, answer.error) if answer.error else cls(True)


@dataclass(frozen=True)
class Check:
    """What the logins of all users have shown."""

    outcomes: Mapping[str, Outcome]
    # Users whose current password logged in before and does not any more, with the answer to that login.
    lost: Mapping[str, proof.Answer]


def check(
    store: Store,
    sender: Sender,
    names: Iterable[str],
    *,
    proved: Collection[str],
    sleep: Callable[[float], Any] = time.sleep,
) -> Check:
    """Log in with previous passwords. The caller holds the lease.

    :param names: of users with a current password.
    :param proved: those whose current password has logged in a moment ago.
    :param sleep: called with seconds to wait, while the vendor may still accept a password that it has replaced.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    counts = sender.capabilities.failed_logins_per_call is not None
    records = records_of(store.get(names))
    outcomes: Dict[str, Outcome] = {}
    tries: Dict[str, proof.Candidates] = {}
    for name, record in records.items():
        if record.previous is None or record.previous == record.password:
            outcomes[name] = Outcome.unchecked("The store has no previous password of %s." % name)
        elif counts and sender.may_probe and name not in proved:
            outcomes[name] = Outcome.unchecked(
                "The current password of %s does not log in, and one more failed login could lock the account." % name
            )
        else:
            tries[name] = [(Source.PREVIOUS, record.previous)]
    if not tries:
        return Check(outcomes, {})
    answers = _log_in(store, sender, tries, records)
    for _number in range(_TRIES if sender.capabilities.settle_seconds else 0):
        accepted = {name: tries[name] for name, answer in answers.items() if answer.password}
        if not accepted:
            break
        sleep(sender.capabilities.settle_seconds / _TRIES)
        answers.update(_log_in(store, sender, accepted, records))
    outcomes.update((name, Outcome.of(name, answer)) for name, answer in answers.items())
    return Check(outcomes, _reset_counts(store, sender, list(tries)) if counts and sender.may_probe else {})


def _log_in(
    store: Store, sender: Sender, tries: Dict[str, proof.Candidates], records: Dict[str, Record]
) -> Dict[str, proof.Answer]:
    """One login per user; an error that concerns all of them is the answer for each, since their current passwords are known to work."""
    try:
        return proof.log_in(store, sender, records, tries=tries)
    except PasswordError as error:
        return {name: proof.Answer(error=error.as_dict()) for name in tries}


def _reset_counts(store: Store, sender: Sender, names: List[str]) -> Dict[str, proof.Answer]:
    """Log in with the current passwords, so that the vendor forgets the failed logins.

    :return: the answers of those that were refused or are locked.
    """
    records = records_of(store.get(names))
    # As a password given for this purpose, it may cost the login that is otherwise left for the proof of a change.
    tries: Dict[str, proof.Candidates] = {
        name: [(Source.GIVEN, record.password)] for name, record in records.items() if record.password
    }
    answers = _log_in(store, sender, tries, records)
    worked = {name: 0 for name, answer in answers.items() if answer.password}
    note_failed_logins(store, worked, sender.capabilities, now=utc_now())
    return {name: answer for name, answer in answers.items() if not answer.password and _is_lost(answer)}


def _is_lost(answer: proof.Answer) -> bool:
    """Whether a login shows more than that the network or the server had a problem."""
    return answer.error is None or answer.error.get("kind") == errors.ACCOUNT_LOCKED
