# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins to Aria Operations for Logs: nobody is locked out whatever happens, and the operator's session is renewed where it expires."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.doubles.aria_logs import CHANGE, LOGIN, OPERATOR, SEARCH
from tests.doubles.faults import http_date
from tests.unit.calls import verdict, verdicts
from tests.unit.plugins.module_utils._vendors.aria_logs_calls import NEW, OLD, alice, make, run, story
from tests.unit.plugins.module_utils.fake_vendor import Clock

LATE = 0.4  # seconds; a time-out that is meant to come
PATIENCE = 10  # seconds until a request must have come
BOB = {"name": "bob", "password": NEW}


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running
        assert not running.lockouts


# What may happen to the change, beside that it succeeds.
FAULTS = [None, *itertools.product(("real", "drop", "html"), ("now", "never")), ("echo", "never"), ("cut", "now")]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("update_password, verify, check_mode", [*itertools.product(("when_changed", "always"), (True, False), (True, False))])
def test_the_budget_of_failed_logins(double, fault, update_password, verify, check_mode):
    """One to find out, and one more where a confirmed change does not work: the third would lock the account."""
    if fault:
        double.inject(fault[0], path=CHANGE, applies=fault[1])
    result = run(double, alice(), update_password=update_password, verify=verify, check_mode=check_mode)
    confirmed_in_vain = fault == ("real", "never") and verify
    assert double.failed_logins["alice"] <= (2 if confirmed_in_vain else 1)
    assert len(double.calls(CHANGE)) == (0 if check_mode else 1) and double.users["alice"] == (NEW if double.writes else OLD)
    state = verdict(result)[0]
    assert state != "changed" or double.writes or (fault == ("real", "never") and not verify)
    assert not (state == "failed" and double.writes)
    assert double.can_log_in("alice", double.users["alice"])


def test_a_confirmed_change_that_does_not_work_is_tried_once(double):
    double.inject("real", path=CHANGE, applies="never")
    clock = Clock()
    assert verdict(run(double, alice(), clock=clock)) == ("failed", False, "not_verified") and clock.waits == []
    assert story(double)[2:] == ["login alice", "change alice", "GET alice", "login alice"] and double.failed_logins == {"alice": 2}


@pytest.mark.parametrize("applies", ["now", "never", "later"])
@pytest.mark.parametrize("kind", ["hang", "drop"])
def test_a_change_without_an_answer_after_a_failed_look(double, kind, applies):
    """The one failed login is spent, so nothing more is tried; the next run finds out for nothing."""
    double.inject(kind, path=CHANGE, applies=applies)
    result = run(double, alice(), timeout=LATE)
    assert verdict(result) == ("unknown", None, "outcome_unknown") and result["failed"] and result["users"][0]["error"]["retryable"]
    assert story(double).count("change alice") == 1 and double.failed_logins == {"alice": 1}
    double.settle()
    assert verdict(run(double, alice())) == (("changed" if applies == "never" else "unchanged"), True, None)


@pytest.mark.parametrize("seconds, expected", [(2.9, ("changed", True, None)), (3.1, ("failed", False, "connection_failed"))])
def test_a_change_that_comes_late_is_waited_for_once(double, seconds, expected):
    double.inject("drop", path=CHANGE, applies="later")
    clock = Clock()

    def wait(pause):
        Clock.sleep(clock, pause)
        if clock.now >= 1000 + seconds:
            double.settle()

    clock.sleep = wait
    assert verdict(run(double, alice(), clock=clock, update_password="always")) == expected
    assert clock.waits == [3.0] and story(double).count("login alice") == 1


@pytest.mark.parametrize("path, user", [(LOGIN, OPERATOR), (LOGIN, "alice"), (SEARCH, None), (CHANGE, "alice")])
def test_a_connection_that_ends_before_the_server_has_read_it(double, path, user):
    """Nothing that may count is sent twice: a login may be a failed one, and a change may have happened. A look is."""
    fault = double.inject("drop", path=path, user=user)
    result = run(double, alice(), BOB, update_password="always", verify=path == LOGIN)
    assert fault.fired == 1
    if path == LOGIN and user == OPERATOR:
        assert result["error"]["kind"] == "connection_failed" and len(double.requests) == 1
    elif path == LOGIN:
        assert verdicts(result) == [("changed", None, None), ("changed", True, None)] and "could not be verified" in result["warnings"][0]
        assert double.users["alice"] == NEW and story(double).count("login alice") == 1
    elif path == SEARCH:
        assert story(double).count("list") == 2 and verdicts(result) == [("changed", None, None)] * 2
    else:
        assert verdicts(result) == [("failed", False, "connection_failed"), ("changed", None, None)] and double.users["alice"] == OLD


