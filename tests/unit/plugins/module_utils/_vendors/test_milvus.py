# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exact requests for each way to call the module."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.plugins.module_utils._vendors.milvus_wire import (
    OK,
    OPERATOR,
    REFUSED,
    WRONG,
    alice,
    anonymous,
    basic,
    bearer,
    listing,
    probe,
    run,
    seen,
    update,
)
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, ROOT

AS_ALICE = bearer("alice", OLD)
CHANGED = ("changed", True, None, True, False)
UNCHANGED = ("unchanged", True, None, False, False)
KEY = "S3cr3t-MARKER-api-key"


def test_a_user_changes_its_own_password(monkeypatch):
    calls = [probe(NEW, REFUSED), update(authorization=AS_ALICE), probe(NEW, OK)]
    assert seen(run(monkeypatch, calls, alice())) == CHANGED


def test_a_user_whose_password_is_right_already(monkeypatch):
    """One request more, and once a call only, tells whether the server checks logins at all."""
    calls = [probe(NEW, OK), anonymous(), probe(NEW, OK, user="bob")]
    result = run(monkeypatch, calls, alice(), alice(name="bob"))
    assert seen(result) == UNCHANGED and result["users"][1]["state"] == "unchanged"


def test_always_sends_the_change_at_once(monkeypatch):
    calls = [update(authorization=AS_ALICE), probe(NEW, OK), anonymous()]
    assert seen(run(monkeypatch, calls, alice(), update_password="always")) == CHANGED


def test_always_without_verify_is_one_request(monkeypatch):
    calls = [update(authorization=AS_ALICE)]
    assert seen(run(monkeypatch, calls, alice(), update_password="always", verify=False)) == ("changed", None, None, True, False)


def test_the_operator_changes_another_user(monkeypatch):
    calls = [listing("root", "alice"), probe(NEW, REFUSED), update(), probe(NEW, OK)]
    assert seen(run(monkeypatch, calls, alice(), **OPERATOR)) == CHANGED


def test_a_super_user_needs_no_current_password(monkeypatch):
    """Any text will do; the new password is right where nothing is to be done."""
    calls = [listing("alice"), probe(NEW, REFUSED), update(old=NEW), probe(NEW, OK)]
    assert seen(run(monkeypatch, calls, alice(current_password=None), **OPERATOR)) == CHANGED


def test_an_operator_that_is_no_super_user_needs_it(monkeypatch):
    calls = [listing("alice"), probe(NEW, REFUSED), update(old=NEW, answer=WRONG)]
    result = run(monkeypatch, calls, alice(current_password=None), **OPERATOR)
    assert seen(result) == ("failed", None, "current_password_wrong", False, True)
    assert result["users"][0]["error"]["message"].startswith("current_password is required for alice: ")


def test_an_api_key_acts_for_everyone(monkeypatch):
    token = b"Bearer " + KEY.encode()
    calls = [listing("alice", authorization=token), probe(NEW, REFUSED), update(authorization=token), probe(NEW, OK)]
    assert seen(run(monkeypatch, calls, alice(), api_token=KEY)) == CHANGED


def test_an_unknown_user_is_never_created(monkeypatch):
    """A super user that changes a user who does not exist creates it."""
    calls = [listing("root", "alice2", "lice")]
    result = run(monkeypatch, calls, alice(), update_password="always", **OPERATOR)
    assert seen(result) == ("failed", None, "user_not_found", False, True)
    assert result["users"][0]["error"]["message"] == "User alice does not exist on this server. Correct the name or create the user."


def test_many_users_cost_one_listing(monkeypatch):
    users = [alice(name=name) for name in ("a", "b", "nobody", "c")]
    calls = [listing("a", "b", "c")] + [call for name in "abc" for call in (probe(NEW, REFUSED, name), update(user=name), probe(NEW, OK, name))]
    result = run(monkeypatch, calls, *users, **OPERATOR)
    assert [user["state"] for user in result["users"]] == ["changed", "changed", "failed", "changed"]


@pytest.mark.parametrize("current", [None, "", ROOT])
def test_the_operator_among_the_users_comes_last_and_its_password_is_known(monkeypatch, current):
    users = [{"name": "root", "password": "S3cr3t-MARKER-root-2", "current_password": current}, alice()]
    calls = [
        listing("root", "alice"), probe(NEW, REFUSED), update(), probe(NEW, OK),
        probe("S3cr3t-MARKER-root-2", REFUSED, "root"), update(ROOT, "S3cr3t-MARKER-root-2", "root"), probe("S3cr3t-MARKER-root-2", OK, "root"),
    ]  # fmt: skip
    result = run(monkeypatch, calls, *users, **OPERATOR)
    assert [(user["name"], user["state"]) for user in result["users"]] == [("root", "changed"), ("alice", "changed")]


def test_the_operator_alone_needs_no_listing(monkeypatch):
    calls = [probe(NEW, REFUSED, "root"), update(ROOT, NEW, "root"), probe(NEW, OK, "root")]
    assert seen(run(monkeypatch, calls, {"name": "root", "password": NEW}, **OPERATOR)) == CHANGED


