# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of pass with the real pass, GnuPG and git: what else it keeps than the contract of all stores, and what happens when something goes wrong."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import stat
import time

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _durable_files
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import passwordstore
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, StoreConflict

from tests.integration import leaks
from tests.store_cases.passwordstore import CASE, KEY

OLD, NEW, OTHER = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new", "S3cr3t-MARKER-other"
FORK = multiprocessing.get_context("fork")
FILES = [".lock~", "alice.gpg", "bob.gpg"]

pytestmark = [
    pytest.mark.real,
    # The children only write to the store; they wait for no thread that was not copied.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


@pytest.fixture
def case(tmp_path):
    with CASE(tmp_path) as running:
        yield running


@pytest.fixture(params=["pass", "gpg"])
def either(request, case):
    """A store with each of the backends."""
    case.more["backend"] = request.param
    return case


def put(case, host="host-1", **passwords):
    """Set the current passwords of users, whatever stood there."""
    store = case.open(host)
    entries = store.get(passwords)
    store.put({user: Entry(Record(user, password=password, status="current"), entries[user].version) for user, password in passwords.items()})


def current(case, *users):
    """The current passwords of users; ``None`` where there is no record."""
    entries = case.open().get(users or ["alice", "bob"])
    return [entry.record and entry.record.password for entry in entries.values()]


def failure(call, *args, **kwargs):
    """The message of a store that fails; never with a secret, nor with an exception behind it that holds one."""
    with pytest.raises(PasswordError) as caught:
        call(*args, **kwargs)
    assert caught.value.kind == "store_failed" and (caught.value.__suppress_context__ or caught.value.__context__ is None), caught.value
    assert "MARKER" not in caught.value.message and "[GNUPG:]" not in caught.value.message
    return caught.value.message


def assert_nothing_changed(case, before=(OLD, OTHER)):
    """The entries are the old ones, and nothing is left behind."""
    assert current(case) == list(before) and sorted(os.listdir(case.entry("alice").parent)) == FILES


def program(case, script):
    """Let the store run this in the place of pass, which it finds as ``$PASS``."""
    path = case.folder / "own"
    path.write_text("#!/bin/bash\nPASS=%s\n%s\n" % (shutil.which("pass"), script), encoding="utf-8")
    path.chmod(0o755)
    case.more["executable"] = str(path)


# What an entry is


def test_an_entry_as_its_readers_see_it(either):
    pending = Pending(NEW, run_id="run", created="2026-01-31T12:00:00Z", attempts=1)
    record = Record("alice@example.com", password="S3cr3t \"'$x` ü", previous=OLD, pending=pending)
    either.open().put({record.username: Entry(record, None)})
    shown = either.gnupg.show(either.directory, "rekey/host-1/alice@example.com").split("\n")
    assert shown[:2] == ["S3cr3t \"'$x` ü", "username: alice@example.com"] and shown[3:] == [""]
    rest = json.loads(shown[2])
    assert (rest["previous"], rest["pending"]["password"]) == (OLD, NEW) and not {"password", "username"} & set(rest)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (either.directory / "rekey").rglob("*")}
    assert modes == {"host-1": 0o700, "alice@example.com.gpg": 0o600, ".lock~": 0o600}
    # Only entries are seen by those who list the store.
    listed = either.gnupg.run("pass", "ls", PASSWORD_STORE_DIR=str(either.directory)).stdout
    assert "alice@example.com" in listed and "lock" not in listed


def test_each_backend_reads_what_the_other_has_written(case):
    for backend, password in (("pass", OLD), ("gpg", NEW), ("pass", OTHER)):
        case.more["backend"] = backend
        put(case, alice=password)
        case.more["backend"] = {"pass": "gpg", "gpg": "pass"}[backend]
        assert current(case, "alice") == [password]


