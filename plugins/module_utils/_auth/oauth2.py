# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OAuth 2.0: get tokens for a client (by its secret) or for a user (by its password), and revoke them.

Source: RFC 6749, sections 4.3, 4.4 and 5; RFC 7009, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Optional

from .. import errors
from .._json_paths import text_at
from .._refusals import Meaning, Rows, Said, refusal
from ..errors import PasswordError
from ..http import LOGIN, Headers, HttpClient, Response
from .basic import basic

# These may come with a token, and are just as secret.
_COMPANIONS = ("id_token", "refresh_token")
_ROWS: Rows = {
    408: (errors.TIMED_OUT, "The token service timed out."),
    413: (errors.RATE_LIMITED, "The token service is rate-limiting requests."),
    429: (errors.RATE_LIMITED, "The token service is rate-limiting requests."),
}
# The statuses with which a token service refuses a request.
_REFUSALS = (400, 401, 403)


@dataclass(frozen=True)
class Grant:
    """The answer to a user's login: a token, or the server's code for the refusal (``invalid_grant``)."""

    token: Optional[str] = field(default=None, repr=False)
    refusal: Optional[str] = None


class TokenEndpoint:
    """A server's endpoints for issuing and revoking tokens; safe to share between threads.

    :param http: an :class:`~..http.HttpClient`.
    :param issue: the path that issues tokens.
    :param revoke: the path that revokes them.
    :param learn: called with everything that must not be shown.
    """

    def __init__(self, http: HttpClient, issue: str, revoke: str, learn: Callable[..., None]) -> None:
        self._http = http
        self._issue = issue
        self._revoke = revoke
        self._learn = learn

    def for_client(self, client_id: str, client_secret: str) -> str:
        """Log a client in.

        :return: the token.
        :raises PasswordError: ``authentication_failed``, or a fault of the server or the connection.
        """
        answer = self._post(self._issue, {"grant_type": "client_credentials"}, basic(client_id, client_secret))
        if answer.status in _REFUSALS:
            raise _fault(
                answer,
                (
                    errors.AUTHENTICATION_FAILED,
                    "The server refused the API client's login. Check client_id and client_secret.",
                ),
            )
        return self._token(answer)

    def for_user(self, user: str, password: str) -> Grant:
        """Try a user's login, without a client.

        :return: :class:`Grant`. A refusal is not an error: it says nothing about the operator.
        :raises PasswordError: a fault of the server or the connection.
        """
        answer = self._post(self._issue, {"grant_type": "password", "username": user, "password": password})
        if answer.status not in _REFUSALS:
            return Grant(self._token(answer))
        refusal = text_at(answer.json_object(), "error")
        if refusal is None:
            # A gateway's own 401 says nothing about the password.
            raise answer.unexpected("is a refusal, but not from the token service")
        return Grant(refusal=answer.shorten(refusal))

    def revoke(self, token: str, client: tuple[str, str] | None = None) -> bool:
        """Revoke a token.

        :param client: the id and secret of the client that it was issued to, if any.
        :return: whether it was revoked.
        :raises PasswordError: a fault of the connection.
        """
        return self._post(self._revoke, {"token": token}, basic(*client) if client else None).status == 200

    def _post(self, path: str, form: dict[str, str], authorization: bytes | None = None) -> Response:
        headers: Headers = {"Accept": "application/json"}
        if authorization:
            headers["Authorization"] = authorization
        return self._http.request("POST", path, LOGIN, data=form, headers=headers)

    def _token(self, answer: Response) -> str:
        if answer.status != 200:
            raise _fault(answer)
        body = answer.json_object()
        for name in _COMPANIONS:
            if text_at(body, name):
                self._learn(body[name])
        token = text_at(body, "access_token")
        if not token:
            # Show nothing of the answer, which may contain a token in an unknown place.
            raise PasswordError(
                errors.UNEXPECTED_RESPONSE,
                "The response to the login (HTTP 200) has no token. Check url and any proxy.",
                answer.status,
            )
        self._learn(token)
        return token


def _fault(answer: Response, meaning: Optional[Meaning] = None) -> PasswordError:
    """Make an error from an answer. Its body is ``{error, error_description}`` (RFC 6749, 5.2), or something else."""
    body = answer.json_object()
    code = text_at(body, "error")
    if meaning is None and answer.status >= 500:
        meaning = (errors.VENDOR_UNAVAILABLE, "The token service failed.")
    elif meaning is None and answer.status not in _ROWS:
        meaning = (
            errors.UNEXPECTED_RESPONSE,
            "No token service was found at this address (HTTP %d). Correct url." % answer.status,
        )
    return refusal(
        answer, Said(text_at(body, "error_description") or code if code else None, code), _ROWS, meaning, writing=False
    )
