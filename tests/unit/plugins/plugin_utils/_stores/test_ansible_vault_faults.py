# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The embedded store when things go wrong: killed at any call, a disk that is full, a file that is damaged."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import signal

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _durable_files
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import ansible_vault
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores.ansible_vault import AnsibleVaultStore
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

from tests.unit.plugins.rotation_doubles import loader
from tests.unit.products import thinned

VAULT = "S3cr3t-MARKER-vault"
OLD, NEW, OTHER = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new", "S3cr3t-MARKER-other"
FORK = multiprocessing.get_context("fork")
# The children only write to the store; they wait for no thread that was not copied.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
FILES = [".db-1.rekey.txt~lock", ".rekey", "db-1.rekey.txt"]


def put(folder, **passwords):
    """Set the current passwords of users, whatever stood there."""
    store = AnsibleVaultStore("db-1", {"store_path": str(folder), "store_create": True}, loader(VAULT))
    entries = store.get(passwords)
    store.put({user: Entry(Record(user, password=password), entries[user].version) for user, password in passwords.items()})


def current(folder):
    """The current passwords of alice and bob."""
    entries = AnsibleVaultStore("db-1", {"store_path": str(folder), "store_create": True}, loader(VAULT)).get(["alice", "bob"])
    return [entry.record and entry.record.password for entry in entries.values()]


def failure_of(call, *args, **kwargs):
    """The message of a store that cannot go on; never with a secret, nor with an exception behind it that holds one."""
    with pytest.raises(PasswordError) as caught:
        call(*args, **kwargs)
    assert caught.value.kind == "store_failed" and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    assert "MARKER" not in caught.value.message
    return caught.value.message


class Tapped:
    """A module, each function of which is announced before and after it does its work."""

    def __init__(self, module, announce):
        self._module, self._announce = module, announce

    def __getattr__(self, name):
        found = getattr(self._module, name)
        if not callable(found) or isinstance(found, type):
            return found

        def announced(*args, **kwargs):
            self._announce("before", name, args)
            result = found(*args, **kwargs)
            self._announce("after", name, args)
            return result

        return announced


def tap(monkeypatch, announce):
    """Announce all calls of the store to the operating system."""
    for module, name in ((ansible_vault, "os"), (ansible_vault, "tempfile"), (_durable_files, "os"), (_durable_files, "fcntl")):
        monkeypatch.setattr(module, name, Tapped(getattr(module, name), announce))


def calls_of(folder, **passwords):
    """Every call that a write makes, found by watching one: list of (before or after, function, what it works on)."""
    calls = []

    def announce(when, name, args):
        on = os.path.realpath("/proc/self/fd/%d" % args[0]) if name == "fsync" else str(args[0]) if args else ""
        calls.append((when, name, on))
        assert_encrypted(folder)

    with pytest.MonkeyPatch.context() as monkeypatch:
        tap(monkeypatch, announce)
        put(folder, **passwords)
    return calls


def assert_encrypted(folder):
    """Nothing below the folder can be read without the vault password."""
    assert not [path for path in folder.rglob("*") if path.is_file() and b"MARKER" in path.read_bytes()]


def test_data_reach_the_disk_before_the_file_is_replaced_and_the_folder_after_it(tmp_path):
    store = tmp_path / "deep" / "store"
    told = []
    for password in (OLD, NEW):
        calls = [(name, on) for when, name, on in calls_of(store, alice=password) if when == "before" and name in ("mkdir", "fsync", "rename")]
        told += [(name, "temporary" if "/.db-1.rekey.txt~" in on else os.path.relpath(on, tmp_path)) for name, on in calls]
    write = [("fsync", "temporary"), ("rename", "temporary"), ("fsync", "deep/store")]
    assert told == [("mkdir", "deep"), ("fsync", "."), ("mkdir", "deep/store"), ("fsync", "deep"), *write, *write]


def _die_at(folder, place):
    """Write, and be killed right before the given call; at -1 in the middle of writing."""
    calls = []

    def announce(when, name, _args):
        # Right after a call is right before the next one.
        if when == "before":
            calls.append(name)
            if len(calls) == place + 1:
                os.kill(os.getpid(), signal.SIGKILL)

    def write_half(handle, _mode):
        os.write(handle, b"$ANSIBLE_VAULT;1.1;AES")
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as monkeypatch:
        if place == -1:
            monkeypatch.setattr(os, "fdopen", write_half)
        tap(monkeypatch, announce)
        put(folder, alice=NEW)


