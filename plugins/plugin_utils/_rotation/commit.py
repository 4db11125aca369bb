# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last step: updates the store with the outcome of the change."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Dict, List, Optional

from ansible_collections.rekey.passwords.plugins.module_utils._results import UserResult

from .._times import utc_now
from ..record import Record
from ..store import Store
from . import protocol, report, turns
from .lease import host_lease
from .options import Options, read_results, read_staged
from .pairs import Pair
from .task import Task
from .users import CommittedUser, StagedUser


def commit_users(task: Task) -> Dict[str, Any]:
    """The action rotation_commit."""
    staged, results = read_staged(task.args["staged"]), read_results(task.args["results"])
    store = task.open_store()
    with host_lease(store) if any(user.due for user in staged) else nullcontext():
        result = commit(store, staged, results, task.options)
        pairs = [Pair.from_dict(user.pair) for user in staged if user.due and user.pair]
        result["summary"] += turns.turn(store, pairs, now=utc_now())
        return result


def commit(
    store: Store,
    staged: List[StagedUser],
    results: List[UserResult],
    options: Options,
    *,
    sent: Optional[Dict[str, Record]] = None,
) -> Dict[str, Any]:
    """Update the store with the outcome of the change. The caller holds the lease.

    :param results: what the change came to, as far as it is known.
    :param sent: see :func:`~.protocol.commit`.
    :return: the result, with changed, users, summary, and where any failed, failed and msg.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    users = protocol.commit(
        store,
        staged,
        results,
        now=utc_now(),
        accept_unverified=options.accept_unverified,
        max_attempts=options.max_attempts,
        sent=sent,
    )
    return summarised(staged, users)


def summarised(staged: List[StagedUser], users: List[CommittedUser]) -> Dict[str, Any]:
    """The result of an action that has committed.

    :param users: what :func:`~.protocol.commit` returned; nobody where nobody was due.
    """
    result = report.committed(users, len(staged))
    result["summary"][:0] = [report.not_due(user) for user in staged if not user.due and not user.is_left_alone]
    return result
