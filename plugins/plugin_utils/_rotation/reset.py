# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets the operator set new passwords of users whose passwords nobody knows, by the same steps as a rotation, so that they cannot be lost on the way."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Set

from .._times import utc_now
from ..record import Identity, Record
from ..store import Store
from . import owners, policy, protocol
from .options import Options
from .read_only import is_dry_run
from .sender import Sender
from .users import CommittedUser, Reason, StagedUser


def reset(
    store: Store,
    sender: Sender,
    options: Options,
    identities: Dict[str, Identity],
    refuted: Mapping[str, Set[str]],
    *,
    reason: Reason,
) -> Optional[List[CommittedUser]]:
    """Set new passwords. The caller holds the lease.

    :param identities: of the users that need one.
    :param refuted: by name, passwords that are known not to be in force.
    :param reason: why, for the result.
    :return: the users; ``None`` in a dry run.
    :raises PasswordError: concerns all of them.
    """
    staged = options.with_own(_stage(store, options, identities, refuted, reason))
    if is_dry_run(store):
        return None
    sent = sender.send(store, {user.name: user for user in staged}, options.policy)
    return protocol.commit(
        store,
        staged,
        sent.users,
        now=utc_now(),
        accept_unverified=options.accept_unverified,
        sent=sender.sent,
    )


def _stage(
    store: Store,
    options: Options,
    identities: Dict[str, Identity],
    refuted: Mapping[str, Set[str]],
    reason: Reason,
) -> List[StagedUser]:
    """Claim the accounts, and store a password for each of them as pending."""

    policies = options.policies

    def choose(record: Record) -> str:
        # A pending password that may be in force is the one to set: with another one in its place the store would forget it.
        if record.pending and record.pending.password not in refuted.get(record.username, ()):
            return record.pending.password
        return policy.generate(policies.get(record.username, options.policy))

    known = [identity for identity in identities.values() if identity.target]
    if known:
        owners.take_over(store, known)
    return protocol.stage_these(
        store,
        dict.fromkeys(identities, choose),
        reason=reason,
        run_id=options.run_id,
        now=utc_now(),
        identities=identities,
    )
