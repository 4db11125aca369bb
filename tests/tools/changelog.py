# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Turn the changelog fragments into CHANGELOG.rst and changelogs/changelog.yaml, for the version in galaxy.yml.

It can be run again: further fragments are added to the same version until the one in galaxy.yml changes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.tools import layout, stage, venvs

WRITTEN = ("CHANGELOG.rst", "changelogs/changelog.yaml")


def main() -> int:
    """Return the exit status of antsibull-changelog."""
    # It finds new plugins with ansible-doc, so it must run in the staged copy. Its files are then copied back.
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
