# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as Ansible's own validator sees them, outside of a module."""

from __future__ import annotations

import datetime
import difflib
import json
from typing import Any, Dict, Iterable, List

from ansible.module_utils.errors import UnsupportedError
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._adapter import prepared, validate
from ansible_collections.rekey.passwords.plugins.module_utils._options import refuse_no_texts
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError


def validated(spec: Dict[str, Any], args: Dict[str, Any]) -> Dict[str, Any]:
    """The options as the module itself would see them: defaults, environment fallbacks and types applied.

    :param spec: keyword arguments of ArgumentSpecValidator.
    :raises PasswordError: ``invalid_input``.
    """
    refuse_no_texts(spec["argument_spec"], args)
    return _accepted(validate(spec, args))


def _accepted(result: Any) -> Dict[str, Any]:
    """The options in a validator's result.

    :raises PasswordError: ``invalid_input``: something is wrong with them.
    """
    if result.errors.errors:
        # Ansible's own text of this error begins with the wrong name, and does not say what is wrong with it.
        complaints = [
            ("Unsupported options: %s" if isinstance(error, UnsupportedError) else "%s") % error.msg
            for error in result.errors.errors
        ]
        raise PasswordError(errors.INVALID_INPUT, " ".join(complaints))
    params: Dict[str, Any] = result.validated_parameters
    return params


def validated_connection(spec: Dict[str, Any], args: Dict[str, Any]) -> Dict[str, Any]:
    """As :func:`validated`, for the options of a vendor's module, among which an empty text counts as not given.

    :param spec: the ``SPEC`` of a vendor's module.
    :raises PasswordError: ``invalid_input``.
    """
    return _accepted(validate(spec, prepared(spec["argument_spec"], args)))


def plain(value: Any) -> Any:
    """A value as a module would get it in JSON: without Ansible's own types, and with what is encrypted in it decrypted."""
    if isinstance(value, dict):
        return {_plain_key(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    # Joined, since str() would leave a subclass as it is.
    return "".join((str(value), ""))


def _plain_key(key: Any) -> str:
    key = plain(key)
    return key if isinstance(key, str) else json.dumps(key)


def texts(value: Any) -> List[str]:
    """Every text within a value; numbers count, since the validator's messages and masks treat them as texts."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return [str(value)]
    return [text for inner in value for text in texts(inner)]


def with_suggestion(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """A name that nobody knows, followed by the most similar one that is known, if there is one.

    :param likeness: how similar it must be, from 0 to 1.
    """
    near = difflib.get_close_matches(name, sorted(known), 1, likeness)
    return "%s (did you mean %s?)" % (name, near[0]) if near else name
