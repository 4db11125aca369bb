# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action rotation_change: what reaches the vendor, as whom, and what is told."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import types

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.rekey.passwords.plugins.action.rotation_change import ActionModule
from ansible_collections.rekey.passwords.plugins.module_utils import _adapter
from ansible_collections.rekey.passwords.plugins.module_utils._environment import from_environment
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Login
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import lease, sender
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, Pending, Record

from tests.unit.plugins.rotation_doubles import MODEL_MODULE, MemoryStore, ModelVendor, action, capabilities, run_action, use_model

OLD, NEW, ROOT, ROOT_NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new", "S3cr3t-MARKER-root", "S3cr3t-MARKER-root-new"


@pytest.fixture(name="store", autouse=True)
def _store(monkeypatch):
    ModelVendor.reset(root=ROOT, alice=OLD, bob=OLD)
    return use_model(monkeypatch, MemoryStore())


def keep_pending(store, name, attempts=1, password=OLD, new=NEW, run_id="run"):
    """A user for whom a password is staged; attempts above 1: by an earlier run, which has sent it."""
    pending = Pending(new, run_id=run_id, created="2026-01-01T00:00:00Z", attempts=attempts, sent=attempts - 1)
    store.keep(Record(name, password=password, pending=pending))


def staged(*names, fresh=True, due=True):
    """What stage returned of these users."""
    return [{"name": name, "due": due, "reason": "new", "run_id": "run", "fresh": fresh, "rotated_at": None} for name in names]


def change(users, staged_users, connection=None, policy=None, **more):
    """The result of the task."""
    args = {"vendor": "model", "users": list(users), "staged": staged_users, "connection": connection or {"url": "model://"}, "policy": policy}
    return run_action(ActionModule, args, **more)


AS_ROOT = {"url": "model://", "api_user": "root", "api_password": ROOT}


def states(result):
    """State and error of each user."""
    return {user["name"]: (user["state"], user["error"] and user["error"]["kind"]) for user in result["users"]}


def test_a_fresh_password_is_set_without_a_look(store):
    keep_pending(store, "alice")
    result = change(["alice"], staged("alice"))
    assert result["changed"] and states(result) == {"alice": ("changed", None)}
    # One probe, and that is the proof afterwards: a normal rotation costs no failed login.
    assert [what for what, _user, _password in ModelVendor.calls] == ["change", "probe"]
    assert ModelVendor.passwords["alice"] == NEW
    assert "MARKER" not in repr(result) and "diff" not in result and "invocation" not in result


def test_a_leftover_password_that_is_in_force_is_not_set_again(store):
    keep_pending(store, "alice", attempts=2)
    ModelVendor.passwords["alice"] = NEW
    assert states(change(["alice"], staged("alice", fresh=False))) == {"alice": ("unchanged", None)}
    assert not ModelVendor.done("change")


def test_a_password_that_another_run_has_taken_up_since_gets_a_look_too(store):
    keep_pending(store, "alice", attempts=2)
    ModelVendor.passwords["alice"] = NEW
    assert states(change(["alice"], staged("alice", fresh=True))) == {"alice": ("unchanged", None)}


def test_the_vendor_gets_the_known_password_and_the_extras(store, monkeypatch):
    seen = []
    monkeypatch.setattr(sender, "run_vendor_module", lambda _action, _vendor, args, _vars, _check_mode: seen.append(args) or {"changed": False, "users": []})
    keep_pending(store, "alice")
    store.keep(Record("bob", pending=Pending(NEW, run_id="run", attempts=1, replaces="S3cr3t-MARKER-adopted")))
    change([{"name": "alice", "current_password": "S3cr3t-MARKER-stale", "scope": "local"}, "bob"], staged("alice", "bob", "unlisted"))
    assert seen[0]["users"] == [
        {"name": "alice", "scope": "local", "password": NEW, "current_password": OLD, "update_password": "always", "failed_logins": 0},
        {"name": "bob", "password": NEW, "current_password": "S3cr3t-MARKER-adopted", "update_password": "always", "failed_logins": 0},
    ]


def test_only_those_who_are_due_are_touched(store):
    keep_pending(store, "alice")
    keep_pending(store, "bob")
    change(["alice", "bob"], staged("alice") + staged("bob", due=False))
    assert ModelVendor.done("change") == [("alice", NEW)]


