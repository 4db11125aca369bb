# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rotation's action plugins share: reading their options, opening the store, and failing without a secret."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Dict, Optional

from ansible import errors as ansible_errors
from ansible.plugins.action import ActionBase
from ansible_collections.rekey.passwords.plugins.module_utils import _argument_spec, errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import SHORT, Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ._arguments import texts, validated
from ._rotation import artifacts, variables
from ._rotation.options import TARGET
from ._rotation.retry_time import add_times
from ._rotation.task import Task, failure
from ._times import utc_now
from .store import BEGIN_OPTIONS
from .store import OPTIONS as STORE_OPTIONS

# What default(omit) raises; it is not a failure.
_OMITTED = getattr(ansible_errors, "AnsibleValueOmittedError", ())


class RotationAction(ActionBase):
    """An action of the rotation; a subclass declares ``SPEC`` and implements :meth:`rotate`."""

    SPEC: Dict[str, Any] = {}
    # Without BEGIN_OPTIONS where nothing is written, and nothing for an action without a store.
    STORE_SPEC: Dict[str, Any] = dict(STORE_OPTIONS, **BEGIN_OPTIONS, **TARGET)
    # What the action leaves for a workflow; None: nothing.
    COUNTS: ClassVar[Optional[artifacts.Counts]] = None
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the options and do the work; every failure becomes a result with ``msg`` and ``error``."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        scrub = Scrubber()
        task: Task | None = None
        try:
            self._check_variables(task_vars or {})
            args = self._validated()
            scrub.add(*_current_passwords(args))
            scrub.keep(*_names(args), *_argument_spec.names(self.SPEC, args))
            task = Task(self, args, task_vars or {}, scrub)
            result.update(self.rotate(task))
            if task.options.named and task.stores:
                add_times(result, task.stores[0], task.options.capabilities, utc_now())
        except PasswordError as error:
            result.update(failure(error, scrub))
        except Exception as exc:  # pylint: disable=broad-exception-caught
            message = errors.unexpected_text(exc)
            result.update(failed=True, msg=message, error=PasswordError(errors.UNEXPECTED_RESPONSE, message).as_dict())
        finally:
            if task is not None:
                task.close_stores()
        counts = type(self).COUNTS
        if counts is not None:
            result["ansible_stats"] = artifacts.artifact(
                (task_vars or {}).get("inventory_hostname", ""), counts, result
            )
        return result

    @classmethod
    def finalize_task_arg(cls, name: str, value: Any, templar: Any, context: Any) -> Any:
        """Resolve an option. Ansible would print a failing template with the lines around it, which may hold passwords; :meth:`run` reports it instead."""
        try:
            return super().finalize_task_arg(name, value, templar, context)
        except _OMITTED:
            raise
        except Exception as exc:  # pylint: disable=broad-exception-caught
            return variables.unresolved(exc)

    def _check_variables(self, task_vars: dict[str, Any]) -> None:
        """Refuse what cannot be resolved, and misspelt variables.

        :raises PasswordError: ``invalid_input``.
        """
        # Without the variables of the role, a play that uses an action directly may have any variables of its own.
        role = getattr(self._task, "_role", None)
        ours = "rotate_vendor" in task_vars or (role is not None and role.get_name() == "rekey.passwords.rotate")
        unknown = variables.unknown(task_vars) if ours else []
        complaints = [variables.complaint(unknown) if unknown else None, variables.why_unresolved(self._task.args)]
        if any(complaints):
            raise PasswordError(errors.INVALID_INPUT, " ".join(filter(None, complaints)))

    def _validated(self) -> dict[str, Any]:
        spec = dict(self.SPEC, **self.STORE_SPEC)
        try:
            args = {name: _listed(value, spec.get(name, {})) for name, value in self._task.args.items()}
            return validated(dict(argument_spec=spec), args)
        except PasswordError as error:
            # Which of the options are secrets is not known yet, so the message repeats none of them.
            # Very short texts are let through: they occur in any message, and hiding them would hide it as a whole.
            # Options that are texts are never repeated, whatever they hold.
            plain_options = [
                name for name, option in spec.items() if option.get("type") in ("str", "path") or option.get("choices")
            ]
            odd = [value for name, value in self._task.args.items() if name not in plain_options]
            values = [text for value in odd for text in texts(value)]
            error.message = variables.with_names(Scrubber(text for text in values if len(text) >= SHORT)(error.message))
            raise

    @abstractmethod
    def rotate(self, task: Task) -> dict[str, Any]:
        """Do the work.

        :return: the result, free of secrets.
        :raises PasswordError: becomes the task's failure.
        """


def _listed(value: Any, option: Dict[str, Any]) -> Any:
    """An option as the validator takes it; a list that was written as a text (``-e``, a survey) is split, without the blanks around its elements."""
    if isinstance(value, str) and option.get("type") == "list" and option.get("choices"):
        return [part.strip() for part in value.split(",") if part.strip()]
    return _Uncopied(value) if isinstance(value, list) else value


class _Uncopied(list[Any]):
    """A list that the validator does not copy: a copy of a user takes 2 kB, most of it for the place in a file that each text came from."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Uncopied:
        return self


def _names(args: dict[str, Any]) -> list[str]:
    """The names of the users, which are not secrets even where a password is the same."""
    names = [user.get("name") if isinstance(user, dict) else user for user in _elements(args)]
    return [name for name in names if isinstance(name, str)]


def _current_passwords(args: dict[str, Any]) -> list[str]:
    users = [user for user in _elements(args) if isinstance(user, dict)]
    return [str(user[option]) for user in users for option in ("current_password", "password") if user.get(option)]


def _elements(args: dict[str, Any]) -> list[Any]:
    """The users, and the accounts of those that are pairs."""
    users = list(args.get("users") or [])
    accounts = [user.get("accounts") for user in users if isinstance(user, dict)]
    return users + [account for several in accounts if isinstance(several, list) for account in several]
