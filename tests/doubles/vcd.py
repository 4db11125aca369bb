# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the users of VMware Cloud Director; versions, sessions and tokens are in the class above it."""

from __future__ import annotations

import dataclasses
import re
from typing import NamedTuple

from starlette.responses import Response

from tests.doubles.vcd_people import ROLES, urn

# The names that tests want are to be had here, all of them.
from tests.doubles.vcd_sessions import (  # noqa: F401 pylint: disable=unused-import
    CURRENT,
    LOGIN,
    OPERATOR,
    OPERATOR_API_TOKEN,
    OPERATOR_PASSWORD,
    PROVIDER_LOGIN,
    REFUSALS,
    ROOT,
    SYSTEM,
    SYSTEM_API_TOKEN,
    SYSTEM_OPERATOR,
    SYSTEM_PASSWORD,
    TELLS_LOCKED,
    TOKEN,
    VERSIONS,
    VcdSessionsDouble,
    number,
)

# Ends of paths, for faults; one user's ends with its ``urn``.
SEARCH = "/1.0.0/users"
CHANGE = "/changePassword"

VALUE = r"(?:[^\\(),;]|\\[\\(),;])+"
PROVIDER_TYPES = ("LOCAL", "LDAP", "SAML", "OAUTH")


class Member(NamedTuple):
    """A member of a user in the API; ``restricted`` ones are shown to administrators only."""

    attribute: str | None
    kind: type = str
    default: object = None
    since: str = "35.0"
    until: str = "1000.0.0"
    read_only: bool = False
    searchable: bool = True
    sortable: bool = True
    restricted: bool = True


MEMBERS = {
    "username": Member("name", restricted=False),
    "fullName": Member("full_name", default="", restricted=False),
    "description": Member("description", default="", restricted=False),
    "id": Member("urn", read_only=True, sortable=False, restricted=False),
    "roleEntityRefs": Member("role_refs", list, searchable=False, sortable=False, restricted=False),
    "orgEntityRef": Member("org_ref", dict, read_only=True, searchable=False, sortable=False, restricted=False),
    "password": Member(None, searchable=False, sortable=False),
    "deployedVmQuota": Member("deployed_vm_quota", int, 0, until="37.0"),
    "storedVmQuota": Member("stored_vm_quota", int, 0, until="37.0"),
    "email": Member("email"),
    "nameInSource": Member("name", read_only=True),
    "enabled": Member("enabled", bool, True),
    "isGroupRole": Member("is_group_role", bool, read_only=True, searchable=False, sortable=False),
    "providerType": Member("provider_type", default="LOCAL"),
    "locked": Member("locked", bool, since="37.2"),
    "stranded": Member("stranded", bool, since="37.2", read_only=True),
}


class Filter:
    """A filter in FIQL: comparisons joined by ``,`` (or) and ``;`` (and, which binds tighter), with parentheses.

    :param text: the filter; nothing matches everything.
    :param fields: what may be compared.
    :param flags: those of :mod:`re`.
    :raises ValueError: it cannot be understood.
    """

    def __init__(self, text, fields, flags=0):
        self._text, self._fields, self._flags, self._at = text, fields, flags, 0
        self._tree = self._either() if text else lambda get: True
        if self._at != len(text):
            raise ValueError("the filter has something behind its end")

    def matches(self, get):
        """Whether something matches.

        :param get: gives the text of a field.
        """
        return self._tree(get)

    def _take(self, sign):
        found = self._text.startswith(sign, self._at)
        self._at += found
        return found

    def _either(self):
        terms = [self._both()]
        while self._take(","):
            terms.append(self._both())
        return lambda get: any(term(get) for term in terms)

    def _both(self):
        terms = [self._one()]
        while self._take(";"):
            terms.append(self._one())
        return lambda get: all(term(get) for term in terms)

    def _one(self):
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise ValueError("the filter lacks a parenthesis")
            return inner
        found = re.compile("([A-Za-z]+)(==|!=)(%s)" % VALUE, re.DOTALL).match(self._text, self._at)
        if found is None or found[1] not in self._fields:
            raise ValueError("the filter has no comparison with a known field at %d" % self._at)
        self._at = found.end()
        # Only an unescaped star is a wildcard, and there is no other: it cannot be escaped.
        parts = re.findall(r"\\(.)|(.)", found[3], re.DOTALL)
        wanted = re.compile("".join(".*" if plain == "*" else re.escape(escaped or plain) for escaped, plain in parts), self._flags | re.DOTALL)
        return lambda get: (wanted.fullmatch(get(found[1])) is not None) == (found[2] == "==")


