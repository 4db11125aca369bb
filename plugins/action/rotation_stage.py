# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import steps, unlisted
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import RotationAction, read_users


class ActionModule(RotationAction):
    """Decides who is due and stores the new passwords as pending."""

    SPEC = dict(**steps.USERS, **steps.CONNECTION, **steps.WHO_IS_DUE, **steps.NEW_PASSWORDS)

    def rotate(self, args, task_vars, scrub):
        users = read_users(args["users"])
        # Tasks of one's own may make the change without any of the vendor's options.
        delivery = steps.delivery(self, users, args, task_vars, scrub) if args["connection"] else None
        store = self.open_store(args, task_vars)
        seen = steps.look(store, users, args, delivery)
        staged = seen.staged
        if seen.due:
            with steps.locked(store, self.check_mode):
                staged = steps.stage(store, users, args, seen, delivery, self.check_mode)
        due = [user["name"] for user in staged if user["due"]]
        # A new or another pending password is a change of the store.
        result = dict(changed=bool(due), users=staged, due=due)
        unlisted.tell(store, staged, seen.endpoint, result)
        return result
