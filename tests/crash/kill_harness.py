# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations that are ended on purpose, what they have left behind, and the runs that finish them."""

from __future__ import annotations

import collections
import itertools
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.rekey.passwords.plugins.module_utils import _vendor_registry, errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_LOGIN
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import store_class
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT

from tests.crash.fork_server import BOOT
from tests.crash.hooks import AFTER, BEFORE, FREES, HALFWAY, HANDS_ON, WITHOUT_EFFECT, is_on_disk
from tests.integration.rotation import old_password
from tests.store_cases import VAULT_PASSWORD, StoreCase

ROOT = pathlib.Path(__file__).resolve().parents[2]
USERS = ("alice", "bob")
BY_HAND = "By-Hand-S3cr3t-MARKER-1"  # a password that somebody sets
QUIET = 10  # seconds until a double must have done what it was asked for


class ForkServer:
    """The process that runs rotations; use it as a context manager.

    :param folder: an empty folder for what Ansible and the runs write besides.
    :param boot_id: if given, the runs take themselves for runs of another machine.
    """

    def __init__(self, folder, boot_id=None):
        self.folder = folder
        (folder / "homes").mkdir(parents=True)
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, (ROOT, ROOT.parents[2]))), PYTHONDONTWRITEBYTECODE="1",
                           ANSIBLE_HOME=str(folder / "home"), ANSIBLE_LOCAL_TEMP=str(folder / "tmp"), **({BOOT: boot_id} if boot_id else {}))  # fmt: skip
        self._homes = itertools.count(1)
        command = [sys.executable, "-m", "tests.crash.fork_server"]
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(70)

    def home(self):
        """A folder for Ansible that does not exist yet."""
        return str(self.folder / "homes" / str(next(self._homes)))

    def run(self, order):
        """Run one rotation to its end; see :mod:`tests.crash.fork_server`."""
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the fork server has ended")
        return json.loads(answer)


