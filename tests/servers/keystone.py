# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Keystone 30 for tests, on the loopback interface; TroveCloud (trove.py) starts it and knows who lives in it."""

from __future__ import annotations

import json
import os
import pathlib
import secrets
import typing as t

import requests

from tests.servers.child import Child, ServerError, free_ports, listens

START_LIMIT_S = 60.0
DOMAIN = "Default"


class Keystone:
    """One server with its data in `work_dir`, which must exist; `python` is that of the environment with Keystone."""

    def __init__(self, work_dir: str | os.PathLike[str], python: pathlib.Path, region: str) -> None:
        self.work_dir = pathlib.Path(work_dir).resolve()
        self.python = python
        self.region = region
        self.port = free_ports(1)[0]
        self.log_path = self.work_dir / "keystone.log"
        self.record_path = self.work_dir / "keystone-requests.jsonl"
        self.admin_password = secrets.token_hex(12)
        self._admin_token = ""
        self._child: Child | None = None
        # Neither proxies nor a netrc file of the caller.
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def url(self) -> str:
        """Of version 3."""
        return f"http://127.0.0.1:{self.port}/v3"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def begin(self) -> None:
        """Start, for the first time or again: port and data stay. It takes seconds; wait() is for their end."""
        configuration, database = self.work_dir / "keystone.conf", self.work_dir / "keystone.sqlite"
        lines = ["[DEFAULT]", f"log_file = {self.log_path}", "[database]", f"connection = sqlite:///{database}", "[identity]", "password_hash_rounds = 4"]
        # As in real life, if not in memcached: without, every question to Trove costs a tenth of a second more.
        lines += ["[cache]", "enabled = true", "backend = dogpile.cache.memory"]
        for section in ("fernet_tokens", "fernet_receipts", "credential"):
            lines += [f"[{section}]", f"key_repository = {self.work_dir / section}"]
        configuration.write_text("\n".join([*lines, ""]), encoding="utf-8")
        plan = {
            "configuration": str(configuration),
            "database": str(database),
            "port": self.port,
            "url": self.url,
            "region": self.region,
            "admin_password": self.admin_password,
            "record": str(self.record_path),
        }
        # Isolated, as Trove and Keystone have the names of files beside the program, and Python would find those first.
        command = [str(self.python), "-I", str(pathlib.Path(__file__).with_name("keystone_process.py"))]
        self._child = Child("Keystone", command, self.work_dir, self.log_path, first_line=True)
        self._child.tell(json.dumps(plan))

    def wait(self) -> None:
        self._child.wait_until(lambda: listens(self.port), START_LIMIT_S)

    def start(self) -> None:
        self.begin()
        self.wait()

    def stop(self) -> None:
        """Kill it: nothing is lost by that."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    # What an administrator does, by the API itself

    def call(self, method: str, path: str, body: t.Any = None, token: str | None = None, headers: t.Mapping[str, str] | None = None) -> requests.Response:
        """A request that has to succeed, as the administrator or with another's token."""
        if token is None:
            token = self._admin_token = self._admin_token or self.login("admin", self.admin_password, "admin")
        answer = self._session.request(method, self.url + path, json=body, headers={"X-Auth-Token": token, **(headers or {})}, timeout=30)
        if not answer.ok:
            raise ServerError(f"Keystone answers {answer.status_code} to {method} {path}: {answer.text}")
        return answer

    def create(self, kind: str, **fields: t.Any) -> str:
        """A new `kind`, and its identifier."""
        return self.call("POST", f"/{kind}s", {kind: fields}).json()[kind]["id"]

    def find(self, kind: str, name: str) -> str:
        return self.call("GET", f"/{kind}s?name={name}").json()[f"{kind}s"][0]["id"]

    def grant(self, project: str, user: str, role: str) -> None:
        self.call("PUT", f"/projects/{project}/users/{user}/roles/{role}")

    def login(self, user: str, password: str, project: str) -> str:
        """A token for a project."""
        identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": {"name": DOMAIN}, "password": password}}}
        body = {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": {"name": DOMAIN}}}}}
        answer = self._session.post(f"{self.url}/auth/tokens", json=body, timeout=30)
        if answer.status_code != 201:
            raise ServerError(f"Keystone answers {answer.status_code} to a login: {answer.text}")
        return answer.headers["X-Subject-Token"]

    def revoke(self, token: str) -> None:
        self.call("DELETE", "/auth/tokens", headers={"X-Subject-Token": token})

    def expired_token(self, user: str, project: str) -> str:
        """A token, as good as any, that ended a minute ago; `user` and `project` are identifiers."""
        url = f"http://127.0.0.1:{self.port}/_tests/expired_token"
        return self._session.get(url, params={"user": user, "project": project}, timeout=30).text

    def requests(self) -> list[tuple[str, str, int]]:
        """Method, path and status of everything that was asked since the first start."""
        return read_record(self.record_path)


def read_record(path: pathlib.Path) -> list[tuple[str, str, int]]:
    if not path.exists():
        return []
    return [tuple(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
