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
import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import format_utc, parse_utc, utc_now
from ..store import Store, StoreConflict
from .lease import has_ended, this_process

_TRIES = 50  # many hosts of a batch may share an operator
_PAUSE = 0.05  # seconds
_UNDER_WAY = timedelta(seconds=120)  # a login that takes longer belongs to a run that died
_CLAIMS_SIZE = 40_000  # bytes of claims in one note, which has room for some 50 kB

# 16 MiB and some 50 ms for each guess of whoever reads the note. A run pays that only after a refusal, or while one still counts.
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_PBKDF2_ROUNDS = 200_000
_DIGEST_SIZE = 4  # bytes: a false match costs no more than a refusal, so the note needs no more
_SALT_SIZE = 16  # bytes


class Outcome(Enum):
    """What became of an operator's login."""

    WORKED = "worked"
    REFUSED = "refused"
    NOT_MADE = "not made"


WORKED, REFUSED, NOT_MADE = Outcome


class Secret:
    """What an operator logs in with, so that it can be recognised once it was refused.

    The password itself is never in the note. A digest of it may be guessed at where it is weak, so it is salted, slow to compute and cut to a few
    bytes; there is none unless a login was refused, and it goes with the count.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._digests: Dict[str, str] = {}

    def digest(self, salt: str) -> str:
        """The digest with that salt, computed once: others may change the note meanwhile, and it is asked for again."""
        if salt not in self._digests:
            self._digests[salt] = _slow_digest(
                self._text.encode("utf-8", "surrogatepass"), salt.encode("utf-8", "surrogatepass")
            )
        return self._digests[salt]


@dataclass(frozen=True)
class Admission:
    """Whether an operator may log in.

    :param token: for :meth:`TargetNote.end_operator_login`; ``None`` if it may not.
    :param failed: recent failed logins.
    :param failed_at: when the last of them was.
    :param may_change: whether logins of others that are under way may yet make room.
    :param known: whether this very password is among those that were refused.
    """

    token: Optional[str]
    failed: int
    failed_at: Optional[datetime]
    may_change: bool
    known: bool = False


class TargetNote:
    """The note of one target.

    :param store: a :class:`~.store.Store`.
    :param vendor: the name of the vendor.
    :param target: what :meth:`.vendor.Vendor.target` gave.
    """

    def __init__(self, store: Store, vendor: str, target: str) -> None:
        self._store, self._vendor, self._target = store, vendor, target
        self._name = "target %s" % _digest(vendor, target)

    def holders(self, accounts: Iterable[str]) -> Dict[str, str]:
        """The names whose records hold the passwords of these accounts, as far as they are claimed.

        :raises PasswordError: ``store_failed``.
        """
        claims = {
            account: holder for content, _version in self._pages() for account, holder in content["claims"].items()
        }
        return {account: claims[_digest(account)] for account in accounts if _digest(account) in claims}

    def claim(self, record_name: str, accounts: Iterable[str], take_over: bool = False) -> Dict[str, str]:
        """Claim accounts for the records of that name, except those that another name has claimed.

        :param record_name: the name under which the store keeps the records, as a rule that of the host.
        :param accounts: what :meth:`.vendor.Vendor.account_identity` gave.
        :param take_over: whether the other name's records are known to be gone.
        :return: dict from account to the other name, for each that was claimed before.
        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        wanted = list(accounts)
        others: Dict[str, str] = {}

        def decide(claims: Dict[str, str]) -> None:
            others.clear()
            for account in wanted:
                if take_over:
                    claims[_digest(account)] = record_name
                holder = claims.setdefault(_digest(account), record_name)
                if holder != record_name:
                    others[account] = holder

        self._update_claims(decide)
        return others

    def release(self, record_name: str, accounts: Iterable[str]) -> None:
        """Give back what the records of that name have claimed.

        :raises PasswordError: ``store_failed``, ``store_conflict``.
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
        :raises PasswordError: ``store_failed``.
        """
        return _recent(self._operators().get(name), now, window)

    def add_operator_failure(self, name: str, now: datetime, window: Optional[float] = None) -> int:
        """Count a login that has failed although :meth:`admit_operator` was not asked for it.

        :param window: as for :meth:`operator_failures`; what the vendor has forgotten is not counted on.
        :return: how many have failed recently, this one included.
        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        counted = 0

        def decide(content: dict) -> bool:
            nonlocal counted
            entry = content["operators"].get(name)
            counted = _recent(entry, now, window) + 1
            refused = {"refused": entry["refused"]} if counted > 1 and "refused" in entry else {}
            content["operators"][name] = dict(refused, failed_logins=counted, failed_at=format_utc(now))
            return True

        self._update(decide)
        return counted

    def forget_operator(self, name: str) -> None:
        """Forget all of an operator's failed logins: somebody has unlocked the account by hand.

        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """

        def decide(content: dict) -> bool:
            return content["operators"].pop(name, None) is not None

        self._update(decide)

    def admit_operator(
        self,
        name: str,
        *,
        limit: int,
        now: datetime,
        window: Optional[float],
        alone: bool,
        secret: Optional[Secret] = None,
    ) -> Admission:
        """Count a login that is about to be made, unless too many have failed, or this one has.

        :param limit: the most that may fail.
        :param window: as for :meth:`operator_failures`.
        :param secret: of the login. Which was refused is not tried again as long as that counts.
        :param alone: whether to wait as long as another login is under way, since its end may settle it.
        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        found = Admission(None, 0, None, False)

        def decide(content: dict) -> bool:
            nonlocal found
            entry = content["operators"].get(name) or {}
            failed = _recent(entry, now, window)
            others = _under_way(entry, now) if failed else {}
            if not failed:
                entry.pop("refused", None)
            known = secret is not None and _was_refused(entry, secret)
            if known or failed >= limit or (others and alone):
                may_change = bool(others) and failed - len(others) < limit and not known
                found = Admission(None, failed, _time(entry.get("failed_at")), may_change, known)
                return False
            token = uuid.uuid4().hex
            ours = {
                token: {
                    "at": format_utc(now),
                    "failed_at": entry.get("failed_at") if failed else None,
                    "owner": this_process(),
                }
            }
            entry.update(failed_logins=failed + 1, failed_at=format_utc(now), under_way=dict(others, **ours))
            content["operators"][name] = entry
            found = Admission(token, failed + 1, now, False)
            return True

        self._update(decide)
        return found

    def end_operator_login(
        self,
        name: str,
        token: str,
        outcome: Outcome,
        *,
        window: Optional[float],
        secret: Optional[Secret] = None,
        came_from: Tuple[str, Optional[str]] = ("", None),
    ) -> None:
        """A login that was admitted is over.

        :param secret: of the login, if what became of it is the password's doing.
        :param came_from: where the password came from, and the stamp of its record at that time.
        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        salt = secrets.token_hex(_SALT_SIZE)

        def decide(content: dict) -> bool:
            entry = content["operators"].get(name)
            if entry is None:
                return False
            under_way = entry.get("under_way") or {}
            ours = under_way.pop(token, None)
            if outcome == REFUSED:
                if secret is not None:
                    _remember(entry, secret, salt)
            elif outcome == WORKED and window is None:
                # The vendor has forgotten all failed logins, those of killed runs included, but for those that others are just making.
                if ours:
                    under_way = entry["under_way"] = _under_way(entry, _time(ours.get("at")) or utc_now())
                entry["failed_logins"] = len(under_way)
                entry.pop("refused", None)
            elif ours:
                entry["failed_logins"] = max(entry["failed_logins"] - 1, 0)
                if entry["failed_at"] == ours["at"] and ours["failed_at"]:
                    # Those that remain do not become younger by it.
                    entry["failed_at"] = ours["failed_at"]
            if outcome == WORKED:
                entry["worked"] = list(came_from)
                if secret is not None:
                    _forget(entry, secret)
            if not entry["failed_logins"] and entry.get("worked", [""])[0] in ("", "current"):
                del content["operators"][name]
            return True

        self._update(decide)

    def operator_source(self, name: str, stamp: Optional[str]) -> Optional[str]:
        """Where the operator's password came from when a login worked last; ``None`` if its record has changed since, or nobody knows.

        :param stamp: that of its record now.
        """
        worked = (self._operators().get(name) or {}).get("worked")
        return worked[0] if isinstance(worked, list) and len(worked) == 2 and worked[1] == stamp else None

    def _operators(self) -> dict:
        return self._readable(self._store.read_note(self._name).content)["operators"]

    def _readable(self, content: Optional[dict]) -> dict:
        """A note's content, or that of a new one.

        :raises PasswordError: ``store_failed``: it is something else.
        """
        empty = {"vendor": self._vendor, "target": self._target, "claims": {}, "operators": {}}
        if content is None:
            return empty
        found = dict(empty, **content)
        whole = all(isinstance(found[key], dict) for key in ("claims", "operators"))
        if (
            not whole
            or (found["vendor"], found["target"]) != (self._vendor, self._target)
            or not all(map(_is_operator, found["operators"].values()))
        ):
            raise PasswordError(
                errors.STORE_FAILED,
                'The store\'s note "%s" is damaged. Remove it; claims and counters then start afresh.' % self._name,
            )
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

    def _busy(self) -> PasswordError:
        return PasswordError(
            errors.STORE_CONFLICT,
            "Other runs keep changing the store's note on %s; run again when less is going on." % self._target,
        )


def _spread(
    pages: List[Tuple[dict, Any]], before: Dict[str, str], after: Dict[str, str], empty: Callable[[None], dict]
) -> List[int]:
    """Bring the notes in line with the claims.

    :return: the numbers of those that changed.
    """
    changed = set()
    for page, (content, _version) in enumerate(pages):
        for account, holder in list(content["claims"].items()):
            if after.get(account) == holder:
                continue
            changed.add(page)
            if account in after:
                content["claims"][account] = after[account]
            else:
                del content["claims"][account]
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


def _slow_digest(secret: bytes, salt: bytes) -> str:
    try:
        return hashlib.scrypt(secret, salt=salt, dklen=_DIGEST_SIZE, **_SCRYPT).hex()
    except (AttributeError, ValueError):
        # OpenSSL lacks it, or its rules (FIPS) forbid it. A controller that can does not recognise what this one has noted, which the budget allows for.
        return hashlib.pbkdf2_hmac("sha256", secret, salt, _PBKDF2_ROUNDS, _DIGEST_SIZE).hex()


def _refused(entry: dict) -> Tuple[Optional[str], List[str]]:
    """The salt and the digests of what was refused."""
    found = entry.get("refused")
    salt, digests = (found.get("salt"), found.get("digests")) if isinstance(found, dict) else (None, None)
    return (salt, digests) if isinstance(salt, str) and isinstance(digests, list) else (None, [])


def _was_refused(entry: dict, secret: Secret) -> bool:
    salt, digests = _refused(entry)
    return salt is not None and bool(digests) and secret.digest(salt) in digests


def _remember(entry: dict, secret: Secret, salt: str) -> None:
    """Note that this was refused.

    :param salt: if there is none in the entry.
    """
    known, digests = _refused(entry)
    salt = known or salt
    entry["refused"] = {"salt": salt, "digests": list(dict.fromkeys([*digests, secret.digest(salt)]))}


def _forget(entry: dict, secret: Secret) -> None:
    """It has worked."""
    if _was_refused(entry, secret):
        entry["refused"]["digests"].remove(secret.digest(entry["refused"]["salt"]))


def _under_way(entry: dict, now: datetime) -> Dict[str, dict]:
    """The logins that others are just making."""
    found = entry.get("under_way")
    if not isinstance(found, dict):
        return {}
    return {token: login for token, login in found.items() if isinstance(login, dict) and _may_go_on(login, now)}


def _may_go_on(login: dict, now: datetime) -> bool:
    """Whether a login may still be under way: nobody waits for one whose process was killed. It stays counted, since it may have failed."""
    owner = login.get("owner")
    return abs(now - (_time(login.get("at")) or now)) < _UNDER_WAY and not (
        isinstance(owner, dict) and has_ended(owner)
    )


def _time(text: Any) -> Optional[datetime]:
    try:
        return parse_utc(text)
    except (TypeError, ValueError):
        return None


def _recent(entry: Optional[dict], now: datetime, window: Optional[float]) -> int:
    """The failed logins of an operator that the vendor may still count."""
    if not entry:
        return 0
    if window is None:
        return entry["failed_logins"]
    try:
        age = (now - parse_utc(entry["failed_at"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return entry["failed_logins"]
    return 0 if age >= window else entry["failed_logins"]
