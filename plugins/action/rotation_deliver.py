# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._deliveries import deliver
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Carries out the ready-made deliveries, or says what the tasks of the role have to do."""

    SPEC = deliver.OPTIONS

    def rotate(self, task: Task) -> Result:
        return deliver.deliver(task)
