# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation tells people."""

from __future__ import annotations

from . import rotation
from .records import ORPHANED


def committed(users, number, what="rotated"):
    """The result of an action that has committed.

    :param users: what :func:`~.rotation.commit` returned.
    :param number: of the users that the task was about.
    :param what: was to be done.
    :return: dict with changed, users, summary, and where any failed, failed and msg.
    """
    failed = [user for user in users if user["error"]]
    result = dict(
        changed=any(user["action"] in (rotation.PROMOTED, rotation.DROPPED, rotation.KEPT, rotation.GIVEN_UP) for user in users),
        users=users,
        summary=[line(user) for user in users],
    )
    if failed:
        result.update(failed=True, msg="%d of %d users were not %s: %s" % (len(failed), number, what, ", ".join(user["name"] for user in failed)))
    return result


def line(user):
    """One user in one line, for people."""
    if "state" not in user:
        return "%s: not due, rotated %s" % (user["name"], user["rotated_at"])
    told = {
        rotation.PROMOTED: "rotated",
        rotation.KEPT: "NOT rotated, the new password is kept as pending",
        rotation.DROPPED: "NOT rotated, the new password was refused and dropped",
        rotation.GIVEN_UP: "NOT rotated, and no run tries it again until it is repaired",
        rotation.SUPERSEDED: "NOT rotated by this run" if user["error"] else "left to another run",
        None: "would be rotated" if not user["error"] else "left alone" if user["reason"] == ORPHANED else "would fail",
    }[user["action"]]
    text = "%s (%s): %s" % (user["name"], user["reason"], told)
    if user["action"] == rotation.PROMOTED:
        text += ", verified by a login" if user["verified"] else ", NOT verified by a login"
    if user["error"]:
        text += ": %s (%s)" % (user["error"]["message"], user["error"]["kind"])
    return text
