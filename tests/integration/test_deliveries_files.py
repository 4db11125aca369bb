# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries to files on other hosts: what is in them, who restarts, and what is shown."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils._deliveries.formats import quoted

from tests.doubles.milvus import MilvusDouble
from tests.integration.deliveries import CONSUMER, ENDPOINT, Delivered, documented
from tests.integration.real_stores import unavailable
from tests.integration.rotation import old_password
from tests.servers import mariadb
from tests.servers.machine import Unavailable

USERS = ("alice", "bob")
FILES = ("database.env", "pgpass", "my.cnf", "shop.conf")
CHARACTERS = [chr(number) for number in (*range(1, 0x180), 0x1F511)]
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


def password_of_libpq(path):
    """What the library of PostgreSQL reads from a password file; it reads it before it tries to connect."""
    psycopg = pytest.importorskip("psycopg", reason="the library of PostgreSQL comes with the Python package psycopg")
    parameters = "host=db.example.com hostaddr=127.0.0.1 port=1 user=alice dbname=shop passfile=%s" % path
    return psycopg.pq.PGconn.connect_start(parameters.encode()).password.decode()


TEMPLATE = "login={{ lookup('rekey.passwords.login', 'bob') | to_json }}\n"


@pytest.mark.secrets
def test_files_are_written_and_their_services_restart_once_they_have_changed(ansible, double, place):
    services = Services(place)
    (place / "own.j2").write_text(TEMPLATE, encoding="utf-8")
    replaced = {"/etc/shop": str(place), "shop.conf.j2": str(place / "own.j2"), "owner: root": "owner: %d" % os.geteuid()}
    files = documented("rotate_deliver_files", replaced)
    delivered = Delivered(ansible, double, USERS, rotate_deliver_files=files)

    services.broken.touch()
    failed = delivered.run("file", USERS, env=services.env, diff=True, verbosity=5, watch=True)
    assert failed.rc != 0 and services.asked() == ["shop restart"], failed.output
    assert delivered.hosts() == {CONSUMER}
    assert sourced(place / "database.env", "DB_USER", "DB_PASSWORD") == ["alice", delivered.password("alice")]
    assert password_of_libpq(place / "pgpass") == delivered.password("alice")
    assert (place / "my.cnf").read_text(encoding="utf-8") == '[client]\nuser="alice"\npassword="%s"\n' % delivered.password("alice")
    assert json.loads((place / "shop.conf").read_text(encoding="utf-8").removeprefix("login=")) == {"username": "bob", "password": delivered.password("bob")}
    assert {(place / name).stat().st_mode & 0o777 for name in FILES} == {0o600}
    assert not ansible.leaks(delivered.rotation.secrets())

    services.broken.unlink()
    # The file is as it should be, but its services have not read it.
    delivered.rotation.variables["rotate_deliver_files"] = files[:1]
    again = delivered.run("file", ["alice"], rotate=False, env=services.env)
    assert (again.rc, services.asked()) == (0, ["shop restart", "queue reload"]), again.output
    assert {item.name for item in place.iterdir()} == {*FILES, "own.j2", "programs"}

    (place / "pgpass").unlink()
    delivered.rotation.variables["rotate_deliver_files"] = files[:2]
    dry = delivered.run("file", ["alice"], rotate=False, env=services.env, check=True)
    assert (dry.rc, services.asked(), dry.stats[ENDPOINT]["changed"]) == (0, [], 1), dry.output
    assert not (place / "pgpass").exists()


def test_a_file_that_cannot_be_written_is_named(ansible, double, place):
    files = [{"path": str(place / "missing" / "app.env"), "host": CONSUMER, "format": "env", "users": ["alice"]}]
    delivered = Delivered(ansible, double, USERS, rotate_deliver_files=files)
    run = delivered.run("file", USERS)
    assert run.rc != 0 and str(place / "missing") in run.output
    delivered.rotation.hosts[CONSUMER] = {"recorded_unreachable": True}
    delivered.rotation.variables["rotate_deliver_files"][0]["path"] = str(place / "x")
    run = delivered.run("file", USERS, rotate=False)
    assert run.rc != 0 and "rotate_deliver_files[0]: app1 cannot be reached" in run.output
    delivered.rotation.hosts[CONSUMER] = {}
    delivered.rotation.variables["rotate_deliver_files"] = [{"path": str(place / "x"), "host": CONSUMER, "template": "no-such.j2", "users": ["alice"]}]
    run = delivered.run("file", USERS, rotate=False)
    assert run.rc != 0 and "rotate_deliver_files[0]: %s on app1 was not written. Could not find or access" % (place / "x") in run.output


@pytest.mark.real
def test_the_programs_of_mariadb_read_back_every_character(tmp_path):
    try:
        program = mariadb.option_reader()
    except Unavailable as error:
        unavailable(error.reason)
    passwords = ["A%sb%s" % (character, character) for character in CHARACTERS]
    path = tmp_path / "my.cnf"
    path.write_text("".join("[s%d]\npassword=%s\n" % (number, quoted(one, "my_cnf")) for number, one in enumerate(passwords)), encoding="utf-8", newline="")
    for number, password in enumerate(passwords):
        done = subprocess.run([program, "--defaults-file=%s" % path, "s%d" % number], capture_output=True, check=True)
        assert done.stdout.decode() == "--password=%s\n" % password
