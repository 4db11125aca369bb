# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change at a time per record name: edges 24 and 35. Whoever waits, waits no longer than the holder's lease; who lost the lease sends nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import lease as subject
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.lease import Lease, fence, held
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Note, StoreConflict

from tests.unit.plugins.rotation_doubles import MemoryStore

DEADLINE = 30  # seconds; nothing here takes long
FORK = multiprocessing.get_context("fork")
NAME = "lease of model-1"


class Clock:
    """Time that passes only while somebody sleeps; what is to happen meanwhile happens in the naps."""

    def __init__(self):
        self.now = 1000.0
        self.naps = 0
        self.in_nap = lambda: None

    def sleep(self, seconds):
        self.now += seconds
        self.naps += 1
        self.in_nap()


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(subject, "_elapsed", lambda: made.now)
    monkeypatch.setattr(subject.time, "sleep", made.sleep)
    # The holder of these tests renews by hand.
    monkeypatch.setattr(Lease, "_keep", lambda self: None)
    return made


@pytest.fixture
def elsewhere(monkeypatch):
    """Be another machine: call it with the number of the boot."""

    def be(boot):
        monkeypatch.setattr(subject, "_boot_id", lambda: boot)

    return be


class FolderNotes(MemoryStore):
    """Notes in a folder, for several processes."""

    def __init__(self, folder, seconds=30.0):
        super().__init__()
        self.folder = folder
        self.lease_seconds = seconds

    def read_note(self, name):
        numbers = sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())
        return Note(json.loads((self.folder / str(numbers[-1])).read_text()), numbers[-1]) if numbers else Note(None, None)

    def write_note(self, name, content, version):
        number = (version or 0) + 1
        temporary = self.folder / ("new-%d-%d" % (os.getpid(), threading.get_ident()))
        temporary.write_text(json.dumps(content))
        try:
            os.link(temporary, self.folder / str(number))
        except FileExistsError:
            raise StoreConflict([name]) from None
        finally:
            temporary.unlink()
        return number


class Holder:
    """Another process that holds the lease until it is told to let go, or dies; afterwards it says whether it could still send."""

    def __init__(self, store):
        self.ours, theirs = FORK.Pipe()
        self.process = FORK.Process(target=self._hold, args=(theirs, store), daemon=True)
        self.process.start()
        assert self.ours.poll(DEADLINE) and self.ours.recv() == "held"

    @staticmethod
    def _hold(pipe, store):
        with held(store):
            pipe.send("held")
            pipe.recv()
            try:
                fence(store)
                pipe.send("sent")
            except PasswordError as error:
                pipe.send(error.kind)

    def send(self):
        """What becomes of it if it sends something now."""
        self.ours.send("go")
        assert self.ours.poll(DEADLINE)
        told = self.ours.recv()
        self.process.join(DEADLINE)
        return told

    def signal(self, number):
        os.kill(self.process.pid, number)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.process.kill()
        self.process.join(DEADLINE)


def take(store):
    """Take the lease and give it back."""
    with held(store) as lease:
        lease.check()
        fence(store)
    return True


def test_nobody_waits_for_nobody(clock):
    store = MemoryStore()
    assert take(store) and take(store) and clock.naps == 0 and store.lease is None


def test_the_note_says_who_holds_it_and_until_when(clock):
    store = MemoryStore()
    with held(store):
        content = store.read_note(NAME).content
        assert content["pid"] == os.getpid() and content["boot_id"] and content["pid_namespace"] and content["started"]
        assert content["seconds"] == store.lease_seconds and content["until"].endswith("Z")
    assert store.read_note(NAME).content == {"id": None}


def test_a_second_run_waits_until_the_first_lets_go(clock):
    store = MemoryStore()
    first = Lease(store)
    first.take()
    clock.in_nap = first.give_back
    assert take(store) and clock.naps == 1


def test_a_lease_is_not_held_until_it_was_read_back(clock):
    """Not every file system keeps two writers apart: both writes may seem to have worked."""
    store = MemoryStore()
    first, write = Lease(store), store.write_note

    def write_and_lose(name, content, version):
        store.write_note = write
        first._version = write(name, content, version)
        store.notes[name] = (first._version, json.dumps(first._content()))
        return first._version

    store.write_note = write_and_lose
    clock.in_nap = first.give_back
    assert take(store) and clock.naps == 1


def test_a_second_run_steps_back_when_the_first_goes_on_and_on(clock):
    store = MemoryStore()
    first = Lease(store)
    first.take()
    clock.in_nap = lambda: first._write(first._version)
    with pytest.raises(PasswordError) as caught:
        take(store)
    assert caught.value.kind == "store_conflict" and "process %d" % os.getpid() in caught.value.message and "model-1" in caught.value.message
    assert 120 <= clock.now - 1000 < 122
    first.check()


@pytest.mark.parametrize("seconds", [5.0, 30.0, 300.0])
def test_edge_24_a_run_that_died_elsewhere_is_waited_for_no_longer_than_its_lease(clock, elsewhere, seconds):
    store = MemoryStore()
    store.lease_seconds = seconds
    elsewhere("machine-1")
    Lease(store).take()
    elsewhere("machine-2")
    assert take(store) and seconds <= clock.now - 1000 < seconds + 2


@pytest.mark.parametrize("skew", [-5 * 3600, 5 * 3600, 20 * 365 * 86400])
def test_clocks_that_differ_by_hours_let_nobody_in(clock, elsewhere, monkeypatch, skew):
    store = MemoryStore()
    elsewhere("machine-1")
    first = Lease(store)
    first.take()
    elsewhere("machine-2")
    true_now = subject.utc_now
    monkeypatch.setattr(subject, "utc_now", lambda: true_now() + subject.timedelta(seconds=skew))
    clock.in_nap = lambda: first._write(first._version)
    with pytest.raises(PasswordError):
        take(store)
    first.check()


