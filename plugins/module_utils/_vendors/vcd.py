# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Cloud Director: local users of an organisation, or of the provider.

Source: the vendor's OpenAPI description of API 37.2 ("users", "sessions"), which has changePassword since 36.3 and ``locked`` since 37.2; its page on
filters (FIQL), and its page on API tokens. The server's wording for a wrong current password or a policy refusal is not documented, so both go by the HTTP
status: a user who calls changePassword has just logged in with the current password, so that one is right.
"""

from __future__ import annotations

import re
import threading
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple
from urllib.parse import quote

from .. import errors
from .._auth import vcd_session
from .._auth.session import Session
from .._environment import from_environment
from .._json_paths import dicts_at, text_at
from .._refusals import Meaning, Rows, Said, refusal
from ..errors import Outside, PasswordError
from ..http import READ, WRITE, Headers, Pages, Response, segment
from ..vendor import (
    ALWAYS,
    FORGETS_BY_LOGIN,
    NEVER,
    Account,
    Capabilities,
    Connect,
    GeneratedPassword,
    Learn,
    Login,
    Vendor,
    Warn,
)

_OLDEST = (36, 3)  # the first with changePassword
# The last ones known to have it, among versions with two numbers and with three.
_NEWEST = ((40, 0), (9, 1, 0))
_UNLOCKS = (37, 2)  # the first that says whether a user is locked

_USERS = "/cloudapi/1.0.0/users"
_PAGE = 128  # the server's maximum
_LONGEST_FILTER = 1500  # characters; some servers and proxies refuse URLs of more than 2000

_UNKNOWN_OPERATION = (
    errors.UNSUPPORTED,
    "The server does not support this operation, or url is not that of VMware Cloud Director.",
)
_UNKNOWN_HOST = (
    errors.UNSUPPORTED,
    _UNKNOWN_OPERATION[1]
    + " VCF Automation 9 responds like this to any name but its own (the Host header): in url, use the name that it was set up with, "
    "not an IP address or an alias.",
)
_NO_OPERATOR = (
    errors.AUTHENTICATION_FAILED,
    "The server refused the operator's login. Check api_user and api_password (or api_token), and org.",
)
_WRONG_PASSWORD = (errors.CURRENT_PASSWORD_WRONG, "The server refused the login with the current password.")
_REJECTED = (errors.PASSWORD_REJECTED, "The server refused the change, most likely because of its password policy.")

# What a status means for any request.
_KINDS = {
    400: (errors.INVALID_INPUT, "The server did not accept the request."),
    403: (
        errors.PERMISSION_DENIED,
        "The operator or user lacks a right, or the object does not exist: the server does not distinguish the two.",
    ),
    404: _UNKNOWN_HOST,
    405: _UNKNOWN_OPERATION,
    406: (errors.UNSUPPORTED, "The server does not support this API version; set api_version to another one."),
}
# ... and what it means for a particular one.
_OPERATOR_LOGIN = {400: _NO_OPERATOR, 401: _NO_OPERATOR, 403: _NO_OPERATOR}
_OPERATOR = {401: _NO_OPERATOR}
_RESET = {400: _REJECTED, 401: _NO_OPERATOR}
_OWN_CHANGE = {
    400: _REJECTED,
    401: (errors.UNEXPECTED_RESPONSE, "The server refused a session that it had just opened."),
}

_LOCKED = re.compile(r"\b(account|user|login)\b.{0,80}\blocked\b", re.IGNORECASE | re.DOTALL)


class Vcd(Vendor):
    """Users of one organisation."""

    name = "vcd"
    env_prefix = "VCD"
    capabilities = Capabilities(
        title="VMware Cloud Director",
        changes_own=True,
        changes_others=True,
        others_need_current="no",
        login_probe="open a session as the user, and end it",
        lockout="lock-out threshold and duration are configurable, per organisation and separately for system administrators",
        failed_logins_per_call=2,
        lockout_window=3600.0,  # the server's setting cannot be read
        settle_seconds=0.0,
        # The server's minimum is 6, and an organisation's policy may ask for more; 128 is the maximum everywhere.
        password_min=1,
        password_max=128,
        password_unit="characters",
        # VCF Automation 9 kept the operation and requires 15 characters with all four classes.
        generated=GeneratedPassword(),
        doubt_seconds=3.0,
        forgets=FORGETS_BY_LOGIN,
        current_first=True,
    )
    argument_spec = dict(
        url=dict(type="str", required=True, fallback=(from_environment, ["VCD_URL"])),
        org=dict(type="str", required=True, fallback=(from_environment, ["VCD_ORG"])),
        api_version=dict(type="str", fallback=(from_environment, ["VCD_API_VERSION"])),
        api_user=dict(type="str", fallback=(from_environment, ["VCD_API_USER"])),
        api_password=dict(type="str", no_log=True, fallback=(from_environment, ["VCD_API_PASSWORD"])),
        api_token=dict(type="str", no_log=True, fallback=(from_environment, ["VCD_API_TOKEN"])),
    )
    url_endings = r"(api|cloudapi)(/versions|/sessions|/[0-9]+\.[0-9]+\.[0-9]+)?|provider(/.*)?|tenant(/.*)?"
    user_spec = dict(unlock=dict(type="bool"))
    constraints = dict(mutually_exclusive=[("api_token", "api_user")], required_together=[("api_user", "api_password")])

    _operator: Session  # only set if there is an operator

    def __init__(self, params: dict[str, Any], connect: Connect, warn: Warn, learn: Learn) -> None:
        super().__init__(params, connect, warn, learn)
        self._version: vcd_session.Version = ()
        self._headers: Headers = {}
        self._open: Dict[str, vcd_session.Login] = {}  # open sessions by token
        # Per worker: the user that it has logged in for a change, and the session
        self._kept: Dict[int, Tuple[Account, Session]] = {}
        self._to_unlock: Set[Any] = set()  # identifiers

    @classmethod
    def target(cls, params: dict[str, Any]) -> str:
        # Organisation names may be case-sensitive, except the provider's own.
        org = vcd_session.PROVIDER if vcd_session.is_provider(params["org"]) else params["org"]
        return "%s organisation %s" % (super().target(params), org)

    def check_call(self) -> None:
        _check_login_name("org", self.params.get("org"))
        if self.params.get("api_user"):
            _check_login_name("api_user", self.params["api_user"])
        wanted = self.params.get("api_version")
        if wanted and vcd_session.age(vcd_session.parsed(wanted) or (0, 0)) < vcd_session.age(_OLDEST):
            raise PasswordError(
                errors.INVALID_INPUT,
                "api_version must be a version such as 37.2 or 9.0.0, at least %d.%d." % _OLDEST,
            )

    def check(self, account: Account) -> None:
        _check_login_name("The name of a user", account.name)
        super().check(account)
        if self.is_operator(account):
            # The operator's login has proved it.
            account.current_password = self.params["api_password"]
        if self._acts_for(account) or account.update_password == NEVER:
            return
        if not account.current_password:
            text = "current_password is missing for %s: without api_user and api_password (or api_token) each user changes its own password."
            raise PasswordError(errors.INVALID_INPUT, text % account.label)
        if account.extras.get("unlock") and not self.is_operator(account):
            raise PasswordError(
                errors.INVALID_INPUT,
                "unlock needs an operator (api_user and api_password, or api_token): a locked user cannot log in.",
            )
        if account.update_password == ALWAYS and account.password == account.current_password:
            raise PasswordError(
                errors.PASSWORD_REUSED,
                "The new password of %s is the current one; the server requires a different one." % account.label,
            )

    def needs_current(self, account: Account) -> bool:
        return not self._acts_for(account)

    def change_needed(self, account: Account) -> bool | None:
        # A login to a locked account proves nothing, and each would count.
        return True if account.id in self._to_unlock else None

    def open(self, accounts: list[Account]) -> None:
        super().open(accounts)
        wanted = self.params.get("api_version")
        self._version = (vcd_session.parsed(wanted) or ()) if wanted else self._newest()
        self._headers = {"Accept": "application/json;version=" + vcd_session.dotted(self._version)}
        if self._has_operator:
            self._operator = Session(self._log_in_operator)
            self._operator.open()

    def close(self) -> None:
        # The operator's session, any that were kept but not used, and any that the server refused: those may still be open.
        for login in list(self._open.values()):
            self._end(login)

    def find(self, accounts: list[Account]) -> None:
        """Look up the users for whom the operator acts. Users who act for themselves get their ids at login."""
        others = [account for account in accounts if self._acts_for(account)]
        for account in accounts:
            if self.is_operator(account):
                account.id = self._operator.token.user_id
        if not others:
            return
        try:
            found = self._looked_up({account.name for account in others})
        except PasswordError as error:
            if error.kind != errors.PERMISSION_DENIED:
                raise
            # The operator may still change its own password.
            denied = error.with_message(("The operator may not look up users. ",) + error.parts)
            for account in others:
                account.error = denied
            return
        for account in others:
            user = found.get(account.name)
            account.id = text_at(user, "id")
            account.error = self._refusal(account, user)
            if user is not None and account.error is None and user.get("locked") is True:
                self._to_unlock.add(account.id)

    def probe(self, account: Account, password: str) -> Login:
        if self.is_operator(account) and password == self.params["api_password"]:
            # The operator's session was opened with this password.
            return Login.RIGHT
        if self.is_operator(account) and account.update_password == NEVER:
            raise PasswordError(
                errors.CURRENT_PASSWORD_WRONG,
                "The password of %s is a different one: the one in api_password logs in." % account.label,
            )
        session = self._own_session(account, password)
        try:
            session.open()
        except PasswordError as error:
            if error.kind != errors.CURRENT_PASSWORD_WRONG:
                raise
            if "@" in account.name:
                self.warn(
                    "The login of %s was refused. An '@' in a user name is ambiguous, since it also precedes the organisation."
                    % account.label
                )
            return Login.WRONG
        account.id = account.id or session.token.user_id
        if self.needs_current(account) and password == account.current_password != account.password:
            self._keep(account, session)
        else:
            self._end(session.token)
        return Login.RIGHT

    def change(self, account: Account) -> None:
        if self._acts_for(account):
            self._reset(account)
        else:
            self._change_own(account)

    def _change_own(self, account: Account) -> None:
        """A user changes its own password. The operator does so within its existing session."""
        shared = self.is_operator(account)
        session = self._operator if shared else self._take(account)
        body = {"currentPassword": account.current_password, "newPassword": account.password}
        try:
            if session.token is None:
                session.open()
            account.id = account.id or session.token.user_id
            if account.id is None:
                raise PasswordError(
                    errors.UNEXPECTED_RESPONSE,
                    "The response to the login of %s lacks the user's id (user.id). Check for a proxy in between."
                    % account.label,
                )
            answer = self._within(session, "POST", _path(account) + "/changePassword", WRITE, body)
        finally:
            if not shared:
                self._end(session.token)
        _check(answer, _OWN_CHANGE, expected=204)

    def _reset(self, account: Account) -> None:
        """The operator sets the password of another user. The API requires the whole user, not just the password."""
        # Read again: the look-up may be minutes old, and sending old data would undo changes made since.
        answer = self._within(self._operator, "GET", _path(account), READ)
        _check(answer, _OPERATOR)
        user = answer.json_object()
        if user.get("username") != account.name:
            raise answer.unexpected("does not describe the user %s" % account.label)
        reason = self._refusal(account, user)
        if reason is not None:
            raise reason
        user["password"] = account.password
        if account.extras.get("unlock"):
            user["locked"] = False
        answer = self._within(self._operator, "PUT", _path(account), WRITE, user)
        try:
            _check(answer, _RESET)
        except PasswordError as error:
            if error.kind == errors.PERMISSION_DENIED and self.params.get("api_token"):
                error.parts += (
                    " A client with an API token may usually view users but not manage them: use api_user and api_password.",
                )
            raise
        if text_at(answer.json_object(), "id") != account.id:
            # It may come from a proxy in between.
            raise answer.unexpected("does not describe the user %s" % account.label, maybe_applied=True)

    def _refusal(self, account: Account, user: dict[str, Any] | None) -> PasswordError | None:
        """Why an operator cannot set the password of a user, or ``None``."""
        if user is None or not text_at(user, "id"):
            return PasswordError(
                errors.USER_NOT_FOUND,
                "User %s does not exist in the organisation %s. Correct the name or create the user."
                % (account.label, self.params["org"]),
            )
        provider = text_at(user, "providerType")
        if provider is not None and provider.upper() != "LOCAL":
            where = "LDAP, SAML or OAUTH" if len(provider) > 20 else Outside(provider)
            return PasswordError(
                errors.USER_NOT_LOCAL,
                ("The password of %s is managed elsewhere (" % account.label, where, "). Change it there."),
            )
        if user.get("stranded") is True:
            return PasswordError(
                errors.USER_NOT_LOCAL,
                "%s comes from an identity source that no longer exists, and cannot log in. Remove it from the list."
                % account.label,
            )
        if user.get("enabled") is False:
            return PasswordError(
                errors.ACCOUNT_INACTIVE, "%s is disabled. Enable it, or remove it from the list." % account.label
            )
        if account.extras.get("unlock") and vcd_session.age(self._version) < vcd_session.age(_UNLOCKS):
            text = "unlock needs API version %s or later; this call uses %s."
            return PasswordError(
                errors.UNSUPPORTED, text % (vcd_session.dotted(_UNLOCKS), vcd_session.dotted(self._version))
            )
        if user.get("locked") is True and not account.extras.get("unlock"):
            text = "%s is locked after too many failed logins. Unlock it, or let this module unlock it (unlock: true)."
            return PasswordError(errors.ACCOUNT_LOCKED, text % account.label)
        return None

    @property
    def _has_operator(self) -> bool:
        return bool(self.params.get("api_token") or self.params.get("api_user"))

    def _acts_for(self, account: Account) -> bool:
        """Whether the operator acts for the user, and not the user for itself."""
        return self._has_operator and not self.is_operator(account)

    def _newest(self) -> vcd_session.Version:
        answer = vcd_session.versions(self.http)
        _check(answer, {})
        offers = vcd_session.offered(answer)
        age, dotted = vcd_session.age, vcd_session.dotted
        known = [
            version
            for version in offers
            if age(version) >= age(_OLDEST) and any(len(version) == len(last) and version <= last for last in _NEWEST)
        ]
        if known:
            return max(known, key=age)
        newest = max(offers, key=age)
        if age(newest) < age(_OLDEST):
            text = "The server's newest API version is %s; at least %s is needed. Upgrade the server."
            raise PasswordError(errors.UNSUPPORTED, text % (dotted(newest), dotted(_OLDEST)))
        text = "The server offers no API version from %s to %s, which this module supports. Its newest is %s; to try it, set api_version."
        raise PasswordError(
            errors.UNSUPPORTED, text % (dotted(_OLDEST), " or ".join(map(dotted, _NEWEST)), dotted(newest))
        )

    # Look-ups.

    def _looked_up(self, names: set[str]) -> dict[str, dict[str, Any]]:
        """Look users up.

        :return: dict from name to user.
        """
        found: Dict[str, Dict[str, Any]] = {}
        for chosen in _filters(sorted(names)):
            try:
                self._list(names, found, chosen)
            except PasswordError as error:
                if error.http_status not in (400, 414):
                    raise
                # The server did not accept the filter; list all users without one.
                self._list(names, found)
                break
        return found

    def _list(self, names: set[str], found: dict[str, dict[str, Any]], chosen: str | None = None) -> None:
        """Read pages until all users are found or the list ends. A filter may match too much, since "*" in it is a wildcard."""
        seen: Set[Tuple[Optional[str], Optional[str]]] = set()
        page, pages = 1, Pages()
        while True:
            path = "%s?page=%d&pageSize=%d" % (_USERS, page, _PAGE) + ("&filter=" + chosen if chosen else "")
            answer = self._within(self._operator, "GET", path, READ)
            _check(answer, _OPERATOR)
            body, before = answer.json_object(), len(seen)
            if not isinstance(body.get("values"), list):
                raise answer.unexpected("is not a list of users")
            for user in dicts_at(body, "values"):
                name = text_at(user, "username")
                seen.add((name, text_at(user, "id")))
                if name in names and self._is_here(user):
                    found[name] = user
            # A page with nothing new on it: the server miscounts its pages and would never end.
            if not _has_next(answer, body, page) or len(seen) == before or names <= set(found):
                return
            pages.count(answer, len(seen))
            page += 1

    def _is_here(self, user: dict[str, Any]) -> bool:
        """Whether a user belongs to the operator's organisation, where both are known; joined sites may list others."""
        here, its = self._operator.token.org_id, text_at(user, "orgEntityRef", "id")
        return here is None or its is None or here == its

    # Sessions.

    def _within(self, session: Session, method: str, path: str, kind: str, json: Any = None) -> Response:
        """Send a request within a session, which is reopened if it has ended."""

        def send(login: vcd_session.Login) -> Response:
            return self.http.request(
                method, path, kind, json=json, headers=vcd_session.authorized(self._headers, login)
            )

        return session.send(send, lambda answer: answer.status == 401)

    def _log_in_operator(self) -> vcd_session.Login:
        params = self.params
        if params.get("api_token"):
            answer = vcd_session.exchange(self.http, self._headers, params["org"], params["api_token"])
        else:
            answer = vcd_session.log_in(
                self.http, self._headers, params["org"], params["api_user"], params["api_password"]
            )
        _check(answer, _OPERATOR_LOGIN)
        login = self._opened(answer)
        # The organisation must be known, so that another one's user is not mistaken for one of this.
        return login if login.org_id else vcd_session.look(self.http, self._headers, login, self.learn)

    def _own_session(self, account: Account, password: str) -> Session:
        """Return a session of the user's own, not opened yet."""
        return Session(lambda: self._log_in(account, password))

    def _log_in(self, account: Account, password: str) -> vcd_session.Login:
        """Log in as a user.

        :raises PasswordError: ``current_password_wrong`` for a wrong password; any refusal with ``counted``.
        """
        answer = vcd_session.log_in(self.http, self._headers, self.params["org"], account.name, password)
        if answer.status == 401:
            error = self._refused_login(account, answer)
            error.counted = True
            raise error
        _check(answer, {})
        return self._opened(answer)

    @staticmethod
    def _refused_login(account: Account, answer: Response) -> PasswordError:
        if _says_locked(answer):
            text = "%s is locked, so its password cannot be checked. Unlock it, then run again." % account.label
            return _fault(answer, meaning=(errors.ACCOUNT_LOCKED, text))
        if "html" in answer.headers.get("Content-Type", "").lower():
            # A gateway's own refusal says nothing about the password.
            return answer.unexpected("is a refusal, but not VMware Cloud Director's own")
        return _fault(answer, meaning=_WRONG_PASSWORD)

    def _opened(self, answer: Response) -> vcd_session.Login:
        login = vcd_session.opened(answer, self.learn)
        self._open[login.token] = login
        return login

    def _keep(self, account: Account, session: Session) -> None:
        """Keep the session for the change. A worker keeps at most one, so few stay open where no change follows, as in check mode."""
        self._drop()
        self._kept[threading.get_ident()] = (account, session)

    def _take(self, account: Account) -> Session:
        """Return the session kept for the user, or a new one that is not opened yet."""
        kept = self._kept.get(threading.get_ident())
        if kept is None or kept[0] is not account:
            return self._own_session(account, account.current_password)
        del self._kept[threading.get_ident()]
        return kept[1]

    def _drop(self) -> None:
        _account, session = self._kept.pop(threading.get_ident(), (None, None))
        if session is not None:
            self._end(session.token)

    def _end(self, login: vcd_session.Login | None) -> None:
        """End a session; ``None`` stands for one that was never opened. Never raises."""
        if login is None:
            return
        self._open.pop(login.token, None)
        try:
            ended = vcd_session.log_out(self.http, self._headers, login).status in (200, 204, 401)
        except PasswordError:
            ended = False
        if not ended:
            self.warn("A session could not be ended; it stays open until it times out.")


