# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-builder makes of the metadata for each distribution, and of the example that is shipped."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = ROOT / "extensions" / "awx" / "execution-environment.yml"


@pytest.mark.parametrize(
    ("profiles", "packages"),
    [
        # pass is only in EPEL there, and a package that is missing would end the build of every image without EPEL.
        (("rpm", "redhat", "rhel"), {"gnupg2"}),
        (("rpm", "redhat", "centos"), {"gnupg2"}),
        (("rpm", "redhat", "fedora"), {"gnupg2", "pass"}),
        (("dpkg", "debian"), {"gnupg", "pass"}),
        (("dpkg", "ubuntu"), {"gnupg", "pass"}),
    ],
    ids=lambda value: "-".join(sorted(value)),
)
def test_the_packages_of_a_distribution(profiles: tuple[str, ...], packages: set[str]) -> None:
    bindep = pytest.importorskip("bindep.depends")
    rules = bindep.Depends((ROOT / "meta" / "ee-bindep.txt").read_text(encoding="utf-8"))
    assert {rule[0] for rule in rules.active_rules(["platform:%s" % profile for profile in profiles])} == packages


def test_the_example_has_all_that_the_metadata_leaves_out(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("ansible_builder")
    command = [sys.executable, "-m", "ansible_builder", "create", "--file", EXAMPLE, "--context", tmp_path, "--output-filename", "Containerfile"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    written = (tmp_path / "Containerfile").read_text(encoding="utf-8")
    # EPEL has to be there before anything of it is installed.
    assert 0 < written.index("epel-release") < written.index("/output/scripts/assemble")
    assert (tmp_path / "_build" / "bindep.txt").read_text(encoding="utf-8").split()[0] == "pass"
    assert (tmp_path / "_build" / "requirements.txt").read_text(encoding="utf-8").split() == ["openstacksdk"]
    galaxy = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert [collection["name"] for collection in galaxy["collections"]] == ["rekey.passwords"]
