# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another secret in Vault or OpenBao, for consumers that may not read the store: a login in a KV secrets engine of version 2."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._stores.hashi_vault import HashiVaultStore
from .options import USERS, Setting, keys_of

_TRIES = 5  # others may write the same secret in between

# The options of the store hashi_vault, whose path is a folder; here it is the secret.
SPEC = dict(
    argument_spec=dict(HashiVaultStore.argument_spec, users=USERS, path=dict(type="str", required=True)),
    **HashiVaultStore.constraints,
)
OF_USERS = dict(username=dict(type="str"), password=dict(type="str", no_log=False))


class _Server(HashiVaultStore):
    """A server on which secrets are written that are nobody's records."""

    def merge(self, path: str, data: Dict[str, Any], *, check_mode: bool) -> bool:
        """Write some keys of a secret, and keep the others.

        :param check_mode: only say whether the secret would change.
        :return: whether it was changed.
        :raises PasswordError: ``store_failed``, or ``store_conflict``.
        """
        for _try in range(_TRIES):
            held = self._fetch(path)
            if held.data is None and held.version:
                raise PasswordError(
                    errors.STORE_FAILED,
                    "The newest version (%s) of %s was deleted. Restore it (vault kv undelete), or delete all of it (vault kv metadata delete)."
                    % (held.version, self._location(path)),
                )
            merged = dict(held.data or {}, **data)
            if merged == held.data:
                return False
            if check_mode:
                return True
            self._check_mount()
            if self._write(path, merged, held.version or None, lambda found, ours=merged: bool(found == ours)):  # type: ignore[misc]
                return True
        raise PasswordError(
            errors.STORE_CONFLICT, "%s was changed by somebody else at the same time, %d times." % (path, _TRIES)
        )


def check(setting: Setting, folder_of_records: Optional[str] = None) -> None:
    """Refuse what would fail in the middle of a delivery, or write over a record.

    :param folder_of_records: where the store keeps its records, if it is a Vault, too.
    :raises PasswordError: ``invalid_input``.
    """
    path = setting.options["path"].strip("/")
    if not all(part.isprintable() and part not in ("", ".", "..") for part in path.split("/")):
        raise setting.wrong("path is not the path of a secret: %s." % errors.encodable(setting.options["path"]))
    if folder_of_records and (path + "/").startswith(folder_of_records.strip("/") + "/"):
        raise setting.wrong("path is in the folder of the store itself: %s. Choose another folder." % path)
    keys_of(setting, "username", "password")


def deliver(setting: Setting, *, check_mode: bool, loader: Any) -> bool:
    """Write the logins.

    :return: whether the secret was changed.
    :raises PasswordError: it was not written.
    """
    data = {
        key: getattr(recipient.login, part)
        for key, (recipient, part) in keys_of(setting, "username", "password").items()
    }
    server = _Server("delivery", dict(setting.options), loader)
    try:
        return server.merge(setting.options["path"].strip("/"), data, check_mode=check_mode)
    finally:
        server.close()
