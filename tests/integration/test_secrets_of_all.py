# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One search over everything that every vendor's module and rotation print, return or leave on disk, ansible-runner's artifacts included."""

from __future__ import annotations

import json

import pytest

from tests.doubles.faults import ECHO_FORMS
from tests.integration.rotation import VAULT_PASSWORD, Rotation, old_password
from tests.vendor_cases import CASES

pytestmark = [pytest.mark.secrets]

USERS = ("alice", "bob", "carol", "dave")
# Every vendor takes it, and each character gets escaped somewhere.
NEW = "New-S3cr3t-MARKER \\ \"%s' <1>"
VERBOSITY = 5


# What a version of ansible-core prints does not depend on the vendor.
@pytest.fixture(params=[pytest.param(case, id=name, marks=[] if name == "milvus" else pytest.mark.slow) for name, case in CASES.items()])
def case(request):
    return request.param


@pytest.fixture
def double(case):
    with case.double({name: old_password(name) for name in USERS}) as running:
        yield running


def secrets(case, double):
    """Whatever a run must not show: passwords, what the operator logs in with, and what it got by that."""
    issued = {secret for one in double.requests for secret in one.secrets if len(secret) >= 8}
    return {*case.secrets, *(old_password(name) for name in USERS), *(password(case, name) for name in (*USERS, "nobody")), *issued}


def password(case, name):
    forbidden = case.capabilities.password_forbidden
    return "".join(character for character in NEW % name if character not in forbidden)


def task(case, double, title, *names, wrong=False, **options):
    connection = dict(case.connection(double), timeout=0.5, retries=0)
    if wrong:
        connection = {key: value + "?" if value in case.secrets else value for key, value in connection.items()}
    users = [{"name": name, "password": password(case, name), "current_password": old_password(name)} for name in names]
    return {"name": title, case.module: dict(connection, users=users, **options), "ignore_errors": True}


def test_the_module_whatever_happens(ansible, case, double):
    always = {"update_password": "always"}
    plain = [
        {**task(case, double, "check", *USERS), "check_mode": True}, task(case, double, "success", "alice"), task(case, double, "again", "alice"),
        task(case, double, "unknown", "nobody", **always), task(case, double, "wrong operator", "bob", wrong=True, **always),
        task(case, double, "wrong option", "bob", pasword=password(case, "bob")),
    ]  # fmt: skip
    run = play(ansible, plain)
    assert run.result("success").status == "changed" and run.result("wrong operator").status == "ignored", run.output
    assert not run.leaks(secrets(case, double))

    faults = [("refusal", "change", dict(case.refusal, kind="answer"))]
    faults += [("echo %s" % form, part, {"kind": "echo", "form": form, "status": status})
               for form in ECHO_FORMS for part, status in (("change", 400), ("change", 500), ("lookup", 500))]  # fmt: skip
    faults += [(kind, part, {"kind": kind}) for kind in ("hang", "drop", "html") for part in ("change", "lookup")]
    faults += [("garbage", "lookup", {"kind": "wrong_types", "top": top}) for top in (None, "list", "null", "string")]
    tasks = []
    for title, part, fault in faults:
        double.inject(**fault, **getattr(case, part))
        tasks.append(task(case, double, "%s at the %s" % (title, part), "bob", **always))
    run = play(ansible, tasks)
    assert "Traceback" not in run.output and "please report it" not in run.output
    assert not run.leaks(secrets(case, double))


def play(ansible, tasks):
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}],
                           verbosity=VERBOSITY, diff=True, watch=True)  # fmt: skip
    assert len(run.results) == len(tasks) and run.command_lines
    return run


def test_the_artifacts_and_events_of_ansible_runner(ansible, case, double):
    """As AWX runs it: every event is kept as a file."""
    rotation = Rotation(ansible, {"host-1": double}, USERS, case, {"retries": 0}, rotate_accept_unverified=not case.proves)
    private = ansible.inputs / "runner"
    for folder in ("project", "env"):
        (private / folder).mkdir(parents=True)
    (private / "project" / "rotate.yml").write_text("- import_playbook: rekey.passwords.rotate\n", encoding="utf-8")
    (private / "inventory.json").write_text(json.dumps({"all": {"hosts": rotation.hosts, "vars": rotation.variables}}), encoding="utf-8")
    (private / "vault-password").write_text(VAULT_PASSWORD, encoding="utf-8")
    options = "--diff -vvvvv --vault-password-file %s" % (private / "vault-password")
    command = ["run", str(private), "-p", "rotate.yml", "--inventory", str(private / "inventory.json"), "--cmdline", options,
               "--artifact-dir", str(ansible.shared / "artifacts")]  # fmt: skip
    found = set()
    for number in range(2):
        if not number:
            double.inject("echo", form="repr", status=500, **case.lookup)
        run = ansible.start("ansible-runner", [*command, "--ident", "run-%d" % number], watch=True).wait()
        found |= rotation.secrets() | secrets(case, double)
    assert run.rc == 0, run.output
    events = list((ansible.shared / "artifacts").glob("run-1/job_events/*.json"))
    assert len(events) > 10 and any("rotated" in event.read_text(encoding="utf-8") for event in events)
    assert all(double.can_log_in(name, record["password"]) for name, record in rotation.records().items())
    assert not ansible.leaks(found)
