# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes sure, from its first use on, that a record is used only for the account whose password it holds."""

from __future__ import annotations

from typing import Dict, Iterable, List, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ..record import Identity, Record, Status
from ..store import Entry, Store, records_of
from . import mismatch, proof
from .claims import Claims
from .sender import Sender
from .users import Source


def settle(
    store: Store, sender: Sender, identities_by_name: Dict[str, Identity], entries: Dict[str, Entry]
) -> Dict[str, PasswordError]:
    """Claim the accounts of users whose records name no target yet. The caller holds the lease.

    A record of an earlier version that holds passwords is taken over only if one of them logs in, or no login can be made at all.

    :param identities_by_name: whose passwords are to be changed.
    :param entries: what the store holds.
    :return: dict from name to the reason why that user must be skipped.
    :raises PasswordError: concerns all of them.
    """
    fresh = {
        name: identity
        for name, identity in identities_by_name.items()
        if identity.target and is_unbound(entries[name].record)
    }
    if not fresh:
        return {}
    refused = claim(store, fresh)
    records = {name: record for name, record in records_of(entries).items() if name in fresh and name not in refused}
    tries = {name: candidates for name, record in records.items() if (candidates := _in_force(record))}
    if tries:
        answers = proof.log_in(store, sender, records, tries=tries)
        foreign = {
            name for name, answer in answers.items() if answer.refuted and not answer.password and not answer.error
        }
        release(store, [fresh[name] for name in foreign])
        refused.update((name, _foreign(name, fresh[name])) for name in foreign)
    return refused


def claim(store: Store, identities_by_name: Dict[str, Identity]) -> Dict[str, PasswordError]:
    """Claim accounts at one target for the records of this name.

    :return: dict from name to the error, where another name has claimed the account.
    """
    accounts = {name: identity.account or name for name, identity in identities_by_name.items()}
    others = _claims(store, identities_by_name.values()).claim(store.host, accounts.values())
    return {
        name: mismatch.claimed(name, identities_by_name[name], store.host, others[account])
        for name, account in accounts.items()
        if account in others
    }


def take_over(store: Store, identities_at_target: Iterable[Identity]) -> None:
    """Claim accounts at one target, even if another name has claimed them: it is certain that nobody else rotates them."""
    identities = list(identities_at_target)
    _claims(store, identities).claim(
        store.host, [identity.account for identity in identities if identity.account], take_over=True
    )


def claimed_by_others(store: Store, identities_by_name: Dict[str, Identity]) -> Dict[str, str]:
    """The other names whose records hold the passwords of these accounts at one target, as far as there are any."""
    if not identities_by_name:
        return {}
    accounts = {name: identity.account for name, identity in identities_by_name.items() if identity.account}
    holders = _claims(store, identities_by_name.values()).holders(accounts.values())
    return {
        name: holders[account] for name, account in accounts.items() if holders.get(account) not in (None, store.host)
    }


def release(store: Store, gone: Iterable[Identity]) -> None:
    """Release accounts that records of this name have claimed."""
    places: Dict[Tuple[Optional[str], str], List[Identity]] = {}
    for identity in gone:
        if identity.target and identity.account:
            places.setdefault((identity.vendor, identity.target), []).append(identity)
    for identities in places.values():
        _claims(store, identities).release(
            store.host, [identity.account for identity in identities if identity.account]
        )


def _claims(store: Store, identities_at_target: Iterable[Identity]) -> Claims:
    """The claims on the one target that these accounts are at."""
    ((vendor, target),) = {(identity.vendor, identity.target) for identity in identities_at_target}
    if not vendor or not target:
        raise AssertionError("an account without a known target has no note")
    return Claims(store, vendor, target)


def is_unbound(record: Optional[Record]) -> bool:
    """Whether a record does not say yet which account it is about."""
    return record is None or record.target is None or record.status == Status.RETIRED


def _in_force(record: Record) -> proof.Candidates:
    """The passwords of which one should log in if the record is about this target."""
    if record.password is None and not (record.pending and record.pending.sent):
        return []
    return [
        (what, password)
        for what, password in proof.candidates(record)
        if what in (Source.PENDING, Source.CURRENT) or record.password is None
    ]


def _foreign(name: str, identity: Identity) -> PasswordError:
    return PasswordError(
        errors.CURRENT_PASSWORD_WRONG,
        "The record of %s does not say yet whose password it holds, and no password in it logs in at %s, so nothing was sent. If it belongs to another "
        "endpoint, give this one records of its own (variable rotate_target). If the password was changed by hand, run rotation_repair (playbook repair)."
        % (name, identity.target),
    )
