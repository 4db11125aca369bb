# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``milvus_user_password`` through real Ansible on a real Milvus.

What the module says is never taken for proof: whether a password is in force is asked of the server itself, by gRPC.
"""

from __future__ import annotations

import time

import pytest

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


def play(*tasks, **options):
    """One play on localhost."""
    return {"hosts": "localhost", "gather_facts": False, "tasks": list(tasks), **options}


def run_tasks(ansible, *tasks, **options):
    """Run tasks in one play."""
    run = ansible.playbook([play(*tasks)], **options)
    assert run.rc == 0, run.output
    return run


def told(run, title):
    """What a task says of its users, in its order: ``(name, state, verified, kind of error)``."""
    return [(user["name"], user["state"], user["verified"], user["error"] and user["error"]["kind"]) for user in run.result(title)["users"]]


def only(run, title):
    """What a task says of its one user: ``(state, verified, kind of error)``."""
    (user,) = told(run, title)
    return user[1:]


def error(run, title):
    """The error of a task's one user."""
    (user,) = run.result(title)["users"]
    return user["error"]


def as_root(server, **options):
    """The options of a call of the operator root."""
    return {"url": server.url, "api_user": "root", "api_password": server.root_password, **options}


# Change, and change again


@pytest.mark.parametrize("acting", ["itself", "root"])
def test_change_then_nothing_to_change(ansible, milvus_server, milvus_user, acting):
    first, second, third = secret("first"), secret("second"), secret("third")
    user = milvus_user(milvus_server, password=first)
    who = {"url": milvus_server.url} if acting == "itself" else as_root(milvus_server)
    who["name"] = user.name
    run = run_tasks(
        ansible,
        task("Change", current_password=first, password=second, **who),
        task("Again", current_password=first, password=second, **who),
        task("With the old password", current_password=first, password=third, **who),
        task("Always", current_password=second, password=second, update_password="always", **who),
        task("Back without a proof", current_password=second, password=third, verify=False, **who),
        verbosity=5,
    )
    assert only(run, "Change") == CHANGED and run.result("Change").status == "changed"
    assert only(run, "Again") == UNCHANGED and run.result("Again").status == "ok"
    assert only(run, "With the old password") == ("failed", None, "current_password_wrong")
    assert only(run, "Always") == CHANGED
    assert only(run, "Back without a proof") == ("changed", None, None)
    assert [milvus_server.can_log_in(user.name, password) for password in (first, second, third)] == [False, False, True]
    assert run.leaks([first, second, third]) == []


def test_the_current_password_is_wrong(ansible, milvus_server, milvus_user):
    one, two = milvus_user(milvus_server), milvus_user(milvus_server)
    run = run_tasks(
        ansible,
        task("Itself", url=milvus_server.url, name=one.name, current_password=secret("wrong"), password=secret("new")),
        task("By root", **as_root(milvus_server), name=two.name, current_password=secret("wrong"), password=secret("new")),
        task("By root who does not know it", **as_root(milvus_server), name=two.name, password=secret("new")),
    )
    for title in run.started:
        assert only(run, title) == ("failed", None, "current_password_wrong")
        assert run.result(title).status == "ignored" and run.result(title)["changed"] is False
    # The user itself is not let in; root is, and the server refuses the change.
    assert [(error(run, title)["http_status"], error(run, title)["vendor_code"]) for title in run.started] == [(401, 1800), (200, 1400), (200, 1400)]
    assert "current_password is needed" in run.result("By root who does not know it")["msg"]
    for user in (one, two):
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
    assert "no such user" in run.result("Itself")["msg"]
    assert milvus_server.list_users() == before and "nobody" not in before


def test_an_unknown_user_is_not_created_by_a_super_user(ansible, milvus_server_super, milvus_user):
    known = milvus_user(milvus_server_super)
    before = milvus_server_super.list_users()
    new = secret("new")
    run = run_tasks(
        ansible,
        task("Check", **as_root(milvus_server_super, name="nobody", password=new), update_password="always"),
        task("Unknown", **as_root(milvus_server_super, name="nobody", password=new)),
        task("Unknown, always", **as_root(milvus_server_super, name="nobody", current_password=secret("old"), password=new), update_password="always"),
        task("Both", **as_root(milvus_server_super, users=[{"name": "nobody", "password": new}, {"name": known.name, "password": new}])),
        task("Again", **as_root(milvus_server_super, name=known.name, password=new)),
    )
    for title in ("Check", "Unknown", "Unknown, always"):
        assert only(run, title) == ("failed", None, "user_not_found")
    # A super user needs no current password.
    assert told(run, "Both") == [("nobody", "failed", None, "user_not_found"), (known.name, *CHANGED)]
    assert run.result("Both")["changed"] is True
    assert only(run, "Again") == UNCHANGED
    assert milvus_server_super.list_users() == before and "nobody" not in before
    assert milvus_server_super.can_log_in(known.name, new) and not milvus_server_super.can_log_in(known.name, known.password)


