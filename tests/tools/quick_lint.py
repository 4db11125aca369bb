# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks that take a second: the header of every file, yamllint, ruff (check and format), codespell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from tests.tools import layout, venvs

LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
# Files with these suffixes can contain comments, so they must name the licence.
COMMENTED = {".cfg", ".ini", ".j2", ".md", ".proto", ".py", ".rst", ".sh", ".toml", ".txt", ".yaml", ".yml", ""}
# Written by a tool, or the licence itself.
EXEMPT = {"LICENSE", "LICENSES/GPL-3.0-or-later.txt", "CHANGELOG.rst", "changelogs/changelog.yaml"}
HEADER_LINES = 12
LINTERS = (
    ("yamllint", "--strict", "."),
    # Configured in pyproject.toml, tests/ruff.toml and benchmarks/ruff.toml.
    ("ruff", "check", "--quiet", "--no-cache", "."),
    ("ruff", "format", "--quiet", "--check", "--no-cache", "."),
)
# Written by a tool, or not prose.
NO_WORDS = (".json", ".png", ".svg", ".proto")


def main() -> int:
    """Return 0 if nothing was found."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=layout.STAGED, capture_output=True, text=True, check=True).stdout.split("\0")
    findings = [finding for name in filter(None, files) for finding in look_at(name)]
    print(*findings, sep="\n", end="\n" if findings else "")
    status = int(bool(findings))
    words = [name for name in files if name and name not in EXEMPT and not name.endswith(NO_WORDS) and not name.startswith("tests/requirements/")]
    for name, *arguments in (*LINTERS, ("codespell", *words)):
        print("$", name, *arguments[:4], flush=True)
        command = [venvs.executable(layout.MAIN_VENV, name), *arguments]
        status |= subprocess.run(command, cwd=layout.STAGED, env=layout.tool_environment(), check=False).returncode
    return status


def look_at(name: str) -> Iterator[str]:
    """Yield what is wrong with one file."""
    path = layout.STAGED / name
    if name.startswith("tests/sanity/ignore-") and path.read_bytes().strip():
        yield f"{name}: sanity must pass without exceptions"
    if path.is_symlink() or name in EXEMPT or path.suffix not in COMMENTED:
        return
    content = path.read_bytes()
    if not content or content.startswith(b"$ANSIBLE_VAULT"):
        return
    if LICENCE not in "\n".join(content.decode(errors="replace").splitlines()[:HEADER_LINES]):
        yield f"{name}: no line with {LICENCE!r} near its top"


if __name__ == "__main__":
    sys.exit(main())
