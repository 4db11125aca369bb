# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hostile or broken server: slow, large, without end, or not HTTP; counted and timed over real connections."""

from __future__ import annotations

import contextlib
import functools
import gzip
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from typing import Any, Callable, Iterator, Optional

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors, http
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN, READ, WRITE, HttpClient, Response, segment

from tests.unit.plugins.module_utils.loopback import Answer, Loopback
from tests.unit.products import thinned

KINDS = (READ, LOGIN, WRITE)
MIB = 2**20
PATIENCE = 10.0  # seconds; what ends by itself ends far earlier


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


class Server:
    """A server on the loopback interface that does with each connection what a test says.

    :param serve: called with a connection, which it may leave open.
    :param tls: ``(certificate file, key file)``.
    """

    def __init__(self, serve: Callable[[Any], None], tls: Optional[tuple[Any, Any]] = None) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*tls)
        self.stopped = threading.Event()
        self.served = 0
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self._listener.getsockname()[1])

    def _work(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self._context:
                connection = stack.enter_context(self._context.wrap_socket(connection, server_side=True))
            self._serve(connection)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                self.served += 1
                threading.Thread(target=self._work, args=(connection,), daemon=True).start()

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def read_request(connection: Any) -> bytes:
    """A request up to the end of its body."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            return got
        got += part
    head, _blank, body = got.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head


def answering(raw: bytes) -> Callable[[Any], None]:
    """Answers each connection's request with exactly these bytes, and closes."""

    def serve(connection: Any) -> None:
        read_request(connection)
        connection.sendall(raw)

    return serve


def send(url: str, kind: str = WRITE, path: str = "/x", request: Optional[dict[str, Any]] = None, **options: Any) -> Response:
    """One request."""
    with contextlib.closing(HttpClient(url, Scrubber(), **{"timeout": 20.0, "retries": 0, "sleep": lambda _seconds: None, **options})) as client:
        return client.request("POST", path, kind, json={}, **(request or {}))


def failure(*args: Any, **options: Any) -> PasswordError:
    """The error of one request; it is never one that nobody has thought of."""
    with pytest.raises(PasswordError) as caught:
        send(*args, **options)
    assert "please report it" not in caught.value.message
    return caught.value


# Edge 14: a deadline.


def drip(head: bytes, drop: bytes, stopped: Callable[[], threading.Event]) -> Callable[[Any], None]:
    """Sends the head at once, and then a byte again and again."""

    def serve(connection: Any) -> None:
        read_request(connection)
        connection.sendall(head)
        while not stopped().wait(0.02):
            connection.sendall(drop)

    return serve


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS = {
    "the status": (b"HTTP/1.1 200 ", b"O"),
    "a header": (HEAD + b"X-Slow: ", b"a"),
    "headers": (HEAD, b"X-Slow: a\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the body": (HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "a body without a length": (HEAD + b"Connection: close\r\n\r\n", b" "),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "the size of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Slow: a\r\n"),
}


@pytest.mark.parametrize("slow", thinned(DRIPS, 3))
@pytest.mark.parametrize("with_tls", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_edge_14_a_byte_at_a_time_does_not_go_on_for_ever(tls_files: Any, slow: str, with_tls: bool, kind: str) -> None:
    holder: list[Server] = []
    head, drop = DRIPS[slow]
    options = {"ca_path": str(tls_files.ca)} if with_tls else {}
    with Server(drip(head, drop, lambda: holder[0].stopped), tls_files.server if with_tls else None) as server:
        holder.append(server)
        begin = time.monotonic()
        error = failure(server.url, kind, timeout=PATIENCE, deadline=0.3, retries=3, **options)
        assert time.monotonic() - begin < PATIENCE / 2 and server.served == 1
    # So many headers are too many for Python before the time is up.
    expected = (errors.TIMED_OUT, errors.UNEXPECTED_RESPONSE, errors.CONNECTION_FAILED) if slow == "headers" else (errors.TIMED_OUT,)
    assert error.kind in expected and error.maybe_applied is (kind == WRITE)
    assert error.kind != errors.TIMED_OUT or "0.3 seconds (deadline)" in error.message


def test_edge_14_by_default_it_is_four_times_the_timeout() -> None:
    holder: list[Server] = []
    with Server(drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b" ", lambda: holder[0].stopped)) as server:
        holder.append(server)
        begin = time.monotonic()
        error = failure(server.url, timeout=0.1)
        assert error.kind == errors.TIMED_OUT and 0.3 < time.monotonic() - begin < PATIENCE and "0.4 seconds (deadline)" in error.message


def test_edge_14_through_a_proxy_and_its_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    holder: list[Server] = []
    for url in ("http://milvus.invalid", "https://milvus.invalid"):
        with Server(drip(b"HTTP/1.1 200 ", b"O", lambda: holder[-1].stopped)) as proxy:
            holder.append(proxy)
            monkeypatch.setenv("ALL_PROXY", proxy.url)
            error = failure(url, timeout=PATIENCE, deadline=0.3)
            # What a proxy says before the tunnel stands is no answer of the server.
            assert (error.kind, error.maybe_applied) == (errors.TIMED_OUT, url.startswith("http:"))


def test_edge_14_a_handshake_that_never_ends() -> None:
    holder: list[Server] = []

    def serve(connection: Any) -> None:
        connection.recv(65536)
        # The head of a long record of TLS, and then its bytes one by one.
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not holder[0].stopped.wait(0.02):
            connection.sendall(b"\x02")

    with Server(serve) as server:
        holder.append(server)
        error = failure(server.url.replace("http:", "https:"), timeout=PATIENCE, deadline=0.3, validate_certs=False)
        assert (error.kind, error.maybe_applied) == (errors.TIMED_OUT, False)


def test_edge_14_a_name_with_many_addresses_of_which_none_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    class Deaf(socket.socket):
        """Never gets a connection."""

        def connect(self, address: Any) -> None:
            tried.append(address)
            time.sleep(min(self.gettimeout(), 0.1))
            raise TimeoutError("timed out")

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.%d" % number, 1)) for number in range(1, 100)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    monkeypatch.setattr(socket, "socket", Deaf)
    error = failure("http://milvus.invalid", timeout=0.1, deadline=0.35)
    assert (error.kind, error.maybe_applied) == (errors.TIMED_OUT, False) and len(tried) < 10


def test_edge_14_in_many_threads_each_has_its_own_time() -> None:
    with Loopback(Answer()) as quick, contextlib.closing(HttpClient(quick.url, Scrubber(), timeout=20.0, deadline=20.0, pool_size=8)) as client:
        results: list[int] = []
        threads = [threading.Thread(target=lambda: results.append(client.request("POST", "/", READ).status)) for _number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert results == [200] * 8


def test_edge_14_waits_that_the_server_asks_for_are_not_its_time() -> None:
    waits: list[float] = []
    with Loopback(Answer(429, headers={"Retry-After": "7"}), Answer(200)) as server:
        assert send(server.url, READ, retries=1, timeout=5.0, deadline=5.0, sleep=waits.append).status == 200
    assert waits == [7.0]


# Edges 15 and 47: a limit of size.


def flood(head: bytes, piece: bytes) -> Callable[[Any], None]:
    """Sends without end."""

    def serve(connection: Any) -> None:
        read_request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return serve


FLOODS = {
    "a length": (HEAD + b"Content-Length: 2147483648\r\n\r\n", b" " * 65536),
    "no length": (HEAD + b"Connection: close\r\n\r\n", b" " * 65536),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "the size of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
    "the extension of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 65536),
    "a header": (HEAD + b"X-Long: ", b"x" * 65536),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
}


@pytest.mark.parametrize("large, kind", [*((large, WRITE) for large in FLOODS), ("no length", READ), ("chunks", LOGIN)])
def test_edge_15_an_answer_without_end_is_not_kept(large: str, kind: str) -> None:
    with Server(flood(*FLOODS[large])) as server:
        tracemalloc.start()
        try:
            error = failure(server.url, kind, request={"limit": MIB})
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert error.kind in (errors.UNEXPECTED_RESPONSE, errors.CONNECTION_FAILED) and error.maybe_applied is (kind == WRITE)
    assert most < 40 * MIB
    if large in ("a length", "no length", "chunks"):
        assert "is larger than 1 MiB" in error.message


@functools.cache
def packed(encoding: str) -> bytes:
    """600 MiB of blanks as some 600 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, {"gzip": 31, "zlib": 15, "deflate": -15}[encoding])
    return b"".join([packer.compress(b" " * MIB) for _number in range(600)] + [packer.flush()])


@pytest.mark.parametrize(
    "encoding, header, kind",
    thinned(
        [
            ("gzip", "gzip", READ),
            ("gzip", "x-gzip", LOGIN),
            ("zlib", "deflate", WRITE),
            ("deflate", "deflate", WRITE),
        ],
        2,
        several=True,
    ),
)
def test_edge_47_what_unfolds_is_counted_as_it_unfolds(encoding: str, header: str, kind: str) -> None:
    body = packed(encoding)
    assert len(body) < 700000
    with Loopback(Answer(200, body, {"Content-Encoding": header})) as server:
        tracemalloc.start()
        try:
            error = failure(server.url, kind)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (error.kind, error.maybe_applied) == (errors.UNEXPECTED_RESPONSE, kind == WRITE) and "is larger than" in error.message
    assert most < 3 * http.LISTING_LIMIT


def test_edge_47_a_bomb_in_a_bomb() -> None:
    with Loopback(Answer(200, gzip.compress(packed("gzip")), {"Content-Encoding": "gzip, gzip"})) as server:
        assert "is larger than" in failure(server.url).message


def _gzipped(content: bytes) -> bytes:
    """Without the time, which would be in the name of a test: every worker of pytest-xdist has to find the same."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    "body, header",
    [
        (_gzipped(b'{"a": 1}'), "gzip"),
        (_gzipped(b'{"a"') + _gzipped(b": 1}"), "gzip"),
        (_gzipped(b'{"a": 1}') + b"\0" * 20, "GZIP"),
        (zlib.compress(b'{"a": 1}'), "deflate"),
        (zlib.compress(b'{"a": 1}')[2:-4], "deflate"),
        (_gzipped(_gzipped(b'{"a": 1}')), "gzip, gzip"),
        (b'{"a": 1}', "identity"),
        (b'{"a": 1}', ""),
    ],
)
def test_edge_47_what_is_compressed_as_it_should_be_is_read(body: bytes, header: str) -> None:
    with Loopback(Answer(200, body, {"Content-Encoding": header})) as server:
        assert send(server.url).json() == {"a": 1}
        assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("header", ["gzip", "deflate", "br", "zstd", "nonsense", "gzip, br"])
def test_edge_47_what_cannot_be_decompressed(header: str) -> None:
    with Loopback(Answer(200, b"no such thing", {"Content-Encoding": header})) as server:
        for kind in KINDS:
            error = failure(server.url, kind)
            assert (error.kind, error.http_status, error.maybe_applied) == (errors.UNEXPECTED_RESPONSE, 200, kind == WRITE)


def test_edge_47_a_listing_may_be_larger_than_anything_else() -> None:
    with Loopback(Answer(200, b" " * (http.ANSWER_LIMIT + 1))) as server:
        assert send(server.url, READ).status == 200
        assert "is larger than 8 MiB" in failure(server.url, WRITE).message


@pytest.mark.parametrize(
    "options, name",
    [
        ({"pool_size": 30000000}, "concurrency"),
        ({"pool_size": 1001}, "concurrency"),
        ({"pool_size": 0}, "concurrency"),
        ({"retries": -1}, "retries"),
        ({"retries": 10**20}, "retries"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 1e12}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"deadline": 0.0}, "deadline"),
        ({"deadline": float("nan")}, "deadline"),
        ({"deadline": 1e12}, "deadline"),
    ],
)
def test_edge_47_numbers_that_no_connection_can_have(options: dict[str, Any], name: str) -> None:
    error = failure("http://127.0.0.1:1", **options)
    assert error.kind == errors.INVALID_INPUT and error.message.startswith(name + " must be ")


