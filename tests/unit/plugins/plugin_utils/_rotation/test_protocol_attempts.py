# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was sent, what it has cost, and when a user is given up: the rotation's memory across runs."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils._results import UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import ALWAYS, WHEN_CHANGED
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import protocol
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.login_notes import note_failed_logins
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.policy import policy_for
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.read_only import ReadOnlyStore
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.restoration import put_back
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.users import Reason, StagedUser
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, PENDING, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, capabilities

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)
OLD, OLDER, LEFT, OTHER = "S3cr3t-MARKER-old", "S3cr3t-MARKER-older", "S3cr3t-MARKER-left", "S3cr3t-MARKER-other"
LOCKS = capabilities(failed_logins_per_call=2, failed_probes_per_call=1, lockout_window=3600.0)
POLICY = policy_for(LOCKS)


@pytest.fixture(name="store")
def _store():
    store = MemoryStore()
    store.keep(Record("alice", password=OLD, previous=OLDER, status=CURRENT, rotated_at="2026-01-01T00:00:00Z"))
    return store


def stage(store, run="run-1", now=NOW, force=False):
    return [user.as_dict() for user in protocol.stage(store, [{"name": "alice"}], POLICY, max_age=86400, force=force, run_id=run, now=now)]


def by_name(staged):
    """What the steps hand on, of what an action has returned."""
    return {user["name"]: StagedUser.from_dict(user) for user in staged}


def send(store, staged, now=NOW, rules=LOCKS):
    """What is handed to the vendor's module of alice, or nothing."""
    sending, refused = protocol.mark_sent(store, by_name(staged), rules, now=now)
    assert not refused
    return tuple((each.record, each.mode, each.failed_logins) for each in sending.values())[0] if sending else ()


def user_result(data):
    """As a vendor's module returns it."""
    return UserResult.from_dict(data)


def stage_these(store, passwords, reason, run, now):
    return [user.as_dict() for user in protocol.stage_these(store, passwords, reason=Reason(reason), run_id=run, now=now)]


def failed(kind, failed_logins=0, verified=None, state="failed"):
    error = PasswordError(kind, "The vendor says %s." % kind).as_dict()
    return {"name": "alice", "state": state, "verified": verified, "error": error, "failed_logins": failed_logins}


def commit(store, staged, result, now=NOW, **more):
    (told,) = protocol.commit(store, list(by_name(staged).values()), [user_result(result)] if result else [], now=now, **more)
    return told.as_dict()


def run(store, result, now=NOW, **more):
    """One whole run whose change ends so; what was sent, and what is told."""
    staged = stage(store, now=now)
    sent = send(store, staged, now)
    return sent, commit(store, staged, result, now, **more)


def test_what_was_never_sent_is_set_without_a_look_however_many_runs_took_it_up(store):
    for attempt in range(1, 4):
        staged = stage(store)
        assert store.record("alice").pending.attempts == attempt
    record, mode, spent = send(store, staged)
    assert (mode, spent, record.pending.sent, store.record("alice").pending.sent) == (ALWAYS, 0, 1, 1)
    # From now on it may be in force.
    assert send(store, stage(store))[1] == WHEN_CHANGED and store.record("alice").pending.sent == 2


def test_another_runs_password_is_not_noted_as_sent(store):
    staged = stage(store)
    record = store.record("alice")
    record.pending.run_id = "another"
    store.keep(record)
    assert send(store, staged) == () and store.record("alice").pending.sent == 0


def test_a_store_that_cannot_be_written_sends_nothing(store):
    staged = stage(store)
    store.broken = True
    with pytest.raises(PasswordError):
        send(store, staged)


def overwrite(store):
    """Let another writer, whom no lock keeps out, put back what stood there before the next write."""
    before, put = dict(store.data), store.put

    def put_in_vain(entries):
        put(entries)
        store.data.update(before)
        store.put = put

    store.put = put_in_vain


def test_a_note_of_sending_that_was_overwritten_is_written_again(store):
    staged = stage(store)
    overwrite(store)
    assert send(store, staged) and store.record("alice").pending.sent == 1


def test_a_replacement_that_was_overwritten_is_written_again(store):
    staged = stage(store)
    send(store, staged)
    refused = store.record("alice").pending.password
    overwrite(store)
    record = refuse(store, staged)["alice"]
    assert refused != record.pending.password == store.record("alice").pending.password


