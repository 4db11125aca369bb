# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A front before a double that lets requests pass, and answers chosen ones as a broken or malicious server does: on the wire, past any library."""

from __future__ import annotations

import contextlib
import gzip
import select
import socket
import threading
from collections.abc import Callable

MANY = 1 << 31  # bytes that a server without measure sends, unless its client goes away first
_BLOCK = b"x" * (1 << 16)
_PAUSE = 0.25  # seconds between two bytes of a slow one


class Request:
    """A request as it came, and the client that waits for an answer."""

    def __init__(self, client: socket.socket, head: bytes, body: bytes) -> None:
        self.client, self.head, self.body = client, head, body
        self.method, self.path = head.split(b" ")[:2]
        self.path = self.path.partition(b"?")[0]

    @property
    def is_answerable(self) -> bool:
        """Whether the client is still there."""
        readable, _writable, _broken = select.select([self.client], [], [], 0)
        return not readable or bool(self.client.recv(1, socket.MSG_PEEK))

    def send(self, data: bytes) -> None:
        """Send some bytes of an answer."""
        self.client.sendall(data)


def plain(head: bytes, body: bytes = b"") -> Callable[[Request], None]:
    """An answer as it stands here, with the length of its body."""
    return lambda request: request.send(b"%s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (head, len(body), body))


def raw(data: bytes) -> Callable[[Request], None]:
    """An answer byte for byte."""
    return lambda request: request.send(data)


def _slowly(request: Request, ended: threading.Event, head: bytes) -> None:
    request.send(head)
    while not ended.wait(_PAUSE) and request.is_answerable:
        request.send(b" ")


def _without_end(request: Request, ended: threading.Event, head: bytes, block: bytes = _BLOCK) -> None:
    request.send(head)
    sent = 0
    while sent < MANY and not ended.is_set():
        request.send(block)
        sent += len(block)


def bomb(size: int = MANY // 2) -> bytes:
    """A small body that unfolds to one of ``size`` bytes."""
    return gzip.compress(b"\0" * (1 << 20)) * (size >> 20)


OK, JSON = b"HTTP/1.1 200 OK\r\n", b"Content-Type: application/json\r\n"
PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action=/login><input name=password></form></body></html>"


def gzip_bomb(request: Request) -> None:
    """Answer with little that unfolds into very much; made when it is first asked for."""
    plain(OK + JSON + b"Content-Encoding: gzip", bomb())(request)


def _kinds() -> dict[str, Callable[[Request, threading.Event], None]]:
    simple = {
        "login page": plain(OK + b"Content-Type: text/html", PAGE),
        "empty json": plain(OK + JSON.rstrip(), b"{}"),
        "gzip bomb": gzip_bomb,
        "broken gzip": plain(OK + JSON + b"Content-Encoding: gzip", b"\x1f\x8b no gzip"),
        "408": plain(b"HTTP/1.1 408 Request Timeout"),
        "303": plain(b"HTTP/1.1 303 See Other\r\nLocation: http://127.0.0.1:9/elsewhere"),
        "307": plain(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere"),
        "location that is none": plain(b"HTTP/1.1 302 Found\r\nLocation: http://["),
        "location in Latin-1": plain(b"HTTP/1.1 302 Found\r\nLocation: /\xfc\xe4"),
        "two lengths": raw(OK + JSON + b"Content-Length: 2\r\nContent-Length: 7\r\nConnection: close\r\n\r\n{}"),
        "length that is none": raw(OK + JSON + b"Content-Length: many\r\nConnection: close\r\n\r\n{}"),
        "unknown charset": plain(OK + b"Content-Type: application/json; charset=undefined", b'{"message": "\xff"}'),
        "charset idna": plain(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=idna", b"xn--\xff" * 50),
        "surrogate": plain(b"HTTP/1.1 400 Bad Request\r\n" + JSON.rstrip(), b'{"message": "\\ud800", "errorMessage": "\\udfff", "error": "\\ud83d"}'),
        "deep json": plain(OK + JSON.rstrip(), b"[" * 200000),
        "no http": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "nothing": raw(b""),
        "half a head": raw(b"HTTP/1.1 200 OK\r\nContent-"),
        "status 000": raw(b"HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        "bad chunks": raw(OK + JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    }
    found = {name: (lambda request, ended, answer=answer: answer(request)) for name, answer in simple.items()}
    found["slow body"] = lambda request, ended: _slowly(request, ended, OK + JSON + b"Content-Length: 100000\r\n\r\n")
    found["slow head"] = lambda request, ended: _slowly(request, ended, OK + b"X-Slow: ")
    found["huge body"] = lambda request, ended: _without_end(request, ended, OK + JSON + b"Content-Length: %d\r\n\r\n" % MANY)
    found["endless body"] = lambda request, ended: _without_end(request, ended, OK + JSON + b"Connection: close\r\n\r\n")
    found["endless head"] = lambda request, ended: _without_end(request, ended, OK, b"X-Header: %s\r\n" % (b"x" * 1000))
    found["endless 100s"] = lambda request, ended: _without_end(request, ended, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    return found


KINDS = _kinds()
PROXY = plain(b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy"')


class Front:
    """Stands before a double and looks like it, but for its ``url``; use it as a context manager.

    :param double: one that has been started.
    :param kind: one of :data:`KINDS`, what happens to the chosen requests.
    :param path: the end of the paths of the chosen requests; ``None`` for all of them.
    :param method: their method; ``None`` for any.
    :param applies: whether the double carries the request out before its answer is replaced.
    """

    def __init__(self, double: object, kind: str, path: str | None = None, method: str | None = None, applies: bool = False) -> None:
        self._double, self._answer = double, KINDS[kind]
        self._path, self._method, self._applies = path, method, applies
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.is_hostile = True
        self.fired = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._double, name)

    def __enter__(self) -> Front:
        self._threads.append(threading.Thread(target=self._serve, name="front", daemon=True))
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in list(self._threads):
            thread.join(10)

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._handle, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _handle(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError):
            client.settimeout(60)
            request = _read_request(client)
            if request is None:
                return
            wanted = self.is_hostile and (self._path is None or request.path.decode().endswith(self._path))
            if not (wanted and self._method in (None, request.method.decode())):
                client.sendall(self._pass_on(request))
                return
            self.fired += 1
            if self._applies:
                self._pass_on(request)
            self._answer(request, self._ended)

    def _pass_on(self, request: Request) -> bytes:
        """The double's answer, with this front's address in the place of its own."""
        lines = [line for line in request.head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"accept-encoding:"))]
        head = b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])
        host, _colon, port = self._double.url.rpartition("/")[2].partition(":")
        with socket.create_connection((host, int(port)), timeout=60) as there:
            there.sendall(head + b"\r\n\r\n" + request.body)
            parts = []
            while part := there.recv(1 << 16):
                parts.append(part)
        head, _blank, body = b"".join(parts).partition(b"\r\n\r\n")
        body = body.replace(self._double.url.encode(), self.url.encode())
        kept = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length:", b"connection:"))]
        return b"\r\n".join([*kept, b"Content-Length: %d" % len(body), b"Connection: close", b"", body])


def _read_request(client: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(1 << 16)
        if not part:
            return None
        data += part
    head, _blank, body = data.partition(b"\r\n\r\n")
    length = next((int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        part = client.recv(1 << 16)
        if not part:
            return None
        body += part
    return Request(client, head, body)
