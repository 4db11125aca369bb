# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivers staged passwords to the vendor's module: those never sent before go straight out, any that may be in force already are checked by a login first.

What the vendor cannot have seen is not noted: before anything is, it is certain that the module can run, and that the operator may log in.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any, Callable, Dict, Iterable, List, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import ALWAYS, NEVER, Vendor

from .._times import utc_now
from .._vendor_runner import (
    NotRun,
    is_local,
    require_libraries,
    rotates_here,
    run_vendor_module,
    task_environment,
)
from ..record import Record
from ..store import Store
from . import protocol
from .connection import resolve
from .operator import CURRENT, EARLIER, GIVEN, PENDING, AlreadyRefused, Candidate, OperatorLogins
from .policy import Policy, generate, stricter_policy
from .read_only import counters
from .targets import Secret, TargetNote

_PASSED_ON = ("changed", "failed", "msg", "error", "users", "warnings", "deprecations", "unreachable")


class Delivery:
    """The way to the users of one host.

    ``vendor_class`` is the vendor, ``params`` its options as they were resolved (environment, defaults), ``target`` what identifies the endpoint.

    :param action: the action plugin that sends.
    :param task_vars: the variables of its task.
    :param vendor: the module's name without ``_user_password``.
    :param module: its file, with ``VENDOR`` and ``SPEC``.
    :param connection: its options.
    :param users: what the inventory says of the users, by name.
    :param scrub: learns every secret that is read.
    :raises PasswordError: ``invalid_input``; nothing has been read or written yet.
    """

    def __init__(
        self,
        action: ActionBase,
        task_vars: Dict[str, Any],
        *,
        vendor: str,
        module: ModuleType,
        connection: Dict[str, Any],
        users: Dict[str, dict],
        scrub: Scrubber,
    ) -> None:
        self._action, self._task_vars, self._name = action, task_vars, vendor
        self.vendor_class: type[Vendor] = module.VENDOR
        self.capabilities = self.vendor_class.capabilities
        self._users, self._scrub = users, scrub
        resolved = resolve(module, connection, task_environment(action), is_local(action), scrub.add)
        self.params, self.target, self._options = resolved.params, resolved.target, resolved.options
        self.sent: Dict[str, Record] = {}  # what was sent and may be in force: the records as they were then
        self._proved: Optional[str] = None  # the operator's password that has logged in last

    def account(self, name: str) -> str:
        """What tells a user from any other at the target, see :meth:`.vendor.Vendor.account_identity`."""
        for_all = {
            key: self.params.get(key) for key in self.vendor_class.user_spec if key not in self.vendor_class.identifiers
        }
        own = {key: value for key, value in (self._users.get(name) or {}).items() if value is not None}
        return self.vendor_class.account_identity(dict(for_all, **dict(own, name=name)))

    def send(self, store, staged, policy):
        """Send the pending passwords of staged users. Whoever calls holds the host's lock.

        :param store: a :class:`~.store.Store`.
        :param staged: dict from name to what was staged, of those who are due.
        :param policy: a :class:`~.policy.Policy`, for passwords in place of those that the vendor refuses; ``None`` to leave it at that.
        :return: the module's result, with all users.
        """
        operator = self._operator(store)
        try:
            require_libraries(self._action, self._task_vars)
            operator.begin()
        except PasswordError as error:
            return self._nobody(staged, error)
        try:
            sent = protocol.mark_sent(store, staged, self.capabilities, utc_now())
        except Exception:
            operator.logins.was_not_made()
            raise
        entries = [self._entry(name, *sent[name], operator) for name in sent]
        self.sent.update((name, sent[name][0]) for name in sent)
        try:
            results = self._run(entries, operator)
            nothing = self._was_ended_before_anybody(results, operator)
        except PasswordError as error:
            results, nothing = self._nobody(sent, error), not (isinstance(error, NotRun) and error.begun)
        if nothing:
            protocol.take_back(
                store, {name: (staged[name], sent[name][2]) for name in sent}, self.capabilities, utc_now()
            )
            for name in sent:
                del self.sent[name]
        if policy is not None:
            self._retry_rejected(store, staged, sent, results, policy)
        # Whatever became of the records meanwhile: what may be in force is in the store before anything else happens.
        protocol.put_back(store, {name: self.sent[name] for name in sent if name in self.sent})
        missing = [name for name in staged if name not in sent]
        now = store.get(missing) if missing else {}
        others = [_superseded(name, protocol.is_finished(now[name].record, staged[name])) for name in missing]
        results["users"].extend(others)
        lost = [user for user in others if user["error"]]
        if lost:
            results.update(failed=True, msg=results.get("msg") or lost[0]["error"]["message"])
        return results

    def foresee(self, store, staged, policy):
        """What :meth:`send` would do; nothing was staged, so a password that is thrown away stands for the new one."""
        records = {name: entry.record for name, entry in store.get(staged).items()}
        operator = self._operator(store)
        if operator.logins.counted and not store.is_begun:
            # The operator's login may fail, too, and check mode begins no store in which to count it.
            return self._untried(staged)
        entries = []
        for name in staged:
            record, given = records[name], self._users.get(name) or {"name": name}
            self._scrub.add(*(record.secrets if record else ()))
            current = (record.known_password if record else None) or given.get("current_password")
            if record and record.pending:
                entries.append(
                    self._entry(name, record, *protocol.how_to_send(record, self.capabilities, utc_now()), operator)
                )
            else:
                entries.append(
                    dict(
                        self._extras(name), password=generate(policy), current_password=current, update_password=ALWAYS
                    )
                )
        try:
            return self._run(entries, operator)
        except PasswordError as error:
            return self._nobody(staged, error)

    def _untried(self, staged: Iterable[str]) -> dict:
        """What check mode foresees where it makes no login at all."""
        users = [dict(name=name, id=None, state=_change.WOULD_CHANGE, verified=None, error=None) for name in staged]
        warning = (
            "Check mode made no login at %s, not even the operator's: there is no store yet that could count a failed one."
            % self.capabilities.title
        )
        return dict(changed=bool(users), users=users, warnings=[warning])

    def know_operator(self):
        """Look for the operator's password in the store, even if the operator is none of the users that were given."""
        name = self.vendor_class.operator_name(self.params)
        if name:
            self._users.setdefault(name, {"name": name})

    @property
    def may_probe(self) -> bool:
        """Whether :meth:`probe` makes logins: in check mode it does so only where a failed one costs nothing."""
        return self.capabilities.failed_logins_per_call is None or not self._action._task.check_mode

    def probe(self, store, users):
        """Log in with passwords, and change nothing.

        :param store: a :class:`~.store.Store`, which may know the operator's password.
        :param users: list of dicts with ``name``, ``password`` and ``failed_logins``.
        :return: dict from name to the user's result, in which ``verified`` is true, false, or null with an ``error`` that tells why.
        :raises PasswordError: concerns all of them.
        """
        if not self.may_probe:
            error = PasswordError(errors.NOT_VERIFIED, _change.UNTRIED % self.capabilities.title).as_dict()
            return {
                user["name"]: dict(name=user["name"], verified=None, error=error, failed_logins=user["failed_logins"])
                for user in users
            }
        # What whoever calls has counted for the logins of this call has not happened yet.
        operator = self._operator(store, {user["name"]: user["failed_logins"] for user in users})
        # As the current one it is given, too, where a vendor insists on one.
        entries = [
            dict(
                self._extras(user["name"]),
                **dict(user, failed_logins=user["failed_logins"] + operator.extra_failures(user["name"])),
                current_password=user["password"],
                update_password=NEVER,
            )
            for user in users
        ]
        self._scrub.add(*(user["password"] for user in users))
        results = self._run(entries, operator, check_mode=False)
        error = results.get("error")
        if error or len(results["users"]) < len(users):
            raise PasswordError(
                error["kind"] if error else errors.UNEXPECTED_RESPONSE,
                error["message"] if error else "The vendor's module told nothing.",
            )
        return {user["name"]: _judged(user) for user in results["users"]}

    def _extras(self, name):
        return {
            key: value for key, value in (self._users.get(name) or {"name": name}).items() if key != "current_password"
        }

    def _entry(self, name, record, mode, failed_logins, operator):
        """One element of the module's ``users``."""
        self._scrub.add(*record.secrets)
        return dict(
            self._extras(name),
            password=record.pending.password,
            current_password=record.known_password,
            update_password=mode,
            failed_logins=failed_logins + operator.extra_failures(name),
        )

    def _retry_rejected(self, store, staged, sent, results, policy):
        """Once, for those whose passwords the vendor's policy has refused."""
        refused = {
            user["name"]: user
            for user in results["users"]
            if (user.get("error") or {}).get("kind") == errors.PASSWORD_REJECTED
        }
        if not refused:
            return
        stricter = stricter_policy(policy, self.capabilities)
        replaced = protocol.replace_refused(store, staged, refused, stricter, utc_now())
        operator = self._operator(store)
        entries = [
            self._entry(name, record, ALWAYS, refused[name].get("failed_logins") or sent[name][2], operator)
            for name, record in replaced.items()
        ]
        if not entries:
            return
        try:
            self.sent.update(replaced)
            again = self._run(entries, operator)
        except PasswordError as error:
            again = self._nobody(replaced, error)
        told = {user["name"]: user for user in again["users"]}
        users = [told.get(user["name"], user) for user in results["users"]]
        failed = [user for user in users if user.get("error")]
        results.update(users=users, changed=bool(results.get("changed") or again.get("changed")), failed=bool(failed))
        results["warnings"] = (
            list(results.get("warnings") or [])
            + list(again.get("warnings") or [])
            + _against_the_policy(replaced, policy, stricter)
        )
        if failed:
            results["msg"] = "%d of %d users failed; the first is %s: %s" % (
                len(failed),
                len(users),
                failed[0]["name"],
                failed[0]["error"]["message"],
            )
        else:
            results.pop("msg", None)

    def forget_operator(self, store: Store, names: Iterable[str]) -> None:
        """Forget the failed logins of whoever acts for all, if it is one of these users or none at all: somebody has unlocked them by hand."""
        counted, name = self._counted_operator(), self.vendor_class.operator_name(self.params)
        if counted and (name is None or name in names):
            TargetNote(store, self._name, self.target).operator_login_worked(counted)

    def _counted_operator(self) -> Optional[str]:
        return (
            self.vendor_class.counted_operator(self.params)
            if self.capabilities.failed_logins_per_call is not None
            else None
        )

    def _run(self, entries, operator, check_mode=None):
        """Run the vendor's module, with the operator's passwords one after the other until one logs in.

        :raises PasswordError: nothing was sent; :class:`~._vendor_runner.NotRun`.
        """
        results: Dict[str, Any] = {"users": []}
        refused: Optional[AlreadyRefused] = None
        if not entries:
            operator.logins.was_not_made()
        for candidate in operator.candidates if entries else ():
            try:
                operator.begin_as(candidate)
            except AlreadyRefused as error:
                refused = error
                continue
            except PasswordError:
                if results["users"]:
                    break  # what is known is that another password was refused
                raise
            results = self._run_as(candidate, entries, operator, check_mode)
            if (results.get("error") or {}).get("kind") != errors.AUTHENTICATION_FAILED:
                break
            if any(user["state"] in (_change.CHANGED, _change.UNKNOWN) for user in results["users"]):
                # The operator could log in for a while. A second call would send once more what may be in force already.
                break
        if refused and not results["users"]:
            raise refused
        return results

    @staticmethod
    def _was_ended_before_anybody(results: dict, operator: "_Operator") -> bool:
        """Whether it is certain that neither a login nor a change was tried for any of the users: the call as a whole failed, and before that."""
        error = results.get("error")
        if (
            not error
            or not results["users"]
            or any(user["state"] != _change.FAILED or user.get("error") != error for user in results["users"])
        ):
            return False
        # The operator may be refused in the middle of a batch, and what is unforeseen may happen anywhere.
        return (
            operator.logins.refused_at_once
            if error.get("kind") == errors.AUTHENTICATION_FAILED
            else error.get("kind") != errors.UNEXPECTED_RESPONSE
        )

    def _run_as(
        self, candidate: Candidate, entries: List[dict], operator: "_Operator", check_mode: Optional[bool]
    ) -> dict:
        """One run of the module."""
        option = self.vendor_class.operator_options[1] if candidate.password else None
        args = dict(self._options, **({option: candidate.password} if option else {}), users=entries)
        more: Dict[str, Callable[[], None]] = {"opened": operator.logins.worked} if operator.logins.counted else {}
        try:
            results = run_vendor_module(self._action, self._name, args, self._task_vars, check_mode, **more)
        except NotRun as error:
            if error.begun:
                operator.logins.is_in_doubt()
            else:
                operator.logins.was_not_made()
            raise
        except PasswordError:
            operator.logins.was_not_made()
            raise
        nearby = operator.logins.counted and rotates_here(self._action, self._task_vars)
        operator.logins.ended(results, nearby)
        if (results.get("error") or {}).get("kind") != errors.AUTHENTICATION_FAILED:
            self._proved = candidate.password or self.params.get(option or "") or _AS_GIVEN
        # A module that crashed elsewhere may have left anything in its result.
        results = {key: value for key, value in results.items() if key in _PASSED_ON}
        results["users"] = [operator.without_extra(user) for user in _placed(entries, results.get("users") or [])]
        return results

    def _nobody(self, names, error: PasswordError) -> dict:
        """The result of a call in which nothing is known to have been done for anybody.

        :param names: of the users.
        """
        begun = isinstance(error, NotRun) and error.begun
        doubt = (
            "The vendor's module did not come to its end, so the change may or may not have happened: ",
            *error.parts,
        )
        told = (error.with_message(doubt, errors.OUTCOME_UNKNOWN) if begun else error).as_dict(self._scrub)
        state = _change.UNKNOWN if begun else _change.FAILED
        users = [dict(name=name, id=None, state=state, verified=None, error=told) for name in names]
        result = dict(changed=False, failed=True, msg=told["message"], error=told, users=users)
        if getattr(error, "unreachable", False):
            result["unreachable"] = True
        return result

    def _operator(self, store: Store, failures: Optional[Dict[str, int]] = None) -> "_Operator":
        """Who acts for all, and the passwords to try for that, in order; to be asked for before anything is sent.

        An operator that is rotated like any other user has its password in the store, which then knows better than the inventory. After a
        run that died, its pending password may be the one in force; and where the store was restored from an old copy, or has never had one that
        was proved, the user's may be.

        :param failures: how many logins of users have failed, where the records say more.
        """
        vendor, rules = self.vendor_class, self.capabilities
        name = vendor.operator_name(self.params)
        record: Optional[Record] = store.get([name])[name].record if name in self._users else None
        candidates = [Candidate(None, GIVEN)]
        if record is not None:
            self._scrub.add(*record.secrets)
            given = self.params.get(vendor.operator_options[1])
            found = [Candidate(record.known_password, CURRENT)] if record.known_password else [Candidate(given, GIVEN)]
            if record.pending and record.pending.sent:
                found.append(Candidate(record.pending.password, PENDING))
            found.append(Candidate(given, GIVEN))
            # A change that was given up may have arrived since.
            found.extend(Candidate(item.password, EARLIER) for item in record.earlier)
            # Each once, where it comes first.
            passwords = [one.password for one in found]
            candidates = [
                one for number, one in enumerate(found) if one.password and one.password not in passwords[:number]
            ] or candidates
        counted = self._counted_operator()
        # A failed login counts at the vendor in check mode, too.
        note = TargetNote(counters(store), self._name, self.target) if counted else None
        own = record.recent_failed_logins(utc_now(), protocol.window(rules)) if record else 0
        own = (failures or {}).get(name, own) if name else own
        for candidate in candidates if note else ():
            candidate.secret = self._login_secret(candidate)
        logins = OperatorLogins(
            note, counted, rules, own, record.rotated_at if record else None, self._action._task.check_mode
        )
        candidates = sorted(
            logins.in_order(candidates), key=lambda one: one.password is None or one.password != self._proved
        )
        return _Operator(
            name, logins, candidates, self._proved, self.params.get(vendor.operator_options[1]) if name else None
        )

    def _login_secret(self, candidate: Candidate) -> Secret:
        """All that a login of the operator consists of beside its name, whatever a vendor calls it."""
        found = {
            name: self.params.get(name)
            for name, option in self.vendor_class.argument_spec.items()
            if option.get("no_log")
        }
        if candidate.password:
            found[self.vendor_class.operator_options[1]] = candidate.password
        return Secret(json.dumps(found, sort_keys=True, default=str))


