# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Milvus 2.3.5 for tests: `with MilvusServer(work_dir) as server:`, or by hand `python -m tests.servers.milvus`.

The server is the standalone one that the PyPI package `milvus` carries; milvus_front.py stands before it for the REST
interface that this release does not have yet.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import queue
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

import grpc

from tests.servers.machine import Unavailable, default_cache_dir
from tests.servers.milvus_configuration import free_ports, write_configuration
from tests.servers.milvus_front import MilvusFront
from tests.servers.milvus_grpc import Refused, UserCalls
from tests.servers.milvus_package import VERSION, unpacked

START_LIMIT_S = 60.0
#: The server looks at its configuration file every 5 seconds.
RELOAD_LIMIT_S = 20.0
STOP_LIMIT_S = 10.0

_RUNTIME = pathlib.Path("/tmp/milvus")
_ATTEMPTS = 3
_POLL_S = 0.05

_OLD_PASSWORD_WRONG = 1400


class ServerError(RuntimeError):
    """The server did not do what it was asked to; the end of its log is in the text."""


class MilvusServer:
    """One server with its data in `work_dir`, which must be new or empty. Several may run at once.

    `root_password` is what create_user and its like log in with: whoever changes root's password sets it.
    """

    def __init__(
        self,
        work_dir: str | os.PathLike[str],
        cache_dir: str | os.PathLike[str] | None = None,
        authorization: bool = True,
        super_users: str = "",
    ) -> None:
        self.work_dir = pathlib.Path(work_dir).resolve()
        self.cache_dir = pathlib.Path(cache_dir).resolve() if cache_dir else default_cache_dir()
        self.authorization = authorization
        self.super_users = super_users
        self.root_password = "Milvus"
        self.log_path = self.work_dir / "milvus.log"
        self._ports: dict[str, int] = {}
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._user_calls: UserCalls | None = None
        self._front: MilvusFront | None = None

    def __enter__(self) -> MilvusServer:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Of the REST interface v2."""
        if self._front is None:
            raise ServerError(f"Milvus {VERSION} was not started")
        return self._front.url

    @property
    def grpc_port(self) -> int:
        return self._ports["proxy"]

    @property
    def pid(self) -> int | None:
        """Of the server, as long as it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    # Life

    def start(self) -> None:
        programs = unpacked(self.cache_dir)
        # It writes there whatever its settings say, and dies if somebody else has made the folder.
        if _RUNTIME.exists() and not os.access(_RUNTIME, os.W_OK):
            raise Unavailable(f"{_RUNTIME} belongs to another user; the server has no setting for another folder")
        self.work_dir.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _ATTEMPTS + 1):
            self._ports = free_ports()
            self._front = MilvusFront(self._ports["proxy"])
            try:
                self._run(programs)
                return
            except ServerError:
                self.stop()
                # Between choosing a port and binding it, anyone may take it.
                if attempt == _ATTEMPTS or not self._port_was_taken():
                    raise
            except BaseException:
                self.stop()
                raise

    def kill(self, front: bool = True) -> None:
        """SIGKILL. The REST interface dies with the server, as it is one process in real life; `front=False` keeps the
        front's port open, and every request to it then ends in a dropped connection."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_LIMIT_S)
            # The one file that it leaves outside of its folders.
            (_RUNTIME / f"server_id_{self._process.pid}").unlink(missing_ok=True)
        if front and self._front is not None:
            self._front.stop()
        if self._user_calls is not None:
            self._user_calls.close()
            self._user_calls = None

    def restart(self, wait: bool = True) -> None:
        """Start again with the same data, ports and URL, after kill() or in its place. With `wait=False` it returns as soon as the
        REST interface takes requests; then changes hang for some seconds, until the server forgets its former self."""
        self.kill()
        self._run(unpacked(self.cache_dir), wait)

    def wait_until_ready(self) -> None:
        self._wait(self._ready, START_LIMIT_S, "is not ready")

    def stop(self) -> None:
        """End the server and remove its data; its log and configuration stay."""
        # Nothing is lost with SIGKILL, and to anything milder this server does not listen.
        self.kill()
        if self._front is not None:
            self._front.close()
            self._front = None
        shutil.rmtree(self.work_dir / "data", ignore_errors=True)

    def _run(self, programs: pathlib.Path, wait: bool = True) -> None:
        self._configure()
        self._log_start = len(self._log())
        started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()
        threading.Thread(target=self._keep, args=(programs, started), name="milvus-keeper", daemon=True).start()
        process = started.get()
        if isinstance(process, OSError):
            raise ServerError(f"Milvus {VERSION} cannot be started: {process}") from process
        self._process = process
        self._user_calls = UserCalls(self.grpc_port)
        self._wait(self._listens, START_LIMIT_S, "does not listen")
        self._front.start()
        if wait:
            self.wait_until_ready()

    def _keep(self, programs: pathlib.Path, started: queue.SimpleQueue[t.Any]) -> None:
        # Milvus takes any environment variable for a setting, so it gets none of ours.
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.work_dir),
            "TMPDIR": str(self.work_dir),
            "LD_LIBRARY_PATH": str(programs),
            "MILVUSCONF": str(self.work_dir / "configs"),
            "METRICS_PORT": str(self._ports["metrics"]),
            "DEPLOY_MODE": "STANDALONE",
        }
        command = [str(programs / "milvus"), "run", "standalone"]
        # A test run that is killed must not leave its server behind. The signal comes when the thread ends that started the
        # server, hence a thread of its own that lives exactly as long as the server.
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "KILL", *command]
        try:
            with open(self.log_path, "ab") as log:
                process = subprocess.Popen(
                    command, env=environment, cwd=self.work_dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.grpc_port), timeout=5).close()
        except OSError:
            return False
        return True

    def _ready(self) -> bool:
        # Healthy is said a moment before the REST interface and the users are there.
        if self._get(self._ports["metrics"], "/healthz") != 200 or self._get(self.grpc_port, "/v1/vector/collections") not in (200, 401):
            return False
        try:
            self._calls.list(self._root)
        except (grpc.RpcError, Refused):
            return False
        return True

    @staticmethod
    def _get(port: int, path: str) -> int | None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return None

    def _wait(self, condition: t.Callable[[], bool], limit_s: float, complaint: str) -> None:
        end = time.monotonic() + limit_s
        while not condition():
            status = self._process.poll()
            if status is not None:
                raise ServerError(f"Milvus {VERSION} ended with status {status}; the end of its log:\n{self.log_tail()}")
            # Some parts of the server notice and go on without their port.
            if self._port_was_taken():
                raise ServerError(f"Milvus {VERSION} did not get one of its ports; the end of its log:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise ServerError(f"Milvus {VERSION} {complaint} after {limit_s:.0f} s; the end of its log:\n{self.log_tail()}")
            time.sleep(_POLL_S)

    def _port_was_taken(self) -> bool:
        return b"address already in use" in self._log()[self._log_start :]

    def _log(self) -> bytes:
        return self.log_path.read_bytes() if self.log_path.exists() else b""

    def log_tail(self, lines: int = 30) -> str:
        """The end of the server's log, of which it puts whole stack traces into one line."""
        return "\n".join(line[:300] for line in self._log().decode("utf-8", "replace").splitlines()[-lines:])

    # Users, by gRPC: neither the front nor anything that the collection brings has a part in it

    @property
    def _calls(self) -> UserCalls:
        if self._user_calls is None:
            raise ServerError(f"Milvus {VERSION} does not run")
        return self._user_calls

    @property
    def _root(self) -> bytes | None:
        return _credential("root", self.root_password) if self.authorization else None

    def create_user(self, name: str, password: str) -> None:
        self._calls.create(self._root, name, password)

    def drop_user(self, name: str) -> None:
        """Not an error for a user that does not exist: the server makes no difference."""
        self._calls.drop(self._root, name)

    def list_users(self) -> list[str]:
        return sorted(self._calls.list(self._root))

    def can_log_in(self, name: str, password: str) -> bool:
        """Whether this is the user's password. With authorization off no login says so; but a change to the same password does,
        since it wants the old one all the same."""
        try:
            if self.authorization:
                self._calls.roles(_credential(name, password), name)
            else:
                self._calls.update(None, name, password, password)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                raise
            return False
        except Refused as error:
            if error.code != _OLD_PASSWORD_WRONG:
                raise
            return False
        return True

    # Settings

    def set_super_users(self, super_users: str) -> None:
        """Change the server's setting `superUsers` and wait until it is in force: with root in it, root need not know an old
        password. That is how it is observed, so it says nothing of other names."""
        if not self.authorization:
            raise ValueError("without authorization nobody is logged in who could be a super user")
        self.super_users = super_users
        self._configure()
        wanted = "root" in super_users.split(",")
        probe = "probe_" + secrets.token_hex(6)
        password = secrets.token_hex(8)
        self.create_user(probe, password)

        def in_force() -> bool:
            try:
                self._calls.update(self._root, probe, "not the password", password)
            except Refused as error:
                if error.code != _OLD_PASSWORD_WRONG:
                    raise
                return not wanted
            return wanted

        try:
            self._wait(in_force, RELOAD_LIMIT_S, f"has not taken superUsers: {super_users!r}")
        finally:
            self.drop_user(probe)

    def _configure(self) -> None:
        write_configuration(self.work_dir, self._ports, self.authorization, self.super_users)


def _credential(name: str, password: str) -> bytes:
    return f"{name}:{password}".encode()


def main() -> int:
    try:
        with tempfile.TemporaryDirectory(prefix="milvus-") as work_dir, MilvusServer(work_dir) as server:
            print(f"url:           {server.url}\nroot password: {server.root_password}\nlog:           {server.log_path}\nCtrl-C ends it.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                while server.pid is not None:
                    time.sleep(0.5)
                print(f"the server ended by itself; the end of its log:\n{server.log_tail()}", file=sys.stderr)
                return 1
    except (Unavailable, ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
