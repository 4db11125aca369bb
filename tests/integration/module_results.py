# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tasks with a vendor's module, and reads what they tell of their users."""

from __future__ import annotations


def play(*tasks, **options):
    """One play on localhost."""
    return {"hosts": "localhost", "gather_facts": False, "tasks": list(tasks), **options}


def run_tasks(ansible, *tasks, **options):
    """Run tasks in one play on localhost."""
    run = ansible.playbook([play(*tasks)], **options)
    assert run.rc == 0, run.output
    return run


def told(run, title):
    """What a task says of its users, in its order: ``(name, state, verified, kind of error)``."""
    return [(user["name"], user["state"], user["verified"], user["error"] and user["error"]["kind"]) for user in run.result(title)["users"]]


def only(run, title):
    """What a task says of its one user: ``(state, verified, kind of error)``."""
    (user,) = told(run, title)
    return user[1:]
