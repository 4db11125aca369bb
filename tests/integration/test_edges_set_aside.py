# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of AWS Secrets Manager that are no record (edge 38): a repair sets them aside, nothing else touches them."""

from __future__ import annotations

import json
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.action import rotation_repair, rotation_run
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import DamagedRecordError, Entry, Store, StoreConflict, damaged_records_set_aside

from tests.store_cases.aws_secretsmanager import AwsSecretsManagerCase
from tests.unit.plugins.rotation_doubles import ModelVendor, run_action, use_model

ALICE = "rekey/host-1/alice"
OLD, NEW, ODD = ("S3cr3t-MARKER-" + name for name in ("old", "new", "odd"))
PENDING, CURRENT, PREVIOUS = "AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"


@pytest.fixture(name="case")
def a_stand(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsSecretsManagerCase]:
    with AwsSecretsManagerCase(tmp_path) as running:
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda _self, _context: 0)
        yield running


@pytest.fixture(name="store")
def a_store(case: AwsSecretsManagerCase) -> Iterator[Store]:
    opened = case.open()
    yield opened
    opened.close()


def somebody_elses(store: Any, **content: Any) -> str:
    """A secret that was made by hand."""
    return str(store._client.create_secret(Name=ALICE, **content)["VersionId"])


def labelled(store: Any, **content: Any) -> str:
    """The same, with the label that a record has."""
    version = somebody_elses(store, **content)
    store._client.update_secret_version_stage(SecretId=ALICE, VersionStage=PENDING, MoveToVersionId=version)
    return version


def beside(store: Any, **content: Any) -> str:
    """A record whose newest version has been replaced by hand, while AWSCURRENT stands at the one before."""
    store.put({"alice": Entry(Record("alice", password=OLD), None)})
    before = store.get(["alice"])["alice"].version
    version = str(store._client.put_secret_value(SecretId=ALICE, VersionStages=["BY_HAND"], **content)["VersionId"])
    store._client.update_secret_version_stage(SecretId=ALICE, VersionStage=PENDING, RemoveFromVersionId=before, MoveToVersionId=version)
    return version


ODD_ONES: list[tuple[Callable[..., str], dict[str, Any]]] = [
    (made, content)
    for made in (somebody_elses, labelled, beside)
    for content in (
        {"SecretString": ODD}, {"SecretString": json.dumps([ODD])},
        {"SecretString": json.dumps({"engine": "mysql", "password": ODD})}, {"SecretString": "null"},
        {"SecretString": json.dumps({"username": "alice", "password": ODD, "labels": {"AWSPENDING": "x"}})}, {"SecretBinary": ODD.encode()},
    )
]  # fmt: skip


@pytest.mark.parametrize("made, content", ODD_ONES)
def test_edge_38_what_is_no_record_is_set_aside_and_stays_as_an_older_version(
    case: AwsSecretsManagerCase, store: Store, made: Callable[..., str], content: dict[str, Any]
) -> None:
    odd = made(store, **content)
    labels = case.service.labels(ALICE)
    for version in (None, odd):
        with pytest.raises(PasswordError) as caught:
            store.put({"alice": Entry(Record("alice", password=NEW), version)})
        assert isinstance(caught.value, DamagedRecordError) and "MARKER" not in caught.value.message
    with damaged_records_set_aside() as names:
        entry = store.get(["alice"])["alice"]
        assert names == {"alice"} and entry.record.password is None and entry.record.set_aside and case.service.labels(ALICE) == labels
        if "SecretBinary" not in content:
            assert ("MARKER" in entry.record.set_aside) is ("MARKER" in content["SecretString"])
        entry.record.repair(NEW)
        store.put({"alice": entry})
    other = case.open()
    record = other.get(["alice"])["alice"].record
    assert record == entry.record and case.shown("alice") == ("alice", NEW)
    assert store._client.get_secret_value(SecretId=ALICE, VersionId=odd)["VersionId"] == odd  # type: ignore[attr-defined]
    other.close()


def test_edge_38_of_two_repairs_one_is_told(case: AwsSecretsManagerCase, store: Store) -> None:
    somebody_elses(store, SecretString=ODD)
    other = case.open()
    with damaged_records_set_aside():
        ours, theirs = store.get(["alice"])["alice"], other.get(["alice"])["alice"]
        theirs.record.repair(OLD)
        other.put({"alice": theirs})
        ours.record.repair(NEW)
        with pytest.raises(StoreConflict):
            store.put({"alice": ours})
    assert case.shown("alice") == ("alice", OLD)
    other.close()


def test_edge_38_a_repair_says_where_the_secret_of_somebody_else_is_kept(case: AwsSecretsManagerCase, monkeypatch: pytest.MonkeyPatch) -> None:
    ModelVendor.reset(alice=OLD)
    stores = [case.open() for _number in range(5)]
    use_model(monkeypatch, *stores)
    somebody_elses(stores[0], SecretString=ODD)
    args: dict[str, Any] = {"vendor": "model", "connection": {"url": "model://"}, "users": ["alice"]}
    result = run_action(rotation_run.ActionModule, args)
    assert result["error"]["kind"] == "store_failed" and "set_aside_damaged" in result["msg"]
    args["users"] = [{"name": "alice", "password": NEW}]
    assert run_action(rotation_repair.ActionModule, dict(args, set_aside_damaged=True))["failed"] and case.service.labels(ALICE).keys() == {CURRENT}
    args["users"] = [{"name": "alice", "password": OLD}]
    result = run_action(rotation_repair.ActionModule, dict(args, set_aside_damaged=True))
    assert "failed" not in result and "(set_aside) and, for a while, as an older version of the secret" in result["summary"][0], result
    assert "MARKER" not in repr(result) and case.shown("alice") == ("alice", OLD) and PREVIOUS in case.service.labels(ALICE)
    assert "failed" not in run_action(rotation_run.ActionModule, dict(args, users=["alice"], force=True))
