# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation protocol: stage the intent, and commit what became of it. docs/explanation/rotation.md says why it is safe.

Between the two lies the change itself, by the vendor's module (:func:`mark_sent` notes it before) or by anything else. Nothing here knows
a vendor or Ansible; nothing that is returned holds a secret, except to whoever sends it.
"""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import ALWAYS, WHEN_CHANGED, Capabilities

from .._times import parse_utc
from ..record import Identity, Pending, Record, Status
from ..store import Entry, Store
from .lease import fence
from .login_notes import window
from .policy import Policy, generate
from .read_only import is_dry_run
from .restoration import restore
from .results import foreseen
from .updates import update
from .users import Action, CommittedUser, Reason, Sending, StagedUser


def look(
    store: Store,
    users: List[dict],
    *,
    max_age: int,
    force: bool,
    now: datetime,
    identities: Mapping[str, Identity],
) -> Tuple[List[StagedUser], Dict[str, Entry]]:
    """Decide who is due, and write nothing.

    :param users: dicts with ``name``.
    :param max_age: seconds; a younger password is left alone.
    :param force: rotate young passwords, too.
    :param identities: whose passwords are to be rotated, by name, as far as that is known.
    :return: what :func:`stage` would return, and what the store holds.
    :raises PasswordError: ``store_failed``, ``target_mismatch``.
    """
    names = [user["name"] for user in users]
    entries = store.get(names)
    staged = []
    for name in names:
        record = entries[name].record or Record(username=name)
        wrong = mismatch(record, identities.get(name, Identity()), store.host)
        reason = why_due(record, max_age, force=force, now=now)
        staged.append(
            StagedUser.refused(record, wrong) if wrong else StagedUser.of(record, due=is_due(reason), reason=reason)
        )
    return staged, entries


def is_due(reason: Optional[Reason]) -> bool:
    """Whether a user is to be rotated, given what :func:`why_due` returned."""
    return reason is not None and reason.is_due


def stage(
    store: Store,
    users: List[dict],
    policy: Policy,
    *,
    max_age: int,
    force: bool,
    run_id: str,
    now: datetime,
    identities: Optional[Mapping[str, Identity]] = None,
    seen: Optional[Mapping[str, Entry]] = None,
    refused: Optional[Mapping[str, PasswordError]] = None,
    why: Optional[str] = None,
) -> List[StagedUser]:
    """Decide who is due, and store a new password for each of them as pending.

    :param users: dicts with ``name`` and perhaps ``current_password``.
    :param max_age: seconds; a younger password is left alone.
    :param force: rotate young passwords, too.
    :param run_id: identifies this run.
    :param identities: whose passwords are to be rotated, by name, as far as that is known.
    :param seen: what :func:`look` read before this run had the lease.
    :param refused: users that must not be rotated, and why.
    :param why: the passwords are made, in the words of who started the run.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    current_passwords = {user["name"]: user.get("current_password") for user in users}
    # Who was rotated by somebody else since the look has nothing left to be done, whatever ``force`` says.
    before = {name: entry.record.rotated_at if entry.record else None for name, entry in (seen or {}).items()}
    staged: Dict[str, StagedUser] = {}

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            record = entry.record or Record(username=name)
            identity = (identities or {}).get(name, Identity())
            wrong = (refused or {}).get(name) or mismatch(record, identity, store.host)
            if wrong:
                staged[name] = StagedUser.refused(record, wrong)
                continue
            if name in before and record.pending is None and record.rotated_at and record.rotated_at != before[name]:
                staged[name] = StagedUser.of(record, due=False, reason=Reason.LEFT)
                continue
            reason = why_due(record, max_age, force=force, now=now)
            if is_due(reason):
                if record.pending is None:
                    record.pending = Pending.made(generate(policy), run_id=run_id, now=now)
                record.pending.reason = why or record.pending.reason
                record.bind(identity, store.host)
                begin_attempt(record, current_passwords[name])
                changes[name] = Entry(record, entry.version)
            staged[name] = StagedUser.of(record, due=is_due(reason), reason=reason)
        return changes

    update(store, current_passwords, decide, entries=seen)
    return [staged[name] for name in current_passwords]


def mismatch(record: Record, identity: Identity, host: str) -> Optional[PasswordError]:
    """The error if a record must not be used for that account, else ``None``.

    :param identity: whose password is to be used or set, as far as that is known.
    :param host: the name under which the record is kept.
    """
    return None if record.belongs_to(identity) else foreign(record, identity, host)


def foreign(record: Record, identity: Identity, host: str) -> PasswordError:
    """The error of a record that holds the password of another account."""
    held, asked = (
        "%s of %s at %s" % (item.account or record.username, item.vendor, item.target or "?")
        for item in (record.identity, identity)
    )
    return PasswordError(
        errors.TARGET_MISMATCH,
        "The record of %s under the name %s holds the password of %s, not of %s. "
        "If both are right, give this one records of its own (variable rotate_target, option target). "
        "If the endpoint has moved, run rotation_repair (playbook repair): it adopts the record when its password logs in there."
        % (record.username, host, held, asked),
    )


