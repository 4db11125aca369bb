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
from . import adoption, change, commit, postponement, protocol, reconciliation, rollback, stage, unlisted
from .delivery import Delivery
from .lease import host_lease
from .options import read_users
from .recheck import recheck
from .results import ModuleResult
from .selection import NOBODY, limited_to
from .task import Task
from .users import StagedUser


def rotate_users(task: Task) -> Dict[str, Any]:
    """The action rotation_run."""
    users = read_users(task.args["users"])
    if task.args["change_tasks"]:
        return dict(changed=False, skipped=True, skip_reason="The steps are tasks of their own.")
    chosen = limited_to(users, task.args["only"], task.task_vars)
    if users and not chosen:
        return dict(changed=False, users=[], due=[], unlisted=[], summary=[NOBODY])
    listed = [user["name"] for user in users]
    # The operator may be among those that are skipped.
    delivery = task.delivery(users)
    store = task.open_store()
    seen = stage.look(store, chosen, task.options, delivery)
    if not seen.due and not seen.adopting:
        # No lease: a run that finds nothing to do leaves no trace.
        result = dict(commit.summarised(seen.staged, protocol.left_alone(seen.staged)), due=[])
        return _look_around(task, delivery, store, seen=seen, staged=seen.staged, listed=listed, result=result)
    with host_lease(store):
        staged = stage.stage(store, chosen, task.options, seen=seen, delivery=delivery)
        due = [user.name for user in staged if user.due]
        changed = _change(task, delivery, store, staged)
        result = _commit(task, store, staged, changed, sent=delivery.sent)
        if task.args["rollback"] and any(user["error"] for user in result["users"]):
            _roll_back(task, delivery, store, result)
    # A new or another pending password is a change of the store.
    result = dict(result, changed=bool(due) or adoption.adopted(staged) or result["changed"], due=due)
    if due and task.options.reason:
        result["summary"] = ["Reason: %s" % task.options.reason, *result["summary"]]
    return _look_around(task, delivery, store, seen=seen, staged=staged, listed=listed, result=result)


def _change(task: Task, delivery: Delivery, store: Store, staged: List[StagedUser]) -> ModuleResult:
    try:
        return change.change(delivery, store, staged, task.options)
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


def _roll_back(task: Task, delivery: Delivery, store: Store, result: Dict[str, Any]) -> None:
    """Add the outcome to the result."""
    try:
        back = rollback.roll_back(delivery, store, rollback.names_of_promoted(result["users"]), task.options)
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
    delivery: Delivery,
    store: Store,
    *,
    seen: stage.Look,
    staged: List[StagedUser],
    listed: List[str],
    result: Dict[str, Any],
) -> Dict[str, Any]:
    """Look for passwords that were changed by hand, unless the operator was refused already, and for records that nobody rotates any more."""
    if task.options.verify_after is not None and not result.get("error"):
        reset = partial(reconciliation.reconcile, store, delivery, task.options)
        try:
            recheck(
                delivery,
                store,
                [user.name for user in staged if not user.due and not user.reason],
                after=task.options.verify_after,
                now=utc_now(),
                result=result,
                reconcile=reset if reconciliation.is_possible(task.options) else None,
            )
        except PasswordError as error:
            # What was done before stays in the result.
            result.update(task.failure(error))
    result.update(postponement.names(staged))
    result["unlisted"] = []
    unlisted.add_unlisted(store, listed, seen.endpoint, result, any_due=any(user.due for user in staged))
    return result
