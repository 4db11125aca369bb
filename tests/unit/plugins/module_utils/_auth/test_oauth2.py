# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens by OAuth 2.0: what is sent, what each answer means, and that none of it is shown."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth.oauth2 import Grant, TokenEndpoint
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN

from tests.unit.plugins.module_utils.answers import make_answer

SECRET = "S3cr3t-MARKER"
TOKEN = "S3cr3t-MARKER-token"
BASIC = b"Basic Y2xpZW50OlMzY3IzdC1NQVJLRVI="


class Client:
    """A client that gives one answer, and notes what it was asked."""

    def __init__(self, *answer):
        self.requests = []
        self._answer = make_answer(*answer, secrets=[SECRET])

    def request(self, method, path, kind, data=None, headers=None):
        """Answer."""
        self.requests.append((method, path, kind, data, headers))
        return self._answer


@pytest.fixture(name="learned")
def what_was_learned():
    """The texts that must not be shown."""
    return []


def endpoint(client, learned):
    """What is under test."""
    return TokenEndpoint(client, "/issue", "/revoke", learned.append)


def failure(client, learned, ask):
    """The error of a question."""
    with pytest.raises(PasswordError) as caught:
        ask(endpoint(client, learned))
    assert "MARKER" not in repr(caught.value.as_dict()) + caught.value.message and not caught.value.maybe_applied
    return caught.value


def as_client(tokens):
    """The login of a client."""
    return tokens.for_client("client", SECRET)


def as_user(tokens):
    """The login of a user."""
    return tokens.for_user("j\u00fcrgen", SECRET)


def test_a_client_shows_its_secret_in_the_header_only(learned):
    client = Client(200, {"access_token": TOKEN, "id_token": "S3cr3t-id", "refresh_token": "S3cr3t-refresh", "token_type": "bearer", "expires_in": 7200})
    assert as_client(endpoint(client, learned)) == TOKEN
    assert client.requests == [("POST", "/issue", LOGIN, {"grant_type": "client_credentials"}, {"Accept": "application/json", "Authorization": BASIC})]
    assert sorted(learned) == sorted([TOKEN, "S3cr3t-id", "S3cr3t-refresh"])


def test_a_user_needs_no_client(learned):
    client = Client(200, {"access_token": TOKEN})
    grant = as_user(endpoint(client, learned))
    assert grant == Grant(TOKEN) and "MARKER" not in repr(grant) and learned == [TOKEN]
    form = {"grant_type": "password", "username": "j\u00fcrgen", "password": SECRET}
    assert client.requests == [("POST", "/issue", LOGIN, form, {"Accept": "application/json"})]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal(learned, status):
    client = Client(status, {"error": "invalid_grant", "error_description": "Not " + SECRET})
    assert as_user(endpoint(client, learned)) == Grant(refusal="invalid_grant")
    error = failure(client, learned, as_client)
    assert (error.kind, error.http_status, error.vendor_code) == (errors.AUTHENTICATION_FAILED, status, "invalid_grant")
    assert error.message.endswith("Not ********")


def test_a_code_that_is_no_code_is_cut_and_masked(learned):
    refusal = as_user(endpoint(Client(400, {"error": SECRET + " x" * 5000}), learned)).refusal
    assert refusal.startswith("******** x") and len(refusal) < 400


@pytest.mark.parametrize("body", ["<p>Denied to S3cr3t-MARKER</p>", [], {}, {"error": {"code": 401}}, {"error": 1}])
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_by_somebody_else_says_nothing_about_a_user(learned, status, body):
    assert failure(Client(status, body), learned, as_user).kind == errors.UNEXPECTED_RESPONSE
    assert failure(Client(status, body), learned, as_client).kind == errors.AUTHENTICATION_FAILED


@pytest.mark.parametrize("ask", [as_client, as_user])
@pytest.mark.parametrize(
    "status, kind",
    [
        (413, errors.RATE_LIMITED),
        (429, errors.RATE_LIMITED),
        (500, errors.VENDOR_UNAVAILABLE),
        (503, errors.VENDOR_UNAVAILABLE),
        (404, errors.UNEXPECTED_RESPONSE),
        (201, errors.UNEXPECTED_RESPONSE),
        (204, errors.UNEXPECTED_RESPONSE),
    ],
)
def test_other_answers(learned, ask, status, kind):
    error = failure(Client(status, "odd " + SECRET), learned, ask)
    assert (error.kind, error.http_status) == (kind, status) and "odd" in error.message


@pytest.mark.parametrize("ask", [as_client, as_user])
@pytest.mark.parametrize("body", [{}, [], {"access_token": ""}, {"access_token": 1}, {"token": "S3cr3t-unknown"}, "S3cr3t-unknown"])
def test_a_success_without_a_token_is_not_shown(learned, ask, body):
    error = failure(Client(200, body), learned, ask)
    assert error.kind == errors.UNEXPECTED_RESPONSE and "S3cr3t" not in error.message


@pytest.mark.parametrize("client, authorization", [(None, {}), (("client", SECRET), {"Authorization": BASIC})])
def test_the_end_of_a_token(learned, client, authorization):
    server = Client(200, "")
    assert endpoint(server, learned).revoke(TOKEN, client) is True
    assert server.requests == [("POST", "/revoke", LOGIN, {"token": TOKEN}, dict({"Accept": "application/json"}, **authorization))]


@pytest.mark.parametrize("status", [204, 400, 401, 500])
def test_a_token_that_does_not_end(learned, status):
    assert endpoint(Client(status, {"error": "x"}), learned).revoke(TOKEN) is False
