# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest plugin: real Milvus servers as fixtures.

Where none can run the tests are skipped with the reason; with REKEY_REQUIRE_REAL=1 in the environment they fail instead.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import secrets
import typing as t

import pytest

if t.TYPE_CHECKING:
    from tests.servers.milvus import MilvusServer

_REASON = "no real Milvus: "
_SERVERS = {"milvus_server", "milvus_server_open", "milvus_server_super", "start_milvus"}


@dataclasses.dataclass(frozen=True)
class MilvusUser:
    name: str
    password: str


def unavailable(reason: str) -> t.NoReturn:
    if os.environ.get("REKEY_REQUIRE_REAL") == "1":
        pytest.fail(_REASON + reason, pytrace=False)
    pytest.skip(_REASON + reason)


def start(work_dir: pathlib.Path, **options: t.Any) -> MilvusServer:
    try:
        from tests.servers.milvus import MilvusServer, Unavailable
    except ImportError as error:
        unavailable(str(error))
    server = MilvusServer(work_dir, **options)
    try:
        server.start()
    except Unavailable as error:
        unavailable(error.reason)
    return server


def pytest_itemcollected(item: pytest.Item) -> None:
    if _SERVERS.intersection(getattr(item, "fixturenames", ())):
        item.add_marker("real")


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[MilvusServer]:
    """Authorization on, no super users. Shared: make users of your own (milvus_user), and leave the settings alone."""
    server = start(tmp_path_factory.mktemp("milvus"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def milvus_server_open(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[MilvusServer]:
    """Authorization off."""
    server = start(tmp_path_factory.mktemp("milvus-open"), authorization=False)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def milvus_server_super(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[MilvusServer]:
    """Authorization on and `superUsers: root`: root may pass any old password, and creates users by mistake."""
    server = start(tmp_path_factory.mktemp("milvus-super"), super_users="root")
    yield server
    server.stop()


@pytest.fixture
def start_milvus(tmp_path: pathlib.Path) -> t.Iterator[t.Callable[..., MilvusServer]]:
    """Starts servers for one test alone, which may kill them; takes the options of MilvusServer."""
    servers: list[MilvusServer] = []

    def start_one(**options: t.Any) -> MilvusServer:
        servers.append(start(tmp_path / f"milvus-{len(servers)}", **options))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


@pytest.fixture
def milvus_user() -> t.Iterator[t.Callable[..., MilvusUser]]:
    """Makes users with names that no other test has, and drops them afterwards: `milvus_user(server, password="...")`."""
    made: list[tuple[MilvusServer, str]] = []

    def make(server: MilvusServer, password: str | None = None) -> MilvusUser:
        user = MilvusUser("user_" + secrets.token_hex(6), "First-" + secrets.token_hex(8) if password is None else password)
        server.create_user(user.name, user.password)
        made.append((server, user.name))
        return user

    yield make
    for server, name in made:
        if server.pid is not None:
            server.drop_user(name)
