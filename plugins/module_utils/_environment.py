# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options from environment variables."""

from __future__ import annotations

import os

from ansible.module_utils.errors import AnsibleFallbackNotFound


def from_environment(*names: str) -> str:
    """Read an option from the environment; for ``fallback`` in a specification.

    Unlike Ansible's ``env_fallback`` it treats an empty variable as not set: AWX, CI systems and wrapper scripts set a variable for every field
    of a form, even those left empty.

    :param names: environment variables; the first one with a value counts.
    :raises AnsibleFallbackNotFound: none of them has a value.
    """
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    raise AnsibleFallbackNotFound