def test_what_was_sent_and_put_back_in_vain_is_put_back_again(store):
    record, _mode, _spent = send(store, stage(store))
    store.keep(Record("alice", password=OLD, status=CURRENT))
    overwrite(store)
    put_back(store, {"alice": record})
    assert store.record("alice").pending.password == record.pending.password


def test_a_commit_that_was_overwritten_is_written_again(store):
    staged = stage(store)
    record, _mode, _spent = send(store, staged)
    overwrite(store)
    assert commit(store, staged, {"name": "alice", "state": "changed", "verified": True})["action"] == "promoted"
    assert (store.record("alice").password, store.record("alice").pending) == (record.pending.password, None)


@pytest.mark.parametrize("attempts, mode", [(0, ALWAYS), (1, WHEN_CHANGED), (4, WHEN_CHANGED)])
def test_a_record_of_an_older_version_tells_by_its_attempts_whether_it_may_have_been_sent(store, attempts, mode):
    store.keep(Record("alice", password=OLD, pending=Pending(LEFT, run_id="run-0", attempts=attempts)))
    del store.data["alice"]["pending"]["sent"]
    for name in ("failed_at", "lost_runs"):
        del store.data["alice"][name]
    assert send(store, stage(store))[1] == mode


def test_a_failed_login_is_on_record_before_it_is_made_and_adds_up_over_runs_that_die(store):
    send(store, stage(store))  # the first run dies: it may have sent the password
    seen = []
    for _death in range(4):
        seen.append(send(store, stage(store))[2])
        assert store.record("alice").failed_logins <= LOCKS.failed_logins_per_call
    # What the module is told; at the budget it leaves the user alone.
    assert seen == [0, 1, 2, 2]


def test_a_login_that_worked_takes_the_count_back(store):
    send(store, stage(store))
    _sent, told = run(store, {"name": "alice", "state": "unchanged", "verified": True})
    assert told["action"] == "promoted" and (store.record("alice").failed_logins, store.record("alice").failed_at) == (0, None)


def test_a_run_that_made_no_login_takes_the_count_back(store):
    send(store, stage(store))
    run(store, failed("connection_failed", failed_logins=0))
    assert (store.record("alice").failed_logins, store.record("alice").failed_at) == (0, None)


def test_a_vendor_that_locks_nobody_counts_nothing_beforehand(store):
    rules = capabilities(failed_logins_per_call=None)
    send(store, stage(store), rules=rules)
    assert send(store, stage(store), rules=rules)[1:] == (WHEN_CHANGED, 0) and store.record("alice").failed_logins == 0


def test_the_count_is_forgotten_when_the_vendor_has_forgotten_and_begins_anew(store):
    run(store, failed("current_password_wrong", failed_logins=2))
    assert run(store, failed("login_budget_spent", failed_logins=2), NOW + HOUR * 0.9)[0][2] == 2
    later = NOW + HOUR
    assert run(store, failed("timed_out", failed_logins=1), later)[0][2] == 0
    # That one is young, though there were more before: the next run counts it.
    assert store.record("alice").failed_at == format_utc(later)
    assert run(store, failed("timed_out", failed_logins=1), later + HOUR * 0.5)[0][2] == 1


def test_runs_that_leave_the_user_alone_do_not_put_off_the_end_of_the_wait(store):
    run(store, failed("current_password_wrong", failed_logins=2))
    for minutes in (15, 30, 45, 59):
        assert run(store, failed("login_budget_spent", failed_logins=2), NOW + datetime.timedelta(minutes=minutes))[0][2] == 2
    assert run(store, failed("timed_out"), NOW + HOUR)[0][2] == 0


