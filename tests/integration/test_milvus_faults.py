# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``milvus_user_password`` through real Ansible on a double of Milvus that does wrong on command.

A module task costs far more than a request, so cases share a task where they can: each user of a batch gets a fault of its own.
"""

from __future__ import annotations

import http.client
import http.server
import re
import select
import socket
import threading
import time
import urllib.parse
import venv

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.module_utils.errors import KINDS, RETRYABLE_KINDS
from ansible_collections.rekey.passwords.plugins.modules.milvus_user_password import RETURN

from tests.doubles.faults import http_date
from tests.doubles.milvus import DESCRIBE, LIST, TIMEOUT_2_4, TIMEOUT_2_5, UPDATE, MilvusDouble

MODULE = "rekey.passwords.milvus_user_password"
OLD = "S3cr3t-MARKER-old"
NEW = "S3cr3t-MARKER-new"
ROOT = "S3cr3t-MARKER-root"
WRONG = "S3cr3t-MARKER-wrong"
CHANGED = ("changed", True, None)
UNCHANGED = ("unchanged", True, None)
WOULD_CHANGE = ("would_change", None, None)
DOCUMENTED = yaml.safe_load(RETURN)
TYPES = {"str": str, "int": int, "bool": bool, "dict": dict, "list": list, "raw": object}


def failed(kind, verified=None):
    """What is told of a user that failed."""
    return ("failed", verified, kind)


def make(*names, **options):
    """A double with root and users that have the old password."""
    return MilvusDouble({"root": ROOT, **dict.fromkeys(names, OLD)}, **options)


def entries(names, **options):
    """The option ``users``: all from the old password to the new one."""
    return [{"name": name, "current_password": OLD, "password": NEW} | options for name in names]


def as_root(double, **options):
    """The options of a call of the operator root."""
    return {"url": double.url, "api_user": "root", "api_password": ROOT} | options


def task(title, **options):
    """A task that may fail without ending the play."""
    return {"name": title, MODULE: options, "ignore_errors": True}


def play(*tasks, **options):
    """One play on localhost."""
    return {"hosts": "localhost", "gather_facts": False, "tasks": list(tasks), **options}


def checked(run):
    """The run, after a look at whether all results have the documented form, and none is a traceback."""
    assert run.rc == 0, run.output
    assert "Traceback" not in run.output
    for one in run.all_results(MODULE):
        # ansible-core 2.19 puts a text in its place where there is none.
        assert "Traceback" not in one.result.get("exception", "")
        if "users" in one.result:
            assert_documented(one.result, one.status)
    return run


def run_tasks(ansible, *tasks, **options):
    """Run tasks in one play."""
    return checked(ansible.playbook([play(*tasks)], **options))


def assert_form(value, contains):
    """A dict has exactly the documented keys, with values of the documented types or ``None``."""
    assert sorted(value) == sorted(contains)
    for key, field in contains.items():
        assert value[key] is None or isinstance(value[key], TYPES[field["type"]])


def assert_documented(result, status):
    """A result is what the module's documentation promises."""
    user_form = DOCUMENTED["users"]["contains"]
    error_form = user_form["error"]["contains"]
    assert isinstance(result["changed"], bool)
    errors = [user["error"] for user in result["users"] if user["error"]] + ([result["error"]] if "error" in result else [])
    for user in result["users"]:
        assert_form(user, user_form)
        assert user["state"] in ("changed", "unchanged", "would_change", "failed", "unknown")
        assert (user["state"] in ("failed", "unknown")) is (user["error"] is not None)
    for error in errors:
        assert_form(error, error_form)
        assert error["kind"] in KINDS and error["retryable"] is (error["kind"] in RETRYABLE_KINDS) and error["message"]
    assert status == ("ignored" if errors else "changed" if result["changed"] else "ok")
    assert not errors or result["msg"]


def outcomes(run, title):
    """What a task says of its users: names to ``(state, verified, kind of error)``."""
    return {user["name"]: (user["state"], user["verified"], user["error"] and user["error"]["kind"]) for user in run.result(title)["users"]}


def user_error(run, title, name):
    """The error of one user."""
    return next(user["error"] for user in run.result(title)["users"] if user["name"] == name)


def top_kind(run, title):
    """The kind of the error that concerns the whole call, or ``None``."""
    return run.result(title).result.get("error", {}).get("kind")


def inject(double, faults, path=UPDATE):
    """Give each user the fault of its own; ``faults`` are names to the options of a fault."""
    for name, options in faults.items():
        double.inject(path=path, user=name, **options)


# A change of which nobody knows whether it happened

ERROR_500 = {"kind": "answer", "status": 500, "body": {"code": 65535, "message": "internal"}}
ERROR_65535 = {"kind": "answer", "status": 200, "body": {"code": 65535, "message": "something went wrong"}}
PAGE = {"kind": "html", "status": 200}

