# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all doubles share: keeping users, recording requests, refusing writes, playing faults, starting and stopping.

A vendor is a subclass of :class:`Double` with its routes and a few hooks. A handler is a plain method that gets the
:class:`~tests.doubles.received.Received` and the parameters in the path, and returns a Starlette response; every change of state goes through
:meth:`Double.commit`, so that a fault can suppress or postpone it.
"""

from __future__ import annotations

import asyncio
import collections
import threading

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Match, Route

from tests.doubles import control
from tests.doubles.faults import CutResponse, Fault
from tests.doubles.received import Connection, Received, SecretDict
from tests.doubles.server import LoopbackServer


class Double:
    """A vendor's service that lives in a thread of this process; use it as a context manager.

    :param users: names to passwords.
    :param port: the TCP port on the loopback interface; 0 takes a free one.
    :param tls: ``(certificate file, key file)`` in PEM, for HTTPS.
    :param client_ca: a PEM file; if given, clients must show a certificate of this authority.
    :param latency: seconds that every request takes.
    :param read_only: refuse every write with HTTP 500 and note it in ``refused_writes``.
    """

    vendor = "none"

    def __init__(self, users=None, *, port=0, tls=None, client_ca=None, latency=0.0, read_only=False):
        self.users = SecretDict(users or {})
        self.latency = latency
        self.read_only = read_only
        self.lock = threading.RLock()
        self.reset()
        self._routes = [(Route(path, lambda request: None, methods=[method]), handler) for method, path, handler in self.routes()]
        self._server = LoopbackServer(self._application, port, tls, client_ca)
        self._loop = None

    def __repr__(self):
        return "<%s at %s: %d users, %d requests, %d writes>" % (type(self).__name__, self.url, len(self.users), len(self.requests), self.writes)

    # What a vendor says about itself.

    def routes(self):
        """A list of ``(method, path, handler)``; ``{name}`` in the path becomes a parameter of the handler."""
        return []

    def is_write(self, received):
        """Whether a request would change something at the vendor; logging in does not."""
        raise NotImplementedError

    def inspect(self, received):
        """Fill in ``login``, ``user`` and ``secrets`` of a request, without deciding anything."""

    def authenticate(self, received):
        """Set ``authenticated_as`` and return ``None``, or return the refusal."""

    def error(self, status, message):
        """An error in the vendor's form."""
        return JSONResponse({"message": message}, status)

    def not_found(self, received):
        """The answer to a path that the vendor does not have."""
        return PlainTextResponse("404 page not found", 404)

    def set_user(self, name, password):
        """Create a user or set its password, past all rules of the vendor."""
        with self.lock:
            self.users[name] = password

    def remove_user(self, name):
        """Remove a user, past all rules of the vendor."""
        with self.lock:
            self.users.pop(name, None)

    def can_log_in(self, name, password):
        """Whether the vendor takes this password; it costs the user nothing."""
        with self.lock:
            return name in self.users and self.users[name] == password

    # What a vendor's handlers call.

    def commit(self, received, change):
        """Make a change of state, or postpone or suppress it as the fault at work wants; all writes go this way.

        :param received: the request that asks for it.
        :param change: makes the change; takes nothing.
        """
        if received.applies == "now":
            self._apply(change)
        elif received.applies == "later":
            with self.lock:
                self._postponed.append(change)
            if received.delay is not None:
                self._loop.call_later(received.delay, self._apply_postponed, change)

    def login_failed(self, name):
        """Count a refused login."""
        self.failed_logins[name] += 1

    def _apply(self, change):
        with self.lock:
            change()
            self.writes += 1

    def _apply_postponed(self, change):
        with self.lock:
            if change in self._postponed:
                self._postponed.remove(change)
                self._apply(change)

    # What a test calls.

    @property
    def url(self):
        """The address without a slash at its end; ``None`` before the start."""
        return self._server.url

    @property
    def pending(self):
        """How many postponed writes have not been applied yet."""
        return len(self._postponed)

    def settle(self):
        """Apply all postponed writes now, in their order."""
        with self.lock:
            for change in list(self._postponed):
                self._apply_postponed(change)

    def inject(self, kind, **options):
        """Order a fault; the options are those of :class:`tests.doubles.faults.Fault`, which it returns.

        :raises ValueError: an unknown kind or value.
        :raises TypeError: an unknown option.
        """
        fault = Fault(kind, **options)
        with self.lock:
            self.faults.append(fault)
        return fault

    def clear_faults(self):
        """Forget all faults and release what they hold."""
        with self.lock:
            for fault in self.faults:
                fault.times = 0
                fault.release()
            self.faults.clear()

    def reset(self):
        """Forget requests, counters, faults and postponed writes; users stay."""
        with self.lock:
            if hasattr(self, "faults"):
                self.clear_faults()
            self.requests, self.refused_writes, self.faults, self.errors, self._postponed = [], [], [], [], []
            self.failed_logins = collections.Counter()
            self.writes = self.in_flight = self.most_in_flight = 0

    def calls(self, path=None, user=None):
        """The recorded requests whose path ends with ``path`` and that concern ``user``."""
        return [one for one in list(self.requests) if (path is None or one.path.endswith(path)) and user in (None, one.user)]

    def summary(self):
        """The state without any secret."""
        with self.lock:
            return {
                "vendor": self.vendor,
                "users": sorted(self.users),
                "writes": self.writes,
                "pending": self.pending,
                "read_only": self.read_only,
                "failed_logins": dict(self.failed_logins),
                "requests": [one.summary() for one in self.requests],
                "refused_writes": [one.summary() for one in self.refused_writes],
                "errors": [type(one).__name__ for one in self.errors],
            }

    def start(self):
        """Start; see :meth:`tests.doubles.server.LoopbackServer.start` for its errors."""
        self._server.start()
        return self

    def stop(self):
        """Stop within seconds, whatever hangs.

        :raises RuntimeError: it did not.
        """
        self._server.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        self.stop()
        # A defect of the double must not pass for a server error of the vendor.
        if self.errors and error is None:
            raise RuntimeError("the double failed itself") from self.errors[0]

    # Serving.

    async def _application(self, scope, receive, send):
        self._loop = asyncio.get_running_loop()
        connection = Connection(receive)
        body = await connection.read()
        if body is None:
            return
        received = Received(scope["method"], scope["path"], Headers(scope=scope), scope["client"][1], query=scope["query_string"], body=body)
        if control.concerns(received):
            response = control.answer(self, received)
        else:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            try:
                response = await self._serve(received, connection)
            finally:
                self.in_flight -= 1
        if response is None:
            return
        # Noted before it is sent, so that a client that has its answer finds the note.
        received.status = response.status_code
        await response(scope, receive, send)
        if isinstance(response, CutResponse):
            connection.close()
            await connection.gone()

    async def _serve(self, received, connection):
        with self.lock:
            self._guarded(self.inspect, received)
            received.write = self.is_write(received)
            self.requests.append(received)
            fault = None
            if received.write and self.read_only:
                self.refused_writes.append(received)
                return self.error(500, "the double is read-only")
            fault = next((one for one in self.faults if one.take(received)), None)
        if self.latency:
            await asyncio.sleep(self.latency)
        if fault is None:
            return self._respond(received)
        return await fault.play(received, self._respond, self.error, connection)

    def _respond(self, received):
        with self.lock:
            return self._guarded(self.authenticate, received) or self._guarded(self._route, received)

    def _route(self, received):
        scope = {"type": "http", "method": received.method, "path": received.path, "root_path": "", "headers": []}
        for route, handler in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                return handler(received, **child["path_params"])
        return self.not_found(received)

    def _guarded(self, step, received):
        try:
            return step(received)
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)
            return PlainTextResponse("defect of the double: %s" % type(error).__name__, 500)
