# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words that results, records and messages are made of."""

from __future__ import annotations

from enum import Enum


class TextEnum(str, Enum):
    """An enumeration whose members are their texts, in a message, too."""

    # A method, since pylint takes an assignment for a member, and a class with members cannot be extended.
    def __str__(self) -> str:
        return str.__str__(self)
