# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys, and what schedules and nodes of workflows may answer: the questions of a survey, and what a template asks for when it is launched."""

from __future__ import annotations

import copy
import datetime
import re
import zoneinfo

from tests.doubles.controller_fields import Refusal, invalid
from tests.doubles.controller_kinds import KINDS
from tests.doubles.controller_secrets import ENCRYPTED, mapping
from tests.unit import awx_rules

# What a launch may bring to the field that lets it.
ASK = {"job_tags": "ask_tags_on_launch", "extra_data": "ask_variables_on_launch", "credentials": "ask_credential_on_launch"}
NAMES = "diff_mode limit job_tags skip_tags job_type verbosity inventory execution_environment forks job_slice_count timeout scm_branch".split()
LISTS = ("credentials", "labels", "instance_groups")


def ask_field(template_kind, name):
    """The field by which a template asks for something; ``None`` if it never can."""
    found = ASK.get(name, "ask_%s_on_launch" % name)
    return found if found in KINDS[template_kind].fields else None


# Surveys


def survey(spec, old):
    """A survey as AWX keeps it.

    :param spec: what was sent.
    :param old: the survey before.
    :raises Refusal: AWX refuses it; the answer has the first complaint in ``error``.
    """
    kept = copy.deepcopy(spec)
    questions = kept.get("spec")
    if isinstance(questions, list) and all(isinstance(question, dict) for question in questions):
        before = {question["variable"]: question for question in old.get("spec", [])}
        for number, question in enumerate(questions):
            _default_answer(number, question, before)
    complaint = next(awx_rules.survey(_as_checked(kept)), None) if isinstance(questions, list) else "Field 'spec' is missing from survey spec."
    if complaint:
        raise Refusal(400, {"error": complaint})
    return kept


def _default_answer(number, question, before):
    default = question.get("default")
    if not isinstance(default, str) or not default.startswith(ENCRYPTED):
        return
    if question.get("type") != "password":
        message = "$encrypted$ is a reserved keyword for password question defaults, survey question %d is type %s." % (number, question.get("type"))
        raise Refusal(400, {"error": message})
    kept = before.get(question.get("variable"), {}).get("default")
    if not isinstance(kept, str):
        raise Refusal(400, {"error": "$encrypted$ is a reserved keyword, may not be used for new default in position %d." % number})
    question["default"] = kept


def _as_checked(spec):
    """The survey without what AWX accepts and the project's own surveys do not have."""
    questions = [question if isinstance(question, dict) else {} for question in spec["spec"]]
    plain = [{key: value for key, value in question.items() if key in awx_rules.QUESTION and value is not None} for question in questions]
    for question in plain:
        if question.get("type") == "password" or question.get("default") == "":
            question.pop("default", None)
        if isinstance(question.get("choices"), str):
            question["choices"] = question["choices"].splitlines()
    return {**spec, "spec": plain}


def shown_survey(spec):
    """A survey without the defaults of passwords."""
    shown = copy.deepcopy(spec)
    for question in shown.get("spec", []):
        if question["type"] == "password" and question.get("default"):
            question["default"] = ENCRYPTED
    return shown


def _complaints_about_answers(template, given, required):
    """What AWX says about the answers to a survey."""
    for question in template["survey_spec"].get("spec", []):
        name = question["variable"]
        known = {name: given[name]} if name in given else {}
        if question["type"] == "password" and known.get(name) == ENCRYPTED:
            if question.get("default") is None and question["required"] and required:
                yield "'%s' value missing" % name
        elif name not in given:
            if question["required"] and required:
                yield "'%s' value missing" % name
        elif question["type"] in ("integer", "float"):
            yield from _number(question, given[name])
        elif question["type"] == "multiselect":
            if not isinstance(given[name], list):
                yield "'%s' value is expected to be a list." % name
            else:
                yield from (
                    "Value %s for '%s' expected to be one of %s." % (one, name, _choices(question)) for one in given[name] if one not in _choices(question)
                )
        else:
            plain = {key: value for key, value in {**question, "choices": _choices(question)}.items() if value is not None}
            yield from awx_rules.answers({"spec": [plain]}, known)


def _choices(question):
    choices = question.get("choices") or []
    return choices.splitlines() if isinstance(choices, str) else choices


def _number(question, value):
    name = question["variable"]
    expected = (int,) if question["type"] == "integer" else (int, float)
    if type(value) not in expected:
        yield "Value %s for '%s' expected to be %s." % (value, name, "an integer" if question["type"] == "integer" else "a numeric type")
    elif question.get("min") is not None and value < question["min"]:
        yield "'%s' value %s is too small (must be at least %s)." % (name, value, question["min"])
    elif question.get("max") is not None and value > question["max"]:
        yield "'%s' value %s is too large (must be no more than %s)." % (name, value, question["max"])


# Launch configurations


def launch(store, old, new, given, *, required):
    """Refuse what the template of a schedule or node does not ask for, and replace what stands for a secret.

    :param given: the fields of the request.
    :param required: whether required questions must have an answer; a node may get it from its workflow.
    :raises Refusal: it is refused.
    """
    kind, template = store.template(new["unified_job_template"])
    if template is None:
        return
    answers = dict(mapping("extra_data", new["extra_data"]))
    passwords = _passwords(template)
    if "extra_data" in given:
        _keep_secrets(template, old, answers, passwords)
        new["extra_data"] = answers if passwords else new["extra_data"]
    asked = {name for name in (*NAMES, *LISTS) if kind in ("job_templates", "workflow_job_templates") and ask_field(kind, name)}
    if (asked | {"extra_data"}) & set(given):
        errors = _errors(store, kind, template, {**new, "extra_data": answers}, required)
        if errors:
            raise Refusal(400, errors)
    if passwords and "extra_data" in given:
        # What is left stands for the default of the question.
        new["extra_data"] = {name: value for name, value in answers.items() if not (name in passwords and value == ENCRYPTED)}
    new["survey_passwords"] = [name for name in passwords if name in mapping("extra_data", new["extra_data"])]


