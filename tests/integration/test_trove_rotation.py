# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``rotate`` on a real Trove, whose "yes" means nothing: only what a login to the database has proved becomes the current password."""

from __future__ import annotations

import signal

import pytest

from tests.integration.rotation import CHANGE, COMMIT, REPORT, ROTATE, STEP_BY_STEP, Rotation, changed, old_password
from tests.integration.trove_tasks import Requests, by_password

HOST = "trove-1"
USERS = ("alice", "bob", "carol")


class TroveRotation(Rotation):
    """The role on one instance; every user has :func:`~tests.integration.rotation.old_password`.

    :param ansible: the fixture of that name.
    :param cloud: a :class:`tests.servers.trove.TroveCloud`.
    """

    def __init__(self, ansible, cloud, users=USERS, **variables):
        connection = by_password(cloud, retries=1) | {"instance_id": "{{ instance_id }}"}
        super().__init__(ansible, {}, users, rotate_vendor="rackspace_database", rotate_connection=connection, **variables)
        self.hosts = {HOST: {"instance_id": cloud.instances["healthy"]}}
        self.cloud = cloud
        for name in users:
            cloud.create_user(name, old_password(name))

    def records(self, host=HOST):
        """What the store holds, by user."""
        return super().records(host)

    def pending(self):
        """The passwords that are staged, by user."""
        return {name: record["pending"]["password"] for name, record in self.records().items() if record["pending"]}

    def without_a_proof(self):
        """From now on no login to the database is tried."""
        self.variables["rotate_connection"]["database_login"] = None

    def assert_proved(self, passwords=None):
        """The store's current passwords are in force, and the old ones are not.

        :param passwords: what they must be.
        """
        records = self.records()
        assert sorted(records) == sorted(self.users)
        for name, record in records.items():
            assert (record["pending"], record["status"], record["verified"]) == (None, "current", True), name
            assert self.cloud.can_log_in(name, record["password"]), "%s: the store has another password than the database" % name
            assert not self.cloud.can_log_in(name, record["previous"])
        assert passwords in (None, {name: record["password"] for name, record in records.items()})

    def assert_kept(self, kind):
        """Nothing was promoted, and nothing is lost: the new password is pending and the old one is known; returns the pending ones."""
        for name, record in self.records().items():
            assert (record["password"], record["status"], record["last_error"]["kind"]) == (None, "pending", kind), name
            assert record["pending"]["replaces"] == old_password(name)
        assert sorted(self.pending()) == sorted(self.users)
        return self.pending()


@pytest.fixture
def rotation(ansible, trove_cloud):
    return TroveRotation(ansible, trove_cloud)


def test_rotates_all_users_with_one_request_and_then_has_nothing_to_do(rotation, trove_cloud):
    asked, trove_cloud.read_only = Requests(trove_cloud), True
    check = rotation.run(check=True)
    assert check.rc == 0 and not rotation.store.exists(), check.output
    assert [user["state"] for user in check.result(ROTATE)["users"]] == ["would_change"] * 3
    assert asked() and asked.writes() == []

    trove_cloud.read_only = False
    first = rotation.run(verbosity=3)
    assert first.rc == 0 and changed(first) == {HOST: 1}, first.output
    rotation.assert_proved()
    assert first.result(REPORT)["msg"] == ["%s (new): rotated, verified by a login" % name for name in USERS]
    assert asked.writes() == [202]

    before = len(asked())
    second = rotation.run()
    assert (second.rc, changed(second), len(asked())) == (0, {HOST: 0}, before), second.output

    forced = rotation.run(extra_vars={"rotate_force": True})
    assert forced.rc == 0 and asked.writes() == [202, 202], forced.output
    rotation.assert_proved()
    assert not rotation.ansible.leaks(rotation.secrets() | {trove_cloud.credentials["member"].password})


def test_an_unknown_user_is_told_and_holds_up_nobody(rotation, trove_cloud):
    trove_cloud.drop_user("bob")
    run = rotation.run()
    assert run.rc == 2 and "bob (new): NOT rotated" in run.result(REPORT)["msg"][1]
    records = rotation.records()
    assert (records["bob"]["password"], records["bob"]["last_error"]["kind"]) == (None, "user_not_found")
    assert all(trove_cloud.can_log_in(name, records[name]["password"]) for name in ("alice", "carol"))

    trove_cloud.create_user("bob", old_password("bob"))
    pending = rotation.pending()
    again = rotation.run()
    assert again.rc == 0 and again.result(ROTATE)["due"] == ["bob"], again.output
    rotation.assert_proved({name: record["password"] for name, record in records.items()} | pending)


# Killed


@pytest.mark.slow
@pytest.mark.parametrize("task, further_writes", [(CHANGE, [202]), (COMMIT, [])], ids=["between stage and change", "between change and commit"])
def test_a_killed_run_is_finished_with_the_same_passwords(rotation, trove_cloud, task, further_writes):
    killed = rotation.run(kill_at=task, extra_vars=STEP_BY_STEP)
    assert killed.rc == -signal.SIGKILL and not killed.all_results(task), killed.output
    staged = rotation.pending()
    assert sorted(staged) == sorted(USERS)
    in_force = {name: staged[name] if task == COMMIT else old_password(name) for name in USERS}
    assert all(trove_cloud.can_log_in(name, password) for name, password in in_force.items())

    asked = Requests(trove_cloud)
    run = rotation.run()
    assert run.rc == 0, run.output
    assert [user["reason"] for user in run.result(ROTATE)["users"]] == ["unfinished"] * 3
    rotation.assert_proved(staged)
    # What is in force already is found out by a login, and not sent again.
    assert asked.writes() == further_writes
    assert changed(rotation.run()) == {HOST: 0}
    assert not rotation.ansible.leaks(rotation.secrets())


