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
from tests.integration.deliveries import Delivered
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


@pytest.mark.secrets
def test_a_secret_is_patched_and_its_workloads_are_rolled_out_once(ansible, double, cluster, environment):
    workloads = [{"name": "web"}, {"kind": "StatefulSet", "name": "worker"}]
    secret = {"host": cluster.url, "namespace": "shop", "secret": "database", "users": ["alice"], "workloads": workloads, "timeout": 30}
    delivered = Delivered(ansible, double, USERS, rotate_deliver_kubernetes=[secret])
    cluster.inject("answer", path="/secrets/database", method="PATCH", status=409, body={"kind": "Status", "code": 409, "reason": "Conflict"})

    run = delivered.run("kubernetes", ["alice"], env=environment, verbosity=5, diff=True)
    assert run.rc == 0, run.output
    expected = {"token": OTHER, "username": "alice", "password": delivered.password("alice")}
    assert cluster.data("database") == expected
    generations = {("deployments", "web"): 2, ("statefulsets", "worker"): 2}
    assert {key: cluster.generation(*key) for key in generations} == generations
    for plural, name in generations:
        assert cluster.objects[plural, "shop", name]["status"]["updatedReplicas"] == 2, name
    again = delivered.run("kubernetes", ["alice"], rotate=False, env=environment)
    assert (again.rc, again.stats["milvus-1"]["changed"]) == (0, 0), again.output
    assert {key: cluster.generation(*key) for key in generations} == generations
    assert not ansible.leaks({*delivered.rotation.secrets(), TOKEN, OTHER})


def test_a_refusal_and_a_rollout_that_does_not_end_are_failures(ansible, double, cluster, environment):
    workloads = [{"name": "web"}]
    secret = {"host": cluster.url, "namespace": "shop", "secret": "database", "users": ["alice"], "workloads": workloads, "timeout": 1}
    delivered = Delivered(ansible, double, USERS, rotate_deliver_kubernetes=[secret])
    cluster.allowed = {("get", "secrets")}
    run = delivered.run("kubernetes", ["alice"], env=environment)
    assert run.rc != 0 and 'was not written. \\"reason\\":\\"Forbidden\\"' in run.output, run.output
    assert cluster.data("database")["password"] == "S3cr3t-MARKER-earlier"
    cluster.allowed, cluster.stuck = None, True
    run = delivered.run("kubernetes", ["alice"], rotate=False, env=environment)
    assert run.rc != 0 and "rotate_deliver_kubernetes[0]: The rollout is not complete." in run.output, run.output
    # The Secret was written; what is left is the rollout, which is not begun again.
    cluster.stuck = False
    assert delivered.run("kubernetes", ["alice"], rotate=False, env=environment).rc == 0
    assert cluster.generation("deployments", "web") == 2
