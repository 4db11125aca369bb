# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of Acronis: each documented status and code, bodies that lack any part, and answers that are lost."""

from __future__ import annotations

import pytest

from tests.doubles.acronis import CHANGE, CLIENT, SEARCH, USERS
from tests.doubles.acronis_identity import CLIENT_TENANT, CUSTOMER, LOGIN
from tests.doubles.faults import http_date
from tests.unit.calls import verdicts
from tests.unit.plugins.module_utils._vendors.acronis_calls import in_force, make, message, run, steps, user
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, Clock

CHANGED = ("changed", True, None)
SHORT = 0.5  # seconds; a time-out that is meant to come


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def full(code, text="what is wrong", info="and why"):
    """An error with all its parts."""
    return {"error": {"code": code, "message": text, "domain": "PlatformAccountServer", "details": {"info": info}, "context": {}}}


CODES = [
    (403, 1002, "permission_denied"),
    (403, 1003, "account_inactive"),
    (404, 1005, "target_not_found"),
    (403, 1012, "account_locked"),
    (403, 1018, "account_inactive"),
    (400, 1027, "password_rejected"),
    (403, 1027, "password_rejected"),
    (409, 1001, "unexpected_response"),
    (400, 400, "password_rejected"),
    (403, 403, "permission_denied"),
    (404, 404, "user_not_found"),
    (415, 415, "unexpected_response"),
    (409, 409, "unexpected_response"),
    (429, 429, "rate_limited"),
    (413, 413, "rate_limited"),
]


@pytest.mark.parametrize("status, code, kind", CODES)
@pytest.mark.parametrize("form", ["full", "terse", "text code"])
def test_a_change_that_is_refused(double, status, code, kind, form):
    body = {"full": full(code), "terse": {"error": {"code": code, "message": "what is wrong"}}, "text code": full(str(code))}[form]
    double.inject("answer", path=CHANGE, times=None, status=status, body=body)
    result = run(double, user(), update_password="always", retries=0)
    error = result["users"][0]["error"]
    assert verdicts(result) == [("failed", None, kind)] and not in_force(double)
    assert (error["http_status"], error["vendor_code"]) == (status, str(code) if form == "text code" else code)
    assert ("what is wrong. and why" if form != "terse" else "what is wrong") in error["message"]
    assert error["retryable"] is (kind == "rate_limited")
    # It was certainly not done, so no login had to find out; and it is not tried again.
    assert steps(double).count("probe") == 0 and steps(double).count("change") == 1


@pytest.mark.parametrize("body", ["", "no", "<html><body>no</body></html>", [], None, {"error": None}, {"error": []}, {"error": "no"}, {"error": {}},
                                  {"error": {"code": None, "message": 1}}, {"error": {"code": {"a": [1]}, "details": "x"}},
                                  {"error": {"code": True, "message": None, "details": {"info": None}}}])  # fmt: skip
@pytest.mark.parametrize("status, kind", [(400, "password_rejected"), (403, "permission_denied"), (404, "user_not_found"), (418, "unexpected_response")])
def test_a_refusal_of_any_form(double, body, status, kind):
    double.inject("answer", path=CHANGE, status=status, body=body if body is not None else "null")
    assert verdicts(run(double, user(), update_password="always")) == [("failed", None, kind)] and steps(double).count("probe") == 0


@pytest.mark.parametrize(
    "status, code, kind",
    [
        (401, 401, "authentication_failed"),
        (403, 1002, "permission_denied"),
        (403, 1003, "account_inactive"),
        (404, 1005, "target_not_found"),
        (403, 1012, "account_locked"),
        (404, 404, "target_not_found"),
        (415, 415, "unexpected_response"),
        (429, 429, "rate_limited"),
        (500, 500, "vendor_unavailable"),
        (502, 502, "vendor_unavailable"),
        (408, 408, "timed_out"),
        (403, 1027, "permission_denied"),
    ],
)
@pytest.mark.parametrize("path", [CLIENT, SEARCH, USERS])
def test_a_look_up_that_is_refused_concerns_all(double, status, code, kind, path):
    double.inject("answer", path=path, times=None, status=status, body=full(code))
    names = double.populate(6 if path == USERS else 2)
    result = run(double, *[user(name) for name in names], retries=1)
    assert result["error"]["kind"] == kind and result["error"]["vendor_code"] == code and not in_force(double, *names)
    assert set(verdicts(result)) == {("failed", None, kind)} and steps(double)[-1] == "revoke"


