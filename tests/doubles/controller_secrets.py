# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credential types, credentials and notification templates: what AWX refuses of them, and how it keeps and shows their secrets."""

from __future__ import annotations

import copy
import urllib.parse

import yaml

from tests.doubles.controller_fields import Refusal, forbidden, invalid
from tests.unit import awx_rules

ENCRYPTED = "$encrypted$"
# The secret ones among the settings of a notification template.
SECRET_SETTINGS = {
    "awssns": ("aws_secret_access_key", "aws_session_token"),
    "email": ("password",),
    "grafana": ("grafana_key",),
    "irc": ("password",),
    "pagerduty": ("token",),
    "slack": ("token",),
    "twilio": ("account_token",),
    "webhook": ("password",),
}
DEFAULT_SETTINGS = {
    "email": {"timeout": 30},
    "webhook": {"http_method": "POST", "disable_ssl_verification": False, "username": "", "password": ""},
}


# Credential types


def credential_type(store, old, new, given):
    """Refuse what AWX refuses of a credential type, and complete it as AWX does.

    :raises Refusal: it is refused.
    """
    if old and old["managed"]:
        raise forbidden("Modifications not allowed for managed credential types")
    for name in ("inputs", "injectors"):
        if not isinstance(new[name], dict):
            raise invalid(name, "%s provided, expected dict" % type(new[name]).__name__)
    fields = new["inputs"].get("fields", [])
    if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
        raise invalid("inputs", "the fields are no list of dictionaries")
    if any(not isinstance(texts, dict) for texts in new["injectors"].values()):
        raise invalid("injectors", "an injector is no dictionary")
    inputs = {**new["inputs"], "fields": fields}
    _raise_complaints("inputs", awx_rules.credential_type({"inputs": inputs, "injectors": {}}))
    _raise_complaints("injectors", awx_rules.credential_type({"inputs": inputs, "injectors": new["injectors"]}))
    for field in fields:
        field.setdefault("type", "string")
    if old and "inputs" in given and old["inputs"] != new["inputs"] and store.all("credentials", credential_type=old["id"]):
        raise forbidden("Modifications to inputs are not allowed for credential types that are in use")
    if "kind" in given and given["kind"] not in ("cloud", "net"):
        raise invalid("kind", "Must be 'cloud' or 'net', not %s" % given["kind"])
    store.check_unique("credential_types", new)


def _raise_complaints(name, complaints):
    try:
        found = list(complaints)
    except (AttributeError, KeyError, TypeError) as error:
        # It is so wrong that the rules cannot even be applied.
        found = [str(error)]
    if found:
        raise invalid(name, *found)


def delete_credential_type(store, item):
    """Refuse to delete a credential type that is managed or in use."""
    if item["managed"]:
        raise forbidden("Deletion not allowed for managed credential types")
    if store.all("credentials", credential_type=item["id"]):
        raise forbidden("Credential types that are in use cannot be deleted")


# Credentials


def credential(store, old, new, given):
    """Refuse what AWX refuses of a credential, and replace what stands for a secret.

    AWX does not check at this point whether the required inputs are there.

    :raises Refusal: it is refused.
    """
    if not old:
        _owner(store, new)
    kind = store.get("credential_types", new["credential_type"])
    if old and old["credential_type"] != new["credential_type"] and _used(store, old["id"]):
        raise invalid(
            "credential_type", "You cannot change the credential type of the credential, as it may break the functionality of the resources using it."
        )
    if not isinstance(new["inputs"], dict):
        raise invalid("inputs", "%s provided, expected dict" % type(new["inputs"]).__name__)
    fields = {field["id"]: field for field in kind["inputs"].get("fields", [])}
    secret = [name for name, field in fields.items() if field.get("secret")]
    inputs = new["inputs"] = {name: _default(fields.get(name, {})) if not value and name in fields else value for name, value in new["inputs"].items()}
    if not old and any(inputs.get(name) == ENCRYPTED for name in secret):
        name = next(name for name in secret if inputs.get(name) == ENCRYPTED)
        raise invalid("inputs", "$encrypted$ is a reserved keyword, and cannot be used for %s." % name)
    errors = {name: [message] for name in inputs for message in _wrong_input(fields.get(name), name, inputs[name])}
    if errors:
        raise Refusal(400, {"inputs": errors})
    store.check_unique("credentials", new)
    for name in secret:
        if inputs.get(name) == ENCRYPTED:
            if name not in old["inputs"]:
                # AWX itself fails here.
                raise Refusal(500, {"error": "A server error has occurred."})
            inputs[name] = old["inputs"][name]
        elif not inputs.get(name):
            # A secret that is empty is not kept.
            inputs.pop(name, None)


def _owner(store, new):
    owners = [name for name in ("organization", "team", "user") if new[name]]
    if not owners:
        raise Refusal(400, {"detail": ["Missing 'user', 'team', or 'organization'."]})
    if len(owners) > 1:
        raise Refusal(400, {"detail": ["Only one of 'user', 'team', or 'organization' should be provided, received %s fields." % ", ".join(owners)]})
    if new["team"]:
        new["organization"] = store.get("teams", new["team"])["organization"]


def _used(store, key):
    return any(
        key in item.get("credentials", []) or item.get("credential") == key
        for kind in ("job_templates", "projects", "execution_environments")
        for item in store.all(kind)
    )


def _default(field):
    """What AWX makes of an input that is empty; also of false where true is the default."""
    if "choices" in field:
        return field["choices"][0]
    return False if field["type"] == "boolean" else ""


