# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event-Driven Ansible, with the real ansible-rulebook: from a signed report of a leak to the login that works.

One rulebook serves all tests but those of its start; each test has an entry of the table and a user of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pathlib
import runpy
import shlex
import signal
import subprocess
import time

import pytest
import requests
import yaml

from tests.doubles.milvus import MilvusDouble
from tests.integration.harness import Ansible
from tests.integration.results import Run
from tests.integration.rotation import VAULT_PASSWORD, Rotation, old_password
from tests.integration.test_documentation import blocks
from tests.servers import child, machine, rulebook
from tests.servers.openbao import Refused

pytestmark = pytest.mark.real

COLLECTIONS = pathlib.Path(__file__).resolve().parents[5]
SECRET = "S3cr3t-MARKER-of-the-webhook"
LEAKED = "S3cr3t-MARKER-that-github-found"
USERS = ("alice", "app-1", "carol", "dave")
REPOSITORY = "example/shop"
HOSTS = ("milvus-1.example.com", "milvus-2.example.com")
# Besides those of the page.
ENTRY = {"name": "the break-glass token", "match": {"source": "audit", "name": "token-break-glass"}, "hosts": [HOSTS[0]], "users": ["carol"]}
LIMIT_S = 120.0
A_RUN = "Choose the hosts that have a vendor"


def documented(language, beginning):
    """The block of the page that begins like this."""
    (text,) = (text for each, text in blocks("docs/how-to/incident.md") if each == language and text.startswith(beginning))
    return text


def commands(beginning):
    """The commands of the page that begin like this."""
    lines = [line[2:] for language, text in blocks("docs/how-to/incident.md") if language == "console" for line in text.splitlines()]
    return [line for line in lines if line.startswith(beginning)]


class Rulebook:
    """A running ansible-rulebook with endpoints to rotate."""

    def __init__(self, program, ansible, rotation, servers, work):
        self.program, self.ansible, self.rotation, self.servers, self.work = program, ansible, rotation, servers, work
        self.table = work / "leaks.yml"
        table = yaml.safe_load(documented("yaml", "# leaks.yml"))
        self.table.write_text(yaml.safe_dump({"leaks": [*table["leaks"], ENTRY]}), encoding="utf-8")
        (work / "inventory").mkdir()
        inventory = {"all": {"children": {"milvus": {"hosts": rotation.hosts}}, "vars": rotation.variables}}
        (work / "inventory" / "hosts.yml").write_text(json.dumps(inventory), encoding="utf-8")
        (work / "vault_password").write_text(VAULT_PASSWORD, encoding="utf-8")
        self.running = None

    def start(self, **environment):
        """Start it, and return at once."""
        (port,) = child.free_ports(1)
        environment = {
            "REKEY_LEAK_SECRET": SECRET,
            "REKEY_LEAK_PORT": str(port),
            "REKEY_LEAK_TABLE": str(self.table),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.work / "vault_password"),
            # ansible-runner has callbacks of its own, and adds them to this.
            "ANSIBLE_CALLBACK_PLUGINS": str(pathlib.Path(__file__).parent / "callback_plugins"),
            **environment,
        }
        self.url = "http://127.0.0.1:%d/leaks" % port
        command = shlex.split(commands("ansible-rulebook ")[0])[1:]
        command = [str(self.work / "inventory") if word == "inventory" else word for word in command]
        # With all that it can say of an event.
        self.running = self.ansible.start(str(self.program), [*command, "-vv"], env=environment)
        self.port = port
        return self.running

    @property
    def so_far(self):
        """What it has printed, and the results of the playbooks that it has run."""
        return Run(None, self.running._folder, set())

    def until(self, condition, what):
        """Wait for a state."""
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert self.running.poll() is None and time.monotonic() < end, "%s\n%s" % (what, self.so_far.output[-4000:])
            time.sleep(0.1)

    def runs(self):
        """How many playbooks have begun."""
        return self.so_far.started.count(A_RUN)

    def reports(self):
        """The reports of all emergencies so far."""
        return [one["msg"] for one in self.so_far.all_results("Show the report")]

    def post(self, body, secret=SECRET, **headers):
        data = json.dumps(body).encode()
        signature = "sha256=" + hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
        return requests.post(self.url, data=data, headers={"Content-Type": "application/json", "X-Hub-Signature-256": signature, **headers}, timeout=30)


