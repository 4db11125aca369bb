# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The logins of the store hashi_vault: AppRole, Kubernetes, JWT and certificate. Each is what is sent once, and what to check if that is refused.

Facts: https://developer.hashicorp.com/vault/api-docs/auth/approle, .../auth/kubernetes, .../auth/jwt and .../auth/cert. The options are called as in
the collection community.hashi_vault, where role_id names the role of every login.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Type
from urllib.parse import quote

from ansible_collections.rekey.passwords.plugins.module_utils import errors, http
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .store import failure

SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # where Kubernetes puts it into every pod

_LONGEST_TOKEN = 65536  # bytes
_NO_LOGIN = (
    "Give token (VAULT_TOKEN), or role_id and secret_id (VAULT_ROLE_ID, VAULT_SECRET_ID). "
    "For another login name its auth_method (VAULT_AUTH_METHOD)."
)


def require(condition: Any, message: str) -> None:
    """Refuse options that do not fit.

    :raises PasswordError: ``invalid_input``, unless the condition holds.
    """
    if not condition:
        raise PasswordError(errors.INVALID_INPUT, "The store hashi_vault: " + message)


class Login:
    """A way to get a token, made from the store's options.

    :param mount: where the auth method is enabled.
    :param scrub: learns what is secret about the login.
    :raises PasswordError: ``invalid_input``: an option is missing.
    """

    title = ""  # in messages
    shown = ""  # what is shown to the server, in advice

    def __init__(self, options: Dict[str, Any], mount: str, scrub: Scrubber) -> None:
        self.role, self.mount, self._scrub = options["role_id"], mount, scrub

    @property
    def place(self) -> str:
        """The login, for messages."""
        return "The login by %s at auth/%s" % (self.title, self.mount)

    def send(self, client: Any) -> http.Response:
        """Log in, once.

        :param client: hvac's.
        :return: the answer, whatever its status.
        :raises PasswordError: no answer came, or there is nothing to show to the server.
        """
        answer: http.Response = self._log_in(client)
        return answer

    def _log_in(self, client: Any) -> Any:
        """Call hvac's method, whose result has no type."""
        raise NotImplementedError

    def hint(self, status: int) -> Optional[str]:
        """What to check after a refusal; ``None`` if it has nothing to do with the login."""
        if status not in (400, 401, 403, 404):
            return None
        return "Are role_id, %s, auth_mount_point and namespace right?" % self.shown

    def _require_role(self, method: str) -> None:
        require(self.role, "auth_method %s needs role_id (VAULT_ROLE_ID), the name of the role." % method)


class _AppRole(Login):
    title = "AppRole"
    shown = "secret_id (it may have expired)"

    def __init__(self, options: Dict[str, Any], mount: str, scrub: Scrubber) -> None:
        super().__init__(options, mount, scrub)
        require(self.role, _NO_LOGIN)
        self._secret_id = options["secret_id"]
        scrub.add(self._secret_id)

    def _log_in(self, client: Any) -> Any:
        return client.auth.approle.login(self.role, self._secret_id, use_token=False, mount_point=self.mount)

    def hint(self, status: int) -> Optional[str]:
        advice = super().hint(status)
        if status == 403:
            return (
                "After a few wrong logins the server refuses the right ones as well for a while, usually 15 minutes. %s"
                % advice
            )
        return advice


class _WithTokenFile(Login):
    """A login with a token that is in a file."""

    _path: str

    def _token(self) -> str:
        # At each login: Kubernetes replaces the token long before it expires.
        token = _read_token(self._path)
        self._scrub.add(token)
        return token


class _Kubernetes(_WithTokenFile):
    title = "Kubernetes"

    def __init__(self, options: Dict[str, Any], mount: str, scrub: Scrubber) -> None:
        super().__init__(options, mount, scrub)
        self._require_role("kubernetes")
        self._path = options["jwt_path"] or SERVICE_ACCOUNT_TOKEN
        self.shown = "the service account that the role allows, its token in %s (it may have expired)" % self._path

    def _log_in(self, client: Any) -> Any:
        token = self._token()
        return client.auth.kubernetes.login(self.role, token, use_token=False, mount_point=self.mount)


