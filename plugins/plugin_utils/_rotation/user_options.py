# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation's own options of a single user, in its element of ``users``: they override those of the host, and are not for the vendor's module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, Optional

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import SHORT, Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Capabilities

from .._arguments import plain, texts, validated
from .._times import parse_age
from .policy import OPTIONS as POLICY
from .policy import Policy, policy_for

LONGEST_REASON = 300  # characters

KEYS = frozenset(("hold", "hold_reason", "max_age", "policy", "accept_unverified", "adopt"))


@dataclass(frozen=True)
class UserOptions:
    """What the inventory says of one user; ``None`` where the host's option applies."""

    hold: bool = False
    hold_reason: Optional[str] = None
    max_age: Optional[int] = None  # seconds
    policy: Optional[Policy] = None
    accept_unverified: Optional[bool] = None
    adopt: Optional[bool] = None


def read(users: Iterable[Any], capabilities: Optional[Capabilities]) -> Dict[str, UserOptions]:
    """The options of those users that have any, by name.

    :param users: the option ``users``; elements that are not users at all are reported by :func:`~.options.read_users`.
    :param capabilities: of the vendor; ``None`` where the task names none: then no policy is read.
    :raises PasswordError: ``invalid_input``; the message names the user and the option, and repeats no value.
    """
    found: Dict[str, UserOptions] = {}
    for user in users:
        if isinstance(user, Mapping) and isinstance(user.get("name"), str) and not KEYS.isdisjoint(user):
            name = str(plain(user["name"]))
            given = {key: plain(user[key]) for key in KEYS.intersection(user)}
            # A form that was left empty gives an empty text.
            found[name] = _read(
                name, {key: value for key, value in given.items() if value not in (None, "")}, capabilities
            )
    return found


def read_line(text: Any, option: str) -> Optional[str]:
    """An option that people read later, as one line; ``None`` if it is empty.

    :param option: its name, for the message.
    :raises PasswordError: ``invalid_input``.
    """
    line = " ".join(text.split()) if isinstance(text, str) else None if text is None else "\n"
    if line is not None and (len(line) > LONGEST_REASON or not line.isprintable()):
        raise PasswordError(
            errors.INVALID_INPUT, "%s must be a text of at most %d printable characters." % (option, LONGEST_REASON)
        )
    return line or None


def _read(name: str, given: Dict[str, Any], capabilities: Optional[Capabilities]) -> UserOptions:
    hold = _boolean(name, "hold", given)
    reason = read_line(given.get("hold_reason"), _named(name, "hold_reason"))
    if reason and hold is None:
        raise PasswordError(
            errors.INVALID_INPUT,
            "users gives a hold_reason for %s and no hold, so it would be rotated. Add hold: true, or remove the reason."
            % name,
        )
    max_age = parse_age(given["max_age"], _named(name, "max_age")) if "max_age" in given else None
    policy = _policy(name, given["policy"], capabilities) if "policy" in given and capabilities else None
    accept, adopt = _boolean(name, "accept_unverified", given), _boolean(name, "adopt", given)
    return UserOptions(bool(hold), reason, max_age, policy, accept, adopt)


def _named(name: str, option: str) -> str:
    return "users: %s of %s" % (option, name)


def _boolean(name: str, option: str, given: Mapping[str, Any]) -> Optional[bool]:
    if option not in given:
        return None
    try:
        return bool(boolean(given[option]))
    except TypeError:
        # Its message would repeat the value.
        raise PasswordError(errors.INVALID_INPUT, "%s must be true or false." % _named(name, option)) from None


def _policy(name: str, given: Any, capabilities: Capabilities) -> Policy:
    where = _named(name, "policy")
    if not isinstance(given, dict):
        raise PasswordError(
            errors.INVALID_INPUT, "%s must be a dictionary, with the keys of rotate_policy (option policy)." % where
        )
    try:
        wishes = validated(dict(argument_spec=POLICY), given)
    except PasswordError as error:
        # Ansible repeats a value of a wrong type, and a secret may be in the wrong place.
        hide = Scrubber(text for text in texts(given) if len(text) >= SHORT)
        raise PasswordError(errors.INVALID_INPUT, "%s: %s" % (where, hide(error.message))) from None
    return policy_for(capabilities, wishes, where=where)
