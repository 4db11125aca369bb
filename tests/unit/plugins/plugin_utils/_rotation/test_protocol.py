# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stage and commit: who is due, which password is kept, and what becomes of it."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils._results import UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import protocol
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.policy import policy_for
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.read_only import ReadOnlyStore
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.users import StagedUser
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, PENDING, Identity, Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

from tests.unit.plugins.rotation_doubles import MemoryStore, capabilities

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.timezone.utc)
DAY = 86400
POLICY = policy_for(capabilities())
OLD, OLDER, LEFT, OTHER = "S3cr3t-MARKER-old", "S3cr3t-MARKER-older", "S3cr3t-MARKER-left", "S3cr3t-MARKER-other"


@pytest.fixture(name="store")
def _store():
    return MemoryStore()


def stage(store, *users, run="run-1", max_age=30 * DAY, force=False, now=NOW):
    """Stage users, who are names or dicts."""
    dicts = [user if isinstance(user, dict) else {"name": user} for user in users]
    return [user.as_dict() for user in protocol.stage(store, dicts, POLICY, max_age=max_age, force=force, run_id=run, now=now)]


def commit(store, staged, *results, **more):
    """Commit results."""
    users = protocol.commit(store, [StagedUser.from_dict(user) for user in staged], [UserResult(**result) for result in results], now=NOW, **more)
    return [user.as_dict() for user in users]


def result(name="alice", state="changed", verified=True, kind=None):
    """What a vendor's module tells of a user."""
    return {"name": name, "id": None, "state": state, "verified": verified, "error": kind and PasswordError(kind, "The vendor says %s." % kind).as_dict()}


def rotated(days_ago, name="alice"):
    """A record whose password was proved so many days ago."""
    return Record(name, password=OLD, previous=OLDER, status=CURRENT, rotated_at=format_utc(NOW - datetime.timedelta(days=days_ago)), verified=True)


def unfinished(name="alice", attempts=1, password=OLD, replaces=None):
    """A record with a pending password that an earlier run has left."""
    pending = Pending(LEFT, run_id="run-0", created="2026-02-28T00:00:00Z", attempts=attempts, replaces=replaces)
    return Record(name, password=password, pending=pending, status=PENDING, rotated_at="2026-01-01T00:00:00Z" if password else None)


def test_a_new_user_gets_a_password_that_is_stored_before_anything_happens(store):
    told = stage(store, "alice")
    assert told == [{"name": "alice", "due": True, "reason": "new", "run_id": "run-1", "fresh": True, "rotated_at": None}]
    record = store.record("alice")
    assert (record.password, record.status, record.pending.run_id, record.pending.attempts) == (None, PENDING, "run-1", 1)
    assert len(record.pending.password) == 32 and record.pending.created == format_utc(NOW)
    assert record.pending.password not in str(told)


@pytest.mark.parametrize("days, reason", [(29.999, None), (30, "expired"), (31, "expired"), (0, None)])
def test_age_decides(store, days, reason):
    store.keep(rotated(days))
    told = stage(store, "alice")[0]
    assert (told["due"], told["reason"]) == (reason is not None, reason)
    assert bool(store.record("alice").pending) == bool(reason) and store.record("alice").password == OLD
    assert store.writes == bool(reason)


def test_a_password_of_unknown_age_is_due(store):
    store.keep(Record("alice", password=OLD, status=CURRENT))
    assert stage(store, "alice")[0]["reason"] == "expired"


def test_a_clock_that_was_set_back_makes_nobody_due(store):
    store.keep(rotated(-1))
    assert stage(store, "alice")[0]["reason"] is None
    # But it does not keep anybody from being rotated on demand.
    assert stage(store, "alice", force=True)[0]["reason"] == "forced"
    assert commit(store, stage(store, "alice"), result())[0]["action"] == "promoted"


def test_force(store):
    store.keep(rotated(1))
    assert stage(store, "alice", force=True)[0]["reason"] == "forced"
    assert store.record("alice").pending and store.record("alice").password == OLD


@pytest.mark.parametrize("attempts, force", [(0, False), (1, False), (7, True)])
def test_a_leftover_password_is_handed_out_again(store, attempts, force):
    store.keep(unfinished(attempts=attempts))
    told = stage(store, "alice", force=force)[0]
    record = store.record("alice")
    pending = record.pending
    assert (pending.password, pending.run_id, pending.created, pending.attempts) == (LEFT, "run-0", "2026-02-28T00:00:00Z", attempts + 1)
    assert (told["reason"], told["run_id"], told["fresh"], record.password) == ("unfinished", "run-0", attempts == 0, OLD)


