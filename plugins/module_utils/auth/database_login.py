# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins to a database: the only proof of a password that the database's own service never tells."""

from __future__ import annotations

from .. import errors
from ..errors import VendorError

try:
    import pymysql
except ImportError:
    pymysql = None

try:
    import psycopg
except ImportError:
    psycopg = None

# MySQL and MariaDB: "Access denied for user"; 3118 and 4151: the right password of a locked account.
_MYSQL_DENIED = (1045, 1698)
_MYSQL_LOCKED = (3118, 4151)


class Unreachable(Exception):
    """No login could be tried; the text says why and holds no secret."""


def library_for(engine):
    """The name of the missing client library, or ``None`` if it is there."""
    if engine == "mysql":
        return None if pymysql else "PyMySQL"
    return None if psycopg else "psycopg"


def log_in(engine, host, port, user, password, database=None, ssl=False, ca_path=None, timeout=10.0):
    """Try one login and close it again.

    :param engine: ``mysql`` (also MariaDB and Percona) or ``postgresql``.
    :param timeout: seconds to wait for the connection.
    :return: whether the password is right.
    :raises Unreachable: the database could not be asked.
    :raises VendorError: ``account_locked``.
    """
    if engine == "mysql":
        return _mysql(host, port or 3306, user, password, database, ssl, ca_path, timeout)
    return _postgresql(host, port or 5432, user, password, database, ssl, ca_path, timeout)


def _mysql(host, port, user, password, database, ssl, ca_path, timeout):
    tls = {"ssl": {"ca": ca_path} if ca_path else {"check_hostname": False}} if ssl else {"ssl_disabled": True}
    try:
        # PyMySQL sends a str as latin-1, the server compares UTF-8.
        connection = pymysql.connect(
            host=host, port=port, user=user, password=password.encode("utf-8"), database=database, connect_timeout=timeout, read_timeout=timeout,
            write_timeout=timeout, **tls
        )  # fmt: skip
    except pymysql.MySQLError as exc:
        code = exc.args[0] if exc.args else None
        if code in _MYSQL_DENIED:
            return False
        if code in _MYSQL_LOCKED:
            raise VendorError(errors.ACCOUNT_LOCKED, "The database account %s is locked." % user, vendor_code=code) from None
        raise Unreachable("the database at %s:%s answered error %s" % (host, port, code)) from None
    except (OSError, RuntimeError, ValueError) as exc:
        raise Unreachable("no connection to the database at %s:%s (%s)" % (host, port, type(exc).__name__)) from None
    connection.close()
    return True


def _postgresql(host, port, user, password, database, ssl, ca_path, timeout):
    mode = ("verify-full" if ca_path else "require") if ssl else "prefer"
    more = {"sslrootcert": ca_path} if ca_path else {}
    try:
        connection = psycopg.connect(
            host=host, port=port, user=user, password=password, dbname=database or "postgres", connect_timeout=max(int(timeout), 2), sslmode=mode, **more
        )
    except psycopg.OperationalError as exc:
        text = str(exc)
        if "password authentication failed" in text:
            return False
        if "does not exist" in text or "permission denied for database" in text:
            # The server says so only after the password was right.
            return True
        raise Unreachable("no login to the database at %s:%s was possible" % (host, port)) from None
    connection.close()
    return True
