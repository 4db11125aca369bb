# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the bodies of answers, which may contain anything."""

from __future__ import annotations

from typing import Any

from .errors import encodable


def text_at(body: Any, *path: str) -> str | None:
    """Return a string within nested dicts, or ``None`` if it is missing.

    A lone surrogate is replaced: JSON can contain one, but nothing else can encode it.
    """
    found = _at(body, path)
    return encodable(found) if isinstance(found, str) and found else None


def dicts_at(body: Any, *path: str) -> list[dict[str, Any]]:
    """Return the dicts of a list within nested dicts; empty if it is missing."""
    found = _at(body, path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _at(body: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body
