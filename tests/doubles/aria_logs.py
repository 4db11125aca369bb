# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the sessions and users of VMware Aria Operations for Logs, API version 2."""

from __future__ import annotations

import collections
import json
import re

from starlette.responses import JSONResponse, PlainTextResponse, Response

from tests.doubles.aria_logs_people import ACTIVE, EDIT, LOCKED, PENDING, SUPER_ADMIN, VIEW, Person, Session
from tests.doubles.base import Double

API = "/api/v2"
# Each is the end of a path, as faults and ``calls`` take it.
LOGIN = "/sessions"
SESSION = "/sessions/current"
SEARCH = "/users"
CHANGE = "/password"

OPERATOR = "operator"
OPERATOR_PASSWORD = "operator-S3cr3t-MARKER"

TYPES = {"Local": "DEFAULT", "ActiveDirectory": "ACTIVE_DIRECTORY", "vIDM": "VIDM"}
ERRORS = "com.vmware.loginsight.api.errors."
NOT_BOOTSTRAPPED = "LI server should be bootstrapped to process this API call"
REFUSED_LOGIN = "Invalid credentials or account is locked."


def _is_text(value):
    return isinstance(value, str)


# Which members a body may have, and what each must be.
LOGIN_MEMBERS = {"username": _is_text, "password": _is_text, "provider": lambda value: _is_text(value) and value in TYPES}
CHANGE_MEMBERS = {"password": _is_text, "unlock": lambda value: isinstance(value, bool)}
MODIFY_MEMBERS = {"password": _is_text, "email": _is_text, "roleIds": lambda value: isinstance(value, list) and all(map(_is_text, value))}


