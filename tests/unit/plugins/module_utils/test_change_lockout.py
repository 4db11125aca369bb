# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vendors that lock accounts: which login is tried first, how many may fail before a change and after it, and what makes a login unnecessary."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Login

from tests.unit.calls import call, verdict
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, Clock, breaks, fails, make_vendor

ELSE = "S3cr3t-MARKER-else"
DOUBT = fails(errors.TIMED_OUT, "Late.", maybe_applied=True)
ONE_TO_FIND_OUT = {"failed_probes_per_call": 1}
CURRENT_FIRST = {"current_first": True}


def run(vendor, *users, clock=None, check_mode=False, **options):
    """The result of one run for alice, who gets a new password."""
    users = users or [{"name": "alice", "password": NEW, "current_password": OLD}]
    return call(vendor, *users, check_mode=check_mode, clock=clock, **options)


def tried(vendor):
    """The passwords that were tried, in order."""
    return [call[2] for call in vendor.calls if call[0] == "probe"]


def unmoved(_vendor, _account):
    """Say that it is done and do nothing."""


@pytest.mark.parametrize(
    "in_force, logins, state, failed",
    [
        (OLD, [OLD, NEW], ("changed", True, None), 0),
        (NEW, [OLD, NEW], ("unchanged", True, None), 1),
        (ELSE, [OLD, NEW], ("failed", None, "current_password_wrong"), 2),
    ],
)
def test_the_current_password_is_tried_first_and_never_a_third_login_fails(in_force, logins, state, failed):
    vendor = make_vendor({"alice": in_force}, 2, rules=CURRENT_FIRST, needs_current=True)
    assert (verdict(run(vendor)), tried(vendor), vendor.failed_logins.get("alice", 0)) == (state, logins, failed)
    assert vendor.names("change") == (["alice"] if in_force == OLD else [])


def test_where_the_change_needs_no_current_password_a_wrong_one_does_not_prevent_it():
    vendor = make_vendor({"alice": ELSE}, 2, rules=CURRENT_FIRST)
    result = run(vendor)
    # Both logins that may fail are spent, so the proof is left out, and that is said.
    assert (verdict(result), tried(vendor)) == (("changed", None, None), [OLD, NEW])
    assert any("one more failed login could lock" in text for text in result["warnings"])


@pytest.mark.parametrize("in_force", [OLD, NEW, ELSE])
def test_the_only_login_that_is_left_proves_the_change_where_the_operator_makes_it(in_force):
    """Runs that were killed have counted logins. To spend the last one on finding out would leave the account unproved for good."""
    vendor = make_vendor({"alice": in_force}, 2, rules=CURRENT_FIRST)
    result = run(vendor, {"name": "alice", "password": NEW, "current_password": OLD, "failed_logins": 1})
    assert (verdict(result), tried(vendor), vendor.failed_logins) == (("changed", True, None), [NEW], {})


@pytest.mark.parametrize("in_force, state, failed", [(NEW, ("unchanged", True, None), 0), (OLD, ("failed", None, "current_password_wrong"), 1)])
def test_a_new_password_that_is_the_current_one_costs_one_login(in_force, state, failed):
    vendor = make_vendor({"alice": in_force}, 2, rules=CURRENT_FIRST, needs_current=True)
    result = run(vendor, {"name": "alice", "password": NEW, "current_password": NEW})
    assert (verdict(result), tried(vendor), vendor.failed_logins.get("alice", 0)) == (state, [NEW], failed)


def test_without_a_current_password_the_new_one_is_tried():
    vendor = make_vendor({"alice": OLD}, 2, rules=CURRENT_FIRST)
    assert verdict(run(vendor, "alice")) == ("changed", True, None) and tried(vendor) == [NEW, NEW]


def test_a_current_password_about_which_no_login_can_tell_is_not_called_wrong():
    vendor = make_vendor({"alice": OLD}, 2, rules=CURRENT_FIRST, needs_current=True, probe=lambda *_args: None)
    assert verdict(run(vendor)) == ("changed", None, None)


