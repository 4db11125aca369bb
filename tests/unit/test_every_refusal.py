# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every status, at every vendor, as the answer to a look-up, to a login and to a change: what it proves, and what it does not."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _answer
from starlette.responses import JSONResponse

from tests.doubles.base import Double
from tests.unit.calls import NEW, OLD, run, verdicts
from tests.unit.products import thinned
from tests.vendor_cases import CASES, VendorCase

REDIRECTS = (300, 301, 302, 303, 304, 307, 308)
PLAIN_REFUSALS = (400, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 417, 418, 421, 422, 423, 424, 426, 428, 429, 431, 451)
FAILURES = (500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 599)
# A success, but not the documented one of any vendor.
OTHER_SUCCESSES = (203, 205, 206, 207, 226)
DOUBTFUL = (408, *REDIRECTS, *FAILURES, *OTHER_SUCCESSES)
KINDS = {408: "timed_out", 413: "rate_limited", 429: "rate_limited", **dict.fromkeys(REDIRECTS, "unexpected_response")}


@pytest.fixture(name="case", params=CASES)
def a_stand(request: pytest.FixtureRequest) -> VendorCase:
    """Every vendor."""
    return CASES[request.param]


@pytest.fixture(name="double")
def a_double(case: VendorCase) -> Iterator[Double]:
    """The vendor's double, at which nobody gets locked."""
    with case.double({"alice": OLD}) as running:
        yield running
        assert not getattr(running, "lockouts", None)


@pytest.fixture(name="call")
def a_call(case: VendorCase, double: Double) -> functools.partial[dict[str, Any]]:
    """One call without retries."""
    return functools.partial(run, case, double, "alice", retries=0)


def redirected(status: int) -> dict[str, str]:
    """The header that a redirect has."""
    return {"Location": "https://elsewhere.invalid/"} if status in REDIRECTS else {}


@pytest.mark.parametrize("applies", ["now", "never"])
@pytest.mark.parametrize("status", thinned(DOUBTFUL, 5))
def test_edge_5_a_change_whose_answer_proves_nothing_is_told_apart_by_a_login(
    call: functools.partial[dict[str, Any]], case: VendorCase, double: Double, status: int, applies: str
) -> None:
    double.inject("answer", status=status, headers=redirected(status), body="" if status == 304 else "no", applies=applies, **case.change)
    result = call(update_password="always")
    state, verified, error = verdicts(result)[0]
    assert double.can_log_in("alice", NEW) is (applies == "now") and "please report it" not in str(result)
    if not case.proves:
        assert (state, verified, error) == ("unknown", None, "outcome_unknown") and not result["changed"]
    elif applies == "now":
        assert (state, verified, error) == ("changed", True, None) and result["changed"]
    elif case.takes_any_success and status in OTHER_SUCCESSES:
        assert (state, verified, error) == ("failed", False, "not_verified")
    else:
        assert (state, verified) == ("failed", False) and not result["changed"]
        assert error == KINDS.get(status, "vendor_unavailable" if status >= 500 else "unexpected_response")


@pytest.mark.parametrize("status", thinned(PLAIN_REFUSALS))
def test_edge_5_a_plain_refusal_of_a_change_is_certain(call: functools.partial[dict[str, Any]], case: VendorCase, double: Double, status: int) -> None:
    fault = double.inject("answer", status=status, body="no", times=None, **case.change)
    result = call(update_password="always")
    state, verified, error = verdicts(result)[0]
    assert state == "failed" and not result["changed"] and fault.fired == 1 and double.can_log_in("alice", OLD)
    if case.refuses_with is not None and status not in case.refuses_with:
        # What it does not send itself proves nothing, so a login settles it.
        assert (verified, error) == (False, "unexpected_response")
        return
    # No login was spent on finding out what is certain.
    assert verified is None and not double.failed_logins
    if status in (400, 404):
        return
    # What a 422 means is a matter of the vendor.
    assert error in (KINDS.get(status, "unexpected_response"), "permission_denied", "unsupported", "target_not_ready"), error


