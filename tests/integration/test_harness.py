# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness itself, on modules of ansible-core: that it runs, isolates, kills, and can fail."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys

import pytest

from tests.integration import processes

pytestmark = pytest.mark.slow
SECRET = "S3cr3t-MARKER-alice"


def play(*tasks, hosts="localhost", **options):
    """One play without facts."""
    return {"hosts": hosts, "gather_facts": False, "tasks": list(tasks), **options}


def test_results_of_every_kind(ansible):
    run = ansible.playbook(
        [
            play(
                {"name": "Says", "ansible.builtin.debug": {"msg": "hello"}},
                {"name": "Changes", "ansible.builtin.command": "true"},
                {"name": "Skips", "ansible.builtin.debug": {"msg": "no"}, "when": False},
                {"name": "Ignores", "ansible.builtin.fail": {"msg": "never mind"}, "ignore_errors": True},
                {"name": "Hides", "ansible.builtin.debug": {"msg": SECRET}, "no_log": True},
                {"name": "Loops", "ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": [1, 2]},
                {"name": "Fails", "ansible.builtin.fail": {"msg": "that is all"}},
                {"name": "Never", "ansible.builtin.debug": {"msg": "unreached"}},
            )
        ]
    )
    assert run.rc == 2, run.output
    assert [(one.task, one.status) for one in run.results] == [
        ("Says", "ok"),
        ("Changes", "changed"),
        ("Skips", "skipped"),
        ("Ignores", "ignored"),
        ("Hides", "ok"),
        ("Loops", "ok"),
        ("Fails", "failed"),
    ]
    assert run.result("Says")["msg"] == "hello"
    assert run.result("Changes", host="localhost")["rc"] == 0
    assert "censored" in run.result("Hides").result
    assert len(run.result("Loops")["results"]) == 2
    assert run.result("Fails")["msg"] == "that is all"
    assert run.started[-1] == "Fails"
    assert run.result("ansible.builtin.command").task == "Changes"
    assert len(run.all_results("ansible.builtin.debug")) == 4
    assert not any(key.startswith("_ansible_") for one in run.results for key in one.result)
    counts = run.stats["localhost"]
    assert (counts["ok"], counts["changed"], counts["skipped"], counts["failures"], counts["ignored"]) == (5, 1, 1, 1, 1)
    assert "TASK [Says]" in run.stdout and run.leaks([SECRET]) == []
    with pytest.raises(LookupError):
        run.result("ansible.builtin.debug")
    with pytest.raises(LookupError):
        run.result("No such task")


def test_inventory_options_and_check_mode(ansible):
    tasks = [
        {"name": "Writes", "ansible.builtin.copy": {"content": "{{ text }}\n", "dest": "{{ dest }}", "mode": "0600"}, "tags": "write"},
        {"name": "Asks", "ansible.builtin.assert": {"that": "ansible_check_mode"}, "tags": "ask"},
    ]
    inventory = {"all": {"hosts": {"one": {"text": "first"}, "two": {"text": "second"}}}}
    options = {"inventory": inventory, "extra_vars": {"dest": str(ansible.shared / "{{ inventory_hostname }}")}, "tags": "write"}
    dry = ansible.playbook([play(*tasks, hosts="all")], check=True, diff=True, **options)
    assert (dry.rc, sorted(one.host for one in dry.results), list(ansible.shared.iterdir())) == (0, ["one", "two"], []), dry.output
    assert "+first" in dry.stdout
    wet = ansible.playbook([play(*tasks, hosts="all")], limit="two", **options)
    assert [(one.host, one.status) for one in wet.results] == [("two", "changed")]
    assert (ansible.shared / "two").read_text(encoding="utf-8") == "second\n"
    again = ansible.playbook([play(*tasks, hosts="all")], limit="two", **options)
    assert [one.status for one in again.results] == ["ok"] and again.stats["two"]["changed"] == 0


def test_adhoc(ansible):
    run = ansible.adhoc("ansible.builtin.debug", {"msg": "{{ lookup('env', 'WORD') }} {{ other }}"}, env={"WORD": "from outside"}, extra_vars={"other": "here"})
    assert (run.rc, run.result("ansible.builtin.debug")["msg"]) == (0, "from outside here"), run.output
    assert ansible.adhoc("ansible.builtin.ping").result("ansible.builtin.ping")["ping"] == "pong"


def test_a_path_as_playbook_and_verbosity(ansible):
    path = ansible.inputs / "mine.yml"
    path.write_text(json.dumps([play({"ansible.builtin.debug": {"msg": "hello"}})]), encoding="utf-8")
    run = ansible.playbook(path, verbosity=3)
    assert run.rc == 0 and str(path) in run.output
    assert "hello" in (run.folder / "ansible.log").read_text(encoding="utf-8")


def test_nothing_of_the_caller_leaks_in(ansible, monkeypatch, tmp_path):
    monkeypatch.setenv("ANSIBLE_CALLBACK_RESULT_FORMAT", "yaml")
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "no_such_callback")
    monkeypatch.setenv("MILVUS_PASSWORD", "from the caller")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ansible.cfg").write_text("[defaults]\nforks = nonsense\n", encoding="utf-8")
    run = ansible.playbook(
        [
            play(
                {"name": "Environment", "ansible.builtin.command": "env"},
                {"name": "Python", "ansible.builtin.debug": {"msg": "{{ ansible_playbook_python }}"}},
            )
        ]
    )
    assert run.rc == 0, run.output
    variables = dict(line.split("=", 1) for line in run.result("Environment")["stdout_lines"])
    assert not {"ANSIBLE_STDOUT_CALLBACK", "MILVUS_PASSWORD"} & set(variables)
    assert variables["HOME"] == str(run.folder / "home") and variables["LC_ALL"] == "C.UTF-8"
    assert os.path.dirname(run.result("Python")["msg"]) == os.path.dirname(sys.executable)


