# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest plugin: real OpenBao servers as fixtures.

Where none can run the tests are skipped with the reason; with REKEY_REQUIRE_REAL=1 in the environment they fail instead.
"""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.integration.real_stores import unavailable

if t.TYPE_CHECKING:
    from tests.servers.openbao import OpenBao
    from tests.store_cases.openbao import OpenBaoCase

_SERVERS = {"openbao", "start_openbao"}


def pytest_itemcollected(item: pytest.Item) -> None:
    if _SERVERS.intersection(getattr(item, "fixturenames", ())):
        item.add_marker("real")


@pytest.fixture
def openbao(tmp_path: pathlib.Path) -> t.Iterator[OpenBaoCase]:
    """An engine and a role of one's own on a server that this process shares: seal it if you unseal it again, and do not kill it."""
    from tests.store_cases.openbao import OpenBaoCase

    with OpenBaoCase(tmp_path) as running:
        yield running


@pytest.fixture
def start_openbao(tmp_path: pathlib.Path) -> t.Iterator[t.Callable[..., OpenBao]]:
    """Starts servers for one test alone, which may kill them; takes the options of OpenBao."""
    from tests.servers.machine import Unavailable
    from tests.servers.openbao import OpenBao

    servers: list[OpenBao] = []

    def start(**options: t.Any) -> OpenBao:
        server = OpenBao(tmp_path / f"openbao-{len(servers)}", **options)
        try:
            server.start()
        except Unavailable as error:
            unavailable(error.reason)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
