# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each answer of the server means, and what is refused without asking it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.milvus import Milvus
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.plugins.module_utils._vendors.milvus_wire import OK, OPERATOR, REFUSED, WRONG, alice, anonymous, bearer, listing, probe, run, seen, update
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, params

AS_ALICE = bearer("alice", OLD)
TOO_SHORT = (200, {"code": 1100, "message": "invalid password length: invalid parameter[5 out of range 6 <= value <= 72]"})
ALWAYS = {"update_password": "always"}


@pytest.mark.parametrize(
    "answer, kind, text",
    [
        (TOO_SHORT, "password_rejected", "5 out of range 6 <= value <= 72"),
        (WRONG, "current_password_wrong", "old password not correct"),
        ((200, {"code": 1801, "message": "can only accept json"}), "invalid_input", "can only accept json"),
        ((200, {"code": 1802, "message": "missing required parameters"}), "invalid_input", "missing required parameters"),
        ((403, {"code": 65535, "message": "PrivilegeUpdateUser: permission deny to bob"}), "permission_denied", "permission deny to bob"),
        ((404, "404 page not found"), "unsupported", "2.3.13"),
        ((429, {"code": 8, "message": "slow down"}), "rate_limited", "slow down"),
        ((413, "too much"), "rate_limited", "too much"),
    ],
)
def test_a_refused_change_is_certain(monkeypatch, answer, kind, text):
    """No login is spent on finding out."""
    result = run(monkeypatch, [update(authorization=AS_ALICE, answer=answer)], alice(), **ALWAYS)
    assert seen(result) == ("failed", None, kind, False, True)
    error = result["users"][0]["error"]
    assert text in error["message"] and error["http_status"] == answer[0]
    assert error["vendor_code"] == (answer[1]["code"] if isinstance(answer[1], dict) else None)


DOUBTFUL = [
    ((408, "timeout"), "timed_out"),
    ((408, {"code": 10001, "message": "request timeout"}), "timed_out"),
    ((500, {"code": 65535, "message": "oops"}), "vendor_unavailable"),
    ((502, "<html><h1>Bad Gateway</h1></html>"), "vendor_unavailable"),
    ((503, ""), "vendor_unavailable"),
    ((200, {"code": 65535, "message": "encrypt password failed: bcrypt: password length exceeds 72 bytes"}), "unexpected_response"),
    ((200, "<html>welcome</html>"), "unexpected_response"),
    ((200, ""), "unexpected_response"),
    ((200, '{"code": 0, "da'), "unexpected_response"),
    ((200, {}), "unexpected_response"),
    ((200, []), "unexpected_response"),
    ((200, {"code": None}), "unexpected_response"),
    ((200, {"code": False}), "unexpected_response"),
    ((200, {"code": "0"}), "unexpected_response"),
    ((200, {"code": [0]}), "unexpected_response"),
    ((200, {"code": {"code": 0}}), "unexpected_response"),
    ((201, {"code": 0}), "unexpected_response"),
    ((400, {"code": 1100}), "unexpected_response"),
    (lambda: PasswordError(errors.TIMED_OUT, "Late.", maybe_applied=True), "timed_out"),
    (lambda: PasswordError(errors.CONNECTION_FAILED, "Cut.", maybe_applied=True), "connection_failed"),
]


@pytest.mark.parametrize("answer, kind", DOUBTFUL)
def test_a_doubtful_change_is_looked_at(monkeypatch, answer, kind):
    """An error is no proof that nothing happened."""
    write = update(authorization=AS_ALICE, answer=answer)
    assert seen(run(monkeypatch, [write, probe(NEW, OK), anonymous()], alice(), **ALWAYS)) == ("changed", True, None, True, False)
    # As often as it takes until the server has had its three seconds.
    result = run(monkeypatch, [write] + [probe(NEW, REFUSED)] * 7, alice(), **ALWAYS)
    assert seen(result) == ("failed", False, kind, False, True)
    result = run(monkeypatch, [write, probe(NEW, (500, ""))], alice(), **ALWAYS)
    assert seen(result) == ("unknown", None, "outcome_unknown", False, True)


