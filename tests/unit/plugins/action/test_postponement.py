# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users that wait: for the maintenance window, or for a later run."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.rekey.passwords.plugins.action import rotation_commit, rotation_info, rotation_run, rotation_stage
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import stage as stage_module
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, parse_utc, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, run_action, use_model

OLD, NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new"
NAMES = ("alice", "bob", "carol", "dave", "erin")
NIGHTS = {"days": "mon-fri", "from": "22:00", "to": "04:00", "timezone": "Europe/Berlin"}
NOON, NIGHT = "2026-11-27T12:00:00Z", "2026-11-27T22:00:00Z"  # a Friday
OPENS = "2026-11-27T21:00:00Z, when the window (in the role: rotate_window) opens"


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(**dict.fromkeys(NAMES, OLD))
    return use_model(monkeypatch, MemoryStore())


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    """Sets the time at which a run decides."""
    return lambda text: monkeypatch.setattr(stage_module, "utc_now", lambda: parse_utc(text))


def run(module, *users, check_mode=False, **args):
    """The result of an action about some users of the model."""
    given = dict({"vendor": "model", "connection": {"url": "model://"}, "users": list(users)}, **args)
    return run_action(module.ActionModule, given, check_mode=check_mode)


def rotate(*users, **args):
    return run(rotation_run, *users, **args)


def keep(store, name, days, **fields):
    store.keep(Record(name, password=OLD, rotated_at=format_utc(utc_now() - datetime.timedelta(days=days)), **dict({"status": CURRENT}, **fields)))


def unfinished(store, name, sent):
    keep(store, name, 99, status="pending", pending=Pending(NEW, run_id="run", created=NOON, attempts=1, sent=sent))


@pytest.mark.parametrize("force", [False, True])
def test_outside_of_the_window_nothing_new_is_begun(store, clock, force):
    clock(NOON)
    keep(store, "bob", 400)
    writes = store.writes
    result = rotate("alice", "bob", window=NIGHTS, force=force)
    assert result["changed"] is False and result["due"] == [] and result["waiting"] == ["alice", "bob"] and "failed" not in result
    reasons = ("new", "forced" if force else "expired")
    assert result["summary"] == ["%s: due (%s), waits until %s" % (name, reason, OPENS) for name, reason in zip(("alice", "bob"), reasons)]
    assert not ModelVendor.calls and store.writes == writes and not store.notes


def test_within_the_window_all_is_as_ever(store, clock):
    clock(NIGHT)
    result = rotate("alice", window=NIGHTS)
    assert result["due"] == ["alice"] and "waiting" not in result and store.record("alice").status == CURRENT


@pytest.mark.parametrize("empty", [None, "", [], {}, "[]"], ids=repr)
def test_an_empty_window_is_no_restriction(store, clock, empty):
    clock(NOON)
    assert rotate("alice", window=empty)["due"] == ["alice"]


@pytest.mark.parametrize(
    "policy, sent, finished", [(None, 1, True), ("finish", 2, True), ("wait", 1, False), ("finish", 0, False)], ids=["default", "finish", "wait", "never sent"]
)
def test_unfinished_work_is_finished_as_the_window_says(store, clock, policy, sent, finished):
    clock(NOON)
    unfinished(store, "alice", sent)
    before = store.record("alice")
    result = rotate("alice", "bob", window=dict(NIGHTS, unfinished=policy))
    if finished:
        assert result["summary"][-1] == "alice (unfinished): rotated, verified by a login" and ModelVendor.passwords["alice"] == NEW
    else:
        assert result["summary"][0] == "alice: due (unfinished), waits until " + OPENS and store.record("alice") == before and not ModelVendor.calls
    assert "bob" in result["waiting"]


def test_an_adoption_needs_no_window(store, clock):
    clock(NOON)
    result = rotate({"name": "alice", "current_password": OLD, "adopt": True}, "bob", window=NIGHTS)
    assert store.record("alice").password == OLD and result["waiting"] == ["bob"]


def test_who_waits_is_not_hidden_by_one_who_is_orphaned_or_on_hold(store, clock):
    clock(NOON)
    keep(store, "carol", 1, status=ORPHANED)
    result = rotate("alice", {"name": "bob", "hold": True}, "carol", window=NIGHTS)
    assert result["failed"] and result["held"] == ["bob"] and result["waiting"] == ["alice"] and len(result["summary"]) == 3


