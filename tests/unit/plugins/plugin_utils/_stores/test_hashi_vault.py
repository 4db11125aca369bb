# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store in HashiCorp Vault: its options, what lies where, logins, and what it says if the server refuses."""

from __future__ import annotations

import os
import pathlib
import time

import pytest
from ansible.utils.display import Display
from ansible_collections.rekey.passwords.plugins.action import rotation_repair, rotation_run
from ansible_collections.rekey.passwords.plugins.module_utils import http
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _store_registry
from ansible_collections.rekey.passwords.plugins.plugin_utils import store as store_module
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import hashi_vault
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import parse_utc
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, StoreConflict

from tests.doubles.hashi_vault import LOGIN, REVOKE, ROLE_ID, ROOT_TOKEN, SECRET_ID, HashiVaultDouble, Mount, Role
from tests.unit.plugins.rotation_doubles import ModelVendor, loader, run_action, use_model

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")

ALICE = "rekey/host-1/alice"
APPROLE = {"role_id": ROLE_ID, "secret_id": SECRET_ID}
TOKEN = {"token": ROOT_TOKEN}
DOCS = pathlib.Path(__file__).parents[5] / "docs"


@pytest.fixture(autouse=True)
def _nothing_of_the_users(monkeypatch):
    for name in [name for name in os.environ if name.startswith("VAULT_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True, name="waits")
def no_waiting(monkeypatch):
    """What the HTTP client would have waited, in seconds."""
    waited = []
    monkeypatch.setattr(http.HttpClient, "_wait", lambda self, attempt, seconds: waited.append(seconds))
    return waited


@pytest.fixture(autouse=True, name="warnings")
def all_warnings(monkeypatch):
    """The warnings that a user would see."""
    shown = []
    monkeypatch.setattr(Display, "warning", lambda self, text, *_args, **_kwargs: shown.append(text))
    return shown


@pytest.fixture(name="double")
def a_double():
    with HashiVaultDouble() as running:
        yield running


def open_store(double=None, host="host-1", **options):
    """A store as an action opens it; with the root token unless something else is given."""
    given = {"url": double.url} if double else {}
    if not {"token", "role_id", "auth_method"} & set(options):
        given.update(TOKEN)
    return _store_registry.open_store("hashi_vault", host, {"store_options": dict(given, **options)}, loader())


def put(store, **passwords):
    """Set the current passwords of users, whatever stood there."""
    entries = store.get(passwords)
    store.put({user: Entry(Record(user, password=password, status="current"), entries[user].version) for user, password in passwords.items()})


def current(store, user="alice"):
    """The current password of a user, or ``None``."""
    record = store.get([user])[user].record
    return record and record.password


def failure_of(call, *args, kind="store_failed", **kwargs):
    """The message of a store that refuses; never with a secret, nor with an exception behind it."""
    with pytest.raises(PasswordError) as caught:
        call(*args, **kwargs)
    assert caught.value.kind == kind, caught.value
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "MARKER" not in caught.value.message
    return caught.value.message


# What lies where


def test_readers_find_user_and_password_at_the_top(double):
    store = open_store(double)
    record = Record("alice", pending=Pending("S3cr3t-MARKER-2", run_id="r", replaces="S3cr3t-MARKER-1"))
    store.put({"alice": Entry(record, None)})
    held = double.data(ALICE)
    # No password at all, rather than an empty one, which some programs print as "<nil>".
    assert "password" not in held and held["username"] == "alice" and held["pending"]["password"] == "S3cr3t-MARKER-2"
    record.promote(parse_utc("2026-01-31T12:00:00Z"), verified=True)
    store.put({"alice": Entry(record, store.get(["alice"])["alice"].version)})
    assert double.data(ALICE) == {
        "username": "alice", "password": "S3cr3t-MARKER-2", "previous": "S3cr3t-MARKER-1", "status": "current", "verified": True, "failed_logins": 0,
        "lost_runs": 0, "rotated_at": "2026-01-31T12:00:00Z",
    }  # fmt: skip
    assert sorted(double.secret(ALICE).versions) == [1, 2]


@pytest.mark.parametrize(
    "name, segment",
    [
        ("alice@example.com", "alice@example.com"), ("a/b", "a%2Fb"), (".", "%2E"), ("..", "%2E%2E"), ("...", "%2E%2E."), ("a..b", "a%2E%2Eb"), (".a", "%2Ea"),
        ("50%", "50%25"), ("ü", "%C3%BC"), ("a b", "a%20b"), ("a\nb", "a%0Ab"), ("A_b.c-d~1", "A_b.c-d~1"), ("%2E", "%252E"),
    ],
)  # fmt: skip
def test_any_name_becomes_one_part_of_a_path(double, name, segment):
    store = open_store(double, host=name)
    put(store, **{name: "S3cr3t-MARKER-a"})
    assert double.data("rekey/%s/%s" % (segment, segment))["username"] == name
    assert store.list() == [name] and current(open_store(double, host=name), name) == "S3cr3t-MARKER-a"


def test_folders_below_and_metadata_without_versions_are_no_records(double):
    store = open_store(double)
    put(store, alice="S3cr3t-MARKER-a")
    double.overwrite(ALICE + "/deeper", {"a": "b"})
    assert store.list() == ["alice"]


def test_a_version_that_is_none_is_a_conflict_without_a_write(double):
    store = open_store(double)
    put(store, alice="S3cr3t-MARKER-a")
    for version in ("any", "1", -1, True):
        with pytest.raises(StoreConflict):
            store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-b"), version)})
    assert double.writes == len([one for one in double.requests if one.write]) == 1


def test_the_server_may_demand_cas_and_the_header_of_agents(double):
    double.requires_header = True
    double.mounts["", "secret"].cas_required = True
    store = open_store(double)
    put(store, alice="S3cr3t-MARKER-a")
    put(store, alice="S3cr3t-MARKER-b")
    assert current(store) == "S3cr3t-MARKER-b"
    assert [one.json()["options"] for one in double.calls("/alice") if one.write] == [{"cas": 0}, {"cas": 1}]


# Options


@pytest.mark.parametrize("as_variables", [False, True], ids=["options", "environment"])
def test_where_the_records_lie(double, monkeypatch, as_variables):
    double.mounts["team/one", "kv/deep"] = Mount()
    double.roles["team/one", "my/approle", "role"] = Role("S3cr3t-MARKER-other")
    options = {
        "url": ("VAULT_ADDR", double.url), "namespace": ("VAULT_NAMESPACE", "/team/one/"), "mount_point": ("VAULT_MOUNT_POINT", "/kv/deep/"),
        "path": ("VAULT_PATH_PREFIX", "a/b c"), "approle_mount_point": ("VAULT_APPROLE_MOUNT_POINT", "my/approle"),
        "auth_method": ("VAULT_AUTH_METHOD", "approle"), "role_id": ("VAULT_ROLE_ID", "role"), "secret_id": ("VAULT_SECRET_ID", "S3cr3t-MARKER-other"),
        "concurrency": ("VAULT_CONCURRENCY", 3),
    }  # fmt: skip
    given = {} if as_variables else {name: value for name, (_variable, value) in options.items()}
    for variable, value in options.values() if as_variables else ():
        monkeypatch.setenv(variable, str(value))
    store = _store_registry.open_store("hashi_vault", "host-1", {"store_options": given}, loader())
    put(store, alice="S3cr3t-MARKER-a")
    assert double.data("a/b c/host-1/alice", "kv/deep", "team/one")["password"] == "S3cr3t-MARKER-a"
    double.latency = 0.05
    store.get(["user-%d" % number for number in range(12)])
    assert double.most_in_flight == 3


def test_every_option_has_a_variable_and_is_documented():
    page = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))
    for name, option in hashi_vault.STORE.argument_spec.items():
        _strategy, variables = option["fallback"]
        assert "| `%s` | %s |" % (name, ", ".join("`%s`" % variable for variable in variables)) in page, name
        if option.get("no_log"):
            assert any(word in variables[0] for word in ("PASSWORD", "TOKEN", "SECRET", "KEY"))
    assert [name for name, option in hashi_vault.STORE.argument_spec.items() if option.get("no_log")] == ["token", "secret_id", "jwt"]


