# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action rotation_info: what it tells of every state, and what a look costs."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_info import ActionModule
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, capabilities, run_action, use_model

OLD, NEW, ROOT = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new", "S3cr3t-MARKER-root"
ERROR = {"kind": "timed_out", "message": "No answer.", "at": "2026-01-01T00:00:00Z"}


def ago(**time):
    return format_utc(utc_now() - datetime.timedelta(**time))


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(root=ROOT, alice=OLD, bob=OLD, carol=OLD, dave=OLD)
    store = use_model(monkeypatch, MemoryStore())
    store.keep(Record("alice", password=OLD, status=CURRENT, rotated_at=ago(days=3, hours=2), verified=True))
    store.keep(Record("bob", password=OLD, status=CURRENT, rotated_at=ago(days=31), verified=True))
    pending = Pending(NEW, run_id="run", created="2026-02-01T00:00:00Z", attempts=2, sent=1)
    store.keep(Record("carol", password=OLD, pending=pending, rotated_at=ago(days=40), last_error=ERROR))
    store.keep(Record("dave", password=OLD, pending=pending, status=ORPHANED, rotated_at=ago(hours=2), lost_runs=3))
    return store


def status(check_mode=False, **args):
    return run_action(ActionModule, args, check_mode=check_mode)


def verify(connection=None, **more):
    return status(verify=True, vendor="model", connection=connection or {"url": "model://"}, **more)


def told(result, key):
    return {user["name"]: user[key] for user in result["users"]}


def test_the_state_of_everybody_in_the_store(store):
    result = status()
    assert (result["changed"], "failed" in result) == (False, False)
    assert told(result, "status") == {"alice": "current", "bob": "current", "carol": "pending", "dave": "orphaned"}
    assert told(result, "due") == {"alice": False, "bob": True, "carol": True, "dave": False}
    assert told(result, "pending") == {"alice": False, "bob": False, "carol": True, "dave": True}
    carol = result["users"][2]
    assert (carol["pending_since"], carol["attempts"], carol["last_error"]) == ("2026-02-01T00:00:00Z", 2, ERROR)
    alice = result["users"][0]
    assert 0 <= alice["age"] - (3 * 86400 + 7200) < 60 and alice["due_at"] == format_utc(utc_now() + datetime.timedelta(days=27, hours=-2))
    assert result["summary"] == [
        "alice: current; rotated %s (3d ago); due %s" % (alice["rotated_at"], alice["due_at"]),
        "bob: current; rotated %s (31d ago); due" % result["users"][1]["rotated_at"],
        "carol: pending; rotated %s (40d ago); due; a new password is pending since 2026-02-01T00:00:00Z, 2 attempts; "
        "last error: No answer. (timed_out)" % carol["rotated_at"],
        "dave: orphaned; rotated %s (2h ago); ORPHANED: needs a repair; a new password is pending since 2026-02-01T00:00:00Z, 2 attempts"
        % result["users"][3]["rotated_at"],
    ]
    assert not ModelVendor.calls and store.writes == 0 and "MARKER" not in repr(result)


def test_users_that_are_named_and_have_no_record():
    result = status(users=["zoe", {"name": "alice", "current_password": OLD}])
    assert told(result, "status") == {"zoe": "absent", "alice": "current"} and result["users"][0]["due"]
    assert result["summary"][0] == "zoe: absent; due" and "MARKER" not in repr(result)


def test_max_age_decides_who_is_due():
    assert told(status(max_age="1d", users=["alice"]), "due") == {"alice": True}


def test_verify_logs_in_with_the_current_passwords_and_changes_nothing(store):
    before = str(store.data)
    result = verify()
    assert set(told(result, "verified").values()) == {True} and "failed" not in result
    assert ModelVendor.done("probe") == [(name, OLD) for name in ("alice", "bob", "carol", "dave")] and not ModelVendor.done("change")
    assert str(store.data) == before and all(line.endswith("; logs in") for line in result["summary"])


def test_a_password_that_does_not_log_in_fails_and_hides_nobody():
    ModelVendor.passwords["bob"] = NEW
    result = verify()
    assert told(result, "verified") == {"alice": True, "bob": False, "carol": True, "dave": True}
    assert (result["failed"], result["msg"]) == (True, "1 of 4 users cannot log in with their current passwords: bob")
    assert result["summary"][1].endswith("; DOES NOT LOG IN") and "error" not in result and "MARKER" not in repr(result)


def test_a_user_that_the_vendor_does_not_know_fails():
    del ModelVendor.passwords["bob"]
    result = verify(users=["alice", "bob"])
    assert result["failed"] and result["users"][1]["verified"] is None and result["users"][1]["error"]["kind"] == "user_not_found"
    assert "could not be verified: There is no bob." in result["summary"][1]


def test_where_no_login_can_be_made_nothing_is_known_to_be_wrong():
    ModelVendor.unreachable = {"alice"}
    result = verify(users=["alice"])
    assert "failed" not in result and result["users"][0]["error"]["kind"] == "not_verified"


def test_failed_logins_are_noted_and_end_at_the_budget(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(failed_logins_per_call=2, failed_probes_per_call=1, lockout_window=3600.0))
    ModelVendor.passwords["bob"] = NEW
    assert verify(users=["bob"])["users"][0]["verified"] is False and store.record("bob").failed_logins == 1
    for _time in range(3):
        again = verify(users=["bob"])
        assert again["users"][0]["error"]["kind"] == "login_budget_spent" and again["failed"]
    assert len(ModelVendor.done("probe")) == 1 and store.record("bob").failed_logins == 1


def test_edge_30_check_mode_makes_no_login_where_one_may_lock_and_notes_nothing(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(failed_logins_per_call=2, lockout_window=3600.0))
    ModelVendor.passwords["bob"] = NEW
    user = verify(users=["bob"], check_mode=True, connection={"url": "model://", "api_user": "root", "api_password": "S3cr3t-MARKER-no"})["users"][0]
    assert (user["verified"], user["error"]["kind"]) == (None, "not_verified") and "Check mode makes no login at Model" in user["error"]["message"]
    assert not ModelVendor.calls and store.writes == 0 and not store.notes


def test_check_mode_logs_in_where_a_failed_login_costs_nothing(store):
    ModelVendor.passwords["bob"] = NEW
    assert verify(users=["bob"], check_mode=True)["failed"] and store.writes == 0


def test_the_operators_password_comes_from_the_store_even_if_it_is_not_among_the_users(store):
    store.keep(Record("root", password=ROOT, status=CURRENT))
    connection = {"url": "model://", "api_user": "root", "api_password": "S3cr3t-MARKER-stale"}
    assert "failed" not in verify(connection, users=["alice"])
    assert ModelVendor.done("operator") == [("root", ROOT)]


@pytest.mark.parametrize(
    "args, kind, text",
    [
        ({"verify": True}, "invalid_input", "verify needs vendor"),
        ({"verify": True, "vendor": "model"}, "invalid_input", "url"),
        ({"max_age": "old"}, "invalid_input", "max_age must be"),
        ({"users": [{"name": "alice", "password": OLD}]}, "invalid_input", "users gives a password for alice"),
        (
            {"verify": True, "vendor": "model", "connection": {"url": "model://", "api_user": "root", "api_password": "S3cr3t-MARKER-no"}},
            "authentication_failed",
            "The model refused the operator",
        ),
    ],
)
def test_what_concerns_everybody_fails_the_task(args, kind, text):
    result = status(**args)
    assert (result["failed"], result["error"]["kind"]) == (True, kind) and text in result["msg"] and "MARKER" not in repr(result)
