# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every answer of Aria Operations for Logs that is no success: what it is told as, and what is not done any more."""

from __future__ import annotations

import pytest

from tests.doubles.aria_logs import CHANGE, LOGIN, NOT_BOOTSTRAPPED, OPERATOR, REFUSED_LOGIN, SEARCH
from tests.doubles.aria_logs_people import EDIT, VIEW
from tests.unit.calls import verdict, verdicts
from tests.unit.plugins.module_utils._vendors.aria_logs_calls import NEW, OLD, alice, make, run, story
from tests.unit.plugins.module_utils.fake_vendor import Clock

BEGIN = ["login operator", "list"]
BOB = {"name": "bob", "password": NEW}
CODE = "com.vmware.loginsight.api.errors."
TOO_WEAK = CODE + "field_password_not_secure"
REASON = "Password must have only visible ASCII characters including space, must be at least 8 characters long."
NOT_SECURE = {
    "errorMessage": "Some fields have incorrect values",
    "errorCode": "FIELD_ERROR",
    "errorDetails": {"password": [{"errorCode": TOO_WEAK, "errorMessage": REASON}]},
}
NO_USER = {"errorMessage": "Specified user does not exist.", "errorCode": "RBAC_USERS_ERROR", "errorDetails": {"errorCode": CODE + "rbac.user_does_not_exist"}}
PAGE = "<html><head><title>Login</title></head><body><h1>Invalid credentials</h1>Ask your administrator.</body></html>"


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running
        assert not running.lockouts


@pytest.mark.parametrize("status, body, kind, code, part", [
    (400, NOT_SECURE, "password_rejected", TOO_WEAK, "Some fields have incorrect values " + REASON),
    (400, {"errorDetails": {"password": [{"errorMessage": "Too soon."}]}}, "password_rejected", None, "Too soon."),
    (400, {"errorDetails": {"password": []}}, "password_rejected", None, "refused the new password. The server said: {"),
    (400, {"errorMessage": "Bad.", "errorDetails": {"errorCode": TOO_WEAK}}, "password_rejected", TOO_WEAK, "Bad."),
    (400, {"errorMessage": "Bad.", "errorDetails": {"unlock": [{"errorCode": "X", "errorMessage": "Worse."}]}}, "invalid_input", "X", "Bad. Worse."),
    (400, {"errorMessage": "Bad.", "errorCode": "FIELD_ERROR", "errorDetails": {"unlock": ["?", 7, {"errorCode": 7}]}}, "invalid_input", "FIELD_ERROR", "Bad."),
    (400, {"errorMessage": "Bad.", "errorDetails": [1]}, "invalid_input", None, "Bad."),
    (400, "Not like that.", "invalid_input", None, "said: Not like that."),
    (400, PAGE, "invalid_input", None, "said: Login Invalid credentials"),
    (403, {"errorMessage": "No."}, "permission_denied", None, "Super Admin"),
    (404, NO_USER, "user_not_found", CODE + "rbac.user_does_not_exist", "deleted after the look-up"),
    (404, "Not Found", "unsupported", None, "9543"),
    (409, {"errorMessage": "Busy.", "errorCode": "BUSY"}, "unexpected_response", "BUSY", "Unexpected HTTP status 409. The server said: Busy."),
    (413, "", "rate_limited", None, "rate-limiting"), (429, "", "rate_limited", None, "rate-limiting"),
    (503, {"errorMessage": NOT_BOOTSTRAPPED}, "target_not_ready", None, "set up"), (503, NOT_BOOTSTRAPPED, "target_not_ready", None, "set up"),
])  # fmt: skip
@pytest.mark.parametrize("update_password", ["always", "when_changed"])
def test_a_refused_change(double, status, body, kind, code, part, update_password):
    fault = double.inject("answer", path=CHANGE, user="alice", status=status, body=body)
    result = run(double, alice(), BOB, update_password=update_password)
    error = result["users"][0]["error"]
    # The look before has shown that a refused password is not in force.
    verified = False if (kind, update_password) == ("password_rejected", "when_changed") else None
    assert verdicts(result) == [("failed", verified, kind), ("changed", True, None)]
    assert (error["http_status"], error["vendor_code"]) == (status, code) and part in error["message"]
    # A refusal is certain: it is neither sent again nor looked after.
    assert fault.fired == 1 and story(double).count("change alice") == 1 and double.failed_logins["alice"] == (update_password == "when_changed")