@pytest.mark.parametrize(
    "options, variables, told",
    [
        ({"timeout": 0.2}, {}, "0.2 seconds"),
        ({}, {"VAULT_CLIENT_TIMEOUT": "0.2"}, "0.2 seconds"),
        ({}, {"VAULT_CLIENT_TIMEOUT": "0.3s"}, "0.3 seconds"),
    ],
)
def test_the_time_out(double, monkeypatch, options, variables, told):
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    fault = double.inject("hang", times=None)
    assert "did not answer within " + told in failure_of(open_store(double, retries=0, **options).get, ["alice"])
    assert fault.fired == 1


@pytest.mark.parametrize("text, seconds", [("90", 90), ("90s", 90), ("1m30s", 90), ("1h", 3600)])
def test_durations_as_vault_writes_them(monkeypatch, text, seconds):
    monkeypatch.setenv("VAULT_CLIENT_TIMEOUT", text)
    seen = []
    monkeypatch.setattr(http, "HttpClient", lambda *args, **_kwargs: seen.append(args) or _Stop.now())
    with pytest.raises(_Stop):
        open_store(url="https://vault.example.com")
    assert seen[0][2] == seconds


class _Stop(Exception):
    """Ends the making of a store."""

    @classmethod
    def now(cls):
        raise cls


