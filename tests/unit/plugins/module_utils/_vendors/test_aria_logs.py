# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Aria Operations for Logs against its double: who is meant, what is sent, and what is in force afterwards."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.aria_logs import AriaLogs
from ansible_collections.rekey.passwords.plugins.module_utils.http import HttpClient

from tests.doubles.aria_logs import CHANGE, LOGIN, OPERATOR, OPERATOR_PASSWORD
from tests.doubles.aria_logs_people import SUPER_ADMIN
from tests.unit.calls import verdict, verdicts
from tests.unit.plugins.module_utils._vendors.aria_logs_calls import NEW, NOBODY, OLD, alice, make, run, story

BEGIN = ["login operator", "list"]


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


@pytest.mark.parametrize("envelope", ["array", "object"])
def test_change_then_nothing_to_do(envelope):
    with make(envelope=envelope) as double:
        result = run(double, alice())
        assert verdict(result) == ("changed", True, None) and result["changed"] and not result["failed"] and result["warnings"] == []
        assert result["users"][0]["id"] == double.people["alice"].id and result["users"][0]["name"] == "alice"
        assert story(double) == BEGIN + ["login alice", "change alice", "GET alice", "login alice"]
        assert double.users["alice"] == NEW and double.users["bob"] == OLD and double.failed_logins == {"alice": 1}
        double.reset()
        double.read_only = True
        again = run(double, alice())
        assert verdict(again) == ("unchanged", True, None) and again["changed"] is False
        assert story(double) == BEGIN + ["login alice"] and double.refused_writes == [] and not double.failed_logins


def test_what_is_sent(double):
    run(double, alice())
    assert [one.json() for one in double.calls(LOGIN)] == [
        {"username": OPERATOR, "password": OPERATOR_PASSWORD, "provider": "Local"}, {"username": "alice", "password": NEW, "provider": "Local"},
        {"username": "alice", "password": NEW, "provider": "Local"},
    ]  # fmt: skip
    assert [one.json() for one in double.calls(CHANGE)] == [{"password": NEW}]
    # A user's session is never used for anything, and the operator's for everything.
    assert {one.authenticated_as for one in double.requests if not one.path.endswith(LOGIN)} == {OPERATOR}
    assert double.open_sessions == [OPERATOR, "alice"]


def test_always_costs_no_failed_login(double):
    assert verdict(run(double, alice(), update_password="always")) == ("changed", True, None)
    assert story(double) == BEGIN + ["change alice", "GET alice", "login alice"] and not double.failed_logins


def test_without_verify_nobody_logs_in_after_the_change(double):
    assert verdict(run(double, alice(), update_password="always", verify=False)) == ("changed", None, None)
    assert story(double) == BEGIN + ["change alice"]


def test_the_shorthand(double):
    assert verdict(run(double, name="alice", password=NEW)) == ("changed", True, None)
    assert verdict(run(double, id=double.people["bob"].id, password=NEW)) == ("changed", True, None)


@pytest.mark.parametrize("form", [str, str.upper])
@pytest.mark.parametrize("name", [None, "alice"])
def test_a_user_by_its_id(double, form, name):
    result = run(double, alice(name=name, id=form(double.people["alice"].id)))
    assert verdict(result) == ("changed", True, None)
    assert (result["users"][0]["name"], result["users"][0]["id"]) == ("alice", double.people["alice"].id)
    assert result["diff"][0]["before_header"] == "alice"


@pytest.mark.parametrize("user", [{"name": "nobody"}, {"name": "Alice"}, {"name": "alice "}, {"id": NOBODY}])
def test_a_user_who_is_not_there_holds_up_nobody(double, user):
    result = run(double, dict(user, password=NEW), {"name": "bob", "password": NEW})
    assert verdicts(result) == [("failed", None, "user_not_found"), ("changed", True, None)]
    message = result["users"][0]["error"]["message"]
    assert message == "User %s does not exist on this server. Correct the name or create the user." % (user.get("name") or NOBODY)
    assert not any("nobody" in what or "lice" in what for what in story(double))


def test_a_name_and_the_id_of_somebody_else(double):
    assert verdict(run(double, alice(id=double.people["bob"].id))) == ("failed", None, "user_not_found")
    assert (double.users["alice"], double.users["bob"], story(double)) == (OLD, OLD, BEGIN)