def github(number=42, action="created", **alert):
    """An alert as GitHub sends it, with the secret that it found."""
    alert = {
        "number": number,
        "secret_type": "milvus_password",
        "secret": LEAKED,
        "html_url": "https://github.com/%s/security/%d" % (REPOSITORY, number),
        **alert,
    }
    return {"action": action, "alert": alert, "repository": {"full_name": REPOSITORY}, "sender": {"login": "octocat"}}


@pytest.fixture(scope="module", name="made")
def _made(tmp_path_factory):
    try:
        rulebook.java()
        program = rulebook.installed(machine.default_cache_dir())
    except machine.Unavailable as error:
        if os.environ.get("REKEY_REQUIRE_REAL") == "1":
            pytest.fail("no real ansible-rulebook: %s" % error.reason, pytrace=False)
        pytest.skip("no real ansible-rulebook: %s" % error.reason)
    work = tmp_path_factory.mktemp("eda")
    ansible = Ansible(work / "ansible", COLLECTIONS)
    users = {name: old_password(name) for name in USERS}
    with MilvusDouble(users=dict(users)) as first, MilvusDouble(users=dict(users)) as second:
        servers = dict(zip(HOSTS, (first, second)))
        rotation = Rotation(ansible, servers, USERS)
        assert rotation.run().rc == 0
        yield Rulebook(program, ansible, rotation, servers, work)
    ansible.close()


@pytest.fixture(scope="module", name="eda")
def _eda(made):
    made.start()
    made.until(lambda: child.listens(made.port), "the webhook does not listen")
    yield made
    os.kill(made.running.pid, signal.SIGTERM)
    made.running.wait()
    assert not made.ansible.leaks(made.rotation.secrets() | {SECRET, LEAKED}), "a secret was printed or left behind"


def test_from_the_report_to_the_login_that_works_and_a_storm_runs_once(eda):
    before = {host: dict(double.users) for host, double in eda.servers.items()}
    assert {eda.post(github()).status_code for _number in range(25)} == {200}
    eda.until(lambda: len(eda.reports()) >= 1, "no report of an emergency")
    # As the page says. Whatever else the storm might have begun would have had its turn before this one.
    (eda.work / "report.json").write_text(documented("json", '{\n  "leak"'), encoding="utf-8")
    script = "\n".join([*commands("signature="), *(line.replace("http://127.0.0.1:5010/", eda.url) for line in commands("curl "))])
    environment = {"PATH": os.environ["PATH"], "REKEY_LEAK_SECRET": SECRET}
    subprocess.run(["bash", "-euc", script], cwd=eda.work, env=environment, timeout=60, check=True)
    eda.until(lambda: len(eda.reports()) >= 2, "no report of the second emergency")
    assert eda.reports() == [
        ["2 passwords were rotated at 2 of 2 hosts.", "2 previous passwords are refused."],
        ["1 passwords were rotated at 1 of 1 hosts.", "1 previous passwords are refused."],
    ]
    assert eda.runs() == 2
    records = {host: eda.rotation.records(host) for host in HOSTS}
    for host, double in eda.servers.items():
        assert double.can_log_in("alice", records[host]["alice"]["password"]) and not double.can_log_in("alice", before[host]["alice"])
        assert records[host]["alice"]["reason"] == "Leak reported by github alert 42: passwords in the shop"
        # The others are as they were.
        assert all(double.users[name] == before[host][name] for name in ("carol", "dave", "root"))
    first, second = (records[host]["app-1"] for host in HOSTS)
    assert first["reason"] == "Leak reported by generic INC-4711: the login of the cron job" and not second.get("reason")
    assert first["password"] == eda.servers[HOSTS[0]].users["app-1"] != before[HOSTS[0]]["app-1"]


def test_an_entry_of_an_audit_log_is_a_report_too(eda):
    double, runs = eda.servers[HOSTS[0]], eda.runs()
    before = double.users["carol"]
    entry = json.loads(documented("json", '{\n  "type"'))
    assert eda.post({**entry, "type": "request"}).status_code == 200
    assert eda.post({**entry, "response": {"data": {"data": "hmac-sha256:0"}}}).status_code == 200
    eda.until(lambda: eda.runs() == runs + 1 and len(eda.reports()) == eda.runs(), "carol was not rotated")
    assert double.users["carol"] == eda.rotation.records(HOSTS[0])["carol"]["password"] != before


