# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the process of Trove, with the Python of the environment that trove_package.py makes; the rest is trove.py.

Trove's own API serves here with its own pipeline, and Trove's own guest agents answer it, by RPC within the process. Ours are the look-ups
in Nova and Neutron, which say that every virtual machine runs; a connection of the guest to the database by TCP where its own goes through
a socket in a container; and what a test steers: a guest that is slow or loses what it was told.
"""

from __future__ import annotations

import json
import pathlib
import sys
import types

import eventlet
import oslo_messaging
import sqlalchemy

# The first of all: it patches the standard library.
import trove.cmd  # noqa: F401  pylint: disable=unused-import
from novaclient.api_versions import APIVersion
from oslo_service import service
from sqlalchemy import event
from trove import rpc
from trove.cmd.common import initialize
from trove.common import base_wsgi, cfg, pastedeploy
from trove.db import get_db_api
from trove.guestagent.api import API
from trove.guestagent.datastore.mariadb.manager import Manager as MariaDBManager
from trove.guestagent.datastore.mariadb.service import MariaDBAdmin
from trove.guestagent.datastore.postgres.manager import PostgresManager
from trove.guestagent.datastore.postgres.service import PgSqlAdmin, PostgresConnection
from trove.guestagent.utils.mysql import connection_checkout

CONF = cfg.CONF
# Of the configuration of a real guest with PostgreSQL; the API has none of it.
POSTGRESQL_RESERVED = ("os_admin", "postgres")
MEGABYTE = 1 << 20


class Compute:
    """The part of a client of Nova that is asked for here."""

    api_version = APIVersion("2.12")
    instances = ()

    def __init__(self, *_args, **_options):
        self.servers = self

    @staticmethod
    def get(server):
        """It runs, whichever it is."""
        return types.SimpleNamespace(id=server, status="ACTIVE", addresses={})

    def list(self, **_options):
        """All of them."""
        return [self.get(server) for server in self.instances]


class Network:
    """The part of a client of Neutron that is asked for here."""

    addresses = {}

    def __init__(self, *_args, **_options):
        pass

    def list_ports(self, device_id):
        """One port where the instance is to have an address."""
        address = self.addresses.get(device_id)
        port = {"id": device_id, "network_id": "network", "fixed_ips": [{"ip_address": address}]}
        return {"ports": [port] if address else []}

    def list_floatingips(self, **_query):
        """None."""
        return {"floatingips": []}


class Orders:
    """What trove.py wants of this process while it runs, in a file that is small enough to be read every time."""

    def __init__(self, path):
        self._path = pathlib.Path(path)

    def __getitem__(self, name):
        return json.loads(self._path.read_text(encoding="utf-8"))[name]


class Recorder:
    """Notes every request before its answer leaves, without its contents, and refuses writes on order."""

    def __init__(self, application, path, orders):
        self._application = application
        self._orders = orders
        self._record = open(path, "a", encoding="utf-8", buffering=1)  # pylint: disable=consider-using-with

    def __call__(self, environ, start_response):
        asked = [environ["REQUEST_METHOD"], environ["PATH_INFO"]]

        def answer(status, headers, *rest):
            self._record.write(json.dumps([*asked, int(status.split()[0])]) + "\n")
            return start_response(status, headers, *rest)

        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") and self._orders["read_only"]:
            answer("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"writes are refused"]
        return self._application(environ, answer)


class Steered:
    """What a test does to a guest agent. Each call has a thread of its own, and with it each has its own delay."""

    orders = None
    record = None

    def change_passwords(self, context, users):
        """Late, or never, and then as Trove's own; with a note of how it ended, which Trove itself tells nobody."""
        outcome = "done"
        try:
            eventlet.sleep(self.orders["guest_delay"])
            if self.orders["guest_loses"]:
                raise RuntimeError("lost on order")
            super().change_passwords(context, users)
        except Exception as error:
            outcome = type(error).__name__
            raise
        finally:
            self.record.write(json.dumps([[user["name"] for user in users], outcome]) + "\n")

    def get_volume_info(self, _context):
        """For `GET instances/{id}`; the real one looks at a mounted volume."""
        return {"used": 0.1, "total": 1.0, "total_blocks": MEGABYTE, "free_blocks": MEGABYTE, "avail_blocks": MEGABYTE}


