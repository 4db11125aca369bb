#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_deliver.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_deliver
short_description: Deliver current passwords to their consumers
version_added: 0.2.0
description:
  - What the ready-made deliveries of the role P(rekey.passwords.rotate#role) have in common. Checks all settings of a kind before anything is written, and
    chooses those that concern O(users).
  - Writes to Vault or OpenBao and calls webhooks by itself. For files and Kubernetes it returns what the tasks of the role have to do, without any password.
  - A delivery that fails does not stop the others. The failure is reported, and the task fails at the end.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  kind:
    description: The kind of the deliveries.
    type: str
    choices: [file, kubernetes, vault, webhook]
    required: true
  deliveries:
    description:
      - The settings, one dictionary per delivery. The keys are those of the role's variables C(rotate_deliver_files), C(rotate_deliver_kubernetes),
        C(rotate_deliver_vault) and C(rotate_deliver_webhooks), see
        U(https://github.com/rekey/rekey.passwords/blob/main/docs/reference/deliveries.md).
    type: list
    elements: raw
    required: true
  users:
    description: The names of the users whose current passwords have not been delivered yet. A delivery with none of them is skipped.
    type: list
    elements: str
    required: true
attributes:
  idempotent:
    support: partial
    details:
      - A webhook is called each time, with the same idempotency key for the same passwords.
"""

EXAMPLES = r"""
- name: Find out which files have to be written for a user, and whether they can hold its password
  rekey.passwords.rotation_deliver:
    kind: file
    users: [alice]
    deliveries:
      - path: /etc/shop/database.env
        host: localhost
        format: env
        users: [alice]
    store_path: /srv/passwords
"""

RETURN = r"""
deliveries:
  description: The deliveries that concern the users. Those to files and to Kubernetes also have what the tasks of the role need.
  returned: when the settings are right
  type: list
  elements: dict
  contains:
    title:
      description: The variable and the index of the delivery.
      type: str
    changed:
      description: Whether something was written or sent; in check mode, whether it would be. For the kinds V(vault) and V(webhook).
      type: bool
    error:
      description: Why it failed, with C(kind) and C(message), or null. For the kinds V(vault) and V(webhook).
      type: dict
error:
  description: What made the task fail, with C(kind) and C(message).
  returned: on failure
  type: dict
"""
