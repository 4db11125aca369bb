# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every store offers: read records, and write them only if nobody else has meanwhile.

A store is bound to one host (one endpoint): its records are the users of that host. Reading and writing take many users at once,
since a store may need one decryption or one request for all of them.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import Message, PasswordError

from .record import DamagedRecord, Record

# The options with which actions and the lookup choose a store.
OPTIONS = dict(
    store=dict(type="str", default="ansible_vault"),
    store_path=dict(type="path"),
    store_options=dict(type="dict", default={}),
)
# And with which those that write records may begin a new one. Only a folder needs it: it may be the place of a volume that is not mounted.
BEGIN_OPTIONS = dict(store_create=dict(type="bool", default=False))


class StoreConflict(Exception):
    """Somebody else changed records between our reading and writing; they were left as they are.

    :param users: their names.
    """

    def __init__(self, users: Sequence[str]) -> None:
        super().__init__("changed meanwhile: %s" % ", ".join(users))
        self.users = users


class DamagedRecordError(PasswordError):
    """A record is damaged; a repair can set it aside."""


def sound(name: str) -> str:
    """A name that can be written down.

    :raises PasswordError: ``invalid_input``: it holds half a character, as from a file that is not in UTF-8.
    """
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise PasswordError(
            errors.INVALID_INPUT,
            "The name %s is not valid Unicode. Correct it, or the file that it comes from." % ascii(name),
        ) from None
    return name


def failure(message: Message) -> PasswordError:
    """The error of a store that can't be read or written."""
    return PasswordError(errors.STORE_FAILED, message)


class Entry:
    """A record as it was read, with what :meth:`Store.put` needs to notice whether it has changed since.

    :param record: a :class:`~..records.Record`, or ``None`` if there is none yet.
    :param version: opaque; ``None`` if there is no record yet.
    """

    def __init__(self, record: Optional[Record], version: Any) -> None:
        self.record = record
        self.version = version

    @property
    def known(self) -> Record:
        """The record of an entry that has one, as every entry has that is to be written."""
        if self.record is None:
            raise AssertionError("the entry holds no record")
        return self.record


def records_of(entries: Mapping[str, Entry]) -> Dict[str, Record]:
    """The records of those that have one, by name."""
    return {name: entry.record for name, entry in entries.items() if entry.record is not None}


@dataclass(frozen=True)
class Note:
    """A small document of the rotation's own: a lease, or who rotates which account of a target. It holds no secret.

    :param content: what was written last, or ``None`` if there is no such note.
    :param version: opaque, what :meth:`Store.write_note` compares; ``None`` if there is no such note.
    """

    content: Optional[Dict[str, Any]]
    version: Any