HAPPENED = {
    "time_out": {"kind": "hang", "applies": "now"},
    "time_out_then_later": {"kind": "hang", "applies": "later", "delay": 1.5},
    "dropped": {"kind": "drop", "applies": "now"},
    "cut": {"kind": "cut"},
    "status_500": {**ERROR_500, "applies": "now"},
    "status_503": {"kind": "answer", "status": 503, "headers": {"Retry-After": "0"}, "body": "busy", "applies": "now"},
    "status_408_text": {"kind": "answer", **TIMEOUT_2_4, "applies": "later", "delay": 1.0},
    "status_408_json": {"kind": "answer", **TIMEOUT_2_5, "applies": "later", "delay": 1.0},
    "page_502": {"kind": "html", "applies": "now"},
    "page_200": {**PAGE, "applies": "now"},
    "truncated": {"kind": "truncated"},
    "wrong_types": {"kind": "wrong_types"},
    "a_list": {"kind": "wrong_types", "top": "list"},
    "null": {"kind": "wrong_types", "top": "null"},
    "code_65535": {**ERROR_65535, "applies": "now"},
    "success_but_later": {"kind": "real", "applies": "later", "delay": 0.5},
}

# The fault, the kind of error, the HTTP status, the vendor's code.
DID_NOT_HAPPEN = {
    "time_out": ({"kind": "hang"}, "timed_out", None, None),
    "dropped": ({"kind": "drop"}, "connection_failed", None, None),
    "cut": ({"kind": "cut", "applies": "never"}, "connection_failed", None, None),
    "status_500": (ERROR_500, "vendor_unavailable", 500, 65535),
    "status_503": ({"kind": "answer", "status": 503, "headers": {"Retry-After": "0"}, "body": "busy"}, "vendor_unavailable", 503, None),
    "status_408_text": ({"kind": "answer", **TIMEOUT_2_4}, "timed_out", 408, None),
    "status_408_json": ({"kind": "answer", **TIMEOUT_2_5}, "timed_out", 408, 10001),
    "page_502": ({"kind": "html"}, "vendor_unavailable", 502, None),
    "page_200": (PAGE, "unexpected_response", 200, None),
    "truncated": ({"kind": "truncated", "applies": "never"}, "unexpected_response", 200, None),
    "wrong_types": ({"kind": "wrong_types", "applies": "never"}, "unexpected_response", 200, None),
    "a_text": ({"kind": "wrong_types", "top": "string", "applies": "never"}, "unexpected_response", 200, None),
    "code_65535": (ERROR_65535, "unexpected_response", 200, 65535),
    "success_but_never": ({"kind": "real", "applies": "never"}, "not_verified", None, None),
}


def callers(double):
    """Who may make the change: the user itself, or an operator."""
    return {"itself": {"url": double.url}, "root": as_root(double)}


@pytest.mark.slow
@pytest.mark.secrets
@pytest.mark.parametrize("caller", ["itself", "root"])
def test_in_doubt_a_login_shows_that_the_change_happened(ansible, caller):
    with make(*HAPPENED) as double:
        inject(double, HAPPENED)
        run = run_tasks(ansible, task("Change", users=entries(HAPPENED), timeout=1, concurrency=32, **callers(double)[caller]), verbosity=5)
        assert outcomes(run, "Change") == dict.fromkeys(HAPPENED, CHANGED)
        assert run.result("Change").status == "changed"
        # A change in doubt is never sent again.
        assert {name: len(double.calls(UPDATE, name)) for name in HAPPENED} == dict.fromkeys(HAPPENED, 1)
        assert {name: double.users[name] for name in HAPPENED} == dict.fromkeys(HAPPENED, NEW)
    assert run.leaks([OLD, NEW, ROOT]) == []


@pytest.mark.slow
@pytest.mark.parametrize("caller", ["itself", "root"])
def test_in_doubt_a_login_shows_that_the_change_did_not_happen(ansible, caller):
    with make(*DID_NOT_HAPPEN) as double:
        inject(double, {name: fault for name, (fault, *_expected) in DID_NOT_HAPPEN.items()})
        run = run_tasks(ansible, task("Change", users=entries(DID_NOT_HAPPEN), timeout=1, concurrency=32, **callers(double)[caller]), verbosity=5)
        assert outcomes(run, "Change") == {name: failed(expected[0], verified=False) for name, (_fault, *expected) in DID_NOT_HAPPEN.items()}
        found = {user["name"]: [user["error"][key] for key in ("kind", "http_status", "vendor_code")] for user in run.result("Change")["users"]}
        assert found == {name: expected for name, (_fault, *expected) in DID_NOT_HAPPEN.items()}
        # Of one the server said that it is done.
        assert run.result("Change")["changed"] is True
        assert {name: len(double.calls(UPDATE, name)) for name in DID_NOT_HAPPEN} == dict.fromkeys(DID_NOT_HAPPEN, 1)
        assert {name: double.users[name] for name in DID_NOT_HAPPEN} == dict.fromkeys(DID_NOT_HAPPEN, OLD)
    assert run.leaks([OLD, NEW, ROOT]) == []


