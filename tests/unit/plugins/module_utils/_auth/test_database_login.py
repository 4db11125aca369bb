# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins to databases: what they send, and what each answer means."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth import database_login
from ansible_collections.rekey.passwords.plugins.module_utils._auth.database_login import DatabaseLogin, Unclear, Unreachable
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.plugins.module_utils.fake_databases import FakeMySQL, FakePostgreSQL

SECRET = "S3cr3t-MARKER-\u00e4\u20ac"
AT = "the database at db.example.com:3306"


def mysql(monkeypatch, answer, **options):
    """What becomes of one login, and the client library."""
    fake = FakeMySQL(lambda user, password: answer)
    monkeypatch.setitem(sys.modules, "pymysql", fake)
    return DatabaseLogin("mysql", "db.example.com", **options), fake


def refused(monkeypatch, code, text="S3cr3t-MARKER in a text", user_host="%"):
    """What an error means."""
    login, fake = mysql(monkeypatch, None)
    fake._takes = lambda user, password: fake.error(code, text)
    return login.takes("alice", SECRET, user_host)


@pytest.mark.parametrize("engine, library", [("mysql", "PyMySQL"), ("postgresql", "psycopg")])
def test_a_library_that_is_missing_is_named(monkeypatch, engine, library):
    monkeypatch.setitem(sys.modules, "pymysql", object())
    monkeypatch.setitem(sys.modules, "psycopg", object())
    assert database_login.library_for(engine) is None
    monkeypatch.setitem(sys.modules, {"mysql": "pymysql", "postgresql": "psycopg"}[engine], None)
    assert database_login.library_for(engine) == library


class TestMySQL:
    """MySQL, MariaDB, Percona."""

    def test_a_right_password(self, monkeypatch):
        login, fake = mysql(monkeypatch, True)
        assert login.takes("alice", SECRET) is True
        assert fake.calls == [{
            "host": "db.example.com", "port": 3306, "user": "alice", "password": SECRET.encode("utf-8"), "ssl_disabled": True,
            "connect_timeout": 5.0, "read_timeout": 5.0, "write_timeout": 5.0,
        }]  # fmt: skip
        assert [connection.closed for connection in fake.connections] == [True]

    @pytest.mark.parametrize(
        "options, expected",
        [
            ({"port": 3307}, {"port": 3307}),
            ({"timeout": 1.5}, {"connect_timeout": 1.5, "read_timeout": 1.5}),
            ({"ssl": True}, {"ssl": {"check_hostname": False}}),
            ({"ssl": True, "ca_path": "/ca.pem"}, {"ssl": {"ca": "/ca.pem"}}),
            ({"database": "shop"}, {}),
        ],
    )
    def test_options(self, monkeypatch, options, expected):
        login, fake = mysql(monkeypatch, True, **options)
        login.takes("alice", SECRET)
        (call,) = fake.calls
        assert {name: call[name] for name in expected} == expected
        assert "database" not in call and ("ssl_disabled" in call) is not bool(options.get("ssl"))

    @pytest.mark.parametrize("code", [1045, 1698])
    def test_a_wrong_password(self, monkeypatch, code):
        assert refused(monkeypatch, code, "Access denied for user 'alice'@'10.0.0.7' (using password: YES)") is False

    @pytest.mark.parametrize("code", [1203, 1226, 1820, 1862])
    def test_what_a_server_says_only_after_the_right_password(self, monkeypatch, code):
        assert refused(monkeypatch, code) is True

    def test_an_account_that_may_log_in_but_do_nothing(self, monkeypatch):
        login, fake = mysql(monkeypatch, None)
        fake._takes = lambda user, password: [fake.error(1820)]
        assert login.takes("alice", SECRET) is True
        assert fake.connections[0].closed

    @pytest.mark.parametrize("code", [3118, 3955, 4150, 4151])
    def test_a_locked_account(self, monkeypatch, code):
        with pytest.raises(PasswordError, match="The database account alice is locked.") as caught:
            refused(monkeypatch, code)
        assert (caught.value.kind, caught.value.vendor_code) == (errors.ACCOUNT_LOCKED, code)
        assert "MARKER" not in str(caught.value)

    @pytest.mark.parametrize("code", [2002, 2003, 2006, 2013, 2026])
    def test_no_answer(self, monkeypatch, code):
        with pytest.raises(Unreachable) as caught:
            refused(monkeypatch, code)
        assert str(caught.value) == "cannot log in to %s (error %d)" % (AT, code)

    @pytest.mark.parametrize("code", [1040, 1129, 1130, 1251, 2059, 3159, 9999])
    def test_an_answer_that_tells_nothing(self, monkeypatch, code):
        with pytest.raises(Unclear) as caught:
            refused(monkeypatch, code)
        assert str(caught.value) == "%s responded with error %d" % (AT, code)

    def test_errors_without_a_number(self, monkeypatch):
        for arguments in ((), ("S3cr3t-MARKER",)):
            login, fake = mysql(monkeypatch, None)
            fake._takes = lambda user, password, fake=fake, arguments=arguments: fake.MySQLError(*arguments)
            with pytest.raises(Unclear) as caught:
                login.takes("alice", SECRET)
            assert str(caught.value) == AT + " responded with error MySQLError"

    @pytest.mark.parametrize("exception", [OSError("S3cr3t-MARKER"), RuntimeError("S3cr3t-MARKER"), ValueError("S3cr3t-MARKER")])
    def test_what_the_library_raises_itself(self, monkeypatch, exception):
        login, _fake = mysql(monkeypatch, exception)
        with pytest.raises(Unclear) as caught:
            login.takes("alice", SECRET)
        assert str(caught.value) == "cannot log in to %s (%s)" % (AT, type(exception).__name__)

    @pytest.mark.parametrize(
        "user_host, seen_from, known",
        [
            ("10.0.0.7", "10.0.0.7", True),
            ("10.0.0.%", "10.0.0.7", True),
            ("%.0.0.7", "10.0.0.7", True),
            ("10.0.0._", "10.0.0.7", True),
            ("App.Example.com", "app.example.com", True),
            ("%", "anything", True),
            ("10.0.0.1", "10.0.0.7", False),
            ("10.0.0.7", "110.0.0.77", False),
            ("10.0.0.7", "10x0x0x7", False),
            ("10.0.1.%", "10.0.0.7", False),
        ],
    )
    def test_a_refusal_proves_something_only_about_accounts_that_may_log_in_from_here(self, monkeypatch, user_host, seen_from, known):
        text = "Access denied for user 'alice'@'%s' (using password: YES)" % seen_from
        if known:
            assert refused(monkeypatch, 1045, text, user_host) is False
            return
        with pytest.raises(Unclear) as caught:
            refused(monkeypatch, 1045, text, user_host)
        assert str(caught.value) == "%s does not let alice@%s log in from here" % (AT, user_host)

    def test_a_refusal_in_other_words(self, monkeypatch):
        with pytest.raises(Unclear):
            refused(monkeypatch, 1045, "Kein Zutritt", "10.0.0.7")
        assert refused(monkeypatch, 1045, "Kein Zutritt") is False

    @pytest.mark.parametrize(
        "user_host, account, right",
        [
            ("%", "alice@%", True),
            ("10.0.0.7", "alice@10.0.0.7", True),
            ("App.example.com", "alice@app.example.com", True),
            ("%", "alice@10.0.0.7", False),
            ("10.0.0.%", "alice@%", False),
        ],
    )
    def test_a_login_counts_only_for_the_account_that_was_meant(self, monkeypatch, user_host, account, right):
        login, _fake = mysql(monkeypatch, account)
        if right:
            assert login.takes("alice", SECRET, user_host) is True
            return
        with pytest.raises(Unclear) as caught:
            login.takes("alice", SECRET, user_host)
        assert str(caught.value) == "%s matched the login to the account %s" % (AT, account)


