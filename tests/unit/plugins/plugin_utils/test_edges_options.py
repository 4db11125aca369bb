# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that are not what they seem to be, for all vendors: in the process of the action, in a module of its own, and as the rotation validates them."""

from __future__ import annotations

import datetime
import importlib
import os
import types

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._arguments import validated_connection

from tests.unit.plugins.modules.module_process import run as run_module

MARKER = "S3cr3t-MARKER"
MODULES = "ansible_collections.rekey.passwords.plugins.modules.%s_user_password"
ACTIONS = "ansible_collections.rekey.passwords.plugins.action.%s_user_password"
CONNECTIONS = {
    "acronis": {"url": "http://127.0.0.1:1", "client_id": "c1", "client_secret": MARKER},
    "aria_logs": {"url": "http://127.0.0.1:1", "api_user": "admin", "api_password": MARKER},
    "milvus": {"url": "http://127.0.0.1:1"},
    "rackspace_database": {"auth_type": "token", "endpoint": "http://127.0.0.1:1", "api_token": MARKER, "instance_id": "i1"},
    "vcd": {"url": "http://127.0.0.1:1", "org": "acme"},
}
NO_TEXTS = [
    (342391, "a number"), (0, "a number"), (1.5, "a number"), (True, "a boolean"), (False, "a boolean"), ([], "a list"), ([MARKER], "a list"),
    ({"a": MARKER}, "a dictionary"),
]  # fmt: skip
QUOTES = "Quote the value at its source"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("MILVUS_", "VCD_", "ACRONIS_", "ARIA_LOGS_", "RACKSPACE_", "OS_")):
            monkeypatch.delenv(name)


def module(vendor):
    return importlib.import_module(MODULES % vendor)


def in_process(vendor, **args):
    """The result of the vendor's action where it runs the module itself."""
    task = types.SimpleNamespace(args=args, async_val=0, check_mode=False, diff=False, environment=[], delegate_to=None, action=vendor)
    connection = types.SimpleNamespace(transport="local", become=None, _shell=types.SimpleNamespace(tmpdir="x"))
    action = importlib.import_module(ACTIONS % vendor).ActionModule(task, connection, None, None, types.SimpleNamespace(template=lambda value: value), None)
    action._early_needs_tmp_path = lambda: False
    action._execute_module = lambda **kwargs: pytest.fail("shipped")
    return action.run(task_vars={})


def in_a_module(vendor, **args):
    """The result of the vendor's module in a process of its own."""
    return run_module(module(vendor), args)[1]


def in_a_rotation(vendor, **args):
    """What the rotation says of the options."""
    try:
        validated_connection(module(vendor).SPEC, args)
    except PasswordError as error:
        return {"failed": True, "msg": error.message, "error": error.as_dict()}
    return {"failed": False, "msg": ""}


WAYS = [in_process, in_a_module, in_a_rotation]


def secrets_of(vendor):
    """Every option that holds a secret: where it stands (the name of a list, or None), and its name."""
    spec = module(vendor).SPEC["argument_spec"]
    for name, option in spec.items():
        if option.get("no_log") is True:
            yield None, name
        for inner, setting in (option.get("options") or {}).items():
            if setting.get("no_log") is True:
                yield name, inner


SECRETS = [(vendor, where, name) for vendor in CONNECTIONS for where, name in secrets_of(vendor)]


def refused(result, *texts):
    """Whether a result is the refusal of an option, and shows nothing secret."""
    assert result["failed"] and result["error"]["kind"] == errors.INVALID_INPUT and result["error"]["message"] == result["msg"], result
    assert all(text in result["msg"] for text in texts), result["msg"]
    assert "MARKER" not in str(result) and "342391" not in str(result)


def test_edge_16_the_secrets_of_all_vendors_are_found():
    assert {name for _vendor, _where, name in SECRETS} >= {"password", "current_password", "api_password", "api_token", "client_secret", "api_key"}


