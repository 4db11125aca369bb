# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bounds below the HTTP client: until when a request may take, how much may come in, and whether any of it was sent.

The time-outs of requests and urllib3 hold for each piece: a server that sends a byte a second keeps them going for ever. Here each piece gets the time that
is left of the whole request, through every phase: connecting, a proxy's answer, sending, headers, body.
"""

from __future__ import annotations

import io
import ssl
import threading
import time
import zlib
from typing import Any, Optional

_AROUND = 8 * 2**20  # bytes that headers and framing may take beside the body
# What zlib calls the two formats.
_GZIP, _ZLIB, _DEFLATE = 31, 15, -15


class DeadlinePassed(TimeoutError):
    """The request as a whole has taken too long."""


class TooLarge(Exception):
    """More came in than was allowed."""


class Unreadable(Exception):
    """The body cannot be decompressed; the text says why, as the end of the sentence "the answer ..."."""


class _Request(threading.local):
    """What holds for the request that this thread is making."""

    piece = 30.0  # seconds to wait for each piece
    end = float("inf")  # when all must be over
    room = 0  # bytes that may still come in
    # Whether some of the request itself may have reached the server: no handshake, and no word to a proxy. None: it came to no connection.
    sent: Optional[bool] = None
    _tail: Optional[bytes] = b""  # what has come of the head of an answer; None: its end has come

    def begin(self, piece: float, seconds: float, limit: int) -> None:
        """A request begins.

        :param piece: seconds to wait for each piece.
        :param seconds: the time for all of it.
        :param limit: bytes that its answer may have.
        """
        self.piece, self.end, self.room, self.sent = piece, time.monotonic() + seconds, limit + _AROUND, None
        self._tail = b""

    def connected(self) -> None:
        """There is a connection; what was said on the way to it (to a proxy, for TLS) is none of the request."""
        self.sent, self._tail = False, b""

    def time_left(self) -> float:
        """Seconds to wait for the next piece.

        :raises DeadlinePassed: none is left.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise DeadlinePassed
        return min(self.piece, left)

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        # A socket may wake up a moment too early.
        return self.end - time.monotonic() < 0.001

    def take(self, data: bytes) -> None:
        """Bytes have come in; none is the end of the connection.

        :raises TooLarge: more than were allowed.
        :raises ConnectionAbortedError: the connection has ended within the head of the answer. http.client would take what came of it for all.
        """
        self.room -= len(data)
        if self.room < 0:
            raise TooLarge
        if self._tail == b"" and data and not b"HTTP/".startswith(data[:5]):
            # http.client tells that better.
            self._tail = None
        if self._tail is None:
            return
        if not data and self._tail:
            raise ConnectionAbortedError
        tail = self._tail + data
        self._tail = None if b"\n\r\n" in tail or b"\n\n" in tail else tail[-3:]


UNDER_WAY = _Request()


class _Reader(io.RawIOBase):
    """Reads from a socket within the bounds of the request under way."""

    def __init__(self, raw: Any, sock: Any) -> None:
        super().__init__()
        self._raw, self._sock = raw, sock

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        """Read what is there."""
        self._sock.settimeout(UNDER_WAY.time_left())
        number: Optional[int] = self._raw.readinto(buffer)
        UNDER_WAY.take(bytes(buffer[: number or 0]))
        return number

    def close(self) -> None:
        """Let go of the socket."""
        if not self.closed:
            self._raw.close()
        super().close()


class BoundedSocket:
    """A socket, plain or of TLS, that keeps to the bounds of the request under way; whatever else it can do is left to the socket itself."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: Any, *flags: int) -> None:
        """Send all."""
        self._sock.settimeout(UNDER_WAY.time_left())
        UNDER_WAY.sent = True
        try:
            self._sock.sendall(data, *flags)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            if isinstance(self._sock, ssl.SSLSocket):
                self._raise_alert()
            raise

    def _raise_alert(self) -> None:
        """A server of TLS 1.3 that refuses the client's certificate says so when we are sending already: the reason lies unread in the socket."""
        self._sock.settimeout(min(UNDER_WAY.time_left(), 1.0))
        try:
            self._sock.recv(1)
        except ssl.SSLEOFError:
            return
        except ssl.SSLError:
            raise
        except OSError:
            return

    def makefile(self, *_args: Any, **_options: Any) -> io.BufferedReader:
        """A file to read from, as http.client wants it."""
        return io.BufferedReader(_Reader(self._sock.makefile("rb", buffering=0), self._sock))


def decompressed(body: bytes, encodings: str, limit: int) -> bytes:
    """The body of an answer, decompressed.

    :param encodings: the header Content-Encoding.
    :param limit: bytes that it may have then.
    :raises TooLarge: it has more.
    :raises Unreadable: it cannot be decompressed.
    """
    names = [name.strip().lower() for name in encodings.split(",")]
    for name in reversed([name for name in names if name not in ("", "identity")]):
        if body:
            body = _decompressed(body, name, limit)
    return body


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unreadable("is compressed in a way that was not asked for")
    # Strictly, deflate is the format of zlib, but some servers send it bare.
    formats = (_ZLIB, _DEFLATE) if encoding == "deflate" else (_GZIP,)
    for number, wbits in enumerate(formats, 1):
        try:
            return _unfolded(body, wbits, limit)
        except zlib.error:
            if number == len(formats):
                raise Unreadable("cannot be decompressed") from None
    raise AssertionError("unreachable")


def _unfolded(body: bytes, wbits: int, limit: int) -> bytes:
    parts, room = [], limit
    while body:
        unpacker = zlib.decompressobj(wbits)
        part = unpacker.decompress(body, room + 1)
        room -= len(part)
        if room < 0:
            raise TooLarge
        if not unpacker.eof:
            raise zlib.error("cut off")
        parts.append(part)
        # A file of gzip may have several members; zeros may fill it up.
        body = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts)
