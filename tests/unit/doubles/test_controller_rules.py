# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of AWX that its double keeps: credentials, surveys, schedules, notifications, templates and workflows."""

from __future__ import annotations

import pytest
import requests

from tests.doubles.controller import Controller

TOKEN, SECRET, HIDDEN = "T0ken-MARKER-admin", "S3cr3t-MARKER-input", "$encrypted$"
RULE = "DTSTART;TZID=Europe/Berlin:20260101T020000 RRULE:FREQ=DAILY;INTERVAL=1"
FIELDS = [{"id": "user", "label": "User"}, {"id": "password", "label": "Password", "secret": True}, {"id": "plain", "label": "Plain", "type": "boolean"}]
QUESTION = {"question_name": "Hosts", "variable": "hosts", "type": "text", "required": True, "min": 2, "max": 9}
PASSWORD_QUESTION = {"question_name": "Password", "variable": "secret", "type": "password", "required": False}
EMAIL = {
    "host": "mail.example.com", "port": 25, "username": "", "password": SECRET, "use_tls": False, "use_ssl": False, "sender": "a@b", "recipients": ["c@d"],
}  # fmt: skip


@pytest.fixture(name="double")
def a_double():
    """A double with a custom credential type, a project and an inventory."""
    with Controller(token=TOKEN) as running:
        running.create("credential_types", name="Own", kind="cloud", inputs={"fields": [{"type": "string", **field} for field in FIELDS]})
        running.create("projects", name="P", organization="Default", scm_type="git", scm_url="https://example.com/p")
        running.create("inventories", name="I", organization="Default")
        yield running


def call(double, method, path, body=None):
    """One call of the administrator; ``(status, answer)``."""
    answer = requests.request(method, "%s/api/v2/%s" % (double.url, path), json=body, headers={"Authorization": "Bearer " + TOKEN}, timeout=5)
    return answer.status_code, answer.json() if answer.content else None


def made(double, endpoint, /, **body):
    """Create an object by the API; returns its path."""
    status, answer = call(double, "POST", endpoint + "/", body)
    assert status == 201, answer
    return answer["url"][len("/api/v2/") :]


def key(path):
    """The id in a path."""
    return int(path.split("/")[1])


def own_type(double):
    """The id of the custom credential type."""
    return double.find("credential_types", "Own")["id"]


def template(double, name="T", survey=(), **fields):
    """Create a job template, with a survey if there are questions; returns its path."""
    body = {"project": 1, "inventory": 1, "playbook": "playbooks/rotate.yml", "survey_enabled": bool(survey), **fields}
    path = made(double, "job_templates", name=name, **body)
    if survey:
        assert call(double, "POST", path + "survey_spec/", spec(*survey)) == (200, None)
    return path


def spec(*questions):
    """A survey."""
    return {"name": "", "description": "", "spec": list(questions)}


# Credential types and credentials


@pytest.mark.parametrize(
    ("inputs", "injectors", "where"),
    [
        ({"fields": [{"id": "a b", "label": "A"}]}, {}, "inputs"),
        ({"fields": [{"id": "a", "label": "A"}] * 2}, {}, "inputs"),
        ({"fields": [{"id": "tower", "label": "A"}]}, {}, "inputs"),
        ({"fields": [{"id": "a", "label": "A", "type": "boolean", "secret": True}]}, {}, "inputs"),
        ({"fields": [], "dependencies": {}}, {}, "inputs"),
        ({"fields": {}}, {}, "inputs"),
        ("text", {}, "inputs"),
        ({"fields": FIELDS}, {"env": {"A": "{{ other }}"}}, "injectors"),
        ({"fields": FIELDS}, {"env": {"ANSIBLE_X": "{{ user }}"}}, "injectors"),
        ({"fields": FIELDS}, {"env": {"A": "{{ user "}}, "injectors"),
        ({"fields": FIELDS}, {"file": {"template": "{{ user }}", "template.b": "{{ user }}"}}, "injectors"),
        ({"fields": FIELDS}, {"env": ["A"]}, "injectors"),
        ({"fields": FIELDS}, {"shell": {}}, "injectors"),
    ],
)
def test_credential_types_that_awx_refuses(double, inputs, injectors, where):
    status, answer = call(double, "POST", "credential_types/", {"name": "x", "kind": "cloud", "inputs": inputs, "injectors": injectors})
    assert status == 400
    assert list(answer) == [where]
    assert double.writes == 0


