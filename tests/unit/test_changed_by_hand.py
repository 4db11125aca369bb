# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A password that was changed by hand, at the double of each vendor with an operator that may set passwords."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.action import rotation_run

from tests.integration.rotation import old_password
from tests.store_cases import CASES as STORES
from tests.store_cases import VAULT_PASSWORD
from tests.unit.plugins.rotation_doubles import loader, run_action
from tests.vendor_cases import CASES

BY_HAND = "By-Hand-S3cr3t-MARKER-1"


@pytest.fixture(name="world", params=CASES)
def _world(request, tmp_path):
    """A vendor whose user alice was rotated, and then given another password by somebody."""
    case = CASES[request.param]
    with case.double({"alice": old_password("alice")}, **case.resets, **case.locks) as double, STORES["ansible_vault"](tmp_path) as store:

        def rotate(**args):
            given = {"vendor": case.vendor, "connection": case.connection(double), "users": [{"name": "alice", "current_password": old_password("alice")}]}
            given.update(store.options, accept_unverified=not case.proves, **args)
            return run_action(rotation_run.ActionModule, given, host="host-1", vault=loader(VAULT_PASSWORD))

        assert "failed" not in rotate()
        double.set_user("alice", BY_HAND)
        yield case, double, rotate, lambda: store.open().get(["alice"])["alice"].record
        assert not getattr(double, "lockouts", None)


def test_an_operator_that_must_know_the_current_password_leaves_the_record_as_it_was(tmp_path):
    """In Milvus one that is not in superUsers: the record does not end as orphaned, and the old password works again if somebody sets it."""
    case = CASES["milvus"]
    with case.double({"alice": old_password("alice")}) as double, STORES["ansible_vault"](tmp_path) as store:
        users = [{"name": "alice", "current_password": old_password("alice")}]
        given = {"vendor": case.vendor, "connection": case.connection(double), "users": users, "reconcile": True, "verify_after": "0s", **store.options}

        def rotate():
            return run_action(rotation_run.ActionModule, given, host="host-1", vault=loader(VAULT_PASSWORD))

        assert "failed" not in rotate()
        made = store.open().get(["alice"])["alice"].record.password
        double.set_user("alice", BY_HAND)
        for _night in range(4):
            result = rotate()
            assert result["failed"] and result["users"][0]["error"]["kind"] == "current_password_wrong", result
            record = store.open().get(["alice"])["alice"].record
            assert (record.status, record.password, record.pending) == ("current", made, None) and double.can_log_in("alice", BY_HAND)
        double.set_user("alice", made)
        assert "failed" not in rotate()


def test_a_user_that_is_due_gets_a_new_one_whatever_was_in_force(world):
    _case, double, rotate, record = world
    result = rotate(force=True)
    assert "failed" not in result and double.can_log_in("alice", record().password) and not double.can_log_in("alice", BY_HAND), result


def test_a_user_that_is_not_due_gets_one_where_a_login_costs_nothing(world):
    case, double, rotate, record = world
    before, found = record().password, case.proves and case.capabilities.failed_logins_per_call is None
    result = rotate(reconcile=True, verify_after="0s")
    assert "failed" not in result, result
    assert [user["reason"] for user in result["users"]] == (["reconcile"] if found else [])
    assert double.can_log_in("alice", record().password) is found and (record().password != before) is found
