# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairs: two accounts that take turns. What a consumer may still use is never made invalid."""

from __future__ import annotations

import dataclasses
import datetime
import sys

import pytest
from ansible_collections.rekey.passwords.plugins.action import (
    rotation_change,
    rotation_commit,
    rotation_delivered,
    rotation_info,
    rotation_move,
    rotation_repair,
    rotation_retire,
    rotation_rollback,
    rotation_run,
    rotation_stage,
    rotation_undelivered,
)
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _times
from ansible_collections.rekey.passwords.plugins.plugin_utils._logins import read_logins
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import pairs, turns
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, PENDING, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, run_action, use_model

A, B, SINGLE, TOLD, ROOT = ("S3cr3t-MARKER-" + name for name in ("a", "b", "single", "told", "root"))
DAY = 86400
PAIR = {"name": "app", "accounts": [{"name": "app_a", "current_password": A}, {"name": "app_b", "current_password": B}]}
ROTATIONS = "ansible_collections.rekey.passwords.plugins.plugin_utils._rotation."


class Clock:
    """The time of all modules of the rotation."""

    def __init__(self):
        self.now = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += datetime.timedelta(seconds=seconds)


@pytest.fixture(name="clock", autouse=True)
def _clock(monkeypatch):
    made = Clock()
    for name, module in list(sys.modules.items()):
        if name.startswith(ROTATIONS) and getattr(module, "utc_now", None) is _times.utc_now:
            monkeypatch.setattr(module, "utc_now", made)
    return made


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(app_a=A, app_b=B, alice=SINGLE)
    return use_model(monkeypatch, MemoryStore())


def call(module, *users, check_mode=False, **more):
    args = dict({"vendor": "model", "connection": {"url": "model://"}, "users": list(users) or [PAIR]}, **more)
    result = run_action(module.ActionModule, args, check_mode=check_mode)
    assert "MARKER" not in repr(result)
    return result


def rotate(*users, **more):
    return call(rotation_run, *users, **more)


def deliver(store, *users):
    """Note that everything was delivered; what the consumers now log in with, by name."""
    args = {"vendor": "model", "users": list(users) or [PAIR]}
    found = run_action(rotation_undelivered.ActionModule, args)
    run_action(rotation_delivered.ActionModule, {"versions": found["versions"]})
    return {name: login(store, name) for name in found["users"]}


def login(store, name="app"):
    """What the consumers are given: a name and a password."""
    record = store.record(name)
    return record.username, record.password


def logs_in(name, password):
    return ModelVendor.passwords[name] == password


def test_the_accounts_take_turns(store, clock):
    first = rotate()
    assert first["changed"] and first["summary"] == ["app_b (new): rotated, verified by a login", "app: turned to app_b"]
    assert login(store) == ("app_b", ModelVendor.passwords["app_b"]) and ModelVendor.passwords["app_a"] == A
    assert not rotate()["changed"] and rotate()["summary"] == ["app: not due, rotated 2026-06-01T00:00:00Z"]
    for active, idle in (("app_a", "app_b"), ("app_b", "app_a"), ("app_a", "app_b")):
        clock.advance(31 * DAY)
        in_use = login(store)
        assert in_use[0] == idle
        assert "app: turned to %s" % active in rotate()["summary"]
        assert login(store) == (active, ModelVendor.passwords[active]) and logs_in(*in_use)
        assert store.record(active).password == login(store)[1] and store.record("app").verified


def test_a_pair_is_one_user_for_whoever_reads_the_store(store):
    rotate()
    assert {name: store.data[name]["username"] for name in store.data} == {"app": "app_b", "app_b": "app_b"}
    assert store.data["app"]["password"] == store.data["app_b"]["password"]


def found(store, name="app", version="current"):
    """What a lookup gives: a name and a password."""
    return tuple(read_logins(store, [name], version=version)[name].as_dict().values())


def test_lookups_give_the_login_that_works(store, clock):
    rotate()
    clock.advance(31 * DAY)
    before = found(store)
    rotate()
    assert found(store) == login(store) and found(store, "app_a") == ("app_a", login(store)[1])
    # What was in use before is the other account, and not an older password of this one.
    assert found(store, version="previous") == before and logs_in(*before)
    assert found(store, version="pending") == ("app_b", None)
    store.keep(Record("app_a", password=TOLD))
    assert found(store) == ("app_a", TOLD)


@pytest.mark.parametrize("force", [False, True])
def test_the_account_that_was_in_use_keeps_its_password_for_a_while(store, clock, force):
    """However young or old, and whoever asks."""
    rotate()
    clock.advance(DAY - 1)
    before = dict(ModelVendor.passwords)
    result = rotate(max_age="1h", force=force)
    assert not result["changed"] and result["summary"] == [
        "app: app_a was in use until 2026-06-01T00:00:00Z, so it keeps its password until 2026-06-02T00:00:00Z"
    ]
    assert ModelVendor.passwords == before
    clock.advance(1)
    assert rotate(max_age="1h", force=force)["changed"] and ModelVendor.passwords["app_a"] != A


