# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Trove 26 with a real Keystone and real databases for tests: `with TroveCloud(work_dir) as cloud:`, or by hand `python -m tests.servers.trove`.

The API, its pipeline, schema and policy, the RPC to the guests and what a guest does to its database are Trove's own. Left out are the virtual
machines: each instance is a row in Trove's database, and all of one engine have the same database server.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import secrets
import sys
import tempfile
import time
import typing as t
import uuid

from tests.servers import mariadb, trove_package
from tests.servers.child import Child, ServerError, free_ports, is_free, listens
from tests.servers.keystone import DOMAIN, Keystone, read_record
from tests.servers.machine import Unavailable, default_cache_dir
from tests.servers.mariadb import ADMIN, MariaDBServer
from tests.servers.postgresql import PostgreSQLServer

START_LIMIT_S = 60.0
#: So that a suite does not meet the limit by its mere size; Trove's own default is 200 a minute.
HTTP_RATE = 100000
#: Trove waits so long for a guest that does not answer.
GUEST_LIMIT_S = 3

_ATTEMPTS = 3
_ORDERS = {"guest_delay": 0, "guest_loses": False, "read_only": False}
# Where nobody ever listens: the port of the service «discard».
_NOWHERE = "http://127.0.0.1:9"
# Trove's own default lets every role of a project change passwords, a reader too. This is how operators forbid it.
_POLICY = """\
instance:extension:user:update_all: "rule:admin or (role:member and project_id:%(tenant)s)"
instance:extension:user:update: "rule:admin or (role:member and project_id:%(tenant)s)"
"""


@dataclasses.dataclass(frozen=True)
class Credential:
    """Who logs in where; the names are those of the options of OpenStack."""

    username: str
    password: str = dataclasses.field(repr=False)
    project_name: str
    project_id: str
    user_id: str
    user_domain_name: str = DOMAIN
    project_domain_name: str = DOMAIN


@dataclasses.dataclass(frozen=True)
class ApplicationCredential:
    """One of the member's, for the project of the member."""

    id: str
    name: str
    secret: str = dataclasses.field(repr=False)


