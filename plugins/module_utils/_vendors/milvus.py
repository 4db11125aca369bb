# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Milvus and Zilliz Cloud: users of the RESTful API v2.

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

# 200 instead of 0 came from 2.3.13 to 2.3.21 and from 2.4.0 to 2.4.2.
_SUCCESS = (0, 200)

# The server's codes, where they are certain; all others go by the HTTP status.
_NOT_AUTHENTICATED = 1800
_KINDS = {
    # Invalid parameter: here the length or the character classes.
    1100: (errors.PASSWORD_REJECTED, "The server refused the new password."),
    1400: (errors.CURRENT_PASSWORD_WRONG, "The current password is wrong."),
    # Not JSON or a wrong type, and a required parameter that is missing or empty.
    1801: (errors.INVALID_INPUT, "The server did not understand the request."),
    1802: (errors.INVALID_INPUT, "The server did not understand the request."),
}
# What a status means; but nearly all errors come with 200.
_ROWS: Rows = {
    401: (
        errors.AUTHENTICATION_FAILED,
        "The server refused the login of the operator (api_user, api_password or api_token).",
    ),
    403: (errors.PERMISSION_DENIED, "A privilege is missing."),
    404: (errors.UNSUPPORTED, "There is no RESTful API v2 for users at this URL; it came with Milvus 2.3.13."),
}


class Milvus(Vendor):
    """Users of a Milvus cluster; each request carries its own login, there are no sessions and no lock-out."""

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
        # A password is in force at once, but an update that the server timed out on may still happen.
        settle_seconds=3.0,
        # The least length is a setting of the server, 72 bytes the limit of its bcrypt.
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
                errors.INVALID_INPUT, "A Milvus user name must not be empty and holds no ':' and no control character."
            )
        super().check(account)
        if self._current(account) is None and not self._acts_for(account) and account.update_password != NEVER:
            raise PasswordError(
                errors.INVALID_INPUT,
                "current_password is missing for %s: without api_user and api_password (or api_token) a user changes its own password."
                % account.name,
            )

    def open(self, accounts: list[Account]) -> None:
        if ":" in (self.params.get("api_user") or ""):
            raise PasswordError(errors.INVALID_INPUT, "api_user must not hold a ':', which ends the name in a login.")
        super().open(accounts)

    def find(self, accounts: list[Account]) -> None:
        """Look up those for whom the operator acts: a super user that "changes" an unknown user would create it."""
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
                "The operator may not list the users, which is needed so that no unknown user gets created. ",
            ) + error.parts
            for account in others:
                account.error = error
            return
        names = answer.json_object().get("data")
        if not isinstance(names, list):
            raise answer.unexpected("is no list of users")
        names = {name for name in names if isinstance(name, str)}
        for account in others:
            if account.name not in names:
                account.error = PasswordError(
                    errors.USER_NOT_FOUND, "There is no user %s on this server." % account.name
                )

    def probe(self, account: Account, password: str) -> Login:
        answer = self._post("describe", {"userName": account.name}, LOGIN, _login(account.name, password))
        if self._is_refused_login(answer):
            self._checks_logins = True
            return Login.WRONG
        self._raise_for(answer, own_login=True)
        if self._checks_logins is None:
            # Not a race worth a lock: two threads would merely ask the same question.
            self._checks_logins = self._refuses_nobody(account)
        if not self._checks_logins:
            return Login.unknown(
                "Authorization is switched off on this Milvus server: it accepts any login, so no password can be verified."
            )
        return Login.RIGHT

    def _refuses_nobody(self, account: Account) -> bool:
        """Whether the server refuses a login that nobody has. One that takes any proves nothing; perhaps it is not even the server that answers."""
        login = _login("rekey_" + secrets.token_hex(8), secrets.token_urlsafe(24))
        answer = self._post("describe", {"userName": account.name}, LOGIN, login)
        if answer.status == 401:
            return True
        if answer.status == 403:
            # With a code of its own the server has let the login pass, and misses a privilege.
            return "code" not in answer.json_object()
        # A passing fault is no proof that the server takes any login.
        self._raise_for(answer)
        return False

    def change(self, account: Account) -> None:
        acting = self._acts_for(account)
        current = self._current(account)
        body = {
            "userName": account.name,
            # A super user may pass any password here. If the operator is none, the new one is right only where nothing is to be done.
            "password": account.password if current is None else current,
            "newPassword": account.password,
        }
        answer = self._post(
            "update_password", body, WRITE, self._operator() if acting else _login(account.name, current or "")
        )
        if not acting and self._is_refused_login(answer):
            meaning = (
                errors.CURRENT_PASSWORD_WRONG,
                "The current password of %s is wrong, or there is no such user." % account.name,
            )
            raise self._error(answer, meaning)
        try:
            self._raise_for(answer, own_login=not acting)
        except PasswordError as error:
            if error.kind == errors.CURRENT_PASSWORD_WRONG and current is None:
                error.parts = (
                    "current_password is needed for %s: the server does not list the operator in superUsers. "
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
        """Read the answer's error, if it is one: nearly all come with HTTP status 200.

        :param own_login: the request carried the login of the user, not that of the operator.
        """
        code = answer.json_object().get("code")
        if not isinstance(code, int) or isinstance(code, bool):
            code = None
        if answer.status == 200 and code in _SUCCESS:
            return
        if answer.status == 401 and own_login:
            # Says nothing about the operator, so it must not stop the others.
            raise answer.unexpected("is a refusal, but not Milvus' own")
        if answer.status != 200 and (answer.status in _ROWS or answer.status in DEFAULTS or answer.status >= 500):
            raise self._error(answer)
        if answer.status == 200 and code in _KINDS:
            raise self._error(answer, _KINDS[code])
        # Also 65535, the server's code for everything else: it is no proof that nothing happened.
        error = answer.unexpected("was not understood", maybe_applied=answer.writing)
        error.vendor_code = code
        raise error

    @staticmethod
    def _error(answer: Response, meaning: Optional[Meaning] = None) -> PasswordError:
        """The error that an answer is.

        :param meaning: what it certainly means, where the status does not tell.
        """
        body = answer.json_object()
        return refusal(
            answer, Said(text_at(body, "message"), body.get("code")), _ROWS, meaning, certain=meaning is not None
        )


def _login(user: str, password: str) -> bytes:
    """A user's login; as a bearer token, which Zilliz Cloud knows too, unless the password would not survive in a header."""
    if password != password.strip() or not password.isprintable():
        return basic(user, password)
    return bearer("%s:%s" % (user, password))
