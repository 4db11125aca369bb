# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GnuPG with keys of its own, and password stores for them. The programs are those of the machine (Debian: pass, gnupg, git)."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as t

from tests.servers.machine import Unavailable

PROGRAMS = ("pass", "gpg", "gpgconf", "git")
PACKAGES = ("pass", "gnupg", "git")
LIMIT_S = 60.0


def programs() -> None:
    """Raise Unavailable where something is missing."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        raise Unavailable(f"not installed: {', '.join(missing)} (Debian: apt-get install {' '.join(PACKAGES)})")


class GnuPG:
    """A folder of keys that ends with its agent: `with GnuPG() as gnupg: gnupg.make_key("a@rekey.invalid")`."""

    def __init__(self) -> None:
        programs()
        # The path of the agent's socket may have 107 bytes only, so not in the folder of the test.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="rekey-gpg-"))
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "GNUPGHOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def __enter__(self) -> GnuPG:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.end_agent()
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, *command: str, text: str | None = None, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """One program, with the keys and nothing of the caller's environment."""
        # Its input is closed and not a terminal: nothing here may ask.
        given: dict[str, t.Any] = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
        return subprocess.run(command, env={**self.environment, **environment}, capture_output=True, text=True, timeout=LIMIT_S, check=check, **given)

    def make_key(self, name: str, phrase: str = "", expires: str = "never") -> None:
        """A pair of keys; the pass phrase is forgotten at once."""
        self.run(
            "gpg",
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase-fd",
            "0",
            "--quick-generate-key",
            name,
            "future-default",
            "default",
            expires,
            text=phrase + "\n",
        )
        # Else the first programs that use it do so, and several at a time can damage the database.
        self.run("gpg", "--batch", "--quiet", "--check-trustdb")
        if phrase:
            self.end_agent()

    def end_agent(self) -> None:
        """The agent of this folder, and no other."""
        self.run("gpgconf", "--kill", "all", check=False)

    def init(self, directory: pathlib.Path, *keys: str, git: bool = False) -> None:
        """A password store, as its owner makes one."""
        self.run("pass", "init", *keys, PASSWORD_STORE_DIR=str(directory))
        if git:
            self.run("pass", "git", "init", "--quiet", PASSWORD_STORE_DIR=str(directory))
            for name, value in (("user.name", "Owner"), ("user.email", "owner@rekey.invalid")):
                self.run("pass", "git", "config", name, value, PASSWORD_STORE_DIR=str(directory))
            # pass could not commit what was there before it had a name.
            self.run("pass", "git", "add", "--all", PASSWORD_STORE_DIR=str(directory))
            self.run("pass", "git", "commit", "--quiet", "--message", "The store.", PASSWORD_STORE_DIR=str(directory))

    def show(self, directory: pathlib.Path, name: str) -> str:
        """An entry by pass itself."""
        return self.run("pass", "show", name, PASSWORD_STORE_DIR=str(directory)).stdout
