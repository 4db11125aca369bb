# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``milvus_user_password`` through real Ansible on a real Milvus.

What the module says is never taken for proof: whether a password is in force is asked of the server itself, by gRPC.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.integration.module_results import only, play, run_tasks, told

MODULE = "rekey.passwords.milvus_user_password"
CHANGED = ("changed", True, None)
UNCHANGED = ("unchanged", True, None)
WOULD_CHANGE = ("would_change", None, None)
# For where it must show that nothing was sent: nobody listens at the discard port.
NOWHERE = "http://127.0.0.1:9"


def secret(label):
    """A password that nobody can mistake for anything else in a text."""
    return "S3cr3t-MARKER-%s" % label


def task(title, **options):
    """A task that may fail without ending the play."""
    return {"name": title, MODULE: options, "ignore_errors": True}


def error(run, title):
    """The error of a task's one user."""
    (user,) = run.result(title)["users"]
    return user["error"]


def diffs(run, title):
    """The diff of a task: names of users to ``(before, after)``."""
    return {one["before_header"]: (one["before"], one["after"]) for one in run.result(title)["diff"]}


def as_root(server, **options):
    """The options of a call of the operator root."""
    return {"url": server.url, "api_user": "root", "api_password": server.root_password} | options


# Change, and change again


def test_change_then_nothing_to_change(ansible, milvus_server, milvus_user):
    first, second, third = secret("first"), secret("second"), secret("third")
    user = milvus_user(milvus_server, password=first)
    who = {"url": milvus_server.url, "name": user.name}
    run = run_tasks(
        ansible,
        task("Change", current_password=first, password=second, **who),
        task("Again", current_password=first, password=second, **who),
        task("With the old password", current_password=first, password=third, **who),
        task("Always", current_password=second, password=second, update_password="always", **who),
        task("Without a proof", current_password=second, password=third, verify=False, **who),
        verbosity=5,
    )
    assert only(run, "Change") == CHANGED and run.result("Change").status == "changed"
    assert only(run, "Again") == UNCHANGED and run.result("Again").status == "ok"
    assert only(run, "With the old password") == ("failed", None, "current_password_wrong")
    assert only(run, "Always") == CHANGED
    assert only(run, "Without a proof") == ("changed", None, None)
    assert [milvus_server.can_log_in(user.name, password) for password in (first, second, third)] == [False, False, True]
    assert run.leaks([first, second, third]) == []


def test_the_current_password_is_wrong(ansible, milvus_server, milvus_user):
    one, two, three = (milvus_user(milvus_server) for _number in range(3))
    run = run_tasks(
        ansible,
        task("Itself", url=milvus_server.url, name=one.name, current_password=secret("wrong"), password=secret("new")),
        task(
            "By root",
            **as_root(
                milvus_server,
                users=[
                    {"name": two.name, "current_password": secret("wrong"), "password": secret("new")},
                    {"name": three.name, "password": secret("new")},
                ],
            ),
        ),
    )
    assert only(run, "Itself") == ("failed", None, "current_password_wrong")
    assert told(run, "By root") == [(user.name, "failed", None, "current_password_wrong") for user in (two, three)]
    assert all((one.status, one["changed"]) == ("ignored", False) for one in run.results)
    # The user itself is not let in; root is, and the server refuses the change.
    assert (error(run, "Itself")["http_status"], error(run, "Itself")["vendor_code"]) == (401, 1800)
    by_root = [user["error"] for user in run.result("By root")["users"]]
    assert [(refusal["http_status"], refusal["vendor_code"]) for refusal in by_root] == [(200, 1400)] * 2
    assert ["current_password is required" in refusal["message"] for refusal in by_root] == [False, True]
    for user in (one, two, three):
        assert milvus_server.can_log_in(user.name, user.password) and not milvus_server.can_log_in(user.name, secret("new"))


# Who may


def test_an_unknown_user(ansible, milvus_server):
    before = milvus_server.list_users()
    run = run_tasks(
        ansible,
        task("By root", **as_root(milvus_server), name="nobody", current_password=secret("old"), password=secret("new")),
        task("Itself", url=milvus_server.url, name="nobody", current_password=secret("old"), password=secret("new")),
    )
    assert only(run, "By root") == ("failed", None, "user_not_found")
    # Milvus does not tell a user that does not exist from a wrong password.
    assert only(run, "Itself") == ("failed", None, "current_password_wrong")
    assert "the user does not exist" in run.result("Itself")["msg"]
    assert milvus_server.list_users() == before and "nobody" not in before


