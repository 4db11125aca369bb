# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of pass: a password store with a GnuPG key of its own."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from tests.integration.real_stores import unavailable
from tests.servers.machine import Unavailable
from tests.servers.password_store import GnuPG
from tests.store_cases import StoreCase

KEY = "store@rekey.invalid"


class PasswordStoreCase(StoreCase):
    """See above."""

    name = "passwordstore"
    real = True

    def __init__(self, folder):
        super().__init__(folder)
        self.directory = folder / "password-store"
        self.more = {}  # further options
        self.gnupg = None

    def __enter__(self):
        try:
            self.gnupg = GnuPG()
        except Unavailable as error:
            unavailable(error.reason)
        self.gnupg.make_key(KEY)
        self.gnupg.init(self.directory, KEY)
        return self

    def __exit__(self, kind, error, trace):
        self.gnupg.__exit__(kind, error, trace)

    @property
    def options(self):
        return {"store_path": None, "store_options": {"directory": str(self.directory), "gnupg_home": str(self.gnupg.home), **self.more}}

    @property
    def environment(self):
        return {"PASSWORD_STORE_DIR": str(self.directory), "GNUPGHOME": str(self.gnupg.home)}

    def entry(self, user, host="host-1"):
        """The file of a user with a plain name."""
        return self.directory / "rekey" / quote(host, safe="") / (user + ".gpg")

    def disturb(self):
        # Permissions would not keep root out.
        os.rename(self.directory, self.folder / "away")
        self.directory.write_text("not a folder", encoding="utf-8")

    def mend(self):
        os.unlink(self.directory)
        os.rename(self.folder / "away", self.directory)

    def damage(self, user, host="host-1"):
        path = self.entry(user, host)
        path.write_bytes(path.read_bytes()[:-20])

    def swap(self, host, other):
        here, there = (self.directory / "rekey" / quote(name, safe="") for name in (host, other))
        os.rename(here, self.folder / "swapped")
        os.rename(there, here)
        os.rename(self.folder / "swapped", there)

    def shown(self, user, host="host-1"):
        lines = self.gnupg.show(self.directory, "rekey/%s/%s" % (quote(host, safe=""), user)).split("\n")
        return re.fullmatch("username: (.*)", lines[1])[1] or None, lines[0] or None


CASE = PasswordStoreCase
