# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the HTTP client sends, how often, and to whom; counted by a real server."""

from __future__ import annotations

import concurrent.futures

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors, http
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN, READ, WRITE, HttpClient

from tests.unit.plugins.module_utils.loopback import Answer, Cut, Hang, Loopback, Reset, closed_port

KINDS = (READ, LOGIN, WRITE)
CLIENTS = []  # those of one test
PAST = "Sun, 06 Nov 1994 08:49:37 GMT"
AUTHORIZATION = {"Authorization": b"Bearer alice:S3cr3t-MARKER-bearer"}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _close_clients():
    yield
    while CLIENTS:
        CLIENTS.pop().close()


@pytest.fixture(name="waits")
def a_list_of_waits():
    """The seconds that the client wanted to wait."""
    return []


def client(url, waits=None, **options):
    """A client that does not wait."""
    sleep = (waits if waits is not None else []).append
    CLIENTS.append(HttpClient(url, Scrubber(), **dict({"timeout": 20.0, "retries": 2, "sleep": sleep}, **options)))
    return CLIENTS[-1]


def outcome(http_client, kind, **options):
    """The status of the answer, or the kind of the error and whether the request may have been carried out."""
    try:
        return http_client.request("POST", "/x", kind, json={}, **options).status
    except PasswordError as error:
        return error.kind, error.maybe_applied


def statuses(*codes):
    """Answers without a Retry-After."""
    return [Answer(code) for code in codes]


@pytest.mark.parametrize("kind, again", [(READ, {413, 429, 502, 503, 504}), (LOGIN, {413, 429, 503}), (WRITE, set())])
def test_which_answers_are_asked_for_again(kind, again):
    """A refused login is never repeated, nor a write where the server does not say that it did not look at it."""
    for status in (200, 204, 400, 401, 403, 404, 408, 409, 413, 429, 500, 501, 502, 503, 504):
        with Loopback(Answer(status, b"" if status == 204 else {})) as server:
            assert outcome(client(server.url), kind) == status
            assert (status, len(server.requests)) == (status, 3 if status in again else 1)


@pytest.mark.parametrize("value, sent", [("1", 3), ("0", 3), ("-3", 3), (PAST, 3), ("soon", 1), ("nan", 1), ("", 1)])
@pytest.mark.parametrize("status", [413, 429])
def test_a_write_is_sent_again_only_if_the_server_says_when(status, value, sent):
    with Loopback(Answer(status, headers={"Retry-After": value})) as server:
        assert outcome(client(server.url), WRITE) == status
        assert len(server.requests) == sent


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_write_that_a_server_failed_at_is_not_sent_again_even_with_retry_after(status):
    with Loopback(Answer(status, headers={"Retry-After": "1"})) as server:
        assert outcome(client(server.url), WRITE) == status
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault, error", [(Reset(), errors.CONNECTION_FAILED), (Cut(), errors.CONNECTION_FAILED), (Hang(), errors.TIMED_OUT)])
@pytest.mark.parametrize("kind, sent", [(READ, 3), (LOGIN, 1), (WRITE, 1)])
def test_a_request_that_may_have_arrived_is_repeated_only_for_a_read(kind, sent, fault, error):
    with Loopback(fault) as server:
        # Only what hangs on purpose may run into a time-out, however busy the machine is.
        options = {"timeout": 0.1 if isinstance(fault, Hang) else 20.0, "deadline": 20.0}
        assert outcome(client(server.url, **options), kind) == (error, kind == WRITE)
        assert len(server.requests) == sent


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_connection_is_tried_again_whatever_is_sent(kind, waits):
    assert outcome(client("http://127.0.0.1:%d" % closed_port(), waits), kind) == (errors.CONNECTION_FAILED, False)
    assert len(waits) == 2


@pytest.mark.parametrize("fault", [Reset(), Cut(), Answer(503)])
def test_a_read_gets_over_a_passing_fault(fault):
    with Loopback(fault, Answer(200, {"right": True})) as server:
        assert client(server.url).request("GET", "/x", READ).json() == {"right": True}
        assert len(server.requests) == 2


def test_without_retries_each_request_is_sent_once(waits):
    with Loopback(Answer(429, headers={"Retry-After": "1"})) as server:
        assert [outcome(client(server.url, waits, retries=0), kind) for kind in KINDS] == [429] * 3
        assert (len(server.requests), waits) == (3, [])


