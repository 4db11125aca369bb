# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users that a run skips although they may be due: those on hold, all outside of the maintenance window, and those beyond the limit of a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Dict, List, Mapping, Optional

from .._times import format_utc
from ..record import Record
from ..store import Entry
from . import report
from .options import Options
from .users import Reason, StagedUser


def held(staged: List[StagedUser], entries: Mapping[str, Entry], options: Options) -> List[StagedUser]:
    """Skip the users on hold. Each of them has a note that says why.

    :param staged: what :func:`~.due.look` returned.
    :param entries: what the store holds.
    """
    return [
        _held(user, entries[user.name].record, options) if options.own_of(user.name).hold else user for user in staged
    ]


def waiting(
    staged: List[StagedUser], entries: Mapping[str, Entry], options: Options, now: datetime
) -> List[StagedUser]:
    """Skip the users for whom a later run is soon enough. Each of them has a note that says why.

    Unfinished work comes first: the limit of a run does not count it, and the window says whether it is finished outside of it.

    :param staged: what was decided so far.
    :param entries: what the store holds.
    """
    due = [user for user in staged if user.due]
    later: Dict[str, StagedUser] = {}
    if due and not options.windows.is_open(now):
        until = _until(options.windows.opens_at(now))
        begun = {user.name for user in due if options.windows.finishes and _is_begun(entries[user.name].record)}
        later = {user.name: _postponed(user, Reason.WINDOW, until) for user in due if user.name not in begun}
    if options.spread is not None:
        fresh = [user for user in due if user.name not in later and user.reason != Reason.UNFINISHED]
        # A user whose password has no age comes first: nobody knows how old it is, or too many know it.
        fresh.sort(key=lambda user: user.rotated_at or "")
        why = "for a later run: spread (in the role: rotate_spread) limits each run to %d" % options.spread
        later.update((user.name, _postponed(user, Reason.LATER, why)) for user in fresh[options.spread :])
    return [later.get(user.name, user) for user in staged]


def _is_begun(record: Optional[Record]) -> bool:
    """Whether a new password was sent, so that it may be in force."""
    return record is not None and record.pending is not None and record.pending.sent > 0


def _until(opens_at: Optional[datetime]) -> str:
    opens = "when the window (in the role: rotate_window) opens"
    return "until %s, %s" % (format_utc(opens_at), opens) if opens_at else opens


def _postponed(user: StagedUser, reason: Reason, until: str) -> StagedUser:
    return replace(user, due=False, reason=reason, note="due (%s), waits %s" % (user.reason, until))


def names(staged: List[StagedUser]) -> Dict[str, List[str]]:
    """The names of the users that were skipped, for the result of an action: nothing if there are none."""
    on_hold = [user.name for user in staged if user.reason == Reason.HELD]
    others = [user.name for user in staged if user.reason in (Reason.WINDOW, Reason.LATER)]
    return dict(**(dict(held=on_hold) if on_hold else {}), **(dict(waiting=others) if others else {}))


def _held(user: StagedUser, record: Optional[Record], options: Options) -> StagedUser:
    """A user on hold. Its record may be wrong, or hold a password that may be in force: nobody looks, and nothing is sent."""
    note = report.held(options.own_of(user.name).hold_reason)
    if record and record.pending:
        may_be = " and may be in force" if record.pending.sent else ""
        note += "; its new password, pending since %s, is kept%s. A run finishes it when the hold is removed" % (
            record.pending.created,
            may_be,
        )
    return replace(user, due=False, reason=Reason.HELD, error=None, note=note)
