# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arguments for a module, in every supported ansible-core. Imports nothing of the controller's: a module's process has none of it."""

from __future__ import annotations

import contextlib
import json

from ansible.module_utils import basic

try:
    # Since ansible-core 2.17.
    from ansible.module_utils.testing import patch_module_args
except ImportError:

    @contextlib.contextmanager
    def patch_module_args(args=None):
        """Let AnsibleModule take these for its arguments."""
        before, basic._ANSIBLE_ARGS = basic._ANSIBLE_ARGS, json.dumps({"ANSIBLE_MODULE_ARGS": args or {}}).encode()
        try:
            yield
        finally:
            basic._ANSIBLE_ARGS = before


__all__ = ("patch_module_args",)
