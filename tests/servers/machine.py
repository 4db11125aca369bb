# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real server needs of the machine: a folder that lasts, and a way to say that it cannot be had."""

from __future__ import annotations

import os
import pathlib


class Unavailable(Exception):
    """The real server cannot run on this machine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def default_cache_dir() -> pathlib.Path:
    """REKEY_CACHE, or .build/cache of the checkout, also where this file lies in a staged copy below .build."""
    if os.environ.get("REKEY_CACHE"):
        return pathlib.Path(os.environ["REKEY_CACHE"])
    here = pathlib.Path(__file__).resolve()
    for parent in here.parents:
        if parent.name == ".build":
            return parent / "cache"
    return here.parents[2] / ".build" / "cache"
