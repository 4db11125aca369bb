# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four ansible-runner processes over slices of one inventory against one process over all of it, with the same number of forks altogether."""

from __future__ import annotations

import os
import tempfile

from benchmarks.comparison import Row, Section
from benchmarks.measure import Measured
from benchmarks.setting import COLLECTIONS, VAULT_PASSWORD
from tests.integration.slices import Slices

PROCESSES = 4


def measure(setting, sizes):
    """The section; it has no goal, since on one machine the processes share its cores."""
    hosts = sizes["sliced_hosts"]
    rows = [Row("1 process", hosts), Row("%d processes over slices" % PROCESSES, hosts)]
    with setting.double() as double:
        for row, number in zip(rows, (1, PROCESSES)):
            slices = Slices(tempfile.mkdtemp(dir=setting.folder), COLLECTIONS, setting.inventory(double, hosts), VAULT_PASSWORD)
            row.runs.append(_run(slices, number))
            double.require(hosts)
    return Section("Slices: the role by ansible-runner, %d hosts with one user each, one store" % hosts, rows, [])


def _run(slices, number):
    before = _cpu()
    seconds = slices.run(number)
    return Measured(seconds, _cpu() - before)


def _cpu():
    """Seconds of CPU that all processes which this one has waited for have used."""
    times = os.times()
    return times.children_user + times.children_system