def test_the_order_is_that_of_the_users(store):
    store.keep(rotated(1, "bob"))
    assert [(user["name"], user["due"]) for user in stage(store, "zoe", "bob", "alice")] == [("zoe", True), ("bob", False), ("alice", True)]
    assert store.record("zoe").pending.password != store.record("alice").pending.password


def test_adoption_keeps_the_password_that_is_in_force(store):
    stage(store, {"name": "alice", "current_password": OLD})
    assert store.record("alice").pending.replaces == OLD and store.record("alice").known_password == OLD
    # A later run finishes the work even if the inventory no longer tells it.
    told = stage(store, "alice", run="run-2")
    assert store.record("alice").known_password == OLD
    assert commit(store, told, result())[0]["action"] == "promoted"
    assert store.record("alice").previous == OLD


def test_a_correction_of_the_adopted_password_counts(store):
    stage(store, {"name": "alice", "current_password": "S3cr3t-MARKER-mistyped"})
    password = store.record("alice").pending.password
    stage(store, {"name": "alice", "current_password": OLD}, run="run-2")
    assert (store.record("alice").known_password, store.record("alice").pending.password) == (OLD, password)


def test_the_store_knows_better_than_the_inventory(store):
    store.keep(rotated(31))
    stage(store, {"name": "alice", "current_password": OTHER})
    assert store.record("alice").known_password == OLD
    assert OTHER not in str(store.data)


def test_check_mode_decides_and_stores_nothing(store):
    store.keep(unfinished("bob"))
    before = str(store.data)
    staged = stage(ReadOnlyStore(store), "alice", "bob")
    assert [(user["name"], user["reason"], user["fresh"]) for user in staged] == [("alice", "new", True), ("bob", "unfinished", False)]
    told = commit(ReadOnlyStore(store), staged, result("alice", "would_change", None), result("bob", "would_change", None))
    assert [user["action"] for user in told] == [None, None]
    assert (str(store.data), store.writes) == (before, 0)


def test_in_check_mode_nobody_fails_for_tasks_that_were_not_run(store):
    told = commit(ReadOnlyStore(store), stage(ReadOnlyStore(store), "alice"))
    assert [(user["state"], user["error"]) for user in told] == [("would_change", None)]


def test_a_run_that_loses_the_race_takes_the_winners_password(store):
    store.before_put = [lambda: stage(store, "alice", run="winner")]
    told = stage(store, "alice", "bob", run="loser")
    record = store.record("alice")
    assert (told[0]["run_id"], told[0]["reason"], told[0]["fresh"]) == ("winner", "unfinished", False)
    assert (record.pending.run_id, record.pending.attempts) == ("winner", 2)
    assert (told[1]["run_id"], told[1]["fresh"]) == ("loser", True)


def test_a_run_that_loses_the_race_to_a_whole_rotation_does_nothing(store):
    store.before_put = [lambda: commit(store, stage(store, "alice", run="winner"), result())]
    told = stage(store, "alice", run="loser")[0]
    assert (told["due"], told["reason"]) == (False, None)
    assert store.record("alice").pending is None and store.record("alice").password


def test_somebody_who_writes_all_the_time_ends_in_an_error(store):
    def disturb():
        store.before_put.append(disturb)
        record = store.record("alice") or Record("alice", password=OLD)
        record.failed_logins += 1
        store.keep(record)

    store.before_put = [disturb]
    with pytest.raises(PasswordError) as caught:
        stage(store, "alice", "bob", force=True)
    assert caught.value.kind == "store_conflict" and "alice" in caught.value.message and "bob" not in caught.value.message
    assert store.record("alice").password == OLD and store.record("alice").pending is None
    assert store.record("bob").pending


@pytest.mark.parametrize("state", ["changed", "unchanged"])
def test_a_verified_password_becomes_the_current_one(store, state):
    store.keep(rotated(31))
    staged = stage(store, "alice")
    password = store.record("alice").pending.password
    told = commit(store, staged, result(state=state))
    assert told == [{"name": "alice", "reason": "expired", "state": state, "verified": True, "error": None, "action": "promoted"}]
    record = store.record("alice")
    assert (record.password, record.previous, record.pending, record.status) == (password, OLD, None, CURRENT)
    assert (record.verified, record.rotated_at, record.last_error) == (True, format_utc(NOW), None)
    assert not stage(store, "alice", run="run-2")[0]["due"]


