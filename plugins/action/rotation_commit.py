# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import steps
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import (
    RotationAction,
    read_results,
    read_staged,
)


class ActionModule(RotationAction):
    """Promotes what is verified, keeps what is open, drops what was refused."""

    SPEC = dict(
        **steps.PROOF,
        **steps.ENDURANCE,
        staged=dict(type="list", elements="dict", required=True),
        results=dict(type="list", elements="dict", default=[]),
    )

    def rotate(self, args, task_vars, scrub):
        staged = read_staged(args["staged"])
        steps.require(args)
        results = read_results(args["results"])
        store = self.open_store(args, task_vars)
        if not any(user["due"] for user in staged):
            return steps.commit(store, staged, results, args, self.check_mode)
        with steps.locked(store, self.check_mode):
            return steps.commit(store, staged, results, args, self.check_mode)
