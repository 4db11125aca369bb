#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_move.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_move
short_description: Copy all records of a host to another store
version_added: 0.1.0
description:
  - Copies the records of all users of the play's host from the store in O(store), O(store_path) and O(store_options) to the one in O(to_store), including
    pending passwords, so that an unfinished rotation can be finished from there.
  - A record that the other store already has is left as it is. If it differs, the user fails with the kind V(store_conflict), and nothing is lost.
  - The old store is not changed. Do not rotate until your variables name the new store.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.store
  - rekey.passwords.attributes.of_the_rotation
options:
  to_store:
    description: The store to copy to, as O(store).
    type: str
    required: true
  to_store_path:
    description: The folder of the store to copy to, as O(store_path).
    type: path
  to_store_options:
    description: The options of the store to copy to, as O(store_options).
    type: dict
    default: {}
  to_store_create:
    description: Whether to create a store in O(to_store_path) if it does not exist. Only the store V(ansible_vault) needs it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Copy the records to a folder on another disk
  rekey.passwords.rotation_move:
    store_path: /srv/passwords
    to_store: ansible_vault
    to_store_path: /srv/passwords-new
    to_store_create: true

- name: Log in with every password in the new store
  rekey.passwords.rotation_info:
    verify: true
    vendor: milvus
    connection:
      url: https://milvus.example.com:19530
      api_user: root
      api_password: "{{ vault_root_password }}"
    store_path: /srv/passwords-new
"""

RETURN = r"""
users:
  description: The outcome for each record.
  returned: success, and if only users failed
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    status:
      description: The record's status, see M(rekey.passwords.rotation_info).
      type: str
      sample: current
    pending:
      description: Whether it has a pending password.
      type: bool
    action:
      description: V(copied), V(unchanged), or V(null) if the other store has a different record. In check mode, what would be done.
      type: str
      sample: copied
    error:
      description: Why the record was not copied, or V(null); in the form of all errors.
      type: dict
summary:
  description: One line per user, human-readable.
  returned: success, and if only users failed
  type: list
  elements: str
error:
  description: What made the whole call fail, in the same form as the error of a user.
  returned: when one of the stores or the arguments are wrong
  type: dict
"""
