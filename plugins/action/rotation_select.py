# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import hosts
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Chooses the hosts of a playbook, once for all of them."""

    BYPASS_HOST_LOOP = True
    SPEC = dict(hosts=dict(type="raw", default="all"))
    STORE_SPEC: dict = {}

    def rotate(self, args, task_vars, scrub):
        groups, hostvars = task_vars["groups"], task_vars["hostvars"]
        if not groups.get("all"):
            raise PasswordError(errors.INVALID_INPUT, "The inventory has no hosts; give one with -i.")
        matched = hosts.matching(args["hosts"], groups, self._loader)
        found = hosts.chosen(
            matched, task_vars["ansible_play_hosts_all"], lambda host: bool(hostvars.raw_get(host).get("rotate_vendor"))
        )
        return dict(changed=False, hosts=found, ansible_facts=dict(rotate_chosen_hosts=found))
