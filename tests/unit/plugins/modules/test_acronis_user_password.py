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
from ansible_collections.rekey.passwords.plugins.modules import acronis_user_password as module

from tests.doubles.acronis import CHANGE, SEARCH, AcronisDouble
from tests.doubles.acronis_identity import CLIENT_ID, CLIENT_SECRET, CUSTOMER
from tests.unit.plugins.modules.examples import assert_examples_are_accepted
from tests.unit.plugins.modules.module_process import run

NAME = "rekey.passwords.acronis_user_password"
DOCUMENTATION = yaml.safe_load(module.DOCUMENTATION)
OLD = "Old-S3cr3t-MARKER-1"
NEW = "New-S3cr3t-MARKER-2"
CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
ID = "1a0f8f5e-3b0e-4c56-9a0d-5d9f2f0f7a11"


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("ACRONIS_"):
            monkeypatch.delenv(name)


def complaints(**options):
    """What the validator says."""
    return ArgumentSpecValidator(**module.SPEC).validate(dict(CLIENT, url="https://acronis.invalid", **options)).error_messages


def test_every_environment_variable_is_documented():
    connection = {name: option for name, option in module.VENDOR.argument_spec.items() if name != "activate"}
    for name, option in connection.items():
        (variable,) = option["fallback"][1]
        assert variable == "ACRONIS_" + name.upper() and "E(%s)" % variable in " ".join(DOCUMENTATION["options"][name]["description"])
    assert set(re.findall(r"E\((ACRONIS_\w+)\)", module.DOCUMENTATION)) == {"ACRONIS_" + name.upper() for name in connection}


def test_secrets_are_marked_as_such():
    spec = module.SPEC["argument_spec"]
    assert spec["client_secret"]["no_log"] and spec["password"]["no_log"] and spec["users"]["options"]["password"]["no_log"]


@pytest.mark.parametrize("options", [
    {"users": [{"name": "alice", "password": NEW}]}, {"users": [{"id": ID, "password": NEW, "activate": True}]}, {"users": []},
    {"users": [{"name": "alice", "id": ID, "password": NEW}], "activate": True}, {"name": "alice", "password": NEW}, {"id": ID, "password": NEW},
    {"name": "alice", "id": ID, "password": NEW, "activate": True, "tenant_id": ID},
])  # fmt: skip
def test_calls_that_are_right(options):
    assert complaints(**options) == []


@pytest.mark.parametrize("options, complaint", [
    ({}, "one of the following is required: users, name, id"), ({"users": [{"password": NEW}]}, "one of the following is required: name, id"),
    ({"users": [{"name": "alice"}]}, "missing required arguments: password"), ({"name": "alice"}, "password"), ({"id": ID}, "password"),
    ({"users": [], "id": ID, "password": NEW}, "mutually exclusive: users|id"), ({"users": [], "password": NEW}, "mutually exclusive: users|password"),
    ({"users": [{"name": "alice", "password": NEW, "activate": "maybe"}]}, "activate"),
])  # fmt: skip
def test_calls_that_are_wrong(options, complaint):
    assert complaint in " ".join(complaints(**options))


def test_the_client_is_required():
    found = ArgumentSpecValidator(**module.SPEC).validate({"name": "alice", "password": NEW}).error_messages
    assert "missing required arguments: client_id, client_secret, url" in " ".join(found)


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
    assert set(DOCUMENTATION["attributes"]["action_group"]["membership"]) == {"rekey.passwords.acronis", "rekey.passwords.all"}


def test_without_requests():
    status, result = run(module, dict(CLIENT, url="https://acronis.invalid", name="alice", password=NEW), missing=["requests"])
    assert (status, result["failed"]) == (1, True)
    assert result["msg"].startswith("Failed to import the required Python library (requests)") and "Traceback" not in result["msg"]


def test_a_change_with_the_whole_connection_from_the_environment():
    with AcronisDouble({"alice": OLD, "bob": None}) as double:
        environment = {"ACRONIS_URL": double.url, "ACRONIS_CLIENT_ID": CLIENT_ID, "ACRONIS_CLIENT_SECRET": CLIENT_SECRET, "ACRONIS_TENANT_ID": CUSTOMER}
        status, result = run(module, {"name": "alice", "password": NEW}, environment)
        assert (status, result["changed"], double.users["alice"]) == (0, True, NEW)
        assert b"tenant=" + CUSTOMER.encode() in double.calls(SEARCH)[0].query
        users = [{"id": result["users"][0]["id"], "password": NEW}]
        # Where failed logins may lock, check mode makes none and cannot tell.
        status, result = run(module, {"users": users, "_ansible_check_mode": True}, environment)
        assert (status, result["users"][0]["state"], double.writes) == (0, "would_change", 1)
        status, result = run(module, {"users": users, "_ansible_diff": True}, environment)
        assert (status, result["changed"], double.writes, double.open_sessions) == (0, False, 1, [])
        assert result["diff"][0]["before"] == result["diff"][0]["after"] and result["diff"][0]["before_header"] == "alice"
        status, result = run(module, {"id": double.people["bob"].id, "password": NEW, "activate": True}, environment)
        assert (status, result["users"][0]["name"], double.users["bob"]) == (0, "bob", NEW)


def test_a_failure_in_a_process_of_its_own():
    with AcronisDouble({"alice": OLD, "bob": None}) as double:
        double.inject("echo", path=CHANGE, form="repr", times=None, status=400)
        users = [{"name": "alice", "password": NEW + "'\""}, {"name": "bob", "password": NEW}, {"name": "", "password": NEW}]
        status, result = run(module, dict(CLIENT, url=double.url, users=users))
        assert (status, result["failed"], result["changed"]) == (1, True, False)
        assert [user["error"]["kind"] for user in result["users"]] == ["password_rejected", "account_inactive", "invalid_input"]
