# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks and folders of stores."""

from __future__ import annotations

import fcntl
import os
import stat

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils import _durable_files


def test_one_holder_at_a_time(tmp_path):
    path = str(tmp_path / "lock")
    with _durable_files.file_lock(path, 0):
        with pytest.raises(_durable_files.Locked), _durable_files.file_lock(path, 0):
            pass
    with _durable_files.file_lock(path, 0):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_lock_on_a_file_that_has_been_removed_is_none(tmp_path, monkeypatch):
    path = str(tmp_path / "lock")
    flock, seen = fcntl.flock, []

    def removed_meanwhile(handle, how):
        flock(handle, how)
        seen.append(os.fstat(handle).st_ino)
        if len(seen) == 1:
            os.unlink(path)

    monkeypatch.setattr(_durable_files.fcntl, "flock", removed_meanwhile)
    with _durable_files.file_lock(path, 10):
        assert len(seen) == 2 and os.stat(path).st_ino == seen[1]


def test_what_cannot_be_locked_is_an_error_and_leaves_nothing_open(tmp_path, monkeypatch):
    def no_locks(*_args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(_durable_files.fcntl, "flock", no_locks)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="No locks available"), _durable_files.file_lock(str(tmp_path / "lock"), 10):
        pass
    assert os.listdir("/proc/self/fd") == before


def test_folders_are_brought_to_disk_from_above(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(_durable_files, "sync", lambda path: told.append(os.path.relpath(path, tmp_path)))
    before = os.umask(0)
    try:
        _durable_files.make_folder(str(tmp_path / "a" / "b"))
    finally:
        os.umask(before)
    assert told == [".", "a"] and stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    _durable_files.make_folder(str(tmp_path / "a" / "b"))
    assert told == [".", "a"]
