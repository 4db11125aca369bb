# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects of AWX: where its API keeps them, and what refers to what.

Source: the models and serializers of AWX 24, ``awx/main/models`` and ``awx/api/serializers.py``.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, Tuple

# The lists of names that AWX keeps apart from the object; a list takes the place of what was there.
NOTIFICATIONS = (
    "notification_templates_started",
    "notification_templates_success",
    "notification_templates_error",
    "notification_templates_approvals",
)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of objects."""

    variable: str  # the list of them, as infra.aap_configuration calls it
    module: str  # of the collection awx.awx
    endpoint: str  # below /api/v2/
    title: str
    references: Dict[str, str] = dataclasses.field(default_factory=dict)  # options that name one object: its endpoint
    lists: Dict[str, str] = dataclasses.field(default_factory=dict)  # options that name several
    parents: Tuple[str, ...] = ()  # references that distinguish objects of the same name
    # Options that together show what the object is for. With the same ones it is updated even if somebody has reworded its description.
    telling: Tuple[str, ...] = ()
    # How to ask AWX for what needs the object, and for what somebody has put into it: an endpoint, and the option that refers to it.
    users: Tuple[Tuple[str, str], ...] = ()
    contents: Tuple[Tuple[str, str], ...] = ()
    filled: str = ""  # what to say if it has contents
    # Options that AWX completes with more than it was given; only what was given is compared.
    completed: Tuple[str, ...] = ()
    # Options that AWX keeps as a text of YAML or JSON.
    serialized: Tuple[str, ...] = ()


_STARTED_BY = (("schedules", "unified_job_template"), ("workflow_job_template_nodes", "unified_job_template"))
_NOTIFIED = dict.fromkeys(NOTIFICATIONS[:3], "notification_templates")

# In the order in which they are created: each needs only those above it.
KINDS = (
    Kind(
        variable="controller_credential_types",
        module="credential_type",
        endpoint="credential_types",
        title="credential type",
        users=(("credentials", "credential_type"),),
        telling=("inputs",),
    ),
    Kind(
        variable="controller_credentials",
        module="credential",
        endpoint="credentials",
        title="credential",
        references={"credential_type": "credential_types", "organization": "organizations"},
        parents=("credential_type", "organization"),
        completed=("inputs",),
        users=(
            ("job_templates", "credentials"),
            ("projects", "credential"),
            ("inventory_sources", "credentials"),
            ("execution_environments", "credential"),
            ("credential_input_sources", "source_credential"),
        ),
        # Values from another credential, such as one of Vault.
        contents=(("credential_input_sources", "target_credential"),),
        filled="it has been filled in",
        telling=("credential_type",),
    ),
    Kind(
        variable="controller_execution_environments",
        module="execution_environment",
        endpoint="execution_environments",
        title="execution environment",
        references={"organization": "organizations", "credential": "credentials"},
        users=(
            ("job_templates", "execution_environment"),
            ("projects", "default_environment"),
            ("organizations", "default_environment"),
        ),
        telling=("image",),
    ),
    Kind(
        variable="controller_projects",
        module="project",
        endpoint="projects",
        title="project",
        references={
            "organization": "organizations",
            "credential": "credentials",
            "default_environment": "execution_environments",
        },
        parents=("organization",),
        users=(
            ("job_templates", "project"),
            ("inventory_sources", "source_project"),
            *_STARTED_BY,
        ),
        telling=("scm_url",),
    ),
    Kind(
        variable="controller_inventories",
        module="inventory",
        endpoint="inventories",
        title="inventory",
        references={"organization": "organizations"},
        parents=("organization",),
        users=(("job_templates", "inventory"), ("workflow_job_templates", "inventory")),
        contents=(("hosts", "inventory"), ("groups", "inventory"), ("inventory_sources", "inventory")),
        filled="it has hosts, groups or sources",
        serialized=("variables",),
    ),
    Kind(
        variable="controller_notifications",
        module="notification_template",
        endpoint="notification_templates",
        title="notification template",
        references={"organization": "organizations"},
        parents=("organization",),
        completed=("messages", "notification_configuration"),
        users=(
            *(("job_templates", event) for event in NOTIFICATIONS[:3]),
            *(("workflow_job_templates", event) for event in NOTIFICATIONS),
            *(("projects", event) for event in NOTIFICATIONS[:3]),
            *(("organizations", event) for event in NOTIFICATIONS),
        ),
        telling=("messages",),
    ),
    Kind(
        variable="controller_templates",
        module="job_template",
        endpoint="job_templates",
        title="job template",
        references={
            "organization": "organizations",
            "inventory": "inventories",
            "project": "projects",
            "execution_environment": "execution_environments",
        },
        lists={**_NOTIFIED, "credentials": "credentials"},
        parents=("organization",),
        users=_STARTED_BY,
        serialized=("extra_vars",),
        telling=("project", "playbook"),
    ),
    Kind(
        variable="controller_schedules",
        module="schedule",
        endpoint="schedules",
        title="schedule",
        references={"unified_job_template": "unified_job_templates", "organization": "organizations"},
        parents=("unified_job_template",),
        telling=("unified_job_template",),
    ),
    Kind(
        variable="controller_workflows",
        module="workflow_job_template",
        endpoint="workflow_job_templates",
        title="workflow",
        references={"organization": "organizations", "inventory": "inventories"},
        lists=dict.fromkeys(NOTIFICATIONS, "notification_templates"),
        parents=("organization",),
        users=_STARTED_BY,
        serialized=("extra_vars",),
        telling=("workflow_nodes",),
    ),
)
BY_VARIABLE = {kind.variable: kind for kind in KINDS}
BY_MODULE = {kind.module: kind for kind in KINDS}
