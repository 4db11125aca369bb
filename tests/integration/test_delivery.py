# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New passwords on their way to those who use them: delivered, delivered again, confirmed, and the run that stops when that fails."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record

from tests.doubles.milvus import UPDATE, MilvusDouble
from tests.integration.rotation import ROTATE, STEP_BY_STEP, Rotation, old_password

USERS = ("alice", "bob")
STATUS = "rekey.passwords.status"
FORCE = {"rotate_force": True}
FIND = "Find the users whose passwords are to be delivered"
NOTE = "Note what was delivered"
FAILED = "Give them to the application"

# What a user would write: a file for each user, with what its application needs to log in; and a line in a diary, to count.
DELIVER = [
    {
        "name": FAILED,
        "ansible.builtin.copy": {
            "content": "{{ item }}:{{ lookup('rekey.passwords.secret', item) }}",
            "dest": "{{ consumers }}/{{ inventory_hostname }}-{{ item }}",
            "mode": "0600",
        },
        "loop": "{{ rotate_deliver.users }}",
        "no_log": True,
        "failed_when": "consumers_down | default(false)",
    },
    {
        "name": "Write the diary",
        "ansible.builtin.shell": "echo {{ inventory_hostname }} {{ rotate_deliver.users | join(' ') }} >> {{ consumers }}/diary",
    },
]


