# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What logins have shown is noted in the records: how many have failed, which passwords are in force and which are not."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, Iterable, Mapping, Optional

from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_LOGIN, Capabilities

from ..record import Status
from ..store import Entry, Store
from .updates import update


def window(capabilities: Capabilities) -> Optional[float]:
    """The seconds after which the vendor has forgotten a failed login; ``None`` if only a good one makes it forget."""
    return None if capabilities.forgets == FORGETS_BY_LOGIN else capabilities.lockout_window


def note_failed_logins(store: Store, failed: Dict[str, int], capabilities: Capabilities, *, now: datetime) -> None:
    """Note what logins beside a rotation have cost, so that other runs stay below the vendor's lock-out.

    :param failed: dict from name to the number of all failed logins that the vendor may count.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            if entry.record and entry.record.recent_failed_logins(now, window(capabilities)) != failed[name]:
                entry.record.note_failed_logins(failed[name], now)
                changes[name] = Entry(entry.record, entry.version)
        return changes

    if failed and capabilities.failed_logins_per_call is not None:
        update(store, failed, decide)


def note_found(store: Store, found: Dict[str, str]) -> None:
    """Note passwords that turned out to be in force although they had been given up; what is pending goes on from there.

    :param found: dict from name to a password that has logged in.
    """

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            record = entry.record
            if record is not None and record.password != found[name]:
                pending = record.pending
                record.repair(found[name])
                record.pending, record.status = pending, Status.PENDING if pending else record.status
                record.keep_earlier([])
                changes[name] = Entry(record, entry.version)
        return changes

    update(store, found, decide)


def note_refuted(store: Store, refuted: Mapping[str, Iterable[str]], capabilities: Capabilities) -> None:
    """Remember which passwords do not log in, where the budget may end a search before its end.

    :param refuted: dict from name to passwords.
    """

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            if entry.record:
                entry.record.refute(*refuted[name])
                changes[name] = entry
        return changes

    if refuted and capabilities.failed_logins_per_call is not None:
        update(store, refuted, decide)
