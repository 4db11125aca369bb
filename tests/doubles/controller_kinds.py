# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of objects that the double of AWX keeps, with their fields, as AWX 24.6.1 declares them in its models and serializers."""

from __future__ import annotations

from dataclasses import dataclass, field

REQUIRED = object()
LISTED_TEMPLATES = ("projects", "job_templates", "workflow_job_templates")
# All four have their ids from one sequence.
TEMPLATES = (*LISTED_TEMPLATES, "workflow_approval_templates")
UNIFIED = "unified_job_templates"
EVENTS = tuple("notification_templates_" + event for event in ("started", "success", "error"))


@dataclass(frozen=True)
class Field:
    """One field that can be written.

    :param kind: ``text``, ``choice``, ``boolean``, ``integer``, ``json`` or ``reference``.
    :param default: what a new object has where the field is not given; ``REQUIRED`` where it must be given.
    :param blank: whether an empty text is accepted.
    :param null: whether null is kept. AWX makes an empty text, or false, of it otherwise.
    :param choices: the values of a choice.
    :param to: what a reference leads to.
    :param cascade: whether the object goes with the one that it refers to; it loses the reference otherwise.
    :param new_only: whether the field is ignored in a change.
    :param read_only: whether the field is always ignored.
    :param longest: the longest text, in characters.
    :param least: the smallest integer.
    """

    kind: str
    default: object = REQUIRED
    blank: bool = False
    null: bool = False
    choices: tuple = ()
    to: str = ""
    cascade: bool = False
    new_only: bool = False
    read_only: bool = False
    longest: int | None = None
    least: int | None = None


def text(default="", longest=None, null=False):
    """A text that may be empty."""
    return Field("text", default, blank=True, longest=longest, null=null)


def choice(*choices, default=REQUIRED, **more):
    """One of several values."""
    return Field("choice", default, choices=choices, **more)


def integer(default=0, least=0):
    """A whole number."""
    return Field("integer", default, least=least)


def reference(to, default=None, **more):
    """The id of another object, or null."""
    return Field("reference", default, to=to, null=default is None, **more)


NO, YES = Field("boolean", False), Field("boolean", True)
NAME, DESCRIPTION = Field("text", longest=512), text()
ORGANIZATION = reference("organizations")
NAMED = {"name": NAME, "description": DESCRIPTION}
OWNED = {"name": NAME, "description": DESCRIPTION, "organization": ORGANIZATION}
GONE_WITH_ORGANIZATION = reference("organizations", cascade=True)
JOB_TYPE, VERBOSITY = choice("run", "check", default="run"), choice(0, 1, 2, 3, 4, 5, default=0)


def asks(*names):
    """The fields that say what is asked for when a template is launched."""
    return {"ask_%s_on_launch" % name: NO for name in names}


def prompt(found):
    """The same field, null where a launch configuration leaves it to the template."""
    return Field(found.kind, None, blank=True, null=True, choices=found.choices, least=found.least)


PROMPTS = {
    "extra_data": Field("json", {}),
    "inventory": reference("inventories"),
    "execution_environment": reference("execution_environments"),
    "diff_mode": Field("boolean", None, null=True),
    "job_type": prompt(JOB_TYPE),
    "verbosity": prompt(VERBOSITY),
    **{name: prompt(text()) for name in ("scm_branch", "job_tags", "skip_tags", "limit")},
    **{name: prompt(integer()) for name in ("forks", "job_slice_count")},
    "timeout": prompt(integer(least=None)),
}
LAUNCH_LISTS = {"credentials": "credentials", "labels": "labels", "instance_groups": "instance_groups"}


