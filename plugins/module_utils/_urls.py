# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Normalise the URLs of endpoints, so that different spellings compare as equal."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from .http import check_url

_DEFAULT_PORTS = {"http": 80, "https": 443}


def without_ending(url: str, endings: str) -> str:
    """Return the URL without an API path that people copy along from a browser or a document.

    :param endings: a regular expression for the end of the path, without the first slash.
    """
    found = re.fullmatch("(?P<base>[^:]+://[^/]+(/.*?)??)/+(%s)/*" % endings, url.strip(), re.IGNORECASE)
    return found.group("base").rstrip("/") if found else url


def normalized(url: str, endings: str = "", option: str = "url") -> str:
    """Return the URL in its normal form: lower-case scheme and host, no default port, no trailing slash.

    :param endings: as in :func:`without_ending`.
    :param option: the option with the URL, for the message.
    :raises PasswordError: ``invalid_input``, if it is not a URL.
    """
    url = check_url(url, option)
    parts = urlsplit(without_ending(url, endings) if endings else url)
    host = _host(parts.hostname or "")
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else ":%d" % parts.port
    return "%s://%s%s%s" % (parts.scheme, host, port, re.sub("/+", "/", parts.path).rstrip("/"))


def _host(name: str) -> str:
    """Return a host in lower case without a trailing dot; an address in its shortest form, IPv6 in brackets."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name.lower().rstrip(".")
    return "[%s]" % address if address.version == 6 else str(address)
