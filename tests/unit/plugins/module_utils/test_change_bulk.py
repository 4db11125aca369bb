# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change run with a vendor that changes many users with one request."""

from __future__ import annotations

import json
import threading

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.calls import call
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, Clock, breaks, fails, make_vendor

DOUBT = fails(errors.TIMED_OUT, "The server timed out.", http_status=408, request_id="r-1", maybe_applied=True)


def states(result):
    """What became of each."""
    return [(user["name"], user["state"], user["verified"], user["error"]["kind"] if user["error"] else None) for user in result["users"]]


def requests(vendor):
    """The users of each request for a change."""
    return ["".join(call[1:]) for call in vendor.calls if call[0] == "change_all"]


def everybody(names="abcdefg", **more):
    """Passwords in force."""
    return dict(dict.fromkeys(names, OLD), **more)


def unless(name, fault):
    """A request that fails as long as somebody is among its users."""

    def choose(vendor, accounts):
        if name in [account.name for account in accounts]:
            fault(vendor)
        vendor.usual_change_all(accounts)

    return choose


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("bulk, expected", [(100, ["abcdefg"]), (7, ["abcdefg"]), (3, ["abc", "def", "g"]), (1, list("abcdefg"))])
def test_as_many_at_once_as_the_vendor_takes(bulk, expected, concurrency):
    vendor = make_vendor(everybody(), bulk=bulk)
    result = call(vendor, *"abcdefg", concurrency=concurrency)
    assert states(result) == [(name, "changed", True, None) for name in "abcdefg"]
    assert requests(vendor) == expected and vendor.names("change") == []


def test_all_are_looked_at_before_the_first_request_and_after_the_last():
    vendor = make_vendor(everybody("abc"), bulk=2)
    call(vendor, *"abc")
    assert [call[:-1] if call[0] == "probe" else call for call in vendor.calls] == [
        ("open", 3), ("find", "a", "b", "c"), ("probe", "a"), ("probe", "b"), ("probe", "c"), ("change_all", "a", "b"), ("change_all", "c"),
        ("probe", "a"), ("probe", "b"), ("probe", "c"), ("close",),
    ]  # fmt: skip


def test_only_those_who_need_a_change_are_in_the_request():
    def lost(vendor, accounts):
        accounts[3].error = PasswordError(errors.USER_NOT_FOUND, "There is no d.")

    vendor = make_vendor(everybody("ade", b=NEW), bulk=100, find=lost)
    result = call(vendor, "a", "b", {"name": "c", "password": "x"}, "d", {"name": "e", "update_password": "always", "password": OLD}, "f")
    # c is refused before the look-up, so the fourth that is looked up is e.
    assert states(result) == [
        ("a", "changed", True, None),
        ("b", "unchanged", True, None),
        ("c", "failed", None, "password_rejected"),
        ("d", "changed", True, None),
        ("e", "failed", None, "user_not_found"),
        ("f", "changed", True, None),
    ]
    assert requests(vendor) == ["adf"]


def test_nobody_needs_a_change():
    vendor = make_vendor(dict.fromkeys("abc", NEW), bulk=100)
    assert {state[1] for state in states(call(vendor, *"abc"))} == {"unchanged"} and requests(vendor) == []


def test_check_mode_sends_no_request():
    vendor = make_vendor(everybody("ab", c=NEW), bulk=100, change_all=breaks(AssertionError("a write")))
    result = call(vendor, *"abc", check_mode=True)
    assert [state[1] for state in states(result)] == ["would_change", "would_change", "unchanged"] and result["changed"] is True
    assert requests(vendor) == []


def test_without_verify_nobody_is_looked_at_afterwards():
    vendor = make_vendor(everybody("ab"), bulk=100)
    result = call(vendor, *"ab", verify=False, update_password="always")
    assert states(result) == [("a", "changed", None, None), ("b", "changed", None, None)] and vendor.names("probe") == []


@pytest.mark.parametrize("kind", [errors.USER_NOT_FOUND, errors.PASSWORD_REJECTED, errors.INVALID_INPUT])
@pytest.mark.parametrize("culprit", ["a", "b", "c"])
def test_a_refusal_that_one_of_them_has_caused_meets_that_one_only(kind, culprit):
    vendor = make_vendor(everybody("abc"), bulk=100, change_all=unless(culprit, fails(kind, "Because.")))
    result = call(vendor, *"abc")
    verified = False if kind == errors.PASSWORD_REJECTED else None
    assert states(result) == [(name, "failed", verified, kind) if name == culprit else (name, "changed", True, None) for name in "abc"]
    assert requests(vendor) == ["abc", "a", "b", "c"]
    assert result["msg"] == "1 of 3 users failed. %s: Because. (%s)" % (culprit, kind)


