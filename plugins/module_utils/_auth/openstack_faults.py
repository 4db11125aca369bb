# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error format that the services of OpenStack and Rackspace share."""

from __future__ import annotations

import re
from typing import Any, Optional

from .._json_paths import text_at
from .._refusals import Said, refusal
from ..errors import PasswordError
from ..http import Response


def fault_text(answer: Response) -> Optional[str]:
    """Return the text of an error as the service sent it, which may contain a secret. ``None`` if it has none."""
    return _read(answer)[0]


def said(answer: Response) -> Said:
    """Return what the body of an error says."""
    text, code = _read(answer)
    # Their texts contain HTML line breaks. Remove them after scrubbing, since one could split a secret.
    text = None if text is None else re.sub("<br */?>", " ", answer.shorten(text))
    return Said(text, code, answer.headers.get("X-Openstack-Request-Id") or answer.headers.get("X-Compute-Request-Id"))


def fault(answer: Response, kind: str, message: str, maybe_applied: bool = False) -> PasswordError:
    """Make an error from an answer whose meaning is definite.

    :param message: what is wrong, as sentences; the service's own text is added.
    """
    return refusal(answer, said(answer), meaning=(kind, message), certain=not maybe_applied, speaker="service")


def _read(answer: Response) -> tuple[Optional[str], Any]:
    """Return the text and the code of an error, which has three shapes, besides HTML.

    ``{name: {code, message}}``, ``{"error": {...}}``, and flat ``{message, code: "403 Forbidden", title}``.
    """
    body = answer.json_object()
    inner = (
        body if text_at(body, "message") else next((value for value in body.values() if isinstance(value, dict)), {})
    )
    text = text_at(inner, "message") or text_at(inner, "title")
    return text, inner.get("code") if text else None
