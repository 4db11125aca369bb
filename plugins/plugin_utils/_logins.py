# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a consumer logs in with: the name of an account and its password, out of the records of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterable, Optional

from ._rotation.mismatch import mismatch
from .record import Identity, Record
from .store import Store

VERSIONS = ("current", "previous", "pending")


@dataclass(frozen=True)
class Login:
    """What a consumer of a user logs in with."""

    username: str
    password: Optional[str] = field(repr=False)  # None: the store has none
    rotated_at: Optional[str] = None  # since when it is the current password; ISO 8601 in UTC

    def as_dict(self) -> Dict[str, Optional[str]]:
        """The login as playbooks see it; it holds the password."""
        return {"username": self.username, "password": self.password}


def read_logins(
    store: Store, users: Iterable[str], *, version: str = "current", vendor: Optional[str] = None
) -> Dict[str, Login]:
    """Read the logins of users.

    :param store: an open store.
    :param version: one of :data:`VERSIONS`.
    :param vendor: refuse the records of another vendor's users of the same names; ``None`` if any will do.
    :return: a login for each user, by the user's name.
    :raises PasswordError: ``store_failed``, or ``target_mismatch``.
    """
    names = list(dict.fromkeys(users))
    entries = store.get(names)
    for entry in entries.values():
        error = mismatch(entry.record, Identity(vendor=vendor or None), store.host) if entry.record else None
        if error:
            raise error
    return {name: _login(name, entries[name].record, version) for name in names}


def _login(user: str, record: Optional[Record], version: str) -> Login:
    """The login of a user with one account, which has the user's name."""
    return Login(user, _password(record, version), record.rotated_at if record else None)


def _password(record: Optional[Record], version: str) -> Optional[str]:
    if record is None:
        return None
    if version == "pending":
        return record.pending.password if record.pending else None
    return record.password if version == "current" else record.previous
