# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every vendor's module and rotation through real Ansible, each against its double."""

from __future__ import annotations

import pytest

from tests.integration.module_results import only, told
from tests.integration.rotation import ROTATE, Rotation, changed, old_password
from tests.vendor_cases import CASES

USERS = ("alice", "bob", "carol")
NEW = "New-S3cr3t-MARKER-%s-1"
VERBOSITY = 5


@pytest.fixture(params=CASES.values(), ids=lambda case: case.vendor)
def case(request):
    return request.param


@pytest.fixture
def double(case):
    with case.double({name: old_password(name) for name in USERS}) as running:
        yield running
        assert not getattr(running, "lockouts", None)


def task(case, title, *names, **options):
    """A task that may fail without ending the play."""
    users = [{"name": name, "password": NEW % name, "current_password": old_password(name)} for name in names]
    return {"name": title, case.module: dict({"users": users}, **options), "ignore_errors": True}


def secrets(case):
    return {*case.secrets, *(old_password(name) for name in USERS), *(NEW % name for name in (*USERS, "nobody"))}


def test_the_module_with_the_defaults_of_its_group(ansible, case, double):
    tasks = [
        {**task(case, "Check", *USERS), "check_mode": True},
        task(case, "Change", "alice", "bob"),
        task(case, "Again", "alice", "bob"),
        task(case, "Shorthand", users=None, name="carol", password=NEW % "carol", current_password=old_password("carol")),
        task(case, "Unknown", "alice", "nobody"),
        task(case, "Wrong option", "alice", passwort=NEW % "alice"),
    ]  # fmt: skip
    defaults = {"group/rekey.passwords.%s" % case.vendor: case.connection(double)}
    for one in tasks:
        one[case.module] = {key: value for key, value in one[case.module].items() if value is not None}
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}],
                           verbosity=VERBOSITY, diff=True, watch=True)  # fmt: skip
    assert run.rc == 0, run.output
    proved = case.proves or None
    again = "unchanged" if case.proves else "changed"
    assert told(run, "Check") == [(name, "would_change", None, None) for name in USERS]
    assert told(run, "Change") == [(name, "changed", proved, None) for name in ("alice", "bob")]
    assert told(run, "Again") == [(name, again, proved, None) for name in ("alice", "bob")]
    assert run.result("Again").status == ("ok" if case.proves else "changed")
    assert only(run, "Shorthand") == ("changed", proved, None)
    assert told(run, "Unknown") == [("alice", again, proved, None), ("nobody", "failed", None, "user_not_found")]
    assert "passwort" in run.result("Wrong option")["msg"]
    assert all(double.can_log_in(name, NEW % name) for name in USERS)
    assert not run.leaks(secrets(case)), "a secret was printed or left on the disk"


def test_the_rotation_in_check_mode_in_earnest_and_again(ansible, case, double):
    rotation = Rotation(ansible, {"host-1": double}, USERS, case, rotate_accept_unverified=not case.proves)
    double.read_only = True
    foretold = rotation.run(check=True, verbosity=VERBOSITY, diff=True)
    assert foretold.rc == 0 and [user["state"] for user in foretold.result(ROTATE)["users"]] == ["would_change"] * 3, foretold.output
    assert not double.refused_writes and not rotation.store.exists()

    double.read_only = False
    first = rotation.run(verbosity=VERBOSITY, diff=True, watch=True)
    assert first.rc == 0, first.output
    assert not double.failed_logins, "a normal rotation costs no failed login"
    for name, record in rotation.records().items():
        assert double.can_log_in(name, record["password"]) and record["verified"] is case.proves and record["previous"] == old_password(name)

    requests = len(double.requests)
    assert changed(rotation.run()) == {"host-1": 0} and len(double.requests) == requests
    assert rotation.run(extra_vars={"rotate_force": True}).rc == 0, "the store knows the present passwords"
    assert not ansible.leaks(rotation.secrets() | secrets(case))
