# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook awx_setup with the real modules of awx.awx, against a double of AWX's API."""

from __future__ import annotations

import copy
import json
import pathlib

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils._awx import kinds

from tests.doubles.controller import Controller
from tests.integration.awx_setup import AUDITOR, MILVUS, PASSWORD, PLAYBOOK, SECRETS, TASK, TOKEN, environment
from tests.tools import awx

pytestmark = pytest.mark.real

DATA = awx.objects(pathlib.Path(__file__).resolve().parents[2])
KINDS = {kind.variable: kind.endpoint for kind in kinds.KINDS if kind.module != "credential"}
NUMBER = sum(len(DATA[variable]) for variable in KINDS)
MAIL = "Passwords by e-mail"
MODULES = [kind.module for kind in kinds.KINDS]


@pytest.fixture
def ready(awx_api, everything):
    """An AWX in which everything is set up."""
    awx_api.store = copy.deepcopy(everything[2])
    return awx_api


@pytest.fixture
def setup(ansible, awx_api, awx_collections):
    """Runs the playbook."""

    def run(variables=None, env=None, **options):
        surroundings = {**environment(awx_api, awx_collections), **(env or {})}
        surroundings = {name: value for name, value in surroundings.items() if value is not None}
        return ansible.playbook(PLAYBOOK, extra_vars={"rekey_awx_credentials": [MILVUS], **(variables or {})}, env=surroundings, **options)

    yield run
    assert not ansible.leaks(SECRETS)


def done(run):
    """How many objects the run created, updated, removed and left."""
    result = run.result(TASK)
    return {name: len(result[name]) for name in ("created", "updated", "removed", "left")}


def counts(**some):
    return {"created": 0, "updated": 0, "removed": 0, "left": 0, **some}


def state(double):
    """Everything that AWX has, but for its ids and times."""
    endpoints = [*KINDS.values(), "credentials", "workflow_job_template_nodes", "workflow_approval_templates", "organizations"]
    return {endpoint: sorted(map(_lasting, double.objects(endpoint))) for endpoint in endpoints}


def _lasting(one):
    volatile = ("created", "modified", "id", "url", "related", "last_updated")
    # An update completes the messages with events that have none.
    messages = {event: text for event, text in (one.get("messages") or {}).items() if text}
    return json.dumps({**{key: value for key, value in one.items() if key not in volatile}, "messages": messages}, sort_keys=True)


def test_one_run_sets_up_an_empty_controller(everything):
    run, leaked, store = everything
    assert run.rc == 0 and not leaked, run.output
    assert done(run) == counts(created=NUMBER + 1)
    with Controller(token=TOKEN) as double:
        double.store = store
        for variable, endpoint in KINDS.items():
            for described in awx.rendered(DATA[variable]):
                assert double.find(endpoint, described["name"]), described["name"]
        template = double.find("job_templates", "Rotate passwords")
        assert [question["variable"] for question in template["survey_spec"]["spec"]] == ["rotate_hosts", "rotate_only", "rotate_force", "rotate_reason"]
        assert template["credentials"] == [double.find("credentials", MILVUS)["id"]]
        nodes = {node["identifier"]: node for node in double.objects("workflow_job_template_nodes")}
        chain = ["verify-before", "approve", "rotate", "verify-after"]
        assert [nodes[name]["success_nodes"] for name in chain] == [[nodes[name]["id"]] for name in chain[1:]] + [[]]
    assert "Created: job template Rotate passwords" in run.output


def test_the_second_run_changes_nothing(setup, ready):
    before = state(ready)
    run = setup()
    assert run.rc == 0 and run.stats["localhost"]["changed"] == 0 and ready.writes == 0, run.output
    assert done(run) == counts() and "AWX has everything as described" in run.output
    assert state(ready) == before


def test_check_mode_writes_nothing_and_shows_everything(setup, awx_api):
    run = setup(check=True, diff=True)
    assert run.rc == 0 and awx_api.writes == 0, run.output
    assert done(run) == counts(created=NUMBER + 1)
    assert "To create: schedule Rotate passwords every night" in run.output and '+    "rrule": ' in run.output


