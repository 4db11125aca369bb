# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests: kills a run of Ansible, all its processes, at one of the writes and network calls of the rotation."""

from __future__ import annotations

DOCUMENTATION = r"""
name: crash
type: notification
short_description: Kill the run at a write or a network call
description:
  - For the tests of this collection only. It does nothing unless the environment variable E(REKEY_TEST_CRASH) holds a plan as JSON.
  - The file that E(REKEY_TEST_CALLS) names gets the number of the calls, if the run comes to its end.
author:
  - rekey.passwords contributors
"""

import importlib.util
import json
import os
import pathlib
import signal

from ansible.plugins.callback import CallbackBase

TESTS = pathlib.Path(__file__).resolve().parents[2]


def _load(path):
    """A file of the tests, which Ansible cannot import by its name."""
    spec = importlib.util.spec_from_file_location("rekey_tests_" + path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _kill_run():
    """SIGKILL to all processes of the run; its workers have left the process group."""
    for process in _load(TESTS / "integration" / "processes.py").of_run(os.environ["REKEY_TEST_RUN"]):
        os.kill(process, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


class CallbackModule(CallbackBase):
    """Follows the plan in REKEY_TEST_CRASH. The workers are forked later, and so have the hooks, too."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "crash"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._points = None
        if os.environ.get("REKEY_TEST_CRASH"):
            self._points = _load(TESTS / "crash" / "hooks.py").Points(json.loads(os.environ["REKEY_TEST_CRASH"]), _kill_run)
            self._points.install()

    def v2_playbook_on_stats(self, stats):
        if self._points:
            pathlib.Path(os.environ["REKEY_TEST_CALLS"]).write_text(json.dumps(self._points.counts), encoding="utf-8")
