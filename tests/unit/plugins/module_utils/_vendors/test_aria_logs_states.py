# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of Aria Operations for Logs that are locked or not active: unlocking, and logins that are not tried."""

from __future__ import annotations

import pytest

from tests.doubles.aria_logs import CHANGE, SEARCH
from tests.doubles.aria_logs_people import ACTIVE, LOCKED, LOCKED_LOGIN_FAIL, PENDING
from tests.unit.calls import verdict, verdicts
from tests.unit.plugins.module_utils._vendors.aria_logs_calls import NEW, OLD, alice, make, run, story

BEGIN = ["login operator", "list"]


@pytest.fixture(name="double", params=LOCKED)
def a_double(request):
    """A double where alice is locked."""
    with make() as running:
        running.people["alice"].status = request.param
        yield running
        assert not running.lockouts


@pytest.mark.parametrize("update_password", ["when_changed", "always"])
@pytest.mark.parametrize("unlock", [None, False])
def test_a_locked_account_is_left_alone(double, update_password, unlock):
    """A new password would unlock it, which nobody asked for."""
    result = run(double, alice(unlock=unlock), {"name": "bob", "password": NEW}, update_password=update_password)
    assert verdicts(result) == [("failed", None, "account_locked"), ("changed", True, None)]
    error = result["users"][0]["error"]
    assert "unlock: true" in error["message"] and error["vendor_code"] == double.people["alice"].status and not error["retryable"]
    assert not any("alice" in what for what in story(double)) and double.users["alice"] == OLD


@pytest.mark.parametrize("by_user, at_the_top", [(True, None), (None, True), (True, False)])
def test_a_new_password_and_unlock(double, by_user, at_the_top):
    result = run(double, alice(unlock=by_user), unlock=at_the_top)
    assert verdict(result) == ("changed", True, None) and double.people["alice"].status == ACTIVE and result["warnings"] == []
    assert [one.json() for one in double.calls(CHANGE)] == [{"password": NEW, "unlock": True}]
    assert story(double) == BEGIN + ["change alice", "GET alice", "login alice"] and not double.failed_logins
    assert verdict(run(double, alice(unlock=True))) == ("unchanged", True, None) and double.writes == 1


@pytest.mark.parametrize("shorthand", [True, False])
def test_unlock_alone(double, shorthand):
    user, options = ((), {"name": "alice", "unlock": True}) if shorthand else ([{"name": "alice", "unlock": True}], {})
    double.read_only = True
    assert verdict(run(double, *user, check_mode=True, **options)) == ("would_change", None, None) and double.refused_writes == []
    double.read_only = False
    result = run(double, *user, **options)
    assert verdict(result) == ("changed", None, None) and result["changed"] and not result["failed"]
    assert [one.json() for one in double.calls(CHANGE)] == [{"unlock": True}] and story(double)[-2:] == ["change alice", "GET alice"]
    assert (double.people["alice"].status, double.users["alice"]) == (ACTIVE, OLD)
    again = run(double, *user, **options)
    assert verdict(again) == ("unchanged", None, None) and double.writes == 1 and "login alice" not in story(double)


@pytest.mark.parametrize("user", [{"name": "alice", "unlock": True}, alice(unlock=True)])
def test_a_lock_that_stays(user):
    with make(unlocks=()) as double:
        double.people["alice"].locked = True
        result = run(double, user)
        if "password" in user:
            assert verdict(result) == ("changed", None, None) and LOCKED_LOGIN_FAIL in result["warnings"][0]
        else:
            assert verdict(result) == ("failed", None, "account_locked") and "still locked (LOCKED_LOGIN_FAIL)" in result["msg"] and not result["changed"]
        assert "login alice" not in story(double)


def test_unlock_alone_without_verify_takes_the_servers_word():
    with make(unlocks=()) as double:
        double.people["alice"].locked = True
        assert verdict(run(double, {"name": "alice", "unlock": True}, verify=False)) == ("changed", None, None)
        assert story(double) == BEGIN + ["change alice"]


