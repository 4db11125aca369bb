# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import options, rollback
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Sets the previous passwords of users whose new ones were promoted."""

    SPEC = dict(
        **options.USERS,
        **options.CONNECTION,
        **options.PROOF,
        committed=dict(type="list", elements="dict", required=True),
    )

    def rotate(self, task: Task) -> Result:
        return rollback.roll_back_users(task)
