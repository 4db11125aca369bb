# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what AWX has, through the client of the collection awx.awx."""

from __future__ import annotations

import importlib
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from ansible.module_utils.basic import env_fallback


def _variable(name: str) -> Tuple[Any, List[str]]:
    return env_fallback, ["CONTROLLER_" + name, "TOWER_" + name]


# The options of every module of awx.awx, and the variables that take their place.
CONNECTION: Dict[str, Dict[str, Any]] = dict(
    controller_host=dict(type="str", fallback=_variable("HOST")),
    controller_username=dict(type="str", fallback=_variable("USERNAME")),
    controller_password=dict(type="str", no_log=True, fallback=_variable("PASSWORD")),
    controller_oauthtoken=dict(type="raw", no_log=True, fallback=_variable("OAUTH_TOKEN")),
    controller_config_file=dict(type="path"),
    validate_certs=dict(type="bool", fallback=_variable("VERIFY_SSL")),
    request_timeout=dict(type="float", fallback=(env_fallback, ["CONTROLLER_REQUEST_TIMEOUT"])),
)

Object = Dict[str, Any]


class AwxError(Exception):
    """Why the objects cannot be made, as a sentence for the user."""


class Controller:
    """One login to AWX, for reading; use it as a context manager.

    :param collection: ``awx.awx``, or the collection of the same modules that comes with Automation Platform.
    :param connection: those of :data:`CONNECTION` that are given.
    :raises AwxError: the collection is not installed, or AWX cannot be reached at all.
    """

    def __init__(self, collection: str, connection: Dict[str, Any]) -> None:
        self.warnings: List[str] = []
        try:
            client = importlib.import_module("ansible_collections.%s.plugins.module_utils.controller_api" % collection)
        except ImportError:
            raise AwxError(
                "The collection %s is not installed where Ansible runs. Install it with: ansible-galaxy collection "
                "install %s" % (collection, collection)
            ) from None
        self._client = client.ControllerAPIModule(
            argument_spec={}, direct_params=dict(connection), error_callback=_fail, warn_callback=self._warn
        )

    def __enter__(self) -> Controller:
        return self

    def __exit__(self, *_exception: object) -> None:
        # A login by user name has made a token, which would stay in AWX for ever.
        self._client.logout()

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)

    def all(self, endpoint: str, **query: Any) -> List[Object]:
        """Every object that a list of AWX has.

        :param endpoint: below /api/v2/, or the path of a list from ``related``.
        :raises AwxError: AWX refuses, or does not answer.
        """
        try:
            answer = self._client.get_all_endpoint(endpoint, data=query)
        except (RuntimeError, KeyError):  # what the client raises for an answer that is not a list
            raise AwxError("AWX did not answer with a list at %s; is CONTROLLER_HOST its URL?" % endpoint) from None
        objects: List[Object] = answer["json"]["results"]
        return objects

    def one(self, endpoint: str, **query: Any) -> Optional[Object]:
        """The only object that fits, or None.

        :raises AwxError: several fit; or as :meth:`all`.
        """
        found = self.all(endpoint, **query)
        if len(found) > 1:
            named = ", ".join("%s=%s" % item for item in query.items())
            raise AwxError("AWX has %d objects at %s with %s." % (len(found), endpoint, named))
        return found[0] if found else None

    def get(self, path: str) -> Object:
        """The answer to a single path.

        :raises AwxError: AWX refuses, or does not answer.
        """
        answer: Object = self._client.get_endpoint(path)["json"]
        return answer


def _fail(**result: Any) -> NoReturn:
    raise AwxError(with_advice(str(result.get("msg"))))


def with_advice(message: str) -> str:
    """What awx.awx says of a failure, and what to do about it."""
    message = message.rstrip(".") + "."
    if "HTTP 401" in message or "Failed to get token" in message:
        return (
            message
            + " Set CONTROLLER_OAUTH_TOKEN, or CONTROLLER_USERNAME and CONTROLLER_PASSWORD, to what AWX accepts."
        )
    if "HTTP 403" in message:
        return message + " Use an account that is a system administrator."
    if "trying to connect" in message:
        return message + " Set CONTROLLER_HOST to the URL of AWX."
    return message
