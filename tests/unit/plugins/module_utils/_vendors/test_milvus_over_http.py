# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change run against the double of Milvus over real HTTP: what is in force afterwards, and what arrived."""

from __future__ import annotations

import json

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _change
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.milvus import Milvus

from tests.doubles.faults import http_date
from tests.doubles.milvus import DESCRIBE, LIST, UPDATE, MilvusDouble
from tests.unit.calls import call, verdict
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, ROOT, Clock, params

OPERATOR = {"api_user": "root", "api_password": ROOT}
SHORT = 0.5


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def make(**options):
    """A double with three users."""
    return MilvusDouble({"root": ROOT, "alice": OLD, "bob": OLD}, **options)


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def alice(**more):
    """The user of most tests."""
    return dict({"name": "alice", "password": NEW, "current_password": OLD}, **more)


def run(double, *users, check_mode=False, clock=None, **options):
    """The result; nobody really waits."""
    result = call(Milvus, *users, check_mode=check_mode, clock=clock, **dict({"url": double.url, "timeout": 20.0}, **options))
    assert "MARKER" not in json.dumps(result, ensure_ascii=False)
    return result


def paths(double):
    """The operations, in the order in which they arrived."""
    return [request.path for request in double.requests]


@pytest.mark.parametrize("options", [{}, OPERATOR])
@pytest.mark.parametrize("password", [NEW, "S3cr3t-MARKER-\u00e4\u20ac:\"'\\<&>", " S3cr3t-MARKER ", "S3cr3t-\tMARKER", "\u00e4" * 36])
def test_change_then_nothing_to_do(double, options, password):
    user = alice(password=password)
    options = dict(options, allow_control_characters=True)
    assert verdict(run(double, user, **options)) == ("changed", True, None)
    assert (double.users["alice"], double.writes) == (password, 1)
    double.read_only = True
    again = run(double, user, **options)
    assert verdict(again) == ("unchanged", True, None) and again["changed"] is False
    assert (double.writes, double.refused_writes) == (1, [])


@pytest.mark.parametrize("super_users", [(), ("root",)])
def test_an_unknown_user_is_not_created(super_users):
    with make(super_users=super_users) as double:
        result = run(double, alice(name="carol"), alice(), update_password="always", **OPERATOR)
        assert verdict(result) == ("failed", None, "user_not_found")
        assert "carol" not in double.users and double.users["alice"] == NEW


def test_a_super_user_without_the_current_password():
    with make(super_users=["root"]) as double:
        assert verdict(run(double, alice(current_password=None), **OPERATOR)) == ("changed", True, None)


def test_a_user_without_rights_acts_for_another(double):
    result = run(double, alice(), api_user="bob", api_password=OLD)
    assert verdict(result) == ("failed", None, "permission_denied")
    assert (paths(double), double.users["alice"]) == ([LIST], OLD)


def test_the_cloud_with_an_api_key():
    with make(cloud=True, api_keys={"S3cr3t-MARKER-key": "operator"}) as double:
        assert verdict(run(double, alice(), api_token="S3cr3t-MARKER-key")) == ("changed", True, None)
        assert verdict(run(double, alice(password="weakweak", current_password=NEW), api_token="S3cr3t-MARKER-key")) == ("failed", False, "password_rejected")


def test_a_server_without_authorization():
    with make(authorization=False) as double:
        result = run(double, alice())
        assert verdict(result) == ("changed", None, None) and "switched off" in result["warnings"][0]
        assert double.users["alice"] == NEW


@pytest.mark.parametrize("options", [{}, OPERATOR])
def test_a_server_that_is_too_old(options):
    with make(users_api=False) as double:
        assert verdict(run(double, alice(), update_password="always", **options)) == ("failed", None, "unsupported")


def test_73_bytes_before_release_2_5_where_only_the_server_could_know():
    with make(max_password=256) as double:
        double.bcrypt_limit = 40
        result = run(double, alice(password="x" * 41))
        assert verdict(result) == ("failed", False, "unexpected_response") and double.users["alice"] == OLD


def test_check_mode_writes_nothing(double):
    double.read_only = True
    result = run(double, alice(), alice(name="nobody"), alice(name="bob", current_password="S3cr3t-MARKER-wrong"), check_mode=True, **OPERATOR)
    assert [user["state"] for user in result["users"]] == ["would_change", "failed", "failed"]
    assert double.refused_writes == [] and UPDATE not in paths(double)


