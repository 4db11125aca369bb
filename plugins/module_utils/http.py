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
import functools
import http.client
import http.cookiejar
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
from typing import Any, Callable, Dict, Optional, Union, cast
from urllib.parse import quote, urlsplit

from . import errors
from ._answer import MOST_LISTED, MOST_PAGES, Pages, Response, may_have_happened
from ._wire import UNDER_WAY, BoundedSocket, DeadlinePassed, TooLarge, Unreadable, decompressed
from .errors import PasswordError

# What vendors may rely on, including names from private files.
__all__ = (
    "ANSWER_LIMIT",
    "DEADLINES",
    "Headers",
    "HttpClient",
    "LISTING_LIMIT",
    "LOGIN",
    "LONGEST_TIMEOUT",
    "LONGEST_WAIT",
    "MOST_CONNECTIONS",
    "MOST_LISTED",
    "MOST_PAGES",
    "MOST_RETRIES",
    "Pages",
    "READ",
    "Response",
    "WRITE",
    "check_numbers",
    "check_tls_files",
    "check_url",
    "is_loopback",
    "may_have_happened",
    "retry_after",
    "segment",
)

try:
    import requests
    import requests.adapters
    import urllib3
    import urllib3.util.connection
except ImportError:
    requests = None  # type: ignore[assignment]
    REQUESTS_IMPORT_ERROR: Optional[str] = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

# What may be sent again, and when.
# Values may be bytes, for credentials outside ASCII.
Headers = Dict[str, Union[str, bytes]]

READ = "read"  # changes nothing: again after any passing fault
LOGIN = "login"  # may count as a failed login: again only if the server certainly did not process it
WRITE = "write"  # changes something: again only if it certainly did not happen

_RETRIED_STATUSES = {
    READ: frozenset((429, 413, 502, 503, 504)),
    LOGIN: frozenset((429, 413, 503)),
    WRITE: frozenset((429, 413)),
}

LONGEST_WAIT = 60.0  # seconds; a server that asks for more is asked again after this
LONGEST_TIMEOUT = 86400.0  # seconds; far more would overflow in the operating system
MOST_RETRIES = 1000
MOST_CONNECTIONS = 1000  # at a time
DEADLINES = 4  # time-outs that a whole request may take, where no deadline is given

# How large an answer may be, in bytes. A listing of 100,000 users has some 20 MiB; nothing else has more than a few kB.
_MIB = 2**20
ANSWER_LIMIT = 8 * _MIB
LISTING_LIMIT = 64 * _MIB

_PIECE = 2**16  # bytes read at a time
_BACKOFF_START = 0.5  # seconds
_BACKOFF_LIMIT = 10.0  # seconds


def segment(text: str) -> str:
    """A text as one segment of a path, in which no character has a special meaning.

    :raises PasswordError: ``invalid_input``: no URL can hold it. A ``..`` would reach another resource, however it is encoded.
    """
    if text in ("", ".", "..") or not text.isprintable():
        raise PasswordError(
            errors.INVALID_INPUT,
            "%s cannot be a part of a URL." % (repr(errors.encodable(text)) if text else "An empty name"),
        )
    return quote(text, safe="")


def retry_after(value: str | None, now: float | None = None) -> float | None:
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


