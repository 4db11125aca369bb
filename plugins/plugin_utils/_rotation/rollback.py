# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back: the previous passwords of users whose new ones were promoted are set again."""

from __future__ import annotations

import uuid
from typing import Any, Dict, List

from .._times import format_utc, utc_now
from ..store import Store
from . import owners, protocol, report
from .delivery import Delivery
from .lease import host_lease
from .options import Options, read_committed, read_results, read_users
from .read_only import is_dry_run
from .task import Task

_REASON = "rollback"


def roll_back_users(task: Task) -> Dict[str, Any]:
    """The action rotation_rollback."""
    delivery = task.delivery(read_users(task.args["users"]))
    committed = read_committed(task.args["committed"])
    store = task.open_store()
    if not any(user.get("action") == protocol.PROMOTED for user in committed):
        return dict(changed=False, users=[], summary=[])
    with host_lease(store):
        return roll_back(delivery, store, committed, task.options)


def roll_back(delivery: Delivery, store: Store, committed: List[dict], options: Options) -> Dict[str, Any]:
    """Set the previous passwords of those again whose new ones were promoted. Whoever calls holds the lease.

    :param committed: the users that :func:`~.commit.commit` returned.
    :return: the result, with changed, users, summary, warnings, and where any failed, failed and msg.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    promoted = [user["name"] for user in committed if user.get("action") == protocol.PROMOTED]
    if not promoted:
        return dict(changed=False, users=[], summary=[])
    choices = dict.fromkeys(promoted, lambda record: record.previous if record.pending is None else None)
    # The run that is undone may be the same task, so these passwords get an identifier of their own.
    staged = protocol.stage_these(
        store, choices, _REASON, uuid.uuid4().hex, utc_now(), identities=owners.identities(delivery, promoted)
    )
    due = {user["name"]: user for user in staged if user["due"]}
    why = {
        user["name"]: (user.get("error") or {}).get("message", "there is no previous one to go back to")
        for user in staged
    }
    kept = ["%s: keeps its new password, %s" % (name, why[name]) for name in promoted if name not in due]
    if is_dry_run(store) or not due:
        return dict(
            changed=bool(due),
            users=[],
            summary=["%s: would get its previous password again" % name for name in due] + kept,
        )
    results = delivery.send(store, due, None)
    users = protocol.commit(
        store,
        staged,
        read_results(results["users"]),
        format_utc(utc_now()),
        accept_unverified=options.accept_unverified,
    )
    result = report.committed(users, len(due), "rolled back", "previous")
    return dict(result, summary=result["summary"] + kept, warnings=results.get("warnings") or [])
