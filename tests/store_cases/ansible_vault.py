# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded store: a folder of files that ansible-vault encrypts."""

from __future__ import annotations

import json
import os

from ansible.parsing.vault import VaultLib, VaultSecret

from tests.store_cases import VAULT_PASSWORD, StoreCase


class AnsibleVaultCase(StoreCase):
    """See above."""

    name = "ansible_vault"

    @property
    def options(self):
        return {"store_path": str(self.folder / "store"), "store_options": {}, "store_create": True}

    def _path(self, host):
        return self.folder / "store" / (host + ".rekey.txt")

    def disturb(self):
        # Permissions would not keep root out.
        os.rename(self.folder / "store", self.folder / "away")
        (self.folder / "store").write_text("not a folder", encoding="utf-8")

    def mend(self):
        os.unlink(self.folder / "store")
        os.rename(self.folder / "away", self.folder / "store")

    def damage(self, user, host="host-1"):
        path = self._path(host)
        path.write_bytes(path.read_bytes()[:-100])

    def swap(self, host, other):
        away = self.folder / "swapped"
        os.rename(self._path(host), away)
        os.rename(self._path(other), self._path(host))
        os.rename(away, self._path(other))

    def shown(self, user, host="host-1"):
        vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])
        _first_line, _end, records = vault.decrypt(self._path(host).read_bytes()).partition(b"\n")
        entry = json.loads(records)["users"].get(user, {})
        return entry.get("username"), entry.get("password")


CASE = AnsibleVaultCase
