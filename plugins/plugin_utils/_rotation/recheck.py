# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds passwords that were changed by hand, by a login with those that are not due. Only where a failed login costs nothing."""

from __future__ import annotations

import datetime
from typing import Any, Callable, Dict, Iterable, List, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import parse_utc
from ..record import Record, Status
from ..store import Store, records_of
from . import report
from .sender import Sender
from .users import Action, CommittedUser, Reason

# Called with records as they were read; see :func:`~.reconciliation.reconcile`.
Reconcile = Callable[[Dict[str, Record]], List[CommittedUser]]


def recheck(
    sender: Sender,
    store: Store,
    names: Iterable[str],
    *,
    after: int,
    now: datetime.datetime,
    result: Dict[str, Any],
    reconcile: Optional[Reconcile] = None,
) -> None:
    """Log in with the passwords of users that are not due, and add the outcome to the result.

    :param names: of the users that are not due.
    :param after: seconds; a password that was proved later than that is not tried.
    :param result: of the rotation, with users and summary.
    :param reconcile: sets new passwords of those that do not log in; ``None``: they are only reported.
    :raises PasswordError: ``store_failed``.
    """
    names = list(names)
    if sender.capabilities.failed_logins_per_call is not None or not names:
        return
    records = records_of(store.get(names))
    tries = [name for name in names if name in records and _is_to_be_tried(records[name], after, now)]
    if not tries:
        return
    asked = [dict(name=name, password=records[name].password, failed_logins=0) for name in tries]
    try:
        logins = sender.probe(store, asked)
    except PasswordError as error:
        # Nothing is known to be wrong, and nothing was to be changed.
        result["summary"].append(
            "%d passwords could not be verified: %s (%s)" % (len(tries), error.message, error.kind)
        )
        return
    _add_to_lines(result, {name: "logs in" for name in tries if logins[name].verified})
    wrong = [name for name in tries if logins[name].verified is False]
    if wrong and reconcile:
        _reconcile(result, {name: records[name] for name in wrong}, reconcile)
    elif wrong:
        _report_wrong(result, wrong)


def _is_to_be_tried(record: Record, after: int, now: datetime.datetime) -> bool:
    if record.status != Status.CURRENT or not record.password:
        return False
    return record.rotated_at is None or (now - parse_utc(record.rotated_at)).total_seconds() >= after


def _reconcile(result: Dict[str, Any], wrong: Dict[str, Record], reconcile: Reconcile) -> None:
    """Add users with new passwords to the result.

    :param wrong: by name, their records as they were read.
    """
    done = {user.name: user for user in reconcile(wrong)}
    words = dict.fromkeys(wrong, "another run has changed it in the meantime")
    for name, user in done.items():
        outcome = report.line(user, what="reset", which="new").removeprefix("%s (%s): " % (name, user.reason))
        words[name] = "does not log in; reconcile: %s" % outcome
    _add_to_lines(result, words)
    result["users"] += [user.as_dict() for user in done.values()]
    result["changed"] = result["changed"] or any(
        user.action == Action.PROMOTED or not user.error for user in done.values()
    )
    failed = [user.name for user in done.values() if user.error]
    if failed:
        _add_failure(
            result, report.named(failed, len(wrong), "that are not due do not log in and have no new password")
        )


def _report_wrong(result: Dict[str, Any], names: List[str]) -> None:
    """Make the result that of a failure: these users' passwords do not log in."""
    error = PasswordError(
        errors.CURRENT_PASSWORD_WRONG,
        "The password in the store does not log in; somebody may have changed it by hand. Correct the record with the playbook repair.",
    ).as_dict()
    _add_to_lines(result, dict.fromkeys(names, "DOES NOT LOG IN: %s (%s)" % (error["message"], error["kind"])))
    result["users"] += [
        CommittedUser(name, Reason.VERIFY, State.FAILED, verified=False, error=error).as_dict() for name in names
    ]
    _add_failure(result, "%d passwords that are not due do not log in: %s" % (len(names), ", ".join(names)))


def _add_failure(result: Dict[str, Any], message: str) -> None:
    result.update(failed=True, msg="%s. %s" % (result["msg"], message) if result.get("msg") else message)


def _add_to_lines(result: Dict[str, Any], words: Dict[str, str]) -> None:
    """Append words to the summary lines of users, by name."""
    lines: List[str] = []
    for line in result["summary"]:
        name = line.split(": not due", 1)[0]
        lines.append("%s; %s" % (line, words[name]) if name in words else line)
    result["summary"][:] = lines