def test_check_mode_says_the_same(store, clock):
    clock(NOON)
    result = rotate("alice", window=NIGHTS, check_mode=True)
    assert result["changed"] is False and result["waiting"] == ["alice"] and not store.data


@pytest.mark.parametrize("args", [{"window": NIGHTS}, {"spread": 1}], ids=["window", "spread"])
def test_step_by_step(store, clock, args):
    clock(NOON)
    keep(store, "alice", 40)
    staged = run(rotation_stage, "alice", "bob", **args)
    waiting = ["alice", "bob"] if "window" in args else ["alice"]
    assert staged["waiting"] == waiting and staged["due"] == [name for name in ("alice", "bob") if name not in waiting]
    result = run_action(rotation_commit.ActionModule, {"staged": staged["users"], "results": [{"name": "bob", "state": "changed", "verified": True}]})
    assert "waits" in result["summary"][0] and "failed" not in result


def test_the_status_is_that_of_a_user_that_is_due(store):
    keep(store, "alice", 40)
    assert run_action(rotation_info.ActionModule, {"users": ["alice"]})["users"][0]["due"] is True


def test_the_oldest_come_first_and_the_others_wait(store):
    for name, days in zip(NAMES, (50, 90, 31, 70, 3)):
        keep(store, name, days)
    result = rotate(*NAMES, spread=2)
    assert result["due"] == ["bob", "dave"] and result["waiting"] == ["alice", "carol"]
    assert result["summary"][0] == "alice: due (expired), waits for a later run: spread (in the role: rotate_spread) limits each run to 2"
    assert rotate(*NAMES, spread=2)["due"] == ["alice", "carol"]
    assert rotate(*NAMES, spread=2, verify_after="")["changed"] is False


def test_a_password_without_an_age_comes_before_the_oldest(store):
    keep(store, "alice", 900)
    store.keep(Record("bob", password=OLD, status=CURRENT))  # repaired: others may know it
    assert rotate("alice", "bob", "carol", spread=2)["due"] == ["bob", "carol"]


@pytest.mark.parametrize("spread, number", [("40%", 2), ("1%", 1), ("100%", 5), ("7", 5), (None, 5), ("", 5)])
def test_a_percentage_is_of_all_users_of_the_host(store, spread, number):
    assert len(rotate(*NAMES, spread=spread)["due"]) == number
    # Those that the run is limited to are not fewer because of that.
    assert len(rotate(*NAMES, spread=spread, only=["alice", "bob"], force=True)["due"]) == min(number, 2)


def test_unfinished_work_is_not_counted(store):
    for name in ("alice", "bob", "carol"):
        unfinished(store, name, 1)
    result = rotate(*NAMES, spread=1)
    assert sorted(result["due"]) == ["alice", "bob", "carol", "dave"] and result["waiting"] == ["erin"]


def test_adoptions_and_users_on_hold_are_not_counted(store):
    result = rotate({"name": "alice", "hold": True}, {"name": "bob", "adopt": True, "current_password": OLD}, "carol", "dave", spread=1)
    assert result["due"] == ["carol"] and result["waiting"] == ["dave"] and store.record("bob").password == OLD


def test_force_goes_round_within_the_limit(store):
    for number, name in enumerate(NAMES):
        keep(store, name, 20 - number)
    seen = [name for _run in range(3) for name in rotate(*NAMES, spread=2, force=True)["due"]]
    assert set(seen) == set(NAMES) and len(seen) == 6


def test_outside_of_the_window_the_limit_does_not_matter(store, clock):
    clock(NOON)
    unfinished(store, "alice", 1)
    result = rotate(*NAMES, spread=1, window=NIGHTS)
    assert result["due"] == ["alice"] and len(result["waiting"]) == 4


@pytest.mark.parametrize("args", [{"window": {"from": 1320}}, {"spread": 0}, {"spread": "many"}, {"window": {"timezone": "Nowhere"}}], ids=str)
@pytest.mark.parametrize("module", [rotation_run, rotation_stage])
def test_what_is_wrong_is_found_before_anything_is_noted(store, module, args):
    result = run(module, "alice", **args)
    assert result["failed"] and result["error"]["kind"] == "invalid_input" and "(in the role: rotate_%s)" % next(iter(args)) in result["msg"]
    assert not store.data and not store.notes and not ModelVendor.calls
