# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action rotation_rollback: the previous passwords are in force again, or it is told why not."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_rollback import ActionModule
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, run_action, use_model

OLD, NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new"
NOW = "2026-02-01T00:00:00Z"


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(alice=NEW, bob=NEW)
    store = use_model(monkeypatch, MemoryStore())
    for name in ("alice", "bob"):
        store.keep(Record(name, password=NEW, previous=OLD, status=CURRENT, rotated_at=NOW, verified=True))
    return store


def committed(*names, action="promoted"):
    """What commit returned of these users."""
    return [{"name": name, "reason": "expired", "state": "changed", "verified": True, "error": None, "action": action} for name in names]


def back(users, check_mode=False, **args):
    given = dict({"vendor": "model", "connection": {"url": "model://"}, "users": ["alice", "bob"], "committed": users}, **args)
    return run_action(ActionModule, given, check_mode=check_mode)


def test_the_previous_passwords_are_in_force_again_and_due(store):
    result = back(committed("alice", "bob"))
    assert result["changed"] and "failed" not in result and "MARKER" not in repr(result)
    assert result["summary"] == ["%s (rollback): rolled back, verified by a login" % name for name in ("alice", "bob")]
    assert ModelVendor.passwords == {"alice": OLD, "bob": OLD}
    record = store.record("alice")
    assert (record.password, record.previous, record.pending, record.rotated_at, record.status) == (OLD, NEW, None, None, CURRENT)


@pytest.mark.parametrize("action", ["kept", "dropped", "superseded", "abandoned", None])
def test_only_those_that_were_promoted(store, action):
    result = back(committed("alice") + committed("bob", action=action))
    assert [user["name"] for user in result["users"]] == ["alice"] and ModelVendor.passwords["bob"] == NEW


def test_nobody_promoted_asks_nobody(store):
    store.broken = True
    assert back(committed("alice", action="kept")) == {"changed": False, "users": [], "summary": []} and not ModelVendor.calls


def test_a_vendor_that_takes_no_password_twice_leaves_the_new_one(store):
    def reused(_account):
        raise PasswordError("password_reused", "Used before.")

    ModelVendor.troubles["alice"] = reused
    result = back(committed("alice", "bob"))
    assert (result["failed"], result["msg"]) == (True, "1 of 2 users were not rolled back: alice")
    assert result["summary"] == [
        "alice (rollback): NOT rolled back, the previous password was refused and dropped: Used before. (password_reused)",
        "bob (rollback): rolled back, verified by a login",
    ]
    record = store.record("alice")
    assert (record.password, record.previous, record.pending, record.status) == (NEW, OLD, None, CURRENT)
    assert len([user for user, _password in ModelVendor.done("change") if user == "alice"]) == 1, "no better password is made of an old one"


def test_a_doubtful_rollback_keeps_both(store):
    def lost(_account):
        raise PasswordError("timed_out", "No answer.", maybe_applied=True)

    ModelVendor.troubles["alice"] = lost
    ModelVendor.unreachable = {"alice"}
    result = back(committed("alice"))
    assert result["summary"][0].startswith("alice (rollback): NOT rolled back, the previous password is kept as pending: ")
    assert (store.record("alice").password, store.record("alice").pending.password) == (NEW, OLD)


def test_whoever_has_no_previous_password_is_told(store):
    store.keep(Record("alice", password=NEW, status=CURRENT, rotated_at=NOW))
    result = back(committed("alice", "bob"))
    assert result["summary"][1] == "alice: keeps its new password, there is no previous one to go back to" and ModelVendor.passwords["alice"] == NEW


def test_what_another_run_has_staged_meanwhile_is_left_alone(store):
    store.keep(Record("alice", password=NEW, previous=OLD, pending=Pending("S3cr3t-MARKER-theirs", run_id="theirs")))
    back(committed("alice"))
    assert store.record("alice").pending.run_id == "theirs" and not ModelVendor.calls


def test_check_mode_tells_and_writes_nothing(store):
    result = back(committed("alice"), check_mode=True)
    assert result == {"changed": True, "users": [], "summary": ["alice: would get its previous password again"]}
    assert store.writes == 0 and not ModelVendor.calls


@pytest.mark.parametrize("users, told", [([{"state": "changed"}], "Element 1 of results lacks a name"), (OLD, "committed")])
def test_wrong_options_change_nothing(store, users, told):
    result = back(users)
    assert result["error"]["kind"] == "invalid_input" and told in result["msg"] and "MARKER" not in repr(result) and store.writes == 0
