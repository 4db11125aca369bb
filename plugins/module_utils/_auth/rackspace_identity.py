# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rackspace Identity API v2.0: tokens by API key or password.

Source: Rackspace's Identity API documentation, "Authenticate as user with password or API key".
"""

from __future__ import annotations

from typing import Any, Iterator

from .._json_paths import dicts_at, text_at
from ..http import LOGIN, HttpClient
from .service_token import Endpoint, ServiceToken, check_login, without_token

URL = "https://identity.api.rackspacecloud.com/v2.0"

_SERVICE = "Rackspace Identity"
# The catalog's names for the interfaces.
_INTERFACES = {"publicURL": "public", "internalURL": "internal", "adminURL": "admin"}


def log_in(
    http: HttpClient, user: str, api_key: str | None = None, password: str | None = None, account: str | None = None
) -> ServiceToken:
    """Get a token.

    :param http: an :class:`~..http.HttpClient` for :data:`URL`.
    :param api_key: the user's API key, or ``None`` to use the password.
    :param account: the account number, if the user has several accounts.
    :return: :class:`~.service_token.ServiceToken`.
    :raises PasswordError: see :func:`~.service_token.check_login`, or an error of the connection.
    """
    if api_key:
        credentials: dict[str, Any] = {"RAX-KSKEY:apiKeyCredentials": {"username": user, "apiKey": api_key}}
    else:
        credentials = {"passwordCredentials": {"username": user, "password": password}}
    if account:
        credentials["tenantId"] = account
    answer = http.request("POST", "/tokens", LOGIN, json={"auth": credentials})
    check_login(answer, _SERVICE, 200, "" if api_key else " (users with multi-factor authentication need an API key)")
    access = answer.json_object().get("access")
    token = text_at(access, "token", "id")
    if not token:
        raise without_token(answer, _SERVICE)
    return ServiceToken(token, tuple(_endpoints(access)))


def _endpoints(access: Any) -> Iterator[Endpoint]:
    for service in dicts_at(access, "serviceCatalog"):
        for endpoint in dicts_at(service, "endpoints"):
            for key, interface in _INTERFACES.items():
                if text_at(endpoint, key):
                    yield Endpoint(service.get("type"), text_at(endpoint, "region"), interface, endpoint[key])
