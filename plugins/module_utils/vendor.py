# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of a vendor: its methods, the outcome of a login, and its capabilities as data.

The capabilities are read by the call (how many failed logins are allowed, how long to wait), by the password generator
(what the vendor accepts), by the documentation (the table of vendors) and by the tests.
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, ClassVar, Dict, Optional, Tuple, Type

from . import errors
from ._argument_spec import ALWAYS, NEVER, WHEN_CHANGED, module_spec
from ._urls import normalized, without_ending
from .errors import Message, PasswordError
from .http import HttpClient

# The public interface, including names from private files.
__all__ = (
    "ALWAYS",
    "Account",
    "Capabilities",
    "Connect",
    "FORGETS_BY_LOGIN",
    "FORGETS_BY_TIME",
    "GeneratedPassword",
    "Learn",
    "Login",
    "NEVER",
    "Vendor",
    "WHEN_CHANGED",
    "Warn",
    "password_size",
)

# When a vendor that locks accounts resets its count of failed logins: after some time, or only at the next successful login.
FORGETS_BY_TIME = "window"
FORGETS_BY_LOGIN = "good_login"


# What a call passes to a vendor.
Connect = Callable[[str], HttpClient]
Warn = Callable[[Message], None]
Learn = Callable[..., None]


@dataclass(frozen=True)
class GeneratedPassword:
    """The default password policy of a vendor.

    It satisfies the strictest variant of the vendor, and contains no character that any variant loses.
    """

    length: int = 32  # characters
    upper: int = 1  # minimum numbers; 0 excludes the class
    lower: int = 1
    digits: int = 1
    symbols: int = 1
    symbol_characters: str = "-_.+=@%"


@dataclass(frozen=True)
class Capabilities:
    """What a vendor can do, and its limits."""

    title: str  # the product's name
    changes_own: bool  # a user may change its own password
    changes_others: bool  # an operator may change another user's password
    others_need_current: str  # whether an operator must know the user's current password: "yes", "no", or a condition
    login_probe: str  # how a login is tried
    lockout: str  # the vendor's lock-out rule, for the documentation
    failed_logins_per_call: Optional[int]  # failed logins per user and call; None: the vendor does not count them
    settle_seconds: float  # how long a confirmed change may take to come into force
    password_min: int  # the vendor refuses shorter passwords
    password_max: int  # ... and longer ones
    password_unit: str  # "bytes" or "characters"
    password_forbidden: str = ""  # characters that the vendor refuses or loses
    # The classes that each password must contain everywhere, of upper, lower, digits, symbols; some variants may require more
    password_classes: Tuple[str, ...] = ()
    generated: GeneratedPassword = GeneratedPassword()
    settle_first: float = 0.0  # seconds before the first login, as part of settle_seconds
    settle_logins: Optional[int] = None  # maximum number of logins within settle_seconds; None: no maximum
    control_characters: bool = True  # whether a password may contain line breaks and similar, if the user insists
    bulk: int = 0  # users per request; 0: one request per user
    # Failed logins that may be spent before the change; None: all. The rest is reserved for its proof
    failed_probes_per_call: Optional[int] = None
    # Seconds within which failed logins of several runs add up; an hour if the vendor documents none
    lockout_window: float = 0.0
    forgets: str = FORGETS_BY_TIME  # when failed logins no longer count: FORGETS_BY_TIME (after lockout_window) or FORGETS_BY_LOGIN
    # How long a change without an answer may still be applied; None: settle_seconds
    doubt_seconds: Optional[float] = None
    # Whether to try the current password before the new one, since the change logs in with it anyway
    current_first: bool = False

    @property
    def most_failed_probes(self) -> int | None:
        """Failed logins that may be spent before a change; None: the vendor does not count them."""
        return self.failed_logins_per_call if self.failed_probes_per_call is None else self.failed_probes_per_call

    @property
    def most_failed_logins(self) -> Optional[int]:
        """Maximum number of failed logins of a user per call, whether the vendor counts them or not; None: not limited."""
        if self.failed_logins_per_call is None and self.settle_logins is not None:
            # One more checks whether a change is needed.
            return self.settle_logins + 1
        return self.failed_logins_per_call


@dataclass(frozen=True)
class Login:
    """The outcome of one attempt to log in as a user: :attr:`RIGHT`, :attr:`WRONG`, or :meth:`unknown`."""

    right: Optional[bool]  # None: inconclusive
    counted: bool = False  # the vendor may have counted a failed login of the user
    reason: Message = ""  # why it was inconclusive, for the user; shown as a warning

    RIGHT: ClassVar[Login]
    WRONG: ClassVar[Login]

    @classmethod
    def unknown(cls, reason: Message, counted: bool = False) -> Login:
        """Return the outcome of an attempt that proved nothing.

        :param reason: why, for the user. Parts from outside are :class:`~.errors.Outside`.
        :param counted: whether the vendor may have counted it as a failed login.
        """
        return cls(None, counted, reason)


Login.RIGHT = Login(True)
Login.WRONG = Login(False, counted=True)


