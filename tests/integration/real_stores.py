# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest plugin: tests over stores that need a real server or real programs carry the marker ``real``.

Where those cannot be had the tests are skipped with the reason; with REKEY_REQUIRE_REAL=1 in the environment they fail instead.
"""

from __future__ import annotations

import os
import typing as t

import pytest


def unavailable(reason: str) -> t.NoReturn:
    if os.environ.get("REKEY_REQUIRE_REAL") == "1":
        pytest.fail(f"no real store: {reason}", pytrace=False)
    pytest.skip(f"no real store: {reason}")


def pytest_itemcollected(item: pytest.Item) -> None:
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")
    if getattr(case, "real", False):
        item.add_marker("real")