def test_a_wrong_signature_is_refused(eda):
    before = len(eda.so_far.results)
    assert eda.post(github(), secret="S3cr3t-MARKER-of-somebody-else").status_code == 401
    assert requests.post(eda.url, json=github(), timeout=30).status_code == 400
    assert eda.post({"leak": {"name": "nobody-1"}}).status_code == 200
    eda.until(lambda: "name nobody-1" in eda.so_far.output, "what came last was not handled")
    assert len(eda.so_far.results) == before


@pytest.mark.parametrize(
    "body, message",
    [
        ({"leak": {"name": "mallory"}}, "No entry of the table matches this report, so nothing is rotated: source generic, name mallory"),
        ({"leak": {"name": "*"}}, "source generic, name (not shown)"),
        ({"leak": {"type": "{{ lookup('pipe', 'touch MARKER-file') }}"}}, "source generic, type (not shown)"),
        ({"leak": {"path": ["cron"], "rotate_only": "*", "hosts": ["all"], "users": ["*"]}}, "nothing is rotated: source generic\n"),
        (github(action="resolved"), "only these call for a rotation: created, reopened, publicly_leaked"),
        (github(secret_type="aws_key"), "source github, type aws_key, repository example/shop, id alert 42"),
        ({"zen": "Keep it logically awesome.", "hook": {}, "hook_id": 1}, "GitHub's ping has arrived"),
        (["cron"], "Ignored what is not a report that this filter knows."),
    ],
    ids=lambda value: "" if isinstance(value, str) else json.dumps(value)[:40],
)
def test_what_the_table_does_not_list_is_ignored_with_a_message(eda, body, message):
    runs, passwords = eda.runs(), dict(eda.servers[HOSTS[0]].users)
    assert eda.post(body).status_code == 200
    eda.until(lambda: message in eda.so_far.output, "no such message: " + message)
    assert eda.runs() == runs and eda.servers[HOSTS[0]].users == passwords
    assert not list(eda.running._folder.rglob("*MARKER*"))


@pytest.mark.parametrize(
    "variable, message",
    [
        ({"REKEY_LEAK_SECRET": "short"}, "REKEY_LEAK_SECRET_of_at_least_16_characters' is undefined"),
        ({"REKEY_LEAK_TABLE": "/nowhere/leaks.yml"}, "The table /nowhere/leaks.yml cannot be read"),
    ],
    ids=["secret", "table"],
)
def test_it_does_not_start_without_a_secret_or_a_table(made, variable, message):
    running = Rulebook.start(made_again(made), **variable)
    run = running.wait()
    assert run.rc != 0 and message in run.output, run.output


def made_again(made):
    """The same, for a rulebook of its own."""
    again = object.__new__(Rulebook)
    again.__dict__.update(made.__dict__)
    return again


def test_what_a_real_openbao_logs_is_understood_and_names_who_has_read(start_openbao, tmp_path):
    """The rest of an audit log, such as what a rotation itself does, matches nothing."""
    server = start_openbao(audit=True)
    path = "secret/data/rekey/%s/carol" % HOSTS[0]
    server.request("POST", path, {"data": {"password": old_password("carol")}})
    server.request("PUT", "sys/policies/acl/read", {"policy": 'path "secret/data/*" { capabilities = ["read"] }'})
    token = server.request("POST", "auth/token/create", {"display_name": "break-glass", "policies": ["read"]})["auth"]["client_token"]
    server.request("GET", path, token=token)
    with pytest.raises(Refused):
        server.request("DELETE", path, token=token)
    entries = [json.loads(line) for line in server.audit_log.read_text(encoding="utf-8").splitlines()]
    table = tmp_path / "leaks.yml"
    entry = {**ENTRY, "match": {**ENTRY["match"], "path": path}}
    table.write_text(yaml.safe_dump({"leaks": [entry]}), encoding="utf-8")
    plugin = COLLECTIONS / "ansible_collections/rekey/passwords/extensions/eda/plugins/event_filter/leak_report.py"
    events = [runpy.run_path(str(plugin))["main"]({"payload": entry}, table=str(table)) for entry in entries]
    assert [event["leak"]["users"] for event in events if "leak" in event] == [["carol"]] and len(events) > 8
    assert all("password" not in json.dumps(event) for event in events)
