# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes the secrets of a call from any text, in every form in which vendors echo them."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from typing import Any, Iterable, Iterator, Optional
from urllib.parse import quote, quote_plus

try:
    # Since ansible-core 2.22 Ansible masks registered values in its own output, and nothing else in results.
    from ansible.module_utils.secrets import register_secrets
except ImportError:

    def register_secrets(values: Iterable[str]) -> None:
        """Do nothing: older versions cannot register secrets."""


MASK = "********"
WITHHELD = "(text withheld: it may contain a secret)"

# Shorter secrets occur in any text by chance, and masking each occurrence would reveal them.
SHORT = 4

# Characters that the URL encoders of Python, Java and JavaScript leave as they are, besides letters and digits.
_SAFE_IN_URLS = ("", "/", "*", "!'()*", "!'()*;,/?:@&=+$#")


def _without_quotes(text: str) -> str:
    return text[1:-1]


def _upper_digits(text: str) -> str:
    return re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found.group()[2:].upper(), text)


def _lower_digits(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), text)


def _bytes(secret: str) -> set[bytes]:
    """Return the secret as bytes: in UTF-8, and in latin-1 if possible."""
    found = {secret.encode("utf-8", "surrogatepass")}
    try:
        found.add(secret.encode("latin-1"))
    except UnicodeEncodeError:
        pass
    return found


def _misread(secret: str) -> set[str]:
    """Return the secret's UTF-8 decoded wrongly, as many servers do with headers."""
    raw = secret.encode("utf-8", "surrogatepass")
    return {raw.decode("latin-1"), raw.decode("cp1252", "replace")}


def _escaped(secret: str) -> set[str]:
    """Return the secret as written in source code, JSON, XML and URLs."""
    found = {secret} | _misread(secret)
    for text in list(found):
        for ensure_ascii in (True, False):
            dumped = _without_quotes(json.dumps(text, ensure_ascii=ensure_ascii))
            # PHP escapes the slash; Go escapes what is special in HTML.
            of_go = dumped.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
            found |= {dumped, _upper_digits(dumped), dumped.replace("/", "\\/"), of_go, _upper_digits(of_go)}
        found |= {_without_quotes(repr(text)), _without_quotes(ascii(text))}
        page = html.escape(text, quote=False)
        found |= {
            html.escape(text),
            page,
            page.replace('"', "&#34;").replace("'", "&#39;"),
            page.replace('"', "&quot;").replace("'", "&#39;"),
        }
    for raw in _bytes(secret):
        found.add(_without_quotes(repr(raw)[1:]))
        for safe in _SAFE_IN_URLS:
            for quoted in (quote(raw, safe=safe), quote_plus(raw, safe=safe)):
                found |= {quoted, _lower_digits(quoted), quote(quoted, safe=safe)}
    return found


