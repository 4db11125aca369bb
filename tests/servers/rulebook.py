# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real ansible-rulebook: an environment of its own, and Java, which is that of the machine (Debian: default-jre-headless)."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import typing as t

from tests.servers import own_environment
from tests.servers.machine import Unavailable

REQUIREMENTS = pathlib.Path(__file__).resolve().parents[1] / "requirements" / "eda.txt"
# For these the requirements have been tried.
PYTHONS = ((3, 11), (3, 12), (3, 13))
PACKAGES = ("default-jre-headless",)
LEAST_JAVA = 17
LIMIT_S = 60.0


def java() -> None:
    """Raise Unavailable where Java is missing or too old."""
    advice = "(Debian: apt-get install %s)" % " ".join(PACKAGES)
    program = shutil.which("java")
    if not program:
        raise Unavailable(f"ansible-rulebook needs Java, which is not installed {advice}")
    try:
        shown = subprocess.run([program, "-version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"Java does not start ({type(error).__name__}) {advice}") from error
    found = re.search(r'version "(\d+)', shown)
    if not found or int(found[1]) < LEAST_JAVA:
        raise Unavailable(f"ansible-rulebook needs Java {LEAST_JAVA} or newer {advice}")


def installed(cache_dir: pathlib.Path, environment: t.Mapping[str, str] | None = None) -> pathlib.Path:
    """The program ansible-rulebook of the environment, which the first call makes. pip has the settings of the caller, or those in `environment`."""
    if sys.platform != "linux":
        raise Unavailable(f"the tests of Event-Driven Ansible are for Linux, this is {sys.platform}")
    if sys.version_info[:2] not in PYTHONS:
        raise Unavailable("ansible-rulebook has not been tried with Python %d.%d" % sys.version_info[:2])
    python = own_environment.installed("eda", "ansible-rulebook (about 90 MB, once)", REQUIREMENTS, cache_dir, environment)
    return python.with_name("ansible-rulebook")
