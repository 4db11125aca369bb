# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Acronis Cyber Protect Cloud: users of a tenant and of those below it, by the Account Management API, version 2.

Source: the vendor's reference of the Account Management API v2, and its guide ("Activation by setting a password", "Searching for tenants and users",
"Status and error codes"). They tell neither when a wrong password locks an account, nor which passwords the call refuses, nor in which order a
login looks at the password and at the second factor: nothing here relies on any of that.
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

# So few users are looked up one by one rather than in the list of all.
_SINGLE_LOOKUPS = 5
# A search has no second page: what fills the first may hide somebody.
_SEARCH_LIMIT = 10
_PAGE = 2000
# What is kept of a user, of whom a list tells some kB.
_OF_A_USER = ("id", "login", "tenant_id", "external_id", "enabled", "activated", "deleted_at")

# Of the codes with which a login is refused, those that mean the password (or that the vendor does not tell), ...
_WRONG_PASSWORD = ("access_denied", "invalid_grant")
# ... and those that come with the right password, or before anybody has looked at it.
_SECOND_FACTOR = ("totp_required", "totp_setup_required", "invalid_totp")

# What the vendor's code of an error means, ...
_DENIED = (
    errors.PERMISSION_DENIED,
    "The API client lacks a right. It must administer users, and it can't set passwords in its own tenant or above.",
)
_CODES = {
    1002: _DENIED,
    1003: (errors.ACCOUNT_INACTIVE, "A tenant above is disabled."),
    1005: (errors.TARGET_NOT_FOUND, "The tenant is not known."),
    1012: (errors.ACCOUNT_LOCKED, "The tenant is locked."),
    1018: (errors.ACCOUNT_INACTIVE, "The user is disabled."),
}
# ... and where there is none of these, the HTTP status.
_KINDS = {
    400: (errors.INVALID_INPUT, "The server refused the request."),
    401: (errors.AUTHENTICATION_FAILED, "The server refuses each token of the API client."),
    403: _DENIED,
    404: (
        errors.TARGET_NOT_FOUND,
        "There is no such API client or tenant here; the url must be that of its data centre.",
    ),
}
# What they mean where a password was to be set, which is all that such a request holds.
_REJECTED = (errors.PASSWORD_REJECTED, "The server refused the new password.")
_CODES_OF_CHANGE = {1027: _REJECTED}
_KINDS_OF_CHANGE = {400: _REJECTED, 404: (errors.USER_NOT_FOUND, "The user has vanished since the look-up.")}
# Those that no code can explain.
_ROWS_OF_ALL = (401, 408, 413, 429)


