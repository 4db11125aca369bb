# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every vendor's module does alike, each against its double: the same faults, the same honest results."""

from __future__ import annotations

import functools
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_TIME

from tests.doubles.faults import ECHO_FORMS, http_date
from tests.unit.calls import NEW, OLD, run, verdicts
from tests.unit.plugins.module_utils.fake_vendor import Clock
from tests.unit.products import thinned
from tests.vendor_cases import CASES

SHORT = 0.3  # seconds; a time-out that is meant to come
PATIENCE = 10  # seconds until a request must have come


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture
def double(case):
    with case.double({name: OLD for name in ("alice", "bob", "carol")}) as running:
        yield running
        # Whatever happens, nobody is locked out, and a run that got its answers leaves nothing open.
        assert not getattr(running, "lockouts", None)


@pytest.fixture
def call(case, double):
    """One call for the double; see :func:`tests.unit.calls.run`."""
    return functools.partial(run, case, double)


def in_force(double, *names):
    """Who has the new password."""
    for name in names:
        assert double.can_log_in(name, NEW) != double.can_log_in(name, OLD), name
    return [name for name in names if double.can_log_in(name, NEW)]


def clean(result, *more):
    """Nothing in a result is secret, and nothing was unexpected."""
    text = str(result)
    assert not any(secret in text for secret in (OLD, NEW) + more) and "please report it" not in text, text


def test_a_second_call_changes_nothing_if_a_login_can_tell(call, case, double):
    assert verdicts(call("alice", "bob")) == [("changed", case.proves or None, None)] * 2
    writes, failed = double.writes, dict(double.failed_logins)
    result = call("alice", "bob")
    assert verdicts(result) == [("unchanged", True, None) if case.proves else ("changed", None, None)] * 2
    assert result["changed"] is not case.proves and (double.writes == writes) is case.proves
    spent = {name: count - failed.get(name, 0) for name, count in double.failed_logins.items()}
    assert all(count <= 1 for count in spent.values()), "a second call with the old current_password costs one failed login at most"


def test_a_normal_rotation_costs_no_failed_login(call, case, double):
    assert verdicts(call("alice", "bob", "carol", update_password="always")) == [("changed", case.proves or None, None)] * 3
    assert not double.failed_logins and in_force(double, "alice", "bob", "carol") == ["alice", "bob", "carol"]


def test_check_mode_writes_nothing(call, double):
    double.read_only = True
    result = call("alice", "bob", check_mode=True)
    assert verdicts(result) == [("would_change", None, None)] * 2 and result["changed"]
    assert not double.refused_writes and in_force(double, "alice", "bob") == []


@pytest.mark.parametrize("update_password", ["when_changed", "always", "never"])
def test_edge_30_and_62_check_mode_makes_no_login_where_a_failed_one_may_lock_and_says_so(call, case, double, update_password):
    double.read_only = True
    for _time in range(4):
        result = call("alice", entry={"current_password": "S3cr3t-MARKER-wrong-1"}, check_mode=True, update_password=update_password)
    if case.capabilities.failed_logins_per_call is None:
        return
    assert not double.failed_logins
    assert verdicts(result) == [("failed", None, "not_verified") if update_password == "never" else ("would_change", None, None)]
    untold = result["warnings"] + [user["error"]["message"] for user in result["users"] if user["error"]]
    assert update_password == "always" or "Check mode makes no login at %s" % case.capabilities.title in untold[-1]
    clean(result)


@pytest.mark.parametrize("check_mode", [False, True])
def test_edge_18_whether_a_password_logs_in_costs_one_login_and_changes_nothing(call, case, double, check_mode):
    double.read_only = True
    users = [{"name": "alice", "password": OLD}, {"name": "bob", "password": NEW}, {"name": "nobody", "password": OLD}]
    result = call(users=users, update_password="never", check_mode=check_mode)
    assert not double.refused_writes and double.writes == 0 and result["changed"] is False and result["failed"] is True
    # In check mode no login is made where a failed one may lock (number 30).
    proves = case.proves and (not check_mode or case.capabilities.failed_logins_per_call is None)
    right, wrong = (("unchanged", True, None), ("failed", False, "current_password_wrong")) if proves else 2 * (("failed", None, "not_verified"),)
    # Where a server knows no user without its password, it is the same to it.
    assert verdicts(result)[:2] == [right, wrong] and verdicts(result)[2][2] in ("user_not_found", "current_password_wrong", "not_verified")
    assert double.failed_logins["alice"] == 0 and double.failed_logins["bob"] == int(proves)
    assert [user["failed_logins"] for user in result["users"][:2]] == [0, int(proves)]
    clean(result)


