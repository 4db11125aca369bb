# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager: variables that the library reads itself and that are empty (edge 8), answers and listings without end (edges 14, 15 and 47)."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import json
import socket
import threading
from typing import Any, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import aws_secretsmanager
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

from tests.servers.secrets_manager import Call
from tests.store_cases.aws_secretsmanager import AwsSecretsManagerCase
from tests.unit.plugins.rotation_doubles import loader

if importlib.util.find_spec("botocore") is None:
    pytest.skip("botocore is not installed", allow_module_level=True)


def variables() -> list[str]:
    """All that the library reads."""
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES  # pylint: disable=import-outside-toplevel

    found = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_ROLE_ARN",
             "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
             "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_REGION"}  # fmt: skip
    for _name, names, *_rest in BOTOCORE_DEFAUT_SESSION_VARIABLES.values():
        found.update([names] if isinstance(names, str) else names or ())
    return sorted(name for name in found if name.startswith("AWS_"))


@pytest.fixture(name="case")
def a_stand(tmp_path: Any) -> Iterator[AwsSecretsManagerCase]:
    with AwsSecretsManagerCase(tmp_path) as running:
        yield running


@pytest.mark.parametrize("name", [*variables(), "all of them"])
def test_edge_8_an_empty_variable_of_the_library_does_no_harm(case: AwsSecretsManagerCase, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in variables() if name == "all of them" else [name]:
        monkeypatch.setenv(each, "")
    store = case.open()
    store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER"), None)})
    assert store.list() == ["alice"]
    store.close()


def test_edge_47_a_listing_without_end_comes_to_one(case: AwsSecretsManagerCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_secretsmanager, "_PAGES", 7)
    numbers = iter(range(100000))

    def endless(call: Call) -> Any:
        number = next(numbers)
        return 200, {"SecretList": [{"Name": "rekey/host-1/user-%d" % number, "ARN": "a"}], "NextToken": "t%d" % number}

    case.service.before = endless
    store = case.open()
    with pytest.raises(PasswordError) as caught:
        store.list()
    assert caught.value.kind == "store_failed" and "does not end: 7 pages were read" in caught.value.message
    assert len(case.service.calls) == 7
    store.close()


class Endless:
    """A server whose answers have no end: at full speed, or a byte at a time."""

    def __init__(self, slowly: bool) -> None:
        self._slowly = slowly
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._socket.getsockname()[1]
        self.requests = 0
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Endless:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._socket.accept()[0]
                self.requests += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 2000000000\r\n\r\n")
            while not self._ended.wait(0.05 if self._slowly else 0):
                connection.sendall(b" " if self._slowly else b" " * 1000000)


def failure_with(url: str, case: AwsSecretsManagerCase, **more: Any) -> str:
    """The message of a store that reads a record from there."""
    options = dict(case.options["store_options"], endpoint_url=url, retries=0, **more)
    store = open_store("aws_secretsmanager", "host-1", {"store_options": options}, loader())
    with pytest.raises(PasswordError) as caught:
        store.get(["alice"])
    store.close()
    assert caught.value.kind == "store_failed" and "MARKER" not in caught.value.message
    return caught.value.message


def test_edge_15_an_answer_has_a_limit(case: AwsSecretsManagerCase) -> None:
    with Endless(slowly=False) as server:
        assert "an answer of more than 8388608 bytes" in failure_with(server.url, case)


def test_edge_14_an_answer_has_a_deadline(case: AwsSecretsManagerCase) -> None:
    with Endless(slowly=True) as server:
        assert "did not end within 0.4 seconds (deadline)" in failure_with(server.url, case, timeout=0.1)
        assert "did not end within 0.2 seconds (deadline)" in failure_with(server.url, case, timeout=0.1, deadline=0.2)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_connection_serves_many_requests(case: AwsSecretsManagerCase, chunked: bool) -> None:
    """Reading an answer ourselves costs no connection."""
    connections = set()

    class Handler(http.server.BaseHTTPRequestHandler):
        """Says that there is no secret."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # pylint: disable=invalid-name  # the library calls it so
            """Answer."""
            connections.add(self.client_address)
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"SecretList": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))))
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)

        def log_message(self, *_args: Any) -> None:  # pylint: disable=arguments-differ
            """Print nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        options = dict(case.options["store_options"], endpoint_url="http://127.0.0.1:%d" % server.server_port, concurrency=1)
        store = open_store("aws_secretsmanager", "host-1", {"store_options": options}, loader())
        assert [store.list() for _number in range(5)] == [[]] * 5
        store.close()
    finally:
        server.shutdown()
        server.server_close()
    assert len(connections) == 1
