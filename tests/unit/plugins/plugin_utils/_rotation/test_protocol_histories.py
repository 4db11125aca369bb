# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing is ever lost: thousands of random histories of rotations against a model of a vendor.

Runs stage, change and commit in any order, several at once, are killed at any moment, and the vendor answers as it likes. After every
step the password that is in force stands in the store, and as long as nobody interferes it is not merely the previous one.
"""

from __future__ import annotations

import datetime
import random

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils._results import UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import protocol
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.policy import policy_for

from tests.unit.plugins.rotation_doubles import MemoryStore, capabilities
from tests.unit.products import thinned

POLICY = policy_for(capabilities())
FIRST = "S3cr3t-MARKER-adopted"
HISTORIES = 300
QUICK = 60  # those of `make check`
STEPS = 40


class Model:
    """A vendor with one user, and what it may do with a change."""

    def __init__(self, chance):
        self.chance = chance
        self.in_force = FIRST
        self.used = {FIRST}

    def _set(self, password):
        self.in_force = password
        self.used.add(password)

    def change(self, password, current, always):
        """What the vendor's module would tell; the change may happen or not."""
        if not always and password == self.in_force:
            return self._told("unchanged", True)
        outcome = self.chance.choice(["done", "done", "done", "rejected", "lost answer", "lost request", "not verified", "unprovable", "sent twice", "killed"])
        if outcome == "rejected":
            return self._told("failed", None, "password_rejected")
        if outcome == "lost request":
            return self._told("unknown", None, "outcome_unknown")
        if current != self.in_force:
            return self._told("failed", None, "current_password_wrong")
        if password in self.used:
            return self._told("failed", None, "password_reused")
        self._set(password)
        return {
            "done": self._told("changed", True),
            "lost answer": self._told("unknown", None, "outcome_unknown"),
            "not verified": self._told("failed", False, "not_verified"),
            "unprovable": self._told("changed", None),
            "sent twice": self._told("failed", None, "password_reused"),
            "killed": None,
        }[outcome]

    @staticmethod
    def _told(state, verified, kind=None):
        return {"name": "alice", "state": state, "verified": verified, "error": kind and PasswordError(kind, "Refused.").as_dict()}


class Run:
    """One run of the rotation, step by step."""

    def __init__(self, store, model, name, now, chance):
        self.store, self.model, self.name, self.now, self.chance = store, model, name, now, chance
        self.staged = self.results = None
        self.over = False

    def step(self):
        """The next step, or death."""
        if self.chance.random() < 0.15:
            self.over = True
        elif self.staged is None:
            users = [{"name": "alice", "current_password": self.chance.choice([FIRST, FIRST, None])}] if not self.store.data else [{"name": "alice"}]
            self.staged = protocol.stage(self.store, users, POLICY, max_age=86400, force=self.chance.random() < 0.5, run_id=self.name, now=self.now)
            self.over = not self.staged[0].due
        elif self.results is None:
            self._change()
        else:
            protocol.commit(self.store, self.staged, self.results, now=self.now, accept_unverified=self.chance.random() < 0.3)
            self.over = True

    def _change(self):
        record, staged = self.store.record("alice"), self.staged[0]
        self.results = []
        if record.pending is None or record.pending.run_id != staged.run_id:
            return
        told = self.model.change(record.pending.password, record.known_password, staged.fresh and record.pending.attempts == 1)
        if told is None:
            self.over = True
        elif self.chance.random() < 0.9:  # sometimes the results do not arrive
            self.results = [UserResult.from_dict(told)]


@pytest.mark.parametrize("seeds", thinned([range(QUICK), range(QUICK, HISTORIES)], 1), ids=["first", "rest"])
@pytest.mark.parametrize("at_once", [1, 3])
def test_the_password_in_force_is_always_in_the_store(at_once, seeds):
    promoted = 0
    for seed in seeds:
        chance = random.Random(seed)
        store, model, runs = MemoryStore(), Model(chance), []
        now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        for step in range(STEPS):
            runs = [run for run in runs if not run.over]
            if len(runs) < at_once:
                now += datetime.timedelta(hours=chance.choice([1, 20, 100, -5]))
                runs.append(Run(store, model, "run-%d" % step, now, chance))
            if chance.random() < 0.2 and len(runs) > 1 and runs[0].staged:
                # Two of them at the very same moment: one writes between the other's reading and writing.
                store.before_put = [runs[0].step]
                runs[1].step()
                store.before_put = []
            else:
                chance.choice(runs).step()
            assert _is_known(store, model), "seed %d, step %d: %s is lost; %s" % (seed, step, model.in_force, store.data)
        record = store.record("alice")
        promoted += bool(record and record.previous)
    # The histories are not all failures.
    assert promoted > len(seeds) / 2


def _is_known(store, model):
    record = store.record("alice")
    if model.in_force == FIRST and (record is None or record.password is None):
        # Not rotated yet: the user still knows it, and the inventory tells it.
        return True
    known = [record.password, record.pending and record.pending.password, record.pending and record.pending.replaces]
    return model.in_force in known
