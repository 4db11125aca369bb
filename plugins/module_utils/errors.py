# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error kinds that all vendors share, and the one exception that carries them.

A kind is part of the collection's interface: playbooks test it in ``rescue`` and ``failed_when``, so kinds are added
but never renamed. What each means, and what to do about it, stands in docs/errors.md. Nothing here knows a vendor.
"""

from __future__ import annotations

import json

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

# Of the rotation, not of a vendor.
STORE_FAILED = "store_failed"
STORE_CONFLICT = "store_conflict"
ORPHANED = "orphaned"
TARGET_MISMATCH = "target_mismatch"

KINDS = (
    AUTHENTICATION_FAILED,
    CURRENT_PASSWORD_WRONG,
    PERMISSION_DENIED,
    USER_NOT_FOUND,
    TARGET_NOT_FOUND,
    USER_NOT_LOCAL,
    ACCOUNT_LOCKED,
    ACCOUNT_INACTIVE,
    PASSWORD_REJECTED,
    PASSWORD_REUSED,
    RATE_LIMITED,
    TARGET_NOT_READY,
    VENDOR_UNAVAILABLE,
    CONNECTION_FAILED,
    TLS_FAILED,
    TIMED_OUT,
    UNSUPPORTED,
    UNEXPECTED_RESPONSE,
    NOT_VERIFIED,
    OUTCOME_UNKNOWN,
    INVALID_INPUT,
    LOGIN_BUDGET_SPENT,
    STORE_FAILED,
    STORE_CONFLICT,
    ORPHANED,
    TARGET_MISMATCH,
)

# The same task, run again later with the same arguments, may well succeed.
RETRYABLE_KINDS = frozenset(
    (RATE_LIMITED, TARGET_NOT_READY, VENDOR_UNAVAILABLE, CONNECTION_FAILED, TIMED_OUT, OUTCOME_UNKNOWN, LOGIN_BUDGET_SPENT)
)


def unforeseen(exc, when=""):
    """What to tell of an exception that nobody has thought of; its own text, or a traceback, may hold a secret."""
    return "An unforeseen %s occurred%s; please report it." % (type(exc).__name__, when)


class VendorError(Exception):
    """A failure with a stable kind.

    :param kind: one of :data:`KINDS`.
    :param message: what is wrong, where, and what to do; free of secrets once it has passed the change run.
    :param http_status: the HTTP status of the vendor's answer, if there was one.
    :param vendor_code: the vendor's own code, as it was sent (number or text).
    :param request_id: what the vendor's support asks for, if the vendor sends one.
    :param maybe_applied: the request may have been carried out although it failed (time-out, dropped connection, 5xx).
    """

    def __init__(self, kind, message, http_status=None, vendor_code=None, request_id=None, maybe_applied=False):
        if kind not in KINDS:
            raise ValueError("unknown error kind: %s" % (kind,))
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.http_status = http_status
        self.vendor_code = vendor_code
        self.request_id = request_id
        self.maybe_applied = maybe_applied

    @property
    def retryable(self):
        """Whether the same task may well succeed when it is simply run again later."""
        return self.kind in RETRYABLE_KINDS

    def with_message(self, message, kind=None):
        """The same error of another user, or of another kind, told in other words."""
        return VendorError(kind or self.kind, message, self.http_status, self.vendor_code, self.request_id, self.maybe_applied)

    def as_dict(self, scrub=lambda text: text):
        """The error as it stands in results.

        :param scrub: called on every text that may stem from the vendor.
        :return: dict with kind, message, http_status, vendor_code, request_id, retryable.
        """

        def scrub_text(value):
            if value is None or isinstance(value, int):
                return value
            # A vendor may send anything where its code should stand, and a secret inside that.
            return scrub(value if isinstance(value, str) else json.dumps(value))

        return {
            "kind": self.kind,
            "message": scrub_text(self.message),
            "http_status": self.http_status,
            "vendor_code": scrub_text(self.vendor_code),
            "request_id": scrub_text(self.request_id),
            "retryable": self.retryable,
        }
