# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back: sets the previous passwords of users whose new ones were promoted."""

from __future__ import annotations

import uuid
from typing import Any, Dict, Iterable, List, Mapping

from .._times import utc_now
from ..store import Store
from . import protocol, report
from .lease import host_lease
from .options import Options, read_committed, read_users
from .pairs import accounts_of
from .read_only import is_dry_run
from .sender import Sender
from .task import Task
from .users import Action, Reason


def roll_back_users(task: Task) -> Dict[str, Any]:
    """The action rotation_rollback."""
    sender = task.sender(read_users(task.args["users"]))
    promoted = names_of_promoted(read_committed(task.args["committed"]))
    # The accounts of pairs have turned already: consumers may be using the new password, and the one before is still in force.
    turned = accounts_of(task.pairs)
    kept = ["%s: keeps its new password, since its pair has turned to it" % name for name in promoted if name in turned]
    promoted = [name for name in promoted if name not in turned]
    store = task.open_store()
    if not promoted:
        return dict(changed=False, users=[], summary=kept)
    with host_lease(store):
        result = roll_back(sender, store, promoted, task.options)
    return dict(result, summary=result["summary"] + kept)


def names_of_promoted(committed: Iterable[Mapping[str, Any]]) -> List[str]:
    """The users whose new passwords are in force.

    :param committed: the users that rotation_commit, or rotation_run, returned.
    """
    return [user["name"] for user in committed if user.get("action") == Action.PROMOTED]


def roll_back(sender: Sender, store: Store, promoted: List[str], options: Options) -> Dict[str, Any]:
    """Set the previous passwords of users whose new ones were promoted. The caller holds the lease.

    :param promoted: their names.
    :return: the result, with changed, users, summary, warnings, and where any failed, failed and msg.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    choices = dict.fromkeys(promoted, lambda record: record.previous if record.pending is None else None)
    # The run that is undone may be the same task, so these passwords get an identifier of their own.
    staged = protocol.stage_these(
        store,
        choices,
        reason=Reason.ROLLBACK,
        run_id=uuid.uuid4().hex,
        now=utc_now(),
        identities=sender.identities(promoted),
    )
    due = {user.name: user for user in staged if user.due}
    why = {user.name: (user.error or {}).get("message", "there is no previous one to go back to") for user in staged}
    kept = ["%s: keeps its new password, %s" % (name, why[name]) for name in promoted if name not in due]
    if is_dry_run(store) or not due:
        return dict(
            changed=bool(due),
            users=[],
            summary=["%s: would get its previous password again" % name for name in due] + kept,
        )
    back = sender.send(store, due, None)
    users = protocol.commit(
        store,
        options.with_own(staged),
        back.users,
        now=utc_now(),
        accept_unverified=options.accept_unverified,
    )
    result = report.committed(users, len(due), what="rolled back", which="previous")
    return dict(result, summary=result["summary"] + kept, warnings=back.warnings)
