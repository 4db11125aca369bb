# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Phrases that a reader stumbles over do not come back, wherever a person reads: documentation, messages, comments, task names."""

from __future__ import annotations

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
READ = (
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "MAINTAINING.md", "CODE_OF_CONDUCT.md", "Makefile", "docs", "plugins", "roles", "playbooks", "extensions",
    "tests/tools",
)  # fmt: skip
KINDS = (".md", ".py", ".yml", ".yaml", ".j2")
# A pattern, what to write instead, and how often it may still occur. The numbers only ever get smaller.
PHRASES = {
    r"\bof late\b": ("recently, recent", 0),
    r"\banew\b": ("again", 0),
    r"\bto be had\b": ("available", 0),
    r"\bso many\b": ("a number, or its name", 0),
    r"name: Tell\b": ("Show", 0),
    r"\bunforeseen\b": ("unexpected", 0),
    r"\bmend(s|ed|ing)?\b": ("fix, correct", 0),
    r"\bstands? in\b": ("is in, replaces", 0),
    r"\bof before\b": ("earlier, old", 0),
    r"\bthe like\b": ("and similar", 0),
    r"\bwhoever\b": ("who, anyone who", 0),
    r"\btold\b": ("result, message, reported", 0),
    r"\btells?\b": ("says, shows, reports", 0),
    # "There is no file" and "is no longer" are plain English.
    r"(?<!\bthere )\b(is|are) no\b(?! (longer|more|later|earlier)\b)": ("is not, has no", 0),
    r"\bshall\b": ("must, will", 0),
    r"\bintroduce oneself\b": ("authenticate", 0),
    r"\bgood login\b": ("successful login", 0),
    r"\bbad logins?\b": ("failed login", 0),
    r"\bleft alone\b": ("skipped", 0),
    r"\bbrings? .{0,40}\bin line\b": ("correct, update", 0),
    r"\bput(s|ting)? .{0,40}\baside\b": ("set aside", 0),
    r"\bgiven up\b": ("replaced, abandoned", 0),
    r"\bas a rule\b": ("usually", 0),
    r"\bmostly\b": ("usually", 0),
    r"\bif need be\b": ("if necessary", 0),
    r"\bout of reach\b": ("unreachable", 0),
    r"\bwants? (fewer|no|to be)\b": ("requires, does not need", 0),
    r"\b(answers|answered) so\b": ("responds like this", 0),
    r"\bbelongs? into\b": ("belongs in", 0),
    r"\bwhat became of\b": ("the outcome of", 0),
    r"\b(without|after) a look\b": ("without a check, after a login", 0),
    r"\bin force nowhere\b": ("not in force", 0),
    r"\bfurther ones\b": ("further, with its noun", 0),
    r"\b(a|one) (process|task|file|fork|lock|note) a (host|user|run)\b": ("per host, per user, per run", 0),
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