def test_the_path_and_the_nearest_keys_count(either):
    either.more["path"] = "teams/db admins"
    either.gnupg.make_key("second@rekey.invalid")
    either.gnupg.run("pass", "init", "-p", "teams", KEY, "second@rekey.invalid", PASSWORD_STORE_DIR=str(either.directory))
    put(either, alice=OLD)
    path = either.directory / "teams" / "db admins" / "host-1" / "alice.gpg"
    told = either.gnupg.run("gpg", "--batch", "--status-fd", "1", "--list-only", "--decrypt", str(path)).stdout
    assert told.count("ENC_TO") == 2


def test_comments_in_the_list_of_keys(either):
    (either.directory / ".gpg-id").write_text("# ours\n%s# the store's\n\n" % KEY, encoding="utf-8")
    put(either, alice=OLD)
    assert current(either, "alice") == [OLD]


def test_an_entry_that_somebody_else_keeps_there(case):
    put(case, alice=OLD, bob=OTHER)
    directory = str(case.directory)
    for name, text in (("bob", "S3cr3t-MARKER\nlogin: bob\n"), ("not quoted", "x\n"), (".hidden", "x\n")):
        case.gnupg.run("pass", "insert", "-m", "-f", "rekey/host-1/" + name, text=text, PASSWORD_STORE_DIR=directory)
    assert case.open().list() == ["alice", "bob"] and current(case, "alice") == [OLD]
    assert "does not hold a record" in failure(current, case)
    with pytest.raises(StoreConflict):
        case.open().put({"bob": Entry(Record("bob", password=NEW), None)})
    assert case.gnupg.show(case.directory, "rekey/host-1/bob").startswith("S3cr3t-MARKER\nlogin")


def test_a_password_that_comes_back_does_not_pass_for_the_old_record(case):
    put(case, alice=OLD)
    seen = case.open().get(["alice"])["alice"]
    put(case, alice=NEW)
    put(case, alice=OLD)
    with pytest.raises(StoreConflict):
        case.open().put({"alice": Entry(Record("alice", password=OTHER), seen.version)})


def test_notes_lie_beside_the_hosts_and_in_no_repository(case):
    case.gnupg.init(case.directory, KEY, git=True)
    version = case.open().write_note("lease of host-1", {"owner": "one"}, None)
    assert case.open("host-2").read_note("lease of host-1").content == {"owner": "one"}
    put(case, alice=OLD)
    assert case.open().list() == ["alice"] and "rekey/.rekey" not in git(case, "status", "--porcelain", "--untracked-files=all")
    assert (case.directory / "rekey" / ".rekey" / "notes" / "lease of host-1").is_dir()
    os.rename(case.directory, case.folder / "away")
    for call in (lambda: case.open().read_note("lease of host-1"), lambda: case.open().write_note("lease of host-1", {}, version)):
        assert "There is no password store in" in failure(call)
    assert not case.directory.exists()


# Somebody else


@pytest.mark.parametrize("before", [OLD, None])
def test_an_entry_that_pass_itself_changes_while_the_new_one_is_made(case, before):
    """Neither pass nor an editor knows of the lock."""
    if before:
        put(case, alice=before)
    put(case, bob=OTHER)
    theirs = passwordstore._text(Record("alice", password="S3cr3t-MARKER-theirs"), "alice")
    (case.folder / "theirs").write_text(theirs, encoding="utf-8")
    program(case, '"$PASS" "$@" && PASSWORD_STORE_DIR=%s "$PASS" insert -m -f rekey/host-1/alice < %s' % (case.directory, case.folder / "theirs"))
    with pytest.raises(StoreConflict) as caught:
        put(case, alice=NEW, bob=NEW)
    assert caught.value.users == ["alice"] and current(case) == ["S3cr3t-MARKER-theirs", NEW]


def test_a_host_that_somebody_else_has_locked(case, monkeypatch):
    monkeypatch.setattr(passwordstore, "_LOCK_WAIT", 0.0)
    put(case, alice=OLD, bob=OTHER)
    with _durable_files.file_lock(str(case.entry("alice").parent / ".lock~"), 0):
        told = failure(put, case, alice=NEW)
        assert told == "%s has been locked by another process for 0 seconds." % (case.entry("alice").parent / ".lock~")
        # Reading needs no lock, and another host has one of its own.
        assert_nothing_changed(case)
        put(case, "host-2", alice=NEW)
    put(case, alice=NEW)
    assert current(case) == [NEW, OTHER]


