# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests: the run kills itself, as a power cut would, when a chosen task starts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: kill_at
type: notification
short_description: Kill the run when a task starts
description:
  - For the tests of this collection only. It does nothing unless the environment variable E(REKEY_TEST_KILL_AT) holds the name or
    the action of a task. Then it sends SIGKILL to the run's own process group and to the run's workers, which have left that group.
  - It refuses in a process group that is not a session of its own, since that would end processes which are none of the run's.
author:
  - rekey.passwords contributors
"""

import os
import pathlib
import signal

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Kills at the start of the task that REKEY_TEST_KILL_AT names."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kill_at"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task, is_conditional):
        wanted = os.environ.get("REKEY_TEST_KILL_AT")
        name = task.get_name()
        if not wanted or wanted not in (name, name.rpartition(" : ")[2], task.action, task.resolved_action):
            return
        if os.getpgrp() != os.getsid(0):
            self._display.warning("kill_at: not killed, this process group is not a session of its own")
            return
        run = os.environ.get("REKEY_TEST_RUN")
        for process in _workers(run) if run else []:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _workers(run):
    """The other processes of this run: those that carry its mark in their environment."""
    found = []
    mark = b"REKEY_TEST_RUN=" + run.encode()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                pass
    return found
