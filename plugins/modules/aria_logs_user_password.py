#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aria_logs_user_password
short_description: Set the passwords of users of VMware Aria Operations for Logs
version_added: 0.1.0
description:
  - Sets the passwords of one or many local users of VMware Aria Operations for Logs, formerly vRealize Log Insight, or unlocks their accounts.
  - Checks by a login whether a password is already right and changes it only if it is not; after a change it logs in with the
    new password. A call never makes enough failed logins to lock an account.
  - Uses the REST API v2.
author:
  - rekey.passwords contributors (@rekey)
requirements:
  - requests
extends_documentation_fragment:
  - rekey.passwords.users
  - rekey.passwords.connection
  - rekey.passwords.attributes
attributes:
  idempotent:
    details:
      - Not with O(update_password=always), and not for accounts in a state in which no login is tried.
  action_group:
    support: full
    description: Use C(group/rekey.passwords.aria_logs) or C(group/rekey.passwords.all) in C(module_defaults) to set defaults for this module.
    membership:
      - rekey.passwords.aria_logs
      - rekey.passwords.all
options:
  url:
    description:
      - The URL of the API, with its port, for example V(https://logs.example.com:9543).
      - If not set, the environment variable E(ARIA_LOGS_URL) is used.
      - A URL that begins with V(http://) causes a warning, since passwords then travel unencrypted, unless it points to this machine.
    type: str
    required: true
  api_user:
    description:
      - The operator, who must be Super Admin or have the right to edit access control.
      - If it is among O(users) itself, it is changed last.
      - If not set, the environment variable E(ARIA_LOGS_API_USER) is used.
    type: str
    required: true
  api_password:
    description:
      - The operator's password.
      - If not set, the environment variable E(ARIA_LOGS_API_PASSWORD) is used.
    type: str
    required: true
  api_provider:
    description:
      - Where the operator's password is managed. V(Local) is the server itself.
      - If not set, the environment variable E(ARIA_LOGS_API_PROVIDER) is used.
    type: str
    choices: [Local, ActiveDirectory, vIDM]
    default: Local
  users:
    description:
      - The users and their passwords. One call for many users is far faster than a loop, and a loop may print their passwords.
      - Every user is processed even if another fails; the task fails at the end if any did.
      - Either this, O(name) or O(id) is required.
    type: list
    elements: dict
    suboptions:
      name:
        description: The user. Required unless O(users[].id) is set.
        type: str
      id:
        description: The user's ID on the server, a UUID, instead of or in addition to its name.
        type: str
      password:
        description: The password to set. Required unless O(users[].unlock=true).
        type: str
      unlock:
        description: Overrides O(unlock) for this user.
        type: bool
      current_password:
        description: Not needed; the operator can set any password without it.
        type: str
      update_password:
        description: Overrides O(update_password) for this user.
        type: str
        choices: [when_changed, always, never]
      failed_logins:
        description:
          - Number of recent failed logins of this user that you know of. They count against the budget of the call, so that several
            calls together stay below the vendor's lock-out threshold.
        type: int
        default: 0
  id:
    description: The user's ID on the server, to set a single password. Mutually exclusive with O(users).
    type: str
  unlock:
    description:
      - Whether to unlock the account if it is locked, with or without a new password. Applies to all of O(users) that do not override it.
      - A new password also unlocks an account. So a user whose account is locked gets one only if this is V(true), and otherwise fails with
        C(account_locked).
    type: bool
notes:
  - For versions 8.x up to VCF 9.0. From VCF 9.1 on the accounts are those of VCF Operations, which this module cannot change.
  - Three wrong passwords within 15 minutes lock an account. A call makes at most one failed login to check whether a password is right, and
    one more only if a change that the server has confirmed does not work. No login is tried for an account whose C(authStatus) is not C(ACTIVE).
  - Each login opens a session that the server ends after 30 minutes; the API cannot end it earlier.
  - A password must have at least 8 visible ASCII characters or spaces, with an upper-case letter, a lower-case letter, a digit and a special character.
    Others are refused before any request.
seealso:
  - name: API reference of VMware Aria Operations for Logs
    description: The vendor's reference.
    link: https://developer.broadcom.com/xapis/vrealize-log-insight-api/
"""

EXAMPLES = r"""
- name: Set the passwords of two local users
  rekey.passwords.aria_logs_user_password:
    url: https://logs.example.com:9543
    api_user: operator
    api_password: "{{ vault_logs_operator }}"
    users:
      - name: bob
        password: "{{ vault_bob_new }}"
      - name: carol
        password: "{{ vault_carol_new }}"

- name: Set a password even if the account is locked, and unlock it
  rekey.passwords.aria_logs_user_password:
    url: https://logs.example.com:9543
    api_user: operator
    api_password: "{{ vault_logs_operator }}"
    name: dave
    password: "{{ vault_dave_new }}"
    unlock: true

- name: Unlock an account that keeps its password
  rekey.passwords.aria_logs_user_password:
    url: https://logs.example.com:9543
    api_user: operator
    api_password: "{{ vault_logs_operator }}"
    name: carol
    unlock: true
"""

RETURN = r"""
users:
  description: The outcome for each user, in the order of O(users).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    id:
      description: The vendor's own ID of the user, a UUID.
      type: str
    state:
      description:
        - V(changed), V(unchanged), V(failed), or in check mode V(would_change).
        - V(unknown) means that the change may or may not have happened and no login could settle it; it counts as a failure.
      type: str
      sample: changed
    verified:
      description: Whether a login with the new password works; V(null) if unknown, or without a new password.
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
          description: The vendor's own code, or the state of a locked account.
          type: raw
        request_id:
          description: The vendor's ID of the request.
          type: str
        retryable:
          description: Whether the same task is likely to succeed when run again later.
          type: bool
  sample:
    - name: alice
      id: 1a0f8f5e-3b0e-4c56-9a0d-5d9f2f0f7a11
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
    message: The server refused the operator's login. Check api_user, api_password and api_provider.
    http_status: 401
    vendor_code: FIELD_ERROR
    request_id: null
    retryable: false
"""

from ansible_collections.rekey.passwords.plugins.module_utils._vendors.aria_logs import AriaLogs
from ansible_collections.rekey.passwords.plugins.module_utils.module_runner import run_module

VENDOR = AriaLogs
SPEC = VENDOR.spec()


def main() -> None:
    run_module(VENDOR)


if __name__ == "__main__":
    main()
