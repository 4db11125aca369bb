# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of a rotation pass on about each user. Only :class:`Sending` holds secrets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils._results import State
from ansible_collections.rekey.passwords.plugins.module_utils._text_enum import TextEnum
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ..record import Identity, Record


class Reason(TextEnum):
    """Why a user is due, or why it is not although it should be. Where its record must not be used, the kind of that error is used instead."""

    NEW = "new"  # the store has no verified password yet
    UNFINISHED = "unfinished"  # an earlier run left a pending password
    EXPIRED = "expired"  # older than max_age
    FORCED = "forced"
    REPAIR = "repair"
    ROLLBACK = "rollback"
    ORPHANED = "orphaned"  # not due: neither the current nor the pending password logs in
    LEFT = "left_to_another_run"  # not due: another run has rotated it while this one waited
    ADOPT = "adopt"  # not due: new to the store, and its password is taken over as it is
    WINDOW = "outside_window"  # not due yet: nothing new is begun outside of the window
    LATER = "later_run"  # not due yet: this run has users enough
    HELD = "held"  # not due: the inventory says that it is to be skipped
    WAITING = "waiting_for_delivery"  # a pair, not due: consumers may still use the account whose turn it is
    GRACE = "in_grace"  # the same, for a while after each turn
    RECONCILE = "reconcile"  # not due: its password was changed by hand, and it gets a new one
    VERIFY = "verify"  # not due: its password was changed by hand

    @property
    def is_due(self) -> bool:
        """Whether a user is to be rotated for that reason."""
        return self in (
            Reason.NEW,
            Reason.UNFINISHED,
            Reason.EXPIRED,
            Reason.FORCED,
            Reason.REPAIR,
            Reason.ROLLBACK,
        )


class Source(TextEnum):
    """Where a password comes from that may be in force. The words appear in messages, and in notes of the store."""

    GIVEN = "given"  # for this purpose
    INVENTORY = "inventory's"
    PENDING = "pending"
    CURRENT = "current"
    PREVIOUS = "previous"
    EARLIER = "earlier"  # sent and replaced


class Action(TextEnum):
    """What commit did with a pending password."""

    PROMOTED = "promoted"
    KEPT = "kept"
    DROPPED = "dropped"
    ABANDONED = "abandoned"  # kept, and no run tries it again until somebody repairs the record
    SUPERSEDED = "superseded"  # another run has finished it meanwhile
    ADOPTED = "adopted"  # taken over as it is; nothing was pending


@dataclass(frozen=True)
class StagedUser:
    """A user after the first step."""

    name: str
    due: bool
    reason: Optional[str]  # a Reason, or the kind of an error; None: its password is young
    run_id: Optional[str] = None  # of the run that generated the pending password
    fresh: bool = False  # whether no run has tried to set that password before
    rotated_at: Optional[str] = None
    identity: Identity = Identity()  # whose password the record holds, as far as that is known
    error: Optional[Dict[str, Any]] = None  # why its record must not be used
    note: Optional[str] = None  # why it is skipped, for the summary
    accept_unverified: Optional[bool] = None  # its own option; None: that of the host applies
    pair: Optional[Dict[str, Any]] = None  # name and accounts, if it is an account of a pair
    adopted: bool = False  # whether the store has its password now
    verified: Optional[bool] = None  # whether a login has proved an adopted password

    @classmethod
    def of(
        cls, record: Record, *, due: bool, reason: Optional[str], error: Optional[PasswordError] = None
    ) -> StagedUser:
        """The user of a record.

        :param error: why the record must not be used.
        """
        pending = record.pending
        return cls(
            name=record.username,
            due=due,
            reason=reason,
            run_id=pending.run_id if pending else None,
            fresh=pending is not None and pending.attempts == 1,
            rotated_at=record.rotated_at,
            identity=record.identity,
            error=error.as_dict() if error else None,
        )

    @classmethod
    def refused(cls, record: Record, error: PasswordError) -> StagedUser:
        """The user of a record that must not be used."""
        return cls.of(record, due=False, reason=error.kind, error=error)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StagedUser:
        """The user that :meth:`as_dict` described."""
        known = {name: data[name] for name in ("name", "due", "reason", "run_id", "fresh", "rotated_at")}
        identity = Identity(*(data.get(name) for name in ("vendor", "target", "account")))
        own: Dict[str, Any] = {
            name: data.get(name) for name in ("error", "note", "accept_unverified", "pair", "verified")
        }
        own["adopted"] = bool(data.get("adopted"))
        return cls(**known, identity=identity, **own)

    def as_dict(self) -> Dict[str, Any]:
        """As the action returns it."""
        known = {name: getattr(self, name) for name in ("name", "due", "run_id", "fresh", "rotated_at")}
        known["reason"] = None if self.reason is None else str(self.reason)
        known.update((name, value) for name, value in asdict(self.identity).items() if value)
        rest = dict(error=self.error, note=self.note, accept_unverified=self.accept_unverified)
        rest.update(pair=self.pair, verified=self.verified, adopted=self.adopted or None)
        return dict(known, **{name: value for name, value in rest.items() if value is not None})

    @property
    def is_left_alone(self) -> bool:
        """Whether it should have been rotated or adopted, and is not due (any more); its password is not merely young."""
        return not self.due and (self.reason in (Reason.ORPHANED, Reason.LEFT, Reason.ADOPT) or bool(self.error))


@dataclass(frozen=True)
class Sending:
    """A user whose pending password is about to be sent."""

    record: Record  # as it is from now on
    mode: str  # update_password of the vendor's module: whether a login must find out first if the password is in force
    failed_logins: int  # those that the vendor may count by now
    owner_before: Tuple[Optional[str], Identity] = (None, Identity())  # host and identity as the record named them


@dataclass(frozen=True)
class CommittedUser:
    """A user after the last step."""

    name: str
    reason: Optional[str]
    state: State
    verified: Optional[bool] = None
    action: Optional[Action] = None
    error: Optional[Dict[str, Any]] = None

    def as_dict(self) -> Dict[str, Any]:
        """As the action returns it."""
        return dict(
            name=self.name,
            reason=None if self.reason is None else str(self.reason),
            state=str(self.state),
            verified=self.verified,
            error=self.error,
            action=None if self.action is None else self.action.value,
        )
