# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change at a time of a host's passwords, among the runs on one machine.

It keeps two runs from looking at, and sending, the same pending password side by side. It is the kernel's, so it ends with the process that holds
it, however that ends. Runs on several machines are kept apart by the store's compare-and-set alone, which is enough for nothing to be lost.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import contextmanager

from ansible import constants

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError

_LONGEST_WAIT = 120.0  # seconds
_PAUSE = 0.1  # seconds


@contextmanager
def host_lock(store, host, sleep=time.sleep, clock=time.monotonic):
    """Keep other runs on this machine from changing passwords of the same host in the same store.

    :param store: a :class:`~.stores.base.Store`.
    :param host: the inventory name.
    :raises VendorError: ``store_conflict``: another run has held it for two minutes.
    """
    handle = _opened(store, host)
    if handle is None:
        yield
        return
    try:
        end = clock() + _LONGEST_WAIT
        while not _taken(handle):
            if clock() > end:
                raise VendorError(
                    errors.STORE_CONFLICT,
                    "Another run on this machine has been changing passwords of %s for more than %d seconds; this one steps back." % (host, _LONGEST_WAIT),
                )
            sleep(_PAUSE)
        yield
    finally:
        os.close(handle)


def _opened(store, host):
    """The lock's file; ``None`` where there can be none: it is a convenience, and the store's compare-and-set is what counts."""
    folder = os.path.join(os.path.expanduser(constants.config.get_config_value("ANSIBLE_HOME")), "rekey_passwords")
    # A digest, since the place may hold what no file name can.
    name = hashlib.sha256("\0".join((type(store).__name__, store.place, host)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return os.open(os.path.join(folder, name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None


def _taken(handle):
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks.
        return True
    return True
