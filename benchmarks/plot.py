# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the results."""

from __future__ import annotations

import math

_LONGEST = 46  # characters of a label


def draw(content, path):
    """Draw one panel a section: the time a password takes.

    :raises ImportError: matplotlib is not installed.
    """
    # Only `make bench` has it.
    import matplotlib  # pylint: disable=import-outside-toplevel

    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel

    sections = content["sections"]
    heights = [len(section["rows"]) + 1.5 for section in sections]
    figure, panels = pyplot.subplots(len(sections), 1, figsize=(11, 0.42 * sum(heights)), gridspec_kw={"height_ratios": heights}, squeeze=False)
    for panel, section in zip(panels[:, 0], sections):
        rows = [row for row in section["rows"] if row["users"]]
        times = [1000 * row["median"]["seconds"] / row["users"] for row in rows]
        bars = panel.barh([_short(row["title"]) for row in rows], times, color=["#4878a8" if "floor" not in row["title"] else "#aaaaaa" for row in rows])
        panel.bar_label(bars, [_label(time, row) for time, row in zip(times, rows)], padding=4, fontsize=8)
        panel.set_title(section["title"] + ": milliseconds a password", fontsize=10, loc="left")
        panel.set_xscale("log")
        panel.set_xlim(min(times) / 3, 10 ** math.ceil(math.log10(max(times) * 3)))
        panel.invert_yaxis()
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": None})
    pyplot.close(figure)


def _short(title):
    return title if len(title) <= _LONGEST else title[: title.rfind(" ", 0, _LONGEST)].rstrip(":,") + " ..."


def _label(time, row):
    memory = row["median"]["memory"]
    return "%.3g ms" % time + (", %.0f MB" % memory if memory else "")
