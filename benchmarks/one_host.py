# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many users at one host whose answers take their time: against a loop over ``uri``, and against a script that makes the same calls."""

from __future__ import annotations

from benchmarks.comparison import Goal, Row, Section, in_turns, ratio

LATENCY = 20  # milliseconds
CONCURRENCY = 8  # the module's default


def measure(setting, sizes):
    """The section."""
    users, sample, rounds = sizes["users"], sizes["sample"], sizes["rounds"]
    uri = Row("loop over ansible.builtin.uri: log in, change, verify", users, users / sample, "measured on %d users and scaled" % sample)
    role = Row("role rotate", users)
    module = Row("milvus_user_password, one call", users)
    floor = Row("the floor: a plain script on requests, same calls, same concurrency", users)
    with setting.double(LATENCY) as double:
        contenders = [
            # Its own noise is small beside the difference.
            (uri, lambda: setting.playbook("uri", double, users=sample), 1),
            (role, lambda: setting.playbook("role", double, users=users)),
            (module, lambda: setting.playbook("module", double, users=users)),
            (floor, lambda: setting.script(double, users, CONCURRENCY)),
        ]
        in_turns(contenders, rounds)
    goals = [Goal("time of the module, relative to the floor", ratio(module, floor), 1.2)]
    return Section("%d users at one host, every answer takes %d ms" % (users, LATENCY), [uri, role, module, floor], goals)
