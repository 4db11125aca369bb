# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out by logins which password is in force, and never makes more failed logins than the vendor's budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Set, Tuple

from .._times import utc_now
from ..record import Record
from ..store import Store
from .login_notes import note_failed_logins, note_refuted, window
from .sender import Sender
from .users import Source

Candidates = List[Tuple[Source, str]]  # (where it comes from, password), the likeliest first


@dataclass
class Answer:
    """What the logins of one user have shown."""

    source: Optional[Source] = None  # which of the candidates logs in
    password: Optional[str] = field(default=None, repr=False)
    error: Optional[Dict[str, Any]] = None  # why nothing could be found out
    last: Optional[Source] = None  # which was tried last
    skipped: bool = False  # whether nothing was tried because of check mode
    # Passwords of which a login has shown that they are not in force.
    refuted: Set[str] = field(default_factory=set, repr=False)
    spent: int = 0  # failed logins that the vendor may count, in total

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to find out, or no way to."""
        return bool(self.password or self.error)


def candidates(record: Record, given: Optional[str] = None, inventory: Optional[str] = None) -> Candidates:
    """The passwords that may be in force.

    :param record: what the store knows.
    :param given: a password given for this purpose: then nothing else is tried.
    :param inventory: what the inventory calls the current password.
    """
    if given:
        return [(Source.GIVEN, given)]
    pending = record.pending
    ordered: List[Tuple[Source, Optional[str]]] = [
        (Source.PENDING, pending.password if pending else None),
        (Source.CURRENT, record.password),
    ]
    # An inventory that was corrected since the record was made knows better; otherwise its password is an old one.
    corrected = inventory and not record.password and inventory != (pending.replaces if pending else None)
    ordered.insert(0 if corrected else 2, (Source.INVENTORY, inventory))
    ordered += [(Source.PREVIOUS, pending.replaces if pending else None), (Source.PREVIOUS, record.previous)]
    ordered += [(Source.EARLIER, item.password) for item in record.earlier]
    # De-duplicate: during a rollback the same password is both pending and previous.
    once = list({password: (source, password) for source, password in reversed(ordered) if password}.values())[::-1]
    # Where the budget ends the search, the next one goes on with those that have not been tried yet.
    return sorted(once, key=lambda candidate: record.when_refuted(candidate[1]))


def log_in(
    store: Store,
    sender: Sender,
    records: Dict[str, Record],
    *,
    tries: Dict[str, Candidates],
    spare: bool = False,
) -> Dict[str, Answer]:
    """Try passwords, one per user and round, until one logs in, as long as the budget lasts. The caller holds the lease.

    :param records: what the store knows of the users.
    :param tries: what to try, by name.
    :param spare: leave one failed login for the proof of a change that follows.
    :raises PasswordError: concerns all of them.
    """
    now, capabilities = utc_now(), sender.capabilities
    limit = capabilities.failed_logins_per_call or 0
    left = {name: list(passwords) for name, passwords in tries.items()}
    answers = {name: Answer(spent=records[name].recent_failed_logins(now, window(capabilities))) for name in tries}
    if not sender.may_probe and any(left.values()):
        return _skipped(store, sender, answers)
    asked_about: Set[str] = set()
    try:
        while any(left.values()):
            tried = {name: left[name].pop(0) for name in tries if left[name]}
            # Counted before they are made: repeating a run that was killed locks nobody out.
            counted = {name: answers[name].spent + 1 for name in tried if answers[name].spent < limit}
            note_failed_logins(store, counted, capabilities, now=now)
            asked_about.update(tried)
            _try(store, sender, tried, answers)
            for name in tried:
                if answers[name].is_settled or (spare and limit and answers[name].spent >= limit - 1):
                    left[name] = []
    finally:
        # Also for users that have logged in: the login that was counted for them has not failed.
        settled = {name: answer.spent for name, answer in answers.items() if name in asked_about}
        note_failed_logins(store, settled, capabilities, now=now)
        # With a single candidate there was no search.
        searched = {name: answers[name].refuted for name in settled if len(tries[name]) > 1}
        unknown = {name: refuted for name, refuted in searched.items() if refuted and not answers[name].password}
        note_refuted(store, unknown, capabilities)
    return answers


def _skipped(store: Store, sender: Sender, answers: Dict[str, Answer]) -> Dict[str, Answer]:
    """The answers where no login may be made; the sender says why."""
    asked = [dict(name=name, password="", failed_logins=answer.spent) for name, answer in answers.items()]
    return {name: Answer(error=user.error, skipped=True) for name, user in sender.probe(store, asked).items()}


def _try(store: Store, sender: Sender, tried: Dict[str, Tuple[Source, str]], answers: Dict[str, Answer]) -> None:
    """Make one login per user, and note in the answers what it has shown."""
    limit = sender.capabilities.failed_logins_per_call or 0
    # A password given for this purpose may cost the login that is otherwise left for the proof of a change.
    credit = {
        name: int(source == Source.GIVEN and bool(limit) and answers[name].spent == limit - 1)
        for name, (source, _password) in tried.items()
    }
    asked = [
        dict(name=name, password=password, failed_logins=answers[name].spent - credit[name])
        for name, (_source, password) in tried.items()
    ]
    logins = sender.probe(store, asked)
    for name, (source, password) in tried.items():
        answer, result = answers[name], logins[name]
        answer.last = source
        if result.failed_logins is not None:
            answer.spent = result.failed_logins + credit[name]
        if result.verified:
            answer.source, answer.password = source, password
        elif result.verified is None:
            answer.error = result.error
        else:
            answer.refuted.add(password)
