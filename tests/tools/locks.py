# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep two runs of make in one checkout apart."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from tests.tools import layout


@contextlib.contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold a lock while the block runs. Print a line if it has to wait for it."""
    layout.BUILD.mkdir(exist_ok=True)
    with open(layout.BUILD / f"{name}.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"==> Waiting for another run in this checkout ({name})", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