def test_edge_18_a_password_that_no_vendor_would_take_may_still_be_in_force(case):
    odd = "x y"  # short, without any class but one
    with case.double({"alice": odd}) as double:
        result = run(case, double, users=[{"name": "alice", "password": odd}], update_password="never")
        assert verdicts(result) == [("unchanged", True, None) if case.proves else ("failed", None, "not_verified")]


def test_edge_18_a_login_without_a_password_is_none(call, double):
    result = call(users=[{"name": "alice", "password": ""}], update_password="never")
    assert verdicts(result) == [("failed", None, "invalid_input")] and not double.failed_logins


def test_edge_18_the_login_that_might_lock_is_not_made(call, case, double):
    most = case.capabilities.most_failed_probes
    if most is None:
        return
    result = call(users=[{"name": "alice", "password": NEW, "failed_logins": most}], update_password="never")
    assert verdicts(result) == [("failed", None, "login_budget_spent")] and not double.failed_logins
    # What to do depends on what resets the vendor's count.
    by_time = case.capabilities.forgets == FORGETS_BY_TIME
    assert result["msg"].count("Run again after the lock-out window.") == by_time
    assert result["msg"].count("Only a successful login or an administrator's unlock resets the vendor's count.") == (not by_time)


def test_edge_18_the_operator_is_proved_by_its_own_login(case, call, double):
    if case.operator is None:
        return
    right = case.connection(double)["api_password"]
    assert verdicts(call(users=[{"name": case.operator, "password": right}], update_password="never")) == [("unchanged", True, None)]
    assert verdicts(call(users=[{"name": case.operator, "password": NEW}], update_password="never")) == [("failed", False, "current_password_wrong")]
    # Where a failed login counts, that of whoever acts for all least of all is made.
    assert double.failed_logins[case.operator] == (1 if case.capabilities.failed_logins_per_call is None else 0)


def test_an_unknown_user_holds_up_nobody(call, case, double):
    result = call("alice", "nobody", "bob")
    assert [verdicts(result)[0], verdicts(result)[2]] == [("changed", case.proves or None, None)] * 2
    assert verdicts(result)[1] == ("failed", None, "user_not_found") and in_force(double, "alice", "bob") == ["alice", "bob"]
    assert "nobody" in result["msg"] and result["failed"] and result["changed"]


@pytest.mark.parametrize("kind, applies", [("cut", "now"), *itertools.product(("hang", "drop", "html", "answer"), ("never", "now"))])
def test_a_change_whose_answer_is_lost_is_told_apart_by_a_login(call, case, double, kind, applies):
    options = {"status": 503, "body": "busy"} if kind == "answer" else {}
    double.inject(kind, applies=applies, **options, **case.change)
    arrived = applies == "now"
    result = call("alice", timeout=SHORT, update_password="always", retries=0)
    clean(result)
    state, verified, error = verdicts(result)[0]
    assert in_force(double, "alice") == (["alice"] if arrived else []) and double.writes == int(arrived)
    if kind == "cut" and arrived and (state, error) == ("changed", None):
        # An answer without a body has no second half that could be missed.
        return
    if not case.proves:
        assert (state, verified, error) == ("unknown", None, "outcome_unknown")
    elif arrived:
        assert (state, verified, error) == ("changed", True, None)
    else:
        assert (state, verified) == ("failed", False) and error in ("timed_out", "connection_failed", "vendor_unavailable", "unexpected_response")
    assert result["changed"] is (state == "changed")


@pytest.mark.parametrize("kind", ["hang", "drop"])
def test_a_change_that_arrives_late_is_waited_for(call, case, double, kind):
    double.inject(kind, applies="later", **case.change)
    clock = Clock()
    clock.sleep = lambda seconds: (Clock.sleep(clock, seconds), clock.now >= 1 and double.settle())
    state = verdicts(call("alice", clock=clock, timeout=SHORT, update_password="always", retries=0))[0]
    assert state == (("changed", True, None) if case.proves else ("unknown", None, "outcome_unknown"))


