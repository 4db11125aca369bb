# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the results: a table to read, a file of JSON to keep, and the part of docs/reference/performance.md between its markers."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform

START = "<!-- The results: written by make bench -->"
END = "<!-- The end of the results -->"
HEADER = ("", "passwords", "time, s", "CPU, s", "a password, ms", "memory, MB", "runs", "")


def machine():
    """On what the numbers were got, and how busy it was before."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "ansible_core": importlib.metadata.version("ansible-core"),
        "load_before": round(os.getloadavg()[0], 1),
    }


def save(path, about, sections):
    """Write the results as JSON."""
    content = {"machine": about, "sections": [section.as_dict() for section in sections]}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def load(path):
    """What :func:`save` has written."""
    return json.loads(path.read_text(encoding="utf-8"))


def as_text(content):
    """The results for a terminal."""
    lines = [_about(content["machine"])]
    for section in content["sections"]:
        rows = [HEADER, *(_cells(row) for row in section["rows"])]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
        lines += ["", section["title"]]
        for first, *numbers, note in rows:
            lines.append("  ".join([first.ljust(widths[0]), *map(str.rjust, numbers, widths[1:]), note]).rstrip())
        lines += ["  %s: %s" % (verdict, text) for verdict, text in map(_verdict, section["goals"])]
    return "\n".join(lines)


def as_page(content):
    """The results in Markdown, with the lines that mark their place."""
    lines = [START, _about(content["machine"])]
    for section in content["sections"]:
        rows = [HEADER, ("---", *["---:"] * (len(HEADER) - 2), "---"), *(_cells(row) for row in section["rows"])]
        lines += ["", "### " + section["title"], "", *("| %s |" % " | ".join(row) for row in rows), ""]
        lines += ["- **%s**: %s" % (verdict, text) for verdict, text in map(_verdict, section["goals"])]
    return "\n".join([*lines, END])


def with_results(page, content):
    """A page with these results.

    :raises ValueError: the page has no place for them.
    """
    before, rest = page.split(START)
    return before + as_page(content) + rest.split(END)[1]


def _about(about):
    return "%(at)s, %(processor)s, %(cores)d cores, Python %(python)s, ansible-core %(ansible_core)s, load before: %(load_before)s" % about


def _cells(row):
    median, users = row["median"], row["users"]
    memory = "" if median["memory"] is None else "%.0f" % median["memory"]
    each = "%.1f" % (1000 * median["seconds"] / users) if users else ""
    return (row["title"], str(users), "%.2f" % median["seconds"], "%.2f" % median["cpu"], each, memory, str(len(row["runs"])), row["note"])


def _verdict(goal):
    """Whether a goal is met, and the goal."""
    text = "%(text)s: %(value).2f %(unit)s" % goal
    return "met" if goal["met"] else "MISSED", "%s (goal: %s %g)" % (text, "at least" if goal["at_least"] else "at most", goal["bound"])
