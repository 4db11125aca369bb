# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lookups of passwords share: their options, the store, and messages without a secret."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, ClassVar, Dict, List, Optional

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import SHORT, Scrubber, register_secrets
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ._logins import Login, read_logins
from ._store_registry import open_store, secrets_in

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


class PasswordLookup(LookupBase):
    """A lookup that reads the store; a subclass says what it returns."""

    NAME: ClassVar[str]

    def read_logins(self, terms: List[Any], variables: Optional[Dict[str, Any]], kwargs: Dict[str, Any]) -> List[Login]:
        """The logins of users, in the order of their names.

        :param terms: the names.
        :param variables: the variables of the task.
        :param kwargs: the options that the template gives.
        :raises AnsibleLookupError: there is no such password, or the store cannot be read; the message holds no secret.
        """
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
        found = self._read(users, host, options, vendor=None if named else known.get("rotate_vendor"))
        logins = [found[user] for user in users]
        # A shorter one occurs by chance in any text, and Ansible would mask each occurrence.
        register_secrets(login.password for login in logins if login.password and len(login.password) >= SHORT)
        for user, login in zip(users, logins):
            if login.password is None and default is None:
                raise AnsibleLookupError(
                    "%s: the store has no %s password of %s on %s. Has it been rotated yet?"
                    % (self.NAME, version, user, host)
                )
        return [replace(login, password=default) if login.password is None else login for login in logins]

    def _read(self, users: List[str], host: str, options: Dict[str, Any], *, vendor: Optional[str]) -> Dict[str, Login]:
        """What the store holds.

        :raises AnsibleLookupError: its message holds no secret.
        """
        store_name = self.get_option("store")
        try:
            with contextlib.closing(open_store(store_name, host, options, self._loader)) as store:
                return read_logins(store, users, version=self.get_option("version"), vendor=vendor)
        except PasswordError as error:
            message = _scrubbed(error.message, store_name, options)
            raise AnsibleLookupError("%s: %s" % (self.NAME, message)) from None


def _scrubbed(message: str, store: str, options: Dict[str, Any]) -> str:
    """A message without the secrets of the store's options."""
    try:
        return str(Scrubber(secrets_in(store, options))(message))
    except PasswordError:
        # The store does not exist, and the message says no more than that.
        return message
