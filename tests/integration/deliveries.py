# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries under test: a rotation of Milvus, and the ready-made task files after it."""

from __future__ import annotations

import re

import yaml

from tests.integration.harness import HERE
from tests.integration.rotation import Rotation

ENDPOINT, CONSUMER = "milvus-1", "app1"
PAGE = HERE.parents[1] / "docs" / "reference" / "deliveries.md"


def documented(variable, replaced):
    """A variable as the page on deliveries has it.

    :param replaced: what takes the place of which texts of the page.
    """
    (block,) = re.findall(r"^```yaml\n#.*\n(%s:\n.*?)^```$" % variable, PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for text, other in replaced.items():
        assert text in block, text
        block = block.replace(text, other)
    return yaml.safe_load(block)[variable]


def deliver(kind, users, **keywords):
    """A task that includes a ready-made task file, as the role does after its commit."""
    include = {"name": "rekey.passwords.rotate", "tasks_from": "deliver/" + kind}
    return {"name": "Deliver", "ansible.builtin.include_role": include, "vars": {"rotate_deliver": {"users": list(users)}}, **keywords}


class Delivered:
    """A rotation whose consumers are on another host, which is this machine under another name."""

    def __init__(self, ansible, double, users, **variables):
        self.rotation = Rotation(ansible, {ENDPOINT: double}, users, **variables)
        # Without a connection of its own, as most hosts: see `transport` below.
        self.rotation.hosts[CONSUMER] = {}
        self.recorded = ansible.shared / "recorded"
        self.env = {
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
            "ANSIBLE_TRANSPORT": "recorded",
            "REKEY_RECORDED": str(self.recorded),
            "ANSIBLE_PIPELINING": "1",
        }

    def run(self, kind, users, rotate=True, env=None, **options):
        """Rotate, and deliver in one way."""
        roles = [{"role": "rekey.passwords.rotate"}] if rotate else []
        # As the playbook `rotate` has it.
        play = {"hosts": ENDPOINT, "connection": "local", "gather_facts": False, "become": False, "ignore_unreachable": True, "roles": roles}
        play["tasks"] = [deliver(kind, users)]
        return self.rotation.run([play], env={**self.env, **(env or {})}, **options)

    def password(self, user):
        """The current password in the store."""
        return self.rotation.records(ENDPOINT)[user]["password"]

    def hosts(self):
        """The hosts that were asked to do something."""
        return set(self.recorded.read_text(encoding="utf-8").split()) if self.recorded.exists() else set()
