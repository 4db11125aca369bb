# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store hashi_vault on a real OpenBao, beyond the contract of all stores: what its settings, its operators and its ends do to records."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import re
import subprocess
import threading
import time
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, Note, Store, StoreConflict

from tests.integration.store_records import current, put
from tests.servers.machine import default_cache_dir
from tests.servers.openbao import AppRole, OpenBao, Refused, documented_policy, program
from tests.store_cases.openbao import OpenBaoCase
from tests.unit.plugins.rotation_doubles import loader

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")

FORK = multiprocessing.get_context("fork")
# The children only write to the store; they wait for no thread that was not copied.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

OLD, NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new"
MANY = ["user-%03d" % number for number in range(150)]
Start = Callable[..., OpenBao]


@pytest.fixture(name="store")
def a_store(openbao: OpenBaoCase) -> Iterator[Store]:
    opened = openbao.open()
    yield opened
    opened.close()


def at(server: OpenBao, role: AppRole | None = None, host: str = "host-1", **options: Any) -> Store:
    """The store on a server."""
    login = role._asdict() if role else {} if "token" in options else {"token": server.root_token}
    given = {"url": server.url, "timeout": 5, "retries": 1, **login, **options}
    return open_store("hashi_vault", host, {"store_options": given}, loader())


def failure_of(call: Callable[..., Any], *args: Any, kind: str = "store_failed") -> str:
    """The message of a store that cannot go on; never with a secret."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind == kind and "MARKER" not in caught.value.message, caught.value
    return caught.value.message


def bao(server: OpenBao, *arguments: str, token: str | None = None) -> str:
    """What the server's own program prints."""
    environment = {"PATH": os.defpath, "HOME": str(server.work_dir), "BAO_ADDR": server.url, "BAO_TOKEN": token or server.root_token}
    command = [str(program(default_cache_dir())), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout


def advised(server: OpenBao, told: str, verb: str) -> list[str]:
    """The command that a message advises, as arguments of the program."""
    found = re.search(r"\(vault (%s [^)]*)\)" % verb, told)
    assert found, told
    return found[1].split()


# The permissions


def test_the_documented_policy_is_enough_for_records_and_notes_and_no_more_than_needed(openbao: OpenBaoCase, store: Store) -> None:
    server, policy = openbao.server, documented_policy(openbao.mount)
    put(store, OLD, "alice")
    put(store, NEW, "alice")
    assert store.list() == ["alice"]
    assert store.write_note("lease", {"owner": "b"}, store.write_note("lease", {"owner": "a"}, None)) == 2
    for number, capability in enumerate(re.findall(r'"(\w+)"', re.sub(r'path "[^"]*"', "", policy))):
        less = at(server, server.make_role("%s-less-%d" % (openbao.mount, number), policy.replace('"%s"' % capability, '"sudo"')),
                  host="host-" + capability, mount_point=openbao.mount)  # fmt: skip

        def all_of_it(less: Store = less) -> None:
            put(less, OLD, "alice")
            put(less, NEW, "alice")
            less.list()

        assert "permission denied" in failure_of(all_of_it), capability
        less.close()


def test_an_application_reads_as_the_documentation_tells(openbao: OpenBaoCase, store: Store) -> None:
    put(store, NEW, "alice", "a/b")
    reader = openbao.server.make_token('path "%s/data/rekey/host-1/*" { capabilities = ["read"] }' % openbao.mount)
    for user, name in (("alice", "alice"), ("a/b", "a%2Fb")):
        assert bao(openbao.server, "kv", "get", "-mount=" + openbao.mount, "-field=password", "rekey/host-1/" + name, token=reader) == NEW, user
        assert bao(openbao.server, "kv", "get", "-mount=" + openbao.mount, "-field=username", "rekey/host-1/" + name, token=reader) == user


def test_a_token_may_have_no_more_than_reading(openbao: OpenBaoCase, store: Store) -> None:
    put(store, NEW, "alice")
    token = openbao.server.make_token('path "%s/data/rekey/*" { capabilities = ["read"] }' % openbao.mount)
    reader = at(openbao.server, token=token, mount_point=openbao.mount)
    assert current(reader) == NEW and current(reader, "bob") is None and reader.read_note("lease") == Note(None, None)
    assert "permission denied" in failure_of(put, reader, OLD, "alice")
    assert "permission denied" in failure_of(reader.write_note, "lease", {}, None)
    assert current(store) == NEW


# Names


@pytest.mark.parametrize("length", [200, 255, 500])
def test_long_names(openbao: OpenBaoCase, length: int) -> None:
    name = "ü" * (length // 6) + "x" * (length - length // 6 * 6)
    store = openbao.open(name)
    put(store, NEW, name)
    store.write_note(name, {"owner": "a"}, None)
    assert store.list() == [name] and current(store, name) == NEW and store.read_note(name).content == {"owner": "a"}
    store.close()


@pytest.mark.parametrize("path", ["a b/ü", "team%2Fone", "x" * 100, "a/b/c/d", "~", "data", "metadata/data"])
def test_paths_of_any_kind(openbao: OpenBaoCase, path: str) -> None:
    server = openbao.server
    store = at(server, mount_point=openbao.mount, path=path)
    put(store, NEW, "alice")
    assert store.list() == ["alice"] and current(store) == NEW
    store.close()


# Settings of the engine


def test_with_cas_required_the_store_works_and_others_cannot_overwrite(openbao: OpenBaoCase, store: Store) -> None:
    openbao.server.request("POST", openbao.mount + "/config", {"cas_required": True})
    put(store, OLD, "alice")
    put(store, NEW, "alice")
    version = store.write_note("lease", {"owner": "a"}, None)
    assert store.write_note("lease", {"owner": "b"}, version) == 2 and current(store) == NEW
    with pytest.raises(Refused, match="check-and-set parameter required"):
        openbao.server.request("POST", "%s/data/rekey/host-1/alice" % openbao.mount, {"data": {"password": "S3cr3t-MARKER-theirs"}})


@pytest.mark.parametrize("where", ["config", "metadata/rekey/host-1/alice"], ids=["of the engine", "of the secret"])
def test_records_that_the_server_would_delete_are_refused_until_that_is_changed(openbao: OpenBaoCase, store: Store, where: str) -> None:
    openbao.server.request("POST", "%s/%s" % (openbao.mount, where), {"delete_version_after": "1h"})
    told = failure_of(put, store, OLD, "alice")
    assert "the server is to delete it at 2" in told
    advice = advised(openbao.server, told, "write")
    assert advice == ["write", openbao.mount + "/config", "delete_version_after=0s"]
    if where == "config":
        assert "the server is to delete it" in failure_of(store.write_note, "lease", {}, None)
    bao(openbao.server, *advice)
    openbao.server.request("POST", "%s/metadata/rekey/host-1/alice" % openbao.mount, {"delete_version_after": "0s"})
    put(store, NEW, "alice")
    assert current(store) == NEW


def test_one_kept_version_is_enough(openbao: OpenBaoCase, store: Store) -> None:
    openbao.server.request("POST", openbao.mount + "/config", {"max_versions": 1})
    version = None
    for number in range(4):
        put(store, "%s-%d" % (NEW, number), "alice")
        version = store.write_note("lease", {"number": number}, version)
    assert list(openbao.server.metadata("rekey/host-1/alice", openbao.mount)["versions"]) == ["4"]
    assert current(store) == NEW + "-3" and store.read_note("lease") == Note({"number": 3}, 4)


# Deleted and destroyed versions


def test_a_deleted_record_comes_back_as_the_message_tells(openbao: OpenBaoCase, store: Store) -> None:
    put(store, OLD, "alice")
    put(store, NEW, "alice")
    bao(openbao.server, "kv", "delete", "-mount=" + openbao.mount, "rekey/host-1/alice")
    told = failure_of(store.get, ["alice"])
    assert "The newest version (2) of %s/rekey/host-1/alice" % openbao.mount in told and "is deleted. It is not overwritten." in told
    with pytest.raises(StoreConflict):
        store.put({"alice": Entry(Record("alice", password=OLD), None)})
    bao(openbao.server, *advised(openbao.server, told, "kv undelete"))
    assert current(store) == NEW


def test_of_a_destroyed_record_an_older_version_comes_back_as_the_message_tells(openbao: OpenBaoCase, store: Store) -> None:
    put(store, OLD, "alice")
    put(store, NEW, "alice")
    bao(openbao.server, "kv", "destroy", "-mount=" + openbao.mount, "-versions=2", "rekey/host-1/alice")
    told = failure_of(store.get, ["alice"])
    assert "is destroyed. It is not overwritten." in told
    bao(openbao.server, *(part.replace("-version=...", "-version=1") for part in advised(openbao.server, told, "kv rollback")))
    assert current(store) == OLD
    put(store, NEW, "alice")
    assert current(store) == NEW


def test_a_record_that_was_deleted_for_good_begins_anew(openbao: OpenBaoCase, store: Store) -> None:
    put(store, OLD, "alice")
    version = store.get(["alice"])["alice"].version
    bao(openbao.server, "kv", "delete", "-mount=" + openbao.mount, "rekey/host-1/alice")
    bao(openbao.server, *advised(openbao.server, failure_of(store.get, ["alice"]), "kv metadata delete"))
    assert current(store) is None and store.list() == []
    with pytest.raises(StoreConflict):
        store.put({"alice": Entry(Record("alice", password=OLD), version)})
    put(store, NEW, "alice")
    assert current(store) == NEW


@pytest.mark.parametrize("how", ["delete", "destroy"])
def test_a_lease_that_an_operator_ends_is_free(openbao: OpenBaoCase, store: Store, how: str) -> None:
    version = store.write_note("lease", {"owner": "a"}, store.write_note("lease", {"owner": "a"}, None))
    versions = ["-versions=2"] if how == "destroy" else []
    bao(openbao.server, "kv", how, "-mount=" + openbao.mount, *versions, "rekey/.rekey/lease")
    assert store.read_note("lease") == Note(None, 2)
    assert store.write_note("lease", {"owner": "b"}, 2) == 3
    with pytest.raises(StoreConflict):
        store.write_note("lease", {"owner": "a"}, version)


# Several writers


def _fight(case: OpenBaoCase, name: str, results: Any) -> None:
    store = case.open()
    won = []
    for number in range(8):
        entries = store.get(["fought over"])
        try:
            store.put({"fought over": Entry(Record("fought over", password="S3cr3t-MARKER-%s-%d" % (name, number)), entries["fought over"].version)})
            won.append("%s-%d" % (name, number))
        except StoreConflict:
            pass
    results.put(won)


def test_of_several_processes_at_one_record_each_version_has_one_writer(openbao: OpenBaoCase) -> None:
    results = FORK.SimpleQueue()
    workers = [FORK.Process(target=_fight, args=(openbao, "w%d" % number, results), daemon=True) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    won = [name for _worker in workers for name in results.get()]
    path = "%s/data/rekey/host-1/fought%%2520over" % openbao.mount
    number = openbao.server.metadata("rekey/host-1/fought%2520over", openbao.mount)["current_version"]
    assert number == len(won) >= 8
    kept = [openbao.server.request("GET", "%s?version=%d" % (path, version))["data"]["data"]["password"] for version in range(max(1, number - 9), number + 1)]
    assert len(set(kept)) == len(kept) and {each.removeprefix("S3cr3t-MARKER-") for each in kept} <= set(won)


# Sealed, killed, restarted


def test_a_server_that_is_sealed_in_between_is_an_error_and_works_on_afterwards(openbao: OpenBaoCase, store: Store) -> None:
    put(store, OLD, "alice")
    seen = store.get(["alice"])["alice"]
    openbao.disturb()
    for call in (lambda: store.get(["alice"]), store.list, lambda: store.put({"alice": Entry(Record("alice", password=NEW), seen.version)}),
                 lambda: store.read_note("lease"), lambda: store.write_note("lease", {}, None)):  # fmt: skip
        assert "sealed" in failure_of(call)
    openbao.mend()
    store.put({"alice": Entry(Record("alice", password=NEW), seen.version)})
    assert current(store) == NEW


def test_what_was_confirmed_survives_a_kill(start_openbao: Start) -> None:
    server = start_openbao()
    store = at(server, server.make_role(), concurrency=4)
    confirmed: list[str] = []
    stopped = threading.Event()

    def write() -> None:
        for user in MANY:
            try:
                put(store, NEW, user)
            except PasswordError:
                break
            confirmed.append(user)
        stopped.set()

    thread = threading.Thread(target=write)
    thread.start()
    end = time.monotonic() + 60
    while len(confirmed) < 20:
        assert time.monotonic() < end and not stopped.is_set()
        time.sleep(0.005)
    server.kill()
    assert stopped.wait(60) and 20 <= len(confirmed) < len(MANY)
    thread.join(10)
    server.restart()
    again = at(server)
    held = {user: entry.record for user, entry in again.get(MANY).items()}
    assert all(held[user].password == NEW for user in confirmed), "a confirmed record is lost"
    # The one that was under way is there as a whole, or not at all.
    assert sum(record is not None for record in held.values()) <= len(confirmed) + 1
    # The token of before is as good as ever, and the same write goes through.
    put(store, OLD, *MANY)
    assert all(entry.record.password == OLD for entry in store.get(MANY).values())
    store.close()


def test_killed_in_the_middle_of_a_write_of_many_and_written_again(start_openbao: Start) -> None:
    server = start_openbao()
    store = at(server, server.make_role(), concurrency=8)
    entries = {user: Entry(Record(user, password=NEW, status="current"), None) for user in MANY}
    outcome: list[Any] = []

    def write() -> None:
        try:
            store.put(entries)
        except (PasswordError, StoreConflict) as error:
            outcome.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    watching = at(server)
    end = time.monotonic() + 60
    while len(watching.list()) < 10:
        assert time.monotonic() < end
    server.kill()
    thread.join(120)
    assert not thread.is_alive() and isinstance(outcome[0], PasswordError) and outcome[0].kind == "store_failed"
    server.restart()
    held = watching.get(MANY)
    there = [user for user, entry in held.items() if entry.record]
    assert 10 <= len(there) < len(MANY) and all(held[user].record.password == NEW for user in there)
    with pytest.raises(StoreConflict) as caught:
        store.put(entries)
    assert caught.value.users == there
    assert watching.list() == sorted(MANY)


# A token at its end


def test_a_token_that_has_expired_is_replaced(openbao: OpenBaoCase) -> None:
    server = openbao.server
    role = server.make_role("short-" + openbao.mount, documented_policy(openbao.mount), token_ttl="1s", token_max_ttl="1s")
    store = at(server, role, mount_point=openbao.mount)
    put(store, OLD, "alice")
    first = store._token.text
    end = time.monotonic() + 30
    while store._token.text == first:
        assert time.monotonic() < end
        put(store, NEW, "alice")
        store.write_note("lease", {}, store.read_note("lease").version)
    assert current(store) == NEW
    store.close()


def test_a_token_that_was_revoked_is_replaced(openbao: OpenBaoCase, store: Store) -> None:
    put(store, OLD, "alice")
    openbao.server.request("POST", "auth/token/revoke", {"token": store._token.text})
    put(store, NEW, "alice")
    openbao.server.request("POST", "auth/token/revoke", {"token": store._token.text})
    assert current(store) == NEW


@pytest.mark.parametrize("uses", [1, 2, 3, 7])
def test_a_token_with_few_uses_is_replaced(openbao: OpenBaoCase, uses: int) -> None:
    server = openbao.server
    role = server.make_role("few-" + openbao.mount, documented_policy(openbao.mount), token_num_uses=uses)
    store = at(server, role, mount_point=openbao.mount, concurrency=8)
    users = MANY[:12]
    put(store, OLD, *users)
    put(store, NEW, *users)
    assert {record.record.password for record in store.get(users).values()} == {NEW} and store.list() == sorted(users)
    store.close()


def test_a_secret_id_that_is_used_up_is_an_error_that_says_so(openbao: OpenBaoCase) -> None:
    server = openbao.server
    role = server.make_role("once-" + openbao.mount, documented_policy(openbao.mount), secret_id_num_uses=1)
    store = at(server, role, mount_point=openbao.mount)
    put(store, OLD, "alice")
    server.request("POST", "auth/token/revoke", {"token": store._token.text})
    told = failure_of(store.get, ["alice"])
    assert told.startswith("The login by AppRole at auth/approle at %s failed with HTTP 400" % server.url) and "secret_id (it may have expired)" in told
    store.close()


def test_a_token_of_ones_own_that_has_ended_is_an_error(openbao: OpenBaoCase) -> None:
    token = openbao.server.make_token(documented_policy(openbao.mount))
    store = at(openbao.server, token=token, mount_point=openbao.mount)
    put(store, OLD, "alice")
    openbao.server.request("POST", "auth/token/revoke", {"token": token})
    assert "Has the token expired" in failure_of(store.get, ["alice"])


def test_a_token_ends_with_the_store(openbao: OpenBaoCase) -> None:
    store = openbao.open()
    put(store, OLD, "alice")
    token = store._token.text
    store.close()
    with pytest.raises(Refused, match="permission denied"):
        openbao.server.request("GET", "auth/token/lookup-self", token=token)


def test_a_wrong_login_is_made_once_a_call_and_the_lock_of_the_server_is_named(openbao: OpenBaoCase) -> None:
    wrong = at(openbao.server, openbao.role._replace(secret_id="S3cr3t-MARKER-wrong"), mount_point=openbao.mount)
    for _number in range(5):
        assert "HTTP 400: invalid role or secret ID" in failure_of(wrong.get, ["alice", "bob", "carol"])
    told = failure_of(openbao.open().get, ["alice"])
    assert "HTTP 403" in told and "refuses the right ones as well for a while" in told


# Namespaces, engines, TLS


def test_a_namespace_is_a_world_of_its_own(start_openbao: Start) -> None:
    server = start_openbao()
    for name in ("team", "team/one"):
        parent, _slash, last = name.rpartition("/")
        server.request("POST", "sys/namespaces/" + last, namespace=parent)
        server.make_engine(namespace=name)
        server.request("POST", "sys/auth/approle", {"type": "approle"}, namespace=name)
    roles = {name: server.make_role(namespace=name) for name in ("", "team", "team/one")}
    for name, role in roles.items():
        store = at(server, role, namespace=name or None)
        assert store.list() == [] and store.read_note("lease") == Note(None, None), name
        put(store, "S3cr3t-MARKER-in-" + name, "alice")
        store.write_note("lease", {"owner": name}, None)
        store.close()
    for name, role in roles.items():
        store = at(server, role, namespace="/%s/" % name if name else None)
        assert current(store) == "S3cr3t-MARKER-in-" + name and store.read_note("lease").content == {"owner": name}
        store.close()
        assert server.data("rekey/host-1/alice", namespace=name)["password"] == "S3cr3t-MARKER-in-" + name
    assert "The login by AppRole" in failure_of(at(server, roles["team"]).get, ["alice"])
    assert "HTTP 404: namespace not found" in failure_of(at(server, roles["team"], namespace="nowhere").get, ["alice"])


def test_an_engine_that_keeps_no_versions_is_never_written_to(start_openbao: Start) -> None:
    server = start_openbao()
    server.make_engine("old", version=1)
    for mount in ("old", "none", "secret/deeper", "cubbyhole"):
        store = at(server, mount_point=mount)
        for call in (lambda store=store: put(store, OLD, "alice"), lambda store=store: store.write_note("lease", {}, None)):
            told = failure_of(call)
            assert "is not a KV secrets engine of version 2" in told or "failed with HTTP 40" in told, mount
        store.close()
    with pytest.raises(Refused):
        server.request("GET", "old/data/rekey/host-1/alice")


def test_with_tls(start_openbao: Start, tls_files: Any) -> None:
    server = start_openbao(tls=tls_files.server, ca=tls_files.ca)
    role = server.make_role()
    store = at(server, role, ca_path=str(tls_files.ca))
    put(store, NEW, "alice")
    assert current(store) == NEW
    store.close()
    assert "TLS with %s failed" % server.url in failure_of(at(server, role, ca_path=str(tls_files.other_ca)).get, ["alice"])


# Much


def test_as_many_texts_as_the_server_takes_in_no_request(openbao: OpenBaoCase, store: Store) -> None:
    """OpenBao refuses a request with more than 1,000 texts; a note may hold more."""
    names = {"account-%d" % number: "host-%d" % number for number in range(1500)}
    with pytest.raises(Refused, match="exceeded maximum number of strings"):
        openbao.server.request("POST", openbao.mount + "/data/x", {"data": names})
    store.write_note("target", {"claims": names}, None)
    assert store.read_note("target").content == {"claims": names}


def test_nothing_but_the_policy_of_the_documentation_is_given(openbao: OpenBaoCase) -> None:
    """The stand of the contract has no more rights than an administrator gives who follows the page."""
    page = (pathlib.Path(__file__).parents[2] / "docs" / "reference" / "stores" / "hashi_vault.md").read_text(encoding="utf-8")
    assert documented_policy() in page
    held = openbao.server.request("GET", "sys/policies/acl/" + openbao.mount)["data"]["policy"]
    assert held.replace(openbao.mount, "secret") == documented_policy()
