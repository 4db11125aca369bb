# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rotation_info with check_previous: what it says of the passwords before the current ones, and that it locks nobody out."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_info import ActionModule
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_LOGIN, Login
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import previous
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, capabilities, run_action, use_model

BEFORE, NOW, OTHER = "S3cr3t-MARKER-before", "S3cr3t-MARKER-now", "S3cr3t-MARKER-other"
# One failed login may be made before a change, and another one is left for its proof, as at Acronis.
BY_TIME = capabilities(failed_logins_per_call=2, failed_probes_per_call=1, lockout_window=3600.0)
# As at VMware Cloud Director.
BY_LOGIN = capabilities(failed_logins_per_call=2, lockout_window=3600.0, forgets=FORGETS_BY_LOGIN)


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(alice=NOW, bob=NOW)
    store = use_model(monkeypatch, MemoryStore())
    for name in ("alice", "bob"):
        store.keep(Record(name, password=NOW, previous=BEFORE, status=CURRENT, rotated_at="2026-01-01T00:00:00Z", verified=True))
    return store


@pytest.fixture(name="naps", autouse=True)
def _naps(monkeypatch):
    """The seconds that were waited."""
    naps = []
    monkeypatch.setattr(previous.check, "__kwdefaults__", {"sleep": naps.append})
    return naps


def accept(monkeypatch, *passwords, times=99):
    """Let the model accept further passwords, for a number of logins."""
    left = [times]
    probe = ModelVendor.probe

    def also(self, account, password):
        right = probe(self, account, password)
        if password in passwords and left[0]:
            left[0] -= 1
            return Login.RIGHT
        return right

    monkeypatch.setattr(ModelVendor, "probe", also)


def check(check_mode=False, **args):
    return run_action(ActionModule, {"check_previous": True, "vendor": "model", "connection": {"url": "model://"}, **args}, check_mode=check_mode)


def of(result, name="alice"):
    (user,) = (user for user in result["users"] if user["name"] == name)
    return user["previous_refused"], (user["previous_error"] or {}).get("kind")


def test_a_refused_password_is_what_is_wanted(store):
    result = check()
    assert of(result) == of(result, "bob") == (True, None) and "failed" not in result
    assert all(line.endswith("; logs in; its previous password is refused") for line in result["summary"])
    assert result["ansible_stats"]["data"]["rekey_previous_refused"] == 2 and "MARKER" not in repr(result)
    # No failed login counts here, so no other login is needed.
    assert ModelVendor.done("probe") == [("alice", NOW), ("bob", NOW), ("alice", BEFORE), ("bob", BEFORE)] and store.writes == 0


def test_without_it_nothing_is_tried_and_nothing_said():
    result = run_action(ActionModule, {"verify": True, "vendor": "model", "connection": {"url": "model://"}})
    assert of(result) == (None, None) and ModelVendor.done("probe") == [("alice", NOW), ("bob", NOW)]
    assert "rekey_previous_refused" not in result["ansible_stats"]["data"]


def test_one_that_still_logs_in_fails_and_says_what_to_do(monkeypatch):
    accept(monkeypatch, BEFORE)
    result = check(users=["alice"])
    assert of(result) == (False, "previous_accepted")
    assert (result["failed"], result["msg"]) == (True, "1 of 1 users have a previous password that still logs in: alice")
    assert "ITS PREVIOUS PASSWORD STILL LOGS IN: " in result["summary"][0] and "disable the account" in result["summary"][0]
    data = result["ansible_stats"]["data"]
    assert (data["rekey_failed"], data["rekey_error_kinds"], data["rekey_previous_accepted"]) == (["model-1: alice"], ["previous_accepted"], 1)


@pytest.mark.parametrize("times, refused", [(1, True), (3, True), (4, False)])
def test_a_vendor_has_its_grace_period(monkeypatch, naps, times, refused):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(settle_seconds=3.0))
    accept(monkeypatch, BEFORE, times=times)
    assert of(check(users=["alice"]))[0] is refused and naps == [1.0] * min(times, 3)