def test_the_grace_period_can_be_chosen(store, clock):
    rotate(grace="0s")
    assert "app: turned to app_a" in rotate(grace="0s", force=True)["summary"]
    assert not rotate(grace="10d", force=True)["changed"]
    clock.advance(9 * DAY)
    assert not rotate(grace="10d", force=True)["changed"]
    clock.advance(DAY)
    assert rotate(grace="10d", force=True)["changed"]
    assert rotate(grace="soon")["error"]["kind"] == errors.INVALID_INPUT


def test_an_account_that_consumers_may_still_use_is_not_touched_before_the_delivery(store, clock):
    first = rotate(deliver=True)
    assert first["undelivered"] == ["app"]
    in_use = login(store)
    clock.advance(90 * DAY)
    waiting = rotate(deliver=True, force=True)
    assert not waiting["changed"] and waiting["undelivered"] == ["app"] and ModelVendor.passwords["app_a"] == A
    assert waiting["summary"] == ["app: the consumers have not been given app_b yet, so app_a keeps its password"]
    assert deliver(store) == {"app": in_use} and deliver(store) == {}
    after = rotate(deliver=True)
    assert "app: turned to app_a" in after["summary"] and after["undelivered"] == ["app"] and logs_in(*in_use)


def test_pairs_and_single_users_side_by_side(store):
    users = [{"name": "alice", "current_password": SINGLE}, PAIR]
    result = rotate(*users, deliver=True)
    assert result["due"] == ["alice", "app_b"] and result["undelivered"] == ["alice", "app"] and result["unlisted"] == []
    assert deliver(store, *users) == {"alice": login(store, "alice"), "app": login(store)}
    assert not rotate(*users)["changed"]


@pytest.mark.parametrize("only, due", [("app", ["app_b"]), ("app*", ["app_b"]), ("alice", ["alice"]), (["alice", "app"], ["alice", "app_b"])])
def test_only_goes_by_the_name_of_the_pair(only, due):
    users = [{"name": "alice", "current_password": SINGLE}, PAIR]
    assert rotate(*users, only=only)["due"] == due


def test_only_knows_no_single_account():
    assert rotate(only="app_a")["error"]["kind"] == errors.INVALID_INPUT


def test_a_refused_change_is_finished_and_turns_then(store, clock):
    rotate()
    in_use = login(store)
    clock.advance(31 * DAY)

    def down(_account):
        raise PasswordError(errors.VENDOR_UNAVAILABLE, "The model is down.")

    ModelVendor.troubles["app_a"] = down
    assert rotate()["failed"] and login(store) == in_use and logs_in(*in_use)
    ModelVendor.troubles.clear()
    # Unfinished work is not held up by anything.
    result = rotate(grace="90d")
    assert [user["reason"] for user in result["users"]] == ["unfinished"] and login(store) == ("app_a", ModelVendor.passwords["app_a"])
    assert logs_in(*in_use)


@pytest.mark.parametrize("moment", ["before the turn", "before the commit"])
def test_a_run_that_dies_is_finished_without_another_change(store, clock, monkeypatch, moment):
    rotate()
    in_use = login(store)
    clock.advance(31 * DAY)
    with monkeypatch.context() as patch:

        def die(*_args, **_more):
            raise KeyboardInterrupt

        if moment == "before the turn":
            patch.setattr(turns, "update", die)
        else:
            patch.setattr("ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.commit.protocol.commit", die)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    assert login(store) == in_use and logs_in(*in_use)
    changed = ModelVendor.passwords["app_a"]
    clock.advance(60)
    assert rotate()["changed"] and login(store) == ("app_a", changed) and ModelVendor.passwords["app_a"] == changed
    assert logs_in(*in_use) and not rotate()["changed"]
    # The grace period begins with the turn, not with the change.
    clock.advance(DAY - 1)
    assert not rotate(force=True)["changed"]


def test_step_by_step(store, clock):
    def steps():
        staged = call(rotation_stage)
        changed = call(rotation_change, staged=staged["users"])
        return run_action(rotation_commit.ActionModule, {"staged": staged["users"], "results": changed["users"]})

    assert steps()["summary"] == ["app_b (new): rotated, verified by a login", "app: turned to app_b"]
    assert login(store) == ("app_b", ModelVendor.passwords["app_b"])
    assert steps()["summary"] == ["app: not due, rotated 2026-06-01T00:00:00Z"]
    clock.advance(31 * DAY)
    staged = call(rotation_stage)
    assert staged["due"] == ["app_a"]
    changed = call(rotation_change, staged=staged["users"])
    committed = run_action(rotation_commit.ActionModule, {"staged": staged["users"], "results": changed["users"]})
    in_use = login(store)
    back = call(rotation_rollback, committed=committed["users"])
    assert back["summary"] == ["app_a: keeps its new password, since its pair has turned to it"] and logs_in(*in_use)


