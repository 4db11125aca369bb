# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shared options as Ansible's own validator sees them."""

from __future__ import annotations

import copy
import os
import re

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import entries, module_spec, secrets
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.milvus import Milvus
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.rackspace_database import RackspaceDatabase

from tests.unit.plugins.module_utils.fake_vendor import make_vendor

FAKE = make_vendor()
# Each with its own class and its own names of environment variables.
VENDORS = [Milvus, RackspaceDatabase, FAKE]
SHARED_CONNECTION = ("concurrency", "timeout", "retries", "validate_certs", "ca_path", "client_cert", "client_key")
ALICE = {"name": "alice", "password": "S3cr3t-MARKER-new"}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("MILVUS_", "FAKE_")):
            monkeypatch.delenv(name)


def validate(vendor=Milvus, **options):
    """What the validator says: the complaints and the options."""
    # A copy, since the validator fills in what is missing.
    result = ArgumentSpecValidator(**module_spec(vendor)).validate(copy.deepcopy(dict({"url": "https://milvus.invalid"}, **options)))
    return result.error_messages, result.validated_parameters


@pytest.mark.parametrize(
    "options",
    [
        {"users": [ALICE]},
        ALICE,
        dict(ALICE, current_password="S3cr3t-MARKER-old"),
        {"users": []},
        {"users": [ALICE, dict(ALICE, name="bob")]},
    ],
)
def test_calls_that_are_right(options):
    assert validate(**options)[0] == []


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({}, "one of the following is required: users, name"),
        ({"users": [ALICE], "name": "bob"}, "mutually exclusive: users|name"),
        ({"users": [ALICE], "password": "x"}, "mutually exclusive: users|password"),
        ({"users": [ALICE], "current_password": "x"}, "mutually exclusive: users|current_password"),
        ({"name": "bob"}, "required together: name, password"),
        ({"password": "x"}, "required together: name, password"),
        ({"users": [{"name": "alice"}]}, "missing required arguments: password found in users"),
        ({"users": [{"password": "x"}]}, "missing required arguments: name found in users"),
        ({"users": [dict(ALICE, update_password="perhaps")]}, "value of update_password must be one of"),
        ({"users": [dict(ALICE, passwort="x")]}, "passwort"),
        (dict(ALICE, update_password="perhaps"), "value of update_password must be one of"),
        (dict(ALICE, update_password=None), "value of update_password must be one of"),
        # A comparison with None would switch them off.
        (dict(ALICE, validate_certs=None), "validate_certs"),
        (dict(ALICE, verify=None), "verify"),
        (dict(ALICE, api_user="root"), "required together: api_user, api_password"),
        (dict(ALICE, api_password="x"), "required together: api_user, api_password"),
        (dict(ALICE, api_token="x", api_user="root", api_password="x"), "mutually exclusive: api_token|api_user"),
        (dict(ALICE, timeout="soon"), "timeout"),
        (dict(ALICE, concurrency="1.5"), "concurrency"),
    ],
)
def test_calls_that_are_wrong(options, complaint):
    complaints = validate(**options)[0]
    assert any(complaint in text for text in complaints), complaints
    assert "MARKER" not in str(complaints)


def test_what_holds_if_nothing_is_said():
    options = validate(**ALICE)[1]
    expected = {"concurrency": 8, "timeout": 30.0, "retries": 3, "validate_certs": True, "verify": True, "update_password": "when_changed"}
    assert {name: options[name] for name in expected} == expected
    assert [options[name] for name in ("ca_path", "client_cert", "client_key", "users", "current_password", "api_user", "api_token")] == [None] * 7


