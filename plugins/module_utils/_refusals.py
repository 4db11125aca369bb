# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The meaning of unexpected answers, for every vendor and every token service.

A vendor contributes only what is its own: how to read its error bodies (:class:`Said`), and what a status means there (:data:`Rows`). Whether a change may
still have been made is decided here, once: after a server time-out, a server error, a redirect, or a success other than the documented one, it may. Only a
plain refusal (4xx) proves that nothing happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from . import errors
from .errors import Outside, PasswordError
from .http import Response, may_have_happened

# The meaning of an answer: the kind of error, and what is wrong in one or more sentences.
Meaning = Tuple[str, str]
# Meanings by HTTP status.
Rows = Mapping[int, Meaning]

DEFAULTS: Rows = {
    408: (errors.TIMED_OUT, "The server timed out."),
    413: (errors.RATE_LIMITED, "The server is rate-limiting requests."),
    429: (errors.RATE_LIMITED, "The server is rate-limiting requests."),
}
_FAILED: Meaning = (errors.VENDOR_UNAVAILABLE, "The server failed.")


@dataclass(frozen=True)
class Said:
    """What the body of an answer says about an error.

    :param text: as sent; ``None`` if the body has none in the vendor's format, in which case the beginning of the body is quoted.
    :param code: the vendor's own code.
    :param request_id: the request ID that the vendor's support asks for.
    """

    text: Optional[str] = None
    code: Any = None
    request_id: Optional[str] = None


def meaning_of(status: int, rows: Optional[Rows] = None) -> Meaning:
    """Return the meaning of a status, from the vendor's own rows or the shared ones."""
    for table in (rows or {}, DEFAULTS):
        if status in table:
            return table[status]
    return _FAILED if status >= 500 else (errors.UNEXPECTED_RESPONSE, "Unexpected HTTP status %d." % status)


def refusal(
    answer: Response,
    said: Said,
    rows: Optional[Rows] = None,
    meaning: Optional[Meaning] = None,
    certain: bool = False,
    writing: Optional[bool] = None,
    speaker: str = "server",
) -> PasswordError:
    """Make an error from an answer.

    :param answer: the answer, which is not the expected one.
    :param said: what its body says.
    :param rows: what a status means at this vendor.
    :param meaning: what this answer means, if its body says more than the status.
    :param certain: whether ``meaning`` proves that nothing was changed, whatever the status.
    :param writing: whether the request may have changed something; ``None``: as noted in the answer.
    :param speaker: who is quoted.
    """
    kind, message = meaning or meaning_of(answer.status, rows)
    text = answer.excerpt() if said.text is None else answer.shorten(said.text)
    writing = answer.writing if writing is None else writing
    maybe_applied = writing and not certain and may_have_happened(answer.status)
    return PasswordError(
        kind, quoting(message, text, speaker), answer.status, said.code, said.request_id, maybe_applied
    )


def quoting(message: str, text: Optional[str], speaker: str = "server") -> errors.Message:
    """Return a message, followed by a quotation of the vendor's own text."""
    return (message, " The %s said: " % speaker, Outside(text)) if text else message
