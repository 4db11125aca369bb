# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a vendor's module for an action plugin: in this process where the task would run on the controller anyway, otherwise shipped as usual.

In this process the passwords reach no module file on disk, so that a run which is killed leaves none behind.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import sys
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Optional, Tuple, Type

from ansible import constants
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible_collections.rekey.passwords.plugins.module_utils import _vendor_registry, errors
from ansible_collections.rekey.passwords.plugins.module_utils._adapter import (
    MissingLibraryError,
    require_library,
    run_vendor,
)
from ansible_collections.rekey.passwords.plugins.module_utils.errors import Outside, PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Vendor

from ._arguments import validated_connection

SUFFIX = "_user_password"  # of the vendors' modules
_LONGEST = 500  # characters of what Ansible or a crash says

# Signs that a module was not started, or could not be loaded.
_NOT_STARTED = (126, 127)  # what a shell answers for a command that it cannot run
_NOT_IMPORTED = re.compile("(ModuleNotFoundError|ImportError|SyntaxError|IndentationError): ")
_RIGHTS = re.compile(r"\b(chmod|chown|chgrp|setfacl)\b")
_NEVER_CONNECTED = re.compile(
    "ssh: (connect to host|Could not resolve hostname)|Host key verification failed|Permission denied \\(|ControlPath too long"
)
_NEVER_BECAME = re.compile("password|privilege|become", re.IGNORECASE)


def prepare_for_workers() -> None:
    """Do once what each of Ansible's workers would have to do; for a plugin that Ansible loads before it forks them.

    Loads all vendors. And lets the garbage collector leave alone what is there by now: it writes into every object that it looks at, so
    each worker in which it ran would have a copy of its own of Ansible's libraries and the whole inventory.
    """
    for name in _vendor_registry.names():
        _vendor_registry.load(name).spec()
    gc.freeze()


class NotRun(PasswordError):
    """The vendor's module did not run to its end where it was sent to.

    :param unreachable: Ansible could not get through to that machine.
    :param begun: whether the module may have been at work before it failed.
    """

    def __init__(self, kind: str, message: str, unreachable: bool = False, begun: bool = False) -> None:
        super().__init__(kind, Outside(message))
        self.unreachable, self.begun = unreachable, begun


def run_vendor_module(
    action: Any,
    vendor: Type[Vendor],
    args: Dict[str, Any],
    task_vars: Dict[str, Any],
    check_mode: Optional[bool] = None,
    opened: Optional[Callable[[], None]] = None,
) -> Dict[str, Any]:
    """Run the module of a vendor for a rotation.

    :param action: the action plugin that runs it.
    :param args: the module's options.
    :param task_vars: the variables of the task.
    :param check_mode: whether nothing may be written; ``None`` for what the task says.
    :param opened: called once the operator has logged in; never if the module runs elsewhere.
    :return: the module's result.
    :raises PasswordError: ``invalid_input``; :class:`NotRun`.
    """
    params = validated_connection(vendor.spec(), args)
    if check_mode is None:
        check_mode = action._task.check_mode
    if not rotates_here(action, task_vars):
        with _as_in_check_mode(action, check_mode):
            return _ship(action, vendor.name, args, task_vars)
    return run_vendor(vendor, params, bool(check_mode), opened)


def require_libraries(action: Any, task_vars: Dict[str, Any]) -> None:
    """Make sure, before anything is noted, that the module of a vendor can run here, if that is where it runs.

    :raises PasswordError: ``invalid_input``.
    """
    try:
        require_library()
    except MissingLibraryError:
        if rotates_here(action, task_vars):
            raise