def test_a_prefix_and_names_of_ones_own(setup, awx_api):
    organization = awx_api.create("organizations", name="Team A")
    awx_api.create("inventories", name="All machines", organization=organization["id"])
    variables = {
        "rekey_awx_prefix": "A: ",
        "rekey_awx_organization": "Team A",
        "rekey_awx_inventory": "All machines",
        "rekey_awx_leave_out": ["inventory", "credential_type", "credential", "A: Passwords in Slack", "A: Passwords by webhook"],
    }
    run = setup({**variables, "rekey_awx_credentials": []})
    assert run.rc == 0, run.output
    assert awx_api.find("job_templates", "A: Rotate passwords")["organization"] == organization["id"]
    assert awx_api.find("inventories", "All machines")["description"] == "" and not awx_api.find("inventories", "A: Endpoints")
    assert [each["name"] for each in awx_api.objects("notification_templates")] == ["A: Passwords by e-mail"]
    assert done(setup({**variables, "rekey_awx_credentials": []})) == counts()


CHANGES = {
    "a number": ("job_templates", "Rotate passwords", {"timeout": 60}),
    "a switch": ("job_templates", "Verify passwords", {"ask_limit_on_launch": False}),
    "a description": ("job_templates", "Rotate passwords", {"description": "by hand"}),
    "a playbook": ("job_templates", "Status of passwords", {"playbook": "playbooks/verify.yml"}),
    "a survey": ("job_templates", "Rotate passwords", {"survey_spec": {"name": "", "description": "", "spec": []}}),
    "a rule": ("schedules", "Rotate passwords every night", {"rrule": "DTSTART;TZID=UTC:20260101T030000 RRULE:FREQ=DAILY;INTERVAL=1"}),
    "answers": ("schedules", "Rotate passwords every night", {"extra_data": {"rotate_hosts": "one", "rotate_force": "no"}}),
    "a schedule that is off": ("schedules", "Verify passwords every week", {"enabled": False}),
    "a branch": ("projects", "rekey.passwords", {"scm_branch": "mine"}),
    "an image": ("execution_environments", "rekey.passwords", {"image": "registry.example.com/another:1"}),
    "a variable": ("credential_types", MILVUS, {"injectors": {"env": {"MILVUS_URL": "{{ url }}"}}}),
    "a server": ("notification_templates", "Passwords by e-mail", {"notification_configuration": {"host": "another.example.com"}}),
    "a workflow's switch": ("workflow_job_templates", "Rotate passwords with approval", {"allow_simultaneous": True}),
}  # fmt: skip


def test_what_was_changed_by_hand_is_set_right(setup, ready):
    before = state(ready)
    for endpoint, name, change in CHANGES.values():
        for option, value in change.items():
            old = ready.find(endpoint, name)[option]
            ready.change(endpoint, name, **{option: {**old, **value} if option == "notification_configuration" else value})
    assert state(ready) != before
    look = setup(check=True, diff=True)
    assert look.rc == 0 and ready.writes == 0, look.output
    run = setup()
    changed = {(endpoint, name) for endpoint, name, _change in CHANGES.values()}
    assert run.rc == 0 and done(run) == done(look) == counts(updated=len(changed)), run.output
    assert state(ready) == before
    assert done(setup()) == counts()


def test_nodes_of_the_workflow_that_were_changed_by_hand_are_set_right(setup, ready):
    before = state(ready)
    workflow = ready.find("workflow_job_templates", "Rotate passwords with approval")
    template = ready.find("job_templates", "Status of passwords")
    ready.create("workflow_job_template_nodes", identifier="mine", workflow_job_template=workflow["id"], unified_job_template=template["id"])
    assert done(setup()) == counts(updated=1)
    names = {node["identifier"] for node in ready.objects("workflow_job_template_nodes")}
    assert names == {"verify-before", "approve", "rotate", "verify-after"} and state(ready).keys() == before.keys()
    assert done(setup()) == counts()


