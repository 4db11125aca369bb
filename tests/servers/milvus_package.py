# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of the real Milvus, out of the PyPI package `milvus` into a folder that lasts."""

from __future__ import annotations

import concurrent.futures
import fcntl
import importlib.metadata
import importlib.util
import lzma
import os
import pathlib
import platform
import shutil
import sys
import tempfile

from tests.servers.machine import Unavailable

VERSION = "2.3.5"


def unpacked(cache_dir: pathlib.Path) -> pathlib.Path:
    """The folder with the server's program and libraries, unpacked on the first call."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise Unavailable(f"Milvus {VERSION} comes for Linux on x86_64 only, this is {sys.platform} on {platform.machine()}")
    # Not imported: only its files are wanted, and importing it makes a server object that looks after itself.
    spec = importlib.util.find_spec("milvus")
    try:
        version = importlib.metadata.version("milvus")
    except importlib.metadata.PackageNotFoundError:
        version = None
    if spec is None or not spec.submodule_search_locations or version != VERSION:
        raise Unavailable(f"the Python package milvus=={VERSION} is not installed" + (f", but {version}" if version else ""))
    archives = sorted(pathlib.Path(spec.submodule_search_locations[0], "data", "bin").glob("*.lzma"), key=lambda path: -path.stat().st_size)
    if not archives:
        raise Unavailable(f"the Python package milvus {VERSION} holds no programs")

    target = cache_dir / f"milvus-{VERSION}"
    if target.is_dir():
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    with open(cache_dir / f"milvus-{VERSION}.lock", "wb") as lock:
        # The kernel takes the lock back from a process that dies, so whoever has it may clear up after the dead.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for stale in cache_dir.glob(f"milvus-{VERSION}.unpacking-*"):
            shutil.rmtree(stale, ignore_errors=True)
        if not target.is_dir():
            temporary = pathlib.Path(tempfile.mkdtemp(prefix=f"milvus-{VERSION}.unpacking-", dir=cache_dir))
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(lambda archive: _unpack(archive, temporary / archive.stem), archives))
            temporary.chmod(0o755)
            temporary.rename(target)
    return target


def _unpack(archive: pathlib.Path, target: pathlib.Path) -> None:
    with lzma.open(archive) as source, open(target, "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    target.chmod(0o755)
