# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A password that is in use is taken into the store as it is: proved by a login, and nothing is changed at the vendor."""

from __future__ import annotations

import datetime
from collections import Counter

import pytest
from ansible_collections.rekey.passwords.plugins.action import rotation_commit, rotation_info, rotation_run, rotation_stage
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import adoption, lease
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, parse_utc, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, PENDING, Pending, Record, Status

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, capabilities, run_action, use_model

OLD, WRONG, NEW, ROOT = "S3cr3t-MARKER-old", "S3cr3t-MARKER-wrong", "S3cr3t-MARKER-new", "S3cr3t-MARKER-root"
ALICE, BOB = ({"name": name, "current_password": OLD} for name in ("alice", "bob"))
DAY = datetime.timedelta(days=1)


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(root=ROOT, alice=OLD, bob=OLD)
    return use_model(monkeypatch, MemoryStore())


@pytest.fixture(name="locks")
def _locks(monkeypatch):
    """A vendor that counts failed logins."""
    rules = capabilities(failed_logins_per_call=2, failed_probes_per_call=1, lockout_window=900.0, lockout="the third one")
    monkeypatch.setattr(ModelVendor, "capabilities", rules)


def run(module, *users, check_mode=False, **args):
    """The result of an action about some users of the model."""
    given = dict({"vendor": "model", "connection": {"url": "model://"}, "users": list(users)}, **args)
    return run_action(module.ActionModule, given, check_mode=check_mode)


def adopt(*users, **args):
    return run(rotation_run, *users, **dict({"adopt": True}, **args))


def changes():
    return ModelVendor.done("change")


def test_a_password_in_use_becomes_the_current_one_as_it_is(store):
    result = adopt(ALICE, BOB)
    assert result["changed"] and result["due"] == [] and "failed" not in result
    assert result["summary"] == ["%s (adopt): adopted as it is, verified by a login" % name for name in ("alice", "bob")]
    assert [(user["state"], user["verified"], user["action"], user["error"]) for user in result["users"]] == [("unchanged", True, "adopted", None)] * 2
    record = store.record("alice")
    assert (record.password, record.previous, record.pending, record.status, record.verified) == (OLD, None, None, CURRENT, True)
    assert record.rotated_at == record.adopted_at and (record.target, record.host) == ("model://", "model-1")
    assert not changes() and "MARKER" not in str(result) and store.writes == 2, "one write per user"


def test_the_second_run_changes_nothing(store, monkeypatch):
    adopt(ALICE)
    before, writes = store.record("alice"), store.writes
    monkeypatch.setattr(lease, "held", None)
    result = adopt(ALICE, verify_after="")
    assert result["changed"] is False and result["summary"][0].startswith("alice: not due, rotated ") and store.writes == writes
    assert store.record("alice") == before


def test_it_is_due_when_its_age_is_reached_and_is_then_rotated(store):
    adopt(ALICE)
    record = store.record("alice")
    record.rotated_at = format_utc(utc_now() - 31 * DAY)
    store.keep(record)
    assert adopt(dict(ALICE, current_password="S3cr3t-MARKER-stale"))["summary"] == ["alice (expired): rotated, verified by a login"]
    record = store.record("alice")
    assert record.previous == OLD != record.password == ModelVendor.passwords["alice"] and record.adopted_at is None


def test_without_it_a_new_user_is_rotated_at_once(store):
    assert adopt(ALICE, adopt=False)["summary"] == ["alice (new): rotated, verified by a login"]
    assert [name for name, _password in changes()] == ["alice"]


@pytest.mark.parametrize(
    "args, users, adopted",
    [({"adopt": False}, {"adopt": True}, ["alice"]), ({"adopt": True}, {"adopt": "no"}, ["bob"]), ({"adopt": "yes"}, {"adopt": ""}, ["alice", "bob"])],
)
def test_a_user_decides_for_itself(store, args, users, adopted):
    adopt(dict(ALICE, **users), BOB, **args)
    assert [name for name in ("alice", "bob") if store.record(name).adopted_at] == adopted
    assert sorted(name for name, _password in changes()) == sorted({"alice", "bob"} - set(adopted))


