# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token of an identity service, and the catalog of services that comes with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

from .. import errors
from ..errors import VendorError


@dataclass(frozen=True)
class Endpoint:
    """Where a service can be reached."""

    service: str  # the service's type: "database"
    region: Optional[str]
    interface: str  # "public", "internal" or "admin"
    url: str


@dataclass(frozen=True)
class ServiceToken:
    """What an identity service answers to a login."""

    token: str = field(repr=False)
    endpoints: Tuple[Endpoint, ...] = ()

    def url(self, service, region, interface):
        """The one address of a service.

        :param service: its type.
        :param region: a region, or ``None`` if there is only one.
        :param interface: ``public``, ``internal`` or ``admin``.
        :raises VendorError: ``target_not_found``: none or several fit; the message names what there is.
        """
        offered = [endpoint for endpoint in self.endpoints if endpoint.service == service]
        found = [endpoint for endpoint in offered if endpoint.interface == interface and region in (None, endpoint.region)]
        if len({endpoint.url for endpoint in found}) == 1:
            return found[0].url.rstrip("/")
        regions = ", ".join(sorted({"%s (%s)" % (endpoint.region, endpoint.interface) for endpoint in offered})) or "none"
        raise VendorError(
            errors.TARGET_NOT_FOUND,
            "The catalog has %s address of a %s service for region %s and interface %s. It offers: %s."
            % ("no" if not found else "more than one", service, region or "(not given)", interface, regions),
        )


def text_at(body, *path):
    """A text within nested dicts, or ``None`` if it is not there."""
    for key in path:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body if isinstance(body, str) and body else None
