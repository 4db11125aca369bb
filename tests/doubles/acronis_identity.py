# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the double of Acronis keeps (tenants, users, tokens), and the part of the API that gives tokens out."""

from __future__ import annotations

import base64
import collections
import datetime
import secrets
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field

from starlette.responses import JSONResponse, Response

from tests.doubles.base import Double

BASE = "/api/2"
LOGIN = "/idp/token"
REVOKE = "/idp/revoke_token"
CLIENT_ID = "c11e0000-0000-4000-8000-00000000c11e"
CLIENT_SECRET = "operator-S3cr3t-MARKER"
ROOT_TENANT = "10000000-0000-4000-8000-000000000001"
CLIENT_TENANT = "20000000-0000-4000-8000-000000000002"
CUSTOMER = "30000000-0000-4000-8000-000000000003"
UNIT = "40000000-0000-4000-8000-000000000004"
STRANGER = "50000000-0000-4000-8000-000000000005"

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TENANT_SCOPE = "urn:acronis.com:tenant-id:"
# Grants to the members of the form that they need and those that they may have.
GRANTS = {
    "client_credentials": (set(), {"not_required_introspection"}),
    "password": ({"username", "password"}, {"totp_code", "not_required_introspection"}),
    JWT_BEARER: ({"assertion", "scope"}, {"not_required_introspection"}),
}
SECOND_FACTORS = {"enabled": "totp_required", "setup_required": "totp_setup_required"}
BEGINNING = "2026-01-01T00:00:00+00:00"


class Refusal(Exception):
    """An answer that ends the work on a request."""

    def __init__(self, response):
        super().__init__(response.status_code)
        self.response = response


@dataclass
class Tenant:
    """A tenant; ``parent`` is the identifier of the one above it."""

    id: str
    name: str
    kind: str
    parent: str | None
    enabled: bool = True
    locked: bool = False


@dataclass
class Person:
    """What the vendor knows of a user beside its password.

    ``name`` is the one under which tests know it; ``login`` is the same unless a test wants two users with one login name.
    ``mfa_status`` is ``disabled``, ``forcibly_disabled``, ``setup_required`` or ``enabled``, or ``None`` where it is not told.
    """

    name: str
    tenant_id: str = CUSTOMER
    activated: bool = True
    enabled: bool = True
    locked: bool = False
    external_id: str | None = None
    idp_id: str | None = None
    mfa_status: str | None = "disabled"
    totp_code: str = field(default="123456", repr=False)
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    login: str = ""
    id: str = ""
    version: int = 1
    failures: int = 0
    failed_at: float = 0.0
    created_at: str = BEGINNING
    updated_at: str = BEGINNING
    deleted_at: str | None = None
    previous: list = field(default_factory=list, repr=False)

    def __post_init__(self):
        self.login = self.login or self.name
        self.email = self.email or (self.name if "@" in self.name else "%s@example.com" % self.name)
        # Made out of the name, so that it is the same in every run.
        self.id = self.id or str(uuid.uuid5(uuid.NAMESPACE_URL, "user:" + self.name))


@dataclass
class Token:
    """A session: whose it is (a client's identifier or a user's name), what it reaches, and when it ends by the double's clock."""

    owner: str
    kind: str
    tenant: str
    issued: float
    expires: float
    value: str = field(repr=False)
    revoked: bool = False


