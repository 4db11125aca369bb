# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Password policy and generator: cryptographic randomness, and never a character that the vendor refuses or loses."""

from __future__ import annotations

import secrets
import string
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Capabilities

# Nobody types a generated password, so it need not be short.
LEAST_LENGTH = 20

CLASSES = {
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "digits": string.digits,
}

OPTIONS = dict(
    length=dict(type="int"),
    upper=dict(type="int"),
    lower=dict(type="int"),
    digits=dict(type="int"),
    symbols=dict(type="int"),
    symbol_characters=dict(type="str"),
    exclude=dict(type="str"),
)


@dataclass(frozen=True)
class Policy:
    """What a generated password looks like.

    ``length`` is in characters (all are ASCII, so also in bytes); ``upper``, ``lower``, ``digits`` and ``symbols`` are the least
    number of each class, 0 leaves the class out; ``exclude`` holds characters that are never used.
    """

    length: int
    upper: int
    lower: int
    digits: int
    symbols: int
    symbol_characters: str
    exclude: str = ""

    def alphabets(self) -> List[Tuple[str, str, int]]:
        """The classes in use: (name, characters, least number)."""
        classes = []
        for name, characters in list(CLASSES.items()) + [("symbols", self.symbol_characters)]:
            usable = "".join(sorted(set(characters) - set(self.exclude)))
            least = getattr(self, name)
            if least:
                classes.append((name, usable, least))
        return classes


def policy_for(
    capabilities: Capabilities, wishes: Optional[Mapping[str, Any]] = None, *, where: str = "policy"
) -> Policy:
    """The policy of a vendor, with the user's changes.

    :param wishes: some of :data:`OPTIONS`.
    :param where: they are given, for messages.
    :raises PasswordError: ``invalid_input``: no password can satisfy the wishes and the vendor.
    """
    default = asdict(capabilities.generated)
    policy = replace(Policy(**default), **{key: value for key, value in (wishes or {}).items() if value is not None})
    policy = replace(policy, exclude="".join(sorted(set(policy.exclude) | set(capabilities.password_forbidden))))

    def refuse(text: str) -> NoReturn:
        raise PasswordError(errors.INVALID_INPUT, "%s: %s" % (where, text))

    least = min(max(LEAST_LENGTH, capabilities.password_min), capabilities.password_max)
    if not least <= policy.length <= capabilities.password_max:
        refuse("length must be from %d to %d for %s." % (least, capabilities.password_max, capabilities.title))
    if any(getattr(policy, name) < 0 for name in ("upper", "lower", "digits", "symbols")):
        refuse("upper, lower, digits and symbols must not be negative.")
    if not all(character in string.punctuation for character in policy.symbol_characters):
        refuse("symbol_characters may only hold ASCII punctuation; letters and digits have options of their own.")
    alphabets = policy.alphabets()
    for name, characters, _least in alphabets:
        if not characters:
            refuse(
                "no character of the class %s is left after exclude and what %s refuses." % (name, capabilities.title)
            )
    if len({character for _name, characters, _least in alphabets for character in characters}) < 10:
        refuse("fewer than 10 different characters are left to choose from.")
    if sum(number for _name, _characters, number in alphabets) > policy.length:
        refuse("the classes together ask for more than length characters.")
    return policy


def stricter_policy(policy: Policy, capabilities: Capabilities) -> Policy:
    """A policy for another try after the vendor has refused a password: more of every class, and the vendor's own length if that is more.

    :param policy: that of the refused password.
    """
    default = capabilities.generated
    length = min(max(policy.length, default.length), capabilities.password_max)
    classes: Dict[str, Any] = {name: max(getattr(policy, name), 2) for name in ("upper", "lower", "digits", "symbols")}
    stricter = replace(policy, length=length, **classes)
    # What the user has excluded stays excluded, even if that leaves nothing of a class.
    empty: Dict[str, Any] = {name: 0 for name, characters, _least in stricter.alphabets() if not characters}
    stricter = replace(stricter, **empty)
    return stricter if sum(least for _name, _characters, least in stricter.alphabets()) <= length else policy


def generate(policy: Policy) -> str:
    """A new password."""
    alphabets = policy.alphabets()
    anything = "".join(characters for _name, characters, _least in alphabets)
    drawn = [secrets.choice(characters) for _name, characters, least in alphabets for _count in range(least)]
    drawn += [secrets.choice(anything) for _count in range(policy.length - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    # A letter or digit at both ends survives shells, spreadsheets and double clicks.
    for end in (0, -1):
        if not drawn[end].isalnum():
            inner = [place for place in range(1, len(drawn) - 1) if drawn[place].isalnum()]
            if inner:
                place = secrets.choice(inner)
                drawn[end], drawn[place] = drawn[place], drawn[end]
    return "".join(drawn)
