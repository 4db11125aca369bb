# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front door of VMware Cloud Director: versions, sessions, API tokens and lock-outs; what lies behind it is added by a subclass."""

from __future__ import annotations

import base64
import binascii
import collections
import re
import secrets
import urllib.parse
import uuid

from starlette.responses import JSONResponse, Response

from tests.doubles.base import Double
from tests.doubles.received import SecretDict
from tests.doubles.vcd_people import ROLES, Organisation, Person, Session, urn

# Ends of paths, for faults.
VERSIONS = "/api/versions"
LOGIN = "/1.0.0/sessions"
PROVIDER_LOGIN = "/1.0.0/sessions/provider"
CURRENT = "/1.0.0/sessions/current"
TOKEN = "/token"

ROOT = "/cloudapi/1.0.0"
SYSTEM = "System"
OPERATOR = "operator"
OPERATOR_PASSWORD = "operator-S3cr3t-MARKER"
OPERATOR_API_TOKEN = "operator-S3cr3t-MARKER-api-token"
SYSTEM_OPERATOR = "administrator"
SYSTEM_PASSWORD = "system-S3cr3t-MARKER"
SYSTEM_API_TOKEN = "system-S3cr3t-MARKER-api-token"

CODES = {
    400: "BAD_REQUEST",
    401: "NOT_AUTHENTICATED",
    403: "ACCESS_TO_RESOURCE_IS_FORBIDDEN",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}
_DENIED = (401, "NOT_AUTHENTICATED", "This operation is denied.")
_FORBIDDEN = (403, "ACCESS_TO_RESOURCE_IS_FORBIDDEN", "Either you need some or all of the rights for this operation or the target entity is invalid.")
# Occasion to status, minorErrorCode and message. Only the first line is certain, so each can be given otherwise.
REFUSALS = {
    "unauthenticated": _DENIED,
    "forbidden": _FORBIDDEN,
    "bad_request": (400, "BAD_REQUEST", "The request cannot be understood."),
    "locked": _DENIED,
    "disabled": _DENIED,
    "absent": _FORBIDDEN,
    "wrong_current": (400, "BAD_REQUEST", "The current password is not correct."),
    "same": (400, "BAD_REQUEST", "The new password is the current one."),
    "policy": (400, "BAD_REQUEST", "The password does not satisfy the policy."),
    "not_local": (400, "BAD_REQUEST", "Only a local user has a password."),
    "sessions": (403, "ACCESS_TO_RESOURCE_IS_FORBIDDEN", "The user has too many sessions."),
    "api_token": (400, "BAD_REQUEST", "The refresh token is not valid."),
    "method": (405, "METHOD_NOT_ALLOWED", "The method is not supported here."),
    "media": (415, "UNSUPPORTED_MEDIA_TYPE", "The content type is not supported."),
}
# For the option ``refusals``: a server that tells a locked account from a wrong password.
TELLS_LOCKED = {"locked": (401, "USER_ACCOUNT_LOCKED", "The account is locked.")}


def number(version):
    """A version as something that can be compared."""
    numbers = tuple(int(part) for part in re.findall("[0-9]+", version or ""))
    # Those with three numbers came later.
    return (len(numbers) == 3,) + numbers


