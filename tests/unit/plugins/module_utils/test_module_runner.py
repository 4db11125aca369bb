# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's arguments to what it prints: results, failures, warnings, and never a secret."""

from __future__ import annotations

import json

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _adapter, errors, module_runner

from tests.unit.module_args import patch_module_args
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, fails, make_vendor

ALICE = {"name": "alice", "password": NEW, "pin": "S3cr3t-MARKER-pin"}


@pytest.fixture(name="run")
def a_runner(capfd):
    """Runs a module in this process; the exit status and what it printed."""

    def run(vendor, **options):
        with patch_module_args(dict({"url": "https://fake.invalid"}, **options)), pytest.raises(SystemExit) as ended:
            module_runner.run_module(vendor)
        printed = capfd.readouterr()
        result = json.loads(printed.out)
        # With it a module of ansible-core 2.22 tells the controller what to mask; it is no part of the result there.
        result.pop("_ansible_new_secrets", None)
        assert "MARKER" not in json.dumps(result) + printed.err and "Traceback" not in printed.err
        return ended.value.code, result

    return run


def test_success(run):
    vendor = make_vendor({"alice": OLD})
    status, result = run(vendor, **ALICE)
    assert status == 0 and vendor.passwords == {"alice": NEW}
    assert result["changed"] is True and not result.get("failed")
    assert result["users"] == [{"name": "alice", "id": None, "state": "changed", "verified": True, "error": None, "failed_logins": 1}]
    assert not {"diff", "msg", "error"} & set(result)


def test_the_arguments_are_not_part_of_the_result(run):
    for status_expected, vendor in ((0, make_vendor({"alice": OLD})), (1, make_vendor({}, change=fails(errors.PASSWORD_REJECTED)))):
        status, result = run(vendor, **ALICE)
        # Newer versions of Ansible have no such key at all.
        assert status == status_expected and result.get("invocation", {}) == {}


def test_failure(run):
    def refuse_alice(vendor, account):
        if account.name == "alice":
            fails(errors.PASSWORD_REJECTED, "Weak.")(vendor)

    vendor = make_vendor({"alice": OLD, "bob": OLD}, check=refuse_alice)
    status, result = run(vendor, users=[ALICE, dict(ALICE, name="bob")])
    assert status == 1 and result["failed"] is True and result["changed"] is True
    assert result["msg"] == "1 of 2 users failed. alice: Weak. (password_rejected)"
    assert [(user["name"], user["state"]) for user in result["users"]] == [("alice", "failed"), ("bob", "changed")]
    assert "error" not in result and "diff" not in result


def test_failure_of_the_whole_call(run):
    status, result = run(make_vendor({}, open=fails(errors.CONNECTION_FAILED, "Nobody there.")), **ALICE)
    assert (status, result["failed"], result["msg"], result["error"]["kind"]) == (1, True, "Nobody there.", "connection_failed")
    assert result["users"][0]["error"] == result["error"]


@pytest.mark.parametrize("failing", [True, False])
def test_the_diff_is_returned_if_it_is_asked_for(run, failing):
    vendor = make_vendor({"alice": OLD}, **({"change": fails(errors.PASSWORD_REJECTED)} if failing else {}))
    result = run(vendor, _ansible_diff=True, **ALICE)[1]
    assert [entry["after_header"] for entry in result["diff"]] == ["alice"]


def test_check_mode(run):
    vendor = make_vendor({"alice": OLD})
    status, result = run(vendor, _ansible_check_mode=True, **ALICE)
    assert (status, result["changed"], result["users"][0]["state"]) == (0, True, "would_change")
    assert vendor.names("change") == []


def test_warnings(run, monkeypatch):
    def talkative(vendor, account, password):
        vendor.warn("Mind the step.")
        return vendor.usual_probe(account, password)

    # Ansible itself keeps warnings for the result only in a process that has never loaded its controller side.
    seen = []
    monkeypatch.setattr(module_runner.PasswordModule, "warn", lambda _module, text: seen.append(text))
    result = run(make_vendor({"alice": OLD}, probe=talkative), **ALICE)[1]
    assert seen == ["Mind the step."]
    assert isinstance(result["users"], list)


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({}, "users, name"),
        (dict(ALICE, users=[ALICE]), "mutually exclusive"),
        ({"users": [dict(ALICE, passwort="S3cr3t-MARKER-typo")]}, "passwort"),
        ({"users": [{"name": "alice", "pin": "1"}]}, "password"),
        ({"users": "S3cr3t-MARKER-text"}, "dictionary requested"),
        ({"users": ["S3cr3t-MARKER-text"]}, "dictionary requested"),
        ({"users": [["S3cr3t-MARKER-text"]]}, "users must be a list of dictionaries"),
        ({"users": [[ALICE, ALICE]]}, "users must be a list of dictionaries"),
        ({"users": {"alice": ALICE}}, "users must be a list of dictionaries"),
        ({"users": 7}, "users must be a list of dictionaries"),
        ({"users": "name=alice password=S3cr3t-MARKER-text"}, "pin"),
        (dict(ALICE, timeout={"a": "S3cr3t-MARKER-timeout"}), "timeout"),
    ],
)
def test_wrong_arguments_are_told_without_their_secrets(run, options, complaint):
    vendor = make_vendor({})
    status, result = run(vendor, **options)
    assert (status, result["failed"], vendor.calls) == (1, True, [])
    assert complaint in result["msg"]


def test_without_requests_the_library_is_named_before_anything_else(run, monkeypatch):
    monkeypatch.setattr(_adapter, "REQUESTS_IMPORT_ERROR", "Traceback (most recent call last):\nImportError: No module named 'requests'")
    vendor = make_vendor({"alice": OLD})
    status, result = run(vendor, **ALICE)
    assert (status, result["failed"], vendor.calls) == (1, True, [])
    assert "required Python library (requests)" in result["msg"] and "Traceback" not in result["msg"]