def test_an_unknown_user_is_not_created_by_a_super_user(ansible, milvus_server_super, milvus_user):
    known = milvus_user(milvus_server_super)
    before = milvus_server_super.list_users()
    users = [
        {"name": "nobody", "password": secret("new")},
        {"name": "nobody_else", "current_password": secret("old"), "password": secret("new"), "update_password": "always"},
        {"name": known.name, "password": secret("new")},
    ]
    run = run_tasks(
        ansible,
        {**task("Check", **as_root(milvus_server_super, users=users)), "check_mode": True},
        task("Change", **as_root(milvus_server_super, users=users)),
        task("Again", **as_root(milvus_server_super, users=users)),
    )
    for title, outcome in (("Check", WOULD_CHANGE), ("Change", CHANGED), ("Again", UNCHANGED)):
        # A super user needs no current password.
        assert told(run, title) == [("nobody", "failed", None, "user_not_found"), ("nobody_else", "failed", None, "user_not_found"), (known.name, *outcome)]
    assert [run.result(title)["changed"] for title in run.started] == [True, True, False]
    assert milvus_server_super.list_users() == before and "nobody" not in before
    assert milvus_server_super.can_log_in(known.name, secret("new")) and not milvus_server_super.can_log_in(known.name, known.password)


def test_a_user_without_the_privilege_changes_itself_only(ansible, milvus_server, milvus_user):
    alice, bob = milvus_user(milvus_server), milvus_user(milvus_server)
    run = run_tasks(
        ansible,
        task(
            "Batch",
            url=milvus_server.url,
            api_user=alice.name,
            api_password=alice.password,
            users=[{"name": alice.name, "password": secret("alice")}, {"name": bob.name, "current_password": bob.password, "password": secret("bob")}],
        ),
    )
    assert told(run, "Batch") == [(alice.name, *CHANGED), (bob.name, "failed", None, "permission_denied")]
    refusal = run.result("Batch")["users"][1]["error"]
    assert (refusal["http_status"], refusal["vendor_code"]) == (403, 65535)
    assert "permission deny to %s" % alice.name in refusal["message"]
    assert milvus_server.can_log_in(alice.name, secret("alice"))
    assert milvus_server.can_log_in(bob.name, bob.password) and not milvus_server.can_log_in(bob.name, secret("bob"))


def test_the_operator_among_the_users_is_changed_last(ansible, start_milvus):
    server = start_milvus()
    old = server.root_password
    names = ["user_%d" % number for number in range(6)]
    for name in names:
        server.create_user(name, secret("old"))
    new = secret("root")
    users = [{"name": "root", "password": new}] + [{"name": name, "current_password": secret("old"), "password": secret("new")} for name in names]
    run = run_tasks(
        ansible,
        # Were root not the last, the others would be refused, since each of their changes needs root's old password.
        task("Rotate", **as_root(server, users=users)),
        task("With the old login", **as_root(server, users=users)),
        task("With the new login", **as_root(server, users=users, api_password=new)),
    )
    server.root_password = new
    assert told(run, "Rotate") == [(name, *CHANGED) for name in ["root", *names]]
    assert run.result("With the old login")["error"]["kind"] == "authentication_failed"
    assert told(run, "With the new login") == [(name, *UNCHANGED) for name in ["root", *names]]
    assert server.can_log_in("root", new) and not server.can_log_in("root", old)
    assert all(server.can_log_in(name, secret("new")) for name in names)


# What passwords may be


