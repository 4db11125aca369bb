# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Aria Operations for Logs (vRealize Log Insight): local users, through the REST API v2.

Source: Broadcom's API reference of Aria Operations for Logs, "Users" and "Sessions". It does not say whether the list of users is
bare or below ``users``, or whether an error has details per field or one set of them. Both forms of both are read.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Tuple

from .. import errors
from .._auth import aria_logs_session
from .._auth.aria_logs_session import LOCAL, PROVIDERS
from .._auth.basic import bearer
from .._auth.session import Session
from .._environment import from_environment
from .._json_paths import dicts_at, text_at
from .._refusals import Said, refusal
from ..errors import Outside, PasswordError
from ..http import READ, WRITE, Response, segment
from ..vendor import NEVER, Account, Capabilities, Connect, GeneratedPassword, Learn, Login, Vendor, Warn

_USERS = "/api/v2/users"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# The type of a local user; others come from a directory.
_LOCAL_TYPE = "DEFAULT"

# The only state in which an account can log in. Others are LOCKED_LOGIN_FAIL, LOCKED_NO_LOGIN, LOCKED_PASSWORD and PENDING_PASSWORD_CHANGE.
_ACTIVE = "ACTIVE"
_LOCKED = "LOCKED"

# Visible ASCII characters and spaces, with at least one of each class.
_POLICY = re.compile("(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])(?=.*[^A-Za-z0-9])[ -~]*")

# What an error means: by the vendor's own code, ...
_PREFIX = "com.vmware.loginsight.api.errors."
_PASSWORD_REJECTED = (errors.PASSWORD_REJECTED, "The server refused the new password.")
_CODES = {
    _PREFIX + "field_password_not_secure": _PASSWORD_REJECTED,
    _PREFIX + "rbac.user_does_not_exist": (
        errors.USER_NOT_FOUND,
        "The user was deleted after the look-up. Remove it from the list.",
    ),
}
# ... by the field that it concerns, ...
_FIELDS = {"password": _PASSWORD_REJECTED}
# ... or by the HTTP status.
_KINDS = {
    400: (errors.INVALID_INPUT, "The server refused the request."),
    401: (
        errors.AUTHENTICATION_FAILED,
        "The server refused the operator's login. Check api_user, api_password and api_provider.",
    ),
    403: (
        errors.PERMISSION_DENIED,
        "The operator lacks a right. It must be Super Admin or have the right to edit access control.",
    ),
    404: (
        errors.UNSUPPORTED,
        "The API v2 for users was not found at this URL. Its port is usually 9543. VCF 9.1 and later do not have it: the accounts are those of VCF Operations.",
    ),
    440: (errors.AUTHENTICATION_FAILED, "The server ends every session of the operator at once."),
}


