# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What extensions/awx ships: AWX takes it, it is of today, and a credential arrives as the options that were meant."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rekey.passwords.plugins.module_utils import _vendor_registry as vendor_registry
from ansible_collections.rekey.passwords.plugins.module_utils._environment import from_environment
from ansible_collections.rekey.passwords.plugins.plugin_utils import _store_registry as store_registry
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import artifacts, variables
from jinja2 import ChainableUndefined, StrictUndefined, Undefined

from tests.tools import awx, layout
from tests.unit import awx_rules as rules

ROOT = pathlib.Path(__file__).parents[2]
OBJECTS = awx.objects(ROOT)
RENDERED = {name: awx.rendered(elements) for name, elements in OBJECTS.items()}
TYPES = {type_["name"]: type_ for type_ in RENDERED["controller_credential_types"]}
FORMS = {form.name: form for form in awx.forms()}
TEMPLATES = {template["name"]: template for template in RENDERED["controller_templates"]}
WORKFLOW = RENDERED["controller_workflows"][0]
NOTIFICATIONS = {template["name"]: template for template in RENDERED["controller_notifications"]}
SURVEYS = {**{name: template["survey_spec"] for name, template in TEMPLATES.items()}, WORKFLOW["name"]: WORKFLOW["survey_spec"]}


@pytest.fixture(autouse=True)
def no_foreign_variables(monkeypatch):
    """What whoever runs the tests has set for servers and stores of their own."""
    for name in list(os.environ):
        if layout.FOREIGN_VARIABLES.match(name):
            monkeypatch.delenv(name)


# Of today


def test_the_credential_types_are_what_the_options_say():
    assert awx.credential_types() == (ROOT / awx.CREDENTIAL_TYPES).read_text(encoding="utf-8"), "run: make awx"


def test_the_reference_page_is_what_the_data_says():
    assert awx.page(ROOT) == (ROOT / awx.PAGE).read_text(encoding="utf-8"), "run: make awx"


@pytest.mark.parametrize("vendor", vendor_registry.names())
def test_a_new_option_of_a_vendor_becomes_a_field(vendor, monkeypatch):
    class_ = vendor_registry.load(vendor)
    spec = dict(class_.spec(), argument_spec=dict(class_.spec()["argument_spec"], shiny=dict(type="str", fallback=(from_environment, ["NEW_SHINY"]))))
    monkeypatch.setattr(class_, "spec", classmethod(lambda cls: spec))
    documentation = awx._documentation
    monkeypatch.setattr(awx, "_documentation", lambda name: {**documentation(name), "shiny": "What is new."})
    assert 'NEW_SHINY: !unsafe "{{ shiny }}"' in awx.credential_types()


def test_a_new_option_of_a_store_becomes_a_field(monkeypatch):
    store = store_registry.store_class("hashi_vault")
    monkeypatch.setattr(store, "argument_spec", dict(store.argument_spec, shiny=dict(type="str", fallback=(from_environment, ["VAULT_SHINY"]))))
    monkeypatch.setitem(awx.STORE_HELP, "shiny", "What is new.")
    assert 'VAULT_SHINY: !unsafe "{{ shiny }}"' in awx.credential_types()


def test_nobody_forgets_to_say_what_becomes_of_a_file():
    with pytest.raises(ValueError, match="takes a path"):
        awx._is_field("new_path", dict(type="path"))


def test_numbers_and_lists_stay_in_the_inventory():
    assert not any(awx._is_field("x", dict(type=kind)) for kind in ("int", "float", "list", "dict"))
    texts = "".join(text for type_ in TYPES.values() for text in type_["injectors"]["env"])
    assert not re.search("TIMEOUT|RETRIES|CONCURRENCY|DEADLINE", texts)


