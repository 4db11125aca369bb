# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which folder is a store. An empty one may be the mount point of a missing volume, so a store carries a mark."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Optional

from ansible_collections.rekey.passwords.plugins.module_utils._environment import from_environment

from ._durable_files import share

# Neither an inventory nor a loader of variables reads a name with a dot at its beginning, or this extension.
MARKER = os.path.join(".rekey", "store.txt")
_TEXT = b"""This folder is a store of the Ansible collection rekey.passwords: it holds passwords, encrypted, and what their rotation notes beside them.
Keep this file: without it an empty folder is not taken for the store, for example where its volume is not mounted.
"""


_SET_SHARED = "set the store's option shared (in the role: in rotate_store_options)."


def is_begun(folder: str, is_record: Callable[[str], bool]) -> bool:
    """Whether a folder is a store: it carries the mark, or holds records of a version that set no mark.

    :param is_record: called with the path of a file: whether it is one of the store's own.
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


def is_marked_since(folder: str, seconds: float) -> bool:
    """Whether a folder has carried the mark of a store for so long."""
    try:
        return time.time() - os.stat(os.path.join(folder, MARKER)).st_mtime > seconds
    except OSError:
        return False


def mark(folder: str, shared: bool = False) -> None:
    """Make a folder a store, durably. Several processes may do it at once: what counts is that the file is there.

    :param shared: whether the group of the folder may use it.
    :raises OSError: it cannot be made.
    """
    path = os.path.join(folder, MARKER)
    if is_marked(folder):
        return
    place = os.path.dirname(path)
    os.makedirs(place, mode=0o700, exist_ok=True)
    if shared:
        share(place)
    temporary = os.path.join(place, ".store~")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(handle, _TEXT)
        os.fsync(handle)
    finally:
        os.close(handle)
    if shared:
        share(temporary)
    with suppress(FileNotFoundError):
        os.rename(temporary, path)
    for changed in (place, folder):
        handle = os.open(changed, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def shared_option(variable: str) -> dict[str, Any]:
    """The option by which somebody trusts the owner and the group of a folder.

    :param variable: the environment variable that it can come from.
    """
    return dict(type="bool", default=False, fallback=(from_environment, [variable]))


def distrust(folder: str, shared: bool) -> Optional[str]:
    """Why a folder should not hold passwords: others could exchange what is in it. ``None`` if it is as it should be, or not there.

    :param shared: whether the owner and the group of the folder are trusted.
    """
    try:
        status = os.stat(folder)
    except OSError:
        return None
    user, mode, owner, group = os.geteuid(), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    is_foreign = owner not in {0, user}
    if mode & stat.S_IWOTH:
        return "Everybody may write to the folder %s (mode %04o). Take that right away: chmod o-w." % (folder, mode)
    if shared:
        if is_foreign and user != 0 and group not in {os.getegid(), *os.getgroups()}:
            return (
                "The folder %s belongs to the user %d and the group %d, and the user who runs this (%d) is in neither. "
                "Give it to a group of theirs: chgrp." % (folder, owner, group, user)
            )
        return None
    if mode & stat.S_IWGRP:
        return (
            "The group %d may write to the folder %s (mode %04o). Take that right away (chmod g-w), or, if all members of the group may handle the passwords, "
            % (group, folder, mode)
            + _SET_SHARED
        )
    if is_foreign:
        return (
            "The folder %s belongs to the user %d, not to the user %d who runs this. Change its owner (chown), or, if that user may handle the passwords, "
            % (folder, owner, user)
            + _SET_SHARED
        )
    return None


def why(exc: OSError, folder: str, shared: bool) -> str:
    """Why something in the folder of a store cannot be used, and what to do about it, in sentences.

    :param folder: the folder of the store.
    :param shared: whether its owner and its group are trusted.
    """
    if shared and isinstance(exc, PermissionError):
        # The option takes effect on what is written from then on.
        return (
            "%s. If it is older than the store's option shared, give the group the rights of its owner on everything in %s: chmod -R g+rwX."
            % (exc.strerror, folder)
        )
    return "%s." % exc.strerror


def read_by_ansible(folder: str, sources: Iterable[Any]) -> Optional[str]:
    """Why Ansible would look into a folder by itself, for hosts or variables; ``None`` if it would not.

    :param sources: the inventories of the run, as in the variable ``ansible_inventory_sources``.
    """
    for path in (folder, os.path.realpath(folder)):
        for part in ("group_vars", "host_vars"):
            if part in path.split(os.sep):
                return "it lies below a folder %s, whose files Ansible reads as variables" % part
    for source in sources:
        if not isinstance(source, str) or "," in source or not os.path.isdir(source):
            continue
        inside = os.path.realpath(source)
        if os.path.commonpath([inside, os.path.realpath(folder)]) == inside:
            return "it lies below the inventory %s, whose files Ansible reads as inventories" % source
    return None
