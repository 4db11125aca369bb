#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_repair.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_repair
short_description: Bring the record of a user in line with the password that is in force
version_added: 0.1.0
description:
  - Finds out by logins which password is in force, and makes it the current one of the record. This is how a user that is orphaned is rotated again.
  - Tries the password that you tell for a user; without one, those that the record and the inventory know, which are the pending, the current and the
    previous one, C(current_password), and at last those that were sent in earlier runs and given up. No more logins fail than the vendor allows, those of
    earlier runs included.
  - Where the endpoint has moved, a login there with a password of the record makes the record one of the new endpoint.
  - With O(reset) the operator sets a new password where none of these logs in, by the steps of a rotation, so that it cannot be lost on the way.
  - Nothing is written that a login has not proved, and a pending password that may be in force is never given up.
  - Fails at the end if any user was not repaired.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation.vendor_options
  - rekey.passwords.rotation.new_passwords
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  vendor:
    description: The vendor, which is the name of its module without C(_user_password), for example V(milvus).
    type: str
    required: true
  users:
    description:
      - The users, each a name or a dictionary.
      - In a dictionary C(name) is the user, C(password) the password that is said to be in force, and C(current_password) what the inventory calls the
        current one; further keys are handed to the vendor's module.
      - In a play with several hosts C(target) must name the host, or the O(target), at which a told password is in force; elsewhere the element is ignored.
      - A password that was told is due for a rotation at once, since others know it.
    type: list
    elements: raw
    required: true
  reset:
    description: Whether the operator sets a new password for those of whom no known password logs in. The vendor must allow that.
    type: bool
    default: false
  accept_unverified:
    description: Whether a new password of O(reset) counts that the vendor confirmed although no login could prove it.
    type: bool
    default: false
  set_aside_damaged:
    description:
      - Whether a record that is damaged may be replaced once a login has proved the password that you tell. What the damaged one held is kept in the new
        record, under C(set_aside), up to 20,000 characters.
      - So is an entry or a secret at the place of a record that is none, even one that somebody else has made. In Vault and Secrets Manager it stays there,
        too, as an older version of the secret, as long as the server keeps versions.
      - Where a failed login counts towards a lock-out, it is replaced before the login, since the login is counted there.
    type: bool
    default: false
  forget_failed_logins:
    description:
      - Whether the failed logins of the users count no more, because their accounts were unlocked by hand or have been logged in to since.
      - This is needed at a vendor that forgets failed logins only with a good one.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Tell the password that somebody has set by hand
  rekey.passwords.rotation_repair:
    vendor: milvus
    connection:
      url: https://milvus.example.com:19530
      api_user: root
      api_password: "{{ vault_root_password }}"
    store_path: /srv/passwords
    users:
      - name: bob
        password: "{{ vault_bob }}"

- name: Find out which password is in force, or let the operator set a new one
  rekey.passwords.rotation_repair:
    vendor: milvus
    connection:
      url: https://milvus.example.com:19530
      api_user: root
      api_password: "{{ vault_root_password }}"
    store_path: /srv/passwords
    users: [bob]
    reset: true
"""

RETURN = r"""
users:
  description: What became of each user.
  returned: success, and if only users failed
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    action:
      description:
        - V(unchanged), the record was right; V(repaired), it was brought in line; V(reset), the user has a new password. In check mode, what would be done.
        - Of a reset that failed, what became of the new password, as M(rekey.passwords.rotation_commit) tells it. Else V(null).
      type: str
      sample: repaired
    password:
      description: Which password logs in, V(given), V(inventory's), V(pending), V(current), V(previous) or V(earlier); V(null) if none does, and after a reset.
      type: str
      sample: given
    verified:
      description: Whether a login has proved the current password.
      type: bool
    error:
      description: Why the user was not repaired, or V(null); in the form of all errors.
      type: dict
summary:
  description: One line a user, for people.
  returned: success, and if only users failed
  type: list
  elements: str
error:
  description: What made the whole call fail, in the same form as an error of a user.
  returned: when the store, the operator's login, the connection or the arguments are wrong
  type: dict
"""
