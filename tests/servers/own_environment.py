# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments with the packages of one real server, each made once and apart from everything else."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

from tests.servers.machine import Unavailable

INSTALL_LIMIT_S = 900.0


def installed(name: str, title: str, requirements: pathlib.Path, cache_dir: pathlib.Path, environment: t.Mapping[str, str] | None = None) -> pathlib.Path:
    """The Python of an environment, which the first call makes. pip has the settings of the caller, or those in `environment`.

    :param name: the beginning of the folder's name.
    :param title: what is installed, and how large it is, for people who wait.
    :param cache_dir: a folder that lasts.
    :raises Unavailable: the packages cannot be installed.
    """
    venv = cache_dir / ("%s-py%d.%d" % (name, *sys.version_info[:2]))
    stamp = venv / "complete"
    wanted = hashlib.sha256(f"{venv} {sys.version} {requirements.read_text(encoding='utf-8')}".encode()).hexdigest()
    if _text(stamp) != wanted:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with open(cache_dir / f"{venv.name}.lock", "wb") as lock:
            # The kernel takes the lock back from a process that dies, so whoever has it may clear up after the dead.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _text(stamp) != wanted:
                _install(venv, title, requirements, os.environ if environment is None else environment)
                # Last of all: without it an environment counts for nothing.
                stamp.write_text(wanted, encoding="ascii")
    return venv / "bin" / "python"


def _install(venv: pathlib.Path, title: str, requirements: pathlib.Path, environment: t.Mapping[str, str]) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    print(f"==> installing {title}", flush=True)
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTHON")}
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    log_path = venv.with_name(venv.name + ".log")
    commands = (
        [sys.executable, "-m", "venv", str(venv)],
        [str(venv / "bin" / "python"), "-m", "pip", "install", "--no-input", "--only-binary", ":all:", "-r", str(requirements)],
    )
    with open(log_path, "wb") as log:
        for command in commands:
            try:
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, timeout=INSTALL_LIMIT_S, check=True)
            except (OSError, subprocess.SubprocessError) as error:
                shutil.rmtree(venv, ignore_errors=True)
                tail = " ".join(log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
                raise Unavailable(f"cannot be installed: {title} ({type(error).__name__}): {tail[-300:]} (the whole log: {log_path})") from error


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
