# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A newcomer's first week: the shipped playbooks and the role, where inventory and variables are not as they should be."""

from __future__ import annotations

import contextlib
import json

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.doubles.milvus import UPDATE, MilvusDouble
from tests.integration.rotation import PLAYBOOK, REPORT, ROTATE, STEP_BY_STEP, VAULT_PASSWORD, Rotation, changed, old_password

PLAYBOOKS = ("rotate", "status", "verify", "repair", "move_store", "retire")
ROLE = [{"hosts": "all", "connection": "local", "gather_facts": False, "tasks": [{"ansible.builtin.include_role": {"name": "rekey.passwords.rotate"}}]}]
SECRET = "S3cr3t-MARKER-given"
TEMPLATE = "S3cr3t-MARKER-template"


@contextlib.contextmanager
def doubles(number, users=("alice",)):
    """As many servers as hosts, milvus-1 and so on."""
    with contextlib.ExitStack() as stack:
        yield {
            "milvus-%d" % index: stack.enter_context(MilvusDouble(users={name: old_password(name) for name in users})) for index in range(1, number + 1)
        }  # fmt: skip


@pytest.fixture
def one(ansible):
    with doubles(1) as servers:
        rotation = Rotation(ansible, servers, ["alice"])
        rotation.servers = servers
        yield rotation


def untouched(servers):
    """The names of the hosts to whose servers nothing was sent."""
    return [name for name, server in servers.items() if not server.requests]


# --- 41: what cannot be resolved or validated shows no secret -----------------------------------------------------------------------------------------------

FAILING = {
    "lookup": "{{ lookup('rekey.passwords.secret', 'nobody') }}",
    "undefined": "{{ nobody_knows + '%s' }}" % TEMPLATE,
    "filter": "{{ '%s' | no_such_filter }}" % TEMPLATE,
    "value": "{{ '%s' | from_json }}" % TEMPLATE,
}
VARIABLES = (
    "rotate_vendor", "rotate_users", "rotate_connection", "rotate_store", "rotate_store_path", "rotate_store_options", "rotate_max_age", "rotate_force",
    "rotate_policy", "rotate_accept_unverified", "rotate_max_attempts", "rotate_rollback", "rotate_verify_after", "rotate_target", "rotate_store_create",
    "rotate_change_tasks",
)  # fmt: skip


def given(folder, name, variables, how):
    """Write variables that hold secrets as a user does, and return the options of the run.

    Each variable stands on lines of its own, with the secret just above the one that fails, where an excerpt of the file would show it.
    """
    text = json.dumps({"rotate_users": [{"name": "alice", "current_password": SECRET}], **variables}, indent=1)
    if how == "extra":
        (folder / "extra.json").write_text(text, encoding="utf-8")
        return {"args": ["-e", "@%s" % (folder / "extra.json")]}
    if how == "encrypted":
        text = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))]).encrypt(text).decode()
    (folder / "host_vars").mkdir(exist_ok=True)
    (folder / "host_vars" / (name + ".yml")).write_text(text, encoding="utf-8")
    return {}


def inventory_of(ansible, rotation):
    """A file, so that host_vars beside it count."""
    path = ansible.inputs / "hosts.json"
    variables = {name: value for name, value in rotation.variables.items() if name not in ("rotate_users", "rotate_connection")}
    path.write_text(json.dumps({"all": {"hosts": rotation.hosts, "vars": variables}}), encoding="utf-8")
    return str(path)


@pytest.mark.secrets
@pytest.mark.parametrize("how", ("plain", "encrypted", "extra"))
@pytest.mark.parametrize("failing", FAILING)
def test_edge_41_a_template_that_fails_shows_no_secret(ansible, one, failing, how):
    connection = {"url": "{{ server_url }}", "api_user": "root", "api_password": FAILING[failing]}
    options = given(ansible.inputs, "milvus-1", {"rotate_connection": connection}, how)
    for plays in (ROLE, PLAYBOOK, "rekey.passwords.verify"):
        run = ansible.playbook(plays, inventory=inventory_of(ansible, one), vault_password=VAULT_PASSWORD, verbosity=4, **options)
        assert run.rc == 2 and "rotate_connection" in run.output, run.output
        assert not run.leaks([SECRET, TEMPLATE]) and SECRET not in run.output, run.output
    assert untouched(one.servers) == ["milvus-1"]


