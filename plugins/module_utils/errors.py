# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error kinds that all vendors share, and the one exception that carries them.

A kind is part of the collection's interface: playbooks test it in ``rescue`` and ``failed_when``, so kinds are added but never renamed.
docs/reference/errors.md explains each of them to users. Nothing here depends on a vendor.

"Retryable": the same task may succeed when run again later. "Maybe applied": a write that ends like this may still have been carried out.

======================  =========  =============  ===========================================================
kind                    retryable  maybe applied  raised when
======================  =========  =============  ===========================================================
authentication_failed   no         no             the operator's credentials are refused; ends the whole call
current_password_wrong  no         no             the user's own password is refused
permission_denied       no         no             the operator lacks a right
user_not_found          no         no             the user does not exist
target_not_found        no         no             the tenant, instance, ... does not exist
user_not_local          no         no             the password is managed in a directory
account_locked          no         no             the account is locked
account_inactive        no         no             the account, or its tenant, is disabled
password_rejected       no         no             the password violates the vendor's policy
password_reused         no         no             the password is the current one or a recent one
rate_limited            yes        no             HTTP 413 or 429
target_not_ready        yes        no             the server is starting, or is not set up
vendor_unavailable      yes        yes            HTTP 5xx
connection_failed       yes        yes            no connection, or it broke
tls_failed              no         yes            TLS failed, usually before the request was sent
timed_out               yes        yes            no answer in time, or HTTP 408
unsupported             no         no             the server does not support this operation
unexpected_response     no         yes            the answer cannot be interpreted, or the collection has a bug
not_verified            no         (done)         no login could check it, or the new password does not log in
outcome_unknown         yes        yes            neither the answer nor a login shows whether it was applied
invalid_input           no         no             an option is wrong
login_budget_spent      yes        no             one more failed login could lock the account
store_failed            no         -              rotation: the store cannot be read or written
store_conflict          no         -              rotation: another run has written the record in the meantime
orphaned                no         -              rotation: no known password logs in
target_mismatch         no         -              rotation: the records belong to another endpoint
not_delivered           yes        -              rotation: the consumers of a password have not been given it
previous_accepted       no         -              rotation: a password that was replaced still logs in
======================  =========  =============  ===========================================================
"""

from __future__ import annotations

import json
from typing import Any, Callable, Optional, Tuple, Union

AUTHENTICATION_FAILED = "authentication_failed"
CURRENT_PASSWORD_WRONG = "current_password_wrong"
PERMISSION_DENIED = "permission_denied"
USER_NOT_FOUND = "user_not_found"
TARGET_NOT_FOUND = "target_not_found"
USER_NOT_LOCAL = "user_not_local"
ACCOUNT_LOCKED = "account_locked"
ACCOUNT_INACTIVE = "account_inactive"
PASSWORD_REJECTED = "password_rejected"
PASSWORD_REUSED = "password_reused"
RATE_LIMITED = "rate_limited"
TARGET_NOT_READY = "target_not_ready"
VENDOR_UNAVAILABLE = "vendor_unavailable"
CONNECTION_FAILED = "connection_failed"
TLS_FAILED = "tls_failed"
TIMED_OUT = "timed_out"
UNSUPPORTED = "unsupported"
UNEXPECTED_RESPONSE = "unexpected_response"
NOT_VERIFIED = "not_verified"
OUTCOME_UNKNOWN = "outcome_unknown"
INVALID_INPUT = "invalid_input"
LOGIN_BUDGET_SPENT = "login_budget_spent"

# Kinds of the rotation, not of a vendor.
STORE_FAILED = "store_failed"
STORE_CONFLICT = "store_conflict"
ORPHANED = "orphaned"
TARGET_MISMATCH = "target_mismatch"
NOT_DELIVERED = "not_delivered"
PREVIOUS_ACCEPTED = "previous_accepted"

KINDS: Tuple[str, ...] = tuple(
    value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str)
)

# The same task is likely to succeed when run again later with the same arguments.
RETRYABLE_KINDS = frozenset(
    (
        RATE_LIMITED,
        TARGET_NOT_READY,
        VENDOR_UNAVAILABLE,
        CONNECTION_FAILED,
        TIMED_OUT,
        OUTCOME_UNKNOWN,
        LOGIN_BUDGET_SPENT,
        NOT_DELIVERED,
    )
)


def unexpected_text(exc: BaseException, when: str = "") -> str:
    """Return the message for an unexpected exception. Its own text and traceback are left out, since they may contain a secret."""
    return "An unexpected %s occurred%s; please report it." % (type(exc).__name__, when)


class Outside(str):
    """Text from outside (a server, a proxy, another program). It may contain a secret, so it is scrubbed before it is shown."""


# A message, or its parts in order; parts from outside are :class:`Outside`.
Message = Union[str, Tuple[str, ...]]


def parts_of(message: Message) -> tuple[str, ...]:
    """Return the parts of a message."""
    return (message,) if isinstance(message, str) else tuple(message)


def scrubbed(message: Message, scrub: Callable[[str], str]) -> str:
    """Return a message as one text that may be shown.

    Parts from outside lose every trace of a secret. Our own words and the names that the user gave stay as they are, whatever the passwords are: masking
    the word "wrong" would reveal that it is a password.

    :param scrub: a :class:`~.scrub.Scrubber`, or a function that is called on every part.
    """
    own = getattr(scrub, "own", scrub)
    return "".join(
        printable(scrub(part)) if isinstance(part, Outside) else encodable(own(part)) for part in parts_of(message)
    )


def printable(text: str) -> str:
    """Return the text without what a terminal, a log or UTF-8 cannot handle: control and invisible characters, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "\ufffd" for character in text
    )


