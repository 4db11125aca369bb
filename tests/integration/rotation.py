# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation under test: an inventory of doubles, the shipped playbook, and a look into the store."""

from __future__ import annotations

import json
import pathlib

from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record

from tests.vendor_cases import CASES

VAULT_PASSWORD = "S3cr3t-MARKER-vault-password"
PLAYBOOK = "rekey.passwords.rotate"
ROTATE = "Rotate the passwords that are due"
STAGE = "Store new passwords for the users that are due"
CHANGE = "Change the passwords at the vendor"
COMMIT = "Update the store with the outcome"
REPORT = "Show the summary"
STEP_BY_STEP = {"rotate_change_tasks": "change.yml"}  # variables with which each step is a task of its own, the vendor's module among them


def old_password(name):
    """The password of a user before its first rotation: an unmistakable marker, with characters that get escaped."""
    return "Old-S3cr3t-MARKER \"%s'&<ü" % name


class Rotation:
    """The role on some servers of one vendor.

    :param ansible: the fixture of that name.
    :param servers: host names to servers with a ``url``; every user of theirs has :func:`old_password`, the operator of Milvus has ``Milvus``.
    :param users: names of the users to rotate at each host.
    :param stand: the vendor, if it is another than Milvus; it tells how to connect to a server.
    :param connection: options of the connection besides.
    :param variables: further variables of all hosts, ``rotate_*`` among them.
    """

    def __init__(self, ansible, servers, users, case=None, connection=None, **variables):
        self.ansible = ansible
        self.case = case or CASES["milvus"]
        self.store = pathlib.Path(ansible.shared) / "store"
        self.users = users
        self.variables = {
            "rotate_vendor": self.case.vendor,
            "rotate_store_path": str(self.store),
            "rotate_store_create": True,
            "rotate_connection": {"url": "{{ server_url }}", "api_user": "root", "api_password": "Milvus", "timeout": 5, "retries": 1},
            "rotate_users": [{"name": name, "current_password": old_password(name)} for name in users],
        }
        self.variables.update(variables)
        self.hosts = {name: {"server_url": server.url} for name, server in servers.items()}
        if case:
            for name, server in servers.items():
                self.hosts[name]["rotate_connection"] = dict({"timeout": 5, "retries": 1}, **case.connection(server), **(connection or {}))

    def _options(self, options):
        inventory = {"all": {"hosts": self.hosts, "vars": self.variables}}
        return {"inventory": inventory, "vault_password": VAULT_PASSWORD, **options}

    def run(self, plays=PLAYBOOK, **options):
        """Run to the end; the options are those of the harness."""
        return self.ansible.playbook(plays, **self._options(options))

    def start(self, plays=PLAYBOOK, **options):
        """Start, and return at once."""
        return self.ansible.start_playbook(plays, **self._options(options))

    def records(self, host=None):
        """What the store holds of a host (default: the first), by user; an empty dict if there is no file."""
        host = host or next(iter(self.hosts))
        path = self.store / (host + ".rekey.txt")
        if not path.exists():
            return {}
        vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])
        stored = json.loads(vault.decrypt(path.read_bytes()).partition(b"\n")[2])["users"]
        return {name: Record.from_dict(record).as_dict() for name, record in stored.items()}

    def secrets(self):
        """Every password of this rotation, old and new."""
        found = {VAULT_PASSWORD} | {old_password(name) for name in self.users}
        for host in self.hosts:
            for record in self.records(host).values():
                found |= {record["password"], record["previous"], *((record["pending"] or {}).get(key) for key in ("password", "replaces"))}
        found.update(self.case.secrets)
        # "Milvus" is too common a word to be searched for.
        return {secret for secret in found if secret and secret != "Milvus"}


def changed(run):
    """The numbers of changes that the recap tells, by host."""
    return {host: counts["changed"] for host, counts in run.stats.items()}
