# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that are not what they seem to be, and logins that prove nothing, against every vendor's double."""

from __future__ import annotations

import itertools
import pathlib
import re

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible_collections.rekey.passwords.plugins.module_utils import _change
from starlette.responses import JSONResponse, PlainTextResponse

from tests.doubles.milvus import MilvusDouble
from tests.unit.ansible_versions import is_true
from tests.unit.calls import NEW, OLD, run, verdicts
from tests.unit.plugins.module_utils.fake_vendor import NEW as FAKE_NEW
from tests.unit.plugins.module_utils.fake_vendor import OLD as FAKE_OLD
from tests.unit.plugins.module_utils.fake_vendor import Clock, make_vendor, params
from tests.vendor_cases import CASES

CONTROLS = [NEW + "\n", NEW + "\r\n", NEW[:4] + "\n" + NEW[4:], NEW + "\t", "\0" + NEW, NEW + "\x1b[31m", NEW + "\x7f", NEW + "\x85", NEW + "\u2028"]


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture
def double(case):
    with case.double({name: OLD for name in ("alice", "bob")}) as running:
        yield running


# 17: control characters and white space.


@pytest.mark.parametrize("password", CONTROLS)
def test_edge_17_a_control_character_in_a_new_password_is_refused(case, double, password):
    users = [{"name": "alice", "password": password, "current_password": OLD}, {"name": "bob", "password": NEW, "current_password": OLD}]
    result = run(case, double, users=users, update_password="always")
    assert verdicts(result) == [("failed", None, "password_rejected"), ("changed", case.proves or None, None)]
    assert double.can_log_in("alice", OLD) and NEW not in str(result)
    message = result["users"][0]["error"]["message"]
    assert "line break" in message or "control character" in message
    assert ("allow_control_characters" in message) is case.capabilities.control_characters


@pytest.mark.parametrize("password", CONTROLS)
def test_edge_17_it_is_set_where_the_vendor_takes_it_and_the_user_insists(case, double, password):
    users = [{"name": "alice", "password": password, "current_password": OLD}]
    result = run(case, double, users=users, update_password="always", allow_control_characters=True)
    if case.capabilities.control_characters:
        assert verdicts(result) == [("changed", True, None)] and double.can_log_in("alice", password)
    else:
        assert verdicts(result) == [("failed", None, "password_rejected")] and double.can_log_in("alice", OLD)


def test_edge_17_a_password_that_holds_one_is_still_looked_at(case, double):
    double.users["alice"] = OLD
    result = run(case, double, users=[{"name": "alice", "password": OLD + "\n"}], update_password="never")
    kind = "current_password_wrong" if case.proves else "not_verified"
    assert verdicts(result) == [("failed", False if case.proves else None, kind)]
    assert ("password begins or ends with white space" in result["users"][0]["error"]["message"]) is case.proves


@pytest.mark.parametrize("odd, hint", [(OLD + "x", False), (OLD + "\n", True), (OLD + " ", True), (" " + OLD, True)])
@pytest.mark.parametrize("vendor", ["milvus", "vcd"])
def test_edge_17_a_wrong_current_password_that_ends_in_white_space_says_so(vendor, odd, hint):
    case = CASES[vendor]
    with case.double({"alice": OLD}) as double:
        connection = {name: value for name, value in case.connection(double).items() if not name.startswith("api_")}
        alone = type(case)(**dict(vars(case), connection=lambda _double: connection))
        result = run(alone, double, users=[{"name": "alice", "password": NEW, "current_password": odd}])
        error = result["users"][0]["error"]
        assert error["kind"] == "current_password_wrong"
        assert ("current_password begins or ends with white space" in error["message"]) is hint and OLD not in str(result)


@pytest.mark.parametrize("odd, hint", [("", False), ("\n", True), (" ", True)])
def test_edge_17_a_wrong_secret_of_the_operator_that_ends_in_white_space_says_so(case, double, odd, hint):
    spec = case.connection(double)
    names = [name for name in spec if name in ("api_password", "api_key", "api_token", "client_secret")]
    (name,) = names
    wrong = "S3cr3t-MARKER-wrong" + odd
    result = run(case, double, "alice", update_password="always", **{name: wrong})
    if result["error"]["kind"] == "invalid_input":
        pytest.skip("a token cannot travel in this form")
    assert result["error"]["kind"] == "authentication_failed" and wrong not in str(result)
    assert (name + " begins or ends with white space" in result["msg"]) is hint


