# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a vendor's module from an action: which one, with which options, and where."""

from __future__ import annotations

import importlib
import pathlib
import pkgutil
import sys
import types

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _adapter, _vendor_registry
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._arguments import validated
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.policy import generate, policy_for
from ansible_collections.rekey.passwords.plugins.plugin_utils._vendor_runner import run_vendor_module, runs_here

from tests.unit.plugins.rotation_doubles import MODEL_MODULE, ModelVendor

MODULES = importlib.import_module("ansible_collections.rekey.passwords.plugins.modules")
VENDORS = sorted(item.name[: -len("_user_password")] for item in pkgutil.iter_modules(MODULES.__path__) if item.name.endswith("_user_password"))
OLD, NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new"


@pytest.fixture(autouse=True)
def _model():
    ModelVendor.reset(root="S3cr3t-MARKER-root", alice=OLD)


class Action:
    """What run_vendor_module needs of an action plugin."""

    def __init__(self, transport="local", become=None, check_mode=False, async_val=0, environment=None, delegate_to=None):
        self._connection = types.SimpleNamespace(transport=transport, become=become)
        self._task = types.SimpleNamespace(check_mode=check_mode, async_val=async_val, environment=environment, delegate_to=delegate_to)
        self._templar = types.SimpleNamespace(template=lambda value: sys.executable if value == "{{ ansible_playbook_python }}" else value)
        self.shipped = []

    def _execute_module(self, **kwargs):
        self.shipped.append(kwargs)
        return {"changed": True, "users": []}


def args(**more):
    """Options of the model's module."""
    return dict({"url": "model://", "users": [{"name": "alice", "password": NEW, "current_password": OLD}]}, **more)


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_has_a_module_and_a_policy_that_it_accepts_itself(vendor):
    module = importlib.import_module("%s.%s_user_password" % (MODULES.__name__, vendor))
    assert module.VENDOR is _vendor_registry.load(vendor) and module.VENDOR.name == vendor
    assert "argument_spec" in module.SPEC and module.SPEC is module.VENDOR.spec()
    policy = policy_for(module.VENDOR.capabilities)
    account = types.SimpleNamespace(name="alice", password=generate(policy), current_password=OLD, update_password="always", extras={})
    assert policy.length >= min(20, module.VENDOR.capabilities.password_max)
    # The same rules that refuse a user's password before any request accept a generated one.
    super_check = super(module.VENDOR, module.VENDOR).check
    super_check(types.SimpleNamespace(capabilities=module.VENDOR.capabilities, params={}), account)


@pytest.mark.parametrize("vendor", ["", "mysql", "rotation", "../milvus", "milvus_user_password", "milvus.evil", "Milvus", "os"])
def test_an_unknown_vendor_is_told_with_those_that_there_are(vendor):
    with pytest.raises(PasswordError) as caught:
        _vendor_registry.load(vendor)
    assert caught.value.kind == "invalid_input"
    assert caught.value.message == "The vendor %s does not exist. Choose one of: %s." % (vendor, ", ".join(VENDORS))


def test_options_are_validated_as_the_module_would():
    params = validated(MODEL_MODULE.SPEC, args(timeout="7.5"))
    assert (params["timeout"], params["retries"], params["users"][0]["update_password"]) == (7.5, 3, None)


def test_fallbacks_in_the_environment_count(monkeypatch):
    monkeypatch.setenv("MODEL_TIMEOUT", "9")
    assert validated(MODEL_MODULE.SPEC, args())["timeout"] == 9


def test_validation_leaves_the_plays_own_data_alone():
    given = args(timeout="7")
    validated(MODEL_MODULE.SPEC, given)
    assert given == args(timeout="7")


@pytest.mark.parametrize(
    "given, told",
    [
        ({}, "url"),
        ({"url": "model://"}, "users"),
        (args(api_pasword="S3cr3t-MARKER-typo"), "Unsupported options: api_pasword."),
        (args(name="alice", password="S3cr3t-MARKER-twice"), "mutually exclusive"),
        (args(users=[{"name": "alice", "password": NEW, "colour": "S3cr3t-MARKER-blue"}]), "Unsupported options: users.colour."),
        (args(users=[{"name": "alice"}]), "password"),
        (args(timeout="long"), "timeout"),
    ],
)
def test_wrong_options_are_invalid_input(given, told):
    with pytest.raises(PasswordError) as caught:
        validated(MODEL_MODULE.SPEC, given)
    assert caught.value.kind == "invalid_input" and told in caught.value.message and "MARKER" not in caught.value.message


