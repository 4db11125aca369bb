# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``rotate`` through real Ansible, on doubles of Milvus."""

from __future__ import annotations

import pytest

from tests.doubles.milvus import DESCRIBE, LIST, UPDATE, MilvusDouble
from tests.integration.rotation import REPORT, ROTATE, VAULT_PASSWORD, Rotation, changed, old_password
from tests.vendor_cases import CASES

USERS = ("alice", "bob", "carol")
MOVE = "rekey.passwords.move_store"
LOWER_CASE = {"upper": 0, "digits": 0, "symbols": 0, "exclude": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+=@%"}


@pytest.fixture
def double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


@pytest.fixture
def rotation(ansible, double):
    return Rotation(ansible, {"milvus-1": double}, USERS)


def assert_proved(rotation, double, users=USERS):
    """The store's current password is the one in force, and the old one is the previous."""
    for name in users:
        record = rotation.records()[name]
        assert record["password"] == double.users[name] != old_password(name), name
        assert (record["username"], record["pending"], record["status"], record["verified"]) == (name, None, "current", True)


def test_rotates_all_users_in_one_call_and_then_has_nothing_to_do(rotation, double):
    first = rotation.run()
    assert first.rc == 0, first.output
    assert_proved(rotation, double)
    assert all(record["previous"] == old_password(name) for name, record in rotation.records().items())
    # One listing for all; a normal rotation costs no failed login: the only refused ones have no login at all (is authorization on?).
    assert len(double.calls(LIST)) == 1 and len(double.calls(UPDATE)) == len(USERS)
    assert not double.failed_logins
    assert first.result(REPORT)["msg"] == ["%s (new): rotated, verified by a login" % name for name in USERS]

    requests = len(double.requests)
    second = rotation.run()
    assert (second.rc, changed(second), len(double.requests)) == (0, {"milvus-1": 0}, requests), second.output
    assert not rotation.ansible.leaks(rotation.secrets())


def test_a_password_that_has_come_of_age_is_rotated_and_one_that_has_not_is_left_alone(rotation, double):
    assert rotation.run().rc == 0
    before = {name: record["password"] for name, record in rotation.records().items()}
    assert rotation.run(extra_vars={"rotate_max_age": "1h"}).result(ROTATE)["due"] == []

    again = rotation.run(extra_vars={"rotate_max_age": "0s"})
    assert again.rc == 0 and [user["reason"] for user in again.result(ROTATE)["users"]] == ["expired"] * 3
    assert_proved(rotation, double)
    # The store knew the current passwords; the inventory still tells those of before the first rotation.
    assert {name: record["previous"] for name, record in rotation.records().items()} == before

    forced = rotation.run(extra_vars={"rotate_force": True})
    assert forced.rc == 0 and changed(forced) == {"milvus-1": 1}
    assert_proved(rotation, double)


def test_check_mode_tells_who_would_be_rotated_and_writes_nothing_anywhere(rotation, double):
    double.read_only = True
    run = rotation.run(check=True)
    assert run.rc == 0, run.output
    assert run.result(ROTATE)["due"] == list(USERS)
    assert [user["state"] for user in run.result(ROTATE)["users"]] == ["would_change"] * 3
    assert run.result(REPORT)["msg"] == ["%s (new): would be rotated" % name for name in USERS]
    assert not double.refused_writes and not rotation.store.exists()


def test_check_mode_foretells_an_unknown_user_and_a_wrong_current_password(rotation, double):
    double.remove_user("bob")
    double.set_user("carol", "another one")
    run = rotation.run(check=True)
    assert run.rc == 2
    assert [(user["name"], user["error"] and user["error"]["kind"]) for user in run.result(ROTATE)["users"]] == [
        ("alice", None), ("bob", "user_not_found"), ("carol", "current_password_wrong")]  # fmt: skip
    assert double.writes == 0 and not rotation.store.exists()


def test_a_user_that_fails_holds_up_nobody_and_fails_the_host(rotation, double):
    double.remove_user("bob")
    run = rotation.run()
    assert run.rc == 2
    assert_proved(rotation, double, ("alice", "carol"))
    bob = rotation.records()["bob"]
    assert (bob["password"], bob["last_error"]["kind"], bob["pending"]["replaces"]) == (None, "user_not_found", old_password("bob"))
    assert "bob (new): NOT rotated" in run.result(REPORT)["msg"][1] and run.stats["milvus-1"]["failures"] > 0

    double.set_user("bob", old_password("bob"))
    pending = bob["pending"]["password"]
    second = rotation.run()
    assert second.rc == 0, second.output
    assert second.result(ROTATE)["due"] == ["bob"] and rotation.records()["bob"]["password"] == pending
    assert_proved(rotation, double)


def test_a_refused_password_gives_way_to_a_better_one_in_the_same_run(ansible):
    with MilvusDouble(users={"alice": old_password("alice")}, strict=True) as double:
        rotation = Rotation(ansible, {"milvus-1": double}, ["alice"], rotate_policy={"digits": 0, "symbols": 0})
        run = rotation.run()
        assert run.rc == 0, run.output
        assert_proved(rotation, double, ["alice"])
        assert len(double.calls(UPDATE)) == 2 and not double.failed_logins
        assert any(character.isdigit() for character in double.users["alice"]) and not double.users["alice"].isalnum()


def test_where_not_even_a_better_one_is_taken_the_password_is_dropped_and_the_next_run_makes_another(ansible):
    with MilvusDouble(users={"alice": old_password("alice")}, strict=True) as double:
        # Neither capital letters nor digits nor symbols are left, so that nothing satisfies the server.
        rotation = Rotation(ansible, {"milvus-1": double}, ["alice"], rotate_policy=LOWER_CASE)
        run = rotation.run()
        assert run.rc == 2 and "password_rejected" in run.result(REPORT)["msg"][0]
        record = rotation.records()["alice"]
        assert (record["pending"], record["last_error"]["kind"], double.users["alice"]) == (None, "password_rejected", old_password("alice"))
        assert len(double.calls(UPDATE)) == 2

        rotation.variables["rotate_policy"] = {}
        assert rotation.run().rc == 0
        assert_proved(rotation, double, ["alice"])


def test_all_records_move_to_another_store_and_the_rotation_goes_on_there(rotation, double):
    assert rotation.run().rc == 0
    # Bob is in the middle of a rotation, and dave has a record of his own.
    double.inject("drop", path=UPDATE, user="bob")
    assert rotation.run(extra_vars={"rotate_force": True, "rotate_users": ["bob"]}).rc == 2
    pending = rotation.records()["bob"]["pending"]["password"]
    before = rotation.records()
    there = {"rotate_to_store": "ansible_vault", "rotate_to_store_path": str(rotation.ansible.shared / "new"), "rotate_to_store_create": True}
    assert rotation.run(MOVE, extra_vars=there, check=True).result("Show what was copied")["msg"][0] == "alice: would be copied"
    assert not (rotation.ansible.shared / "new").exists()

    moved = rotation.run(MOVE, extra_vars=there, verbosity=5)
    assert moved.rc == 0, moved.output
    assert moved.result("Show what was copied")["msg"] == ["alice: copied", "bob: copied, with a new password that is pending", "carol: copied"]
    assert all(line.endswith("; logs in") for line in moved.result("Show who can log in")["msg"]) and rotation.records() == before
    assert changed(rotation.run(MOVE, extra_vars=there)) == {"milvus-1": 0}

    old, rotation.store = rotation.store, rotation.ansible.shared / "new"
    assert rotation.records() == before
    rotation.variables["rotate_store_path"] = str(rotation.store)
    run = rotation.run()
    assert run.rc == 0 and run.result(ROTATE)["due"] == ["bob"] and rotation.records()["bob"]["password"] == pending, run.output
    assert_proved(rotation, double)

    # What is there by now is newer, and is not overwritten.
    rotation.variables["rotate_store_path"] = str(old)
    after = rotation.records()
    conflict = rotation.run(MOVE, extra_vars=there)
    assert conflict.rc == 2 and "bob: NOT copied: The other store has another record of bob" in conflict.result("Show what was copied")["msg"][1]
    assert rotation.records() == after
    assert not rotation.ansible.leaks(rotation.secrets())


def test_a_move_logs_in_with_what_the_new_store_holds(rotation, double):
    assert rotation.run().rc == 0
    double.set_user("carol", "somebody has changed it")
    there = {"rotate_to_store": "ansible_vault", "rotate_to_store_path": str(rotation.ansible.shared / "new"), "rotate_to_store_create": True}
    there["rotate_users"] = ["alice", {"name": "bob"}]
    run = rotation.run(MOVE, extra_vars=there)
    assert run.rc == 2, run.output
    told = run.result("rekey.passwords.rotation_info")["users"]
    assert [(user["name"], user["verified"]) for user in told] == [("alice", True), ("bob", True), ("carol", False)]
    assert double.writes == len(USERS)


def test_the_operator_is_changed_last_and_the_store_knows_its_password_from_then_on(rotation, double):
    rotation.variables["rotate_users"].insert(0, "root")
    assert rotation.run().rc == 0
    assert [call.user for call in double.calls(UPDATE)][-1] == "root"
    assert rotation.records()["root"]["password"] == double.users["root"] != "Milvus"
    assert rotation.records()["root"]["previous"] is None or rotation.records()["root"]["previous"] == "Milvus"

    # The inventory still names the first password.
    double.reset()
    run = rotation.run(extra_vars={"rotate_force": True})
    assert run.rc == 0, run.output
    assert not double.failed_logins
    assert_proved(rotation, double)


@pytest.mark.parametrize(
    "case, variables, told",
    [
        ("no such vendor", {"rotate_vendor": "nobody"}, "The vendor nobody does not exist. Choose one of: %s." % ", ".join(CASES)),
        ("misspelt option", {"rotate_connection": {"url": "http://127.0.0.1:1", "api_usr": "root"}}, "api_usr"),
        ("password given", {"rotate_users": [{"name": "alice", "password": old_password("alice")}]}, "users gives a password for alice"),
        ("user twice", {"rotate_users": ["alice", "alice"]}, "users names alice twice"),
        ("no name", {"rotate_users": [{"current_password": old_password("alice")}]}, "Element 1 of users is neither"),
        ("not a list", {"rotate_users": {"alice": old_password("alice")}}, "rotate_users"),
        ("bad age", {"rotate_max_age": "a month"}, "max_age must be a whole number and a unit"),
        ("bad policy", {"rotate_policy": {"length": 8}}, "policy: length must be from 20 to 72 for Milvus."),
        ("unknown policy", {"rotate_policy": {"lenght": 24}}, "lenght"),
        ("no store", {"rotate_store": "cupboard"}, "There is no store cupboard; there are: ansible_vault"),
        ("no path", {"rotate_store_path": ""}, "rotate_store_path"),
    ],
)
def test_a_wrong_variable_is_named_and_nothing_happens(ansible, double, case, variables, told):
    rotation = Rotation(ansible, {"milvus-1": double}, USERS, **variables)
    run = rotation.run()
    assert run.rc == 2, case
    assert told in run.output and "Traceback" not in run.output and "please report it" not in run.output, run.output
    assert double.writes == 0
    assert not run.leaks(rotation.secrets())


def test_without_a_vault_password_nothing_is_changed(rotation, double):
    run = rotation.run(vault_password=None)
    assert run.rc == 2 and "needs the play's vault password" in run.result(ROTATE)["msg"]
    assert not double.requests and not rotation.store.exists()


def test_another_vault_password_is_an_error_and_not_a_fresh_start(rotation, double):
    assert rotation.run().rc == 0
    path = rotation.store / "milvus-1.rekey.txt"
    before = path.read_bytes()
    requests = len(double.requests)
    run = rotation.run(vault_password="another", extra_vars={"rotate_force": True})
    assert run.rc == 2 and "cannot be decrypted" in run.result(ROTATE)["msg"]
    assert path.read_bytes() == before and len(double.requests) == requests


def test_what_no_login_can_prove_does_not_become_current(rotation, double):
    double.authorization = False
    run = rotation.run()
    assert run.rc == 2 and "Authorization is switched off" in run.output
    for name, record in rotation.records().items():
        assert record["password"] is None and record["pending"]["password"] == double.users[name]
        assert record["pending"]["replaces"] == old_password(name) and record["last_error"]["kind"] == "not_verified"


def test_the_vendors_word_counts_if_the_user_says_so(rotation, double):
    double.authorization = False
    run = rotation.run(extra_vars={"rotate_accept_unverified": True})
    assert run.rc == 0, run.output
    found = {name: (record["password"], record["verified"]) for name, record in rotation.records().items()}
    assert found == {name: (double.users[name], False) for name in USERS}
    assert run.result(REPORT)["msg"][0] == "alice (new): rotated, NOT verified by a login"


def test_a_refused_operator_is_tried_once(rotation, double):
    double.set_user("root", "another one")
    run = rotation.run()
    assert run.rc == 2 and run.result(ROTATE)["error"]["kind"] == "authentication_failed"
    assert double.failed_logins == {"root": 1} and double.writes == 0
    assert all(record["last_error"]["kind"] == "authentication_failed" and record["pending"] for record in rotation.records().values())


def test_the_first_host_is_the_canary(ansible):
    with MilvusDouble(users={"alice": "not what the inventory says"}) as bad, MilvusDouble(users={"alice": old_password("alice")}) as good:
        rotation = Rotation(ansible, {"milvus-1": bad, "milvus-2": good}, ["alice"])
        assert rotation.run().rc == 2
        assert not good.requests and rotation.records("milvus-2") == {}

        run = rotation.run(extra_vars={"rotate_serial": "100%", "rotate_max_fail_percentage": 50})
        assert run.rc == 2 and run.stats["milvus-2"]["failures"] == 0
        assert rotation.records("milvus-2")["alice"]["password"] == good.users["alice"]


def test_any_play_reads_the_current_password(rotation, double):
    assert rotation.run().rc == 0
    play = {
        "hosts": "all", "connection": "local", "gather_facts": False,
        # As in an inventory: a template, which the lookup has to resolve.
        "vars": {"store_folder": str(rotation.store), "rotate_store_path": "{{ store_folder }}"},
        "tasks": [
            {"name": "Log in", "rekey.passwords.milvus_user_password": {
                "url": double.url, "name": "alice", "current_password": "{{ lookup('rekey.passwords.secret', 'alice') }}",
                "password": "{{ lookup('rekey.passwords.secret', 'alice', host='milvus-1') }}"}},
            {"name": "Default", "ansible.builtin.assert": {"that": [
                "lookup('rekey.passwords.secret', 'nobody', default='none') == 'none'",
                "query('rekey.passwords.secret', 'alice', 'bob', 'carol') | length == 3"]}},
            {"name": "Missing", "ansible.builtin.set_fact": {"secret": "{{ lookup('rekey.passwords.secret', 'nobody') }}"}, "ignore_errors": True},
        ],
    }  # fmt: skip
    run = rotation.run([play])
    assert run.rc == 0, run.output
    assert run.result("Log in")["users"][0]["state"] == "unchanged" and run.result("Default").status == "ok"
    assert "the store has no current password of nobody on milvus-1" in run.output
    assert not rotation.ansible.leaks(rotation.secrets())


def test_vault_passwords_with_names_and_inline_vaulted_values(ansible, double):
    from ansible.parsing.vault import VaultLib, VaultSecret  # pylint: disable=import-outside-toplevel

    vaulted = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))]).encrypt(old_password("alice")).decode()
    inventory = ansible.inputs / "vaulted.yml"
    indented = "".join("              %s\n" % line for line in vaulted.splitlines())
    inventory.write_text(
        "all:\n  hosts:\n    milvus-1:\n      rotate_vendor: milvus\n      rotate_store_path: %s\n      rotate_store_create: true\n"
        "      rotate_connection: {url: '%s', api_user: root, api_password: Milvus}\n"
        "      rotate_users:\n        - name: alice\n          current_password: !vault |\n%s" % (ansible.shared / "store", double.url, indented),
        encoding="utf-8",
    )  # fmt: skip
    run = ansible.playbook("rekey.passwords.rotate", inventory=str(inventory), vault_password=VAULT_PASSWORD)
    assert run.rc == 0, run.output
    assert double.users["alice"] != old_password("alice")


