# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes in a folder: no write of many processes is lost, whatever dies and however slow somebody is, and without any lock (edge 35)."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pathlib
import shutil
import signal
import stat
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils import _durable_files, _folder_notes
from ansible_collections.rekey.passwords.plugins.plugin_utils._folder_notes import FolderNotes
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import StoreConflict

from tests.unit.products import thinned

FORK = multiprocessing.get_context("fork")
# The children only write notes; they wait for no thread that was not copied.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

WRITERS, INCREMENTS = 6, 30
NAMES = ("lease of db-1", "a/b", "..", ".", "", "~", "a~b", "%2E", "ünï 密码", "\ud800", "x" * 1000, "x" * 1001, "LEASE OF DB-1", "1.txt", "tab\there")


@pytest.fixture(params=["links", "no links"])
def notes(request, tmp_path, monkeypatch) -> FolderNotes:
    """Notes on a file system with and without hard links; neither may lock anything."""

    def refuse(*_args: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(_durable_files.fcntl, "flock", refuse)
    return FolderNotes(lambda: str(tmp_path))


def place(notes: FolderNotes, name: str) -> pathlib.Path:
    """The folder of a note."""
    return pathlib.Path(notes._folder_of(name))


def failure_of(call: Callable, *args: Any) -> str:
    """The message of a note that cannot be read or written."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind == "store_failed" and caught.value.__suppress_context__
    return caught.value.message


def test_what_is_written_comes_back_whatever_the_name(notes, tmp_path):
    for number, name in enumerate(NAMES):
        assert (notes.read(name).content, notes.read(name).version) == (None, None), name
        written = notes.write(name, {"number": number, "text": "ü\ud800\n"}, None)
        assert notes.read(name).version == written
    assert [notes.read(name).content["number"] for name in NAMES] == list(range(len(NAMES)))
    assert os.listdir(tmp_path) == [".rekey"] and len(list((tmp_path / ".rekey" / "notes").iterdir())) == len(NAMES)


def test_reading_makes_nothing(notes, tmp_path):
    assert notes.read("lease").content is None and not list(tmp_path.iterdir())


def test_a_version_is_good_for_one_write(notes):
    first = notes.write("lease", {"turn": 1}, None)
    second = notes.write("lease", {"turn": 2}, first)
    for stale in (None, first):
        with pytest.raises(StoreConflict):
            notes.write("lease", {"turn": 3}, stale)
    assert notes.read("lease").content == {"turn": 2} and notes.read("lease").version == second


def test_a_note_that_has_vanished_since_is_a_conflict(notes):
    version = notes.write("lease", {"turn": 1}, None)
    shutil.rmtree(place(notes, "lease"))
    with pytest.raises(StoreConflict):
        notes.write("lease", {"turn": 2}, version)
    assert notes.read("lease").content is None


def test_old_writes_are_swept_and_nothing_else_is_left(notes):
    version = None
    for number in range(60):
        version = notes.write("lease", {"number": number}, version)
    left = sorted(os.listdir(place(notes, "lease")))
    assert left == ["%d.txt" % number for number in range(45, 61)] and notes.read("lease").content == {"number": 59}


def test_modes_whatever_the_umask(notes, tmp_path):
    before = os.umask(0)
    try:
        notes.write("lease", {}, None)
    finally:
        os.umask(before)
    for path in (tmp_path / ".rekey").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


# Several writers


def _count_up(notes: FolderNotes) -> None:
    for _number in range(INCREMENTS):
        while True:
            note = notes.read("counter")
            try:
                notes.write("counter", {"count": (note.content or {"count": 0})["count"] + 1}, note.version)
                break
            except StoreConflict:
                continue


def _join(workers: list) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0] * len(workers)


def test_no_increment_of_many_processes_is_lost_or_made_twice(notes):
    _join([FORK.Process(target=_count_up, args=(notes,), daemon=True) for _number in range(WRITERS)])
    assert notes.read("counter").content == {"count": WRITERS * INCREMENTS}


def _before(monkeypatch, where: Any, function: str, notes: FolderNotes, rivals: int) -> None:
    """Let others write so often right before this function of ours runs, once."""
    original = getattr(where, function)

    def delayed(*args: Any) -> Any:
        monkeypatch.setattr(where, function, original)
        for _number in range(rivals):
            note = notes.read("counter")
            notes.write("counter", {"count": note.content["count"] + 1 if note.content else 1}, note.version)
        return original(*args)

    monkeypatch.setattr(where, function, delayed)


@pytest.mark.parametrize("rivals", thinned([1, 5, 15, 16, 17, 40], 3))
@pytest.mark.parametrize("begun", thinned([0, 1, 20], 2))
def test_a_writer_that_was_held_up_before_it_took_its_number(notes, monkeypatch, begun, rivals):
    """Its number may have been used and swept by then."""
    version = None
    for number in range(begun):
        version = notes.write("counter", {"count": number + 1}, version)
    _before(monkeypatch, _folder_notes, "_name", notes, rivals)
    with pytest.raises(StoreConflict):
        notes.write("counter", {"count": -1}, version)
    assert notes.read("counter").content == {"count": begun + rivals}
    notes.write("counter", {"count": 0}, notes.read("counter").version)


@pytest.mark.parametrize("rivals", [1, 10, 16, 17, 40, 200])
def test_a_writer_that_was_held_up_after_it_took_its_number_knows_that_it_was_first(notes, monkeypatch, rivals):
    """Others have built on what it wrote: a conflict would make it write the same once more."""
    version = notes.write("counter", {"count": 1}, None)
    _before(monkeypatch, FolderNotes, "_counted", notes, rivals)
    written = notes.write("counter", {"count": 2}, version)
    assert notes.read("counter").content == {"count": 2 + rivals}
    with pytest.raises(StoreConflict):
        notes.write("counter", {"count": 3}, written)


def test_an_answer_that_was_lost_and_asked_for_again(tmp_path, monkeypatch):
    """As on NFS: the name is taken, and it is our own."""
    link = os.link

    def twice(source: str, target: str) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    notes = FolderNotes(lambda: str(tmp_path))
    version = notes.write("lease", {"turn": 1}, None)
    notes.write("lease", {"turn": 2}, version)
    assert notes.read("lease").content == {"turn": 2}


# Death


class Tapped:
    """A module, each function of which announces that it is called."""

    def __init__(self, module: Any, announce: Callable[[str], None]) -> None:
        self._module, self._announce = module, announce

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if not callable(found) or isinstance(found, type):
            return found

        def announced(*args: Any, **kwargs: Any) -> Any:
            self._announce(name)
            return found(*args, **kwargs)

        return announced


def _write_and_tell(notes: FolderNotes, announce: Callable[[str], None]) -> None:
    """Write the next turn, and announce all calls to the operating system."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for module, name in ((_folder_notes, "os"), (_folder_notes, "tempfile"), (_durable_files, "os")):
            monkeypatch.setattr(module, name, Tapped(getattr(module, name), announce))
        note = notes.read("lease")
        notes.write("lease", {"turn": (note.content or {"turn": 0})["turn"] + 1}, note.version)


def _die_at(notes: FolderNotes, number: int, half: bool) -> None:
    calls = []

    def announce(name: str) -> None:
        calls.append(name)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def write_half(handle: Any, mode: str) -> Any:
        if not isinstance(handle, int):
            return open(handle, mode)
        os.write(handle, b'{"id": "')
        os.kill(os.getpid(), signal.SIGKILL)

    if half:
        _folder_notes.open = write_half  # type: ignore[attr-defined]
    _write_and_tell(notes, announce)


@pytest.mark.parametrize("before", thinned([1, 0, 20], 1))
def test_killed_at_any_call_a_note_is_the_old_one_or_the_new_one(notes, before):
    version = None
    for number in range(before):
        version = notes.write("lease", {"turn": number + 1}, version)
    found, at = [], 0
    while True:
        turn = (notes.read("lease").content or {"turn": 0})["turn"]
        at += 1
        worker = FORK.Process(target=_die_at, args=(notes, at, False), daemon=True)
        worker.start()
        worker.join(30)
        if worker.exitcode == 0:
            break
        assert worker.exitcode == -signal.SIGKILL
        after = (notes.read("lease").content or {"turn": 0})["turn"]
        assert after in (turn, turn + 1)
        found.append(after - turn)
    # Some died before the note counted, and some after it; the next one always went on.
    assert at > 10 and set(found) == {0, 1} and notes.read("lease").content == {"turn": turn + 1}
    worker = FORK.Process(target=_die_at, args=(notes, 0, True), daemon=True)
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL and notes.read("lease").content == {"turn": turn + 1}


def test_what_a_killed_process_has_left_is_swept_when_it_is_old(notes):
    version = notes.write("lease", {}, None)
    folder = place(notes, "lease")
    (folder / ".new~old").write_text("half", encoding="utf-8")
    (folder / ".new~folder").mkdir()
    (folder / ".new~folder" / "note").write_text("half", encoding="utf-8")
    (folder / ".new~young").write_text("half", encoding="utf-8")
    for name in (".new~old", ".new~folder"):
        os.utime(folder / name, (0, 0))
    notes.write("lease", {}, version)
    assert sorted(os.listdir(folder)) == [".new~young", "1.txt", "2.txt"]


# What cannot be read or written


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"id": "x"}',
        '{"id": 1, "before": [], "content": {}}',
        '{"id": "x", "before": [], "content": []}',
        '{"id": "x", "content": {}}',
    ],
)
def test_a_damaged_note_is_told_and_not_overwritten(notes, content):
    version = notes.write("lease", {}, None)
    path = place(notes, "lease") / "2.txt"
    path.write_text(content, encoding="utf-8")
    for call in (lambda: notes.read("lease"), lambda: notes.write("lease", {}, version)):
        assert "is damaged" in (told := failure_of(call)) and str(path) in told
    assert path.read_text(encoding="utf-8") == content