# 42: servers that take any login.


class _AnyLogin(MilvusDouble):
    """Takes whatever stands in the header, and refuses a request without one; ``checks`` is what it looks at."""

    takes = "any"

    def authenticate(self, received):
        user, password = self._credentials(received)
        if user is None and password is None:
            return JSONResponse({"code": 1800, "message": "user hasn't authenticated"}, 401)
        if self.takes == "page":
            return JSONResponse({"code": 0, "data": ["alice"]}, 200)
        if self.takes == "html":
            return PlainTextResponse("<html>Welcome</html>", 200, media_type="text/html")
        received.authenticated_as = user
        return None


@pytest.mark.parametrize("takes", ["any", "page", "html"])
@pytest.mark.parametrize("update, operator", list(itertools.product(["always", "when_changed", "never"], [False, True])))
def test_edge_42_where_any_login_is_taken_nothing_is_proved(takes, update, operator):
    case = CASES["milvus"]
    with _AnyLogin({"root": "S3cr3t-MARKER-root", "alice": OLD, "bob": OLD}, super_users=["root"]) as double:
        double.takes = takes
        connection = {"url": double.url, **({"api_user": "root", "api_password": "any"} if operator else {})}
        alone = type(case)(**dict(vars(case), connection=lambda _double: connection))
        result = run(alone, double, "alice", "bob", update_password=update, concurrency=1)
        assert not any(user["verified"] for user in result["users"]), result
        if update == "never":
            assert all(user["state"] == "failed" for user in result["users"])
        else:
            # A password that nobody has set passes for right nowhere.
            assert all(user["state"] != "unchanged" for user in result["users"])
        controls = [request for request in double.requests if (request.login or "").startswith("rekey_")]
        assert len(controls) <= (1 if takes == "any" else 2)


def test_edge_42_a_server_that_checks_logins_is_asked_once_a_call_and_no_user_is_charged():
    case = CASES["milvus"]
    names = ["user%d" % number for number in range(6)]
    with case.double(dict.fromkeys(names, OLD)) as double:
        result = run(case, double, *names, update_password="always", concurrency=1)
        assert verdicts(result) == [("changed", True, None)] * 6 and not double.failed_logins
        assert len([request for request in double.requests if (request.login or "").startswith("rekey_")]) == 1


@pytest.mark.parametrize("vendor", [name for name in CASES if name not in ("milvus", "rackspace_database")])
def test_edge_42_where_a_failed_login_counts_none_is_made_for_this(vendor):
    with CASES[vendor].double({"alice": OLD}) as double:
        assert verdicts(run(CASES[vendor], double, "alice", update_password="always")) == [("changed", True, None)]
        assert not double.failed_logins


# 45: the wait comes before the logins.


def late(seconds):
    """A vendor whose changes show so many seconds after they were confirmed, and its clock."""
    clock, shows = Clock(), {}

    def probe(vendor, account, password):
        if clock() >= shows.get(account.name, clock.now + 1):
            vendor.passwords[account.name] = FAKE_NEW
        return vendor.passwords[account.name] == password

    rules = {"settle_first": 1.0, "settle_logins": 3}
    change_later = {"change": lambda vendor, account: shows.update(alice=clock() + seconds)}
    vendor = make_vendor({"alice": FAKE_OLD}, settle_seconds=10.0, rules=rules, probe=probe, **change_later)
    return vendor, clock