def check_url(url: Any, option: str = "url") -> str:
    """The URL without a trailing slash.

    :param option: the option that holds it, for the message.
    :raises PasswordError: ``invalid_input``; the message never repeats the URL, which may hold a password.
    """
    url = url or ""  # "url:" with nothing behind it
    try:
        parts = urlsplit(url.strip())
        parts.port  # pylint: disable=pointless-statement  # raises ValueError for a bad port
    except ValueError:
        raise PasswordError(errors.INVALID_INPUT, "%s is not a valid URL." % option) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PasswordError(errors.INVALID_INPUT, "%s must begin with https:// (or http://) and name a host." % option)
    if parts.username is not None or parts.password is not None:
        raise PasswordError(
            errors.INVALID_INPUT, "%s must not contain a user or a password; there are options for them." % option
        )
    if not url.strip().isprintable() or " " in url.strip():
        raise PasswordError(errors.INVALID_INPUT, "%s must not contain a blank or a control character." % option)
    if "?" in url or "#" in url:
        raise PasswordError(errors.INVALID_INPUT, "%s must not contain a query or a fragment ('?' or '#')." % option)
    return str(url.strip().rstrip("/"))


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine, so that nothing travels over a network."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_tls_files(ca_path: str | None, client_cert: str | None, client_key: str | None) -> None:
    """Report a missing file before requests does so with a traceback, or asks for a pass phrase on a terminal."""
    for option, path in (("ca_path", ca_path), ("client_cert", client_cert), ("client_key", client_key)):
        if path and not os.access(path, os.R_OK):
            raise PasswordError(errors.INVALID_INPUT, "%s: there is no readable file or folder %s." % (option, path))
        if path and option != "ca_path" and not os.path.isfile(path):
            raise PasswordError(errors.INVALID_INPUT, "%s: %s is not a file." % (option, path))
    if client_key and not client_cert:
        raise PasswordError(errors.INVALID_INPUT, "client_key needs client_cert.")
    key = client_key or client_cert
    if key:
        with open(key, "rb") as stream:
            if b"ENCRYPTED" in stream.read():
                raise PasswordError(
                    errors.INVALID_INPUT, "The client key in %s is encrypted; give one without a pass phrase." % key
                )


def _chain(exc: BaseException) -> list[BaseException]:
    """The exception, and all that it was made from."""
    seen: list[BaseException] = []
    queue: list[Any] = [exc]
    while queue:
        item = queue.pop()
        if not isinstance(item, BaseException) or any(item is other for other in seen):
            continue
        seen.append(item)
        queue.extend([item.__cause__, item.__context__, getattr(item, "reason", None)])
        queue.extend(item.args)
    return seen


def _first(chain: list[BaseException], *kinds: type) -> Any:
    return next((item for item in chain if isinstance(item, kinds)), None)


def _proxy_asks_for_login(chain: list[BaseException]) -> bool:
    """Whether a proxy has refused to pass on a connection because it wants a login."""
    refusals = (_TUNNEL.search(str(item)) for item in chain if isinstance(item, OSError))
    first = next((refusal for refusal in refusals if refusal), None)
    return first is not None and first.group(1) == "407"


def _is_tls_record(chain: list[BaseException]) -> bool:
    """Whether the answer to a plain HTTP request was one of TLS."""
    garbage = _first(chain, http.client.HTTPException)
    if not isinstance(garbage, http.client.BadStatusLine) or isinstance(garbage, http.client.RemoteDisconnected):
        return False
    return _TLS_RECORD.match(str(getattr(garbage, "line", ""))) is not None


def _error_number(chain: list[BaseException]) -> int:
    """The number of the operating system's error; 0 if there is none."""
    # The exceptions of requests are OSErrors, too, but without a number; those of ssl have numbers of OpenSSL's.
    numbers = (item.errno for item in chain if isinstance(item, OSError) and not isinstance(item, ssl.SSLError))
    return int(next(filter(None, numbers), 0))


def _tls_reason(chain: list[BaseException], reason: Optional[ssl.SSLError], client_cert: bool, reached: bool) -> str:
    """Why TLS failed, as the end of a sentence."""
    if any(type(item).__name__ == "CertificateError" for item in chain):
        # urllib3 1.26 compares the names itself.
        return "the certificate is for another host"
    name = str(getattr(reason, "reason", None) or "")
    verdict = getattr(reason, "verify_message", None)
    if verdict:
        return str(verdict).rstrip(".")
    if name in _NOT_TLS and not reached:
        return "there is no TLS on this port. Give the port that has TLS, or http:// if the server has none"
    if name.endswith("CERTIFICATE_REQUIRED") or (
        name.endswith("HANDSHAKE_FAILURE") and "ALERT" in name and not client_cert
    ):
        return "the server requires a client certificate (%s). Give client_cert, and client_key" % name.lower().replace(
            "_", " "
        )
    if client_cert and "ALERT" in name:
        return "the server refuses the handshake, perhaps because of client_cert (%s)" % name.lower().replace("_", " ")
    return name.rstrip(".") or "the handshake failed"


