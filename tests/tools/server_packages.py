# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Makes ready what the real servers of the tests need and the environment of the tests does not hold: OpenStack's Trove, and a MariaDB.

It runs before the tests because only here pip still finds the settings of the caller, and apt-get is asked once and not by a test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

from tests.servers import machine, mariadb, trove_package
from tests.tools import layout, pip_settings

MARIADB = "mariadb-server-core"
APT_LIMIT_S = 300


def main() -> int:
    """What cannot be had is named; it is a failure only where real servers are required."""
    reasons = []
    for prepare in (trove, database):
        started = time.monotonic()
        try:
            prepare()
        except machine.Unavailable as error:
            reasons.append(error.reason)
        else:
            print(f"    {prepare.__doc__} ready after {time.monotonic() - started:.0f} s", flush=True)
    for reason in reasons:
        print(f"    not to be had: {reason}", flush=True)
    return 1 if reasons and os.environ.get("REKEY_REQUIRE_REAL") == "1" else 0


def trove() -> None:
    """Trove and Keystone"""
    environment = layout.base_environment()
    if not pip_settings.cache_is_chosen(sys.executable):
        environment["PIP_CACHE_DIR"] = str(layout.TOOL_HOME / ".cache" / "pip")
    trove_package.installed(machine.default_cache_dir(), environment)


def database() -> None:
    """MariaDB"""
    try:
        mariadb.programs()
        return
    except machine.Unavailable:
        # Anybody else than root is told the command, by the same exception.
        if os.geteuid() or not shutil.which("apt-get"):
            raise
    print(f"==> installing MariaDB (apt-get install {MARIADB}, about 8 MB, once)", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # That package has the programs alone: it starts no server on this machine.
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", MARIADB]
    try:
        if subprocess.run(install, env=environment, stdin=subprocess.DEVNULL, timeout=APT_LIMIT_S, check=False).returncode:
            # The lists of a fresh machine are empty or old.
            subprocess.run(["apt-get", "update", "--quiet"], env=environment, stdin=subprocess.DEVNULL, timeout=APT_LIMIT_S, check=True)
            subprocess.run(install, env=environment, stdin=subprocess.DEVNULL, timeout=APT_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise machine.Unavailable(f"apt-get cannot install {MARIADB} ({type(error).__name__})") from error
    mariadb.programs()


if __name__ == "__main__":
    sys.exit(main())
