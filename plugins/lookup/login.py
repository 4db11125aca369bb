# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: login
short_description: Read what consumers of a user log in with, from the rotation's store
version_added: 0.2.0
description:
  - Returns the name of the account and its current password, for each of the named users.
  - For a user with one account the name of the account is that of the user. A template that takes both from this lookup need not know which kind of user it is.
  - The C(rotate_*) variables of the role P(rekey.passwords.rotate#role) are the defaults, so a play that is configured for the role
    names only the user.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.password_lookup
seealso:
  - plugin: rekey.passwords.secret
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Log in with the account that alice uses now
  ansible.builtin.uri:
    url: "https://milvus.example.com:19530/v2/vectordb/users/describe"
    method: POST
    headers:
      Authorization: "Bearer {{ login.username }}:{{ login.password }}"
    body_format: json
    body:
      userName: "{{ login.username }}"
  vars:
    login: "{{ lookup('rekey.passwords.login', 'alice') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The logins, in the order of the names.
  type: list
  elements: dict
  contains:
    username:
      description: The name of the account.
      type: str
    password:
      description: Its password.
      type: str
"""

from typing import Any, Dict, List, Optional

from ansible_collections.rekey.passwords.plugins.plugin_utils._password_lookup import PasswordLookup


class LookupModule(PasswordLookup):
    """Reads logins; the store decides how."""

    NAME = "rekey.passwords.login"

    def run(
        self, terms: List[Any], variables: Optional[Dict[str, Any]] = None, **kwargs: Any
    ) -> List[Dict[str, Optional[str]]]:
        return [login.as_dict() for login in self.read_logins(terms, variables, kwargs)]
