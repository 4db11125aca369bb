# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The embedded store as people use it: behind links, with several vault ids, edited by hand, on a file system whose locks are none."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Optional
from unittest import mock

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _durable_files, _store_registry
from ansible_collections.rekey.passwords.plugins.plugin_utils._folder_trust import mark
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import ansible_vault
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores.ansible_vault import AnsibleVaultStore
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, StoreConflict

from tests.unit.plugins.rotation_doubles import loader

OLD, NEW, OTHER = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new", "S3cr3t-MARKER-other"
VAULT = "S3cr3t-MARKER-vault"
DEV, PROD = ("dev", "S3cr3t-MARKER-vault-dev"), ("prod", "S3cr3t-MARKER-vault-prod")


def open_store(folder: pathlib.Path, *secrets: tuple[str, str], host: str = "h1") -> AnsibleVaultStore:
    """A store as an action opens it.

    :param secrets: vault ids and passwords of the play, in the order of the command line.
    """
    secrets = secrets or (("default", VAULT),)
    passwords = loader(*(password for _vault_id, password in secrets), vault_ids=[vault_id for vault_id, _password in secrets])
    return AnsibleVaultStore(host, {"store_path": str(folder), "store_create": True}, passwords)


def put(store: AnsibleVaultStore, **passwords: str) -> None:
    """Set the current passwords of users, whatever stood there."""
    entries = store.get(passwords)
    store.put({user: Entry(Record(user, password=password), entries[user].version) for user, password in passwords.items()})


def current(store: AnsibleVaultStore, user: str = "alice") -> Optional[str]:
    """The current password of a user, or ``None``."""
    record = store.get([user])[user].record
    return record and record.password


def failure_of(call: Callable, *args: Any, **kwargs: Any) -> str:
    """The message of a store that refuses; never with a secret."""
    with pytest.raises(PasswordError) as caught:
        call(*args, **kwargs)
    assert caught.value.kind == "store_failed" and "MARKER" not in caught.value.message
    return caught.value.message


def file_of(folder: pathlib.Path, host: str = "h1") -> pathlib.Path:
    """Where the store keeps a host."""
    return pathlib.Path(open_store(folder, host=host)._path)


def begun(folder: pathlib.Path, *secrets: tuple[str, str], **passwords: str) -> pathlib.Path:
    """A store with these users, by a play with these vault passwords."""
    put(open_store(folder, *secrets), **(passwords or {"alice": OLD}))
    return file_of(folder)


# Edge 3: links


def behind_link(store: pathlib.Path, volume: pathlib.Path, how: str) -> pathlib.Path:
    """Move the file of a host, or the whole folder, to a volume, and leave a link.

    :return: where the file is now.
    """
    path = file_of(store)
    volume.mkdir()
    if how == "folder":
        os.rename(store, volume / "store")
        store.symlink_to(volume / "store")
        return volume / "store" / path.name
    os.rename(path, volume / "kept.yml")
    if how == "chain":
        (volume / "second").symlink_to("kept.yml")
        path.symlink_to(os.path.relpath(volume / "second", store))
    else:
        path.symlink_to(volume / "kept.yml")
    return volume / "kept.yml"


@pytest.mark.parametrize("how", ["file", "chain", "folder"])
def test_edge_3_a_link_is_followed_and_stays(tmp_path, how):
    store = tmp_path / "store"
    link = begun(store)
    real = behind_link(store, tmp_path / "volume", how)
    before = real.read_bytes()
    put(open_store(store), alice=NEW)
    put(open_store(store), bob=OTHER)
    assert (store if how == "folder" else link).is_symlink()
    assert real.read_bytes() != before and not real.is_symlink() and real.stat().st_mode & 0o777 == 0o600
    # The volume alone has all of it.
    (tmp_path / "again").mkdir()
    os.rename(real, tmp_path / "again" / link.name)
    (tmp_path / "again" / "h2.yml").write_bytes(b"$ANSIBLE_VAULT;1.1;AES256\n")
    assert (current(open_store(tmp_path / "again")), current(open_store(tmp_path / "again"), "bob")) == (NEW, OTHER)


def test_edge_3_what_a_killed_run_has_left_beside_the_real_file_is_swept(tmp_path):
    begun(tmp_path / "store")
    real = behind_link(tmp_path / "store", tmp_path / "volume", "file")
    (real.parent / ".kept.yml~half").write_bytes(b"half")
    put(open_store(tmp_path / "store"), alice=NEW)
    assert sorted(os.listdir(real.parent)) == [".kept.yml~lock", "kept.yml"]


