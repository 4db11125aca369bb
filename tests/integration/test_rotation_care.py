# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes beside a plain rotation, with every vendor: refusals, orphans and their repair, status, verify, rollback, two runs at once."""

from __future__ import annotations

import json
import time

import pytest

from tests.integration.rotation import REPORT, ROTATE, STEP_BY_STEP, Rotation, changed, old_password
from tests.vendor_cases import CASES

USERS = ("alice", "bob", "carol")
BY_HAND = "By-Hand-S3cr3t-MARKER-1"
STATUS, VERIFY, REPAIR = ("rekey.passwords." + name for name in ("status", "verify", "repair"))
ROLLBACK = "Set the previous passwords again"
VERBOSITY = 5
DEADLINE = 60  # seconds until something must have happened

pytestmark = [pytest.mark.slow]


@pytest.fixture(params=CASES.values(), ids=lambda case: case.vendor)
def case(request):
    return request.param


@pytest.fixture
def double(case):
    with case.double({name: old_password(name) for name in USERS}, **case.resets) as running:
        yield running
        assert not getattr(running, "lockouts", None)


@pytest.fixture
def rotation(ansible, case, double):
    """Of one user; at the end nothing that any run printed or left behind holds a secret."""
    made = rotation_of(ansible, case, double, "alice")
    yield made
    assert not ansible.leaks(made.seen | {BY_HAND}), "a secret was printed or left on the disk"


class Watched(Rotation):
    """Notes all passwords that there are between its runs, and runs at the highest verbosity."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.seen = self.secrets()

    def run(self, *args, **options):
        run = super().run(*args, **dict({"verbosity": VERBOSITY, "diff": True}, **options))
        self.seen |= self.secrets()
        return run


def rotation_of(ansible, case, double, *users, **variables):
    connection = {"concurrency": 1, "timeout": 30}
    return Watched(ansible, {"host-1": double}, users, case, connection, **dict({"rotate_accept_unverified": not case.proves}, **variables))


def assert_settled(rotation, double, name="alice"):
    """The current password is in force, and nothing is under way."""
    record = rotation.records()[name]
    assert double.can_log_in(name, record["password"]) and (record["pending"], record["status"], record["lost_runs"]) == (None, "current", 0)
    return record


def refuse(case, double, times):
    """The vendor's policy refuses so many passwords."""
    return double.inject("answer", times=times, **case.change, **case.refusal)


def test_a_refused_password_is_replaced_by_a_better_one_in_the_same_run(rotation, case, double):
    fault = refuse(case, double, 1)
    run = rotation.run()
    assert run.rc == 0 and fault.fired == 1, run.output
    assert_settled(rotation, double)
    assert run.result(REPORT)["msg"][0].startswith("alice (new): rotated")
    assert not double.failed_logins
    assert changed(rotation.run()) == {"host-1": 0}


def test_a_second_refusal_is_told_and_the_next_run_begins_anew(rotation, case, double):
    fault = refuse(case, double, 2)
    run = rotation.run()
    assert run.rc == 2 and fault.fired == 2
    assert "NOT rotated, the new password was refused and dropped" in run.result(REPORT)["msg"][0] and "password_rejected" in run.result(REPORT)["msg"][0]
    record = rotation.records()["alice"]
    assert (record["pending"], record["last_error"]["kind"]) == (None, "password_rejected") and double.can_log_in("alice", old_password("alice"))
    again = rotation.run()
    assert again.rc == 0 and again.result(ROTATE)["users"][0]["reason"] == "new", again.output
    assert_settled(rotation, double)


def orphan(rotation, double):
    """Somebody sets a password by hand, and a run finds that none of the store's logs in."""
    assert rotation.run().rc == 0
    double.set_user("alice", BY_HAND)
    tasks = rotation.ansible.inputs / "lost.yml"
    error = {"kind": "current_password_wrong", "message": "Neither the current password nor the new one logs in."}
    told = {"rotate_result": {"users": [{"name": "alice", "state": "failed", "error": error}]}}
    tasks.write_text(json.dumps([{"name": "Find nothing that logs in", "ansible.builtin.set_fact": told}]), encoding="utf-8")
    run = rotation.run(extra_vars={"rotate_force": True, "rotate_max_attempts": 1, "rotate_change_tasks": str(tasks)})
    assert run.rc == 2 and "no run tries it again until it is repaired" in run.result(REPORT)["msg"][0], run.output
    assert rotation.records()["alice"]["status"] == "orphaned"


