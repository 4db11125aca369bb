# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When to try again, in words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Optional


def retry_after(failed_at: Optional[datetime], window: float, now: Optional[datetime] = None) -> str:
    """Return ``Retry after 22:31Z.``, with the date if that is not today.

    :param failed_at: when the last login failed; ``None`` for just now.
    :param window: the lock-out window in seconds.
    :param now: the time; by default, the clock's.
    """
    now = now or datetime.now(timezone.utc)
    # Round up to the next full minute, so as not to be too early.
    end = (min(failed_at or now, now) + timedelta(seconds=window + 59)).astimezone(timezone.utc)
    return "Retry after %s." % end.strftime(
        "%H:%MZ" if end.date() == now.astimezone(timezone.utc).date() else "%Y-%m-%d %H:%MZ"
    )