_AS_GIVEN = object()


class _Operator:
    """Who acts for all in one call of the module.

    :param name: of the user that it is; ``None`` if it is none of the vendor's users.
    :param candidates: the passwords to try.
    :param proved: the one that has logged in before, which needs no count.
    :param given: the user's.
    """

    def __init__(
        self,
        name: Optional[str],
        logins: OperatorLogins,
        candidates: List[Candidate],
        proved: Any,
        given: Optional[str],
    ) -> None:
        self.name, self.logins, self.candidates = name, logins, candidates
        self._proved, self._given = proved, given
        # Before a login of ours is under way.
        self._extra = logins.failures() if name else 0

    def begin(self) -> None:
        """Count the login that comes first, unless it cannot fail; the passwords that were refused before are passed over.

        :raises PasswordError: none may be made.
        """
        for number, candidate in enumerate(self.candidates):
            try:
                self.begin_as(candidate)
            except AlreadyRefused:
                if candidate is self.candidates[-1]:
                    raise
            else:
                self.candidates = self.candidates[number:]
                return

    def begin_as(self, candidate: Candidate) -> None:
        """Count the login that comes next, unless it was counted or cannot fail.

        :raises PasswordError: it may not be made.
        """
        if self._proved is None or (candidate.password or self._given or _AS_GIVEN) != self._proved:
            self.logins.begin(candidate)

    def extra_failures(self, name: str) -> int:
        """Failed logins of a user as the operator, which its record does not count."""
        return self._extra if name == self.name else 0

    def without_extra(self, user: dict) -> dict:
        """A user's result with the failed logins that its record is to count."""
        extra = self.extra_failures(user["name"])
        return (
            dict(user, failed_logins=max(user["failed_logins"] - extra, 0))
            if extra and isinstance(user.get("failed_logins"), int)
            else user
        )


