# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a vendor's module within the controller's process, where the task would run on the controller anyway.

Shipping a module costs a start of Python, which takes longer than its work. Arguments, results and messages are the same either way.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, Dict, Iterable, Iterator, Optional, Set, Type

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible_collections.rekey.passwords.plugins.module_utils import _vendor_registry, errors
from ansible_collections.rekey.passwords.plugins.module_utils._adapter import (
    MissingLibraryError,
    as_module_result,
    prepared,
    run_vendor,
    validate,
)
from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import ODD_USERS, has_odd_users
from ansible_collections.rekey.passwords.plugins.module_utils._options import refuse_no_texts
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

    module: str  # its name

    def __init_subclass__(cls, **options: Any) -> None:
        """Load the vendor with the plugin: that is before Ansible forks its workers, each of which would have to load it."""
        super().__init_subclass__(**options)
        cls.module = cls.__module__.rpartition(".")[2]
        with suppress(PasswordError):  # the task says so
            cls._vendor()

    @classmethod
    def _vendor(cls) -> Type[Vendor]:
        return _vendor_registry.load(cls.module.removesuffix(SUFFIX))

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Run here, or ship the module as if there were no action plugin."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            with _typed():
                # Here, since some of YAML's types are texts by the time that a module gets them.
                refuse_no_texts(self._vendor().spec()["argument_spec"], self._task.args)
            here = runs_here(self, task_vars or {})
            result.update(self._run_here() if here else self._ship(task_vars))
        except PasswordError as error:
            result.update(failed=True, msg=error.message, error=error.as_dict())
        return result

    def _ship(self, task_vars: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        asynchronous = self._task.async_val
        result: Dict[str, Any] = self._execute_module(
            module_name="rekey.passwords." + self.module, task_vars=task_vars, wrap_async=asynchronous
        )
        if not asynchronous:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        # Empty, and up to ansible-core 2.20 always there.
        result.pop("invocation", None)
        return result

    def _run_here(self) -> Dict[str, Any]:
        with _typed():
            return self._validate_and_run()

    def _validate_and_run(self) -> Dict[str, Any]:
        vendor = self._vendor()
        spec = vendor.spec()
        args = prepared(spec["argument_spec"], plain(self._task.args))
        # The validator that AnsibleModule uses: it warns of aliases and deprecated options, too.
        validated = validate(spec, args, ModuleArgumentSpecValidator)
        if validated.errors.errors:
            text = _complaint(validated.errors, "rekey.passwords." + self.module, args)
            if RESULTS_ARE_MASKED:
                # It repeats what was given, which may be a secret elsewhere.
                text = remove_values(text, occurring(validated._no_log_values, text))
            return {"failed": True, "msg": text, "error": PasswordError(errors.INVALID_INPUT, text).as_dict()}
        try:
            # Its result holds no secret any more; to mask it once more would take names, states and kinds for secrets.
            result = run_vendor(vendor, validated.validated_parameters, self._task.check_mode)
        except MissingLibraryError as error:
            return {"failed": True, "msg": error.message}
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


def occurring(secrets: Iterable[str], value: Any) -> Set[str]:
    """Those of the secrets that occur in a value: remove_values tries each one on each text, which for thousands of users takes minutes.

    :param value: what a module returns.
    """
    secrets = set(secrets)
    lengths = sorted({len(secret) for secret in secrets})
    parts = (
        text[start : start + length]
        for text in set(texts(value))
        for length in lengths
        for start in range(len(text) - length + 1)
    )
    return {part for part in parts if part in secrets}


def _complaint(complaints: Any, name: str, args: Dict[str, Any]) -> str:
    """What AnsibleModule says of wrong arguments."""
    if has_odd_users(args):
        return ODD_USERS
    if isinstance(complaints.errors[0], UnsupportedError):
        return "Unsupported parameters for (%s) module: %s" % (name, complaints.msg)
    return str(complaints.msg)