class Consumers:
    """The applications of the users, and what they were given."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir()

    def has(self, double, user, host="milvus-1"):
        """Whether the application of a user logs in with what it was given."""
        path = self.folder / ("%s-%s" % (host, user))
        return path.exists() and path.read_text(encoding="utf-8") == "%s:%s" % (user, double.users[user])

    @property
    def diary(self):
        path = self.folder / "diary"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def written(ansible, name, tasks):
    """A file of tasks."""
    path = ansible.inputs / name
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return str(path)


@pytest.fixture
def double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


@pytest.fixture
def consumers(ansible):
    return Consumers(ansible.inputs / "consumers")


@pytest.fixture
def rotation(ansible, double, consumers):
    made = Rotation(
        ansible,
        {"milvus-1": double},
        USERS,
        rotate_deliver_tasks=written(ansible, "deliver.yml", DELIVER),
        consumers=str(consumers.folder),
    )
    yield made
    assert not ansible.leaks(made.secrets()), "a secret was printed or left on the disk"


def undelivered(rotation):
    """The users whose consumers lack the current password, as their records say."""
    return [name for name, record in rotation.records().items() if Record.from_dict(record).awaits_delivery]


def shown(rotation):
    """The users that the status names; it fails if there are any."""
    run = rotation.run(STATUS, extra_vars={"rotate_status_fail_on": ["undelivered"]})
    found = [user["name"] for user in run.result("Read the records")["users"] if user["undelivered"]]
    assert (run.rc != 0) is bool(found), run.output
    assert all("%s: current" % name in run.output and "UNDELIVERED" in run.output for name in found)
    return found


def test_what_has_changed_is_delivered_once(rotation, double, consumers):
    first = rotation.run(verbosity=5)
    assert first.rc == 0, first.output
    assert all(consumers.has(double, user) for user in USERS) and consumers.diary == ["milvus-1 alice bob"]
    assert first.result(NOTE)["summary"] == ["alice: delivered", "bob: delivered"]
    assert all(record["delivered"]["at"] for record in rotation.records().values())
    again = rotation.run()
    assert again.rc == 0 and FIND not in again.output and len(consumers.diary) == 1, again.output
    assert undelivered(rotation) == []
    # One of them changes.
    assert rotation.run(extra_vars=dict(FORCE, rotate_only="bob")).rc == 0
    assert consumers.diary[1:] == ["milvus-1 bob"] and all(consumers.has(double, user) for user in USERS)


@pytest.mark.parametrize("steps", [{}, STEP_BY_STEP], ids=["one task", "step by step"])
def test_a_delivery_that_failed_is_repeated_without_another_rotation(rotation, double, consumers, steps):
    failed = rotation.run(extra_vars=dict(steps, consumers_down=True), verbosity=5)
    assert failed.rc != 0 and '"%s" failed' % FAILED in failed.output.replace("\\", ""), failed.output
    assert "failed_hosts" not in failed.output or "Traceback" not in failed.output
    passwords = dict(double.users)
    assert undelivered(rotation) == shown(rotation) == list(USERS)
    mended = rotation.run(extra_vars=steps)
    assert mended.rc == 0, mended.output
    assert dict(double.users) == passwords and all(consumers.has(double, user) for user in USERS)
    assert undelivered(rotation) == shown(rotation) == [] and len(double.calls(UPDATE)) == len(USERS)


@pytest.mark.parametrize("moment", [FIND, FAILED, NOTE])
@pytest.mark.slow
def test_a_run_that_dies_before_the_delivery_is_noted(rotation, double, consumers, moment):
    died = rotation.run(kill_at=moment)
    assert died.rc != 0, died.output
    passwords = dict(double.users)
    assert all(passwords[user] != old_password(user) for user in USERS)
    again = rotation.run()
    assert again.rc == 0 and dict(double.users) == passwords, again.output
    assert all(consumers.has(double, user) for user in USERS) and undelivered(rotation) == []


def test_the_first_host_whose_consumers_fail_is_the_last_one(ansible, consumers):
    """With one host's consumers to mend, and not a hundred."""
    names = ["milvus-%d" % number for number in range(1, 5)]
    with MilvusDouble(users={"alice": old_password("alice")}) as first, MilvusDouble(users={"alice": old_password("alice")}) as others:
        servers = {name: first if name == names[0] else others for name in names[:2]}
        rotation = Rotation(
            ansible, servers, ["alice"], rotate_deliver_tasks=written(ansible, "deliver.yml", DELIVER), consumers=str(consumers.folder), consumers_down=True
        )
        # However many may fail.
        for options in ({}, {"rotate_max_fail_percentage": 100}):
            run = rotation.run(extra_vars=options)
            assert run.rc != 0 and first.users["alice"] != old_password("alice") and others.users["alice"] == old_password("alice"), run.output
            told = " ".join(run.output.split())
            assert "1 of 2 hosts have new passwords that were not delivered: milvus-1" in told and "1 of 2 hosts were not reached: milvus-2" in told
        rotation.variables["consumers_down"] = False
        assert rotation.run().rc == 0
        assert consumers.has(first, "alice", "milvus-1") and consumers.has(others, "alice", "milvus-2")


def test_one_user_is_not_rotated_and_the_others_are_delivered(rotation, double, consumers):
    double.inject("answer", times=None, user="bob", **rotation.case.change, **rotation.case.refusal)
    run = rotation.run()
    assert run.rc != 0 and consumers.has(double, "alice") and consumers.diary == ["milvus-1 alice"], run.output
    assert "bob" in run.output


def test_one_user_is_delivered_and_the_other_is_not(rotation, ansible, double, consumers):
    result = {"users": [{"name": "alice", "delivered": True}, {"name": "bob", "delivered": False, "error": "The server of bob is down for maintenance."}]}
    report = {"name": "Report", "ansible.builtin.set_fact": {"rotate_deliver_result": result}, "when": "'bob' in rotate_deliver.users"}
    rotation.variables["rotate_deliver_tasks"] = [written(ansible, "deliver.yml", DELIVER), written(ansible, "report.yml", [report])]
    run = rotation.run()
    assert run.rc != 0 and "The server of bob is down for maintenance." in run.output, run.output
    assert undelivered(rotation) == ["bob"]
    rotation.variables["rotate_deliver_tasks"] = rotation.variables["rotate_deliver_tasks"][0]
    assert rotation.run().rc == 0 and undelivered(rotation) == [] and consumers.diary == ["milvus-1 alice bob", "milvus-1 bob"]


