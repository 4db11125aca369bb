# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of the double of AWX: how they log in, and what they may see and change."""

from __future__ import annotations

import base64
import binascii
import json

from starlette.responses import JSONResponse

from tests.doubles.base import Double
from tests.doubles.controller_fields import forbidden
from tests.doubles.controller_seeds import VERSION
from tests.doubles.controller_store import Store
from tests.doubles.controller_views import API

SAFE = ("GET", "HEAD", "OPTIONS")
LOGIN_HINT = " To establish a login session, visit /api/login/."
OPEN = ("/api/", API, API + "ping/")
# What everybody may look at.
PUBLIC = ("credential_types", "instance_groups")


class WithPeople(Double):
    """A double with users and their tokens in its store."""

    store: Store

    def people(self, username, password, token, auditor_token):
        """Put users and tokens into the store, those of ``users`` included.

        :param username: the administrator, who is there already.
        :param password: the administrator's password, or ``None``.
        :param token: a token of the administrator, or ``None``.
        :param auditor_token: a token of a system auditor, or ``None`` for no auditor.
        """
        for name, one in list(self.users.items()):
            self.set_user(name, one)
        if password is not None:
            self.set_user(username, password)
        if auditor_token is not None:
            self.store.put("users", self.store.new("users", {"username": "auditor", "is_system_auditor": True}))
        for name, one in ((username, token), ("auditor", auditor_token)):
            if one is not None:
                self.store.put("tokens", self.store.new("tokens", {"token": one, "user": self._user(name)["id"], "description": "of the test"}))

    def is_write(self, received):
        return received.method not in SAFE and not received.path.startswith(API + "tokens/")

    def inspect(self, received):
        received.login, secret = self._credentials(received)
        received.secrets = [secret] if secret else []
        try:
            body = json.loads(received.body or b"{}")
        except ValueError:
            return
        if isinstance(body, dict):
            found = [body, *(body[name] for name in ("inputs", "notification_configuration") if isinstance(body.get(name), dict))]
            texts = [value for part in found for name, value in part.items() if part is body.get("inputs") or name in ("password", "token")]
            received.secrets += [text for text in texts if isinstance(text, str) and text]

    def _credentials(self, received):
        """``(user, password)`` or ``(the token's user or None, token)``; ``(None, None)`` without any."""
        scheme, _space, value = received.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            found = next(iter(self.store.all("tokens", token=value)), None)
            return (self.store.get("users", found["user"])["username"] if found else None), value
        if scheme.lower() == "basic":
            try:
                name, _colon, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None, None
            return name, password
        return None, None

    def authenticate(self, received):
        name, secret = self._credentials(received)
        bearer = received.headers.get("authorization", "").lower().startswith("bearer ")
        if name is not None and (bearer or self.can_log_in(name, secret)):
            received.authenticated_as = name
        elif name is not None:
            self.login_failed(name)
            return JSONResponse({"detail": "Invalid username/password." + LOGIN_HINT}, 401)
        elif received.path not in OPEN:
            return JSONResponse({"detail": "Authentication credentials were not provided." + LOGIN_HINT}, 401)
        if bearer and received.method not in SAFE and "write" not in next(iter(self.store.all("tokens", token=secret)))["scope"].split():
            return self.error(403, "You do not have permission to perform this action.")
        return None

    def _respond(self, received):
        answer = super()._respond(received)
        answer.headers["X-API-Product-Name"] = "AWX"
        if received.authenticated_as:
            answer.headers["X-API-Product-Version"] = VERSION
        return answer

    def _user(self, name):
        return next(iter(self.store.all("users", username=name)), None)

    def can_log_in(self, name, password):
        with self.lock:
            user = self._user(name)
            return user is not None and bool(user["password"]) and user["password"] == password

    def set_user(self, name, password):
        with self.lock:
            user = self._user(name) or self.store.new("users", {"username": name})
            self.store.put("users", {**user, "password": password})
            super().set_user(name, password)

    def remove_user(self, name):
        with self.lock:
            super().remove_user(name)
            self.store.remove("users", (self._user(name) or {}).get("id"))

    def _visible(self, received, kind, items):
        user = self._user(received.authenticated_as)
        if user["is_superuser"] or kind in PUBLIC or (user["is_system_auditor"] and kind != "tokens"):
            return items
        own = {"tokens": ("user", user["id"]), "users": ("id", user["id"]), "execution_environments": ("organization", None)}.get(kind)
        return [item for item in items if own and item[own[0]] == own[1]]

    def _may_change(self, received, kind, item=None):
        user = self._user(received.authenticated_as)
        if not user["is_superuser"] and not (kind == "tokens" and (item is None or item["user"] == user["id"])):
            raise forbidden()