def test_a_user_without_a_password_is_an_error_and_the_others_are_adopted(store):
    result = adopt("alice", dict(BOB, current_password=""), {"name": "root", "current_password": ROOT})
    assert result["failed"] and result["msg"] == "2 of 3 users were not rotated: alice, bob" and "error" not in result
    assert [user["error"] and user["error"]["kind"] for user in result["users"]] == ["invalid_input", "invalid_input", None]
    assert result["summary"][0].startswith("alice (adopt): NOT adopted: current_password is missing for alice, which is to be adopted")
    assert "adopt: false" in result["summary"][0] and list(store.data) == ["root"] and not changes()


def test_a_password_that_does_not_log_in_is_an_error_of_that_user(store):
    result = adopt(dict(ALICE, current_password=WRONG), BOB)
    assert result["failed"] and result["changed"] and [user["action"] for user in result["users"]] == [None, "adopted"]
    assert result["users"][0]["error"]["kind"] == "current_password_wrong" and "MARKER" not in str(result)
    assert "The current_password of alice does not log in, so it was not adopted, and nothing was changed." in result["summary"][0]
    assert list(store.data) == ["bob"] and not changes()
    # Correct it, and run again.
    assert adopt(ALICE, BOB)["summary"][1] == "alice (adopt): adopted as it is, verified by a login"


def test_a_user_that_does_not_exist(store):
    result = adopt({"name": "ghost", "current_password": OLD}, ALICE)
    assert [user["error"] and user["error"]["kind"] for user in result["users"]] == ["user_not_found", None] and list(store.data) == ["alice"]


@pytest.mark.usefixtures("locks")
def test_a_login_that_may_lock_is_counted_before_it_is_made(store):
    counted = []
    ModelVendor.passwords["alice"] = OLD
    original = ModelVendor.probe

    def probe(self, account, password):
        counted.append(store.record(account.name).failed_logins)
        return original(self, account, password)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelVendor, "probe", probe)
        assert adopt(dict(ALICE, current_password=WRONG))["users"][0]["error"]["kind"] == "current_password_wrong"
        assert counted == [1] and store.record("alice").failed_logins == 1
        # Within the budget: a second wrong one is not tried, however often somebody runs it.
        for _run in range(3):
            error = adopt(ALICE)["users"][0]["error"]
            assert error["kind"] == "login_budget_spent" and "lock" in error["message"]
        assert counted == [1]
    record = store.record("alice")
    assert record.password is None and record.pending is None and record.last_error["kind"] == "login_budget_spent"
    record.failed_at = format_utc(utc_now() - DAY)
    store.keep(record)
    assert "failed" not in adopt(ALICE)
    record = store.record("alice")
    assert (record.password, record.failed_logins, record.last_error) == (OLD, 0, None) and not changes()


@pytest.mark.usefixtures("locks")
def test_check_mode_makes_no_login_that_may_lock(store):
    result = adopt(ALICE, check_mode=True)
    assert result["changed"] and result["summary"] == ["alice (adopt): would be adopted as it is, if its password logs in"]
    assert not store.data and not store.notes and not ModelVendor.calls


def test_check_mode_makes_a_login_where_it_costs_nothing(store):
    result = adopt(dict(ALICE, current_password=WRONG), BOB, check_mode=True)
    assert result["summary"][1] == "bob (adopt): would be adopted as it is" and "alice (adopt): NOT adopted" in result["summary"][0]
    assert result["failed"] and not store.data and not store.notes and ModelVendor.done("probe")


def test_where_no_login_is_possible_it_is_an_error_unless_that_is_accepted(store):
    ModelVendor.unreachable = {"alice", "bob"}
    result = adopt(ALICE, dict(BOB, accept_unverified=True))
    assert [user["error"] and user["error"]["kind"] for user in result["users"]] == ["not_verified", None]
    assert "accept_unverified" in result["users"][0]["error"]["message"] and list(store.data) == ["bob"]
    assert result["summary"][1] == "bob (adopt): adopted as it is, NOT verified by a login" and store.record("bob").verified is False
    assert "failed" not in adopt(ALICE, accept_unverified=True)