def test_nobody_due_asks_nobody(store):
    store.broken = True
    assert change(["alice"], staged("alice", due=False)) == {"changed": False, "users": []}
    assert not ModelVendor.calls


@pytest.mark.parametrize(
    "record", [None, Record("alice", password=NEW, status=CURRENT), Record("alice", pending=Pending("S3cr3t-MARKER-theirs", run_id="theirs"))]
)
def test_another_runs_password_is_not_sent_for_ours(store, record):
    if record:
        store.keep(record)
    keep_pending(store, "bob")
    result = change(["alice", "bob"], staged("alice", "bob"))
    assert states(result) == {"alice": ("failed", "store_conflict"), "bob": ("changed", None)}
    assert result["failed"] and "alice" in result["msg"] and result["changed"]
    assert ModelVendor.done("change") == [("bob", NEW)]


def test_what_another_run_has_finished_meanwhile_is_no_failure(store):
    # That run was faster; this one has nothing to do for alice, and must not alarm anybody.
    store.keep(Record("alice", password=NEW, previous=OLD, status=CURRENT, rotated_at="2026-02-01T00:00:00Z"))
    result = change(["alice"], staged("alice"))
    assert states(result) == {"alice": ("unchanged", None)} and "failed" not in result and not ModelVendor.calls


def refuse(number, kind="password_rejected"):
    """A vendor that refuses the first so many passwords of a user; the function of :attr:`ModelVendor.troubles`."""
    refused = []

    def trouble(account):
        if len(refused) < number:
            refused.append(account.password)
            raise PasswordError(kind, "The model does not like %s." % account.password)

    return trouble


def test_a_refused_password_is_replaced_by_a_better_one_in_the_same_call(store):
    keep_pending(store, "alice")
    keep_pending(store, "bob")
    ModelVendor.troubles["alice"] = refuse(1)
    result = change(["alice", "bob"], staged("alice", "bob"), policy={"symbols": 0})
    assert states(result) == {"alice": ("changed", None), "bob": ("changed", None)}
    assert (result["changed"], result["failed"], "msg" in result) == (True, False, False)
    first, second = [password for name, password in ModelVendor.done("change") if name == "alice"]
    assert (first, second) == (NEW, ModelVendor.passwords["alice"]) and first != second and not second.isalnum()
    # For commit it is the password that was staged.
    pending = store.record("alice").pending
    assert (pending.password, pending.run_id, pending.sent) == (second, "run", 1)
    assert "MARKER" not in repr(result) and second not in repr(result)


def test_a_better_password_is_tried_once_and_then_told(store):
    keep_pending(store, "alice")
    keep_pending(store, "bob")
    ModelVendor.troubles["alice"] = refuse(9)
    result = change(["alice", "bob"], staged("alice", "bob"))
    assert states(result) == {"alice": ("failed", "password_rejected"), "bob": ("changed", None)}
    assert result["failed"] and result["msg"].startswith("1 of 2 users failed; the first is alice: ")
    sent = [password for name, password in ModelVendor.done("change") if name == "alice"]
    assert len(sent) == 2 and sent[1] == store.record("alice").pending.password
    assert "MARKER" not in repr(result) and sent[1] not in repr(result)


@pytest.mark.parametrize("kind", ["password_reused", "permission_denied", "timed_out"])
def test_what_is_no_refusal_of_the_policy_gets_no_better_password(store, kind):
    keep_pending(store, "alice")
    ModelVendor.troubles["alice"] = refuse(1, kind)
    assert states(change(["alice"], staged("alice"))) == {"alice": ("failed", kind)}
    assert len(ModelVendor.done("change")) == 1 and store.record("alice").pending.password == NEW


def test_a_refused_password_that_may_be_in_force_is_not_replaced(store):
    # An earlier run has sent it, and no login can tell whether it arrived.
    keep_pending(store, "alice", attempts=2)
    ModelVendor.troubles["alice"] = refuse(1)
    ModelVendor.unreachable = {"alice"}
    result = change(["alice"], staged("alice", fresh=False))
    assert states(result) == {"alice": ("failed", "password_rejected")} and store.record("alice").pending.password == NEW


def test_a_refused_password_that_a_login_has_refuted_is_replaced(store):
    keep_pending(store, "alice", attempts=2)
    ModelVendor.troubles["alice"] = refuse(1)
    assert states(change(["alice"], staged("alice", fresh=False))) == {"alice": ("changed", None)}
    assert ModelVendor.passwords["alice"] == store.record("alice").pending.password != NEW