@pytest.mark.slow
def test_killed_between_the_yes_and_the_change(rotation, trove_cloud):
    """The service has said yes, the database has another password, and the run that knew of it is dead."""
    trove_cloud.guest_delay = 3
    asked = Requests(trove_cloud)
    running = rotation.start()
    asked.wait_for_write(running)
    running.kill_group()
    staged = rotation.pending()
    assert sorted(staged) == sorted(USERS) and trove_cloud.can_log_in("alice", old_password("alice"))
    trove_cloud.settle()

    run = rotation.run()
    assert run.rc == 0, run.output
    rotation.assert_proved(staged)
    assert asked.writes() == [202]


# Without a proof


@pytest.mark.slow
def test_a_password_that_is_lost_silently_is_never_promoted(rotation, trove_cloud):
    # Not even where unproved passwords are trusted: a login that was refused is the proof of the contrary.
    rotation.variables["rotate_accept_unverified"] = True
    trove_cloud.guest_loses = True
    run = rotation.run()
    assert run.rc == 2 and run.stats[HOST]["failures"] > 0, run.output
    assert [(user["state"], user["verified"], user["error"]["kind"]) for user in run.result(ROTATE)["users"]] == [("failed", False, "not_verified")] * 3
    assert all("NOT rotated, the new password is kept as pending" in line and "(not_verified)" in line for line in run.result(REPORT)["msg"])
    staged = rotation.assert_kept("not_verified")
    assert all(trove_cloud.can_log_in(name, old_password(name)) for name in USERS)

    trove_cloud.guest_loses = False
    again = rotation.run()
    assert again.rc == 0, again.output
    rotation.assert_proved(staged)
    assert not rotation.ansible.leaks(rotation.secrets())


def test_without_a_login_to_the_database_nothing_is_promoted_unless_the_user_says_so(rotation, trove_cloud):
    proof = rotation.variables["rotate_connection"]["database_login"]
    rotation.without_a_proof()
    run = rotation.run()
    assert run.rc == 2, run.output
    told = [(user["state"], user["verified"], user["error"]["kind"]) for user in run.result(ROTATE)["users"]]
    assert told == [("changed", None, "not_verified")] * 3
    assert all("set rotate_accept_unverified" in line for line in run.result(REPORT)["msg"])
    staged = rotation.assert_kept("not_verified")
    trove_cloud.settle()
    assert all(trove_cloud.can_log_in(name, password) for name, password in staged.items())

    trusting = rotation.run(extra_vars={"rotate_accept_unverified": True})
    assert trusting.rc == 0, trusting.output
    assert trusting.result(REPORT)["msg"] == ["%s (unfinished): rotated, NOT verified by a login" % name for name in USERS]
    records = rotation.records()
    assert {name: record["password"] for name, record in records.items()} == staged
    assert {(record["pending"], record["verified"]) for record in records.values()} == {(None, False)}

    # With a proof again, the next rotation is proved as any other.
    rotation.variables["rotate_connection"]["database_login"] = proof
    assert rotation.run(extra_vars={"rotate_force": True}).rc == 0
    rotation.assert_proved()


def test_a_login_that_becomes_possible_later_promotes_what_is_in_force(rotation, trove_cloud):
    proof = rotation.variables["rotate_connection"]["database_login"]
    # Nobody answers there.
    rotation.variables["rotate_connection"]["database_login"] = {**proof, "port": 9}
    run = rotation.run()
    assert run.rc == 2, run.output
    (warning,) = run.result(ROTATE)["warnings"]
    assert "127.0.0.1:9" in warning
    staged = rotation.assert_kept("not_verified")
    trove_cloud.settle()

    asked = Requests(trove_cloud)
    rotation.variables["rotate_connection"]["database_login"] = proof
    assert rotation.run().rc == 0
    rotation.assert_proved(staged)
    assert asked.writes() == []


def test_postgresql(ansible, trove_cloud, trove_postgresql):
    trove_postgresql.create_user("paula", "First-1")
    rotation = TroveRotation(ansible, trove_cloud, users=())
    rotation.users = ("paula",)
    rotation.hosts[HOST]["instance_id"] = trove_cloud.instances["postgresql"]
    rotation.variables["rotate_users"] = ["paula"]
    rotation.variables["rotate_connection"]["database_login"] = {"engine": "postgresql", "port": trove_postgresql.port}
    assert rotation.run().rc == 0
    first = rotation.records()["paula"]["password"]
    assert trove_postgresql.can_log_in("paula", first) and not trove_postgresql.can_log_in("paula", "First-1")
    assert rotation.run(extra_vars={"rotate_force": True}).rc == 0
    record = rotation.records()["paula"]
    assert (record["previous"], record["verified"]) == (first, True) and trove_postgresql.can_log_in("paula", record["password"])
