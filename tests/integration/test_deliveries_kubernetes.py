# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries to Kubernetes with the real collection kubernetes.core, on a double of the API: what is patched, what is rolled out, what is shown."""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.doubles.kubernetes_objects import TOKEN, KubernetesObjectsDouble
from tests.doubles.milvus import MilvusDouble
from tests.integration.conftest import COLLECTIONS
from tests.integration.deliveries import ENDPOINT, Delivered, documented
from tests.integration.real_stores import unavailable
from tests.integration.rotation import old_password
from tests.servers import awx_collection, machine

USERS = ("alice", "bob")
OTHER = "S3cr3t-MARKER-of-somebody-else"
pytestmark = [pytest.mark.real]


@pytest.fixture
def double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


@pytest.fixture
def cluster():
    with KubernetesObjectsDouble() as running:
        running.add_secret("database", token=OTHER, password="S3cr3t-MARKER-earlier")
        running.add_workload("deployments", "web")
        running.add_workload("statefulsets", "worker")
        yield running


@pytest.fixture(scope="module")
def environment():
    """The collection, and the library that it needs."""
    if importlib.util.find_spec("kubernetes") is None:
        unavailable("the Python package kubernetes is not installed")
    try:
        folder = awx_collection.installed(machine.default_cache_dir())
    except machine.Unavailable as error:
        unavailable(error.reason)
    return {"ANSIBLE_COLLECTIONS_PATH": os.pathsep.join([str(COLLECTIONS), str(folder)]), "K8S_AUTH_API_KEY": TOKEN}


def test_a_secret_is_patched_and_its_workloads_are_rolled_out_once(ansible, double, cluster, environment):
    replaced = {"https://kubernetes.example.com:6443": cluster.url, "timeout: 300": "timeout: 1"}
    delivered = Delivered(ansible, double, USERS, rotate_deliver_kubernetes=documented("rotate_deliver_kubernetes", replaced))
    generations = {("deployments", "web"): 2, ("statefulsets", "worker"): 2}

    cluster.allowed = {("get", "secrets")}
    run = delivered.run("kubernetes", ["alice"], env=environment, verbosity=5, diff=True)
    assert run.rc != 0 and "Forbidden" in run.result("Fail without showing the Secret")["msg"], run.output
    assert cluster.data("database") == {"token": OTHER, "password": "S3cr3t-MARKER-earlier"}

    cluster.allowed = None
    dry = delivered.run("kubernetes", ["alice"], rotate=False, env=environment, check=True)
    assert (dry.rc, cluster.writes, dry.stats[ENDPOINT]["changed"]) == (0, 0, 3), dry.output

    cluster.stuck = True
    run = delivered.run("kubernetes", ["alice"], rotate=False, env=environment)
    assert run.rc != 0 and "rotate_deliver_kubernetes[0]: The rollout is not complete." in run.output, run.output
    assert cluster.data("database") == {"token": OTHER, "password": delivered.password("alice"), "user": "alice"}

    # What is left is the rollout, which is not begun again; and the workload that comes after it.
    cluster.stuck = False
    delivered.rotation.variables["rotate_deliver_kubernetes"][0]["timeout"] = 60
    cluster.inject("answer", path="/secrets/database", method="PATCH", status=409, body={"kind": "Status", "code": 409, "reason": "Conflict"})
    run = delivered.run("kubernetes", ["alice"], rotate=False, env=environment, verbosity=5, diff=True)
    assert (run.rc, run.stats[ENDPOINT]["changed"]) == (0, 1), run.output
    assert {key: cluster.generation(*key) for key in generations} == generations
    for plural, name in generations:
        assert cluster.objects[plural, "shop", name]["status"]["updatedReplicas"] == 2, name
    assert not ansible.leaks({*delivered.rotation.secrets(), TOKEN, OTHER})
