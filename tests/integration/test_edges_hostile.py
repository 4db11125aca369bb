# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that answer slowly, without measure, or nonsense: a run ends in time, takes little memory, tells no secret and loses no password.

A run has a host for each kind of nonsense, all in one batch, so a test takes as long as its slowest host.
"""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.doubles.hashi_vault import HashiVaultDouble
from tests.integration.hostile import KINDS, Front
from tests.integration.leaks import strings
from tests.integration.rotation import PLAYBOOK, ROTATE, Rotation, old_password
from tests.vendor_cases import CASES, VendorCase

pytestmark = [pytest.mark.slow]

TIMEOUT = 2  # seconds, of a request
LONGEST = 300  # seconds for a run of all hosts at once on a machine that is busy with others; without an end to each answer it would take hours
MEMORY = 1 << 30  # bytes of address space for each process of a run; an answer has twice that
VERBOSITY = 5
FORKS = 12
AT_ONCE = {"rotate_serial": "100%", "rotate_max_fail_percentage": 100}
BELIEVED = ("charset-idna", "surrogate")  # kinds with a status that says for certain that nothing was changed, even if it is a lie
UNTYPED = ("Traceback", "please report it", "unexpected error", "MemoryError")


@pytest.fixture(params=CASES.values(), ids=lambda case: case.vendor)
def case(request: pytest.FixtureRequest) -> VendorCase:
    """Each vendor."""
    return request.param


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Whatever is started meanwhile has no more than :data:`MEMORY` in each process."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


Servers = Callable[..., dict]


@pytest.fixture
def servers(case: VendorCase) -> Iterator[Servers]:
    """Called with the requests that are answered with nonsense: a double behind a front for each kind, by the name of the host."""
    with contextlib.ExitStack() as stack:

        def make(kinds: Iterable[str] = tuple(KINDS), **chosen) -> dict:
            found = {}
            for kind in kinds:
                double = stack.enter_context(case.double({"alice": old_password("alice")}))
                found[kind.replace(" ", "-")] = stack.enter_context(Front(double, kind, **chosen))
            return found

        yield make


def rotation_of(ansible, servers: dict, case: VendorCase, **variables) -> Rotation:
    """One user at each host, and no second try."""
    variables = {"rotate_accept_unverified": not case.proves, **variables}
    return Rotation(ansible, servers, ["alice"], case, {"timeout": TIMEOUT, "retries": 0, "concurrency": 1}, **variables)


def run_in_time(rotation: Rotation, plays: str | None = None, **options):
    """A run with little memory that ends in time, and tells what is wrong in the collection's own terms."""
    started = time.monotonic()
    with little_memory():
        running = rotation.start(plays or PLAYBOOK, forks=FORKS, verbosity=VERBOSITY, extra_vars=AT_ONCE, **options)
    run = running.wait(LONGEST)
    assert time.monotonic() - started < LONGEST
    told = run.output.encode() + strings([one.result for one in run.results])
    assert not [text for text in UNTYPED if text.encode() in told], run.output[-6000:]
    assert set(run.stats) == set(rotation.hosts), "a callback failed, or a host is missing"
    return run


def secrets(rotation: Rotation, servers: dict) -> set:
    """All that was in the store, and all that the servers were shown."""
    found = {secret for host in rotation.hosts for record in rotation.records(host).values() for secret in texts(record)}
    return found | rotation.secrets() | {secret for server in servers.values() for one in server.requests for secret in one.secrets if len(secret) >= 8}


def texts(record: dict) -> set:
    """The passwords of a record."""
    pending = record.get("pending") or {}
    earlier = [item if isinstance(item, str) else (item or {}).get("password") for item in record.get("earlier") or []]
    return {text for text in (record["password"], record["previous"], pending.get("password"), pending.get("replaces"), *earlier) if text}


def assert_known(rotation: Rotation, servers: dict) -> None:
    """Every password in force is in the store, or in the inventory."""
    for host, server in servers.items():
        known = {text for record in rotation.records(host).values() for text in texts(record)} | {old_password("alice")}
        assert server.users["alice"] in known, "the password at %s is lost" % host


def be_well(servers: dict) -> None:
    """The servers come to their senses, and with time forget failed logins."""
    for server in servers.values():
        server.is_hostile = False


