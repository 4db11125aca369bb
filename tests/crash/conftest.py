# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the crash tests, and the table of their figures at the end of the run."""

from __future__ import annotations

import os

import pytest

from tests.crash.trials import Trials, Zygote, table
from tests.integration.conftest import ansible  # noqa: F401  # pylint: disable=unused-import
from tests.stands import STANDS
from tests.store_stands import STANDS as STORES

EVERY = os.environ.get("REKEY_CRASH") == "every"  # every point, or a sample
SERIES = pytest.StashKey()


def share(number):
    """How many trials a vendor and store get of those that a sample has for all together."""
    return 10**6 if EVERY else max(4, number // (len(STANDS) * len(STORES)))


def pytest_configure(config):
    config.stash[SERIES] = []


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[SERIES]:
        terminalreporter.section("crash figures")
        for line in table(config.stash[SERIES]):
            terminalreporter.write_line(line)
        terminalreporter.write_line("")


@pytest.fixture(scope="session")
def zygote(tmp_path_factory):
    """What runs the rotations."""
    with Zygote(tmp_path_factory.mktemp("zygote")) as running:
        yield running


@pytest.fixture(params=STANDS.values(), ids=lambda stand: stand.vendor)
def stand(request):
    """Each vendor."""
    return request.param


@pytest.fixture(params=STORES.values(), ids=lambda store: store.name)
def store(request):
    """Each store."""
    return request.param


@pytest.fixture
def trials(zygote, stand, store, tmp_path, request):
    """Called with what kind they are, whether they are counted, and options of :class:`Trials`; any trouble in them fails the test at its end."""
    made = []

    def make(what, counted=True, **options):
        found = Trials(zygote, stand, store, tmp_path / str(len(made)), what, **options).__enter__()
        made.append(found)
        if counted:
            request.config.stash[SERIES].append(found.series)
        return found

    yield make
    for one in made:
        one.__exit__(None, None, None)
    troubles = [text for one in made for text in one.series.troubles]
    assert not troubles, "%d troubles:\n%s" % (len(troubles), "\n".join(troubles[:20]))
