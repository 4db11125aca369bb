# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make bench tells: the page is what the file of results says, and a goal that is missed is told as missed."""

from __future__ import annotations

import pathlib
import sys

import pytest

from benchmarks import measure, report
from benchmarks.comparison import Goal, Row, Section, in_turns, ratio
from benchmarks.measure import Measured

ROOT = pathlib.Path(__file__).parents[2]


def row(*seconds, **options):
    return Row("a row", runs=[Measured(one, one) for one in seconds], **options)


def test_the_page_tells_the_results_that_are_there():
    page = (ROOT / "docs" / "reference" / "performance.md").read_text(encoding="utf-8")
    assert report.with_results(page, report.load(ROOT / "benchmarks" / "results" / "results.json")) == page, "run: make bench-page"


@pytest.mark.parametrize("value, at_least, met", [(7.9, True, False), (8.0, True, True), (8.1, False, False), (8.0, False, True)])
def test_a_missed_goal_is_told_as_missed(tmp_path, value, at_least, met):
    section = Section("a section", [row(1.0)], [Goal("a goal", value, 8, at_least)])
    report.save(tmp_path / "results.json", report.machine(), [section])
    content = report.load(tmp_path / "results.json")
    for text in (report.as_text(content), report.as_page(content)):
        assert ("MISSED" not in text) is met and "a goal: %.2f times (goal: at %s 8)" % (value, "least" if at_least else "most") in text


def test_what_was_scaled_is_compared_as_scaled():
    assert row(1.0, 9.0, 2.0, users=100, scale=10.0).median() == 20.0
    assert ratio(row(2.0, 8.0, 4.0), row(1.0, 2.0, 2.0)) == 2.0
    assert ratio(row(3.0, scale=10.0), row(1.0, 2.0, 3.0)) == 15.0


def test_contenders_take_turns():
    order, one, two = [], Row("one"), Row("two")
    in_turns([(one, lambda: order.append("one"), 2), (two, lambda: order.append("two"))], 3)
    assert order == ["one", "two", "two", "one", "two"] and (len(one.runs), len(two.runs)) == (2, 3)


def test_a_command_is_measured_with_all_below_it(tmp_path):
    work = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(50_000_000); sum(range(10**7)); import time; time.sleep(0.4)'])"
    found = measure.measured([sys.executable, "-c", work], None, tmp_path, tmp_path / "log", memory=True)
    assert found.seconds > 0.4 and found.cpu > 0.05 and found.memory > 50


def test_a_command_that_fails_is_no_result(tmp_path):
    with pytest.raises(RuntimeError, match="no such user"):
        measure.measured([sys.executable, "-c", "import sys; sys.exit('no such user')"], None, tmp_path, tmp_path / "log")
