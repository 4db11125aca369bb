# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation as a whole, at the edges: whose record it is, who else is at work, and what is kept whatever happens."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from ansible_collections.rekey.passwords.plugins.action import (
    rotation_change,
    rotation_commit,
    rotation_info,
    rotation_move,
    rotation_repair,
    rotation_retire,
    rotation_run,
    rotation_stage,
)
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Login
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import lease
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import task as task_module
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.claims import Claims
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, RETIRED, Earlier, Identity, Pending, Record

from tests.unit.plugins.rotation_doubles import MemoryStore, ModelVendor, action, capabilities, run_action, use_model

OLD, NEW, TOLD, ROOT, LATE = ("S3cr3t-MARKER-" + name for name in ("old", "new", "told", "root", "late"))
LONG_AGO = "2026-01-01T00:00:00Z"
HERE, THERE = "model://here", "model://there"
LOCKS = capabilities(failed_logins_per_call=2, failed_probes_per_call=1, lockout_window=3600.0)


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(alice=OLD, bob=OLD)
    store = use_model(monkeypatch, MemoryStore())
    stores = {store.host: store}

    def open_store(_name, host, _options, _loader):
        # As another process opens it: one store, many names.
        return stores.setdefault(host, MemoryStore.sharing(store, host))

    monkeypatch.setattr(task_module, "open_store", open_store)
    store.of = stores
    return store


def rotate(*users, url=HERE, host="model-1", check_mode=False, **more):
    args = dict({"vendor": "model", "connection": {"url": url}, "users": list(users) or ["alice"]}, **more)
    result = run_action(rotation_run.ActionModule, args, host=host, check_mode=check_mode)
    assert "MARKER" not in repr(result)
    return result


def repair(*users, url=HERE, host="model-1", **more):
    args = dict({"vendor": "model", "connection": {"url": url}, "users": list(users) or ["alice"]}, **more)
    result = run_action(rotation_repair.ActionModule, args, host=host)
    assert "MARKER" not in repr(result)
    return result


def kinds(result):
    return {user["name"]: user["error"] and user["error"]["kind"] for user in result["users"]}


def first(name="alice"):
    return {"name": name, "current_password": OLD}


# ---- whose record it is


@pytest.mark.parametrize("force", [False, True])
def test_edge_1_a_record_is_not_used_for_another_endpoint(store, force):
    rotate(first())
    held, sent = dict(store.data), list(ModelVendor.calls)
    result = rotate("alice", url=THERE, force=force)
    assert result["failed"] and kinds(result) == {"alice": "target_mismatch"}
    assert "rotate_target" in result["users"][0]["error"]["message"] and THERE in result["users"][0]["error"]["message"]
    assert store.data == held and ModelVendor.calls == sent


def test_edge_1_another_vendor_is_refused(store, monkeypatch):
    rotate(first())
    monkeypatch.setattr(ModelVendor, "name", "another")
    assert kinds(rotate("alice", force=True)) == {"alice": "target_mismatch"}


def test_edge_2_one_host_serves_two_endpoints_with_a_name_for_each(store):
    for url, target in ((HERE, "one"), (THERE, "two")):
        ModelVendor.passwords["alice"] = OLD
        result = rotate(first(), url=url, host="localhost", target=target)
        assert "failed" not in result, result
    assert store.of["one"].record("alice").password != store.of["two"].record("alice").password
    assert store.of["one"].record("alice").target == HERE and store.of["two"].record("alice").host == "two"


def test_edge_2_the_variable_names_the_records(store):
    done = action(rotation_run.ActionModule, {"vendor": "model", "connection": {"url": HERE}, "users": [first()]}).run(
        task_vars={"inventory_hostname": "localhost", "rotate_target": "one"}
    )
    assert "failed" not in done and store.of["one"].record("alice").host == "one"


def test_edge_1_two_hosts_at_one_endpoint_share_no_user(store):
    rotate(first())
    result = rotate("alice", first("bob"), host="model-2")
    assert kinds(result) == {"alice": "target_mismatch", "bob": None}
    assert "model-1" in result["users"][0]["error"]["message"] and store.of["model-2"].record("alice") is None