@pytest.mark.secrets
@pytest.mark.slow
@pytest.mark.parametrize("variable", VARIABLES)
def test_edge_41_whichever_variable_it_is(ansible, one, variable):
    variables = {"rotate_connection": {"url": "{{ server_url }}", "api_user": "root", "api_password": SECRET}, variable: FAILING["filter"]}
    options = given(ansible.inputs, "milvus-1", variables, "extra")
    for plays in (ROLE, PLAYBOOK):
        run = ansible.playbook(plays, inventory=inventory_of(ansible, one), vault_password=VAULT_PASSWORD, verbosity=4, **options)
        assert run.rc == 2 and variable in run.output, run.output
        assert not run.leaks([SECRET, TEMPLATE]), run.output


@pytest.mark.secrets
@pytest.mark.parametrize(
    "variables",
    [
        {"rotate_force": SECRET},
        {"rotate_max_attempts": SECRET},
        {"rotate_policy": {"length": SECRET}},
        {"rotate_policy": SECRET},
        {"rotate_rollback": [SECRET]},
        {"rotate_accept_unverified": SECRET},
        {"rotate_store_options": SECRET},
        {"rotate_connection": SECRET},
        {"rotate_users": {"alice": SECRET}},
        {"rotate_users": [[SECRET]]},
    ],
)
def test_edge_41_a_secret_at_a_wrong_place_is_not_repeated(ansible, one, variables):
    options = given(ansible.inputs, "milvus-1", {"rotate_connection": {"url": "{{ server_url }}"}, **variables}, "encrypted")
    for plays in (ROLE, PLAYBOOK):
        run = ansible.playbook(plays, inventory=inventory_of(ansible, one), vault_password=VAULT_PASSWORD, verbosity=4, **options)
        assert run.rc == 2 and "please report it" not in run.output, run.output
        assert not run.leaks([SECRET]), run.output


# --- 58: variables that nobody knows -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plays", [ROLE, *("rekey.passwords." + name for name in PLAYBOOKS)], ids=("role", *PLAYBOOKS))
def test_edge_58_a_misspelt_variable_is_refused(one, plays):
    run = one.run(plays, extra_vars={"rotate_forse": True, "rotate_to_store": "ansible_vault"})
    assert run.rc == 2 and "rotate_forse (did you mean rotate_force?)" in run.output, run.output
    assert not next(iter(one.servers.values())).requests and not one.store.exists()


def test_edge_58_in_the_inventory_it_is_refused_for_its_host(ansible):
    with doubles(2) as servers:
        rotation = Rotation(ansible, servers, ["alice"])
        rotation.hosts["milvus-2"]["rotate_onyl"] = ["bob"]
        run = rotation.run()
        assert run.rc == 2 and "Unknown variable: rotate_onyl" in run.output
        assert untouched(servers) == ["milvus-2"] and rotation.records("milvus-1")["alice"]["password"] == servers["milvus-1"].users["alice"]


def test_edge_58_variables_of_ones_own_may_begin_with_rotate_my(one):
    assert one.run(extra_vars={"rotate_my_list": [1], "rotates": 1}).rc == 0


# --- 54, 55, 64: one bad host ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", (1, 2, 4))
def test_edge_54_one_bad_name_keeps_nobody_from_being_rotated(ansible, bad):
    with doubles(5) as servers:
        rotation = Rotation(ansible, servers, ["alice"])
        name = "milvus-%d" % bad
        rotation.hosts[name]["rotate_users"] = ["nobody"]
        run = rotation.run()
        assert run.rc == 2 and "1 of 5 hosts failed: %s" % name in run.output, run.output
        assert [host for host, counts in run.stats.items() if counts["failures"]] == [name]
        good = [host for host in servers if host != name]
        assert [rotation.records(host)["alice"]["password"] for host in good] == [servers[host].users["alice"] for host in good]
        assert "were not reached" not in run.output


def test_edge_54_what_is_wrong_everywhere_ends_the_run_early_and_names_the_others(ansible):
    with doubles(6) as servers:
        for server in servers.values():
            server.set_user("root", "another one")
        run = Rotation(ansible, servers, ["alice"]).run()
        assert run.rc == 2 and "2 of 6 hosts failed: milvus-1, milvus-2" in run.output, run.output
        assert "4 of 6 hosts were not reached: milvus-3, milvus-4, milvus-5, milvus-6" in run.output
        assert untouched(servers) == ["milvus-3", "milvus-4", "milvus-5", "milvus-6"]


