# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole playbooks on stores that are links, lie beside the inventory, belong to others, are encrypted by one of several vault identities, or are not there."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import stat

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.doubles.milvus import MilvusDouble
from tests.integration.rotation import VAULT_PASSWORD, Rotation, old_password
from tests.store_cases.passwordstore import CASE as PASSWORD_STORE

USERS = ("alice", "bob")
DEV, PROD = "Dev-S3cr3t-MARKER", "Prod-S3cr3t-MARKER"
VERBOSITY = 5
STATUS, VERIFY, REPAIR = ("rekey.passwords." + name for name in ("status", "verify", "repair"))
FORCE = {"rotate_force": True}

pytestmark = [pytest.mark.slow]


@pytest.fixture
def double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


@pytest.fixture
def rotation(ansible, double):
    """Has run once."""
    made = Rotation(ansible, {"milvus-1": double}, USERS)
    first = made.run()
    assert first.rc == 0, first.output
    yield made
    assert not ansible.leaks(made.secrets()), "a secret was printed or left on the disk"


def store_file(rotation: Rotation) -> pathlib.Path:
    """The file of the host."""
    (found,) = [path for path in rotation.store.iterdir() if path.is_file() and "milvus-1" in path.name and not path.name.startswith(".")]
    return found


def in_force(double: MilvusDouble) -> dict:
    """The users' passwords."""
    return {name: double.users[name] for name in USERS}


def recorded(rotation: Rotation) -> dict:
    """The current passwords in the store."""
    return {name: rotation.records()[name]["password"] for name in USERS}


def assert_refused(rotation: Rotation, double: MilvusDouble, plays=(None, VERIFY, REPAIR), **options) -> list:
    """No playbook succeeds, in check mode or in earnest, and none sends a password; what they have printed."""
    before, writes = in_force(double), double.writes
    printed = []
    for each in plays:
        for check in (True, False) if each is None else (False,):
            run = rotation.run(*([each] if each else []), check=check, verbosity=VERBOSITY, **dict({"extra_vars": FORCE}, **options))
            assert run.rc != 0, "%s: %s" % (each or "rotate", run.output[-3000:])
            assert "Traceback" not in run.output and "please report it" not in run.output
            printed.append(run.output)
    assert in_force(double) == before and double.writes == writes and not double.failed_logins
    return printed


# Number 3: links.


def test_edge_03_the_file_of_a_host_is_a_link(rotation, double):
    """Into a volume that outlives the run: the volume has the new passwords."""
    path = store_file(rotation)
    volume = rotation.ansible.shared / "volume"
    volume.mkdir()
    shutil.move(path, volume / "elsewhere.yml")
    path.symlink_to(volume / "elsewhere.yml")
    run = rotation.run(extra_vars=FORCE, verbosity=VERBOSITY)
    assert run.rc == 0, run.output
    assert path.is_symlink() and not (volume / "elsewhere.yml").is_symlink()
    assert recorded(rotation) == in_force(double)
    assert [name for name in os.listdir(volume) if not name.endswith("lock")] == ["elsewhere.yml"], "something was left beside it"
    assert rotation.run(VERIFY).rc == 0


def test_edge_03_a_link_to_a_link_with_a_relative_target(rotation, double):
    path = store_file(rotation)
    (rotation.ansible.shared / "volume").mkdir()
    shutil.move(path, rotation.ansible.shared / "volume" / "records")
    (rotation.store / "between").symlink_to("../volume/records")
    path.symlink_to("between")
    assert rotation.run(extra_vars=FORCE).rc == 0
    assert path.is_symlink() and (rotation.store / "between").is_symlink() and recorded(rotation) == in_force(double)


def test_edge_03_the_folder_is_a_link(rotation, double):
    shutil.move(rotation.store, rotation.ansible.shared / "volume")
    rotation.store.symlink_to(rotation.ansible.shared / "volume")
    assert rotation.run(extra_vars=FORCE).rc == 0
    assert rotation.store.is_symlink() and recorded(rotation) == in_force(double)