class Account:
    """A user whose password is to be set. It contains secrets and must not be printed.

    :param entry: one element of the option ``users``.
    """

    def __init__(self, entry: dict[str, Any]) -> None:
        self.name: Any = entry.get("name")  # None until the look-up if the entry has another identifier
        self.password: Any = entry.get("password")  # None if something other than the password is to be set
        self.current_password: Any = entry.get("current_password")
        self.update_password = entry["update_password"]
        self.extras: Dict[str, Any] = entry
        self.id: Any = entry.get("id")  # the vendor's own id, once known
        self.error: Optional[PasswordError] = None  # why the look-up rejected the user
        # Recent ones, including this call's; only the call adds to it
        self.failed_logins = entry.get("failed_logins") or 0

    @property
    def label(self) -> str:
        """The user's name in messages; the id if the name is not known."""
        label: str = self.name or self.id or ""
        return label

    def __repr__(self) -> str:
        return "<Account %s>" % self.label


def password_size(capabilities: Capabilities, password: str) -> int:
    """Return the password's length in the vendor's unit."""
    return len(password.encode("utf-8", "surrogatepass")) if capabilities.password_unit == "bytes" else len(password)


def _refuse_control_characters(password: str) -> None:
    """Refuse control characters, which are usually in a password by mistake."""
    insist = " If it belongs to the password, set allow_control_characters: true."
    if password.endswith(("\n", "\r")):
        text = "The password ends with a line break, probably from a YAML block with '|' or from encrypt_string. Remove it: use '|-' or echo -n."
        raise PasswordError(errors.PASSWORD_REJECTED, text + insist)
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in password):
        raise PasswordError(
            errors.PASSWORD_REJECTED,
            "The password contains a control character, such as a tab or a line break." + insist,
        )