class World:
    """A vendor with users, a store, and an inventory that tells the users' first passwords; use it as a context manager.

    :param fork_server: a :class:`ForkServer`.
    :param stand: a :class:`tests.vendor_cases.VendorCase`.
    :param store: a :class:`tests.store_cases.StoreCase` that has been entered.
    :param host: the name of the host; hosts are apart in a store.
    :param step_by_step: whether each step of a rotation is a task of its own.
    :param users: those beside the operator.
    :param double: that of another world, which starts and stops it; its users are there already.
    :param with_operator: whether the operator is rotated along, where it is one of the vendor's users.
    :param connection: options of the connection besides.
    """

    def __init__(self, fork_server, case, store, host="host-1", step_by_step=False, users=USERS, double=None, with_operator=True, **connection):
        self.fork_server, self.case, self.store, self.host = fork_server, case, store, host
        self.users = tuple(users)
        self.names = (*self.users, case.operator) if case.operator and with_operator else self.users
        self.double = double or case.double({name: old_password(name) for name in self.users}, **case.locks)
        self._is_guest = double is not None
        self._connection, self._step_by_step = connection, step_by_step
        self.clock = 0  # by how many seconds the rotation's clock is wrong
        self.sabotage = None

    def __enter__(self):
        if not self._is_guest:
            self.double.start()
        connection = dict({"timeout": 5, "retries": 0, "concurrency": 1}, **self.case.connection(self.double), **self._connection)
        self.first = {name: old_password(name) for name in self.users}
        if len(self.names) > len(self.users):
            self.first[self.case.operator] = connection[_vendor_registry.load(self.case.vendor).operator_options[1]]
        users = [{"name": name, "current_password": self.first[name]} for name in self.users]
        users += [{"name": name} for name in self.names[len(self.users) :]]
        self._order = {
            "host": self.host, "vendor": self.case.vendor, "connection": connection, "users": users, "vault_password": VAULT_PASSWORD,
            "store": dict(self._store_options(), store=self.store.name), "step_by_step": self._step_by_step, "accept_unverified": not self.case.proves,
            # The lock of a host lies in Ansible's home, whose folders are written, too.
            "environment": dict(self.store.environment, ANSIBLE_HOME=self.fork_server.home()),
        }  # fmt: skip
        return self

    def _store_options(self):
        """Those of the store; one request at a time, where it can make several, so that the calls come in the same order each time."""
        options = self.store.options
        if "concurrency" in store_class(self.store.name).argument_spec:
            options = dict(options, store_options=dict(options["store_options"], concurrency=1))
        return options

    def __exit__(self, kind, error, trace):
        if self._is_guest:
            return
        self.double.stop()
        if self.double.errors and error is None:
            raise RuntimeError("the double failed itself") from self.double.errors[0]

    @property
    def connection(self):
        """The options of the connection, for those who change them for a run."""
        return dict(self._order["connection"])

    def run(self, plan=None, force=False, action="rotate", check=False, fork_server=None, sabotage=None, options=None, **changes):
        """One rotation, or another action.

        :param plan: see :class:`tests.crash.hooks.Points`.
        :param changes: what is otherwise in the order, see :func:`tests.crash.fork_server.perform`.
        :return: what the fork server says of it; all that it has sent has had its effect.
        """
        order = dict(self._order, plan=plan, force=force, clock=self.clock, sabotage=sabotage or self.sabotage, action=action, check=check)
        ended = (fork_server or self.fork_server).run(dict(order, options=options or {}, **changes))
        self._await_quiet()
        return ended

    def pass_time(self, seconds):
        """For the rotation, and for the vendor, which forgets failed logins if it has a time for that."""
        self.clock += seconds
        getattr(self.double, "advance", lambda _seconds: None)(seconds)

    def _await_quiet(self):
        """Let the vendor work off what a dead run has sent."""
        end = time.monotonic() + QUIET
        ticks, loop = [], self.double._loop  # pylint: disable=protected-access
        if loop is None:
            return
        # A request goes through the loop a few times, from the socket to its handler.
        while len(ticks) < 8 or self.double.in_flight:
            assert time.monotonic() < end, "the double is still busy"
            seen = len(ticks)
            loop.call_soon_threadsafe(ticks.append, None)
            while len(ticks) == seen and time.monotonic() < end:
                time.sleep(0.0005)

    def entries(self):
        """What the store holds of all users.

        :raises PasswordError: ``store_failed``.
        """
        store = self.store.open(self.host)
        try:
            return store.get(self.names)
        finally:
            store.close()

    def records(self):
        """The users' records; ``None`` for one that has none."""
        return {name: entry.record for name, entry in self.entries().items()}

    def takes(self, name, password):
        """Whether the vendor takes a password of a user."""
        return password is not None and self.double.can_log_in(name, password)

    def lost(self):
        """The users whose password in force is none that the next run would try."""
        found = []
        for name, record in self.records().items():
            known = (record.known_password if record else None) or self.first[name]
            pending = record.pending.password if record and record.pending else None
            if not (self.takes(name, known) or self.takes(name, pending)):
                found.append(name)
        return found


@dataclass
class Series:
    """Trials of one vendor and store, and what they have found."""

    vendor: str
    store: str
    what: str
    points: int = 0  # before, halfway and after every write and network call of a run that nothing disturbs
    moments: int = 0  # those of them that leave different things behind
    trials: int = 0
    runs: int = 0
    spared: int = 0  # runs that did not come to the point; not counting those where an answer took fewer calls to be read
    lost: int = 0
    locked: int = 0
    failed: int = 0  # the most failed logins of any account in one trial, the operator included
    torn: int = 0
    troubles: list = field(default_factory=list)  # texts

    def row(self):
        """The figures, for a table."""
        ended = (self.spared, self.lost, self.locked, self.failed, self.torn, len(self.troubles))
        return (self.vendor, self.store, self.what, self.points, self.moments, self.trials, self.runs, *ended)


def stores_per_trial(stand_class):
    """Whether a stand starts nothing, so that each trial can have a new one, with folders that do not exist yet."""
    return stand_class.__enter__ is StoreCase.__enter__


