# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins at Acronis: that of the API client and its end, those of users and what they prove, and that nobody gets locked out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.doubles.acronis import CHANGE, SEARCH, AcronisDouble
from tests.doubles.acronis_identity import BASE, LOGIN, REVOKE
from tests.unit.calls import verdicts
from tests.unit.plugins.module_utils._vendors.acronis_calls import in_force, make, message, run, steps, user
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD

CHANGED = ("changed", True, None)
PATIENCE = 10  # seconds until a request must have come


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def logins(double):
    """How often the API client logged in."""
    return steps(double).count("login")


# The API client.


@pytest.mark.parametrize("options", [{"client_secret": "S3cr3t-MARKER-wrong"}, {"client_id": "00000000-0000-4000-8000-000000000000"}])
def test_a_wrong_client_is_tried_once(double, options):
    result = run(double, user(), user("bob"), concurrency=2, **options)
    assert result["error"]["kind"] == "authentication_failed" and steps(double) == ["login"]
    assert verdicts(result) == [("failed", None, "authentication_failed")] * 2
    assert (result["error"]["http_status"], result["error"]["vendor_code"]) == (401, "invalid_client")
    assert "client_secret" in result["msg"] and "Client authentication failed." in result["msg"]


@pytest.mark.parametrize(
    "status, code, kind",
    [
        (400, "invalid_request", "authentication_failed"),
        (401, "invalid_client", "authentication_failed"),
        (401, None, "authentication_failed"),
        (403, "access_denied", "authentication_failed"),
        (404, None, "unexpected_response"),
        (429, None, "rate_limited"),
        (500, None, "vendor_unavailable"),
        (503, None, "vendor_unavailable"),
        (200, None, "unexpected_response"),
        (204, None, "unexpected_response"),
    ],
)
def test_what_the_login_of_the_client_may_be_answered(double, status, code, kind):
    double.inject("answer", path=LOGIN, times=None, status=status, body={"error": code, "error_description": "what is wrong"} if code else "<p>odd</p>")
    result = run(double, user(), retries=1)
    assert result["error"]["kind"] == kind and result["error"]["vendor_code"] == code and set(steps(double)) == {"login"}
    assert result["error"]["retryable"] is (kind in ("rate_limited", "vendor_unavailable"))
    assert logins(double) == (2 if status in (429, 503) else 1)


@pytest.mark.parametrize(
    "body",
    [
        {"access_token": ""},
        {"access_token": 1, "id_token": "S3cr3t-MARKER-id"},
        {"token": "S3cr3t-MARKER-token"},
        ["S3cr3t-MARKER"],
        "S3cr3t-MARKER",
    ],
)
def test_an_answer_without_a_token_is_not_shown(double, body):
    double.inject("answer", path=LOGIN, status=200, body=body)
    assert run(double, user())["error"]["kind"] == "unexpected_response"


def test_a_token_that_an_error_repeats_is_masked(double):
    double.inject("echo", path=CHANGE, times=None)
    result = run(double, user(), update_password="always")
    assert verdicts(result) == [("failed", False, "vendor_unavailable")] and "********" in message(result)


@pytest.mark.parametrize("expiry_told", [("expires_in", "expires_on"), ("expires_in",), ("expires_on",), ()])
def test_tokens_that_end_in_the_middle_of_a_batch(expiry_told):
    with make(expiry_told=expiry_told) as double:
        names = double.populate(12)
        gate = double.inject("gate", path=CHANGE, skip=4)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(run, double, *[user(name) for name in names], concurrency=3)
            assert gate.arrived.wait(PATIENCE)
            double.expire_tokens()
            gate.release()
            result = running.result(PATIENCE)
        assert verdicts(result) == [CHANGED] * 12 and in_force(double, *names) == names
        # All workers share the new one.
        assert logins(double) == 2 and double.writes == 12


def test_a_token_that_ends_between_the_pages_of_a_listing():
    with make(page_size=5) as double:
        names = double.populate(20)
        gate = double.inject("gate", path="/users", skip=2)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(run, double, *[user(name) for name in names])
            assert gate.arrived.wait(PATIENCE)
            double.expire_tokens()
            gate.release()
            assert verdicts(running.result(PATIENCE)) == [CHANGED] * 20
        assert logins(double) == 2


