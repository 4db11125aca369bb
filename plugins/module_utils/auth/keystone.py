# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenStack Keystone, Identity API v3: tokens by password or application credential.

Source: OpenStack's Identity API reference, "Authentication and token management".
"""

from __future__ import annotations

from .. import errors
from ..errors import VendorError
from ..http import READ
from .service_token import Endpoint, ServiceToken, text_at

_PATH = "/v3/auth/tokens"


def by_password(user, password, user_domain, project, project_domain):
    """The body of a login with a password, for a project.

    :param user_domain: name of the user's domain.
    :param project: name of the project.
    :param project_domain: name of the project's domain.
    """
    identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": {"name": user_domain}, "password": password}}}
    return {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": {"name": project_domain}}}}}


def by_application_credential(identifier, secret):
    """The body of a login with an application credential, which knows its project."""
    identity = {"methods": ["application_credential"], "application_credential": {"id": identifier, "secret": secret}}
    return {"auth": {"identity": identity}}


def log_in(http, body):
    """Get a token.

    :param http: an :class:`~..http.HttpClient` for the address of Keystone, with or without ``/v3`` at its end.
    :param body: what :func:`by_password` or :func:`by_application_credential` gives.
    :return: :class:`~.service_token.ServiceToken`.
    :raises VendorError: ``authentication_failed``, ``vendor_unavailable``, ``unexpected_response``, or an error of the connection.
    """
    path = _PATH[len("/v3"):] if http.base_url.endswith("/v3") else _PATH  # fmt: skip
    answer = http.request("POST", path, READ, json=body)
    if answer.status in (401, 403):
        raise VendorError(errors.AUTHENTICATION_FAILED, "Keystone refused the login: %s" % answer.excerpt(), answer.status)
    if answer.status >= 500:
        raise VendorError(errors.VENDOR_UNAVAILABLE, "Keystone failed: %s" % answer.excerpt(), answer.status)
    token = answer.headers.get("X-Subject-Token")
    if answer.status != 201 or not token:
        raise answer.unexpected("to the login is not that of Keystone v3")
    return ServiceToken(token, tuple(_endpoints(answer.json_object())))


def _endpoints(body):
    catalog = (body.get("token") or {}).get("catalog") or []
    for service in catalog:
        for endpoint in service.get("endpoints") or []:
            url = text_at(endpoint, "url")
            if url:
                yield Endpoint(service.get("type"), endpoint.get("region_id") or endpoint.get("region"), endpoint.get("interface"), url)
