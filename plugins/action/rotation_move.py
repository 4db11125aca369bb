# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import move, options
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import OPTIONS as STORE_OPTIONS


class ActionModule(RotationAction):
    """Copies the records of all users from one store to another, and overwrites none."""

    STORE_SPEC = dict(STORE_OPTIONS, **options.TARGET)
    SPEC = move.OTHER_STORE

    def rotate(self, task: Task) -> Result:
        return move.move_records(task)
