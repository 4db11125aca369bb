# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of Rackspace Identity 2.0, as far as a login goes; its tokens may be those of a real Keystone, so that a real Trove takes them."""

from __future__ import annotations

import datetime
import json
import secrets

from starlette.responses import JSONResponse

from tests.doubles.base import Double
from tests.doubles.received import SecretDict

TOKENS = "/v2.0/tokens"
API_KEY = "RAX-KSKEY:apiKeyCredentials"
PASSWORD = "passwordCredentials"


class RandomTokens:
    """Tokens that nobody else knows."""

    def issue(self, user):
        """A new token of this user."""
        return secrets.token_hex(16)

    def revoke(self, token):
        """Make it worthless."""


class KeystoneTokens:
    """Tokens of the users of a real Keystone.

    :param cloud: a :class:`tests.servers.trove.TroveCloud`.
    """

    def __init__(self, cloud):
        self._cloud = cloud
        self._names = {credential.username: name for name, credential in cloud.credentials.items()}

    def issue(self, user):
        """A new token of this user.

        :raises KeyError: Keystone does not know the user.
        """
        return self._cloud.token(self._names[user])

    def revoke(self, token):
        """Make it worthless, so that Trove answers as to an expired one."""
        self._cloud.revoke(token)


class RackspaceIdentityDouble(Double):
    """The service to which a user or an API key is shown, and which answers with a token and the catalog.

    :param users: names to passwords.
    :param api_keys: names to API keys.
    :param account: the number of the account, which is the tenant of everything but Cloud Files.
    :param endpoints: regions to the URLs of Cloud Databases there, with the account at their end.
    :param tokens: makes and revokes tokens: :class:`RandomTokens` or :class:`KeystoneTokens`.
    :param multi_factor: users who need a second factor with a password; with an API key they do not.
    :param disabled: users who may not log in.
    :param options: those of :class:`tests.doubles.base.Double`.
    """

    vendor = "rackspace_identity"

    def __init__(self, users=None, *, api_keys=None, account="123456", endpoints=None, tokens=None, multi_factor=(), disabled=(), **options):
        super().__init__(users, **options)
        self.api_keys = SecretDict(api_keys or {})
        self.account = account
        self.endpoints = dict(endpoints or {})
        self.tokens = tokens or RandomTokens()
        self.multi_factor = set(multi_factor)
        self.disabled = set(disabled)
        self.issued = []

    def routes(self):
        return [("POST", TOKENS, self._authenticate)]

    def is_write(self, received):
        return False

    def inspect(self, received):
        name, kind, secret, _tenant = self._shown(received)
        received.login = name
        received.secrets = [secret] if kind and secret else []

    def error(self, status, message):
        names = {400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 413: "overLimit", 503: "serviceUnavailable"}
        return JSONResponse({names.get(status, "identityFault"): {"code": status, "message": message}}, status)

    def not_found(self, received):
        return self.error(404, "Resource Not Found")

    def expire_tokens(self):
        """Make all tokens worthless that were given out until now; returns how many."""
        with self.lock:
            expired, self.issued = self.issued, []
        for token in expired:
            self.tokens.revoke(token)
        return len(expired)

    @staticmethod
    def _shown(received):
        """``(name, kind of credential, secret, tenant)`` as the request has them; ``None`` for what is missing."""
        try:
            auth = json.loads(received.body)["auth"]
            for kind, member in ((API_KEY, "apiKey"), (PASSWORD, "password")):
                if kind in auth:
                    return auth[kind]["username"], kind, auth[kind][member], auth.get("tenantId")
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        return None, None, None, None

    def _authenticate(self, received):
        name, kind, secret, tenant = self._shown(received)
        if not (isinstance(name, str) and isinstance(secret, str) and name and secret):
            return self.error(400, "Invalid request body: unable to parse Auth data. Please review XML or JSON formatting.")
        known = self.api_keys if kind == API_KEY else self.users
        if known.get(name) != secret:
            self.login_failed(name)
            return self.error(401, "Unable to authenticate user with credentials provided.")
        if name in self.disabled:
            return JSONResponse({"userDisabled": {"code": 403, "message": f"User '{name}' is disabled."}}, 403)
        if kind == PASSWORD and name in self.multi_factor:
            refusal = self.error(401, "Additional authentication credentials required")
            refusal.headers["WWW-Authenticate"] = f"OS-MF sessionId='{secrets.token_hex(16)}', factor='PASSCODE'"
            return refusal
        if tenant is not None and tenant not in (self.account, self._files_account):
            return self.error(401, f"Tenant with Name/Id: '{tenant}' is not valid for User '{name}' (id: '{self._identifier(name)}')")
        received.authenticated_as = name
        token = self.tokens.issue(name)
        self.issued.append(token)
        return JSONResponse({"access": {"token": self._token(token, kind), "serviceCatalog": self._catalog(), "user": self._user(name)}})

    @property
    def _files_account(self):
        return f"MossoCloudFS_{self.account}"

    @staticmethod
    def _identifier(name):
        return name.encode("utf-8").hex()

    def _token(self, token, kind):
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=24)
        return {
            "id": token,
            "expires": end.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "tenant": {"id": self.account, "name": self.account},
            "RAX-AUTH:authenticatedBy": ["APIKEY" if kind == API_KEY else "PASSWORD"],
        }

    def _catalog(self):
        # Cloud Files comes first, with another tenant: who takes the first best endpoint finds out here.
        files = [
            {
                "region": region,
                "tenantId": self._files_account,
                "publicURL": f"https://storage.invalid/v1/{self._files_account}",
                "internalURL": f"https://snet-storage.invalid/v1/{self._files_account}",
            }
            for region in self.endpoints
        ]
        databases = [{"region": region, "tenantId": self.account, "publicURL": url} for region, url in self.endpoints.items()]
        return [{"name": "cloudFiles", "type": "object-store", "endpoints": files}, {"name": "cloudDatabases", "type": "rax:database", "endpoints": databases}]

    def _user(self, name):
        return {
            "id": self._identifier(name),
            "name": name,
            "RAX-AUTH:defaultRegion": next(iter(self.endpoints), ""),
            "roles": [{"id": "3", "name": "identity:user-admin", "description": "User Admin Role."}],
        }


DOUBLE = RackspaceIdentityDouble
