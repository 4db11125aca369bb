# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Aria Operations for Logs (vRealize Log Insight): local users, by the REST API, version 2.

Source: Broadcom's API reference of Aria Operations for Logs, "Users" and "Sessions". It leaves open whether the list of users is a bare list or
stands in ``users``, so both are read; and it has an error tell its details either by field or as one.
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

# The type of a user whose password the server keeps itself; others are in a directory.
_LOCAL_TYPE = "DEFAULT"

# Of the states of an account, this one alone allows a login. LOCKED_LOGIN_FAIL, LOCKED_NO_LOGIN and LOCKED_PASSWORD are locked; there is
# PENDING_PASSWORD_CHANGE, too.
_ACTIVE = "ACTIVE"
_LOCKED = "LOCKED"

# Visible ASCII and the blank, with one of each class.
_POLICY = re.compile("(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])(?=.*[^A-Za-z0-9])[ -~]*")

# What an error means: by the vendor's own code, ...
_PREFIX = "com.vmware.loginsight.api.errors."
_PASSWORD_REJECTED = (errors.PASSWORD_REJECTED, "The server refused the new password.")
_CODES = {
    _PREFIX + "field_password_not_secure": _PASSWORD_REJECTED,
    _PREFIX + "rbac.user_does_not_exist": (errors.USER_NOT_FOUND, "The user has vanished since the look-up."),
}
# ... by the field that it is about, ...
_FIELDS = {"password": _PASSWORD_REJECTED}
# ... or by the HTTP status.
_KINDS = {
    400: (errors.INVALID_INPUT, "The server refused the request."),
    401: (errors.AUTHENTICATION_FAILED, "The server refused the operator (api_user, api_password, api_provider)."),
    403: (
        errors.PERMISSION_DENIED,
        "A right is missing: the operator must be Super Admin or have the right to edit access control.",
    ),
    404: (
        errors.UNSUPPORTED,
        "There is no API v2 for users at this URL; its port is 9543 as a rule. From VCF 9.1 on there is none at all: the accounts are those of VCF Operations.",
    ),
    440: (errors.AUTHENTICATION_FAILED, "The server ends each session of the operator at once."),
}


