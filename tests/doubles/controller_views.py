# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How AWX shows its objects: with their type, address, related addresses and summaries, and without secrets."""

from __future__ import annotations

import copy

from tests.doubles.controller_kinds import KINDS, UNIFIED
from tests.doubles.controller_prompts import shown_answers, shown_zone
from tests.doubles.controller_secrets import ENCRYPTED, shown_inputs, shown_settings

API = "/api/v2/"
CENSORED = "************"
HIDDEN = ("survey_spec", "survey_passwords", "playbook_files", "user", "team", "polls")
# Further related addresses, by kind: what is behind the address of the object.
RELATED = {
    "projects": ("update", "playbooks", "copy"),
    "job_templates": ("launch", "survey_spec", "copy", "jobs"),
    "workflow_job_templates": ("launch", "survey_spec", "copy", "workflow_jobs"),
    "workflow_job_template_nodes": ("create_approval_template",),
    "workflow_approval_templates": ("jobs",),
    "notification_templates": ("test", "notifications", "copy"),
    "users": ("teams", "organizations", "credentials", "roles", "tokens"),
}
JOBS = {
    "projects": "project_update",
    "job_templates": "job",
    "workflow_job_templates": "workflow_job",
    "workflow_approval_templates": "workflow_approval",
}


def address(kind, key):
    """The path of an object."""
    return "%s%s/%d/" % (API, kind, key)


def show(store, kind, item, user, *, fresh=False):
    """An object as a dictionary.

    :param user: who looks, an object of users.
    :param fresh: whether it has been created just now: only then a token can be read, and a project is being updated.
    """
    declared = KINDS[kind]
    lists = [relation for relation in declared.lists if not relation.endswith("_nodes")]
    shown = {"id": item["id"], "type": declared.type, "url": address(kind, item["id"])}
    shown["related"] = _related(store, kind, item)
    shown["summary_fields"] = _summaries(store, kind, item, user)
    hidden = HIDDEN if kind != "tokens" else ()
    shown.update((name, value) for name, value in copy.deepcopy(item).items() if name not in hidden and name not in lists)
    _SPECIAL.get(kind, lambda *_ignored: None)(store, item, shown, fresh)
    return shown


def _related(store, kind, item):
    declared, own = KINDS[kind], address(kind, item["id"])
    related = {name: own + name + "/" for name in (*declared.lists, *declared.children, *RELATED.get(kind, ()))}
    for name, to in _references(kind):
        if item.get(name) is not None:
            actual = store.template(item[name])[0] if to == UNIFIED else to
            related[name] = address(actual, item[name])
    return related


def _references(kind):
    return [(name, field.to) for name, field in KINDS[kind].fields.items() if field.kind == "reference" and name not in HIDDEN]


def _summaries(store, kind, item, user):
    admin = user["is_superuser"]
    summaries = {"user_capabilities": {"edit": admin, "delete": admin}}
    for name, to in _references(kind):
        if item.get(name) is not None:
            summaries[name] = _summary(store, to, item[name])
    for relation, to in KINDS[kind].lists.items():
        if relation in ("labels", "credentials"):
            found = [_summary(store, to, key) for key in item[relation]]
            summaries[relation] = found if relation == "credentials" else {"count": len(found), "results": found[:10]}
    survey = item.get("survey_spec")
    if survey:
        summaries["survey"] = {"title": survey["name"], "description": survey["description"]}
    return summaries


def _summary(store, to, key):
    kind, other = store.template(key) if to == UNIFIED else (to, store.get(to, key))
    names = ("name", "description", "image", "scm_type", "allow_override", "kind", "timeout", "username")
    summary = {"id": key, **{name: other[name] for name in names if name in other and not (name == "timeout" and kind != "workflow_approval_templates")}}
    if to == UNIFIED:
        summary["unified_job_type"] = JOBS[kind]
    return summary


def _show_user(_store, _item, shown, _fresh):
    shown["password"] = ENCRYPTED


def _show_credential(store, item, shown, _fresh):
    kind = store.get("credential_types", item["credential_type"])
    shown.update(inputs=shown_inputs(store, item), kind=kind["namespace"], cloud=kind["kind"] == "cloud", kubernetes=kind["kind"] == "kubernetes")


def _show_notification(_store, item, shown, fresh):
    shown["notification_configuration"] = shown_settings(item)
    if fresh and shown["messages"] is not None:
        # The answer to the creation names all events, later answers only those that were sent.
        for event in ("started", "success", "error", "workflow_approval"):
            shown["messages"].setdefault(event, None)


def _show_project(store, item, shown, fresh):
    updates = sorted(store.all("project_updates", project=item["id"]), key=lambda one: one["id"])
    shown["status"] = ("never updated" if item["scm_type"] else "ok") if not updates else updates[-1]["status"]
    if updates:
        last = updates[-1]
        running = fresh or last["status"] == "running"
        shown["summary_fields"]["current_update" if running else "last_update"] = {
            "id": last["id"],
            "name": last["name"],
            "status": "pending" if fresh else last["status"],
            "failed": last["failed"] and not fresh,
        }
        shown["status"] = "pending" if fresh else shown["status"]
        shown["last_job_failed"] = last["failed"] and not running
        shown["last_job_run"] = None if running else last["finished"]
    shown.update(last_update_failed=shown["last_job_failed"], last_updated=shown["last_job_run"])


def _show_inventory(store, item, shown, _fresh):
    shown["total_hosts"] = len(store.all("hosts", inventory=item["id"]))


def _show_launch(_store, item, shown, _fresh):
    shown["extra_data"] = copy.deepcopy(shown_answers(item))


def _show_schedule(store, item, shown, fresh):
    _show_launch(store, item, shown, fresh)
    shown.update(timezone=shown_zone(item), until="")


def _show_token(_store, item, shown, fresh):
    shown["token"] = item["token"] if fresh else CENSORED


def _show_update(_store, item, shown, _fresh):
    shown.update(event_processing_finished=item["finished"] is not None, job_type="check", launch_type="manual")


_SPECIAL = {
    "users": _show_user,
    "credentials": _show_credential,
    "notification_templates": _show_notification,
    "projects": _show_project,
    "project_updates": _show_update,
    "inventories": _show_inventory,
    "workflow_job_template_nodes": _show_launch,
    "schedules": _show_schedule,
    "tokens": _show_token,
}
