# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logins of the store hashi_vault without a secret that lives long, at a real OpenBao: Kubernetes, JWT and certificate."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Store

from tests.doubles.kubernetes import ACCOUNT, NAMESPACE, REVIEWS, KubernetesDouble
from tests.doubles.milvus import UPDATE, MilvusDouble
from tests.doubles.signed_tokens import Issuer
from tests.integration.rotation import ROTATE, old_password
from tests.integration.store_records import current, put
from tests.integration.test_store_openbao_rotation import BaoRotation
from tests.servers.machine import default_cache_dir
from tests.servers.openbao import OpenBao, Refused, program
from tests.store_cases.openbao import OpenBaoCase
from tests.unit.plugins.rotation_doubles import loader

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")

OLD, NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new"
USERS = ["alice", "bob", "carol"]
CLAIMS = {"iss": "ci.example.com", "sub": "project:rotation", "aud": "openbao"}


@dataclass
class Way:
    """A login that works: its options, and how what it shows is replaced.

    ``renew`` puts another token in place of the one that is there, ``spoil`` one that is refused; ``end`` ends the one that is there.
    """

    name: str
    server: OpenBao
    policy: str
    options: dict = field(repr=False)
    shown: list = field(repr=False)  # every token that was ever shown
    renew: Callable[[], Any]
    spoil: Callable[[], Any]
    end: Callable[[], Any]
    role: Callable[..., Any]  # makes the role again, with further settings
    reviews: Callable[[], int] = lambda: 0

    def open(self, **options: Any) -> Store:
        """The store with this login."""
        given = {name: value for name, value in {**self.options, **options}.items() if value is not None}
        return open_store("hashi_vault", "host-1", {"store_options": given}, loader())

    def failure_of(self, call: Callable[..., Any], *args: Any) -> str:
        """The message of a store that cannot go on; never with a secret, nor with an exception behind it that holds one."""
        with pytest.raises(PasswordError) as caught:
            call(*args)
        error = caught.value
        assert error.kind == "store_failed" and (error.__suppress_context__ or error.__context__ is None), error
        assert "MARKER" not in error.message and not any(part in error.message for token in self.shown for part in token.split(".")), error.message
        return error.message


@pytest.fixture
def kubernetes(openbao: OpenBaoCase, tls_files: Any, tmp_path: pathlib.Path) -> Iterator[Way]:
    """A pod of a service account; OpenBao asks a double of Kubernetes whose token it was shown."""
    mount, path, shown = "kubernetes-" + openbao.mount, tmp_path / "token", []
    with KubernetesDouble(tls=tls_files.server) as cluster:
        openbao.server.enable_login("kubernetes", mount, {
            "kubernetes_host": cluster.url, "kubernetes_ca_cert": tls_files.ca.read_text(encoding="ascii"), "token_reviewer_jwt": cluster.reviewer,
        })  # fmt: skip

        def role(**settings: Any) -> None:
            given = {"bound_service_account_names": ACCOUNT, "bound_service_account_namespaces": NAMESPACE, "token_policies": openbao.mount}
            openbao.server.request("POST", "auth/%s/role/rekey" % mount, {**given, "token_ttl": "20m", **settings})

        def place(token: str) -> None:
            shown.append(token)
            path.write_text(token, encoding="ascii")

        role()
        place(cluster.issue())
        options = {"auth_method": "kubernetes", "role_id": "rekey", "jwt_path": str(path)}
        yield Way(
            "Kubernetes", openbao.server, openbao.mount,
            {"url": openbao.server.url, "mount_point": openbao.mount, "auth_mount_point": mount, "retries": 1, **options}, shown,
            lambda: place(cluster.issue()), lambda: place(cluster.issue("somebody-else")), lambda: cluster.delete_pod(shown[-1]), role,
            lambda: len(cluster.calls(REVIEWS)),
        )  # fmt: skip
        assert cluster.in_flight == 0


@pytest.fixture
def jwt(openbao: OpenBaoCase, tmp_path: pathlib.Path) -> Way:
    """A job of a CI system, which signs a token for it."""
    mount, path, shown, issuer = "jwt-" + openbao.mount, tmp_path / "token", [], Issuer()
    openbao.server.enable_login("jwt", mount, {"jwt_validation_pubkeys": [issuer.public_key], "bound_issuer": CLAIMS["iss"]})

    def role(**settings: Any) -> None:
        given = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": [CLAIMS["aud"]], "bound_subject": CLAIMS["sub"]}
        openbao.server.request("POST", "auth/%s/role/rekey" % mount, {**given, "token_policies": openbao.mount, "token_ttl": "20m", **settings})

    def place(lifetime: float = 600.0, **claims: Any) -> None:
        shown.append(issuer.sign(lifetime, **{**CLAIMS, **claims}))
        path.write_text(shown[-1] + "\n", encoding="ascii")

    role()
    place()
    options = {"auth_method": "jwt", "role_id": "rekey", "jwt_path": str(path)}
    return Way(
        "JWT", openbao.server, openbao.mount,
        {"url": openbao.server.url, "mount_point": openbao.mount, "auth_mount_point": mount, "retries": 1, **options}, shown,
        place, lambda: place(sub="project:other"), lambda: place(-400.0), role,
    )  # fmt: skip


