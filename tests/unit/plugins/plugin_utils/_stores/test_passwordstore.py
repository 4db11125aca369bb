# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of pass without its programs: options, names, and what an entry looks like. The rest is in tests/integration."""

from __future__ import annotations

import os

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import passwordstore
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores.passwordstore import PasswordStore
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

BREAKS = ("\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder with programs that do nothing, and nothing else to be found."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("pass", "gpg"):
        (folder / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    for name in ("PASSWORD_STORE_DIR", "GNUPGHOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    # Those of the machine are elsewhere, too.
    monkeypatch.setattr(passwordstore, "get_bin_path", lambda name: _only_in(folder, name))
    return folder


def _only_in(folder, name):
    path = os.path.join(folder, name)
    if not os.access(path, os.X_OK):
        raise ValueError('Failed to find required executable "%s" in paths: %s' % (name, folder))
    return path


def opened(host="db-1", **options):
    """The store as an action opens it."""
    return open_store("passwordstore", host, {"store_path": None, "store_options": options}, None)


def refused(**options):
    """Why it cannot be opened."""
    with pytest.raises(PasswordError) as caught:
        opened(**options)
    assert caught.value.kind == "invalid_input" and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    return caught.value.message


@pytest.mark.parametrize("options, told", [
    ({"directory": "store"}, "directory must be an absolute path"),
    ({"directory": ""}, "directory must be an absolute path"),
    ({"path": "/rekey"}, "path must name a folder within the store"),
    ({"path": ""}, "path must name a folder within the store"),
    ({"path": "a//b"}, "path must name a folder within the store"),
    ({"path": "../elsewhere"}, "path must name a folder within the store"),
    ({"path": "a/../../elsewhere"}, "path must name a folder within the store"),
    ({"path": ".git"}, "path must name a folder within the store"),
    ({"path": "-rf"}, "path must name a folder within the store"),
    ({"backend": "age"}, "value of backend must be one of: pass, gpg"),
    ({"timeout": 0}, "timeout must be positive"),
    ({"timeout": -1}, "timeout must be positive"),
    ({"timeout": "soon"}, "timeout"),
])  # fmt: skip
def test_wrong_options(programs, options, told):
    assert told in refused(**options)


@pytest.mark.parametrize("missing, options", [("pass", {}), ("gpg", {}), ("gpg", {"backend": "gpg"})])
def test_a_program_that_is_missing_is_told_with_what_to_install(programs, missing, options):
    (programs / missing).unlink()
    told = refused(**options)
    assert 'Failed to find required executable "%s"' % missing in told and "apt-get install pass gnupg" in told


def test_the_backend_gpg_does_without_pass(programs):
    (programs / "pass").unlink()
    assert isinstance(opened(backend="gpg"), PasswordStore)


def test_an_executable_of_ones_own(programs, tmp_path):
    (programs / "pass").unlink()
    (programs / "own").write_text("#!/bin/sh\n", encoding="utf-8")
    assert "own" in refused(executable=str(programs / "own"))
    (programs / "own").chmod(0o755)
    assert opened(executable=str(programs / "own"))._program == str(programs / "own")


def test_every_option_comes_from_the_environment_too(programs, monkeypatch, tmp_path):
    assert opened()._folder == str(tmp_path / ".password-store" / "rekey" / "db-1")
    given = {
        "PASSWORD_STORE_DIR": "~/store", "REKEY_PASSWORDSTORE_PATH": "a/b", "REKEY_PASSWORDSTORE_BACKEND": "gpg",
        "REKEY_PASSWORDSTORE_EXECUTABLE": str(programs / "pass"), "GNUPGHOME": "~/keys", "REKEY_PASSWORDSTORE_TIMEOUT": "7",
        "REKEY_PASSWORDSTORE_SHARED": "yes",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    store = opened()
    assert store._folder == str(tmp_path / "store" / "a" / "b" / "db-1")
    assert (store._backend, store._program, store._home, store._timeout) == ("gpg", str(programs / "pass"), str(tmp_path / "keys"), 7) and store._shared
    assert {name for option in PasswordStore.argument_spec.values() for name in option["fallback"][1]} == set(given)


def test_every_name_is_one_part_of_a_path_and_no_two_are_the_same():
    names = [
        "alice", "Alice", "alice.gpg", "a/b", "..", ".", ".hidden", "-rf", "--", "~", "a~", "%2E", "%", "a b", "a\nb", "a\\b", "$HOME", "`id`", "*", "#1",
        "a:b", "alice@example.com", "ünï", "用户", ".new~x", ".lock~", ".gpg-id",
    ]  # fmt: skip
    quoted = [passwordstore._quoted(name) for name in names]
    assert len(set(quoted)) == len(names)
    for one in quoted:
        assert not set(one) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%@+_.-") and one[0] not in ".-"
    assert quoted[0] == "alice" and quoted[names.index("alice@example.com")] == "alice@example.com"


@pytest.mark.parametrize("name", ["alice", " alice", "alice ", '"alice"', "a\nb", "a\u2028b", "a: b", "ünï", "\t"])
def test_an_entry_is_three_lines_whatever_the_name(name):
    record = Record(name, password='S3cr3t "ü', previous="a\nb", pending=Pending("S3cr3t-2", replaces="x\r\ny"))
    text = passwordstore._text(record, name)
    assert text.splitlines()[0] == record.password and text.splitlines()[1].startswith("username: ")
    assert len(text.splitlines()) == 3 and text.endswith("\n")
    assert passwordstore._record(text, name, "there") == record
    assert passwordstore._text(Record("alice"), "alice").startswith("\nusername: alice\n{")


@pytest.mark.parametrize("end", BREAKS)
def test_a_password_that_the_first_line_cannot_hold_is_refused_before_it_is_sent(end):
    for record in (Record("alice", password="S3cr3t-MARKER%sx" % end), Record("alice", pending=Pending("S3cr3t-MARKER" + end))):
        with pytest.raises(PasswordError) as caught:
            passwordstore._text(record, "alice")
        assert caught.value.kind == "store_failed" and "line break" in caught.value.message and "MARKER" not in caught.value.message


WHOLE = passwordstore._text(Record("alice", password="S3cr3t-MARKER-1"), "alice")


@pytest.mark.parametrize("text, told", [
    ("", "does not hold a record"),
    ("S3cr3t-MARKER", "does not hold a record"),
    ("S3cr3t-MARKER\nlogin: alice\nurl: x\n", "does not hold a record"),
    ("S3cr3t-MARKER\nusername: alice\n[1, 2]\n", "does not hold a record"),
    ("S3cr3t-MARKER\nusername: alice\nnull\n", "does not hold a record"),
    ("S3cr3t-MARKER\nusername: \"alice\n{}\n", "does not hold a record"),
    (WHOLE[:-1], "does not hold a record"),
    (WHOLE + "S3cr3t-MARKER", "does not hold a record"),
    (WHOLE + "\n", "does not hold a record"),
    (WHOLE.replace("username: ", "user name "), "does not hold a record"),
    (WHOLE.replace('"pending"', '"later"'), "keys that this version does not know: later"),
    (WHOLE.replace('"failed_logins": 0', '"failed_logins": "S3cr3t-MARKER"'), "failed_logins is not a number"),
    (WHOLE.replace("username: alice", "username: "), "username is not a text"),
])  # fmt: skip
def test_what_is_no_record_is_told(text, told):
    with pytest.raises(PasswordError) as caught:
        passwordstore._record(text, "alice", "/srv/store/alice.gpg")
    assert caught.value.kind == "store_failed" and told in caught.value.message and "/srv/store/alice.gpg" in caught.value.message
    assert "not overwritten" in caught.value.message and "MARKER" not in caught.value.message and caught.value.__suppress_context__


def test_without_a_store_nothing_is_made(programs, tmp_path):
    (tmp_path / "there").mkdir()
    for directory in (tmp_path / "nowhere", tmp_path / "there"):
        store = opened(directory=str(directory))
        for call in (lambda: store.get(["alice"]), store.list, lambda: store.put(store.get(["alice"]))):
            with pytest.raises(PasswordError) as caught:
                call()
            assert caught.value.kind == "store_failed" and "There is no password store in %s" % directory in caught.value.message
    assert not list((tmp_path / "there").iterdir()) and not (tmp_path / "nowhere").exists()


def test_edge_8_empty_variables_are_none(programs, monkeypatch):
    plain = vars(opened())
    for option in PasswordStore.argument_spec.values():
        for name in option["fallback"][1]:
            monkeypatch.setenv(name, "")
    other = vars(opened())
    assert {name: value for name, value in other.items() if name != "_notes"} == {name: value for name, value in plain.items() if name != "_notes"}


@pytest.mark.parametrize("changes, told", [({"st_mode": 0o40777}, "Everybody may write"), ({"st_mode": 0o40770}, "may write to the folder"),
                                           ({"st_uid": 54321}, "belongs to the user 54321")])  # fmt: skip
@pytest.mark.parametrize("part", [".password-store", ".password-store/rekey", ".password-store/rekey/db-1"])
def test_edge_51_a_folder_that_others_may_write_to_is_refused(programs, monkeypatch, tmp_path, changes, told, part):
    """They could name keys of their own."""
    folder = tmp_path / ".password-store" / "rekey" / "db-1"
    folder.mkdir(parents=True)
    (tmp_path / ".password-store" / ".gpg-id").write_text("nobody@rekey.invalid\n", encoding="utf-8")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o700)
    assert opened().list() == []
    stat = os.stat

    def changed(path, *args, **kwargs):
        found = stat(path, *args, **kwargs)
        if isinstance(path, int) or str(path) != str(tmp_path / part):
            return found
        fields = list(found)
        fields[0], fields[4] = changes.get("st_mode", found.st_mode), changes.get("st_uid", found.st_uid)
        return os.stat_result(fields)

    monkeypatch.setattr(os, "stat", changed)
    store = opened()
    for call in (lambda: store.get(["alice"]), store.list, lambda: store.put({"alice": Entry(Record("alice"), None)}), lambda: store.read_note("lease"),
                 lambda: store.write_note("lease", {}, None)):  # fmt: skip
        with pytest.raises(PasswordError) as caught:
            call()
        assert caught.value.kind == "store_failed" and told in caught.value.message and str(tmp_path / part) in caught.value.message


def test_edge_33_where_there_is_no_store_everything_fails_and_nothing_is_made(programs, tmp_path):
    for made in (False, True):
        if made:
            (tmp_path / ".password-store").mkdir()
        before = sorted(tmp_path.rglob("*"))
        store = opened()
        for call in (lambda: store.get(["alice"]), store.list, lambda: store.put({"alice": Entry(Record("alice"), None)}), lambda: store.read_note("lease"),
                     lambda: store.write_note("lease", {}, None)):  # fmt: skip
            with pytest.raises(PasswordError, match="There is no password store in"):
                call()
        assert sorted(tmp_path.rglob("*")) == before
