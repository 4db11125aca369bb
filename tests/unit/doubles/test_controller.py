# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The double of AWX: its objects, lists and users, and what is associated and deleted."""

from __future__ import annotations

import base64
import threading

import pytest
import requests

from tests.doubles.controller import Controller

TOKEN, AUDITOR, PASSWORD = "T0ken-MARKER-admin", "T0ken-MARKER-auditor", "S3cr3t-MARKER-admin"
RULE = "DTSTART;TZID=Europe/Berlin:20260101T020000 RRULE:FREQ=DAILY;INTERVAL=1"


@pytest.fixture(name="double")
def a_double():
    """A double with an administrator and an auditor."""
    with Controller({"bob": "S3cr3t-MARKER-bob"}, token=TOKEN, auditor_token=AUDITOR, password=PASSWORD) as running:
        yield running


def call(double, method, path, body=None, token=TOKEN, **options):
    """One call; the answer."""
    headers = {"Authorization": "Bearer " + token} if token else {}
    return requests.request(method, "%s/api/v2/%s" % (double.url, path), json=body, headers=headers, timeout=5, **options)


def made(double, endpoint, /, **body):
    """Create an object by the API; returns it as it was answered."""
    answer = call(double, "POST", endpoint + "/", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def listed(double, path, field="name", **options):
    """The names in a list."""
    answer = call(double, "GET", path, **options)
    assert answer.status_code == 200, answer.text
    return [item[field] for item in answer.json()["results"]]


@pytest.fixture(name="template")
def a_template(double):
    """A job template with project and inventory."""
    made(double, "projects", name="P", organization=1, scm_type="git", scm_url="https://example.com/p")
    made(double, "inventories", name="I", organization=1)
    return made(double, "job_templates", name="T", project=1, inventory=1, playbook="playbooks/rotate.yml")


# Objects


def test_a_new_awx_has_an_organization_and_managed_types(double):
    assert listed(double, "organizations/") == ["Default"]
    assert {"Machine", "Source Control", "Vault", "Amazon Web Services"} <= set(listed(double, "credential_types/?managed=true"))


def test_an_object_is_created_read_changed_and_deleted(double):
    new = made(double, "organizations", name="Ops", description="  first ", unknown="ignored")
    assert (new["type"], new["url"], new["description"]) == ("organization", "/api/v2/organizations/2/", "first")
    assert "unknown" not in new
    assert call(double, "PATCH", "organizations/2/", {"max_hosts": 5}).json()["description"] == "first"
    # A PUT resets what it does not name.
    assert call(double, "PUT", "organizations/2/", {"name": "Ops 2"}).json()["max_hosts"] == 0
    assert call(double, "GET", "organizations/2/").json()["name"] == "Ops 2"
    assert call(double, "DELETE", "organizations/2/").status_code == 204
    answer = call(double, "GET", "organizations/2/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "No Organization matches the given query."})
    assert double.writes == 4


@pytest.mark.parametrize(
    ("kind", "body", "errors"),
    [
        ("organizations", {}, {"name": ["This field is required."]}),
        ("organizations", {"name": " "}, {"name": ["This field may not be blank."]}),
        ("organizations", {"name": ["a"]}, {"name": ["Not a valid string."]}),
        ("organizations", {"name": "a" * 513}, {"name": ["Ensure this field has no more than 512 characters."]}),
        ("organizations", {"name": "a", "max_hosts": -1}, {"max_hosts": ["Ensure this value is greater than or equal to 0."]}),
        ("organizations", {"name": "a", "max_hosts": "x"}, {"max_hosts": ["A valid integer is required."]}),
        ("teams", {"name": "a", "organization": 9}, {"organization": ['Invalid pk "9" - object does not exist.']}),
        ("teams", {"name": "a", "organization": "x"}, {"organization": ["Incorrect type. Expected pk value, received str."]}),
        ("teams", {"name": "a", "organization": None}, {"organization": ["This field may not be null."]}),
        ("inventories", {"name": "a"}, {"organization": ["This field cannot be blank."]}),
        ("hosts", {"name": "a", "inventory": 1, "enabled": "maybe"}, {"enabled": ["Must be a valid boolean."]}),
        ("users", {"username": "a"}, {"password": ["Password required for new User."]}),
        ("users", {"username": "a b", "password": "x"}, None),
        ("inventories", {"name": "a", "organization": 1, "variables": "- 1"}, None),
        ("execution_environments", {"name": "a", "image": "not an image"}, {"image": ["The container image name not an image is not valid"]}),
        ("execution_environments", {"name": "a", "image": "a", "pull": "often"}, {"pull": ['"often" is not a valid choice.']}),
        ("projects", {"name": "a", "organization": 1, "scm_type": "git"}, {"scm_url": ["SCM URL is required."]}),
    ],
)
def test_wrong_fields_are_refused_in_the_words_of_awx(double, kind, body, errors):
    double.create("inventories", name="I", organization="Default")
    answer = call(double, "POST", kind + "/", body)
    assert answer.status_code == 400
    assert errors is None or answer.json() == errors
    assert double.writes == 0


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_what_is_no_json_object_is_refused(double, body):
    headers = {"Authorization": "Bearer " + TOKEN}
    answer = requests.post(double.url + "/api/v2/organizations/", data=body, headers=headers, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error")


@pytest.mark.parametrize(
    ("kind", "fields", "error"),
    [
        ("organizations", {}, {"name": ["Organization with this Name already exists."]}),
        ("teams", {"organization": 1}, {"__all__": ["Team with this Organization and Name already exists."]}),
        ("labels", {"organization": 1}, {"__all__": ["Label with this Name and Organization already exists."]}),
        ("inventories", {"organization": 1}, {"__all__": ["Inventory with this Name and Organization already exists."]}),
        (
            "credentials",
            {"organization": 1, "credential_type": 1},
            {"__all__": ["Credential with this Organization, Name and Credential type already exists."]},
        ),
        ("execution_environments", {"image": "a"}, {"name": ["Execution environment with this Name already exists."]}),
        ("projects", {"organization": 1}, {"__all__": ["Project with this (name, organization) combination already exists."]}),
        ("projects", {}, {"__all__": ["Project with this (name, organization) combination already exists."]}),
        ("workflow_job_templates", {}, {"__all__": ["WorkflowJobTemplate with this (name, organization) combination already exists."]}),
    ],
)
def test_names_are_unique(double, kind, fields, error):
    first = made(double, kind, name="A", **fields)
    second = made(double, kind, name="B", **fields)
    answer = call(double, "POST", kind + "/", {"name": "A", **fields})
    assert (answer.status_code, answer.json()) == (400, error)
    assert call(double, "PATCH", second["url"][8:], {"name": "A"}).json() == error
    assert call(double, "PATCH", first["url"][8:], {"name": "A"}).status_code == 200


def test_names_may_be_the_same_in_two_organizations(double):
    made(double, "organizations", name="Ops")
    for organization in (1, 2):
        made(double, "inventories", name="I", organization=organization)
    assert listed(double, "inventories/?organization=2") == ["I"]


# Lists


def test_lists_have_pages(double):
    for number in range(60):
        double.create("teams", name="team %02d" % number, organization="Default")
    first = call(double, "GET", "teams/?organization=1").json()
    assert (first["count"], len(first["results"]), first["previous"]) == (60, 25, None)
    second = requests.get(double.url + first["next"], headers={"Authorization": "Bearer " + TOKEN}, timeout=5).json()
    assert second["results"][0]["name"] == "team 25"
    assert listed(double, "teams/?page_size=200&order_by=-name")[0] == "team 59"
    assert call(double, "GET", "teams/?page=4").json() == {"detail": "Invalid page."}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=alpha", ["alpha"]),
        ("name__exact=alpha", ["alpha"]),
        ("name__iexact=ALPHA", ["alpha"]),
        ("name__icontains=A", ["alpha", "beta"]),
        ("name__in=alpha,beta", ["alpha", "beta"]),
        ("not__name=alpha", ["beta", "7"]),
        ("or__id=1&or__name=1", ["alpha"]),
        ("or__id=7&or__name=7", ["7"]),
        ("organization=2", ["beta"]),
        ("organization__name=Ops", ["beta"]),
        ("organization=1&name=beta", []),
        ("id__gt=1&order_by=-id", ["7", "beta"]),
        ("search=bet", ["beta"]),
    ],
)
def test_lists_have_filters(double, query, names):
    double.create("organizations", name="Ops")
    for name, organization in (("alpha", "Default"), ("beta", "Ops"), ("7", "Default")):
        double.create("teams", name=name, organization=organization, description="a")
    found = listed(double, "teams/?" + query)
    assert found == names if "order_by" in query else sorted(found) == sorted(names)


@pytest.mark.parametrize(("query", "status"), [("shape=round", 400), ("organization=x", 400), ("name__shape=x", 400), ("id=x", 400)])
def test_filters_that_awx_does_not_know_are_refused(double, query, status):
    assert call(double, "GET", "teams/?" + query).status_code == status


def test_nobody_can_filter_by_secrets(double):
    answer = call(double, "GET", "credentials/?inputs__icontains=x")
    assert (answer.status_code, answer.json()) == (403, {"detail": "Filtering on inputs is not allowed."})


def test_templates_of_all_kinds_are_in_one_list(double, template):
    made(double, "workflow_job_templates", name="W", organization=1)
    assert sorted(listed(double, "unified_job_templates/")) == ["P", "T", "W"]
    assert listed(double, "unified_job_templates/?type=job_template&name=T&organization=1", "id") == [template["id"]]
    # The type of an approval that waits, not of its template: awx.awx looks for it, and AWX finds nothing.
    assert listed(double, "unified_job_templates/?type=workflow_approval") == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing/", 404),
        ("GET", "teams/1/nothing/", 404),
        ("DELETE", "labels/1/", 405),
        ("POST", "instance_groups/", 405),
        ("PATCH", "organizations/", 405),
        ("POST", "organizations/1/", 405),
        ("GET", "workflow_approval_templates/", 404),
        ("POST", "unified_job_templates/", 405),
    ],
)
def test_what_is_not_there(double, method, path, status):
    double.create("teams", name="a", organization="Default")
    double.create("labels", name="a", organization="Default")
    assert call(double, method, path, {}).status_code == status