def test_every_vendor_and_store_has_a_type_or_a_reason():
    stores = {path.stem for path in (ROOT / "plugins" / "plugin_utils" / "_stores").glob("*.py")} - {"__init__"}
    assert set(awx.STORE_LOGINS) | set(awx.STORES_WITHOUT_TYPE) == stores and not set(awx.STORE_LOGINS) & set(awx.STORES_WITHOUT_TYPE)
    for name in vendor_registry.names():
        vendor = vendor_registry.load(name)
        titles = [title for title in awx.VENDOR_LOGINS.get(name, {"": vendor.capabilities.title + " operator"}).values() if title]
        assert titles and set(titles) <= set(TYPES)


# AWX takes it


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_the_elements_have_options_of_the_modules(name):
    for element in OBJECTS[name]:
        assert not set(element) - rules.OPTIONS[name], element["name"]
    names = [element["name"] for element in RENDERED[name]]
    assert len(names) == len(set(names))


def test_every_variable_of_the_data_is_on_the_page():
    assert set(awx.variables(ROOT)) == set(awx.VARIABLES)


def test_a_prefix_is_before_all_names_and_what_refers_to_them():
    data = awx.rendered(OBJECTS, rekey_awx_prefix="Team A: ")
    names = {kind: {element["name"] for element in elements} for kind, elements in data.items()}
    assert all(name.startswith("Team A: ") for found in names.values() for name in found)
    for template in data["controller_templates"]:
        for key, kind in (("project", "projects"), ("inventory", "inventories"), ("execution_environment", "execution_environments")):
            assert template[key] in names["controller_" + kind]
    for element in data["controller_templates"] + data["controller_workflows"]:
        for key in ("notification_templates_error", "notification_templates_approvals"):
            assert set(element.get(key, [])) <= names["controller_notifications"]
    assert {schedule["unified_job_template"] for schedule in data["controller_schedules"]} <= names["controller_templates"]


@pytest.mark.parametrize("name", sorted(TYPES))
def test_awx_takes_every_credential_type(name):
    assert not list(rules.credential_type(TYPES[name]))
    assert all(field["help_text"].endswith(".") and len(field["label"]) < 40 for field in TYPES[name]["inputs"]["fields"])


BROKEN = {
    "an unknown key": lambda type_: type_["inputs"].update(metadata=[]),
    "a forbidden variable": lambda type_: type_["injectors"]["env"].update(ANSIBLE_TIMEOUT="1"),
    "a variable of AWX": lambda type_: type_["injectors"]["env"].update(JOB_ID="1"),
    "an undefined field": lambda type_: type_["injectors"]["env"].update(MINE="{{ nobody }}"),
    "an undefined file": lambda type_: type_["injectors"]["env"].update(MINE="{{ tower.filename.nobody }}"),
    "not ASCII": lambda type_: type_["injectors"]["env"].update(MINE="\xe4"),
    "a secret switch": lambda type_: type_["inputs"]["fields"].append({"id": "mine", "label": "Mine", "type": "boolean", "secret": True}),
    "a name of Jinja": lambda type_: type_["inputs"]["fields"].append({"id": "namespace", "label": "Namespace"}),
    "the id tower": lambda type_: type_["inputs"]["fields"].append({"id": "tower", "label": "Tower"}),
    "twice": lambda type_: type_["inputs"]["fields"].append(dict(type_["inputs"]["fields"][0])),
    "a switch that is on": lambda type_: type_["inputs"]["fields"].append({"id": "mine", "label": "Mine", "type": "boolean", "default": True}),
    "required, but no field": lambda type_: type_["inputs"].update(required=["nobody"]),
}


@pytest.mark.parametrize("fault", sorted(BROKEN))
def test_the_rules_find_what_awx_refuses(fault):
    type_ = json.loads(json.dumps(TYPES["Milvus operator"]))
    BROKEN[fault](type_)
    assert list(rules.credential_type(type_))


@pytest.mark.parametrize("name", sorted(SURVEYS))
def test_awx_takes_every_survey(name):
    assert not list(rules.survey(SURVEYS[name]))


@pytest.mark.parametrize("name", sorted(SURVEYS))
def test_a_survey_asks_for_variables_that_are_known_and_explains_each(name):
    asked = {question["variable"] for question in SURVEYS[name]["spec"]}
    assert asked <= variables.ROLE | variables.PLAYBOOKS
    assert all(question["question_description"].endswith(".") for question in SURVEYS[name]["spec"])
    # An empty variable must never mean all hosts.
    assert next(question for question in SURVEYS[name]["spec"] if question["variable"] == "rotate_hosts")["required"]