@pytest.mark.parametrize(
    "result, message",
    [
        ({"users": [{"name": "alice"}]}, "Element 1 of results (in the role: rotate_deliver_result.users) needs name and delivered (true or false)."),
        ({"users": [{"name": "alcie", "delivered": False}]}, "did not report on it, but on users that were not waiting: alcie"),
        ({"users": "S3cr3t-MARKER-text"}, "results"),
    ],
)
def test_what_the_tasks_report_wrongly_is_told_and_nothing_counts_as_delivered(rotation, ansible, result, message):
    report = {"name": "Report", "ansible.builtin.set_fact": {"rotate_deliver_result": result}}
    rotation.variables["rotate_deliver_tasks"] = written(ansible, "report.yml", [report])
    run = rotation.run()
    assert run.rc != 0 and message in " ".join(run.output.split()) and "Traceback" not in run.output, run.output
    assert undelivered(rotation) == list(USERS)


def test_only_a_confirmed_delivery_is_complete(rotation, ansible, consumers, double):
    confirm = {"name": "Ask the application", "ansible.builtin.command": "test -e {{ consumers }}/works", "changed_when": False}
    rotation.variables["rotate_confirm_tasks"] = written(ansible, "confirm.yml", [confirm])
    run = rotation.run()
    assert run.rc != 0 and '"Ask the application" failed' in run.output.replace("\\", ""), run.output
    assert undelivered(rotation) == list(USERS)
    (consumers.folder / "works").touch()
    assert rotation.run().rc == 0 and undelivered(rotation) == []


@pytest.mark.parametrize("works", [True, False])
def test_handlers_run_before_the_delivery_is_confirmed(rotation, ansible, consumers, works):
    touch = {"name": "Notify", "ansible.builtin.command": "true", "changed_when": True, "notify": "restart the application"}
    confirm = {"name": "See whether it was restarted", "ansible.builtin.command": "test -e {{ consumers }}/restarted", "changed_when": False}
    handler = {"name": "restart the application", "ansible.builtin.command": "touch {{ consumers }}/restarted" if works else "false"}
    rotation.variables["rotate_deliver_tasks"] = written(ansible, "notify.yml", [touch])
    rotation.variables["rotate_confirm_tasks"] = written(ansible, "confirm.yml", [confirm])
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "handlers": [handler], "roles": [{"role": "rekey.passwords.rotate"}]}
    run = rotation.run([play])
    assert (run.rc == 0) is works, run.output
    assert undelivered(rotation) == ([] if works else list(USERS))


def test_passwords_of_earlier_runs_are_delivered_when_somebody_asks_for_it(rotation, double, consumers):
    tasks = rotation.variables.pop("rotate_deliver_tasks")
    assert rotation.run().rc == 0 and consumers.diary == []
    passwords = dict(double.users)
    rotation.variables["rotate_deliver_tasks"] = tasks
    run = rotation.run()
    assert run.rc == 0 and dict(double.users) == passwords and consumers.diary == ["milvus-1 alice bob"], run.output


def test_check_mode_delivers_and_notes_nothing(rotation, double, consumers):
    run = rotation.run(check=True)
    assert run.rc == 0 and consumers.diary == [] and run.result(ROTATE)["undelivered"] == [], run.output
    assert rotation.run(extra_vars={"consumers_down": True}).rc != 0
    run = rotation.run(check=True, extra_vars={"rotate_only": "alice"})
    assert run.rc == 0 and run.result(NOTE)["summary"] == ["alice: would be delivered"], run.output
    assert undelivered(rotation) == list(USERS)


