# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory says of a single user: hold, and options that override those of the host."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.rekey.passwords.plugins.action import (
    rotation_commit,
    rotation_info,
    rotation_repair,
    rotation_rollback,
    rotation_run,
    rotation_stage,
)
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import sender
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, utc_now
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


def old(name, days):
    """A user whose password was proved some days ago."""
    return Record(name, password=OLD, rotated_at=format_utc(utc_now() - datetime.timedelta(days=days)), status=CURRENT)


def test_the_options_are_not_for_the_vendors_module(store, monkeypatch):
    seen = []
    monkeypatch.setattr(sender, "run_vendor_module", lambda _action, _vendor, args, *_more: seen.append(args) or {"changed": False, "users": []})
    rotate({"name": "alice", "scope": "local", "hold": False, "hold_reason": None, "max_age": "1d", "policy": {"length": 20}, "accept_unverified": True})
    assert set(seen[0]["users"][0]) == {"name", "scope", "password", "current_password", "update_password", "failed_logins"}


@pytest.mark.parametrize("module", [rotation_run, rotation_stage])
def test_an_age_of_ones_own_overrides_that_of_all(store, module):
    store.keep(old("alice", 10))
    store.keep(old("bob", 10))
    assert run(module, {"name": "alice", "max_age": "7d"}, "bob")["due"] == ["alice"]
    store.keep(old("alice", 10))
    assert run(module, {"name": "alice", "max_age": "99d"}, {"name": "bob", "max_age": ""}, max_age="1d")["due"] == ["bob"]


def test_the_status_knows_the_age_of_ones_own(store):
    store.keep(old("alice", 10))
    store.keep(old("bob", 10))
    users = {user["name"]: user for user in info({"name": "alice", "max_age": "7d"}, "bob", max_age="30d")["users"]}
    assert (users["alice"]["due"], users["bob"]["due"]) == (True, False) and users["alice"]["due_at"] < users["bob"]["due_at"]


@pytest.mark.parametrize("module", [rotation_run, rotation_stage])
def test_a_policy_of_ones_own_replaces_all_of_the_other(store, module):
    run(module, {"name": "alice", "policy": {"length": "24"}}, {"name": "bob", "policy": {}}, policy={"length": 40, "symbols": 0})
    made = {name: store.record(name).password or store.record(name).pending.password for name in ("alice", "bob")}
    assert len(made["alice"]) == 24 and not made["alice"].isalnum()
    # An empty one is that of the vendor.
    assert len(made["bob"]) == 32 and not made["bob"].isalnum()


def test_a_refused_password_is_replaced_by_the_policy_of_ones_own(store):
    refused = []

    def refuse_once(account):
        if account.name not in refused:
            refused.append(account.name)
            raise PasswordError("password_rejected", "Too simple.")

    ModelVendor.troubles = {"alice": refuse_once, "bob": refuse_once}
    result = rotate({"name": "alice", "policy": {"length": 40, "exclude": "aeiou-_"}}, "bob", policy={"length": 33})
    assert "failed" not in result, result
    alice, bob = (store.record(name).password for name in ("alice", "bob"))
    assert (len(alice), len(bob)) == (40, 33) and not set(alice) & set("aeiou-_")


def test_the_word_of_the_vendor_counts_for_those_for_whom_it_is_said(store):
    ModelVendor.unreachable = {"alice", "bob"}
    result = rotate({"name": "alice", "accept_unverified": "yes"}, "bob")
    assert [user["action"] for user in result["users"]] == ["promoted", "kept"]
    assert result["summary"][0] == "alice (new): rotated, NOT verified by a login"
    result = rotate({"name": "alice", "accept_unverified": False}, "bob", accept_unverified=True, force=True)
    assert [user["action"] for user in result["users"]] == ["kept", "promoted"]


def test_it_counts_in_single_steps_too(store):
    staged = run(rotation_stage, {"name": "alice", "accept_unverified": True}, "bob")
    results = [{"name": name, "state": "changed", "verified": None} for name in ("alice", "bob")]
    result = run_action(rotation_commit.ActionModule, {"staged": staged["users"], "results": results})
    assert [user["action"] for user in result["users"]] == ["promoted", "kept"]


def test_it_counts_in_a_repair_and_in_a_rollback(store):
    ModelVendor.unreachable = {"alice"}
    store.keep(Record("alice", password="S3cr3t-MARKER-other", rotated_at=LONG_AGO, status=CURRENT))
    result = run(rotation_repair, {"name": "alice", "accept_unverified": True}, reset=True)
    assert [(user["action"], user["verified"]) for user in result["users"]] == [("reset", None)]
    committed = [{"name": "alice", "state": "changed", "verified": None, "action": "promoted", "error": None}]
    result = run(rotation_rollback, {"name": "alice", "accept_unverified": True}, committed=committed)
    assert [user["action"] for user in result["users"]] == ["promoted"], result


AGE = "must be a whole number and a unit, such as 30d, 12h, 90m or 45s."


@pytest.mark.parametrize(
    "user, message",
    [
        *(({"max_age": value}, "users: max_age of bob " + AGE) for value in ("a month", "-1d", 30, True, ["30d"], {"days": 30}, "30 d d", "S3cr3t-MARKER")),
        *(({"accept_unverified": value}, "users: accept_unverified of bob must be true or false.") for value in ("S3cr3t-MARKER", 5, [True], -1)),
        *(
            ({"policy": value}, "users: policy of bob must be a dictionary, with the keys of rotate_policy (option policy).")
            for value in ("S3cr3t-MARKER", 5, True, ["length"])
        ),
        ({"policy": {"length": 5}}, "users: policy of bob: length must be from 20 to 64 for Model."),
        ({"policy": {"digits": -1}}, "users: policy of bob: upper, lower, digits and symbols must not be negative."),
        ({"policy": {"lenght": 24}}, "users: policy of bob: Unsupported options: lenght."),
        ({"policy": {"length": "S3cr3t-MARKER"}}, "users: policy of bob: argument 'length' is of type "),
        ({"policy": {"length": [24]}}, "users: policy of bob: argument 'length' is of type "),
    ],
    ids=str,
)
@pytest.mark.parametrize("module", [rotation_run, rotation_stage])
def test_a_wrong_option_names_the_user_and_is_found_before_anything_is_noted(store, module, user, message):
    result = run(module, "alice", dict(user, name="bob"))
    assert result["failed"] and result["error"]["kind"] == "invalid_input" and result["msg"].startswith(message), result
    assert "MARKER" not in str(result) and not store.data and not store.notes and not ModelVendor.calls
