# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HashiCorp Vault: a double of the server, used with a login by AppRole that may do no more than the documentation says."""

from __future__ import annotations

import urllib.parse

import pytest
import requests

from tests.doubles.hashi_vault import ROLE_ID, SECRET_ID, HashiVaultDouble
from tests.store_cases import StoreCase

# What docs/reference/stores/hashi_vault.md tells to allow.
RULES = {"secret/data/rekey/*": {"create", "read", "update"}, "secret/metadata/rekey/*": {"list"}}
# What it tells to allow an application.
READER = {"secret/data/rekey/*": {"read"}}


class HashiVaultCase(StoreCase):
    """See above."""

    name = "hashi_vault"
    secrets = (SECRET_ID, "hvs.S3cr3t-MARKER")

    def __init__(self, folder):
        super().__init__(folder)
        pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")
        self.double = HashiVaultDouble()
        self.double.roles["", "approle", ROLE_ID].rules = RULES
        self._reader = self.double.issue(READER)

    def __enter__(self):
        self.double.start()
        return self

    def __exit__(self, kind, error, trace):
        self.double.__exit__(kind, error, trace)

    @property
    def options(self):
        given = {"url": self.double.url, "role_id": ROLE_ID, "secret_id": SECRET_ID, "timeout": 10, "retries": 1}
        return {"store_path": None, "store_options": given}

    def path(self, user, host="host-1"):
        """The path of a record below the mount."""
        return "rekey/%s/%s" % tuple(urllib.parse.quote(name, safe="@") for name in (host, user))

    def disturb(self):
        self.double.sealed = True

    def mend(self):
        self.double.sealed = False

    def damage(self, user, host="host-1"):
        self.double.overwrite(self.path(user, host), {"username": user, "password": 5, "previous": "S3cr3t-MARKER"})

    def swap(self, host, other):
        found = {name: {} for name in (host, other)}
        for name, records in found.items():
            opened = self.open(name)
            records.update((user, self.double.data(self.path(user, name))) for user in opened.list())
            opened.close()
        for name, records in zip((other, host), found.values()):
            for user, data in records.items():
                self.double.overwrite(self.path(user, name), data)

    def shown(self, user, host="host-1"):
        url = "%s/v1/secret/data/%s" % (self.double.url, urllib.parse.quote(self.path(user, host)))
        answer = requests.get(url, headers={"X-Vault-Token": self._reader}, timeout=10)
        data = answer.json()["data"]["data"] if answer.status_code == 200 else {}
        return data.get("username"), data.get("password")


CASE = HashiVaultCase
