# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairs: two accounts of one consumer that take turns, so that the password in use is never changed.

Consumers use the active account. A rotation changes the password of the idle one, which then becomes the active one. The account that they used before keeps
its password until the next turn, which begins no earlier than after a grace period and a complete delivery.

The store keeps a record of each account, as of any user, and one of the pair: a copy of the active account's name and password, for
applications that read the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._arguments import plain
from .._times import format_utc, parse_utc
from ..record import Pair as PairState
from ..record import Record, Status
from .due import is_due, why_due
from .users import Reason, StagedUser

ACCOUNTS = "accounts"  # the key of a pair in the option users


@dataclass(frozen=True)
class Pair:
    """A pair as the inventory describes it."""

    name: str
    accounts: Tuple[str, str]

    def as_dict(self) -> Dict[str, Any]:
        """As the first step of a rotation hands it on to the last one."""
        return dict(name=self.name, accounts=list(self.accounts))

    @classmethod
    def from_dict(cls, data: Any) -> Pair:
        """The pair that :meth:`as_dict` described.

        :raises PasswordError: ``invalid_input``.
        """
        accounts = data.get(ACCOUNTS) if isinstance(data, Mapping) else None
        if not isinstance(accounts, (list, tuple)) or len(accounts) != 2:
            raise PasswordError(errors.INVALID_INPUT, "staged is not what rotation_stage returns in users.")
        return cls(str(data.get("name")), (str(accounts[0]), str(accounts[1])))

    def other(self, account: str) -> str:
        """The account that is not this one."""
        return self.accounts[1] if account == self.accounts[0] else self.accounts[0]

    def active(self, record: Optional[Record]) -> str:
        """The account that the consumers use: before the first turn it is the first one.

        :param record: of the pair.
        """
        return record.username if record and record.username in self.accounts else self.accounts[0]


@dataclass(frozen=True)
class Decision:
    """What a run does with a pair."""

    pair: Pair
    idle: str  # the account whose turn it is
    reason: Optional[Reason]  # why it is due, or why it is not although it should be; None: the last turn is young
    rotated_at: Optional[str] = None  # the last turn
    note: Optional[str] = None  # why it is not, for people

    @property
    def is_due(self) -> bool:
        """Whether the idle account is to get a new password."""
        return is_due(self.reason)

    def as_staged(self) -> StagedUser:
        """A pair that is skipped, as the first step returns it."""
        return StagedUser(
            name=self.pair.name,
            due=False,
            reason=None if self.reason is None else str(self.reason),
            rotated_at=self.rotated_at,
            note=self.note,
        )


def expand(users: Iterable[Any]) -> Tuple[List[Any], List[Pair]]:
    """Replace the pairs among the elements of the option ``users`` by their accounts, which inherit the pair's other keys.

    :raises PasswordError: ``invalid_input``; the message says which element is wrong, never what it holds.
    """
    expanded: List[Any] = []
    pairs: List[Pair] = []
    for number, user in enumerate(users, 1):
        if not isinstance(user, Mapping) or ACCOUNTS not in user:
            expanded.append(user)
            continue
        pair, accounts = _read(user, number)
        pairs.append(pair)
        expanded += accounts
    names = [plain(user.get("name") if isinstance(user, Mapping) else user) for user in expanded]
    # An element that does not describe a user is reported by those who read the users.
    taken = {name for name in names if isinstance(name, str)}
    for pair in pairs:
        if pair.name in taken:
            raise PasswordError(
                errors.INVALID_INPUT, "users names %s twice: as a pair, and as an account or a user." % pair.name
            )
        taken.add(pair.name)
    return expanded, pairs


def _read(user: Mapping[Any, Any], number: int) -> Tuple[Pair, List[Dict[Any, Any]]]:
    name, accounts = plain(user.get("name")), user[ACCOUNTS]
    if not isinstance(name, str) or not name:
        raise PasswordError(errors.INVALID_INPUT, "Element %d of users has accounts and no name." % number)
    for option in ("current_password", "password"):
        if option in user:
            raise PasswordError(
                errors.INVALID_INPUT,
                "users gives a %s for the pair %s; give it to one of its accounts." % (option, name),
            )
    given = (
        [dict(item) if isinstance(item, Mapping) else {"name": item} for item in accounts]
        if isinstance(accounts, list)
        else []
    )
    names = [plain(account.get("name")) for account in given]
    if len(names) != 2 or not all(isinstance(item, str) and item for item in names) or names[0] == names[1]:
        raise PasswordError(
            errors.INVALID_INPUT,
            "users: accounts of %s must be a list of two different names or dictionaries with a name." % name,
        )
    shared = {key: value for key, value in user.items() if key not in ("name", ACCOUNTS)}
    return Pair(name, (str(names[0]), str(names[1]))), [dict(shared, **account) for account in given]


