# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One cloud out of OpenStack's own configuration (clouds.yaml, secure.yaml), by the library that is made for it."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from .. import errors
from ..errors import PasswordError

APPLICATION_CREDENTIAL = "v3applicationcredential"
PASSWORD_TYPES = ("password", "v3password")


def read_cloud(name: str) -> dict[str, Any]:
    """What the configuration says of a cloud.

    :param name: as in clouds.yaml.
    :return: dict with ``auth`` (a dict), ``auth_type``, ``region_name``, ``interface``, ``cacert``, ``cert`` and ``key``, of which any may be missing.
    :raises PasswordError: ``invalid_input``: the library is missing, or there is no such cloud. The message repeats nothing of the files.
    """
    try:
        loader = import_module("openstack.config.loader")
    except ImportError:
        raise PasswordError(errors.INVALID_INPUT, "cloud: " + missing_required_lib("openstacksdk")) from None
    try:
        with warnings.catch_warnings():
            # Of features that it will lose, whether they are used or not.
            warnings.simplefilter("ignore")
            # Nothing else of the environment: variables of another cloud may be in it.
            found = loader.OpenStackConfig(
                config_files=_files("OS_CLIENT_CONFIG_FILE", "clouds", loader.CONFIG_FILES),
                secure_files=_files("OS_CLIENT_SECURE_FILE", "secure", loader.SECURE_FILES),
                load_envvars=False,
            )
        if name not in found.get_cloud_names():
            raise PasswordError(
                errors.INVALID_INPUT,
                "cloud: clouds.yaml (where it is: see OS_CLIENT_CONFIG_FILE) describes no cloud %s." % name,
            )
        # Without validation the library makes no login of its own.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(found.get_one(name, validate=False).config)
    except PasswordError:
        raise
    except Exception as exc:  # pylint: disable=broad-exception-caught
        # The text of a YAML error holds a piece of the file.
        raise PasswordError(
            errors.INVALID_INPUT, "cloud: the configuration of OpenStack cannot be read (%s)." % type(exc).__name__
        ) from None


def _files(variable: str, name: str, usual: list[str]) -> list[str]:
    """Where a file may be, in order; the library has noted the current folder when it was loaded, which may have been elsewhere."""
    here = [os.path.join(os.getcwd(), name + ending) for ending in (".yaml", ".yml", ".json")]
    return list(filter(None, [os.environ.get(variable)])) + here + list(usual)
