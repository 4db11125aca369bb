# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in which passwords were lost, or came to the wrong server: with every vendor and every store that it concerns."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_TIME
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

from tests.crash.figures import pairs
from tests.crash.kill_harness import BY_HAND, World, failures_of, texts_in
from tests.store_cases import CASES as STORES
from tests.vendor_cases import CASES, VendorCase

ARRIVAL = 60  # seconds until a request must have come
EVERYTHING = ("rotate", "verify", "repair")
PROVING = {name: case for name, case in CASES.items() if case.proves}
IN_FOLDERS = {name: STORES[name] for name in ("ansible_vault", "passwordstore")}
EMBEDDED = {"ansible_vault": STORES["ansible_vault"]}


def only(name):
    """One vendor, for :func:`pairs`."""
    return {name: CASES[name]}


@pytest.fixture
def worlds(fork_server, store, tmp_path: Path) -> Iterator[Callable[..., list]]:
    """Called with vendors and names of hosts: worlds with one store in common."""
    with ExitStack() as stack:
        entered = stack.enter_context(store(tmp_path))

        def make(*places: tuple[VendorCase, str], **options) -> list:
            return [stack.enter_context(World(fork_server, case, entered, host, **options)) for case, host in places]

        yield make


def in_force(world: World) -> dict:
    """The passwords at the vendor, by user."""
    return dict(world.double.users)


def known(world: World) -> dict:
    """All texts in the records, by user."""
    return {name: set(texts_in(record.as_dict() if record else {})) for name, record in world.records().items()}


def rotate_once(*worlds: World) -> None:
    """A rotation that succeeds, at each."""
    for world in worlds:
        ended = world.run()
        assert not failures_of(ended), ended


def secrets_shown(world: World, since: int = 0) -> set:
    """Every secret that the vendor was shown."""
    return {secret for request in world.double.requests[since:] for secret in request.secrets}


def assert_refused(world: World, foreign: set, actions: tuple = EVERYTHING, **options) -> None:
    """Every action refuses to use the records, and nothing that belongs elsewhere is shown to the server."""
    before, requests = in_force(world), len(world.double.requests)
    for action in actions:
        for check in (True, False):
            ended = world.run(action=action, check=check, force=True, **options)
            kinds = failures_of(ended)
            told = "%s: %s, %s" % (action, kinds, ended.get("results"))
            # Who has no record yet, such as an operator of another name, is not verified.
            assert {errors.TARGET_MISMATCH, errors.STORE_FAILED} & set(kinds), told
            assert set(kinds) <= {errors.TARGET_MISMATCH, errors.STORE_FAILED, errors.NOT_VERIFIED}, told
    assert in_force(world) == before, "a password was changed by records that are another's"
    assert not secrets_shown(world, requests) & foreign, "a password was sent to a server that is another's"


def recorded(world: World) -> set:
    """The passwords in the records."""
    return {record.password for record in world.records().values() if record and record.password}


@pairs()
def test_edge_39_the_records_of_two_hosts_are_swapped(worlds, case):
    """Both have users of the same names."""
    first, second = worlds((case, "host-1"), (case, "host-2"))
    rotate_once(first, second)
    store, passwords = first.store, [recorded(first), recorded(second)]
    store.swap("host-1", "host-2")
    # Whoever cannot read them can still tell what was sent.
    assert_refused(first, passwords[1])
    assert_refused(second, passwords[0])
    store.swap("host-1", "host-2")
    for world in (first, second):
        assert not failures_of(world.run(force=True))
        assert not world.lost()


@pairs()
def test_edge_39_two_inventories_share_a_store_and_name_a_host_alike(worlds, case):
    """Production and staging: the second is told, and nothing of the first is sent to it."""
    production, staging = worlds((case, "host-1"), (case, "host-1"))
    rotate_once(production)
    before = recorded(production)
    assert_refused(staging, before, actions=("rotate", "verify"))
    # A repair adopts an endpoint that has moved; the proof is a password of the record, and none that the inventory tells.
    for check in (True, False):
        staging.run(action="repair", check=check)
    assert recorded(production) == before, "the records have been made those of another server"
    assert not production.lost()
    assert not failures_of(production.run(force=True))
    assert not production.lost()


