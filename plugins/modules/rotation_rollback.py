#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_rollback.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_rollback
short_description: Set the previous passwords again
version_added: 0.1.0
description:
  - Sets the previous passwords again for users whose new ones a rotation has just made current, by the steps of a rotation. With C(rotate_rollback) the role
    does this if any user of the host failed.
  - Such a user is due again, so the next run rotates it.
  - A vendor may refuse a password that was used before. The user then keeps its new password.
  - Fails at the end if any user did not get its previous password.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation
  - rekey.passwords.rotation.vendor_options
  - rekey.passwords.rotation.accepted_proof
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  committed:
    description: The C(users) that M(rekey.passwords.rotation_commit) returned. Those that were not promoted are skipped.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Store new passwords
  rekey.passwords.rotation_stage:
    vendor: milvus
    store_path: /srv/passwords
    users: "{{ my_users }}"
  register: staged

- name: Change the passwords at the vendor
  rekey.passwords.rotation_change:
    vendor: milvus
    connection:
      url: https://milvus.example.com:19530
      api_user: root
      api_password: "{{ vault_root_password }}"
    store_path: /srv/passwords
    users: "{{ my_users }}"
    staged: "{{ staged.users }}"
  register: changed

- name: Make the new passwords the current ones
  rekey.passwords.rotation_commit:
    store_path: /srv/passwords
    staged: "{{ staged.users }}"
    results: "{{ changed.users }}"
  register: committed

- name: Roll back, for example because an application does not start with its new password
  rekey.passwords.rotation_rollback:
    vendor: milvus
    connection:
      url: https://milvus.example.com:19530
      api_user: root
      api_password: "{{ vault_root_password }}"
    store_path: /srv/passwords
    users: "{{ my_users }}"
    committed: "{{ committed.users }}"
"""

RETURN = r"""
users:
  description: The outcome for each user to roll back; empty in check mode.
  returned: success, and if only users failed
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    reason:
      description: Always V(rollback).
      type: str
    state:
      description: The state reported by the vendor's module.
      type: str
    verified:
      description: Whether a login has proved the previous password.
      type: bool
    action:
      description: V(promoted), the previous password is the current one again; V(kept), it is pending; V(dropped), it was refused; V(abandoned) or
        V(superseded) as in M(rekey.passwords.rotation_commit).
      type: str
    error:
      description: Why the user did not get its previous password, or V(null); in the form of all errors.
      type: dict
summary:
  description: One line per user, human-readable.
  returned: success, and if only users failed
  type: list
  elements: str
error:
  description: What made the whole call fail, in the same form as the error of a user.
  returned: when the store or the arguments are wrong
  type: dict
"""