@pytest.mark.parametrize("vendor", [Milvus, FAKE])
def test_every_connection_option_has_an_environment_variable(vendor, monkeypatch):
    spec = module_spec(vendor)["argument_spec"]
    for name in SHARED_CONNECTION + tuple(Milvus.argument_spec if vendor is Milvus else ()):
        _fallback, (variable,) = spec[name]["fallback"]
        assert variable == "%s_%s" % (vendor.env_prefix, name.upper())
    values = {"CONCURRENCY": "3", "TIMEOUT": "1.5", "RETRIES": "0", "VALIDATE_CERTS": "no", "CA_PATH": "/ca", "CLIENT_CERT": "/cert", "CLIENT_KEY": "/key"}
    for name, value in values.items():
        monkeypatch.setenv("%s_%s" % (vendor.env_prefix, name), value)
    complaints, options = validate(vendor, **dict(ALICE, **({"pin": "S3cr3t-MARKER-pin"} if vendor is FAKE else {})))
    assert complaints == []
    assert {name: options[name] for name in SHARED_CONNECTION} == {
        "concurrency": 3, "timeout": 1.5, "retries": 0, "validate_certs": False, "ca_path": "/ca", "client_cert": "/cert", "client_key": "/key",
    }  # fmt: skip


def test_the_vendors_own_options_from_the_environment(monkeypatch):
    monkeypatch.setenv("MILVUS_URL", "https://from-environment.invalid")
    monkeypatch.setenv("MILVUS_API_USER", "root")
    assert validate(**ALICE)[0] == ["parameters are required together: api_user, api_password"]
    monkeypatch.setenv("MILVUS_API_PASSWORD", "S3cr3t-MARKER-root")
    result = ArgumentSpecValidator(**module_spec(Milvus)).validate(dict(ALICE))
    options = result.validated_parameters
    assert result.error_messages == []
    assert (options["url"], options["api_user"], options["api_password"]) == ("https://from-environment.invalid", "root", "S3cr3t-MARKER-root")
    # What the task says wins.
    assert validate(**dict(ALICE, api_user="admin", api_password="x"))[1]["api_user"] == "admin"


@pytest.mark.parametrize("vendor", VENDORS)
def test_variables_with_secrets_have_names_that_awx_masks(vendor):
    for option in module_spec(vendor)["argument_spec"].values():
        for variable in option.get("fallback", (None, []))[1]:
            if option.get("no_log"):
                assert re.search("PASSWORD|TOKEN|SECRET|KEY", variable)


def _walk(spec, path=()):
    for name, option in spec.items():
        yield path + (name,), option
        yield from _walk(option.get("options", {}), path + (name,))


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_log_is_said_wherever_a_name_sounds_secret_and_never_for_choices_or_booleans(vendor):
    """Ansible warns about such names without no_log; and a value like "always" that is no_log would be masked everywhere."""
    for path, option in _walk(module_spec(vendor)["argument_spec"]):
        if re.search("pass(?!ive)|token|secret|key", path[-1]) or path[-1] == "pin":
            assert "no_log" in option, path
        if option.get("choices") or option["type"] in ("bool", "path"):
            assert not option.get("no_log"), path


def test_secrets_finds_all():
    spec = module_spec(FAKE)["argument_spec"]
    users = [
        {"name": "alice", "password": "p1", "current_password": "p2", "pin": "p3", "domain": "open", "update_password": "always"},
        {"name": "bob", "password": "p4", "current_password": None, "pin": "p5", "domain": None, "update_password": None},
    ]
    params = {"url": "https://open.invalid", "users": users, "api_user": "open", "api_password": "p6", "api_keys": ["p7", "p8"], "client_key": "/open"}
    assert sorted(secrets(spec, params)) == ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"]
    shorthand = {"name": "alice", "password": "p1", "current_password": "p2", "pin": "p3", "update_password": "always", "users": None}
    assert sorted(secrets(spec, shorthand)) == ["p1", "p2", "p3"]


def test_secrets_inside_one_dict_and_of_other_types():
    spec = {"auth": {"type": "dict", "options": {"pin": {"no_log": True}, "user": {}}}}
    assert secrets(spec, {"auth": {"pin": 1234, "user": "open"}}) == ["1234"]
    assert secrets(spec, {"auth": None}) == []
    assert secrets(spec, {}) == []


def test_the_shorthand_is_one_user_with_all_that_a_user_may_have():
    params = {"name": "alice", "password": "p", "current_password": "c", "update_password": "always", "domain": "d", "pin": "1", "users": None}
    assert entries(params, FAKE) == [{"name": "alice", "password": "p", "current_password": "c", "update_password": "always", "domain": "d", "pin": "1"}]