def test_edge_55_who_shares_a_batch_with_wrong_arguments_is_rotated(ansible):
    with doubles(3) as servers:
        rotation = Rotation(ansible, servers, ["alice"])
        rotation.hosts["milvus-2"]["rotate_max_age"] = "a month"
        run = rotation.run(extra_vars={"rotate_serial": "100%"})
        assert run.rc == 2 and "1 of 3 hosts failed: milvus-2" in run.output, run.output
        assert untouched(servers) == ["milvus-2"]
        assert [run.stats[host]["failures"] for host in sorted(servers)] == [0, 1, 0]


@pytest.mark.parametrize("plays", [ROLE, PLAYBOOK], ids=("role", "playbook"))
def test_edge_64_a_host_with_a_rotated_and_a_failed_user_is_changed_and_says_so_once(ansible, plays):
    with doubles(1, ("alice", "bob")) as servers:
        servers["milvus-1"].remove_user("bob")
        rotation = Rotation(ansible, servers, ["alice", "bob"])
        run = rotation.run(plays)
        assert run.rc == 2 and changed(run) == {"milvus-1": 1} and run.stats["milvus-1"]["failures"] == 1, run.output
        reason = run.result(ROTATE)["users"][1]["error"]["message"]
        assert run.output.count(reason) == 1 and run.output.count("(user_not_found)") == 1, run.output
        assert reason in run.result(REPORT)["msg"][1]


# --- 56, 57: which hosts --------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", PLAYBOOKS)
def test_edge_56_hosts_without_a_vendor_are_left_alone(ansible, book):
    with doubles(2) as servers:
        rotation = Rotation(ansible, servers, ["alice"])
        inventory = {"all": {"children": {
            "web": {"hosts": {"a-web-1": {"ansible_host": "192.0.2.1"}, "a-web-2": {"rotate_vendor": None}, "z-web": {}}},
            "milvus": {"hosts": rotation.hosts, "vars": rotation.variables}}}}  # fmt: skip
        assert ansible.playbook(PLAYBOOK, inventory=inventory, vault_password=VAULT_PASSWORD).rc == 0
        extra = {"rotate_to_store": "ansible_vault", "rotate_to_store_path": str(ansible.shared / "new"), "rotate_to_store_create": True}
        run = ansible.playbook("rekey.passwords." + book, inventory=inventory, vault_password=VAULT_PASSWORD, extra_vars=extra)
        assert run.rc == 0, run.output
        assert not [host for host, counts in run.stats.items() if "web" in host and (counts["failures"] or counts["changed"])]
        assert {host.host for host in run.results if "web" not in host.host and host.host != "localhost"} == set(servers)


@pytest.mark.parametrize("book", PLAYBOOKS)
@pytest.mark.parametrize(
    "case, said",
    [
        ({"extra_vars": {"rotate_hosts": "milvuss"}}, "no host of the inventory matches milvuss"),
        ({"extra_vars": {"rotate_hosts": "milvus-1"}, "limit": "other"}, "rotate_hosts and --limit have none in common"),
        ({"limit": "other"}, "has the variable rotate_vendor"),
        ({"inventory": {"all": {"hosts": {}}}}, "The inventory has no hosts"),
    ],
    ids=("misspelt", "limited", "without", "empty"),
)
def test_edge_57_no_host_is_a_failure(one, book, case, said):
    one.hosts["other"] = {"rotate_vendor": ""}
    options = {"extra_vars": {"rotate_to_store": "ansible_vault"}}
    run = one.run("rekey.passwords." + book, **{**options, **case})
    assert run.rc == 2 and said in run.output, run.output


# --- 11: become -------------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plays", [ROLE, PLAYBOOK, "rekey.passwords.status", "rekey.passwords.verify"], ids=("role", "rotate", "status", "verify"))
def test_edge_11_become_in_the_configuration_does_not_concern_the_rotation(one, plays):
    assert one.run().rc == 0
    # A program that refuses everybody.
    run = one.run(plays, env={"ANSIBLE_BECOME": "true", "ANSIBLE_BECOME_EXE": "/bin/false"}, extra_vars={"rotate_force": True})
    assert run.rc == 0, run.output


