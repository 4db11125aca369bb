# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that are not due are tried where a failed login costs nothing."""

from __future__ import annotations

import datetime
import types

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import recheck as recheck_module
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record

NOW = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
HOUR = 3600


class Way:
    """The way to users of whom some have another password than the store."""

    def __init__(self, budget=None, verdicts=None, error=None):
        self.capabilities = types.SimpleNamespace(failed_logins_per_call=budget)
        self.verdicts, self.error, self.asked = verdicts or {}, error, []

    def probe(self, store, users):
        self.asked += [(user["name"], user["password"]) for user in users]
        if self.error:
            raise self.error
        return {user["name"]: UserResult(user["name"], None, State.UNCHANGED, self.verdicts.get(user["name"], True)) for user in users}


def store_of(**records):
    return types.SimpleNamespace(get=lambda names: {name: types.SimpleNamespace(record=records.get(name)) for name in names})


def record(name, hours, **fields):
    return Record(username=name, password="S3cr3t-MARKER-" + name, rotated_at=format_utc(NOW - datetime.timedelta(hours=hours)), status="current", **fields)


def recheck(way, *names, **records):
    result = {"changed": False, "users": [], "summary": ["%s: not due, rotated then" % name for name in names]}
    recheck_module.recheck(way, store_of(**records), names, after=12 * HOUR, now=NOW, result=result)
    return result


def test_edge_60_who_does_not_log_in_fails_and_is_named():
    way = Way(verdicts={"bob": False})
    result = recheck(way, "alice", "bob", alice=record("alice", 13), bob=record("bob", 12))
    assert [name for name, _password in way.asked] == ["alice", "bob"]
    assert result["failed"] and result["msg"] == "1 passwords that are not due do not log in: bob"
    assert result["summary"][0] == "alice: not due, rotated then; logs in"
    assert "bob: not due, rotated then; DOES NOT LOG IN" in result["summary"][1] and "repair" in result["summary"][1]
    assert [(user["name"], user["reason"], user["error"]["kind"]) for user in result["users"]] == [("bob", "verify", errors.CURRENT_PASSWORD_WRONG)]
    assert "S3cr3t-MARKER" not in str(result)


@pytest.mark.parametrize("budget, found", [(2, record("alice", 99)), (None, record("alice", 11)), (None, None), (None, Record(username="alice"))])
def test_edge_60_no_login_where_it_may_lock_or_is_not_needed(budget, found):
    way = Way(budget=budget, verdicts={"alice": False})
    result = recheck(way, "alice", alice=found)
    assert not way.asked and not result.get("failed") and result["summary"] == ["alice: not due, rotated then"]


def test_edge_60_a_server_out_of_reach_fails_nobody_and_is_mentioned():
    result = recheck(Way(error=PasswordError(errors.CONNECTION_FAILED, "no answer")), "alice", alice=record("alice", 99))
    assert not result.get("failed") and result["summary"][-1] == "1 passwords could not be verified: no answer (connection_failed)"


def test_edge_60_where_no_login_can_tell_nothing_is_said():
    result = recheck(Way(verdicts={"alice": None}), "alice", alice=record("alice", 99))
    assert not result.get("failed") and result["summary"] == ["alice: not due, rotated then"]


def test_edge_60_nobody_is_asked_about_nobody():
    assert recheck(Way()) == {"changed": False, "users": [], "summary": []}
