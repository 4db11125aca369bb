# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Cloud Director: API versions, and sessions by password (HTTP Basic) or by API token (OAuth 2).

Source: the vendor's OpenAPI description ("sessions"), and its guides ("Retrieve the Login URL and List of Supported API Versions", "Generate an API
Access Token"). What an answer means is told by the vendor file; nothing is raised here but for an answer that is not what it says it is.
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

PROVIDER = "system"  # the organisation of the provider's own users; in any case
# Of the versions with three numbers, the first one; from 36 on it is no product but an API.
_FIRST_PRODUCT, _LAST_PRODUCT = 9, 35
Version = Tuple[int, ...]
_SESSIONS = "/cloudapi/1.0.0/sessions"


@dataclass(frozen=True)
class Login:
    """An open session."""

    token: str = field(repr=False)
    user_id: Optional[str] = None  # the user's own URN; None: the server did not tell
    org_id: Optional[str] = None  # that of its organisation


def versions(http: HttpClient) -> Response:
    """Ask for the API versions that the server has; needs no login.

    :param http: an :class:`~..http.HttpClient`.
    :return: the answer, for :func:`offered`.
    """
    return http.request("GET", "/api/versions", READ)


def offered(answer: Response) -> set[Version]:
    """The versions in an answer: ``(36, 3)``. Drafts, which the server calls alpha versions, are not among them.

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
        raise answer.unexpected("is no list of API versions")
    return versions_


def parsed(version: str) -> Optional[Version]:
    """A version as numbers: two of them, or three since VCF Automation 9, where that of the API is that of the product. ``None`` if it is none."""
    found = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?", version.strip())
    if not found:
        return None
    numbers = tuple(int(number) for number in found.groups() if number is not None)
    return numbers if len(numbers) == 2 or _FIRST_PRODUCT <= numbers[0] <= _LAST_PRODUCT else None


def age(version: Version) -> Tuple[int, Version]:
    """What to compare versions by: those of three numbers came after those of two."""
    return len(version), version


def dotted(version: Version) -> str:
    """A version as it is written."""
    return ".".join(str(number) for number in version)


def log_in(http: HttpClient, headers: Headers, org: str, user: str, password: str) -> Response:
    """Open a session by a password.

    :param headers: dict with ``Accept``, which holds the API version.
    :return: the answer, for :func:`opened`.
    """
    path = _SESSIONS + "/provider" if is_provider(org) else _SESSIONS
    return http.request(
        "POST", path, LOGIN, headers=dict(headers, Authorization=basic("%s@%s" % (user, org), password))
    )


def exchange(http: HttpClient, headers: Headers, org: str, api_token: str) -> Response:
    """Open a session by an API token.

    :return: the answer, for :func:`opened`.
    """
    path = "/oauth/provider/token" if is_provider(org) else "/oauth/tenant/%s/token" % quote(org, safe="")
    return http.request(
        "POST", path, LOGIN, data={"grant_type": "refresh_token", "refresh_token": api_token}, headers=headers
    )


def opened(answer: Response, learn: Callable[..., None]) -> Login:
    """The session that an answer has opened.

    :param learn: called with what must not be shown.
    :return: :class:`Login`.
    :raises PasswordError: ``unexpected_response``.
    """
    token = answer.headers.get("X-VMWARE-VCLOUD-ACCESS-TOKEN") or text_at(answer.json_object(), "access_token")
    if not token:
        # Nothing of the answer is shown: a token may be in it, where nobody knows it for one.
        raise PasswordError(
            errors.UNEXPECTED_RESPONSE,
            "The answer to the login (HTTP %d) holds no token." % answer.status,
            answer.status,
        )
    learn(token)
    return _described(answer, token, learn)


def look(http: HttpClient, headers: Headers, login: Login, learn: Callable[..., None]) -> Login:
    """Ask whose session it is, which the answer to an API token does not tell.

    :return: :class:`Login` with as much as the server tells.
    """
    return _described(
        http.request("GET", _SESSIONS + "/current", READ, headers=authorized(headers, login)), login.token, learn
    )


def log_out(http: HttpClient, headers: Headers, login: Login) -> Response:
    """End a session.

    :return: the answer; 401 means that it had ended already.
    """
    # To end it twice does no harm, so that any passing fault is worth another try.
    return http.request("DELETE", _SESSIONS + "/current", READ, headers=authorized(headers, login))


def authorized(headers: Headers, login: Login) -> dict[str, Any]:
    """The headers of a request within a session."""
    return dict(headers, Authorization=bearer(login.token))


def _described(answer: Response, token: str, learn: Callable[..., None]) -> Login:
    body = answer.json_object()
    if text_at(body, "id"):
        learn(body["id"])
    return Login(token, text_at(body, "user", "id"), text_at(body, "org", "id"))


def is_provider(org: str) -> bool:
    """Whether an organisation is that of the provider's own users."""
    return org.lower() == PROVIDER