# OpenSSL's reasons when something other than TLS answers.
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
)
# Alerts with which a server ends the handshake. With TLS 1.3 they may come after the client has begun to send, but nothing was looked at.
_HANDSHAKE_ALERT = re.compile(
    "ALERT_(CERTIFICATE_|NO_CERTIFICATE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE|DECRYPT_ERROR|PROTOCOL_VERSION)"
)
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")
# How a TLS server answers a request in plain HTTP: with an alert, or with a sentence (Go, nginx, Apache).
_TLS_RECORD = re.compile("[\x14-\x17]\x03[\0-\4]")
_TLS_WANTED = re.compile(
    "client sent an http request to an https server|plain http request was sent to https port|speaking plain http to an ssl-enabled",
    re.IGNORECASE,
)
_USE_HTTPS = "The server speaks TLS on this port: the URL must begin with https://."
_PROXY_LOGIN = "The proxy requires a login (HTTP 407), so the request was not passed on. Give user and password in the proxy's URL (https_proxy, http_proxy)."


class _Failure(Exception):
    """A request without a usable answer.

    :param error: what to report; its ``maybe_applied`` is set already.
    :param reached: whether the request may have reached the server.
    """

    def __init__(self, error: PasswordError, reached: bool) -> None:
        super().__init__(error.kind)
        self.error, self.reached = error, reached


class _BoundedConnection:
    """Goes in front of a connection class of urllib3."""

    sock: Any
    port: Any
    socket_options: Any
    _dns_host: str

    def connect(self) -> Any:
        """Connect; what is sent for that (to a proxy, for TLS) is not part of the request."""
        try:
            super().connect()  # type: ignore[misc]
        finally:
            UNDER_WAY.connected()
        if not isinstance(self.sock, BoundedSocket):
            self.sock = BoundedSocket(self.sock)

    def _new_conn(self) -> BoundedSocket:
        UNDER_WAY.sent = False
        if hasattr(self, "_socks_options"):
            return BoundedSocket(super()._new_conn())  # type: ignore[misc]
        # urllib3 would give each address of a name the whole time.
        try:
            addresses = socket.getaddrinfo(
                self._dns_host.strip("[]"), self.port, urllib3.util.connection.allowed_gai_family(), socket.SOCK_STREAM
            )
        except socket.gaierror as exc:
            raise urllib3.exceptions.NewConnectionError(cast(Any, self), "no address") from exc
        failure: Optional[OSError] = None
        for family, kind, protocol, _name, address in addresses:
            try:
                return BoundedSocket(self._connected(family, kind, protocol, address))
            except OSError as exc:
                failure = exc
        if isinstance(failure, TimeoutError):
            raise urllib3.exceptions.ConnectTimeoutError(self, "no connection in time") from failure
        raise urllib3.exceptions.NewConnectionError(cast(Any, self), "no connection") from failure

    def _connected(self, family: int, kind: int, protocol: int, address: Any) -> socket.socket:
        sock = socket.socket(family, kind, protocol)
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(UNDER_WAY.time_left())
            sock.connect(address)
            # For the handshake of TLS, which goes past BoundedSocket.
            sock.settimeout(UNDER_WAY.time_left())
        except BaseException:
            sock.close()
            raise
        return sock


@functools.lru_cache(maxsize=None)
def _bounded(pool_class: Any) -> type:
    connection = type(pool_class.ConnectionCls.__name__, (_BoundedConnection, pool_class.ConnectionCls), {})
    return type(pool_class.__name__, (pool_class,), {"ConnectionCls": connection})


