# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failed logins that a vendor counts, and waiting for a change to show."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors

from tests.unit.calls import call
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, Clock, fails, make_vendor

DOUBT = fails(errors.TIMED_OUT, "Late.", maybe_applied=True)


def nothing(_vendor, _account):
    """Say that it is done and do nothing."""


def refuse_all(_vendor, _account, _password):
    """Every login fails."""
    return False


def arriving(clock, seconds, doubtful=False):
    """Behaviour of a vendor whose changes show only after a while; a new one for each run."""
    due = {}

    def slow(vendor, account):
        due[account.name] = (clock.now + seconds, account)
        if doubtful:
            DOUBT(vendor)

    def look(vendor, account, password):
        if account.name in due and clock.now >= due[account.name][0]:
            vendor.usual_change(due[account.name][1])
        return vendor.usual_probe(account, password)

    return dict(change=slow, probe=look)


def run(vendor, clock, *users, check_mode=False, **options):
    """The result of one run."""
    return call(vendor, *(users or ["alice"]), check_mode=check_mode, clock=clock, **options)


@pytest.mark.parametrize(
    "limit, settle, update, verify, current, check_mode",
    list(itertools.product((0, 1, 2, 3), (0.0, 3.0), ("when_changed", "always"), (True, False), (None, OLD, "S3cr3t-MARKER-wrong"), (True, False))),
)
def test_the_budget_of_failed_logins_is_never_exceeded(limit, settle, update, verify, current, check_mode):
    for behaviour in ({}, {"change": nothing}, {"change": DOUBT}, {"change": fails(errors.PASSWORD_REJECTED)}, {"probe": refuse_all, "change": DOUBT}):
        vendor, clock = make_vendor({"alice": OLD, "bob": OLD}, limit, settle, **behaviour), Clock()
        user = {"name": "alice", "password": NEW, "current_password": current}
        run(vendor, clock, user, "bob", check_mode=check_mode, update_password=update, verify=verify)
        assert max(vendor.failed_logins.values(), default=0) <= limit
        # No user waits longer than the vendor needs.
        assert sum(clock.waits) <= 2 * settle + 0.001


def test_without_a_limit_it_asks_until_the_time_is_over():
    clock = Clock()
    vendor = make_vendor({"alice": OLD}, None, 3.0, change=nothing)
    result = run(vendor, clock, update_password="always")
    assert result["users"][0]["error"]["kind"] == "not_verified"
    assert sum(clock.waits) == pytest.approx(3.0)
    assert clock.waits[:6] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.45])
    # The last look comes when all the time has passed.
    assert vendor.failed_logins["alice"] == len(clock.waits) + 1


def test_a_change_that_shows_at_once_is_not_waited_for():
    clock = Clock()
    assert run(make_vendor({"alice": OLD}, None, 60.0), clock)["users"][0]["verified"] is True
    assert clock.waits == []


@pytest.mark.parametrize("limit", [1, 2, 3, None])
@pytest.mark.parametrize("doubtful", [True, False])
@pytest.mark.parametrize("seconds", [0.01, 1.0, 2.99, 3.0])
def test_a_change_that_shows_within_the_vendors_time_is_seen_whatever_the_limit(limit, doubtful, seconds):
    """The only login that is left is kept until the change has had all its time."""
    clock = Clock()
    vendor = make_vendor({"alice": OLD}, limit, 3.0, **arriving(clock, seconds, doubtful))
    user = run(vendor, clock, update_password="always")["users"][0]
    assert (user["state"], user["verified"], user["error"]) == ("changed", True, None)


@pytest.mark.parametrize("limit", [1, 2, None])
def test_a_change_that_shows_too_late(limit):
    clock = Clock()
    vendor = make_vendor({"alice": OLD}, limit, 3.0, **arriving(clock, 3.5))
    assert run(vendor, clock, update_password="always")["users"][0]["error"]["kind"] == "not_verified"


def test_with_no_login_left_the_change_is_neither_verified_nor_waited_for():
    clock = Clock()
    vendor = make_vendor({"alice": OLD}, 1, 60.0)
    user = run(vendor, clock)["users"][0]
    # The first look has cost the one failed login that is allowed.
    assert (user["state"], user["verified"], clock.waits) == ("changed", None, [])
    assert vendor.failed_logins == {"alice": 1} and vendor.passwords == {"alice": NEW}


def test_with_no_login_left_a_doubtful_change_stays_unknown():
    vendor, clock = make_vendor({"alice": OLD}, 1, 60.0, change=DOUBT), Clock()
    user = run(vendor, clock)["users"][0]
    assert (user["state"], user["error"]["kind"], clock.waits) == ("unknown", "outcome_unknown", [])


def test_where_no_login_may_fail_none_is_tried():
    vendor, clock = make_vendor({"alice": NEW}, 0, 60.0), Clock()
    assert (run(vendor, clock)["users"][0]["state"], vendor.names("probe"), clock.waits) == ("changed", [], [])


def test_logins_that_work_cost_nothing():
    vendor, clock = make_vendor({"alice": NEW}, 1, 0.0), Clock()
    assert [run(vendor, clock)["users"][0]["state"] for _number in range(3)] == ["unchanged"] * 3
    assert vendor.failed_logins == {}


def test_each_user_has_a_budget_of_its_own():
    vendor, clock = make_vendor({"alice": OLD, "bob": OLD}, 1, 0.0, change=DOUBT), Clock()
    run(vendor, clock, "alice", "bob", update_password="always")
    assert vendor.failed_logins == {"alice": 1, "bob": 1}
