# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record that a store keeps of a user.

Applications that read the store find ``username`` and ``password`` at its top; the rest belongs to the rotation.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils._text_enum import TextEnum

from ._times import format_utc, parse_utc


class Status(TextEnum):
    """The state of a user's record."""

    CURRENT = "current"  # the password at the top is verified, and nothing is under way
    PENDING = "pending"  # a new password is stored and may be in force already
    ORPHANED = "orphaned"  # neither the current nor the pending password logs in; skipped until somebody repairs it
    RETIRED = "retired"  # nobody rotates it any more; its passwords were moved to another name


CURRENT, PENDING, ORPHANED, RETIRED = Status

MOST_REFUTED = 12  # passwords of which is remembered that a login has failed
MOST_EARLIER = 5  # sent passwords that are kept after something else has taken their place


class DamagedRecord(ValueError):
    """The data read is not a valid record; the message says what is wrong with it, without a secret."""


@dataclass(slots=True)
class Pending:
    """A password that is, or soon may be, in force at the vendor, though no login has proved it yet."""

    password: str = field(repr=False)
    run_id: str = ""  # of the run that generated it: identifies this password without showing it
    created: str = ""  # ISO 8601 in UTC
    attempts: int = 0  # runs that set out to bring it into force
    sent: int = 0  # runs that got as far as handing it to the vendor's module; 0: it is certainly not in force
    replaces: Optional[str] = field(default=None, repr=False)  # the current password of a user that is new to the store
    reason: Optional[str] = None  # why it was made, in the words of who started the run

    @classmethod
    def made(cls, password: str, *, run_id: str, now: datetime, replaces: Optional[str] = None) -> Pending:
        """A password that nobody has tried to bring into force yet."""
        return cls(password, run_id=run_id, created=format_utc(now), replaces=replaces)


@dataclass(slots=True)
class Earlier:
    """A password that was sent and replaced: no login proved it, but the request may still arrive."""

    password: str = field(repr=False)
    sent_at: str = ""  # when it was made, before it was sent for the first time; ISO 8601 in UTC


@dataclass(frozen=True)
class Delivered:
    """That those who use a password have been given it."""

    digest: str  # of the password
    at: str  # ISO 8601 in UTC


@dataclass(frozen=True)
class Pair:
    """That a record is about two accounts that take turns: ``username`` and ``password`` are those of the active one."""

    name: str  # under which consumers ask for it
    idle: str  # the other account
    idle_since: str  # ISO 8601 in UTC; until the grace period is over its password must keep working
    idle_mark: str = ""  # of the password that it had then; another one means that the next turn is due


@dataclass(frozen=True)
class Identity:
    """Whose password a record holds: which account, at which endpoint, of which vendor. ``None`` where that is not known."""

    vendor: Optional[str] = None
    target: Optional[str] = None  # see Vendor.target
    account: Optional[str] = None  # see Vendor.account_identity