@pytest.mark.parametrize("fresh", thinned([False, True], 1))
def test_killed_at_any_call_the_file_is_the_old_one_or_the_new_one(tmp_path, fresh):
    def prepare(name):
        if not fresh:
            put(tmp_path / name, alice=OLD, bob=OTHER)
        return tmp_path / name

    before = [None, None] if fresh else [OLD, OTHER]
    after = [NEW, before[1]]
    places = len(calls_of(prepare("watched"), alice=NEW)) // 2
    assert places > 10
    found, left_behind = [], 0
    for place in range(-1, places):
        folder = prepare(str(place))
        worker = FORK.Process(target=_die_at, args=(folder, place), daemon=True)
        worker.start()
        worker.join(30)
        assert worker.exitcode == -signal.SIGKILL
        found.append(current(folder))
        assert_encrypted(folder)
        left_behind += folder.exists() and bool(set(os.listdir(folder)) - set(FILES))
        # The next run writes as if nothing had happened, and sweeps up.
        put(folder, alice="S3cr3t-MARKER-next")
        assert current(folder) == ["S3cr3t-MARKER-next", before[1]] and sorted(os.listdir(folder)) == FILES
    # First all old, then all new, and some died between with a temporary file.
    turn = found.index(after)
    assert found == [before] * turn + [after] * (len(found) - turn) and left_behind >= 3


def _fail_at(place, code):
    """Lets the call with that number fail."""
    calls = []

    def announce(when, name, _args):
        if when == "before":
            calls.append(name)
            if len(calls) == place + 1:
                raise OSError(code, os.strerror(code))

    return announce


@pytest.mark.parametrize("code", thinned([errno.ENOSPC, errno.EIO, errno.EROFS], 1))
@pytest.mark.parametrize("fresh", [True, False])
def test_whatever_call_fails_the_old_content_stays(tmp_path, fresh, code):
    def prepare(name):
        if not fresh:
            put(tmp_path / name, alice=OLD, bob=OTHER)
        return tmp_path / name

    names = [name for when, name, _on in calls_of(prepare("watched"), alice=NEW) if when == "before"]
    # Closing what was only locked, and asking for the process's own folder, do not fail.
    places = [place for place, name in enumerate(names) if name not in ("close", "listdir")]
    assert {"open", "flock", "mkstemp", "fdopen", "fsync", "rename"} <= {names[place] for place in places}
    last = len(names) - 1 - names[::-1].index("fsync")
    for place in places:
        folder = prepare(str(place))
        with pytest.MonkeyPatch.context() as monkeypatch:
            tap(monkeypatch, _fail_at(place, code))
            told = failure_of(put, folder, alice=NEW)
        assert os.strerror(code) in told and str(folder) in told
        done = place >= last or (names[place] == "open" and "rename" in names[:place])
        assert ("is untouched" in told) == (not done and "mkstemp" in names[: place + 1])
        assert current(folder) == ([NEW, None if fresh else OTHER] if done else [None, None] if fresh else [OLD, OTHER])
        assert not folder.exists() or set(os.listdir(folder)) <= set(FILES)
        put(folder, alice="S3cr3t-MARKER-next")


def _write_with_a_full_disk(folder, told):
    # The kernel itself cuts the write short.
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
    try:
        put(folder, alice=NEW)
    except PasswordError as error:
        told.put(error.message)


def test_a_write_that_the_kernel_cuts_short(tmp_path):
    put(tmp_path, alice=OLD, bob=OTHER)
    told = FORK.SimpleQueue()
    worker = FORK.Process(target=_write_with_a_full_disk, args=(tmp_path, told), daemon=True)
    worker.start()
    worker.join(30)
    assert worker.exitcode == 0
    assert told.get() == "%s cannot be written: File too large. What it held before is untouched." % (tmp_path / "db-1.rekey.txt")
    assert current(tmp_path) == [OLD, OTHER] and sorted(os.listdir(tmp_path)) == FILES


def encrypted(content, password=VAULT):
    """A file as ansible-vault writes it."""
    return VaultLib([("default", VaultSecret(password.encode()))]).encrypt(content)


def whole():
    """A file with a record, as it should be."""
    return encrypted(json.dumps({"format": 1, "users": {"alice": Record("alice", password=OLD).as_dict()}}))


def users(**records):
    """A file with these records, whatever they are."""
    return encrypted(json.dumps({"format": 1, "users": records}))


