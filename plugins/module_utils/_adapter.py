# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the three ways to a vendor share: its module, the module's action plugin in the controller's process, and a rotation.

What goes in and what comes back is the same on each way; a caller decides only how it reports that. AnsibleModule validates by itself, between
:func:`prepared` and :func:`run_vendor`; the others do so with :func:`validate`.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Type

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import _change, errors
from ._options import refuse_no_texts, unfit, without_empty
from .errors import PasswordError
from .http import REQUESTS_IMPORT_ERROR
from .vendor import Vendor


class MissingLibraryError(PasswordError):
    """A library that every vendor needs is not installed."""


def prepared(argument_spec: Dict[str, Any], args: Dict[str, Any]) -> Dict[str, Any]:
    """Return the options of a vendor's module for Ansible's validator, which would turn anything into text, and take an empty text for a value.

    :raises PasswordError: ``invalid_input``: a text is not one.
    """
    refuse_no_texts(argument_spec, args)
    return without_empty(argument_spec, args)


def validate(spec: Dict[str, Any], args: Dict[str, Any], validator: Any = ArgumentSpecValidator) -> Any:
    """Return the result of Ansible's validator, which holds the options and what is wrong with them.

    :param spec: keyword arguments of the validator.
    :param validator: its class.
    :raises PasswordError: ``invalid_input``: an option that the validator itself cannot handle.
    """
    try:
        return validator(**spec).validate(args)
    except Exception as exc:  # pylint: disable=broad-exception-caught
        # Its text is not passed on: it may hold a secret.
        raise unfit(spec["argument_spec"], args, exc) from None


def run_vendor(
    vendor: Type[Vendor], params: Dict[str, Any], check_mode: bool, opened: Optional[Callable[[], None]] = None
) -> Dict[str, Any]:
    """Run one call with validated options.

    :param opened: called once the operator has logged in.
    :return: what :func:`~._change.set_passwords` returned; it holds no secret.
    :raises MissingLibraryError: nothing was done.
    """
    require_library()
    return _change.set_passwords(vendor, params, check_mode=check_mode, opened=opened)


def require_library() -> None:
    """Make sure that the library that every vendor needs is installed.

    :raises MissingLibraryError: it is not.
    """
    if REQUESTS_IMPORT_ERROR:
        raise MissingLibraryError(errors.INVALID_INPUT, str(missing_required_lib("requests")))


def as_module_result(result: Dict[str, Any], diff: bool) -> Dict[str, Any]:
    """Return the result of a call as a module returns it.

    :param result: from :func:`run_vendor`.
    :param diff: whether the task is to show the differences.
    """
    unwanted = {"diff": not diff, "failed": not result["failed"], "warnings": not result["warnings"]}
    return {key: value for key, value in result.items() if not unwanted.get(key)}