def test_nobody_can_tell(ansible):
    names = ("in_doubt", "in_doubt_and_happened", "confirmed", "fine")
    with make(*names) as double:
        inject(double, {"in_doubt": {"kind": "drop"}, "in_doubt_and_happened": {"kind": "drop", "applies": "now"}})
        # The first login looks whether there is anything to do.
        inject(double, {name: {**ERROR_500, "skip": 1, "times": None} for name in names[:3]}, DESCRIBE)
        run = run_tasks(ansible, task("Change", **as_root(double, users=entries(names))))
        assert outcomes(run, "Change") == {
            "in_doubt": ("unknown", None, "outcome_unknown"),
            "in_doubt_and_happened": ("unknown", None, "outcome_unknown"),
            # The server said that it is done; that it could not be proved is a warning.
            "confirmed": ("changed", None, None),
            "fine": CHANGED,
        }
        result = run.result("Change")
        assert result["msg"].startswith("2 of 4 users failed.") and result["changed"] is True
        assert any("confirmed could not be verified" in text for text in result["warnings"])
        # And once the server is well, the same task finds out.
        double.clear_faults()
        run = run_tasks(ansible, task("Again", **as_root(double, users=entries(names))))
        assert outcomes(run, "Again") == {"in_doubt": CHANGED, "in_doubt_and_happened": UNCHANGED, "confirmed": UNCHANGED, "fine": UNCHANGED}


# A server that wants to be left alone


@pytest.mark.slow
def test_too_many_requests(ansible):
    def busy(seconds=None, **options):
        headers = {} if seconds is None else {"Retry-After": seconds}
        return {"kind": "answer", "status": 429, "headers": headers, "body": {"code": 9, "message": "rate limit exceeded"}} | options

    faults = {
        "seconds": busy("1", times=2),
        "date": None,
        "status_413": busy("0", status=413),
        "nothing": busy(),
        "nonsense": busy("soon"),
        "for_ever": busy("0", times=None),
    }
    names = [*faults, "login", "login_for_ever"]
    with make(*names) as double:
        # A date is only worth something close to the moment at which the server sends it.
        gate = double.inject("gate", path=LIST)
        running = ansible.start_playbook([play(task("Change", **as_root(double, users=entries(names), retries=2, concurrency=8)))])
        assert gate.arrived.wait(60)
        date = int(time.time() + 3)
        faults["date"] = busy(http_date(date - time.time()))
        inject(double, faults)
        inject(double, {"login": busy("0"), "login_for_ever": busy("0", times=None)}, DESCRIBE)
        gate.release()
        run = checked(running.wait())
        limited = failed("rate_limited")
        assert outcomes(run, "Change") == {
            "seconds": CHANGED,
            "date": CHANGED,
            "status_413": CHANGED,
            "nothing": limited,
            "nonsense": limited,
            "for_ever": limited,
            "login": CHANGED,
            "login_for_ever": limited,
        }
        # One request and two more at most; a write is sent again only if the server says when.
        assert {name: len(double.calls(UPDATE, name)) for name in names} == {
            "seconds": 3,
            "date": 2,
            "status_413": 2,
            "nothing": 1,
            "nonsense": 1,
            "for_ever": 3,
            "login": 1,
            "login_for_ever": 0,
        }
        assert len(double.calls(DESCRIBE, "login_for_ever")) == 3
        times = [one.at for one in double.calls(UPDATE, "seconds")]
        assert all(1 <= later - earlier < 5 for earlier, later in zip(times, times[1:]))
        epoch = time.time() - time.monotonic()
        assert date - 0.1 <= double.calls(UPDATE, "date")[1].at + epoch < date + 5
        for name in ("nothing", "nonsense", "for_ever", "login_for_ever"):
            error = user_error(run, "Change", name)
            assert (error["http_status"], error["vendor_code"], error["retryable"]) == (429, 9, True)
            assert double.users[name] == OLD


def test_reading_is_tried_again(ansible):
    with make("alice") as double:
        double.inject("answer", path=LIST, status=503, headers={"Retry-After": "0"})
        double.inject("drop", path=LIST)
        double.inject("answer", path=LIST, status=429, headers={"Retry-After": "0"})
        run = run_tasks(ansible, task("Change", **as_root(double, users=entries(["alice"]))))
        assert outcomes(run, "Change") == {"alice": CHANGED}
        assert len(double.calls(LIST)) == 4


# Answers that are none


def test_a_list_of_users_that_cannot_be_read(ansible):
    faults = {
        "Page": PAGE,
        "Truncated": {"kind": "truncated"},
        "Wrong types": {"kind": "wrong_types"},
        "No list": {"kind": "answer", "status": 200, "body": {"code": 0, "data": "alice"}},
    }
    with make("alice", super_users=["root"]) as double:
        for options in faults.values():
            double.inject(path=LIST, **options)
        run = run_tasks(ansible, *(task(title, **as_root(double, users=entries(["alice", "nobody"]))) for title in faults))
        for title in faults:
            assert (top_kind(run, title), run.result(title)["changed"]) == ("unexpected_response", False)
            assert outcomes(run, title) == dict.fromkeys(("alice", "nobody"), failed("unexpected_response"))
        assert double.writes == 0 and double.calls(UPDATE) == [] and "nobody" not in double.users