@pytest.mark.parametrize("by_variable", [False, True])
def test_retries_of_reads(double, monkeypatch, waits, by_variable):
    if by_variable:
        monkeypatch.setenv("VAULT_MAX_RETRIES", "2")
    store = open_store(double, **({} if by_variable else {"retries": 2}))
    fault = double.inject("answer", path="/alice", status=503, times=2)
    assert current(store) is None and fault.fired == len(waits) == 2
    fault = double.inject("answer", path="/alice", status=503, times=None)
    assert "HTTP 503. It may be sealed" in failure_of(store.get, ["alice"]) and fault.fired == 3


@pytest.mark.parametrize("variable", [None, "VAULT_CACERT", "VAULT_CAPATH"])
def test_tls(tls_files, monkeypatch, warnings, variable):
    with HashiVaultDouble(tls=tls_files.server) as double:
        assert "TLS with %s failed" % double.url in failure_of(open_store(double).get, ["alice"])
        if variable:
            monkeypatch.setenv(variable, str(tls_files.ca))
        store = open_store(double, **({} if variable else {"ca_path": str(tls_files.ca)}))
        put(store, alice="S3cr3t-MARKER-a")
        assert current(store) == "S3cr3t-MARKER-a" and not warnings


@pytest.mark.parametrize("variable", [None, "1", "true", "0", ""])
def test_certificates_that_are_not_checked(tls_files, monkeypatch, warnings, variable):
    with HashiVaultDouble(tls=tls_files.server) as double:
        if variable is not None:
            monkeypatch.setenv("VAULT_SKIP_VERIFY", variable)
        store = open_store(double, **({"validate_certs": False} if variable is None else {}))
        if variable in ("0", ""):
            assert "TLS with" in failure_of(store.get, ["alice"]) and not warnings
        else:
            assert current(store) is None and "is not checked" in warnings[0]


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_certificate_of_the_client(tls_files, monkeypatch, by_variable):
    files = {"client_cert": str(tls_files.client_cert), "client_key": str(tls_files.client_key)}
    with HashiVaultDouble(tls=tls_files.server, client_ca=tls_files.ca) as double:
        failure_of(open_store(double, ca_path=str(tls_files.ca)).get, ["alice"])
        if by_variable:
            monkeypatch.setenv("VAULT_CLIENT_CERT", files["client_cert"])
            monkeypatch.setenv("VAULT_CLIENT_KEY", files["client_key"])
        assert current(open_store(double, ca_path=str(tls_files.ca), **({} if by_variable else files))) is None