def claimed(name: str, identity: Identity, host: str, claimed_by: str) -> PasswordError:
    """The error of an account whose password is in the records of another name.

    :param name: of the user.
    :param host: the name under which its record would be kept.
    :param claimed_by: the other name.
    """
    return PasswordError(
        errors.TARGET_MISMATCH,
        "The password of %s at %s is kept in the records of %s already, not in those of %s. Rotate each account under one name only: remove it from "
        "one of the hosts, or name the records that are there (variable rotate_target, option target)."
        % (name, identity.target, claimed_by, host),
    )


def stage_these(
    store: Store,
    passwords: Mapping[str, Callable[[Record], Optional[str]]],
    *,
    reason: Reason,
    run_id: str,
    now: datetime,
    identities: Optional[Mapping[str, Identity]] = None,
) -> List[StagedUser]:
    """Store given passwords as pending: for a repair, and to go back to the previous passwords.

    Whoever gives a password in place of a pending one must be certain that this one is not in force.

    :param passwords: by name, a function that gives the password to bring into force for a record, or ``None`` for none.
    :param run_id: identifies this run.
    :param identities: whose passwords they are, by name.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    staged: Dict[str, StagedUser] = {}

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            record, identity = entry.record or Record(username=name), (identities or {}).get(name, Identity())
            wrong = mismatch(record, identity, store.host)
            if wrong:
                staged[name] = StagedUser.refused(record, wrong)
                continue
            password = passwords[name](record)
            if password is not None:
                _set_pending(record, password, run_id=run_id, now=now)
                record.bind(identity, store.host)
                begin_attempt(record)
                changes[name] = Entry(record, entry.version)
            staged[name] = StagedUser.of(record, due=password is not None, reason=reason)
        return changes

    update(store, passwords, decide)
    return [staged[name] for name in passwords]


def _set_pending(record: Record, password: str, *, run_id: str, now: datetime) -> None:
    """Make a password the pending one, unless it is that already."""
    before = record.pending
    if before is None or before.password != password:
        replaces = before.replaces if before else None
        record.pending = Pending.made(password, run_id=run_id, now=now, replaces=replaces)
        record.put_aside(before)


def why_due(record: Record, max_age: int, *, force: bool, now: datetime) -> Optional[Reason]:
    """Why a user is to be rotated, or why it is not although it should be; ``None``: its password is young.

    :param max_age: seconds.
    :param force: whether its age does not matter.
    """
    if record.status == Status.ORPHANED:
        return Reason.ORPHANED
    if record.status == Status.RETIRED:
        return Reason.NEW
    if record.pending:
        return Reason.UNFINISHED
    if record.password is None:
        return Reason.NEW
    if force:
        return Reason.FORCED
    if record.rotated_at is None or (now - parse_utc(record.rotated_at)).total_seconds() >= max_age:
        return Reason.EXPIRED
    return None


def begin_attempt(record: Record, current_password: Optional[str] = None) -> None:
    """Count one more run that sets out to bring the pending password into force.

    :param current_password: what the inventory says of a user that is new to the store.
    """
    if record.pending is None:
        raise AssertionError("nothing is pending")
    record.pending.attempts += 1
    if record.password is None and current_password:
        # Kept with the intent, so that a later run can finish it even if the inventory no longer holds the old password.
        record.pending.replaces = current_password
    record.status = Status.PENDING


def mark_sent(
    store: Store,
    staged: Mapping[str, StagedUser],
    capabilities: Capabilities,
    *,
    now: datetime,
    identities: Optional[Mapping[str, Identity]] = None,
) -> Tuple[Dict[str, Sending], Dict[str, PasswordError]]:
    """Note that the pending passwords are about to be sent, and what may be in force from then on.

    Whoever finds such a note later must look before it sends; who finds none need not, which spares a failed login. A login that may fail is
    counted before it is made, so that a run which dies in it cannot be repeated into a lock-out. When this returns the notes were read back, and
    the lease is still ours.

    :param identities: whose passwords are to be set, as far as that is known.
    :return: (those whose pending password is the one that was staged, those whose record must not be used for that account).
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    sending: Dict[str, Sending] = {}
    refused: Dict[str, PasswordError] = {}
    limit = capabilities.failed_logins_per_call

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            sending.pop(name, None)
            record, identity = entry.record, (identities or {}).get(name, Identity())
            if record is None or record.pending is None or record.pending.run_id != staged[name].run_id:
                continue
            wrong = mismatch(record, identity, store.host)
            if wrong:
                refused[name] = wrong
                continue
            mode, failed = how_to_send(record, capabilities, now)
            sending[name] = Sending(record, mode, failed, owner_before=(record.host, record.identity))
            record.pending.sent += 1
            record.bind(identity, store.host)
            if limit is not None and mode == WHEN_CHANGED and failed < limit:
                record.note_failed_logins(failed + 1, now)
            changes[name] = Entry(record, entry.version)
        return changes

    update(store, staged, decide, read_back=True)
    if sending:
        fence(store)
    return sending, refused


