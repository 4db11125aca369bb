#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_info.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_info
short_description: Show the state of rotated passwords, and verify them by logins
version_added: 0.1.0
description:
  - Shows the store's record of each user of the play's host, such as the password's age, when it is due, whether one is pending, and the last error.
  - With O(verify) it also logs in with every current password. It fails at the end if one cannot log in, or if the store has no proved password of a user.
  - Changes nothing at the vendor. In the store it only notes the number of failed logins, at vendors that lock accounts.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation.vendor_options
  - rekey.passwords.rotation.which_users
  - rekey.passwords.rotation.delivered
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  vendor:
    description: The vendor. This is its module's name without C(_user_password), for example V(milvus). Required by O(verify=true).
    type: str
  users:
    description: The users, as for M(rekey.passwords.rotation_stage). Defaults to all that have a record in the store.
    type: list
    elements: raw
  max_age:
    description: Passwords older than this are due. A whole number followed by V(d), V(h), V(m) or V(s).
    type: str
    default: 30d
  verify:
    description: Whether to log in with every current password.
    type: bool
    default: false
  check_previous:
    description:
      - Whether to log in with the previous password of each user as well, in order to find out whether it is refused. Includes O(verify).
      - It fails if a previous password still logs in. A password that cannot be checked is reported with the reason, and is not a failure.
      - At vendors that lock accounts, it is checked only if the current password has just logged in. The failed login is counted before it is made,
        and another login with the current password follows, which resets the vendor's count. In check mode, no such login is made there.
    type: bool
    default: false
    version_added: 0.2.0
  fail_on:
    description:
      - What makes the task fail, besides a failed O(verify).
      - V(overdue), a password is due; V(pending), a new password may be in force already; V(orphaned), a user needs a repair; V(error), the last run failed
        for a user; V(absent), a user has no record; V(unlisted), the store has the record of a user that O(users) does not name; V(undelivered), with
        O(deliver), the current password of a user has not been delivered.
    type: list
    elements: str
    choices: [overdue, pending, orphaned, error, absent, unlisted, undelivered]
    default: []
"""

EXAMPLES = r"""
- name: Show the state of all passwords of this host
  rekey.passwords.rotation_info:
    store_path: /srv/passwords
  register: status

- name: Stop if a user needs a repair
  ansible.builtin.assert:
    that: status.users | selectattr('status', 'eq', 'orphaned') | length == 0

- name: Log in with every current password
  rekey.passwords.rotation_info:
    verify: true
    vendor: milvus
    connection:
      url: https://milvus.example.com:19530
      api_user: root
      api_password: "{{ vault_root_password }}"
    store_path: /srv/passwords

- name: Find out whether the passwords before the last rotation are refused
  rekey.passwords.rotation_info:
    check_previous: true
    vendor: milvus
    connection:
      url: https://milvus.example.com:19530
      api_user: root
      api_password: "{{ vault_root_password }}"
    store_path: /srv/passwords
"""

RETURN = r"""
users:
  description: The state of each user.
  returned: success, and if only users failed
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    status:
      description:
        - V(current), no rotation is unfinished; V(pending), a new password is stored and may be in force already; V(orphaned), no known password logs in, and
          no rotation tries the user again until it is repaired; V(absent), the store has no record; V(retired), the passwords were set aside.
      type: str
      sample: current
    rotated_at:
      description: When the current password was proved, ISO 8601 in UTC; V(null) if not known. That of an adopted password may be earlier, so that it is
        due earlier.
      type: str
      sample: "2026-01-31T12:00:00Z"
    adopted_at:
      description: When the current password was taken over as it was, ISO 8601 in UTC; V(null) if a rotation has set it.
      type: str
      version_added: 0.2.0
    age:
      description: Seconds since then, or V(null).
      type: int
      sample: 86400
    due_at:
      description: When the password will be due, ISO 8601 in UTC, or V(null).
      type: str
      sample: "2026-03-02T12:00:00Z"
    due:
      description: Whether the next rotation would change the password.
      type: bool
    held:
      description: Whether the user is on hold, so that rotations skip it.
      type: bool
      version_added: 0.2.0
    hold_reason:
      description: Why, or V(null).
      type: str
      version_added: 0.2.0
    pending:
      description: Whether a new password is pending.
      type: bool
    pending_since:
      description: When it was stored, ISO 8601 in UTC, or V(null).
      type: str
    attempts:
      description: Number of runs that have tried to set it.
      type: int
      sample: 0
    failed_logins:
      description: Number of recent failed logins that this collection caused.
      type: int
      sample: 0
    reason:
      description: The reason given for the pending password, or else for the current one; V(null) if none was given.
      type: str
      version_added: 0.2.0
    active:
      description: Of a pair, the account in use; V(null) for any other user.
      type: str
      version_added: 0.2.0
    delivered_at:
      description: When the current password was delivered to its consumers, ISO 8601 in UTC, or V(null).
      type: str
      version_added: 0.2.0
    undelivered:
      description: Whether the current password is in force and was not delivered; V(null) without O(deliver).
      type: bool
      version_added: 0.2.0
    last_error:
      description: C(kind), C(message) and C(at) of the last run that failed, or V(null).
      type: dict
    verified:
      description: Whether the current password logs in; V(null) without O(verify), and if the login was inconclusive.
      type: bool
    error:
      description: Why the login was inconclusive, or V(null).
      type: dict
    previous_refused:
      description: Whether the password before the current one is refused; V(null) without O(check_previous), and if that could not be checked.
      type: bool
      version_added: 0.2.0
    previous_error:
      description:
        - Why the previous password could not be checked, or that it is still accepted (kind V(previous_accepted)); V(null) if it is refused.
      type: dict
      version_added: 0.2.0
    vendor:
      description: The vendor that the record belongs to, or V(null) if that is not recorded yet.
      type: str
      sample: milvus
    target:
      description: The endpoint that the record belongs to, or V(null) if that is not recorded yet.
      type: str
      sample: https://milvus.example.com:19530
unlisted:
  description:
    - Users with records in the store that O(users) does not name. M(rekey.passwords.rotation_retire) retires them.
    - With O(vendor), records of other vendors are left out.
  returned: success, and if only users failed
  type: list
  elements: str
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
