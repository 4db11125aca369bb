# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the rotation's actions: how they are declared, and how they are read, once for each task."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set

from ansible_collections.rekey.passwords.plugins.module_utils import _vendor_registry, errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Capabilities, Vendor

from .._arguments import plain
from .._times import parse_age
from . import spread, window
from .policy import OPTIONS as POLICY
from .policy import Policy, policy_for
from .user_options import UserOptions, read_line
from .user_options import read as read_user_options
from .users import StagedUser

# The options that several of the actions have.
USERS = dict(vendor=dict(type="str", required=True), users=dict(type="list", elements="raw", required=True))
CONNECTION = dict(connection=dict(type="dict", default={}))
MAX_AGE = dict(max_age=dict(type="str", default="30d"))
ADOPTION = dict(adopt=dict(type="bool", default=False), adopt_spread=dict(type="bool", default=False))
PACE = dict(window=dict(type="raw", default=[]), spread=dict(type="raw"))
GRACE = dict(grace=dict(type="str", default="24h"))
WHO_IS_DUE = dict(**MAX_AGE, force=dict(type="bool", default=False), **ADOPTION, **PACE, **GRACE)
NEW_PASSWORDS = dict(policy=dict(type="dict", options=POLICY))
PROOF = dict(accept_unverified=dict(type="bool", default=False))
ENDURANCE = dict(max_attempts=dict(type="int", default=3))
STAGED = dict(staged=dict(type="list", elements="dict", required=True))
TARGET = dict(target=dict(type="str"))
ONLY = dict(only=dict(type="raw", default=[]))
DELIVER = dict(deliver=dict(type="bool", default=False))
REASON = dict(reason=dict(type="str"))


_NOTHING_OWN = UserOptions()


@dataclass(frozen=True)
class Options:
    """What the options of a task mean. An option that its action does not have is at its default.

    There is no time among them: a login counts from when it was made, which may be minutes after the task has begun.
    """

    named: Optional[type[Vendor]] = None  # the vendor; None: the task names none
    generated: Optional[Policy] = None  # what new passwords look like
    max_age: int = 0  # seconds
    force: bool = False
    accept_unverified: bool = False
    max_attempts: int = 3
    verify_after: Optional[int] = None  # seconds; None: never
    grace: int = 0  # seconds after a turn in which the account used before keeps its password
    deliver: bool = False  # whether there are tasks that give new passwords to their consumers
    run_id: str = ""  # of the passwords that this task stages
    reason: Optional[str] = None  # why, in the words of who started the run
    windows: window.Windows = window.Windows()
    spread: Optional[int] = None  # users; None: no limit
    reconcile: bool = False
    adopt: bool = False
    adopt_spread: bool = False
    own: Mapping[str, UserOptions] = field(default_factory=dict)  # of the users that have options of their own

    @classmethod
    def read(cls, args: Dict[str, Any]) -> Options:
        """Read what needs neither the store nor the vendor.

        :param args: the validated options of the task.
        :raises PasswordError: ``invalid_input``.
        """
        vendor = _vendor_registry.load(args["vendor"]) if args.get("vendor") else None
        capabilities = vendor.capabilities if vendor else None
        max_attempts, after = args.get("max_attempts", cls.max_attempts), args.get("verify_after")
        policy = policy_for(capabilities, args["policy"]) if capabilities and "policy" in args else None
        max_age = parse_age(args["max_age"], "max_age") if "max_age" in args else 0
        if max_attempts < 1:
            raise PasswordError(
                errors.INVALID_INPUT, "max_attempts (in the role: rotate_max_attempts) must be at least 1."
            )
        return cls(
            named=vendor,
            generated=policy,
            max_age=max_age,
            force=args.get("force", False),
            accept_unverified=args.get("accept_unverified", False),
            max_attempts=max_attempts,
            verify_after=parse_age(after, "verify_after") if after else None,
            grace=parse_age(args["grace"], "grace") if "grace" in args else 0,
            deliver=args.get("deliver", False),
            run_id=uuid.uuid4().hex,
            reason=read_line(args.get("reason"), "reason (in the role: rotate_reason)"),
            windows=window.read(args.get("window")),
            spread=spread.read(args.get("spread"), len(args.get("users") or ())),
            reconcile=args.get("reconcile", False),
            adopt=args.get("adopt", False),
            adopt_spread=args.get("adopt_spread", False),
            own=read_user_options(args.get("users") or (), capabilities),
        )

    @property
    def vendor(self) -> type[Vendor]:
        """The vendor, of a task that names one."""
        if self.named is None:
            raise AssertionError("the task names no vendor")
        return self.named

    @property
    def policy(self) -> Policy:
        """What new passwords look like, of a task that makes some."""
        if self.generated is None:
            raise AssertionError("the task makes no passwords")
        return self.generated

    @property
    def capabilities(self) -> Capabilities:
        """What the vendor can do."""
        return self.vendor.capabilities

    @property
    def max_ages(self) -> Dict[str, int]:
        """Seconds, of the users with an age of their own."""
        return {name: own.max_age for name, own in self.own.items() if own.max_age is not None}

    def own_of(self, name: str) -> UserOptions:
        """A user's own options."""
        return self.own.get(name, _NOTHING_OWN)

    def max_age_of(self, name: str) -> int:
        """A user's own, or that of all, in seconds."""
        own = self.own_of(name).max_age
        return self.max_age if own is None else own

    def accepts_unverified(self, name: str) -> bool:
        """Whether a password of a user counts that no login could prove."""
        own = self.own_of(name).accept_unverified
        return self.accept_unverified if own is None else own

    def adopts(self, name: str) -> bool:
        """Whether a user that is new to the store keeps its password."""
        own = self.own_of(name).adopt
        return self.adopt if own is None else own

    @property
    def policies(self) -> Dict[str, Policy]:
        """What new passwords look like, of the users with a policy of their own."""
        return {name: own.policy for name, own in self.own.items() if own.policy is not None}

    def with_own(self, staged: Iterable[StagedUser]) -> List[StagedUser]:
        """Staged users with what later steps need of their own options."""
        return [
            replace(user, accept_unverified=self.own[user.name].accept_unverified) if user.name in self.own else user
            for user in staged
        ]


