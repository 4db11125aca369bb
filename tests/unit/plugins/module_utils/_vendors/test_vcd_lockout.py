# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Cloud Director counts failed logins: how many a run costs, and that it never costs a third."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.vcd import Vcd

from tests.doubles.vcd import CHANGE, LOGIN, OPERATOR, OPERATOR_PASSWORD, TELLS_LOCKED
from tests.unit.calls import verdict, verdicts
from tests.unit.plugins.module_utils._vendors.vcd_calls import ADMIN, BY_TOKEN, OWN_CHANGE, SHORT, WRONG, logins, make, run, sent, user
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, Clock

CHANGED = ("changed", True, None)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(name="double")
def a_double():
    """A double that locks whoever fails for the third time."""
    with make(lockout_after=3) as running:
        yield running
        assert not running.lockouts and not running.open_sessions


class TestWhatARunCosts:
    """The failed logins of each case."""

    @pytest.mark.parametrize("options, in_force, current, expected, failed", [
        ({}, OLD, OLD, CHANGED, 0),
        ({}, NEW, OLD, ("unchanged", True, None), 1),
        ({}, "S3cr3t-MARKER-third", OLD, ("failed", None, "current_password_wrong"), 2),
        ({}, "S3cr3t-MARKER-third", NEW, ("failed", None, "current_password_wrong"), 1),
        ({"update_password": "always"}, OLD, OLD, CHANGED, 0),
        ({"update_password": "always"}, "S3cr3t-MARKER-third", OLD, ("failed", None, "current_password_wrong"), 1),
        (ADMIN, OLD, OLD, CHANGED, 0),
        (ADMIN, OLD, None, CHANGED, 1),
        (ADMIN, NEW, OLD, ("unchanged", True, None), 1),
        (ADMIN, NEW, None, ("unchanged", True, None), 0),
        # The administrator does not need the right one; but a third login that might fail is not made.
        (ADMIN, "S3cr3t-MARKER-third", OLD, ("changed", None, None), 2),
        (dict(ADMIN, update_password="always"), "S3cr3t-MARKER-third", OLD, CHANGED, 0),
    ])  # fmt: skip
    def test_each_case(self, double, options, in_force, current, expected, failed):
        double.set_user("alice", in_force)
        result = run(double, user(current_password=current), user("bob"), **options)
        assert verdicts(result) == [expected, CHANGED]
        assert double.failed_logins["alice"] == failed and not double.failed_logins["bob"]
        assert (double.users["alice"] == NEW) is (expected[0] != "failed")
        if expected == ("changed", None, None):
            assert "one more failed login" in result["warnings"][0]

    def test_the_message_of_two_wrong_passwords(self, double):
        result = run(double, user(current_password=WRONG, password="S3cr3t-MARKER-else"))
        assert result["msg"].endswith("Neither the current password of alice nor the new one logs in. (current_password_wrong)")
        assert sent(double) == ["GET versions", "POST sessions", "POST sessions"]

    def test_a_wrong_password_stops_nobody_else(self, double):
        result = run(double, user(current_password=WRONG, update_password="always"), user("bob"))
        assert verdicts(result) == [("failed", None, "current_password_wrong"), CHANGED] and "error" not in result

    def test_the_operators_wrong_password_is_tried_once(self, double):
        result = run(double, user(), user("bob"), user(OPERATOR), concurrency=3, api_user=OPERATOR, api_password=WRONG)
        assert [kind for _state, _verified, kind in verdicts(result)] == ["authentication_failed"] * 3
        assert result["error"]["kind"] == "authentication_failed" and double.failed_logins == {OPERATOR: 1} and double.writes == 0

    @pytest.mark.parametrize("fault", [
        None, {"kind": "html", "status": 401}, {"kind": "answer", "status": 401, "body": {"minorErrorCode": "USER_LOCKED", "message": "[ 1 ] no"}},
    ])  # fmt: skip
    @pytest.mark.parametrize("update_password", ["always", "when_changed"])
    def test_what_the_account_counts_is_what_the_server_has_refused(self, double, monkeypatch, update_password, fault):
        accounts = []
        opened = Vcd.open
        monkeypatch.setattr(Vcd, "open", lambda vendor, found: (accounts.extend(found), opened(vendor, found)))
        if fault:
            double.inject(path=LOGIN, times=None, **fault)
        run(double, user(current_password=WRONG, password="S3cr3t-MARKER-else"), update_password=update_password)
        (alice,) = accounts
        assert alice.failed_logins == logins(double).count("alice") == (2 if update_password == "when_changed" and not fault else 1)

    def test_no_refused_login_is_repeated(self, double):
        run(double, user(current_password=WRONG, update_password="always"), retries=5)
        assert logins(double) == ["alice"]

    @pytest.mark.parametrize("split_at, failed", [("last", 0), ("first", 2)])
    def test_an_at_in_a_name(self, split_at, failed):
        with make("alice@example.com", split_at=split_at, lockout_after=3) as double:
            result = run(double, user("alice@example.com"))
            assert verdict(result) == (("failed", None, "current_password_wrong") if failed else CHANGED)
            assert len(double.requests) and sum(double.failed_logins.values()) == failed and not double.open_sessions
            assert [text for text in result["warnings"] if "'@'" in text][:1] == ([result["warnings"][0]] if failed else [])


