# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the result of a change does to a record: whether the pending password is promoted, kept or dropped."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Dict, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ..record import Pending, Record, Status
from .mismatch import mismatch
from .users import Action, StagedUser

Error = Dict[str, Any]  # PasswordError.as_dict()


def settle(
    record: Optional[Record],
    staged: StagedUser,
    result: UserResult,
    *,
    host: str,
    now: datetime,
    accept_unverified: bool,
    max_attempts: int,
) -> Tuple[Optional[Action], Optional[Error]]:
    """Apply one user's result to its record.

    :param accept_unverified: a change that the vendor confirmed counts even though no login could prove it.
    :param max_attempts: runs in which no password logged in, after which the user is orphaned.
    :return: (what was done with the pending password, the error to report or ``None``).
    """
    if record is None or staged_in(record, staged) is None:
        # Never touch a password other than the one that was sent.
        return Action.SUPERSEDED, result.error or _vanished(record, staged)
    error = mismatch(record, staged.identity, host)
    if error:
        return None, error.as_dict()
    done, verified = result.state in (State.CHANGED, State.UNCHANGED), result.verified
    # A login that was refused is not a lack of proof: it proves the contrary.
    if done and (verified or (accept_unverified and verified is None)):
        record.promote(now, verified=bool(verified))
        return Action.PROMOTED, None
    reported = _unproved(verified) if done else result.error or _unexplained(result.state)
    return _keep_or_drop(record, staged, replace(result, error=reported), now=now, max_attempts=max_attempts), reported


def _keep_or_drop(
    record: Record, staged: StagedUser, result: UserResult, *, now: datetime, max_attempts: int
) -> Action:
    """What becomes of a pending password that was not proved.

    :param result: with an error.
    """
    error = result.error or _unexplained(result.state)
    record.note_error(error, now)
    if result.failed_logins is not None:
        record.note_failed_logins(result.failed_logins, now)
    if certainly_refused(record, staged, result):
        record.drop_pending()
        return Action.DROPPED
    if error["kind"] == errors.CURRENT_PASSWORD_WRONG:
        record.lost_runs += 1
        if record.lost_runs >= max_attempts:
            record.status = Status.ORPHANED
            return Action.ABANDONED
    return Action.KEPT


def staged_in(record: Optional[Record], staged: StagedUser) -> Optional[Pending]:
    """The pending password of a record if it is still the one that was staged, else ``None``."""
    pending = record.pending if record else None
    return pending if pending and pending.run_id == staged.run_id else None


def certainly_refused(record: Record, staged: StagedUser, result: UserResult) -> bool:
    """Whether the pending password was refused by the vendor's policy and is certainly not in force."""
    # "Reused" is not a refusal of a random password: those do not repeat, so the vendor has this one already, from a request that was sent twice.
    # The password of a rollback stays in the store in any case, as the previous one.
    refusals = (
        (errors.PASSWORD_REJECTED, errors.PASSWORD_REUSED) if record.is_going_back else (errors.PASSWORD_REJECTED,)
    )
    pending = record.pending
    if pending is None or result.state != State.FAILED or (result.error or {}).get("kind") not in refusals:
        return False
    # Nobody else has sent it: neither an earlier run, nor one that has joined this one since. Or a login has shown that it is not in force.
    alone = pending.sent == 1 or (not pending.sent and staged.fresh and pending.attempts == 1)
    return alone or result.verified is False


def is_finished(record: Optional[Record], staged: StagedUser) -> bool:
    """Whether another run has finished the staged password, or a later one, in the meantime."""
    return record is not None and record.rotated_at != staged.rotated_at


def _unproved(verified: Optional[bool]) -> Error:
    """The error of a change that the vendor confirmed and no login has proved."""
    why = "the new password does not log in; both passwords are kept."
    if verified is None:
        why = (
            "no login could prove it; both passwords are kept. "
            "If you trust the vendor's word, set rotate_accept_unverified (option accept_unverified)."
        )
    return PasswordError(errors.NOT_VERIFIED, "The vendor confirmed the change, but " + why).as_dict()


def _unexplained(state: State) -> Error:
    return PasswordError(errors.OUTCOME_UNKNOWN, "The change reported the state %s and no error." % state).as_dict()


def _vanished(record: Optional[Record], staged: StagedUser) -> Optional[Error]:
    """The error if the password that was sent is neither pending nor has become the current one, else ``None``."""
    if is_finished(record, staged):
        return None
    return PasswordError(
        errors.STORE_CONFLICT,
        "The password that this run has staged is not in the store any more, and no other run has made it the current one. "
        "Was the store moved or restored meanwhile? The password may be in force at the vendor.",
    ).as_dict()
