# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Empty environment variables and empty options: AWX and templates give them for fields that were left empty."""

from __future__ import annotations

import os

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import AnsibleFallbackNotFound
from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import from_environment, module_spec
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.acronis import Acronis
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.aria_logs import AriaLogs
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.milvus import Milvus
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.rackspace_database import RackspaceDatabase
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.vcd import Vcd

VENDORS = (Acronis, AriaLogs, Milvus, RackspaceDatabase, Vcd)


def fallbacks(vendor):
    """The variables of each option that has any."""
    return {name: option["fallback"][1] for name, option in module_spec(vendor)["argument_spec"].items() if "fallback" in option}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(tuple(vendor.env_prefix + "_" for vendor in VENDORS)):
            monkeypatch.delenv(name)


def test_edge_8_the_first_variable_with_a_value_counts(monkeypatch):
    monkeypatch.setenv("MILVUS_A", "")
    monkeypatch.setenv("MILVUS_B", "second")
    monkeypatch.setenv("MILVUS_C", "third")
    assert from_environment("MILVUS_A", "MILVUS_B", "MILVUS_C") == "second"


@pytest.mark.parametrize("names", [(), ("MILVUS_A",), ("MILVUS_A", "MILVUS_UNSET")])
def test_edge_8_an_empty_variable_is_no_variable(monkeypatch, names):
    monkeypatch.setenv("MILVUS_A", "")
    with pytest.raises(AnsibleFallbackNotFound):
        from_environment(*names)


@pytest.mark.parametrize("vendor", VENDORS)
def test_edge_8_all_variables_of_a_vendor_may_be_empty(monkeypatch, vendor):
    for names in fallbacks(vendor).values():
        for name in names:
            monkeypatch.setenv(name, "")
    spec = module_spec(vendor)
    required = {name: "https://x.invalid" for name, option in spec["argument_spec"].items() if option.get("required")}
    with_all = ArgumentSpecValidator(**spec).validate(dict(required, name="alice", password="S3cr3t-MARKER"))
    assert with_all.error_messages == []
    for name in set(fallbacks(vendor)) - set(required):
        assert with_all.validated_parameters[name] == spec["argument_spec"][name].get("default")
    without = ArgumentSpecValidator(**spec).validate(dict(name="alice", password="S3cr3t-MARKER"))
    if required:
        # As without the variables: the option is missing, not wrong.
        assert without.error_messages == ["missing required arguments: " + ", ".join(sorted(required))]


def test_edge_8_the_fields_of_a_credential_that_were_left_empty(monkeypatch):
    monkeypatch.setenv("MILVUS_URL", "https://milvus.invalid")
    monkeypatch.setenv("MILVUS_API_USER", "root")
    monkeypatch.setenv("MILVUS_API_PASSWORD", "S3cr3t-MARKER-root")
    monkeypatch.setenv("MILVUS_API_TOKEN", "")
    monkeypatch.setenv("MILVUS_TIMEOUT", "")
    monkeypatch.setenv("MILVUS_VALIDATE_CERTS", "")
    found = ArgumentSpecValidator(**module_spec(Milvus)).validate({"name": "alice", "password": "S3cr3t-MARKER"})
    assert found.error_messages == []
    assert found.validated_parameters["api_user"] == "root"
    assert found.validated_parameters["timeout"] == 30.0
    assert found.validated_parameters["validate_certs"] is True
