# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The typed result for one user: plain data out, validated data in."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

ERROR = {"kind": "timed_out", "message": "It took too long."}


@pytest.mark.parametrize("state", State)
def test_a_result_survives_the_way_through_text(state):
    result = UserResult("alice", "7", state, False, ERROR, 2)
    for text in (json.dumps(result.as_dict()), yaml.safe_dump(result.as_dict())):
        assert UserResult.from_dict(yaml.safe_load(text)) == result
    assert result.as_dict()["state"].__class__ is str


def test_a_state_is_its_text():
    assert "%s" % State.WOULD_CHANGE == f"{State.WOULD_CHANGE}" == "would_change" == State.WOULD_CHANGE


def test_what_is_missing_is_null():
    assert UserResult.from_dict({"name": "alice", "state": "changed"}) == UserResult("alice", None, State.CHANGED)
    assert UserResult.from_dict({"name": None, "id": "7", "state": "failed"}).id == "7"


@pytest.mark.parametrize("value, verified", [(True, True), ("False", False), ("yes", True), (None, None)])
def test_a_template_may_have_made_a_text_of_verified(value, verified):
    assert UserResult.from_dict({"name": "alice", "state": "changed", "verified": value}).verified is verified


@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"name": None}, "Element 1 of results lacks a name or a state."),
        ({"name": 7}, "Element 1 of results lacks a name or a state."),
        ({"id": 7}, "In element 1 of results, id must be a string."),
        ({"state": None}, "Element 1 of results lacks a name or a state."),
        ({"state": "s3cret"}, "In element 1 of results, state must be one of: changed, unchanged, would_change, failed, unknown."),
        ({"verified": "s3cret"}, "In element 1 of results, verified must be true, false or null."),
        ({"failed_logins": -1}, "In element 1 of results, failed_logins must be a number of logins."),
        ({"failed_logins": True}, "In element 1 of results, failed_logins must be a number of logins."),
        ({"failed_logins": 1_000_001}, "In element 1 of results, failed_logins must be a number of logins."),
        ({"error": "s3cret"}, "In element 1 of results, error must be a dictionary with kind and message."),
        ({"error": {"kind": "timed_out"}}, "In element 1 of results, error must be a dictionary with kind and message."),
    ],
)
def test_a_result_that_is_none_is_refused(change, complaint):
    with pytest.raises(PasswordError) as caught:
        UserResult.from_dict({"name": "alice", "state": "changed", **change}, "element 1 of results")
    assert (caught.value.kind, caught.value.message) == (errors.INVALID_INPUT, complaint)