@pytest.mark.parametrize(
    "endpoint, name, created, updated",
    [
        # With a template go its schedules, and the workflow's nodes are empty.
        ("job_templates", "Verify passwords", 2, 1),
        ("projects", "rekey.passwords", 1, 5),
        ("schedules", "Rotate passwords every night", 1, 0),
        ("inventories", "Endpoints", 1, 5),
        ("credentials", MILVUS, 1, 5),
    ],
)
def test_what_was_removed_comes_back(setup, ready, endpoint, name, created, updated):
    ready.remove(endpoint, name)
    run = setup()
    assert run.rc == 0 and done(run) == counts(created=created, updated=updated), run.output
    assert ready.find(endpoint, name)
    assert done(setup()) == counts()


def test_a_credential_that_was_filled_in_stays_as_it_is(setup, ready):
    ready.change("credentials", MILVUS, inputs={"api_user": "root", "api_password": "MARKER-password-of-root"})
    run = setup(verbosity=3)
    assert done(run) == counts() and ready.writes == 0, run.output
    assert ready.find("credentials", MILVUS)["inputs"]["api_password"] == "MARKER-password-of-root" and not run.leaks(["MARKER-password-of-root"])


def test_a_credential_type_in_use_that_differs_is_left_with_a_word(setup, ready):
    inputs = ready.find("credential_types", MILVUS)["inputs"]
    ready.change("credential_types", MILVUS, inputs={**inputs, "fields": inputs["fields"][:-1]})
    run = setup()
    assert run.rc == 0 and done(run) == counts(left=1) and ready.writes == 0, run.output
    assert "credential type Milvus operator differs in its fields" in run.output


def configuration(double, name):
    return double.find("notification_templates", name)["notification_configuration"]


def test_secrets_of_notifications_are_set_once_and_never_shown(setup, awx_api, ansible):
    first, other, slack = "MARKER-password-of-the-mail-server", "MARKER-another-password-of-it", "MARKER-token-of-slack"
    variables = {
        "rekey_awx_leave_out": [each for each in MODULES if each != "notification_template"],
        "rekey_awx_email": {"username": "awx", "password": first},
        "rekey_awx_slack": {"token": slack, "channels": ["#operations"]},
    }
    run = setup(variables, verbosity=5, diff=True, watch=True)
    assert run.rc == 0 and done(run) == counts(created=3), run.output
    assert configuration(awx_api, MAIL)["password"] == first and configuration(awx_api, "Passwords in Slack")["token"] == slack
    assert done(setup(variables)) == counts()
    # AWX does not show the secret that it has, so another one is set only if that is asked for.
    variables["rekey_awx_email"]["password"] = other
    assert done(setup(variables)) == counts() and configuration(awx_api, MAIL)["password"] == first
    assert done(setup({**variables, "rekey_awx_update_secrets": True}, diff=True, verbosity=5)) == counts(updated=2)
    assert configuration(awx_api, MAIL)["password"] == other
    assert not ansible.leaks([first, other, slack])


def test_a_secret_that_was_entered_by_hand_survives_a_change_of_something_else(setup, ready):
    entered = {**configuration(ready, MAIL), "username": "awx", "password": "MARKER-password-entered-by-hand"}
    ready.change("notification_templates", MAIL, notification_configuration=entered)
    run = setup({"rekey_awx_email": {"username": "awx", "host": "mail.example.com"}}, verbosity=3)
    assert run.rc == 0 and done(run) == counts(updated=1), run.output
    assert configuration(ready, MAIL)["password"] == entered["password"] and configuration(ready, MAIL)["host"] == "mail.example.com"
    assert not run.leaks([entered["password"]])


def test_removing_takes_what_is_ours_and_leaves_the_rest(setup, ready):
    project = ready.find("projects", "rekey.passwords")
    inventory = ready.create("inventories", name="Somebody else's", organization=1)
    foreign = ready.create("job_templates", name="Nightly backup", project=project["id"], inventory=inventory["id"], playbook="playbooks/status.yml")
    look = setup({"rekey_awx_state": "absent"}, check=True, diff=True)
    assert look.rc == 0 and ready.writes == 0, look.output
    run = setup({"rekey_awx_state": "absent"})
    # Without its project, somebody else's template could not run any more.
    assert run.rc == 0 and done(run) == done(look) == counts(removed=NUMBER, left=1), run.output
    assert "The project rekey.passwords stays: it is used by the job template Nightly backup." in run.output
    assert ready.find("job_templates", "Nightly backup") == foreign and ready.find("inventories", "Somebody else's")
    ready.remove("job_templates", "Nightly backup")
    ready.remove("inventories", "Somebody else's")
    assert done(setup({"rekey_awx_state": "absent"})) == counts(removed=1)
    with Controller(token=TOKEN) as empty:
        assert state(ready) == state(empty)
    again = setup({"rekey_awx_state": "absent"})
    assert again.stats["localhost"]["changed"] == 0 and "AWX has none of the objects" in again.output