def test_edge_3_two_links_to_one_file_share_its_lock(tmp_path, monkeypatch):
    begun(tmp_path / "store")
    real = behind_link(tmp_path / "store", tmp_path / "volume", "file")
    monkeypatch.setattr(ansible_vault, "_LOCK_TIMEOUT", 0.0)
    with _durable_files.file_lock(str(real.parent / ".kept.yml~lock"), 0):
        assert "has been locked by another process" in failure_of(put, open_store(tmp_path / "store"), alice=NEW)
    assert current(open_store(tmp_path / "store")) == OLD


@pytest.mark.parametrize("case, told", [
    ("nowhere", "is a link to a file that does not exist"),
    ("circle", "Too many levels of symbolic links"),
    ("folder nowhere", "No such file or directory"),
])  # fmt: skip
def test_edge_3_a_link_that_leads_nowhere_is_refused_by_every_operation(tmp_path, case, told):
    store = tmp_path / "store"
    link = begun(store)
    if case == "folder nowhere":
        os.rename(store, tmp_path / "away")
        link = store
    else:
        os.rename(link, tmp_path / "away")
    link.symlink_to(link if case == "circle" else tmp_path / "unmounted" / "h1")
    for call in (lambda: current(open_store(store)), lambda: open_store(store).list(), lambda: put(open_store(store), alice=NEW),
                 lambda: open_store(store).put({"alice": Entry(Record("alice", password=NEW), None)})):  # fmt: skip
        assert told in (message := failure_of(call)) and str(store) in message
    assert link.is_symlink() and not (tmp_path / "unmounted").exists()


def test_edge_3_a_target_in_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    """By a double of the file system, since root may write everywhere."""
    begun(tmp_path / "store")
    real = behind_link(tmp_path / "store", tmp_path / "volume", "file")
    before = real.read_bytes()
    opened = os.open

    def refuse(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if str(path).startswith(str(real.parent) + "/.") and flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    assert "Permission denied" in failure_of(put, open_store(tmp_path / "store"), alice=NEW)
    assert real.read_bytes() == before


# Edge 4: several vault ids


def header(path: pathlib.Path) -> list[str]:
    """The fields of the first line of an encrypted file."""
    return path.read_text(encoding="utf-8").splitlines()[0].split(";")


def written_by_hand(path: pathlib.Path, store: AnsibleVaultStore, vault_id: Optional[str], password: str) -> None:
    """Encrypt the file of a host anew, as ``ansible-vault rekey`` does."""
    text = store._vault.decrypt(path.read_bytes())
    path.write_bytes(VaultLib().encrypt(text, secret=VaultSecret(password.encode()), vault_id=vault_id))


@pytest.mark.parametrize("order", [(DEV, PROD), (PROD, DEV), (DEV, PROD, ("default", VAULT))])
@pytest.mark.parametrize("label", ["prod", "elsewhere", None])
def test_edge_4_the_id_of_an_existing_file_is_kept(tmp_path, order, label):
    """By its label, or where it has none or an unknown one, by whose secret decrypts it."""
    path = begun(tmp_path, PROD)
    written_by_hand(path, open_store(tmp_path, PROD), label, PROD[1])
    store = open_store(tmp_path, *order)
    for password in (NEW, OTHER):
        put(store, alice=password)
        put(open_store(tmp_path, *order), bob=password)
    assert header(path)[1:] == (["1.2", "AES256", label] if label else ["1.1", "AES256"])
    # Whoever has prod alone reads it still.
    assert (current(open_store(tmp_path, PROD)), current(open_store(tmp_path, PROD), "bob")) == (OTHER, OTHER)
    assert "cannot be decrypted" in failure_of(current, open_store(tmp_path, DEV))


@pytest.mark.parametrize("secrets", [(DEV, PROD), (("default", VAULT), PROD)])
def test_edge_4_a_new_file_with_several_ids_needs_to_know_which(tmp_path, monkeypatch, secrets):
    begun(tmp_path, PROD)
    put(open_store(tmp_path, host="h0"), alice=OLD)
    store = open_store(tmp_path, *secrets, host="h2")
    told = failure_of(put, store, alice=NEW)
    assert "vault_encrypt_identity" in told and all(vault_id in told for vault_id, _password in secrets)
    assert not file_of(tmp_path, "h2").exists()
    monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "prod")
    put(store, alice=NEW)
    monkeypatch.delenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY")
    # What it has written itself is an existing file, too, even if it was not decrypted again.
    put(store, alice=OTHER)
    assert header(file_of(tmp_path, "h2"))[3] == "prod" and current(open_store(tmp_path, PROD, host="h2")) == OTHER