def test_edge_14_15_44_nonsense_after_the_change_was_made(ansible, case, servers):
    """Any broken answer to a write is a doubt; a login finds out, or the next run does."""
    made = servers(applies=True, **case.change)
    rotation = rotation_of(ansible, made, case)
    run = run_in_time(rotation)
    assert all(server.fired for server in made.values()), {host: server.fired for host, server in made.items()}
    assert_known(rotation, made)
    for host, server in made.items():
        (user,) = run.result(ROTATE, host)["users"]
        in_force = server.users["alice"] != old_password("alice")
        assert in_force, "the double at %s did not carry the change out" % host
        # It has happened, so whoever says that nothing did, says an untruth.
        assert user["state"] in ("changed", "unknown") or host in BELIEVED, "%s: %s" % (host, user)
    be_well(made)
    again = rotation.run(forks=FORKS, extra_vars=AT_ONCE)
    assert again.rc == 0, again.output[-6000:]
    for host, server in made.items():
        record = rotation.records(host)["alice"]
        assert server.users["alice"] == record["password"] and record["pending"] is None, host
    assert not ansible.leaks(secrets(rotation, made))


@pytest.mark.parametrize("method", ["everything", "lookup"])
def test_edge_14_15_47_nonsense_before_anything_was_changed(ansible, case, servers, method):
    """From the first request on, or where users are looked up: nothing is changed, and the run says so in time."""
    # With every second of them each action is tried.
    made = servers(**(case.lookup if method == "lookup" else {}), kinds=list(KINDS)[method == "lookup" :: 2])
    rotation = rotation_of(ansible, made, case)
    run = run_in_time(rotation)
    assert run.rc != 0
    for host, server in made.items():
        assert not server.writes or server.users["alice"] != old_password("alice")
        results = run.all_results(ROTATE, host)
        assert results and (results[0].result.get("failed") or any(user["error"] for user in results[0]["users"]) or server.writes), host
    assert_known(rotation, made)
    run_in_time(rotation, "rekey.passwords.verify" if method == "lookup" else "rekey.passwords.repair")
    assert_known(rotation, made)
    be_well(made)
    if case.locks_after:
        # An answer that was no answer may have been a failed login. Only people know that it was not, or time passes.
        operators = {connection["api_user"] for connection in (host["rotate_connection"] for host in rotation.hosts.values()) if "api_user" in connection}
        unlocked = {"rotate_repair_forget_failed_logins": True, "rotate_repair_users": ["alice", *sorted(operators)]}
        rotation.run("rekey.passwords.repair", forks=FORKS, extra_vars={**AT_ONCE, **unlocked})
    again = rotation.run(forks=FORKS, extra_vars=AT_ONCE)
    told = ["%s: %s" % (host, user["error"]["message"]) for host in made for user in again.result(ROTATE, host)["users"] if user["error"]]
    assert again.rc == 0 and not told, told
    assert not ansible.leaks(secrets(rotation, made))


@pytest.mark.parametrize("case", [CASES["milvus"]], ids=["milvus"])
def test_edge_14_15_48_a_hostile_vault(ansible, case):
    """The store hashi_vault: nothing can be stored, so nothing is sent."""
    pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")
    from tests.store_cases.hashi_vault import CASE as VAULT  # pylint: disable=import-outside-toplevel

    with contextlib.ExitStack() as stack:
        double = stack.enter_context(case.double({"alice": old_password("alice")}))
        vault = stack.enter_context(VAULT(ansible.shared))
        assert isinstance(vault.double, HashiVaultDouble)
        fronts = {kind.replace(" ", "-"): stack.enter_context(Front(vault.double, kind)) for kind in KINDS}
        rotation = rotation_of(ansible, dict.fromkeys(fronts, double), case, rotate_store="hashi_vault", rotate_store_path=None)
        for host, front in fronts.items():
            rotation.hosts[host]["rotate_store_options"] = dict(vault.options["store_options"], url=front.url, timeout=TIMEOUT, retries=0)
        run = run_in_time(rotation)
        assert run.rc != 0 and not double.writes and not double.failed_logins
        kinds = {host: (run.result(ROTATE, host).result.get("error") or {}).get("kind") for host in fronts}
        assert set(kinds.values()) == {"store_failed"}, kinds
        assert not ansible.leaks({*vault.secrets, *case.secrets, old_password("alice")})
