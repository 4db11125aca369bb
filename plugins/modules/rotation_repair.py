#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_repair.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_repair
short_description: Repair a user's record to match the password that is in force
version_added: 0.1.0
description:
  - Finds out by logins which password is in force, and makes it the record's current one. After that an orphaned user is rotated again.
  - Tries the password that you supply for a user; without one, those in the record and the inventory, which are the pending, the current and the
    previous one, C(current_password), and finally those that earlier runs sent and then replaced. It makes no more failed logins than the vendor's
    budget allows, including those of earlier runs.
  - If the endpoint has moved, a login there with a password of the record binds the record to the new endpoint.
  - With O(reset) the operator sets a new password if none of these logs in. This takes the steps of a rotation, so the password cannot be lost.
  - Only what a login has proved is written, and a pending password that may be in force is never discarded.
  - Fails at the end if any user was not repaired.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation.vendor_options
  - rekey.passwords.rotation.which_users
  - rekey.passwords.rotation.new_passwords
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  vendor:
    description: The vendor. This is its module's name without C(_user_password), for example V(milvus).
    type: str
    required: true
  users:
    description:
      - The users, each a name or a dictionary.
      - In a dictionary C(name) is the user, C(password) the password that you know to be in force, and C(current_password) the current one by the
        inventory; further keys are passed to the vendor's module.
      - In a play with several hosts C(target) must name the host, or the O(target), where a supplied password is in force; elsewhere the element is ignored.
      - A supplied password is due for rotation at once, since others know it.
    type: list
    elements: raw
    required: true
  reset:
    description: Whether the operator sets a new password for users whose known passwords all fail to log in. The vendor must allow that.
    type: bool
    default: false
  accept_unverified:
    description: Whether a new password of O(reset) counts if the vendor confirmed it but no login could prove it.
    type: bool
    default: false
  set_aside_damaged:
    description:
      - Whether a damaged record may be replaced once a login has proved the password that you supply. Its content is kept in the new
        record, under C(set_aside), up to 20,000 characters.
      - The same applies to an entry or a secret in the place of a record that is not a record, even one that somebody else has made. In Vault and Secrets
        Manager it also remains as an older version of the secret, as long as the server keeps versions.
      - At a vendor that locks accounts, the record is replaced before the login, since the login is counted in it.
    type: bool
    default: false
  forget_failed_logins:
    description:
      - Whether to reset the count of failed logins, because the accounts were unlocked by hand or have logged in since then.
      - Needed at a vendor that resets its count only at a successful login.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Supply the password that somebody has set by hand
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
  description: The outcome for each user.
  returned: success, and if only users failed
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    action:
      description:
        - V(unchanged), the record was right; V(repaired), it was corrected; V(reset), the user has a new password. In check mode, what would be done.
        - After a failed reset, what was done with the new password, as reported by M(rekey.passwords.rotation_commit). Otherwise V(null).
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
  description: One line per user, human-readable.
  returned: success, and if only users failed
  type: list
  elements: str
error:
  description: What made the whole call fail, in the same form as the error of a user.
  returned: when the store, the operator's login, the connection or the arguments are wrong
  type: dict
"""
