# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and sessions of Aria Operations for Logs, and what it thinks of a new password."""

from __future__ import annotations

import base64
import collections
import re
import secrets
import uuid
from dataclasses import dataclass, field

ACTIVE = "ACTIVE"
PENDING = "PENDING_PASSWORD_CHANGE"
LOCKED_LOGIN_FAIL = "LOCKED_LOGIN_FAIL"
LOCKED_NO_LOGIN = "LOCKED_NO_LOGIN"
LOCKED_PASSWORD = "LOCKED_PASSWORD"
LOCKED = (LOCKED_LOGIN_FAIL, LOCKED_NO_LOGIN, LOCKED_PASSWORD)

SUPER_ADMIN = "super admin"
EDIT = "edit"
VIEW = "view"

TRIES = 3
TRIES_WITHIN = 15 * 60
DAY = 24 * 60 * 60
NOT_SECURE = (
    "Password must have only visible ASCII characters including space, must be at least %d characters long and contain one uppercase, "
    "one lowercase, one number and one special character."
)


@dataclass
class Person:
    """What the service knows of a user beside the password.

    ``name`` is what the double calls it, ``username`` what the service does: two users of different ``type`` may share one.
    ``rights`` is ``SUPER_ADMIN``, ``EDIT`` or ``VIEW`` (of the access control), or ``None``. ``failures`` are the times of
    wrong passwords, ``passwords`` all that were set.
    """

    name: str
    username: str = ""
    id: str = ""
    type: str = "DEFAULT"
    status: str = ACTIVE
    rights: str | None = None
    email: str = ""
    domain: str = ""
    role_ids: list = field(default_factory=list)
    changed_at: float | None = None
    failures: list = field(default_factory=list)
    passwords: list = field(default_factory=list, repr=False)

    def __post_init__(self):
        self.username = self.username or self.name
        self.id = self.id or str(uuid.uuid5(uuid.NAMESPACE_OID, self.name))

    @property
    def is_local(self):
        """Whether its password is kept here, and not in another directory."""
        return self.type == "DEFAULT"

    @property
    def locked(self):
        """Whether it is locked for any reason; set it to lock as wrong passwords do, or to unlock."""
        return self.status in LOCKED

    @locked.setter
    def locked(self, value):
        self.status = LOCKED_LOGIN_FAIL if value else ACTIVE

    def fails(self, now):
        """Note a wrong password; whether that was the one that locks."""
        self.failures = [at for at in self.failures if now - at < TRIES_WITHIN] + [now]
        if len(self.failures) < TRIES:
            return False
        self.locked, self.failures = True, []
        return True

    def objection(self, new, stig, now):
        """What is wrong with a new password by the rules, those of STIG or the usual ones; ``None`` if nothing is."""
        least = 15 if stig else 8
        # A blank is allowed, but it is not what makes a password special.
        if not re.fullmatch("[ -~]{%d,}" % least, new) or not all(re.search(each, new) for each in ("[A-Z]", "[a-z]", "[0-9]", "[^A-Za-z0-9 ]")):
            return NOT_SECURE % least
        if not stig:
            return None
        if self.changed_at is not None and now - self.changed_at < DAY:
            return "Password can be changed only once in 24 hours."
        if new in self.passwords[-5:]:
            return "Password must not be one of the last 5."
        if (collections.Counter(new) - collections.Counter(self.passwords[-1])).total() < 8:
            return "Password must differ from the old one in at least 8 characters."
        return None


@dataclass
class Session:
    """A session that was given out, and to whom."""

    user: str
    expires_at: float
    id: str = field(repr=False, default_factory=lambda: base64.b64encode(secrets.token_bytes(48)).decode("ascii"))
    revoked: bool = False