# Edges 44 and 48: anything that a server can send.


BROKEN = [
    b"", b"\r\n\r\n", b"nonsense\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 99 Low\r\n\r\n", b"HTTP/1.1 1000 High\r\n\r\n",
    HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", HEAD + b"Content-Length: 2, 3\r\n\r\n{}", HEAD + b"Content-Length: -1\r\n\r\n{}",
    HEAD + b"Content-Length: x\r\n\r\n{}", HEAD + b"Content-Length: 100\r\n\r\n{}", HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}", HEAD + b"X: y\r\n" * 200 + b"\r\n",
    HEAD + b"X: " + b"y" * 70000 + b"\r\n\r\n", b"HTTP/1.1 200 " + b"y" * 70000, HEAD + b"\xff\xfe: \xff\r\nno colon here\r\n\r\n{}",
    b"\x15\x03\x01\x00\x02\x02\x46", b"\x16\x03\x01\x02\x00", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    HEAD + b"Set-Cookie: \xff\xfe=\x00; expires=nonsense; domain=..\r\nContent-Length: 2\r\n\r\n{}",
]  # fmt: skip
ODD_BUT_CLEAR = [
    *(b"HTTP/1.1 %d No\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location) for status in (301, 303, 307)
      for location in (b"http://[", b"\xff\xe4", b"http://\xe4.invalid/", b"", b"//", b"http://a:b:c", b"javascript:x", b"http://" + b"a" * 5000, b"\x00")),
    *(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=%s\r\nContent-Length: 4\r\n\r\nx\xff--" % charset for charset in (
        b"undefined", b"idna", b"punycode", b"hex", b"base64", b"zip", b"rot13", b"unicode_escape", b"raw-unicode-escape", b"mbcs", b"nonsense", b"\xff",
        b'"utf-8"', b"'", b"utf-16", b"utf-32", b"utf-7", b"a" * 1000, b"utf-8;charset=hex", b"", b"..", b"/etc/passwd", b"%00")),
    *(b"HTTP/1.1 429 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n" % value for value in (b"\xff", b"1e400", b"-inf", b"nan", b"9" * 400)),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BROKEN)))