class Trials:
    """Trials of one vendor and store; use it as a context manager.

    :param fork_server: a :class:`ForkServer`.
    :param stand: a :class:`tests.vendor_cases.VendorCase`.
    :param store: a subclass of :class:`tests.store_cases.StoreCase`.
    :param folder: an empty folder.
    :param what: the kind of trials, for the table.
    :param options: those of a :class:`World`.
    """

    def __init__(self, fork_server, case, store, folder, what, sabotage=None, **options):
        self.series = Series(case.vendor, store.label, what)
        self.fork_server, self.case, self._store_class, self._folder = fork_server, case, store, folder
        self._sabotage, self._options = sabotage, options
        self._shared = None
        self._number = 0

    def __enter__(self):
        if not stores_per_trial(self._store_class):
            (self._folder / "store").mkdir(parents=True)
            self._shared = self._store_class(self._folder / "store").__enter__()
        return self

    def __exit__(self, kind, error, trace):
        if self._shared is not None:
            self._shared.__exit__(kind, error, trace)

    def world(self):
        """A world in which nothing has happened yet."""
        self._number += 1
        store = self._shared
        if store is None:
            folder = self._folder / str(self._number)
            folder.mkdir(parents=True)
            store = self._store_class(folder)
        world = World(self.fork_server, self.case, store, "host-%d" % self._number, **self._options)
        world.sabotage = self._sabotage
        return world

    def calls(self, prepare=None):
        """The writes and network calls of a run that nothing disturbs: list of (name, path, path that it moves to)."""
        if self._shared is not None and not self._number:
            # The first host of all makes folders that the others find.
            with self.world() as world:
                world.run()
        with self.world() as world:
            if prepare:
                prepare(world)
            ended = world.run(force=prepare is not None)
            assert not ended["missed"], "calls that no wrapper counts: %s" % ended["missed"]
            failures = _failures(ended)
            assert not failures, failures
            return [tuple(call) for call in ended["calls"]]

    def trial(self, *plans, prepare=None, between=None):
        """Some runs that are ended by their plans, one that finishes the work, and one that has nothing to do.

        :param prepare: called with the world before; then the runs are forced to rotate.
        :param between: called with the world after the deaths.
        """
        self.series.trials += 1
        with self.world() as world:
            trial = Trial(world, self.series, plans)
            if prepare:
                prepare(world)
                trial.begin()
            if all(trial.disturbed(plan, force=prepare is not None) for plan in plans):
                if between:
                    between(world)
                trial.finish()


def _told(plan):
    return "%s %s %s %d" % (plan.get("error") or "killed", plan.get("side") or "at", plan.get("name") or "disk", plan["number"])


def _failures(ended):
    """The messages of the steps that failed, by their names."""
    return {name: result.get("msg") for name, result in ended.get("results", {"rotation": {"failed": True, "msg": ended}}).items() if result.get("failed")}


