# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystone v3 and Rackspace Identity 2.0, as far as a login goes: credentials are checked, and the catalog leads back to this double."""

from __future__ import annotations

import json
import secrets

from starlette.responses import HTMLResponse, JSONResponse

from tests.doubles.base import Double
from tests.doubles.received import SecretDict

KEYSTONE = "/v3/auth/tokens"
RACKSPACE = "/v2.0/tokens"
ACCOUNT = "123456"
PROJECT_ID = "8503f9dbdf12440e895f3072798f748b"
DOMAIN_ID = "default"
API_KEY = "RAX-KSKEY:apiKeyCredentials"
FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    413: "overLimit",
    422: "unprocessableEntity",
    500: "instanceFault",
    501: "notImplemented",
    503: "serviceUnavailable",
}


class IdentityDouble(Double):
    """Both identity services; the service behind the catalog is added by a subclass.

    :param users: those of the subclass.
    :param operators: who may log in, names to passwords.
    :param api_keys: names to API keys, for Rackspace.
    :param application_credentials: identifiers to secrets, for Keystone.
    :param project: the name of the project, for Keystone.
    :param domain: the name of the domain of all operators and of the project.
    :param regions: those in the catalog; the first leads here, the others nowhere.
    :param multi_factor: who needs a second factor with a password at Rackspace; with an API key they do not.
    :param options: those of :class:`tests.doubles.base.Double`.
    """

    def __init__(
        self,
        users=None,
        *,
        operators=None,
        api_keys=None,
        application_credentials=None,
        project="customer",
        domain="Default",
        regions=("RegionOne",),
        multi_factor=(),
        **options,
    ):
        self.operators = SecretDict(operators or {"operator": "operator-password"})
        self.api_keys = SecretDict(api_keys or {"operator": "operator-api-key"})
        self.application_credentials = SecretDict(application_credentials or {"credential": "operator-credential"})
        self.project = project
        self.domain = domain
        self.regions = tuple(regions)
        self.multi_factor = set(multi_factor)
        self.tokens = {}
        self._ids = 0
        super().__init__({}, **options)
        for name, password in (users or {}).items():
            self.set_user(name, password)

    def routes(self):
        return [("POST", KEYSTONE, self._keystone), ("POST", RACKSPACE, self._rackspace)]

    def is_write(self, received):
        return False

    def inspect(self, received):
        received.project = None
        token = received.headers.get("x-auth-token")
        if token:
            received.secrets = [token]
            received.login = self.tokens.get(token, (None, None))[0]
        if received.path in (KEYSTONE, RACKSPACE):
            name, secret = self._shown(received)[1:]
            received.login = name
            received.secrets = [secret] if secret else []

    def error(self, status, message):
        return self.json({FAULTS.get(status, "fault"): {"code": status, "message": message}}, status)

    def not_found(self, received):
        return self.error(404, "The resource could not be found.")

    # What a test calls.

    def expire_tokens(self):
        """Make all tokens worthless that were given out until now."""
        with self.lock:
            self.tokens.clear()

    def issue_token(self, user="operator", project=PROJECT_ID):
        """A token, as after a login."""
        with self.lock:
            token = "token-" + secrets.token_hex(16)
            self.tokens[token] = (user, project)
        return token

    def logins(self):
        """How many logins were tried at either service."""
        return len([one for one in list(self.requests) if one.path in (KEYSTONE, RACKSPACE)])

    # For the service behind the catalog.

    def new_id(self):
        """The header with which every answer is told from all others."""
        self._ids += 1
        return {"X-Openstack-Request-Id": "req-%08d" % self._ids}

    def json(self, body, status=200, headers=None):
        """An answer with its identifier."""
        return JSONResponse(body, status, headers=dict(self.new_id(), **(headers or {})))

    def flat(self, received, status, title, message):
        """The error of what stands in front of the service; HTML for those who have not asked for JSON."""
        code = "%d %s" % (status, title)
        if "application/json" in received.headers.get("accept", ""):
            return self.json({"message": message, "code": code, "title": title}, status)
        page = "<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n  %s\n </body>\n</html>" % (code, code, message)
        return HTMLResponse(page, status, headers=self.new_id())

    def check_token(self, received):
        """Set who asks and for which project, or return the refusal."""
        known = self.tokens.get(received.headers.get("x-auth-token", ""))
        if known is None:
            return self._unauthorized("The request you have made requires authentication.")
        received.authenticated_as, received.project = known
        return None

    # The identity services.

    def _unauthorized(self, message):
        return self.json({"error": {"code": 401, "title": "Unauthorized", "message": message}}, 401, {"WWW-Authenticate": "Keystone uri=%r" % self.url})

    @staticmethod
    def _shown(received):
        """What kind of credentials a login shows, whose they are, and the secret."""
        try:
            auth = json.loads(received.body)["auth"]
            if received.path == RACKSPACE:
                kind = API_KEY if API_KEY in auth else "passwordCredentials"
                return kind, auth[kind]["username"], auth[kind]["apiKey" if kind == API_KEY else "password"]
            (kind,) = auth["identity"]["methods"]
            shown = auth["identity"][kind]
            if kind == "application_credential":
                return kind, shown["id"], shown["secret"]
            return kind, shown["user"]["name"], shown["user"]["password"]
        except (ValueError, KeyError, TypeError):
            return None, None, None

    def _rackspace(self, received):
        kind, name, secret = self._shown(received)
        if not (isinstance(name, str) and isinstance(secret, str) and name and secret):
            return self.error(400, "Invalid request body: unable to parse Auth data. Please review XML or JSON formatting.")
        if (self.api_keys if kind == API_KEY else self.operators).get(name) != secret:
            self.login_failed(name)
            return self.error(401, "Unable to authenticate user with credentials provided.")
        if kind != API_KEY and name in self.multi_factor:
            return self.error(401, "Additional authentication credentials required")
        if received.json()["auth"].get("tenantId", ACCOUNT) != ACCOUNT:
            return self.error(401, "Tenant with Name/Id: '%s' is not valid for User '%s'" % (received.json()["auth"]["tenantId"], name))
        received.authenticated_as = name
        files = "MossoCloudFS_" + ACCOUNT
        catalog = [
            # Files first, with another tenant: who takes the first best endpoint finds out here.
            {
                "name": "cloudFiles",
                "type": "object-store",
                "endpoints": [{"region": region, "tenantId": files, "publicURL": "https://storage.invalid/v1/" + files} for region in self.regions],
            },
            {
                "name": "cloudDatabases",
                "type": "rax:database",
                "endpoints": [{"region": region, "tenantId": ACCOUNT, "publicURL": url} for region, url in self._addresses(ACCOUNT)],
            },
        ]
        token = {"id": self.issue_token(name, ACCOUNT), "expires": "2099-01-01T00:00:00.000Z", "tenant": {"id": ACCOUNT, "name": ACCOUNT}}
        return self.json({"access": {"token": token, "serviceCatalog": catalog, "user": {"id": "1", "name": name, "roles": []}}})

    def _is_domain(self, domain):
        return domain in ({"name": self.domain}, {"id": DOMAIN_ID})

    def _keystone(self, received):
        kind, name, secret = self._shown(received)
        if not (isinstance(name, str) and isinstance(secret, str)):
            return self.json({"error": {"code": 400, "message": "Expecting to find auth in request body.", "title": "Bad Request"}}, 400)
        right = (self.application_credentials if kind == "application_credential" else self.operators).get(name) == secret
        if kind == "password":
            auth = received.json()["auth"]
            project = auth.get("scope", {}).get("project", {})
            right = right and self._is_domain(auth["identity"]["password"]["user"].get("domain"))
            named = project.get("name") == self.project and self._is_domain(project.get("domain"))
            # Keystone refuses one that is named both ways.
            right = right and (project == {"id": PROJECT_ID} or ("id" not in project and named))
        if not right:
            self.login_failed(name)
            return self._unauthorized("The request you have made requires authentication.")
        received.authenticated_as = next(iter(self.operators)) if kind == "application_credential" else name
        endpoints = [
            {"id": "%s-%s" % (region, interface), "interface": interface, "region": region, "region_id": region, "url": url}
            for region, url in self._addresses(PROJECT_ID)
            for interface in ("admin", "internal", "public")
        ]
        catalog = [
            {
                "id": "1",
                "type": "identity",
                "name": "keystone",
                "endpoints": [{"id": "1", "interface": "public", "region": self.regions[0], "region_id": self.regions[0], "url": self.url + "/v3"}],
            },
            {"id": "2", "type": "database", "name": "trove", "endpoints": endpoints},
        ]
        token = {
            "methods": [kind],
            "user": {"name": received.authenticated_as, "domain": {"name": self.domain}},
            "catalog": catalog,
            "project": {"id": PROJECT_ID, "name": self.project, "domain": {"name": self.domain}},
            "expires_at": "2099-01-01T00:00:00.000000Z",
        }
        return self.json({"token": token}, 201, {"X-Subject-Token": self.issue_token(received.authenticated_as, PROJECT_ID)})

    def _addresses(self, tenant):
        """Regions and addresses of the service in the catalog."""
        for number, region in enumerate(self.regions):
            yield region, "%s/v1.0/%s" % ("https://%s.databases.invalid" % region.lower() if number else self.url, tenant)
