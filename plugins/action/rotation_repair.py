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
from ansible_collections.rekey.passwords.plugins.plugin_utils.records import Record
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
    )

    def rotate(self, args, task_vars, scrub):
        given = {user["name"]: user for user in read_users(args["users"], with_password=True)}
        scrub.add(*(user["password"] for user in given.values() if user.get("password")))
        extras = {name: {key: value for key, value in user.items() if key != "password"} for name, user in given.items()}
        sender = Sender(self, task_vars, args["vendor"], args["connection"], extras, scrub)
        wanted = policy.policy_for(sender.capabilities, args["policy"])
        store = self.store(args, task_vars)
        told = self._find_out(store, sender, given)
        lost = [name for name, user in told.items() if user["error"]]
        if lost and args["reset"]:
            told.update(self._reset(store, sender, lost, wanted))
        users = [told[name] for name in given]
        failed = [user for user in users if user["error"]]
        result = dict(changed=any(user["action"] not in (None, "unchanged") for user in users), users=users, summary=[_line(user) for user in users])
        if failed:
            result.update(failed=True, msg="%d of %d users were not repaired: %s" % (len(failed), len(users), ", ".join(user["name"] for user in failed)))
        return result

    def _find_out(self, store, sender, given):
        """Try the passwords that may be in force, one a user and round, as long as the vendor's budget of failed logins lasts."""
        now = utc_now()
        entries = store.get(given)
        records = {name: entry.record or Record(username=name) for name, entry in entries.items()}
        left = {name: _candidates(records[name], given[name].get("password")) for name in given}
        spent = {name: record.recent_failed_logins(now, sender.capabilities.lockout_window) for name, record in records.items()}
        told = {name: _lost(name, "The store knows no password that could be tried, and none was given.") for name in given}
        while any(left.values()):
            tried = {name: left[name].pop(0) for name in given if left[name]}
            # Counted before they are made, as everywhere.
            found = sender.probe(store, [dict(name=name, password=password, failed_logins=spent[name]) for name, (_what, password) in tried.items()])
            for name, (what, password) in tried.items():
                answer = found[name]
                spent[name] = answer["failed_logins"]
                if answer["verified"]:
                    told[name] = self._write(store, name, what, password)
                elif answer["verified"] is None:
                    told[name] = _lost(name, None, answer["error"])
                else:
                    told[name] = _lost(name, "None of the passwords that could be tried logs in; the last was the %s one." % what)
                if answer["verified"] is not False:
                    left[name] = []
        self._count(store, {name: spent[name] for name, user in told.items() if user["error"]}, now)
        return told

    def _write(self, store, name, what, password):
        told = dict(name=name, action="unchanged", password=what, verified=True, error=None)

        def decide(entries):
            record = entries[name].record or Record(username=name)
            before = record.as_dict()
            if what == PENDING and record.pending and record.pending.password == password:
                record.promote(to_text(utc_now()), verified=True)
            record.repair(password)
            told["action"] = "repaired" if record.as_dict() != before else "unchanged"
            return {name: Entry(record, entries[name].version)} if told["action"] == "repaired" else {}

        rotation.update(store, [name], decide, self.check_mode)
        return told

    def _count(self, store, spent, now):
        """Note the failed logins, so that other runs stay below the vendor's lock-out."""

        def decide(entries):
            changes = {}
            for name, entry in entries.items():
                if entry.record and spent[name] > entry.record.failed_logins:
                    entry.record.note_failed_logins(spent[name], to_text(now))
                    changes[name] = Entry(entry.record, entry.version)
            return changes

        if spent:
            rotation.update(store, spent, decide)

    def _reset(self, store, sender, names, wanted):
        """Let the operator set new passwords, by the same steps as a rotation, so that they cannot be lost on the way."""
        fresh = dict.fromkeys(names, lambda record: policy.generate(wanted))
        staged = rotation.stage_these(store, fresh, _REASON, uuid.uuid4().hex, utc_now(), self.check_mode)
        due = {user["name"]: user for user in staged}
        if self.check_mode:
            return {name: dict(name=name, action="reset", password=None, verified=None, error=None) for name in names}
        results = sender.send(store, due, wanted)
        committed = rotation.commit(store, staged, read_results(results["users"]), to_text(utc_now()))
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
    pending = [(PENDING, record.pending.password)] if record.pending else []
    replaced = record.pending.replaces if record.pending else None
    known = pending + [(CURRENT, record.password), (PREVIOUS, record.previous), (PREVIOUS, replaced)]
    return [(what, password) for what, password in known if password]


def _lost(name, message, error=None):
    error = error or VendorError(errors.CURRENT_PASSWORD_WRONG if message else errors.NOT_VERIFIED, message or "No login could tell.").as_dict()
    return dict(name=name, action=None, password=None, verified=None, error=error)


def _line(user):
    if user["error"]:
        return "%s: NOT repaired: %s (%s)" % (user["name"], user["error"]["message"], user["error"]["kind"])
    if user["action"] == "reset":
        return "%s: has a new password" % user["name"]
    told = "the %s password logs in" % user["password"]
    return "%s: %s%s" % (user["name"], told, "; the record was brought in line" if user["action"] == "repaired" else ", as the record says")
