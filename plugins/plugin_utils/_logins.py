# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a consumer logs in with: the name of an account and its password, out of the records of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterable, Mapping, Optional

from ._rotation.mismatch import mismatch
from .record import Identity, Record
from .store import Store, records_of

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
    records = records_of(store.get(names))
    for record in records.values():
        error = mismatch(record, Identity(vendor=vendor or None), store.host)
        if error:
            raise error
    pairs = {name: record.pair for name, record in records.items() if record.pair}
    accounts = [account for name, pair in pairs.items() for account in (records[name].username, pair.idle)]
    records.update(
        records_of(store.get([account for account in accounts if account not in records])) if accounts else {}
    )
    return {name: _login(name, records, version) for name in names}


def _login(user: str, records: Mapping[str, Record], version: str) -> Login:
    """The login of a user.

    :param records: of the users, and of the accounts of those that are pairs, by name.
    """
    record = records.get(user)
    if record is None or record.pair is None:
        # A user with one account, which has the user's name.
        return Login(user, _password(record, version), record.rotated_at if record else None)
    # The password of the account itself counts, since a repair may have found another one. What was used before is the other account.
    account = record.username if version == "current" else record.pair.idle
    password = _password(records.get(account), "pending" if version == "pending" else "current")
    return Login(account, password, record.rotated_at)


def _password(record: Optional[Record], version: str) -> Optional[str]:
    if record is None:
        return None
    if version == "pending":
        return record.pending.password if record.pending else None
    return record.password if version == "current" else record.previous