def test_only_a_password_is_asked_for_as_a_password():
    for spec in SURVEYS.values():
        for question in spec["spec"]:
            assert (question["type"] == "password") == question["variable"].endswith("_password")


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_job_template_runs_a_playbook_that_is_there_and_says_why_it_is_set_so(name):
    template = TEMPLATES[name]
    assert (ROOT / template["playbook"]).is_file()
    assert template["survey_enabled"] and template["job_type"] == "run" and template["timeout"] > 0
    why = awx.reasons(ROOT / awx.FOLDER / "controller_templates.yml")[awx.PREFIX + name]
    chosen = {"ask_limit_on_launch", "ask_job_type_on_launch", "ask_variables_on_launch", "job_slice_count", "allow_simultaneous", "timeout"}
    assert chosen <= set(why)


@pytest.mark.parametrize("schedule", RENDERED["controller_schedules"], ids=lambda schedule: schedule["name"])
def test_awx_takes_every_schedule_and_its_answers(schedule):
    assert not list(rules.rrule(schedule["rrule"]))
    assert not list(rules.answers(SURVEYS[schedule["unified_job_template"]], schedule["extra_data"]))


def test_the_workflow_leads_from_a_verify_by_an_approval_to_another_verify():
    nodes = {node["identifier"]: node for node in WORKFLOW["workflow_nodes"]}
    way, here = [], "verify-before"
    while here:
        way.append(here)
        related = nodes[here]["related"]
        assert not set(nodes[here]) - rules.NODE
        # A failure that is handled counts as success, and nobody is notified.
        assert not related["failure_nodes"] and not related["always_nodes"]
        here = next((each["identifier"] for each in related["success_nodes"]), None)
    assert way == ["verify-before", "approve", "rotate", "verify-after"] and set(way) == set(nodes)
    assert WORKFLOW["notification_templates_error"] and WORKFLOW["notification_templates_approvals"]
    for node in nodes.values():
        if node["unified_job_template"]["type"] == "job_template":
            assert not list(rules.answers(SURVEYS[node["unified_job_template"]["name"]], node["extra_data"]))
        else:
            assert node["unified_job_template"]["timeout"] > 0 and "extra_data" not in node


# Notifications


@pytest.mark.parametrize("name", sorted(NOTIFICATIONS))
def test_awx_takes_every_notification_template(name):
    assert not list(rules.notification(NOTIFICATIONS[name]))
    # It holds the extra variables of the job.
    assert "job_metadata" not in json.dumps(NOTIFICATIONS[name]["messages"])


@pytest.mark.parametrize("name", sorted(NOTIFICATIONS))
def test_an_approval_is_told_with_what_awx_has_then(name):
    found = [(kind, text) for kind, text, approval in rules.texts(NOTIFICATIONS[name]["messages"]) if approval]
    assert found
    for _kind, text in found:
        assert "Approve Me" in rules.render_text(text, rules.APPROVAL)


# As the playbook rotate leaves them.
ARTIFACTS = {"rekey_rotated": 3, "rekey_would_rotate": 0, "rekey_failed": ["host-1: bob", "host-2: eve"], "rekey_error_kinds": ["password_rejected"]}


