# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command and measures its time, its CPU time and, on demand, the memory of all its processes together."""

from __future__ import annotations

import os
import pathlib
import subprocess
import threading
import time
from dataclasses import dataclass

PROC = pathlib.Path("/proc")
_INTERVAL = 0.1  # seconds between two looks at the memory


@dataclass
class Measured:
    """One run: seconds by the clock, seconds of CPU (children included), and the peak of the memory in MB if that was asked for."""

    seconds: float
    cpu: float
    memory: float | None = None


def measured(command, environment, folder, log, memory=False):
    """Run a command to its end.

    :param log: the file that gets its output.
    :param memory: also look at the memory, ten times a second.
    :raises RuntimeError: it failed.
    """
    with open(log, "wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )  # fmt: skip
        watcher = _Memory(process.pid) if memory else None
        # Unlike wait(), it tells what this process and those it has waited for have used.
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = watcher.stop() if watcher else None
    if process.returncode:
        raise RuntimeError("%s failed:\n%s" % (" ".join(map(str, command)), pathlib.Path(log).read_text(encoding="utf-8", errors="replace")[-3000:]))
    return Measured(seconds, usage.ru_utime + usage.ru_stime, peak)


class _Memory:
    """Looks at a process and all below it until it is stopped."""

    def __init__(self, process):
        self._process = process
        self._peak = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self):
        """The peak in MB."""
        self._end.set()
        self._thread.join()
        return self._peak / 1024

    def _watch(self):
        while not self._end.wait(_INTERVAL):
            self._peak = max(self._peak, sum(_proportional(process) for process in _family(self._process)))


def _family(process):
    """A process and all below it."""
    children = {}
    for entry in os.listdir(PROC):
        if entry.isdigit():
            try:
                # The name of the program, in parentheses, may hold anything.
                parent = (PROC / entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            except OSError:
                continue
            children.setdefault(int(parent), []).append(int(entry))
    found = [process]
    for one in found:
        found.extend(children.get(one, ()))
    return found


def _proportional(process):
    """The memory of a process in kB; what several share, as forked workers do, counts in parts."""
    try:
        text = (PROC / str(process) / "smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