def test_a_login_that_cannot_be_read_comes_before_any_write(ansible):
    faults = {
        "page": PAGE,
        "page_502": {"kind": "html"},
        "truncated": {"kind": "truncated"},
        "dropped": {"kind": "drop"},
        "gateway_401": {"kind": "html", "status": 401},
    }
    with make(*faults) as double:
        inject(double, faults, DESCRIBE)
        run = run_tasks(ansible, task("Change", **as_root(double, users=entries(faults))))
        assert outcomes(run, "Change") == {
            "page": failed("unexpected_response"),
            "page_502": failed("vendor_unavailable"),
            "truncated": failed("unexpected_response"),
            "dropped": failed("connection_failed"),
            "gateway_401": failed("unexpected_response"),
        }
        # A refusal that is not the server's own says nothing about the operator either, who would stop the others.
        assert double.calls(UPDATE) == [] and top_kind(run, "Change") is None
        # The page of a gateway, cut down to what it says.
        assert "The upstream sent no answer." in user_error(run, "Change", "page")["message"] and "<" not in user_error(run, "Change", "page")["message"]


ECHOED = {
    "plain": "S3cr3t-MARKER-plain",
    "quotes": "S3cr3t-\"MARKER\"-'quotes'\\",
    "letters": "S3cr3t-MÄRKER-密码",
    "blanks": " S3cr3t MARKER blanks ",
    "url": "S3cr3t+MARKER/%41&<b>=?#",
    "unicode": "S3cr3t-MARKER-\U0001f511-\u00a0",
}


@pytest.mark.slow
@pytest.mark.secrets
def test_echoed_secrets_come_out_nowhere(ansible):
    shapes = [(form, text, status) for form in ("plain", "json", "repr", "url") for text, status in ((False, 200), (True, 500))]
    shapes += [("plain", False, 403), ("json", True, 400)]
    users = {}
    for number, (form, text, status) in enumerate(shapes):
        for label, secret in ECHOED.items():
            users["%s_%d" % (label, number)] = ({"kind": "echo", "form": form, "text": text, "status": status}, secret)
    with make(*users) as double:
        inject(double, {name: fault for name, (fault, _secret) in users.items()})
        of_login = {name.replace("_", "_login_"): value for name, value in users.items()}
        for name, (_fault, secret) in of_login.items():
            double.set_user(name, "old " + secret)
        inject(double, {name: fault for name, (fault, _secret) in of_login.items()}, DESCRIBE)
        everyone = [
            {"name": name, "current_password": "old " + secret if name in of_login else OLD, "password": secret}
            for name, (_fault, secret) in (users | of_login).items()
        ]
        double.inject("echo", path=LIST, skip=1, status=400, form="json")
        run = run_tasks(
            ansible,
            # Without a look first, so that the change is what is answered with an echo.
            task("Change", **as_root(double, users=[entry | {"update_password": "always"} for entry in everyone if entry["name"] in users], concurrency=64)),
            task("List", **as_root(double, users=everyone)),
            task("Log in", url=double.url, users=[entry for entry in everyone if entry["name"] in of_login], concurrency=64),
            task("Check", url=double.url, users=[entry for entry in everyone if entry["name"] in of_login][:1]),
            verbosity=5,
            diff=True,
            watch=True,
        )
        # That nothing was found must not be because nothing was echoed.
        assert sum(one.fault == "echo" for one in double.requests) == 2 * len(users) + 1
    for title, names in (("Change", users), ("Log in", of_login)):
        for user in run.result(title)["users"]:
            assert user["name"] in names and user["state"] == "failed"
            # The blank may belong to a part of a secret, too: one of them begins with a blank.
            assert re.search(r"rejected: ?\*{8}", user["error"]["message"]), user
    assert top_kind(run, "List") == "unexpected_response" and re.search(r"rejected: ?\*{8}", run.result("List")["msg"])
    assert run.command_lines
    assert run.leaks([*ECHOED.values(), OLD, ROOT]) == []


# Releases


def test_the_other_code_of_success_and_no_second_write(ansible):
    with make("alice", "bob", success_code=200) as double:
        users = entries(["alice", "bob"])
        run = run_tasks(ansible, task("Change", **as_root(double, users=users)), task("Again", **as_root(double, users=users)), verbosity=5)
        assert outcomes(run, "Change") == {"alice": CHANGED, "bob": CHANGED} and double.writes == 2
        assert outcomes(run, "Again") == {"alice": UNCHANGED, "bob": UNCHANGED}
        # One change each in both tasks together.
        assert (run.result("Again")["changed"], len(double.calls(UPDATE))) == (False, 2)
    assert run.leaks([OLD, NEW, ROOT]) == []


def test_update_password_always_writes_each_time(ansible):
    with make("alice", "bob") as double:
        users = [*entries(["alice"]), *entries(["bob"], update_password="when_changed")]
        again = [entry | {"current_password": NEW} for entry in users]
        run = run_tasks(
            ansible,
            task("First", **as_root(double, users=users, update_password="always")),
            task("Again", **as_root(double, users=again, update_password="always")),
        )
        # The user's own word goes before that of the whole call.
        assert (outcomes(run, "First"), outcomes(run, "Again")) == ({"alice": CHANGED, "bob": CHANGED}, {"alice": CHANGED, "bob": UNCHANGED})
        assert (len(double.calls(UPDATE, "alice")), len(double.calls(UPDATE, "bob"))) == (2, 1)
        # A rotation that knows what it wants costs no failed login.
        assert double.failed_logins == {"bob": 1}


