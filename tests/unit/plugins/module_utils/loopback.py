# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on the loopback interface that answers exactly what a test wrote down, and notes what arrived."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field


@dataclass
class Answer:
    """One HTTP answer; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: dict = field(default_factory=dict)

    def play(self, handler):
        """Send it."""
        raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        handler.send_response(self.status)
        for name, value in {"Content-Length": len(raw), **self.headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(raw)


class Reset:
    """The connection is reset instead of an answer."""

    def play(self, handler):
        """Close so that the other side gets a reset."""
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        handler.connection.close()


class Cut(Answer):
    """Half an answer, then the connection ends."""

    def play(self, handler):
        """Promise more than is sent."""
        handler.send_response(self.status)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True


class Hang:
    """No answer at all, until the server stops."""

    def play(self, handler):
        """Wait for the end."""
        handler.close_connection = True
        handler.server.stopped.wait(30)


@dataclass
class Arrived:
    """A request as it came in."""

    method: str
    path: str
    headers: dict
    body: bytes
    connection: tuple


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two small packets, which Nagle's algorithm would hold back.
    disable_nagle_algorithm = True

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.loopback.take(Arrived(self.command, self.path, headers, body, self.client_address)).play(self)

    do_GET = do_POST = do_PUT = do_CONNECT = _serve

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Nothing: the notes are in the list of requests."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    tls = None

    def get_request(self):
        sock, address = super().get_request()
        self.loopback.connections.append((sock, address))
        if self.tls:
            # The handshake is done by the thread of the connection, at its first reading.
            sock = self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, request, client_address):
        """A client that goes away, or a handshake that fails, is what the test wants."""


class Loopback:
    """The server; use it as a context manager.

    :param answers: what to play, one a request; the last one again for all further requests.
    :param port: the TCP port; 0 takes a free one.
    :param tls: ``(certificate file, key file)`` in PEM.
    :param client_ca: a PEM file; clients must show a certificate of this authority.
    """

    def __init__(self, *answers, port=0, tls=None, client_ca=None):
        self._answers = list(answers) or [Answer()]
        self._lock = threading.Lock()
        self.requests = []
        self.connections = []
        self._server = _Server(("127.0.0.1", port), _Handler, bind_and_activate=True)
        self._server.loopback = self
        self._server.stopped = threading.Event()
        if tls:
            self._server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._server.tls.load_cert_chain(*tls)
            if client_ca:
                self._server.tls.verify_mode = ssl.CERT_REQUIRED
                self._server.tls.load_verify_locations(client_ca)
        self.port = self._server.server_address[1]
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.port)

    def take(self, arrived):
        """Note a request; what to answer it."""
        with self._lock:
            self.requests.append(arrived)
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self._server.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        for sock, _address in self.connections:
            # Those inside TLS have been detached from this socket, or are closed already.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def closed_port():
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def deaf_port():
    """A port on which connections are neither accepted nor refused: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _number in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
