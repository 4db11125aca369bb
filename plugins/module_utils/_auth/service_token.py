# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token of an identity service, and the catalog of services that comes with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

from .. import errors
from ..errors import PasswordError
from ..http import Response
from .openstack_faults import fault


@dataclass(frozen=True)
class Endpoint:
    """Where a service can be reached."""

    service: Optional[str]  # the service's type: "database"
    region: Optional[str]
    interface: Optional[str]  # "public", "internal" or "admin"
    url: str


@dataclass(frozen=True)
class ServiceToken:
    """An identity service's answer to a login."""

    token: str = field(repr=False)
    endpoints: Tuple[Endpoint, ...] = ()

    def url(self, service: str, region: str | None, interface: str) -> str:
        """Return the only address of a service.

        :param service: its type.
        :param region: a region, or ``None`` if there is only one.
        :param interface: ``public``, ``internal`` or ``admin``.
        :raises PasswordError: ``target_not_found``: none or several match; the message lists what is offered.
        """
        offered = [endpoint for endpoint in self.endpoints if endpoint.service == service]
        found = {
            endpoint.url
            for endpoint in offered
            if endpoint.interface == interface and (not region or endpoint.region == region)
        }
        if len(found) == 1:
            return found.pop().rstrip("/")
        offers = (
            ", ".join(sorted({"%s (%s)" % (endpoint.region, endpoint.interface) for endpoint in offered})) or "none"
        )
        raise PasswordError(
            errors.TARGET_NOT_FOUND,
            "The catalog has %s address of a %s service for region %s and interface %s. It offers: %s. Correct region or interface."
            % ("more than one" if found else "no", service, region or "(not given)", interface, offers),
        )


def check_login(answer: Response, service: str, expected: int, hint: str = "") -> None:
    """Raise the error of a login that returned no token.

    :param answer: the answer to a login.
    :param service: the name of the identity service.
    :param expected: the HTTP status of success.
    :param hint: what to check if the login is refused.
    :raises PasswordError: ``authentication_failed``, ``rate_limited``, ``timed_out``, ``vendor_unavailable``, ``unexpected_response``.
    """
    if answer.status == expected:
        return
    if answer.status < 300:
        raise without_token(answer, service)
    rows = {
        401: (errors.AUTHENTICATION_FAILED, "%s refused the login%s." % (service, hint)),
        403: (errors.AUTHENTICATION_FAILED, "%s refused the login%s." % (service, hint)),
        408: (errors.TIMED_OUT, "%s timed out." % service),
        413: (errors.RATE_LIMITED, "%s is rate-limiting requests." % service),
        429: (errors.RATE_LIMITED, "%s is rate-limiting requests." % service),
    }
    if answer.status >= 500:
        rows[answer.status] = (errors.VENDOR_UNAVAILABLE, "%s failed." % service)
    text = "The response to the login (HTTP %d) is not from %s. Check the address and any proxy." % (
        answer.status,
        service,
    )
    raise fault(answer, *rows.get(answer.status, (errors.UNEXPECTED_RESPONSE, text)))


def without_token(answer: Response, service: str) -> PasswordError:
    """Return the error of a login that seems to have succeeded. It shows nothing of the answer, which may contain a token in an unknown place."""
    text = "The response to the login (HTTP %d) is not from %s: it has no token. Check the address and any proxy." % (
        answer.status,
        service,
    )
    return PasswordError(errors.UNEXPECTED_RESPONSE, text, answer.status)
