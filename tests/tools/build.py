# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the archive of the collection, and check its contents."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

from tests.tools import layout, venvs

# Neither belongs in a release; build_ignore in galaxy.yml must list it.
UNWANTED = re.compile(r"(^|/)(\.(?!ansible-lint$|yamllint$)[^/]+|__pycache__)(/|$)|^(tests|benchmarks|extensions/molecule|changelogs/fragments|Makefile)(/|$)")
NEEDED = ("MANIFEST.json", "README.md", "LICENSE", "CHANGELOG.rst", "meta/runtime.yml", "requirements.txt", "extensions/awx/controller_templates.yml")


def main() -> int:
    """Return 0 if the archive was built and has the right contents."""
    shutil.rmtree(layout.ARTEFACTS, ignore_errors=True)
    layout.ARTEFACTS.mkdir(parents=True)
    command = [venvs.executable(layout.MAIN_VENV, "ansible-galaxy"), "collection", "build", "--output-path", str(layout.ARTEFACTS)]
    status = subprocess.run(command, cwd=layout.STAGED, env=layout.tool_environment(), check=False).returncode
    if status:
        return status
    with tarfile.open(archive()) as opened:
        names = opened.getnames()
    complaints = [f"unwanted in the archive: {name}" for name in names if UNWANTED.search(name)]
    complaints += [f"missing in the archive: {name}" for name in NEEDED if name not in names]
    print(*complaints or [f"{len(names)} files and folders, {archive().stat().st_size // 1024} kB"], sep="\n")
    return int(bool(complaints))


def archive() -> pathlib.Path:
    """Return the archive that was built."""
    found = list(layout.ARTEFACTS.glob(f"{layout.NAMESPACE}-{layout.NAME}-*.tar.gz"))
    if len(found) != 1:
        raise SystemExit(f"expected one archive in {layout.shown(layout.ARTEFACTS)}, found {len(found)}. Run `make build`.")
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
