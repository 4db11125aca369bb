# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of its users a task is limited to."""

from __future__ import annotations

import difflib
import fnmatch
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._arguments import plain

NOBODY = "No user of this host is among those that the run is limited to (rotate_only)."


def limited_to(users: List[Dict[str, Any]], only: Any, task_vars: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Those of the users that the option ``only`` names; all where it names nobody.

    :param users: dicts with ``name``.
    :param only: the option.
    :param task_vars: the variables of the task, which know the users of the play's other hosts.
    :raises PasswordError: ``invalid_input``: a name or a pattern fits nobody at any host of the play.
    """
    patterns = read_patterns(only)
    if not patterns:
        return users
    names = [user["name"] for user in users]
    unused = [pattern for pattern in patterns if not any(_fits(name, pattern) for name in names)]
    if unused:
        elsewhere = _names_elsewhere(task_vars)
        if elsewhere is not None:
            _require_use(unused, {*names, *elsewhere})
    return [user for user in users if any(_fits(user["name"], pattern) for pattern in patterns)]


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


def _require_use(patterns: Iterable[str], names: Set[str]) -> None:
    complaints = []
    for pattern in patterns:
        if not any(_fits(name, pattern) for name in names):
            near = difflib.get_close_matches(pattern, sorted(names), 1, 0.6)
            complaints.append(pattern + (" (did you mean %s?)" % near[0] if near else ""))
    if complaints:
        raise PasswordError(
            errors.INVALID_INPUT,
            "only (in the role: rotate_only) fits no user of any host of this run: %s. Nothing was changed."
            % ", ".join(complaints),
        )


def _names_elsewhere(task_vars: Mapping[str, Any]) -> Optional[Set[str]]:
    """The users of all hosts of the play; ``None`` if the variables of one cannot be resolved, which that host itself reports."""
    hostvars = task_vars.get("hostvars") or {}
    hosts = task_vars.get("ansible_play_hosts_all") or ()
    names: Set[str] = set()
    try:
        for host in (hostvars["localhost"] if "localhost" in hostvars else {}).get("rotate_chosen_hosts") or hosts:
            for user in plain(hostvars[host].get("rotate_users")) or ():
                names.add(user if isinstance(user, str) else user["name"])
    except Exception:  # pylint: disable=broad-exception-caught
        return None
    return names
