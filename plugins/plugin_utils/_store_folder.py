# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which folder is a store. An empty one may be the place of a volume that is not mounted, so a store carries a mark."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

# Neither an inventory nor a loader of variables reads a name with a dot at its beginning, or this extension.
MARKER = os.path.join(".rekey", "store.txt")
_TEXT = b"""This folder is a store of the Ansible collection rekey.passwords: it holds passwords, encrypted, and what their rotation notes beside them.
Keep this file: without it an empty folder is not taken for the store, for example where its volume is not mounted.
"""


def is_begun(folder: str, is_record: Callable[[str], bool]) -> bool:
    """Whether a folder is a store: it carries the mark, or it holds records from before there was one.

    :param is_record: whether a file in it is one of the store's own; called with its path.
    :raises OSError: the folder cannot be read.
    """
    if is_marked(folder):
        return True
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return False
    return any(is_record(os.path.join(folder, name)) for name in sorted(names))


def is_marked(folder: str) -> bool:
    """Whether a folder carries the mark of a store."""
    return os.path.isfile(os.path.join(folder, MARKER))


def mark(folder: str) -> None:
    """Make a folder a store, durably. Several processes may do it at once: what counts is that the file is there.

    :raises OSError: it cannot be made.
    """
    path = os.path.join(folder, MARKER)
    if is_marked(folder):
        return
    place = os.path.dirname(path)
    os.makedirs(place, mode=0o700, exist_ok=True)
    temporary = os.path.join(place, ".store~")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(handle, _TEXT)
        os.fsync(handle)
    finally:
        os.close(handle)
    with suppress(FileNotFoundError):
        os.rename(temporary, path)
    for changed in (place, folder):
        handle = os.open(changed, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