def test_users_that_were_not_due_are_none_of_commits_business(store):
    store.keep(rotated(1))
    assert commit(store, stage(store, "alice"), result()) == []
    assert store.writes == 0


@pytest.mark.parametrize("accept", [False, True])
@pytest.mark.parametrize("verified, promoted_if_accepted", [(None, True), (False, False)])
def test_a_change_that_no_login_has_proved(store, accept, verified, promoted_if_accepted):
    store.keep(rotated(31))
    staged = stage(store, "alice")
    password = store.record("alice").pending.password
    told = commit(store, staged, result(verified=verified), accept_unverified=accept)[0]
    record = store.record("alice")
    if accept and promoted_if_accepted:
        assert (told["action"], told["error"], record.password, record.previous, record.verified) == ("promoted", None, password, OLD, False)
    else:
        # A login that was refused is the proof of the contrary, so the vendor's word is not enough.
        assert (told["action"], told["error"]["kind"]) == ("kept", "not_verified")
        assert ("accept_unverified" in told["error"]["message"]) == promoted_if_accepted
        assert (record.password, record.pending.password, record.last_error["kind"]) == (OLD, password, "not_verified")


@pytest.mark.parametrize(
    "state, kind",
    [
        ("failed", "current_password_wrong"), ("failed", "user_not_found"), ("failed", "timed_out"), ("failed", "vendor_unavailable"),
        ("failed", "not_verified"), ("failed", "authentication_failed"), ("failed", None),
        ("unknown", "outcome_unknown"), ("unknown", "password_rejected"), ("would_change", None), ("odd", None),
    ],
)  # fmt: skip
def test_a_password_whose_fate_is_not_certain_is_kept(store, state, kind):
    store.keep(rotated(31))
    staged = stage(store, "alice")
    password = store.record("alice").pending.password
    told = commit(store, staged, result(state=state, verified=None, kind=kind))[0]
    record = store.record("alice")
    assert (told["action"], told["error"]["kind"]) == ("kept", kind or "outcome_unknown")
    assert (record.password, record.pending.password, record.pending.run_id) == (OLD, password, "run-1")
    assert record.last_error == {"kind": told["error"]["kind"], "message": told["error"]["message"], "at": format_utc(NOW)}


def test_a_user_of_whom_the_change_told_nothing_is_kept(store):
    staged = stage(store, "alice", "bob")
    told = commit(store, staged, result("bob"), result("somebody else"))
    assert [(user["name"], user["action"], user["state"]) for user in told] == [("alice", "kept", "unknown"), ("bob", "promoted", "changed")]
    assert told[0]["error"]["kind"] == "outcome_unknown" and store.record("alice").pending
    assert "somebody else" not in store.data


def test_a_fresh_password_that_the_policy_refuses_is_dropped(store):
    store.keep(rotated(31))
    staged = stage(store, "alice")
    refused = store.record("alice").pending.password
    told = commit(store, staged, result(state="failed", verified=None, kind="password_rejected"))[0]
    record = store.record("alice")
    assert (told["action"], told["error"]["kind"], record.pending, record.password, record.status) == ("dropped", "password_rejected", None, OLD, CURRENT)
    assert record.last_error["kind"] == "password_rejected"
    assert refused not in str(store.data)
    # The next run makes another.
    assert stage(store, "alice", run="run-2")[0]["fresh"] and store.record("alice").pending.password != refused


def test_a_refused_password_of_an_earlier_run_is_kept(store):
    # That run may have brought it into force before it died.
    store.keep(unfinished())
    told = commit(store, stage(store, "alice"), result(state="failed", verified=None, kind="password_rejected"))[0]
    assert (told["action"], store.record("alice").pending.password) == ("kept", LEFT)


def test_a_refused_password_that_another_run_has_taken_up_is_kept(store):
    mine = stage(store, "alice", run="mine")
    theirs = stage(store, "alice", run="theirs")
    password = store.record("alice").pending.password
    # Theirs has set it already, and the vendor refuses to take it twice.
    assert commit(store, mine, result(state="failed", verified=None, kind="password_rejected"))[0]["action"] == "kept"
    assert commit(store, theirs, result())[0]["action"] == "promoted"
    assert store.record("alice").password == password


def test_a_random_password_that_was_used_before_is_in_force_already(store):
    # Something between us and the vendor has sent the request twice.
    staged = stage(store, "alice")
    password = store.record("alice").pending.password
    assert commit(store, staged, result(state="failed", verified=None, kind="password_reused"))[0]["action"] == "kept"
    assert store.record("alice").pending.password == password


