# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole call: many users, the operator, what stops it, and what its result holds."""

from __future__ import annotations

import json
import signal
import threading

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.calls import call
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, ROOT, breaks, fails, make_vendor, params

OPERATOR = {"api_user": "root", "api_password": ROOT}
REFUSED = fails(errors.AUTHENTICATION_FAILED, "The operator's login is refused.", http_status=401, vendor_code=1800)


def states(result):
    """Names and what became of them."""
    return [(user["name"], user["state"], user["error"]["kind"] if user["error"] else None) for user in result["users"]]


def only_for(name, behaviour):
    """A behaviour for one user; the usual for all others."""

    def choose(vendor, account, *args):
        if account.name == name:
            return behaviour(vendor, account, *args)
        return vendor.usual_probe(account, *args) if args else vendor.usual_change(account)

    return choose


@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_bad_user_never_hides_the_others(concurrency):
    behaviour = {"change": only_for("c", fails(errors.PASSWORD_REJECTED)), "probe": only_for("d", breaks(OSError("S3cr3t-MARKER")))}
    vendor = make_vendor({"a": OLD, "b": NEW, "c": OLD, "d": OLD, "e": OLD}, **behaviour)
    result = call(vendor, "e", "d", "c", "b", "a", concurrency=concurrency)
    # In the order of the input, whoever was ready first.
    assert states(result) == [
        ("e", "changed", None), ("d", "failed", "unexpected_response"), ("c", "failed", "password_rejected"), ("b", "unchanged", None), ("a", "changed", None),
    ]  # fmt: skip
    assert (result["changed"], result["failed"], "error" in result) == (True, True, False)
    assert result["msg"] == "2 of 5 users failed. d: An unexpected OSError occurred; please report it. (unexpected_response); c: no (password_rejected)"
    assert "MARKER" not in json.dumps(result)


class TimeLimit(BaseException):
    """What Ansible raises in the main thread when the time of a task is over."""


def test_an_end_from_outside_waits_for_nobody_and_begins_with_nobody_else():
    asked, both_wait, noticed, released = [], threading.Barrier(2), threading.Event(), threading.Event()

    def end(_number, _frame):
        if not noticed.is_set():
            noticed.set()
            raise TimeLimit

    def hang(_vendor, account, _password):
        asked.append(account.name)
        if released.is_set():
            return
        if both_wait.wait(10) == 0:
            # Again, since a signal that comes right before the main thread begins to wait does not wake it.
            while not noticed.wait(0.05):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
        assert released.wait(10)

    before, threads = signal.signal(signal.SIGALRM, end), set(threading.enumerate())
    try:
        with pytest.raises(TimeLimit):
            call(make_vendor(dict.fromkeys("abcd", OLD), probe=hang), *"abcd", concurrency=2)
        assert sorted(asked) == ["a", "b"]
    finally:
        released.set()
        begun = set(threading.enumerate()) - threads
        for thread in begun:
            thread.join(10)
        signal.signal(signal.SIGALRM, before)
    # A process does not wait for such threads before it exits.
    assert all(thread.daemon for thread in begun) and set(asked) == {"a", "b"}


def test_the_message_names_a_few_and_counts_the_others():
    vendor = make_vendor({}, change=fails(errors.PASSWORD_REJECTED, "Weak."))
    result = call(vendor, *["user%d" % number for number in range(10)])
    told = "; ".join("user%d: Weak. (password_rejected)" % number for number in range(3))
    assert result["msg"] == "10 of 10 users failed. %s; and 7 more" % told
    assert len(result["users"]) == 10 and result["changed"] is False


def test_what_is_certainly_wrong_costs_no_call_and_the_others_go_on():
    vendor = make_vendor({"a": OLD, "b": OLD, "c": OLD})
    result = call(vendor, {"name": "a", "password": "x"}, "b", {"name": "c", "password": "x" * 65}, {"name": "d", "password": "ab\n"})
    assert states(result) == [(name, "failed", "password_rejected") if name != "b" else ("b", "changed", None) for name in "abcd"]
    assert vendor.calls[0:2] == [("open", 1), ("find", "b")]
    assert set(vendor.names("probe") + vendor.names("change")) == {"b"}


def test_a_password_that_is_not_text_costs_no_call():
    vendor = make_vendor({"a": OLD})
    result = call(vendor, {"name": "a", "password": "S3cr3t-MARKER-\udce4"})
    assert states(result) == [("a", "failed", "password_rejected")] and vendor.calls == []
    json.dumps(result).encode("utf-8")


def test_if_everything_is_wrong_nobody_logs_in():
    vendor = make_vendor({})
    assert call(vendor, {"name": "a", "password": ""}, **OPERATOR)["failed"] is True
    assert vendor.calls == []


def test_no_users():
    result = call(make_vendor({}), **OPERATOR)
    assert (result["changed"], result["failed"], result["users"], result["diff"], "msg" in result) == (False, False, [], [], False)


