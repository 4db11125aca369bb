# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog that comes with a token, and logins that give none."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth.service_token import Endpoint, ServiceToken, check_login
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.plugins.module_utils.answers import make_answer

TOKEN = ServiceToken("S3cr3t-MARKER-token", (
    Endpoint("object-store", "ONE", "public", "https://files.one"),
    Endpoint("database", "ONE", "public", "https://db.one/v1.0/1/"),
    Endpoint("database", "ONE", "internal", "https://internal.one"),
    Endpoint("database", "TWO", "public", "https://db.two"),
    Endpoint("dns", None, "public", "https://dns"),
    Endpoint("image", "ONE", "public", "https://image"),
    Endpoint("image", "TWO", "public", "https://image"),
))  # fmt: skip


@pytest.mark.parametrize(
    "service, region, interface, url",
    [
        ("database", "ONE", "public", "https://db.one/v1.0/1"),
        ("database", "TWO", "public", "https://db.two"),
        ("database", "ONE", "internal", "https://internal.one"),
        ("database", None, "internal", "https://internal.one"),
        ("dns", None, "public", "https://dns"),
        ("dns", "", "public", "https://dns"),
        # In several regions, but at one address.
        ("image", None, "public", "https://image"),
    ],
)
def test_the_one_address_that_fits(service, region, interface, url):
    assert TOKEN.url(service, region, interface) == url


@pytest.mark.parametrize(
    "service, region, interface, message",
    [
        (
            "database",
            None,
            "public",
            "The catalog has more than one address of a database service for region (not given) and interface public. "
            "It offers: ONE (internal), ONE (public), TWO (public). Correct region or interface.",
        ),
        (
            "database",
            "THREE",
            "public",
            "The catalog has no address of a database service for region THREE and interface public. It offers: ONE (internal), ONE (public), TWO (public). "
            "Correct region or interface.",
        ),
        (
            "database",
            "TWO",
            "admin",
            "The catalog has no address of a database service for region TWO and interface admin. It offers: ONE (internal), ONE (public), TWO (public). "
            "Correct region or interface.",
        ),
        (
            "rax:database",
            "ONE",
            "public",
            "The catalog has no address of a rax:database service for region ONE and interface public. It offers: none. Correct region or interface.",
        ),
    ],
)
def test_no_address_or_several(service, region, interface, message):
    with pytest.raises(PasswordError) as caught:
        TOKEN.url(service, region, interface)
    assert (caught.value.kind, caught.value.message) == (errors.TARGET_NOT_FOUND, message)


def test_the_token_is_not_printed():
    assert "MARKER" not in repr(TOKEN)


def test_a_login_that_works():
    check_login(make_answer(201), "Keystone", 201)


@pytest.mark.parametrize(
    "status, kind, text",
    [
        (401, errors.AUTHENTICATION_FAILED, "Keystone refused the login (hint)."),
        (403, errors.AUTHENTICATION_FAILED, "Keystone refused the login (hint)."),
        (413, errors.RATE_LIMITED, "Keystone is rate-limiting requests."),
        (429, errors.RATE_LIMITED, "Keystone is rate-limiting requests."),
        (500, errors.VENDOR_UNAVAILABLE, "Keystone failed."),
        (503, errors.VENDOR_UNAVAILABLE, "Keystone failed."),
        (404, errors.UNEXPECTED_RESPONSE, "The response to the login (HTTP 404) is not from Keystone. Check the address and any proxy."),
    ],
)
def test_a_login_that_does_not_work(status, kind, text):
    body = {"error": {"code": status, "title": "Title", "message": "S3cr3t-MARKER is wrong."}}
    with pytest.raises(PasswordError) as caught:
        check_login(make_answer(status, body, {"X-Openstack-Request-Id": "req-1"}, secrets=["S3cr3t-MARKER"]), "Keystone", 201, " (hint)")
    error = caught.value
    assert (error.kind, error.http_status, error.vendor_code, error.request_id) == (kind, status, status, "req-1")
    assert error.message == text + " The service said: ******** is wrong."
    assert error.maybe_applied is False


@pytest.mark.parametrize(
    "body",
    [
        {"access": {"token": {"id": "S3cr3t-MARKER-of-nobody"}}},
        '{"access": {"token": {"id": "S3cr3t-MARKER-of-nobody',
        {"x": {"message": "S3cr3t-MARKER-of-nobody"}},
    ],
)
def test_what_seems_to_be_a_login_is_not_shown(body):
    with pytest.raises(PasswordError) as caught:
        check_login(make_answer(200, body), "Keystone", 201)
    assert (caught.value.kind, caught.value.http_status) == (errors.UNEXPECTED_RESPONSE, 200)
    assert caught.value.message == "The response to the login (HTTP 200) is not from Keystone: it has no token. Check the address and any proxy."
