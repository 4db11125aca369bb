# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change run against the double of Trove over real HTTP: what is in force afterwards, and what arrived."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.rackspace_database import RackspaceDatabase

from tests.doubles.trove import INSTANCE, TroveDouble
from tests.doubles.trove_identity import PROJECT_ID
from tests.unit.calls import call
from tests.unit.plugins.module_utils._vendors.rackspace_database_wire import DATABASE_LOGIN, states
from tests.unit.plugins.module_utils.fake_databases import FakeMySQL
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, Clock

OPERATOR = "S3cr3t-MARKER-operator"
KEY = "S3cr3t-MARKER-key"
CREDENTIAL = "S3cr3t-MARKER-credential"
SHORT = 0.3
# The address of alice, decoded once.
LOOKUP = "/users/alice%40%25"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def make(users=None, **options):
    """A double with three users."""
    options = dict({"operators": {"operator": OPERATOR}, "api_keys": {"operator": KEY}, "application_credentials": {"c-1": CREDENTIAL}}, **options)
    return TroveDouble(users or {"alice": OLD, "bob": OLD, "bob@10.0.0.1": OLD}, **options)


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def keystone(double):
    """The options of a login at Keystone."""
    return {"auth_type": "keystone", "auth_url": double.url, "api_user": "operator", "api_password": OPERATOR, "project_name": "customer"}


def by_credential(double):
    """The options of a login with an application credential."""
    return {"auth_type": "keystone", "auth_url": double.url + "/v3/", "application_credential_id": "c-1", "application_credential_secret": CREDENTIAL}


def rackspace(double, **more):
    """The options of a login at Rackspace."""
    return dict({"auth_url": double.url + "/v2.0", "api_user": "operator", "api_key": KEY}, **more)


def by_password(double):
    """The options of a login at Rackspace with a password."""
    return rackspace(double, api_key=None, api_password=OPERATOR)


def by_token(double):
    """The options of no login."""
    return {"auth_type": "token", "api_token": double.issue_token(), "endpoint": "%s/v1.0/%s" % (double.url, PROJECT_ID)}


def run(double, *users, check_mode=False, clock=None, sleep=None, how=rackspace, **options):
    """The result; nobody really waits."""
    options = dict({"url": None, "instance_id": INSTANCE, "timeout": 5.0}, **dict(how(double), **options))
    result = call(RackspaceDatabase, *users, check_mode=check_mode, clock=clock, sleep=sleep, **options)
    assert "MARKER" not in json.dumps(result, ensure_ascii=False)
    assert not any(token in json.dumps(result) for token in double.tokens)
    return result


def with_logins(monkeypatch, double):
    """Logins to the database of the double."""

    def takes(user, password):
        found = [
            (name, host) for name, host in (key.partition("@")[::2] for key in double.users) if name == user and double.can_log_in(name, password, host or "%")
        ]
        return "%s@%s" % (user, found[0][1] or "%") if found else False

    fake = FakeMySQL(takes)
    monkeypatch.setitem(sys.modules, "pymysql", fake)
    return fake


@pytest.mark.parametrize("how", [rackspace, by_password, keystone, by_credential, by_token])
def test_every_way_to_a_token(double, how):
    assert states(run(double, "alice", how=how)) == [("alice", "changed", None, None)]
    assert double.users["alice"] == NEW and double.writes == 1 and double.logins() == (0 if how is by_token else 1)


@pytest.mark.parametrize(
    "how, wrong",
    [
        (rackspace, {"api_key": "S3cr3t-MARKER-wrong"}),
        (by_password, {"api_password": "S3cr3t-MARKER-wrong"}),
        (keystone, {"api_password": "S3cr3t-MARKER-wrong"}),
        (keystone, {"project_name": "other"}),
        (keystone, {"user_domain_name": "other"}),
        (by_credential, {"application_credential_secret": "S3cr3t-MARKER-wrong"}),
    ],
)
def test_wrong_credentials_are_shown_once(double, how, wrong):
    result = run(double, "alice", "bob", how=how, **wrong)
    assert result["error"]["kind"] == "authentication_failed" and result["error"]["request_id"].startswith("req-")
    assert double.logins() == 1 and sum(double.failed_logins.values()) == 1 and double.writes == 0


def test_a_second_factor(double):
    double.multi_factor.add("operator")
    assert "users with multi-factor authentication need an API key" in run(double, "alice", how=by_password)["msg"]


def test_regions():
    with make(regions=["DFW", "ORD"]) as double:
        assert run(double, "alice")["error"]["kind"] == "target_not_found"
        assert states(run(double, "alice", region="DFW")) == [("alice", "changed", None, None)]


