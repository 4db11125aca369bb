# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import artifacts, consumers
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Notes which passwords the consumers have been given."""

    COUNTS = artifacts.DELIVERED
    SPEC = dict(
        versions=dict(type="dict", required=True),
        results=dict(type="list", elements="dict", default=[]),
        failed_task=dict(type="str"),
    )

    def rotate(self, task: Task) -> Result:
        return consumers.note_delivered(task)
