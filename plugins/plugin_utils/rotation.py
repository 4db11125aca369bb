# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation protocol: stage the intent, and commit what became of it. docs/rotation.md tells why it is safe.

Between the two stands the change itself, by the vendor's module (:func:`send` notes it before) or by anything else. Nothing here knows
a vendor, a store or Ansible; nothing that is returned holds a secret, except to whoever sends it.
"""

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import ALWAYS, WHEN_CHANGED

from .ages import from_text, to_text
from .policy import generate
from .records import ORPHANED, PENDING, Pending, Record
from .stores.base import Entry, StoreConflict

# Why a user is due.
NEW = "new"  # the store has no verified password yet
UNFINISHED = "unfinished"  # an earlier run left a pending password
EXPIRED = "expired"  # older than max_age
FORCED = "forced"
# Why one is not, although it should be: ORPHANED.

# What commit did with a pending password.
PROMOTED = "promoted"
KEPT = "kept"
DROPPED = "dropped"
GIVEN_UP = "orphaned"  # kept, and no run tries it again until somebody repairs the record
SUPERSEDED = "superseded"  # another run has finished it meanwhile

# In check mode, of a user about whom tasks of somebody's own told nothing: they may not have run at all.
_FORESEEN = {"state": "would_change", "verified": None, "error": None}

_TRIES = 5  # after that many conflicts in a row something else is wrong


def stage(store, users, policy, max_age, force, run_id, now, check_mode=False):
    """Decide who is due, and store a new password for each of them as pending.

    :param store: a :class:`~.stores.base.Store`.
    :param users: list of dicts with ``name`` and perhaps ``current_password``.
    :param policy: a :class:`~.policy.Policy`.
    :param max_age: seconds; a younger password is left alone.
    :param force: rotate young passwords, too.
    :param run_id: tells this run from any other.
    :param now: a datetime.
    :param check_mode: decide, but store nothing.
    :return: list of dicts, one a user: name, due, reason, run_id (of the pending password), fresh (never sent before), rotated_at.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """
    given = {user["name"]: user.get("current_password") for user in users}
    told = {}

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            record = entry.record or Record(username=name)
            reason = why_due(record, max_age, force, now)
            due = reason not in (None, ORPHANED)
            if due:
                if record.pending is None:
                    record.pending = Pending(password=generate(policy), run_id=run_id, created=to_text(now))
                set_pending(record, given[name])
                changes[name] = Entry(record, entry.version)
            told[name] = _told(record, due, reason)
        return changes

    update(store, given, decide, check_mode)
    return [told[name] for name in given]


def _told(record, due, reason):
    """What the steps of a rotation tell each other of a user."""
    pending = record.pending
    return {
        "name": record.username,
        "due": due,
        "reason": reason,
        "run_id": pending.run_id if pending else None,
        "fresh": bool(pending) and pending.attempts == 1,
        "rotated_at": record.rotated_at,
    }


def stage_these(store, passwords, reason, run_id, now, check_mode=False):
    """Store given passwords as pending: for a repair, and to go back to the previous passwords.

    Whoever gives a password in place of a pending one must be certain that this one is not in force.

    :param store: a :class:`~.stores.base.Store`.
    :param passwords: called with a :class:`~.records.Record`, gives the password that is to be brought into force, or ``None`` for none; dict from name.
    :param reason: what is told of the users.
    :param run_id: tells this run from any other.
    :param now: a datetime.
    :param check_mode: decide, but store nothing.
    :return: as :func:`stage`.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """
    told = {}

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            record = entry.record or Record(username=name)
            password = passwords[name](record)
            if password is not None:
                if record.pending is None or record.pending.password != password:
                    replaces = record.pending.replaces if record.pending else None
                    record.pending = Pending(password=password, run_id=run_id, created=to_text(now), replaces=replaces)
                set_pending(record)
                changes[name] = Entry(record, entry.version)
            told[name] = _told(record, password is not None, reason)
        return changes

    update(store, passwords, decide, check_mode)
    return [told[name] for name in passwords]


def why_due(record, max_age, force, now):
    """Why a user is to be rotated: ``new``, ``unfinished``, ``expired``, ``forced``; ``orphaned``: it should be, but is left alone; ``None``: it is not.

    :param record: a :class:`~.records.Record`.
    :param max_age: seconds.
    :param force: whether its age does not matter.
    :param now: a datetime.
    """
    if record.status == ORPHANED:
        return ORPHANED
    if record.pending:
        return UNFINISHED
    if record.password is None:
        return NEW
    if force:
        return FORCED
    if record.rotated_at is None or (now - from_text(record.rotated_at)).total_seconds() >= max_age:
        return EXPIRED
    return None


def set_pending(record, current_password=None):
    """One more run sets out to bring the pending password into force.

    :param current_password: what the inventory tells of a user that is new to the store.
    """
    record.pending.attempts += 1
    if record.password is None and current_password:
        # Kept with the intent, so that a later run can finish it even if the inventory no longer tells the old password.
        record.pending.replaces = current_password
    record.status = PENDING


def send(store, staged, capabilities, now):
    """Note that the pending passwords are about to be sent, and what may be in force from then on.

    Whoever finds such a note later must look before it sends; who finds none need not, which spares a failed login. A login that may fail is
    counted before it is made, so that a run which dies in it cannot be repeated into a lock-out.

    :param store: a :class:`~.stores.base.Store`.
    :param staged: dict from name to what :func:`stage` told of the user.
    :param capabilities: a :class:`~.vendor.Capabilities`.
    :param now: a datetime.
    :return: dict from name to (record, update_password, failed_logins) for each user whose pending password is the one that was staged.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """
    found = {}
    limit = capabilities.failed_logins_per_run

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            found.pop(name, None)
            record = entry.record
            if record is None or record.pending is None or record.pending.run_id != staged[name]["run_id"]:
                continue
            mode, failed = how_to_send(record, capabilities, now)
            found[name] = (record, mode, failed)
            record.pending.sent += 1
            if limit is not None and mode == WHEN_CHANGED and failed < limit:
                record.note_failed_logins(failed + 1, to_text(now))
            changes[name] = Entry(record, entry.version)
        return changes

    update(store, staged, decide)
    return found


def take_back(store, sent, capabilities, now):
    """Undo what :func:`send` has noted: it is certain that nothing was handed over.

    :param store: a :class:`~.stores.base.Store`.
    :param sent: dict from name to (what :func:`stage` told of the user, its failed logins before).
    :param capabilities: a :class:`~.vendor.Capabilities`.
    :param now: a datetime.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            record, (staged, failed) = entry.record, sent[name]
            if record and record.pending and record.pending.run_id == staged["run_id"] and record.pending.sent:
                record.pending.sent -= 1
                if record.recent_failed_logins(now, capabilities.lockout_window) > failed:
                    record.failed_logins, record.failed_at = failed, record.failed_at if failed else None
                changes[name] = Entry(record, entry.version)
        return changes

    update(store, sent, decide)