def test_the_same_user_by_name_and_by_id(double):
    result = run(double, alice(), {"id": double.people["alice"].id, "password": NEW + "x"})
    assert result["error"]["kind"] == "invalid_input" and "twice" in result["msg"] and story(double) == BEGIN


@pytest.mark.parametrize("kind", ["ACTIVE_DIRECTORY", "VIDM", "SOMETHING_NEW"])
def test_only_local_users(double, kind):
    double.add_user("carol", OLD, type=kind)
    result = run(double, {"name": "carol", "password": NEW}, alice())
    assert verdicts(result) == [("failed", None, "user_not_local"), ("changed", True, None)] and kind in result["users"][0]["error"]["message"]
    assert not any("carol" in what for what in story(double))


def test_the_local_one_of_two_with_the_same_name(double):
    double.add_user("alice@corp", OLD, username="alice", type="ACTIVE_DIRECTORY")
    assert verdict(run(double, alice())) == ("changed", True, None)
    assert (double.users["alice"], double.users["alice@corp"]) == (NEW, OLD)
    # By the id it is certain who is meant.
    assert verdict(run(double, alice(id=double.people["alice@corp"].id))) == ("failed", None, "user_not_local")


def test_two_local_users_of_one_name_are_told_apart_by_the_id(double):
    other = double.add_user("other", OLD, username="alice")
    result = run(double, alice())
    assert verdict(result) == ("failed", None, "invalid_input") and "Set id instead" in result["msg"] and double.writes == 0
    assert verdict(run(double, {"id": other.id, "password": NEW}, verify=False, update_password="always")) == ("changed", None, None)
    assert (double.users["alice"], double.users["other"]) == (OLD, NEW)


def test_a_listing_that_does_not_tell_the_type():
    with make(omits=["type"]) as double:
        assert verdict(run(double, alice())) == ("changed", True, None)


@pytest.mark.parametrize("name", [
    "\u00e4lice", "\u30a2\u30ea\u30b9", "alice smith", "o'brien\"", "a/b?c#d&e=f", "a*b%41", "x;y==z,(w)", "corp\\alice", "alice@corp.example",
])  # fmt: skip
def test_names_that_are_not_plain(name):
    with make(name) as double:
        assert verdict(run(double, {"name": name, "password": NEW})) == ("changed", True, None)
        assert double.users[name] == NEW
        assert verdict(run(double, {"name": name, "password": NEW})) == ("unchanged", True, None)


@pytest.mark.parametrize("password", [" S3cr3t-MARKER ", "S3cr3t MARKER-\"'\\<&>", "S3cr3t-MARKER!/%?#:;{}", "MARKERa1" + "!" * 300])
def test_passwords_that_are_not_plain(double, password):
    assert verdict(run(double, alice(password=password))) == ("changed", True, None)
    assert double.users["alice"] == password and verdict(run(double, alice(password=password))) == ("unchanged", True, None)


@pytest.mark.parametrize("password", [
    "", "Sh0rt-M", "s3cr3t-marker", "S3CR3T-MARKER", "Secret-MARKER", "S3cr3tMARKER", "S3cr3t-MARKER-\u00e4", "S3cr3t-\tMARKER", "S3cr3t-MARKER\n",
    "S3cr3t-MARKER-\ud800", "S3cr3t-MARKER-" + "x" * 2000,
])  # fmt: skip
def test_passwords_that_the_server_would_refuse_cost_nothing(double, password):
    result = run(double, alice(password=password))
    assert verdict(result) == ("failed", None, "password_rejected") and double.requests == []
    assert not password or password not in result["msg"]


@pytest.mark.parametrize("user, options", [
    ({"name": "alice"}, {}), ({"name": "alice", "unlock": False}, {"unlock": True}), ({"name": "", "password": NEW}, {}),
    ({"id": "", "password": NEW}, {}), ({"id": "42", "password": NEW}, {}), ({"name": "alice", "id": "../../x", "password": NEW}, {}),
    (alice(), {"api_password": ""}), (alice(), {"api_user": ""}),
])  # fmt: skip
def test_what_is_certainly_wrong_costs_nothing(double, user, options):
    result = run(double, user, **options)
    assert verdict(result) == ("failed", None, "invalid_input") and double.requests == []


