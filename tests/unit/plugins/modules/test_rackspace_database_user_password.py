# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as people meet it: its documentation against its options, its examples, and whole runs in a process of its own."""

from __future__ import annotations

import os

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.modules import rackspace_database_user_password as module

from tests.unit.plugins.module_utils._vendors import test_rackspace_database_over_http as over_http
from tests.unit.plugins.modules.examples import assert_examples_are_accepted
from tests.unit.plugins.modules.module_process import run

NAMES = ("rekey.passwords.rackspace_database_user_password", "rekey.passwords.trove_user_password")
NEW = "S3cr3t-MARKER-new"


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("OS_", "RACKSPACE_", "RACKSPACE_DATABASE_")):
            monkeypatch.delenv(name)


@pytest.fixture(name="double")
def _double():
    with over_http.make() as running:
        yield running


def test_every_example_would_be_accepted_and_prints_no_password():
    assert_examples_are_accepted(module, *NAMES, least=2)


def test_what_is_returned_is_documented():
    returned = yaml.safe_load(module.RETURN)
    error = errors.PasswordError(errors.TIMED_OUT, "x").as_dict()
    assert set(returned["users"]["contains"]["error"]["contains"]) == set(error)
    assert set(returned["error"]["sample"]) == set(error)


def test_its_action_groups_are_documented():
    membership = yaml.safe_load(module.DOCUMENTATION)["attributes"]["action_group"]["membership"]
    assert set(membership) == {"rekey.passwords.rackspace_database", "rekey.passwords.all"}


@pytest.mark.parametrize("missing", [["requests"], ["urllib3"]])
def test_without_requests(missing):
    options = {"auth_type": "token", "api_token": "S3cr3t-MARKER-token", "endpoint": "http://127.0.0.1:1/v1.0/1", "instance_id": over_http.INSTANCE}
    status, result = run(module, {**options, "name": "alice", "password": NEW}, missing=missing)
    assert (status, result["failed"]) == (1, True)
    assert result["msg"].startswith("Failed to import the required Python library (requests)")


def test_a_change_with_the_login_from_the_environment(double):
    environment = {"RACKSPACE_USERNAME": "operator", "RACKSPACE_API_KEY": over_http.KEY}
    options = {"auth_url": double.url + "/v2.0", "instance_id": over_http.INSTANCE}
    status, result = run(module, {**options, "name": "alice", "password": NEW}, environment)
    assert (status, result["changed"], double.users["alice"]) == (0, True, NEW)
    assert result["users"][0]["verified"] is None, "no login to the database is set up"


def test_a_failure_in_a_process_of_its_own(double):
    options = dict(over_http.rackspace(double), instance_id=over_http.INSTANCE)
    users = [{"name": "alice", "password": NEW}, {"name": "nobody", "password": NEW}]
    status, result = run(module, {**options, "users": users})
    assert (status, result["failed"], result["changed"]) == (1, True, True)
    assert [user["error"] and user["error"]["kind"] for user in result["users"]] == [None, "user_not_found"]