@pytest.mark.parametrize("kind", KINDS)
def test_edge_44_any_broken_answer_to_a_write_is_a_doubt(number: int, kind: str) -> None:
    with Server(answering(BROKEN[number])) as server:
        try:
            answer = send(server.url, kind)
        except PasswordError as error:
            assert "please report it" not in error.message and "cannot be sent" not in error.message and error.kind != errors.INVALID_INPUT
            assert error.maybe_applied is (kind == WRITE) and server.served == 1
        else:
            # urllib3 makes something of it, so the vendor says what it means.
            assert isinstance(answer.excerpt(), str) and answer.json_object() == {}


@pytest.mark.parametrize("number", range(len(ODD_BUT_CLEAR)))
@pytest.mark.parametrize("kind", KINDS)
def test_edge_48_odd_headers_make_nothing_stumble(number: int, kind: str) -> None:
    raw = ODD_BUT_CLEAR[number]
    with Server(answering(raw)) as server:
        if b" No\r\nLocation" in raw:
            error = failure(server.url, kind)
            assert (error.kind, error.maybe_applied) == (errors.UNEXPECTED_RESPONSE, kind == WRITE) and "is a redirect" in error.message
            return
        answer = send(server.url, kind)
        assert answer.json_object() == {} and answer.excerpt().isprintable()
        with pytest.raises(PasswordError) as caught:
            answer.json()
        assert caught.value.kind == errors.UNEXPECTED_RESPONSE


