# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action rotation_stage, with the embedded store."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_stage import ActionModule
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store

from tests.unit.plugins.rotation_doubles import loader, run_action, substitute_model

VAULT = "S3cr3t-MARKER-vault"
OLD = "S3cr3t-MARKER-old"


@pytest.fixture(autouse=True)
def _model(monkeypatch):
    substitute_model(monkeypatch)


@pytest.fixture(name="stage")
def _stage(tmp_path):
    def run(*users, check_mode=False, host="model-1", vault=None, **args):
        given = dict({"vendor": "model", "users": list(users), "store_path": str(tmp_path / "store"), "store_create": True}, **args)
        return run_action(ActionModule, {key: value for key, value in given.items() if value is not None}, host=host, check_mode=check_mode, vault=vault)

    return run


def record(tmp_path, user, host="model-1"):
    """What the store holds of a user."""
    return open_store("ansible_vault", host, {"store_path": str(tmp_path / "store"), "store_create": True}, loader(VAULT)).get([user])[user].record


def test_new_users_are_stored_and_told(stage, tmp_path):
    result = stage("alice", {"name": "bob", "current_password": OLD, "scope": "local"})
    assert (result["changed"], result["due"]) == (True, ["alice", "bob"])
    assert [(user["reason"], user["fresh"]) for user in result["users"]] == [("new", True)] * 2
    assert record(tmp_path, "bob").known_password == OLD
    made = [record(tmp_path, user).pending.password for user in ("alice", "bob")]
    assert made[0] != made[1] and not [secret for secret in [*made, OLD] if secret in repr(result)]
    # The password is told apart without being shown.
    assert result["users"][0]["run_id"] == record(tmp_path, "alice").pending.run_id


def test_every_run_has_a_name_of_its_own(stage):
    assert stage("alice")["users"][0]["run_id"] != stage("bob")["users"][0]["run_id"]


def test_hosts_do_not_share_users(stage, tmp_path):
    stage("alice", host="model-1")
    assert record(tmp_path, "alice", "model-2") is None


def test_nobody_due_is_no_change(stage):
    assert stage() == {"changed": False, "users": [], "due": []}


def test_check_mode_makes_nothing(stage, tmp_path):
    result = stage("alice", check_mode=True)
    assert (result["changed"], result["due"]) == (True, ["alice"])
    assert not list(tmp_path.iterdir())


def test_the_policy_is_the_vendors_with_the_users_wishes(stage, tmp_path):
    assert "failed" not in stage("alice", policy={"length": "24", "symbols": 0})
    password = record(tmp_path, "alice").pending.password
    assert len(password) == 24 and password.isalnum()


@pytest.mark.parametrize(
    "args, told",
    [
        ({"vendor": None}, "vendor"),
        ({"users": None}, "users"),
        ({"max_age": "a month"}, "max_age must be a whole number and a unit"),
        ({"policy": {"length": 5}}, "policy: length must be from 20 to 64 for Model."),
        ({"policy": {"lenght": 30}}, "Unsupported options: policy.lenght."),
        ({"store": "cloud"}, "There is no store cloud; there are: ansible_vault"),
        ({"store_path": None}, "store_path (in the role: rotate_store_path) is missing."),
        ({"users": ["alice", "alice"]}, "users names alice twice."),
        ({"users": [{"name": "alice", "password": OLD}]}, "users gives a password for alice"),
        ({"force": "perhaps"}, "force"),
    ],
)
def test_wrong_options_make_nothing(stage, tmp_path, args, told):
    result = stage("alice", **args)
    assert (result["failed"], result["error"]["kind"]) == (True, "invalid_input")
    assert told in result["msg"] and "MARKER" not in repr(result)
    assert not list(tmp_path.iterdir())


def test_without_a_vault_password_nothing_is_made(stage, tmp_path):
    result = stage("alice", vault=loader())
    assert result["failed"] and "--vault-password-file" in result["msg"]
    assert not list(tmp_path.iterdir())


def test_a_damaged_store_fails_and_stays_as_it_is(stage, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "model-1.rekey.txt").write_text("S3cr3t-MARKER-plain", encoding="utf-8")
    result = stage("alice")
    assert (result["failed"], result["error"]["kind"]) == (True, "store_failed") and "MARKER" not in repr(result)
    assert (tmp_path / "store" / "model-1.rekey.txt").read_text(encoding="utf-8") == "S3cr3t-MARKER-plain"


def test_an_unfinished_rotation_goes_on_with_the_same_password(stage, tmp_path):
    first = stage("alice")["users"][0]
    password = record(tmp_path, "alice").pending.password
    again = stage("alice")["users"][0]
    assert (again["reason"], again["fresh"], again["run_id"]) == ("unfinished", False, first["run_id"])
    assert record(tmp_path, "alice").pending.password == password


@pytest.mark.parametrize("check_mode", [False, True])
def test_edge_33_a_store_is_begun_only_when_it_is_asked_for(stage, tmp_path, check_mode):
    (tmp_path / "store").mkdir()
    for create in (None, False):
        result = stage("alice", store_create=create, check_mode=check_mode)
        assert (result["failed"], result["error"]["kind"]) == (True, "store_failed") and "rotate_store_create" in result["msg"]
        assert not list((tmp_path / "store").iterdir())
    assert stage("alice", check_mode=check_mode)["due"] == ["alice"] and bool(list((tmp_path / "store").iterdir())) != check_mode
    if not check_mode:
        # From then on it is there.
        assert stage("alice", "bob", store_create=None)["due"] == ["alice", "bob"]
