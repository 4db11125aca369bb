# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import uuid

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.plugin_utils import policy, rotation
from ansible_collections.rekey.passwords.plugins.plugin_utils.action import RotationAction, read_results, read_users
from ansible_collections.rekey.passwords.plugins.plugin_utils.ages import to_text, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.host_lock import host_lock
from ansible_collections.rekey.passwords.plugins.plugin_utils.records import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.sending import Sender
from ansible_collections.rekey.passwords.plugins.plugin_utils.stores.base import Entry

_REASON = "repair"
GIVEN, PENDING, CURRENT, PREVIOUS = "given", "pending", "current", "previous"


class ActionModule(RotationAction):
    """Finds out by logins which password is in force and writes that into the record; on demand resets the others."""

    SPEC = dict(
        vendor=dict(type="str", required=True),
        connection=dict(type="dict", default={}),
        users=dict(type="list", elements="raw", required=True),
        reset=dict(type="bool", default=False),
        policy=dict(type="dict", options=policy.OPTIONS),
        accept_unverified=dict(type="bool", default=False),
    )

    def rotate(self, args, task_vars, scrub):
        given = {user["name"]: user for user in read_users(args["users"], with_password=True)}
        scrub.add(*(user["password"] for user in given.values() if user.get("password")))
        extras = {name: {key: value for key, value in user.items() if key != "password"} for name, user in given.items()}
        sender = Sender(self, task_vars, args["vendor"], args["connection"], extras, scrub)
        sender.know_operator()
        wanted = policy.policy_for(sender.capabilities, args["policy"])
        store = self.store(args, task_vars)
        # Until the store is in line: a run that came between a reset and its commit would send the same password once more.
        with host_lock(store, store.host):
            told, refuted = self._find_out(store, sender, given, args["reset"])
            lost = [name for name, user in told.items() if user["error"]]
            if lost and args["reset"]:
                told.update(self._reset(store, sender, lost, refuted, wanted, args["accept_unverified"]))
        users = [told[name] for name in given]
        failed = [user for user in users if user["error"]]
        result = dict(
            changed=any(user["action"] not in (None, "unchanged") for user in users), users=users, summary=[_line(user, self.check_mode) for user in users]
        )
        if failed:
            result.update(failed=True, msg="%d of %d users were not repaired: %s" % (len(failed), len(users), ", ".join(user["name"] for user in failed)))
        return result

    def _find_out(self, store, sender, given, reset):
        """Try the passwords that may be in force, one a user and round, as long as the vendor's budget of failed logins lasts.

        :param reset: whether the operator sets new passwords afterwards: then one login is left for the proof of that.
        :return: (dict from name to what is told of the user, dict from name to a pending password of which a login has shown that it is not in force).
        """
        now, rules = utc_now(), sender.capabilities
        limit = rules.failed_logins_per_run or 0
        records = {name: entry.record or Record(username=name) for name, entry in store.get(given).items()}
        left = {name: _candidates(records[name], given[name].get("password")) for name in given}
        spent = {name: record.recent_failed_logins(now, rules.lockout_window) for name, record in records.items()}
        told = {name: _lost(name, "The store knows no password that could be tried, and none was given.") for name in given}
        refuted = {}
        if not sender.may_probe:
            untried = {name: dict(name=name, action=None, password=None, verified=None, error=None) for name in given if left[name]}
            return dict(told, **untried), refuted
        try:
            while any(left.values()):
                tried = {name: left[name].pop(0) for name in given if left[name]}
                # Counted before they are made, as everywhere: a repair that is killed and repeated locks nobody out.
                rotation.note_failed_logins(store, {name: spent[name] + 1 for name in tried if spent[name] < limit}, rules, now, self.check_mode)
                found = sender.probe(store, [dict(name=name, password=password, failed_logins=spent[name]) for name, (_what, password) in tried.items()])
                for name, (what, password) in tried.items():
                    answer = found[name]
                    spent[name] = answer["failed_logins"]
                    if answer["verified"]:
                        told[name] = self._write(store, records[name], what, password)
                    elif answer["verified"] is None:
                        told[name] = _lost(name, error=answer["error"])
                    else:
                        told[name] = _lost(name, "None of the passwords that could be tried logs in; the last was the %s one." % what)
                        if what == PENDING:
                            refuted[name] = password
                    if answer["verified"] is not False or (reset and limit and spent[name] >= limit - 1):
                        left[name] = []
        finally:
            rotation.note_failed_logins(store, {name: spent[name] for name, user in told.items() if user["error"]}, rules, now, self.check_mode)
        return told, refuted

    def _write(self, store, read, what, password):
        """Bring a record in line with the password that has logged in.

        :param read: the record from which the password was taken.
        """
        name = read.username
        told = dict(name=name, action="unchanged", password=what, verified=True, error=None)

        def decide(entries):
            record = entries[name].record or Record(username=name)
            before = record.as_dict()
            if record.secrets != read.secrets:
                # What was staged since may have been sent since: then the login tells nothing any more, and to write would be to lose it.
                told.update(_lost(name, error=VendorError(errors.STORE_CONFLICT, "Another run has changed the record of %s meanwhile." % name).as_dict()))
                return {}
            if what == PENDING:
                record.promote(to_text(utc_now()), verified=True)
            record.repair(password)
            told["action"] = "unchanged" if record == read else "repaired"
            return {name: Entry(record, entries[name].version)} if record.as_dict() != before else {}

        rotation.update(store, [name], decide, self.check_mode)
        return told

    def _reset(self, store, sender, names, refuted, wanted, accept_unverified):
        """Let the operator set new passwords, by the same steps as a rotation, so that they cannot be lost on the way."""

        def choose(record):
            # A pending password that may be in force is the one to set: in its place another would make the store forget it.
            if record.pending and record.pending.password != refuted.get(record.username):
                return record.pending.password
            return policy.generate(wanted)

        staged = rotation.stage_these(store, dict.fromkeys(names, choose), _REASON, uuid.uuid4().hex, utc_now(), self.check_mode)
        if self.check_mode:
            return {name: dict(name=name, action="reset", password=None, verified=None, error=None) for name in names}
        results = sender.send(store, {user["name"]: user for user in staged}, wanted)
        committed = rotation.commit(store, staged, read_results(results["users"]), to_text(utc_now()), accept_unverified)
        return {
            user["name"]: dict(
                name=user["name"], action="reset" if user["action"] == rotation.PROMOTED else user["action"], password=None, verified=user["verified"],
                error=user["error"],
            )
            for user in committed
        }  # fmt: skip