def test_plain_pages(double):
    assert call(double, "GET", "ping/", token=None).json()["version"] == "24.6.1"
    assert call(double, "GET", "config/").json()["version"] == "24.6.1"
    assert listed(double, "me/", "username") == ["admin"]


# Users


def test_every_answer_names_the_product(double):
    headers = call(double, "GET", "organizations/").headers
    assert (headers["X-API-Product-Name"], headers["X-API-Product-Version"]) == ("AWX", "24.6.1")
    assert "X-API-Product-Version" not in call(double, "GET", "organizations/", token=None).headers


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_a_valid_token_nothing_is_shown(double, token):
    answer = call(double, "GET", "organizations/", token=token)
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("Authentication credentials were not provided.")


def test_a_wrong_password_is_refused_and_counted(double):
    answer = call(double, "GET", "me/", token=None, auth=("admin", "wrong"))
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("Invalid username/password.")
    assert double.failed_logins == {"admin": 1}


def test_a_token_lasts_until_it_is_deleted(double):
    answer = call(double, "POST", "tokens/", {"scope": "write"}, token=None, auth=("admin", PASSWORD))
    new = answer.json()
    assert answer.status_code == 201
    assert listed(double, "organizations/", token=new["token"]) == ["Default"]
    assert call(double, "GET", "tokens/%d/" % new["id"]).json()["token"] == "************"
    assert call(double, "DELETE", "tokens/%d/" % new["id"], token=None, auth=("admin", PASSWORD)).status_code == 204
    assert call(double, "GET", "organizations/", token=new["token"]).status_code == 401
    assert double.writes == 0


