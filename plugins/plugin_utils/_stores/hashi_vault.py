# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HashiCorp Vault and OpenBao: one secret per user in a KV secrets engine of version 2, at ``<mount_point>/<path>/<host>/<user>``.

Notes are secrets beside the folders of the hosts, at ``<mount_point>/<path>/.rekey/<name>``.

Every write carries ``cas``, the number of the version that it replaces (0: there is none), which the server compares and sets under one
lock. So a write that is repeated after its answer was lost either does nothing or is the first one, and reading shows which.

Facts: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 (data, cas, deleted and destroyed versions),
https://developer.hashicorp.com/vault/api-docs (headers, HTTP status),
https://developer.hashicorp.com/vault/api-docs/system/internal-ui-mounts (which engine a mount is; any token that may use the mount may ask).
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Optional, Union
from urllib.parse import quote, unquote, urlencode

from ansible.errors import AnsibleError
from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.parameters import AnsibleFallbackNotFound
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.rekey.passwords.plugins.module_utils import errors, http
from ansible_collections.rekey.passwords.plugins.module_utils._environment import from_environment
from ansible_collections.rekey.passwords.plugins.module_utils._parallel import run_parallel
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import Outside, PasswordError

from .._vault_logins import AUTH_METHODS, Login, auth_method, login_of, require
from ..store import Entry, Note, Store, StoreConflict, damaged_record, failure, read_record, sound

try:
    import hvac
    import hvac.adapters
except ImportError:
    hvac = None

_NOTES = ".rekey"  # the folder of the notes; the folder of a host never begins with a dot
_RENEWED_AT = 0.9  # part of a token's life after which another login is made
_LOGINS = 5  # more than one for a single request only if its tokens are used up by others
_STALE = "check-and-set parameter did not match"  # how the server says that cas is not the current version
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_HINTS = {
    403: "Has the token expired, or does its policy not allow this? The page on stores lists the capabilities needed.",
    404: "Are mount_point, path and namespace right?",
    429: "The server limits the rate of requests; a lower concurrency may do.",
    503: "It may be sealed or in maintenance.",
}


class _Stale(Exception):
    """The version that a write was to replace is not the current one."""


class _NoSecret(PasswordError):
    """A version of a secret holds something else than names and values."""

    def __init__(self, message: str, data: Any, version: int) -> None:
        super().__init__(errors.STORE_FAILED, message)
        self.data, self.version = data, version


@dataclass
class _Token:
    """A token, and how long it is good for."""

    text: str = field(repr=False)
    good_until: float = float("inf")  # on the monotonic clock
    uses: float = float("inf")  # requests that it is still good for
    has_worked: bool = False  # whether the server has taken it


@dataclass(frozen=True)
class _Held:
    """What the server holds of a secret."""

    data: Optional[Dict[str, Any]] = field(repr=False)  # of the newest version; None if there is none that can be read
    version: int  # the number of the newest version; 0 if there is no secret
    destroyed: bool = False


def _from_duration(name: str) -> Any:
    """A fallback: seconds out of a variable that Vault's own program reads as ``90``, ``90s`` or ``1m30s``."""
    text = from_environment(name)
    match = _DURATION.fullmatch(text)
    if not match:
        return text  # the message about the type then names the option
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _from_skip(name: str) -> bool:
    """A fallback: the contrary of a variable that says not to check certificates."""
    try:
        return not boolean(from_environment(name))
    except TypeError:
        raise AnsibleFallbackNotFound from None


def _option(*names: str, **option: Any) -> Dict[str, Any]:
    return dict(option, fallback=(from_environment, list(names)))


_HvacAdapter: Any = hvac.adapters.Adapter if hvac else object


