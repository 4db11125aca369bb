#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_progress.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_progress
short_description: Decide after a batch of hosts whether the run continues
version_added: 0.1.0
description:
  - The playbook C(rekey.passwords.rotate) runs it at the end of each batch, once for all hosts of the batch, and keeps its result as facts of
    C(localhost) (C(delegate_facts)).
  - Reads the role's result, C(rotate_done), on each host. A failure that concerns one account or one endpoint does not end the run. A failure that may affect
    every host ends it if all hosts so far had it, at least two, or if a whole batch had it.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.attributes.of_the_rotation
options:
  hosts:
    description: All hosts of the run, including those of later batches.
    type: list
    elements: str
    required: true
  max_fail_percentage:
    description: Percentage of the hosts of a batch that may fail, for any reason. If it is not set, the rule above applies.
    type: float
notes:
  - Runs on the controller, and sends nothing.
"""

EXAMPLES = r"""
- name: Decide whether to continue
  rekey.passwords.rotation_progress:
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  delegate_to: localhost
  delegate_facts: true
"""

RETURN = r"""
stopped:
  description: Whether to end the run here.
  returned: success
  type: bool
reached:
  description: The names of the hosts that were processed.
  returned: success
  type: list
  elements: str
failed_hosts:
  description: The names of the hosts that failed.
  returned: success
  type: list
  elements: str
everywhere:
  description: Number of hosts with a failure that may affect every host.
  returned: success
  type: int
summary:
  description: Which hosts failed and which were not reached, human-readable.
  returned: success
  type: list
  elements: str
"""
