# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of AWX that its double keeps: surveys, schedules, and the nodes of workflows."""

from __future__ import annotations

import pytest

from tests.unit.doubles.test_controller_rules import (
    HIDDEN,
    PASSWORD_QUESTION,
    QUESTION,
    RULE,
    SECRET,
    a_double,
    call,
    key,
    made,
    own_type,
    spec,
    template,
)

CHOICE = {"question_name": "Force", "variable": "force", "type": "multiplechoice", "required": False, "choices": ["no", "yes"], "default": "no"}
NUMBER = {"question_name": "Number", "variable": "number", "type": "integer", "required": False, "min": 1, "max": 5}
MISSING = {"variables_needed_to_start": ["'hosts' value missing"]}

# The fixture "double".
__all__ = ["a_double"]


# Surveys


@pytest.mark.parametrize(
    "survey",
    [
        {},
        {"name": "", "description": "", "spec": {}},
        spec(),
        spec("text"),
        spec({**QUESTION, "type": "colour"}),
        spec({**QUESTION, "required": "yes"}),
        spec({key: value for key, value in QUESTION.items() if key != "variable"}),
        spec(QUESTION, QUESTION),
        spec({**QUESTION, "min": "2"}),
        spec({**NUMBER, "default": "3"}),
        spec({**CHOICE, "choices": []}),
        spec({**CHOICE, "default": "perhaps"}),
        spec({**QUESTION, "default": HIDDEN}),
        spec({**PASSWORD_QUESTION, "default": HIDDEN}),
    ],
)
def test_surveys_that_awx_refuses(double, survey):
    path = template(double)
    status, answer = call(double, "POST", path + "survey_spec/", survey)
    assert (status, list(answer)) == (400, ["error"])
    assert double.find("job_templates", "T")["survey_spec"] == {}


def test_a_survey_comes_back_as_it_was_sent_until_it_is_deleted(double):
    questions = [{**QUESTION, "new_question": True}, {**CHOICE, "choices": "no\nyes"}, {**NUMBER, "min": None}]
    path = template(double, survey=questions) + "survey_spec/"
    assert call(double, "GET", path) == (200, spec(*questions))
    assert call(double, "DELETE", path) == (200, None)
    assert call(double, "GET", path) == (200, {})


def test_the_default_of_a_password_question_is_kept_and_not_shown(double):
    path = template(double, survey=[{**PASSWORD_QUESTION, "default": SECRET}]) + "survey_spec/"
    shown = call(double, "GET", path)[1]
    assert shown["spec"][0]["default"] == HIDDEN
    assert call(double, "POST", path, {**shown, "description": "new"})[0] == 200
    assert double.find("job_templates", "T")["survey_spec"] == {**spec({**PASSWORD_QUESTION, "default": SECRET}), "description": "new"}
    # An empty one is not hidden.
    assert call(double, "POST", path, spec({**PASSWORD_QUESTION, "default": ""}))[0] == 200
    assert call(double, "GET", path)[1]["spec"][0]["default"] == ""


def test_workflows_have_surveys_and_others_have_none(double):
    path = made(double, "workflow_job_templates", name="W", organization=1)
    assert call(double, "POST", path + "survey_spec/", spec(QUESTION)) == (200, None)
    assert call(double, "GET", "projects/1/survey_spec/")[0] == 404


# Schedules


def schedule(double, path, **fields):
    """Try to create a schedule of a template."""
    return call(double, "POST", "schedules/", {"name": "s", "unified_job_template": key(path), "rrule": RULE, **fields})


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART:20260101T020000 RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART;TZID=Mars/Base:20260101T020000 RRULE:FREQ=DAILY;INTERVAL=1",
        RULE.replace(";INTERVAL=1", ""),
        RULE.replace("DAILY", "SECONDLY"),
        RULE + ";COUNT=1000",
        RULE + ";COUNT=2;UNTIL=20270101T000000Z",
        RULE + ";BYDAY=2MO",
        RULE + " EXDATE:20260102T020000Z",
        RULE + " " + RULE,
        "DTSTART:20260101T020000Z RRULE:INTERVAL=1",
    ],
)
def test_rules_that_awx_refuses(double, rule):
    status, answer = schedule(double, template(double), rrule=rule)
    assert (status, list(answer)) == (400, ["rrule"])