def test_a_credential_type_is_completed(double):
    path = made(double, "credential_types", name="x", kind="cloud", inputs={"fields": [{"id": "a", "label": "A"}]}, injectors={"env": {"A": "{{ a }}"}})
    assert call(double, "GET", path)[1]["inputs"] == {"fields": [{"id": "a", "label": "A", "type": "string"}]}


def test_only_two_kinds_of_credential_types_can_be_made(double):
    assert call(double, "POST", "credential_types/", {"name": "x", "kind": "ssh"}) == (400, {"kind": ["Must be 'cloud' or 'net', not ssh"]})
    assert call(double, "PATCH", "credential_types/1/", {"name": "x"}) == (403, {"detail": "Modifications not allowed for managed credential types"})
    assert call(double, "DELETE", "credential_types/1/") == (403, {"detail": "Deletion not allowed for managed credential types"})


def test_a_credential_type_in_use_keeps_its_inputs_but_not_its_injectors(double):
    path = "credential_types/%d/" % own_type(double)
    made(double, "credentials", name="c", organization=1, credential_type=own_type(double))
    message = "Modifications to inputs are not allowed for credential types that are in use"
    assert call(double, "PATCH", path, {"inputs": {"fields": FIELDS[:2]}}) == (403, {"detail": message})
    # The same inputs are no change.
    assert call(double, "PATCH", path, {"inputs": {"fields": FIELDS}, "injectors": {"env": {"A": "{{ user }}"}}})[0] == 200
    assert call(double, "DELETE", path) == (403, {"detail": "Credential types that are in use cannot be deleted"})
    double.remove("credentials", "c")
    assert call(double, "PATCH", path, {"inputs": {"fields": FIELDS[:2]}})[0] == 200
    assert call(double, "DELETE", path)[0] == 204


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"inputs": {"other": "x"}}, {"inputs": ["Additional properties are not allowed ('other' was unexpected)"]}),
        ({"inputs": {"user": 5}}, {"inputs": {"user": ["5 is not of type 'string'"]}}),
        ({"inputs": {"plain": "yes"}}, {"inputs": {"plain": ["'yes' is not of type 'boolean'"]}}),
        ({"inputs": {"password": HIDDEN}}, {"inputs": ["$encrypted$ is a reserved keyword, and cannot be used for password."]}),
        ({"inputs": "text"}, {"inputs": ["str provided, expected dict"]}),
        ({"organization": None}, {"detail": ["Missing 'user', 'team', or 'organization'."]}),
        ({"user": 1}, {"detail": ["Only one of 'user', 'team', or 'organization' should be provided, received organization, user fields."]}),
        ({"credential_type": 99}, {"credential_type": ['Invalid pk "99" - object does not exist.']}),
    ],
)
def test_credentials_that_awx_refuses(double, fields, error):
    body = {"name": "c", "organization": 1, "credential_type": own_type(double), **fields}
    assert call(double, "POST", "credentials/", body) == (400, error)


def test_secrets_of_a_credential_are_kept_and_not_shown(double):
    path = made(double, "credentials", name="c", organization=1, credential_type=own_type(double), inputs={"user": "u", "password": SECRET})
    assert call(double, "GET", path)[1]["inputs"] == {"user": "u", "password": HIDDEN}
    assert call(double, "PATCH", path, {"inputs": {"user": "v", "password": HIDDEN}})[0] == 200
    assert double.find("credentials", "c")["inputs"] == {"user": "v", "password": SECRET}
    # A secret that is empty is forgotten, and what is not named is gone; AWX asks for no required input here.
    assert call(double, "PATCH", path, {"inputs": {"password": ""}})[1]["inputs"] == {}


def test_the_type_of_a_credential_in_use_stays(double):
    path = made(double, "credentials", name="c", organization=1, credential_type=own_type(double))
    assert call(double, "POST", template(double) + "credentials/", {"id": key(path)})[0] == 204
    status, answer = call(double, "PATCH", path, {"credential_type": 1})
    assert (status, list(answer)) == (400, ["credential_type"])


# Notification templates


