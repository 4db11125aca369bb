# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action rotation_move: everything is copied, nothing is overwritten."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_move import ActionModule
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

from tests.unit.plugins.rotation_doubles import MemoryStore, loader, run_action, use_model

OLD, NEW, OTHER, VAULT = ("S3cr3t-MARKER-" + name for name in ("old", "new", "other", "vault"))
RECORDS = [
    Record("alice", password=OLD, status=CURRENT, rotated_at="2026-01-01T00:00:00Z", verified=True),
    Record("bob", password=OLD, pending=Pending(NEW, run_id="run", created="2026-01-01T00:00:00Z", attempts=1, sent=1, replaces=OTHER)),
    Record("carol", password=OLD, status=ORPHANED, failed_logins=2, failed_at="2026-01-01T00:00:00Z", lost_runs=3),
]


@pytest.fixture(name="stores")
def _stores(monkeypatch):
    source, target = MemoryStore(), MemoryStore()
    for record in RECORDS:
        source.keep(record)
    use_model(monkeypatch, source, target)
    return source, target


def move(check_mode=False, **args):
    result = run_action(ActionModule, dict({"to_store": "other"}, **args), check_mode=check_mode)
    assert "MARKER" not in repr(result)
    return result


def actions(result):
    return [(user["name"], user["action"], user["error"] and user["error"]["kind"]) for user in result["users"]]


def test_every_record_is_copied_as_it_is_and_the_source_stays(stores):
    source, target = stores
    before = str(source.data)
    result = move()
    assert (result["changed"], "failed" in result) == (True, False)
    assert actions(result) == [("alice", "copied", None), ("bob", "copied", None), ("carol", "copied", None)]
    assert target.data == source.data and str(source.data) == before and source.writes == 0
    assert [(user["status"], user["pending"]) for user in result["users"]] == [("current", False), ("pending", True), ("orphaned", False)]
    assert result["summary"] == ["alice: copied", "bob: copied, with a new password that is pending", "carol: copied"]


def test_a_second_time_changes_nothing(stores):
    move()
    result = move()
    assert (result["changed"], stores[1].writes) == (False, 3) and {action for _name, action, _error in actions(result)} == {"unchanged"}
    assert result["summary"][0] == "alice: is there already"


def test_what_was_interrupted_is_finished(stores):
    stores[1].keep(RECORDS[0])
    assert [action for _name, action, _error in actions(move())] == ["unchanged", "copied", "copied"] and stores[1].data == stores[0].data


@pytest.mark.parametrize("other", [Record("bob", password=OTHER, status=CURRENT), Record("bob", password=OLD, status=CURRENT)])
def test_another_record_there_is_not_overwritten_and_hides_nobody(stores, other):
    source, target = stores
    target.keep(other)
    result = move()
    assert actions(result) == [("alice", "copied", None), ("bob", None, "store_conflict"), ("carol", "copied", None)]
    assert (result["failed"], result["msg"]) == (True, "1 of 3 records were not copied: bob")
    assert target.record("bob") == other and source.record("bob") == RECORDS[1] and target.record("carol") == RECORDS[2]
    assert "both are left as they are" in result["summary"][1]


@pytest.mark.parametrize("theirs, action", [(RECORDS[1], "unchanged"), (Record("bob", password=OTHER, status=CURRENT), None)])
def test_somebody_writes_there_at_the_same_moment(stores, theirs, action):
    stores[1].before_put = [lambda: stores[1].keep(theirs)]
    assert actions(move())[1][1] == action and stores[1].record("bob") == theirs and stores[1].record("alice") == RECORDS[0]


def test_check_mode_tells_and_writes_nothing(stores):
    stores[1].keep(Record("bob", password=OTHER, status=CURRENT))
    result = move(check_mode=True)
    assert result["changed"] and result["failed"] and actions(result)[0] == ("alice", "copied", None) and stores[1].writes == 0
    assert result["summary"][0] == "alice: would be copied" and list(stores[1].data) == ["bob"]


def test_a_store_without_records_is_told(stores):
    stores[0].data.clear()
    result = move()
    assert (result["changed"], result["users"], result["summary"]) == (False, [], ["The store has no records of this host."])


