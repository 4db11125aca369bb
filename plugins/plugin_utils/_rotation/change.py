# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second step: the vendor's module sets the pending passwords of all users that are due."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.rekey.passwords.plugins.module_utils import errors

from .._times import utc_now
from ..store import Store, records_of
from . import owners, proof
from .lease import host_lease
from .login_notes import note_failed_logins, note_found
from .options import Options, read_staged, read_users
from .policy import Policy
from .read_only import is_dry_run
from .results import ModuleResult, not_sent
from .sender import Sender
from .task import Task
from .users import Source, StagedUser


def change_users(task: Task) -> Dict[str, Any]:
    """The action rotation_change."""
    staged = read_staged(task.args["staged"])
    sender = task.sender(read_users(task.args["users"]))
    if not any(user.due for user in staged):
        return ModuleResult().as_dict()
    store = task.open_store()
    with host_lease(store):
        return change(sender, store, staged, task.options).as_dict()


def change(sender: Sender, store: Store, staged: List[StagedUser], options: Options) -> ModuleResult:
    """Have the vendor's module set the passwords of users that are due, or find out what it would do. The caller holds the lease.

    :param staged: what :func:`~.stage.stage` returned.
    :raises PasswordError: concerns all users.
    """
    due = {user.name: user for user in staged if user.due}
    if not due:
        return ModuleResult()
    if is_dry_run(store):
        return sender.foresee(store, due, options.policy)
    identities = sender.identities(due)
    # Users that were staged without knowing the endpoint. The login that proves the new password shows that it is the right one.
    unsettled = {
        name: identities[name] for name, user in due.items() if user.identity.target is None and identities[name].target
    }
    refused = owners.claim(store, unsettled) if unsettled else {}
    result = sender.send(store, {name: user for name, user in due.items() if name not in refused}, options.policy)
    _resend_found(sender, store, due, result, options.policy)
    if refused:
        result.users += [not_sent(name, error) for name, error in refused.items()]
        result.failed, result.msg = True, result.msg or next(iter(refused.values())).message
    return result


def _resend_found(
    sender: Sender, store: Store, due: Dict[str, StagedUser], result: ModuleResult, policy: Policy
) -> None:
    """Where no known password logs in, try those that were sent and replaced: a request that got no answer may have arrived late."""
    lost = result.of_kind(errors.CURRENT_PASSWORD_WRONG)
    records = records_of(store.get(lost)) if lost else {}
    tries = {
        name: [(Source.EARLIER, item.password) for item in record.earlier]
        for name, record in records.items()
        if record.earlier
    }
    if not tries:
        return
    failed = {
        name: number for name, number in ((name, lost[name].failed_logins) for name in tries) if number is not None
    }
    note_failed_logins(store, failed, sender.capabilities, now=utc_now())
    records = records_of(store.get(tries))
    answers = proof.log_in(store, sender, records, tries=tries, spare=True)
    in_force = {name: answer.password for name, answer in answers.items() if answer.password}
    if not in_force:
        return
    note_found(store, in_force)
    result.replace_users(sender.send(store, {name: due[name] for name in in_force}, policy))