def read_users(users: Iterable[Any], *, with_password: bool = False) -> List[Dict[str, Any]]:
    """The option ``users``, whose elements are names or dicts, as a list of dicts.

    :param with_password: whether a user may have a password.
    :raises PasswordError: ``invalid_input``; the message says which element is wrong, never what it holds.
    """
    checked: List[Dict[str, Any]] = []
    names: Set[str] = set()
    for number, user in enumerate(users, 1):
        # Plain texts: those of Ansible carry notes of where they come from, which each copy would copy.
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
        checked.append(user)
    return checked


def read_staged(staged: List[Dict[str, Any]]) -> List[StagedUser]:
    """The option ``staged``.

    :raises PasswordError: ``invalid_input``: it is not what rotation_stage has returned.
    """
    for number, user in enumerate(staged, 1):
        if not all(key in user for key in ("name", "due", "reason", "run_id", "fresh", "rotated_at")):
            raise PasswordError(
                errors.INVALID_INPUT, "Element %d of staged is not what rotation_stage returns in users." % number
            )
    return [StagedUser.from_dict(user) for user in staged]


def read_results(results: Iterable[Mapping[str, Any]]) -> List[UserResult]:
    """The option ``results``, which tasks of the user's own may have written.

    :raises PasswordError: ``invalid_input``; the message says which element is wrong, never what it holds.
    """
    checked: List[UserResult] = []
    names: Set[str] = set()
    for number, result in enumerate(results, 1):
        name = result.get("name")
        if not isinstance(name, str):
            raise PasswordError(errors.INVALID_INPUT, "Element %d of results lacks a name or a state." % number)
        if name in names:
            raise PasswordError(errors.INVALID_INPUT, "results names %s twice." % name)
        names.add(name)
        checked.append(UserResult.from_dict(result, "element %d of results" % number))
    return checked


def read_committed(committed: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """The option ``committed``: what rotation_commit has returned.

    :raises PasswordError: ``invalid_input``.
    """
    with_state = [dict(user, state=user.get("state") or "unknown") for user in committed]
    read_results(with_state)
    return with_state