def test_it_is_noted_before_anything_is_sent(store):
    keep_pending(store, "alice")
    noted = []
    ModelVendor.troubles["alice"] = lambda account: noted.append(store.record("alice").pending.sent)
    change(["alice"], staged("alice"))
    assert noted == [1]


def test_a_login_that_may_fail_is_counted_before_it_is_made(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(failed_logins_per_call=2, lockout_window=3600.0))
    keep_pending(store, "alice", attempts=2)
    noted = []
    monkeypatch.setattr(ModelVendor, "probe", lambda self, account, password: noted.append(store.record("alice").failed_logins) or Login.WRONG)
    change(["alice"], staged("alice", fresh=False))
    assert noted[0] == 1


def test_a_user_whose_failed_logins_are_too_many_is_left_alone(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(failed_logins_per_call=2, lockout_window=3600.0))
    keep_pending(store, "alice", attempts=2)
    record = store.record("alice")
    record.note_failed_logins(2, utc_now())
    store.keep(record)
    result = change(["alice"], staged("alice", fresh=False))
    assert states(result) == {"alice": ("failed", "login_budget_spent")} and not ModelVendor.calls
    error = result["users"][0]["error"]
    end = utc_now() + datetime.timedelta(hours=1)
    # Number 64: with the time, which is that of the last failed login and not that of this run.
    times = [moment.strftime("%H:%MZ") for moment in (end, end + datetime.timedelta(minutes=1))]
    assert error["retryable"] and error["message"].startswith("Skipped alice: 2 recent failed logins; one more")
    assert "Run again after the lock-out window." in error["message"]
    assert any(time in error["message"] for time in times) and "Retry after " in error["message"]


def test_edge_64_the_time_to_try_again_counts_from_the_last_failed_login(store, monkeypatch):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(failed_logins_per_call=2, lockout_window=86400.0))
    keep_pending(store, "alice", attempts=2)
    record = store.record("alice")
    failed_at = utc_now() - datetime.timedelta(hours=7)
    record.note_failed_logins(2, failed_at)
    store.keep(record)
    message = change(["alice"], staged("alice", fresh=False))["users"][0]["error"]["message"]
    end = failed_at + datetime.timedelta(days=1)
    assert (end + datetime.timedelta(seconds=59)).strftime("%H:%MZ") in message


def test_a_run_that_waits_in_vain_steps_back_and_sends_nothing(store, monkeypatch):
    keep_pending(store, "alice")

    @contextlib.contextmanager
    def held(store):
        raise PasswordError("store_conflict", "Another run has been changing passwords of %s." % store.host)
        yield  # pylint: disable=unreachable

    monkeypatch.setattr(lease, "held", held)
    result = change(["alice"], staged("alice"))
    assert (result["error"]["kind"], result["msg"]) == ("store_conflict", "Another run has been changing passwords of model-1.")
    assert not ModelVendor.calls and store.record("alice").pending.sent == 0


def test_one_bad_user_hides_nobody(store):
    keep_pending(store, "ghost")
    keep_pending(store, "alice")
    result = change(["ghost", "alice"], staged("ghost", "alice"))
    assert result["failed"] and states(result) == {"ghost": ("failed", "user_not_found"), "alice": ("changed", None)}


@pytest.mark.parametrize("name", ["users", "name", "password", "current_password", "update_password"])
def test_connection_must_not_hold_what_the_rotation_sets(store, name):
    keep_pending(store, "alice")
    result = change(["alice"], staged("alice"), {"url": "model://", name: "S3cr3t-MARKER-given"})
    assert result["msg"] == "connection must not hold %s: the rotation sets it." % name
    assert result["failed"] and "MARKER" not in repr(result) and not ModelVendor.calls


@pytest.mark.parametrize(
    "connection, told",
    [
        ({"uri": "model://"}, "uri"),
        ({"api_pasword": ROOT, "url": "model://"}, "api_pasword"),
        ({"url": "model://", "api_password": ROOT, "timeout": ROOT}, "timeout"),
    ],
)
def test_wrong_connection_options_are_told_without_a_secret(store, connection, told):
    keep_pending(store, "alice")
    result = change(["alice"], staged("alice"), connection)
    assert (result["failed"], result["error"]["kind"]) == (True, "invalid_input") and told in result["msg"]
    assert "MARKER" not in repr(result) and not ModelVendor.calls