class AcronisIdentityDouble(Double):
    """One API client in a tree of tenants, and users who log in; the API of the users is added by a subclass.

    :param users: names to passwords; with ``None`` as the password, a user that was not activated yet. All are in the customer below the client's tenant.
    :param client_id: the API client, a UUID in lower case.
    :param client_secret: its secret.
    :param token_lifetime: seconds for which a token is good.
    :param expiry_told: which of ``expires_in`` and ``expires_on`` come with a token.
    :param terse_errors: errors have nothing but a code and a message.
    :param string_codes: the codes of errors are text.
    :param lockout_after: how many wrong passwords in a row lock a user; ``None`` for any number.
    :param lockout_window: seconds after which a wrong password is forgotten; ``None`` for never.
    :param login_refusal: status and ``error`` for a wrong user name or password.
    :param mfa_before_password: whoever has a second factor is asked for it without a look at the password.
    :param totp_status: the status of that question.
    :param options: those of :class:`tests.doubles.base.Double`.
    """

    def __init__(
        self,
        users=None,
        *,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        token_lifetime=7200,
        expiry_told=("expires_in", "expires_on"),
        terse_errors=False,
        string_codes=False,
        lockout_after=None,
        lockout_window=None,
        login_refusal=(401, "access_denied"),
        mfa_before_password=False,
        totp_status=401,
        **options,
    ):
        super().__init__({}, **options)
        self.client_id = client_id
        self.client_secret = client_secret
        self.token_lifetime = token_lifetime
        self.expiry_told = tuple(expiry_told)
        self.terse_errors = terse_errors
        self.string_codes = string_codes
        self.lockout_after = lockout_after
        self.lockout_window = lockout_window
        self.login_refusal = tuple(login_refusal)
        self.mfa_before_password = mfa_before_password
        self.totp_status = totp_status
        self.tenants = {
            one.id: one
            for one in (
                Tenant(ROOT_TENANT, "Provider", "root", None),
                Tenant(CLIENT_TENANT, "Partner", "partner", ROOT_TENANT),
                Tenant(CUSTOMER, "Customer", "customer", CLIENT_TENANT),
                Tenant(UNIT, "Unit", "unit", CUSTOMER),
                Tenant(STRANGER, "Stranger", "customer", ROOT_TENANT),
            )
        }
        self.people = {}
        self.tokens = []
        self._ahead = 0.0
        for name, password in (users or {}).items():
            self.set_user(name, password)

    def routes(self):
        return [("POST", BASE + LOGIN, self._issue), ("POST", BASE + REVOKE, self._revoke)]

    def inspect(self, received):
        scheme, received.login, secret = _authorization(received)
        received.token = self._token(secret) if scheme == "bearer" else None
        form = (pairs(received.body) if is_identity(received) else None) or {}
        shown = [form.get(name) for name in ("password", "assertion", "token", "client_secret")] + [secret]
        received.secrets = [one for one in dict.fromkeys(shown) if one]
        token = self._token(form.get("assertion") or form.get("token")) or received.token
        if "username" in form:
            received.login = received.user = self._name_of(form["username"])
        elif token:
            received.login = token.owner
            received.user = token.owner if token.kind == "user" and is_identity(received) else None

    def error(self, status, message, code=None):
        code = status if code is None else code
        error = {"code": str(code) if self.string_codes else code, "message": message}
        if not self.terse_errors:
            error.update(domain="PlatformAccountServer", details={"info": ""}, context={})
        return JSONResponse({"error": error}, status)

    def reset(self):
        with self.lock:
            super().reset()
            self.lockouts = collections.Counter()

    def summary(self):
        with self.lock:
            return {**super().summary(), "lockouts": dict(self.lockouts), "open_sessions": [one.owner for one in self.open_sessions]}

    # What a test calls.

    def set_user(self, name, password):
        with self.lock:
            self._keep(self.people.setdefault(name, Person(name, activated=password is not None)), password)

    def remove_user(self, name):
        with self.lock:
            super().remove_user(name)
            self.people.pop(name, None)
            for token in self.tokens:
                token.revoked = token.revoked or (token.kind, token.owner) == ("user", name)

    def populate(self, number):
        """Add many users in the customer, ``user00000`` and so on; returns their names."""
        names = ["user%05d" % one for one in range(number)]
        with self.lock:
            for name in names:
                self.set_user(name, "S3cr3t-MARKER-" + name)
        return names

    def can_log_in(self, name, password):
        """Whether the password is right and the user may use it, a second factor aside."""
        with self.lock:
            person = self.people.get(name)
            return (
                person is not None
                and password is not None
                and self.users[name] == password
                and person.activated
                and person.enabled
                and not (person.locked or person.external_id or person.deleted_at)
                and all(one.enabled for one in self.lineage(person.tenant_id))
            )

    @property
    def open_sessions(self):
        """The tokens that are still good, of the client and of users."""
        with self.lock:
            return [one for one in self.tokens if self._is_open(one)]

    def now(self):
        """The double's clock, in seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds):
        """Put the clock forward."""
        with self.lock:
            self._ahead += seconds

    def expire_tokens(self):
        """End all tokens that are out; returns how many."""
        with self.lock:
            ended = self.open_sessions
            for token in ended:
                token.expires = self.now()
        return len(ended)

    def lineage(self, tenant_id):
        """A tenant and all above it."""
        found = []
        while tenant_id is not None:
            found.append(self.tenants[tenant_id])
            tenant_id = found[-1].parent
        return found

    # For the API of the users.

    def date(self):
        """The time of the double's clock as the vendor writes it."""
        return datetime.datetime.fromtimestamp(self.now(), datetime.timezone.utc).isoformat(timespec="seconds")

    def tenant_path(self, tenant_id):
        """The identifiers of a tenant and of all above it, the uppermost first."""
        return [one.id for one in reversed(self.lineage(tenant_id))]

    def check_token(self, received):
        """Set who asks, or return the refusal."""
        if received.token is None or not self._is_open(received.token):
            return self.error(401, "Unauthorized")
        received.authenticated_as = received.token.owner
        return None

    def find_login(self, login):
        """The first user with this login name."""
        return next((one for one in self.people.values() if one.login == login), None)

    def _route(self, received):
        try:
            return super()._route(received)
        except Refusal as refusal:
            return refusal.response

    def _keep(self, person, password):
        if self.users.get(person.name) is not None:
            person.previous.append(self.users[person.name])
        self.users[person.name] = password

    def _is_open(self, token):
        return not token.revoked and self.now() < token.expires

    def _token(self, value):
        return next((one for one in self.tokens if one.value == value), None)

    def _name_of(self, login):
        person = self.find_login(login)
        return person.name if person else login

    # Tokens.

    def _refuse_token(self, status, error, description):
        more = {} if self.terse_errors else {"domain": "PlatformAccountServer", "reason": error}
        raise Refusal(JSONResponse({"error": error, "error_description": description, **more}, status))

    def _form(self, received):
        form = pairs(received.body)
        # In the query, secrets would end in the logs of every server on the way.
        if received.query or form is None or media_type(received) != "application/x-www-form-urlencoded":
            self._refuse_token(400, "invalid_request", "The request is not a valid form.")
        return form

    def _check_client(self, received):
        scheme, name, secret = _authorization(received)
        if (scheme, name, secret) != ("basic", self.client_id, self.client_secret):
            if name:
                self.login_failed(name)
            self._refuse_token(401, "invalid_client", "Client authentication failed.")

    def _issue(self, received):
        form = self._form(received)
        grant = form.pop("grant_type", None)
        required, optional = GRANTS.get(grant, (None, None))
        if required is None or not required <= set(form) <= required | optional:
            self._refuse_token(400, "invalid_request", "The grant type is not supported, or parameters are missing or unknown.")
        if grant == "client_credentials" or "authorization" in received.headers:
            self._check_client(received)
        if grant == "password":
            owner, kind, tenant = self._log_in(received, form)
        elif grant == JWT_BEARER:
            owner, kind, tenant = self._narrow(form)
        else:
            owner, kind, tenant = self.client_id, "client", CLIENT_TENANT
        received.authenticated_as = owner
        now = self.now()
        token = Token(owner, kind, tenant, now, now + self.token_lifetime, "S3cr3t-MARKER-token-" + secrets.token_urlsafe(24))
        self.tokens.append(token)
        expiry = {"expires_in": int(self.token_lifetime), "expires_on": int(token.expires)}
        return JSONResponse(
            {
                "access_token": token.value,
                "token_type": "bearer",
                "id_token": "S3cr3t-MARKER-id-" + secrets.token_urlsafe(24),
                **{name: expiry[name] for name in self.expiry_told},
            }
        )

    def _log_in(self, received, form):
        person = self.find_login(form["username"])
        factor = SECOND_FACTORS.get(person.mfa_status) if person else None
        code = form.get("totp_code")
        if not (factor and self.mfa_before_password and code is None):
            if person is None or not self.can_log_in(person.name, form["password"]):
                self._count_failure(person, received.user)
                self._refuse_token(*self.login_refusal, "The user name or the password is wrong.")
            person.failures = 0
        if factor == "totp_required" and code is not None:
            factor = None if code == person.totp_code else "invalid_totp"
        if factor:
            self._refuse_token(self.totp_status, factor, "A second factor is needed.")
        return person.name, "user", person.tenant_id

    def _count_failure(self, person, name):
        self.login_failed(name)
        if person is not None and not person.locked:
            if self.lockout_window is not None and self.now() - person.failed_at >= self.lockout_window:
                person.failures = 0
            person.failures += 1
            person.failed_at = self.now()
            if person.failures == self.lockout_after:
                person.locked = True
                self.lockouts[name] += 1

    def _narrow(self, form):
        """A token for a tenant, in exchange for one for a tenant above it."""
        token = self._token(form["assertion"])
        if token is None or not self._is_open(token):
            self._refuse_token(401, "access_denied", "The assertion is not a valid token.")
        tenant = form["scope"].removeprefix(TENANT_SCOPE)
        if not form["scope"].startswith(TENANT_SCOPE) or tenant not in self.tenants or token.tenant not in self.tenant_path(tenant):
            self._refuse_token(403, "access_denied", "The requested scope is not allowed.")
        return token.owner, token.kind, tenant

    def _revoke(self, received):
        form = self._form(received)
        if not {"token"} <= set(form) <= {"token", "token_type_hint"} or form.get("token_type_hint", "access_token") not in ("access_token", "refresh_token"):
            self._refuse_token(400, "invalid_request", "Parameters are missing or unknown.")
        if _authorization(received)[0] == "basic":
            self._check_client(received)
        token = self._token(form["token"])
        if token is not None:
            token.revoked = True
        return Response(status_code=200)


def is_identity(received):
    """Whether a request is for the part of the API that gives tokens out."""
    return received.path.startswith(BASE + "/idp/")


def media_type(received):
    """The type of the body without its parameters."""
    return received.headers.get("content-type", "").partition(";")[0].strip().lower()


def pairs(data):
    """A form or a query; ``None`` where it is malformed, or a name is there twice."""
    try:
        found = urllib.parse.parse_qsl(data.decode("ascii"), keep_blank_values=True, strict_parsing=bool(data), errors="strict")
    except ValueError:
        return None
    return dict(found) if len(dict(found)) == len(found) else None


def _authorization(received):
    """Scheme, name and secret of the header; the scheme alone where the rest makes no sense."""
    scheme, _blank, value = received.headers.get("authorization", "").partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer":
        return scheme, None, value
    try:
        name, colon, secret = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except ValueError:
        colon = ""
    return (scheme, name, secret) if scheme == "basic" and colon else (scheme, None, None)