def test_an_address_without_encryption_is_warned_of(double, warnings):
    open_store(double)
    assert not warnings
    open_store(url="http://vault.example.com:8200")
    assert len(warnings) == 1 and "http://vault.example.com:8200 is not encrypted" in warnings[0]


@pytest.mark.parametrize(
    "options, told",
    [
        ({"url": "vault.example.com"}, "url must begin with https://"),
        ({"url": None}, "missing required arguments: url"),
        ({"path": "a//b"}, "path must be a path such as team/passwords."),
        ({"path": "/"}, "path must be a path"),
        ({"path": "a/../b"}, "path must be a path"),
        ({"path": "a\nb"}, "path must be a path"),
        ({"mount_point": ""}, "mount_point must be a path"),
        ({"approle_mount_point": "."}, "auth_mount_point must be a path"),
        ({"timeout": 0}, "timeout must be more than 0."),
        ({"retries": -1}, "retries must not be negative."),
        ({"concurrency": 0}, "concurrency must be at least 1."),
        ({"timeout": "S3cr3t-MARKER"}, "timeout"),
        ({"ca_path": "/no/such/file"}, "ca_path: there is no readable file or folder /no/such/file."),
        ({"token": ""}, "Give token (VAULT_TOKEN), or role_id and secret_id (VAULT_ROLE_ID, VAULT_SECRET_ID)."),
        ({"token": " \n"}, "Give token"),
        ({"auth_method": "approle"}, "Give token"),
        ({"auth_method": "token", "role_id": "role"}, "Give token"),
        ({"auth_method": "ldap"}, "value of auth_method must be one of: approle, kubernetes, jwt, cert, token"),
    ],
)
def test_wrong_options(options, told):
    given = {name: value for name, value in dict({"url": "https://vault.example.com", **TOKEN}, **options).items() if value is not None}
    if "auth_method" in options:
        del given["token"]
    assert told in failure_of(_store_registry.open_store, "hashi_vault", "host-1", {"store_options": given}, loader(), kind="invalid_input")


def test_without_the_library(double, monkeypatch):
    monkeypatch.setattr(hashi_vault, "hvac", None)
    assert "Failed to import the required Python library (hvac)" in failure_of(open_store, double, kind="invalid_input")


