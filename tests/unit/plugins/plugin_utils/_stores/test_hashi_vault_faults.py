# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store in HashiCorp Vault when things go wrong between it and the server: answers that are lost, two writers, a process that is killed."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import signal
import threading
from queue import SimpleQueue

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _parallel, http
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, StoreConflict

from tests.doubles.hashi_vault import ROLE_ID, SECRET_ID, HashiVaultDouble
from tests.unit.plugins.rotation_doubles import loader

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")

ALICE = "rekey/host-1/alice"
OLD, NEW, OTHER = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new", "S3cr3t-MARKER-other"
MANY = ["user-%02d" % number for number in range(40)]
FORK = multiprocessing.get_context("fork")
# The children only write to the store; they wait for no thread that was not copied.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(http.HttpClient, "_wait", lambda self, attempt, seconds: None)


@pytest.fixture(name="double")
def a_double():
    with HashiVaultDouble() as running:
        yield running


@pytest.fixture(name="store")
def a_store(double):
    """A store that has OLD for alice."""
    opened = make(double)
    put(opened, alice=OLD)
    double.reset()
    yield opened
    opened.close()


def make(double, **options):
    """A store as an action opens it."""
    given = dict({"url": double.url, "role_id": ROLE_ID, "secret_id": SECRET_ID, "retries": 2, "timeout": 5}, **options)
    return open_store("hashi_vault", "host-1", {"store_options": given}, loader())


def entries(store, password, *users):
    """What sets a password of users, whatever stood there."""
    seen = store.get(users)
    return {user: Entry(Record(user, password=password, status="current"), seen[user].version) for user in users}


def put(store, **passwords):
    """Set the passwords of users, whatever stood there."""
    for user, password in passwords.items():
        store.put(entries(store, password, user))


def failure_of(call, *args):
    """The message of a store that cannot go on; never with a secret."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind == "store_failed" and "MARKER" not in caught.value.message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.message


def inject_write(double, kind, **options):
    """A fault of the write of alice's record."""
    return double.inject(kind, path="/alice", method="POST", **options)


# The answer to a write is lost

LOST = [
    ("drop", {}), ("cut", {}), ("truncated", {}), ("wrong_types", {}), ("html", {}), ("answer", {"status": 500}), ("answer", {"status": 503}),
    ("answer", {"status": 504, "body": "<h1>Gateway Time-out</h1>"}), ("answer", {"status": 200}), ("answer", {"status": 204}),
]  # fmt: skip


@pytest.mark.parametrize("kind, options", LOST)
def test_a_write_whose_answer_is_lost_is_recognised(double, store, kind, options):
    fault = inject_write(double, kind, applies="now", **options)
    put(store, alice=NEW)
    assert fault.fired == 1 and double.writes == 1
    assert (double.data(ALICE)["password"], double.secret(ALICE).current) == (NEW, 2)
    # Read, not sent again.
    assert [one.method for one in double.calls("/alice")] == ["GET", "POST", "GET"]


@pytest.mark.parametrize("kind, options", [lost for lost in LOST if lost[0] not in ("cut", "truncated", "wrong_types")])
def test_a_write_that_was_lost_is_repeated(double, store, kind, options):
    fault = inject_write(double, kind, applies="never", **options)
    put(store, alice=NEW)
    assert fault.fired == 1 and double.writes == 1
    assert (double.data(ALICE)["password"], double.secret(ALICE).current) == (NEW, 2)
    assert [one.method for one in double.calls("/alice")] == ["GET", "POST", "GET", "POST"]


def test_a_write_that_arrives_late_does_no_harm(double, store):
    inject_write(double, "drop", applies="later")
    put(store, alice=NEW)
    assert double.pending == 1 and double.secret(ALICE).current == 2
    put(store, alice=OTHER)
    double.settle()
    assert (double.data(ALICE)["password"], double.secret(ALICE).current) == (OTHER, 3)


def test_a_write_that_arrives_between_the_look_and_the_repetition_is_recognised(double, store):
    inject_write(double, "drop", applies="later")
    gate = inject_write(double, "gate", hold="before")
    writer = threading.Thread(target=put, args=(store,), kwargs={"alice": NEW})
    writer.start()
    assert gate.arrived.wait(10)
    double.settle()
    gate.release()
    writer.join(10)
    assert (double.data(ALICE)["password"], double.secret(ALICE).current) == (NEW, 2)
    assert double.calls("/alice")[-2].status == 400 and double.calls("/alice")[-1].method == "GET"


def test_a_write_that_times_out(double):
    store = make(double, timeout=0.3)
    put(store, alice=OLD)
    inject_write(double, "hang", applies="now")
    put(store, alice=NEW)
    assert (double.data(ALICE)["password"], double.secret(ALICE).current) == (NEW, 2)


def test_a_lost_answer_does_not_hide_another_writer(double, store):
    mine = entries(store, NEW, "alice")
    put(make(double), alice=OTHER)
    inject_write(double, "drop", applies="never")
    with pytest.raises(StoreConflict) as caught:
        store.put(mine)
    assert caught.value.users == ["alice"] and double.data(ALICE)["password"] == OTHER


def test_answers_that_are_lost_again_and_again_are_an_error(double, store):
    fault = inject_write(double, "drop", applies="never", times=None)
    told = failure_of(lambda: put(store, alice=NEW))
    assert told.startswith("secret/rekey/host-1/alice: Connection to %s failed" % double.url)
    assert fault.fired == 3 and double.data(ALICE)["password"] == OLD