@dataclass(slots=True)
class Record:
    """Everything that is known about a user's password."""

    username: str
    password: Optional[str] = field(default=None, repr=False)  # the current one; None until one was verified
    previous: Optional[str] = field(default=None, repr=False)
    pending: Optional[Pending] = field(default=None, repr=False)
    status: Status = Status.PENDING
    rotated_at: Optional[str] = None  # ISO 8601 in UTC
    verified: Optional[bool] = None  # whether a login proved the current password
    failed_logins: int = 0  # in a row, as far as this collection caused them
    failed_at: Optional[str] = None  # when the last of them was; ISO 8601 in UTC
    lost_runs: int = 0  # in a row, in which neither the current nor the pending password logged in
    last_error: Optional[Dict[str, Any]] = None  # {kind, message, at} of the last run that failed
    host: Optional[str] = None  # the name under which the store keeps it
    vendor: Optional[str] = None  # this and the next two: see Identity
    target: Optional[str] = None
    account: Optional[str] = None
    earlier: Tuple[Earlier, ...] = ()  # the newest first
    # Digests of passwords of which a login has shown that they are not in force, the last one at the end
    refuted: Tuple[str, ...] = ()
    # What a damaged record held before a repair began this one, as text
    set_aside: Optional[str] = field(default=None, repr=False)
    reason: Optional[str] = None  # why the current password was made, in the words of who started the run
    delivered: Optional[Delivered] = None  # the last delivery; of another password, perhaps
    pair: Optional[Pair] = None
    # When the current password was taken over as it was, ISO 8601 in UTC; None: a rotation made it. Its age counts from rotated_at, which may be earlier
    adopted_at: Optional[str] = None

    @property
    def name(self) -> str:
        """The name under which the store keeps it."""
        return self.pair.name if self.pair else self.username

    @property
    def mark(self) -> str:
        """Distinguishes the current password from those before and after it, without showing it."""
        return "%s %s" % (self.rotated_at, digest_of(self.password)) if self.password and self.rotated_at else ""

    @property
    def is_delivered(self) -> bool:
        """Whether the consumers of the current password have it."""
        return bool(self.password and self.delivered and self.delivered.digest == digest_of(self.password))

    @property
    def awaits_delivery(self) -> bool:
        """Whether the consumers should be given the current password: it is in force, and they do not have it."""
        return self.status == Status.CURRENT and bool(self.password) and not self.is_delivered

    @property
    def known_password(self) -> Optional[str]:
        """The password that should be in force at the vendor as long as the pending one is not."""
        return self.password or (self.pending.replaces if self.pending else None)

    @property
    def is_going_back(self) -> bool:
        """Whether the pending password is the one before the current one."""
        return self.pending is not None and self.pending.password == self.previous

    @property
    def secrets(self) -> List[str]:
        """Every password in it."""
        passwords = [self.password, self.previous] + (
            [self.pending.password, self.pending.replaces] if self.pending else []
        )
        return [secret for secret in passwords + [item.password for item in self.earlier] if secret]

    @property
    def identity(self) -> Identity:
        """Whose password it holds, as far as that was noted."""
        return Identity(self.vendor, self.target, self.account)

    def belongs_to(self, identity: Identity) -> bool:
        """Whether it holds the password of that account; what is not known on either side does not count."""
        return all(
            ours is None or theirs is None or ours == theirs
            for ours, theirs in (
                (self.vendor, identity.vendor),
                (self.target, identity.target),
                (self.account, identity.account),
            )
        )

    def bind(self, identity: Identity, host: str) -> None:
        """Note whose password it holds; what is not known stays as it was."""
        self.host = host
        self.vendor = identity.vendor or self.vendor
        self.target = identity.target or self.target
        self.account = identity.account or self.account

    def put_aside(self, *pending: Optional[Pending]) -> None:
        """Keep passwords that were sent and have been replaced: an abandoned request may still arrive."""
        sent = [Earlier(item.password, item.created) for item in pending if item and item.sent]
        self.keep_earlier(sent)

    def keep_earlier(self, more: List[Earlier]) -> None:
        """Keep further passwords that may be in force, the newest first, except those that are elsewhere in the record."""
        known = {self.password, self.pending.password if self.pending else None}
        kept = {
            item.password: item
            for item in sorted([*self.earlier, *more], key=lambda item: item.sent_at)
            if item.password not in known
        }
        self.earlier = tuple(list(kept.values())[::-1][:MOST_EARLIER])

    def promote(self, now: datetime, *, verified: bool) -> None:
        """The pending password is in force.

        :param verified: whether a login proved it.
        """
        if self.pending is None:
            raise AssertionError("nothing is pending")
        # A password that was in force before is not made young by that: the user is due again.
        self.rotated_at = None if self.is_going_back else format_utc(now)
        self.adopted_at = None
        self.previous = self.known_password
        self.password, self.reason, self.delivered = self.pending.password, self.pending.reason, None
        self.pending = None
        self.status = CURRENT
        self.verified = verified
        self.keep_earlier([])
        self.forget_failures()

    def deliver(self, digest: str, now: datetime) -> None:
        """The consumers have been given a password, which need not be the current one any more.

        :param digest: of that password.
        """
        self.delivered = Delivered(digest, format_utc(now))

    def adopt(self, password: str, now: datetime, *, since: datetime, verified: bool) -> None:
        """A password that is in use becomes the current one, as it is.

        :param since: from when its age counts; earlier than now where many users must not fall due at once.
        :param verified: whether a login proved it.
        """
        self.password, self.status, self.verified = password, CURRENT, verified
        self.rotated_at, self.adopted_at = format_utc(since), format_utc(now)
        if verified:
            self.forget_failures()

    def forget_failures(self) -> None:
        """A login has worked: the vendor has forgotten the failed ones, too."""
        self.failed_logins = self.lost_runs = 0
        self.failed_at = self.last_error = None
        self.refuted = ()

    def refute(self, *passwords: str) -> None:
        """Logins have shown that passwords are not in force: the next search begins with others."""
        digests = [digest_of(password) for password in passwords]
        self.refuted = tuple([digest for digest in self.refuted if digest not in digests] + digests)[-MOST_REFUTED:]

    def when_refuted(self, password: str) -> int:
        """A rank that grows with the time at which a login with it last failed; 0 if none has failed since a login worked."""
        digest = digest_of(password)
        return self.refuted.index(digest) + 1 if digest in self.refuted else 0

    def recent_failed_logins(self, now: datetime, window: Optional[float]) -> int:
        """The failed logins that the vendor may still count; those that it has forgotten are forgotten here, too.

        :param window: seconds after which it has forgotten them; ``None`` where only a successful login makes it forget.
        """
        if self.failed_logins and window is not None:
            age = (now - parse_utc(self.failed_at)).total_seconds() if self.failed_at else -1
            if age >= window:
                self.failed_logins, self.failed_at = 0, None
            elif age < 0:
                # The clock was set back, or nobody has noted when they were: they count, from now on and not until the clock has caught up.
                self.failed_at = format_utc(now)
        return self.failed_logins

    def note_failed_logins(self, number: int, now: datetime) -> None:
        """What a run has found out about the failed logins that the vendor may count.

        :param number: all of them, including those that :meth:`recent_failed_logins` returned.
        """
        if number > self.failed_logins or not number:
            self.failed_at = format_utc(now) if number else None
        self.failed_logins = number

    def note_error(self, error: Dict[str, Any], now: datetime) -> None:
        """Keep why a run has failed.

        :param error: with kind and message.
        """
        self.last_error = {"kind": error["kind"], "message": error["message"], "at": format_utc(now)}

    def repair(self, password: str) -> None:
        """A login has proved a password, whatever the record said.

        It may be known to others who had to intervene, so the user becomes due unless the password is the current one anyway.
        """
        if password != self.password:
            self.previous, self.password, self.rotated_at = self.known_password, password, None
            self.reason = self.delivered = self.adopted_at = None
        pending, self.pending = self.pending, None
        self.put_aside(pending)
        self.status = CURRENT
        self.verified = True
        self.forget_failures()

    def drop_pending(self) -> None:
        """The pending password was refused and is not in force anywhere, as far as is known."""
        pending, self.pending = self.pending, None
        # An earlier request may still be under way, or a broken server may have done what it refused.
        self.put_aside(pending)
        self.status = CURRENT if self.password else PENDING

    def as_dict(self) -> Dict[str, Any]:
        """The record as plain data, as it is stored."""
        data = asdict(self)
        data["status"] = str(self.status)
        # As it is read again, so that the two can be compared; and a record that needs none of them looks as it always did.
        data["earlier"] = [asdict(item) for item in self.earlier]
        data["refuted"] = list(self.refuted)
        if data["pending"] and not data["pending"]["reason"]:
            del data["pending"]["reason"]
        optional = ("earlier", "refuted", "reason", "delivered", "pair", "adopted_at")
        return {name: value for name, value in data.items() if name not in optional or value}

    def as_short_dict(self) -> Dict[str, Any]:
        """The same without what has its default; a pending password is given as a whole, since a missing ``sent`` has another meaning."""
        data = {
            item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) != item.default
        }
        if "status" in data:
            data["status"] = str(self.status)
        if self.pending:
            data["pending"] = {name: value for name, value in asdict(self.pending).items() if name != "reason" or value}
        if self.earlier:
            data["earlier"] = [asdict(item) for item in self.earlier]
        if self.refuted:
            data["refuted"] = list(self.refuted)
        if self.delivered:
            data["delivered"] = asdict(self.delivered)
        if self.pair:
            data["pair"] = asdict(self.pair)
        return data

    @classmethod
    def from_dict(cls, data: Any) -> Record:
        """The record that :meth:`as_dict` gave.

        :raises DamagedRecord: something is missing or of a wrong type.
        """
        record: Record = _build(cls, data, "the record")
        if record.pending is not None:
            record.pending = _read_pending(record.pending)
        record.earlier = _read_earlier(record.earlier)
        if record.delivered is not None:
            record.delivered = _read_delivered(record.delivered)
        if record.pair is not None:
            record.pair = _read_pair(record.pair)
        _require(
            isinstance(record.refuted, (list, tuple)) and all(map(_is_text, record.refuted)),
            "refuted is not a list of texts",
        )
        record.refuted = tuple(record.refuted)
        for name in ("host", "vendor", "target", "account", "set_aside", "reason"):
            _require(_is_text_or_none(getattr(record, name)), "%s is not a text" % name)
        _require(_is_text(record.username), "username is not a text")
        for name in ("password", "previous"):
            _require(_is_text_or_none(getattr(record, name)), "%s is not a text" % name)
        _require(record.status in tuple(Status), "this version does not know its status")
        record.status = Status(record.status)
        _require(record.verified is None or isinstance(record.verified, bool), "verified is neither true nor false")
        _require(_is_count(record.failed_logins), "failed_logins is not a number")
        _require(record.last_error is None or isinstance(record.last_error, dict), "last_error is not a dictionary")
        _require(_is_count(record.lost_runs), "lost_runs is not a number")
        for name in ("rotated_at", "failed_at", "adopted_at"):
            _require(_is_time_or_none(getattr(record, name)), "%s is not a time as 2026-01-31T12:00:00Z" % name)
        return record