@pytest.mark.parametrize("which", ["lookup", "login"])
@pytest.mark.parametrize("status", thinned((*DOUBTFUL, *PLAIN_REFUSALS), 5))
def test_edge_5_nothing_but_a_change_leaves_a_doubt(call: functools.partial[dict[str, Any]], case: VendorCase, double: Double, status: int, which: str) -> None:
    where = getattr(case, which)
    double.inject("answer", status=status, headers=redirected(status), body="" if status == 304 else "no", times=None, **where)
    result = call()
    state, _verified, error = verdicts(result)[0]
    assert "please report it" not in str(result) and state != "unknown" and error != "outcome_unknown"
    if state == "changed":
        # Looked up by another way, for example in the list of all.
        assert double.can_log_in("alice", NEW) and status in PLAIN_REFUSALS
    else:
        assert state == "failed" and double.writes == 0 and not result["changed"] and double.can_log_in("alice", OLD)
        if status in REDIRECTS:
            assert error == "unexpected_response" and "give the address that it leads to" in result["msg"]


@pytest.mark.parametrize("kind", ["drop", "hang", "cut"])
def test_sixth_vendor_1_a_look_that_is_lost_within_a_change_is_no_doubtful_change(kind: str) -> None:
    """VMware Cloud Director reads a user again before it is written."""
    case = CASES["vcd"]
    with case.double({"alice": OLD}) as double:
        user = "/" + double.people["alice"].urn
        fault = double.inject(kind, method="GET", path=user, times=None)
        result = run(case, double, "alice", update_password="always", timeout=0.3, retries=0)
        assert fault.fired == 1 and not double.calls(user)[0].write and double.writes == 0
        assert verdicts(result) == [("failed", None, "timed_out" if kind == "hang" else "connection_failed")] and not double.failed_logins


RAW = {
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a place in latin-1": b"HTTP/1.1 302 Found\r\nLocation: /\xe4\xff\r\nContent-Length: 0\r\n\r\n",
    "a place that is none": b"HTTP/1.1 303 See Other\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "chunks that are none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "gzip that is none": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "nothing": b"",
}


@pytest.mark.parametrize("applies", ["now", "never"])
@pytest.mark.parametrize("raw", thinned(RAW, 3))
def test_edge_44_a_broken_answer_to_a_change_is_told_apart_by_a_login(
    call: functools.partial[dict[str, Any]], case: VendorCase, double: Double, raw: str, applies: str
) -> None:
    double.inject("raw", body=RAW[raw], applies=applies, **case.change)
    result = call(update_password="always")
    state, verified, error = verdicts(result)[0]
    assert "cannot be sent" not in str(result) and "please report it" not in str(result)
    if not case.proves:
        assert (state, verified, error) == ("unknown", None, "outcome_unknown") and not result["changed"]
    elif applies == "now":
        assert (state, verified, error) == ("changed", True, None) and result["changed"]
    else:
        assert (state, verified) == ("failed", False) and error in ("unexpected_response", "connection_failed")


@pytest.mark.parametrize("which", ["lookup", "login"])
@pytest.mark.parametrize("raw", thinned(RAW, 3))
def test_edge_48_a_broken_answer_to_anything_else_is_a_failure(
    call: functools.partial[dict[str, Any]], case: VendorCase, double: Double, raw: str, which: str
) -> None:
    where = getattr(case, which)
    double.inject("raw", body=RAW[raw], times=None, **where)
    result = call()
    assert "please report it" not in str(result) and verdicts(result)[0][0] == "failed" and double.writes == 0
    assert verdicts(result)[0][2] in ("unexpected_response", "connection_failed")