def test_a_schedule_is_unique_and_shows_its_time_zone(double):
    path = template(double)
    assert schedule(double, path)[1]["timezone"] == "Europe/Berlin"
    assert schedule(double, path) == (400, {"__all__": ["Schedule with this Unified job template and Name already exists."]})
    assert schedule(double, path, name="t", rrule=RULE + ";UNTIL=20270101T000000")[1]["rrule"] == RULE + ";UNTIL=20261231T230000Z"
    assert schedule(double, template(double, "U"))[0] == 201


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({}, MISSING),
        ({"hosts": 5}, {"variables_needed_to_start": ["hosts: no text"]}),
        ({"hosts": "h"}, {"variables_needed_to_start": ["hosts: too short or too long"]}),
        ({"hosts": "all", "force": "perhaps"}, {"variables_needed_to_start": ["force: none of the choices"]}),
        ({"hosts": "all", "number": "3"}, {"variables_needed_to_start": ["Value 3 for 'number' expected to be an integer."]}),
        ({"hosts": "all", "number": 9}, {"variables_needed_to_start": ["'number' value 9 is too large (must be no more than 5)."]}),
        (
            {"hosts": "all", "other": 1},
            {"extra_data": ["Variables other are not allowed on launch. Check the Prompt on Launch setting on the Job Template to include Extra Variables."]},
        ),
    ],
)
def test_answers_that_awx_refuses(double, answers, error):
    path = template(double, survey=[QUESTION, CHOICE, NUMBER])
    assert schedule(double, path, extra_data=answers) == (400, error)
    assert double.objects("schedules") == []


def test_a_schedule_may_bring_what_the_template_asks_for(double):
    path = template(double, survey=[QUESTION], ask_variables_on_launch=True, ask_limit_on_launch=True)
    assert schedule(double, path, extra_data={"hosts": "all", "other": 1}, limit="h1")[0] == 201
    assert schedule(double, path, name="t", extra_data={"hosts": "all"}, forks=3) == (400, {"forks": ["Field is not configured to prompt on launch."]})
    # What the template has already is no answer.
    assert schedule(double, path, name="t", extra_data={"hosts": "all"}, forks=0, job_type="run")[0] == 201


def test_variables_of_the_template_itself_may_be_repeated(double):
    path = template(double, extra_vars='{"a": 1}')
    assert schedule(double, path, extra_data={"a": 1})[0] == 201
    assert schedule(double, path, name="t", extra_data={"a": 2})[0] == 400


def test_a_schedule_of_a_project_answers_nothing(double):
    assert schedule(double, "projects/1/", extra_data={"a": 1}) == (400, {"extra_data": ["Field is not allowed on launch."]})
    assert schedule(double, "projects/1/")[0] == 201


def test_disabling_a_schedule_is_not_checked(double):
    path = template(double)
    _status, new = schedule(double, path)
    call(double, "POST", path + "survey_spec/", spec(QUESTION))
    call(double, "PATCH", path, {"survey_enabled": True})
    mine = "schedules/%d/" % new["id"]
    assert call(double, "PATCH", mine, {"extra_data": {}}) == (400, MISSING)
    assert call(double, "PATCH", mine, {"enabled": False})[1]["enabled"] is False


def test_secret_answers_are_kept_and_not_shown(double):
    path = template(double, survey=[QUESTION, PASSWORD_QUESTION])
    assert schedule(double, path, extra_data={"hosts": "all", "secret": HIDDEN})[0] == 400
    _status, new = schedule(double, path, extra_data={"hosts": "all", "secret": SECRET})
    assert new["extra_data"] == {"hosts": "all", "secret": HIDDEN}
    mine = "schedules/%d/" % new["id"]
    assert call(double, "PATCH", mine, {"extra_data": {"hosts": "some", "secret": HIDDEN}})[0] == 200
    assert double.find("schedules", "s")["extra_data"] == {"hosts": "some", "secret": SECRET}


def test_a_schedule_needs_a_template_that_can_run(double):
    path = template(double)
    double.change("job_templates", "T", inventory=None)
    assert schedule(double, path)[1] == {"resources_needed_to_start": ["Job Template inventory is missing or undefined."]}


def test_credentials_of_a_schedule(double):
    path = template(double)
    _status, new = schedule(double, path)
    mine, credential = "schedules/%d/credentials/" % new["id"], key(made(double, "credentials", name="c", organization=1, credential_type=own_type(double)))
    assert call(double, "POST", mine, {"id": credential})[1] == {"msg": "Related template is not configured to accept credentials on launch."}
    double.change("job_templates", "T", ask_credential_on_launch=True)
    assert call(double, "POST", mine, {"name": "x"})[1] == {"msg": "Credential 'id' field is missing."}
    assert call(double, "POST", mine, {"id": credential})[0] == 204
    assert call(double, "POST", mine, {"id": credential})[1] == {"msg": "This launch configuration already provides a Own credential."}


# Workflows


@pytest.fixture(name="nodes")
def some_nodes(double):
    """The paths of three nodes of a workflow, a, b and c."""
    made(double, "workflow_job_templates", name="W", organization=1)
    path = template(double, survey=[QUESTION])
    workflow = double.find("workflow_job_templates", "W")["id"]
    body = {"workflow_job_template": workflow, "unified_job_template": key(path)}
    return [made(double, "workflow_job_template_nodes", identifier=name, **body) for name in "abc"]


