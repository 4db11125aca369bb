# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store hashi_vault on a real OpenBao, used with a login by AppRole that may do no more than the documentation says."""

from __future__ import annotations

import itertools
import pathlib
import shutil
import tempfile
import urllib.parse
from multiprocessing.util import Finalize

import pytest
import requests

from tests.integration.real_stores import unavailable
from tests.servers.machine import Unavailable
from tests.servers.openbao import AppRole, OpenBao, documented_policy
from tests.store_cases import StoreCase


class _Shared:
    """One server for all stands of this process, since each can have an engine of its own on it."""

    def __init__(self) -> None:
        self.server: OpenBao | None = None
        self.numbers = itertools.count(1)

    def get(self) -> OpenBao:
        """The server, running and unsealed."""
        if self.server is None or not self.server.running:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="rekey-openbao-"))
            server = OpenBao(folder / "server")
            # At the end of this process alone, be it one that multiprocessing has made; and of none that is forked later.
            Finalize(None, self._end, (server, folder), exitpriority=1)
            server.start()
            self.server = server
        return self.server

    @staticmethod
    def _end(server: OpenBao, folder: pathlib.Path) -> None:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


SHARED = _Shared()


class OpenBaoCase(StoreCase):
    """See above."""

    name = "hashi_vault"
    label = "openbao"
    real = True

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.mount = "engine-%d" % next(SHARED.numbers)
        self.more: dict = {}  # further options

    def __enter__(self) -> OpenBaoCase:
        pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")
        try:
            self.server = SHARED.get()
        except Unavailable as error:
            unavailable(error.reason)
        self.server.make_engine(self.mount)
        self.role: AppRole = self.server.make_role(self.mount, documented_policy(self.mount))
        self._reader = self.server.make_token('path "%s/data/rekey/*" { capabilities = ["read"] }' % self.mount)
        self.secrets = (self.role.secret_id, self._reader, self.server.root_token)
        self._sealed = False
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._sealed:
            self.mend()

    @property
    def options(self) -> dict:
        given = {"url": self.server.url, "mount_point": self.mount, "role_id": self.role.role_id, "secret_id": self.role.secret_id, "timeout": 10, "retries": 1}
        return {"store_path": None, "store_options": {**given, **self.more}}

    def path(self, user: str, host: str = "host-1") -> str:
        """The path of a record below the engine."""
        return "rekey/%s/%s" % tuple(urllib.parse.quote(name, safe="@") for name in (host, user))

    def disturb(self) -> None:
        self.server.seal()
        self._sealed = True

    def mend(self) -> None:
        self.server.unseal()
        self._sealed = False

    def damage(self, user: str, host: str = "host-1") -> None:
        data = {"username": user, "password": 5, "previous": "S3cr3t-MARKER"}
        self.server.request("POST", "%s/data/%s" % (self.mount, urllib.parse.quote(self.path(user, host))), {"data": data})

    def swap(self, host: str, other: str) -> None:
        found: dict = {}
        for name, new in ((host, other), (other, host)):
            opened = self.open(name)
            for user in opened.list():
                answer = self.server.request("GET", "%s/data/%s" % (self.mount, urllib.parse.quote(self.path(user, name))))
                found[self.path(user, new)] = answer["data"]["data"]
            opened.close()
        for path, data in found.items():
            self.server.request("POST", "%s/data/%s" % (self.mount, urllib.parse.quote(path)), {"data": data})

    def shown(self, user: str, host: str = "host-1") -> tuple[str | None, str | None]:
        url = "%s/v1/%s/data/%s" % (self.server.url, self.mount, urllib.parse.quote(self.path(user, host)))
        answer = requests.get(url, headers={"X-Vault-Token": self._reader}, timeout=10)
        data = answer.json()["data"]["data"] if answer.status_code == 200 else {}
        return data.get("username"), data.get("password")


CASE = OpenBaoCase
