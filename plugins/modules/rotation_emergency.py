#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_emergency.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_emergency
short_description: Report an emergency rotation, what could not be done first
version_added: 0.2.0
description:
  - The playbook C(rekey.passwords.emergency) runs it at its end, once for all hosts, and keeps its result as facts of C(localhost) (C(delegate_facts)).
  - Reads what the tasks of the playbook have registered on each host - C(rotate_done), or C(rotate_committed) with tasks of your own, C(rotate_first),
    C(rotate_delivered) and C(rotate_checked), the result of M(rekey.passwords.rotation_info) with O(rekey.passwords.rotation_info#module:check_previous=true).
  - Something could not be done if a host failed or was not reached, a user was not rotated, a previous password still logs in, or it could not be checked.
    The last of these does not count if no login is possible there and C(rotate_accept_unverified) is true.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.attributes.of_the_rotation
options:
  hosts:
    description: All hosts of the run.
    type: list
    elements: str
    required: true
notes:
  - Runs on the controller, and sends nothing.
"""

EXAMPLES = r"""
- name: Report what could not be done
  rekey.passwords.rotation_emergency:
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  delegate_to: localhost
  delegate_facts: true
"""

RETURN = r"""
not_done:
  description:
    - What could not be done, human-readable. First the hosts that failed or were not reached, then users that were not rotated, then previous passwords that
      still log in, then those that could not be checked.
  returned: success
  type: list
  elements: str
failed_hosts:
  description: The names of the hosts where something could not be done.
  returned: success
  type: list
  elements: str
summary:
  description: The same as RV(not_done) under a heading, and then how many passwords were rotated and how many previous ones are refused.
  returned: success
  type: list
  elements: str
"""