def _placed(entries: List[dict], users: List[Any]) -> List[dict]:
    """The module's results under the names of those whose they are.

    Results come in the order of the entries. Their names may have been masked on the way, where a password stands in a name.
    """
    if len(users) != len(entries):
        names = {entry["name"] for entry in entries}
        return [
            user
            for user in users
            if isinstance(user, dict) and user.get("name") in names and isinstance(user.get("state"), str)
        ]
    found = []
    for entry, user in zip(entries, users):
        if not isinstance(user, dict) or not isinstance(user.get("state"), str):
            error = PasswordError(errors.OUTCOME_UNKNOWN, "The vendor's module told nothing about this user.").as_dict()
            user = dict(id=None, state=_change.UNKNOWN, verified=None, error=error)
        found.append(dict(user, name=entry["name"]))
    return found


def _judged(user: dict) -> dict:
    """The result of a login: an error where no login could tell, and none where the password is merely wrong."""
    error = user["error"] if user["verified"] is None else None
    if user["verified"] is None and error is None:
        error = PasswordError(errors.NOT_VERIFIED, "No login can be made there to find out.").as_dict()
    return dict(user, error=error)


def _against_the_policy(names: Iterable[str], asked: Policy, used: Policy) -> List[str]:
    """A warning if the vendor made us use characters that the user's policy leaves out."""
    classes = [
        name for name in ("upper", "lower", "digits", "symbols") if not getattr(asked, name) and getattr(used, name)
    ]
    if not classes:
        return []
    what = {"upper": "capital letters", "lower": "small letters", "digits": "digits", "symbols": "symbols"}
    told = (", ".join(names), ", ".join(what[name] for name in classes))
    return [
        "The vendor refused the passwords of %s; the new ones hold %s, although the policy (rotate_policy) leaves them out."
        % told
    ]


def _superseded(name, finished):
    """The result of a user whose staged password is not there any more."""
    if finished:
        # Nothing is left to be done for it.
        return dict(name=name, id=None, state=_change.UNCHANGED, verified=None, error=None)
    error = PasswordError(errors.STORE_CONFLICT, "Another run has staged %s anew meanwhile; it was left alone." % name)
    return dict(name=name, id=None, state="failed", verified=None, error=error.as_dict())
