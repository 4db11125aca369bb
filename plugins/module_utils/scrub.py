# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the secrets of a call out of any text, in the forms in which vendors echo them."""

from __future__ import annotations

import base64
import html
import json
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


def _without_quotes(text):
    return text[1:-1]


def forms(secret):
    """Every form in which a server, a proxy or a library may write a secret into a text.

    :param secret: the secret as text.
    :return: set of texts; the secret itself is among them.
    """
    found = {secret}
    escaped = {
        secret,
        _without_quotes(json.dumps(secret)),
        _without_quotes(json.dumps(secret, ensure_ascii=False)),
        _without_quotes(repr(secret)),
        _without_quotes(ascii(secret)),
        html.escape(secret),
        html.escape(secret, quote=False),
    }
    found |= escaped
    for text in escaped:
        # A message inside a message: JSON in JSON, repr in JSON.
        found.add(_without_quotes(json.dumps(text)))
    for safe in ("", "/"):
        quoted = quote(secret, safe=safe)
        found |= {quoted, quoted.lower(), quote_plus(secret, safe=safe)}
    raw = secret.encode("utf-8", "surrogatepass")
    found |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()}
    try:
        # UTF-8 read as latin-1, as many servers do with headers.
        found.add(raw.decode("latin-1"))
    except UnicodeDecodeError:  # pragma: no cover - latin-1 decodes every byte
        pass
    return {form for form in found if form}


class Scrubber:
    """Knows the secrets of one call and replaces them in any text.

    :param secrets: iterable of texts; empty ones and ``None`` are passed over.
    """

    def __init__(self, secrets=()):
        self._known = set()
        self._forms = None
        self.add(*secrets)

    def add(self, *secrets):
        """Learn further secrets, for example a token that the call has just been given."""
        fresh = {secret for secret in secrets if secret} - self._known
        self._known |= fresh
        register_secrets(secret for secret in fresh if len(secret) >= SHORT)
        # Most calls never scrub anything: the forms are worked out when the first text comes.
        self._forms = None

    def __call__(self, text):
        """Return the text without secrets.

        :param text: any text; ``None`` is returned as it is.
        """
        if not text:
            return text
        if self._forms is None:
            found = set().union(*(forms(secret) for secret in self._known if len(secret) >= SHORT))
            # The longest first: a secret may be part of another one's escaped form.
            self._forms = sorted(found, key=len, reverse=True)
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        if any(len(secret) < SHORT and secret in text for secret in self._known):
            return WITHHELD
        return text

    def __repr__(self):
        return "<Scrubber of %d secrets>" % len(self._known)
