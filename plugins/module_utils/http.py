# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one HTTP client: TLS, proxies, time-outs, retries, and errors in the collection's own terms.

It never follows a redirect (a login would travel to another host), never reads ~/.netrc (it would replace the login that
the vendor file has set), and never lets a text of the requests library out (they hold URLs, headers and tokens).
"""

from __future__ import annotations

import datetime
import email.utils
import html
import ipaddress
import math
import os
import random
import re
import socket
import ssl
import threading
import time
import traceback
from urllib.parse import urlsplit

from . import errors
from .errors import VendorError

try:
    import requests
    import requests.adapters
    import urllib3
except ImportError:
    requests = None
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

# What may be sent again, and when.
READ = "read"  # changes nothing: again after any passing fault
LOGIN = "login"  # may count as a failed login: again only if the server certainly did not look at it
WRITE = "write"  # changes something: again only if it certainly did not happen

_RETRIED_STATUSES = {
    READ: frozenset((429, 413, 502, 503, 504)),
    LOGIN: frozenset((429, 413, 503)),
    WRITE: frozenset((429, 413)),
}

LONGEST_WAIT = 60.0  # seconds; a server that asks for more is asked again after this
_BACKOFF_START = 0.5  # seconds
_BACKOFF_LIMIT = 10.0  # seconds
_EXCERPT = 300  # characters of a vendor's text in a message
_LOOKED_AT = 20000  # characters of a page in which its text is looked for


class Response:
    """A vendor's answer.

    ``status`` is the HTTP status, ``headers`` the headers (names in any case). What leaves by :meth:`excerpt` is scrubbed;
    :meth:`json` is not, since it holds what the vendor file looks up (ids, names, tokens).
    """

    def __init__(self, response, scrub):
        self._response = response
        self._scrub = scrub
        self.status = response.status_code
        self.headers = response.headers

    def json(self):
        """The parsed body.

        :raises VendorError: ``unexpected_response``, if the body is not JSON.
        """
        try:
            return self._response.json()
        except (ValueError, RecursionError):
            raise self.unexpected("is not JSON") from None

    def json_object(self):
        """The parsed body if it is a JSON object, else an empty dict."""
        try:
            body = self._response.json()
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}

    def excerpt(self):
        """The beginning of the body as one line of plain text, without tags and secrets."""
        text = self._scrub(self.text()[:_LOOKED_AT], cut=True)
        text = html.unescape(re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE))
        # Unescaping may have brought a secret to light.
        return self.shorten(text)

    def shorten(self, text):
        """The beginning of a text out of the body, for example of its message, as one line and without secrets."""
        # Cutting must come last, or half a secret would stay.
        text = self._scrub(" ".join(self._scrub(text).split()))
        return text if len(text) <= _EXCERPT else text[:_EXCERPT] + " ..."

    def text(self):
        """The body as text, not scrubbed. Without a declared character set it is UTF-8, where requests would guess from the bytes and might garble a secret."""
        if "charset" in self.headers.get("Content-Type", "").lower():
            text = self._response.text
        else:
            try:
                text = self._response.content.decode("utf-8")
            except UnicodeDecodeError:
                text = self._response.content.decode("latin-1")
        # UTF-16 that nobody declared has one between any two letters of a secret.
        return text.replace("\0", "")

    def unexpected(self, what, maybe_applied=False):
        """An ``unexpected_response`` error for this answer.

        :param what: what is odd about it, as the end of the sentence "the server's answer ...".
        """
        excerpt = self.excerpt()
        return VendorError(
            errors.UNEXPECTED_RESPONSE,
            "The server's answer %s (HTTP %d)%s" % (what, self.status, ": " + excerpt if excerpt else "."),
            http_status=self.status,
            maybe_applied=maybe_applied,
        )


def retry_after(value, now=None):
    """Seconds that a Retry-After header asks to wait.

    :param value: the header: seconds or an HTTP date (RFC 9110, 10.2.3), or ``None``.
    :param now: the time in seconds since the epoch (default: the clock).
    :return: seconds from 0 to :data:`LONGEST_WAIT`, or ``None`` if there is no sensible value.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = email.utils.parsedate_to_datetime(value)
        except (TypeError, ValueError, OverflowError):
            return None
        if at.tzinfo is None:
            # Of the three forms of an HTTP date one names no zone; all are in UTC.
            at = at.replace(tzinfo=datetime.timezone.utc)
        seconds = at.timestamp() - (time.time() if now is None else now)
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def check_url(url, option="url"):
    """The URL without a trailing slash.

    :param option: the option that holds it, for the message.
    :raises VendorError: ``invalid_input``; the message never repeats the URL, which may hold a password.
    """
    url = url or ""  # "url:" with nothing behind it
    try:
        parts = urlsplit(url.strip())
        parts.port  # pylint: disable=pointless-statement  # raises ValueError for a bad port
    except ValueError:
        raise VendorError(errors.INVALID_INPUT, "%s is not a valid URL." % option) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise VendorError(errors.INVALID_INPUT, "%s must begin with https:// (or http://) and name a host." % option)
    if parts.username is not None or parts.password is not None:
        raise VendorError(errors.INVALID_INPUT, "%s must not hold a user or a password; there are options for them." % option)
    if not url.strip().isprintable() or " " in url.strip():
        raise VendorError(errors.INVALID_INPUT, "%s must not hold a blank or a control character." % option)
    if "?" in url or "#" in url:
        raise VendorError(errors.INVALID_INPUT, "%s must not hold a query or a fragment ('?' or '#')." % option)
    return url.strip().rstrip("/")


