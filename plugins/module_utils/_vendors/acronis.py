# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Acronis Cyber Protect Cloud: users of a tenant and of those below it, through the Account Management API v2.

Source: the vendor's reference of the Account Management API v2, and its guide ("Activation by setting a password", "Searching for tenants and users",
"Status and error codes"). They do not say when failed logins lock an account, which passwords are refused, or whether a login checks the password before
the second factor. Nothing here relies on any of that.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Set, Tuple
from urllib.parse import quote, urlencode

from .. import errors
from .._auth.basic import bearer
from .._auth.oauth2 import TokenEndpoint
from .._auth.session import Session
from .._environment import from_environment
from .._json_paths import dicts_at, text_at
from .._refusals import Meaning, Said, refusal
from ..errors import Outside, PasswordError
from ..http import READ, WRITE, Headers, Pages, Response, segment
from ..vendor import Account, Capabilities, Connect, GeneratedPassword, Learn, Login, Vendor, Warn

_API = "/api/2"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Up to this many users are looked up one by one instead of by listing all.
_SINGLE_LOOKUPS = 5
# A search has no second page, so a full first page may hide users.
_SEARCH_LIMIT = 10
_PAGE = 2000
# The fields to keep of a user; a listing returns some kB for each.
_OF_A_USER = ("id", "login", "tenant_id", "external_id", "enabled", "activated", "deleted_at")

# Codes of a refused login that mean a wrong password (or that the vendor does not explain), ...
_WRONG_PASSWORD = ("access_denied", "invalid_grant")
# ... and those that come with the right password, or before it is checked.
_SECOND_FACTOR = ("totp_required", "totp_setup_required", "invalid_totp")

# What the vendor's error code means, ...
_DENIED = (
    errors.PERMISSION_DENIED,
    "The API client lacks a right. It must be allowed to administer users, and cannot set passwords in its own tenant or above it.",
)
_CODES = {
    1002: _DENIED,
    1003: (errors.ACCOUNT_INACTIVE, "A parent tenant is disabled. Enable it, then run again."),
    1005: (errors.TARGET_NOT_FOUND, "The tenant does not exist. Correct tenant_id."),
    1012: (errors.ACCOUNT_LOCKED, "The tenant is locked. Unlock it, then run again."),
    1018: (errors.ACCOUNT_INACTIVE, "The user is disabled. Enable it, or remove it from the list."),
}
# ... and what the HTTP status means, for any other code.
_KINDS = {
    400: (errors.INVALID_INPUT, "The server refused the request."),
    401: (
        errors.AUTHENTICATION_FAILED,
        "The server refuses every token of the API client. Check client_id and client_secret.",
    ),
    403: _DENIED,
    404: (
        errors.TARGET_NOT_FOUND,
        "The API client or tenant does not exist here. Set url to the address of its data centre.",
    ),
}
# What they mean for a request that sets a password.
_REJECTED = (errors.PASSWORD_REJECTED, "The server refused the new password.")
_CODES_OF_CHANGE = {1027: _REJECTED}
_KINDS_OF_CHANGE = {
    400: _REJECTED,
    404: (errors.USER_NOT_FOUND, "The user was deleted after the look-up. Remove it from the list."),
}
# Where the status alone decides, whatever the code.
_ROWS_OF_ALL = (401, 408, 413, 429)