def accounts_of(pairs: Iterable[Pair]) -> Set[str]:
    """The names of all accounts of pairs."""
    return {account for pair in pairs for account in pair.accounts}


def turned(
    pair: Pair, record: Optional[Record], accounts: Mapping[str, Record], *, now: datetime, host: str
) -> Optional[Record]:
    """The record of a pair after its accounts may have changed; ``None`` if it is right as it is.

    :param record: of the pair as it is.
    :param accounts: the records of its accounts, by name.
    :param host: the name under which the store keeps the records.
    """
    active = pair.active(record)
    idle = pair.other(active)
    fresh, used = accounts.get(idle), accounts.get(active)
    if record is None and used is not None and used.adopted_at and (fresh is None or fresh.adopted_at):
        # Both are as they were, so the consumers stay where they are.
        state = PairState(pair.name, idle, format_utc(now), fresh.mark if fresh else "")
        return _copy(used, state, host, rotated_at=used.rotated_at)
    if fresh is not None and _has_come_of_turn(fresh, record.pair if record else None, idle):
        state = PairState(pair.name, active, format_utc(now), used.mark if used else "")
        return _copy(fresh, state, host, rotated_at=format_utc(now))
    if record is None or record.pair is None or used is None or used.password in (None, record.password):
        return None
    # A repair has found out that another password is in force.
    return _copy(used, record.pair, host, rotated_at=record.rotated_at)


def _has_come_of_turn(fresh: Record, state: Optional[PairState], idle: str) -> bool:
    """Whether the idle account has been given a new password since it is idle, and a login has proved it."""
    if fresh.status != Status.CURRENT or not fresh.mark:
        return False
    return state is None or state.idle != idle or state.idle_mark != fresh.mark


def _copy(account: Record, state: PairState, host: str, *, rotated_at: Optional[str]) -> Record:
    return Record(
        username=account.username,
        password=account.password,
        status=Status.CURRENT,
        rotated_at=rotated_at,
        verified=account.verified,
        reason=account.reason,
        host=host,
        vendor=account.vendor,
        pair=state,
    )


def decide(
    pair: Pair,
    record: Optional[Record],
    accounts: Mapping[str, Record],
    *,
    max_age: int,
    force: bool,
    grace: int,
    deliver: bool,
    now: datetime,
) -> Decision:
    """Whether the idle account of a pair gets a new password.

    :param record: of the pair, after :func:`turned`.
    :param accounts: the records of its accounts, by name.
    :param max_age: seconds since the last turn.
    :param force: whether that does not matter.
    :param grace: seconds since the last turn in which the idle account is not touched, whatever else is true.
    :param deliver: whether somebody gives the consumers their passwords.
    """
    active = pair.active(record)
    idle = pair.other(active)
    waiting = accounts.get(idle)
    at = record.rotated_at if record else None
    if record is None or record.pair is None or record.pair.idle != idle:
        reason: Optional[Reason] = Reason.NEW
    elif waiting and waiting.status == Status.ORPHANED:
        reason = Reason.ORPHANED
    elif waiting and waiting.pending:
        reason = Reason.UNFINISHED
    else:
        reason = why_due(_aged(record, accounts.get(active)), max_age, force=force, now=now)
    state = record.pair if record else None
    if not is_due(reason) or reason == Reason.UNFINISHED or record is None or state is None or state.idle != idle:
        # What has been begun is finished; and nobody uses an account before its first turn.
        return Decision(pair, idle, reason, at)
    if deliver and not record.is_delivered:
        note = "the consumers have not been given %s yet, so %s keeps its password" % (active, idle)
        return Decision(pair, idle, Reason.WAITING, at, note)
    end = parse_utc(state.idle_since) + timedelta(seconds=grace)
    if now < end:
        note = "%s was in use until %s, so it keeps its password until %s" % (idle, state.idle_since, format_utc(end))
        return Decision(pair, idle, Reason.GRACE, at, note)
    return Decision(pair, idle, reason, at)


def _aged(record: Record, active: Optional[Record]) -> Record:
    """The record of a pair for the question of its age: a password that a repair has set is due."""
    return record if active is None or active.rotated_at else replace(record, rotated_at=None)