@pytest.mark.parametrize("broken", [0, 1])
def test_a_store_out_of_reach(stores, broken):
    before = str(stores[0].data)
    stores[broken].broken = True
    result = move()
    assert (result["failed"], result["error"]["kind"]) == (True, "store_failed")
    stores[broken].broken = False
    assert str(stores[0].data) == before and not stores[1].data


def test_both_stores_are_closed_whatever_happens(stores, monkeypatch):
    closed = []
    for store in stores:
        monkeypatch.setattr(store, "close", lambda store=store: closed.append(store))
        store.broken = True
    move()
    assert closed == list(stores)


def test_a_record_that_is_damaged_is_copied_nowhere(stores):
    stores[0].data["bob"]["password"] = 5
    result = move()
    assert result["error"]["kind"] == "store_failed" and not stores[1].data


def real(tmp_path, **args):
    given = dict({"store_path": str(tmp_path / "one"), "to_store": "ansible_vault", "to_store_path": str(tmp_path / "two"), "to_store_create": True}, **args)
    return run_action(ActionModule, {name: value for name, value in given.items() if value is not None}, vault=loader(VAULT))


def test_from_folder_to_folder(tmp_path):
    options = ({"store_path": str(tmp_path / name), "store_create": True} for name in ("one", "two"))
    one, two = (open_store("ansible_vault", "model-1", given, loader(VAULT)) for given in options)
    one.put({record.username: Entry(record, None) for record in RECORDS})
    assert real(tmp_path)["changed"]
    assert {name: entry.record for name, entry in two.get(one.list()).items()} == {record.username: record for record in RECORDS}


@pytest.mark.parametrize("there", [True, False])
def test_edge_33_a_store_is_begun_only_when_it_is_asked_for(tmp_path, there):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    if there:
        one = open_store("ansible_vault", "model-1", {"store_path": str(tmp_path / "one"), "store_create": True}, loader(VAULT))
        one.put({record.username: Entry(record, None) for record in RECORDS})
    result = real(tmp_path, to_store_create=None)
    assert (result["failed"], result["error"]["kind"]) == (True, "store_failed")
    missing = "two" if there else "one"
    assert "There is no store in %s" % (tmp_path / missing) in result["msg"] and not list((tmp_path / missing).iterdir())
    assert ("(in the role: rotate_to_store_create)" if there else "(in the role: rotate_store_create)") in result["msg"]


@pytest.mark.parametrize(
    "args, told",
    [
        ({"to_store": None}, "to_store"),
        ({"to_store": "cupboard"}, "There is no store cupboard"),
        ({"to_store_path": None}, "to_store_path (in the role: rotate_to_store_path) is missing."),
        ({"store_path": None}, "store_path (in the role: rotate_store_path) is missing."),
        ({"to_store_path": "here"}, "to_store_path (in the role: rotate_to_store_path) must be an absolute path"),
        ({"to_store_options": {"token": "S3cr3t-MARKER-token"}}, "to_store_options (in the role: rotate_to_store_options) of ansible_vault: Unsupported"),
        ({"to_store_options": "S3cr3t-MARKER-token"}, "to_store_options"),
    ],
)
def test_wrong_options_are_told_by_their_names_and_without_a_secret(tmp_path, args, told):
    result = real(tmp_path, **args)
    assert (result["failed"], result["error"]["kind"]) == (True, "invalid_input") and told in result["msg"] and "MARKER" not in repr(result)
    if "store_path" in args:
        assert not result["msg"].startswith("to_")
    assert not list(tmp_path.iterdir())


def test_a_message_of_a_store_shows_no_secret_of_the_records_and_none_that_opens_it(stores, monkeypatch):
    def fail(_entries):
        raise PasswordError("store_failed", "It did not take %s, %s and %s." % (NEW, OTHER, "S3cr3t-MARKER-token"))

    monkeypatch.setattr(stores[1], "put", fail)
    assert move(to_store_options={"token": "S3cr3t-MARKER-token"})["msg"] == "It did not take ********, ******** and ********."
