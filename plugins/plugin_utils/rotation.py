# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation protocol: stage the intent, and commit what became of it. docs/rotation.md tells why it is safe.

Between the two stands the change itself, by the vendor's module or by anything else. Nothing here knows a vendor, a store or Ansible;
nothing that is returned holds a secret.
"""

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError

from .ages import from_text, to_text
from .policy import generate
from .records import PENDING, Pending, Record
from .stores.base import Entry, StoreConflict

# Why a user is due.
NEW = "new"  # the store has no verified password yet
UNFINISHED = "unfinished"  # an earlier run left a pending password
EXPIRED = "expired"  # older than max_age
FORCED = "forced"

# What commit did with a pending password.
PROMOTED = "promoted"
KEPT = "kept"
DROPPED = "dropped"
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
            reason = _why_due(record, max_age, force, now)
            if reason:
                _set_pending(record, given[name], policy, run_id, to_text(now))
                changes[name] = Entry(record, entry.version)
            told[name] = {
                "name": name,
                "due": reason is not None,
                "reason": reason,
                "run_id": record.pending.run_id if record.pending else None,
                "fresh": bool(record.pending) and record.pending.attempts == 1,
                "rotated_at": record.rotated_at,
            }
        return changes

    if check_mode:
        decide(store.get(given))
    else:
        _update(store, given, decide)
    return [told[name] for name in given]


def _why_due(record, max_age, force, now):
    if record.pending:
        return UNFINISHED
    if record.password is None:
        return NEW
    if force:
        return FORCED
    if record.rotated_at is None or (now - from_text(record.rotated_at)).total_seconds() >= max_age:
        return EXPIRED
    return None


def _set_pending(record, current_password, policy, run_id, now):
    if record.pending is None:
        record.pending = Pending(password=generate(policy), run_id=run_id, created=now)
    record.pending.attempts += 1
    if record.password is None and current_password:
        # Kept with the intent, so that a later run can finish it even if the inventory no longer tells the old password.
        record.pending.replaces = current_password
    record.status = PENDING


def commit(store, staged, results, now, accept_unverified=False, check_mode=False):
    """Bring the records in line with what became of the change.

    :param store: a :class:`~.stores.base.Store`.
    :param staged: what :func:`stage` returned.
    :param results: the ``users`` of the vendor module's result (name, state, verified, error); users may be missing.
    :param now: ISO 8601 in UTC.
    :param accept_unverified: a change that the vendor confirmed counts even though no login could prove it.
    :param check_mode: tell, but store nothing.
    :return: list of dicts, one a user that was due: name, reason, state, verified, action, error.
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
            told[name]["action"], told[name]["error"] = _settle(record, due[name], result, now, accept_unverified)
            changes[name] = Entry(record, entry.version)
        return changes

    if check_mode:
        decide(store.get(due))
    else:
        _update(store, due, decide)
    return [told[name] for name in due]


def _settle(record, staged, result, now, accept_unverified):
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
    # Only a password that nobody else has sent was certainly refused: neither an earlier run, nor one that has joined this one since.
    # "Reused" is no refusal: random passwords do not repeat, so the vendor has this one already, from a request that was sent twice.
    if result["state"] == "failed" and error["kind"] == errors.PASSWORD_REJECTED and staged["fresh"] and record.pending.attempts == 1:
        record.drop_pending()
        return DROPPED, error
    return KEPT, error


def _vanished(record, staged):
    """The error if the password that was sent is neither pending nor has become the current one, else ``None``."""
    if record is not None and record.rotated_at != staged["rotated_at"]:
        return None
    return VendorError(
        errors.STORE_CONFLICT,
        "The password that this run has staged is not in the store any more, and no other run has made it the current one. "
        "Was the store moved or restored meanwhile? The password may be in force at the vendor.",
    ).as_dict()


def _not_tried():
    error = VendorError(errors.OUTCOME_UNKNOWN, "The change told nothing about this user.").as_dict()
    return {"state": "unknown", "verified": None, "error": error}


def _update(store, users, decide):
    """Read, decide, write; whoever was changed by somebody else meanwhile is read and decided anew.

    :param decide: called with a dict of entries, returns a dict of those to write.
    """
    left = list(users)
    for _try in range(_TRIES):
        try:
            store.put(decide(store.get(left)))
            return
        except StoreConflict as conflict:
            left = conflict.users
    raise VendorError(errors.STORE_CONFLICT, "Somebody else keeps changing the records of %s; run again when nothing else rotates them." % ", ".join(left))
