# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What the lookups of passwords have in common.
    DOCUMENTATION = r"""
options:
  _terms:
    description: The names of users.
    type: list
    elements: str
    required: true
  host:
    description: The inventory host to which the user belongs. By default the play's current host.
    type: str
    vars:
      - name: inventory_hostname
  target:
    description:
      - The name under which the store keeps the records, where that is not the name of the host.
      - By default O(host), if that is given, else the value of the variable C(rotate_target), if there is one.
    type: str
    vars:
      - name: rotate_target
  store:
    description: The store.
    type: str
    default: ansible_vault
    vars:
      - name: rotate_store
  store_path:
    description: The folder of the store V(ansible_vault).
    type: path
    vars:
      - name: rotate_store_path
  store_options:
    description: The options of the other stores.
    type: dict
    default: {}
    vars:
      - name: rotate_store_options
  store_create:
    description:
      - Whether to treat a missing store as empty, so that O(default) applies. Otherwise it is an error, for example a volume that
        is not mounted. The lookup itself creates none.
    type: bool
    default: false
    vars:
      - name: rotate_store_create
  version:
    description:
      - V(current) is the password in force, V(previous) the one before it. Of a pair, they are those of the account in use, and of the one used before.
      - V(pending) is one that a run has stored but no login has proved yet. It is meant for tasks of your own between the stage and the
        commit of a rotation.
    type: str
    choices: [current, previous, pending]
    default: current
  default:
    description:
      - What to return for a user that has no such password in the store, for example the password before the first rotation.
      - Without it the lookup fails.
    type: str
notes:
  - Do not use it in C(loop) or in the C(msg) of C(debug), whose values Ansible prints.
"""
