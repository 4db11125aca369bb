# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of one user: every way through the change run."""

from __future__ import annotations

import json

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors

from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, Clock, breaks, fails, make_vendor, params

ALICE = {"name": "alice", "password": NEW}
WRONG = "S3cr3t-MARKER-wrong"
DOUBT = fails(errors.TIMED_OUT, "The server timed out.", http_status=408, vendor_code=10001, request_id="r-1", maybe_applied=True)


def one(vendor, user="alice", check_mode=False, clock=None, **options):
    """The whole result, and the only user in it."""
    clock = clock or Clock()
    result = _change.set_passwords(vendor, params(vendor, user, **options), check_mode, clock.sleep, clock)
    assert len(result["users"]) == 1
    return result, result["users"][0]


def seen(result, user):
    """What a playbook looks at."""
    return user["state"], user["verified"], user["error"]["kind"] if user["error"] else None, result["changed"], result["failed"]


def with_doubt(_vendor, _account=None):
    """The write happened, but the answer was lost."""
    _vendor.usual_change(_account)
    DOUBT(_vendor)


def test_a_password_that_is_right_already():
    vendor = make_vendor({"alice": NEW})
    result, user = one(vendor)
    assert seen(result, user) == ("unchanged", True, None, False, False)
    assert vendor.calls == [("open", 1), ("find", "alice"), ("probe", "alice", NEW), ("close",)]
    assert (user["name"], user["id"]) == ("alice", None)
    assert "msg" not in result and "error" not in result


def test_a_password_that_is_changed_and_verified():
    vendor = make_vendor({"alice": OLD})
    result, user = one(vendor)
    assert seen(result, user) == ("changed", True, None, True, False)
    assert vendor.calls[2:] == [("probe", "alice", NEW), ("change", "alice"), ("probe", "alice", NEW), ("close",)]


@pytest.mark.parametrize("how", [{"update_password": "always"}, {"user": dict(ALICE, update_password="always")}])
def test_always_does_not_look_first(how):
    vendor = make_vendor({"alice": NEW})
    result, user = one(vendor, **how)
    assert seen(result, user) == ("changed", True, None, True, False)
    assert vendor.calls[2:] == [("change", "alice"), ("probe", "alice", NEW), ("close",)]


def test_what_a_user_says_wins_over_what_the_task_says():
    vendor = make_vendor({"alice": NEW})
    assert seen(*one(vendor, user=dict(ALICE, update_password="when_changed"), update_password="always"))[0] == "unchanged"


def test_without_verify_nothing_follows_the_change():
    vendor = make_vendor({"alice": OLD})
    result, user = one(vendor, verify=False, update_password="always")
    assert seen(result, user) == ("changed", None, None, True, False)
    assert vendor.calls[2:] == [("change", "alice"), ("close",)]


def test_where_no_login_can_tell_the_password_is_changed_each_time():
    vendor = make_vendor({"alice": NEW}, probe=lambda vendor, account, password: None)
    assert seen(*one(vendor)) == ("changed", None, None, True, False)
    assert vendor.names("change") == ["alice"]


@pytest.mark.parametrize("kind", [errors.PASSWORD_REJECTED, errors.CURRENT_PASSWORD_WRONG, errors.PERMISSION_DENIED, errors.RATE_LIMITED])
def test_a_change_that_the_vendor_refuses(kind):
    vendor = make_vendor({"alice": OLD}, change=fails(kind, "Because.", http_status=400, vendor_code=7, request_id="r-1"))
    result, user = one(vendor)
    # The look before has shown that a refused password is not in force.
    verified = False if kind == errors.PASSWORD_REJECTED else None
    assert seen(result, user) == ("failed", verified, kind, False, True)
    assert {key: user["error"][key] for key in ("message", "http_status", "vendor_code", "request_id")} == {
        "message": "Because.", "http_status": 400, "vendor_code": 7, "request_id": "r-1",
    }  # fmt: skip
    assert result["msg"] == "1 of 1 users failed. alice: Because. (%s)" % kind
    # It certainly did not happen: no login is spent on it.
    assert vendor.names("probe") == ["alice"]


def test_a_user_that_the_look_up_refuses_is_not_touched():
    def not_there(_vendor, accounts):
        accounts[0].id = "id-1"
        accounts[0].error = errors.PasswordError(errors.USER_NOT_FOUND, "There is no alice.")

    vendor = make_vendor({}, find=not_there)
    result, user = one(vendor)
    assert seen(result, user) == ("failed", None, "user_not_found", False, True)
    assert user["id"] == "id-1"
    assert vendor.calls[2:] == [("close",)]


def test_an_accepted_change_whose_password_does_not_log_in():
    vendor = make_vendor({"alice": OLD}, change=lambda vendor, account: None)
    result, user = one(vendor)
    # Something has been changed, whatever it is.
    assert seen(result, user) == ("failed", False, "not_verified", True, True)


@pytest.mark.parametrize(
    "fault, text",
    [
        (fails(errors.VENDOR_UNAVAILABLE, "The server failed."), "The server failed."),
        (fails(errors.AUTHENTICATION_FAILED, "Not you."), "Not you."),
        (breaks(KeyError("S3cr3t-MARKER-in-exception")), "An unexpected KeyError occurred; please report it."),
    ],
)
def test_an_accepted_change_stays_one_when_the_look_afterwards_fails(fault, text):
    vendor = make_vendor({"alice": OLD}, probe=fault)
    result, user = one(vendor, update_password="always")
    assert seen(result, user) == ("changed", None, None, True, False)
    assert result["warnings"] == ["The new password of alice could not be verified: " + text]


