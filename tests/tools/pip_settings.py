# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pip's settings, for the one tool that hides them: ansible-test starts pip with another home folder and without the environment."""

from __future__ import annotations

import ast
import contextlib
import os
import pathlib
import subprocess
from collections.abc import Iterator

from tests.tools import layout

# The rest of pip's environment has no meaning in a configuration file, or would break an installation into a virtual environment.
LEFT_OUT = {"config-file", "user", "target", "prefix", "root", "require-virtualenv", "log"}


def effective(python: str) -> dict[str, dict[str, str]]:
    """What that Python's pip would use here, as {section: {option: value}}; an environment variable stands in the section `:env:`."""
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
    """Whether somebody decided where pip's cache lies; else it goes into the checkout."""
    return any("cache-dir" in options or "no-cache-dir" in options for options in effective(python).values())


@contextlib.contextmanager
def lent_to(home: pathlib.Path, python: str) -> Iterator[None]:
    """While the block runs, pip finds the same settings in another home folder. They may hold a credential, so the file goes afterwards."""
    sections = effective(python)
    from_environment = sections.pop(":env:", {})
    for name, option in (("REQUESTS_CA_BUNDLE", "cert"), ("https_proxy", "proxy"), ("HTTPS_PROXY", "proxy")):
        if os.environ.get(name):
            from_environment.setdefault(option, os.environ[name])
    sections.setdefault("global", {})
    for options in sections.values():
        # In pip a variable beats every section of the file.
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