@pytest.mark.parametrize("target", ["nowhere", "itself", "a folder"])
def test_edge_03_a_link_that_cannot_be_followed(rotation, double, target):
    path = store_file(rotation)
    kept = path.read_bytes()
    path.unlink()
    (rotation.ansible.shared / "folder").mkdir()
    path.symlink_to({"nowhere": rotation.ansible.shared / "not mounted" / "file", "itself": path, "a folder": rotation.ansible.shared / "folder"}[target])
    printed = assert_refused(rotation, double)
    assert all(path.name in text for text in printed), "nobody says which file"
    assert path.is_symlink()
    path.unlink()
    path.write_bytes(kept)
    assert rotation.run(extra_vars=FORCE).rc == 0 and recorded(rotation) == in_force(double)


@pytest.mark.real
def test_edge_03_entries_of_pass_are_links(ansible, double, tmp_path):
    with PASSWORD_STORE(tmp_path) as case:
        rotation = Rotation(ansible, {"host-1": double}, USERS, rotate_store="passwordstore", rotate_store_path=None,
                            rotate_store_options=case.options["store_options"])  # fmt: skip
        assert rotation.run().rc == 0
        volume = tmp_path / "volume"
        volume.mkdir()
        shutil.move(case.entry("alice"), volume / "alice.gpg")
        case.entry("alice").symlink_to(volume / "alice.gpg")
        run = rotation.run(extra_vars=FORCE)
        assert run.rc == 0, run.output
        assert case.entry("alice").is_symlink() and (volume / "alice.gpg").is_file()
        assert {name: case.shown(name)[1] for name in USERS} == in_force(double)


# Number 4: vault identities.


def identities(rotation: Rotation, *names: str) -> dict:
    """Options of a run that has these vault identities."""
    secrets = {"dev": DEV, "prod": PROD}
    args = []
    for name in names:
        path = rotation.ansible.inputs / ("password-of-" + name)
        path.write_text(secrets[name], encoding="utf-8")
        path.chmod(0o600)
        args += ["--vault-id", "%s@%s" % (name, path)]
    return {"vault_password": None, "args": args}


def opens(rotation: Rotation, password: str) -> bool:
    """Whether who has this vault password alone can read the file."""
    vault = VaultLib([("default", VaultSecret(password.encode()))])
    try:
        text = vault.decrypt(store_file(rotation).read_bytes())
    except AnsibleError:
        return False
    return set(USERS) <= set(json.loads(text.partition(b"\n")[2])["users"])


def identity(rotation: Rotation) -> bytes:
    """The one that the file names."""
    return (store_file(rotation).read_bytes().split(b"\n")[0].split(b";") + [b""])[3]


@pytest.fixture
def of_prod(ansible, double):
    """A rotation whose file was written with the identity prod."""
    made = Rotation(ansible, {"milvus-1": double}, USERS)
    first = made.run(**identities(made, "prod"))
    assert first.rc == 0, first.output
    assert identity(made) == b"prod"
    return made


@pytest.mark.parametrize("names", [("dev", "prod"), ("prod", "dev")], ids="-".join)
def test_edge_04_the_identity_of_a_file_is_kept(of_prod, double, names):
    run = of_prod.run(extra_vars=FORCE, verbosity=VERBOSITY, **identities(of_prod, *names))
    assert run.rc == 0, run.output
    assert identity(of_prod) == b"prod" and opens(of_prod, PROD) and not opens(of_prod, DEV)
    again = of_prod.run(extra_vars=FORCE, **identities(of_prod, "prod"))
    assert again.rc == 0, again.output
    assert not of_prod.ansible.leaks({DEV, PROD})


def test_edge_04_a_new_file_and_several_identities(ansible, double):
    """ansible-vault refuses to choose, and so does the store, before anything is sent."""
    made = Rotation(ansible, {"milvus-1": double}, USERS)
    both = identities(made, "dev", "prod")
    run = made.run(**both)
    assert run.rc != 0 and not double.writes and "vault_encrypt_identity" in run.output, run.output
    chosen = made.run(env={"ANSIBLE_VAULT_ENCRYPT_IDENTITY": "prod"}, **both)
    assert chosen.rc == 0, chosen.output
    assert identity(made) == b"prod" and opens(made, PROD)


