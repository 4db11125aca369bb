# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often an operator's login has failed at a target, over all hosts and runs, and with which passwords.

A login is counted before it is made and uncounted if it worked, so that a run that is killed in between cannot be repeated into a lock-out.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._times import format_utc, parse_utc, utc_now
from .lease import has_ended, this_process
from .target_note import Content, TargetNote

_UNDER_WAY = timedelta(seconds=120)  # a login that takes longer belongs to a run that died

# 16 MiB and some 50 ms for each guess by somebody who reads the note. A run pays that only after a refusal, or while one still counts.
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_PBKDF2_ROUNDS = 200_000
_DIGEST_SIZE = 4  # bytes: a false match costs no more than a refusal, so the note needs no more
_SALT_SIZE = 16  # bytes

Entry = Dict[str, Any]  # what the note holds of one operator
Logins = Dict[str, Dict[str, Any]]  # logins that are under way, by token


class Outcome(Enum):
    """The outcome of an operator's login."""

    WORKED = "worked"
    REFUSED = "refused"
    NOT_MADE = "not made"


WORKED, REFUSED, NOT_MADE = Outcome


class Secret:
    """What an operator logs in with, so that it can be recognised once it was refused.

    The password itself is never in the note. A digest of a weak one could be guessed at, so it is salted, slow to compute and cut to a few bytes;
    there is none unless a login was refused, and it goes with the count.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._digests: Dict[str, str] = {}

    def digest(self, salt: str) -> str:
        """The digest with that salt. Computed once: the note is decided about again whenever others have changed it."""
        if salt not in self._digests:
            self._digests[salt] = _slow_digest(
                self._text.encode("utf-8", "surrogatepass"), salt.encode("utf-8", "surrogatepass")
            )
        return self._digests[salt]


@dataclass(frozen=True)
class Admission:
    """Whether an operator may log in.

    :param token: for :meth:`OperatorCounters.end_login`; ``None`` if it may not.
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