@pytest.fixture(params=["kubernetes", "jwt"])
def way(request: pytest.FixtureRequest, openbao: OpenBaoCase) -> Way:
    """Each login that shows a token out of a file."""
    return request.getfixturevalue(request.param)


def no_token_is_left(way: Way) -> None:
    """Every token of the login has ended; the server takes a moment to end one whose uses are spent."""
    end = time.monotonic() + 30
    while way.server.tokens_of(way.policy):
        assert time.monotonic() < end, "a token has uses left, and was not revoked"
        time.sleep(0.05)


def test_a_login_is_made_once_and_its_token_ends_with_the_store(way: Way) -> None:
    store = way.open()
    assert way.server.tokens_of(way.policy) == [], "nothing is asked before it is needed"
    put(store, OLD, *USERS)
    put(store, NEW, *USERS)
    assert current(store) == NEW and store.list() == USERS
    assert len(way.server.tokens_of(way.policy)) == 1 and way.reviews() in (0, 1)
    token = store._token.text
    store.close()
    assert way.server.tokens_of(way.policy) == []
    with pytest.raises(Refused, match="permission denied"):
        way.server.request("GET", "auth/token/lookup-self", token=token)


@pytest.mark.parametrize("wrong", [{"role_id": "nobody"}, {"auth_mount_point": "elsewhere"}, {"namespace": "elsewhere"}, "spoil", "end"], ids=str)
def test_a_login_that_is_refused_is_made_once_and_says_what_to_check(way: Way, wrong: Any) -> None:
    options = wrong if isinstance(wrong, dict) else {}
    if not options:
        getattr(way, wrong)()
    store = way.open(**options)
    before = way.reviews()
    told = way.failure_of(store.get, USERS)
    mount = {**way.options, **options}["auth_mount_point"]
    assert told.startswith("The login by %s at auth/%s at %s failed with HTTP 40" % (way.name, mount, way.server.url))
    assert "Are role_id, the " in told and way.options["jwt_path"] in told and told.endswith("auth_mount_point and namespace right?")
    assert way.server.tokens_of(way.policy) == [] and way.reviews() - before <= 1
    store.close()


def test_a_token_that_is_replaced_in_its_file_is_read_at_the_next_login(way: Way) -> None:
    store = way.open()
    put(store, OLD, "alice")
    way.end()
    # The login has been made; it matters to the next one only.
    put(store, NEW, "alice")
    way.renew()
    way.server.request("POST", "auth/token/revoke", {"token": store._token.text})
    put(store, OLD, "alice")
    assert current(store) == OLD and len(way.server.tokens_of(way.policy)) == 1
    way.end()
    way.server.request("POST", "auth/token/revoke", {"token": store._token.text})
    assert "The login by %s" % way.name in way.failure_of(store.get, USERS)
    way.renew()
    assert current(store) == OLD
    store.close()


def test_a_token_of_the_server_that_expires_in_the_middle_is_replaced(way: Way) -> None:
    way.role(token_ttl="1s", token_max_ttl="1s")
    store = way.open()
    put(store, OLD, "alice")
    first, end = store._token.text, time.monotonic() + 30
    while store._token.text == first:
        assert time.monotonic() < end
        put(store, NEW, "alice")
        store.write_note("lease", {}, store.read_note("lease").version)
    assert current(store) == NEW
    store.close()


def test_a_token_of_the_server_with_few_uses_is_replaced(way: Way) -> None:
    way.role(token_num_uses=3)
    store = way.open(concurrency=4)
    put(store, OLD, *USERS)
    put(store, NEW, *USERS)
    assert {entry.record.password for entry in store.get(USERS).values()} == {NEW}
    store.close()
    no_token_is_left(way)


