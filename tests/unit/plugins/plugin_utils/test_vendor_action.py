# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vendor's module in the process of its action: what it gets, what it returns, and that nothing secret comes out of it."""

from __future__ import annotations

import copy
import datetime
import types

import pytest
from ansible.errors import AnsibleError
from ansible.module_utils.common import arg_spec
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rekey.passwords.plugins.module_utils import _adapter, _vendor_registry
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _vendor_action as subject
from ansible_collections.rekey.passwords.plugins.plugin_utils._vendor_action import UserPasswordAction, plain

from tests.unit.plugins.rotation_doubles import ModelVendor, substitute_model

OLD, NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new"
NAME = "rekey.passwords.model_user_password"


@pytest.fixture(autouse=True)
def _model(monkeypatch):
    ModelVendor.reset(root="S3cr3t-MARKER-root", alice=OLD)
    substitute_model(monkeypatch)


@pytest.fixture
def given():
    """Options of the model's module."""
    return {"url": "model://", "users": [{"name": "alice", "password": NEW, "current_password": OLD}]}


class Action(UserPasswordAction):
    """As a file model_user_password.py in plugins/action would declare it, on a connection of the test."""

    __module__ = "plugins.action.model_user_password"

    def __init__(self, args, *, shipped=None, **task):
        shell = types.SimpleNamespace(tmpdir="a folder")
        connection = types.SimpleNamespace(transport="local", become=None, _shell=shell)
        templar = types.SimpleNamespace(template=lambda value: value)
        keywords = {"args": args, "async_val": 0, "check_mode": False, "diff": False, "environment": [], "delegate_to": None, "action": NAME}
        super().__init__(types.SimpleNamespace(**{**keywords, **task}), connection, None, None, templar, None)
        self.shipped, self.removed, self._result = [], [], shipped or {"changed": True}

    def _execute_module(self, **kwargs):  # pylint: disable=arguments-differ
        self.shipped.append(kwargs)
        return dict(self._result)

    def _remove_tmp_path(self, tmp_path, force=False):
        self.removed.append(tmp_path)

    def _early_needs_tmp_path(self):
        return False


def shipped_by(action, **variables):
    """The result of an action, and the modules that it shipped."""
    return action.run(task_vars=variables), action.shipped


# What the module gets


class Text(str):
    """A text with something about it, as Ansible's own are."""


class Number(int):
    """A number with something about it."""


@pytest.mark.parametrize(
    "value, expected",
    [
        (Text("x"), "x"),
        (Number(5), 5),
        (1.5, 1.5),
        (True, True),
        (None, None),
        ((Text("x"), [Number(1)]), ["x", [1]]),
        ({Text("a"): {Text("b"): Text("c")}}, {"a": {"b": "c"}}),
        ({1: 2, None: 4, 2.5: 5}, {"1": 2, "null": 4, "2.5": 5}),
        ({True: 3}, {"true": 3}),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),
    ],
)
def test_plain_values_as_json_would_carry_them(value, expected):
    found = plain(value)
    assert found == expected and type(found) is type(expected)
    for one, other in zip(leaves(found), leaves(expected)):
        assert type(one) is type(other)


def leaves(value):
    """All that is in no container of its own."""
    if isinstance(value, dict):
        return [leaf for pair in value.items() for part in pair for leaf in leaves(part)]
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, list) else [value]


def test_what_is_encrypted_is_decrypted():
    class Encrypted:
        """As Ansible's: a text only when it is asked for."""

        def __init__(self, data):
            self._data = data

        def __str__(self):
            return VaultLib([("default", VaultSecret(b"right"))]).decrypt(self._data).decode()

    encrypted = Encrypted(VaultLib([("default", VaultSecret(b"right"))]).encrypt(NEW.encode()))
    assert plain([{"password": encrypted}]) == [{"password": NEW}]


# What comes out of it


def test_it_runs_here_and_leaves_the_plays_own_data_alone(given):
    before = copy.deepcopy(given)
    result, shipped = shipped_by(Action(given))
    assert not shipped and result["changed"] and result["users"][0]["state"] == "changed" and ModelVendor.passwords["alice"] == NEW
    assert given == before and not {"failed", "diff", "warnings", "invocation"} & set(result)


def test_check_mode_and_diff(given):
    result, _shipped = shipped_by(Action(given, check_mode=True, diff=True))
    assert result["users"][0]["state"] == "would_change" and result["diff"][0]["before_header"] == "alice" and ModelVendor.passwords["alice"] == OLD


