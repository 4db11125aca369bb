# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the part of a Kubernetes API server that others ask whose token they were shown: service accounts, their tokens, TokenReview.

From the documentation: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/ and
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ (tokens bound to a pod end with it).
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from starlette.responses import JSONResponse

from tests.doubles.base import Double
from tests.doubles.signed_tokens import Issuer

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
NAMESPACE, ACCOUNT = "rekey", "rotator"


@dataclass
class Issued:
    """What is known of a token; ``pod`` is the pod that it is bound to."""

    namespace: str
    account: str
    uid: str
    pod: str
    expires: float


class KubernetesDouble(Double):
    """An API server. ``reviewer`` is the token of whoever may ask for reviews; ``forbids`` makes it refuse to review anything.

    ``accounts`` are by (namespace, name), ``tokens`` what was issued, without those that have been withdrawn.
    """

    vendor = "kubernetes"

    def __init__(self, users=None, **options):
        self._issuer = Issuer()
        self.accounts = {}
        self.tokens = {}
        self.forbids = False
        self.reviewer = self._issuer.sign(sub="system:serviceaccount:vault:reviewer")
        super().__init__(users, **options)

    def routes(self):
        return [("POST", REVIEWS, self._review)]

    def is_write(self, received):
        return False

    def inspect(self, received):
        received.secrets = [received.headers.get("authorization", "").partition(" ")[2]]
        if received.path == REVIEWS:
            received.secrets.append(received.json()["spec"]["token"])
            issued = self.tokens.get(received.secrets[-1])
            received.user = issued and issued.account

    def authenticate(self, received):
        if received.headers.get("authorization") != "Bearer " + self.reviewer:
            return self.error(401, "Unauthorized")
        received.authenticated_as = "reviewer"
        return None

    def error(self, status, message):
        return JSONResponse({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": status}, status)

    # What a test calls.

    def issue(self, account=ACCOUNT, namespace=NAMESPACE, lifetime=600.0):
        """A token for a new pod of a service account, as it lies in the pod's file system.

        :param lifetime: seconds from now; negative for one that has expired.
        """
        with self.lock:
            uid = self.accounts.setdefault((namespace, account), str(uuid.uuid4()))
            pod = "%s-%d" % (account, len(self.tokens))
            bound = {"namespace": namespace, "serviceaccount": {"name": account, "uid": uid}, "pod": {"name": pod, "uid": str(uuid.uuid4())}}
            token = self._issuer.sign(
                lifetime,
                **{
                    "iss": "https://kubernetes.default.svc.cluster.local",
                    "sub": "system:serviceaccount:%s:%s" % (namespace, account),
                    "aud": ["https://kubernetes.default.svc.cluster.local"],
                    "kubernetes.io": bound,
                },
            )
            self.tokens[token] = Issued(namespace, account, uid, pod, time.time() + lifetime)
            return token

    def delete_pod(self, token):
        """Delete the pod that a token is bound to, with which the token ends."""
        with self.lock:
            del self.tokens[token]

    def _review(self, received):
        if self.forbids:
            return self.error(403, "tokenreviews.authentication.k8s.io is forbidden")
        body = received.json()
        return JSONResponse({**body, "status": self._status(body["spec"]["token"])}, 201)

    def _status(self, token):
        issued = self.tokens.get(token)
        if issued is None or self.accounts.get((issued.namespace, issued.account)) != issued.uid:
            return {"authenticated": False, "user": {}, "error": "[invalid bearer token, service account token has been invalidated]"}
        if issued.expires <= time.time():
            return {"authenticated": False, "user": {}, "error": "[invalid bearer token, service account token has expired]"}
        groups = ["system:serviceaccounts", "system:serviceaccounts:" + issued.namespace, "system:authenticated"]
        extra = {"authentication.kubernetes.io/pod-name": [issued.pod]}
        user = {"username": "system:serviceaccount:%s:%s" % (issued.namespace, issued.account), "uid": issued.uid, "groups": groups, "extra": extra}
        return {"authenticated": True, "user": user, "audiences": ["https://kubernetes.default.svc.cluster.local"]}


DOUBLE = KubernetesDouble
