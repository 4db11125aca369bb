# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edge 13: wherever the embedded store lies, Ansible takes none of it for an inventory or for variables, and shows no password of it."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry

from tests.doubles.milvus import MilvusDouble
from tests.integration.rotation import VAULT_PASSWORD, Rotation, old_password
from tests.unit.plugins.rotation_doubles import loader

MARKER = "S3cr3t-MARKER"
# Names that mean something in an inventory, or in a file of variables.
USERS = ("hosts", "vars", "children", "all", "ungrouped", "plugin", "[all]", "all:vars", "ansible_host", "#", "---")
INVENTORY = "all:\n  hosts:\n    h1:\n    h2:\n"


def stored(folder: pathlib.Path, *hosts: str) -> None:
    """A store with users of these names."""
    for host in hosts:
        store = open_store("ansible_vault", host, {"store_path": str(folder), "store_create": True}, loader(VAULT_PASSWORD))
        store.put({name: Entry(Record(name, password="%s of %s" % (MARKER, name), previous=MARKER), None) for name in USERS})
        store.write_note("lease of %s" % host, {"owner": "a run"}, None)


def stored_as_before(path: pathlib.Path) -> None:
    """A file as earlier versions wrote it."""
    users = {name: {"username": name, "password": "%s of %s" % (MARKER, name)} for name in ("hosts", "vars")}
    path.parent.mkdir(parents=True)
    path.write_bytes(VaultLib().encrypt(json.dumps({"format": 1, "users": users}, sort_keys=True), secret=VaultSecret(VAULT_PASSWORD.encode())))


def shown(folder: pathlib.Path, source: pathlib.Path, **environment: str) -> str:
    """All that ``ansible-inventory`` prints about an inventory, at verbosity 4."""
    (folder / "vault-password").write_text(VAULT_PASSWORD, encoding="utf-8")
    program = str(pathlib.Path(sys.executable).with_name("ansible-inventory"))
    command = [program, "-i", str(source), "--vault-password-file", str(folder / "vault-password"), "--list", "-vvvv"]
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1", **environment}
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(name="inventory")
def _inventory(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with an inventory in it."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "static.yml").write_text(INVENTORY, encoding="utf-8")
    return folder


PLACES = [".", "passwords", "group_vars", "group_vars/all", "group_vars/all/passwords", "host_vars", "host_vars/h1", "host_vars/h1/passwords"]


@pytest.mark.parametrize("place", PLACES)
def test_edge_13_no_inventory_and_no_loader_of_variables_reads_the_store(tmp_path, inventory, place):
    stored(inventory / place, "h1", "h2", "all", "hosts")
    found = shown(tmp_path, inventory)
    # Not in the paths either that Ansible tells of itself, whatever the folder of the checkout is called.
    assert MARKER not in found and "rekey" not in found.replace(str(tmp_path), "").replace(sys.prefix, "")
    # A folder with nothing to parse in it is told as such.
    assert set(re.findall(r"Unable to parse (\S+)", found)) <= {str(inventory / place)}
    listed = json.loads(found[found.index("\n{") : found.index("\n}\n") + 2])
    assert listed["_meta"]["hostvars"] == {} and listed["ungrouped"]["hosts"] == ["h1", "h2"]


@pytest.mark.parametrize("name", ["file", "file.yml", "file.json", "file.ini", "file.toml", "file.rekey.txt"])
def test_edge_13_whatever_reads_a_file_all_the_same_fails_before_the_first_password(tmp_path, name):
    """Under any name, by every plugin, as an inventory and as variables."""
    stored(tmp_path / "store", "h1")
    plugins = "host_list,script,auto,yaml,ini,toml,constructed,advanced_host_list"
    (tmp_path / name).write_bytes((tmp_path / "store" / "h1.rekey.txt").read_bytes())
    assert MARKER not in shown(tmp_path, tmp_path / name, ANSIBLE_INVENTORY_ENABLED=plugins)
    (tmp_path / "inventory" / "group_vars" / "all").mkdir(parents=True)
    (tmp_path / "inventory" / "static.yml").write_text(INVENTORY, encoding="utf-8")
    os.rename(tmp_path / name, tmp_path / "inventory" / "group_vars" / "all" / name)
    assert MARKER not in shown(tmp_path, tmp_path / "inventory")


def test_edge_13_the_search_finds_what_earlier_versions_wrote(tmp_path, inventory):
    stored_as_before(inventory / "passwords" / "h1.yml")
    assert MARKER in shown(tmp_path, inventory)


@pytest.mark.parametrize("place, warned", [("inventory/passwords", True), ("group_vars/all/passwords", True), ("passwords", False)])
def test_edge_13_a_rotation_warns_of_a_store_that_ansible_looks_into(ansible, place, warned):
    with MilvusDouble(users={"alice": old_password("alice")}) as double:
        rotation = Rotation(ansible, {"milvus-1": double}, ["alice"], rotate_store_path=str(ansible.inputs / place))
        rotation.store = ansible.inputs / place
        folder = ansible.inputs / "inventory"
        folder.mkdir()
        (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": rotation.hosts, "vars": rotation.variables}}), encoding="utf-8")
        run = rotation.run(inventory=str(folder))
        assert run.rc == 0, run.output
        assert ("Keep the store %s elsewhere" % (ansible.inputs / place) in " ".join(run.output.split())) == warned
        # It works all the same, and the next run reads the inventory as before.
        again = rotation.run(inventory=str(folder))
        assert again.rc == 0 and "rekey.txt" not in again.output and not ansible.leaks(rotation.secrets() | {double.users["alice"]})
