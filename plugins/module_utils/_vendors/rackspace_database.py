# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rackspace Cloud Databases and OpenStack Trove: users of database instances, through the API v1.0.

Both have the same API; only the way to get a token differs. Source: OpenStack's Database API reference and Rackspace's Cloud Databases guide, and the
behaviour of Trove's own server: it responds with 202 before it asks the database, and never reports the outcome.
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
# What the service's schema accepts as a host.
_HOST = re.compile(r"%?[\w().]*%?")
# The service would read this as a parameter of its SQL statement.
_PARAMETER = re.compile(r"(?<![\w:]):\w")
# Up to this many users are looked up one by one instead of by listing all.
_SINGLE_LOOKUPS = 5

# What a status means for any request.
_KINDS = {
    400: (errors.INVALID_INPUT, "The service refused the request."),
    401: (errors.AUTHENTICATION_FAILED, "The service refused the token. Check the credentials."),
    403: (errors.PERMISSION_DENIED, "The service denied permission. Grant the right to manage the instance's users."),
    404: (errors.TARGET_NOT_FOUND, "The instance does not exist. Correct instance_id, region or project."),
    408: (errors.TIMED_OUT, "The service timed out."),
    413: (errors.RATE_LIMITED, "The service is rate-limiting requests."),
    422: (errors.TARGET_NOT_READY, "The instance is not ready. Run again when it is up."),
    429: (errors.RATE_LIMITED, "The service is rate-limiting requests."),
}