class Store(ABC):
    """The records of one host.

    :param host: the name under which the records are kept: ``rotate_target``, by default the inventory name of the host.
    :param options: the validated options: ``store_path``, ``store_create``, and those of the store's own :attr:`argument_spec`.
    :param loader: Ansible's data loader, which holds the vault passwords of the play.
    :raises PasswordError: ``invalid_input``, an option is missing or wrong.
    """

    # The options within store_options; a secret is no_log, and has an environment fallback.
    argument_spec: ClassVar[Dict[str, Any]] = {}
    # As for AnsibleModule: mutually_exclusive, required_together, required_one_of, required_if, required_by
    constraints: ClassVar[Dict[str, Any]] = {}
    # How long a lease lasts unless it is renewed; longer where a write is expensive.
    lease_seconds: ClassVar[float] = 30.0
    # Whether the server compares and sets, so that what was written need not be read back.
    compares_and_sets: ClassVar[bool] = False
    keeps_versions: ClassVar[bool] = False  # whether what a write replaces stays there for a while, as an older version
    lists_for_free: ClassVar[bool] = False  # whether names and records of all users cost nothing once some were read
    lease: Any = None  # of this run on the host, while it holds it; see .._lease.held

    def __init__(self, host: str, options: Dict[str, Any], loader: Any) -> None:
        self.host = host

    def close(self) -> None:
        """End sessions and connections. Never raises."""

    @property
    def is_begun(self) -> bool:
        """Whether the store is there already, so that writing a note does not begin one."""
        return True

    @abstractmethod
    def get(self, users: Iterable[str]) -> Dict[str, Entry]:
        """Read records.

        :param users: their names.
        :return: an entry for each of the names.
        :raises PasswordError: ``store_failed``: unreachable, not readable, damaged.
        """

    @abstractmethod
    def put(self, entries: Dict[str, Entry]) -> None:
        """Write records durably: when this returns they survive a crash.

        :param entries: by name; the version of each is the one that :meth:`get` gave.
        :raises StoreConflict: some records were changed by somebody else; those were not written.
        :raises PasswordError: ``store_failed``: nothing can be said about what was written, except that no record is torn.
        """

    @abstractmethod
    def list(self) -> List[str]:
        """The names of all users that have a record, sorted."""

    def read_note(self, name: str) -> Note:
        """Read a note. Notes belong to the whole store, not to one host, and live beside the records.

        :param name: any text.
        :raises PasswordError: ``store_failed``.
        """
        raise NotImplementedError

    def write_note(self, name: str, content: Dict[str, Any], version: Any) -> Any:
        """Write a note if nobody else has since it was read: compare-and-set that needs no lock of the file system.

        :param name: any text.
        :param content: plain data that JSON can hold, at most some 50 kB.
        :param version: what :meth:`read_note`, or the last write, gave; ``None`` if there was no such note.
        :return: the new version.
        :raises StoreConflict: somebody else has written it meanwhile.
        :raises PasswordError: ``store_failed``.
        """
        raise NotImplementedError


def content_version(data: Any) -> str:
    """A version that is the content itself: equal records have equal versions."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def read_record(data: Any, user: str, where: str, host: Optional[str] = None) -> Record:
    """The record in what a store holds.

    :param data: what was found under the name of the user.
    :param where: the place, for messages.
    :param host: the name under which the store keeps the records of this endpoint.
    :raises PasswordError: ``store_failed``: it is damaged; ``target_mismatch``: it is somebody else's. With the place and without a secret.
    """
    try:
        record = Record.from_dict(data)
    except DamagedRecord as damage:
        return damaged_record(
            "The record of %s in %s is damaged: %s. Restore it from a copy; it is not overwritten."
            % (user, where, damage),
            data,
            user,
            host,
        )
    if record.name != user:
        message = "%s holds the record of the user %s, not of %s. Were records swapped or copied?" % (
            where,
            record.name,
            user,
        )
        raise PasswordError(errors.TARGET_MISMATCH, message)
    if host is not None and record.host not in (None, host):
        raise PasswordError(
            errors.TARGET_MISMATCH,
            "The record of %s in %s belongs to %s, not to %s. Were files swapped or copied? Then put them back. "
            "If the host was renamed, keep the old name for its records: rotate_target (option target)."
            % (user, where, record.host, host),
        )
    return record


def damaged_record(message: str, data: Any, user: str, host: Optional[str] = None) -> Record:
    """Handle something that is not a record: raise an error, or, in a repair, begin a new record that holds it.

    :param message: what is wrong, and where; without a secret.
    :param data: what is there, as plain data.
    :raises PasswordError: ``store_failed``.
    """
    if _set_aside is not None:
        _set_aside.add(user)
        return Record(user, host=host, set_aside=json.dumps(data, sort_keys=True)[:_LONGEST_SET_ASIDE])
    raise DamagedRecordError(errors.STORE_FAILED, message) from None


_LONGEST_SET_ASIDE = 20_000  # characters
# The users whose damaged records were; for all threads, since a store may read with several
_set_aside: Optional[Set[str]] = None


@contextmanager
def damaged_records_set_aside() -> Iterator[Set[str]]:
    """Read a damaged record as a new one that holds the old content as text, so that it can be overwritten without loss.

    :return: the users for whom that was done; it grows as records are read.
    """
    global _set_aside  # pylint: disable=global-statement
    before, _set_aside = _set_aside, set()
    try:
        yield _set_aside
    finally:
        _set_aside = before


def sets_aside() -> bool:
    """Whether damaged records are being set aside."""
    return _set_aside is not None
