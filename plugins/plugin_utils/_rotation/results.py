# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vendor module's result, read where it comes in, and the results of those for whom it did nothing."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .policy import Policy


def placed(entries: List[Dict[str, Any]], users: List[Any]) -> List[Dict[str, Any]]:
    """The module's results under the names of those whose they are.

    Results come in the order of the entries. Their names may have been masked on the way, where a password stands in a name.
    """
    if len(users) != len(entries):
        names = {entry["name"] for entry in entries}
        return [
            user
            for user in users
            if isinstance(user, dict) and user.get("name") in names and isinstance(user.get("state"), str)
        ]
    found = []
    for entry, user in zip(entries, users):
        if not isinstance(user, dict) or not isinstance(user.get("state"), str):
            error = PasswordError(errors.OUTCOME_UNKNOWN, "The vendor's module told nothing about this user.").as_dict()
            user = dict(id=None, state=_change.UNKNOWN, verified=None, error=error)
        found.append(dict(user, name=entry["name"]))
    return found


def judged(user: Dict[str, Any]) -> Dict[str, Any]:
    """The result of a login: an error where no login could tell, and none where the password is merely wrong."""
    error = user["error"] if user["verified"] is None else None
    if user["verified"] is None and error is None:
        error = PasswordError(errors.NOT_VERIFIED, "No login can be made there to find out.").as_dict()
    return dict(user, error=error)


def against_the_policy(names: Iterable[str], asked: Policy, used: Policy) -> List[str]:
    """A warning if the vendor made us use characters that the user's policy leaves out."""
    classes = [
        name for name in ("upper", "lower", "digits", "symbols") if not getattr(asked, name) and getattr(used, name)
    ]
    if not classes:
        return []
    what = {"upper": "capital letters", "lower": "small letters", "digits": "digits", "symbols": "symbols"}
    return [
        "The vendor refused the passwords of %s; the new ones hold %s, although the policy (rotate_policy) leaves them out."
        % (", ".join(names), ", ".join(what[name] for name in classes))
    ]


def superseded(name: str, finished: bool) -> Dict[str, Any]:
    """The result of a user whose staged password is not there any more."""
    if finished:
        # Nothing is left to be done for it.
        return dict(name=name, id=None, state=_change.UNCHANGED, verified=None, error=None)
    return not_sent(
        name,
        PasswordError(errors.STORE_CONFLICT, "Another run has staged %s anew meanwhile; it was left alone." % name),
    )


def not_sent(name: str, error: PasswordError) -> Dict[str, Any]:
    """The result of a user for whom nothing was sent."""
    return dict(name=name, id=None, state=_change.FAILED, verified=None, error=error.as_dict())


def ended_before_anybody(results: Dict[str, Any], *, refused_at_once: bool) -> bool:
    """Whether it is certain that neither a login nor a change was tried for any of the users: the call as a whole failed, and before that."""
    error = results.get("error")
    if (
        not error
        or not results["users"]
        or any(user["state"] != _change.FAILED or user.get("error") != error for user in results["users"])
    ):
        return False
    # The operator may be refused in the middle of a batch, and what is unforeseen may happen anywhere.
    return (
        refused_at_once
        if error.get("kind") == errors.AUTHENTICATION_FAILED
        else error.get("kind") != errors.UNEXPECTED_RESPONSE
    )