def _encoded(secret: str) -> set[str]:
    """Return the secret in base64 and hexadecimal."""
    found = set()
    for raw in _bytes(secret):
        found |= {raw.hex(), raw.hex().upper()}
        for shift in range(3):
            # Within something longer, such as "user:password", only the characters that do not depend on their neighbours.
            whole = base64.b64encode(b"\0" * shift + raw).decode()
            inner = whole[(8 * shift + 5) // 6 : 8 * (shift + len(raw)) // 6]
            for text in (inner, whole, whole.rstrip("=")) if shift == 0 else (inner,):
                found |= {text, text.replace("+", "-").replace("/", "_")}
    return found


def forms(secret: str) -> set[str]:
    """Return every form in which a server, a proxy or a library may write a secret.

    :param secret: the secret as text.
    :return: set of strings, including the secret itself.
    """
    found = _escaped(secret)
    # A message inside a message: JSON in JSON, repr in JSON.
    found |= {
        _without_quotes(json.dumps(text, ensure_ascii=ensure_ascii)) for text in found for ensure_ascii in (True, False)
    }
    return {form for form in found | _encoded(secret) if len(form) >= SHORT or form == secret}


# A run of this many characters of a secret is masked wherever it occurs, even without the rest.
RUN = 8
# For secrets longer than any password (tokens, keys), search for fewer and longer parts: thousands of tokens would take a gigabyte.
_LONGEST_PASSWORD = 256
_PART_OF_TOKEN = 16
_ROUNDS = 3  # a message inside a message inside a message

# Escaped characters in HTML, URLs, JSON and source code; and invisible ones, which may split a secret.
_WRITTEN = re.compile(
    r"""&\#x(?P<hex_entity>[0-9a-f]{1,6});? | &\#(?P<entity>[0-9]{1,7});? | (?P<named>&[a-z][a-z0-9]{1,30};)
    | (?P<percent>(?:%[0-9a-f]{2})+) | (?P<pair>\\u d[89ab][0-9a-f]{2} \\u d[c-f][0-9a-f]{2})
    | \\U(?P<long>000[0-9a-f]{5}) | (?:\\|%)u(?P<code>[0-9a-f]{4}) | \\u\{(?P<braced>[0-9a-f]{1,6})\} | \\x(?P<byte>[0-9a-f]{2})
    | \\(?P<escaped>.) | (?P<unseen>[\0\u00ad\u200b-\u200f\u2060-\u2064\ufeff])""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _character(number: int) -> str:
    return chr(number) if number < 0x110000 else "\ufffd"


def _meant(found: re.Match[str]) -> list[tuple[str, int, int]]:
    """Return the characters that a match stands for, each with its position within the match."""
    kind, text, size = found.lastgroup, found.group(found.lastgroup or 0), len(found.group())
    if kind == "percent":
        raw = bytes.fromhex(text.replace("%", ""))
        try:
            decoded = raw.decode("utf-8")
        except UnicodeDecodeError:
            decoded = raw.decode("latin-1")
            return [(character, 3 * number, 3 * number + 3) for number, character in enumerate(decoded)]
        meant, place = [], 0
        for character in decoded:
            width = 3 * len(character.encode("utf-8"))
            meant.append((character, place, place + width))
            place += width
        return meant
    if kind == "unseen":
        return []
    if kind == "escaped":
        meaning = _ESCAPES.get(text, text)
    elif kind == "named":
        meaning = html.unescape(text)
    elif kind == "pair":
        meaning = bytes.fromhex(text[2:6] + text[8:12]).decode("utf-16-be")
    else:
        meaning = _character(int(text, 10 if kind == "entity" else 16))
    return [(character, 0, size) for character in meaning]


class _View:
    """A text with one level of escapes decoded, and the position of each character in the original."""

    def __init__(self, text: str, places: Optional[list[tuple[int, int]]] = None) -> None:
        self.text = text
        self._places = places

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the position of a part in the original."""
        return (start, end) if self._places is None else (self._places[start][0], self._places[end - 1][1])

    def read(self) -> Optional[_View]:
        """Decode one more level; ``None`` if there are no escapes."""
        characters: list[str] = []
        places: list[tuple[int, int]] = []
        done = 0
        for found in _WRITTEN.finditer(self.text):
            characters.extend(self.text[done : found.start()])
            places.extend(self.place(place, place + 1) for place in range(done, found.start()))
            for character, start, end in _meant(found):
                characters.append(character)
                places.append(self.place(found.start() + start, found.start() + end))
            done = found.end()
        if not done:
            return None
        characters.extend(self.text[done:])
        places.extend(self.place(place, place + 1) for place in range(done, len(self.text)))
        return _View("".join(characters), places)

    @classmethod
    def all_of(cls, text: str) -> Iterator[_View]:
        """Yield the text as it is, then with each further level of escapes decoded."""
        view: Optional[_View] = cls(text)
        for _round in range(_ROUNDS + 1):
            if view is None:
                return
            yield view
            view = view.read()


def _folded(text: str) -> str:
    """Return the text in lower case with uniform white space, without changing its length."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(character.lower() if len(character.lower()) == 1 else character for character in text)
    # A plus is a space in a form.
    return re.sub(r"[\s+]", " ", lower)


def _runs(secret: str) -> Iterator[str]:
    is_token = len(secret) > _LONGEST_PASSWORD
    size, step = (_PART_OF_TOKEN, _PART_OF_TOKEN // 2) if is_token else (min(RUN, len(secret)), 1)
    for text in {_folded(variant) for variant in {secret} | (set() if is_token else _misread(secret))}:
        for start in range(0, len(text) - size + 1, step):
            if not text[start : start + size].isspace():
                yield text[start : start + size]


def _is_unmistakable(secret: str) -> bool:
    """Whether a secret cannot be mistaken for a word or number of our own messages."""
    letters, digits = any(character.isalpha() for character in secret), any(character.isdigit() for character in secret)
    odd = any(not character.isalnum() and character not in " .,:;'\"()/%_-" for character in secret)
    if len(secret) < 3:
        return False
    return (letters and digits) or (odd and len(secret) >= RUN) or (digits and len(secret) >= RUN - 1)


class Scrubber:
    """Knows the secrets of one call and masks them in any text. Thread-safe.

    :param secrets: iterable of strings; empty ones and ``None`` are skipped.
    """

    def __init__(self, secrets: Iterable[Optional[str]] = ()) -> None:
        self._known: set[str] = set()
        self._fresh: set[str] = set()
        self._kept: set[str] = set()
        self._short_forms: set[str] = set()
        # The first characters of a form: all forms that begin with them, longest first
        self._index: dict[str, list[str]] = {}
        self._own_index: dict[str, list[str]] = {}  # the same for the secrets to search for in our own messages
        self._own_short: set[str] = set()
        self._runs: dict[int, set[str]] = {size: set() for size in (*range(SHORT, RUN + 1), _PART_OF_TOKEN)}
        self._lock = threading.Lock()
        self.add(*secrets)

    def add(self, *secrets: Optional[str]) -> None:
        """Learn further secrets, for example a new token."""
        with self._lock:
            fresh = {secret for secret in secrets if secret} - self._known
            self._known |= fresh
            # Most calls never scrub anything, so the forms are computed when the first text arrives.
            self._fresh |= fresh
        register_secrets(secret for secret in fresh if len(secret) >= SHORT)

    def keep(self, *names: Optional[str]) -> None:
        """Learn names that the user gave: they are never masked in our own messages, even if a password is the same."""
        with self._lock:
            self._kept = self._kept.union(name for name in names if name)

    def __call__(self, text: Any, cut: bool = False) -> Any:
        """Return a text from outside without secrets in any form, or parts of them.

        :param text: any text; ``None`` is returned as it is.
        :param cut: whether the text may have been truncated, and so end with part of a secret.
        """
        if not text:
            return text
        self._learn()
        views = list(_View.all_of(text))
        spans = set(self._spans(text, cut, self._index))
        folded = [_folded(view.text) for view in views]
        for view, small in zip(views, folded):
            spans.update(view.place(*span) for span in self._run_spans(small))
        masked = _masked(text, sorted(spans))
        if any(form in masked for form in self._short_forms) or any(
            _folded(form) in small for form in self._short_forms for small in folded[1:]
        ):
            return WITHHELD
        return masked

    def own(self, text: str) -> str:
        """Return one of our own texts without secrets, as a safeguard. Words, numbers and names that happen to be a password are kept."""
        if not text:
            return text
        self._learn()
        spans = [span for span in self._spans(text, False, self._own_index) if not self._is_in_a_name(text, *span)]
        for form in self._own_short:
            place = text.find(form)
            if place >= 0 and not self._is_in_a_name(text, place, place + len(form)):
                return WITHHELD
        return _masked(text, sorted(spans))

    def _is_in_a_name(self, text: str, start: int, end: int) -> bool:
        part = text[start:end]
        for name in self._kept:
            place = name.find(part)
            while place >= 0:
                if start >= place and text.startswith(name, start - place):
                    return True
                place = name.find(part, place + 1)
        return False

    def _learn(self) -> None:
        with self._lock:
            if not self._fresh:
                return
            found: dict[str, set[str]] = {}
            own: dict[str, set[str]] = {}
            for secret in self._fresh:
                unmistakable = _is_unmistakable(secret)
                if len(secret) < SHORT:
                    self._short_forms = self._short_forms | _escaped(secret)
                    self._own_short = self._own_short | ({secret} if unmistakable else set())
                    continue
                for form in forms(secret):
                    found.setdefault(form[:SHORT], set()).add(form)
                    if unmistakable:
                        own.setdefault(form[:SHORT], set()).add(form)
                for run in _runs(secret):
                    self._runs[len(run)].add(run)
            for index, fresh in ((self._index, found), (self._own_index, own)):
                for beginning, group in fresh.items():
                    # Replace, never modify: another thread may be reading it.
                    index[beginning] = sorted(group.union(index.get(beginning, ())), key=len, reverse=True)
            self._fresh = set()

    def _spans(self, text: str, cut: bool, index: dict[str, list[str]]) -> Iterator[tuple[int, int]]:
        """Yield begin and end of every secret. The time does not grow with the number of secrets."""
        for start in range(len(text) - SHORT + 1):
            for form in index.get(text[start : start + SHORT], ()):
                if text.startswith(form, start):
                    yield start, start + len(form)
                    break
                if cut and len(text) - start < len(form) and form.startswith(text[start:]):
                    yield start, len(text)
                    break

    def _run_spans(self, folded: str) -> Iterator[tuple[int, int]]:
        """Yield begin and end of every part of a secret."""
        for size, known in self._runs.items():
            if not known:
                continue
            begin = end = -1
            for start in range(len(folded) - size + 1):
                if folded[start : start + size] not in known:
                    continue
                if start >= end:
                    if end > 0:
                        yield begin, end
                    begin = start
                end = start + size
            if end > 0:
                yield begin, end

    def __repr__(self) -> str:
        return "<Scrubber of %d secrets>" % len(self._known)


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in spans:
        # Where two secrets overlap, replacing one would leave part of the other.
        if start >= done:
            parts += [text[done:start], MASK]
        done = max(done, end)
    return "".join(parts) + text[done:]
