# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An answer to a request: what may be shown, what can be read, and what it proves."""

from __future__ import annotations

import codecs
import html
import json
import re
from typing import Any, Callable, Optional

from . import errors
from .errors import Outside, PasswordError, printable

# The maximum length of a paged list.
MOST_PAGES = 1000
MOST_LISTED = 500000

_EXCERPT = 300  # characters of a vendor's text to show in a message
_LOOKED_AT = 20000  # characters of a page to search for its text
_NOT_SHOWN = "(not shown, since it may contain passwords)"

# Python codecs that do not decode text, or take for ever to do so.
_NO_CHARSETS = frozenset(("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"))


def may_have_happened(status: int) -> bool:
    """Whether a write with this status may have been carried out. Only a plain refusal proves that it was not."""
    return status == 408 or not 400 <= status < 500


class Response:
    """A vendor's answer.

    ``status`` is the HTTP status, ``headers`` the headers (names in any case), ``writing`` whether the request may have changed something. The results
    of :meth:`excerpt` and :meth:`shorten` are scrubbed and printable; that of :meth:`json` is not, since the vendor file needs its ids, names and tokens.

    :param response: the response object of requests.
    :param scrub: a :class:`~.scrub.Scrubber`.
    :param body: its body, if read already; ``None``: take it from ``response``.
    :param private: whether to show nothing of the body.
    """

    def __init__(
        self,
        response: Any,
        scrub: Callable[..., str],
        body: Optional[bytes] = None,
        writing: bool = True,
        private: bool = False,
    ) -> None:
        self._response = response
        self._scrub = scrub
        self._body = response.content if body is None else body
        self._private = private
        self.writing = writing
        self.status: int = response.status_code
        self.headers = response.headers

    def json(self) -> Any:
        """The parsed body.

        :raises PasswordError: ``unexpected_response``, if the body is not JSON.
        """
        try:
            return self._parsed()
        except (ValueError, RecursionError):
            raise self.unexpected("is not JSON") from None

    def json_object(self) -> dict[str, Any]:
        """The parsed body if it is a JSON object, else an empty dict."""
        try:
            body = self._parsed()
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}

    def _parsed(self) -> Any:
        if self._charset() is None:
            try:
                # From bytes: json detects UTF-8, -16 or -32.
                return json.loads(self._body)
            except UnicodeDecodeError:
                pass
        return json.loads(self.text())

    def excerpt(self) -> str:
        """Return the beginning of the body as one line of plain text, without tags and secrets."""
        if self._private:
            return _NOT_SHOWN if self._body else ""
        text = self._scrub(self.text()[:_LOOKED_AT], cut=True)
        text = html.unescape(re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE))
        # Unescaping may have revealed a secret.
        return self.shorten(text)

    def shorten(self, text: str) -> str:
        """Return the beginning of a text from the body, such as its message, as one line without secrets."""
        if self._private:
            return _NOT_SHOWN
        # Cut last, or half a secret could remain.
        text = printable(self._scrub(" ".join(self._scrub(text[:_LOOKED_AT], cut=len(text) > _LOOKED_AT).split())))
        return text if len(text) <= _EXCERPT else text[:_EXCERPT] + " ..."

    def text(self) -> str:
        """Return the body as text, not scrubbed. Without a declared character set it is UTF-8: requests would guess and might garble a secret."""
        charset = self._charset()
        if charset is not None:
            text = self._body.decode(charset, "replace")
        else:
            try:
                text = self._body.decode("utf-8")
            except UnicodeDecodeError:
                text = self._body.decode("latin-1")
        # Undeclared UTF-16 has a NUL between any two letters of a secret.
        return text.replace("\0", "")

    def _charset(self) -> Optional[str]:
        """Return the character set that the answer declares, if it is usable."""
        declared = re.search(
            r"charset\s*=\s*[\"']?([\w.:+-]+)", self.headers.get("Content-Type", ""), re.IGNORECASE | re.ASCII
        )
        if declared is None:
            return None
        try:
            name = codecs.lookup(declared.group(1)).name
            # Some codecs do not decode text, and raise only when used.
            return (
                None
                if name.replace("-", "_") in _NO_CHARSETS or not isinstance(b"text".decode(name, "replace"), str)
                else name
            )
        except (LookupError, UnicodeError, ValueError):
            return None

    def unexpected(self, what: str, maybe_applied: Optional[bool] = None) -> PasswordError:
        """Return an ``unexpected_response`` error for this answer.

        :param what: what is wrong with it, as the end of the sentence "the server's answer ...".
        :param maybe_applied: whether a change may still have been made; ``None``: decide from the request and the status.
        """
        excerpt = self.excerpt()
        message = "The server's answer %s (HTTP %d)" % (what, self.status)
        return PasswordError(
            errors.UNEXPECTED_RESPONSE,
            (message, ": ", Outside(excerpt)) if excerpt else message + ".",
            http_status=self.status,
            maybe_applied=self.writing and may_have_happened(self.status) if maybe_applied is None else maybe_applied,
        )


class Pages:
    """Counts the pages of a list, to stop at a list that never ends."""

    def __init__(self) -> None:
        self._pages = 0

    def count(self, answer: Response, listed: int) -> None:
        """Count a page.

        :param answer: that page.
        :param listed: number of entries read so far.
        :raises PasswordError: ``unexpected_response``: the list is too long to be real.
        """
        self._pages += 1
        if self._pages >= MOST_PAGES or listed > MOST_LISTED:
            raise PasswordError(
                errors.UNEXPECTED_RESPONSE,
                "The server's list of users does not end: after %d pages with %d users the server says that there are more."
                % (self._pages, listed),
                http_status=answer.status,
            )
