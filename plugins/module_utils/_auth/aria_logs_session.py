# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Aria Operations for Logs (vRealize Log Insight): sessions of the REST API, version 2.

A session lasts for its ``ttl`` of 1800 seconds, after which the server answers 440. There is no call that ends one earlier.
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
    :param provider: one of :data:`PROVIDERS`, which keeps the user's password.
    :return: the answer; what it means tell :func:`is_refused` and :func:`session_id`.
    """
    return http.request(
        "POST", "/api/v2/sessions", LOGIN, json={"username": user, "password": password, "provider": provider}
    )


def is_refused(answer: Response) -> bool:
    """Whether the server itself has refused a login, because the password is wrong or the account is locked: it does not tell which."""
    if answer.status != 401:
        return False
    # A gateway's own 401 says nothing about the password.
    return bool(text_at(answer.json_object(), "errorMessage")) or answer.excerpt().lower().startswith(
        "invalid credentials"
    )


def session_id(answer: Response) -> str:
    """The identifier of the session, which is a secret.

    :raises PasswordError: ``unexpected_response``. It shows nothing of the answer: an identifier may be in it, where nobody knows it for one.
    """
    found = text_at(answer.json_object(), "sessionId")
    if not found:
        text = (
            "The answer to the login (HTTP %d) is not that of Aria Operations for Logs: it holds no session."
            % answer.status
        )
        raise PasswordError(errors.UNEXPECTED_RESPONSE, text, answer.status)
    return found


def has_ended(answer: Response) -> bool:
    """Whether a request was refused because its session has expired."""
    return answer.status == _ENDED
