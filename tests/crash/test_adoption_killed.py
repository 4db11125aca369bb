# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An adoption is killed at its writes and network calls: nothing was changed, no wrong password is in a record, and the next run adopts."""

from __future__ import annotations

import itertools

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT

from tests.crash.figures import share
from tests.crash.kill_harness import World, failures_of, moments, spread, stores_per_trial

ADOPT = {"adopt": True}


def adopt(world, plan=None):
    return world.run(plan, options=ADOPT)


def is_held_back(world, ended):
    """A login that was counted and perhaps not made is all that the vendor's budget allows; time helps."""
    kinds = set(failures_of(ended))
    assert kinds <= {errors.LOGIN_BUDGET_SPENT}, kinds
    if kinds:
        world.pass_time(world.case.capabilities.lockout_window + 1)
    return bool(kinds)


def look(world):
    """Nothing was changed, nobody is locked out, and no record holds anything else than the password in use."""
    assert not world.double.writes and not getattr(world.double, "lockouts", None) and not world.double.failed_logins
    for name, record in world.records().items():
        assert world.takes(name, world.first[name])
        assert record is None or record.secrets in ([], [world.first[name]]), name


def test_an_adoption_is_killed(fork_server, case, store, tmp_path):
    numbers = itertools.count(1)

    def world():
        number = next(numbers)
        (tmp_path / str(number)).mkdir()
        return World(fork_server, case, shared or store(tmp_path / str(number)), "host-%d" % number, with_operator=False)

    shared = None if stores_per_trial(store) else store(tmp_path).__enter__()
    try:
        if shared:
            # The first host of all makes folders that the others find.
            with world() as first:
                adopt(first)
        with world() as undisturbed:
            ended = adopt(undisturbed)
            assert not failures_of(ended) and {user["action"] for user in ended["results"]["run"]["users"]} == {"adopted"}, ended
            look(undisturbed)
        for plan in spread(moments([tuple(call) for call in ended["calls"]]), share(110)):
            with world() as one:
                adopt(one, plan)
                look(one)
                if is_held_back(one, ended := adopt(one)):
                    ended = adopt(one)
                assert not failures_of(ended), (plan, ended)
                look(one)
                for name, record in one.records().items():
                    assert (record.password, record.status, record.verified) == (one.first[name], CURRENT, case.proves), plan
                third = adopt(one)["results"]["run"]
                assert third["changed"] is False and not third.get("failed"), (plan, third)
    finally:
        if shared:
            shared.__exit__(None, None, None)
