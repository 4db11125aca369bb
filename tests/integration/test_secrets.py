# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One search over everything that runs print, return or leave on disk, at the highest verbosity, for every secret in them."""

from __future__ import annotations

import pytest

from tests.doubles.faults import ECHO_FORMS
from tests.doubles.milvus import DESCRIBE, LIST, UPDATE, MilvusDouble
from tests.integration.rotation import COMMIT, STEP_BY_STEP, Rotation, old_password

pytestmark = [pytest.mark.secrets]

OPERATOR = "Operator-S3cr3t-MARKER/%+'\"ß"
NEW = "New-S3cr3t-MARKER \\ \"%s' <ü>"
VERBOSITY = 5


@pytest.fixture(params=["auto", "never"])
def variables(request):
    """Variables of a run with the module in the controller's process, where Ansible masks nothing, and shipped."""
    return {"operator": OPERATOR, "rekey_in_process": request.param}


@pytest.fixture
def double():
    users = {name: old_password(name) for name in ("alice", "bob", "carol", "dave")}
    with MilvusDouble(users=dict(users, root=OPERATOR)) as running:
        yield running


def secrets(*more):
    names = ("alice", "bob", "carol", "dave", "nobody")
    return {OPERATOR, *(old_password(name) for name in names), *(NEW % name for name in names), *more}


def task(double, title, **options):
    arguments = {"url": double.url, "api_user": "root", "api_password": "{{ operator }}", "timeout": 1, "retries": 0}
    arguments.update(options)
    return {"name": title, "rekey.passwords.milvus_user_password": {key: value for key, value in arguments.items() if value is not None}, "ignore_errors": True}


def one(name, **more):
    return dict({"name": name, "password": NEW % name, "current_password": old_password(name)}, **more)


