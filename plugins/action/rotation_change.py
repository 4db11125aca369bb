# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import steps
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import (
    RotationAction,
    read_staged,
    read_users,
)


class ActionModule(RotationAction):
    """Hands all due users to the vendor's module in one call."""

    SPEC = dict(
        **steps.USERS,
        **steps.CONNECTION,
        **steps.NEW_PASSWORDS,
        staged=dict(type="list", elements="dict", required=True),
    )

    def rotate(self, args, task_vars, scrub):
        staged = read_staged(args["staged"])
        delivery = steps.delivery(self, read_users(args["users"]), args, task_vars, scrub)
        if not any(user["due"] for user in staged):
            return dict(changed=False, users=[])
        store = self.open_store(args, task_vars)
        with steps.locked(store, self.check_mode):
            return steps.change(delivery, store, staged, args, self.check_mode)
