# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notes in HashiCorp Vault (edge 24): where they lie, answers that are lost, versions that are deleted or destroyed."""

from __future__ import annotations

import json
import threading
from typing import Any, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import http
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Note, Store, StoreConflict

from tests.doubles.hashi_vault import ROLE_ID, ROOT_TOKEN, SECRET_ID, HashiVaultDouble, Mount
from tests.store_cases.hashi_vault import RULES
from tests.unit.plugins.rotation_doubles import loader

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")

LEASE = "rekey/.rekey/lease%20of%20host-1"
NAME = "lease of host-1"
MINE, OTHERS = {"owner": "mine"}, {"owner": "somebody else's"}
# What a client sees of a write whose answer is lost.
LOST: list[tuple[str, dict]] = [
    ("drop", {}), ("html", {}), ("answer", {"status": 500}), ("answer", {"status": 504, "body": "<h1>Gateway Time-out</h1>"}), ("answer", {"status": 200}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http.HttpClient, "_wait", lambda self, attempt, seconds: None)


@pytest.fixture(name="double")
def a_double() -> Iterator[HashiVaultDouble]:
    with HashiVaultDouble() as running:
        running.roles["", "approle", ROLE_ID].rules = RULES
        yield running


@pytest.fixture(name="store")
def a_store(double: HashiVaultDouble) -> Iterator[Store]:
    opened = make(double)
    yield opened
    opened.close()


def make(double: HashiVaultDouble, **options: Any) -> Store:
    """A store as an action opens it, with no more rights than the documentation tells."""
    given = dict({"url": double.url, "role_id": ROLE_ID, "secret_id": SECRET_ID, "retries": 2, "timeout": 5}, **options)
    return open_store("hashi_vault", "host-1", {"store_options": given}, loader())


def failure_of(call: Any, *args: Any) -> str:
    """The message of a store that cannot go on."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind == "store_failed" and "MARKER" not in caught.value.message
    return caught.value.message


def test_where_a_note_lies(double: HashiVaultDouble, store: Store) -> None:
    assert store.write_note(NAME, MINE, None) == 1
    # As one text: OpenBao takes no more than 1,000 texts in a request.
    assert json.loads(double.data(LEASE)["content"]) == MINE
    store.write_note(NAME, MINE, 1)
    assert sorted(double.secret(LEASE).versions) == [1, 2]
    assert store.lease_seconds == 30


def test_two_servers_have_notes_of_their_own(store: Store) -> None:
    """Two stores of one kind at different addresses shared one lock of a host."""
    store.write_note(NAME, MINE, None)
    with HashiVaultDouble() as elsewhere:
        other = make(elsewhere)
        assert other.read_note(NAME) == Note(None, None) and other.write_note(NAME, OTHERS, None) == 1
        other.close()
    assert store.read_note(NAME) == Note(MINE, 1)


@pytest.mark.parametrize("kind, options", LOST)
def test_a_write_whose_answer_is_lost_is_recognised(double: HashiVaultDouble, store: Store, kind: str, options: dict) -> None:
    fault = double.inject(kind, path="host-1", method="POST", applies="now", **options)
    assert store.write_note(NAME, MINE, None) == 1
    assert fault.fired == 1 and double.writes == 1 and store.read_note(NAME) == Note(MINE, 1)


@pytest.mark.parametrize("kind, options", LOST)
def test_a_write_that_was_lost_is_repeated(double: HashiVaultDouble, store: Store, kind: str, options: dict) -> None:
    store.write_note(NAME, OTHERS, None)
    fault = double.inject(kind, path="host-1", method="POST", applies="never", **options)
    assert store.write_note(NAME, MINE, 1) == 2
    assert fault.fired == 1 and store.read_note(NAME) == Note(MINE, 2)


def test_a_lost_write_is_not_taken_for_that_of_another_writer_with_the_same_content(double: HashiVaultDouble, store: Store) -> None:
    """Two runs count the same failed login; only one of the counts may be taken for both."""
    double.inject("drop", path="host-1", method="POST", applies="never")
    look = double.inject("gate", path="host-1", method="GET")
    outcome: list[Any] = []

    def write() -> None:
        try:
            outcome.append(store.write_note(NAME, MINE, None))
        except StoreConflict:
            outcome.append("conflict")

    thread = threading.Thread(target=write)
    thread.start()
    assert look.arrived.wait(30)
    assert make(double).write_note(NAME, MINE, None) == 1
    look.release()
    thread.join(30)
    assert outcome == ["conflict"] and double.secret(LEASE).current == 1


def test_an_outcome_that_nobody_can_tell_is_an_error_and_reading_tells_later(double: HashiVaultDouble, store: Store) -> None:
    double.inject("drop", path="host-1", method="POST", applies="now")
    double.inject("answer", status=500, path="host-1", method="GET", times=3)
    told = failure_of(store.write_note, NAME, MINE, None)
    assert told.startswith("Whether secret/rekey/.rekey/lease%20of%20host-1 was written is not known.")
    double.clear_faults()
    assert store.read_note(NAME) == Note(MINE, 1)


@pytest.mark.parametrize("how", ["deleted", "destroyed"])
def test_a_note_that_was_deleted_is_as_none_and_its_numbers_go_on(double: HashiVaultDouble, store: Store, how: str) -> None:
    """So that somebody can end a lease by hand; whoever held it is told when renewing it, if another has taken it."""
    store.write_note(NAME, OTHERS, None)
    version = double.secret(LEASE).versions[1]
    if how == "deleted":
        version.deletion = double.now() - 1
    else:
        version.destroyed, version.data = True, None
    assert store.read_note(NAME) == Note(None, 1)
    with pytest.raises(StoreConflict):
        store.write_note(NAME, MINE, None)
    assert store.write_note(NAME, MINE, 1) == 2
    with pytest.raises(StoreConflict):
        store.write_note(NAME, OTHERS, 1)


def test_a_note_that_was_deleted_with_its_numbers(double: HashiVaultDouble, store: Store) -> None:
    store.write_note(NAME, OTHERS, store.write_note(NAME, OTHERS, None))
    del double.mounts["", "secret"].secrets[LEASE]
    assert store.read_note(NAME) == Note(None, None) and store.write_note(NAME, MINE, None) == 1
    with pytest.raises(StoreConflict):
        store.write_note(NAME, OTHERS, 2)


def test_notes_that_the_server_would_delete_are_refused(double: HashiVaultDouble, store: Store) -> None:
    double.mounts["", "secret"].delete_version_after = 3600
    assert "delete_version_after=0s" in failure_of(store.write_note, NAME, MINE, None)


@pytest.mark.parametrize("data", [{}, {"content": 5}, {"content": "5"}, {"content": "S3cr3t-MARKER"}, {"content": {}}, {"password": "S3cr3t-MARKER"}])
def test_what_is_no_note_is_told_and_not_overwritten(double: HashiVaultDouble, store: Store, data: dict) -> None:
    double.overwrite(LEASE, data)
    assert "secret/rekey/.rekey/lease%%20of%%20host-1 at %s is not a note" % double.url in failure_of(store.read_note, NAME)
    assert double.secret(LEASE).current == 1


def test_a_mount_without_versions_gets_no_note(double: HashiVaultDouble) -> None:
    double.mounts["", "secret"] = Mount(version=1)
    store = make(double, role_id=None, secret_id=None, token=ROOT_TOKEN)
    for call in (lambda: store.read_note(NAME), lambda: store.write_note(NAME, MINE, None)):
        assert "not a KV secrets engine of version 2" in failure_of(call)
    assert not double.mounts["", "secret"].secrets
