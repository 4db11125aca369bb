# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A password that was changed by hand is replaced in the same run, where an operator may set passwords and where that is asked for."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.rekey.passwords.plugins.action import rotation_run
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import recheck
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, capabilities, run_action, use_model

OLD, BY_HAND = "S3cr3t-MARKER-old", "S3cr3t-MARKER-by-hand"


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(alice=BY_HAND, bob=OLD)
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(others_need_current="no"))
    store = use_model(monkeypatch, MemoryStore())
    for name in ("alice", "bob"):
        store.keep(record(name))
    return store


def record(name, **fields):
    proved = format_utc(utc_now() - datetime.timedelta(days=2))
    return Record(name, **dict({"password": OLD, "rotated_at": proved, "status": CURRENT, "verified": True}, **fields))


def rotate(*users, check_mode=False, **args):
    given = {"vendor": "model", "connection": {"url": "model://"}, "users": list(users) or ["alice", "bob"], "reconcile": True}
    return run_action(rotation_run.ActionModule, dict(given, **args), check_mode=check_mode)


def refuse(name, kind, times=99):
    """The vendor refuses the change of a user."""
    left = [times]

    def fail(_account):
        left[0] -= 1
        if left[0] >= 0:
            raise PasswordError(kind, "The model refuses.")

    ModelVendor.troubles[name] = fail


def test_it_gets_a_new_password_that_logs_in(store):
    result = rotate()
    assert "failed" not in result and result["changed"] and result["due"] == []
    assert "; does not log in; reconcile: reset, verified by a login" in result["summary"][0] and result["summary"][1].endswith("; logs in")
    assert [(user["name"], user["reason"], user["action"], user["verified"], user["error"]) for user in result["users"]] == [
        ("alice", "reconcile", "promoted", True, None)
    ]
    alice = store.record("alice")
    assert (
        alice.password == ModelVendor.passwords["alice"]
        and alice.password not in (OLD, BY_HAND)
        and (alice.previous, alice.status, alice.pending) == (OLD, CURRENT, None)
    )
    assert ModelVendor.passwords["bob"] == OLD and "MARKER" not in str(result) and alice.password not in str(result)
    again = rotate()
    assert again["changed"] is False and not again["users"]


def test_off_by_default(store):
    result = rotate(reconcile=False)
    assert result["failed"] and result["users"][0]["reason"] == "verify" and ModelVendor.passwords["alice"] == BY_HAND and store.record("alice").password == OLD


@pytest.mark.parametrize(
    "rules",
    [{"others_need_current": "yes"}, {"others_need_current": "no", "changes_others": False}, {"others_need_current": "no", "failed_logins_per_call": 2}],
    ids=["needs the current one", "only their own", "locks accounts"],
)
def test_only_where_an_operator_may_set_passwords_and_a_login_costs_nothing(store, monkeypatch, rules):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(**rules))
    rotate()
    assert not ModelVendor.done("change") and store.record("alice").password == OLD


@pytest.mark.parametrize(
    "args", [{"verify_after": ""}, {"verify_after": "30d"}, {"window": {"days": "mon", "from": "00:00", "to": "00:01", "timezone": "UTC"}}], ids=str
)
def test_not_without_the_check_and_not_outside_of_the_window(store, monkeypatch, args):
    from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import reconciliation

    sunday = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.timezone.utc)
    monkeypatch.setattr(reconciliation, "utc_now", lambda: sunday)
    rotate(**args)
    assert not ModelVendor.done("change") and store.record("alice").password == OLD


@pytest.mark.parametrize("user, fields", [({"hold": True}, {}), ({}, {"status": ORPHANED})], ids=["on hold", "orphaned"])
def test_not_for_those_whom_nobody_is_to_touch(store, user, fields):
    store.keep(record("alice", **fields))
    rotate(dict({"name": "alice"}, **user))
    assert not ModelVendor.calls and store.record("alice").password == OLD


def test_check_mode_says_who_would_get_one(store):
    result = rotate(check_mode=True)
    assert "does not log in; reconcile: would be reset" in result["summary"][0] and result["changed"] and "failed" not in result
    assert [(user["reason"], user["state"]) for user in result["users"]] == [("reconcile", "would_change")]
    assert not ModelVendor.done("change") and store.record("alice") == record("alice", rotated_at=store.record("alice").rotated_at) and not store.notes


def test_a_vendor_that_asks_for_the_current_password_after_all(store):
    """As Milvus does, unless it lists the operator in superUsers: night after night the record stays as it was."""
    refuse("alice", "current_password_wrong")
    for _night in range(5):
        result = rotate()
        assert result["failed"] and [(user["action"], user["error"]["kind"]) for user in result["users"]] == [("dropped", "current_password_wrong")]
        assert "have no new password: alice" in result["msg"] and "NOT reset, the new password was refused and dropped" in result["summary"][0]
        alice = store.record("alice")
        assert (alice.status, alice.password, alice.pending, alice.lost_runs) == (CURRENT, OLD, None, 0)
    # Somebody sets the old one again, and all is well.
    ModelVendor.passwords["alice"] = OLD
    assert "failed" not in rotate()


@pytest.mark.parametrize("kind", ["timed_out", "permission_denied"])
def test_a_change_that_failed_is_finished_by_the_next_run(store, kind):
    refuse("alice", kind, times=1)
    result = rotate()
    assert result["failed"] and result["users"][0]["action"] == "kept" and store.record("alice").pending
    assert rotate()["summary"][-1] == "alice (unfinished): rotated, verified by a login"


def test_an_operator_that_is_refused_does_not_hide_the_rest_of_the_result(store, monkeypatch):
    store.keep(record("bob", rotated_at="2020-01-01T00:00:00Z"))
    original = recheck.recheck

    def late(*args, **more):
        def fail(_wrong):
            raise PasswordError("store_failed", "The store is out of reach.")

        original(*args, **dict(more, reconcile=fail))

    monkeypatch.setattr("ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.run.recheck", late)
    result = rotate()
    assert result["failed"] and result["error"]["kind"] == "store_failed" and result["due"] == ["bob"]
    assert "bob (expired): rotated, verified by a login" in result["summary"]


def test_a_user_that_another_run_has_rotated_in_the_meantime(store):
    original = ModelVendor.probe

    def probe(self, account, password):
        login = original(self, account, password)
        if account.name == "alice" and password == OLD:
            store.keep(record("alice", password=BY_HAND, previous=OLD))
        return login

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelVendor, "probe", probe)
        result = rotate()
    assert "another run has changed it in the meantime" in result["summary"][0] and "failed" not in result and not ModelVendor.done("change")


def test_the_policy_of_ones_own_and_the_users_that_are_due(store):
    store.keep(record("bob", rotated_at="2020-01-01T00:00:00Z"))
    result = rotate({"name": "alice", "policy": {"length": 50}}, "bob")
    assert result["due"] == ["bob"] and [user["reason"] for user in result["users"]] == ["expired", "reconcile"]
    assert len(store.record("alice").password) == 50 and "failed" not in result


@pytest.mark.parametrize("value", ["maybe", 7, [True], ""], ids=repr)
def test_a_wrong_value(store, value):
    result = rotate(reconcile=value)
    assert result["failed"] and "argument 'reconcile' (in the role: rotate_reconcile)" in result["msg"] and not ModelVendor.calls
