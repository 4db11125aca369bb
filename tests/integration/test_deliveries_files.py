# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries to files on other hosts: what is in them, who restarts, and what is shown."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.doubles.milvus import MilvusDouble
from tests.integration.deliveries import CONSUMER, Delivered
from tests.integration.rotation import old_password

USERS = ("alice", "bob")
# A program that takes the place of OpenRC's `rc-service`, and what it was asked for.
SERVICE = """#!/bin/sh
test "$2" = status && echo "status: started" && exit
echo "$1 $2" >> %(log)s
test ! -e %(broken)s
"""


@pytest.fixture
def double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


@pytest.fixture
def place(tmp_path):
    """Where the consumers have their files."""
    folder = tmp_path / "consumer"
    folder.mkdir()
    return folder


class Services:
    """The services of the consumer."""

    def __init__(self, folder):
        self.log, self.broken = folder / "service.log", folder / "broken"
        programs = folder / "programs"
        programs.mkdir()
        (programs / "rc-service").write_text(SERVICE % {"log": self.log, "broken": self.broken}, encoding="utf-8")
        (programs / "rc-service").chmod(0o755)
        self.env = {"PATH": "%s:%s" % (programs, os.environ["PATH"])}

    def asked(self):
        """What was asked for since the last time."""
        asked = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return asked


def sourced(path, *variables):
    """What a shell reads from an environment file."""
    script = '. "$0"; for name; do eval "printf %s \\"\\$$name\\""; printf "\\0"; done'
    return subprocess.run(["sh", "-c", script, str(path), *variables], capture_output=True, text=True, check=True).stdout.split("\0")[:-1]


@pytest.mark.secrets
def test_files_are_written_where_they_belong_and_nothing_is_shown(ansible, double, place):
    (place / "own.j2").write_text("login={{ lookup('rekey.passwords.login', 'bob') | to_json }}\n", encoding="utf-8")
    files = [
        {
            "path": str(place / "app.env"),
            "host": CONSUMER,
            "format": "env",
            "users": [{"name": "alice", "password": "ALICE"}, {"name": "bob", "username": "BOB"}],
        },
        {"path": str(place / "pgpass"), "host": CONSUMER, "format": "pgpass", "users": [{"name": "alice", "host": "db.example.com"}], "mode": "0400"},
        {"path": str(place / "own.conf"), "host": CONSUMER, "template": str(place / "own.j2"), "users": ["bob"]},
        {"path": str(place / "none.env"), "host": CONSUMER, "format": "env", "users": ["nobody"]},
    ]
    delivered = Delivered(ansible, double, USERS, rotate_deliver_files=files)

    dry = delivered.run("file", USERS, check=True, diff=True, verbosity=5, rotate=False)
    assert dry.rc != 0 and "rotate_deliver_files[0]: The store has no current password of alice" in dry.output
    run = delivered.run("file", USERS, diff=True, verbosity=5)
    assert run.rc == 0, run.output
    assert delivered.hosts() == {CONSUMER}
    assert sourced(place / "app.env", "ALICE", "BOB") == [delivered.password("alice"), "bob"]
    assert (place / "pgpass").read_text(encoding="utf-8").startswith("db.example.com:*:*:alice:")
    assert delivered.password("bob") in (place / "own.conf").read_text(encoding="utf-8")
    assert [oct((place / name).stat().st_mode & 0o777) for name in ("app.env", "pgpass", "own.conf")] == ["0o600", "0o400", "0o600"]
    assert not (place / "none.env").exists()
    assert not ansible.leaks(delivered.rotation.secrets())


def test_a_service_restarts_once_the_file_has_changed_and_only_then(ansible, double, place):
    services = Services(place)
    path = place / "app.env"
    one = {"path": str(path), "hosts": [CONSUMER], "format": "env", "users": ["alice"], "restart": ["shop"]}
    two = {"path": str(place / "pgpass"), "hosts": [CONSUMER], "format": "pgpass", "users": ["bob"], "restart": ["shop"], "reload": ["queue"]}
    delivered = Delivered(ansible, double, USERS, rotate_deliver_files=[one, two])

    services.broken.touch()
    failed = delivered.run("file", USERS, env=services.env)
    assert failed.rc != 0 and services.asked(), failed.output
    services.broken.unlink()
    # The file is as it should be, but its service has not read it.
    again = delivered.run("file", USERS, rotate=False, env=services.env)
    assert again.rc == 0, again.output
    assert services.asked() == ["shop restart", "queue reload"]
    assert sorted(item.name for item in place.iterdir()) == ["app.env", "pgpass", "programs"]
    last = delivered.run("file", USERS, rotate=False, env=services.env)
    assert (last.rc, services.asked(), last.stats["milvus-1"]["changed"]) == (0, [], 0), last.output


def test_a_file_that_cannot_be_written_is_named(ansible, double, place):
    files = [{"path": str(place / "missing" / "app.env"), "host": CONSUMER, "format": "env", "users": ["alice"]}]
    delivered = Delivered(ansible, double, USERS, rotate_deliver_files=files)
    run = delivered.run("file", USERS)
    assert run.rc != 0 and str(place / "missing") in run.output
    # What cannot be written is known before anything is.
    delivered.rotation.variables["rotate_deliver_files"] = [
        {"path": str(place / "a.env"), "host": CONSUMER, "format": "env", "users": ["alice"]},
        {"path": str(place / "b.env"), "host": CONSUMER, "template": "no-such-template.j2", "users": ["alice"], "owner": "nobody"},
    ]
    run = delivered.run("file", USERS, rotate=False)
    assert run.rc != 0 and "rotate_deliver_files[1]: %s on app1 was not written. Could not find or access" % (place / "b.env") in run.output