class AriaLogs(Vendor):
    """Local users of one server. The operator has a session; a user proves its password by opening one."""

    name = "aria_logs"
    env_prefix = "ARIA_LOGS"
    capabilities = Capabilities(
        title="VMware Aria Operations for Logs",
        changes_own=False,
        changes_others=True,
        others_need_current="no",
        login_probe="open a session as the user, unless the account is not active",
        lockout="three wrong passwords within 15 minutes",
        failed_logins_per_call=2,
        failed_probes_per_call=1,
        lockout_window=900.0,
        settle_seconds=0.0,
        control_characters=False,
        # A request that timed out may still be carried out.
        doubt_seconds=3.0,
        password_min=8,
        # No maximum is documented; this is far above any real password.
        password_max=1024,
        password_unit="characters",
        password_classes=("upper", "lower", "digits", "symbols"),
        # The strictest mode (STIG) requires 15 characters.
        generated=GeneratedPassword(length=32, symbol_characters="!@#%^*-_+="),
    )
    argument_spec = dict(
        url=dict(type="str", required=True, fallback=(from_environment, ["ARIA_LOGS_URL"])),
        api_user=dict(type="str", required=True, fallback=(from_environment, ["ARIA_LOGS_API_USER"])),
        api_password=dict(
            type="str", required=True, no_log=True, fallback=(from_environment, ["ARIA_LOGS_API_PASSWORD"])
        ),
        api_provider=dict(
            type="str", choices=list(PROVIDERS), default=LOCAL, fallback=(from_environment, ["ARIA_LOGS_API_PROVIDER"])
        ),
    )
    url_endings = "api(/v[12](/sessions|/users)?)?"
    user_spec = dict(id=dict(type="str"), unlock=dict(type="bool"))
    identifiers = ("name", "id")
    password_required = False

    def __init__(self, params: dict[str, Any], connect: Connect, warn: Warn, learn: Learn) -> None:
        super().__init__(params, connect, warn, learn)
        self._session = Session(self._log_in)
        self._states: Dict[str, Optional[str]] = {}  # authStatus by user id; None: not known, or it may have changed

    @classmethod
    def operator_name(cls, params: dict[str, Any]) -> str | None:
        # The same name in a directory is a different user.
        return super().operator_name(params) if (params.get("api_provider") or LOCAL) == LOCAL else None

    @classmethod
    def counted_operator(cls, params: dict[str, Any]) -> str:
        # A directory locks its accounts too, by its own rules.
        provider = params["api_provider"]
        return params["api_user"] if provider == LOCAL else "%s (%s)" % (params["api_user"], provider)

    def check_call(self) -> None:
        if not self.params["api_user"] or not self.params["api_password"]:
            # The server would count a login without a password as a failed one.
            raise PasswordError(errors.INVALID_INPUT, "api_user and api_password must not be empty.")

    def check(self, account: Account) -> None:
        if not account.label:
            raise PasswordError(errors.INVALID_INPUT, "A user needs a name or an id.")
        if account.id is not None and not _UUID.fullmatch(account.id):
            raise PasswordError(errors.INVALID_INPUT, "A user's id must be a UUID, as listed by the server.")
        if account.password is None and account.update_password != NEVER:
            if not _unlock(account):
                raise PasswordError(
                    errors.INVALID_INPUT,
                    "Nothing to do for %s: set password, or unlock: true." % account.label,
                )
            return
        super().check(account)
        if account.update_password != NEVER and not _POLICY.fullmatch(account.password):
            raise PasswordError(
                errors.PASSWORD_REJECTED,
                "The password must consist of visible ASCII characters and spaces, without a line break at the end. It needs an upper-case letter, "
                "a lower-case letter, a digit and a special character.",
            )

    def open(self, accounts: list[Account]) -> None:
        super().open(accounts)
        self._session.open()

    def find(self, accounts: list[Account]) -> None:
        """Look up all users in one listing, which also shows where the password is managed and whether the account is locked."""
        answer = self._ask("GET", _USERS, READ)
        listed = _listed(answer)
        known: Dict[Tuple[str, str], List[Dict[str, Any]]] = {}
        for user in listed:
            for key in ("id", user["id"].lower()), ("name", user["username"]):
                known.setdefault(key, []).append(user)
        for account in accounts:
            found = known.get(("id", account.id.lower()) if account.id else ("name", account.name), [])
            try:
                self._recognise(account, found)
            except PasswordError as error:
                account.error = error

    def change_needed(self, account: Account) -> bool | None:
        state = self._states[account.id]
        if account.password is None:
            return state is None or state.startswith(_LOCKED)
        if self.is_operator(account):
            # Its password is known, and it can certainly log in.
            return None if account.update_password == NEVER or account.password == self.params["api_password"] else True
        # An account that is not active cannot log in, so a login cannot check its password.
        return None if state == _ACTIVE else True

    def probe(self, account: Account, password: str) -> Login:
        if self.is_operator(account) and account.update_password == NEVER:
            # The operator's session answers this, without a login that might fail.
            if password == self.params["api_password"]:
                return Login.RIGHT
            raise PasswordError(
                errors.CURRENT_PASSWORD_WRONG,
                "The password of %s is a different one: the one in api_password logs in." % account.label,
            )
        state = _ACTIVE if self.is_operator(account) else self._states[account.id] or self._state(account)
        if state != _ACTIVE:
            text = "The password of %s was not verified: the account is not active but " % account.label
            return Login.unknown((text, Outside(state) if state else "in an unknown state", ", so no login was tried."))
        answer = aria_logs_session.log_in(self.http, account.name, password)
        if aria_logs_session.is_refused(answer):
            return Login.WRONG
        _raise_for(answer, own_login=True)
        # The session stays open until it expires: the API cannot end it.
        self.learn(aria_logs_session.session_id(answer))
        return Login.RIGHT

    def change(self, account: Account) -> None:
        body = {} if account.password is None else {"password": account.password}
        if _unlock(account):
            body["unlock"] = True
        # A server may require a password set by an operator to be changed at the first login.
        self._states[account.id] = doubt = None
        try:
            answer = self._ask("PATCH", _path(account) + "/password", WRITE, json=body)
            if "html" in answer.headers.get("Content-Type", "").lower() and answer.excerpt():
                raise answer.unexpected("is a web page", maybe_applied=True)
        except PasswordError as error:
            if account.password is not None or not error.maybe_applied:
                raise
            doubt = error
        if account.password is None and (doubt is not None or self.params["verify"]):
            self._prove_unlocked(account, doubt)

    def _log_in(self) -> str:
        answer = aria_logs_session.log_in(
            self.http, self.params["api_user"], self.params["api_password"], self.params["api_provider"]
        )
        _raise_for(answer)
        token = aria_logs_session.session_id(answer)
        self.learn(token)
        return token

    def _ask(self, method: str, path: str, kind: str, json: Any = None) -> Response:
        """Send a request within the operator's session.

        :return: the answer, always a success.
        """
        answer = self._session.send(
            lambda token: self.http.request(method, path, kind, json=json, headers={"Authorization": bearer(token)}),
            aria_logs_session.has_ended,
        )
        _raise_for(answer)
        return answer

    def _state(self, account: Account) -> str | None:
        """Return the account's present state; ``None`` if the server does not report it."""
        return text_at(self._ask("GET", _path(account), READ).json_object(), "authStatus")

    def _prove_unlocked(self, account: Account, doubt: PasswordError | None) -> None:
        """Check an account that was unlocked without a new password, which needs no login.

        :param doubt: the error after which it is uncertain whether it was unlocked, or ``None``.
        """
        try:
            state = self._state(account)
        except PasswordError as error:
            if doubt is not None:
                raise doubt from None
            self.warn(("Could not verify that %s is unlocked: " % account.label,) + error.parts)
            return
        if doubt is not None and (state is None or state.startswith(_LOCKED)):
            raise doubt
        if (state or "").startswith(_LOCKED):
            raise _account_locked(
                account, state, "The server confirmed unlocking %s, but the account is still locked (%s)."
            )

    def _recognise(self, account: Account, found: list[dict[str, Any]]) -> None:
        """Fill in the account from the listing.

        :param found: the users with this id or name.
        :raises PasswordError: the user cannot be changed.
        """
        found = [user for user in found if not account.name or user["username"] == account.name]
        local = [user for user in found if (text_at(user, "type") or _LOCAL_TYPE) == _LOCAL_TYPE]
        if not found:
            raise PasswordError(
                errors.USER_NOT_FOUND,
                "User %s does not exist on this server. Correct the name or create the user." % account.label,
            )
        if not local:
            kept = Outside(text_at(found[0], "type"))
            raise PasswordError(
                errors.USER_NOT_LOCAL,
                (
                    "The password of %s is managed elsewhere (" % account.label,
                    kept,
                    "). Change it there.",
                ),
            )
        if len(local) > 1:
            raise PasswordError(
                errors.INVALID_INPUT,
                "There are %d local users named %s on this server. Set id instead." % (len(local), account.label),
            )
        account.id, account.name = local[0]["id"], local[0]["username"]
        state = self._states[account.id] = text_at(local[0], "authStatus") or self._state(account)
        if account.password is not None and not _unlock(account) and (state or "").startswith(_LOCKED):
            raise _account_locked(
                account,
                state,
                "The account of %s is locked (%s). A new password would unlock it; to allow that, set unlock: true.",
            )