def test_hvac_takes_nothing_from_the_environment(double, monkeypatch, tmp_path):
    (tmp_path / ".vault-token").write_text("S3cr3t-MARKER-of-the-user", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VAULT_TOKEN", "S3cr3t-MARKER-of-somebody")
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    put(open_store(double, **TOKEN), alice="S3cr3t-MARKER-a")
    put(open_store(double, auth_method="approle", **APPROLE), alice="S3cr3t-MARKER-b")
    assert {one.headers["x-vault-token"] for one in double.calls("/alice")} & {"S3cr3t-MARKER-of-the-user", "S3cr3t-MARKER-of-somebody"} == set()


# Logins


def test_a_token_of_an_approle_ends_with_the_store(double):
    store = open_store(double, **APPROLE)
    assert not double.requests, "nothing is asked before it is needed"
    put(store, alice="S3cr3t-MARKER-a", bob="S3cr3t-MARKER-b")
    assert len(double.calls(LOGIN)) == 1 and len(double.tokens) == 2
    store.close()
    assert list(double.tokens) == [ROOT_TOKEN] and len(double.calls(REVOKE)) == 1
    store.close()
    assert len(double.calls(REVOKE)) == 1


def test_a_token_of_the_users_own_is_left_alone(double):
    store = open_store(double, **TOKEN)
    assert current(store) is None
    store.close()
    assert ROOT_TOKEN in double.tokens and not double.calls(REVOKE)


def test_which_of_two_logins_is_made(double):
    assert current(open_store(double, **APPROLE, **TOKEN)) is None and double.calls(LOGIN)
    double.reset()
    assert current(open_store(double, auth_method="token", **APPROLE, **TOKEN)) is None and not double.calls(LOGIN)


def test_a_login_is_repeated_after_a_passing_fault(double, waits):
    double.inject("answer", path=LOGIN, status=503, body={"errors": ["Vault is sealed"]}, times=2)
    assert current(open_store(double, **APPROLE)) is None and len(waits) == 2


def test_a_role_that_needs_no_secret(double):
    double.roles["", "approle", "open"] = Role(None)
    assert current(open_store(double, role_id="open")) is None


def test_a_short_lived_token_is_replaced_in_time(double, monkeypatch):
    double.roles["", "approle", ROLE_ID].ttl = 100
    store = open_store(double, **APPROLE)
    assert current(store) is None
    clock = time.monotonic
    double.skew = 95
    monkeypatch.setattr(hashi_vault.time, "monotonic", lambda: clock() + 95)
    assert current(store) is None and len(double.calls(LOGIN)) == 2


@pytest.mark.parametrize("options", [{"secret_id": "S3cr3t-MARKER-wrong"}, {"role_id": "nobody"}, {"approle_mount_point": "elsewhere"}, {"namespace": "x"}])
def test_a_login_that_is_refused_is_made_once(double, options):
    told = failure_of(open_store(double, **dict(APPROLE, **options)).get, ["alice", "bob", "carol"])
    assert told.startswith("The login by AppRole at auth/%s at %s failed with HTTP 40" % (options.get("approle_mount_point", "approle"), double.url))
    assert told.endswith("Are role_id, secret_id (it may have expired), auth_mount_point and namespace right?")
    assert len(double.calls(LOGIN)) == 1


@pytest.mark.parametrize("auth", [None, {"client_token": ""}, {"client_token": 7, "lease_duration": 1}, {"client_token": "x", "lease_duration": "1h"}])
def test_a_login_without_a_token(double, auth):
    double.inject("answer", path=LOGIN, status=200, body={"auth": auth})
    assert "was answered without a token by %s" % double.url in failure_of(open_store(double, **APPROLE).get, ["alice"])


def test_closing_never_fails(double):
    store = open_store(double, **APPROLE, timeout=1)
    assert current(store) is None
    double.sealed = True
    store.close()
    store = open_store(double, **TOKEN)
    double.stop()
    store.close()


# What the server may refuse

FULL = {"secret/data/rekey/*": {"create", "read", "update"}, "secret/metadata/rekey/*": {"list"}}


def test_the_documented_policy_is_enough_and_no_more_than_needed(double):
    store = open_store(double, token=double.issue(FULL))
    put(store, alice="S3cr3t-MARKER-a")
    put(store, alice="S3cr3t-MARKER-b")
    assert store.list() == ["alice"]
    page = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))
    for path, capabilities in FULL.items():
        assert 'path "%s" {\n  capabilities = [%s]' % (path, ", ".join('"%s"' % one for one in sorted(capabilities))) in page
    for path, capabilities in FULL.items():
        for capability in capabilities:
            less = dict(FULL, **{path: capabilities - {capability}})
            store = open_store(double, host="host-" + capability, token=double.issue(less))
            with pytest.raises(PasswordError) as caught:
                put(store, alice="S3cr3t-MARKER-a")
                put(store, alice="S3cr3t-MARKER-b")
                store.list()
            assert "HTTP 403: 1 error occurred: * permission denied. Has the token expired, or does its policy" in caught.value.message


