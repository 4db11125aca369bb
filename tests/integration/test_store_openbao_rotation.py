# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``rotate`` with the store in a real OpenBao, through real Ansible: every vendor, and what becomes of the server in the middle of a run."""

from __future__ import annotations

import hashlib
import time
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record

from tests.doubles.milvus import UPDATE, MilvusDouble
from tests.integration.rotation import PLAYBOOK, REPORT, ROTATE, Rotation, changed, old_password
from tests.servers.openbao import AppRole, OpenBao, documented_policy
from tests.store_cases.openbao import OpenBaoCase
from tests.vendor_cases import CASES

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")

HOST = "host-1"
USERS = ("alice", "bob", "carol")
LIMIT = 120  # seconds for a run that is held
Start = Callable[..., OpenBao]


class BaoRotation(Rotation):
    """The role with the records in OpenBao; the login comes from the environment.

    :param mount: the engine.
    :param options: those of :class:`Rotation`.
    """

    def __init__(self, ansible: Any, double: Any, server: OpenBao, role: AppRole, mount: str = "secret", case: Any = None, **options: Any) -> None:
        given = {"mount_point": mount, "timeout": 5, "retries": 1}
        super().__init__(ansible, {HOST: double}, USERS, case, rotate_store="hashi_vault", rotate_store_options=given, **options)
        self.server, self.mount, self.role = server, mount, role
        self.environment = {"VAULT_ADDR": server.url, "VAULT_ROLE_ID": role.role_id, "VAULT_SECRET_ID": role.secret_id}

    def run(self, *plays: Any, env: dict | None = None, **options: Any) -> Any:
        return super().run(*plays, env=self.environment if env is None else env, **options)

    def start(self, plays: Any = PLAYBOOK, env: dict | None = None, **options: Any) -> Any:
        return super().start(plays, env={**self.environment, **(env or {})}, **options)

    def records(self, host: str = HOST) -> dict[str, dict]:
        found = {user: self.server.data("rekey/%s/%s" % (host, user), self.mount) for user in self.users}
        return {user: Record.from_dict(data).as_dict() for user, data in found.items() if data}

    def secrets(self) -> set[str]:
        return super().secrets() | {self.server.root_token, self.role.secret_id}

    def assert_proved(self, double: Any) -> None:
        """The store's current passwords are those in force."""
        for name in USERS:
            record = self.records()[name]
            assert double.can_log_in(name, record["password"]), name
            assert (record["pending"], record["status"], record["verified"]) == (None, "current", True), name


@pytest.fixture(name="milvus")
def a_milvus() -> Iterator[MilvusDouble]:
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.vendor)
def test_every_vendor_rotates_twice_and_a_play_reads_the_passwords(ansible: Any, openbao: OpenBaoCase, case: Any) -> None:
    with case.double({name: old_password(name) for name in USERS}) as double:
        rotation = BaoRotation(ansible, double, openbao.server, openbao.role, openbao.mount, case, rotate_accept_unverified=not case.proves)
        first = rotation.run(verbosity=3, watch=True)
        assert first.rc == 0 and changed(first) == {HOST: 1}, first.output
        records = rotation.records()
        assert {name: record["previous"] for name, record in records.items()} == {name: old_password(name) for name in USERS}
        assert all(double.can_log_in(name, record["password"]) and record["pending"] is None for name, record in records.items())

        forced = rotation.run(extra_vars={"rotate_force": True})
        assert forced.rc == 0, forced.output
        assert all(record["previous"] == records[name]["password"] for name, record in rotation.records().items())
        assert not getattr(double, "lockouts", None)

        digests = {name: hashlib.sha256(record["password"].encode()).hexdigest() for name, record in rotation.records().items()}
        reading = {
            "hosts": "all", "gather_facts": False, "connection": "local",
            "tasks": [{
                "name": "Read", "no_log": True,
                "ansible.builtin.assert": {"that": ["lookup('rekey.passwords.secret', '%s') | hash('sha256') == '%s'" % one for one in digests.items()]},
            }],
        }  # fmt: skip
        # As an application that may only read, and with a token.
        reader = openbao.server.make_token('path "%s/data/rekey/*" { capabilities = ["read"] }' % openbao.mount)
        run = rotation.run([reading], env={"VAULT_ADDR": openbao.server.url, "VAULT_TOKEN": reader})
        assert run.rc == 0, run.output
        assert not rotation.ansible.leaks(rotation.secrets() | {reader})


def held_at_the_vendor(rotation: BaoRotation, milvus: MilvusDouble, meanwhile: Callable[[], Any]) -> Any:
    """A run to which something happens between what it has stored and what the vendor answers.

    :return: the run at its end.
    """
    gate = milvus.inject("gate", path=UPDATE, hold="after")
    run = rotation.start()
    assert gate.arrived.wait(LIMIT), "the run has sent nothing"
    meanwhile()
    milvus.clear_faults()
    return run.wait()


