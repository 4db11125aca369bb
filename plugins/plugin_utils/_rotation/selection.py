# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of its users a task is limited to."""

from __future__ import annotations

import fnmatch
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._arguments import plain, with_suggestion

NOBODY = "No user of this host is among those that the run is limited to (rotate_only)."


def limited_to(
    users: List[Dict[str, Any]],
    only: Any,
    task_vars: Mapping[str, Any],
    pair_of: Optional[Mapping[str, str]] = None,
    *,
    by_account: bool = False,
) -> List[Dict[str, Any]]:
    """Those of the users that the option ``only`` names; all where it names nobody.

    :param users: dicts with ``name``.
    :param only: the option.
    :param task_vars: the variables of the task, which know the users of the play's other hosts.
    :param pair_of: the names of pairs, by the names of their accounts; an account goes by the name of its pair.
    :param by_account: whether it goes by its own name, too.
    :raises PasswordError: ``invalid_input``: a name or a pattern fits nobody at any host of the play.
    """
    patterns = read_patterns(only)
    if not patterns:
        return users
    called = {user["name"]: (pair_of or {}).get(user["name"], user["name"]) for user in users}
    names = set(called.values()) | (set(called) if by_account else set())
    unused = _unused(patterns, names)
    if unused:
        _look_elsewhere(unused, names, task_vars)

    def is_meant(name: str) -> bool:
        return any(_fits(called[name], pattern) or (by_account and _fits(name, pattern)) for pattern in patterns)

    return [user for user in users if is_meant(user["name"])]


def read_patterns(only: Any) -> Tuple[str, ...]:
    """The option ``only``: a list, or one text with commas or line breaks between the names, as a survey gives it.

    :raises PasswordError: ``invalid_input``.
    """
    only = plain(only)
    if only is None:
        return ()
    if isinstance(only, str):
        only = only.replace("\n", ",").split(",")
    if not isinstance(only, list) or not all(isinstance(item, str) for item in only):
        raise PasswordError(
            errors.INVALID_INPUT,
            "only (in the role: rotate_only) must be a list of names or patterns; put each into quotes.",
        )
    return tuple(item.strip() for item in only if item.strip())


def _fits(name: str, pattern: str) -> bool:
    # A user may be called a[1].
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def _unused(patterns: Iterable[str], names: Iterable[str]) -> List[str]:
    return [pattern for pattern in patterns if not any(_fits(name, pattern) for name in names)]


def _look_elsewhere(patterns: List[str], names: Set[str], task_vars: Mapping[str, Any]) -> None:
    """Look for users of other hosts whom these patterns fit.

    :param names: of the users of this host.
    :raises PasswordError: ``invalid_input``: there are none.
    """
    try:
        for found in _names_by_host(task_vars):
            patterns, names = _unused(patterns, found), names | found
            if not patterns:
                # The variables of many hosts take long to resolve.
                return
    except Exception:  # pylint: disable=broad-exception-caught
        # Variables that cannot be resolved are reported by their own host, and nobody knows whether its users would fit.
        return
    raise PasswordError(
        errors.INVALID_INPUT,
        "only (in the role: rotate_only) fits no user of any host of this run: %s. Nothing was changed."
        % ", ".join(with_suggestion(pattern, names) for pattern in patterns),
    )


def _names_by_host(task_vars: Mapping[str, Any]) -> Iterator[Set[str]]:
    """The names of the users of each host of the run."""
    hostvars = task_vars.get("hostvars") or {}
    chosen = hostvars["localhost"].get("rotate_chosen_hosts") if "localhost" in hostvars else None
    for host in chosen or task_vars.get("ansible_play_hosts_all") or ():
        users = plain(hostvars[host].get("rotate_users")) or ()
        yield {user if isinstance(user, str) else user["name"] for user in users}