def test_a_store_that_cannot_be_read_sends_nothing(store):
    store.broken = True
    result = change(["alice"], staged("alice"))
    assert (result["failed"], result["error"]["kind"]) == (True, "store_failed") and not ModelVendor.calls


def test_a_vendor_that_breaks_unexpectedly_shows_nothing(store):
    def trouble(account):
        raise ValueError("%s %s" % (account.password, account.current_password))

    keep_pending(store, "alice")
    ModelVendor.troubles["alice"] = trouble
    result = change(["alice"], staged("alice"))
    assert states(result) == {"alice": ("failed", "unexpected_response")} and "MARKER" not in repr(result)


def test_check_mode_looks_and_writes_nothing(store):
    # As after a stage in check mode: nothing is stored of alice; bob's password was left by a run.
    keep_pending(store, "bob", attempts=1)
    before = repr(store.data)
    users = [{"name": "alice", "current_password": OLD}, "bob", "ghost"]
    result = change(users, staged("alice", "ghost") + staged("bob", fresh=False), check_mode=True)
    assert states(result) == {"alice": ("would_change", None), "bob": ("would_change", None), "ghost": ("failed", "user_not_found")}
    assert not ModelVendor.done("change") and repr(store.data) == before and "MARKER" not in repr(result)


def test_check_mode_tells_a_wrong_adopted_password(store):
    result = change([{"name": "alice", "current_password": "S3cr3t-MARKER-wrong"}], staged("alice"), check_mode=True)
    assert states(result) == {"alice": ("failed", "current_password_wrong")} and store.writes == 0


def test_the_operators_password_comes_from_the_store_once_it_is_there(store):
    store.keep(Record("root", password=ROOT, status=CURRENT))
    keep_pending(store, "alice")
    connection = dict(AS_ROOT, api_password="S3cr3t-MARKER-stale")
    assert states(change(["alice", "root"], staged("alice") + staged("root", due=False), connection)) == {"alice": ("changed", None)}
    assert ModelVendor.done("operator") == [("root", ROOT)]


def test_an_operator_that_is_no_user_of_the_store_logs_in_as_told(store):
    keep_pending(store, "alice")
    assert states(change(["alice"], staged("alice"), AS_ROOT)) == {"alice": ("changed", None)}
    assert ModelVendor.done("operator") == [("root", ROOT)]


@pytest.mark.parametrize("known", [ROOT, None])
def test_an_operator_that_rotates_itself_is_changed_last(store, known):
    keep_pending(store, "root", password=known, new=ROOT_NEW)
    keep_pending(store, "alice")
    keep_pending(store, "bob")
    result = change(["root", "alice", "bob"], staged("root", "alice", "bob"), AS_ROOT)
    assert {state for state, _error in states(result).values()} == {"changed"}
    assert ModelVendor.done("change")[-1] == ("root", ROOT_NEW) and ModelVendor.done("operator") == [("root", ROOT)]


@pytest.mark.parametrize("in_force, tried", [(ROOT, [ROOT]), (ROOT_NEW, [ROOT, ROOT_NEW]), ("S3cr3t-MARKER-elsewhere", [ROOT, ROOT_NEW])])
def test_after_a_run_that_died_the_operators_new_password_may_be_the_right_one(store, in_force, tried):
    ModelVendor.passwords["root"] = in_force
    keep_pending(store, "root", attempts=2, password=ROOT, new=ROOT_NEW)
    keep_pending(store, "alice")
    result = change(["alice", "root"], staged("alice") + staged("root", fresh=False), AS_ROOT)
    assert [password for _user, password in ModelVendor.done("operator")] == tried
    if in_force == "S3cr3t-MARKER-elsewhere":
        assert result["error"]["kind"] == "authentication_failed" and states(result)["alice"] == ("failed", "authentication_failed")
        assert not ModelVendor.done("change")
    else:
        assert states(result)["alice"] == ("changed", None) and ModelVendor.passwords["root"] == ROOT_NEW
    assert "MARKER" not in repr(result)


