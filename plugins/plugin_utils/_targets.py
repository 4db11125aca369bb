# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all runs know of a target together: which record holds the password of which account, and how often an operator's login has failed.

A target is what a vendor's options reach (:meth:`.vendor.Vendor.target`). Several hosts of an inventory may reach the same one.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from datetime import datetime
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError

from .ages import from_text, to_text
from .stores.base import Store, StoreConflict

_TRIES = 50  # many hosts of a batch may share an operator
_PAUSE = 0.05  # seconds
_CLAIMS_SIZE = 40_000  # bytes of claims in one note, which has room for some 50 kB


class TargetNote:
    """The note of one target.

    :param store: a :class:`~.stores.base.Store`.
    :param vendor: the name of the vendor.
    :param target: what :meth:`.vendor.Vendor.target` gave.
    """

    def __init__(self, store: Store, vendor: str, target: str) -> None:
        self._store, self._vendor, self._target = store, vendor, target
        self._name = "target %s" % _digest(vendor, target)

    def claim(self, record_name: str, accounts: Iterable[str]) -> Dict[str, str]:
        """Claim accounts for the records of that name, except those that another name has claimed.

        :param record_name: the name under which the store keeps the records, as a rule that of the host.
        :param accounts: what :meth:`.vendor.Vendor.account_identity` gave.
        :return: dict from account to the other name, for each that was claimed before.
        :raises VendorError: ``store_failed``, ``store_conflict``.
        """
        wanted = list(accounts)
        others: Dict[str, str] = {}

        def decide(claims: Dict[str, str]) -> None:
            others.clear()
            for account in wanted:
                holder = claims.setdefault(_digest(account), record_name)
                if holder != record_name:
                    others[account] = holder

        self._update_claims(decide)
        return others

    def release(self, record_name: str, accounts: Iterable[str]) -> None:
        """Give back what the records of that name have claimed.

        :raises VendorError: ``store_failed``, ``store_conflict``.
        """
        wanted = list(accounts)

        def decide(claims: Dict[str, str]) -> None:
            for account in map(_digest, wanted):
                if claims.get(account) == record_name:
                    del claims[account]

        self._update_claims(decide)

    def operator_failures(self, name: str, now: datetime, window: Optional[float]) -> int:
        """How many logins of an operator have failed recently, over all hosts and runs.

        :param window: seconds after which the vendor forgets them; ``None`` if only a good login makes it forget.
        :raises VendorError: ``store_failed``.
        """
        return _recent(self._operators().get(name), now, window)

    def count_operator_login(self, name: str, now: datetime, window: Optional[float] = None) -> int:
        """Count a login that may fail, before it is made.

        :param window: as for :meth:`operator_failures`; what the vendor has forgotten is not counted on.
        :return: how many have failed recently, this one included.
        :raises VendorError: ``store_failed``, ``store_conflict``.
        """
        counted = 0

        def decide(content: dict) -> bool:
            nonlocal counted
            counted = _recent(content["operators"].get(name), now, window) + 1
            content["operators"][name] = {"failed_logins": counted, "failed_at": to_text(now)}
            return True

        self._update(decide)
        return counted

    def operator_login_worked(self, name: str) -> None:
        """A login has worked, so the vendor has forgotten those that failed.

        :raises VendorError: ``store_failed``, ``store_conflict``.
        """

        def decide(content: dict) -> bool:
            return content["operators"].pop(name, None) is not None

        self._update(decide)

    def operator_login_was_not_made(self, name: str) -> None:
        """A login that was counted was not made, or was neither taken nor refused.

        :raises VendorError: ``store_failed``, ``store_conflict``.
        """

        def decide(content: dict) -> bool:
            entry = content["operators"].get(name)
            if entry is None:
                return False
            entry["failed_logins"] -= 1
            if entry["failed_logins"] <= 0:
                del content["operators"][name]
            return True

        self._update(decide)

    def _operators(self) -> dict:
        return self._readable(self._store.read_note(self._name).content)["operators"]

    def _readable(self, content: Optional[dict]) -> dict:
        """A note's content, or that of a new one.

        :raises VendorError: ``store_failed``: it is something else.
        """
        empty = {"vendor": self._vendor, "target": self._target, "claims": {}, "operators": {}}
        if content is None:
            return empty
        found = dict(empty, **content)
        whole = all(isinstance(found[key], dict) for key in ("claims", "operators"))
        if not whole or (found["vendor"], found["target"]) != (self._vendor, self._target) or not all(map(_is_operator, found["operators"].values())):
            raise VendorError(errors.STORE_FAILED, "The store's note \"%s\" is damaged. Remove it; claims and counters are then begun anew." % self._name)
        return found

    def _update_claims(self, decide: Callable[[Dict[str, str]], None]) -> None:
        """Change the claims: read, decide, write; again if somebody else has written meanwhile.

        A note has a limit, so a target with very many accounts has several. Only the last of them takes further claims, so that two runs which
        claim the same account always write the same note.

        :param decide: changes the claims of all the notes together.
        """
        for number in range(_TRIES):
            pages = self._pages()
            claims = {account: holder for content, _version in pages for account, holder in content["claims"].items()}
            before = dict(claims)
            decide(claims)
            if claims == before:
                return
            changed = _spread(pages, before, claims, self._readable)
            try:
                for page in changed:
                    content, version = pages[page]
                    self._store.write_note(self._page_name(page), content, version)
                return
            except StoreConflict:
                _pause(number)
        raise self._busy()

    def _page_name(self, page: int) -> str:
        return self._name if not page else "%s page %d" % (self._name, page + 1)

    def _pages(self) -> List[Tuple[dict, Any]]:
        """The content and version of each of the notes, of at least one."""
        found: List[Tuple[dict, Any]] = []
        while True:
            note = self._store.read_note(self._page_name(len(found)))
            if note.content is None and found:
                return found
            found.append((self._readable(note.content), note.version))
            if not found[-1][0].get("full"):
                return found

    def _update(self, decide: Callable[[dict], bool]) -> None:
        """Change the operators: read, decide, write; again if somebody else has written meanwhile.

        :param decide: changes the content, and says whether it did.
        """
        for number in range(_TRIES):
            note = self._store.read_note(self._name)
            content = self._readable(note.content)
            if not decide(content):
                return
            try:
                self._store.write_note(self._name, content, note.version)
                return
            except StoreConflict:
                _pause(number)
        raise self._busy()

    def _busy(self) -> VendorError:
        return VendorError(errors.STORE_CONFLICT, "Other runs keep changing the store's note on %s; run again when less is going on." % self._target)


