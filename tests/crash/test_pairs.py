# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs and deliveries, killed at their moments: what a consumer was given works until it is given something else."""

from __future__ import annotations

import random
import signal
import threading
import time

import pytest
import requests
from ansible_collections.rekey.passwords.plugins.plugin_utils._logins import read_logins

from tests.crash.figures import EVERY, SERIES, few, pairs, share
from tests.crash.kill_harness import Series, World, deaths, failures_of, moments, spread
from tests.doubles.milvus import DESCRIBE
from tests.store_cases import CASES as STORES
from tests.vendor_cases import CASES

ACCOUNTS = ("app_a", "app_b")
MONTH, HOUR = 31 * 86400, 3600
DELIVERED = {"deliver": True}
ROTATIONS = 50


class Pair(World):
    """A world whose users are the accounts of one pair."""

    def __init__(self, *args, **options):
        super().__init__(*args, users=ACCOUNTS, with_operator=False, **options)

    def rotate(self, plan=None, **options):
        """One rotation, of the pair."""
        return self.run(plan, users=self.of_the_pair, options=dict(DELIVERED, **options))

    @property
    def of_the_pair(self):
        """What the inventory says."""
        return [{"name": "app", "accounts": [{"name": name, "current_password": self.first[name]} for name in ACCOUNTS]}]

    def read(self):
        """What a consumer finds: (name, password)."""
        store = self.store.open(self.host)
        try:
            login = read_logins(store, ["app"])["app"]
        finally:
            store.close()
        return login.username, login.password

    def deliver(self, plan=None):
        """Note that the consumers have what the store says."""
        return self.run(plan, action="deliver", users=self.of_the_pair)

    def settled(self):
        """Run until nothing is left to be done; a vendor may have to forget failed logins first."""
        for _night in range(3):
            ended = self.rotate()
            if not failures_of(ended):
                return ended
            self.pass_time((self.case.capabilities.lockout_window or HOUR) + 1)
        return ended


@pytest.fixture(name="world")
def _world(fork_server, case, store, tmp_path):
    with store(tmp_path) as entered, Pair(fork_server, case, entered) as made:
        assert not failures_of(made.rotate())
        assert made.read()[0] == "app_b" and made.takes(*made.read())
        yield made


@pytest.fixture(name="figures")
def _figures(request, case, store):
    """Called with what is tried: figures for the table at the end."""

    def make(what):
        made = Series(case.vendor, store.label, what)
        request.config.stash[SERIES].append(made)
        return made

    return make


def tried(series, world, ended, *, lost):
    """Count one trial."""
    series.trials += 1
    series.runs += 2
    series.spared += ended["signal"] != signal.SIGKILL
    series.lost += lost
    series.locked += sum(getattr(world.double, "lockouts", {}).values())


@pairs()
def test_a_turn_is_killed(world, figures):
    """Whatever a dead run leaves behind, what was in use keeps working, and the next run finishes the turn with the same password."""
    world.deliver()
    series, calls = figures("turn of a pair"), _turn(world)["calls"]
    plans = moments(calls)
    series.points, series.moments = len(deaths(calls)), len(plans)
    for plan in spread(plans, share(40)):
        in_use = world.read()
        world.pass_time(MONTH)
        died = world.rotate(plan)
        tried(series, world, died, lost=not (world.takes(*in_use) and world.takes(*world.read())))
        assert not series.lost, plan
        changed = {name: world.double.users[name] for name in ACCOUNTS}
        ended = world.settled()
        assert not failures_of(ended), (plan, ended)
        idle = next(name for name in ACCOUNTS if name != in_use[0])
        assert world.read()[0] == idle and world.takes(*world.read()) and world.takes(*in_use), plan
        # What was in force when the run died is what the consumers get, unless the change came later.
        assert changed[idle] == world.read()[1] or changed[idle] not in {record.password for record in world.records().values()}
        assert not world.lost() and not series.locked, plan
        world.deliver()
    assert series.spared < series.trials, "no run came to the point at which it was to die"


def _turn(world):
    world.pass_time(MONTH)
    ended = world.rotate()
    world.deliver()
    return ended


