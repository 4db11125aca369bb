# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install the archive into an empty path; check its documentation and its role, and make an ad-hoc call to a simulator."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.tools import build, layout, venvs

INSTALLED = layout.BUILD / "installed"
MODULE = "rekey.passwords.milvus_user_password"
OLD, NEW = "Old-password-of-alice-1", "New-password-of-alice-2"


def main() -> int:
    """Return 0 if a user with nothing but the archive can change a password."""
    shutil.rmtree(INSTALLED, ignore_errors=True)
    INSTALLED.mkdir(parents=True)
    environment = layout.tool_environment()
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(INSTALLED)
    run(["ansible-galaxy", "collection", "install", str(build.archive()), "--offline", "-p", str(INSTALLED)], environment)
    run(["ansible-doc", MODULE], environment, quiet=True)
    run(["ansible-playbook", "--syntax-check", "-i", "localhost,", "rekey.passwords.rotate"], environment)
    with double() as url:
        # Secrets come from the environment: everyone can read the arguments of a process.
        environment.update(MILVUS_URL=url, OLD_PASSWORD=OLD, NEW_PASSWORD=NEW)
        arguments = "name=alice current_password={{ lookup('env', 'OLD_PASSWORD') }} password={{ lookup('env', 'NEW_PASSWORD') }}"
        for expected in ("CHANGED", "SUCCESS"):
            output = run(["ansible", "localhost", "-m", MODULE, "-a", arguments], environment, cwd=INSTALLED)
            if f"localhost | {expected} =>" not in output:
                raise SystemExit(f"the ad-hoc call did not report {expected}")
            if OLD in output or NEW in output:
                raise SystemExit("the ad-hoc call printed a password")
    return 0


def run(command: list[str], environment: dict[str, str], *, quiet: bool = False, cwd: pathlib.Path = layout.STAGED) -> str:
    """Run a command, show its output, and exit if it failed."""
    print("$", *command, flush=True)
    command = [venvs.executable(layout.MAIN_VENV, command[0]), *command[1:]]
    result = subprocess.run(command, env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode or not quiet:
        print(result.stdout, flush=True)
    if result.returncode:
        raise SystemExit(f"exit status {result.returncode}")
    return result.stdout


@contextlib.contextmanager
def double() -> Iterator[str]:
    """Run the vendor's simulator with one user, and yield its URL."""
    ready = layout.BUILD / "install-check-double.json"
    ready.unlink(missing_ok=True)
    command = [venvs.executable(layout.MAIN_VENV, "python"), "-m", "tests.doubles", "milvus", "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen([*command, "--user", f"alice:{OLD}"], cwd=layout.STAGED, env=layout.tool_environment())
    try:
        yield wait_for(ready, process)
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_for(ready: pathlib.Path, process: subprocess.Popen[bytes]) -> str:
    """The URL that the double writes as soon as it listens."""
    for _attempt in range(100):
        if process.poll() is not None:
            raise SystemExit(f"the simulator ended with exit status {process.returncode}")
        with contextlib.suppress(OSError, ValueError):
            return str(json.loads(ready.read_text(encoding="utf-8"))["url"])
        time.sleep(0.1)
    raise SystemExit("the simulator was not ready after 10 s")


if __name__ == "__main__":
    sys.exit(main())
