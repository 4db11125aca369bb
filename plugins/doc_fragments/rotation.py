# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options that several modules of the rotation have: what plugin_utils/_rotation/options.py declares."""

    DOCUMENTATION = r"""
options:
  vendor:
    description: The vendor, which is the name of its module without C(_user_password), for example V(milvus).
    type: str
    required: true
  users:
    description:
      - The users, each a name or a dictionary.
      - In a dictionary C(name) is the user and C(current_password) its password before the first rotation; further keys are handed to the vendor's
        module.
    type: list
    elements: raw
    required: true
"""

    VENDOR_OPTIONS = r"""
options:
  connection:
    description:
      - The options of the vendor's module, except the users, their passwords and C(update_password).
      - An operator that is among the users itself is changed last. From its first rotation on its password comes from the store.
    type: dict
    default: {}
"""

    WHO_IS_DUE = r"""
options:
  max_age:
    description: Passwords younger than this are left alone. A whole number and V(d), V(h), V(m) or V(s).
    type: str
    default: 30d
  force:
    description: Rotate all users, however young their passwords are.
    type: bool
    default: false
"""

    NEW_PASSWORDS = r"""
options:
  policy:
    description: What the generated passwords look like, where the vendor's default is not right.
    type: dict
    suboptions:
      length:
        description: How many characters; at least 20 where the vendor allows it.
        type: int
      upper:
        description: At least so many capital letters; V(0) for none at all.
        type: int
      lower:
        description: At least so many small letters; V(0) for none at all.
        type: int
      digits:
        description: At least so many digits; V(0) for none at all.
        type: int
      symbols:
        description: At least so many symbols; V(0) for none at all.
        type: int
      symbol_characters:
        description: The symbols to choose from.
        type: str
      exclude:
        description: Characters that are never used.
        type: str
"""

    ACCEPTED_PROOF = r"""
options:
  accept_unverified:
    description: Whether a change that the vendor confirmed counts although no login could prove it.
    type: bool
    default: false
"""

    MOST_ATTEMPTS = r"""
options:
  max_attempts:
    description: After so many runs in which neither the current nor the pending password of a user logged in, the user is orphaned. At least 1.
    type: int
    default: 3
"""
