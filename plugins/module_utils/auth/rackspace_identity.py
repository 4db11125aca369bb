# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rackspace Identity API v2.0: tokens by API key or password.

Source: Rackspace's Identity API documentation, "Authenticate as user with password or API key".
"""

from __future__ import annotations

from .. import errors
from ..errors import VendorError
from ..http import READ
from .service_token import Endpoint, ServiceToken, text_at

URL = "https://identity.api.rackspacecloud.com/v2.0"

# The names of the addresses in the catalog.
_INTERFACES = {"publicURL": "public", "internalURL": "internal", "adminURL": "admin"}


def log_in(http, user, api_key=None, password=None, account=None):
    """Get a token.

    :param http: an :class:`~..http.HttpClient` for :data:`URL`.
    :param api_key: the user's API key, or ``None`` to use the password.
    :param account: the number of the account, where the user has several.
    :return: :class:`~.service_token.ServiceToken`.
    :raises VendorError: ``authentication_failed``, ``vendor_unavailable``, ``unexpected_response``, or an error of the connection.
    """
    if api_key:
        credentials = {"RAX-KSKEY:apiKeyCredentials": {"username": user, "apiKey": api_key}}
    else:
        credentials = {"passwordCredentials": {"username": user, "password": password}}
    if account:
        credentials["tenantId"] = account
    answer = http.request("POST", "/tokens", READ, json={"auth": credentials})
    if answer.status in (401, 403):
        hint = "; users with multi-factor authentication need an API key" if not api_key else ""
        raise VendorError(errors.AUTHENTICATION_FAILED, "Rackspace Identity refused the login%s: %s" % (hint, answer.excerpt()), answer.status)
    if answer.status >= 500:
        raise VendorError(errors.VENDOR_UNAVAILABLE, "Rackspace Identity failed: %s" % answer.excerpt(), answer.status)
    access = answer.json_object().get("access")
    token = text_at(access, "token", "id")
    if answer.status != 200 or not token:
        raise answer.unexpected("to the login is not that of Rackspace Identity v2.0")
    return ServiceToken(token, tuple(_endpoints(access)))


def _endpoints(access):
    for service in access.get("serviceCatalog") or []:
        for endpoint in service.get("endpoints") or []:
            for key, interface in _INTERFACES.items():
                if text_at(endpoint, key):
                    yield Endpoint(service.get("type"), endpoint.get("region"), interface, endpoint[key])
