# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ages such as ``30d``, and points in time as ISO 8601 in UTC."""

from __future__ import annotations

import datetime
import re

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_age(text: str, option: str) -> int:
    """An age in seconds.

    :param text: a number and one of d, h, m, s: ``30d``, ``12h``, ``90m``, ``45s``.
    :param option: the option that holds it, for the message.
    :raises PasswordError: ``invalid_input``.
    """
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*([dhms])\s*", str(text))
    if not match:
        raise PasswordError(
            errors.INVALID_INPUT, "%s must be a whole number and a unit, such as 30d, 12h, 90m or 45s." % option
        )
    return int(match.group(1)) * _UNITS[match.group(2)]


def utc_now() -> datetime.datetime:
    """The time, to the second, with its zone."""
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def format_utc(moment: datetime.datetime) -> str:
    """A point in time as ISO 8601 in UTC: ``2026-01-31T12:00:00Z``."""
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_utc(text: str) -> datetime.datetime:
    """The point in time that :func:`format_utc` wrote.

    :raises ValueError: the text is not one.
    """
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
