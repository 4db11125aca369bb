# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module in a process of its own, as Ansible does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

# The arguments come on standard input; a name in "missing" is one that cannot be imported.
START = """
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
order = json.load(sys.stdin)
for name in order["missing"]:
    sys.modules[name] = None
with patch_module_args(order["args"]):
    runpy.run_module(order["module"], run_name="__main__")
"""


def run(module, args, environment=None, missing=()):
    """The exit status and the result of a module.

    :param module: its file, imported.
    :param environment: further variables.
    :param missing: libraries that are not there.
    """
    order = json.dumps({"args": args, "module": module.__name__, "missing": list(missing)})
    found = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.run(
        [sys.executable, "-c", START], input=order, capture_output=True, text=True, timeout=60, check=False,
        env=dict(os.environ, PYTHONPATH=found, PYTHONDONTWRITEBYTECODE="1", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", **(environment or {})),
    )  # fmt: skip
    assert "Traceback" not in process.stderr, process.stderr
    result = json.loads(process.stdout)
    # With it a module of ansible-core 2.22 tells the controller what to mask; it is no part of the result there.
    result.pop("_ansible_new_secrets", None)
    assert "MARKER" not in json.dumps(result) + process.stderr
    return process.returncode, result
