# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Milvus behaves as the collection takes for granted: plain requests, nothing of the collection in between."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import importlib.metadata
import importlib.util
import lzma
import time
import types

import pytest
import requests

from tests.integration import real_milvus

# Without them there is no server, and so nothing to test here; the fixtures tell the reason.
with contextlib.suppress(ImportError):
    from tests.servers import milvus, milvus_package

NOT_AUTHENTICATED = (401, 1800)


def bearer(name, password):
    return f"Bearer {name}:{password}".encode()


def basic(name, password):
    return b"Basic " + base64.b64encode(f"{name}:{password}".encode())


def post(server, operation, body, authorization, timeout=30):
    headers = {} if authorization is None else {"Authorization": authorization}
    if isinstance(body, bytes):
        content = {"data": body}
    else:
        content = {"json": body}
    return requests.post(f"{server.url}/v2/vectordb/users/{operation}", headers=headers, timeout=timeout, **content)


def result(server, operation, body, authorization):
    """Status, code, and what else there is: the data or the message."""
    answer = post(server, operation, body, authorization)
    assert answer.headers["Content-Type"].startswith("application/json"), answer.text
    content = answer.json()
    assert set(content) == {"code", "data" if content["code"] == 0 else "message"}
    return answer.status_code, content["code"], content.get("data", content.get("message"))


def change(server, name, old, new, authorization):
    return result(server, "update_password", {"userName": name, "password": old, "newPassword": new}, authorization)


def logged_in(server, name, authorization):
    """What the login probe of the collection does: a user asks for itself."""
    status, code = result(server, "describe", {"userName": name}, authorization)[:2]
    assert (status, code) in ((200, 0), NOT_AUTHENTICATED)
    return status == 200


def root(server):
    return bearer("root", server.root_password)


# Changing