@pairs()
def test_a_delivery_is_killed(world, figures):
    """Before it is noted it counts as not made: it is made again, and nothing is changed meanwhile."""
    in_use, series, calls = world.read(), figures("delivery noted"), world.deliver()["calls"]
    plans = moments(calls)
    series.points, series.moments = len(deaths(calls)), len(plans)
    assert not failures_of(_again(world)) and world.takes(*in_use)
    for plan in spread(plans, few(20)):
        in_use = world.read()
        died = world.deliver(plan)
        world.pass_time(MONTH)
        tried(series, world, died, lost=not world.takes(*in_use))
        assert not series.lost, plan
        found = world.deliver()
        assert "failed" not in found["results"]["undelivered"], plan
        assert not failures_of(_again(world)) and world.takes(*in_use), plan
    assert series.spared < series.trials, "no run came to the point at which it was to die"


def _again(world):
    """A turn that nobody delivers yet."""
    world.pass_time(MONTH)
    return world.rotate()


class Application(threading.Thread):
    """Logs in every 50 ms with what it was given, as users of Milvus do."""

    PAUSE = 0.05  # seconds

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.login, self.logins, self.refused = url, None, 0, []
        self._over = threading.Event()

    def run(self):
        with requests.Session() as session:
            session.trust_env = False
            while not self._over.wait(self.PAUSE):
                name, password = self.login
                headers = {"Authorization": "Bearer %s:%s" % (name, password)}
                answer = session.post(self.url + DESCRIBE, json={"userName": name}, headers=headers, timeout=30)
                self.logins += 1
                if answer.json().get("code"):
                    self.refused.append((time.monotonic(), name))

    def __exit__(self, *_error):
        self._over.set()
        self.join()

    def __enter__(self):
        self.start()
        return self


MILVUS = pytest.mark.parametrize("case, store", [(CASES["milvus"], STORES["ansible_vault"])], ids=["milvus-ansible_vault"])


@MILVUS
def test_an_application_with_a_pair_never_notices(world):
    """Fifty turns, with runs that die and deliveries that fail in between: not one refused login."""
    choice = random.Random(50)
    world.deliver()
    plans, turns, held = moments(_turn(world)["calls"]), 0, 0
    application = Application(world.double.url)
    application.login = world.read()
    with application:
        while turns < ROTATIONS:
            world.pass_time(MONTH)
            if choice.random() < 0.4:
                # This one dies somewhere.
                world.rotate(choice.choice(plans))
            ended = world.settled()
            assert not failures_of(ended), ended
            if world.read() != application.login:
                if choice.random() < 0.3:
                    # The delivery fails, and the next run may change nothing.
                    world.pass_time(MONTH)
                    before = dict(world.double.users)
                    reasons = [line for line in world.rotate()["results"]["run"]["summary"] if "have not been given" in line]
                    assert reasons and dict(world.double.users) == before
                    held += 1
                application.login = world.read()
                world.deliver()
                turns += 1
    assert application.refused == [] and application.logins >= ROTATIONS
    assert held
    print("\n%d turns, %d failed deliveries, %d logins, 0 refused" % (turns, held, application.logins))


@MILVUS
def test_an_application_with_a_single_user_has_a_gap(fork_server, case, store, tmp_path):
    """From the change at the vendor to the delivery: that long its logins are refused."""
    with store(tmp_path) as entered, World(fork_server, case, entered, users=("alice",), with_operator=False) as world:
        application = Application(world.double.url)
        application.login = "alice", world.first["alice"]
        gaps = []
        with application:
            for _turn_of_it in range(5):
                world.pass_time(MONTH)
                assert not failures_of(world.run(options=DELIVERED))
                refused = len(application.refused)
                _until(lambda before=refused: len(application.refused) > before)
                first = application.refused[0][0]
                application.login = "alice", world.records()["alice"].password
                world.run(action="deliver")
                gaps.append(time.monotonic() - first)
                application.refused.clear()
        assert len(gaps) == 5
    print("\ngap of a single user: %.0f ms on average of %d rotations" % (1000 * sum(gaps) / len(gaps), len(gaps)))


def _until(condition, limit=30.0):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_sample_is_a_sample():
    assert EVERY or share(40) < 40
