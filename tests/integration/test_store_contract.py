# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract that every store keeps, however it keeps its records."""

from __future__ import annotations

import multiprocessing

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import parse_utc
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, StoreConflict

from tests.store_cases import CASES

FORK = multiprocessing.get_context("fork")
# The children only write to the store; they wait for no thread that was not copied.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

WRITERS, INCREMENTS = 4, 5
MANY = 1000
ODD_NAMES = ("ünïcödé 用户", "a/b", "..", ".hidden", "a b", "name@host", "über\\back", "UPPER", "upper", "x" * 100, "tab\there", "~", "#1", "50%", "a+b", "-n")


@pytest.fixture(params=CASES.values(), ids=lambda case: case.label)
def case(request, tmp_path):
    with request.param(tmp_path) as running:
        yield running


@pytest.fixture
def store(case):
    opened = case.open()
    yield opened
    opened.close()


def put(store, **passwords):
    """Set the current passwords of users, whatever stood there."""
    entries = store.get(passwords)
    store.put({user: Entry(Record(user, password=password, status="current"), entries[user].version) for user, password in passwords.items()})


def current(store, *users):
    """The current passwords of users; ``None`` where there is no record."""
    entries = store.get(users)
    return [entries[user].record and entries[user].record.password for user in users]


def failure(case, call, *args):
    """The message of a store that fails; never with a secret."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind == "store_failed", caught.value
    assert "MARKER" not in caught.value.message and not any(secret in caught.value.message for secret in case.secrets)
    return caught.value.message


def full_record(name):
    """A record in which everything is set, with characters that get escaped somewhere."""
    pending = Pending("S3cr3t-MARKER-ünïcödé-密码-🔑", run_id="run", created="2026-01-31T12:00:00Z", attempts=2, replaces="' \"\\\n")
    error = {"kind": "timed_out", "message": 'No answer: "ß"', "at": "2026-01-31T12:00:00Z"}
    return Record(
        name, password="S3cr3t-MARKER-1 \"'\\<&$", previous="S3cr3t-MARKER-0", pending=pending, rotated_at="2026-01-01T00:00:00Z", verified=True,
        failed_logins=3, last_error=error,
    )  # fmt: skip


def test_what_is_written_comes_back_whatever_the_name(case, store):
    records = {name: full_record(name) for name in ODD_NAMES}
    assert all((entry.record, entry.version) == (None, None) for entry in store.get(records).values()) and store.list() == []
    store.put({name: Entry(record, None) for name, record in records.items()})
    again = case.open()
    assert {name: entry.record for name, entry in again.get(ODD_NAMES).items()} == records
    assert again.list() == sorted(ODD_NAMES)
    again.close()


def test_every_stage_of_a_rotation_is_kept(case, store):
    """New, pending, promoted, pending again, refused, promoted: as the rotation writes them."""
    record = Record("alice")
    for number, step in enumerate(("pend", "promote", "pend", "drop", "pend", "promote")):
        if step == "pend":
            record.pending = Pending("S3cr3t-MARKER-%d" % number, run_id="run-%d" % number, created="2026-01-31T12:00:00Z", attempts=1)
            record.status = "pending"
        elif step == "promote":
            record.promote(parse_utc("2026-01-31T12:00:0%dZ" % number), verified=True)
        else:
            record.drop_pending()
        store.put({"alice": Entry(record, store.get(["alice"])["alice"].version)})
        assert case.open().get(["alice"])["alice"].record == record, "step %d" % number
        # An application never sees a password that no login has proved.
        assert case.shown("alice")[1] == record.password
    assert case.shown("alice") == ("alice", "S3cr3t-MARKER-4") and record.previous == "S3cr3t-MARKER-0"


def test_reading_writes_nothing_and_writing_nothing_is_allowed(store):
    assert store.get([]) == {} and current(store, "alice") == [None] and store.list() == []
    store.put({})
    assert store.list() == []


def test_hosts_are_apart(case):
    for host in ("host-1", "host-10", "host", "host-1/x", "../host-1", "ünï"):
        store = case.open(host)
        assert store.list() == [] and current(store, "alice") == [None], host
        put(store, alice="S3cr3t-MARKER-%s" % host)
        assert (store.list(), current(store, "alice")) == (["alice"], ["S3cr3t-MARKER-%s" % host])
        store.close()
    assert current(case.open(), "alice") == ["S3cr3t-MARKER-host-1"]


def test_only_those_are_written_that_nobody_else_has_changed(case, store):
    put(store, alice="S3cr3t-MARKER-a", bob="S3cr3t-MARKER-b")
    seen = store.get(["alice", "bob", "carol"])
    other = case.open()
    put(other, alice="S3cr3t-MARKER-other", carol="S3cr3t-MARKER-other")
    with pytest.raises(StoreConflict) as caught:
        store.put({user: Entry(Record(user, password="S3cr3t-MARKER-mine"), entry.version) for user, entry in seen.items()})
    assert caught.value.users == ["alice", "carol"]
    assert current(store, "alice", "bob", "carol") == ["S3cr3t-MARKER-other", "S3cr3t-MARKER-mine", "S3cr3t-MARKER-other"]


def test_a_version_is_good_for_one_write(store):
    put(store, alice="S3cr3t-MARKER-a")
    version = store.get(["alice"])["alice"].version
    store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-b"), version)})
    for stale in (version, None):
        with pytest.raises(StoreConflict):
            store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-c"), stale)})
    assert current(store, "alice") == ["S3cr3t-MARKER-b"]


def _count_up(case):
    store = case.open()
    for _number in range(INCREMENTS):
        while True:
            entry = store.get(["counter"])["counter"]
            record = entry.record or Record("counter", password="S3cr3t-MARKER")
            record.failed_logins += 1
            try:
                store.put({"counter": Entry(record, entry.version)})
                break
            except StoreConflict:
                continue


def test_no_increment_of_many_processes_is_lost(case):
    workers = [FORK.Process(target=_count_up, args=(case,), daemon=True) for _number in range(WRITERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0] * WRITERS
    assert case.open().get(["counter"])["counter"].record.failed_logins == WRITERS * INCREMENTS


def test_out_of_reach_is_an_error_and_never_an_empty_store(case, store):
    put(store, alice="S3cr3t-MARKER-a")
    seen = store.get(["alice"])["alice"]
    case.disturb()
    for one in (store, case.open()):
        failure(case, one.get, ["alice"])
        failure(case, one.list)
        failure(case, one.put, {"alice": Entry(Record("alice", password="S3cr3t-MARKER-b"), seen.version)})
    case.mend()
    assert current(case.open(), "alice") == ["S3cr3t-MARKER-a"]
    store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-c"), case.open().get(["alice"])["alice"].version)})
    assert current(case.open(), "alice") == ["S3cr3t-MARKER-c"]


def test_a_damaged_record_is_an_error_and_is_never_overwritten(case, store):
    put(store, alice="S3cr3t-MARKER-a")
    case.damage("alice")
    again = case.open()
    assert "not overwritten" in failure(case, again.get, ["alice"]) or "restore" in failure(case, again.get, ["alice"]).lower()
    for version in (None, "any"):
        with pytest.raises((PasswordError, StoreConflict)):
            again.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-b"), version)})
    failure(case, again.get, ["alice"])


@pytest.mark.slow
def test_very_many_records(case, store):
    # moto takes some 60 ms of the processor for each.
    names = ["user-%04d" % number for number in range(MANY if case.name != "aws_secretsmanager" else MANY // 4)]
    store.put({name: Entry(Record(name, password="S3cr3t-MARKER-" + name), None) for name in names})
    assert store.list() == names
    assert current(case.open(), *names) == ["S3cr3t-MARKER-" + name for name in names]


def test_wrong_options_are_told_without_what_they_hold(case):
    secret = "S3cr3t-MARKER-option"
    options = case.options
    wrong = dict(options, store_options=dict(options["store_options"], no_such_option=secret))
    with pytest.raises(PasswordError) as caught:
        type(case).open(_With(case, wrong))
    assert caught.value.kind == "invalid_input" and "no_such_option" in caught.value.message and secret not in caught.value.message


class _With:
    """A stand with other options."""

    def __init__(self, case, options):
        self.name, self.options = case.name, options
