# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the users of the Acronis Account Management API, version 2; its tokens are in the class above it."""

from __future__ import annotations

import base64
import json
import re
import uuid

from starlette.responses import JSONResponse, Response

from tests.doubles.acronis_identity import BASE, CLIENT_ID, CLIENT_TENANT, AcronisIdentityDouble, Refusal, is_identity, media_type, pairs

# Ends of paths; those of the tokens are LOGIN and REVOKE.
CLIENT = "/clients/" + CLIENT_ID
SEARCH = "/search"
USERS = "/users"
ME = "/users/me"
CHECK_LOGIN = "/users/check_login"
CHANGE = "/password"
MAIL = "/send-activation-email"

ADMIN, VIEWER = "user_admin", "tenant_viewer"
UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
# In front of every cursor: pluses, which are lost where a client does not encode it.
CURSOR = b"\xfb\xef\xbe"


class AcronisDouble(AcronisIdentityDouble):
    """A data centre. What the vendor does not document is an option, with a guess as its default.

    :param users: names to passwords; with ``None`` as the password, a user that was not activated yet. All are in the customer below the client's tenant.
    :param scopes: what the client may do: ``user_admin`` to change, ``tenant_viewer`` to look.
    :param page_size: how many users a listing has at most, whatever the client asks for.
    :param last_paging: the member ``paging`` of the last page; ``None`` for none.
    :param basic_leaves_out: what a listing with less than the full level of detail does not show.
    :param hides_outsiders: users and tenants that the client may not see are answered with 404 instead of 403.
    :param refuses_root_tenant: no password is set for users of the client's own tenant.
    :param refuses_disabled: no password is set for disabled users.
    :param refuses_external: no password is set for users of an external identity provider.
    :param refuses_same_password: the new password must be another one.
    :param history: how many earlier passwords are refused.
    :param min_password: the shortest password in characters.
    :param max_password: the longest; ``None`` for no limit.
    :param rule_status: the status with which a password is refused that breaks a rule.
    :param change_unlocks: a new password unlocks the user.
    :param options: those of :class:`tests.doubles.acronis_identity.AcronisIdentityDouble`.
    """

    vendor = "acronis"

    def __init__(
        self,
        users=None,
        *,
        scopes=(ADMIN, VIEWER),
        page_size=2000,
        last_paging=None,
        basic_leaves_out=("mfa_status", "personal_tenant_id"),
        hides_outsiders=False,
        refuses_root_tenant=True,
        refuses_disabled=True,
        refuses_external=False,
        refuses_same_password=False,
        history=0,
        min_password=1,
        max_password=None,
        rule_status=400,
        change_unlocks=False,
        **options,
    ):
        super().__init__(users, **options)
        self.scopes = set(scopes)
        self.page_size = page_size
        self.last_paging = last_paging
        self.basic_leaves_out = tuple(basic_leaves_out)
        self.hides_outsiders = hides_outsiders
        self.refuses_root_tenant = refuses_root_tenant
        self.refuses_disabled = refuses_disabled
        self.refuses_external = refuses_external
        self.refuses_same_password = refuses_same_password
        self.history = history
        self.min_password = min_password
        self.max_password = max_password
        self.rule_status = rule_status
        self.change_unlocks = change_unlocks

    def routes(self):
        user = BASE + USERS + "/{user_id}"
        return super().routes() + [
            ("GET", BASE + "/clients/{client_id}", self._show_client),
            ("GET", BASE + SEARCH, self._search),
            ("GET", BASE + USERS, self._list),
            ("GET", BASE + CHECK_LOGIN, self._check_login),
            ("GET", BASE + ME, self._show_me),
            ("GET", user, self._show_user),
            ("POST", user + CHANGE, self._set_password),
            ("POST", user + MAIL, self._send_mail),
        ]

    def is_write(self, received):
        return received.method not in ("GET", "HEAD", "OPTIONS") and not is_identity(received)

    def inspect(self, received):
        super().inspect(received)
        if is_identity(received):
            return
        identifier = re.match(BASE + USERS + "/([^/]+)", received.path)
        person = self._by_id(identifier.group(1)) if identifier else None
        query = pairs(received.query) or {}
        received.user = person.name if person else query.get("text") or query.get("username")
        body = _json(received)
        if isinstance(body, dict) and isinstance(body.get("password"), str) and body["password"]:
            received.secrets.insert(0, body["password"])

    def authenticate(self, received):
        return self.check_token(received) if received.path.startswith(BASE + "/") and not is_identity(received) else None

    def not_found(self, received):
        if any(route.path_regex.match(received.path) for route, _handler in self._routes):
            return self.error(405, "Method not allowed")
        return self.error(404, "Not found")

    def reset(self):
        with self.lock:
            super().reset()
            self.mails = []

    def user_path(self, name):
        """The end of the path of a user."""
        return "%s/%s" % (USERS, self.people[name].id)

    # What precedes the work on a request.

    def _refuse(self, status, message, code=None):
        raise Refusal(self.error(status, message, code))

    def _refuse_access(self):
        self._refuse(403, "Access denied", 1002)

    def _may(self, received, scope):
        """Refuse whoever is no client, and a client without the right."""
        accepted = {one.partition(";")[0].strip() for one in received.headers.get("accept", "*/*").split(",")}
        if not {"*/*", "application/*", "application/json"} & accepted:
            self._refuse(415, "Unsupported media type")
        if received.token.kind != "client" or scope not in self.scopes:
            self._refuse_access()

    def _query(self, received, required=(), optional=()):
        """The members of the query, of which none may be missing, unknown or there twice."""
        query = pairs(received.query)
        if query is None or not set(required) <= set(query) <= {*required, *optional}:
            self._refuse(400, "Bad request")
        if not re.fullmatch("[1-9][0-9]{0,8}", query.get("limit", "1")) or query.get("allow_deleted", "true") not in ("true", "false"):
            self._refuse(400, "Bad request")
        return query

    def _check_reach(self, received, tenant_id):
        if received.token.tenant not in self.tenant_path(tenant_id):
            if self.hides_outsiders:
                self._refuse(404, "Not found")
            self._refuse_access()

    def _subtree(self, received, tenant_id):
        """The identifiers of a tenant and of all below it, if the token reaches it."""
        if tenant_id not in self.tenants:
            self._refuse(404, "Tenant not found", 1005)
        self._check_reach(received, tenant_id)
        return {one for one in self.tenants if tenant_id in self.tenant_path(one)}

    def _by_id(self, user_id):
        return next((one for one in self.people.values() if one.id == user_id), None)

    def _find(self, received, user_id, deleted=False):
        """The user, if there is one and the token reaches it."""
        person = self._by_id(user_id)
        if person is None or (person.deleted_at and not deleted):
            self._refuse(404, "Not found")
        self._check_reach(received, person.tenant_id)
        return person

    def _sorted(self, query):
        return sorted((one for one in self.people.values() if not one.deleted_at or query.get("allow_deleted") == "true"), key=lambda one: one.id)

    # Looking.

    def _show_client(self, received, client_id):
        self._may(received, VIEWER)
        self._query(received)
        if client_id != self.client_id:
            self._refuse(404, "Not found")
        return JSONResponse({"client_id": client_id, "tenant_id": CLIENT_TENANT, "type": "api_client"})

    def _search(self, received):
        self._may(received, VIEWER)
        query = self._query(received, ("tenant", "text"), ("limit", "allow_deleted"))
        text, inside = query["text"].lower(), self._subtree(received, query["tenant"])
        # Tenants first: who takes the first best hit finds out here.
        hits = [
            {"obj_type": "tenant", "id": one.id, "parent_id": one.parent, "path": self.tenant_path(one.id), "kind": one.kind, "name": one.name}
            for one in self.tenants.values()
            if one.id in inside and text in one.name.lower()
        ]
        hits += [
            {
                "obj_type": "user",
                "id": one.id,
                "parent_id": one.tenant_id,
                "path": self.tenant_path(one.tenant_id),
                "login": one.login,
                "first_name": one.first_name,
                "last_name": one.last_name,
                "deleted_at": one.deleted_at,
            }
            for one in self._sorted(query)
            if one.tenant_id in inside and any(text in value.lower() for value in (one.login, one.email, one.first_name, one.last_name))
        ]
        return JSONResponse({"items": hits[: int(query.get("limit", 10))]})

    def _list(self, received):
        self._may(received, VIEWER)
        query = self._query(received, (), ("uuids", "external_ids", "tenant_id", "subtree_root_tenant_id", "limit", "after", "lod", "allow_deleted"))
        chosen = set(query) & {"uuids", "external_ids", "subtree_root_tenant_id"}
        if len(chosen) != 1 or ("external_ids" in query) != ("tenant_id" in query) or query.get("lod", "full") not in ("stamps", "basic", "full"):
            self._refuse(400, "Bad request")
        after = self._cursor(query["after"]) if "after" in query else ""
        inside = self._subtree(received, query.get("subtree_root_tenant_id", received.token.tenant))
        if "external_ids" in query:
            inside = self._subtree(received, query["tenant_id"]) & {query["tenant_id"]}
        wanted = {name: query[name].split(",") for name in ("uuids", "external_ids") if name in query}
        rest = [
            one
            for one in self._sorted(query)
            if one.id > after
            and one.tenant_id in inside
            and one.id in wanted.get("uuids", (one.id,))
            and one.external_id in wanted.get("external_ids", (one.external_id,))
        ]
        page = rest[: min(int(query.get("limit", 2000)), self.page_size)]
        leave_out = () if query.get("lod", "full") == "full" else self.basic_leaves_out
        answer = {"timestamp": self.date(), "items": [_shown(one, leave_out) for one in page]}
        if len(rest) > len(page):
            answer["paging"] = {"cursors": {"after": base64.b64encode(CURSOR + uuid.UUID(page[-1].id).bytes).decode("ascii")}}
        elif self.last_paging is not None:
            answer["paging"] = self.last_paging
        return JSONResponse(answer)

    def _cursor(self, text):
        try:
            found = base64.b64decode(text, validate=True)
        except ValueError:
            found = b""
        if len(found) != len(CURSOR) + 16 or not found.startswith(CURSOR):
            self._refuse(400, "Bad request")
        return str(uuid.UUID(bytes=found[len(CURSOR) :]))

    def _check_login(self, received):
        self._may(received, VIEWER)
        if self.find_login(self._query(received, ("username",))["username"]):
            self._refuse(409, "Another object of the same type already exists")
        return Response(status_code=204)

    def _show_me(self, received):
        self._query(received)
        if received.token.kind != "user":
            self._refuse(401, "Unauthorized")
        return JSONResponse(_shown(self.people[received.token.owner]))

    def _show_user(self, received, user_id):
        query = self._query(received, (), ("allow_deleted",))
        if (received.token.kind, received.token.owner) != ("user", received.user):
            self._may(received, VIEWER)
        return JSONResponse(_shown(self._find(received, user_id, query.get("allow_deleted") == "true")))

    # Changing.

    def _set_password(self, received, user_id):
        self._may(received, ADMIN)
        self._query(received)
        if not UUID.fullmatch(user_id):
            self._refuse(404, "Not found")
        if media_type(received) != "application/json":
            self._refuse(415, "Unsupported media type")
        body = _json(received)
        if not isinstance(body, dict) or list(body) != ["password"] or not isinstance(body["password"], str):
            self._refuse(400, "Bad request")
        person, password = self._find(received, user_id), body["password"]
        self._check_person(person)
        if (
            not self.min_password <= len(password) <= (self.max_password or len(password))
            or (self.refuses_same_password and self.users[person.name] == password)
            or (self.history and password in person.previous[-self.history :])
        ):
            self._refuse(self.rule_status, "The operation is not allowed by business rules", 1027)
        self.commit(received, lambda: self._change(person, password))
        return Response(status_code=204)

    def _check_person(self, person):
        """Refuse to change a user that is not to be changed; the codes are the vendor's, the status is the only one it has for this path."""
        if self.refuses_root_tenant and person.tenant_id == CLIENT_TENANT:
            self._refuse_access()
        lineage = self.lineage(person.tenant_id)
        if not all(one.enabled for one in lineage):
            self._refuse(403, "Parent tenant is disabled", 1003)
        if any(one.locked for one in lineage):
            self._refuse(403, "Tenant is locked", 1012)
        if self.refuses_disabled and not person.enabled:
            self._refuse(403, "User is disabled", 1018)
        if self.refuses_external and person.external_id:
            self._refuse(403, "The operation is not allowed by business rules", 1027)

    def _change(self, person, password):
        # Where the change comes late, the user may have gone.
        if self.people.get(person.name) is not person:
            return
        self._keep(person, password)
        # The side effect of which the vendor warns.
        person.activated = True
        if self.change_unlocks:
            person.locked, person.failures = False, 0
        person.version += 1
        person.updated_at = self.date()

    def _send_mail(self, received, user_id):
        self._may(received, ADMIN)
        self._query(received)
        person = self._find(received, user_id)
        self.commit(received, lambda: self.mails.append(person.name))
        return Response(status_code=204)


def _shown(person, leave_out=()):
    """A user as the vendor shows it."""
    optional = {"idp_id": person.idp_id, "external_id": person.external_id, "mfa_status": person.mfa_status}
    members = {
        "id": person.id,
        "version": person.version,
        "tenant_id": person.tenant_id,
        "login": person.login,
        "activated": person.activated,
        "enabled": person.enabled,
        "contact": {"email": person.email, "firstname": person.first_name, "lastname": person.last_name},
        "created_at": person.created_at,
        "updated_at": person.updated_at,
        "deleted_at": person.deleted_at,
        "language": "en",
        "personal_tenant_id": None,
        "business_types": [],
        "notifications": [],
        **{name: value for name, value in optional.items() if value is not None},
    }
    return {name: value for name, value in members.items() if name not in leave_out}


def _json(received):
    """The body; ``None`` where it is not JSON in UTF-8."""
    try:
        body = json.loads(received.body.decode("utf-8"))
        # Half of a surrogate pair passes for JSON, but is no text.
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except ValueError:
        return None
    return body


DOUBLE = AcronisDouble
