#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vcd_user_password
short_description: Set the passwords of VMware Cloud Director users
version_added: 0.1.0
description:
  - Sets the passwords of one or many local users of an organisation in VMware Cloud Director, or of the provider.
  - Either each user changes its own password, which needs only the right to log in, or an administrator sets those of others.
  - Checks by a login whether a password is already right and changes it only if it is not; after a change it logs in with the
    new password. Every session is ended.
  - Works with API 36.3 and later.
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
    description: Use C(group/rekey.passwords.vcd) or C(group/rekey.passwords.all) in C(module_defaults) to set defaults for this module.
    membership:
      - rekey.passwords.vcd
      - rekey.passwords.all
options:
  url:
    description:
      - The URL of the server, for example V(https://vcd.example.com).
      - If not set, the environment variable E(VCD_URL) is used.
      - A URL that begins with V(http://) causes a warning, since passwords then travel unencrypted, unless it points to this machine.
    type: str
    required: true
  org:
    description:
      - The organisation of the users and of O(api_user). V(System) is the provider's.
      - If not set, the environment variable E(VCD_ORG) is used.
    type: str
    required: true
  api_version:
    description:
      - The API version, for example V(37.2), or V(9.0.0) of VCF Automation 9. Defaults to the newest one that both the server and this
        module support (up to 40.0, then up to 9.1.0).
      - If not set, the environment variable E(VCD_API_VERSION) is used.
    type: str
  api_user:
    description:
      - The operator, an administrator who may view and manage users.
      - Without O(api_user) and O(api_token) each user changes its own password and needs C(current_password).
      - If it is among O(users) itself, it changes its own password, last of all, and O(api_password) counts as its C(current_password).
      - If not set, the environment variable E(VCD_API_USER) is used.
    type: str
  api_password:
    description:
      - The operator's password.
      - If not set, the environment variable E(VCD_API_PASSWORD) is used.
    type: str
  api_token:
    description:
      - An API token of an administrator, instead of O(api_user) and O(api_password).
      - The vendor documents that a client with an API token may view users but not manage them. On such a server changes
        fail with C(permission_denied).
      - If not set, the environment variable E(VCD_API_TOKEN) is used.
    type: str
  users:
    description:
      - The users and their passwords. One call for many users is far faster than a loop, and a loop may print their passwords.
      - Every user is processed even if another fails; the task fails at the end if any did.
      - Either this or O(name) is required.
    type: list
    elements: dict
    suboptions:
      name:
        description: The user, without the organisation.
        type: str
        required: true
      password:
        description: The password to set.
        type: str
        required: true
      current_password:
        description:
          - The user's current password. Required if the user changes its own password.
          - An administrator does not need it, but with it a normal run has no failed login.
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
      unlock:
        description: Overrides O(unlock) for this user.
        type: bool
  unlock:
    description:
      - Whether an administrator also unlocks a user that was locked after too many failed logins. Otherwise such a user fails with C(account_locked).
      - Needs an operator, and API 37.2 or later.
    type: bool
notes:
  - Each organisation sets its own lock-out threshold. A call makes at most two failed logins per user, and none if
    C(current_password) is right. A task with C(until) and C(retries) is a new call each time.
  - With V(when_changed) the C(current_password) is tried first, and the new one only if that login fails.
  - Users from LDAP, SAML or OAuth have no password on this server and fail with C(user_not_local).
seealso:
  - name: OpenAPI of VMware Cloud Director
    description: The vendor's reference.
    link: https://developer.broadcom.com/xapis/vmware-cloud-director-openapi/latest/
"""

EXAMPLES = r"""
- name: Let a user change its own password
  rekey.passwords.vcd_user_password:
    url: https://vcd.example.com
    org: acme
    name: alice
    password: "{{ vault_alice_new }}"
    current_password: "{{ vault_alice_old }}"

- name: Set the passwords of several users as an administrator, and unlock one of them if necessary
  rekey.passwords.vcd_user_password:
    url: https://vcd.example.com
    org: acme
    api_user: operator
    api_password: "{{ vault_operator }}"
    users:
      - name: bob
        password: "{{ vault_bob_new }}"
        current_password: "{{ vault_bob_old }}"
      - name: carol
        password: "{{ vault_carol_new }}"
        unlock: true

- name: Let the provider's administrator change its own password
  rekey.passwords.vcd_user_password:
    url: https://vcd.example.com
    org: System
    name: administrator
    password: "{{ vault_administrator_new }}"
    current_password: "{{ vault_administrator_old }}"
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
      description: The user's URN, if a look-up or a login returned it.
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
      id: urn:vcloud:user:0f0c6c0e-0000-4000-8000-000000000000
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
    vendor_code: NOT_AUTHENTICATED
    request_id: 7d2d1b7c-0000-4000-8000-000000000000
    retryable: false
"""

from ansible_collections.rekey.passwords.plugins.module_utils._vendors.vcd import Vcd
from ansible_collections.rekey.passwords.plugins.module_utils.module_runner import run_module

VENDOR = Vcd
SPEC = VENDOR.spec()


def main() -> None:
    run_module(VENDOR)


if __name__ == "__main__":
    main()
