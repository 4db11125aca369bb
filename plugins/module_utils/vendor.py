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

# What vendors may rely upon, with what stands in private files.
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

# When a vendor that locks accounts forgets failed logins: some time after them, or with the next good login and never before.
FORGETS_BY_TIME = "window"
FORGETS_BY_LOGIN = "good_login"


# What a call hands to a vendor.
Connect = Callable[[str], HttpClient]
Warn = Callable[[Message], None]
Learn = Callable[..., None]


@dataclass(frozen=True)
class GeneratedPassword:
    """The default password policy of a vendor.

    It satisfies the strictest variant of the vendor, and holds no character that any variant loses.
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
    lockout: str  # the vendor's rule, for the documentation
    failed_logins_per_call: Optional[int]  # failed logins per user and call; None: the vendor does not count them
    settle_seconds: float  # how long a confirmed change may take to come into force
    password_min: int  # the vendor refuses shorter ones
    password_max: int  # ... and longer ones
    password_unit: str  # "bytes" or "characters"
    password_forbidden: str = ""  # characters that the vendor refuses or loses
    generated: GeneratedPassword = GeneratedPassword()
    settle_first: float = 0.0  # seconds before the first login, as part of settle_seconds
    settle_logins: Optional[int] = None  # logins within settle_seconds; None: as many as there is time for
    control_characters: bool = True  # whether a password may hold line breaks and the like, if the user insists
    bulk: int = 0  # users per request; 0: one request per user
    failed_probes_per_call: Optional[int] = (
        None  # failed logins that may be spent before the change; None: all. The rest is for its proof
    )
    lockout_window: float = (
        0.0  # seconds within which failed logins of several runs add up; an hour where the vendor documents none
    )
    forgets: str = (
        FORGETS_BY_TIME  # when failed logins stop counting: FORGETS_BY_TIME (after lockout_window) or FORGETS_BY_LOGIN
    )
    doubt_seconds: Optional[float] = (
        None  # how long a change without an answer may still be applied; None: settle_seconds
    )
    current_first: bool = (
        False  # whether to try the current password before the new one, since the change logs in with it anyway
    )

    @property
    def most_failed_probes(self) -> int | None:
        """Failed logins that may be spent before a change; None: the vendor does not count them."""
        return self.failed_logins_per_call if self.failed_probes_per_call is None else self.failed_probes_per_call

    @property
    def most_failed_logins(self) -> Optional[int]:
        """How many logins of a user may fail in one call, whether the vendor counts them or not; None: nobody counts them."""
        if self.failed_logins_per_call is None and self.settle_logins is not None:
            # One more to find out whether a change is needed.
            return self.settle_logins + 1
        return self.failed_logins_per_call


@dataclass(frozen=True)
class Login:
    """The outcome of one attempt to log in as a user: :attr:`RIGHT`, :attr:`WRONG`, or :meth:`unknown`."""

    right: Optional[bool]  # None: it could not tell
    counted: bool = False  # the vendor may have counted a failed login of the user
    reason: Message = ""  # why it could not tell, for the user; shown as a warning

    RIGHT: ClassVar[Login]
    WRONG: ClassVar[Login]

    @classmethod
    def unknown(cls, reason: Message, counted: bool = False) -> Login:
        """An attempt that proved nothing.

        :param reason: why, in words for the user. Parts that came from outside are :class:`~.errors.Outside`.
        :param counted: whether the vendor may have counted it as a failed login.
        """
        return cls(None, counted, reason)


Login.RIGHT = Login(True)
Login.WRONG = Login(False, counted=True)


class Account:
    """A user whose password is to be set; holds secrets and must not be printed.

    :param entry: one element of the option ``users``.
    """

    def __init__(self, entry: dict[str, Any]) -> None:
        self.name: Any = entry.get("name")  # None until the look-up where the entry has another identifier
        self.password: Any = entry.get("password")  # None where something else than the password is to be set
        self.current_password: Any = entry.get("current_password")
        self.update_password = entry["update_password"]
        self.extras: Dict[str, Any] = entry
        self.id: Any = entry.get("id")  # the vendor's own identifier, once known
        self.error: Optional[PasswordError] = None  # what the look-up found to be wrong with the user
        self.failed_logins = (
            entry.get("failed_logins") or 0
        )  # recent ones, including this call's; only the call adds to it

    @property
    def label(self) -> str:
        """The user's name in messages; the id where there is no name."""
        label: str = self.name or self.id or ""
        return label

    def __repr__(self) -> str:
        return "<Account %s>" % self.label


