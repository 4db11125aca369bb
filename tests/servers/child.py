# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server in a process of its own that never outlives this one."""

from __future__ import annotations

import os
import pathlib
import queue
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import typing as t

_POLL_S = 0.02
STOP_LIMIT_S = 10.0

#: Below the range from which the kernel takes ports for outgoing connections: those could otherwise be gone before the server binds them.
_PORT_RANGE = range(20000, 32000)


class ServerError(RuntimeError):
    """A server did not do what it was asked to; the end of its log is in the text."""


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: what has only been closed lately does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(number: int) -> list[int]:
    """Ports of the loopback interface. Nothing keeps others from taking one until a server binds it."""
    found: list[int] = []
    for candidate in random.sample(_PORT_RANGE, 1000):
        if len(found) == number:
            return found
        if is_free(candidate):
            found.append(candidate)
    raise OSError("there are not enough free ports")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def _mortal(command: t.Sequence[str]) -> list[str]:
    """The command as one that ends when the thread does that started it: a test run that is killed must not leave its servers behind."""
    setpriv = shutil.which("setpriv")
    if not setpriv:
        return list(command)
    # Whose parent has died before the signal was ordered has another parent by now. A change of the user would take the order back.
    return [setpriv, "--pdeathsig", "KILL", "sh", "-c", 'test "$PPID" = "$0" && exec "$@"', str(os.getpid()), *command]


class Child:
    """One run of a program: `command`, in `work_dir`, with its output appended to `log_path`.

    With `first_line` the program waits for a line on its standard input, see tell(). `become` is the beginning of a command
    that changes the user.
    """

    def __init__(
        self, name: str, command: t.Sequence[str], work_dir: pathlib.Path, log_path: pathlib.Path, first_line: bool = False, become: t.Sequence[str] = ()
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._log_start = log_path.stat().st_size if log_path.exists() else 0
        started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()
        threading.Thread(target=self._keep, args=([*become, *_mortal(command)], work_dir, first_line, started), name=f"{name}-keeper", daemon=True).start()
        process = started.get()
        if isinstance(process, OSError):
            raise ServerError(f"{name} cannot be started: {process}") from process
        self._process = process

    # A thread of its own that lives exactly as long as the server, since its end ends the server.
    def _keep(self, command: t.Sequence[str], work_dir: pathlib.Path, first_line: bool, started: queue.SimpleQueue[t.Any]) -> None:
        # Only what a server needs: no proxy of the caller's, and none of the many variables that steer databases and OpenStack.
        environment = {
            "PATH": os.pathsep.join([os.defpath, "/usr/sbin", "/sbin"]),
            "HOME": str(work_dir),
            "TMPDIR": str(work_dir),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        try:
            with open(self.log_path, "ab") as log:
                process = subprocess.Popen(
                    command,
                    env=environment,
                    cwd=work_dir,
                    stdin=subprocess.PIPE if first_line else subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def tell(self, line: str) -> None:
        """The line that the program waits for."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            with stdin:
                stdin.write(line.encode("utf-8") + b"\n")
        except OSError as error:
            raise ServerError(f"{self.name} takes no orders; the end of its log:\n{self.log_tail()}") from error

    def wait_until(self, condition: t.Callable[[], bool], limit_s: float, complaint: str = "does not answer") -> None:
        end = time.monotonic() + limit_s
        while not condition():
            if not self.running:
                raise ServerError(f"{self.name} ended with status {self._process.returncode}; the end of its log:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise ServerError(f"{self.name} {complaint} after {limit_s:.0f} s; the end of its log:\n{self.log_tail()}")
            time.sleep(_POLL_S)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(STOP_LIMIT_S)

    def end(self, number: int = signal.SIGTERM) -> None:
        """A signal that asks, and SIGKILL for who does not listen."""
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def log_tail(self, lines: int = 30) -> str:
        """The end of what this run has logged."""
        with open(self.log_path, "rb") as log:
            log.seek(self._log_start)
            text = log.read().decode("utf-8", "replace")
        return "\n".join(line[:300] for line in text.splitlines()[-lines:])
