# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the writes and network calls that the rotation's code makes, and kills the process, or fails the call, at one of them.

Every function of Python by which a process writes or talks is wrapped, so a call has two points: right before and right after it, and a third one halfway
where it hands data on. Only calls with a
file of the collection's plugins on the stack count, unless an import lies in between. An audit hook tells of those that were not wrapped, so that the
list cannot silently fall behind. Nothing but the standard library is needed: Ansible's own processes load this file, too.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import functools
import io
import mmap
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading

OURS = "/rekey/passwords/plugins/"
BEFORE, HALFWAY, AFTER = "before", "halfway", "after"

DISK = ("open", "write", "pwrite", "writev", "sendfile", "rename", "replace", "link", "symlink", "unlink", "remove", "mkdir", "rmdir", "fsync", "fdatasync",
        "ftruncate", "truncate", "chmod", "fchmod", "chown", "utime")  # fmt: skip
NETWORK = ("connect", "connect_ex", "send", "sendall", "sendto", "sendmsg", "recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg")
HANDS_ON = ("write", "send", "sendall")  # calls whose last argument is data, of which half may have gone
# Calls after whose end a killed process has left no more behind than before them: a lock and a connection end with it, and the kernel has what it was given.
WITHOUT_EFFECT = ("connect", "connect_ex", "recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "getaddrinfo", "flock", "lockf", "fsync", "fdatasync")
FREES = ("unlink", "remove", "rmdir")  # calls for which no disk is too full
MOVES = ("rename", "replace", "link", "symlink")
FAILING = "failing"  # a count of its own: calls on the disk that can fail
COUNTED = (FAILING, *DISK, *NETWORK, "posix_spawn", "getaddrinfo", "flock", "lockf", "start")
_WIDTH = 8
# What the audit hook hears of a call that changes something outside of the process.
AUDITED = frozenset(("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.utime",
                     "socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "fcntl.flock", "fcntl.lockf", "subprocess.Popen",
                     "os.posix_spawn", "os.exec", "os.fork", "os.forkpty", "os.system"))  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def is_on_disk(name, path):
    """Whether a call changes something on the disk, and not in a pipe to another process."""
    return name in DISK and bool(path) and path.startswith("/") and not path.startswith("/dev/")


def kill_own_group():
    """SIGKILL to the process group, which must be this process's own."""
    if os.getpgrp() != os.getpid():
        raise RuntimeError("this process does not lead its group; the group may hold processes that are none of ours")
    os.killpg(os.getpgrp(), signal.SIGKILL)


class Points:
    """The points of one run.

    :param plan: ``None`` to count only, or a dict. For a death: ``name`` and ``number``, the how-manieth call of that name, and the ``side`` of it. (How
        many calls an answer takes to be read differs from run to run, so a number among all calls would mean another one each time.) For a failing
        disk: ``error``, the name of the error, ``number``, the how-manieth call on the disk is to fail, and ``lasting``, whether all later ones do, too.
    :param kill: ends the run at once.
    """

    def __init__(self, plan=None, kill=kill_own_group):
        self._plan = plan or {}
        self._kill = kill
        # Shared with forked processes: each task of a playbook has a worker of its own.
        self._counters = mmap.mmap(-1, _WIDTH * len(COUNTED))
        self._lock = threading.Lock()
        self._here = threading.local()
        self.calls = []  # those of this process: (name, path or None, path that it moves to or None)
        self.missed = []  # what the audit hook heard of, and no wrapper did

    @property
    def counts(self):
        """The number of calls so far, in all processes of the run, by their names."""
        return dict(zip(COUNTED, struct.unpack("%dq" % len(COUNTED), self._counters[:])))

    def _count(self, name):
        place = _WIDTH * COUNTED.index(name)
        number = struct.unpack("q", self._counters[place : place + _WIDTH])[0] + 1
        self._counters[place : place + _WIDTH] = struct.pack("q", number)
        return number

    def install(self):
        """From now on, calls count; there is no way back but the end of the process."""
        for name in DISK:
            if name != "open":
                self._wrap(os, name)
        self._wrap(os, "open", lambda _path, flags=0, *_more, **_options: bool(flags & _WRITING))
        self._wrap(os, "posix_spawn")
        for owner in (socket.socket, ssl.SSLSocket):
            for name in NETWORK:
                self._wrap(owner, name)
        self._wrap(socket, "getaddrinfo")
        self._wrap(fcntl, "flock")
        self._wrap(fcntl, "lockf")
        self._wrap(subprocess.Popen, "__init__", label="start")
        self._wrap_open()
        sys.addaudithook(self._audit)

    def _wrap(self, owner, name, counts=None, label=None):
        call = getattr(owner, name)

        @functools.wraps(call)
        def wrapper(*args, **options):
            if self._is_inside or not _ours() or (counts and not counts(*args, **options)):
                return call(*args, **options)
            half = functools.partial(call, *args[:-1], memoryview(args[-1])[: len(args[-1]) // 2]) if name in HANDS_ON else None
            targets = args[:2] if owner is os and name in MOVES else args[:1] if owner in (os, fcntl) else ()
            return self.point(label or name, targets, lambda: call(*args, **options), half)

        setattr(owner, name, wrapper)

    def _wrap_open(self):
        original, points = io.open, self

        class CountedFile(io.FileIO):
            """A file whose writes count, also those that a buffer makes."""

            def write(self, data):
                write = super().write
                return points.point("write", (self.fileno(),), lambda: write(data), lambda: write(memoryview(data)[: len(data) // 2]))

        def counted_open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
            """As :func:`open`."""
            if not set(mode) & set("wax+") or points._is_inside or not _ours():
                return original(file, mode, buffering, encoding, errors, newline, closefd, opener)

            def make():
                return CountedFile(file, "".join(sorted(set(mode) - set("bt"))), closefd, opener)

            raw = make() if isinstance(file, int) else points.point("open", (file,), make)
            if buffering == 0:
                return raw
            buffered = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)

        io.open = builtins.open = counted_open

    @property
    def _is_inside(self):
        """Whether this thread is within a call that counts already."""
        return getattr(self._here, "inside", False)

    def point(self, name, targets, call, half=None):
        """Make a call that counts.

        :param targets: paths or descriptors that it works on.
        :param half: makes half of it.
        """
        with self._lock:
            number = self._count(name)
            path, moved_to = (*map(_path, targets), None, None)[:2]
            failing = self._count(FAILING) if is_on_disk(name, path) and name not in FREES else None
            self.calls.append((name, path, moved_to))
        if failing:
            self._fail(failing)
        self._die(number, BEFORE, name)
        self._here.inside = True
        try:
            if half and self._is_end(number, HALFWAY, name):
                half()
                self._kill()
            return call()
        finally:
            self._here.inside = False
            # Also behind a call that has failed, such as the making of a folder that is there.
            self._die(number, AFTER, name)

    def _is_end(self, number, side, name):
        return (name, number, side) == (self._plan.get("name"), self._plan.get("number"), self._plan.get("side"))

    def _die(self, number, side, name):
        if self._is_end(number, side, name):
            self._kill()

    def _fail(self, number):
        error = self._plan.get("error")
        if error and (number == self._plan["number"] or (number > self._plan["number"] and self._plan["lasting"])):
            code = getattr(errno, error)
            raise OSError(code, os.strerror(code))

    def _audit(self, event, args):
        if event != "open" and event not in AUDITED:
            return
        if event == "open" and not (isinstance(args[2], int) and args[2] & _WRITING):
            return
        if not self._is_inside and not isinstance(args[0] if args else None, int) and _ours():
            self.missed.append(event)


def _ours():
    """Whether the rotation's code is at work, and not an import that it causes."""
    frame = sys._getframe(1)  # pylint: disable=protected-access
    while frame:
        name = frame.f_code.co_filename
        if OURS in name:
            return True
        if name.startswith("<frozen importlib"):
            return False
        frame = frame.f_back
    return False


def _path(target):
    """What a call works on, if that is a file: a path, or the path of a descriptor."""
    if isinstance(target, int):
        try:
            return os.readlink("/proc/self/fd/%d" % target)
        except OSError:
            return None
    return os.fspath(target) if isinstance(target, (str, os.PathLike)) else None
