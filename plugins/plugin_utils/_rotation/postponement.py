# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users that a run skips although they may be due: those on hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Mapping, Optional

from ..record import Record
from ..store import Entry
from . import report
from .options import Options
from .users import Reason, StagedUser


def postponed(staged: List[StagedUser], entries: Mapping[str, Entry], options: Options) -> List[StagedUser]:
    """Skip the users that this run must not change. Each of them has a note that says why.

    :param staged: what :func:`~.due.look` returned.
    :param entries: what the store holds.
    """
    return [
        _held(user, entries[user.name].record, options) if options.own_of(user.name).hold else user for user in staged
    ]


def names(staged: List[StagedUser]) -> Dict[str, List[str]]:
    """The names of the users that were skipped, for the result of an action: nothing if there are none."""
    held = [user.name for user in staged if user.reason == Reason.HELD]
    return dict(held=held) if held else {}


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
