# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of Rackspace Identity, as the double keeps them."""

from __future__ import annotations

import pytest
import requests

from tests.doubles.rackspace_identity import API_KEY, PASSWORD, TOKENS, RackspaceIdentityDouble

SECRET = "S3cr3t-MARKER-alice"
KEY = "S3cr3t-MARKER-key"
UNAUTHORIZED = {"unauthorized": {"code": 401, "message": "Unable to authenticate user with credentials provided."}}


@pytest.fixture(name="double")
def a_double():
    """With one user, and two regions."""
    with RackspaceIdentityDouble(
        {"alice": SECRET}, api_keys={"alice": KEY}, endpoints={"ORD": "http://ord.invalid/v1.0/123456", "LON": "http://lon.invalid/v1.0/123456"}
    ) as running:
        yield running


def login(double, kind=API_KEY, name="alice", secret=KEY, **more):
    """One call."""
    member = "apiKey" if kind == API_KEY else "password"
    return requests.post(double.url + TOKENS, json={"auth": {kind: {"username": name, member: secret}, **more}}, timeout=5)


@pytest.mark.parametrize("kind, secret, method", [(API_KEY, KEY, "APIKEY"), (PASSWORD, SECRET, "PASSWORD")])
def test_a_login(double, kind, secret, method):
    answer = login(double, kind, secret=secret)
    assert answer.status_code == 200
    access = answer.json()["access"]
    assert access["token"]["tenant"] == {"id": "123456", "name": "123456"}
    assert access["token"]["RAX-AUTH:authenticatedBy"] == [method]
    assert access["token"]["expires"].endswith("Z")
    assert double.issued == [access["token"]["id"]]
    assert double.requests[-1].authenticated_as == "alice" and not double.requests[-1].write


def test_the_catalog_has_another_tenant_and_other_regions(double):
    catalog = login(double).json()["access"]["serviceCatalog"]
    assert [entry["type"] for entry in catalog] == ["object-store", "rax:database"]
    assert catalog[0]["endpoints"][0]["tenantId"] == "MossoCloudFS_123456"
    assert catalog[1]["endpoints"] == [
        {"region": region, "tenantId": "123456", "publicURL": f"http://{region.lower()}.invalid/v1.0/123456"} for region in ("ORD", "LON")
    ]


@pytest.mark.parametrize(
    "kind, name, secret",
    [
        (API_KEY, "alice", SECRET),
        (API_KEY, "nobody", KEY),
        (PASSWORD, "alice", KEY),
        (PASSWORD, "nobody", SECRET),
        (PASSWORD, "Alice", SECRET),
    ],
)
def test_wrong_credentials(double, kind, name, secret):
    answer = login(double, kind, name, secret)
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert double.failed_logins == {name: 1} and not double.issued


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"auth": {}}',
        b'{"auth": []}',
        b'{"auth": {"passwordCredentials": {"username": "alice"}}}',
        b'{"auth": {"passwordCredentials": {"username": 1, "password": 2}}}',
        b'{"auth": {"passwordCredentials": null}}',
    ],
)
def test_bodies_that_are_not_understood(double, body):
    answer = requests.post(double.url + TOKENS, data=body, timeout=5)
    assert (answer.status_code, answer.json()["badRequest"]["code"]) == (400, 400)


@pytest.mark.parametrize("tenant, status", [("123456", 200), ("MossoCloudFS_123456", 200), ("654321", 401)])
def test_a_tenant(double, tenant, status):
    assert login(double, tenantId=tenant).status_code == status


def test_a_second_factor_is_wanted_with_a_password_only(double):
    double.multi_factor.add("alice")
    answer = login(double, PASSWORD, secret=SECRET)
    assert (answer.status_code, answer.json()["unauthorized"]["message"]) == (401, "Additional authentication credentials required")
    assert answer.headers["WWW-Authenticate"].startswith("OS-MF sessionId=")
    assert login(double).status_code == 200


def test_a_disabled_user(double):
    double.disabled.add("alice")
    assert login(double).json() == {"userDisabled": {"code": 403, "message": "User 'alice' is disabled."}}


def test_tokens_expire_on_command(double):
    revoked = []
    double.tokens.revoke = revoked.append
    tokens = [login(double).json()["access"]["token"]["id"] for _number in range(2)]
    assert (double.expire_tokens(), double.expire_tokens()) == (2, 0)
    assert revoked == tokens


def test_other_paths(double):
    answer = requests.get(double.url + "/v2.0/users", timeout=5)
    assert (answer.status_code, answer.json()["itemNotFound"]["code"]) == (404, 404)


def test_nothing_secret_is_shown(double):
    login(double)
    double.inject("echo", status=400)
    assert KEY in login(double).text
    shown = repr(double) + repr(double.requests) + str(double.summary()) + repr(double.api_keys)
    assert KEY not in shown and SECRET not in shown
