# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths, and the environment in which the tools run."""

from __future__ import annotations

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
NAMESPACE, NAME = "rekey", "passwords"
# ansible-test, and the imports in the tests, require exactly this path.
STAGED = BUILD / "ansible_collections" / NAMESPACE / NAME
TOOL_HOME = BUILD / "home"
LOGS = BUILD / "logs"
ARTEFACTS = BUILD / "artefacts"
REQUIREMENTS = ROOT / "tests" / "requirements"
MAIN_VENV = ROOT / ".venv"

# The prefixes of each vendor's variables, read from the files, since this runs before anything is installed.
VENDOR_PREFIXES = sorted(
    name
    for path in (ROOT / "plugins" / "module_utils" / "_vendors").glob("*.py")
    for name in re.findall(r"""^    env_prefix = "(\w+)"$""", path.read_text(encoding="utf-8"), re.MULTILINE)
)
# A developer's own settings must not change the outcome of a check, or lead a test to a real server or store.
FOREIGN_PREFIXES = (
    *VENDOR_PREFIXES, "ANSIBLE", "AWS", "BAO", "CONTROLLER", "MOLECULE", "OS", "PASSWORD_STORE", "PYTEST", "REKEY_ANSIBLE_VAULT",
    "REKEY_PASSWORDSTORE", "TOWER", "VAULT",
)  # fmt: skip
FOREIGN_VARIABLES = re.compile(r"^((%s)_|(GNUPGHOME|PYTHONHOME|PYTHONPATH|VIRTUAL_ENV)$)" % "|".join(FOREIGN_PREFIXES))


def base_environment() -> dict[str, str]:
    """Return the caller's environment without what would change the outcome. The home folder stays, and with it pip's configuration."""
    environment = {name: value for name, value in os.environ.items() if not FOREIGN_VARIABLES.match(name)}
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def tool_environment(venv: pathlib.Path = MAIN_VENV) -> dict[str, str]:
    """Return the environment of every tool except pip: it writes nothing outside the checkout, and uses no proxy for simulators."""
    environment = {name: value for name, value in base_environment().items() if not name.startswith("XDG_")}
    # Without cached bytecode, collecting thousands of tests takes three times as long.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.update(
        ANSIBLE_COLLECTIONS_PATH=str(BUILD),
        ANSIBLE_HOME=str(TOOL_HOME / ".ansible"),
        # In a module, `~` is the home folder of the passwd entry, whatever HOME says.
        ANSIBLE_REMOTE_TEMP=str(TOOL_HOME / ".ansible" / "tmp"),
        HOME=str(TOOL_HOME),
        # Ansible refuses locales other than UTF-8, and a minimal Debian sets none.
        LC_ALL="C.UTF-8",
        NO_COLOR="1",
        PATH=os.pathsep.join([str(venv / "bin"), *_usable_path_entries()]),
        VIRTUAL_ENV=str(venv),
    )
    for name in ("no_proxy", "NO_PROXY"):
        environment[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1", "localhost", "::1"]))
    return environment


def _usable_path_entries() -> list[str]:
    # A pyenv shim exits with 127 for each Python version that is not selected, which ends `ansible-test sanity`.
    return [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry and not entry.rstrip("/").endswith("/shims")]


def shown(path: pathlib.Path) -> str:
    """Return a path relative to the checkout, if it is in it."""
    try:
        return str(path.relative_to(ROOT))
    except ValueError:
        return str(path)