def test_neither_password_nor_unlock_says_what_to_give(double):
    assert "set password, or unlock: true" in run(double, {"name": "alice"})["msg"]


@pytest.mark.parametrize("password", [OPERATOR_PASSWORD, "Wrong-S3cr3t-MARKER-1"])
def test_the_connections_are_closed_whatever_happens(double, monkeypatch, password):
    closed = []
    monkeypatch.setattr(HttpClient, "close", lambda client: closed.append(client) or client._session.close())
    run(double, alice(), api_password=password)
    assert len(closed) == 1


def test_check_mode_writes_nothing(double):
    double.read_only = True
    double.people["bob"].locked = True
    users = [alice(), {"name": "nobody", "password": NEW}, {"name": "bob", "password": NEW}, {"id": double.people["operator"].id, "unlock": True}]
    result = run(double, *users, check_mode=True)
    assert verdicts(result) == [("would_change", None, None), ("failed", None, "user_not_found"), ("failed", None, "account_locked"), ("unchanged", None, None)]
    # Without a login of alice, which might fail and count.
    assert double.refused_writes == [] and story(double) == BEGIN


def test_three_of_ten_thousand():
    with make(latency=0) as double:
        double.populate(10000)
        names = ["user-00001", "user-05000", "user-10000"]
        result = run(double, *[{"name": name, "password": NEW} for name in names], concurrency=3)
        assert verdicts(result) == [("changed", True, None)] * 3 and double.writes == 3
        assert story(double).count("list") == 1 and len(double.requests) == 2 + 3 * 4


def test_many_users_share_a_login_a_listing_and_the_connections():
    names = ["user%02d" % number for number in range(40)]
    with make(*names) as double:
        double.people["user10"].locked = True
        result = run(double, *[{"name": name, "password": "Short1!" if name == "user20" else NEW} for name in names], concurrency=4)
        assert [(user["name"], user["error"]["kind"]) for user in result["users"] if user["error"]] == [
            ("user10", "account_locked"), ("user20", "password_rejected"),
        ]  # fmt: skip
        assert [user["name"] for user in result["users"]] == names and double.writes == 38
        assert story(double).count("login operator") == story(double).count("list") == 1
        assert len({request.connection for request in double.requests}) <= 4
        assert max(double.failed_logins.values()) == 1 and not double.lockouts


@pytest.mark.parametrize("options", [{}, {"change_ends_sessions": True}, {"omits": ["authStatus"]}])
@pytest.mark.parametrize("by_id", [False, True])
def test_the_operator_among_the_users_comes_last_and_never_fails_to_log_in(options, by_id):
    with make(**options) as double:
        operator = {"id": double.people[OPERATOR].id} if by_id else {"name": OPERATOR}
        result = run(double, dict(operator, password=NEW), alice(), concurrency=2)
        assert verdict(result) == ("changed", True, None) and verdicts(result)[1][0] == "changed"
        assert story(double)[-2:] == ["change operator", "login operator"] and OPERATOR not in double.failed_logins
        double.reset()
        again = run(double, dict(operator, password=NEW), api_password=NEW)
        assert verdict(again) == ("unchanged", True, None) and story(double)[-1] == "login operator" and not double.failed_logins


def test_an_operator_of_a_directory_is_none_of_the_users(double):
    double.add_user("operator@corp", "Corp-S3cr3t-MARKER-1", username=OPERATOR, type="ACTIVE_DIRECTORY", rights=SUPER_ADMIN)
    options = {"api_password": "Corp-S3cr3t-MARKER-1", "api_provider": "ActiveDirectory"}
    assert verdict(run(double, {"name": OPERATOR, "password": NEW}, **options)) == ("changed", True, None)
    assert double.users[OPERATOR] == NEW and double.calls(LOGIN)[0].json()["provider"] == "ActiveDirectory"
    assert AriaLogs.operator_name(dict(options, api_user=OPERATOR)) is None
    assert AriaLogs.operator_name({"api_user": OPERATOR}) == AriaLogs.operator_name({"api_user": OPERATOR, "api_provider": "Local"}) == OPERATOR
