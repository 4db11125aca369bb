# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Milvus and Zilliz Cloud: users, through the RESTful API v2.

Source: the vendor's RESTful API reference, v2, "User Operations", and the behaviour of the open-source server.
"""

from __future__ import annotations

import secrets
from typing import Any, Optional

from .. import errors
from .._auth.basic import basic, bearer
from .._environment import from_environment
from .._json_paths import text_at
from .._refusals import DEFAULTS, Meaning, Rows, Said, refusal
from ..errors import PasswordError
from ..http import LOGIN, READ, WRITE, Headers, Response
from ..vendor import NEVER, Account, Capabilities, Connect, GeneratedPassword, Learn, Login, Vendor, Warn

_USERS = "/v2/vectordb/users/"

# Versions 2.3.13 to 2.3.21 and 2.4.0 to 2.4.2 send 200 instead of 0.
_SUCCESS = (0, 200)

# Server codes with a definite meaning; for all others the HTTP status decides.
_NOT_AUTHENTICATED = 1800
_KINDS = {
    # Invalid parameter: the length or the character classes.
    1100: (errors.PASSWORD_REJECTED, "The server refused the new password."),
    1400: (errors.CURRENT_PASSWORD_WRONG, "The current password is wrong. Supply the right one."),
    # 1801: not JSON, or a wrong type. 1802: a required parameter is missing or empty.
    1801: (errors.INVALID_INPUT, "The server did not understand the request."),
    1802: (errors.INVALID_INPUT, "The server did not understand the request."),
}
# What a status means; nearly all errors come with 200, though.
_ROWS: Rows = {
    401: (
        errors.AUTHENTICATION_FAILED,
        "The server refused the operator's login. Check api_user and api_password, or api_token.",
    ),
    403: (errors.PERMISSION_DENIED, "The operator or user lacks a privilege. Grant it on the server."),
    404: (
        errors.UNSUPPORTED,
        "The RESTful API v2 for users was not found at this URL. It requires Milvus 2.3.13 or later.",
    ),
}


class Milvus(Vendor):
    """Users of a Milvus cluster. Each request carries its own login; the server has neither sessions nor a lock-out."""

    name = "milvus"
    env_prefix = "MILVUS"
    capabilities = Capabilities(
        title="Milvus",
        changes_own=True,
        changes_others=True,
        others_need_current="yes, unless the server lists the operator in superUsers",
        login_probe="describe the user as itself; impossible where authorization is switched off",
        lockout="none",
        failed_logins_per_call=None,
        # A password is in force at once, but an update after which the server timed out may still happen.
        settle_seconds=3.0,
        # The minimum is a server setting; 72 bytes is the limit of its bcrypt.
        password_min=1,
        password_max=72,
        password_unit="bytes",
        # Zilliz Cloud: 8 to 64 characters with three of the four classes.
        generated=GeneratedPassword(length=32, symbol_characters="!@%^*_+-="),
    )
    argument_spec = dict(
        url=dict(type="str", required=True, fallback=(from_environment, ["MILVUS_URL"])),
        api_user=dict(type="str", fallback=(from_environment, ["MILVUS_API_USER"])),
        api_password=dict(type="str", no_log=True, fallback=(from_environment, ["MILVUS_API_PASSWORD"])),
        api_token=dict(type="str", no_log=True, fallback=(from_environment, ["MILVUS_API_TOKEN"])),
    )
    url_endings = "v[12]/vectordb(/users)?"
    constraints = dict(mutually_exclusive=[("api_token", "api_user")], required_together=[("api_user", "api_password")])

    def __init__(self, params: dict[str, Any], connect: Connect, warn: Warn, learn: Learn) -> None:
        super().__init__(params, connect, warn, learn)
        self._checks_logins: Optional[bool] = None  # whether the server checks logins at all; None: not known yet

    def check(self, account: Account) -> None:
        if not account.name or ":" in account.name or not account.name.isprintable():
            # The first colon of a login ends the name.
            raise PasswordError(
                errors.INVALID_INPUT,
                "A Milvus user name must not be empty and must not contain ':' or control characters.",
            )
        super().check(account)
        if self._current(account) is None and not self._acts_for(account) and account.update_password != NEVER:
            raise PasswordError(
                errors.INVALID_INPUT,
                "current_password is missing for %s: without api_user and api_password (or api_token) each user changes its own password."
                % account.name,
            )

    def open(self, accounts: list[Account]) -> None:
        if ":" in (self.params.get("api_user") or ""):
            raise PasswordError(errors.INVALID_INPUT, "api_user must not contain ':', which ends the name in a login.")
        super().open(accounts)

    def find(self, accounts: list[Account]) -> None:
        """Look up the users for whom the operator acts: a super user that "changes" an unknown user would create it."""
        others = [account for account in accounts if self._acts_for(account)]
        if not others:
            return
        answer = self._post("list", {}, READ, self._operator())
        try:
            self._raise_for(answer)
        except PasswordError as error:
            if error.kind != errors.PERMISSION_DENIED:
                raise
            error.parts = (
                "The operator may not list users. It must, so that no unknown user is created by mistake. ",
            ) + error.parts
            for account in others:
                account.error = error
            return
        names = answer.json_object().get("data")
        if not isinstance(names, list):
            raise answer.unexpected("is not a list of users")
        names = {name for name in names if isinstance(name, str)}
        for account in others:
            if account.name not in names:
                account.error = PasswordError(
                    errors.USER_NOT_FOUND,
                    "User %s does not exist on this server. Correct the name or create the user." % account.name,
                )

    def probe(self, account: Account, password: str) -> Login:
        answer = self._post("describe", {"userName": account.name}, LOGIN, _login(account.name, password))
        if self._is_refused_login(answer):
            self._checks_logins = True
            return Login.WRONG
        self._raise_for(answer, own_login=True)
        if self._checks_logins is None:
            # This race is not worth a lock: two threads would only ask the same question.
            self._checks_logins = self._refuses_nobody(account)
        if not self._checks_logins:
            return Login.unknown(
                "Authorization is switched off on this Milvus server: it accepts any login, so passwords cannot be verified."
            )
        return Login.RIGHT

    def _refuses_nobody(self, account: Account) -> bool:
        """Whether the server refuses a made-up login. If it accepts any, a login proves nothing; it may not even be the server that responds."""
        login = _login("rekey_" + secrets.token_hex(8), secrets.token_urlsafe(24))
        answer = self._post("describe", {"userName": account.name}, LOGIN, login)
        if answer.status == 401:
            return True
        if answer.status == 403:
            # With a code of its own, the server has accepted the login and only lacks a privilege.
            return "code" not in answer.json_object()
        # A transient fault does not prove that the server accepts any login.
        self._raise_for(answer)
        return False

    def change(self, account: Account) -> None:
        acting = self._acts_for(account)
        current = self._current(account)
        body = {
            "userName": account.name,
            # A super user may pass anything here. For any other operator the new password is right only if it is already in force.
            "password": account.password if current is None else current,
            "newPassword": account.password,
        }
        answer = self._post(
            "update_password", body, WRITE, self._operator() if acting else _login(account.name, current or "")
        )
        if not acting and self._is_refused_login(answer):
            meaning = (
                errors.CURRENT_PASSWORD_WRONG,
                "The current password of %s is wrong, or the user does not exist." % account.name,
            )
            raise self._error(answer, meaning)
        try:
            self._raise_for(answer, own_login=not acting)
        except PasswordError as error:
            if error.kind == errors.CURRENT_PASSWORD_WRONG and current is None:
                error.parts = (
                    "current_password is required for %s: the server does not list the operator in superUsers. "
                    % account.name,
                ) + error.parts
            raise

    def _acts_for(self, account: Account) -> bool:
        """Whether the operator acts for the user, and not the user for itself."""
        if self.params.get("api_token"):
            return True
        return bool(self.params.get("api_user")) and not self.is_operator(account)

    def _current(self, account: Account) -> str | None:
        if self.is_operator(account) and not account.current_password:
            password: Optional[str] = self.params["api_password"]
            return password
        return account.current_password or None

    def _operator(self) -> bytes:
        token = self.params.get("api_token")
        return bearer(token) if token else _login(self.params["api_user"], self.params["api_password"])

    def _post(self, operation: str, body: dict[str, Any], kind: str, authorization: bytes | None) -> Response:
        headers: Headers = {"Authorization": authorization} if authorization else {}
        return self.http.request("POST", _USERS + operation, kind, json=body, headers=headers)

    def _is_refused_login(self, answer: Response) -> bool:
        # A gateway's own 401 says nothing about the password.
        return answer.status == 401 and answer.json_object().get("code") == _NOT_AUTHENTICATED

    def _raise_for(self, answer: Response, own_login: bool = False) -> None:
        """Raise the answer's error, if it is one. Nearly all come with HTTP status 200.

        :param own_login: the request carried the user's login, not the operator's.
        """
        code = answer.json_object().get("code")
        if not isinstance(code, int) or isinstance(code, bool):
            code = None
        if answer.status == 200 and code in _SUCCESS:
            return
        if answer.status == 401 and own_login:
            # It says nothing about the operator, so it must not stop the other users.
            raise answer.unexpected("is a refusal, but not from Milvus")
        if answer.status != 200 and (answer.status in _ROWS or answer.status in DEFAULTS or answer.status >= 500):
            raise self._error(answer)
        if answer.status == 200 and code in _KINDS:
            raise self._error(answer, _KINDS[code])
        # This includes 65535, the server's code for anything else, which does not prove that nothing happened.
        error = answer.unexpected("was not understood", maybe_applied=answer.writing)
        error.vendor_code = code
        raise error

    @staticmethod
    def _error(answer: Response, meaning: Optional[Meaning] = None) -> PasswordError:
        """Make an error from an answer.

        :param meaning: its definite meaning, where the status does not give it.
        """
        body = answer.json_object()
        return refusal(
            answer, Said(text_at(body, "message"), body.get("code")), _ROWS, meaning, certain=meaning is not None
        )


def _login(user: str, password: str) -> bytes:
    """Return a user's login as a bearer token, which Zilliz Cloud also accepts, unless the password would not survive in a header."""
    if password != password.strip() or not password.isprintable():
        return basic(user, password)
    return bearer("%s:%s" % (user, password))