@pytest.mark.parametrize(
    "value, least, most",
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("-5", 0, 0),
        ("3600", 60, 60),
        ("1e999", 60, 60),
        (PAST, 0, 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 60, 60),
        # Without a sensible value the client's own back-off.
        ("soon", 0.25, 0.5),
        ("nan", 0.25, 0.5),
        ("Fri, 99 Foo 2026 99:00:00 GMT", 0.25, 0.5),
    ],
)
def test_how_long_the_server_is_left_alone(value, least, most, waits):
    with Loopback(Answer(429, headers={"Retry-After": value}), Answer()) as server:
        assert outcome(client(server.url, waits), READ) == 200
    assert len(waits) == 1 and least <= waits[0] <= most


@pytest.mark.parametrize(
    "value",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 -0000",
    ],
)
def test_every_form_of_an_http_date_is_in_utc(value, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    http.time.tzset()
    try:
        assert http.retry_after(value, now=784111777 - 5) == 5
    finally:
        monkeypatch.undo()
        http.time.tzset()


@pytest.mark.parametrize("value", [None, "", "soon", "NaN", "1 2", "\u00bd", "Wed, 99 Nov 99999 99:99:99 GMT"])
def test_retry_after_that_says_nothing(value):
    assert http.retry_after(value) is None


def test_back_off_grows_and_has_a_limit(waits):
    with Loopback(Answer(503)) as server:
        outcome(client(server.url, waits, retries=9), READ)
    limits = [0.5, 1, 2, 4, 8, 10, 10, 10, 10]
    assert [limit / 2 <= wait <= limit for wait, limit in zip(waits, limits)] == [True] * 9


def test_an_unreachable_server_is_waited_for_once_and_not_by_each_user(waits):
    server = client("http://127.0.0.1:%d" % closed_port(), waits, retries=3)
    assert {outcome(server, kind) for kind in KINDS for _user in range(20)} == {(errors.CONNECTION_FAILED, False)}
    assert len(waits) == 3


def test_a_server_that_came_back_is_waited_for_again(waits):
    port = closed_port()
    here = client("http://127.0.0.1:%d" % port, waits)
    outcome(here, READ)
    outcome(here, READ)
    assert len(waits) == 2
    with Loopback(port=port):
        assert outcome(here, READ) == 200
    outcome(here, LOGIN)
    assert len(waits) == 4


def test_a_value_that_cannot_be_sent_does_not_make_the_server_count_as_unreachable(waits):
    here = client("http://127.0.0.1:%d" % closed_port(), waits)
    assert outcome(here, LOGIN, headers={"Authorization": "one\ntwo"}) == (errors.INVALID_INPUT, False)
    outcome(here, LOGIN)
    assert len(waits) == 2


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_login_never_travels_on_with_a_redirect(status):
    with Loopback() as elsewhere, Loopback(Answer(status, b"", headers={"Location": elsewhere.url})) as server:
        with pytest.raises(PasswordError, match="is a redirect; give the address that it leads to") as caught:
            client(server.url).request("POST", "/x", LOGIN, json={}, headers=AUTHORIZATION)
        assert (len(server.requests), elsewhere.requests) == (1, [])
    assert (caught.value.kind, caught.value.http_status) == (errors.UNEXPECTED_RESPONSE, status)


def test_what_is_sent():
    with Loopback() as server:
        here = client(server.url + "/base/ ")
        here.request("POST", "/x?y=1", READ, json={"name": "\u00e4"}, headers={"Authorization": "Bearer \u00e4\u20ac".encode()})
        here.request("PUT", "/form", WRITE, data={"a": "b c"})
        here.request("GET", "/", READ)
        one, two, three = server.requests
    assert (one.method, one.path, one.body) == ("POST", "/base/x?y=1", b'{"name": "\\u00e4"}')
    assert one.headers["authorization"].encode("latin-1").decode() == "Bearer \u00e4\u20ac"
    assert one.headers["content-type"] == "application/json"
    assert (two.method, two.path, two.body) == ("PUT", "/base/form", b"a=b+c")
    assert (three.method, three.path, three.body) == ("GET", "/base/", b"")


def test_one_connection_serves_all_requests_in_turn():
    with Loopback(*statuses(200, 401, 500, 404, 200)) as server:
        here = client(server.url)
        assert [outcome(here, LOGIN) for _number in range(20)][:4] == [200, 401, 500, 404]
        assert len({request.connection for request in server.requests}) == 1


def test_not_more_connections_than_workers():
    with Loopback() as server:
        here = client(server.url, pool_size=4)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda _number: outcome(here, READ), range(80))) == {200}
        assert len(server.requests) == 80
        assert len({request.connection for request in server.requests}) <= 4


def test_cookies_are_not_sent_back():
    with Loopback(Answer(headers={"Set-Cookie": "session=S3cr3t-MARKER-cookie; Path=/"})) as server:
        here = client(server.url)
        assert [outcome(here, READ), outcome(here, LOGIN)] == [200, 200]
        assert ["cookie" in request.headers for request in server.requests] == [False, False]
