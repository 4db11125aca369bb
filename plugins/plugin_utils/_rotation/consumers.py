# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose consumers (applications, files, other systems) still have to be given the current password, and whose have been."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import utc_now
from ..record import Record, digest_of
from ..store import Entry, Store, records_of
from . import report, turns
from .lease import host_lease
from .mismatch import mismatch
from .options import read_users
from .pairs import accounts_of
from .read_only import is_dry_run
from .task import Task
from .updates import update


def undelivered(entries: Mapping[str, Entry], promoted: Iterable[str], failed: Iterable[str] = ()) -> List[str]:
    """The users whose consumers do not have the current password, after a rotation.

    :param entries: the records as they were before it.
    :param promoted: the users that have got a new password.
    :param failed: the users whose current password may not be in force.
    """
    new, without = set(promoted), set(failed)
    return [
        name
        for name, entry in entries.items()
        if name in new or (name not in without and entry.record is not None and entry.record.awaits_delivery)
    ]


def find_undelivered(task: Task) -> Dict[str, Any]:
    """The action rotation_undelivered."""
    chosen = task.limited(read_users(task.args["users"]))
    pairs = turns.chosen(task.pairs, chosen)
    accounts = accounts_of(pairs)
    store = task.open_store()
    names = [user["name"] for user in chosen if user["name"] not in accounts] + [pair.name for pair in pairs]
    records = records_of(store.get(names))
    waiting = {
        name: record.password
        for name, record in records.items()
        if record.awaits_delivery and not mismatch(record, task.identity(), store.host)
    }
    versions = {name: digest_of(password) for name, password in waiting.items() if password}
    return dict(changed=False, users=list(versions), versions=versions)


def note_delivered(task: Task) -> Dict[str, Any]:
    """The action rotation_delivered."""
    versions = _read_versions(task.args["versions"])
    reported = _read_results(task.args["results"])
    strangers = [name for name, result in reported.items() if name not in versions and not result["delivered"]]
    users = [_outcome(name, reported.get(name), task.args["failed_task"], strangers) for name in versions]
    store = task.open_store()
    done = [user["name"] for user in users if user["delivered"]]
    if done and not is_dry_run(store):
        with host_lease(store):
            _note(store, {name: versions[name] for name in done})
    dry = is_dry_run(store)
    return dict(
        changed=bool(done),
        users=users,
        summary=[_line(user, dry) for user in users],
        **report.failure([user["name"] for user in users if user["error"]], len(users), "were not delivered"),
    )


def _note(store: Store, versions: Mapping[str, str]) -> None:
    """Note which password was delivered. If it is not the current one any more, the next run delivers again."""
    now = utc_now()

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        if record is None:
            return None
        record.deliver(versions[name], now)
        return record

    update(store, versions, decide)


def _outcome(
    name: str, reported: Optional[Mapping[str, Any]], failed_task: Optional[str], strangers: List[str]
) -> Dict[str, Any]:
    """Whether a user was delivered.

    :param reported: what the tasks say of it.
    :param failed_task: the name of the task that failed, if any.
    :param strangers: users that the tasks say were not delivered, and that did not wait for that: perhaps one of them is this one, misspelt.
    """
    if reported is not None and not reported["delivered"]:
        message = reported.get("error") or "The delivery tasks reported that the password was not delivered."
    elif reported is not None:
        message = ""
    elif failed_task:
        message = 'The task "%s" failed.' % failed_task
    elif strangers:
        message = "The delivery tasks did not report on it, but on users that were not waiting: %s." % ", ".join(
            strangers
        )
    else:
        message = ""
    if not message:
        return dict(name=name, delivered=True, error=None)
    message += " The password is in force and in the store; the next run delivers it again."
    return dict(name=name, delivered=False, error=PasswordError(errors.NOT_DELIVERED, message).as_dict())


def _line(user: Mapping[str, Any], dry: bool) -> str:
    if user["error"]:
        return report.not_done(user, "delivered")
    return "%s: %s" % (user["name"], "would be delivered" if dry else "delivered")


def _read_versions(versions: Mapping[Any, Any]) -> Dict[str, str]:
    if not all(isinstance(item, str) and item for pair in versions.items() for item in pair):
        raise PasswordError(
            errors.INVALID_INPUT, "versions must be what rotation_undelivered has returned in versions."
        )
    return {str(name): str(version) for name, version in versions.items()}


def _read_results(results: Iterable[Mapping[str, Any]]) -> Dict[str, Mapping[str, Any]]:
    """What the tasks of the user's own say, by name.

    :raises PasswordError: ``invalid_input``; the message says which element is wrong, never what it holds.
    """
    reported: Dict[str, Mapping[str, Any]] = {}
    for number, result in enumerate(results, 1):
        where = "Element %d of results (in the role: rotate_deliver_result.users)" % number
        name = result.get("name")
        if not isinstance(name, str) or not isinstance(result.get("delivered"), bool):
            raise PasswordError(errors.INVALID_INPUT, "%s needs name and delivered (true or false)." % where)
        if not isinstance(result.get("error", ""), (str, type(None))):
            raise PasswordError(errors.INVALID_INPUT, "%s: error is not a text." % where)
        reported[name] = result
    return reported
