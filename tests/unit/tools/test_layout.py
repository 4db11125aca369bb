# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No variable of whoever runs the tests reaches them."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _vendor_registry
from ansible_collections.rekey.passwords.plugins.plugin_utils import _store_registry

from tests.tools import layout

STORES = sorted(path.stem for path in (pathlib.Path(_store_registry.__file__).parent / "_stores").glob("*.py") if path.stem != "__init__")
VENDORS = _vendor_registry.names()


def variables(spec):
    """The variables of the environment that the options of a specification fall back on."""
    return [name for option in spec.values() for part in option.get("fallback", ())[1:] if isinstance(part, (list, tuple)) for name in part]


@pytest.mark.parametrize("name", VENDORS)
def test_the_variables_of_a_vendor_are_kept_out(name):
    vendor = _vendor_registry.load(name)
    found = variables(vendor.spec()["argument_spec"])
    assert vendor.env_prefix in layout.VENDOR_PREFIXES and found
    assert [variable for variable in found if not layout.FOREIGN_VARIABLES.match(variable)] == []


@pytest.mark.parametrize("name", STORES)
def test_the_variables_of_a_store_are_kept_out(name):
    found = variables(_store_registry.store_class(name).argument_spec)
    assert found or name == "ansible_vault"
    assert [variable for variable in found if not layout.FOREIGN_VARIABLES.match(variable)] == []


@pytest.mark.parametrize("name", ("AWS_PROFILE", "VAULT_TOKEN", "GNUPGHOME", "PASSWORD_STORE_KEY", "OS_CLOUD", "MILVUS_URL"))
def test_so_are_those_that_libraries_read(name, monkeypatch):
    monkeypatch.setenv(name, "somebody else's")
    assert name not in layout.base_environment() and name not in layout.tool_environment()


@pytest.mark.parametrize("name", ("HTTPS_PROXY", "REKEY_LANES", "REKEY_REQUIRE_REAL", "PATH", "VAULTED", "OSTYPE"))
def test_others_stay(name):
    assert not re.match(layout.FOREIGN_VARIABLES, name)