def finish(rotation: BaoRotation, milvus: MilvusDouble, pending: dict[str, str]) -> None:
    """The next run ends the work of the one before with the same passwords, and without a failed login."""
    run = rotation.run()
    assert run.rc == 0, run.output
    rotation.assert_proved(milvus)
    assert {name: record["password"] for name, record in rotation.records().items()} == pending
    assert not rotation.ansible.leaks(rotation.secrets())


def pendings(rotation: BaoRotation) -> dict[str, str]:
    """The passwords that are on their way, or have just arrived."""
    return {name: (record["pending"] or {}).get("password") or record["password"] for name, record in rotation.records().items()}


@pytest.mark.slow
def test_sealed_in_the_middle_of_a_run_and_unsealed_for_the_next(ansible: Any, openbao: OpenBaoCase, milvus: MilvusDouble) -> None:
    rotation = BaoRotation(ansible, milvus, openbao.server, openbao.role, openbao.mount)
    run = held_at_the_vendor(rotation, milvus, openbao.disturb)
    assert run.rc == 2, run.output
    error = run.result(ROTATE)["error"]
    assert error["kind"] == "store_failed" and "sealed" in error["message"], error
    # Nothing can be noted, so as long as it is sealed nothing is sent, either.
    writes = milvus.writes
    again = rotation.run()
    assert again.rc == 2 and again.result(ROTATE)["error"]["kind"] == "store_failed" and milvus.writes == writes, again.output
    openbao.mend()
    staged = pendings(rotation)
    assert sorted(staged) == sorted(USERS)
    finish(rotation, milvus, staged)


@pytest.mark.slow
def test_killed_and_restarted_in_the_middle_of_a_run(ansible: Any, start_openbao: Start, milvus: MilvusDouble) -> None:
    """The run does not notice."""
    server = start_openbao()
    rotation = BaoRotation(ansible, milvus, server, server.make_role())
    run = held_at_the_vendor(rotation, milvus, server.restart)
    assert run.rc == 0, run.output
    rotation.assert_proved(milvus)
    assert not rotation.ansible.leaks(rotation.secrets())


@pytest.mark.slow
def test_killed_in_the_middle_of_a_run_and_restarted_for_the_next(ansible: Any, start_openbao: Start, milvus: MilvusDouble) -> None:
    server = start_openbao()
    rotation = BaoRotation(ansible, milvus, server, server.make_role())
    run = held_at_the_vendor(rotation, milvus, server.kill)
    assert run.rc == 2 and run.result(ROTATE)["error"]["kind"] == "store_failed", run.output
    server.restart()
    staged = pendings(rotation)
    assert sorted(staged) == sorted(USERS)
    finish(rotation, milvus, staged)


@pytest.mark.slow
def test_the_token_ends_in_the_middle_of_a_run(ansible: Any, openbao: OpenBaoCase, milvus: MilvusDouble) -> None:
    server = openbao.server
    role = server.make_role("short-" + openbao.mount, documented_policy(openbao.mount), token_ttl="2s", token_max_ttl="2s")
    rotation = BaoRotation(ansible, milvus, server, role, openbao.mount)

    def until_it_has_ended() -> None:
        end = time.monotonic() + LIMIT
        while server.tokens_of("short-" + openbao.mount):
            assert time.monotonic() < end
            time.sleep(0.1)

    run = held_at_the_vendor(rotation, milvus, until_it_has_ended)
    assert run.rc == 0, run.output
    rotation.assert_proved(milvus)


@pytest.mark.slow
def test_a_token_with_few_uses_is_enough_for_a_run(ansible: Any, openbao: OpenBaoCase, milvus: MilvusDouble) -> None:
    role = openbao.server.make_role("few-" + openbao.mount, documented_policy(openbao.mount), token_num_uses=4)
    rotation = BaoRotation(ansible, milvus, openbao.server, role, openbao.mount)
    run = rotation.run()
    assert run.rc == 0 and len(run.result(REPORT)["msg"]) >= len(USERS), run.output
    rotation.assert_proved(milvus)


@pytest.mark.slow
def test_two_runs_at_once_from_two_controllers_share_the_work(ansible: Any, openbao: OpenBaoCase, milvus: MilvusDouble) -> None:
    """Edge 24: the lease lies in the store."""
    rotation = BaoRotation(ansible, milvus, openbao.server, openbao.role, openbao.mount)
    runs = [rotation.start(env={"ANSIBLE_HOME": str(rotation.store.parent / ("controller-%d" % number))}) for number in range(2)]
    ends = [run.wait() for run in runs]
    assert [end.rc for end in ends] == [0, 0], "\n".join(end.output for end in ends)
    rotation.assert_proved(milvus)
    assert not milvus.failed_logins and len(milvus.calls(UPDATE)) == len(USERS), "each password is sent once"
