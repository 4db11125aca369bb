# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the secrets of a call out of any text, in the forms in which vendors echo them."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from urllib.parse import quote, quote_plus

try:
    # Since ansible-core 2.22 Ansible masks in its own output what was registered here, and nothing else inside results.
    from ansible.module_utils.secrets import register_secrets
except ImportError:

    def register_secrets(values):
        """Older versions have nothing to register with."""


MASK = "********"
WITHHELD = "(text withheld: it may contain a secret)"

# A secret this short occurs by chance in any text, and masking each occurrence would show what it is.
SHORT = 4

# What the URL encoders of Python, Java and JavaScript leave alone beside letters and digits.
_SAFE_IN_URLS = ("", "/", "*", "!'()*", "!'()*;,/?:@&=+$#")


def _without_quotes(text):
    return text[1:-1]


def _upper_digits(text):
    return re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found.group()[2:].upper(), text)


def _lower_digits(text):
    return re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), text)


def _bytes(secret):
    """The secret as bytes: in UTF-8, and in latin-1 if that is possible."""
    found = {secret.encode("utf-8", "surrogatepass")}
    try:
        found.add(secret.encode("latin-1"))
    except UnicodeEncodeError:
        pass
    return found


def _misread(secret):
    """The secret's UTF-8 read as something else, as many servers do with headers."""
    raw = secret.encode("utf-8", "surrogatepass")
    return {raw.decode("latin-1"), raw.decode("cp1252", "replace")}


def _escaped(secret):
    """The secret as it stands in source code, JSON, XML and URLs."""
    found = {secret} | _misread(secret)
    for text in list(found):
        for ensure_ascii in (True, False):
            dumped = _without_quotes(json.dumps(text, ensure_ascii=ensure_ascii))
            # PHP escapes the slash, Go what has a meaning in HTML.
            of_go = dumped.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
            found |= {dumped, _upper_digits(dumped), dumped.replace("/", "\\/"), of_go, _upper_digits(of_go)}
        found |= {_without_quotes(repr(text)), _without_quotes(ascii(text))}
        page = html.escape(text, quote=False)
        found |= {html.escape(text), page, page.replace('"', "&#34;").replace("'", "&#39;"), page.replace('"', "&quot;").replace("'", "&#39;")}
    for raw in _bytes(secret):
        found.add(_without_quotes(repr(raw)[1:]))
        for safe in _SAFE_IN_URLS:
            for quoted in (quote(raw, safe=safe), quote_plus(raw, safe=safe)):
                found |= {quoted, _lower_digits(quoted), quote(quoted, safe=safe)}
    return found


def _encoded(secret):
    """The secret in base64 and as hexadecimal digits."""
    found = set()
    for raw in _bytes(secret):
        found |= {raw.hex(), raw.hex().upper()}
        for shift in range(3):
            # In the middle of something longer, such as "user:password", only the characters that no neighbour has a part in.
            whole = base64.b64encode(b"\0" * shift + raw).decode()
            inner = whole[(8 * shift + 5) // 6 : 8 * (shift + len(raw)) // 6]
            for text in (inner, whole, whole.rstrip("=")) if shift == 0 else (inner,):
                found |= {text, text.replace("+", "-").replace("/", "_")}
    return found


def forms(secret):
    """Every form in which a server, a proxy or a library may write a secret into a text.

    :param secret: the secret as text.
    :return: set of texts; the secret itself is among them.
    """
    found = _escaped(secret)
    # A message inside a message: JSON in JSON, repr in JSON.
    found |= {_without_quotes(json.dumps(text, ensure_ascii=ensure_ascii)) for text in found for ensure_ascii in (True, False)}
    return {form for form in found | _encoded(secret) if len(form) >= SHORT or form == secret}


class Scrubber:
    """Knows the secrets of one call and replaces them in any text; may be used from several threads.

    :param secrets: iterable of texts; empty ones and ``None`` are passed over.
    """

    def __init__(self, secrets=()):
        self._known = set()
        self._fresh = set()
        self._short_forms = set()
        self._index = {}  # the first characters of a form: all forms that begin so, the longest first
        self._lock = threading.Lock()
        self.add(*secrets)

    def add(self, *secrets):
        """Learn further secrets, for example a token that the call has just been given."""
        with self._lock:
            fresh = {secret for secret in secrets if secret} - self._known
            self._known |= fresh
            # Most calls never scrub anything: the forms are worked out when the first text comes.
            self._fresh |= fresh
        register_secrets(secret for secret in fresh if len(secret) >= SHORT)

    def __call__(self, text, cut=False):
        """Return the text without secrets.

        :param text: any text; ``None`` is returned as it is.
        :param cut: the text may have been cut off, so that it ends with a part of a secret.
        """
        if not text:
            return text
        self._learn()
        parts, done = [], 0
        for start, end in self._spans(text, cut):
            # Where two secrets overlap, one replacement would leave a part of the other.
            if start >= done:
                parts += [text[done:start], MASK]
            done = max(done, end)
        text = "".join(parts) + text[done:]
        return WITHHELD if any(form in text for form in self._short_forms) else text

    def _learn(self):
        with self._lock:
            if not self._fresh:
                return
            found = {}
            for secret in self._fresh:
                if len(secret) < SHORT:
                    self._short_forms |= _escaped(secret)
                    continue
                for form in forms(secret):
                    found.setdefault(form[:SHORT], set()).add(form)
            for beginning, group in found.items():
                # Replaced, never changed: another thread may be reading it.
                self._index[beginning] = sorted(group.union(self._index.get(beginning, ())), key=len, reverse=True)
            self._fresh = set()

    def _spans(self, text, cut):
        """Begin and end of every secret; the time that it takes does not grow with the number of secrets."""
        for start in range(len(text) - SHORT + 1):
            for form in self._index.get(text[start : start + SHORT], ()):
                if text.startswith(form, start):
                    yield start, start + len(form)
                    break
                if cut and len(text) - start < len(form) and form.startswith(text[start:]):
                    yield start, len(text)
                    break

    def __repr__(self):
        return "<Scrubber of %d secrets>" % len(self._known)
