# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of HashiCorp Vault and OpenBao: KV secrets engines of both versions, tokens with policies, AppRole, namespaces.

Where the two differ it is one of them, see :class:`HashiVaultDouble`; tests/integration/test_openbao_and_its_double.py compares it with a real OpenBao.

From the vendor's documentation: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2, .../secret/kv/kv-v1, .../auth/approle,
.../auth/token, .../system/internal-ui-mounts, https://developer.hashicorp.com/vault/api-docs (headers, status), and
https://developer.hashicorp.com/vault/docs/concepts/policies (capabilities; ``+`` and a final ``*`` in paths).
"""

from __future__ import annotations

import datetime
import json
import posixpath
import re
import secrets
import time
import urllib.parse
from dataclasses import dataclass, field

from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.doubles.base import Double

ROOT_TOKEN = "hvs.S3cr3t-MARKER-root"
ROLE_ID, SECRET_ID = "role-of-rekey", "S3cr3t-MARKER-secret-id"
LOGIN = "/login"
REVOKE = "/revoke-self"
MOUNTS = "sys/internal/ui/mounts/"
DEFAULT_MAX_VERSIONS = 10
MOST_STRINGS = 1000  # that OpenBao takes in a request
LOCKED_AFTER, LOCKED_FOR = 5, 900.0  # failed logins of a role, and seconds
ONE_ERROR = "1 error occurred:\n\t* %s\n\n"


class Refusal(Exception):
    """An answer that ends the work on a request."""

    def __init__(self, status, *texts):
        super().__init__(status)
        self.response = JSONResponse({"errors": list(texts)}, status)


@dataclass
class Version:
    """One version of a secret; times are seconds since the epoch."""

    data: dict | None = field(repr=False)
    created: float
    deletion: float | None = None
    destroyed: bool = False


@dataclass
class Secret:
    """A secret: its versions by number, and what its metadata say."""

    versions: dict = field(default_factory=dict)
    current: int = 0
    max_versions: int = 0
    cas_required: bool = False
    delete_version_after: float = 0.0
    custom: dict | None = None


@dataclass
class Mount:
    """A KV secrets engine and its configuration."""

    version: int = 2
    secrets: dict = field(default_factory=dict, repr=False)
    max_versions: int = 0
    cas_required: bool = False
    delete_version_after: float = 0.0


@dataclass
class Token:
    """A token; ``rules`` are paths to capabilities, ``None`` allows everything; ``uses`` is how many requests it is good for (0: any number)."""

    rules: dict | None
    namespace: str = ""
    expires: float | None = None
    uses: int = 0


@dataclass
class Role:
    """An AppRole; ``uses`` is how often its secret can still be used (``None``: always), ``token_uses`` what a token of it is good for."""

    secret: str | None = field(repr=False)
    rules: dict | None = None
    ttl: int = 3600
    uses: int | None = None
    token_uses: int = 0


class HashiVaultDouble(Double):
    """A server. A test changes its attributes, and its state by a client with :data:`ROOT_TOKEN`.

    ``mounts`` are by (namespace, path), ``tokens`` by token, ``roles`` by (namespace, path of the engine, role_id). ``sealed`` makes it refuse
    everything, ``skew`` is added to the clock.

    :param openbao: be OpenBao as it was met, and not Vault as it is documented.
    :param requires_header: refuse requests without ``X-Vault-Request``, as agents do that are told so.
    :param options: those of :class:`tests.doubles.base.Double`.
    """

    vendor = "hashi_vault"

    def __init__(self, users=None, *, openbao=False, requires_header=False, **options):
        self.openbao = openbao
        self.requires_header = requires_header
        self._wrong_logins = {}  # how many of a role, and when the last one was
        self.sealed = False
        self.skew = 0.0
        self.mounts = {("", "secret"): Mount()}
        self.tokens = {ROOT_TOKEN: Token(None)}
        self.roles = {("", "approle", ROLE_ID): Role(SECRET_ID)}
        super().__init__(users, **options)

    def routes(self):
        return [(method, "/v1/{path:path}", self._handle) for method in ("GET", "LIST", "POST", "PUT", "DELETE")]

    def is_write(self, received):
        return received.method not in ("GET", "LIST", "HEAD") and not received.path.startswith(("/v1/auth/", "/v1/sys/"))

    def inspect(self, received):
        token = received.headers.get("x-vault-token")
        try:
            body = _body(received)
        except Refusal:
            body = None
        received.secrets = [text for text in [token, *_texts(body)] if text]
        received.login = body.get("role_id") if isinstance(body, dict) and received.path.endswith(LOGIN) else None
        received.user = urllib.parse.unquote(received.path.rpartition("/")[2])
        received.query_of = dict(urllib.parse.parse_qsl(received.query.decode("ascii")))
        received.namespace = received.headers.get("x-vault-namespace", "").strip("/")

    def error(self, status, message):
        return JSONResponse({"errors": [message]}, status)

    def not_found(self, received):
        if not received.path.isprintable():
            if self.openbao:
                return Response(status_code=400)
            return self.error(400, "path cannot contain non-printable characters")
        return self.error(405, "unsupported operation")

    # What a test calls.

    def now(self):
        """The server's time, in seconds since the epoch."""
        return time.time() + self.skew

    def secret(self, path, mount="secret", namespace=""):
        """A :class:`Secret`, or ``None``."""
        with self.lock:
            return self.mounts[namespace, mount].secrets.get(path)

    def data(self, path, mount="secret", namespace=""):
        """The data of the current version; ``None`` if there is none to be read."""
        secret = self.secret(path, mount, namespace)
        version = secret and secret.versions.get(secret.current)
        return version.data if version and self._is_readable(version) else None

    def overwrite(self, path, data, mount="secret", namespace=""):
        """Add a version past all rules."""
        with self.lock:
            engine = self.mounts[namespace, mount]
            secret = engine.secrets.setdefault(path, Secret())
            self._add(engine, secret, self._version(engine, secret, data))

    def issue(self, rules=None, namespace="", ttl=None, uses=0):
        """A new token with these rules."""
        with self.lock:
            token = "hvs.S3cr3t-MARKER-" + secrets.token_hex(12)
            self.tokens[token] = Token(rules, namespace, None if ttl is None else self.now() + ttl, uses)
        return token

    # Any request.

    def _handle(self, received, path):
        try:
            return self._answer(received, path)
        except Refusal as refusal:
            return refusal.response

    def _answer(self, received, path):
        if self.sealed:
            raise Refusal(503, "Vault is sealed")
        if self.requires_header and received.headers.get("x-vault-request") != "true":
            raise Refusal(412, 'missing "X-Vault-Request" header')
        if self.openbao and {"", ".", ".."} & set(path.rstrip("/").split("/")):
            # Its library for HTTP puts the path in order.
            place = posixpath.normpath(received.path)
            return HTMLResponse('<a href="%s">Temporary Redirect</a>.\n\n' % place, 307, {"Location": place})
        if not self.openbao and (".." in path or "//" in path):
            raise Refusal(400, "path cannot contain relative or empty parts")
        if received.method in ("POST", "PUT") and path.endswith("/"):
            raise Refusal(400, "cannot write to a path ending in '/'")
        if self.openbao and _strings(_body(received)) > MOST_STRINGS:
            raise Refusal(400, "refused JSON input due to high complexity: exceeded maximum number of strings")
        received.operation = received.method
        if received.method == "GET" and received.query_of.get("list") == "true":
            received.operation = "LIST"
        if path.startswith("auth/") and path.endswith(LOGIN):
            return self._log_in(received, path[len("auth/") : -len(LOGIN)])
        token = self._token(received)
        if path == "auth/token" + REVOKE:
            if received.method not in ("POST", "PUT"):
                # What every token may do is no more than that.
                raise Refusal(405, ONE_ERROR % "unsupported operation") if token.rules is None else Refusal(403, ONE_ERROR % "permission denied")
            self.tokens.pop(received.headers["x-vault-token"], None)
            return Response(status_code=204)
        if path.startswith(MOUNTS):
            return self._show_mount(received, token, path[len(MOUNTS) :].strip("/"))
        for (namespace, name), mount in self.mounts.items():
            if namespace == received.namespace and path.startswith(name + "/"):
                return (self._versioned if mount.version == 2 else self._plain)(received, token, mount, name, path[len(name) + 1 :])
        self._check(token, path, "read")
        raise Refusal(404, 'no handler for route "%s". route entry not found.' % path)

    def _token(self, received):
        shown = received.headers.get("x-vault-token")
        token = self.tokens.get(shown)
        if token is None or (token.expires is not None and token.expires <= self.now()):
            raise Refusal(403, "permission denied", *(["invalid token"] if shown and not self.openbao else []))
        if token.namespace and not (received.namespace + "/").startswith(token.namespace + "/"):
            raise Refusal(403, "permission denied")
        received.authenticated_as = "root" if token.rules is None else "token"
        # What a mount is may be asked as often as one likes.
        if token.uses and MOUNTS not in received.path:
            token.uses -= 1
            if not token.uses:
                del self.tokens[shown]
        return token

    def _check(self, token, path, capability):
        """Refuse what the policy of the token does not allow."""
        if token.rules is None:
            return
        fitting = [rule for rule in token.rules if _fits(rule, path)]
        # The most specific rule decides alone.
        if not fitting or capability not in token.rules[max(fitting, key=lambda rule: (not rule.endswith("*"), len(rule)))]:
            raise Refusal(403, ONE_ERROR % "permission denied")

    def _log_in(self, received, mount):
        body = _body(received)
        if received.method not in ("POST", "PUT") and not self.openbao:
            raise Refusal(405, "unsupported operation")
        if not any(key[:2] == (received.namespace, mount) for key in self.roles):
            raise Refusal(403, "permission denied")
        if not body.get("role_id"):
            raise Refusal(500 if self.openbao else 400, "missing role_id")
        name = (received.namespace, mount, body["role_id"])
        number, last = self._wrong_logins.get(name, (0, 0.0))
        if number >= LOCKED_AFTER and last + LOCKED_FOR > self.now():
            self.login_failed(body["role_id"])
            raise Refusal(403, "permission denied")
        role = self.roles.get(name)
        if self.openbao and role is not None and role.secret is not None and not body.get("secret_id"):
            raise Refusal(400, "missing secret_id")
        if role is None or role.secret != body.get("secret_id") or role.uses == 0:
            self.login_failed(body["role_id"])
            self._wrong_logins[name] = (number + 1 if last + LOCKED_FOR > self.now() else 1, self.now())
            raise Refusal(400, "invalid role or secret ID")
        self._wrong_logins.pop(name, None)
        role.uses = role.uses and role.uses - 1
        received.authenticated_as = body["role_id"]
        token = self.issue(role.rules, received.namespace, role.ttl, role.token_uses)
        return _success(
            None,
            auth={
                "client_token": token,
                "accessor": "a",
                "policies": ["default"],
                "token_policies": ["default"],
                "entity_id": "e",
                "metadata": {"role_name": body["role_id"]},
                "lease_duration": role.ttl,
                "renewable": True,
                "token_type": "service",
                "num_uses": role.token_uses,
                "orphan": True,
                "mfa_requirement": None,
            },
        )

    def _show_mount(self, received, token, path):
        for (namespace, name), mount in self.mounts.items():
            inside = token.rules is None or any(rule.startswith(name + "/") for rule in token.rules)
            if namespace == received.namespace and (path + "/").startswith(name + "/") and inside:
                return _success(
                    {
                        "accessor": "kv_1",
                        "description": "",
                        "type": "kv",
                        "options": {"version": str(mount.version)},
                        "path": name + "/",
                        "config": {"default_lease_ttl": 0, "force_no_cache": False, "max_lease_ttl": 0},
                        "deprecation_status": "supported",
                        "external_entropy_access": False,
                        "local": False,
                        "plugin_version": "",
                        "running_plugin_version": "v0.0.0+builtin",
                        "running_sha256": "",
                        "seal_wrap": False,
                        "uuid": "u",
                    }
                )
        raise Refusal(403, 'preflight capability check returned 403, please ensure client\'s policies grant access to path "%s/"' % path)

    # A KV secrets engine of version 1: it keeps whatever it gets, under whatever path.

    def _plain(self, received, token, mount, name, path):
        full = "%s/%s" % (name, path)
        if received.operation == "LIST":
            self._check(token, full.rstrip("/") + "/", "list")
            return self._keys(mount, path)
        if received.operation == "GET":
            self._check(token, full, "read")
            if path not in mount.secrets:
                raise Refusal(404)
            return _success(mount.secrets[path])
        self._check(token, full, "update" if path in mount.secrets else "create")
        self.commit(received, lambda: mount.secrets.__setitem__(path, _body(received)))
        return Response(status_code=204)

    @staticmethod
    def _keys(mount, folder):
        prefix = folder.strip("/") + "/" if folder.strip("/") else ""
        below = [path[len(prefix) :] for path in mount.secrets if path.startswith(prefix)]
        if not below:
            raise Refusal(404)
        return _success({"keys": sorted({path.partition("/")[0] + "/" * ("/" in path) for path in below})})

    # A KV secrets engine of version 2.

    def _versioned(self, received, token, mount, name, path):
        what, _slash, key = path.partition("/")
        handlers = {
            ("config", "GET"): self._show_config,
            ("config", "POST"): self._configure,
            ("data", "GET"): self._read,
            ("data", "POST"): self._write,
            ("data", "DELETE"): self._delete_latest,
            ("delete", "POST"): self._mark,
            ("undelete", "POST"): self._mark,
            ("destroy", "POST"): self._mark,
            ("destroy", "PUT"): self._mark,
            ("metadata", "GET"): self._show_metadata,
            ("metadata", "POST"): self._set_metadata,
            ("metadata", "DELETE"): self._forget,
            ("metadata", "LIST"): None,
        }
        operation = "POST" if received.method == "PUT" and what != "destroy" else received.operation
        if what == "data" and not key and operation == "GET" and self.openbao:
            raise Refusal(404)
        if (what, operation) not in handlers or (bool(key) == (what == "config") and operation != "LIST") or (key.endswith("/") and operation != "LIST"):
            raise _Warned(
                "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. "
                "If using the %s, use '%s kv get' for this operation." % (("OpenBao CLI", "bao") if self.openbao else ("Vault CLI", "vault"))
            )
        if operation == "LIST":
            self._check(token, "%s/%s/" % (name, path.rstrip("/")), "list")
            return self._keys(mount, key)
        capability = {"GET": "read", "DELETE": "delete"}.get(operation, "update")
        if (what, operation) == ("data", "POST") and key not in mount.secrets:
            capability = "create"
        self._check(token, "%s/%s" % (name, path), capability)
        return handlers[what, operation](received, mount, key)

    def _show_config(self, _received, mount, _key):
        return _success(
            dict(
                self._no_cas_of_metadata,
                max_versions=mount.max_versions,
                cas_required=mount.cas_required,
                delete_version_after=_duration(mount.delete_version_after),
            )
        )

    @property
    def _no_cas_of_metadata(self):
        return {"metadata_cas_required": False} if self.openbao else {}

    def _configure(self, received, mount, _key):
        body = _body(received)
        self.commit(received, lambda: _apply(mount, body))
        return Response(status_code=204)

    def _is_readable(self, version):
        return not version.destroyed and (version.deletion is None or version.deletion > self.now())

    def _read(self, received, mount, key):
        secret = mount.secrets.get(key)
        number = secret and (int(received.query_of.get("version", 0)) or secret.current)
        if not secret or number not in secret.versions:
            raise Refusal(404)
        readable = self._is_readable(secret.versions[number])
        answer = {"data": secret.versions[number].data if readable else None, "metadata": _told(number, secret.versions[number], secret.custom)}
        return _success(answer, status=200 if readable else 404)

    def _write(self, received, mount, key):
        body = _body(received)
        if body.get("data") is None:
            raise Refusal(400, "no data provided")
        if not isinstance(body["data"], dict):
            kind = {str: "string", list: "[]interface {}", bool: "bool"}.get(type(body["data"]), "json.Number")
            told = "error converting input for field \"data\": '' expected type 'map[string]interface {}', got unconvertible type '%s'"
            raise Refusal(400, told % kind if self.openbao else "no data provided")
        options = dict(body.get("options") or {})
        if isinstance(options.get("cas"), str) and options["cas"].isdecimal():
            options["cas"] = int(options["cas"])
        secret = mount.secrets.get(key) or Secret()
        if "cas" not in options:
            if mount.cas_required or secret.cas_required:
                raise Refusal(400, "check-and-set parameter required for this call")
        elif not isinstance(options["cas"], int):
            raise Refusal(400, "error parsing check-and-set parameter")
        elif options["cas"] != secret.current:
            raise Refusal(400, "check-and-set parameter did not match the current version")

        number, version = secret.current + 1, self._version(mount, secret, body["data"])

        def change():
            # Looked up and compared again: a write that was postponed meets what has been written meanwhile.
            present = mount.secrets.setdefault(key, Secret())
            if options.get("cas", present.current) == present.current:
                self._add(mount, present, version)

        self.commit(received, change)
        return _success(_told(number, version, secret.custom))

    def _version(self, mount, secret, data):
        after = min((value for value in (mount.delete_version_after, secret.delete_version_after) if value), default=0.0)
        return Version(json.loads(json.dumps(data)), self.now(), self.now() + after if after else None)

    @staticmethod
    def _add(mount, secret, version):
        secret.current += 1
        secret.versions[secret.current] = version
        kept = secret.max_versions or mount.max_versions or DEFAULT_MAX_VERSIONS
        for number in [number for number in secret.versions if number <= secret.current - kept]:
            del secret.versions[number]

    def _delete_latest(self, received, mount, key):
        secret = mount.secrets.get(key)
        if secret and secret.current in secret.versions:
            self.commit(received, lambda: setattr(secret.versions[secret.current], "deletion", self.now()))
        return Response(status_code=204)

    def _mark(self, received, mount, key):
        secret, body = mount.secrets.get(key), _body(received)
        numbers = body.get("versions") if isinstance(body, dict) else None
        if not isinstance(numbers, list) or not numbers:
            raise Refusal(400, "No version number provided")
        what = received.path[len("/v1/") :].split("/" + key)[0].rpartition("/")[2]

        def change():
            for number in numbers:
                version = secret.versions.get(int(number)) if secret else None
                if version and what == "destroy":
                    version.data, version.destroyed = None, True
                elif version and not version.destroyed:
                    version.deletion = self.now() if what == "delete" else None

        self.commit(received, change)
        return Response(status_code=204)

    def _show_metadata(self, _received, mount, key):
        secret = mount.secrets.get(key)
        if not secret:
            raise Refusal(404)
        versions = {
            str(number): {"created_time": _date(version.created), "deletion_time": _date(version.deletion), "destroyed": version.destroyed}
            for number, version in secret.versions.items()
        }
        created = min((version.created for version in secret.versions.values()), default=0)
        oldest = min(secret.versions, default=0)
        told = {
            "versions": versions,
            "current_version": secret.current,
            "oldest_version": oldest if oldest > 1 else 0,
            "created_time": _date(created),
            "updated_time": _date(created),
            "max_versions": secret.max_versions,
            "cas_required": secret.cas_required,
            "delete_version_after": _duration(secret.delete_version_after),
            "custom_metadata": secret.custom,
        }
        return _success(dict(told, current_metadata_version=0, **self._no_cas_of_metadata) if self.openbao else told)

    def _set_metadata(self, received, mount, key):
        body = _body(received)
        self.commit(received, lambda: _apply(mount.secrets.setdefault(key, Secret()), body))
        return Response(status_code=204)

    def _forget(self, received, mount, key):
        self.commit(received, lambda: mount.secrets.pop(key, None))
        return Response(status_code=204)


