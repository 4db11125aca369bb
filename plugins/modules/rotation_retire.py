#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_retire.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_retire
short_description: Set aside the passwords of users that are no longer rotated
version_added: 0.1.0
description:
  - Copies the record of each user to another name in the same store, made of the host and the time, and leaves a record without passwords in its
    place. Nothing is deleted. When you are certain that nobody needs the copy, remove it with the store's own tools.
  - Status and verify no longer report such a user, and another host may rotate the account. If the user is rotated under this name again, it starts as
    a new user.
  - Changes nothing at the vendor. If the account still exists, its password stays in force.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.store
  - rekey.passwords.attributes.of_the_rotation
options:
  users:
    description: The names of the users.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Retire the users that have left the inventory
  rekey.passwords.rotation_retire:
    store_path: /srv/passwords
    users: [bob]
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
      description: V(retired), also in check mode if it would be; V(unchanged) if it was retired before, or the store has no record; V(null) if it failed.
      type: str
      sample: retired
    error:
      description: Why the user was not retired, or V(null); in the form of all errors.
      type: dict
retired_as:
  description: The name in the store under which the copies are kept, or V(null) if there are none.
  returned: success, and if only users failed
  type: str
  sample: milvus-1.retired-20260131T120000Z
summary:
  description: One line per user, human-readable.
  returned: success, and if only users failed
  type: list
  elements: str
error:
  description: What made the whole call fail, in the same form as the error of a user.
  returned: when the store or the arguments are wrong
  type: dict
"""
