# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user operations of the RESTful API v2 before a real Milvus that is too old to have them.

Milvus 2.3.5 authenticates REST requests, but its routes end at v1. So every request is first shown to the server's own
REST interface, header for header: a 401 is passed on as it came, a 404 means that the credential is good and only the
route is missing. The operation itself is then one gRPC call with the same credential, which the server authenticates and
authorizes again. What is decided here is the shape of the JSON, nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import http.client
import json
import socket
import threading
import typing as t

import grpc
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.servers.milvus_grpc import DEADLINE_S, Refused, UserCalls

PREFIX = "/v2/vectordb/users/"

#: Operation -> the name that validation errors give the request, and its fields that must be there and not be empty.
OPERATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "create": ("PasswordReq", ("userName", "password")),
    "describe": ("UserReq", ("userName",)),
    "drop": ("UserReq", ("userName",)),
    "list": ("DatabaseReq", ()),
    "update_password": ("NewPasswordReq", ("userName", "password", "newPassword")),
}

UNKNOWN_ERROR = 65535
NOT_AUTHENTICATED = {"code": 1800, "message": "user hasn't authenticated"}
INCORRECT_FORMAT = (1801, "can only accept json format request")
MISSING_PARAMETERS = (1802, "missing required parameters")

_LIMIT_S = 10.0


class _Gone(Exception):
    """The server went away under the request, so there is nothing that could be answered."""


class _BadBody(Exception):
    def __init__(self, error: tuple[int, str], detail: str) -> None:
        super().__init__(detail)
        self.code, text = error
        self.message = f"{text}, {detail}"


