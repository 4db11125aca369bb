# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as people meet it: its documentation against its options, its examples, and whole runs in a process of its own."""

from __future__ import annotations

import os
import re

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State
from ansible_collections.rekey.passwords.plugins.modules import vcd_user_password as module

from tests.doubles.vcd import LOGIN, OPERATOR, OPERATOR_API_TOKEN, OPERATOR_PASSWORD, VcdDouble
from tests.unit.plugins.modules.examples import assert_examples_are_accepted
from tests.unit.plugins.modules.module_process import run

NAME = "rekey.passwords.vcd_user_password"
DOCUMENTATION = yaml.safe_load(module.DOCUMENTATION)
OLD = "Old-S3cr3t-MARKER-1"
NEW = "New-S3cr3t-MARKER-2"
SERVER = {"url": "https://vcd.invalid", "org": "acme"}


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("VCD_"):
            monkeypatch.delenv(name)


def complaints(options):
    """What the validator says."""
    return ArgumentSpecValidator(**module.SPEC).validate(options).error_messages


def test_every_environment_variable_is_documented():
    for name, option in module.VENDOR.argument_spec.items():
        (variable,) = option["fallback"][1]
        assert variable == "VCD_" + name.upper() and "E(%s)" % variable in " ".join(DOCUMENTATION["options"][name]["description"])
    assert set(re.findall(r"E\((VCD_\w+)\)", module.DOCUMENTATION)) == {"VCD_" + name.upper() for name in module.VENDOR.argument_spec}


def test_secrets_are_marked_as_such():
    spec = module.SPEC["argument_spec"]
    assert all(spec[name]["no_log"] for name in ("password", "current_password", "api_password", "api_token"))
    assert all(spec["users"]["options"][name]["no_log"] for name in ("password", "current_password"))


@pytest.mark.parametrize("options", [
    {"users": [{"name": "alice", "password": NEW, "current_password": OLD}]}, {"name": "alice", "password": NEW, "current_password": OLD},
    {"users": [{"name": "alice", "password": NEW, "unlock": True}], "api_user": "o", "api_password": "x"}, {"users": [], "api_token": "x", "unlock": True},
    {"users": [], "api_version": "37.2"},
])  # fmt: skip
def test_calls_that_are_right(options):
    assert complaints(dict(SERVER, **options)) == []


@pytest.mark.parametrize("options, complaint", [
    ({}, "one of the following is required: users, name"), ({"name": "alice"}, "parameters are required together: name, password"),
    ({"users": [{"name": "alice"}]}, "missing required arguments: password found in users"), ({"users": [], "name": "a"}, "mutually exclusive"),
    ({"users": [], "api_token": "x", "api_user": "o", "api_password": "x"}, "mutually exclusive: api_token|api_user"),
    ({"users": [], "api_user": "o"}, "required together: api_user, api_password"), ({"users": [], "unlock": "maybe"}, "unlock"),
])  # fmt: skip
def test_calls_that_are_wrong(options, complaint):
    assert complaint in " ".join(complaints(dict(SERVER, **options)))


def test_server_and_organisation_are_required():
    assert "missing required arguments: org, url" in " ".join(complaints({"users": []}))


def test_every_example_would_be_accepted_and_prints_no_password():
    assert_examples_are_accepted(module, NAME)


def test_what_is_returned_is_documented():
    returned = yaml.safe_load(module.RETURN)
    error = errors.PasswordError(errors.TIMED_OUT, "x").as_dict()
    account = {"name": "alice", "id": None, "state": "failed", "verified": None, "error": error, "failed_logins": 0}
    assert set(returned["users"]["contains"]) == set(returned["users"]["sample"][0]) == set(account)
    assert set(returned["users"]["contains"]["error"]["contains"]) == set(returned["error"]["sample"]) == set(account["error"])
    states = " ".join(returned["users"]["contains"]["state"]["description"])
    assert all("V(%s)" % state in states for state in State)


@pytest.mark.parametrize("missing", [["requests"], ["urllib3"]])
def test_without_requests(missing):
    status, result = run(module, dict(SERVER, name="alice", password=NEW, current_password=OLD), missing=missing)
    assert (status, result["failed"]) == (1, True)
    assert result["msg"].startswith("Failed to import the required Python library (requests)") and "Traceback" not in result["msg"]


@pytest.mark.parametrize("operator", [{"VCD_API_USER": OPERATOR, "VCD_API_PASSWORD": OPERATOR_PASSWORD}, {"VCD_API_TOKEN": OPERATOR_API_TOKEN}])
def test_a_change_with_all_of_the_connection_from_the_environment(operator):
    with VcdDouble({"alice": OLD}) as double:
        environment = dict(operator, VCD_URL=double.url, VCD_ORG="acme", VCD_API_VERSION="37.2")
        status, result = run(module, {"name": "alice", "password": NEW, "unlock": True}, environment)
        assert (status, result["changed"], double.users["alice"]) == (0, True, NEW)
        # Where failed logins may lock, check mode makes none and cannot tell.
        status, result = run(module, {"users": [{"name": "alice", "password": NEW}], "_ansible_check_mode": True}, environment)
        assert (status, result["users"][0]["state"], double.writes) == (0, "would_change", 1)
        status, result = run(module, {"users": [{"name": "alice", "password": NEW}], "_ansible_diff": True}, environment)
        assert (status, result["changed"], double.writes) == (0, False, 1)
        assert result["diff"][0]["before"] == result["diff"][0]["after"]
        assert {one.headers["accept"] for one in double.requests} == {"application/json;version=37.2"} and not double.open_sessions


def test_users_who_change_their_own():
    with VcdDouble({"alice": OLD, "bob": OLD}) as double:
        users = [{"name": name, "password": NEW, "current_password": OLD} for name in ("alice", "bob")]
        status, result = run(module, {"url": double.url, "org": "acme", "users": users})
        assert (status, result["changed"]) == (0, True) and double.users["alice"] == double.users["bob"] == NEW
        assert not double.failed_logins and not double.open_sessions


def test_a_failure_in_a_process_of_its_own():
    with VcdDouble({"alice": OLD}) as double:
        double.inject("echo", path=LOGIN, form="repr", times=None, status=403)
        users = [{"name": "alice", "password": NEW + "'\"", "current_password": OLD}, {"name": "bob", "password": NEW}]
        status, result = run(module, {"url": double.url, "org": "acme", "users": users})
        assert (status, result["failed"], result["changed"]) == (1, True, False)
        assert [user["error"]["kind"] for user in result["users"]] == ["permission_denied", "invalid_input"]
