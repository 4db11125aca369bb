# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests: notes the start of every task, every result and the final counts as lines of JSON."""

from __future__ import annotations

DOCUMENTATION = r"""
name: record
type: notification
short_description: Write what happened in a run to a file, as lines of JSON
description:
  - For the tests of this collection only. It does nothing unless the environment variable E(REKEY_TEST_RECORD) names a file.
author:
  - rekey.passwords contributors
"""

import json
import os

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Appends to the file that REKEY_TEST_RECORD names."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def _note(self, **entry):
        path = os.environ.get("REKEY_TEST_RECORD")
        if path:
            # Opened each time: a run may be killed at any moment, and what was noted up to then must be in the file.
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry, default=str) + "\n")

    def _note_result(self, result, status):
        # Up to ansible-core 2.18 all three are private.
        values, task, host = (getattr(result, name, None) or getattr(result, "_" + name) for name in ("result", "task", "host"))
        returned = {key: value for key, value in values.items() if not key.startswith("_ansible_")}
        if status == "ok" and returned.get("changed"):
            status = "changed"
        self._note(
            event="result",
            task=task.get_name(),
            action=task.action,
            resolved=task.resolved_action,
            host=host.get_name(),
            status=status,
            result=returned,
        )

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._note(event="start", task=task.get_name(), action=task.action)

    def v2_runner_on_ok(self, result):
        self._note_result(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._note_result(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result):
        self._note_result(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self._note_result(result, "unreachable")

    def v2_playbook_on_stats(self, stats):
        self._note(event="stats", stats={host: stats.summarize(host) for host in stats.processed}, custom=stats.custom.get("_run", {}))