@pytest.mark.parametrize("as_date", [False, True])
def test_a_server_that_wants_fewer_requests(double, as_date):
    clock, headers = Clock(), {"Retry-After": http_date(2) if as_date else "2"}
    for path in (LOGIN, SEARCH, CHANGE, double.people["alice"].id):
        double.inject("answer", path=path, times=2, status=429, headers=headers)
    assert verdict(run(double, alice(), clock=clock)) == ("changed", True, None)
    assert len(clock.waits) == 8 and all(0 <= wait <= 2 for wait in clock.waits)
    assert double.writes == 1 and double.failed_logins == {"alice": 1}


def at_the_first_change(double, disturb, *users, **options):
    """A call in whose first change something happens to the sessions."""
    gate = double.inject("gate", path=CHANGE, hold="before")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, double, *users, **options)
        assert gate.arrived.wait(PATIENCE)
        disturb()
        gate.release()
        return running.result(PATIENCE)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_session_that_expires_in_the_middle_is_renewed_by_one_login(concurrency):
    names = ["user%d" % number for number in range(12)]
    with make(*names) as double:
        users = [{"name": name, "password": NEW} for name in names]
        result = at_the_first_change(double, double.expire_sessions, *users, concurrency=concurrency, update_password="always")
        assert verdicts(result) == [("changed", True, None)] * 12 and double.writes == 12
        assert story(double).count("login operator") == 2 and story(double).count("list") == 1
        # What was refused for the old session was done only once.
        assert len([one for one in double.calls(CHANGE) if one.status == 200]) == 12


def test_a_session_that_expires_between_the_listing_and_the_change(double):
    double.inject("answer", path=CHANGE, status=440, body="Login Timeout")
    assert verdict(run(double, alice(), update_password="always")) == ("changed", True, None)
    assert story(double)[:5] == ["login operator", "list", "change alice", "login operator", "change alice"] and double.writes == 1


def test_a_server_that_ends_every_session(double):
    double.inject("answer", path=CHANGE, status=440, body="Login Timeout", times=None)
    result = run(double, alice(), BOB, concurrency=1, update_password="always")
    assert verdicts(result) == [("failed", None, "authentication_failed")] * 2 and "Login Timeout" in result["msg"]
    assert story(double) == ["login operator", "list", "change alice", "login operator", "change alice"]


@pytest.mark.parametrize("session_errors", ["text", "json"])
def test_a_session_that_the_server_does_not_know_any_more_ends_the_run(session_errors):
    with make(session_errors=session_errors) as double:
        result = at_the_first_change(double, double.revoke_sessions, alice(), BOB, concurrency=1, update_password="always")
        assert verdicts(result) == [("failed", None, "authentication_failed")] * 2 and "Invalid session ID" in result["msg"]
        assert story(double) == ["login operator", "list", "change alice"] and double.writes == 0


def test_an_operator_who_cannot_log_in_again_is_tried_once(double):
    double.inject("answer", path=CHANGE, status=440, body="Login Timeout", times=None)
    double.inject("answer", path=LOGIN, user=OPERATOR, skip=1, times=None, status=401, body={"errorMessage": "Invalid credentials or account is locked."})
    result = run(double, alice(), BOB, concurrency=2, update_password="always")
    assert verdicts(result) == [("failed", None, "authentication_failed")] * 2 and double.writes == 0
    assert story(double).count("login operator") == 2


def test_the_proof_where_the_session_has_expired_meanwhile(double):
    double.inject("answer", path=double.people["alice"].id, status=440, body="Login Timeout")
    assert verdict(run(double, alice())) == ("changed", True, None) and story(double).count("login operator") == 2


def test_sessions_of_users_stay_few(double):
    """The API cannot end them: no login without need."""
    for _number in range(3):
        run(double, alice(), BOB)
    assert double.open_sessions.count("alice") == 3 and double.open_sessions.count(OPERATOR) == 3
    # Of six, three were for finding out in vain and one the proof of the change.
    assert story(double).count("login alice") == 4