def test_removing_leaves_what_somebody_has_put_something_into(setup, ready):
    ready.change("credentials", MILVUS, inputs={"api_user": "root", "api_password": "MARKER-password-of-root"})
    ready.create("hosts", name="milvus-1", inventory=ready.find("inventories", "Endpoints")["id"])
    variables = {"rekey_awx_state": "absent", "rekey_awx_leave_out": [each for each in MODULES if each not in ("credential", "inventory")]}
    for each in ("schedules", "job_templates", "workflow_job_templates"):
        for one in ready.objects(each):
            ready.remove(each, one["name"])
    run = setup(variables)
    assert run.rc == 0 and done(run) == counts(left=2), run.output
    assert "Milvus operator stays: it has been filled in" in run.output and "Endpoints stays: it has hosts, groups or sources" in run.output
    run = setup({**variables, "rekey_awx_force": True})
    assert run.rc == 0 and done(run) == counts(removed=2), run.output
    assert not ready.find("credentials", MILVUS) and not ready.find("inventories", "Endpoints")


def test_a_credential_that_takes_its_values_from_another_counts_as_filled_in(setup, ready):
    ours = ready.find("credentials", MILVUS)["id"]
    other = ready.create("credentials", name="Vault", organization=1, credential_type=ready.find("credential_types", MILVUS)["id"], inputs={})
    ready.create("credential_input_sources", input_field_name="api_password", source_credential=other["id"], target_credential=ours)
    for each in ("job_templates", "workflow_job_templates"):
        for one in ready.objects(each):
            ready.remove(each, one["name"])
    run = setup({"rekey_awx_state": "absent", "rekey_awx_leave_out": [each for each in MODULES if each != "credential"]}, check=True)
    assert run.result(TASK)["left"] == ["The credential Milvus operator stays: it has been filled in."], run.output


USERS = {
    "a notification": ("notification_templates", MAIL, "job_templates", "notification_templates_error", "the job template Nightly backup"),
    "an environment of projects": ("execution_environments", "rekey.passwords", "projects", "default_environment", "the project Nightly backup"),
    "an organisation's environment": ("execution_environments", "rekey.passwords", "organizations", "default_environment", "the organisation Nightly backup"),
    "a source of an inventory": ("projects", "rekey.passwords", "inventory_sources", "source_project", "the inventory source Nightly backup"),
    "a schedule of a project": ("projects", "rekey.passwords", "schedules", "unified_job_template", "the schedule Nightly backup"),
}  # fmt: skip


@pytest.mark.parametrize("endpoint, name, user, option, message", USERS.values(), ids=USERS)
def test_what_something_else_uses_stays(setup, ready, endpoint, name, user, option, message):
    id_ = ready.find(endpoint, name)["id"]
    for each in ("schedules", "workflow_job_templates", "job_templates"):
        for one in ready.objects(each):
            ready.remove(each, one["name"])
    more = {"rrule": "DTSTART;TZID=UTC:20260101T030000 RRULE:FREQ=DAILY;INTERVAL=1"} if user == "schedules" else {}
    ready.create(user, name="Nightly backup", **{option: [id_] if option.startswith("notification") else id_}, **more)
    run = setup({"rekey_awx_state": "absent", "rekey_awx_leave_out": [each for each in MODULES if kinds.BY_MODULE[each].endpoint != endpoint]}, check=True)
    assert any(line.endswith("%s stays: it is used by %s." % (name, message)) for line in run.result(TASK)["left"]), run.output


