# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that the vendor modules share, and how a vendor's own are added to them."""

from __future__ import annotations

from typing import Any

from ._environment import from_environment

# The choices of update_password.
ALWAYS = "always"
WHEN_CHANGED = "when_changed"
NEVER = "never"  # a login checks the password, and nothing is changed

_UPDATE_PASSWORD = dict(type="str", choices=[WHEN_CHANGED, ALWAYS, NEVER])


# Ansible's own message repeats the values, including passwords.
ODD_USERS = "users must be a list of dictionaries, each with name and password."


def has_odd_users(params: dict[str, Any]) -> bool:
    """Whether ``users`` contains values of a wrong type.

    :param params: the options before their validation.
    """
    users = params.get("users") or []
    # A string may be a dictionary written as key=value.
    return not isinstance(users, (list, str)) or not all(isinstance(user, (dict, str)) for user in users)


def _shared(prefix: str) -> dict[str, Any]:
    def connection(name: str, **option: Any) -> dict[str, Any]:
        return dict(option, fallback=(from_environment, ["%s_%s" % (prefix, name)]))

    return dict(
        name=dict(type="str"),
        password=dict(type="str", no_log=True),
        current_password=dict(type="str", no_log=True),
        update_password=dict(_UPDATE_PASSWORD, default=WHEN_CHANGED, no_log=False),
        verify=dict(type="bool", default=True),
        allow_control_characters=dict(type="bool", default=False),
        concurrency=connection("CONCURRENCY", type="int", default=8),
        timeout=connection("TIMEOUT", type="float", default=30.0),
        deadline=connection("DEADLINE", type="float"),
        retries=connection("RETRIES", type="int", default=3),
        validate_certs=connection("VALIDATE_CERTS", type="bool", default=True),
        ca_path=connection("CA_PATH", type="path"),
        client_cert=connection("CLIENT_CERT", type="path"),
        client_key=connection("CLIENT_KEY", type="path", no_log=False),
    )


def _user(vendor: Any) -> dict[str, Any]:
    """An element of ``users``."""
    options = dict(
        name=dict(type="str", required=vendor.identifiers == ("name",)),
        password=dict(type="str", required=vendor.password_required, no_log=True),
        current_password=dict(type="str", no_log=True),
        update_password=dict(_UPDATE_PASSWORD, no_log=False),
        failed_logins=dict(type="int", default=0),
        **vendor.user_spec,
    )
    # Ansible does not accept required_one_of with a single option.
    one_of = [vendor.identifiers] if len(vendor.identifiers) > 1 else []
    return dict(type="list", elements="dict", options=options, required_one_of=one_of)


def module_spec(vendor: Any) -> dict[str, Any]:
    """The keyword arguments of AnsibleModule (and of ArgumentSpecValidator) for a vendor's module.

    :param vendor: a subclass of :class:`~.vendor.Vendor`.
    :return: dict with argument_spec, mutually_exclusive, required_one_of, required_by, ...
    """
    # A vendor's extra key of a user is also an option of the single-user shorthand.
    shorthand = {
        name: {key: value for key, value in option.items() if key != "required"}
        for name, option in vendor.user_spec.items()
    }
    spec = dict(_shared(vendor.env_prefix), **shorthand)
    spec.update(vendor.argument_spec)
    spec["users"] = _user(vendor)
    joined = {key: list(value) for key, value in vendor.constraints.items() if key != "required_by"}
    for alone in vendor.identifiers + ("current_password", "password"):
        joined.setdefault("mutually_exclusive", []).append(("users", alone))
    joined.setdefault("required_one_of", []).append(("users",) + vendor.identifiers)
    required_by = dict(vendor.constraints.get("required_by", {}))
    if vendor.identifiers == ("name",):
        required_by["current_password"] = "name"
    if vendor.password_required and vendor.identifiers == ("name",):
        joined.setdefault("required_together", []).append(("name", "password"))
    elif vendor.password_required:
        required_by.update(dict.fromkeys(vendor.identifiers, "password"))
    return dict(joined, argument_spec=spec, required_by=required_by)


def entries(params: dict[str, Any], vendor: Any) -> list[dict[str, Any]]:
    """Return the users of a call, including the shorthand, each with its ``update_password`` and the vendor's further keys.

    :param params: the validated options.
    :return: list of dicts.
    """
    users = params.get("users")
    if users is None:
        users = [
            {key: params.get(key) for key in ("name", "password", "current_password") + tuple(sorted(vendor.user_spec))}
        ]
    # "password:" with nothing behind it comes as None at the top, and up to ansible-core 2.18 in a list of users, too.
    texts = (("name",) if vendor.identifiers == ("name",) else ()) + (("password",) if vendor.password_required else ())
    users = [dict(user, **{key: user.get(key) or "" for key in texts}) for user in users]
    defaults = {key: params.get(key) for key in vendor.user_spec if key not in vendor.identifiers}
    return [_entry(user, params["update_password"], defaults) for user in users]


def _entry(user: dict[str, Any], update_password: str, defaults: dict[str, Any]) -> dict[str, Any]:
    missing = {key: value for key, value in defaults.items() if user.get(key) is None}
    return dict(user, update_password=user.get("update_password") or update_password, **missing)


def names(spec: dict[str, Any], params: dict[str, Any]) -> list[str]:
    """Return the strings of all options that are not marked ``no_log``: what the user gave and may see again.

    :param spec: an argument_spec.
    :param params: the options, or one element of a list of options.
    """
    found: list[str] = []
    for name, option in spec.items():
        value = params.get(name)
        items = value if isinstance(value, list) else [value]
        if option.get("options"):
            found.extend(text for item in items if item is not None for text in names(option["options"], item))
        elif not option.get("no_log"):
            found.extend(item for item in items if isinstance(item, str))
    return found


def secrets(spec: dict[str, Any], params: dict[str, Any]) -> list[str]:
    """Return the values of all options that are marked ``no_log``.

    :param spec: an argument_spec.
    :param params: the options, or one element of a list of options.
    :return: list of strings.
    """
    found = []
    for name, option in spec.items():
        value = params.get(name)
        if value is None:
            continue
        if option.get("options"):
            for item in value if isinstance(value, list) else [value]:
                found.extend(secrets(option["options"], item))
        elif option.get("no_log"):
            found.extend(str(item) for item in (value if isinstance(value, list) else [value]))
    return found