def test_in_this_process_where_the_task_runs_here_anyway():
    action = Action()
    result = run_vendor_module(action, ModelVendor, args(), {})
    assert (result["users"][0]["state"], result["users"][0]["verified"]) == ("changed", True)
    assert ModelVendor.passwords["alice"] == NEW and not action.shipped


HERE = {"ansible_python_interpreter": sys.executable}
# pip and venv make several names of a Python, and any of them may stand in the first line of ansible-playbook.
SAME = {"ansible_python_interpreter": str(pathlib.Path(sys.executable).with_name("python%d.%d" % sys.version_info[:2]))}
ELSEWHERE = {"ansible_python_interpreter": "/opt/other/bin/python3"}


@pytest.mark.parametrize(
    "task_vars, where, here",
    [
        ({}, {}, True),
        ({"ansible_python_interpreter": "auto_silent"}, {}, True),
        (HERE, {}, True),
        (SAME, {}, True),
        ({"ansible_python_interpreter": "{{ ansible_playbook_python }}"}, {}, True),
        (ELSEWHERE, {}, False),
        ({"rekey_in_process": "never"}, {}, False),
        ({"rekey_in_process": "auto"}, {}, True),
        ({}, {"transport": "ssh"}, False),
        ({}, {"become": "sudo"}, False),
        ({}, {"async_val": 10}, False),
        ({}, {"environment": [{"https_proxy": "http://proxy"}]}, False),
        ({}, {"environment": [{}]}, True),
        (dict(ELSEWHERE, ansible_delegated_vars={"bastion": HERE}), {"delegate_to": "bastion"}, True),
        (dict(HERE, ansible_delegated_vars={"bastion": ELSEWHERE}), {"delegate_to": "bastion"}, False),
    ],
)
def test_it_runs_here_if_it_would_run_on_this_machine_as_this_user_by_this_python_anyway(task_vars, where, here):
    assert runs_here(Action(**where), task_vars) is here


def test_a_misspelt_wish_is_told():
    with pytest.raises(PasswordError) as caught:
        runs_here(Action(), {"rekey_in_process": "always"})
    assert caught.value.message == "rekey_in_process must be auto or never."


@pytest.mark.parametrize("where", [{"transport": "ssh"}, {"become": "sudo"}, {"transport": "ssh", "become": "sudo"}])
def test_shipped_where_it_runs_elsewhere_or_as_somebody_else(where):
    action = Action(**where)
    given = args()
    assert run_vendor_module(action, ModelVendor, given, {"a": 1}) == {"changed": True, "users": []}
    assert action.shipped == [{"module_name": "rekey.passwords.model_user_password", "module_args": given, "task_vars": {"a": 1}}]
    assert ModelVendor.passwords["alice"] == OLD and not ModelVendor.calls


@pytest.mark.parametrize("where", [{}, {"transport": "ssh"}])
def test_wrong_options_reach_neither_the_vendor_nor_another_host(where):
    action = Action(**where)
    with pytest.raises(PasswordError):
        run_vendor_module(action, ModelVendor, args(colour="blue"), {})
    assert not action.shipped and not ModelVendor.calls


def test_check_mode_writes_nothing():
    result = run_vendor_module(Action(check_mode=True), ModelVendor, args(), {})
    assert result["users"][0]["state"] == "would_change" and result["changed"]
    assert ModelVendor.passwords["alice"] == OLD and not ModelVendor.done("change")


def test_requests_that_is_missing_is_told(monkeypatch):
    monkeypatch.setattr(_adapter, "REQUESTS_IMPORT_ERROR", "Traceback: S3cr3t-MARKER-traceback")
    with pytest.raises(PasswordError) as caught:
        run_vendor_module(Action(), ModelVendor, args(), {})
    assert "requests" in caught.value.message and "MARKER" not in caught.value.message and not ModelVendor.calls
    # The other host may have it.
    assert run_vendor_module(Action(transport="ssh"), ModelVendor, args(), {})["changed"]
