# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one ASGI application with uvicorn in a thread of this process, on a free port of the loopback interface."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading

import uvicorn


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handling and its waits, so that a double starts and stops within milliseconds."""

    def __init__(self, config, on_start):
        super().__init__(config)
        self._on_start = on_start
        self._leave = None
        self._loop = None

    async def main_loop(self):
        self._loop = asyncio.get_running_loop()
        self._leave = asyncio.Event()
        self._on_start.set()
        await self._leave.wait()

    def leave(self):
        """Ask the server to end; may be called from any thread once it has started."""
        self._loop.call_soon_threadsafe(self._leave.set)

    async def shutdown(self, sockets=None):
        # A request that hangs on purpose never ends by itself: its connection is cut, which is what its handler waits for.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = set(self.server_state.tasks)
        if tasks:
            _done, late = await asyncio.wait(tasks, timeout=2)
            for task in late:
                task.cancel()


class LoopbackServer:
    """A server in a thread.

    :param app: the ASGI application.
    :param port: the TCP port; 0 takes a free one.
    :param tls: ``None`` for plain HTTP, else ``(certificate file, key file)`` in PEM.
    :param client_ca: a PEM file; if given, a client must show a certificate of this authority.
    """

    def __init__(self, app, port=0, tls=None, client_ca=None):
        self._app = app
        self._port = port
        self._tls = tls
        self._client_ca = client_ca
        self._server = None
        self._thread = None
        self.url = None

    def start(self, timeout=10.0):
        """Listen, and return when connections are accepted.

        :param timeout: the longest wait in seconds.
        :raises OSError: the port is taken.
        :raises RuntimeError: the server did not come up in time, or its TLS files cannot be used.
        """
        options = {}
        if self._tls:
            options = {"ssl_certfile": str(self._tls[0]), "ssl_keyfile": str(self._tls[1])}
            if self._client_ca:
                options.update(ssl_ca_certs=str(self._client_ca), ssl_cert_reqs=ssl.CERT_REQUIRED)
        # h11 is named because the faults that cut a connection reach for its transport.
        config = uvicorn.Config(
            self._app,
            http="h11",
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=60,
            **options,
        )
        config.load()
        # With the protocol named, asyncio sends small answers at once, which is worth 40 ms a request.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", self._port))
        except OSError:
            sock.close()
            raise
        started = threading.Event()
        self._server = _Uvicorn(config, started)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [sock]}, name="double", daemon=True)
        self._thread.start()
        if not started.wait(timeout):
            raise RuntimeError("the double did not start within %s s" % timeout)
        self.url = "%s://127.0.0.1:%d" % ("https" if self._tls else "http", sock.getsockname()[1])

    def stop(self, timeout=5.0):
        """Stop listening, cut all connections and end the thread.

        :param timeout: the longest wait in seconds.
        :raises RuntimeError: the thread did not end in time.
        """
        if self._thread is None:
            return
        self._server.leave()
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise RuntimeError("the double did not stop within %s s" % timeout)
        self._thread = None