@pairs(only("milvus"))
@pytest.mark.parametrize("other", [CASES["rackspace_database"], CASES["vcd"]], ids=lambda case: case.vendor)
def test_edge_01_one_host_has_two_vendors(worlds, case, other):
    """Both know a user alice: a record belongs to one of them."""
    first, second = worlds((case, "host-1"), (other, "host-1"), with_operator=False)
    rotate_once(first)
    before = in_force(first)
    assert_refused(second, recorded(first))
    assert in_force(first) == before and not first.lost()
    assert not failures_of(first.run(force=True)) and not first.lost()


@pairs(only("rackspace_database"), EMBEDDED)
def test_edge_39_a_user_of_another_host_of_the_database_is_another_account(worlds, case):
    """app@% and app@10.0.0.1 have the same name, and passwords of their own."""
    (world,) = worlds((case, "host-1"), users=("app",))
    world.double.set_user("app@10.0.0.1", "S3cr3t-MARKER-another")
    rotate_once(world)
    before = in_force(world)
    other = [{"name": "app", "host": "10.0.0.1"}]
    for action in EVERYTHING:
        kinds = failures_of(world.run(action=action, force=True, users=other))
        assert kinds and set(kinds) <= {errors.TARGET_MISMATCH, errors.NOT_VERIFIED}, "%s: %s" % (action, kinds)
    assert in_force(world) == before
    assert not failures_of(world.run(force=True))
    assert not world.lost()


def held_up(world: World, during: Callable[[], None], **options) -> dict:
    """A forced rotation during whose change something happens."""
    gate = world.double.inject("gate", hold="before", **world.case.change)
    ended: list = []
    run = threading.Thread(target=lambda: ended.append(world.run(force=True, **options)), daemon=True)
    run.start()
    assert gate.arrived.wait(ARRIVAL)
    try:
        during()
    finally:
        gate.release()
        run.join(ARRIVAL)
    return ended[0]


def put_back(world: World, records: dict) -> None:
    """What ansible-vault edit does when it saves what it has opened before."""
    opened = world.store.open(world.host)
    try:
        found = opened.get(records)
        opened.put({name: Entry(copy.deepcopy(record), found[name].version) for name, record in records.items()})
    finally:
        opened.close()


@pairs()
def test_edge_34_an_old_version_of_the_store_is_saved_during_the_change(worlds, case):
    """The run knows the password that it has just proved, and lets it not go."""
    (world,) = worlds((case, "host-1"))
    rotate_once(world)
    old = {name: copy.deepcopy(record) for name, record in world.records().items()}
    ended = held_up(world, lambda: put_back(world, old))
    unknown = [name for name, texts in known(world).items() if in_force(world)[name] not in texts]
    assert not unknown, "lost: %s; the run told %s" % (unknown, failures_of(ended))
    again = world.run()
    assert not failures_of(again), again
    assert not world.lost()
    for name, record in world.records().items():
        assert record.pending is None and world.takes(name, record.password)


@pairs(stores=EMBEDDED)
def test_edge_34_the_file_is_away_or_from_before_the_first_run(worlds, case):
    """rekey and edit replace the file; a restored backup may hold nobody at all."""
    (world,) = worlds((case, "host-1"))
    path = world.store._path(world.host)  # pylint: disable=protected-access
    seen: list = []

    def take_away():
        seen.append(path.read_bytes())
        path.unlink()

    ended = held_up(world, take_away)
    unknown = [name for name, texts in known(world).items() if in_force(world)[name] not in texts | {world.first[name]}]
    assert not unknown, "lost: %s; the run told %s" % (unknown, failures_of(ended))
    assert not failures_of(world.run()) and not world.lost()


