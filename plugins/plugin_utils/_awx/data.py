# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The descriptions that a task is given: checked, and without what is left out."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List

from .._arguments import with_suggestion
from .controller import AwxError
from .kinds import BY_VARIABLE, KINDS
from .plan import Objects

# What is secret in the settings of a notification; all values of a credential, and of HTTP headers, are.
SECRET_SETTINGS = ("password", "token", "account_token", "grafana_key", "aws_secret_access_key", "aws_session_token")
SECRET_DICTIONARIES = ("inputs", "headers")
_LOGIN_IN_URL = re.compile(r"(://)[^/@\s]+@")


def checked(objects: Dict[str, Any], leave_out: List[str]) -> Objects:
    """The descriptions, without what is left out.

    :param objects: lists by the names of ``infra.aap_configuration``.
    :param leave_out: names of objects, or of modules of awx.awx for a whole kind.
    :raises AwxError: something in them is wrong.
    """
    names = []
    for variable, items in objects.items():
        if variable not in BY_VARIABLE:
            raise AwxError("Unknown list in objects: %s." % with_suggestion(variable, BY_VARIABLE))
        if not isinstance(items, list) or not all(
            isinstance(item, dict) and _is_name(item.get("name")) for item in items
        ):
            raise AwxError("%s must be a list of dictionaries, each with a name." % variable)
        names += [item["name"] for item in items]
    odd = [name for name in names if name.strip().isdigit() or "++" in name]
    if odd:
        # The modules of awx.awx would take them for an id, and for a named URL.
        raise AwxError("Names must not be numbers, and must not contain ++: %s." % ", ".join(odd))
    modules = [kind.module for kind in KINDS]
    unknown = [
        with_suggestion(name, [*modules, *names]) for name in leave_out if name not in modules and name not in names
    ]
    if unknown:
        raise AwxError(
            "leave_out has what is neither the name of an object nor a kind (%s): %s."
            % (", ".join(modules), ", ".join(unknown))
        )
    return {
        variable: [item for item in items if item["name"] not in leave_out]
        for variable, items in objects.items()
        if BY_VARIABLE[variable].module not in leave_out
    }


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def secrets(args: Dict[str, Any]) -> Iterator[str]:
    """Every secret among the options of a task."""
    token = args.get("controller_oauthtoken")
    yield from _texts(token.get("token") if isinstance(token, dict) else token)
    yield from _texts(args.get("controller_password"))
    yield from _secrets(args.get("objects"))


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _secrets(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in SECRET_DICTIONARIES and isinstance(inner, dict) and "fields" not in inner:
                yield from _texts(list(inner.values()))
            elif key in SECRET_SETTINGS:
                yield from _texts(inner)
            else:
                yield from _secrets(inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str) and value:
        yield value


def masked(value: Any) -> Any:
    """A description that may be shown."""
    if isinstance(value, list):
        return [masked(item) for item in value]
    if isinstance(value, str):
        return _LOGIN_IN_URL.sub(r"\1********@", value)
    if not isinstance(value, dict):
        return value
    if value.get("type") == "password" and "variable" in value:
        # A question of a survey.
        return {**value, "default": "********"} if value.get("default") else value
    return {key: _masked_option(key, inner) for key, inner in value.items()}


def _masked_option(key: str, value: Any) -> Any:
    if key in SECRET_DICTIONARIES and isinstance(value, dict) and "fields" not in value:
        return dict.fromkeys(value, "********")
    if key in SECRET_SETTINGS and value:
        return "********"
    return masked(value)
