# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions of the rotation share: reading options, and failing without a secret."""

from __future__ import annotations

import pytest
from ansible.release import __version__ as ansible_version
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.options import read_results, read_staged, read_users
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction

from tests.unit.ansible_versions import trust_as_template
from tests.unit.plugins.rotation_doubles import loader, run_action

SECRET = "S3cr3t-MARKER-current"
ERROR = {"kind": "timed_out", "message": "The server timed out."}


class Probe(RotationAction):
    """An action that does what a test wants."""

    SPEC = dict(users=dict(type="list", elements="raw", required=True), connection=dict(type="dict", default={}), number=dict(type="int"))
    work = staticmethod(lambda task: {})

    def rotate(self, task):
        return self.work(task)


@pytest.fixture(name="doing")
def _doing(monkeypatch):
    def run(work, check_mode=False, host="model-1", **args):
        monkeypatch.setattr(Probe, "work", staticmethod(work))
        return run_action(Probe, dict({"users": ["alice"]}, **args), host=host, check_mode=check_mode)

    return run


def fail_with(exception):
    """A work that fails."""

    def work(_task):
        raise exception

    return work


def refusal(call, *args):
    """What the user reads when an option is refused."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind == "invalid_input" and "MARKER" not in caught.value.message
    return caught.value.message


def test_what_the_work_returns_is_the_result(doing):
    assert doing(lambda task: {"changed": True, "seen": task.args["number"]}, number="5") == {"changed": True, "seen": 5}


def test_a_typed_error_becomes_a_failed_result(doing):
    result = doing(fail_with(PasswordError("store_failed", "The disk is full.")))
    error = {"kind": "store_failed", "message": "The disk is full.", "http_status": None, "vendor_code": None, "request_id": None, "retryable": False}
    assert result == {"failed": True, "msg": "The disk is full.", "error": error}


def test_a_typed_errors_text_is_scrubbed_of_everything_the_work_has_read(doing):
    def work(task):
        task.scrub.add("S3cr3t-MARKER-store")
        raise PasswordError("store_failed", "It holds S3cr3t-MARKER-store and %s." % SECRET)

    result = doing(work, users=[{"name": "alice", "current_password": SECRET}])
    assert result["failed"] and result["msg"] == result["error"]["message"] == "It holds ******** and ********."


@pytest.mark.parametrize(
    "exception", [ValueError(SECRET), KeyError(SECRET), RuntimeError(SECRET), OSError(5, SECRET), UnicodeEncodeError("ascii", SECRET, 0, 1, "x")]
)
def test_an_unforeseen_exceptions_text_never_leaves(doing, exception):
    result = doing(fail_with(exception))
    assert result["msg"] == "An unexpected %s occurred; please report it." % type(exception).__name__
    assert (result["failed"], result["error"]["kind"]) == (True, "unexpected_response")
    assert set(result) == {"failed", "msg", "error"} and "MARKER" not in repr(result)


def test_an_interruption_is_no_failure_but_ends_the_run(doing):
    with pytest.raises(KeyboardInterrupt):
        doing(fail_with(KeyboardInterrupt()))


@pytest.mark.parametrize(
    "args, told",
    [
        ({"users": None}, "users"),
        ({"passwrod": SECRET}, "Unsupported options: passwrod. Supported"),
        ({"number": "many"}, "number"),
        ({"users": {"name": "alice", "current_password": SECRET}}, "users"),
        ({"connection": "{not JSON: %s" % SECRET}, "connection"),
        ({"connection": [SECRET]}, "connection"),
        ({"connection": {"password": SECRET, "timeout": 5, "verify": True}, "number": SECRET}, "number"),
        ({"users": [{"name": "alice", "current_password": SECRET}], "number": SECRET}, "number"),
    ],
)
def test_wrong_options_are_told_without_a_secret(doing, args, told):
    result = doing(lambda *_args: pytest.fail("must not run"), **args)
    assert (result["failed"], result["error"]["kind"], result["error"]["message"]) == (True, "invalid_input", result["msg"])
    assert told in result["msg"] and "MARKER" not in repr(result)


def test_short_values_do_not_blot_out_the_message(doing):
    # "me" stands in "arguments"; hiding it would hide what is wrong.
    result = doing(lambda *_args: None, users=["me", {"name": "a"}], connection={"timeout": 5, "retries": 0}, number="many")
    assert "number" in result["msg"] and "withheld" not in result["msg"]


def test_the_store_is_that_of_the_plays_host(doing, tmp_path):
    result = doing(lambda task: {"host": task.open_store().host}, host="db-7", store_path=str(tmp_path))
    assert result == {"host": "db-7"}


def test_without_a_vault_password_nothing_is_done():
    result = run_action(Probe, {"users": [], "store_path": "/nowhere"}, vault=loader())
    assert "failed" not in result
    Probe.work, before = staticmethod(lambda task: task.open_store()), Probe.work
    try:
        result = run_action(Probe, {"users": [], "store_path": "/nowhere"}, vault=loader())
    finally:
        Probe.work = staticmethod(before)
    assert result["failed"] and "--vault-password-file" in result["msg"] and result["error"]["kind"] == "invalid_input"


@pytest.mark.parametrize("check_mode", [True, False])
def test_check_mode_is_the_tasks(doing, check_mode):
    assert doing(lambda task: {"check": task.check_mode}, check_mode=check_mode) == {"check": check_mode}


def test_users_are_names_or_dicts():
    bob = {"name": "bob", "current_password": SECRET, "scope": "local"}
    assert read_users(["alice", bob, {"name": "carol", "current_password": None}]) == [{"name": "alice"}, bob, {"name": "carol", "current_password": None}]
    assert read_users([]) == []


def test_reading_users_leaves_the_plays_own_data_alone():
    bob = {"name": "bob"}
    read_users([bob])[0]["password"] = SECRET
    assert bob == {"name": "bob"}


def test_what_is_read_of_users_carries_nothing_of_ansibles():
    """Each copy would copy it, and it takes more room than the text."""
    tagged = trust_as_template("alice")
    # Up to ansible-core 2.18 nothing is tagged.
    assert type(tagged).__name__ != "str" or ansible_version.startswith(("2.16.", "2.17.", "2.18."))
    assert [type(value) for user in read_users([tagged, {"name": trust_as_template("bob"), "host": tagged}]) for value in user.values()] == [str] * 3


def test_lists_are_not_copied_on_the_way(doing):
    users = [{"name": "alice"}]
    assert doing(lambda task: {"same": task.args["users"][0] is users[0]}, users=users) == {"same": True}


@pytest.mark.parametrize(
    "users, told",
    [
        ([""], "Element 1 of users is neither a name nor a dictionary with a name."),
        (["alice", 5], "Element 2 of users is neither"),
        ([None], "Element 1 of users is neither"),
        ([["alice"]], "Element 1 of users is neither"),
        ([{}], "Element 1 of users is neither"),
        ([{"name": ""}], "Element 1 of users is neither"),
        ([{"name": ["S3cr3t-MARKER"]}], "Element 1 of users is neither"),
        ([{"current_password": SECRET}], "Element 1 of users is neither"),
        (["alice", {"name": "alice"}], "users names alice twice."),
        ([{"name": "alice", "password": SECRET}], "users gives a password for alice; new passwords are generated. Its present one is called current_password."),
        ([{"name": "alice", "password": None}], "users gives a password for alice"),
        ([{"name": "alice", "current_password": 12345678}], "The current_password of alice is not a text; put it into quotes."),
        ([{"name": "alice", "current_password": 0}], "The current_password of alice is not a text"),
        ([{"name": "alice", "current_password": False}], "The current_password of alice is not a text"),
        ([{"name": "alice", "current_password": [SECRET]}], "The current_password of alice is not a text"),
    ],
)
def test_users_that_are_none(users, told):
    assert refusal(read_users, users).startswith(told)


STAGED = {"name": "alice", "due": True, "reason": "new", "run_id": "run", "fresh": True, "rotated_at": None}


def test_staged_is_what_stage_returned():
    assert [user.as_dict() for user in read_staged([STAGED])] == [STAGED] and read_staged([]) == []


@pytest.mark.parametrize("key", list(STAGED))
def test_staged_that_lacks_something(key):
    broken = {name: value for name, value in STAGED.items() if name != key}
    assert refusal(read_staged, [STAGED, broken]) == "Element 2 of staged is not what rotation_stage returns in users."


def test_results_of_ones_own_tasks_may_be_short():
    assert read_results([{"name": "alice", "state": "changed"}]) == [UserResult("alice", None, State.CHANGED, verified=None, error=None)]


@pytest.mark.parametrize(
    "verified, meant", [(True, True), (False, False), (None, None), ("true", True), ("False", False), ("no", False), (0, False), (1, True)]
)
def test_a_text_that_a_template_made_of_verified(verified, meant):
    # The text "False" is true in Python; to promote a password for it would be to lose the one in force.
    assert read_results([{"name": "alice", "state": "changed", "verified": verified}])[0].verified is meant


@pytest.mark.parametrize(
    "result, told",
    [
        ({}, "Element 1 of results lacks a name or a state."),
        ({"name": "alice"}, "Element 1 of results lacks a name or a state."),
        ({"state": "changed"}, "Element 1 of results lacks a name or a state."),
        ({"name": ["S3cr3t-MARKER"], "state": "changed"}, "Element 1 of results lacks a name or a state."),
        ({"name": "alice", "state": "changed", "verified": "S3cr3t-MARKER"}, "In element 1 of results, verified must be true, false or null."),
        ({"name": "alice", "state": "changed", "verified": []}, "In element 1 of results, verified must be true, false or null."),
        ({"name": "alice", "state": "failed", "error": "S3cr3t-MARKER"}, "In element 1 of results, error must be a dictionary with kind and message."),
        ({"name": "alice", "state": "failed", "error": {"kind": "timed_out"}}, "In element 1 of results, error must be a dictionary with kind and message."),
        (
            {"name": "alice", "state": "failed", "error": dict(ERROR, message=None)},
            "In element 1 of results, error must be a dictionary with kind and message.",
        ),
    ],
)
def test_results_that_are_none(result, told):
    assert refusal(read_results, [result]) == told


def test_two_results_of_a_user():
    # Which of the two is true? To take the wrong one may cost the password in force.
    pair = [{"name": "alice", "state": "changed", "verified": True}, {"name": "alice", "state": "failed", "error": ERROR}]
    assert refusal(read_results, pair) == "results names alice twice."
