# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import Dict, Iterator, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import owners, protocol, steps
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.lease import is_ours
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import TARGET, RotationAction
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import RETIRED, Identity, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import BEGIN_OPTIONS, Entry, Store
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import OPTIONS as STORE_OPTIONS

COPIED, UNCHANGED = "copied", "unchanged"


class ActionModule(RotationAction):
    """Copies the records of all users from one store to another, and overwrites none."""

    STORE_SPEC = dict(STORE_OPTIONS, **TARGET)
    SPEC = dict(
        {"to_" + name: spec for name, spec in {**STORE_OPTIONS, **BEGIN_OPTIONS}.items()},
        to_store=dict(type="str", required=True),
    )

    def rotate(self, args, task_vars, scrub):
        source, other = self.open_store(args, task_vars), self._target(args, task_vars)
        users: Dict[str, dict] = {}
        # What is being sent just now is copied when its run has told what became of it, or at least as pending.
        with steps.locked(source, self.check_mode), _locked(source, other, self.check_mode):
            records = {name: entry.record for name, entry in source.get(source.list()).items()}
            scrub.add(*(secret for record in records.values() for secret in record.secrets))
            claimed = self._claim(other, records)

            def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
                changes = {}
                for name, entry in entries.items():
                    users[name] = _compared(records[name], entry.record, claimed.get(name))
                    if users[name]["action"] == COPIED:
                        changes[name] = Entry(records[name], entry.version)
                return changes

            with _named_by_their_own():
                protocol.update(other, records, decide, self.check_mode, read_back=True)
        return _told([users[name] for name in records], self.check_mode)

    def _claim(self, other: Store, records: Dict[str, Record]) -> Dict[str, PasswordError]:
        """Claim the accounts in the other store, too.

        :return: dict from name to the error, where the records of another name hold the account's password there.
        """
        places: Dict[tuple, Dict[str, Identity]] = {}
        for name, record in records.items():
            if record.target and record.status != RETIRED:
                places.setdefault((record.vendor, record.target), {})[name] = record.identity
        refused: Dict[str, PasswordError] = {}
        for identities in places.values() if not self.check_mode else ():
            refused.update(owners.claim(other, identities, {name: Entry(records[name], None) for name in identities}))
        return refused

    def _target(self, args, task_vars):
        """The other store; what is wrong with its options is told by their own names."""
        options = dict({name: args["to_" + name] for name in (*STORE_OPTIONS, *BEGIN_OPTIONS)}, target=args["target"])
        with _named_by_their_own():
            return self.open_store(options, task_vars)


@contextmanager
def _locked(source: Store, other: Store, check_mode: bool) -> Iterator[None]:
    """The lease on the records in the other store."""
    with ExitStack() as held:
        with _named_by_their_own():
            held.enter_context(steps.locked(other, check_mode or is_ours(source, other)))
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


def _compared(record: Record, there: Optional[Record], claimed: Optional[PasswordError] = None) -> dict:
    """What is to be done with a record, given the one that the other store has of the user."""
    told = dict(
        name=record.username, status=record.status, pending=record.pending is not None, action=COPIED, error=None
    )
    if there == record:
        return dict(told, action=UNCHANGED)
    if claimed:
        return dict(told, action=None, error=claimed.as_dict())
    if there is not None:
        message = (
            "The other store has another record of %s; both are left as they are. Remove the one that is wrong."
            % record.username
        )
        return dict(told, action=None, error=PasswordError(errors.STORE_CONFLICT, message).as_dict())
    return told


def _told(users, check_mode):
    failed = [user["name"] for user in users if user["error"]]
    result = dict(
        changed=any(user["action"] == COPIED for user in users),
        users=users,
        summary=[_line(user, check_mode) for user in users] or ["The store has no records of this host."],
    )
    if failed:
        result.update(
            failed=True, msg="%d of %d records were not copied: %s" % (len(failed), len(users), ", ".join(failed))
        )
    return result


def _line(user, check_mode):
    if user["error"]:
        return "%s: NOT copied: %s (%s)" % (user["name"], user["error"]["message"], user["error"]["kind"])
    if user["action"] == UNCHANGED:
        return "%s: is there already" % user["name"]
    return "%s: %s%s" % (
        user["name"],
        "would be copied" if check_mode else "copied",
        ", with a new password that is pending" if user["pending"] else "",
    )
