# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The embedded store: what is written comes back, and nobody's record is lost to another writer."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import re
import stat
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _durable_files
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import ansible_vault
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores.ansible_vault import AnsibleVaultStore
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, StoreConflict

from tests.unit.plugins.rotation_doubles import loader

VAULT = "S3cr3t-MARKER-vault"
FORK = multiprocessing.get_context("fork")
# The children only write to the store; they wait for no thread that was not copied.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


def open_store(folder, host="db-1", passwords=(VAULT,), **more):
    """A store as an action opens it."""
    return AnsibleVaultStore(host, {"store_path": str(folder), "store_create": True}, loader(*passwords, **more))


def put(store, **passwords):
    """Set the current passwords of users, whatever stood there."""
    entries = store.get(passwords)
    store.put({user: Entry(Record(user, password=password), entries[user].version) for user, password in passwords.items()})


def current(store, user):
    """The current password of a user, or ``None``."""
    record = store.get([user])[user].record
    return record and record.password


def failure_of(call, *args):
    """The message of a store that refuses; never with a secret."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind in ("store_failed", "invalid_input")
    assert "MARKER" not in caught.value.message
    return caught.value.message


def test_round_trip(tmp_path):
    pending = Pending("S3cr3t-MARKER-ünïcödé-密码-🔑", run_id="run", created="2026-01-31T12:00:00Z", attempts=2, replaces="' \"\\\n")
    record = Record("ünïcödé 用户", password="S3cr3t-MARKER-1", pending=pending, rotated_at="2026-01-01T00:00:00Z", verified=True)
    store = open_store(tmp_path)
    entry = store.get([record.username])[record.username]
    assert (entry.record, entry.version) == (None, None)
    store.put({record.username: Entry(record, None)})
    assert open_store(tmp_path).get([record.username])[record.username].record == record
    assert store.list() == [record.username]


def test_reading_makes_nothing(tmp_path):
    store = open_store(tmp_path / "deep" / "folder")
    assert store.get([]) == {} and store.get(["alice"])["alice"].record is None and store.list() == []
    store.put({})
    assert not list(tmp_path.iterdir())


def test_writing_one_user_leaves_the_others_alone(tmp_path):
    store = open_store(tmp_path)
    put(store, alice="S3cr3t-MARKER-a", bob="S3cr3t-MARKER-b")
    put(store, bob="S3cr3t-MARKER-b2")
    assert (current(store, "alice"), current(store, "bob")) == ("S3cr3t-MARKER-a", "S3cr3t-MARKER-b2")


def test_only_those_are_written_that_nobody_else_has_changed(tmp_path):
    store, other = open_store(tmp_path), open_store(tmp_path)
    put(store, alice="S3cr3t-MARKER-a", bob="S3cr3t-MARKER-b")
    seen = store.get(["alice", "bob", "carol"])
    put(other, alice="S3cr3t-MARKER-other", carol="S3cr3t-MARKER-other")
    with pytest.raises(StoreConflict) as caught:
        store.put({user: Entry(Record(user, password="S3cr3t-MARKER-mine"), entry.version) for user, entry in seen.items()})
    assert caught.value.users == ["alice", "carol"]
    assert [current(store, user) for user in ("alice", "bob", "carol")] == ["S3cr3t-MARKER-other", "S3cr3t-MARKER-mine", "S3cr3t-MARKER-other"]


def test_a_conflict_of_all_writes_nothing(tmp_path):
    store = open_store(tmp_path)
    put(store, alice="S3cr3t-MARKER-a")
    before = (tmp_path / "db-1.rekey.txt").read_bytes()
    for version in (None, "stale"):
        with pytest.raises(StoreConflict):
            store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-mine"), version)})
    assert (tmp_path / "db-1.rekey.txt").read_bytes() == before


def _count_up(folder, times):
    store = open_store(folder)
    for _number in range(times):
        while True:
            entry = store.get(["counter"])["counter"]
            record = entry.record or Record("counter")
            record.failed_logins += 1
            try:
                store.put({"counter": Entry(record, entry.version)})
                break
            except StoreConflict:
                continue


def test_no_increment_of_many_processes_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(_durable_files, "_PAUSE", 0.001)
    workers = [FORK.Process(target=_count_up, args=(tmp_path, 20), daemon=True) for _number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert open_store(tmp_path).get(["counter"])["counter"].record.failed_logins == 160
    assert sorted(os.listdir(tmp_path)) == [".db-1.rekey.txt~lock", ".rekey", "db-1.rekey.txt"]


def test_a_host_that_somebody_else_has_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(ansible_vault, "_LOCK_TIMEOUT", 0.0)
    store = open_store(tmp_path)
    put(store, alice="S3cr3t-MARKER-a")
    with open(tmp_path / ".db-1.rekey.txt~lock", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert failure_of(lambda: put(store, alice="S3cr3t-MARKER-b")) == "%s has been locked by another process for 0 seconds." % (tmp_path / "db-1.rekey.txt")
        # Reading needs no lock, and another host has one of its own.
        assert current(store, "alice") == "S3cr3t-MARKER-a"
        put(open_store(tmp_path, "db-2"), alice="S3cr3t-MARKER-c")
    put(store, alice="S3cr3t-MARKER-b")
    assert current(store, "alice") == "S3cr3t-MARKER-b"


def test_waiting_for_the_lock_ends_when_it_is_free(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    put(store, alice="S3cr3t-MARKER-a")
    with open(tmp_path / ".db-1.rekey.txt~lock", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waited = threading.Event()
        pause = time.sleep

        def release(seconds):
            waited.set()
            fcntl.flock(held, fcntl.LOCK_UN)
            pause(seconds)

        monkeypatch.setattr(_durable_files.time, "sleep", release)
        put(store, alice="S3cr3t-MARKER-b")
    assert waited.is_set() and current(store, "alice") == "S3cr3t-MARKER-b"


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def no_locks(*_args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(_durable_files.fcntl, "flock", no_locks)
    store = open_store(tmp_path)
    assert failure_of(lambda: put(store, alice="S3cr3t-MARKER-a")) == "%s cannot be locked: No locks available." % (tmp_path / "db-1.rekey.txt")
    assert not (tmp_path / "db-1.rekey.txt").exists()


def test_modes(tmp_path):
    # Whatever the user's umask says.
    before = os.umask(0)
    try:
        put(open_store(tmp_path / "a" / "b"), alice="S3cr3t-MARKER-a")
    finally:
        os.umask(before)
    modes = {str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    mark = {"a/b/.rekey": 0o700, "a/b/.rekey/store.txt": 0o600}
    assert modes == {"a": 0o700, "a/b": 0o700, "a/b/db-1.rekey.txt": 0o600, "a/b/.db-1.rekey.txt~lock": 0o600, **mark}


def test_ansible_vault_view_shows_the_file(tmp_path):
    put(open_store(tmp_path), alice="S3cr3t-MARKER-a")
    (tmp_path / "vault-password").write_text(VAULT + "\n", encoding="utf-8")
    command = ["-m", "ansible.cli.vault", "view", "--vault-password-file", str(tmp_path / "vault-password"), str(tmp_path / "db-1.rekey.txt")]
    environment = dict(os.environ, PAGER="cat", HOME=str(tmp_path))
    shown = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True, env=environment)
    assert re.search('"password": "S3cr3t-MARKER-a"', shown.stdout)


def test_several_vault_ids(tmp_path, monkeypatch):
    both = {"passwords": ("S3cr3t-MARKER-1", "S3cr3t-MARKER-2"), "vault_ids": ("dev", "prod")}
    monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "dev")
    put(open_store(tmp_path, **both), alice="S3cr3t-MARKER-a")
    assert (tmp_path / "db-1.rekey.txt").read_text(encoding="utf-8").splitlines()[0].endswith(";dev")
    monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "prod")
    put(open_store(tmp_path, **both), bob="S3cr3t-MARKER-b")
    assert (tmp_path / "db-1.rekey.txt").read_text(encoding="utf-8").splitlines()[0].endswith(";prod")
    # Whoever has only the one with which it is encrypted now reads all of it.
    alone = open_store(tmp_path, passwords=("S3cr3t-MARKER-2",), vault_ids=("prod",))
    assert (current(alone, "alice"), current(alone, "bob")) == ("S3cr3t-MARKER-a", "S3cr3t-MARKER-b")


def test_an_identity_that_the_play_does_not_have(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    put(store, alice="S3cr3t-MARKER-a")
    monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "elsewhere")
    told = failure_of(lambda: put(store, alice="S3cr3t-MARKER-b"))
    assert told == "%s cannot be encrypted: no vault password of this play fits vault_encrypt_identity." % (tmp_path / "db-1.rekey.txt")
    assert current(store, "alice") == "S3cr3t-MARKER-a"


def test_without_a_vault_password_nothing_is_made(tmp_path):
    assert "Run with --vault-password-file" in failure_of(open_store, tmp_path / "new", "db-1", ())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{}, {"store_path": None}, {"store_path": ""}])
def test_without_a_folder(options):
    assert "rotate_store_path" in failure_of(AnsibleVaultStore, "db-1", options, loader(VAULT))


def test_a_relative_folder_is_refused(tmp_path, monkeypatch):
    """Started elsewhere, the same play would find no passwords there."""
    monkeypatch.chdir(tmp_path)
    assert "must be an absolute path" in failure_of(open_store, "passwords")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_every_host_has_a_file_of_its_own_within_the_folder(tmp_path):
    hosts = [
        "db", "DB", "db.yml", "db.rekey.txt", "db/1", "db_1", "../db", "/db", "..", ".", ".db", "%2Edb", "%2E", "%2Fdb", "~", "~db", "db~", "%7E", "lock",
        "db.yml~lock", "db.rekey.txt~lock", ".db.yml~lock", ".db.rekey.txt~lock", "a:1", "[::1]", "a b", "a\\b", "a\nb", "$HOME", "-rf", "*", "dß", "数据库",
    ]  # fmt: skip
    # And back again, since a host's second write sweeps up what looks like its own temporary files.
    for host in hosts + hosts[::-1]:
        put(open_store(tmp_path / "store", host), user="S3cr3t-MARKER-" + host)
    for host in hosts:
        assert current(open_store(tmp_path / "store", host), "user") == "S3cr3t-MARKER-" + host
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    names = set(os.listdir(tmp_path / "store")) - {".rekey"}
    assert len([name for name in names if name.endswith(".rekey.txt")]) == len([name for name in names if name.endswith("~lock")]) == len(hosts)
    assert not [name for name in names if name.startswith(".") and not name.endswith("~lock")]


def test_a_host_with_a_name_that_is_too_long_for_a_file(tmp_path):
    assert "File name too long" in failure_of(open_store(tmp_path, "h" * 300).get, ["alice"])
    # Room for the file, but not for the one beside it that replaces it.
    store = open_store(tmp_path, "h" * 243)
    assert "File name too long" in failure_of(lambda: put(store, alice="S3cr3t-MARKER-a"))
    assert not (tmp_path / ("h" * 243 + ".rekey.txt")).exists()


def test_a_folder_behind_a_link_and_with_a_tilde(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    put(open_store(tmp_path / "link"), alice="S3cr3t-MARKER-a")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert current(open_store("~/real"), "alice") == "S3cr3t-MARKER-a"


def test_what_it_has_read_or_written_itself_is_not_decrypted_again(tmp_path, monkeypatch):
    put(open_store(tmp_path), alice="first")
    store, decrypted = open_store(tmp_path), []
    decrypt = store._vault.decrypt
    monkeypatch.setattr(store._vault, "decrypt", lambda text: decrypted.append(text) or decrypt(text))
    put(store, alice="second")
    assert current(store, "alice") == "second" and len(decrypted) == 1
    # Of what somebody else has written nothing is known.
    put(open_store(tmp_path), alice="third")
    assert current(store, "alice") == "third" and len(decrypted) == 2


def test_notes_belong_to_the_store_and_need_no_lock(tmp_path, monkeypatch):
    """Edge 35: on many network file systems flock tells nothing."""
    monkeypatch.setattr(_durable_files.fcntl, "flock", lambda *_args: None)
    store, other = open_store(tmp_path), open_store(tmp_path, "db-2")
    version = store.write_note("lease of db-1", {"owner": "one"}, None)
    assert other.read_note("lease of db-1").content == {"owner": "one"} and store.list() == other.list() == []
    other.write_note("lease of db-1", {"owner": "two"}, other.read_note("lease of db-1").version)
    with pytest.raises(StoreConflict):
        store.write_note("lease of db-1", {"owner": "one"}, version)


def test_a_thousand_records_take_no_second(tmp_path):
    store = open_store(tmp_path)
    users = ["user-%d" % number for number in range(1000)]
    # Of this process: what others do meanwhile does not count.
    started = time.process_time()
    put(store, **{user: "S3cr3t-MARKER-" + user for user in users})
    assert {user: entry.record.password for user, entry in store.get(users).items()} == {user: "S3cr3t-MARKER-" + user for user in users}
    assert store.list() == sorted(users)
    assert time.process_time() - started < 1
