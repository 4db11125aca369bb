# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real MariaDB for tests: `with MariaDBServer(work_dir) as database:`. Its programs are those of the machine (Debian: mariadb-server-core)."""

from __future__ import annotations

import getpass
import ipaddress
import os
import pathlib
import secrets
import shutil
import subprocess
import typing as t

from tests.servers.child import Child, ServerError, free_ports
from tests.servers.machine import Unavailable

START_LIMIT_S = 30.0
ADMIN = "os_admin"

_WRONG_PASSWORD = 1045
_SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
# Small and without what nobody here asks for: two seconds less.
_SETTINGS = ("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M", "--performance-schema=OFF", "--log-warnings=0")


def programs() -> tuple[str, pathlib.Path]:
    """The server's program, and the folder with the SQL that makes its system tables."""
    program = shutil.which("mariadbd", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/libexec"]))
    if not program:
        raise Unavailable("the program mariadbd is not installed (Debian: apt-get install mariadb-server-core)")
    for folder in ("/usr/share/mysql", "/usr/share/mariadb"):
        if all(pathlib.Path(folder, name).is_file() for name in _SYSTEM_TABLES):
            return program, pathlib.Path(folder)
    raise Unavailable("the SQL files of MariaDB's system tables are not installed (Debian: apt-get install mariadb-server-core)")


def option_reader() -> str:
    """The program that shows what MariaDB's programs read from an option file."""
    program = shutil.which("my_print_defaults")
    if not program:
        raise Unavailable("the program my_print_defaults is not installed (Debian: apt-get install mariadb-client-core)")
    return program


def check() -> None:
    """Raise Unavailable where something is missing."""
    programs()
    _library()


class MariaDBServer:
    """One server on the loopback interface with its data in `work_dir`, which must be new or empty."""

    host = "127.0.0.1"

    def __init__(self, work_dir: str | os.PathLike[str]) -> None:
        self.work_dir = pathlib.Path(work_dir).resolve()
        self.log_path = self.work_dir / "mariadb.log"
        self.port = free_ports(1)[0]
        self.admin_password = secrets.token_hex(12)
        self._child: Child | None = None

    def __enter__(self) -> MariaDBServer:
        self.create()
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def _command(self) -> list[str]:
        # The user has to be named to root only, but is the right one for everybody.
        return [programs()[0], "--no-defaults", f"--datadir={self.work_dir / 'data'}", f"--user={getpass.getuser()}", *_SETTINGS]

    def create(self) -> None:
        """Make the data: what mariadb-install-db does, without the script, which wants further packages, and without its help tables."""
        check()
        tables = programs()[1]
        (self.work_dir / "data").mkdir(parents=True)
        script = ["CREATE DATABASE IF NOT EXISTS mysql;", "USE mysql;", "SET @auth_root_socket=NULL;"]
        script += [(tables / name).read_text(encoding="utf-8") for name in _SYSTEM_TABLES]
        script += [
            "DELETE FROM global_priv WHERE User = 'root' AND Host <> 'localhost';",
            "FLUSH PRIVILEGES;",
            f"CREATE USER '{ADMIN}'@'127.0.0.1' IDENTIFIED BY '{self.admin_password}';",
            f"GRANT ALL ON *.* TO '{ADMIN}'@'127.0.0.1' WITH GRANT OPTION;",
            "",
        ]
        command = [*self._command(), "--bootstrap", "--lc-messages=en_US", "--enforce-storage-engine=", "--max-allowed-packet=8M", "--net-buffer-length=16K"]
        with open(self.log_path, "ab") as log:
            done = subprocess.run(command, input="\n".join(script).encode("utf-8"), stdout=log, stderr=log, timeout=START_LIMIT_S, check=False)
        if done.returncode:
            tail = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
            raise ServerError("MariaDB cannot make its system tables; the end of its log:\n" + "\n".join(tail))

    def start(self) -> None:
        """Start, for the first time or again: port and data stay."""
        command = [
            *self._command(),
            "--skip-name-resolve",
            f"--bind-address={self.host}",
            f"--port={self.port}",
            # Relative to the data, as the path of a socket may have 107 bytes only.
            "--socket=mariadb.sock",
            "--pid-file=mariadb.pid",
        ]
        self._child = Child("MariaDB", command, self.work_dir, self.log_path)
        self._child.wait_until(self._answers, START_LIMIT_S)

    def stop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except _library().err.OperationalError:
            return False
        return True

    # Users, by SQL: nothing that the collection brings has a part in it

    def _connect(self, user: str, password: str, source: str | None = None) -> t.Any:
        # The bytes, because the library would encode text as Latin-1.
        return _library().connect(
            host=self.host,
            port=self.port,
            user=user,
            password=password.encode("utf-8"),
            bind_address=source,
            connect_timeout=5,
            read_timeout=10,
            autocommit=True,
        )

    def _execute(self, statement: str, *values: str) -> t.Sequence[t.Any]:
        with self._connect(ADMIN, self.admin_password) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            rows: t.Sequence[t.Any] = cursor.fetchall()
            return rows

    def create_user(self, name: str, password: str, host: str | None = None) -> None:
        """Make a user, or give it this password."""
        self._execute("CREATE OR REPLACE USER %s@%s IDENTIFIED BY %s", name, host or "%", password)

    def drop_user(self, name: str, host: str | None = None) -> None:
        self._execute("DROP USER IF EXISTS %s@%s", name, host or "%")

    def users(self) -> list[tuple[str, str]]:
        """Name and host of all but the server's own."""
        return list(self._execute("SELECT User, Host FROM mysql.user WHERE User NOT IN ('root', 'mariadb.sys', %s) ORDER BY User, Host", ADMIN))

    def can_log_in(self, name: str, password: str, host: str | None = None) -> bool:
        """Whether a login is accepted; it comes from `host` where that is an address of the loopback interface (127.0.0.2, ...)."""
        try:
            self._connect(name, password, host if _is_loopback(host) else None).close()
        except _library().err.OperationalError as error:
            if error.args[0] != _WRONG_PASSWORD:
                raise
            return False
        return True


def _library() -> t.Any:
    # Imported late, so that there is a reason to tell where it is missing.
    try:
        import pymysql
    except ImportError as error:
        raise Unavailable("the Python package PyMySQL is not installed") from error
    return pymysql


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