@pytest.mark.parametrize(
    "consumer, connection, told",
    [
        # Its own connection, of a kind that does not exist here.
        ("app-1", {"ansible_connection": "pigeon"}, "'pigeon' was not found"),
        # None of its own: that of ansible.cfg, ssh, to a port where nobody listens.
        ("app-1", {"ansible_host": "127.0.0.1", "ansible_port": 9}, "<127.0.0.1> ESTABLISH SSH CONNECTION"),
        ("localhost", {}, None),
    ],
)
def test_tasks_go_to_the_consumers_to_which_they_are_delegated(rotation, ansible, consumer, connection, told):
    """Although the play itself has a local connection, as endpoints are no machines to log in to."""
    where = {"name": "Where", "ansible.builtin.command": "hostname", "changed_when": False}
    here = dict(where, name="Here")
    if consumer != "localhost":
        rotation.hosts[consumer] = dict(connection, rotate_vendor="")
    rotation.variables["rotate_deliver_tasks"] = written(ansible, "where.yml", [here, dict(where, delegate_to=consumer)])
    run = rotation.run(env={"ANSIBLE_TRANSPORT": "ssh"}, verbosity=4)
    assert run.result("Here")["rc"] == 0 and (run.rc == 0) is (told is None), run.output
    assert told is None or told in run.output, run.output
    assert undelivered(rotation) == ([] if told is None else list(USERS))


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_consumer_that_cannot_be_reached_has_no_password(ansible, consumers, at_once):
    """The playbook carries on past endpoints that do not respond, not past consumers."""
    servers = [MilvusDouble(users={"alice": old_password("alice")}) for _number in range(3)]
    with servers[0] as first, servers[1] as second, servers[2] as third:
        rotation = Rotation(ansible, {"milvus-1": first, "milvus-2": second, "milvus-3": third}, ["alice"])
        rotation.hosts["app-1"] = {"rotate_vendor": "", "ansible_host": "127.0.0.1", "ansible_port": 9}
        tasks = [dict(DELIVER[0], delegate_to="app-1", when="inventory_hostname == 'milvus-1'")]
        rotation.variables.update(rotate_deliver_tasks=written(ansible, "deliver.yml", tasks), consumers=str(consumers.folder))
        run = rotation.run(env={"ANSIBLE_TRANSPORT": "ssh"}, extra_vars={"rotate_serial": at_once})
        assert run.rc != 0 and "UNREACHABLE" in run.output, run.output
        changed = [double.users["alice"] != old_password("alice") for double in servers]
        assert changed == [number < at_once for number in range(3)], run.output
        if at_once == 2:
            assert "1 of 3 hosts have new passwords that were not delivered: milvus-1" in " ".join(run.output.split())
        assert not ansible.leaks(rotation.secrets())


def test_the_ready_made_tasks_of_the_role_are_named_and_run(rotation, double, consumers):
    (path, broken) = (consumers.folder / "application.env", consumers.folder / "missing" / "application.env")
    files = [
        {"path": str(path), "host": "localhost", "format": "env", "users": [{"name": "alice", "username": "NAME", "password": "PASSWORD"}], "become": False}
    ]
    rotation.variables.update(rotate_deliver_tasks="deliver/file.yml", rotate_deliver_files=files)
    first = rotation.run(verbosity=5)
    assert first.rc == 0 and double.users["alice"] in path.read_text(encoding="utf-8"), first.output
    assert undelivered(rotation) == []
    rotation.variables["rotate_deliver_files"] = [dict(files[0], path=str(broken))]
    failed = rotation.run(extra_vars=dict(FORCE, rotate_only="alice"))
    assert failed.rc != 0 and undelivered(rotation) == ["alice"], failed.output
    # Ready-made ones and those of the user, one after the other.
    rotation.variables.update(rotate_deliver_tasks=["deliver/file.yml", written(rotation.ansible, "deliver.yml", DELIVER)], rotate_deliver_files=files)
    assert rotation.run().rc == 0 and consumers.has(double, "alice") and double.users["alice"] in path.read_text(encoding="utf-8")
    assert undelivered(rotation) == []