def test_identifiers_are_unique_in_a_workflow(double, nodes):
    body = {"workflow_job_template": double.find("workflow_job_templates", "W")["id"], "identifier": "a"}
    message = "Workflow job template node with this Identifier and Workflow job template already exists."
    assert call(double, "POST", "workflow_job_template_nodes/", body) == (400, {"__all__": [message]})
    assert "duplicate key" in call(double, "PATCH", nodes[1], {"identifier": "a"})[1]["detail"]
    other = key(made(double, "workflow_job_templates", name="W2", organization=1))
    assert call(double, "POST", "workflow_job_template_nodes/", {**body, "workflow_job_template": other})[0] == 201
    assert len(call(double, "POST", "workflow_job_template_nodes/", {"workflow_job_template": other})[1]["identifier"]) == 36


def test_a_node_may_leave_required_questions_to_its_workflow_but_must_answer_well(double, nodes):
    assert call(double, "PATCH", nodes[0], {"extra_data": {"hosts": "h"}})[0] == 400
    assert call(double, "PATCH", nodes[0], {"extra_data": {"other": 1}})[0] == 400
    assert call(double, "PATCH", nodes[0], {"extra_data": {"hosts": "all"}})[1]["extra_data"] == {"hosts": "all"}


def test_a_workflow_has_no_cycles(double, nodes):
    a, b, c = (key(path) for path in nodes)
    assert call(double, "POST", nodes[0] + "success_nodes/", {"id": b})[0] == 204
    assert call(double, "POST", nodes[1] + "failure_nodes/", {"id": c})[0] == 204
    assert call(double, "POST", nodes[2] + "always_nodes/", {"id": a}) == (400, {"Error": "Cycle detected."})
    assert call(double, "POST", nodes[0] + "always_nodes/", {"id": a}) == (400, {"Error": "Cycle detected."})
    assert call(double, "POST", nodes[0] + "always_nodes/", {"id": b}) == (400, {"Error": "Relationship not allowed."})
    assert call(double, "GET", nodes[0])[1]["success_nodes"] == [b]
    assert call(double, "DELETE", nodes[1])[0] == 204
    assert call(double, "GET", nodes[0])[1]["success_nodes"] == []


def test_nodes_of_two_workflows_are_not_connected(double, nodes):
    other = key(made(double, "workflow_job_templates", name="W2", organization=1))
    node = key(made(double, "workflow_job_template_nodes", workflow_job_template=other))
    assert call(double, "POST", nodes[0] + "success_nodes/", {"id": node})[0] == 403


def test_an_approval_belongs_to_its_node(double, nodes):
    assert call(double, "POST", nodes[0] + "create_approval_template/", {}) == (400, {"name": ["This field is required."]})
    status, approval = call(double, "POST", nodes[0] + "create_approval_template/", {"name": "Go?", "timeout": 60})
    assert (status, approval["type"], approval["timeout"]) == (201, "workflow_approval_template", 60)
    node = call(double, "GET", nodes[0])[1]
    assert node["related"]["unified_job_template"] == approval["url"]
    assert node["summary_fields"]["unified_job_template"]["timeout"] == 60
    assert call(double, "PATCH", approval["url"][8:], {"timeout": 5})[1]["timeout"] == 5
    # Another template in its place, or the end of the node, is the end of the approval.
    call(double, "POST", nodes[0] + "create_approval_template/", {"name": "Really?"})
    assert [one["name"] for one in double.objects("workflow_approval_templates")] == ["Really?"]
    assert call(double, "DELETE", nodes[0])[0] == 204
    assert double.objects("workflow_approval_templates") == []


def test_a_workflow_takes_along_its_nodes(double, nodes):
    call(double, "POST", nodes[0] + "create_approval_template/", {"name": "Go?"})
    workflow = "workflow_job_templates/%d/" % double.find("workflow_job_templates", "W")["id"]
    assert call(double, "GET", workflow + "workflow_nodes/")[1]["count"] == 3
    assert call(double, "GET", "workflow_job_template_nodes/?identifier=b&workflow_job_template=%d" % key(workflow))[1]["count"] == 1
    assert call(double, "DELETE", workflow)[0] == 204
    assert (double.objects("workflow_job_template_nodes"), double.objects("workflow_approval_templates")) == ([], [])


def test_a_node_without_a_template_has_no_prompts(double, nodes):
    workflow = double.find("workflow_job_templates", "W")["id"]
    _status, node = call(double, "POST", "workflow_job_template_nodes/", {"workflow_job_template": workflow, "extra_data": {"a": 1}, "limit": "x"})
    assert (node["extra_data"], node["limit"]) == ({}, None)
