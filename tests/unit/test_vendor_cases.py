# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each vendor's double does what the tests of all vendors take for granted."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from tests.doubles.__main__ import VENDORS
from tests.unit.calls import MODULES, NEW, OLD, run
from tests.vendor_cases import CASES


def modules():
    names = (item.name for item in pkgutil.iter_modules(importlib.import_module(MODULES).__path__))
    return sorted(name for name in names if name.endswith("_user_password"))


def test_there_is_one_for_every_vendor():
    assert sorted(case.vendor + "_user_password" for case in CASES.values()) == modules()
    assert all(name == case.vendor for name, case in CASES.items())


def test_the_documentation_means_one_password_by_one_name():
    passwords = {}
    for case in CASES.values():
        for name, password in case.users.items():
            assert passwords.setdefault(name, password) == password, name


@pytest.mark.parametrize("vendor", CASES)
def test_a_refusal_of_the_policy_is_understood_as_one(vendor):
    case = CASES[vendor]
    with case.double({"alice": OLD}) as double:
        double.inject("answer", **case.change, **case.refusal)
        (user,) = run(case, double, "alice", update_password="always")["users"]
        assert (user["state"], user["error"]["kind"], double.can_log_in("alice", OLD)) == ("failed", "password_rejected", True)


@pytest.mark.parametrize("vendor", CASES)
def test_with_the_options_for_a_reset_the_operator_needs_no_current_password(vendor):
    case = CASES[vendor]
    with case.double({"alice": OLD}, **case.resets) as double:
        result = run(case, double, "alice", entry={"current_password": "not-the-one-in-force-1"}, update_password="always")
        assert not result["failed"] and double.can_log_in("alice", NEW), result


@pytest.mark.parametrize("vendor", CASES)
def test_the_double_is_changed_proves_it_and_can_be_disturbed_where_the_stand_says(vendor):
    case = CASES[vendor]
    with case.double({"alice": OLD, "bob": OLD}) as double:
        assert type(double) in VENDORS.values()
        assert double.can_log_in("alice", OLD) and not double.can_log_in("alice", NEW) and not double.can_log_in("nobody", OLD)
        found = [double.inject("real", times=None, **where) for where in (case.change, case.lookup)]
        assert run(case, double, "alice", "bob", check_mode=True)["changed"] and double.writes == 0
        result = run(case, double, "alice", "bob")
        assert not result["failed"] and [user["state"] for user in result["users"]] == ["changed", "changed"], result
        assert [user["verified"] for user in result["users"]] == [True if case.proves else None] * 2
        assert double.can_log_in("alice", NEW) and not double.can_log_in("alice", OLD)
        assert all(fault.requests for fault in found), "a stand names a request that is not made"
        assert all(request.write for request in found[0].requests) and not any(request.write for request in found[1].requests)
        assert not any(secret in repr(double) + str(double.summary()) + str(result) for secret in (OLD, NEW, *case.secrets))