def test_edge_04_a_file_of_an_identity_that_this_play_does_not_have(of_prod, double):
    assert_refused(of_prod, double, **identities(of_prod, "dev"))


# Number 13: the store inside the inventory.


@pytest.mark.parametrize("place", ["passwords", "group_vars/passwords", "host_vars"])
def test_edge_13_a_store_below_the_inventory(ansible, double, place):
    """An inventory that is a folder: Ansible must not read the store as an inventory, or somebody must be told."""
    inventory = ansible.inputs / "inventory"
    inventory.mkdir()
    made = Rotation(ansible, {"milvus-1": double}, ("hosts", "alice"))
    for name in ("hosts", "alice"):
        double.set_user(name, old_password(name))
    made.variables["rotate_store_path"] = str(inventory / place)
    made.store = inventory / place
    (inventory / "hosts.yml").write_text(json.dumps({"all": {"hosts": made.hosts, "vars": made.variables}}), encoding="utf-8")
    first = made.run(inventory=inventory, verbosity=VERBOSITY)
    if first.rc != 0:
        # Refused, and nothing was sent.
        assert not double.writes and "inventory" in first.output, first.output
        return
    passwords = {double.users[name] for name in ("hosts", "alice")}
    second = made.run(inventory=inventory, verbosity=VERBOSITY)
    assert second.rc == 0 and "[WARNING]" in second.output and "inventory" in second.output, second.output
    listed = ansible.start("ansible-inventory", ["-i", str(inventory), "--list", "--vault-password-file", str(_vault_password(ansible))]).wait()
    assert listed.rc == 0 and not ansible.leaks(passwords)
    assert all(secret not in listed.output for secret in passwords)
    assert set(json.loads(listed.stdout)["_meta"]["hostvars"]) == {"milvus-1"}


def _vault_password(ansible) -> pathlib.Path:
    path = ansible.inputs / "vault-password"
    path.write_text(VAULT_PASSWORD, encoding="utf-8")
    return path


# Number 33: a store that is not there.


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a folder with other things"])
def test_edge_33_the_volume_is_not_mounted(rotation, double, left):
    rotation.variables.pop("rotate_store_create", None)
    away = rotation.store.rename(rotation.store.with_name("not mounted"))
    if left != "nothing":
        rotation.store.mkdir(mode=0o700)
    if left.endswith("things"):
        (rotation.store / "lost+found").mkdir()
    before = in_force(double)
    printed = assert_refused(rotation, double)
    assert all(str(rotation.store) in text for text in printed)
    assert rotation.run(STATUS).rc != 0
    assert not rotation.store.exists() or set(os.listdir(rotation.store)) <= {"lost+found"}, "a store was begun"
    assert in_force(double) == before
    if rotation.store.exists():
        shutil.rmtree(rotation.store)
    away.rename(rotation.store)
    assert rotation.run(extra_vars=FORCE).rc == 0 and recorded(rotation) == in_force(double)


def test_edge_33_one_host_of_a_store_that_is_there_may_be_new(rotation, double):
    """A new host in a store that was begun on purpose needs nothing more."""
    rotation.variables.pop("rotate_store_create", None)
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as second:
        rotation.hosts["milvus-2"] = {"server_url": second.url}
        run = rotation.run()
        assert run.rc == 0, run.output
        assert {name: rotation.records("milvus-2")[name]["password"] for name in USERS} == in_force(second)
        assert rotation.run(VERIFY).rc == 0


def test_edge_33_the_option_that_begins_a_store_should_not_stay_set(rotation, double):
    """As long as it is set nothing guards an empty folder, so whoever leaves it in the inventory is told. The first run is not."""
    told = "rotate_store_create) is still set"
    assert rotation.variables["rotate_store_create"] and told not in _flat(rotation.run(extra_vars=FORCE))
    mark = rotation.store / ".rekey" / "store.txt"
    os.utime(mark, (mark.stat().st_mtime - 7200,) * 2)
    again = rotation.run(extra_vars=FORCE)
    assert again.rc == 0 and _flat(again).count(told) == 1, again.output
    rotation.variables.pop("rotate_store_create")
    assert told not in _flat(rotation.run())


