# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action rotation_run: all steps in one task, and what is told if one of them fails."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_run import ActionModule
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import change, lease, rollback
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, run_action, use_model

OLD, OLDER, ROOT = "S3cr3t-MARKER-old", "S3cr3t-MARKER-older", "S3cr3t-MARKER-root"
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(root=ROOT, alice=OLD, bob=OLD)
    return use_model(monkeypatch, MemoryStore())


def rotate(*users, check_mode=False, **args):
    given = dict({"vendor": "model", "connection": {"url": "model://"}, "users": list(users)}, **args)
    return run_action(ActionModule, given, check_mode=check_mode)


def refuse(name, kind):
    """The vendor refuses the change of a user."""

    def fail(account):
        raise PasswordError(kind, "The model refuses.")

    ModelVendor.troubles[name] = fail


def test_who_is_due_has_a_new_password_that_logs_in(store):
    result = rotate({"name": "alice", "current_password": OLD}, "bob")
    assert result["changed"] and result["due"] == ["alice", "bob"] and "failed" not in result
    assert result["summary"] == ["%s (new): rotated, verified by a login" % name for name in ("alice", "bob")]
    assert [(user["name"], user["state"], user["verified"], user["action"], user["error"]) for user in result["users"]] == [
        (name, "changed", True, "promoted", None) for name in ("alice", "bob")
    ]
    for name in ("alice", "bob"):
        assert store.record(name).status == CURRENT and ModelVendor.passwords[name] == store.record(name).password != OLD
    assert not [secret for secret in (OLD, store.record("alice").password) if secret in str(result)]


def test_a_second_run_changes_nothing_and_takes_no_lock(store, monkeypatch):
    rotate("alice")
    writes, calls = store.writes, len(ModelVendor.calls)
    monkeypatch.setattr(lease, "held", None)
    result = rotate("alice")
    assert (result["changed"], result["due"], result["users"]) == (False, [], []) and result["summary"][0].startswith("alice: not due, rotated ")
    assert (store.writes, len(ModelVendor.calls)) == (writes, calls)


def test_check_mode_tells_and_makes_nothing(store, monkeypatch):
    monkeypatch.setattr(lease, "held", None)
    result = rotate("alice", check_mode=True)
    assert result["changed"] and result["summary"] == ["alice (new): would be rotated"] and result["users"][0]["state"] == "would_change"
    assert not store.data and ModelVendor.passwords["alice"] == OLD


def test_one_bad_user_fails_the_task_and_hides_nobody(store):
    result = rotate("alice", "ghost")
    assert result["failed"] and result["changed"] and result["msg"] == "1 of 2 users were not rotated: ghost" and "error" not in result
    assert [user["error"] and user["error"]["kind"] for user in result["users"]] == [None, "user_not_found"]
    assert store.record("alice").status == CURRENT and store.record("ghost").pending


def test_an_operator_that_cannot_log_in_concerns_all_and_the_store_hears_of_it(store):
    result = rotate("alice", connection={"url": "model://", "api_user": "root", "api_password": "S3cr3t-MARKER-wrong"})
    assert result["failed"] and result["error"]["kind"] == "authentication_failed" and "refused the operator" in result["msg"]
    assert "S3cr3t-MARKER-wrong" not in str(result)
    record = store.record("alice")
    assert record.pending.sent == 1 and record.last_error["kind"] and ModelVendor.passwords["alice"] == OLD
    assert rotate("alice")["summary"] == ["alice (unfinished): rotated, verified by a login"]


def test_a_store_that_fails_after_the_change_has_the_new_password_all_the_same(store, monkeypatch):
    whole, writes = store.put, []

    def put(entries):
        writes.append(entries)
        if len(writes) == 3:
            raise PasswordError("store_failed", "The store is full.")
        whole(entries)

    monkeypatch.setattr(store, "put", put)
    result = rotate("alice")
    assert result["failed"] and result["error"]["kind"] == "store_failed"
    assert result["msg"] == "The store is full. What was sent to the vendor is in the store as pending; the next run finishes it."
    assert ModelVendor.passwords["alice"] == store.record("alice").pending.password
    monkeypatch.setattr(store, "put", whole)
    assert rotate("alice")["summary"] == ["alice (unfinished): rotated, verified by a login"] and len(ModelVendor.done("change")) == 1