def take_back(store: Store, sending: Mapping[str, Sending], capabilities: Capabilities, *, now: datetime) -> None:
    """Undo what :func:`mark_sent` has noted: it is certain that nothing was handed over.

    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    run_ids = {name: one.record.pending.run_id for name, one in sending.items() if one.record.pending}

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            record, failed = entry.record, sending[name].failed_logins
            if record and record.pending and record.pending.run_id == run_ids.get(name) and record.pending.sent:
                record.pending.sent -= 1
                record.host, owner = sending[name].owner_before
                record.vendor, record.target, record.account = astuple(owner)
                if record.recent_failed_logins(now, window(capabilities)) > failed:
                    record.failed_logins, record.failed_at = failed, record.failed_at if failed else None
                changes[name] = Entry(record, entry.version)
        return changes

    update(store, sending, decide)


def how_to_send(record: Record, capabilities: Capabilities, now: datetime) -> Tuple[str, int]:
    """Whether a login must find out first if the pending password is in force already, and what logins have cost so far.

    :param record: one with a pending password.
    :return: (``update_password``, ``failed_logins``) for the vendor's module.
    """
    mode = WHEN_CHANGED if record.pending and record.pending.sent else ALWAYS
    return mode, record.recent_failed_logins(now, window(capabilities))


def replace_refused(
    store: Store,
    staged: Mapping[str, StagedUser],
    results: Mapping[str, UserResult],
    policy: Policy,
    *,
    now: datetime,
) -> Dict[str, Record]:
    """Store other passwords in place of those that the vendor's policy has refused.

    :param results: the vendor module's results of the refused users, by name.
    :param policy: of the other passwords.
    :return: the records of those that got one, by name: the others' passwords may be in force.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    replaced: Dict[str, Record] = {}

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            replaced.pop(name, None)
            record, user = entry.record, staged[name]
            pending = record.pending if record else None
            if (
                record is None
                or pending is None
                or pending.run_id != user.run_id
                or not _certainly_refused(record, user, results[name])
            ):
                continue
            # It keeps the identifier: for all the steps of this run it is the password that was staged.
            record.pending = Pending.made(generate(policy), run_id=pending.run_id, now=now, replaces=pending.replaces)
            record.pending.attempts = record.pending.sent = 1
            # An earlier request may still be under way, or a broken server may have done what it refused.
            record.put_aside(pending)
            replaced[name] = record
            changes[name] = Entry(record, entry.version)
        return changes

    update(store, results, decide, read_back=True)
    if replaced:
        fence(store)
    return replaced


def _certainly_refused(record: Record, staged: StagedUser, result: UserResult) -> bool:
    """Whether a pending password was refused by the vendor's policy and is certainly in force nowhere."""
    # "Reused" is no refusal of a random password: those do not repeat, so the vendor has this one already, from a request that was sent twice.
    # One that goes back stays in the store in any case, as the previous one.
    refusals = (
        (errors.PASSWORD_REJECTED, errors.PASSWORD_REUSED) if record.is_going_back else (errors.PASSWORD_REJECTED,)
    )
    pending = record.pending
    if pending is None or result.state != State.FAILED or (result.error or {}).get("kind") not in refusals:
        return False
    # Nobody else has sent it: neither an earlier run, nor one that has joined this one since. Or a login has shown that it is not in force.
    alone = pending.sent == 1 or (not pending.sent and staged.fresh and pending.attempts == 1)
    return alone or result.verified is False


