# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All steps of a rotation in one task, and what a run checks besides."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List

from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import utc_now
from ..record import Record
from ..store import Store
from . import (
    adoption,
    change,
    commit,
    consumers,
    postponement,
    protocol,
    reconciliation,
    rollback,
    stage,
    turns,
    unlisted,
)
from .lease import host_lease
from .options import read_users
from .pairs import Pair, accounts_of
from .recheck import recheck
from .results import ModuleResult
from .selection import NOBODY
from .sender import Sender
from .task import Task
from .users import Reason, StagedUser


def rotate_users(task: Task) -> Dict[str, Any]:
    """The action rotation_run."""
    users = read_users(task.args["users"])
    if task.args["change_tasks"]:
        return dict(changed=False, skipped=True, skip_reason="The steps are tasks of their own.")
    chosen = task.limited(users)
    if users and not chosen:
        return dict(changed=False, users=[], due=[], unlisted=[], summary=[NOBODY])
    listed = [user["name"] for user in users] + [pair.name for pair in task.pairs]
    # The operator may be among those that are skipped.
    sender = task.sender(users)
    store = task.open_store()
    pairs = turns.chosen(task.pairs, chosen)
    plan = turns.plan(store, pairs, task.options, now=utc_now())
    chosen, options = plan.users(chosen, task.options), plan.options(task.options)
    seen = stage.look(store, chosen, options, sender)
    if not seen.due and not seen.adopting and not plan.overdue_turns:
        # No lease: a run that finds nothing to do leaves no trace.
        staged = seen.staged + plan.skipped
        result = dict(commit.summarised(staged, protocol.left_alone(staged)), due=[])
        return _look_around(task, sender, store, seen=seen, staged=staged, pairs=pairs, listed=listed, result=result)
    with host_lease(store):
        # A run that has died may have left a turn undone.
        turned = turns.turn(store, pairs, now=utc_now()) if plan.overdue_turns else []
        staged = stage.stage(store, chosen, options, seen=seen, sender=sender) + plan.skipped
        due = [user.name for user in staged if user.due]
        changed = _change(task, sender, store, staged)
        result = _commit(task, store, staged, changed, sent=sender.sent)
        if task.args["rollback"] and any(user["error"] for user in result["users"]):
            _roll_back(task, sender, store, result)
        turned += turns.turn(store, pairs, now=utc_now())
    # A new or another pending password is a change of the store.
    result = dict(result, changed=bool(due or turned) or adoption.adopted(staged) or result["changed"], due=due)
    result["summary"] = [*result["summary"], *turned]
    if due and options.reason:
        result["summary"] = ["Reason: %s" % options.reason, *result["summary"]]
    return _look_around(task, sender, store, seen=seen, staged=staged, pairs=pairs, listed=listed, result=result)


def _change(task: Task, sender: Sender, store: Store, staged: List[StagedUser]) -> ModuleResult:
    try:
        return change.change(sender, store, staged, task.options)
    except PasswordError as error:
        # Whatever has happened is noted in the store.
        return ModuleResult(**task.failure(error))


def _commit(
    task: Task, store: Store, staged: List[StagedUser], changed: ModuleResult, *, sent: Dict[str, Record]
) -> Dict[str, Any]:
    try:
        result = commit.commit(store, staged, changed.users, task.options, sent=sent)
    except PasswordError as error:
        error.message += " What was sent to the vendor is in the store as pending; the next run finishes it."
        raise
    for name in ("warnings", "deprecations", "unreachable"):
        if getattr(changed, name):
            result[name] = getattr(changed, name)
    if changed.error:
        # One error of all users is the message of the task; the lines of the users do not repeat it.
        repeated = ": %s (%s)" % (changed.error.get("message"), changed.error.get("kind"))
        summary = [line.removesuffix(repeated) for line in result["summary"]]
        result.update(failed=True, msg=changed.msg, error=changed.error, summary=summary)
    return result


def _roll_back(task: Task, sender: Sender, store: Store, result: Dict[str, Any]) -> None:
    """Add the outcome to the result."""
    try:
        back = rollback.roll_back(sender, store, rollback.names_of_promoted(result["users"]), task.options)
    except PasswordError as error:
        result.update(task.failure(error))
        return
    result.update(
        rolled_back=back["users"],
        summary=result["summary"] + back["summary"],
        warnings=result.get("warnings", []) + back.get("warnings", []),
    )


def _look_around(
    task: Task,
    sender: Sender,
    store: Store,
    *,
    seen: stage.Look,
    staged: List[StagedUser],
    pairs: List[Pair],
    listed: List[str],
    result: Dict[str, Any],
) -> Dict[str, Any]:
    """Look for passwords that were changed by hand, unless the operator was refused already, that are to be delivered, and that nobody rotates any more."""
    if task.options.verify_after is not None and not result.get("error"):
        names = [user.name for user in staged if not user.due and not user.reason]
        # Of a pair, the account in use.
        in_use = {pair.name: pair.active(record) for pair, record in turns.records_of_pairs(store, pairs).items()}
        reset = partial(reconciliation.reconcile, store, sender, task.options)
        try:
            recheck(
                sender,
                store,
                [in_use.get(name, name) for name in names],
                after=task.options.verify_after,
                now=utc_now(),
                result=result,
                reconcile=reset if reconciliation.is_possible(task.options) else None,
            )
        except PasswordError as error:
            # What was done before stays in the result.
            result.update(task.failure(error))
        if pairs and any(user["reason"] == Reason.RECONCILE for user in result["users"]):
            with host_lease(store):
                turns.turn(store, pairs, now=utc_now())
    if task.options.deliver:
        result["undelivered"] = _undelivered(store, seen, staged, pairs, result)
    result.update(postponement.names(staged), **turns.names(pairs))
    result["unlisted"] = []
    unlisted.add_unlisted(store, listed, seen.endpoint, result, any_due=any(user.due for user in staged))
    return result


def _undelivered(
    store: Store, seen: stage.Look, staged: List[StagedUser], pairs: List[Pair], result: Dict[str, Any]
) -> List[str]:
    """The users and pairs whose consumers do not have the current password."""
    accounts = accounts_of(pairs)
    failed = [user["name"] for user in result["users"] if user["error"]]
    names = consumers.undelivered(
        {name: entry for name, entry in seen.entries.items() if name not in accounts},
        promoted=rollback.names_of_promoted(result["users"]),
        failed=failed + [user.name for user in staged if user.due or user.is_left_alone],
    )
    # The active account of a pair keeps its password, whatever became of the other one.
    after = turns.records_of_pairs(store, pairs)
    return names + [pair.name for pair, record in after.items() if record and record.awaits_delivery]