def test_edge_1_the_steps_one_by_one_are_refused_too(store):
    rotate(first())
    there = {"vendor": "model", "connection": {"url": THERE}, "users": ["alice"]}
    staged = run_action(rotation_stage.ActionModule, dict(there, force=True))
    assert staged["due"] == [] and staged["users"][0]["reason"] == "target_mismatch"
    committed = run_action(rotation_commit.ActionModule, {"staged": staged["users"]})
    assert committed["failed"] and kinds(committed) == {"alice": "target_mismatch"}
    # Whoever did not say at the first step where it leads is refused at the second.
    without = run_action(rotation_stage.ActionModule, {"vendor": "model", "users": ["alice"], "force": True})
    assert without["due"] == ["alice"]
    calls = list(ModelVendor.calls)
    changed = run_action(rotation_change.ActionModule, dict(there, staged=without["users"]))
    assert changed["failed"] and kinds(changed) == {"alice": "target_mismatch"} and ModelVendor.calls == calls
    assert store.record("alice").pending.sent == 0


def test_a_record_of_an_earlier_version_is_adopted_by_a_login(store):
    store.keep(Record("alice", password=OLD, status=CURRENT, rotated_at=LONG_AGO, verified=True))
    result = rotate("alice")
    assert "failed" not in result and store.record("alice").identity == Identity("model", HERE, "alice")
    assert ModelVendor.calls[0] == ("probe", "alice", OLD)


def test_a_record_of_an_earlier_version_whose_passwords_do_not_log_in_is_not_used(store):
    store.keep(Record("alice", password=NEW, status=CURRENT, rotated_at=LONG_AGO, verified=True))
    result = rotate("alice")
    assert kinds(result) == {"alice": "current_password_wrong"} and "rotate_target" in result["summary"][0]
    assert ModelVendor.passwords["alice"] == OLD and store.record("alice").pending is None and not ModelVendor.done("change")
    assert Claims(store, "model", HERE).holders(["alice"]) == {}


def test_where_no_login_can_be_made_a_record_of_an_earlier_version_is_adopted_all_the_same(store):
    store.keep(Record("alice", password=OLD, status=CURRENT, rotated_at=LONG_AGO, verified=True))
    ModelVendor.unreachable = {"alice"}
    assert "failed" not in rotate("alice", accept_unverified=True) and store.record("alice").target == HERE


def test_edge_39_verify_and_status_tell_of_a_foreign_record_and_log_in_nowhere(store):
    rotate(first())
    calls = list(ModelVendor.calls)
    result = run_action(rotation_info.ActionModule, {"vendor": "model", "connection": {"url": THERE}, "users": ["alice"], "verify": True})
    assert result["failed"] and kinds(result) == {"alice": "target_mismatch"} and ModelVendor.calls == calls


def test_a_repair_adopts_an_endpoint_that_has_moved(store):
    rotate(first())
    result = repair("alice", url=THERE)
    assert result["users"][0]["action"] == "repaired" and store.record("alice").target == THERE
    assert Claims(store, "model", HERE).holders(["alice"]) == {} and Claims(store, "model", THERE).holders(["alice"]) == {"alice": "model-1"}
    assert "failed" not in rotate("alice", url=THERE, force=True)


def test_a_repair_without_a_login_that_works_moves_nothing_and_resets_nothing(store):
    rotate(first())
    held = dict(store.data)
    ModelVendor.passwords["alice"] = TOLD
    result = repair("alice", url=THERE, reset=True)
    assert result["failed"] and store.data == held and ModelVendor.passwords["alice"] == TOLD


def test_a_repair_tries_no_password_at_another_vendor(store, monkeypatch):
    rotate(first())
    calls = list(ModelVendor.calls)
    monkeypatch.setattr(ModelVendor, "name", "another")
    assert kinds(repair("alice")) == {"alice": "target_mismatch"} and ModelVendor.calls == calls