@pytest.mark.parametrize(
    "kind, options",
    [
        ("hang", {}),
        ("drop", {}),
        ("cut", {}),
        ("html", {}),
        ("truncated", {}),
        ("wrong_types", {}),
        ("wrong_types", {"top": "list"}),
        ("wrong_types", {"top": "null"}),
        ("answer", {"status": 408, "body": "timeout"}),
        ("answer", {"status": 500}),
        ("answer", {"status": 503, "headers": {"Retry-After": "1"}}),
        ("answer", {"status": 200, "body": {"code": 65535, "message": "odd"}}),
        ("echo", {}),
    ],
)
@pytest.mark.parametrize("applies", ["now", "never", "later"])
def test_a_write_whose_answer_is_lost_is_sent_once_and_looked_after(double, kind, options, applies):
    fault = double.inject(kind, path="update_password", applies=applies, **options)
    clock = Clock()

    def wait(seconds):
        clock.sleep(seconds)
        double.settle()

    result = _change.set_passwords(Milvus, params(Milvus, alice(), url=double.url, timeout=SHORT if kind == "hang" else 20.0), False, wait, clock)
    assert "MARKER" not in json.dumps(result, ensure_ascii=False)
    assert (fault.fired, len(double.calls("update_password"))) == (1, 1)
    if applies == "never":
        assert verdict(result)[:2] == ("failed", False) and double.users["alice"] == OLD
    else:
        assert verdict(result) == ("changed", True, None) and double.users["alice"] == NEW
    assert result["changed"] is (applies != "never")


@pytest.mark.parametrize("as_date", [False, True])
def test_a_server_that_wants_fewer_requests(double, as_date):
    clock, value = Clock(), http_date(2) if as_date else "2"
    for path in ("list", "describe", "update_password"):
        double.inject("answer", path=path, times=2, status=429, headers={"Retry-After": value})
    assert verdict(run(double, alice(), clock=clock, **OPERATOR)) == ("changed", True, None)
    assert len(clock.waits) == 6 and all(0 <= wait <= 2 for wait in clock.waits)
    assert double.writes == 1


@pytest.mark.parametrize("form", ["plain", "json", "repr", "url"])
@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("path", ["list", "describe", "update_password"])
def test_a_server_that_repeats_the_request_in_an_error(double, form, text, path):
    secret = "S3cr3t-MARKER-\"'\\\u00e4&<>%+/ =?"
    double.inject("echo", path=path, times=None, form=form, text=text)
    result = run(double, alice(password=secret, current_password=secret + "-old"), **OPERATOR)
    assert result["failed"] is True and "********" in result["msg"]


def test_fifty_users_two_of_them_bad(double):
    names = ["user%02d" % number for number in range(50)]
    for name in names:
        double.set_user(name, OLD)
    users = [alice(name=name) for name in names]
    users[10]["current_password"] = "S3cr3t-MARKER-wrong"
    users[20]["password"] = "S3M"
    result = run(double, *users, concurrency=4, **OPERATOR)
    assert [(user["name"], user["error"]["kind"]) for user in result["users"] if user["error"]] == [
        ("user10", "current_password_wrong"), ("user20", "password_rejected"),
    ]  # fmt: skip
    assert [user["name"] for user in result["users"]] == names and double.writes == 48
    assert paths(double).count(LIST) == 1 and paths(double).count(UPDATE) == 50 and paths(double).count(DESCRIBE) == 98
    assert len({request.connection for request in double.requests}) <= 4
    # Nobody's login fails but where it is the way to find out.
    assert max(double.failed_logins.values()) == 1


def test_a_server_that_goes_away_in_the_middle(double):
    """Whoever was changed before is told as changed; all others as not."""
    names = ["user%02d" % number for number in range(10)]
    for name in names:
        double.set_user(name, OLD)
    double.inject("drop", path="update_password", skip=4, times=None)
    double.inject("drop", path="describe", user="user05", times=None)
    result = run(double, *[alice(name=name, update_password="always") for name in names], concurrency=1, verify=False, retries=0, **OPERATOR)
    assert [user["state"] for user in result["users"]] == ["changed"] * 4 + ["failed", "unknown"] + ["failed"] * 4
    assert [double.users[name] == NEW for name in names] == [True] * 4 + [False] * 6
