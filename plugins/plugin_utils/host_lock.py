# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change at a time of a host's passwords, among the runs on one machine.

It keeps two runs from looking at, and sending, the same pending password side by side. It is the kernel's, so it ends with the process that holds
it, however that ends. Runs on several machines are kept apart by the store's compare-and-set alone, which is enough for nothing to be lost.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack, contextmanager

from ansible import constants

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError

from .folders import Locked, locked

_LONGEST_WAIT = 120.0  # seconds


@contextmanager
def host_lock(store, host):
    """Keep other runs on this machine from changing passwords of the same host in the same store.

    :param store: a :class:`~.stores.base.Store`.
    :param host: the inventory name.
    :raises VendorError: ``store_conflict``: another run has held it for two minutes.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(_file(store, host), _LONGEST_WAIT))
        except Locked:
            raise VendorError(
                errors.STORE_CONFLICT,
                "Another run on this machine has been changing passwords of %s for more than %d seconds; this one steps back." % (host, _LONGEST_WAIT),
            ) from None
        except OSError:
            # No place for the file, or a file system without locks. It is a convenience; the store's compare-and-set is what counts.
            pass
        yield


def _file(store, host):
    folder = os.path.join(os.path.expanduser(constants.config.get_config_value("ANSIBLE_HOME")), "rekey_passwords")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # A digest, since the place may hold what no file name can.
    name = hashlib.sha256("\0".join((type(store).__name__, store.place, host)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return os.path.join(folder, name + ".lock")
