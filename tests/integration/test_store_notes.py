# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notes of every store: small documents with compare-and-set, on which leases and claims rest (edges 24 and 35)."""

from __future__ import annotations

import functools
import multiprocessing
import threading
from typing import Any, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, Note, Store, StoreConflict

from tests.store_cases import CASES, StoreCase

FORK = multiprocessing.get_context("fork")
# The children only write to the store; they wait for no thread that was not copied.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

WRITERS, INCREMENTS = 4, 5
ODD_NAMES = ("lease of host-1", "ünïcödé 用户", "a/b", "..", ".hidden", "name@host", "x" * 100, "tab\there", "50%", "#1", "-n", ".rekey", "UPPER", "upper")
BIG = {"text": "ü" * 8000, "names": ["user-%05d" % number for number in range(1500)]}


@pytest.fixture(params=CASES.values(), ids=lambda case: case.label, name="case")
def a_stand(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[StoreCase]:
    with request.param(tmp_path) as running:
        yield running


@pytest.fixture(name="store")
def a_store(case: StoreCase) -> Iterator[Store]:
    opened = case.open()
    yield opened
    opened.close()


def test_a_note_is_written_only_over_the_version_that_was_read(store: Store) -> None:
    assert store.read_note("lease") == Note(None, None)
    first = store.write_note("lease", {"owner": "a"}, None)
    assert store.read_note("lease") == Note({"owner": "a"}, first)
    second = store.write_note("lease", {"owner": "b"}, first)
    for stale in (None, first):
        with pytest.raises(StoreConflict):
            store.write_note("lease", {"owner": "c"}, stale)
    assert store.read_note("lease") == Note({"owner": "b"}, second)


def test_many_versions_of_a_note(store: Store) -> None:
    """More than a store keeps of them."""
    versions: list[Any] = [None]
    for number in range(40):
        versions.append(store.write_note("lease", {"number": number}, versions[-1]))
    assert store.read_note("lease") == Note({"number": 39}, versions[-1])
    for stale in versions[-12:-1]:
        with pytest.raises(StoreConflict):
            store.write_note("lease", {"number": "stale"}, stale)


def test_names_and_contents_of_any_kind(case: StoreCase, store: Store) -> None:
    contents: dict[str, dict] = {name: {"name": name, "number": 1.5, "big": 2**53, "none": None, "list": [{"deep": True}]} for name in ODD_NAMES}
    contents["big"] = BIG
    for name, content in contents.items():
        store.write_note(name, content, None)
    again = case.open("host-2")
    assert {name: again.read_note(name).content for name in contents} == contents
    again.close()


def test_notes_belong_to_the_whole_store_and_are_no_records(case: StoreCase, store: Store) -> None:
    version = store.write_note("alice", {"owner": "a"}, None)
    for host in ("host-1", ".rekey", "=2Erekey", "%2Erekey"):
        other = case.open(host)
        assert other.list() == [] and other.get(["alice"])["alice"].record is None, host
        assert other.read_note("alice") == Note({"owner": "a"}, version)
        other.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER"), None)})
        assert other.list() == ["alice"]
        other.close()
    assert store.read_note("alice") == Note({"owner": "a"}, version)


def _count_up(case: StoreCase) -> None:
    store = case.open()
    for _number in range(INCREMENTS):
        while True:
            note = store.read_note("counter")
            try:
                # All write the same, so that none is told by its content.
                store.write_note("counter", {"count": (note.content or {"count": 0})["count"] + 1}, note.version)
                break
            except StoreConflict:
                continue


def test_no_increment_of_many_processes_is_lost(case: StoreCase) -> None:
    workers = [FORK.Process(target=_count_up, args=(case,), daemon=True) for _number in range(WRITERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0] * WRITERS
    assert case.open().read_note("counter").content == {"count": WRITERS * INCREMENTS}


def _try_to_write(store: Store, turn: int, version: Any, won: list[Any], start: threading.Barrier) -> None:
    start.wait(60)
    try:
        won.append(store.write_note("lease", {"turn": turn}, version))
    except StoreConflict:
        pass


def test_of_many_threads_one_wins_each_version(store: Store) -> None:
    version = None
    for turn in range(4):
        won: list[Any] = []
        start = threading.Barrier(WRITERS)

        write = functools.partial(_try_to_write, store, turn, version, won, start)
        threads = [threading.Thread(target=write) for _number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(won) == 1, turn
        version = won[0]
        assert store.read_note("lease") == Note({"turn": turn}, version)


def test_out_of_reach_is_an_error_and_never_an_absent_note(case: StoreCase, store: Store) -> None:
    version = store.write_note("lease", {"owner": "a"}, None)
    case.disturb()
    for call in (lambda: store.read_note("lease"), lambda: store.write_note("lease", {"owner": "b"}, version), lambda: store.read_note("none")):
        with pytest.raises(PasswordError) as caught:
            call()
        assert caught.value.kind == "store_failed" and "MARKER" not in caught.value.message
    case.mend()
    assert store.read_note("lease") == Note({"owner": "a"}, version)
