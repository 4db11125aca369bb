# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a vendor's module from an action plugin: in this process where the task runs on the controller anyway, else shipped as usual.

In this process the passwords reach no module file on disk, so that a run which is killed leaves none behind.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.rekey.passwords.plugins.module_utils import change, errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.module_utils.http import REQUESTS_IMPORT_ERROR

from .arguments import validated

_COLLECTION = "ansible_collections.rekey.passwords.plugins.modules"
_SUFFIX = "_user_password"


def vendor_module(vendor):
    """The module file of a vendor; it has ``VENDOR`` and ``SPEC``.

    :param vendor: the module's name without ``_user_password``.
    :raises VendorError: ``invalid_input``, if there is none.
    """
    package = import_module(_COLLECTION)
    known = sorted(item.name[: -len(_SUFFIX)] for item in iter_modules(package.__path__) if item.name.endswith(_SUFFIX))
    if vendor not in known:
        raise VendorError(errors.INVALID_INPUT, "There is no vendor %s; there are: %s." % (vendor, ", ".join(known)))
    return import_module("%s.%s%s" % (_COLLECTION, vendor, _SUFFIX))


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
    params = validated(module.SPEC, args)
    if check_mode is None:
        check_mode = action._task.check_mode
    if not _is_here(action):
        with _as_in_check_mode(action, check_mode):
            return action._execute_module(module_name="rekey.passwords.%s%s" % (vendor, _SUFFIX), module_args=args, task_vars=task_vars)
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


def _is_here(action):
    """Whether the task would run on this machine, as this user."""
    connection = action._connection
    return connection.transport == "local" and not action._task.become
