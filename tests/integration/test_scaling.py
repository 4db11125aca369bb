# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four ansible-runner processes over slices of one inventory share a store.

With 24 hosts; 200 take more than a minute on two cores. ``REKEY_SCALING_HOSTS=200`` runs it with those, and so does ``make bench``, which also
compares the time with that of one process.
"""

from __future__ import annotations

import datetime
import os
import uuid

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import protocol
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.policy import policy_for

from tests.integration.conftest import COLLECTIONS
from tests.integration.rotation import VAULT_PASSWORD, old_password
from tests.integration.slices import Slices
from tests.store_cases.ansible_vault import AnsibleVaultCase
from tests.vendor_cases import CASES

HOSTS = int(os.environ.get("REKEY_SCALING_HOSTS", "24"))
PROCESSES = 4
EVERY = 5  # so many hosts apart are those at which an earlier run has died

pytestmark = [pytest.mark.slow]


def user_of(host):
    return "user-of-" + host


@pytest.fixture
def store(tmp_path):
    with AnsibleVaultCase(tmp_path) as case:
        yield case


def died_after_stage(store, host):
    """What a run leaves behind that is killed before it has sent anything.

    :return: the pending password.
    """
    opened, user = store.open(host), user_of(host)
    users = [{"name": user, "current_password": old_password(user)}]
    policy = policy_for(CASES["milvus"].capabilities)
    protocol.stage(opened, users, policy, max_age=0, force=False, run_id=uuid.uuid4().hex, now=datetime.datetime.now(datetime.timezone.utc))
    return opened.get([user])[user].record.pending.password


def test_four_processes_lose_nothing_and_overwrite_no_pending_password(tmp_path, store):
    hosts = ["host-%03d" % number for number in range(HOSTS)]
    pending = {host: died_after_stage(store, host) for host in hosts[::EVERY]}
    with CASES["milvus"].double({user_of(host): old_password(user_of(host)) for host in hosts}) as double:
        variables = {
            "rotate_vendor": "milvus", "rotate_connection": CASES["milvus"].connection(double), "rotate_store_path": store.options["store_path"],
        }  # fmt: skip
        inventory = {host: {"rotate_users": [{"name": user_of(host), "current_password": old_password(user_of(host))}]} for host in hosts}
        (tmp_path / "runner").mkdir()
        slices = Slices(tmp_path / "runner", COLLECTIONS, {"all": {"hosts": inventory, "vars": variables}}, VAULT_PASSWORD)
        slices.run(PROCESSES)

        assert double.writes == HOSTS
        for host in hosts:
            record = store.open(host).get([user_of(host)])[user_of(host)].record
            assert (record.status, record.verified, record.pending, record.previous) == ("current", True, None, old_password(user_of(host))), host
            assert double.can_log_in(user_of(host), record.password), host
            assert record.password == pending.get(host, record.password), host

        # And once more, sliced otherwise: there is nothing left to do.
        slices.run(PROCESSES - 1)
        assert double.writes == HOSTS
