# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures everything, in one run: ``python -m benchmarks``; ``make bench`` and ``make bench-smoke`` call it in the staged copy."""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
import time

from benchmarks import ad_hoc, growth, many_hosts, one_host, plot, report, scaling, stores
from benchmarks.setting import COLLECTIONS, Setting

SECTIONS = {"many_hosts": many_hosts, "one_host": one_host, "growth": growth, "ad_hoc": ad_hoc, "stores": stores, "scaling": scaling}
FULL = {
    "hosts": 100, "users": 1000, "sample": 50, "rounds": 3, "rounds_ad_hoc": 9, "growth_users": (10, 100, 1000, 10000), "growth_hosts": (10, 100, 500),
    "sliced_hosts": 200,
}  # fmt: skip
# Whether it runs and does what it is measured for; its times mean nothing.
SMOKE = {
    "hosts": 2, "users": 10, "sample": 1, "rounds": 1, "rounds_ad_hoc": 1, "growth_users": (1, 10), "growth_hosts": (1, 3), "sliced_hosts": 4
}  # fmt: skip


def main(arguments=None):
    """Measure, tell, and keep what was found.

    :return: the exit status, 0: a goal that is missed is told and is no failure, since the machine may have been busy.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="tiny numbers, to see whether it runs")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="only this comparison; may be repeated")
    parser.add_argument("--checkout", type=pathlib.Path, help="write benchmarks/results/ and docs/reference/performance.md here; without, only print")
    parser.add_argument("--page", action="store_true", help="measure nothing: write the plot and the page anew from the results that are there")
    for name, value in FULL.items():
        if isinstance(value, int):
            parser.add_argument("--" + name.replace("_", "-"), type=int, help="instead of %d" % value)
    given = parser.parse_args(arguments)
    # stores.py runs the collection in this process.
    sys.path.insert(0, str(COLLECTIONS))
    if not given.page:
        sizes = {name: getattr(given, name, None) or value for name, value in (SMOKE if given.smoke else FULL).items()}
        about, sections = report.machine(), _measured(given.only or list(SECTIONS), sizes)
    with tempfile.TemporaryDirectory(prefix="rekey-bench-") as temporary:
        folder = given.checkout / "benchmarks" / "results" if given.checkout else pathlib.Path(temporary)
        folder.mkdir(exist_ok=True)
        if not given.page:
            report.save(folder / "results.json", about, sections)
        content = report.load(folder / "results.json")
        told = report.as_text(content)
        print("It runs. The times of such small numbers mean nothing and are not told." if given.smoke else "\n" + told, flush=True)
        _draw(content, folder / "results.png")
    if given.checkout:
        page = given.checkout / "docs" / "reference" / "performance.md"
        page.write_text(report.with_results(page.read_text(encoding="utf-8"), content), encoding="utf-8")
    return 0


def _measured(names, sizes):
    sections = []
    with tempfile.TemporaryDirectory(prefix="rekey-bench-") as folder:
        setting = Setting(folder)
        # The first start of anything also compiles it.
        with setting.double() as double:
            for warm_up in ("empty", "uri", "role", "module", "floor"):
                setting.playbook(warm_up, double if warm_up != "empty" else None)
        for name in names:
            started = time.monotonic()
            sections.append(SECTIONS[name].measure(setting, sizes))
            print("    %s: measured in %.0f s" % (name, time.monotonic() - started), flush=True)
    return sections


def _draw(content, path):
    try:
        plot.draw(content, path)
    except ImportError:
        print("No plot: matplotlib is not installed; make bench installs it.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
