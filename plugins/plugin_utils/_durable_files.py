# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders that survive a crash, and locks that end with the process that holds them."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import Iterator

_PAUSE = 0.02  # seconds between two tries to get a lock


class Locked(Exception):
    """Another process has held the lock for as long as we were ready to wait."""


@contextmanager
def file_lock(path: str, wait: float, shared: bool = False) -> Iterator[None]:
    """Keep other processes out; the kernel ends the lock if this process is killed.

    :param path: the lock file; created if it is missing, and kept.
    :param wait: seconds.
    :param shared: whether the group of the folder may use it.
    :raises Locked: another process held it for all that time.
    :raises OSError: no lock file can be created there, or the file system has no locks.
    """
    handle = _take(path, time.monotonic() + wait)
    try:
        if shared:
            share(path)
        yield
    finally:
        os.close(handle)


def _take(path: str, end: float) -> int:
    while True:
        # A link is not followed: it could make us open, or create, a file elsewhere.
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as exc:
            if exc.errno != errno.ELOOP:
                raise
            raise OSError(exc.errno, "%s: the lock file %s is a link. Remove it" % (exc.strerror, path), path) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Somebody may have removed the file while we waited; then others lock another one.
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if time.monotonic() > end:
            raise Locked
        time.sleep(_PAUSE)


def behind_links(path: str) -> str:
    """The file that a path means: the path itself, or where its links lead. A replacement must be created there, or it would replace the link.

    :raises OSError: the links lead nowhere or in a circle.
    """
    return os.path.realpath(path, strict=True) if os.path.islink(path) else path


def make_folder(path: str, shared: bool = False) -> None:
    """Make the folder, and those above it, so that it survives a crash; only its owner may look into it.

    :param shared: whether the group of the folder above it may use it, too.
    """
    if os.path.isdir(path):
        return
    make_folder(os.path.dirname(path), shared)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    if shared:
        share(path)
    sync(os.path.dirname(path))


def share(path: str) -> None:
    """Let the group of a folder read and write what was created in it; other people's files are not touched."""
    with suppress(OSError):
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        os.chown(path, -1, os.stat(os.path.dirname(path)).st_gid, follow_symlinks=False)
        os.chmod(path, mode | (0o070 if os.path.isdir(path) else 0o060))


def sync(path: str) -> None:
    """Bring a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
