# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: secret
short_description: Read the current password of a user from the rotation's store
version_added: 0.1.0
description:
  - Returns the password that was proved last, for each of the named users.
  - The C(rotate_*) variables of the role P(rekey.passwords.rotate#role) are the defaults, so a play that is configured for the role
    names only the user.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.password_lookup
"""

EXAMPLES = r"""
- name: Use a rotated password
  ansible.builtin.uri:
    url: "https://milvus.example.com:19530/v2/vectordb/users/describe"
    method: POST
    headers:
      Authorization: "Bearer alice:{{ lookup('rekey.passwords.secret', 'alice') }}"
    body_format: json
    body: {userName: alice}
  no_log: true

- name: Read the password of a user of another host, or the old one until that host has been rotated
  ansible.builtin.set_fact:
    bob_password: "{{ lookup('rekey.passwords.secret', 'bob', host='milvus-2', default=vault_bob) }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The passwords, in the order of the names.
  type: list
  elements: str
"""

from typing import Any, Dict, List, Optional

from ansible_collections.rekey.passwords.plugins.plugin_utils._password_lookup import PasswordLookup


class LookupModule(PasswordLookup):
    """Reads passwords; the store decides how."""

    NAME = "rekey.passwords.secret"

    def run(self, terms: List[Any], variables: Optional[Dict[str, Any]] = None, **kwargs: Any) -> List[Optional[str]]:
        return [login.password for login in self.read_logins(terms, variables, kwargs)]
