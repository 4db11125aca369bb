# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes passwords that are in use into the store as they are: each is proved by a login, and nothing is changed at the vendor."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._times import utc_now
from ..record import Identity, Record
from ..store import Store, records_of
from . import owners, proof
from .mismatch import mismatch
from .options import Options
from .read_only import is_dry_run
from .sender import Sender
from .updates import update
from .users import Reason, Source, StagedUser

Error = Dict[str, Any]  # PasswordError.as_dict()


def candidates(
    staged: List[StagedUser], users: List[Dict[str, Any]], options: Options, *, can_log_in: bool
) -> List[StagedUser]:
    """Mark the users that are new and to be adopted: they are not due.

    :param staged: what was decided so far.
    :param users: what :func:`~.options.read_users` returned.
    :param can_log_in: whether the task knows the endpoint.
    """
    given = {user["name"] for user in users if user.get("current_password")}
    marked = []
    for user in staged:
        # With force a user is to have a new password now, which is the opposite.
        if user.due and user.reason == Reason.NEW and options.adopts(user.name) and not options.force:
            error = None if user.name in given and can_log_in else _incomplete(user.name, can_log_in)
            user = replace(user, due=False, reason=Reason.ADOPT, error=error)
        marked.append(user)
    return marked


def _incomplete(name: str, can_log_in: bool) -> Error:
    missing = (
        "current_password is missing for %s, which is to be adopted (adopt, in the role: rotate_adopt): give the password that is in use now, or set "
        "adopt: false at this user to have it rotated." % name
        if can_log_in
        else "%s is to be adopted (adopt, in the role: rotate_adopt), which takes a login: give the options of the vendor in connection."
        % name
    )
    return PasswordError(errors.INVALID_INPUT, missing).as_dict()


def adopt(
    store: Store,
    sender: Sender,
    users: Mapping[str, StagedUser],
    passwords: Mapping[str, str],
    options: Options,
) -> Dict[str, StagedUser]:
    """Prove passwords by logins and make them the current ones. The caller holds the lease.

    :param users: those that :func:`candidates` has marked, by name.
    :param passwords: what the inventory calls their current ones, by name.
    :return: the users, with the outcome.
    :raises PasswordError: concerns all of them.
    """
    identities = sender.identities(users)
    known = {name: identity for name, identity in identities.items() if identity.target}
    refused = owners.claim(store, known) if known else {}
    records = _begin(store, sender, [name for name in users if name not in refused])
    done: Dict[str, StagedUser] = {name: _failed(users[name], error.as_dict()) for name, error in refused.items()}
    tries: Dict[str, proof.Candidates] = {}
    for name, record in records.items():
        foreign = mismatch(record, identities[name], store.host)
        if foreign:
            done[name] = _failed(users[name], foreign.as_dict())
        elif record.password or record.pending:
            done[name] = replace(users[name], reason=Reason.LEFT)
        else:
            tries[name] = [(Source.INVENTORY, passwords[name])]
    answers = proof.log_in(store, sender, records, tries=tries) if tries else {}
    judged = {name: _judge(name, answer, options) for name, answer in answers.items()}
    _note(store, judged, passwords, identities, options)
    # Another name may be the right one. A record that is bound to its account keeps it: nobody would claim it again.
    failed = [name for name, (error, _verified) in judged.items() if error and name in known]
    owners.release(store, [known[name] for name in failed if owners.is_unbound(records[name])])
    dry_run = is_dry_run(store)
    for name, (error, verified) in judged.items():
        done[name] = _failed(users[name], error) if error else _adopted(users[name], verified, dry_run=dry_run)
    return done


def _begin(store: Store, sender: Sender, names: List[str]) -> Dict[str, Record]:
    """The records of these users. Where the vendor counts failed logins, each new user gets one that counts its login before it is made."""
    found = records_of(store.get(names))
    counted = sender.capabilities.failed_logins_per_call is not None and sender.may_probe

    def decide(name: str, stored: Optional[Record]) -> Optional[Record]:
        record = Record(username=name)
        record.note_failed_logins(1, utc_now())
        return None if stored else record

    update(store, [name for name in names if counted and name not in found], decide)
    # The search itself begins with the logins that had failed before.
    return {name: found.get(name) or Record(username=name) for name in names}


def _judge(name: str, answer: proof.Answer, options: Options) -> Tuple[Optional[Error], Optional[bool]]:
    """What a login has shown.

    :return: (why the password is not adopted, or ``None``; whether it was proved: ``None`` where no login was possible).
    """
    if answer.password:
        return None, True
    if answer.skipped:
        return None, None
    if answer.error is None:
        wrong = "The current_password of %s does not log in, so it was not adopted, and nothing was changed. Correct it in the inventory."
        return PasswordError(errors.CURRENT_PASSWORD_WRONG, wrong % name).as_dict(), False
    if answer.error["kind"] != errors.NOT_VERIFIED:
        return answer.error, None
    if options.accepts_unverified(name):
        return None, None
    advice = "%s It was not adopted. If you are certain of the password, set accept_unverified (in the role: rotate_accept_unverified)."
    return dict(answer.error, message=advice % answer.error["message"]), None


def _note(
    store: Store,
    judged: Mapping[str, Tuple[Optional[Error], Optional[bool]]],
    passwords: Mapping[str, str],
    identities: Mapping[str, Identity],
    options: Options,
) -> None:
    """Write what the logins have shown: one record per user, none for a user without one that is not adopted."""
    now = utc_now()

    def decide(name: str, stored: Optional[Record]) -> Optional[Record]:
        error, verified = judged[name]
        if error:
            if stored:
                stored.note_error(error, now)
            return stored
        record = stored or Record(username=name)
        record.bind(identities[name], store.host)
        since = now - timedelta(
            seconds=_share(store.host, name) * options.max_age_of(name) if options.adopt_spread else 0
        )
        record.adopt(passwords[name], now, since=since, verified=bool(verified))
        return record

    update(store, judged, decide, read_back=True)


def _share(host: str, name: str) -> float:
    """A number from 0 to 1 that is always the same for a user, and spread evenly over many users."""
    digest = hashlib.sha256(("%s\0%s" % (host, name)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / float(1 << 48)


def _failed(user: StagedUser, error: Error) -> StagedUser:
    return replace(user, reason=Reason.ADOPT, error=error)


def _adopted(user: StagedUser, verified: Optional[bool], *, dry_run: bool) -> StagedUser:
    return replace(user, verified=verified, adopted=not dry_run)


def adopted(staged: List[StagedUser]) -> bool:
    """Whether any user was adopted, or in check mode would be."""
    return any(user.reason == Reason.ADOPT and not user.error for user in staged)