class _Adapter(_HvacAdapter):
    """Lets hvac speak through the collection's own HTTP client; every status is an answer here, none an exception.

    :param namespace: that of all requests, if there is one.
    """

    # That one opens connections of its own.
    def __init__(self, client: http.HttpClient, namespace: Optional[str]) -> None:  # pylint: disable=super-init-not-called
        self._thread = threading.local()
        self._client = client
        # What hvac asks for before a login by certificate; the client has both, or refuses by itself.
        self._kwargs = {"verify": True, "cert": True}
        self._headers = {"X-Vault-Request": "true"}
        if namespace:
            self._headers["X-Vault-Namespace"] = namespace

    @property
    def token(self) -> Optional[str]:
        """The token of this thread's requests: another thread may have replaced its own meanwhile."""
        return getattr(self._thread, "token", None)

    @token.setter
    def token(self, token: Optional[str]) -> None:
        self._thread.token = token

    def get_login_token(self, response: http.Response) -> str:
        """The token in the answer to a login."""
        token: str = response.json_object()["auth"]["client_token"]
        return token

    def request(  # pylint: disable=arguments-differ
        self,
        method: str,
        url: str,
        headers: Optional[Dict[str, str]] = None,
        raise_exception: bool = True,
        json: Any = None,
        params: Optional[Dict[str, Any]] = None,
        **kwargs: Any,
    ) -> http.Response:
        """Send one of hvac's requests, and return its :class:`~..module_utils.http.Response`."""
        if method == "list":
            # The same as the method LIST, which proxies may not know.
            method, params = "get", {"list": "true"}
        kind = http.READ if method == "get" else http.LOGIN if url.endswith("/login") else http.WRITE
        sent: Dict[str, Union[str, bytes]] = dict(self._headers, **headers or {})
        if self.token:
            sent["X-Vault-Token"] = self.token
        return self._client.request(
            method.upper(), url + ("?" + urlencode(params) if params else ""), kind, json=json, headers=sent
        )


