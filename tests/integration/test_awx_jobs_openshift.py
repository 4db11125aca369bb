# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of AWX on OpenShift: each container has another user, whom nobody knows, with the group 0; the store is a folder on a volume."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import sys

import pytest

from tests.integration import awx_container
from tests.integration.awx_container import ANOTHER_USER, USER, Mount
from tests.integration.awx_fixtures import HOST, USERS, Site, a_site, impossible
from tests.integration.awx_jobs import MOST_DETAIL, Controller, Inventory
from tests.integration.awx_stores import MountedVault
from tests.vendor_cases import CASES

CASE = CASES["milvus"]
ARRIVAL = 60  # seconds until a request must have come
LOOK = """
import os, pwd, sys
print(os.getuid(), os.getgroups(), os.environ["HOME"], [os.access(path, os.W_OK) for path in sys.argv[1:]])
pwd.getpwuid(os.getuid())
"""


@pytest.fixture(autouse=True)
def contained() -> None:
    reason = awx_container.unavailable()
    if reason:
        impossible("a job needs a user of its own here: %s" % reason)


def test_the_container_of_a_job(tmp_path: pathlib.Path) -> None:
    for name in ("root", "volume", "project"):
        (tmp_path / name).mkdir()
    (tmp_path / "volume").chmod(0o2770)
    mounts = [Mount(tmp_path / "volume", "/srv/volume"), Mount(tmp_path / "project", "/runner/project", True)]
    program = [sys.executable, "-c", LOOK, awx_container.HOME, "/srv/volume", "/runner/project", "/"]
    command = awx_container.command(tmp_path / "root", USER, mounts, program)
    run = subprocess.run(command, env=awx_container.environment({}), capture_output=True, text=True, check=False)
    assert run.stdout == "%d [0] /home/runner [False, True, False, False]\n" % USER
    assert "uid not found: %d" % USER in run.stderr, "the user has no name"
    assert not list((tmp_path / "root").iterdir()), "nobody else sees what is mounted"


@pytest.mark.slow
def test_the_next_container_waits_until_the_lease_of_one_that_was_killed_has_run_out(controller: Controller, tmp_path: pathlib.Path) -> None:
    """From another machine nobody can see whether the holder still lives, so this takes the half minute that a lease lasts."""
    with a_site(controller, CASE, MountedVault(controller, tmp_path), connection={"concurrency": 1}) as site:
        fault = site.doubles[HOST].inject("hang", user="bob", applies="now", **CASE.change)
        job = site.launch("Rotate passwords", machine="job-1")
        assert fault.arrived.wait(ARRIVAL), job.stdout
        job.kill()
        pending = {name: record.pending.password for name, record in site.records().items()}
        relaunched = site.run("Rotate passwords", user=ANOTHER_USER, machine="job-2")
        assert relaunched.rc == 0 and relaunched.artifacts["rekey_rotated"] == len(USERS), relaunched.stdout
        assert {name: record.password for name, record in site.records().items()} == pending
        site.assert_in_force()
        site.assert_nothing_shown(job, relaunched)


@pytest.mark.parametrize("by", ["prompt", "script"])
def test_the_next_container_has_another_user(controller: Controller, tmp_path: pathlib.Path, by: str) -> None:
    with a_site(controller, CASE, MountedVault(controller, tmp_path, by)) as site:
        first = site.run("Rotate passwords", user=USER)
        assert first.rc == 0, first.stdout
        second = site.run("Rotate passwords", user=ANOTHER_USER, answers={"rotate_force": "yes"}, verbosity=MOST_DETAIL)
        assert second.rc == 0 and second.artifacts["rekey_rotated"] == len(USERS), second.stdout
        verified = site.run("Verify passwords", user=USER)
        assert verified.rc == 0 and verified.artifacts["rekey_verified"] == len(USERS), verified.stdout
        site.assert_in_force()
        found = [path.stat() for path in site.store.folder.rglob("*")]
        assert {one.st_uid for one in found} == {USER, ANOTHER_USER} and {one.st_gid for one in found} == {0}
        assert {stat.S_IMODE(one.st_mode) & 0o777 for one in found} == {0o660, 0o770}
        site.assert_nothing_shown(first, second, verified)


def _share(site: Site, shared: bool) -> None:
    site.inventory = Inventory({**site.inventory.variables, "rotate_store_options": {"shared": shared}}, site.inventory.hosts)


def test_a_folder_for_a_group_is_not_used_unasked(controller: Controller, tmp_path: pathlib.Path) -> None:
    with a_site(controller, CASE, MountedVault(controller, tmp_path)) as site:
        _share(site, False)
        failed = site.run("Rotate passwords")
        assert failed.rc == 2 and failed.artifacts["rekey_error_kinds"] == ["store_failed"], failed.stdout
        assert "The group 0 may write to the folder /srv/passwords (mode 2770)." in failed.stdout and "set the store's option shared" in failed.stdout
        (double,) = site.doubles.values()
        assert not double.requests and not list(site.store.folder.iterdir())


def test_a_store_of_one_user_is_shared_later(controller: Controller, tmp_path: pathlib.Path) -> None:
    with a_site(controller, CASE, MountedVault(controller, tmp_path)) as site:
        folder = site.store.folder
        _share(site, False)
        os.chown(folder, USER, 0)
        folder.chmod(0o700)
        assert site.run("Rotate passwords").rc == 0
        double = site.doubles[HOST]
        double.reset()

        refused = site.run("Rotate passwords", user=ANOTHER_USER, answers={"rotate_force": "yes"})
        assert refused.rc == 2 and "belongs to the user %d, not to the user %d who runs this" % (USER, ANOTHER_USER) in refused.stdout
        assert "set the store's option shared" in refused.stdout

        _share(site, True)
        folder.chmod(0o2770)
        unread = site.run("Rotate passwords", user=ANOTHER_USER, answers={"rotate_force": "yes"})
        assert unread.rc == 2 and "/srv/passwords/%s.rekey.txt cannot be read: Permission denied." % HOST in unread.stdout
        assert "everything in /srv/passwords: chmod -R g+rwX." in unread.stdout, unread.stdout
        assert not double.requests, "nothing is sent"

        subprocess.run(["chmod", "-R", "g+rwX", str(folder)], check=True)
        shared = site.run("Rotate passwords", user=ANOTHER_USER, answers={"rotate_force": "yes"})
        assert shared.rc == 0 and shared.artifacts["rekey_rotated"] == len(USERS), shared.stdout
        site.assert_in_force()
        site.assert_nothing_shown(refused, unread, shared)
