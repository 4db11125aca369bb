# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a vendor's module within the controller's process, where the task would run on the controller anyway.

A module that is shipped costs a start of Python; what it does takes a fraction of that. Arguments, results and messages are the same either way.
"""

from __future__ import annotations

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ansible_collections.rekey.passwords.plugins.module_utils import change, errors
from ansible_collections.rekey.passwords.plugins.module_utils.argument_spec import ODD_USERS, has_odd_users
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.module_utils.http import REQUESTS_IMPORT_ERROR

from .vendor_module import runs_here, vendor_module

_SUFFIX = "_user_password"


class UserPasswordAction(ActionBase):
    """The action of a vendor's module: which one, tells the name of the file that declares the subclass."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        """Run here, or ship the module as if there were no action plugin."""
        result = super().run(tmp, task_vars)
        name = type(self).__module__.rpartition(".")[2]
        try:
            if runs_here(self, task_vars or {}):
                result.update(self._run_here(name))
                return result
        except VendorError as error:
            result.update(failed=True, msg=error.message, error=error.as_dict())
            return result
        except Exception as exc:  # pylint: disable=broad-exception-caught
            # An exception's text or traceback may hold a secret, and Ansible would print it.
            message = "An unforeseen %s occurred; please report it." % type(exc).__name__
            result.update(failed=True, msg=message, error=VendorError(errors.UNEXPECTED_RESPONSE, message).as_dict())
            return result
        asynchronous = self._task.async_val
        result.update(self._execute_module(module_name="rekey.passwords." + name, task_vars=task_vars, wrap_async=asynchronous))
        if not asynchronous:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _run_here(self, name):
        module = vendor_module(name[: -len(_SUFFIX)])
        given = plain(self._task.args)
        validated = ArgumentSpecValidator(**module.SPEC).validate(given)
        secrets = validated._no_log_values
        if validated.errors.errors:
            return {"failed": True, "msg": remove_values(_complaint(validated.errors, "rekey.passwords." + name, given), secrets)}
        if REQUESTS_IMPORT_ERROR:
            return {"failed": True, "msg": missing_required_lib("requests")}
        result = change.run(module.VENDOR, validated.validated_parameters, check_mode=self._task.check_mode)
        if not self._task.diff:
            del result["diff"]
        if not result["failed"]:
            del result["failed"]
        # As Ansible does with what a module returns.
        return remove_values(result, secrets)


def plain(value):
    """A value as a module would get it: without Ansible's own types, and with what is encrypted in it decrypted."""
    if isinstance(value, dict):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    # Joined, since str() would leave a subclass as it is.
    return "".join((str(value), ""))


def _complaint(found, name, given):
    """What AnsibleModule says of wrong arguments."""
    if has_odd_users(given):
        return ODD_USERS
    if isinstance(found.errors[0], UnsupportedError):
        return "Unsupported parameters for (%s) module: %s" % (name, found.msg)
    return found.msg