def test_edge_4_a_file_that_was_removed_is_a_new_one(tmp_path):
    path = begun(tmp_path, PROD)
    store = open_store(tmp_path, DEV, PROD)
    assert current(store) == OLD
    path.unlink()
    assert "vault_encrypt_identity" in failure_of(put, store, alice=NEW)


@pytest.mark.parametrize("secrets", [(PROD,), (("default", VAULT),), (("default", VAULT), ("default", "S3cr3t-MARKER-second"))])
def test_edge_4_one_id_needs_no_setting(tmp_path, secrets):
    path = begun(tmp_path, *secrets)
    put(open_store(tmp_path, *secrets), alice=NEW)
    assert header(path)[3:] == ([] if secrets[0][0] == "default" else [secrets[0][0]]) and current(open_store(tmp_path, secrets[0])) == NEW


# Edge 34: edited by hand


def ansible_vault_cli(tmp_path: pathlib.Path, *arguments: str, **environment: str) -> None:
    """Run the program of that name."""
    (tmp_path / "vault-password").write_text(VAULT, encoding="utf-8")
    command = [sys.executable, "-m", "ansible.cli.vault", arguments[0], "--vault-password-file", str(tmp_path / "vault-password"), *arguments[1:]]
    subprocess.run(command, check=True, env=dict(os.environ, HOME=str(tmp_path), **environment), capture_output=True)


def test_edge_34_what_ansible_vault_edits_comes_back_and_conflicts(tmp_path):
    path = begun(tmp_path / "store", alice=OLD, bob=OTHER)
    store = open_store(tmp_path / "store")
    seen = store.get(["alice"])["alice"]
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/MARKER-old/MARKER-edited/ "$1"\n', encoding="utf-8")
    editor.chmod(0o755)
    ansible_vault_cli(tmp_path, "edit", str(path), EDITOR=str(editor))
    with pytest.raises(StoreConflict):
        store.put({"alice": Entry(Record("alice", password=NEW), seen.version)})
    assert (current(store), current(store, "bob")) == ("S3cr3t-MARKER-edited", OTHER)


