# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing and reading the current passwords of a store in a test."""

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, Store


def put(store: Store, password: str, *users: str) -> None:
    """Set the current password of users, whatever was there."""
    entries = store.get(users)
    store.put({user: Entry(Record(user, password=password, status="current"), entries[user].version) for user in users})


def current(store: Store, user: str = "alice") -> str | None:
    """The current password of a user, or ``None``."""
    record = store.get([user])[user].record
    return record and record.password
