# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One version of a library, whoever installs it."""

from __future__ import annotations

import pathlib

TESTS = pathlib.Path(__file__).parents[2]


def pins(path: pathlib.Path) -> set[str]:
    """The lines that name a version."""
    return {line.strip() for line in path.read_text(encoding="utf-8").splitlines() if "==" in line and not line.startswith("#")}


def test_ansible_test_installs_the_versions_of_make() -> None:
    ours = set().union(*(pins(TESTS / "requirements" / name) for name in ("base.txt", "pytest.txt")))
    assert pins(TESTS / "unit" / "requirements.txt") <= ours