class TestPostgreSQL:
    """PostgreSQL."""

    @staticmethod
    def login(monkeypatch, answer=True, **options):
        """A way in, and the client library."""
        fake = FakePostgreSQL(answer)
        monkeypatch.setitem(sys.modules, "psycopg", fake)
        return DatabaseLogin("postgresql", "db.example.com", **options), fake

    def test_a_right_password(self, monkeypatch):
        login, fake = self.login(monkeypatch)
        assert login.takes("alice", SECRET, "10.0.0.1") is True
        assert fake.calls == [{
            "host": "db.example.com", "port": 5432, "user": "alice", "password": SECRET, "dbname": "postgres", "connect_timeout": 5, "sslmode": "prefer",
        }]  # fmt: skip
        assert fake.closed == 1

    @pytest.mark.parametrize(
        "options, expected",
        [
            ({"port": 5433, "database": "shop"}, {"port": 5433, "dbname": "shop"}),
            ({"timeout": 0.1}, {"connect_timeout": 2}),
            ({"timeout": 7.6}, {"connect_timeout": 8}),
            ({"ssl": True}, {"sslmode": "require"}),
            ({"ssl": True, "ca_path": "/ca.pem"}, {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}),
        ],
    )
    def test_options(self, monkeypatch, options, expected):
        login, fake = self.login(monkeypatch, **options)
        login.takes("alice", SECRET)
        assert {name: fake.calls[0][name] for name in expected} == expected

    def test_a_server_that_asks_for_no_password(self, monkeypatch):
        login, fake = self.login(monkeypatch, False)
        with pytest.raises(Unclear, match="does not ask for a password from here"):
            login.takes("alice", SECRET)
        assert fake.closed == 1

    @pytest.mark.parametrize(
        "text, expected",
        [
            ('connection failed: connection to server at "127.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "alice"', False),
            ('FATAL:  database "shop" does not exist', True),
            ('FATAL:  permission denied for database "shop"', True),
            ('FATAL:  role "alice" is not permitted to log in', True),
            ('FATAL:  too many connections for role "alice"', True),
            ('FATAL:  role "alice" does not exist', Unclear),
            ('FATAL:  no pg_hba.conf entry for host "10.0.0.7"', Unclear),
            ("FATAL:  the database system is starting up", Unclear),
            ("connection refused S3cr3t-MARKER", Unreachable),
            ("timeout expired", Unreachable),
            ("", Unreachable),
        ],
    )
    def test_what_its_texts_mean(self, monkeypatch, text, expected):
        login, _fake = self.login(monkeypatch, text)
        if isinstance(expected, bool):
            assert login.takes("alice", SECRET) is expected
            return
        with pytest.raises(expected) as caught:
            login.takes("alice", SECRET)
        assert "MARKER" not in str(caught.value) and "db.example.com:5432" in str(caught.value)