@pytest.mark.parametrize("record", ["fresh", "settled", "none"])
def test_where_nothing_is_left_over_the_operator_fails_one_login_and_no_more(store, record):
    ModelVendor.passwords["root"] = "S3cr3t-MARKER-elsewhere"
    keep_pending(store, "alice")
    who = staged("alice")
    if record == "fresh":
        keep_pending(store, "root", password=ROOT, new=ROOT_NEW)
        who += staged("root")
    elif record == "settled":
        store.keep(Record("root", password=ROOT, previous=ROOT_NEW, status=CURRENT))
    result = change(["alice", "root"], who, AS_ROOT)
    assert result["error"]["kind"] == "authentication_failed" and "MARKER" not in repr(result)
    assert ModelVendor.done("operator") == [("root", ROOT)]


def test_what_may_be_in_force_already_is_not_sent_a_second_time(store):
    # The operator is locked in the middle: a second call would repeat alice's change, and its answer would hide that the first worked.
    def locked(_account):
        raise PasswordError("authentication_failed", "The model refused the operator.")

    keep_pending(store, "root", attempts=2, password=ROOT, new=ROOT_NEW)
    keep_pending(store, "alice")
    keep_pending(store, "bob")
    ModelVendor.troubles["bob"] = locked
    connection = dict(AS_ROOT, concurrency=1)
    result = change(["alice", "bob", "root"], staged("alice", "bob") + staged("root", fresh=False), connection)
    assert states(result)["alice"] == ("changed", None) and states(result)["bob"] == ("failed", "authentication_failed")
    assert [user for user, _password in ModelVendor.done("change")] == ["alice", "bob"]
    assert ModelVendor.done("operator") == [("root", ROOT)]


@pytest.mark.parametrize("where", [{"transport": "ssh"}, {"become": "sudo"}])
def test_elsewhere_the_module_is_shipped(store, monkeypatch, where):
    keep_pending(store, "alice")
    args = {"vendor": "model", "users": ["alice"], "staged": staged("alice"), "connection": AS_ROOT}
    plugin = action(ActionModule, args, **where)
    shipped = []

    def execute(module_name, module_args, task_vars):
        shipped.append((module_name, module_args["users"], task_vars))
        return {"changed": True, "users": [{"name": "alice", "state": "changed"}], "invocation": {"module_args": module_args}, "diff": []}

    monkeypatch.setattr(plugin, "_execute_module", execute)
    task_vars = {"inventory_hostname": "model-1"}
    assert plugin.run(task_vars=task_vars) == {"changed": True, "users": [{"name": "alice", "id": None, "state": "changed", "verified": None, "error": None}]}
    users = [{"name": "alice", "password": NEW, "current_password": OLD, "update_password": "always", "failed_logins": 0}]
    assert shipped == [("rekey.passwords.model_user_password", users, task_vars)]
    assert not ModelVendor.calls


def test_edge_9_a_module_that_crashed_leaves_it_open_what_happened_and_the_reason_is_told(store, monkeypatch):
    keep_pending(store, "alice")
    plugin = action(ActionModule, {"vendor": "model", "users": ["alice"], "staged": staged("alice"), "connection": AS_ROOT}, transport="ssh")
    monkeypatch.setattr(plugin, "_execute_module", lambda **_kwargs: {"failed": True, "msg": "MODULE FAILURE", "module_stdout": NEW, "exception": NEW})
    result = plugin.run(task_vars={"inventory_hostname": "model-1"})
    assert result["failed"] and states(result) == {"alice": ("unknown", "outcome_unknown")} and "MODULE FAILURE" in result["users"][0]["error"]["message"]
    assert "MARKER" not in repr(result) and "exception" not in result and "module_stdout" not in result
    # It may have been at work before it crashed.
    assert store.record("alice").pending.sent == 1


LIBRARY = "Failed to import the required Python library (requests) on host's Python /usr/bin/python3."
INTERPRETER = "The module interpreter '/opt/python' was not found."
TRACEBACK = "Traceback (most recent call last):\n  File ...\nModuleNotFoundError: No module named 'ansible'\n"


