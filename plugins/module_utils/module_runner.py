# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a vendor's module: the only place where a typed error becomes fail_json."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from . import errors
from ._adapter import MissingLibraryError, as_module_result, prepared, run_vendor
from ._argument_spec import ODD_USERS, has_odd_users
from ._options import unfit
from .errors import PasswordError
from .http import REQUESTS_IMPORT_ERROR
from .vendor import Vendor


class PasswordModule(AnsibleModule):
    """An AnsibleModule that never returns its own arguments.

    Up to ansible-core 2.20 a result holds them as ``invocation``, and where an argument has a wrong type its secrets are not masked.
    """

    params: dict[str, Any]
    _odd_users = False
    _validated = False

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)
            self._validated = True
            return
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
            # What Ansible's validator falls over. A traceback may hold a secret, and does not say which option it was.
            error = unfit(self.argument_spec, self.params, exc)
        self.fail_json(error.message, error=error.as_dict())

    def _load_params(self) -> None:
        super()._load_params()
        self._odd_users = has_odd_users(self.params)

    def _set_internal_properties(self) -> None:
        super()._set_internal_properties()
        # No later than here: the validator turns everything into text.
        message = None
        try:
            self.params = prepared(self.argument_spec, self.params)
        except PasswordError as error:
            message = error.message
        if message is not None:
            self.fail_json(message)

    def exit_json(self, **kwargs: Any) -> None:
        """End well."""
        super().exit_json(**dict(kwargs, invocation={}))

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        """End badly."""
        if self._odd_users:
            msg = ODD_USERS
        if not self._validated:
            kwargs.setdefault("error", PasswordError(errors.INVALID_INPUT, msg).as_dict())
        super().fail_json(msg, **dict(kwargs, invocation={}))


def run_module(vendor: type[Vendor]) -> None:
    """Run a vendor's module from its arguments to its result.

    :param vendor: a subclass of :class:`~.vendor.Vendor`.
    """
    # no_log at the top: a module's start writes its arguments to syslog, and passwords with quotes are not masked there.
    module = PasswordModule(supports_check_mode=True, no_log=True, **vendor.spec())
    try:
        result = as_module_result(run_vendor(vendor, module.params, module.check_mode), module._diff)
    except MissingLibraryError as error:
        result = {"failed": True, "msg": error.message, "exception": REQUESTS_IMPORT_ERROR}
    # The result holds no secret any more. Ansible would mask every text in it that is equal to one, or holds one: names, states and kinds, too.
    module.no_log_values = set()
    for text in result.pop("warnings", ()):
        module.warn(text)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
