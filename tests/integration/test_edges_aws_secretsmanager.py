# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager: variables that the library reads itself and that are empty (edge 8), listings without end (edge 47)."""

from __future__ import annotations

import importlib.util
from typing import Any, Iterator

import pytest

from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.plugin_utils.records import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.stores import aws_secretsmanager
from ansible_collections.rekey.passwords.plugins.plugin_utils.stores.base import Entry

from tests.servers.secrets_manager import Call
from tests.store_stands.aws_secretsmanager import AwsSecretsManagerStand

if importlib.util.find_spec("botocore") is None:
    pytest.skip("botocore is not installed", allow_module_level=True)


def variables() -> list[str]:
    """All that the library reads."""
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES  # pylint: disable=import-outside-toplevel

    found = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_ROLE_ARN",
             "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
             "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_REGION"}  # fmt: skip
    for _name, names, *_rest in BOTOCORE_DEFAUT_SESSION_VARIABLES.values():
        found.update([names] if isinstance(names, str) else names or ())
    return sorted(name for name in found if name.startswith("AWS_"))


@pytest.fixture(name="stand")
def a_stand(tmp_path: Any) -> Iterator[AwsSecretsManagerStand]:
    with AwsSecretsManagerStand(tmp_path) as running:
        yield running


@pytest.mark.parametrize("name", [*variables(), "all of them"])
def test_edge_8_an_empty_variable_of_the_library_does_no_harm(stand: AwsSecretsManagerStand, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in variables() if name == "all of them" else [name]:
        monkeypatch.setenv(each, "")
    store = stand.open()
    store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER"), None)})
    assert store.list() == ["alice"]
    store.close()


def test_edge_47_a_listing_without_end_comes_to_one(stand: AwsSecretsManagerStand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_secretsmanager, "_PAGES", 7)
    numbers = iter(range(100000))

    def endless(call: Call) -> Any:
        number = next(numbers)
        return 200, {"SecretList": [{"Name": "rekey/host-1/user-%d" % number, "ARN": "a"}], "NextToken": "t%d" % number}

    stand.service.before = endless
    store = stand.open()
    with pytest.raises(VendorError) as caught:
        store.list()
    assert caught.value.kind == "store_failed" and "has no end: 7 pages were read" in caught.value.message
    assert len(stand.service.calls) == 7
    store.close()
