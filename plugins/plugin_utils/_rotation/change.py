# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second step: the vendor's module is given the pending passwords of all who are due."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import utc_now
from ..store import Store
from . import owners, proof
from .delivery import Delivery
from .lease import host_lease
from .login_notes import note_failed_logins, note_found
from .options import Options, read_staged, read_users
from .policy import Policy
from .read_only import is_dry_run
from .task import Task
from .users import Source, StagedUser


def change_users(task: Task) -> Dict[str, Any]:
    """The action rotation_change."""
    staged = read_staged(task.args["staged"])
    delivery = task.delivery(read_users(task.args["users"]))
    if not any(user.due for user in staged):
        return dict(changed=False, users=[])
    store = task.open_store()
    with host_lease(store):
        return change(delivery, store, staged, task.options)


def change(delivery: Delivery, store: Store, staged: List[StagedUser], options: Options) -> Dict[str, Any]:
    """Hand those who are due to the vendor's module, or find out what it would do. Whoever calls holds the lease.

    :param staged: what :func:`~.stage.stage` returned.
    :return: the module's result.
    :raises PasswordError: concerns all users.
    """
    due = {user.name: user for user in staged if user.due}
    if not due:
        return dict(changed=False, users=[])
    if is_dry_run(store):
        return delivery.foresee(store, due, options.policy)
    identities = delivery.identities(due)
    # Who was staged without knowing the endpoint. The login that proves the new password shows that it is the right one.
    unsettled = {
        name: identities[name] for name, user in due.items() if user.identity.target is None and identities[name].target
    }
    refused = owners.claim(store, unsettled) if unsettled else {}
    results = delivery.send(store, {name: user for name, user in due.items() if name not in refused}, options.policy)
    _resend_found(delivery, store, due, results, options.policy)
    return _with_refused(results, refused)


def _resend_found(
    delivery: Delivery, store: Store, due: Dict[str, StagedUser], results: Dict[str, Any], policy: Policy
) -> None:
    """Look for those whose password nobody knows among what was sent and given up: a request that got no answer may have arrived late."""
    lost = [
        user["name"]
        for user in results["users"]
        if (user.get("error") or {}).get("kind") == errors.CURRENT_PASSWORD_WRONG
    ]
    records = {name: entry.record for name, entry in store.get(lost).items() if entry.record} if lost else {}
    tries = {
        name: [(Source.EARLIER, item.password) for item in record.earlier]
        for name, record in records.items()
        if record.earlier
    }
    if not tries:
        return
    note_failed_logins(store, _failed_logins(results, tries), delivery.capabilities, now=utc_now())
    records = {name: entry.record for name, entry in store.get(tries).items() if entry.record}
    found = {
        name: answer.password
        for name, answer in proof.log_in(store, delivery, records, tries, spare=True).items()
        if answer.password
    }
    if not found:
        return
    note_found(store, found)
    again = delivery.send(store, {name: due[name] for name in found}, policy)
    resent = {user["name"]: user for user in again["users"]}
    results["users"] = [resent.get(user["name"], user) for user in results["users"]]
    failed = [user for user in results["users"] if user.get("error")]
    results.update(changed=bool(results.get("changed") or again.get("changed")), failed=bool(failed))
    if not failed:
        results.pop("msg", None)


def _failed_logins(results: Dict[str, Any], names: Iterable[str]) -> Dict[str, int]:
    """The failed logins of users, as far as the module gives them."""
    numbers = {user["name"]: user.get("failed_logins") for user in results["users"]}
    return {name: numbers[name] for name in names if isinstance(numbers.get(name), int)}


def _with_refused(results: Dict[str, Any], refused: Dict[str, PasswordError]) -> Dict[str, Any]:
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
