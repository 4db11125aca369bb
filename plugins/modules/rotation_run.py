#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_run.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_run
short_description: Rotate the passwords that are due
version_added: 0.1.0
description:
  - Takes all steps of a rotation in one task. Decides who is due, stores a new password for each of them as pending, changes it at the vendor, proves it by a
    login, and makes it the current one. This is what the role P(rekey.passwords.rotate#role) does.
  - M(rekey.passwords.rotation_stage), M(rekey.passwords.rotation_change), M(rekey.passwords.rotation_commit) and M(rekey.passwords.rotation_rollback) are the
    single steps, for tasks of your own between them.
  - A run that dies at any moment is finished by the next one with the same passwords. A second run changes nothing.
  - Only one call at a time changes the passwords of a host. Another one waits for it, and gives up after two minutes.
  - Fails at the end if any user that was due was not rotated, or is orphaned; the store is up to date even then.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation
  - rekey.passwords.rotation.vendor_options
  - rekey.passwords.rotation.which_users
  - rekey.passwords.rotation.reason
  - rekey.passwords.rotation.who_is_due
  - rekey.passwords.rotation.new_passwords
  - rekey.passwords.rotation.accepted_proof
  - rekey.passwords.rotation.most_attempts
  - rekey.passwords.rotation.delivered
  - rekey.passwords.rotation.of_pairs
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  rollback:
    description:
      - Whether to set the previous passwords of the other users again if any user failed and the vendor allows it.
      - The change of the failed users themselves is not undone; the next run finishes it, and rotates the others again.
    type: bool
    default: false
  verify_after:
    description:
      - Logs in with the passwords of users that are not due, if they were proved longer ago than this, and fails for those that do not log in, since somebody
        may have changed them by hand. A whole number and V(d), V(h), V(m) or V(s).
      - Only at vendors that do not lock accounts, where a failed login costs nothing. At the others use M(rekey.passwords.rotation_info), which counts logins.
      - If it is empty, no such login is made.
    type: str
    default: 12h
  reconcile:
    description:
      - Whether users whose passwords do not log in, as O(verify_after) finds, get new ones in the same run, instead of failing.
      - Only where an operator may set a password without the current one, as a super user of Milvus, or at a database with C(database_login); elsewhere such
        users fail as without it. Not outside of O(window), and not for users on hold.
    type: bool
    default: false
    version_added: 0.2.0
  change_tasks:
    description: The role's variable C(rotate_change_tasks). If it is set, the module only validates the options, and leaves the steps to tasks of your own.
    type: path
"""

EXAMPLES = r"""
- name: Rotate every password that is older than 90 days
  rekey.passwords.rotation_run:
    vendor: milvus
    connection:
      url: https://milvus.example.com:19530
      api_user: root
      api_password: "{{ vault_root_password }}"
    store_path: /srv/passwords
    users:
      - name: alice
        current_password: "{{ vault_alice }}"
      - name: bob
        current_password: "{{ vault_bob }}"
    max_age: 90d
  register: rotated

- name: Show the summary
  ansible.builtin.debug:
    msg: "{{ rotated.summary }}"
"""

RETURN = r"""
due:
  description: The names of the users that were due.
  returned: success, and if only users failed
  type: list
  elements: str
users:
  description: The outcome for each user that was due or is orphaned.
  returned: success, and if only users failed
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    reason:
      description: Why the user was due, V(new), V(unfinished), V(expired) or V(forced); V(orphaned) if it was skipped; V(adopt) if it was to be
        adopted; V(verify) if it was not due and does not log in; V(reconcile) if it was to get a new password because of that.
      type: str
    state:
      description: V(changed), V(unchanged), V(failed) or V(unknown), or in check mode V(would_change).
      type: str
    verified:
      description: Whether a login has proved the new password; V(null) if unknown.
      type: bool
    action:
      description: What was done with the new password. V(promoted), V(kept), V(dropped), V(abandoned) if it was kept for the last time, V(superseded) by
        another run, or V(adopted) if the user has kept its password; V(null) in check mode, and for a user that was skipped.
      type: str
    error:
      description: Why the user was not rotated, or V(null); with C(kind), C(message), C(http_status), C(vendor_code), C(request_id) and C(retryable).
      type: dict
undelivered:
  description: The names of the users whose current password is in force and has not been delivered, see M(rekey.passwords.rotation_undelivered).
  returned: if O(deliver) is true
  type: list
  elements: str
pairs:
  description: The pairs among O(users) that the task was about, with C(name) and C(accounts).
  returned: if there are any
  type: list
  elements: dict
  version_added: 0.2.0
held:
  description: The users on hold, which were skipped.
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
    - Users with records at this vendor and endpoint that O(users) does not name, except retired ones. Each has a line in
      RV(summary). A user whose new password may be in force also causes a warning. M(rekey.passwords.rotation_retire) retires them.
    - In stores where reading them costs requests or decryptions, which is any but C(ansible_vault), they are looked up only if a user was due. They are
      omitted if the store refuses to list.
  returned: success, and if only users failed
  type: list
  elements: str
summary:
  description: One line per user, human-readable.
  returned: success, and if only users failed
  type: list
  elements: str
rolled_back:
  description: The outcome for each user to roll back, as reported by M(rekey.passwords.rotation_rollback).
  returned: if any user failed and O(rollback) is true
  type: list
  elements: dict
error:
  description: What made the whole call fail, in the same form as the error of a user.
  returned: when the operator's login, the connection, the store or the arguments are wrong
  type: dict
"""
