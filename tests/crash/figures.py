# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is tried, and the figures of what was."""

from __future__ import annotations

import itertools
import os

import pytest

from tests.store_cases import CASES as STORES
from tests.vendor_cases import CASES

EVERY = os.environ.get("REKEY_CRASH") == "every"  # every point, or a sample
# The tests of which a sample, too, meets each vendor with each store.
WHOLE = ("test_a_first_rotation_is_killed", "test_a_later_rotation_is_killed")
SERIES = pytest.StashKey()  # in the configuration of pytest: a list of tests.crash.kill_harness.Series
HEADINGS = ("vendor", "store", "what", "points", "moments", "trials", "runs", "spared", "lost", "locked", "failed", "torn", "troubles")
_TEXTS = 3  # columns
LEGEND = (
    "points: before, in and after each write, network call, lock and start of a program; moments: those that leave something different behind",
    "trials: runs that were killed or met an error; runs: with those that finish the work; spared: trials that ended before they came to their point",
    "lost: a password in force that is in no record; locked: an account; failed: the most failed logins of any account in one trial, the operator's included",
    "torn: a record that cannot be read; troubles: whatever was wrong, these included",
)


def pairs(vendors=CASES, stores=STORES):
    """A decorator that gives a test vendors and stores: all pairs, or in a sample so many that each vendor and each store is there.

    :param vendors: dict from name to :class:`tests.vendor_cases.VendorCase`.
    :param stores: dict from name to a subclass of :class:`tests.store_cases.StoreCase`.
    """
    found = list(itertools.product(vendors.values(), stores.values()))
    if not EVERY:
        number = max(len(vendors), len(stores))
        found = list(itertools.islice(zip(itertools.cycle(vendors.values()), itertools.cycle(stores.values())), number))
    return pytest.mark.parametrize("case, store", found, ids=["%s-%s" % (case.vendor, store.label) for case, store in found])


def share(number):
    """How many trials a vendor and store get of those that a sample has for all together."""
    return 10**6 if EVERY else max(2, number // (len(CASES) * len(STORES)))


def few(number):
    """The same where there is no end to the possibilities, or another series tries every point: a sample in any case."""
    return 8 if EVERY else share(number)


def table(series):
    """The figures as lines of text, with what they mean below."""
    rows = [HEADINGS, *(one.row() for one in series)]
    # Points are of different kinds, and nobody wants to know their sum.
    sums = [(max if HEADINGS[column] == "failed" else sum)(row[column] for row in rows[1:]) for column in range(_TEXTS + 2, len(HEADINGS))]
    rows.append(("total", "", "", "", "", *sums))
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(HEADINGS))]
    return [*("  ".join(_cell(*each) for each in zip(range(len(HEADINGS)), row, widths)).rstrip() for row in rows), *LEGEND]


def _cell(column, value, width):
    return str(value).ljust(width) if column < _TEXTS else str(value).rjust(width)