def test_who_may_only_read_reads(double):
    put(open_store(double), alice="S3cr3t-MARKER-a")
    reader = open_store(double, token=double.issue({"secret/data/rekey/*": {"read"}}))
    assert current(reader) == "S3cr3t-MARKER-a" and current(reader, "bob") is None
    assert "Writing secret/rekey/host-1/bob at %s failed with HTTP 403" % double.url in failure_of(put, reader, bob="S3cr3t-MARKER-b")
    assert current(reader, "bob") is None


@pytest.mark.parametrize("token", ["S3cr3t-MARKER-unknown", None])
def test_a_token_that_is_unknown_or_has_expired(double, token):
    token = token or double.issue(FULL, ttl=10)
    double.skew = 20
    store = open_store(double, token=token)
    for call, args in ((store.get, (["alice"],)), (store.list, ()), (put, (store,))):
        if call is put:
            args, call = ({"alice": Entry(Record("alice", password="S3cr3t-MARKER-a"), None)},), store.put
        assert "HTTP 403: permission denied; invalid token. Has the token expired" in failure_of(call, *args)


@pytest.mark.parametrize(
    "answer, told",
    [
        ({"status": 429, "body": {"errors": ["rate limit quota exceeded"]}}, "HTTP 429: rate limit quota exceeded. The server limits the rate of requests"),
        ({"status": 500, "body": {"errors": ["internal error"]}}, "HTTP 500: internal error."),
        ({"status": 501, "body": {"errors": ["Vault is not initialized"]}}, "HTTP 501: Vault is not initialized."),
        ({"status": 404, "body": "<h1>nothing here</h1>"}, "HTTP 404: nothing here. Are mount_point, path and namespace right?"),
        ({"status": 404, "body": {"errors": ["no handler for route"]}}, "HTTP 404: no handler for route. Are mount_point"),
        ({"status": 404, "body": {"data": None, "warnings": ["Invalid path"]}}, "HTTP 404"),
        ({"status": 412, "body": {"errors": ['missing "X-Vault-Request" header']}}, "HTTP 412: missing"),
        ({"status": 400, "body": {"errors": ["Upgrading from non-versioned to versioned data."]}}, "HTTP 400: Upgrading from non-versioned to versioned data."),
        ({"status": 200, "body": {"data": {"data": ["S3cr3t-MARKER"]}}}, None),
        ({"status": 200, "body": {"data": {"data": {"username": "alice"}}}}, None),
        ({"status": 200, "body": "S3cr3t-MARKER"}, None),
        ({"status": 204}, "HTTP 204."),
    ],
    ids=lambda value: str(value.get("status")) if isinstance(value, dict) else "",
)  # fmt: skip
def test_an_answer_that_is_no_record_is_an_error(double, answer, told):
    store = open_store(double)
    put(store, alice="S3cr3t-MARKER-a")
    double.inject("answer", path="/alice", times=None, **answer)
    expected = "Reading secret/rekey/host-1/alice at %s failed with %s" % (double.url, told)
    if told is None:
        expected = "The response from %s for secret/rekey/host-1/alice is not a KV v2 secret." % double.url
    assert failure_of(store.get, ["alice"]).startswith(expected)
    double.clear_faults()
    double.inject("answer", path="/host-1", times=None, **answer)
    assert "list of secret/rekey/host-1" in failure_of(store.list)


BROKEN = [{"kind": kind} for kind in ("html", "truncated", "wrong_types", "cut", "drop")] + [{"kind": "wrong_types", "top": "null"}]


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: "-".join(fault.values()))
def test_an_answer_that_is_broken_is_an_error_and_shows_no_half_record(double, fault):
    store = open_store(double, retries=0)
    put(store, alice="S3cr3t-MARKER-a")
    double.inject(path="/alice", times=None, **fault)
    failure_of(store.get, ["alice"])
    double.inject(path="/host-1", times=None, **fault)
    failure_of(store.list)