class TestEdges:
    """Servers as they are by now, and servers that check nothing."""

    @pytest.mark.parametrize(
        "options, ssl",
        [
            ({"ssl": None}, {"check_hostname": False}),
            ({"ssl": None, "ca_path": "/ca.pem"}, {"ca": "/ca.pem"}),
            ({"ssl": True, "client_cert": "/c.pem"}, {"check_hostname": False, "cert": "/c.pem", "key": "/c.pem"}),
            ({"ssl": None, "ca_path": "/ca.pem", "client_cert": "/c.pem", "client_key": "/k.pem"}, {"ca": "/ca.pem", "cert": "/c.pem", "key": "/k.pem"}),
        ],
    )
    def test_edge_28_tls_is_tried_and_certificates_are_shown(self, monkeypatch, options, ssl):
        login, fake = mysql(monkeypatch, True, **options)
        assert login.takes("alice", SECRET) is True
        assert [call["ssl"] for call in fake.calls] == [ssl] and "ssl_disabled" not in fake.calls[0]

    @pytest.mark.parametrize(
        "options, falls_back",
        [
            ({"ssl": None}, True),
            ({"ssl": True}, False),
            ({"ssl": None, "ca_path": "/ca.pem"}, False),
            ({"ssl": None, "client_cert": "/c.pem"}, False),
        ],
    )
    def test_edge_28_without_tls_only_where_the_server_offers_none_and_nobody_insists(self, monkeypatch, options, falls_back):
        login, fake = mysql(monkeypatch, None, **options)
        connect = fake.connect

        def plain_only(**given):
            if "ssl" in given:
                fake.calls.append(given)
                raise fake.error(2026, "SSL is required but the server doesn't support it")
            return connect(**given)

        fake.connect, fake._takes = plain_only, lambda user, password: True
        if falls_back:
            assert login.takes("alice", SECRET) is True and [("ssl" in call) for call in fake.calls] == [True, False]
            return
        with pytest.raises(Unreachable):
            login.takes("alice", SECRET)
        assert len(fake.calls) == 1

    def test_edge_28_a_refused_login_over_tls_is_not_repeated_without(self, monkeypatch):
        login, fake = mysql(monkeypatch, False, ssl=None)
        assert login.takes("alice", SECRET) is False and len(fake.calls) == 1

    def test_edge_28_what_is_missing_is_named(self, monkeypatch):
        text = "'cryptography' package is required for sha256_password or caching_sha2_password auth methods"
        login, _fake = mysql(monkeypatch, RuntimeError(text))
        with pytest.raises(Unclear) as caught:
            login.takes("alice", SECRET)
        assert all(word in str(caught.value) for word in ("caching_sha2_password", "cryptography", "ssl: true"))

    @pytest.mark.parametrize(
        "options, expected",
        [
            ({"ssl": None}, {"sslmode": "prefer"}),
            ({"ssl": None, "client_cert": "/c.pem"}, {"sslmode": "require", "sslcert": "/c.pem", "sslkey": "/c.pem"}),
            (
                {"ssl": None, "ca_path": "/ca.pem", "client_cert": "/c.pem", "client_key": "/k.pem"},
                {"sslmode": "verify-full", "sslrootcert": "/ca.pem", "sslcert": "/c.pem", "sslkey": "/k.pem"},
            ),
        ],
    )
    def test_edge_28_the_same_at_postgresql(self, monkeypatch, options, expected):
        fake = FakePostgreSQL()
        monkeypatch.setitem(sys.modules, "psycopg", fake)
        assert DatabaseLogin("postgresql", "db.example.com", **options).takes("alice", SECRET) is True
        assert {name: fake.calls[0][name] for name in expected} == expected

    @pytest.mark.parametrize("account", ["@%", "@", "skip-grants user@skip-grants host", "bob@%"])
    def test_edge_42_a_login_that_was_taken_for_another_account_proves_nothing(self, monkeypatch, account):
        login, _fake = mysql(monkeypatch, account)
        with pytest.raises(Unclear) as caught:
            login.takes("alice", SECRET)
        assert str(caught.value) == "%s matched the login to the account %s" % (AT, account)

    def test_edge_42_a_postgresql_that_takes_any_password_proves_nothing(self, monkeypatch):
        fake = FakePostgreSQL()
        fake.takes_any = True
        monkeypatch.setitem(sys.modules, "psycopg", fake)
        login = DatabaseLogin("postgresql", "db.example.com")
        for _turn in range(2):
            with pytest.raises(Unclear, match="accepts any password"):
                login.takes("alice", SECRET)
        # Twice the password, and once for all another one.
        assert [call["password"] == SECRET for call in fake.calls] == [True, False, True]
