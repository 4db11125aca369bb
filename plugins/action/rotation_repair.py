# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import artifacts, options, repair
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Finds out by logins which password is in force and writes that into the record; on demand resets the others."""

    COUNTS = artifacts.REPAIRED
    SPEC = dict(
        **options.USERS,
        **options.CONNECTION,
        **options.ONLY,
        **options.NEW_PASSWORDS,
        **options.PROOF,
        reset=dict(type="bool", default=False),
        set_aside_damaged=dict(type="bool", default=False),
        forget_failed_logins=dict(type="bool", default=False),
    )

    def rotate(self, task: Task) -> Result:
        return repair.repair_users(task)
