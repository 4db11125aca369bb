# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Install what tests with real parts need and the main environment lacks: OpenStack's Trove, ansible-rulebook with Java, the collections awx.awx and
kubernetes.core, MariaDB, and pass.

It runs before the tests, so that pip still has the caller's settings, and apt-get runs once instead of in a test.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import time
import typing as t

from tests.servers import awx_collection, machine, mariadb, password_store, rulebook, trove_package
from tests.tools import layout, pip_settings

APT_LIMIT_S = 300


class Packages(t.NamedTuple):
    """Packages for `apt-get install`; none of them starts a server on this machine."""

    title: str
    names: tuple[str, ...]
    size: str
    #: Raises Unavailable if they are missing.
    check: t.Callable[[], t.Any]


DEBIAN = (
    # This package contains the programs only.
    Packages("MariaDB", ("mariadb-server-core",), "about 8 MB", mariadb.programs),
    Packages("Java", rulebook.PACKAGES, "about 45 MB", rulebook.java),
    Packages("MariaDB's reader of option files", ("mariadb-client-core",), "about 1 MB", mariadb.option_reader),
    Packages("pass", password_store.PACKAGES, "about 4 MB, with git 30 MB more", password_store.programs),
)


def main() -> int:
    """Print what is unavailable; return 1 only if real servers are required."""
    reasons = []
    prepared: list[tuple[str, t.Callable[[], object]]] = [
        ("Trove and Keystone", trove),
        ("ansible-rulebook", eda),
        ("awx.awx and kubernetes.core", collections),
    ]
    prepared += [(packages.title, functools.partial(installed, packages)) for packages in DEBIAN]
    for title, prepare in prepared:
        started = time.monotonic()
        try:
            prepare()
        except machine.Unavailable as error:
            reasons.append(error.reason)
        else:
            print(f"    {title} ready after {time.monotonic() - started:.0f} s", flush=True)
    for reason in reasons:
        print(f"    unavailable: {reason}", flush=True)
    return 1 if reasons and os.environ.get("REKEY_REQUIRE_REAL") == "1" else 0


def trove() -> None:
    """Install Trove and Keystone, in an environment of their own."""
    trove_package.installed(machine.default_cache_dir(), _pip_environment())


def eda() -> None:
    """Install ansible-rulebook, in an environment of its own."""
    rulebook.installed(machine.default_cache_dir(), _pip_environment())


def collections() -> None:
    """Download the collections awx.awx and kubernetes.core."""
    awx_collection.installed(machine.default_cache_dir(), _pip_environment())


def _pip_environment() -> dict[str, str]:
    environment = layout.base_environment()
    if not pip_settings.cache_is_chosen(sys.executable):
        environment["PIP_CACHE_DIR"] = str(layout.TOOL_HOME / ".cache" / "pip")
    return environment


def installed(packages: Packages) -> None:
    """Install missing packages, if root runs this."""
    try:
        packages.check()
        return
    except machine.Unavailable:
        # For other users the exception names the command to run.
        if os.geteuid() or not shutil.which("apt-get"):
            raise
    names = " ".join(packages.names)
    print(f"==> installing {packages.title} (apt-get install {names}, {packages.size}, once)", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages.names]
    try:
        if subprocess.run(install, env=environment, stdin=subprocess.DEVNULL, timeout=APT_LIMIT_S, check=False).returncode:
            # On a fresh machine the package lists are empty or outdated.
            subprocess.run(["apt-get", "update", "--quiet"], env=environment, stdin=subprocess.DEVNULL, timeout=APT_LIMIT_S, check=True)
            subprocess.run(install, env=environment, stdin=subprocess.DEVNULL, timeout=APT_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise machine.Unavailable(f"apt-get cannot install {names} ({type(error).__name__})") from error
    packages.check()


if __name__ == "__main__":
    sys.exit(main())