class TestNeverAThird:
    """Whatever a server does."""

    FAULTS = [
        ("html", {"status": 401}), ("html", {"status": 403}), ("html", {"status": 502}), ("answer", {"status": 401, "body": ""}), ("drop", {}), ("cut", {}),
        ("answer", {"status": 401, "body": {"minorErrorCode": "NOT_AUTHENTICATED", "message": "[ 7 ] no"}}), ("wrong_types", {}), ("truncated", {}),
        ("answer", {"status": 401, "body": {"minorErrorCode": 1, "message": [2]}}), ("answer", {"status": 200, "body": {}}), ("hang", {}),
    ]  # fmt: skip

    @pytest.mark.parametrize("where, who", [({"path": LOGIN}, {}), ({"path": LOGIN}, ADMIN), ({"path": CHANGE}, {}), ({"method": "PUT"}, ADMIN)])
    @pytest.mark.parametrize("update_password, current", list(itertools.product(("when_changed", "always"), (OLD, WRONG, NEW))))
    def test_all_the_time(self, where, who, update_password, current):
        options = dict(who, update_password=update_password)
        for kind, fault in self.FAULTS:
            with make("alice", lockout_after=3) as double:
                double.inject(kind, times=None, user="alice", **where, **fault)
                clock = Clock()
                run(double, user(current_password=current), clock=clock, timeout=0.05 if kind == "hang" else 20.0, retries=1, **options)
                assert not double.lockouts and double.failed_logins["alice"] <= 2
                refused = [one for one in double.calls(LOGIN, "alice") if one.status in (401, 403)]
                assert len(refused) <= 2, (kind, fault)

    @pytest.mark.parametrize("arrives", [True, False])
    def test_a_change_without_an_answer(self, double, arrives):
        """It gets all the time that it may take before the last login is spent."""
        double.inject("hang", path=CHANGE, applies="later" if arrives else "never")
        clock = Clock()

        def wait(seconds):
            clock.sleep(seconds)
            if clock.now >= 1002:
                double.settle()

        result = run(double, user(), clock=clock, sleep=wait, timeout=SHORT)
        assert verdict(result) == (CHANGED if arrives else ("failed", False, "timed_out"))
        assert double.failed_logins == {"alice": 1 if arrives else 2} and 2.9 <= sum(clock.waits) <= 3.1
        assert double.users["alice"] == (NEW if arrives else OLD)

    def test_a_session_that_ends_before_the_change_and_a_password_that_somebody_has_changed(self, double):
        """The new login is the proof that the current password is wrong by now; it counts, and there is no other."""

        def change_it(received, look=double.inspect):
            look(received)
            if received.path.endswith(CHANGE):
                double.expire()
                double.set_user("alice", "S3cr3t-MARKER-third")

        double.inspect = change_it
        assert verdict(run(double, user())) == ("failed", None, "current_password_wrong")
        assert double.failed_logins == {"alice": 1} and len(double.calls(CHANGE)) == 1

    def test_a_server_that_counts_a_wrong_current_password(self):
        with make(wrong_current_counts=True, lockout_after=3) as double:

            def change_it(received, look=double.inspect):
                look(received)
                if received.path.endswith(CHANGE):
                    double.set_user("alice", "S3cr3t-MARKER-third")

            double.inspect = change_it
            assert verdict(run(double, user())) == ("failed", False, "password_rejected")
            assert double.failed_logins == {"alice": 1} and not double.open_sessions