@pytest.mark.parametrize("answer, words", [
    ({"failed": True, "msg": LIBRARY, "exception": NEW}, LIBRARY),
    ({"failed": True, "msg": INTERPRETER, "module_stdout": "", "module_stderr": "/bin/sh: 1: /opt/python: not found\n", "rc": 127}, INTERPRETER),
    ({"failed": True, "msg": INTERPRETER, "module_stdout": "", "module_stderr": "", "rc": 1}, INTERPRETER),
    ({"failed": True, "msg": "MODULE FAILURE", "module_stdout": "", "module_stderr": TRACEBACK, "rc": 1}, "No module named 'ansible'"),
    ({"failed": True, "msg": "Unsupported parameters for (rekey.passwords.model_user_password) module: scope."}, "Unsupported parameters"),
    (AnsibleConnectionFailure("Failed to create temporary directory."), "Failed to create temporary directory."),
    (AnsibleError("Missing sudo password"), "Missing sudo password"),
])  # fmt: skip
def test_edge_9_and_11_what_was_never_started_is_the_users_error_and_nothing_stays_noted(store, monkeypatch, answer, words):
    monkeypatch.setattr(ModelVendor, "capabilities", capabilities(failed_logins_per_call=2, lockout_window=3600.0))
    keep_pending(store, "alice", attempts=2)
    keep_pending(store, "bob")
    before = repr(store.data)
    plugin = action(ActionModule, {"vendor": "model", "users": ["alice", "bob"], "staged": staged("alice", "bob"), "connection": AS_ROOT}, transport="ssh")
    noted = []

    def execute(**_kwargs):
        noted.append((store.record("alice").pending.sent, store.record("alice").failed_logins))
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    monkeypatch.setattr(plugin, "_execute_module", execute)
    result = plugin.run(task_vars={"inventory_hostname": "model-1"})
    assert noted == [(2, 1)], "it is noted before, whatever comes of it"
    kind = "connection_failed" if isinstance(answer, Exception) else "invalid_input"
    assert result["failed"] and states(result) == {"alice": ("failed", kind), "bob": ("failed", kind)}
    assert all(words in user["error"]["message"] for user in result["users"]) and "MARKER" not in repr(result)
    assert repr(store.data) == before and not operators(store)
    assert result.get("unreachable", False) == isinstance(answer, AnsibleConnectionFailure)


def operators(store):
    """The failed logins of operators that the store knows."""
    notes = [content for _number, content in store.notes.values()]
    return {name: entry["failed_logins"] for note in notes for name, entry in json.loads(note).get("operators", {}).items() if entry["failed_logins"]}


def test_edge_9_a_library_that_is_missing_here_is_told_before_anything_is_noted(store, monkeypatch):
    keep_pending(store, "alice")
    monkeypatch.setattr(_adapter, "REQUESTS_IMPORT_ERROR", "Traceback")
    result = change(["alice"], staged("alice"))
    assert states(result) == {"alice": ("failed", "invalid_input")} and "requests" in result["msg"]
    assert store.record("alice").pending.sent == 0 and store.writes == 0


def test_edge_9_a_rotation_needs_no_python_but_its_own(store):
    keep_pending(store, "alice")
    args = {"vendor": "model", "users": ["alice"], "staged": staged("alice"), "connection": AS_ROOT}
    result = action(ActionModule, args).run(task_vars={"inventory_hostname": "model-1", "ansible_python_interpreter": "/opt/of-the-machines/python3"})
    assert states(result) == {"alice": ("changed", None)}


class Connection:
    """Of ssh, on which a command fails."""

    transport, become, _shell, tmpdir = "ssh", None, types.SimpleNamespace(tmpdir="/nowhere"), "/nowhere"

    def __init__(self, fails, exc):
        self.fails, self.exc = fails, exc

    def put_file(self, *_paths):
        self._fail("copy")

    def exec_command(self, cmd, in_data=None, sudoable=True):
        self._fail(cmd)

    def _fail(self, what):
        if what == self.fails:
            raise self.exc


DROPPED, REFUSED = "Failed to connect to the host via ssh: Shared connection closed.", "Failed to connect to the host via ssh: ssh: connect to host h port 1"