def test_a_workflow_that_waits_for_an_approval_is_not_changed(setup, ready):
    workflow = ready.find("workflow_job_templates", "Rotate passwords with approval")
    ready.create("workflow_jobs", name=workflow["name"], status="running", workflow_job_template=workflow["id"])
    template = ready.find("job_templates", "Status of passwords")
    ready.create("workflow_job_template_nodes", identifier="mine", workflow_job_template=workflow["id"], unified_job_template=template["id"])
    run = setup()
    assert run.rc == 0 and done(run) == counts(left=1) and ready.writes == 0, run.output
    assert "running or waiting for an approval: run this again later" in run.output
    removal = setup({"rekey_awx_state": "absent", "rekey_awx_leave_out": [each for each in MODULES if each != "workflow_job_template"]})
    assert done(removal) == counts(left=1) and ready.writes == 0, removal.output


def test_a_project_that_could_not_be_fetched_is_fetched_by_the_next_run(setup, awx_api):
    variables = {"rekey_awx_leave_out": [each for each in MODULES if each != "project"]}
    awx_api.update_status = "failed"
    run = setup(variables)
    assert run.rc == 2 and "Could not create the project rekey.passwords: Project update failed." in run.output, run.output
    awx_api.update_status = "successful"
    assert done(setup(variables)) == counts(updated=1) and awx_api.find("projects", "rekey.passwords")["scm_revision"]
    assert done(setup(variables)) == counts()


def test_a_project_in_another_organization_is_told_before_anything_is_written(setup, awx_api):
    organization = awx_api.create("organizations", name="Team A")
    awx_api.create("projects", name="Infra", organization=organization["id"], scm_type="git", scm_url="https://git.example.com/infra")
    run = setup({"rekey_awx_project": "Infra", "rekey_awx_leave_out": ["project"]})
    assert run.rc == 2 and awx_api.writes == 0 and "project of the job template Rotate passwords: Infra" in run.output, run.output


def test_a_credential_type_with_a_credential_stays(setup, ready):
    ready.create("credentials", name="Of my own", organization=1, credential_type=ready.find("credential_types", MILVUS)["id"], inputs={})
    run = setup({"rekey_awx_state": "absent", "rekey_awx_leave_out": [each for each in MODULES if each != "credential_type"]}, check=True)
    assert run.rc == 0 and run.result(TASK)["left"] == [
        "The credential type Milvus operator stays: it is used by the credential Milvus operator, the credential Of my own."
    ]


def test_an_object_of_somebody_else_is_in_the_way(setup, awx_api):
    awx_api.create("inventories", name="Endpoints", organization=1, description="Of the network team")
    run = setup()
    assert run.rc == 2 and awx_api.writes == 0, run.output
    assert "not made from this data: inventory Endpoints" in run.output and "Nothing was changed" in run.output
    removal = setup({"rekey_awx_state": "absent"})
    assert removal.rc == 0 and "The inventory Endpoints stays: it was not made from this data." in removal.output
    assert awx_api.find("inventories", "Endpoints")["description"] == "Of the network team"
    only = {"rekey_awx_leave_out": [each for each in MODULES if each != "inventory"]}
    assert done(setup({"rekey_awx_take_over": True, **only})) == counts(updated=1)
    assert "collection rekey.passwords" in awx_api.find("inventories", "Endpoints")["description"]


def test_the_same_name_in_another_organization_is_told_before_anything_is_written(setup, awx_api):
    organization = awx_api.create("organizations", name="Team A")
    awx_api.create("inventories", name="Endpoints", organization=organization["id"])
    run = setup()
    assert run.rc == 2 and awx_api.writes == 0 and "inventory Endpoints. Use a prefix" in run.output, run.output


def test_a_missing_reference_is_named_before_anything_is_written(setup, awx_api):
    run = setup({"rekey_awx_credentials": ["AWS of operations"], "rekey_awx_leave_out": ["project"]})
    assert run.rc == 2 and awx_api.writes == 0, run.output
    for text in ("credentials of the job template Rotate passwords: AWS of operations", "project of the job template Rotate passwords: rekey.passwords"):
        assert text in run.output
    run = setup({"rekey_awx_organization": "Elsewhere"})
    assert run.rc == 2 and awx_api.writes == 0 and "Elsewhere" in run.output