@pytest.mark.parametrize("way", [in_process, in_a_rotation])
@pytest.mark.parametrize("vendor, where, name", SECRETS)
@pytest.mark.parametrize("value, what", NO_TEXTS + [(datetime.date(2026, 1, 2), "a date or time")])
def test_edge_16_a_secret_that_is_no_text_is_refused(way, vendor, where, name, value, what):
    users = [{"name": "alice", "password": MARKER}]
    if where == "users":
        result = way(vendor, **CONNECTIONS[vendor], users=[{"name": "bob", "password": MARKER}, dict(users[0], **{name: value})])
        owner = " of alice"
    elif where:
        result, owner = way(vendor, **CONNECTIONS[vendor], users=users, **{where: {name: value}}), " in " + where
    elif name in ("password", "current_password"):
        result, owner = way(vendor, **dict(CONNECTIONS[vendor], name="alice", password=MARKER) | {name: value}), ""
    else:
        result, owner = way(vendor, **dict(CONNECTIONS[vendor], users=users) | {name: value}), ""
    refused(result, "%s%s is %s, not a string" % (name, owner, what), QUOTES)


@pytest.mark.parametrize("vendor", CONNECTIONS)
@pytest.mark.parametrize(
    "options",
    [
        {"name": "alice", "password": 342391},
        {"users": [{"name": "alice", "password": 342391}]},
        {"users": [{"name": "alice", "password": MARKER, "current_password": True}]},
    ],
)
def test_edge_16_a_secret_that_is_no_text_is_refused_by_the_module_itself(vendor, options):
    refused(in_a_module(vendor, **CONNECTIONS[vendor], **options), "password", "not a string", QUOTES)


@pytest.mark.parametrize("way", WAYS)
def test_edge_16_a_text_of_digits_is_a_text(way):
    assert "not a string" not in way("milvus", **CONNECTIONS["milvus"], name="alice", password="01234567", current_password="1", retries=0)["msg"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [["root"], {"a": 1}, True])
@pytest.mark.parametrize(
    "vendor, name",
    [
        ("milvus", "api_user"),
        ("vcd", "org"),
        ("acronis", "client_id"),
        ("aria_logs", "url"),
        ("rackspace_database", "instance_id"),
    ],
)
def test_edge_48_an_option_that_is_a_text_is_no_list(way, vendor, name, value):
    args = dict(CONNECTIONS[vendor], users=[{"name": "alice", "password": MARKER}]) | {name: value}
    refused(way(vendor, **args), name + " is a", "not a string")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "vendor, option, value",
    [
        ("rackspace_database", "database_login", True),
        ("rackspace_database", "database_login", 5),
        ("rackspace_database", "database_login", [1]),
        ("rackspace_database", "database_login", {"port": float("inf")}),
        ("milvus", "concurrency", float("inf")),
        ("vcd", "retries", float("inf")),
        ("acronis", "concurrency", float("-inf")),
    ],
)
def test_edge_25_an_option_over_which_the_validator_falls_is_named(way, vendor, option, value):
    users = [{"name": "alice", "password": MARKER}]
    refused(way(vendor, **CONNECTIONS[vendor], users=users, **{option: value}), option)


@pytest.mark.parametrize("way", WAYS)
def test_edge_25_within_users_too(way):
    refused(way("milvus", **CONNECTIONS["milvus"], users=[{"name": "alice", "password": MARKER, "failed_logins": float("inf")}]), "failed_logins", "users")


@pytest.mark.parametrize("way, vendor", [(in_process, vendor) for vendor in CONNECTIONS] + [(in_a_module, "vcd")])
@pytest.mark.parametrize(
    "option, value",
    [
        ("retries", 10**20),
        ("retries", -1),
        ("concurrency", 10**20),
        ("concurrency", 30000000),
        ("concurrency", 0),
        ("timeout", float("inf")),
        ("timeout", 1e12),
        ("timeout", float("nan")),
        ("timeout", 0),
        ("timeout", -1),
        ("retries", 1e20),
    ],
)
def test_edge_25_a_number_beyond_all_measure_is_named(way, vendor, option, value):
    result = way(vendor, **CONNECTIONS[vendor], users=[{"name": "alice", "password": MARKER, "current_password": MARKER}], **{option: value})
    refused(result, option)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "option, value",
    [
        ("concurrency", "many"),
        ("concurrency", float("nan")),
        ("timeout", "30s"),
        ("update_password", "perhaps"),
        ("unknown", 1),
    ],
)
def test_edge_25_a_plain_complaint_has_a_kind_too(way, option, value):
    refused(way("milvus", **CONNECTIONS["milvus"], name="alice", password=MARKER, **{option: value}), option)


