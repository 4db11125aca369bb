# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hands staged passwords to the vendor's module: what was never sent without a look, what may be in force after one."""

from __future__ import annotations

from ansible_collections.rekey.passwords.plugins.module_utils import change, errors
from ansible_collections.rekey.passwords.plugins.module_utils.argument_spec import secrets
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import ALWAYS, WHEN_CHANGED

from . import rotation
from .ages import utc_now
from .policy import better, generate
from .vendor_module import run_vendor_module, vendor_module

_SET_BY_THE_ROTATION = ("users", "name", "password", "current_password", "update_password")
_PASSED_ON = ("changed", "failed", "msg", "error", "users", "warnings", "deprecations", "unreachable")


class Sender:
    """The way to the users of one host.

    :param action: the action plugin that sends.
    :param task_vars: the variables of its task.
    :param vendor: the module's name without ``_user_password``.
    :param connection: options of the vendor's module.
    :param given: what the inventory tells of the users, dict from name to dict.
    :param scrub: learns every secret that is read.
    :raises VendorError: ``invalid_input``.
    """

    def __init__(self, action, task_vars, vendor, connection, given, scrub):
        self._action, self._task_vars, self._name = action, task_vars, vendor
        self._module = vendor_module(vendor)
        self.capabilities = self._module.VENDOR.capabilities
        for name in _SET_BY_THE_ROTATION:
            if name in connection:
                raise VendorError(errors.INVALID_INPUT, "connection must not hold %s: the rotation sets it." % name)
        self._connection = dict(connection)
        self._given = given
        self._scrub = scrub
        scrub.add(*secrets(self._module.SPEC["argument_spec"], connection))

    def send(self, store, staged, policy):
        """Send the pending passwords of staged users. Whoever calls holds the host's lock.

        :param store: a :class:`~.stores.base.Store`.
        :param staged: dict from name to what was staged, of those who are due.
        :param policy: a :class:`~.policy.Policy`, for passwords in place of those that the vendor refuses; ``None`` to leave it at that.
        :return: the module's result, with all users.
        """
        operator = self._operator_passwords(store)
        sent = rotation.send(store, staged, self.capabilities, utc_now())
        entries = [self._entry(name, *sent[name]) for name in sent]
        results = self._run(entries, operator)
        if policy is not None:
            self._send_better(store, staged, sent, results, policy)
        missing = [name for name in staged if name not in sent]
        now = store.get(missing) if missing else {}
        others = [_superseded(name, rotation.is_finished(now[name].record, staged[name])) for name in missing]
        results["users"].extend(others)
        lost = [user for user in others if user["error"]]
        if lost:
            results.update(failed=True, msg=results.get("msg") or lost[0]["error"]["message"])
        return results

    def foresee(self, store, staged, policy):
        """What :meth:`send` would do; nothing was staged, so a password that is thrown away stands for the new one."""
        records = {name: entry.record for name, entry in store.get(staged).items()}
        entries = []
        for name in staged:
            record, given = records[name], self._given.get(name) or {"name": name}
            self._scrub.add(*(record.secrets if record else ()))
            current = (record.known_password if record else None) or given.get("current_password")
            if record and record.pending:
                entries.append(self._entry(name, record, *rotation.how_to_send(record, self.capabilities, utc_now())))
            else:
                entries.append(dict(self._extras(name), password=generate(policy), current_password=current, update_password=ALWAYS))
        return self._run(entries, self._operator_passwords(store))

    def know_operator(self):
        """Look for the operator's password in the store, even if the operator is none of the users that were given."""
        name = self._module.VENDOR.operator_name(self._connection)
        if name:
            self._given.setdefault(name, {"name": name})

    def probe(self, store, users):
        """Log in with passwords, and change nothing.

        :param store: a :class:`~.stores.base.Store`, which may know the operator's password.
        :param users: list of dicts with ``name``, ``password`` and ``failed_logins``.
        :return: dict from name to the user's result, in which ``verified`` is true, false, or null with an ``error`` that tells why.
        :raises VendorError: concerns all of them.
        """
        # Check mode finds out whether the wanted password is in force. As the current one it is given, too, where a vendor insists on one.
        entries = [dict(self._extras(user["name"]), **user, current_password=user["password"], update_password=WHEN_CHANGED) for user in users]
        self._scrub.add(*(user["password"] for user in users))
        results = self._run(entries, self._operator_passwords(store), check_mode=True)
        error = results.get("error")
        if error or len(results["users"]) < len(users):
            raise VendorError(error["kind"] if error else errors.UNEXPECTED_RESPONSE, error["message"] if error else "The vendor's module told nothing.")
        before = {user["name"]: user["failed_logins"] for user in users}
        return {user["name"]: self._judged(user, before[user["name"]]) for user in results["users"]}

    def _judged(self, user, failed_before):
        """A result in check mode as one of a login."""
        verified = _logs_in(user, failed_before)
        error = user["error"] if verified is None else None
        if verified is None and error is None:
            most = self.capabilities.most_failed_probes
            if most is not None and user["failed_logins"] >= most:
                told = VendorError(errors.LOGIN_BUDGET_SPENT, change.SPENT % (user["name"], "%d logins have failed of late" % user["failed_logins"]))
            else:
                told = VendorError(errors.NOT_VERIFIED, "No login can be made there to find out.")
            error = told.as_dict()
        return dict(user, verified=verified, error=error)

    def _extras(self, name):
        return {key: value for key, value in (self._given.get(name) or {"name": name}).items() if key != "current_password"}

    def _entry(self, name, record, mode, failed_logins):
        """One element of the module's ``users``."""
        self._scrub.add(*record.secrets)
        return dict(
            self._extras(name), password=record.pending.password, current_password=record.known_password, update_password=mode, failed_logins=failed_logins
        )

    def _send_better(self, store, staged, sent, results, policy):
        """Once, for those whose passwords the vendor's policy has refused."""
        refused = {user["name"]: user for user in results["users"] if (user.get("error") or {}).get("kind") == errors.PASSWORD_REJECTED}
        if not refused:
            return
        replaced = rotation.replace_refused(store, staged, refused, better(policy, self.capabilities), utc_now())
        entries = [self._entry(name, record, ALWAYS, refused[name].get("failed_logins") or sent[name][2]) for name, record in replaced.items()]
        if not entries:
            return
        again = self._run(entries, self._operator_passwords(store))
        told = {user["name"]: user for user in again["users"]}
        users = [told.get(user["name"], user) for user in results["users"]]
        failed = [user for user in users if user.get("error")]
        results.update(users=users, changed=bool(results.get("changed") or again.get("changed")), failed=bool(failed))
        results["warnings"] = list(results.get("warnings") or []) + list(again.get("warnings") or [])
        if failed:
            results["msg"] = "%d of %d users failed; the first is %s: %s" % (len(failed), len(users), failed[0]["name"], failed[0]["error"]["message"])
        else:
            results.pop("msg", None)

    def _run(self, entries, operator_passwords, check_mode=None):
        results = {"users": []}
        for passwords in operator_passwords if entries else ():
            args = dict(self._connection, **passwords, users=entries)
            results = run_vendor_module(self._action, self._name, args, self._task_vars, check_mode)
            if (results.get("error") or {}).get("kind") != errors.AUTHENTICATION_FAILED:
                break
            if any(user["state"] in (change.CHANGED, change.UNKNOWN) for user in results.get("users") or []):
                # The operator could log in for a while. A second call would send once more what may be in force already.
                break
        # A module that crashed elsewhere may have left anything in its result.
        results = {key: value for key, value in results.items() if key in _PASSED_ON}
        results.setdefault("users", [])
        return results

    def _operator_passwords(self, store):
        """The options to try for the operator's login, in order; to be asked for before anything is sent.

        An operator that is rotated like any other user has its password in the store, which then knows better than the inventory. After a
        run that died, its pending password may be the one in force.

        :return: list of dicts with the operator's password option; one empty dict if the operator is no user of this store.
        """
        vendor = self._module.VENDOR
        name = vendor.operator_name(self._connection)
        record = store.get([name])[name].record if name in self._given else None
        if record is None:
            return [{}]
        self._scrub.add(*record.secrets)
        option = vendor.operator_options[1]
        found = [record.password or self._connection.get(option)]
        if record.pending and record.pending.sent:
            found.append(record.pending.password)
        return [{option: password} for password in found if password] or [{}]


def _logs_in(user, failed_before):
    """What a result in check mode tells of the wanted password; ``None`` for nothing."""
    if user["state"] == change.UNCHANGED and user["verified"]:
        return True
    wrong = user["state"] == change.WOULD_CHANGE or (user["error"] or {}).get("kind") == errors.CURRENT_PASSWORD_WRONG
    return False if wrong and user["failed_logins"] > failed_before else None


def _superseded(name, finished):
    """The result of a user whose staged password is not there any more."""
    if finished:
        # Nothing is left to be done for it.
        return dict(name=name, id=None, state=change.UNCHANGED, verified=None, error=None)
    error = VendorError(errors.STORE_CONFLICT, "Another run has staged %s anew meanwhile; it was left alone." % name)
    return dict(name=name, id=None, state="failed", verified=None, error=error.as_dict())