def test_a_clock_that_was_set_back_makes_no_failed_login_older_and_none_last_for_ever(store):
    run(store, failed("current_password_wrong", failed_logins=2), NOW + 1000 * HOUR)
    assert run(store, failed("login_budget_spent", failed_logins=2), NOW)[0][2] == 2
    assert run(store, failed("login_budget_spent", failed_logins=2), NOW + HOUR * 0.5)[0][2] == 2
    assert run(store, failed("timed_out"), NOW + HOUR)[0][2] == 0


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_a_user_is_orphaned_after_exactly_so_many_runs(store, most):
    for number in range(1, most + 1):
        sent, told = run(store, failed("current_password_wrong"), max_attempts=most)
        assert sent and (told["action"], store.record("alice").status) == (("kept", PENDING) if number < most else ("abandoned", ORPHANED)), number
    record = store.record("alice")
    assert record.password == OLD and record.pending, "nothing is lost by giving up"
    # From now on no run takes it up, not even on demand; each tells.
    before = str(store.data)
    for force in (False, True):
        staged = stage(store, force=force)
        assert (staged[0]["due"], staged[0]["reason"]) == (False, "orphaned")
        told = commit(store, staged, None)
        assert (told["reason"], told["action"], told["error"]["kind"]) == ("orphaned", None, "orphaned") and "rotation_repair" in told["error"]["message"]
    assert str(store.data) == before


@pytest.mark.parametrize("kind", ["timed_out", "connection_failed", "authentication_failed", "user_not_found", "login_budget_spent", "account_locked"])
def test_other_failures_orphan_nobody(store, kind):
    for _number in range(9):
        assert run(store, failed(kind), max_attempts=2)[1]["action"] == "kept"
    assert (store.record("alice").lost_runs, store.record("alice").status) == (0, PENDING)


def test_a_password_that_logs_in_begins_the_count_of_lost_runs_anew(store):
    run(store, failed("current_password_wrong"), max_attempts=2)
    run(store, {"name": "alice", "state": "changed", "verified": True}, max_attempts=2)
    staged = stage(store, force=True)
    send(store, staged)
    assert commit(store, staged, failed("current_password_wrong"), max_attempts=2)["action"] == "kept"


def test_in_check_mode_nobody_is_orphaned(store):
    staged = stage(store)
    assert commit(ReadOnlyStore(store), staged, failed("current_password_wrong"), max_attempts=1)["action"] is None
    assert store.record("alice").status == PENDING


def refuse(store, staged, **more):
    results = {"alice": user_result(failed("password_rejected", **more))}
    return protocol.replace_refused(store, by_name(staged), results, POLICY, now=NOW)


def test_a_refused_password_gives_way_to_another_for_all_steps_of_the_run(store):
    staged = stage(store)
    send(store, staged)
    refused = store.record("alice").pending.password
    assert list(refuse(store, staged)) == ["alice"]
    pending = store.record("alice").pending
    assert pending.password != refused and (pending.run_id, pending.sent) == ("run-1", 1)
    # What was sent is never deleted (edge 40), but it is pending no more.
    assert [item.password for item in store.record("alice").earlier] == [refused] and str(store.data).count(refused) == 1
    assert commit(store, staged, {"name": "alice", "state": "changed", "verified": True})["action"] == "promoted"
    assert store.record("alice").password == pending.password


def test_the_password_before_the_first_rotation_is_not_lost_with_a_refused_one(store):
    due = {"max_age": 86400, "force": False, "now": NOW}
    protocol.stage(store, [{"name": "bob", "current_password": OTHER}], POLICY, run_id="run-1", **due)
    (bob,) = protocol.stage(store, [{"name": "bob"}], POLICY, run_id="run-2", **due)
    protocol.mark_sent(store, {"bob": bob}, LOCKS, now=NOW)
    protocol.replace_refused(store, {"bob": bob}, {"bob": user_result(failed("password_rejected"))}, POLICY, now=NOW)
    assert store.record("bob").known_password == OTHER


def test_a_better_one_that_is_refused_too_is_dropped(store):
    staged = stage(store)
    send(store, staged)
    refuse(store, staged)
    assert commit(store, staged, failed("password_rejected"))["action"] == "dropped"
    assert store.record("alice").pending is None and store.record("alice").password == OLD


@pytest.mark.parametrize("verified, replaced", [(None, False), (False, True)])
def test_a_refused_password_that_may_be_in_force_stays(store, verified, replaced):
    send(store, stage(store))
    staged = stage(store)
    send(store, staged)
    before = store.record("alice").pending.password
    assert bool(refuse(store, staged, verified=verified)) == replaced == (store.record("alice").pending.password != before)


