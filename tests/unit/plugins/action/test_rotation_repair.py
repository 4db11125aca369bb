# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action rotation_repair: which password it finds, what it never gives up, and what it costs."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_repair import ActionModule
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Login
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import lease
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, capabilities, run_action, use_model

OLDER, OLD, NEW, TOLD, ROOT = ("S3cr3t-MARKER-" + name for name in ("older", "old", "new", "told", "root"))
AS_ROOT = {"url": "model://", "api_user": "root", "api_password": ROOT}
LOCKS = capabilities(failed_logins_per_call=2, failed_probes_per_call=1, lockout_window=3600.0)


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(root=ROOT, alice=OLD)
    store = use_model(monkeypatch, MemoryStore())
    pending = Pending(NEW, run_id="run", created="2026-01-01T00:00:00Z", attempts=3, sent=3)
    store.keep(Record("alice", password=OLD, previous=OLDER, pending=pending, status=ORPHANED, rotated_at="2026-01-01T00:00:00Z", lost_runs=3))
    return store


def repair(*users, check_mode=False, connection=None, **args):
    given = dict({"vendor": "model", "connection": connection or AS_ROOT, "users": list(users) or ["alice"]}, **args)
    return run_action(ActionModule, given, check_mode=check_mode)


def only(result):
    (user,) = result["users"]
    assert "MARKER" not in repr(result)
    return user["action"], user["password"], user["error"] and user["error"]["kind"]


@pytest.mark.parametrize(
    "in_force, which, current, previous, due_again",
    [(NEW, "pending", NEW, OLD, False), (OLD, "current", OLD, OLDER, False), (OLDER, "previous", OLDER, OLD, True)],
)
def test_it_finds_the_one_that_logs_in(store, in_force, which, current, previous, due_again):
    ModelVendor.passwords["alice"] = in_force
    result = repair()
    assert only(result) == ("repaired", which, None) and result["changed"] and "failed" not in result
    record = store.record("alice")
    assert (record.password, record.previous, record.pending, record.status, record.verified) == (current, previous, None, CURRENT, True)
    assert (record.rotated_at is None) == due_again and record.lost_runs == 0
    assert not ModelVendor.done("change")
    assert result["summary"] == ["alice: the %s password logs in; the record was brought in line" % which]
    again = repair()
    assert only(again) == ("unchanged", "current", None) and not again["changed"]
    assert again["summary"] == ["alice: the current password logs in, as the record says"]


def test_a_told_password_alone_is_tried(store):
    ModelVendor.passwords["alice"] = TOLD
    assert only(repair({"name": "alice", "password": TOLD, "scope": "local"})) == ("repaired", "given", None)
    record = store.record("alice")
    assert (record.password, record.previous, record.pending, record.rotated_at) == (TOLD, OLD, None, None)
    assert {password for _name, password in ModelVendor.done("probe")} == {TOLD}


def test_a_told_password_that_is_wrong_changes_nothing(store):
    before = store.data["alice"]
    result = repair({"name": "alice", "password": TOLD})
    assert only(result) == (None, None, "current_password_wrong") and result["msg"] == "1 of 1 users were not repaired: alice"
    assert result["failed"] and not result["changed"] and store.data["alice"] == before


def test_a_user_that_is_new_to_the_store_is_adopted(store):
    ModelVendor.passwords["bob"] = TOLD
    assert only(repair({"name": "bob", "password": TOLD})) == ("repaired", "given", None)
    assert (store.record("bob").password, store.record("bob").rotated_at) == (TOLD, None)


def test_nothing_known_and_nothing_told(store):
    ModelVendor.passwords["bob"] = TOLD
    result = repair("bob")
    assert only(result) == (None, None, "current_password_wrong") and "none was given" in result["summary"][0] and "bob" not in store.data


def test_one_user_that_cannot_be_repaired_hides_nobody(store):
    result = repair("ghost", "alice")
    assert [user["action"] for user in result["users"]] == [None, "repaired"] and result["failed"] and result["changed"]


def test_check_mode_tells_and_writes_nothing(store):
    result = repair(check_mode=True)
    assert only(result) == ("repaired", "current", None) and result["changed"] and store.writes == 0
    assert result["summary"] == ["alice: the current password logs in; the record would be brought in line"]
    ModelVendor.passwords["alice"] = TOLD
    result = repair(check_mode=True, reset=True)
    assert only(result) == ("reset", None, None) and result["summary"] == ["alice: would get a new password"] and store.writes == 0
    assert not ModelVendor.done("change")


def test_the_operator_resets_whom_nobody_can_log_in(store):
    ModelVendor.passwords["alice"] = TOLD
    result = repair(reset=True)
    assert only(result) == ("reset", None, None) and result["changed"] and result["summary"] == ["alice: has a new password, verified by a login"]
    record = store.record("alice")
    assert record.password == ModelVendor.passwords["alice"] and record.password not in (OLDER, OLD, NEW, TOLD)
    assert (record.previous, record.pending, record.status, record.lost_runs) == (OLD, None, CURRENT, 0)


def test_the_lock_is_held_until_a_reset_is_in_the_store(store, monkeypatch):
    held = []

    @contextlib.contextmanager
    def lock(store):
        held.append(store.host)
        yield
        assert store.record("alice").status == CURRENT

    ModelVendor.passwords["alice"] = "somebody has changed it"
    monkeypatch.setattr(lease, "held", lock)
    assert only(repair(reset=True)) == ("reset", None, None) and held == ["model-1"]