def test_a_server_without_user_operations(ansible):
    with make("alice", users_api=False) as double:
        run = run_tasks(ansible, task("By root", **as_root(double, users=entries(["alice"]))), task("Itself", url=double.url, users=entries(["alice"])))
        assert top_kind(run, "By root") == "unsupported"
        assert outcomes(run, "By root") == outcomes(run, "Itself") == {"alice": failed("unsupported")}
        assert "2.3.13" in run.result("By root")["msg"] and user_error(run, "Itself", "alice")["http_status"] == 404
        assert double.writes == 0


def test_zilliz_cloud_with_an_api_key(ansible):
    key = "S3cr3t-MARKER-api-key"
    with MilvusDouble({"db_admin": ROOT, "alice": OLD, "bob": OLD}, cloud=True, api_keys={key: "owner@example.com"}) as double:
        users = [*entries(["alice", "nobody"]), *entries(["bob"], password="weakpassword")]
        run = run_tasks(
            ansible,
            task("Change", url=double.url, api_token=key, users=users),
            task("Again", url=double.url, users=users[:1], api_token=key),
            task("Wrong key", url=double.url, api_token="S3cr3t-MARKER-no-key", users=users),
            verbosity=5,
        )
        assert outcomes(run, "Change") == {"alice": CHANGED, "nobody": failed("user_not_found"), "bob": ("failed", False, "password_rejected")}
        assert outcomes(run, "Again") == {"alice": UNCHANGED}
        assert top_kind(run, "Wrong key") == "authentication_failed"
        assert double.users["bob"] == OLD and "nobody" not in double.users
    assert run.leaks([key, "S3cr3t-MARKER-no-key", OLD, NEW]) == []


# The operator


@pytest.mark.secrets
def test_the_operator_has_the_wrong_password(ansible):
    names = ["user_%d" % number for number in range(20)]
    with make(*names) as double:
        run = run_tasks(ansible, task("Change", url=double.url, api_user="root", api_password=WRONG, users=entries(names)), verbosity=5)
        assert top_kind(run, "Change") == "authentication_failed"
        error = run.result("Change")["error"]
        assert (error["http_status"], error["vendor_code"], error["retryable"]) == (401, 1800, False) and run.result("Change")["msg"] == error["message"]
        assert outcomes(run, "Change") == dict.fromkeys(names, failed("authentication_failed"))
        assert double.failed_logins == {"root": 1} and len(double.requests) == 1
    assert run.leaks([WRONG, OLD, NEW]) == []


def test_the_operator_is_shut_out_in_the_middle(ansible):
    with make("first", "second", "third") as double:
        double.inject("answer", path=UPDATE, user="second", status=401, body={"code": 1800, "message": "user hasn't authenticated"})
        run = run_tasks(ansible, task("Change", **as_root(double, users=entries(["first", "second", "third"]), concurrency=1)))
        refused = failed("authentication_failed")
        assert outcomes(run, "Change") == {"first": CHANGED, "second": refused, "third": refused}
        assert (top_kind(run, "Change"), run.result("Change")["changed"]) == ("authentication_failed", True)
        assert double.calls(user="third") == []


def test_the_operator_may_not_list(ansible):
    # As dangerous as can be: root would create whom it "changes", but cannot look who is there.
    with make("alice", "bob", admins=(), super_users=["root"]) as double:
        run = run_tasks(ansible, task("Change", **as_root(double, users=[*entries(["alice", "nobody"]), {"name": "root", "password": NEW}])))
        denied = failed("permission_denied")
        assert outcomes(run, "Change") == {"alice": denied, "nobody": denied, "root": CHANGED}
        assert (user_error(run, "Change", "alice")["http_status"], top_kind(run, "Change")) == (403, None)
        assert "may not list users" in user_error(run, "Change", "nobody")["message"]
        assert [one.user for one in double.calls(UPDATE)] == ["root"] and "nobody" not in double.users


def test_an_unknown_user_is_never_sent_to_be_changed(ansible):
    with make("alice", super_users=["root"]) as double:
        users = [{"name": "nobody", "password": NEW}, {"name": "Alice", "password": NEW, "update_password": "always"}, {"name": "alice", "password": NEW}]
        run = run_tasks(ansible, task("Change", **as_root(double, users=users)))
        assert outcomes(run, "Change") == {"nobody": failed("user_not_found"), "Alice": failed("user_not_found"), "alice": CHANGED}
        assert top_kind(run, "Change") is None
        assert {one.user for one in double.calls(UPDATE)} == {"alice"} and sorted(double.users) == ["alice", "root"]


# The way to the server


