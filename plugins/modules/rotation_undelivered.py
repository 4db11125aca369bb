#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_undelivered.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_undelivered
short_description: Find the users whose new passwords have not been delivered
version_added: 0.2.0
description:
  - Returns the users whose current password is in force while those who use it (applications, files, other systems) have not been given it yet.
  - Give it to them with tasks of your own, then have M(rekey.passwords.rotation_delivered) note that. The role P(rekey.passwords.rotate#role) does both
    if its variable C(rotate_deliver_tasks) is set.
  - Users without a proved password, with an unfinished rotation, orphaned or retired are not among them.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.rotation
  - rekey.passwords.rotation.which_users
  - rekey.passwords.store
  - rekey.passwords.store_create
  - rekey.passwords.attributes.of_the_rotation
"""

EXAMPLES = r"""
- name: Find the users whose passwords are to be delivered
  rekey.passwords.rotation_undelivered:
    vendor: milvus
    store_path: /srv/passwords
    users: [alice, bob]
  register: found

- name: Give the password of alice to the application
  ansible.builtin.copy:
    content: "MILVUS_PASSWORD={{ lookup('rekey.passwords.secret', 'alice', store_path='/srv/passwords') }}"
    dest: /etc/app/milvus.env
    mode: "0600"
  delegate_to: app.example.com
  no_log: true
  when: "'alice' in found.users"

- name: Note that it was delivered
  rekey.passwords.rotation_delivered:
    store_path: /srv/passwords
    versions: "{{ found.versions }}"
"""

RETURN = r"""
users:
  description: The names of the users.
  returned: success
  type: list
  elements: str
versions:
  description: Which password of each of them is the current one, as a short digest that is of no use to anybody who does not know the password.
  returned: success
  type: dict
  sample:
    alice: 3f9a
error:
  description: What made the call fail, with C(kind), C(message), C(http_status), C(vendor_code), C(request_id) and C(retryable).
  returned: when the store or the arguments are wrong
  type: dict
"""