def test_the_same_user_twice():
    vendor = make_vendor({"a": OLD, "b": OLD})
    result = call(vendor, "a", "b", {"name": "a", "password": "S3cr3t-MARKER-other"})
    assert (result["error"]["kind"], result["msg"]) == ("invalid_input", "users names a twice.")
    assert states(result) == [("a", "failed", "invalid_input"), ("b", "failed", "invalid_input"), ("a", "failed", "invalid_input")]
    assert vendor.calls == [] and result["changed"] is False


@pytest.mark.parametrize(
    "options, text",
    [
        ({"concurrency": 0}, "concurrency must be at least 1."),
        ({"concurrency": -1}, "concurrency must be at least 1."),
        ({"retries": -1}, "retries must be at least 0."),
        ({"timeout": 0}, "timeout must be more than 0 and at most 86400 seconds."),
        ({"timeout": -1.0}, "timeout must be"),
        ({"timeout": float("nan")}, "timeout must be"),
        ({"timeout": float("inf")}, "timeout must be"),
    ],
)
def test_numbers_that_make_no_sense(options, text):
    vendor = make_vendor({"a": OLD})
    result = call(vendor, "a", **options)
    assert (result["error"]["kind"], vendor.calls) == ("invalid_input", [])
    assert result["msg"].startswith(text)


@pytest.mark.parametrize("what", ["open", "find"])
def test_what_concerns_all_stops_all(what):
    vendor = make_vendor({"a": OLD, "b": OLD}, **{what: REFUSED})
    result = call(vendor, "a", "b", {"name": "c", "password": ""}, **OPERATOR)
    assert states(result) == [("a", "failed", "authentication_failed"), ("b", "failed", "authentication_failed"), ("c", "failed", "password_rejected")]
    assert result["error"] == {
        "kind": "authentication_failed", "message": "The operator's login is refused.", "http_status": 401, "vendor_code": 1800, "request_id": None,
        "retryable": False,
    }  # fmt: skip
    assert (result["msg"], result["changed"], result["failed"]) == ("The operator's login is refused.", False, True)
    assert vendor.calls[-1] == ("close",) and not vendor.names("probe")


@pytest.mark.parametrize("concurrency, most", [(1, 1), (4, 4)])
def test_a_refused_operator_is_not_tried_for_each_user(concurrency, most):
    """Where it shows only at the first change: each further try might lock the operator out."""
    vendor = make_vendor({}, change=REFUSED)
    names = ["user%02d" % number for number in range(50)]
    result = call(vendor, *names, concurrency=concurrency, update_password="always", **OPERATOR)
    assert [user["name"] for user in result["users"]] == names
    assert {user["error"]["kind"] for user in result["users"]} == {"authentication_failed"}
    assert result["error"]["kind"] == "authentication_failed" and len(vendor.names("change")) <= most


def test_who_was_changed_before_the_operator_was_refused_is_told():
    vendor = make_vendor({"a": OLD, "b": OLD}, change=only_for("b", REFUSED))
    result = call(vendor, "a", "b", "c", "root", **OPERATOR)
    assert states(result) == [("a", "changed", None)] + [(name, "failed", "authentication_failed") for name in ("b", "c", "root")]
    assert (result["changed"], result["failed"]) == (True, True)
    assert vendor.names("change") == ["a", "b"]


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_operator_is_changed_last(concurrency):
    names = ["root"] + ["user%02d" % number for number in range(30)]
    vendor = make_vendor(dict.fromkeys(names, OLD))
    result = call(vendor, *names, concurrency=concurrency, **OPERATOR)
    assert vendor.names("change")[-1] == "root" and vendor.names("probe").index("root") >= 60
    assert [user["name"] for user in result["users"]] == names and result["failed"] is False


def test_an_operator_who_is_called_like_no_user():
    vendor = make_vendor({"root": OLD, "a": OLD})
    call(vendor, "root", "a")
    assert vendor.names("change") == ["root", "a"]


@pytest.mark.parametrize("what", ["open", "find", "probe", "change", "close"])
def test_an_unforeseen_fault_anywhere_shows_no_text_and_closes(what):
    vendor = make_vendor({"a": OLD}, **{what: breaks(RuntimeError("S3cr3t-MARKER-in-exception"))})
    result = call(vendor, "a")
    assert "MARKER" not in json.dumps(result)
    assert vendor.calls[-1] == ("close",)
    assert [user["name"] for user in result["users"]] == ["a"]
    told = result["warnings"] + [user["error"]["message"] for user in result["users"] if user["error"]]
    assert any("An unexpected RuntimeError occurred" in text for text in told)


def test_a_fault_of_close_hides_neither_success_nor_the_real_error():
    broken = {"close": breaks(RuntimeError("S3cr3t-MARKER"))}
    assert states(call(make_vendor({"a": OLD}, **broken), "a")) == [("a", "changed", None)]
    assert call(make_vendor({"a": OLD}, open=REFUSED, **broken), "a")["error"]["kind"] == "authentication_failed"