@dataclass(frozen=True)
class Kind:
    """One kind of objects.

    :param type: what AWX calls it in ``type``.
    :param label: what AWX calls it in an error.
    :param fields: names to :class:`Field`.
    :param unique: fields that may be the same for no two objects.
    :param soft: whether AWX checks that itself, null included; the database does it otherwise, and ignores null.
    :param lists: relations to the kind of what can be associated.
    :param children: sub-lists to ``(kind, the field by which its objects refer to this one)``.
    :param shown: further members that never change.
    :param order: by what a list is sorted.
    :param methods: what the list and the single object take.
    """

    type: str
    label: str
    fields: dict
    unique: tuple = ()
    soft: bool = False
    lists: dict = field(default_factory=dict)
    children: dict = field(default_factory=dict)
    shown: dict = field(default_factory=dict)
    order: str = "name"
    methods: tuple = ("GET", "POST", "PATCH", "PUT", "DELETE")

    @property
    def model(self):
        """The name of AWX's class."""
        return "".join(part.capitalize() for part in self.type.split("_"))

    @property
    def identity(self):
        """The field by which people call an object."""
        return next(name for name in ("name", "username", "identifier", "description") if name in {**self.fields, **self.shown})


NEVER_RUN = {"last_job_run": None, "last_job_failed": False, "next_job_run": None, "status": "never updated"}
NOTIFIED = {event: "notification_templates" for event in EVENTS}
ALL_NOTIFIED = {**NOTIFIED, "notification_templates_approvals": "notification_templates"}

