# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floor of many hosts: no look-up, no probe, no proof; one request a user."""

from __future__ import annotations

import requests
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Posts, and looks at the answer."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        args = self._task.args
        for user in args["users"]:
            answer = requests.post(
                args["url"] + "/v2/vectordb/users/update_password",
                json={"userName": user["name"], "password": user["current_password"], "newPassword": user["password"]},
                headers={"Authorization": "Bearer %s:%s" % (args["api_user"], args["api_password"])},
                timeout=30,
            )
            result.update(changed=True, failed=answer.json()["code"] != 0)
        return result
