# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs through whole playbooks: rotated, delivered, checked, and shown."""

from __future__ import annotations

import json

import pytest

from tests.doubles.milvus import MilvusDouble
from tests.integration.rotation import STEP_BY_STEP, Rotation, old_password

ACCOUNTS = ("app_a", "app_b")
NOW = {"rotate_force": True, "rotate_grace": "0s"}
DELIVER = [
    {
        "name": "Give the login to the application",
        "ansible.builtin.copy": {"content": "{{ lookup('rekey.passwords.login', item) | to_json }}", "dest": "{{ consumer }}", "mode": "0600"},
        "loop": "{{ rotate_deliver.users }}",
        "no_log": True,
        "failed_when": "consumer_down | default(false)",
    }
]


@pytest.fixture(name="double")
def _double():
    with MilvusDouble(users={name: old_password(name) for name in ACCOUNTS}) as running:
        yield running


@pytest.fixture(name="rotation")
def _rotation(ansible, double):
    tasks = ansible.inputs / "deliver.yml"
    tasks.write_text(json.dumps(DELIVER), encoding="utf-8")
    made = Rotation(ansible, {"milvus-1": double}, ACCOUNTS, rotate_deliver_tasks=str(tasks), consumer=str(ansible.inputs / "consumer.json"))
    made.variables["rotate_users"] = [{"name": "app", "accounts": made.variables["rotate_users"]}]
    yield made
    assert not ansible.leaks(made.secrets()), "a secret was printed or left on the disk"


def given(rotation):
    """What the application logs in with."""
    return json.loads((rotation.ansible.inputs / "consumer.json").read_text(encoding="utf-8"))


def works(double, login):
    """Whether the server accepts a login."""
    return double.users[login["username"]] == login["password"]


@pytest.mark.parametrize("steps", [{}, STEP_BY_STEP], ids=["one task", "step by step"])
def test_two_turns(rotation, double, steps):
    first = rotation.run(extra_vars=steps, verbosity=5)
    assert first.rc == 0 and "app: turned to app_b" in first.output and "app: delivered" in first.output, first.output
    in_use = given(rotation)
    assert in_use["username"] == "app_b" and works(double, in_use) and double.users["app_a"] == old_password("app_a")

    held = rotation.run(extra_vars=dict(steps, rotate_force=True))
    assert held.rc == 0 and "app: app_a was in use until" in held.output and given(rotation) == in_use, held.output

    second = rotation.run(extra_vars=dict(NOW, rotate_only="app", **steps))
    assert second.rc == 0 and given(rotation)["username"] == "app_a" and works(double, given(rotation)) and works(double, in_use), second.output


def test_a_delivery_that_failed_holds_up_the_next_turn_and_nothing_breaks(rotation, double):
    assert rotation.run().rc == 0
    in_use = given(rotation)
    failed = rotation.run(extra_vars=dict(NOW, consumer_down=True))
    # The file was written before the task failed; whichever of the two the application has works.
    assert failed.rc != 0 and works(double, in_use) and works(double, given(rotation)), failed.output
    passwords = dict(double.users)
    waiting = rotation.run(extra_vars=dict(NOW, consumer_down=True))
    assert waiting.rc != 0 and "have not been given app_a yet" in waiting.output and dict(double.users) == passwords, waiting.output
    assert rotation.run().rc == 0 and dict(double.users) == passwords
    assert rotation.run(extra_vars=NOW).rc == 0 and given(rotation)["username"] == "app_b" and works(double, given(rotation))


def test_status_verify_and_repair_know_pairs(rotation, double):
    assert rotation.run().rc == 0
    shown = rotation.run("rekey.passwords.status")
    assert shown.rc == 0 and "app: app_b is active; turned" in shown.output, shown.output
    assert rotation.run("rekey.passwords.verify").rc == 0
    double.users["app_b"] = "By-hand-S3cr3t-MARKER-1"
    assert rotation.run("rekey.passwords.verify").rc != 0
    accounts = [{"name": "app_a", "password": old_password("app_a")}, {"name": "app_b", "password": double.users["app_b"]}]
    repaired = rotation.run("rekey.passwords.repair", extra_vars={"rotate_repair_users": [{"name": "app", "accounts": accounts}]})
    assert repaired.rc == 0, repaired.output
    # The next run gives the application what the repair has found.
    assert rotation.run(extra_vars={"rotate_max_age": "1000d"}).rc == 0 and works(double, given(rotation))
    assert rotation.run("rekey.passwords.verify").rc == 0
