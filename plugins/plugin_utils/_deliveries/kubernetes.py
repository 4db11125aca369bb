# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of Kubernetes: which keys of which Secret hold which login. The role's tasks write them with the collection kubernetes.core."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from typing import Any, Dict

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .options import USERS, Setting, keys_of

_LONGEST_NAME = 63
_KINDS = ["Deployment", "StatefulSet", "DaemonSet"]
_WORKLOAD = dict(kind=dict(type="str", choices=_KINDS, default="Deployment"), name=dict(type="str", required=True))
# How to reach the API server. The tasks take these from the variable itself, since one of them is a secret.
CONNECTION = dict(
    kubeconfig=dict(type="str"),
    context=dict(type="str"),
    host=dict(type="str"),
    api_key=dict(type="str", no_log=True),
    ca_cert=dict(type="str"),
    validate_certs=dict(type="bool"),
)
SPEC = dict(
    argument_spec=dict(
        users=USERS,
        namespace=dict(type="str", required=True),
        secret=dict(type="str", required=True, no_log=False),
        workloads=dict(type="list", elements="dict", options=_WORKLOAD, default=[]),
        timeout=dict(type="int", default=300),
        **CONNECTION,
    )
)
OF_USERS = dict(username=dict(type="str"), password=dict(type="str", no_log=False))


def require_collection() -> None:
    """Refuse to go on without the collection kubernetes.core.

    :raises PasswordError: ``invalid_input``.
    """
    try:
        found = find_spec("ansible_collections.kubernetes.core")
    except ImportError:
        found = None
    if found is None:
        raise PasswordError(
            errors.INVALID_INPUT,
            "The delivery to Kubernetes requires the collection kubernetes.core. Install it: ansible-galaxy collection install kubernetes.core",
        )


def planned(setting: Setting) -> Dict[str, Any]:
    """What the tasks of the role need to know; no password is in it."""
    options = setting.options
    found = keys_of(setting, "username", "password")
    return dict(
        title=setting.title,
        index=setting.index,
        namespace=options["namespace"],
        secret=options["secret"],
        usernames={key: recipient.name for key, (recipient, part) in found.items() if part == "username"},
        passwords={key: recipient.name for key, (recipient, part) in found.items() if part == "password"},
        # Of the Secret, and of the pods that have been started since.
        annotation=_annotation(options["secret"]),
        rotated_at=max(recipient.login.rotated_at or "" for recipient in setting.recipients),
        workloads=options["workloads"],
        timeout=options["timeout"],
    )


def _annotation(secret: str) -> str:
    """The name of the annotation that says how new the passwords in a Secret are; its second part may have 63 characters."""
    name = "rotated-at." + secret
    if len(name) > _LONGEST_NAME:
        name = "rotated-at." + hashlib.sha256(secret.encode()).hexdigest()[:40]
    return "rekey.passwords/" + name