@pytest.mark.parametrize("state, told", [("missing", "cannot be read: No such file"), ("folder", "cannot be read: Is a directory"), ("empty", "is empty")])
def test_a_file_without_a_token_is_told_and_nothing_is_sent(way: Way, state: str, told: str) -> None:
    path = pathlib.Path(way.options["jwt_path"])
    path.unlink()
    if state == "folder":
        path.mkdir()
    elif state == "empty":
        path.write_text(" \n", encoding="ascii")
    store = way.open()
    message = way.failure_of(store.get, USERS)
    assert message.startswith("The login by %s at auth/%s: " % (way.name, way.options["auth_mount_point"])) and str(path) in message and told in message
    assert way.reviews() == 0
    store.close()


def test_kubernetes_refuses_what_openbao_asks(kubernetes: Way) -> None:
    """A reviewer without the right to review, as where the cluster role system:auth-delegator is missing."""
    kubernetes.server.request("POST", "auth/%s/config" % kubernetes.options["auth_mount_point"], {
        **kubernetes.server.request("GET", "auth/%s/config" % kubernetes.options["auth_mount_point"])["data"], "token_reviewer_jwt": Issuer().sign(sub="x"),
    })  # fmt: skip
    store = kubernetes.open()
    told = kubernetes.failure_of(store.get, USERS)
    assert "failed with HTTP 403: permission denied. Are role_id, the service account" in told and kubernetes.reviews() == 1
    store.close()


@pytest.mark.parametrize("named", [{}, {"auth_method": None}], ids=["named", "deduced"])
def test_a_jwt_may_be_an_option(jwt: Way, named: dict) -> None:
    store = jwt.open(jwt=jwt.shown[-1], jwt_path=None, **named)
    put(store, NEW, "alice")
    assert current(store) == NEW
    store.close()
    jwt.end()
    store = jwt.open(jwt=jwt.shown[-1], jwt_path=None, **named)
    told = jwt.failure_of(store.get, USERS)
    assert "token is expired" in told and "Are role_id, jwt (it may have expired), auth_mount_point" in told
    store.close()


@pytest.mark.parametrize("claims", [{"aud": "S3cr3t-MARKER"}, {"iss": "somebody"}], ids=["audience", "issuer"])
def test_a_jwt_for_something_else_is_refused(jwt: Way, claims: dict) -> None:
    jwt.renew(**claims)
    store = jwt.open()
    assert "failed with HTTP 400" in jwt.failure_of(store.get, USERS)
    store.close()


# A whole rotation


@pytest.mark.slow
def test_a_rotation_in_a_pod_goes_on_when_its_token_is_replaced(ansible: Any, openbao: OpenBaoCase, way: Way) -> None:
    way.role(token_num_uses=4)
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as milvus:
        rotation = BaoRotation(ansible, milvus, way.server, openbao.role, openbao.mount)
        rotation.environment = {"VAULT_ADDR": way.server.url, "VAULT_SECRET_ID": "", "VAULT_TOKEN": ""}
        rotation.environment.update({"VAULT_" + name.upper(): way.options[name] for name in ("auth_method", "role_id", "jwt_path", "auth_mount_point")})
        first = rotation.run(verbosity=3, watch=True)
        assert first.rc == 0, first.output
        rotation.assert_proved(milvus)
        gate = milvus.inject("gate", path=UPDATE, hold="after")
        run = rotation.start(extra_vars={"rotate_force": True})
        assert gate.arrived.wait(120), "the run has sent nothing"
        way.end()
        way.renew()
        milvus.clear_faults()
        assert run.wait().rc == 0
        rotation.assert_proved(milvus)
        way.spoil()
        refused = rotation.run(extra_vars={"rotate_force": True})
        error = refused.result(ROTATE)["error"]
        assert refused.rc == 2 and error["kind"] == "store_failed" and "The login by %s" % way.name in error["message"], refused.output
        assert not rotation.ansible.leaks({*rotation.secrets(), *(part for token in way.shown for part in token.split(".")[1:])})
        no_token_is_left(way)


# The page

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "stores" / "hashi_vault.md"