def _ship(action: Any, vendor: str, args: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
    """Have Ansible copy the module to where the task runs, and start it there.

    :raises NotRun: it did not come to its end.
    """
    with _watched(action._connection) as was_started:
        try:
            result: Dict[str, Any] = action._execute_module(
                module_name="rekey.passwords.%s%s" % (vendor, SUFFIX), module_args=args, task_vars=task_vars
            )
        except AnsibleConnectionFailure as exc:
            # It may have come while the module was at work.
            begun = (
                was_started()
                and not isinstance(exc, AnsibleAuthenticationFailure)
                and not _NEVER_CONNECTED.search(str(exc))
            )
            raise NotRun(errors.CONNECTION_FAILED, _words(exc), unreachable=True, begun=begun) from None
        except AnsibleError as exc:
            # In front of the module there is nothing but the change to another user.
            begun = was_started() and not _NEVER_BECAME.search(str(exc))
            raise NotRun(errors.CONNECTION_FAILED, _words(exc), begun=begun) from None
    if isinstance(result.get("users"), list):
        return result
    if result.get("unreachable"):
        raise NotRun(errors.CONNECTION_FAILED, " ".join(str(result.get("msg")).split()), unreachable=True, begun=True)
    begun = _may_have_begun(result)
    raise NotRun(errors.OUTCOME_UNKNOWN if begun else errors.INVALID_INPUT, _complaint(result), begun=begun)


@contextmanager
def _watched(connection: Any) -> Iterator[Callable[[], bool]]:
    """Watch what Ansible does with a connection.

    :return: a function: whether it has set out to start the module; what only prepares that (folders, rights) does not count.
    """
    seen: Dict[str, bool] = {}
    put_file: Any = getattr(connection, "put_file", None)
    exec_command: Any = getattr(connection, "exec_command", None)

    def put(*args: Any, **options: Any) -> Any:
        seen["copied"] = True
        return put_file(*args, **options)

    def execute(cmd: str, in_data: Any = None, **options: Any) -> Any:
        seen["started"] = (
            seen.get("started", False) or bool(in_data) or ("copied" in seen and not _RIGHTS.search(str(cmd)))
        )
        return exec_command(cmd, in_data=in_data, **options)

    if put_file is None or exec_command is None:
        yield lambda: False
        return
    before = dict(vars(connection))
    connection.put_file, connection.exec_command = put, execute
    try:
        yield lambda: seen.get("started", False)
    finally:
        for name in ("put_file", "exec_command"):
            delattr(connection, name)
            if name in before:
                setattr(connection, name, before[name])


def _may_have_begun(result: Dict[str, Any]) -> bool:
    """Whether a module that has given no result of its own may have done something before it ended."""
    if "module_stdout" not in result and "module_stderr" not in result:
        # What our module refuses by itself, it refuses before it begins.
        return False
    if result.get("rc") in _NOT_STARTED or re.search(
        r"module interpreter .{0,500} was not found", str(result.get("msg")), re.DOTALL
    ):
        return False
    # No exception gets out of the module once it has begun, and it imports all that it needs before that.
    return _NOT_IMPORTED.match(_last_line(result)) is None


def _last_line(result: Dict[str, Any]) -> str:
    """Of a traceback the last line alone says what happened."""
    for key in ("module_stderr", "module_stdout"):
        lines = [line.strip() for line in str(result.get(key) or "").splitlines() if line.strip()]
        if lines:
            return lines[-1]
    return ""


def _words(exc: AnsibleError) -> str:
    return " ".join(str(getattr(exc, "message", None) or exc).split())[:_LONGEST]


def _complaint(result: Dict[str, Any]) -> str:
    """What a result without users says of the reason."""
    message = str(result.get("msg") or "The module failed and did not say why.")
    text = " ".join([*message.split(), *_last_line(result).split()])
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


@contextmanager
def _as_in_check_mode(action: Any, check_mode: Optional[bool]) -> Iterator[None]:
    """Ansible takes the mode of a shipped module from the task alone."""
    before, action._task.check_mode = action._task.check_mode, check_mode
    try:
        yield
    finally:
        action._task.check_mode = before


def runs_here(action: Any, task_vars: Dict[str, Any]) -> bool:
    """Whether the task would run on this machine, as this user, by this Python and with nothing around it.

    :raises PasswordError: ``invalid_input``: ``rekey_in_process`` is neither ``auto`` nor ``never``.
    """
    return rotates_here(action, task_vars) and _is_this_python(action, task_vars)


def rotates_here(action: Any, task_vars: Dict[str, Any]) -> bool:
    """The same for a rotation, which needs no Python but the one that runs here: ``ansible_python_interpreter`` is often meant for machines.

    :raises PasswordError: ``invalid_input``: ``rekey_in_process`` is neither ``auto`` nor ``never``.
    """
    task = action._task
    wish = action._templar.template(task_vars.get("rekey_in_process", "auto"))
    if wish not in ("auto", "never"):
        raise PasswordError(errors.INVALID_INPUT, "rekey_in_process must be auto or never.")
    # The variable ansible_become overrides the task's keyword; the connection knows what came of both.
    return not (
        wish == "never"
        or not is_local(action)
        or action._connection.become
        or task.async_val
        or any(task.environment or ())
    )


def is_local(action: Any) -> bool:
    """Whether the task runs on this machine, if perhaps as another user or by another Python."""
    return bool(action._connection.transport == "local")


def task_environment(action: Any) -> Dict[str, str]:
    """The variables that the task, or what stands around it, sets for its module."""
    environment: Dict[str, str] = {}
    for part in action._task.environment or ():
        variables = action._templar.template(part)
        if isinstance(variables, dict):
            environment.update((str(name), str(value)) for name, value in variables.items())
    return environment


def _is_this_python(action: Any, task_vars: Dict[str, Any]) -> bool:
    """Whether the task's Python is to be found by Ansible itself, or is the one that runs here."""
    delegated = task_vars.get("ansible_delegated_vars", {}).get(action._task.delegate_to)
    python = constants.config.get_config_value(
        "INTERPRETER_PYTHON", variables=task_vars if delegated is None else delegated
    )
    python = str(action._templar.template(python))
    return python.startswith("auto") or _place(shutil.which(python) or python) == _place(sys.executable)


def _place(python: str) -> Tuple[str, str]:
    """The same for the names that one Python has in one folder (python, python3, python3.12), of which pip writes any into the programs that it installs."""
    # The folder counts, too: the Python of a virtual environment is a link to one that has other libraries.
    return os.path.dirname(os.path.abspath(python)), os.path.realpath(python)