def commit(
    store: Store,
    staged: List[StagedUser],
    results: List[UserResult],
    *,
    now: datetime,
    accept_unverified: bool = False,
    max_attempts: int = 3,
    sent: Optional[Mapping[str, Record]] = None,
) -> List[CommittedUser]:
    """Bring the records in line with what became of the change.

    :param results: of the vendor's module, or of tasks of somebody's own; users may be missing.
    :param accept_unverified: a change that the vendor confirmed counts even though no login could prove it.
    :param max_attempts: a user is left alone after this many runs in which neither the current nor the pending password logged in.
    :param sent: the records as they were when their passwords were sent, if this process has sent them: see :func:`~.restoration.restore`.
    :return: those that were due, or should have been.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    due = {user.name: user for user in staged if user.due}
    by_name = {result.name: result for result in results}
    dry_run = is_dry_run(store)  # then nothing was staged
    committed: Dict[str, CommittedUser] = {}

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            # Tasks of somebody's own may not have run at all in check mode.
            result = by_name.get(name) or (foreseen(name) if dry_run else _not_tried(name))
            action, error = None, result.error
            if not dry_run:
                record = entry.record
                if sent and name in sent:
                    record = restore(record, sent[name]) or record
                action, error = _settle(
                    record,
                    due[name],
                    result,
                    host=store.host,
                    now=now,
                    accept_unverified=accept_unverified,
                    max_attempts=max_attempts,
                )
                if record is not None and action not in (None, Action.SUPERSEDED):
                    changes[name] = Entry(record, entry.version)
            committed[name] = CommittedUser(
                name=name,
                reason=due[name].reason,
                state=result.state,
                verified=result.verified,
                action=action,
                error=error,
            )
        return changes

    update(store, due, decide, read_back=True)
    alone = {user.name: user for user in left_alone(staged)}
    return [user for user in ((committed.get(one.name) or alone.get(one.name)) for one in staged) if user]


def left_alone(staged: List[StagedUser]) -> List[CommittedUser]:
    """Those that should have been rotated and are not, as :func:`commit` returns them."""
    return [_left_alone(user) for user in staged if user.is_left_alone]


def _left_alone(staged: StagedUser) -> CommittedUser:
    if staged.reason == Reason.LEFT:
        return CommittedUser(staged.name, staged.reason, State.UNCHANGED, action=Action.SUPERSEDED)
    error = staged.error
    if not error:
        error = PasswordError(
            errors.ORPHANED,
            "No password in the store has logged in for several runs. Give rotation_repair the real one (playbook repair).",
        ).as_dict()
    return CommittedUser(staged.name, staged.reason, State.FAILED, error=error)


def _settle(
    record: Optional[Record],
    staged: StagedUser,
    result: UserResult,
    *,
    host: str,
    now: datetime,
    accept_unverified: bool,
    max_attempts: int,
) -> Tuple[Optional[Action], Optional[Dict[str, Any]]]:
    """Apply one user's result to its record.

    :return: (what was done with the pending password, the error to report or ``None``).
    """
    error = result.error
    if record is None or record.pending is None or record.pending.run_id != staged.run_id:
        # Never touch a password other than the one that was sent.
        return Action.SUPERSEDED, error or _vanished(record, staged)
    wrong = mismatch(record, staged.identity, host)
    if wrong:
        return None, wrong.as_dict()
    done = result.state in (State.CHANGED, State.UNCHANGED)
    verified = result.verified
    # A login that was refused is no lack of proof but the proof of the contrary.
    if done and (verified or (accept_unverified and verified is None)):
        record.promote(now, verified=bool(verified))
        return Action.PROMOTED, None
    error = _unproved(verified) if done else error
    error = (
        error
        or PasswordError(
            errors.OUTCOME_UNKNOWN, "The change reported the state %s and no error." % result.state
        ).as_dict()
    )
    record.note_error(error, now)
    if result.failed_logins is not None:
        record.note_failed_logins(result.failed_logins, now)
    if _certainly_refused(record, staged, replace(result, error=error)):
        record.drop_pending()
        return Action.DROPPED, error
    if error["kind"] == errors.CURRENT_PASSWORD_WRONG:
        record.lost_runs += 1
        if record.lost_runs >= max_attempts:
            record.status = Status.ORPHANED
            return Action.ABANDONED, error
    return Action.KEPT, error


def _unproved(verified: Optional[bool]) -> Dict[str, Any]:
    """The error of a change that the vendor confirmed and no login has proved."""
    why = "the new password does not log in; both passwords are kept."
    if verified is None:
        why = (
            "no login could prove it; both passwords are kept. "
            "If you trust the vendor's word, set rotate_accept_unverified (option accept_unverified)."
        )
    return PasswordError(errors.NOT_VERIFIED, "The vendor confirmed the change, but " + why).as_dict()


def is_finished(record: Optional[Record], staged: StagedUser) -> bool:
    """Whether another run has brought the staged password, or a later one, to its end meanwhile."""
    return record is not None and record.rotated_at != staged.rotated_at


def _vanished(record: Optional[Record], staged: StagedUser) -> Optional[Dict[str, Any]]:
    """The error if the password that was sent is neither pending nor has become the current one, else ``None``."""
    if is_finished(record, staged):
        return None
    return PasswordError(
        errors.STORE_CONFLICT,
        "The password that this run has staged is not in the store any more, and no other run has made it the current one. "
        "Was the store moved or restored meanwhile? The password may be in force at the vendor.",
    ).as_dict()


def _not_tried(name: str) -> UserResult:
    error = PasswordError(errors.OUTCOME_UNKNOWN, "The change returned no result for this user.").as_dict()
    return UserResult(name, None, State.UNKNOWN, error=error)