@pytest.mark.parametrize("path", ["/clients/c11e0000-0000-4000-8000-00000000c11e", SEARCH, CHANGE])
def test_a_server_that_refuses_each_token_is_left_alone(double, path):
    double.inject("answer", path=path, times=None, status=401, body={"error": {"code": 401, "message": "Unauthorized"}})
    result = run(double, *[user(name) for name in ("alice", "bob", "carol")], concurrency=1)
    assert result["error"]["kind"] == "authentication_failed" and not in_force(double)
    # No third login, and nobody else is tried.
    assert logins(double) == 2 and len(double.calls(path)) == 2
    assert {one[2] for one in verdicts(result)} == {"authentication_failed"}


def test_a_client_that_was_locked_out_in_the_middle(double):
    """Whoever was changed before is told as changed; the second login is the last."""
    gate = double.inject("gate", path=CHANGE, skip=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, double, *[user(name) for name in ("alice", "bob", "carol")], concurrency=1)
        assert gate.arrived.wait(PATIENCE)
        double.expire_tokens()
        double.client_secret = "S3cr3t-MARKER-new"
        gate.release()
        result = running.result(PATIENCE)
    assert verdicts(result) == [CHANGED, ("failed", None, "authentication_failed"), ("failed", None, "authentication_failed")]
    assert logins(double) == 2 and in_force(double) == ["alice"] and result["changed"] is True


# The end of the tokens.


def test_the_clients_token_is_revoked_by_the_client_and_the_users_by_nobody(double):
    run(double, user())
    own, clients = double.calls(REVOKE)
    assert "authorization" not in own.headers and clients.headers["authorization"].startswith("Basic ")
    assert all(one.headers["content-type"] == "application/x-www-form-urlencoded" and one.query == b"" for one in double.calls(REVOKE) + double.calls(LOGIN))


@pytest.mark.parametrize(
    "path, options",
    [
        (SEARCH, {"status": 500}),
        (SEARCH, {"status": 404}),
        (CHANGE, {"status": 403}),
        (LOGIN, {"skip": 1, "status": 500}),
    ],
)
def test_nothing_stays_open_after_an_error(double, path, options):
    double.inject("answer", path=path, times=None, **options)
    result = run(double, user(), user("bob"), retries=0)
    assert result["failed"] is True and steps(double)[-1] == "revoke"


def test_a_token_that_was_refused_without_having_ended_is_revoked_too(double):
    double.inject("answer", path=SEARCH, status=401)
    assert verdicts(run(double, user())) == [CHANGED] and logins(double) == 2 and steps(double)[-2:] == ["revoke", "revoke"]


@pytest.mark.parametrize("fault", [("answer", {"status": 400}), ("answer", {"status": 503}), ("drop", {}), ("html", {})])
def test_a_token_that_cannot_be_revoked(double, fault):
    kind, options = fault
    double.inject(kind, path=REVOKE, times=None, **options)
    # That of the user, by which the change was proved, and that of the client.
    result = run(double, user(), update_password="always", leaves_open=2)
    assert verdicts(result) == [CHANGED] and ["could not be revoked" in text for text in result["warnings"]] == [True]


# What the logins of users prove.


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("code", ["access_denied", "invalid_grant"])
def test_a_wrong_password(status, code):
    with make(login_refusal=(status, code)) as double:
        assert verdicts(run(double, user())) == [CHANGED] and double.failed_logins == {"alice": 1}


@pytest.mark.parametrize("code", ["invalid_client", "invalid_request", "unsupported_grant_type", "unauthorized_client", "something_new"])
def test_a_refusal_that_may_mean_anything_counts_as_a_failed_login(code):
    with make(login_refusal=(400, code)) as double:
        result = run(double, user())
        # It is no proof that the password is wrong; the one in force shows that it is right.
        assert verdicts(result) == [CHANGED] and code in result["warnings"][0]
        double.inject("drop", path=CHANGE)
        result = run(double, user(password=NEW + "2"))
        # The one failed login was spent on finding out.
        assert verdicts(result) == [("unknown", None, "outcome_unknown")] and max(double.failed_logins.values()) == 2


@pytest.mark.parametrize("status, kind", [(200, "unexpected_response"), (404, "unexpected_response"), (429, "rate_limited"), (500, "vendor_unavailable")])
def test_a_login_of_a_user_that_gets_no_usable_answer(double, status, kind):
    double.inject("answer", path=LOGIN, user="alice", times=None, status=status, body="odd")
    result = run(double, user(), user("bob"), retries=0)
    assert verdicts(result) == [("failed", None, kind), CHANGED] and in_force(double) == ["bob"]