def test_a_user_without_the_privilege_changes_itself_only(ansible, milvus_server, milvus_user):
    alice, bob = milvus_user(milvus_server), milvus_user(milvus_server)
    run = run_tasks(ansible, task(
        "Batch", url=milvus_server.url, api_user=alice.name, api_password=alice.password,
        users=[{"name": alice.name, "password": secret("alice")}, {"name": bob.name, "current_password": bob.password, "password": secret("bob")}],
    ))
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
    # Were root not the last, the others would be refused, since each of their changes needs root's old password.
    run = run_tasks(ansible, task("Rotate", **as_root(server, users=users)), task("Again", **as_root(server, users=users)))
    server.root_password = new
    assert told(run, "Rotate") == [(name, *CHANGED) for name in ["root", *names]]
    # The password that the operator was given is none any more, and nobody is tried with it.
    assert run.result("Again")["error"]["kind"] == "authentication_failed"
    again = run_tasks(ansible, task("Again", **as_root(server, users=users)), check=True)
    assert told(again, "Again") == [(name, *UNCHANGED) for name in ["root", *names]]
    assert server.can_log_in("root", new) and not server.can_log_in("root", old)
    assert all(server.can_log_in(name, secret("new")) for name in names)


# What passwords may be


def test_lengths(ansible, milvus_server, milvus_user):
    user = milvus_user(milvus_server)
    who = {"url": milvus_server.url, "name": user.name}
    longest, longest_in_bytes = "x" * 72, "é" * 36
    run = run_tasks(
        ansible,
        task("5 bytes", current_password=user.password, password="abc-5", **who),
        task("73 bytes", current_password=user.password, password="x" * 73, **who),
        task("37 letters, 74 bytes", current_password=user.password, password="é" * 37, **who),
        # No request either: one could only fail here.
        task("73 bytes, nowhere", current_password=user.password, password="x" * 73, url=NOWHERE, name=user.name),
        task("72 bytes", current_password=user.password, password=longest, **who),
        task("36 letters, 72 bytes", current_password=longest, password=longest_in_bytes, **who),
        task("6 bytes", current_password=longest_in_bytes, password="abcd-6", **who),
    )
    assert only(run, "5 bytes") == ("failed", None, "password_rejected")
    assert (error(run, "5 bytes")["http_status"], error(run, "5 bytes")["vendor_code"]) == (200, 1100)
    assert "invalid password length" in run.result("5 bytes")["msg"]
    for title in ("73 bytes", "37 letters, 74 bytes", "73 bytes, nowhere"):
        assert only(run, title) == ("failed", None, "password_rejected")
        assert error(run, title)["http_status"] is None and "longer than 72 bytes" in run.result(title)["msg"]
    for title in ("72 bytes", "36 letters, 72 bytes", "6 bytes"):
        assert only(run, title) == CHANGED
    assert milvus_server.can_log_in(user.name, "abcd-6")


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