@pytest.mark.parametrize("kind", [errors.RATE_LIMITED, errors.PERMISSION_DENIED, errors.TARGET_NOT_READY, errors.VENDOR_UNAVAILABLE, errors.CONNECTION_FAILED])
def test_a_refusal_that_nobody_has_caused_is_not_tried_again(kind):
    vendor = make_vendor(everybody("abc"), bulk=2, change_all=unless("a", fails(kind, "Because.")))
    result = call(vendor, *"abc")
    # The other request goes its own way.
    assert states(result) == [("a", "failed", None, kind), ("b", "failed", None, kind), ("c", "changed", True, None)]
    assert requests(vendor) == ["ab", "c"] and result["changed"] is True


def test_a_refusal_of_the_operator_ends_it_all():
    vendor = make_vendor(everybody(), bulk=2, change_all=unless("c", fails(errors.AUTHENTICATION_FAILED, "Not you.")))
    result = call(vendor, *"abcdefg")
    assert states(result) == [(name, "changed", True, None) for name in "ab"] + [(name, "failed", None, "authentication_failed") for name in "cdefg"]
    # Who was changed before is still looked at, nobody else is.
    assert requests(vendor) == ["ab", "cd"] and vendor.names("probe")[7:] == ["a", "b"]
    assert result["error"]["kind"] == "authentication_failed"


def test_a_refusal_of_the_operator_while_each_is_tried_alone():
    def refuse(vendor, accounts):
        if len(accounts) > 1:
            fails(errors.USER_NOT_FOUND)(vendor)
        if accounts[0].name == "b":
            fails(errors.AUTHENTICATION_FAILED)(vendor)
        vendor.usual_change_all(accounts)

    vendor = make_vendor(everybody("abcd"), bulk=3, change_all=refuse)
    result = call(vendor, *"abcd")
    assert states(result) == [("a", "changed", True, None)] + [(name, "failed", None, "authentication_failed") for name in "bcd"]
    assert requests(vendor) == ["abc", "a", "b"]


def test_a_refusal_of_the_operator_at_the_first_look_sends_nothing():
    vendor = make_vendor(everybody("abc"), bulk=100, probe=fails(errors.AUTHENTICATION_FAILED))
    result = call(vendor, *"abc")
    assert {state[3] for state in states(result)} == {"authentication_failed"} and requests(vendor) == []


def test_somebody_about_whom_the_operator_is_refused_stops_those_who_were_fine():
    """Between looking and sending."""

    def look(vendor, account, password):
        if account.name == "c":
            fails(errors.AUTHENTICATION_FAILED)(vendor)
        return vendor.usual_probe(account, password)

    vendor = make_vendor(everybody("ab", d=NEW), bulk=100, probe=look)
    result = call(vendor, "d", *"abc")
    assert states(result) == [("d", "unchanged", True, None)] + [(name, "failed", None, "authentication_failed") for name in "abc"]
    assert requests(vendor) == [] and vendor.passwords["a"] == OLD


@pytest.mark.parametrize("happened", ["", "a", "ab", "abc"])
def test_a_doubt_is_resolved_for_each(happened):
    """A request for several is not atomic: the first may be changed and the others not."""

    def partly(vendor, accounts):
        vendor.usual_change_all([account for account in accounts if account.name in happened])
        DOUBT(vendor)

    vendor = make_vendor(everybody("abc"), bulk=100, change_all=partly)
    result = call(vendor, *"abc")
    assert states(result) == [(name, "changed", True, None) if name in happened else (name, "failed", False, "timed_out") for name in "abc"]
    assert requests(vendor) == ["abc"] and result["changed"] is bool(happened)
    for user in result["users"]:
        if user["error"]:
            assert user["error"]["message"] == "The server timed out. The new password does not log in, so the change has not happened yet."


