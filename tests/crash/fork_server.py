# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that has imported Ansible and the collection once, and forks a child for each rotation.

It reads orders from its standard input, one line of JSON each, and answers the same way. A child leads a process group of its own, runs the real action
plugins one after the other as the role does, and may be killed at any moment; then the answer tells only how it ended. The process ends with its
standard input, so it outlives nobody.
"""

from __future__ import annotations

import builtins
import datetime
import importlib
import io
import json
import os
import pkgutil
import signal
import sys
import traceback

COLLECTION = "ansible_collections.rekey.passwords.plugins"
ACTIONS = {"status": "info"}  # the action of a playbook, where that has another name
LONGEST = 60  # seconds for one rotation
BOOT = "REKEY_TEST_BOOT_ID"  # the variable with which a test lets a process take itself for one of another machine


def warm_up():
    """Import whatever a rotation may need, so that no child has to."""
    for package in ("action", "modules", "module_utils", "module_utils._auth", "module_utils._vendors", "plugin_utils", "plugin_utils._stores"):
        name = "%s.%s" % (COLLECTION, package)
        for item in pkgutil.iter_modules(importlib.import_module(name).__path__):
            importlib.import_module("%s.%s" % (name, item.name))


def perform(order: dict) -> dict:
    """One run.

    :param order: dict with ``host``, ``vendor``, ``connection``, ``users``, ``store`` (the options that name one), ``vault_password``,
        ``accept_unverified``, ``force``, ``step_by_step``, ``action`` (``rotate``, ``status``, ``verify``, ``repair``, ``deliver``), ``check`` (whether in
        check mode) and ``options`` (further ones of the action).
    :return: the results of the actions, by their names.
    """
    from tests.unit.plugins.rotation_doubles import loader, run_action  # pylint: disable=import-outside-toplevel

    def step(name, **args):
        action = importlib.import_module("%s.action.rotation_%s" % (COLLECTION, ACTIONS.get(name, name))).ActionModule
        # To begin a store is for those who write.
        args.update({key: value for key, value in order["store"].items() if key != "store_create" or name != "info"}, **order["options"])
        results[name] = run_action(action, args, host=order["host"], vault=loader(order["vault_password"]), check_mode=order["check"])
        return results[name]

    results: dict = {}
    {"rotate": _rotate, "status": _status, "verify": _verify, "repair": _repair, "deliver": _deliver}[order["action"]](order, step)
    return results


def _rotate(order, step):
    """In one task or in three."""
    users = {"vendor": order["vendor"], "users": order["users"]}
    if not order["step_by_step"]:
        step("run", **users, connection=order["connection"], force=order["force"], accept_unverified=order["accept_unverified"])
        return
    staged = step("stage", **users, force=order["force"])
    if staged.get("failed"):
        return
    changed = step("change", **users, connection=order["connection"], staged=staged["users"]) if staged["due"] else {}
    step("commit", staged=staged["users"], results=changed.get("users") or [], accept_unverified=order["accept_unverified"])


def _status(order, step):
    step("info", users=order["users"])


def _verify(order, step):
    step("info", users=order["users"], vendor=order["vendor"], connection=order["connection"], verify=True)


def _repair(order, step):
    step("repair", users=order["users"], vendor=order["vendor"], connection=order["connection"], accept_unverified=order["accept_unverified"])


def _deliver(order, step):
    found = step("undelivered", vendor=order["vendor"], users=order["users"])
    if found.get("users"):
        step("delivered", versions=found["versions"])


def pretend_boot(boot_id: str) -> None:
    """Let this process and its children take themselves for processes of another machine."""
    real = io.open

    def pretending(file, *args, **options):
        """As :func:`open`."""
        return io.StringIO(boot_id + "\n") if file == "/proc/sys/kernel/random/boot_id" else real(file, *args, **options)

    io.open = builtins.open = pretending


def shift_clock(seconds):
    """Let the rotation's clock be wrong by so many seconds."""
    from ansible_collections.rekey.passwords.plugins.plugin_utils import _times  # pylint: disable=import-outside-toplevel

    right = _times.utc_now
    for name, module in list(sys.modules.items()):
        if name.startswith(COLLECTION) and getattr(module, "utc_now", None) is right:
            module.utc_now = lambda: right() + datetime.timedelta(seconds=seconds)


def child(order, answer):
    """What a child does; never returns.

    :param answer: a file descriptor for the answer.
    """
    status = 1
    try:
        os.setsid()
        signal.alarm(LONGEST)
        os.environ.update(order["environment"])
        from tests.crash import hooks, sabotage  # pylint: disable=import-outside-toplevel

        shift_clock(order["clock"])
        points = hooks.Points(order["plan"])
        points.install()
        if order["sabotage"]:
            getattr(sabotage, order["sabotage"])()
        results = perform(order)
        told = {"results": results, "calls": points.calls, "missed": points.missed}
        with os.fdopen(answer, "w", encoding="utf-8") as stream:
            json.dump(told, stream)
        status = 0
    except BaseException:  # pylint: disable=broad-exception-caught
        traceback.print_exc()
    finally:
        os._exit(status)


def run(order):
    """Fork a child, wait for its end, and tell.

    :return: dict with ``signal`` (or ``None``), ``status``, and what the child has told, if it came to that.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.close(reading)
        child(order, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        text = stream.read()
    _process, status = os.waitpid(process, 0)
    ended = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None, "status": os.waitstatus_to_exitcode(status)}
    return dict(json.loads(text) if text else {}, **ended)


def main():
    """Serve until there are no more orders."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever prints must not get between the answers.
    os.dup2(2, 1)
    if os.environ.get(BOOT):
        pretend_boot(os.environ[BOOT])
    warm_up()
    for line in iter(sys.stdin.readline, ""):
        answers.write(json.dumps(run(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
