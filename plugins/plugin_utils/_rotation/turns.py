# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pairs in a run: whose turn it is before the change, and the turns themselves after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from ..record import Record
from ..store import Store, records_of
from .options import Options
from .pairs import Decision, Pair, accounts_of, decide, turned
from .updates import update
from .user_options import UserOptions
from .users import StagedUser


@dataclass(frozen=True)
class Plan:
    """What a run does with its pairs."""

    decisions: Sequence[Decision] = ()
    overdue_turns: Sequence[str] = ()  # pairs whose idle account has a new password, by a run that died before the turn
    adopting: Sequence[str] = ()  # accounts of new pairs whose passwords are taken over as they are

    @property
    def skipped(self) -> List[StagedUser]:
        """The pairs that are not due."""
        return [decision.as_staged() for decision in self.decisions if not decision.is_due]

    def users(self, users: List[Dict[str, Any]], options: Options) -> List[Dict[str, Any]]:
        """The users whose age decides: all but the accounts of pairs, of which only the idle ones stay whose turn it is.

        :param users: with the accounts of the pairs.
        """
        accounts = accounts_of(decision.pair for decision in self.decisions)
        # One on hold stays, so that the hold is reported.
        turns = {each.idle for each in self.decisions if each.is_due or options.own_of(each.idle).hold}
        turns.update(self.adopting)
        return [user for user in users if user["name"] not in accounts or user["name"] in turns]

    def options(self, options: Options) -> Options:
        """The options with which those accounts are due, however recently they were the active ones."""
        due = {each.idle: replace(options.own_of(each.idle), max_age=0) for each in self.decisions if each.is_due}
        own: Dict[str, UserOptions] = {**options.own, **due}
        return replace(options, own=own)

    def with_pairs(self, staged: Iterable[StagedUser]) -> List[StagedUser]:
        """Staged users, those of a pair with the pair."""
        pairs = {each.idle: each.pair.as_dict() for each in self.decisions}
        return [replace(user, pair=pairs[user.name]) if user.name in pairs else user for user in staged]


def plan(store: Store, pairs: Iterable[Pair], options: Options, *, now: datetime) -> Plan:
    """Decide about the pairs, and write nothing.

    :raises PasswordError: ``store_failed``.
    """
    pairs = list(pairs)
    if not pairs:
        return Plan()
    records = records_of(store.get([name for pair in pairs for name in (pair.name, *pair.accounts)]))
    decisions, overdue, adopting = [], [], []
    for pair in pairs:
        record = records.get(pair.name)
        accounts = {name: records[name] for name in pair.accounts if name in records}
        after = turned(pair, record, accounts, now=now, host=store.host)
        if after is not None:
            overdue.append(pair.name)
        elif record is None and not options.force:
            adopting += [name for name in pair.accounts if options.adopts(name) and name not in accounts]
        decisions.append(
            decide(
                pair,
                after or record,
                accounts,
                max_age=options.max_age_of(pair.other(pair.active(record))),
                force=options.force,
                grace=options.grace,
                deliver=options.deliver,
                now=now,
            )
        )
    return Plan(decisions, overdue, adopting)


def turn(store: Store, pairs: Iterable[Pair], *, now: datetime) -> List[str]:
    """Correct the records of pairs after those of their accounts. The caller holds the lease.

    :return: a line for each pair whose active account is another one now.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    by_name = {pair.name: pair for pair in pairs}
    if not by_name:
        return []
    accounts = records_of(store.get(sorted(accounts_of(by_name.values()))))
    found: Dict[str, str] = {}

    def decide_turn(name: str, record: Optional[Record]) -> Optional[Record]:
        after = turned(by_name[name], record, accounts, now=now, host=store.host)
        if after is not None and (record is None or record.username != after.username):
            how = "adopted; %s is active" if accounts[after.username].adopted_at else "turned to %s"
            found[name] = how % after.username
        return after

    update(store, by_name, decide_turn, read_back=True)
    return ["%s: %s" % line for line in found.items()]


def chosen(pairs: Iterable[Pair], users: Iterable[Dict[str, Any]]) -> List[Pair]:
    """The pairs whose accounts are among the users."""
    names = {user["name"] for user in users}
    return [pair for pair in pairs if names.issuperset(pair.accounts)]


def records_of_pairs(store: Store, pairs: Sequence[Pair]) -> Dict[Pair, Optional[Record]]:
    """The records of pairs, ``None`` before the first turn.

    :raises PasswordError: ``store_failed``.
    """
    found = records_of(store.get([pair.name for pair in pairs])) if pairs else {}
    return {pair: found.get(pair.name) for pair in pairs}


def drop_unused(users: Dict[str, Any], pairs: Iterable[Pair], records: Mapping[str, Record]) -> None:
    """Take out the accounts that no rotation has touched yet: until its second turn a pair has one of them.

    :param users: by name.
    :param records: of the accounts and the pairs, by name.
    """
    for pair in pairs:
        for account in pair.accounts:
            if pair.name in records and account not in records:
                del users[account]


def options_of(pair: Pair, options: Options) -> Options:
    """The options with those of a pair under its own name; its accounts have inherited them."""
    own = options.own.get(pair.accounts[0])
    return replace(options, own={**options.own, pair.name: own}) if own else options


def names(pairs: Iterable[Pair]) -> Dict[str, Any]:
    """The pairs, for the result of an action: nothing if there are none."""
    found = [pair.as_dict() for pair in pairs]
    return dict(pairs=found) if found else {}
