# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ansible-test sanity in the staged copy, with no network access except to a package index."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import types

from tests.tools import interpreters, layout, locks, pip_settings

# A substitute for the script that ansible-test downloads from its own server to install pip. It installs the same version from a wheel.
STAND_IN = '''\
"""Installs pip {version} from the wheel beside it."""
import pathlib
import sys

wheel = str(pathlib.Path(__file__).parent / {wheel!r})
sys.path.insert(0, wheel)
from pip._internal.cli.main import main

sys.exit(main(["install", "--no-index", "--no-deps", "--disable-pip-version-check", wheel]))
'''


def main(*options: str) -> int:
    """Return the exit status of ansible-test, or 1 if it checked nothing.

    :param options: further options of ``ansible-test sanity``.
    """
    # The ansible-test of the current environment.
    venv = pathlib.Path(sys.prefix)
    with pip_settings.lent_to(layout.TOOL_HOME, sys.executable):
        provide_pip()
        command = [str(venv / "bin" / "ansible-test"), "sanity", "--color", "no", "--python", interpreters.running_version(), *options]
        # Two of them at a time would make the same environments, and one would find those of the other half done.
        with locks.exclusive("sanity"):
            subprocess.run([*command, "--prime-venvs"], cwd=layout.STAGED, env=layout.tool_environment(venv), stdout=subprocess.DEVNULL, check=False)
        print("$", " ".join(command), flush=True)
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, cwd=layout.STAGED, env=layout.tool_environment(venv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        looked = True
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            # It exits with 0 even if git lists no file.
            looked = looked and "All targets skipped" not in line
        status = process.wait()
    if not looked:
        print("ansible-test found nothing to check. Does git list the files of the staged copy? Run `make clean`, then try again.")
    return status or int(not looked)


def provide_pip() -> None:
    """Put the substitute where ansible-test looks before it downloads."""
    from ansible_test._internal import python_requirements  # pylint: disable=import-outside-toplevel,import-error

    version = python_requirements.get_venv_packages(types.SimpleNamespace(version=interpreters.running_version()))["pip"]
    cache = layout.TOOL_HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    wheel = cache / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(cache), f"pip=={version}"]
        subprocess.run(command, env=layout.base_environment(), check=True)
    script = pathlib.Path(cache / f"get_pip_{version.replace('.', '_')}.py")
    script.write_text(STAND_IN.format(version=version, wheel=wheel.name), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