def test_a_token_with_the_scope_read_changes_nothing(double):
    token = call(double, "POST", "tokens/", {"scope": "read"}).json()["token"]
    assert listed(double, "organizations/", token=token) == ["Default"]
    assert call(double, "POST", "organizations/", {"name": "a"}, token=token).status_code == 403
    assert call(double, "POST", "tokens/", {"scope": "everything"}).status_code == 400


def test_an_auditor_reads_everything_and_changes_nothing(double, template):
    assert listed(double, "job_templates/", token=AUDITOR) == ["T"]
    before = double.writes
    for method, path in (
        ("POST", "organizations/"),
        ("PATCH", "organizations/1/"),
        ("DELETE", "organizations/1/"),
        ("POST", "job_templates/2/credentials/"),
        ("POST", "job_templates/2/survey_spec/"),
        ("POST", "projects/1/update/"),
    ):
        answer = call(double, method, path, {"name": "x"}, token=AUDITOR)
        assert (answer.status_code, answer.json()) == (403, {"detail": "You do not have permission to perform this action."})
    assert call(double, "DELETE", "organizations/9/", token=AUDITOR).status_code == 404
    assert double.writes == before


def test_a_user_without_roles_sees_hardly_anything(double):
    assert listed(double, "organizations/", token=None, auth=("bob", "S3cr3t-MARKER-bob")) == []
    assert call(double, "GET", "organizations/1/", token=None, auth=("bob", "S3cr3t-MARKER-bob")).status_code == 403
    assert "Machine" in listed(double, "credential_types/", token=None, auth=("bob", "S3cr3t-MARKER-bob"))


