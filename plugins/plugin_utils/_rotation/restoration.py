# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what was sent in the store, even if the record was edited, restored or removed in the meantime."""

from __future__ import annotations

import copy
from typing import Dict, Optional

from ..record import Earlier, Record
from ..store import Store
from .updates import update


def put_back(store: Store, sent: Dict[str, Record]) -> None:
    """Put back what was sent, even if records were edited by hand, restored from a copy or removed in the meantime.

    :param store: a :class:`~.store.Store`.
    :param sent: dict from name to the record as it was when its pending password was sent.
    :raises PasswordError: ``store_failed``, ``store_conflict``, ``target_mismatch``.
    """

    update(store, sent, lambda name, record: restore(record, sent[name]), read_back=True)


def restore(record: Optional[Record], sent: Record) -> Optional[Record]:
    """The record with what was sent put back into it, or ``None`` if nothing is missing.

    Only a password that was proved later has a better right to be the one that may be in force.

    :param record: what the store holds now.
    :param sent: the record as it was when its pending password was sent.
    """
    if record is None:
        return copy.deepcopy(sent)
    pending = sent.pending
    if pending is None or pending.password in (record.password, record.pending.password if record.pending else None):
        return None
    rotated_at, before = record.rotated_at or "", sent.rotated_at or ""
    newer = bool(rotated_at) and rotated_at > before and rotated_at >= pending.created
    base, other = (record, sent) if newer else (copy.deepcopy(sent), record)
    lost = [item.pending for item in (record, sent) if item.pending and item.pending.sent and (newer or item is record)]
    if newer and pending.password in [item.password for item in record.earlier]:
        return None
    base.put_aside(*(item for item in lost if item is not base.pending))
    known = set(base.secrets)
    # Whatever else the other record knew was in force once, or was sent.
    base.keep_earlier(
        [
            Earlier(password, other.rotated_at or "")
            for password in (other.password,)
            if password and password not in known
        ]
    )
    base.keep_earlier(list(other.earlier))
    return base
