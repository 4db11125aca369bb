# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark is made of: rows that are measured in turns, and goals that are met or missed."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field


@dataclass
class Row:
    """One contender, or one size.

    :param title: what it is.
    :param users: how many passwords it changes.
    :param scale: what its times are multiplied with, where less was measured than is told of.
    :param note: what a reader must know.
    """

    title: str
    users: int = 1
    scale: float = 1.0
    note: str = ""
    runs: list = field(default_factory=list)

    def median(self, what="seconds"):
        """The median of all runs; ``None`` if it was not measured."""
        found = [getattr(run, what) for run in self.runs]
        return None if None in found else statistics.median(found) * (self.scale if what != "memory" else 1)

    def as_dict(self):
        """For the file of results."""
        medians = {what: self.median(what) for what in ("seconds", "cpu", "memory")}
        return {**asdict(self), "median": medians}


@dataclass
class Goal:
    """A number that was promised."""

    text: str
    value: float
    bound: float
    at_least: bool = False
    unit: str = "times"

    @property
    def met(self):
        """Whether it is kept."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def as_dict(self):
        """For the file of results."""
        return {**asdict(self), "met": self.met}


@dataclass
class Section:
    """One comparison."""

    title: str
    rows: list
    goals: list

    def as_dict(self):
        """For the file of results."""
        return {"title": self.title, "rows": [row.as_dict() for row in self.rows], "goals": [goal.as_dict() for goal in self.goals]}


def in_turns(contenders, rounds):
    """Measure contenders one after the other, again and again, so that what slows the machine down slows all of them down.

    :param contenders: list of (row, function) or (row, function, rounds), where that many are enough.
    """
    for number in range(rounds):
        # The other way round each time: whoever comes first finds other caches than the next one.
        for row, run, *most in contenders if number % 2 == 0 else contenders[::-1]:
            if number < (most[0] if most else rounds):
                row.runs.append(run())


def ratio(row, other):
    """How many times as long one takes as another: the median of the ratios of each round, or where one was measured less often, of the medians."""
    if len(row.runs) != len(other.runs):
        return row.median() / other.median()
    return statistics.median(one.seconds * row.scale / (two.seconds * other.scale) for one, two in zip(row.runs, other.runs))
