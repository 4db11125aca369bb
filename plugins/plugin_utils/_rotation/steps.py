# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a rotation as tasks take them, one each or all in one: from validated options to a result that holds no secret."""

from __future__ import annotations

import copy
import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from typing import ContextManager, Dict, Iterable, List, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._rotation_action import read_results
from .._times import format_utc, parse_age, utc_now
from .._vendor_runner import vendor_module
from ..record import Identity, Record
from ..store import Entry, Store
from . import owners, proof, protocol, report
from .delivery import Delivery
from .lease import held
from .policy import OPTIONS as POLICY
from .policy import Policy, policy_for

# The options that several of the actions have.
USERS = dict(vendor=dict(type="str", required=True), users=dict(type="list", elements="raw", required=True))
CONNECTION = dict(connection=dict(type="dict", default={}))
WHO_IS_DUE = dict(max_age=dict(type="str", default="30d"), force=dict(type="bool", default=False))
NEW_PASSWORDS = dict(policy=dict(type="dict", options=POLICY))
PROOF = dict(accept_unverified=dict(type="bool", default=False))
ENDURANCE = dict(max_attempts=dict(type="int", default=3))

_ROLLBACK = "rollback"


@dataclass(frozen=True)
class Look:
    """What a run found before it asked for the lease."""

    staged: List[dict]
    entries: Dict[str, Entry]
    wanted: Dict[str, Identity]  # whose passwords are to be rotated
    endpoint: Identity  # of all of them, as far as it is known

    @property
    def due(self) -> List[str]:
        """The names of the users that are to be rotated."""
        return [user["name"] for user in self.staged if user["due"]]


def look(store: Store, users: List[dict], args: dict, delivery: Optional[Delivery]) -> Look:
    """Decide who is due, and write nothing.

    :param store: a :class:`~.store.Store`.
    :param users: what :func:`~._rotation_action.read_users` returns.
    :param args: dict with the options :data:`USERS`, :data:`WHO_IS_DUE` and :data:`NEW_PASSWORDS`.
    :param way: what :func:`sender` returned, or ``None`` where it is not known which endpoint the users are at.
    :raises PasswordError: ``invalid_input``, ``store_failed``.
    """
    max_age, _policy = _read(args)
    names = [user["name"] for user in users]
    endpoint = Identity(vendor_module(args["vendor"]).VENDOR.name, delivery.target if delivery else None)
    wanted = owners.identities(delivery, names) if delivery else dict.fromkeys(names, endpoint)
    staged, entries = protocol.look(store, users, max_age, args["force"], utc_now(), wanted)
    return Look(staged, entries, wanted, endpoint)


def stage(
    store: Store, users: List[dict], args: dict, seen: Look, delivery: Optional[Delivery], check_mode: bool = False
) -> List[dict]:
    """Store a new password for each of those who are due as pending. Whoever calls holds the lease.

    :param seen: what :func:`look` returned before the lease was taken.
    :return: what :func:`~.protocol.stage` returns.
    :raises PasswordError: ``invalid_input``, ``store_failed``, ``store_conflict``.
    """
    max_age, wanted = _read(args)
    refused = {}
    if delivery and not check_mode:
        refused = owners.settle(store, delivery, {name: seen.wanted[name] for name in seen.due}, seen.entries)
    entries = {name: Entry(copy.deepcopy(entry.record), entry.version) for name, entry in seen.entries.items()}
    return protocol.stage(
        store,
        users,
        wanted,
        max_age,
        args["force"],
        uuid.uuid4().hex,
        utc_now(),
        check_mode,
        identities=seen.wanted,
        entries=entries,
        refused=refused,
    )


def _read(args):
    wanted = policy_for(vendor_module(args["vendor"]).VENDOR.capabilities, args["policy"])
    return parse_age(args["max_age"], "max_age"), wanted


def delivery(action, users, args, task_vars, scrub):
    """The way to the users that an action was given.

    :param users: what :func:`~._rotation_action.read_users` returns.
    :param args: dict with the options :data:`USERS` and :data:`CONNECTION`.
    :raises PasswordError: ``invalid_input``.
    """
    given = {user["name"]: user for user in users}
    return Delivery(action, task_vars, args["vendor"], args["connection"], given, scrub)


def change(delivery: Delivery, store: Store, staged: List[dict], args: dict, check_mode: bool) -> dict:
    """Hand those who are due to the vendor's module, or foretell what it would do. Whoever calls holds the lease.

    :param way: what :func:`sender` returned.
    :param staged: what :func:`stage` returned.
    :param args: dict with the option :data:`NEW_PASSWORDS`.
    :return: the module's result.
    :raises PasswordError: concerns all users.
    """
    due = {user["name"]: user for user in staged if user["due"]}
    if not due:
        return dict(changed=False, users=[])
    policy = policy_for(delivery.capabilities, args["policy"])
    if check_mode:
        return delivery.foresee(store, due, policy)
    wanted = owners.identities(delivery, due)
    due = {name: dict(user, identity=wanted[name]) for name, user in due.items()}
    # Who was staged without knowing the endpoint. The login that proves the new password shows that it is the right one.
    unsettled = {name: wanted[name] for name, user in due.items() if user.get("target") is None and wanted[name].target}
    refused = owners.claim(store, unsettled, store.get(unsettled)) if unsettled else {}
    results = delivery.send(store, {name: user for name, user in due.items() if name not in refused}, policy)
    refused.update((name, user["refused"]) for name, user in due.items() if user.get("refused"))
    _resend_found(delivery, store, due, results, policy)
    return _with_refused(results, refused)


