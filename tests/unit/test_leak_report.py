# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event filter of Event-Driven Ansible: what it takes from a report, and that a report selects nothing but what the table lists."""

from __future__ import annotations

import json
import pathlib
import re
import runpy

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
PLUGIN = ROOT / "extensions" / "eda" / "plugins" / "event_filter" / "leak_report.py"
# As ansible-rulebook loads it.
FILTER = runpy.run_path(str(PLUGIN))
PAGE = (ROOT / "docs" / "how-to" / "incident.md").read_text(encoding="utf-8")
DOCUMENTED = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
LEAKED = "S3cr3t-MARKER-that-somebody-found"
ALICE = {"name": "login of alice", "match": {"type": "password", "repository": "example/shop"}, "hosts": ["db-1"], "users": ["alice"]}
BOB = {
    "name": "login of bob",
    "match": {"source": "audit", "path": ["secret/data/a", "secret/data/b"], "name": "t"},
    "hosts": ["db"],
    "users": ["bob", "app-*"],
}


@pytest.fixture(name="table")
def _table(tmp_path, monkeypatch):
    """Writes a table, and makes it the one that is used."""
    path = tmp_path / "leaks.yml"
    monkeypatch.setenv("REKEY_LEAK_TABLE", str(path))

    def write(*entries, **more):
        path.write_text(yaml.safe_dump({"leaks": list(entries), **more} if entries or more else {}), encoding="utf-8")
        return str(path)

    write(ALICE, BOB)
    return write


def mapped(payload, **options):
    return FILTER["main"]({"payload": payload, "meta": {"headers": {"X-Token": LEAKED}, "hosts": ["all"]}}, **options)


def generic(**leak):
    return {"leak": leak}


def github(action="created", secret_type="password", repository="example/shop", number=7, **more):
    alert = {"number": number, "secret_type": secret_type, "secret": LEAKED}
    return {"action": action, "alert": alert, "repository": {"full_name": repository}, **more}


def audit(path="secret/data/a", name="t", kind="response", **more):
    return {"type": kind, "auth": {"display_name": name}, "request": {"path": path, "operation": "read"}, **more}


@pytest.mark.parametrize(
    "payload, entry, reason",
    [
        (generic(type="password", repository="example/shop", id="INC-1"), ALICE, "Leak reported by generic INC-1: login of alice"),
        (generic(type="password", repository="example/shop", id="{{ 1 }}", secret=LEAKED), ALICE, "Leak reported by generic: login of alice"),
        (github(), ALICE, "Leak reported by github alert 7: login of alice"),
        (github("publicly_leaked", number="7; x"), ALICE, "Leak reported by github: login of alice"),
        (github("reopened", number=True, location={"details": {"path": "a"}}), ALICE, "Leak reported by github: login of alice"),
        (audit(), BOB, "Leak reported by audit: login of bob"),
        (audit("secret/data/b"), BOB, "Leak reported by audit: login of bob"),
    ],
)
def test_a_report_becomes_what_the_table_says_and_nothing_else(table, payload, entry, reason):
    event = mapped(payload)
    assert event == {"leak": {"entry": entry["name"], "hosts": entry["hosts"], "users": entry["users"], "reason": reason}}
    assert "MARKER" not in repr(event)


@pytest.mark.parametrize(
    "payload",
    [
        generic(),
        generic(type="password"),
        generic(type="password*", repository="*"),
        generic(type=["password"], repository="example/shop"),
        generic(type={"password": 1}, repository="example/shop"),
        generic(type="password ", repository="example/shop"),
        generic(type="password", repository="example/shop" + "x" * 600),
        generic(path="secret/data/a", name="t"),
        generic(source="audit", path="secret/data/a", name="t"),
        github(repository="example/other"),
        github(secret_type=None),
        github(action="resolved"),
        github(action=["created"]),
        audit(kind="request"),
        audit(error="permission denied"),
        audit(name="somebody"),
        {"rotate_only": "*"}, {"leak": "password"}, {"leak": None}, {}, [], None, "leak", 7, {"zen": "x", "hook": {}},
    ],
    ids=repr,
)  # fmt: skip
def test_nothing_else_selects_anybody(table, payload):
    event = mapped(payload)
    assert list(event) == ["ignored"] and list(event["ignored"]) == ["message"] and "MARKER" not in repr(event)


