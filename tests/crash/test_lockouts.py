# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No run, and no number of runs, locks an account: neither a user's nor the operator's, whoever has mistyped or changed a password.

Every test goes through all that a scheduler, or a person in a hurry, would run: rotate, verify, repair and status, in check mode and in earnest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors

from tests.crash.figures import SERIES, pairs
from tests.crash.kill_harness import BY_HAND, ForkServer, Series, World, failures_of
from tests.integration.rotation import old_password
from tests.store_cases import CASES as STORES
from tests.store_cases import StoreCase
from tests.vendor_cases import CASES, VendorCase

TYPO = "Typo-S3cr3t-MARKER-1"
MANY = tuple("user-%02d" % number for number in range(12))
NIGHT = 86400  # seconds
NIGHTS = 7
APART = 0.08  # seconds between the starts of two runs that are at once
SLOW = 0.05  # seconds that a double takes for a request, so that runs at once do meet
LONGEST = 110  # seconds for runs at once
LOCKING = [case for case in CASES.values() if case.locks_after]
WITH_OPERATOR = [case for case in LOCKING if case.operator]
ACTIONS = ("rotate", "verify", "repair", "status")

each_locking = pytest.mark.parametrize("case", LOCKING, ids=lambda case: case.vendor)
each_with_operator = pytest.mark.parametrize("case", WITH_OPERATOR, ids=lambda case: case.vendor)


def messages_of(ended: dict) -> list:
    """What the users' errors say."""
    return [user["error"]["message"] for result in ended["results"].values() for user in result.get("users") or [] if user.get("error")]


class Scene:
    """A vendor whose accounts can be locked, hosts that share it, and a store; use it as a context manager.

    :param hosts: names of hosts to the users of each.
    :param operating: the host that rotates the operator along.
    """

    def __init__(
        self, fork_server: ForkServer, case: VendorCase, store: StoreCase, hosts: dict, what: str, operating: str | None = None, latency: float = 0.0
    ) -> None:
        users = {name: old_password(name) for names in hosts.values() for name in names}
        self.case, self.double = case, case.double(users, latency=latency, **case.locks)
        self.worlds = {
            host: World(fork_server, case, store, host, users=names, double=self.double, with_operator=host == operating) for host, names in hosts.items()
        }
        self.series = Series(case.vendor, store.label, what)

    def __enter__(self) -> Scene:
        self.double.__enter__()
        for world in self.worlds.values():
            world.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self.double.__exit__(*error)

    def run(self, **options) -> list:
        """An action at each host, one after the other, and what became of them."""
        ended = []
        for world in self.worlds.values():
            ended.append(world.run(**options))
            self.look(str(options.get("action")))
        return ended

    def run_everything(self, times: int = 1, actions: tuple = ACTIONS, **options) -> list:
        """All actions at each host, in check mode and in earnest."""
        ended = []
        for _time in range(times):
            for action in actions:
                ended += self.run(action=action, check=True, **options) + self.run(action=action, **options)
        return ended

    def look(self, when: str) -> None:
        """No account is locked."""
        self.series.runs += 1
        self.series.failed = max(self.series.failed, *self.double.failed_logins.values(), 0)
        locked = dict(getattr(self.double, "lockouts", None) or {})
        assert not locked, "%s locked %s; failed logins: %s" % (when, locked, dict(self.double.failed_logins))

    def pass_time(self, seconds: float) -> None:
        """For the runs, and once for the vendor."""
        self.double.advance(seconds)
        for world in self.worlds.values():
            world.clock += seconds

    def operator(self, password: str) -> dict:
        """What is to change in an order, so that the operator logs in with another password."""
        option = self.operator_option
        return {"connection": dict(next(iter(self.worlds.values())).connection, **{option: password})}

    @property
    def operator_option(self) -> str:
        """The option with the operator's password."""
        return "api_password" if self.case.operator else "client_secret"


@pytest.fixture
def scene(fork_server: ForkServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Scene]]:
    """Called with a vendor, hosts with their users, and what the trial is; a store of files unless another is given."""
    with ExitStack() as stack:

        def make(case: VendorCase, hosts: dict, what: str, store: type[StoreCase] = STORES["ansible_vault"], **options) -> Scene:
            made = stack.enter_context(Scene(fork_server, case, stack.enter_context(store(tmp_path)), hosts, what, **options))
            request.config.stash[SERIES].append(made.series)
            made.series.trials = 1
            return made

        yield make


