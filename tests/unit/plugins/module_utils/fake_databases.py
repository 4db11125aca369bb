# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Client libraries of databases that ask a test instead of a server."""

from __future__ import annotations

import contextlib
import threading


class _Cursor:
    def __init__(self, account):
        self._account = account

    def __enter__(self):
        return self

    def __exit__(self, *_exc_info):
        pass

    def execute(self, statement):
        """The only statement there is."""
        assert statement == "SELECT CURRENT_USER()"
        if isinstance(self._account, Exception):
            raise self._account

    def fetchone(self):
        """The account that the login was taken for."""
        return (self._account,)


class _Connection:
    def __init__(self, account):
        self.closed = False
        self._account = account

    def cursor(self):
        """For one statement."""
        return _Cursor(self._account)

    def close(self):
        """End."""
        self.closed = True


class FakeMySQL:
    """Takes the place of the module ``pymysql``.

    :param takes: called with a user and a password; gives whether that is right, or the account (``name@host``) that it is right for, or an exception
        to raise. An account that is an exception is one whose first statement fails.
    :param comes_from: the address from which the server sees the logins come.
    """

    class MySQLError(Exception):
        """As in PyMySQL."""

    def __init__(self, takes, comes_from="10.0.0.7"):
        self._takes = takes
        self._comes_from = comes_from
        self._lock = threading.Lock()
        self.calls = []
        self.connections = []

    @property
    def logins(self):
        """Users and passwords, in the order of the logins."""
        return [(call["user"], call["password"].decode("utf-8")) for call in self.calls]

    def error(self, code, text="no"):
        """An error of the server or of the library."""
        return self.MySQLError(code, text)

    def connect(self, **options):
        """Log in."""
        with self._lock:
            self.calls.append(options)
            answer = self._takes(options["user"], options["password"].decode("utf-8"))
        if isinstance(answer, Exception):
            raise answer
        if not answer:
            raise self.error(1045, "Access denied for user '%s'@'%s' (using password: YES)" % (options["user"], self._comes_from))
        account = "%s@%%" % options["user"] if answer is True else answer[0] if isinstance(answer, list) else answer
        self.connections.append(_Connection(account))
        return self.connections[-1]


class FakePostgreSQL:
    """Takes the place of the module ``psycopg``.

    :param answer: the text of an error, or whether a password was asked for. Then the first password is the right one.
    """

    class Error(Exception):
        """As in psycopg."""

    takes_any = False

    def __init__(self, answer=True):
        self._answer = answer
        self.calls = []
        self.closed = 0

    def connect(self, **options):
        """Log in."""
        if isinstance(self._answer, str):
            self.calls.append(options)
            raise self.Error(self._answer)
        if self.calls and options["password"] != self.calls[0]["password"] and not self.takes_any:
            raise self.Error('FATAL:  password authentication failed for user "%s"' % options["user"])
        self.calls.append(options)
        return self._connection()

    @contextlib.contextmanager
    def _opened(self):
        yield
        self.closed += 1

    def _connection(self):
        connection = self._opened()
        connection.pgconn = type("PGconn", (), {"used_password": self._answer})
        return connection
