# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else befalls a rotation: a full or failing disk, a store out of reach or damaged, a clock that is set back, records of an older version."""

from __future__ import annotations

import copy
import pathlib
import threading
import time

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

from tests.crash.figures import few, share
from tests.crash.kill_harness import ForkServer, World, disk_errors, moments, spread
from tests.crash.sabotage import WAITS
from tests.store_cases import CASES as STORES
from tests.vendor_cases import CASES

ARRIVAL = 60  # seconds until a request must have come
LONG_ENOUGH = 1  # seconds in which a run that does not wait would have sent something
LONG_AGO = -400 * 86400  # seconds
OF_LATER_VERSIONS = ("failed_at", "lost_runs")  # keys of a record that the first version did not have; of a pending password: sent


@pytest.fixture
def world(fork_server, case, store, tmp_path):
    """A vendor and a store in which nothing has happened yet."""
    with store(tmp_path) as entered, World(fork_server, case, entered) as made:
        yield made
        assert not getattr(made.double, "lockouts", None)


@pytest.fixture
def milvus(fork_server, tmp_path):
    """One vendor with the embedded store, for what concerns neither."""
    with STORES["ansible_vault"](tmp_path) as entered, World(fork_server, CASES["milvus"], entered) as made:
        yield made


def error_of(ended):
    """The kind of the error with which a rotation has failed as a whole, or ``None``."""
    return (ended["results"]["run"].get("error") or {}).get("kind")


def succeeded(ended):
    """Whether no step of a run failed."""
    return not any(result.get("failed") for result in ended["results"].values())


def assert_settled(world):
    """What is current in the store is in force, and nothing is under way."""
    for name, record in world.records().items():
        assert record.pending is None and record.status == "current" and world.takes(name, record.password), name


def passwords(world):
    """The pending password of each user, or else the current one."""
    return {name: (record.pending or record).password for name, record in world.records().items()}