class Vendor(ABC):
    """Base class of a vendor: look-up, login probe, change, and reading its error bodies.

    A vendor file declares the class attributes and implements the methods. A call uses them in this order: :meth:`check_call`, :meth:`check`
    for each user, :meth:`open`, :meth:`find`, then for each user :meth:`probe` and :meth:`change`, and finally :meth:`close`. Then it closes every
    client that it made for the vendor. ``probe`` and ``change`` are called from several threads. If ``capabilities.bulk`` is set, all users are
    probed first, and :meth:`change_all` is called instead of ``change``, from one thread.

    :param params: the validated options of the module.
    :param connect: called with a URL, returns an :class:`~.http.HttpClient` with the options of the call, which closes it.
    :param warn: called with a warning for the user; each is shown once.
    :param learn: called with a further secret, such as a token, so that it is masked everywhere.
    """

    name: ClassVar[str]  # as in module and option names
    env_prefix: ClassVar[str]  # prefix of the environment variables of the shared options
    capabilities: ClassVar[Capabilities]
    argument_spec: ClassVar[dict[str, Any]]  # the connection options
    # Paths that people copy along with ``url``, as a regular expression without the first slash
    url_endings: ClassVar[str] = ""
    # Further keys of an element of ``users``; a key at the top level applies to all users that lack it
    user_spec: ClassVar[dict[str, Any]] = {}
    identifiers: ClassVar[Tuple[str, ...]] = ("name",)  # the keys that identify a user; one of them is enough
    password_required: ClassVar[bool] = True  # whether each user needs a new password
    # As for AnsibleModule: mutually_exclusive, required_together, required_one_of, required_if, required_by
    constraints: ClassVar[dict[str, Any]] = {}
    # The options with the operator's name and password; None if the operator is never one of the users.
    operator_options: ClassVar[Optional[Tuple[str, str]]] = ("api_user", "api_password")

    http: HttpClient  # the client for the vendor's API, once :meth:`open` has run

    def __init__(self, params: dict[str, Any], connect: Connect, warn: Warn, learn: Learn) -> None:
        self.params = params
        self.connect = connect
        self.warn = warn
        self.learn = learn

    @classmethod
    def spec(cls) -> Dict[str, Any]:
        """Return the keyword arguments of AnsibleModule and ArgumentSpecValidator for the vendor's module. Cached; do not modify."""
        return _spec(cls)

    @classmethod
    def target(cls, params: dict[str, Any]) -> str:
        """Identify the endpoint: equal for two calls if and only if the same user name means the same account.

        A rotation stores it in its records, so it contains no secret and does not depend on the operator or its token.

        :param params: the validated options, environment and defaults included.
        :raises PasswordError: ``invalid_input``: an option that it uses cannot be right.
        """
        return normalized(params["url"], cls.url_endings)

    @classmethod
    def account_identity(cls, user: dict[str, Any]) -> str:
        """Identify an account within its target.

        :param user: an element of ``users``; keys that were not given may be missing.
        """
        # If the vendor has ids, several users may share a name.
        identifier = user.get("id") if "id" in cls.identifiers else None
        return "id:%s" % identifier.strip().lower() if identifier else user["name"]

    def connect_to_url(self) -> HttpClient:
        """Return a client for the option ``url``, without any of :attr:`url_endings`.

        :return: an :class:`~.http.HttpClient`.
        :raises PasswordError: ``invalid_input``.
        """
        return self.connect(
            without_ending(self.params["url"] or "", self.url_endings) if self.url_endings else self.params["url"]
        )

    def key(self, account: Account) -> Any:
        """Identify a user within one call; two entries with the same key are refused."""
        return account.label

    def check_call(self) -> None:
        """Refuse invalid options that do not concern a single user, before any request.

        :raises PasswordError: ``invalid_input``.
        """

    def check(self, account: Account) -> None:
        """Refuse an invalid user or password, before any request.

        :raises PasswordError: ``invalid_input`` or ``password_rejected``.
        """
        if account.password is None or (account.update_password == NEVER and not account.password):
            raise PasswordError(errors.INVALID_INPUT, "password is missing for %s." % account.label)
        capabilities = self.capabilities
        if any("\ud800" <= character <= "\udfff" for character in account.password):
            # It comes from an environment variable or a file that is not UTF-8.
            raise PasswordError(
                errors.PASSWORD_REJECTED,
                "The password contains text that UTF-8 cannot encode. Check the encoding of its source.",
            )
        if account.update_password == NEVER:
            # It may be in force even if the vendor would no longer accept it.
            return
        size = password_size(capabilities, account.password)
        if size < capabilities.password_min:
            least = (capabilities.password_min, capabilities.password_unit, capabilities.title)
            raise PasswordError(
                errors.PASSWORD_REJECTED, "The password is shorter than %d %s, the minimum of %s." % least
            )
        if size > capabilities.password_max:
            most = (capabilities.password_max, capabilities.password_unit, capabilities.title)
            raise PasswordError(
                errors.PASSWORD_REJECTED, "The password is longer than %d %s, the maximum of %s." % most
            )
        if any(character in account.password for character in capabilities.password_forbidden):
            raise PasswordError(
                errors.PASSWORD_REJECTED,
                "The password contains a character that %s refuses or loses. Do not use any of these: %s"
                % (capabilities.title, capabilities.password_forbidden),
            )
        if capabilities.control_characters and not self.params.get("allow_control_characters"):
            _refuse_control_characters(account.password)

    def is_operator(self, account: Account) -> bool:
        """Whether the user is the operator of this call. The operator is changed last."""
        return self.operator_name(self.params) is not None and self.operator_name(self.params) == account.name

    @classmethod
    def operator_name(cls, params: dict[str, Any]) -> str | None:
        """The operator's user name, or ``None`` if the operator is not a user whose password this module can set.

        :param params: the options, validated or not.
        """
        return params.get(cls.operator_options[0]) if cls.operator_options else None

    @classmethod
    def counted_operator(cls, params: dict[str, Any]) -> Optional[str]:
        """Return the name under which the operator's failed logins are counted; ``None`` if it cannot be locked out.

        :param params: the validated options, environment and defaults included.
        """
        return params.get("api_user") or None

    def needs_current(self, account: Account) -> bool:
        """Whether a change fails without the right current password."""
        return False

    def change_needed(self, account: Account) -> bool | None:
        """Decide from the look-up whether a change is needed, if no login may be tried.

        :return: True: needed; False: nothing to do; None: try a login.
        """
        return None

    def open(self, accounts: list[Account]) -> None:
        """Set :attr:`http`. A vendor with sessions or tokens extends this and logs the operator in.

        :raises PasswordError: it concerns the whole call.
        """
        self.http = self.connect_to_url()

    @abstractmethod
    def find(self, accounts: list[Account]) -> None:
        """Look up all users at once; set ``id``, or ``error`` for those that cannot be changed.

        :raises PasswordError: it concerns the whole call.
        """

    @abstractmethod
    def probe(self, account: Account, password: str) -> Login:
        """Try to log in as the user, once.

        Do not count or limit failed logins: the call does both, from the outcome. ``Login.WRONG`` always counts.
        ``Login.unknown(reason, counted=True)``, or an error with ``counted``, means that the vendor may have counted a failed login although nothing is
        known about the password. If in doubt, assume that it has. The same applies to an error of :meth:`change` if that logs in as the user.

        :return: the outcome. A refusal is ``WRONG`` only if it certainly comes from the vendor and concerns the password.
        :raises PasswordError: the server gave no usable answer.
        """

    @abstractmethod
    def change(self, account: Account) -> None:
        """Set ``account.password``. Return only if the vendor has confirmed the change.

        :raises PasswordError: with ``maybe_applied`` if the change may still have happened.
        """

    def change_all(self, accounts: list[Account]) -> None:
        """Set the passwords of one user, or of up to ``capabilities.bulk`` users with one request.

        :raises PasswordError: it concerns all of them: without ``maybe_applied`` no user was changed.
        """
        for account in accounts:
            self.change(account)

    def close(self) -> None:
        """End the sessions and revoke the tokens that are still open. Must not raise. The call closes the connections."""


@lru_cache(maxsize=None)
def _spec(vendor: Type[Vendor]) -> Dict[str, Any]:
    spec: Dict[str, Any] = module_spec(vendor)
    return spec
