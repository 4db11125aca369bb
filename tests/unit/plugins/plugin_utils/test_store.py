# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all stores share: choosing one, its errors, and what a version is."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores.ansible_vault import AnsibleVaultStore
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, Store, StoreConflict, content_version, read_record

from tests.unit.plugins.rotation_doubles import MemoryStore, loader


def test_a_store_is_found_by_the_name_of_its_file(tmp_path):
    store = open_store("ansible_vault", "db-1", {"store_path": str(tmp_path)}, loader("S3cr3t-MARKER-vault"))
    assert isinstance(store, AnsibleVaultStore) and store.host == "db-1"


@pytest.mark.parametrize("name", ["", "base", "nowhere", "../ansible_vault", "ansible_vault.py", "os", "AnsibleVault", "__init__"])
def test_an_unknown_store_is_told_with_those_that_there_are(name, tmp_path):
    with pytest.raises(PasswordError) as caught:
        open_store(name, "db-1", {"store_path": str(tmp_path)}, loader("S3cr3t-MARKER-vault"))
    assert caught.value.kind == "invalid_input"
    assert caught.value.message.startswith("There is no store %s; there are: ansible_vault" % name)
    assert "base" not in caught.value.message.split("there are:")[1]


def test_the_version_tells_any_difference_and_nothing_else():
    record = Record("alice", password="S3cr3t-MARKER-1").as_dict()
    version = content_version(record)
    assert version == content_version(dict(reversed(list(record.items()))))
    assert version != content_version(dict(record, password="S3cr3t-MARKER-2"))
    assert version != content_version(dict(record, failed_logins=1))
    assert "MARKER" not in version


def test_a_damaged_record_is_told_by_its_place_and_user():
    with pytest.raises(PasswordError) as caught:
        read_record({"username": "alice", "password": 5, "previous": "S3cr3t-MARKER"}, "alice", "/srv/passwords/db-1.yml")
    assert caught.value.kind == "store_failed"
    assert caught.value.message == (
        "The record of alice in /srv/passwords/db-1.yml is damaged: password is not a text. Restore it from a copy; it is not overwritten."
    )
    assert caught.value.__suppress_context__


def test_a_conflict_names_users_and_no_secret():
    assert str(StoreConflict(["alice", "bob"])) == "changed meanwhile: alice, bob"


def test_a_store_must_offer_everything():
    class Half(Store):
        """Only reads."""

        def get(self, users):
            return {}

    with pytest.raises(TypeError):
        Half("db-1", {}, None)  # pylint: disable=abstract-class-instantiated


def test_an_entry_does_not_show_its_record():
    assert "MARKER" not in repr(Entry(Record("alice", pending=Pending("S3cr3t-MARKER")), "1"))


def test_the_double_keeps_the_contract():
    # The tests of the rotation lean on it.
    store = MemoryStore()
    first, second = store.get(["alice"])["alice"], store.get(["alice"])["alice"]
    store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-1"), first.version)})
    with pytest.raises(StoreConflict):
        store.put({"alice": Entry(Record("alice", password="S3cr3t-MARKER-2"), second.version)})
    assert store.record("alice").password == "S3cr3t-MARKER-1"
    store.get(["alice"])["alice"].record.password = "S3cr3t-MARKER-3"
    assert store.record("alice").password == "S3cr3t-MARKER-1"
