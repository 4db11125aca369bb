# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as people meet it: its documentation against its options, its examples, and whole runs in a process of its own."""

from __future__ import annotations

import os
import re

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State
from ansible_collections.rekey.passwords.plugins.modules import milvus_user_password as module

from tests.doubles.milvus import MilvusDouble
from tests.unit.plugins.modules.examples import assert_examples_are_accepted
from tests.unit.plugins.modules.module_process import run

NAME = "rekey.passwords.milvus_user_password"
OLD = "S3cr3t-MARKER-old"
NEW = "S3cr3t-MARKER-new"


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("MILVUS_"):
            monkeypatch.delenv(name)


def test_every_environment_variable_is_documented():
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    for name, option in module.VENDOR.argument_spec.items():
        (variable,) = option["fallback"][1]
        assert "E(%s)" % variable in " ".join(documented[name]["description"]), name
    told = set(re.findall(r"E\((MILVUS_\w+)\)", module.DOCUMENTATION))
    assert told == {option["fallback"][1][0] for option in module.VENDOR.argument_spec.values()}


def test_every_example_would_be_accepted_and_prints_no_password():
    assert_examples_are_accepted(module, NAME)


def test_what_is_returned_is_documented():
    returned = yaml.safe_load(module.RETURN)
    error = errors.PasswordError(errors.TIMED_OUT, "x").as_dict()
    account = {"name": "alice", "id": None, "state": "failed", "verified": None, "error": error, "failed_logins": 0}
    assert set(returned["users"]["contains"]) == set(account)
    assert set(returned["users"]["contains"]["error"]["contains"]) == set(account["error"])
    assert set(returned["users"]["sample"][0]) == set(account)
    assert set(returned["error"]["sample"]) == set(account["error"])
    states = " ".join(returned["users"]["contains"]["state"]["description"])
    assert all("V(%s)" % state in states for state in State)


def test_it_tells_its_action_groups():
    told = yaml.safe_load(module.DOCUMENTATION)["attributes"]["action_group"]["membership"]
    assert set(told) == {"rekey.passwords.milvus", "rekey.passwords.all"}


@pytest.mark.parametrize("missing", [["requests"], ["urllib3"]])
def test_without_requests(missing):
    status, result = run(module, {"url": "http://127.0.0.1:1", "name": "alice", "password": NEW, "current_password": OLD}, missing=missing)
    assert (status, result["failed"]) == (1, True)
    assert result["msg"].startswith("Failed to import the required Python library (requests)")
    assert "Traceback" not in result["msg"]


def test_a_change_with_all_secrets_from_the_environment():
    with MilvusDouble({"root": "S3cr3t-MARKER-root", "alice": OLD}, super_users=["root"]) as double:
        environment = {"MILVUS_URL": double.url, "MILVUS_API_USER": "root", "MILVUS_API_PASSWORD": "S3cr3t-MARKER-root"}
        status, result = run(module, {"name": "alice", "password": NEW}, environment)
        assert (status, result["changed"], double.users["alice"]) == (0, True, NEW)
        status, result = run(module, {"users": [{"name": "alice", "password": NEW}], "_ansible_check_mode": True, "_ansible_diff": True}, environment)
        assert (status, result["changed"], double.writes) == (0, False, 1)
        assert result["diff"][0]["before"] == result["diff"][0]["after"]


def test_a_failure_in_a_process_of_its_own():
    with MilvusDouble({"alice": OLD}) as double:
        double.inject("echo", path="describe", form="repr", times=None)
        users = [{"name": "alice", "password": NEW + "'\"", "current_password": OLD}, {"name": "bob", "password": NEW}]
        status, result = run(module, {"url": double.url, "users": users})
        assert (status, result["failed"], result["changed"]) == (1, True, False)
        assert [user["error"]["kind"] for user in result["users"]] == ["vendor_unavailable", "invalid_input"]
