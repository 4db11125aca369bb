# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets new passwords of users that are not due and whose passwords were changed by hand, where an operator may do so."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Dict, List, Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Capabilities

from .._times import utc_now
from ..record import Record
from ..store import Store, records_of
from .lease import host_lease
from .options import Options
from .read_only import is_dry_run
from .reset import reset
from .sender import Sender
from .updates import update
from .users import Action, CommittedUser, Reason


def is_possible(options: Options) -> bool:
    """Whether the task asks for it, the vendor may let an operator do it, and it may be done now."""
    return options.reconcile and may_set(options.capabilities) and options.windows.is_open(utc_now())


def may_set(capabilities: Capabilities) -> bool:
    """Whether an operator may set a password without the current one; where that depends on the operator, it is tried."""
    return capabilities.changes_others and capabilities.others_need_current != "yes"


def reconcile(store: Store, sender: Sender, options: Options, read: Dict[str, Record]) -> List[CommittedUser]:
    """Set new passwords.

    :param read: by name, the records of the users whose current passwords do not log in.
    :return: those of them that nobody else has rotated in the meantime.
    :raises PasswordError: concerns all of them.
    """
    # The run has staged other passwords already, for other users.
    options = replace(options, run_id=uuid.uuid4().hex)
    with host_lease(store):
        now = records_of(store.get(read))
        wrong = {name: {record.password or ""} for name, record in read.items() if now.get(name) == record}
        if not wrong:
            return []
        done = reset(store, sender, options, sender.identities(wrong), wrong, reason=Reason.RECONCILE)
        if done is None:
            return [CommittedUser(name, Reason.RECONCILE, State.WOULD_CHANGE) for name in wrong]
        return _without_refused(store, done, options.run_id)


def _without_refused(store: Store, done: List[CommittedUser], run_id: str) -> List[CommittedUser]:
    """Drop the new passwords of users whose current one the vendor has asked for after all: without that the records would end as orphaned."""
    refused = {user.name for user in done if user.error and user.error["kind"] == errors.CURRENT_PASSWORD_WRONG}

    def decide(_name: str, record: Optional[Record]) -> Optional[Record]:
        if record is None or record.pending is None or record.pending.run_id != run_id:
            return None
        record.drop_pending()
        record.lost_runs = max(record.lost_runs - 1, 0)
        return record

    if refused and not is_dry_run(store):
        update(store, refused, decide)
    return [replace(user, action=Action.DROPPED) if user.name in refused else user for user in done]
