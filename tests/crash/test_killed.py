# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation is killed at every write and every network call; nothing is lost, and the next run finishes it with the same passwords."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash import sabotage
from tests.crash.figures import few, share
from tests.crash.hooks import AFTER, BEFORE, DISK, HALFWAY, NETWORK, WITHOUT_EFFECT
from tests.crash.kill_harness import Trials, World, deaths, moments, spread, unflushed
from tests.store_cases import CASES as STORES
from tests.vendor_cases import CASES

SEED = 20260131
AT_RANDOM = few(16)


def rotate_once(world):
    """Let a first rotation succeed."""
    assert not [result["msg"] for result in world.run()["results"].values() if result.get("failed")]


def planned(one, calls):
    """The plans for a series of trials, which learns how many there are."""
    one.series.points = len(deaths(calls))
    plans = moments(calls)
    one.series.moments = len(plans)
    return plans


def test_a_first_rotation_is_killed(trials):
    one = trials("first rotation")
    for plan in spread(planned(one, one.calls()), share(110)):
        one.trial(plan)
    assert not one.series.spared, "a run did not come to the point at which it was to die"


def test_a_later_rotation_is_killed(trials):
    """The store knows the passwords in force, that of an operator which rotates itself included."""
    one = trials("later rotation")
    for plan in spread(planned(one, one.calls(rotate_once)), share(30), seed=1):
        one.trial(plan, prepare=rotate_once)
    assert not one.series.spared


def test_a_rotation_step_by_step_is_killed(trials):
    """Each step is a task of its own, as for those who have tasks in between."""
    one = trials("step by step", step_by_step=True)
    for plan in spread(planned(one, one.calls()), AT_RANDOM, seed=4):
        one.trial(plan)
    assert not one.series.spared


def test_the_run_that_finishes_is_killed_as_well(trials):
    one = trials("killed twice")
    plans = planned(one, one.calls())
    chance = random.Random(SEED)
    for _number in range(AT_RANDOM):
        one.trial(chance.choice(plans), chance.choice(plans))


def test_a_rotation_of_several_users_at_a_time_is_killed(trials):
    """What the threads do when differs from run to run, so the points are drawn."""
    one = trials("4 at a time", concurrency=4)
    plans = planned(one, one.calls())
    chance = random.Random(SEED)
    for _number in range(AT_RANDOM):
        one.trial(chance.choice(plans))


def test_what_is_relied_upon_is_on_disk_before(trials):
    one = trials("power cut", counted=False)
    assert not unflushed(one.calls()) + unflushed(one.calls(rotate_once))


def test_the_points_are_those_of_the_rotation(fork_server, tmp_path):
    """Every kind of call is found, imports and what Python does besides are not, and a run dies where the plan says."""
    with Trials(fork_server, CASES["milvus"], STORES["ansible_vault"], tmp_path, "self-test") as one:
        calls = one.calls()
        names = [name for name, *_paths in calls]
        assert {"mkdir", "open", "flock", "write", "fsync", "rename", "connect", "sendall", "recv_into"} <= set(names)
        written = [os.path.basename(to) for name, _path, to in calls if name == "rename"]
        assert written == ["store.txt", *["host-1.rekey.txt"] * 3], "the mark of a store; stage, the note of what is sent, commit"
        assert all(path.startswith((str(tmp_path), str(fork_server.folder))) for name, path, _to in calls if name in DISK)
        assert not any(path for name, path, _to in calls if name in NETWORK)
        for name, side, exists in (("rename", BEFORE, False), ("rename", AFTER, True)):
            with one.world() as world:
                ended = world.run({"name": name, "number": 2, "side": side})
                assert ended["signal"] == 9 and "results" not in ended
                assert all((record is not None) is exists for record in world.records().values())
        with one.world() as world:
            requests = len(world.double.requests)
            assert world.run({"name": "sendall", "number": 1, "side": HALFWAY})["signal"] == 9
            assert len(world.double.requests) == requests, "half a request is none"


@pytest.mark.parametrize("defect, told", [
    ("pending_is_written_at_the_end", "is in no record"),
    ("files_are_written_in_place", "the store cannot be read"),
    ("sending_is_not_noted", "the next run failed"),
    ("every_run_makes_a_password_of_its_own", "has a second new password"),
])  # fmt: skip
def test_a_defect_is_found(fork_server, tmp_path, defect, told):
    """These tests can fail."""
    assert hasattr(sabotage, defect)
    with Trials(fork_server, CASES["milvus"], STORES["ansible_vault"], tmp_path, "self-test", sabotage=defect) as one:
        for plan in spread(moments(one.calls()), 24):
            one.trial(plan)
        assert any(told in text for text in one.series.troubles), one.series.troubles


def test_a_missing_flush_is_found(fork_server, tmp_path):
    with Trials(fork_server, CASES["milvus"], STORES["ansible_vault"], tmp_path, "self-test", sabotage="nothing_is_flushed") as one:
        assert len(unflushed(one.calls())) >= 3


def test_what_has_no_effect_is_not_tried_twice(fork_server, tmp_path):
    with Trials(fork_server, CASES["milvus"], STORES["ansible_vault"], tmp_path, "self-test") as one:
        calls = one.calls()
        plans = moments(calls)
        assert plans[0]["side"] == BEFORE and all(plan["side"] in (HALFWAY, AFTER) for plan in plans[1:])
        for side, names in ((AFTER, [name for name, *_paths in calls if name not in WITHOUT_EFFECT]), (HALFWAY, ["sendall", "write"])):
            assert {plan["name"] for plan in plans[1:] if plan["side"] == side} == set(names)
        assert len([plan for plan in plans if plan["name"] == "sendall"]) == 2 * [name for name, *_paths in calls].count("sendall")


def test_a_world_is_what_it_says(fork_server, tmp_path):
    """The checks see a password that nobody knows, a damaged store, and a failed login."""
    with World(fork_server, CASES["milvus"], STORES["ansible_vault"](tmp_path)) as world:
        assert world.lost() == [] and set(world.records().values()) == {None}
        rotate_once(world)
        assert world.lost() == []
        world.double.set_user("bob", "nobody knows this")
        assert world.lost() == ["bob"]