class HashiVaultStore(Store):
    """Records in a KV secrets engine of version 2."""

    compares_and_sets = True
    keeps_versions = True

    argument_spec = dict(
        url=_option("VAULT_ADDR", type="str", required=True),
        auth_method=_option("VAULT_AUTH_METHOD", type="str", choices=AUTH_METHODS),
        token=_option("VAULT_TOKEN", type="str", no_log=True),
        role_id=_option("VAULT_ROLE_ID", type="str"),
        secret_id=_option("VAULT_SECRET_ID", type="str", no_log=True),
        jwt=_option("VAULT_JWT_TOKEN", type="str", no_log=True),
        jwt_path=_option("VAULT_JWT_PATH", type="path"),
        auth_mount_point=_option(
            "VAULT_AUTH_MOUNT_POINT", "VAULT_APPROLE_MOUNT_POINT", type="str", aliases=["approle_mount_point"]
        ),
        namespace=_option("VAULT_NAMESPACE", type="str"),
        mount_point=_option("VAULT_MOUNT_POINT", type="str", default="secret"),
        path=_option("VAULT_PATH_PREFIX", type="str", default="rekey"),
        validate_certs=dict(type="bool", default=True, fallback=(_from_skip, ["VAULT_SKIP_VERIFY"])),
        ca_path=_option("VAULT_CACERT", "VAULT_CAPATH", type="path"),
        client_cert=_option("VAULT_CLIENT_CERT", type="path"),
        client_key=_option("VAULT_CLIENT_KEY", type="path", no_log=False),
        timeout=dict(type="float", default=30.0, fallback=(_from_duration, ["VAULT_CLIENT_TIMEOUT"])),
        deadline=_option("VAULT_DEADLINE", type="float"),
        retries=_option("VAULT_MAX_RETRIES", type="int", default=3),
        concurrency=_option("VAULT_CONCURRENCY", type="int", default=8),
    )

    def __init__(self, host: str, options: Dict[str, Any], loader: Any) -> None:
        super().__init__(host, options, loader)
        if hvac is None:
            raise PasswordError(errors.INVALID_INPUT, missing_required_lib("hvac"))
        token = (options["token"] or "").strip()
        self._scrub = Scrubber((token,))
        method = auth_method(options)
        login_mount = options["auth_mount_point"]
        login_mount = method if login_mount is None else _path("auth_mount_point", login_mount)
        self._login = login_of(method, options, login_mount, self._scrub)
        require(options["timeout"] > 0, "timeout must be more than 0.")
        require(options["retries"] >= 0, "retries must not be negative.")
        self._mount = _path("mount_point", options["mount_point"])
        path = _path("path", options["path"])
        self._folder, self._notes = "%s/%s" % (path, _segment(host)), "%s/%s" % (path, _NOTES)
        self._retries, self._concurrency = options["retries"], options["concurrency"]
        self._http = http.HttpClient(
            options["url"],
            self._scrub,
            options["timeout"],
            self._retries,
            options["validate_certs"],
            options["ca_path"],
            options["client_cert"],
            options["client_key"],
            pool_size=self._concurrency,
            deadline=options["deadline"],
        )
        self._url = self._http.base_url
        namespace = (options["namespace"] or "").strip("/")
        self._adapter = _Adapter(self._http, _path("namespace", namespace) if namespace else None)
        self._client = hvac.Client(url=self._url, token="", adapter=lambda **_options: self._adapter)
        self._lock = threading.Lock()  # of the token
        self._token = None if self._login else _Token(token)
        self._checking = threading.Lock()
        self._is_checked = False  # whether the mount is known to be what it should be
        self._warn(options["validate_certs"])

    def get(self, users: Iterable[str]) -> Dict[str, Entry]:
        names = list(dict.fromkeys(users))
        if names:
            # Not left to the workers: each would try a login that is refused, and a role is locked after a few.
            with self._lock:
                self._ensure_token()
        return dict(zip(names, run_parallel(self._entry, names, self._concurrency)))

    def put(self, entries: Dict[str, Entry]) -> None:
        if not entries:
            return
        self._check_mount()
        written = run_parallel(lambda user: self._put_record(user, entries[user]), entries, self._concurrency)
        conflicts = sorted(user for user, done in zip(entries, written) if not done)
        if conflicts:
            raise StoreConflict(conflicts)

    def list(self) -> List[str]:
        place = "the list of %s/%s" % (self._mount, self._folder)
        answer = self._ask(place, self._client.secrets.kv.v2.list_secrets, self._folder)
        if answer.status == 404 and _is_nothing(answer):
            self._check_mount()
            return []
        if answer.status != 200:
            raise self._refusal("Reading " + place, answer)
        keys = _member(answer.json_object(), "data", "keys")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise failure("The answer of %s to the request for %s is not one of Vault." % (self._url, place))
        # Folders below are somebody else's.
        return sorted(unquote(key) for key in keys if not key.endswith("/"))

    def close(self) -> None:
        if self._login and self._token:
            # One without a use left has ended by itself.
            if self._token.uses > 0:
                self._adapter.token = self._token.text
                with suppress(Exception):
                    self._client.auth.token.revoke_self()
            self._token = None
        self._http.close()

    def read_note(self, name: str) -> Note:
        path = self._note_path(name)
        held = self._fetch(path)
        if held.data is None:
            # It was deleted on purpose; the next one continues its numbering.
            return Note(None, held.version or None)
        try:
            content = json.loads(held.data["content"])
        except (KeyError, TypeError, ValueError):
            content = None
        if not isinstance(content, dict):
            raise failure(
                "%s at %s is not a note of the rotation. Delete it (vault kv delete -mount=%s %s), or choose another path if somebody else needs it."
                % (self._location(path), self._url, self._mount, path)
            )
        return Note(content, held.version)

    def write_note(self, name: str, content: Dict[str, Any], version: Any) -> int:
        self._check_mount()
        # One text, since servers limit the number of texts in a request; and two writers may write the same content, so it does not show whose it is.
        data = {"content": json.dumps(content, sort_keys=True), "writer": uuid.uuid4().hex}
        if not self._write(self._note_path(name), data, version, lambda held: held == data):
            raise StoreConflict([name])
        return (version or 0) + 1

    def _note_path(self, name: str) -> str:
        return "%s/%s" % (self._notes, _segment(name))

    # One secret

    def _location(self, path: str) -> str:
        return "%s/%s" % (self._mount, path)

    def _record_path(self, user: str) -> str:
        return "%s/%s" % (self._folder, _segment(user))

    def _entry(self, user: str) -> Entry:
        path = self._record_path(user)
        try:
            held = self._fetch(path)
        except _NoSecret as odd:
            return Entry(damaged_record(odd.message, odd.data, user, self.host), odd.version)
        if held.data is None and held.version:
            raise failure(self._deleted(path, held))
        if held.data is None:
            return Entry(None, None)
        return Entry(
            read_record(held.data, user, "%s at %s" % (self._location(path), self._url), self.host), held.version
        )

    def _fetch(self, path: str) -> _Held:
        """The newest version of a secret."""
        place = self._location(path)
        answer = self._ask(place, self._client.secrets.kv.v2.read_secret_version, path, raise_on_deleted_version=True)
        body = answer.json_object()
        version = _member(body, "data", "metadata", "version")
        if answer.status == 404 and _is_version(version):
            return _Held(None, version, bool(_member(body, "data", "metadata", "destroyed")))
        if answer.status == 404 and _is_nothing(answer):
            # Any mount gives this answer for what it does not have, even one that keeps no versions.
            self._check_mount()
            return _Held(None, 0)
        if answer.status != 200:
            raise self._refusal("Reading %s" % place, answer)
        data = _member(body, "data", "data")
        if not isinstance(data, dict) or not _is_version(version):
            # The body is not shown: it may be half a record.
            message = (
                "The response from %s for %s is not a KV v2 secret. Restore the secret, or check for a proxy in between; it is not overwritten."
                % (self._url, place)
            )
            raise _NoSecret(message, data, version) if _is_version(version) else failure(message)
        return _Held(data, version)

    def _deleted(self, path: str, held: _Held) -> str:
        name = "-mount=%s" % self._mount, path
        repair = "vault kv undelete %s -versions=%s %s" % (name[0], held.version, name[1])
        if held.destroyed:
            repair = "vault kv rollback %s -version=... %s" % name
        return (
            "The newest version (%s) of %s at %s is %s. It is not overwritten. Restore one (%s), or, to forget this user and its passwords, delete all of it "
            "(vault kv metadata delete %s %s)."
        ) % (held.version, self._location(path), self._url, "destroyed" if held.destroyed else "deleted", repair, *name)

    def _put_record(self, user: str, entry: Entry) -> bool:
        # An empty password would be read as one ("<nil>") by programs that print a field.
        data = {key: value for key, value in entry.known.as_dict().items() if value is not None}
        self._scrub.add(*entry.known.secrets)
        return self._write(self._record_path(user), data, entry.version, lambda held: held == data)

    def _write(self, path: str, data: Dict[str, Any], version: Any, is_ours: Callable[[Dict[str, Any]], bool]) -> bool:
        """Write a secret in place of one of its versions.

        :param version: the number of the newest version as it was read; ``None`` if there was no secret.
        :param is_ours: whether what was read is what this call has written.
        :return: whether it was written; if not, somebody else has changed it.
        """
        cas = version or 0
        if not _is_version(cas) and cas != 0:
            return False
        doubt: Optional[PasswordError] = None
        for _try in range(self._retries + 1):
            try:
                self._send(path, data, cas)
                return True
            except _Stale:
                if doubt is None:
                    return False
            except PasswordError as error:
                if not error.maybe_applied:
                    raise
                doubt = error
            # The answer is lost, the write perhaps not. If it is not there (yet), the same write again can do no harm: only one of them counts.
            held = self._fetch_after_doubt(path)
            if held.version == cas + 1 and held.data is not None and is_ours(held.data):
                return True
            if held.version != cas:
                return False
        if doubt is None:
            raise AssertionError("a write that was tried ends in an answer or a doubt")
        raise doubt

    def _fetch_after_doubt(self, path: str) -> _Held:
        """The newest version of a secret after a write whose answer was lost."""
        try:
            return self._fetch(path)
        except PasswordError as error:
            raise error.with_message(
                "Whether %s was written is not known. %s" % (self._location(path), error.message)
            ) from None

    def _send(self, path: str, data: Dict[str, Any], cas: int) -> None:
        """One write.

        :raises _Stale: the current version is another one.
        :raises PasswordError: ``store_failed``; with ``maybe_applied`` if it may have been written all the same.
        """
        place = self._location(path)
        answer = self._ask(place, self._client.secrets.kv.v2.create_or_update_secret, path, secret=data, cas=cas)
        if answer.status == 400 and _STALE in " ".join(_texts(answer)):
            raise _Stale
        if answer.status != 200:
            raise self._refusal("Writing %s" % place, answer, maybe_applied=answer.status >= 500 or answer.status < 300)
        metadata = _member(answer.json_object(), "data")
        if _member(metadata, "version") != cas + 1:
            raise PasswordError(
                errors.STORE_FAILED, "%s did not confirm that %s was written." % (self._url, place), maybe_applied=True
            )
        if _member(metadata, "deletion_time"):
            raise failure(
                "%s at %s was written, but the server is to delete it at %s. Passwords must not vanish: set delete_version_after to 0s for the mount "
                "(vault write %s/config delete_version_after=0s) and for the secret, and run again."
                % (place, self._url, metadata["deletion_time"], self._mount)
            )

    # All requests

    def _ask(self, what: str, request: Callable[..., Any], *args: Any, **kwargs: Any) -> http.Response:
        """The answer to one request of hvac's, whatever its status.

        :param what: the place, for the message.
        :raises PasswordError: ``store_failed``.
        """
        return self._asked(what, request, *args, mount_point=self._mount, **kwargs)

    def _asked(self, what: str, request: Callable[..., Any], *args: Any, uses: int = 1, **kwargs: Any) -> http.Response:
        """The answer to a request with a token; with another token if this one has come to its end before its time.

        :param uses: how many of the token's uses the server counts for it.
        """
        for last in (*[False] * _LOGINS, True):
            token = self._use_token(uses)
            self._adapter.token = token.text
            answer = self._sent(what, request, *args, **kwargs)
            if answer.status != 403:
                token.has_worked = True
            elif self._login and not last and _has_ended(answer) and self._drop(token):
                continue
            break
        return answer

    def _sent(self, what: str, request: Callable[..., Any], *args: Any, **kwargs: Any) -> http.Response:
        try:
            answer: http.Response = request(*args, **kwargs)
            return answer
        except PasswordError as error:
            raise error.with_message("%s: %s" % (what, error.message), errors.STORE_FAILED) from None

    def _use_token(self, uses: int) -> _Token:
        """The token for one request."""
        with self._lock:
            token = self._ensure_token()
            token.uses -= uses
            return token

    def _drop(self, token: _Token) -> bool:
        """Do without a token that the server has refused.

        :return: whether another one may do: a new one that the server refuses as well lacks the permission.
        """
        with self._lock:
            if self._token is token:
                if not token.has_worked:
                    return False
                self._token = None
            return True

    def _ensure_token(self) -> _Token:
        """A token that is good for a request; the lock is held."""
        # The token of a login may be shorter-lived than a change of many passwords.
        login, token = self._login, self._token
        if login and (token is None or token.uses < 1 or time.monotonic() >= token.good_until):
            self._token = None
            self._token = token = self._log_in(login)
        if token is None:
            raise AssertionError("a store without a login has a token from the beginning")
        return token

    def _log_in(self, login: Login) -> _Token:
        self._adapter.token = None
        began = time.monotonic()
        answer = self._sent(login.place, login.send, self._client)
        if answer.status != 200:
            raise self._refusal(login.place, answer, login.hint(answer.status))
        auth = _member(answer.json_object(), "auth")
        text, lease, uses = _member(auth, "client_token"), _member(auth, "lease_duration"), _member(auth, "num_uses")
        if not text or not isinstance(text, str) or not isinstance(lease, int):
            raise failure("%s was answered without a token by %s." % (login.place, self._url))
        self._scrub.add(text)
        unlimited = float("inf")
        return _Token(
            text, began + lease * _RENEWED_AT if lease > 0 else unlimited, uses if _is_version(uses) else unlimited
        )

    def _check_mount(self) -> None:
        """Make sure that the mount keeps versions: one that does not would take a write with ``cas`` as if nothing stood there."""
        with self._checking:
            if self._is_checked:
                return
            answer = self._asked(
                "mount_point %s" % self._mount,
                self._adapter.get,
                "/v1/sys/internal/ui/mounts/" + quote(self._mount),
                uses=0,
            )
            if answer.status != 200:
                raise self._refusal("The request what mount_point %s is" % self._mount, answer)
            mount = _member(answer.json_object(), "data")
            is_kv, is_root = _member(mount, "type") in ("kv", "generic"), _member(mount, "path") == self._mount + "/"
            if not is_kv or not is_root or _member(mount, "options", "version") != "2":
                raise failure(
                    "mount_point %s at %s is not a KV secrets engine of version 2. Name one, or make one (vault secrets enable -path=%s -version=2 kv)."
                    % (self._mount, self._url, self._mount)
                )
            self._is_checked = True

    def _refusal(
        self, what: str, answer: http.Response, hint: Optional[str] = None, *, maybe_applied: bool = False
    ) -> PasswordError:
        """The error for an answer other than a success; the server's own words are scrubbed."""
        texts = _texts(answer)
        said = answer.shorten("; ".join(texts)) if texts else "" if _is_nothing(answer) else answer.excerpt()
        failed = "%s at %s failed with HTTP %d" % (what, self._url, answer.status)
        advice = _HINTS.get(answer.status, "") if hint is None else hint
        message = (failed, ": " if said else "", Outside(said.rstrip(".")), "." + (" " + advice if advice else ""))
        return PasswordError(errors.STORE_FAILED, message, http_status=answer.status, maybe_applied=maybe_applied)

    def _warn(self, validate_certs: bool) -> None:
        texts = []
        if self._url.startswith("http:") and not self._http.is_local:
            texts.append("%s is not encrypted; passwords and the token can be read on the way." % self._url)
        if not validate_certs:
            texts.append(
                "The certificate of %s is not checked; passwords and the token may go to somebody else." % self._url
            )
        for text in texts:
            with suppress(AnsibleError):
                Display().warning("rekey.passwords store hashi_vault: " + text)


