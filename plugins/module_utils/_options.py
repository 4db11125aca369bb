# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as given, before Ansible's own validator sees them.

The validator turns numbers into strings (a password of 0123 without quotes becomes 83), accepts an empty string as a value, and crashes on some values.
"""

from __future__ import annotations

import datetime
import os
from typing import Any, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import errors
from .errors import PasswordError

# The types that YAML gives to values without quotes. Any other type counts as a string, such as one that is still encrypted.
_NO_TEXTS = (
    (bool, "a boolean"),
    ((int, float), "a number"),
    ((datetime.date, datetime.time), "a date or time"),
    ((list, tuple, set), "a list"),
    (dict, "a dictionary"),
)
# These are kept when empty, so that only the user concerned is refused.
_KEPT_EMPTY = ("name", "password")


def without_empty(spec: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Return the options without empty strings, which templates and forms produce for a field that was left empty.

    :param spec: an argument_spec.
    :param params: the options as given, or one element of ``users``.
    """
    # With a list of users or a user's id, an empty name means nothing.
    kept = () if params.get("users") or params.get("id") else _KEPT_EMPTY
    return {
        name: _filled(spec.get(name, {}), value)
        for name, value in params.items()
        if value != "" or name in kept or name not in spec
    }


def _filled(option: dict[str, Any], value: Any) -> Any:
    inner = option.get("options")
    if not inner:
        return value
    if isinstance(value, list):
        return [without_empty(inner, item) if isinstance(item, dict) else item for item in value]
    return without_empty(inner, value) if isinstance(value, dict) else value


def refuse_no_texts(spec: dict[str, Any], params: dict[str, Any], whose: str = "") -> None:
    """Refuse a secret that is not a string, and any other string option with a value of an impossible type.

    :param spec: an argument_spec.
    :param params: the options as given, or one element of a list of options.
    :param whose: whose options they are, for the message.
    :raises PasswordError: ``invalid_input``; the message never repeats the value.
    """
    for name, option in spec.items():
        value = params.get(name)
        if value is None:
            continue
        if option.get("options"):
            items = value if isinstance(value, list) else [value]
            for number, item in enumerate(items, 1):
                if isinstance(item, dict):
                    refuse_no_texts(
                        option["options"], item, _owner(item, name, number if isinstance(value, list) else 0)
                    )
            continue
        kind = option.get("type", "str")
        several = kind == "list" and option.get("elements") == "str" and isinstance(value, list)
        if kind not in ("str", "path") and not several:
            continue
        secret = option.get("no_log") is True
        for item in value if several else [value]:
            what = _no_text(item)
            # A number is a valid name, but as a password YAML may have changed it.
            if what and (secret or what != "a number"):
                text = "%s%s is %s, not a string. Quote the value at its source: without quotes YAML may already have changed it."
                raise PasswordError(errors.INVALID_INPUT, text % (name, whose, what))


def refuse_odd_paths(spec: dict[str, Any], params: dict[str, Any]) -> None:
    """Refuse a path that no file can have, since functions of the operating system would crash on it.

    :param spec: an argument_spec.
    :param params: the options, validated.
    :raises PasswordError: ``invalid_input``.
    """
    for name, option in spec.items():
        value = params.get(name)
        if option.get("options") and isinstance(value, dict):
            refuse_odd_paths(option["options"], value)
        elif option.get("type") == "path" and isinstance(value, str) and not _is_path(value):
            raise PasswordError(errors.INVALID_INPUT, "%s contains a character that a path cannot contain." % name)


def _is_path(value: str) -> bool:
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _owner(item: dict[str, Any], option: str, number: int) -> str:
    name = item.get("name")
    if isinstance(name, str) and name and name.isprintable():
        return " of %s" % name
    return " in element %d of %s" % (number, option) if number else " in %s" % option


def _no_text(value: Any) -> Optional[str]:
    return next((what for kinds, what in _NO_TEXTS if isinstance(value, kinds)), None)


def unfit(spec: dict[str, Any], params: dict[str, Any], exc: Exception) -> PasswordError:
    """Return the error of options on which the validator itself crashed. It names the option and never repeats its value.

    :param spec: an argument_spec.
    :param params: the options to validate.
    :param exc: the validator's exception.
    """
    option = _unfit(spec, params)
    if option is None:
        return PasswordError(errors.UNEXPECTED_RESPONSE, errors.unexpected_text(exc))
    return PasswordError(errors.INVALID_INPUT, "%s has an invalid value." % option)


def _unfit(spec: dict[str, Any], params: dict[str, Any]) -> Optional[str]:
    for name, option in spec.items():
        if params.get(name) is None:
            continue
        value = params[name]
        alone = {
            name: {key: setting for key, setting in option.items() if key in ("type", "elements", "options", "choices")}
        }
        try:
            ArgumentSpecValidator(alone).validate({name: value})
        except Exception:  # pylint: disable=broad-exception-caught
            # Its text is not passed on: it may contain a secret.
            items = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
            inner = next(filter(None, (_unfit(option.get("options") or {}, item) for item in items)), None)
            return "%s in %s" % (inner, name) if inner else "%s (of type %s)" % (name, option.get("type", "str"))
    return None
