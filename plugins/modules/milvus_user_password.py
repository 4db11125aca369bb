#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_user_password
short_description: Set the passwords of Milvus users
version_added: 0.1.0
description:
  - Sets the passwords of one or many users of a Milvus cluster or of Zilliz Cloud, through the RESTful API v2.
  - Checks by a login whether a password is already right and changes it only if it is not; after a change it logs in with the
    new password.
  - Works with Milvus 2.3.13 and later.
author:
  - rekey.passwords contributors (@rekey)
requirements:
  - requests
extends_documentation_fragment:
  - rekey.passwords.users
  - rekey.passwords.connection
  - rekey.passwords.attributes
attributes:
  action_group:
    support: full
    description: Use C(group/rekey.passwords.milvus) or C(group/rekey.passwords.all) in C(module_defaults) to set defaults for this module.
    membership:
      - rekey.passwords.milvus
      - rekey.passwords.all
options:
  url:
    description:
      - The URL of the cluster, for example V(https://milvus.example.com:19530).
      - If not set, the environment variable E(MILVUS_URL) is used.
      - A URL that begins with V(http://) causes a warning, since passwords then travel unencrypted, unless it points to this machine.
    type: str
    required: true
  api_user:
    description:
      - The operator, a user that may list users and change their passwords, for example V(root).
      - Without O(api_user) and O(api_token) each user changes its own password and needs C(current_password).
      - If it is among O(users) itself, it is changed last, and O(api_password) counts as its C(current_password).
      - If not set, the environment variable E(MILVUS_API_USER) is used.
    type: str
  api_password:
    description:
      - The operator's password.
      - If not set, the environment variable E(MILVUS_API_PASSWORD) is used.
    type: str
  api_token:
    description:
      - An API key of Zilliz Cloud, instead of O(api_user) and O(api_password).
      - If not set, the environment variable E(MILVUS_API_TOKEN) is used.
    type: str
notes:
  - Milvus requires the user's current password even when an operator acts, unless the server's setting C(superUsers) lists the operator.
    Set C(current_password) in all other cases.
  - The operator looks up all names first. With C(superUsers) the server would otherwise create users that do not exist.
  - If authorization is switched off on the server, any login works. The module detects that, and C(verified) is V(null).
  - Milvus has no lock-out, so failed logins cost nothing.
seealso:
  - name: User operations in the RESTful API of Milvus
    description: The vendor's reference.
    link: https://milvus.io/api-reference/restful/v2.4.x/v2/User%20(v2)/Update%20Password.md
"""

EXAMPLES = r"""
- name: Set the password of one user, as root
  rekey.passwords.milvus_user_password:
    url: https://milvus.example.com:19530
    api_user: root
    api_password: "{{ vault_root_password }}"
    name: alice
    password: "{{ vault_alice_new }}"
    current_password: "{{ vault_alice_old }}"

- name: Let a user change its own password
  rekey.passwords.milvus_user_password:
    url: https://milvus.example.com:19530
    name: bob
    password: "{{ vault_bob_new }}"
    current_password: "{{ vault_bob_old }}"

- name: Set the passwords of many users in one call, and continue if only the policy refuses one of them
  rekey.passwords.milvus_user_password:
    url: https://milvus.example.com:19530
    api_user: root
    api_password: "{{ vault_root_password }}"
    users:
      - name: carol
        password: "{{ vault_carol_new }}"
        current_password: "{{ vault_carol_old }}"
      - name: dave
        password: short
        current_password: "{{ vault_dave_old }}"
  register: passwords
  failed_when: >-
    passwords.error is defined or
    passwords.users | map(attribute='error') | select | map(attribute='kind') | reject('eq', 'password_rejected') | list | length > 0
"""

RETURN = r"""
users:
  description: The outcome for each user, in the order of O(users).
  returned: when the options are of the right types
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    id:
      description: Always V(null), since Milvus has no IDs of users.
      type: str
    state:
      description:
        - V(changed), V(unchanged), V(failed), or in check mode V(would_change).
        - V(unknown) means that the change may or may not have happened and no login could settle it; it counts as a failure.
      type: str
      sample: changed
    verified:
      description: Whether a login with the new password works; V(null) if unknown.
      type: bool
      sample: true
    failed_logins:
      description: Number of recent failed logins of the user, including this call's.
      type: int
      sample: 0
    error:
      description: What is wrong, or V(null).
      type: dict
      contains:
        kind:
          description: The stable name of the error, see U(https://github.com/rekey/rekey.passwords/blob/main/docs/reference/errors.md).
          type: str
          sample: password_rejected
        message:
          description: What is wrong and what to do, human-readable.
          type: str
        http_status:
          description: The HTTP status of the vendor's answer.
          type: int
        vendor_code:
          description: The vendor's own code.
          type: raw
        request_id:
          description: The vendor's ID of the request.
          type: str
        retryable:
          description: Whether the same task is likely to succeed when run again later.
          type: bool
  sample:
    - name: alice
      id: null
      state: changed
      verified: true
      error: null
      failed_logins: 0
error:
  description: What made the whole call fail, in the same form as the error of a user.
  returned: when the operator's login, the connection or the arguments are wrong
  type: dict
  sample:
    kind: authentication_failed
    message: The server refused the operator's login.
    http_status: 401
    vendor_code: 1800
    request_id: null
    retryable: false
"""

from ansible_collections.rekey.passwords.plugins.module_utils._vendors.milvus import Milvus
from ansible_collections.rekey.passwords.plugins.module_utils.module_runner import run_module

VENDOR = Milvus
SPEC = VENDOR.spec()


def main() -> None:
    run_module(VENDOR)


if __name__ == "__main__":
    main()
