# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the shipped playbook as docs/how-to/scaling.md shows it: several ansible-runner processes, each on a slice of one inventory."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time

BIN = pathlib.Path(sys.executable).parent
PLAYBOOK = "rekey.passwords.rotate"


class Slices:
    """A folder for ansible-runner.

    :param folder: an empty folder.
    :param collections: the folder that holds ``ansible_collections``.
    :param inventory: a dict as in a YAML inventory; all hosts stand in ``all``.
    :param vault_password: that of the store.
    """

    def __init__(self, folder, collections, inventory, vault_password):
        self._folder = pathlib.Path(folder)
        self._hosts = len(inventory["all"]["hosts"])
        secret = self._folder / "vault_password"
        home = self._folder / "home"
        files = {
            "inventory/hosts.json": inventory,
            # One batch: what is measured is the slices, and not the canary of each.
            "env/extravars": {"rotate_serial": "100%"},
            "env/envvars": {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(home / ".ansible"), "ANSIBLE_PYTHON_INTERPRETER": sys.executable},
        }
        for name, content in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        secret.write_text(vault_password, encoding="utf-8")
        (self._folder / "env" / "cmdline").write_text("--vault-password-file %s" % secret, encoding="utf-8")
        (self._folder / "project").mkdir()
        home.mkdir()
        self._environment = {
            "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]), "HOME": str(home), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1",
        }  # fmt: skip

    def run(self, number, forks=20):
        """Run as many processes side by side, and wait for them.

        :param forks: of all processes together.
        :return: seconds.
        :raises RuntimeError: one failed.
        """
        started = time.monotonic()
        processes = [self._start(number, index, max(forks // number, 1)) for index in range(number)]
        failed = [name for name, process in processes if process.wait()]
        if failed:
            texts = [(self._folder / (name + ".txt")).read_text(encoding="utf-8", errors="replace")[-2000:] for name in failed]
            raise RuntimeError("\n".join(["ansible-runner failed: %s" % ", ".join(failed), *texts]))
        return time.monotonic() - started

    def _start(self, number, index, forks):
        first, last = (self._hosts * edge // number for edge in (index, index + 1))
        name = "%d-of-%d" % (index + 1, number)
        hosts = "all[%d:%d]" % (first, last - 1)
        command = [BIN / "ansible-runner", "run", self._folder, "-p", PLAYBOOK, "--ident", name, "--limit", hosts, "--forks", str(forks)]
        with open(self._folder / (name + ".txt"), "wb") as output:
            return name, subprocess.Popen(  # pylint: disable=consider-using-with
                command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )  # fmt: skip
