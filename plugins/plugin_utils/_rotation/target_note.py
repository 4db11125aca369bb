# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The note of a target: what all runs know of it together.

A target is what a vendor's options reach (:meth:`.vendor.Vendor.target`), and several hosts of an inventory may reach the same one. The note has two parts:
the claims on accounts (``claims.py``), and the counters of failed logins of operators (``operator_counters.py``).
"""

from __future__ import annotations

import hashlib
import random
import time
from typing import Any, Callable, Dict, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ..store import Store, StoreConflict

_TRIES = 50  # many hosts of a batch may share an operator
_PAUSE = 0.05  # seconds

Content = Dict[str, Any]  # of a note


class TargetNote:
    """The note of one target; a subclass knows one of its parts.

    :param store: a :class:`~.store.Store`.
    :param vendor: the name of the vendor.
    :param target: what :meth:`.vendor.Vendor.target` gave.
    """

    def __init__(self, store: Store, vendor: str, target: str) -> None:
        self._store, self._vendor, self._target = store, vendor, target
        self._name = "target %s" % digest_of(vendor, target)

    def _readable(self, content: Optional[Content]) -> Content:
        """A note's content, or that of a new one.

        :raises PasswordError: ``store_failed``: it is something else.
        """
        empty: Content = {"vendor": self._vendor, "target": self._target, "claims": {}, "operators": {}}
        if content is None:
            return empty
        filled = dict(empty, **content)
        whole = all(isinstance(filled[part], dict) for part in ("claims", "operators"))
        if (
            not whole
            or (filled["vendor"], filled["target"]) != (self._vendor, self._target)
            or not all(map(_is_operator, filled["operators"].values()))
        ):
            raise PasswordError(
                errors.STORE_FAILED,
                'The store\'s note "%s" is damaged. Remove it; claims and counters then start afresh.' % self._name,
            )
        return filled

    def _until_written(self, attempt: Callable[[], None]) -> None:
        """Read, decide, write; again if somebody else has written in the meantime.

        :param attempt: does so once; raises StoreConflict if somebody else has written.
        :raises PasswordError: ``store_conflict``: others keep writing.
        """
        for number in range(_TRIES):
            try:
                attempt()
                return
            except StoreConflict:
                time.sleep(random.uniform(0, _PAUSE * min(number + 1, 10)))
        raise PasswordError(
            errors.STORE_CONFLICT,
            "Other runs keep changing the store's note on %s; run again when fewer runs are active." % self._target,
        )


def digest_of(*texts: str) -> str:
    """A short digest, for names of notes and of accounts in them."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _is_operator(entry: object) -> bool:
    count = entry.get("failed_logins") if isinstance(entry, dict) else None
    return isinstance(count, int) and not isinstance(count, bool) and count >= 0
