# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Cloud Director: API versions, and sessions by password (HTTP Basic) or by API token (OAuth 2).

Source: the vendor's OpenAPI description ("sessions"), and its guides ("Retrieve the Login URL and List of Supported API Versions", "Generate an API
Access Token"). The vendor file interprets the answers; this file raises only if an answer is malformed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Tuple
from urllib.parse import quote
from xml.etree import ElementTree

from .. import errors
from .._json_paths import text_at
from ..errors import PasswordError
from ..http import LOGIN, READ, Headers, HttpClient, Response
from .basic import basic, bearer

PROVIDER = "system"  # the organisation of the provider's own users, in any letter case
# The first number of versions with three; from 36 on it belongs to an API, not a product.
_FIRST_PRODUCT, _LAST_PRODUCT = 9, 35
Version = Tuple[int, ...]
_SESSIONS = "/cloudapi/1.0.0/sessions"


@dataclass(frozen=True)
class Login:
    """An open session."""

    token: str = field(repr=False)
    user_id: Optional[str] = None  # the user's own URN; None: the server did not return it
    org_id: Optional[str] = None  # the organisation's URN


def versions(http: HttpClient) -> Response:
    """Ask for the API versions that the server offers; needs no login.

    :param http: an :class:`~..http.HttpClient`.
    :return: the answer, for :func:`offered`.
    """
    return http.request("GET", "/api/versions", READ)


def offered(answer: Response) -> set[Version]:
    """Return the versions in an answer, such as ``(36, 3)``, without drafts (alpha versions).

    :raises PasswordError: ``unexpected_response``.
    """
    try:
        found = [
            element.text or "" for element in ElementTree.fromstring(answer.text()).findall("{*}VersionInfo/{*}Version")
        ]
    except (ElementTree.ParseError, ValueError):
        found = []
    versions_ = {version for version in map(parsed, found) if version is not None}
    if not versions_:
        raise answer.unexpected("is not a list of API versions")
    return versions_


def parsed(version: str) -> Optional[Version]:
    """Parse a version: two numbers, or three since VCF Automation 9, where API and product share one. ``None`` if it is not a version."""
    found = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?", version.strip())
    if not found:
        return None
    numbers = tuple(int(number) for number in found.groups() if number is not None)
    return numbers if len(numbers) == 2 or _FIRST_PRODUCT <= numbers[0] <= _LAST_PRODUCT else None


def age(version: Version) -> Tuple[int, Version]:
    """Return the sort key of a version: those with three numbers came after those with two."""
    return len(version), version


def dotted(version: Version) -> str:
    """Return a version as text."""
    return ".".join(str(number) for number in version)


def log_in(http: HttpClient, headers: Headers, org: str, user: str, password: str) -> Response:
    """Open a session with a password.

    :param headers: dict with ``Accept``, which contains the API version.
    :return: the answer, for :func:`opened`.
    """
    path = _SESSIONS + "/provider" if is_provider(org) else _SESSIONS
    return http.request(
        "POST", path, LOGIN, headers=dict(headers, Authorization=basic("%s@%s" % (user, org), password))
    )


def exchange(http: HttpClient, headers: Headers, org: str, api_token: str) -> Response:
    """Open a session with an API token.

    :return: the answer, for :func:`opened`.
    """
    path = "/oauth/provider/token" if is_provider(org) else "/oauth/tenant/%s/token" % quote(org, safe="")
    return http.request(
        "POST", path, LOGIN, data={"grant_type": "refresh_token", "refresh_token": api_token}, headers=headers
    )


def opened(answer: Response, learn: Callable[..., None]) -> Login:
    """Return the session that an answer has opened.

    :param learn: called with what must not be shown.
    :return: :class:`Login`.
    :raises PasswordError: ``unexpected_response``.
    """
    token = answer.headers.get("X-VMWARE-VCLOUD-ACCESS-TOKEN") or text_at(answer.json_object(), "access_token")
    if not token:
        # Show nothing of the answer, which may contain a token in an unknown place.
        raise PasswordError(
            errors.UNEXPECTED_RESPONSE,
            "The response to the login (HTTP %d) has no token. Check url and any proxy." % answer.status,
            answer.status,
        )
    learn(token)
    return _described(answer, token, learn)


def look(http: HttpClient, headers: Headers, login: Login, learn: Callable[..., None]) -> Login:
    """Ask whose session it is, which the answer to an API token does not say.

    :return: :class:`Login` with whatever the server returns.
    """
    return _described(
        http.request("GET", _SESSIONS + "/current", READ, headers=authorized(headers, login)), login.token, learn
    )


def log_out(http: HttpClient, headers: Headers, login: Login) -> Response:
    """End a session.

    :return: the answer; 401 means that it had already ended.
    """
    # Ending it twice does no harm, so any transient fault may be retried.
    return http.request("DELETE", _SESSIONS + "/current", READ, headers=authorized(headers, login))


def authorized(headers: Headers, login: Login) -> dict[str, Any]:
    """Return the headers of a request within a session."""
    return dict(headers, Authorization=bearer(login.token))


def _described(answer: Response, token: str, learn: Callable[..., None]) -> Login:
    body = answer.json_object()
    if text_at(body, "id"):
        learn(body["id"])
    return Login(token, text_at(body, "user", "id"), text_at(body, "org", "id"))


def is_provider(org: str) -> bool:
    """Whether an organisation is the provider's own."""
    return org.lower() == PROVIDER