# Death


class Tapped:
    """A module, each function of which announces that it is called."""

    def __init__(self, module, announce):
        self._module, self._announce = module, announce

    def __getattr__(self, name):
        found = getattr(self._module, name)
        if not callable(found) or (isinstance(found, type) and name != "Popen"):
            return found

        def announced(*args, **kwargs):
            self._announce(name)
            return found(*args, **kwargs)

        return announced


def _put_and_tell(case, announce):
    """Write alice, and announce all calls to the operating system."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(passwordstore, "_WORKERS", 1)
        for module, names in ((passwordstore, ("os", "shutil", "tempfile", "subprocess")), (_durable_files, ("os", "fcntl"))):
            for name in names:
                monkeypatch.setattr(module, name, Tapped(getattr(module, name), announce))
        put(case, alice=NEW)


def _die_at(case, place):
    calls = []

    def announce(name):
        calls.append(name)
        if len(calls) == place:
            os.kill(os.getpid(), signal.SIGKILL)

    _put_and_tell(case, announce)


def calls_of(case):
    """The names of the calls that writing alice makes."""
    calls = []
    _put_and_tell(case, calls.append)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("fresh", [True, False])
def test_killed_at_any_call_the_entry_is_the_old_one_or_the_new_one(case, fresh):
    template = case.folder / "template"

    def prepare():
        shutil.rmtree(case.directory)
        shutil.copytree(template, case.directory)

    if not fresh:
        put(case, alice=OLD, bob=OTHER)
    shutil.copytree(case.directory, template)
    before = [None, None] if fresh else [OLD, OTHER]
    calls = calls_of(case)
    assert {"open", "flock", "mkdtemp", "copyfile", "Popen", "fsync", "rename", "rmtree"} <= set(calls)
    found, left_behind = [], 0
    for place in range(1, len(calls) + 1):
        prepare()
        worker = FORK.Process(target=_die_at, args=(case, place), daemon=True)
        worker.start()
        worker.join(30)
        assert worker.exitcode == -signal.SIGKILL, calls[place - 1]
        found.append(current(case))
        folder = case.entry("alice").parent
        left_behind += folder.exists() and bool(set(os.listdir(folder)) - set(FILES))
        # The next run writes as if nothing had happened, and sweeps up.
        put(case, alice="S3cr3t-MARKER-next")
        assert current(case) == ["S3cr3t-MARKER-next", before[1]] and set(os.listdir(folder)) <= set(FILES)
    # First all old, then all new, and some died between with an entry half made.
    turn = found.index([NEW, before[1]])
    assert found == [before] * turn + [[NEW, before[1]]] * (len(found) - turn) and left_behind >= 3


def test_killed_while_pass_is_at_work(case):
    """pass lives on for a moment, and finishes where nobody looks."""
    put(case, alice=OLD, bob=OTHER)
    done = case.folder / "done"
    program(case, 'cat > %s; kill -KILL $PPID; "$PASS" "$@" < %s; touch %s' % (case.folder / "given", case.folder / "given", done))
    worker = FORK.Process(target=put, args=(case,), kwargs={"alice": NEW}, daemon=True)
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    end = time.monotonic() + 30
    while not done.exists() and time.monotonic() < end:
        os.sched_yield()
    assert done.exists() and current(case) == [OLD, OTHER] and case.open().list() == ["alice", "bob"]
    del case.more["executable"]
    put(case, alice=NEW)
    assert_nothing_changed(case, (NEW, OTHER))


def test_an_entry_is_on_disk_before_it_takes_its_place_and_the_folder_after_it(case):
    put(case, alice=OLD)
    assert [name for name in calls_of(case) if name in ("fsync", "rename")] == ["fsync", "rename", "fsync"]


def _fail_at(place, told):
    calls = []

    def announce(name):
        calls.append(name)
        if len(calls) == place:
            told.append(name)
            raise OSError(28, "No space left on device")

    return announce


@pytest.mark.slow
def test_whatever_call_fails_no_entry_is_torn(case):
    put(case, alice=OLD, bob=OTHER)
    shutil.copytree(case.directory, case.folder / "template")
    calls = calls_of(case)
    renamed = calls.index("rename")
    for place, name in enumerate(calls):
        if name in ("open", "flock", "mkdtemp", "Popen", "fsync", "rename"):
            shutil.rmtree(case.directory)
            shutil.copytree(case.folder / "template", case.directory)
            told = []
            message = failure(_put_and_tell, case, _fail_at(place + 1, told))
            assert told == [name] and "No space left on device" in message and str(case.directory) in message or name == "Popen", name
            assert_nothing_changed(case, (NEW if place > renamed else OLD, OTHER))


# The programs fail


@pytest.mark.parametrize("script, told", [
    ("cat > /dev/null; exit 7", "cannot be encrypted: no reason was given."),
    ("cat > /dev/null; echo 'gpg: all is lost' >&2; exit 2", "cannot be encrypted: gpg: all is lost"),
    ("cat > /dev/null; exit 0", "cannot be encrypted"),
    ("exit 1", "cannot be encrypted"),
    ('cat > "$PASSWORD_STORE_DIR/alice.gpg"; kill -KILL $$', "cannot be encrypted"),
    # Half of it, and success all the same.
    ('"$PASS" "$@"; truncate -s -20 "$PASSWORD_STORE_DIR/alice.gpg"', "cannot be read back"),
    ('cat > /dev/null; : > "$PASSWORD_STORE_DIR/alice.gpg"', "cannot be read back"),
    ('sed s/MARKER/marker/ | "$PASS" "$@"', "cannot be read back: its content is not what was written."),
    ('cat > "$PASSWORD_STORE_DIR/alice.gpg"', "cannot be read back"),
])  # fmt: skip
def test_a_program_that_fails_or_says_what_is_not_true(case, script, told):
    put(case, alice=OLD, bob=OTHER)
    program(case, script)
    assert told in failure(put, case, alice=NEW)
    assert_nothing_changed(case)


def test_a_program_that_hangs_is_ended_with_its_children(case):
    put(case, alice=OLD, bob=OTHER)
    program(case, "sleep 600 & echo $! $$ > %s; wait" % (case.folder / "pids"))
    case.more["timeout"] = 1
    started = time.monotonic()
    assert failure(put, case, alice=NEW) == "%s has not answered for 1 seconds (option timeout)." % (case.folder / "own")
    assert time.monotonic() - started < 10
    for pid in (case.folder / "pids").read_text(encoding="utf-8").split():
        assert _is_gone(pid)
    assert_nothing_changed(case)


def _is_gone(pid):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            with open("/proc/%s/stat" % pid, encoding="utf-8") as stream:
                if stream.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
    return False


def test_a_read_is_tried_again_after_a_passing_fault(case, monkeypatch):
    put(case, alice=OLD)
    folder = case.folder / "bin"
    folder.mkdir()
    (folder / "gpg").write_text(
        "#!/bin/sh\nif mkdir %s/once-$FAULT 2>/dev/null; then echo 'gpg: decryption failed: Cannot allocate memory' >&2; exit 2; fi\n"
        'case $FAULT in always) cat > /dev/null; echo "gpg: no agent today" >&2; exit 2;; esac\nexec %s "$@"\n' % (folder, shutil.which("gpg")),
        encoding="utf-8",
    )  # fmt: skip
    (folder / "gpg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder) + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("FAULT", "passing")
    assert current(case, "alice") == [OLD] and (folder / "once-passing").exists()
    monkeypatch.setenv("FAULT", "always")
    assert "cannot be decrypted: gpg: no agent today" in failure(current, case, "alice")


# Keys


def test_a_locked_key_is_told_at_once_and_asks_nobody(either, monkeypatch):
    put(either, alice=OLD, bob=OTHER)
    either.gnupg.make_key("locked@rekey.invalid", "a pass phrase")
    either.gnupg.run("pass", "init", "locked@rekey.invalid", PASSWORD_STORE_DIR=str(either.directory))
    either.gnupg.end_agent()
    monkeypatch.setenv("GPG_TTY", "/dev/tty")
    before = either.entry("alice").read_bytes()
    for call in (lambda: current(either, "alice"), lambda: either.open().put({"carol": Entry(Record("carol", password=NEW), None)})):
        started = time.monotonic()
        assert "the secret key is locked. Unlock it in gpg-agent beforehand" in failure(call)
        assert time.monotonic() - started < 10
    # The pass phrase is not there, but to encrypt none is needed: what could not be read again did not replace anything.
    assert either.entry("alice").read_bytes() == before and either.open().list() == ["alice", "bob"]


def test_a_secret_key_that_is_elsewhere(either):
    put(either, alice=OLD, bob=OTHER)
    version = either.open().get(["alice"])["alice"].version
    secret = either.gnupg.run("gpg", "--batch", "--armor", "--export-secret-keys", KEY).stdout
    fingerprint = either.gnupg.run("gpg", "--batch", "--with-colons", "--list-keys", KEY).stdout.split("fpr:::::::::")[1].split(":")[0]
    either.gnupg.run("gpg", "--batch", "--yes", "--delete-secret-keys", fingerprint)
    told = "the secret key that opens it is not in %s. Import it there: gpg --import." % either.gnupg.home
    assert told in failure(current, either)
    before = either.entry("alice").read_bytes()
    refused = failure(either.open().put, {"alice": Entry(Record("alice", password=NEW), version)})
    assert told in refused and "The old one is untouched." in refused and either.entry("alice").read_bytes() == before
    either.gnupg.run("gpg", "--batch", "--import", text=secret)
    assert_nothing_changed(either)


@pytest.mark.parametrize("fault", ["missing", "expired", "not trusted"])
def test_a_key_for_which_nothing_can_be_encrypted(either, fault):
    put(either, alice=OLD, bob=OTHER)
    name = "other@rekey.invalid"
    if fault == "expired":
        either.gnupg.run(
            "gpg",
            "--batch",
            "--passphrase-fd",
            "0",
            "--pinentry-mode",
            "loopback",
            "--faked-system-time",
            "20250101T000000",
            "--quick-generate-key",
            name,
            "future-default",
            "default",
            "1d",
            text="\n",
        )
    elif fault == "not trusted":
        with type(either.gnupg)() as elsewhere:
            elsewhere.make_key(name)
            exported = elsewhere.run("gpg", "--batch", "--armor", "--export").stdout
        either.gnupg.run("gpg", "--batch", "--import", text=exported)
    (either.directory / ".gpg-id").write_text("%s\n%s\n" % (KEY, name), encoding="utf-8")
    told = failure(put, either, alice=NEW)
    assert "the key %s, which %s names, is missing, expired or not trusted" % (name, either.directory / ".gpg-id") in told
    (either.directory / ".gpg-id").write_text(KEY + "\n", encoding="utf-8")
    assert_nothing_changed(either)


def test_no_key_is_fetched_from_the_network(case):
    (case.directory / ".gpg-id").write_text("nobody@rekey.invalid\n", encoding="utf-8")
    told = failure(put, case, alice=NEW)
    assert "WKD" not in told and not (case.gnupg.home / "S.dirmngr").exists()


def test_a_list_of_keys_that_has_to_be_signed(case, monkeypatch):
    """pass refuses a list of keys that is not signed by the key that it is told, also for an entry that is made beside the others."""
    fingerprint = case.gnupg.run("gpg", "--batch", "--with-colons", "--list-keys", KEY).stdout.split("fpr:::::::::")[1].split(":")[0]
    monkeypatch.setenv("PASSWORD_STORE_SIGNING_KEY", fingerprint)
    assert "Signature for" in failure(put, case, alice=OLD)
    case.gnupg.run("pass", "init", KEY, PASSWORD_STORE_DIR=str(case.directory), PASSWORD_STORE_SIGNING_KEY=fingerprint)
    put(case, alice=OLD)
    assert current(case, "alice") == [OLD]


# Links and damage


@pytest.mark.parametrize("what", ["entry", "host", "path", "directory"])
def test_a_link_whose_target_is_not_there_is_no_empty_store(case, what):
    put(case, alice=OLD, bob=OTHER)
    path = {"entry": case.entry("alice"), "host": case.entry("alice").parent, "path": case.directory / "rekey", "directory": case.directory}[what]
    os.rename(path, case.folder / "away")
    path.symlink_to(case.folder / "unmounted")
    for call in (lambda: current(case), lambda: put(case, alice=NEW), *([] if what == "entry" else [case.open().list])):
        assert "is a link to" in failure(call)
    assert path.is_symlink()
    path.unlink()
    path.symlink_to(case.folder / "away")
    assert current(case) == [OLD, OTHER]


@pytest.mark.parametrize("what", ["entry", "host", "path"])
def test_edge_3_a_link_is_followed_and_stays(either, what):
    put(either, alice=OLD, bob=OTHER)
    path = {"entry": either.entry("alice"), "host": either.entry("alice").parent, "path": either.directory / "rekey"}[what]
    volume = either.folder / "volume"
    volume.mkdir()
    os.rename(path, volume / path.name)
    path.symlink_to(volume / path.name)
    (volume / ".new~half").mkdir()
    put(either, alice=NEW)
    put(either, carol=OTHER)
    assert path.is_symlink() and current(either, "alice", "bob", "carol") == [NEW, OTHER, OTHER]
    if what == "entry":
        assert sorted(os.listdir(volume)) == [".lock~", "alice.gpg"] and not (volume / "alice.gpg").is_symlink()
        assert (volume / "alice.gpg").stat().st_mode & 0o777 == 0o600
    # What lies on the volume is what counts.
    path.unlink()
    os.rename(volume / path.name, path)
    assert current(either, "alice", "bob", "carol") == [NEW, OTHER, OTHER]


def test_edge_3_entries_here_and_behind_links_in_one_write(case):
    put(case, alice=OLD, bob=OTHER)
    for number, user in enumerate(("alice", "bob")):
        (case.folder / str(number)).mkdir()
        os.rename(case.entry(user), case.folder / str(number) / "kept")
        case.entry(user).symlink_to(case.folder / str(number) / "kept")
    put(case, alice=NEW, bob=NEW, carol=NEW)
    assert current(case, "alice", "bob", "carol") == [NEW] * 3 and all(case.entry(user).is_symlink() for user in ("alice", "bob"))


def test_edge_3_a_link_in_a_circle(case):
    put(case, alice=OLD, bob=OTHER)
    path = case.entry("alice")
    path.unlink()
    path.symlink_to(path)
    for call in (lambda: current(case), lambda: put(case, alice=NEW)):
        assert "Too many levels of symbolic links" in failure(call)
    assert path.is_symlink() and current(case, "bob") == [OTHER]


def test_edge_35_what_was_written_is_read_back(case, monkeypatch):
    """Another machine, for which our lock is none, writes at the same moment."""
    put(case, alice=OLD, bob=OTHER)
    theirs = case.entry("bob").read_bytes()
    version = case.open().get(["alice"])["alice"].version
    monkeypatch.setattr(passwordstore, "sync", lambda path: case.entry("alice").write_bytes(theirs) if os.path.isdir(path) else None)
    with pytest.raises(StoreConflict) as caught:
        case.open().put({"alice": Entry(Record("alice", password=NEW), version)})
    assert caught.value.users == ["alice"]


def test_a_message_that_nobody_has_encrypted_is_no_entry(case):
    put(case, alice=OLD, bob=OTHER)
    text = case.gnupg.show(case.directory, "rekey/host-1/alice")
    case.gnupg.run("gpg", "--batch", "--yes", "--store", "--output", str(case.entry("alice")), text=text)
    assert "cannot be decrypted" in failure(current, case)


@pytest.mark.parametrize("damage", [
    lambda content: b"", lambda content: content[:10], lambda content: content[:-1], lambda content: b"\0" * 4096, lambda content: b"S3cr3t-MARKER-plain\n",
    lambda content: content[:-30] + b"\0\0\0" + content[-27:], lambda content: content + b"x",
])  # fmt: skip
def test_a_damaged_entry_is_told_and_stays_as_it_is(case, damage):
    put(case, alice=OLD, bob=OTHER)
    path = case.entry("alice")
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    told = failure(current, case)
    assert str(path) in told and "restore it from a copy; it is not overwritten" in told
    failure(put, case, alice=NEW)
    assert path.read_bytes() == before and current(case, "bob") == [OTHER]


def test_a_name_that_is_too_long_for_a_file(case):
    put(case, alice=OLD)
    assert "File name too long" in failure(current, case, "x" * 300)
    assert "File name too long" in failure(put, case, "h" * 300, alice=OLD)
    with pytest.raises(PasswordError, match="File name too long"):
        case.open().put({"x" * 300: Entry(Record("x", password=NEW), None)})


# git


def git(case, *arguments):
    return case.gnupg.run("git", "-C", str(case.directory), *arguments).stdout


@pytest.fixture
def tracked(case):
    """A store that is a git repository."""
    case.gnupg.init(case.directory, KEY, git=True)
    return case


def test_edge_3_a_host_behind_a_link_that_leads_out_of_the_repository(tracked):
    put(tracked, alice=OLD, bob=OTHER)
    folder = tracked.entry("alice").parent
    os.rename(folder, tracked.folder / "volume")
    folder.symlink_to(tracked.folder / "volume")
    before = git(tracked, "rev-list", "--count", "HEAD")
    put(tracked, alice=NEW)
    assert current(tracked) == [NEW, OTHER] and git(tracked, "rev-list", "--count", "HEAD") == before and folder.is_symlink()


def test_each_put_is_one_commit_of_the_entries_alone(tracked):
    before = git(tracked, "rev-list", "--count", "HEAD")
    (tracked.directory / "mine").write_text("not to be committed", encoding="utf-8")
    git(tracked, "add", "mine")
    put(tracked, alice=OLD, bob=OTHER)
    put(tracked, alice=NEW)
    assert int(git(tracked, "rev-list", "--count", "HEAD")) == int(before) + 2
    assert git(tracked, "log", "-1", "--format=%s").strip() == "Store passwords of rekey/host-1."
    assert git(tracked, "show", "--format=", "--name-only", "HEAD~").split() == ["rekey/host-1/alice.gpg", "rekey/host-1/bob.gpg"]
    # Neither the lock nor what is being made is of any interest to git.
    assert git(tracked, "status", "--porcelain").split("\n") == ["A  mine", ""]
    # A conflict of all is no commit, and nor is reading.
    with pytest.raises(StoreConflict):
        tracked.open().put({"alice": Entry(Record("alice", password=NEW), None)})
    assert int(git(tracked, "rev-list", "--count", "HEAD")) == int(before) + 2


def test_pass_goes_back_to_a_password_of_before(tracked):
    put(tracked, alice=OLD)
    put(tracked, alice=NEW)
    tracked.gnupg.run("pass", "git", "revert", "--no-edit", "HEAD", PASSWORD_STORE_DIR=str(tracked.directory))
    assert current(tracked, "alice") == [OLD]


def test_what_a_killed_run_has_not_committed_is_committed_by_the_next(tracked):
    put(tracked, alice=OLD, bob=OTHER)

    def die(arguments):
        if "commit" in arguments:
            os.kill(os.getpid(), signal.SIGKILL)

    def put_and_die():
        run = passwordstore.PasswordStore._git
        passwordstore.PasswordStore._git = lambda store, *arguments: (die(arguments), run(store, *arguments))[1]
        put(tracked, alice=NEW)

    worker = FORK.Process(target=put_and_die, daemon=True)
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL and current(tracked) == [NEW, OTHER] and git(tracked, "status", "--porcelain").strip()
    put(tracked, bob=NEW)
    assert git(tracked, "show", "--format=", "--name-only", "HEAD").split() == ["rekey/host-1/alice.gpg", "rekey/host-1/bob.gpg"]
    assert not git(tracked, "status", "--porcelain")


def _put_hosts(case, hosts):
    for host in hosts:
        put(case, host, alice=OLD)


def test_hosts_at_once_in_one_repository(tracked, monkeypatch):
    # They wait for each other, and need no second try.
    monkeypatch.setattr(passwordstore, "_TRIES", 1)
    before = int(git(tracked, "rev-list", "--count", "HEAD"))
    workers = [FORK.Process(target=_put_hosts, args=(tracked, ["h-%d-%d" % (one, two) for two in range(4)]), daemon=True) for one in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert int(git(tracked, "rev-list", "--count", "HEAD")) == before + 16 and not git(tracked, "status", "--porcelain")


def test_a_commit_that_fails_is_told_and_what_was_written_stays(tracked, monkeypatch):
    put(tracked, alice=OLD, bob=OTHER)
    git(tracked, "config", "user.useConfigOnly", "true")
    git(tracked, "config", "--unset", "user.email")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    told = failure(put, tracked, alice=NEW)
    assert "The entries in %s are written, but git commit fails: fatal:" % tracked.entry("alice").parent in told
    assert current(tracked) == [NEW, OTHER]
    git(tracked, "config", "user.email", "owner@rekey.invalid")
    monkeypatch.setattr(passwordstore, "_PAUSE", 0.01)
    (tracked.directory / ".git" / "index.lock").touch()
    assert "index.lock" in failure(put, tracked, alice=OTHER)
    (tracked.directory / ".git" / "index.lock").unlink()
    put(tracked, bob=NEW)
    assert current(tracked) == [OTHER, NEW] and not git(tracked, "status", "--porcelain")


def test_git_of_somebody_else_is_waited_for(tracked, monkeypatch):
    put(tracked, alice=OLD)
    lock = tracked.directory / ".git" / "index.lock"
    lock.touch()
    pauses = []

    def release(seconds):
        pauses.append(seconds)
        if seconds >= 1:
            lock.unlink()

    monkeypatch.setattr(passwordstore.time, "sleep", release)
    put(tracked, alice=NEW)
    assert max(pauses) >= 1 and not git(tracked, "status", "--porcelain")


def test_a_repository_around_the_store_is_left_alone(case):
    """pass looks for git in the store, not above it."""
    case.gnupg.run("git", "init", "--quiet", str(case.folder))
    put(case, alice=OLD)
    assert case.gnupg.run("git", "-C", str(case.folder), "log", check=False).returncode and not (case.entry("alice").parent / ".gitignore").exists()


# Secrets


@pytest.mark.secrets
def test_no_secret_in_arguments_environments_and_files(either, monkeypatch):
    either.gnupg.init(either.directory, KEY, git=True)
    seen, folder = either.folder / "seen", either.folder / "bin"
    folder.mkdir()
    for name in ("pass", "gpg", "git"):
        # What /proc shows of each process, told by the process itself: none is too short-lived to be seen.
        script = '#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >> %s\nexec %s "$@"\n' % (seen, shutil.which(name))
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder) + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("TMPDIR", str(either.folder))
    names = ("alice", "bob")
    secrets = ["S3cr3t-MARKER-%s-%s" % (step, name) for step in "ab" for name in names]
    for step in "ab":
        put(either, **{name: "S3cr3t-MARKER-%s-%s" % (step, name) for name in names})
        assert current(either) == ["S3cr3t-MARKER-%s-%s" % (step, name) for name in names]
    told = seen.read_bytes()
    # pass calls gpg through the same folder.
    for argument in ("--encrypt" if either.more["backend"] == "gpg" else "insert", "--decrypt", "commit"):
        assert b"\0%s\0" % argument.encode() in told
    assert not leaks.search(secrets, {}, [either.folder, either.gnupg.home])
    assert b"MARKER" not in told