@pytest.mark.parametrize("fails, exc, begun", [
    ("mkdir", AnsibleConnectionFailure(DROPPED), False),
    ("copy", AnsibleConnectionFailure(DROPPED), False),
    ("chmod u+x module", AnsibleConnectionFailure(DROPPED), False),
    ("python module", AnsibleConnectionFailure(DROPPED), True),
    ("python module", AnsibleConnectionFailure(REFUSED), False),
    ("python module", AnsibleError("Incorrect sudo password"), False),
    ("python module", AnsibleError("something else"), True),
    ("rm", AnsibleConnectionFailure(DROPPED), True),
])  # fmt: skip
def test_edge_11_a_connection_that_breaks_while_the_module_may_be_at_work_proves_nothing(store, monkeypatch, fails, exc, begun):
    keep_pending(store, "alice")
    plugin = action(ActionModule, {"vendor": "model", "users": ["alice"], "staged": staged("alice"), "connection": AS_ROOT}, transport="ssh")
    connection = plugin._connection = Connection(fails, exc)

    def execute(**_kwargs):
        connection.exec_command("mkdir")
        connection.put_file("here", "there")
        for command in ("chmod u+x module", "python module", "rm"):
            connection.exec_command(command)

    monkeypatch.setattr(plugin, "_execute_module", execute)
    result = plugin.run(task_vars={"inventory_hostname": "model-1"})
    assert states(result) == {"alice": ("unknown", "outcome_unknown") if begun else ("failed", "connection_failed")}
    assert str(exc)[:20] in result["users"][0]["error"]["message"] and store.record("alice").pending.sent == int(begun)
    assert bool(result.get("unreachable")) == isinstance(exc, AnsibleConnectionFailure) and "put_file" not in vars(connection)


@pytest.mark.parametrize("name, state", [("********", "changed"), ("a********e", "changed")])
def test_edge_37_results_are_matched_by_their_place(store, monkeypatch, name, state):
    keep_pending(store, "alice")
    keep_pending(store, "bob")
    plugin = action(ActionModule, {"vendor": "model", "users": ["alice", "bob"], "staged": staged("alice", "bob"), "connection": AS_ROOT}, transport="ssh")
    users = [{"name": name, "state": state, "verified": True, "error": None}, {"name": "bob", "state": "failed", "verified": None, "error": ERROR}]
    monkeypatch.setattr(plugin, "_execute_module", lambda **_kwargs: {"changed": True, "failed": True, "msg": "1 of 2", "users": users})
    result = plugin.run(task_vars={"inventory_hostname": "model-1"})
    assert states(result) == {"alice": ("changed", None), "bob": ("failed", "timed_out")}


ERROR = {"kind": "timed_out", "message": "No answer."}


@pytest.mark.parametrize("odd", [None, "changed", {"name": "alice"}, {"name": "alice", "state": 7}])
def test_edge_37_a_result_that_is_none_is_told_as_such(store, monkeypatch, odd):
    keep_pending(store, "alice")
    plugin = action(ActionModule, {"vendor": "model", "users": ["alice"], "staged": staged("alice"), "connection": AS_ROOT}, transport="ssh")
    monkeypatch.setattr(plugin, "_execute_module", lambda **_kwargs: {"changed": True, "users": [odd]})
    assert states(plugin.run(task_vars={"inventory_hostname": "model-1"})) == {"alice": ("unknown", "outcome_unknown")}


# The connection's options


def test_edge_6_the_operator_of_the_environment_is_the_one_in_the_store(store, monkeypatch):
    monkeypatch.setitem(MODEL_MODULE.SPEC["argument_spec"], "api_user", dict(type="str", fallback=(from_environment, ["MODEL_API_USER"])))
    monkeypatch.setitem(MODEL_MODULE.SPEC["argument_spec"], "api_password", dict(type="str", no_log=True, fallback=(from_environment, ["MODEL_API_PASSWORD"])))
    monkeypatch.setenv("MODEL_API_USER", "root")
    monkeypatch.setenv("MODEL_API_PASSWORD", "S3cr3t-MARKER-of-before")
    store.keep(Record("root", password=ROOT, status=CURRENT))
    keep_pending(store, "alice")
    result = change(["alice", "root"], staged("alice") + staged("root", due=False), {"url": "model://"})
    assert states(result) == {"alice": ("changed", None)} and ModelVendor.done("operator") == [("root", ROOT)]


@pytest.mark.parametrize("api_password", ["", None])
def test_edge_7_the_password_that_the_user_gave_is_tried_too(store, monkeypatch, api_password):
    monkeypatch.setitem(MODEL_MODULE.SPEC["argument_spec"], "api_password", dict(type="str", no_log=True, fallback=(from_environment, ["MODEL_API_PASSWORD"])))
    monkeypatch.setenv("MODEL_API_PASSWORD", ROOT)
    keep_pending(store, "root", attempts=2, password=None, new=ROOT_NEW)
    connection = {"url": "model://", "api_user": "root", "api_password": api_password}
    assert states(change(["root"], staged("root", fresh=False), connection)) == {"root": ("changed", None)}
    assert ModelVendor.done("operator") == [("root", ROOT)] and ModelVendor.passwords["root"] == ROOT_NEW