@pytest.mark.parametrize("password", [NEW, "S3cr3t-MARKER-\u00e4\u20ac", "S3cr3t-MARKER a:b ::x %s -_.+=@%^!#$&*()<>?[]{}|~", "S3cr3t-MARKER" + "x" * 242])
def test_change_then_nothing_to_do(monkeypatch, double, password):
    logins = with_logins(monkeypatch, double)
    user = {"name": "alice", "password": password}
    assert states(run(double, user, database_login=DATABASE_LOGIN)) == [("alice", "changed", True, None)]
    assert double.can_log_in("alice", password) and logins.calls[0]["host"] == "127.0.0.1"
    double.read_only = True
    again = run(double, user, database_login=DATABASE_LOGIN)
    assert states(again) == [("alice", "unchanged", True, None)] and again["changed"] is False and again["warnings"] == []
    assert double.refused_writes == []


def test_sixty_users_are_one_write(double):
    names = ["user%02d" % number for number in range(60)]
    for name in names:
        double.set_user(name, OLD)
    result = run(double, *[{"name": name, "password": "S3cr3t-MARKER-" + name} for name in names + ["nobody"]], concurrency=4)
    assert [state[1] for state in states(result)] == ["changed"] * 60 + ["failed"]
    assert all(double.can_log_in(name, "S3cr3t-MARKER-" + name) for name in names)
    # Four pages, as alice and both bobs are on the first; then the one that is on none of them.
    assert [request.method for request in double.requests] == ["POST", "GET"] + ["GET"] * 4 + ["GET", "PUT"]


def test_a_user_with_a_host(monkeypatch, double):
    logins = with_logins(monkeypatch, double)
    user = {"name": "bob", "password": NEW, "host": "10.0.0.1"}
    result = run(double, user, database_login=DATABASE_LOGIN)
    assert states(result) == [("bob", "changed", True, None)]
    assert (double.users["bob"], double.users["bob@10.0.0.1"]) == (OLD, NEW)
    assert len(logins.calls) == 2
    # A login as somebody else of that name proves nothing.
    double.set_user("bob", NEW)
    again = run(double, user, database_login=DATABASE_LOGIN)
    assert states(again) == [("bob", "changed", None, None)] and "matched the login to the account bob@%" in again["warnings"][0]


def test_what_would_be_lost_is_refused_before(monkeypatch, double):
    """And would indeed be lost: the double takes it."""
    for password in ["S3cr3t-MARKER" + rest for rest in ("'", '"', ";", ",", "/", "\\", "`", " ", "\t", "\u00a0", "!:zz9")] + [
        ":S3cr3t-MARKER",
        " S3cr3t-MARKER",
    ]:
        assert states(run(double, {"name": "alice", "password": password})) == [("alice", "failed", None, "password_rejected")]
    assert double.requests == []
    monkeypatch.setattr(RackspaceDatabase, "check", lambda vendor, account: None)
    logins = with_logins(monkeypatch, double)
    result = run(double, {"name": "alice", "password": "S3cr3t-MARKER;"}, database_login=DATABASE_LOGIN)
    assert states(result) == [("alice", "failed", False, "not_verified")] and double.users["alice"] == OLD and len(logins.calls) > 2


def test_a_delay_after_the_answer(monkeypatch):
    with make(delay=None) as double:
        with_logins(monkeypatch, double)
        clock = Clock()

        def wait(seconds):
            clock.sleep(seconds)
            if clock.now > 1002:
                double.settle()

        result = run(double, "alice", "bob", sleep=wait, clock=clock, database_login=DATABASE_LOGIN, concurrency=1)
        assert {state[1:] for state in states(result)} == {("changed", True, None)}


def test_a_change_that_never_comes(monkeypatch):
    with make(delay=None) as double:
        with_logins(monkeypatch, double)
        result = run(double, "alice", database_login=DATABASE_LOGIN)
        assert states(result) == [("alice", "failed", False, "not_verified")] and result["changed"] is True
        assert result["users"][0]["error"]["retryable"] is False


@pytest.mark.parametrize(
    "instances, kind",
    [
        ({INSTANCE: "BUILD"}, "target_not_ready"),
        ({INSTANCE: "SHUTDOWN"}, "target_not_ready"),
        ({INSTANCE: "FOREIGN"}, "target_not_found"),
        ({"other": "ACTIVE"}, "target_not_found"),
    ],
)
def test_instances(instances, kind):
    with make(instances=instances) as double:
        result = run(double, "alice")
        assert result["error"]["kind"] == kind and result["error"]["request_id"].startswith("req-") and double.writes == 0


def test_another_tenant(double):
    result = run(double, "alice", endpoint=double.url + "/v1.0/999")
    assert result["error"]["kind"] == "permission_denied" and result["error"]["vendor_code"] == "403 Forbidden" and "<br" not in result["msg"]


def test_a_reader(double):
    double.readers.add("operator")
    assert states(run(double, "alice")) == [("alice", "failed", None, "permission_denied")]


@pytest.mark.parametrize("where", ["/instances/" + INSTANCE, LOOKUP, "/users"])
def test_a_token_that_ends_is_renewed_once(double, where):
    double.inject("answer", path=where, status=401, body={"error": {"code": 401}})
    assert states(run(double, "alice")) == [("alice", "changed", None, None)]
    assert double.logins() == 2


