#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_stage.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_stage
short_description: Decide whose password is due and store a new one as pending
version_added: 0.1.0
description:
  - The first step of a rotation. Reads the store's record of each user, decides who is due, generates a password that satisfies the vendor's
    policy, and stores it durably as pending, before anything happens at the vendor.
  - With O(connection) it also makes sure that the records are about that endpoint. A user whose record is about another one is not due; the error of the
    kind V(target_mismatch) is in RV(users), and M(rekey.passwords.rotation_commit) fails with it.
  - A pending password that an earlier run left behind is kept and handed out again, since it may be in force already.
  - A user that is orphaned is not due, whatever O(max_age) and O(force) say; M(rekey.passwords.rotation_commit) reports it, and
    M(rekey.passwords.rotation_repair) repairs it.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation
  - rekey.passwords.rotation.vendor_options
  - rekey.passwords.rotation.which_users
  - rekey.passwords.rotation.reason
  - rekey.passwords.rotation.who_is_due
  - rekey.passwords.rotation.new_passwords
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
"""

EXAMPLES = r"""
- name: Store new passwords for those whose password is older than 90 days
  rekey.passwords.rotation_stage:
    vendor: milvus
    store_path: /srv/passwords
    users:
      - alice
      - name: bob
        current_password: "{{ vault_bob }}"
    max_age: 90d
    policy:
      length: 24
      symbols: 0
  register: staged
"""

RETURN = r"""
due:
  description: The names of the users that are due.
  returned: success
  type: list
  elements: str
users:
  description: What was decided about each user; the option O(rekey.passwords.rotation_change#module:staged) of the next steps.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    due:
      description: Whether the password is to be changed.
      type: bool
    reason:
      description: V(new), V(unfinished), V(expired) or V(forced); V(orphaned) of a user that is left alone; or V(null).
      type: str
    run_id:
      description: Identifies the pending password without showing it.
      type: str
    fresh:
      description: Whether no run before this one took the pending password up.
      type: bool
    rotated_at:
      description: When the current password was proved, ISO 8601 in UTC.
      type: str
unlisted:
  description:
    - Users with records at this vendor and endpoint that O(users) does not name, except retired ones. There is also a warning about one whose new password
      may be in force. M(rekey.passwords.rotation_retire) retires them.
    - Where reading them costs requests or decryptions, as in any store but C(ansible_vault), they are looked for only if a user is due. They are left out
      if the store refuses to list.
  returned: if there are any
  type: list
  elements: str
summary:
  description: One line for each user in RV(unlisted), human-readable.
  returned: if there are any
  type: list
  elements: str
"""