@pytest.mark.parametrize("seconds, failed, waited", [(0, 0, 1), (0.9, 0, 1), (4, 1, 5), (5, 1, 5), (9, 2, 10), (11, 3, 10)])
def test_edge_45_the_logins_meanwhile_are_few_and_come_after_a_wait(seconds, failed, waited):
    vendor, clock = late(seconds)
    result = _change.set_passwords(vendor, params(vendor, {"name": "alice", "password": FAKE_NEW}, update_password="always"), sleep=clock.sleep, clock=clock)
    assert (result["users"][0]["state"], vendor.failed_logins.get("alice", 0)) == ("changed" if seconds <= 10 else "failed", failed)
    assert sum(clock.waits) == pytest.approx(waited)


def test_edge_45_the_number_is_declared():
    rules = CASES["rackspace_database"].capabilities
    assert rules.failed_logins_per_call is None and rules.most_failed_logins == rules.settle_logins + 1 and rules.settle_first > 0
    assert "MySQL" in rules.lockout


# 22: URLs as people copy them.


@pytest.mark.parametrize(
    "vendor, ending",
    [
        ("aria_logs", "/api"),
        ("aria_logs", "/api/v2"),
        ("aria_logs", "/api/v2/"),
        ("aria_logs", "/api/v2/sessions"),
        ("acronis", "/api/2"),
        ("acronis", "/api/2/"),
        ("acronis", "/api/2/idp/token"),
        ("milvus", "/v2/vectordb"),
        ("milvus", "/v2/vectordb/users/"),
        ("milvus", "/"),
        ("vcd", "/api"),
    ],
)
def test_edge_22_what_was_copied_along_with_the_url_is_cut_off(vendor, ending):
    case = CASES[vendor]
    with case.double({"alice": OLD}) as double:
        result = run(case, double, "alice", url=double.url + ending, update_password="always")
        assert verdicts(result) == [("changed", True, None)]


@pytest.mark.parametrize("ending", ["/v2.0", "/v2.0/", "/v2.0/tokens", "", "/"])
def test_edge_22_the_same_for_the_identity_service(ending):
    case = CASES["rackspace_database"]
    with case.double({"alice": OLD}) as double:
        assert verdicts(run(case, double, "alice", auth_url=double.url + ending, update_password="always")) == [("changed", None, None)]


def test_edge_27_the_message_says_where_the_accounts_are_by_now():
    case = CASES["aria_logs"]
    with case.double({"alice": OLD}) as double:
        double.inject("answer", path="sessions", status=404, body="", times=None)
        result = run(case, double, "alice")
        assert result["error"]["kind"] == "unsupported" and "VCF 9.1" in result["msg"] and "VCF Operations" in result["msg"]


# 19: what the budget is for.


def until():
    """The condition of the playbook in docs/reference/vendors/vcd.md."""
    page = (pathlib.Path(__file__).parents[2] / "docs" / "reference" / "vendors" / "vcd.md").read_text(encoding="utf-8")
    block = re.search(r"^```yaml\n# careful_retries.yml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL).group(1)
    (task,) = yaml.safe_load(block)[0]["tasks"]
    return task["until"]


def is_over(result):
    """Whether a task with that condition would not be tried again."""
    return is_true(until(), DataLoader(), {"result": result})


@pytest.mark.parametrize(
    "fault, current, over",
    [
        (None, OLD, True),
        (None, "S3cr3t-MARKER-wrong", True),
        ({"status": 503}, OLD, False),
        ({"status": 403}, OLD, True),
        ({"status": 400}, OLD, True),
    ],
)
def test_edge_19_the_condition_repeats_only_what_costs_no_login(fault, current, over):
    case = CASES["vcd"]
    with case.double({"alice": OLD}) as double:
        if fault:
            double.inject("answer", path="versions", body="", times=None, **fault)
        connection = {"url": double.url, "org": double.tenant.name}
        alone = type(case)(**dict(vars(case), connection=lambda _double: connection))
        users = [{"name": "alice", "password": NEW, "current_password": current}]
        attempts = 0
        for _turn in range(4):
            attempts += 1
            if is_over(run(alone, double, users=users, retries=0)):
                break
        assert (attempts == 1) is over and sum(double.failed_logins.values()) <= 2 and not double.lockouts


def test_edge_19_arguments_that_are_wrong_are_not_tried_again():
    assert is_over({"failed": True, "msg": "missing required arguments: url"})
