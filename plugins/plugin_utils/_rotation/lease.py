# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change at a time per record name, wherever the runs are.

The lease is a note of the store, taken and renewed by compare-and-set, so it needs neither a lock of the file system nor clocks that agree. Two clocks
never meet: the holder measures from the moment before its last write, a waiter from the moment at which it first saw that write.
"""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any, ContextManager, Dict, Iterator, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import format_utc, utc_now
from ..store import Note, Store, StoreConflict
from .read_only import is_dry_run

_LONGEST_WAIT = 120.0  # seconds for which another run may be at work
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two looks
_LONGEST_LEASE = 900.0  # seconds; a note that claims more is not believed
_RENEWALS = 3  # within the time of a lease


def _elapsed() -> float:
    """Seconds that count while the machine sleeps, too: others do not wait for it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def _boot_id() -> Optional[str]:
    return (_read("/proc/sys/kernel/random/boot_id") or "").strip() or None


def _pid_namespace() -> Optional[str]:
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return None


def _start_time(pid: int) -> Optional[str]:
    """When a process was started, in ticks since the boot: distinguishes it from a later one of the same number. None for a process that has ended."""
    stat = _read("/proc/%d/stat" % pid)
    if not stat:
        return None
    # The name of the program is in brackets and may hold anything.
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZXx" else rest[18]


def this_process() -> Dict[str, Any]:
    """Identifies this process to others on this machine."""
    return {
        "boot_id": _boot_id(),
        "pid_namespace": _pid_namespace(),
        "machine": os.uname().nodename,
        "pid": os.getpid(),
        "started": _start_time(os.getpid()),
    }


def has_ended(owner: Dict[str, Any]) -> bool:
    """Whether that is a process on this machine that has ended; False where that is not known.

    :param owner: what :func:`this_process` returned there.
    """
    here = this_process()
    if any(not here[key] or owner.get(key) != here[key] for key in ("boot_id", "pid_namespace", "machine")):
        return False
    pid = owner.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # somebody else's process
    if _read("/proc/%d/stat" % pid) is None:
        return False  # it runs, and we may not see more of it
    return _start_time(pid) != owner.get("started")


class Lease:
    """The right to change the records of one host; see :func:`held`.

    :param store: a :class:`~.store.Store`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._name = "lease of %s" % store.host
        self.id = uuid.uuid4().hex
        self._seconds = float(store.lease_seconds)
        self._version: Any = None
        self._good_until = 0.0
        self._lost = False
        self._guard = threading.Lock()  # of the four above
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def take(self) -> None:
        """Wait until nobody else holds it: for two minutes, or as long as it takes to find out that a holder has died.

        :raises PasswordError: ``store_conflict``: somebody else is still at work; ``store_failed``.
        """
        began = first_seen = _elapsed()
        seen: Any = None
        pause = _FIRST_PAUSE
        while True:
            note = self._store.read_note(self._name)
            now = _elapsed()
            if note.version != seen:
                seen, first_seen = note.version, now
            if _is_free(note) or now - first_seen >= _duration(note):
                if self._write(note.version):
                    break
                continue
            if now - began >= max(_LONGEST_WAIT, 2 * _duration(note)):
                raise _at_work(self._store.host, note.content or {}, now - began)
            # Waiters do not look in step.
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        self._thread = threading.Thread(target=self._keep, name="rekey lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure, before anything is sent, that no other run may be at work.

        :raises PasswordError: ``store_conflict``: the lease has run out or was taken over, as after this process was stopped for a while.
        """
        with self._guard:
            if not self._lost and _elapsed() < self._good_until:
                # Our own clock may have stood still with the whole machine.
                note = self._store.read_note(self._name)
                if _holder(note) == self.id and _elapsed() < self._good_until:
                    return
            self._lost = True
        raise PasswordError(
            errors.STORE_CONFLICT,
            "This run was held up for so long that its lease on %s ran out. It sends nothing more, since another run may be at work. Run again."
            % self._store.host,
        )

    def give_back(self) -> None:
        """Let others begin at once. Never raises: a lease that is not given back runs out."""
        self._stop.set()
        if self._thread:
            self._thread.join(self._seconds)
        with self._guard, suppress(PasswordError, StoreConflict):
            if not self._lost:
                self._store.write_note(self._name, {"id": None}, self._version)
            self._lost = True

    def _content(self) -> Dict[str, Any]:
        return dict(
            this_process(),
            id=self.id,
            seconds=self._seconds,
            until=format_utc(utc_now() + timedelta(seconds=self._seconds)),
        )

    def _write(self, version: Any) -> bool:
        """Write the note in the place of the one of that version, and read it back."""
        began = _elapsed()
        try:
            self._version = self._store.write_note(self._name, self._content(), version)
        except StoreConflict:
            # A write of our own whose answer was lost is not a conflict: it is written again, so that it is known when it was.
            note = self._store.read_note(self._name)
            if _holder(note) != self.id or note.version == version:
                return False
            return self._write(note.version)
        if _holder(self._store.read_note(self._name)) != self.id:
            return False
        self._good_until = began + self._seconds
        return True

    def _keep(self) -> None:
        """Renew the lease until it is given back or lost."""
        while not self._stop.wait(self._seconds / _RENEWALS):
            with self._guard:
                if self._lost or self._stop.is_set():
                    return
                try:
                    self._lost = _elapsed() >= self._good_until or not self._write(self._version)
                except Exception:  # pylint: disable=broad-exception-caught
                    # A store that is unreachable for a moment is asked again; until then the lease runs on.
                    continue


def _holder(note: Note) -> Optional[str]:
    """The identifier of the lease that a note holds, if any."""
    return (note.content or {}).get("id")


def _is_free(note: Note) -> bool:
    return not _holder(note) or has_ended(note.content or {})


def _duration(note: Note) -> float:
    """How long the holder may keep the lease without writing it again."""
    seconds = (note.content or {}).get("seconds")
    return min(float(seconds), _LONGEST_LEASE) if isinstance(seconds, (int, float)) and seconds > 0 else _LONGEST_LEASE


def _at_work(host: str, holder: Dict[str, Any], waited: float) -> PasswordError:
    who = "process %s on %s" % (holder.get("pid"), holder.get("machine"))
    return PasswordError(
        errors.STORE_CONFLICT,
        "Another run (%s) has been changing passwords of %s for more than %d seconds. This run gives up; run it again later."
        % (who, host, waited),
    )


@contextmanager
def held(store: Store) -> Iterator[Lease]:
    """Keep all other runs from changing the records of the store's host.

    :raises PasswordError: ``store_conflict``: another run is still at work after two minutes; ``store_failed``.
    """
    lease = Lease(store)
    lease.take()
    store.lease = lease
    try:
        yield lease
    finally:
        store.lease = None
        lease.give_back()


def host_lease(store: Store) -> ContextManager[Optional[Lease]]:
    """Keep other runs from changing passwords of the same records, unless this one changes none."""
    return nullcontext() if is_dry_run(store) else held(store)


def is_ours(store: Store, other: Store) -> bool:
    """Whether the lease that this run holds through one store is that of the other, too: both lead to the same place."""
    return store.lease is not None and _holder(other.read_note("lease of %s" % other.host)) == store.lease.id


def fence(store: Store) -> None:
    """Make sure, right before something is sent, that this run still holds the lease of the store's host.

    :raises PasswordError: ``store_conflict``: it does not, or not any more; ``store_failed``.
    """
    if store.lease is not None:
        store.lease.check()
