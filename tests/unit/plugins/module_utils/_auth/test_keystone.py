# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of Keystone."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth import keystone
from ansible_collections.rekey.passwords.plugins.module_utils._auth.service_token import Endpoint
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN

from tests.unit.plugins.module_utils.answers import OneAnswer

TOKEN = {"X-Subject-Token": "S3cr3t-MARKER-token"}
CATALOG = [
    {"type": "identity", "endpoints": []},
    {"type": "database", "endpoints": [
        {"interface": "public", "region_id": "One", "region": "Other", "url": "https://one"}, {"interface": "internal", "region": "Two", "url": "https://two"},
        {"interface": "admin", "region_id": "One", "url": None},
    ]},
]  # fmt: skip


def test_a_login_with_a_password():
    project = {"name": "shop", "domain": {"name": "projects"}}
    assert keystone.by_password("operator", "S3cr3t", {"name": "people"}, project) == {"auth": {
        "identity": {"methods": ["password"], "password": {"user": {"name": "operator", "domain": {"name": "people"}, "password": "S3cr3t"}}},
        "scope": {"project": {"name": "shop", "domain": {"name": "projects"}}},
    }}  # fmt: skip


def test_a_login_with_an_application_credential_names_no_project():
    assert keystone.by_application_credential("id-1", "S3cr3t") == {"auth": {
        "identity": {"methods": ["application_credential"], "application_credential": {"id": "id-1", "secret": "S3cr3t"}},
    }}  # fmt: skip


@pytest.mark.parametrize(
    "url, path",
    [
        ("https://keystone:5000", "/v3/auth/tokens"),
        ("https://keystone:5000/v3", "/auth/tokens"),
        ("https://cloud/identity", "/v3/auth/tokens"),
        ("https://cloud/identity/v3", "/auth/tokens"),
    ],
)
def test_a_login(url, path):
    http = OneAnswer(url, 201, {"token": {"catalog": CATALOG}}, TOKEN)
    token = keystone.log_in(http, {"auth": "body"})
    # A wrong password may count there: it is not sent again after any fault that proves nothing.
    assert http.requests == [("POST", path, LOGIN, {"auth": "body"})]
    assert token.token == "S3cr3t-MARKER-token"
    assert token.endpoints == (Endpoint("database", "One", "public", "https://one"), Endpoint("database", "Two", "internal", "https://two"))


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"token": None},
        {"token": "x"},
        {"token": {"catalog": None}},
        {"token": {"catalog": "x"}},
        {"token": {"catalog": ["x", {"endpoints": "x"}]}},
        {"token": {"catalog": [{"type": "database", "endpoints": [{"url": 7}]}]}},
        "<html>",
    ],
)
def test_a_catalog_that_is_none(body):
    assert keystone.log_in(OneAnswer("https://keystone", 201, body, TOKEN), {}).endpoints == ()


def test_an_answer_without_a_token():
    with pytest.raises(PasswordError, match="has no token") as caught:
        keystone.log_in(OneAnswer("https://keystone", 201, {"token": {}}), {})
    assert caught.value.kind == errors.UNEXPECTED_RESPONSE and "MARKER" not in caught.value.message


@pytest.mark.parametrize(
    "status, kind",
    [(401, errors.AUTHENTICATION_FAILED), (503, errors.VENDOR_UNAVAILABLE), (300, errors.UNEXPECTED_RESPONSE), (200, errors.UNEXPECTED_RESPONSE)],
)
def test_no_token(status, kind):
    with pytest.raises(PasswordError, match="Keystone") as caught:
        keystone.log_in(OneAnswer("https://keystone", status, {"error": {"message": "No."}}), {})
    assert caught.value.kind == kind
