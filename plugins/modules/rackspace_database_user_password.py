#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rackspace_database_user_password
short_description: Set the passwords of Rackspace Cloud Databases or OpenStack Trove users
version_added: 0.1.0
description:
  - Sets the passwords of one or many users of a database instance at Rackspace Cloud Databases or in OpenStack Trove, in one request.
  - The service confirms a change before it asks the database, and silently loses some passwords. So passwords that it certainly loses are refused
    before any request. With O(database_login), a login to the database itself proves each change.
  - Also known as M(rekey.passwords.trove_user_password).
author:
  - rekey.passwords contributors (@rekey)
requirements:
  - requests
  - PyMySQL, for O(database_login) with O(database_login.engine=mysql)
  - psycopg, for O(database_login) with O(database_login.engine=postgresql)
  - cryptography, for MySQL accounts with C(caching_sha2_password) or C(sha256_password) if the database does not offer TLS
  - openstacksdk, for O(cloud)
extends_documentation_fragment:
  - rekey.passwords.users
  - rekey.passwords.connection
  - rekey.passwords.attributes
attributes:
  idempotent:
    details:
      - Only with O(database_login). Without it the module cannot check whether a password is already right, and reports a change on each run.
  action_group:
    support: full
    description: Use C(group/rekey.passwords.rackspace_database) or C(group/rekey.passwords.all) in C(module_defaults) to set defaults for this module.
    membership:
      - rekey.passwords.rackspace_database
      - rekey.passwords.all
