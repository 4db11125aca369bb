# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.module_utils import change, errors
from ansible_collections.rekey.passwords.plugins.module_utils.argument_spec import secrets
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import ALWAYS, WHEN_CHANGED
from ansible_collections.rekey.passwords.plugins.plugin_utils import policy
from ansible_collections.rekey.passwords.plugins.plugin_utils.action import RotationAction, read_staged, read_users
from ansible_collections.rekey.passwords.plugins.plugin_utils.vendor_module import run_vendor_module, vendor_module

_PASSED_ON = ("changed", "failed", "msg", "error", "users", "warnings", "deprecations", "unreachable")


class ActionModule(RotationAction):
    """Hands all due users to the vendor's module in one call."""

    SPEC = dict(
        vendor=dict(type="str", required=True),
        connection=dict(type="dict", default={}),
        users=dict(type="list", elements="raw", required=True),
        staged=dict(type="list", elements="dict", required=True),
        policy=dict(type="dict", options=policy.OPTIONS),
    )

    def rotate(self, args, task_vars, scrub):
        module = vendor_module(args["vendor"])
        connection = dict(args["connection"])
        for name in ("users", "name", "password", "current_password", "update_password"):
            if name in connection:
                raise VendorError(errors.INVALID_INPUT, "connection must not hold %s: the rotation sets it." % name)
        scrub.add(*secrets(module.SPEC["argument_spec"], connection))

        given = {user["name"]: user for user in read_users(args["users"])}
        staged = {user["name"]: user for user in read_staged(args["staged"]) if user["due"]}
        if not staged:
            return dict(changed=False, users=[])
        records = {name: entry.record for name, entry in self.store(args, task_vars).get(set(given) | set(staged)).items()}
        scrub.add(*(secret for record in records.values() if record for secret in _secrets(record)))

        entries, lost = [], []
        for name, user in staged.items():
            entry = self._entry(given.get(name) or {"name": name}, user, records[name], module, args)
            (entries if entry else lost).append(entry or _superseded(name))

        results = {}
        for passwords in _operator_passwords(module.VENDOR, connection, records, staged):
            results = run_vendor_module(self, args["vendor"], dict(connection, **passwords, users=entries), task_vars)
            if (results.get("error") or {}).get("kind") != errors.AUTHENTICATION_FAILED:
                break
            if any(user["state"] in (change.CHANGED, change.UNKNOWN) for user in results.get("users") or []):
                # The operator could log in for a while. A second call would send once more what may be in force already.
                break
        # A module that crashed elsewhere may have left anything in its result.
        results = {key: value for key, value in results.items() if key in _PASSED_ON}
        results.setdefault("users", []).extend(lost)
        if lost:
            results.update(failed=True, msg=results.get("msg") or lost[0]["error"]["message"])
        return results

    def _entry(self, given, staged, record, module, args):
        """One element of the module's ``users``, or ``None`` if the pending password is not the one that this run staged."""
        extras = {key: value for key, value in given.items() if key != "current_password"}
        pending = record.pending if record else None
        if pending is not None and pending.run_id == staged["run_id"]:
            # A password that was never sent cannot be in force: no login is spent on finding out.
            mode = ALWAYS if _never_sent(pending, staged) else WHEN_CHANGED
            return dict(extras, password=pending.password, current_password=record.known_password, update_password=mode)
        if self.check_mode:
            # Nothing was stored, so a password that is thrown away shows what the vendor's module would do.
            throwaway = policy.generate(policy.policy_for(module.VENDOR.capabilities, args["policy"]))
            current = record.known_password if record else None
            return dict(extras, password=throwaway, current_password=current or given.get("current_password"), update_password=ALWAYS)
        return None


def _operator_passwords(vendor, connection, records, staged):
    """The options to try for the operator's login, in order.

    An operator that is rotated like any other user has its password in the store, which then knows better than the inventory. After a
    run that died, its pending password may be the one in force.

    :return: list of dicts with the operator's password option; one empty dict if the operator is no user of this store.
    """
    if vendor.operator_options is None:
        return [{}]
    password_option = vendor.operator_options[1]
    operator = vendor.operator_name(connection)
    record = records.get(operator)
    if record is None:
        return [{}]
    found = [record.password or connection.get(password_option)]
    if record.pending and not _never_sent(record.pending, staged.get(operator)):
        found.append(record.pending.password)
    return [{password_option: password} for password in found if password] or [{}]


def _never_sent(pending, staged):
    """Whether a pending password is certainly in force nowhere: this run has made it, and no other run has joined since."""
    return staged is not None and staged["fresh"] and staged["run_id"] == pending.run_id and pending.attempts == 1


def _secrets(record):
    found = [record.password, record.previous]
    if record.pending:
        found += [record.pending.password, record.pending.replaces]
    return found


def _superseded(name):
    error = VendorError(errors.STORE_CONFLICT, "Another run has staged or finished %s meanwhile; it was left alone." % name)
    return dict(name=name, id=None, state="failed", verified=None, error=error.as_dict())