def test_lengths(ansible, milvus_server, milvus_user):
    wanted = {
        "5 bytes": "abc-5",
        "6 bytes": "abcd-6",
        "72 bytes": "x" * 72,
        "36 letters, 72 bytes": "é" * 36,
        "73 bytes": "x" * 73,
        "37 letters, 74 bytes": "é" * 37,
    }
    users = {label: milvus_user(milvus_server) for label in wanted}
    entries = [{"name": user.name, "current_password": user.password, "password": wanted[label]} for label, user in users.items()]
    run = run_tasks(
        ansible,
        task("Batch", url=milvus_server.url, users=entries),
        # A request could only fail here.
        task("Nowhere", url=NOWHERE, users=entries[-2:]),
    )
    rejected = ("failed", None, "password_rejected")
    # Only where there was a request, a login before it has shown that the password is not in force.
    outcomes = [("failed", False, "password_rejected"), CHANGED, CHANGED, CHANGED, rejected, rejected]
    assert told(run, "Batch") == [(user.name, *outcome) for user, outcome in zip(users.values(), outcomes)]
    assert told(run, "Nowhere") == told(run, "Batch")[-2:]
    errors = [user["error"] for user in run.result("Batch")["users"]]
    # The least length is a setting of the server, the most is certain.
    assert (errors[0]["http_status"], errors[0]["vendor_code"]) == (200, 1100) and "invalid password length" in errors[0]["message"]
    assert all(refusal["http_status"] is None and "longer than 72 bytes" in refusal["message"] for refusal in errors[-2:])
    for label, user in users.items():
        assert milvus_server.can_log_in(user.name, wanted[label] if label in ("6 bytes", "72 bytes", "36 letters, 72 bytes") else user.password)


PECULIAR = {
    "colons": ":S3cr3t:MARKER::colons:",
    "umlauts": "S3cr3t-MARKER-grüße-密码-ñ",
    "blank before": "  S3cr3t-MARKER-before",
    "blank after": "S3cr3t-MARKER-after  ",
    "blanks and letters": " S3cr3t-MARKER-ß: ",
    "tab at the end": "S3cr3t-MARKER-tab\t",
    "quotes": "S3cr3t-\"MARKER'\\<&>%7B$",
    "looks like a number": "12345678901234567890",
    "looks like JSON": '["S3cr3t-MARKER-list"]',
}


def test_peculiar_passwords(ansible, milvus_server, milvus_user):
    users = {label: milvus_user(milvus_server) for label in PECULIAR}
    there = [{"name": user.name, "current_password": user.password, "password": PECULIAR[label]} for label, user in users.items()]
    back = [{"name": user.name, "current_password": PECULIAR[label], "password": user.password} for label, user in users.items()]
    run = run_tasks(
        ansible,
        task("There", url=milvus_server.url, users=there, allow_control_characters=True),
        task("Again", url=milvus_server.url, users=there, allow_control_characters=True),
        # Here the peculiar one is the login of the change.
        task("Back", url=milvus_server.url, users=back, allow_control_characters=True),
        task("There by root", **as_root(milvus_server, users=there, allow_control_characters=True)),
        verbosity=5,
    )
    for title, outcome in (("There", CHANGED), ("Again", UNCHANGED), ("Back", CHANGED), ("There by root", CHANGED)):
        assert told(run, title) == [(user.name, *outcome) for user in users.values()]
    assert {label: milvus_server.can_log_in(user.name, PECULIAR[label]) for label, user in users.items()} == dict.fromkeys(PECULIAR, True)
    assert run.leaks(list(PECULIAR.values())) == []


# Check mode


def test_check_mode_with_diff(ansible, milvus_server, milvus_user):
    alice, bob, carol = (milvus_user(milvus_server, password=secret(label)) for label in ("alice", "bob", "carol"))
    users = [
        {"name": alice.name, "current_password": alice.password, "password": secret("new")},
        {"name": bob.name, "current_password": secret("wrong"), "password": secret("new")},
        {"name": carol.name, "password": carol.password},
    ]
    before = milvus_server.list_users()
    run = run_tasks(
        ansible,
        task("Batch", **as_root(milvus_server, users=[*users, {"name": "nobody", "password": secret("new")}])),
        task("Itself", url=milvus_server.url, **users[0]),
        check=True,
        diff=True,
        verbosity=5,
    )
    assert told(run, "Batch") == [
        (alice.name, *WOULD_CHANGE),
        (bob.name, "failed", None, "current_password_wrong"),
        (carol.name, *UNCHANGED),
        ("nobody", "failed", None, "user_not_found"),
    ]
    assert only(run, "Itself") == WOULD_CHANGE and run.result("Itself").status == "changed"
    diff = diffs(run, "Batch")
    assert diff[alice.name] == ("wanted password: not in force\n", "wanted password: in force\n")
    assert diff[carol.name] == ("wanted password: in force\n", "wanted password: in force\n")
    assert "+wanted password: in force" in run.stdout
    assert all(milvus_server.can_log_in(user.name, user.password) for user in (alice, bob, carol))
    assert milvus_server.list_users() == before
    assert run.leaks([secret(label) for label in ("alice", "bob", "carol", "new", "wrong")]) == []
    # And without check mode the diff is the same for who is changed.
    run = run_tasks(ansible, task("Change", **as_root(milvus_server, users=[users[0], users[2]])), diff=True)
    assert diffs(run, "Change") == {name: diff[name] for name in (alice.name, carol.name)}
    assert milvus_server.can_log_in(alice.name, secret("new"))


