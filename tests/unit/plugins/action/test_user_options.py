# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory says of a single user: hold, and options that override those of the host."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.action import rotation_commit, rotation_info, rotation_repair, rotation_run, rotation_stage
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, run_action, use_model

OLD, NEW, ROOT = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new", "S3cr3t-MARKER-root"
LONG_AGO, REASON = "2020-01-01T00:00:00Z", "CHG-0815: it moves"
HELD = {"name": "bob", "hold": True, "hold_reason": REASON}


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(root=ROOT, alice=OLD, bob=OLD)
    return use_model(monkeypatch, MemoryStore())


def run(module, *users, check_mode=False, **args):
    """The result of an action about some users of the model."""
    return run_action(module.ActionModule, dict({"vendor": "model", "connection": {"url": "model://"}, "users": list(users)}, **args), check_mode=check_mode)


def rotate(*users, **args):
    return run(rotation_run, *users, **args)


def info(*users, **args):
    """The result of rotation_info, which names no vendor."""
    return run_action(rotation_info.ActionModule, dict({"users": list(users)}, **args))


def pending(name, sent, **fields):
    """A user whose rotation is unfinished."""
    made = Pending(NEW, run_id="run", created=LONG_AGO, attempts=1, sent=sent)
    return Record(name, password=OLD, pending=made, rotated_at=LONG_AGO, **fields)


@pytest.mark.parametrize("args", [{}, {"force": True}], ids=str)
@pytest.mark.parametrize("record", [None, Record("bob", password=OLD, rotated_at=LONG_AGO, status=CURRENT)], ids=["new", "old"])
def test_a_user_on_hold_is_skipped_and_nobody_else(store, record, args):
    if record:
        store.keep(record)
    result = rotate("alice", HELD, **args)
    assert result["due"] == ["alice"] and result["held"] == ["bob"] and "failed" not in result
    assert result["summary"] == ["bob: on hold: %s" % REASON, "alice (new): rotated, verified by a login"]
    assert {user for _what, user, _password in ModelVendor.calls} == {"alice"} and ModelVendor.passwords["bob"] == OLD
    assert store.record("bob") == record


def test_a_run_with_nobody_else_takes_no_lease_and_writes_nothing(store):
    result = rotate(HELD)
    assert result["changed"] is False and result["held"] == ["bob"] and not store.writes and not store.notes and not ModelVendor.calls


@pytest.mark.parametrize("sent, words", [(0, "is kept. A run"), (1, "is kept and may be in force. A run")])
def test_an_unfinished_change_stays_unfinished_until_the_hold_is_removed(store, sent, words):
    store.keep(pending("bob", sent))
    before = store.record("bob")
    result = rotate(HELD)
    assert store.record("bob") == before and not ModelVendor.calls and result["changed"] is False
    assert "its new password, pending since %s, %s finishes it when the hold is removed" % (LONG_AGO, words) in result["summary"][0]
    assert rotate(dict(HELD, hold=False))["summary"] == ["bob (unfinished): rotated, verified by a login"]
    assert store.record("bob").password == NEW == ModelVendor.passwords["bob"]


@pytest.mark.parametrize("fields", [{"status": ORPHANED}, {"target": "model://elsewhere"}], ids=str)
def test_what_is_wrong_with_the_record_of_a_user_on_hold_fails_no_run(store, fields):
    store.keep(Record("bob", password=OLD, **fields))
    assert rotate("bob")["failed"]
    assert "failed" not in rotate(HELD)


def test_step_by_step(store):
    staged = run(rotation_stage, "alice", HELD)
    assert (staged["due"], staged["held"]) == (["alice"], ["bob"]) and not store.record("bob")
    assert [(user["reason"], user["due"]) for user in staged["users"]] == [("new", True), ("held", False)]
    result = run_action(rotation_commit.ActionModule, {"staged": staged["users"], "results": [{"name": "alice", "state": "changed", "verified": True}]})
    assert result["summary"] == ["bob: on hold: %s" % REASON, "alice (new): rotated, verified by a login"] and "failed" not in result


def test_the_status_of_a_user_on_hold(store):
    store.keep(Record("bob", password=OLD, rotated_at=LONG_AGO, status=CURRENT))
    result = info(HELD, "alice", fail_on=["overdue"])
    assert "failed" not in result and result["summary"][0].endswith("; on hold: " + REASON) and "held" in result["users"][0]
    assert [(user["held"], user["hold_reason"], user["due"]) for user in result["users"]] == [(True, REASON, False), (False, None, True)]
    assert info("bob", fail_on=["overdue"])["failed"]


def test_a_repair_gives_no_new_password_to_a_user_on_hold(store):
    for name in ("alice", "bob"):
        store.keep(Record(name, password="S3cr3t-MARKER-other", rotated_at=LONG_AGO, status=CURRENT))
    result = run(rotation_repair, "alice", HELD, reset=True)
    assert [(user["name"], user["action"]) for user in result["users"]] == [("alice", "reset"), ("bob", None)]
    assert "It was not reset, since it is on hold." in result["summary"][1] and ModelVendor.passwords["bob"] == OLD


@pytest.mark.parametrize("value, held", [("true", True), ("yes", True), (1, True), ("False", False), ("no", False), ("", False), (None, False), (0, False)])
def test_hold_as_templates_and_surveys_give_it(value, held):
    assert bool(rotate({"name": "bob", "hold": value}).get("held")) == held


@pytest.mark.parametrize("reason", ["", None, "  "])
def test_a_reason_that_is_empty_is_none(reason):
    assert rotate({"name": "bob", "hold": True, "hold_reason": reason})["summary"] == ["bob: on hold"]


@pytest.mark.parametrize(
    "user, message",
    [
        ({"hold": "S3cr3t-MARKER"}, "users: hold of bob must be true or false."),
        ({"hold": 2}, "users: hold of bob must be true or false."),
        ({"hold": [True]}, "users: hold of bob must be true or false."),
        ({"hold": {"reason": "S3cr3t-MARKER"}}, "users: hold of bob must be true or false."),
        ({"hold_reason": "it moves"}, "users gives a hold_reason for bob and no hold, so it would be rotated. Add hold: true, or remove the reason."),
        ({"hold": True, "hold_reason": "x" * 301}, "users: hold_reason of bob must be a text of at most 300 printable characters."),
        ({"hold": True, "hold_reason": ["S3cr3t-MARKER"]}, "users: hold_reason of bob must be a text of at most 300 printable characters."),
        ({"hold": True, "hold_reason": "a\u0007bell"}, "users: hold_reason of bob must be a text of at most 300 printable characters."),
    ],
)
@pytest.mark.parametrize("module", [rotation_run, rotation_stage, rotation_info])
def test_a_wrong_value_is_an_error_before_anything_is_noted(store, module, user, message):
    result = info("alice", dict(user, name="bob")) if module is rotation_info else run(module, "alice", dict(user, name="bob"))
    assert result["failed"] and result["error"]["kind"] == "invalid_input" and result["msg"] == message
    assert not store.data and not store.notes and not ModelVendor.calls