def test_a_rollback_in_the_same_task_leaves_the_pair_as_it_was(store, clock):
    users = [{"name": "alice", "current_password": SINGLE}, PAIR]
    rotate(*users)
    in_use = login(store)
    clock.advance(31 * DAY)

    def refuse(_account):
        raise PasswordError(errors.PERMISSION_DENIED, "The model refuses.")

    ModelVendor.troubles["alice"] = refuse
    # The idle account has no password to go back to, or it goes back: the consumers notice neither.
    assert rotate(*users, rollback=True)["failed"] and logs_in(*in_use) and logs_in(*login(store))


def test_the_record_of_the_pair_follows_a_repair(store):
    rotate()
    ModelVendor.passwords["app_b"] = TOLD
    wrong = call(rotation_info, verify=True)
    assert wrong["failed"] and "app_b" in wrong["msg"]
    repaired = call(rotation_repair, {"name": "app", "accounts": [{"name": "app_a", "password": A}, {"name": "app_b", "password": TOLD}]})
    assert "failed" not in repaired and login(store) == ("app_b", TOLD)
    # Somebody knows that password, so the other account is due.
    assert rotate(grace="0s")["due"] == ["app_a"] and login(store) == ("app_a", ModelVendor.passwords["app_a"])


def test_the_password_in_use_is_checked(store, clock):
    rotate()
    ModelVendor.passwords["app_b"] = TOLD
    clock.advance(13 * 3600)
    result = rotate()
    assert result["failed"] and "app_b" in result["msg"]


def test_the_record_of_the_pair_follows_a_reconciliation(store, clock, monkeypatch):
    rotate()
    deliver(store)
    monkeypatch.setattr(ModelVendor, "capabilities", dataclasses.replace(ModelVendor.capabilities, others_need_current="no"))
    ModelVendor.passwords.update(app_b=TOLD, root=ROOT)
    clock.advance(13 * 3600)
    result = rotate(reconcile=True, deliver=True, connection={"url": "model://", "api_user": "root", "api_password": ROOT})
    assert login(store) == ("app_b", ModelVendor.passwords["app_b"]) and ModelVendor.passwords["app_b"] != TOLD, result
    assert result["undelivered"] == ["app"]


def test_status_and_verify(store, clock):
    empty = call(rotation_info)
    assert [(user["name"], user["status"], user["active"]) for user in empty["users"]] == [
        ("app", "absent", "app_a"), ("app_a", "absent", None), ("app_b", "absent", None)
    ]  # fmt: skip
    rotate()
    clock.advance(31 * DAY)
    shown = call(rotation_info, verify=True, deliver=True)
    assert "failed" not in shown and shown["unlisted"] == []
    assert [(user["name"], user["active"], user["due"], user["undelivered"], user["verified"]) for user in shown["users"]] == [
        ("app", "app_b", True, True, None), ("app_b", None, False, False, True)
    ]  # fmt: skip
    assert shown["summary"][0].startswith("app: app_b is active; turned 2026-06-01T00:00:00Z (31d ago); due; UNDELIVERED")
    rotate()
    assert [user["name"] for user in call(rotation_info)["users"]] == ["app", "app_a", "app_b"]
    # Without the inventory the store tells.
    assert {user["name"]: user["active"] for user in run_action(rotation_info.ActionModule, {})["users"]} == {"app": "app_a", "app_a": None, "app_b": None}


def test_check_mode_says_who_would_turn_and_touches_nothing(store, clock):
    dry = rotate(check_mode=True)
    assert dry["due"] == ["app_b"] and store.data == {} and ModelVendor.passwords["app_b"] == B
    rotate()
    before = dict(store.data)
    clock.advance(31 * DAY)
    assert rotate(check_mode=True)["due"] == ["app_a"] and store.data == before


def test_a_single_user_becomes_a_pair_and_a_pair_single_users(store, clock):
    single = {"name": "app_a", "current_password": A}
    rotate(single)
    in_use = login(store, "app_a")
    # Its consumers use it on, until they ask for the pair.
    assert rotate()["due"] == ["app_b"] and logs_in(*in_use) and login(store)[0] == "app_b"
    clock.advance(31 * DAY)
    result = rotate(single, {"name": "app_b"})
    assert result["due"] == ["app_a", "app_b"] and result["unlisted"] == ["app"]
    assert logs_in(*login(store, "app_a")) and logs_in(*login(store, "app_b"))
    retired = run_action(rotation_retire.ActionModule, {"users": ["app"]})
    assert "failed" not in retired and rotate(single, {"name": "app_b"})["unlisted"] == []


