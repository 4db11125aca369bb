# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emergency: what is rotated however young it is, what goes on whatever fails, and how the report begins."""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.doubles.milvus import MilvusDouble
from tests.integration.rotation import ROTATE, STEP_BY_STEP, Rotation, old_password
from tests.vendor_cases import CASES

EMERGENCY, VERIFY = "rekey.passwords.emergency", "rekey.passwords.verify"
REPORT = "Show the report"
USERS = ("alice", "app-1", "app-2")
REASON = "INC-4711: somebody left"
HOSTS = ("db-1", "db-2", "db-3")


class ForgetfulDouble(MilvusDouble):
    """A server that goes on accepting the passwords that it has replaced, as one does that never clears a cache of logins."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.cached = {}

    def authenticate(self, received):
        refusal = super().authenticate(received)
        user, password = self._credentials(received)
        if refusal is None:
            self.cached.setdefault(user, set()).add(password)
        elif password in self.cached.get(user, ()):
            received.authenticated_as, refusal = user, None
        return refusal


@pytest.fixture
def servers():
    with contextlib.ExitStack() as stack:
        yield {host: stack.enter_context(MilvusDouble(users={name: old_password(name) for name in USERS})) for host in HOSTS}


@pytest.fixture
def rotation(ansible, servers):
    made = Rotation(ansible, servers, USERS)
    yield made
    assert not ansible.leaks(made.secrets())


def passwords(servers):
    return {host: {name: password for name, password in double.users.items() if name != "root"} for host, double in servers.items()}


def report(run):
    return run.result(REPORT)["msg"]


def batches(run):
    """How often the rotation was begun, for one or more hosts."""
    return len([name for name in run.started if name.endswith(ROTATE)])


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def emergency(rotation, only="alice", **options):
    variables = {"rotate_only": only, "rotate_reason": REASON, **options.pop("extra_vars", {})}
    return rotation.run(EMERGENCY, extra_vars={name: value for name, value in variables.items() if value is not None}, **options)


@pytest.mark.parametrize("variables", [{}, STEP_BY_STEP], ids=["in one task", "step by step"])
def test_young_passwords_are_rotated_of_those_users_only_at_all_hosts(rotation, servers, variables):
    rotation.variables.update(variables)
    assert rotation.run().rc == 0
    before = passwords(servers)
    run = emergency(rotation, ["alice", "app-2"], verbosity=5)
    assert run.rc == 0, run.output
    after = passwords(servers)
    for host in HOSTS:
        assert after[host]["app-1"] == before[host]["app-1"]
        for name in ("alice", "app-2"):
            record = rotation.records(host)[name]
            assert after[host][name] == record["password"] != before[host][name] == record["previous"]
            assert record["reason"] == REASON
    assert report(run) == ["6 passwords were rotated at 3 of 3 hosts.", "6 previous passwords are refused."]
    assert (run.artifacts["rekey_rotated"], run.artifacts["rekey_not_done"], run.artifacts["rekey_failed"]) == (6, 0, [])
    assert (run.artifacts["rekey_previous_refused"], run.artifacts["rekey_previous_accepted"]) == (6, 0)


def test_all_hosts_at_once_unless_the_run_says_otherwise(rotation, servers):
    assert rotation.run().rc == 0
    run = emergency(rotation)
    assert len(run.all_results(ROTATE)) == 3 and batches(run) == 1
    run = emergency(rotation, extra_vars={"rotate_serial": 1, "rotate_hosts": "db-1,db-2"})
    assert run.rc == 0, run.output
    assert batches(run) == 2
    assert report(run)[0] == "2 passwords were rotated at 2 of 2 hosts."


def test_a_host_that_is_down_does_not_stop_the_others_and_comes_first(rotation, servers):
    assert rotation.run().rc == 0
    before = passwords(servers)
    servers["db-3"].remove_user("app-1")
    servers["db-1"].stop()
    run = emergency(rotation, "alice,app-1", extra_vars={"rotate_serial": 1})
    assert run.rc == 2
    lines = report(run)
    assert lines[0] == "NOT DONE (2):"
    assert lines[1].startswith("db-1: FAILED: ") and lines[1].endswith(" NOT rotated: alice, app-1")
    assert lines[2].startswith("db-3: app-1: NOT rotated: ") and "(user_not_found)" in lines[2]
    assert lines[3:] == ["3 passwords were rotated at 2 of 3 hosts.", "3 previous passwords are refused."]
    assert {host for host, counts in run.stats.items() if counts["failures"]} == {"db-1", "db-3"}
    assert passwords(servers)["db-2"]["alice"] != before["db-2"]["alice"]
    assert run.artifacts["rekey_not_done"] == 2 and set(run.artifacts["rekey_failed"]) == {"db-1: alice", "db-1: app-1", "db-3: app-1"}


def test_a_host_that_fails_as_a_whole_comes_before_users(rotation, servers):
    assert rotation.run().rc == 0
    rotation.hosts["db-3"]["rotate_store_path"] = "/nowhere/at/all"
    rotation.hosts["db-3"]["rotate_store_create"] = False
    servers["db-1"].remove_user("alice")
    run = emergency(rotation)
    assert run.rc == 2
    lines = report(run)
    assert lines[0] == "NOT DONE (2):" and lines[1].startswith("db-3: FAILED: ") and lines[2].startswith("db-1: alice: NOT rotated: ")
    assert lines[3:] == ["1 passwords were rotated at 1 of 3 hosts.", "1 previous passwords are refused."]


def test_a_password_that_was_waiting_in_the_store_is_not_the_last_word(rotation, servers):
    assert rotation.run().rc == 0
    servers["db-1"].inject("answer", path="update_password", status=503, times=1)
    servers["db-1"].inject("drop", path="update_password", times=3)
    assert rotation.run(extra_vars={"rotate_only": "alice", "rotate_force": True}).rc == 2
    servers["db-1"].clear_faults()
    waiting = rotation.records("db-1")["alice"]["pending"]["password"]
    run = emergency(rotation, extra_vars={"rotate_hosts": "db-1"})
    assert run.rc == 0, run.output
    assert report(run) == ["1 passwords were rotated at 1 of 1 hosts.", "1 previous passwords are refused."]
    record = rotation.records("db-1")["alice"]
    assert record["previous"] == waiting != record["password"] == servers["db-1"].users["alice"]


def test_a_previous_password_that_still_logs_in_is_a_failure(ansible):
    with ForgetfulDouble(users={name: old_password(name) for name in USERS}) as double:
        rotation = Rotation(ansible, {"db-1": double}, USERS)
        assert rotation.run().rc == 0 and rotation.run(VERIFY).rc == 0
        run = emergency(rotation, "alice", verbosity=5)
        assert run.rc == 2
        lines = report(run)
        assert lines[:1] + lines[2:] == ["NOT DONE (1):", "1 passwords were rotated at 1 of 1 hosts.", "0 previous passwords are refused."]
        assert lines[1].startswith("db-1: alice: the PREVIOUS password still logs in: ") and "disable the account" in lines[1]
        assert run.artifacts["rekey_error_kinds"] == ["previous_accepted"] and run.artifacts["rekey_failed"] == ["db-1: alice"]
        # Later, as the message says.
        run = rotation.run(VERIFY, extra_vars={"rotate_check_previous": True, "rotate_only": "alice"})
        assert run.rc == 2 and "1 of 1 users have a previous password that still logs in: alice" in run.output
        double.cached.clear()
        run = rotation.run(VERIFY, extra_vars={"rotate_check_previous": True, "rotate_only": "alice"})
        assert run.rc == 0 and "its previous password is refused" in run.output, run.output
        assert not ansible.leaks(rotation.secrets())


@pytest.mark.parametrize("only", [None, "", " , ", [], "{{ rotate_my_choice }}"], ids=str)
def test_without_users_nothing_is_sent_and_the_error_says_how_to_mean_everybody(rotation, servers, only):
    rotation.variables["rotate_my_choice"] = []
    run = emergency(rotation, only)
    assert run.rc == 2 and """-e '{"rotate_only": ["*"]}'""" in run.output.replace('\\"', '"'), run.output
    assert not any(double.requests for double in servers.values()) and not rotation.store.exists()
    run = emergency(rotation, "*")
    assert run.rc == 0 and report(run)[0] == "9 passwords were rotated at 3 of 3 hosts.", run.output


def test_one_host_without_a_selection_is_enough_to_refuse(rotation, servers):
    rotation.hosts["db-1"]["rotate_only"] = rotation.hosts["db-2"]["rotate_only"] = ["alice"]
    run = emergency(rotation, None)
    assert run.rc == 2 and "1 of 3 hosts have no selection of users: db-3" in run.output, run.output
    assert not any(double.requests for double in servers.values())


@pytest.mark.parametrize("variable", [{"rotate_force": False}, {"rotate_rollback": True}], ids=str)
def test_what_would_leave_a_known_password_in_force_is_refused(rotation, servers, variable):
    run = emergency(rotation, extra_vars=variable)
    assert run.rc == 2 and "Remove these extra variables" in run.output
    assert not any(double.requests for double in servers.values())
    # In the inventory, they are for other runs.
    rotation.variables.update(variable)
    assert emergency(rotation, extra_vars={"rotate_reason": None}).rc == 0
    assert rotation.records()["alice"]["reason"] == "Emergency rotation"


def test_check_mode_says_what_would_happen_and_writes_nothing(rotation, servers):
    assert rotation.run().rc == 0
    before, store = passwords(servers), files(rotation.store)
    for double in servers.values():
        double.reset()
    run = emergency(rotation, check=True)
    assert run.rc == 0, run.output
    assert report(run) == ["3 passwords would be rotated at 3 of 3 hosts.", "Check mode changed nothing, and tried no previous password."]
    assert passwords(servers) == before and files(rotation.store) == store
    assert not any(double.writes or double.failed_logins for double in servers.values())
    assert run.artifacts["rekey_would_rotate"] == 3


@pytest.mark.parametrize("vendor", sorted(name for name, case in CASES.items() if case.locks_after))
def test_at_a_vendor_that_locks_nobody_is_locked_by_three_emergencies(ansible, vendor):
    case = CASES[vendor]
    with case.double({name: old_password(name) for name in ("alice", "bob")}, **case.locks) as double:
        rotation = Rotation(ansible, {"db-1": double}, ["alice", "bob"], case)
        assert rotation.run().rc == 0
        for _time in range(3):
            run = emergency(rotation, "*")
            assert run.rc == 0, run.output
            assert report(run) == ["2 passwords were rotated at 1 of 1 hosts.", "2 previous passwords are refused."]
        records = rotation.records()
        # The previous passwords were tried, once each time.
        assert min(double.failed_logins[name] for name in ("alice", "bob")) == 3
        assert all(double.can_log_in(name, records[name]["password"]) for name in ("alice", "bob"))
        assert [records[name]["failed_logins"] for name in ("alice", "bob")] == [0, 0]
        run = emergency(rotation, "*", check=True)
        assert run.rc == 0 and "2 passwords would be rotated" in report(run)[0]
        run = rotation.run(VERIFY, check=True, extra_vars={"rotate_check_previous": True})
        assert "previous not checked: Check mode makes no login" in run.output
        assert not ansible.leaks(rotation.secrets())


def test_where_no_login_is_possible_the_report_says_so(ansible):
    case = CASES["rackspace_database"]
    with case.double({"alice": old_password("alice")}, **case.resets) as double:
        rotation = Rotation(ansible, {"db-1": double}, ["alice"], case, rotate_accept_unverified=True)
        if rotation.run().rc:
            pytest.fail("the first rotation failed")
        run = emergency(rotation)
        assert run.rc == 0, run.output
        assert report(run)[-1] == "1 previous passwords were not checked, since no login is possible there (rotate_accept_unverified): db-1: alice"
        # Without it, the rotation itself is not proved.
        run = emergency(rotation, extra_vars={"rotate_accept_unverified": False})
        assert run.rc == 2 and report(run)[0] == "NOT DONE (1):" and "alice: NOT rotated: " in report(run)[1]


@pytest.mark.parametrize("vendor", sorted(name for name, case in CASES.items() if case.operator))
def test_the_operator_is_one_of_them(ansible, vendor):
    """Its password is what all the others are rotated with, and the check of its previous one must not be taken for the operator's login."""
    case = CASES[vendor]
    with case.double({"alice": old_password("alice")}, **case.locks) as double:
        rotation = Rotation(ansible, {"db-1": double}, ["alice"], case)
        before = case.connection(double)["api_password"]
        rotation.variables["rotate_users"] += [{"name": case.operator, "current_password": before}]
        for _time in range(3):
            run = emergency(rotation, "*")
            assert run.rc == 0, run.output
            assert report(run) == ["2 passwords were rotated at 1 of 1 hosts.", "2 previous passwords are refused."]
        records = rotation.records()
        assert all(double.can_log_in(name, records[name]["password"]) for name in ("alice", case.operator))
        assert rotation.run(VERIFY).rc == 0 and not ansible.leaks(rotation.secrets())