@pytest.mark.parametrize("status, body, kind", [
    (408, "", "timed_out"), (500, {"errorMessage": "Oops."}, "vendor_unavailable"), (502, PAGE, "vendor_unavailable"), (503, "busy", "vendor_unavailable"),
    (504, "", "vendor_unavailable"),
])  # fmt: skip
@pytest.mark.parametrize("applies", ["now", "never"])
def test_a_doubtful_change(double, status, body, kind, applies):
    fault = double.inject("answer", path=CHANGE, status=status, body=body, applies=applies)
    result = run(double, alice(), update_password="always")
    assert verdict(result) == (("changed", True, None) if applies == "now" else ("failed", False, kind))
    assert fault.fired == len(double.calls(CHANGE)) == 1


def test_a_web_page_is_no_success(double):
    double.inject("html", path=CHANGE, status=200)
    result = run(double, alice(), update_password="always")
    assert verdict(result) == ("failed", False, "unexpected_response") and "is a web page (HTTP 200): Bad Gateway" in result["msg"]


def test_the_rules_of_the_strictest_mode():
    with make(stig=True) as double:
        assert verdict(run(double, alice(password="S3M-ark!x"))) == ("failed", False, "password_rejected")
        assert verdict(run(double, alice(password="Very-different-MARKER-42%"))) == ("changed", True, None)
        result = run(double, alice(password="Again-something-else+MARKER-7"))
        assert verdict(result) == ("failed", False, "password_rejected") and "only once in 24 hours" in result["msg"]
        assert not double.lockouts and double.failed_logins["alice"] <= 3


@pytest.mark.parametrize("options, locked", [({"api_password": "Wrong-S3cr3t-MARKER-1"}, False), ({"api_user": "nobody"}, False), ({}, True)])
def test_the_operators_refused_login_is_tried_once_and_stops_everything(double, options, locked):
    double.people[OPERATOR].locked = locked
    result = run(double, alice(), BOB, **options)
    assert verdicts(result) == [("failed", None, "authentication_failed")] * 2 and not result["error"]["retryable"]
    assert REFUSED_LOGIN in result["msg"] and result["error"]["vendor_code"] == "FIELD_ERROR" and len(double.requests) == 1


@pytest.mark.parametrize("status, body, kind", [
    (401, "", "authentication_failed"), (401, PAGE, "authentication_failed"), (403, "", "permission_denied"), (404, "", "unsupported"),
    (400, {"errorMessage": "Bad.", "errorDetails": {"provider": [{"errorMessage": "Unknown."}]}}, "invalid_input"), (440, "", "authentication_failed"),
    (500, "", "vendor_unavailable"), (502, PAGE, "vendor_unavailable"), (429, "", "rate_limited"),
    (200, "", "unexpected_response"), (200, PAGE, "unexpected_response"), (201, [], "unexpected_response"),
    (200, {"sessionId": 7}, "unexpected_response"), (200, {"session": "S3cr3t-MARKER-session"}, "unexpected_response"),
    (200, '{"sessionId": "S3cr3t-MARKER-ses', "unexpected_response"),
])  # fmt: skip
def test_the_operators_login_goes_wrong_otherwise(double, status, body, kind):
    double.inject("answer", path=LOGIN, times=None, status=status, body=body)
    result = run(double, alice(), BOB, retries=0)
    assert result["error"]["kind"] == kind and verdicts(result) == [("failed", None, kind)] * 2 and len(double.requests) == 1


def test_a_server_that_was_not_set_up():
    with make(bootstrapped=False) as double:
        clock = Clock()
        result = run(double, alice(), clock=clock, retries=2)
        assert result["error"]["kind"] == "target_not_ready" and result["error"]["retryable"] and NOT_BOOTSTRAPPED in result["msg"]
        assert len(double.requests) == 3 and len(clock.waits) == 2