@pytest.mark.parametrize("applies", thinned(["now", "never"], 1))
def test_edge_14_a_change_whose_answer_never_ends(call: functools.partial[dict[str, Any]], case: VendorCase, double: Double, applies: str) -> None:
    double.inject("drip", applies=applies, **case.change)
    result = call(update_password="always", timeout=20.0, deadline=0.5)
    state, verified, error = verdicts(result)[0]
    if not case.proves:
        assert (state, verified, error) == ("unknown", None, "outcome_unknown")
    else:
        assert (state, verified, error) == (("changed", True, None) if applies == "now" else ("failed", False, "timed_out"))


@pytest.mark.parametrize("which", thinned(["lookup", "login"], 1))
def test_edge_14_a_look_up_whose_answer_never_ends(call: functools.partial[dict[str, Any]], case: VendorCase, double: Double, which: str) -> None:
    where = getattr(case, which)
    fault = double.inject("drip", times=None, **where)
    # One that has had all its time is not made again.
    result = call(timeout=20.0, deadline=0.5)
    assert verdicts(result)[0][::2] == ("failed", "timed_out") and double.writes == 0 and fault.fired == 1


@pytest.mark.parametrize("concurrency, retries", [(30000000, 3), (1001, 3), (8, 10**9)])
def test_edge_47_numbers_have_a_limit_at_every_vendor(case: VendorCase, double: Double, concurrency: int, retries: int) -> None:
    result = run(case, double, "alice", concurrency=concurrency, retries=retries)
    assert verdicts(result) == [("failed", None, "invalid_input")] and "must be at most 1000" in result["msg"] and not double.requests


ODD_TEXTS = {
    "half a pair": "\ud800", "the other half": "\udfff", "nothing": "\0", "lines": "\r\nX: y", "a way out": "/../..", "a blank": " ",
    "beyond latin-1": "\u20ac", "a query": "?a=b#c", "percent": "%zz%2e%2e", "very long": "x" * 100000,
}  # fmt: skip


@pytest.mark.parametrize("which", ["lookup", "login", "change"])
@pytest.mark.parametrize("odd", thinned(ODD_TEXTS, 3))
def test_edge_48_odd_texts_in_what_a_server_sends(call: functools.partial[dict[str, Any]], case: VendorCase, double: Double, odd: str, which: str) -> None:
    where = getattr(case, which)
    double.inject("texts", body=ODD_TEXTS[odd], times=None, **where)
    result = call()
    assert "please report it" not in str(result), result
    json.dumps(result, ensure_ascii=False).encode("utf-8")
    assert verdicts(result)[0][0] in ("changed", "failed")
    assert double.can_log_in("alice", NEW) is (verdicts(result)[0][0] == "changed")


@pytest.mark.parametrize("vendor", ["acronis", "vcd", "rackspace_database"])
def test_edge_47_pages_without_end_whose_content_is_always_new(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_answer, "MOST_PAGES", 20)
    case = CASES[vendor]
    with case.double({"alice": OLD}) as double:
        seen = itertools.count()

        def page(_received: object, **_parameters: object) -> JSONResponse:
            number = next(seen)
            name = "user-%d" % number
            unique = "%08x-0000-4000-8000-000000000000" % number
            if vendor == "acronis":
                return JSONResponse({"items": [{"id": unique, "login": name}], "paging": {"cursors": {"after": name}}})
            if vendor == "vcd":
                return JSONResponse({"values": [{"username": name, "id": "urn:vcloud:user:" + unique}], "pageCount": 10**9})
            return JSONResponse({"users": [{"name": name, "host": "%"}], "links": [{"rel": "next", "href": "%s/users?marker=%s" % (double.url, name)}]})

        end = {"acronis": "/users", "vcd": "/1.0.0/users", "rackspace_database": "/users"}[vendor]
        double._routes = [(route, page if route.path.endswith(end) and "GET" in route.methods else handler) for route, handler in double._routes]
        names = ["alice", *("nobody-%d" % number for number in range(9))]
        result = run(case, double, *names)
        assert {(state, kind) for state, _verified, kind in verdicts(result)} == {("failed", "unexpected_response")} and "does not end" in result["msg"]
        assert next(seen) == 20 and double.writes == 0
