# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is limited to some users, the reason that it keeps, and what it leaves for a workflow."""

from __future__ import annotations

import contextlib

import pytest

from tests.doubles.milvus import MilvusDouble
from tests.integration.rotation import STEP_BY_STEP, Rotation, old_password

USERS = ("alice", "app-1", "app-2")
STATUS, VERIFY, REPAIR = ("rekey.passwords." + name for name in ("status", "verify", "repair"))
REASON = "INC-4711: a laptop was stolen"


@pytest.fixture
def servers():
    """Two clusters; the second has another user."""
    with contextlib.ExitStack() as stack:
        yield {
            "db-1": stack.enter_context(MilvusDouble(users={name: old_password(name) for name in USERS})),
            "db-2": stack.enter_context(MilvusDouble(users={"carol": old_password("carol")})),
        }


@pytest.fixture
def rotation(ansible, servers):
    made = Rotation(ansible, servers, USERS)
    made.hosts["db-2"]["rotate_users"] = [{"name": "carol", "current_password": old_password("carol")}]
    yield made
    assert not ansible.leaks(made.secrets() | {old_password("carol")})


def rotated(servers):
    """The users whose passwords are other ones than at the beginning, by host."""
    return {
        host: sorted(name for name, password in double.users.items() if name != "root" and password != old_password(name)) for host, double in servers.items()
    }


@pytest.mark.parametrize("variables", [{}, STEP_BY_STEP], ids=["in one task", "step by step"])
@pytest.mark.parametrize(
    "only, expected",
    [
        (["app-1"], {"db-1": ["app-1"], "db-2": []}),
        (["app-*"], {"db-1": ["app-1", "app-2"], "db-2": []}),
        ("app-2, carol", {"db-1": ["app-2"], "db-2": ["carol"]}),
        ("alice\ncarol\n", {"db-1": ["alice"], "db-2": ["carol"]}),
        ("*", {"db-1": ["alice", "app-1", "app-2"], "db-2": ["carol"]}),
        ("", {"db-1": ["alice", "app-1", "app-2"], "db-2": ["carol"]}),
        ([], {"db-1": ["alice", "app-1", "app-2"], "db-2": ["carol"]}),
    ],
    ids=str,
)
@pytest.mark.slow
def test_only_those_are_rotated(rotation, servers, only, expected, variables):
    rotation.variables.update(variables)
    run = rotation.run(extra_vars={"rotate_only": only})
    assert run.rc == 0, run.output
    assert rotated(servers) == expected
    assert {host: sorted(rotation.records(host)) for host in servers} == expected
    for host, double in servers.items():
        assert bool(double.requests) == bool(expected[host]), "a host without any of them is not touched"
        assert ("that the run is limited to" in str([one.result for one in run.results if one.host == host])) == (not expected[host])


@pytest.mark.parametrize("plays", ["rekey.passwords.rotate", STATUS, VERIFY, REPAIR])
@pytest.mark.parametrize("only, hint", [(["app-1", "alise"], "alise (did you mean alice?)"), ("backup-*", "backup-*"), (["APP-1"], "APP-1")])
def test_a_name_that_fits_nobody_at_any_host_is_an_error(rotation, servers, plays, only, hint):
    run = rotation.run(plays, extra_vars={"rotate_only": only})
    assert run.rc == 2 and hint in run.output, run.output
    assert rotated(servers) == {"db-1": [], "db-2": []} and not any(double.requests for double in servers.values())
    assert run.artifacts["rekey_error_kinds"].count("invalid_input") and "db-1" in run.artifacts["rekey_failed"]


@pytest.mark.parametrize("only", [{"name": "alice"}, [["alice"]], 5, [5], True], ids=str)
def test_what_is_no_list_of_names_is_an_error(rotation, servers, only):
    run = rotation.run(extra_vars={"rotate_only": only})
    assert run.rc == 2 and "must be a list of names or patterns" in run.output, run.output
    assert not any(double.requests for double in servers.values())


