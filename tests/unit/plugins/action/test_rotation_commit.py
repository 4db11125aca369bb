# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action rotation_commit: what it reports, and what it makes of results that people have written."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_commit import ActionModule
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import task as shared
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, run_action

OLD, NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new"
BEFORE = "2026-01-01T00:00:00Z"


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    store = MemoryStore()
    for user in ("alice", "bob", "carol"):
        store.keep(Record(user, password=OLD, rotated_at=BEFORE, pending=Pending(NEW, run_id="run", created=BEFORE, attempts=1)))
    store.keep(Record("dave", password=OLD, rotated_at=BEFORE, status=CURRENT))
    monkeypatch.setattr(shared, "open_store", lambda name, host, options, loader: store)
    return store


def staged(*names):
    """What stage returned of these users."""
    return [{"name": name, "due": name != "dave", "reason": "expired", "run_id": "run", "fresh": True, "rotated_at": BEFORE} for name in names]


def result(name, state="changed", verified=True, kind=None):
    """What the change told of a user."""
    return {"name": name, "state": state, "verified": verified, "error": kind and PasswordError(kind, "The vendor says no.").as_dict()}


def commit(users, results, check_mode=False, **args):
    """The result of the task."""
    return run_action(ActionModule, dict({"staged": staged(*users), "results": results}, **args), check_mode=check_mode)


def test_all_is_well(store):
    told = commit(["alice", "dave"], [result("alice")])
    assert (told["changed"], told.get("failed"), [user["action"] for user in told["users"]]) == (True, None, ["promoted"])
    assert told["summary"] == ["dave: not due, rotated 2026-01-01T00:00:00Z", "alice (expired): rotated, verified by a login"]
    assert (store.record("alice").password, store.record("alice").previous) == (NEW, OLD)


def test_some_fail_and_the_others_are_kept_all_the_same(store):
    results = [result("alice"), result("bob", "failed", None, "password_rejected"), result("carol", "unknown", None, "outcome_unknown")]
    told = commit(["alice", "bob", "carol", "dave"], results)
    assert (told["failed"], told["changed"], told["msg"]) == (True, True, "2 of 4 users were not rotated: bob, carol")
    assert told["summary"][1:] == [
        "alice (expired): rotated, verified by a login",
        "bob (expired): NOT rotated, the new password was refused and dropped: The vendor says no. (password_rejected)",
        "carol (expired): NOT rotated, the new password is kept as pending: The vendor says no. (outcome_unknown)",
    ]
    assert store.record("alice").password == NEW and store.record("bob").pending is None and store.record("carol").pending.password == NEW


def test_nobody_due_changes_nothing(store):
    told = commit(["dave"], [])
    assert (told["changed"], told["users"], told["summary"]) == (False, [], ["dave: not due, rotated 2026-01-01T00:00:00Z"])
    assert store.writes == 0


def test_no_results_at_all_keep_everything(store):
    told = run_action(ActionModule, {"staged": staged("alice")})
    assert told["failed"] and "The change returned no result for this user." in told["summary"][0]
    assert (store.record("alice").password, store.record("alice").pending.password) == (OLD, NEW)


@pytest.mark.parametrize(
    "accept, action, line", [(False, "kept", "NOT rotated, the new password is kept"), (True, "promoted", "rotated, NOT verified by a login")]
)
def test_accept_unverified(store, accept, action, line):
    told = commit(["alice"], [result("alice", verified=None)], accept_unverified=accept)
    assert told["users"][0]["action"] == action and line in told["summary"][0]
    assert bool(told.get("failed")) != accept
    assert store.record("alice").password == (NEW if accept else OLD)


@pytest.mark.parametrize("verified, password", [("True", NEW), ("False", OLD), ("no", OLD)])
def test_verified_as_a_text(store, verified, password):
    commit(["alice"], [result("alice", verified=verified)])
    assert store.record("alice").password == password


def test_check_mode_tells_and_writes_nothing(store):
    told = commit(["alice", "bob"], [result("alice", "would_change", None), result("bob", "failed", None, "user_not_found")], check_mode=True)
    assert told["changed"] is False and told["failed"]
    assert told["summary"] == ["alice (expired): would be rotated", "bob (expired): would fail: The vendor says no. (user_not_found)"]
    assert store.writes == 0 and store.record("alice").pending


def test_another_run_was_faster(store):
    store.keep(Record("alice", password=NEW, previous=OLD, rotated_at="2026-02-01T00:00:00Z", status=CURRENT))
    told = commit(["alice"], [result("alice")])
    assert (told["changed"], told.get("failed"), told["summary"]) == (False, None, ["alice (expired): left to another run"])


def test_the_staged_password_is_gone(store):
    del store.data["alice"]
    told = commit(["alice"], [result("alice")])
    line = "alice (expired): NOT rotated by this run: The password that this run has staged is not in the store"
    assert told["failed"] and told["summary"][0].startswith(line)


@pytest.mark.parametrize(
    "most, action, line", [(1, "abandoned", "NOT rotated, and no run tries it again until it is repaired"), (2, "kept", "is kept as pending")]
)
def test_max_attempts(store, most, action, line):
    told = commit(["alice"], [result("alice", "failed", None, "current_password_wrong")], max_attempts=most)
    assert told["users"][0]["action"] == action and line in told["summary"][0] and told["failed"] and told["changed"]


def test_an_orphaned_user_fails_every_run_and_is_told_once(store):
    users = [dict(user, due=False, reason="orphaned") for user in staged("alice")]
    told = run_action(ActionModule, {"staged": users, "results": []})
    assert (told["failed"], told["changed"], len(told["summary"])) == (True, False, 1)
    assert told["summary"][0].startswith("alice (orphaned): skipped: No password in the store has logged in") and store.writes == 0


@pytest.mark.parametrize(
    "args, told",
    [
        ({"max_attempts": 0}, "max_attempts (in the role: rotate_max_attempts) must be at least 1."),
        ({"results": [{"name": "alice"}]}, "Element 1 of results lacks a name or a state."),
        ({"results": [result("alice"), result("alice")]}, "results names alice twice."),
        ({"results": [dict(result("alice"), error=OLD)]}, "In element 1 of results, error must be a dictionary"),
        ({"results": OLD}, "results"),
        ({"staged": [{"name": "alice"}]}, "Element 1 of staged is not what rotation_stage returns"),
        ({"staged": None}, "staged"),
        ({"accept_unverified": "perhaps"}, "accept_unverified"),
        ({"colour": OLD}, "Unsupported options: colour."),
    ],
)
def test_wrong_options_leave_the_store_alone(store, args, told):
    told_result = run_action(ActionModule, dict({"staged": staged("alice"), "results": []}, **args))
    assert (told_result["failed"], told_result["error"]["kind"]) == (True, "invalid_input")
    assert told in told_result["msg"] and "MARKER" not in repr(told_result)
    assert store.writes == 0


def test_nothing_that_is_told_holds_a_secret():
    told = commit(["alice", "bob", "dave"], [result("alice"), result("bob", "failed", None, "timed_out")])
    assert "MARKER" not in repr(told)
