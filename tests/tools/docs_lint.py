# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run antsibull-docs, antsibull-changelog and Sphinx on the staged copy."""

from __future__ import annotations

import subprocess
import sys

from tests.tools import layout, venvs

COMMANDS = (
    ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", "."),
    ("antsibull-changelog", "lint"),
    # The pages for the documentation site: a signature or docstring that Sphinx cannot parse is an error.
    (
        "sphinx-build",
        "-W",
        "--keep-going",
        "-q",
        "-C",
        "-D",
        "root_doc=public_interface",
        "-b",
        "html",
        "docs/docsite/rst",
        str(layout.BUILD / "docsite"),
    ),
)


def main() -> int:
    """Return 0 if none of them found anything."""
    # antsibull-docs writes its log there, but does not create the folder.
    layout.TOOL_HOME.mkdir(parents=True, exist_ok=True)
    for name, *arguments in COMMANDS:
        print("$", name, *arguments, flush=True)
        command = [venvs.executable(layout.MAIN_VENV, name), *arguments]
        status = subprocess.run(command, cwd=layout.STAGED, env=layout.tool_environment(), check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