# Many


@pytest.mark.slow
def test_a_batch_of_fifty_with_two_bad_ones(ansible, milvus_server, milvus_user):
    users = [milvus_user(milvus_server) for _number in range(49)]
    entries = [{"name": user.name, "current_password": user.password, "password": secret("new-%d" % number)} for number, user in enumerate(users)]
    entries[7]["current_password"] = secret("wrong")
    entries.insert(31, {"name": "nobody", "current_password": secret("old"), "password": secret("nobody")})
    run = run_tasks(ansible, task("Batch", **as_root(milvus_server, users=entries)), verbosity=5)
    expected = [(entry["name"], *CHANGED) for entry in entries]
    expected[7] = (users[7].name, "failed", None, "current_password_wrong")
    expected[31] = ("nobody", "failed", None, "user_not_found")
    assert len(entries) == 50 and expected.count(("nobody", "failed", None, "user_not_found")) == 1
    assert told(run, "Batch") == expected
    result = run.result("Batch")
    assert (result.status, result["changed"], "error" in result.result) == ("ignored", True, False)
    assert result["msg"].startswith("2 of 50 users failed. ") and users[7].name in result["msg"] and "nobody" in result["msg"]
    assert "nobody" not in milvus_server.list_users()
    for number, user in enumerate(users):
        assert milvus_server.can_log_in(user.name, user.password if number == 7 else secret("new-%d" % number))
    assert run.leaks([entry["password"] for entry in entries] + [user.password for user in users]) == []


# A server without authorization


def test_authorization_switched_off(ansible, milvus_server_open, milvus_user):
    user = milvus_user(milvus_server_open)
    who = {"url": milvus_server_open.url, "name": user.name}
    operator = {"api_user": "root", "api_password": "not even root's password"}
    run = run_tasks(
        ansible,
        {**task("Check", current_password=user.password, password=secret("one"), **who), "check_mode": True},
        task("Change", current_password=user.password, password=secret("one"), **who),
        task("Again", current_password=user.password, password=secret("one"), **who),
        task("As an operator", current_password=secret("one"), password=secret("two"), **who, **operator),
        task("To the same", current_password=secret("two"), password=secret("two"), **who),
        task("Unknown user", **{**who, "name": "nobody"}, **operator, password=secret("two")),
    )
    assert only(run, "Check") == WOULD_CHANGE
    for title in ("Change", "As an operator", "To the same"):
        # No login can tell, so there is no proof, and no claim that nothing had to be done.
        assert only(run, title) == ("changed", None, None)
        assert any("Authorization is switched off" in text for text in run.result(title)["warnings"])
    # The change itself still checks the current password.
    assert only(run, "Again") == ("failed", None, "current_password_wrong")
    assert only(run, "Unknown user") == ("failed", None, "user_not_found")
    assert milvus_server_open.can_log_in(user.name, secret("two")) and not milvus_server_open.can_log_in(user.name, user.password)


# A server that dies