def test_a_change_that_did_not_reach_the_server_is_not_looked_at(monkeypatch):
    def refused():
        return PasswordError(errors.CONNECTION_FAILED, "Refused.")

    assert seen(run(monkeypatch, [update(authorization=AS_ALICE, answer=refused)], alice(), **ALWAYS)) == ("failed", None, "connection_failed", False, True)


def test_a_user_whose_current_password_is_wrong(monkeypatch):
    result = run(
        monkeypatch,
        [update(authorization=AS_ALICE, answer=REFUSED), update(user="bob", authorization=bearer("bob", OLD)), probe(NEW, OK, "bob"), anonymous(user="bob")],
        alice(),
        alice(name="bob"),
        **ALWAYS,
    )
    assert seen(result) == ("failed", None, "current_password_wrong", True, True)
    assert result["users"][0]["error"]["message"].startswith("The current password of alice is wrong, or the user does not exist.")
    # It is that user's own fault: the others go on, and the call as a whole has no error.
    assert result["users"][1]["state"] == "changed" and "error" not in result


def test_a_refused_operator_stops_at_its_first_request(monkeypatch):
    result = run(monkeypatch, [listing(answer=REFUSED)], alice(), alice(name="bob"), **OPERATOR)
    assert [user["error"]["kind"] for user in result["users"]] == ["authentication_failed"] * 2
    assert result["error"]["kind"] == "authentication_failed" and result["error"]["vendor_code"] == 1800


def test_an_operator_refused_in_the_middle_is_not_tried_again(monkeypatch):
    calls = [listing("alice", "bob", "carol"), update(answer=REFUSED)]
    result = run(monkeypatch, calls, alice(), alice(name="bob"), alice(name="carol"), **ALWAYS, **OPERATOR)
    assert [user["error"]["kind"] for user in result["users"]] == ["authentication_failed"] * 3
    assert result["error"]["kind"] == "authentication_failed"


@pytest.mark.parametrize("answer", [(401, "<html>gateway</html>"), (401, {"code": 7, "message": "no"}), (401, {"code": True})])
def test_a_401_that_is_not_the_servers_own_says_nothing_about_a_password(monkeypatch, answer):
    result = run(monkeypatch, [probe(NEW, answer), probe(NEW, OK, "bob"), anonymous(user="bob")], alice(), alice(name="bob"))
    assert seen(result) == ("failed", None, "unexpected_response", False, True)
    # Nor about an operator, whose refusal would stop the others.
    assert result["users"][1]["state"] == "unchanged" and "error" not in result


@pytest.mark.parametrize("answer", [REFUSED, (401, "<html>gateway</html>")])
def test_a_user_whose_login_is_refused_at_the_change_does_not_stop_the_others(monkeypatch, answer):
    calls = [update(authorization=AS_ALICE, answer=answer), update(user="bob", authorization=bearer("bob", OLD))]
    result = run(monkeypatch, calls, alice(), alice(name="bob"), verify=False, **ALWAYS)
    assert [user["state"] for user in result["users"]] == ["failed", "changed"]


def test_an_operator_who_may_not_list_the_users_changes_nobody_else(monkeypatch):
    """Without the list an unknown user could come into being. The operator's own password needs no list."""
    denied = (403, {"code": 65535, "message": "PrivilegeSelectOwnership: permission deny to root"})
    calls = [listing(answer=denied), probe(NEW, OK, "root"), anonymous(user="root")]
    result = run(monkeypatch, calls, alice(), {"name": "root", "password": NEW}, alice(name="bob"), **OPERATOR)
    assert [user["state"] for user in result["users"]] == ["failed", "unchanged", "failed"]
    assert [user["error"]["kind"] for user in result["users"] if user["error"]] == ["permission_denied"] * 2
    assert result["users"][0]["error"]["message"].startswith("The operator may not list users. It must, so that no unknown user is created by mistake.")