@pytest.mark.parametrize("header", ["7", "date"])
@pytest.mark.parametrize("which", ["change", "lookup"])
def test_a_rate_limit_is_waited_for(call, case, double, which, header):
    clock = Clock()
    double.inject("answer", status=429, headers={"Retry-After": http_date(7) if header == "date" else header}, body="slow down", **getattr(case, which))
    assert verdicts(call("alice", clock=clock, update_password="always")) == [("changed", case.proves or None, None)]
    assert 5 <= max(clock.waits) <= 7 and double.writes == 1


def test_a_rate_limit_without_end_is_a_refusal(call, case, double):
    double.inject("answer", status=429, times=None, body="slow down", **case.change)
    result = call("alice", update_password="always", retries=2)
    assert verdicts(result) == [("failed", None, "rate_limited")] and result["users"][0]["error"]["retryable"] and double.writes == 0


ANSWERS = [
    *(("echo", {"form": form, "text": text, "status": status}) for form in ECHO_FORMS for text in (False, True) for status in (400, 500)),
    *(("answer", {"status": status, "body": body}) for status in (200, 302, 400, 403, 404, 409, 418, 500) for body in ("", "[[1]]", {"error": {"code": []}})),
    ("html", {"status": 200}), ("html", {"status": 404}),
]  # fmt: skip
# Made of the vendor's own answer, which holds something in the case of a look-up only.
DAMAGES = [("truncated", {}), *(("wrong_types", {"top": top}) for top in (None, "list", "null", "string"))]


@pytest.mark.parametrize("which, kind, options", [
    *thinned((("change", *fault) for fault in ANSWERS), 6, several=True), *thinned((("lookup", *fault) for fault in ANSWERS + DAMAGES), 6, several=True),
])  # fmt: skip
def test_garbage_is_never_a_success_and_never_shows_a_secret(call, case, double, which, kind, options):
    double.inject(kind, times=None, **options, **getattr(case, which))
    result = call("alice", "bob", update_password="always", timeout=5, retries=0)
    clean(result, *case.secrets)
    changed = [user["state"] == "changed" for user in result["users"]]
    assert which == "lookup" or result["failed"], result
    assert in_force(double, "alice", "bob") == [name for name, done in zip(("alice", "bob"), changed) if done]


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.end_logins], ids=lambda case: case.vendor)
def test_a_login_that_ends_in_the_middle_of_a_batch_is_made_again(call, case, double):
    gate = double.inject("gate", hold="before", **case.change)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call, "alice", "bob", concurrency=1, update_password="always")
        assert gate.arrived.wait(PATIENCE)
        case.end_logins(double)
        gate.release()
        result = running.result(PATIENCE)
    assert not result["failed"] and in_force(double, "alice", "bob") == ["alice", "bob"], result


def test_tls_with_a_private_authority_with_a_wrong_one_and_for_another_name(case, tls_files):
    with case.double({"alice": OLD}, tls=tls_files.server) as double:
        for options in ({"ca_path": str(tls_files.other_ca)}, {}):
            result = run(case, double, "alice", **options)
            assert verdicts(result) == [("failed", None, "tls_failed")] and "certificate" in result["msg"] and not double.requests
        assert verdicts(run(case, double, "alice", ca_path=str(tls_files.ca))) == [("changed", case.proves or None, None)]
        result = run(case, double, "alice", validate_certs=False, update_password="always", entry={"current_password": NEW})
        assert not result["failed"] and any("validate_certs is false" in text for text in result["warnings"])
    with case.double({"alice": OLD}, tls=(tls_files.wrong_name_cert, tls_files.wrong_name_key)) as double:
        result = run(case, double, "alice", ca_path=str(tls_files.ca))
        assert verdicts(result) == [("failed", None, "tls_failed")] and not double.requests


def test_a_server_that_is_not_there(case):
    with case.double({"alice": OLD}) as double:
        connection = case.connection(double)
    double.url  # pylint: disable=pointless-statement  # the address outlives the server
    result = run(case, double, "alice", retries=0)
    assert connection == case.connection(double)
    assert verdicts(result) == [("failed", None, "connection_failed")] and result["error"]["retryable"] and not result["changed"]