class TroveCloud:
    """Everything of one cloud, with its data in `work_dir`, which must be new or empty. Several may run at once.

    `credentials` has who may log in: `admin`, `member` and `reader` of the project `customer`, and `foreign`, a member of the project `other`.
    `instances` has identifiers: `healthy`, `second` (healthy too, with the same users), `addressed` (healthy, tells its address in place of a host
    name), `postgresql` (with the database of `postgresql`, which does not run until somebody starts it), `building`, `shut_down`, `unreachable` (its
    guest does not answer), `foreign` (of the project `other`) and `missing` (there is none).
    """

    region = "RegionOne"
    #: In the catalog, but nothing answers there.
    dead_region = "RegionTwo"

    def __init__(self, work_dir: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None = None, http_put_rate: int = HTTP_RATE) -> None:
        self.work_dir = pathlib.Path(work_dir).resolve()
        self.cache_dir = pathlib.Path(cache_dir).resolve() if cache_dir else default_cache_dir()
        self.log_path = self.work_dir / "trove.log"
        self.record_path = self.work_dir / "trove-requests.jsonl"
        self.guest_record_path = self.work_dir / "trove-guests.jsonl"
        self.http_put_rate = self._first_put_rate = http_put_rate
        self.projects: dict[str, str] = {}
        self.credentials: dict[str, Credential] = {}
        self.application_credential: ApplicationCredential | None = None
        self.instances: dict[str, str] = {}
        self._orders: dict[str, t.Any] = dict(_ORDERS)
        self._python = pathlib.Path()
        self._service_password = secrets.token_hex(12)
        self._port = 0
        self._child: Child | None = None
        # What the guests of an API that was stopped have not done they will never do.
        self._accepted_before = self._changes_before = 0
        self._seeds: list[dict[str, t.Any]] = []
        self.database: MariaDBServer | None = None
        self.postgresql: PostgreSQLServer | None = None
        self.keystone: Keystone | None = None

    def __enter__(self) -> TroveCloud:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # Addresses

    @property
    def auth_url(self) -> str:
        """Of Keystone, with its version: http://127.0.0.1:.../v3."""
        return self.keystone.url

    @property
    def api_url(self) -> str:
        """Of Trove, without a project: http://127.0.0.1:.../v1.0."""
        return f"http://127.0.0.1:{self._port}/v1.0"

    @property
    def endpoint(self) -> str:
        """What the catalog says to the project `customer`."""
        return self.endpoint_of("customer")

    def endpoint_of(self, project: str) -> str:
        return f"{self.api_url}/{self.projects[project]}"

    @property
    def database_host(self) -> str:
        return self.database.host

    @property
    def database_port(self) -> int:
        return self.database.port

    # Life

    def start(self) -> None:
        # Before 333 MB are fetched for nothing.
        mariadb.check()
        self._python = trove_package.installed(self.cache_dir)
        self.work_dir.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _ATTEMPTS + 1):
            folder = self.work_dir / f"attempt-{attempt}"
            folder.mkdir()
            self.database = MariaDBServer(folder / "mariadb")
            self.postgresql = PostgreSQLServer(folder / "postgresql")
            self.keystone = Keystone(folder, self._python, self.region)
            self._port = free_ports(1)[0]
            try:
                self._start()
                return
            except ServerError:
                self.stop()
                # Between choosing a port and binding it, anyone may take it.
                if attempt == _ATTEMPTS or all(is_free(port) for port in (self.database.port, self.keystone.port, self._port)):
                    raise
            except BaseException:
                self.stop()
                raise

    @property
    def running(self) -> bool:
        """Whether all servers do."""
        return self._child is not None and self._child.running and self.keystone.running and self.database.running

    def stop(self) -> None:
        """End all servers; their logs and data stay."""
        self._stop_api()
        if self.keystone is not None:
            self.keystone.stop()
        if self.database is not None:
            self.database.stop()
        if self.postgresql is not None:
            self.postgresql.close()

    def _start(self) -> None:
        # The slow ones first, so that they get on while the others are made.
        self.keystone.begin()
        self._begin_api()
        self.database.create()
        self.database.start()
        self.keystone.wait()
        self._create_people()
        self._create_catalog()
        self._plan_instances()
        self._finish_api()

    @property
    def _folder(self) -> pathlib.Path:
        return self.keystone.work_dir

    def _begin_api(self) -> None:
        self._accepted_before, self._changes_before = len(self._accepted()), len(self.changes())
        self._write_orders()
        (self._folder / "trove.conf").write_text(self._configuration(), encoding="utf-8")
        (self._folder / "policy.yaml").write_text(_POLICY, encoding="utf-8")
        # Isolated, as Trove and Keystone have the names of files beside the program, and Python would find those first.
        command = [str(self._python), "-I", str(pathlib.Path(__file__).with_name("trove_process.py"))]
        self._child = Child("Trove", command, self._folder, self.log_path, first_line=True)

    def _finish_api(self) -> None:
        self._child.tell(
            json.dumps(
                {
                    "configuration": str(self._folder / "trove.conf"),
                    "database": str(self._folder / "trove.sqlite"),
                    "pipeline": str(self._python.parents[1] / "etc" / "trove" / "api-paste.ini"),
                    "port": self._port,
                    "record": str(self.record_path),
                    "guest_record": str(self.guest_record_path),
                    "orders": str(self._folder / "orders.json"),
                    "region": self.region,
                    "datastores": {"mariadb": "10.11", "postgresql": "15"},
                    "databases": {
                        name: {"host": server.host, "port": server.port, "user": ADMIN, "password": server.admin_password}
                        for name, server in (("mariadb", self.database), ("postgresql", self.postgresql))
                    },
                    "instances": self._seeds,
                }
            )
        )
        self._child.wait_until(lambda: listens(self._port), START_LIMIT_S)

    def _stop_api(self) -> None:
        if self._child is not None:
            # Nothing of Trove's is lost by that, and a change that its guest has not made yet never happens, as with a guest that dies.
            self._child.kill()
            self._child = None

    def _configuration(self) -> str:
        return f"""\
[DEFAULT]
log_file = {self.log_path}
transport_url = fake:/
remote_nova_client = __main__.Compute
remote_neutron_client = __main__.Network
agent_heartbeat_expiry = 864000
agent_call_low_timeout = {GUEST_LIMIT_S}
agent_call_high_timeout = {GUEST_LIMIT_S}
http_get_rate = {HTTP_RATE}
http_post_rate = {HTTP_RATE}
http_delete_rate = {HTTP_RATE}
http_put_rate = {self.http_put_rate}
[oslo_policy]
policy_file = {self._folder / "policy.yaml"}
[database]
connection = sqlite:///{self._folder / "trove.sqlite"}
[keystone_authtoken]
auth_type = password
auth_url = {self.auth_url}
www_authenticate_uri = {self.auth_url}
username = trove
password = {self._service_password}
project_name = service
user_domain_name = {DOMAIN}
project_domain_name = {DOMAIN}
region_name = {self.region}
service_token_roles_required = true
# So that a revoked token and a Keystone that is down are noticed at once, and not after five minutes.
token_cache_time = -1
http_request_max_retries = 0
"""

    def _create_people(self) -> None:
        keystone = self.keystone
        roles = {name: keystone.find("role", name) for name in ("admin", "member", "reader")}
        for name in ("customer", "other", "service"):
            self.projects[name] = keystone.create("project", name=name, domain_id="default")
        service = keystone.create("user", name="trove", password=self._service_password, domain_id="default")
        keystone.grant(self.projects["service"], service, roles["admin"])
        for name, user, role, project in (
            ("admin", "operator", "admin", "customer"),
            ("member", "alice", "member", "customer"),
            ("reader", "rita", "reader", "customer"),
            ("foreign", "fred", "member", "other"),
        ):
            password = "Api-" + secrets.token_hex(8)
            user_id = keystone.create("user", name=user, password=password, domain_id="default")
            keystone.grant(self.projects[project], user_id, roles[role])
            self.credentials[name] = Credential(user, password, project, self.projects[project], user_id)
        secret = "Application-" + secrets.token_hex(8)
        made = keystone.call(
            "POST",
            f"/users/{self.credentials['member'].user_id}/application_credentials",
            {"application_credential": {"name": "rotation", "secret": secret}},
            token=self.token("member"),
        ).json()["application_credential"]
        self.application_credential = ApplicationCredential(made["id"], made["name"], secret)

    def _create_catalog(self) -> None:
        keystone = self.keystone
        keystone.create("region", id=self.dead_region)
        service = keystone.create("service", name="trove", type="database")
        for region, url in ((self.region, self.api_url), (self.dead_region, _NOWHERE + "/v1.0")):
            for interface in ("public", "internal", "admin"):
                # The one for administrators is out of reach, as it usually is.
                base = _NOWHERE + "/v1.0" if interface == "admin" else url
                keystone.create("endpoint", service_id=service, region_id=region, interface=interface, url=base + "/%(project_id)s")

    def _plan_instances(self) -> None:
        self._seeds = []
        self.instances["missing"] = str(uuid.uuid4())
        for name, status, options in (
            ("healthy", "HEALTHY", {}),
            ("second", "HEALTHY", {}),
            ("addressed", "HEALTHY", {"hostname": None, "address": self.database.host}),
            ("building", "BUILDING", {"task": "BUILDING"}),
            ("shut_down", "SHUTDOWN", {}),
            ("unreachable", "HEALTHY", {"guest": False}),
            ("postgresql", "HEALTHY", {"datastore": "postgresql", "hostname": self.postgresql.host}),
            ("foreign", "HEALTHY", {"project": self.projects["other"]}),
        ):
            self.instances[name] = str(uuid.uuid4())
            self._seeds.append(
                {
                    "id": self.instances[name],
                    "name": name.replace("_", "-"),
                    "status": status,
                    "task": "NONE",
                    "guest": True,
                    "datastore": "mariadb",
                    "project": self.projects["customer"],
                    "hostname": self.database.host,
                    "address": None,
                    **options,
                }
            )

    # Orders

    def reset(self) -> None:
        """Whatever was stopped runs again, nothing is slow, lost, limited or refused, and the database has no users."""
        if not self.database.running:
            self.database.start()
        if not self.keystone.running:
            self.keystone.start()
        self._orders = dict(_ORDERS)
        self._write_orders()
        if self.http_put_rate != self._first_put_rate or not self._child.running:
            self.restart_api(http_put_rate=self._first_put_rate)
        for name, host in self.users():
            self.drop_user(name, host)
        if self.postgresql.running:
            for name in self.postgresql.users():
                self.postgresql.drop_user(name)

    def restart_api(self, http_put_rate: int | None = None) -> None:
        """Start Trove again, at the same address and with the same instances, and from now on with that many PUTs a minute for a user."""
        if http_put_rate is not None:
            self.http_put_rate = http_put_rate
        self._stop_api()
        self._begin_api()
        self._finish_api()

    def _write_orders(self) -> None:
        path = self._folder / "orders.json"
        new = path.with_suffix(".new")
        new.write_text(json.dumps(self._orders), encoding="utf-8")
        # Renamed into place, so that Trove never reads half of it.
        new.replace(path)

    def _order(self, name: str, value: t.Any) -> None:
        self._orders[name] = value
        self._write_orders()

    @property
    def guest_delay(self) -> float:
        """Seconds between the answer to a change and the change, for every change from now on."""
        return self._orders["guest_delay"]

    @guest_delay.setter
    def guest_delay(self, seconds: float) -> None:
        self._order("guest_delay", seconds)

    @property
    def guest_loses(self) -> bool:
        """Whether changes are answered as ever and then never made."""
        return self._orders["guest_loses"]

    @guest_loses.setter
    def guest_loses(self, value: bool) -> None:
        self._order("guest_loses", value)

    @property
    def read_only(self) -> bool:
        """Whether Trove answers 500 to everything but GET; those requests are in requests() too."""
        return self._orders["read_only"]

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._order("read_only", value)

    def requests(self) -> list[tuple[str, str, int]]:
        """Method, path and status of everything that Trove was asked since the start; a new list each time."""
        return read_record(self.record_path)

    def changes(self) -> list[tuple[list[str], str]]:
        """Every order to change passwords that reached a guest and ended: the names, and «done» or what went wrong, which nobody else learns."""
        return read_record(self.guest_record_path)

    def _accepted(self) -> list[tuple[str, str, int]]:
        return [one for one in self.requests() if one[0] == "PUT" and one[1].endswith("/users") and one[2] == 202]

    def settle(self, limit_s: float = 15.0) -> None:
        """Return when the guests have ended, well or not, whatever Trove accepted since its last start."""
        self._child.wait_until(
            lambda: len(self.changes()) - self._changes_before >= len(self._accepted()) - self._accepted_before, limit_s, "has changes under way"
        )

    # People

    def token(self, name: str = "member") -> str:
        """A new token of one of the credentials."""
        credential = self.credentials[name]
        return self.keystone.login(credential.username, credential.password, credential.project_name)

    def revoke(self, token: str) -> None:
        self.keystone.revoke(token)

    def expired_token(self, name: str = "member") -> str:
        credential = self.credentials[name]
        return self.keystone.expired_token(credential.user_id, credential.project_id)

    def stop_keystone(self) -> None:
        self.keystone.stop()

    def start_keystone(self) -> None:
        self.keystone.start()

    # Users of the database, directly

    def stop_database(self) -> None:
        self.database.stop()

    def start_database(self) -> None:
        self.database.start()

    def create_user(self, name: str, password: str, host: str | None = None) -> None:
        """Make a user of the database, or give it this password."""
        self.database.create_user(name, password, host)

    def drop_user(self, name: str, host: str | None = None) -> None:
        self.database.drop_user(name, host)

    def users(self) -> list[tuple[str, str]]:
        """Name and host of each."""
        return self.database.users()

    def can_log_in(self, name: str, password: str, host: str | None = None) -> bool:
        """Whether the database takes this password; the login comes from `host` where that is an address of the loopback interface (127.0.0.2, ...)."""
        return self.database.can_log_in(name, password, host)


