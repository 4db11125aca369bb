# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that a double plays, its notes about requests, and how it stops; on the double of Milvus."""

from __future__ import annotations

import concurrent.futures
import datetime
import email.utils
import json
import time
import urllib.parse

import pytest
import requests

from tests.doubles.faults import http_date
from tests.doubles.milvus import DESCRIBE, LIST, TIMEOUT_2_4, TIMEOUT_2_5, UPDATE, MilvusDouble

OLD = "S3cr3t-MARKER-alice"
NEW = 'S3cr3t-MARKER-"ä\\/&-alice-2'
SHORT = 0.3


@pytest.fixture(name="double")
def a_double():
    """A double with alice and bob."""
    with MilvusDouble({"alice": OLD, "bob": "S3cr3t-MARKER-bob"}) as running:
        yield running


def change(double, user="alice", new=NEW, old=OLD, timeout=10.0):
    """A user changes its own password."""
    return requests.post(
        double.url + UPDATE,
        json={"userName": user, "password": old, "newPassword": new},
        headers={"Authorization": ("Bearer %s:%s" % (user, old)).encode()},
        timeout=timeout,
    )


def in_background(function, *args, **options):
    """A call in a thread; its future."""
    return concurrent.futures.ThreadPoolExecutor(1).submit(function, *args, **options)


@pytest.mark.parametrize("applies, password, writes", [("never", OLD, 0), ("now", NEW, 1)])
def test_hang_before_and_after_the_write(double, applies, password, writes):
    fault = double.inject("hang", path="update_password", applies=applies)
    with pytest.raises(requests.exceptions.ReadTimeout):
        change(double, timeout=SHORT)
    assert (double.users["alice"], double.writes, fault.fired) == (password, writes, 1)
    assert double.requests[-1].status is None


@pytest.mark.parametrize("applies, password", [("never", OLD), ("now", NEW)])
def test_drop_before_and_after_the_write(double, applies, password):
    double.inject("drop", applies=applies)
    with pytest.raises(requests.exceptions.ConnectionError):
        change(double)
    assert double.users["alice"] == password
    # The next request is served again.
    assert requests.get(double.url, timeout=5).status_code == 401


def test_cut_in_the_middle_of_the_answer(double):
    double.inject("cut", path=UPDATE)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        change(double)
    assert double.users["alice"] == NEW


@pytest.mark.parametrize(
    "options",
    [
        {"status": 500, "body": {"code": 65535, "message": "internal"}},
        {"status": 503, "body": "unavailable"},
        TIMEOUT_2_4,
        TIMEOUT_2_5,
        {"status": 413},
        {"status": 429, "headers": {"Retry-After": "2"}},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    ],
)
@pytest.mark.parametrize("applies, password", [("never", OLD), ("now", NEW)])
def test_given_answers(double, options, applies, password):
    double.inject("answer", applies=applies, **options)
    answer = requests.post(
        double.url + UPDATE,
        json={"userName": "alice", "password": OLD, "newPassword": NEW},
        headers={"Authorization": "Bearer alice:" + OLD},
        timeout=5,
        allow_redirects=False,
    )
    assert answer.status_code == options["status"]
    assert options.get("headers", {}).items() <= answer.headers.items()
    if isinstance(options.get("body"), dict):
        assert answer.json() == options["body"]
    else:
        assert answer.text == options.get("body", "")
    assert double.users["alice"] == password
    assert double.requests[-1].status == options["status"]


