# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the part of a Kubernetes API server that keeps Secrets and workloads: discovery, reads, creations, merge patches, rollouts.

From the documentation: https://kubernetes.io/docs/reference/using-api/api-concepts/ (resource versions, conflicts, dry run, discovery),
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status (what a rollout looks like), RFC 7386 (merge patches).
"""

from __future__ import annotations

import base64
import copy
import urllib.parse

from starlette.responses import JSONResponse

from tests.doubles.base import Double

TOKEN = "S3cr3t-MARKER-kubernetes-token"
KINDS = {
    "secrets": ("v1", "Secret"),
    "deployments": ("apps/v1", "Deployment"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "daemonsets": ("apps/v1", "DaemonSet"),
}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
REPLICAS = 2


def merged(target, patch):
    """A document with a merge patch applied (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class KubernetesObjectsDouble(Double):
    """An API server. ``objects`` are by (plural, namespace, name).

    ``allowed`` holds pairs of a verb and a plural, ``None`` allows everything; ``stuck`` makes every rollout stop half way.
    A rollout goes on by one step each time somebody looks at the workload.
    """

    vendor = "kubernetes_objects"

    def __init__(self, users=None, **options):
        self.objects = {}
        self.allowed = None
        self.stuck = False
        self._version = 100
        super().__init__(users, **options)

    def routes(self):
        found = [
            ("GET", "/version", lambda received: JSONResponse({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})),
            ("GET", "/api", lambda received: JSONResponse({"kind": "APIVersions", "versions": ["v1"]})),
            ("GET", "/apis", self._groups),
            ("GET", "/api/v1", lambda received: self._resources("v1")),
            ("GET", "/apis/apps/v1", lambda received: self._resources("apps/v1")),
        ]
        for root in ("/api/v1", "/apis/apps/v1"):
            path = root + "/namespaces/{namespace}/{plural}"
            found += [("POST", path, self._create), ("GET", path + "/{name}", self._read), ("PATCH", path + "/{name}", self._patch)]
        return found

    def is_write(self, received):
        return received.method != "GET"

    def inspect(self, received):
        received.secrets = [received.headers.get("authorization", "").partition(" ")[2]]

    def authenticate(self, received):
        if received.headers.get("authorization") != "Bearer " + TOKEN:
            return self._status(401, "Unauthorized", "Unauthorized")
        return None

    def not_found(self, received):
        return self._status(404, "NotFound", "the server could not find the requested resource")

    # What a test calls.

    def add_secret(self, name, namespace="shop", **data):
        """Create a Secret; the values are texts."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self._keep("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "type": "Opaque", "data": encoded})

    def add_workload(self, plural, name, namespace="shop"):
        """Create a workload whose pods all run."""
        version, kind = KINDS[plural]
        spec = {"replicas": REPLICAS, "template": {"metadata": {"labels": {"app": name}}}, "updateStrategy": {"type": "RollingUpdate"}}
        workload = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace, "generation": 1}, "spec": spec}
        self._keep(plural, dict(workload, status=_status_of(1, REPLICAS)))

    def data(self, name, namespace="shop"):
        """What a Secret holds, as texts."""
        with self.lock:
            return {key: base64.b64decode(value).decode() for key, value in self.objects["secrets", namespace, name]["data"].items()}

    def generation(self, plural, name, namespace="shop"):
        """How often the specification of a workload has been set."""
        with self.lock:
            return self.objects[plural, namespace, name]["metadata"]["generation"]

    # What it does.

    def _groups(self, received):
        version = {"groupVersion": "apps/v1", "version": "v1"}
        return JSONResponse({"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "apps", "versions": [version], "preferredVersion": version}]})

    def _resources(self, version):
        found = [
            {"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": VERBS}
            for plural, (of_version, kind) in KINDS.items()
            if of_version == version
        ]
        return JSONResponse({"kind": "APIResourceList", "groupVersion": version, "resources": found})

    def _keep(self, plural, document):
        with self.lock:
            self._version += 1
            document["metadata"]["resourceVersion"] = str(self._version)
            self.objects[plural, document["metadata"]["namespace"], document["metadata"]["name"]] = document

    def _refusal(self, verb, plural, name):
        if self.allowed is not None and (verb, plural) not in self.allowed:
            return self._status(403, "Forbidden", '%s "%s" is forbidden: User "rekey" cannot %s resource "%s"' % (plural, name, verb, plural))
        return None

    def _status(self, code, reason, message):
        return JSONResponse(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code}, code
        )

    def error(self, status, message):
        return self._status(status, "Conflict" if status == 409 else "InternalError", message)

    def _read(self, received, namespace, plural, name):
        found = self.objects.get((plural, namespace, name))
        refusal = self._refusal("get", plural, name) or (None if found else self._status(404, "NotFound", '%s "%s" not found' % (plural, name)))
        if refusal:
            return refusal
        if plural != "secrets":
            self._advance(found)
        return JSONResponse(found)

    def _advance(self, workload):
        status, generation = workload["status"], workload["metadata"]["generation"]
        updated = status["updatedReplicas"] if status["observedGeneration"] == generation else -1
        done = min(updated + 1, REPLICAS - 1 if self.stuck and updated < REPLICAS else REPLICAS)
        workload["status"] = _status_of(generation, done)

    def _create(self, received, namespace, plural):
        document = received.json()
        refusal = self._refusal("create", plural, document["metadata"]["name"])
        if refusal:
            return refusal
        if not self._is_dry(received):
            self.commit(received, lambda: self._keep(plural, document))
        return JSONResponse(document, 201)

    def _patch(self, received, namespace, plural, name):
        found = self.objects.get((plural, namespace, name))
        refusal = self._refusal("patch", plural, name) or (None if found else self._status(404, "NotFound", '%s "%s" not found' % (plural, name)))
        if refusal:
            return refusal
        patch = received.json()
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in (None, found["metadata"]["resourceVersion"]):
            return self._status(409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
        new = merged(copy.deepcopy(found), patch)
        if new == found:
            return JSONResponse(found)
        if new.get("spec") != found.get("spec"):
            new["metadata"]["generation"] += 1
        if not self._is_dry(received):
            self.commit(received, lambda: self._keep(plural, new))
        return JSONResponse(new)

    @staticmethod
    def _is_dry(received):
        return "All" in urllib.parse.parse_qs(received.query.decode()).get("dryRun", [])


def _status_of(generation, updated):
    """The status of a workload of which so many pods are new and run; the others still run, or are being replaced."""
    running = REPLICAS if updated in (0, REPLICAS) else REPLICAS - 1
    return {
        "observedGeneration": generation,
        "replicas": REPLICAS,
        "updatedReplicas": updated,
        "readyReplicas": running,
        "availableReplicas": running,
        "unavailableReplicas": REPLICAS - running,
        "currentRevision": "new" if updated == REPLICAS else "old",
        "updateRevision": "new",
        "desiredNumberScheduled": REPLICAS,
        "updatedNumberScheduled": updated,
        "numberReady": running,
    }


DOUBLE = KubernetesObjectsDouble