@pytest.mark.parametrize("what", ["check", "key", "is_operator", "__init__"])
def test_an_unforeseen_fault_before_any_call(what):
    vendor = make_vendor({"a": OLD})

    def broken(*_args):
        raise RuntimeError("S3cr3t-MARKER-in-exception")

    setattr(vendor, what, broken)
    result = call(vendor, "a")
    assert (result["failed"], result["changed"], states(result)) == (True, False, [("a", "failed", "unexpected_response")])
    assert "MARKER" not in json.dumps(result) and not vendor.names("change")


def test_each_warning_is_shown_once():
    def talkative(vendor, account, password):
        vendor.warn("The same for all.")
        vendor.warn("About " + account.name + ".")
        return vendor.usual_probe(account, password)

    result = call(make_vendor({"a": OLD, "b": OLD}, probe=talkative), "a", "b")
    assert result["warnings"] == ["The same for all.", "About a.", "About b."]


@pytest.mark.parametrize(
    "url, validate_certs, warning",
    [
        ("http://milvus.example.com", True, "The URL begins with http://"),
        (" HTTP://milvus.example.com ", True, "The URL begins with http://"),
        ("http://localhost:19530", True, None),
        ("http://127.0.0.1", True, None),
        ("https://milvus.example.com", True, None),
        ("https://milvus.example.com", False, "validate_certs is false"),
    ],
)
def test_a_connection_that_others_may_read_gets_a_warning(url, validate_certs, warning):
    vendor = make_vendor({"a": OLD}, open=lambda vendor, number: vendor.connect(vendor.params["url"]))
    result = call(vendor, "a", url=url, validate_certs=validate_certs)
    assert [text.startswith(warning or "no warning") for text in result["warnings"]] == ([True] if warning else [])
    assert result["changed"] is True


def test_the_client_gets_the_options_of_the_call(monkeypatch):
    told = {}

    def note(url, _scrub, **options):
        told.update(options, url=url)
        raise PasswordError(errors.CONNECTION_FAILED, "enough")

    monkeypatch.setattr(_change, "HttpClient", note)
    vendor = make_vendor({}, open=lambda vendor, number: vendor.connect(vendor.params["url"]))
    options = {"timeout": 1.5, "retries": 7, "validate_certs": False, "ca_path": "/ca", "client_cert": "/cert", "client_key": "/key"}
    assert call(vendor, "a", concurrency=5, **options)["error"]["kind"] == "connection_failed"
    told.pop("sleep")
    assert told == dict(options, url="https://fake.invalid", pool_size=5)


class AtOnce:
    """How many are at work at the same time."""

    def __init__(self, expected):
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(expected)
        self._waiting_for = expected
        self._now = 0
        self.most = 0

    def __enter__(self):
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self._waiting_for -= 1
            first = self._waiting_for >= 0
        if first:
            # Without so many at work at the same time this would hang.
            self._barrier.wait(10)

    def __exit__(self, *exc_info):
        with self._lock:
            self._now -= 1


def test_a_thousand_users():
    """Each in its place, each password for the right user, not more at once than wanted."""
    names = ["user%04d" % number for number in range(1000)]
    at_once = AtOnce(8)

    def count(vendor, account):
        with at_once:
            vendor.usual_change(account)
        if account.name.endswith("7"):
            raise PasswordError(errors.PASSWORD_REUSED, "Used before: %s." % account.password)

    vendor = make_vendor(dict.fromkeys(names, OLD), change=count)
    users = [{"name": name, "password": "S3cr3t-MARKER-%s" % name} for name in names]
    result = call(vendor, *users, concurrency=8)
    assert [user["name"] for user in result["users"]] == names
    assert [user["name"] for user in result["users"] if user["state"] == "failed"] == [name for name in names if name.endswith("7")]
    assert vendor.passwords == {user["name"]: user["password"] for user in users}
    assert at_once.most == 8 and "MARKER" not in json.dumps(result)


def test_fewer_users_than_workers():
    vendor = make_vendor({"a": OLD, "b": OLD})
    assert states(call(vendor, "a", "b", concurrency=1000)) == [("a", "changed", None), ("b", "changed", None)]


@pytest.mark.parametrize("find", [lambda *_args: None, fails(errors.TIMED_OUT), breaks(OSError("S3cr3t-MARKER"))])
def test_the_call_closes_every_client_that_it_made(monkeypatch, find):
    closed = []
    monkeypatch.setattr(_change.HttpClient, "close", lambda client: closed.append(client.base_url))

    def open_two(vendor, _number):
        vendor.connect("https://one.invalid")
        vendor.http = vendor.connect_to_url()

    vendor = make_vendor({"alice": OLD}, open=open_two, find=find, close=breaks(OSError("S3cr3t-MARKER")))
    _change.set_passwords(vendor, params(vendor, "alice"))
    assert closed == ["https://one.invalid", "https://fake.invalid"]