class _Warned(Refusal):
    """What an engine answers to a path that it does not have."""

    def __init__(self, text):
        super().__init__(404)
        self.response = _success(None, 404, warnings=[text])


def _success(data, status=200, auth=None, warnings=None):
    return JSONResponse(
        {"request_id": "r", "lease_id": "", "renewable": False, "lease_duration": 0, "data": data, "wrap_info": None, "warnings": warnings, "auth": auth},
        status,
    )


def _duration(seconds):
    """As Go writes it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return ("%dh%dm%ds" % (hours, minutes, rest)) if hours else ("%dm%ds" % (minutes, rest)) if minutes else "%ds" % rest


def _strings(value):
    """How many texts there are, names included."""
    if isinstance(value, dict):
        return len(value) + sum(_strings(item) for item in value.values())
    if isinstance(value, list):
        return sum(_strings(item) for item in value)
    return int(isinstance(value, str))


def _told(number, version, custom):
    """What is told of a version beside its data."""
    return {
        "version": number,
        "created_time": _date(version.created),
        "deletion_time": _date(version.deletion),
        "destroyed": version.destroyed,
        "custom_metadata": custom,
    }


def _apply(target, body):
    """Set what the metadata of a secret, or a configuration, may have."""
    for name in ("max_versions", "cas_required"):
        if name in body:
            setattr(target, name, body[name])
    if "delete_version_after" in body:
        hours, minutes, seconds = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", str(body["delete_version_after"])).groups(default="0")
        target.delete_version_after = int(hours) * 3600.0 + int(minutes) * 60 + int(seconds)
    if "custom_metadata" in body:
        target.custom = body["custom_metadata"]


def _fits(rule, path):
    """Whether a path of a policy stands for this one."""
    if rule.endswith("*"):
        return path.startswith(rule[:-1]) if "+" not in rule else _fits(rule[:-1], "/".join(path.split("/")[: rule.count("/") + 1]))
    parts, names = rule.split("/"), path.split("/")
    return len(parts) == len(names) and all(part in ("+", name) for part, name in zip(parts, names))


def _date(seconds):
    if seconds is None:
        return ""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def _body(received):
    """The body, an object in any case."""
    if not received.body:
        return {}
    try:
        body = received.json()
    except ValueError:
        raise Refusal(400, "failed to decode JSON input: unexpected EOF") from None
    if not isinstance(body, dict):
        kind = {list: "array", str: "string", bool: "bool", type(None): "null"}.get(type(body), "number")
        raise Refusal(400, "failed to decode JSON input: json: cannot unmarshal %s into Go value of type map[string]interface {}" % kind)
    return body


def _texts(value):
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


DOUBLE = HashiVaultDouble
