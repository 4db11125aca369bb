# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation that dies by SIGKILL to its whole process group; the next run must finish it with the same password."""

from __future__ import annotations

import signal

import pytest

from tests.doubles.milvus import UPDATE
from tests.integration.rotation import CHANGE, COMMIT, ROTATE, STEP_BY_STEP, Rotation, changed, old_password
from tests.vendor_cases import CASES

USERS = ("alice", "bob", "carol")
ARRIVAL = 60  # seconds until a request must have come

pytestmark = [pytest.mark.slow]


@pytest.fixture
def case():
    """The vendor, unless a test is run with others."""
    return CASES["milvus"]


@pytest.fixture
def double(case):
    with case.double({name: old_password(name) for name in USERS}) as running:
        yield running
        assert not getattr(running, "lockouts", None)


@pytest.fixture
def rotation(ansible, case, double):
    # One user at a time, so that a death in the middle leaves some users changed and others not.
    return Rotation(ansible, {"host-1": double}, USERS, case, {"concurrency": 1}, rotate_accept_unverified=not case.proves)


def password_of(double, name, choices):
    """Which of some passwords the vendor takes."""
    (found,) = [password for password in choices if double.can_log_in(name, password)]
    return found


def die_at(task):
    """The run kills itself when this task begins."""

    def die(rotation, double):
        run = rotation.run(kill_at=task, extra_vars=STEP_BY_STEP)
        assert run.rc == -signal.SIGKILL and not run.all_results(task), run.output

    return die


def die_in_change(applies, workers=True):
    """The run is killed while the second user's change is under way.

    :param applies: ``now`` if the server has made the change by then, ``never`` if it never will.
    :param workers: whether Ansible's workers, which have a process group of their own, die too.
    """

    def die(rotation, double):
        # A request for many has no second user.
        user = None if rotation.case.capabilities.bulk else "bob"
        fault = double.inject("hang", user=user, applies=applies, **rotation.case.change)
        running = rotation.start()
        assert fault.arrived.wait(ARRIVAL)
        running.kill_group(workers=workers)
        if not workers:
            # The worker is left alone with its request, until its connection ends.
            running.kill_group(workers=True)
        assert fault.left.wait(ARRIVAL)

    return die


DEATHS = {
    "between stage and change": (die_at(CHANGE), set()),
    "in the change, before it happened": (die_in_change("never"), {"alice"}),
    "in the change, after it happened": (die_in_change("now"), {"alice", "bob"}),
    "between change and commit": (die_at(COMMIT), set(USERS)),
}


@pytest.mark.parametrize("moment", DEATHS)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.vendor)
def test_the_next_run_finishes_with_the_same_passwords(rotation, case, double, moment):
    die, in_force = DEATHS[moment]
    if case.capabilities.bulk and in_force:
        in_force = set(USERS) if "after" in moment or "commit" in moment else set()
    die(rotation, double)

    # Nothing is lost: whatever is in force at the vendor stands in the store.
    pending = {name: record["pending"]["password"] for name, record in rotation.records().items()}
    assert sorted(pending) == sorted(USERS)
    for name in USERS:
        assert password_of(double, name, (pending[name], old_password(name))) == (pending[name] if name in in_force else old_password(name)), name
    assert not rotation.ansible.leaks(rotation.secrets()), "a killed run left a password on the disk"

    writes = double.writes
    run = rotation.run()
    assert run.rc == 0, run.output
    assert [user["reason"] for user in run.result(ROTATE)["users"]] == ["unfinished"] * 3
    for name, record in rotation.records().items():
        assert record["password"] == pending[name], "%s: another password than the one that was staged" % name
        assert double.can_log_in(name, pending[name]), name
        assert record["previous"] == old_password(name) and record["pending"] is None and record["verified"] is case.proves
    # What was in force already was not changed again, unless nothing could tell.
    assert double.writes - writes == (1 if case.capabilities.bulk else len(USERS) - len(in_force))

    third = rotation.run()
    assert third.rc == 0 and changed(third) == {"host-1": 0}
    assert not rotation.ansible.leaks(rotation.secrets())


def test_a_second_death_in_the_next_run_changes_nothing_about_that(rotation, double):
    die_at(CHANGE)(rotation, double)
    pending = {name: record["pending"]["password"] for name, record in rotation.records().items()}
    die_at(COMMIT)(rotation, double)
    assert {name: record["pending"]["attempts"] for name, record in rotation.records().items()} == dict.fromkeys(USERS, 2)
    assert rotation.run().rc == 0
    assert {name: record["password"] for name, record in rotation.records().items()} == pending == {name: double.users[name] for name in USERS}


def test_an_operator_that_had_just_changed_itself_costs_one_failed_login(rotation, double):
    rotation.variables["rotate_users"].append("root")
    die_at(COMMIT)(rotation, double)
    root = rotation.records()["root"]["pending"]["password"]
    assert double.users["root"] == root

    double.reset()
    run = rotation.run()
    assert run.rc == 0, run.output
    assert rotation.records()["root"]["password"] == root == double.users["root"]
    assert double.failed_logins == {"root": 1} and double.writes == 0

    double.reset()
    assert rotation.run(extra_vars={"rotate_force": True}).rc == 0
    assert not double.failed_logins


def test_a_worker_that_outlives_its_run_does_no_harm(rotation, double):
    """Ansible's workers have left the process group: such a one may still make the change, but nobody commits it."""
    gate = double.inject("gate", path=UPDATE, user="bob", hold="before")
    running = rotation.start()
    assert gate.arrived.wait(ARRIVAL)
    running.kill_group(workers=False)
    pending = {name: record["pending"]["password"] for name, record in rotation.records().items()}

    # While the survivor still has bob in its hands, the next run sets the same password.
    run = rotation.run()
    assert run.rc == 0, run.output
    gate.release()
    running.kill_group(workers=True)
    assert {name: record["password"] for name, record in rotation.records().items()} == pending == {name: double.users[name] for name in USERS}