@pytest.mark.parametrize("way", [in_process, in_a_module])
@pytest.mark.parametrize("value", ["/a\0b", "/a\ud800b"])
@pytest.mark.parametrize(
    "vendor, options",
    [
        ("milvus", "ca_path"),
        ("vcd", "client_cert"),
        ("acronis", "client_key"),
        ("rackspace_database", "database_login"),
    ],
)
def test_edge_48_a_path_that_no_file_can_have(way, vendor, options, value):
    given = {"database_login": {"ca_path": value}} if options == "database_login" else {options: value}
    users = [{"name": "alice", "password": MARKER, "current_password": MARKER}]
    name = "ca_path" if options == "database_login" else options
    refused(way(vendor, **CONNECTIONS[vendor], users=users, **given), name + " contains a character that a path cannot contain")


@pytest.mark.parametrize("value", ["ro\0ot", "ro\ud800ot", "ro\not", " "])
@pytest.mark.parametrize(
    "vendor, name",
    [
        ("milvus", "api_user"),
        ("milvus", "url"),
        ("vcd", "org"),
        ("vcd", "api_user"),
        ("acronis", "client_id"),
        ("acronis", "tenant_id"),
        ("aria_logs", "api_user"),
        ("rackspace_database", "instance_id"),
        ("rackspace_database", "endpoint"),
        ("rackspace_database", "api_token"),
    ],
)
def test_edge_48_an_odd_text_is_told_and_never_unforeseen(vendor, name, value):
    user = {"name": "alice", "password": MARKER, "current_password": MARKER}
    args = dict(CONNECTIONS[vendor], users=[user], retries=0) | ({"api_password": MARKER} if name == "api_user" else {}) | {name: value}
    result = in_process(vendor, **args)
    assert result["failed"] and "please report it" not in str(result) and "MARKER" not in str(result), result


# Empty texts.


@pytest.mark.parametrize(
    "vendor, empty",
    [
        ("milvus", {"api_token": "", "api_user": "root", "api_password": MARKER, "timeout": "", "validate_certs": "", "ca_path": "", "verify": ""}),
        ("milvus", {"api_token": MARKER, "api_user": "", "api_password": ""}),
        ("vcd", {"api_token": "", "api_user": "", "api_password": "", "api_version": "", "retries": "", "client_cert": "", "client_key": ""}),
        ("acronis", {"tenant_id": "", "activate": "", "concurrency": ""}),
        ("aria_logs", {"api_provider": "", "update_password": ""}),
        ("rackspace_database", {"auth_url": "", "database_login": "", "region": "", "interface": "", "host": ""}),
        ("rackspace_database", {"database_login": {"host": "", "port": "", "engine": "", "ssl": "", "ca_path": "", "timeout": ""}}),
    ],
)
def test_edge_8_an_empty_option_is_as_good_as_none(vendor, empty):
    user = {"name": "alice", "password": MARKER, "current_password": "", "update_password": "", "failed_logins": ""}
    spec = module(vendor).SPEC
    found = validated_connection(spec, dict(CONNECTIONS[vendor], users=[user], name="", password="", current_password="", **empty))
    given = {name: value for name, value in empty.items() if value not in ("", {}) and not isinstance(value, dict)}
    assert {name: found[name] for name in given} == given
    for name in set(empty) - set(given) - {"database_login"}:
        assert found[name] == spec["argument_spec"][name].get("default"), name
    assert found["users"][0]["current_password"] is None and found["users"][0]["failed_logins"] == 0 and found["name"] is None


def test_edge_8_an_empty_option_leaves_it_to_the_environment(monkeypatch):
    monkeypatch.setenv("MILVUS_API_USER", "root")
    monkeypatch.setenv("MILVUS_API_PASSWORD", MARKER)
    found = validated_connection(module("milvus").SPEC, dict(CONNECTIONS["milvus"], users=[], api_user="", api_password="", api_token=""))
    assert (found["api_user"], found["api_password"], found["api_token"]) == ("root", MARKER, None)


@pytest.mark.parametrize("way", [in_process, in_a_module])
def test_edge_8_an_empty_password_fails_its_user_alone(way):
    users = [{"name": name, "password": password, "current_password": MARKER} for name, password in (("alice", ""), ("", MARKER), ("bob", MARKER))]
    kinds = [user["error"]["kind"] for user in way("milvus", **CONNECTIONS["milvus"], users=users, retries=0)["users"]]
    assert kinds == [errors.PASSWORD_REJECTED, errors.INVALID_INPUT, errors.CONNECTION_FAILED]


@pytest.mark.parametrize("way", WAYS)
def test_edge_8_a_required_option_that_is_empty_is_missing(way):
    refused(way("vcd", url="", org="acme", name="alice", password=MARKER), "missing required arguments: url")