class Acronis(Vendor):
    """Users of a data centre. An API client is the operator; a user proves its password by getting a token."""

    name = "acronis"
    env_prefix = "ACRONIS"
    operator_options = None  # an API client is not a user
    capabilities = Capabilities(
        title="Acronis Cyber Protect Cloud",
        changes_own=False,
        changes_others=True,
        others_need_current="no",
        login_probe="get a token as the user; inconclusive for accounts with 2FA",
        lockout="not documented",
        failed_logins_per_call=2,
        failed_probes_per_call=1,
        lockout_window=3600.0,  # not documented
        settle_seconds=0.0,
        # A request that timed out may still be carried out.
        doubt_seconds=3.0,
        password_min=1,
        # No maximum is documented; this is far above any real password.
        password_max=1024,
        password_unit="characters",
        # The console requires 9 characters and refuses weak passwords.
        generated=GeneratedPassword(length=32),
    )
    argument_spec = dict(
        url=dict(type="str", required=True, fallback=(from_environment, ["ACRONIS_URL"])),
        client_id=dict(type="str", required=True, fallback=(from_environment, ["ACRONIS_CLIENT_ID"])),
        client_secret=dict(
            type="str", required=True, no_log=True, fallback=(from_environment, ["ACRONIS_CLIENT_SECRET"])
        ),
        tenant_id=dict(type="str", fallback=(from_environment, ["ACRONIS_TENANT_ID"])),
        activate=dict(type="bool", default=False),
    )
    url_endings = "api(/[12](/idp(/token)?)?)?"
    user_spec = dict(id=dict(type="str"), activate=dict(type="bool"))
    identifiers = ("name", "id")

    _tokens: TokenEndpoint

    def __init__(self, params: dict[str, Any], connect: Connect, warn: Warn, learn: Learn) -> None:
        super().__init__(params, connect, warn, learn)
        self._session = Session(self._log_in)
        self._issued: List[str] = []  # all tokens of the API client
        self._tenant = ""  # where users are looked up by login
        self._own_tenant: Optional[str] = None  # the API client's; None: not known
        # All users of the tenant, once they have been listed
        self._listed: Optional[Dict[Tuple[str, str], List[Dict[str, Any]]]] = None
        self._inactive: Set[str] = set()  # ids of users that a change will activate

    @classmethod
    def target(cls, params: dict[str, Any]) -> str:
        # Where tenant_id is not given, only the server knows the tenant.
        tenant = (params.get("tenant_id") or "").lower()
        return "%s %s" % (super().target(params), "tenant %s" % tenant if tenant else "client %s" % params["client_id"])

    @classmethod
    def counted_operator(cls, params: dict[str, Any]) -> str:
        # Failed logins of an API client are not documented, so assume that they count.
        client_id: str = params["client_id"]
        return client_id

    def check_call(self) -> None:
        client_id = self.params["client_id"] or ""
        if not client_id or ":" in client_id or not client_id.isprintable():
            # The first colon of a login ends the name.
            raise PasswordError(
                errors.INVALID_INPUT, "client_id must not be empty and must not contain ':' or control characters."
            )
        if not self.params["client_secret"]:
            raise PasswordError(errors.INVALID_INPUT, "client_secret must not be empty.")
        if self.params["tenant_id"] and not _UUID.fullmatch(self.params["tenant_id"].lower()):
            raise PasswordError(errors.INVALID_INPUT, "tenant_id must be a UUID.")

    def check(self, account: Account) -> None:
        if not account.label:
            raise PasswordError(errors.INVALID_INPUT, "A user needs a name (its login) or an id.")
        if account.name and not account.name.isprintable():
            raise PasswordError(errors.INVALID_INPUT, "A user name must not contain control characters.")
        if account.id is not None:
            # The vendor accepts lower case only.
            account.id = account.id.lower()
            if not _UUID.fullmatch(account.id):
                raise PasswordError(errors.INVALID_INPUT, "A user's id must be a UUID.")
        super().check(account)

    def open(self, accounts: list[Account]) -> None:
        super().open(accounts)
        self._tokens = TokenEndpoint(self.http, _API + "/idp/token", _API + "/idp/revoke_token", self.learn)
        self._session.open()
        self._tenant = (self.params["tenant_id"] or "").lower()
        if not self._tenant:
            self._tenant = self._own_tenant = self._tenant_of_client()

    def close(self) -> None:
        for token in self._issued:
            self._end(token, (self.params["client_id"], self.params["client_secret"]))

    def find(self, accounts: list[Account]) -> None:
        """Look up all users: a few by one search each, many by one listing."""
        if len(accounts) > _SINGLE_LOOKUPS:
            self._list()
        for account in accounts:
            found = self._with_id(account, account.id) if account.id else self._with_login(account)
            try:
                self._recognise(account, found)
            except PasswordError as error:
                account.error = account.error or error

    def change_needed(self, account: Account) -> bool | None:
        # A user that was never activated has no password, so a login would fail and count.
        return True if account.id in self._inactive else None

    def probe(self, account: Account, password: str) -> Login:
        grant = self._tokens.for_user(account.name, password)
        if grant.token:
            self._end(grant.token)
            return Login.RIGHT
        if grant.refusal in _WRONG_PASSWORD:
            return Login.WRONG
        if grant.refusal in _SECOND_FACTOR:
            return Login.unknown(
                "The password of %s cannot be checked: the server requires a second factor." % account.label
            )
        text = "The password of %s could not be checked: the server responded " % account.label
        return Login.unknown((text, Outside(grant.refusal), "."), counted=True)

    def change(self, account: Account) -> None:
        answer = self._send("POST", "/users/%s/password" % account.id, WRITE, json={"password": account.password})
        if answer.status != 204:
            raise _error(answer, change=True)

    def _log_in(self) -> str:
        token = self._tokens.for_client(self.params["client_id"], self.params["client_secret"])
        self._issued.append(token)
        return token

    def _end(self, token: str, client: tuple[str, str] | None = None) -> None:
        """Revoke a token, which would otherwise stay valid for hours."""
        try:
            ended = self._tokens.revoke(token, client)
        except PasswordError:
            ended = False
        if not ended:
            self.warn("A token could not be revoked; it stays valid until it expires.")

    def _send(self, method: str, path: str, kind: str, json: Any = None) -> Response:
        """Send a request as the API client; retry with a new token if the old one has expired."""

        def request(token: str) -> Response:
            headers: Headers = {"Authorization": bearer(token), "Accept": "application/json"}
            return self.http.request(method, _API + path, kind, json=json, headers=headers)

        return self._session.send(request, lambda answer: answer.status == 401)

    def _tenant_of_client(self) -> str:
        answer = self._send("GET", "/clients/" + segment(self.params["client_id"]), READ)
        tenant = _read(answer).get("tenant_id")
        if not isinstance(tenant, str) or not _UUID.fullmatch(tenant):
            raise answer.unexpected("lacks the API client's tenant; set tenant_id")
        return tenant

    def _with_login(self, account: Account) -> list[dict[str, Any]]:
        """Return the users with exactly this login. The search ignores case and also matches names and addresses."""
        if self._listed is None:
            query = {"tenant": self._tenant, "text": account.name, "limit": _SEARCH_LIMIT}
            answer = self._send("GET", "/search?" + urlencode(query, quote_via=quote), READ)
            # If the search does not accept the text, the listing still may find the user.
            found = dicts_at(_read(answer), "items") if answer.status != 400 else []
            ids: List[Any] = [
                item.get("id") for item in found if item.get("obj_type") == "user" and item.get("login") == account.name
            ]
            if len(ids) == 1 and len(found) < _SEARCH_LIMIT and _is_id(ids[0]):
                return self._with_id(account, ids[0])
            # None or several: the search does not prove that, so list all.
            self._list()
        if self._listed is None:
            raise AssertionError("the users were not listed")
        return self._listed.get(("login", account.name), [])

    def _with_id(self, account: Account, user_id: str) -> list[dict[str, Any]]:
        """Return the user with this id, even outside the tenant if the API client may see it."""
        listed = (self._listed or {}).get(("id", user_id))
        if listed:
            return listed
        answer = self._send("GET", "/users/" + user_id, READ)
        if answer.status == 404:
            return []
        if answer.status == 403:
            account.error = _error(answer)
            return []
        user = _read(answer)
        if user.get("id") != user_id or not text_at(user, "login"):
            raise answer.unexpected("does not describe the user")
        return [user]

    def _list(self) -> None:
        """Fetch all users of the tenant and of those below it, page by page."""
        known, cursor, seen, pages = {}, None, set(), Pages()
        # The full level of detail: only that is certain to show where a user's password is managed.
        query = {"subtree_root_tenant_id": self._tenant, "lod": "full", "limit": _PAGE}
        while True:
            answer = self._send(
                "GET", "/users?" + urlencode(dict(query, after=cursor) if cursor else query, quote_via=quote), READ
            )
            body = _read(answer)
            items = body.get("items")
            users = [user for user in dicts_at(body, "items") if _is_id(user.get("id")) and text_at(user, "login")]
            if not isinstance(items, list) or (items and not users):
                raise answer.unexpected("is not a list of users")
            for user in users:
                # If the list changes in the meantime, a user may be on two pages.
                if ("id", user["id"]) not in known:
                    user = {key: user.get(key) for key in _OF_A_USER}
                    known["id", user["id"]] = [user]
                    known.setdefault(("login", user["login"]), []).append(user)
            cursor = text_at(body, "paging", "cursors", "after")
            if not cursor or not users:
                break
            pages.count(answer, len(known) // 2)
            if cursor in seen:
                raise answer.unexpected("leads to a page that has been read already")
            seen.add(cursor)
        self._listed = known

    def _recognise(self, account: Account, found: list[dict[str, Any]]) -> None:
        """Fill in the account from the look-up.

        :param found: the users with this id or login.
        :raises PasswordError: the user cannot be changed.
        """
        found = [
            user for user in found if not user.get("deleted_at") and (not account.name or user["login"] == account.name)
        ]
        if not found:
            raise PasswordError(
                errors.USER_NOT_FOUND,
                "User %s does not exist in this tenant or below it. The login must match exactly, including case."
                % account.label,
            )
        if len(found) > 1:
            raise PasswordError(
                errors.INVALID_INPUT,
                "There are %d users named %s in this tenant and below it. Set id instead."
                % (len(found), account.label),
            )
        user = found[0]
        account.id, account.name = user["id"], user["login"]
        if user.get("external_id"):
            raise PasswordError(
                errors.USER_NOT_LOCAL,
                "%s logs in through an external identity provider. Change the password there." % account.label,
            )
        if self._own_tenant and user.get("tenant_id") == self._own_tenant:
            text = "%s is in the API client's own tenant. A client can set passwords only in tenants below its own."
            raise PasswordError(errors.PERMISSION_DENIED, text % account.label)
        if user.get("enabled") is False:
            raise PasswordError(
                errors.ACCOUNT_INACTIVE, "User %s is disabled. Enable it, or remove it from the list." % account.label
            )
        if user.get("activated") is not True:
            if not account.extras.get("activate"):
                text = "User %s was never activated, and a new password would activate it. To allow that, set activate: true."
                raise PasswordError(errors.ACCOUNT_INACTIVE, text % account.label)
            self._inactive.add(account.id)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _read(answer: Response) -> dict[str, Any]:
    """Return the body of a look-up.

    :raises PasswordError: the look-up failed.
    """
    if answer.status != 200:
        raise _error(answer)
    return answer.json_object()


def _error(answer: Response, change: bool = False) -> PasswordError:
    """Make an error from an answer. Its body is ``{"error": {"code", "message", "details": {"info"}}}``; any part may be missing.

    :param change: whether the request set a password.
    """
    body = answer.json_object().get("error")
    body = body if isinstance(body, dict) else {}
    texts = [text_at(body, "message"), text_at(body, "details", "info")]
    said = Said(". ".join(filter(None, texts)) if any(texts) else None, body.get("code"))
    return refusal(answer, said, _KINDS, _meaning(answer.status, body.get("code"), change), writing=change)


def _meaning(status: int, code: object, change: bool) -> Optional[Meaning]:
    """Return what the vendor's code means, or the status of a refused change."""
    if status in _ROWS_OF_ALL or not 400 <= status < 500:
        return None
    # Some servers send their numbers as strings.
    number = int(code) if isinstance(code, str) and re.fullmatch("[0-9]{1,9}", code) else code
    number = number if isinstance(number, int) else None
    tables = ((_CODES_OF_CHANGE, number), (_KINDS_OF_CHANGE, status)) if change else ()
    return next((table[key] for table, key in ((_CODES, number),) + tables if key in table), None)
