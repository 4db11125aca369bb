#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_select.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_select
short_description: Choose the hosts whose passwords are rotated
version_added: 0.1.0
description:
  - The first task of this collection's playbooks. Chooses the hosts with the variable C(rotate_vendor), once for all hosts of the play.
  - Fails if no host has it, or if a part of O(hosts) matches no host, so that a misspelt name does not go unnoticed.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.attributes.of_the_rotation
options:
  hosts:
    description: The hosts to choose from, a pattern as in C(hosts) of a play, or a list of patterns. C(--limit) also applies.
    type: raw
    default: all
  require_only:
    description:
      - Whether to fail if the variable C(rotate_only) is empty on any of the chosen hosts, which otherwise means all of its users.
    type: bool
    default: false
    version_added: 0.2.0
notes:
  - Runs on the controller, and sends nothing.
"""

EXAMPLES = r"""
- name: Choose hosts by name, if they have a vendor
  rekey.passwords.rotation_select:
    hosts: "milvus*"
  register: chosen
  run_once: true
"""

RETURN = r"""
hosts:
  description: The names of the hosts, in the order of the inventory.
  returned: success
  type: list
  elements: str
error:
  description: What made the task fail, with C(kind) and C(message).
  returned: when no host is left
  type: dict
"""