def test_edge_30_check_mode_makes_no_login_to_tell_of_a_wrong_current_password():
    vendor = make_vendor({"alice": ELSE}, 2, rules=CURRENT_FIRST, needs_current=True)
    assert verdict(run(vendor, check_mode=True)) == ("would_change", None, None) and not vendor.names("change") and tried(vendor) == []


def test_a_login_that_was_spent_on_finding_out_leaves_one_for_the_proof():
    vendor = make_vendor({"alice": OLD}, 2, rules=ONE_TO_FIND_OUT)
    assert verdict(run(vendor)) == ("changed", True, None) and tried(vendor) == [NEW, NEW]
    assert vendor.failed_logins == {"alice": 1}


def test_a_proof_that_fails_is_not_repeated():
    vendor = make_vendor({"alice": OLD}, 2, rules=ONE_TO_FIND_OUT, change=unmoved)
    assert verdict(run(vendor)) == ("failed", False, "not_verified") and vendor.failed_logins == {"alice": 2}


def test_a_doubt_after_a_failed_probe_stays_a_doubt():
    vendor = make_vendor({"alice": OLD}, 2, rules=ONE_TO_FIND_OUT, change=DOUBT)
    assert verdict(run(vendor)) == ("unknown", None, "outcome_unknown") and vendor.failed_logins == {"alice": 1}


@pytest.mark.parametrize("seconds, state", [(2.9, ("changed", True, None)), (3.1, ("failed", False, "timed_out"))])
def test_a_doubtful_change_has_its_time_before_the_only_login(seconds, state):
    clock = Clock()
    start = clock.now

    def probe(vendor, account, password):
        if clock.now >= start + seconds:
            vendor.usual_change(account)
        return vendor.usual_probe(account, password)

    vendor = make_vendor({"alice": OLD}, 2, rules=dict(ONE_TO_FIND_OUT, doubt_seconds=3.0), change=DOUBT, probe=probe)
    assert verdict(run(vendor, clock=clock, update_password="always")) == state
    assert len(tried(vendor)) == 1 and sum(clock.waits) == pytest.approx(3.0)


def test_a_confirmed_change_is_not_waited_for_where_only_doubtful_ones_take_time():
    clock = Clock()
    vendor = make_vendor({"alice": OLD}, 2, rules=dict(ONE_TO_FIND_OUT, doubt_seconds=3.0))
    assert verdict(run(vendor, clock=clock, update_password="always")) == ("changed", True, None) and clock.waits == []


@pytest.mark.parametrize("rules, current, in_force, update, behaviour", list(itertools.product(
    ({}, ONE_TO_FIND_OUT, CURRENT_FIRST, dict(CURRENT_FIRST, doubt_seconds=3.0)), (None, OLD, NEW), (OLD, NEW, ELSE), ("when_changed", "always"),
    ({}, {"change": DOUBT}, {"change": unmoved}, {"needs_current": True}, {"needs_current": True, "change": DOUBT}),
)))  # fmt: skip
def test_no_run_exceeds_the_budget(rules, current, in_force, update, behaviour):
    vendor = make_vendor({"alice": in_force}, 2, rules=rules, **behaviour)
    result = run(vendor, {"name": "alice", "password": NEW, "current_password": current}, update_password=update)
    assert vendor.failed_logins.get("alice", 0) <= 2
    state, verified, _error = verdict(result)
    # Nothing is claimed that is not so.
    assert verified is not True or vendor.passwords["alice"] == NEW
    assert state != "unchanged" or vendor.passwords["alice"] == NEW


@pytest.mark.parametrize("update", ["when_changed", "always", "never"])
@pytest.mark.parametrize("spent, left_alone", [(1, False), (2, True), (3, True)])
def test_whose_budget_is_spent_gets_neither_a_login_nor_a_change(update, spent, left_alone):
    vendor = make_vendor({"alice": OLD}, 2)
    result = run(vendor, {"name": "alice", "password": NEW, "current_password": OLD, "update_password": update, "failed_logins": spent})
    (user,) = result["users"]
    assert (verdict(result)[2] == "login_budget_spent") == left_alone
    if left_alone:
        assert user["failed_logins"] == spent and not vendor.names("probe") and not vendor.names("change")