@pytest.mark.slow
def test_the_server_is_down(ansible):
    names = ["user_%d" % number for number in range(64)]
    with make() as double:
        url = double.url
    began = time.monotonic()
    run = run_tasks(
        ansible,
        task("Itself", url=url, users=entries(names), concurrency=4),
        task("By root", **as_root(double, users=entries(names)), retries=0),
    )
    # Had each user waited for the server anew, it would have taken 40 seconds.
    assert time.monotonic() - began < 25
    assert outcomes(run, "Itself") == outcomes(run, "By root") == dict.fromkeys(names, failed("connection_failed"))
    assert top_kind(run, "By root") == "connection_failed"
    assert "connection refused" in run.result("By root")["msg"] and run.result("Itself")["msg"].startswith("64 of 64 users failed.")


def test_redirects_are_not_followed(ansible):
    with make("alice", "bob") as elsewhere, make("alice", "bob") as double:

        def redirect(path, **options):
            double.inject("answer", path=path, status=307, headers={"Location": elsewhere.url + path}, **options)

        redirect(LIST)
        redirect(DESCRIBE, user="alice")
        redirect(UPDATE, user="bob")
        run = run_tasks(
            ansible,
            task("List", **as_root(double, users=entries(["alice"]))),
            task("Itself", url=double.url, users=[*entries(["alice"]), *entries(["bob"], update_password="always")]),
        )
        assert top_kind(run, "List") == "unexpected_response"
        assert "is a redirect" in run.result("List")["msg"] and run.result("List")["error"]["http_status"] == 307
        # A redirected change is a doubt (edge 5), and a login finds out that it has not happened.
        assert outcomes(run, "Itself") == {"alice": failed("unexpected_response"), "bob": ("failed", False, "unexpected_response")}
        assert (elsewhere.requests, double.writes) == ([], 0)


@pytest.mark.slow
def test_tls(ansible, tls_files):
    ca = str(tls_files.ca)
    client = {"client_cert": str(tls_files.client_cert), "client_key": str(tls_files.client_key)}
    names = ["right", "wrong", "none", "unchecked", "cleartext", "environment"]
    wrong_name = (tls_files.wrong_name_cert, tls_files.wrong_name_key)
    asking = {"tls": tls_files.server, "client_ca": tls_files.ca}
    with make(*names, tls=tls_files.server) as double, make("alice", tls=wrong_name) as other, make(*names, **asking) as mutual:

        def one(title, server, name, **options):
            return task(title, url=server.url, users=entries([name]), retries=0, **options)

        run = run_tasks(
            ansible,
            one("Right authority", double, "right", ca_path=ca),
            one("Wrong authority", double, "wrong", ca_path=str(tls_files.other_ca)),
            one("No authority", double, "none"),
            one("Wrong host name", other, "alice", ca_path=ca),
            one("Unchecked", double, "unchecked", validate_certs=False),
            # What is asked for in the task goes before what the environment says for all.
            {**one("Environment", double, "environment"), "environment": {"MILVUS_CA_PATH": ca, "REQUESTS_CA_BUNDLE": str(tls_files.other_ca)}},
            task("Clear text", url=double.url.replace("https:", "http:"), users=entries(["cleartext"]), retries=0),
            one("Client certificate", mutual, "right", ca_path=ca, **client),
            one("No client certificate", mutual, "wrong", ca_path=ca),
            one("No such file", double, "wrong", ca_path="/no/such/ca.pem"),
            one("Key alone", double, "wrong", ca_path=ca, client_key=client["client_key"]),
        )
        for title, name in (("Right authority", "right"), ("Unchecked", "unchecked"), ("Environment", "environment"), ("Client certificate", "right")):
            assert outcomes(run, title) == {name: CHANGED}
        for title, name in (("Wrong authority", "wrong"), ("No authority", "none"), ("Wrong host name", "alice")):
            assert outcomes(run, title) == {name: failed("tls_failed")}
            assert not user_error(run, title, name)["retryable"]
        assert "certificate" in run.result("Wrong authority")["msg"]
        assert "127.0.0.1" in run.result("Wrong host name")["msg"] and "match" in run.result("Wrong host name")["msg"]
        # TLS 1.3 refuses a client behind the handshake, and the end of the connection may overtake the reason.
        assert outcomes(run, "No client certificate")["wrong"][2] in ("tls_failed", "connection_failed")
        assert "certificate" in run.result("No client certificate")["msg"] or "the connection was closed" in run.result("No client certificate")["msg"]
        assert outcomes(run, "Clear text") == {"cleartext": failed("connection_failed")}
        assert any("validate_certs is false" in text for text in run.result("Unchecked")["warnings"])
        assert "warnings" not in run.result("Right authority").result
        for title, option in (("No such file", "ca_path"), ("Key alone", "client_cert")):
            assert top_kind(run, title) == "invalid_input" and option in run.result(title)["msg"]
        assert {name for name in names if double.users[name] == NEW} == {"right", "unchecked", "environment"}
        # Not even a login went to a server that is not trusted.
        assert {one.user for one in double.requests + mutual.requests + other.requests} == {"right", "unchecked", "environment"}


