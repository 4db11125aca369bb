#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_commit.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_commit
short_description: Update the store with the outcome of a rotation
version_added: 0.1.0
description:
  - The last step of a rotation. Makes a user's pending password the current one if a login has proved it, and the current one the previous.
  - Keeps the pending password if the outcome is uncertain, so that the next run finishes with the same password.
  - Drops a new pending password that the vendor's policy refused, so that the next run generates another.
  - Marks a user as orphaned if neither its current nor its pending password has logged in for several runs. Such a user fails in every further
    run without a login, until M(rekey.passwords.rotation_repair) has repaired its record.
  - Fails at the end if any user that was due was not rotated; the store is up to date even then.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation.accepted_proof
  - rekey.passwords.rotation.most_attempts
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  staged:
    description: The C(users) that M(rekey.passwords.rotation_stage) returned.
    type: list
    elements: dict
    required: true
  results:
    description:
      - The C(users) that M(rekey.passwords.rotation_change) returned.
      - Tasks of your own supply one dictionary per user, with C(name), C(state) (V(changed), V(unchanged), V(failed) or V(unknown)) and C(verified), which
        must be true for the password to become the current one.
      - A due user that is missing here counts as unknown, and its pending password is kept.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Store a new password for a user of another system
  rekey.passwords.rotation_stage:
    vendor: milvus
    store_path: /srv/passwords
    users: [carol]
  register: staged

- name: Change it with any module that reads it from the store
  ansible.builtin.uri:
    url: https://milvus.example.com:19530/v2/vectordb/users/update_password
    method: POST
    headers:
      Authorization: "Bearer root:{{ vault_root_password }}"
    body_format: json
    body:
      userName: carol
      password: "{{ vault_carol_old }}"
      newPassword: "{{ lookup('rekey.passwords.secret', 'carol', version='pending', store_path='/srv/passwords') }}"
  no_log: true

- name: Make it the current one
  rekey.passwords.rotation_commit:
    store_path: /srv/passwords
    staged: "{{ staged.users }}"
    results:
      - name: carol
        state: changed
        verified: true
"""

RETURN = r"""
users:
  description: The outcome for each user that was due or is orphaned.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    reason:
      description: Why the user was due, as reported by M(rekey.passwords.rotation_stage); V(orphaned) if it was skipped.
      type: str
    state:
      description: The state reported by the vendor's module.
      type: str
    verified:
      description: Whether a login has proved the new password.
      type: bool
    action:
      description: V(promoted), V(kept), V(dropped), V(abandoned) if it was kept for the last time, or V(superseded) by another run; V(null) in check mode,
        and for a user that was skipped.
      type: str
    error:
      description: Why the user was not rotated, or V(null).
      type: dict
summary:
  description: One line per user, human-readable.
  returned: always
  type: list
  elements: str
"""
