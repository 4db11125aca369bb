# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import uuid

from ansible_collections.rekey.passwords.plugins.plugin_utils import policy, rotation
from ansible_collections.rekey.passwords.plugins.plugin_utils.action import RotationAction, read_users
from ansible_collections.rekey.passwords.plugins.plugin_utils.ages import parse_age, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.vendor_module import vendor_module


class ActionModule(RotationAction):
    """Decides who is due and stores the new passwords as pending."""

    SPEC = dict(
        vendor=dict(type="str", required=True),
        users=dict(type="list", elements="raw", required=True),
        max_age=dict(type="str", default="30d"),
        force=dict(type="bool", default=False),
        policy=dict(type="dict", options=policy.OPTIONS),
    )

    def rotate(self, args, task_vars, scrub):
        staged = rotation.stage(
            self.store(args, task_vars),
            read_users(args["users"]),
            policy.policy_for(vendor_module(args["vendor"]).VENDOR.capabilities, args["policy"]),
            parse_age(args["max_age"], "max_age"),
            args["force"],
            uuid.uuid4().hex,
            utc_now(),
            self.check_mode,
        )
        due = [user["name"] for user in staged if user["due"]]
        # A new or another pending password is a change of the store.
        return dict(changed=bool(due), users=staged, due=due)
