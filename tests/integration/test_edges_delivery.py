# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies around a rotation: variables of the environment, other interpreters, machines out of reach, operators that are refused."""

from __future__ import annotations

import socket
import sys

import pytest

from tests.doubles.milvus import UPDATE, MilvusDouble
from tests.integration.rotation import REPORT, ROTATE, Rotation, old_password
from tests.vendor_cases import CASES

ROOT, WRONG = "Root-S3cr3t-MARKER-1", "Wrong-S3cr3t-MARKER-1"
OPERATOR = {"MILVUS_API_USER": "root", "MILVUS_API_PASSWORD": ROOT}
FORCED = {"rotate_force": True}
STATUS, VERIFY = "rekey.passwords.status", "rekey.passwords.verify"

pytestmark = [pytest.mark.slow]


@pytest.fixture
def double():
    with MilvusDouble({"root": ROOT, "alice": old_password("alice")}, super_users=("root",)) as running:
        yield running


def rotation_of(ansible, double, connection, **variables):
    """Of alice and of the operator itself."""
    users = [{"name": "alice", "current_password": old_password("alice")}, "root"]
    connection = dict({"url": "{{ server_url }}"}, **connection)
    return Rotation(ansible, {"milvus-1": double}, ("alice",), rotate_connection=connection, rotate_users=users, **variables)


def assert_settled(rotation, double, *names):
    """What the store has is in force, and nothing is under way."""
    for name in names:
        record = rotation.records()[name]
        assert (record["pending"], record["password"]) == (None, double.users[name]), name


def test_edge_6_an_operator_of_the_environment_that_rotates_itself(ansible, double):
    rotation = rotation_of(ansible, double, {})
    for night in range(3):
        run = rotation.run(env=OPERATOR, extra_vars=FORCED)
        assert run.rc == 0, "night %d\n%s" % (night, run.output)
        assert_settled(rotation, double, "alice", "root")
    assert rotation.run(VERIFY, env=OPERATOR).rc == 0 and rotation.run("rekey.passwords.repair", env=OPERATOR).rc == 0
    assert not double.failed_logins and not ansible.leaks(rotation.secrets() | {ROOT})


def test_edge_7_a_first_rotation_of_the_operator_that_was_refused_goes_on(ansible, double):
    rotation = rotation_of(ansible, double, {"api_user": "root"})
    password = {"MILVUS_API_PASSWORD": ROOT}
    double.inject("answer", path=UPDATE, user="root", times=1, status=403, body={"code": 65535, "message": "not now"})
    assert rotation.run(env=password).rc == 2 and rotation.records()["root"]["pending"]
    again = rotation.run(env=password)
    assert again.rc == 0, again.output
    assert_settled(rotation, double, "alice", "root")


def test_edge_8_options_and_variables_that_are_empty(ansible, double):
    rotation = rotation_of(ansible, double, {"api_token": "", "timeout": "", "api_user": "root", "api_password": ROOT})
    run = rotation.run(env={"MILVUS_API_TOKEN": "", "MILVUS_TIMEOUT": "", "MILVUS_CA_PATH": ""})
    assert run.rc == 0, run.output


@pytest.mark.parametrize("option, words", [({"timeout": "30s"}, "timeout"), ({"ca_path": "/nowhere/ca.pem"}, "ca_path"), ({"url": "milvus:19530"}, "url")])
def test_edge_10_a_wrong_option_is_told_before_anything_is_written(ansible, double, option, words):
    rotation = rotation_of(ansible, double, dict({"api_user": "root", "api_password": ROOT}, **option))
    run = rotation.run()
    failure = run.result(ROTATE)
    assert run.rc == 2 and failure["error"]["kind"] == "invalid_input", run.output
    assert failure["msg"].startswith("connection (in the role: rotate_connection): ") and words in failure["msg"]
    assert rotation.records() == {} and not double.requests