def _spread(pages: List[Tuple[dict, Any]], before: Dict[str, str], after: Dict[str, str], empty: Callable[[None], dict]) -> List[int]:
    """Bring the notes in line with the claims.

    :return: the numbers of those that changed.
    """
    changed = set()
    for page, (content, _version) in enumerate(pages):
        gone = [account for account in content["claims"] if account not in after]
        for account in gone:
            del content["claims"][account]
            changed.add(page)
    size = sum(_size(*claim) for claim in pages[-1][0]["claims"].items())
    for account in after:
        if account in before:
            continue
        if pages[-1][0].get("full"):
            pages.append((empty(None), None))
            size = 0
        content = pages[-1][0]
        content["claims"][account] = after[account]
        size += _size(account, after[account])
        content["full"] = size >= _CLAIMS_SIZE
        changed.add(len(pages) - 1)
    return sorted(changed)


def _size(account: str, holder: str) -> int:
    return len(account) + len(json.dumps(holder)) + 6  # quotes, a colon, a comma, blanks


def _pause(number: int) -> None:
    time.sleep(random.uniform(0, _PAUSE * min(number + 1, 10)))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _is_operator(entry: object) -> bool:
    count = entry.get("failed_logins") if isinstance(entry, dict) else None
    return isinstance(count, int) and not isinstance(count, bool) and count >= 0


def _recent(entry: Optional[dict], now: datetime, window: Optional[float]) -> int:
    """The failed logins of an operator that the vendor may still count."""
    if not entry:
        return 0
    if window is None:
        return entry["failed_logins"]
    try:
        age = (now - from_text(entry["failed_at"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return entry["failed_logins"]
    return 0 if age >= window else entry["failed_logins"]
