# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare-and-set for many records at once."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Mapping, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ..record import Record
from ..store import Entry, Store, StoreConflict, records_of

_TRIES = 5  # more conflicts in a row than that mean that something else is wrong


def update(
    store: Store,
    users: Iterable[str],
    decide: Callable[[str, Optional[Record]], Optional[Record]],
    *,
    entries: Optional[Mapping[str, Entry]] = None,
    read_back: bool = False,
) -> None:
    """Read, decide, write; retry users whose records changed in the meantime.

    :param decide: called with a name and its record, or ``None`` if there is none; may change the record. Returns what to write, or ``None`` for nothing.
    :param entries: what was read before; the store refuses to write in place of anything else.
    :param read_back: read what was written, and decide again about what is not there: not every file system keeps two writers apart.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    left = list(users)
    for _try in range(_TRIES):
        current, entries = store.get(left) if entries is None else dict(entries), None
        decided = {name: decide(name, entry.record) for name, entry in current.items()}
        changes = {name: Entry(record, current[name].version) for name, record in decided.items() if record is not None}
        if not changes:
            return
        try:
            store.put(changes)
        except StoreConflict as conflict:
            left = list(conflict.users)
            continue
        left = _not_there(store, changes) if read_back and not store.compares_and_sets else []
        if not left:
            return
    raise PasswordError(
        errors.STORE_CONFLICT,
        "Somebody else keeps changing the records of %s; run again when nothing else rotates them." % ", ".join(left),
    )


def _not_there(store: Store, written: Dict[str, Entry]) -> List[str]:
    """The users whose records are not what was written."""
    there = records_of(store.get(written))
    return [
        name for name, entry in written.items() if name not in there or there[name].as_dict() != entry.known.as_dict()
    ]
