# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run galaxy-importer on the archive: the checks of a Galaxy server. It exits with 0 whatever it finds, so its output is searched."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.tools import build, layout, venvs

FINDING = re.compile(r"^(WARNING|ERROR|CRITICAL): ")


def main() -> int:
    """Return 0 if it completed without a warning."""
    folder = layout.BUILD / "importer"
    folder.mkdir(parents=True, exist_ok=True)
    environment = layout.tool_environment()
    environment.update(
        GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP=str(folder / "tmp"),
        # Sanity is a separate step; the importer would need a container for it.
        GALAXY_IMPORTER_RUN_ANSIBLE_TEST="no",
        GALAXY_IMPORTER_TMP_ROOT_DIR=str(folder),
    )
    command = [venvs.executable(layout.MAIN_VENV, "python"), "-m", "galaxy_importer.main", str(build.archive())]
    result = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(result.stdout, flush=True)
    findings = [line for line in result.stdout.splitlines() if FINDING.match(line)]
    if "Importer processing completed successfully" not in result.stdout:
        findings.append("the importer did not complete")
    if findings:
        print(f"{len(findings)} findings:", *findings, sep="\n  ")
    return result.returncode or int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
