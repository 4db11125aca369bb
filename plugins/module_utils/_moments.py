# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When to try again, in words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Optional


def retry_after(failed_at: Optional[datetime], window: float, now: Optional[datetime] = None) -> str:
    """``Retry after 22:31Z.``, with the date if that is not today.

    :param failed_at: when the last login failed; ``None`` for just now.
    :param window: seconds after which the vendor has forgotten it.
    :param now: default: the clock.
    """
    now = now or datetime.now(timezone.utc)
    # The next full minute: one that has begun may be too early.
    end = (min(failed_at or now, now) + timedelta(seconds=window + 59)).astimezone(timezone.utc)
    return "Retry after %s." % end.strftime(
        "%H:%MZ" if end.date() == now.astimezone(timezone.utc).date() else "%Y-%m-%d %H:%MZ"
    )