@pytest.mark.parametrize("needed, state", [(True, ("changed", True, None)), (False, ("unchanged", None, None))])
def test_what_the_lookup_knows_costs_no_login(needed, state):
    vendor = make_vendor({"alice": NEW}, 2, change_needed=lambda *_args: needed)
    assert verdict(run(vendor)) == state
    assert tried(vendor) == ([NEW] if needed else [])


def test_a_user_without_a_new_password_is_neither_probed_nor_proved():
    vendor = make_vendor({"alice": OLD}, 2, change_needed=lambda *_args: True, check=lambda *_args: None, change=unmoved)
    vendor.check = lambda self, account: None
    vendor.password_required = False
    result = run(vendor, {"name": "alice", "password": None})
    assert (verdict(result), tried(vendor)) == (("changed", None, None), [])
    assert result["diff"][0]["before"] == "what was asked for: not in force\n"
    vendor = make_vendor({"alice": OLD}, 2, change_needed=lambda *_args: True, change=DOUBT)
    vendor.check = lambda self, account: None
    vendor.password_required = False
    assert verdict(run(vendor, {"name": "alice", "password": None})) == ("unknown", None, "outcome_unknown")


def with_ids(vendor, **ids):
    """A vendor whose users have identifiers, too."""

    def find(_self, accounts):
        for account in accounts:
            account.id = account.id or ids[account.name]
            account.name = account.name or next(name for name, identifier in ids.items() if identifier == account.id)

    vendor.identifiers = ("name", "id")
    vendor.user_spec = {"id": {"type": "str"}}
    vendor.find = find
    return vendor


def test_a_user_may_be_named_by_its_id():
    vendor = with_ids(make_vendor({"alice": OLD}), alice="17")
    (user,) = run(vendor, {"id": "17", "password": NEW})["users"]
    assert (user["name"], user["id"], user["state"]) == ("alice", "17", "changed")


def test_a_user_that_is_named_by_its_name_and_again_by_its_id_is_refused():
    vendor = with_ids(make_vendor({"alice": OLD}), alice="17")
    result = run(vendor, {"id": "17", "password": NEW}, {"name": "alice", "password": NEW})
    assert result["error"]["kind"] == "invalid_input" and "alice twice" in result["msg"] and not vendor.names("change")


def test_a_user_without_a_name_is_called_by_its_id_in_messages():
    vendor = make_vendor({}, find=breaks(ValueError()))
    vendor.identifiers = ("name", "id")
    vendor.user_spec = {"id": {"type": "str"}}
    result = run(vendor, {"id": "17", "password": "x"}, {"id": "17", "password": "x"})
    assert "users names 17 twice" in result["msg"]
    assert run(vendor, {"id": "17", "password": "x"}, {"id": "18", "password": NEW})["diff"][0]["before_header"] == "17"


def test_an_attempt_that_may_have_counted_is_counted_by_the_call():
    vendor = make_vendor({"alice": OLD}, 2, rules=CURRENT_FIRST, needs_current=True, probe=lambda *_args: Login.unknown("Odd.", counted=True))
    result = run(vendor, {"name": "alice", "password": NEW, "current_password": OLD})
    assert result["users"][0]["failed_logins"] == 2 and "Odd." in result["warnings"]


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("what", ["probe", "change"])
def test_an_error_says_whether_a_failed_login_was_counted(what, counted):
    vendor = make_vendor({"alice": OLD}, 2, **{what: fails(errors.ACCOUNT_LOCKED, counted=counted)})
    result = run(vendor, update_password="when_changed" if what == "probe" else "always")
    assert result["users"][0]["failed_logins"] == int(counted)