@pytest.mark.parametrize(
    "answer, kind",
    [
        ((404, "404 page not found"), "unsupported"),
        ((500, ""), "vendor_unavailable"),
        ((408, "timeout"), "timed_out"),
        ((200, "<html></html>"), "unexpected_response"),
        ((200, {"code": 0}), "unexpected_response"),
        ((200, {"code": 0, "data": None}), "unexpected_response"),
        ((200, {"code": 0, "data": "alice"}), "unexpected_response"),
        ((200, {"code": 0, "data": {"alice": 1}}), "unexpected_response"),
        ((200, []), "unexpected_response"),
    ],
)
def test_a_listing_that_cannot_be_had_stops_the_call(monkeypatch, answer, kind):
    """In particular nobody is said not to exist."""
    result = run(monkeypatch, [listing(answer=answer)], alice(), **OPERATOR)
    assert (seen(result)[2], result["error"]["kind"]) == (kind, kind)


def test_a_listing_with_oddities(monkeypatch):
    calls = [listing(answer=(200, {"code": 0, "data": [None, 7, {"name": "alice"}, ["alice"]]}))]
    assert seen(run(monkeypatch, calls, alice(), **OPERATOR))[2] == "user_not_found"


@pytest.mark.parametrize(
    "user, kind, text",
    [
        (alice(name="a:b"), "invalid_input", "':'"),
        (alice(name=""), "invalid_input", "empty"),
        (alice(name="a\nb"), "invalid_input", "control character"),
        (alice(name="a\udce4"), "invalid_input", "control character"),
        (alice(password=""), "password_rejected", "shorter"),
        (alice(password="x" * 73), "password_rejected", "longer than 72 bytes"),
        (alice(password="\u00e4" * 36 + "x"), "password_rejected", "longer than 72 bytes"),
        (alice(current_password=None), "invalid_input", "current_password is missing for alice"),
        (alice(current_password=""), "invalid_input", "current_password"),
    ],
)
def test_what_is_certainly_wrong_costs_no_request(monkeypatch, user, kind, text):
    result = run(monkeypatch, [], user)
    assert seen(result) == ("failed", None, kind, False, True)
    assert text in result["users"][0]["error"]["message"]
    assert "MARKER" not in json.dumps(result)


@pytest.mark.parametrize("password", ["x" * 72, "\u00e4" * 36, "x"])
def test_what_is_not_certainly_wrong_is_left_to_the_server(monkeypatch, password):
    calls = [update(new=password, authorization=AS_ALICE, answer=TOO_SHORT)]
    assert seen(run(monkeypatch, calls, alice(password=password), **ALWAYS))[2] == "password_rejected"


@pytest.mark.parametrize(
    "options, text",
    [
        ({"api_user": "ro:ot", "api_password": "x"}, "api_user must not contain ':'"),
        ({"url": "https://root:S3cr3t-MARKER@milvus.invalid"}, "url must not contain a user"),
        ({"url": None}, "url must begin with"),
    ],
)
def test_a_call_that_is_certainly_wrong(options, text):
    result = _change.set_passwords(Milvus, params(Milvus, alice(), **options))
    assert result["error"]["kind"] == "invalid_input" and text in result["msg"] and "MARKER" not in json.dumps(result)


def test_a_long_message_is_shortened_and_a_code_of_another_type_is_text(monkeypatch):
    answer = (500, {"code": {"password": NEW}, "message": "x" * 5000 + NEW})
    result = run(monkeypatch, [probe(NEW, answer)], alice())
    error = result["users"][0]["error"]
    assert len(error["message"]) < 400 and error["vendor_code"] == '{"password": "********"}'