def test_an_orphan_is_left_alone_until_the_real_password_is_told(rotation, case, double):
    orphan(rotation, double)
    requests, record = len(double.requests), rotation.records()["alice"]
    run = rotation.run(extra_vars={"rotate_force": True})
    assert run.rc == 2 and run.result(REPORT)["msg"][0].startswith("alice (orphaned): skipped: "), run.output
    assert len(double.requests) == requests and rotation.records()["alice"] == record
    assert "ORPHANED: needs a repair" in rotation.run(STATUS).result("Show the summary")["msg"][0]

    told = {"rotate_repair_users": [{"name": "alice", "password": BY_HAND}]}
    before = rotation.records()["alice"]
    foretold = rotation.run(REPAIR, extra_vars=told, check=True)
    assert rotation.records()["alice"] == before
    repaired = rotation.run(REPAIR, extra_vars=told)
    if not case.proves:
        # Nothing is taken for true that no login can prove.
        assert foretold.rc == repaired.rc == 2 and "(not_verified)" in repaired.result("Show the summary")["msg"][0], repaired.output
        assert rotation.records()["alice"] == before
        return
    assert foretold.rc == repaired.rc == 0, repaired.output
    assert repaired.result("Show the summary")["msg"] == ["alice: the given password logs in; the record was brought in line"]
    assert assert_settled(rotation, double)["password"] == BY_HAND
    # Others know it, so it is not left in force.
    again = rotation.run()
    assert again.rc == 0 and again.result(ROTATE)["users"][0]["reason"] == "expired", again.output
    assert assert_settled(rotation, double)["previous"] == BY_HAND


def test_the_answers_to_a_form_tell_the_password_of_one_user(rotation, case, double):
    assert rotation.run().rc == 0
    nothing = rotation.run(REPAIR, extra_vars={"rotate_repair_user": "", "rotate_repair_password": "", "rotate_repair_reset": "no"})
    assert nothing.result("Show the summary")["msg"] and nothing.rc == (0 if case.proves else 2), nothing.output
    double.set_user("alice", BY_HAND)
    answers = {"rotate_hosts": "host-1", "rotate_repair_user": "alice", "rotate_repair_password": BY_HAND, "rotate_repair_reset": "no"}
    repaired = rotation.run(REPAIR, extra_vars=answers)
    if case.proves:
        assert repaired.rc == 0 and rotation.records()["alice"]["password"] == BY_HAND, repaired.output
    nobody = rotation.run(REPAIR, extra_vars={"rotate_repair_password": BY_HAND})
    assert nobody.rc == 2 and "with a name" in nobody.output and BY_HAND not in nobody.output


def test_the_operator_sets_a_new_password_for_an_orphan(rotation, case, double):
    orphan(rotation, double)
    run = rotation.run(REPAIR, extra_vars={"rotate_repair_reset": True})
    assert run.rc == 0, run.output
    assert run.result("Show the summary")["msg"] == ["alice: has a new password, %s by a login" % ("verified" if case.proves else "NOT verified")]
    assert assert_settled(rotation, double)["password"] != BY_HAND
    assert changed(rotation.run()) == {"host-1": 0}


def test_status_and_verify_change_nothing_and_a_wrong_password_fails(rotation, case, double):
    absent = rotation.run(STATUS)
    assert absent.rc == 0 and absent.result("Show the summary")["msg"] == ["alice: absent; due"] and not double.requests
    assert rotation.run().rc == 0
    record, double.read_only = rotation.records()["alice"], True
    status, verify = rotation.run(STATUS), rotation.run(VERIFY)
    assert status.rc == verify.rc == 0, verify.output
    told = verify.result("Show the summary")["msg"][0]
    assert told.endswith("; logs in") == case.proves and told.startswith("alice: current; rotated ")
    assert changed(verify) == {"host-1": 0} and rotation.records()["alice"] == record

    double.set_user("alice", BY_HAND)
    wrong = rotation.run(VERIFY)
    assert wrong.rc == (2 if case.proves else 0), wrong.output
    assert ("DOES NOT LOG IN" in wrong.result("Show the summary")["msg"][0]) == case.proves and not double.refused_writes
    counts = case.proves and case.capabilities.failed_logins_per_call is not None
    assert rotation.records()["alice"] == dict(record, failed_logins=int(counts), failed_at=rotation.records()["alice"]["failed_at"])


@pytest.fixture
def three(ansible, case, double):
    """A rotation of all three that has run once, and then cannot find bob any more."""
    made = rotation_of(ansible, case, double, *USERS, rotate_rollback=True)
    assert made.run().rc == 0
    double.remove_user("bob")
    yield made
    assert not ansible.leaks(made.seen)