@pytest.mark.parametrize("status, kind", [(403, "permission_denied"), (404, "user_not_found")])
@pytest.mark.parametrize("body", [full(1002), {"error": {"code": 404, "message": "Not found"}}, "<p>no</p>"])
def test_a_look_at_one_user_that_is_refused_concerns_that_one(double, status, kind, body):
    double.inject("answer", path=double.user_path("alice"), status=status, body=body)
    result = run(double, user(), user("bob"))
    assert verdicts(result) == [("failed", None, kind), CHANGED] and "error" not in result


@pytest.mark.parametrize("body", ["", "<html></html>", [], {"items": {}}, {"items": None}, {"items": [1]}, {"items": [{"id": "x", "login": "user00000"}]},
                                  {"items": [{"login": "user00000"}]}])  # fmt: skip
def test_a_listing_that_is_none(double, body):
    double.inject("answer", path=USERS, times=None, status=200, body=body)
    names = double.populate(6)
    result = run(double, *[user(name) for name in names])
    assert result["error"]["kind"] == "unexpected_response" and not in_force(double, *names)


@pytest.mark.parametrize("body", ["", [], {}, {"login": "alice"}, {"id": "x", "login": "alice"}, {"id": 1}])
def test_a_user_that_is_none(double, body):
    double.inject("answer", path=double.user_path("alice"), times=None, status=200, body=body)
    assert run(double, user())["error"]["kind"] == "unexpected_response" and not in_force(double)


@pytest.mark.parametrize("body", ["", [], {}, {"tenant_id": 1}, {"tenant_id": "Customer"}])
def test_a_client_without_a_tenant(double, body):
    double.inject("answer", path=CLIENT, status=200, body=body)
    result = run(double, user())
    assert result["error"]["kind"] == "unexpected_response" and "tenant_id" in result["msg"]


@pytest.mark.parametrize("terse, texts", [(False, False), (True, False), (False, True)])
def test_refusals_in_each_of_the_forms_that_the_server_may_use(terse, texts):
    with make(terse_errors=terse, string_codes=texts, min_password=9) as double:
        double.tenants[CUSTOMER].locked = True
        assert verdicts(run(double, user(), update_password="always")) == [("failed", None, "account_locked")]
        double.tenants[CUSTOMER].locked, double.tenants[CUSTOMER].enabled = False, False
        assert verdicts(run(double, user(), update_password="always")) == [("failed", None, "account_inactive")]
        double.tenants[CUSTOMER].enabled = True
        result = run(double, user(password="S3M"), user("bob"), update_password="always")
        assert verdicts(result) == [("failed", None, "password_rejected"), CHANGED] and "business rules" in message(result)


@pytest.mark.parametrize(
    "rules, password",
    [
        ({"refuses_same_password": True}, OLD),
        ({"history": 3}, "S3cr3t-MARKER-before"),
        ({"min_password": 40}, NEW),
        ({"max_password": 5}, NEW),
    ],
)
@pytest.mark.parametrize("rule_status", [400, 403])
def test_rules_that_only_the_vendor_knows(rules, password, rule_status):
    with make(rule_status=rule_status, **rules) as double:
        double.people["alice"].previous.append("S3cr3t-MARKER-before")
        result = run(double, user(password=password), update_password="always")
        assert verdicts(result) == [("failed", None, "password_rejected")] and double.users["alice"] == OLD


def test_the_tenant_of_the_client_where_it_was_not_asked_for(double):
    double.people["alice"].tenant_id = CLIENT_TENANT
    result = run(double, user(), update_password="always", tenant_id=CLIENT_TENANT)
    assert verdicts(result) == [("failed", None, "permission_denied")] and "own tenant" in message(result)


def test_a_user_that_vanishes_after_the_look_up(double):
    gate = double.inject("gate", path=LOGIN, user="alice")
    gate.release()
    double.inject("answer", path=CHANGE, user="alice", status=404, body={"error": {"code": 404, "message": "Not found"}})
    assert verdicts(run(double, user(), user("bob"))) == [("failed", None, "user_not_found"), CHANGED]


# Answers that are lost.

LOST = [
    ("hang", {}, "timed_out"), ("drop", {}, "connection_failed"), ("html", {}, "vendor_unavailable"), ("html", {"status": 200}, "unexpected_response"),
    ("answer", {"status": 408}, "timed_out"), ("answer", {"status": 500}, "vendor_unavailable"), ("answer", {"status": 502}, "vendor_unavailable"),
    ("answer", {"status": 503, "headers": {"Retry-After": "1"}}, "vendor_unavailable"), ("answer", {"status": 504}, "vendor_unavailable"),
    ("answer", {"status": 200, "body": {}}, "unexpected_response"), ("answer", {"status": 202}, "unexpected_response"), ("echo", {}, "vendor_unavailable"),
    ("echo", {"text": True, "form": "url"}, "vendor_unavailable"),
]  # fmt: skip


