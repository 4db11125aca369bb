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
QUICK_PLAYBOOKS = ("tests/integration/test_every_vendor.py", "tests/integration/test_store_contract.py", "-m", "not real and not slow and not secrets")
SELECTIONS = ((*QUICK_PLAYBOOKS, *AT_ONCE), ("tests/unit", *AT_ONCE, "-m", "not slow"), ("tests/integration", *AT_ONCE, "-m", "secrets"))
# The sanity tests whose findings depend on the version.
OF_THE_VERSION = ("action-plugin-docs", "ansible-doc", "import", "runtime-metadata", "validate-modules")
# In `make test` only the oldest and the newest get all of it, since what works on both rarely fails in between; `make matrix` leaves nothing out.
WHOLE = (min(CORES, key=lambda core: int(core[2:])), max(CORES, key=lambda core: int(core[2:])))


def main(core: str, python: str, version: str, extent: str = "whole") -> int:
    """Return the exit status of the first check that failed, or 0.

    :param core: the release series of ansible-core, such as 2.16.
    :param python: the interpreter.
    :param version: its version, such as 3.11.
    :param extent: ``whole``, or ``quick`` for the sanity tests that depend on the version and the quick playbooks alone.
    """
    venv = layout.ROOT / f".venv-{core}"
    venvs.ensure(venv, f"core-{core}", pathlib.Path(python), version)
    environment = layout.tool_environment(venv)
    subprocess.run([venvs.executable(venv, "ansible"), "--version"], env=environment, cwd=layout.STAGED, check=True)
    # pylint takes most of the time, and its findings hardly depend on the version.
    chosen = ["--skip-test", "pylint"] if extent == "whole" else [option for name in OF_THE_VERSION for option in ("--test", name)]
    command = [venvs.executable(venv, "python"), "-m", "tests.tools.sanity", *chosen]
    status = subprocess.run(command, cwd=layout.ROOT, env=layout.base_environment(), check=False).returncode
    for selection in SELECTIONS if extent == "whole" else SELECTIONS[:1]:
        if status:
            break
        print("$ pytest", *selection, flush=True)
        command = [venvs.executable(venv, "python"), "-m", "pytest", "-q", *selection]
        status = subprocess.run(command, cwd=layout.STAGED, env=environment, check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