@pytest.mark.parametrize("rules", [BY_TIME, BY_LOGIN], ids=["forgets by time", "forgets by a login"])
def test_where_failed_logins_count_a_login_comes_before_and_another_after(store, monkeypatch, rules):
    monkeypatch.setattr(ModelVendor, "capabilities", rules)
    counted = []
    probe = ModelVendor.probe

    def look(self, account, password):
        counted.append((password, store.record("alice").failed_logins))
        return probe(self, account, password)

    monkeypatch.setattr(ModelVendor, "probe", look)
    for _time in range(3):
        assert of(check(users=["alice"])) == (True, None)
        # Each login is counted before it is made, since it may fail; the last one resets the count.
        assert counted == [(NOW, 1), (BEFORE, 1), (NOW, 2)] and store.record("alice").failed_logins == 0
        counted.clear()


@pytest.mark.parametrize("rules", [BY_TIME, BY_LOGIN], ids=["forgets by time", "forgets by a login"])
def test_where_failed_logins_count_it_is_not_tried_after_one_that_failed(store, monkeypatch, rules):
    monkeypatch.setattr(ModelVendor, "capabilities", rules)
    ModelVendor.passwords["alice"] = OTHER
    result = check(users=["alice"])
    assert of(result) == (None, "not_verified") and "could lock the account" in result["summary"][0]
    assert ModelVendor.done("probe") == [("alice", NOW)] and store.record("alice").failed_logins == 1
    # Nothing is left of the budget now; there is no login at all.
    monkeypatch.setattr(ModelVendor, "capabilities", BY_TIME)
    assert of(check(users=["alice"])) == (None, "not_verified") and len(ModelVendor.done("probe")) == 1


def test_where_nothing_counts_it_is_tried_although_the_current_one_fails():
    ModelVendor.passwords["alice"] = BEFORE
    result = check(users=["alice"])
    assert result["users"][0]["verified"] is False and of(result) == (False, "previous_accepted")


def test_an_account_that_is_locked_by_others_meanwhile_is_reported(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", BY_TIME)
    probe = ModelVendor.probe

    def lock(self, account, password):
        if ModelVendor.done("probe")[1:]:
            raise PasswordError(errors.ACCOUNT_LOCKED, "The account is locked.")
        return probe(self, account, password)

    monkeypatch.setattr(ModelVendor, "probe", lock)
    user = check(users=["alice"])["users"][0]
    assert (user["verified"], user["error"]["kind"], user["previous_refused"]) == (None, "account_locked", True)
    assert store.record("alice").failed_logins == 1


def test_a_server_that_fails_in_between_makes_it_unknown(monkeypatch):
    probe = ModelVendor.probe

    def fail(self, account, password):
        if password == BEFORE:
            raise PasswordError(errors.TIMED_OUT, "No answer.")
        return probe(self, account, password)

    monkeypatch.setattr(ModelVendor, "probe", fail)
    result = check(users=["alice"])
    assert of(result) == (None, "timed_out") and result["users"][0]["verified"] is True
    assert result["summary"][0].endswith("previous not checked: No answer.") and "failed" not in result


def test_check_mode_makes_no_login_where_one_may_lock(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", BY_TIME)
    result = check(check_mode=True, users=["alice"])
    assert of(result) == (None, "not_verified") and "Check mode makes no login at Model" in result["users"][0]["previous_error"]["message"]
    assert not ModelVendor.calls and store.writes == 0


@pytest.mark.parametrize("previous_password", [None, NOW], ids=["none", "the same"])
def test_without_a_previous_password_there_is_nothing_to_try(store, previous_password):
    store.keep(Record("alice", password=NOW, previous=previous_password, status=CURRENT))
    result = check(users=["alice"])
    assert of(result) == (None, "not_verified") and "The store has no previous password of alice." in result["summary"][0]
    assert ModelVendor.done("probe") == [("alice", NOW)]


def test_where_no_login_is_possible_it_says_so():
    ModelVendor.unreachable = {"alice"}
    assert of(check(users=["alice"])) == (None, "not_verified")


def test_it_needs_a_vendor():
    assert "check_previous needs vendor" in run_action(ActionModule, {"check_previous": True})["msg"]
