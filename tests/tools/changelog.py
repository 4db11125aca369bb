# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Turns the fragments into CHANGELOG.rst and changelogs/changelog.yaml for the version in galaxy.yml.

It can be repeated: further fragments join the same version until galaxy.yml has another one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.tools import layout, stage, venvs

WRITTEN = ("CHANGELOG.rst", "changelogs/changelog.yaml")


def main() -> int:
    """The exit status of antsibull-changelog."""
    # It asks ansible-doc for the plugins that are new, so it has to run in the staged copy; what it wrote is taken back from there.
    command = [venvs.executable(layout.MAIN_VENV, "antsibull-changelog"), "release", "--update-existing", "--refresh-plugins", "--reload-plugins"]
    status = subprocess.run(command, cwd=layout.STAGED, env=layout.tool_environment(), check=False).returncode
    if status:
        return status
    for name in WRITTEN:
        shutil.copyfile(layout.STAGED / name, layout.ROOT / name)
    for fragment in (layout.ROOT / "changelogs" / "fragments").glob("*.y*ml"):
        if not (layout.STAGED / fragment.relative_to(layout.ROOT)).exists():
            fragment.unlink()
    stage.stage()
    return 0


if __name__ == "__main__":
    sys.exit(main())