def test_edge_48_a_character_set_that_takes_for_ever_to_be_read() -> None:
    with Loopback(Answer(200, b"a" * 300000 + b"-" + b"9z" * 300000, {"Content-Type": "text/plain; charset=punycode"})) as server:
        answer = send(server.url)
        begin = time.process_time()
        answer.excerpt()
        assert time.process_time() - begin < 5


@pytest.mark.parametrize("path", ["/\x00", "/\ud800", "/\u20ac", "/ b", "/%zz", "/a?b#c", "/" + "x" * 10000])
def test_edge_48_odd_paths(path: str) -> None:
    with Loopback() as server:
        try:
            assert send(server.url, path=path).status in (200, 400, 414)
        except PasswordError as error:
            assert error.kind == errors.INVALID_INPUT and not error.maybe_applied and server.requests == []


# Edge 23: proxies, and TLS on one side only.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("url", ["http://milvus.invalid", "https://milvus.invalid"])
def test_edge_23_a_proxy_that_wants_a_login_is_proof_that_nothing_happened(monkeypatch: pytest.MonkeyPatch, kind: str, url: str) -> None:
    with Loopback(Answer(407, b"<html>Proxy Authentication Required</html>", {"Proxy-Authenticate": "Basic"})) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        error = failure(url, kind, retries=3)
        assert (error.kind, error.http_status, error.maybe_applied) == (errors.CONNECTION_FAILED, 407, False) and len(proxy.requests) == 1
    assert "The proxy requires a login (HTTP 407)" in error.message and "https_proxy" in error.message


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", KINDS)
def test_edge_23_a_client_certificate_that_is_missing_is_named(tls_files: Any, version: ssl.TLSVersion, kind: str) -> None:
    for _number in range(5):
        with Loopback(tls=tls_files.server, client_ca=tls_files.ca) as server:
            server._server.tls.minimum_version = server._server.tls.maximum_version = version
            error = failure(server.url, kind, ca_path=str(tls_files.ca), request={"headers": {"X-Long": "x" * 50000}})
            assert (error.kind, error.maybe_applied, server.requests) == (errors.TLS_FAILED, False, [])
            assert "the server requires a client certificate" in error.message and "Give client_cert" in error.message