def _unlock(account: Account) -> bool:
    return bool(account.extras.get("unlock"))


def _path(account: Account) -> str:
    return "%s/%s" % (_USERS, segment(account.id))


def _account_locked(account: Account, state: str | None, text: str) -> PasswordError:
    before, after = (text % (account.label, "\0")).split("\0")
    return PasswordError(errors.ACCOUNT_LOCKED, (before, Outside(state), after), vendor_code=state)


def _listed(answer: Response) -> list[dict[str, Any]]:
    """Return the users of a listing, in either of its two forms."""
    body = answer.json()
    users = body if isinstance(body, list) else answer.json_object().get("users")
    if not isinstance(users, list):
        raise answer.unexpected("is not a list of users")
    usable = [user for user in users if text_at(user, "id") and text_at(user, "username")]
    if users and not usable:
        raise answer.unexpected("lists users without id and username")
    return usable


def _raise_for(answer: Response, own_login: bool = False) -> None:
    """Read the answer's error, if it is one.

    :param own_login: the request was a user's login, not the operator's.
    """
    if answer.status < 300:
        return
    error = _error(answer)
    if own_login and error.kind == errors.AUTHENTICATION_FAILED:
        # It says nothing about the operator, so it must not stop the other users.
        raise answer.unexpected("is a refusal, but not from Aria Operations for Logs")
    raise error


def _error(answer: Response) -> PasswordError:
    text, codes, fields = _read(answer)
    said = Said(text or None, codes[0] if codes else None)
    meanings = ((_CODES, codes), (_FIELDS, fields if answer.status == 400 else ()))
    meaning = next((table[name] for table, names in meanings for name in names if name in table), None)
    # Some answers are plain text.
    if answer.status == 503 and "bootstrapped" in (text or answer.excerpt()):
        meaning = (errors.TARGET_NOT_READY, "The server has not been set up yet. Run again when it has.")
    return refusal(answer, said, _KINDS, meaning, certain=meaning is not None)


def _read(answer: Response) -> tuple[str, list[str], list[str]]:
    """Return the text of an error, its codes (the most specific first) and the fields that it concerns.

    Its details are ``{field: [{errorCode, errorMessage}]}`` or ``{errorCode}``; any part may be missing.
    """
    body = answer.json_object()
    details = body.get("errorDetails")
    details = details if isinstance(details, dict) else {}
    parts = [item for field in details for item in dicts_at(details, field)] + [details, body]
    texts = [text_at(part, "errorMessage") for part in reversed(parts)]
    return (
        " ".join(filter(None, texts)),
        [code for code in (text_at(part, "errorCode") for part in parts) if code],
        list(details),
    )
