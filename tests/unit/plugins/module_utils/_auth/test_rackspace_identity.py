# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of Rackspace Identity."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth import rackspace_identity
from ansible_collections.rekey.passwords.plugins.module_utils._auth.service_token import Endpoint
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN

from tests.unit.plugins.module_utils.answers import OneAnswer

ACCESS = {
    "token": {"id": "S3cr3t-MARKER-token", "tenant": {"id": "123456"}},
    "serviceCatalog": [
        {
            "type": "object-store",
            "endpoints": [{"region": "DFW", "tenantId": "MossoCloudFS_1", "publicURL": "https://files", "internalURL": "https://snet-files"}],
        },
        {"type": "rax:database", "endpoints": [{"region": "DFW", "publicURL": "https://dfw"}, {"region": "ORD", "publicURL": "https://ord", "adminURL": 7}]},
    ],
}


@pytest.mark.parametrize(
    "options, credentials",
    [
        ({"api_key": "k"}, {"RAX-KSKEY:apiKeyCredentials": {"username": "operator", "apiKey": "k"}}),
        ({"password": "p"}, {"passwordCredentials": {"username": "operator", "password": "p"}}),
        ({"api_key": "k", "password": "p"}, {"RAX-KSKEY:apiKeyCredentials": {"username": "operator", "apiKey": "k"}}),
        ({"api_key": "k", "account": "123456"}, {"RAX-KSKEY:apiKeyCredentials": {"username": "operator", "apiKey": "k"}, "tenantId": "123456"}),
    ],
)
def test_a_login(options, credentials):
    http = OneAnswer(rackspace_identity.URL, 200, {"access": ACCESS})
    token = rackspace_identity.log_in(http, "operator", **options)
    assert http.requests == [("POST", "/tokens", LOGIN, {"auth": credentials})]
    assert token.token == "S3cr3t-MARKER-token"
    assert token.endpoints == (
        Endpoint("object-store", "DFW", "public", "https://files"), Endpoint("object-store", "DFW", "internal", "https://snet-files"),
        Endpoint("rax:database", "DFW", "public", "https://dfw"), Endpoint("rax:database", "ORD", "public", "https://ord"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "catalog", [None, "x", ["x"], [{"endpoints": None}], [{"endpoints": ["x"]}], [{"type": "rax:database", "endpoints": [{"publicURL": []}]}]]
)
def test_a_catalog_that_is_none(catalog):
    http = OneAnswer(rackspace_identity.URL, 200, {"access": dict(ACCESS, serviceCatalog=catalog)})
    assert rackspace_identity.log_in(http, "operator", "k").endpoints == ()


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"access": None},
        {"access": {"token": "x"}},
        {"access": {"token": {"id": 7}}},
        {"access": {"token": {"id": ""}}},
        "<html>",
        {"access": {"tokens": [{"id": "S3cr3t-MARKER-token"}]}},
        '{"access": {"token": {"id": "S3cr3t-MARKER-token"',
    ],
)
def test_an_answer_without_a_token(body):
    with pytest.raises(PasswordError, match="has no token") as caught:
        rackspace_identity.log_in(OneAnswer(rackspace_identity.URL, 200, body), "operator", "k")
    assert caught.value.kind == errors.UNEXPECTED_RESPONSE and "MARKER" not in caught.value.message


@pytest.mark.parametrize(
    "options, message",
    [
        ({"api_key": "k"}, "Rackspace Identity refused the login. The service said: Username or api key is invalid."),
        (
            {"password": "p"},
            "Rackspace Identity refused the login (users with multi-factor authentication need an API key). The service said: Username or api key is invalid.",
        ),
    ],
)
def test_a_refused_login(options, message):
    http = OneAnswer(rackspace_identity.URL, 401, {"unauthorized": {"code": 401, "message": "Username or api key is invalid."}})
    with pytest.raises(PasswordError) as caught:
        rackspace_identity.log_in(http, "operator", **options)
    assert (caught.value.kind, caught.value.message, caught.value.vendor_code) == (errors.AUTHENTICATION_FAILED, message, 401)
