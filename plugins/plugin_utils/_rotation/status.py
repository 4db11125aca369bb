# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports what the store knows of each user, and on request whether the current passwords log in."""

from __future__ import annotations

import datetime
from contextlib import nullcontext, suppress
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import format_utc, parse_utc, utc_now
from ..record import Identity, Record, Status
from ..store import Store, records_of
from . import previous, proof, report, turns, unlisted
from .due import is_due, why_due
from .lease import host_lease
from .login_notes import note_failed_logins
from .mismatch import mismatch
from .options import Options, read_users
from .pairs import Pair, accounts_of
from .sender import Sender
from .task import Task
from .users import Source

_ABSENT = "absent"  # the store has no record
_UNLISTED = "unlisted"  # the store has a record, and the task does not name the user
# What a task may fail on.
FAIL_ON = ("overdue", "pending", "orphaned", "error", "absent", "unlisted", "undelivered")


def report_users(task: Task) -> Dict[str, Any]:
    """The action rotation_info."""
    args, verify = task.args, task.args["verify"] or task.args["check_previous"]
    if verify and not args["vendor"]:
        option = "verify" if args["verify"] else "check_previous"
        raise PasswordError(errors.INVALID_INPUT, "%s needs vendor: a login is made by the vendor's module." % option)
    store = task.open_store()
    there = store.list()
    listed = read_users(there if args["users"] is None else args["users"])
    sender = task.sender(listed) if verify else None
    users_by_name = {user["name"]: user for user in task.limited(listed, by_account=True)}
    pairs = turns.chosen(task.pairs, users_by_name.values())
    records = records_of(store.get([*users_by_name, *(pair.name for pair in pairs)]))
    turns.drop_unused(users_by_name, pairs, records)
    if args["users"] is None:
        users_by_name = {
            name: user
            for name, user in users_by_name.items()
            if name not in records or records[name].status != Status.RETIRED
        }
    users = [_status(name, records.get(name), task.options, utc_now()) for name in users_by_name]
    of_pairs = [
        _status(pair.name, records.get(pair.name), turns.options_of(pair, task.options), utc_now()) for pair in pairs
    ]
    _know_pairs(users, of_pairs, pairs)
    if args["deliver"]:
        _know_deliveries(users + of_pairs, pairs, records)
    skipped: List[str] = []
    if sender:
        sender.know_operator()
        skipped = _verify(store, sender, users, records, with_previous=args["check_previous"])
    # Without a vendor the records of the other vendors of a host cannot be distinguished.
    endpoint = Identity(
        task.options.vendor.name if args["vendor"] else None,
        sender.target if sender else None,
    )
    users = of_pairs + users
    names = [user["name"] for user in listed] + [pair.name for pair in task.pairs]
    others = unlisted.unlisted(store, there, names, endpoint)
    summary = [_line(user) for user in users] + [unlisted.line(name, record) for name, record in others.items()]
    result: Dict[str, Any] = dict(changed=False, users=users, unlisted=list(others), summary=summary)
    open_ends = [user["name"] for user in users if verify and user["verified"] is None and not user["active"]]
    if open_ends:
        result["summary"].append(report.named(open_ends, len(users), "could not be verified"))
    return dict(result, **_verdict(users, list(others), skipped, dict(args, verify=verify)))


def _know_pairs(users: List[Dict[str, Any]], of_pairs: List[Dict[str, Any]], pairs: List[Pair]) -> None:
    """Complete the pairs, and their accounts, whose age by itself means nothing."""
    accounts = accounts_of(pairs)
    for user in users:
        if user["name"] in accounts:
            user.update(due=False, due_at=None)
    for user, pair in zip(of_pairs, pairs):
        user["active"] = user["active"] or pair.accounts[0]


def _know_deliveries(users: List[Dict[str, Any]], pairs: List[Pair], records: Dict[str, Record]) -> None:
    """Complete what is known of deliveries; those to the consumers of a pair are in the record of the pair."""
    accounts = accounts_of(pairs)
    for user in users:
        record = None if user["name"] in accounts else records.get(user["name"])
        user["undelivered"] = record is not None and record.awaits_delivery


