# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation protocol: stage the intent, and commit the outcome. docs/explanation/rotation.md says why it is safe.

Between the two lies the change itself, by the vendor's module (:func:`mark_sent` notes it before) or by anything else. Nothing here knows
a vendor or Ansible; nothing that is returned holds a secret, except what goes to the sender.
"""

from __future__ import annotations

from dataclasses import astuple
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import ALWAYS, WHEN_CHANGED, Capabilities

from ..record import Identity, Pending, Record, Status
from ..store import Entry, Store
from .due import is_due, why_due
from .lease import fence
from .login_notes import window
from .mismatch import mismatch
from .policy import Policy, generate
from .read_only import is_dry_run
from .restoration import restore
from .results import foreseen
from .settlement import certainly_refused, settle, staged_in
from .updates import update
from .users import Action, CommittedUser, Reason, Sending, StagedUser


def stage(
    store: Store,
    users: List[Dict[str, Any]],
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
    max_ages: Optional[Mapping[str, int]] = None,
    policies: Optional[Mapping[str, Policy]] = None,
) -> List[StagedUser]:
    """Decide who is due, and store a new password for each of them as pending.

    :param users: dicts with ``name`` and perhaps ``current_password``.
    :param max_age: seconds; younger passwords are skipped.
    :param force: rotate young passwords, too.
    :param run_id: identifies this run.
    :param identities: whose passwords are to be rotated, by name, as far as that is known.
    :param seen: what :func:`~.due.look` read before this run had the lease.
    :param refused: users that must not be rotated, and why.
    :param why: the passwords are made, in the words of who started the run.
    :param max_ages: of the users with one of their own.
    :param policies: of the users with one of their own.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    current_passwords = {user["name"]: user.get("current_password") for user in users}
    rotated_before = {name: entry.record.rotated_at if entry.record else None for name, entry in (seen or {}).items()}
    staged: Dict[str, StagedUser] = {}

    def decide(name: str, stored: Optional[Record]) -> Optional[Record]:
        record, identity = stored or Record(username=name), (identities or {}).get(name, Identity())
        error = (refused or {}).get(name) or mismatch(record, identity, store.host)
        if error:
            staged[name] = StagedUser.refused(record, error)
            return None
        reason = why_due(record, (max_ages or {}).get(name, max_age), force=force, now=now)
        if name in rotated_before and _is_done(record, rotated_before[name]):
            reason = Reason.LEFT
        if is_due(reason):
            if record.pending is None:
                made = generate((policies or {}).get(name, policy))
                record.pending = Pending.made(made, run_id=run_id, now=now)
            record.pending.reason = why or record.pending.reason
            record.bind(identity, store.host)
            begin_attempt(record, current_passwords[name])
        staged[name] = StagedUser.of(record, due=is_due(reason), reason=reason)
        return record if is_due(reason) else None

    update(store, current_passwords, decide, entries=seen)
    return [staged[name] for name in current_passwords]


def _is_done(record: Record, rotated_before: Optional[str]) -> bool:
    """Whether another run has rotated a user since this one looked: then nothing is left to be done, whatever ``force`` says."""
    return record.pending is None and bool(record.rotated_at) and record.rotated_at != rotated_before


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

    A caller that gives a password in place of a pending one must be certain that the pending one is not in force.

    :param passwords: by name, a function that gives the password to bring into force for a record, or ``None`` for none.
    :param run_id: identifies this run.
    :param identities: whose passwords they are, by name.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    staged: Dict[str, StagedUser] = {}

    def decide(name: str, stored: Optional[Record]) -> Optional[Record]:
        record, identity = stored or Record(username=name), (identities or {}).get(name, Identity())
        error = mismatch(record, identity, store.host)
        if error:
            staged[name] = StagedUser.refused(record, error)
            return None
        password = passwords[name](record)
        if password is not None:
            _set_pending(record, password, run_id=run_id, now=now)
            record.bind(identity, store.host)
            begin_attempt(record)
        staged[name] = StagedUser.of(record, due=password is not None, reason=reason)
        return record if password is not None else None

    update(store, passwords, decide)
    return [staged[name] for name in passwords]


def _set_pending(record: Record, password: str, *, run_id: str, now: datetime) -> None:
    """Make a password the pending one, unless it is that already."""
    before = record.pending
    if before is None or before.password != password:
        replaces = before.replaces if before else None
        record.pending = Pending.made(password, run_id=run_id, now=now, replaces=replaces)
        record.put_aside(before)


