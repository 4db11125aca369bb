# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._awx.controller import CONNECTION
from ansible_collections.rekey.passwords.plugins.plugin_utils._awx_action import AwxAction


class ActionModule(AwxAction):
    """Makes the objects of AWX as they are described, or removes them."""

    SPEC = dict(
        CONNECTION,
        objects=dict(type="dict", required=True),
        state=dict(choices=["present", "absent"], default="present"),
        leave_out=dict(type="list", elements="str", default=[]),
        mark=dict(type="str", required=True),
        take_over=dict(type="bool", default=False),
        update_secrets=dict(type="bool", default=False),
        force=dict(type="bool", default=False),
        collection=dict(type="str", default="awx.awx"),
    )