@pytest.mark.parametrize("form", ["plain", "json", "repr", "url"])
@pytest.mark.parametrize("text", [False, True])
def test_a_server_that_repeats_the_request_shows_no_secret(double, form, text):
    password = "S3cr3t-MARKER \"'\\<ü&"
    record = Record("alice", password=password, previous=password + "2", pending=Pending(password + "3", replaces=password + "4"))
    for options in (TOKEN, APPROLE):
        store = open_store(double, retries=0, **options)
        double.inject("echo", status=400, form=form, text=text, path="/alice", times=None)
        assert "********" in failure_of(store.put, {"alice": Entry(record, None)})
        double.clear_faults()
    double.inject("echo", status=400, form=form, text=text, path=LOGIN, times=None)
    assert "********" in failure_of(open_store(double, **APPROLE).get, ["alice"])


def test_a_redirect_is_not_followed(double):
    with HashiVaultDouble() as other:
        store = open_store(double)
        double.inject("answer", status=307, headers={"Location": other.url + "/v1/secret/data/rekey/host-1/alice"}, times=None)
        assert "is a redirect; give the address that it leads to" in failure_of(store.get, ["alice"])
        assert not other.requests


def test_nobody_listens():
    told = failure_of(open_store(url="http://127.0.0.1:9", retries=1).get, ["alice", "bob"])
    assert "Connection to http://127.0.0.1:9 failed: connection refused." in told


@pytest.mark.parametrize(
    "mount, told",
    [
        ("one", "mount_point one at %s is not a KV secrets engine of version 2. Name one, or make one (vault secrets enable -path=one -version=2 kv)."),
        ("secret/deeper", "mount_point secret/deeper at %s is not a KV secrets engine of version 2."),
        ("nowhere", "The request what mount_point nowhere is at %s failed with HTTP 403: preflight capability check returned 403"),
    ],
)
def test_a_mount_that_keeps_no_versions_is_never_written_to(double, mount, told):
    double.mounts["", "one"] = Mount(version=1)
    store = open_store(double, mount_point=mount, token=double.issue({"one/*": {"create", "read", "update", "list"}, "secret/*": {"create", "read", "update"}}))
    assert told % double.url in failure_of(store.put, {"alice": Entry(Record("alice", password="S3cr3t-MARKER-a"), None)})
    failure_of(store.get, ["alice"])
    failure_of(store.list)
    assert double.writes == 0 and not double.mounts["", "one"].secrets and not double.mounts["", "secret"].secrets


def test_the_mount_is_looked_at_once(double):
    store = open_store(double)
    for number in range(3):
        put(store, **{"user-%d-%d" % (number, other): "S3cr3t-MARKER" for other in range(5)})
    assert len(double.calls("/mounts/secret")) == 1


# Records that were deleted, or will be


def test_a_deleted_record_is_an_error_until_it_is_restored(double):
    store = open_store(double)
    put(store, alice="S3cr3t-MARKER-a")
    version = store.get(["alice"])["alice"].version
    double.secret(ALICE).versions[1].deletion = double.now() - 1
    for one in (store, open_store(double)):
        told = failure_of(one.get, ["alice"])
        assert told.startswith("The newest version (1) of secret/rekey/host-1/alice at %s is deleted. It is not overwritten. Restore one " % double.url)
        assert "vault kv undelete -mount=secret -versions=1 rekey/host-1/alice" in told and "vault kv metadata delete -mount=secret rekey/host-1/alice" in told
    with pytest.raises(StoreConflict):
        store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-b"), None)})
    assert store.list() == ["alice"] and double.secret(ALICE).current == 1
    double.secret(ALICE).versions[1].deletion = None
    assert store.get(["alice"])["alice"].version == version and current(store) == "S3cr3t-MARKER-a"


def test_a_destroyed_record_is_an_error(double):
    store = open_store(double)
    put(store, alice="S3cr3t-MARKER-a")
    double.secret(ALICE).versions[1].destroyed = True
    assert "is destroyed. It is not overwritten. Restore one (vault kv rollback -mount=secret -version=..." in failure_of(store.get, ["alice"])


