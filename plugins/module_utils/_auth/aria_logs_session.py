# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Aria Operations for Logs (vRealize Log Insight): sessions of the REST API v2.

A session lasts for its ``ttl`` of 1800 seconds; after that the server responds with 440. The API has no call that ends one earlier.
Source: Broadcom's API reference of Aria Operations for Logs, "Sessions".
"""

from __future__ import annotations

from .. import errors
from .._json_paths import text_at
from ..errors import PasswordError
from ..http import LOGIN, HttpClient, Response

LOCAL = "Local"
PROVIDERS = (LOCAL, "ActiveDirectory", "vIDM")

_ENDED = 440


def log_in(http: HttpClient, user: str, password: str, provider: str = LOCAL) -> Response:
    """Try to open a session.

    :param http: an :class:`~..http.HttpClient`.
    :param provider: one of :data:`PROVIDERS`, the one that manages the user's password.
    :return: the answer, for :func:`is_refused` and :func:`session_id`.
    """
    return http.request(
        "POST", "/api/v2/sessions", LOGIN, json={"username": user, "password": password, "provider": provider}
    )


def is_refused(answer: Response) -> bool:
    """Whether the server itself refused the login: the password is wrong or the account is locked, it does not say which."""
    if answer.status != 401:
        return False
    # A gateway's own 401 says nothing about the password.
    return bool(text_at(answer.json_object(), "errorMessage")) or answer.excerpt().lower().startswith(
        "invalid credentials"
    )


def session_id(answer: Response) -> str:
    """Return the session's id, which is a secret.

    :raises PasswordError: ``unexpected_response``. It shows nothing of the answer, which may contain an id in an unknown place.
    """
    found = text_at(answer.json_object(), "sessionId")
    if not found:
        text = (
            "The response to the login (HTTP %d) is not from Aria Operations for Logs: it has no session. Check url and any proxy."
            % answer.status
        )
        raise PasswordError(errors.UNEXPECTED_RESPONSE, text, answer.status)
    return found


def has_ended(answer: Response) -> bool:
    """Whether a request was refused because its session has expired."""
    return answer.status == _ENDED