def encodable(text: str) -> str:
    """Return the text in a form that UTF-8 can encode. No callback of Ansible can print a lone surrogate."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class PasswordError(Exception):
    """A failure with a stable kind.

    :param kind: one of :data:`KINDS`.
    :param message: what is wrong, where, and what to do. Parts that came from outside are :class:`Outside`.
    :param http_status: the HTTP status of the vendor's answer, if there was one.
    :param vendor_code: the vendor's own code, as sent (number or text).
    :param request_id: the request ID that the vendor's support asks for, if the vendor sends one.
    :param maybe_applied: the change may have been made although the request failed (time-out, dropped connection, 5xx). Only a write sets it.
    :param counted: the vendor may have counted a failed login of the user (not of the operator). Only the call adds these up.
    """

    def __init__(
        self,
        kind: str,
        message: Message,
        http_status: Optional[int] = None,
        vendor_code: Any = None,
        request_id: Optional[str] = None,
        maybe_applied: bool = False,
        counted: bool = False,
    ) -> None:
        if kind not in KINDS:
            raise ValueError("unknown error kind: %s" % (kind,))
        self.parts = parts_of(message)
        super().__init__(self.message)
        self.kind = kind
        self.http_status = http_status
        self.vendor_code = vendor_code
        self.request_id = request_id
        self.maybe_applied = maybe_applied
        self.counted = counted

    @property
    def message(self) -> str:
        """The message as one text. Parts from outside are scrubbed of the secrets that the HTTP client knows, not of all secrets."""
        return "".join(self.parts)

    @message.setter
    def message(self, message: Message) -> None:
        self.parts = self._made_of(message)

    def _made_of(self, message: Message) -> tuple[str, ...]:
        """Return the parts of a message that may contain this one, and so text from outside."""
        if not isinstance(message, str) or not any(isinstance(part, Outside) for part in self.parts):
            return parts_of(message)
        before, found, after = message.partition(self.message)
        # If the old message was changed, it is unknown which part of it came from outside.
        return (before, *self.parts, after) if found else (Outside(message),)

    @property
    def retryable(self) -> bool:
        """Whether the same task is likely to succeed when run again later."""
        return self.kind in RETRYABLE_KINDS

    def with_message(self, message: Message, kind: Optional[str] = None) -> PasswordError:
        """Return the same error with another message, and with another kind if given."""
        return PasswordError(
            kind or self.kind,
            self._made_of(message),
            self.http_status,
            self.vendor_code,
            self.request_id,
            self.maybe_applied,
            self.counted,
        )

    def as_dict(self, scrub: Callable[[str], str] = lambda text: text) -> dict[str, Any]:
        """Return the error as it appears in results.

        :param scrub: a :class:`~.scrub.Scrubber`.
        :return: dict with kind, message, http_status, vendor_code, request_id, retryable.
        """

        def scrub_text(value: Any) -> Any:
            if value is None or isinstance(value, int):
                return value
            # A vendor may send anything in place of its code, even a secret.
            return printable(scrub(value if isinstance(value, str) else json.dumps(value)))

        return {
            "kind": self.kind,
            "message": scrubbed(self.parts, scrub),
            "http_status": self.http_status,
            "vendor_code": scrub_text(self.vendor_code),
            "request_id": scrub_text(self.request_id),
            "retryable": self.retryable,
        }
