# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The logins of the store hashi_vault: which one is meant, what is missing, what is sent, and that a refusal shows nothing of it."""

from __future__ import annotations

import errno
import os
import pathlib
from typing import Any, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import http
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _vault_logins
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store, secrets_in
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Store

from tests.doubles.hashi_vault import LOGIN, REVOKE, ROOT_TOKEN, HashiVaultDouble
from tests.unit.plugins.rotation_doubles import loader

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")

URL = "https://vault.example.com"
JWT = "S3cr3t-MARKER-header.S3cr3t-MARKER-claims.S3cr3t-MARKER-signature"


@pytest.fixture(autouse=True)
def _nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VAULT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(http.HttpClient, "_wait", lambda *_args: None)


@pytest.fixture(name="double")
def a_double() -> Iterator[HashiVaultDouble]:
    with HashiVaultDouble() as running:
        yield running


@pytest.fixture(name="file")
def a_file(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file with a token."""
    path = tmp_path / "token"
    path.write_text(JWT + "\n", encoding="ascii")
    return path


def opened(**options: Any) -> Store:
    """The store as an action opens it."""
    return open_store("hashi_vault", "host-1", {"store_options": {"url": URL, **options}}, loader())


def failure_of(call: Any, *args: Any, kind: str = "store_failed", **kwargs: Any) -> str:
    """The message of a store that refuses; never with a secret, nor with an exception behind it."""
    with pytest.raises(PasswordError) as caught:
        call(*args, **kwargs)
    assert caught.value.kind == kind and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    assert "MARKER" not in caught.value.message, caught.value
    return caught.value.message


def title_of(store: Store) -> str | None:
    """Which login a store makes."""
    login = store._login  # type: ignore[attr-defined]
    return login and login.title


def accept(double: HashiVaultDouble, times: int = 1) -> None:
    """Let logins of any method succeed."""
    auth = {"client_token": double.issue(), "lease_duration": 3600, "num_uses": 0}
    double.inject("answer", path=LOGIN, status=200, body={"auth": auth}, times=times)


@pytest.mark.parametrize(
    "options, title",
    [
        ({"token": "S3cr3t-MARKER"}, None),
        ({"token": "S3cr3t-MARKER", "jwt": JWT}, None),
        ({"role_id": "r"}, "AppRole"),
        ({"role_id": "r", "secret_id": "S3cr3t-MARKER"}, "AppRole"),
        ({"role_id": "r", "token": "S3cr3t-MARKER"}, "AppRole"),
        ({"role_id": "r", "jwt": JWT}, "JWT"),
        ({"auth_method": "approle", "role_id": "r", "jwt": JWT}, "AppRole"),
        ({"auth_method": "jwt", "role_id": "r", "jwt": JWT, "secret_id": "S3cr3t-MARKER"}, "JWT"),
        ({"auth_method": "jwt", "role_id": "r", "jwt_path": "/a"}, "JWT"),
        ({"auth_method": "kubernetes", "role_id": "r", "token": "S3cr3t-MARKER"}, "Kubernetes"),
        ({"auth_method": "token", "role_id": "r", "token": "S3cr3t-MARKER"}, None),
    ],
)
def test_which_login_is_meant(options: dict, title: str | None) -> None:
    assert title_of(opened(**options)) == title


@pytest.mark.parametrize(
    "options, told",
    [
        ({"role_id": "r", "jwt": JWT, "secret_id": "S3cr3t-MARKER"}, "fits several logins. Name one as auth_method (VAULT_AUTH_METHOD)."),
        ({"role_id": "r", "jwt_path": "/a"}, "fits several logins. Name one as auth_method (VAULT_AUTH_METHOD)."),
        ({"auth_method": "kubernetes"}, "auth_method kubernetes needs role_id (VAULT_ROLE_ID), the name of the role."),
        ({"auth_method": "jwt", "jwt": JWT}, "auth_method jwt needs role_id (VAULT_ROLE_ID), the name of the role."),
        ({"auth_method": "jwt", "role_id": "r"}, "auth_method jwt needs jwt (VAULT_JWT_TOKEN), or jwt_path (VAULT_JWT_PATH), a file with it."),
        ({"auth_method": "jwt", "role_id": "r", "jwt": " \n"}, "auth_method jwt needs jwt (VAULT_JWT_TOKEN)"),
        ({"auth_method": "jwt", "role_id": "r", "jwt": JWT, "jwt_path": "/a"}, "jwt and jwt_path are two tokens. Take one away."),
        ({"auth_method": "cert"}, "auth_method cert needs client_cert (VAULT_CLIENT_CERT), and client_key (VAULT_CLIENT_KEY)"),
        ({"auth_method": "cert", "url": "http://127.0.0.1:8200", "client_cert": "/a"}, "auth_method cert needs a url that begins with https://"),
        ({"auth_method": "kubernetes", "role_id": "r", "auth_mount_point": "a//b"}, "auth_mount_point must be a path"),
        ({"jwt": JWT}, "Give token (VAULT_TOKEN), or role_id and secret_id (VAULT_ROLE_ID, VAULT_SECRET_ID). For another login name its auth_method"),
    ],
)
def test_what_is_missing_is_told(options: dict, told: str) -> None:
    assert told in failure_of(opened, kind="invalid_input", **options)


@pytest.mark.parametrize("method", ["kubernetes", "jwt"])
@pytest.mark.parametrize("mount", [None, "auth_mount_point", "approle_mount_point", "VAULT_AUTH_MOUNT_POINT", "VAULT_APPROLE_MOUNT_POINT"])
def test_what_is_sent_where(double: HashiVaultDouble, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch, method: str, mount: str | None) -> None:
    accept(double)
    options = {}
    if mount and mount.isupper():
        monkeypatch.setenv(mount, "/my/place/")
    elif mount:
        options = {mount: "/my/place/"}
    store = opened(url=double.url, auth_method=method, role_id="rekey", jwt_path=str(file), **options)
    assert store.list() == []
    store.close()
    (login,) = double.calls(LOGIN)
    assert login.path == "/v1/auth/%s/login" % ("my/place" if mount else method) and login.json() == {"role": "rekey", "jwt": JWT}
    assert "x-vault-token" not in login.headers and len(double.calls(REVOKE)) == 1 and list(double.tokens) == [ROOT_TOKEN]


@pytest.mark.parametrize("role", [None, "rekey"])
def test_a_certificate_is_shown_by_tls_alone(tls_files: Any, role: str | None) -> None:
    files = {"ca_path": str(tls_files.ca), "client_cert": str(tls_files.client_cert), "client_key": str(tls_files.client_key)}
    with HashiVaultDouble(tls=tls_files.server, client_ca=tls_files.ca) as double:
        accept(double)
        store = opened(url=double.url, auth_method="cert", auth_mount_point="a b", **files, **({"role_id": role} if role else {}))
        assert store.list() == []
        (login,) = double.calls(LOGIN)
        assert (login.path, login.json()) == ("/v1/auth/a b/login", {"name": role} if role else {})
        store.close()


def test_the_file_of_kubernetes_has_a_place(double: HashiVaultDouble, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _vault_logins.SERVICE_ACCOUNT_TOKEN == "/var/run/secrets/kubernetes.io/serviceaccount/token"
    monkeypatch.setattr(_vault_logins, "SERVICE_ACCOUNT_TOKEN", str(file))
    accept(double)
    for name, value in {"ADDR": double.url, "AUTH_METHOD": "kubernetes", "ROLE_ID": "rekey", "JWT_PATH": "", "JWT_TOKEN": "", "TOKEN": ""}.items():
        monkeypatch.setenv("VAULT_" + name, value)
    store = open_store("hashi_vault", "host-1", {"store_options": {}}, loader())
    assert store.list() == [] and double.calls(LOGIN)[0].json()["jwt"] == JWT
    store.close()


@pytest.mark.parametrize(
    "content, told",
    [
        (None, "cannot be read: No such file or directory. Name another one as jwt_path (VAULT_JWT_PATH)"),
        (b"", "is empty. Run again when it is written."),
        (b" \n\t", "is empty."),
        (b"S3cr3t-MARKER a", "holds something else than a token. Name the right one as jwt_path"),
        (b"a\nb", "holds something else than a token."),
        ("ü".encode(), "holds something else than a token."),
        (b"\xff\x00", "holds something else than a token."),
        (b"a" * 70000, "holds something else than a token."),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_file_that_holds_no_token_is_told(double: HashiVaultDouble, file: pathlib.Path, content: bytes | None, told: str) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    message = failure_of(opened(url=double.url, auth_method="kubernetes", role_id="r", jwt_path=str(file)).get, ["alice", "bob"])
    assert message.startswith("The login by Kubernetes at auth/kubernetes: The file with the token for the login, %s, " % file) and told in message
    assert not double.requests


def test_a_file_that_may_not_be_read_is_told(double: HashiVaultDouble, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    # The rights of a file do not stop root.
    monkeypatch.setattr(_vault_logins, "open", refuse, raising=False)
    assert "cannot be read: Permission denied" in failure_of(opened(url=double.url, auth_method="kubernetes", role_id="r", jwt_path=str(file)).get, ["alice"])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
@pytest.mark.parametrize("options", [{"auth_method": "kubernetes"}, {"auth_method": "jwt"}, {"auth_method": "jwt", "jwt": JWT}], ids=repr)
def test_a_refusal_that_repeats_the_token_shows_nothing_of_it(double: HashiVaultDouble, file: pathlib.Path, status: int, options: dict) -> None:
    double.inject("answer", path=LOGIN, status=status, body={"errors": ["bad token %s" % JWT, JWT.split(".")[1]]}, times=None)
    given = options if "jwt" in options else {**options, "jwt_path": str(file)}
    told = failure_of(opened(url=double.url, role_id="rekey", retries=0, **given).get, ["alice", "bob", "carol"])
    assert "failed with HTTP %d: bad token ********" % status in told and len(double.calls(LOGIN)) == 1
    assert ("Are role_id, " in told) is (status != 500) and "After a few wrong logins" not in told


def test_another_name_of_an_option_is_no_secret() -> None:
    options = {"store_options": {"approle_mount_point": "approle", "secret_id": "S3cr3t-MARKER", "jwt": JWT, "no_such": "x", "jwt_path": "/a"}}
    assert secrets_in("hashi_vault", options) == ["S3cr3t-MARKER", JWT, "x"]