class Proxy:
    """A forward proxy: it passes plain requests on to ``upstream`` whatever host they name, and makes tunnels.

    ``seen`` holds ``(method, host and port)`` of all requests.
    """

    def __init__(self, upstream):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            """One connection."""

            protocol_version = "HTTP/1.1"

            def log_message(self, *args):  # pylint: disable=arguments-differ
                """Say nothing."""

            def do_POST(self):  # pylint: disable=invalid-name
                """Pass on."""
                target = urllib.parse.urlsplit(self.path)
                seen.append(("POST", target.netloc))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                connection = http.client.HTTPConnection(urllib.parse.urlsplit(upstream).netloc, timeout=10)
                connection.request("POST", target.path, body, {"Authorization": self.headers["Authorization"]} if "Authorization" in self.headers else {})
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_CONNECT(self):  # pylint: disable=invalid-name
                """Tunnel until one side ends."""
                seen.append(("CONNECT", self.path))
                host, port = self.path.rsplit(":", 1)
                self.close_connection = True
                with socket.create_connection((host, int(port)), 10) as far:
                    self.send_response(200)
                    self.end_headers()
                    ends = {self.connection: far, far: self.connection}
                    while True:
                        for end in select.select(list(ends), [], [], 10)[0]:
                            data = end.recv(65536)
                            if not data:
                                return
                            ends[end].sendall(data)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self._server.server_port

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.slow
def test_proxies_from_the_environment(ansible, tls_files):
    with make("alice", "bob", "carol", tls=tls_files.server) as double, make("alice") as plain, Proxy(plain.url) as proxy:
        address = urllib.parse.urlsplit(double.url).netloc

        def one(title, name, url, **environment):
            return {**task(title, url=url, users=entries([name]), ca_path=str(tls_files.ca), retries=0), "environment": environment}

        run = run_tasks(
            ansible,
            one("Tunnel", "alice", double.url, HTTPS_PROXY=proxy.url),
            one("No proxy for this host", "bob", double.url, HTTPS_PROXY=proxy.url, NO_PROXY="127.0.0.1"),
            one("Plain", "alice", "http://milvus.invalid:19530", HTTP_PROXY=proxy.url),
            # The port of a proxy that is no more.
            one("Dead proxy", "carol", double.url, HTTPS_PROXY="http://127.0.0.1:9"),
            verbosity=5,
        )
        assert [outcomes(run, title) for title in ("Tunnel", "No proxy for this host", "Plain")] == [{"alice": CHANGED}, {"bob": CHANGED}, {"alice": CHANGED}]
        assert outcomes(run, "Dead proxy") == {"carol": failed("connection_failed")} and "proxy" in run.result("Dead proxy")["msg"]
        assert set(proxy.seen) == {("CONNECT", address), ("POST", "milvus.invalid:19530")}
        assert any("without encryption" in text for text in run.result("Plain")["warnings"])
        assert plain.users["alice"] == NEW and double.users["carol"] == OLD
    assert run.leaks([OLD, NEW]) == []


@pytest.mark.slow
def test_connections_are_kept_and_no_more_than_asked_for(ansible):
    names = ["user_%d" % number for number in range(12)]
    with make(*names, latency=0.02) as alone, make(*names, latency=0.02) as three:
        doubles = {"Alone": (alone, 1), "Three": (three, 3)}
        run = run_tasks(ansible, *(task(title, **as_root(double, users=entries(names), concurrency=most)) for title, (double, most) in doubles.items()))
        for title, (double, most) in doubles.items():
            assert outcomes(run, title) == dict.fromkeys(names, CHANGED)
            assert double.most_in_flight == most and len({one.connection for one in double.requests}) <= most
            # One listing for all; a login before and after each change.
            assert [len(double.calls(path)) for path in (LIST, DESCRIBE, UPDATE)] == [1, 24, 12]


# Check mode


@pytest.mark.slow
@pytest.mark.secrets
@pytest.mark.parametrize("caller", ["itself", "root"])
def test_check_mode_writes_nothing_and_is_right(ansible, caller):
    users = [
        *entries(["alice"]),
        *entries(["right_already"], password=OLD),
        *entries(["wrong_current"], current_password=WRONG),
        *entries(["nobody"]),
        *entries(["too_long"], password="S3cr3t-MARKER-" + "x" * 60),
        *entries(["always"], update_password="always"),
        *entries(["always_wrong"], update_password="always", current_password=WRONG),
    ]
    names = [entry["name"] for entry in users]
    wrong = failed("current_password_wrong")
    predicted = {
        "alice": WOULD_CHANGE,
        "right_already": UNCHANGED,
        "wrong_current": wrong,
        "nobody": failed("user_not_found") if caller == "root" else wrong,
        "too_long": failed("password_rejected"),
        "always": WOULD_CHANGE,
        "always_wrong": wrong,
    }
    with make(*(name for name in names if name != "nobody"), read_only=True) as double:
        who = callers(double)[caller]
        run = run_tasks(ansible, task("Check", users=users, **who), check=True, diff=True, verbosity=5)
        assert double.requests and double.refused_writes == [] and double.calls(UPDATE) == []
        assert outcomes(run, "Check") == predicted and run.result("Check")["changed"] is True
        assert [one["before_header"] for one in run.result("Check")["diff"]] == names
        double.read_only = False
        run = run_tasks(ansible, task("Change", users=users, **who), diff=True, verbosity=5)
        assert outcomes(run, "Change") == {name: CHANGED if outcome == WOULD_CHANGE else outcome for name, outcome in predicted.items()}
        assert {name for name in double.users if double.users[name] == NEW} == {"alice", "always"}
        quiet = run_tasks(ansible, task("Again", users=users[:2], **who), check=True)
        assert outcomes(quiet, "Again") == {"alice": UNCHANGED, "right_already": UNCHANGED}
        # Without --diff there is none.
        assert quiet.result("Again")["changed"] is False and "diff" not in quiet.result("Again").result
    assert ansible.leaks([OLD, NEW, WRONG, ROOT, users[4]["password"]]) == []


