# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole playbooks: accounts that are taken over as they are, users on hold, each user's own options, windows, limits, and passwords changed by hand."""

from __future__ import annotations

import datetime

import pytest

from tests.doubles.milvus import MilvusDouble
from tests.integration.rotation import STEP_BY_STEP, Rotation, changed, old_password

STATUS = "rekey.passwords.status"
USERS = ("alice", "bob", "carol", "dave")
BY_HAND = "By-Hand-S3cr3t-MARKER"


@pytest.fixture(name="double")
def _double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}, super_users=("root",)) as running:
        yield running


@pytest.fixture(name="rotation")
def _rotation(ansible, double):
    made = Rotation(ansible, {"db-1": double}, USERS)
    yield made
    assert not ansible.leaks(made.secrets() | {BY_HAND})


def users(**own):
    """The users of the inventory, with options of their own."""
    return [dict({"name": name, "current_password": old_password(name)}, **own.get(name, {})) for name in USERS]


@pytest.mark.parametrize("variables", [{}, STEP_BY_STEP], ids=["in one task", "step by step"])
def test_accounts_are_taken_over_as_they_are(rotation, double, variables):
    held = {"hold": True, "hold_reason": "CHG-0815: it moves"}
    own = {"alice": {"policy": {"preset": "alphanumeric", "length": 40}, "adopt": False}, "bob": held, "carol": {"max_age": "7d"}}
    rotation.variables.update(variables, rotate_users=users(**own), rotate_adopt=True, rotate_adopt_spread=True)
    run = rotation.run()
    assert run.rc == 0 and changed(run)["db-1"] >= 1, run.output
    for line in ("alice (new): rotated, verified by a login", "bob: on hold: CHG-0815: it moves", "carol (adopt): adopted as it is, verified by a login"):
        assert line in run.output
    records = rotation.records()
    assert sorted(records) == ["alice", "carol", "dave"] and [records[name]["password"] for name in ("carol", "dave")] == list(map(old_password, USERS[2:]))
    assert double.users["alice"] == records["alice"]["password"] and len(double.users["alice"]) == 40 and double.users["alice"].isalnum()
    assert [double.users[name] for name in USERS[1:]] == list(map(old_password, USERS[1:]))
    writes = double.writes
    run = rotation.run()
    assert run.rc == 0 and not changed(run)["db-1"] and double.writes == writes and rotation.records() == records, run.output
    shown = rotation.run(STATUS, extra_vars={"rotate_status_fail_on": ["orphaned", "overdue"]})
    assert shown.rc == 0 and "bob: absent; on hold: CHG-0815: it moves" in shown.output and "carol: current; adopted as it was" in shown.output, shown.output


def test_a_password_that_does_not_log_in_is_not_adopted(rotation, double):
    rotation.variables.update(rotate_users=[*users(alice={"current_password": BY_HAND})[:2], "carol"], rotate_adopt=True)
    run = rotation.run()
    assert run.rc == 2 and "alice (adopt): NOT adopted: The current_password of alice does not log in" in run.output, run.output
    assert "carol (adopt): NOT adopted: current_password is missing for carol" in run.output and not double.writes
    assert list(rotation.records()) == ["bob"] and run.artifacts["rekey_failed"] == ["db-1: alice", "db-1: carol"] and run.artifacts["rekey_rotated"] == 0


@pytest.mark.parametrize("variables", [{}, STEP_BY_STEP], ids=["in one task", "step by step"])
def test_outside_of_the_window_and_beyond_the_limit_users_wait(rotation, double, variables):
    in_three_days = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)).strftime("%a").lower()
    window = {"days": [in_three_days], "from": "22:00", "to": "04:00", "timezone": "Europe/Berlin"}
    rotation.variables.update(variables, rotate_window=window, rotate_spread="50%")
    run = rotation.run(extra_vars={"rotate_force": True})
    assert run.rc == 0 and "alice: due (new), waits until 20" in run.output and not double.requests and not rotation.records(), run.output
    # An incident does not wait; nor does it when the limit is the same as ever.
    run = rotation.run(extra_vars={"rotate_window": []})
    assert run.rc == 0 and "carol: due (new), waits for a later run: spread (in the role: rotate_spread) limits each run to 2" in run.output, run.output
    assert sorted(rotation.records()) == ["alice", "bob"]
    run = rotation.run(extra_vars={"rotate_window": "", "rotate_spread": ""})
    assert run.rc == 0 and sorted(rotation.records()) == sorted(USERS), run.output


def test_a_password_that_was_changed_by_hand_is_replaced_if_that_is_asked_for(rotation, double):
    assert rotation.run().rc == 0
    double.set_user("bob", BY_HAND)
    rotation.variables["rotate_verify_after"] = "0s"
    assert rotation.run().rc == 2 and double.users["bob"] == BY_HAND
    run = rotation.run(extra_vars={"rotate_reconcile": True})
    assert run.rc == 0 and "does not log in; reconcile: reset, verified by a login" in run.output, run.output
    assert double.users["bob"] == rotation.records()["bob"]["password"] and run.artifacts["rekey_rotated"] == 1


@pytest.mark.parametrize(
    "variables, message",
    [
        ({"rotate_window": {"from": 1320}}, "window (in the role: rotate_window): from must be a time"),
        ({"rotate_window": "{{ nights }}"}, "the variable nights is not defined"),
        ({"rotate_spread": "-1"}, "spread (in the role: rotate_spread) must be a number of users"),
        ({"rotate_users": [{"name": "alice", "max_age": "soon"}]}, "users: max_age of alice must be a whole number and a unit"),
        ({"rotate_policy": {"preset": "simple"}}, "policy: preset must be one of url_safe, alphanumeric."),
    ],
    ids=["time", "template", "limit", "user", "preset"],
)
@pytest.mark.slow
def test_what_is_wrong_is_said_before_anything_is_done(rotation, double, variables, message):
    rotation.variables.update(variables)
    run = rotation.run()
    assert run.rc == 2 and message in run.output, run.output
    assert not double.requests and not rotation.records()