def _verify(
    store: Store,
    sender: Sender,
    users: List[Dict[str, Any]],
    seen: Dict[str, Record],
    *,
    with_previous: bool,
) -> List[str]:
    """Log in with every current password; a login that may fail is counted before it is made, and no other run changes passwords meanwhile.

    :param seen: the records of these users, as they were a moment ago.
    :param with_previous: whether to find out if their previous passwords are refused.
    :return: the users for whom check mode allowed no login.
    """
    identities = sender.identities([user["name"] for user in users])
    known = [user["name"] for user in users if user["name"] in seen and seen[user["name"]].password]
    with host_lease(store) if known else nullcontext():
        # The passwords read before may have been rotated since.
        records = records_of(store.get(known))
        tries: Dict[str, proof.Candidates] = {}
        for user in users:
            record = records.get(user["name"])
            wrong = mismatch(record, identities[user["name"]], store.host) if record else None
            if wrong:
                user["error"] = wrong.as_dict()
            elif user["name"] in seen and seen[user["name"]].status == Status.RETIRED:
                continue
            elif record and record.password:
                tries[user["name"]] = [(Source.CURRENT, record.password)]
            else:
                user["error"] = _unproved(user["name"]).as_dict()
        answers = proof.log_in(store, sender, records, tries=tries) if tries else {}
        worked = {name: 0 for name, answer in answers.items() if answer.password}
        note_failed_logins(store, worked, sender.capabilities, now=utc_now())
        if with_previous and tries:
            checked = previous.check(store, sender, tries, proved=worked)
            answers.update(checked.lost)
            _add_previous(users, checked.outcomes)
    for user in users:
        answer = answers.get(user["name"])
        if answer:
            user.update(verified=True if answer.password else None if answer.error else False, error=answer.error)
    return [name for name, answer in answers.items() if answer.skipped]


def _add_previous(users: List[Dict[str, Any]], outcomes: Mapping[str, previous.Outcome]) -> None:
    for user in users:
        outcome = outcomes.get(user["name"])
        if outcome:
            user.update(previous_refused=outcome.refused, previous_error=outcome.error)


def _unproved(name: str) -> PasswordError:
    return PasswordError(
        errors.ORPHANED,
        "The store has no password of %s that a login has proved, so there is nothing to verify. Rotate it first."
        % name,
    )


def _verdict(
    users: List[Dict[str, Any]], others: List[str], skipped: List[str], args: Dict[str, Any]
) -> Dict[str, Any]:
    """Whether the task fails, and why."""
    complaints = []
    if args["verify"]:
        # Where no login can be made at all, as with a database that cannot be reached, nothing is known to be wrong.
        wrong = [
            user["name"]
            for user in users
            if user["verified"] is False or (user["error"] or {}).get("kind") not in (None, errors.NOT_VERIFIED)
        ]
        if wrong:
            complaints.append(report.named(wrong, len(users), "cannot log in with their current passwords"))
    accepted = [user["name"] for user in users if user["previous_refused"] is False]
    if accepted:
        complaints.append(report.named(accepted, len(users), "have a previous password that still logs in"))
    if skipped:
        untried = "were not verified, since check mode makes no login that may fail"
        complaints.append(report.named(skipped, len(users), untried))
    for reason in args["fail_on"]:
        names = others if reason == _UNLISTED else [user["name"] for user in users if _is(user, reason)]
        if names:
            complaints.append(report.named(names, len(users) + len(others), _COMPLAINTS[reason]))
    return dict(failed=True, msg=". ".join(complaints)) if complaints else {}


_COMPLAINTS = {
    "overdue": "are overdue",
    "pending": "have a pending password",
    "orphaned": "are orphaned",
    "error": "could not be rotated the last time",
    "absent": "have no record",
    "unlisted": "have a record and are not named",
    "undelivered": "have a current password that was not delivered",
}