def how_to_send(record, capabilities, now):
    """Whether a login must find out first if the pending password is in force already, and what logins have cost so far.

    :param record: a :class:`~.records.Record` with a pending password.
    :return: (``update_password``, ``failed_logins``) for the vendor's module.
    """
    return WHEN_CHANGED if record.pending.sent else ALWAYS, record.recent_failed_logins(now, capabilities.lockout_window)


def replace_refused(store, staged, results, policy, now):
    """Store better passwords in place of those that the vendor's policy has refused.

    :param store: a :class:`~.stores.base.Store`.
    :param staged: dict from name to what :func:`stage` told of the user.
    :param results: dict from name to what the vendor's module told of a refused user.
    :param policy: the :class:`~.policy.Policy` of the better ones.
    :param now: a datetime.
    :return: dict from name to the record, of those that got one: the others' passwords may be in force.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """
    found = {}

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            found.pop(name, None)
            record = entry.record
            if record and record.pending and record.pending.run_id == staged[name]["run_id"] and _certainly_refused(record, staged[name], results[name]):
                replaces = record.pending.replaces
                # It keeps the identifier: for all the steps of this run it is the password that was staged.
                record.pending = Pending(generate(policy), staged[name]["run_id"], to_text(now), attempts=1, sent=1, replaces=replaces)
                found[name] = record
                changes[name] = Entry(record, entry.version)
        return changes

    update(store, results, decide)
    return found


def _certainly_refused(record, staged, result):
    """Whether a pending password was refused by the vendor's policy and is certainly in force nowhere."""
    # "Reused" is no refusal of a random password: those do not repeat, so the vendor has this one already, from a request that was sent twice.
    # One that goes back stays in the store in any case, as the previous one.
    refusals = (errors.PASSWORD_REJECTED, errors.PASSWORD_REUSED) if record.is_going_back else (errors.PASSWORD_REJECTED,)
    if result["state"] != "failed" or (result.get("error") or {}).get("kind") not in refusals:
        return False
    # Nobody else has sent it: neither an earlier run, nor one that has joined this one since. Or a login has shown that it is not in force.
    alone = record.pending.sent == 1 or (not record.pending.sent and staged["fresh"] and record.pending.attempts == 1)
    return alone or result.get("verified") is False