def test_retry_after_as_a_date(double):
    double.inject("answer", status=429, headers={"Retry-After": http_date(30)})
    moment = email.utils.parsedate_to_datetime(change(double).headers["Retry-After"])
    assert 20 < (moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds() <= 30


def test_html_instead_of_json(double):
    double.inject("html")
    double.inject("html", status=200, applies="now")
    first, second = change(double), change(double)
    assert (first.status_code, second.status_code) == (502, 200)
    for answer in (first, second):
        assert answer.headers["content-type"].startswith("text/html")
        with pytest.raises(ValueError):
            answer.json()
    assert double.writes == 1


def test_truncated_json(double):
    double.inject("truncated")
    answer = change(double)
    assert answer.status_code == 200 and answer.text.startswith("{")
    with pytest.raises(ValueError):
        answer.json()
    assert double.writes == 1


@pytest.mark.parametrize("top, expected", [(None, {"code": [0], "data": "object"}), ("list", []), ("null", None), ("string", "ok")])
def test_wrong_types(double, top, expected):
    double.inject("wrong_types", top=top, applies="never")
    assert change(double).json() == expected
    assert double.writes == 0


@pytest.mark.parametrize(
    "form, expected",
    [
        ("plain", NEW),
        ("json", json.dumps(NEW)[1:-1]),
        ("repr", repr(NEW)[1:-1]),
        ("url", urllib.parse.quote(NEW, safe="")),
    ],
)
@pytest.mark.parametrize("text", [False, True])
def test_echo_of_the_secrets(double, form, expected, text):
    double.inject("echo", form=form, text=text, status=400)
    answer = change(double)
    assert answer.status_code == 400
    message = answer.text if text else answer.json()["message"]
    assert expected in message and OLD in message


def test_applied_later_by_the_test(double):
    double.inject("real", applies="later")
    assert change(double).json()["code"] == 0
    assert (double.users["alice"], double.writes, double.pending) == (OLD, 0, 1)
    double.settle()
    assert (double.users["alice"], double.writes, double.pending) == (NEW, 1, 0)


def test_applied_later_by_the_clock_behind_an_error(double):
    double.inject("answer", applies="later", delay=0.05, **TIMEOUT_2_5)
    assert change(double).status_code == 408
    bound = time.monotonic() + 5
    while double.pending and time.monotonic() < bound:
        time.sleep(0.01)
    assert (double.users["alice"], double.writes) == (NEW, 1)


def test_a_refused_request_has_nothing_to_apply_later(double):
    double.inject("real", applies="later")
    assert change(double, old="wrong").status_code == 401
    assert double.pending == 0


@pytest.mark.parametrize("hold, password", [("before", OLD), ("after", NEW)])
def test_gate_holds_until_it_is_released(double, hold, password):
    gate = double.inject("gate", hold=hold, path="update_password", user="alice")
    call = in_background(change, double)
    assert gate.arrived.wait(5)
    assert double.users["alice"] == password
    # Others are served meanwhile.
    assert change(double, user="bob", old="S3cr3t-MARKER-bob").json()["code"] == 0
    assert not call.done()
    gate.release()
    assert call.result(5).json()["code"] == 0
    assert double.users["alice"] == NEW


def test_gate_drops_the_request_of_a_client_that_is_gone(double):
    gate = double.inject("gate")
    with pytest.raises(requests.exceptions.ReadTimeout):
        change(double, timeout=SHORT)
    assert gate.left.wait(5)
    gate.release()
    assert change(double, user="bob", old="S3cr3t-MARKER-bob").json()["code"] == 0
    assert (gate.fired, double.users["alice"], double.writes) == (1, OLD, 1)


def test_a_released_gate_holds_nobody(double):
    double.inject("gate", times=None).release()
    assert change(double).json()["code"] == 0


def test_faults_are_chosen_by_path_method_user_and_count(double):
    fault = double.inject("answer", path="update_password", method="POST", user="alice", skip=1, times=2, status=503)
    assert requests.post(double.url + DESCRIBE, json={"userName": "alice"}, headers={"Authorization": "Bearer alice:" + OLD}, timeout=5).status_code == 200
    assert change(double, user="bob", old="S3cr3t-MARKER-bob").status_code == 200
    statuses = [change(double, new=OLD).status_code for _attempt in range(4)]
    assert (statuses, fault.fired) == ([200, 503, 503, 200], 2)
    assert [one.fault for one in fault.requests] == ["answer", "answer"]


def test_faults_without_end_until_they_are_cleared(double):
    double.inject("answer", times=None, status=503)
    assert [change(double, new=OLD).status_code for _attempt in range(3)] == [503] * 3
    double.clear_faults()
    assert change(double).status_code == 200


@pytest.mark.parametrize("options", [{"kind": "nonsense"}, {"kind": "real", "applies": "maybe"}, {"kind": "gate", "hold": "x"}, {"kind": "echo", "form": "x"}])
def test_mistakes_in_a_fault_are_refused(double, options):
    with pytest.raises(ValueError):
        double.inject(**options)
    with pytest.raises(TypeError):
        double.inject("hang", no_such_option=1)


def test_read_only_refuses_and_notes_every_write(double):
    double.read_only = True
    assert change(double).status_code == 500
    # Even one that would fail anyway: who tries to write in check mode is wrong, whatever the server would say.
    assert change(double, old="wrong").status_code == 500
    assert requests.post(double.url + LIST, json={}, headers={"Authorization": "Bearer root:Milvus"}, timeout=5).status_code == 200
    assert [(one.path, one.user) for one in double.refused_writes] == [(UPDATE, "alice")] * 2
    assert (double.writes, double.users["alice"]) == (0, OLD)


def test_requests_are_noted_and_show_no_secret(double):
    change(double)
    requests.post(double.url + LIST, json={}, headers={"Authorization": "Bearer bob:wrong"}, timeout=5)
    first, second = double.requests
    assert (first.method, first.path, first.login, first.authenticated_as, first.user, first.status, first.write) == (
        "POST",
        UPDATE,
        "alice",
        "alice",
        "alice",
        200,
        True,
    )
    assert (second.login, second.authenticated_as, second.user, second.status, second.write) == ("bob", None, None, 401, False)
    assert "authorization" in first.header_names
    assert first.secrets == [NEW, OLD]
    assert double.calls("update_password", user="alice") == [first]
    shown = repr((double, double.requests, double.users, double.faults, double.summary()))
    assert "MARKER" not in shown and "wrong" not in shown


def test_connections_and_concurrency_are_noted(double):
    with requests.Session() as session:
        for _attempt in range(3):
            session.post(double.url + LIST, json={}, headers={"Authorization": "Bearer root:Milvus"}, timeout=5)
    assert len({one.connection for one in double.requests}) == 1
    gate = double.inject("gate", user="alice")
    call = in_background(change, double)
    assert gate.arrived.wait(5)
    change(double, user="bob", old="S3cr3t-MARKER-bob")
    gate.release()
    call.result(5)
    assert double.most_in_flight == 2


def test_reset_forgets_all_but_the_users(double):
    double.inject("hang")
    double.reset()
    change(double)
    double.reset()
    assert (double.requests, double.writes, double.users["alice"]) == ([], 0, NEW)


def test_latency(double):
    double.latency = 0.1
    begin = time.monotonic()
    change(double)
    assert time.monotonic() - begin >= 0.1


def test_stopping_is_quick_whatever_hangs():
    with MilvusDouble({"alice": OLD}) as double:
        faults = [double.inject("hang"), double.inject("gate"), double.inject("gate", hold="after")]
        calls = [in_background(change, double) for _fault in faults]
        assert all(fault.arrived.wait(5) for fault in faults)
        begin = time.monotonic()
    assert time.monotonic() - begin < 1
    for call in calls:
        with pytest.raises(requests.exceptions.ConnectionError):
            call.result(5)


def test_a_defect_of_the_double_does_not_pass_for_an_error_of_the_vendor(monkeypatch):
    monkeypatch.setattr(MilvusDouble, "_list", lambda self, received: 1 / 0)
    with pytest.raises(RuntimeError), MilvusDouble() as double:
        assert requests.post(double.url + LIST, json={}, headers={"Authorization": "Bearer root:Milvus"}, timeout=5).status_code == 500
