# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Phrases that a reader stumbles over do not come back, wherever a person reads: documentation, messages, comments, task names."""

from __future__ import annotations

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
READ = ("README.md", "docs", "plugins", "roles", "playbooks")
KINDS = (".md", ".py", ".yml", ".yaml", ".j2")
# A pattern, what to write instead, and how often it may still occur. The numbers only ever get smaller.
PHRASES = {
    r"\bof late\b": ("recently, recent", 19),
    r"\banew\b": ("again", 11),
    r"\bto be had\b": ("available", 2),
    r"\bso many\b": ("a number, or its name", 30),
    r"name: Tell\b": ("Show", 14),
    r"\bunforeseen\b": ("unexpected", 4),
    r"\bmend(s|ed|ing)?\b": ("fix, correct", 18),
    r"\bstands? in\b": ("is in, replaces", 40),
    r"\bof before\b": ("earlier, old", 2),
    r"\bthe like\b": ("and similar", 2),
    r"\bwhoever\b": ("who, anyone who", 55),
    r"\btold\b": ("result, message, reported", 153),
    r"\btells?\b": ("says, shows, reports", 219),
    r"\b(is|are) no\b(?! longer)": ("is not, has no", 126),
}


def readable() -> list[pathlib.Path]:
    """Every file that is searched."""
    found: list[pathlib.Path] = []
    for name in READ:
        path = ROOT / name
        found += [path] if path.is_file() else [each for each in sorted(path.rglob("*")) if each.suffix in KINDS]
    return found


@pytest.mark.parametrize("pattern", PHRASES)
def test_a_phrase_does_not_come_back(pattern: str) -> None:
    better, allowed = PHRASES[pattern]
    lines = []
    for path in readable():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            lines += ["%s:%d: %s" % (path.relative_to(ROOT), number, line.strip())] * len(re.findall(pattern, line, re.IGNORECASE))
    assert len(lines) <= allowed, "Rather: %s. Found %d, allowed are %d:\n%s" % (better, len(lines), allowed, "\n".join(lines))
