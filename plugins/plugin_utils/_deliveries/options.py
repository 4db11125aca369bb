# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the settings of the ready-made deliveries may be: one variable per kind, a list of dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import SHORT, Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._arguments import plain, texts, validated
from .._logins import Login

# The variable of each kind.
VARIABLES = {
    "file": "rotate_deliver_files",
    "kubernetes": "rotate_deliver_kubernetes",
    "vault": "rotate_deliver_vault",
    "webhook": "rotate_deliver_webhooks",
}
USERS = dict(type="list", elements="raw", required=True)


@dataclass(frozen=True)
class Recipient:
    """A user of a delivery, and where its login goes."""

    name: str
    login: Login = field(default=Login("", None))
    options: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """One element of the variable of a kind."""

    kind: str
    index: int  # from 0
    options: Dict[str, Any] = field(repr=False)
    recipients: Tuple[Recipient, ...] = ()

    @property
    def title(self) -> str:
        """How messages call it."""
        return "%s[%d]" % (VARIABLES[self.kind], self.index)

    def wrong(self, message: str) -> PasswordError:
        """The error of a setting that cannot be used."""
        return PasswordError(errors.INVALID_INPUT, "%s: %s" % (self.title, message))


def read(kind: str, elements: List[Any], spec: Dict[str, Any], of_users: Dict[str, Any]) -> List[Setting]:
    """Validate the variable of a kind.

    :param spec: keyword arguments of ArgumentSpecValidator, for one element.
    :param of_users: the argument spec of an element's users, besides ``name``.
    :raises PasswordError: ``invalid_input``; the message names the element, and repeats no value that may be a secret.
    """
    settings = []
    for index, element in enumerate(elements):
        setting = Setting(kind, index, plain(element) if isinstance(element, dict) else {})
        if not setting.options:
            raise setting.wrong("It is not a dictionary with settings.")
        options = _validated(setting, spec, setting.options)
        recipients = tuple(_recipient(setting, user, of_users) for user in options["users"])
        names = [recipient.name for recipient in recipients]
        if not names or len(set(names)) < len(names):
            raise setting.wrong("users must name at least one user, and each only once.")
        settings.append(Setting(kind, index, options, recipients))
    return settings


def _recipient(setting: Setting, user: Any, of_users: Dict[str, Any]) -> Recipient:
    spec = dict(of_users, name=dict(type="str", required=True))
    options = _validated(setting, dict(argument_spec=spec), user if isinstance(user, dict) else {"name": user})
    if not options["name"]:
        raise setting.wrong("A name in users is empty.")
    return Recipient(options.pop("name"), options=options)


def _validated(setting: Setting, spec: Dict[str, Any], options: Dict[str, Any]) -> Dict[str, Any]:
    # What is null counts as not given.
    options = {name: value for name, value in options.items() if value is not None}
    try:
        return validated(spec, options)
    except PasswordError as error:
        # Ansible repeats a value of a wrong type, and a secret may be in the wrong place.
        secrets = [text for name, value in options.items() if _may_be_secret(name, spec) for text in texts(value)]
        raise setting.wrong(Scrubber(text for text in secrets if len(text) >= SHORT)(error.message)) from None


def _may_be_secret(name: str, spec: Dict[str, Any]) -> bool:
    option = spec["argument_spec"].get(name, {"no_log": True})
    return bool(option.get("no_log")) or option.get("type") == "dict"


def keys_of(setting: Setting, default_username: str, default_password: str) -> Dict[str, Tuple[Recipient, str]]:
    """Where logins go that are written under names: the part of a login, by the name that it is written under.

    :param default_username: the name for the account's name, where the setting gives none; of a setting with one user.
    :param default_password: the same for the password.
    :raises PasswordError: ``invalid_input``: two have the same name.
    """
    found: Dict[str, Tuple[Recipient, str]] = {}
    single = len(setting.recipients) == 1
    for recipient in setting.recipients:
        given = {part: recipient.options.get(part) for part in ("username", "password")}
        if not any(given.values()):
            if not single:
                raise setting.wrong(
                    "It has several users, so each needs a name for its password (%s lacks password)." % recipient.name
                )
            given = {"username": default_username, "password": default_password}
        for part, key in given.items():
            if key is None:
                continue
            if not key or key in found:
                raise setting.wrong(
                    "%s is %s." % (part, "used twice: " + key if key else "empty for " + recipient.name)
                )
            found[key] = (recipient, part)
    return found
