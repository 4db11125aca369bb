# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rotation's action plugins share: reading their options, opening the store, and failing without a secret."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ansible import errors as ansible_errors
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.rekey.passwords.plugins.module_utils import _argument_spec, _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import SHORT, Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from . import _vendor_runner
from ._arguments import plain, texts, validated
from ._folder_trust import read_by_ansible
from ._rotation import variables
from ._rotation.retry_time import add_times
from ._store_registry import open_store, secrets_in
from ._times import utc_now
from .store import BEGIN_OPTIONS, DamagedRecordError, Store
from .store import OPTIONS as STORE_OPTIONS

# What a change may have come to, and how many failed logins anybody may have counted.
_STATES = (_change.CHANGED, _change.UNCHANGED, _change.WOULD_CHANGE, _change.FAILED, _change.UNKNOWN)
_MOST_FAILED_LOGINS = 1_000_000

_WAY_OUT = (
    " Where there is no copy, rotation_repair can set the damaged record aside and begin another one with a password that you tell "
    "(option set_aside_damaged; playbook repair: rotate_repair_set_aside_damaged)."
)

TARGET = dict(target=dict(type="str"))

# What default(omit) raises, which is no failure.
_OMITTED = getattr(ansible_errors, "AnsibleValueOmittedError", ())


class RotationAction(ActionBase):
    """An action of the rotation; a subclass declares ``SPEC`` and implements :meth:`rotate`."""

    SPEC: dict = {}
    # Without BEGIN_OPTIONS where nothing is written, and nothing for an action without a store.
    STORE_SPEC: dict = dict(STORE_OPTIONS, **BEGIN_OPTIONS, **TARGET)
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        """Validate the options and do the work; every failure becomes a result with ``msg`` and ``error``."""
        result = super().run(tmp, task_vars)
        scrub = self._scrub = Scrubber()
        self._stores = []
        try:
            self._check_variables(task_vars or {})
            args = self._validated()
            scrub.add(*_current_passwords(args))
            scrub.keep(*_names(args), *_argument_spec.names(self.SPEC, args))
            result.update(self.rotate(args, task_vars or {}, scrub))
            if args.get("vendor") and self._stores:
                add_times(
                    result,
                    self._stores[0],
                    lambda: _vendor_runner.vendor_module(args["vendor"]).VENDOR.capabilities,
                    utc_now(),
                )
        except PasswordError as error:
            result.update(self.failure(error))
        except Exception as exc:  # pylint: disable=broad-exception-caught
            message = errors.unexpected_text(exc)
            result.update(failed=True, msg=message, error=PasswordError(errors.UNEXPECTED_RESPONSE, message).as_dict())
        finally:
            for store in self._stores:
                store.close()
        return result

    def failure(self, error):
        """What a result tells of an error that concerns the whole task.

        :param error: a :class:`PasswordError`, whose message may hold a secret.
        """
        told = error.as_dict(self._scrub)
        if isinstance(error, DamagedRecordError):
            told["message"] += _WAY_OUT
        return dict(failed=True, msg=told["message"], error=told)

    @classmethod
    def finalize_task_arg(cls, name, value, templar, context):
        """Resolve an option. Ansible would print a template that fails, with the lines around it, and they may hold passwords: :meth:`run` says so instead."""
        try:
            return super().finalize_task_arg(name, value, templar, context)
        except _OMITTED:
            raise
        except Exception as exc:  # pylint: disable=broad-exception-caught
            return variables.unresolved(exc)

    def _check_variables(self, task_vars):
        """Refuse what cannot be resolved, and misspelt variables.

        :raises PasswordError: ``invalid_input``.
        """
        # Whoever uses an action without the variables of the role may have named other ones as he likes.
        role = getattr(self._task, "_role", None)
        ours = "rotate_vendor" in task_vars or (role is not None and role.get_name() == "rekey.passwords.rotate")
        found = variables.unknown(task_vars) if ours else []
        told = [
            told
            for told in (variables.complaint(found) if found else None, variables.why_unresolved(self._task.args))
            if told
        ]
        if told:
            raise PasswordError(errors.INVALID_INPUT, " ".join(told))

    def _validated(self):
        spec = dict(self.SPEC, **self.STORE_SPEC)
        try:
            args = {name: _listed(value, spec.get(name, {})) for name, value in self._task.args.items()}
            return validated(dict(argument_spec=spec), args)
        except PasswordError as error:
            # Which of the options are secrets is not known yet, so the message repeats none of them.
            # Very short texts are let through: they stand in any message, and hiding them would hide it as a whole.
            # Options that are texts are never repeated, whatever they hold.
            plain_options = [
                name for name, option in spec.items() if option.get("type") in ("str", "path") or option.get("choices")
            ]
            odd = [value for name, value in self._task.args.items() if name not in plain_options]
            found = [text for value in odd for text in texts(value)]
            error.message = variables.with_names(Scrubber(text for text in found if len(text) >= SHORT)(error.message))
            raise

    @abstractmethod
    def rotate(self, args, task_vars, scrub):
        """Do the work.

        :param args: the validated options.
        :param scrub: learns the secrets that are read, so that no message shows them.
        :return: the result, free of secrets.
        :raises PasswordError: becomes the task's failure.
        """

    def record_name(self, args: dict, task_vars: dict) -> str:
        """The name under which the store keeps the records of the endpoint that the task is about.

        :raises PasswordError: ``invalid_input``.
        """
        name = (
            args.get("target")
            or self._templar.template(task_vars.get("rotate_target"))
            or task_vars["inventory_hostname"]
        )
        if not isinstance(name, str):
            raise PasswordError(
                errors.INVALID_INPUT, "target (in the role: rotate_target) is not a text; put it into quotes."
            )
        return plain(name)

    def open_store(self, args: dict, task_vars: dict) -> Store:
        """The store of the endpoint that the task is about."""
        why = (
            args["store"] == "ansible_vault"
            and args["store_path"]
            and read_by_ansible(args["store_path"], task_vars.get("ansible_inventory_sources") or ())
        )
        if why:
            Display().warning("Keep the store %s elsewhere: %s." % (args["store_path"], why))
        return self.open_store_of(args, self.record_name(args, task_vars))

    def open_store_of(self, args: dict, name: str) -> Store:
        """The store with the records of that name."""
        self._scrub.add(*secrets_in(args["store"], args))
        self._stores.append(open_store(args["store"], name, args, self._loader))
        return self._stores[-1]

    @property
    def check_mode(self):
        """Whether nothing may be written."""
        return self._task.check_mode


