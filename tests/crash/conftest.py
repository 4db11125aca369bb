# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the crash tests, and the table of their figures at the end of the run."""

from __future__ import annotations

import uuid
import zlib
from contextlib import ExitStack

import pytest

from tests.crash.figures import EVERY, SERIES, WHOLE, table
from tests.crash.kill_harness import ForkServer, Trials
from tests.integration.conftest import COLLECTIONS
from tests.integration.harness import Ansible
from tests.store_cases import CASES as STORES
from tests.vendor_cases import CASES


def pytest_configure(config):
    config.stash[SERIES] = []


def pytest_collection_modifyitems(config, items):
    """Of the tests that exist for every vendor and store, a sample meets each vendor and each store, but not each with each; see :data:`WHOLE`."""
    if EVERY:
        return
    left_out = [item for item in items if _is_left_out(item, getattr(getattr(item, "callspec", None), "params", {}))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        dropped = set(map(id, left_out))
        items[:] = [item for item in items if id(item) not in dropped]


def _is_left_out(item, params):
    if not {"case", "store"} <= set(params) or any("store" in str(mark.args[0]) for mark in item.iter_markers("parametrize")):
        return False
    vendors, stores = [case.vendor for case in CASES.values()], [store.label for store in STORES.values()]
    vendor, store = params["case"].vendor, params["store"].label
    if item.originalname in WHOLE:
        # The store of the real OpenBao is the one of the double.
        return store == "openbao" and vendor not in ("milvus", "rackspace_database")
    # Each test meets other pairs, so that all of them together meet most.
    turn = zlib.crc32(item.originalname.encode())
    number = max(len(vendors), len(stores))
    return not any(vendor == vendors[place % len(vendors)] and store == stores[(place + turn) % len(stores)] for place in range(number))


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[SERIES]:
        terminalreporter.section("crash figures")
        for line in table(config.stash[SERIES]):
            terminalreporter.write_line(line)
        terminalreporter.write_line("")


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory):
    """What runs the rotations."""
    with ForkServer(tmp_path_factory.mktemp("fork_server")) as running:
        yield running


@pytest.fixture(scope="session")
def machines(tmp_path_factory):
    """Three of them that take themselves for different machines, with a home each."""
    with ExitStack() as stack:
        yield [stack.enter_context(ForkServer(tmp_path_factory.mktemp("machine"), boot_id=str(uuid.uuid4()))) for _each in range(3)]


@pytest.fixture(params=CASES.values(), ids=lambda case: case.vendor)
def case(request):
    """Each vendor."""
    return request.param


@pytest.fixture(params=STORES.values(), ids=lambda store: store.label)
def store(request):
    """Each store."""
    return request.param


@pytest.fixture
def ansible_runner(tmp_path):
    """Called for each world: runs of real Ansible in folders of its own."""
    made = []

    def make():
        made.append(Ansible(tmp_path / ("ansible-%d" % len(made)), COLLECTIONS))
        return made[-1]

    yield make
    for one in made:
        one.close()


def _tell(plugins, series):
    """All of them take an hour; here is what there is by now."""
    with plugins.get_plugin("capturemanager").global_and_fixture_disabled():
        plugins.get_plugin("terminalreporter").write_line(" " + "  ".join(map(str, series.row())))


@pytest.fixture
def trials(fork_server, case, store, tmp_path, request):
    """Called with what kind they are, whether they are counted, and options of :class:`Trials`; any trouble in them fails the test at its end."""
    made = []

    def make(what, counted=True, **options):
        found = Trials(fork_server, case, store, tmp_path / str(len(made)), what, **options).__enter__()
        made.append(found)
        if counted:
            request.config.stash[SERIES].append(found.series)
        return found

    yield make
    for one in made:
        one.__exit__(None, None, None)
        if EVERY:
            _tell(request.config.pluginmanager, one.series)
    troubles = [text for one in made for text in one.series.troubles]
    assert not troubles, "%d troubles:\n%s" % (len(troubles), "\n".join(troubles[:20]))
