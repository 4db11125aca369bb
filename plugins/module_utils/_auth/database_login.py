# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins to a database: the only proof of a password, since the database service does not report whether a change succeeded."""

from __future__ import annotations

import contextlib
import re
import secrets
from importlib import import_module
from typing import Any, Optional

from .. import errors
from ..errors import PasswordError

ANYWHERE = "%"  # the host of a MySQL account that may log in from any

# Error numbers of MySQL and MariaDB. Access denied: the password is wrong, or no account matches the host that the login comes from.
_DENIED = (1045, 1698)
# The account is locked by its administrator (3118, 4151), or after too many failed logins (3955, 4150).
_LOCKED = (3118, 3955, 4150, 4151)
# Only after the right password: it has expired (1820, 1862), or the account has too many connections (1203, 1226).
_RIGHT = (1203, 1226, 1820, 1862)
# The client library's own errors: no response, or none any more.
_NO_ANSWER = range(2000, 2056)
# One of these: the server offers no TLS, or none that both sides support.
_NO_TLS = 2026


class Unreachable(Exception):
    """The database could not be reached. The text says why, without secrets."""


class Unclear(Exception):
    """The database was reached, but this account could not be checked. The text says why, without secrets."""


# The import and package names of the client libraries.
_LIBRARIES = {"mysql": ("pymysql", "PyMySQL"), "postgresql": ("psycopg", "psycopg")}


def library_for(engine: str) -> str | None:
    """The name of the missing client library, or ``None`` if it is there."""
    try:
        _library(engine)
    except ImportError:
        return _LIBRARIES[engine][1]
    return None


def _library(engine: str) -> Any:
    # Loaded only when needed: the libraries are large, and Ansible loads this file for all vendors.
    return import_module(_LIBRARIES[engine][0])