class AriaLogsDouble(Double):
    """The service, with a clock of its own that only :meth:`advance` moves.

    :param users: names to passwords of local users without any right.
    :param operator: name and password of a local super admin; ``users`` may give it another password.
    :param envelope: what a list of users is: ``array``, or ``object`` with the array as ``users``.
    :param omits: members that users are shown without, such as ``authStatus``; only ``id`` and ``username`` are sure.
    :param bootstrapped: ``False`` is a server that was not set up yet.
    :param ttl: seconds that a session lasts.
    :param sliding: whether using a session prolongs it.
    :param session_errors: ``text`` or ``json``: how an unknown session is refused.
    :param super_admin_locks: whether wrong passwords lock a super admin, too.
    :param success_forgives: whether a login makes earlier wrong passwords forgotten.
    :param logs_in_while: the states beside ``ACTIVE`` in which the right password gives a session.
    :param unlocks: which locks are undone by a new password or ``unlock``.
    :param after_change: the state that a new password leaves behind.
    :param change_ends_sessions: whether a new password ends the sessions of its user.
    :param ignores_foreign: whether a password for a user of another directory is taken and dropped, instead of refused with 400.
    :param stig: 15 characters or more, 8 of them not in the old password, none of the last 5 passwords, one change in 24 hours.
    :param options: those of :class:`tests.doubles.base.Double`.
    """

    vendor = "aria_logs"

    def __init__(
        self,
        users=None,
        *,
        operator=(OPERATOR, OPERATOR_PASSWORD),
        envelope="object",
        omits=(),
        bootstrapped=True,
        ttl=1800,
        sliding=False,
        session_errors="text",
        super_admin_locks=True,
        success_forgives=False,
        logs_in_while=(PENDING,),
        unlocks=LOCKED,
        after_change=ACTIVE,
        change_ends_sessions=False,
        ignores_foreign=False,
        stig=False,
        **options,
    ):
        super().__init__({}, **options)
        self.people = {}
        self.now = 0.0
        self._sessions = {}
        self.envelope = envelope
        self.omits = set(omits)
        self.bootstrapped = bootstrapped
        self.ttl = ttl
        self.sliding = sliding
        self.session_errors = session_errors
        self.super_admin_locks = super_admin_locks
        self.success_forgives = success_forgives
        self.logs_in_while = {ACTIVE, *logs_in_while}
        self.unlocks = set(unlocks)
        self.after_change = after_change
        self.change_ends_sessions = change_ends_sessions
        self.ignores_foreign = ignores_foreign
        self.stig = stig
        self.add_user(*operator, rights=SUPER_ADMIN)
        for name, password in (users or {}).items():
            self.set_user(name, password)

    def routes(self):
        user = API + "/users/{user}"
        return [
            ("POST", API + LOGIN, self._log_in),
            ("GET", API + SESSION, self._show_session),
            ("GET", API + SEARCH, self._list),
            ("GET", user, self._show),
            ("PATCH", user, self._modify),
            ("PATCH", user + CHANGE, self._change),
        ]

    def is_write(self, received):
        return received.method == "PATCH" and received.path.startswith(API + "/users/")

    def inspect(self, received):
        session = self._sessions.get(_session_id(received))
        received.login = session and session.user
        received.secrets = [_session_id(received)] if _session_id(received) else []
        if received.path.startswith(API + "/users/"):
            person = self._with_id(received.path[len(API + "/users/") :].partition("/")[0])
            received.user = person and person.name
        try:
            body = json.loads(received.body)
        except ValueError:
            return
        if not isinstance(body, dict):
            return
        if _is_text(body.get("password")) and body["password"]:
            received.secrets = [body["password"]] + received.secrets
        if received.path == API + LOGIN and _is_text(body.get("username")):
            received.login = body["username"]
            person = self._named(body["username"], body.get("provider"))
            received.user = person.name if person else body["username"]

    def error(self, status, message, code=None, details=None):
        body = {"errorMessage": message, "errorCode": code, "errorDetails": details}
        return JSONResponse({name: value for name, value in body.items() if value is not None}, status)

    def not_found(self, received):
        if any(route.path_regex.match(received.path) for route, _handler in self._routes):
            return PlainTextResponse("Method Not Allowed", 405)
        return PlainTextResponse("Not Found", 404)

    # What a test calls.

    def reset(self):
        """Forget requests, counters, faults and postponed writes; users and sessions stay."""
        super().reset()
        self.lockouts = collections.Counter()

    def summary(self):
        """The state without any secret."""
        with self.lock:
            return dict(super().summary(), lockouts=dict(self.lockouts), open_sessions=self.open_sessions)

    def add_user(self, name, password, **attributes):
        """Create a user with the given attributes of a :class:`Person`, which it returns."""
        with self.lock:
            person = self.people[name] = Person(name, **attributes)
            self.set_user(name, password)
        return person

    def set_user(self, name, password):
        """Create a local user or set its password, past all rules; nothing else of it changes."""
        with self.lock:
            person = self.people.setdefault(name, Person(name))
            person.passwords.append(password)
            super().set_user(name, password)

    def remove_user(self, name):
        """Remove a user and end its sessions, past all rules."""
        with self.lock:
            super().remove_user(name)
            self.people.pop(name, None)
            self.revoke_sessions(name)

    def populate(self, number):
        """Add as many local users; ``user-00001`` is the first, its password ends with its name."""
        with self.lock:
            for name in ("user-%05d" % each for each in range(1, number + 1)):
                self.set_user(name, "S3cr3t-MARKER-" + name)

    def can_log_in(self, name, password):
        """Whether this password would give a session now; it costs no try."""
        with self.lock:
            person = self.people.get(name)
            return person is not None and self.users[name] == password and person.status in self.logs_in_while

    def advance(self, seconds):
        """Let time pass."""
        with self.lock:
            self.now += seconds

    @property
    def sessions(self):
        """All sessions that were ever given out."""
        with self.lock:
            return list(self._sessions.values())

    @property
    def open_sessions(self):
        """The names of the users with a session, one for each, in the order of the logins."""
        return [one.user for one in self.sessions if not one.revoked and one.expires_at > self.now]

    def expire_sessions(self):
        """Let all sessions that are out time out; the service says so."""
        with self.lock:
            for session in self._sessions.values():
                session.expires_at = min(session.expires_at, self.now)

    def revoke_sessions(self, name=None):
        """Make the service forget the sessions of a user, or of all."""
        with self.lock:
            for session in self._sessions.values():
                session.revoked = session.revoked or name in (None, session.user)

    # The sessions.

    def authenticate(self, received):
        if not received.path.startswith(API + "/"):
            return self.not_found(received)
        if not self.bootstrapped:
            return self.error(503, NOT_BOOTSTRAPPED)
        if received.query:
            # No operation has a parameter there; who counts on one to choose users shall notice.
            return self.error(400, "Unknown query parameter.")
        if received.path == API + LOGIN:
            return None
        session = self._sessions.get(_session_id(received))
        if session is None or session.revoked:
            return PlainTextResponse("Invalid session ID", 401) if self.session_errors == "text" else self.error(401, "Invalid session ID")
        if session.expires_at <= self.now:
            return PlainTextResponse("Login Timeout", 440)
        if self.sliding:
            session.expires_at = self.now + self.ttl
        received.authenticated_as = session.user
        return None

    def _log_in(self, received):
        refusal, body = self._body(received, LOGIN_MEMBERS, required=LOGIN_MEMBERS)
        if refusal:
            return refusal
        person = self._named(body["username"], body["provider"])
        if person is None or not self.can_log_in(person.name, body["password"]):
            self.login_failed(person.name if person else body["username"])
            if person and self.users[person.name] != body["password"]:
                self._count_try(person)
            return self.error(401, REFUSED_LOGIN, "FIELD_ERROR")
        if self.success_forgives:
            person.failures.clear()
        received.authenticated_as = person.name
        session = Session(person.name, self.now + self.ttl)
        self._sessions[session.id] = session
        return JSONResponse({"userId": person.id, "sessionId": session.id, "ttl": self.ttl})

    def _count_try(self, person):
        # Another directory locks by its own rules.
        can_lock = person.is_local and not person.locked and (self.super_admin_locks or person.rights != SUPER_ADMIN)
        if can_lock and person.fails(self.now):
            self.lockouts[person.name] += 1

    def _show_session(self, received):
        session = self._sessions[_session_id(received)]
        return JSONResponse({"userId": self.people[session.user].id, "ttl": int(session.expires_at - self.now)})

    # The users.

    def _list(self, received):
        refusal = self._begin(received, (SUPER_ADMIN, EDIT, VIEW))[0]
        if refusal:
            return refusal
        users = [self._shown(person) for person in self.people.values()]
        return JSONResponse(users if self.envelope == "array" else {"users": users})

    def _show(self, received, user):
        refusal, person = self._begin(received, (SUPER_ADMIN, EDIT, VIEW), user)
        return refusal or JSONResponse(self._shown(person))

    def _modify(self, received, user):
        refusal, person, body = self._begin_change(received, user, MODIFY_MEMBERS)
        if refusal:
            return refusal

        def change():
            if "password" in body:
                self._set_password(person, body["password"])
            person.email = body.get("email", person.email)
            person.role_ids = body.get("roleIds", person.role_ids)

        self.commit(received, change)
        return JSONResponse(self._shown(person))

    def _change(self, received, user):
        refusal, person, body = self._begin_change(received, user, CHANGE_MEMBERS)
        if refusal:
            return refusal

        def change():
            unlocks = not person.locked or person.status in self.unlocks
            if "password" in body and self._set_password(person, body["password"]) and unlocks:
                person.status, person.failures = self.after_change, []
            elif body.get("unlock") and person.locked and unlocks:
                person.status, person.failures = ACTIVE, []

        self.commit(received, change)
        return Response()

    def _set_password(self, person, password):
        """Whether the password has become that of the user."""
        # A postponed change may find the user gone.
        if not person.is_local or self.people.get(person.name) is not person:
            return False
        self.set_user(person.name, password)
        person.changed_at = self.now
        if self.change_ends_sessions:
            self.revoke_sessions(person.name)
        return True

    def _named(self, username, provider):
        kind = TYPES.get(provider) if _is_text(provider) else None
        return next((one for one in self.people.values() if one.username == username and one.type == kind), None)

    def _with_id(self, identifier):
        return next((one for one in self.people.values() if one.id == identifier.lower()), None)

    def _shown(self, person):
        shown = {
            "id": person.id,
            "username": person.username,
            "email": person.email,
            "type": person.type,
            "authStatus": person.status,
            "domain": person.domain,
            "roleIds": person.role_ids,
        }
        return {name: value for name, value in shown.items() if value != "" and name not in self.omits}

    # What precedes the operations.

    def _begin(self, received, rights, user=None):
        """``(refusal or None, person with that identifier)``."""
        if self.people[received.authenticated_as].rights not in rights:
            return self.error(403, "User does not have the permission to do this."), None
        if user is None:
            return None, None
        if not re.fullmatch("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", user):
            return self._field_error({"userId": "Value is not a UUID."}), None
        person = self._with_id(user)
        if person is None:
            return self.error(404, "Specified user does not exist.", "RBAC_USERS_ERROR", {"errorCode": ERRORS + "rbac.user_does_not_exist"}), None
        return None, person

    def _begin_change(self, received, user, members):
        """``(refusal or None, person, body)``."""
        refusal, person = self._begin(received, (SUPER_ADMIN, EDIT), user)
        body = None
        if not refusal:
            refusal, body = self._body(received, members)
        if not refusal and "password" in body:
            refusal = self._password_refusal(person, body["password"])
        return refusal, person, body

    def _body(self, received, members, required=()):
        """``(refusal or None, body)``."""
        if received.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return PlainTextResponse("Unsupported Media Type", 415), None
        try:
            body = received.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not body:
            return self.error(400, "Request body is not a JSON object with any field."), None
        wrong = {name: "Field is required." for name in required if name not in body}
        wrong.update(
            {
                name: "Unknown field." if name not in members else "Field has a wrong value."
                for name in body
                if name not in members or not members[name](body[name])
            }
        )
        return (self._field_error(wrong) if wrong else None), body

    def _field_error(self, wrong, code=None):
        """The error about fields, from what is wrong with each."""
        details = {name: [dict({"errorCode": ERRORS + code} if code else {}, errorMessage=message)] for name, message in wrong.items()}
        return self.error(400, "Some fields have incorrect values", "FIELD_ERROR", details)

    def _password_refusal(self, person, new):
        if not person.is_local:
            return None if self.ignores_foreign else self._field_error({"password": "User of another directory has no password here."})
        reason = person.objection(new, self.stig, self.now)
        return self._field_error({"password": reason}, "field_password_not_secure") if reason else None


def _session_id(received):
    scheme, _blank, identifier = received.headers.get("authorization", "").partition(" ")
    return identifier if scheme == "Bearer" else ""


DOUBLE = AriaLogsDouble