class Trial:
    """One world, its disturbances, and what is held against them.

    :param world: a :class:`World`.
    :param series: a :class:`Series`, which learns of any trouble.
    :param plans: of the runs that are going to be disturbed.
    """

    def __init__(self, world, series, plans):
        self._world, self._series, self._told = world, series, [_told(plan) for plan in plans]
        self._promised = {}  # the new passwords that have been stored
        self._begun = {}  # the passwords of the time before, where a rotation has succeeded already
        self._disturbances = 0

    def begin(self):
        """The world has been prepared: what is current now is old."""
        self._begun = {name: record.password for name, record in self._world.records().items()}

    def _trouble(self, text):
        self._series.troubles.append("%s, %s, %s: %s" % (self._series.vendor, self._series.store, " and ".join(self._told), text))

    def _look(self, when):
        """Whether the store can be read, and nothing is lost; notes the passwords that are on their way."""
        try:
            lost = self._world.lost()
        except PasswordError as error:
            self._series.torn += 1
            self._trouble("%s the store cannot be read: %s" % (when, error.message))
            return False
        if lost:
            self._series.lost += 1
            self._trouble("%s the password in force of %s is in no record" % (when, ", ".join(lost)))
            return False
        for name, record in self._world.records().items():
            new = record and (record.pending.password if record.pending else record.password)
            if new is None or new == self._begun.get(name):
                continue
            if self._promised.setdefault(name, new) != new:
                self._trouble("%s %s has a second new password" % (when, name))
        return True

    def disturbed(self, plan, force=False):
        """A run that comes to an end by a plan, and what it has left.

        :return: whether it makes sense to go on.
        """
        self._series.runs += 1
        self._disturbances += 1
        ended = self._world.run(plan, force)
        if "error" in plan:
            if ended["signal"] is not None or "results" not in ended:
                self._trouble("the run did not survive the error: %s" % ended)
            kinds = [(result.get("error") or {}).get("kind") for result in ended.get("results", {}).values() if result.get("failed")]
            if not set(kinds) <= {errors.STORE_FAILED, None}:
                self._trouble("the run failed with %s" % kinds)
            if errors.STORE_FAILED not in kinds:
                # What can be done without may be given up, such as the lock of a host; but then the work is done.
                self._look_settled("the run did not tell that the store failed, but")
        elif ended["signal"] not in (signal.SIGKILL, None):
            self._trouble("the run ended with signal %s" % ended["signal"])
        elif ended["signal"] is None and not plan["name"].startswith("recv"):
            self._series.spared += 1
        return self._look("then")

    def finish(self):
        """The next run, and the one after it."""
        world = self._world
        self._series.runs += 1
        ended = world.run()
        for _again in range(2):
            if not self._is_held_back(ended):
                break
            self._series.runs += 1
            ended = world.run()
        failures = _failures(ended)
        if failures:
            self._trouble("the next run failed: %s" % failures)
        if not self._look("after the next run"):
            return
        self._look_settled("after the next run")
        self._count_logins()
        self._third()

    def _repair_held_back(self, ended):
        """The repair to which the message leads; it may give up a pending password in favour of the one that logs in."""
        results = next(iter(ended["results"].values()))
        spent = [user["name"] for user in results["users"] if (user["error"] or {}).get("kind") == errors.LOGIN_BUDGET_SPENT]
        names = [self._world.case.operator] if results.get("error") else spent
        self._world.run(action="repair", users=[{"name": name} for name in names], options={"forget_failed_logins": True})
        for name in names:
            self._promised.pop(name, None)

    def _look_settled(self, when):
        for name, record in self._world.records().items():
            settled = record is not None and record.status == CURRENT and record.pending is None
            if not settled or not self._world.takes(name, record.password):
                self._trouble("%s the current password of %s does not log in, or is none" % (when, name))
            elif record.password == self._world.first[name]:
                self._trouble("%s %s has its first password" % (when, name))

    def _is_held_back(self, ended):
        """After several deaths the next run may find that logins have failed too often to try or to prove anything, or it may have tried the wrong one of
        two passwords of the operator. Then what the messages say has to help: time, or a repair where only a good login makes the vendor forget.
        """
        rules = self._world.case.capabilities
        if rules.failed_logins_per_call is None or self._disturbances < 2:
            return False
        kinds = set(failures_of(ended))
        if not kinds & {errors.LOGIN_BUDGET_SPENT, errors.NOT_VERIFIED, errors.AUTHENTICATION_FAILED}:
            return False
        self._count_logins()
        if rules.forgets == FORGETS_BY_LOGIN:
            if errors.LOGIN_BUDGET_SPENT in kinds:
                self._repair_held_back(ended)
        else:
            self._world.pass_time(rules.lockout_window + 1)
        self._world.double.failed_logins.clear()
        return True

    def _count_logins(self):
        double, budget = self._world.double, self._world.case.capabilities.failed_logins_per_call
        # A run that finds out what an earlier one has done needs one, and all together stay below what locks.
        most = self._disturbances if budget is None else min(self._disturbances, budget)
        self._series.failed = max(self._series.failed, *double.failed_logins.values(), 0)
        if getattr(double, "lockouts", None):
            self._series.locked += 1
            self._trouble("locked: %s" % dict(double.lockouts))
        for name, number in double.failed_logins.items():
            if number > most:
                self._trouble("%d logins of %s failed, %d are allowed" % (number, name, most))

    def _third(self):
        world = self._world
        before = (world.double.writes, len(world.double.requests), _versions(world))
        self._series.runs += 1
        ended = world.run()
        after = (world.double.writes, len(world.double.requests), _versions(world))
        told = {name: result.get("changed") for name, result in ended.get("results", {}).items()}
        if before != after or any(told.values()):
            self._trouble("the third run changed something: %s" % told)
        written = ["%s %s" % call for call in (tuple(each[:2]) for each in ended.get("calls", ())) if is_on_disk(*call)]
        if written:
            self._trouble("the third run wrote to the disk: %s" % written)