class DatabaseLogin:
    """Where and how to log in.

    :param engine: ``mysql`` (also MariaDB and Percona) or ``postgresql``.
    :param port: ``None`` for the usual one.
    :param database: the database to log in to; MySQL needs none.
    :param ssl: whether to use TLS; ``None`` uses it if the server offers it, and requires it if one of the files below is given.
    :param ca_path: file with the authorities to trust; without it TLS protects against eavesdropping only.
    :param client_cert: client certificate file for mutual TLS, or ``None``.
    :param client_key: its private key file, or ``None`` if the key is in the same file.
    :param timeout: seconds to wait for each answer.
    """

    def __init__(
        self,
        engine: str,
        host: str,
        port: int | None = None,
        database: str | None = None,
        ssl: bool | None = False,
        ca_path: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._takes = self._mysql if engine == "mysql" else self._postgresql
        self._host = host
        # PyMySQL does not accept subclasses of int, such as a playbook's numbers in an action plugin.
        self._port = int(port or (3306 if engine == "mysql" else 5432))
        self._database = database or "postgres"
        self._ssl = True if ssl is None and (ca_path or client_cert) else ssl
        self._client = (client_cert, client_key or client_cert) if client_cert else None
        self._ca_path = ca_path
        self._timeout = timeout
        self._checks: Optional[bool] = None  # whether PostgreSQL refuses a wrong password; None: not known yet
        self._where = "the database at %s:%s" % (host, self._port)

    def takes(self, user: str, password: str, user_host: str = ANYWHERE) -> bool:
        """Try one login, and close it again.

        :param user_host: where the account may log in from; in MySQL this is part of the account's name.
        :return: whether the password is right.
        :raises Unreachable: the database could not be reached.
        :raises Unclear: this account could not be checked.
        :raises PasswordError: ``account_locked``.
        """
        return self._takes(user, password, user_host)

    def _mysql(self, user: str, password: str, user_host: str) -> bool:
        waits = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), self._timeout)
        pymysql = _library("mysql")
        try:
            # PyMySQL sends a str as latin-1, but the server compares UTF-8.
            login = dict(waits, host=self._host, port=self._port, user=user, password=password.encode("utf-8"))
            with contextlib.closing(
                self._mysql_connection(pymysql, login)
            ) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT CURRENT_USER()")
                account, _at, account_host = cursor.fetchone()[0].rpartition("@")
        except pymysql.MySQLError as exc:
            return self._mysql_refusal(exc, user, user_host)
        except (OSError, RuntimeError, ValueError) as exc:
            if "cryptography" in str(exc):
                text = "cannot log in to %s: accounts with caching_sha2_password require the Python library cryptography, or TLS (ssl: true)"
                raise Unclear(text % self._where) from None
            raise Unclear("cannot log in to %s (%s)" % (self._where, type(exc).__name__)) from None
        if account != user or account_host.lower() != user_host.lower():
            # This includes the anonymous account, and a server that checks no logins at all (skip-grant-tables).
            raise Unclear("%s matched the login to the account %s@%s" % (self._where, account, account_host))
        return True

    def _mysql_connection(self, pymysql: Any, login: dict[str, Any]) -> Any:
        if self._ssl is False:
            return pymysql.connect(**login, ssl_disabled=True)
        tls: dict[str, Any] = {"ca": self._ca_path} if self._ca_path else {"check_hostname": False}
        if self._client:
            tls.update(cert=self._client[0], key=self._client[1])
        try:
            return pymysql.connect(**login, ssl=tls)
        except pymysql.MySQLError as exc:
            if self._ssl or not exc.args or exc.args[0] != _NO_TLS:
                raise
        # The server refuses TLS before the login.
        return pymysql.connect(**login, ssl_disabled=True)

    def _mysql_refusal(self, exc: Any, user: str, user_host: str) -> bool:
        code = exc.args[0] if exc.args and isinstance(exc.args[0], int) else type(exc).__name__
        if code in _RIGHT:
            return True
        if code in _LOCKED:
            raise PasswordError(
                errors.ACCOUNT_LOCKED,
                "The database account %s is locked. Unlock it, then run again." % user,
                vendor_code=code,
            ) from None
        if code in _DENIED:
            # Access denied for user 'name'@'where the login came from'
            came_from = re.search("'@'([^']*)'", str(exc.args[-1]))
            if user_host != ANYWHERE and not (came_from and _matches(user_host, came_from.group(1))):
                raise Unclear("%s does not let %s@%s log in from here" % (self._where, user, user_host)) from None
            return False
        if code in _NO_ANSWER:
            raise Unreachable("cannot log in to %s (error %s)" % (self._where, code)) from None
        raise Unclear("%s responded with error %s" % (self._where, code)) from None

    def _postgresql(self, user: str, password: str, _user_host: str) -> bool:
        mode = ("verify-full" if self._ca_path else "require") if self._ssl else "prefer"
        more = {"sslrootcert": self._ca_path} if self._ca_path else {}
        if self._client:
            more.update(sslcert=self._client[0], sslkey=self._client[1])
        # The client library accepts whole seconds, at least 2.
        wait = max(round(self._timeout), 2)
        psycopg = _library("postgresql")
        where = dict(
            host=self._host, port=self._port, dbname=self._database, connect_timeout=wait, sslmode=mode, **more
        )
        try:
            connection = psycopg.connect(user=user, password=password, **where)
        except psycopg.Error as exc:
            return self._postgresql_refusal(str(exc))
        with connection:
            asked = connection.pgconn.used_password
        if not asked:
            raise Unclear("%s does not ask for a password from here" % self._where)
        if self._checks is None:
            # Behind PAM or RADIUS any password may be accepted. PostgreSQL itself does not count failed logins.
            self._checks = self._postgresql_checks(psycopg, user, where)
        if not self._checks:
            raise Unclear("%s accepts any password" % self._where)
        return True

    def _postgresql_checks(self, psycopg: Any, user: str, where: dict[str, Any]) -> bool:
        try:
            with psycopg.connect(user=user, password=secrets.token_urlsafe(24), **where):
                return False
        except psycopg.Error as exc:
            if "authentication failed" in str(exc):
                return True
        raise Unclear("it is unknown whether %s checks passwords" % self._where)

    def _postgresql_refusal(self, text: str) -> bool:
        # The client library gives no code, only this text.
        if "password authentication failed" in text:
            return False
        if re.search(
            'database ".*" does not exist|permission denied for database|is not permitted to log in|too many connections for role',
            text,
        ):
            # The server says this only if the password was right.
            return True
        if "FATAL:" in text:
            raise Unclear("%s refused the login, but not because of the password" % self._where) from None
        raise Unreachable("cannot log in to %s" % self._where) from None


def _matches(pattern: str, host: str) -> bool:
    """Whether a host matches the host of a MySQL account, in which ``%`` and ``_`` are wildcards."""
    expression = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return re.fullmatch(expression, host, re.IGNORECASE) is not None