def main() -> int:
    try:
        with tempfile.TemporaryDirectory(prefix="trove-") as work_dir:
            started = time.monotonic()
            with TroveCloud(work_dir) as cloud:
                print(_described(cloud, time.monotonic() - started), flush=True)
                with contextlib.suppress(KeyboardInterrupt):
                    while cloud.running:
                        time.sleep(0.5)
                    print("a server ended by itself", file=sys.stderr)
                    return 1
    except (Unavailable, ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _described(cloud: TroveCloud, seconds: float) -> str:
    cloud.create_user("demo", "First-1")
    try:
        cloud.postgresql.start()
        cloud.postgresql.create_user("demo", "First-1")
        postgresql = f"{cloud.postgresql.host}:{cloud.postgresql.port}, with the same user"
    except Unavailable as error:
        postgresql = error.reason
    member = cloud.credentials["member"]
    lines = [f"up after {seconds:.1f} s; logs and data: {cloud.work_dir}", "", "instances:"]
    lines += [f"  {name:12} {identifier}" for name, identifier in cloud.instances.items()]
    lines += [
        f"MariaDB:       {cloud.database_host}:{cloud.database_port}, user demo with the password First-1",
        f"PostgreSQL:    {postgresql}",
        f"endpoint:      {cloud.endpoint}",
        "",
        *(
            f"export {name}={value}"
            for name, value in (
                ("OS_AUTH_URL", cloud.auth_url),
                ("OS_USERNAME", member.username),
                ("OS_PASSWORD", member.password),
                ("OS_PROJECT_NAME", member.project_name),
                ("OS_USER_DOMAIN_NAME", member.user_domain_name),
                ("OS_PROJECT_DOMAIN_NAME", member.project_domain_name),
                ("OS_REGION_NAME", cloud.region),
            )
        ),
        "",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
