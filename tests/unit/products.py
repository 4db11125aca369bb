# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Products of parameters of which `make check` runs a sample, and `make test` all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def thinned(values: Iterable, quick: int = 4, several: bool = False) -> list:
    """The values as parameters, of which all but a few, evenly drawn, are marked as slow.

    :param quick: how many are not.
    :param several: whether each is a tuple of values for several names.
    """
    values = list(values)
    kept = {round(place * (len(values) - 1) / max(1, quick - 1)) for place in range(quick)}
    return [
        pytest.param(*(value if several else (value,)), marks=[] if number in kept else [pytest.mark.slow]) for number, value in enumerate(values)
    ]  # fmt: skip