def _wrong_input(field, name, value):
    if field is None:
        raise invalid("inputs", "Additional properties are not allowed ('%s' was unexpected)" % name)
    expected = {"string": str, "boolean": bool}[field["type"]]
    if not isinstance(value, expected):
        yield "%r is not of type '%s'" % (value, field["type"])
    elif field.get("choices") and value not in field["choices"]:
        yield "%r is not one of %r" % (value, field["choices"])
    elif value in ("", ENCRYPTED):
        return
    elif field.get("format") == "url" and not (urllib.parse.urlparse(value).scheme and urllib.parse.urlparse(value).netloc):
        yield "%r is not a 'url'" % value
    elif field.get("format") == "ssh_private_key" and "-----BEGIN " not in value:
        yield "%r is not a 'ssh_private_key'" % value


def shown_inputs(store, item):
    """The inputs of a credential without its secrets."""
    fields = store.get("credential_types", item["credential_type"])["inputs"].get("fields", [])
    secret = {field["id"] for field in fields if field.get("secret")}
    return {name: ENCRYPTED if name in secret and value else value for name, value in item["inputs"].items()}


# Notification templates


def notification_template(store, old, new, given):
    """Refuse what AWX refuses of a notification template, and complete it as AWX does.

    :raises Refusal: it is refused.
    """
    if "messages" in given and new["messages"] is not None:
        _messages(new)
    unchecked = "notification_configuration" not in given
    if not unchecked:
        _settings(old, new)
    if new["organization"] is None and not unchecked:
        raise invalid("organization", "This field cannot be blank.")
    # AWX skips its own checks where no configuration is given.
    store.check_unique("notification_templates", new, ignored=("name",) if unchecked else ())
    if old and old["messages"] is not None and new["messages"] is not None:
        new["messages"] = merged_messages(old["messages"], new["messages"])


def _messages(new):
    messages = new["messages"]
    if not isinstance(messages, dict) or any(not isinstance(event, (dict, type(None))) for event in messages.values()):
        raise invalid("messages", "Expected dict for 'messages' field and for each event")
    approvals = messages.get("workflow_approval") or {}
    if any(not isinstance(event, (dict, type(None))) for event in approvals.values()):
        raise invalid("messages", "Expected dict for workflow approval event")
    given = {event: text or {} for event, text in messages.items()}
    if any(not isinstance(text, str) for _part, text, _approval in awx_rules.texts(given)):
        raise invalid("messages", "Expected string for a message")
    try:
        # The settings are checked for themselves; e-mail is a type that needs none of the bodies to be JSON.
        found = list(awx_rules.notification({"notification_type": "email", "messages": given, "notification_configuration": GOOD_EMAIL}))
    except ValueError as error:
        found = [str(error)]
    if found:
        raise invalid("messages", *found)


GOOD_EMAIL = {name: kind() for name, kind in awx_rules.CONFIGURATION["email"].items()}


def _settings(old, new):
    kind, settings = new["notification_type"], new["notification_configuration"]
    if not isinstance(settings, dict):
        raise invalid("notification_configuration", "expected dict")
    new["notification_configuration"] = settings = {**settings, **{k: v for k, v in DEFAULT_SETTINGS.get(kind, {}).items() if k not in settings}}
    known = awx_rules.CONFIGURATION.get(kind, {})
    given = {name: value for name, value in settings.items() if name in known}
    found = list(awx_rules.notification({"notification_type": kind, "messages": {}, "notification_configuration": given})) if known else []
    found += ["No values specified for field '%s'" % name for name, expected in known.items() if expected is list and given.get(name) == []]
    if kind == "webhook" and not found and settings["http_method"].lower() not in ("put", "post"):
        found.append("HTTP method must be either 'POST' or 'PUT'.")
    if found:
        raise invalid("__all__", *found)
    for name in SECRET_SETTINGS.get(kind, ()):
        if old and settings.get(name) == ENCRYPTED:
            settings[name] = old["notification_configuration"].get(name, "")


def merged_messages(old, new):
    """The messages after a change: those that were not given stay, and every event is named."""
    merged = copy.deepcopy(new)
    for event in (*awx_rules.EVENTS, "workflow_approval"):
        before = old.get(event) or {}
        if not merged.get(event) and before:
            merged[event] = copy.deepcopy(before)
        elif event == "workflow_approval" and before:
            for name in awx_rules.APPROVALS:
                _keep_parts(before, merged[event], name)
        else:
            _keep_parts(old, merged, event)
        merged.setdefault(event, None)
    return merged


def _keep_parts(old, new, event):
    before = old.get(event) or {}
    if not new.get(event) and before and event in awx_rules.APPROVALS:
        new[event] = copy.deepcopy(before)
    elif new.get(event):
        new[event].update((part, before[part]) for part in ("message", "body") if part not in new[event] and before.get(part))


def shown_settings(item):
    """The settings of a notification template without its secrets."""
    secret = SECRET_SETTINGS.get(item["notification_type"], ())
    return {name: ENCRYPTED if name in secret and value else value for name, value in item["notification_configuration"].items()}


# What others share.


def mapping(name, value):
    """A text of variables, or a dictionary, as a dictionary.

    :raises Refusal: it is neither JSON nor YAML of a dictionary.
    """
    if isinstance(value, dict):
        return value
    try:
        found = yaml.safe_load(value or "")
    except yaml.YAMLError as error:
        found = error
    if not isinstance(found, (dict, type(None))):
        raise invalid(name, "Cannot parse as JSON (error: ...) or YAML (error: %s)." % type(found).__name__)
    return found or {}
