# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import hosts
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction


class ActionModule(RotationAction):
    """Looks at what became of a batch of hosts, and decides whether the run goes on with the next one."""

    BYPASS_HOST_LOOP = True
    SPEC = dict(hosts=dict(type="list", elements="str", required=True), max_fail_percentage=dict(type="float"))
    STORE_SPEC: dict = {}

    def rotate(self, args, task_vars, scrub):
        hostvars = task_vars["hostvars"]
        before = hostvars.raw_get("localhost").get("rotate_progress")
        results = {host: _result(hostvars.raw_get(host)) for host in task_vars["ansible_play_batch"]}
        state = hosts.progress(before, results, len(args["hosts"]), args["max_fail_percentage"])
        lines = hosts.summary(state, args["hosts"])
        return dict(
            changed=False, summary=lines, ansible_facts=dict(rotate_progress=dict(state, summary=lines)), **state
        )


def _result(variables):
    """What became of a host; with tasks of the user's own the commit says it."""
    done = variables.get("rotate_done")
    return variables.get("rotate_committed") if done and done.get("skipped") else done