def notification(double, **fields):
    """Create a notification template by e-mail; returns its path."""
    return made(
        double, "notification_templates", **{"name": "n", "organization": 1, "notification_type": "email", "notification_configuration": EMAIL, **fields}
    )


def test_secrets_of_a_notification_are_kept_and_not_shown(double):
    path = notification(double)
    settings = call(double, "GET", path)[1]["notification_configuration"]
    assert settings == {**EMAIL, "password": HIDDEN, "timeout": 30}
    assert call(double, "PATCH", path, {"notification_configuration": {**settings, "port": 26}})[0] == 200
    assert double.find("notification_templates", "n")["notification_configuration"] == {**EMAIL, "timeout": 30, "port": 26}
    # An empty one is shown.
    assert call(double, "PATCH", path, {"notification_configuration": {**EMAIL, "password": ""}})[1]["notification_configuration"]["password"] == ""


def test_messages_that_are_not_sent_stay(double):
    first = {"error": {"message": "{{ job.name }}", "body": "old"}}
    path = notification(double, messages=first)
    assert call(double, "GET", path)[1]["messages"] == first
    answer = call(double, "PATCH", path, {"messages": {"error": {"message": "new"}}})[1]
    assert answer["messages"] == {"error": {"message": "new", "body": "old"}, "started": None, "success": None, "workflow_approval": None}


@pytest.mark.parametrize(
    "fields",
    [
        {"notification_type": "smoke"},
        {"notification_configuration": {}},
        {"notification_configuration": {**EMAIL, "port": "25"}},
        {"notification_configuration": {**EMAIL, "recipients": []}},
        {"notification_type": "webhook", "notification_configuration": {"url": "https://a", "headers": {}, "http_method": "GET"}},
        {"messages": {"never": {"message": "x"}}},
        {"messages": {"error": {"subject": "x"}}},
        {"messages": {"error": {"message": "{{ job.secret }}"}}},
        {"messages": {"error": {"message": "{{ job"}}},
        {"messages": {"error": {"message": "two\nlines"}}},
        {"messages": {"error": "text"}},
        {"messages": []},
        {"organization": None},
    ],
)
def test_notifications_that_awx_refuses(double, fields):
    body = {"name": "n", "organization": 1, "notification_type": "email", "notification_configuration": EMAIL, **fields}
    assert call(double, "POST", "notification_templates/", body)[0] == 400
    assert double.writes == 0


# Projects and job templates


def test_a_project_is_updated_when_it_is_made_and_when_its_source_changes(double):
    _status, new = call(double, "POST", "projects/", {"name": "N", "organization": 1, "scm_type": "git", "scm_url": "https://example.com/n"})
    update = new["summary_fields"]["current_update"]["id"]
    assert new["status"] == "pending"
    assert call(double, "GET", "project_updates/%d/" % update)[1]["status"] == "successful"
    project = call(double, "GET", "projects/%d/" % new["id"])[1]
    assert (project["status"], "current_update" in project["summary_fields"]) == ("successful", False)
    assert "playbooks/rotate.yml" in call(double, "GET", "projects/%d/playbooks/" % new["id"])[1]
    assert "current_update" not in call(double, "PATCH", "projects/%d/" % new["id"], {"description": "x"})[1]["summary_fields"]
    assert call(double, "PATCH", "projects/%d/" % new["id"], {"scm_branch": "1.0"})[1]["summary_fields"]["current_update"]["id"] == update + 1
    assert call(double, "POST", "projects/%d/update/" % new["id"], {})[0] == 202
    assert call(double, "GET", "projects/%d/project_updates/" % new["id"])[1]["count"] == 3


