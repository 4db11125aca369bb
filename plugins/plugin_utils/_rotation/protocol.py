# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation protocol: stage the intent, and commit what became of it. docs/rotation.md tells why it is safe.

Between the two stands the change itself, by the vendor's module (:func:`mark_sent` notes it before) or by anything else. Nothing here knows
a vendor, a store or Ansible; nothing that is returned holds a secret, except to whoever sends it.
"""

from __future__ import annotations

import copy
from dataclasses import astuple
from datetime import datetime
from typing import Callable, Dict, Iterable, List, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import (
    ALWAYS,
    FORGETS_BY_LOGIN,
    WHEN_CHANGED,
    Capabilities,
)

from .._times import format_utc, parse_utc
from ..record import ORPHANED, PENDING, RETIRED, Earlier, Identity, Pending, Record
from ..store import Entry, Store, StoreConflict
from .lease import fence
from .policy import Policy, generate
from .read_only import is_dry_run

# Why a user is due.
NEW = "new"  # the store has no verified password yet
UNFINISHED = "unfinished"  # an earlier run left a pending password
EXPIRED = "expired"  # older than max_age
FORCED = "forced"
# Why one is not, although it should be: ORPHANED; errors.TARGET_MISMATCH: its record is somebody else's; or:
LEFT = "left_to_another_run"  # another run has rotated it while this one waited

# What commit did with a pending password.
PROMOTED = "promoted"
KEPT = "kept"
DROPPED = "dropped"
ABANDONED = "abandoned"  # kept, and no run tries it again until somebody repairs the record
SUPERSEDED = "superseded"  # another run has finished it meanwhile

# In check mode, of a user about whom tasks of somebody's own told nothing: they may not have run at all.
_FORESEEN = {"state": "would_change", "verified": None, "error": None}

_TRIES = 5  # after that many conflicts in a row something else is wrong


def look(
    store: Store,
    users: List[dict],
    max_age: int,
    force: bool,
    now: datetime,
    identities: Optional[Dict[str, Identity]] = None,
) -> Tuple[List[dict], Dict[str, Entry]]:
    """Decide who is due, and write nothing.

    :param store: a :class:`~.store.Store`.
    :param users: list of dicts with ``name``.
    :param max_age: seconds; a younger password is left alone.
    :param force: rotate young passwords, too.
    :param identities: whose passwords are to be rotated, by name, as far as that is known.
    :return: what :func:`stage` would tell, and what the store holds.
    :raises PasswordError: ``store_failed``, ``target_mismatch``.
    """
    names = [user["name"] for user in users]
    entries = store.get(names)
    found = []
    for name in names:
        record = entries[name].record or Record(username=name)
        identity = (identities or {}).get(name, Identity())
        wrong = mismatch(record, identity, store.host)
        if wrong:
            found.append(_refused(record, wrong))
            continue
        reason = why_due(record, max_age, force, now)
        found.append(_told(record, is_due(reason), reason))
    return found, entries


def is_due(reason: Optional[str]) -> bool:
    """Whether a user is to be rotated, given what :func:`why_due` told."""
    return reason not in (None, ORPHANED)


def stage(
    store: Store,
    users: List[dict],
    policy: Policy,
    max_age: int,
    force: bool,
    run_id: str,
    now: datetime,
    identities: Optional[Dict[str, Identity]] = None,
    entries: Optional[Dict[str, Entry]] = None,
    refused: Optional[Dict[str, PasswordError]] = None,
) -> List[dict]:
    """Decide who is due, and store a new password for each of them as pending.

    :param store: a :class:`~.store.Store`.
    :param users: list of dicts with ``name`` and perhaps ``current_password``.
    :param policy: a :class:`~.policy.Policy`.
    :param max_age: seconds; a younger password is left alone.
    :param force: rotate young passwords, too.
    :param run_id: tells this run from any other.
    :param now: a datetime.
    :param identities: whose passwords are to be rotated, by name, as far as that is known.
    :param entries: what :func:`look` read before this run had the lease.
    :param refused: users that must not be rotated, and why.
    :return: list of dicts, one a user: name, due, reason, run_id (of the pending password), fresh (never sent before), rotated_at, vendor, target, account.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    given = {user["name"]: user.get("current_password") for user in users}
    # Who was rotated by somebody else since the look has nothing left to be done, whatever ``force`` says.
    before = {name: entry.record.rotated_at if entry.record else None for name, entry in (entries or {}).items()}
    told: Dict[str, dict] = {}

    def decide(found: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in found.items():
            record = entry.record or Record(username=name)
            identity = (identities or {}).get(name, Identity())
            wrong = (refused or {}).get(name) or mismatch(record, identity, store.host)
            if wrong:
                told[name] = _refused(record, wrong)
                continue
            if name in before and record.pending is None and record.rotated_at and record.rotated_at != before[name]:
                told[name] = _told(record, False, LEFT)
                continue
            reason = why_due(record, max_age, force, now)
            if is_due(reason):
                if record.pending is None:
                    record.pending = Pending(password=generate(policy), run_id=run_id, created=format_utc(now))
                record.bind(identity, store.host)
                begin_attempt(record, given[name])
                changes[name] = Entry(record, entry.version)
            told[name] = _told(record, is_due(reason), reason)
        return changes

    update(store, given, decide, entries)
    return [told[name] for name in given]


def mismatch(
    record: Record, identity: Identity, host: str, claimed_by: Optional[str] = None
) -> Optional[PasswordError]:
    """The error if a record must not be used for that account, else ``None``.

    :param record: a :class:`~.record.Record`.
    :param identity: whose password is to be used or set, as far as that is known.
    :param host: the name under which the record is kept.
    :param claimed_by: the other name whose record holds the password of the account, if there is one.
    """
    remedy = (
        "If both are right, give this one records of its own (variable rotate_target, option target). "
        "If the endpoint has moved, run rotation_repair (playbook repair): it adopts the record when its password logs in there."
    )
    if claimed_by is not None:
        return PasswordError(
            errors.TARGET_MISMATCH,
            "The password of %s at %s is kept in the records of %s already, not in those of %s. Rotate each account under one name only: remove it from "
            "one of the hosts, or name the records that are there (variable rotate_target, option target)."
            % (record.username, identity.target, claimed_by, host),
        )
    if record.belongs_to(identity):
        return None
    held, asked = (
        "%s of %s at %s" % (item.account or record.username, item.vendor, item.target or "?")
        for item in (record.identity, identity)
    )
    return PasswordError(
        errors.TARGET_MISMATCH,
        "The record of %s under the name %s holds the password of %s, not of %s. %s"
        % (record.username, host, held, asked, remedy),
    )


def _refused(record: Record, error: PasswordError) -> dict:
    return dict(_told(record, False, error.kind), error=error.as_dict())


def _told(record, due, reason):
    """What the steps of a rotation tell each other of a user."""
    pending = record.pending
    owner = {key: getattr(record, key) for key in ("vendor", "target", "account") if getattr(record, key)}
    return {
        "name": record.username,
        "due": due,
        "reason": reason,
        "run_id": pending.run_id if pending else None,
        "fresh": bool(pending) and pending.attempts == 1,
        "rotated_at": record.rotated_at,
        **owner,
    }


def stage_these(
    store: Store,
    passwords: Dict[str, Callable[[Record], Optional[str]]],
    reason: str,
    run_id: str,
    now: datetime,
    identities: Optional[Dict[str, Identity]] = None,
) -> List[dict]:
    """Store given passwords as pending: for a repair, and to go back to the previous passwords.

    Whoever gives a password in place of a pending one must be certain that this one is not in force.

    :param store: a :class:`~.store.Store`.
    :param passwords: called with a :class:`~.record.Record`, gives the password that is to be brought into force, or ``None`` for none; dict from name.
    :param reason: what is told of the users.
    :param run_id: tells this run from any other.
    :param now: a datetime.
    :param identities: whose passwords they are, by name.
    :return: as :func:`stage`.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    told = {}

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            record = entry.record or Record(username=name)
            wrong = mismatch(record, (identities or {}).get(name, Identity()), store.host)
            if wrong:
                told[name] = _refused(record, wrong)
                continue
            password = passwords[name](record)
            if password is not None:
                if record.pending is None or record.pending.password != password:
                    before, replaces = record.pending, record.pending.replaces if record.pending else None
                    record.pending = Pending(
                        password=password, run_id=run_id, created=format_utc(now), replaces=replaces
                    )
                    record.put_aside(before)
                record.bind((identities or {}).get(name, Identity()), store.host)
                begin_attempt(record)
                changes[name] = Entry(record, entry.version)
            told[name] = _told(record, password is not None, reason)
        return changes

    update(store, passwords, decide)
    return [told[name] for name in passwords]


def why_due(record, max_age, force, now):
    """Why a user is to be rotated: ``new``, ``unfinished``, ``expired``, ``forced``; ``orphaned``: it should be, but is left alone; ``None``: it is not.

    :param record: a :class:`~.record.Record`.
    :param max_age: seconds.
    :param force: whether its age does not matter.
    :param now: a datetime.
    """
    if record.status == ORPHANED:
        return ORPHANED
    if record.status == RETIRED:
        return NEW
    if record.pending:
        return UNFINISHED
    if record.password is None:
        return NEW
    if force:
        return FORCED
    if record.rotated_at is None or (now - parse_utc(record.rotated_at)).total_seconds() >= max_age:
        return EXPIRED
    return None


def begin_attempt(record, current_password=None):
    """One more run sets out to bring the pending password into force.

    :param current_password: what the inventory tells of a user that is new to the store.
    """
    record.pending.attempts += 1
    if record.password is None and current_password:
        # Kept with the intent, so that a later run can finish it even if the inventory no longer tells the old password.
        record.pending.replaces = current_password
    record.status = PENDING


def mark_sent(
    store: Store,
    staged: Dict[str, dict],
    capabilities: Capabilities,
    now: datetime,
) -> Dict[str, Tuple[Record, str, int]]:
    """Note that the pending passwords are about to be sent, and what may be in force from then on.

    Whoever finds such a note later must look before it sends; who finds none need not, which spares a failed login. A login that may fail is
    counted before it is made, so that a run which dies in it cannot be repeated into a lock-out. When this returns the notes were read back, and
    the lease is still ours.

    :param store: a :class:`~.store.Store`.
    :param staged: dict from name to what :func:`stage` told of the user; an ``identity`` in it, if there is one, says whose password is to be set, and
        ``refused`` tells afterwards why one was not noted.
    :param capabilities: a :class:`~.vendor.Capabilities`.
    :param now: a datetime.
    :return: dict from name to (record, update_password, failed_logins) for each user whose pending password is the one that was staged.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    found: Dict[str, Tuple[Record, str, int]] = {}
    limit = capabilities.failed_logins_per_call

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            found.pop(name, None)
            record, identity = entry.record, staged[name].get("identity") or Identity()
            if record is None or record.pending is None or record.pending.run_id != staged[name]["run_id"]:
                continue
            wrong = mismatch(record, identity, store.host)
            if wrong:
                staged[name]["refused"] = wrong
                continue
            mode, failed = how_to_send(record, capabilities, now)
            found[name] = (record, mode, failed)
            record.pending.sent += 1
            staged[name]["owner"] = (record.host, record.identity)
            record.bind(identity, store.host)
            if limit is not None and mode == WHEN_CHANGED and failed < limit:
                record.note_failed_logins(failed + 1, format_utc(now))
            changes[name] = Entry(record, entry.version)
        return changes

    update(store, staged, decide, read_back=True)
    if found:
        fence(store)
    return found


def take_back(store, sent, capabilities, now):
    """Undo what :func:`mark_sent` has noted: it is certain that nothing was handed over.

    :param store: a :class:`~.store.Store`.
    :param sent: dict from name to (what :func:`stage` told of the user, its failed logins before).
    :param capabilities: a :class:`~.vendor.Capabilities`.
    :param now: a datetime.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            record, (staged, failed) = entry.record, sent[name]
            if record and record.pending and record.pending.run_id == staged["run_id"] and record.pending.sent:
                record.pending.sent -= 1
                record.host, (record.vendor, record.target, record.account) = (
                    staged["owner"][0],
                    astuple(staged["owner"][1]),
                )
                if record.recent_failed_logins(now, window(capabilities)) > failed:
                    record.failed_logins, record.failed_at = failed, record.failed_at if failed else None
                changes[name] = Entry(record, entry.version)
        return changes

    update(store, sent, decide)


def window(capabilities: Capabilities) -> Optional[float]:
    """The seconds after which the vendor has forgotten a failed login; ``None`` if only a good one makes it forget."""
    return None if capabilities.forgets == FORGETS_BY_LOGIN else capabilities.lockout_window


def how_to_send(record, capabilities, now):
    """Whether a login must find out first if the pending password is in force already, and what logins have cost so far.

    :param record: a :class:`~.record.Record` with a pending password.
    :return: (``update_password``, ``failed_logins``) for the vendor's module.
    """
    return WHEN_CHANGED if record.pending.sent else ALWAYS, record.recent_failed_logins(now, window(capabilities))


def replace_refused(store, staged, results, policy, now):
    """Store better passwords in place of those that the vendor's policy has refused.

    :param store: a :class:`~.store.Store`.
    :param staged: dict from name to what :func:`stage` told of the user.
    :param results: dict from name to what the vendor's module told of a refused user.
    :param policy: the :class:`~.policy.Policy` of the better ones.
    :param now: a datetime.
    :return: dict from name to the record, of those that got one: the others' passwords may be in force.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    found = {}

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            found.pop(name, None)
            record = entry.record
            if (
                record
                and record.pending
                and record.pending.run_id == staged[name]["run_id"]
                and _certainly_refused(record, staged[name], results[name])
            ):
                refused = record.pending
                # It keeps the identifier: for all the steps of this run it is the password that was staged.
                record.pending = Pending(
                    generate(policy),
                    staged[name]["run_id"],
                    format_utc(now),
                    attempts=1,
                    sent=1,
                    replaces=refused.replaces,
                )
                # An earlier request may still be under way, or a broken server may have done what it refused.
                record.put_aside(refused)
                found[name] = record
                changes[name] = Entry(record, entry.version)
        return changes

    update(store, results, decide, read_back=True)
    if found:
        fence(store)
    return found


def put_back(store: Store, sent: Dict[str, Record]) -> None:
    """Put back what was sent, whatever became of the records meanwhile: edited by hand, restored from a copy, removed.

    :param store: a :class:`~.store.Store`.
    :param sent: dict from name to the record as it was when its pending password was sent.
    :raises PasswordError: ``store_failed``, ``store_conflict``, ``target_mismatch``.
    """

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        restored = {name: (restore(entry.record, sent[name]), entry) for name, entry in entries.items()}
        return {name: Entry(record, entry.version) for name, (record, entry) in restored.items() if record is not None}

    update(store, sent, decide, read_back=True)


def restore(record: Optional[Record], sent: Record) -> Optional[Record]:
    """The record with what was sent put back into it, or ``None`` if nothing is missing.

    Only a password that was proved later has a better right to be the one that may be in force.

    :param record: what the store holds now.
    :param sent: the record as it was when its pending password was sent.
    """
    if record is None:
        return copy.deepcopy(sent)
    pending = sent.pending
    if pending is None or pending.password in (record.password, record.pending.password if record.pending else None):
        return None
    newer = (
        bool(record.rotated_at)
        and (not sent.rotated_at or record.rotated_at > sent.rotated_at)
        and record.rotated_at >= pending.created
    )
    base, other = (record, sent) if newer else (copy.deepcopy(sent), record)
    lost = [item.pending for item in (record, sent) if item.pending and item.pending.sent and (newer or item is record)]
    if newer and pending.password in [item.password for item in record.earlier]:
        return None
    base.put_aside(*(item for item in lost if item is not base.pending))
    known = set(base.secrets)
    # What the other one knew beside that was in force once, or was sent.
    base.keep_earlier(
        [
            Earlier(password, other.rotated_at or "")
            for password in (other.password,)
            if password and password not in known
        ]
    )
    base.keep_earlier(list(other.earlier))
    return base


def _certainly_refused(record, staged, result):
    """Whether a pending password was refused by the vendor's policy and is certainly in force nowhere."""
    # "Reused" is no refusal of a random password: those do not repeat, so the vendor has this one already, from a request that was sent twice.
    # One that goes back stays in the store in any case, as the previous one.
    refusals = (
        (errors.PASSWORD_REJECTED, errors.PASSWORD_REUSED) if record.is_going_back else (errors.PASSWORD_REJECTED,)
    )
    if result["state"] != "failed" or (result.get("error") or {}).get("kind") not in refusals:
        return False
    # Nobody else has sent it: neither an earlier run, nor one that has joined this one since. Or a login has shown that it is not in force.
    alone = record.pending.sent == 1 or (not record.pending.sent and staged["fresh"] and record.pending.attempts == 1)
    return alone or result.get("verified") is False


def commit(
    store: Store,
    staged: List[dict],
    results: List[dict],
    now: str,
    accept_unverified: bool = False,
    max_attempts: int = 3,
    sent: Optional[Dict[str, Record]] = None,
) -> List[dict]:
    """Bring the records in line with what became of the change.

    :param store: a :class:`~.store.Store`.
    :param staged: what :func:`stage` returned.
    :param results: the ``users`` of the vendor module's result (name, state, verified, error); users may be missing.
    :param now: ISO 8601 in UTC.
    :param accept_unverified: a change that the vendor confirmed counts even though no login could prove it.
    :param max_attempts: after so many runs in which neither the current nor the pending password logged in, a user is left alone.
    :param sent: the records as they were when their passwords were sent, where this process has sent them: see :func:`restore`.
    :return: list of dicts, one a user that was due or should be: name, reason, state, verified, action, error.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    due = {user["name"]: user for user in staged if user["due"]}
    by_name = {result["name"]: result for result in results}
    dry_run = is_dry_run(store)  # then nothing was staged
    told: Dict[str, dict] = {}

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            result = by_name.get(name) or (_FORESEEN if dry_run else _not_tried())
            told[name] = dict(
                name=name,
                reason=due[name]["reason"],
                state=result["state"],
                verified=result.get("verified"),
                error=result.get("error"),
                action=None,
            )
            if dry_run:
                continue
            record = entry.record
            if sent and name in sent:
                record = restore(record, sent[name]) or record
            if record is None or record.pending is None or record.pending.run_id != due[name]["run_id"]:
                # Never touch a password other than the one that was sent.
                told[name]["action"] = SUPERSEDED
                told[name]["error"] = told[name]["error"] or _vanished(record, due[name])
                continue
            wrong = mismatch(
                record, Identity(*(due[name].get(key) for key in ("vendor", "target", "account"))), store.host
            )
            if wrong:
                told[name]["error"] = wrong.as_dict()
                continue
            told[name]["action"], told[name]["error"] = _settle(
                record, due[name], result, now, accept_unverified, max_attempts
            )
            changes[name] = Entry(record, entry.version)
        return changes

    update(store, due, decide, read_back=True)
    return [told.get(user["name"]) or _left_alone(user) for user in staged if user["due"] or is_told(user)]


def is_told(staged: dict) -> bool:
    """Whether there is something to be told of a user that is not due: not merely that its password is young."""
    return staged["reason"] in (ORPHANED, LEFT) or bool(staged.get("error"))


def _left_alone(staged: dict) -> dict:
    if staged["reason"] == LEFT:
        return dict(name=staged["name"], reason=LEFT, state="unchanged", verified=None, action=SUPERSEDED, error=None)
    if staged.get("error"):
        return dict(
            name=staged["name"],
            reason=staged["reason"],
            state="failed",
            verified=None,
            action=None,
            error=staged["error"],
        )
    error = PasswordError(
        errors.ORPHANED,
        "No password in the store has logged in for several runs. Tell rotation_repair the real one (playbook repair).",
    )
    return dict(name=staged["name"], reason=ORPHANED, state="failed", verified=None, action=None, error=error.as_dict())


def _settle(record, staged, result, now, accept_unverified, max_attempts):
    """Apply one user's result to its record.

    :return: (what was done with the pending password, the error to report or None).
    """
    done = result["state"] in ("changed", "unchanged")
    verified = result.get("verified")
    # A login that was refused is no lack of proof but the proof of the contrary.
    if done and (verified or (accept_unverified and verified is None)):
        record.promote(now, verified=bool(verified))
        return PROMOTED, None
    error = result.get("error")
    if done:
        told = "the new password does not log in; both passwords are kept."
        if verified is None:
            told = (
                "no login could prove it; both passwords are kept. "
                "If you trust the vendor's word, set rotate_accept_unverified (option accept_unverified)."
            )
        error = PasswordError(errors.NOT_VERIFIED, "The vendor confirmed the change, but " + told).as_dict()
    error = (
        error
        or PasswordError(
            errors.OUTCOME_UNKNOWN, "The change reported the state %s and no error." % result["state"]
        ).as_dict()
    )
    record.last_error = {"kind": error["kind"], "message": error["message"], "at": now}
    if isinstance(result.get("failed_logins"), int):
        record.note_failed_logins(result["failed_logins"], now)
    if _certainly_refused(record, staged, dict(result, error=error)):
        record.drop_pending()
        return DROPPED, error
    if error["kind"] == errors.CURRENT_PASSWORD_WRONG:
        record.lost_runs += 1
        if record.lost_runs >= max_attempts:
            record.status = ORPHANED
            return ABANDONED, error
    return KEPT, error


def is_finished(record, staged):
    """Whether another run has brought the staged password, or a later one, to its end meanwhile.

    :param record: a :class:`~.record.Record`, or ``None``.
    :param staged: what :func:`stage` told of the user.
    """
    return record is not None and record.rotated_at != staged["rotated_at"]


def note_failed_logins(store: Store, failed: Dict[str, int], capabilities: Capabilities, now: datetime) -> None:
    """Note what logins beside a rotation have cost, so that other runs stay below the vendor's lock-out.

    :param store: a :class:`~.store.Store`.
    :param failed: dict from name to the number of all failed logins that the vendor may count.
    :param capabilities: a :class:`~.vendor.Capabilities`.
    :param now: a datetime.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            if entry.record and entry.record.recent_failed_logins(now, window(capabilities)) != failed[name]:
                entry.record.note_failed_logins(failed[name], format_utc(now))
                changes[name] = Entry(entry.record, entry.version)
        return changes

    if failed and capabilities.failed_logins_per_call is not None:
        update(store, failed, decide)


def note_found(store: Store, found: Dict[str, str]) -> None:
    """Note passwords that turned out to be in force although they had been given up; what is pending goes on from there.

    :param found: dict from name to a password that has logged in.
    """

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            record = entry.record
            if record is not None and record.password != found[name]:
                pending = record.pending
                record.repair(found[name])
                record.pending, record.status = pending, PENDING if pending else record.status
                record.keep_earlier([])
                changes[name] = Entry(record, entry.version)
        return changes

    update(store, found, decide)


def note_refuted(store: Store, refuted: Dict[str, Iterable[str]], capabilities: Capabilities) -> None:
    """Remember which passwords do not log in, where the budget may end a search before its end.

    :param refuted: dict from name to passwords.
    """

    def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
        changes = {}
        for name, entry in entries.items():
            if entry.record:
                entry.record.refute(*refuted[name])
                changes[name] = entry
        return changes

    if refuted and capabilities.failed_logins_per_call is not None:
        update(store, refuted, decide)


def _vanished(record, staged):
    """The error if the password that was sent is neither pending nor has become the current one, else ``None``."""
    if is_finished(record, staged):
        return None
    return PasswordError(
        errors.STORE_CONFLICT,
        "The password that this run has staged is not in the store any more, and no other run has made it the current one. "
        "Was the store moved or restored meanwhile? The password may be in force at the vendor.",
    ).as_dict()


def _not_tried():
    error = PasswordError(errors.OUTCOME_UNKNOWN, "The change told nothing about this user.").as_dict()
    return {"state": "unknown", "verified": None, "error": error}


def update(
    store: Store,
    users: Iterable[str],
    decide: Callable[[Dict[str, Entry]], Dict[str, Entry]],
    entries: Optional[Dict[str, Entry]] = None,
    read_back: bool = False,
) -> None:
    """Read, decide, write; whoever was changed by somebody else meanwhile is read and decided anew.

    :param decide: called with a dict of entries, returns a dict of those to write.
    :param entries: what was read before; the store refuses to write in place of anything else.
    :param read_back: read what was written, and decide anew about what is not there: not every file system keeps two writers apart.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    left = list(users)
    for _try in range(_TRIES):
        found, entries = store.get(left) if entries is None else entries, None
        changes = decide(found)
        if not changes:
            return
        try:
            store.put(changes)
        except StoreConflict as conflict:
            left = conflict.users
            continue
        left = _not_there(store, changes) if read_back and not store.compares_and_sets else []
        if not left:
            return
    raise PasswordError(
        errors.STORE_CONFLICT,
        "Somebody else keeps changing the records of %s; run again when nothing else rotates them." % ", ".join(left),
    )


def _not_there(store: Store, written: Dict[str, Entry]) -> List[str]:
    """The users whose records are not what was written."""
    there = store.get(written)
    return [
        name
        for name, entry in written.items()
        if there[name].record is None or there[name].record.as_dict() != entry.record.as_dict()
    ]