class VcdDouble(VcdSessionsDouble):
    """A server with one tenant and the provider. An administrator sees and changes the users of its own organisation.

    :param users: those of the tenant, names to passwords.
    :param strict: 15 characters and four classes, as VCF Automation 9 wants them.
    :param ends_sessions: ``none``, ``others`` or ``all``: which sessions of a user end with the change of its password.
    :param wrong_current_counts: whether a wrong current password counts like a bad login.
    :param ignore_case: whether filters do.
    :param provider_sees_all: whether an administrator of the provider has the users of the tenant in its sight, too.
    :param self_service: whether a user without rights may look at itself, without the restricted members, and put its own password there.
    :param shown_password: what stands in the place of the password of a user; ``None`` leaves the member out.
    :param nulls: whether members that are not set are shown as ``null`` instead of being left out.
    :param options: those of :class:`tests.doubles.vcd_sessions.VcdSessionsDouble`.
    """

    def __init__(
        self,
        users=None,
        *,
        strict=False,
        ends_sessions="none",
        wrong_current_counts=False,
        ignore_case=True,
        provider_sees_all=False,
        self_service=False,
        shown_password=None,
        nulls=False,
        **options,
    ):
        super().__init__(users, **options)
        self.strict = strict
        self.ends_sessions = ends_sessions
        self.wrong_current_counts = wrong_current_counts
        self.ignore_case = ignore_case
        self.provider_sees_all = provider_sees_all
        self.self_service = self_service
        self.shown_password = shown_password
        self.nulls = nulls

    def routes(self):
        users = ROOT + "/users"
        return super().routes() + [
            ("GET", users, self.since("35.0", self._list)),
            ("GET", users + "/{user}", self.since("35.0", self._show)),
            ("PUT", users + "/{user}", self.since("35.0", self._update)),
            ("POST", users + "/{user}/changePassword", self.since("36.3", self._change)),
        ]

    def is_write(self, received):
        return received.path.startswith(ROOT + "/users") and received.method not in ("GET", "HEAD")

    def inspect(self, received):
        super().inspect(received)
        if not received.path.startswith(ROOT + "/users"):
            return
        named = re.search("username==(%s)" % VALUE, (self.query(received, "filter", "sortAsc", "sortDesc", "page", "pageSize") or {}).get("filter", ""))
        received.user = re.sub(r"\\(.)", r"\1", named[1]) if named else None
        person = self._by_urn.get(received.path[len(ROOT + "/users/") :].partition("/")[0])
        if person:
            received.user = person.name
        body = self._body(received)
        if body is not None:
            found = [body[name] for name in ("newPassword", "currentPassword", "password") if isinstance(body.get(name), str) and body[name]]
            received.secrets = list(dict.fromkeys(found + received.secrets))

    @staticmethod
    def _body(received):
        try:
            body = received.json()
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    def _begin(self, received):
        """What precedes every change: the refusal, or ``None``."""
        if received.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return self.refuse("media")
        return self.refuse("bad_request") if self._body(received) is None else None

    # Changing the own password.

    def _change(self, received, user):
        refusal = self._begin(received)
        if refusal:
            return refusal
        body, person = self._body(received), received.session.person
        if sorted(body) != ["currentPassword", "newPassword"] or not all(isinstance(value, str) for value in body.values()):
            return self.refuse("bad_request")
        if user != person.urn:
            return self.refuse("forbidden")
        refusal = self._change_refusal(person, body["currentPassword"], body["newPassword"])
        if refusal:
            return self.refuse(refusal)
        self.commit(received, lambda: self._set_password(person, body["newPassword"], received.session))
        return Response(status_code=204)

    def _change_refusal(self, person, current, new):
        if person.provider_type != "LOCAL":
            return "not_local"
        if person.org.users[person.name] != current:
            if self.wrong_current_counts:
                self.bad_login(person.org, person.name)
            return "wrong_current"
        return "same" if new == current else self._policy_refusal(new)

    def _policy_refusal(self, password):
        classes = sum(bool(re.search(pattern, password)) for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
        return "policy" if not 6 <= len(password) <= 128 or (self.strict and (len(password) < 15 or classes < 4)) else None

    def _set_password(self, person, password, session):
        person.org.users[person.name] = password
        if self.ends_sessions != "none":
            self.end_sessions(person, "password changed", session if self.ends_sessions == "others" else None)

    # Looking.

    @staticmethod
    def _members(version, restricted=True):
        """The members that a user has in this version."""
        return {
            name: member
            for name, member in MEMBERS.items()
            if number(member.since) <= number(version) < number(member.until) and (restricted or not member.restricted)
        }

    def _in_sight(self, received, person):
        """Whether the caller may do with this user what it asks for."""
        caller = received.session.person
        if not caller.is_admin:
            return self.self_service and person is caller
        return person.org is caller.org or (caller.org is self.system and self.provider_sees_all)

    def _shown(self, received, person):
        """A user as the caller sees it."""
        shown = {
            name: getattr(person, member.attribute) if member.attribute else self.shown_password
            for name, member in self._members(received.version, received.session.person.is_admin).items()
        }
        return {name: value for name, value in shown.items() if self.nulls or value is not None}

    def _list(self, received):
        query = self.query(received, "filter", "sortAsc", "sortDesc", "page", "pageSize")
        if not received.session.person.is_admin:
            return self.refuse("forbidden")
        if query is None:
            return self.refuse("bad_request")
        members = self._members(received.version)
        sort = query.get("sortAsc") or query.get("sortDesc") or "username"
        try:
            wanted = Filter(query.get("filter", ""), [name for name in members if members[name].searchable], re.IGNORECASE if self.ignore_case else 0)
        except ValueError as error:
            return self.refuse("bad_request", str(error))
        if sort not in members or not members[sort].sortable:
            return self.refuse("bad_request", "The field cannot be sorted by.")
        found = [
            person
            for person in self._by_urn.values()
            if self._in_sight(received, person) and wanted.matches(lambda name, person=person: _text(getattr(person, members[name].attribute)))
        ]
        found.sort(key=lambda person: _text(getattr(person, members[sort].attribute)), reverse=bool(query.get("sortDesc")))
        return self.page(received, query, found, lambda person: self._shown(received, person), "VcdUsers")

    def _show(self, received, user):
        person = self._by_urn.get(user)
        if person is None or not self._in_sight(received, person):
            return self.refuse("forbidden")
        return self.json(received, self._shown(received, person))

    # Changing a user.

    def _update(self, received, user):
        person = self._by_urn.get(user)
        refusal = self._begin(received)
        if refusal:
            return refusal
        if person is None or not self._in_sight(received, person):
            return self.refuse("forbidden")
        # The password may always be null; the others only where the server shows them so.
        body = {name: value for name, value in self._body(received).items() if value is not None or not (self.nulls or name == "password")}
        password = body.pop("password", None)
        members = self._members(received.version, received.session.person.is_admin)
        problem = next(_problems(body, person, members), None)
        if problem or not isinstance(password, (str, type(None))):
            return self.refuse("bad_request", problem)
        if password is not None:
            refusal = "not_local" if person.provider_type != "LOCAL" else self._policy_refusal(password)
            if refusal:
                return self.refuse(refusal)
        if not received.session.person.is_admin and any(body.get(name) != getattr(person, members[name].attribute) for name in members):
            return self.refuse("forbidden")
        # What is left out does not stay as it was: a client that sends a part only does harm.
        changes = {
            member.attribute: body.get(name, member.default)
            for name, member in members.items()
            if not member.read_only and member.attribute and name not in ("username", "roleEntityRefs", "locked")
        }
        changes["roles"] = [role for wanted in body["roleEntityRefs"] for role in ROLES if wanted["id"] == urn("role", role)]
        unlocks = body.get("locked") is False
        self.commit(received, lambda: self._apply_update(received, person, changes, password, unlocks))
        return self.json(received, self._shown(received, dataclasses.replace(person, locked=person.locked and not unlocks, **changes)))

    def _apply_update(self, received, person, changes, password, unlocks):
        for attribute, value in changes.items():
            setattr(person, attribute, value)
        if password is not None:
            self._set_password(person, password, received.session)
        if unlocks:
            self.unlock(person)


def _text(value):
    """A value as filters and sorting see it."""
    return str(value).lower() if isinstance(value, bool) else str("" if value is None else value)


def _problems(body, person, members):
    """What is wrong with a user that is to be put; without any value, since it could be a secret in a wrong place."""
    for name in body:
        if name not in members:
            yield "%s is not a member." % name
    for name in ("username", "roleEntityRefs"):
        if name not in body:
            yield "%s is missing." % name
    for name, value in body.items():
        if type(value) is not members[name].kind:  # pylint: disable=unidiomatic-typecheck
            yield "%s has the wrong type." % name
        elif (members[name].read_only or name == "username") and value != getattr(person, members[name].attribute):
            yield "%s cannot be changed." % name
    roles = [urn("role", role) for role in ROLES]
    if not body["roleEntityRefs"] or not all(isinstance(one, dict) and set(one) <= {"name", "id"} and one.get("id") in roles for one in body["roleEntityRefs"]):
        yield "roleEntityRefs must have known roles."
    if body.get("providerType", "LOCAL") not in PROVIDER_TYPES:
        yield "providerType is unknown."
    if not re.fullmatch("[^@ ]+@[^@ ]+", body.get("email", "a@b")):
        yield "email is not an address."
    if body.get("locked") and not person.locked:
        yield "A user cannot be locked, only disabled."


DOUBLE = VcdDouble