def test_the_vault_password_goes_through_a_file(ansible):
    secret = ansible.inputs / "secret.yml"
    write = ansible.playbook(
        [play({"ansible.builtin.copy": {"content": "{{ text | vault(word) }}", "dest": str(secret), "mode": "0600", "decrypt": False}, "no_log": True})],
        extra_vars={"text": json.dumps({"opened": "it is open"}), "word": SECRET},
    )
    assert write.rc == 0, write.output
    # Asserted in the run: ansible-core 2.22 hides from results what comes out of a vault.
    read = {"ansible.builtin.assert": {"that": "opened == 'it is open'"}}
    run = ansible.playbook([play(read, vars_files=[str(secret)])], vault_password=SECRET, watch=True)
    assert run.result("ansible.builtin.assert").status == "ok", run.output
    assert run.command_lines and run.leaks([SECRET]) == []
    assert ansible.playbook([play(read, vars_files=[str(secret)])]).rc != 0


def test_a_run_that_takes_too_long_is_killed(ansible):
    running = ansible.start_playbook([play({"name": "Waits", "ansible.builtin.command": "sleep 300"})])
    with pytest.raises(AssertionError, match="did not end within 2 s"):
        running.wait(2)
    assert processes.of_run(running.run) == []
    assert running.poll() == -signal.SIGKILL


@contextlib.contextmanager
def waiting_run(ansible):
    """A run that is in the middle of a task, and stays there."""
    path = ansible.shared / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        running = ansible.start_playbook([play({"name": "Waits", "ansible.builtin.shell": "echo here > %s; sleep 300" % path})])
        assert select.select([reader], [], [], 60)[0], "the task did not begin"
        assert os.read(reader, 100) == b"here\n"
        yield running
    finally:
        os.close(reader)


def test_killing_the_group_and_the_workers(ansible):
    with waiting_run(ansible) as running:
        assert len(processes.of_run(running.run)) > 1
        running.kill_group()
        run = running.wait(5)
    assert (run.rc, run.started, run.results, run.stats) == (-signal.SIGKILL, ["Waits"], [], {})
    assert processes.of_run(running.run) == []


def test_workers_outlive_the_group(ansible):
    with waiting_run(ansible) as running:
        running.kill_group(workers=False)
        assert running.poll() == -signal.SIGKILL
        assert processes.of_run(running.run) != []
        ansible.close()
        assert processes.of_run(running.run) == []


@pytest.mark.parametrize("at", ["Second", "ansible.builtin.command"])
def test_the_run_kills_itself_when_a_task_starts(ansible, at):
    tasks = [
        {"name": "First", "ansible.builtin.debug": {"msg": "done"}},
        {"name": "Second", "ansible.builtin.command": "touch %s" % (ansible.shared / "second")},
    ]
    run = ansible.playbook([play(*tasks)], kill_at=at)
    assert run.rc == -signal.SIGKILL
    assert [one.task for one in run.results] == ["First"]
    assert list(ansible.shared.iterdir()) == []
    assert ansible.playbook([play(*tasks)]).rc == 0
    assert (ansible.shared / "second").exists()


def test_no_run_kills_a_group_that_is_not_its_own_session(ansible, monkeypatch):
    popen = subprocess.Popen

    def in_our_session(*args, start_new_session, **options):
        assert start_new_session
        return popen(*args, process_group=0, **options)

    monkeypatch.setattr(subprocess, "Popen", in_our_session)
    run = ansible.playbook([play({"name": "First", "ansible.builtin.debug": {"msg": "done"}})], kill_at="First")
    assert run.rc == 0 and run.result("First").status == "ok"
    assert "kill_at: not killed" in run.output


@pytest.mark.secrets
@pytest.mark.parametrize("watched", [True, False])
def test_secrets_in_process_arguments_are_seen(ansible, watched):
    run = ansible.playbook(
        [
            play(
                {"ansible.builtin.command": {"argv": ["sleep", "0.5", "{{ lookup('env', 'WORD') }}"]}, "no_log": True, "ignore_errors": True},
                {"ansible.builtin.shell": {"cmd": "sleep 0.5 # {{ lookup('env', 'WORD') }}"}, "no_log": True},
            )
        ],
        env={"WORD": SECRET},
        watch=watched,
    )
    assert run.rc == 0, run.output
    found = {(leak.source, leak.form) for leak in run.leaks([SECRET])}
    assert (("process arguments", "plain") in found) is watched


@pytest.mark.secrets
def test_what_a_run_prints_and_returns_is_searched(ansible):
    run = ansible.playbook(
        [play({"ansible.builtin.debug": {"msg": "it is {{ word | b64encode }}"}}, {"ansible.builtin.debug": {"msg": "it is {{ word }}"}})],
        extra_vars={"word": SECRET},
    )
    found = {(leak.source, leak.form) for leak in run.leaks(["something-else", SECRET])}
    for source in ("stdout.txt", "results", "ansible.log", "record.jsonl"):
        assert {(source, "plain"), (source, "base64")} <= found
    assert {leak.number for leak in run.leaks(["something-else", SECRET])} == {2}
    assert {leak.source for leak in ansible.leaks([SECRET])} >= {"results of run-1", "run-1/stdout.txt"}
    assert not any(leak.source.startswith("inputs") for leak in ansible.leaks([SECRET]))
    (ansible.shared / "store").write_text(SECRET, encoding="utf-8")
    assert any(leak.source == "shared/store" for leak in ansible.leaks([SECRET]))
    assert SECRET not in repr(ansible.leaks([SECRET]))
