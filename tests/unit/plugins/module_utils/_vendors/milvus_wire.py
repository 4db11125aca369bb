# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Milvus on paper: the list of requests that a call must make, exactly and in this order, and the answer to each."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from ansible_collections.rekey.passwords.plugins.module_utils import _change
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.milvus import Milvus
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN, READ, WRITE, Response

from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD, ROOT, Clock, params

OPERATOR = {"api_user": "root", "api_password": ROOT}
OK = (200, {"code": 0, "data": {}})
REFUSED = (401, {"code": 1800, "message": "user hasn't authenticated"})
WRONG = (200, {"code": 1400, "message": "old password not correct for alice: not authenticated"})


@dataclass
class Call:
    """One expected request; the answer is a status and a body, or makes an exception."""

    operation: str
    kind: str
    authorization: bytes
    body: dict
    answer: object


def bearer(user, password):
    """A login as a bearer token."""
    return ("Bearer %s:%s" % (user, password)).encode()


def basic(user, password):
    """A login as HTTP Basic."""
    return b"Basic " + base64.b64encode(("%s:%s" % (user, password)).encode())


AS_ROOT = bearer("root", ROOT)


def listing(*names, authorization=AS_ROOT, answer=None):
    """The look-up of all users."""
    return Call("list", READ, authorization, {}, answer or (200, {"code": 0, "data": list(names)}))


def probe(password, answer, user="alice", scheme=bearer):
    """A look whether a login works."""
    return Call("describe", LOGIN, scheme(user, password), {"userName": user}, answer)


class _Nobody:
    """The login of a user that there is not, in whatever words."""

    def __eq__(self, other):
        return isinstance(other, bytes) and other.startswith(b"Bearer rekey_") and len(other) > 40

    def __repr__(self):
        return "the login of nobody"


def anonymous(answer=REFUSED, user="alice"):
    """A look whether the server checks logins at all."""
    return Call("describe", LOGIN, _Nobody(), {"userName": user}, answer)


def update(old=OLD, new=NEW, user="alice", authorization=AS_ROOT, answer=OK):
    """The change."""
    return Call("update_password", WRITE, authorization, {"userName": user, "password": old, "newPassword": new}, answer)


class _Answer:
    """What requests would hand on."""

    def __init__(self, status, body):
        self.status_code = status
        self.headers = {"Content-Type": "application/json; charset=utf-8"}
        self.text = body if isinstance(body, str) else json.dumps(body)
        self.content = self.text.encode()

    def json(self):
        """The parsed body."""
        return json.loads(self.text)


class Wire:
    """Takes the place of the HTTP client; a context manager that fails on one request too few."""

    base_url = "https://milvus.invalid"
    is_local = False

    def __init__(self, monkeypatch, *calls):
        self.left = list(calls)
        self.surprises = []
        self.closed = 0
        self._scrub = None
        monkeypatch.setattr(_change, "HttpClient", self._connect)

    def _connect(self, url, scrub, **_options):
        assert url == self.base_url
        self._scrub = scrub
        return self

    def request(self, method, path, kind, json=None, headers=None):  # pylint: disable=redefined-outer-name
        """Compare with the next expected request, and answer it."""
        expected = self.left.pop(0) if self.left else Call("nothing more", "", None, {}, OK)
        wanted = ("POST", "/v2/vectordb/users/" + expected.operation, expected.kind, {"Authorization": expected.authorization}, expected.body)
        headers = dict({"Authorization": None}, **headers)
        if (method, path, kind, headers, json) != wanted:
            # Raised here it would be taken for an unforeseen fault of the vendor.
            self.surprises.append(((method, path, kind, headers, json), wanted))
        if callable(expected.answer):
            raise expected.answer()
        return Response(_Answer(*expected.answer), self._scrub)

    def close(self):
        """Count."""
        self.closed += 1


def run(monkeypatch, calls, *users, check_mode=False, **options):
    """The result of a run that makes exactly these requests."""
    wire, clock = Wire(monkeypatch, *calls), Clock()
    result = _change.set_passwords(Milvus, params(Milvus, *users, **dict({"url": Wire.base_url}, **options)), check_mode, clock.sleep, clock)
    assert wire.surprises == []
    assert wire.left == []
    assert wire.closed == (1 if calls else 0)
    return result


def alice(**more):
    """The user of most tests."""
    return dict({"name": "alice", "password": NEW, "current_password": OLD}, **more)


def seen(result):
    """What became of the first user."""
    user = result["users"][0]
    return user["state"], user["verified"], user["error"]["kind"] if user["error"] else None, result["changed"], result["failed"]
