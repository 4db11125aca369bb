# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create virtual environments, and recreate them only when their requirements change."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import typing

from tests.tools import layout, locks, pip_settings

# Download sizes to print; measured and rounded up.
SIZES = {"demo": "about 10 MB", "checks": "about 160 MB", "core": "about 20 MB", "bench": "about 35 MB"}


def ensure(venv: pathlib.Path, requirements: str, python: pathlib.Path, version: str) -> None:
    """Install tests/requirements/<requirements>.txt into `venv`, unless that has been done."""
    with locks.exclusive(venv.name):
        _ensure_locked(venv, requirements, python, version)


def _ensure_locked(venv: pathlib.Path, requirements: str, python: pathlib.Path, version: str) -> None:
    stamp = venv / f".{requirements}.stamp"
    fitting = [other for other in venv.glob(".*.stamp") if other.read_text(encoding="utf-8") == _fingerprint(venv, other.name[1:-6], version)]
    alive = os.access(executable(venv, "python"), os.X_OK)
    if alive and stamp in fitting:
        return
    if os.path.lexists(venv) and not (alive and fitting):
        # Made for other requirements, by another Python, at another path, or never completed: start again.
        print(f"==> Removing {layout.shown(venv)}, which no longer fits its requirements", flush=True)
        shutil.rmtree(venv)
    log = layout.LOGS / f"install-{venv.name.lstrip('.')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as output:
        if not venv.exists():
            _run([str(python), "-m", "venv", str(venv)], f"Creating {layout.shown(venv)} with Python {version}", output, layout.base_environment())
        command = [executable(venv, "python"), "-m", "pip", "install", "-r", str(layout.REQUIREMENTS / f"{requirements}.txt")]
        size = SIZES.get(requirements.partition("-")[0], "packages")
        _run(command, f"Installing tests/requirements/{requirements}.txt into {layout.shown(venv)} (downloads {size}, once)", output, _pip_environment(venv))
    for name in [requirements, *_included(requirements)]:
        (venv / f".{name}.stamp").write_text(_fingerprint(venv, name, version), encoding="utf-8")


def _fingerprint(venv: pathlib.Path, requirements: str, version: str) -> str:
    digest = hashlib.sha256(f"{venv} {version}\n".encode())
    for name in [requirements, *_included(requirements)]:
        digest.update(_text(name).encode())
    return digest.hexdigest()


def _included(requirements: str) -> list[str]:
    direct = re.findall(r"^-r +(\S+)\.txt$", _text(requirements), re.MULTILINE)
    return [name for included in direct for name in (included, *_included(included))]


def _text(requirements: str) -> str:
    path = layout.REQUIREMENTS / f"{requirements}.txt"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _pip_environment(venv: pathlib.Path) -> dict[str, str]:
    environment = layout.base_environment()
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    if not pip_settings.cache_is_chosen(executable(venv, "python")):
        environment["PIP_CACHE_DIR"] = str(layout.TOOL_HOME / ".cache" / "pip")
    return environment


def _run(command: list[str], title: str, output: typing.TextIO, environment: dict[str, str]) -> None:
    print(f"==> {title}", flush=True)
    started = time.monotonic()
    output.write(f"$ {' '.join(command)}\n")
    output.flush()
    done = threading.Event()
    threading.Thread(target=_say_that_it_lives, args=(done, started), daemon=True).start()
    try:
        status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=layout.ROOT, check=False).returncode
    finally:
        done.set()
    if status:
        tail = pathlib.Path(output.name).read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        raise SystemExit("\n".join([*tail, f"FAILED: {title}. The whole log: {layout.shown(pathlib.Path(output.name))}"]))
    print(f"    done in {time.monotonic() - started:.0f} s", flush=True)


def _say_that_it_lives(done: threading.Event, started: float) -> None:
    while not done.wait(15):
        print(f"    still running after {time.monotonic() - started:.0f} s", flush=True)


def executable(venv: pathlib.Path, name: str) -> str:
    """Return the path of a program in the environment."""
    return os.fspath(venv / "bin" / name)