def _path(option: str, value: str) -> str:
    """A path as it is written in URLs, without slashes around it."""
    path = value.strip("/")
    good = (
        path
        and path.isprintable()
        and path == path.strip()
        and all(part not in ("", ".", "..") for part in path.split("/"))
    )
    require(good, "%s must be a path such as team/passwords." % option)
    return path


def _segment(name: str) -> str:
    """Any name as one part of a path; servers refuse ``..`` and what is not printable, and split at ``/``."""
    text = quote(sound(name), safe="@").replace("..", "%2E%2E")
    return "%2E" + text[1:] if text.startswith(".") else text


def _member(value: Any, *keys: str) -> Any:
    """The value in nested dicts at these keys; ``None`` if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _is_version(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _texts(answer: http.Response) -> List[str]:
    messages = _member(answer.json_object(), "errors")
    return [text for text in messages if isinstance(text, str)] if isinstance(messages, list) else []


def _has_ended(answer: http.Response) -> bool:
    """Whether a refusal is that of a token which is unknown by now; one that lacks a permission is refused in other words."""
    texts = _texts(answer)
    return texts == ["permission denied"] or any("invalid token" in text for text in texts)


def _is_nothing(answer: http.Response) -> bool:
    """Whether an answer says that there is nothing, and no more than that; a proxy's page or a wrong path says more."""
    body = answer.json_object()
    return body.get("errors") == [] and not body.get("warnings")


STORE = HashiVaultStore