@pairs()
@pytest.mark.parametrize("between", ["repair", "refusal", "repair and reset", "two runs"])
def test_edge_40_a_change_arrives_after_its_answer_was_given_up(worlds, case, between):
    """What was sent may come into force at any time, so it is never forgotten."""
    (world,) = worlds((case, "host-1"), with_operator=False)
    rotate_once(world)
    late = world.double.inject("drop", applies="later", times=None, **case.change)
    assert failures_of(world.run(force=True))
    world.double.clear_faults()
    assert late.fired and world.double.pending
    if between == "refusal":
        world.double.inject("answer", times=None, **case.change, **case.refusal)
        world.run()
        world.double.clear_faults()
    elif between == "two runs":
        world.run(force=True)
        world.run(force=True)
    else:
        world.run(action="repair", options={"reset": "reset" in between})
    world.double.settle()
    unknown = [name for name, texts in known(world).items() if in_force(world)[name] not in texts]
    assert not unknown, "lost: %s" % unknown
    if not case.proves:
        return
    # Whoever looks for it finds it.
    for _time in range(4):
        ended = world.run(action="repair", options=logins_forgotten(world))
        if not failures_of(ended):
            break
    assert not failures_of(ended), ended
    for name, record in world.records().items():
        assert world.takes(name, record.password), name


def logins_forgotten(world: World) -> dict:
    """Let failed logins count no longer, by the passing of time, or by an administrator who unlocks the accounts; the options of a repair after that."""
    if world.case.capabilities.forgets == FORGETS_BY_TIME:
        world.pass_time(world.case.capabilities.lockout_window + 1)
        return {}
    for person in world.double.people.values():
        world.double.unlock(person)
    return {"forget_failed_logins": True}


@pairs(PROVING, EMBEDDED)
def test_edge_12_the_inventory_is_mended_after_three_nights(worlds, case):
    """Repair tries what the inventory says as well."""
    (world,) = worlds((case, "host-1"), with_operator=False)
    wrong = [{"name": name, "current_password": "Wrong-S3cr3t-MARKER"} for name in world.names]
    world.double.inject("answer", times=None, **case.change, **case.refusal)
    for _night in range(3):
        world.pass_time(86400)
        assert failures_of(world.run(users=wrong))
    world.double.clear_faults()
    world.pass_time(86400)
    ended = world.run(action="repair")
    assert not failures_of(ended), ended
    assert not failures_of(world.run()) and not world.lost()


@pairs()
def test_edge_46_verify_of_users_without_a_proved_password(worlds, case):
    (world,) = worlds((case, "host-1"))
    assert failures_of(world.run(action="verify")), "verify says that all is well, and knows no password"


@pairs(stores=IN_FOLDERS)
def test_edge_33_the_folder_of_the_store_is_not_there(worlds, case):
    """A volume that was not mounted: nothing is begun afresh, nothing is sent, and nobody says that all is well."""
    (world,) = worlds((case, "host-1"))
    rotate_once(world)
    before, requests = in_force(world), len(world.double.requests)
    folder = Path(world.store.options["store_path"] or world.store.options["store_options"]["directory"])
    away = folder.rename(folder.with_name("not mounted"))
    for leave_empty in (False, True):
        if leave_empty:
            folder.mkdir()
        for action in EVERYTHING:
            for check in (True, False):
                kinds = failures_of(world.run(action=action, check=check, force=True, store=without_create(world)))
                assert kinds and set(kinds) <= {errors.STORE_FAILED, errors.INVALID_INPUT}, "%s: %s" % (action, kinds)
    assert in_force(world) == before and len(world.double.requests) == requests
    assert not list(folder.iterdir()), "something was begun in an empty folder"
    folder.rmdir()
    away.rename(folder)
    assert not failures_of(world.run(force=True, store=without_create(world))) and not world.lost()


def without_create(world: World) -> dict:
    """The options of the store as somebody has them who does not begin one."""
    options = dict(world._order["store"])  # pylint: disable=protected-access
    options.pop("store_create", None)
    return options


@pairs(PROVING, EMBEDDED)
def test_edge_60_a_password_by_hand_is_found(worlds, case):
    (world,) = worlds((case, "host-1"))
    rotate_once(world)
    world.double.set_user("alice", BY_HAND)
    assert failures_of(world.run(action="verify"))
    # At a vendor that locks, the login that has failed is all that is allowed at a time.
    world.pass_time(case.capabilities.lockout_window + 1)
    ended = world.run(action="repair", users=[{"name": "alice", "password": BY_HAND}])
    assert not failures_of(ended), ended
    assert not failures_of(world.run()) and not world.lost()