def test_a_holder_whose_lease_ran_out_sends_nothing(clock):
    store = MemoryStore()
    with held(store):
        clock.now += store.lease_seconds
        with pytest.raises(PasswordError) as caught:
            fence(store)
        assert caught.value.kind == "store_conflict" and "sends nothing more" in caught.value.message
        clock.now -= store.lease_seconds
        with pytest.raises(PasswordError):
            fence(store)  # lost once is lost


def test_a_holder_whose_lease_was_taken_over_sends_nothing_even_if_its_clock_stood_still(clock, elsewhere):
    store = MemoryStore()
    elsewhere("machine-1")
    with held(store):
        elsewhere("machine-2")
        now = clock.now
        with held(MemoryStore.sharing(store)):
            clock.now = now
            with pytest.raises(PasswordError):
                fence(store)


def test_who_lost_the_lease_does_not_end_that_of_the_next(clock, elsewhere):
    store = MemoryStore()
    elsewhere("machine-1")
    first = Lease(store)
    first.take()
    elsewhere("machine-2")
    second = Lease(store)
    second.take()
    first.give_back()
    second.check()


def test_two_that_find_it_free_at_once_do_not_both_get_it(clock):
    store = MemoryStore()
    first = Lease(store)
    store.before_note.append(first.take)
    clock.in_nap = first.give_back
    assert take(store) and clock.naps == 1


def test_a_write_whose_answer_was_lost_is_no_conflict(clock, monkeypatch):
    store = MemoryStore()
    lease = Lease(store)
    lease.take()
    store.notes[NAME] = (store.notes[NAME][0] + 1, store.notes[NAME][1])  # written, and nobody told us
    assert lease._write(lease._version)
    lease.check()


def test_a_store_that_is_out_of_reach_gives_no_lease_and_stops_what_holds_one(clock):
    store = MemoryStore()
    with held(store):
        store.broken = True
        with pytest.raises(PasswordError) as caught:
            fence(store)
        assert caught.value.kind == "store_failed"
    with pytest.raises(PasswordError):
        take(store)


def test_a_work_that_fails_lets_go(clock):
    store = MemoryStore()
    with pytest.raises(ZeroDivisionError):
        with held(store):
            raise ZeroDivisionError
    assert take(store) and clock.naps == 0


def test_without_a_lease_the_fence_is_open():
    fence(MemoryStore())


@pytest.mark.parametrize("content", [{}, {"id": "x"}, {"id": "x", "pid": "many", "seconds": "long"}, {"id": "x", "pid": -1}, {"id": None, "pid": 5}])
def test_a_note_of_another_version_blocks_nobody_for_ever(clock, content):
    store = MemoryStore()
    content = dict(subject.this_process(), **content) if content.get("id") else content
    store.write_note(NAME, content, None)
    assert take(store) and clock.now - 1000 <= 902


# Real processes.


def test_edge_24_a_killed_process_of_this_machine_is_not_waited_for(tmp_path):
    store = FolderNotes(tmp_path, seconds=900.0)
    with Holder(store) as holder:
        holder.signal(signal.SIGKILL)  # not even waited for: it may stay as a zombie
        os.waitid(os.P_PID, holder.process.pid, os.WEXITED | os.WNOWAIT)
        assert take(store)


def test_a_process_of_the_same_number_is_no_holder(tmp_path, clock):
    store = FolderNotes(tmp_path, seconds=900.0)
    store.write_note(NAME, dict(subject.this_process(), id="x", seconds=900.0, started="1"), None)
    assert take(store) and clock.naps == 0


def test_a_process_that_we_may_not_look_at_is_alive(monkeypatch):
    monkeypatch.setattr(subject, "_read", lambda path: "boot" if path.endswith("boot_id") else None)
    assert not subject.has_ended(dict(subject.this_process(), started="1"))


@pytest.mark.parametrize("key", ["boot_id", "pid_namespace", "machine"])
def test_a_process_elsewhere_is_never_taken_for_one_of_ours(key):
    gone = dict(subject.this_process(), started="1")
    assert subject.has_ended(gone) and not subject.has_ended(dict(gone, **{key: "another"})) and not subject.has_ended(dict(gone, **{key: None}))


def test_the_lease_of_a_process_at_work_is_renewed(tmp_path, monkeypatch):
    store = FolderNotes(tmp_path, seconds=0.6)
    with Holder(store) as holder:
        number = store.read_note(NAME).version
        while store.read_note(NAME).version < number + 4:
            pass
        assert holder.send() == "sent"


def test_edge_24_a_stopped_process_is_overtaken_and_then_sends_nothing(tmp_path, elsewhere):
    """Its lease runs out while it stands still; when it goes on, it is not even asked whether it wants to send."""
    store = FolderNotes(tmp_path, seconds=1.0)
    with Holder(store) as holder:
        holder.signal(signal.SIGSTOP)
        assert take(store)
        holder.signal(signal.SIGCONT)
        assert holder.send() == "store_conflict"


def test_a_second_process_gets_it_when_the_first_is_done(tmp_path):
    store = FolderNotes(tmp_path)
    with Holder(store) as holder:
        waiter = threading.Thread(target=take, args=(FolderNotes(tmp_path),))
        waiter.start()
        assert holder.send() == "sent"
        waiter.join(DEADLINE)
        assert not waiter.is_alive() and store.read_note(NAME).content == {"id": None}
