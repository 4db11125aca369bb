# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find working Python interpreters."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

# tests/requirements/ has an ansible-core for each of these.
SUPPORTED = ("3.11", "3.12", "3.13")
PROBE = "import sys, venv, ensurepip, ssl; print('%d.%d' % sys.version_info[:2])"


def running_version() -> str:
    """Return the version of the Python that runs this."""
    return "%d.%d" % sys.version_info[:2]


def for_the_main_environment() -> tuple[pathlib.Path, str]:
    """Return the caller's Python if it is supported, else the oldest supported one that is found."""
    for version, path in [(running_version(), sys.executable), *((version, find(version)) for version in SUPPORTED)]:
        if version in SUPPORTED and path and _answers(path, version):
            return pathlib.Path(path), version
    raise SystemExit(
        "No usable Python was found. Install one of %s, with its venv module (on Debian: apt-get install python3 python3-venv)." % ", ".join(SUPPORTED)
    )


def find(version: str) -> pathlib.Path | None:
    """Return a working interpreter of a version, or None. A pyenv shim of a version that is not selected does not work."""
    for candidate in _candidates(version):
        if _answers(candidate, version):
            return candidate
    return None


def _candidates(version: str) -> Iterator[pathlib.Path]:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if folder:
            yield pathlib.Path(folder) / f"python{version}"
    for pyenv in (os.environ.get("PYENV_ROOT"), "~/.pyenv"):
        if pyenv:
            yield from sorted(pathlib.Path(pyenv).expanduser().glob(f"versions/{version}*/bin/python{version}"), reverse=True)


def _answers(candidate: str | pathlib.Path, version: str) -> bool:
    if not os.access(candidate, os.X_OK):
        return False
    try:
        # A free-threaded or embedded build without venv or ssl would fail later, and less clearly.
        answer = subprocess.run([str(candidate), "-c", PROBE], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == version
