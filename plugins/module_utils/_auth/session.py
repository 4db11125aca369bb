# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's login, shared by all workers of a call, and repeated if it expires in the middle of a batch."""

from __future__ import annotations

import threading
from typing import Any, Callable, Optional

from ..errors import PasswordError
from ..http import Response


class Session:
    """A token that may expire.

    :param log_in: called without arguments; gives a new token, or raises :class:`~..errors.PasswordError`.
    """

    def __init__(self, log_in: Callable[[], Any]) -> None:
        self._log_in = log_in
        self._lock = threading.Lock()
        self._token: Any = None
        self._failure: Optional[PasswordError] = None

    @property
    def token(self) -> Any:
        """The token in use; ``None`` before the first login."""
        return self._token

    def open(self) -> None:
        """Log in for the first time.

        :raises PasswordError: what ``log_in`` raises.
        """
        self._renew(None)

    def send(self, request: Callable[[Any], Response], has_ended: Callable[[Response], bool]) -> Response:
        """Send a request; retry it with a new login if the old one has ended.

        :param request: called with a token, returns the answer.
        :param has_ended: called with an answer; whether the server refused the request because of the token, and did nothing.
        :return: the answer.
        :raises PasswordError: what ``request`` or the login raises; the latter never with ``maybe_applied``.
        """
        token = self._token
        answer = request(token)
        return request(self._renew(token)) if has_ended(answer) else answer

    def _renew(self, stale: Any) -> Any:
        with self._lock:
            if self._failure is not None:
                # Do not repeat a refused login for each further user.
                raise self._failure
            if self._token == stale:
                try:
                    self._token = self._log_in()
                except PasswordError as error:
                    # Whatever the login did, the request itself was refused.
                    error.maybe_applied = False
                    self._failure = error
                    raise
            return self._token
