# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each vendor's double does what the tests of all vendors take for granted."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from tests.simulators.__main__ import VENDORS
from tests.stands import STANDS
from tests.unit.calls import MODULES, NEW, OLD, run


def modules():
    names = (item.name for item in pkgutil.iter_modules(importlib.import_module(MODULES).__path__))
    return sorted(name for name in names if name.endswith("_user_password"))


def test_there_is_one_for_every_vendor():
    assert sorted(stand.vendor + "_user_password" for stand in STANDS.values()) == modules()
    assert all(name == stand.vendor for name, stand in STANDS.items())


def test_the_documentation_means_one_password_by_one_name():
    passwords = {}
    for stand in STANDS.values():
        for name, password in stand.users.items():
            assert passwords.setdefault(name, password) == password, name


@pytest.mark.parametrize("vendor", STANDS)
def test_a_refusal_of_the_policy_is_understood_as_one(vendor):
    stand = STANDS[vendor]
    with stand.double({"alice": OLD}) as double:
        double.inject("answer", **stand.change, **stand.refusal)
        (user,) = run(stand, double, "alice", update_password="always")["users"]
        assert (user["state"], user["error"]["kind"], double.can_log_in("alice", OLD)) == ("failed", "password_rejected", True)


@pytest.mark.parametrize("vendor", STANDS)
def test_with_the_options_for_a_reset_the_operator_needs_no_current_password(vendor):
    stand = STANDS[vendor]
    with stand.double({"alice": OLD}, **stand.resets) as double:
        result = run(stand, double, "alice", entry={"current_password": "not-the-one-in-force-1"}, update_password="always")
        assert not result["failed"] and double.can_log_in("alice", NEW), result


@pytest.mark.parametrize("vendor", STANDS)
def test_the_double_is_changed_proves_it_and_can_be_disturbed_where_the_stand_says(vendor):
    stand = STANDS[vendor]
    with stand.double({"alice": OLD, "bob": OLD}) as double:
        assert type(double) in VENDORS.values()
        assert double.can_log_in("alice", OLD) and not double.can_log_in("alice", NEW) and not double.can_log_in("nobody", OLD)
        found = [double.inject("real", times=None, **where) for where in (stand.change, stand.lookup)]
        assert run(stand, double, "alice", "bob", check_mode=True)["changed"] and double.writes == 0
        result = run(stand, double, "alice", "bob")
        assert not result["failed"] and [user["state"] for user in result["users"]] == ["changed", "changed"], result
        assert [user["verified"] for user in result["users"]] == [True if stand.proves else None] * 2
        assert double.can_log_in("alice", NEW) and not double.can_log_in("alice", OLD)
        assert all(fault.requests for fault in found), "a stand names a request that is not made"
        assert all(request.write for request in found[0].requests) and not any(request.write for request in found[1].requests)
        assert not any(secret in repr(double) + str(double.summary()) + str(result) for secret in (OLD, NEW, *stand.secrets))