@pytest.mark.parametrize(
    "content, told",
    thinned(
        [
            (lambda: b"", "is not encrypted by ansible-vault. Restore it from a copy; it is not overwritten."),
            (lambda: b"\x00" * 4096, "is not encrypted by ansible-vault"),
            (lambda: b"alice: S3cr3t-MARKER-plain\n", "is not encrypted by ansible-vault"),
            (lambda: whole()[:10], "is not encrypted by ansible-vault"),
            (lambda: whole()[:14], "cannot be decrypted"),
            (lambda: whole()[:20], "cannot be decrypted"),
            (lambda: whole()[:28], "cannot be decrypted"),
            (lambda: whole()[:29], "cannot be decrypted"),
            (lambda: whole()[:100], "cannot be decrypted"),
            (lambda: whole()[: len(whole()) // 2], "cannot be decrypted"),
            (lambda: whole()[:-2], "cannot be decrypted"),
            (lambda: whole()[:-3], "cannot be decrypted"),
            (lambda: whole()[:200] + b"0000" + whole()[204:], "cannot be decrypted"),
            (lambda: whole()[:200] + b"zzzz" + whole()[204:], "cannot be decrypted"),
            (lambda: whole() + whole(), "cannot be decrypted"),
            (lambda: whole().replace(b"1.1;AES256", b"1.1;ROT13"), "cannot be decrypted"),
            (lambda: encrypted("{}", "another password"), "cannot be decrypted with the vault passwords of this play; or it is damaged"),
            (lambda: encrypted(""), "does not hold records"),
            (lambda: encrypted("alice: S3cr3t-MARKER-plain"), "does not hold records"),
            (lambda: encrypted(b"\xff\xfe"), "does not hold records"),
            (lambda: encrypted("[]"), "does not hold records"),
            (lambda: encrypted("null"), "does not hold records"),
            (lambda: encrypted('"S3cr3t-MARKER"'), "does not hold records"),
            (lambda: encrypted('{"alice": "S3cr3t-MARKER"}'), "does not hold records"),
            (lambda: encrypted('{"format": 1}'), "does not hold records"),
            (lambda: encrypted('{"format": 1, "users": ["S3cr3t-MARKER"]}'), "does not hold records"),
            (lambda: encrypted('{"format": 1, "users": null}'), "does not hold records"),
            (lambda: encrypted('{"format": 2, "users": {}}'), "was written in the format 2, which this version does not know"),
            (lambda: encrypted('{"format": null, "users": {}}'), "was written in the format None, which this version does not know"),
            (lambda: users(alice=None), "is damaged: the record is not a dictionary"),
            (lambda: users(alice="S3cr3t-MARKER"), "is damaged: the record is not a dictionary"),
            (lambda: users(alice={"username": "alice", "password": 7}), "is damaged: password is not a text"),
            (lambda: users(alice={"username": "alice", "pending": {"password": NEW, "attempts": "many"}}), "is damaged: pending.attempts is not a number"),
            (lambda: users(alice={"username": "alice", "later": "S3cr3t-MARKER"}), "has keys that this version does not know: later"),
        ],
        9,
        several=True,
    ),
)
def test_a_damaged_file_is_told_and_never_overwritten(tmp_path, content, told):
    path = tmp_path / "db-1.rekey.txt"
    path.write_bytes(content())
    before = path.read_bytes()
    store = AnsibleVaultStore("db-1", {"store_path": str(tmp_path), "store_create": True}, loader(VAULT))
    for call in (lambda: store.get(["alice"]), lambda: store.put({"alice": Entry(Record("alice", password=NEW), None)})):
        message = failure_of(call)
        assert told in message and str(path) in message
    assert path.read_bytes() == before and sorted(os.listdir(tmp_path)) == [name for name in FILES if name != ".rekey"]


def test_another_users_damaged_record_stops_nobody_and_stays_as_it_is(tmp_path):
    (tmp_path / "db-1.rekey.txt").write_bytes(users(bob={"username": "bob", "later": OTHER}))
    put(tmp_path, alice=NEW)
    text = VaultLib(loader(VAULT)._vault.secrets).decrypt((tmp_path / "db-1.rekey.txt").read_bytes())
    content = json.loads(text.partition(b"\n")[2])
    assert content["users"]["bob"] == {"username": "bob", "later": OTHER} and content["users"]["alice"]["password"] == NEW


def test_a_link_whose_target_is_not_there_is_no_empty_store(tmp_path):
    # The target may stand on a volume that is not mounted just now.
    (tmp_path / "db-1.rekey.txt").symlink_to(tmp_path / "unmounted" / "db-1.rekey.txt")
    assert "is a link to a file that does not exist" in failure_of(current, tmp_path)
    assert "is a link to a file that does not exist" in failure_of(put, tmp_path, alice=NEW)
    assert (tmp_path / "db-1.rekey.txt").is_symlink()


def test_something_else_stands_where_the_file_or_the_folder_should(tmp_path):
    (tmp_path / "db-1.rekey.txt").mkdir()
    assert "cannot be read: Is a directory" in failure_of(put, tmp_path, alice=NEW)
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "cannot be read: Not a directory" in failure_of(put, tmp_path / "file", alice=NEW)
    (tmp_path / "link").symlink_to(tmp_path / "unmounted")
    assert "cannot be used: No such file or directory" in failure_of(put, tmp_path / "link", alice=NEW)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    # By a double of open(), since root may read everything.
    put(tmp_path, alice=OLD)
    before = (tmp_path / "db-1.rekey.txt").read_bytes()

    def refuse(*_args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(ansible_vault, "open", refuse, raising=False)
    assert failure_of(current, tmp_path) == "%s cannot be read: Permission denied." % (tmp_path / "db-1.rekey.txt")
    assert "Permission denied" in failure_of(put, tmp_path, alice=NEW)
    assert (tmp_path / "db-1.rekey.txt").read_bytes() == before
