# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rackspace Cloud Databases and OpenStack Trove: users of database instances, by the API v1.0.

Both have the same API; only the way to a token differs. Source: OpenStack's Database API reference and Rackspace's Cloud Databases guide, and the
behaviour of Trove's own server: it answers 202 before the database has been asked, and never tells what the database said.
"""

from __future__ import annotations

import re
from typing import Any, Optional, Set, Tuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

from .. import errors
from .._auth import keystone, rackspace_identity
from .._auth.database_login import ANYWHERE, DatabaseLogin, Unclear, Unreachable
from .._auth.openstack_faults import fault, fault_text, said
from .._auth.service_token import ServiceToken
from .._auth.session import Session
from .._json_paths import dicts_at, text_at
from .._refusals import refusal
from ..errors import PasswordError
from ..http import READ, WRITE, HttpClient, Pages, Response, segment
from ..vendor import NEVER, Account, Capabilities, Connect, GeneratedPassword, Learn, Login, Vendor, Warn
from . import _rackspace_database_options as options

_FORBIDDEN = "'\";,/\\`"
_RESERVED = ("root", "os_admin")
_NAME_LENGTH = {"mysql": 16, "postgresql": 63}
# What the service's schema takes as a host.
_HOST = re.compile(r"%?[\w().]*%?")
# Taken for a parameter of the statement into which the service writes the password.
_PARAMETER = re.compile(r"(?<![\w:]):\w")
# So few users are looked up one by one rather than in the list of all.
_SINGLE_LOOKUPS = 5

# What a status means, whatever was asked.
_KINDS = {
    400: (errors.INVALID_INPUT, "The service refused the request."),
    401: (errors.AUTHENTICATION_FAILED, "The service refused the token."),
    403: (errors.PERMISSION_DENIED, "The service refused permission."),
    404: (errors.TARGET_NOT_FOUND, "The service does not know the instance."),
    408: (errors.TIMED_OUT, "The service timed out."),
    413: (errors.RATE_LIMITED, "The service is rate-limiting requests."),
    422: (errors.TARGET_NOT_READY, "The instance is not ready."),
    429: (errors.RATE_LIMITED, "The service is rate-limiting requests."),
}


class RackspaceDatabase(Vendor):
    """Users of one database instance."""

    name = "rackspace_database"
    env_prefix = "RACKSPACE"
    operator_options = None  # who acts is no user of the database
    capabilities = Capabilities(
        title="Rackspace Cloud Databases, OpenStack Trove",
        changes_own=False,
        changes_others=True,
        others_need_current="no",
        login_probe="log in to the database itself, where it can be reached (database_login)",
        lockout="none at the service; in MySQL an account may have one (FAILED_LOGIN_ATTEMPTS)",
        failed_logins_per_call=None,
        # 202 means no more than that the request was taken.
        settle_seconds=10.0,
        # As a rule the database has it after some 60 ms.
        settle_first=1.0,
        settle_logins=3,
        control_characters=False,
        password_min=1,
        password_max=255,
        password_unit="characters",
        password_forbidden=_FORBIDDEN,
        generated=GeneratedPassword(length=32, symbol_characters="-_.+=@%^"),
        # The service looks each user up in the database before it answers, so far more might take longer than the time-out.
        bulk=100,
    )
    argument_spec = options.ARGUMENT_SPEC
    # By the way to a token; read by what makes the forms for AWX.
    variables = options.VARIABLES
    needs = options.NEEDS
    user_spec = dict(host=dict(type="str", default=ANYWHERE))

    def __init__(self, params: dict[str, Any], connect: Connect, warn: Warn, learn: Learn) -> None:
        super().__init__(options.with_environment(params, learn), connect, warn, learn)
        self._identity: Optional[HttpClient] = None
        self._session = Session(self._log_in)
        self._database: Optional[DatabaseLogin] = None
        self._unverifiable = (
            "database_login is not given, and the service never tells what the database made of a change"
        )

    @classmethod
    def target(cls, params: dict[str, Any]) -> str:
        return options.target(params)

    @classmethod
    def account_identity(cls, user: dict[str, Any]) -> str:
        return "%s@%s" % (user["name"], (user.get("host") or ANYWHERE).lower())

    def key(self, account: Account) -> tuple[str, str]:
        return account.name, account.extras.get("host") or ANYWHERE

    def check_call(self) -> None:
        options.check(self.params)

    def check(self, account: Account) -> None:
        name, host = self.key(account)
        longest = _NAME_LENGTH[(self.params["database_login"] or {}).get("engine", "mysql")]
        if not name or len(name) > longest:
            raise PasswordError(errors.INVALID_INPUT, "The name of a database user has 1 to %d characters." % longest)
        if name in _RESERVED:
            raise PasswordError(
                errors.INVALID_INPUT, "The user %s is reserved; this service does not set its password." % name
            )
        if "@" in name:
            raise PasswordError(
                errors.INVALID_INPUT, "The host of a user is an option of its own (host), not a part of its name."
            )
        if (
            name != name.strip()
            or not name.isprintable()
            or not _has_letter_or_digit(name)
            or any(character in name for character in _FORBIDDEN)
        ):
            text = "The name of a database user holds a letter or digit (ASCII), no blank at its ends, no control character and none of these: "
            raise PasswordError(errors.INVALID_INPUT, text + _FORBIDDEN)
        if not _HOST.fullmatch(host):
            raise PasswordError(
                errors.INVALID_INPUT,
                "The host of a database user holds letters, digits and dots, and perhaps a % at either end.",
            )
        super().check(account)
        if account.update_password == NEVER:
            return
        password = account.password
        if password != password.strip():
            raise _lost("begins or ends with a blank or a line break, as a text from a block with '|' does")
        if not password.isprintable():
            raise _lost("holds a control character")
        if not _has_letter_or_digit(password):
            raise PasswordError(
                errors.PASSWORD_REJECTED, "The password must hold at least one letter or digit (ASCII)."
            )
        if _PARAMETER.search(password):
            raise _lost("holds a colon with a letter or digit behind it and none in front of it")

    def open(self, accounts: list[Account]) -> None:
        self._session.open()
        service = "rax:database" if self.params["auth_type"] == "rackspace" else "database"
        self.http = self.connect(
            self.params["endpoint"] or self._session.token.url(service, self.params["region"], self.params["interface"])
        )
        answer = self._send("GET", "", READ)
        _check(answer, 200)
        self._prepare_logins(answer)

    def find(self, accounts: list[Account]) -> None:
        """Look up every name: a single unknown one would keep a PUT from changing anybody."""
        listed = self._listed({self.key(account) for account in accounts}) if len(accounts) > _SINGLE_LOOKUPS else ()
        for account in accounts:
            if self.key(account) in listed:
                continue
            try:
                if not self._exists(account):
                    account.error = PasswordError(
                        errors.USER_NOT_FOUND, "There is no user %s@%s on this instance." % self.key(account)
                    )
            except PasswordError as error:
                if error.kind != errors.INVALID_INPUT:
                    raise
                account.error = error

    def probe(self, account: Account, password: str) -> Login:
        database = self._database
        if database is None:
            return Login.unknown("No password can be verified: %s." % self._unverifiable)
        try:
            return Login.RIGHT if database.takes(account.name, password, self.key(account)[1]) else Login.WRONG
        except Unreachable as reason:
            # Nobody waits for it a second time.
            self._unverifiable, self._database = str(reason), None
            return Login.unknown("No password can be verified: %s." % reason)
        except Unclear as reason:
            return Login.unknown("The password of %s can't be verified: %s." % (account.name, reason))

    def change(self, account: Account) -> None:
        self.change_all([account])

    def change_all(self, accounts: list[Account]) -> None:
        users = []
        for account in accounts:
            name, host = self.key(account)
            user = {"name": name, "password": account.password}
            users.append(user if host == ANYWHERE else dict(user, host=host))
        answer = self._send("PUT", "/users", WRITE, json={"users": users})
        text = fault_text(answer) or ""
        if answer.status == 404 and self.params["instance_id"] not in text:
            raise fault(answer, errors.USER_NOT_FOUND, "A user has vanished since the look-up.")
        if answer.status == 400 and "password" in text.lower() and "guest" not in text.lower():
            raise fault(answer, errors.PASSWORD_REJECTED, "The service refused the password.")
        _check(answer, 202)

    def _prepare_logins(self, answer: Response) -> None:
        login = self.params["database_login"]
        if login is None:
            return
        instance = answer.json_object().get("instance")
        addresses = instance.get("ip") if isinstance(instance, dict) else None
        host = (
            login["host"]
            or text_at(instance, "hostname")
            or (addresses[0] if isinstance(addresses, list) and addresses else None)
        )
        if isinstance(host, str):
            self._database = DatabaseLogin(**dict(login, host=host))
        else:
            self._unverifiable = "the service tells no address of the database, and database_login has no host"

    def _exists(self, account: Account) -> bool:
        # The service decodes the name twice, and would take what follows a dot for the ending of a file.
        name = quote(quote("%s@%s" % self.key(account), safe="").replace(".", "%2E"), safe="")
        answer = self._send("GET", "/users/" + name, READ)
        if answer.status == 404:
            return False
        _check(answer, 200)
        if not isinstance(answer.json_object().get("user"), dict):
            raise answer.unexpected("describes no user")
        return True

    def _listed(self, wanted: set[tuple[str, str]]) -> set[tuple[str | None, str]]:
        """Users as a set of (name, host): all that are wanted, or as many of them as the service lists."""
        known: Set[Tuple[Optional[str], str]] = set()
        marker, pages = None, Pages()
        while True:
            answer = self._send("GET", "/users" + ("?marker=" + quote(marker, safe="") if marker else ""), READ)
            if answer.status == 400:
                # A single odd account in the database keeps the service from listing any.
                return known
            _check(answer, 200)
            body, before = answer.json_object(), len(known)
            known.update((text_at(user, "name"), text_at(user, "host") or ANYWHERE) for user in dicts_at(body, "users"))
            marker = _marker(dicts_at(body, "links"))
            # A page without anything new: the service has not understood its own marker, and would go on for ever.
            if marker is None or len(known) == before or wanted <= known:
                return known
            pages.count(answer, len(known))

    def _log_in(self) -> ServiceToken:
        params = self.params
        if params["auth_type"] == "token":
            return ServiceToken(params["api_token"])
        rackspace = params["auth_type"] == "rackspace"
        if self._identity is None:
            self._identity = self.connect(options.identity_url(params))
        if rackspace:
            token = rackspace_identity.log_in(
                self._identity, params["api_user"], params["api_key"], params["api_password"], params["account_id"]
            )
        else:
            token = keystone.log_in(self._identity, self._credentials(), options.who(params))
        self.learn(token.token)
        return token

    def _credentials(self) -> dict[str, Any]:
        params = self.params
        if params["application_credential_id"]:
            return keystone.by_application_credential(
                params["application_credential_id"], params["application_credential_secret"]
            )
        user_domain = keystone.named(params["user_domain_id"], params["user_domain_name"])
        project = keystone.named(params["project_id"], params["project_name"])
        if "name" in project:
            # An identifier is that of one project, whatever its domain.
            project["domain"] = keystone.named(params["project_domain_id"], params["project_domain_name"])
        return keystone.by_password(params["api_user"], params["api_password"], user_domain, project)

    def _send(self, method: str, path: str, kind: str, json: Any = None) -> Response:
        """One request on the instance; once again with a new token if the old one has expired."""
        path = "/instances/" + segment(self.params["instance_id"]) + path

        def request(token: ServiceToken) -> Response:
            # Without Accept some errors come as HTML.
            return self.http.request(
                method, path, kind, json=json, headers={"X-Auth-Token": token.token, "Accept": "application/json"}
            )

        # A token that was given cannot be renewed.
        return self._session.send(request, lambda answer: answer.status == 401 and self.params["auth_type"] != "token")


def _has_letter_or_digit(text: str) -> bool:
    return re.search("[0-9a-zA-Z]", text) is not None


def _lost(rule: str) -> PasswordError:
    return PasswordError(errors.PASSWORD_REJECTED, "The password %s; the service would accept it and lose it." % rule)


def _marker(links: list[dict[str, Any]]) -> str | None:
    """Where the next page begins: taken out of the link to it, to which the service has applied the encoding twice."""
    for link in links:
        if link.get("rel") == "next":
            marker = parse_qs(urlsplit(text_at(link, "href") or "").query).get("marker")
            # parse_qs has taken off the outer layer.
            return unquote(marker[0]) if marker else None
    return None


def _check(answer: Response, expected: int) -> None:
    """Read the answer's error, if it is one.

    :raises PasswordError: any but ``expected``.
    """
    if answer.status == expected:
        return
    text = (fault_text(answer) or "").lower()
    meaning = None
    if answer.status == 400 and "guest" in text and "not valid" not in text:
        meaning = (errors.VENDOR_UNAVAILABLE, "The service could not reach the database of the instance.")
    elif answer.status == 422 and "not supported" in text:
        meaning = (errors.UNSUPPORTED, "The service cannot do that with this kind of database.")
    elif answer.status >= 500:
        meaning = (errors.VENDOR_UNAVAILABLE, "The service failed.")
    raise refusal(answer, said(answer), _KINDS, meaning, speaker="service")
