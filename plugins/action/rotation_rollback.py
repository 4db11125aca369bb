# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import uuid

from ansible_collections.rekey.passwords.plugins.plugin_utils import report, rotation
from ansible_collections.rekey.passwords.plugins.plugin_utils.action import RotationAction, read_results, read_users
from ansible_collections.rekey.passwords.plugins.plugin_utils.ages import to_text, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.sending import Sender

_REASON = "rollback"


class ActionModule(RotationAction):
    """Sets the previous passwords of those again whose new ones were promoted."""

    SPEC = dict(
        vendor=dict(type="str", required=True),
        connection=dict(type="dict", default={}),
        users=dict(type="list", elements="raw", required=True),
        committed=dict(type="list", elements="dict", required=True),
        accept_unverified=dict(type="bool", default=False),
    )

    def rotate(self, args, task_vars, scrub):
        given = {user["name"]: user for user in read_users(args["users"])}
        sender = Sender(self, task_vars, args["vendor"], args["connection"], given, scrub)
        promoted = [user["name"] for user in read_committed(args["committed"]) if user.get("action") == rotation.PROMOTED]
        if not promoted:
            return dict(changed=False, users=[], summary=[])
        store = self.store(args, task_vars)
        wanted = dict.fromkeys(promoted, lambda record: record.previous if record.pending is None else None)
        staged = rotation.stage_these(store, wanted, _REASON, uuid.uuid4().hex, utc_now(), self.check_mode)
        due = {user["name"]: user for user in staged if user["due"]}
        kept = ["%s: keeps its new password, there is no previous one to go back to" % name for name in promoted if name not in due]
        if self.check_mode or not due:
            return dict(changed=bool(due), users=[], summary=["%s: would get its previous password again" % name for name in due] + kept)
        results = sender.send(store, due, None)
        users = rotation.commit(store, staged, read_results(results["users"]), to_text(utc_now()), args["accept_unverified"])
        result = report.committed(users, len(due), "rolled back", "previous")
        return dict(result, summary=result["summary"] + kept, warnings=results.get("warnings") or [])


def read_committed(committed):
    """The option ``committed``: what rotation_commit has returned."""
    return read_results([dict(user, state=user.get("state") or "unknown") for user in committed])