def test_what_another_run_has_sent_meanwhile_is_not_replaced(store):
    staged = stage(store)
    send(store, staged)
    store.before_put = [lambda: send(store, stage(store, run="other"))]
    assert refuse(store, staged) == {}


def go_back(store, now=NOW):
    staged = stage_these(store, {"alice": lambda record: record.previous}, "rollback", "back", now)
    assert send(store, staged, now)[1] == ALWAYS
    return staged


def test_a_password_that_goes_back_is_due_again_and_the_two_change_places(store):
    staged = go_back(store)
    assert commit(store, staged, {"name": "alice", "state": "changed", "verified": True})["action"] == "promoted"
    record = store.record("alice")
    assert (record.password, record.previous, record.rotated_at) == (OLDER, OLD, None)
    assert stage(store)[0]["reason"] == "expired"


@pytest.mark.parametrize("kind", ["password_rejected", "password_reused"])
def test_a_vendor_that_does_not_take_it_again_leaves_the_user_with_its_password(store, kind):
    assert commit(store, go_back(store), failed(kind))["action"] == "dropped"
    record = store.record("alice")
    assert (record.password, record.previous, record.pending, record.status) == (OLD, OLDER, None, CURRENT)


def test_a_rollback_that_died_is_finished_by_the_next_run_as_one(store):
    go_back(store)
    staged = stage(store)
    assert staged[0]["reason"] == "unfinished" and send(store, staged)[1] == WHEN_CHANGED
    commit(store, staged, {"name": "alice", "state": "unchanged", "verified": True})
    # In force again it is as old as it was.
    assert (store.record("alice").password, store.record("alice").rotated_at) == (OLDER, None)


def test_a_rollback_that_died_and_is_refused_then_is_given_up(store):
    go_back(store)
    staged = stage(store)
    send(store, staged)
    assert commit(store, staged, failed("password_reused", verified=False))["action"] == "dropped"
    assert stage(store)[0]["reason"] == "expired"


def test_a_given_password_takes_the_place_of_a_pending_one_and_keeps_what_that_replaces(store):
    store.keep(Record("bob", pending=Pending(LEFT, run_id="run-0", attempts=1, sent=1, replaces=OTHER)))
    stage_these(store, {"bob": lambda record: "S3cr3t-MARKER-given"}, "repair", "mend", NOW)
    pending = store.record("bob").pending
    assert (pending.password, pending.run_id, pending.sent, pending.replaces) == ("S3cr3t-MARKER-given", "mend", 0, OTHER)


def test_a_pending_password_that_is_given_again_stays_the_one_that_may_be_in_force(store):
    store.keep(Record("bob", password=OLD, pending=Pending(LEFT, run_id="run-0", attempts=1, sent=1)))
    (told,) = stage_these(store, {"bob": lambda record: LEFT}, "repair", "mend", NOW)
    assert (told["run_id"], store.record("bob").pending.sent, store.record("bob").status) == ("run-0", 1, PENDING)


def test_in_check_mode_nothing_given_is_stored(store):
    before = str(store.data)
    (told,) = stage_these(ReadOnlyStore(store), {"alice": lambda record: record.previous}, "rollback", "back", NOW)
    assert told["due"] and str(store.data) == before


def test_whoever_has_nothing_to_go_back_to_is_not_due(store):
    store.keep(Record("bob", password=OLD, status=CURRENT))
    (told,) = stage_these(store, {"bob": lambda record: record.previous}, "rollback", "back", NOW)
    assert not told["due"] and store.record("bob").pending is None


@pytest.mark.parametrize("rules, noted", [(LOCKS, 2), (capabilities(failed_logins_per_call=None), 0)])
def test_logins_beside_a_rotation_count_where_the_vendor_counts(store, rules, noted):
    note_failed_logins(store, {"alice": 2, "nobody": 1}, rules, now=NOW)
    assert store.record("alice").failed_logins == noted and "nobody" not in store.data
    note_failed_logins(store, {"alice": 1}, LOCKS, now=NOW + 2 * HOUR)
    assert (store.record("alice").failed_logins, store.record("alice").failed_at) == (1, format_utc(NOW + 2 * HOUR))
    note_failed_logins(ReadOnlyStore(store), {"alice": 2}, LOCKS, now=NOW + 2 * HOUR)
    assert store.record("alice").failed_logins == 1
