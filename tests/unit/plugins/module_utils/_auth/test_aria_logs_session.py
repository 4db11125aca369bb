# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions of Aria Operations for Logs."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth import aria_logs_session
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN

from tests.unit.plugins.module_utils.answers import OneAnswer, make_answer

REFUSED = {"errorMessage": "Invalid credentials or account is locked.", "errorCode": "FIELD_ERROR"}


@pytest.mark.parametrize("options, provider", [({}, "Local"), ({"provider": "vIDM"}, "vIDM")])
def test_a_login(options, provider):
    http = OneAnswer("https://logs.invalid", 200, {"userId": "u", "sessionId": "S3cr3t-MARKER-session", "ttl": 1800})
    answer = aria_logs_session.log_in(http, "\u00e4lice", "p\u00e4ss", **options)
    assert http.requests == [("POST", "/api/v2/sessions", LOGIN, {"username": "\u00e4lice", "password": "p\u00e4ss", "provider": provider})]
    assert aria_logs_session.session_id(answer) == "S3cr3t-MARKER-session"
    assert not aria_logs_session.is_refused(answer) and not aria_logs_session.has_ended(answer)


@pytest.mark.parametrize("body", [
    {}, [], {"sessionId": ""}, {"sessionId": ["S3cr3t-MARKER"]}, {"session": "S3cr3t-MARKER"}, "<html>", '{"sessionId": "S3cr3t-MARKER',
])  # fmt: skip
def test_an_answer_without_a_session(body):
    with pytest.raises(PasswordError, match="has no session") as caught:
        aria_logs_session.session_id(make_answer(200, body))
    assert caught.value.kind == errors.UNEXPECTED_RESPONSE and "MARKER" not in caught.value.message


@pytest.mark.parametrize("status, body, refused", [
    (401, REFUSED, True), (401, {"errorMessage": "Nein."}, True), (401, REFUSED["errorMessage"], True), (401, {}, False), (401, {"message": "no"}, False),
    (401, "<h1>You have supplied the wrong credentials</h1>", False), (403, REFUSED, False), (440, REFUSED, False), (200, REFUSED, False),
])  # fmt: skip
def test_a_refusal_of_the_servers_own(status, body, refused):
    assert aria_logs_session.is_refused(make_answer(status, body)) is refused


@pytest.mark.parametrize("status, ended", [(440, True), (401, False), (200, False), (403, False)])
def test_the_end_of_a_session(status, ended):
    assert aria_logs_session.has_ended(make_answer(status, "Login Timeout")) is ended