def test_a_doubtful_change_that_happened():
    vendor = make_vendor({"alice": OLD}, change=with_doubt)
    assert seen(*one(vendor)) == ("changed", True, None, True, False)
    assert vendor.names("change") == ["alice"]


def test_a_doubtful_change_that_happened_is_found_out_without_verify_too():
    vendor = make_vendor({"alice": OLD}, change=with_doubt)
    assert seen(*one(vendor, verify=False)) == ("changed", True, None, True, False)


def test_a_doubtful_change_that_did_not_happen():
    vendor = make_vendor({"alice": OLD}, change=DOUBT)
    result, user = one(vendor)
    assert seen(result, user) == ("failed", False, "timed_out", False, True)
    assert user["error"]["message"] == "The server timed out. The new password does not log in, so the change has not happened yet."
    assert user["error"]["retryable"] is True
    # A write is sent once, whatever happens.
    assert vendor.names("change") == ["alice"]


@pytest.mark.parametrize(
    "look",
    [
        lambda vendor, account, password: None,
        fails(errors.CONNECTION_FAILED),
        fails(errors.AUTHENTICATION_FAILED),
        breaks(ValueError("x")),
    ],
)
def test_a_doubtful_change_about_which_nothing_can_be_found_out(look):
    vendor = make_vendor({"alice": OLD}, change=DOUBT, probe=look)
    result, user = one(vendor, update_password="always")
    assert seen(result, user) == ("unknown", None, "outcome_unknown", False, True)
    assert user["error"] == {
        "kind": "outcome_unknown", "message": "The change may or may not have happened, and no login could settle it: The server timed out.",
        "http_status": 408, "vendor_code": 10001, "request_id": "r-1", "retryable": True,
    }  # fmt: skip


@pytest.mark.parametrize("happened", [True, False])
def test_a_change_that_breaks_in_an_unforeseen_way_is_doubtful(happened):
    def odd(vendor, account):
        if happened:
            vendor.usual_change(account)
        raise KeyError("S3cr3t-MARKER-in-exception")

    result, user = one(make_vendor({"alice": OLD}, change=odd))
    assert seen(result, user) == (("changed", True, None, True, False) if happened else ("failed", False, "unexpected_response", False, True))
    assert "MARKER" not in json.dumps(result)


def test_a_change_that_breaks_where_no_login_can_tell():
    vendor = make_vendor({"alice": OLD}, change=breaks(KeyError("S3cr3t-MARKER-in-exception")), probe=lambda vendor, account, password: None)
    result, user = one(vendor)
    assert seen(result, user) == ("unknown", None, "outcome_unknown", False, True)
    assert "MARKER" not in json.dumps(result) and "KeyError" in user["error"]["message"]


@pytest.mark.parametrize(
    "fault, kind",
    [
        (fails(errors.VENDOR_UNAVAILABLE), "vendor_unavailable"),
        (breaks(IndexError("S3cr3t-MARKER")), "unexpected_response"),
    ],
)
def test_a_first_look_that_fails_ends_in_no_write(fault, kind):
    vendor = make_vendor({"alice": OLD}, probe=fault)
    result, user = one(vendor)
    assert seen(result, user) == ("failed", None, kind, False, True)
    assert vendor.names("change") == [] and "MARKER" not in json.dumps(result)


@pytest.mark.parametrize(
    "user, update, expected, calls",
    [
        (ALICE, "when_changed", ("would_change", None, None, True, False), [NEW]),
        (ALICE, "always", ("would_change", None, None, True, False), []),
        (dict(ALICE, current_password=OLD), "when_changed", ("would_change", None, None, True, False), [NEW, OLD]),
        (dict(ALICE, current_password=WRONG), "when_changed", ("failed", None, "current_password_wrong", False, True), [NEW, WRONG]),
        (dict(ALICE, password=OLD), "when_changed", ("unchanged", True, None, False, False), [OLD]),
    ],
)
def test_check_mode_looks_and_does_not_write(user, update, expected, calls):
    vendor = make_vendor({"alice": OLD}, change=breaks(AssertionError("a write")))
    result, told = one(vendor, user, check_mode=True, update_password=update)
    assert seen(result, told) == expected
    assert [call[2] for call in vendor.calls if call[0] == "probe"] == calls
    assert vendor.names("change") == [] and vendor.passwords == {"alice": OLD}


def test_edge_30_check_mode_spends_no_failed_login_where_they_count():
    vendor = make_vendor({"alice": OLD}, failed_logins_per_call=2)
    result, user = one(vendor, dict(ALICE, current_password="S3cr3t-MARKER-wrong"), check_mode=True)
    assert (user["state"], vendor.failed_logins) == ("would_change", {}) and "Check mode makes no login" in result["warnings"][0]


@pytest.mark.parametrize(
    "state, before, after",
    [
        ("unchanged", "in force", "in force"),
        ("changed", "not in force", "in force"),
        ("would_change", "not in force", "in force"),
        ("failed", "unknown", "unknown"),
        ("unknown", "unknown", "unknown"),
    ],
)
def test_the_diff_of_each_state(state, before, after):
    behaviour = {"failed": dict(change=fails(errors.PASSWORD_REJECTED)), "unknown": dict(change=DOUBT, probe=lambda *_args: None)}.get(state, {})
    vendor = make_vendor({"alice": NEW if state == "unchanged" else OLD}, **behaviour)
    result, user = one(vendor, check_mode=state == "would_change")
    assert user["state"] == state
    assert result["diff"] == [{
        "before_header": "alice", "after_header": "alice", "before": "wanted password: %s\n" % before, "after": "wanted password: %s\n" % after,
    }]  # fmt: skip