def digest_of(password: str) -> str:
    """A few digits that distinguish a password from others; of no use to anybody who does not know it."""
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).hexdigest()[:4]


def _read_pending(data: Any) -> Pending:
    """Validate the pending password of a record.

    :raises DamagedRecord: something is missing or of a wrong type.
    """
    # A version that did not note it may have sent the password whenever it took it up.
    sent = {"sent": data.get("attempts")} if isinstance(data, dict) else {}
    pending: Pending = _build(Pending, dict(sent, **data) if sent else data, "pending")
    _require(_is_text(pending.password), "pending.password is not a text")
    _require(isinstance(pending.run_id, str), "pending.run_id is not a text")
    _require(isinstance(pending.created, str), "pending.created is not a text")
    _require(_is_count(pending.attempts), "pending.attempts is not a number")
    _require(_is_count(pending.sent), "pending.sent is not a number")
    _require(_is_text_or_none(pending.replaces), "pending.replaces is not a text")
    _require(_is_text_or_none(pending.reason), "pending.reason is not a text")
    return pending


def _read_earlier(data: Any) -> Tuple[Earlier, ...]:
    """Validate the earlier passwords of a record.

    :raises DamagedRecord: something is missing or of a wrong type.
    """
    _require(isinstance(data, (list, tuple)), "earlier is not a list")
    earlier: Tuple[Earlier, ...] = tuple(_build(Earlier, item, "an element of earlier") for item in data)
    _require(
        all(_is_text(item.password) and isinstance(item.sent_at, str) for item in earlier),
        "earlier holds something else than texts",
    )
    return earlier


