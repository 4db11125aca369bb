# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections awx.awx and kubernetes.core, out of the package `ansible`: a package index has nothing else that contains them."""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as t
import zipfile

from tests.servers.machine import Unavailable

REQUIREMENTS = pathlib.Path(__file__).resolve().parents[1] / "requirements" / "awx.txt"
FOLDERS = ("ansible_collections/awx/awx/", "ansible_collections/kubernetes/core/")
DOWNLOAD_LIMIT_S = 600.0


def installed(cache_dir: pathlib.Path, environment: t.Mapping[str, str] | None = None) -> pathlib.Path:
    """The folder for ANSIBLE_COLLECTIONS_PATH, which the first call makes.

    :param cache_dir: a folder that lasts.
    :param environment: with the settings of pip; default: the caller's.
    :raises Unavailable: the package cannot be downloaded.
    """
    (requirement,) = (line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    folder = cache_dir / ("collections-of-" + requirement.replace("==", "-"))
    if not folder.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        with open(cache_dir / "collections.lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                _install(folder, os.environ if environment is None else environment)
    return folder


def _install(folder: pathlib.Path, environment: t.Mapping[str, str]) -> None:
    print("==> downloading the package ansible for its collections awx.awx and kubernetes.core (about 54 MB, once)", flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        new = pathlib.Path(name)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--only-binary", ":all:", "-d", name, "-r", str(REQUIREMENTS)]
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
                timeout=DOWNLOAD_LIMIT_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            tail = str(getattr(error, "stderr", None) or error)[-300:]
            raise Unavailable(f"the collections awx.awx and kubernetes.core cannot be downloaded ({type(error).__name__}): {tail}") from error
        (wheel,) = new.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(new / "collections", [entry for entry in archive.namelist() if entry.startswith(FOLDERS)])
        # Renamed into place, so that there is never half of it.
        shutil.move(new / "collections", folder)