def test_a_user_changes_its_own_password_and_the_old_one_is_refused_at_once(milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    assert change(milvus_server, user.name, user.password, "Second-2", bearer(user.name, user.password)) == (200, 0, {})
    assert not logged_in(milvus_server, user.name, bearer(user.name, user.password))
    assert logged_in(milvus_server, user.name, bearer(user.name, "Second-2"))
    # The same, past the front.
    assert not milvus_server.can_log_in(user.name, user.password)
    assert milvus_server.can_log_in(user.name, "Second-2")


def test_the_password_that_is_already_set_is_accepted(milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    assert change(milvus_server, user.name, user.password, user.password, bearer(user.name, user.password)) == (200, 0, {})
    assert milvus_server.can_log_in(user.name, user.password)


def test_a_weak_password_is_accepted(milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    assert change(milvus_server, user.name, user.password, "aaaaaa", bearer(user.name, user.password)) == (200, 0, {})


def test_the_wrong_current_password_is_refused(milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    refusal = (200, 1400, f"old password not correct for {user.name}: not authenticated")
    assert change(milvus_server, user.name, "not it", "Second-2", bearer(user.name, user.password)) == refusal
    assert milvus_server.can_log_in(user.name, user.password)


def test_root_changes_another_user_with_that_users_password_only(milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    refusal = (200, 1400, f"old password not correct for {user.name}: not authenticated")
    assert change(milvus_server, user.name, milvus_server.root_password, "Second-2", root(milvus_server)) == refusal
    assert change(milvus_server, user.name, user.password, "Second-2", root(milvus_server)) == (200, 0, {})
    assert milvus_server.can_log_in(user.name, "Second-2")


def test_a_user_without_the_privilege_cannot_change_another(milvus_server, milvus_user):
    alice, bob = milvus_user(milvus_server), milvus_user(milvus_server)
    status, code, message = change(milvus_server, bob.name, bob.password, "Second-2", bearer(alice.name, alice.password))
    assert (status, code) == (403, 65535)
    assert message.endswith(f"PrivilegeUpdateUser: permission deny to {alice.name}")
    assert milvus_server.can_log_in(bob.name, bob.password)


def test_an_unknown_user_looks_like_a_wrong_current_password(milvus_server):
    assert change(milvus_server, "nobody", "First-1", "Second-2", root(milvus_server)) == (200, 1400, "old password not correct for nobody: not authenticated")
    assert "nobody" not in milvus_server.list_users()


def test_a_database_name_is_ignored(milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    body = {"userName": user.name, "password": user.password, "newPassword": "Second-2", "dbName": "there is none"}
    assert result(milvus_server, "update_password", body, bearer(user.name, user.password)) == (200, 0, {})


# Super users


def test_a_super_user_needs_no_current_password(milvus_server_super, milvus_user):
    user = milvus_user(milvus_server_super)
    assert change(milvus_server_super, user.name, "not it", "Second-2", root(milvus_server_super)) == (200, 0, {})
    assert milvus_server_super.can_log_in(user.name, "Second-2")


def test_a_super_user_creates_an_unknown_user(milvus_server_super):
    """The danger: this reads like success."""
    assert "ghost" not in milvus_server_super.list_users()
    assert change(milvus_server_super, "ghost", "First-1", "Second-2", root(milvus_server_super)) == (200, 0, {})
    assert "ghost" in milvus_server_super.list_users()
    assert milvus_server_super.can_log_in("ghost", "Second-2")
    milvus_server_super.drop_user("ghost")


def test_super_users_change_while_the_server_runs(start_milvus, milvus_user):
    server = start_milvus()
    user = milvus_user(server)
    server.set_super_users("root")
    assert change(server, user.name, "not it", "Second-2", root(server)) == (200, 0, {})
    server.set_super_users("")
    assert change(server, user.name, "not it", "Third-3", root(server))[:2] == (200, 1400)
    assert server.list_users() == ["root", user.name]


# What passwords may be


@pytest.mark.parametrize("size", (6, 72))
def test_lengths_that_are_accepted(milvus_server, milvus_user, size):
    user = milvus_user(milvus_server)
    assert change(milvus_server, user.name, user.password, "x" * size, bearer(user.name, user.password)) == (200, 0, {})
    assert milvus_server.can_log_in(user.name, "x" * size)


@pytest.mark.parametrize("size", (1, 5, 257))
def test_lengths_that_the_server_refuses(milvus_server, milvus_user, size):
    user = milvus_user(milvus_server)
    status, code, message = change(milvus_server, user.name, user.password, "x" * size, bearer(user.name, user.password))
    assert (status, code) == (200, 1100)
    assert message.startswith("invalid password length: ")
    assert milvus_server.can_log_in(user.name, user.password)


@pytest.mark.parametrize("password", ("x" * 73, "x" * 256, "é" * 37))
def test_lengths_that_break_the_hash(milvus_server, milvus_user, password):
    user = milvus_user(milvus_server)
    refusal = (200, 65535, "encrypt password failed: bcrypt: password length exceeds 72 bytes")
    assert change(milvus_server, user.name, user.password, password, bearer(user.name, user.password)) == refusal
    assert milvus_server.can_log_in(user.name, user.password)


@pytest.mark.parametrize("scheme", (bearer, basic))
@pytest.mark.parametrize("password", ("a:b:c:d", ":begins", "grüße-密码-ñ", "  blanks before", "quo\"te\\s'<&>"))
def test_passwords_that_work_with_bearer_and_basic(milvus_server, milvus_user, scheme, password):
    user = milvus_user(milvus_server)
    assert change(milvus_server, user.name, user.password, password, scheme(user.name, user.password)) == (200, 0, {})
    assert logged_in(milvus_server, user.name, scheme(user.name, password))
    assert not logged_in(milvus_server, user.name, scheme(user.name, password + "x"))
    assert milvus_server.can_log_in(user.name, password)
    # And as the credential of a change.
    assert change(milvus_server, user.name, password, user.password, scheme(user.name, password)) == (200, 0, {})


def test_a_trailing_blank_is_lost_with_bearer_and_kept_with_basic(milvus_server, milvus_user):
    user = milvus_user(milvus_server, password="blank after ")
    assert not logged_in(milvus_server, user.name, bearer(user.name, user.password))
    assert logged_in(milvus_server, user.name, basic(user.name, user.password))
    assert milvus_server.can_log_in(user.name, user.password)
    assert change(milvus_server, user.name, user.password, "also after  ", basic(user.name, user.password)) == (200, 0, {})
    assert logged_in(milvus_server, user.name, basic(user.name, "also after  "))


# Bodies


@pytest.mark.parametrize("field", ("userName", "password", "newPassword"))
@pytest.mark.parametrize("value", ("", None, ...))
def test_missing_and_empty_fields(milvus_server, milvus_user, field, value):
    user = milvus_user(milvus_server)
    body = {"userName": user.name, "password": user.password, "newPassword": "Second-2", field: value}
    if value is ...:
        del body[field]
    status, code, message = result(milvus_server, "update_password", body, bearer(user.name, user.password))
    assert (status, code) == (200, 1802)
    assert message.startswith("missing required parameters")


@pytest.mark.parametrize("body", (b"", b"no JSON", b'["a list"]', b'{"userName": 1, "password": "First-1", "newPassword": "Second-2"}'))
def test_bodies_that_are_not_the_right_json(milvus_server, body):
    status, code, message = result(milvus_server, "update_password", body, root(milvus_server))
    assert (status, code) == (200, 1801)
    assert message.startswith("can only accept json format request")


# Authentication


@pytest.mark.parametrize(
    "authorization",
    (None, b"", bearer("root", "wrong"), basic("root", "wrong"), bearer("nobody", "Milvus"), b"Bearer some-api-key", b"Bearer root:", b"bearer root:Milvus"),
)
@pytest.mark.parametrize("operation", ("describe", "update_password", "list", "no_such_operation"))
def test_who_is_not_authenticated_gets_401_whatever_was_asked(milvus_server, authorization, operation):
    assert result(milvus_server, operation, b"no JSON", authorization) == (*NOT_AUTHENTICATED, "user hasn't authenticated")


def test_an_unknown_route_is_404_in_text_after_good_credentials(milvus_server):
    answer = post(milvus_server, "no_such_operation", {}, root(milvus_server))
    assert (answer.status_code, answer.text) == (404, "404 page not found")


def test_there_is_no_lock_out(milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    assert not any(logged_in(milvus_server, user.name, bearer(user.name, f"wrong {number}")) for number in range(100))
    assert logged_in(milvus_server, user.name, bearer(user.name, user.password))


# The other operations


def test_users_are_created_listed_described_and_dropped(milvus_server):
    admin = root(milvus_server)
    body = {"userName": "short_lived", "password": "First-1"}
    assert result(milvus_server, "create", body, admin) == (200, 0, {})
    assert result(milvus_server, "create", body, admin) == (200, 65535, "user already exists: short_lived")
    assert "short_lived" in result(milvus_server, "list", {}, admin)[2]
    assert result(milvus_server, "describe", {"userName": "short_lived"}, bearer("short_lived", "First-1")) == (200, 0, [])
    assert result(milvus_server, "drop", {"userName": "short_lived"}, admin) == (200, 0, {})
    assert "short_lived" not in milvus_server.list_users()
    # The server tells its own proxy of a dropped user beside the answer, so that one login more may pass.
    end = time.monotonic() + 10
    while result(milvus_server, "describe", {"userName": "short_lived"}, bearer("short_lived", "First-1"))[:2] != NOT_AUTHENTICATED:
        assert time.monotonic() < end, "a dropped user still logs in"
    status, code, message = result(milvus_server, "drop", {"userName": "root"}, admin)
    assert (status, code) == (200, 1401)
    assert message.startswith("root user cannot be deleted")


@pytest.mark.parametrize("operation, body", (("list", {}), ("describe", {"userName": "root"}), ("create", {"userName": "eve", "password": "First-1"})))
def test_operations_that_want_a_privilege(milvus_server, milvus_user, operation, body):
    user = milvus_user(milvus_server)
    status, code, message = result(milvus_server, operation, body, bearer(user.name, user.password))
    assert (status, code) == (403, 65535)
    assert f"permission deny to {user.name}" in message


# Authorization switched off


@pytest.mark.parametrize("authorization", (None, bearer("root", "Milvus"), bearer("root", "wrong"), basic("nobody", "wrong"), b"Bearer some-api-key"))
def test_without_authorization_everyone_is_let_in(milvus_server_open, authorization):
    assert result(milvus_server_open, "describe", {"userName": "root"}, authorization) == (200, 0, [])
    assert result(milvus_server_open, "list", {}, authorization)[:2] == (200, 0)


def test_without_authorization_a_change_still_wants_the_current_password(milvus_server_open, milvus_user):
    user = milvus_user(milvus_server_open)
    assert change(milvus_server_open, user.name, "not it", "Second-2", None)[:2] == (200, 1400)
    assert milvus_server_open.can_log_in(user.name, user.password)
    assert change(milvus_server_open, user.name, user.password, "Second-2", None) == (200, 0, {})
    assert milvus_server_open.can_log_in(user.name, "Second-2")
    assert not milvus_server_open.can_log_in(user.name, user.password)
    assert change(milvus_server_open, "nobody", "First-1", "Second-2", None)[:2] == (200, 1400)


# Death and return


def test_a_killed_server_answers_nothing_and_comes_back_as_it_was(start_milvus, milvus_user):
    server = start_milvus()
    url = server.url
    users = [milvus_user(server) for _number in range(4)]
    with requests.Session() as session:
        # A connection that is kept alive ends too.
        assert session.post(f"{url}/v2/vectordb/users/list", json={}, headers={"Authorization": root(server)}, timeout=30).status_code == 200

        def change_until_it_ends(user):
            known = [user.password]
            while len(known) < 10000:
                try:
                    assert change(server, user.name, known[-1], f"Password-{len(known)}", bearer(user.name, known[-1])) == (200, 0, {})
                except requests.ConnectionError:
                    return known
                known.append(f"Password-{len(known)}")
            raise AssertionError("the server was not killed")

        with concurrent.futures.ThreadPoolExecutor() as pool:
            runs = [pool.submit(change_until_it_ends, user) for user in users]
            assert not concurrent.futures.wait(runs, 0.3).done
            server.kill()
            known = [run.result(30) for run in runs]
        assert server.pid is None
        with pytest.raises(requests.ConnectionError):
            session.post(f"{url}/v2/vectordb/users/list", json={}, headers={"Authorization": root(server)}, timeout=30)
    with pytest.raises(requests.ConnectionError, match="refused"):
        post(server, "list", {}, root(server))

    server.restart()
    assert server.url == url
    for user, passwords in zip(users, known):
        assert len(passwords) > 1
        # The change under way when the server died may have happened or not, as ever.
        assert server.can_log_in(user.name, passwords[-1]) or server.can_log_in(user.name, f"Password-{len(passwords)}")

    server.kill(front=False)
    with pytest.raises(requests.ConnectionError, match="without response"):
        post(server, "list", {}, root(server))


def test_a_change_that_timed_out_just_after_a_restart_happens_all_the_same(start_milvus, milvus_user):
    server = start_milvus()
    user = milvus_user(server)
    server.restart(wait=False)
    body = {"userName": user.name, "password": user.password, "newPassword": "Second-2"}
    with pytest.raises(requests.Timeout):
        post(server, "update_password", body, bearer(user.name, user.password), timeout=2)
    server.wait_until_ready()
    end = time.monotonic() + 20
    while not server.can_log_in(user.name, "Second-2"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not server.can_log_in(user.name, user.password)


# Starting one


@pytest.fixture
def fake_package(monkeypatch, tmp_path):
    """A package milvus of two tiny files, so that unpacking costs nothing."""
    binaries = tmp_path / "package" / "data" / "bin"
    binaries.mkdir(parents=True)
    for name in ("milvus", "library.so.1"):
        (binaries / f"{name}.lzma").write_bytes(lzma.compress(b"#!/bin/sh\necho the reason; exit 3\n"))
    spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path / "package")])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: milvus_package.VERSION)
    return tmp_path


needs_starter = pytest.mark.skipif("milvus" not in globals(), reason="the libraries for the front are not installed")


@needs_starter
def test_many_unpack_at_once_and_one_does_it(fake_package, monkeypatch):
    cache = fake_package / "cache"
    stale = cache / f"milvus-{milvus_package.VERSION}.unpacking-dead"
    stale.mkdir(parents=True)
    unpacked = []
    real = milvus_package._unpack
    monkeypatch.setattr(milvus_package, "_unpack", lambda archive, target: unpacked.append(archive) or real(archive, target))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _number: milvus_package.unpacked(cache), range(8)))
    assert folders == {cache / f"milvus-{milvus_package.VERSION}"}
    assert sorted(path.name for path in folders.pop().iterdir()) == ["library.so.1", "milvus"]
    assert len(unpacked) == 2
    assert not stale.exists()


@needs_starter
def test_a_server_that_ends_at_once_says_why(fake_package):
    server = milvus.MilvusServer(fake_package / "work", fake_package / "cache")
    with pytest.raises(milvus.ServerError, match="ended with status 3(?s:.*)the reason"):
        server.start()


def test_a_port_that_someone_took_meanwhile(milvus_server, start_milvus, monkeypatch):
    """The running server only has to be there: its ports are taken."""
    real = milvus.free_ports
    chosen = []

    def free_ports():
        chosen.append(real() if chosen else {**real(), "metrics": milvus_server.grpc_port})
        return chosen[-1]

    monkeypatch.setattr(milvus, "free_ports", free_ports)
    assert start_milvus().list_users() == ["root"]
    assert len(chosen) == 2


@needs_starter
def test_where_no_server_can_run(fake_package, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(milvus_package.platform, "machine", lambda: "aarch64")
        with pytest.raises(milvus.Unavailable, match="aarch64"):
            milvus_package.unpacked(fake_package / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "version", lambda name: "2.4.0")
        with pytest.raises(milvus.Unavailable, match="2.4.0"):
            milvus_package.unpacked(fake_package / "cache")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(milvus.Unavailable, match="not installed"):
        milvus_package.unpacked(fake_package / "cache")


def test_a_missing_server_is_a_skip_or_where_wanted_a_failure(monkeypatch):
    monkeypatch.delenv("REKEY_REQUIRE_REAL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no real Milvus: a reason"):
        real_milvus.unavailable("a reason")
    monkeypatch.setenv("REKEY_REQUIRE_REAL", "1")
    with pytest.raises(pytest.fail.Exception, match="no real Milvus: a reason"):
        real_milvus.unavailable("a reason")