@pytest.mark.parametrize("function", ["listdir", "mkdir", "link", "fsync"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_what_the_file_system_refuses_is_told(tmp_path, monkeypatch, function, code):
    def refuse(*_args: Any) -> None:
        raise OSError(code, os.strerror(code))

    notes = FolderNotes(lambda: str(tmp_path))
    monkeypatch.setattr(os, function, refuse)
    told = failure_of(notes.write, "lease", {}, None)
    assert os.strerror(code) in told and str(tmp_path) in told
    monkeypatch.undo()
    assert notes.read("lease").content is None or function == "fsync"


def test_a_note_is_on_disk_before_it_has_its_number_and_the_number_before_the_write_is_over(notes, tmp_path, monkeypatch):
    notes.write("other", {}, None)
    calls: list[tuple[str, str]] = []

    def recorded(name: str, path: Callable[[Any], str]) -> None:
        function = getattr(os, name)

        def call(first: Any, *more: Any) -> Any:
            calls.append((name, os.path.basename(path(first)).partition("~")[0]))
            return function(first, *more)

        monkeypatch.setattr(os, name, call)

    notes.write("lease", {}, None)
    recorded("fsync", lambda handle: os.path.realpath("/proc/self/fd/%d" % handle))
    recorded("link", str)
    recorded("rename", str)
    notes.write("lease", {"turn": 2}, notes.read("lease").version)
    # Without links: into a folder, which is on disk before it is renamed.
    named = [("link", ".new")] if ("rename", ".new") not in calls else [("link", ".new"), ("rename", ".new"), ("fsync", ".new"), ("rename", ".new")]
    assert calls == [("fsync", ".new"), *named, ("fsync", "lease")]


def test_a_folder_behind_a_link_and_one_whose_target_is_not_there(notes, tmp_path):
    (tmp_path / "volume").mkdir()
    (tmp_path / ".rekey").symlink_to(tmp_path / "volume")
    version = notes.write("lease", {"turn": 1}, None)
    assert (tmp_path / "volume" / "notes" / "lease").is_dir()
    os.rename(tmp_path / "volume", tmp_path / "away")
    for call in (lambda: notes.read("lease"), lambda: notes.write("lease", {}, version), lambda: notes.write("lease", {}, None)):
        assert "is a link to something that does not exist" in failure_of(call)
    os.rename(tmp_path / "away", tmp_path / "volume")
    assert notes.read("lease").content == {"turn": 1}