def test_unlocked_but_nobody_can_look(double):
    """The server has said that it is done; that it cannot be looked at afterwards is no failure."""
    double.inject("answer", path=double.people["alice"].id, status=500, times=None)
    result = run(double, {"name": "alice", "unlock": True})
    assert verdict(result) == ("changed", None, None) and "Could not verify that alice is unlocked" in result["warnings"][0]


@pytest.mark.parametrize("kind", ["drop", "html", "answer"])
@pytest.mark.parametrize("applies", ["now", "never"])
@pytest.mark.parametrize("visible", [True, False])
@pytest.mark.parametrize("status", [403, 500])
def test_a_look_tells_whether_an_account_was_unlocked(double, kind, applies, visible, status):
    """Without a new password there is nothing to log in with."""
    fault = double.inject(kind, path=CHANGE, applies=applies)
    if not visible:
        double.inject("answer", path=double.people["alice"].id, status=status, times=None)
    result = run(double, {"name": "alice", "unlock": True})
    certain = applies == "now" and visible
    assert verdict(result) == (("changed", None, None) if certain else ("unknown", None, "outcome_unknown"))
    assert fault.fired == len(double.calls(CHANGE)) == 1 and "login alice" not in story(double)


@pytest.mark.parametrize("applies", ["now", "never"])
def test_a_locked_account_and_a_change_whose_answer_is_lost(double, applies):
    """As long as it is locked, no login is tried."""
    double.inject("drop", path=CHANGE, applies=applies)
    result = run(double, alice(unlock=True))
    assert verdict(result) == (("changed", True, None) if applies == "now" else ("unknown", None, "outcome_unknown")) and not double.failed_logins
    assert story(double).count("login alice") == (applies == "now")


def test_nothing_to_unlock():
    with make() as double:
        double.people["bob"].status = PENDING
        result = run(double, {"name": "alice", "unlock": True}, {"name": "bob", "unlock": True}, update_password="always")
        assert verdicts(result) == [("unchanged", None, None)] * 2 and not result["changed"] and story(double) == BEGIN


@pytest.mark.parametrize("status", [PENDING, "SOMETHING_NEW"])
def test_no_login_before_the_change_of_an_account_that_is_not_active(status):
    with make() as double:
        double.people["alice"].status = status
        assert verdict(run(double, alice(), check_mode=True)) == ("would_change", None, None) and "login alice" not in story(double)
        double.reset()
        result = run(double, alice())
        assert verdict(result) == ("changed", True, None) and result["warnings"] == [] and not double.failed_logins
        assert story(double) == BEGIN + ["change alice", "GET alice", "login alice"]


@pytest.mark.parametrize("doubtful", [False, True])
def test_no_login_after_a_change_that_leaves_the_account_inactive(doubtful):
    with make(after_change=PENDING) as double:
        if doubtful:
            double.inject("drop", path=CHANGE, applies="now")
        result = run(double, alice(), update_password="always")
        assert verdict(result) == (("unknown", None, "outcome_unknown") if doubtful else ("changed", None, None))
        assert PENDING in result["warnings"][0] and double.users["alice"] == NEW and "login alice" not in story(double)


def test_a_server_that_does_not_tell_the_state():
    with make(omits=["authStatus"]) as double:
        result = run(double, alice(), {"name": "bob", "unlock": True})
        assert verdicts(result) == [("changed", None, None), ("changed", None, None)] and "in an unknown state" in result["warnings"][0]
        assert not any(what in story(double) for what in ("login alice", "login bob"))


def test_a_listing_that_does_not_tell_the_state_of_which_the_server_tells_of_each_user():
    with make() as double:
        listing = [{"id": person.id, "username": name} for name, person in double.people.items()]
        double.people["bob"].locked = True
        double.inject("answer", path=SEARCH, body=listing, status=200)
        result = run(double, alice(), {"name": "bob", "password": NEW})
        assert verdicts(result) == [("changed", True, None), ("failed", None, "account_locked")]


def test_an_account_that_gets_locked_after_the_change_is_not_tried():
    with make() as double:
        double.inject("answer", path=double.people["alice"].id, status=200, body={"id": "x", "authStatus": LOCKED_LOGIN_FAIL})
        assert verdict(run(double, alice(), update_password="always")) == ("changed", None, None) and "login alice" not in story(double)