class MilvusFront:
    """Serves on a loopback port of its own, which stays the same over stop and start."""

    def __init__(self, server_port: int, deadline_s: float = DEADLINE_S) -> None:
        self._server_port = server_port
        self._deadline_s = deadline_s
        self._calls: UserCalls | None = None
        self._uvicorn: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # Never listens, only keeps anyone else from getting the port while the front is stopped.
        self._holder = _bound_socket(0)
        self.port: int = self._holder.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])
        config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None, log_level="critical", access_log=False, server_header=False)
        self._calls = UserCalls(self._server_port, self._deadline_s)
        self._uvicorn = uvicorn.Server(config)
        listener = _bound_socket(self.port)
        listener.listen(128)
        running = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            running.set()
            await self._uvicorn.serve(sockets=[listener])

        # The socket listens already: a client that comes before uvicorn does just waits in its queue.
        self._thread = threading.Thread(target=asyncio.run, args=(serve(),), name="milvus-front", daemon=True)
        self._thread.start()
        if not running.wait(_LIMIT_S):
            raise RuntimeError(f"the Milvus front did not start within {_LIMIT_S:.0f} s")

    def stop(self) -> None:
        """Close everything at once, as the kernel does for a process that was killed: requests under way get no answer."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._close_all)
        # Ends the calls under way, which the thread would wait for.
        self._calls.close()
        self._thread.join(_LIMIT_S)
        if self._thread.is_alive():
            raise RuntimeError(f"the Milvus front did not stop within {_LIMIT_S:.0f} s")
        self._thread = None

    def close(self) -> None:
        self.stop()
        self._holder.close()

    def _close_all(self) -> None:
        # uvicorn would look at these flags in up to 100 ms only, and clients could still connect meanwhile.
        for server in getattr(self._uvicorn, "servers", ()):
            server.close()
        for connection in list(self._uvicorn.server_state.connections):
            connection.transport.abort()
        self._uvicorn.force_exit = True
        self._uvicorn.should_exit = True

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        try:
            return await run_in_threadpool(self._handle, request, body)
        except _Gone:
            return _NoAnswer(self._uvicorn)

    def _handle(self, request: Request, body: bytes) -> Response:
        authorization = next((value for name, value in request.scope["headers"] if name == b"authorization"), None)
        answer = self._ask_server(request, authorization)
        operation = request.url.path.removeprefix(PREFIX) if request.method == "POST" and request.url.path.startswith(PREFIX) else None
        if answer.status_code != 404 or operation not in OPERATIONS:
            return answer
        try:
            code, content = 200, self._operate(operation, _read_body(operation, body), _credential(authorization))
        except _BadBody as error:
            code, content = 200, {"code": error.code, "message": error.message}
        except Refused as error:
            code, content = 200, {"code": error.code or UNKNOWN_ERROR, "message": error.reason}
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise _Gone from error
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return Response("timeout", status_code=408, media_type="text/plain")
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                code, content = 401, NOT_AUTHENTICATED
            else:
                code = 403 if error.code() is grpc.StatusCode.PERMISSION_DENIED else 200
                content = {"code": UNKNOWN_ERROR, "message": f"rpc error: code = {_go_name(error.code())} desc = {error.details()}"}
        headers = {"WWW-Authenticate": answer.headers["www-authenticate"]} if "www-authenticate" in answer.headers else None
        return Response(json.dumps(content, ensure_ascii=False, separators=(",", ":")), status_code=code, headers=headers, media_type="application/json")

    def _ask_server(self, request: Request, authorization: bytes | None) -> Response:
        """Let the server authenticate the request. No body: the server never reads one on a route that it does not have."""
        connection = http.client.HTTPConnection("127.0.0.1", self._server_port, timeout=self._deadline_s)
        target = b"?".join(filter(None, (request.scope["raw_path"], request.scope["query_string"]))).decode("ascii")
        try:
            connection.putrequest(request.method, target, skip_accept_encoding=True)
            if authorization is not None:
                connection.putheader("Authorization", authorization)
            connection.putheader("Content-Length", "0")
            connection.endheaders()
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() in ("content-type", "www-authenticate")}
            return Response(answer.read(), status_code=answer.status, headers=headers)
        except (OSError, http.client.HTTPException) as error:
            raise _Gone from error
        finally:
            connection.close()

    def _operate(self, operation: str, fields: dict[str, str], credential: bytes | None) -> dict[str, t.Any]:
        data: t.Any = {}
        if operation == "create":
            self._calls.create(credential, fields["userName"], fields["password"])
        elif operation == "drop":
            self._calls.drop(credential, fields["userName"])
        elif operation == "update_password":
            self._calls.update(credential, fields["userName"], fields["password"], fields["newPassword"])
        elif operation == "describe":
            data = self._calls.roles(credential, fields["userName"])
        else:
            data = self._calls.list(credential)
        return {"code": 0, "data": data}


class _NoAnswer(Response):
    """Drops the connection instead of answering."""

    def __init__(self, server: uvicorn.Server) -> None:
        super().__init__()
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for connection in list(self._server.server_state.connections):
            if connection.client == scope["client"]:
                connection.transport.abort()
        # uvicorn would make a 500 out of silence, unless it has seen the end of the connection before.
        while (await receive())["type"] != "http.disconnect":
            pass


def _bound_socket(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # SO_REUSEPORT lets holder and listener share the port; only a socket that listens gets connections.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _credential(authorization: bytes | None) -> bytes | None:
    """What the server's REST interface understood: HTTP Basic, or `name:password` with or without `Bearer ` before it."""
    if authorization is None:
        return None
    if authorization[:6].lower() == b"basic ":
        try:
            decoded = base64.b64decode(authorization[6:], validate=True)
        except binascii.Error:
            decoded = b""
        if b":" in decoded:
            return decoded
    return authorization.removeprefix(b"Bearer ")


def _read_body(operation: str, body: bytes) -> dict[str, str]:
    type_name, required = OPERATIONS[operation]
    if not body:
        raise _BadBody(INCORRECT_FORMAT, "the request body should be nil, however {} is valid")
    try:
        request = json.loads(body.decode("utf-8", "replace"))
    except ValueError as error:
        raise _BadBody(INCORRECT_FORMAT, "error: invalid character in the request body") from error
    if not isinstance(request, dict):
        raise _BadBody(INCORRECT_FORMAT, f"error: json: cannot unmarshal {_go_kind(request)} into Go value of type httpserver.{type_name}")
    fields: dict[str, str] = {}
    missing: list[str] = []
    for name in required:
        value = request.get(name)
        if value is not None and not isinstance(value, str):
            raise _BadBody(INCORRECT_FORMAT, f"error: json: cannot unmarshal {_go_kind(value)} into Go struct field {type_name}.{name} of type string")
        if not value:
            go_field = name[0].upper() + name[1:]
            missing.append(f"Key: '{type_name}.{go_field}' Error:Field validation for '{go_field}' failed on the 'required' tag")
        # Half of a surrogate pair is no letter: the real decoder puts the replacement character there.
        fields[name] = (value or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if missing:
        raise _BadBody(MISSING_PARAMETERS, "error: " + "\n".join(missing))
    return fields


def _go_kind(value: t.Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {dict: "object", list: "array", str: "string"}.get(type(value), "number")


def _go_name(code: grpc.StatusCode) -> str:
    return "".join(word.capitalize() for word in code.name.split("_"))
