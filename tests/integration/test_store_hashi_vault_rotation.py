# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``rotate`` with the store in HashiCorp Vault, through real Ansible."""

from __future__ import annotations

import hashlib
import signal

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record

from tests.doubles.hashi_vault import LOGIN, ROLE_ID, ROOT_TOKEN, SECRET_ID, HashiVaultDouble
from tests.doubles.milvus import UPDATE, MilvusDouble
from tests.integration.rotation import CHANGE, COMMIT, REPORT, ROTATE, STEP_BY_STEP, Rotation, changed, old_password
from tests.store_cases.hashi_vault import READER, RULES

pytest.importorskip("hvac", reason="the store hashi_vault needs the Python library hvac")

HOST = "milvus-1"
USERS = ("alice", "bob", "carol@example.com")


@pytest.fixture
def milvus():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


@pytest.fixture
def vault():
    with HashiVaultDouble() as running:
        running.roles["", "approle", ROLE_ID].rules = RULES
        yield running


class VaultRotation(Rotation):
    """The role on one double of Milvus, with the records in a double of Vault; secrets come from the environment."""

    def __init__(self, ansible, milvus, vault):
        options = {"path": "rekey", "timeout": 5, "retries": 1}
        super().__init__(ansible, {HOST: milvus}, USERS, rotate_store="hashi_vault", rotate_store_options=options)
        self.vault = vault
        self.environment = {"VAULT_ADDR": vault.url, "VAULT_ROLE_ID": ROLE_ID, "VAULT_SECRET_ID": SECRET_ID}

    def run(self, *plays, env=None, **options):
        return super().run(*plays, env=self.environment if env is None else env, **options)

    def records(self, host=HOST):
        found = {user: self.vault.data("rekey/%s/%s" % (host, user)) for user in self.users}
        return {user: Record.from_dict(data).as_dict() for user, data in found.items() if data}

    def secrets(self):
        return super().secrets() | {ROOT_TOKEN, SECRET_ID}

    def assert_proved(self, milvus):
        """The store's current passwords are those in force."""
        for name in USERS:
            record = self.records()[name]
            assert (record["password"], record["pending"], record["status"], record["verified"]) == (milvus.users[name], None, "current", True), name


@pytest.fixture
def rotation(ansible, milvus, vault):
    return VaultRotation(ansible, milvus, vault)


def test_rotates_then_has_nothing_to_do_and_a_play_reads_the_passwords(rotation, milvus, vault):
    check = rotation.run(check=True)
    assert check.rc == 0 and not vault.mounts["", "secret"].secrets and milvus.writes == vault.writes == 0, check.output

    first = rotation.run(verbosity=3, watch=True)
    assert first.rc == 0 and changed(first) == {HOST: 1}, first.output
    rotation.assert_proved(milvus)
    assert first.result(REPORT)["msg"] == ["%s (new): rotated, verified by a login" % name for name in USERS]
    assert all(record["previous"] == old_password(name) for name, record in rotation.records().items())
    # Staged, noted before it is sent, committed. Both runs have logged in once, and ended their sessions.
    notes = [one for one in vault.requests if one.write and "/.rekey/" in one.path]
    assert vault.writes - len(notes) == 3 * len(USERS) and len(vault.calls(LOGIN)) == 2 and list(vault.tokens) == [ROOT_TOKEN]
    # The lease is taken and given back (and renewed, if it takes that long); the accounts are claimed once.
    assert len([one for one in notes if "/target" in one.path]) == 1 and len(notes) >= 3

    writes = vault.writes
    second = rotation.run()
    assert (second.rc, changed(second), vault.writes) == (0, {HOST: 0}, writes), second.output

    digests = {name: hashlib.sha256(milvus.users[name].encode()).hexdigest() for name in USERS}
    reading = {
        "hosts": "all", "gather_facts": False, "connection": "local",
        "tasks": [{
            "name": "Read", "no_log": True,
            "ansible.builtin.assert": {"that": ["lookup('rekey.passwords.secret', '%s') | hash('sha256') == '%s'" % one for one in digests.items()]},
        }],
    }  # fmt: skip
    # As an application that may only read, and with a token.
    run = rotation.run([reading], env={"VAULT_ADDR": vault.url, "VAULT_TOKEN": vault.issue(READER)})
    assert run.rc == 0, run.output
    assert not rotation.ansible.leaks(rotation.secrets())


@pytest.mark.slow
@pytest.mark.parametrize("task, writes", [(CHANGE, len(USERS)), (COMMIT, 0)], ids=["between stage and change", "between change and commit"])
def test_a_killed_run_is_finished_with_the_same_passwords(rotation, milvus, task, writes):
    # Here all options are variables.
    rotation.variables["rotate_store_options"].update(url=rotation.vault.url, role_id=ROLE_ID, secret_id=SECRET_ID)
    rotation.environment = {}
    killed = rotation.run(kill_at=task, extra_vars=STEP_BY_STEP)
    assert killed.rc == -signal.SIGKILL, killed.output
    staged = {name: record["pending"]["password"] for name, record in rotation.records().items()}
    assert sorted(staged) == sorted(USERS)
    before = milvus.writes
    run = rotation.run(verbosity=4, watch=True)
    assert run.rc == 0 and [user["reason"] for user in run.result(ROTATE)["users"]] == ["unfinished"] * 3, run.output
    assert {name: milvus.users[name] for name in USERS} == staged and milvus.writes - before == writes
    rotation.assert_proved(milvus)
    assert not rotation.ansible.leaks(rotation.secrets())


def test_without_the_store_nothing_is_sent(rotation, milvus, vault):
    vault.sealed = True
    run = rotation.run()
    assert run.rc == 2 and not milvus.calls(UPDATE), run.output
    error = run.result(ROTATE)["error"]
    assert error["kind"] == "store_failed" and "Vault is sealed" in error["message"] and SECRET_ID not in run.output
    vault.sealed = False
    assert rotation.run().rc == 0
    rotation.assert_proved(milvus)