@pytest.mark.parametrize("name", sorted(NOTIFICATIONS))
@pytest.mark.parametrize("event", ["success", "error"])
def test_a_notification_tells_the_outcome(name, event):
    job = dict(rules.JOB, artifacts=ARTIFACTS, name="Rotate", status="failed", job_explanation="")
    part = "message" if name == "Passwords in Slack" else "body"
    text = rules.render_text(NOTIFICATIONS[name]["messages"][event][part], dict(rules.CONTEXT, job=job), ChainableUndefined)
    if name == "Passwords by webhook":
        found = json.loads(text)
        assert (found["rotated"], found["failed"], found["error_kinds"], found["checked"]) == (3, ARTIFACTS["rekey_failed"], ["password_rejected"], None)
    elif name == "Passwords in Slack":
        told = "succeeded" if event == "success" else "failed (failed)"
        rest = "Rotated: 3. To be rotated: 0. Failed: host-1: bob, host-2: eve. Kinds of errors: password_rejected."
        assert text == "Rotate %s. %s %s" % (told, rest, rules.CONTEXT["url"])
    else:
        lines = ["Rotated: 3", "To be rotated: 0", "Failed: host-1: bob", "Failed: host-2: eve", "Kinds of errors: password_rejected", "", rules.CONTEXT["url"]]
        assert text.splitlines()[1:] == lines


def test_the_artifacts_that_are_told_are_those_that_the_playbooks_leave():
    page = (ROOT / "docs" / "reference" / "playbooks.md").read_text(encoding="utf-8")
    told = set(re.findall(r"rekey_[a-z_]+", json.dumps(NOTIFICATIONS)))
    counted = {
        name
        for counts in (artifacts.ROTATED, artifacts.CHECKED, artifacts.REPAIRED, artifacts.DELIVERED)
        for name in artifacts.artifact("host-1", counts, {})["data"]
    }
    assert told == counted and all("`%s`" % name in page for name in counted)


@pytest.mark.parametrize("name", sorted(NOTIFICATIONS))
@pytest.mark.parametrize("counts", [None, {}, {"failures": 2, "ok": 1}])
def test_a_notification_does_without_artifacts(name, counts):
    # As of a job that has never started, and of a workflow, which has no artifacts.
    job = {key: value for key, value in rules.JOB.items() if key != "artifacts"}
    context = dict(rules.CONTEXT, job=dict(job, host_status_counts=counts))
    for _kind, text, _approval in rules.texts(NOTIFICATIONS[name]["messages"]):
        rendered = rules.render_text(text, context, ChainableUndefined)
        assert rendered.strip()
        if name == "Passwords by webhook" and "hosts_failed" in rendered:
            assert json.loads(rendered)["hosts_failed"] == (counts["failures"] if counts else None) and json.loads(rendered)["failed"] == []
        # Nobody must read that no host has failed where AWX does not know.
        assert bool(counts) or "Hosts that failed" not in rendered


# A credential in a job


def value_of(field):
    if field.get("type") == "boolean":
        return True
    if field.get("choices"):
        return field["choices"][-1]
    if field.get("multiline"):
        return "-----BEGIN %s-----\nAAAA\n-----END-----\n" % field["id"]
    return "https://%s.example.com" % field["id"].replace("_", "-") if field["id"] in ("url", "auth_url", "endpoint") else "the %s, as given" % field["id"]


def cases():
    """All fields, only the required ones, and each optional one alone."""
    for name, type_ in TYPES.items():
        fields = {field["id"]: field for field in type_["inputs"]["fields"]}
        required = set(type_["inputs"].get("required", []))
        yield pytest.param(name, set(fields), id="%s: all" % name)
        yield pytest.param(name, required, id="%s: required" % name)
        for optional in sorted(set(fields) - required):
            yield pytest.param(name, required | {optional}, id="%s: %s" % (name, optional))


def spec_of(form):
    """The whole specification to which the options of a form belong, and the vendor if it is one of a vendor."""
    for name in vendor_registry.names():
        vendor = vendor_registry.load(name)
        titles = awx.VENDOR_LOGINS.get(name) or {"": vendor.capabilities.title + " operator"}
        for login, title in titles.items():
            if title == form.name:
                return vendor.spec()["argument_spec"], vendor, login
    return store_registry.store_class("hashi_vault").argument_spec, None, None