class AriaLogs(Vendor):
    """Local users of one server; the operator has a session, and a user proves its password by opening one."""

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
        # A request that was given up may still be carried out.
        doubt_seconds=3.0,
        password_min=8,
        # None is documented: far above what anybody sets.
        password_max=1024,
        password_unit="characters",
        # The strictest mode (STIG) wants 15 characters.
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
        self._states: Dict[
            str, Optional[str]
        ] = {}  # of the accounts, by the users' ids; None: not known, or perhaps not the same any more

    @classmethod
    def operator_name(cls, params: dict[str, Any]) -> str | None:
        # In a directory the same name is somebody else.
        return super().operator_name(params) if (params.get("api_provider") or LOCAL) == LOCAL else None

    @classmethod
    def counted_operator(cls, params: dict[str, Any]) -> str:
        # A directory locks its accounts, too, by rules of its own.
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
            raise PasswordError(errors.INVALID_INPUT, "The id of a user is a UUID, as the server lists it.")
        if account.password is None and account.update_password != NEVER:
            if not _unlock(account):
                raise PasswordError(
                    errors.INVALID_INPUT,
                    "There is nothing to be done for %s: give a password, or unlock: true." % account.label,
                )
            return
        super().check(account)
        if account.update_password != NEVER and not _POLICY.fullmatch(account.password):
            raise PasswordError(
                errors.PASSWORD_REJECTED,
                "The password must hold visible ASCII characters (and blanks) only, no line break at its end either, with an upper-case letter, a lower-case "
                "letter, a digit and a special character among them.",
            )

    def open(self, accounts: list[Account]) -> None:
        super().open(accounts)
        self._session.open()

    def find(self, accounts: list[Account]) -> None:
        """Look all users up in one listing, which also tells where the password is kept and whether the account is locked."""
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
            # Its password is known, and it is certainly able to log in.
            return None if account.update_password == NEVER or account.password == self.params["api_password"] else True
        # Where no login may be tried, none can tell.
        return None if state == _ACTIVE else True

    def probe(self, account: Account, password: str) -> Login:
        if self.is_operator(account) and account.update_password == NEVER:
            # Its session tells, without a login that might fail.
            if password == self.params["api_password"]:
                return Login.RIGHT
            raise PasswordError(
                errors.CURRENT_PASSWORD_WRONG,
                "The password of %s is another: that of api_password logs in." % account.label,
            )
        state = _ACTIVE if self.is_operator(account) else self._states[account.id] or self._state(account)
        if state != _ACTIVE:
            text = "The password of %s was not verified: the account is not active but " % account.label
            return Login.unknown((text, Outside(state) if state else "in an unknown state", ", so no login was tried."))
        answer = aria_logs_session.log_in(self.http, account.name, password)
        if aria_logs_session.is_refused(answer):
            return Login.WRONG
        _raise_for(answer, own_login=True)
        # The session stays open until it expires: the API has nothing to end it.
        self.learn(aria_logs_session.session_id(answer))
        return Login.RIGHT

    def change(self, account: Account) -> None:
        body = {} if account.password is None else {"password": account.password}
        if _unlock(account):
            body["unlock"] = True
        # A server may want an operator's password to be changed at the first login.
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
        """A request within the operator's session.

        :return: the answer of a success.
        """
        answer = self._session.send(
            lambda token: self.http.request(method, path, kind, json=json, headers={"Authorization": bearer(token)}),
            aria_logs_session.has_ended,
        )
        _raise_for(answer)
        return answer

    def _state(self, account: Account) -> str | None:
        """What state the account is in now; ``None`` if the server does not tell."""
        return text_at(self._ask("GET", _path(account), READ).json_object(), "authStatus")

    def _prove_unlocked(self, account: Account, doubt: PasswordError | None) -> None:
        """Look at the account after it was unlocked without a new password, for which no login is needed.

        :param doubt: the error that leaves it open whether it was, or ``None``.
        """
        try:
            state = self._state(account)
        except PasswordError as error:
            if doubt is not None:
                raise doubt from None
            self.warn(("Whether %s is unlocked now could not be verified: " % account.label,) + error.parts)
            return
        if doubt is not None and (state is None or state.startswith(_LOCKED)):
            raise doubt
        if (state or "").startswith(_LOCKED):
            raise _locked(account, state, "The server accepted to unlock %s, but the account is still locked (%s).")

    def _recognise(self, account: Account, found: list[dict[str, Any]]) -> None:
        """Take over what the listing tells of a user.

        :param found: the users with this id or this name.
        :raises PasswordError: the user cannot be changed.
        """
        found = [user for user in found if not account.name or user["username"] == account.name]
        local = [user for user in found if (text_at(user, "type") or _LOCAL_TYPE) == _LOCAL_TYPE]
        if not found:
            raise PasswordError(errors.USER_NOT_FOUND, "There is no user %s on this server." % account.label)
        if not local:
            kept = Outside(text_at(found[0], "type"))
            raise PasswordError(
                errors.USER_NOT_LOCAL,
                (
                    "The password of %s is kept elsewhere, the server says (" % account.label,
                    kept,
                    "). Change it there.",
                ),
            )
        if len(local) > 1:
            raise PasswordError(
                errors.INVALID_INPUT,
                "There are %d local users %s on this server; give the id instead." % (len(local), account.label),
            )
        account.id, account.name = local[0]["id"], local[0]["username"]
        state = self._states[account.id] = text_at(local[0], "authStatus") or self._state(account)
        if account.password is not None and not _unlock(account) and (state or "").startswith(_LOCKED):
            raise _locked(
                account,
                state,
                "The account of %s is locked (%s). A new password would unlock it, which needs unlock: true.",
            )


def _unlock(account: Account) -> bool:
    return bool(account.extras.get("unlock"))


def _path(account: Account) -> str:
    return "%s/%s" % (_USERS, segment(account.id))


def _locked(account: Account, state: str | None, text: str) -> PasswordError:
    before, after = (text % (account.label, "\0")).split("\0")
    return PasswordError(errors.ACCOUNT_LOCKED, (before, Outside(state), after), vendor_code=state)


def _listed(answer: Response) -> list[dict[str, Any]]:
    """The users of a listing, in either of the forms that it may have."""
    body = answer.json()
    users = body if isinstance(body, list) else answer.json_object().get("users")
    if not isinstance(users, list):
        raise answer.unexpected("is no list of users")
    usable = [user for user in users if text_at(user, "id") and text_at(user, "username")]
    if users and not usable:
        raise answer.unexpected("lists users without id and username")
    return usable


def _raise_for(answer: Response, own_login: bool = False) -> None:
    """Read the answer's error, if it is one.

    :param own_login: the request was the login of a user, not one of the operator's.
    """
    if answer.status < 300:
        return
    error = _error(answer)
    if own_login and error.kind == errors.AUTHENTICATION_FAILED:
        # Says nothing about the operator, so it must not stop the others.
        raise answer.unexpected("is a refusal, but not that of Aria Operations for Logs")
    raise error


def _error(answer: Response) -> PasswordError:
    text, codes, fields = _read(answer)
    said = Said(text or None, codes[0] if codes else None)
    meanings = ((_CODES, codes), (_FIELDS, fields if answer.status == 400 else ()))
    meaning = next((table[name] for table, names in meanings for name in names if name in table), None)
    # Some answers are plain text.
    if answer.status == 503 and "bootstrapped" in (text or answer.excerpt()):
        meaning = (errors.TARGET_NOT_READY, "The server has not been set up yet.")
    return refusal(answer, said, _KINDS, meaning, certain=meaning is not None)


def _read(answer: Response) -> tuple[str, list[str], list[str]]:
    """What an error says, its codes, the most telling first, and the fields that it is about.

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