def password_size(capabilities: Capabilities, password: str) -> int:
    """The password's length in the unit in which the vendor counts."""
    return len(password.encode("utf-8", "surrogatepass")) if capabilities.password_unit == "bytes" else len(password)


def _refuse_control_characters(password: str) -> None:
    """Refuse control characters, which are mostly in a password by mistake."""
    insist = " If it belongs to the password, say allow_control_characters: true."
    if password.endswith(("\n", "\r")):
        text = "The password ends in a line break, as a text from a block with '|' or from encrypt_string does. Take it off: '|-', or echo -n."
        raise PasswordError(errors.PASSWORD_REJECTED, text + insist)
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in password):
        raise PasswordError(
            errors.PASSWORD_REJECTED, "The password holds a control character, such as a tab or a line break." + insist
        )


class Vendor(ABC):
    """Base class of a vendor: look-up, login probe, change, and reading its error bodies.

    A vendor file declares the class attributes and implements the methods. A call uses them in this order: :meth:`check_call`, :meth:`check`
    for each user, :meth:`open`, :meth:`find`, then for each user :meth:`probe` and :meth:`change`, at the end :meth:`close`. Then it closes every
    client that it made for the vendor. ``probe`` and ``change`` are called from several threads. Where ``capabilities.bulk`` is set, all are
    probed first, and :meth:`change_all` comes instead of ``change``, from one thread.

    :param params: the validated options of the module.
    :param connect: called with a URL, gives an :class:`~.http.HttpClient` with the options of the call, which closes it.
    :param warn: called with a text that the user should see once.
    :param learn: called with a further secret, such as a token, so that no text shows it.
    """

    name: ClassVar[str]  # in module and option names
    env_prefix: ClassVar[str]  # of the environment variables of the shared options
    capabilities: ClassVar[Capabilities]
    argument_spec: ClassVar[dict[str, Any]]  # the connection options
    url_endings: ClassVar[str] = (
        ""  # paths that people copy along with the option ``url``, as a regular expression without its first slash
    )
    user_spec: ClassVar[
        dict[str, Any]
    ] = {}  # further keys of an element of ``users``; a key at the top counts for all users that do not have it
    identifiers: ClassVar[Tuple[str, ...]] = ("name",)  # the keys of a user that tell who it is; one of them is enough
    password_required: ClassVar[bool] = True  # whether there is nothing to be done for a user without a new password
    constraints: ClassVar[
        dict[str, Any]
    ] = {}  # mutually_exclusive, required_together, required_one_of, required_if, required_by
    # The options that name who acts for all, and that one's password; None if it is never one of the users.
    operator_options: ClassVar[Optional[Tuple[str, str]]] = ("api_user", "api_password")

    http: HttpClient  # the client for the vendor's API, from :meth:`open` on

    def __init__(self, params: dict[str, Any], connect: Connect, warn: Warn, learn: Learn) -> None:
        self.params = params
        self.connect = connect
        self.warn = warn
        self.learn = learn

    @classmethod
    def spec(cls) -> Dict[str, Any]:
        """Return the keyword arguments of AnsibleModule and of ArgumentSpecValidator for the vendor's module. Made once; do not change it."""
        return _spec(cls)

    @classmethod
    def target(cls, params: dict[str, Any]) -> str:
        """Identify the endpoint: equal for two calls if and only if the same user name means the same account.

        A rotation notes it in its records, so it holds no secret and does not depend on who acts (operator, token).

        :param params: the validated options, environment and defaults included.
        :raises PasswordError: ``invalid_input``: an option that it takes cannot be right.
        """
        return normalized(params["url"], cls.url_endings)

    @classmethod
    def account_identity(cls, user: dict[str, Any]) -> str:
        """Identify an account within its target.

        :param user: an element of ``users``, of which the keys that are not given may be missing.
        """
        # Where a user has an id of the vendor's, a name may belong to several.
        identifier = user.get("id") if "id" in cls.identifiers else None
        return "id:%s" % identifier.strip().lower() if identifier else user["name"]

    def connect_to_url(self) -> HttpClient:
        """A client for the option ``url``, whatever of :attr:`url_endings` stands behind it.

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
            raise PasswordError(errors.INVALID_INPUT, "There is no password for %s." % account.label)
        rules = self.capabilities
        if any("\ud800" <= character <= "\udfff" for character in account.password):
            # From an environment variable or a file that is not in UTF-8.
            raise PasswordError(errors.PASSWORD_REJECTED, "The password holds something that is not text in UTF-8.")
        if account.update_password == NEVER:
            # It may be in force though the vendor would not take it any more.
            return
        size = password_size(rules, account.password)
        if size < rules.password_min:
            least = (rules.password_min, rules.password_unit, rules.title)
            raise PasswordError(
                errors.PASSWORD_REJECTED, "The password is shorter than %d %s, the least that %s takes." % least
            )
        if size > rules.password_max:
            most = (rules.password_max, rules.password_unit, rules.title)
            raise PasswordError(
                errors.PASSWORD_REJECTED, "The password is longer than %d %s, the most that %s takes." % most
            )
        if any(character in account.password for character in rules.password_forbidden):
            raise PasswordError(
                errors.PASSWORD_REJECTED,
                "The password holds a character that %s refuses or loses; none of these is allowed: %s"
                % (rules.title, rules.password_forbidden),
            )
        if rules.control_characters and not self.params.get("allow_control_characters"):
            _refuse_control_characters(account.password)

    def is_operator(self, account: Account) -> bool:
        """Whether the user is the operator of this call. The operator is changed last."""
        return self.operator_name(self.params) is not None and self.operator_name(self.params) == account.name

    @classmethod
    def operator_name(cls, params: dict[str, Any]) -> str | None:
        """The operator's user name, or ``None`` if the operator is not a user whose password this module can set.

        :param params: the options, also such as have not been validated.
        """
        return params.get(cls.operator_options[0]) if cls.operator_options else None

    @classmethod
    def counted_operator(cls, params: dict[str, Any]) -> Optional[str]:
        """The name under which the operator's failed logins are counted; ``None`` if its login cannot be locked out.

        :param params: the validated options, environment and defaults included.
        """
        return params.get("api_user") or None

    def needs_current(self, account: Account) -> bool:
        """Whether the change fails without the right current password."""
        return False

    def change_needed(self, account: Account) -> bool | None:
        """Decide from the look-up whether a change is needed, where no login may be tried.

        :return: True: needed; False: nothing to do; None: try a login.
        """
        return None

    def open(self, accounts: list[Account]) -> None:
        """Set :attr:`http`. A vendor with sessions or tokens extends this, and logs the operator in.

        :raises PasswordError: concerns the whole call.
        """
        self.http = self.connect_to_url()

    @abstractmethod
    def find(self, accounts: list[Account]) -> None:
        """Look up all users at once; set ``id``, or ``error`` for those that cannot be changed.

        :raises PasswordError: concerns the whole call.
        """

    @abstractmethod
    def probe(self, account: Account, password: str) -> Login:
        """Try to log in as the user, once.

        Do not count failed logins and do not limit them: the call does both, by what is returned here. ``Login.WRONG`` always counts.
        ``Login.unknown(reason, counted=True)``, or an error with ``counted``, says that the vendor may have counted a failed login although nothing is
        known about the password. When in doubt, it has. The same holds for an error of :meth:`change`, where that logs in as the user.

        :return: the outcome. A refusal is ``WRONG`` only if it certainly comes from the vendor, and means the password.
        :raises PasswordError: the server gave no usable answer.
        """

    @abstractmethod
    def change(self, account: Account) -> None:
        """Set ``account.password``. Return only if the vendor has confirmed the change.

        :raises PasswordError: with ``maybe_applied`` where the change may have happened all the same.
        """

    def change_all(self, accounts: list[Account]) -> None:
        """Set the passwords of one user, or of up to ``capabilities.bulk`` users with one request.

        :raises PasswordError: it concerns them all: without ``maybe_applied`` nobody was changed.
        """
        for account in accounts:
            self.change(account)

    def close(self) -> None:
        """End the sessions and tokens that are still open. Must not raise. Connections are closed by the call."""


@lru_cache(maxsize=None)
def _spec(vendor: Type[Vendor]) -> Dict[str, Any]:
    spec: Dict[str, Any] = module_spec(vendor)
    return spec
