# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import artifacts, options, status
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Reports what the store knows of each user, and on request whether the current passwords log in."""

    COUNTS = artifacts.CHECKED
    SPEC = dict(
        **options.CONNECTION,
        **options.ONLY,
        **options.MAX_AGE,
        **options.DELIVER,
        vendor=dict(type="str"),
        users=dict(type="list", elements="raw"),
        verify=dict(type="bool", default=False),
        check_previous=dict(type="bool", default=False),
        fail_on=dict(type="list", elements="str", choices=list(status.FAIL_ON), default=[]),
    )

    def rotate(self, task: Task) -> Result:
        return status.report_users(task)