@pytest.mark.parametrize("undefined", [Undefined, StrictUndefined])
@pytest.mark.parametrize("name, given", list(cases()))
def test_what_is_filled_in_arrives_and_what_is_empty_does_no_harm(name, given, undefined, tmp_path, monkeypatch):
    type_, form = TYPES[name], FORMS[name]
    values = {field["id"]: value_of(field) for field in type_["inputs"]["fields"] if field["id"] in given}
    for variable, text in rules.inject(type_, values, tmp_path, undefined).items():
        monkeypatch.setenv(variable, text)
    spec, vendor, login = spec_of(form)
    # What AWX does not give comes from the inventory.
    inventory = {
        option: "from the inventory"
        for option, rule in spec.items()
        if rule.get("required") and not (option in form.options and form.field_id(option) in given)
    }
    if login:
        inventory["auth_type"] = login
    result = ArgumentSpecValidator(dict(spec)).validate(inventory)
    assert not result.errors.errors
    params = result.validated_parameters
    if login:
        params = vendor(params, None, None, lambda secret: None).params
    for option, rule in form.options.items():
        id_ = form.field_id(option)
        if option in inventory:
            assert params[option] == "from the inventory"
        elif id_ not in given:
            # Trove fills in what OpenStack's own tools do.
            filled = {"interface": "public", "user_domain_name": "Default", "project_domain_name": "Default"} if login else {}
            assert params[option] in (rule.get("default"), filled.get(option, rule.get("default"))), option
        elif rule.get("type") == "bool":
            assert params[option] is (id_ == option)
        elif option in awx.FILES:
            assert pathlib.Path(params[option]).read_text(encoding="utf-8") == values[id_]
        elif not (login and any(rival in given for rival in ("application_credential_id", "project_id", "api_password"))):
            assert params[option] == values[id_], option
        else:
            # Some options of Trove rule out others.
            assert params[option] in (values[id_], None)
    if not vendor:
        assert params["auth_method"] == form.constants["VAULT_AUTH_METHOD"]


@pytest.mark.parametrize("kind, default", [("str", None), ("path", None), ("bool", True), ("bool", False), ("int", 8), ("float", 30.0)])
def test_an_empty_variable_counts_as_not_given_whatever_the_type(kind, default, monkeypatch):
    monkeypatch.setenv("REKEY_TEST_OPTION", "")
    spec = dict(option=dict(type=kind, default=default, fallback=(from_environment, ["REKEY_TEST_OPTION"])))
    result = ArgumentSpecValidator(spec).validate({})
    assert result.validated_parameters["option"] == default and not result.errors.errors


# The execution environment


def lines(path):
    found = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return {line for line in found if line and not line.startswith("#")}


def test_ansible_builder_finds_what_every_store_and_login_needs(tmp_path):
    pytest.importorskip("ansible_builder")
    command = [sys.executable, "-m", "ansible_builder", "introspect", str(ROOT.parents[2])]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = {kind: {entry.partition("  #")[0] for entry in entries} for kind, entries in yaml.safe_load(result.stdout.partition("---")[2]).items()}
    assert found == {"python": lines("meta/ee-requirements.txt"), "system": lines("meta/ee-bindep.txt")}
    assert {re.split(r"[>\[]", line)[0] for line in found["python"]} == {"requests", "hvac", "boto3", "PyMySQL", "psycopg"}
    assert lines("requirements.txt") <= found["python"]


def test_ansible_builder_takes_the_example(tmp_path):
    pytest.importorskip("ansible_builder")
    example = ROOT / "extensions" / "awx" / "execution-environment.yml"
    command = [sys.executable, "-m", "ansible_builder", "create", "-f", str(example), "-c", str(tmp_path / "context"), "--output-filename", "Containerfile"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rekey.passwords" in (tmp_path / "context" / "_build" / "requirements.yml").read_text(encoding="utf-8")
    assert "quay.io/centos/centos:stream9" in (tmp_path / "context" / "Containerfile").read_text(encoding="utf-8")


def test_the_bounds_are_those_of_the_documentation():
    page = (ROOT / "docs" / "reference" / "requirements.md").read_text(encoding="utf-8")
    for line in lines("meta/ee-requirements.txt"):
        name, _sign, bound = re.sub(r"\[.*\]", "", line).partition(">=")
        assert "`%s`" % name in page and (not bound or "`%s` %s or later" % (name, bound) in page)
