# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookups ``rekey.passwords.secret`` and ``rekey.passwords.login``."""

from __future__ import annotations

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib
from ansible.template import Templar
from ansible_collections.rekey.passwords.plugins.doc_fragments import password_lookup
from ansible_collections.rekey.passwords.plugins.lookup import login, secret
from ansible_collections.rekey.passwords.plugins.plugin_utils import _password_lookup
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

from tests.unit.ansible_versions import trust_as_template
from tests.unit.plugins.rotation_doubles import loader

VAULT = "S3cr3t-MARKER-vault"
CURRENT, PREVIOUS, PENDING, OTHER = "S3cr3t-MARKER-current", "S3cr3t-MARKER-previous", "S3cr3t-MARKER-pending", "S3cr3t-MARKER-other"

DOCUMENTED = yaml.safe_load(password_lookup.ModuleDocFragment.DOCUMENTATION)["options"]


def begun_store(folder, host="db-1"):
    """A store that may be begun."""
    return open_store("ansible_vault", host, {"store_path": str(folder), "store_create": True}, loader(VAULT))


@pytest.fixture(name="store", autouse=True)
def _store(tmp_path):
    records = {
        "db-1": [
            Record("alice", password=CURRENT, previous=PREVIOUS, pending=Pending(PENDING, run_id="run")),
            Record("bob", password="S3cr3t-MARKER-ünïcödé-🔑"),
            Record("carol", pending=Pending(PENDING, run_id="run", replaces=PREVIOUS)),
        ],
        "db-2": [Record("alice", password=OTHER)],
    }
    for host, users in records.items():
        begun_store(tmp_path, host).put({record.username: Entry(record, None) for record in users})
    return tmp_path


@pytest.fixture(name="look")
def _look(store):
    def run(*terms, variables=None, vault=None, lookup=secret, **options):
        variables = dict({"inventory_hostname": "db-1", "rotate_store_path": str(store)}, **(variables or {}))
        vault = vault or loader(VAULT)
        plugin = lookup.LookupModule(loader=vault, templar=Templar(loader=vault, variables=variables))
        # As Ansible loads it: the documentation is where the options are read from.
        plugin._load_name = plugin.NAME
        constants.config.initialize_plugin_configuration_definitions("lookup", plugin._load_name, DOCUMENTED)
        return plugin.run(list(terms), variables=variables, **options)

    return run


def failure(look, *terms, **more):
    """The message of a failing lookup, which names no secret."""
    with pytest.raises(AnsibleError) as caught:
        look(*terms, **more)
    assert "MARKER" not in str(caught.value) and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    return str(caught.value)


def test_the_current_password_of_a_user_of_the_plays_host(look):
    assert look("alice") == [CURRENT]


def test_several_users_in_their_order(look):
    assert look("bob", "alice", "bob") == ["S3cr3t-MARKER-ünïcödé-🔑", CURRENT, "S3cr3t-MARKER-ünïcödé-🔑"]
    assert look() == []


def test_several_users_cost_one_decryption(look, monkeypatch):
    decrypt, decrypted = VaultLib.decrypt, []
    monkeypatch.setattr(VaultLib, "decrypt", lambda self, *args: decrypted.append(1) or decrypt(self, *args))
    look("alice", "bob", "alice")
    assert len(decrypted) == 1


@pytest.mark.parametrize("version, password", [("current", CURRENT), ("previous", PREVIOUS), ("pending", PENDING)])
def test_versions(look, version, password):
    assert look("alice", version=version) == [password]


@pytest.mark.parametrize(
    "user, version", [("carol", "current"), ("carol", "previous"), ("bob", "previous"), ("bob", "pending"), ("nobody", "current"), ("nobody", "pending")]
)
def test_a_version_that_is_not_there(look, user, version):
    # Nor does another version stand in: a password that no login has proved must be asked for by its name.
    told = failure(look, "alice", user, version=version)
    assert "the store has no %s password of %s on db-1. Has it been rotated yet?" % (version, user) in told
    assert look(user, version=version, default="S3cr3t-MARKER-default") == ["S3cr3t-MARKER-default"]


def test_the_default_stands_in_only_where_it_is_needed(look):
    assert look("alice", "nobody", default="S3cr3t-MARKER-default") == [CURRENT, "S3cr3t-MARKER-default"]
    assert look("nobody", default="") == [""]