def test_edge_7_and_61_the_users_password_comes_last_where_the_store_knows_others(store):
    keep_pending(store, "root", attempts=2, password="S3cr3t-MARKER-old-copy", new=ROOT_NEW)
    keep_pending(store, "alice")
    assert states(change(["alice", "root"], staged("alice") + staged("root", due=False), AS_ROOT))["alice"] == ("changed", None)
    assert [password for _name, password in ModelVendor.done("operator")] == ["S3cr3t-MARKER-old-copy", ROOT_NEW, ROOT]


def test_edge_8_an_option_that_is_empty_is_none(store, monkeypatch):
    monkeypatch.setenv("MODEL_RETRIES", "")
    keep_pending(store, "alice")
    connection = {"url": "model://", "api_user": "", "api_password": None, "timeout": "", "ca_path": ""}
    assert states(change(["alice"], staged("alice"), connection)) == {"alice": ("changed", None)} and not ModelVendor.done("operator")


@pytest.mark.parametrize("connection, words", [
    ({"timeout": "30s"}, "connection (in the role: rotate_connection): argument 'timeout'"),
    ({"timeout": 0}, "connection (in the role: rotate_connection): timeout must be more than 0"),
    ({"retries": -1}, "connection (in the role: rotate_connection): retries must be at least 0."),
    ({"concurrency": 0}, "connection (in the role: rotate_connection): concurrency must be at least 1."),
    ({"ca_path": "/nowhere/ca.pem"}, "ca_path: there is no readable file or folder /nowhere/ca.pem."),
    ({"colour": "S3cr3t-MARKER-blue"}, "connection (in the role: rotate_connection): Unsupported options: colour."),
    ({"url": ""}, "missing required arguments: url"),
])  # fmt: skip
def test_edge_10_wrong_options_are_told_before_anything_is_noted(store, connection, words):
    keep_pending(store, "alice")
    result = change(["alice"], staged("alice"), dict({"url": "model://"}, **connection))
    assert (result["failed"], result["error"]["kind"]) == (True, "invalid_input") and words in result["msg"], result["msg"]
    assert "MARKER" not in repr(result) and not ModelVendor.calls and store.writes == 0 and store.record("alice").pending.sent == 0


def test_edge_10_a_variable_of_the_environment_is_named(store, monkeypatch):
    monkeypatch.setenv("MODEL_TIMEOUT", "30s")
    keep_pending(store, "alice")
    result = change(["alice"], staged("alice"))
    assert "(timeout comes from the environment variable MODEL_TIMEOUT.)" in result["msg"] and store.writes == 0


def test_what_identifies_the_target_is_passed_on_as_it_was_settled_here(store, monkeypatch):
    # Where the module runs, another server may be in the environment.
    monkeypatch.setitem(MODEL_MODULE.SPEC["argument_spec"], "url", dict(type="str", required=True, fallback=(from_environment, ["MODEL_URL"])))
    monkeypatch.setenv("MODEL_URL", "model://here")
    monkeypatch.setenv("MODEL_TIMEOUT", "7")
    keep_pending(store, "alice")
    plugin = action(ActionModule, {"vendor": "model", "users": ["alice"], "staged": staged("alice"), "connection": {"retries": 1}}, transport="ssh")
    seen = []
    monkeypatch.setattr(plugin, "_execute_module", lambda module_args, **_more: seen.append(module_args) or {"changed": False, "users": []})
    plugin.run(task_vars={"inventory_hostname": "model-1"})
    seen[0].pop("users")
    assert seen == [{"url": "model://here", "retries": 1}]


def test_variables_that_the_task_sets_count(store, monkeypatch):
    monkeypatch.setitem(MODEL_MODULE.SPEC["argument_spec"], "url", dict(type="str", required=True, fallback=(from_environment, ["MODEL_URL"])))
    keep_pending(store, "alice")
    plugin = action(ActionModule, {"vendor": "model", "users": ["alice"], "staged": staged("alice"), "connection": {}})
    plugin._task.environment = [{"MODEL_URL": "model://there"}]
    seen = []
    monkeypatch.setattr(plugin, "_execute_module", lambda module_args, **_more: seen.append(module_args) or {"changed": False, "users": []})
    plugin.run(task_vars={"inventory_hostname": "model-1"})
    assert seen[0]["url"] == "model://there" and "MODEL_URL" not in os.environ
