# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user reads when a request fails, and what must not be in it: URLs, headers, bodies, secrets."""

from __future__ import annotations

import contextlib
import socket
import sys
import traceback

import pytest
import requests
import urllib3
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import MASK, Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN, READ, WRITE, HttpClient, check_url, is_loopback

from tests.unit.plugins.module_utils.loopback import Answer, Cut, Hang, Loopback, Reset, closed_port, deaf_port

SECRET = "S3cr3t-MARKER-<\u00e4>&'\"\\-end"
UNTOLD = "S3cr3t-MARKER-nobody-told"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def failure(url, kind=WRITE, headers=None, **options):
    """The error of one request that is full of secrets which the scrubber does not know."""
    sent = {"Authorization": b"Bearer " + UNTOLD.encode(), **(headers or {})}
    here = HttpClient(url, Scrubber(), **dict({"timeout": 20.0, "retries": 0}, **options))
    with contextlib.closing(here), pytest.raises(PasswordError) as caught:
        here.request("POST", "/" + UNTOLD, kind, json={"password": UNTOLD}, headers=sent)
    assert UNTOLD not in "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    assert UNTOLD not in repr(caught.value) + str(caught.value.as_dict())
    return caught.value


def answers(bodies, content_type="application/json", status=200, secrets=(SECRET,)):
    """What the client makes of each body."""
    with Loopback(*[Answer(status, body, {"Content-Type": content_type} if content_type else {}) for body in bodies]) as server:
        with contextlib.closing(HttpClient(server.url, Scrubber(secrets), timeout=20.0, retries=0)) as here:
            for _body in bodies:
                yield here.request("GET", "/", READ)


def answer(body, *args, **options):
    """What the client makes of one body."""
    return list(answers([body], *args, **options))[0]


@pytest.mark.parametrize(
    "fault, kind, text, maybe_applied",
    [
        (Reset(), errors.CONNECTION_FAILED, "Connection to {url} failed: connection reset by peer.", True),
        (Cut(), errors.CONNECTION_FAILED, "Connection to {url} failed: the connection was closed.", True),
        (Hang(), errors.TIMED_OUT, "{url} did not answer within 0.1 seconds.", True),
    ],
)
def test_the_connection_breaks(fault, kind, text, maybe_applied):
    with Loopback(fault) as server:
        error = failure(server.url, timeout=0.1 if isinstance(fault, Hang) else 20.0)
        assert (error.kind, error.message, error.maybe_applied) == (kind, text.format(url=server.url), maybe_applied)


def test_nobody_listens():
    url = "http://127.0.0.1:%d" % closed_port()
    error = failure(url)
    assert (error.kind, error.maybe_applied) == (errors.CONNECTION_FAILED, False)
    assert error.message == "Connection to %s failed: connection refused." % url


@pytest.mark.skipif(sys.platform != "linux", reason="a full queue is treated in other ways elsewhere")
def test_nobody_answers_the_connection():
    with deaf_port() as port:
        error = failure("http://127.0.0.1:%d" % port, timeout=0.1)
    assert (error.kind, error.maybe_applied) == (errors.TIMED_OUT, False)
    assert error.message == "No connection to http://127.0.0.1:%d within 0.1 seconds." % port


def test_a_name_that_does_not_exist(monkeypatch):
    def no_such_name(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    error = failure("http://milvus.invalid:19530")
    assert (error.kind, error.maybe_applied) == (errors.CONNECTION_FAILED, False)
    assert error.message == "Connection to http://milvus.invalid:19530 failed: the name cannot be resolved."


@pytest.mark.parametrize("url", ["http://a..b:1", "http://%s.invalid" % ("a" * 70), "http://*:1"])
def test_a_name_that_cannot_exist(url):
    error = failure(url, READ)
    assert (error.kind, error.maybe_applied) == (errors.INVALID_INPUT, False)


@pytest.mark.parametrize("value", [UNTOLD + "\r\nX: y", b" " + UNTOLD.encode(), UNTOLD + "\u20ac"])
def test_a_value_that_does_not_fit_into_a_header(value):
    with Loopback() as server:
        error = failure(server.url, headers={"Authorization": value})
        assert (error.kind, error.maybe_applied, server.requests) == (errors.INVALID_INPUT, False, [])


def test_a_connection_through_a_proxy_that_breaks_is_no_proof_whatever_urllib3_calls_it(monkeypatch):
    """urllib3 1.26 makes a ProxyError of a reset after the request was sent: to send a write again would be wrong."""
    sent = []

    def broken(*_args, **_options):
        sent.append(1)
        reason = urllib3.exceptions.ProxyError("Cannot connect to proxy.", ConnectionResetError(104, UNTOLD))
        raise requests.exceptions.ProxyError(urllib3.exceptions.MaxRetryError(None, UNTOLD, reason))

    monkeypatch.setattr(requests.Session, "request", broken)
    error = failure("http://milvus.invalid", retries=3)
    assert (error.kind, error.maybe_applied, len(sent)) == (errors.CONNECTION_FAILED, True, 1)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:%s@milvus.invalid" % UNTOLD,
        "https://:%s@milvus.invalid" % UNTOLD,
        "https://%s@milvus.invalid" % UNTOLD,
        "https://milvus.invalid\\@%s" % UNTOLD,
        "https://milvus.invalid/?token=%s" % UNTOLD,
        "https://milvus.invalid/#%s" % UNTOLD,
        "https://milvus.invalid:%s" % UNTOLD,
        "https://milvus.invalid:99999/" + UNTOLD,
        "https://[%s" % UNTOLD,
        UNTOLD,
        "ftp://" + UNTOLD,
        "file:///" + UNTOLD,
        "https:///" + UNTOLD,
        "https:" + UNTOLD,
        "//milvus.invalid/" + UNTOLD,
        "",
        "   ",
        None,
        "https://mil vus.invalid",
        "https://milvus.invalid/\n" + UNTOLD,
        "https://milvus.invalid/?",
        "https://milvus.invalid/#",
    ],
)
def test_a_url_that_is_refused_is_never_repeated(url):
    with pytest.raises(PasswordError, match="^the_option ") as caught:
        check_url(url, "the_option")
    assert caught.value.kind == errors.INVALID_INPUT
    assert UNTOLD not in caught.value.message