@pytest.mark.parametrize("options, told", [
    ({"passwort": NEW}, "Unsupported parameters for (%s) module: passwort." % NAME),
    ({"users": [[NEW]]}, "users must be a list of dictionaries, each with name and password."),
    ({"timeout": "long"}, "argument 'timeout'"),
    ({"name": "alice"}, "mutually exclusive: users|name"),
])  # fmt: skip
def test_wrong_options_are_told_as_by_the_module_and_nothing_is_sent(given, options, told):
    result, shipped = shipped_by(Action({**given, **options}))
    assert result["failed"] and told in result["msg"] and "MARKER" not in str(result) and not shipped and not ModelVendor.calls


def test_a_value_that_is_a_secret_is_masked_in_the_message_where_ansible_masks_what_modules_return(given, monkeypatch):
    monkeypatch.setattr(subject, "RESULTS_ARE_MASKED", True)
    # A mistake that quotes what was given, which is a secret elsewhere.
    result, _shipped = shipped_by(Action({**given, "update_password": NEW}))
    assert result["failed"] and "update_password" in result["msg"] and NEW not in result["msg"]


def test_aliases_and_deprecated_options_are_told_as_by_the_module(given, monkeypatch):
    spec = copy.deepcopy(ModelVendor.spec())
    spec["argument_spec"]["timeout"].update(aliases=["patience"], removed_in_version="9.0.0", removed_from_collection="rekey.passwords")
    monkeypatch.setattr(ModelVendor, "spec", lambda: spec)
    warned, deprecated = [], []
    monkeypatch.setattr(arg_spec, "warn", warned.append)
    monkeypatch.setattr(arg_spec, "deprecate", lambda msg, **more: deprecated.append((msg, more["version"])))
    shipped_by(Action({**given, "timeout": 5, "patience": 6}))
    assert warned == ["Both option timeout and its alias patience are set."]
    assert deprecated and deprecated[0][1] == "9.0.0" and "timeout" in deprecated[0][0]


@pytest.mark.parametrize("where", ["load", "plain", "ModuleArgumentSpecValidator"])
def test_an_uncaught_exception_becomes_a_typed_failure_without_its_text(given, monkeypatch, where):
    def fail(*_args, **_options):
        raise RuntimeError(NEW)

    monkeypatch.setattr(_vendor_registry if where == "load" else subject, where, fail)
    result, shipped = shipped_by(Action(given))
    assert result["failed"] and result["error"]["kind"] == "unexpected_response" and not shipped
    assert result["msg"] == result["error"]["message"] == "An unexpected RuntimeError occurred; please report it."


def test_an_exception_in_the_vendor_is_the_users(given, monkeypatch):
    def fail(*_args):
        raise KeyError(NEW)

    monkeypatch.setattr(ModelVendor, "change", fail)
    result, _shipped = shipped_by(Action(given))
    assert result["failed"] and result["users"][0]["error"]["kind"] in ("unexpected_response", "outcome_unknown") and NEW not in str(result)


def test_no_traceback_goes_along_with_it(given, monkeypatch):
    def fail(_module):
        raise RuntimeError(NEW)

    monkeypatch.setattr(_vendor_registry, "load", fail)
    with pytest.raises(PasswordError) as caught:
        Action(given)._run_here()
    assert caught.value.__suppress_context__


def test_requests_that_is_missing_is_told_as_by_the_module(given, monkeypatch):
    monkeypatch.setattr(_adapter, "REQUESTS_IMPORT_ERROR", "Traceback: " + NEW)
    result, _shipped = shipped_by(Action(given))
    assert result["failed"] and "Failed to import the required Python library (requests)" in result["msg"] and not ModelVendor.calls
    assert NEW not in str(result)


# Where it runs


def test_never_ships_it_under_its_full_name_and_cleans_up(given):
    action = Action(given, shipped={"changed": True, "invocation": {}})
    result, shipped = shipped_by(action, rekey_in_process="never")
    assert result == {"changed": True} and not ModelVendor.calls and action.removed == ["a folder"]
    assert shipped == [{"module_name": NAME, "task_vars": {"rekey_in_process": "never"}, "wrap_async": 0}]


def test_an_asynchronous_task_keeps_its_folder(given):
    action = Action(given, async_val=60)
    _result, shipped = shipped_by(action)
    assert shipped[0]["wrap_async"] == 60 and action.removed == []


def test_a_misspelt_wish_is_invalid_input(given):
    result, shipped = shipped_by(Action(given), rekey_in_process="yes")
    assert result["failed"] and result["error"]["kind"] == "invalid_input" and result["msg"] == "rekey_in_process must be auto or never."
    assert not shipped and not ModelVendor.calls


def test_an_error_of_ansible_in_shipping_stays_what_it_is(given, monkeypatch):
    def fail(*_args, **_options):
        raise AnsibleError("no space left")

    action = Action(given)
    monkeypatch.setattr(action, "_execute_module", fail)
    with pytest.raises(AnsibleError, match="no space left"):
        action.run(task_vars={"rekey_in_process": "never"})
