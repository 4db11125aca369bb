# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.plugin_utils import report, rotation
from ansible_collections.rekey.passwords.plugins.plugin_utils.action import RotationAction, read_results, read_staged
from ansible_collections.rekey.passwords.plugins.plugin_utils.ages import to_text, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.records import ORPHANED


class ActionModule(RotationAction):
    """Promotes what is verified, keeps what is open, drops what was refused."""

    SPEC = dict(
        staged=dict(type="list", elements="dict", required=True),
        results=dict(type="list", elements="dict", default=[]),
        accept_unverified=dict(type="bool", default=False),
        max_attempts=dict(type="int", default=3),
    )

    def rotate(self, args, task_vars, scrub):
        staged = read_staged(args["staged"])
        if args["max_attempts"] < 1:
            raise VendorError(errors.INVALID_INPUT, "max_attempts (in the role: rotate_max_attempts) must be at least 1.")
        results = read_results(args["results"])
        users = rotation.commit(
            self.store(args, task_vars), staged, results, to_text(utc_now()), args["accept_unverified"], self.check_mode, args["max_attempts"]
        )
        result = report.committed(users, len(staged))
        result["summary"][:0] = [report.line(user) for user in staged if not user["due"] and user["reason"] != ORPHANED]
        return result