def _candidates(record, given):
    """The passwords to try, the likeliest first: the given one alone, else what the record knows."""
    if given:
        return [(GIVEN, given)]
    pending = record.pending or Pending(password=None)
    known = [(PENDING, pending.password), (CURRENT, record.password), (PREVIOUS, record.previous), (PREVIOUS, pending.replaces)]
    # Each once: one that goes back is pending and previous.
    return list({password: (what, password) for what, password in reversed(known) if password}.values())[::-1]


def _lost(name, message=None, error=None):
    return dict(name=name, action=None, password=None, verified=None, error=error or VendorError(errors.CURRENT_PASSWORD_WRONG, message).as_dict())


def _line(user, check_mode):
    if user["error"]:
        return "%s: NOT repaired: %s (%s)" % (user["name"], user["error"]["message"], user["error"]["kind"])
    if user["action"] == "reset":
        proof = ", verified by a login" if user["verified"] else ", NOT verified by a login"
        return "%s: %s" % (user["name"], "would get a new password" if check_mode else "has a new password" + proof)
    if user["action"] is None:
        return "%s: no password was tried: check mode makes no login where a failed one counts towards a lock-out" % user["name"]
    told = "the %s password logs in" % user["password"]
    brought = "; the record %s in line" % ("would be brought" if check_mode else "was brought")
    return "%s: %s%s" % (user["name"], told, brought if user["action"] == "repaired" else ", as the record says")
