# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Human-readable summaries of a rotation."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from .users import Action, CommittedUser, Reason, StagedUser

_CHANGES = (Action.PROMOTED, Action.DROPPED, Action.KEPT, Action.ABANDONED)


def committed(users: List[CommittedUser], number: int, *, what: str = "rotated", which: str = "new") -> Dict[str, Any]:
    """The result of an action that has committed.

    :param number: of the users that the task was about.
    :param what: was to be done.
    :param which: password was to be set.
    :return: dict with changed, users, summary, and where any failed, failed and msg.
    """
    return dict(
        changed=any(user.action in _CHANGES for user in users),
        users=[user.as_dict() for user in users],
        summary=[line(user, what=what, which=which) for user in users],
        **failure([user.name for user in users if user.error], number, "were not %s" % what),
    )


def named(names: Sequence[str], number: int, what: str, *, of: str = "users") -> str:
    """A sentence that counts and names users, or hosts, of whom something is true."""
    return "%d of %d %s %s: %s" % (len(names), number, of, what, ", ".join(names))


def failure(names: Sequence[str], number: int, what: str, *, of: str = "users") -> Dict[str, Any]:
    """What a result gets if anybody failed: failed and msg; nothing otherwise.

    :param names: of those who failed.
    :param number: of all.
    :param what: is true of those who failed.
    """
    return dict(failed=True, msg=named(names, number, what, of=of)) if names else {}


def not_done(user: Mapping[str, Any], what: str) -> str:
    """A user with an error, in one line."""
    return "%s: NOT %s: %s (%s)" % (user["name"], what, user["error"]["message"], user["error"]["kind"])


def not_due(user: StagedUser) -> str:
    """A user whose password is young, or that is skipped for another reason, in one line."""
    return "%s: %s" % (user.name, user.note or "not due, rotated %s" % user.rotated_at)


def held(reason: Optional[str]) -> str:
    """A user that is on hold.

    :param reason: its ``hold_reason``.
    """
    return "on hold: %s" % reason if reason else "on hold"


def line(user: CommittedUser, *, what: str, which: str) -> str:
    """One user in one line."""
    text = "%s (%s): %s" % (user.name, user.reason, _outcome(user, what, which))
    if user.action in (Action.PROMOTED, Action.ADOPTED):
        text += ", verified by a login" if user.verified else ", NOT verified by a login"
    if user.error:
        text += ": %s (%s)" % (user.error["message"], user.error["kind"])
    return text


def _would_be_adopted(user: CommittedUser) -> str:
    # Check mode makes no login where a failed one counts.
    return "would be adopted as it is%s" % ("" if user.verified else ", if its password logs in")


def _outcome(user: CommittedUser, what: str, which: str) -> str:
    if user.reason == Reason.ADOPT:
        return "NOT adopted" if user.error else "adopted as it is" if user.action else _would_be_adopted(user)
    if user.action is None:
        if not user.error:
            return "would be %s" % what
        return "skipped" if user.reason == Reason.ORPHANED else "would fail"
    return {
        Action.PROMOTED: what,
        Action.KEPT: "NOT %s, the %s password is kept as pending" % (what, which),
        Action.DROPPED: "NOT %s, the %s password was refused and dropped" % (what, which),
        Action.ABANDONED: "NOT %s, and no run tries it again until it is repaired" % what,
        Action.SUPERSEDED: "NOT %s by this run" % what if user.error else "left to another run",
    }[user.action]