def begin_attempt(record: Record, current_password: Optional[str] = None) -> None:
    """Count one more run that tries to bring the pending password into force.

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

    A run that finds such a note later must look before it sends; without one it need not, which spares a failed login. A login that may fail is
    counted before it is made, so that a run that dies in it cannot be repeated into a lock-out. When this returns the notes were read back, and
    the lease is still ours.

    :param identities: whose passwords are to be set, as far as that is known.
    :return: (those whose pending password is the one that was staged, those whose record must not be used for that account).
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    sending: Dict[str, Sending] = {}
    refused: Dict[str, PasswordError] = {}
    limit = capabilities.failed_logins_per_call

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        sending.pop(name, None)
        pending, identity = staged_in(record, staged[name]), (identities or {}).get(name, Identity())
        if record is None or pending is None:
            return None
        error = mismatch(record, identity, store.host)
        if error:
            refused[name] = error
            return None
        mode, failed = how_to_send(record, capabilities, now)
        sending[name] = Sending(record, mode, failed, owner_before=(record.host, record.identity))
        pending.sent += 1
        record.bind(identity, store.host)
        if limit is not None and mode == WHEN_CHANGED and failed < limit:
            record.note_failed_logins(failed + 1, now)
        return record

    update(store, staged, decide, read_back=True)
    if sending:
        fence(store)
    return sending, refused


def take_back(store: Store, sending: Mapping[str, Sending], capabilities: Capabilities, *, now: datetime) -> None:
    """Undo what :func:`mark_sent` has noted: it is certain that nothing was sent.

    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    run_ids = {name: one.record.pending.run_id for name, one in sending.items() if one.record.pending}

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        pending, failed = record.pending if record else None, sending[name].failed_logins
        if record is None or pending is None or pending.run_id != run_ids.get(name) or not pending.sent:
            return None
        pending.sent -= 1
        record.host, owner = sending[name].owner_before
        record.vendor, record.target, record.account = astuple(owner)
        if record.recent_failed_logins(now, window(capabilities)) > failed:
            record.failed_logins, record.failed_at = failed, record.failed_at if failed else None
        return record

    update(store, sending, decide)


def how_to_send(record: Record, capabilities: Capabilities, now: datetime) -> Tuple[str, int]:
    """Whether a login must check first if the pending password is in force already, and how many logins have failed so far.

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

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        replaced.pop(name, None)
        pending = staged_in(record, staged[name])
        if record is None or pending is None or not certainly_refused(record, staged[name], results[name]):
            return None
        # It keeps the identifier: for all the steps of this run it is the password that was staged.
        record.pending = Pending.made(generate(policy), run_id=pending.run_id, now=now, replaces=pending.replaces)
        record.pending.attempts = record.pending.sent = 1
        # An earlier request may still be under way, or a broken server may have done what it refused.
        record.put_aside(pending)
        replaced[name] = record
        return record

    update(store, results, decide, read_back=True)
    if replaced:
        fence(store)
    return replaced


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
    """Update the records with the outcome of the change.

    :param results: of the vendor's module, or of tasks of the user's own; users may be missing.
    :param accept_unverified: a change that the vendor confirmed counts even though no login could prove it, unless the user has an option of its own.
    :param max_attempts: a user is orphaned after this many runs in which neither the current nor the pending password logged in.
    :param sent: the records as they were when their passwords were sent, if this process has sent them: see :func:`~.restoration.restore`.
    :return: those that were due, or should have been.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    due = {user.name: user for user in staged if user.due}
    by_name = {result.name: result for result in results}
    dry_run = is_dry_run(store)  # then nothing was staged
    committed: Dict[str, CommittedUser] = {}

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        # Tasks of the user's own may not have run at all in check mode.
        result = by_name.get(name) or (foreseen(name) if dry_run else _not_tried(name))
        action, error, accepts = None, result.error, due[name].accept_unverified
        if not dry_run:
            if sent and name in sent:
                record = restore(record, sent[name]) or record
            action, error = settle(
                record,
                due[name],
                result,
                host=store.host,
                now=now,
                accept_unverified=accept_unverified if accepts is None else accepts,
                max_attempts=max_attempts,
            )
        committed[name] = CommittedUser(name, due[name].reason, result.state, result.verified, action, error)
        return None if action in (None, Action.SUPERSEDED) else record

    update(store, due, decide, read_back=True)
    committed.update((user.name, user) for user in left_alone(staged) if user.name not in committed)
    return [committed[user.name] for user in staged if user.name in committed]


def left_alone(staged: List[StagedUser]) -> List[CommittedUser]:
    """Those that should have been rotated and are not, and those that were adopted, as :func:`commit` returns them."""
    return [_left_alone(user) for user in staged if user.is_left_alone]


def _left_alone(staged: StagedUser) -> CommittedUser:
    if staged.reason == Reason.LEFT:
        return CommittedUser(staged.name, staged.reason, State.UNCHANGED, action=Action.SUPERSEDED)
    error = staged.error
    if staged.reason == Reason.ADOPT:
        state, action = State.FAILED if error else State.UNCHANGED, Action.ADOPTED if staged.adopted else None
        return CommittedUser(staged.name, staged.reason, state, staged.verified, action, error)
    if not error:
        error = PasswordError(
            errors.ORPHANED,
            "No password in the store has logged in for several runs. Give rotation_repair the real one (playbook repair).",
        ).as_dict()
    return CommittedUser(staged.name, staged.reason, State.FAILED, error=error)


def _not_tried(name: str) -> UserResult:
    error = PasswordError(errors.OUTCOME_UNKNOWN, "The change returned no result for this user.").as_dict()
    return UserResult(name, None, State.UNKNOWN, error=error)