def commit(store, staged, results, now, accept_unverified=False, check_mode=False, max_attempts=3):
    """Bring the records in line with what became of the change.

    :param store: a :class:`~.stores.base.Store`.
    :param staged: what :func:`stage` returned.
    :param results: the ``users`` of the vendor module's result (name, state, verified, error); users may be missing.
    :param now: ISO 8601 in UTC.
    :param accept_unverified: a change that the vendor confirmed counts even though no login could prove it.
    :param check_mode: tell, but store nothing.
    :param max_attempts: after so many runs in which neither the current nor the pending password logged in, a user is left alone.
    :return: list of dicts, one a user that was due or should be: name, reason, state, verified, action, error.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """
    due = {user["name"]: user for user in staged if user["due"]}
    by_name = {result["name"]: result for result in results}
    told = {}

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            result = by_name.get(name) or (_FORESEEN if check_mode else _not_tried())
            told[name] = dict(
                name=name, reason=due[name]["reason"], state=result["state"], verified=result.get("verified"), error=result.get("error"), action=None
            )
            if check_mode:
                continue
            record = entry.record
            if record is None or record.pending is None or record.pending.run_id != due[name]["run_id"]:
                # Never touch a password other than the one that was sent.
                told[name]["action"] = SUPERSEDED
                told[name]["error"] = told[name]["error"] or _vanished(record, due[name])
                continue
            told[name]["action"], told[name]["error"] = _settle(record, due[name], result, now, accept_unverified, max_attempts)
            changes[name] = Entry(record, entry.version)
        return changes

    update(store, due, decide, check_mode)
    return [told.get(user["name"]) or _left_alone(user) for user in staged if user["due"] or user["reason"] == ORPHANED]


def _left_alone(staged):
    error = VendorError(errors.ORPHANED, "No password in the store has logged in for several runs. Tell rotation_repair the real one (playbook repair).")
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
        error = VendorError(errors.NOT_VERIFIED, "The vendor confirmed the change, but " + told).as_dict()
    error = error or VendorError(errors.OUTCOME_UNKNOWN, "The change reported the state %s and no error." % result["state"]).as_dict()
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
            return GIVEN_UP, error
    return KEPT, error


def is_finished(record, staged):
    """Whether another run has brought the staged password, or a later one, to its end meanwhile.

    :param record: a :class:`~.records.Record`, or ``None``.
    :param staged: what :func:`stage` told of the user.
    """
    return record is not None and record.rotated_at != staged["rotated_at"]


def note_failed_logins(store, failed, capabilities, now, check_mode=False):
    """Note what logins beside a rotation have cost, so that other runs stay below the vendor's lock-out.

    :param store: a :class:`~.stores.base.Store`.
    :param failed: dict from name to the number of all failed logins that the vendor may count.
    :param capabilities: a :class:`~.vendor.Capabilities`.
    :param now: a datetime.
    :param check_mode: write nothing.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """

    def decide(entries):
        changes = {}
        for name, entry in entries.items():
            if entry.record and entry.record.recent_failed_logins(now, capabilities.lockout_window) != failed[name]:
                entry.record.note_failed_logins(failed[name], to_text(now))
                changes[name] = Entry(entry.record, entry.version)
        return changes

    if failed and capabilities.failed_logins_per_run is not None:
        update(store, failed, decide, check_mode)


def _vanished(record, staged):
    """The error if the password that was sent is neither pending nor has become the current one, else ``None``."""
    if is_finished(record, staged):
        return None
    return VendorError(
        errors.STORE_CONFLICT,
        "The password that this run has staged is not in the store any more, and no other run has made it the current one. "
        "Was the store moved or restored meanwhile? The password may be in force at the vendor.",
    ).as_dict()


def _not_tried():
    error = VendorError(errors.OUTCOME_UNKNOWN, "The change told nothing about this user.").as_dict()
    return {"state": "unknown", "verified": None, "error": error}


def update(store, users, decide, check_mode=False):
    """Read, decide, write; whoever was changed by somebody else meanwhile is read and decided anew.

    :param decide: called with a dict of entries, returns a dict of those to write.
    :param check_mode: decide, but write nothing.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """
    if check_mode:
        decide(store.get(users))
        return
    left = list(users)
    for _try in range(_TRIES):
        try:
            store.put(decide(store.get(left)))
            return
        except StoreConflict as conflict:
            left = conflict.users
    raise VendorError(errors.STORE_CONFLICT, "Somebody else keeps changing the records of %s; run again when nothing else rotates them." % ", ".join(left))
