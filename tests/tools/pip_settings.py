# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pass pip's settings on to ansible-test, which starts pip with another home folder and without the caller's environment."""

from __future__ import annotations

import ast
import contextlib
import os
import pathlib
import subprocess
from collections.abc import Iterator

from tests.tools import layout

# These have no meaning in a configuration file, or would break an installation into a virtual environment.
LEFT_OUT = {"config-file", "user", "target", "prefix", "root", "require-virtualenv", "log"}


def effective(python: str) -> dict[str, dict[str, str]]:
    """Return the settings of a Python's pip as {section: {option: value}}; environment variables are in the section `:env:`."""
    listing = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, env=layout.base_environment(), check=False).stdout
    sections: dict[str, dict[str, str]] = {}
    for line in listing.splitlines():
        name, equals, value = line.partition("=")
        section, dot, option = name.rpartition(".")
        if not (equals and dot):
            continue
        with contextlib.suppress(SyntaxError, ValueError):
            sections.setdefault(section, {})[option] = str(ast.literal_eval(value))
    return sections


def cache_is_chosen(python: str) -> bool:
    """Whether the caller has set pip's cache folder; by default it is in the checkout."""
    return any("cache-dir" in options or "no-cache-dir" in options for options in effective(python).values())


@contextlib.contextmanager
def lent_to(home: pathlib.Path, python: str) -> Iterator[None]:
    """Copy the settings to another home folder while the block runs. They may contain a credential, so the file is deleted afterwards."""
    sections = effective(python)
    from_environment = sections.pop(":env:", {})
    for name, option in (("REQUESTS_CA_BUNDLE", "cert"), ("https_proxy", "proxy"), ("HTTPS_PROXY", "proxy")):
        if os.environ.get(name):
            from_environment.setdefault(option, os.environ[name])
    sections.setdefault("global", {})
    for options in sections.values():
        # In pip an environment variable takes precedence over every section of the file.
        options.update(from_environment)
    path = home / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        for section, options in sections.items():
            file.write(f"[{section}]\n")
            for option, value in options.items():
                if option not in LEFT_OUT:
                    file.write(f"{option} = {value.replace(chr(10), chr(10) + '  ')}\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