class Acronis(Vendor):
    """Users of a data centre; an API client acts for all, and a user proves its password by getting a token."""

    name = "acronis"
    env_prefix = "ACRONIS"
    operator_options = None  # an API client is no user
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
        # A request that was given up may still be carried out.
        doubt_seconds=3.0,
        password_min=1,
        # None is documented: far above what anybody sets.
        password_max=1024,
        password_unit="characters",
        # The console wants 9 characters, and refuses weak ones.
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
        self._tenant = ""  # where users are looked for by their logins
        self._own_tenant: Optional[str] = None  # that of the API client; None: not known
        self._listed: Optional[Dict[Tuple[str, str], List[Dict[str, Any]]]] = (
            None  # all users of the tenant, once they had to be listed
        )
        self._inactive: Set[str] = set()  # the ids of users that a change activates

    @classmethod
    def target(cls, params: dict[str, Any]) -> str:
        # Where the tenant is not given, nothing but the server tells it.
        tenant = (params.get("tenant_id") or "").lower()
        return "%s %s" % (super().target(params), "tenant %s" % tenant if tenant else "client %s" % params["client_id"])

    @classmethod
    def counted_operator(cls, params: dict[str, Any]) -> str:
        # Nothing is documented about failed logins of an API client, so they are not taken to be free.
        client_id: str = params["client_id"]
        return client_id

    def check_call(self) -> None:
        client_id = self.params["client_id"] or ""
        if not client_id or ":" in client_id or not client_id.isprintable():
            # The first colon of a login ends the name.
            raise PasswordError(
                errors.INVALID_INPUT, "client_id must not be empty and holds no ':' and no control character."
            )
        if not self.params["client_secret"]:
            raise PasswordError(errors.INVALID_INPUT, "client_secret must not be empty.")
        if self.params["tenant_id"] and not _UUID.fullmatch(self.params["tenant_id"].lower()):
            raise PasswordError(errors.INVALID_INPUT, "tenant_id is a UUID.")

    def check(self, account: Account) -> None:
        if not account.label:
            raise PasswordError(errors.INVALID_INPUT, "A user needs a name, which is its login, or an id.")
        if account.name and not account.name.isprintable():
            raise PasswordError(errors.INVALID_INPUT, "The name of a user holds no control character.")
        if account.id is not None:
            # The vendor takes them in lower case only.
            account.id = account.id.lower()
            if not _UUID.fullmatch(account.id):
                raise PasswordError(errors.INVALID_INPUT, "The id of a user is a UUID.")
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
        """Look all users up: a few by a search each, many in one listing."""
        if len(accounts) > _SINGLE_LOOKUPS:
            self._list()
        for account in accounts:
            found = self._with_id(account, account.id) if account.id else self._with_login(account)
            try:
                self._recognise(account, found)
            except PasswordError as error:
                account.error = account.error or error

    def change_needed(self, account: Account) -> bool | None:
        # Who was never activated has no password; a login to find out would be a failed one.
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
                "No login can tell whether the password of %s is right: the server asks for a second factor."
                % account.label
            )
        text = "No login could tell whether the password of %s is right: the server answered " % account.label
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
        """Revoke a token, which would stay good for hours."""
        try:
            ended = self._tokens.revoke(token, client)
        except PasswordError:
            ended = False
        if not ended:
            self.warn("A token could not be revoked; it stays valid until it expires.")

    def _send(self, method: str, path: str, kind: str, json: Any = None) -> Response:
        """A request of the API client; once again with a new token if the old one has expired."""

        def request(token: str) -> Response:
            headers: Headers = {"Authorization": bearer(token), "Accept": "application/json"}
            return self.http.request(method, _API + path, kind, json=json, headers=headers)

        return self._session.send(request, lambda answer: answer.status == 401)

    def _tenant_of_client(self) -> str:
        answer = self._send("GET", "/clients/" + segment(self.params["client_id"]), READ)
        tenant = _read(answer).get("tenant_id")
        if not isinstance(tenant, str) or not _UUID.fullmatch(tenant):
            raise answer.unexpected("does not tell the tenant of the API client; give tenant_id")
        return tenant

    def _with_login(self, account: Account) -> list[dict[str, Any]]:
        """The users with exactly this login. The search also finds those in whose names or addresses it occurs, in any case."""
        if self._listed is None:
            query = {"tenant": self._tenant, "text": account.name, "limit": _SEARCH_LIMIT}
            answer = self._send("GET", "/search?" + urlencode(query, quote_via=quote), READ)
            # A text that the search cannot take is no reason not to look elsewhere.
            found = dicts_at(_read(answer), "items") if answer.status != 400 else []
            ids: List[Any] = [
                item.get("id") for item in found if item.get("obj_type") == "user" and item.get("login") == account.name
            ]
            if len(ids) == 1 and len(found) < _SEARCH_LIMIT and _is_id(ids[0]):
                return self._with_id(account, ids[0])
            # None, or perhaps several: the search is no proof of that.
            self._list()
        if self._listed is None:
            raise AssertionError("the users were not listed")
        return self._listed.get(("login", account.name), [])

    def _with_id(self, account: Account, user_id: str) -> list[dict[str, Any]]:
        """The user with this id; also outside of the tenant, as long as the API client may see it."""
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
        """Fetch all users of the tenant and of those below it, page for page."""
        known, cursor, seen, pages = {}, None, set(), Pages()
        # The full level of detail: only that certainly tells where a user's password is kept.
        query = {"subtree_root_tenant_id": self._tenant, "lod": "full", "limit": _PAGE}
        while True:
            answer = self._send(
                "GET", "/users?" + urlencode(dict(query, after=cursor) if cursor else query, quote_via=quote), READ
            )
            body = _read(answer)
            items = body.get("items")
            users = [user for user in dicts_at(body, "items") if _is_id(user.get("id")) and text_at(user, "login")]
            if not isinstance(items, list) or (items and not users):
                raise answer.unexpected("is no list of users")
            for user in users:
                # Where the list changes meanwhile, somebody may be on two pages.
                if ("id", user["id"]) not in known:
                    user = {key: user.get(key) for key in _OF_A_USER}
                    known["id", user["id"]] = [user]
                    known.setdefault(("login", user["login"]), []).append(user)
            cursor = text_at(body, "paging", "cursors", "after")
            if not cursor or not users:
                break
            pages.count(answer, len(known) // 2)
            if cursor in seen:
                raise answer.unexpected("leads to a page that was there already")
            seen.add(cursor)
        self._listed = known

    def _recognise(self, account: Account, found: list[dict[str, Any]]) -> None:
        """Take over what the vendor tells of a user.

        :param found: the users with this id or this login.
        :raises PasswordError: the user cannot be changed.
        """
        found = [
            user for user in found if not user.get("deleted_at") and (not account.name or user["login"] == account.name)
        ]
        if not found:
            raise PasswordError(
                errors.USER_NOT_FOUND,
                "There is no user %s in this tenant or below it; the login must match in every letter." % account.label,
            )
        if len(found) > 1:
            raise PasswordError(
                errors.INVALID_INPUT,
                "There are %d users %s in this tenant and below it; name the one by its id."
                % (len(found), account.label),
            )
        user = found[0]
        account.id, account.name = user["id"], user["login"]
        if user.get("external_id"):
            raise PasswordError(
                errors.USER_NOT_LOCAL,
                "%s logs in with an external identity provider. Change the password there." % account.label,
            )
        if self._own_tenant and user.get("tenant_id") == self._own_tenant:
            text = "%s is in the API client's own tenant; a client can only set passwords of users in tenants below its own."
            raise PasswordError(errors.PERMISSION_DENIED, text % account.label)
        if user.get("enabled") is False:
            raise PasswordError(errors.ACCOUNT_INACTIVE, "The user %s is disabled." % account.label)
        if user.get("activated") is not True:
            if not account.extras.get("activate"):
                text = "The user %s was never activated, and a new password would activate it. If that is wanted, say activate: true."
                raise PasswordError(errors.ACCOUNT_INACTIVE, text % account.label)
            self._inactive.add(account.id)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _read(answer: Response) -> dict[str, Any]:
    """The body of a look-up.

    :raises PasswordError: it has failed.
    """
    if answer.status != 200:
        raise _error(answer)
    return answer.json_object()


def _error(answer: Response, change: bool = False) -> PasswordError:
    """The error that an answer is; its body is ``{"error": {"code", "message", "details": {"info"}}}``, of which any part may be missing.

    :param change: whether the request was to set a password.
    """
    body = answer.json_object().get("error")
    body = body if isinstance(body, dict) else {}
    texts = [text_at(body, "message"), text_at(body, "details", "info")]
    said = Said(". ".join(filter(None, texts)) if any(texts) else None, body.get("code"))
    return refusal(answer, said, _KINDS, _meaning(answer.status, body.get("code"), change), writing=change)


def _meaning(status: int, code: object, change: bool) -> Optional[Meaning]:
    """What the vendor's code says of an error, or what the status says of a refused change."""
    if status in _ROWS_OF_ALL or not 400 <= status < 500:
        return None
    # Some send their numbers as text.
    number = int(code) if isinstance(code, str) and re.fullmatch("[0-9]{1,9}", code) else code
    number = number if isinstance(number, int) else None
    tables = ((_CODES_OF_CHANGE, number), (_KINDS_OF_CHANGE, status)) if change else ()
    return next((table[key] for table, key in ((_CODES, number),) + tables if key in table), None)
