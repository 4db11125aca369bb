# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import hosts
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Looks at the outcome of a batch of hosts, and decides whether the run goes on with the next one."""

    BYPASS_HOST_LOOP = True
    STORE_SPEC = {}
    SPEC = dict(hosts=dict(type="list", elements="str", required=True), max_fail_percentage=dict(type="float"))

    def rotate(self, task: Task) -> Result:
        return hosts.report_progress(task)