def test_a_refusal_by_a_gateway_is_neither_the_users_nor_the_clients(double):
    double.inject("html", path=LOGIN, user="alice", times=None, status=401)
    assert verdicts(run(double, user(), user("bob"))) == [("failed", None, "unexpected_response"), CHANGED]


def test_a_proof_that_fails_for_another_reason_leaves_the_change_standing(double):
    double.inject("answer", path=LOGIN, user="alice", times=None, status=500)
    result = run(double, user(), update_password="always", retries=0)
    assert verdicts(result) == [("changed", None, None)] and "could not be verified" in result["warnings"][0]


@pytest.mark.parametrize("status", ["enabled", "setup_required"])
@pytest.mark.parametrize("totp_status", [400, 401, 403])
@pytest.mark.parametrize("before", [False, True])
def test_a_second_factor_is_never_a_wrong_password(status, totp_status, before):
    with make(mfa_before_password=before, totp_status=totp_status) as double:
        double.people["alice"].mfa_status = status
        for _run in range(2):
            result = run(double, user(), user("bob"))
            assert verdicts(result)[0] == ("changed", None, None) and "second factor" in result["warnings"][0] and result["failed"] is False
        assert verdicts(result)[1] == ("unchanged", True, None) and in_force(double) == ["alice", "bob"]
        # Wherever the password is looked at first, the old one was refused once.
        assert double.failed_logins["alice"] == (0 if before else 1)


@pytest.mark.parametrize("status", [None, "disabled", "forcibly_disabled"])
def test_without_a_second_factor(double, status):
    double.people["alice"].mfa_status = status
    assert verdicts(run(double, user())) == [CHANGED]


@pytest.mark.parametrize("applies", ["now", "never"])
@pytest.mark.parametrize("before", [False, True])
def test_a_lost_answer_about_a_user_with_a_second_factor(applies, before):
    with make(mfa_before_password=before) as double:
        double.people["alice"].mfa_status = "enabled"
        double.inject("drop", path=CHANGE, applies=applies)
        result = run(double, user(), update_password="always")
        if applies == "never" and not before:
            # The server has looked at the password, and refused it.
            assert verdicts(result) == [("failed", False, "connection_failed")]
        else:
            assert verdicts(result) == [("unknown", None, "outcome_unknown")]


# Nobody is locked out.


@pytest.mark.parametrize("lockout_after", [2, 3])
def test_as_many_failed_logins_as_a_run_may_make(lockout_after):
    """One to find out; the change is lost, and another one could be one too many."""
    with make(lockout_after=lockout_after) as double:
        double.inject("drop", path=CHANGE)
        assert verdicts(run(double, user())) == [("unknown", None, "outcome_unknown")]
        assert double.failed_logins == {"alice": 1} and not double.lockouts


def test_a_change_that_the_vendor_confirms_and_loses(double):
    double.inject("real", path=CHANGE, applies="never")
    result = run(double, user())
    assert verdicts(result) == [("failed", False, "not_verified")] and double.failed_logins == {"alice": 2}


def test_a_locked_user_is_not_tried_again_and_again():
    with make(lockout_after=3) as double:
        double.people["alice"].locked = True
        # The API does not show it, so that it can only be told what was seen.
        assert verdicts(run(double, user())) == [("failed", False, "not_verified")] and double.failed_logins == {"alice": 2}


def test_a_user_that_the_change_unlocks():
    with make(lockout_after=3, change_unlocks=True) as double:
        double.people["alice"].locked = True
        assert verdicts(run(double, user())) == [CHANGED]


def test_hundred_users_cost_one_failed_login_each(double):
    names = double.populate(100)
    assert verdicts(run(double, *[user(name) for name in names], concurrency=8)) == [CHANGED] * 100
    assert set(double.failed_logins.values()) == {1} and len(double.failed_logins) == 100
    double.reset()
    assert verdicts(run(double, *[user(name) for name in names], concurrency=8)) == [("unchanged", True, None)] * 100
    assert not double.failed_logins and double.writes == 0


def test_no_secret_travels_in_an_address(double):
    run(double, user())
    for request in double.requests:
        assert request.path.startswith(BASE + "/") and b"MARKER" not in request.query and "MARKER" not in request.path


def test_users_without_a_password_before():
    with AcronisDouble({"alice": None}) as double:
        double.inject("drop", path=CHANGE, applies="now")
        assert verdicts(run(double, user(activate=True))) == [CHANGED] and not double.failed_logins
        assert verdicts(run(double, user(password=OLD))) == [CHANGED]