def at_once(*calls: Callable[[], dict], apart: float = 0.0) -> list:
    """Make calls side by side.

    :param apart: seconds between the starts of two of them.
    :return: what each has returned, in their order.
    """
    ended: dict = {}

    def keep(number: int, call: Callable[[], dict]) -> None:
        ended[number] = call()

    threads = [threading.Thread(target=keep, args=each, daemon=True) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
        time.sleep(apart)
    end = time.monotonic() + LONGEST
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    assert len(ended) == len(calls), "a run did not come to its end"
    return [ended[number] for number in range(len(calls))]


def rotated(scene: Scene) -> None:
    """Let a first rotation succeed everywhere."""
    for ended in scene.run():
        assert not failures_of(ended), ended


FOUR = {"host-%d" % number: ("alice-%d" % number, "bob-%d" % number) for number in range(1, 5)}


@pytest.mark.parametrize("first", [False, True], ids=["later", "first"])
@each_locking
def test_edge_32_an_operators_wrong_password_is_shared_by_four_hosts(scene, case, first):
    """The first host finds out, the others need not; and when it is put right, all goes on."""
    made = scene(case, FOUR, "operator's typo")
    if not first:
        rotated(made)
    wrong = made.operator(TYPO)
    before = made.double.failed_logins.copy()
    ended = made.run(force=True, **wrong)
    assert all(failures_of(one) for one in ended), "the wrong password did not matter"
    made.run_everything(force=True, **wrong)
    new = made.double.failed_logins - before
    assert max(new.values(), default=0) <= case.capabilities.failed_logins_per_call, "failed logins: %s" % dict(new)
    made.pass_time(made.case.capabilities.lockout_window + 1)
    for ended_well in made.run(force=True):
        assert not failures_of(ended_well), messages_of(ended_well)
    made.look("the rotation with the right password")


@each_with_operator
def test_edge_32_a_new_operators_password_is_taken_at_once(scene, case):
    """Refused was the mistyped one. The right one need not wait until the vendor has forgotten that."""
    made = scene(case, FOUR, "typo mended")
    made.run(force=True, **made.operator(TYPO))
    for ended in made.run(force=True):
        assert not failures_of(ended), messages_of(ended)
    made.look("the rotation with the right password")


@each_with_operator
def test_edge_32_an_operators_record_is_from_an_old_backup(scene, case):
    """The store says a password that was in force some time ago; neither it nor anything else logs in."""
    made = scene(case, FOUR, "operator from a backup", operating="host-4")
    world = made.worlds["host-4"]
    rotated(made)
    opened = world.store.open(world.host)
    old = opened.get([case.operator])[case.operator]
    assert not failures_of(world.run(force=True))
    old.version = opened.get([case.operator])[case.operator].version
    opened.put({case.operator: old})
    opened.close()
    made.run_everything(times=2, force=True)
    made.look("all of it")


@each_with_operator
def test_edge_32_an_operator_changed_by_hand(scene, case):
    """Night after night, and everybody tries what the store says."""
    made = scene(case, FOUR, "operator by hand", operating="host-4")
    rotated(made)
    made.double.set_user(case.operator, BY_HAND)
    for _night in range(NIGHTS):
        made.pass_time(NIGHT)
        made.run(force=True)
        made.run(action="verify")
    made.look("all of it")


ONE = {"host-1": ("alice", "bob")}


@each_locking
@pytest.mark.parametrize("actions", [("rotate",), ("verify",), ("repair",), ("rotate", "verify", "repair")], ids="-".join)
def test_edge_36_a_password_is_changed_by_hand_and_the_nights_go_by(scene, case, actions):
    """A vendor that counts in a row, whatever the time in between, forgets nothing overnight."""
    made = scene(case, ONE, "%s nightly" % "/".join(actions))
    rotated(made)
    made.double.set_user("alice", BY_HAND)
    for _night in range(NIGHTS):
        made.pass_time(NIGHT)
        for action in actions:
            made.run(action=action, force=True)
    made.look("all of it")


@each_locking
@pytest.mark.parametrize("trouble", ["by hand", "typo", "429", "answer lost"])
def test_edge_30_check_mode_of_everything_three_times(scene, case, trouble):
    """What is pending may be in force or not; check mode finds it out by no login that may fail."""
    made = scene(case, ONE, "--check")
    world = made.worlds["host-1"]
    rotated(made)
    if trouble == "by hand":
        made.double.set_user("alice", BY_HAND)
    elif trouble == "typo":
        world.run(force=True, **made.operator(TYPO))
    elif trouble == "429":
        made.double.inject("answer", status=429, times=None, **case.change)
        world.run(force=True)
        made.double.clear_faults()
    else:
        made.double.inject("drop", times=None, applies="never", **case.change)
        world.run(force=True)
        made.double.clear_faults()
    made.look(trouble)
    before = made.double.failed_logins.copy()
    for _time in range(3):
        for action in ACTIONS:
            made.run(action=action, check=True, force=True)
    assert not made.double.failed_logins - before, "check mode made failed logins"
    made.run_everything(force=True)


@each_locking
def test_edge_31_three_verifies_at_once(scene, case, machines):
    """Somebody has changed a password by hand, and three people want to know."""
    made = scene(case, ONE, "3 verifies at once", latency=SLOW)
    rotated(made)
    made.double.set_user("alice", BY_HAND)
    world = made.worlds["host-1"]
    ended = at_once(*(lambda one=one: world.run(action="verify", fork_server=one) for one in machines))
    made.look("verify")
    assert all(failures_of(one) for one in ended), ended
    assert made.double.failed_logins["alice"] <= case.capabilities.failed_logins_per_call


@each_locking
def test_edge_31_verify_repair_and_rotate_at_once(scene, case, machines):
    made = scene(case, ONE, "3 actions at once", latency=SLOW)
    rotated(made)
    made.double.set_user("alice", BY_HAND)
    world = made.worlds["host-1"]
    for _time in range(2):
        at_once(*(lambda one=one: world.run(action=one[0], fork_server=one[1], force=True) for one in zip(("verify", "repair", "rotate"), machines)))
        made.look("all at once")
    assert made.double.failed_logins["alice"] <= case.capabilities.failed_logins_per_call


@each_with_operator
def test_edge_32_hosts_at_once_share_an_operators_wrong_password(scene, case, machines):
    """As the workers of a batch do; each counts before it logs in."""
    made = scene(case, FOUR, "typo at once", latency=SLOW)
    rotated(made)
    wrong = made.operator(TYPO)
    hosts = list(made.worlds.values())[: len(machines)]
    at_once(*(lambda one=one: one[0].run(fork_server=one[1], force=True, **wrong) for one in zip(hosts, machines)))
    made.look("all at once")


@contextmanager
def _settled(scene: Scene, host: str) -> Iterator[None]:
    """At the end everybody has a proved password, and the store knows it."""
    yield
    world = scene.worlds[host]
    for name, record in world.records().items():
        assert record is not None and record.pending is None and record.status == "current" and record.lost_runs == 0, "%s: %s" % (name, record)
        assert world.takes(name, record.password), "the password of %s is lost" % name


@pairs({name: CASES[name] for name in ("vcd", "milvus")})
@pytest.mark.parametrize("apart", [0.0, APART])
def test_edge_24_two_controllers_at_one_host(scene, case, store, machines, apart):
    """Two homes, two machines, twelve users, every store: the one does the work, and the other says so."""
    made = scene(case, {"host-1": MANY}, "2 controllers", store=store, operating="host-1", latency=SLOW / 10)
    world = made.worlds["host-1"]
    homes = [dict(world.store.environment, ANSIBLE_HOME=one.home()) for one in machines]
    for force in (False, True):
        writes, failed = made.double.writes, made.double.failed_logins.copy()
        with _settled(made, "host-1"):
            ended = at_once(
                *(lambda one=one: world.run(fork_server=one[0], environment=one[1], force=force) for one in list(zip(machines, homes))[:2]), apart=apart
            )
        made.look("two controllers")
        assert [failures_of(one) for one in ended] == [[], []], ended
        # With force the second may do all of it once more, but only after the first.
        assert made.double.writes - writes in ((13,) if not force else (13, 26))
        # An operator that rotates itself is one login too many for whoever comes second at most.
        new = made.double.failed_logins - failed
        assert set(new) <= {case.operator} and max(new.values(), default=0) <= 1, dict(new)


@pytest.mark.parametrize("store", [STORES["ansible_vault"], STORES["passwordstore"]], ids=lambda store: store.name)
def test_edge_35_two_controllers_on_a_folder_whose_flock_is_local(scene, store, machines):
    """As on NFS with local locks: each gets its lock at once. Turn for turn nothing is lost."""
    case = CASES["vcd"]
    made = scene(case, {"host-1": MANY[:4]}, "local flock", store=store, latency=SLOW / 10)
    world = made.worlds["host-1"]
    homes = [dict(world.store.environment, ANSIBLE_HOME=one.home()) for one in machines]
    for _turn in range(4):
        with _settled(made, "host-1"):
            ended = at_once(
                *(lambda one=one: world.run(fork_server=one[0], environment=one[1], force=True, sabotage="locks_are_local") for one in zip(machines, homes))
            )
        made.look("a turn")
        assert not [kind for one in ended for kind in failures_of(one) if kind != errors.STORE_CONFLICT], ended
