# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits below the HTTP client: the deadline of a request, the size of the response, and whether any of the request was sent.

The time-outs of requests and urllib3 apply to each read: a server that sends a byte per second keeps them waiting for ever. Here each read gets the time
left for the whole request, in every phase: connecting, a proxy's answer, sending, headers, body.
"""

from __future__ import annotations

import io
import ssl
import threading
import time
import zlib
from typing import Any, Optional

_AROUND = 8 * 2**20  # bytes allowed for headers and framing, in addition to the body
# The wbits of zlib for each format.
_GZIP, _ZLIB, _DEFLATE = 31, 15, -15


class DeadlinePassed(TimeoutError):
    """The request as a whole took too long."""


class TooLarge(Exception):
    """The response is larger than allowed."""


class Unreadable(Exception):
    """The body cannot be decompressed; the text says why, as the end of the sentence "the answer ..."."""


class _Request(threading.local):
    """The limits of the request that this thread is making."""

    piece = 30.0  # seconds to wait for each read
    end = float("inf")  # the deadline of the request
    room = 0  # bytes that may still arrive
    # Whether some of the request itself may have reached the server, not counting handshakes and proxies. None: no connection was made.
    sent: Optional[bool] = None
    _tail: Optional[bytes] = b""  # the last bytes of the headers so far; None: they are complete

    def begin(self, piece: float, seconds: float, limit: int) -> None:
        """Begin a request.

        :param piece: seconds to wait for each read.
        :param seconds: seconds for the whole request.
        :param limit: maximum size of the response in bytes.
        """
        self.piece, self.end, self.room, self.sent = piece, time.monotonic() + seconds, limit + _AROUND, None
        self._tail = b""

    def connected(self) -> None:
        """Note that there is a connection. What was sent to establish it (to a proxy, for TLS) is not part of the request."""
        self.sent, self._tail = False, b""

    def time_left(self) -> float:
        """Return the seconds to wait for the next read.

        :raises DeadlinePassed: no time is left.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise DeadlinePassed
        return min(self.piece, left)

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        # A socket may wake up slightly early.
        return self.end - time.monotonic() < 0.001

    def take(self, data: bytes) -> None:
        """Count bytes that have arrived; no bytes means the end of the connection.

        :raises TooLarge: more than allowed.
        :raises ConnectionAbortedError: the connection ended within the headers. http.client would take the incomplete headers for complete ones.
        """
        self.room -= len(data)
        if self.room < 0:
            raise TooLarge
        if self._tail == b"" and data and not b"HTTP/".startswith(data[:5]):
            # http.client reports this better.
            self._tail = None
        if self._tail is None:
            return
        if not data and self._tail:
            raise ConnectionAbortedError
        tail = self._tail + data
        self._tail = None if b"\n\r\n" in tail or b"\n\n" in tail else tail[-3:]


UNDER_WAY = _Request()


class _Reader(io.RawIOBase):
    """Reads from a socket within the limits of the current request."""

    def __init__(self, raw: Any, sock: Any) -> None:
        super().__init__()
        self._raw, self._sock = raw, sock

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        """Read what is available."""
        self._sock.settimeout(UNDER_WAY.time_left())
        number: Optional[int] = self._raw.readinto(buffer)
        UNDER_WAY.take(bytes(buffer[: number or 0]))
        return number

    def close(self) -> None:
        """Release the socket."""
        if not self.closed:
            self._raw.close()
        super().close()


class BoundedSocket:
    """A plain or TLS socket that keeps to the limits of the current request. Everything else is delegated to the socket."""

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
        """Raise the unread TLS alert, if any: a TLS 1.3 server refuses a client certificate only while we are already sending."""
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
        """Return a file to read from, as http.client requires."""
        return io.BufferedReader(_Reader(self._sock.makefile("rb", buffering=0), self._sock))


def decompressed(body: bytes, encodings: str, limit: int) -> bytes:
    """Return the decompressed body of an answer.

    :param encodings: the header Content-Encoding.
    :param limit: maximum size after decompression, in bytes.
    :raises TooLarge: it is larger.
    :raises Unreadable: it cannot be decompressed.
    """
    names = [name.strip().lower() for name in encodings.split(",")]
    for name in reversed([name for name in names if name not in ("", "identity")]):
        if body:
            body = _decompressed(body, name, limit)
    return body


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unreadable("uses a compression that was not requested")
    # By the standard, deflate means the zlib format, but some servers send it raw.
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
        # A gzip file may have several members and be padded with zeros.
        body = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts)
