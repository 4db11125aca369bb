# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured against: a double in a process of its own, and real Ansible without the settings of whoever runs this."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import requests

from benchmarks.measure import measured

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
COLLECTIONS = ROOT.parents[2]
BIN = pathlib.Path(sys.executable).parent
OPERATOR = {"api_user": "root", "api_password": "Milvus"}
VAULT_PASSWORD = "the vault password of the benchmark"


class Double:
    """A double of Milvus in another process, so that it does not share Python's one lock with what is measured."""

    def __init__(self, url):
        self.url = url
        self._users = {}

    def reset(self, users):
        """Let there be these users, names to passwords, besides the operator, and forget all requests."""
        self._order("reset", {})
        self._order("users", {"set": users, "remove": [name for name in self._users if name not in users]})
        self._users = users

    def require(self, writes):
        """Make sure that a run did what it is measured for.

        :raises RuntimeError: it sent more or fewer writes.
        """
        found = requests.get(self.url + "/_double/state", timeout=60).json()["writes"]
        if found != writes:
            raise RuntimeError("%d writes came, there should be %d" % (found, writes))

    def _order(self, what, body):
        requests.post(self.url + "/_double/" + what, json=body, timeout=60).raise_for_status()


class Setting:
    """A folder for everything that the runs leave behind.

    :param folder: an empty folder.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._runs = 0
        home = self.folder / "home"
        home.mkdir()
        configuration = self.folder / "ansible.cfg"
        configuration.write_text("[defaults]\n", encoding="utf-8")
        self._vault = self.folder / "vault_password"
        self._vault.write_text(VAULT_PASSWORD, encoding="utf-8")
        self._environment = {
            "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]), "HOME": str(home), "LC_ALL": "C.UTF-8",
            "ANSIBLE_ACTION_PLUGINS": str(HERE / "action_plugins"), "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_CONFIG": str(configuration), "ANSIBLE_HOME": str(home / ".ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_NOCOLOR": "1",
            # Without them each module of the other side would be slower still.
            "ANSIBLE_PIPELINING": "1", "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "ANSIBLE_REMOTE_TEMP": str(home / "tmp"),
        }  # fmt: skip

    @contextlib.contextmanager
    def double(self, latency=0):
        """A :class:`Double` each of whose answers takes ``latency`` milliseconds."""
        ready = self.folder / ("double-%d.json" % latency)
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.doubles", "milvus", "--ready-file", str(ready), "--latency", str(latency)]
        with subprocess.Popen(command, cwd=ROOT) as process:
            try:
                while not ready.exists():
                    if process.poll() is not None:
                        raise RuntimeError("the double did not start")
                    time.sleep(0.02)
                yield Double(json.loads(ready.read_text(encoding="utf-8"))["url"])
            finally:
                process.send_signal(signal.SIGTERM)

    def playbook(self, name, double=None, hosts=1, users=1, memory=False):
        """Measure a playbook of this folder, with fresh users at a fresh store.

        :param double: what it talks to; ``None`` for nothing.
        :param hosts: how many hosts, all of them at the same double.
        :param users: how many users each host has.
        :return: a :class:`~benchmarks.measure.Measured`.
        """
        path = self._path("inventory.json")
        path.write_text(json.dumps(self.inventory(double, hosts, users, of_role=name == "role")), encoding="utf-8")
        command = [BIN / "ansible-playbook", "-i", path, "--vault-password-file", self._vault, HERE / "playbooks" / (name + ".yml")]
        found = self.run(command, memory)
        if double:
            double.require(hosts * users)
        return found

    def inventory(self, double, hosts, users=1, of_role=True):
        """An inventory of fresh users with a fresh store; the double gets the same users.

        :param of_role: it is for the role; the other playbooks tell the new passwords, too.
        """
        people = {"host-%d" % host: ["user_%d_%d" % (host, number) for number in range(users)] for host in range(hosts)}
        if double:
            double.reset({name: _old(name) for names in people.values() for name in names})
        hosts = {host: {"rotate_users": _told(names, new=False)} if of_role else {"users": _told(names)} for host, names in people.items()}
        variables = {
            "server": double.url if double else None, "operator": OPERATOR, "rotate_vendor": "milvus", "rotate_store_path": str(self._path("store")),
            "rotate_store_create": True,
            "rotate_connection": {"url": "{{ server }}", **OPERATOR},
        }  # fmt: skip
        return {"all": {"hosts": hosts, "vars": variables}}

    def adhoc(self, module, arguments):
        """Measure one call of a module."""
        return self.run([BIN / "ansible", "localhost", "-m", module, "-a", json.dumps(arguments)])

    def script(self, double, users, concurrency):
        """Measure the plain script with as many users."""
        names = ["user_%d" % number for number in range(users)]
        path = self._path("users.json")
        path.write_text(json.dumps({"url": double.url, "concurrency": concurrency, "users": _told(names), **OPERATOR}), encoding="utf-8")
        double.reset({name: _old(name) for name in names})
        found = self.run([sys.executable, HERE / "plain_script.py", path])
        double.require(users)
        return found

    def run(self, command, memory=False):
        """Measure any command."""
        return measured(command, self._environment, self.folder, self._path("output.txt"), memory)

    def _path(self, name):
        self._runs += 1
        return self.folder / ("%d-%s" % (self._runs, name))


def _old(name):
    return "Old-password-of-" + name


def _told(names, new=True):
    """The option ``users``."""
    return [{"name": name, "current_password": _old(name), **({"password": "New-password-of-" + name} if new else {})} for name in names]