def test_a_second_commit_of_the_same_run_changes_nothing(store):
    staged = stage(store, "alice", "bob")
    results = [result("alice"), result("bob", "failed", None, "password_rejected")]
    commit(store, staged, *results)
    before = str(store.data)
    told = commit(store, staged, *results)
    assert [(user["action"], user["error"] and user["error"]["kind"]) for user in told] == [("superseded", None), ("superseded", "password_rejected")]
    assert str(store.data) == before


def test_results_of_a_stale_run_touch_nobody(store):
    stale = stage(store, "alice", run="stale")
    commit(store, stage(store, "alice", run="swift"), result())
    assert stage(store, "alice", force=True, run="third", now=NOW + datetime.timedelta(days=1))[0]["fresh"]
    before = str(store.data)
    assert commit(store, stale, result())[0]["action"] == "superseded"
    assert str(store.data) == before


@pytest.mark.parametrize("restored", [None, rotated(31)])
def test_a_store_that_has_lost_the_staged_password_is_an_error(store, restored):
    # Restored from a copy between stage and commit, or another folder given: nobody must read "left to another run" and sleep well.
    store.keep(rotated(31))
    staged = stage(store, "alice")
    store.data.clear()
    if restored:
        store.keep(restored)
    before = str(store.data)
    told = commit(store, staged, result())[0]
    assert (told["action"], told["error"]["kind"]) == ("superseded", "store_conflict")
    assert "may be in force at the vendor" in told["error"]["message"]
    assert str(store.data) == before


def test_a_conflict_while_committing_is_decided_anew(store):
    staged = stage(store, "alice")
    password = store.record("alice").pending.password

    def other_run():
        stage(store, "alice", run="other")

    store.before_put = [other_run]
    assert commit(store, staged, result())[0]["action"] == "promoted"
    assert store.record("alice").password == password
    store.before_put = [lambda: None]


def test_another_runs_commit_in_between_supersedes_this_one(store):
    staged = stage(store, "alice")
    password = store.record("alice").pending.password
    other = stage(store, "alice", run="other")
    store.before_put = [lambda: commit(store, other, result())]
    told = commit(store, staged, result(state="failed", verified=None, kind="timed_out"))[0]
    assert told["action"] == "superseded" and store.record("alice").password == password


def test_a_user_that_fails_does_not_stop_the_others(store):
    staged = stage(store, "alice", "bob", "carol")
    told = commit(store, staged, result("alice", "failed", None, "password_rejected"), result("bob", "unknown", None, "outcome_unknown"), result("carol"))
    assert [user["action"] for user in told] == ["dropped", "kept", "promoted"]


def test_nothing_that_is_told_holds_a_secret(store):
    store.keep(unfinished("bob", replaces=OTHER))
    store.keep(rotated(31, "carol"))
    users = [{"name": "alice", "current_password": OLDER}, "bob", "carol"]
    staged = stage(store, *users)
    told = commit(store, staged, result("alice"), result("bob", "failed", None, "timed_out"))
    secrets = [OLD, OLDER, LEFT, OTHER] + [record["password"] or "-" * 99 for record in store.data.values()]
    assert not [secret for secret in secrets if secret in str(staged) + str(told)]


def test_a_store_out_of_reach_changes_nothing(store):
    staged = stage(store, "alice")
    before = str(store.data)
    store.broken = True
    for call in (lambda: stage(store, "alice", run="run-2"), lambda: commit(store, staged, result())):
        with pytest.raises(PasswordError):
            call()
    assert str(store.data) == before


def test_a_change_at_another_endpoint_promotes_nothing(store):
    """Between stage and commit the record was given to another endpoint: the login there proves nothing about this one."""
    here, there = Identity("milvus", "https://a.example.com", "alice"), Identity("milvus", "https://b.example.com", "alice")
    (staged,) = protocol.stage(store, [{"name": "alice"}], POLICY, max_age=DAY, force=False, run_id="run-1", now=NOW, identities={"alice": here})
    record = store.get(["alice"])["alice"].record
    record.bind(there, store.host)
    store.put({"alice": Entry(record, store.get(["alice"])["alice"].version)})
    (user,) = protocol.commit(store, [replace(staged, identity=here)], [UserResult(**result())], now=NOW)
    assert user.action is None and user.error["kind"] == "target_mismatch"
    record = store.get(["alice"])["alice"].record
    assert record.pending is not None and record.password is None and record.target == there.target