def test_a_user_gets_and_keeps_a_password(double):
    new = made(double, "users", username="eve", password="S3cr3t-MARKER-eve", is_superuser=True)
    assert new["password"] == "$encrypted$"
    for kept in ("$encrypted$", ""):
        assert call(double, "PATCH", "users/%d/" % new["id"], {"password": kept}).status_code == 200
        assert double.can_log_in("eve", "S3cr3t-MARKER-eve")
    made(double, "organizations", name="by eve")
    assert call(double, "PATCH", "users/%d/" % new["id"], {"password": "S3cr3t-MARKER-2"}).status_code == 200
    assert call(double, "POST", "organizations/", {"name": "a"}, token=None, auth=("eve", "S3cr3t-MARKER-2")).status_code == 201
    assert not double.can_log_in("eve", "S3cr3t-MARKER-eve")


def test_nobody_deletes_themselves(double):
    answer = call(double, "DELETE", "users/1/")
    assert (answer.status_code, answer.json()) == (403, {"detail": "Cannot delete user."})


def test_a_user_is_created_in_an_organization(double):
    assert call(double, "POST", "organizations/1/users/", {"username": "eve", "password": "x"}).status_code == 201
    assert listed(double, "organizations/1/users/", "username") == ["eve"]


# What is deleted along with others


def test_a_template_loses_what_is_deleted(double, template):
    double.create("execution_environments", name="E", image="a")
    call(double, "PATCH", "job_templates/2/", {"execution_environment": 3})
    assert call(double, "DELETE", "execution_environments/3/").status_code == 204
    assert call(double, "DELETE", "inventories/1/").status_code == 202
    assert call(double, "DELETE", "projects/1/").status_code == 204
    found = double.find("job_templates", "T")
    assert (found["execution_environment"], found["inventory"], found["project"]) == (None, None, None)


def test_an_organization_takes_along_what_it_owns_and_leaves_templates(double, template):
    for kind, fields in (("teams", {}), ("labels", {}), ("credentials", {"credential_type": "Machine"}), ("notification_templates", {})):
        double.create(kind, name="x", organization="Default", **fields)
    double.create("hosts", name="h", inventory="I")
    assert call(double, "DELETE", "organizations/1/").status_code == 204
    for kind in ("teams", "labels", "credentials", "notification_templates", "inventories", "hosts"):
        assert double.objects(kind) == []
    assert (double.find("job_templates", "T")["organization"], double.find("projects", "P")["organization"]) == (None, None)