def is_loopback(url):
    """Whether the URL's host is this machine, so that nothing travels over a network."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_tls_files(ca_path, client_cert, client_key):
    """Say which file is missing before requests does so with a traceback, or asks for a pass phrase on a terminal."""
    for option, path in (("ca_path", ca_path), ("client_cert", client_cert), ("client_key", client_key)):
        if path and not os.access(path, os.R_OK):
            raise VendorError(errors.INVALID_INPUT, "%s: there is no readable file or folder %s." % (option, path))
        if path and option != "ca_path" and not os.path.isfile(path):
            raise VendorError(errors.INVALID_INPUT, "%s: %s is no file." % (option, path))
    if client_key and not client_cert:
        raise VendorError(errors.INVALID_INPUT, "client_key needs client_cert.")
    key = client_key or client_cert
    if key:
        with open(key, "rb") as stream:
            if b"ENCRYPTED" in stream.read():
                raise VendorError(errors.INVALID_INPUT, "The client key in %s is encrypted; give one without a pass phrase." % key)


def _chain(exc):
    """The exception, and all that it was made from."""
    seen, queue = [], [exc]
    while queue:
        item = queue.pop()
        if not isinstance(item, BaseException) or any(item is other for other in seen):
            continue
        seen.append(item)
        queue.extend([item.__cause__, item.__context__, getattr(item, "reason", None)])
        queue.extend(item.args)
    return seen


def _first(chain, *kinds):
    return next((item for item in chain if isinstance(item, kinds)), None)


def _transport_error(exc, where, timeout):
    """Translate an exception of requests; its text never leaves, since it may hold headers or a URL.

    :param where: scheme, host and port, for the message.
    :param timeout: the time-out in seconds, for the message.
    """
    chain = _chain(exc)
    if _first(chain, requests.exceptions.ConnectTimeout):
        return VendorError(errors.TIMED_OUT, "No connection to %s within %g seconds." % (where, timeout))
    if _first(chain, requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError, socket.timeout):
        return VendorError(errors.TIMED_OUT, "%s did not answer within %g seconds." % (where, timeout), maybe_applied=True)
    closed = _first(chain, ssl.SSLEOFError, ssl.SSLZeroReturnError)
    if _first(chain, requests.exceptions.SSLError, ssl.SSLError) and not closed:
        reason = _first(chain, ssl.SSLError)
        text = getattr(reason, "verify_message", None) or getattr(reason, "reason", None) or "the handshake failed"
        if any(type(item).__name__ == "CertificateError" for item in chain):
            # urllib3 1.26 compares the names itself.
            text = "the certificate is for another host"
        return VendorError(errors.TLS_FAILED, "TLS with %s failed: %s." % (where, str(text).rstrip(".")))
    # urllib3 1.26 also calls it a fault of the proxy when a connection through it breaks after the request was sent.
    broken = _first(chain, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
    proxy = _first(chain, urllib3.exceptions.ProxyError, requests.exceptions.ProxyError) and not broken
    refused = proxy or _first(chain, urllib3.exceptions.NewConnectionError)
    # The exceptions of requests are OSErrors, too, but without a number; those of ssl have numbers of OpenSSL's.
    reason = next((item for item in chain if isinstance(item, OSError) and item.errno and not isinstance(item, ssl.SSLError)), None)
    if proxy:
        text = "the proxy refused or could not be reached"
    elif _first(chain, socket.gaierror):
        text = "the name cannot be resolved"
    elif reason is not None:
        text = os.strerror(reason.errno).lower()
    else:
        text = "the connection was closed"
    return VendorError(errors.CONNECTION_FAILED, "Connection to %s failed: %s." % (where, text), maybe_applied=not refused)


class HttpClient:
    """Sends requests to one server over kept-alive connections; safe to share between threads.

    :param base_url: scheme, host, port and perhaps a path.
    :param scrub: a :class:`~.scrub.Scrubber` that knows the secrets of the call.
    :param timeout: seconds to wait for a connection, and then for each piece of an answer.
    :param retries: how often a request is sent again at most.
    :param validate_certs: whether the server's certificate is checked.
    :param ca_path: file or folder with the authorities to trust, or ``None``.
    :param client_cert: file with the client's certificate (and perhaps its key), or ``None``.
    :param client_key: file with the client's key, or ``None``.
    :param pool_size: connections kept open at most.
    :param sleep: called with seconds to wait.
    :raises VendorError: ``invalid_input`` for a bad URL or file.
    """

    def __init__(
        self, base_url, scrub, timeout=30.0, retries=3, validate_certs=True, ca_path=None, client_cert=None,
        client_key=None, pool_size=1, sleep=time.sleep,
    ):  # fmt: skip
        self.base_url = check_url(base_url)
        _check_tls_files(ca_path, client_cert, client_key)
        parts = urlsplit(self.base_url)
        self.is_local = is_loopback(self.base_url)
        self._where = "%s://%s" % (parts.scheme, parts.netloc)
        self._scrub = scrub
        self._timeout = timeout
        self._retries = retries
        self._sleep = sleep
        self._unreachable = threading.Event()
        self._session = requests.Session()
        # The environment is read here and once: requests would do so for each request, which takes longer than the rest of its work, and would also look into
        # ~/.netrc and replace our Authorization header.
        verify = ca_path or True if validate_certs else False
        found = self._session.merge_environment_settings(self.base_url, {}, False, verify, None)
        self._session.trust_env, self._session.proxies, self._session.verify = False, found["proxies"], found["verify"]
        # No vendor here needs a cookie, and one that a load balancer sets must not tie the threads to each other.
        self._session.cookies.set_policy(requests.compat.cookielib.DefaultCookiePolicy(allowed_domains=[]))
        if client_cert:
            self._session.cert = (client_cert, client_key) if client_key else client_cert
        if not validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        # The retries are ours: those of urllib3 do not know which of our requests may be sent twice.
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0, pool_block=False)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self):
        """Close all connections."""
        self._session.close()

    def request(self, method, path, kind, json=None, data=None, headers=None):
        """Send one request, again where that is safe.

        :param method: ``GET``, ``POST``, ...
        :param path: appended to the base URL.
        :param kind: :data:`READ`, :data:`LOGIN` or :data:`WRITE`.
        :param json: body to be sent as JSON.
        :param data: body to be sent as a form.
        :param headers: dict; values may be bytes, for credentials outside ASCII.
        :return: :class:`Response`, whatever its status.
        :raises VendorError: ``connection_failed``, ``tls_failed``, ``timed_out``; ``maybe_applied`` says whether the request may have
            reached the server.
        """
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                response = self._session.request(
                    method, self.base_url + path, json=json, data=data, headers=headers, timeout=self._timeout, allow_redirects=False
                )  # fmt: skip
            except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as exc:
                error = self._error(exc)
                if last or not self._may_repeat(error, kind):
                    if not error.maybe_applied and error.kind != errors.INVALID_INPUT:
                        self._unreachable.set()
                    raise error from None
                self._wait(attempt, None)
                continue
            self._unreachable.clear()
            if 300 <= response.status_code < 400:
                # Not followed: it would carry the login to another address.
                raise Response(response, self._scrub).unexpected("is a redirect; give the address that it leads to")
            wait = retry_after(response.headers.get("Retry-After"))
            if last or response.status_code not in _RETRIED_STATUSES[kind] or (kind == WRITE and wait is None):
                return Response(response, self._scrub)
            self._wait(attempt, wait)
        raise AssertionError("unreachable")

    def _error(self, exc):
        if type(exc) is OSError and not exc.errno:  # pylint: disable=unidiomatic-typecheck
            # Only requests itself raises one that bare: a file that it was to read is not there.
            return VendorError(errors.INVALID_INPUT, "There is no file or folder where REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) in the environment says.")
        if isinstance(exc, (requests.exceptions.InvalidProxyURL, requests.exceptions.InvalidSchema)):
            return VendorError(errors.INVALID_INPUT, "The proxy that the environment names cannot be used; one with socks:// needs the Python library PySocks.")
        unusable = (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError, UnicodeError)
        if isinstance(exc, unusable):
            return VendorError(errors.INVALID_INPUT, "The request to %s cannot be sent: a value does not fit into an HTTP header or URL." % self._where)
        return _transport_error(exc, self._where, self._timeout)

    def _may_repeat(self, error, kind):
        if error.kind not in (errors.CONNECTION_FAILED, errors.TIMED_OUT):
            return False
        if error.maybe_applied:
            return kind == READ
        # Once one request has tried in vain to the end, the others do not wait for the same server all over again.
        return not self._unreachable.is_set()

    def _wait(self, attempt, seconds):
        if seconds is None:
            seconds = min(_BACKOFF_START * 2**attempt, _BACKOFF_LIMIT) * random.uniform(0.5, 1.0)
        self._sleep(seconds)
