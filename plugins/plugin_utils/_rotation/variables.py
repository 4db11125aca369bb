# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the rotation: which names there are, and what may be said of a template that fails."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._arguments import with_suggestion

PREFIX = "rotate_"
# For the user's own variables: no version of the collection will ever use this prefix.
OWN_PREFIX = "rotate_my_"

ROLE = frozenset(
    """
    rotate_vendor rotate_users rotate_connection rotate_target rotate_store rotate_store_path rotate_store_options rotate_store_create rotate_max_age
    rotate_force rotate_adopt rotate_adopt_spread rotate_window rotate_spread rotate_only rotate_reason rotate_policy rotate_accept_unverified
    rotate_max_attempts rotate_rollback rotate_verify_after rotate_reconcile rotate_change_tasks
    rotate_deliver_tasks rotate_confirm_tasks rotate_grace
    rotate_deliver_files rotate_deliver_kubernetes rotate_deliver_vault rotate_deliver_webhooks
    """.split()
)
PLAYBOOKS = frozenset(
    """
    rotate_hosts rotate_serial rotate_max_fail_percentage rotate_repair_users rotate_repair_user rotate_repair_password rotate_repair_reset
    rotate_repair_set_aside_damaged rotate_repair_forget_failed_logins rotate_status_fail_on rotate_check_previous rotate_to_store rotate_to_store_path
    rotate_to_store_options rotate_to_store_create rotate_retire_users
    """.split()
)
# What tasks of the role and of the playbooks leave behind.
RESULTS = frozenset(
    """
    rotate_done rotate_staged rotate_result rotate_committed rotate_rolled_back rotate_moved rotate_repaired rotate_retired rotate_status
    rotate_names rotate_chosen_hosts rotate_progress rotate_deliver rotate_deliver_file rotate_deliver_result rotate_deliver_failure rotate_delivered
    rotate_first rotate_again_for rotate_checked rotate_emergency
    """.split()
)
KNOWN = ROLE | PLAYBOOKS | RESULTS

# What Ansible says of a failing template may repeat the template, and values in it. These say only names.
_UNDEFINED = re.compile(r"'(\w+)' is undefined")
_NO_SUCH_PLUGIN = re.compile(r"No (filter|test) named '([\w.]+)'")
_LOOKUP = re.compile(r"[Ll]ookup plugin '([\w.]+)'")
_OURS = re.compile(r"rekey\.passwords\.(?:secret|login): (.+)", re.DOTALL)

_UNRESOLVED = "__rekey_passwords_unresolved__"


def unknown(names: Iterable[str]) -> list[str]:
    """The names that look like variables of the rotation but are not, sorted."""
    return sorted(
        name
        for name in names
        if str(name).startswith(PREFIX) and name not in KNOWN and not str(name).startswith(OWN_PREFIX)
    )


def complaint(names: list[str]) -> str:
    """What is wrong with variables that nobody knows, and what to do.

    :param names: what :func:`unknown` returned; not empty.
    """
    hints = [with_suggestion(name, ROLE | PLAYBOOKS, 0.7) for name in names]
    return "Unknown variable%s: %s. Correct or remove %s; variables of your own may begin with %s." % (
        "s" if len(names) > 1 else "",
        ", ".join(hints),
        "them" if len(names) > 1 else "it",
        OWN_PREFIX,
    )


def with_names(message: str) -> str:
    """What Ansible says of a wrong option, with the name that the option has in the role."""
    return re.sub(r"\bargument '(\w+)'", lambda match: match.group(0) + _variable(match.group(1)), message)


def unresolved(error: BaseException) -> dict[str, str]:
    """The placeholder for an option whose template failed.

    :param error: what the template raised; its own text may hold a secret.
    """
    return {_UNRESOLVED: _reason(error)}


def why_unresolved(args: Mapping[str, Any]) -> str | None:
    """The message on the options whose templates failed, or ``None``.

    :param args: the options of a task.
    """
    failed = [
        (name, value[_UNRESOLVED])
        for name, value in args.items()
        if isinstance(value, Mapping) and _UNRESOLVED in value
    ]
    if not failed:
        return None
    complaints = ["%s%s: %s" % (name, _variable(name), reason) for name, reason in failed]
    return "The value of an option cannot be resolved. " + " ".join(complaints)


def check(task_vars: Mapping[str, Any], resolve: Callable[[Any], Any]) -> dict[str, Any]:
    """Resolve the variables of the role.

    :param task_vars: the variables of a task.
    :param resolve: renders the templates in a value.
    :return: the result of the task.
    :raises PasswordError: ``invalid_input``: some cannot be resolved.
    """
    failed = []
    for name in sorted(ROLE.intersection(task_vars)):
        try:
            resolve(task_vars[name])
        except Exception as exc:  # pylint: disable=broad-exception-caught
            failed.append("%s: %s" % (name, _reason(exc)))
    if failed:
        raise PasswordError(errors.INVALID_INPUT, "A variable cannot be resolved. " + " ".join(failed))
    return dict(changed=False)


def _variable(option: str) -> str:
    name = PREFIX + option
    return " (in the role: %s)" % name if name in ROLE else ""


def _reason(error: BaseException) -> str:
    texts = _texts(error)
    for pattern, words in (
        (_OURS, "%s"),
        (_UNDEFINED, "the variable %s is not defined."),
        (_NO_SUCH_PLUGIN, "there is no %s %s."),
        (_LOOKUP, "the lookup %s failed."),
    ):
        for text in texts:
            match = pattern.search(text)
            if match:
                return words % match.groups()
    return (
        "its template failed (%s). The reason is not shown, since it may hold a secret."
        % type(_innermost(error)).__name__
    )


def _texts(error: BaseException) -> list[str]:
    """The messages of an error and of its causes, the innermost first: each outer one repeats those within it, with more around them."""
    return [str(getattr(one, "message", None) or one) for one in reversed(_chain(error))]


def _innermost(error: BaseException) -> BaseException:
    return _chain(error)[-1]


def _chain(error: BaseException) -> list[BaseException]:
    """An error and its causes, the innermost last."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or one.__context__
    return chain
