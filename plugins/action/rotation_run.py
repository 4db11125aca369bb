# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import artifacts, options, run
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction
from ansible_collections.rekey.passwords.plugins.plugin_utils._vendor_runner import prepare_for_workers

prepare_for_workers()


class ActionModule(RotationAction):
    """Takes all steps of a rotation: finds out who is due, sets new passwords, and updates the store to match the vendor."""

    COUNTS = artifacts.ROTATED
    SPEC = dict(
        **options.USERS,
        **options.CONNECTION,
        **options.ONLY,
        **options.REASON,
        **options.WHO_IS_DUE,
        **options.NEW_PASSWORDS,
        **options.PROOF,
        **options.ENDURANCE,
        **options.DELIVER,
        rollback=dict(type="bool", default=False),
        verify_after=dict(type="str", default="12h"),
        reconcile=dict(type="bool", default=False),
        change_tasks=dict(type="path"),
    )

    def rotate(self, task: Task) -> Result:
        return run.rotate_users(task)
