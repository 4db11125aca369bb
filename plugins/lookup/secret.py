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
options:
  _terms:
    description: The names of users.
    type: list
    elements: str
    required: true
  host:
    description: The inventory host to which the user belongs. By default the play's current host.
    type: str
    vars:
      - name: inventory_hostname
  target:
    description:
      - The name under which the store keeps the records, where that is not the name of the host.
      - By default O(host), if that is given, else the value of the variable C(rotate_target), if there is one.
    type: str
    vars:
      - name: rotate_target
  store:
    description: The store.
    type: str
    default: ansible_vault
    vars:
      - name: rotate_store
  store_path:
    description: The folder of the store V(ansible_vault).
    type: path
    vars:
      - name: rotate_store_path
  store_options:
    description: The options of the other stores.
    type: dict
    default: {}
    vars:
      - name: rotate_store_options
  store_create:
    description:
      - Whether to treat a missing store as empty, so that O(default) applies. Otherwise it is an error, for example a volume that
        is not mounted. The lookup itself creates none.
    type: bool
    default: false
    vars:
      - name: rotate_store_create
  version:
    description:
      - V(current) is the password in force, V(previous) the one before it.
      - V(pending) is one that a run has stored but no login has proved yet. It is meant for tasks of your own between the stage and the
        commit of a rotation.
    type: str
    choices: [current, previous, pending]
    default: current
  default:
    description:
      - What to return for a user that has no such password in the store, for example the password before the first rotation.
      - Without it the lookup fails.
    type: str
notes:
  - Do not use it in C(loop) or in the C(msg) of C(debug), whose values Ansible prints.
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

import contextlib
from typing import Any, Dict, List, Optional

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import SHORT, Scrubber, register_secrets
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.mismatch import mismatch
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store, secrets_in
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Identity, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

# Variables of the role that say where the records are.
_VARIABLES = (
    "inventory_hostname",
    "rotate_target",
    "rotate_vendor",
    "rotate_store",
    "rotate_store_path",
    "rotate_store_options",
    "rotate_store_create",
)


class LookupModule(LookupBase):
    """Reads passwords; the store decides how."""

    def run(self, terms: List[Any], variables: Optional[Dict[str, Any]] = None, **kwargs: Any) -> List[str]:
        # Variables arrive as they were written; those of the role may hold templates.
        known = {
            name: self._templar.template(variables[name]) for name in _VARIABLES if variables and name in variables
        }
        self.set_options(var_options=known, direct=kwargs)
        users, version, default = [str(term) for term in terms], self.get_option("version"), self.get_option("default")
        named = kwargs.get("target") or kwargs.get("host")
        host = named or self.get_option("target") or self.get_option("host")
        options = {name: self.get_option(name) for name in ("store_options", "store_create")}
        # Ansible makes the working directory of an empty path.
        folder = kwargs.get("store_path", known.get("rotate_store_path"))
        options["store_path"] = self.get_option("store_path") if folder else None
        # The variables that name the records name the vendor, too.
        entries = self._read(users, host, options, vendor=None if named else known.get("rotate_vendor"))
        passwords = [_password(entries[user].record, version) for user in users]
        # A shorter one occurs by chance in any text, and Ansible would mask each occurrence.
        register_secrets(password for password in passwords if password and len(password) >= SHORT)
        for user, password in zip(users, passwords):
            if password is None and default is None:
                raise AnsibleLookupError(
                    "rekey.passwords.secret: the store has no %s password of %s on %s. Has it been rotated yet?"
                    % (version, user, host)
                )
        return [default if password is None else password for password in passwords]

    def _read(self, users: List[str], host: str, options: Dict[str, Any], *, vendor: Optional[str]) -> Dict[str, Entry]:
        """What the store holds.

        :raises AnsibleLookupError: its message holds no secret.
        """
        store_name = self.get_option("store")
        try:
            with contextlib.closing(open_store(store_name, host, options, self._loader)) as store:
                entries = store.get(users)
                _require_vendor(entries, vendor, host)
                return entries
        except PasswordError as error:
            message = _scrubbed(error.message, store_name, options)
            raise AnsibleLookupError("rekey.passwords.secret: %s" % message) from None


def _require_vendor(entries: Dict[str, Entry], vendor: Optional[str], host: str) -> None:
    """Refuse the password of another vendor's user of the same name.

    :param vendor: ``None`` if any will do.
    :raises PasswordError: ``target_mismatch``.
    """
    for entry in entries.values():
        error = mismatch(entry.record, Identity(vendor=vendor or None), host) if entry.record else None
        if error:
            raise error


def _scrubbed(message: str, store: str, options: Dict[str, Any]) -> str:
    """A message without the secrets of the store's options."""
    try:
        return str(Scrubber(secrets_in(store, options))(message))
    except PasswordError:
        # The store does not exist, and the message says no more than that.
        return message


def _password(record: Optional[Record], version: str) -> Optional[str]:
    if record is None:
        return None
    if version == "pending":
        return record.pending.password if record.pending else None
    return record.password if version == "current" else record.previous
