# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which record holds the password of which account of a target, so that no account is rotated under two names."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterable, List, Tuple

from .target_note import Content, TargetNote
from .target_note import digest_of as _digest

_CLAIMS_SIZE = 40_000  # bytes of claims in one note, which has room for some 50 kB

Page = Tuple[Content, Any]  # a note: its content and its version
Holders = Dict[str, str]  # digest of an account: the name whose records hold its password


class Claims(TargetNote):
    """The claims on the accounts of one target.

    A note has a limit, so a target with very many accounts has several: pages. Only the last one takes further claims, so that two runs that claim the same
    account always write the same note.
    """

    def holders(self, accounts: Iterable[str]) -> Dict[str, str]:
        """The names whose records hold the passwords of these accounts, as far as they are claimed.

        :raises PasswordError: ``store_failed``.
        """
        claims = _together(self._pages())
        return {account: claims[_digest(account)] for account in accounts if _digest(account) in claims}

    def claim(self, record_name: str, accounts: Iterable[str], take_over: bool = False) -> Dict[str, str]:
        """Claim accounts for the records of that name, except those that another name has claimed.

        :param record_name: the name under which the store keeps the records, usually that of the host.
        :param accounts: what :meth:`.vendor.Vendor.account_identity` gave.
        :param take_over: whether the other name's records are known to be gone.
        :return: dict from account to the other name, for each that was claimed before.
        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        asked_for = list(accounts)
        others: Dict[str, str] = {}

        def decide(claims: Holders) -> None:
            others.clear()
            for account in asked_for:
                if take_over:
                    claims[_digest(account)] = record_name
                holder = claims.setdefault(_digest(account), record_name)
                if holder != record_name:
                    others[account] = holder

        self._update(decide)
        return others

    def release(self, record_name: str, accounts: Iterable[str]) -> None:
        """Release what the records of that name have claimed.

        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        released = list(accounts)

        def decide(claims: Holders) -> None:
            for account in map(_digest, released):
                if claims.get(account) == record_name:
                    del claims[account]

        self._update(decide)

    def _update(self, decide: Callable[[Holders], None]) -> None:
        """Change the claims by compare-and-set.

        :param decide: changes the claims of all pages together.
        """

        def attempt() -> None:
            pages = self._pages()
            before = _together(pages)
            after = dict(before)
            decide(after)
            if after == before:
                return
            for number in self._spread(pages, before, after):
                content, version = pages[number]
                self._store.write_note(self._page_name(number), content, version)

        self._until_written(attempt)

    def _page_name(self, number: int) -> str:
        return self._name if not number else "%s page %d" % (self._name, number + 1)

    def _pages(self) -> List[Page]:
        """All pages, at least one."""
        pages: List[Page] = []
        while True:
            note = self._store.read_note(self._page_name(len(pages)))
            if note.content is None and pages:
                return pages
            pages.append((self._readable(note.content), note.version))
            if not pages[-1][0].get("full"):
                return pages

    def _spread(self, pages: List[Page], before: Holders, after: Holders) -> List[int]:
        """Update the pages to match the claims.

        :return: the numbers of those that changed.
        """
        changed = set()
        for number, (content, _version) in enumerate(pages):
            for account, holder in list(content["claims"].items()):
                if after.get(account) == holder:
                    continue
                changed.add(number)
                if account in after:
                    content["claims"][account] = after[account]
                else:
                    del content["claims"][account]
        size = sum(_size(*claim) for claim in pages[-1][0]["claims"].items())
        for account in after:
            if account in before:
                continue
            if pages[-1][0].get("full"):
                pages.append((self._readable(None), None))
                size = 0
            content = pages[-1][0]
            content["claims"][account] = after[account]
            size += _size(account, after[account])
            content["full"] = size >= _CLAIMS_SIZE
            changed.add(len(pages) - 1)
        return sorted(changed)


def _together(pages: List[Page]) -> Holders:
    """The claims of all pages."""
    return {account: holder for content, _version in pages for account, holder in content["claims"].items()}


def _size(account: str, holder: str) -> int:
    return len(account) + len(json.dumps(holder)) + 6  # quotes, a colon, a comma, blanks
