# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenStack as its own tools know it: openrc files as Horizon makes them, and clouds.yaml."""

from __future__ import annotations

import os
import sys

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import module_spec
from ansible_collections.rekey.passwords.plugins.module_utils._vendors import _rackspace_database_options as options
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.rackspace_database import RackspaceDatabase
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.doubles.trove import INSTANCE, TroveDouble
from tests.doubles.trove_identity import DOMAIN_ID, PROJECT_ID

NEW = "S3cr3t-MARKER-new"
PASSWORD = "S3cr3t-MARKER-operator"
CREDENTIAL = "S3cr3t-MARKER-credential"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("RACKSPACE_", "OS_")):
            monkeypatch.delenv(name)
    # No clouds.yaml of whoever runs the tests.
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def double():
    credentials = {"application_credentials": {"c-1": CREDENTIAL}, "operators": {"operator": PASSWORD}, "domain": "People"}
    with TroveDouble({"app": "S3cr3t-MARKER-old"}, **credentials) as running:
        yield running


def run(double, **given):
    """The result of a change by Keystone's token."""
    args = dict({"auth_type": "keystone", "instance_id": INSTANCE, "name": "app", "password": NEW}, **given)
    validated = ArgumentSpecValidator(**module_spec(RackspaceDatabase)).validate(args)
    assert validated.error_messages == []
    return _change.set_passwords(RackspaceDatabase, validated.validated_parameters, sleep=lambda seconds: None)


def works(double, **given):
    result = run(double, **given)
    assert result["users"][0]["state"] == "changed", result
    assert "MARKER" not in str(result)


def openrc(monkeypatch, double, **more):
    """The variables that Horizon's file for a user sets, with those that it leaves empty."""
    variables = dict(
        OS_AUTH_URL=double.url + "/v3/", OS_PROJECT_ID=PROJECT_ID, OS_PROJECT_NAME="customer", OS_USER_DOMAIN_NAME="People", OS_PROJECT_DOMAIN_ID=DOMAIN_ID,
        OS_USERNAME="operator", OS_PASSWORD=PASSWORD, OS_REGION_NAME="", OS_INTERFACE="public", OS_IDENTITY_API_VERSION="3", OS_TENANT_ID="", OS_CACERT="",
    )  # fmt: skip
    for name, value in dict(variables, **more).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"OS_PROJECT_NAME": ""},
        {"OS_PROJECT_ID": ""},
        {"OS_USER_DOMAIN_NAME": "", "OS_USER_DOMAIN_ID": DOMAIN_ID},
        {"OS_INTERFACE": "internal"},
        {"OS_INTERFACE": "", "OS_ENDPOINT_TYPE": "internalURL"},
        {"OS_PROJECT_ID": "", "OS_PROJECT_NAME": "", "OS_TENANT_ID": PROJECT_ID},
        {"OS_PROJECT_ID": "", "OS_PROJECT_DOMAIN_ID": "", "OS_PROJECT_DOMAIN_NAME": "People"},
        {"OS_AUTH_TYPE": "password"},
        {"OS_AUTH_TYPE": "v3password", "OS_APPLICATION_CREDENTIAL_ID": "left over", "OS_APPLICATION_CREDENTIAL_SECRET": "left over"},
        {
            "OS_AUTH_TYPE": "v3applicationcredential",
            "OS_APPLICATION_CREDENTIAL_ID": "c-1",
            "OS_APPLICATION_CREDENTIAL_SECRET": CREDENTIAL,
            "OS_PASSWORD": "stale",
        },
    ],
)
def test_edge_20_an_openrc_file_is_enough(monkeypatch, double, more):
    openrc(monkeypatch, double, **more)
    works(double)


def test_edge_20_the_ids_are_options_too(double):
    given = dict(auth_url=double.url, api_user="operator", api_password=PASSWORD)
    works(double, project_id=PROJECT_ID, user_domain_id=DOMAIN_ID, **given)
    works(double, project_name="customer", user_domain_id=DOMAIN_ID, project_domain_id=DOMAIN_ID, **given)


def test_edge_20_what_the_task_names_is_not_replaced_by_an_id_of_the_environment(monkeypatch, double):
    openrc(monkeypatch, double, OS_PROJECT_ID="that of another project", OS_PROJECT_DOMAIN_ID="that of another domain")
    works(double, project_name="customer", project_domain_name="People")


@pytest.mark.parametrize(
    "more, named",
    [
        ({"OS_PASSWORD": "S3cr3t-MARKER-wrong"}, ["user operator of domain People", "project " + PROJECT_ID]),
        ({"OS_USER_DOMAIN_NAME": ""}, ["user operator of domain Default"]),
        ({"OS_PROJECT_ID": "", "OS_PROJECT_NAME": "unknown"}, ["project unknown of domain " + DOMAIN_ID]),
        ({"OS_AUTH_TYPE": "v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID": "c-2", "OS_APPLICATION_CREDENTIAL_SECRET": "x"}, ["credential c-2"]),
    ],
)
def test_edge_20_a_refusal_names_domain_and_project(monkeypatch, double, more, named):
    openrc(monkeypatch, double, **more)
    result = run(double)
    assert result["error"]["kind"] == errors.AUTHENTICATION_FAILED and "MARKER" not in str(result)
    assert all(text in result["msg"] for text in named), result["msg"]


