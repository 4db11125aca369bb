# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that are words of a result, or names: the result of a task is readable on every ansible-core, in process and shipped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.harness import Ansible
from tests.integration.rotation import old_password
from tests.vendor_cases import CASES

# Runs on every ansible-core that is there: each masks in a way of its own.
pytestmark = [pytest.mark.secrets]

CASE = CASES["milvus"]
NAME = "app-demo"
WORDS = ("changed", "password", "app-demo", "failed", "current_password_wrong", "verified")


@pytest.mark.parametrize("way", ["auto", "never"])
def test_edges_37_43_and_63_states_kinds_and_names_survive(ansible: Ansible, way: str) -> None:
    """Judged by tasks, since ansible-core 2.22 masks what is printed and handed to callbacks, and leaves the results as they are."""
    with CASE.double({NAME: old_password(NAME)}) as double:

        def tasks(title: str, conditions: list[str], **user: Any) -> list[dict[str, Any]]:
            options = dict(CASE.connection(double), users=[dict({"name": NAME}, **user)])
            judged = ["result.users[0].name == '%s'" % user.get("name", NAME), *conditions]
            return [
                {"name": title, CASE.module: options, "ignore_errors": True, "register": "result", "vars": {"rekey_in_process": way}},
                {"name": title + ": judge", "ansible.builtin.assert": {"that": judged}},
            ]

        wanted, current = [], old_password(NAME)
        for word in WORDS:
            text = "result.users[0].error.message is search('The current password is wrong')"
            kind = "result.users[0].error.kind == 'current_password_wrong' and result.users[0].state == 'failed'"
            wanted += tasks("wrong " + word, [kind, text], password="Some-0ther-1", current_password=word)
            wanted += tasks("set " + word, ["result.users[0].state == 'changed'", "result.users[0].verified"], password=word, current_password=current)
            current = word
        nobody = ["result.users[0].error.kind == 'user_not_found'", "result.msg is search('User nobody-demo does not exist on this server')"]
        wanted += tasks("nobody", nobody, name="nobody-demo", password="demo-there-is-no")
        run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": wanted}])
        assert run.rc == 0, run.output