def test_an_operator_that_is_refused_concerns_all(store):
    result = adopt(ALICE, connection={"url": "model://", "api_user": "root", "api_password": WRONG})
    assert result["failed"] and result["error"]["kind"] == "authentication_failed" and not store.data


@pytest.mark.parametrize(
    "record, reason",
    [
        (Record("alice", password=NEW, status=CURRENT, rotated_at="2020-01-01T00:00:00Z"), "expired"),
        (Record("alice", status=PENDING, pending=Pending(NEW, run_id="run", attempts=1, sent=1, replaces=OLD)), "unfinished"),
    ],
    ids=["known", "unfinished"],
)
def test_a_user_that_is_not_new_is_rotated_as_ever(store, record, reason):
    ModelVendor.passwords["alice"] = NEW
    store.keep(record)
    assert adopt(ALICE)["users"][0]["reason"] == reason


@pytest.mark.parametrize(
    "record", [Record("alice", status=PENDING, failed_logins=1), Record("alice", status=Status.RETIRED, vendor="model", target="model://", account="alice")]
)
def test_a_user_whose_record_holds_no_password_is_new(store, record):
    store.keep(record)
    assert adopt(ALICE)["users"][0]["action"] == "adopted" and store.record("alice").status == CURRENT


def test_force_rotates(store):
    assert adopt(ALICE, force=True)["summary"] == ["alice (new): rotated, verified by a login"]


def test_a_user_on_hold_is_not_adopted(store):
    assert adopt(dict(ALICE, hold=True))["held"] == ["alice"] and not store.data and not ModelVendor.calls


def test_others_are_rotated_in_the_same_run(store):
    store.keep(Record("bob", password=OLD, status=CURRENT, rotated_at="2020-01-01T00:00:00Z"))
    result = adopt(ALICE, BOB)
    assert result["summary"] == ["alice (adopt): adopted as it is, verified by a login", "bob (expired): rotated, verified by a login"]
    assert result["due"] == ["bob"] and [name for name, _password in changes()] == ["bob"]


def test_an_account_that_another_name_rotates_is_not_adopted(store, monkeypatch):
    adopt(ALICE)
    other = MemoryStore.sharing(store, host="model-2")
    use_model(monkeypatch, other)
    given = {"vendor": "model", "connection": {"url": "model://"}, "users": [ALICE], "adopt": True}
    result = run_action(rotation_run.ActionModule, given, host="model-2")
    assert result["users"][0]["error"]["kind"] == "target_mismatch" and not other.data


def test_a_failed_adoption_leaves_the_account_to_the_name_that_is_right(store, monkeypatch):
    adopt(dict(ALICE, current_password=WRONG))
    use_model(monkeypatch, MemoryStore.sharing(store, host="model-2"))
    result = run_action(rotation_run.ActionModule, {"vendor": "model", "connection": {"url": "model://"}, "users": [ALICE], "adopt": True}, host="model-2")
    assert "failed" not in result, result


def test_another_run_that_was_first(store, monkeypatch):
    """Between the look and the lease another run has adopted, or staged: its record stays."""
    original = adoption.adopt

    def late(*args):
        store.keep(Record("alice", password=OLD, status=CURRENT, rotated_at=format_utc(utc_now()), verified=True))
        return original(*args)

    monkeypatch.setattr(adoption, "adopt", late)
    assert adopt(ALICE)["summary"] == ["alice (left_to_another_run): left to another run"] and not ModelVendor.done("probe")


