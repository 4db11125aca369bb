# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of the vendor's module, validated where it comes in, and results of users for whom nothing was sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .policy import Policy

_NO_RESULT = "The vendor's module returned no result for this user."


@dataclass
class ModuleResult:
    """The outcome of a call of the vendor's module."""

    users: List[UserResult] = field(default_factory=list)
    changed: bool = False
    failed: Optional[bool] = None  # None: there was nothing that could fail
    msg: Optional[str] = None
    error: Optional[Dict[str, Any]] = None  # one that concerns all users
    warnings: List[Any] = field(default_factory=list)
    deprecations: List[Any] = field(default_factory=list)
    unreachable: bool = False

    @classmethod
    def read(cls, result: Mapping[str, Any], entries: List[Dict[str, Any]]) -> ModuleResult:
        """Read what the module has returned. One that crashed elsewhere may have left anything in it.

        :param entries: the ``users`` that it was given.
        """
        error = result.get("error")
        return cls(
            users=_placed(entries, result.get("users") or []),
            changed=bool(result.get("changed")),
            failed=result.get("failed"),
            msg=result.get("msg"),
            error=error if isinstance(error, dict) else None,
            warnings=list(result.get("warnings") or []),
            deprecations=list(result.get("deprecations") or []),
            unreachable=bool(result.get("unreachable")),
        )

    @property
    def kind(self) -> Optional[str]:
        """The kind of the error that concerns all users."""
        return (self.error or {}).get("kind")

    @property
    def failures(self) -> List[UserResult]:
        """The users with an error."""
        return [user for user in self.users if user.error]

    def of_kind(self, kind: str) -> Dict[str, UserResult]:
        """The users with an error of that kind, by name."""
        return {str(user.name): user for user in self.failures if (user.error or {}).get("kind") == kind}

    def replace_users(self, again: ModuleResult) -> None:
        """Take over the results of another call for some of the users."""
        later = {user.name: user for user in again.users}
        self.users = [later.get(user.name, user) for user in self.users]
        self.changed, self.failed = self.changed or again.changed, bool(self.failures)
        if not self.failed:
            self.msg = None

    def as_dict(self) -> Dict[str, Any]:
        """As the action returns it."""
        users = [user.as_dict() for user in self.users]
        for user in users:
            if user["failed_logins"] is None:
                del user["failed_logins"]
        rest = dict(
            msg=self.msg,
            error=self.error,
            warnings=self.warnings,
            deprecations=self.deprecations,
            unreachable=self.unreachable,
        )
        result = dict(changed=self.changed, users=users, **{name: value for name, value in rest.items() if value})
        return result if self.failed is None else dict(result, failed=self.failed)


def _placed(entries: List[Dict[str, Any]], users: List[Any]) -> List[UserResult]:
    """The module's results, each under its user's name.

    Results come in the order of the entries. Their names may have been masked on the way, where a password is part of a name.
    """
    if len(users) == len(entries):
        return [_read(user, entry["name"]) for entry, user in zip(entries, users)]
    names = {entry["name"] for entry in entries}
    return [
        _read(user, user["name"])
        for user in users
        if isinstance(user, dict) and user.get("name") in names and isinstance(user.get("state"), str)
    ]


def _read(user: Any, name: str) -> UserResult:
    try:
        return UserResult.from_dict(dict(user, name=name) if isinstance(user, dict) else {})
    except PasswordError:
        error = PasswordError(errors.OUTCOME_UNKNOWN, _NO_RESULT).as_dict()
        return UserResult(name, None, State.UNKNOWN, error=error)


def judged(user: UserResult) -> UserResult:
    """The result of a login: an error where no login could show it, and none where the password is merely wrong."""
    error = user.error if user.verified is None else None
    if user.verified is None and error is None:
        error = PasswordError(errors.NOT_VERIFIED, "No login is possible there, so this is not known.").as_dict()
    return replace(user, error=error)


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


def superseded(name: str, finished: bool) -> UserResult:
    """The result of a user whose staged password is not in the store any more."""
    if finished:
        # Nothing is left to do for it.
        return UserResult(name, None, State.UNCHANGED)
    return not_sent(
        name,
        PasswordError(
            errors.STORE_CONFLICT,
            "Another run has staged a new password for %s in the meantime, so none was sent. Run again if it is still due."
            % name,
        ),
    )


def not_sent(name: str, error: PasswordError) -> UserResult:
    """The result of a user for whom nothing was sent."""
    return UserResult(name, None, State.FAILED, error=error.as_dict())


def foreseen(name: str) -> UserResult:
    """The result of a user for whom a dry run makes no login."""
    return UserResult(name, None, State.WOULD_CHANGE)


def ended_before_anybody(result: ModuleResult, *, refused_at_once: bool) -> bool:
    """Whether it is certain that the whole call failed before a login or a change was tried for any user.

    :param refused_at_once: whether the operator's login is known to have been refused before anything else was sent.
    """
    error = result.error
    if not error or not result.users:
        return False
    if any(user.state != State.FAILED or user.error != error for user in result.users):
        return False
    # The operator may be refused in the middle of a batch, and what is unexpected may happen anywhere.
    return refused_at_once if result.kind == errors.AUTHENTICATION_FAILED else result.kind != errors.UNEXPECTED_RESPONSE
