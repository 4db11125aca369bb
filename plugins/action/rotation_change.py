# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils import policy
from ansible_collections.rekey.passwords.plugins.plugin_utils.action import RotationAction, read_staged, read_users
from ansible_collections.rekey.passwords.plugins.plugin_utils.sending import Sender


class ActionModule(RotationAction):
    """Hands all due users to the vendor's module in one call."""

    SPEC = dict(
        vendor=dict(type="str", required=True),
        connection=dict(type="dict", default={}),
        users=dict(type="list", elements="raw", required=True),
        staged=dict(type="list", elements="dict", required=True),
        policy=dict(type="dict", options=policy.OPTIONS),
    )

    def rotate(self, args, task_vars, scrub):
        given = {user["name"]: user for user in read_users(args["users"])}
        staged = {user["name"]: user for user in read_staged(args["staged"]) if user["due"]}
        sender = Sender(self, task_vars, args["vendor"], args["connection"], given, scrub)
        if not staged:
            return dict(changed=False, users=[])
        wanted = policy.policy_for(sender.capabilities, args["policy"])
        return (sender.foresee if self.check_mode else sender.send)(self.store(args, task_vars), staged, wanted)
