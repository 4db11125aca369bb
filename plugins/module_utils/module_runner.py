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

    Up to ansible-core 2.20 a result contains them as ``invocation``, and secrets in an argument of the wrong type are not masked.
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
            # Ansible's validator crashed. A traceback may contain a secret, and does not name the option.
            error = unfit(self.argument_spec, self.params, exc)
        self.fail_json(error.message, error=error.as_dict())

    def _load_params(self) -> None:
        super()._load_params()
        self._odd_users = has_odd_users(self.params)

    def _set_internal_properties(self) -> None:
        super()._set_internal_properties()
        # Check here, before the validator turns values into strings.
        message = None
        try:
            self.params = prepared(self.argument_spec, self.params)
        except PasswordError as error:
            message = error.message
        if message is not None:
            self.fail_json(message)

    def exit_json(self, **kwargs: Any) -> None:
        """Exit with success."""
        super().exit_json(**dict(kwargs, invocation={}))

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        """Exit with a failure."""
        if self._odd_users:
            msg = ODD_USERS
        if not self._validated:
            kwargs.setdefault("error", PasswordError(errors.INVALID_INPUT, msg).as_dict())
        super().fail_json(msg, **dict(kwargs, invocation={}))


def run_module(vendor: type[Vendor]) -> None:
    """Run a vendor's module from its arguments to its result.

    :param vendor: a subclass of :class:`~.vendor.Vendor`.
    """
    # no_log for the whole module: at its start a module logs its arguments to syslog, where passwords with quotes are not masked.
    module = PasswordModule(supports_check_mode=True, no_log=True, **vendor.spec())
    try:
        result = as_module_result(run_vendor(vendor, module.params, module.check_mode), module._diff)
    except MissingLibraryError as error:
        result = {"failed": True, "msg": error.message, "exception": REQUESTS_IMPORT_ERROR}
    # The result contains no secret. Ansible would still mask every text that equals or contains one, even names, states and kinds.
    module.no_log_values = set()
    for text in result.pop("warnings", ()):
        module.warn(text)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