def test_each_user_may_have_its_own_update_password():
    users = [{"name": "a", "update_password": None}, {"name": "b", "update_password": "always"}, {"name": "c"}]
    found = entries({"users": users, "update_password": "when_changed"}, FAKE)
    assert [user["update_password"] for user in found] == ["when_changed", "always", "when_changed"]
    # The caller's own dicts stay as they are.
    assert users == [{"name": "a", "update_password": None}, {"name": "b", "update_password": "always"}, {"name": "c"}]


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_password_that_turned_out_to_be_nothing_is_an_empty_one(nothing):
    options = validate(name="alice", password=nothing)[1]
    assert [entries(options, Milvus)[0][key] for key in ("name", "password", "current_password")] == ["alice", "", None]
    options = validate(users=[{"name": "alice", "password": nothing}])[1]
    assert entries(options, Milvus)[0]["password"] == ""


def test_no_users_are_no_users():
    assert entries({"users": [], "name": None, "update_password": "always"}, FAKE) == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_to_ask_twice_gives_the_same(vendor):
    before = copy.deepcopy((vendor.constraints, vendor.user_spec, vendor.argument_spec))
    assert module_spec(vendor) == module_spec(vendor)
    assert (vendor.constraints, vendor.user_spec, vendor.argument_spec) == before


def test_what_a_vendor_adds_to_a_user():
    joined = module_spec(FAKE)
    spec = joined["argument_spec"]
    assert spec["users"]["options"]["pin"] == {"type": "str", "no_log": True, "required": True}
    # Where users are a list it cannot be required at the top.
    assert spec["pin"] == {"type": "str", "no_log": True}
    assert joined["required_by"] == {"api_keys": "url", "current_password": "name"}
    assert ("api_keys", "api_user") in joined["mutually_exclusive"] and ("users", "name") in joined["mutually_exclusive"]


def by_name_or_id(password_required):
    """A vendor whose users may be named by their ids."""
    vendor = make_vendor()
    vendor.identifiers = ("name", "id")
    vendor.user_spec = dict(id=dict(type="str"), unlock=dict(type="bool"))
    vendor.password_required = password_required
    return vendor


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("options", [
    {"users": [ALICE]}, {"users": [{"id": "17", "password": "x"}]}, ALICE, {"id": "17", "password": "x"}, dict(ALICE, id="17"),
])  # fmt: skip
def test_a_user_may_have_another_identifier(options, required):
    complaints, options = validate(by_name_or_id(required), **options)
    assert complaints == [] and [entry["password"] for entry in entries(options, by_name_or_id(required))]


@pytest.mark.parametrize("options, complaint", [
    ({}, "one of the following is required: users, name, id"),
    ({"password": "x"}, "one of the following is required: users, name, id"),
    ({"users": [{"password": "x"}]}, "one of the following is required: name, id found in users"),
    ({"users": [ALICE], "id": "17"}, "mutually exclusive: users|id"),
    ({"id": "17"}, "missing parameter(s) required by 'id': password"),
    ({"name": "alice"}, "missing parameter(s) required by 'name': password"),
    ({"users": [{"id": "17"}]}, "missing required arguments: password found in users"),
])  # fmt: skip
def test_an_identifier_and_a_password_are_needed(options, complaint):
    complaints = validate(by_name_or_id(True), **options)[0]
    assert any(complaint in text for text in complaints), complaints


@pytest.mark.parametrize("options", [{"id": "17"}, {"name": "alice"}, {"users": [{"id": "17"}, {"name": "alice"}]}])
def test_where_something_else_can_be_done_a_password_is_not_needed(options):
    assert validate(by_name_or_id(False), **options)[0] == []


def test_a_key_at_the_top_counts_for_all_users_that_do_not_have_it():
    vendor = by_name_or_id(False)
    options = validate(vendor, unlock=True, users=[{"name": "alice"}, {"id": "17", "unlock": False}])[1]
    assert [(entry["name"], entry["id"], entry["unlock"]) for entry in entries(options, vendor)] == [("alice", None, True), (None, "17", False)]
