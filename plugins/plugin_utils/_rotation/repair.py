# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out by logins which password is in force and writes that into the record; on demand resets the others."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, ContextManager, Dict, List, Optional, Set, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import utc_now
from ..record import Identity, Record, Status
from ..store import Entry, Store, damaged_records_set_aside
from . import mismatch, owners, proof, report, reset, turns
from .lease import host_lease
from .login_notes import note_failed_logins
from .options import read_users
from .selection import NOBODY
from .sender import Sender
from .task import Task
from .updates import update
from .users import Action, Reason, Source


def repair_users(task: Task) -> Dict[str, Any]:
    """The action rotation_repair."""
    users = read_users(_for_this_host(task), with_password=True)
    users_by_name = {user["name"]: user for user in users}
    task.scrub.add(*(user["password"] for user in users_by_name.values() if user.get("password")))
    sender = task.sender(
        {key: value for key, value in user.items() if key != "password"} for user in users_by_name.values()
    )
    sender.know_operator()
    chosen = task.limited(users)
    if users and not chosen:
        return dict(changed=False, users=[], summary=[NOBODY])
    users_by_name = {user["name"]: user for user in chosen}
    store = task.open_store()
    setting_aside: ContextManager[Set[str]] = (
        damaged_records_set_aside() if task.args["set_aside_damaged"] else nullcontext(set())
    )
    # Until the store is in line: a run between a reset and its commit would send the same password once more.
    with host_lease(store), setting_aside as set_aside:
        outcomes = _repair(task, store, sender, users_by_name)
        turns.turn(store, turns.chosen(task.pairs, chosen), now=utc_now())
    return _result(task, store, [outcomes[name] for name in users_by_name], set_aside)


def _result(task: Task, store: Store, users: List[Dict[str, Any]], set_aside: Set[str]) -> Dict[str, Any]:
    lines = [
        _line(user, task.check_mode) + _kept(user, set_aside, keeps_versions=store.keeps_versions, dry=task.check_mode)
        for user in users
    ]
    failed = [user["name"] for user in users if user["error"]]
    return dict(
        changed=any(user["action"] not in (None, "unchanged") for user in users),
        users=users,
        summary=lines or ["No user is named for this host."],
        **report.failure(failed, len(users), "were not repaired"),
    )


def _for_this_host(task: Task) -> List[Any]:
    """The users, except those that name another host.

    :raises PasswordError: ``invalid_input``: a password is given, and nothing says at which of the play's hosts it is in force.
    """
    task_vars = task.task_vars
    several = len(task_vars.get("ansible_play_hosts_all") or task_vars.get("ansible_play_hosts") or ()) > 1
    ours = {task.record_name(), task_vars["inventory_hostname"]}
    users = []
    for user in task.args["users"]:
        if isinstance(user, dict):
            named = user.get("target")
            if several and user.get("password") and named is None:
                raise PasswordError(
                    errors.INVALID_INPUT,
                    "users gives a password for %s, and the play has several hosts: it would be tried at all of them. Limit the play to its host "
                    "(--limit), or name the host in the element: target." % user.get("name"),
                )
            if named is not None and str(named) not in ours:
                continue
            user = {key: value for key, value in user.items() if key != "target"}
        users.append(user)
    return users


def _repair(
    task: Task, store: Store, sender: Sender, users_by_name: Dict[str, Dict[str, Any]]
) -> Dict[str, Dict[str, Any]]:
    """Repair the records.

    :return: dict from name to the outcome.
    """
    if task.args["forget_failed_logins"]:
        note_failed_logins(store, dict.fromkeys(users_by_name, 0), sender.capabilities, now=utc_now())
        sender.forget_operator(store, users_by_name)
    entries = store.get(users_by_name)
    identities = sender.identities(users_by_name)
    refused = _foreign(task, store, entries, identities)
    outcomes = {name: _lost(name, error=error.as_dict()) for name, error in refused.items()}
    here = {name: user for name, user in users_by_name.items() if name not in refused}
    tried, refuted = _find_out(store, sender, here, entries=entries, identities=identities, spare=task.args["reset"])
    outcomes.update(tried)
    if task.args["reset"]:
        # Where the record is about another endpoint, only a login shows that this one has replaced it.
        lost = {
            name: identities[name]
            for name, user in tried.items()
            if user["error"] and not _is_moved(entries[name].record, identities[name])
        }
        for name in [name for name in lost if task.options.own_of(name).hold]:
            del lost[name]
            outcomes[name]["error"]["message"] += " It was not reset, since it is on hold."
        if lost:
            outcomes.update(_reset(task, store, sender, lost, refuted))
    return outcomes


