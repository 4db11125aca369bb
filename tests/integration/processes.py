# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding, killing and watching the processes of one run of Ansible.

Ansible's workers leave the process group of the run (each makes a session of its own), so the group alone is not the run.
Every process of a run carries a mark in its environment instead, which children inherit.
"""

from __future__ import annotations

import os
import pathlib
import signal
import threading
import time

MARK = "REKEY_TEST_RUN"
PROC = pathlib.Path("/proc")
_LOOKS = 200  # so often a process is asked whose it is


def _ids():
    return [int(entry) for entry in os.listdir(PROC) if entry.isdigit()]


def _read(process, name):
    try:
        return (PROC / str(process) / name).read_bytes()
    except OSError:
        # It has ended meanwhile, or is somebody else's.
        return b""


def _is_marked(process, run):
    return ("%s=%s" % (MARK, run)).encode() in _read(process, "environ").split(b"\0")


def of_run(run):
    """The ids of the living processes of a run; zombies do not count, they have no environment any more."""
    return [process for process in _ids() if process != os.getpid() and _is_marked(process, run)]


def kill_run(run, timeout=10.0):
    """SIGKILL all processes of a run, and return when none is left.

    :param timeout: the longest wait in seconds.
    :raises TimeoutError: some still live.
    """
    bound = time.monotonic() + timeout
    while True:
        living = of_run(run)
        if not living:
            return
        for process in living:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > bound:
            raise TimeoutError("processes of the run survive SIGKILL")
        time.sleep(0.005)


class ArgumentWatcher:
    """Collects the command lines of all processes of a run, by looking every few milliseconds.

    A process that lives for less than ``interval`` may go unseen.
    """

    def __init__(self, run, interval=0.01):
        self.command_lines = set()
        self._run = run
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="argument-watcher", daemon=True)

    def start(self):
        """Begin to look."""
        self._thread.start()

    def stop(self):
        """Look a last time and end."""
        self._ended.set()
        self._thread.join(10)

    def _watch(self):
        known = {}
        while not self._ended.is_set():
            present = {}
            # An identifier is not given again within one interval.
            for process in _ids():
                looks, belongs = known.get(process, (0, False))
                # Each is somebody else's until it has made itself the program that it is to be, which takes it no time.
                belongs = belongs or (looks < _LOOKS and _is_marked(process, self._run))
                present[process] = (looks + 1, belongs)
                if belongs:
                    line = _read(process, "cmdline")
                    if line:
                        self.command_lines.add(line)
            known = present
            self._ended.wait(self._interval)
