# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vendor's module within the controller's process and shipped: the same for the user and the server, and in process exactly where it may be.

All tasks of one way share one run of Ansible, against a double of its own that begins in the same state.
"""

from __future__ import annotations

import datetime
import json
import re
import sys
from dataclasses import dataclass

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.integration.harness import HERE
from tests.integration.module_results import only, told
from tests.integration.rotation import VAULT_PASSWORD, old_password
from tests.vendor_cases import CASES

USERS = ("alice", "bob", "carol", "dave", "erin", "frank")
NEW = "New-S3cr3t-MARKER-%s-1"
WAYS = ("auto", "never")
# The vendor on which everything is tried that no vendor has a part in.
ONE = CASES["milvus"]
ALIASES = {"rackspace_database": "rekey.passwords.trove_user_password"}
# Modules that are shipped stay where they were put, so that they can be counted. Messages list sets: in one order then.
ENVIRONMENT = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "PYTHONHASHSEED": "0"}
# Identifiers of requests, and the tokens of a double.
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=MARKER-token-)[\w-]{32}|(?<=rekey_)[0-9a-f]{16}")
# ansible-core 2.22 notes of modules alone that it could read their answers.
PARSED = re.compile(r'"ansible_parsed": true,\s+')
TASK = re.compile(r"^TASK \[(.*?)\] \*+$", re.MULTILINE)


@dataclass
class Vaulted:
    """A text that stands encrypted in a playbook, by default with the password of the run."""

    text: str
    password: str = VAULT_PASSWORD

    def encrypted(self):
        """As ansible-vault encrypts it, each time in the same way: messages quote the playbook."""
        return VaultLib([("default", VaultSecret(self.password.encode()))]).encrypt(self.text.encode(), salt=b"salt" * 8).decode()


class Dumper(yaml.SafeDumper):
    """Writes playbooks with ``!vault``, and everything in full."""

    def ignore_aliases(self, data):
        """Never refer to what was written before."""
        return True


Dumper.add_representer(Vaulted, lambda dumper, value: dumper.represent_scalar("!vault", value.encrypted(), style="|"))


def start(case):
    """A double with users that have their old passwords."""
    return case.double({name: old_password(name) for name in USERS})


def users(*names, **options):
    """The option ``users``."""
    return [dict({"name": name, "password": NEW % name, "current_password": old_password(name)}, **options) for name in names]


def task(case, title, options, **keywords):
    """A task that may fail without ending the play."""
    return {"name": title, case.module: options, "ignore_errors": True, **keywords}


def of_every_vendor(case, double):
    """Doubt, success, refusal, and options that are wrong."""
    connection = case.connection(double)
    refused = {key: "wrong-S3cr3t-MARKER" if value in case.secrets else value for key, value in connection.items()}
    tasks = [
        task(case, "Echo", {"users": users("dave", update_password="always")}),
        task(case, "Page", {"users": users("dave", update_password="always")}),
        task(case, "Check", {"users": users("alice", "bob")}, check_mode=True, diff=True),
        task(case, "Change", {"users": users("alice", "bob"), "concurrency": 2}, diff=True),
        task(case, "Again", {"users": users("alice", "bob"), "validate_certs": False}),
        task(case, "Shorthand", users("carol")[0]),
        task(case, "Unknown user", {"users": users("alice", "nobody"), "verify": False}, diff=True),
        task(case, "Refused operator", {**refused, "users": users("alice")}),
        task(case, "Unknown option", {"users": users("alice"), "passwort": NEW % "alice"}),
    ]
    if case.vendor in ALIASES:
        alias = ALIASES[case.vendor]
        tasks += [{"name": "Alias", alias: {"users": users("erin")}}, {"name": "Misspelt alias", alias: {"usrs": users("erin")}, "ignore_errors": True}]
    return tasks


def of_one_vendor(case, double):
    """Options in all forms and with all mistakes, and what Ansible does with a result."""
    connection = case.connection(double)
    alice, given = users("alice")[0], {"users": users("alice")}
    return [
        task(case, "Unknown option of a user", {"users": users("alice", passwort=NEW % "alice")}),
        task(case, "Keys that are no texts", {"users": [{**alice, True: 3, None: 4, 2.5: 5}]}),
        task(case, "Neither users nor name", {}),
        task(case, "Both", {**given, "name": "alice"}),
        task(case, "No password", {"users": [{"name": "alice", "current_password": NEW % "alice"}]}),
        task(case, "Empty password", {"name": "alice", "password": ""}),
        task(case, "Null password", {"name": "alice", "password": None}),
        task(case, "Wrong number", {**given, "timeout": "long " + NEW % "alice"}),
        task(case, "Wrong choice", {**given, "update_password": "maybe"}),
        task(case, "Wrong truth", {**given, "verify": "perhaps"}),
        task(case, "Several mistakes", {"name": "alice", "users": [], "verify": "perhaps", "colour": "blue", "retries": "many"}),
        task(case, "Users are lists", {"users": [[NEW % "alice"]]}),
        task(case, "Users are a text", {"users": "alice:" + NEW % "alice"}),
        task(case, "Users are a dictionary", {"users": alice}),
        task(case, "Users are key=value", {"users": "name=alice password=" + NEW % "alice"}),
        task(case, "Password is a list", {"users": [{**alice, "password": [NEW % "alice"]}]}),
        task(case, "Twice", {"users": users("alice", "alice")}),
        task(case, "No users", {"users": []}),
        task(case, "Null users", {"users": None}),
        task(case, "Password in the URL", {**given, "url": "http://root:%s@127.0.0.1/" % (NEW % "alice")}),
        task(case, "Nobody there", {**given, "url": "http://127.0.0.1:1/"}),
        task(case, "Plain HTTP", {**given, "url": "http://rekey.invalid/"}),
        task(case, "Texts for numbers", {**given, "timeout": "7.5", "concurrency": "2", "verify": "no"}),
        task(case, "A number for a text", {"users": users("frank", password=1234567890)}),
        task(case, "The number", {"users": users("frank", password="1234567890")}),
        task(case, "A fraction and a truth", {"users": users("frank", password=True, current_password=1.50)}),
        task(case, "Dates", {"users": users("frank", password=datetime.date(2026, 1, 2), current_password=datetime.datetime(2026, 1, 2, 3, 4))}),
        task(case, "Vault", {"api_password": Vaulted(connection["api_password"]),
                             "users": users("erin", password=Vaulted(NEW % "erin"), current_password="{{ encrypted }}")}),
        task(case, "Vault in a list", {"users": "{{ encrypted_users }}"}),
        task(case, "Lost vault password", {"users": users("erin", password=Vaulted("lost", "another password"))}),
        task(case, "Users of a filter", {"users": "{{ names | map('extract', people) }}"}),
        task(case, "Users of a loop", {"users": "{% for name in names %}{{ people[name] }}{% endfor %}"}),
        task(case, "Undefined", {"users": users("alice", password="{{ no_such_variable }}")}),
        task(case, "Omitted", {**given, "timeout": "{{ omit }}"}),
        task(case, "Registered", given, register="registered"),
        {"name": "What was registered", "ansible.builtin.debug": {"var": "registered"}},
        task(case, "Loop", {"users": ["{{ people[item] }}"]}, loop=["alice", "nobody"], register="looped"),
        {"name": "What was looped over", "ansible.builtin.debug": {"var": "looped.results"}},
        task(case, "Failed when", given, failed_when="result.users[0].state == 'unchanged'", register="result"),
        task(case, "Not failed", {"users": users("nobody")}, failed_when="false", register="refused"),
        {"name": "The kind", "ansible.builtin.debug": {"msg": "{{ refused.users[0].error.kind }}"}},
        task(case, "Changed when", given, changed_when="true"),
        task(case, "Until", {"users": users("nobody")}, until="false", retries=1, delay=0),
        task(case, "Not shown", {"users": users("nobody")}, no_log=True),
        task(case, "Skipped", given, when="false"),
        task(case, "Not tagged", given, tags=["never"]),
        task(case, "Misspelt wish", given, vars={"rekey_in_process": "always"}),
    ]  # fmt: skip


VARIABLES = {
    "names": ["alice", "bob"],
    "people": {name: users(name)[0] for name in ("alice", "bob", "nobody")},
    "encrypted": Vaulted(old_password("erin")),
    "encrypted_users": users("erin", password=Vaulted(NEW % "erin")),
}


def play(tasks, **keywords):
    """A play on localhost."""
    return {"hosts": "localhost", "gather_facts": False, "tasks": tasks, **keywords}


def run_plays(ansible, plays, way=None, env=None, **options):
    """Run plays whose values may be encrypted."""
    path = ansible.inputs / "playbook.yml"
    path.write_text(yaml.dump(plays, Dumper=Dumper, sort_keys=False), encoding="utf-8")
    variables = {"rekey_in_process": way} if way else None
    return ansible.playbook(path, extra_vars=variables, vault_password=VAULT_PASSWORD, env=dict(ENVIRONMENT, **(env or {})), **options)


def shipped(run):
    """How many modules were copied to where they ran."""
    return len(list(run.folder.glob("remote/*/AnsiballZ_*_user_password.py")))


def seen(run, double):
    """What the user and the server see, without what is another one each time: port, folder, request identifiers."""

    def neutral(text):
        for one, other in ((double.url, "URL"), (double.url.partition("//")[2], "HOST"), (str(run.folder), "FOLDER"), ("Action failed: ", "Module failed: ")):
            text = text.replace(one, other)
        return RANDOM.sub("RANDOM", PARSED.sub("", text))

    # Documented in docs/decisions/0008-run-in-process.md, as are the words that are made the same above: Ansible keeps this of modules alone.
    results = [{key: value for key, value in one.result.items() if key != "failed_when_suppressed_exception"} for one in run.results]
    return {
        "rc": run.rc,
        "results": [neutral(json.dumps([one.task, one.status, result], sort_keys=True)) for one, result in zip(run.results, results)],
        "stats": run.stats,
        "stdout": neutral(run.stdout).splitlines(),
        "stderr": neutral(run.stderr),
        # Users who are worked on at the same time come in any order.
        "requests": sorted(neutral(json.dumps(dict(one.summary(), body=one.body.decode()), sort_keys=True)) for one in double.requests),
        "passwords": dict(double.users),
        "writes": double.writes,
        "failed logins": dict(double.failed_logins),
    }


def compare(one, other):
    """Tell apart what two ways have in common, part by part."""
    for part, value in one.items():
        assert value == other[part], part


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.secrets] if case is ONE else []) for case in CASES.values()], ids=lambda case: case.vendor
)
def test_nobody_can_tell_the_difference(ansible, case):
    found = {}
    for way in WAYS:
        with start(case) as double:
            # Order matters: the first two changes get one each.
            double.inject("echo", **case.change, status=400)
            double.inject("html", **case.change)
            connection = case.connection(double)
            defaults = {"group/rekey.passwords.%s" % case.vendor: dict(connection, retries=0, timeout=5, concurrency=1)}
            plays = [play(of_every_vendor(case, double), module_defaults=defaults)]
            env = {}
            if case is ONE:
                plays[0]["tasks"] += of_one_vendor(case, double)
                plays[0]["vars"] = VARIABLES
                env = {"MILVUS_API_USER": "root", "MILVUS_API_PASSWORD": connection["api_password"], "MILVUS_TIMEOUT": "long"}
                good = task(case, "Fallbacks", {"url": double.url, "users": users("alice"), "timeout": 5})
                plays.append(play([good, task(case, "Wrong fallback", {"url": double.url, "users": users("alice")})]))
            run = run_plays(ansible, plays, way, env)
            assert run.rc == 0, run.output
            assert told(run, "Change") == [(name, "changed", case.proves or None, None) for name in ("alice", "bob")]
            assert "passwort" in run.result("Unknown option")["msg"] and "please report it" not in run.output
            if case is ONE:
                assert only(run, "Fallbacks") == only(run, "Vault in a list") == ("unchanged", True, None)
                assert "password of frank is a number, not a string" in run.result("A number for a text")["msg"]
                assert only(run, "The number") == ("changed", True, None)
            found[way] = seen(run, double)
            assert (shipped(run) == 0) is (way == "auto")
    compare(found["auto"], found["never"])


@pytest.mark.slow
def test_nobody_can_tell_the_difference_ad_hoc(ansible):
    found = {}
    for way in WAYS:
        with start(ONE) as double:
            connection = ONE.connection(double)
            env = {"MILVUS_URL": double.url, "MILVUS_API_USER": "root", "MILVUS_API_PASSWORD": connection["api_password"], "NEW_PASSWORD": NEW % "alice"}
            arguments = "name=alice password={{ lookup('env', 'NEW_PASSWORD') }} timeout=5 update_password=always verify=no"
            run = ansible.adhoc(ONE.module, arguments, extra_vars={"rekey_in_process": way}, env=dict(ENVIRONMENT, **env), diff=True)
            found[way] = seen(run, double)
            assert (shipped(run) == 0) is (way == "auto")
    compare(found["auto"], found["never"])


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_time_limit_of_a_task_ends_it_though_the_server_hangs(ansible, way):
    """The module itself would wait for far longer; what it has begun may still arrive, as always when a task is given up."""
    with start(ONE) as double:
        # One user is worked on in the main thread, several are in threads of their own.
        tasks = [task(ONE, title, {**ONE.connection(double), "timeout": 300, "retries": 0, "users": users(*names)}, timeout=2)
                 for title, names in (("One", ["alice"]), ("Three", ["alice", "bob", "carol"]))]  # fmt: skip
        double.inject("hang", user="alice", times=None)
        run = run_plays(ansible, [play([*tasks, task(ONE, "Then", {**ONE.connection(double), "users": users("dave")})])], way, timeout=60)
        assert run.rc == 0, run.output
        for title in ("One", "Three"):
            result = run.result(title)
            assert result.status == "ignored" and result["timedout"]["period"] == 2 and "2 second" in result["msg"]
        assert only(run, "Then") == ("changed", True, None)


@pytest.fixture
def tools(ansible):
    """A Python and a sudo that are not the ones of the run."""
    python, sudo = ansible.inputs / "python", ansible.inputs / "sudo"
    python.write_text('#!/bin/sh\nexec %s "$@"\n' % sys.executable, encoding="utf-8")
    sudo.write_text('#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n', encoding="utf-8")
    for path in (python, sudo):
        path.chmod(0o755)
    return {"python": str(python), "sudo": str(sudo), "async_dir": str(ansible.shared / "async")}


def routes(tools):
    """Titles to the keywords of a task, and whether it is then shipped."""
    other_python, this_python = {"ansible_python_interpreter": tools["python"]}, {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    sudo = {"ansible_become_exe": tools["sudo"]}
    return {
        "as it is": ({}, False),
        "never": ({"vars": {"rekey_in_process": "never"}}, True),
        "never, by a template": ({"vars": {"rekey_in_process": "{{ 'never' if true else 'auto' }}"}}, True),
        "auto": ({"vars": {"rekey_in_process": "auto"}}, False),
        "become": ({"become": True, "vars": sudo}, True),
        "become by a variable": ({"vars": {"ansible_become": True, **sudo}}, True),
        "no become by a variable": ({"become": True, "vars": {"ansible_become": False, **sudo}}, False),
        "async": ({"async": 60, "poll": 1, "vars": {"ansible_async_dir": tools["async_dir"]}}, True),
        "environment": ({"environment": {"REKEY": "1"}}, True),
        "an empty environment": ({"environment": {}}, False),
        "another Python": ({"vars": other_python}, True),
        "this Python": ({"vars": this_python}, False),
        "any Python": ({"vars": {"ansible_python_interpreter": "auto_silent"}}, False),
        "another connection": ({"connection": "elsewhere"}, True),
        "another connection by a variable": ({"vars": {"ansible_connection": "elsewhere"}}, True),
        "delegated to another host": ({"delegate_to": "bastion"}, True),
        "delegated to a host with another Python": ({"delegate_to": "other_python"}, True),
        "delegated to a host with nothing of its own": ({"delegate_to": "plain"}, False),
        "delegated back": ({"delegate_to": "localhost", "connection": "elsewhere", "vars": {"ansible_connection": "local"}}, False),
    }


@pytest.mark.slow
def test_it_is_shipped_where_it_would_not_run_here_as_this_user_by_this_python(ansible, tools):
    cases = routes(tools)
    hosts = {"localhost": {}, "bastion": {"ansible_connection": "elsewhere"}, "plain": {}, "other_python": {"ansible_python_interpreter": tools["python"]}}
    with start(ONE) as double:
        options = {**ONE.connection(double), "users": users("alice")}
        tasks = [{"name": title, ONE.module: options, **keywords} for title, (keywords, _shipped) in cases.items()]
        run = run_plays(ansible, [play(tasks)], env={"ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins")}, verbosity=3,
                        inventory={"all": {"hosts": hosts}})  # fmt: skip
    assert run.rc == 0, run.output
    parts = TASK.split(run.stdout)
    told_of = {title: "Using module file" in text for title, text in zip(parts[1::2], parts[2::2])}
    assert told_of == {title: is_shipped for title, (_keywords, is_shipped) in cases.items()}
    assert {one.result["users"][0]["state"] for one in run.results} <= {"changed", "unchanged"}
    assert shipped(run) == sum(told_of.values())
