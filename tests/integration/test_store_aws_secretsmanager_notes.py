# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notes in AWS Secrets Manager (edge 24): what they cost, answers that are lost, versions and secrets that are gone."""

from __future__ import annotations

import json
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Note, Store, StoreConflict

from tests.servers.secrets_manager import DROPPED, Call, SecretsManager, refused
from tests.store_cases.aws_secretsmanager import AwsSecretsManagerCase

LEASE, NAME = "rekey/.rekey/lease=20of=20host-1", "lease of host-1"
MINE, OTHERS = {"owner": "mine"}, {"owner": "somebody else's"}
WRITES = ("CreateSecret", "PutSecretValue")


@pytest.fixture(name="case")
def a_stand(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsSecretsManagerCase]:
    with AwsSecretsManagerCase(tmp_path) as running:
        # How long the library waits before it tries again is not what is tested here.
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda _self, _context: 0)
        yield running


@pytest.fixture(name="service")
def the_service(case: AwsSecretsManagerCase) -> SecretsManager:
    return case.service


@pytest.fixture(name="store")
def a_store(case: AwsSecretsManagerCase) -> Iterator[Store]:
    opened = case.open()
    yield opened
    opened.close()


def failure_of(call: Callable[[], Any]) -> str:
    """The message of a store that cannot go on."""
    with pytest.raises(PasswordError) as caught:
        call()
    assert caught.value.kind == "store_failed" and "MARKER" not in caught.value.message
    return caught.value.message


def prepared(store: Store, service: SecretsManager, number: int) -> Any:
    """The note in so many versions.

    :return: the last one's.
    """
    version = None
    for _number in range(number):
        version = store.write_note(NAME, OTHERS, version)
    service.forget()
    return version


def when_writing(answer: Any, times: int) -> Callable[[Call], Any]:
    """Answer so to the first writes."""
    left = [times]

    def hook(call: Call) -> Any:
        if call.operation not in WRITES or not left[0]:
            return None
        left[0] -= 1
        return answer

    return hook


def test_a_note_costs_one_secret_and_one_request_a_write(service: SecretsManager, store: Store) -> None:
    assert store.write_note(NAME, MINE, None) == 1
    assert store.write_note(NAME, OTHERS, 1) == 2 and store.read_note(NAME) == Note(OTHERS, 2)
    assert service.operations() == ["CreateSecret", "PutSecretValue", "GetSecretValue"]
    assert list(service.secrets) == [LEASE] and service.shown(LEASE)["content"] == OTHERS
    assert store.lease_seconds == 300


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("times", [1, 2], ids=["repeated by the library", "not answered at all"])
@pytest.mark.parametrize("answer", [DROPPED, refused("InternalServiceError", status=500)], ids=["dropped", "HTTP 500"])
def test_a_write_whose_answer_is_lost(service: SecretsManager, store: Store, before: int, carried_out: bool, times: int, answer: Any) -> None:
    version = prepared(store, service, before)
    setattr(service, "after" if carried_out else "before", when_writing(answer, times))
    if carried_out or times == 1:
        assert store.write_note(NAME, MINE, version) == before + 1
    else:
        failure_of(lambda: store.write_note(NAME, MINE, version))
    service.forget()
    expected = Note(MINE, before + 1) if carried_out or times == 1 else Note(OTHERS if before else None, version)
    assert store.read_note(NAME) == expected


@pytest.mark.parametrize("before", [0, 2])
def test_a_lost_write_is_not_taken_for_that_of_another_writer_with_the_same_content(
    case: AwsSecretsManagerCase, service: SecretsManager, store: Store, before: int
) -> None:
    """Two runs count the same failed login; only one of the counts may be taken for both."""
    version = prepared(store, service, before)
    other = case.open()

    def overtake(call: Call) -> Any:
        if call.operation not in WRITES:
            return None
        service.forget()
        other.write_note(NAME, MINE, version)
        return DROPPED

    service.before = overtake
    with pytest.raises(StoreConflict):
        store.write_note(NAME, MINE, version)
    assert store.read_note(NAME) == Note(MINE, before + 1)
    other.close()


def test_a_late_writer_collides_with_a_version_that_no_label_marks_any_more(service: SecretsManager, store: Store) -> None:
    prepared(store, service, 5)
    for stale in (None, 1, 2, 3, 4):
        with pytest.raises(StoreConflict):
            store.write_note(NAME, MINE, stale)
    assert store.read_note(NAME) == Note(OTHERS, 5)


def test_an_outcome_that_nobody_can_tell_is_an_error_and_reading_tells_later(service: SecretsManager, store: Store) -> None:
    version = prepared(store, service, 1)
    service.after = lambda call: DROPPED
    failure_of(lambda: store.write_note(NAME, MINE, version))
    service.forget()
    assert store.read_note(NAME) == Note(MINE, 2)


def test_a_note_that_was_deleted(service: SecretsManager, store: Store) -> None:
    version = prepared(store, service, 2)
    service.secrets[LEASE].delete(0)
    for call in (lambda: store.read_note(NAME), lambda: store.write_note(NAME, MINE, version)):
        told = failure_of(call)
        assert "scheduled for deletion" in told and "restore-secret --secret-id " + LEASE in told
    del service.secrets[LEASE]
    assert store.read_note(NAME) == Note(None, None)
    with pytest.raises(StoreConflict):
        store.write_note(NAME, MINE, version)
    assert store.write_note(NAME, MINE, None) == 1


@pytest.mark.parametrize("content", ["S3cr3t-MARKER", "[]", "{}", json.dumps({"content": {}, "number": "1", "writer": ""}), json.dumps({"username": "MARKER"})])
def test_what_is_no_note_is_told_and_not_overwritten(service: SecretsManager, store: Store, content: str) -> None:
    prepared(store, service, 1)
    service.secrets[LEASE].versions[service.labels(LEASE)["AWSCURRENT"]]["secret_string"] = content
    assert "The secret %s" % LEASE in failure_of(lambda: store.read_note(NAME))


@pytest.mark.parametrize("code", ["AccessDeniedException", "LimitExceededException", "EncryptionFailure"])
def test_a_refusal_is_no_conflict(service: SecretsManager, store: Store, code: str) -> None:
    version = prepared(store, service, 1)
    service.before = when_writing(refused(code), 99)
    assert code in failure_of(lambda: store.write_note(NAME, MINE, version))


def test_a_key_of_ones_own_is_used_for_notes_too(case: AwsSecretsManagerCase, service: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRETSMANAGER_KMS_KEY_ID", "alias/of-the-rotation")
    store = case.open()
    store.write_note(NAME, MINE, None)
    assert service.calls[-1].params["KmsKeyId"] == "alias/of-the-rotation"
    store.close()
