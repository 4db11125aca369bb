#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_change.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_change
short_description: Change the passwords that a rotation has staged
version_added: 0.1.0
description:
  - The second step of a rotation. Passes all due users to the vendor's module, in one call.
  - Before a password is sent, the store notes that it will be. A password that was never sent is set directly. One that may have been sent is set only
    if a login shows that it is not in force.
  - A password that the vendor's policy refuses is replaced by a stricter one, which is stored and sent in the same call, once. It has at least two characters
    of every class, including those that O(policy) leaves out, and none in C(policy.exclude).
  - Failed logins of earlier runs count, so a user stays below the vendor's lock-out threshold however often the rotation runs.
  - Only one call at a time sends the passwords of a host. Another one waits for it, and gives up after two minutes.
  - The vendor's module runs within the controller's process if the task has a local connection and no C(become), else on the task's host like any
    other module.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation
  - rekey.passwords.rotation.vendor_options
  - rekey.passwords.rotation.new_passwords
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
options:
  staged:
    description: The C(users) that M(rekey.passwords.rotation_stage) returned.
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
"""

RETURN = r"""
users:
  description: The outcome for each user that was due, as reported by the vendor's module.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    id:
      description: The vendor's own ID of the user.
      type: str
    state:
      description: V(changed), V(unchanged), V(failed) or V(unknown), or in check mode V(would_change).
      type: str
    verified:
      description: Whether a login with the new password works; V(null) if unknown.
      type: bool
    failed_logins:
      description: Number of recent failed logins of the user, including this call's.
      type: int
      sample: 0
    error:
      description: What is wrong, or V(null); with C(kind), C(message), C(http_status), C(vendor_code), C(request_id) and C(retryable).
      type: dict
error:
  description: What made the whole call fail, in the same form as the error of a user.
  returned: when the operator's login, the connection or the arguments are wrong
  type: dict
"""