def test_a_project_update_takes_its_time_and_may_fail():
    with Controller(token=TOKEN, update_status="failed", update_polls=2) as double:
        path = made(double, "projects", name="P", organization=1, scm_type="git", scm_url="https://example.com/p")
        looks = [call(double, "GET", "project_updates/1/")[1] for _look in range(2)]
        assert [(one["status"], one["failed"]) for one in looks] == [("running", False), ("failed", True)]
        assert call(double, "GET", path)[1]["status"] == "failed"
        assert call(double, "GET", path + "playbooks/")[1] == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"project": None}, {"project": ["Job Templates must have a project assigned."]}),
        ({"inventory": None}, {"inventory": ["You must either set a default value or ask to prompt on launch."]}),
        ({"playbook": ""}, {"playbook": ["Must select playbook for project."]}),
        ({"playbook": "playbooks/none.yml"}, {"playbook": ["Playbook not found for project."]}),
        ({"scm_branch": "x"}, {"scm_branch": ["Project does not allow overriding branch."]}),
        ({"forks": 201}, {"forks": ["Maximum number of forks (200) exceeded."]}),
        ({"verbosity": 6}, {"verbosity": ['"6" is not a valid choice.']}),
        ({"name": "Taken"}, {"__all__": ["JobTemplate with this (name, organization) combination already exists."]}),
    ],
)
def test_job_templates_that_awx_refuses(double, fields, error):
    template(double, "Taken")
    body = {"name": "T", "project": 1, "inventory": 1, "playbook": "playbooks/rotate.yml", **fields}
    assert call(double, "POST", "job_templates/", body) == (400, error)


def test_a_job_template_belongs_to_the_organization_of_its_project(double):
    double.create("organizations", name="Ops")
    path = template(double, organization=2)
    assert call(double, "GET", path)[1]["organization"] == 1
    assert call(double, "PATCH", "projects/1/", {"organization": 2})[1] == {"organization": ["Organization cannot be changed when in use by job templates."]}


def test_an_inventory_can_be_left_to_the_launch_and_any_playbook_to_a_branch(double):
    template(double, inventory=None, ask_inventory_on_launch=True)
    call(double, "PATCH", "projects/1/", {"allow_override": True})
    template(double, "U", playbook="playbooks/none.yml", scm_branch="x")
    assert list(call(double, "PATCH", "projects/1/", {"allow_override": False})[1]) == ["allow_override"]


def test_a_job_template_has_one_credential_of_each_type_and_one_vault_credential_of_each_id(double):
    path = template(double) + "credentials/"
    types = {item["name"]: item["id"] for item in double.objects("credential_types")}
    ids = {}
    for name, kind, inputs in (
        ("a", "Own", {}),
        ("b", "Own", {}),
        ("v1", "Vault", {"vault_id": "1"}),
        ("v2", "Vault", {"vault_id": "2"}),
        ("s", "Source Control", {}),
    ):
        ids[name] = key(made(double, "credentials", name=name, organization=1, credential_type=types[kind], inputs=inputs))
    for name in ("a", "v1", "v2"):
        assert call(double, "POST", path, {"id": ids[name]}) == (204, None)
    assert call(double, "POST", path, {"id": ids["b"]}) == (400, {"error": "Cannot assign multiple Own credentials."})
    assert call(double, "POST", path, {"id": ids["s"]}) == (400, {"error": "Cannot assign a Credential of kind `scm`."})
    assert call(double, "POST", path, {"id": 99}) == (400, {"detail": "Credential matching query does not exist."})
    assert call(double, "POST", path, {"id": ids["a"], "disassociate": True}) == (204, None)
    assert call(double, "POST", path, {"id": ids["b"]}) == (204, None)
    assert [item["name"] for item in call(double, "GET", path)[1]["results"]] == ["b", "v1", "v2"]
    assert call(double, "DELETE", "credentials/%d/" % ids["b"])[0] == 204
    assert double.find("job_templates", "T")["credentials"] == [ids["v1"], ids["v2"]]


def test_notifications_and_labels_are_associated(double):
    path, other = template(double), key(notification(double))
    for event in ("started", "success", "error"):
        assert call(double, "POST", path + "notification_templates_%s/" % event, {"id": other})[0] == 204
    assert call(double, "POST", path + "notification_templates_error/", {"id": other, "disassociate": True})[0] == 204
    assert call(double, "GET", path + "notification_templates_error/")[1]["count"] == 0
    assert call(double, "POST", path + "notification_templates_error/", {"id": "x"}) == (400, {"msg": '"id" field must be an integer.'})
    assert call(double, "POST", path + "labels/", {"name": "blue", "organization": 1})[0] == 201
    assert call(double, "GET", path)[1]["summary_fields"]["labels"]["results"][0]["name"] == "blue"
    # A label that nothing has any more is deleted.
    assert call(double, "POST", path + "labels/", {"id": 1, "disassociate": True})[0] == 204
    assert double.objects("labels") == []
