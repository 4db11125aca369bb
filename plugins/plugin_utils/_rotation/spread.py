# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many users of a host one run may rotate."""

from __future__ import annotations

import re
from typing import Any, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._arguments import plain


def read(value: Any, users: int) -> Optional[int]:
    """The option ``spread``: a number, or a percentage of the host's users, rounded up; ``None`` if it is empty: no limit.

    :param users: their number.
    :raises PasswordError: ``invalid_input``.
    """
    value = plain(value)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    usable = isinstance(value, (int, str)) and not isinstance(value, bool)
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*(%?)\s*", str(value)) if usable else None
    number = int(match.group(1)) if match else 0
    percent = bool(match and match.group(2))
    if number < 1 or (percent and number > 100):
        raise PasswordError(
            errors.INVALID_INPUT,
            'spread (in the role: rotate_spread) must be a number of users, at least 1, or a percentage from "1%" to "100%". Leave it empty for no limit, '
            "and use hold to skip a user.",
        )
    return -(-users * number // 100) if percent else number
