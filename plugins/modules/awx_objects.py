#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/awx_objects.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: awx_objects
short_description: Create, update and remove objects of AWX from data
version_added: 0.2.0
description:
  - Makes credential types, credentials, execution environments, projects, inventories, notification templates, job templates,
    schedules and workflows as described by data in the form of C(infra.aap_configuration). The playbook C(rekey.passwords.awx_setup)
    uses it for the objects in C(extensions/awx).
  - First compares everything with AWX. If objects of somebody else have the same names, or something that the data refers to is missing,
    it fails before anything is written.
  - Each object is then written by the module of the collection C(awx.awx) for it, and only if something about it differs. Options
    that the data does not mention stay as they are.
author:
  - rekey.passwords contributors (@rekey)
requirements:
  - the collection C(awx.awx), or C(ansible.controller) with O(collection=ansible.controller), where Ansible runs
options:
  objects:
    description:
      - Lists of objects by name, such as C(controller_templates). The elements have the options of the modules of C(awx.awx).
      - The lists are C(controller_credential_types), C(controller_credentials), C(controller_execution_environments),
        C(controller_projects), C(controller_inventories), C(controller_notifications), C(controller_templates),
        C(controller_schedules), C(controller_workflows).
    type: dict
    required: true
  state:
    description:
      - V(present) creates the objects that are missing, and updates those that differ.
      - V(absent) removes those that were made from the data. Those that something else still uses stay, and so do credentials that
        were filled in and inventories with hosts, unless O(force) is set.
    choices: [present, absent]
    default: present
    type: str
  mark:
    description:
      - A text in the descriptions of all objects. An object of AWX whose description contains it counts as made from the data.
      - To update, one that is for the same purpose, such as a job template with the same project and playbook, counts as well, in case
        somebody has reworded its description. To remove, it does not.
    type: str
    required: true
  leave_out:
    description:
      - What not to touch, as the names of objects, or as the names of modules of C(awx.awx), such as V(inventory), for all objects of a
        kind. Other objects may still refer to them.
    type: list
    elements: str
    default: []
  take_over:
    description: Whether to update objects of the same names that were not made from the data. Otherwise they are an error.
    type: bool
    default: false
  update_secrets:
    description:
      - Whether to set the secrets in the data each time, such as the password of an e-mail server. AWX does not show the ones that it
        has, so the task then always reports a change.
    type: bool
    default: false
  force:
    description: Whether O(state=absent) also removes credentials that were filled in, and inventories with hosts.
    type: bool
    default: false
  collection:
    description: The collection with the modules for AWX.
    type: str
    default: awx.awx
  controller_host:
    description: URL of AWX. If not set, the environment variable E(CONTROLLER_HOST) or a configuration file of C(awx.awx) has it.
    type: str
  controller_username:
    description: Name of the user to log in as. If not set, E(CONTROLLER_USERNAME).
    type: str
  controller_password:
    description: Password of the user. If not set, E(CONTROLLER_PASSWORD).
    type: str
  controller_oauthtoken:
    description: Token to use instead of a name and a password. If not set, E(CONTROLLER_OAUTH_TOKEN).
    type: raw
  controller_config_file:
    description: Path of a configuration file of C(awx.awx).
    type: path
  validate_certs:
    description: Whether to verify the certificate of AWX. If not set, E(CONTROLLER_VERIFY_SSL), otherwise V(true).
    type: bool
  request_timeout:
    description: The longest wait for an answer, in seconds. If not set, E(CONTROLLER_REQUEST_TIMEOUT), otherwise 10.
    type: float
attributes:
  action_group:
    support: full
    description: Use C(group/rekey.passwords.awx) in C(module_defaults) to set defaults for this module.
    membership:
      - rekey.passwords.awx
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
    details:
      - Secrets are masked.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
    details:
      - Not with O(update_secrets).
notes:
  - Runs on the control node.
  - If a module fails, what was done before stays and is listed. The next run continues from there.
"""

EXAMPLES = r"""
- name: Create a schedule
  rekey.passwords.awx_objects:
    mark: "(managed by Ansible)"
    objects:
      controller_schedules:
        - name: Rotate passwords on Sundays
          description: "Instead of every night (managed by Ansible)"
          unified_job_template: Rotate passwords
          rrule: DTSTART;TZID=UTC:20260104T020000 RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=SU
          extra_data:
            rotate_hosts: all
            rotate_force: "no"
"""

RETURN = r"""
created:
  description: What was created, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [job template Rotate passwords]
updated:
  description: What was updated, or would be.
  returned: always
  type: list
  elements: str
removed:
  description: What was removed, or would be.
  returned: always
  type: list
  elements: str
left:
  description: A sentence for each object that was left as it is, with the reason.
  returned: always
  type: list
  elements: str
  sample: ["The credential Milvus operator stays: it has been filled in."]
"""