def play(*tasks):
    return [{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]


def test_the_module_in_success_refusal_and_bad_input(ansible, double, variables):
    double.set_user("dave", "somebody has changed it")
    alone = dict(api_user=None, api_password=None)
    run = ansible.playbook(
        play(
            task(double, "success", users=[one("alice"), one("bob")]),
            task(double, "unchanged", users=[one("alice")]),
            task(double, "wrong current password", users=[one("dave")]),
            task(double, "unknown user", users=[one("nobody")]),
            task(double, "too long", users=[one("carol", password=(NEW % "carol") * 3)]),
            task(double, "wrong operator", api_password=OPERATOR + "?", users=[one("carol")]),
            task(double, "self", **alone, **one("carol")),
            task(double, "self, wrong", **alone, **one("dave")),
            task(double, "misspelt option", users=[one("carol", pasword=NEW % "carol")]),
            task(double, "wrong type", users=one("carol")["password"]),
            task(double, "wrong types", users=[{"name": "carol", "password": [NEW % "carol"], "current_password": {"is": old_password("carol")}}]),
            task(double, "wrong number", users=[one("carol")], timeout=NEW % "carol"),
            task(double, "both", users=[one("carol")], name="carol"),
            task(double, "password in the URL", url="http://root:%s@127.0.0.1/" % "Operator-S3cr3t-MARKER", users=[one("carol")]),
            task(double, "template error", users=[one("carol", password="{{ (operator ~ '') | int / 0 }}")]),
        ),
        extra_vars=variables, verbosity=VERBOSITY, diff=True, watch=True,
    )  # fmt: skip
    states = {result.task: result.status for result in run.results}
    assert states.pop("success") == states.pop("self") == "changed" and states.pop("unchanged") == "ok", run.output
    assert set(states.values()) == {"ignored"}, states
    assert run.command_lines and not run.leaks(secrets("Operator-S3cr3t-MARKER"))


@pytest.mark.parametrize("variables, check", [("auto", False), ("auto", True), ("never", False)], indirect=["variables"])
def test_the_module_with_a_server_that_echoes_and_sends_garbage(ansible, double, check, variables):
    tasks = []
    for form in ECHO_FORMS:
        for text in (False, True):
            for path in (UPDATE, LIST, DESCRIBE):
                double.inject("echo", path=path, user=None if path == LIST else "alice", form=form, text=text, status=400)
            tasks += [task(double, "echo %s %s %s" % (form, text, number), users=[one("alice")]) for number in range(3)]
    for kind in ("html", "truncated", "wrong_types", "cut", "drop", "hang"):
        double.inject(kind, path=UPDATE, user="bob")
        tasks.append(task(double, kind, users=[one("bob", update_password="always")]))
    for top in ("list", "null", "string"):
        double.inject("wrong_types", path=LIST, top=top)
        tasks.append(task(double, "%s at the top" % top, users=[one("carol")]))
    run = ansible.playbook(play(*tasks), extra_vars=variables, verbosity=VERBOSITY, diff=True, check=check, watch=True)
    assert len(run.results) == len(tasks) and "Traceback" not in run.output and "please report it" not in run.output
    assert not run.leaks(secrets())


def test_ad_hoc_with_secrets_from_the_environment(ansible, double, variables):
    run = ansible.adhoc(
        "rekey.passwords.milvus_user_password",
        "name=alice current_password='{{ lookup(\"env\", \"OLD_PASSWORD\") }}' password='{{ lookup(\"env\", \"NEW_PASSWORD\") }}'",
        env={"MILVUS_URL": double.url, "MILVUS_API_USER": "root", "MILVUS_API_PASSWORD": OPERATOR,
             "OLD_PASSWORD": old_password("alice"), "NEW_PASSWORD": NEW % "alice"},
        extra_vars=variables, verbosity=VERBOSITY, watch=True,
    )  # fmt: skip
    assert run.rc == 0 and double.users["alice"] == NEW % "alice", run.output
    assert not run.leaks(secrets())


def test_the_rotation_in_success_refusal_check_and_death(ansible, double):
    connection = {"url": "{{ server_url }}", "api_user": "root", "api_password": OPERATOR, "timeout": 1, "retries": 0}
    rotation = Rotation(ansible, {"milvus-1": double}, ["alice", "bob", "carol"], rotate_connection=connection)
    options = {"verbosity": VERBOSITY, "diff": True, "watch": True}
    rotation.run(check=True, **options)
    double.inject("echo", path=UPDATE, user="bob", form="repr", status=500)
    double.inject("hang", path=UPDATE, user="carol")
    assert rotation.run(**options).rc == 2
    seen = rotation.secrets()
    rotation.run(kill_at=COMMIT, extra_vars=STEP_BY_STEP, **options)
    seen |= rotation.secrets()
    assert rotation.run(**options).rc == 0
    seen |= rotation.secrets()
    rotation.variables["rotate_connection"]["api_pasword"] = OPERATOR
    assert rotation.run(extra_vars={"rotate_force": True}, **options).rc == 2
    # A store that is damaged, and one that another password encrypts.
    path = rotation.store / "milvus-1.rekey.txt"
    path.write_bytes(path.read_bytes()[:-100])
    rotation.run(**options)
    rotation.run(**dict(options, vault_password="another"))
    assert len(seen) == 8
    assert not ansible.leaks(seen | secrets())


def test_status_verify_repair_rollback_and_move(ansible, double):
    connection = {"url": "{{ server_url }}", "api_user": "root", "api_password": OPERATOR, "timeout": 5, "retries": 0}
    rotation = Rotation(ansible, {"milvus-1": double}, ["alice", "bob", "carol"], rotate_connection=connection, rotate_rollback=True)
    options = {"verbosity": VERBOSITY, "diff": True, "watch": True}
    by_hand, seen = {"rotate_repair_users": [{"name": "alice", "password": NEW % "alice"}]}, rotation.secrets()

    def run(playbook, rc, **more):
        done = rotation.run("rekey.passwords." + playbook, **dict(options, **more))
        assert done.rc == rc, done.output
        seen.update(rotation.secrets())

    run("rotate", 0)
    # Bob fails, so the others go back; then nobody knows what alice has.
    double.inject("echo", path=UPDATE, user="bob", form="repr", status=400)
    run("rotate", 2, extra_vars={"rotate_force": True})
    double.set_user("alice", NEW % "alice")
    run("status", 0)
    run("verify", 2)
    run("repair", 2)
    run("repair", 2, extra_vars=dict(by_hand, rotate_repair_reset=True, rotate_policy="Operator-S3cr3t-MARKER"))
    run("repair", 2, extra_vars={"rotate_repair_users": [{"name": "alice", "password": NEW % "dave"}]})
    run("repair", 0, extra_vars=by_hand, check=True)
    run("repair", 0, extra_vars=by_hand)
    double.super_users = {"root"}
    double.set_user("alice", old_password("dave"))
    run("repair", 0, extra_vars={"rotate_repair_users": ["alice"], "rotate_repair_reset": True})
    there = {"rotate_to_store": "ansible_vault", "rotate_to_store_path": str(ansible.shared / "new"), "rotate_to_store_create": True}
    run("move_store", 2, extra_vars=dict(there, rotate_to_store_options={"token": "Operator-S3cr3t-MARKER"}))
    run("move_store", 0, extra_vars=there, check=True)
    run("move_store", 0, extra_vars=there)
    path = rotation.store / "milvus-1.rekey.txt"
    path.write_bytes(path.read_bytes()[:-100])
    for playbook in ("status", "verify", "repair", "move_store"):
        assert rotation.run("rekey.passwords." + playbook, **dict(options, extra_vars=there)).rc == 2
    assert len(seen) > 8 and not ansible.leaks(seen | secrets("Operator-S3cr3t-MARKER"))


def test_the_files_of_the_store_are_for_their_owner_alone(ansible, double):
    connection = {"url": "{{ server_url }}", "api_user": "root", "api_password": OPERATOR}
    rotation = Rotation(ansible, {"milvus-1": double}, ["alice"], rotate_connection=connection)
    assert rotation.run().rc == 0
    assert rotation.store.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in rotation.store.iterdir()}
    assert modes == {"milvus-1.rekey.txt": 0o600, ".milvus-1.rekey.txt~lock": 0o600, ".rekey": 0o700}
