#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_delivered.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_delivered
short_description: Note that new passwords have been delivered
version_added: 0.2.0
description:
  - Notes in the records that those who use the current passwords have been given them, so that M(rekey.passwords.rotation_undelivered) does not return these
    users again until their passwords change.
  - If another run has changed a password in the meantime, that user is delivered again.
  - Fails at the end if any user was not delivered; the others are noted even then.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  versions:
    description: The C(versions) that M(rekey.passwords.rotation_undelivered) returned.
    type: dict
    required: true
  results:
    description:
      - What is known of single users. One dictionary per user, with C(name), C(delivered) (a boolean) and, if it was not delivered, C(error), a text
        without a secret.
      - A user that is missing here was delivered, unless O(failed_task) is set.
    type: list
    elements: dict
    default: []
  failed_task:
    description: The name of the task that failed, if any. Then only those that O(results) says so of were delivered.
    type: str
"""

EXAMPLES = r"""
- name: Find the users whose passwords are to be delivered
  rekey.passwords.rotation_undelivered:
    vendor: milvus
    store_path: /srv/passwords
    users: [alice, bob]
  register: found

- name: Note that alice was delivered and bob was not
  rekey.passwords.rotation_delivered:
    store_path: /srv/passwords
    versions: "{{ found.versions }}"
    results:
      - name: alice
        delivered: true
      - name: bob
        delivered: false
        error: The reporting server is down for maintenance.
"""

RETURN = r"""
users:
  description: The outcome for each user.
  returned: success, and if only users failed
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    delivered:
      description: Whether its password was delivered.
      type: bool
    error:
      description: Why not, with C(kind) V(not_delivered), or V(null).
      type: dict
summary:
  description: One line per user, human-readable.
  returned: success, and if only users failed
  type: list
  elements: str
error:
  description: What made the call fail as a whole, in the same form as the error of a user.
  returned: when the store or the arguments are wrong
  type: dict
"""
