# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says when users whose failed logins are at the vendor's limit can be tried again."""

from __future__ import annotations

import datetime
from typing import Any, Dict, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._change import RUN_LATER_MESSAGE
from ansible_collections.rekey.passwords.plugins.module_utils._moments import retry_after
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_LOGIN, Capabilities

from .._times import parse_utc
from ..store import Store


def add_times(result: Dict[str, Any], store: Store, capabilities: Capabilities, now: datetime.datetime) -> None:
    """Put the time into the messages of a result, where the vendor forgets failed logins by itself.

    :param result: with ``users``, and perhaps ``summary`` and ``msg``.
    :param store: whose records say when the last login failed.
    :raises PasswordError: ``store_failed``.
    """
    # Some tasks return names.
    users = [user for user in result.get("users") or [] if isinstance(user, dict)]
    spent = [user for user in users if (user.get("error") or {}).get("kind") == errors.LOGIN_BUDGET_SPENT]
    spent = [user for user in spent if RUN_LATER_MESSAGE in user["error"]["message"]]
    if not spent:
        return
    if capabilities.forgets == FORGETS_BY_LOGIN:
        return
    entries = store.get([user["name"] for user in spent])
    for user in spent:
        before = user["error"]["message"]
        after = before.replace(
            RUN_LATER_MESSAGE,
            "%s %s"
            % (
                RUN_LATER_MESSAGE,
                retry_after(_failed_at(entries[user["name"]].record), capabilities.lockout_window, now),
            ),
        )
        user["error"] = dict(user["error"], message=after)
        if result.get("summary"):
            result["summary"] = [line.replace(before, after) for line in result["summary"]]
        if result.get("msg"):
            result["msg"] = result["msg"].replace(before, after)


def _failed_at(record: Any) -> Optional[datetime.datetime]:
    return parse_utc(record.failed_at) if record is not None and record.failed_at else None
