# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Secrets Manager without a server: options, the missing library, the names of secrets."""

from __future__ import annotations

import importlib.util
import os
import re
from urllib.parse import unquote

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import aws_secretsmanager

from tests.unit.plugins.rotation_doubles import loader

SECRET = "S3cr3t-MARKER-aws-secret-key"
KEYS = {"access_key": "AKIA", "secret_key": SECRET}
ROLE = {"assume_role_arn": "arn:aws:iam::123456789012:role/rotation", **KEYS}
NEEDS_BOTO3 = pytest.mark.skipif(importlib.util.find_spec("boto3") is None, reason="boto3 is not installed")


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch, tmp_path):
    """Whatever the caller has configured for AWS does not count."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def opened(host="db-1", **options):
    """The store as an action opens it."""
    return open_store("aws_secretsmanager", host, {"store_options": dict({"region": "eu-central-1"}, **options)}, loader())


def refusal(**options):
    """The message of a store that cannot be opened; never with a secret."""
    with pytest.raises(PasswordError) as caught:
        opened(**options)
    assert caught.value.kind == "invalid_input" and "MARKER" not in caught.value.message
    return caught.value.message


def test_without_the_library_ansibles_own_message_tells(monkeypatch):
    monkeypatch.setattr(aws_secretsmanager, "HAS_BOTO3", False)
    assert "Failed to import the required Python library (boto3)" in refusal()


def test_every_option_names_its_variables_and_every_secret_is_one():
    spec = aws_secretsmanager.STORE.argument_spec
    assert all(option["fallback"][1] for option in spec.values())
    secrets = {name for name, option in spec.items() if option.get("no_log")}
    assert secrets == {"access_key", "secret_key", "session_token"}
    assert all(re.search("PASSWORD|TOKEN|SECRET|KEY", variable) for name in secrets for variable in spec[name]["fallback"][1])


@NEEDS_BOTO3
@pytest.mark.parametrize(
    "options, told",
    [
        ({"region": None}, "You must specify a region"),
        ({"profile": "elsewhere"}, "The config profile (elsewhere) could not be found"),
        ({"endpoint_url": "S3cr3t"}, "Invalid endpoint"),
        ({"region": "no region"}, "no region"),
        ({"timeout": 0}, "timeout must be at least"),
        ({"retries": -1}, "retries must be at least 0"),
        ({"concurrency": 0}, "concurrency must be at least 1"),
        ({"ca_path": "/nowhere/ca.pem"}, "ca_path: there is no file /nowhere/ca.pem"),
        ({"path_prefix": ""}, "path_prefix may hold"),
        ({"path_prefix": "a b"}, "path_prefix may hold"),
        ({"path_prefix": "ü"}, "path_prefix may hold"),
        ({"path_prefix": "~"}, "path_prefix may hold"),
        ({"access_key": "AKIA"}, "required together: access_key, secret_key"),
        ({"secret_key": SECRET}, "required together: access_key, secret_key"),
        ({"session_token": SECRET}, "access_key"),
        ({"profile": "p", "access_key": "AKIA", "secret_key": SECRET}, "mutually exclusive"),
        ({"timeout": SECRET}, "timeout"),
        ({"assume_role_arn": "rotation", **KEYS}, "assume_role_arn must be the ARN of a role, such as arn:aws:iam::123456789012:role/rotation"),
        ({"assume_role_arn": "arn:aws:iam::123456789012:user/" + SECRET, **KEYS}, "assume_role_arn must be the ARN of a role"),
        ({**ROLE, "role_session_name": "a b"}, "role_session_name must be 2 to 64"),
        ({**ROLE, "role_session_name": "ü" * 3}, "role_session_name must be 2 to 64"),
        ({**ROLE, "duration_seconds": 899}, "duration_seconds must be 900 to 43200"),
        ({**ROLE, "duration_seconds": 43201}, "duration_seconds must be 900 to 43200"),
        ({**ROLE, "sts_endpoint_url": SECRET}, "sts_endpoint_url must begin with https://"),
        ({**ROLE, "session_tags": {"a": "b"}, "transitive_tag_keys": [SECRET]}, "transitive_tag_keys may name keys of session_tags only"),
        ({**ROLE, "transitive_tag_keys": ["a"]}, "required by 'transitive_tag_keys': session_tags"),
        ({**ROLE, "session_tags": {"a": None}}, "session_tags: a value must be a text"),
        ({"external_id": "x"}, "required by 'external_id': assume_role_arn"),
        ({"session_tags": {"a": SECRET}}, "required by 'session_tags': assume_role_arn"),
        ({"duration_seconds": 900}, "required by 'duration_seconds': assume_role_arn"),
        ({"tags": SECRET}, "tags"),
        ({"tags": {"": "a"}}, "tags: a key must be a text of 1 to 128 characters that does not begin with aws:"),
        ({"tags": {"AWS:" + SECRET: "a"}}, "tags: a key must be a text"),
        ({"tags": {"k" * 129: "a"}}, "tags: a key must be a text"),
        ({"tags": {5: SECRET}}, "tags: a key must be a text"),
        ({"tags": {"a": SECRET * 20}}, "tags: a value must be a text of at most 256 characters"),
        ({"tags": {"a": True}}, "tags: a value must be a text"),
        ({"tags": {"a": 10**5000}}, "tags: a value must be a text"),
        ({"tags": {"a": [SECRET]}}, "tags: a value must be a text"),
        ({"tags": {"a": "\udc80"}}, "tags: a key or value holds a NUL or a broken character"),
        ({"tags": {str(number): "" for number in range(51)}}, "tags: there are 51, and no more than 50 are allowed"),
    ],
)
def test_a_wrong_option_is_told(options, told):
    assert told in refusal(**options)


@NEEDS_BOTO3
@pytest.mark.parametrize(
    "user, name",
    [
        ("alice", "rekey/db-1/alice"),
        ("a/b", "rekey/db-1/a=2Fb"),
        ("a=b", "rekey/db-1/a=3Db"),
        ("~", "rekey/db-1/=7E"),
        ("50% ü", "rekey/db-1/50=25=20=C3=BC"),
        ("a+b@c.d_e-f", "rekey/db-1/a+b@c.d_e-f"),
        ("UPPER", "rekey/db-1/UPPER"),
    ],
)
def test_a_name_holds_only_what_the_service_allows_and_leads_back(user, name):
    assert opened()._name(user) == name and re.fullmatch(r"[A-Za-z0-9/_+=.@-]+", name)
    assert unquote(name.rpartition("/")[2].replace("=", "%")) == user


@NEEDS_BOTO3
def test_hosts_and_prefixes():
    assert opened("a/b")._name("c") == "rekey/a=2Fb/c"
    assert opened("h", path_prefix="/team=1/prod/")._name("c") == "team=1/prod/h/c"


@NEEDS_BOTO3
def test_a_name_that_is_too_long_is_told():
    with pytest.raises(PasswordError) as caught:
        opened().get(["u" * 502])
    assert caught.value.kind == "store_failed" and "would have 513 characters; Secrets Manager allows 512" in caught.value.message


@NEEDS_BOTO3
def test_without_credentials_no_role_can_be_assumed(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "assume_role_arn: there are no credentials that could assume the role" in refusal(assume_role_arn=ROLE["assume_role_arn"])


@NEEDS_BOTO3
def test_without_credentials_the_message_tells(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(PasswordError) as caught:
        opened(endpoint_url="http://127.0.0.1:9").get(["alice"])
    assert caught.value.kind == "store_failed" and "Unable to locate credentials" in caught.value.message
