# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment with OpenStack's Trove and Keystone, which is made once and apart from everything else: they bring 150 packages of their own."""

from __future__ import annotations

import pathlib
import sys
import typing as t

from tests.servers import own_environment
from tests.servers.machine import Unavailable

REQUIREMENTS = pathlib.Path(__file__).resolve().parents[1] / "requirements" / "openstack.txt"
# For these the requirements have been tried.
PYTHONS = ((3, 11), (3, 12), (3, 13))


def installed(cache_dir: pathlib.Path, environment: t.Mapping[str, str] | None = None) -> pathlib.Path:
    """The Python of the environment, which the first call makes. pip has the settings of the caller, or those in `environment`."""
    if sys.platform != "linux":
        raise Unavailable(f"Trove is for Linux, this is {sys.platform}")
    if sys.version_info[:2] not in PYTHONS:
        raise Unavailable("Trove has not been tried with Python %d.%d" % sys.version_info[:2])
    return own_environment.installed("openstack", "OpenStack's Trove and Keystone (about 333 MB, once)", REQUIREMENTS, cache_dir, environment)