def test_a_failed_user_takes_the_others_back(three, case, double):
    before = three.records()
    run = three.run(extra_vars={"rotate_force": True})
    assert run.rc == 2, run.output
    told = run.result(REPORT)["msg"]
    assert "bob (forced): NOT rotated" in told[1]
    assert [line.split(",")[0] for line in told[3:]] == ["%s (rollback): rolled back" % name for name in ("alice", "carol")]
    for name in ("alice", "carol"):
        record = assert_settled(three, double, name)
        assert (record["password"], record["rotated_at"]) == (before[name]["password"], None)
    assert three.records()["bob"]["pending"]

    # The next run does all of it.
    double.set_user("bob", before["bob"]["password"])
    again = three.run()
    assert again.rc == 0 and [user["reason"] for user in again.result(ROTATE)["users"]] == ["expired", "unfinished", "expired"], again.output
    for name in USERS:
        assert assert_settled(three, double, name)["password"] != before[name]["password"]


def test_a_vendor_that_refuses_the_previous_password_leaves_the_new_one(three, case, double):
    before = three.records()
    # A request for many that is refused is repeated for each.
    where = {"skip": 1, "times": 2} if case.capabilities.bulk else {"skip": 1, "times": 1, "user": "alice"}
    fault = double.inject("answer", **where, **case.change, **case.refusal)
    run = three.run(extra_vars={"rotate_force": True})
    assert run.rc == 2 and fault.times == 0, run.output
    assert "alice (rollback): NOT rolled back, the previous password was refused and dropped" in run.result(REPORT)["msg"][3]
    alice, carol = assert_settled(three, double), assert_settled(three, double, "carol")
    assert alice["password"] != before["alice"]["password"] == alice["previous"] and carol["password"] == before["carol"]["password"]


def at_work(running):
    """Wait until a run has begun with the task that rotates."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and running.poll() is None:
        if ROTATE in running.progress():
            return
        time.sleep(0.05)
    raise AssertionError("the run has not come so far")


def test_two_runs_at_once_on_one_host(rotation, case, double):
    """The second one waits while the first one sends, and then finds nothing to do."""
    home = {"ANSIBLE_HOME": str(rotation.ansible.shared / "home")}
    gate = double.inject("gate", **case.change, hold="before")
    first = rotation.start(env=home)
    assert gate.arrived.wait(DEADLINE)
    requests, password = len(double.requests), rotation.records()["alice"]["pending"]["password"]
    second = rotation.start(env=home)
    at_work(second)
    assert len(double.requests) == requests and rotation.records()["alice"]["pending"]["attempts"] == 1
    gate.release()
    runs = [running.wait() for running in (first, second)]
    assert [run.rc for run in runs] == [0, 0], runs[0].output + runs[1].output
    assert double.writes == 1 and assert_settled(rotation, double)["password"] == password
    rotation.seen |= rotation.secrets()


@pytest.mark.parametrize("variables", [{}, STEP_BY_STEP], ids=["in one task", "step by step"])
def test_edge_24_two_controllers_at_one_host(ansible, case, variables):
    """Two containers, each with an ANSIBLE_HOME of its own, start within a moment of each other: nobody makes a failed login or tells of one."""
    users = tuple("user-%d" % number for number in range(12))
    with case.double({name: old_password(name) for name in users}, **case.resets) as double:
        made = rotation_of(ansible, case, double, *users, **variables)
        both = [made.start(env={"ANSIBLE_HOME": str(ansible.shared / name)}) for name in ("one", "two")]
        runs = [running.wait() for running in both]
        assert [run.rc for run in runs] == [0, 0], runs[0].output + runs[1].output
        told = [line for run in runs for line in run.result(REPORT)["msg"]]
        assert not [line for line in told if "current_password_wrong" in line], told
        for name in users:
            record = assert_settled(made, double, name)
            assert record["lost_runs"] == record["failed_logins"] == 0
        assert not getattr(double, "lockouts", None) and double.writes <= len(users)


def test_a_run_that_is_dead_holds_up_nobody(rotation, case, double):
    home = {"ANSIBLE_HOME": str(rotation.ansible.shared / "home")}
    fault = double.inject("hang", **case.change)
    first = rotation.start(env=home)
    assert fault.arrived.wait(DEADLINE)
    first.kill_group()
    run = rotation.run(env=home)
    assert run.rc == 0, run.output
    assert_settled(rotation, double)
