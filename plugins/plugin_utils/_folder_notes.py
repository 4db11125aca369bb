# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes of a store that is a folder: compare-and-set that needs no lock.

Many network and FUSE file systems keep ``flock`` to the machine that calls it. What all of them do on the server is to refuse a second file of the
same name. So each write of a note is a file of its own, named by its number: ``<folder>/.rekey/notes/<name>/<number>.txt``. It is written and flushed
under another name first, so a file with a number is always whole. The highest number counts.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Dict, NamedTuple, Optional
from urllib.parse import quote

from ._durable_files import make_folder, share, sync
from ._folder_trust import why
from .store import Note, StoreConflict, failure

_SUFFIX = ".txt"  # no extension that Ansible reads variables or an inventory from
_TEMPORARY = ".new~"
_INSIDE = "note"  # the file's name where the file system knows no hard links
_KEPT = 16  # numbers that are left, so that a slow writer finds its number taken
_REMEMBERED = 256  # writes that each note knows of, so that a very slow one finds out whether its own was among them
_LONGEST_NAME = 180  # leaves room for a digest
_STALE = 3600.0  # seconds after which a temporary file belongs to nobody
_TRIES = 100
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class _Version(NamedTuple):
    """Which write it was; the identifier distinguishes two writes of the same number."""

    number: int
    identifier: str


@dataclass(frozen=True)
class _Write:
    """One write of a note."""

    version: _Version
    before: list[str]  # the identifiers of those before it, the newest first
    content: Dict[str, Any]


class FolderNotes:
    """The notes in a folder; see :meth:`~.store.Store.read_note` and :meth:`~.store.Store.write_note`.

    :param folder: called for each read and write; gives the folder of the store, or raises because it cannot be used.
    :param shared: whether the group of the folder may write notes.
    """

    def __init__(self, folder: Callable[[], str], shared: bool = False) -> None:
        self._folder = folder
        self._shared = shared

    def read(self, name: str) -> Note:
        """The newest write of a note.

        :raises PasswordError: ``store_failed``.
        """
        folder = self._folder_of(name)
        try:
            newest = self._newest(folder)
        except OSError as exc:
            raise failure("The note in %s cannot be read: %s" % (folder, self._why(exc))) from None
        return Note(newest.content, newest.version) if newest else Note(None, None)

    def write(self, name: str, content: Dict[str, Any], version: Any) -> _Version:
        """Write a note unless somebody else has since it was read.

        :raises StoreConflict: somebody else has.
        :raises PasswordError: ``store_failed``.
        """
        folder = self._folder_of(name)
        try:
            return self._write(folder, name, content, version)
        except OSError as exc:
            raise failure("The note in %s cannot be written: %s" % (folder, self._why(exc))) from None

    def _why(self, exc: OSError) -> str:
        return why(exc, self._folder(), self._shared)

    def _folder_of(self, name: str) -> str:
        quoted = quote(name, safe=" @+", errors="surrogatepass").replace("~", "%7E")
        if quoted.startswith("."):
            quoted = "%2E" + quoted[1:]
        if len(quoted) > _LONGEST_NAME:
            quoted = "%s~%s" % (quoted[:_LONGEST_NAME], sha256(quoted.encode()).hexdigest()[:32])
        return os.path.join(self._folder(), ".rekey", "notes", quoted or "%")

    def _newest(self, folder: str) -> Optional[_Write]:
        for _number in range(_TRIES):
            numbers = _numbers(folder)
            if not numbers:
                return None
            # Swept or replaced since: then there is a newer one.
            with suppress(FileNotFoundError):
                newest = _read(_path(folder, numbers[-1]), numbers[-1])
                if not os.path.lexists(_path(folder, numbers[-1] + 1)):
                    return newest
        raise failure("The note in %s changes faster than it can be read." % folder)

    def _write(self, folder: str, name: str, content: Dict[str, Any], version: Optional[_Version]) -> _Version:
        _refuse_dangling(folder)
        make_folder(folder, self._shared)
        newest = self._newest(folder)
        if (newest.version if newest else None) != version:
            raise StoreConflict([name])
        before = [newest.version.identifier, *newest.before][:_REMEMBERED] if newest else []
        written = _Version((version.number if version else 0) + 1, uuid.uuid4().hex[:16])
        temporary = _temporary(folder, {"id": written.identifier, "before": before, "content": content})
        try:
            if self._shared:
                share(temporary)
            if not _name(temporary, _path(folder, written.number)):
                raise StoreConflict([name])
        finally:
            _remove(temporary)
        sync(folder)
        if not self._counted(folder, written):
            _remove(_path(folder, written.number))
            raise StoreConflict([name])
        _sweep(folder, written.number)
        return written

    def _counted(self, folder: str, written: _Version) -> bool:
        """Whether the number just taken was free because it was the next one, not because it had been used and swept away.

        Then it is the newest, or others have built on it since and know of it.
        """
        newest = self._newest(folder)
        if newest is None:
            return False
        later = newest.version.number - written.number
        known = [newest.version.identifier, *newest.before]
        return 0 <= later < len(known) and known[later] == written.identifier


