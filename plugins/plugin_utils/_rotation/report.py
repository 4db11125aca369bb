# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation tells people."""

from __future__ import annotations

from ..record import ORPHANED
from . import protocol


def committed(users, number, what="rotated", which="new"):
    """The result of an action that has committed.

    :param users: what :func:`~.rotation.commit` returned.
    :param number: of the users that the task was about.
    :param what: was to be done.
    :param which: password was to be set.
    :return: dict with changed, users, summary, and where any failed, failed and msg.
    """
    failed = [user for user in users if user["error"]]
    result = dict(
        changed=any(
            user["action"] in (protocol.PROMOTED, protocol.DROPPED, protocol.KEPT, protocol.ABANDONED) for user in users
        ),
        users=users,
        summary=[line(user, what, which) for user in users],
    )
    if failed:
        result.update(
            failed=True,
            msg="%d of %d users were not %s: %s"
            % (len(failed), number, what, ", ".join(user["name"] for user in failed)),
        )
    return result


def line(user, what="rotated", which="new"):
    """One user in one line, for people."""
    if "state" not in user:
        return "%s: not due, rotated %s" % (user["name"], user["rotated_at"])
    told = {
        protocol.PROMOTED: what,
        protocol.KEPT: "NOT %s, the %s password is kept as pending" % (what, which),
        protocol.DROPPED: "NOT %s, the %s password was refused and dropped" % (what, which),
        protocol.ABANDONED: "NOT %s, and no run tries it again until it is repaired" % what,
        protocol.SUPERSEDED: "NOT %s by this run" % what if user["error"] else "left to another run",
        None: "would be %s" % what
        if not user["error"]
        else "left alone"
        if user["reason"] == ORPHANED
        else "would fail",
    }[user["action"]]
    text = "%s (%s): %s" % (user["name"], user["reason"], told)
    if user["action"] == protocol.PROMOTED:
        text += ", verified by a login" if user["verified"] else ", NOT verified by a login"
    if user["error"]:
        text += ": %s (%s)" % (user["error"]["message"], user["error"]["kind"])
    return text