# Arguments

SECRET = "S3cr3t-MARKER-argument"


def bad_arguments(url):
    """Titles to options, what the message names, and the kind of the error where it is the module's own."""
    one = {"url": url, "name": "alice", "password": SECRET, "current_password": OLD}
    alone = {key: value for key, value in one.items() if key != "current_password"}
    many = [{"name": "alice", "password": SECRET, "current_password": OLD}]
    return {
        "Users and name": ({**one, "users": many}, ["users", "name", "mutually exclusive"], None),
        "Neither": ({"url": url}, ["users", "name", "one of the following is required"], None),
        "No password": ({"url": url, "name": "alice"}, ["password"], None),
        "No password in users": ({"url": url, "users": [{"name": "alice", "current_password": SECRET}]}, ["password", "users"], None),
        "Unknown key in users": ({"url": url, "users": [{**many[0], "pasword": SECRET}]}, ["pasword"], None),
        "Users is a text": ({"url": url, "users": "alice:" + SECRET}, ["dictionary requested"], None),
        "User without password": ({**one, "api_user": "root"}, ["api_user", "api_password"], None),
        "Token and user": ({**one, "api_user": "root", "api_password": SECRET, "api_token": SECRET}, ["api_token", "api_user"], None),
        "Choice": ({**one, "update_password": "maybe"}, ["update_password", "always"], None),
        "No URL": ({key: value for key, value in one.items() if key != "url"}, ["url"], None),
        "No current password": (alone, ["current_password", "alice", "api_user"], "invalid_input"),
        "Names": ({"url": url, "users": [{**many[0], "name": name} for name in ("ali:ce", "", "ali\nce")]}, ["3 of 3", "user name", "':'"], "invalid_input"),
        "Empty password": ({**one, "password": ""}, ["password", "shorter"], "password_rejected"),
        "Twice": ({"url": url, "users": many * 2}, ["users", "alice", "twice"], "invalid_input"),
        "Concurrency": ({**one, "concurrency": 0}, ["concurrency"], "invalid_input"),
        "Time-out": ({**one, "timeout": 0}, ["timeout"], "invalid_input"),
        "No scheme": ({**one, "url": "milvus.example.com:19530"}, ["url", "https://"], "invalid_input"),
        "Password in the URL": ({**one, "url": url.replace("//", "//root:%s@" % SECRET)}, ["url", "must not hold"], "invalid_input"),
        "Query in the URL": ({**one, "url": url + "?password=" + SECRET}, ["url"], "invalid_input"),
    }


@pytest.mark.slow
@pytest.mark.secrets
def test_bad_arguments(ansible):
    with make("alice") as double:
        cases = bad_arguments(double.url)
        run = run_tasks(ansible, *(task(title, **options) for title, (options, _words, _kind) in cases.items()), verbosity=5)
        for title, (_options, words, kind) in cases.items():
            result = run.result(title)
            assert result.status == "ignored" and result["changed"] is False, title
            assert [word for word in words if word not in result["msg"]] == [], (title, result["msg"])
            if kind:
                assert {user["error"]["kind"] for user in result["users"]} == {kind}, title
        # Nothing was sent, not even a login.
        assert double.requests == []
    assert run.leaks([SECRET, OLD]) == []


def test_one_bad_entry_does_not_hold_up_the_others(ansible):
    with make("alice", "bob") as double:
        run = run_tasks(
            ansible,
            task("Change", url=double.url, users=[*entries(["alice"]), {"name": "bob", "password": NEW}, *entries(["b:ob"])]),
            task("Nobody", url=double.url, users=[]),
        )
        assert outcomes(run, "Change") == {"alice": CHANGED, "bob": failed("invalid_input"), "b:ob": failed("invalid_input")}
        assert double.calls(user="bob") == [] and top_kind(run, "Change") is None
        assert (run.result("Nobody")["users"], run.result("Nobody")["changed"]) == ([], False)


def test_without_requests(ansible, tmp_path):
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    with make("alice") as double:
        there = {"ansible_python_interpreter": str(bare / "bin" / "python")}
        run = ansible.playbook([play({**task("Change", url=double.url, users=entries(["alice"])), "vars": there})])
        message = run.result("Change")["msg"]
        assert "Failed to import the required Python library (requests)" in message and str(bare) in message
        assert run.result("Change").status == "ignored" and double.requests == []
        assert "Traceback" not in run.output
