# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Growth: what a user costs, and how much memory it takes, for ever more users and hosts. Measured with the role, which does the most."""

from __future__ import annotations

from benchmarks.comparison import Goal, Row, Section

MEMORY = 150  # MB above the empty playbook
NOISE = 1.1  # so much more than before is no growth


def measure(setting, sizes):
    """The section."""
    empty = Row("the empty playbook", 0, runs=[setting.playbook("empty", memory=True)])
    users = [Row("1 host with %d users" % number, number) for number in sizes["growth_users"]]
    hosts = [Row("%d hosts with 1 user" % number, number) for number in sizes["growth_hosts"]]
    with setting.double() as double:
        for row in users:
            row.runs.append(setting.playbook("role", double, users=row.users, memory=True))
        for row in hosts:
            row.runs.append(setting.playbook("role", double, hosts=row.users, memory=True))
    most = max(row.median("memory") for row in users + hosts) - empty.median("memory")
    goals = [
        Goal("cost per user with many users at one host, relative to few", _growth(users), NOISE),
        Goal("cost per user with many hosts, relative to few", _growth(hosts), NOISE),
        Goal("memory above the empty playbook, at most", most, MEMORY, unit="MB"),
    ]
    return Section("Growth, with the role", [empty, *users, *hosts], goals)


def _growth(rows):
    """What a user costs in the largest run, as a multiple of what it costs in the one before."""
    before, last = (row.median() / row.users for row in rows[-2:])
    return last / before