def test_edge_23_a_client_certificate_that_the_server_does_not_take(tls_files: Any) -> None:
    with Loopback(tls=tls_files.server, client_ca=tls_files.other_ca) as server:
        error = failure(server.url, ca_path=str(tls_files.ca), client_cert=str(tls_files.client_cert), client_key=str(tls_files.client_key))
        assert (error.kind, error.maybe_applied, server.requests) == (errors.TLS_FAILED, False, []) and "client_cert" in error.message


@pytest.mark.parametrize("kind", KINDS)
def test_edge_23_https_to_a_port_without_tls(kind: str) -> None:
    with Loopback() as server:
        error = failure(server.url.replace("http:", "https:"), kind)
        assert (error.kind, error.maybe_applied) == (errors.TLS_FAILED, False) and "there is no TLS on this port" in error.message


@pytest.mark.parametrize(
    "said",
    [
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x15\x03\x03\x00\x02\x01\x00",
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n"
        b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
        b"HTTP/1.1 400 Bad Request\r\n\r\n<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    ],
)
def test_edge_23_http_to_a_port_with_tls(said: bytes) -> None:
    with Server(answering(said)) as server:
        error = failure(server.url, LOGIN)
        assert error.kind == errors.CONNECTION_FAILED and "The server speaks TLS on this port: the URL must begin with https://." in error.message


# What vendors need beside.


def pages() -> Iterator[tuple[http.Pages, Response]]:
    """A list, and an answer."""
    with Loopback() as server:
        yield http.Pages(), send(server.url, READ)


def test_edge_47_a_list_of_pages_has_an_end() -> None:
    for many, answer in pages():
        with pytest.raises(PasswordError, match="does not end: after 1000 pages with 2000 users"):
            for number in range(1, 5000):
                many.count(answer, 2 * number)
    for many, answer in pages():
        with pytest.raises(PasswordError, match="does not end: after 1 pages with 500001 users"):
            many.count(answer, 500001)


@pytest.mark.parametrize("text, quoted", [("a b/c", "a%20b%2Fc"), ("a.b", "a.b"), ("...", "..."), ("\u00e4%", "%C3%A4%25")])
def test_a_segment_of_a_path(text: str, quoted: str) -> None:
    assert segment(text) == quoted


@pytest.mark.parametrize("text", ["", ".", "..", "a\x00", "\ud800", "a\nb"])
def test_edge_48_what_can_be_no_segment_of_a_path(text: str) -> None:
    with pytest.raises(PasswordError) as caught:
        segment(text)
    assert caught.value.kind == errors.INVALID_INPUT
    caught.value.message.encode("utf-8")


def test_a_private_answer_is_not_shown() -> None:
    with Loopback(Answer(500, {"message": "hash-S3cr3t-MARKER"})) as server:
        answer = send(server.url, READ, request={"private": True})
        assert "MARKER" not in answer.excerpt() + answer.shorten("S3cr3t-MARKER") + answer.unexpected("is odd").message
        assert answer.json() == {"message": "hash-S3cr3t-MARKER"}