def test_a_run_that_waits_in_vain_steps_back_and_sends_nothing(store, monkeypatch):
    @contextlib.contextmanager
    def held(store):
        raise PasswordError("store_conflict", "Another run has been changing passwords of %s." % store.host)
        yield  # pylint: disable=unreachable

    monkeypatch.setattr(lease, "held", held)
    result = rotate("alice")
    assert (result["error"]["kind"], result["msg"]) == ("store_conflict", "Another run has been changing passwords of model-1.")
    assert not ModelVendor.calls and not store.data


def test_the_lock_is_held_until_the_store_is_in_line(store, monkeypatch):
    held = []

    @contextlib.contextmanager
    def lock(store):
        held.append("taken")
        yield
        held.append("left")
        assert store.record("alice").status == CURRENT

    monkeypatch.setattr(lease, "held", lock)
    rotate("alice")
    assert held == ["taken", "left"]


@pytest.mark.parametrize("rollback", [True, False])
def test_the_others_go_back_if_a_user_failed_and_only_on_demand(store, rollback):
    for name in ("alice", "bob"):
        store.keep(Record(name, password=OLD, status=CURRENT, rotated_at=LONG_AGO, verified=True))
    refuse("bob", "permission_denied")
    result = rotate("alice", "bob", rollback=rollback)
    assert result["failed"] and result["msg"] == "1 of 2 users were not rotated: bob" and "error" not in result
    assert (ModelVendor.passwords["alice"] == OLD) is rollback is (store.record("alice").password == OLD)
    assert [user["name"] for user in result.get("rolled_back", [])] == (["alice"] if rollback else [])
    assert any("rolled back" in line for line in result["summary"]) is rollback


def test_a_rollback_that_fails_as_a_whole_is_told_beside_what_was_done(store, monkeypatch):
    for name in ("alice", "bob"):
        store.keep(Record(name, password=OLD, status=CURRENT, rotated_at=LONG_AGO, verified=True))
    refuse("bob", "permission_denied")

    def fail(*_args):
        raise PasswordError("store_failed", "The store is out of reach for %s." % OLDER)

    monkeypatch.setattr(rollback, "roll_back", fail)
    result = rotate("alice", {"name": "bob", "current_password": OLDER}, rollback=True)
    assert result["failed"] and result["error"]["kind"] == "store_failed" and "The store is out of reach" in result["msg"] and OLDER not in str(result)
    assert [user["name"] for user in result["users"]] == ["alice", "bob"] and "rolled_back" not in result


def test_a_change_that_fails_as_a_whole_is_told_without_a_secret(store, monkeypatch):
    def fail(*_args):
        raise PasswordError("store_failed", "The store is out of reach for %s." % OLD)

    monkeypatch.setattr(change, "change", fail)
    result = rotate({"name": "alice", "current_password": OLD})
    assert result["failed"] and result["error"]["kind"] == "store_failed" and OLD not in str(result)
    assert [(user["name"], user["action"], user["error"]["kind"]) for user in result["users"]] == [("alice", "kept", "outcome_unknown")]


def test_an_orphan_is_told_and_left_alone(store):
    store.keep(Record("alice", password=OLDER, pending=Pending("S3cr3t-MARKER-new", "run", LONG_AGO, 3, 3), status=ORPHANED, rotated_at=LONG_AGO))
    result = rotate("alice")
    assert result["failed"] and not result["changed"] and not ModelVendor.calls and result["users"][0]["error"]["kind"] == "orphaned"


@pytest.mark.parametrize("args, text", [
    ({"max_attempts": 0}, "max_attempts (in the role: rotate_max_attempts) must be at least 1."),
    ({"max_age": "soon"}, "max_age must be a whole number and a unit"),
    ({"connection": {"url": "model://", "users": []}}, "connection must not hold users"),
    ({"policy": {"length": 3}}, "policy: length must be from"),
])  # fmt: skip
def test_wrong_options_make_nothing(store, args, text):
    result = rotate("alice", **args)
    assert result["error"]["kind"] == "invalid_input" and text in result["msg"] and not store.data and not ModelVendor.calls
