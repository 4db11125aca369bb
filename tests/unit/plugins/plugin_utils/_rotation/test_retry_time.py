# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user whose failed logins stand at the limit is told when to try again."""

from __future__ import annotations

import datetime
import types

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._change import BUDGET_SPENT_MESSAGE, SPENT_ADVICE
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_LOGIN, FORGETS_BY_TIME
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import retry_time
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record

NOW = datetime.datetime(2026, 1, 31, 22, 20, tzinfo=datetime.timezone.utc)


def outcome(forgets=FORGETS_BY_TIME, failed_at="2026-01-31T22:16:00Z", kind=errors.LOGIN_BUDGET_SPENT):
    message = BUDGET_SPENT_MESSAGE % ("alice", "2 recent failed logins", SPENT_ADVICE[forgets])
    record = Record(username="alice", failed_logins=2, failed_at=failed_at)
    store = types.SimpleNamespace(get=lambda names: {name: types.SimpleNamespace(record=record) for name in names})
    result = {
        "users": [{"name": "alice", "error": {"kind": kind, "message": message}}, {"name": "bob", "error": None}],
        "summary": ["alice (unfinished): NOT rotated: %s (%s)" % (message, kind)], "msg": "the first is alice: %s" % message,
    }  # fmt: skip
    retry_time.add_times(result, store, types.SimpleNamespace(forgets=forgets, lockout_window=900.0), NOW)
    return result


def test_edge_64_the_time_stands_in_the_message_the_summary_and_the_end():
    result = outcome()
    for text in (result["users"][0]["error"]["message"], result["summary"][0], result["msg"]):
        assert text.count("Retry after 22:31Z.") == 1, text


@pytest.mark.parametrize("options", [{"forgets": FORGETS_BY_LOGIN}, {"kind": errors.ACCOUNT_LOCKED}])
def test_edge_64_no_time_where_none_is_known(options):
    assert "Retry after" not in str(outcome(**options))


def test_edge_64_a_failure_of_which_nobody_has_noted_the_time_is_one_of_now():
    assert "Retry after 22:35Z." in outcome(failed_at=None)["msg"]
