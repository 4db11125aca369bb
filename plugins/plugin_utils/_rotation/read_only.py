# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode as a store that is read and never written."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Iterable, List

from ..store import Entry, Note, Store


class ReadOnlyStore(Store):
    """Reads from a store, and accepts every write without making it.

    Writers need not know about check mode: nobody else sees their writes, and there is nothing to keep others away from.

    :param store: the one to read from.
    """

    compares_and_sets: ClassVar[bool] = True  # there is nothing that could be read back

    def __init__(self, store: Store) -> None:  # pylint: disable=super-init-not-called
        self.host = store.host
        self.read_from = store

    @property
    def keeps_versions(self) -> bool:  # type: ignore[override]
        """That of the store."""
        return self.read_from.keeps_versions

    @property
    def lists_for_free(self) -> bool:  # type: ignore[override]
        """That of the store."""
        return self.read_from.lists_for_free

    @property
    def is_begun(self) -> bool:
        """That of the store: check mode begins none."""
        return self.read_from.is_begun

    def close(self) -> None:
        """Close the store."""
        self.read_from.close()

    def get(self, users: Iterable[str]) -> Dict[str, Entry]:
        """Read records."""
        return self.read_from.get(users)

    def put(self, entries: Dict[str, Entry]) -> None:
        """Write nothing."""

    def list(self) -> List[str]:
        """The names of all users that have a record."""
        return self.read_from.list()

    def read_note(self, name: str) -> Note:
        """Read a note."""
        return self.read_from.read_note(name)

    def write_note(self, name: str, content: Dict[str, Any], version: Any) -> Any:
        """Write nothing."""
        return version


def is_dry_run(store: Store) -> bool:
    """Whether what is written to the store goes nowhere."""
    return isinstance(store, ReadOnlyStore)


def counters(store: Store) -> Store:
    """Where failed logins of operators are counted: in the store itself, since the vendor counts them in check mode, too."""
    return store.read_from if isinstance(store, ReadOnlyStore) else store
