# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes in the records what logins have shown: how many have failed, which passwords are in force and which are not."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, Iterable, Mapping, Optional

from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_LOGIN, Capabilities

from ..record import Record, Status
from ..store import Store
from .updates import update


def window(capabilities: Capabilities) -> Optional[float]:
    """The seconds after which the vendor has forgotten a failed login; ``None`` if only a good one makes it forget."""
    return None if capabilities.forgets == FORGETS_BY_LOGIN else capabilities.lockout_window


def note_failed_logins(store: Store, failed: Dict[str, int], capabilities: Capabilities, *, now: datetime) -> None:
    """Note how many logins outside a change have failed, so that other runs stay below the vendor's lock-out.

    :param failed: dict from name to the number of all failed logins that the vendor may count.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        if record is None or record.recent_failed_logins(now, window(capabilities)) == failed[name]:
            return None
        record.note_failed_logins(failed[name], now)
        return record

    if failed and capabilities.failed_logins_per_call is not None:
        update(store, failed, decide)


def note_found(store: Store, in_force: Dict[str, str]) -> None:
    """Note passwords that turned out to be in force although they had been replaced; a pending password is then due next.

    :param in_force: dict from name to the password that has logged in.
    """

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        if record is None or record.password == in_force[name]:
            return None
        pending = record.pending
        record.repair(in_force[name])
        record.pending, record.status = pending, Status.PENDING if pending else record.status
        record.keep_earlier([])
        return record

    update(store, in_force, decide)


def note_refuted(store: Store, refuted: Mapping[str, Iterable[str]], capabilities: Capabilities) -> None:
    """Remember which passwords do not log in, where the budget may end a search before its end.

    :param refuted: dict from name to passwords.
    """

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        if record is not None:
            record.refute(*refuted[name])
        return record

    if refuted and capabilities.failed_logins_per_call is not None:
        update(store, refuted, decide)