@pytest.fixture
def poor_python(tmp_path):
    """A Python without any library but its own."""
    path = tmp_path / "python3"
    path.write_text('#!/bin/sh\nexec "%s" -I -S "$@"\n' % sys.executable, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def locking(names=("host-1",)):
    """A vendor that locks, and a double of it with a user for each of some hosts that reach it."""
    case = CASES["aria_logs"]
    return case, case.double({"user-%s" % name: old_password(name) for name in names})


def of_locking(ansible, case, double, names, connection=None, **variables):
    """The rotation of the users that :func:`locking` has made."""
    rotation = Rotation(ansible, dict.fromkeys(names, double), (), case, **variables)
    for name in names:
        rotation.hosts[name]["rotate_connection"].update(connection or {})
        rotation.hosts[name]["rotate_users"] = [{"name": "user-%s" % name, "current_password": old_password(name)}]
    return rotation


@pytest.mark.parametrize("what", ["no requests", "no interpreter"])
def test_edge_9_a_module_that_cannot_start_is_the_users_error_and_nothing_stays_noted(ansible, poor_python, what):
    case, double = locking()
    with double:
        rotation = of_locking(ansible, case, double, ["host-1"], rekey_in_process="never")
        python = poor_python if what == "no requests" else "/nowhere/python3"
        for _night in range(3):
            run = rotation.run(extra_vars={"ansible_python_interpreter": python})
            user = run.result(ROTATE)["users"][0]
            assert run.rc == 2 and user["error"]["kind"] == "invalid_input", run.output
            assert ("requests" if what == "no requests" else "/nowhere/python3") in user["error"]["message"] and user["action"] == "kept"
            record = rotation.records()["user-host-1"]
            assert (record["pending"]["sent"], record["failed_logins"]) == (0, 0) and record["last_error"]["kind"] == "invalid_input"
        assert not double.requests
        # With a local connection none is needed.
        mended = rotation.run(extra_vars={"ansible_python_interpreter": python, "rekey_in_process": "auto"})
        assert mended.rc == 0 and not double.failed_logins and not double.lockouts, mended.output


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ssh():
    where = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": closed_port()}
    # Sockets have short names only, and these tests have long ones.
    return dict(where, ansible_ssh_retries=0, ansible_ssh_args="-o ControlMaster=no")


@pytest.mark.parametrize("pipelining", [False, True])
def test_edge_11_a_machine_out_of_reach_is_unreachable_and_the_store_hears_of_it(ansible, double, pipelining):
    rotation = rotation_of(ansible, double, {"api_user": "root", "api_password": ROOT})
    run = rotation.run(extra_vars=dict(ssh(), ansible_pipelining=pipelining))
    assert run.rc in (2, 4) and run.result(ROTATE)["unreachable"] is True, run.output
    assert "Connection refused" in run.output and "please report it" not in run.output
    for name in ("alice", "root"):
        record = rotation.records()[name]
        assert record["last_error"]["kind"] == "connection_failed" and record["pending"]["sent"] == 0
    assert not double.requests and rotation.run().rc == 0
    assert not ansible.leaks(rotation.secrets() | {ROOT})


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"ansible_become": True, "ansible_become_exe": "/nowhere/sudo"}, "/nowhere/sudo"),
        ({"rekey_in_process": "never", "ansible_remote_tmp": "/proc/nowhere"}, "directory"),
    ],
    ids=["become", "folder"],
)
def test_edge_11_what_ansible_cannot_prepare_is_told_in_its_own_words(ansible, double, variables, words):
    rotation = rotation_of(ansible, double, {"api_user": "root", "api_password": ROOT})
    run = rotation.run(extra_vars=variables)
    assert run.rc in (2, 4) and words in run.result(ROTATE)["msg"], run.output
    assert "please report it" not in run.output and rotation.records()["alice"]["pending"]["sent"] == 0
    assert rotation.records()["alice"]["last_error"] and not double.requests and rotation.run().rc == 0


FOUR = ("host-1", "host-2", "host-3", "host-4")


def test_edge_32_one_wrong_password_of_an_operator_at_four_hosts_is_one_failed_login(ansible):
    case, double = locking(FOUR)
    everything = {"rotate_serial": "100%", "rotate_max_fail_percentage": 100}
    with double:
        rotation = of_locking(ansible, case, double, FOUR)
        wrong = of_locking(ansible, case, double, FOUR, {"api_password": WRONG})
        run = wrong.run(forks=4, extra_vars=everything)
        assert run.rc == 2 and double.failed_logins[case.operator] == 1, run.output
        assert "Skipped the login of the operator %s: 1 recent failed login" % case.operator in run.output and "Retry after " in run.output
        # Mended at once, it works at once.
        assert rotation.run(forks=4, extra_vars=everything).rc == 0
        for _night in range(3):
            wrong.run(forks=4, extra_vars=dict(everything, **FORCED))
            wrong.run(VERIFY, forks=4)
        assert not double.lockouts and not ansible.leaks(rotation.secrets() | {WRONG})


def test_edge_30_check_mode_locks_nobody_and_says_what_it_cannot_tell(ansible):
    case, double = locking()
    with double:
        rotation = of_locking(ansible, case, double, ["host-1"])
        # A change whose answer is lost: the next run has to look by a login.
        double.inject("answer", times=1, status=429, **case.change)
        assert rotation.run(extra_vars={"rotate_connection": dict(case.connection(double), retries=0)}).rc == 2
        for playbook in ("rekey.passwords.rotate", VERIFY, "rekey.passwords.repair") * 3:
            checked = rotation.run(playbook, check=True)
            assert not double.failed_logins, checked.output
        told = rotation.run(check=True)
        assert "Check mode makes no login at VMware Aria Operations for Logs" in told.output
        assert rotation.run().rc == 0 and not double.lockouts


@pytest.mark.parametrize("password", ["alice", "changed", "verified", "unchanged"])
def test_edge_37_a_first_password_that_is_a_word_of_ours_in_a_module_that_is_shipped(ansible, password):
    with MilvusDouble({"root": ROOT, "alice": password}, super_users=()) as double:
        rotation = rotation_of(ansible, double, {"api_user": "root", "api_password": ROOT}, rekey_in_process="never")
        rotation.variables["rotate_users"] = [{"name": "alice", "current_password": password}]
        run = rotation.run()
        assert run.rc == 0 and run.result(REPORT)["msg"] == ["alice (new): rotated, verified by a login"], run.output
        assert rotation.records()["alice"]["password"] == double.users["alice"]
