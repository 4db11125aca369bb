# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX refuses of organizations, people, execution environments, projects, inventories, hosts, templates and workflows."""

from __future__ import annotations

import re
import uuid

from tests.doubles import controller_prompts, controller_secrets
from tests.doubles.controller_fields import Refusal, forbidden, invalid
from tests.doubles.controller_kinds import KINDS
from tests.doubles.controller_prompts import ask_field
from tests.doubles.controller_secrets import mapping

EDGES = ("success_nodes", "failure_nodes", "always_nodes")
SCM_CHANGES = ("scm_url", "scm_branch", "scm_type", "scm_refspec")
MAX_FORKS = 200
IMAGE = re.compile(
    r"((?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:[_.]|__|-*)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[_.]|__|-*)[a-z0-9]+)*)*)"
    r"(:\w[\w.-]{0,127})?(@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)


def check(kind, store, old, new, given, patch):
    """Refuse what AWX refuses, and complete the rest as AWX does.

    :param kind: the kind of the object.
    :param store: a :class:`tests.doubles.controller_store.Store`.
    :param old: the object before; ``None`` for a new one.
    :param new: the object as it shall be; may be changed.
    :param given: the fields that the request named, or their defaults.
    :param patch: whether only some fields are changed.
    :raises Refusal: it is refused.
    """
    if kind == "schedules":
        controller_prompts.schedule(store, old, new, given, patch)
        return
    rule = RULES.get(kind)
    if rule:
        rule(store, old, new, given)
    else:
        store.check_unique(kind, new)


def _user(store, old, new, given):
    if not re.fullmatch(r"[\w.@+-]+", new["username"]):
        raise invalid("username", "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.")
    if not old and not given["password"]:
        raise invalid("password", "Password required for new User.")
    if old and new["password"] in ("", controller_secrets.ENCRYPTED):
        new["password"] = old["password"]
    store.check_unique("users", new)


def _execution_environment(store, old, new, given):
    if old and given.get("organization") and given["organization"] != old["organization"]:
        raise invalid("organization", "Cannot change the organization of an execution environment")
    if old and old["managed"] and any(name != "pull" and new[name] != old[name] for name in given):
        raise forbidden("Only the 'pull' field can be edited for managed execution environments.")
    if new["credential"] and _credential_kind(store, new["credential"]) != "registry":
        raise invalid("credential", "Only Container Registry credentials can be associated with an Execution Environment")
    if not IMAGE.fullmatch(new["image"]):
        raise invalid("image", "The container image name %s is not valid" % new["image"])
    store.check_unique("execution_environments", new)


def _credential_kind(store, key):
    return store.get("credential_types", store.get("credentials", key)["credential_type"])["kind"]


def _project(store, old, new, given):
    _project_settings(old, new, given)
    if old and old["allow_override"] and not new["allow_override"]:
        users = [str(one["id"]) for one in store.all("job_templates", project=old["id"]) if one["ask_scm_branch_on_launch"] or one["scm_branch"]]
        if users:
            message = "One or more job templates depend on branch override behavior for this project (ids: %s)." % " ".join(users)
            raise invalid("allow_override", message)
    if new["scm_type"] and not new["scm_url"]:
        raise invalid("scm_url", "SCM URL is required.")
    if new["credential"] and new["scm_type"] in ("git", "svn", "archive") and _credential_kind(store, new["credential"]) != "scm":
        raise invalid("credential", "Credential kind must be 'scm'.")
    if old and old["organization"] != new["organization"] and store.all("job_templates", project=old["id"]):
        raise invalid("organization", "Organization cannot be changed when in use by job templates.")
    if not new["scm_type"]:
        new["scm_url"], new["credential"] = "", None
    else:
        new["local_path"] = "_%d__%s" % (new["id"], re.sub(r"[^a-z0-9]+", "_", new["name"].lower()).strip("_"))
    store.check_unique("projects", new)


def _project_settings(old, new, given):
    errors = {}
    if old and new["scm_type"] and given.get("local_path", old["local_path"]) != old["local_path"]:
        errors["local_path"] = ["Cannot change local_path for %s-based projects" % new["scm_type"]]
    if given.get("scm_branch") and new["scm_type"] == "archive":
        errors["scm_branch"] = ["SCM branch cannot be used with archive projects."]
    if given.get("scm_refspec") and new["scm_type"] != "git":
        errors["scm_refspec"] = ["SCM refspec can only be used with git projects."]
    if given.get("scm_track_submodules") and new["scm_type"] != "git":
        errors["scm_track_submodules"] = ["SCM track_submodules can only be used with git projects."]
    if not new["scm_type"]:
        for name in ("scm_update_on_launch", "scm_delete_on_update", "scm_track_submodules", "scm_clean"):
            if new[name]:
                errors.setdefault(name, ["Update options must be set to false for manual projects."])
    if errors:
        raise Refusal(400, errors)


def _inventory(store, old, new, given):
    if old and given.get("kind") is not None and given["kind"] != old["kind"]:
        raise Refusal(405, {"error": 'You cannot turn a regular inventory into a "smart" or "constructed" inventory.'})
    if new["kind"] == "smart" and not new["host_filter"]:
        raise invalid("host_filter", "Smart inventories must specify host_filter")
    if new["organization"] is None:
        raise invalid("organization", "This field cannot be blank.")
    mapping("variables", new["variables"])
    store.check_unique("inventories", new)


def _host(store, old, new, given):
    if store.get("inventories", new["inventory"])["kind"]:
        raise Refusal(400, {"inventory": {"detail": ["Cannot create Host for Smart or Constructed Inventories"]}})
    mapping("variables", new["variables"])
    store.check_unique("hosts", new)


def _job_template(store, old, new, given):
    mapping("extra_vars", new["extra_vars"])
    if new["host_config_key"] and not new["inventory"]:
        raise invalid("host_config_key", "Cannot enable provisioning callback without an inventory set.")
    if not new["project"]:
        raise invalid("project", "Job Templates must have a project assigned.")
    if not new["inventory"] and not new["ask_inventory_on_launch"]:
        raise invalid("inventory", "You must either set a default value or ask to prompt on launch.")
    _webhook(store, new)
    project = store.get("projects", new["project"])
    if new["playbook"] and new["playbook"] not in project["playbook_files"] and not (project["scm_type"] and project["allow_override"]):
        raise invalid("playbook", "Playbook not found for project.")
    if not new["playbook"]:
        raise invalid("playbook", "Must select playbook for project.")
    for name in ("scm_branch", "ask_scm_branch_on_launch"):
        if new[name] and not project["allow_override"]:
            raise invalid(name, "Project does not allow overriding branch.")
    if new["forks"] > MAX_FORKS:
        raise invalid("forks", "Maximum number of forks (%d) exceeded." % MAX_FORKS)
    # A job template belongs to the organization of its project; what the request says is ignored.
    new["organization"] = project["organization"]
    store.check_unique("job_templates", new)


def _webhook(store, new):
    if not new["webhook_credential"]:
        return
    item = store.get("credential_types", store.get("credentials", new["webhook_credential"])["credential_type"])
    if item["kind"] != "token":
        raise invalid("webhook_credential", "Must be a Personal Access Token.")
    if item["namespace"] != "%s_token" % new["webhook_service"]:
        raise invalid("webhook_credential", "Must match the selected webhook service.")


def _workflow(store, old, new, given):
    mapping("extra_vars", new["extra_vars"])
    _webhook(store, new)
    store.check_unique("workflow_job_templates", new)


def _node(store, old, new, given):
    new["identifier"] = new["identifier"] or str(uuid.uuid4())
    # The workflow of a node cannot be changed, so AWX leaves the check of a change to its database.
    store.check_unique("workflow_job_template_nodes", new, ignored=("identifier",) if old else ())
    if new["unified_job_template"] is None:
        # Without a template there is nothing that the rest could be prompts for, and AWX drops it; even the null that was sent.
        for name in set(given) - {"workflow_job_template", "identifier", "all_parents_must_converge"}:
            new[name] = old[name] if old else KINDS["workflow_job_template_nodes"].fields[name].default
        return
    controller_prompts.launch(store, old, new, given, required=False)


RULES = {
    "users": _user,
    "credential_types": controller_secrets.credential_type,
    "credentials": controller_secrets.credential,
    "execution_environments": _execution_environment,
    "projects": _project,
    "inventories": _inventory,
    "hosts": _host,
    "notification_templates": controller_secrets.notification_template,
    "job_templates": _job_template,
    "workflow_job_templates": _workflow,
    "workflow_job_template_nodes": _node,
}


# Associations


def associate(kind, store, parent, relation, other):
    """Refuse what AWX does not associate with an object.

    :param parent: the object.
    :param relation: the list, such as ``credentials``.
    :param other: what shall be in the list.
    :raises Refusal: it is refused.
    """
    if relation == "credentials" and kind == "job_templates":
        _template_credential(store, parent, other)
    elif relation == "credentials":
        _launch_credential(store, parent, other)
    elif relation in EDGES:
        _edge(store, parent, relation, other)


def _hash(store, credential):
    """What a job may have only one of: of each type one; of Vault credentials one for each id. With the words for it."""
    item = store.get("credential_types", credential["credential_type"])
    vault_id = credential["inputs"].get("vault_id") if item["kind"] == "vault" else None
    return (item["id"], vault_id or None), "%s (id=%s)" % (item["name"], vault_id) if vault_id else item["name"]


def _template_credential(store, parent, other):
    key, words = _hash(store, other)
    if key in [_hash(store, store.get("credentials", one))[0] for one in parent["credentials"]]:
        raise Refusal(400, {"error": "Cannot assign multiple %s credentials." % words})
    kind = _credential_kind(store, other["id"])
    if kind not in ("ssh", "vault", "cloud", "net", "kubernetes"):
        raise Refusal(400, {"error": "Cannot assign a Credential of kind `%s`." % kind})


def _launch_credential(store, parent, other):
    kind, template = store.template(parent["unified_job_template"])
    if template is None:
        raise Refusal(400, {"msg": "Cannot assign credential when related template is null."})
    asking = ask_field(kind, "credentials")
    if asking is None:
        raise Refusal(400, {"msg": "Related template cannot accept credentials on launch."})
    if not template[asking]:
        raise Refusal(400, {"msg": "Related template is not configured to accept credentials on launch."})
    key, words = _hash(store, other)
    if key in [_hash(store, store.get("credentials", one))[0] for one in parent["credentials"]]:
        raise Refusal(400, {"msg": "This launch configuration already provides a %s credential." % words})
    if other["id"] in template["credentials"]:
        raise Refusal(400, {"msg": "Related template already uses %s credential." % other["name"]})


def _edge(store, parent, relation, other):
    if parent["workflow_job_template"] != other["workflow_job_template"]:
        raise forbidden()
    if parent["id"] == other["id"]:
        raise Refusal(400, {"Error": "Cycle detected."})
    if any(other["id"] in parent[edges] for edges in EDGES if edges != relation):
        raise Refusal(400, {"Error": "Relationship not allowed."})
    if _reaches(store, other["id"], parent["id"]):
        raise Refusal(400, {"Error": "Cycle detected."})


def _reaches(store, start, end):
    seen, waiting = set(), [start]
    while waiting:
        key = waiting.pop()
        if key == end:
            return True
        if key not in seen:
            seen.add(key)
            item = store.get("workflow_job_template_nodes", key)
            waiting += [child for edges in EDGES for child in item[edges]]
    return False
