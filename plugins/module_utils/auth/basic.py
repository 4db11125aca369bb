# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorization headers: HTTP Basic (RFC 7617) and Bearer (RFC 6750)."""

from __future__ import annotations

import base64


def basic(user, password):
    """The value of an Authorization header for HTTP Basic.

    :return: bytes; user and password are sent as UTF-8.
    """
    return b"Basic " + base64.b64encode(("%s:%s" % (user, password)).encode("utf-8"))


def bearer(token):
    """The value of an Authorization header with a bearer token.

    :return: bytes; outside ASCII the token is sent as UTF-8.
    """
    return b"Bearer " + token.encode("utf-8")