@pytest.mark.parametrize("kind, options, told_as", LOST)
@pytest.mark.parametrize("applies", ["now", "never", "later"])
def test_a_change_whose_answer_is_lost_is_sent_once_and_looked_after(double, kind, options, told_as, applies):
    fault = double.inject(kind, path=CHANGE, applies=applies, **options)
    clock = Clock()
    clock.sleep = lambda seconds: (Clock.sleep(clock, seconds), clock.now >= 1001 and double.settle())
    result = run(double, user(), clock=clock, update_password="always", timeout=SHORT if kind == "hang" else 20.0)
    assert (fault.fired, len(double.calls(CHANGE)), double.writes) == (1, 1, 0 if applies == "never" else 1)
    if applies == "never":
        assert verdicts(result) == [("failed", False, told_as)] and not in_force(double) and double.failed_logins == {"alice": 1}
    else:
        assert verdicts(result) == [CHANGED] and in_force(double) == ["alice"]
    assert result["changed"] is (applies != "never")
    # The only login that is left is made when a late change has had its time.
    assert sum(clock.waits) == 3


def test_half_an_answer(double):
    # A 204 has no second half; the next request may find out that the connection has gone, too late to be sent again.
    double.inject("cut", path=CHANGE)
    state, verified, error = verdicts(run(double, user(), update_password="always"))[0]
    assert (state, error, double.writes) == ("changed", None, 1) and verified in (True, None)


@pytest.mark.parametrize("as_date", [False, True])
def test_a_server_that_wants_fewer_requests(double, as_date):
    clock, value = Clock(), http_date(2) if as_date else "2"
    for path in (LOGIN, CLIENT, SEARCH, double.user_path("alice"), CHANGE):
        double.inject("answer", path=path, times=2, status=429, headers={"Retry-After": value})
    assert verdicts(run(double, user(), clock=clock, update_password="always")) == [CHANGED]
    assert len(clock.waits) == 10 and all(0 <= wait <= 2 for wait in clock.waits) and double.writes == 1


@pytest.mark.parametrize("path", [CLIENT, SEARCH, USERS])
@pytest.mark.parametrize("kind, options", [("answer", {"status": 503}), ("answer", {"status": 504}), ("drop", {}), ("cut", {})])
def test_a_look_up_is_tried_again(double, path, kind, options):
    double.inject(kind, path=path, times=2, **options)
    names = double.populate(6 if path == USERS else 2)
    assert verdicts(run(double, *[user(name) for name in names])) == [CHANGED] * len(names)


def test_nobody_is_there():
    with make() as double:
        url = double.url
    result = run(double, user(), url=url, retries=0)
    assert result["error"]["kind"] == "connection_failed" and result["error"]["retryable"] is True


def test_a_redirect_is_not_followed(double):
    double.inject("answer", path=LOGIN, status=302, headers={"Location": double.url + "/elsewhere"})
    assert run(double, user())["error"]["kind"] == "unexpected_response" and steps(double) == ["login"]


@pytest.mark.parametrize("form", ["plain", "json", "repr", "url"])
@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("path", [LOGIN, SEARCH, CHANGE])
def test_a_server_that_repeats_the_request_in_an_error(double, form, text, path):
    double.inject("echo", path=path, times=None, form=form, text=text, status=403)
    result = run(double, user(password="S3cr3t-MARKER-\"'\\\u00e4&<>%+/ =?"))
    assert result["failed"] is True and "********" in result["msg"]


def test_fifty_users_two_of_them_bad(double):
    names = double.populate(50)
    double.people[names[10]].enabled = False
    double.inject("answer", path=CHANGE, user=names[20], times=None, status=400, body=full(1027))
    result = run(double, *[user(name) for name in names], concurrency=4)
    bad = {names[10]: "account_inactive", names[20]: "password_rejected"}
    assert [one["name"] for one in result["users"]] == names
    assert {one["name"]: one["error"]["kind"] for one in result["users"] if one["error"]} == bad
    assert double.writes == 48 and result["changed"] is True and "2 of 50" in result["msg"]


def test_a_server_that_goes_away_in_the_middle(double):
    """Whoever was changed before is told as changed; all others as not."""
    names = double.populate(8)
    double.inject("drop", path=CHANGE, skip=4, times=None)
    double.inject("drop", path=LOGIN, user=names[5], times=None)
    result = run(double, *[user(name) for name in names], concurrency=1, update_password="always", verify=False, retries=0)
    assert [one["state"] for one in result["users"]] == ["changed"] * 4 + ["failed", "unknown", "failed", "failed"]
    assert in_force(double, *names) == names[:4]