# --- 60: a password that was changed by hand -----------------------------------------------------------------------------------------------------------------


def test_edge_60_the_nightly_run_finds_a_password_that_was_changed_by_hand(ansible):
    with doubles(2, ("alice", "bob")) as servers:
        rotation = Rotation(ansible, servers, ["alice", "bob"])
        assert rotation.run().rc == 0
        servers["milvus-1"].set_user("alice", "By-hand-S3cr3t-MARKER-1")
        run = rotation.run(extra_vars={"rotate_verify_after": "0s"})
        assert run.rc == 2 and "1 of 2 hosts failed: milvus-1" in run.output, run.output
        (line,) = [line for line in run.result(REPORT, "milvus-1")["msg"] if line.startswith("alice")]
        assert "DOES NOT LOG IN" in line and "playbook repair" in line and "(current_password_wrong)" in line
        assert [line.endswith("; logs in") for line in run.result(REPORT, "milvus-2")["msg"]] == [True, True]
        assert servers["milvus-1"].failed_logins == {"alice": 1} and changed(run) == {"milvus-1": 0, "milvus-2": 0}
        assert not run.leaks([*rotation.secrets(), "By-hand-S3cr3t-MARKER-1"])


def test_edge_60_a_password_that_was_proved_a_moment_ago_costs_no_login(one):
    assert one.run().rc == 0
    requests = len(one.servers["milvus-1"].requests)
    assert one.run().rc == 0 and len(one.servers["milvus-1"].requests) == requests


# --- 57: what status takes for a failure ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fail_on, rc", [("", 0), ("orphaned,absent", 0), ("pending", 2), ("overdue, error", 2), (" , absent,", 0), ("nonsense", 2)])
def test_edge_57_status_fails_on_what_it_is_asked_to(ansible, fail_on, rc):
    with doubles(1, ("alice", "bob")) as servers:
        servers["milvus-1"].remove_user("bob")
        rotation = Rotation(ansible, servers, ["alice", "bob"])
        assert rotation.run().rc == 2
        run = rotation.run("rekey.passwords.status", extra_vars={"rotate_status_fail_on": fail_on} if fail_on else {})
        assert run.rc == rc, run.output
        assert run.output.count("User bob does not exist") == (fail_on != "nonsense")
        assert ("1 of 2 users" in run.output) == (rc == 2 and fail_on != "nonsense"), run.output


# --- 59: a user that has left the inventory -------------------------------------------------------------------------------------------------------------------


def test_edge_59_a_user_that_has_left_the_inventory_is_reported_and_retired_on_purpose(ansible):
    with doubles(1, ("alice", "bob")) as servers:
        rotation = Rotation(ansible, servers, ["alice", "bob"])
        assert rotation.run().rc == 0
        password = rotation.records()["bob"]["password"]
        rotation.variables["rotate_users"] = [user for user in rotation.variables["rotate_users"] if user["name"] == "alice"]
        status = rotation.run("rekey.passwords.status")
        assert status.rc == 0 and "bob: NOT among the users any more" in status.output, status.output
        assert rotation.run("rekey.passwords.status", extra_vars={"rotate_status_fail_on": ["unlisted"]}).rc == 2

        check = rotation.run("rekey.passwords.retire", check=True)
        assert check.rc == 0 and "bob: would be retired" in check.output and rotation.records()["bob"]["password"] == password, check.output
        run = rotation.run("rekey.passwords.retire")
        assert run.rc == 0 and changed(run) == {"milvus-1": 1}, run.output
        (copy,) = [path.name.removesuffix(".rekey.txt") for path in rotation.store.glob("milvus-1.retired-*.rekey.txt")]
        assert rotation.records(copy)["bob"]["password"] == password == servers["milvus-1"].users["bob"]
        assert rotation.records()["bob"]["password"] is None and rotation.records()["alice"]["password"] == servers["milvus-1"].users["alice"]
        again = rotation.run("rekey.passwords.retire")
        assert again.rc == 0 and changed(again) == {"milvus-1": 0}, again.output
        assert "bob" not in rotation.run("rekey.passwords.status").output
        assert not rotation.ansible.leaks({*rotation.secrets(), password})