KINDS = {
    "organizations": Kind(
        "organization",
        "Organization",
        {**NAMED, "max_hosts": integer(), "default_environment": reference("execution_environments")},
        (("name",),),
        lists={**ALL_NOTIFIED, "users": "users", "admins": "users", "instance_groups": "instance_groups", "galaxy_credentials": "credentials"},
        children={name: (name, "organization") for name in ("projects", "inventories", "teams", "credentials", "job_templates", "workflow_job_templates")},
        shown={"custom_virtualenv": None},
    ),
    "users": Kind(
        "user",
        "User",
        {
            "username": Field("text", longest=150),
            **{name: text() for name in ("first_name", "last_name", "email")},
            "is_superuser": NO,
            "is_system_auditor": NO,
            "password": text(),
        },
        (("username",),),
        shown={"last_login": None},
        order="username",
    ),
    "teams": Kind(
        "team",
        "Team",
        {**NAMED, "organization": reference("organizations", REQUIRED, cascade=True)},
        (("organization", "name"),),
        lists={"users": "users"},
    ),
    "credential_types": Kind(
        "credential_type",
        "Credential type",
        {
            **NAMED,
            "kind": choice(
                *"ssh vault net scm cloud registry token insights external kubernetes galaxy cryptography".split(),
            ),
            "inputs": Field("json", {}),
            "injectors": Field("json", {}),
        },
        (("name", "kind"),),
        children={"credentials": ("credentials", "credential_type")},
        shown={"namespace": None, "managed": False},
    ),
    "credentials": Kind(
        "credential",
        "Credential",
        {
            **NAMED,
            "organization": GONE_WITH_ORGANIZATION,
            "credential_type": reference("credential_types", REQUIRED, cascade=True),
            "inputs": Field("json", {}),
            "user": reference("users", new_only=True),
            "team": reference("teams", new_only=True),
        },
        (("organization", "name", "credential_type"),),
        shown={"managed": False},
    ),
    "execution_environments": Kind(
        "execution_environment",
        "Execution environment",
        {
            **NAMED,
            "organization": GONE_WITH_ORGANIZATION,
            "image": Field("text", longest=1024),
            "credential": reference("credentials"),
            "pull": choice("always", "missing", "never", default="", blank=True),
        },
        (("name",),),
        shown={"managed": False},
    ),
    "projects": Kind(
        "project",
        "Project",
        {
            **OWNED,
            "local_path": text(longest=1024),
            "scm_type": choice("git", "svn", "insights", "archive", default="", blank=True),
            "scm_url": text(longest=1024),
            "scm_branch": text(longest=256),
            "scm_refspec": text(longest=1024),
            **{name: NO for name in ("scm_clean", "scm_track_submodules", "scm_delete_on_update", "scm_update_on_launch", "allow_override")},
            "credential": reference("credentials"),
            "timeout": integer(least=None),
            "scm_update_cache_timeout": integer(),
            "default_environment": reference("execution_environments"),
            "signature_validation_credential": reference("credentials"),
        },
        (("name", "organization"),),
        soft=True,
        lists=NOTIFIED,
        children={"project_updates": ("project_updates", "project"), "schedules": ("schedules", "unified_job_template")},
        shown={"custom_virtualenv": None, "last_job_run": None, "last_job_failed": False, "next_job_run": None},
        order="id",
    ),
    "project_updates": Kind(
        "project_update", "Project update", {**NAMED, "project": reference("projects", cascade=True)}, order="id", methods=("GET",)
    ),
    "inventories": Kind(
        "inventory",
        "Inventory",
        {
            **NAMED,
            "organization": GONE_WITH_ORGANIZATION,
            "kind": choice("smart", "constructed", default="", blank=True),
            "host_filter": text(None, null=True),
            "variables": text(),
            "prevent_instance_group_fallback": NO,
        },
        (("name", "organization"),),
        lists={"instance_groups": "instance_groups", "labels": "labels"},
        children={"hosts": ("hosts", "inventory"), "job_templates": ("job_templates", "inventory")},
        shown={"has_active_failures": False, "total_groups": 0, "has_inventory_sources": False, "pending_deletion": False},
    ),
    "hosts": Kind(
        "host",
        "Host",
        {
            **NAMED,
            "inventory": reference("inventories", REQUIRED, cascade=True, new_only=True),
            "enabled": YES,
            "instance_id": text(longest=1024),
            "variables": text(),
        },
        (("name", "inventory"),),
    ),
    "groups": Kind(
        "group",
        "Group",
        {**NAMED, "inventory": reference("inventories", REQUIRED, cascade=True, new_only=True), "variables": text()},
        (("name", "inventory"),),
    ),
    # What uses other objects, and what runs; read only, since none of it is checked.
    "inventory_sources": Kind(
        "inventory_source",
        "Inventory source",
        {**NAMED, "inventory": reference("inventories", cascade=True), "source_project": reference("projects", cascade=True)},
        lists={"credentials": "credentials"},
        methods=("GET",),
    ),
    "credential_input_sources": Kind(
        "credential_input_source",
        "Credential input source",
        {
            "description": DESCRIPTION,
            "input_field_name": text(),
            "source_credential": reference("credentials", cascade=True),
            "target_credential": reference("credentials", cascade=True),
        },
        order="id",
        methods=("GET",),
    ),
    "workflow_jobs": Kind(
        "workflow_job",
        "Workflow job",
        {**NAMED, "status": text("pending"), "workflow_job_template": reference("workflow_job_templates")},
        order="id",
        methods=("GET",),
    ),
    "notification_templates": Kind(
        "notification_template",
        "Notification template",
        {
            **NAMED,
            "organization": GONE_WITH_ORGANIZATION,
            "notification_type": choice(*"awssns email grafana irc mattermost pagerduty rocketchat slack twilio webhook".split()),
            "notification_configuration": Field("json", {}),
            "messages": Field("json", {"started": None, "success": None, "error": None, "workflow_approval": None}, null=True),
        },
        (("organization", "name"),),
    ),
    "labels": Kind(
        "label",
        "Label",
        {"name": NAME, "organization": reference("organizations", REQUIRED, cascade=True)},
        (("name", "organization"),),
        methods=("GET", "POST", "PATCH", "PUT"),
    ),
    "instance_groups": Kind("instance_group", "Instance group", {"name": NAME}, methods=("GET",)),
    "job_templates": Kind(
        "job_template",
        "Job template",
        {
            **NAMED,
            # That of the project.
            "organization": reference("organizations", read_only=True),
            "job_type": JOB_TYPE,
            "inventory": reference("inventories"),
            "project": reference("projects"),
            **{name: text(longest=1024) for name in ("playbook", "scm_branch", "skip_tags", "start_at_task", "host_config_key")},
            **{name: text() for name in ("limit", "extra_vars", "job_tags")},
            "forks": integer(),
            "verbosity": VERBOSITY,
            "timeout": integer(least=None),
            "job_slice_count": integer(1),
            "execution_environment": reference("execution_environments"),
            **asks("scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory", "credential"),
            **asks("execution_environment", "labels", "forks", "job_slice_count", "timeout", "instance_groups"),
            **{name: NO for name in ("force_handlers", "use_fact_cache", "survey_enabled", "become_enabled", "diff_mode", "allow_simultaneous")},
            "webhook_service": choice("github", "gitlab", "bitbucket_dc", default="", blank=True),
            "webhook_credential": reference("credentials"),
            "prevent_instance_group_fallback": NO,
        },
        (("name", "organization"),),
        soft=True,
        lists={**LAUNCH_LISTS, **NOTIFIED},
        children={"schedules": ("schedules", "unified_job_template")},
        shown={"custom_virtualenv": None, **NEVER_RUN},
    ),
    "workflow_job_templates": Kind(
        "workflow_job_template",
        "Workflow job template",
        {
            **OWNED,
            "extra_vars": text(),
            "inventory": reference("inventories"),
            **{name: prompt(text()) for name in ("limit", "scm_branch", "job_tags", "skip_tags")},
            **asks("variables", "inventory", "scm_branch", "limit", "labels", "skip_tags", "tags"),
            "survey_enabled": NO,
            "allow_simultaneous": NO,
            "webhook_service": choice("github", "gitlab", "bitbucket_dc", default="", blank=True),
            "webhook_credential": reference("credentials"),
        },
        (("name", "organization"),),
        soft=True,
        lists={"labels": "labels", **ALL_NOTIFIED},
        children={"schedules": ("schedules", "unified_job_template"), "workflow_nodes": ("workflow_job_template_nodes", "workflow_job_template")},
        shown=NEVER_RUN,
    ),
    "workflow_approval_templates": Kind(
        "workflow_approval_template",
        "Workflow approval template",
        {"name": NAME, "description": DESCRIPTION, "timeout": integer(least=None)},
        shown={**NEVER_RUN, "execution_environment": None},
        methods=("PATCH", "PUT", "DELETE"),
    ),
    "workflow_job_template_nodes": Kind(
        "workflow_job_template_node",
        "Workflow job template node",
        {
            **PROMPTS,
            "workflow_job_template": reference("workflow_job_templates", REQUIRED, cascade=True, new_only=True),
            "unified_job_template": reference(UNIFIED),
            "all_parents_must_converge": NO,
            "identifier": Field("text", "", longest=512),
        },
        (("identifier", "workflow_job_template"),),
        lists={**LAUNCH_LISTS, **{name: "workflow_job_template_nodes" for name in ("success_nodes", "failure_nodes", "always_nodes")}},
        order="id",
    ),
    "schedules": Kind(
        "schedule",
        "Schedule",
        {
            **NAMED,
            **PROMPTS,
            "rrule": Field("text"),
            "enabled": YES,
            "unified_job_template": reference(UNIFIED, REQUIRED, cascade=True),
        },
        (("unified_job_template", "name"),),
        lists=LAUNCH_LISTS,
        shown={"dtstart": None, "dtend": None, "next_run": None},
        order="id",
    ),
    "tokens": Kind(
        "o_auth2_access_token",
        "Access token",
        {"description": DESCRIPTION, "scope": text("write"), "user": reference("users", cascade=True, new_only=True)},
        shown={"application": None, "refresh_token": None, "expires": "3024-11-01T00:00:00Z"},
        order="id",
    ),
}  # fmt: skip
