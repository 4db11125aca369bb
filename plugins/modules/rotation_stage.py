#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_stage.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_stage
short_description: Decide who is due, and store a new password as pending
version_added: 0.1.0
description:
  - The first step of a rotation. Reads the store's record of each user, decides who is due, generates a password that satisfies the vendor's
    policy, and stores it durably as pending, before anything happens at the vendor.
  - With O(connection) it also checks that the records belong to that endpoint. A user whose record belongs to another one is not due. The error of the
    kind V(target_mismatch) is in RV(users), and M(rekey.passwords.rotation_commit) fails with it.
  - A pending password of an earlier run is kept and used again, since it may already be in force.
  - An orphaned user is not due, whatever O(max_age) and O(force) say; M(rekey.passwords.rotation_commit) reports it, and
    M(rekey.passwords.rotation_repair) repairs it.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation
  - rekey.passwords.rotation.vendor_options
  - rekey.passwords.rotation.which_users
  - rekey.passwords.rotation.reason
  - rekey.passwords.rotation.delivered
  - rekey.passwords.rotation.of_pairs
  - rekey.passwords.rotation.who_is_due
  - rekey.passwords.rotation.new_passwords
  - rekey.passwords.rotation.accepted_proof
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
"""

EXAMPLES = r"""
- name: Store new passwords for users whose password is older than 90 days
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
  description: The decision for each user; pass it to the next steps as O(rekey.passwords.rotation_change#module:staged).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    due:
      description: Whether the password will be changed.
      type: bool
    reason:
      description: V(new), V(unfinished), V(expired) or V(forced); V(orphaned) or V(held) for a user that is skipped;
        V(outside_window) or V(later_run) for one that waits; V(adopt) for one that is adopted; or V(null).
      type: str
    run_id:
      description: Identifies the pending password without revealing it.
      type: str
    fresh:
      description: Whether no earlier run has tried to set the pending password.
      type: bool
    rotated_at:
      description: When the current password was proved, ISO 8601 in UTC.
      type: str
    note:
      description: Why a user is skipped that is on hold, or waits.
      returned: if there is anything to say
      type: str
      version_added: 0.2.0
    adopted:
      description: Whether its password was taken over as it is.
      returned: if it was
      type: bool
      version_added: 0.2.0
    verified:
      description: Whether a login has proved the password that was adopted.
      returned: if a login was made
      type: bool
      version_added: 0.2.0
    accept_unverified:
      description: The user's own option, for M(rekey.passwords.rotation_commit).
      returned: if it has one
      type: bool
      version_added: 0.2.0
    pair:
      description: The pair of which the user is an account, for M(rekey.passwords.rotation_commit).
      returned: if it is one
      type: dict
      version_added: 0.2.0
pairs:
  description: The pairs among O(users) that the task was about, with C(name) and C(accounts).
  returned: if there are any
  type: list
  elements: dict
  version_added: 0.2.0
held:
  description: The users on hold, which are skipped.
  returned: if there are any
  type: list
  elements: str
  version_added: 0.2.0
waiting:
  description: The users that are due and wait, for the window to open or for a later run.
  returned: if there are any
  type: list
  elements: str
  version_added: 0.2.0
unlisted:
  description:
    - Users with records at this vendor and endpoint that O(users) does not name, except retired ones. A user whose new password may be in force
      also causes a warning. M(rekey.passwords.rotation_retire) retires them.
    - In stores where reading them costs requests or decryptions, which is any but C(ansible_vault), they are looked up only if a user is due. They are
      omitted if the store refuses to list.
  returned: if there are any
  type: list
  elements: str
summary:
  description: One line for each user in RV(unlisted), human-readable.
  returned: if there are any
  type: list
  elements: str
"""