def _numbers(folder: str) -> list[int]:
    """The numbers of all writes that are still there, ascending."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        _refuse_dangling(folder)
        return []
    return sorted(
        int(name[: -len(_SUFFIX)]) for name in names if name.endswith(_SUFFIX) and name[: -len(_SUFFIX)].isdecimal()
    )


def _refuse_dangling(folder: str) -> None:
    """Refuse a link whose target is missing just now: that does not mean that the note does not exist."""
    for _level in range(3):
        if os.path.islink(folder) and not os.path.exists(folder):
            raise failure("%s is a link to something that does not exist. Is its volume mounted?" % folder) from None
        folder = os.path.dirname(folder)


def _path(folder: str, number: int) -> str:
    return os.path.join(folder, "%d%s" % (number, _SUFFIX))


def _read(path: str, number: int) -> _Write:
    try:
        text = _text(path)
    except IsADirectoryError:
        text = _text(os.path.join(path, _INSIDE))
    try:
        data = json.loads(text)
        identifier, before, content = data["id"], data["before"], data["content"]
    except (ValueError, KeyError, TypeError):
        identifier = before = content = None
    if not isinstance(identifier, str) or not isinstance(before, list) or not isinstance(content, dict):
        raise failure(
            "%s is damaged: it is not a note of the rotation. Restore it from a copy, or remove it while no run is under way."
            % path
        ) from None
    return _Write(_Version(number, identifier), before, content)


def _text(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _temporary(folder: str, content: Dict[str, Any]) -> str:
    """A file of our own with that content, flushed to disk."""
    text = json.dumps(content, sort_keys=True).encode("ascii") + b"\n"
    handle, path = tempfile.mkstemp(prefix=_TEMPORARY, dir=folder)  # mode 0600
    try:
        with open(handle, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        _remove(path)
        raise
    return path


def _name(temporary: str, path: str) -> bool:
    """Give a finished file its number.

    :return: whether it is ours now; else somebody else has taken the number.
    """
    try:
        os.link(temporary, path)
        return True
    except OSError as exc:
        # On NFS an answer may be lost, and its repetition finds the name taken: by ourselves.
        if _is_same(temporary, path):
            return True
        if isinstance(exc, FileExistsError):
            return False
        if exc.errno not in _NO_LINKS:
            raise
    return _name_by_folder(temporary, path)


def _is_same(temporary: str, path: str) -> bool:
    try:
        return os.path.samestat(os.lstat(temporary), os.lstat(path))
    except OSError:
        return False


def _name_by_folder(temporary: str, path: str) -> bool:
    """The same without hard links: a folder never replaces one that holds something."""
    own = tempfile.mkdtemp(prefix=_TEMPORARY, dir=os.path.dirname(path))
    try:
        os.rename(temporary, os.path.join(own, _INSIDE))
        sync(own)
        os.rename(own, path)
        return True
    except OSError as exc:
        if exc.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            return False
        raise
    finally:
        _remove(own)


def _sweep(folder: str, number: int) -> None:
    """Remove old writes, and what killed processes have left behind; what cannot be removed now is removed by the next write."""
    with suppress(OSError):
        # By the clock of the file system, which may be another machine's.
        now = os.lstat(_path(folder, number)).st_mtime
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.startswith(_TEMPORARY) and now - os.lstat(path).st_mtime > _STALE:
                _remove(path)
        for old in _numbers(folder):
            if old > number - _KEPT or not _remove(_path(folder, old)):
                break


def _remove(path: str) -> bool:
    """Remove a file, or a folder with a note in it.

    :return: whether it is gone.
    """
    with suppress(OSError):
        if os.path.isdir(path):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(path, _INSIDE))
            os.rmdir(path)
        else:
            os.unlink(path)
    return not os.path.lexists(path)