def test_a_repair_takes_over_an_account_only_from_a_name_without_a_record(store):
    rotate(first())
    ModelVendor.passwords["alice"] = TOLD
    told = {"name": "alice", "password": TOLD}
    assert kinds(repair(told, host="model-2")) == {"alice": "target_mismatch"}
    del store.data["alice"]
    assert kinds(repair(told, host="model-2")) == {"alice": None}
    assert Claims(store, "model", HERE).holders(["alice"]) == {"alice": "model-2"}


# ---- who else is at work


def test_edge_24_what_another_run_has_rotated_while_this_one_waited_is_left_to_it(store, monkeypatch):
    taken, whole = [], lease.held

    def wait(waiting):
        taken.append(waiting)
        if len(taken) == 1:
            rotate(first(), force=True)  # the other run, from the beginning to the end
        return whole(waiting)

    monkeypatch.setattr(lease, "held", wait)
    result = rotate(first(), force=True)
    assert "failed" not in result and not result["changed"] and result["summary"] == ["alice (left_to_another_run): left to another run"]
    assert len(ModelVendor.done("change")) == 1 and store.record("alice").lost_runs == 0


def test_edge_24_nothing_is_written_before_the_lease_is_taken(store, monkeypatch):
    def held(_store):
        assert not store.data
        raise PasswordError("store_conflict", "Another run is at work.")

    monkeypatch.setattr(lease, "held", held)
    assert rotate(first())["error"]["kind"] == "store_conflict" and not store.data and not ModelVendor.calls


def test_edge_24_a_run_whose_lease_was_taken_over_sends_nothing(store, monkeypatch):
    whole = store.put

    def put(entries):
        whole(entries)
        # Held up right after the note that something is about to be sent.
        note = store.read_note("lease of model-1")
        store.write_note("lease of model-1", dict(note.content, id="another"), note.version)

    monkeypatch.setattr(store, "put", put)
    result = rotate(first())
    assert result["failed"] and not ModelVendor.done("change") and ModelVendor.passwords["alice"] == OLD


def test_edge_35_what_was_overwritten_before_it_was_sent_is_written_again(store, monkeypatch):
    """Another machine, whose file system knows nothing of our writes, puts its own old file over ours."""
    whole, writes = store.put, itertools.count()

    def put(entries):
        before = dict(store.data)
        whole(entries)
        if next(writes) == 1:
            store.data.clear()
            store.data.update(before)

    monkeypatch.setattr(store, "put", put)
    assert "failed" not in rotate(first()) and store.record("alice").password == ModelVendor.passwords["alice"]


# ---- what is kept


def edit(store, edited):
    """Somebody's editor writes what it read before the run began, in the moment of the change."""

    def trouble(account):
        ModelVendor.passwords[account.name] = account.password
        edited(store)

    ModelVendor.troubles["alice"] = trouble


@pytest.mark.parametrize("known", [True, False])
def test_edge_34_a_file_that_was_saved_over_the_run_loses_no_password(store, known):
    if known:
        rotate(first())
    before = dict(store.data)

    def saved(_store):
        store.data.clear()
        store.data.update(before)

    edit(store, saved)
    result = rotate(first(), force=True)
    assert "failed" not in result, result
    assert store.record("alice").password == ModelVendor.passwords["alice"] and store.record("alice").pending is None


def test_edge_34_the_steps_one_by_one_put_it_back_too(store):
    given = {"vendor": "model", "connection": {"url": HERE}, "users": [first()]}
    staged = run_action(rotation_stage.ActionModule, given)
    edit(store, lambda _store: store.data.clear())
    changed = run_action(rotation_change.ActionModule, dict(given, staged=staged["users"]))
    assert store.record("alice").pending.password == ModelVendor.passwords["alice"]
    committed = run_action(rotation_commit.ActionModule, {"staged": staged["users"], "results": changed["users"]})
    assert "failed" not in committed and store.record("alice").password == ModelVendor.passwords["alice"]


