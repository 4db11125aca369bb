# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import options, stage
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Decides who is due and stores the new passwords as pending."""

    SPEC = dict(
        **options.USERS,
        **options.CONNECTION,
        **options.ONLY,
        **options.REASON,
        **options.DELIVER,
        **options.PROOF,
        **options.WHO_IS_DUE,
        **options.NEW_PASSWORDS,
    )

    def rotate(self, task: Task) -> Result:
        return stage.stage_users(task)
