# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorization headers: HTTP Basic (RFC 7617) and Bearer (RFC 6750)."""

from __future__ import annotations

import base64

from .. import errors
from ..errors import PasswordError


def basic(user: str, password: str) -> bytes:
    """The value of an Authorization header for HTTP Basic.

    :return: bytes; user and password are sent as UTF-8.
    :raises PasswordError: ``invalid_input``, for text that UTF-8 cannot encode.
    """
    return b"Basic " + base64.b64encode(_utf8("%s:%s" % (user, password)))


def bearer(token: str) -> bytes:
    """The value of an Authorization header with a bearer token.

    :return: bytes; the token is sent as UTF-8.
    :raises PasswordError: ``invalid_input``, for text that UTF-8 cannot encode.
    """
    return b"Bearer " + _utf8(token)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # The exception would contain the text.
        raise PasswordError(
            errors.INVALID_INPUT,
            "A user name, password or token contains text that UTF-8 cannot encode. Check its encoding.",
        ) from None
