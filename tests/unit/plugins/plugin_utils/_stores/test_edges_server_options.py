# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the stores on a server: empty variables (edge 8), secrets that are no texts (edge 16), odd values (edges 25, 39 and 48)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores.aws_secretsmanager import AwsSecretsManagerStore
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores.hashi_vault import HashiVaultStore
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Store

from tests.doubles.hashi_vault import ROLE_ID, SECRET_ID, HashiVaultDouble
from tests.unit.plugins.rotation_doubles import loader
from tests.unit.products import thinned

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")
pytest.importorskip("boto3", reason="the store aws_secretsmanager needs the Python library boto3")

SECRET = "S3cr3t-MARKER"
STORES = {"hashi_vault": HashiVaultStore, "aws_secretsmanager": AwsSecretsManagerStore}
GOOD: dict[str, dict] = {
    "hashi_vault": {"url": "https://vault.example.com", "token": SECRET},
    "aws_secretsmanager": {"region": "eu-central-1", "access_key": "AKIAMARKER", "secret_key": SECRET},
}
OPTIONS = [(name, option) for name, store in STORES.items() for option in store.argument_spec]


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in [name for name in os.environ if name.startswith(("VAULT_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def opened(name: str, **options: Any) -> Store:
    """The store as an action opens it; an option that is None is left out."""
    given = {key: value for key, value in dict(GOOD[name], **options).items() if value is not None}
    return open_store(name, "host-1", {"store_options": given}, loader())


def refusal(name: str, **options: Any) -> str:
    """The message of a store that cannot be opened; never with a secret."""
    with pytest.raises(PasswordError) as caught:
        opened(name, **options)
    assert caught.value.kind == "invalid_input" and "MARKER" not in caught.value.message, caught.value.message
    return caught.value.message


@pytest.mark.parametrize("name", STORES)
def test_edge_8_all_variables_of_a_store_may_be_empty(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    plain = opened(name)
    for option in STORES[name].argument_spec.values():
        for variable in option["fallback"][1]:
            monkeypatch.setenv(variable, "")
    other = opened(name)
    assert {key: repr(value) for key, value in vars(other).items() if isinstance(value, (str, int, float, bool, dict))} == {
        key: repr(value) for key, value in vars(plain).items() if isinstance(value, (str, int, float, bool, dict))
    }


def test_edge_8_an_empty_token_stands_beside_an_approle(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWX sets a variable for each field of a credential, empty where the field was left empty."""
    with HashiVaultDouble() as double:
        empty = dict.fromkeys(("TOKEN", "AUTH_METHOD", "NAMESPACE"), "")
        for name, value in {"ADDR": double.url, "ROLE_ID": ROLE_ID, "SECRET_ID": SECRET_ID, **empty}.items():
            monkeypatch.setenv("VAULT_" + name, value)
        store = open_store("hashi_vault", "host-1", {"store_options": {}}, loader())
        assert store.list() == [] and len(double.calls("/login")) == 1
        store.close()


def test_edge_8_an_empty_role_stands_beside_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with HashiVaultDouble() as double:
        for name, value in {"ADDR": double.url, "ROLE_ID": "", "SECRET_ID": "", "TOKEN": double.issue()}.items():
            monkeypatch.setenv("VAULT_" + name, value)
        store = open_store("hashi_vault", "host-1", {"store_options": {}}, loader())
        assert store.list() == [] and not double.calls("/login")
        store.close()


@pytest.mark.parametrize("name, option", [(name, option) for name, option in OPTIONS if STORES[name].argument_spec[option].get("no_log")])
@pytest.mark.parametrize("value", [342391, 1.5, True, [SECRET], {SECRET: SECRET}], ids=repr)
def test_edge_16_a_secret_that_is_no_text_is_refused(name: str, option: str, value: Any) -> None:
    told = refusal(name, **{option: value})
    assert "%s is a" % option in told and "not a string. Quote the value" in told


@pytest.mark.parametrize("name, option", thinned(OPTIONS, 8, several=True))
@pytest.mark.parametrize("value", [
    ["a", SECRET], {SECRET: "a"}, [], {}, "a\0b", "a\udc80b", float("nan"), float("inf"), -float("inf"), 10**4000, 1e12, -1, "", b"a",
], ids=lambda value: repr(value)[:20])  # fmt: skip
def test_edge_48_no_option_ends_in_anything_but_a_typed_error(name: str, option: str, value: Any) -> None:
    try:
        store = opened(name, **{option: value})
    except PasswordError as error:
        assert error.kind == "invalid_input" and "MARKER" not in error.message
        assert option in error.message or value == "", error.message
    else:
        store.close()


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("option, value, told", [
    ("timeout", 1e12, "86400"), ("timeout", float("inf"), "86400"), ("timeout", float("nan"), "timeout"),
    ("retries", 10**20, "retries must be at most 1000"), ("concurrency", 30_000_000, "concurrency must be at most 1000"),
    ("concurrency", float("inf"), "concurrency"), ("concurrency", "inf", "concurrency"), ("retries", 1e400, "retries"),
])  # fmt: skip
def test_edge_48_numbers_have_bounds(name: str, option: str, value: Any, told: str) -> None:
    assert told in refusal(name, **{option: value})


def test_edge_48_a_time_out_of_vaults_own_variable_has_the_same_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("1000000000000s", "9" * 400 + "h", "1e12"):
        monkeypatch.setenv("VAULT_CLIENT_TIMEOUT", value)
        assert "timeout" in refusal("hashi_vault")


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("text", ["a\udc80b", "\ud800"], ids=repr)
def test_edge_48_a_name_that_is_no_unicode_is_a_typed_error(name: str, text: str) -> None:
    with pytest.raises(PasswordError) as caught:
        open_store(name, text, {"store_options": GOOD[name]}, loader())
    assert "not valid" in caught.value.message
    with pytest.raises(PasswordError) as caught:
        opened(name, timeout=1, retries=0).get([text])
    assert "not valid" in caught.value.message
    with pytest.raises(PasswordError) as caught:
        opened(name, timeout=1, retries=0).read_note(text)
    assert "not valid" in caught.value.message