def test_a_template_takes_along_its_schedules_and_leaves_nodes(double, template):
    double.create("workflow_job_templates", name="W", organization="Default")
    double.create("workflow_job_template_nodes", identifier="n", workflow_job_template="W", unified_job_template="T")
    made(double, "schedules", name="s", unified_job_template=template["id"], rrule=RULE)
    assert call(double, "DELETE", "job_templates/2/").status_code == 204
    assert double.objects("schedules") == []
    assert double.find("workflow_job_template_nodes", "n")["unified_job_template"] is None


# For tests


def test_a_test_changes_what_it_likes_past_all_rules(double, template):
    double.change("job_templates", "T", name="By hand", forks=3, description="x")
    assert listed(double, "job_templates/") == ["By hand"]
    created = double.create("job_templates", name="N", project="P", credentials=[])
    assert (created["project"], double.find("job_templates", "N")["id"]) == (1, created["id"])
    double.remove("job_templates", "N")
    assert double.find("job_templates", "N") is None
    assert [one["name"] for one in double.objects("job_templates")] == ["By hand"]
    # What a test gets is a copy.
    double.find("job_templates", "By hand")["name"] = "other"
    assert double.find("job_templates", "By hand")
    for act in (lambda: double.change("job_templates", "N", forks=1), lambda: double.remove("job_templates", "N")):
        with pytest.raises(KeyError):
            act()
    assert double.writes == 3


def test_the_summary_counts_objects_and_holds_no_secret(double):
    made(double, "credentials", name="c", organization=1, credential_type=1, inputs={"password": "S3cr3t-MARKER-input"})
    summary = double.summary()
    assert (summary["objects"]["organizations"], summary["objects"]["credentials"], summary["writes"]) == (1, 1, 1)
    assert "MARKER" not in repr(summary) + repr(double)


def test_faults_suppress_and_postpone_writes(double):
    double.inject("answer", path="/organizations/", method="POST", status=502)
    assert call(double, "POST", "organizations/", {"name": "a"}).status_code == 502
    double.inject("real", path="/organizations/", method="POST", applies="later")
    assert call(double, "POST", "organizations/", {"name": "b"}).status_code == 201
    assert (listed(double, "organizations/"), double.writes, double.pending) == (["Default"], 0, 1)
    double.settle()
    assert (listed(double, "organizations/"), double.writes) == (["Default", "b"], 1)


def test_an_object_that_is_held_back_appears_when_it_is_released(double):
    fault = double.inject("gate", path="/projects/", method="POST")
    body = {"name": "P", "organization": 1, "scm_type": "git", "scm_url": "https://example.com/p"}
    caller = threading.Thread(target=call, args=(double, "POST", "projects/", body))
    caller.start()
    assert fault.arrived.wait(5)
    assert double.objects("projects") == []
    fault.release()
    caller.join(5)
    assert double.find("projects", "P")


def test_a_fault_repeats_the_secrets_of_a_request(double):
    double.inject("echo", path="/credentials/")
    body = {"name": "a", "organization": 1, "credential_type": 1, "inputs": {"password": "S3cr3t-MARKER-input"}}
    text = call(double, "POST", "credentials/", body).text
    assert TOKEN in text
    assert "S3cr3t-MARKER-input" in text


def test_read_only_refuses_writes_but_lets_clients_log_in():
    with Controller(token=TOKEN, read_only=True) as double:
        assert call(double, "POST", "organizations/", {"name": "a"}).status_code == 500
        assert call(double, "POST", "tokens/", {"scope": "write"}).status_code == 201
        assert [one.path for one in double.refused_writes] == ["/api/v2/organizations/"]


def test_basic_authentication_that_cannot_be_read(double):
    headers = {"Authorization": "Basic " + base64.b64encode(b"\xff\xff").decode()}
    assert requests.get(double.url + "/api/v2/me/", headers=headers, timeout=5).status_code == 401
