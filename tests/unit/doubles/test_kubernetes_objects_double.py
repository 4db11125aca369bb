# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The double of a Kubernetes API server that keeps Secrets and workloads."""

from __future__ import annotations

import base64

import pytest
import requests

from tests.doubles.kubernetes_objects import TOKEN, KubernetesObjectsDouble

SECRET = "/api/v1/namespaces/shop/secrets/database"
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
RESTART = {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}}


@pytest.fixture
def cluster():
    with KubernetesObjectsDouble() as running:
        running.add_secret("database", token="S3cr3t-MARKER-token")
        running.add_workload("deployments", "web")
        yield running


def ask(cluster, method, path, body=None, token=TOKEN):
    return requests.request(method, cluster.url + path, json=body, headers={"Authorization": "Bearer " + token}, timeout=10)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def test_a_patch_keeps_what_it_does_not_name_and_counts(cluster):
    before = ask(cluster, "GET", SECRET).json()["metadata"]["resourceVersion"]
    answer = ask(cluster, "PATCH", SECRET, {"data": {"password": encoded("S3cr3t-MARKER-new")}})
    assert answer.status_code == 200 and int(answer.json()["metadata"]["resourceVersion"]) > int(before)
    assert cluster.data("database") == {"token": "S3cr3t-MARKER-token", "password": "S3cr3t-MARKER-new"}
    stale = ask(cluster, "PATCH", SECRET, {"metadata": {"resourceVersion": before}, "data": {"password": None}})
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    # What changes nothing is no change.
    same = ask(cluster, "PATCH", SECRET, {"data": {"password": encoded("S3cr3t-MARKER-new")}})
    assert same.json()["metadata"]["resourceVersion"] == answer.json()["metadata"]["resourceVersion"]


def test_a_dry_run_answers_as_if_and_changes_nothing(cluster):
    answer = ask(cluster, "PATCH", SECRET + "?dryRun=All", {"data": {"password": encoded("S3cr3t-MARKER-new")}})
    assert "password" in answer.json()["data"] and "password" not in cluster.data("database") and cluster.writes == 0


def test_who_may_do_what(cluster):
    assert ask(cluster, "GET", SECRET, token="S3cr3t-MARKER-other").status_code == 401
    cluster.allowed = {("get", "secrets")}
    assert ask(cluster, "GET", SECRET).status_code == 200
    assert ask(cluster, "PATCH", SECRET, {"data": {}}).json()["reason"] == "Forbidden"
    cluster.allowed = None
    assert ask(cluster, "PATCH", SECRET + "-2", {"data": {}}).json()["reason"] == "NotFound"


@pytest.mark.parametrize("stuck", (False, True))
def test_a_rollout_goes_on_while_somebody_looks(cluster, stuck):
    cluster.stuck = stuck
    assert ask(cluster, "PATCH", WEB, RESTART).json()["metadata"]["generation"] == 2
    seen = []
    for _look in range(5):
        status = ask(cluster, "GET", WEB).json()["status"]
        seen.append((status["observedGeneration"], status["updatedReplicas"], status["availableReplicas"]))
    # At first the old pods all run, as those of a real Deployment do.
    assert seen == [(2, 0, 2), (2, 1, 1), *([(2, 1, 1)] * 3 if stuck else [(2, 2, 2)] * 3)]
