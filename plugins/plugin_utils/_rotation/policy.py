# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Password policy and generator: cryptographic randomness, and never a character that the vendor refuses or loses."""

from __future__ import annotations

import secrets
import string
from dataclasses import asdict, dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, NoReturn, Optional, Tuple

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

# Passwords that need neither quotes nor escapes in URLs, shells, YAML, environment files and connection strings, and the symbols that they may hold: those
# that RFC 3986 leaves unreserved, without the tilde, which a shell may expand. Such a password begins with a letter: no parser takes it for a number, a date,
# an option or, since it is longer than any such word, for a boolean or null.
PRESETS = {"url_safe": "-_.", "alphanumeric": ""}

OPTIONS = dict(
    preset=dict(type="str"),
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
    number of each class, 0 leaves the class out; ``exclude`` holds characters that are never used; ``preset`` is one of :data:`PRESETS`, or empty.
    """

    length: int
    upper: int
    lower: int
    digits: int
    symbols: int
    symbol_characters: str
    exclude: str = ""
    preset: str = ""

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
    given = {key: value for key, value in (wishes or {}).items() if value is not None}
    policy = Policy(**asdict(capabilities.generated))
    symbols = "".join(set(PRESETS.get(given.get("preset", ""), "")).intersection(policy.symbol_characters))
    if given.get("preset"):
        policy = replace(policy, symbol_characters=symbols, symbols=policy.symbols if symbols else 0)
    policy = replace(policy, **given)
    policy = replace(policy, exclude="".join(sorted(set(policy.exclude) | set(capabilities.password_forbidden))))

    def refuse(text: str) -> NoReturn:
        raise PasswordError(errors.INVALID_INPUT, "%s: %s" % (where, text))

    _check_preset(policy, capabilities, refuse)
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


def _check_preset(policy: Policy, capabilities: Capabilities, refuse: Callable[[str], NoReturn]) -> None:
    """Refuse what a preset cannot promise together with the other wishes, or at this vendor."""
    preset = policy.preset
    if not preset:
        return
    if preset not in PRESETS:
        refuse("preset must be one of %s." % ", ".join(PRESETS))
    allowed = PRESETS[preset]
    if set(policy.symbol_characters) - set(allowed) or (policy.symbols and not allowed):
        refuse(
            "the preset %s allows %s. Remove symbols and symbol_characters, or the preset."
            % (preset, "only the symbols %s" % allowed if allowed else "only letters and digits")
        )
    if not policy.upper and not policy.lower:
        refuse("with a preset each password begins with a letter, so upper and lower must not both be 0.")
    missing = [name for name in capabilities.password_classes if not getattr(policy, name)]
    if missing:
        advice = " Use the preset url_safe." if missing == ["symbols"] and not allowed else ""
        refuse(
            "with the preset %s the passwords contain none of the class %s, which %s requires.%s"
            % (preset, missing[0], capabilities.title, advice)
        )


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
        fits = str.isalpha if policy.preset and not end else str.isalnum
        if not fits(drawn[end]):
            inner = [place for place in range(1, len(drawn) + end) if fits(drawn[place])]
            if inner:
                place = secrets.choice(inner)
                drawn[end], drawn[place] = drawn[place], drawn[end]
    return "".join(drawn)
