# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known defects, put into a rotation's process on purpose: whoever searches for lost passwords must find them there."""

from __future__ import annotations

import fcntl
import os
import pathlib

from ansible_collections.rekey.passwords.plugins.plugin_utils import _durable_files
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import lease, protocol
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.updates import update
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import ansible_vault

WAITS = "a-run-waits"  # the name of a file


def pending_is_written_at_the_end():
    """What is staged stays in memory until the commit."""
    written, real = {}, ansible_vault.AnsibleVaultStore

    class Lazy(real):
        """Keeps what it is given until a record has no pending password."""

        def get(self, users):
            found = super().get(users)
            for user, entry in found.items():
                entry.record = written.get(user, entry.record)
            return found

        def put(self, entries):
            written.update({user: entry.record for user, entry in entries.items()})
            if any(entry.record.pending is None for entry in entries.values()):
                super().put(entries)

    ansible_vault.STORE = Lazy


def files_are_written_in_place():
    """No file takes the place of another at once."""

    def overwrite(source, target):
        with open(source, "rb") as stream:
            content = stream.read()
        with open(target, "wb", buffering=0) as stream:
            stream.write(content[:100])
            stream.write(content[100:])

    def write(self, users):
        real, ansible_vault.os.rename = ansible_vault.os.rename, overwrite
        try:
            return real_write(self, users)
        finally:
            ansible_vault.os.rename = real

    real_write, ansible_vault.AnsibleVaultStore._write = ansible_vault.AnsibleVaultStore._write, write


def nothing_is_flushed():
    """The file is put in its place before it is on disk."""
    _durable_files.os.fsync = lambda handle: None


def sending_is_not_noted():
    """The record does not tell that its password may be in force."""
    real = protocol.mark_sent

    def mark_sent(*args, **options):
        found = real(*args, **options)
        store, staged = args[:2]

        def forget(_name, record):
            record.pending.sent = 0
            return record

        update(store, staged, forget)
        return found

    protocol.mark_sent = mark_sent


def every_run_makes_a_password_of_its_own():
    """A leftover pending password is thrown away."""
    real = protocol.stage

    def stage(store, users, *args, **options):
        def forget(_name, record):
            if record:
                record.drop_pending()
            return record

        update(store, [user["name"] for user in users], forget)
        return real(store, users, *args, **options)

    protocol.stage = stage


def locks_are_local():
    """Every process has the locks of the file system to itself, as on a network file system whose locks are local."""
    fcntl.flock = fcntl.lockf = lambda *args: None


def waiting_is_shown():
    """No defect: a run that waits for the lease leaves a file in Ansible's home, for a test that waits for that."""
    real = lease.time.sleep

    def sleep(seconds):
        pathlib.Path(os.environ["ANSIBLE_HOME"], WAITS).touch()
        real(seconds)

    lease.time.sleep = sleep
