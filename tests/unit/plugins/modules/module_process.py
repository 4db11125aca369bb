# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module in a process of its own, as Ansible does."""

from __future__ import annotations

import atexit
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

# The arguments come on standard input; a name in "missing" is one that cannot be imported.
START = """
import json, runpy, sys
from tests.unit.module_args import patch_module_args
order = json.load(sys.stdin)
for name in order["missing"]:
    sys.modules[name] = None
with patch_module_args(order["args"]):
    runpy.run_module(order["module"], run_name="__main__")
"""
# Imports Ansible and requests once, which takes longer than all that a module does, and forks a child per order. The collection is imported by the child.
SERVER = """
import atexit, json, os, runpy, signal, sys, traceback
import ansible.module_utils.basic, ansible.module_utils.common.arg_spec, requests
from tests.unit.module_args import patch_module_args
for line in iter(sys.stdin.readline, ""):
    order = json.loads(line)
    process = os.fork()
    if not process:
        signal.alarm(60)
        for path, flags, number in (("/dev/null", os.O_RDONLY, 0), (order["stdout"], os.O_WRONLY, 1), (order["stderr"], os.O_WRONLY, 2)):
            os.dup2(os.open(path, flags), number)
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.path[:] = order["path"]
        status = 0
        try:
            with patch_module_args(order["args"]):
                runpy.run_module(order["module"], run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
            status = 1
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""
_LOCK = threading.Lock()


@functools.cache
def _server():
    """The process that forks; it ends with its standard input."""
    environment = dict(os.environ, PYTHONPATH=_path(), PYTHONDONTWRITEBYTECODE="1")
    server = subprocess.Popen(  # pylint: disable=consider-using-with
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    atexit.register(server.communicate)
    return server


def _path():
    return os.pathsep.join(path for path in sys.path if path)


def _started(order, environment):
    """Exit status, output and errors of a Python that knows nothing yet."""
    process = subprocess.run([sys.executable, "-c", START], input=json.dumps(order), capture_output=True, text=True, timeout=60, check=False, env=environment)
    return process.returncode, process.stdout, process.stderr


def _forked(order, environment):
    """The same of a child of a process that has imported Ansible already."""
    with _LOCK, tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder, name) for name in ("stdout", "stderr")]
        for path in files:
            path.touch()
        order = {**order, "environment": environment, "path": [path for path in sys.path if path], "stdout": str(files[0]), "stderr": str(files[1])}
        server = _server()
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return status, *(path.read_text(encoding="utf-8") for path in files)


def run(module, args, environment=None, missing=()):
    """The exit status and the result of a module.

    :param module: its file, imported.
    :param environment: further variables.
    :param missing: libraries that are not there.
    """
    order = {"args": args, "module": module.__name__, "missing": list(missing)}
    environment = dict(
        os.environ, PYTHONPATH=_path(), PYTHONDONTWRITEBYTECODE="1", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", **(environment or {})
    )  # fmt: skip
    status, output, said = (_started if missing else _forked)(order, environment)
    assert "Traceback" not in said, said
    result = json.loads(output)
    # With it a module of ansible-core 2.22 tells the controller what to mask; it is no part of the result there.
    result.pop("_ansible_new_secrets", None)
    assert "MARKER" not in json.dumps(result) + said
    return status, result
