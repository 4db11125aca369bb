# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on command: what a double does to chosen requests instead of just answering them.

A fault joins two independent choices. ``kind`` is what the client sees; ``applies`` is what happens to the write:

=================  =====================================================================================================
``hang``           no answer; ends when the client goes away
``drop``           the connection is cut without an answer
``cut``            half of the real answer, then the connection ends
``answer``         the given ``status``, ``headers`` and ``body`` (``dict`` or ``list``: JSON, ``str``: text)
``raw``            exactly these bytes (``body``), then the connection ends: an answer that is broken as HTTP
``drip``           the beginning of an answer, and then a byte again and again, until the client goes away
``html``           an HTML page, as a proxy in between would send it (``status``, default 502)
``truncated``      the first half of the real JSON, as a complete answer
``wrong_types``    the real JSON with every value of another type; ``top`` makes the whole answer ``list``, ``null`` or ``string``
``texts``          the real JSON with ``body`` behind every text in it
``echo``           an error that repeats the secrets of the request; ``form`` is ``plain``, ``json``, ``repr`` or ``url``;
                   ``text`` sends it as bare text instead of the vendor's JSON
``real``           the real answer (with ``applies="later"``: success now, effect afterwards)
``gate``           the real answer, but the request is held until ``release()``, ``hold="before"`` or ``"after"`` the write
=================  =====================================================================================================

``applies``: ``never``, ``now``, or ``later`` (after ``delay`` seconds, or at ``Double.settle()`` where no delay is given).
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from email.utils import formatdate

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

APPLIES = {
    "hang": "never",
    "drop": "never",
    "raw": "never",
    "drip": "never",
    "answer": "never",
    "html": "never",
    "echo": "never",
    "cut": "now",
    "truncated": "now",
    "wrong_types": "now",
    "texts": "now",
    "real": "now",
    "gate": "now",
}
ECHO_FORMS = {
    "plain": lambda secret: secret,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "repr": lambda secret: repr(secret)[1:-1],
    "url": lambda secret: urllib.parse.quote(secret, safe=""),
}
_NEEDS_REAL_ANSWER = ("cut", "truncated", "wrong_types", "texts", "real", "gate")


def http_date(seconds=0.0):
    """The HTTP date that lies ``seconds`` from now, for a ``Retry-After`` header."""
    return formatdate(time.time() + seconds, usegmt=True)