def _listed(value: Any, option: dict) -> Any:
    """An option as the validator takes it: a list as it is, and one that was written as a text (``-e``, a survey) without the blanks in it."""
    if isinstance(value, str) and option.get("type") == "list" and option.get("choices"):
        return [part.strip() for part in value.split(",") if part.strip()]
    return _Uncopied(value) if isinstance(value, list) else value


class _Uncopied(list):
    """A list that the validator takes as it is: a copy of a user takes 2 kB, most of it for where in which file each text of it stands."""

    def __deepcopy__(self, memo):
        return self


def read_users(users, with_password=False):
    """The option ``users``, whose elements are names or dicts, as a list of dicts.

    :param with_password: whether a user's password may be told.
    :raises PasswordError: ``invalid_input``; the message tells which element is wrong, never what it holds.
    """
    found, names = [], set()
    for number, user in enumerate(users, 1):
        # Texts without what Ansible notes of where they come from, which each copy would copy.
        user = {
            key: plain(value) if isinstance(value, str) else value
            for key, value in (user if isinstance(user, dict) else {"name": user}).items()
        }
        name = user.get("name")
        if not isinstance(name, str) or not name:
            raise PasswordError(
                errors.INVALID_INPUT, "Element %d of users is neither a name nor a dictionary with a name." % number
            )
        if name in names:
            raise PasswordError(errors.INVALID_INPUT, "users names %s twice." % name)
        if "password" in user and not with_password:
            raise PasswordError(
                errors.INVALID_INPUT,
                "users gives a password for %s; new passwords are generated. Its present one is called current_password."
                % name,
            )
        for option in ("current_password", "password"):
            if user.get(option) is not None and not isinstance(user[option], str):
                raise PasswordError(
                    errors.INVALID_INPUT, "The %s of %s is not a text; put it into quotes." % (option, name)
                )
        names.add(name)
        found.append(user)
    return found


def read_staged(staged):
    """The option ``staged``.

    :raises PasswordError: ``invalid_input``: it is not what rotation_stage has returned.
    """
    for number, user in enumerate(staged, 1):
        if not all(key in user for key in ("name", "due", "reason", "run_id", "fresh", "rotated_at")):
            raise PasswordError(
                errors.INVALID_INPUT, "Element %d of staged is not what rotation_stage returns in users." % number
            )
    return staged


def read_results(results):
    """The option ``results``, which tasks of the user's own may have written.

    :return: list of dicts with name, state, verified (true, false or null) and error (a dict with kind and message, or null).
    :raises PasswordError: ``invalid_input``; the message tells which element is wrong, never what it holds.
    """
    found, names = [], set()
    for number, result in enumerate(results, 1):
        name, state, verified, error = (result.get(key) for key in ("name", "state", "verified", "error"))
        if not isinstance(name, str) or not isinstance(state, str):
            raise PasswordError(errors.INVALID_INPUT, "Element %d of results lacks a name or a state." % number)
        if name in names:
            raise PasswordError(errors.INVALID_INPUT, "results names %s twice." % name)
        if state not in _STATES:
            raise PasswordError(
                errors.INVALID_INPUT, "In element %d of results state is none of %s." % (number, ", ".join(_STATES))
            )
        failed = result.get("failed_logins")
        if failed is not None and (
            isinstance(failed, bool) or not isinstance(failed, int) or not 0 <= failed <= _MOST_FAILED_LOGINS
        ):
            raise PasswordError(
                errors.INVALID_INPUT, "In element %d of results failed_logins is not a number of logins." % number
            )
        try:
            # A template may have made a text of it, and the text "False" must not pass for a proof.
            verified = None if verified is None else boolean(verified)
        except TypeError:
            raise PasswordError(
                errors.INVALID_INPUT, "In element %d of results verified is neither true nor false nor null." % number
            ) from None
        if error is not None and not (
            isinstance(error, dict) and isinstance(error.get("kind"), str) and isinstance(error.get("message"), str)
        ):
            raise PasswordError(
                errors.INVALID_INPUT, "In element %d of results error is no dictionary with kind and message." % number
            )
        names.add(name)
        found.append(dict(result, verified=verified, error=error))
    return found


def _names(args: dict[str, Any]) -> list[str]:
    """The names of the users, which are no secrets even where a password is the same."""
    users = args.get("users") or []
    found = [user.get("name") if isinstance(user, dict) else user for user in users]
    return [name for name in found if isinstance(name, str)]


def _current_passwords(args):
    users = [user for user in args.get("users") or [] if isinstance(user, dict)]
    return [str(user[option]) for user in users for option in ("current_password", "password") if user.get(option)]
