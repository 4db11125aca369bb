# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rackspace Cloud Databases and OpenStack Trove: users of database instances, by the API v1.0.

Both have the same API; only the way to a token differs. Source: OpenStack's Database API reference and Rackspace's Cloud Databases guide, and the
behaviour of Trove's own server: it answers 202 before the database has been asked, and never tells what the database said.
"""

from __future__ import annotations

import os
import re
import threading
from urllib.parse import parse_qs, quote, unquote, urlsplit

from ansible.module_utils.basic import missing_required_lib

from .. import errors
from ..auth import database_login, keystone, rackspace_identity
from ..auth.service_token import ServiceToken, text_at
from ..errors import VendorError
from ..http import READ, WRITE
from ..vendor import Capabilities, GeneratedPassword, Vendor

_FORBIDDEN = "'\";,/\\`"
_RESERVED = ("root", "os_admin")
_NAME_LENGTH = 16
# One look-up each costs less than a listing, up to so many.
_SINGLE_LOOKUPS = 5
_PAGE = 100

# What each way to a token needs: one alternative of each.
_NEEDS = {
    "rackspace": [[("api_user", "api_key"), ("api_user", "api_password")]],
    "keystone": [
        [("auth_url",)],
        [("api_user", "api_password", "project_name"), ("application_credential_id", "application_credential_secret")],
    ],
    "token": [[("api_token", "endpoint")]],
}
# The variables of each service's own tools. The names of both may be in one environment, so it depends on auth_type which of them count.
_ENVIRONMENT = {
    "rackspace": dict(
        api_user="RACKSPACE_USERNAME", api_key="RACKSPACE_API_KEY", api_password="RACKSPACE_API_PASSWORD", account_id="RACKSPACE_ACCOUNT_ID",
        auth_url="RACKSPACE_AUTH_URL", region="RACKSPACE_REGION", endpoint="RACKSPACE_DATABASE_ENDPOINT",
    ),
    "keystone": dict(
        api_user="OS_USERNAME", api_password="OS_PASSWORD", project_name="OS_PROJECT_NAME", user_domain_name="OS_USER_DOMAIN_NAME",
        project_domain_name="OS_PROJECT_DOMAIN_NAME", application_credential_id="OS_APPLICATION_CREDENTIAL_ID",
        application_credential_secret="OS_APPLICATION_CREDENTIAL_SECRET", auth_url="OS_AUTH_URL", region="OS_REGION_NAME",
    ),
    "token": dict(api_token="OS_TOKEN", endpoint="OS_ENDPOINT"),
}  # fmt: skip


class RackspaceDatabase(Vendor):
    """Users of one database instance."""

    name = "rackspace_database"
    env_prefix = "RACKSPACE"
    operator_options = None  # who acts is no user of the database
    capabilities = Capabilities(
        title="Rackspace Cloud Databases, OpenStack Trove",
        changes_own=False,
        changes_others=True,
        others_need_current="no",
        login_probe="log in to the database itself, where it can be reached (database_login)",
        lockout="none",
        failed_logins_per_run=None,
        # 202 means no more than that the request was taken.
        settle_seconds=10.0,
        password_min=1,
        password_max=255,
        password_unit="characters",
        password_forbidden=_FORBIDDEN,
        generated=GeneratedPassword(length=32, symbol_characters="-_.+=@%^"),
        bulk=500,
    )
    argument_spec = dict(
        auth_type=dict(type="str", choices=["rackspace", "keystone", "token"], default="rackspace"),
        auth_url=dict(type="str"),
        api_user=dict(type="str"),
        api_password=dict(type="str", no_log=True),
        api_key=dict(type="str", no_log=True),
        account_id=dict(type="str"),
        project_name=dict(type="str"),
        user_domain_name=dict(type="str"),
        project_domain_name=dict(type="str"),
        application_credential_id=dict(type="str"),
        application_credential_secret=dict(type="str", no_log=True),
        api_token=dict(type="str", no_log=True),
        endpoint=dict(type="str"),
        region=dict(type="str"),
        interface=dict(type="str", choices=["public", "internal", "admin"], default="public"),
        instance_id=dict(type="str", required=True),
        database_login=dict(
            type="dict",
            options=dict(
                engine=dict(type="str", choices=["mysql", "postgresql"], default="mysql"),
                host=dict(type="str"),
                port=dict(type="int"),
                database=dict(type="str"),
                ssl=dict(type="bool", default=False),
                ca_path=dict(type="path"),
                timeout=dict(type="float", default=5.0),
            ),
        ),
    )
    user_spec = dict(host=dict(type="str", default="%"))

    def __init__(self, params, connect, warn, learn):
        super().__init__(_with_environment(params, learn), connect, warn, learn)
        self._http = None
        self._token = None
        self._clients = []
        self._renewing = threading.Lock()
        self._login = params["database_login"]
        self._database_host = None
        self._unreachable = False

    def key(self, account):
        return (account.name, account.extras.get("host") or "%")

    def check_call(self):
        missing = self._login and database_login.library_for(self._login["engine"])
        if missing:
            raise VendorError(errors.INVALID_INPUT, "database_login: " + missing_required_lib(missing))
        given = {name for name, value in self.params.items() if value}
        kind = self.params["auth_type"]
        for ways in _NEEDS[kind]:
            if any(set(way) <= given for way in ways):
                continue
            raise VendorError(errors.INVALID_INPUT, "auth_type %s needs %s." % (kind, ", or ".join(" and ".join(way) for way in ways)))

    def check(self, account):
        if not account.name or len(account.name) > _NAME_LENGTH or not account.name.isprintable() or account.name != account.name.strip():
            raise VendorError(errors.INVALID_INPUT, "A database user's name has 1 to %d characters and no blanks at its ends." % _NAME_LENGTH)
        if account.name.lower() in _RESERVED:
            raise VendorError(errors.INVALID_INPUT, "The user %s is reserved; its password is not set by this API." % account.name)
        if "@" in account.name:
            raise VendorError(errors.INVALID_INPUT, "The host of a user is an option of its own (host), not a part of its name.")
        super().check(account)
        password = account.password
        if password != password.strip():
            raise _lost("begins or ends with a blank")
        if not password.isprintable():
            raise _lost("holds a control character")
        if not re.search("[0-9a-zA-Z]", password):
            raise VendorError(errors.PASSWORD_REJECTED, "The password must hold at least one letter or digit (ASCII).")
        if re.search(r"(?<![:\w]):\w", password):
            raise _lost("holds a ':' before a letter or digit, without one before it")

    def open(self, accounts):
        self._authenticate()
        answer = self._send("GET", "", READ)
        if answer.status == 404:
            raise self._error(answer, errors.TARGET_NOT_FOUND, "There is no instance %s." % self.params["instance_id"])
        self._raise_for(answer)
        instance = answer.json_object().get("instance")
        if not isinstance(instance, dict):
            raise answer.unexpected("does not describe an instance")
        if instance.get("status") != "ACTIVE":
            text = "The instance is %s; passwords can be changed while it is ACTIVE." % instance.get("status")
            raise VendorError(errors.TARGET_NOT_READY, text, answer.status, request_id=_request_id(answer))
        if self._login is not None:
            self._database_host = self._login["host"] or text_at(instance, "hostname") or next(iter(instance.get("ip") or []), None)

    def close(self):
        for client in self._clients:
            client.close()

    def find(self, accounts):
        """Look up every name: a single unknown one would keep a PUT from changing anybody."""
        names = self._listing() if len(accounts) > _SINGLE_LOOKUPS else None
        for account in accounts:
            found = self._exists(account) if names is None else self.key(account) in names
            if not found:
                account.error = VendorError(errors.USER_NOT_FOUND, "There is no user %s@%s on this instance." % self.key(account))

    def probe(self, account, password):
        if self._login is None:
            self.warn("No password can be verified without database_login: the service never tells what the database made of a change.")
            return None
        if self._database_host is None:
            self.warn("No password can be verified: the service tells no address of the database, and database_login.host is not given.")
            return None
        if self._unreachable:
            return None
        login = self._login
        try:
            return database_login.log_in(
                login["engine"], self._database_host, login["port"], account.name, password, login["database"], login["ssl"], login["ca_path"],
                login["timeout"],
            )  # fmt: skip
        except database_login.Unreachable as reason:
            # Nobody waits for an unreachable database a second time.
            self._unreachable = True
            self.warn("No password can be verified: %s." % reason)
            return None

    def change(self, account):
        self._put([account])

    def change_all(self, accounts):
        try:
            self._put(accounts)
            return {}
        except VendorError as error:
            if error.kind != errors.USER_NOT_FOUND:
                raise
        # Somebody has vanished since the look-up, and the service has changed nobody: now each alone.
        refused = {}
        for account in accounts:
            try:
                self._put([account])
            except VendorError as error:
                refused[account] = error
        return refused

    def _put(self, accounts):
        users = [dict({"name": account.name, "password": account.password}, **_host(account)) for account in accounts]
        answer = self._send("PUT", "/users", WRITE, json={"users": users})
        if answer.status == 404:
            raise self._error(answer, errors.USER_NOT_FOUND, "A user was not found.")
        if answer.status == 400:
            # Names were looked up before; what is left to refuse is the password.
            raise self._error(answer, errors.PASSWORD_REJECTED, "The service refused a password.")
        self._raise_for(answer)

    def _exists(self, account):
        # Quoted once, a "." would be taken for the ending of a file, and what is not ASCII would be read as latin-1.
        name = quote(quote("%s@%s" % self.key(account), safe="").replace(".", "%2E"), safe="")
        answer = self._send("GET", "/users/" + name, READ)
        if answer.status == 404:
            return False
        self._raise_for(answer)
        return True

    def _listing(self):
        """All users as a set of (name, host), or ``None`` if one odd account keeps the service from listing them."""
        names, marker = set(), None
        while True:
            query = "?limit=%d" % _PAGE + ("&marker=" + quote(marker, safe="") if marker else "")
            answer = self._send("GET", "/users" + query, READ)
            if answer.status == 400:
                return None
            self._raise_for(answer)
            body = answer.json_object()
            page = body.get("users")
            if not isinstance(page, list):
                raise answer.unexpected("is no list of users")
            before = len(names)
            names.update((user.get("name"), user.get("host") or "%") for user in page)
            marker = _marker(body.get("links") or [])
            # The service's own links lead back to the first page; so would a marker that it does not understand.
            if marker is None or len(names) == before:
                return names

    def _authenticate(self):
        params = self.params
        kind = params["auth_type"]
        if kind == "token":
            token = ServiceToken(params["api_token"])
            url = params["endpoint"]
        else:
            token = self._log_in()
            service = "rax:database" if kind == "rackspace" else "database"
            url = params["endpoint"] or token.url(service, params["region"], params["interface"])
        self.learn(token.token)
        if self._http is None:
            self._http = self._client(url)
        self._token = token.token

    def _log_in(self):
        params = self.params
        if params["auth_type"] == "rackspace":
            client = self._client(params["auth_url"] or rackspace_identity.URL)
            return rackspace_identity.log_in(client, params["api_user"], params["api_key"], params["api_password"], params["account_id"])
        client = self._client(params["auth_url"])
        if params["application_credential_id"]:
            body = keystone.by_application_credential(params["application_credential_id"], params["application_credential_secret"])
        else:
            body = keystone.by_password(
                params["api_user"], params["api_password"], params["user_domain_name"], params["project_name"], params["project_domain_name"]
            )
        return keystone.log_in(client, body)

    def _client(self, url):
        client = self.connect(url)
        self._clients.append(client)
        return client

    def _send(self, method, path, kind, json=None):
        """One request on the instance; once again with a new token if the old one has expired."""
        path = "/instances/" + quote(self.params["instance_id"], safe="") + path
        used = self._token
        answer = self._http.request(method, path, kind, json=json, headers=_headers(used))
        if answer.status != 401 or self.params["auth_type"] == "token":
            return answer
        with self._renewing:
            if self._token == used:
                self._authenticate()
        return self._http.request(method, path, kind, json=json, headers=_headers(self._token))

    def _raise_for(self, answer):
        status = answer.status
        if 200 <= status < 300:
            return
        if status == 401:
            raise self._error(answer, errors.AUTHENTICATION_FAILED, "The service refused the token.")
        if status == 403:
            raise self._error(answer, errors.PERMISSION_DENIED, "The service refused permission.")
        if status in (413, 429):
            raise self._error(answer, errors.RATE_LIMITED, "The service wants fewer requests.")
        if status == 422:
            raise self._error(answer, errors.TARGET_NOT_READY, "The instance is not ready for this.")
        if status == 400:
            raise self._error(answer, errors.INVALID_INPUT, "The service refused the request.")
        if status >= 500:
            raise self._error(answer, errors.VENDOR_UNAVAILABLE, "The service failed.", maybe_applied=True)
        raise answer.unexpected("was not understood", maybe_applied=True)

    def _error(self, answer, kind, message, maybe_applied=False):
        text, code = _read_error(answer)
        message = "%s The service said: %s" % (message, text) if text else message
        return VendorError(kind, message, answer.status, code, _request_id(answer), maybe_applied)


def _with_environment(params, learn):
    """The options, with what is not given taken from the environment."""
    found = dict(params)
    for name, variable in _ENVIRONMENT[params["auth_type"]].items():
        if found[name] is None and os.environ.get(variable):
            found[name] = os.environ[variable]
            if RackspaceDatabase.argument_spec[name].get("no_log"):
                learn(found[name])
    for name in ("user_domain_name", "project_domain_name"):
        found[name] = found[name] or "Default"
    return found


def _headers(token):
    # Unless JSON is asked for, some errors are HTML.
    return {"X-Auth-Token": token, "Accept": "application/json"}


def _lost(rule):
    return VendorError(errors.PASSWORD_REJECTED, "The password %s, which the service accepts and then loses." % rule)


def _host(account):
    host = account.extras.get("host")
    return {"host": host} if host and host != "%" else {}


def _request_id(answer):
    return answer.headers.get("X-Openstack-Request-Id") or answer.headers.get("X-Compute-Request-Id")


def _marker(links):
    """The marker of the next page out of the link to it, whose encoding the service applies twice."""
    for link in links:
        if isinstance(link, dict) and link.get("rel") == "next" and text_at(link, "href"):
            marker = (parse_qs(urlsplit(link["href"]).query).get("marker") or [None])[0]
            # parse_qs has taken off the outer layer.
            return unquote(marker) if marker else None
    return None


def _read_error(answer):
    """The text and the code of an error, which come in three shapes, or as HTML.

    ``{name: {code, message}}``, ``{"error": {...}}``, and flat ``{message, code: "403 Forbidden", title}``.
    """
    body = answer.json_object()
    inner = body if isinstance(body.get("message"), str) else next((value for value in body.values() if isinstance(value, dict)), {})
    text = inner.get("message") or inner.get("title")
    if not isinstance(text, str):
        return answer.excerpt(), None
    return answer.shorten(text), inner.get("code")