def _resend_found(delivery: Delivery, store: Store, due: Dict[str, dict], results: dict, policy: Policy) -> None:
    """Look for those whose password nobody knows among what was sent and given up: a request that got no answer may have arrived late."""
    lost = [
        user["name"]
        for user in results["users"]
        if (user.get("error") or {}).get("kind") == errors.CURRENT_PASSWORD_WRONG
    ]
    records = {name: entry.record for name, entry in store.get(lost).items() if entry.record} if lost else {}
    tries = {
        name: [(proof.EARLIER, item.password) for item in record.earlier]
        for name, record in records.items()
        if record.earlier
    }
    if not tries:
        return
    protocol.note_failed_logins(store, _counts(results, tries), delivery.capabilities, utc_now())
    records = {name: entry.record for name, entry in store.get(tries).items() if entry.record}
    found = {
        name: answer.password
        for name, answer in proof.log_in(store, delivery, records, tries, False, spare=True).items()
        if answer.password
    }
    if not found:
        return
    protocol.note_found(store, found)
    again = delivery.send(store, {name: due[name] for name in found}, policy)
    told = {user["name"]: user for user in again["users"]}
    results["users"] = [told.get(user["name"], user) for user in results["users"]]
    failed = [user for user in results["users"] if user.get("error")]
    results.update(changed=bool(results.get("changed") or again.get("changed")), failed=bool(failed))
    if not failed:
        results.pop("msg", None)


def _counts(results: dict, names: Iterable[str]) -> Dict[str, int]:
    """What the module says of the failed logins of users."""
    told = {user["name"]: user.get("failed_logins") for user in results["users"]}
    return {name: told[name] for name in names if isinstance(told.get(name), int)}


def _with_refused(results: dict, refused: Dict[str, PasswordError]) -> dict:
    """The results, with those for whom nothing was sent."""
    if not refused:
        return results
    users = [user for user in results["users"] if user["name"] not in refused]
    users += [
        dict(name=name, id=None, state="failed", verified=None, error=error.as_dict())
        for name, error in refused.items()
    ]
    first = next(iter(refused.values()))
    return dict(results, users=users, failed=True, msg=results.get("msg") or first.message)


def commit(
    store: Store,
    staged: List[dict],
    results: List[dict],
    args: dict,
    check_mode: bool,
    sent: Optional[Dict[str, Record]] = None,
) -> dict:
    """Bring the store in line with what became of the change.

    :param results: the users of the vendor module's result, as :func:`~._rotation_action.read_results` returns them.
    :param args: dict with the options :data:`PROOF` and :data:`ENDURANCE`.
    :param sent: see :func:`~.protocol.commit`.
    :return: the result, with changed, users, summary, and where any failed, failed and msg.
    :raises PasswordError: ``invalid_input``, ``store_failed``, ``store_conflict``.
    """
    require(args)
    users = protocol.commit(
        store, staged, results, format_utc(utc_now()), args["accept_unverified"], check_mode, args["max_attempts"], sent
    )
    result = report.committed(users, len(staged))
    result["summary"][:0] = [report.line(user) for user in staged if not user["due"] and not protocol.is_told(user)]
    return result


def require(args):
    """Validate what needs neither the vendor nor the store.

    :param args: dict with some of the options above.
    :raises PasswordError: ``invalid_input``.
    """
    if "max_age" in args:
        _read(args)
    if args.get("max_attempts", 1) < 1:
        raise PasswordError(errors.INVALID_INPUT, "max_attempts (in the role: rotate_max_attempts) must be at least 1.")


def roll_back(delivery, store, committed, args, check_mode):
    """Set the previous passwords of those again whose new ones were promoted. Whoever calls holds the lease.

    :param committed: the users that :func:`commit` returned.
    :param args: dict with the option :data:`PROOF`.
    :return: the result, with changed, users, summary, warnings, and where any failed, failed and msg.
    :raises PasswordError: ``store_failed``, ``store_conflict``.
    """
    promoted = [user["name"] for user in committed if user.get("action") == protocol.PROMOTED]
    if not promoted:
        return dict(changed=False, users=[], summary=[])
    wanted = dict.fromkeys(promoted, lambda record: record.previous if record.pending is None else None)
    staged = protocol.stage_these(
        store, wanted, _ROLLBACK, uuid.uuid4().hex, utc_now(), check_mode, owners.identities(delivery, promoted)
    )
    due = {user["name"]: user for user in staged if user["due"]}
    why = {
        user["name"]: (user.get("error") or {}).get("message", "there is no previous one to go back to")
        for user in staged
    }
    kept = ["%s: keeps its new password, %s" % (name, why[name]) for name in promoted if name not in due]
    if check_mode or not due:
        return dict(
            changed=bool(due),
            users=[],
            summary=["%s: would get its previous password again" % name for name in due] + kept,
        )
    results = delivery.send(store, due, None)
    users = protocol.commit(
        store, staged, read_results(results["users"]), format_utc(utc_now()), args["accept_unverified"]
    )
    result = report.committed(users, len(due), "rolled back", "previous")
    return dict(result, summary=result["summary"] + kept, warnings=results.get("warnings") or [])


def locked(store: Store, check_mode: bool) -> ContextManager:
    """Keep other runs from changing passwords of the same records, where anything is going to be changed."""
    return held(store) if not check_mode else nullcontext()
