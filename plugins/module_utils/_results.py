# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result for one user, as it travels from a vendor's module to the rotation and into a playbook's variables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Mapping, Optional

from ansible.module_utils.parsing.convert_bool import boolean

from . import errors
from ._text_enum import TextEnum
from .errors import PasswordError

MOST_FAILED_LOGINS = 1_000_000


class State(TextEnum):
    """The state of a user after a call. Part of the collection's interface: states are added, never renamed."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WOULD_CHANGE = "would_change"  # check mode
    FAILED = "failed"
    UNKNOWN = "unknown"  # the change may or may not have been made


@dataclass
class UserResult:
    """What a call did for one user. It contains no secret."""

    name: Optional[str]  # None if the user was given by its id and not found
    id: Optional[str]  # the vendor's own identifier
    state: State
    verified: Optional[bool] = None  # whether a login proved it right or wrong; None: not known
    error: Optional[Dict[str, Any]] = None  # PasswordError.as_dict()
    failed_logins: Optional[int] = None  # recent ones, including this call's; None: not known

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data, as in a module's ``users``."""
        # A plain str: neither YAML nor Ansible's own serialiser accepts a subclass.
        return dict(asdict(self), state=self.state.value)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "the result") -> UserResult:
        """Validate the result of a module, or of the user's own tasks.

        Missing keys count as null; unknown keys are ignored.

        :param where: names the result in messages, such as ``element 1 of results``.
        :raises PasswordError: ``invalid_input``; the message never repeats a value.
        """
        name, state, failed = data.get("name"), data.get("state"), data.get("failed_logins")
        user_id, error = data.get("id"), data.get("error")
        if not isinstance(name or user_id, str) or not isinstance(state, str):
            raise _invalid("%s lacks a name or a state." % (where[:1].upper() + where[1:]))
        for key, value in (("name", name), ("id", user_id)):
            if value is not None and not isinstance(value, str):
                raise _invalid("In %s, %s must be a string." % (where, key))
        if state not in {known.value for known in State}:
            raise _invalid("In %s, state must be one of: %s." % (where, ", ".join(known.value for known in State)))
        if failed is not None and not _is_count(failed):
            raise _invalid("In %s, failed_logins must be a number of logins." % where)
        if error is not None and not _is_error(error):
            raise _invalid("In %s, error must be a dictionary with kind and message." % where)
        verified = _read_verified(data.get("verified"), where)
        return cls(name, user_id, State(state), verified, dict(error) if error is not None else None, failed)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_FAILED_LOGINS


def _is_error(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("kind"), str) and isinstance(value.get("message"), str)


def _read_verified(value: Any, where: str) -> Optional[bool]:
    if value is None:
        return None
    try:
        # A template may have turned it into text, and the text "False" must not count as proof.
        return bool(boolean(value))
    except TypeError:
        raise _invalid("In %s, verified must be true, false or null." % where) from None


def _invalid(text: str) -> PasswordError:
    return PasswordError(errors.INVALID_INPUT, text)
