# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever befalls a store and its vendor one after the other: no run loses a password, and none that has lost one says that all is well.

A schedule is drawn by a seed, which a failure tells. Between the runs the store may be restored or edited by people; then what they have
thrown away is lost by them. What a run had in its hands it must put back, or say that the store was changed under it.
"""

from __future__ import annotations

import copy
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, StoreConflict

from tests.crash.figures import EVERY, SERIES, pairs
from tests.crash.kill_harness import BY_HAND, ForkServer, Series, World, failures_of, moments, texts_in
from tests.crash.test_lockouts import TYPO, at_once
from tests.store_cases import CASES as STORES
from tests.store_cases import StoreCase
from tests.vendor_cases import CASES, VendorCase

STEPS = 7  # of a schedule, before the runs that finish it
SCHEDULES = 12 if EVERY else 1  # of each vendor and store
ARRIVAL = 30  # seconds until a request must have come
LATE = 10  # seconds after which an answer comes, by the rotation's clock
HOST, OTHER = "host-1", "host-2"
USERS = {HOST: ("alice", "bob"), OTHER: ("carol", "dave")}  # of each host


class Schedule:
    """Two hosts with a server each, one store for both, and what happens to them in a row; use it as a context manager.

    :param machines: what runs the rotations; two of them for runs at once.
    :param chance: draws what happens.
    """

    def __init__(self, machines: list[ForkServer], case: VendorCase, store: StoreCase, chance: random.Random, series: Series) -> None:
        self._stand, self._store, self._chance, self._series, self._machines = case, store, chance, series, machines
        self._worlds = [World(machines[0], case, store, name, users=users, concurrency=2) for name, users in USERS.items()]
        self._backups: list = []
        self._plans: list = []
        self.story: list[str] = []

    def __enter__(self) -> Schedule:
        self._stack = ExitStack()
        for world in self._worlds:
            self._stack.enter_context(world)
        return self

    def __exit__(self, *error) -> None:
        self._stack.__exit__(*error)

    # What is in force, and what is known of it.

    def _known(self, world: World) -> dict[str, set]:
        """All texts in the records of a world, by user; what the inventory tells included."""
        records = world.records()
        return {name: {world.first[name], *texts_in(record.as_dict() if record else {})} for name, record in records.items()}

    def lost(self, world: World) -> set[str]:
        """The users whose password in force is in no record."""
        known = self._known(world)
        return {name for name in world.names if name in world.double.users and world.double.users[name] not in known[name]}

    # Runs.

    def _run(self, world: World, what: str, during: Callable[[], None] | None = None, **options) -> dict:
        """A run, and whether it has lost anything.

        :param during: called while its change is held up at the vendor.
        """
        self.story.append("%s at %s" % (what, world.host))
        self._series.runs += 1
        before = self.lost(world)
        if during is None:
            ended = world.run(**options)
        else:
            ended = self._run_held(world, during, **options)
        self._judge(world, what, before, [ended])
        return ended

    def _run_held(self, world: World, during: Callable[[], None], **options) -> dict:
        gate = world.double.inject("gate", hold="before", **self._stand.change)
        ended: list = []
        thread = threading.Thread(target=lambda: ended.append(world.run(**options)), daemon=True)
        thread.start()
        end = time.monotonic() + ARRIVAL
        while not gate.arrived.is_set() and thread.is_alive() and time.monotonic() < end:
            time.sleep(0.005)
        if gate.arrived.is_set():
            during()
        else:
            gate.times = 0
        gate.release()
        thread.join(ARRIVAL * 2)
        assert ended, self._tell("a run did not end")
        return ended[0]

    def _judge(self, world: World, what: str, before: set, ended: list) -> None:
        """Hold against a run what it has lost."""
        try:
            lost = self.lost(world) - before
        except PasswordError as error:
            raise AssertionError(self._tell("%s: the store cannot be read: %s" % (what, error.message))) from None
        told = [one for one in ended if one["signal"] is None]
        if not lost:
            return
        self._series.lost += 1
        for one in told:
            kinds = failures_of(one)
            assert kinds, self._tell("%s has lost %s and says that all is well" % (what, sorted(lost)))
            assert errors.STORE_CONFLICT in kinds or errors.STORE_FAILED in kinds, self._tell("%s has lost %s and says only %s" % (what, sorted(lost), kinds))
        raise AssertionError(self._tell("%s has lost %s" % (what, sorted(lost))))

    def _tell(self, text: str) -> str:
        return "%s\nafter: %s" % (text, "; ".join(self.story))

    # What may happen.

    def rotates(self, world: World) -> None:
        self._run(world, "a rotation", force=self._chance.random() < 0.6)

    def dies(self, world: World) -> None:
        if not self._plans:
            self._plans = moments(self._calls())
        self._run(world, "a killed rotation", plan=self._chance.choice(self._plans), force=True)

    def _calls(self) -> list:
        """Those of a run that nothing disturbs."""
        ended = self._worlds[0].run(force=True)
        return [tuple(call) for call in ended.get("calls", ())]

    def loses_the_answer(self, world: World) -> None:
        fault = world.double.inject("drop", applies="now", times=1, **self._stand.change)
        self._run(world, "a rotation whose answer is lost", force=True)
        fault.times = 0

    def comes_late(self, world: World) -> None:
        """The change happens when nobody waits for it any more: in some later step."""
        fault = world.double.inject("drop", applies="later", times=1, **self._stand.change)
        self._run(world, "a rotation whose change is late", force=True)
        fault.times = 0

    def settles(self, world: World) -> None:
        """The late change comes."""
        self.story.append("%d late changes at %s" % (world.double.pending, world.host))
        before = self.lost(world)
        world.pass_time(LATE)
        world.double.settle()
        new = self.lost(world) - before
        assert not new, self._tell("the password of %s that came into force late is in no record any more" % sorted(new))

    def is_refused(self, world: World) -> None:
        fault = world.double.inject("answer", times=self._chance.choice((1, 2, 4)), **self._stand.change, **self._stand.refusal)
        self._run(world, "a rotation that the policy refuses", force=True)
        fault.times = 0

    def is_mistyped(self, world: World) -> None:
        option = "api_password" if self._stand.operator else "api_key" if "api_key" in world.connection else "client_secret"
        self._run(world, "a rotation with a mistyped operator", force=True, connection=dict(world.connection, **{option: TYPO}))

    def is_verified(self, world: World) -> None:
        lost = self.lost(world)
        ended = self._run(world, "verify", action="verify")
        if lost and self._stand.proves and ended["signal"] is None:
            assert failures_of(ended), self._tell("verify says that all is well, and %s is lost" % sorted(lost))

    def is_checked(self, world: World) -> None:
        self._run(world, "a dry run", check=True, force=True)

    def is_repaired(self, world: World) -> None:
        lost = self.lost(world)
        options = {"reset": True} if self._chance.random() < 0.3 else {}
        ended = self._run(world, "repair", action="repair", options=options)
        if lost and not options and self._stand.proves and ended["signal"] is None:
            assert failures_of(ended), self._tell("repair says that all is well, and %s is lost" % sorted(lost))

    def runs_twice(self, world: World) -> None:
        self.story.append("two rotations at once at %s" % world.host)
        self._series.runs += 2
        before = self.lost(world)
        homes = [{**world.store.environment, "ANSIBLE_HOME": one.home()} for one in self._machines[:2]]
        calls = [lambda one=one, home=home: world.run(force=True, fork_server=one, environment=home) for one, home in zip(self._machines, homes)]
        ended = at_once(*calls, apart=self._chance.choice((0.0, 0.02, 0.08)))
        self._judge(world, "one of two rotations at once", before, ended)

    def is_backed_up(self, world: World) -> None:
        self.story.append("a backup of %s" % world.host)
        self._backups.append((world, self._entries(world)))

    def _entries(self, world: World) -> dict:
        return {name: copy.deepcopy(entry.record) for name, entry in world.entries().items() if entry.record}

    def _put_back(self, world: World, records: dict) -> None:
        """What ansible-vault edit, or a restored backup, does to the records: past all checks."""
        opened = world.store.open(world.host)
        try:
            for _try in range(5):
                found = opened.get(world.names)
                try:
                    opened.put({name: Entry(copy.deepcopy(record), found[name].version) for name, record in records.items()})
                    return
                except StoreConflict:
                    continue
        finally:
            opened.close()

    def is_restored(self, world: World) -> None:
        """Whoever restores an old backup loses what is newer: that is no fault of a run."""
        backups = [records for of, records in self._backups if of is world]
        if backups:
            self.story.append("an old backup restored at %s" % world.host)
            self._put_back(world, self._chance.choice(backups))

    def is_edited_meanwhile(self, world: World) -> None:
        """Opened before the run has staged anything, saved while the change is under way."""
        opened = self._entries(world)
        if opened:
            self._run(world, "a rotation while somebody saves an old version of the store", during=lambda: self._put_back(world, opened), force=True)

    def is_by_hand(self, world: World) -> None:
        self.story.append("a password changed by hand at %s" % world.host)
        world.double.set_user(world.names[0], "%s-%d" % (BY_HAND, len(self.story)))

    def go_on(self, steps: int) -> None:
        """Let things happen."""
        common = (
            self.rotates, self.dies, self.loses_the_answer, self.comes_late, self.settles, self.is_refused, self.is_mistyped, self.is_verified,
            self.is_checked, self.is_repaired, self.runs_twice, self.is_backed_up, self.is_restored, self.is_edited_meanwhile, self.is_by_hand,
        )  # fmt: skip
        for _step in range(steps):
            self._chance.choice(common)(self._chance.choice(self._worlds))

    def finish(self) -> None:
        """All that is still under way comes to its end, and then no password that was not thrown away by people is lost."""
        for world in self._worlds:
            self.settles(world)
            ended = self._run(world, "the last rotation")
            if not failures_of(ended):
                wrong = [name for name, record in world.records().items() if record is None or not world.takes(name, (record.pending or record).password)]
                due = ended["results"]["run"]["due"]
                assert not set(wrong) & set(due), self._tell("the last rotation says that all is well, and %s do not log in" % wrong)


@pytest.fixture
def schedule(machines: list, case: VendorCase, store: type[StoreCase], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Schedule]]:
    """Called with a seed."""
    series = Series(case.vendor, store.label, "schedules")
    request.config.stash[SERIES].append(series)
    with ExitStack() as stack:
        numbers = itertools.count()

        def make(seed: int) -> Schedule:
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            series.trials += 1
            return stack.enter_context(Schedule(machines, case, stack.enter_context(store(folder)), random.Random(seed), series))

        yield make


@pairs()
@pytest.mark.parametrize("number", range(SCHEDULES))
def test_a_schedule_loses_nothing(schedule, case, store, number):
    """A sample has another seed for each vendor and store."""
    seed = 1000 * list(CASES).index(case.vendor) + 100 * list(STORES.values()).index(store) + number
    made = schedule(seed)
    made.story.append("seed %d" % seed)
    made.go_on(STEPS)
    made.finish()