def _foreign(
    task: Task, store: Store, entries: Dict[str, Entry], identities: Dict[str, Identity]
) -> Dict[str, PasswordError]:
    """Users whose records must not be used here, and why: no password is tried at another vendor, or for an account that is rotated under another name."""
    refused: Dict[str, PasswordError] = {}
    for name, identity in identities.items():
        record = entries[name].record or Record(username=name)
        if not record.belongs_to(Identity(identity.vendor, None, None)):
            refused[name] = mismatch.foreign(record, identity, store.host)
    free = {name: identity for name, identity in identities.items() if name not in refused and identity.target}
    for name, other in owners.claimed_by_others(store, free).items():
        if _has_record(task, other, name, free[name]):
            refused[name] = mismatch.claimed(name, free[name], store.host, other)
    return refused


def _has_record(task: Task, other: str, name: str, identity: Identity) -> bool:
    """Whether the records of another name still hold the password of that account: a claim may outlive its record."""
    record = task.open_store(other).get([name])[name].record
    return record is not None and record.status != Status.RETIRED and record.belongs_to(identity)


def _find_out(
    store: Store,
    sender: Sender,
    users_by_name: Dict[str, Dict[str, Any]],
    *,
    entries: Dict[str, Entry],
    identities: Dict[str, Identity],
    spare: bool,
) -> Tuple[Dict[str, Dict[str, Any]], Dict[str, Set[str]]]:
    """Try the passwords that may be in force.

    :param spare: whether the operator sets new passwords afterwards: then one login is left for the proof of that.
    :return: (dict from name to the outcome, dict from name to passwords that a login has shown not to be in force).
    """
    records = {name: entries[name].record or Record(username=name) for name in users_by_name}
    tries = {
        name: proof.candidates(records[name], user.get("password"), user.get("current_password"))
        for name, user in users_by_name.items()
    }
    for name, candidates in tries.items():
        if _is_moved(records[name], identities[name]):
            # Unrelated servers may have begun with the same password, which then does not prove a move.
            tries[name] = [
                candidate for candidate in candidates if candidate[0] in (Source.GIVEN, Source.PENDING, Source.CURRENT)
            ]
    answers = proof.log_in(store, sender, records, tries=tries, spare=spare)
    outcomes = {name: _outcome(store, records[name], answer, identities[name]) for name, answer in answers.items()}
    return outcomes, {name: answer.refuted for name, answer in answers.items()}


def _outcome(store: Store, record: Record, answer: proof.Answer, identity: Identity) -> Dict[str, Any]:
    name = record.username
    if answer.skipped:
        return dict(name=name, action=None, password=None, verified=None, error=None)
    if answer.password:
        return _write(store, record, answer, identity)
    if answer.error:
        return _lost(name, error=answer.error)
    if answer.last:
        return _lost(name, "None of the passwords that could be tried logs in; the last was the %s one." % answer.last)
    return _lost(name, "The store knows no password that could be tried, and none was given.")