def _flat(run) -> str:
    """What a run printed, without the line breaks that Ansible adds."""
    return " ".join(run.output.split())


# Number 38: a file that is damaged as a whole.


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"<<<<<<< HEAD\n" + content], ids=["torn", "merged"])
def test_edge_38_a_file_that_is_damaged_as_a_whole_has_a_way_out(rotation, double, damage):
    path = store_file(rotation)
    path.write_bytes(damage(path.read_bytes()))
    damaged, real = path.read_bytes(), in_force(double)
    printed = assert_refused(rotation, double)
    # Ansible breaks long lines.
    assert all("it elsewhere, then run rotation_repair" in " ".join(text.replace("\\n", " ").split()) for text in printed), printed[0][-3000:]
    assert path.read_bytes() == damaged
    shutil.move(path, rotation.ansible.shared / "damaged")
    repaired = rotation.run(REPAIR, extra_vars={"rotate_repair_users": [{"name": name, "password": password} for name, password in real.items()]})
    assert repaired.rc == 0, repaired.output
    assert in_force(double) == real == recorded(rotation) and not double.failed_logins
    assert rotation.run().rc == 0 and recorded(rotation) == in_force(double)


# Number 51: what others own or may write to.


def test_edge_51_files_and_folders_are_private(rotation, double):
    rotation.run(extra_vars=FORCE)
    for path in (rotation.store, *rotation.store.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode & 0o077 == 0, "%s: %o" % (path, mode)
    assert recorded(rotation) == in_force(double)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_edge_51_a_folder_that_others_may_write_to(rotation, double, mode):
    """Whoever may put a file in its place decides which password is sent: refused, or said loudly."""
    rotation.store.chmod(mode)
    before = in_force(double)
    run = rotation.run(extra_vars=FORCE)
    told = "[WARNING]" in run.output and str(rotation.store) in run.output
    assert told or (run.rc != 0 and in_force(double) == before and str(rotation.store) in run.output), run.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_edge_51_a_folder_of_somebody_else(rotation, double):
    os.chown(rotation.store, 12345, 12345)
    before = in_force(double)
    run = rotation.run(extra_vars=FORCE)
    told = "[WARNING]" in run.output and str(rotation.store) in run.output
    assert told or (run.rc != 0 and in_force(double) == before), run.output


def test_edge_51_a_lock_file_that_is_a_link(rotation, double):
    """Nothing is written where it points, and it is not taken for a lock."""
    victim = rotation.ansible.shared / "victim"
    victim.write_text("untouched", encoding="utf-8")
    victim.chmod(0o644)
    locks = [path for path in rotation.store.iterdir() if "lock" in path.name]
    for path in locks:
        path.unlink()
        path.symlink_to(victim)
    run = rotation.run(extra_vars=FORCE, verbosity=VERBOSITY)
    assert victim.read_text(encoding="utf-8") == "untouched" and stat.S_IMODE(victim.stat().st_mode) == 0o644
    assert "please report it" not in run.output and "Traceback" not in run.output
    if locks and run.rc != 0:
        assert any(path.name in run.output for path in locks), run.output
    elif run.rc == 0:
        assert recorded(rotation) == in_force(double)


def test_edge_51_the_notes_folder_is_a_link_or_holds_links(rotation, double):
    """Leases and claims: whoever may plant a link there must not make the run write elsewhere, nor hold it up for ever."""
    victim = rotation.ansible.shared / "victim"
    victim.mkdir()
    notes = rotation.store / ".rekey"
    if not notes.exists():
        pytest.skip("no notes yet")
    for folder in [path for path in notes.iterdir() if path.is_dir()]:
        highest = max((int(path.name) for path in folder.iterdir() if path.name.isdigit()), default=0)
        (folder / str(highest + 1)).symlink_to(victim / "written")
    run = rotation.run(extra_vars=FORCE, verbosity=VERBOSITY)
    assert not list(victim.iterdir()), "the run has written through a link"
    assert "please report it" not in run.output and "Traceback" not in run.output
    assert run.rc != 0 or recorded(rotation) == in_force(double)
