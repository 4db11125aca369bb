# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``rotate`` through real Ansible with the store of pass, on a double of Milvus."""

from __future__ import annotations

import signal

import pytest

from tests.doubles.milvus import MilvusDouble
from tests.integration.rotation import COMMIT, REPORT, ROTATE, STEP_BY_STEP, Rotation, changed, old_password
from tests.store_cases.passwordstore import CASE, KEY

USERS = ("alice", "bob", "carol")
HOST = "milvus-1"

pytestmark = pytest.mark.real


@pytest.fixture
def double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


class PasswordStoreRotation(Rotation):
    """The role on one double, with the store of a stand."""

    def __init__(self, ansible, double, case):
        super().__init__(ansible, {HOST: double}, USERS, rotate_store="passwordstore", rotate_store_options=case.options["store_options"])
        del self.variables["rotate_store_path"]
        self.store_case = case

    def records(self, host=HOST):
        """What the store holds, by user."""
        store = self.store_case.open(host)
        return {user: entry.record.as_dict() for user, entry in store.get(store.list()).items()}


@pytest.fixture
def rotation(ansible, double):
    # Its folder is searched for secrets.
    with CASE(ansible.shared) as case:
        case.gnupg.init(case.directory, KEY, git=True)
        yield PasswordStoreRotation(ansible, double, case)


def assert_proved(rotation, double):
    for name in USERS:
        record = rotation.records()[name]
        assert record["password"] == double.users[name] != old_password(name), name
        assert (record["pending"], record["status"], record["verified"], record["previous"]) == (None, "current", True, old_password(name))
        # Applications need nothing of this collection.
        assert rotation.store_case.shown(name, HOST) == (name, double.users[name])


def test_rotates_and_then_has_nothing_to_do_and_a_play_reads_the_password(rotation, double):
    check = rotation.run(check=True)
    assert check.rc == 0 and check.result(ROTATE)["due"] == list(USERS) and rotation.records() == {}, check.output

    first = rotation.run(verbosity=3, watch=True)
    assert first.rc == 0, first.output
    assert_proved(rotation, double)
    assert first.result(REPORT)["msg"] == ["%s (new): rotated, verified by a login" % name for name in USERS] and not double.failed_logins

    second = rotation.run()
    assert (second.rc, changed(second)) == (0, {HOST: 0}), second.output

    message = "{{ lookup('rekey.passwords.secret', 'alice') == lookup('file', '%s') }}" % (rotation.ansible.inputs / "password")
    (rotation.ansible.inputs / "password").write_text(double.users["alice"], encoding="utf-8")
    play = {"hosts": "all", "gather_facts": False, "connection": "local", "tasks": [{"ansible.builtin.debug": {"msg": message}}]}
    read = rotation.run([play])
    assert read.rc == 0 and [result.result["msg"] for result in read.results] == [True], read.output
    assert not rotation.ansible.leaks(rotation.secrets())


@pytest.mark.slow
def test_a_run_that_was_killed_before_the_commit_is_finished_with_the_same_password(rotation, double):
    run = rotation.run(kill_at=COMMIT, extra_vars=STEP_BY_STEP)
    assert run.rc == -signal.SIGKILL
    pending = {name: record["pending"]["password"] for name, record in rotation.records().items()}
    assert pending == {name: double.users[name] for name in USERS}
    # An application still sees nothing that is not proved.
    assert rotation.store_case.shown("alice", HOST) == ("alice", None)
    second = rotation.run()
    assert second.rc == 0, second.output
    assert {name: double.users[name] for name in USERS} == pending
    assert_proved(rotation, double)


def test_a_store_out_of_reach_stops_the_run_before_anything_is_sent(rotation, double):
    rotation.store_case.disturb()
    run = rotation.run()
    assert run.rc == 2 and run.result(ROTATE)["error"]["kind"] == "store_failed" and double.writes == 0, run.output
    assert "/rekey/milvus-1/alice.gpg cannot be read: Not a directory" in run.result(ROTATE)["msg"]