def test_tokens_that_end_for_real_and_again(double):
    """The login works each time, and what it gives is worthless: it is not asked for a third."""
    issue = double.issue_token

    def worthless(*args):
        token = issue(*args)
        double.expire_tokens()
        return token

    double.issue_token = worthless
    assert run(double, "alice", "bob")["error"]["kind"] == "authentication_failed"
    assert double.logins() == 2 and double.writes == 0


def test_a_token_that_was_given_is_not_renewed(double):
    options = by_token(double)
    double.expire_tokens()
    result = run(double, "alice", how=lambda double: options)
    assert result["error"]["kind"] == "authentication_failed" and double.logins() == 0 and len(double.requests) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_service_that_wants_fewer_requests(form):
    with make(put_rate=1, retry_after=form) as double:
        clock = Clock()
        double.clock = clock
        run(double, "alice", clock=clock)
        assert states(run(double, "bob", clock=clock)) == [("bob", "changed", None, None)]
        assert sum(clock.waits) == pytest.approx(60, abs=3)
        assert states(run(double, "alice", clock=clock, retries=0)) == [("alice", "failed", None, "rate_limited")]


@pytest.mark.parametrize("guest", ["silent", "without database"])
def test_a_guest_that_does_not_answer(double, guest):
    double.guest = guest
    assert run(double, "alice", "bob")["error"]["kind"] == "vendor_unavailable"
    assert len(double.requests) == 3


def test_a_list_that_is_spoilt(double):
    double.odd_account = True
    names = ["user%02d" % number for number in range(10)]
    for name in names:
        double.set_user(name, OLD)
    assert {state[1] for state in states(run(double, *names))} == {"changed"} and double.writes == 1


def test_a_service_that_refuses_more_than_is_known(monkeypatch, double):
    double.refuses = True
    monkeypatch.setattr(RackspaceDatabase, "check", lambda vendor, account: None)
    result = run(double, {"name": "alice", "password": "S3cr3t-MARKER'\\\""}, "bob")
    assert states(result) == [("alice", "failed", None, "password_rejected"), ("bob", "changed", None, None)]
    assert "'********' is not a valid password" in result["users"][0]["error"]["message"]


def test_check_mode_writes_nothing(monkeypatch, double):
    with_logins(monkeypatch, double)
    double.read_only = True
    result = run(double, "alice", {"name": "bob", "password": OLD}, "nobody", check_mode=True, database_login=DATABASE_LOGIN)
    assert [state[1] for state in states(result)] == ["would_change", "unchanged", "failed"]
    assert double.refused_writes == [] and not [request for request in double.requests if request.method == "PUT"]


@pytest.mark.parametrize(
    "kind, options",
    [
        ("hang", {}),
        ("drop", {}),
        ("html", {}),
        ("answer", {"status": 500}),
        ("answer", {"status": 503, "headers": {"Retry-After": "1"}}),
        ("answer", {"status": 200, "body": {}}),
        ("echo", {}),
    ],
)
@pytest.mark.parametrize("applies", ["now", "never", "later"])
def test_a_change_whose_answer_is_lost_is_sent_once_and_looked_after(monkeypatch, double, kind, options, applies):
    with_logins(monkeypatch, double)
    fault = double.inject(kind, path="/users", method="PUT", applies=applies, times=None, **options)
    clock = Clock()

    def wait(seconds):
        clock.sleep(seconds)
        double.settle()

    result = run(double, "alice", "bob", sleep=wait, clock=clock, timeout=SHORT if kind == "hang" else 5.0, database_login=DATABASE_LOGIN, concurrency=1)
    assert fault.fired == 1
    assert {state[1:3] for state in states(result)} == {("failed", False) if applies == "never" else ("changed", True)}
    assert result["changed"] is (applies != "never")


@pytest.mark.parametrize(
    "kind, options", [("html", {"status": 500}), ("wrong_types", {}), ("wrong_types", {"top": "list"}), ("wrong_types", {"top": "null"}), ("truncated", {})]
)
@pytest.mark.parametrize("path", ["/tokens", "/instances/" + INSTANCE, LOOKUP, "/users"])
@pytest.mark.parametrize("how", [rackspace, keystone])
def test_answers_that_nobody_expects(double, kind, options, path, how):
    double.inject(kind, path=path, method="GET" if path == "/users" else None, times=None, **options)
    names = ["alice", "bob"] + ["user%02d" % number for number in range(5)]
    result = run(double, *(names if path == "/users" else ["alice"]), how=how)
    assert "please report it" not in json.dumps(result) and "not_tried" not in json.dumps(result)


@pytest.mark.parametrize("form", ["plain", "json", "repr", "url"])
@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("path", ["/tokens", "/instances/" + INSTANCE, LOOKUP, "/users"])
def test_a_service_that_repeats_the_request_in_an_error(monkeypatch, double, form, text, path):
    monkeypatch.setattr(RackspaceDatabase, "check", lambda vendor, account: None)
    double.inject("echo", path=path, times=None, form=form, text=text, status=400)
    result = run(double, {"name": "alice", "password": "S3cr3t-MARKER-\"'\\\u00e4&<>%+/ =?"})
    assert result["failed"] is True and "********" in result["msg"]
