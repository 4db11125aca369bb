# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change at a time a host: a second process waits, steps back in time, and is never blocked by a dead one."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.plugin_utils import folders
from ansible_collections.rekey.passwords.plugins.plugin_utils import host_lock as subject
from ansible_collections.rekey.passwords.plugins.plugin_utils.host_lock import host_lock
from tests.unit.plugins.rotation_doubles import MemoryStore

DEADLINE = 30  # seconds; nothing here takes long
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setattr(subject.constants.config, "get_config_value", lambda name: str(tmp_path / "home"))
    return tmp_path / "home"


def store(path="/srv/passwords", host="host-1"):
    return MemoryStore(host, {"store_path": path})


class Holder:
    """Another process that holds the lock of a host until it is told to let go, or dies."""

    def __init__(self, host="host-1", path="/srv/passwords"):
        self.ours, theirs = FORK.Pipe()
        self.process = FORK.Process(target=self._hold, args=(theirs, host, path), daemon=True)
        self.process.start()
        assert self.ours.poll(DEADLINE) and self.ours.recv() == "held"

    @staticmethod
    def _hold(pipe, host, path):
        with host_lock(store(path), host):
            pipe.send("held")
            pipe.recv()

    def let_go(self):
        self.ours.send("go")
        self.process.join(DEADLINE)

    def die(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.process.kill()
        self.process.join(DEADLINE)


class Clock:
    """Time that passes only while somebody sleeps; an event happens in the first nap."""

    def __init__(self):
        self.now = 0.0
        self.naps = 0
        self.event = None

    def sleep(self, seconds):
        self.now += seconds
        self.naps += 1
        event, self.event = self.event, None
        if event:
            event()

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(folders, "time", made)
    return made


def take(host="host-1", path="/srv/passwords"):
    """Take the lock and give it back."""
    with host_lock(store(path), host):
        return True


def test_nobody_waits_for_nobody(clock):
    assert take() and take() and clock.naps == 0


def test_a_second_process_waits_until_the_first_lets_go(clock):
    with Holder() as holder:
        clock.event = holder.let_go
        assert take() and clock.naps == 1


def test_a_second_process_steps_back_when_it_takes_too_long(clock):
    with Holder() as holder:
        with pytest.raises(VendorError) as caught:
            take()
        assert caught.value.kind == "store_conflict" and "host-1" in caught.value.message and "steps back" in caught.value.message
        assert 120 <= clock.now < 121
        holder.let_go()
    assert take()


def test_a_dead_process_blocks_nobody(clock):
    with Holder() as holder:
        holder.die()
        assert take() and clock.naps == 0


def test_a_work_that_fails_lets_go():
    with pytest.raises(ZeroDivisionError):
        with host_lock(store(), "host-1"):
            raise ZeroDivisionError
    assert take()


@pytest.mark.parametrize("other", [{"host": "host-2"}, {"path": "/srv/elsewhere"}])
def test_other_hosts_and_other_stores_are_not_held_up(other, clock):
    with Holder():
        assert take(**other) and clock.naps == 0


def test_the_file_is_its_owners_alone_and_names_no_host(_home):
    take(host="../a host/with \ud800")
    (path,) = (_home / "rekey_passwords").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700 and "host" not in path.name


def test_where_there_can_be_no_lock_the_work_goes_on(_home):
    _home.write_text("not a folder", encoding="utf-8")
    assert take()


def test_a_file_system_without_locks_holds_up_nobody(monkeypatch, clock):
    def unsupported(_handle, _operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(folders.fcntl, "flock", unsupported)
    assert take() and clock.naps == 0