@pytest.mark.parametrize("code", [0, 200])
def test_both_codes_of_success(monkeypatch, code):
    good = (200, {"code": code, "data": {}})
    calls = [listing(answer=(200, {"code": code, "data": ["alice"]})), probe(NEW, REFUSED), update(answer=good), probe(NEW, good)]
    assert seen(run(monkeypatch, calls, alice(), **OPERATOR)) == CHANGED


@pytest.mark.parametrize(
    "user, options, calls, expected",
    [
        (alice(), {}, [probe(NEW, REFUSED), probe(OLD, OK)], ("would_change", None, None, True, False)),
        (alice(), {}, [probe(NEW, REFUSED), probe(OLD, REFUSED)], ("failed", None, "current_password_wrong", False, True)),
        (alice(), {}, [probe(NEW, OK), anonymous()], UNCHANGED),
        (alice(update_password="always"), {}, [probe(OLD, OK), anonymous()], ("would_change", None, None, True, False)),
        (alice(current_password=None), OPERATOR, [listing("alice"), probe(NEW, REFUSED)], ("would_change", None, None, True, False)),
        (alice(), OPERATOR, [listing("root")], ("failed", None, "user_not_found", False, True)),
    ],
)
def test_check_mode_reads_and_does_not_write(monkeypatch, user, options, calls, expected):
    assert seen(run(monkeypatch, calls, user, check_mode=True, **options)) == expected


@pytest.mark.parametrize("check_mode", [True, False])
def test_where_logins_are_not_checked_nothing_is_proved(monkeypatch, check_mode):
    """Any login works, so neither "right already" nor "verified" can be said."""
    off = (200, {"code": 0, "data": []})
    calls = [probe(NEW, off), anonymous(off)] + ([probe(OLD, off)] if check_mode else [update(authorization=AS_ALICE), probe(NEW, off)])
    result = run(monkeypatch, calls, alice(), check_mode=check_mode)
    assert seen(result) == ("would_change" if check_mode else "changed", None, None, True, False)
    assert result["warnings"] == ["Authorization is switched off on this Milvus server: it accepts any login, so passwords cannot be verified."]


@pytest.mark.parametrize("refusal", [REFUSED, (401, "<html>login first</html>"), (403, "no")])
def test_whoever_refuses_a_request_without_a_login_checks_logins(monkeypatch, refusal):
    """Also a gateway in front of the server."""
    assert seen(run(monkeypatch, [probe(NEW, OK), anonymous(refusal)], alice())) == UNCHANGED


@pytest.mark.parametrize(
    "fault, kind",
    [
        ((500, "oops"), "vendor_unavailable"),
        ((429, "slow"), "rate_limited"),
        ((200, "<html></html>"), "unexpected_response"),
        (lambda: PasswordError(errors.TIMED_OUT, "Late."), "timed_out"),
    ],
)
def test_a_passing_fault_is_no_proof_that_logins_are_not_checked(monkeypatch, fault, kind):
    result = run(monkeypatch, [probe(NEW, OK), anonymous(fault), probe(NEW, OK, "bob"), anonymous(user="bob")], alice(), alice(name="bob"))
    assert seen(result)[2] == kind and result["users"][1]["state"] == "unchanged"
    assert result["warnings"] == []


@pytest.mark.parametrize(
    "password, scheme",
    [
        ("S3cr3t-MARKER:with:colons", bearer),
        ("S3cr3t MARKER inside", bearer),
        ("S3cr3t-MARKER-\u00e4\u20ac\U0001f600", bearer),
        ("S3cr3t-MARKER-%41+", bearer),
        ("S3cr3t-MARKER-blank ", basic),
        (" S3cr3t-MARKER", basic),
        ("S3cr3t-MARKER\t", basic),
        ("S3cr3t\r\nMARKER: x", basic),
        ("S3cr3t-MARKER\u00a0", basic),
        ("S3cr3t-MARKER\0", basic),
        ("S3cr3t\u200bMARKER", basic),
    ],
)
def test_passwords_that_a_header_would_lose(monkeypatch, password, scheme):
    """As a new, a current and an operator's password."""
    calls = [probe(password, REFUSED, scheme=scheme), update(new=password, authorization=AS_ALICE), probe(password, OK, scheme=scheme)]
    assert seen(run(monkeypatch, calls, alice(password=password), allow_control_characters=True)) == CHANGED
    calls = [probe(NEW, REFUSED), update(old=password, authorization=scheme("alice", password)), probe(NEW, OK)]
    assert seen(run(monkeypatch, calls, alice(current_password=password))) == CHANGED
    calls = [listing("alice", authorization=scheme("root", password)), update(authorization=scheme("root", password))]
    options = {"api_user": "root", "api_password": password, "update_password": "always", "verify": False}
    assert seen(run(monkeypatch, calls, alice(), **options))[0] == "changed"


@pytest.mark.parametrize("name", ["\u00e4lice", "alice smith", "a@b"])
def test_names_that_are_not_plain(monkeypatch, name):
    calls = [probe(NEW, REFUSED, name), update(user=name, authorization=bearer(name, OLD)), probe(NEW, OK, name)]
    assert seen(run(monkeypatch, calls, alice(name=name))) == CHANGED
