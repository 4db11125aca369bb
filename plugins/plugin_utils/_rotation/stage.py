# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first step: decides who is due, and stores a new pending password for each of them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from .._times import utc_now
from ..record import Identity
from ..store import Entry, Store
from . import adoption, due, owners, postponement, protocol, turns, unlisted
from .lease import host_lease
from .options import Options, read_users
from .read_only import is_dry_run
from .selection import NOBODY
from .sender import Sender
from .task import Task
from .users import Reason, StagedUser


@dataclass(frozen=True)
class Look:
    """What a run found before it asked for the lease."""

    staged: List[StagedUser]
    entries: Dict[str, Entry]
    identities: Dict[str, Identity]  # whose passwords are to be rotated
    endpoint: Identity  # of all of them, as far as it is known

    @property
    def due(self) -> List[str]:
        """The names of the users that are to be rotated."""
        return [user.name for user in self.staged if user.due]

    @property
    def adopting(self) -> Dict[str, StagedUser]:
        """The users that are to be adopted, by name."""
        return {user.name: user for user in self.staged if user.reason == Reason.ADOPT and not user.error}


def stage_users(task: Task) -> Dict[str, Any]:
    """The action rotation_stage."""
    users = read_users(task.args["users"])
    chosen = task.limited(users)
    if users and not chosen:
        return dict(changed=False, users=[], due=[], summary=[NOBODY])
    # The user's own tasks may make the change without any of the vendor's options.
    sender = task.sender(users) if task.args["connection"] else None
    store = task.open_store()
    pairs = turns.chosen(task.pairs, chosen)
    plan = turns.plan(store, pairs, task.options, now=utc_now())
    chosen, options = plan.users(chosen, task.options), plan.options(task.options)
    seen = look(store, chosen, options, sender)
    staged = seen.staged
    if seen.due or seen.adopting or plan.overdue_turns:
        with host_lease(store):
            if plan.overdue_turns:
                turns.turn(store, pairs, now=utc_now())
            staged = stage(store, chosen, options, seen=seen, sender=sender)
            if plan.adopting:
                turns.turn(store, pairs, now=utc_now())
    staged = plan.with_pairs(staged) + plan.skipped
    names = [user.name for user in staged if user.due]
    # A new or another pending password is a change of the store.
    result = dict(changed=bool(names) or adoption.adopted(staged), users=[user.as_dict() for user in staged], due=names)
    result.update(postponement.names(staged), **turns.names(pairs))
    listed = [user["name"] for user in users] + [pair.name for pair in task.pairs]
    unlisted.add_unlisted(store, listed, seen.endpoint, result, any_due=bool(names))
    return result


def look(store: Store, users: List[Dict[str, Any]], options: Options, sender: Optional[Sender]) -> Look:
    """Decide who is due, and write nothing.

    :param users: what :func:`~.options.read_users` returned.
    :param sender: ``None`` where it is not known which endpoint the users are at.
    :raises PasswordError: ``store_failed``.
    """
    names = [user["name"] for user in users]
    endpoint = Identity(options.vendor.name, sender.target if sender else None)
    identities = sender.identities(names) if sender else dict.fromkeys(names, endpoint)
    staged, entries = due.look(
        store,
        users,
        max_age=options.max_age,
        force=options.force,
        now=utc_now(),
        identities=identities,
        max_ages=options.max_ages,
    )
    staged = postponement.held(staged, entries, options)
    staged = adoption.candidates(staged, users, options, can_log_in=sender is not None)
    return Look(postponement.waiting(staged, entries, options, utc_now()), entries, identities, endpoint)


def stage(
    store: Store, users: List[Dict[str, Any]], options: Options, *, seen: Look, sender: Optional[Sender]
) -> List[StagedUser]:
    """Store a new password as pending for each user that is due. The caller holds the lease.

    :param seen: what :func:`look` returned before the lease was taken.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    refused = {}
    if sender and not is_dry_run(store):
        # A login may be needed for that, and a dry run makes none that may fail.
        refused = owners.settle(store, sender, {name: seen.identities[name] for name in seen.due}, seen.entries)
    # What was decided about the others stands, whatever has happened to their records since.
    skipped = {user.name: user for user in seen.staged if user.note or user.reason == Reason.ADOPT}
    if sender and seen.adopting:
        passwords = {user["name"]: user["current_password"] for user in users if user["name"] in seen.adopting}
        skipped.update(adoption.adopt(store, sender, seen.adopting, passwords, options))
    entries = {
        name: Entry(copy.deepcopy(entry.record), entry.version)
        for name, entry in seen.entries.items()
        if name not in skipped
    }
    staged = protocol.stage(
        store,
        [user for user in users if user["name"] not in skipped],
        options.policy,
        max_age=options.max_age,
        force=options.force,
        run_id=options.run_id,
        now=utc_now(),
        identities=seen.identities,
        seen=entries,
        refused=refused,
        why=options.reason,
        max_ages=options.max_ages,
        policies=options.policies,
    )
    by_name = dict(skipped, **{user.name: user for user in options.with_own(staged)})
    return [by_name[user["name"]] for user in users]