def _bound(manager: Any) -> Any:
    """Let a pool manager of urllib3 make bounded connections."""
    manager.pool_classes_by_scheme = {
        scheme: _bounded(pool_class) for scheme, pool_class in manager.pool_classes_by_scheme.items()
    }
    return manager


class _Adapter(requests.adapters.HTTPAdapter if requests else object):  # type: ignore[misc]
    """Makes bounded connections, to servers and to proxies."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the one for direct connections."""
        super().init_poolmanager(*args, **options)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The one for a proxy."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        return manager if known else _bound(manager)


class _Session(requests.Session if requests else object):  # type: ignore[misc]
    """A session that never looks at where a redirect leads: it is not followed, and its location need not be a URL at all."""

    def get_redirect_target(self, resp: Any) -> None:
        """Nowhere."""


def _read(response: Any, limit: int) -> bytes:
    """The whole body of an answer, decompressed.

    :param response: of requests, made with ``stream=True``.
    :param limit: bytes, counted before and after decompression.
    """
    parts, size = [], 0
    for part in response.raw.stream(_PIECE, decode_content=False):
        size += len(part)
        if size > limit:
            raise TooLarge
        parts.append(part)
    # urllib3 1.26 does not look.
    if response.raw.length_remaining:
        raise urllib3.exceptions.IncompleteRead(size, response.raw.length_remaining)
    return decompressed(b"".join(parts), response.headers.get("Content-Encoding", ""), limit)


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
    :param deadline: seconds for a request as a whole, its repetitions included; ``None``: four times ``timeout``. Waits that the server asks for do not count.
    :raises PasswordError: ``invalid_input`` for a bad URL, file or number.
    """

    def __init__(
        self,
        base_url: str,
        scrub: Callable[..., str],
        timeout: float = 30.0,
        retries: int = 3,
        validate_certs: bool = True,
        ca_path: Optional[str] = None,
        client_cert: Optional[str] = None,
        client_key: Optional[str] = None,
        pool_size: int = 1,
        sleep: Callable[[float], Any] = time.sleep,
        deadline: Optional[float] = None,
    ) -> None:
        self.base_url = check_url(base_url)
        check_tls_files(ca_path, client_cert, client_key)
        check_numbers(timeout, retries, pool_size, deadline)
        parts = urlsplit(self.base_url)
        self.is_local = is_loopback(self.base_url)
        self._where = "%s://%s" % (parts.scheme, parts.netloc)
        self._is_plain = parts.scheme == "http"
        self._has_client_cert = bool(client_cert)
        self._scrub = scrub
        self._timeout = timeout
        self._deadline = DEADLINES * timeout if deadline is None else deadline
        self._retries = retries
        self._sleep = sleep
        self._unreachable = threading.Event()
        verify = ca_path or True if validate_certs else False
        certificate = (client_cert, client_key) if client_cert and client_key else client_cert
        self._session = self._make_session(verify, certificate, pool_size)
        if not validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def _make_session(
        self, verify: Union[bool, str], certificate: Union[None, str, tuple[str, str]], pool_size: int
    ) -> _Session:
        """The session of requests, with all that it would otherwise read from its surroundings.

        :param verify: the authorities to trust; True for the usual ones, False to check nothing.
        """
        session = _Session()
        # The environment is read here, once: requests would do so for each request, which takes longer than the rest of its work, and would also look into
        # ~/.netrc and replace our Authorization header.
        settings = session.merge_environment_settings(self.base_url, {}, False, verify, None)
        session.trust_env, session.proxies, session.verify = False, settings["proxies"], settings["verify"]
        # No vendor here needs a cookie, and one that a load balancer sets must not tie the threads to each other.
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        # What can be unfolded within a limit.
        session.headers["Accept-Encoding"] = "gzip, deflate"
        if certificate:
            session.cert = certificate
        # The retries are ours: those of urllib3 do not know which of our requests may be sent twice.
        adapter = _Adapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0, pool_block=False)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        kind: str,
        json: Any = None,
        data: Any = None,
        headers: Optional[Headers] = None,
        limit: Optional[int] = None,
        private: bool = False,
    ) -> Response:
        """Send one request, again where that is safe.

        :param method: ``GET``, ``POST``, ...
        :param path: appended to the base URL; see :func:`segment`.
        :param kind: :data:`READ`, :data:`LOGIN` or :data:`WRITE`.
        :param json: body to be sent as JSON.
        :param data: body to be sent as a form.
        :param headers: dict; values may be bytes, for credentials outside ASCII.
        :param limit: bytes that the answer may have, decompressed; ``None``: what a listing may have for a :data:`READ`, else far less.
        :param private: no message shows anything of the answer, for example because it lists password hashes.
        :return: :class:`Response`, whatever its status; but a redirect and a proxy's own refusal are errors.
        :raises PasswordError: ``connection_failed``, ``tls_failed``, ``timed_out``, ``unexpected_response``, ``invalid_input``.
            With ``maybe_applied`` if it was a :data:`WRITE` that may have reached the server.
        """
        limit = limit or (LISTING_LIMIT if kind == READ else ANSWER_LIMIT)
        left = self._deadline
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            begin = time.monotonic()
            UNDER_WAY.begin(self._timeout, left, limit)
            try:
                response, body = self._exchange(
                    method, path, limit, kind == WRITE, json=json, data=data, headers=headers
                )
            except _Failure as failure:
                left -= time.monotonic() - begin
                if failure.error.maybe_applied:
                    self._forget_connections()
                if last or left <= 0 or not self._may_repeat(failure, kind):
                    if not failure.reached and failure.error.kind != errors.INVALID_INPUT:
                        self._unreachable.set()
                    raise failure.error from None
                self._wait(attempt, None)
                continue
            left -= time.monotonic() - begin
            self._unreachable.clear()
            answer = self._received(Response(response, self._scrub, body, kind == WRITE, private), kind)
            wait = retry_after(answer.headers.get("Retry-After"))
            if last or left <= 0 or answer.status not in _RETRIED_STATUSES[kind] or (kind == WRITE and wait is None):
                return answer
            self._wait(attempt, wait)
        raise AssertionError("unreachable")

    def _received(self, answer: Response, kind: str) -> Response:
        """An answer, once it is certain that it comes from the server that was meant."""
        if kind == WRITE and not 200 <= answer.status < 300 and may_have_happened(answer.status):
            self._forget_connections()
        self._check_way(answer)
        return answer

    def _exchange(self, method: str, path: str, limit: int, writing: bool, **options: Any) -> tuple[Any, bytes]:
        """Send a request once.

        :return: the response of requests, and its body.
        :raises _Failure: there is no usable answer.
        """
        response = None
        try:
            response = self._session.request(
                method, self.base_url + path, timeout=self._timeout, allow_redirects=False, stream=True, **options
            )
            return response, _read(response, limit)
        except Exception as exc:  # pylint: disable=broad-exception-caught
            # Any type: what a server sends may break any of the libraries. Its text is not passed on, since it may hold headers or a URL.
            reached = self._reached(exc, response)
            error, proof = self._explained(exc, reached, limit, response)
            error.maybe_applied = reached and not proof and writing
            raise _Failure(error, reached) from None
        finally:
            if response is not None:
                # Where the body was read to its end the connection is back in the pool already.
                response.close()

    def _forget_connections(self) -> None:
        """A server that fails on a change may close the connection after its answer; the login that follows must not get lost on it."""
        for adapter in self._session.adapters.values():
            adapter.close()

    @staticmethod
    def _reached(exc: Exception, response: Any) -> bool:
        if response is not None or UNDER_WAY.sent is not None:
            return response is not None or bool(UNDER_WAY.sent)
        return (
            _first(
                _chain(exc),
                requests.exceptions.ReadTimeout,
                ConnectionResetError,
                ConnectionAbortedError,
                BrokenPipeError,
            )
            is not None
        )

    def _check_way(self, answer: Response) -> None:
        """Refuse what does not come from the server that was meant."""
        if 300 <= answer.status < 400:
            # Not followed: it would carry the login to another address. A redirect may be how a server answers what it has done (303).
            raise answer.unexpected("is a redirect; give the address that it leads to")
        if answer.status == 407:
            raise PasswordError(
                errors.CONNECTION_FAILED, "Connection to %s failed. %s" % (self._where, _PROXY_LOGIN), answer.status
            )
        if self._is_plain and answer.status == 400 and _TLS_WANTED.search(answer.text()[:1000]):
            raise PasswordError(
                errors.CONNECTION_FAILED, "Connection to %s failed. %s" % (self._where, _USE_HTTPS), answer.status
            )

    def _explained(self, exc: Exception, reached: bool, limit: int, response: Any) -> tuple[PasswordError, bool]:
        """What an exception means, and whether it proves that the server has not processed the request.

        :param reached: whether the request may have reached the server.
        """
        chain = _chain(exc)
        status = response.status_code if response is not None else None
        if not reached:
            error = self._unsendable(exc)
            if error is not None:
                return error, True
        if _first(chain, TooLarge):
            text = "The answer of %s is larger than %d MiB, the most that is read." % (self._where, limit // _MIB)
            return PasswordError(errors.UNEXPECTED_RESPONSE, text, status), False
        unreadable = _first(chain, Unreadable)
        if unreadable:
            return PasswordError(
                errors.UNEXPECTED_RESPONSE, "The answer of %s %s." % (self._where, unreadable), status
            ), False
        late = self._late(chain, reached)
        if late is not None:
            return late, False
        closed = _first(chain, ssl.SSLEOFError, ssl.SSLZeroReturnError)
        # A connection that was closed may still give the reason.
        alert = next(
            (
                item
                for item in chain
                if isinstance(item, ssl.SSLError) and not isinstance(item, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
            ),
            None,
        )
        if alert or (_first(chain, requests.exceptions.SSLError) and not closed):
            text = _tls_reason(chain, alert, self._has_client_cert, reached)
            proof = _HANDSHAKE_ALERT.search(str(getattr(alert, "reason", None) or "")) is not None
            return PasswordError(errors.TLS_FAILED, "TLS with %s failed: %s." % (self._where, text)), proof
        return self._broken(chain, reached, bool(closed))

    def _unsendable(self, exc: Exception) -> Optional[PasswordError]:
        """What is wrong with a request that never left, if it is the request itself."""
        if type(exc) is OSError and not exc.errno:  # pylint: disable=unidiomatic-typecheck
            # Only requests itself raises one that bare: a file that it was to read is not there.
            return PasswordError(
                errors.INVALID_INPUT,
                "There is no file or folder where REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) in the environment says.",
            )
        if isinstance(exc, (requests.exceptions.InvalidProxyURL, requests.exceptions.InvalidSchema)):
            return PasswordError(
                errors.INVALID_INPUT,
                "The proxy that the environment names cannot be used; one with socks:// needs the Python library PySocks.",
            )
        if not isinstance(
            exc, (requests.exceptions.ConnectionError, urllib3.exceptions.HTTPError, OSError)
        ) or isinstance(
            exc,
            (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, urllib3.exceptions.LocationParseError),
        ):
            return PasswordError(
                errors.INVALID_INPUT,
                "The request to %s cannot be sent: a value does not fit into an HTTP header or URL." % self._where,
            )
        return None

    def _late(self, chain: list[BaseException], reached: bool) -> Optional[PasswordError]:
        if not _first(chain, requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError, socket.timeout):
            return None
        if _first(chain, DeadlinePassed) or UNDER_WAY.is_over:
            text = "The request to %s was abandoned after %g seconds (deadline)%s." % (
                self._where,
                self._deadline,
                ": the answer was not complete" if reached else ": there was no connection",
            )
        elif not reached:
            text = "No connection to %s within %g seconds." % (self._where, self._timeout)
        else:
            text = "%s did not answer within %g seconds." % (self._where, self._timeout)
        return PasswordError(errors.TIMED_OUT, text)

    def _broken(self, chain: list[BaseException], reached: bool, closed_in_tls: bool) -> tuple[PasswordError, bool]:
        """A connection that could not be made, or ended too early."""
        failed = "Connection to %s failed" % self._where
        if _proxy_asks_for_login(chain):
            return PasswordError(errors.CONNECTION_FAILED, "%s. %s" % (failed, _PROXY_LOGIN), 407), True
        if self._is_plain and _is_tls_record(chain):
            return PasswordError(errors.CONNECTION_FAILED, "%s. %s" % (failed, _USE_HTTPS)), False
        reason = self._why_broken(chain, reached, closed_in_tls)
        if reason is None:
            return PasswordError(
                errors.UNEXPECTED_RESPONSE, "The answer of %s is not readable HTTP." % self._where
            ), False
        return PasswordError(errors.CONNECTION_FAILED, "%s: %s." % (failed, reason)), not reached

    def _why_broken(self, chain: list[BaseException], reached: bool, closed_in_tls: bool) -> Optional[str]:
        """Why there is no connection, as the end of a sentence; ``None`` if there is one, and what came over it is not HTTP."""
        # urllib3 1.26 also blames the proxy when a connection through it breaks after the request was sent.
        broken = _first(chain, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
        if not reached and not broken and _first(chain, urllib3.exceptions.ProxyError, requests.exceptions.ProxyError):
            return "the proxy refused or could not be reached"
        if _first(chain, socket.gaierror):
            return "the name cannot be resolved"
        number = _error_number(chain)
        if number:
            return os.strerror(number).lower()
        if closed_in_tls and not reached:
            return "the connection was closed during the TLS handshake; perhaps there is no TLS on this port"
        unanswered = _first(chain, http.client.RemoteDisconnected)
        if unanswered and self._is_plain and not self.is_local:
            return "the connection was closed without an answer; if the server speaks TLS on this port, the URL must begin with https://"
        ended = unanswered or _first(chain, http.client.IncompleteRead, urllib3.exceptions.IncompleteRead)
        lost = _first(chain, requests.exceptions.ConnectionError, urllib3.exceptions.ProtocolError, OSError)
        if ended or closed_in_tls or not reached or (lost and not _first(chain, http.client.HTTPException)):
            return "the connection was closed"
        return None

    def _may_repeat(self, failure: _Failure, kind: str) -> bool:
        if failure.error.kind not in (errors.CONNECTION_FAILED, errors.TIMED_OUT) or failure.error.http_status == 407:
            return False
        if failure.reached:
            return kind == READ
        # Once one request has failed for good, the others do not wait for the same server all over again.
        return not self._unreachable.is_set()

    def _wait(self, attempt: int, seconds: Optional[float]) -> None:
        if seconds is None:
            seconds = min(_BACKOFF_START * 2**attempt, _BACKOFF_LIMIT) * random.uniform(0.5, 1.0)
        self._sleep(seconds)


def check_numbers(timeout: float, retries: int, concurrency: int, deadline: Optional[float] = None) -> None:
    """Refuse numbers that no connection can have.

    :raises PasswordError: ``invalid_input``; it names the option.
    """
    for name, value, least, most in (
        ("concurrency", concurrency, 1, MOST_CONNECTIONS),
        ("retries", retries, 0, MOST_RETRIES),
    ):
        if value < least:
            raise PasswordError(errors.INVALID_INPUT, "%s must be at least %d." % (name, least))
        if value > most:
            raise PasswordError(errors.INVALID_INPUT, "%s must be at most %d." % (name, most))
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise PasswordError(
            errors.INVALID_INPUT, "timeout must be more than 0 and at most %d seconds." % LONGEST_TIMEOUT
        )
    if deadline is not None and not 0 < deadline <= DEADLINES * LONGEST_TIMEOUT:
        raise PasswordError(
            errors.INVALID_INPUT, "deadline must be more than 0 and at most %d seconds." % (DEADLINES * LONGEST_TIMEOUT)
        )