class TestLockedAccounts:
    """A locked account is no wrong password, where the server tells."""

    def test_a_server_that_tells(self):
        with make(people={"alice": {"locked": True}}, refusals=TELLS_LOCKED) as double:
            for options in ({}, {"update_password": "always"}):
                double.failed_logins.clear()
                result = run(double, user(), user("bob", password=OLD), **options)
                assert verdict(result) == ("failed", None, "account_locked") and double.failed_logins["alice"] == 1
                assert result["users"][0]["error"]["vendor_code"] == "USER_ACCOUNT_LOCKED"

    @pytest.mark.parametrize("message", ["The account is temporarily locked.", "User is locked out"])
    def test_one_that_only_says_so(self, message):
        with make(people={"alice": {"locked": True}}, refusals={"locked": (401, "NOT_AUTHENTICATED", message)}) as double:
            assert verdict(run(double, user())) == ("failed", None, "account_locked")

    def test_a_server_that_does_not_tell(self):
        with make(people={"alice": {"locked": True}}) as double:
            assert verdict(run(double, user())) == ("failed", None, "current_password_wrong") and double.failed_logins["alice"] == 2

    def test_the_operator_is_not_its_user(self):
        with make(people={OPERATOR: {"locked": True}}, refusals=TELLS_LOCKED) as double:
            result = run(double, user(), **ADMIN)
            assert result["error"]["kind"] == "authentication_failed" and "The account is locked." in result["msg"]
            assert result["error"]["vendor_code"] == "USER_ACCOUNT_LOCKED" and double.failed_logins == {OPERATOR: 1}


class TestSessionsThatEnd:
    """In the middle of a batch."""

    @pytest.mark.parametrize("options, opened", [(ADMIN, "POST sessions"), (BY_TOKEN, "POST token")])
    @pytest.mark.parametrize("method", ["GET", "PUT"])
    def test_the_operators_is_opened_again_once(self, options, opened, method):
        names = ["user%02d" % number for number in range(12)]
        with make(*names) as double:
            fault = double.inject("real", method=method, skip=5)
            played = fault.play

            async def expire_first(received, *args):
                double.expire()
                received.session = None
                with double.lock:
                    refusal = double.authenticate(received)
                return refusal or await played(received, *args)

            fault.play = expire_first
            result = run(double, *[user(name) for name in names], concurrency=3, update_password="always", verify=False, **options)
            assert {one[0] for one in verdicts(result)} == {"changed"} and double.writes == 12
            assert sent(double).count(opened) == 2 and not double.open_sessions

    def test_a_users_own(self, double):
        def expire(received, look=double.inspect):
            look(received)
            if received.path.endswith(CHANGE) and len(double.calls(CHANGE)) == 0:
                double.expire()

        double.inspect = expire
        assert verdict(run(double, user())) == CHANGED
        assert sent(double) == OWN_CHANGE[:3] + OWN_CHANGE[1:] + ["DELETE current"] and not double.failed_logins

    def test_a_server_that_refuses_every_session(self, double):
        double.inject("answer", path=CHANGE, times=None, status=401, body={"minorErrorCode": "NOT_AUTHENTICATED", "message": "[ 7 ] denied"})
        result = run(double, user(), user("bob"))
        assert [kind for _state, _verified, kind in verdicts(result)] == ["unexpected_response"] * 2
        assert len(double.calls(CHANGE)) == 4 and "error" not in result and not double.failed_logins

    @pytest.mark.parametrize("method", ["GET", "PUT"])
    def test_one_that_refuses_every_session_of_the_operator(self, double, method):
        double.inject("answer", path="/users" if method == "GET" else None, method=method, times=None, status=401, body="")
        result = run(double, user(), user("bob"), update_password="always", **ADMIN)
        assert [kind for _state, _verified, kind in verdicts(result)] == ["authentication_failed"] * 2
        assert logins(double) == [OPERATOR] * 2 and double.writes == 0 and len([one for one in double.requests if one.status == 401]) == 2

    def test_the_operators_password_is_changed_by_somebody_else(self, double):
        def expire(received, look=double.inspect):
            look(received)
            if received.method == "PUT" and double.users[OPERATOR] == OPERATOR_PASSWORD:
                double.expire()
                double.set_user(OPERATOR, "S3cr3t-MARKER-else")

        double.inspect = expire
        result = run(double, user(), user("bob"), update_password="always", **ADMIN)
        assert [kind for _state, _verified, kind in verdicts(result)] == ["authentication_failed"] * 2
        assert double.failed_logins == {OPERATOR: 1} and double.writes == 0

    @pytest.mark.parametrize("kind, options", [("drop", {}), ("html", {"status": 503}), ("answer", {"status": 500}), ("answer", {"status": 403})])
    def test_a_session_that_cannot_be_ended_fails_nobody(self, kind, options):
        with make() as double:
            double.inject(kind, path="/current", times=None, **options)
            result = run(double, user(), **ADMIN)
            assert verdict(result) == CHANGED and len(double.open_sessions) == 3
            assert result["warnings"] == ["A session could not be ended; it stays open until it times out."]

    @pytest.mark.parametrize("kind, options", [("drop", {}), ("html", {"status": 503})])
    def test_a_passing_fault_when_it_is_ended(self, double, kind, options):
        double.inject(kind, path="/current", times=2, **options)
        assert verdict(run(double, user())) == CHANGED