def _read_delivered(data: Any) -> Delivered:
    """Validate the last delivery of a record.

    :raises DamagedRecord: something is missing or of a wrong type.
    """
    delivered: Delivered = _build(Delivered, data, "delivered")
    _require(_is_text(delivered.digest), "delivered.digest is not a text")
    _require(
        bool(delivered.at) and _is_time_or_none(delivered.at), "delivered.at is not a time as 2026-01-31T12:00:00Z"
    )
    return delivered


def _read_pair(data: Any) -> Pair:
    """Validate what a record says of a pair.

    :raises DamagedRecord: something is missing or of a wrong type.
    """
    pair: Pair = _build(Pair, data, "pair")
    _require(_is_text(pair.name) and _is_text(pair.idle), "pair does not name its accounts")
    _require(
        bool(pair.idle_since) and _is_time_or_none(pair.idle_since),
        "pair.idle_since is not a time as 2026-01-31T12:00:00Z",
    )
    _require(isinstance(pair.idle_mark, str), "pair.idle_mark is not a text")
    return pair


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise DamagedRecord(message)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_text_or_none(value: Any) -> bool:
    return value is None or _is_text(value)


def _is_time_or_none(value: Any) -> bool:
    try:
        return not value or bool(parse_utc(value))
    except (TypeError, ValueError):
        return False


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _build(cls: Any, data: Any, what: str) -> Any:
    if not isinstance(data, dict):
        raise DamagedRecord("%s is not a dictionary" % what)
    known = {item.name for item in fields(cls)}
    unknown = sorted(set(data) - known)
    if unknown:
        raise DamagedRecord("%s has keys that this version does not know: %s" % (what, ", ".join(map(str, unknown))))
    try:
        return cls(**data)
    except TypeError:
        raise DamagedRecord("%s lacks a key" % what) from None
