# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole playbooks take seconds, so in `make test` some of the tests that exist for every vendor run for two of them; in `make test-vendors` for all.

Which two differs from test to test, so that each vendor is there. What the tests are about is tested for every vendor without playbooks, too.
"""

from __future__ import annotations

import os
import zlib

import pytest

from tests.vendor_cases import CASES

EVERY = os.environ.get("REKEY_VENDORS") == "every"
# Files whose tests are sampled.
SAMPLED = ("test_rotation_care", "test_edges_hostile", "test_emergency")
_VENDORS = sorted(CASES)


def is_left_out(item: pytest.Item) -> bool:
    """Whether a test of one vendor is not in the sample."""
    if EVERY or item.path.stem not in SAMPLED:
        return False
    params = getattr(getattr(item, "callspec", None), "params", {})
    vendor = getattr(params.get("case"), "vendor", params.get("vendor"))
    name = getattr(item, "originalname", item.name)
    # The vendors that this test has at all.
    if vendor not in _VENDORS:
        return False
    return (_VENDORS.index(vendor) - zlib.crc32(name.encode())) % len(_VENDORS) not in (0, 2)


def drop(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take those that are left out from the tests that were found; what would be left of a test with few vendors is kept."""
    by_test: dict[str, list[pytest.Item]] = {}
    for item in items:
        by_test.setdefault(item.nodeid.split("[")[0], []).append(item)
    left_out = [item for group in by_test.values() for item in group if is_left_out(item) and not all(map(is_left_out, group))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        dropped = set(map(id, left_out))
        items[:] = [item for item in items if id(item) not in dropped]