@pytest.mark.parametrize(
    "url, clean",
    [
        ("https://milvus.invalid:19530", "https://milvus.invalid:19530"),
        (" https://milvus.invalid/a/b// ", "https://milvus.invalid/a/b"),
        ("HTTPS://[::1]:19530/", "HTTPS://[::1]:19530"),
    ],
)
def test_a_url_that_is_taken(url, clean):
    assert check_url(url) == clean


@pytest.mark.parametrize(
    "url, here",
    [
        ("http://localhost:1", True),
        ("http://LOCALHOST", True),
        ("http://127.8.8.8:1", True),
        ("http://[::1]", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://0.0.0.0", False),
    ],
)
def test_what_counts_as_this_machine(url, here):
    assert is_loopback(url) is here


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"{", b"[" * 100000, b"\xff\xfe\x00"])
def test_an_answer_that_is_not_json(body):
    response = answer(body)
    assert response.json_object() == {}
    with pytest.raises(PasswordError, match=r"^The server's answer is not JSON \(HTTP 200\)") as caught:
        response.json()
    assert caught.value.kind == errors.UNEXPECTED_RESPONSE


@pytest.mark.parametrize("body", [[], "text", 7, None, [{"code": 0}]])
def test_an_answer_that_is_no_object(body):
    response = answer(body)
    assert (response.json(), response.json_object()) == (body, {})


def test_an_excerpt_is_one_line_of_text():
    head = b"<html><head><style>p {color: red}</style><script>if (a < b) {}</script></head>"
    assert answer(head + b"<body>\n<h1>Bad&nbsp;Gateway</h1>\n<p>Tom &amp; Jerry</p></body></html>", "text/html").excerpt() == "Bad Gateway Tom & Jerry"


def test_an_unexpected_answer_says_what_and_how_much_is_certain():
    error = answer(b"<p>no</p>", "text/html", 418).unexpected("is odd", maybe_applied=True)
    assert (error.kind, error.message) == (errors.UNEXPECTED_RESPONSE, "The server's answer is odd (HTTP 418): no")
    assert (error.http_status, error.maybe_applied) == (418, True)
    assert answer(b"", "text/html", 418).unexpected("is odd").message == "The server's answer is odd (HTTP 418)."


@pytest.mark.parametrize(
    "content_type, charset",
    [
        (None, "utf-8"),
        ("text/html", "utf-8"),
        ("text/plain", "utf-8"),
        ("text/plain", "latin-1"),
        ("text/plain", "utf-16"),
        ("text/plain", "utf-16-le"),
        ("text/plain; charset=utf-16", "utf-16"),
        ("text/plain; Charset=ISO-8859-1", "latin-1"),
        ("text/plain; charset=iso-8859-1", "utf-8"),
        ("application/octet-stream", "utf-8"),
        ("text/plain; charset=nonsense", "utf-8"),
    ],
)
def test_a_secret_is_found_whatever_the_character_set(content_type, charset):
    secret = "S3cr3t-\u00e4\u00f6-MARKER"
    text = answer(("refused: %s." % secret).encode(charset), content_type, secrets=[secret]).excerpt()
    assert text.lstrip("\ufeff\u00ff\u00fe") == "refused: %s." % MASK


def test_a_secret_is_found_behind_html():
    for body in ("<p>%s</p>" % SECRET, "<p>&lt;b&gt;S3cr3t-MARKER-&lt;&#228;&gt;&amp;&#39;&quot;&#92;-end</p>", "<input value='%s'>" % SECRET):
        assert "MARKER" not in answer(body.encode(), "text/html").excerpt()


@pytest.mark.parametrize("limit", [300, 20000])
def test_a_text_that_is_cut_never_shows_half_a_secret(limit):
    fillers = ["x" * (limit - offset) for offset in range(len(SECRET) + 2)]
    # As plain text, and as a page whose tags are all that stands before.
    bodies = [(filler + SECRET + "!").encode() for filler in fillers] + [("<%s>" % filler[2:] + SECRET + "!").encode() for filler in fillers]
    assert not any("S3cr" in response.excerpt() for response in answers(bodies, "text/html; charset=utf-8"))


def test_half_an_answer_does_not_show_half_a_secret():
    whole = ('{"message": "the password %s is too weak"}' % "S3cr3t-MARKER-half").encode()
    bodies = [whole[:length] for length in range(len(whole))]
    assert not any("S3cr" in response.excerpt() for response in answers(bodies, secrets=["S3cr3t-MARKER-half"]))


def test_a_page_made_to_keep_us_busy():
    assert answer(b"<script" * 200000, "text/html", secrets=[]).excerpt().startswith("<script")


def test_a_message_is_shortened_too_and_keeps_what_only_looks_like_a_tag():
    response = answer({})
    assert response.shorten("6 <= length\n and length > 72: %s" % SECRET) == "6 <= length and length > 72: " + MASK
    assert len(response.shorten("x" * 5000)) == 304


def test_a_secret_in_a_header_of_the_answer_stays_out_of_the_error():
    with Loopback(Answer(302, b"", {"Location": "http://elsewhere.invalid/?" + UNTOLD})) as server:
        assert failure(server.url, LOGIN).kind == errors.UNEXPECTED_RESPONSE