@dataclass
class Fault:
    """One injected fault, and the handle with which a test waits for it.

    ``path`` is the end of the paths concerned, ``method`` and ``user`` narrow it; the first ``skip`` matching requests are
    served normally, then ``times`` of them get the fault (``None``: all).
    ``arrived`` is set when a request has reached the point of the fault: before the write where ``hold="before"``, else
    behind it. ``left`` is set when the client of a held or hanging request has gone away without an answer.
    ``requests`` holds the requests that got the fault.
    """

    kind: str
    path: str | None = None
    method: str | None = None
    user: str | None = None
    times: int | None = 1
    skip: int = 0
    applies: str | None = None
    delay: float | None = None
    hold: str | None = None
    status: int | None = None
    headers: dict = field(default_factory=dict, repr=False)
    body: object = field(default=None, repr=False)
    form: str = "plain"
    text: bool = False
    top: str | None = None

    def __post_init__(self):
        if self.kind not in APPLIES:
            raise ValueError("unknown kind of fault: %s" % self.kind)
        self.applies = self.applies or APPLIES[self.kind]
        if self.kind == "gate":
            self.hold = self.hold or "before"
        if (
            self.applies not in ("never", "now", "later")
            or self.hold not in (None, "before", "after")
            or self.form not in ECHO_FORMS
            or self.top not in (None, "list", "null", "string")
        ):
            raise ValueError("a fault has an unknown value for applies, hold, form or top")
        self.requests = []
        self.arrived = threading.Event()
        self.left = threading.Event()
        self._lock = threading.Lock()
        self._released = False
        self._held = []

    @property
    def fired(self):
        """How many requests got this fault."""
        return len(self.requests)

    def release(self):
        """Let held requests go on, now and from now on."""
        with self._lock:
            self._released = True
            for loop, event in self._held:
                loop.call_soon_threadsafe(event.set)

    def take(self, received):
        """Whether this request gets the fault; counts it if so."""
        wanted = (self.path is None or received.path.endswith(self.path)) and self.method in (None, received.method) and self.user in (None, received.user)
        if not wanted or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def _arrive(self, received):
        self.requests.append(received)
        self.arrived.set()

    async def _wait_release(self, connection):
        event = asyncio.Event()
        entry = (asyncio.get_running_loop(), event)
        with self._lock:
            if self._released:
                return True
            self._held.append(entry)
        try:
            still_there = await connection.gone_before(event)
        finally:
            with self._lock:
                self._held.remove(entry)
        if not still_there:
            self.left.set()
        return still_there

    async def play(self, received, respond, vendor_error, connection):
        """Do to one request what this fault says.

        :param received: the request; its ``applies`` and ``delay`` are set for the write that it asks for.
        :param respond: makes the real answer, and with it the write.
        :param vendor_error: ``(status, message)`` to an answer in the vendor's own form.
        :param connection: the client's connection.
        :returns: the answer to send, or ``None`` if there is none to send.
        """
        received.fault = self.kind
        received.applies, received.delay = self.applies, self.delay
        if self.hold == "before":
            self._arrive(received)
            if not await self._wait_release(connection):
                return None
        real = None
        if self.applies != "never" or self.kind in _NEEDS_REAL_ANSWER:
            real = respond(received)
        if self.hold != "before":
            self._arrive(received)
        if self.hold == "after" and not await self._wait_release(connection):
            return None
        if self.kind == "hang":
            await connection.gone()
            self.left.set()
            return None
        if self.kind == "drop":
            await connection.abort()
            return None
        if self.kind == "raw":
            connection.write(self.body if isinstance(self.body, bytes) else str(self.body or "").encode("latin-1"))
            connection.close()
            await connection.gone()
            return None
        if self.kind == "drip":
            await connection.drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n", b" ")
            self.left.set()
            return None
        return self._answer(received, real, vendor_error)

    def _answer(self, received, real, vendor_error):
        if self.kind == "answer":
            status = self.status or 500
            if isinstance(self.body, (dict, list)):
                return JSONResponse(self.body, status, headers=self.headers)
            return PlainTextResponse(self.body or "", status, headers=self.headers)
        if self.kind == "html":
            return HTMLResponse(
                "<html><head><title>Bad Gateway</title></head><body>The upstream sent no answer.</body></html>", self.status or 502, headers=self.headers
            )
        if self.kind == "echo":
            message = "rejected: " + " ".join(ECHO_FORMS[self.form](secret) for secret in received.secrets)
            if self.text:
                return PlainTextResponse(message, self.status or 500)
            return vendor_error(self.status or 500, message)
        if self.kind == "truncated":
            return Response(real.body[: len(real.body) // 2], real.status_code, media_type="application/json")
        if self.kind == "wrong_types":
            return JSONResponse({"list": [], "null": None, "string": "ok"}[self.top] if self.top else mistyped(json.loads(real.body)), real.status_code)
        if self.kind == "texts":
            # Not by JSONResponse, which cannot send half a surrogate pair.
            body = json.dumps(longer(json.loads(real.body), self.body)) if real.body.strip() else ""
            return Response(body, real.status_code, media_type="application/json")
        if self.kind == "cut":
            return CutResponse(real)
        return real


class CutResponse(Response):
    """The headers and the first half of another answer; who sends it closes the connection behind it."""

    def __init__(self, real):
        super().__init__(real.body, real.status_code, headers=dict(real.headers))

    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})


def longer(value: object, more: str) -> object:
    """The same with a further text behind every text."""
    if isinstance(value, dict):
        return {key: longer(inner, more) for key, inner in value.items()}
    if isinstance(value, list):
        return [longer(inner, more) for inner in value]
    return value + more if isinstance(value, str) else value


def mistyped(value):
    """The same outline with every value of another type than it should have."""
    if isinstance(value, dict):
        return {key: "object" if isinstance(inner, dict) else mistyped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return "list"
    if isinstance(value, str):
        return 7
    return [value]