def test_a_reset_leaves_those_alone_who_can_log_in(store):
    assert only(repair(reset=True)) == ("repaired", "current", None) and not ModelVendor.done("change")


def test_a_reset_gives_up_no_pending_password_that_may_be_in_force(store):
    # No login can be made, so the pending one may be the right one: it is the one to be set.
    ModelVendor.passwords["alice"] = NEW
    ModelVendor.unreachable = {"alice"}
    ModelVendor.troubles["alice"] = _refuse("permission_denied")
    assert only(repair(reset=True)) == ("kept", None, "permission_denied")
    assert store.record("alice").pending.password == NEW


def test_a_reset_that_fails_keeps_every_password_that_may_be_in_force(store):
    ModelVendor.passwords["alice"] = TOLD
    ModelVendor.troubles["alice"] = _refuse("timed_out", maybe_applied=True)
    repair(reset=True)
    record = store.record("alice")
    assert record.password == OLD and record.previous == OLDER and record.pending.sent == 1
    # Killed or unlucky, the next one goes on with the same password.
    made = record.pending.password
    ModelVendor.passwords["alice"] = made
    assert only(repair()) == ("repaired", "pending", None) and store.record("alice").password == made


def _refuse(kind, **more):
    def trouble(_account):
        raise PasswordError(kind, "The model says no.", **more)

    return trouble


@pytest.mark.parametrize("accept, told", [(False, ("kept", None, "not_verified")), (True, ("reset", None, None))])
def test_a_reset_that_no_login_can_prove(store, accept, told):
    ModelVendor.unreachable = {"alice"}
    assert only(repair(reset=True, accept_unverified=accept)) == told
    known = store.record("alice").password if accept else store.record("alice").pending.password
    assert known == ModelVendor.passwords["alice"]


def test_a_password_that_was_staged_meanwhile_is_not_lost(store, monkeypatch):
    def login(self, account, password):
        # While we look, a run on another machine stages and sends the next one.
        record = store.record("alice")
        record.pending = Pending("S3cr3t-MARKER-theirs", run_id="theirs", attempts=1, sent=1)
        store.keep(record)
        return Login.RIGHT

    monkeypatch.setattr(ModelVendor, "probe", login)
    result = repair()
    assert only(result) == (None, None, "store_conflict") and result["failed"]
    assert store.record("alice").pending.password == "S3cr3t-MARKER-theirs"


def test_the_budget_of_failed_logins_is_kept_over_repairs(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", LOCKS)
    ModelVendor.passwords["alice"] = TOLD
    for _time in range(3):
        assert only(repair())[2] == "login_budget_spent"
    assert ModelVendor.done("probe") == [("alice", NEW)] and store.record("alice").failed_logins == 1
    # The other ones have their turn when the vendor has forgotten.
    record = store.record("alice")
    record.failed_at = "2026-01-01T00:00:00Z"
    store.keep(record)
    began = format_utc(utc_now())
    repair()
    assert len(ModelVendor.done("probe")) == 2 and store.record("alice").failed_at >= began


def test_a_login_is_counted_before_it_is_made(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", LOCKS)
    noted = []

    def login(self, account, password):
        noted.append(store.record("alice").failed_logins)
        return Login.RIGHT if password == OLD else Login.WRONG

    monkeypatch.setattr(ModelVendor, "probe", login)
    repair({"name": "alice", "password": OLD})
    assert noted == [1] and (store.record("alice").failed_logins, store.record("alice").status) == (0, CURRENT)


def test_where_the_operator_cannot_log_in_no_failed_login_stays_noted(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", LOCKS)
    result = repair(connection=dict(AS_ROOT, api_password="S3cr3t-MARKER-wrong"))
    assert result["error"]["kind"] == "authentication_failed" and store.record("alice").failed_logins == 0 and "MARKER" not in repr(result)


def test_the_operators_password_comes_from_the_store_even_if_it_is_not_among_the_users(store):
    store.keep(Record("root", password=ROOT, status=CURRENT))
    assert only(repair(connection=dict(AS_ROOT, api_password="S3cr3t-MARKER-stale")))[0] == "repaired"
    assert set(ModelVendor.done("operator")) == {("root", ROOT)}


@pytest.mark.parametrize(
    "users, args, told",
    [
        ([{"name": "alice", "password": 12345}], {}, "The password of alice is not a text"),
        (["alice", "alice"], {}, "users names alice twice."),
        ([{"password": TOLD}], {}, "Element 1 of users"),
        (["alice"], {"policy": {"length": 5}}, "policy: length"),
        (["alice"], {"reset": "perhaps"}, "reset"),
        (["alice"], {"colour": TOLD}, "Unsupported options: colour."),
        ([{"name": "alice", "password": TOLD}], {"policy": TOLD}, "policy"),
    ],
)
def test_wrong_options_are_told_without_a_secret(store, users, args, told):
    result = repair(*users, **args)
    assert (result["failed"], result["error"]["kind"]) == (True, "invalid_input") and told in result["msg"]
    assert "MARKER" not in repr(result) and not ModelVendor.calls and store.writes == 0