@pytest.mark.parametrize("rights, expected, requests", [
    (None, [("failed", None, "permission_denied")] * 2, BEGIN),
    (VIEW, [("failed", None, "permission_denied")] * 2, BEGIN + ["change alice", "change bob"]),
    (EDIT, [("changed", True, None)] * 2, None),
])  # fmt: skip
def test_the_operators_rights(double, rights, expected, requests):
    double.people[OPERATOR].rights = rights
    assert verdicts(run(double, alice(), BOB, update_password="always")) == expected
    assert requests is None or sorted(story(double)) == sorted(requests)


def test_a_user_who_vanishes_after_the_listing(double):
    double.inject("answer", path=SEARCH, status=200, body=[dict(id=double.people["alice"].id, username="alice", authStatus="ACTIVE")])
    double.remove_user("alice")
    assert verdict(run(double, alice(), update_password="always")) == ("failed", None, "user_not_found")


@pytest.mark.parametrize("body", [
    "", "Not JSON", PAGE, {}, {"users": None}, {"users": {"id": 1}}, {"data": []}, [1, "x", None], [{"id": "x"}], [{"username": "alice"}],
    {"users": [{"uuid": "x", "name": "alice"}]},
])  # fmt: skip
def test_a_listing_that_is_none(double, body):
    double.inject("answer", path=SEARCH, status=200, body=body, times=None)
    result = run(double, alice())
    assert result["error"]["kind"] == "unexpected_response" and story(double) == BEGIN


def test_a_listing_with_odd_users_in_it(double):
    shown = {"id": double.people["alice"].id, "username": "alice", "type": "DEFAULT", "authStatus": "ACTIVE", "roleIds": 7, "more": {}}
    double.inject("answer", path=SEARCH, status=200, body={"users": [None, 7, {}, {"id": 7, "username": "alice"}, shown], "total": "?"})
    assert verdict(run(double, alice())) == ("changed", True, None)


def test_an_identifier_that_would_lead_to_somebody_else(double):
    shown = {"id": "../users/" + double.people["bob"].id, "username": "alice", "type": "DEFAULT", "authStatus": "ACTIVE"}
    double.inject("answer", path=SEARCH, status=200, body=[shown])
    assert verdict(run(double, alice(), update_password="always"))[0] == "failed" and double.users["bob"] == OLD and double.writes == 0


def test_an_empty_listing(double):
    double.inject("answer", path=SEARCH, status=200, body=[])
    assert verdict(run(double, alice())) == ("failed", None, "user_not_found")


@pytest.mark.parametrize("status, body, kind", [
    (401, "", "unexpected_response"), (401, PAGE, "unexpected_response"), (401, "Authorization required", "unexpected_response"),
    (401, {"error": "x"}, "unexpected_response"),
    (440, "Login Timeout", "unexpected_response"), (403, "", "permission_denied"), (429, "", "rate_limited"), (500, "", "vendor_unavailable"),
    (200, PAGE, "unexpected_response"), (200, {"sessionId": None}, "unexpected_response"), (404, "", "unsupported"), (400, "", "invalid_input"),
])  # fmt: skip
def test_an_odd_answer_to_a_users_login_says_nothing_about_the_operator(double, status, body, kind):
    """Nor about the password: nothing is changed on such grounds, and nobody else suffers."""
    double.inject("answer", path=LOGIN, user="alice", times=None, status=status, body=body)
    result = run(double, alice(), BOB, retries=0)
    assert verdicts(result) == [("failed", None, kind), ("changed", True, None)] and "error" not in result
    assert story(double).count("login alice") == 1 and double.users["alice"] == OLD


@pytest.mark.parametrize("body", [{"errorMessage": "Nein."}, REFUSED_LOGIN])
def test_a_refused_login_in_other_words_is_one_all_the_same(double, body):
    double.inject("answer", path=LOGIN, user="alice", status=401, body=body)
    assert verdict(run(double, alice())) == ("changed", True, None)


@pytest.mark.parametrize("form", ["plain", "json", "repr", "url"])
@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("path, status", [(LOGIN, 401), (LOGIN, 400), (SEARCH, 500), (CHANGE, 400), (CHANGE, 500)])
def test_a_server_that_repeats_secrets(double, form, text, path, status):
    double.inject("echo", path=path, times=None, form=form, text=text, status=status)
    result = run(double, alice(password="S3cr3t-MARKER-\"'\\&<>%+/ =?"))
    assert result["failed"] is True and "********" in result["msg"]
