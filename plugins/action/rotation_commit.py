# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import artifacts, commit, options
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Promotes what is verified, keeps what is open, drops what was refused."""

    COUNTS = artifacts.ROTATED
    SPEC = dict(
        **options.PROOF,
        **options.ENDURANCE,
        **options.STAGED,
        results=dict(type="list", elements="dict", default=[]),
    )

    def rotate(self, task: Task) -> Result:
        return commit.commit_users(task)
