# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL for tests: `with PostgreSQLServer(work_dir) as database:`. Its programs are those of the machine (Debian: postgresql)."""

from __future__ import annotations

import os
import pathlib
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import typing as t

from tests.servers.child import Child, ServerError, free_ports
from tests.servers.machine import Unavailable

START_LIMIT_S = 30.0
ADMIN = "postgres"

# Of the classes 28P01, a wrong password, and 28000, no such login.
_REFUSED = re.compile("password authentication failed|role .* does not exist")


def programs() -> pathlib.Path:
    """The folder with the newest server's programs."""
    found = [path.parent for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found and (elsewhere := shutil.which("initdb")):
        found = [pathlib.Path(elsewhere).resolve().parent]
    if not found:
        raise Unavailable("the program initdb is not installed (Debian: apt-get install postgresql)")
    return max(found, key=lambda folder: [int(part) for part in re.findall("[0-9]+", str(folder))])


def _owner() -> pwd.struct_passwd | None:
    """Whom root has to be for this server, which refuses root."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable("PostgreSQL does not run as root, and there is no user to run it as")


class PostgreSQLServer:
    """One server on the loopback interface; its log is in `work_dir`, its data in a folder that its user can reach."""

    host = "127.0.0.1"

    def __init__(self, work_dir: str | os.PathLike[str]) -> None:
        self.work_dir = pathlib.Path(work_dir).resolve()
        self.log_path = self.work_dir / "postgresql.log"
        self.port = free_ports(1)[0]
        self.admin_password = secrets.token_hex(12)
        self._folder: pathlib.Path | None = None
        self._child: Child | None = None

    def __enter__(self) -> PostgreSQLServer:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self) -> None:
        """Start, for the first time or again: port and data stay."""
        folder, owner = programs(), _owner()
        _library()
        become = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"] if owner else []
        if self._folder is None:
            self._create(folder, become, owner)
        command = [
            str(folder / "postgres"),
            "-D",
            str(self._folder / "data"),
            "-p",
            str(self.port),
            "-h",
            self.host,
            # No socket, no waiting for the disk, and little memory.
            "-c",
            "unix_socket_directories=",
            "-c",
            "fsync=off",
            "-c",
            "shared_buffers=16MB",
            "-c",
            "max_connections=50",
        ]
        self._child = Child("PostgreSQL", command, self._folder, self.log_path, become=become)
        self._child.wait_until(self._answers, START_LIMIT_S)

    def _create(self, programs_folder: pathlib.Path, become: list[str], owner: pwd.struct_passwd | None) -> None:
        self.work_dir.mkdir(parents=True, exist_ok=True)
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="postgresql-"))
        secret = self._folder / "admin"
        secret.write_text(self.admin_password + "\n", encoding="ascii")
        if owner:
            for path in (self._folder, secret):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        command = [
            *become,
            str(programs_folder / "initdb"),
            "--pgdata",
            str(self._folder / "data"),
            "--username",
            ADMIN,
            "--pwfile",
            str(secret),
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            # What Trove writes into a guest's pg_hba.conf; it takes a scram password too.
            "--auth=md5",
        ]
        with open(self.log_path, "ab") as log:
            done = subprocess.run(command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=START_LIMIT_S, check=False)
        if done.returncode:
            raise ServerError("initdb failed; the end of its log:\n" + "\n".join(self.log_path.read_text(errors="replace").splitlines()[-20:]))

    def stop(self) -> None:
        if self._child is not None:
            # Its SIGTERM would wait for clients.
            self._child.end(signal.SIGINT)
            self._child = None

    def close(self) -> None:
        """Stop for good: the data go."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except _library().OperationalError:
            return False
        return True

    # Users, by SQL: nothing that the collection brings has a part in it

    def _connect(self, user: str, password: str) -> t.Any:
        return _library().connect(host=self.host, port=self.port, user=user, password=password, dbname="postgres", connect_timeout=5, autocommit=True)

    def _execute(self, statement: t.Any) -> t.Sequence[t.Any]:
        with self._connect(ADMIN, self.admin_password) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create_user(self, name: str, password: str) -> None:
        """Make a user, or give it this password."""
        from psycopg import sql

        verb = "ALTER" if name in self.users() else "CREATE"
        self._execute(sql.SQL(verb + " USER {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))

    def drop_user(self, name: str) -> None:
        from psycopg import sql

        self._execute(sql.SQL("DROP USER IF EXISTS {}").format(sql.Identifier(name)))

    def users(self) -> list[str]:
        """The names of all but the server's own."""
        return [name for (name,) in self._execute("SELECT usename FROM pg_user WHERE NOT usesuper ORDER BY usename")]

    def can_log_in(self, name: str, password: str) -> bool:
        try:
            self._connect(name, password).close()
        except _library().OperationalError as error:
            if not _REFUSED.search(str(error)):
                raise
            return False
        return True


def _library() -> t.Any:
    # Imported late, so that there is a reason to tell where it is missing.
    try:
        import psycopg
    except ImportError as error:
        raise Unavailable("the Python package psycopg is not installed") from error
    return psycopg