def _path(account: Account) -> str:
    return "%s/%s" % (_USERS, segment(account.id).replace("%3A", ":"))


def _check_login_name(what: str, name: str | None) -> None:
    if not name or ":" in name or not name.isprintable():
        # The first colon of a login ends the name.
        raise PasswordError(
            errors.INVALID_INPUT, "%s must not be empty and must not contain ':' or control characters." % what
        )


def _filters(names: list[str]) -> Iterator[str]:
    """Yield filter expressions in FIQL, URL-encoded, each with as many names as fit."""
    terms: List[str] = []
    size = 0
    for name in names:
        # FIQL has no escape for "*".
        term = quote("username==" + re.sub(r"[(),;\\]", r"\\\g<0>", name), safe="")
        if terms and size + len(term) > _LONGEST_FILTER:
            yield "%2C".join(terms)
            terms, size = [], 0
        terms.append(term)
        size += len(term) + len("%2C")
    yield "%2C".join(terms)


def _has_next(answer: Response, body: dict[str, Any], page: int) -> bool:
    count = body.get("pageCount")
    if isinstance(count, int) and page < count:
        return True
    return re.search(r'rel="?[^";,]*\bnextPage\b', answer.headers.get("Link", "")) is not None


def _says_locked(answer: Response) -> bool:
    """Whether a refusal says that the account is locked; usually the server does not say."""
    body = answer.json_object()
    return (
        "LOCKED" in (text_at(body, "minorErrorCode") or "").upper()
        or _LOCKED.search(text_at(body, "message") or "") is not None
    )


def _check(answer: Response, kinds: Rows, expected: int = 200) -> None:
    """Read the answer's error, if it is one.

    :param kinds: what a status means for this request.
    :raises PasswordError: for any status but the expected one.
    """
    if answer.status == expected:
        return
    raise _fault(answer, {**_KINDS, **kinds})


def _fault(answer: Response, rows: Optional[Rows] = None, meaning: Optional[Meaning] = None) -> PasswordError:
    """Make an error from an answer, from the server's ``{minorErrorCode, message}`` or OAuth's ``{error, error_description}``."""
    body = answer.json_object()
    text = text_at(body, "message") or text_at(body, "error_description")
    request_id = answer.headers.get("X-VMWARE-VCLOUD-REQUEST-ID")
    begins = re.match(r"\s*\[ ?([^\s\]]+) ?\]\s*", text or "")
    if begins:
        request_id, text = request_id or begins.group(1), (text or "")[begins.end() :]
    return refusal(answer, Said(text, body.get("minorErrorCode") or body.get("error"), request_id), rows, meaning)
