# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option ``connection`` of a rotation: validated and resolved once, before anything is staged or noted.

A rotation must know which endpoint it is at and who acts there, so the vendor's own options are settled on the controller, environment included, and
are passed on as they were settled, also to a module that runs elsewhere. How to get to the endpoint from there (time-outs, TLS files, proxies) depends
on the machine, so those options are passed on as the user gave them, and the module fills in the rest from its own environment.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, NoReturn

from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import secrets
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import SHORT, Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import Outside, PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Vendor

from .._arguments import plain, texts, validated

_SET_BY_THE_ROTATION = ("users", "name", "password", "current_password", "update_password")
_PLACE = "connection (in the role: rotate_connection)"


@dataclass(frozen=True)
class Connection:
    """The option, resolved.

    :param options: the options of the vendor's module.
    :param params: all options of the module that do not concern a single user, with defaults and environment.
    :param target: what identifies the endpoint, see :meth:`.vendor.Vendor.target`.
    """

    options: Dict[str, Any] = field(repr=False)
    params: Dict[str, Any] = field(repr=False)
    target: str


def resolve(
    vendor_class: type[Vendor],
    options: Dict[str, Any],
    *,
    environment: Dict[str, str],
    nearby: bool,
    learn: Callable[..., None],
) -> Connection:
    """Validate the option as the vendor's module will, and fill in what it takes from the environment.

    :param options: what the option holds; what is empty in it counts as not given.
    :param environment: variables that the task sets for its module.
    :param nearby: whether the module runs on this machine, so that its files and libraries can be looked at.
    :param learn: called with the secrets among the options.
    :raises PasswordError: ``invalid_input``.
    """
    for name in _SET_BY_THE_ROTATION:
        if name in options:
            raise PasswordError(errors.INVALID_INPUT, "connection must not hold %s: the rotation sets it." % name)
    spec = _connection_spec(vendor_class)
    options = _without_empty(plain(options))
    flat = {name: option for name, option in spec["argument_spec"].items() if not option.get("options")}
    learn(*secrets(flat, options))
    try:
        with _surroundings(environment):
            params = _validated(spec, options)
            learn(*secrets(spec["argument_spec"], params))
            # A vendor may take more from the environment than the specification says. It opens no connection before open().
            vendor = vendor_class(params, _no_connection, lambda text: None, learn)
            _change.check_options(vendor, vendor.params, nearby)
            target = vendor_class.target(vendor.params)
    except PasswordError as error:
        origin = _origin(spec["argument_spec"], options, environment, error.message)
        raise error.with_message((_PLACE + ": ", *error.parts, origin)) from None
    settled = {name: vendor.params[name] for name in vendor_class.argument_spec if vendor.params.get(name) is not None}
    return Connection(dict(settled, **options), vendor.params, target)


def _validated(spec: Dict[str, Any], options: Dict[str, Any]) -> Dict[str, Any]:
    try:
        return validated(spec, options)
    except PasswordError as error:
        # Ansible repeats a value of a wrong type, and a secret may be in the wrong place.
        error.message = Outside(Scrubber(text for text in texts(options) if len(text) >= SHORT)(error.message))
        raise


def _connection_spec(vendor_class: type[Vendor]) -> Dict[str, Any]:
    """The specification of the vendor's module without the options for single users."""
    gone = set(_SET_BY_THE_ROTATION) | set(vendor_class.identifiers)
    kept: Dict[str, Any] = {}
    for name, value in vendor_class.spec().items():
        if name == "argument_spec":
            kept[name] = {option: declared for option, declared in value.items() if option not in gone}
        elif name == "required_by":
            kept[name] = {option: needs for option, needs in value.items() if not gone & {option, *_names(needs)}}
        else:
            kept[name] = [condition for condition in value if not gone & set(_names(condition))]
    return kept


def _names(condition: Any) -> List[str]:
    return texts([condition] if isinstance(condition, str) else list(condition))


def _without_empty(value: Any) -> Any:
    """Without options that are present but empty, as from a form of AWX that was left empty."""
    if not isinstance(value, dict):
        return value
    return {name: _without_empty(inner) for name, inner in value.items() if inner is not None and inner != ""}


@contextmanager
def _surroundings(environment: Dict[str, str]) -> Iterator[None]:
    """Use the environment that the module will have, as far as it is known here."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _no_connection(_url: str) -> NoReturn:
    raise AssertionError("nothing is to be sent yet")


def _origin(argument_spec: Dict[str, Any], options: Dict[str, Any], environment: Dict[str, str], message: str) -> str:
    """The environment variable behind an option that a message complains of, where the user has not set the option."""
    for name, option in argument_spec.items():
        for variable in option.get("fallback", (None, ()))[1]:
            if (
                name not in options
                and (environment.get(variable) or os.environ.get(variable))
                and name in message.replace("'", " ").split()
            ):
                return " (%s comes from the environment variable %s.)" % (name, variable)
    return ""
