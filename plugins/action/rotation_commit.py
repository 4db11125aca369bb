# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.plugin_utils import rotation
from ansible_collections.rekey.passwords.plugins.plugin_utils.action import RotationAction, read_results, read_staged
from ansible_collections.rekey.passwords.plugins.plugin_utils.ages import to_text, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.records import ORPHANED


class ActionModule(RotationAction):
    """Promotes what is verified, keeps what is open, drops what was refused."""

    SPEC = dict(
        staged=dict(type="list", elements="dict", required=True),
        results=dict(type="list", elements="dict", default=[]),
        accept_unverified=dict(type="bool", default=False),
        max_attempts=dict(type="int", default=3),
    )

    def rotate(self, args, task_vars, scrub):
        staged = read_staged(args["staged"])
        if args["max_attempts"] < 1:
            raise VendorError(errors.INVALID_INPUT, "max_attempts (in the role: rotate_max_attempts) must be at least 1.")
        results = read_results(args["results"])
        users = rotation.commit(
            self.store(args, task_vars), staged, results, to_text(utc_now()), args["accept_unverified"], self.check_mode, args["max_attempts"]
        )
        failed = [user for user in users if user["error"]]
        result = dict(
            changed=any(user["action"] in (rotation.PROMOTED, rotation.DROPPED, rotation.KEPT, rotation.GIVEN_UP) for user in users),
            users=users,
            summary=[_line(user) for user in staged if not user["due"] and user["reason"] is None] + [_line(user) for user in users],
        )
        if failed:
            result.update(failed=True, msg="%d of %d users were not rotated: %s" % (len(failed), len(staged), ", ".join(user["name"] for user in failed)))
        return result


def _line(user):
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