@pytest.mark.parametrize("acting", ["itself", "root"])
def test_peculiar_passwords(ansible, milvus_server, milvus_user, acting):
    users = {label: milvus_user(milvus_server) for label in PECULIAR}
    who = {"url": milvus_server.url} if acting == "itself" else as_root(milvus_server)
    there = [{"name": user.name, "current_password": user.password, "password": PECULIAR[label]} for label, user in users.items()]
    # With the peculiar one as the current password, which is then the login of the change.
    back = [{"name": user.name, "current_password": PECULIAR[label], "password": user.password} for label, user in users.items()]
    run = run_tasks(ansible, task("There", users=there, **who), task("Again", users=there, **who), verbosity=5)
    assert told(run, "There") == [(user.name, *CHANGED) for user in users.values()]
    assert told(run, "Again") == [(user.name, *UNCHANGED) for user in users.values()]
    assert {label: milvus_server.can_log_in(user.name, PECULIAR[label]) for label, user in users.items()} == dict.fromkeys(PECULIAR, True)
    assert run.leaks(list(PECULIAR.values())) == []
    run = run_tasks(ansible, task("Back", users=back, **who))
    assert told(run, "Back") == [(user.name, *CHANGED) for user in users.values()]


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
        check=True, diff=True, verbosity=5,
    )
    assert told(run, "Batch") == [
        (alice.name, *WOULD_CHANGE), (bob.name, "failed", None, "current_password_wrong"), (carol.name, *UNCHANGED), ("nobody", "failed", None, "user_not_found"),
    ]
    assert only(run, "Itself") == WOULD_CHANGE and run.result("Itself").status == "changed"
    diff = {one["before_header"]: (one["before"], one["after"]) for one in run.result("Batch")["diff"]}
    assert diff[alice.name] == ("wanted password: not in force\n", "wanted password: in force\n")
    assert diff[carol.name] == ("wanted password: in force\n", "wanted password: in force\n")
    assert "+wanted password: in force" in run.stdout
    assert all(milvus_server.can_log_in(user.name, user.password) for user in (alice, bob, carol))
    assert milvus_server.list_users() == before
    assert run.leaks([secret(label) for label in ("alice", "bob", "carol", "new", "wrong")]) == []
    # And without check mode the diff is the same for who is changed.
    run = run_tasks(ansible, task("Change", **as_root(milvus_server, users=[users[0], users[2]])), diff=True)
    assert {one["before_header"]: (one["before"], one["after"]) for one in run.result("Change")["diff"]} == {name: diff[name] for name in (alice.name, carol.name)}
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
@pytest.mark.parametrize("front", [True, False], ids=["the port closes", "the port stays open"])
def test_the_server_is_killed_in_the_middle_of_a_batch(ansible, start_milvus, front):
    server = start_milvus()
    names = ["user_%02d" % number for number in range(24)]
    for name in names:
        server.create_user(name, secret("old"))
    entries = [{"name": name, "current_password": secret("old"), "password": secret("new")} for name in names]
    running = ansible.start_playbook([play(task("Batch", url=server.url, users=entries, concurrency=4, retries=1))])
    end = time.monotonic() + 30
    while not server.can_log_in(names[0], secret("new")):
        assert time.monotonic() < end and running.poll() is None
    server.kill(front=front)
    run = running.wait(60)
    server.restart()
    states = {user["name"]: user["state"] for user in run.result("Batch")["users"]}
    in_force = {name: (server.can_log_in(name, secret("old")), server.can_log_in(name, secret("new"))) for name in names}
    allowed = {"changed": {(False, True)}, "failed": {(True, False)}, "unknown": {(True, False), (False, True)}}
    assert list(states) == names
    assert {name: (states[name], in_force[name]) for name in names if in_force[name] not in allowed[states[name]]} == {}
    # It was in the middle.
    assert set(states.values()) >= {"changed", "failed"}, states
    kinds = {user["error"]["kind"] for user in run.result("Batch")["users"] if user["error"]}
    assert kinds <= {"connection_failed", "outcome_unknown"}
    assert all(user["error"]["retryable"] for user in run.result("Batch")["users"] if user["error"])
    # The same task, run again, finishes the work, whatever became of those in doubt.
    run = run_tasks(ansible, task("Again", url=server.url, users=entries))
    assert {user[2:] for user in told(run, "Again")} == {(True, None)}
    assert all(server.can_log_in(name, secret("new")) for name in names)


# How it is called


def test_ad_hoc_with_secrets_from_the_environment(ansible, milvus_server, milvus_user):
    alice, bob = milvus_user(milvus_server, password=secret("alice")), milvus_user(milvus_server, password=secret("bob"))
    env = {"MILVUS_URL": milvus_server.url, "MILVUS_API_USER": "root", "MILVUS_API_PASSWORD": milvus_server.root_password,
           "OLD": alice.password, "NEW": secret("new")}
    arguments = "name=%s password={{ lookup('env', 'NEW') }} current_password={{ lookup('env', 'OLD') }}" % alice.name
    run = ansible.adhoc(MODULE, arguments, env=env, verbosity=5, watch=True)
    assert run.rc == 0 and only(run, MODULE) == CHANGED
    assert ansible.adhoc(MODULE, arguments, env=env).stdout.startswith("localhost | SUCCESS")
    assert milvus_server.can_log_in(alice.name, secret("new"))
    # As JSON, and the user for itself.
    arguments = {"name": bob.name, "password": "{{ lookup('env', 'NEW') }}", "current_password": "{{ lookup('env', 'OLD') }}"}
    run = ansible.adhoc(MODULE, arguments, env={"MILVUS_URL": milvus_server.url, "OLD": bob.password, "NEW": secret("new")}, watch=True)
    assert run.rc == 0 and only(run, MODULE) == CHANGED
    assert milvus_server.can_log_in(bob.name, secret("new"))
    assert ansible.leaks([secret(label) for label in ("alice", "bob", "new")]) == []


@pytest.mark.parametrize("group", ["milvus", "all"])
def test_module_defaults(ansible, milvus_server, milvus_user, group):
    user = milvus_user(milvus_server)
    tasks = (task("Change", name=user.name, current_password=user.password, password=secret("new")),
             task("Again", name=user.name, password=secret("new")))
    run = ansible.playbook([play(*tasks, module_defaults={"group/rekey.passwords.%s" % group: as_root(milvus_server)})])
    assert run.rc == 0, run.output
    assert (only(run, "Change"), only(run, "Again")) == (CHANGED, UNCHANGED)
    assert milvus_server.can_log_in(user.name, secret("new"))
