# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies records to a name of their own, and leaves records without passwords behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import utc_now
from ..record import Record, Status
from ..store import Store, records_of
from . import owners, report
from .lease import host_lease
from .task import Task
from .updates import update

_RETIRED, _UNCHANGED = "retired", "unchanged"


def retire_users(task: Task) -> Dict[str, Any]:
    """The action rotation_retire."""
    names = list(dict.fromkeys(task.args["users"]))
    store = task.open_store()
    copy = "%s.retired-%s" % (store.host, utc_now().strftime("%Y%m%dT%H%M%SZ"))
    with host_lease(store):
        records = records_of(store.get(names))
        task.scrub.add(*(secret for record in records.values() for secret in record.secrets))
        leaving = {name: record for name, record in records.items() if record.status != Status.RETIRED}
        if leaving and not task.check_mode:
            _copy(task.open_store(copy), leaving)
            users = _retire(store, names, leaving)
        else:
            users = [_user(name, _RETIRED if name in leaving else _UNCHANGED) for name in names]
    return _result(users, copy if leaving else None, task.check_mode)


def _copy(copies: Store, records: Dict[str, Record]) -> None:
    update(copies, records, lambda name, _record: replace(records[name], host=copies.host), read_back=True)


def _result(users: List[Dict[str, Any]], copy: Optional[str], check_mode: bool) -> Dict[str, Any]:
    failed = [user["name"] for user in users if user["error"]]
    return dict(
        changed=any(user["action"] == _RETIRED for user in users),
        users=users,
        retired_as=copy,
        summary=[_line(user, copy, check_mode) for user in users],
        **report.failure(failed, len(users), "were not retired"),
    )


def _retire(store: Store, names: List[str], copied: Dict[str, Record]) -> List[Dict[str, Any]]:
    """Replace the records that were copied by records without passwords, and release their accounts."""
    users = {name: _user(name, _UNCHANGED) for name in names}

    def decide(name: str, record: Optional[Record]) -> Optional[Record]:
        if record is not None and record.as_dict() == copied[name].as_dict():
            users[name] = _user(name, _RETIRED)
            return Record(
                name,
                status=Status.RETIRED,
                host=store.host,
                vendor=record.vendor,
                target=record.target,
                account=record.account,
            )
        if record is None or record.status != Status.RETIRED:
            error = PasswordError(
                errors.STORE_CONFLICT,
                "The record of %s was changed in the meantime, so it was not retired. Run again." % name,
            )
            users[name] = dict(_user(name, None), error=error.as_dict())
        return None

    update(store, copied, decide)
    owners.release(store, [copied[name].identity for name, user in users.items() if user["action"] == _RETIRED])
    return list(users.values())


def _user(name: str, action: Optional[str]) -> Dict[str, Any]:
    return dict(name=name, action=action, error=None)


def _line(user: Dict[str, Any], copy: Optional[str], check_mode: bool) -> str:
    if user["error"]:
        return report.not_done(user, "retired")
    if user["action"] == _UNCHANGED:
        return "%s: the store has no passwords of it" % user["name"]
    return "%s: %s; its passwords are kept as %s" % (
        user["name"],
        "would be retired" if check_mode else "retired",
        copy,
    )