BAD = {
    "a misspelt variable": ({"rekey_awx_prefx": "A: "}, "rekey_awx_prefx"),
    "a kind that does not exist": ({"rekey_awx_leave_out": ["inventries"]}, "inventries (did you mean inventory?)"),
    "a state that does not exist": ({"rekey_awx_state": "gone"}, "state"),
    "a collection that is not installed": ({"rekey_awx_collection": "ansible.awx_api"}, "The collection ansible.awx_api is not installed"),
    "a number for a name": ({"rekey_awx_inventory": "42"}, "must not be numbers, and must not contain ++: 42"),
    "a prefix with ++": ({"rekey_awx_prefix": "C++ "}, "must not contain ++"),
    "a text instead of a dictionary": ({"rekey_awx_email": "smtp.example.com"}, "rekey_awx_email"),
}


@pytest.mark.parametrize("variables, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused_in_plain_words(setup, awx_api, variables, message):
    run = setup(variables)
    assert run.rc == 2 and awx_api.writes == 0 and message in run.output and "Traceback" not in run.output, run.output


def test_without_the_right_nothing_is_half_done(setup, awx_api):
    run = setup(env={"CONTROLLER_OAUTH_TOKEN": AUDITOR})
    assert run.rc == 2 and awx_api.writes == 0 and "HTTP 403" in run.output and "system administrator" in run.output, run.output


def test_a_wrong_token(setup, awx_api):
    run = setup(env={"CONTROLLER_OAUTH_TOKEN": "MARKER-token-that-nobody-has"})
    assert run.rc == 2 and awx_api.writes == 0 and "HTTP 401" in run.output and "CONTROLLER_OAUTH_TOKEN" in run.output, run.output


def test_a_user_name_and_a_password_leave_no_token_behind(setup, awx_api):
    before = awx_api.objects("tokens")
    variables = {"rekey_awx_leave_out": [each for each in MODULES if each != "execution_environment"]}
    run = setup(variables, env={"CONTROLLER_OAUTH_TOKEN": None, "CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": PASSWORD}, watch=True)
    assert run.rc == 0 and done(run) == counts(created=1) and awx_api.objects("tokens") == before, run.output
    wrong = setup(variables, env={"CONTROLLER_OAUTH_TOKEN": None, "CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": "MARKER-wrong-of-admin"})
    assert wrong.rc == 2 and "CONTROLLER_PASSWORD" in wrong.output, wrong.output


def test_a_controller_that_is_away(setup):
    run = setup(env={"CONTROLLER_HOST": "http://127.0.0.1:9"})
    assert run.rc == 2 and "CONTROLLER_HOST" in run.output and "Traceback" not in run.output, run.output


def test_a_controller_that_fails_in_the_middle_is_continued(setup, awx_api):
    variables = {"rekey_awx_leave_out": ["credential_type", "credential", "job_template", "schedule", "workflow_job_template"]}
    awx_api.inject("answer", path="/api/v2/inventories/", method="POST", status=502)
    run = setup({**variables, "rekey_awx_credentials": []})
    assert run.rc == 2 and "Could not create the inventory Endpoints" in run.output and "run this again to continue" in run.output, run.output
    assert run.result(TASK)["created"] == ["execution environment rekey.passwords", "project rekey.passwords"]
    run = setup({**variables, "rekey_awx_credentials": []})
    assert run.rc == 0 and done(run) == counts(created=4), run.output


def test_the_modules_of_automation_platform_do_as_well(setup, awx_api, awx_collections, tmp_path):
    """The collection ansible.controller, which no package index has, contains the same modules by another name."""
    (tmp_path / "platform" / "ansible_collections" / "ansible").mkdir(parents=True)
    ours, _colon, theirs = awx_collections.partition(":")
    (tmp_path / "platform" / "ansible_collections" / "ansible" / "controller").symlink_to(pathlib.Path(theirs) / "ansible_collections" / "awx" / "awx")
    variables = {"rekey_awx_collection": "ansible.controller", "rekey_awx_leave_out": [each for each in MODULES if each != "execution_environment"]}
    run = setup(variables, env={"ANSIBLE_COLLECTIONS_PATH": "%s:%s" % (ours, tmp_path / "platform")})
    assert run.rc == 0 and done(run) == counts(created=1), run.output
