# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as people meet it: its documentation against its options, its examples, and whole runs in a process of its own."""

from __future__ import annotations

import ast
import os
import pathlib
import re

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State
from ansible_collections.rekey.passwords.plugins.modules import aria_logs_user_password as module

from tests.doubles.aria_logs import CHANGE, OPERATOR, OPERATOR_PASSWORD, AriaLogsDouble
from tests.unit.plugins.modules.examples import assert_examples_are_accepted
from tests.unit.plugins.modules.module_process import run

SOURCE = pathlib.Path(module.__file__)
NAME = "rekey.passwords." + SOURCE.stem
DOCUMENTATION = yaml.safe_load(module.DOCUMENTATION)
OLD = "Old-S3cr3t-MARKER-1"
NEW = "New-S3cr3t-MARKER-2"
OPERATING = {"url": "https://logs.invalid:9543", "api_user": "operator", "api_password": "x"}
ID = "1a0f8f5e-3b0e-4c56-9a0d-5d9f2f0f7a11"


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("ARIA_LOGS_"):
            monkeypatch.delenv(name)


def complaints(**options):
    """What the validator says."""
    return ArgumentSpecValidator(**module.SPEC).validate(dict(OPERATING, **options)).error_messages


def test_every_environment_variable_is_documented():
    for name, option in module.VENDOR.argument_spec.items():
        (variable,) = option["fallback"][1]
        assert variable == "ARIA_LOGS_" + name.upper() and "E(%s)" % variable in " ".join(DOCUMENTATION["options"][name]["description"])
    assert set(re.findall(r"E\((ARIA_LOGS_\w+)\)", module.DOCUMENTATION)) == {"ARIA_LOGS_" + name.upper() for name in module.VENDOR.argument_spec}


@pytest.mark.parametrize("options", [
    {"users": [{"name": "alice", "password": NEW}]}, {"users": [{"id": ID, "unlock": True}]}, {"users": [{"name": "alice"}], "unlock": True},
    {"name": "alice", "password": NEW}, {"id": ID, "password": NEW}, {"name": "alice", "id": ID, "unlock": True}, {"users": []},
])  # fmt: skip
def test_calls_that_are_right(options):
    assert complaints(**options) == []


@pytest.mark.parametrize("options, complaint", [
    ({}, "one of the following is required: users, name, id"), ({"users": [{"password": NEW}]}, "one of the following is required: name, id"),
    ({"users": [], "id": ID}, "mutually exclusive: users|id"), ({"users": [], "password": NEW}, "mutually exclusive: users|password"),
    ({"users": [], "api_provider": "local"}, "value of api_provider must be one of: Local, ActiveDirectory, vIDM"),
    ({"users": [{"name": "alice", "unlock": "maybe"}]}, "unlock"),
])  # fmt: skip
def test_calls_that_are_wrong(options, complaint):
    assert complaint in " ".join(complaints(**options))


def test_the_operator_is_required():
    errors_found = " ".join(ArgumentSpecValidator(**module.SPEC).validate({"name": "alice", "unlock": True}).error_messages)
    assert "missing required arguments: api_password, api_user, url" in errors_found


def test_every_example_would_be_accepted_and_prints_no_password():
    assert_examples_are_accepted(module, NAME)


def test_what_is_returned_is_documented():
    returned = yaml.safe_load(module.RETURN)
    account = {
        "name": "alice",
        "id": ID,
        "state": "failed",
        "verified": None,
        "error": errors.PasswordError(errors.TIMED_OUT, "x").as_dict(),
        "failed_logins": 0,
    }
    assert set(returned["users"]["contains"]) == set(returned["users"]["sample"][0]) == set(account)
    assert set(returned["users"]["contains"]["error"]["contains"]) == set(returned["error"]["sample"]) == set(account["error"])
    states = " ".join(returned["users"]["contains"]["state"]["description"])
    assert all("V(%s)" % state in states for state in State)


def test_the_module_is_a_declaration():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    texts = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
    code = [node for node in tree.body if not (isinstance(node, ast.Assign) and node.targets[0].id in texts)]
    assert sum(node.end_lineno - node.lineno + 1 for node in code) <= 40
    assert set(DOCUMENTATION["attributes"]["action_group"]["membership"]) == {"rekey.passwords.aria_logs", "rekey.passwords.all"}


def test_without_requests():
    status, result = run(module, dict(OPERATING, name="alice", password=NEW), missing=["requests"])
    assert (status, result["failed"]) == (1, True)
    assert result["msg"].startswith("Failed to import the required Python library (requests)") and "Traceback" not in result["msg"]


@pytest.mark.parametrize("provider", ["Local", "ActiveDirectory"])
def test_a_change_with_all_of_the_operator_from_the_environment(provider):
    with AriaLogsDouble({"alice": OLD}) as double:
        double.people[OPERATOR].type = {"Local": "DEFAULT", "ActiveDirectory": "ACTIVE_DIRECTORY"}[provider]
        environment = {
            "ARIA_LOGS_URL": double.url, "ARIA_LOGS_API_USER": OPERATOR, "ARIA_LOGS_API_PASSWORD": OPERATOR_PASSWORD, "ARIA_LOGS_API_PROVIDER": provider,
        }  # fmt: skip
        status, result = run(module, {"name": "alice", "password": NEW}, environment)
        assert (status, result["changed"], double.users["alice"]) == (0, True, NEW)
        user = {"id": result["users"][0]["id"], "password": NEW, "unlock": True}
        # Where failed logins may lock, check mode makes none and cannot tell.
        status, result = run(module, {"users": [user], "_ansible_check_mode": True}, environment)
        assert (status, result["users"][0]["state"], double.writes) == (0, "would_change", 1)
        status, result = run(module, {"users": [user], "_ansible_diff": True}, environment)
        assert (status, result["changed"], double.writes) == (0, False, 1)
        assert result["diff"][0]["before"] == result["diff"][0]["after"] and result["diff"][0]["before_header"] == "alice"


def test_a_failure_in_a_process_of_its_own():
    with AriaLogsDouble({"alice": OLD}) as double:
        double.inject("echo", path=CHANGE, form="repr", times=None, status=400)
        users = [{"name": "alice", "password": NEW + "'\""}, {"name": "bob", "password": NEW}, {"name": "carol"}]
        options = {"url": double.url, "api_user": OPERATOR, "api_password": OPERATOR_PASSWORD, "users": users}
        status, result = run(module, options)
        assert (status, result["failed"], result["changed"]) == (1, True, False)
        assert [user["error"]["kind"] for user in result["users"]] == ["invalid_input", "user_not_found", "invalid_input"]
