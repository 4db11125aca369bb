# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rackspace and Trove on paper: the list of requests that a call must make, exactly and in this order, and the answer to each."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from ansible_collections.rekey.passwords.plugins.module_utils import _change
from ansible_collections.rekey.passwords.plugins.module_utils._auth import rackspace_identity
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.rackspace_database import RackspaceDatabase
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN, READ, WRITE, Response

from tests.unit.plugins.module_utils.answers import make_answer
from tests.unit.plugins.module_utils.fake_vendor import NEW, Clock, params

API = "https://db.invalid/v1.0/123456"
KEYSTONE = "https://keystone.invalid"
TOKEN = "S3cr3t-MARKER-token"
BY_TOKEN = {"auth_type": "token", "api_token": TOKEN, "endpoint": API}
BY_KEY = {"api_user": "operator", "api_key": "S3cr3t-MARKER-key"}
BY_KEYSTONE = {"auth_type": "keystone", "auth_url": KEYSTONE, "api_user": "operator", "api_password": "S3cr3t-MARKER-operator", "project_name": "shop"}
DATABASE_LOGIN = {"engine": "mysql", "host": None, "port": None, "database": None, "ssl": False, "ca_path": None, "timeout": 5.0}

UNAUTHORIZED = (401, {"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}})
ACCEPTED = (202, "")


def fault(status, name, message, **headers):
    """An answer in the service's usual form."""
    return status, {name: {"code": status, "message": message}}, dict({"X-Openstack-Request-Id": "req-1"}, **headers)


def not_found(user="a@%"):
    """The answer about an unknown user."""
    return fault(404, "itemNotFound", "User %s cannot be found on the instance." % user)


@dataclass
class Call:
    """One expected request; the answer is a status, a body and headers, or makes an exception."""

    method: str
    url: str
    kind: str
    answer: object
    body: object = field(default=None, repr=False)
    token: object = field(default=None, repr=False)


def instance(answer=None, token=TOKEN, identifier="i-1"):
    """The look at the instance."""
    shown = {"instance": {"id": identifier, "status": "ACTIVE", "hostname": "db.example.com", "ip": ["10.0.0.2"]}}
    return Call("GET", API + "/instances/" + identifier, READ, answer or (200, shown), token=token)


def lookup(user="alice%2540%2525", answer=None, token=TOKEN):
    """The look-up of one user."""
    return Call("GET", API + "/instances/i-1/users/" + user, READ, answer or (200, {"user": {"name": user, "host": "%", "databases": []}}), token=token)


def page(names, marker=None, after=None, answer=None):
    """One page of the list of users.

    :param marker: where the page begins.
    :param after: the marker of the next one.
    """
    body = {"users": [{"name": name, "host": "%"} if isinstance(name, str) else {"name": name[0], "host": name[1]} for name in names]}
    if after:
        body["links"] = [{"rel": "next", "href": "https://elsewhere.invalid/users?marker=" + quote(quote(after))}]
    path = "/instances/i-1/users" + ("?marker=" + quote(marker, safe="") if marker else "")
    return Call("GET", API + path, READ, answer or (200, body), token=TOKEN)


def put(*users, answer=ACCEPTED, token=TOKEN):
    """The change: names, or names and passwords, or names, passwords and hosts."""
    wanted = [dict(zip(("name", "password", "host"), (user, NEW) if isinstance(user, str) else user)) for user in users]
    return Call("PUT", API + "/instances/i-1/users", WRITE, answer, {"users": wanted}, token)


def rackspace_login(answer=None, credentials=None, url=rackspace_identity.URL, token=TOKEN, endpoints=None):
    """A login at Rackspace."""
    catalog = [{"type": "rax:database", "endpoints": endpoints or [{"region": "DFW", "publicURL": API}]}]
    body = {"auth": credentials or {"RAX-KSKEY:apiKeyCredentials": {"username": "operator", "apiKey": "S3cr3t-MARKER-key"}}}
    return Call("POST", url + "/tokens", LOGIN, answer or (200, {"access": {"token": {"id": token}, "serviceCatalog": catalog}}), body)


def keystone_login(answer=None, identity=None, scope=True, domains=("Default", "Default"), token=TOKEN, endpoints=None):
    """A login at Keystone."""
    shown = {"name": "operator", "domain": {"name": domains[0]}, "password": "S3cr3t-MARKER-operator"}
    body = {"auth": {"identity": identity or {"methods": ["password"], "password": {"user": shown}}}}
    if scope:
        body["auth"]["scope"] = {"project": {"name": "shop", "domain": {"name": domains[1]}}}
    catalog = [{"type": "database", "endpoints": endpoints or [{"region_id": "One", "interface": "public", "url": API}]}]
    return Call("POST", KEYSTONE + "/v3/auth/tokens", LOGIN, answer or (201, {"token": {"catalog": catalog}}, {"X-Subject-Token": token}), body)


class Wire:
    """Takes the place of the HTTP clients."""

    def __init__(self, monkeypatch, *calls):
        self.left = list(calls)
        self.surprises = []
        self.opened = []
        self.closed = []
        self.scrub = None
        monkeypatch.setattr(_change, "HttpClient", self._connect)

    def _connect(self, url, scrub, **_options):
        self.scrub = scrub
        self.opened.append(url)
        return _Client(self, url)

    def request(self, method, url, kind, body, headers):
        """Compare with the next expected request, and answer it."""
        expected = self.left.pop(0) if self.left else Call("", "nothing more", "", (500, "nothing more was expected"))
        token = dict({"X-Auth-Token": expected.token, "Accept": "application/json"} if expected.token else {})
        wanted = (expected.method, expected.url, expected.kind, expected.body, token)
        if (method, url, kind, body, headers or {}) != wanted:
            # Raised here it would be taken for an unforeseen fault of the vendor.
            self.surprises.append(((method, url, kind, body, headers), wanted))
        if callable(expected.answer):
            raise expected.answer()
        return Response(make_answer(*expected.answer)._response, self.scrub)


class _Client:
    is_local = False

    def __init__(self, wire, url):
        self.base_url = url
        self._wire = wire

    def request(self, method, path, kind, json=None, headers=None):
        """Hand on."""
        return self._wire.request(method, self.base_url + path, kind, json, headers)

    def close(self):
        """Note."""
        self._wire.closed.append(self.base_url)


def run(monkeypatch, calls, *users, check_mode=False, clock=None, **options):
    """The result of a run that makes exactly these requests."""
    wire, clock = Wire(monkeypatch, *calls), clock or Clock()
    options = dict({"url": None, "instance_id": "i-1"}, **options)
    result = _change.set_passwords(RackspaceDatabase, params(RackspaceDatabase, *users, **options), check_mode, clock.sleep, clock)
    assert wire.surprises == []
    assert wire.left == []
    assert wire.closed == wire.opened and len(set(wire.opened)) == len(wire.opened)
    return result


def states(result):
    """What became of each."""
    return [(user["name"], user["state"], user["verified"], user["error"]["kind"] if user["error"] else None) for user in result["users"]]
