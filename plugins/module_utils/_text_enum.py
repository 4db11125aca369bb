# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the enumerations in results, records and messages."""

from __future__ import annotations

from enum import Enum


class TextEnum(str, Enum):
    """An enumeration whose members format as their values."""

    # A method: pylint takes an assignment for a member, and an enumeration with members cannot be extended.
    def __str__(self) -> str:
        return str.__str__(self)
