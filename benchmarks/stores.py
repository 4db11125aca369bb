# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage and commit for many users on one host, in each store; the store's server, if it has one, runs in another process."""

from __future__ import annotations

import contextlib
import multiprocessing
import pathlib
import resource
import tempfile
import time

from benchmarks.comparison import Goal, Row, Section, in_turns
from benchmarks.measure import Measured

EMBEDDED = "ansible_vault"
SECONDS = 2.0


def measure(setting, sizes):
    """The section."""
    # Not before it is needed: they import the collection.
    from tests.store_cases import CASES  # pylint: disable=import-outside-toplevel

    users = sizes["users"]
    rows = {name: Row("%s: stage and commit" % name, users) for name in CASES}
    with contextlib.ExitStack() as stack:
        options = {name: stack.enter_context(_served(case, setting.folder)) for name, case in CASES.items()}
        # Each round has a host of its own, so that all begin with nothing.
        numbers = iter(range(1000))
        turns = [(rows[name], lambda name=name: _rotated(CASES[name].name, options[name], "host-%d" % next(numbers), users)) for name in CASES]
        in_turns(turns, sizes["rounds"])
    goals = [Goal("%s, in seconds" % EMBEDDED, rows[EMBEDDED].median(), SECONDS, unit="s")]
    return Section("Stores: %d users at one host" % users, list(rows.values()), goals)


@contextlib.contextmanager
def _served(case, folder):
    """The options of a store whose server runs in another process."""
    ours, theirs = multiprocessing.Pipe()
    folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(case, folder, theirs))
    process.start()
    try:
        if not ours.poll(60):
            raise RuntimeError("the store did not start")
        yield ours.recv()
    finally:
        ours.send("end")
        process.join()


def _serve(case, folder, pipe):
    with case(folder) as running:
        pipe.send(dict(running.options, environment=running.environment))
        pipe.recv()


def _rotated(store, options, host, users):
    """The two actions of the role that use the store, as Ansible runs them, with a change in between that costs nothing."""
    from ansible_collections.rekey.passwords.plugins.action import rotation_commit, rotation_stage

    from tests.unit.plugins.rotation_doubles import run_action

    given = {"store": store, "store_path": options["store_path"], "store_options": options["store_options"], "store_create": True}
    wall, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    names = ["user_%d" % number for number in range(users)]
    staged = run_action(rotation_stage.ActionModule, dict(given, vendor="milvus", users=names), host=host)
    results = [{"name": name, "state": "changed", "verified": True, "error": None} for name in names]
    committed = run_action(rotation_commit.ActionModule, dict(given, staged=staged["users"], results=results), host=host)
    after = resource.getrusage(resource.RUSAGE_SELF)
    if len(staged["due"]) != users or committed.get("failed") or any(user["action"] != "promoted" for user in committed["users"]):
        raise RuntimeError("the store %s did not do its work: %s" % (store, committed.get("msg")))
    return Measured(time.monotonic() - wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
