# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task leaves for the nodes of a workflow: counts, names and kinds of errors, as the module set_stats does. Never a secret.

Ansible adds up numbers and joins lists over the hosts and tasks of a run. AWX shows the totals as the artifacts of the job, and hands them to the
next nodes as variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping

from ansible_collections.rekey.passwords.plugins.module_utils import errors


@dataclass(frozen=True)
class Counts:
    """What is counted in the results of an action."""

    of: Callable[[Mapping[str, Any]], Dict[str, int]]


def _rotated(result: Mapping[str, Any]) -> Dict[str, int]:
    users = result.get("users") or []
    return dict(
        rekey_rotated=len([user for user in users if user.get("action") == "promoted"]),
        rekey_would_rotate=len(
            [user for user in users if user.get("state") == "would_change" and not user.get("error")]
        ),
    )


def _checked(result: Mapping[str, Any]) -> Dict[str, int]:
    users = result.get("users") or []
    previous = [user for user in users if user["previous_refused"] is not None or user["previous_error"]]
    counts = dict(
        rekey_checked=len(users),
        rekey_verified=len([user for user in users if user["verified"]]),
        rekey_overdue=len([user for user in users if user["due"]]),
        rekey_pending=len([user for user in users if user["pending"]]),
        rekey_orphaned=len([user for user in users if user["status"] == "orphaned"]),
        rekey_undelivered=len([user for user in users if user["undelivered"]]),
    )
    if previous:
        counts.update(
            rekey_previous_refused=len([user for user in previous if user["previous_refused"]]),
            rekey_previous_accepted=len([user for user in previous if user["previous_refused"] is False]),
        )
    return counts


def _repaired(result: Mapping[str, Any]) -> Dict[str, int]:
    users = result.get("users") or []
    return dict(
        rekey_repaired=len(
            [user for user in users if user.get("action") in ("repaired", "reset") and not user.get("error")]
        )
    )


def _delivered(result: Mapping[str, Any]) -> Dict[str, int]:
    return dict(rekey_delivered=len([user for user in result.get("users") or [] if user["delivered"]]))


def _not_done(result: Mapping[str, Any]) -> Dict[str, int]:
    return dict(rekey_not_done=len(result.get("not_done") or []))


ROTATED, CHECKED, REPAIRED = Counts(_rotated), Counts(_checked), Counts(_repaired)
DELIVERED, NOT_DONE = Counts(_delivered), Counts(_not_done)


def _has_failed(user: Mapping[str, Any]) -> bool:
    if "status" in user:
        # Where a check could make no login nothing is known to be wrong.
        if user["verified"] is False or user["previous_refused"] is False:
            return True
        return (user["error"] or {}).get("kind") not in (None, errors.NOT_VERIFIED)
    return bool(user.get("error"))


def _accepted(user: Mapping[str, Any]) -> Any:
    """The error of a user whose previous password still logs in."""
    return user["previous_error"] if user.get("previous_refused") is False else None


def artifact(host: str, counts: Counts, result: Mapping[str, Any]) -> Dict[str, Any]:
    """The value of ``ansible_stats`` in the result of an action.

    :param host: the name of the inventory.
    :param counts: one of those above.
    :param result: of the action, without secrets.
    """
    failed = [user for user in result.get("users") or [] if _has_failed(user)]
    found = [error for user in failed for error in (user.get("error"), _accepted(user)) if error]
    kinds: List[str] = [error["kind"] for error in found]
    names = ["%s: %s" % (host, user["name"]) for user in failed]
    if result.get("error"):
        kinds.append(result["error"]["kind"])
        names = names or [host]
    data = dict(counts.of(result), rekey_failed=names, rekey_error_kinds=list(dict.fromkeys(kinds)))
    return dict(data=data, per_host=False, aggregate=True)
