# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import uuid
from contextlib import nullcontext
from typing import Dict, List, Optional, Set, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import owners, policy, protocol, steps
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import proof as proof_module
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.delivery import Delivery
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.targets import TargetNote
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import (
    RotationAction,
    read_results,
    read_users,
)
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import RETIRED, Identity, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, Store, damaged_records_set_aside

_REASON = "repair"


class ActionModule(RotationAction):
    """Finds out by logins which password is in force and writes that into the record; on demand resets the others."""

    SPEC = dict(
        vendor=dict(type="str", required=True),
        connection=dict(type="dict", default={}),
        users=dict(type="list", elements="raw", required=True),
        reset=dict(type="bool", default=False),
        policy=dict(type="dict", options=policy.OPTIONS),
        accept_unverified=dict(type="bool", default=False),
        set_aside_damaged=dict(type="bool", default=False),
        forget_failed_logins=dict(type="bool", default=False),
    )

    def rotate(self, args, task_vars, scrub):
        elements = self._for_this_host(args, task_vars)
        given = {user["name"]: user for user in read_users(elements, with_password=True)}
        scrub.add(*(user["password"] for user in given.values() if user.get("password")))
        extras = {
            name: {key: value for key, value in user.items() if key != "password"} for name, user in given.items()
        }
        delivery = Delivery(self, task_vars, args["vendor"], args["connection"], extras, scrub)
        delivery.know_operator()
        wanted = policy.policy_for(delivery.capabilities, args["policy"])
        store = self.open_store(args, task_vars)
        # Until the store is in line: a run that came between a reset and its commit would send the same password once more.
        with steps.locked(store, self.check_mode), damaged_records_set_aside() if args[
            "set_aside_damaged"
        ] else nullcontext(set()) as set_aside:
            told = self._repair(args, store, delivery, given, wanted)
        users = [told[name] for name in given]
        failed = [user for user in users if user["error"]]
        result = dict(
            changed=any(user["action"] not in (None, "unchanged") for user in users),
            users=users,
            summary=[_line(user, self.check_mode) + _kept(user, set_aside, store, self.check_mode) for user in users]
            or ["No user is named for this host."],
        )
        if failed:
            result.update(
                failed=True,
                msg="%d of %d users were not repaired: %s"
                % (len(failed), len(users), ", ".join(user["name"] for user in failed)),
            )
        return result

    def _for_this_host(self, args: dict, task_vars: dict) -> list:
        """The users without those that are named for another host.

        :raises PasswordError: ``invalid_input``: a password is told, and nothing says at which of the play's hosts it is in force.
        """
        several = len(task_vars.get("ansible_play_hosts_all") or task_vars.get("ansible_play_hosts") or ()) > 1
        ours = {self.record_name(args, task_vars), task_vars["inventory_hostname"]}
        found = []
        for user in args["users"]:
            if isinstance(user, dict):
                named = user.get("target")
                if several and user.get("password") and named is None:
                    raise PasswordError(
                        errors.INVALID_INPUT,
                        "users tells a password of %s, and the play has several hosts: it would be tried at all of them. Limit the play to its host "
                        "(--limit), or name the host in the element: target." % user.get("name"),
                    )
                if named is not None and str(named) not in ours:
                    continue
                user = {key: value for key, value in user.items() if key != "target"}
            found.append(user)
        return found

    def _repair(
        self, args: dict, store: Store, delivery: Delivery, given: Dict[str, dict], wanted: policy.Policy
    ) -> Dict[str, dict]:
        """What is told of each user."""
        if args["forget_failed_logins"]:
            protocol.note_failed_logins(
                store, dict.fromkeys(given, 0), delivery.capabilities, utc_now(), self.check_mode
            )
            if not self.check_mode:
                delivery.forget_operator(store, given)
        entries = store.get(given)
        identities = owners.identities(delivery, given)
        refused = self._foreign(args, store, entries, identities)
        told = {name: _lost(name, error=error.as_dict()) for name, error in refused.items()}
        here = {name: user for name, user in given.items() if name not in refused}
        found, refuted = self._find_out(store, delivery, here, entries, identities, args["reset"])
        told.update(found)
        if args["reset"]:
            # Where the record is about another endpoint, only a login shows that this one has taken its place.
            lost = [
                name
                for name, user in found.items()
                if user["error"] and not _is_moved(entries[name].record, identities[name])
            ]
            if lost:
                told.update(self._reset(store, delivery, lost, refuted, wanted, args["accept_unverified"], identities))
        return told

    def _foreign(
        self, args: dict, store: Store, entries: Dict[str, Entry], identities: Dict[str, Identity]
    ) -> Dict[str, PasswordError]:
        """Those whose records must not be used here, and why: no password is tried at another vendor, and none of an account that others rotate."""
        refused = {}
        for name, identity in identities.items():
            record = entries[name].record or Record(username=name)
            if not record.belongs_to(Identity(identity.vendor, None, None)):
                refused[name] = protocol.mismatch(record, identity, store.host)
        free = {name: identity for name, identity in identities.items() if name not in refused and identity.target}
        for name, other in self._claimed(store, free).items():
            if self._has_record(args, other, name, free[name]):
                refused[name] = protocol.mismatch(
                    entries[name].record or Record(username=name), free[name], store.host, other
                )
        return refused

    @staticmethod
    def _claimed(store: Store, identities: Dict[str, Identity]) -> Dict[str, str]:
        """The other names whose records hold the passwords of these accounts, as far as there are any."""
        if not identities:
            return {}
        first = next(iter(identities.values()))
        holders = TargetNote(store, first.vendor, first.target).holders(
            identity.account for identity in identities.values()
        )
        return {
            name: holders[identity.account]
            for name, identity in identities.items()
            if holders.get(identity.account) not in (None, store.host)
        }

    def _has_record(self, args: dict, other: str, name: str, identity: Identity) -> bool:
        """Whether the records of another name still hold the password of that account: a claim may have outlived its record."""
        record = self.open_store_of(args, other).get([name])[name].record
        return record is not None and record.status != RETIRED and record.belongs_to(identity)

    def _find_out(
        self,
        store: Store,
        delivery: Delivery,
        given: Dict[str, dict],
        entries: Dict[str, Entry],
        identities: Dict[str, Identity],
        reset: bool,
    ) -> Tuple[Dict[str, dict], Dict[str, set]]:
        """Try the passwords that may be in force.

        :param reset: whether the operator sets new passwords afterwards: then one login is left for the proof of that.
        :return: (dict from name to what is told of the user, dict from name to passwords of which a login has shown that they are not in force).
        """
        records = {name: entries[name].record or Record(username=name) for name in given}
        tries = {
            name: proof_module.candidates(records[name], user.get("password"), user.get("current_password"))
            for name, user in given.items()
        }
        for name, candidates in tries.items():
            if _is_moved(records[name], identities[name]):
                # Servers that have nothing to do with each other may have begun with the same password, which then proves no move.
                tries[name] = [
                    candidate
                    for candidate in candidates
                    if candidate[0] in (proof_module.GIVEN, proof_module.PENDING, proof_module.CURRENT)
                ]
        answers = proof_module.log_in(store, delivery, records, tries, self.check_mode, spare=reset)
        told = {}
        for name, answer in answers.items():
            if answer.skipped:
                told[name] = dict(name=name, action=None, password=None, verified=None, error=None)
            elif answer.password:
                told[name] = self._write(store, records[name], answer, identities[name])
            elif answer.error:
                told[name] = _lost(name, error=answer.error)
            elif answer.last:
                told[name] = _lost(
                    name, "None of the passwords that could be tried logs in; the last was the %s one." % answer.last
                )
            else:
                told[name] = _lost(name, "The store knows no password that could be tried, and none was given.")
        return told, {name: answer.refuted for name, answer in answers.items()}

    def _write(self, store: Store, read: Record, answer: proof_module.Answer, identity: Identity) -> dict:
        """Bring a record in line with the password that has logged in.

        :param read: the record from which the password was taken.
        """
        name = read.username
        told = dict(name=name, action="unchanged", password=answer.what, verified=True, error=None)
        moved = _is_moved(read, identity)
        if identity.target and (moved or read.target is None or read.status == RETIRED) and not self.check_mode:
            self._take_over(store, read, identity, moved)

        def decide(entries: Dict[str, Entry]) -> Dict[str, Entry]:
            record = entries[name].record or Record(username=name)
            before = record.as_dict()
            if record.secrets != read.secrets:
                # What was staged since may have been sent since: then the login tells nothing any more, and to write would be to lose it.
                told.update(
                    _lost(
                        name,
                        error=PasswordError(
                            errors.STORE_CONFLICT, "Another run has changed the record of %s meanwhile." % name
                        ).as_dict(),
                    )
                )
                return {}
            record.bind(identity, store.host)
            if answer.what == proof_module.PENDING:
                record.promote(format_utc(utc_now()), verified=True)
            record.repair(answer.password)
            told["action"] = (
                "unchanged" if record == (read if moved else _as_bound(read, identity, store.host)) else "repaired"
            )
            return {name: Entry(record, entries[name].version)} if record.as_dict() != before else {}

        protocol.update(store, [name], decide, self.check_mode)
        return told

    @staticmethod
    def _take_over(store: Store, read: Record, identity: Identity, moved: bool) -> None:
        """Have the account at its new place, and give back the one that the record was about."""
        TargetNote(store, identity.vendor, identity.target).claim(store.host, [identity.account], take_over=True)
        if moved:
            owners.release(store, [read.identity])

    def _reset(
        self,
        store: Store,
        delivery: Delivery,
        names: List[str],
        refuted: Dict[str, set],
        wanted: policy.Policy,
        accept_unverified: bool,
        identities: Dict[str, Identity],
    ) -> Dict[str, dict]:
        """Let the operator set new passwords, by the same steps as a rotation, so that they cannot be lost on the way."""

        def choose(record):
            # A pending password that may be in force is the one to set: in its place another would make the store forget it.
            if record.pending and record.pending.password not in refuted.get(record.username, ()):
                return record.pending.password
            return policy.generate(wanted)

        mine = {name: identities[name] for name in names}
        if not self.check_mode:
            self._claim_new(store, mine)
        staged = protocol.stage_these(
            store, dict.fromkeys(names, choose), _REASON, uuid.uuid4().hex, utc_now(), self.check_mode, mine
        )
        if self.check_mode:
            return {name: dict(name=name, action="reset", password=None, verified=None, error=None) for name in names}
        results = delivery.send(store, {user["name"]: user for user in staged}, wanted)
        committed = protocol.commit(
            store, staged, read_results(results["users"]), format_utc(utc_now()), accept_unverified, sent=delivery.sent
        )
        return {
            user["name"]: dict(
                name=user["name"],
                action="reset" if user["action"] == protocol.PROMOTED else user["action"],
                password=None,
                verified=user["verified"],
                error=user["error"],
            )
            for user in committed
        }

    @staticmethod
    def _claim_new(store: Store, identities: Dict[str, Identity]) -> None:
        known = {name: identity for name, identity in identities.items() if identity.target}
        if known:
            first = next(iter(known.values()))
            TargetNote(store, first.vendor, first.target).claim(
                store.host, [identity.account for identity in known.values()], take_over=True
            )


