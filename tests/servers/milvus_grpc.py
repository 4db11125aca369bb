# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Milvus' own protocol, just the calls about users.

The few messages are written by hand: they hold nothing but strings, numbers and messages of those, and compiled
protobuf files would pin a protobuf release on everyone who runs the tests.
"""

from __future__ import annotations

import base64
import typing as t

import grpc

SERVICE = "/milvus.proto.milvus.MilvusService/"

#: Longer than a healthy server ever takes, shorter than the wait of a test for its job.
DEADLINE_S = 30.0

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Refused(Exception):
    """The server answered the call, and the answer was no."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(fields: t.Mapping[int, str | bytes | int]) -> bytes:
    """Write a message: field number to text, to an encoded message, or to a number."""
    out = bytearray()
    for number, value in fields.items():
        if isinstance(value, int):
            out += _varint(number << 3 | _VARINT) + _varint(value)
            continue
        raw = value.encode("utf-8") if isinstance(value, str) else value
        out += _varint(number << 3 | _BYTES) + _varint(len(raw)) + raw
    return bytes(out)


def decode(raw: bytes) -> dict[int, list[t.Any]]:
    """Read a message: field number to all its values, in the order in which they came."""
    fields: dict[int, list[t.Any]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        number = shift = 0
        while True:
            byte = raw[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    while at < len(raw):
        number, wire = divmod(varint(), 8)
        value: t.Any
        if wire == _VARINT:
            value = varint()
        elif wire in (_BYTES, _FIXED64, _FIXED32):
            size = {_FIXED64: 8, _FIXED32: 4}.get(wire) or 0
            if wire == _BYTES:
                size = varint()
            value = raw[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire} is not one that Milvus sends")
        fields.setdefault(number, []).append(value)
    return fields


class UserCalls:
    """The calls about users of one server. Every call takes its own credential: `name:password` as bytes, or None."""

    def __init__(self, port: int, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        # A proxy of the environment is for the tests' own clients: nothing here ever leaves the machine.
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)])

    def close(self) -> None:
        self._channel.close()

    def create(self, credential: bytes | None, name: str, password: str) -> None:
        self._status(self._call("CreateCredential", credential, {2: name, 3: _transported(password)}))

    def update(self, credential: bytes | None, name: str, old_password: str, new_password: str) -> None:
        self._status(self._call("UpdateCredential", credential, {2: name, 3: _transported(old_password), 4: _transported(new_password)}))

    def drop(self, credential: bytes | None, name: str) -> None:
        self._status(self._call("DeleteCredential", credential, {2: name}))

    def list(self, credential: bytes | None) -> list[str]:
        answer = self._call("ListCredUsers", credential, {})
        self._status(_message(answer, 1))
        return [_text(name) for name in answer.get(2, [])]

    def roles(self, credential: bytes | None, name: str) -> list[str]:
        """The roles of a user; none for a user that does not exist, as the server answers both alike."""
        answer = self._call("SelectUser", credential, {2: encode({1: name}), 3: 1})
        self._status(_message(answer, 1))
        results = [decode(result) for result in answer.get(2, [])]
        return [_text(decode(role).get(1, [b""])[0]) for result in results if _text(_message(result, 1).get(1, [b""])[0]) == name for role in result.get(2, [])]

    def _call(self, method: str, credential: bytes | None, request: t.Mapping[int, str | bytes | int]) -> dict[int, list[t.Any]]:
        metadata = [] if credential is None else [("authorization", base64.b64encode(credential).decode("ascii"))]
        call = self._channel.unary_unary(SERVICE + method, request_serializer=encode, response_deserializer=decode)
        return call(request, metadata=metadata, timeout=self._deadline_s)

    @staticmethod
    def _status(status: dict[int, list[t.Any]]) -> None:
        """A status holds the old error code (1), a text (2) and the code that the REST interface shows (3)."""
        old_code = status.get(1, [0])[0] or 0
        code = status.get(3, [0])[0]
        if old_code or code:
            raise Refused(code, _text(status.get(2, [b""])[0]))


def _transported(password: str) -> str:
    # Not a protection, just how the protocol wants passwords.
    return base64.b64encode(password.encode("utf-8")).decode("ascii")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _message(fields: dict[int, list[t.Any]], number: int) -> dict[int, list[t.Any]]:
    return decode(fields.get(number, [b""])[0])