class _Jwt(_WithTokenFile):
    title = "JWT"

    def __init__(self, options: Dict[str, Any], mount: str, scrub: Scrubber) -> None:
        super().__init__(options, mount, scrub)
        self._require_role("jwt")
        self._text, self._path = (options["jwt"] or "").strip(), options["jwt_path"]
        require(
            self._text or self._path,
            "auth_method jwt needs jwt (VAULT_JWT_TOKEN), or jwt_path (VAULT_JWT_PATH), a file with it.",
        )
        require(not (self._text and self._path), "jwt and jwt_path are two tokens. Take one away.")
        self.shown = "%s (it may have expired)" % ("jwt" if self._text else "the token in %s" % self._path)
        scrub.add(self._text)

    def _log_in(self, client: Any) -> Any:
        token = self._text or self._token()
        return client.auth.jwt.jwt_login(self.role, token, use_token=False, path=self.mount)


class _Cert(Login):
    title = "certificate"
    shown = "client_cert (it may have expired)"

    def __init__(self, options: Dict[str, Any], mount: str, scrub: Scrubber) -> None:
        super().__init__(options, mount, scrub)
        require(
            options["client_cert"],
            "auth_method cert needs client_cert (VAULT_CLIENT_CERT), and client_key (VAULT_CLIENT_KEY) if the key is in another file.",
        )
        require(
            options["url"].lower().startswith("https:"),
            "auth_method cert needs a url that begins with https://, since only TLS shows a certificate.",
        )

    def _log_in(self, client: Any) -> Any:
        # The connection has shown the certificate already. This method of hvac's alone does not quote.
        return client.auth.cert.login(name=self.role or "", use_token=False, mount_point=quote(self.mount))


_LOGINS: Dict[str, Type[Login]] = {"approle": _AppRole, "kubernetes": _Kubernetes, "jwt": _Jwt, "cert": _Cert}
AUTH_METHODS = [*_LOGINS, "token"]


def auth_method(options: Dict[str, Any]) -> str:
    """How to log in: as the option says, or as only one login can be meant.

    :raises PasswordError: ``invalid_input``: several may be meant.
    """
    if options["auth_method"]:
        return str(options["auth_method"])
    if not options["role_id"]:
        return "token"
    if not options["jwt"] and not options["jwt_path"]:
        return "approle"
    require(
        options["jwt"] and not options["jwt_path"] and not options["secret_id"],
        "what is given beside role_id fits several logins. Name one as auth_method (VAULT_AUTH_METHOD).",
    )
    return "jwt"


def login_of(method: str, options: Dict[str, Any], mount: str, scrub: Scrubber) -> Optional[Login]:
    """The login of a method; ``None`` for a token, which needs none.

    :raises PasswordError: ``invalid_input``: an option is missing.
    """
    if method in _LOGINS:
        return _LOGINS[method](options, mount, scrub)
    require((options["token"] or "").strip(), _NO_LOGIN)
    return None


def _read_token(path: str) -> str:
    """The token in a file; neither it nor anything else that stands there is ever shown.

    :raises PasswordError: ``store_failed``: there is none.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LONGEST_TOKEN + 1)
    except OSError as exc:
        raise failure(
            "The file with the token for the login, %s, cannot be read: %s. Name another one as jwt_path (VAULT_JWT_PATH), or see to it that it is "
            "there: Kubernetes mounts it unless automountServiceAccountToken is false." % (path, exc.strerror)
        ) from None
    token = content.decode("latin-1").strip()
    if not token:
        raise failure("The file with the token for the login, %s, is empty. Run again when it is written." % path)
    if len(content) > _LONGEST_TOKEN or not token.isascii() or len(token.split()) > 1 or not token.isprintable():
        raise failure(
            "The file with the token for the login, %s, holds something else than a token. Name the right one as jwt_path (VAULT_JWT_PATH)."
            % path
        )
    return token
