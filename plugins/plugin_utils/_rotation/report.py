# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Human-readable summaries of a rotation."""

from __future__ import annotations

from typing import Any, Dict, List

from .users import Action, CommittedUser, Reason, StagedUser

_CHANGES = (Action.PROMOTED, Action.DROPPED, Action.KEPT, Action.ABANDONED)


def committed(users: List[CommittedUser], number: int, *, what: str = "rotated", which: str = "new") -> Dict[str, Any]:
    """The result of an action that has committed.

    :param number: of the users that the task was about.
    :param what: was to be done.
    :param which: password was to be set.
    :return: dict with changed, users, summary, and where any failed, failed and msg.
    """
    failed = [user.name for user in users if user.error]
    result: Dict[str, Any] = dict(
        changed=any(user.action in _CHANGES for user in users),
        users=[user.as_dict() for user in users],
        summary=[line(user, what=what, which=which) for user in users],
    )
    if failed:
        result.update(
            failed=True, msg="%d of %d users were not %s: %s" % (len(failed), number, what, ", ".join(failed))
        )
    return result


def not_due(user: StagedUser) -> str:
    """A user whose password is young, in one line."""
    return "%s: not due, rotated %s" % (user.name, user.rotated_at)


def line(user: CommittedUser, *, what: str, which: str) -> str:
    """One user in one line."""
    text = "%s (%s): %s" % (user.name, user.reason, _outcome(user, what, which))
    if user.action == Action.PROMOTED:
        text += ", verified by a login" if user.verified else ", NOT verified by a login"
    if user.error:
        text += ": %s (%s)" % (user.error["message"], user.error["kind"])
    return text


def _outcome(user: CommittedUser, what: str, which: str) -> str:
    if user.action is None:
        if not user.error:
            return "would be %s" % what
        return "left alone" if user.reason == Reason.ORPHANED else "would fail"
    return {
        Action.PROMOTED: what,
        Action.KEPT: "NOT %s, the %s password is kept as pending" % (what, which),
        Action.DROPPED: "NOT %s, the %s password was refused and dropped" % (what, which),
        Action.ABANDONED: "NOT %s, and no run tries it again until it is repaired" % what,
        Action.SUPERSEDED: "NOT %s by this run" % what if user.error else "left to another run",
    }[user.action]