def test_an_outcome_that_nobody_can_tell_is_an_error_that_says_so(double, store):
    mine = entries(store, NEW, "alice")
    inject_write(double, "drop", applies="now")
    double.inject("answer", path="/alice", method="GET", status=503, body={"errors": ["Vault is sealed"]}, times=None)
    told = failure_of(store.put, mine)
    assert told.startswith("Whether secret/rekey/host-1/alice was written is not known. Reading") and "Vault is sealed" in told
    double.clear_faults()
    # The next run finds what was written.
    assert store.get(["alice"])["alice"].record.password == NEW


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 429])
def test_a_write_that_was_refused_is_not_repeated(double, store, status):
    mine = entries(store, NEW, "alice")
    fault = inject_write(double, "answer", status=status, body={"errors": ["no"]}, times=None)
    assert "Writing secret/rekey/host-1/alice at %s failed with HTTP %d: no." % (double.url, status) in failure_of(store.put, mine)
    assert fault.fired == 1 and double.data(ALICE)["password"] == OLD


def test_a_write_is_repeated_when_the_server_asks_for_it(double, store):
    fault = inject_write(double, "answer", status=429, headers={"Retry-After": "1"}, body={"errors": ["rate limit quota exceeded"]})
    put(store, alice=NEW)
    assert fault.fired == 1 and double.data(ALICE)["password"] == NEW


# Others


def test_of_two_writers_at_the_same_time_one_wins(double, store):
    mine, caught = entries(store, NEW, "alice"), []
    gate = inject_write(double, "gate", hold="before")

    def write():
        try:
            store.put(mine)
        except StoreConflict as conflict:
            caught.append(conflict.users)

    writer = threading.Thread(target=write)
    writer.start()
    assert gate.arrived.wait(10)
    put(make(double), alice=OTHER)
    gate.release()
    writer.join(10)
    assert caught == [["alice"]] and double.data(ALICE)["password"] == OTHER


def test_two_writers_of_a_new_user(double):
    first, second = make(double), make(double)
    mine, others = entries(first, NEW, "alice", "bob"), entries(second, OTHER, "alice")
    second.put(others)
    with pytest.raises(StoreConflict) as caught:
        first.put(mine)
    assert caught.value.users == ["alice"]
    assert [double.data("rekey/host-1/" + user)["password"] for user in ("alice", "bob")] == [OTHER, NEW]


# In the middle of many


def passwords(double):
    """The passwords of all users of MANY; a record that is no whole one is an error."""
    found = make(double).get(MANY)
    return [entry.record and entry.record.password for entry in found.values()]


def test_a_failure_in_the_middle_leaves_whole_records_and_begins_no_more(double, monkeypatch):
    store = make(double, concurrency=4)
    store.put(entries(store, OLD, *MANY))
    mine = entries(store, NEW, *MANY)
    double.reset()
    double.inject("answer", user="user-10", method="POST", status=403, body={"errors": ["permission denied"]}, times=None)
    # Whoever comes after it waits until the failure has been noticed.
    gates = [double.inject("gate", user=user, method="POST", hold="before") for user in MANY[11:15]]

    class Ended(SimpleQueue):
        def put(self, item):
            for gate in gates:
                gate.release()
            super().put(item)

    monkeypatch.setattr(_parallel, "SimpleQueue", Ended)
    assert "secret/rekey/host-1/user-10" in failure_of(store.put, mine)
    found = passwords(double)
    assert found[:11] == [NEW] * 10 + [OLD] and found[15:] == [OLD] * 25
    assert len([one for one in double.requests if one.write]) <= 15
    # The next run finishes what was begun.
    double.clear_faults()
    store.put(entries(store, NEW, *MANY))
    assert set(passwords(double)) == {NEW}


def _put_many(double):
    store = make(double, concurrency=4)
    store.put(entries(store, NEW, *MANY))


@pytest.mark.parametrize("hold", ["before", "after"])
def test_killed_in_the_middle(double, hold):
    store = make(double)
    store.put(entries(store, OLD, *MANY))
    gate = double.inject("gate", user="user-20", method="POST", hold=hold)
    child = FORK.Process(target=_put_many, args=(double,), daemon=True)
    child.start()
    assert gate.arrived.wait(20)
    os.kill(child.pid, signal.SIGKILL)
    child.join(20)
    assert gate.left.wait(10)
    found = passwords(double)
    # How many of the others were written by then is a matter of luck.
    assert set(found) <= {OLD, NEW} and found[20] == (OLD if hold == "before" else NEW)
    store.put(entries(store, NEW, *MANY))
    assert set(passwords(double)) == {NEW}


def test_nothing_secret_stands_in_the_process(double, store, tmp_path, monkeypatch):
    """Neither in the arguments of any process that is started, nor in a file of the working or temporary folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    gate = inject_write(double, "gate", hold="before")
    writer = threading.Thread(target=put, args=(store,), kwargs={"alice": NEW})
    writer.start()
    assert gate.arrived.wait(10)
    lines = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue
    gate.release()
    writer.join(10)
    assert lines and not [line for line in lines if b"S3cr3t-MARKER" in line]
    assert not list(tmp_path.iterdir())
