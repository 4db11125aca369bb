# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries to Vault, on a real OpenBao, and to webhooks: what arrives, what is kept, and what is shown."""

from __future__ import annotations

import pytest

from tests.doubles.milvus import MilvusDouble
from tests.doubles.webhook import KEY, PATH, WebhookDouble
from tests.integration.deliveries import ENDPOINT, Delivered, documented
from tests.integration.rotation import old_password

USERS = ("alice", "bob")
SECRET = "shop/database"
POLICY = 'path "%s/data/shop/*" { capabilities = ["create", "read", "update"] }'
OTHERS = {"url": "postgresql://db", "password": "S3cr3t-MARKER-earlier", "token": "S3cr3t-MARKER-of-somebody-else"}


@pytest.fixture
def double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


def test_a_secret_in_vault_gets_the_password_and_keeps_its_other_keys(ansible, double, openbao):
    server, mount = openbao.server, openbao.mount
    role = server.make_role(mount, POLICY % mount)
    server.request("POST", "%s/data/%s" % (mount, SECRET), {"data": OTHERS})
    connection = {"url": server.url, "mount_point": mount, "role_id": role.role_id, "timeout": 10}
    documented_one = documented("rotate_deliver_vault", {"https://vault.example.com:8200": server.url, "mount_point: apps": "mount_point: " + mount})
    secrets = [
        {**documented_one[0], "role_id": role.role_id},
        {**connection, "path": "shop/new", "users": [{"name": name, "password": name + "_password"} for name in USERS]},
        {**connection, "path": "elsewhere/x", "users": ["bob"]},
    ]
    delivered = Delivered(ansible, double, USERS, rotate_deliver_vault=secrets)
    env = {"VAULT_SECRET_ID": role.secret_id}

    def found(path):
        answer = server.request("GET", "%s/data/%s" % (mount, path))["data"]
        return answer["data"], answer["metadata"]["version"]

    run = delivered.run("vault", ["alice", "bob"], env=env, verbosity=5, diff=True)
    assert run.rc != 0, run.output
    # One that may not be written does not keep the others from theirs.
    assert "rotate_deliver_vault[2]: Writing %s/elsewhere/x" % mount in run.output or "rotate_deliver_vault[2]: Reading %s/elsewhere/x" % mount in run.output
    assert found(SECRET) == ({**OTHERS, "username": "alice", "password": delivered.password("alice")}, 2)
    assert found("shop/new") == ({name + "_password": delivered.password(name) for name in USERS}, 1)
    again = delivered.run("vault", ["alice"], rotate=False, env=env)
    assert (again.rc, again.stats[ENDPOINT]["changed"], found(SECRET)[1]) == (0, 0, 2), again.output
    server.request("POST", "%s/data/%s" % (mount, SECRET), {"data": OTHERS})
    dry = delivered.run("vault", ["alice"], rotate=False, env=env, check=True)
    assert (dry.rc, dry.stats[ENDPOINT]["changed"], found(SECRET)) == (0, 1, (OTHERS, 3)), dry.output
    assert not ansible.leaks({*delivered.rotation.secrets(), role.secret_id, *OTHERS.values()} - {OTHERS["url"]})


@pytest.mark.secrets
def test_a_webhook_is_signed_and_shows_nothing(ansible, double, tls_files):
    with WebhookDouble(tls=tls_files.server) as receiver:
        (hook,) = documented("rotate_deliver_webhooks", {"https://hooks.example.com/hooks/passwords": receiver.url + PATH})
        hook.update(ca_path=str(tls_files.ca), timeout=10)
        hooks = [{**hook, "send_password": True}, {**hook, "users": ["bob"], "headers": {"Authorization": "Bearer S3cr3t-MARKER-token"}}]
        delivered = Delivered(ansible, double, USERS, rotate_deliver_webhooks=hooks, vault_webhook_key=KEY)
        run = delivered.run("webhook", ["alice", "bob"], verbosity=5)
        assert run.rc == 0, run.output
        sent = [event["users"][0] for event in receiver.events.values()]
        assert [(user["name"], user.get("password")) for user in sent] == [("alice", delivered.password("alice")), ("bob", None)]
        assert not ansible.leaks({*delivered.rotation.secrets(), KEY, "S3cr3t-MARKER-token"})