options:
  auth_type:
    description:
      - V(rackspace) logs in at Rackspace Identity with O(api_user), and O(api_key) or O(api_password).
      - V(keystone) logs in at OpenStack Keystone with O(api_user) and O(api_password) for O(project_name), or with an application credential.
      - V(token) uses O(api_token) at O(endpoint).
    type: str
    choices: [rackspace, keystone, token]
    default: rackspace
  auth_url:
    description:
      - The URL of the identity service. Required for O(auth_type=keystone), with or without C(/v3) at its end.
      - For O(auth_type=rackspace) it defaults to V(https://identity.api.rackspacecloud.com/v2.0).
      - If not set, the environment variable E(RACKSPACE_AUTH_URL) or, with O(auth_type=keystone), E(OS_AUTH_URL) is used.
    type: str
  api_user:
    description:
      - The operator.
      - If not set, the environment variable E(RACKSPACE_USERNAME) or, with O(auth_type=keystone), E(OS_USERNAME) is used.
    type: str
  api_password:
    description:
      - The password of O(api_user).
      - If not set, the environment variable E(RACKSPACE_API_PASSWORD) or, with O(auth_type=keystone), E(OS_PASSWORD) is used.
    type: str
  api_key:
    description:
      - The API key of O(api_user), for O(auth_type=rackspace).
      - If not set, the environment variable E(RACKSPACE_API_KEY) is used.
    type: str
  account_id:
    description:
      - The Rackspace account number, for users with several accounts.
      - If not set, the environment variable E(RACKSPACE_ACCOUNT_ID) is used.
    type: str
  cloud:
    description:
      - The name of a cloud in C(clouds.yaml), for O(auth_type=keystone). It supplies the options that are not set. All environment variables but
        E(OS_CLIENT_CONFIG_FILE) and E(OS_CLIENT_SECURE_FILE) are then ignored.
      - If not set, the environment variable E(OS_CLOUD) is used.
    type: str
  project_name:
    description:
      - The operator's project, for O(auth_type=keystone). Either this or O(project_id) is required.
      - If not set, the environment variable E(OS_PROJECT_NAME) or E(OS_TENANT_NAME) is used.
    type: str
  project_id:
    description:
      - The ID of the operator's project, for O(auth_type=keystone). It takes precedence over O(project_name), and needs no domain.
      - If not set, the environment variable E(OS_PROJECT_ID) or E(OS_TENANT_ID) is used.
    type: str
  user_domain_name:
    description:
      - The domain of O(api_user), for O(auth_type=keystone).
      - If not set, the environment variable E(OS_USER_DOMAIN_NAME) is used, else V(Default).
    type: str
  user_domain_id:
    description:
      - The ID of the domain of O(api_user). It takes precedence over O(user_domain_name).
      - If not set, the environment variable E(OS_USER_DOMAIN_ID) is used.
    type: str
  project_domain_name:
    description:
      - The domain of O(project_name), for O(auth_type=keystone).
      - If not set, the environment variable E(OS_PROJECT_DOMAIN_NAME) is used, else V(Default).
    type: str
  project_domain_id:
    description:
      - The ID of the domain of O(project_name). It takes precedence over O(project_domain_name).
      - If not set, the environment variable E(OS_PROJECT_DOMAIN_ID) is used.
    type: str
  application_credential_id:
    description:
      - An application credential instead of O(api_user), O(api_password) and O(project_name), for O(auth_type=keystone).
      - If not set, the environment variable E(OS_APPLICATION_CREDENTIAL_ID) is used.
    type: str
  application_credential_secret:
    description:
      - The secret of O(application_credential_id).
      - If not set, the environment variable E(OS_APPLICATION_CREDENTIAL_SECRET) is used.
    type: str
  api_token:
    description:
      - An existing token, for O(auth_type=token). It is not renewed.
      - If not set, the environment variable E(OS_TOKEN) is used.
    type: str
  endpoint:
    description:
      - The address of the service with the account or project in it, for example V(https://dfw.databases.api.rackspacecloud.com/v1.0/123456).
      - Defaults to the one in the catalog that comes with the token; required for O(auth_type=token).
      - If not set, the environment variable E(RACKSPACE_DATABASE_ENDPOINT) or, with O(auth_type=token), E(OS_ENDPOINT) is used.
    type: str
  region:
    description:
      - The region in the catalog. Required if it has several.
      - If not set, the environment variable E(RACKSPACE_REGION) or, with O(auth_type=keystone), E(OS_REGION_NAME) is used.
    type: str
  interface:
    description:
      - Which address in the catalog to use.
      - If not set, the environment variable E(OS_INTERFACE) or E(OS_ENDPOINT_TYPE) is used with O(auth_type=keystone), else V(public).
    type: str
    choices: [public, internal, admin]
  instance_id:
    description: The ID of the database instance.
    type: str
    required: true
  database_login:
    description:
      - How to log in to the database itself, which is the only proof of a password. The database must be reachable from where the module runs; at Rackspace, it
        is reachable only from its region's ServiceNet.
      - Without it no password can be verified.
    type: dict
    suboptions:
      engine:
        description: Use V(mysql) for MariaDB and Percona, too.
        type: str
        choices: [mysql, postgresql]
        default: mysql
      host:
        description: The database's host name or address. Defaults to the instance's C(hostname).
        type: str
      port:
        description: The database's port. Defaults to 3306 or 5432.
        type: int
      database:
        description: The database to log in to, if a user cannot log in without one.
        type: str
      ssl:
        description:
          - Whether to log in over TLS. By default TLS is used if the database offers it, and required if O(database_login.ca_path) or
            O(database_login.client_cert) is set.
        type: bool
      ca_path:
        description: File with the certificate authorities to trust. Without it the database is not authenticated.
        type: path
      client_cert:
        description: Client certificate file (PEM) for an instance with mutual TLS; may also contain the private key.
        type: path
      client_key:
        description: Private key file of O(database_login.client_cert), without a pass phrase.
        type: path
      timeout:
        description: Seconds to wait for the database. If it cannot be reached, the module warns and verifies nothing.
        type: float
        default: 5.0
  users:
    description:
      - The users and their passwords. One request changes up to 100 of them.
      - Every user is processed even if another fails; the task fails at the end if any did.
      - Either this or O(name) is required.
    type: list
    elements: dict
    suboptions:
      name:
        description: The user, without its host.
        type: str
        required: true
      host:
        description: The host that the user connects from, as the database has it.
        type: str
        default: "%"
      password:
        description: The password to set.
        type: str
        required: true
      current_password:
        description: Not needed; the service does not ask for the current password.
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
  host:
    description: The host that O(name) connects from, as the database has it.
    type: str
    default: "%"
notes:
  - The users C(root) and C(os_admin) are reserved. A user name has at most 16 characters, in PostgreSQL 63.
  - Passwords that the service accepts and then loses are refused before any request. These are passwords with a quote, a backtick, a semicolon,
    a comma, a slash or a backslash, with a space at either end, with a control character, and with a colon before a letter or digit unless a
    letter, a digit or another colon precedes it.
seealso:
  - name: Database API reference of OpenStack
    description: The vendor's reference.
    link: https://docs.openstack.org/api-ref/database/
"""

EXAMPLES = r"""
- name: Set the passwords of two database users at Rackspace, and prove them by logins to the database
  rekey.passwords.rackspace_database_user_password:
    api_user: operator
    api_key: "{{ vault_rackspace_api_key }}"
    region: DFW
    instance_id: "{{ database_instance_id }}"
    database_login: {}
    users:
      - name: app
        password: "{{ vault_app }}"
      - name: report
        host: 10.0.0.1
        password: "{{ vault_report }}"

- name: The same in OpenStack, with the variables of an openrc file in the environment
  rekey.passwords.trove_user_password:
    auth_type: keystone
    instance_id: "{{ database_instance_id }}"
    name: app
    password: "{{ vault_app }}"
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
      description: Always V(null), since the vendor has no IDs of users.
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
    vendor_code: 401
    request_id: req-0f0c6c0e-0000-4000-8000-000000000000
    retryable: false
"""

from ansible_collections.rekey.passwords.plugins.module_utils._vendors.rackspace_database import RackspaceDatabase
from ansible_collections.rekey.passwords.plugins.module_utils.module_runner import run_module

VENDOR = RackspaceDatabase
SPEC = VENDOR.spec()


def main() -> None:
    run_module(VENDOR)


if __name__ == "__main__":
    main()
