# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new AWX has: an organization, the credential types that come with it, execution environments, instance groups."""

from __future__ import annotations

VERSION = "24.6.1"


def _fields(names, secret=(), more=()):
    """The inputs of a managed type: texts, with the secret ones and further fields behind them."""
    inputs = [{"id": name, "label": name.replace("_", " ").capitalize(), "type": "string"} for name in names]
    inputs += [{"id": name, "label": name.replace("_", " ").capitalize(), "type": "string", "secret": True} for name in secret]
    return {"fields": [*inputs, *more]}


KEY = {"id": "ssh_key_data", "label": "SSH Private Key", "type": "string", "format": "ssh_private_key", "secret": True, "multiline": True}
VERIFY = {"id": "verify_ssl", "label": "Verify SSL", "type": "boolean", "default": True}
AUTHORIZE = {"id": "authorize", "label": "Authorize", "type": "boolean"}

# (name, kind, namespace, inputs)
MANAGED_TYPES = (
    ("Machine", "ssh", "ssh", _fields(("username", "become_method", "become_username"), ("password", "ssh_key_unlock", "become_password"), (KEY,))),
    ("Source Control", "scm", "scm", _fields(("username",), ("password", "ssh_key_unlock"), (KEY,))),
    ("Vault", "vault", "vault", {**_fields(("vault_id",), ("vault_password",)), "required": ["vault_password"]}),
    ("Network", "net", "net", _fields(("username",), ("password", "ssh_key_unlock", "authorize_password"), (KEY, AUTHORIZE))),
    ("Amazon Web Services", "cloud", "aws", {**_fields(("username",), ("password", "security_token")), "required": ["username", "password"]}),
    (
        "OpenStack",
        "cloud",
        "openstack",
        {**_fields(("username", "host", "project", "project_domain_name", "domain", "region"), ("password",), (VERIFY,)), "required": ["username", "password"]},
    ),
    (
        "OpenShift or Kubernetes API Bearer Token",
        "kubernetes",
        "kubernetes_bearer_token",
        {**_fields(("host",), ("bearer_token", "ssl_ca_cert"), (VERIFY,)), "required": ["host", "bearer_token"]},
    ),
    ("Container Registry", "registry", "registry", {**_fields(("host", "username"), ("password",), (VERIFY,)), "required": ["host"]}),
    ("Ansible Galaxy/Automation Hub API Token", "galaxy", "galaxy_api_token", {**_fields(("url", "auth_url"), ("token",)), "required": ["url"]}),
    ("GitHub Personal Access Token", "token", "github_token", {**_fields((), ("token",)), "required": ["token"]}),
)


def plant(store, username):
    """Put what a new AWX has into an empty store.

    :param store: a :class:`tests.doubles.controller_store.Store`.
    :param username: the administrator.
    """
    store.put("organizations", store.new("organizations", {"name": "Default", "description": "The default organization."}))
    store.put("users", store.new("users", {"username": username, "is_superuser": True}))
    for name, kind, namespace, inputs in MANAGED_TYPES:
        store.put("credential_types", store.new("credential_types", {"name": name, "kind": kind, "namespace": namespace, "managed": True, "inputs": inputs}))
    for name, managed in (("AWX EE (%s)" % VERSION, False), ("Control Plane Execution Environment", True)):
        image = "quay.io/ansible/awx-ee:%s" % VERSION
        store.put("execution_environments", store.new("execution_environments", {"name": name, "image": image, "managed": managed}))
    for name in ("controlplane", "default"):
        store.put("instance_groups", store.new("instance_groups", {"name": name}))