def test_edge_34_a_password_that_was_proved_later_wins(store):
    rotate(first())

    def later(_store):
        record = store.record("alice")
        record.password, record.pending, record.status, record.rotated_at = TOLD, None, CURRENT, "2036-01-01T00:00:00Z"
        store.keep(record)

    edit(store, later)
    rotate("alice", force=True)
    record = store.record("alice")
    assert record.password == TOLD and ModelVendor.passwords["alice"] in [item.password for item in record.earlier]


def test_edge_40_a_repair_keeps_what_was_sent_and_the_next_one_finds_it(store):
    pending = Pending(LATE, run_id="run", created=LONG_AGO, attempts=1, sent=1)
    store.keep(Record("alice", password=OLD, pending=pending, rotated_at=LONG_AGO))
    assert repair()["users"][0]["password"] == "current" and store.record("alice").pending is None
    ModelVendor.passwords["alice"] = LATE  # the answer was lost, the request was not
    assert repair()["users"][0]["password"] == "earlier" and store.record("alice").password == LATE


def test_edge_40_the_rotation_finds_it_where_the_vendor_wants_the_current_password(store):
    record = Record("alice", password=OLD, status=CURRENT, rotated_at=LONG_AGO, earlier=(Earlier(LATE, LONG_AGO),))
    record.bind(Identity("model", HERE, "alice"), "model-1")
    store.keep(record)
    ModelVendor.passwords["alice"] = LATE

    def wants_current(account):
        if account.current_password != ModelVendor.passwords["alice"]:
            raise PasswordError("current_password_wrong", "The model says no.")

    ModelVendor.troubles["alice"] = wants_current
    result = rotate("alice")
    assert "failed" not in result, result
    new = store.record("alice").password
    assert new == ModelVendor.passwords["alice"] and new not in (OLD, LATE) and store.record("alice").previous == LATE


# ---- repair, verify, status, retire


