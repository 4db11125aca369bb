# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adoption at the double of each vendor, and in each store that needs no server or program of its own."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.action import rotation_run

from tests.integration.rotation import old_password
from tests.store_cases import CASES as STORES
from tests.store_cases import VAULT_PASSWORD
from tests.unit.plugins.rotation_doubles import loader, run_action
from tests.vendor_cases import CASES

HERE = [name for name, case in STORES.items() if not case.real]
WRONG = "S3cr3t-MARKER-wrong-1A"


def adopt(case, double, store, passwords, **args):
    """The result of a run that adopts."""
    users = [{"name": name, "current_password": password} for name, password in passwords.items()]
    given = dict({"vendor": case.vendor, "connection": case.connection(double), "users": users, "adopt": True, "store": store.name}, **store.options)
    return run_action(rotation_run.ActionModule, dict(given, **args), host="host-1", vault=loader(VAULT_PASSWORD))


@pytest.mark.parametrize("vendor, name", [*((vendor, HERE[0]) for vendor in CASES), *(("milvus", name) for name in HERE[1:])])
def test_a_password_in_use_is_taken_over_as_it_is(vendor, name, tmp_path):
    case, first = CASES[vendor], {user: old_password(user) for user in ("alice", "bob")}
    with case.double(first, **case.locks) as double, STORES[name](tmp_path) as store:
        options = {"accept_unverified": not case.proves}
        result = adopt(case, double, store, first, **options)
        assert result["changed"] and "failed" not in result and [user["action"] for user in result["users"]] == ["adopted"] * 2, result
        assert not double.writes and all(double.can_log_in(user, password) for user, password in first.items())
        records = store.open().get(first)
        assert {user: entry.record.password for user, entry in records.items()} == first
        assert all(entry.record.verified is case.proves and entry.record.adopted_at for entry in records.values())
        assert store.shown("alice")[1] == first["alice"]
        again = adopt(case, double, store, first, **options)
        assert again["changed"] is False and "failed" not in again and not double.failed_logins, again
        assert not any(password in str(result) + str(again) for password in first.values())


@pytest.mark.parametrize("vendor", [vendor for vendor, case in CASES.items() if case.operator])
def test_an_operator_that_is_one_of_the_users(vendor, tmp_path):
    """Its own password is adopted as well; from then on the store's is used, so that a later rotation of the operator works without the inventory."""
    case, first = CASES[vendor], {"alice": old_password("alice")}
    with case.double(first, **case.locks) as double, STORES[HERE[0]](tmp_path) as store:
        connection = case.connection(double)
        first[case.operator] = next(value for name, value in connection.items() if name.endswith("password"))
        result = adopt(case, double, store, first)
        assert "failed" not in result and [user["action"] for user in result["users"]] == ["adopted"] * 2, result
        assert not double.writes and store.open().get(first)[case.operator].record.password == first[case.operator]
        result = adopt(case, double, store, {name: "S3cr3t-MARKER-stale-1A" for name in first}, adopt=False, force=True)
        assert "failed" not in result and [user["action"] for user in result["users"]] == ["promoted"] * 2, result
        assert all(double.can_log_in(name, store.open().get([name])[name].record.password) for name in first) and not double.failed_logins


@pytest.mark.parametrize("vendor", CASES)
def test_a_wrong_password_is_tried_within_the_budget_and_nothing_is_changed(vendor, tmp_path):
    case = CASES[vendor]
    with case.double({"alice": old_password("alice")}, **case.locks) as double, STORES[HERE[0]](tmp_path) as store:
        kinds = [adopt(case, double, store, {"alice": WRONG})["users"][0]["error"]["kind"] for _run in range(4)]
        assert kinds[0] == ("current_password_wrong" if case.proves else "not_verified") and not double.writes
        if case.locks_after:
            assert kinds[-1] == "login_budget_spent" and double.failed_logins["alice"] < case.locks_after
        assert not getattr(double, "lockouts", None) and double.can_log_in("alice", old_password("alice"))
        record = store.open().get(["alice"])["alice"].record
        assert record is None or record.password is None
