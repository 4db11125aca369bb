# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import protocol, steps
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import (
    RotationAction,
    read_results,
    read_users,
)


class ActionModule(RotationAction):
    """Sets the previous passwords of those again whose new ones were promoted."""

    SPEC = dict(
        **steps.USERS, **steps.CONNECTION, **steps.PROOF, committed=dict(type="list", elements="dict", required=True)
    )

    def rotate(self, args, task_vars, scrub):
        delivery = steps.delivery(self, read_users(args["users"]), args, task_vars, scrub)
        committed = read_committed(args["committed"])
        store = self.open_store(args, task_vars)
        if not any(user.get("action") == protocol.PROMOTED for user in committed):
            return dict(changed=False, users=[], summary=[])
        with steps.locked(store, self.check_mode):
            return steps.roll_back(delivery, store, committed, args, self.check_mode)


def read_committed(committed):
    """The option ``committed``: what rotation_commit has returned."""
    return read_results([dict(user, state=user.get("state") or "unknown") for user in committed])