def test_what_the_page_tells_an_administrator_to_do_is_taken(start_openbao: Callable[..., OpenBao], tls_files: Any, tmp_path: pathlib.Path) -> None:
    server = start_openbao()
    logins = re.search(r"^## Logins\n(.*?)^## ", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert logins
    commands = re.findall(r"^\$ vault (.*)$", logins[1].replace("\\\n", " "), re.MULTILINE)
    assert len(commands) == 8
    for name in ("ca.crt", "ca.pem"):
        (tmp_path / name).write_bytes(tls_files.ca.read_bytes())
    (tmp_path / "reviewer.jwt").write_text(Issuer().sign(), encoding="ascii")
    (tmp_path / "key.pem").write_text(Issuer().public_key, encoding="ascii")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "BAO_ADDR": server.url, "BAO_TOKEN": server.root_token}
    for command in commands:
        # There is no such address to ask for keys.
        arguments = shlex.split(command.replace("oidc_discovery_url=https://gitlab.example.com", "jwt_validation_pubkeys=@key.pem"))
        subprocess.run([str(program(default_cache_dir())), *arguments], cwd=tmp_path, env=environment, timeout=60, check=True, capture_output=True)
    for path in ("kubernetes/role", "jwt/role", "cert/certs"):
        made = server.request("GET", "auth/%s/rekey" % path)["data"]
        assert (made["token_policies"], made["token_ttl"], made["token_max_ttl"]) == (["rekey"], 1200, 1200), path


# With TLS


@pytest.fixture
def server(start_openbao: Callable[..., OpenBao], tls_files: Any) -> OpenBao:
    """A server with TLS, and all logins at the places where they are by default."""
    running = start_openbao(tls=tls_files.server, ca=tls_files.ca)
    running.make_role()
    for kind in ("cert", "jwt"):
        running.enable_login(kind, kind)
    authority = tls_files.ca.read_text(encoding="ascii")
    running.request("POST", "auth/cert/certs/rekey", {"certificate": authority, "token_policies": "rekey", "token_ttl": "20m"})
    return running


def at(server: OpenBao, tls_files: Any, **options: Any) -> Store:
    """The store on a server with TLS, with a login by certificate unless something else is given."""
    files = {"ca_path": str(tls_files.ca), "client_cert": str(tls_files.client_cert), "client_key": str(tls_files.client_key)}
    given = {"url": server.url, "timeout": 5, "retries": 1, "auth_method": "cert", **files, **options}
    return open_store("hashi_vault", "host-1", {"store_options": {name: value for name, value in given.items() if value is not None}}, loader())


def message_of(call: Callable[..., Any], *args: Any) -> str:
    """The message of a store that cannot go on."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind == "store_failed" and "MARKER" not in caught.value.message and "PRIVATE" not in caught.value.message
    return caught.value.message


def test_a_certificate(server: OpenBao, tls_files: Any, tmp_path: pathlib.Path) -> None:
    together = tmp_path / "both.pem"
    together.write_bytes(tls_files.client_cert.read_bytes() + tls_files.client_key.read_bytes())
    for number, options in enumerate(({}, {"role_id": "rekey"}, {"client_cert": str(together), "client_key": None})):
        store = at(server, tls_files, **options)
        put(store, "%s-%d" % (NEW, number), *USERS)
        assert current(store) == "%s-%d" % (NEW, number) and len(server.tokens_of("rekey")) == 1
        server.request("POST", "auth/token/revoke", {"token": store._token.text})
        put(store, OLD, *USERS)
        store.close()
        assert server.tokens_of("rekey") == []


def test_a_certificate_that_is_refused(server: OpenBao, tls_files: Any) -> None:
    start = "The login by certificate at auth/cert at %s failed with HTTP 40" % server.url
    advice = "Are role_id, client_cert (it may have expired), auth_mount_point and namespace right?"
    store = at(server, tls_files, role_id="nobody")
    told = message_of(store.get, USERS)
    assert told.startswith(start) and told.endswith(advice)
    store.close()
    server.request("POST", "auth/cert/certs/rekey", {"certificate": tls_files.other_ca.read_text(encoding="ascii"), "token_policies": "rekey"})
    store = at(server, tls_files)
    told = message_of(store.get, USERS)
    assert told.startswith(start) and told.endswith(advice) and server.tokens_of("rekey") == []
    store.close()


def test_each_login_is_by_default_at_the_place_of_its_name(server: OpenBao, tls_files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    server.request("POST", "auth/jwt/config", {"jwt_validation_pubkeys": [issuer.public_key]})
    server.request("POST", "auth/jwt/role/rekey", {"role_type": "jwt", "user_claim": "sub", "bound_audiences": [CLAIMS["aud"]], "token_policies": "rekey"})
    variables = {"AUTH_METHOD": "jwt", "ROLE_ID": "rekey", "JWT_TOKEN": issuer.sign(**CLAIMS), "JWT_PATH": "", "SECRET_ID": "", "AUTH_MOUNT_POINT": ""}
    for name, value in variables.items():
        monkeypatch.setenv("VAULT_" + name, value)
    store = at(server, tls_files, auth_method=None, client_cert=None, client_key=None)
    put(store, NEW, "alice")
    assert current(store) == NEW
    store.close()
    assert server.tokens_of("rekey") == []