def test_edge_12_a_repair_tries_the_password_of_an_inventory_that_was_mended(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", LOCKS)
    pending = Pending(NEW, run_id="run", created=LONG_AGO, attempts=3, sent=3, replaces=TOLD)
    store.keep(Record("alice", pending=pending, status=ORPHANED, lost_runs=3))
    assert repair(first())["users"][0]["password"] == "inventory's" and store.record("alice").password == OLD
    assert ModelVendor.done("probe") == [("alice", OLD)]


@pytest.mark.parametrize("several", [True, False])
def test_edge_53_a_told_password_belongs_to_a_host(store, several):
    ModelVendor.passwords["alice"] = TOLD
    args = {"vendor": "model", "connection": {"url": HERE}, "users": [{"name": "alice", "password": TOLD}]}
    hosts = ["model-1", "model-2"] if several else ["model-1"]
    result = action(rotation_repair.ActionModule, args).run(task_vars={"inventory_hostname": "model-1", "ansible_play_hosts_all": hosts})
    assert result.get("failed", False) is several
    if several:
        assert result["error"]["kind"] == "invalid_input" and "--limit" in result["msg"] and not ModelVendor.calls and "MARKER" not in repr(result)


def test_edge_53_each_host_takes_its_own_and_leaves_the_others(store):
    ModelVendor.passwords["alice"] = TOLD
    users = [{"name": "alice", "password": TOLD, "target": "model-1"}, {"name": "alice", "password": NEW, "target": "model-2"}, {"name": "bob", "target": "x"}]
    args = {"vendor": "model", "connection": {"url": HERE}, "users": users}
    hosts = {"ansible_play_hosts_all": ["model-1", "model-2", "model-3"]}
    result = action(rotation_repair.ActionModule, args).run(task_vars={"inventory_hostname": "model-1", **hosts})
    assert [user["name"] for user in result["users"]] == ["alice"] and "failed" not in result and {used for _name, used in ModelVendor.done("probe")} == {TOLD}
    calls = list(ModelVendor.calls)
    result = action(rotation_repair.ActionModule, args).run(task_vars={"inventory_hostname": "model-3", **hosts})
    assert result["users"] == [] and "failed" not in result and ModelVendor.calls == calls


def test_edge_38_a_damaged_record_has_a_way_out(store):
    store.data["alice"] = {"username": "alice", "password": "S3cr3t-MARKER-damaged", "failed_logins": -1}
    result = rotate("alice")
    assert result["error"]["kind"] == "store_failed" and "set_aside_damaged" in result["msg"]
    wrong = repair({"name": "alice", "password": NEW}, set_aside_damaged=True)
    assert wrong["failed"] and store.data["alice"]["failed_logins"] == -1
    assert "failed" not in repair({"name": "alice", "password": OLD}, set_aside_damaged=True)
    assert store.record("alice").password == OLD and "S3cr3t-MARKER-damaged" in store.record("alice").set_aside
    assert "failed" not in rotate("alice")


@pytest.mark.parametrize(
    "told", [{"failed_logins": -1}, {"failed_logins": True}, {"failed_logins": "3"}, {"failed_logins": 10**9}, {"state": "done"}, {"state": ""}]
)
def test_edge_38_results_of_tasks_of_ones_own_are_refused_at_the_door(store, told):
    staged = run_action(rotation_stage.ActionModule, {"vendor": "model", "users": ["alice"]})["users"]
    held = dict(store.data)
    result = run_action(rotation_commit.ActionModule, {"staged": staged, "results": [dict({"name": "alice", "state": "failed"}, **told)]})
    assert result["error"]["kind"] == "invalid_input" and "element 1 of results" in result["msg"].lower() and store.data == held


@pytest.mark.parametrize("result", [{"state": "changed", "verified": True, "failed_logins": 2}, {"state": "unchanged", "verified": "true"}])
def test_results_as_they_should_be_are_taken(store, result):
    staged = run_action(rotation_stage.ActionModule, {"vendor": "model", "users": ["alice"]})["users"]
    assert "failed" not in run_action(rotation_commit.ActionModule, {"staged": staged, "results": [dict(result, name="alice")]})


def test_edge_46_verify_fails_for_users_without_a_proved_password(store):
    rotate(first())
    result = run_action(rotation_info.ActionModule, {"vendor": "model", "connection": {"url": HERE}, "users": ["alice", "bob"], "verify": True})
    assert result["failed"] and "bob" in result["msg"] and "alice" not in result["msg"]
    assert result["summary"][-1] == "1 of 2 users could not be verified: bob"


def test_edge_31_verify_counts_before_it_logs_in_and_holds_the_lease(store, monkeypatch):
    rotate(first())
    monkeypatch.setattr(ModelVendor, "capabilities", LOCKS)
    seen = []

    def login(self, account, password):
        seen.append((store.record("alice").failed_logins, bool(store.read_note("lease of model-1").content["id"])))
        return Login.RIGHT

    monkeypatch.setattr(ModelVendor, "probe", login)
    result = run_action(rotation_info.ActionModule, {"vendor": "model", "connection": {"url": HERE}, "users": ["alice"], "verify": True})
    assert seen == [(1, True)] and "failed" not in result and store.record("alice").failed_logins == 0
    assert store.read_note("lease of model-1").content["id"] is None


def test_edge_31_three_verifies_of_a_wrong_password_make_one_failed_login(store, monkeypatch):
    rotate(first())
    monkeypatch.setattr(ModelVendor, "capabilities", LOCKS)
    ModelVendor.passwords["alice"], ModelVendor.calls = TOLD, []
    for _time in range(3):
        run_action(rotation_info.ActionModule, {"vendor": "model", "connection": {"url": HERE}, "users": ["alice"], "verify": True})
    assert len(ModelVendor.done("probe")) == 1


def left_behind(store, name="bob", sent=1, vendor="model", target=HERE, **more):
    """A user that is not in the inventory any more while a new password is pending."""
    pending = Pending(password=NEW, run_id="1", created=LONG_AGO, attempts=1, sent=sent)
    record = Record(name, password=OLD, pending=pending, rotated_at=LONG_AGO, host=store.host, vendor=vendor, target=target, account=name)
    store.keep(dataclasses.replace(record, **more))


def count_reads(store, monkeypatch):
    """What of a store lists or reads, as it happens."""
    done = []
    for name in ("list", "get", "put", "write_note"):
        original = getattr(store, name)
        monkeypatch.setattr(store, name, lambda *args, name=name, original=original: (done.append(name), original(*args))[1])
    return done


@pytest.mark.parametrize("check_mode", [False, True])
def test_edge_51_a_run_names_a_user_that_was_removed_while_pending(store, check_mode):
    left_behind(store)
    held = dict(store.data["bob"])
    result = rotate(first(), check_mode=check_mode)
    assert "failed" not in result and result["unlisted"] == ["bob"] and store.data["bob"] == held
    assert result["summary"][-1].startswith("bob: NOT among the users any more, and its new password, pending since %s, may be in force" % LONG_AGO)
    assert [text for text in result["warnings"] if "bob" in text] == ["model-1: " + result["summary"][-1]]


def test_edge_59_a_run_names_users_that_have_left_without_a_warning(store):
    rotate(first(), first("bob"))
    result = rotate("alice", force=True)
    assert result["unlisted"] == ["bob"] and "bob: NOT among the users any more" in result["summary"][-1] and not result.get("warnings")
    left_behind(store, sent=0)
    result = rotate("alice", force=True)
    assert result["unlisted"] == ["bob"] and "in force" not in result["summary"][-1] and not result.get("warnings")


def test_edge_59_a_run_that_fails_names_them_too(store):
    left_behind(store)

    def fail(account):
        raise PasswordError("user_not_found", "The model refuses.")

    ModelVendor.troubles["alice"] = fail
    result = rotate(first())
    assert result["failed"] and result["unlisted"] == ["bob"] and "1 of 1 users" in result["msg"]


@pytest.mark.parametrize(
    "whose",
    [{"status": RETIRED, "pending": None, "password": None}, {"vendor": "another", "target": "another://"}, {"target": THERE}],
    ids=["retired", "vendor", "target"],
)
def test_edge_59_a_run_is_silent_about_what_is_retired_or_somebody_elses(store, whose):
    left_behind(store, **whose)
    result = rotate(first())
    assert result["unlisted"] == [] and "bob" not in repr(result)


def test_edge_59_nothing_is_listed_where_it_costs_something_and_nobody_is_due(store, monkeypatch):
    rotate(first())
    left_behind(store)
    done = count_reads(store, monkeypatch)
    assert rotate("alice")["unlisted"] == [] and set(done) == {"get"}
    monkeypatch.setattr(store, "lists_for_free", True)
    assert rotate("alice")["unlisted"] == ["bob"] and set(done) == {"get", "list"}


def test_edge_59_one_listing_a_run(store, monkeypatch):
    left_behind(store)
    done = count_reads(store, monkeypatch)
    assert rotate(first())["unlisted"] == ["bob"] and done.count("list") == 1 and done[-2:] == ["list", "get"]


def test_edge_59_a_store_that_refuses_to_list_fails_no_run(store, monkeypatch):
    def refuse():
        raise PasswordError("store_failed", "Permission denied.")

    left_behind(store)
    monkeypatch.setattr(store, "list", refuse)
    result = rotate(first())
    assert "failed" not in result and result["unlisted"] == [] and "denied" not in repr(result)


def test_edge_59_a_record_that_cannot_be_read_hides_no_other_one(store):
    rotate(first())
    left_behind(store)
    store.data["carol"] = {"username": "carol", "failed_logins": -1}
    assert rotate("alice", force=True)["unlisted"] == ["bob"]
    status = run_action(rotation_info.ActionModule, {"users": ["alice"]})
    assert "failed" not in status and status["unlisted"] == ["bob"] and "may be in force" in status["summary"][-1]


def test_edge_59_the_steps_one_by_one_name_them_too(store):
    left_behind(store)
    left_behind(store, "carol", vendor="another", target="another://")
    here = {"vendor": "model", "connection": {"url": HERE}, "users": [first()]}
    for args in (here, {"vendor": "model", "users": [first()]}):
        result = run_action(rotation_stage.ActionModule, args)
        assert "failed" not in result and result["unlisted"] == ["bob"] and "may be in force" in result["summary"][0] and len(result["warnings"]) == 1
        assert "MARKER" not in repr(result)


def test_edge_59_status_and_retire_leave_other_vendors_alone(store):
    left_behind(store, "carol", vendor="another", target="another://")
    assert run_action(rotation_info.ActionModule, {"users": ["alice"]})["unlisted"] == ["carol"]
    assert run_action(rotation_info.ActionModule, {"users": ["alice"], "vendor": "model"})["unlisted"] == []


def test_edge_59_and_51_records_without_a_user_are_told_and_retired_with_a_copy(store):
    rotate(first(), first("bob"))
    password = store.record("bob").password
    result = run_action(rotation_info.ActionModule, {"users": ["alice"]})
    assert result["unlisted"] == ["bob"] and "bob" in result["summary"][-1] and "failed" not in result
    assert run_action(rotation_info.ActionModule, {"users": ["alice"], "fail_on": ["unlisted"]})["failed"]
    dry = run_action(rotation_retire.ActionModule, {"users": ["bob"]}, check_mode=True)
    assert dry["users"] == [{"name": "bob", "action": "retired", "error": None}] and store.record("bob").password == password
    retired = run_action(rotation_retire.ActionModule, {"users": ["bob", "carol"]})
    assert [user["action"] for user in retired["users"]] == ["retired", "unchanged"] and "MARKER" not in repr(retired) and retired["changed"]
    assert store.of[retired["retired_as"]].record("bob").password == password and store.record("bob").secrets == [] and store.record("bob").status == RETIRED
    assert run_action(rotation_info.ActionModule, {"users": ["alice"]})["unlisted"] == []
    assert [user["name"] for user in run_action(rotation_info.ActionModule, {})["users"]] == ["alice"]
    again = run_action(rotation_retire.ActionModule, {"users": ["bob"]})
    assert not again["changed"] and again["retired_as"] is None
    # Another name may have the account now, and the user itself can come back.
    ModelVendor.passwords["bob"] = OLD
    assert "failed" not in rotate(first("bob"), host="model-2")
    assert kinds(rotate(first("bob"))) == {"bob": "target_mismatch"}


@pytest.mark.parametrize(
    "reason, record",
    [
        ("overdue", Record("alice", password=OLD, status=CURRENT, rotated_at=LONG_AGO)),
        ("pending", Record("alice", password=OLD, pending=Pending(NEW, run_id="run"), rotated_at="2036-01-01T00:00:00Z")),
        ("orphaned", Record("alice", password=OLD, status=ORPHANED, rotated_at=LONG_AGO)),
        ("error", Record("alice", password=OLD, status=CURRENT, last_error={"kind": "timed_out", "message": "No.", "at": LONG_AGO})),
        ("absent", None),
    ],
)
def test_edge_57_status_can_be_told_what_is_a_failure(store, reason, record):
    if record:
        store.keep(record)
    assert "failed" not in run_action(rotation_info.ActionModule, {"users": ["alice"]})
    result = run_action(rotation_info.ActionModule, {"users": ["alice"], "fail_on": [reason]})
    assert result["failed"] and "alice" in result["msg"] and result["users"] and result["summary"]
    store.keep(Record("alice", password=OLD, status=CURRENT, rotated_at="2036-01-01T00:00:00Z"))
    assert "failed" not in run_action(rotation_info.ActionModule, {"users": ["alice"], "fail_on": [reason]})


@pytest.mark.parametrize("args", [{"policy": 5}, {"max_age": "old"}, {"target": ["x"]}, {"policy": {"length": "long"}}])
def test_edge_48_wrong_options_are_typed_errors(store, args):
    result = rotate(**args)
    assert result["error"]["kind"] == "invalid_input" and not ModelVendor.calls, result


def test_edge_48_an_age_beyond_the_calendar_is_no_accident(store):
    rotate(first())
    assert run_action(rotation_info.ActionModule, {"users": ["alice"], "max_age": "3000000d"})["users"][0]["due_at"] is None
    assert "failed" not in rotate("alice", max_age="3000000d")


def test_move_claims_the_accounts_in_the_other_store(store, monkeypatch):
    rotate(first())
    other = MemoryStore()
    whole = task_module.open_store
    monkeypatch.setattr(task_module, "open_store", lambda name, host, options, loader: other if name == "other" else whole(name, host, options, loader))
    assert run_action(rotation_move.ActionModule, {"to_store": "other"})["users"][0]["action"] == "copied"
    assert Claims(other, "model", HERE).holders(["alice"]) == {"alice": "model-1"} and other.record("alice") == store.record("alice")


def test_move_to_the_same_store_waits_for_nobody(store):
    rotate(first())
    assert run_action(rotation_move.ActionModule, {"to_store": "ansible_vault"})["users"][0]["action"] == "unchanged"


def test_edge_36_failed_logins_that_only_a_good_login_forgets_can_be_forgotten_by_hand(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(failed_logins_per_call=2, lockout_window=3600.0, forgets="good_login"))
    store.keep(Record("alice", password=OLD, status=CURRENT, rotated_at=LONG_AGO, failed_logins=2, failed_at=LONG_AGO))
    assert kinds(repair()) == {"alice": "login_budget_spent"} and not ModelVendor.calls
    assert kinds(repair(forget_failed_logins=True)) == {"alice": None} and store.record("alice").failed_logins == 0


def test_edge_40_a_search_that_the_budget_ends_goes_on_with_the_others(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", LOCKS)
    earlier = (Earlier(LATE, LONG_AGO),)
    store.keep(Record("alice", password=OLD, previous=TOLD, pending=Pending(NEW, run_id="run", created=LONG_AGO, sent=1), earlier=earlier))
    ModelVendor.passwords["alice"] = LATE
    for _time in range(3):
        assert repair()["failed"]
        record = store.record("alice")
        record.failed_at = LONG_AGO  # the vendor has forgotten
        store.keep(record)
    assert repair()["users"][0]["password"] == "earlier"
    assert [used for _name, used in ModelVendor.done("probe")] == [NEW, OLD, TOLD, LATE] and store.record("alice").refuted == ()


def test_a_told_password_has_the_second_login_after_a_verify_that_failed(store, monkeypatch):
    rotate(first())
    monkeypatch.setattr(ModelVendor, "capabilities", LOCKS)
    ModelVendor.passwords["alice"], ModelVendor.calls = TOLD, []
    run_action(rotation_info.ActionModule, {"vendor": "model", "connection": {"url": HERE}, "users": ["alice"], "verify": True})
    assert kinds(repair({"name": "alice", "password": NEW})) == {"alice": "current_password_wrong"}
    assert kinds(repair({"name": "alice", "password": TOLD})) == {"alice": "login_budget_spent"} and len(ModelVendor.done("probe")) == 2
    record = store.record("alice")
    record.failed_at = LONG_AGO
    store.keep(record)
    run_action(rotation_info.ActionModule, {"vendor": "model", "connection": {"url": HERE}, "users": ["alice"], "verify": True})
    assert kinds(repair({"name": "alice", "password": TOLD})) == {"alice": None}


@pytest.mark.parametrize("symbols", [0, 1])
def test_edge_21_a_password_that_needed_more_than_the_policy_allows_is_told(store, symbols):
    def wants_symbols(account):
        if account.password.isalnum():
            raise PasswordError("password_rejected", "Too simple.")

    ModelVendor.troubles["alice"] = wants_symbols
    result = rotate(first(), policy={"symbols": symbols})
    warned = [text for text in result.get("warnings", []) if "alice" in text and "symbols" in text]
    assert "failed" not in result and len(warned) == (1 if not symbols else 0), result