def test_another_account_takes_the_place_of_one(store, clock):
    rotate()
    ModelVendor.passwords["app_c"] = "S3cr3t-MARKER-c"
    in_use = login(store)
    # Nobody has ever used the new one.
    accounts = ["app_b", {"name": "app_c", "current_password": "S3cr3t-MARKER-c"}]
    result = rotate({"name": "app", "accounts": accounts}, deliver=True)
    assert result["due"] == ["app_c"] and login(store)[0] == "app_c" and logs_in(*in_use)


def test_move_takes_pairs_along(store, monkeypatch):
    rotate()
    other = MemoryStore()
    use_model(monkeypatch, store, other)
    moved = run_action(rotation_move.ActionModule, {"to_store": "memory"})
    assert "failed" not in moved and other.data == store.data


@pytest.mark.parametrize(
    "user, message",
    [
        ({"name": "app", "accounts": ["app_a"]}, "accounts of app must be a list of two different names"),
        ({"name": "app", "accounts": ["app_a", "app_a"]}, "two different names"),
        ({"name": "app", "accounts": ["app_a", "app_b", "app_c"]}, "two different names"),
        ({"name": "app", "accounts": "app_a,app_b"}, "must be a list"),
        ({"name": "app", "accounts": [5, "app_b"]}, "two different names"),
        ({"name": "app", "accounts": None}, "must be a list"),
        ({"accounts": ["app_a", "app_b"]}, "Element 1 of users has accounts and no name"),
        ({"name": "app_a", "accounts": ["app_a", "app_b"]}, "users names app_a twice"),
        ({"name": "app", "current_password": A, "accounts": ["app_a", "app_b"]}, "give it to one of its accounts"),
    ],
)
def test_what_is_no_pair_is_refused(user, message):
    result = rotate(user)
    assert result["error"]["kind"] == errors.INVALID_INPUT and message in result["msg"] and ModelVendor.calls == []


@pytest.mark.parametrize("user", [["app"], {"name": ["app"]}, {"name": {"app": 1}}, 5, None, {}])
def test_what_is_no_user_is_refused(user):
    result = rotate(user, PAIR)
    assert result["error"]["kind"] == errors.INVALID_INPUT and "Element 1 of users" in result["msg"] and ModelVendor.calls == []


def test_two_pairs_share_no_account():
    assert "twice" in rotate(PAIR, {"name": "other", "accounts": ["app_a", "app_c"]})["msg"]


def test_keys_of_the_pair_are_those_of_its_accounts():
    expanded, found = pairs.expand([{"name": "app", "scope": "x", "accounts": ["a", {"name": "b", "scope": "y"}]}, "alice"])
    assert expanded == [{"name": "a", "scope": "x"}, {"name": "b", "scope": "y"}, "alice"] and found == [pairs.Pair("app", ("a", "b"))]


def test_a_pair_on_hold(store):
    held = dict(PAIR, hold=True, hold_reason="audit")
    result = rotate(held)
    assert not result["changed"] and any("on hold: audit" in line for line in result["summary"])


def test_a_pair_is_adopted_as_it_is(store, clock):
    adopted = dict(PAIR, adopt=True)
    result = rotate(adopted, deliver=True)
    assert result["changed"] and "failed" not in result and ModelVendor.passwords == {"app_a": A, "app_b": B, "alice": SINGLE}
    assert login(store) == ("app_a", A) and result["undelivered"] == ["app"]
    assert not rotate(adopted)["changed"]
    clock.advance(31 * DAY)
    deliver(store, adopted)
    assert rotate(adopted, deliver=True)["due"] == ["app_b"] and login(store)[0] == "app_b" and ModelVendor.passwords["app_a"] == A


def test_a_pair_whose_idle_account_cannot_be_adopted(store, clock):
    accounts = [PAIR["accounts"][0], {"name": "app_b", "current_password": TOLD}]
    users = {"name": "app", "accounts": accounts, "adopt": True}
    assert rotate(users)["failed"] and login(store) == ("app_a", A) and ModelVendor.passwords["app_b"] == B


def test_an_account_with_a_pending_password_does_not_turn(store):
    rotate()
    store.keep(Record("app_a", password=A, pending=Pending("S3cr3t-MARKER-pending", run_id="r", attempts=1), status=PENDING, rotated_at="2026-06-02T00:00:00Z"))
    assert turns.turn(store, [pairs.Pair("app", ("app_a", "app_b"))], now=datetime.datetime.now(datetime.timezone.utc)) == []
    assert store.record("app").status == CURRENT
