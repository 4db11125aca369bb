# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.plugin_utils import rotation
from ansible_collections.rekey.passwords.plugins.plugin_utils.action import RotationAction, read_users
from ansible_collections.rekey.passwords.plugins.plugin_utils.ages import from_text, parse_age, to_text, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.records import ORPHANED
from ansible_collections.rekey.passwords.plugins.plugin_utils.sending import Sender
from ansible_collections.rekey.passwords.plugins.plugin_utils.stores.base import OPTIONS as STORE_OPTIONS

_ABSENT = "absent"  # the store has no record


class ActionModule(RotationAction):
    """Tells what the store knows of each user, and on demand whether the current passwords log in."""

    STORE_SPEC = STORE_OPTIONS
    SPEC = dict(
        vendor=dict(type="str"),
        connection=dict(type="dict", default={}),
        users=dict(type="list", elements="raw"),
        max_age=dict(type="str", default="30d"),
        verify=dict(type="bool", default=False),
    )

    def rotate(self, args, task_vars, scrub):
        if args["verify"] and not args["vendor"]:
            raise VendorError(errors.INVALID_INPUT, "verify needs vendor: a login is made by the vendor's module.")
        store = self.store(args, task_vars)
        given = {user["name"]: user for user in read_users(store.list() if args["users"] is None else args["users"])}
        max_age = parse_age(args["max_age"], "max_age")
        now = utc_now()
        records = {name: entry.record for name, entry in store.get(given).items()}
        users = [_status(name, records[name], max_age, now) for name in given]
        result = dict(changed=False, users=users)
        if args["verify"]:
            sender = Sender(self, task_vars, args["vendor"], args["connection"], dict(given), scrub)
            sender.know_operator()
            self._verify(store, sender, users, records, now)
        # Where no login can be made at all, as in front of a database that cannot be reached, nothing is known to be wrong.
        wrong = [user["name"] for user in users if user["verified"] is False or (user["error"] or {}).get("kind") not in (None, errors.NOT_VERIFIED)]
        if wrong:
            result.update(failed=True, msg="%d of %d users cannot log in with their current passwords: %s" % (len(wrong), len(users), ", ".join(wrong)))
        return dict(result, summary=[_line(user) for user in users])

    def _verify(self, store, sender, users, records, now):
        """Log in with every current password; a login that failed is counted, so that other runs stay below the vendor's lock-out."""
        window = sender.capabilities.lockout_window
        known = {name: record for name, record in records.items() if record and record.password}
        before = {name: record.recent_failed_logins(now, window) for name, record in known.items()}
        found = sender.probe(store, [dict(name=name, password=record.password, failed_logins=before[name]) for name, record in known.items()])
        for user in users:
            told = found.get(user["name"])
            if told:
                user.update(verified=told["verified"], error=told["error"])
        failed = {name: told["failed_logins"] for name, told in found.items() if told["failed_logins"] > before[name]}
        rotation.note_failed_logins(store, failed, sender.capabilities, now, self.check_mode)


def _status(name, record, max_age, now):
    told = dict(
        name=name, status=_ABSENT, rotated_at=None, age=None, due_at=None, due=True, pending=False, pending_since=None, attempts=0, failed_logins=0,
        last_error=None, verified=None, error=None,
    )  # fmt: skip
    if record is None:
        return told
    told.update(status=record.status, failed_logins=record.failed_logins, last_error=record.last_error, rotated_at=record.rotated_at)
    if record.rotated_at:
        rotated = from_text(record.rotated_at)
        told.update(age=int((now - rotated).total_seconds()), due_at=to_text(rotated + datetime.timedelta(seconds=max_age)))
    if record.pending:
        told.update(pending=True, pending_since=record.pending.created, attempts=record.pending.attempts)
    told["due"] = rotation.why_due(record, max_age, False, now) not in (None, ORPHANED)
    return told


def _line(user):
    parts = [user["status"]]
    if user["rotated_at"]:
        parts.append("rotated %s (%s ago)" % (user["rotated_at"], _duration(user["age"])))
    parts.append("ORPHANED: needs a repair" if user["status"] == ORPHANED else "due" if user["due"] else "due %s" % user["due_at"])
    if user["pending"]:
        parts.append("a new password is pending since %s, %d attempts" % (user["pending_since"], user["attempts"]))
    if user["last_error"]:
        parts.append("last error: %s (%s)" % (user["last_error"].get("message"), user["last_error"].get("kind")))
    if user["verified"] is not None:
        parts.append("logs in" if user["verified"] else "DOES NOT LOG IN")
    if user["error"]:
        parts.append("no login could tell: %s" % user["error"]["message"])
    return "%s: %s" % (user["name"], "; ".join(parts))


def _duration(seconds):
    """Seconds in the largest unit that fits, as ages are written."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return "%d%s" % (seconds // size, unit)
    return "%ds" % seconds