def wait_until(condition, seconds=ARRIVAL):
    """Whether something comes true while there is time for it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("error, lasting", [("ENOSPC", True), ("EIO", False)])
def test_the_disk_fails(trials, error, lasting):
    """While staging, while noting what is sent, and while committing: the run says so, and the next one finishes."""
    one = trials("%s on the disk" % error)
    plans = disk_errors(one.calls(), error, lasting)
    one.series.points = len(plans)
    for plan in spread(plans, share(40)):
        one.trial(plan)


def test_the_clock_is_set_back(trials):
    """Before the run that finishes: it is as if the password was made in the future."""
    one = trials("clock set back")
    plans = moments(one.calls())
    one.series.moments = len(plans)
    for plan in spread(plans, few(12), seed=2):
        one.trial(plan, between=lambda world: setattr(world, "clock", LONG_AGO))


def test_the_run_that_died_was_of_an_older_version(trials, monkeypatch):
    one = trials("older version")
    plans = moments(one.calls())
    one.series.moments = len(plans)

    def downgrade(world):
        whole = Record.as_dict
        with monkeypatch.context() as patch:
            for way in ("as_dict", "as_short_dict"):
                patch.setattr(Record, way, lambda record: older(whole(record)))
            opened = world.store.open(world.host)
            found = {name: entry for name, entry in opened.get(world.names).items() if entry.record}
            opened.put({name: Entry(entry.record, entry.version) for name, entry in found.items()})
            opened.close()

    for plan in spread(plans, few(12), seed=3):
        one.trial(plan, between=downgrade)


def older(data):
    """A record as the first version wrote it."""
    kept = {key: value for key, value in data.items() if key not in OF_LATER_VERSIONS}
    if kept["pending"]:
        kept["pending"] = {key: value for key, value in kept["pending"].items() if key != "sent"}
    return kept


def test_a_password_from_the_future_is_not_due_and_can_be_forced(milvus):
    assert succeeded(milvus.run())
    milvus.clock = LONG_AGO
    assert milvus.run()["results"]["run"]["due"] == []
    before = passwords(milvus)
    assert succeeded(milvus.run(force=True))
    assert_settled(milvus)
    assert all(password != before[name] for name, password in passwords(milvus).items())


def test_the_store_is_out_of_reach_when_the_change_has_happened(world):
    """The commit cannot write; the next run finds out that the passwords are in force."""
    gate = world.double.inject("gate", hold="after", **world.case.change)
    ended = []
    run = threading.Thread(target=lambda: ended.append(world.run()))
    run.start()
    assert gate.arrived.wait(ARRIVAL)
    staged = passwords(world)
    world.store.disturb()
    try:
        gate.release()
        run.join(ARRIVAL)
        assert error_of(ended[0]) == "store_failed"
    finally:
        world.store.mend()
    writes = world.double.writes
    assert world.lost() == [] and passwords(world) == staged
    assert succeeded(world.run())
    assert_settled(world)
    assert passwords(world) == staged and (world.double.writes == writes or not world.case.proves)


def test_the_store_is_out_of_reach_when_the_next_run_comes(world):
    world.double.inject("drop", times=None)
    assert not succeeded(world.run()) and world.double.writes == 0
    world.double.clear_faults()
    staged, requests = passwords(world), len(world.double.requests)
    world.store.disturb()
    try:
        ended = world.run()
        assert error_of(ended) == "store_failed"
    finally:
        world.store.mend()
    assert passwords(world) == staged and len(world.double.requests) == requests
    assert succeeded(world.run())
    assert_settled(world)
    assert passwords(world) == staged


def test_a_damaged_store_is_no_empty_one(world):
    assert succeeded(world.run())
    before, requests = passwords(world), len(world.double.requests)
    world.store.damage("alice", world.host)
    ended = world.run(force=True)
    assert error_of(ended) == "store_failed" and "estore" in ended["results"]["run"]["msg"], ended
    assert len(world.double.requests) == requests
    assert all(world.takes(name, password) for name, password in before.items())
    assert error_of(world.run()) == "store_failed", "the damage was overwritten"


def test_two_runs_at_once_do_not_send_side_by_side(milvus, tmp_path):
    """The second waits for the lease on the host, and then has nothing left to do."""
    gate = milvus.double.inject("gate", hold="before", **milvus.case.change)
    ended = {}
    with ForkServer(tmp_path / "another") as another:
        second = copy.copy(milvus)
        second.fork_server = another
        home = pathlib.Path(another.home())
        home.mkdir(parents=True)
        waiting = {"environment": {**milvus.store.environment, "ANSIBLE_HOME": str(home)}, "sabotage": "waiting_is_shown"}
        runs = {milvus: {}, second: waiting}
        threads = [threading.Thread(target=lambda one=one: ended.__setitem__(one, one.run(**runs[one]))) for one in runs]
        threads[0].start()
        assert gate.arrived.wait(ARRIVAL)
        staged = passwords(milvus)
        threads[1].start()
        requests = len(milvus.double.requests)
        assert wait_until((home / WAITS).exists), "the second run did not wait for the first"
        assert not wait_until(lambda: len(milvus.double.requests) > requests, LONG_ENOUGH), "the second run has sent something meanwhile"
        assert [record.pending.attempts for record in milvus.records().values()] == [1] * len(milvus.names), "the second run has staged meanwhile"
        gate.release()
        for thread in threads:
            thread.join(ARRIVAL)
    assert succeeded(ended[milvus]), ended
    assert_settled(milvus)
    assert passwords(milvus) == staged
    # Where the first has finished its work there is nothing left to do, and nothing to complain about.
    assert succeeded(ended[second]), ended[second]
    assert {user["reason"] for user in ended[second]["results"]["run"]["users"]} == {"left_to_another_run"}
    assert milvus.double.writes == len(milvus.names) and not milvus.double.failed_logins
