# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same through real Ansible: the role, its workers, and a kill of them all."""

from __future__ import annotations

import json
import pathlib
import types

import pytest

from tests.crash.figures import EVERY, SERIES
from tests.crash.kill_harness import Series, Trial, World, moments, spread
from tests.integration.rotation import ROTATE, Rotation
from tests.store_cases import CASES as STORES
from tests.vendor_cases import CASES

CALLBACKS = pathlib.Path(__file__).parent / "callback_plugins"
# How many calls an answer takes to be read differs from run to run; "failing" is no call but a count.
NOT_CERTAIN = ("recv_into", "failing")
PER_VENDOR = 16 if EVERY else 2
# In a sample one that changes user by user and proves each, and one that changes all at once and proves none.
VENDORS = [case for name, case in CASES.items() if EVERY or name in ("milvus", "rackspace_database")]


class PlaybookWorld(World):
    """A world whose rotations are runs of the role."""

    def __init__(self, ansible, case, folder):
        super().__init__(types.SimpleNamespace(home=lambda: str(folder)), case, STORES["ansible_vault"](ansible.shared))
        self._ansible, self._figures = ansible, folder / "calls.json"
        self.calls = []

    def __enter__(self):
        super().__enter__()
        order = self._order
        self._rotation = Rotation(
            self._ansible, {self.host: self.double}, self.names, rotate_vendor=order["vendor"], rotate_connection=order["connection"],
            rotate_users=order["users"], rotate_store_path=order["store"]["store_path"], rotate_accept_unverified=order["accept_unverified"],
        )  # fmt: skip
        return self

    def run(self, plan=None, force=False):
        environment = {
            "ANSIBLE_CALLBACK_PLUGINS": "%s:%s" % (CALLBACKS, CALLBACKS.parents[1] / "integration" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "record,crash", "REKEY_TEST_CRASH": json.dumps(plan or {"number": 0}), "REKEY_TEST_CALLS": str(self._figures),
        }  # fmt: skip
        running = self._rotation.start(env=environment, extra_vars={"rotate_force": force})
        run = running.wait()
        # Whoever has killed the run was itself the last to die.
        running.kill_group()
        self._await_quiet()
        if run.rc < 0:
            return {"signal": -run.rc}
        results = {"run": dict(run.result(ROTATE).result)}
        if run.rc:
            results["rotation"] = {"failed": True, "msg": run.output}
        self.calls = [(name, None, None) for name, number in json.loads(self._figures.read_text(encoding="utf-8")).items() for _each in range(number)]
        return {"signal": None, "results": results}


@pytest.mark.slow
@pytest.mark.parametrize("case", VENDORS, ids=lambda case: case.vendor)
def test_a_playbook_is_killed(ansible_runner, case, tmp_path, request):
    series = Series(case.vendor, "ansible_vault", "playbook")
    request.config.stash[SERIES].append(series)
    with PlaybookWorld(ansible_runner(), case, tmp_path) as world:
        assert not [result["msg"] for result in world.run()["results"].values() if result.get("failed")]
        plans = moments([call for call in world.calls if call[0] not in NOT_CERTAIN])
    series.moments = len(plans)
    for plan in spread(plans, PER_VENDOR, seed=len(case.vendor)):
        series.trials += 1
        with PlaybookWorld(ansible_runner(), case, tmp_path) as world:
            trial = Trial(world, series, [plan])
            if trial.disturbed(plan):
                trial.finish()
    assert not series.troubles and not series.spared, "\n".join(series.troubles)
