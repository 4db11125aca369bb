# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts with one user each: the role and the module against ``uri``, and against a stub that only posts."""

from __future__ import annotations

from benchmarks.comparison import Goal, Row, Section, in_turns, ratio


def measure(setting, sizes):
    """The section."""
    hosts, rounds = sizes["hosts"], sizes["rounds"]
    uri = Row("playbook with ansible.builtin.uri: log in, change, verify", hosts)
    role = Row("role rotate: store the intent, change, verify, commit", hosts)
    module = Row("milvus_user_password: look up, probe, change, verify", hosts)
    floor = Row("the floor: a stub in Ansible's own process that only posts", hosts)
    with setting.double() as double:
        contenders = [
            # Its own noise is small beside the difference.
            (uri, lambda: setting.playbook("uri", double, hosts=hosts), 1),
            (role, lambda: setting.playbook("role", double, hosts=hosts)),
            (module, lambda: setting.playbook("module", double, hosts=hosts)),
            (floor, lambda: setting.playbook("floor", double, hosts=hosts)),
        ]
        in_turns(contenders, rounds)
    goals = [
        Goal("speed of the module, relative to uri", ratio(uri, module), 8, at_least=True),
        Goal("speed of the role, relative to uri", ratio(uri, role), 8, at_least=True),
        Goal("time of the module, relative to the floor", ratio(module, floor), 1.5),
    ]
    return Section("%d hosts with one user each" % hosts, [uri, role, module, floor], goals)