def _write(store: Store, read: Record, answer: proof.Answer, identity: Identity) -> Dict[str, Any]:
    """Correct a record to match the password that has logged in.

    :param read: the record from which the password was taken.
    """
    name, password = read.username, answer.password
    if password is None:
        raise AssertionError("no password has logged in")
    outcome: Dict[str, Any] = dict(
        name=name, action="unchanged", password=str(answer.source), verified=True, error=None
    )
    moved = _is_moved(read, identity)
    if identity.target and (moved or read.target is None or read.status == Status.RETIRED):
        # Have the account at its new place, and give back the one that the record was about.
        owners.take_over(store, [identity])
        if moved:
            owners.release(store, [read.identity])

    def decide(_name: str, stored: Optional[Record]) -> Optional[Record]:
        record = stored or Record(username=name)
        before = record.as_dict()
        if record.secrets != read.secrets:
            # A password staged since may also have been sent: the login then proves nothing any more, and a write would lose that password.
            outcome.update(_lost(name, error=_changed_since(name).as_dict()))
            return None
        record.bind(identity, store.host)
        if answer.source == Source.PENDING:
            record.promote(utc_now(), verified=True)
        record.repair(password)
        unchanged = read if moved else _as_bound(read, identity, store.host)
        outcome["action"] = "unchanged" if record == unchanged else "repaired"
        return record if record.as_dict() != before else None

    update(store, [name], decide)
    return outcome


def _changed_since(name: str) -> PasswordError:
    return PasswordError(
        errors.STORE_CONFLICT, "Another run has changed the record of %s in the meantime. Run the repair again." % name
    )


def _reset(
    task: Task, store: Store, sender: Sender, identities: Dict[str, Identity], refuted: Dict[str, Set[str]]
) -> Dict[str, Dict[str, Any]]:
    """Let the operator set new passwords.

    :param identities: of the users that need one.
    :param refuted: by name, passwords that are known not to be in force.
    """
    committed = reset.reset(store, sender, task.options, identities, refuted, reason=Reason.REPAIR)
    if committed is None:
        return {name: dict(name=name, action="reset", password=None, verified=None, error=None) for name in identities}
    return {
        user.name: dict(
            name=user.name,
            action="reset" if user.action == Action.PROMOTED else user.as_dict()["action"],
            password=None,
            verified=user.verified,
            error=user.error,
        )
        for user in committed
    }


def _is_moved(record: Optional[Record], identity: Identity) -> bool:
    """Whether a record is about another endpoint or account than the one at hand."""
    return record is not None and not record.belongs_to(identity)


def _as_bound(read: Record, identity: Identity, host: str) -> Record:
    """The record that was read, bound to its account: binding alone does not count as a repair."""
    copied = Record.from_dict(read.as_dict())
    copied.bind(identity, host)
    return copied


def _lost(name: str, message: str = "", error: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    return dict(
        name=name,
        action=None,
        password=None,
        verified=None,
        error=error or PasswordError(errors.CURRENT_PASSWORD_WRONG, message).as_dict(),
    )


def _kept(user: Dict[str, Any], set_aside: Set[str], *, keeps_versions: bool, dry: bool) -> str:
    """Where to find what a record has replaced, if it was damaged."""
    if user["name"] not in set_aside or user["error"] or user["action"] is None:
        return ""
    where = "in the record (set_aside)%s" % (
        " and, for a while, as an older version of the secret" if keeps_versions else ""
    )
    return "; the damaged content %s kept %s" % ("would be" if dry else "is", where)


def _line(user: Dict[str, Any], check_mode: bool) -> str:
    if user["error"]:
        return report.not_done(user, "repaired")
    if user["action"] == "reset":
        proof = ", verified by a login" if user["verified"] else ", NOT verified by a login"
        return "%s: %s" % (user["name"], "would get a new password" if check_mode else "has a new password" + proof)
    if user["action"] is None:
        return (
            "%s: no password was tried: check mode makes no login where a failed one counts towards a lock-out"
            % user["name"]
        )
    proved = "the %s password logs in" % user["password"]
    brought = "; the record %s in line" % ("would be brought" if check_mode else "was brought")
    return "%s: %s%s" % (user["name"], proved, brought if user["action"] == "repaired" else ", as the record says")
