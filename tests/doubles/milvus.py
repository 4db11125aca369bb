# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the user operations of the Milvus REST API, version 2."""

from __future__ import annotations

import base64
import binascii
import json
import re

from starlette.responses import JSONResponse, PlainTextResponse

from tests.doubles.base import Double

PREFIX = "/v2/vectordb/users/"
UPDATE = PREFIX + "update_password"
LIST = PREFIX + "list"
DESCRIBE = PREFIX + "describe"
CREATE = PREFIX + "create"
DROP = PREFIX + "drop"

# What a server sends when it gave up waiting for itself, by release; the write may happen all the same.
TIMEOUT_2_4 = {"status": 408, "body": "timeout"}
TIMEOUT_2_5 = {"status": 408, "body": {"code": 10001, "message": "request timeout"}}


class MilvusDouble(Double):
    """A Milvus server, or with ``cloud`` something like a Zilliz Cloud cluster.

    :param users: names to passwords; ``root`` with ``Milvus`` is added where it is missing, unless ``cloud``.
    :param admins: who has the admin role.
    :param super_users: the server setting ``superUsers``: these may give any old password, and create unknown users by changing them.
    :param authorization: whether the server checks credentials at all.
    :param success_code: the code of success, 0 or 200, by release.
    :param users_api: ``False`` is a release that has no user operations yet.
    :param max_password: the longest password in bytes that the length check lets through: 72, or 256 before release 2.5.
    :param strict: 8 to 64 characters of three of four classes, as Zilliz Cloud wants them; the default is the value of ``cloud``.
    :param cloud: no HTTP Basic, no root, strict passwords.
    :param api_keys: API keys to the name under which they act, with the rights of an administrator.
    :param options: those of :class:`tests.doubles.base.Double`.
    """

    vendor = "milvus"
    min_password = 6
    bcrypt_limit = 72

    def __init__(
        self,
        users=None,
        *,
        admins=("root", "db_admin"),
        super_users=(),
        authorization=True,
        success_code=0,
        users_api=True,
        max_password=72,
        strict=None,
        cloud=False,
        api_keys=None,
        **options,
    ):
        super().__init__(users, **options)
        if not cloud:
            self.users.setdefault("root", "Milvus")
        self.admins = set(admins)
        self.super_users = set(super_users)
        self.authorization = authorization
        self.success_code = success_code
        self.users_api = users_api
        self.max_password = max_password
        self.cloud = cloud
        self.strict = cloud if strict is None else strict
        self.api_keys = dict(api_keys or {})

    def routes(self):
        return [
            ("POST", UPDATE, self._update_password),
            ("POST", LIST, self._list),
            ("POST", DESCRIBE, self._describe),
            ("POST", CREATE, self._create),
            ("POST", DROP, self._drop),
        ]

    def is_write(self, received):
        return received.path in (UPDATE, CREATE, DROP)

    def inspect(self, received):
        received.login, login_password = self._credentials(received)
        received.secrets = [login_password] if login_password else []
        try:
            body = json.loads(received.body)
        except ValueError:
            return
        if isinstance(body, dict):
            received.user = body["userName"] if isinstance(body.get("userName"), str) else None
            found = [body[key] for key in ("newPassword", "password") if isinstance(body.get(key), str) and body[key]]
            received.secrets = list(dict.fromkeys(found + received.secrets))

    def _credentials(self, received):
        """``(user, password)``; ``(None, key)`` for an API key; ``(None, None)`` for what the server does not understand."""
        # ASGI's headers are read as Latin-1; the client may have sent UTF-8.
        try:
            value = received.headers.get("authorization", "").encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return None, None
        if value[:6].lower() == "basic " and not self.cloud:
            try:
                user, colon, password = base64.b64decode(value[6:], validate=True).decode("utf-8").partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None, None
            return (user, password) if colon else (None, None)
        # Only this spelling of the scheme: with another, the server takes the scheme for a part of the user name.
        if value.startswith("Bearer "):
            user, colon, password = value[7:].partition(":")
            return (user, password) if colon else (None, user)
        return None, None

    def authenticate(self, received):
        if not self.authorization:
            return None
        user, password = self._credentials(received)
        if user and password and self.users.get(user) == password:
            received.authenticated_as = user
        elif user is None and password in self.api_keys:
            received.authenticated_as = received.login = self.api_keys[password]
        else:
            if user in self.users:
                # A name that belongs to nobody has no account whose failed logins could be counted.
                self.login_failed(user)
            return self._failure(1800, "user hasn't authenticated", 401)
        return None

    def not_found(self, received):
        return PlainTextResponse("404 page not found", 404)

    def error(self, status, message):
        return self._failure(65535, message, status)

    def _success(self, data):
        return JSONResponse({"code": self.success_code, "data": data})

    def _failure(self, code, message, status=200):
        return JSONResponse({"code": code, "message": message}, status)

    def _is_admin(self, received):
        acting = received.authenticated_as
        return not self.authorization or acting in self.admins or acting in self.api_keys.values()

    def _begin(self, received, required, privilege, own=False):
        """What precedes every operation.

        :param required: the members of the body that must be there, as text.
        :param privilege: what the server calls the right to do this.
        :param own: whether a user needs no right to do this for itself.
        :returns: ``(refusal or None, body)``.
        """
        if not self.users_api:
            return self.not_found(received), None
        try:
            body = received.json()
        except ValueError:
            return self._failure(1801, "can only accept json format request, error: invalid character"), None
        if not isinstance(body, dict) or any(not isinstance(body.get(name, ""), (str, type(None))) for name in required):
            return self._failure(1801, "can only accept json format request, error: cannot unmarshal into a Go value"), None
        for name in required:
            if not body.get(name):
                label = name[0].upper() + name[1:]
                return self._failure(1802, "missing required parameters, error: Field validation for '%s' failed on the 'required' tag" % label), None
        if not self._is_admin(received) and not (own and body["userName"] == received.authenticated_as):
            return self._failure(
                65535, "rpc error: code = PermissionDenied desc = %s: permission deny to %s" % (privilege, received.authenticated_as), 403
            ), None
        return None, body

    def _password_refusal(self, password):
        length = len(password.encode("utf-8"))
        if not self.min_password <= length <= self.max_password:
            return self._failure(
                1100, "invalid password length: invalid parameter[%d out of range %d <= value <= %d]" % (length, self.min_password, self.max_password)
            )
        if self.strict:
            classes = sum(bool(re.search(pattern, password)) for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
            if not 8 <= len(password) <= 64 or classes < 3:
                return self._failure(1100, "invalid password: 8 to 64 characters with three of upper case, lower case, numbers and special characters")
        return None

    def _bcrypt_refusal(self, password):
        if len(password.encode("utf-8")) > self.bcrypt_limit:
            return self._failure(65535, "encrypt password failed: bcrypt: password length exceeds 72 bytes")
        return None

    def _update_password(self, received):
        refusal, body = self._begin(received, ("userName", "password", "newPassword"), "PrivilegeUpdateUser", own=True)
        if refusal:
            return refusal
        name, new = body["userName"], body["newPassword"]
        refusal = self._password_refusal(new)
        if refusal:
            return refusal
        if received.authenticated_as not in self.super_users and self.users.get(name) != body["password"]:
            return self._failure(1400, "old password not correct for %s: not authenticated" % name)
        refusal = self._bcrypt_refusal(new)
        if refusal:
            return refusal
        # No look at whether the user exists: that is the danger of superUsers, the user comes into being.
        self.commit(received, lambda: self.users.update({name: new}))
        return self._success({})

    def _list(self, received):
        refusal, _body = self._begin(received, (), "PrivilegeSelectOwnership")
        return refusal or self._success(list(self.users))

    def _describe(self, received):
        refusal, body = self._begin(received, ("userName",), "PrivilegeSelectUser", own=True)
        if refusal:
            return refusal
        if body["userName"] not in self.users:
            return self._failure(65535, "user not found: %s" % body["userName"])
        return self._success(["admin"] if body["userName"] in self.admins else ["public"])

    def _create(self, received):
        refusal, body = self._begin(received, ("userName", "password"), "PrivilegeCreateOwnership")
        if refusal:
            return refusal
        name, password = body["userName"], body["password"]
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            return self._failure(1100, "invalid user name")
        refusal = self._password_refusal(password) or self._bcrypt_refusal(password)
        if refusal:
            return refusal
        if name in self.users:
            return self._failure(65535, "user already exists: %s" % name)
        self.commit(received, lambda: self.users.update({name: password}))
        return self._success({})

    def _drop(self, received):
        refusal, body = self._begin(received, ("userName",), "PrivilegeDropOwnership")
        if refusal:
            return refusal
        if body["userName"] == "root":
            return self._failure(1401, "root user cannot be deleted")
        self.commit(received, lambda: self.users.pop(body["userName"], None))
        return self._success({})


DOUBLE = MilvusDouble
