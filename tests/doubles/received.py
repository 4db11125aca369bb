# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as a double received it, and the connection it came over."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers


class SecretDict(dict):
    """A mapping of names to passwords whose ``repr`` shows the names only."""

    def __repr__(self):
        return "<%d secrets of %s>" % (len(self), ", ".join(sorted(self)))


@dataclass
class Received:
    """One request as the double got it. ``repr`` shows no header value, no body and no secret."""

    method: str
    path: str
    headers: Headers = field(repr=False)
    connection: int
    at: float = field(default_factory=time.monotonic, repr=False)
    query: bytes = field(default=b"", repr=False)
    body: bytes = field(default=b"", repr=False)
    secrets: list = field(default_factory=list, repr=False)
    login: str | None = None
    authenticated_as: str | None = None
    user: str | None = None
    write: bool = False
    fault: str | None = None
    status: int | None = None
    applies: str = field(default="now", repr=False)
    delay: float | None = field(default=None, repr=False)

    @property
    def header_names(self):
        """The names of the headers, in lower case and sorted."""
        return sorted(set(self.headers))

    def json(self):
        """The body as JSON.

        :raises ValueError: it is not JSON.
        """
        return json.loads(self.body)

    def summary(self):
        """What may be shown to anyone."""
        return {
            "method": self.method,
            "path": self.path,
            "login": self.login,
            "authenticated_as": self.authenticated_as,
            "user": self.user,
            "write": self.write,
            "fault": self.fault,
            "status": self.status,
            "header_names": self.header_names,
        }


class Connection:
    """The client's side of one request."""

    def __init__(self, receive):
        self._receive = receive

    async def read(self):
        """The whole body; ``None`` if the client went away before its end."""
        parts = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                return b"".join(parts)

    async def gone(self):
        """Return when the client has gone, or the double stops."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def gone_before(self, event):
        """Wait for the event or the client's end; ``True`` if the client is still there."""
        gone, happened = asyncio.ensure_future(self.gone()), asyncio.ensure_future(event.wait())
        await asyncio.wait((gone, happened), return_when=asyncio.FIRST_COMPLETED)
        still_there = not gone.done()
        for task in (gone, happened):
            task.cancel()
        return still_there

    async def abort(self):
        """Cut the connection at once."""
        # ASGI has no call for it; uvicorn's h11 protocol keeps the transport beside the receive method.
        self._receive.__self__.transport.abort()
        await self.gone()

    def write(self, raw: bytes) -> None:
        """Send bytes past all that knows HTTP."""
        self._receive.__self__.transport.write(raw)

    async def drip(self, head: bytes, drop: bytes, pause: float = 0.02) -> None:
        """Send the head, and then the drop again and again, until the client has gone."""
        self.write(head)
        gone = asyncio.ensure_future(self.gone())
        while not gone.done():
            self.write(drop)
            await asyncio.wait((gone,), timeout=pause)

    def close(self):
        """End the connection behind what has been written already."""
        self._receive.__self__.transport.close()