def test_where_the_task_runs_elsewhere_the_module_is_shipped(rotation, double):
    (rotation.ansible.inputs / "elsewhere").mkdir()
    # A connection that is local in all but its name, so that Ansible copies the module as it would to another machine.
    (rotation.ansible.inputs / "elsewhere" / "elsewhere.py").write_text(
        "DOCUMENTATION = 'name: elsewhere\\nshort_description: test\\ndescription: test\\nauthor: test\\noptions: {}'\n"
        "from ansible.plugins.connection.local import Connection as Local\n\n\n"
        "class Connection(Local):\n    transport = 'elsewhere'\n", encoding="utf-8"
    )  # fmt: skip
    play = {"hosts": "all", "connection": "elsewhere", "gather_facts": False, "roles": ["rekey.passwords.rotate"]}
    environment = {"ANSIBLE_CONNECTION_PLUGINS": str(rotation.ansible.inputs / "elsewhere"), "ANSIBLE_TRANSPORT": "elsewhere"}
    run = rotation.run([play], env=environment, verbosity=5)
    assert run.rc == 0, run.output
    assert "AnsiballZ_milvus_user_password" in run.output, "the module was not shipped"
    assert_proved(rotation, double)
    assert not run.leaks(rotation.secrets())
    assert rotation.run([play], env=environment).result(ROTATE).status == "ok"


def test_logins_of_the_proof_are_made_as_the_users_themselves(rotation, double):
    assert rotation.run().rc == 0
    proofs = [call for call in double.calls(DESCRIBE) if call.authenticated_as]
    assert sorted(call.authenticated_as for call in proofs) == sorted(USERS)
