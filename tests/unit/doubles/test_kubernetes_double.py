# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The double of Kubernetes: what it says of tokens."""

from __future__ import annotations

import base64
import json

import pytest
import requests

from tests.doubles.kubernetes import ACCOUNT, NAMESPACE, REVIEWS, KubernetesDouble


@pytest.fixture(name="double")
def a_double():
    with KubernetesDouble() as running:
        yield running


def review(double, token, reviewer=None):
    """The answer to whose token it is: status and body."""
    body = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": {"token": token}}
    answer = requests.post(double.url + REVIEWS, json=body, headers={"Authorization": "Bearer " + (reviewer or double.reviewer)}, timeout=5)
    return answer.status_code, answer.json()


def claims(token):
    """What stands in a token."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_token_says_whose_it_is_and_a_review_agrees(double):
    token = double.issue()
    status, body = review(double, token)
    assert status == 201 and body["kind"] == "TokenReview" and body["status"]["authenticated"] is True
    account = claims(token)["kubernetes.io"]["serviceaccount"]
    assert (body["status"]["user"]["username"], body["status"]["user"]["uid"]) == (claims(token)["sub"], account["uid"])
    assert claims(token)["sub"] == "system:serviceaccount:%s:%s" % (NAMESPACE, ACCOUNT)
    assert claims(double.issue())["kubernetes.io"]["serviceaccount"] == account != claims(double.issue("other"))["kubernetes.io"]["serviceaccount"]


@pytest.mark.parametrize("end", ["the pod", "the account", "time", "never issued"])
def test_a_token_that_has_ended_is_not_authenticated(double, end):
    token = double.issue(lifetime=-1 if end == "time" else 600)
    if end == "the pod":
        double.delete_pod(token)
    elif end == "the account":
        double.accounts.clear()
    elif end == "never issued":
        token = "S3cr3t-MARKER"
    status, body = review(double, token)
    assert status == 201 and body["status"]["authenticated"] is False and body["status"]["user"] == {}


def test_not_everybody_may_ask(double):
    token = double.issue()
    assert review(double, token, reviewer=token)[0] == 401
    double.forbids = True
    status, body = review(double, token)
    assert (status, body["kind"], body["code"]) == (403, "Status", 403)