class RackspaceDatabase(Vendor):
    """Users of one database instance."""

    name = "rackspace_database"
    env_prefix = "RACKSPACE"
    operator_options = None  # the operator is not a database user
    capabilities = Capabilities(
        title="Rackspace Cloud Databases, OpenStack Trove",
        changes_own=False,
        changes_others=True,
        others_need_current="no",
        login_probe="log in to the database itself, where it can be reached (database_login)",
        lockout="none at the service; in MySQL an account may have one (FAILED_LOGIN_ATTEMPTS)",
        failed_logins_per_call=None,
        # 202 only means that the request was accepted.
        settle_seconds=10.0,
        # The database usually has it after some 60 ms.
        settle_first=1.0,
        settle_logins=3,
        control_characters=False,
        password_min=1,
        password_max=255,
        password_unit="characters",
        password_forbidden=_FORBIDDEN,
        generated=GeneratedPassword(length=32, symbol_characters="-_.+=@%^"),
        # The service looks up each user in the database before it responds, so larger batches could exceed the time-out.
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
        self._unverifiable = "database_login is not set, and the service does not report whether a change succeeded"

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
        self._check_name(name)
        if not _HOST.fullmatch(host):
            raise PasswordError(
                errors.INVALID_INPUT,
                "The host of a database user may contain letters, digits and dots, with an optional % at either end.",
            )
        super().check(account)
        if account.update_password != NEVER:
            _check_password(account.password)

    def _check_name(self, name: str) -> None:
        longest = _NAME_LENGTH[(self.params["database_login"] or {}).get("engine", "mysql")]
        if not name or len(name) > longest:
            raise PasswordError(errors.INVALID_INPUT, "A database user name must have 1 to %d characters." % longest)
        if name in _RESERVED:
            raise PasswordError(
                errors.INVALID_INPUT,
                "User %s is reserved; the service does not set its password. Remove it from the list." % name,
            )
        if "@" in name:
            raise PasswordError(errors.INVALID_INPUT, "A user name must not contain '@'. Set the option host instead.")
        if (
            name != name.strip()
            or not name.isprintable()
            or not _has_letter_or_digit(name)
            or any(character in name for character in _FORBIDDEN)
        ):
            text = (
                "A database user name must contain an ASCII letter or digit, must not begin or end with a space, "
                "and must not contain control characters or any of: "
            )
            raise PasswordError(errors.INVALID_INPUT, text + _FORBIDDEN)

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
        """Look up every name: with a single unknown one a PUT would change no user."""
        listed = self._listed({self.key(account) for account in accounts}) if len(accounts) > _SINGLE_LOOKUPS else ()
        for account in accounts:
            if self.key(account) in listed:
                continue
            try:
                if not self._exists(account):
                    account.error = PasswordError(
                        errors.USER_NOT_FOUND,
                        "User %s@%s does not exist on this instance. Correct the name or host, or create the user."
                        % self.key(account),
                    )
            except PasswordError as error:
                if error.kind != errors.INVALID_INPUT:
                    raise
                account.error = error

    def probe(self, account: Account, password: str) -> Login:
        database = self._database
        if database is None:
            return Login.unknown("Passwords cannot be verified: %s." % self._unverifiable)
        try:
            return Login.RIGHT if database.takes(account.name, password, self.key(account)[1]) else Login.WRONG
        except Unreachable as reason:
            # Do not wait for it again.
            self._unverifiable, self._database = str(reason), None
            return Login.unknown("Passwords cannot be verified: %s." % reason)
        except Unclear as reason:
            return Login.unknown("The password of %s cannot be verified: %s." % (account.name, reason))

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
            raise fault(answer, errors.USER_NOT_FOUND, "A user was deleted after the look-up. Run again.")
        if answer.status == 400 and "password" in text.lower() and "guest" not in text.lower():
            raise fault(answer, errors.PASSWORD_REJECTED, "The service refused the password. Choose another.")
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
            self._unverifiable = "the service does not report the database's address; set host in database_login"

    def _exists(self, account: Account) -> bool:
        # The service decodes the name twice, and would read what follows a dot as a file extension.
        name = quote(quote("%s@%s" % self.key(account), safe="").replace(".", "%2E"), safe="")
        answer = self._send("GET", "/users/" + name, READ)
        if answer.status == 404:
            return False
        _check(answer, 200)
        if not isinstance(answer.json_object().get("user"), dict):
            raise answer.unexpected("does not describe a user")
        return True

    def _listed(self, wanted: set[tuple[str, str]]) -> set[tuple[str | None, str]]:
        """Return users as a set of (name, host): all that are wanted, or as many of them as the service lists."""
        known: Set[Tuple[Optional[str], str]] = set()
        marker, pages = None, Pages()
        while True:
            answer = self._send("GET", "/users" + ("?marker=" + quote(marker, safe="") if marker else ""), READ)
            if answer.status == 400:
                # One unusual account in the database makes the service unable to list any.
                return known
            _check(answer, 200)
            body, before = answer.json_object(), len(known)
            known.update((text_at(user, "name"), text_at(user, "host") or ANYWHERE) for user in dicts_at(body, "users"))
            marker = _marker(dicts_at(body, "links"))
            # A page with nothing new on it: the service misreads its own marker and would never end.
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
            # A project's id is unique across domains.
            project["domain"] = keystone.named(params["project_domain_id"], params["project_domain_name"])
        return keystone.by_password(params["api_user"], params["api_password"], user_domain, project)

    def _send(self, method: str, path: str, kind: str, json: Any = None) -> Response:
        """Send a request about the instance; retry with a new token if the old one has expired."""
        path = "/instances/" + segment(self.params["instance_id"]) + path

        def request(token: ServiceToken) -> Response:
            # Without Accept some errors come as HTML.
            return self.http.request(
                method, path, kind, json=json, headers={"X-Auth-Token": token.token, "Accept": "application/json"}
            )

        # A token given by the user cannot be renewed.
        return self._session.send(request, lambda answer: answer.status == 401 and self.params["auth_type"] != "token")


def _has_letter_or_digit(text: str) -> bool:
    return re.search("[0-9a-zA-Z]", text) is not None


def _check_password(password: str) -> None:
    if password != password.strip():
        raise _lost("begins or ends with a space or a line break, such as the one at the end of a YAML block with '|'")
    if not password.isprintable():
        raise _lost("contains a control character")
    if not _has_letter_or_digit(password):
        raise PasswordError(errors.PASSWORD_REJECTED, "The password must contain at least one ASCII letter or digit.")
    if _PARAMETER.search(password):
        raise _lost("contains a colon that is followed, but not preceded, by a letter or digit")


def _lost(rule: str) -> PasswordError:
    return PasswordError(
        errors.PASSWORD_REJECTED,
        "The password %s. The service would accept it and then lose it; choose another." % rule,
    )


def _marker(links: list[dict[str, Any]]) -> str | None:
    """Return the marker of the next page, from its link, which the service encodes twice."""
    for link in links:
        if link.get("rel") == "next":
            marker = parse_qs(urlsplit(text_at(link, "href") or "").query).get("marker")
            # parse_qs has removed the outer layer.
            return unquote(marker[0]) if marker else None
    return None


def _check(answer: Response, expected: int) -> None:
    """Read the answer's error, if it is one.

    :raises PasswordError: for any status but ``expected``.
    """
    if answer.status == expected:
        return
    text = (fault_text(answer) or "").lower()
    meaning = None
    if answer.status == 400 and "guest" in text and "not valid" not in text:
        meaning = (
            errors.VENDOR_UNAVAILABLE,
            "The service could not reach the instance's database. Run again when it is up.",
        )
    elif answer.status == 422 and "not supported" in text:
        meaning = (errors.UNSUPPORTED, "The service does not support this for this type of database.")
    elif answer.status >= 500:
        meaning = (errors.VENDOR_UNAVAILABLE, "The service failed.")
    raise refusal(answer, said(answer), _KINDS, meaning, speaker="service")