def test_records_that_the_server_would_delete_are_refused(double):
    double.mounts["", "secret"].delete_version_after = 3600
    told = failure_of(put, open_store(double), alice="S3cr3t-MARKER-a")
    assert "was written, but the server is to delete it at 2" in told and "vault write secret/config delete_version_after=0s" in told
    double.mounts["", "secret"].delete_version_after = 0
    put(open_store(double), alice="S3cr3t-MARKER-b")
    assert current(open_store(double)) == "S3cr3t-MARKER-b"


def test_as_many_versions_are_kept_as_the_server_wants(double):
    store = open_store(double)
    double.mounts["", "secret"].max_versions = 1
    for number in range(4):
        put(store, alice="S3cr3t-MARKER-%d" % number)
    assert list(double.secret(ALICE).versions) == [4] and current(store) == "S3cr3t-MARKER-3"


# What is no record


ODD_ONES = [{"password": "S3cr3t-MARKER-odd"}, {}, {"username": "alice", "password": 5}, "S3cr3t-MARKER-odd", ["S3cr3t-MARKER-odd"], 5]


@pytest.mark.parametrize("content", ODD_ONES, ids=repr)
def test_edge_38_what_is_no_record_is_set_aside_and_stays_as_an_older_version(double, content):
    double.overwrite(ALICE, content)
    store = open_store(double)
    with pytest.raises(store_module.DamagedRecordError) as caught:
        store.get(["alice"])
    assert caught.value.kind == "store_failed" and "MARKER" not in caught.value.message
    with store_module.damaged_records_set_aside() as names:
        entry = store.get(["alice"])["alice"]
        assert names == {"alice"} and entry.record.password is None and ("MARKER" in entry.record.set_aside) is ("MARKER" in repr(content))
        double.overwrite(ALICE, content)
        with pytest.raises(StoreConflict):
            store.put({"alice": entry})
        entry = store.get(["alice"])["alice"]
        entry.record.repair("S3cr3t-MARKER-new")
        store.put({"alice": entry})
    assert open_store(double).get(["alice"])["alice"].record == entry.record
    assert double.secret(ALICE).versions[2].data == content and double.data(ALICE)["password"] == "S3cr3t-MARKER-new"


def test_edge_38_a_repair_says_where_the_secret_of_somebody_else_is_kept(double, monkeypatch):
    ModelVendor.reset(alice="S3cr3t-MARKER-old")
    use_model(monkeypatch, *(open_store(double) for _number in range(5)))
    double.overwrite(ALICE, {"key": "S3cr3t-MARKER-odd"})
    args = {"vendor": "model", "connection": {"url": "model://"}, "users": ["alice"]}
    result = run_action(rotation_run.ActionModule, args)
    assert result["error"]["kind"] == "store_failed" and "set_aside_damaged" in result["msg"]
    args["users"] = [{"name": "alice", "password": "S3cr3t-MARKER-wrong"}]
    assert run_action(rotation_repair.ActionModule, dict(args, set_aside_damaged=True))["failed"] and sorted(double.secret(ALICE).versions) == [1]
    args["users"] = [{"name": "alice", "password": "S3cr3t-MARKER-old"}]
    dry = run_action(rotation_repair.ActionModule, dict(args, set_aside_damaged=True), check_mode=True)
    assert "the damaged content would be kept in the record" in dry["summary"][0] and sorted(double.secret(ALICE).versions) == [1]
    result = run_action(rotation_repair.ActionModule, dict(args, set_aside_damaged=True))
    assert "failed" not in result and result["summary"][0].endswith("in the record (set_aside) and, for a while, as an older version of the secret")
    assert "MARKER" not in repr(result) and "S3cr3t-MARKER-odd" in double.data(ALICE)["set_aside"]
    again = run_action(rotation_repair.ActionModule, dict(args, set_aside_damaged=True))
    assert "failed" not in again and "set_aside" not in again["summary"][0]
