# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is due, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._times import parse_utc
from ..record import Identity, Record, Status
from ..store import Entry, Store
from .mismatch import mismatch
from .users import Reason, StagedUser


def look(
    store: Store,
    users: List[Dict[str, Any]],
    *,
    max_age: int,
    force: bool,
    now: datetime,
    identities: Mapping[str, Identity],
    max_ages: Optional[Mapping[str, int]] = None,
) -> Tuple[List[StagedUser], Dict[str, Entry]]:
    """Decide who is due, and write nothing.

    :param users: dicts with ``name``.
    :param max_age: seconds; younger passwords are skipped.
    :param force: rotate young passwords, too.
    :param identities: whose passwords are to be rotated, by name, as far as that is known.
    :param max_ages: of the users with one of their own.
    :return: what :func:`~.protocol.stage` would return, and what the store holds.
    :raises PasswordError: ``store_failed``.
    """
    names = [user["name"] for user in users]
    entries = store.get(names)
    staged = []
    for name in names:
        record = entries[name].record or Record(username=name)
        error = mismatch(record, identities.get(name, Identity()), store.host)
        reason = why_due(record, (max_ages or {}).get(name, max_age), force=force, now=now)
        staged.append(
            StagedUser.refused(record, error) if error else StagedUser.of(record, due=is_due(reason), reason=reason)
        )
    return staged, entries


def is_due(reason: Optional[Reason]) -> bool:
    """Whether a user is to be rotated, given what :func:`why_due` returned."""
    return reason is not None and reason.is_due


def why_due(record: Record, max_age: int, *, force: bool, now: datetime) -> Optional[Reason]:
    """Why a user is to be rotated, or why it is not although it should be; ``None``: its password is young.

    :param max_age: seconds.
    :param force: whether its age does not matter.
    """
    if record.status == Status.ORPHANED:
        return Reason.ORPHANED
    if record.status == Status.RETIRED:
        return Reason.NEW
    if record.pending:
        return Reason.UNFINISHED
    if record.password is None:
        return Reason.NEW
    if force:
        return Reason.FORCED
    if record.rotated_at is None or (now - parse_utc(record.rotated_at)).total_seconds() >= max_age:
        return Reason.EXPIRED
    return None