def _passwords(template):
    questions = template.get("survey_spec", {}).get("spec", []) if template.get("survey_enabled") else []
    return [question["variable"] for question in questions if question["type"] == "password"]


def _keep_secrets(template, old, answers, passwords):
    before = mapping("extra_data", old["extra_data"]) if old else {}
    questions = {question["variable"]: question for question in template.get("survey_spec", {}).get("spec", [])}
    for name in passwords:
        if answers.get(name) == ENCRYPTED:
            if name in before:
                answers[name] = before[name]
            elif not questions[name].get("default"):
                raise invalid("extra_data", "Provided variable %s has no database value to replace with." % name)


def _errors(store, kind, template, new, required):
    if kind not in ("job_templates", "workflow_job_templates"):
        present = [name for name in NAMES if new.get(name) is not None] + [name for name in LISTS if new[name]] + ["extra_data"] * bool(new["extra_data"])
        return {name: ["Field is not allowed on launch."] for name in present}
    errors, left = {}, dict(new["extra_data"])
    if template["survey_enabled"] and template["survey_spec"]:
        found = list(_complaints_about_answers(template, left, required))
        if found:
            errors["variables_needed_to_start"] = found
        for question in template["survey_spec"].get("spec", []):
            left.pop(question["variable"], None)
    own = mapping("extra_vars", template["extra_vars"])
    left = [name for name, value in left.items() if not (name in own and own[name] == value)]
    if left and not template["ask_variables_on_launch"]:
        errors["extra_data"] = [
            "Variables %s are not allowed on launch. Check the Prompt on Launch setting on the %s to include Extra Variables."
            % (", ".join(left), KINDS[kind].label.title())
        ]
    for name in (*NAMES, *LISTS):
        message = _prompt_error(store, kind, template, name, new.get(name))
        if message:
            errors[name] = [message]
    missing = [name for name in ("project", "inventory") if kind == "job_templates" and not template[name]]
    if "inventory" in missing and new["inventory"] and "inventory" not in errors:
        missing.remove("inventory")
    if missing:
        errors["resources_needed_to_start"] = ["Job Template %s is missing or undefined." % name for name in missing]
    return errors


def _prompt_error(store, kind, template, name, value):
    asking = ask_field(kind, name)
    if value in (None, []) or asking is None:
        return None
    if name in LISTS:
        same = not set(value) - set(template.get(name, []))
    else:
        same = value == template.get(name)
    if same:
        return None
    if not template[asking]:
        return "Field is not configured to prompt on launch."
    if name == "job_slice_count" and value > 1:
        hosts = store.all("hosts", inventory=template["inventory"])
        if template["inventory"] and min(value, len(hosts)) <= 1:
            return "Job inventory does not have enough hosts for slicing"
    return None


def shown_answers(item):
    """The extra data of a schedule or node without its secrets."""
    if not item["survey_passwords"]:
        return item["extra_data"]
    return {name: ENCRYPTED if name in item["survey_passwords"] else value for name, value in mapping("extra_data", item["extra_data"]).items()}


# Schedules


def schedule(store, old, new, given, patch):
    """Refuse what AWX refuses of a schedule.

    :param patch: whether this is a PATCH; one that only disables a schedule is not checked.
    :raises Refusal: it is refused.
    """
    if patch and given == {"enabled": False}:
        return
    if "rrule" in given:
        new["rrule"] = _rrule(new["rrule"])
    kind, template = store.template(new["unified_job_template"])
    if kind == "projects" and not template["scm_type"]:
        raise invalid("unified_job_template", "Manual Project cannot have a schedule set.")
    store.check_unique("schedules", new)
    launch(store, old, new, given, required=True)


def _rrule(rule):
    found = [*awx_rules.rrule(rule)]
    found += ["COUNT > 999 is unsupported: %s" % count for count in re.findall(r"COUNT=(\d+)", rule) if int(count) > 999]
    zone, zones = _zone(rule), zoneinfo.available_timezones()
    # A machine without a database of time zones cannot tell.
    if zone and zones and zone not in zones:
        found.append("rrule parsing failed validation: A valid TZID must be provided (e.g., America/New_York)")
    if "FREQ=" not in rule:
        found.append("rrule parsing failed validation: 'FREQ'")
    if found:
        raise invalid("rrule", *found)
    return _with_utc(rule, zone)


def _zone(rule):
    found = re.match(r"DTSTART;TZID=([\w/+-]+):", rule)
    return found[1] if found else None


def _with_utc(rule, zone):
    """UNTIL without a time zone is one in the zone of the start; AWX turns it into UTC, so that the rule reads differently from then on."""

    def utc(match):
        local = datetime.datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=zoneinfo.ZoneInfo(zone or "UTC"))
        return "UNTIL=" + local.astimezone(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")

    return re.sub(r"UNTIL=(\d{8}T\d{6})(?!Z)", utc, rule)


def shown_zone(item):
    """The time zone of a schedule."""
    return _zone(item["rrule"]) or "UTC"