class OperatorCounters(TargetNote):
    """The counters of the operators of one target."""

    def failures(self, name: str, now: datetime, window: Optional[float]) -> int:
        """How many logins of an operator have failed recently, over all hosts and runs.

        :param window: seconds after which the vendor forgets them; ``None`` if only a successful login makes it forget.
        :raises PasswordError: ``store_failed``.
        """
        return _recent(self._operators().get(name), now, window)

    def add_failure(self, name: str, now: datetime, window: Optional[float] = None) -> int:
        """Count a failed login for which :meth:`admit` was not asked.

        :param window: as for :meth:`failures`; the count starts afresh once the vendor has forgotten the earlier ones.
        :return: how many have failed recently, this one included.
        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        counted = 0

        def decide(content: Content) -> bool:
            nonlocal counted
            entry = content["operators"].get(name)
            counted = _recent(entry, now, window) + 1
            refused = {"refused": entry["refused"]} if counted > 1 and "refused" in entry else {}
            content["operators"][name] = dict(refused, failed_logins=counted, failed_at=format_utc(now))
            return True

        self._update(decide)
        return counted

    def forget(self, name: str) -> None:
        """Forget all failed logins of an operator: somebody has unlocked the account by hand.

        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """

        def decide(content: Content) -> bool:
            return content["operators"].pop(name, None) is not None

        self._update(decide)

    def admit(
        self,
        name: str,
        *,
        limit: int,
        now: datetime,
        window: Optional[float],
        alone: bool,
        secret: Optional[Secret] = None,
    ) -> Admission:
        """Count a login that is about to be made, unless too many have failed, or one with this password has.

        :param limit: the most that may fail.
        :param window: as for :meth:`failures`.
        :param alone: whether to wait while another login is under way, since its end may settle it.
        :param secret: of the login. One that was refused is not tried again as long as that counts.
        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        admission = Admission(None, 0, None, False)

        def decide(content: Content) -> bool:
            nonlocal admission
            entry = content["operators"].get(name) or {}
            failed = _recent(entry, now, window)
            others = _under_way(entry, now) if failed else {}
            if not failed:
                entry.pop("refused", None)
            known = secret is not None and _was_refused(entry, secret)
            if known or failed >= limit or (others and alone):
                may_change = bool(others) and failed - len(others) < limit and not known
                admission = Admission(None, failed, _time(entry.get("failed_at")), may_change, known)
                return False
            token = uuid.uuid4().hex
            _count(entry, token, failed, others, now)
            content["operators"][name] = entry
            admission = Admission(token, failed + 1, now, False)
            return True

        self._update(decide)
        return admission

    def end_login(
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

        :param secret: of the login, if its outcome is due to the password.
        :param came_from: where the password came from, and the stamp of its record at that time.
        :raises PasswordError: ``store_failed``, ``store_conflict``.
        """
        salt = secrets.token_hex(_SALT_SIZE)

        def decide(content: Content) -> bool:
            entry = content["operators"].get(name)
            if entry is None:
                return False
            login = (entry.get("under_way") or {}).pop(token, None)
            if outcome == REFUSED:
                _remember(entry, secret, salt)
            elif outcome == WORKED and window is None:
                _forget_ended(entry, login)
            elif login:
                _uncount(entry, login)
            if outcome == WORKED:
                entry["worked"] = list(came_from)
                _forget_refusal(entry, secret)
            if not entry["failed_logins"] and entry.get("worked", [""])[0] in ("", "current"):
                del content["operators"][name]
            return True

        self._update(decide)

    def source(self, name: str, stamp: Optional[str]) -> Optional[str]:
        """Where the operator's password came from when a login last worked; ``None`` if its record has changed since, or that is not known.

        :param stamp: that of its record now.
        """
        worked = (self._operators().get(name) or {}).get("worked")
        return worked[0] if isinstance(worked, list) and len(worked) == 2 and worked[1] == stamp else None

    def _operators(self) -> Dict[str, Entry]:
        operators: Dict[str, Entry] = self._readable(self._store.read_note(self._name).content)["operators"]
        return operators

    def _update(self, decide: Callable[[Content], bool]) -> None:
        """Change the counters by compare-and-set.

        :param decide: changes the content of the note, and returns whether it did.
        """

        def attempt() -> None:
            note = self._store.read_note(self._name)
            content = self._readable(note.content)
            if decide(content):
                self._store.write_note(self._name, content, note.version)

        self._until_written(attempt)


def _recent(entry: Optional[Entry], now: datetime, window: Optional[float]) -> int:
    """The failed logins of an operator that the vendor may still count."""
    if not entry:
        return 0
    failed: int = entry["failed_logins"]
    if window is None:
        return failed
    try:
        age = (now - parse_utc(entry["failed_at"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return failed
    return 0 if age >= window else failed


def _count(entry: Entry, token: str, failed: int, others: Logins, now: datetime) -> None:
    """Count a login that is about to be made.

    :param failed: the recent failed logins before it.
    :param others: the logins that are under way.
    """
    login = {"at": format_utc(now), "failed_at": entry.get("failed_at") if failed else None, "owner": this_process()}
    entry.update(failed_logins=failed + 1, failed_at=format_utc(now), under_way={**others, token: login})


def _uncount(entry: Entry, login: Dict[str, Any]) -> None:
    """Take back the count of a login that has not failed."""
    entry["failed_logins"] = max(entry["failed_logins"] - 1, 0)
    if entry["failed_at"] == login["at"] and login["failed_at"]:
        # Those that remain do not become younger by it.
        entry["failed_at"] = login["failed_at"]


def _forget_ended(entry: Entry, login: Optional[Dict[str, Any]]) -> None:
    """The vendor has forgotten all failed logins, those of killed runs included, except those that others are just making.

    :param login: the one that has worked, if it is still in the note.
    """
    under_way = entry.get("under_way") or {}
    if login:
        under_way = entry["under_way"] = _under_way(entry, _time(login.get("at")) or utc_now())
    entry["failed_logins"] = len(under_way)
    entry.pop("refused", None)


def _under_way(entry: Entry, now: datetime) -> Logins:
    """The logins that others are just making."""
    logins = entry.get("under_way")
    if not isinstance(logins, dict):
        return {}
    return {token: login for token, login in logins.items() if isinstance(login, dict) and _may_go_on(login, now)}


def _may_go_on(login: Dict[str, Any], now: datetime) -> bool:
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


def _slow_digest(secret: bytes, salt: bytes) -> str:
    try:
        return hashlib.scrypt(secret, salt=salt, dklen=_DIGEST_SIZE, **_SCRYPT).hex()
    except (AttributeError, ValueError):
        # OpenSSL lacks it, or its rules (FIPS) forbid it. A controller that has it does not recognise what this one has noted, which the budget allows for.
        return hashlib.pbkdf2_hmac("sha256", secret, salt, _PBKDF2_ROUNDS, _DIGEST_SIZE).hex()


def _refusals(entry: Entry) -> Tuple[Optional[str], List[str]]:
    """The salt and the digests of what was refused."""
    refused = entry.get("refused")
    salt, digests = (refused.get("salt"), refused.get("digests")) if isinstance(refused, dict) else (None, None)
    return (salt, digests) if isinstance(salt, str) and isinstance(digests, list) else (None, [])


def _was_refused(entry: Entry, secret: Secret) -> bool:
    salt, digests = _refusals(entry)
    return salt is not None and bool(digests) and secret.digest(salt) in digests


def _remember(entry: Entry, secret: Optional[Secret], salt: str) -> None:
    """Note that a secret was refused.

    :param secret: ``None`` if the refusal was not due to it.
    :param salt: for an entry that has none.
    """
    if secret is not None:
        known, digests = _refusals(entry)
        salt = known or salt
        entry["refused"] = {"salt": salt, "digests": list(dict.fromkeys([*digests, secret.digest(salt)]))}


def _forget_refusal(entry: Entry, secret: Optional[Secret]) -> None:
    """A login with this secret has worked."""
    if secret is not None and _was_refused(entry, secret):
        entry["refused"]["digests"].remove(secret.digest(entry["refused"]["salt"]))
