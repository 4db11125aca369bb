# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
What AWX 24 accepts, and what it makes of a credential in a job.

Written after its own checks: CredentialTypeInputField and CredentialTypeInjectorField, JobTemplateSurveySpec, SchedulePreviewSerializer,
NotificationTemplateSerializer. The options of the modules are those of awx.awx 24.6.1.
"""

from __future__ import annotations

import datetime
import json
import re

from jinja2 import StrictUndefined, TemplateError, Undefined, sandbox
from jinja2.defaults import DEFAULT_NAMESPACE

# The options of the modules as far as the data may use them, by the name of the list.
OPTIONS = {
    "controller_credential_types": {"name", "description", "kind", "inputs", "injectors"},
    "controller_credentials": {"name", "description", "organization", "credential_type", "inputs"},
    "controller_execution_environments": {"name", "description", "organization", "image", "credential", "pull"},
    "controller_inventories": {"name", "description", "organization", "variables", "kind", "host_filter", "instance_groups"},
    "controller_notifications": {"name", "description", "organization", "notification_type", "notification_configuration", "messages"},
    "controller_projects": {"name", "description", "organization", "scm_type", "scm_url", "scm_branch", "scm_update_on_launch", "allow_override", "credential"},
    "controller_schedules": {
        "name", "description", "organization", "unified_job_template", "rrule", "extra_data", "enabled", "limit", "job_type", "inventory", "credentials",
    },
    "controller_templates": {
        "name", "description", "organization", "inventory", "project", "playbook", "execution_environment", "credentials", "job_type", "limit", "forks",
        "verbosity", "extra_vars", "timeout", "diff_mode", "become_enabled", "allow_simultaneous", "job_slice_count", "survey_enabled", "survey_spec",
        "ask_job_type_on_launch", "ask_limit_on_launch", "ask_variables_on_launch", "ask_job_slice_count_on_launch", "labels",
        "notification_templates_started", "notification_templates_success", "notification_templates_error",
    },
    "controller_workflows": {
        "name", "description", "organization", "allow_simultaneous", "ask_variables_on_launch", "ask_limit_on_launch", "survey_enabled", "survey_spec",
        "workflow_nodes", "destroy_current_nodes", "labels", "limit", "inventory", "extra_vars", "notification_templates_started",
        "notification_templates_success", "notification_templates_error", "notification_templates_approvals",
    },
}  # fmt: skip
NODE = {"identifier", "unified_job_template", "extra_data", "related", "all_parents_must_converge", "limit", "job_type", "state"}

# Credential types

IDENTIFIER = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")
FIELD = {"id": str, "label": str, "help_text": str, "type": str, "format": str, "choices": list, "multiline": bool, "secret": bool, "default": (str, bool)}
STRINGS_ONLY = {"choices", "multiline", "format", "secret"}
FORBIDDEN = set(
    """
    VIRTUAL_ENV PATH PYTHONPATH JOB_ID INVENTORY_ID INVENTORY_SOURCE_ID INVENTORY_UPDATE_ID AD_HOC_COMMAND_ID REST_API_URL REST_API_TOKEN MAX_EVENT_RES
    CALLBACK_QUEUE CALLBACK_CONNECTION CACHE JOB_CALLBACK_DEBUG INVENTORY_HOSTVARS AWX_HOST PROJECT_REVISION SUPERVISOR_CONFIG_PATH
    """.split()
)


class _Names:
    """``tower`` and ``tower.filename``: nothing but what was set may be named."""


def credential_type(data):
    """Yield what AWX would refuse."""
    inputs, injectors = data["inputs"], data["injectors"]
    yield from ("unknown in inputs: %s" % key for key in set(inputs) - {"fields", "required"})
    yield from ("unknown in injectors: %s" % key for key in set(injectors) - {"env", "extra_vars", "file"})
    ids = [field.get("id") for field in inputs["fields"]]
    yield from ("required, but no field: %s" % key for key in inputs.get("required", []) if key not in ids)
    if len(ids) != len(set(ids)):
        yield "an id is there twice"
    for field in inputs["fields"]:
        yield from _field(field)
    names = {**dict.fromkeys(ids, "EXAMPLE"), "tower": _Names()}
    names["tower"].filename = _Names()
    files = injectors.get("file", {})
    for label in files:
        if not re.fullmatch(r"template(\.[a-zA-Z_]+[a-zA-Z0-9_]*)?", label):
            yield "no name of a file: %s" % label
        if label == "template":
            names["tower"].filename = "EXAMPLE"
            if len(files) > 1:
                yield "one file without a name among several"
        else:
            setattr(names["tower"].filename, label.partition(".")[2], "EXAMPLE")
    for variable, text in injectors.get("env", {}).items():
        if not IDENTIFIER.fullmatch(variable) or variable.startswith("ANSIBLE_") or variable in FORBIDDEN:
            yield "no variable for a credential: %s" % variable
        if not text.isascii():
            yield "not ASCII: %s" % variable
    for text in [*injectors.get("env", {}).values(), *files.values()]:
        try:
            sandbox.ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(names)
        except TemplateError as error:
            yield "%s: %s" % (text, error)


def _field(field):
    yield from ("%s: unknown or of the wrong type: %s" % (field.get("id"), key) for key, value in field.items() if not isinstance(value, FIELD.get(key, ())))
    if not IDENTIFIER.fullmatch(field.get("id", "")) or field["id"] in ("tower", *DEFAULT_NAMESPACE):
        # AWX itself takes the names that Jinja knows, but a field without a value would be what Jinja has.
        yield "no id: %s" % field.get("id")
    if not field.get("label"):
        yield "%s: no label" % field["id"]
    kind = field.get("type", "string")
    if kind not in ("string", "boolean") or field.get("format", "url") not in ("ssh_private_key", "url"):
        yield "%s: unknown type or format" % field["id"]
    if kind == "boolean":
        yield from ("%s: not for a boolean: %s" % (field["id"], key) for key in STRINGS_ONLY & set(field))
    choices = field.get("choices", ["one"])
    if not choices or len(set(choices)) != len(choices) or not all(isinstance(choice, str) for choice in choices):
        yield "%s: the choices are not different texts" % field["id"]
    if "default" in field and type(field["default"]) is not {"string": str, "boolean": bool}[kind]:  # pylint: disable=unidiomatic-typecheck
        yield "%s: the default has the wrong type" % field["id"]
    if field.get("default") is True:
        # AWX turns false into true where that is the default.
        yield "%s: nobody could switch it off" % field["id"]


def inject(data, values, folder, undefined=Undefined):
    """What a job gets of a credential.

    :param data: the credential type.
    :param values: the fields that are filled in.
    :param folder: where the files go, a :class:`pathlib.Path`.
    :param undefined: what AWX takes for a field without a value. With StrictUndefined such a field is an empty text here.
    :return: the environment variables.
    """
    environment = sandbox.ImmutableSandboxedEnvironment(undefined=undefined)
    names = {key: value for key, value in values.items() if isinstance(value, bool) or value}
    for field in data["inputs"]["fields"]:
        if field.get("type") == "boolean":
            names.setdefault(field["id"], False)
        elif undefined is StrictUndefined:
            names.setdefault(field["id"], "")
    names["tower"] = _Names()
    names["tower"].filename = _Names()
    for label, text in data["injectors"].get("file", {}).items():
        path = folder / label.partition(".")[2]
        path.write_text(environment.from_string(text).render(**names), encoding="utf-8")
        setattr(names["tower"].filename, path.name, str(path))
    return {variable: environment.from_string(text).render(**names) for variable, text in data["injectors"]["env"].items()}


# Surveys

TYPES = {"text": str, "textarea": str, "password": str, "multiplechoice": str, "multiselect": str, "integer": int, "float": (float, int)}
QUESTION = {"question_name", "question_description", "variable", "type", "required", "default", "min", "max", "choices"}


def survey(spec):
    """Yield what AWX would refuse."""
    for key, kind in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(spec.get(key), kind):
            yield "%s is missing or of the wrong type" % key
    names = [question.get("variable") for question in spec["spec"]]
    if not names or len(names) != len(set(names)):
        yield "no question, or two for one variable"
    for question in spec["spec"]:
        for key, kind in (("type", str), ("question_name", str), ("variable", str), ("required", bool)):
            if not isinstance(question.get(key), kind):
                yield "%s: %s is missing or of the wrong type" % (question.get("variable"), key)
        yield from ("%s: unknown: %s" % (question["variable"], key) for key in set(question) - QUESTION)
        if question["type"] not in TYPES:
            yield "%s: unknown type" % question["variable"]
        for key in ("min", "max"):
            if type(question.get(key, 0)) is not int:  # pylint: disable=unidiomatic-typecheck
                yield "%s: %s is no integer" % (question["variable"], key)
        if question["type"] in ("multiplechoice", "multiselect") and not question.get("choices"):
            yield "%s: no choices" % question["variable"]
        if "default" in question:
            if question["type"] == "password":
                # AWX shows it as $encrypted$, so awx.awx would find it changed at every run.
                yield "%s: a default for a password" % question["variable"]
            if question["default"] != "" and not isinstance(question["default"], TYPES[question["type"]]):
                yield "%s: the default has the wrong type" % question["variable"]
            if question.get("choices") and question["default"] not in question["choices"]:
                yield "%s: the default is none of the choices" % question["variable"]
            yield from answers(dict(spec, spec=[question]), {question["variable"]: question["default"]})


def answers(spec, given):
    """Yield what AWX would refuse of answers. It does not take the default for an answer that is missing."""
    questions = {question["variable"]: question for question in spec["spec"]}
    yield from ("no question for %s" % name for name in set(given) - set(questions))
    for name, question in questions.items():
        if name not in given:
            if question["required"]:
                yield "%s: value missing" % name
            continue
        value = given[name]
        if question["type"] in ("text", "textarea", "password"):
            if not isinstance(value, str):
                yield "%s: no text" % name
            elif not question.get("min", 0) <= len(value) <= question.get("max", len(value)):
                yield "%s: too short or too long" % name
        elif question["type"] == "multiplechoice" and value not in question["choices"]:
            yield "%s: none of the choices" % name


# Schedules


def rrule(text):
    """Yield what AWX would refuse."""
    if not re.match(r"DTSTART(;TZID=[\w/]+:\d{8}T\d{6}|:\d{8}T\d{6}Z) RRULE:", text) or text.count("DTSTART") > 1:
        yield "one DTSTART with a time zone is needed"
    if re.search("EXDATE:|RDATE:", text):
        yield "EXDATE and RDATE are not allowed"
    for rule in re.findall(r"RULE:\S+", text):
        if "INTERVAL=" not in rule or "SECONDLY" in rule or ("COUNT=" in rule and "UNTIL=" in rule) or re.search(r"BYDAY=\d", rule):
            yield "not supported: %s" % rule


# Notification templates

CONFIGURATION = {
    "email": {
        "host": str, "port": int, "username": str, "password": str, "use_tls": bool, "use_ssl": bool, "sender": str, "recipients": list, "timeout": int,
    },
    "slack": {"token": str, "channels": list},
    "webhook": {"url": str, "http_method": str, "disable_ssl_verification": bool, "username": str, "password": str, "headers": dict},
}  # fmt: skip
# With what AWX tries a text when it is saved; the keys are those that a text may use.
JOB = {
    "allow_simultaneous": False, "artifacts": {}, "controller_node": "foo_controller", "created": datetime.datetime(2018, 11, 13),
    "custom_virtualenv": "my_venv", "description": "Sample job description", "diff_mode": False, "elapsed": 0.403018,
    "execution_node": "awx", "failed": False, "finished": False,
    "force_handlers": False, "forks": 0,
    "host_status_counts": {"skipped": 1, "ok": 5, "changed": 3, "failures": 0, "dark": 0, "failed": False, "processed": 0, "rescued": 0},
    "id": 42, "job_explanation": "Sample job explanation", "job_slice_count": 1, "job_slice_number": 0, "job_tags": "", "job_type": "run",
    "launch_type": "workflow", "limit": "bar_limit", "modified": datetime.datetime(2018, 12, 13), "name": "Stub JobTemplate", "playbook": "ping.yml",
    "scm_branch": "", "scm_revision": "", "skip_tags": "", "start_at_task": "", "started": "2019-07-29T17:38:14.137461Z", "status": "running", "timeout": 0,
    "type": "job", "url": "/api/v2/jobs/13/", "use_fact_cache": False, "verbosity": 0,
}  # fmt: skip
CONTEXT = {
    "job": JOB,
    "job_friendly_name": "Job",
    "url": "https://platformhost/#/jobs/playbook/1010",
    "approval_status": "approved",
    "approval_node_name": "Approve Me",
    "workflow_url": "https://platformhost/#/jobs/workflow/1010",
    "job_metadata": "{'url': 'https://platformhost/$/jobs/playbook/13', 'extra_vars': {}}",
}
# What there is when an approval is notified.
APPROVAL = {key: CONTEXT[key] for key in ("approval_status", "approval_node_name", "workflow_url", "job_metadata")}
EVENTS = ("started", "success", "error")
APPROVALS = ("running", "approved", "timed_out", "denied")


def render_text(text, context, undefined=StrictUndefined):
    """A text as AWX renders it."""
    return sandbox.ImmutableSandboxedEnvironment(undefined=undefined).from_string(text).render(**context)


def texts(messages):
    """Yield all texts, each with whether it is a message or a body, and whether it is about an approval."""
    for event, text in messages.items():
        for subevent in [text] if event != "workflow_approval" else text.values():
            for kind, value in (subevent or {}).items():
                if value is not None:
                    yield kind, value, event == "workflow_approval"


def notification(template):
    """Yield what AWX would refuse."""
    kind, messages = template["notification_type"], template["messages"]
    for key, expected in CONFIGURATION[kind].items():
        if type(template["notification_configuration"].get(key)) is not expected:  # pylint: disable=unidiomatic-typecheck
            yield "%s is missing or of the wrong type" % key
    yield from ("unknown: %s" % key for key in set(template["notification_configuration"]) - set(CONFIGURATION[kind]))
    yield from ("unknown event: %s" % event for event in set(messages) - {*EVENTS, "workflow_approval"})
    yield from ("unknown event: %s" % event for event in set(messages.get("workflow_approval", {})) - set(APPROVALS))
    for part, text, _approval in texts(messages):
        if part not in ("message", "body"):
            yield "unknown part: %s" % part
        if part == "message" and "\n" in text:
            yield "a message of several lines: %s" % text
        try:
            rendered = render_text(text, CONTEXT)
        except TemplateError as error:
            yield "%s: %s" % (text, error)
            continue
        if kind == "webhook" and part == "body" and not isinstance(json.loads(rendered), dict):
            yield "no dictionary: %s" % rendered
