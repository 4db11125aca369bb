# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read one cloud from OpenStack's own configuration (clouds.yaml, secure.yaml), with the library made for it."""

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
    """Return the configuration of a cloud.

    :param name: as in clouds.yaml.
    :return: dict with ``auth`` (a dict), ``auth_type``, ``region_name``, ``interface``, ``cacert``, ``cert`` and ``key``, of which any may be missing.
    :raises PasswordError: ``invalid_input``: the library is missing, or the cloud is not configured. The message shows nothing of the files.
    """
    try:
        loader = import_module("openstack.config.loader")
    except ImportError:
        raise PasswordError(errors.INVALID_INPUT, "cloud: " + missing_required_lib("openstacksdk")) from None
    try:
        with warnings.catch_warnings():
            # It warns about features that it will drop, whether they are used or not.
            warnings.simplefilter("ignore")
            # Ignore the rest of the environment: it may hold another cloud's variables.
            found = loader.OpenStackConfig(
                config_files=_files("OS_CLIENT_CONFIG_FILE", "clouds", loader.CONFIG_FILES),
                secure_files=_files("OS_CLIENT_SECURE_FILE", "secure", loader.SECURE_FILES),
                load_envvars=False,
            )
        if name not in found.get_cloud_names():
            raise PasswordError(
                errors.INVALID_INPUT,
                "cloud: clouds.yaml does not contain the cloud %s. Correct the name, or set OS_CLIENT_CONFIG_FILE to the right file."
                % name,
            )
        # Without validation the library does not log in by itself.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(found.get_one(name, validate=False).config)
    except PasswordError:
        raise
    except Exception as exc:  # pylint: disable=broad-exception-caught
        # The text of a YAML error contains part of the file.
        raise PasswordError(
            errors.INVALID_INPUT,
            "cloud: OpenStack's configuration cannot be read (%s). Check clouds.yaml and secure.yaml."
            % type(exc).__name__,
        ) from None


def _files(variable: str, name: str, usual: list[str]) -> list[str]:
    """Return where a file may be, in order. The library remembers the folder in which it was loaded, which may be a different one."""
    here = [os.path.join(os.getcwd(), name + ending) for ending in (".yaml", ".yml", ".json")]
    return list(filter(None, [os.environ.get(variable)])) + here + list(usual)