def _is(user: Dict[str, Any], reason: str) -> bool:
    if reason == "overdue":
        return bool(user["due"]) and user["status"] != _ABSENT
    if reason == "pending":
        return bool(user["pending"])
    if reason == "undelivered":
        return bool(user["undelivered"])
    if reason == "error":
        return bool(user["last_error"] or user["error"])
    return bool(user["status"] == reason)


def _status(name: str, record: Optional[Record], options: Options, now: datetime.datetime) -> Dict[str, Any]:
    own = options.own_of(name)
    described: Dict[str, Any] = dict(
        name=name,
        status=_ABSENT,
        rotated_at=None,
        adopted_at=None,
        age=None,
        due_at=None,
        due=not own.hold,
        held=own.hold,
        hold_reason=own.hold_reason if own.hold else None,
        pending=False,
        pending_since=None,
        attempts=0,
        failed_logins=0,
        last_error=None,
        verified=None,
        error=None,
        vendor=None,
        target=None,
        reason=None,
        active=None,
        delivered_at=None,
        undelivered=None,
        previous_refused=None,
        previous_error=None,
    )
    if record is None:
        return described
    max_age = options.max_age_of(name)
    described.update(
        status=str(record.status),
        failed_logins=record.failed_logins,
        last_error=record.last_error,
        rotated_at=record.rotated_at,
        adopted_at=record.adopted_at,
    )
    described.update(vendor=record.vendor, target=record.target, active=record.username if record.pair else None)
    described.update(reason=(record.pending.reason if record.pending else None) or record.reason)
    if record.delivered and record.is_delivered:
        described.update(delivered_at=record.delivered.at)
    if record.rotated_at:
        rotated = parse_utc(record.rotated_at)
        described.update(age=int((now - rotated).total_seconds()), due_at=_later(rotated, max_age))
    if record.pending:
        described.update(pending=True, pending_since=record.pending.created, attempts=record.pending.attempts)
    described["due"] = not own.hold and is_due(why_due(record, max_age, force=False, now=now))
    return described


def _later(moment: datetime.datetime, seconds: int) -> Optional[str]:
    """A point in time so much later; ``None`` after the end of the calendar."""
    with suppress(OverflowError):
        return format_utc(moment + datetime.timedelta(seconds=seconds))
    return None


def _since(user: Dict[str, Any]) -> List[str]:
    """Since when the current password is what it is."""
    if user["adopted_at"]:
        return ["adopted as it was %s" % user["adopted_at"]]
    if not user["rotated_at"]:
        return []
    what = "turned" if user["active"] else "rotated"
    return ["%s %s (%s ago)" % (what, user["rotated_at"], _duration(user["age"]))]


def _line(user: Dict[str, Any]) -> str:
    parts = [user["status"] if not user["active"] else "%s is active" % user["active"], *_since(user)]
    parts.append(
        "ORPHANED: needs a repair"
        if user["status"] == Status.ORPHANED
        else report.held(user["hold_reason"])
        if user["held"]
        else "due"
        if user["due"]
        else "due %s" % (user["due_at"] or "never")
    )
    if user["pending"]:
        parts.append("a new password is pending since %s, %d attempts" % (user["pending_since"], user["attempts"]))
    if user["undelivered"]:
        parts.append("UNDELIVERED: its consumers have not been given the current password")
    if user["reason"]:
        parts.append("reason: %s" % user["reason"])
    if user["last_error"]:
        parts.append("last error: %s (%s)" % (user["last_error"].get("message"), user["last_error"].get("kind")))
    if user["verified"] is not None:
        parts.append("logs in" if user["verified"] else "DOES NOT LOG IN")
    if user["error"]:
        parts.append("could not be verified: %s" % user["error"]["message"])
    if user["previous_refused"]:
        parts.append("its previous password is refused")
    elif user["previous_error"]:
        what = "ITS PREVIOUS PASSWORD STILL LOGS IN" if user["previous_refused"] is False else "previous not checked"
        parts.append("%s: %s" % (what, user["previous_error"]["message"]))
    return "%s: %s" % (user["name"], "; ".join(parts))


def _duration(seconds: int) -> str:
    """Seconds in the largest unit that fits, as ages are written."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return "%d%s" % (seconds // size, unit)
    return "%ds" % seconds