def test_a_doubt_that_no_login_can_resolve():
    vendor = make_vendor(everybody("ab"), bulk=100, change_all=DOUBT, probe=lambda *_args: None)
    result = call(vendor, *"ab")
    assert states(result) == [("a", "unknown", None, "outcome_unknown"), ("b", "unknown", None, "outcome_unknown")]
    # Told of each once: the words of one are not added to those of the other.
    messages = {user["error"]["message"] for user in result["users"]}
    assert messages == {"The change may or may not have happened, and no login could settle it: The server timed out."}


def test_a_doubt_that_some_logins_can_resolve():
    def look(vendor, account, password):
        return None if account.name == "b" else vendor.usual_probe(account, password)

    def all_and_lost(vendor, accounts):
        vendor.usual_change_all(accounts)
        DOUBT(vendor)

    vendor = make_vendor(everybody("abc"), bulk=100, change_all=all_and_lost, probe=look)
    assert states(call(vendor, *"abc")) == [("a", "changed", True, None), ("b", "unknown", None, "outcome_unknown"), ("c", "changed", True, None)]


def test_a_doubt_is_no_refusal_even_where_it_is_about_one_of_them():
    doubtful = fails(errors.PASSWORD_REJECTED, maybe_applied=True)
    vendor = make_vendor(everybody("ab"), bulk=100, change_all=doubtful)
    call(vendor, *"ab")
    assert requests(vendor) == ["ab"]


def test_an_unforeseen_fault_is_a_doubt_about_all():
    vendor = make_vendor(everybody("ab"), bulk=100, change_all=breaks(KeyError("S3cr3t-MARKER")))
    result = call(vendor, *"ab")
    assert states(result) == [("a", "failed", False, "unexpected_response"), ("b", "failed", False, "unexpected_response")]
    assert "MARKER" not in json.dumps(result)


def test_what_is_lost_without_a_word_is_noticed():
    vendor = make_vendor(everybody("abc"), bulk=100, change_all=lambda vendor, accounts: vendor.usual_change_all(accounts[:1]))
    result = call(vendor, *"abc")
    assert states(result) == [("a", "changed", True, None), ("b", "failed", False, "not_verified"), ("c", "failed", False, "not_verified")]


def test_the_time_that_a_change_may_take_is_waited_once_and_not_for_each():
    clock = Clock()
    vendor = make_vendor(everybody(), None, 10.0, bulk=100, change_all=lambda vendor, accounts: None)
    result = call(vendor, *"abcdefg", clock=clock, update_password="always")
    assert {state[3] for state in states(result)} == {"not_verified"}
    assert sum(clock.waits) == pytest.approx(10.0)
    # Even those whose turn comes when the time is over are looked at once.
    assert set(vendor.names("probe")) == set("abcdefg")


def test_the_time_runs_from_each_request_on():
    clock = Clock()

    def slow(vendor, accounts):
        clock.sleep(100)

    vendor = make_vendor(everybody("ab"), None, 10.0, bulk=1, change_all=slow)
    call(vendor, *"ab", clock=clock, update_password="always")
    # The time of a is over when b has been answered.
    assert vendor.names("probe").count("a") == 1 and vendor.names("probe").count("b") > 1


def test_requests_come_one_after_the_other():
    at_work = threading.Lock()

    def alone(vendor, accounts):
        assert at_work.acquire(blocking=False)  # pylint: disable=consider-using-with
        vendor.usual_change_all(accounts)
        at_work.release()

    names = ["user%02d" % number for number in range(40)]
    vendor = make_vendor(everybody(names), bulk=2, change_all=alone)
    assert {state[1] for state in states(call(vendor, *names, concurrency=8))} == {"changed"}


def test_the_operator_comes_last_and_alone():
    vendor = make_vendor(everybody("ab", root=OLD), bulk=100)
    call(vendor, "root", *"ab", api_user="root", api_password=OLD)
    assert requests(vendor) == ["ab", "root"]


def test_no_secret_of_one_stands_in_the_error_of_another():
    users = [{"name": name, "password": "S3cr3t-MARKER-of-" + name} for name in "ab"]
    vendor = make_vendor(everybody("ab"), bulk=100, change_all=fails(errors.RATE_LIMITED, "You sent S3cr3t-MARKER-of-a and S3cr3t-MARKER-of-b."))
    result = call(vendor, *users)
    assert {user["error"]["message"] for user in result["users"]} == {"You sent ******** and ********."}
