# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units and the search for secrets on another Python with its own ansible-core."""

from __future__ import annotations

import pathlib
import subprocess
import sys

from tests.tools import layout, venvs

# The search for secrets mostly waits for servers that do not answer.
AT_ONCE = ("-n", "3")


def main(version: str, python: str) -> int:
    """The exit status of the first pytest that failed, or 0."""
    venv = layout.ROOT / f".venv-{version}"
    venvs.ensure(venv, "matrix", pathlib.Path(python), version)
    environment = layout.tool_environment(venv)
    subprocess.run([venvs.executable(venv, "ansible"), "--version"], env=environment, cwd=layout.STAGED, check=True)
    for selection in (["tests/unit"], ["tests/integration", *AT_ONCE, "-m", "secrets"]):
        command = [venvs.executable(venv, "python"), "-m", "pytest", "-q", *selection]
        print("$ pytest", *selection, flush=True)
        status = subprocess.run(command, cwd=layout.STAGED, env=environment, check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
