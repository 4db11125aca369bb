# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users that have left the inventory while the store still keeps their passwords."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Dict, Iterable, List

from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ..record import Identity, Record, Status
from ..store import Entry, Store

_PATIENCE = 10.0  # seconds for reading the records one by one


def unlisted(store: Store, there: Iterable[str], names: Iterable[str], endpoint: Identity) -> Dict[str, Record]:
    """The records that nobody rotates any more, except the retired ones.

    :param there: the users that have a record.
    :param names: the users that the task names.
    :param endpoint: that the task is about; records of another one are somebody else's.
    """
    listed = set(names)
    entries = _read(store, [name for name in there if name not in listed])
    return {
        name: entry.record
        for name, entry in entries.items()
        if entry.record and entry.record.status != Status.RETIRED and entry.record.belongs_to(endpoint)
    }


def _read(store: Store, names: List[str]) -> Dict[str, Entry]:
    """The records of these users, as far as they can be read: a secret that somebody has deleted must not hide the others, nor fail the task."""
    if not names:
        return {}
    with suppress(PasswordError):
        return store.get(names)
    entries: Dict[str, Entry] = {}
    end = time.monotonic() + _PATIENCE
    for name in names:
        if time.monotonic() > end:
            break
        with suppress(PasswordError):
            entries.update(store.get([name]))
    return entries


def add_unlisted(
    store: Store, names: Iterable[str], endpoint: Identity, result: Dict[str, Any], *, any_due: bool
) -> None:
    """Add to the result of a rotation the users whose records nobody rotates any more. Writes nothing and fails nothing.

    Where a listing costs requests or decryptions it is made only if somebody was due.

    :param names: all users that the task names.
    :param endpoint: that the task is about.
    :param result: gets unlisted, lines in summary and warnings, if there are any such users.
    :param any_due: whether any of the users was due.
    """
    if not store.lists_for_free and not any_due:
        return
    try:
        records = unlisted(store, store.list(), names, endpoint)
    except PasswordError:
        # It may take a permission that the rotation itself does not need.
        return
    if not records:
        return
    result["unlisted"] = list(records)
    result["summary"] = [*result.get("summary", []), *(line(name, record) for name, record in records.items())]
    warnings = [
        "%s: %s" % (store.host, line(name, record)) for name, record in records.items() if _may_be_in_force(record)
    ]
    if warnings:
        result["warnings"] = [*result.get("warnings", []), *warnings]


def line(name: str, record: Record) -> str:
    """Such a user in one line."""
    if record.pending and _may_be_in_force(record):
        return (
            "%s: NOT among the users any more, and its new password, pending since %s, may be in force. Name it again, so that a run finishes it, "
            "or retire it (playbook retire)" % (name, record.pending.created)
        )
    return (
        "%s: NOT among the users any more, and its passwords are still in the store; name it again, or retire it (playbook retire)"
        % name
    )


def _may_be_in_force(record: Record) -> bool:
    return record.pending is not None and record.pending.sent > 0
