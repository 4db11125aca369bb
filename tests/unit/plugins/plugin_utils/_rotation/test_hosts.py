# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a run is about, and when it stops."""

from __future__ import annotations

import types

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import hosts as hosts_module

GROUPS = {"all": ["m1", "m2", "web"], "milvus": ["m1", "m2"], "ungrouped": ["web"]}
GOOD = {"users": [{"name": "alice", "error": None}], "summary": []}


def failed(*kinds, good=0):
    """What a host leaves behind of which users failed with these kinds."""
    users = [{"name": "user%d" % number, "error": {"kind": kind, "message": "no"}} for number, kind in enumerate(kinds)]
    return {"msg": "not rotated", "users": users + [{"name": "fine", "error": None}] * good}


@pytest.mark.parametrize("pattern, hosts", [("all", ["m1", "m2", "web"]), ("milvus", ["m1", "m2"]), ("all:!milvus", ["web"]), (["m2", "web"], ["m2", "web"])])
def test_edge_57_a_pattern_is_read_as_hosts_of_a_play(pattern, hosts):
    assert sorted(hosts_module.matching(pattern, GROUPS, DataLoader())) == hosts


@pytest.mark.parametrize(
    "pattern, said", [("milvuss", "matches milvuss. Did you mean milvus?"), ("milvus,mm2", "matches mm2"), (["m1", "xyz"], "matches xyz.")]
)
def test_edge_57_a_name_that_matches_nothing_is_an_error(pattern, said):
    with pytest.raises(PasswordError, match="rotate_hosts") as caught:
        hosts_module.matching(pattern, GROUPS, DataLoader())
    assert said in caught.value.message and caught.value.kind == errors.INVALID_INPUT


def test_edge_56_hosts_without_a_vendor_are_left_alone():
    assert hosts_module.chosen(["web", "m2", "m1"], ["m1", "web", "m2"], lambda name: name != "web") == ["m1", "m2"]


@pytest.mark.parametrize("within, said", [(["web"], "rotate_vendor"), ([], "--limit"), (["m9"], "--limit")])
def test_edge_57_no_host_is_an_error(within, said):
    with pytest.raises(PasswordError) as caught:
        hosts_module.chosen(["web", "m1"], within, lambda name: False)
    assert said in caught.value.message


def test_a_run_begins_without_the_progress_of_an_earlier_one():
    """A cache of facts may keep those of localhost from run to run."""

    class HostVars(dict):
        raw_get = dict.__getitem__

    variables = {"groups": GROUPS, "hostvars": HostVars(dict.fromkeys(GROUPS["all"], {"rotate_vendor": "milvus"})), "ansible_play_hosts_all": ["m2"]}
    task = types.SimpleNamespace(args={"hosts": "all", "require_only": False}, task_vars=variables, action=types.SimpleNamespace(_loader=DataLoader()))
    result = hosts_module.choose_hosts(task)
    assert result["ansible_facts"] == {"rotate_chosen_hosts": ["m2"], "rotate_progress": {}, "rotate_emergency": {}}
    state = hosts_module.progress(result["ansible_facts"]["rotate_progress"], {"m2": GOOD}, 1, None)
    assert state["failed_hosts"] == [] and state["reached"] == ["m2"]


def outcome(batches, number, most=None):
    """Run batches until one of them stops the run: the names that had their turn, and those that failed."""
    state = None
    for batch in batches:
        state = hosts_module.progress(state, batch, number, most)
        if state["stopped"]:
            break
    return len(state["reached"]), len(state["failed_hosts"]), state["stopped"]


BAD = failed(errors.AUTHENTICATION_FAILED)
ONE_NAME = failed(errors.USER_NOT_FOUND)


@pytest.mark.parametrize(
    "batches, number, expected",
    [
        # One bad name, wherever it is, ends nothing.
        ([{"a": ONE_NAME}, {"b": GOOD}, {"c": GOOD, "d": GOOD}], 4, (4, 1, False)),
        ([{"a": ONE_NAME}, {"b": ONE_NAME}, {"c": GOOD, "d": ONE_NAME}], 4, (4, 3, False)),
        # So does one bad host among others: the second canary tells.
        ([{"a": BAD}, {"b": GOOD}, {"c": BAD, "d": GOOD}], 4, (4, 2, False)),
        # What is wrong everywhere ends the run after two hosts.
        ([{"a": BAD}, {"b": BAD}, {"c": BAD, "d": BAD}], 4, (2, 2, True)),
        # Of two hosts the second is all the rest.
        ([{"a": BAD}, {"b": GOOD}], 2, (1, 1, True)),
        # A whole batch.
        ([{"a": GOOD}, {"b": BAD, "c": BAD}, {"d": GOOD}], 4, (3, 2, True)),
        # Nobody is left to be stopped.
        ([{"a": BAD}], 1, (1, 1, False)),
        # A host that did not come so far.
        ([{"a": None}, {"b": None}, {"c": GOOD}], 3, (2, 2, True)),
    ],
)
def test_edge_54_what_may_be_wrong_everywhere_ends_a_run_and_a_bad_host_does_not(batches, number, expected):
    assert outcome(batches, number) == expected


@pytest.mark.parametrize("most, expected", [(0, (1, 1, True)), (50, (1, 1, True)), (100, (3, 1, False))])
def test_edge_54_the_users_own_limit_counts_every_failure(most, expected):
    assert outcome([{"a": ONE_NAME}, {"b": GOOD}, {"c": GOOD}], 3, most) == expected


@pytest.mark.parametrize(
    "done, everywhere",
    [
        (GOOD, False),
        (ONE_NAME, False),
        (BAD, True),
        (None, True),
        (failed(errors.CURRENT_PASSWORD_WRONG), True),
        (failed(errors.CURRENT_PASSWORD_WRONG, good=1), False),
        (failed(errors.USER_NOT_FOUND, errors.CURRENT_PASSWORD_WRONG), True),
        ({"msg": "no", "error": {"kind": errors.CONNECTION_FAILED, "message": "no"}, "users": []}, False),
        ({"msg": "no", "users": [{"name": "alice", "reason": "verify", "error": {"kind": errors.CURRENT_PASSWORD_WRONG, "message": "no"}}]}, False),
        ({"msg": "no", "error": {"kind": errors.INVALID_INPUT, "message": "no"}}, True),
        ({"msg": "no"}, True),
    ],
)
def test_edge_54_what_may_be_wrong_everywhere(done, everywhere):
    assert hosts_module.may_be_wrong_everywhere(done) is everywhere


def test_edge_54_the_summary_names_who_failed_and_who_was_not_reached():
    state = hosts_module.progress(None, {"a": GOOD, "b": BAD}, 4, 0)
    assert hosts_module.summary(state, ["a", "b", "c", "d"]) == ["1 of 4 hosts failed: b", "2 of 4 hosts were not reached: c, d"]
    assert hosts_module.summary(hosts_module.progress(None, {"a": GOOD}, 1, None), ["a"]) == ["Nothing failed on 1 host."]
