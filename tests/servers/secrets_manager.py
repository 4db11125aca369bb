# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager, and STS beside it, as moto models them, on loopback, behind a gate that is as strict as AWS documents it, and at which tests disturb it.

moto lets labels be taken from versions that are not named, overwrites a pending version, takes any name for a secret and writes into deleted ones.
The gate refuses all of that (https://docs.aws.amazon.com/secretsmanager/latest/apireference/), and lets one request in at a time, as if each were atomic.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import threading
import urllib.parse
from dataclasses import dataclass

ACCOUNT, REGION = "123456789012", "eu-central-1"
NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
DROPPED = "dropped"


@dataclass
class Call:
    """A request: its number since :meth:`SecretsManager.forget`, the operation, its parameters and its headers."""

    number: int
    operation: str
    params: dict
    authorization: str
    token: str | None


class SecretsManager:
    """The service; use it as a context manager.

    ``before`` and ``after`` are called with each :class:`Call` before and after it is carried out. They may return :data:`DROPPED` (the connection ends
    without an answer; before means that nothing happens), or an answer in place of the service's: status and a dict or bytes.

    :param tls: certificate and key as paths, for https.
    """

    def __init__(self, tls=None):
        self._tls = tls
        self._server = self._thread = None
        self._port = 0
        self._lock = threading.Lock()
        self.calls = []
        self.before = self.after = lambda call: None

    @property
    def url(self):
        """Where it listens."""
        return "%s://127.0.0.1:%d" % ("https" if self._tls else "http", self._port)

    def __enter__(self):
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # pylint: disable=import-outside-toplevel

        self._moto = DomainDispatcherApplication(create_backend_app)
        self.secrets.clear()
        self.assumed_roles.clear()
        self.listen()
        return self

    def __exit__(self, kind, error, trace):
        self.leave()

    @property
    def secrets(self):
        """What moto holds: its own objects, by name."""
        from moto.secretsmanager.models import secretsmanager_backends  # pylint: disable=import-outside-toplevel

        return secretsmanager_backends[ACCOUNT][REGION].secrets

    @property
    def assumed_roles(self):
        """The roles that moto has given credentials for: its own objects, the first one first."""
        from moto.sts.models import sts_backends  # pylint: disable=import-outside-toplevel

        return sts_backends[ACCOUNT]["aws"].assumed_roles

    def listen(self):
        """Be in reach, at the same address as before."""
        from werkzeug.serving import WSGIRequestHandler, make_server  # pylint: disable=import-outside-toplevel

        quiet = type("Quiet", (WSGIRequestHandler,), {"log": lambda *_args: None})
        self._server = make_server("127.0.0.1", self._port, self._answer, threaded=True, request_handler=quiet, ssl_context=self._tls)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def leave(self):
        """Be out of reach; what was stored stays."""
        if self._server:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def forget(self):
        """Count calls from the beginning, and disturb none."""
        self.calls = []
        self.before = self.after = lambda call: None

    def operations(self):
        """The names of all operations that were called."""
        return [call.operation for call in self.calls]

    def shown(self, name, label="AWSCURRENT"):
        """What stands in the version with a label, as a dict; ``None`` if there is none."""
        with self._lock:
            for version in self.secrets[name].versions.values() if name in self.secrets else ():
                if label in version["version_stages"]:
                    return json.loads(version["secret_string"])
        return None

    def labels(self, name):
        """The versions by label."""
        with self._lock:
            return {label: version for version, content in self.secrets[name].versions.items() for label in content["version_stages"]}

    def _answer(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")[2]
        if operation:
            params = json.loads(body or b"{}")
        else:
            params = dict(urllib.parse.parse_qsl(body.decode("ascii")))  # the protocol of STS
            operation = params.get("Action", "")
        with self._lock:
            call = Call(len(self.calls), operation, params, environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_AMZ_SECURITY_TOKEN"))
            self.calls.append(call)
        told = self.before(call)
        if told is None:
            answered = self._carry_out(environ, body, call)
            told = self.after(call)
        if told == DROPPED:
            with contextlib.suppress(OSError):
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            told = (500, b"")
        if told is not None:
            status, content = told
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            answered = ("%d told" % status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(content)))], [content])
        start_response(answered[0], answered[1])
        return answered[2]

    def _carry_out(self, environ, body, call):
        with self._lock:
            refusal = self._refusal(call)
            if refusal:
                content = json.dumps(refusal).encode()
                return "400 Bad Request" if "__type" in refusal else "200 OK", [("Content-Length", str(len(content)))], [content]
            answer = []
            environ["wsgi.input"] = io.BytesIO(body)
            content = b"".join(self._moto(environ, lambda status, headers, _info=None: answer.extend((status, headers))))
            return answer[0], answer[1], [content]

    def _refusal(self, call):
        """What AWS would answer and moto would not."""
        params = call.params
        name = params.get("SecretId") or params.get("Name")
        secret = self.secrets[name] if name and name in self.secrets else None
        if call.operation == "CreateSecret" and not NAME.fullmatch(name):
            return error("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
        if secret and secret.is_deleted() and call.operation in ("CreateSecret", "PutSecretValue", "UpdateSecretVersionStage", "GetSecretValue"):
            return error("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
        if call.operation == "PutSecretValue" and secret and params["ClientRequestToken"] in secret.versions:
            if secret.versions[params["ClientRequestToken"]].get("secret_string") != params["SecretString"]:
                return error("ResourceExistsException", "You can't use this ClientRequestToken because that value is already in use.")
            return {"ARN": secret.arn, "Name": secret.name, "VersionId": params["ClientRequestToken"]}
        if call.operation == "UpdateSecretVersionStage" and secret:
            cases = [version for version, content in secret.versions.items() if params["VersionStage"] in content["version_stages"]]
            if cases and params.get("MoveToVersionId") not in cases and params.get("RemoveFromVersionId") not in cases:
                return error(
                    "InvalidParameterException",
                    "Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId."
                    % (params["VersionStage"], cases[0]),
                )
        return None


def error(code, message=""):
    """The body of a refusal."""
    return {"__type": code, "message": message}


def refused_by_sts(code, message="", status=403):
    """A refusal of STS, which speaks XML."""
    namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
    text = '<ErrorResponse xmlns="%s"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>' % (namespace, code, message)
    return status, text.encode()


def refused(code, message="", status=400):
    """A refusal, as ``before`` and ``after`` may return it."""
    return status, error(code, message)
