# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of an emergency: nothing that was not done is left out, and the worst comes first."""

from __future__ import annotations

import types

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.emergency import report_emergency


class HostVars(dict):
    """The registered variables of hosts; ``resolved`` are those that need a template."""

    raw_get = dict.__getitem__

    def __init__(self, hosts, **resolved):
        super().__init__(hosts)
        self.resolved = resolved

    def __getitem__(self, host):
        return self.resolved


def user(name, action="promoted", **more):
    return dict({"name": name, "action": action, "state": "changed", "reason": "forced", "error": None}, **more)


def checked(name, refused=True, kind=None, **more):
    error = {"kind": kind, "message": "because of %s" % kind} if kind else None
    return dict({"name": name, "verified": True, "error": None, "previous_refused": refused, "previous_error": error}, **more)


def reported(hosts, check_mode=False, **resolved):
    task = types.SimpleNamespace(task_vars={"hostvars": HostVars(hosts, **resolved)}, args={"hosts": list(hosts)}, check_mode=check_mode)
    return report_emergency(task)


def done(*users, **more):
    return {"rotate_done": {"users": list(users), **more}}


ERROR = {"kind": "timed_out", "message": "No answer."}
FINE = {**done(user("alice")), "rotate_checked": {"users": [checked("alice")]}}


def test_what_is_done_is_counted():
    result = reported({"a": FINE, "b": done()})
    assert result["summary"] == ["1 passwords were rotated at 1 of 2 hosts.", "1 previous passwords are refused."]
    assert (result["not_done"], result["failed_hosts"]) == ([], [])


def test_the_worst_comes_first_whatever_the_order_of_the_hosts():
    result = reported(
        {
            "a": {**done(user("alice")), "rotate_checked": {"users": [checked("alice", None, "login_budget_spent")]}},
            "b": {**done(user("alice")), "rotate_checked": {"users": [checked("alice", False, "previous_accepted")]}},
            "c": done(user("alice", "kept", error=ERROR), msg="1 of 1 users were not rotated"),
            "d": {},
            "e": FINE,
        }
    )
    assert result["not_done"] == [
        "d: not reached, or ended before a password was changed",
        "c: alice: NOT rotated: No answer. (timed_out)",
        "b: alice: the PREVIOUS password still logs in: because of previous_accepted",
        "a: alice: not checked whether the previous password is refused: because of login_budget_spent",
    ]
    assert result["failed_hosts"] == ["a", "b", "c", "d"] and result["summary"][0] == "NOT DONE (4):"
    assert result["ansible_facts"]["rotate_emergency"] == {"summary": result["summary"], "failed_hosts": result["failed_hosts"]}


@pytest.mark.parametrize(
    "variables, line",
    [
        (done(msg="The store is out of reach.", error={"kind": "store_failed"}), "FAILED: The store is out of reach."),
        (done(user("bob", None, error=ERROR), msg="No answer.", error=ERROR), "FAILED: No answer. NOT rotated: bob"),
        ({"rotate_done": {"skipped": True}, "rotate_staged": {"failed": True, "msg": "No store."}}, "FAILED: No store."),
        ({"rotate_done": {"skipped": True}, "rotate_staged": {"users": []}}, "not reached, or ended before a password was changed"),
        (done(user("bob", None, state="unchanged")), "bob: NOT rotated (unchanged)"),
        (done(held=["bob"]), "bob: NOT rotated: on hold in the inventory. Remove the hold, or change the password by hand."),
        (done(waiting=["bob"]), "bob: NOT rotated: left for a later run, by the maintenance window or the limit of a run."),
        (done(user("bob")), "bob: not checked whether the previous password is refused: no login was made"),
        ({**done(user("bob")), "rotate_checked": {"msg": "Refused."}}, "bob: not checked whether the previous password is refused: Refused."),
        ({**done(user("bob")), "rotate_checked": {"skipped": True}}, "bob: not checked whether the previous password is refused: no login was made"),
        (
            {**done(user("bob")), "rotate_checked": {"users": [checked("bob", verified=False)]}},
            "bob: the NEW password does not log in any more; run repair",
        ),
        (
            {**done(user("bob", reason="unfinished")), "rotate_checked": {"users": [checked("bob")]}},
            "bob: rotated, but to a password that an earlier run had left in the store. Run the emergency again for a new one.",
        ),
        (
            {"rotate_first": {"users": [user("bob", reason="unfinished")]}, **done(user("bob", "kept", error=ERROR))},
            "bob: NOT rotated: No answer. (timed_out)",
        ),
    ],
)  # fmt: skip
def test_whatever_is_not_done_has_its_line(variables, line):
    result = reported({"a": variables})
    assert result["not_done"] == ["a: " + line] and result["failed_hosts"] == ["a"]


def test_with_tasks_of_ones_own_the_commit_counts():
    steps = {
        "rotate_done": {"skipped": True},
        "rotate_staged": {"users": []},
        "rotate_committed": FINE["rotate_done"],
        "rotate_checked": FINE["rotate_checked"],
    }
    assert reported({"a": steps})["summary"] == reported({"a": FINE})["summary"]


def test_a_second_rotation_replaces_the_result_of_the_first():
    again = {"rotate_first": {"users": [user("alice", reason="unfinished")]}, **FINE}
    assert reported({"a": again})["not_done"] == []


def test_of_a_pair_both_accounts_are_rotated_or_named():
    pair = {"pairs": [{"name": "app", "accounts": ["app_a", "alice"]}]}
    both = {
        "rotate_first": {"users": [user("alice")], **pair},
        **done(user("app_a"), **pair),
        "rotate_checked": {"users": [checked("alice"), checked("app_a")]},
    }
    assert reported({"a": both})["not_done"] == []
    one = {"rotate_first": {"users": [user("alice")], **pair}, **done(**pair), "rotate_checked": FINE["rotate_checked"]}
    assert reported({"a": one})["not_done"] == ["a: app_a: NOT rotated, since the consumers of the pair app may still use it"]


def test_a_delivery_that_failed_is_the_first_line():
    lacking = {**FINE, "rotate_deliver": {"users": ["alice"]}, "rotate_delivered": {"msg": "1 of 1 users were not delivered: alice"}}
    assert reported({"a": lacking})["not_done"] == ["a: new passwords were NOT delivered to all that use them; see the messages of that host"]


def test_what_another_run_has_rotated_meanwhile_counts():
    other = {**done(user("alice", "superseded", state="unchanged", reason="left_to_another_run")), "rotate_checked": FINE["rotate_checked"]}
    assert reported({"a": other})["not_done"] == []


@pytest.mark.parametrize("accepted, failed", [(True, []), ("yes", []), (False, ["a"]), ("no", ["a"])])
def test_where_no_login_is_possible_the_vendors_word_may_count(accepted, failed):
    variables = {**done(user("alice")), "rotate_checked": {"users": [checked("alice", None, "not_verified")]}}
    result = reported({"a": variables}, rotate_accept_unverified=accepted)
    assert result["failed_hosts"] == failed
    assert ("no login is possible there (rotate_accept_unverified): a: alice" in result["summary"][-1]) == (not failed)


def test_check_mode_expects_no_login():
    would = {"rotate_done": {"users": [user("alice", None, state="would_change")]}}
    assert reported({"a": would}, check_mode=True)["summary"] == [
        "1 passwords would be rotated at 1 of 1 hosts.",
        "Check mode changed nothing, and tried no previous password.",
    ]