def test_step_by_step(store):
    staged = run(rotation_stage, ALICE, dict(BOB, current_password=WRONG), "root", adopt=True)
    assert staged["changed"] and staged["due"] == [] and store.record("alice").password == OLD
    result = run_action(rotation_commit.ActionModule, {"staged": staged["users"]})
    assert result["failed"] and [user["action"] for user in result["users"]] == ["adopted", None, None] and result["changed"] is False
    assert result["summary"][0] == "alice (adopt): adopted as it is, verified by a login" and "MARKER" not in str(staged) + str(result)
    ModelVendor.unreachable = {"bob"}
    staged = run(rotation_stage, BOB, adopt=True, accept_unverified=True)
    assert run_action(rotation_commit.ActionModule, {"staged": staged["users"]})["summary"] == ["bob (adopt): adopted as it is, NOT verified by a login"]


def test_without_the_options_of_the_vendor_nothing_can_be_proved(store):
    staged = run_action(rotation_stage.ActionModule, {"vendor": "model", "users": [ALICE], "adopt": True})
    assert staged["users"][0]["error"]["kind"] == "invalid_input" and "connection" in staged["users"][0]["error"]["message"] and not store.data


def test_the_status(store):
    adopt(ALICE)
    user = run_action(rotation_info.ActionModule, {"users": [ALICE]})
    assert user["users"][0]["adopted_at"] == store.record("alice").adopted_at and not user["users"][0]["due"]
    assert user["summary"] == ["alice: current; adopted as it was %s; due %s" % (store.record("alice").adopted_at, user["users"][0]["due_at"])]


def test_many_adopted_users_fall_due_on_different_days(store):
    names = ["app-%03d" % number for number in range(1000)]
    ModelVendor.reset(**dict.fromkeys(names, OLD))
    users = [{"name": name, "current_password": OLD} for name in names]
    assert "failed" not in adopt(*users, adopt_spread=True, max_age="100d")
    now = utc_now()
    ages = [(now - parse_utc(store.record(name).rotated_at)).days for name in names]
    per_day = Counter(ages)
    assert min(ages) >= 0 and max(ages) < 100 and len(per_day) == 100 and max(per_day.values()) < 30, per_day
    assert {store.record(name).adopted_at for name in names[:3]} == {store.record(names[0]).adopted_at}
    assert not run(rotation_run, *users, max_age="100d", verify_after="")["due"], "none is due at once"
    # By name, so that a second adoption would give the same day.
    first = {name: store.record(name).rotated_at for name in names[:20]}
    for name in names:
        del store.data[name]
    adopt(*users[:20], adopt_spread=True, max_age="100d")
    assert all(abs((parse_utc(store.record(name).rotated_at) - parse_utc(first[name])).total_seconds()) < 60 for name in first)


def test_the_spread_is_over_the_age_of_ones_own(store):
    adopt(dict(ALICE, max_age="1h"), BOB, adopt_spread=True, max_age="9999d")
    age = (utc_now() - parse_utc(store.record("alice").rotated_at)).total_seconds()
    assert age < 3600 < (utc_now() - parse_utc(store.record("bob").rotated_at)).total_seconds()


@pytest.mark.parametrize("option", ["adopt", "adopt_spread"])
@pytest.mark.parametrize("value", ["maybe", 7, [True], {"x": 1}, ""], ids=repr)
def test_a_wrong_value(store, option, value):
    result = adopt(ALICE, **{option: value})
    assert result["failed"] and result["error"]["kind"] == "invalid_input" and "argument '%s' (in the role: rotate_%s)" % (option, option) in result["msg"]
    assert not store.data and not ModelVendor.calls


@pytest.mark.parametrize("value", ["maybe", 7, [True], {"x": 1}], ids=repr)
def test_a_wrong_value_at_a_user(store, value):
    assert adopt(dict(ALICE, adopt=value))["msg"] == "users: adopt of alice must be true or false."


def test_a_trouble_of_the_vendor_is_its_users(store, monkeypatch):
    def probe(_self, account, _password):
        raise PasswordError("timed_out", "The model did not answer for %s." % account.name)

    monkeypatch.setattr(ModelVendor, "probe", probe)
    result = adopt(ALICE)
    assert result["users"][0]["error"]["kind"] == "timed_out" and not store.data and not changes()
