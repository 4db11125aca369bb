# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._vendor_action import UserPasswordAction


class ActionModule(UserPasswordAction):
    """Saves the start of another Python where the task runs on the controller anyway."""