@pytest.mark.parametrize("between", [None, b"", b"half"])
def test_edge_34_a_file_that_is_being_replaced_by_ansible_vault_is_waited_for(tmp_path, monkeypatch, between):
    """It removes the file and copies another one to its place: for a moment there is none, or half of one."""
    path = begun(tmp_path)
    whole = path.read_bytes()

    def spoil() -> None:
        path.unlink()
        if between is not None:
            path.write_bytes(whole[: len(whole) // 2] if between == b"half" else between)

    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        path.write_bytes(whole)

    spoil()
    monkeypatch.setattr(ansible_vault.time, "sleep", pause)
    assert current(open_store(tmp_path)) == OLD and len(pauses) == 1
    spoil()
    put(open_store(tmp_path), alice=NEW)
    assert current(open_store(tmp_path)) == NEW


# Edge 35: a file system whose locks are none


def test_edge_35_what_was_written_is_read_back(tmp_path, monkeypatch):
    """Another machine, for which our lock is none, writes at the same moment."""
    path = begun(tmp_path)
    monkeypatch.setattr(_durable_files.fcntl, "flock", lambda *_args: None)
    rival = open_store(tmp_path)
    store = open_store(tmp_path)
    seen = store.get(["alice"])["alice"]
    sync = ansible_vault.sync

    def write_too(folder: str) -> None:
        monkeypatch.setattr(ansible_vault, "sync", sync)
        put(rival, alice=OTHER)
        sync(folder)

    monkeypatch.setattr(ansible_vault, "sync", write_too)
    with pytest.raises(StoreConflict) as caught:
        store.put({"alice": Entry(Record("alice", password=NEW), seen.version)})
    assert caught.value.users == ["alice"] and current(store) == OTHER
    # And a file that is gone again was not written either.
    monkeypatch.setattr(ansible_vault, "sync", lambda _folder: path.unlink())
    with pytest.raises(StoreConflict):
        put(store, alice=NEW)


# Edge 51: links in the place of what is ours


def test_edge_51_a_lock_file_that_is_a_link_is_not_followed(tmp_path):
    path = begun(tmp_path / "store")
    lock = pathlib.Path(AnsibleVaultStore._beside(str(path)) + "lock")
    lock.unlink()
    for target in (tmp_path / "victim", tmp_path / "none"):
        (tmp_path / "victim").write_text("precious", encoding="utf-8")
        lock.symlink_to(target)
        assert "Too many levels of symbolic links" in failure_of(put, open_store(tmp_path / "store"), alice=NEW)
        lock.unlink()
    assert not (tmp_path / "none").exists() and current(open_store(tmp_path / "store")) == OLD


# Edge 33: a store is begun only when it is asked for


def every_operation(folder: pathlib.Path, **options: Any) -> list[Callable]:
    """All that a store offers, on one that was opened with these options."""

    def opened() -> AnsibleVaultStore:
        return AnsibleVaultStore("h1", {"store_path": str(folder), **options}, loader(VAULT))

    return [
        lambda: opened().get(["alice"]), lambda: opened().list(), lambda: opened().put({"alice": Entry(Record("alice", password=NEW), None)}),
        lambda: opened().read_note("lease of h1"), lambda: opened().write_note("lease of h1", {}, None),
    ]  # fmt: skip


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "other files", "links that lead nowhere", "the traces of a store"])
def test_edge_33_where_there_is_no_store_everything_fails_and_nothing_is_made(tmp_path, there):
    store = tmp_path / "volume" / "store"
    if there != "nothing":
        store.mkdir(parents=True)
    if there == "other files":
        (store / "lost+found").mkdir()
        for name in ("notes.yml", "h1.txt", "h1.rekey.txt~", "README"):
            (store / name).write_text("mine", encoding="utf-8")
        (store / "h1.yaml").write_text("$ANSIBLE_VAULT;1.1;AES256\n", encoding="utf-8")
    elif there == "links that lead nowhere":
        (store / ".rekey").symlink_to(tmp_path / "unmounted")
        (store / "h2.rekey.txt").symlink_to(tmp_path / "unmounted")
    elif there == "the traces of a store":
        (store / ".h1.rekey.txt~lock").touch()
        (store / ".h1.rekey.txt~half").write_text("$ANSIBLE_VAULT;1.1;AES256\n", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    for call in every_operation(store):
        told = failure_of(call)
        assert "There is no store in %s" % store in told and "rotate_store_create" in told
    assert sorted(tmp_path.rglob("*")) == before


def test_edge_33_a_store_is_begun_when_it_is_asked_for_and_known_again(tmp_path):
    store = tmp_path / "volume" / "store"
    assert [call() for call in every_operation(store, store_create=True)[:2]] == [{"alice": mock.ANY}, []] and not store.exists()
    assert AnsibleVaultStore("h1", {"store_path": str(store), "store_create": True}, loader(VAULT)).read_note("lease of h1").content is None
    assert not store.exists()
    every_operation(store, store_create=True)[4]()
    # A note alone, as a run leaves behind that dies before its first record.
    assert AnsibleVaultStore("h1", {"store_path": str(store)}, loader(VAULT)).list() == []
    every_operation(store)[2]()
    assert current(open_store(store)) == NEW and (store / ".rekey" / "store.txt").is_file()
    # The volume is gone, and its folder stays.
    os.rename(store, tmp_path / "away")
    store.mkdir()
    for call in every_operation(store):
        assert "There is no store" in failure_of(call)


@pytest.mark.parametrize("name", ["h1.yml", "h2.yml", "h2.rekey.txt"])
def test_edge_33_a_store_of_before_is_taken_and_gets_its_mark(tmp_path, name):
    text = VaultLib([("default", VaultSecret(VAULT.encode()))]).encrypt('{"format": 1, "users": {}}')
    (tmp_path / name).write_bytes(text)
    operations = every_operation(tmp_path)
    assert operations[1]() == [] and not (tmp_path / ".rekey").exists()
    operations[2]()
    assert (tmp_path / ".rekey" / "store.txt").is_file() and current(open_store(tmp_path)) == NEW


def test_edge_33_the_mark_is_made_by_several_at_once(tmp_path):
    for _number in range(3):
        threads = [threading.Thread(target=mark, args=(str(tmp_path),)) for _number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert os.listdir(tmp_path / ".rekey") == ["store.txt"]
        (tmp_path / ".rekey" / "store.txt").unlink()


# Edge 13: no inventory and no variables


def old_form(path: pathlib.Path, **passwords: str) -> pathlib.Path:
    """A file as earlier versions wrote it."""
    text = json.dumps({"format": 1, "users": {user: {"username": user, "password": password} for user, password in passwords.items()}})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(VaultLib().encrypt(text, secret=VaultSecret(VAULT.encode()), vault_id=None))
    return path


def test_edge_13_a_file_of_the_old_name_is_read_and_the_first_write_moves_it(tmp_path):
    old = old_form(tmp_path / "h1.yml", alice=OLD, bob=OTHER)
    (tmp_path / ".h1.yml~lock").touch()
    (tmp_path / ".h1.yml~half").touch()
    reader = AnsibleVaultStore("h1", {"store_path": str(tmp_path)}, loader(VAULT))
    assert (current(reader), reader.list()) == (OLD, ["alice", "bob"]) and old.exists()
    put(reader, alice=NEW)
    assert sorted(os.listdir(tmp_path)) == [".h1.rekey.txt~lock", ".rekey", "h1.rekey.txt"]
    assert (current(reader), current(open_store(tmp_path), "bob")) == (NEW, OTHER)


def test_edge_13_a_link_of_the_old_name_leads_to_the_same_file(tmp_path):
    real = old_form(tmp_path / "volume" / "h1.yml", alice=OLD)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "h1.yml").symlink_to(real)
    put(open_store(tmp_path / "store"), alice=NEW)
    assert os.readlink(tmp_path / "store" / "h1.rekey.txt") == str(real) and not (tmp_path / "store" / "h1.yml").is_symlink()
    assert current(open_store(tmp_path / "store")) == NEW and not real.is_symlink()


def test_edge_13_a_run_that_dies_while_it_moves_the_file_leaves_one_that_is_usable(tmp_path, monkeypatch):
    old_form(tmp_path / "h1.yml", alice=OLD)
    rename = os.rename

    def die(*args: Any) -> None:
        rename(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(ansible_vault.os, "rename", die)
    with pytest.raises(KeyboardInterrupt):
        put(open_store(tmp_path), alice=NEW)
    monkeypatch.undo()
    assert current(open_store(tmp_path)) == OLD
    put(open_store(tmp_path), alice=NEW)
    assert current(open_store(tmp_path)) == NEW and not (tmp_path / "h1.yml").exists()


def test_edge_13_of_two_files_the_new_one_counts(tmp_path):
    begun(tmp_path)
    old_form(tmp_path / "h1.yml", alice=OTHER)
    assert current(open_store(tmp_path)) == OLD
    put(open_store(tmp_path), alice=NEW)
    assert current(open_store(tmp_path)) == NEW and (tmp_path / "h1.yml").exists()


# Edge 39: whose file it is


def test_edge_39_swapped_files_are_refused(tmp_path):
    for host, password in (("h1", OLD), ("h2", OTHER)):
        put(open_store(tmp_path, host=host), alice=password)
    one, two = file_of(tmp_path), file_of(tmp_path, "h2")
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    for call in (lambda: current(open_store(tmp_path)), lambda: open_store(tmp_path).list(), lambda: put(open_store(tmp_path), carol=NEW),
                 lambda: open_store(tmp_path).put({"carol": Entry(Record("carol", password=NEW), None)})):  # fmt: skip
        with pytest.raises(PasswordError) as caught:
            call()
        assert caught.value.kind == "target_mismatch" and "holds the records of h2, not of h1" in caught.value.message
    assert one.read_bytes() != content and two.read_bytes() == content


def test_edge_39_a_file_from_before_is_accepted_and_says_from_then_on_whose_it_is(tmp_path):
    old_form(tmp_path / "h1.yml", alice=OLD)
    put(open_store(tmp_path), alice=NEW)
    os.rename(file_of(tmp_path), file_of(tmp_path, "h2"))
    with pytest.raises(PasswordError, match="holds the records of h1, not of h2"):
        open_store(tmp_path, host="h2").list()


# Edge 51: folders of others


def as_if(monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path, mode: Optional[int] = None, uid: Optional[int] = None, gid: Optional[int] = None) -> None:
    """Let a folder look as if it had this mode, and this owner: tests need not be run by root."""
    stat = os.stat

    def changed(path: Any, *args: Any, **kwargs: Any) -> Any:
        found = stat(path, *args, **kwargs)
        if isinstance(path, int) or os.path.realpath(path) != str(folder):
            return found
        fields = list(found)
        fields[0] = found.st_mode & ~0o777 | mode if mode is not None else found.st_mode
        fields[4], fields[5] = found.st_uid if uid is None else uid, found.st_gid if gid is None else gid
        return os.stat_result(fields)

    monkeypatch.setattr(os, "stat", changed)


SOMEBODY = 54321  # a user, or a group, that nobody here is


@pytest.mark.parametrize("changes, told", [
    ({"mode": 0o777}, "Everybody may write to the folder"),
    ({"mode": 0o1777}, "Everybody may write to the folder"),
    ({"mode": 0o702}, "Everybody may write to the folder"),
    ({"mode": 0o770}, "may write to the folder"),
    ({"mode": 0o2775}, "may write to the folder"),
    ({"uid": SOMEBODY}, "belongs to the user 54321"),
])  # fmt: skip
@pytest.mark.parametrize("where", ["folder", "behind a link"])
def test_edge_51_a_folder_that_others_may_write_to_is_refused(tmp_path, monkeypatch, changes, told, where):
    store = tmp_path / "store"
    begun(store)
    folder = behind_link(store, tmp_path / "volume", "file").parent if where == "behind a link" else store
    as_if(monkeypatch, folder, **changes)
    for call in every_operation(store):
        message = failure_of(call)
        assert told in message and str(folder) in message and ("chown" if "uid" in changes else "chmod") in message
        assert ("shared" in message) == ("Everybody" not in told)
    monkeypatch.undo()
    assert current(open_store(store)) == OLD


def test_edge_51_a_folder_of_root_or_of_our_own_is_taken(tmp_path, monkeypatch):
    store = tmp_path / "store"
    begun(store)
    for mode in (0o700, 0o750, 0o755):
        store.chmod(mode)
        assert current(open_store(store)) == OLD
    as_if(monkeypatch, store, uid=0)
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    assert current(open_store(store)) == OLD


def shared(folder: pathlib.Path) -> AnsibleVaultStore:
    """A store whose owner and group are trusted."""
    return _store_registry.open_store(
        "ansible_vault", "h1", {"store_path": str(folder), "store_options": {"shared": True}, "store_create": True}, loader(VAULT)
    )


def test_edge_51_a_group_of_ours_is_allowed_by_an_explicit_wish(tmp_path, monkeypatch):
    """As on OpenShift: a volume of another user, group 0, of which everybody is a member who runs there."""
    store = tmp_path / "volume"
    store.mkdir()
    store.chmod(0o2770)
    before = os.umask(0o077)
    try:
        put(shared(store), alice=OLD)
        shared(store).write_note("lease of h1", {}, None)
    finally:
        os.umask(before)
    for path in store.rglob("*"):
        assert path.stat().st_gid == store.stat().st_gid
        assert path.stat().st_mode & 0o777 == (0o770 if path.is_dir() else 0o660), path
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    as_if(monkeypatch, store, uid=SOMEBODY + 1)
    put(shared(store), alice=NEW)
    assert current(shared(store)) == NEW
    monkeypatch.setenv("REKEY_ANSIBLE_VAULT_SHARED", "true")
    assert _store_registry.open_store("ansible_vault", "h1", {"store_path": str(store)}, loader(VAULT)).list() == ["alice"]


@pytest.mark.parametrize("call", [lambda store: store.list(), lambda store: store.read_note("lease of h1")], ids=["records", "notes"])
def test_edge_51_what_is_older_than_the_wish_is_the_owners_alone(tmp_path, monkeypatch, call):
    """On OpenShift the next container has another user, who cannot read files of the mode 0600."""
    begun(tmp_path)
    store = shared(tmp_path)

    def refuse(path, *_args, **_options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(ansible_vault, "open", refuse, raising=False)
    monkeypatch.setattr(os, "listdir", refuse)
    message = failure_of(lambda: call(store))
    assert "cannot be read: Permission denied." in message and "everything in %s: chmod -R g+rwX." % tmp_path in message
    assert "chmod" not in failure_of(open_store(tmp_path).list), "where nothing is shared that is no advice"


@pytest.mark.parametrize("changes", [{"mode": 0o777}, {"uid": SOMEBODY, "gid": SOMEBODY}])
def test_edge_51_the_wish_does_not_open_it_to_everybody(tmp_path, monkeypatch, changes):
    begun(tmp_path)
    as_if(monkeypatch, tmp_path, **changes)
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY + 1)
    assert str(tmp_path) in failure_of(shared(tmp_path).list)
