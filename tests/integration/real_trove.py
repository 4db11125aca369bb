# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest plugin: a real Trove with Keystone and MariaDB as fixtures.

Where none can run the tests are skipped with the reason; with REKEY_REQUIRE_REAL=1 in the environment they fail instead.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import typing as t

import pytest

if t.TYPE_CHECKING:
    from tests.doubles.rackspace_identity import RackspaceIdentityDouble
    from tests.servers.postgresql import PostgreSQLServer
    from tests.servers.trove import TroveCloud

_REASON = "no real Trove: "
_SERVERS = {"trove_cloud", "trove_cloud_shared"}


@dataclasses.dataclass(frozen=True)
class DatabaseUser:
    name: str
    password: str = dataclasses.field(repr=False)
    host: str | None = None


def unavailable(reason: str) -> t.NoReturn:
    if os.environ.get("REKEY_REQUIRE_REAL") == "1":
        pytest.fail(_REASON + reason, pytrace=False)
    pytest.skip(_REASON + reason)


def pytest_itemcollected(item: pytest.Item) -> None:
    if _SERVERS.intersection(getattr(item, "fixturenames", ())):
        item.add_marker("real")


@pytest.fixture(scope="session")
def trove_cloud_shared(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[TroveCloud]:
    """The one of the whole run; a test takes `trove_cloud`."""
    try:
        from tests.servers.trove import TroveCloud, Unavailable
    except ImportError as error:
        unavailable(str(error))
    cloud = TroveCloud(tmp_path_factory.mktemp("trove"))
    try:
        cloud.start()
    except Unavailable as error:
        unavailable(error.reason)
    yield cloud
    cloud.stop()


@pytest.fixture
def trove_cloud(trove_cloud_shared: TroveCloud) -> t.Iterator[TroveCloud]:
    """A test may stop, restart and steer what it likes: afterwards everything runs again, nothing is delayed, and no user is left."""
    yield trove_cloud_shared
    trove_cloud_shared.reset()


@pytest.fixture
def trove_postgresql(trove_cloud: TroveCloud) -> PostgreSQLServer:
    """The database of the instance `postgresql`."""
    from tests.servers.machine import Unavailable

    if not trove_cloud.postgresql.running:
        try:
            trove_cloud.postgresql.start()
        except Unavailable as error:
            unavailable(error.reason)
    return trove_cloud.postgresql


@pytest.fixture
def trove_user(trove_cloud: TroveCloud) -> t.Callable[..., DatabaseUser]:
    """Makes users of the database with names that no other test has: `trove_user(password="...", host="127.0.0.2")`."""

    def make(password: str | None = None, host: str | None = None, prefix: str = "u") -> DatabaseUser:
        # Sixteen characters at most.
        user = DatabaseUser(prefix + secrets.token_hex(6), "First-" + secrets.token_hex(8) if password is None else password, host)
        trove_cloud.create_user(user.name, user.password, user.host)
        return user

    return make


@pytest.fixture
def rackspace_identity(trove_cloud: TroveCloud) -> t.Iterator[RackspaceIdentityDouble]:
    """A double of Rackspace Identity v2.0 before the real Trove: its user `alice` has the rights of the member."""
    from tests.doubles.rackspace_identity import KeystoneTokens, RackspaceIdentityDouble

    member = trove_cloud.credentials["member"]
    with RackspaceIdentityDouble(
        {member.username: member.password},
        api_keys={member.username: "Key-" + secrets.token_hex(16)},
        account=member.project_id,
        endpoints={"ORD": trove_cloud.endpoint, "DFW": "http://127.0.0.1:9/v1.0/" + member.project_id},
        tokens=KeystoneTokens(trove_cloud),
    ) as double:
        yield double