class VcdSessionsDouble(Double):
    """The part that every request passes, with a tenant and the provider behind it.

    Time stands still but for :meth:`advance`.

    :param users: those of the tenant, names to passwords; the operator is added where it is missing.
    :param org: the name of the tenant.
    :param admins: which of the users are administrators of the tenant.
    :param system_users: those of the provider, all of them administrators.
    :param api_tokens: names to API tokens, for users of the tenant.
    :param system_api_tokens: the same for the provider.
    :param people: names of users of the tenant to attributes of :class:`tests.doubles.vcd_people.Person`.
    :param versions: those that the server has.
    :param deprecated: which of them are marked as such.
    :param lockout: whether accounts are locked.
    :param lockout_system: whether those of the provider are.
    :param lockout_after: which bad login in a row locks.
    :param lockout_minutes: how long.
    :param session_minutes: how long a session may be idle.
    :param max_sessions: how many of a user may be open; ``None`` for any number.
    :param split_at: ``last`` or ``first``: which ``@`` parts the user from the organisation.
    :param charset: that of the credentials.
    :param paging_required: whether lists must be told page and page size.
    :param public_url: what links to other pages begin with, instead of this double's address.
    :param host_name: the only one by which the server answers, as VCF Automation 9 does; with any other each path is an empty 404.
    :param refusals: occasions to ``(status, minorErrorCode, message)``, where they are to differ from ``REFUSALS``.
    :param options: those of :class:`tests.doubles.base.Double`.
    """

    vendor = "vcd"

    def __init__(
        self,
        users=None,
        *,
        org="acme",
        admins=(OPERATOR,),
        system_users=None,
        api_tokens=None,
        system_api_tokens=None,
        people=None,
        versions=("36.3", "37.2", "38.1"),
        deprecated=("36.3",),
        lockout=True,
        lockout_system=False,
        lockout_after=5,
        lockout_minutes=10,
        session_minutes=30,
        max_sessions=None,
        split_at="last",
        charset="utf-8",
        paging_required=True,
        public_url=None,
        refusals=None,
        host_name=None,
        **options,
    ):
        self.versions = tuple(versions)
        self.deprecated = set(deprecated)
        self.admins = set(admins)
        self.lockout = lockout
        self.lockout_system = lockout_system
        self.lockout_after = lockout_after
        self.lockout_minutes = lockout_minutes
        self.session_minutes = session_minutes
        self.max_sessions = max_sessions
        self.split_at = split_at
        self.charset = charset
        self.paging_required = paging_required
        self.public_url = public_url
        self.host_name = host_name
        self.refusals = {**REFUSALS, **(refusals or {})}
        self.now = 0.0
        self.sessions = []
        self._by_token, self._by_urn = {}, {}
        super().__init__({}, **options)
        self.tenant = Organisation(org, self.users, SecretDict({OPERATOR: OPERATOR_API_TOKEN} if api_tokens is None else api_tokens))
        self.system = Organisation(SYSTEM, SecretDict(), SecretDict({SYSTEM_OPERATOR: SYSTEM_API_TOKEN} if system_api_tokens is None else system_api_tokens))
        self._organisations = {SYSTEM: self.system, org: self.tenant}
        for name, password in {OPERATOR: OPERATOR_PASSWORD, **(users or {})}.items():
            self.set_user(name, password, **(people or {}).get(name, {}))
        for name, password in ({SYSTEM_OPERATOR: SYSTEM_PASSWORD} if system_users is None else system_users).items():
            self.set_user(name, password, SYSTEM)

    def routes(self):
        sessions, current, one = ROOT + "/sessions", ROOT + "/sessions/current", ROOT + "/sessions/{session}"
        return [
            ("GET", VERSIONS, self._show_versions),
            ("POST", "/oauth/tenant/{org}/token", self._grant),
            ("POST", "/oauth/provider/token", self._grant),
            ("POST", sessions, self.since("33.0", self._log_in)),
            ("POST", ROOT + "/sessions/provider", self.since("33.0", self._log_in)),
            ("GET", sessions, self.since("33.0", self._list_sessions)),
            ("GET", current, self.since("34.0", self._show_session)),
            ("DELETE", current, self.since("36.0", self._log_out)),
            ("GET", one, self.since("33.0", self._show_session)),
            ("DELETE", one, self.since("33.0", self._log_out)),
        ]

    def is_write(self, received):
        return False

    def inspect(self, received):
        received.version = received.session = None
        scheme, value = self._authorization(received)
        if scheme == "basic":
            received.login, _org, password = self._basic(received)
            received.secrets = [password] if password else []
        elif scheme == "bearer" and value:
            received.secrets = [value]
            received.login = self._by_token[value].person.name if value in self._by_token else None
        if received.path.startswith("/oauth/"):
            token = dict(urllib.parse.parse_qsl(received.body.decode("latin-1"))).get("refresh_token")
            if token:
                received.secrets = [token]
                received.login = next((name for org in self._organisations.values() for name, known in org.api_tokens.items() if known == token), None)
        received.user = received.login

    # What a test calls.

    @property
    def people(self):
        """The users of the tenant; those of the provider are in ``system.people``."""
        return self.tenant.people

    @property
    def open_sessions(self):
        """The sessions that are neither closed nor expired."""
        with self.lock:
            return [one for one in self.sessions if one.closed is None]

    def set_user(self, name, password, org=None, **attributes):
        """Create a user or set its password, past all rules of the vendor; with attributes of :class:`tests.doubles.vcd_people.Person`."""
        with self.lock:
            place = self._organisations[org or self.tenant.name]
            place.users[name] = password
            if name not in place.people:
                role = ROLES[1] if place is self.system else ROLES[0] if name in self.admins else ROLES[2]
                place.people[name] = Person(name, place, [role])
                self._by_urn[place.people[name].urn] = place.people[name]
            for attribute, value in attributes.items():
                setattr(place.people[name], attribute, value)

    def remove_user(self, name, org=None):
        """Remove a user with its sessions, past all rules of the vendor."""
        with self.lock:
            place = self._organisations[org or self.tenant.name]
            place.users.pop(name, None)
            person = place.people.pop(name, None)
            if person:
                del self._by_urn[person.urn]
                self.end_sessions(person, "user removed")

    def populate(self, count):
        """Add this many users to the tenant.

        :returns: their names.
        """
        names = ["user-%06d" % one for one in range(count)]
        for name in names:
            self.set_user(name, "S3cr3t-MARKER-" + name)
        return names

    def can_log_in(self, name, password, org=None):
        """Whether the vendor would let this user in; not counted."""
        with self.lock:
            return self._login_refusal(self._organisations[org or self.tenant.name], name, password) is None

    def reset(self):
        super().reset()
        self.lockouts = collections.Counter()

    def expire(self):
        """End all sessions that are open, as time would."""
        with self.lock:
            for session in self.open_sessions:
                session.closed = "expired"

    def advance(self, seconds):
        """Let time pass: sessions expire, locks end."""
        with self.lock:
            self.now += seconds
            for session in self.open_sessions:
                if session.expires <= self.now:
                    session.closed = "expired"
            for person in self._by_urn.values():
                if person.locked and person.locked_until is not None and person.locked_until <= self.now:
                    self.unlock(person)

    def unlock(self, person):
        """End the lock of an account."""
        person.locked, person.locked_until, person.bad_logins = False, None, 0

    def end_sessions(self, person, reason, but=None):
        """Close the sessions of a user, all but one."""
        for session in self.open_sessions:
            if session.person is person and session is not but:
                session.closed = reason

    def bad_login(self, org, name):
        """Count a refused login, which may lock the account."""
        self.login_failed(name)
        person = org.people.get(name)
        if person is None or person.locked or not (self.lockout_system if org is self.system else self.lockout):
            return
        person.bad_logins += 1
        if person.bad_logins >= self.lockout_after:
            person.locked, person.locked_until = True, self.now + 60 * self.lockout_minutes
            self.lockouts[name] += 1

    # For the subclass.

    def since(self, version, handler):
        """A handler that is there from this version on."""

        def gated(received, **parameters):
            return handler(received, **parameters) if number(received.version) >= number(version) else self.refuse("absent")

        return gated

    def json(self, received, body, headers=None):
        """An answer in the version that was asked for."""
        return JSONResponse(body, headers=headers, media_type="application/json" + (";version=" + received.version if received.version else ""))

    def refuse(self, occasion, detail=None):
        """The error for an occasion out of ``refusals``."""
        status, code, message = self.refusals[occasion]
        return self._failure(status, code, detail or message)

    def error(self, status, message):
        return self._failure(status, CODES.get(status, "INTERNAL_SERVER_ERROR"), message)

    def not_found(self, received):
        known = any(route.path_regex.match(received.path) for route, _handler in self._routes)
        return self.refuse("method" if known else "absent")

    def query(self, received, *names):
        """The parameters behind the question mark; ``None`` if one is unknown or there twice."""
        pairs = urllib.parse.parse_qsl(received.query.decode("latin-1"), keep_blank_values=True)
        found = dict(pairs)
        return found if len(found) == len(pairs) and set(found) <= set(names) else None

    def page(self, received, query, items, show, model):
        """One page of a list. The others are named in several headers, each with several relations, as the vendor does it."""
        shown = [query.get("page"), query.get("pageSize")] if self.paging_required else [query.get("page", "1"), query.get("pageSize", "25")]
        if not all(re.fullmatch("[0-9]{1,9}", value or "") for value in shown):
            return self.refuse("bad_request", "page and pageSize must be numbers.")
        page, size = map(int, shown)
        if page < 1 or size > 128:
            return self.refuse("bad_request", "page begins at 1, pageSize ends at 128.")
        count = -(-len(items) // size) if size else 0
        body = {
            "resultTotal": len(items),
            "pageCount": count,
            "page": page,
            "pageSize": size,
            "associations": [],
            "values": [show(item) for item in items[(page - 1) * size : page * size]],
        }
        answer = self.json(received, body)
        relations = collections.defaultdict(list)
        for relation, target in (("firstPage", 1), ("lastPage", count), ("nextPage", page + 1), ("previousPage", page - 1)):
            if (1 <= page < count and relation in ("nextPage", "lastPage")) or (1 < page <= count and relation in ("firstPage", "previousPage")):
                relations[target].append(relation)
        base = self.public_url or self.url
        answer.headers.append("Link", '<%s/cloudapi/>;rel="up";type="*/*"' % base)
        for target, names in relations.items():
            address = "%s%s?%s" % (base, received.path, urllib.parse.urlencode({**query, "pageSize": size, "page": target}))
            answer.headers.append("Link", '<%s>;rel="%s";type="application/json";model="%s"' % (address, " ".join(names), model))
        return answer

    # The API.

    @staticmethod
    def _authorization(received):
        scheme, _blank, value = received.headers.get("authorization", "").partition(" ")
        return scheme.lower(), value

    def _basic(self, received):
        """``(name, organisation, password)``; ``None`` for each if there is nothing that can be understood."""
        scheme, value = self._authorization(received)
        try:
            login, colon, password = base64.b64decode(value, validate=True).decode(self.charset).partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None, None, None
        name, at, org = login.rpartition("@") if self.split_at == "last" else login.partition("@")
        return (name, org, password) if scheme == "basic" and colon and at else (None, None, None)

    def _failure(self, status, code, message):
        return JSONResponse({"minorErrorCode": code, "message": "[ %s ] %s" % (uuid.uuid4(), message), "stackTrace": None}, status)

    def authenticate(self, received):
        if self.host_name and received.headers.get("host", "").rpartition(":")[0] != self.host_name:
            return Response(status_code=404)
        if received.path == VERSIONS:
            return None
        refusal = self._choose_version(received)
        if refusal or received.path.startswith("/oauth/") or (received.method == "POST" and received.path.endswith((LOGIN, PROVIDER_LOGIN))):
            return refusal
        scheme, token = self._authorization(received)
        session = self._by_token.get(token)
        if scheme != "bearer" or session is None or session.closed or not session.person.enabled:
            return self.refuse("unauthenticated")
        received.session, received.authenticated_as = session, session.person.name
        if session.kind == "password":
            session.expires = self.now + 60 * self.session_minutes
        return None

    def _choose_version(self, received):
        """Every request names the version in its Accept header; but an API token is taken without."""
        asked = ""
        for accepted in received.headers.get("accept", "").lower().split(","):
            kind, *parameters = [part.strip() for part in accepted.split(";")]
            version = next((value for name, _equals, value in (part.partition("=") for part in parameters) if name == "version"), None)
            if kind not in ("application/json", "application/*+json", "application/*", "*/*"):
                continue
            if version in self.versions or (version is None and received.path.startswith("/oauth/")):
                received.version = version
                return None
            asked = "Invalid API version requested" if version else asked
        known = ", ".join(one + (" [D]" if one in self.deprecated else "") for one in sorted(self.versions, key=number, reverse=True))
        return self.error(
            406, "The request has invalid accept header: %s. Supported API versions are: [%s] ([D] indicates deprecated versions)" % (asked, known)
        )

    def _show_versions(self, received):  # pylint: disable=unused-argument
        found = "".join(
            '<VersionInfo deprecated="%s"><Version>%s</Version><LoginUrl>%s/sessions</LoginUrl></VersionInfo>'
            % (str(one in self.deprecated).lower(), one, (self.public_url or self.url) + ROOT)
            for one in self.versions
        )
        return Response(
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<SupportedVersions xmlns="http://www.vmware.com/vcloud/versions">%s'
            "</SupportedVersions>" % found,
            media_type="text/xml",
        )

    def _login_refusal(self, org, name, password):
        """The occasion for a refusal, or ``None``. A SAML or OAUTH user has no password that could be shown here."""
        person = org.people.get(name)
        if person is not None and person.locked:
            return "locked"
        if person is None or org.users.get(name) != password or person.provider_type in ("SAML", "OAUTH"):
            return "unauthenticated"
        return None if person.enabled and not person.stranded else "disabled"

    def _log_in(self, received):
        if received.body:
            return self.refuse("bad_request", "A login has no body.")
        name, org, password = self._basic(received)
        place = self._organisations.get(org)
        if place is None or (place is self.system) != received.path.endswith(PROVIDER_LOGIN):
            if name:
                self.login_failed(name)
            return self.refuse("unauthenticated")
        refusal = self._login_refusal(place, name, password)
        if refusal:
            self.bad_login(place, name)
            return self.refuse(refusal)
        person = place.people[name]
        person.bad_logins = 0
        session = self._open(person, "password")
        if session is None:
            return self.refuse("sessions")
        received.authenticated_as = name
        return self.json(received, self._view(received, session), {"X-VMWARE-VCLOUD-ACCESS-TOKEN": session.token, "X-VMWARE-VCLOUD-TOKEN-TYPE": "Bearer"})

    def _open(self, person, kind):
        if self.max_sessions is not None and sum(one.person is person for one in self.open_sessions) >= self.max_sessions:
            return None
        session = Session(
            "urn:vcloud:session:%s" % uuid.uuid4(), person, kind, self.now + 60 * self.session_minutes, "token-S3cr3t-MARKER-" + secrets.token_hex(16)
        )
        self.sessions.append(session)
        self._by_token[session.token] = session
        return session

    def _grant(self, received, org=SYSTEM):
        if received.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            return self.refuse("media")
        form = urllib.parse.parse_qs(received.body.decode("latin-1"), keep_blank_values=True)
        if sorted(form) != ["grant_type", "refresh_token"] or form["grant_type"] != ["refresh_token"]:
            return self.refuse("bad_request", "The grant type must be refresh_token.")
        place = self.tenant if received.path.startswith("/oauth/tenant/") else self.system
        name = next((name for name, token in place.api_tokens.items() if [token] == form["refresh_token"]), None)
        person = place.people.get(name)
        if place.name != org or person is None or not person.enabled or person.stranded:
            if name:
                self.login_failed(name)
            return self.refuse("api_token")
        session = self._open(person, "api token")
        if session is None:
            return self.refuse("sessions")
        received.authenticated_as = name
        return self.json(received, {"access_token": session.token, "token_type": "Bearer", "expires_in": 60 * self.session_minutes, "refresh_token": None})

    def _view(self, received, session):
        person = session.person
        body = {
            "id": session.id,
            "user": person.ref,
            "org": person.org.ref,
            "location": "site-1",
            "roles": list(person.roles),
            "roleRefs": person.role_refs,
            "sessionIdleTimeoutMinutes": self.session_minutes,
        }
        if number(received.version) >= number("37.1"):
            body["site"] = {"name": "site-1", "id": urn("site", "site-1")}
        return body

    def _own(self, received, session):
        """A session of the caller by its identifier."""
        return next((one for one in self.open_sessions if one.id == session and one.person is received.session.person), None)

    def _show_session(self, received, session=None):
        found = self._own(received, session) if session else received.session
        return self.json(received, self._view(received, found)) if found else self.refuse("forbidden")

    def _log_out(self, received, session=None):
        found = self._own(received, session) if session else received.session
        if found is None:
            return self.refuse("forbidden")
        found.closed = "logged out"
        return Response(status_code=204)

    def _list_sessions(self, received):
        query = self.query(received, "page", "pageSize")
        if query is None:
            return self.refuse("bad_request")
        own = [one for one in self.open_sessions if one.person is received.session.person]
        return self.page(received, query, own, lambda one: self._view(received, one), "Sessions")
