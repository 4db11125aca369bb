# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import hosts
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.task import Result, Task
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Chooses the hosts of a playbook, once for all of them."""

    BYPASS_HOST_LOOP = True
    STORE_SPEC = {}
    SPEC = dict(hosts=dict(type="raw", default="all"), require_only=dict(type="bool", default=False))

    def rotate(self, task: Task) -> Result:
        return hosts.choose_hosts(task)
