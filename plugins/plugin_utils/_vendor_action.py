# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a vendor's module within the controller's process, where the task would run on the controller anyway.

A module that is shipped costs a start of Python; what it does takes a fraction of that. Arguments, results and messages are the same either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible_collections.rekey.passwords.plugins.module_utils import _change, _vendor_registry, errors
from ansible_collections.rekey.passwords.plugins.module_utils._adapter import as_module_result, missing_library
from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import ODD_USERS, has_odd_users
from ansible_collections.rekey.passwords.plugins.module_utils._options import refuse_no_texts, unfit, without_empty
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Vendor

from ._arguments import plain, texts
from ._vendor_runner import SUFFIX, runs_here

# From 2.22 on the validation registers secrets itself, what is printed is masked instead of what is returned, and remove_values is deprecated.
RESULTS_ARE_MASKED = find_spec("ansible.module_utils.secrets") is None


class UserPasswordAction(ActionBase):
    """The action of a vendor's module, named by the file that declares the subclass."""

    _supports_check_mode = True
    _supports_async = True

    def __init_subclass__(cls, **options):
        """Load the vendor with the plugin: that is before Ansible forks its workers, each of which would have to load it."""
        super().__init_subclass__(**options)
        cls.module = cls.__module__.rpartition(".")[2]
        with suppress(PasswordError):  # told by the task
            cls._vendor()

    @classmethod
    def _vendor(cls) -> type[Vendor]:
        return _vendor_registry.load(cls.module.removesuffix(SUFFIX))

    def run(self, tmp=None, task_vars=None):
        """Run here, or ship the module as if there were no action plugin."""
        result = super().run(tmp, task_vars)
        try:
            with _typed():
                # Here, since some of what YAML knows is a text by the time that a module gets it.
                refuse_no_texts(self._vendor().spec()["argument_spec"], self._task.args)
            here = runs_here(self, task_vars or {})
            result.update(self._run_here() if here else self._ship(task_vars))
        except PasswordError as error:
            result.update(failed=True, msg=error.message, error=error.as_dict())
        return result

    def _ship(self, task_vars):
        asynchronous = self._task.async_val
        result = self._execute_module(
            module_name="rekey.passwords." + self.module, task_vars=task_vars, wrap_async=asynchronous
        )
        if not asynchronous:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        # Empty, and up to ansible-core 2.20 always there.
        result.pop("invocation", None)
        return result

    def _run_here(self):
        with _typed():
            return self._validate_and_run()

    def _validate_and_run(self):
        vendor = self._vendor()
        spec = vendor.spec()
        given = without_empty(spec["argument_spec"], plain(self._task.args))
        try:
            # The one that AnsibleModule uses: it tells of aliases and deprecated options, too.
            validated = ModuleArgumentSpecValidator(**spec).validate(given)
        except Exception as exc:  # pylint: disable=broad-exception-caught
            raise unfit(spec["argument_spec"], given, exc) from None
        if validated.errors.errors:
            text = _complaint(validated.errors, "rekey.passwords." + self.module, given)
            if RESULTS_ARE_MASKED:
                # It repeats what was given, which may be a secret elsewhere.
                text = remove_values(text, occurring(validated._no_log_values, text))
            return {"failed": True, "msg": text, "error": PasswordError(errors.INVALID_INPUT, text).as_dict()}
        missing = missing_library()
        if missing:
            return {"failed": True, "msg": missing}
        # Its result holds no secret any more; to mask it once more would take names, states and kinds for secrets.
        result = _change.set_passwords(vendor, validated.validated_parameters, check_mode=self._task.check_mode)
        return as_module_result(result, self._task.diff)


@contextmanager
def _typed() -> Iterator[None]:
    """Turn an unexpected exception into a typed error without its text, which may hold a secret."""
    try:
        yield
    except PasswordError:
        raise
    except Exception as exc:  # pylint: disable=broad-exception-caught
        raise PasswordError(errors.UNEXPECTED_RESPONSE, errors.unexpected_text(exc)) from None


def occurring(secrets, value):
    """Those of the secrets that stand somewhere within a value: remove_values tries each one on each text, which for thousands of users takes minutes.

    :param secrets: set of texts.
    :param value: what a module returns.
    """
    lengths = sorted({len(secret) for secret in secrets})
    parts = (
        text[start : start + length]
        for text in set(texts(value))
        for length in lengths
        for start in range(len(text) - length + 1)
    )
    return {part for part in parts if part in secrets}


def _complaint(found, name, given):
    """What AnsibleModule says of wrong arguments."""
    if has_odd_users(given):
        return ODD_USERS
    if isinstance(found.errors[0], UnsupportedError):
        return "Unsupported parameters for (%s) module: %s" % (name, found.msg)
    return found.msg