@pytest.mark.parametrize("variables", [{}, STEP_BY_STEP], ids=("in one task", "step by step"))
def test_edge_51_a_run_names_and_warns_of_a_user_that_left_the_inventory_while_pending(ansible, variables):
    with doubles(1, ("alice", "bob")) as servers:
        rotation = Rotation(ansible, servers, ["alice", "bob"])
        servers["milvus-1"].inject("answer", path=UPDATE, user="bob", status=500, body={"code": 65535, "message": "internal"}, times=None)
        failed = rotation.run()
        assert failed.rc == 2 and rotation.records()["bob"]["pending"]["sent"] == 1, failed.output
        before = rotation.records()["bob"]
        rotation.variables["rotate_users"] = [user for user in rotation.variables["rotate_users"] if user["name"] == "alice"]
        run = rotation.run(extra_vars={"rotate_force": True, **variables})
        assert run.rc == 0 and rotation.records()["bob"] == before, run.output
        assert "bob: NOT among the users any more, and its new password, pending since" in run.output and "[WARNING]: milvus-1: bob" in run.output
        assert not run.leaks(rotation.secrets())


@pytest.mark.parametrize("named, retired", [(["bob"], {"bob"}), (["nobody"], set()), (["alice"], set())])
def test_edge_59_only_users_that_have_left_are_retired_and_of_these_the_named_ones(ansible, named, retired):
    users = ("alice", "bob", "carol")
    with doubles(1, users) as servers:
        rotation = Rotation(ansible, servers, users)
        assert rotation.run().rc == 0
        rotation.variables["rotate_users"] = ["alice"]
        run = rotation.run("rekey.passwords.retire", extra_vars={"rotate_retire_users": named})
        assert run.rc == (0 if retired else 2), run.output
        assert {name for name, record in rotation.records().items() if record["password"] is None} == retired


# --- 2: one host, several endpoints ---------------------------------------------------------------------------------------------------------------------------


def test_edge_2_a_loop_over_clusters_on_localhost(ansible):
    with doubles(2, ("alice",)) as servers:
        store = str(ansible.shared / "store")
        play = {
            "hosts": "localhost", "gather_facts": False,
            "vars": {
                "rotate_vendor": "milvus", "rotate_store_path": store, "rotate_store_create": True,
                "clusters": [{"name": name, "url": server.url} for name, server in servers.items()],
                "first": {"root": "Milvus", "alice": old_password("alice")},
            },
            "tasks": [{
                "name": "Rotate a cluster",
                "ansible.builtin.include_role": {"name": "rekey.passwords.rotate"},
                "vars": {
                    "rotate_target": "{{ cluster.name }}",
                    "rotate_connection": {
                        "url": "{{ cluster.url }}", "api_user": "root",
                        "api_password": "{{ lookup('rekey.passwords.secret', 'root', target=cluster.name, default=first.root) }}",
                    },
                    "rotate_users": ["root", {"name": "alice", "current_password": "{{ first.alice }}"}],
                },
                "loop": "{{ clusters }}",
                "loop_control": {"loop_var": "cluster", "label": "{{ cluster.name }}"},
            }, {
                "name": "Compare",
                "ansible.builtin.assert": {"that": [
                    "lookup('rekey.passwords.secret', 'alice', target='milvus-1') != lookup('rekey.passwords.secret', 'alice', target='milvus-2')"]},
            }],
        }  # fmt: skip
        rotation = Rotation(ansible, servers, ["alice", "root"])
        for number in range(2):
            run = ansible.playbook([play], vault_password=VAULT_PASSWORD, extra_vars={"rotate_force": bool(number)})
            assert run.rc == 0, run.output
            for name, server in servers.items():
                assert {user: record["password"] for user, record in rotation.records(name).items()} == {user: server.users[user] for user in ("root", "alice")}
        assert not ansible.leaks(rotation.secrets())


def test_edge_2_without_names_of_their_own_nothing_is_sent_to_the_second_cluster(ansible):
    with doubles(2, ("alice",)) as servers:
        for server in servers.values():
            rotation = Rotation(ansible, {"localhost": server}, ["alice"])
            run = rotation.run(ROLE)
        assert run.rc == 2 and "target_mismatch" in run.output and "rotate_target" in run.output, run.output
        assert servers["milvus-2"].users["alice"] == old_password("alice")
        assert rotation.records("localhost")["alice"]["password"] == servers["milvus-1"].users["alice"]
