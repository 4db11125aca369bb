# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies the records of all users from one store to another, and overwrites none."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ..record import Identity, Record, Status
from ..store import BEGIN_OPTIONS, Store, records_of
from ..store import OPTIONS as STORE_OPTIONS
from . import owners, report
from .lease import host_lease, is_ours
from .task import Task
from .updates import update

COPIED, UNCHANGED = "copied", "unchanged"
OTHER_STORE = dict(
    {"to_" + name: spec for name, spec in {**STORE_OPTIONS, **BEGIN_OPTIONS}.items()},
    to_store=dict(type="str", required=True),
)


def move_records(task: Task) -> Dict[str, Any]:
    """The action rotation_move."""
    source, other = task.open_store(), _open_other(task)
    users: Dict[str, Dict[str, Any]] = {}
    # A password that is just being sent is copied once its run knows the outcome, or at least as pending.
    with host_lease(source), _lease_of_other(source, other):
        records = records_of(source.get(source.list()))
        task.scrub.add(*(secret for record in records.values() for secret in record.secrets))
        claimed = {} if task.check_mode else _claim(other, records)

        def decide(name: str, there: Optional[Record]) -> Optional[Record]:
            users[name] = _compared(records[name], there, claimed.get(name))
            return records[name] if users[name]["action"] == COPIED else None

        with _named_by_their_own():
            update(other, records, decide, read_back=True)
    return _result([users[name] for name in records], task.check_mode)


def _open_other(task: Task) -> Store:
    """The other store; errors name its options as they are called here."""
    options = dict({name: task.args["to_" + name] for name in (*STORE_OPTIONS, *BEGIN_OPTIONS)})
    with _named_by_their_own():
        return task.open_store(store_args=options)


def _claim(other: Store, records: Dict[str, Record]) -> Dict[str, PasswordError]:
    """Claim the accounts in the other store, too.

    :return: dict from name to the error, where the records of another name hold the account's password there.
    """
    places: Dict[Tuple[Any, ...], Dict[str, Identity]] = {}
    for name, record in records.items():
        if record.target and record.status != Status.RETIRED:
            places.setdefault((record.vendor, record.target), {})[name] = record.identity
    refused: Dict[str, PasswordError] = {}
    for identities in places.values():
        refused.update(owners.claim(other, identities))
    return refused


@contextmanager
def _lease_of_other(source: Store, other: Store) -> Iterator[None]:
    """The lease on the records in the other store."""
    with ExitStack() as held:
        with _named_by_their_own():
            if not is_ours(source, other):
                held.enter_context(host_lease(other))
        yield


@contextmanager
def _named_by_their_own() -> Iterator[None]:
    """Messages about the other store name its options as they are called here."""
    try:
        yield
    except PasswordError as error:
        error.message = re.sub(
            r"\bstore_(path|options|create)\b|(?<=rotate_)store_(path|options|create)\b",
            r"to_store_\1\2",
            error.message,
        )
        raise


def _compared(record: Record, there: Optional[Record], claimed: Optional[PasswordError] = None) -> Dict[str, Any]:
    """What to do with a record, given the other store's record of the user."""
    compared = dict(
        name=record.name, status=str(record.status), pending=record.pending is not None, action=COPIED, error=None
    )
    if there == record:
        return dict(compared, action=UNCHANGED)
    if claimed:
        return dict(compared, action=None, error=claimed.as_dict())
    if there is not None:
        message = (
            "The other store has another record of %s; both are left as they are. Remove the one that is wrong."
            % record.name
        )
        return dict(compared, action=None, error=PasswordError(errors.STORE_CONFLICT, message).as_dict())
    return compared


def _result(users: List[Dict[str, Any]], check_mode: bool) -> Dict[str, Any]:
    failed = [user["name"] for user in users if user["error"]]
    return dict(
        changed=any(user["action"] == COPIED for user in users),
        users=users,
        summary=[_line(user, check_mode) for user in users] or ["The store has no records of this host."],
        **report.failure(failed, len(users), "were not copied", of="records"),
    )


def _line(user: Dict[str, Any], check_mode: bool) -> str:
    if user["error"]:
        return report.not_done(user, "copied")
    if user["action"] == UNCHANGED:
        return "%s: is there already" % user["name"]
    return "%s: %s%s" % (
        user["name"],
        "would be copied" if check_mode else "copied",
        ", with a new password that is pending" if user["pending"] else "",
    )