@pytest.mark.parametrize(
    "variables, message",
    [
        ({"OS_CACERT": "/nowhere/ca.pem"}, "ca_path: there is no readable file or folder /nowhere/ca.pem"),
        ({"OS_INTERFACE": "private"}, "interface (OS_INTERFACE) must be one of: public, internal, admin."),
    ],
)
def test_edge_20_a_variable_that_is_wrong_is_told(monkeypatch, double, variables, message):
    openrc(monkeypatch, double, **variables)
    result = run(double)
    assert result["error"]["kind"] == errors.INVALID_INPUT and message in result["msg"] and not double.requests


CLOUDS = """
clouds:
  by-password:
    auth: {{auth_url: "{url}/v3", username: operator, password: {password}, project_name: customer, user_domain_name: People, project_domain_name: People}}
    region_name: RegionOne
    interface: internal
  by-credential:
    auth_type: v3applicationcredential
    auth: {{auth_url: "{url}", application_credential_id: c-1, application_credential_secret: {credential}}}
  elsewhere:
    auth_type: v3oidcpassword
    auth: {{auth_url: "{url}", password: {password}}}
  secure:
    auth: {{auth_url: "{url}/v3", username: operator, project_id: {project}, user_domain_id: default}}
"""


@pytest.fixture
def clouds(double, tmp_path):
    """A clouds.yaml in the current folder."""
    pytest.importorskip("openstack.config")
    (tmp_path / "clouds.yaml").write_text(CLOUDS.format(url=double.url, password=PASSWORD, credential=CREDENTIAL, project=PROJECT_ID))
    (tmp_path / "secure.yaml").write_text("clouds: {secure: {auth: {password: %s}}}" % PASSWORD)
    return tmp_path


@pytest.mark.parametrize("name", ["by-password", "by-credential", "secure"])
def test_edge_20_a_cloud_of_clouds_yaml(monkeypatch, double, clouds, name):
    # Of another cloud.
    openrc(monkeypatch, double, OS_PASSWORD="S3cr3t-MARKER-other", OS_AUTH_URL="http://127.0.0.1:1", OS_REGION_NAME="Other", OS_PROJECT_ID="other")
    works(double, cloud=name)
    monkeypatch.setenv("OS_CLOUD", name)
    works(double)


def test_edge_20_the_file_may_be_elsewhere(monkeypatch, double, clouds):
    (clouds / "clouds.yaml").rename(clouds / "mine.yaml")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds / "mine.yaml"))
    works(double, cloud="by-password")


def test_edge_20_what_the_task_says_counts_more_than_clouds_yaml(double, clouds):
    assert run(double, cloud="by-password", api_password="S3cr3t-MARKER-wrong")["error"]["kind"] == errors.AUTHENTICATION_FAILED
    assert run(double, cloud="by-password", region="Nowhere")["error"]["kind"] == errors.TARGET_NOT_FOUND


@pytest.mark.parametrize(
    "given, message",
    [
        ({"cloud": "unknown"}, "does not contain the cloud unknown"),
        ({"cloud": "elsewhere"}, "uses auth_type v3oidcpassword"),
        ({"cloud": "by-password", "auth_type": "rackspace"}, "cloud needs auth_type: keystone."),
    ],
)
def test_edge_20_a_cloud_that_cannot_be_used_is_told(double, clouds, given, message):
    result = run(double, **given)
    assert result["error"]["kind"] == errors.INVALID_INPUT and message in result["msg"] and "MARKER" not in str(result) and not double.requests


@pytest.mark.parametrize("text", ["clouds: [S3cr3t-MARKER", "S3cr3t-MARKER", "clouds: {a: {auth: S3cr3t-MARKER}}", "clouds: S3cr3t-MARKER"])
def test_edge_20_a_file_that_is_broken_is_not_shown(double, clouds, text):
    (clouds / "clouds.yaml").write_text(text)
    result = run(double, cloud="a")
    assert result["error"]["kind"] == errors.INVALID_INPUT and "MARKER" not in str(result)


def test_edge_20_the_library_is_named_where_it_is_missing(monkeypatch, double):
    monkeypatch.setitem(sys.modules, "openstack.config.loader", None)
    result = run(double, cloud="a")
    assert result["error"]["kind"] == errors.INVALID_INPUT and "openstacksdk" in result["msg"]


def test_edge_20_secrets_of_a_cloud_are_learned_and_the_target_holds_none(double, clouds):
    spec = module_spec(RackspaceDatabase)["argument_spec"]
    params = dict({name: option.get("default") for name, option in spec.items()}, auth_type="keystone", cloud="by-password", instance_id="i")
    learned = []
    options.with_environment(params, learned.append)
    assert learned == [PASSWORD]
    target = RackspaceDatabase.target(params)
    assert target == "%s region RegionOne project customer of domain People instance i" % double.url
    with pytest.raises(PasswordError):
        RackspaceDatabase.target(dict(params, cloud="unknown"))
