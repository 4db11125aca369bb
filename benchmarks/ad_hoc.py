# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One user, ad hoc: the module, which probes, changes and verifies, against one single request with ``uri``."""

from __future__ import annotations

from benchmarks.comparison import Goal, Row, Section, in_turns, ratio
from benchmarks.setting import OPERATOR


def measure(setting, sizes):
    """The section."""
    uri = Row("one task with ansible.builtin.uri: change")
    module = Row("milvus_user_password: look up, probe, change, verify")
    with setting.double() as double:

        def run(module_name, arguments):
            double.reset({"alice": "before-the-change"})
            found = setting.adhoc(module_name, arguments)
            double.require(1)
            return found

        request = {
            "url": double.url + "/v2/vectordb/users/update_password", "method": "POST", "body_format": "json",
            "headers": {"Authorization": "Bearer %s:%s" % tuple(OPERATOR.values())},
            "body": {"userName": "alice", "password": "before-the-change", "newPassword": "after-the-change"},
        }  # fmt: skip
        options = dict(OPERATOR, url=double.url, name="alice", current_password="before-the-change", password="after-the-change")
        contenders = [
            (uri, lambda: run("ansible.builtin.uri", request)),
            (module, lambda: run("rekey.passwords.milvus_user_password", options)),
        ]
        in_turns(contenders, sizes["rounds_ad_hoc"])
    return Section("One user, ad hoc", [uri, module], [Goal("time of the module, relative to uri", ratio(module, uri), 1.0)])
