# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import artifacts, emergency
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Reports the outcome of an emergency rotation, what could not be done first."""

    BYPASS_HOST_LOOP = True
    COUNTS = artifacts.NOT_DONE
    STORE_SPEC = {}
    SPEC = dict(hosts=dict(type="list", elements="str", required=True))

    def rotate(self, task: Task) -> Result:
        return emergency.report_emergency(task)