@pytest.mark.slow
def test_the_server_is_killed_in_the_middle_of_a_batch(ansible, start_milvus):
    server = start_milvus()
    names = ["user_%02d" % number for number in range(32)]
    for name in names:
        server.create_user(name, secret("old"))
    entries = [{"name": name, "current_password": secret("old"), "password": secret("new")} for name in names]
    running = ansible.start_playbook([play(task("Batch", url=server.url, users=entries, concurrency=4, retries=1, timeout=10))])
    end = time.monotonic() + 60
    while not server.can_log_in(names[0], secret("new")):
        assert time.monotonic() < end and running.poll() is None
    server.kill()
    run = running.wait()
    server.restart()
    users = run.result("Batch")["users"]
    states = {user["name"]: user["state"] for user in users}
    assert list(states) == names
    # In the middle it was.
    assert set(states.values()) >= {"changed", "failed"}, states
    truth = {name: (server.can_log_in(name, secret("old")), server.can_log_in(name, secret("new"))) for name in names}
    allowed = {"changed": {(False, True)}, "failed": {(True, False)}, "unknown": {(True, False), (False, True)}}
    assert {name: (states[name], truth[name]) for name in names if truth[name] not in allowed[states[name]]} == {}
    # Requests that were under way when the server died get no answer at all, rather than a closed connection.
    kinds = ("connection_failed", "outcome_unknown", "timed_out")
    assert all(user["error"]["kind"] in kinds and user["error"]["retryable"] for user in users if user["error"])
    # The same task, run again, finishes the work, whatever became of those in doubt.
    run = run_tasks(ansible, task("Again", url=server.url, users=entries))
    assert {user[2:] for user in told(run, "Again")} == {(True, None)}
    assert all(server.can_log_in(name, secret("new")) for name in names)


@pytest.mark.slow
def test_a_server_that_hangs_and_does_it_later(ansible, start_milvus):
    server = start_milvus()
    server.create_user("alice", secret("old"))
    pipe = ansible.shared / "pipe"
    os.mkfifo(pipe)
    options = {"url": server.url, "name": "alice", "current_password": secret("old"), "password": secret("new")}
    running = ansible.start_playbook(
        [
            play(
                {"name": "Wait", "ansible.builtin.command": "cat %s" % pipe},
                task("Change", **options, update_password="always", timeout=1),
            )
        ]
    )
    # Opening blocks until the other side has opened, too: only then the server is restarted, and hangs for some seconds.
    with open(pipe, "w", encoding="utf-8"):
        server.restart(wait=False)
    run = running.wait(60)
    # Neither the change nor a login got an answer, so nothing is claimed.
    assert run.rc == 0 and only(run, "Change") == ("unknown", None, "outcome_unknown"), run.output
    server.wait_until_ready()
    end = time.monotonic() + 30
    while not server.can_log_in("alice", secret("new")):
        assert time.monotonic() < end
    assert only(run_tasks(ansible, task("Again", **options)), "Again") == UNCHANGED


# How it is called


def test_ad_hoc_with_secrets_from_the_environment(ansible, milvus_server, milvus_user):
    user = milvus_user(milvus_server, password=secret("old"))
    env = {
        "MILVUS_URL": milvus_server.url,
        "MILVUS_API_USER": "root",
        "MILVUS_API_PASSWORD": milvus_server.root_password,
        "OLD": secret("old"),
        "NEW": secret("new"),
    }
    arguments = "name=%s password={{ lookup('env', 'NEW') }} current_password={{ lookup('env', 'OLD') }}" % user.name
    run = ansible.adhoc(MODULE, arguments, env=env, verbosity=5, watch=True)
    assert run.rc == 0 and only(run, MODULE) == CHANGED
    assert milvus_server.can_log_in(user.name, secret("new")) and not milvus_server.can_log_in(user.name, secret("old"))
    again = ansible.adhoc(MODULE, arguments, env=env)
    assert again.rc == 0 and only(again, MODULE) == UNCHANGED and again.stdout.startswith("localhost | SUCCESS")
    assert run.command_lines and ansible.leaks([secret("old"), secret("new")]) == []


def test_module_defaults(ansible, milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    tasks = {
        "milvus": task("Change", name=user.name, current_password=user.password, password=secret("new")),
        "all": task("Again", name=user.name, password=secret("new")),
    }
    run = ansible.playbook([play(one, module_defaults={"group/rekey.passwords.%s" % group: as_root(milvus_server)}) for group, one in tasks.items()])
    assert run.rc == 0, run.output
    assert (only(run, "Change"), only(run, "Again")) == (CHANGED, UNCHANGED)
    assert milvus_server.can_log_in(user.name, secret("new"))