@pytest.mark.parametrize("text", ["{{ lookup('pipe', 'id') }}", "\u001b[2J", "a\nb", "$(id)", "é", "x" * 81, " x"])
def test_a_message_repeats_only_what_is_harmless(table, text):
    message = mapped(generic(type=text, repository="example/shop"))["ignored"]["message"]
    assert message == "No entry of the table matches this report, so nothing is rotated: source generic, type (not shown), repository example/shop"


def test_the_first_entry_that_matches_counts(table):
    table(dict(ALICE, name="first"), dict(ALICE, name="second", users=["*"]))
    assert mapped(github())["leak"]["entry"] == "first"


@pytest.mark.parametrize(
    "entry, message",
    [
        ({}, "needs these keys"),
        (dict(ALICE, more=1), "needs these keys"),
        (dict(ALICE, name="{{ a }}"), "has a name that is not"),
        (dict(ALICE, name=1), "has a name that is not"),
        (dict(ALICE, match={}), "must match at least one"),
        (dict(ALICE, match={"source": "github"}), "must match at least one"),
        (dict(ALICE, match={"kind": "x", "type": "y"}), "must match at least one"),
        (dict(ALICE, match="type"), "must match at least one"),
        (dict(ALICE, match={"type": None}), "has something else than texts in type"),
        (dict(ALICE, match={"type": []}), "has something else than texts in type"),
        (dict(ALICE, hosts=[]), "has something else than texts in hosts"),
        (dict(ALICE, users=[7]), "has something else than texts in users"),
        (dict(ALICE, users="alice"), "must have a list of names in users"),
        (dict(ALICE, hosts=["{{ groups.all }}"]), "must have a list of names in hosts, without templates"),
    ],
)
def test_a_wrong_table_is_an_error_that_says_where(table, entry, message):
    path = table(ALICE, entry)
    said = mapped(github())["ignored"]["message"]
    assert "%s: entry 2 " % path in said and message in said
    with pytest.raises(Exception, match="entry 2"):
        runpy.run_path(str(PLUGIN))


@pytest.mark.parametrize(
    "text, message", [("leaks: []", "has no list called leaks"), ("- a", "no list called leaks"), ("a: [", "cannot be read (ParserError)")]
)
def test_a_file_that_is_no_table_is_an_error(table, text, message):
    pathlib.Path(table()).write_text(text, encoding="utf-8")
    assert message in mapped(github())["ignored"]["message"]


def test_without_a_table_nothing_is_rotated(monkeypatch, tmp_path):
    monkeypatch.delenv("REKEY_LEAK_TABLE", raising=False)
    assert "Set the environment variable REKEY_LEAK_TABLE" in mapped(github())["ignored"]["message"]
    assert "(FileNotFoundError)" in mapped(github(), table=str(tmp_path / "none.yml"))["ignored"]["message"]


def test_the_option_wins_over_the_environment_and_a_change_counts_at_once(table, tmp_path):
    path = tmp_path / "other.yml"
    for name in ("one", "two"):
        path.write_text(yaml.safe_dump({"leaks": [dict(ALICE, name=name)]}), encoding="utf-8")
        assert mapped(github(), table=str(path))["leak"]["entry"] == name


def test_the_documented_table_and_reports(tmp_path):
    (text,) = re.findall(r"^```yaml\n(# leaks.yml\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "leaks.yml"
    path.write_text(text, encoding="utf-8")
    events = [mapped(payload, table=str(path)) for payload in DOCUMENTED]
    assert events[0]["leak"]["entry"] == "the login of the cron job"
    assert "path secret/data/rekey/milvus-1.example.com/alice, name token-break-glass" in events[1]["ignored"]["message"]


def test_the_rulebook_passes_on_what_comes_from_the_filter_only():
    (rules,) = yaml.safe_load((ROOT / "extensions" / "eda" / "rulebooks" / "leak_report.yml").read_text(encoding="utf-8"))
    (source,) = rules["sources"]
    assert source["eda.builtin.webhook"]["hmac_secret"] and [list(each) for each in source["filters"]] == [["rekey.passwords.leak_report"]]
    assert not re.search(r"event\.(?!leak\.|ignored\.)", json.dumps(rules)) and all("throttle" in rule for rule in rules["rules"])
    playbook = rules["rules"][0]["action"]["run_playbook"]["name"]
    assert (ROOT / "playbooks" / (playbook.rpartition(".")[2] + ".yml")).is_file()
