#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acronis_user_password
short_description: Set the passwords of Acronis Cyber Protect Cloud users
version_added: 0.1.0
description:
  - Sets the passwords of one or many users of Acronis Cyber Protect Cloud, as an API client, through the Account Management API v2.
  - Checks by a login whether a password is already right and changes it only if it is not; after a change it logs in with the
    new password.
  - A new password also activates a user that was never activated. Such a user is changed only if O(activate) allows it.
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
      - Not with O(update_password=always), and not for users with two-factor authentication, for whom a login is inconclusive.
  action_group:
    support: full
    description: Use C(group/rekey.passwords.acronis) or C(group/rekey.passwords.all) in C(module_defaults) to set defaults for this module.
    membership:
      - rekey.passwords.acronis
      - rekey.passwords.all
options:
  url:
    description:
      - The address of the API client's data centre, for example V(https://eu2-cloud.acronis.com). The browser shows it after you log in to the console.
      - If not set, the environment variable E(ACRONIS_URL) is used.
      - A URL that begins with V(http://) causes a warning, since passwords then travel unencrypted, unless it points to this machine.
    type: str
    required: true
  client_id:
    description:
      - The API client. It must be allowed to administer users, and must belong to a tenant above that of the users.
      - If not set, the environment variable E(ACRONIS_CLIENT_ID) is used.
    type: str
    required: true
  client_secret:
    description:
      - The API client's secret.
      - If not set, the environment variable E(ACRONIS_CLIENT_SECRET) is used.
    type: str
    required: true
  tenant_id:
    description:
      - The tenant, a UUID, in and below which users are looked up by login. Defaults to the API client's tenant.
      - If not set, the environment variable E(ACRONIS_TENANT_ID) is used.
    type: str
  users:
    description:
      - The users and their passwords. One call for many users is far faster than a loop, and a loop may print their passwords.
      - Every user is processed even if another fails; the task fails at the end if any did.
      - Either this, O(name) or O(id) is required.
    type: list
    elements: dict
    suboptions:
      name:
        description: The user's login, exactly as the vendor has it, including case. Required unless O(users[].id) is set.
        type: str
      id:
        description: The user's ID, a UUID, instead of or in addition to its login.
        type: str
      password:
        description: The password to set.
        type: str
        required: true
      activate:
        description: Overrides O(activate) for this user.
        type: bool
      current_password:
        description: Not needed; an API client can set any password without it.
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
    description: The user's ID, a UUID, to set a single password. Mutually exclusive with O(users).
    type: str
  activate:
    description:
      - Whether to set the password of a user that was never activated, which also activates it. Otherwise such a user fails with C(account_inactive).
      - Applies to all of O(users) that do not override it.
    type: bool
    default: false
notes:
  - An API client can set passwords only in tenants below its own. Users of its own tenant, disabled users and users of an external identity
    provider are refused before anything is written.
  - The vendor does not document when wrong passwords lock an account. A call makes at most one failed login to check whether a password is right,
    and one more only if a change that the vendor has confirmed does not work.
  - For a user with two-factor authentication, C(verified) is V(null).
  - All tokens are revoked at the end.
seealso:
  - name: Account Management API of Acronis
    description: The vendor's reference.
    link: https://developer.acronis.com/doc/account-management/v2/reference/index
"""

EXAMPLES = r"""
- name: Set the passwords of two users
  rekey.passwords.acronis_user_password:
    url: https://eu2-cloud.acronis.com
    client_id: "{{ acronis_client_id }}"
    client_secret: "{{ vault_acronis_client_secret }}"
    users:
      - name: alice
        password: "{{ vault_alice_new }}"
      - name: bob
        password: "{{ vault_bob_new }}"

- name: Set the password of a customer's user, and activate the user if necessary
  rekey.passwords.acronis_user_password:
    url: https://eu2-cloud.acronis.com
    client_id: "{{ acronis_client_id }}"
    client_secret: "{{ vault_acronis_client_secret }}"
    tenant_id: "{{ acronis_customer_id }}"
    name: erin
    password: "{{ vault_erin_new }}"
    activate: true

- name: Set the password of a user given by its ID
  rekey.passwords.acronis_user_password:
    url: https://eu2-cloud.acronis.com
    client_id: "{{ acronis_client_id }}"
    client_secret: "{{ vault_acronis_client_secret }}"
    id: "{{ acronis_carol_id }}"
    password: "{{ vault_carol_new }}"
"""

RETURN = r"""
users:
  description: The outcome for each user, in the order of O(users).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The user's login.
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
      id: 8a1c3a52-0000-4000-8000-000000000000
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
    message: The server refused the login of the API client (client_id, client_secret).
    http_status: 401
    vendor_code: invalid_client
    request_id: null
    retryable: false
"""

from ansible_collections.rekey.passwords.plugins.module_utils._vendors.acronis import Acronis
from ansible_collections.rekey.passwords.plugins.module_utils.module_runner import run_module

VENDOR = Acronis
SPEC = VENDOR.spec()


def main() -> None:
    run_module(VENDOR)


if __name__ == "__main__":
    main()