def _versions(world):
    return {name: entry.version for name, entry in world.entries().items()}


def deaths(calls):
    """The plans to kill a run at every point of its calls."""
    found, numbers = [], collections.Counter()
    for name, *_paths in calls:
        numbers[name] += 1
        found += [{"name": name, "number": numbers[name], "side": side} for side in (BEFORE, HALFWAY, AFTER) if side != HALFWAY or name in HANDS_ON]
    return found


def moments(calls):
    """Those of the deaths that leave different things behind.

    A process that is killed takes everything along that it has not handed on. So the deaths between two calls that have an effect elsewhere are all the
    same, and the first of them stands for all.
    """
    plans = deaths(calls)
    return [plan for plan in plans if plan is plans[0] or plan["side"] == HALFWAY or (plan["side"] == AFTER and plan["name"] not in WITHOUT_EFFECT)]


def disk_errors(calls, error, lasting):
    """The plans to fail every call on the disk.

    :param error: the name of the error.
    :param lasting: whether all later calls fail, too.
    """
    number = sum(is_on_disk(name, path) and name not in FREES for name, path, _to in calls)
    return [{"number": each, "error": error, "lasting": lasting} for each in range(1, number + 1)]


def unflushed(calls):
    """What a power cut would lose of what a run relies upon: a list of texts.

    A file must be on disk before it takes the place of another, and its folder before the vendor, or whoever waits for the end of the run, hears of it.
    """
    found, dirty, moved = [], set(), set()
    for name, path, moved_to in (*calls, ("end", None, None)):
        if name == "write" and is_on_disk(name, path):
            dirty.add(path)
        elif name in ("fsync", "fdatasync"):
            dirty.discard(path)
            moved.discard(path)
        elif name in ("rename", "replace"):
            found += ["%s is put in its place before it is on disk" % path] if path in dirty else []
            moved.add(os.path.dirname(moved_to))
            dirty.discard(path)
        elif name in ("connect", "sendall", "end"):
            found += ["%s before %s is on disk" % (name, each) for each in sorted(dirty | moved)]
            dirty, moved = set(), set()
    return found


def spread(plans, number, seed=0):
    """A sample that covers the whole run evenly, on both sides; all of them if they are no more."""
    if len(plans) <= number:
        return plans
    chance = random.Random(seed)
    step = len(plans) / number
    return [plans[int(step * place + chance.random() * step)] for place in range(number)]


def failures_of(ended: dict) -> list:
    """The kinds of all errors of a run."""
    found = []
    for result in ended.get("results", {"rotation": {"error": {"kind": "the run did not end: %s" % ended}}}).values():
        kinds = [user["error"]["kind"] for user in result.get("users") or [] if user.get("error")]
        kinds += [result["error"]["kind"]] if result.get("error") else []
        found += kinds or (["failed"] if result.get("failed") else [])
    return found


def texts_in(value: object) -> Iterator[str]:
    """Every text in plain data: whatever a record keeps of a password, and under whatever key."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, (int, float)):
        for each in value:
            yield from texts_in(each)
