# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenStack Keystone, Identity API v3: tokens by password or application credential.

Source: OpenStack's Identity API reference, "Authentication and token management".
"""

from __future__ import annotations

from typing import Any, Iterator, Optional

from .._json_paths import dicts_at, text_at
from ..http import LOGIN, HttpClient
from .service_token import Endpoint, ServiceToken, check_login, without_token

_SERVICE = "Keystone"
_VERSION = "/v3"


def named(identifier: Optional[str], name: Optional[str]) -> dict[str, Any]:
    """Name a domain or a project to Keystone: by its id if known, else by its name."""
    return {"id": identifier} if identifier else {"name": name}


def by_password(user: str, password: str, user_domain: dict[str, Any], project: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a login with a password, for a project.

    :param user_domain: the user's domain, see :func:`named`.
    :param project: the project, see :func:`named`; with its ``domain`` if only its name is known.
    """
    identity = {
        "methods": ["password"],
        "password": {"user": {"name": user, "domain": user_domain, "password": password}},
    }
    return {"auth": {"identity": identity, "scope": {"project": project}}}


def by_application_credential(identifier: str, secret: str) -> dict[str, Any]:
    """Return the body of a login with an application credential, which includes its project."""
    identity = {"methods": ["application_credential"], "application_credential": {"id": identifier, "secret": secret}}
    return {"auth": {"identity": identity}}


def log_in(http: HttpClient, body: dict[str, Any], who: str = "") -> ServiceToken:
    """Get a token.

    :param http: an :class:`~..http.HttpClient` for the address of Keystone, with or without ``/v3`` at its end.
    :param body: from :func:`by_password` or :func:`by_application_credential`.
    :param who: whose login it is, for the message.
    :return: :class:`~.service_token.ServiceToken`.
    :raises PasswordError: see :func:`~.service_token.check_login`, or an error of the connection.
    """
    path = "/auth/tokens" if http.base_url.endswith(_VERSION) else _VERSION + "/auth/tokens"
    answer = http.request("POST", path, LOGIN, json=body)
    check_login(answer, _SERVICE, 201, " (%s). It does not say which of these is wrong" % who if who else "")
    token = answer.headers.get("X-Subject-Token")
    if not token:
        raise without_token(answer, _SERVICE)
    return ServiceToken(token, tuple(_endpoints(answer.json_object())))


def _endpoints(body: dict[str, Any]) -> Iterator[Endpoint]:
    for service in dicts_at(body, "token", "catalog"):
        for endpoint in dicts_at(service, "endpoints"):
            if text_at(endpoint, "url"):
                region = text_at(endpoint, "region_id") or text_at(endpoint, "region")
                yield Endpoint(service.get("type"), region, endpoint.get("interface"), endpoint["url"])