class MariaDBGuest(Steered, MariaDBManager):
    """Trove's guest agent without the start of a database in a container."""

    def __init__(self, database):
        # pylint: disable=super-init-not-called
        engine = sqlalchemy.create_engine("mysql+pymysql://%(user)s:%(password)s@%(host)s:%(port)d/" % database, pool_recycle=120)
        event.listen(engine, "checkout", connection_checkout)
        self.adm = MariaDBAdmin(types.SimpleNamespace(get_engine=lambda: engine))


class PostgreSQLAdmin(PgSqlAdmin):
    """As Trove's, with the settings of another guest."""

    ignore_users = POSTGRESQL_RESERVED

    def __init__(self, database):
        # pylint: disable=super-init-not-called
        self.connection = PostgresConnection("postgres", password=database["password"], host=database["host"], port=database["port"])


class PostgreSQLGuest(Steered, PostgresManager):
    """Trove's guest agent without the start of a database in a container."""

    def __init__(self, database):
        # pylint: disable=super-init-not-called
        self.adm = PostgreSQLAdmin(database)


GUESTS = {"mariadb": MariaDBGuest, "postgresql": PostgreSQLGuest}


def create(plan):
    """The instances, as Trove's task manager and guests would have left them."""
    from trove.datastore import models as datastores
    from trove.instance import models as instances
    from trove.instance.service_status import ServiceStatuses
    from trove.instance.tasks import InstanceTasks

    versions = {}
    for name, version in plan["datastores"].items():
        datastores.update_datastore(name, None)
        datastores.update_datastore_version(name, version, name, "image", "", "", True)
        datastores.update_datastore(name, version)
        versions[name] = datastores.DatastoreVersion.load(datastores.Datastore.load(name), version).id
    for wanted in plan["instances"]:
        instances.DBInstance.create(
            id=wanted["id"],
            name=wanted["name"],
            tenant_id=wanted["project"],
            hostname=wanted["hostname"],
            region_id=plan["region"],
            flavor_id="1",
            volume_size=1,
            datastore_version_id=versions[wanted["datastore"]],
            compute_instance_id=wanted["id"],
            task_status=getattr(InstanceTasks, wanted["task"]),
        )
        instances.InstanceServiceStatus.create(instance_id=wanted["id"], status=getattr(ServiceStatuses, wanted["status"]))


def start_guests(plan):
    """One agent for each database, listening for all instances that have it."""
    from trove.instance.models import get_instance_encryption_key

    agents = {name: GUESTS[name](database) for name, database in plan["databases"].items()}
    for wanted in plan["instances"]:
        if wanted["guest"]:
            agent = agents[wanted["datastore"]]
            agent.target = oslo_messaging.Target(topic=f"guestagent.{wanted['id']}", server=wanted["id"], version=API.API_LATEST_VERSION)
            rpc.get_server(agent.target, [agent], key=get_instance_encryption_key(wanted["id"])).start()


def main(plan):
    """What trove-api does, and the guests in the same process."""
    sys.argv = ["trove-api", "--config-file", plan["configuration"]]
    cfg.parse_args(sys.argv)
    new = not pathlib.Path(plan["database"]).exists()
    if new:
        # Not `trove-manage db_sync`, which asks Nova for what runs already.
        get_db_api().db_sync(CONF)
    initialize()

    # Only now: with the first of these the settings are fixed.
    from trove.common import notification
    from trove.instance import models as instances

    notification.DBaaSAPINotification.register_notify_callback(instances.persist_instance_fault)
    cfg.set_api_config_defaults()
    if new:
        create(plan)
    Steered.orders = Orders(plan["orders"])
    Steered.record = open(plan["guest_record"], "a", encoding="utf-8", buffering=1)  # pylint: disable=consider-using-with
    Compute.instances = [wanted["id"] for wanted in plan["instances"]]
    Network.addresses = {wanted["id"]: wanted["address"] for wanted in plan["instances"] if wanted["address"]}
    start_guests(plan)
    application = pastedeploy.paste_deploy_app(plan["pipeline"], "trove", {})
    # The same as trove.common.wsgi.launch, which has no place for the record.
    server = base_wsgi.Service(Recorder(application, plan["record"], Steered.orders), plan["port"], host="127.0.0.1")
    service.launch(CONF, server, 1, restart_method="mutate").wait()


if __name__ == "__main__":
    main(json.loads(sys.stdin.readline()))