def _is_moved(record: Optional[Record], identity: Identity) -> bool:
    """Whether a record is about another endpoint or account than the one at hand."""
    return record is not None and not record.belongs_to(identity)


def _as_bound(read: Record, identity: Identity, host: str) -> Record:
    """The record that was read; to note whose it is, where that was not known, is no repair."""
    copied = Record.from_dict(read.as_dict())
    copied.bind(identity, host)
    return copied


def _lost(name, message=None, error=None):
    return dict(
        name=name,
        action=None,
        password=None,
        verified=None,
        error=error or PasswordError(errors.CURRENT_PASSWORD_WRONG, message).as_dict(),
    )


def _kept(user: dict, set_aside: Set[str], store: Store, check_mode: bool) -> str:
    """Where what stood in the place of a record is to be found, if it was written over."""
    if user["name"] not in set_aside or user["error"] or user["action"] is None:
        return ""
    where = "in the record (set_aside)%s" % (
        " and, for a while, as an older version of the secret" if store.keeps_versions else ""
    )
    return "; what stood there %s kept %s" % ("would be" if check_mode else "is", where)


def _line(user, check_mode):
    if user["error"]:
        return "%s: NOT repaired: %s (%s)" % (user["name"], user["error"]["message"], user["error"]["kind"])
    if user["action"] == "reset":
        proof = ", verified by a login" if user["verified"] else ", NOT verified by a login"
        return "%s: %s" % (user["name"], "would get a new password" if check_mode else "has a new password" + proof)
    if user["action"] is None:
        return (
            "%s: no password was tried: check mode makes no login where a failed one counts towards a lock-out"
            % user["name"]
        )
    told = "the %s password logs in" % user["password"]
    brought = "; the record %s in line" % ("would be brought" if check_mode else "was brought")
    return "%s: %s%s" % (user["name"], told, brought if user["action"] == "repaired" else ", as the record says")
