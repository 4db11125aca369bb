# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run sanity, units, the search for secrets and the quick playbooks on another ansible-core, with a Python that it supports."""

from __future__ import annotations

import pathlib
import subprocess
import sys

from tests.tools import layout, venvs

# Every supported ansible-core, and the Pythons that it supports on a controller. tests/requirements/core-<version>.txt pins each.
CORES = {
    "2.16": ("3.11", "3.12"),
    "2.17": ("3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13"),
    "2.21": ("3.12", "3.13"),
    "2.22": ("3.13",),
}
# The search for secrets spends most of its time waiting for servers that do not respond.
AT_ONCE = ("-n", "3")
# Every vendor's module and rotation, every store.
EVERY_VENDOR = "tests/integration/test_every_vendor.py"
QUICK_PLAYBOOKS = (EVERY_VENDOR, "tests/integration/test_store_contract.py", "-m", "not real and not slow and not secrets")
# Doubles and tools need no Ansible.
UNITS = ("tests/unit", *AT_ONCE, "--ignore=tests/unit/doubles", "--ignore=tests/unit/tools", "-m", "not slow")
# The sanity tests whose findings depend on the version.
OF_THE_VERSION = ("action-plugin-docs", "ansible-doc", "import", "runtime-metadata", "validate-modules")
# What is shipped to other machines hardly touches Ansible.
OF_THE_CONTROLLER = (*UNITS, "--ignore=tests/unit/plugins/module_utils")
SELECTIONS = {
    # The oldest in `make test`, which prints most; then the newest, and those in between: what works on both rarely fails there.
    "oldest": ((*QUICK_PLAYBOOKS, *AT_ONCE), OF_THE_CONTROLLER, ("tests/integration", *AT_ONCE, "-m", "secrets and not slow and not real")),
    "newest": ((*QUICK_PLAYBOOKS, *AT_ONCE), OF_THE_CONTROLLER),
    "between": ((EVERY_VENDOR, "-m", "not real and not slow and not secrets", *AT_ONCE),),
    # `make matrix`.
    "whole": ((*QUICK_PLAYBOOKS, *AT_ONCE), UNITS, ("tests/integration", *AT_ONCE, "-m", "secrets")),
}
# pylint takes most of the time, and its findings hardly depend on the version.
SANITY = {
    "oldest": tuple("--test=" + name for name in OF_THE_VERSION),
    "newest": tuple("--test=" + name for name in OF_THE_VERSION),
    "between": ("--test=import",),
    "whole": ("--skip-test=pylint",),
}


def extent_of(core: str, whole: bool) -> str:
    """Return how much of the checks a release series gets: one of :data:`SELECTIONS`.

    :param whole: whether nothing is left out.
    """
    number = [int(other[2:]) for other in CORES]
    if whole:
        return "whole"
    return {min(number): "oldest", max(number): "newest"}.get(int(core[2:]), "between")


def main(core: str, python: str, version: str, extent: str) -> int:
    """Return the exit status of the first check that failed, or 0.

    :param core: the release series of ansible-core, such as 2.16.
    :param python: the interpreter.
    :param version: its version, such as 3.11.
    :param extent: one of :data:`SELECTIONS`.
    """
    venv = layout.ROOT / f".venv-{core}"
    venvs.ensure(venv, f"core-{core}", pathlib.Path(python), version)
    environment = layout.tool_environment(venv)
    subprocess.run([venvs.executable(venv, "ansible"), "--version"], env=environment, cwd=layout.STAGED, check=True)
    command = [venvs.executable(venv, "python"), "-m", "tests.tools.sanity", *SANITY[extent]]
    status = subprocess.run(command, cwd=layout.ROOT, env=layout.base_environment(), check=False).returncode
    for selection in SELECTIONS[extent]:
        if status:
            break
        print("$ pytest", *selection, flush=True)
        command = [venvs.executable(venv, "python"), "-m", "pytest", "-q", *selection]
        status = subprocess.run(command, cwd=layout.STAGED, env=environment, check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