def test_the_others_keep_their_operator_and_are_not_taken_for_former_users(ansible):
    """The operator rotates itself; its password comes from the store when only others are rotated."""
    with MilvusDouble(users={"alice": old_password("alice")}) as double:
        rotation = Rotation(ansible, {"db-1": double}, ["alice"])
        rotation.variables["rotate_users"] += [{"name": "root", "current_password": "Milvus"}]
        assert rotation.run(extra_vars={"rotate_only": "root"}).rc == 0
        assert double.users["root"] != "Milvus" and double.users["alice"] == old_password("alice")
        run = rotation.run(extra_vars={"rotate_only": ["alice"]})
        assert run.rc == 0, run.output
        assert double.users["alice"] == rotation.records()["alice"]["password"] != old_password("alice")
        assert "NOT among the users any more" not in run.output and not double.failed_logins


@pytest.mark.parametrize("variables", [{}, STEP_BY_STEP], ids=["in one task", "step by step"])
def test_the_reason_is_kept_and_shown(rotation, servers, variables):
    rotation.variables.update(variables)
    run = rotation.run(extra_vars={"rotate_only": "alice", "rotate_reason": REASON})
    assert run.rc == 0 and "Reason: " + REASON in run.output, run.output
    assert rotation.records("db-1")["alice"]["reason"] == REASON
    assert "alice: current" in (shown := rotation.run(STATUS).output) and "reason: " + REASON in shown
    # The next rotation has none, and says nothing of the old one.
    run = rotation.run(extra_vars={"rotate_force": True})
    assert run.rc == 0 and "Reason" not in run.output
    assert not rotation.records("db-1")["alice"].get("reason")


def test_the_reason_of_a_run_that_died_stays_with_its_password(rotation, servers):
    servers["db-1"].inject("answer", path="update_password", status=503, times=1)
    servers["db-1"].inject("drop", path="update_password", times=3)
    run = rotation.run(extra_vars={"rotate_only": "alice", "rotate_reason": REASON})
    assert run.rc == 2 and rotation.records("db-1")["alice"]["pending"]["reason"] == REASON
    servers["db-1"].clear_faults()
    run = rotation.run(extra_vars={"rotate_only": "alice"})
    assert run.rc == 0, run.output
    assert rotation.records("db-1")["alice"]["reason"] == REASON


@pytest.mark.parametrize("reason", ["x" * 301, "a\u0007bell"], ids=["too long", "not printable"])
def test_a_reason_that_is_no_line_of_text_is_an_error(rotation, servers, reason):
    run = rotation.run(extra_vars={"rotate_reason": reason})
    assert run.rc == 2 and "rotate_reason" in run.output, run.output
    assert not any(double.requests for double in servers.values())


def test_what_the_playbooks_leave_for_a_workflow(rotation, servers):
    run = rotation.run(check=True)
    assert (run.artifacts["rekey_would_rotate"], run.artifacts["rekey_rotated"], run.artifacts["rekey_failed"]) == (4, 0, [])
    servers["db-1"].remove_user("app-2")
    run = rotation.run()
    assert run.rc == 2
    assert run.artifacts["rekey_rotated"] == 3 and run.artifacts["rekey_failed"] == ["db-1: app-2"]
    assert run.artifacts["rekey_error_kinds"] == ["user_not_found"]
    servers["db-2"].set_user("carol", "By-Hand-S3cr3t-MARKER")
    run = rotation.run(VERIFY)
    assert run.rc == 2
    assert (run.artifacts["rekey_checked"], run.artifacts["rekey_verified"]) == (4, 2)
    assert sorted(run.artifacts["rekey_failed"]) == ["db-1: app-2", "db-2: carol"]
    run = rotation.run(STATUS)
    assert (run.artifacts["rekey_checked"], run.artifacts["rekey_pending"], run.artifacts["rekey_overdue"]) == (4, 1, 1)
    run = rotation.run(REPAIR, extra_vars={"rotate_repair_users": [{"name": "carol", "password": "By-Hand-S3cr3t-MARKER", "target": "db-2"}]})
    assert run.rc == 0 and run.artifacts["rekey_repaired"] == 1
    assert not [key for key in run.artifacts if not key.startswith("rekey_")]
