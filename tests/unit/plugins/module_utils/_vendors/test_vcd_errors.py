# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What VMware Cloud Director, or something in between, may answer: which error it is, what it says, and what is in force."""

from __future__ import annotations

import itertools

import pytest

from tests.doubles.faults import ECHO_FORMS, http_date
from tests.doubles.vcd import CHANGE, CURRENT, LOGIN, OPERATOR, SEARCH, TOKEN
from tests.unit.calls import verdict, verdicts
from tests.unit.plugins.module_utils._vendors.vcd_calls import ADMIN, BY_TOKEN, OWN_CHANGE, SHORT, logins, make, run, sent, user
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, Clock
from tests.unit.products import thinned

CHANGED = ("changed", True, None)
WRITES = [({}, {"path": CHANGE}), (ADMIN, {"method": "PUT"})]
# Status, kind of error where it answers a change, and whether that leaves a doubt, so that a login has to tell.
STATUSES = [
    (400, "password_rejected", False), (403, "permission_denied", False), (404, "unsupported", False), (405, "unsupported", False), (406, "unsupported", False),
    (408, "timed_out", True), (409, "unexpected_response", False), (413, "rate_limited", False), (415, "unexpected_response", False),
    (429, "rate_limited", False), (500, "vendor_unavailable", True), (502, "vendor_unavailable", True), (503, "vendor_unavailable", True),
    (504, "vendor_unavailable", True), (202, "unexpected_response", True), (302, "unexpected_response", True), (303, "unexpected_response", True),
]  # fmt: skip
BODIES = [
    {"minorErrorCode": "SOME_CODE", "message": "[ 11111111-2222 ] Some text.", "stackTrace": None}, "<html><body><h1>Some text.</h1></body></html>", "", [1],
    {"minorErrorCode": {"a": [1]}, "message": 7},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(name="double")
def a_double():
    """A double in its default state; nobody gets locked, and no session stays open."""
    with make() as running:
        yield running
        assert not running.lockouts and not running.open_sessions


class TestChange:
    """Answers to the request that changes a password."""

    @pytest.mark.parametrize("options, where", WRITES)
    @pytest.mark.parametrize("status, kind, doubt", thinned(STATUSES, several=True))
    @pytest.mark.parametrize("body", BODIES)
    def test_every_status(self, double, options, where, status, kind, doubt, body):
        double.inject("answer", status=status, body=body, times=None, user="alice", **where)
        result = run(double, user(), user("bob"), retries=0, **options)
        error = result["users"][0]["error"]
        # The look before has shown that a refused password is not in force.
        verified = False if doubt or kind == "password_rejected" else None
        assert verdicts(result) == [("failed", verified, kind), CHANGED] and error["http_status"] in (status, None)
        assert double.users["alice"] == OLD and double.failed_logins == ({"alice": 2} if doubt else {})
        assert ("has not happened yet" in error["message"]) is doubt and "error" not in result
        if body == BODIES[0] and status not in (302, 303):
            assert "The server said: Some text." in error["message"]
            assert (error["vendor_code"], error["request_id"]) == ("SOME_CODE", "11111111-2222")
        if body == BODIES[1]:
            assert "Some text." in error["message"] and "<" not in error["message"]

    def test_the_header_names_the_request(self, double):
        headers = {"X-VMWARE-VCLOUD-REQUEST-ID": "r-1"}
        double.inject("answer", path=CHANGE, status=400, headers=headers, body={"minorErrorCode": "X", "message": "[ r-2 ] No."})
        assert run(double, user())["users"][0]["error"]["request_id"] == "r-1"

    @pytest.mark.parametrize("applies", ["now", "never", "later"])
    @pytest.mark.parametrize("kind, more, writes", [
        ("hang", {}, WRITES), ("drop", {}, WRITES), ("html", {}, WRITES), ("html", {"status": 200}, WRITES), ("answer", {"status": 408}, WRITES),
        ("answer", {"status": 500}, WRITES), ("answer", {"status": 503, "headers": {"Retry-After": "1"}}, WRITES), ("answer", {"status": 202}, WRITES),
        ("echo", {"status": 500}, WRITES),
        # A bare 204 has nothing that could be damaged.
        ("cut", {}, WRITES[1:]), ("truncated", {}, WRITES[1:]), ("wrong_types", {}, WRITES[1:]), ("wrong_types", {"top": "null"}, WRITES[1:]),
    ])  # fmt: skip
    def test_a_write_whose_answer_is_lost_is_sent_once_and_looked_after(self, applies, kind, more, writes):
        for options, where in writes:
            with make() as double:
                fault = double.inject(kind, applies=applies, times=None, **where, **more)
                clock = Clock()

                def wait(seconds, clock=clock, double=double):
                    clock.sleep(seconds)
                    double.settle()

                result = run(double, user(), clock=clock, sleep=wait, timeout=SHORT if kind == "hang" else 20.0, **options)
                assert fault.fired == 1 and double.failed_logins.get("alice", 0) <= 2 and not double.lockouts and not double.open_sessions
                if applies == "never":
                    assert verdict(result)[:2] == ("failed", False) and double.users["alice"] == OLD
                else:
                    assert verdict(result) == CHANGED and double.users["alice"] == NEW

    @pytest.mark.parametrize("options, where", WRITES)
    def test_no_answer_and_no_login_that_could_tell(self, options, where):
        with make() as double:
            double.inject("drop", applies="now", **where)
            double.inject("drop", path=LOGIN, user="alice", skip=1, times=None)
            result = run(double, user(), **options)
            assert verdict(result) == ("unknown", None, "outcome_unknown") and result["users"][0]["error"]["retryable"] and not double.open_sessions

    def test_the_confirmed_change_that_is_none(self, double):
        double.inject("real", path=CHANGE, applies="never")
        assert verdict(run(double, user())) == ("failed", False, "not_verified")
        assert double.failed_logins == {"alice": 1}

    @pytest.mark.parametrize("password", ["S3M", "alllowercase"])
    def test_the_policy(self, password):
        with make(strict=True) as double:
            for options in ({}, ADMIN):
                result = run(double, user(password=password), **options)
                assert verdict(result) == ("failed", False, "password_rejected") and "password policy" in result["msg"] and double.users["alice"] == OLD

    def test_a_user_from_a_directory_that_changes_its_own(self):
        with make(people={"alice": {"provider_type": "LDAP"}}) as double:
            assert verdict(run(double, user())) == ("failed", False, "password_rejected") and double.users["alice"] == OLD

    @pytest.mark.parametrize("where", [{"path": CHANGE}, {"path": LOGIN, "user": "alice"}])
    @pytest.mark.parametrize("as_date", [True, False])
    def test_a_server_that_wants_fewer_requests(self, double, where, as_date):
        clock = Clock()
        double.inject("answer", times=2, status=429, headers={"Retry-After": http_date(7) if as_date else "7"}, **where)
        assert verdict(run(double, user(), clock=clock)) == CHANGED
        assert len(clock.waits) == 2 and all(5 <= wait <= 7 for wait in clock.waits) and double.writes == 1

    @pytest.mark.parametrize("options", [{}, ADMIN, BY_TOKEN])
    def test_fewer_requests_everywhere(self, double, options):
        for where in ({"path": "/versions"}, {"path": LOGIN}, {"path": SEARCH}, {"path": TOKEN}, {"path": CHANGE}, {"method": "PUT"}, {"path": CURRENT}):
            double.inject("answer", status=429, headers={"Retry-After": "1"}, **where)
        assert verdicts(run(double, user(), user("bob"), **options)) == [CHANGED] * 2


class TestReset:
    """What precedes an administrator's change; nothing has been written where that fails."""

    @pytest.mark.parametrize("kind, options, error", [
        ("answer", {"status": 403, "body": ""}, "permission_denied"), ("answer", {"status": 500, "body": ""}, "vendor_unavailable"),
        ("answer", {"status": 200, "body": {"username": "bob"}}, "unexpected_response"), ("html", {"status": 200}, "unexpected_response"),
        ("wrong_types", {}, "unexpected_response"), ("truncated", {}, "unexpected_response"), ("hang", {}, "timed_out"), ("drop", {}, "connection_failed"),
        ("answer", {"status": 408, "body": ""}, "timed_out"), ("answer", {"status": 202, "body": ""}, "unexpected_response"),
    ])  # fmt: skip
    def test_the_second_look(self, double, kind, options, error):
        path = "/users/" + double.people["alice"].urn
        double.inject(kind, path=path, method="GET", times=None, **options)
        result = run(double, user(), user("bob"), timeout=SHORT if kind == "hang" else 20.0, retries=1, **ADMIN)
        assert verdicts(result) == [("failed", None, error), CHANGED] and not double.failed_logins
        assert [one.user for one in double.requests if one.method == "PUT"] == ["bob"]

    def test_a_user_that_is_removed_in_the_middle(self, double):
        double.inject(
            "answer",
            path="/users/" + double.people["alice"].urn,
            method="GET",
            status=403,
            body={"minorErrorCode": "ACCESS_TO_RESOURCE_IS_FORBIDDEN", "message": "[ 1 ] No."},
        )
        result = run(double, user(), update_password="always", **ADMIN)
        assert verdict(result) == ("failed", None, "permission_denied") and "the object does not exist" in result["msg"]


class TestLogin:
    """Answers to a login of a user, and to that of the operator."""

    OTHER = [
        ("answer", {"status": 403, "body": {"minorErrorCode": "X", "message": "[ 1 ] Too many sessions."}}, "permission_denied", "authentication_failed"),
        ("html", {"status": 401}, "unexpected_response", "authentication_failed"), ("html", {"status": 200}, "unexpected_response", "unexpected_response"),
        ("answer", {"status": 200, "body": {"id": "S3cr3t-MARKER-session"}}, "unexpected_response", "unexpected_response"),
        ("answer", {"status": 429, "body": ""}, "rate_limited", "rate_limited"), ("html", {"status": 502}, "vendor_unavailable", "vendor_unavailable"),
        ("answer", {"status": 503, "body": ""}, "vendor_unavailable", "vendor_unavailable"), ("hang", {}, "timed_out", "timed_out"),
        ("drop", {}, "connection_failed", "connection_failed"), ("answer", {"status": 404, "body": ""}, "unsupported", "unsupported"),
        ("answer", {"status": 302, "body": ""}, "unexpected_response", "unexpected_response"),
    ]  # fmt: skip

    @pytest.mark.parametrize("update_password", ["when_changed", "always"])
    @pytest.mark.parametrize("kind, options, own, operators", OTHER)
    def test_a_users(self, double, update_password, kind, options, own, operators):  # pylint: disable=unused-argument
        double.inject(kind, path=LOGIN, user="alice", times=None, **options)
        result = run(double, user(), user("bob"), update_password=update_password, timeout=SHORT if kind == "hang" else 20.0, retries=0)
        assert verdicts(result) == [("failed", None, own), CHANGED] and "error" not in result
        assert double.writes == 1 and logins(double).count("alice") == 1

    @pytest.mark.parametrize("options, path", [(ADMIN, LOGIN), (BY_TOKEN, TOKEN)])
    @pytest.mark.parametrize("kind, fault, own, operators", OTHER)
    def test_the_operators(self, double, options, path, kind, fault, own, operators):  # pylint: disable=unused-argument
        double.inject(kind, path=path, times=None, **fault)
        result = run(double, user(), user("bob"), timeout=SHORT if kind == "hang" else 20.0, retries=0, **options)
        assert result["error"]["kind"] == operators and {one[2] for one in verdicts(result)} == {operators} and len(double.requests) == 2

    def test_an_api_token_that_is_wrong(self, double):
        result = run(double, user(), api_token="S3cr3t-MARKER-other")
        assert result["error"]["kind"] == "authentication_failed" and "api_token" in result["msg"] and "refresh token is not valid" in result["msg"]

    def test_the_error_of_oauth(self, double):
        double.inject("answer", path=TOKEN, status=400, body={"error": "invalid_grant", "error_description": "It has expired."})
        result = run(double, user(), **BY_TOKEN)
        assert result["error"]["vendor_code"] == "invalid_grant" and result["msg"].endswith("The server said: It has expired.")

    def test_a_login_that_does_not_tell_who_it_is(self):
        with make() as double:
            double._view = lambda received, session: {"user": None}  # pylint: disable=protected-access
            result = run(double, user())
            assert verdict(result) == ("failed", None, "unexpected_response") and "user.id" in result["msg"] and not double.open_sessions
            # An administrator has looked the user up.
            assert verdicts(run(double, user(), user(OPERATOR), **ADMIN)) == [CHANGED, ("failed", None, "unexpected_response")]
            assert not double.open_sessions

    @pytest.mark.parametrize("kind, options", [("html", {"status": 500}), ("drop", {}), ("answer", {"status": 403}), ("wrong_types", {})])
    def test_a_token_of_which_nobody_tells_whose_it_is(self, double, kind, options):
        double.inject(kind, path=CURRENT, method="GET", times=None, **options)
        result = run(double, user(), retries=0, **BY_TOKEN)
        assert verdict(result) == (("failed", None, "connection_failed") if kind == "drop" else CHANGED)

    def test_time_outs_before_the_change(self, double):
        """The login of a change is no change: nothing is in doubt."""
        double.inject("hang", path=LOGIN, user="alice")
        result = run(double, user(), update_password="always", timeout=SHORT)
        assert verdict(result) == ("failed", None, "timed_out") and sent(double) == OWN_CHANGE[:2]


class TestSecrets:
    """What a server repeats of a request is masked."""

    SECRET = "S3cr3t-MARKER-\"'\\\u00e4&<>%+/ =?"

    @pytest.mark.parametrize("options, where", [
        ({}, {"path": LOGIN}), ({}, {"path": CHANGE}), (ADMIN, {"path": LOGIN, "user": OPERATOR}), (ADMIN, {"path": SEARCH}), (ADMIN, {"method": "PUT"}),
        (BY_TOKEN, {"path": TOKEN}), (BY_TOKEN, {"path": SEARCH}), (ADMIN, {"path": CURRENT}),
    ])  # fmt: skip
    def test_an_echo(self, double, options, where):
        double.set_user("alice", self.SECRET + "-old")
        for form, text, status in itertools.product(ECHO_FORMS, (True, False), (400, 500)):
            double.clear_faults()
            double.people["alice"].bad_logins = 0
            double.inject("echo", times=None, form=form, text=text, status=status, **where)
            result = run(double, user(password=self.SECRET, current_password=self.SECRET + "-old", update_password="always"), retries=0, **options)
            if where != {"path": CURRENT}:
                assert result["failed"] is True and "********" in result["msg"]
        double.clear_faults()
        for session in double.open_sessions:
            session.closed = "by the test"

    def test_a_code_that_is_a_secret(self, double):
        body = {"minorErrorCode": [NEW], "message": "[ %s ] %s" % (OLD, NEW)}
        double.inject("answer", path=CHANGE, status=400, headers={"X-VMWARE-VCLOUD-REQUEST-ID": NEW}, body=body)
        error = run(double, user())["users"][0]["error"]
        assert error["vendor_code"] == '["********"]' and error["request_id"] == "********"