DELIVER = [
    {
        "name": "Give the login to the application",
        "ansible.builtin.copy": {"content": "{{ lookup('rekey.passwords.login', item) | to_json }}", "dest": "{{ consumer }}", "mode": "0600"},
        "loop": "{{ rotate_deliver.users }}",
        "no_log": True,
        "failed_when": "consumer_down | default(false)",
    }
]


@pytest.mark.parametrize("consumer_works", [True, False])
def test_both_accounts_of_a_pair_are_rotated_the_one_in_use_last(ansible, servers, consumer_works):
    """And only when its consumers have been given the other one."""
    tasks, consumer = ansible.inputs / "deliver.yml", ansible.inputs / "consumer.json"
    tasks.write_text(json.dumps(DELIVER), encoding="utf-8")
    double = servers["db-1"]
    rotation = Rotation(ansible, {"db-1": double}, USERS, rotate_deliver_tasks=str(tasks), consumer=str(consumer))
    rotation.variables["rotate_users"] = [{"name": "app", "accounts": rotation.variables["rotate_users"][1:]}]
    assert rotation.run().rc == 0
    before = dict(double.users)
    run = emergency(rotation, "app", extra_vars={"consumer_down": not consumer_works})
    given = json.loads(consumer.read_text(encoding="utf-8"))
    assert double.users[given["username"]] == given["password"], run.output
    changed = {name for name in ("app-1", "app-2") if double.users[name] != before[name]}
    if consumer_works:
        assert run.rc == 0 and changed == {"app-1", "app-2"} and given["username"] == "app-2", run.output
        assert report(run) == ["2 passwords were rotated at 1 of 1 hosts.", "2 previous passwords are refused."]
        # Nobody but the emergency waives the grace period.
        assert "was in use until" in rotation.run(extra_vars={"rotate_force": True}).output
    else:
        assert run.rc != 0 and changed == {"app-1"}, run.output
        lines = report(run)
        assert lines[0].startswith("NOT DONE (2)") and "NOT delivered" in lines[1]
        assert lines[2] == "db-1: app-2: NOT rotated, since the consumers of the pair app may still use it"
    assert not ansible.leaks(rotation.secrets())