def test_another_host(look):
    assert look("alice", host="db-2") == [OTHER]
    assert "on db-3" in failure(look, "alice", host="db-3")


def test_options_beat_variables(look, store, tmp_path_factory):
    elsewhere = str(tmp_path_factory.mktemp("elsewhere"))
    begun_store(elsewhere, "db-7").put({"alice": Entry(Record("alice", password=OTHER), None)})
    assert look("alice", store_path=str(store), variables={"rotate_store_path": elsewhere}) == [CURRENT]
    assert "the store has no current password" in failure(look, "alice", store_path=elsewhere)


def test_variables_that_hold_templates(look, store):
    variables = {
        "base": str(store),
        "rotate_store_path": trust_as_template("{{ base }}/{{ 'x' | replace('x', '') }}"),
        "rotate_store": trust_as_template("{{ 'ansible' ~ '_vault' }}"),
    }
    assert look("alice", variables=variables) == [CURRENT]


@pytest.mark.parametrize(
    "options, told",
    [
        ({"version": "next"}, "version"),
        ({"store": "cloud"}, "There is no store cloud; there are: ansible_vault"),
        ({"store_path": ""}, "rotate_store_path"),
    ],
)
def test_wrong_options(look, options, told):
    assert told in failure(look, "alice", **options)


def test_without_a_folder(look):
    assert "rotate_store_path) is missing" in failure(look, "alice", variables={"rotate_store_path": ""})


def test_a_play_without_the_right_vault_password(look):
    assert "--vault-password-file" in failure(look, "alice", vault=loader())
    assert "cannot be decrypted with the vault passwords of this play" in failure(look, "alice", vault=loader("another"))


def test_a_damaged_store_is_told_even_where_there_is_a_default(look, store):
    # A default that stood in here would be a wrong password, tried against a real account.
    (store / "db-1.rekey.txt").write_text("alice: S3cr3t-MARKER-plain", encoding="utf-8")
    assert "is not encrypted by ansible-vault" in failure(look, "alice", default="S3cr3t-MARKER-default")


def test_reading_leaves_the_store_as_it_is(look, store):
    before = {path: path.is_file() and path.read_bytes() for path in store.rglob("*")}
    look("alice", "bob")
    failure(look, "nobody")
    failure(look, "nobody", host="db-9")
    assert {path: path.is_file() and path.read_bytes() for path in store.rglob("*")} == before


def test_what_is_read_is_registered_as_secret(look, monkeypatch):
    registered = set()
    monkeypatch.setattr(_password_lookup, "register_secrets", registered.update)
    look("alice", "bob")
    assert registered == {CURRENT, "S3cr3t-MARKER-ünïcödé-🔑"}


def test_a_very_short_password_is_not_registered(look, store, monkeypatch):
    # Ansible would mask each "abc" in all of its output.
    registered = set()
    monkeypatch.setattr(_password_lookup, "register_secrets", registered.update)
    begun_store(store, "db-5").put({"dave": Entry(Record("dave", password=CURRENT, previous="abc"), None)})
    assert look("dave", host="db-5", version="previous") == ["abc"] and not registered


def test_edge_33_a_store_that_is_not_there_is_told_even_where_there_is_a_default(look, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("unmounted")
    for variables in ({}, {"rotate_store_create": False}):
        told = failure(look, "alice", default=OTHER, variables=dict(variables, rotate_store_path=str(elsewhere)))
        assert "There is no store in %s" % elsewhere in told and "rotate_store_create" in told
    # Before the first rotation, which begins it.
    assert look("alice", default=OTHER, variables={"rotate_store_path": str(elsewhere), "rotate_store_create": True}) == [OTHER]
    assert not list(elsewhere.iterdir())


def test_a_login_is_the_name_of_the_account_and_its_password(look):
    assert look("alice", lookup=login) == [{"username": "alice", "password": CURRENT}]
    assert look("alice", "carol", lookup=login, version="pending") == [{"username": name, "password": PENDING} for name in ("alice", "carol")]
    assert look("alice", lookup=login, host="db-2") == [{"username": "alice", "password": OTHER}]


def test_a_login_without_a_password_is_an_error_unless_there_is_a_default(look):
    assert look("nobody", lookup=login, default=OTHER) == [{"username": "nobody", "password": OTHER}]
    with pytest.raises(AnsibleError) as caught:
        look("nobody", lookup=login)
    assert "rekey.passwords.login: the store has no current password of nobody on db-1" in str(caught.value)
