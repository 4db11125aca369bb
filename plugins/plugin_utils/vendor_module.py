# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a vendor's module from an action plugin: in this process where the task runs on the controller anyway, else shipped as usual.

In this process the passwords reach no module file on disk, so that a run which is killed leaves none behind.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ansible import constants
from ansible.module_utils.basic import missing_required_lib

from ansible_collections.rekey.passwords.plugins.module_utils import change, errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.module_utils.http import REQUESTS_IMPORT_ERROR

from .arguments import validated_connection

_COLLECTION = "ansible_collections.rekey.passwords.plugins.modules"
SUFFIX = "_user_password"  # of the vendors' modules


@cache
def vendor_module(vendor):
    """The module file of a vendor; it has ``VENDOR`` and ``SPEC``.

    :param vendor: the module's name without ``_user_password``.
    :raises VendorError: ``invalid_input``, if there is none.
    """
    if vendor not in _vendors():
        raise VendorError(errors.INVALID_INPUT, "There is no vendor %s; there are: %s." % (vendor, ", ".join(_vendors())))
    return import_module("%s.%s%s" % (_COLLECTION, vendor, SUFFIX))


def prepare_for_workers():
    """Do once what each of Ansible's workers would have to do; for a plugin that Ansible loads before it forks them.

    Loads all vendors' modules. And lets the garbage collector leave alone what is there by now: it writes into every object that it looks at, so
    each worker in which it ran would have a copy of its own of Ansible's libraries and the whole inventory.
    """
    for vendor in _vendors():
        vendor_module(vendor)
    gc.freeze()


def _vendors():
    package = import_module(_COLLECTION)
    return sorted(item.name[: -len(SUFFIX)] for item in iter_modules(package.__path__) if item.name.endswith(SUFFIX))


def run_vendor_module(action, vendor, args, task_vars, check_mode=None):
    """Run the module of a vendor.

    :param action: the action plugin that wants it.
    :param vendor: the module's name without ``_user_password``.
    :param args: the module's options.
    :param task_vars: the variables of the task.
    :param check_mode: whether nothing may be written; ``None`` for what the task says.
    :return: the module's result.
    :raises VendorError: ``invalid_input``.
    """
    module = vendor_module(vendor)
    params = validated_connection(module.SPEC, args)
    if check_mode is None:
        check_mode = action._task.check_mode
    if not runs_here(action, task_vars):
        with _as_in_check_mode(action, check_mode):
            return action._execute_module(module_name="rekey.passwords.%s%s" % (vendor, SUFFIX), module_args=args, task_vars=task_vars)
    if REQUESTS_IMPORT_ERROR:
        raise VendorError(errors.INVALID_INPUT, missing_required_lib("requests"))
    return change.run(module.VENDOR, params, check_mode=check_mode)


@contextmanager
def _as_in_check_mode(action, check_mode):
    """Ansible takes the mode of a shipped module from the task alone."""
    before, action._task.check_mode = action._task.check_mode, check_mode
    try:
        yield
    finally:
        action._task.check_mode = before


def runs_here(action, task_vars):
    """Whether the task would run on this machine, as this user, by this Python and with nothing around it.

    :raises VendorError: ``invalid_input``: ``rekey_in_process`` is neither ``auto`` nor ``never``.
    """
    task = action._task
    wish = action._templar.template(task_vars.get("rekey_in_process", "auto"))
    if wish not in ("auto", "never"):
        raise VendorError(errors.INVALID_INPUT, "rekey_in_process must be auto or never.")
    # The variable ansible_become overrides the task's keyword; the connection knows what came of both.
    if wish == "never" or action._connection.transport != "local" or action._connection.become or task.async_val or any(task.environment or ()):
        return False
    return _is_this_python(action, task_vars)


def _is_this_python(action, task_vars):
    """Whether the task's Python is to be found by Ansible itself, or is the one that runs here."""
    delegated = task_vars.get("ansible_delegated_vars", {}).get(action._task.delegate_to)
    python = constants.config.get_config_value("INTERPRETER_PYTHON", variables=task_vars if delegated is None else delegated)
    python = str(action._templar.template(python))
    return python.startswith("auto") or _place(shutil.which(python) or python) == _place(sys.executable)


def _place(python):
    """The same for the names that one Python has in one folder (python, python3, python3.12), of which pip writes any into the programs that it installs."""
    # The folder counts, too: the Python of a virtual environment is a link to one that has other libraries.
    return os.path.dirname(os.path.abspath(python)), os.path.realpath(python)
