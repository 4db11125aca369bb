# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends staged passwords to the vendor's module: those never sent before go straight out, any that may be in force already are checked by a login first.

What the vendor cannot have seen is not noted: before anything is, it is certain that the module can run, and that the operator may log in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors
from ansible_collections.rekey.passwords.plugins.module_utils._results import State, UserResult
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
from ..record import Identity, Record
from ..store import Store
from . import protocol, user_options
from .connection import resolve
from .operator import AlreadyRefused, Candidate, Operator
from .operator_account import OperatorAccount
from .policy import Policy, generate, stricter_policy
from .restoration import put_back
from .results import ModuleResult, against_the_policy, ended_before_anybody, foreseen, judged, not_sent, superseded
from .settlement import is_finished
from .users import Sending, StagedUser


class Sender:
    """Sends passwords to the vendor for the users of one host.

    ``vendor_class`` is the vendor, ``params`` its options as they were resolved (environment, defaults), ``target`` what identifies the endpoint.

    :param action: the action plugin that sends.
    :param task_vars: the variables of its task.
    :param connection: its options.
    :param users: what the inventory says of the users, by name.
    :param scrub: learns every secret that is read.
    :param policies: of the users with one of their own.
    :raises PasswordError: ``invalid_input``; nothing has been read or written yet.
    """

    def __init__(
        self,
        action: ActionBase,
        task_vars: Dict[str, Any],
        *,
        vendor: type[Vendor],
        connection: Dict[str, Any],
        users: Dict[str, Dict[str, Any]],
        scrub: Scrubber,
        policies: Optional[Mapping[str, Policy]] = None,
    ) -> None:
        self._action, self._task_vars, self.vendor_class = action, task_vars, vendor
        self.capabilities = self.vendor_class.capabilities
        self._users, self._scrub, self._policies = users, scrub, policies or {}
        resolved = resolve(
            vendor,
            connection,
            environment=task_environment(action),
            nearby=is_local(action),
            learn=scrub.add,
        )
        self.params, self.target, self._options = resolved.params, resolved.target, resolved.options
        self.sent: Dict[str, Record] = {}  # what was sent and may be in force: the records as they were then
        self._account = OperatorAccount(
            vendor, self.params, self.target, scrub=scrub, check_mode=action._task.check_mode
        )

    def account(self, name: str) -> str:
        """Identifies a user at the target, see :meth:`.vendor.Vendor.account_identity`."""
        for_all = {
            key: self.params.get(key) for key in self.vendor_class.user_spec if key not in self.vendor_class.identifiers
        }
        own = {key: value for key, value in (self._users.get(name) or {}).items() if value is not None}
        return self.vendor_class.account_identity(dict(for_all, **dict(own, name=name)))

    def identities(self, names: Iterable[str]) -> Dict[str, Identity]:
        """Whose passwords a task is about."""
        return {name: Identity(self.vendor_class.name, self.target, self.account(name)) for name in names}

    def send(self, store: Store, staged: Dict[str, StagedUser], policy: Optional[Policy]) -> ModuleResult:
        """Send the pending passwords of staged users. The caller holds the host's lease.

        :param staged: the users that are due, by name.
        :param policy: for passwords in place of those that the vendor refuses; ``None`` for no further try.
        :return: with all users.
        """
        operator = self._operator(store)
        try:
            require_libraries(self._action, self._task_vars)
            operator.begin()
        except PasswordError as error:
            return self._nobody(staged, error)
        try:
            sending, refused = protocol.mark_sent(
                store, staged, self.capabilities, now=utc_now(), identities=self.identities(staged)
            )
        except Exception:
            operator.logins.was_not_made()
            raise
        entries = [self._entry(name, one, operator) for name, one in sending.items()]
        self.sent.update((name, one.record) for name, one in sending.items())
        try:
            result = self._run(entries, operator)
            nothing_was_sent = ended_before_anybody(result, refused_at_once=operator.logins.refused_at_once)
        except PasswordError as error:
            result = self._nobody(sending, error)
            nothing_was_sent = not (isinstance(error, NotRun) and error.begun)
        if nothing_was_sent:
            protocol.take_back(store, sending, self.capabilities, now=utc_now())
            for name in sending:
                del self.sent[name]
        if policy is not None:
            self._retry_rejected(store, staged, sending, result, policy)
        # Whatever happened to the records meanwhile: passwords that may be in force are in the store before anything else happens.
        put_back(store, {name: self.sent[name] for name in sending if name in self.sent})
        self._add_unsent(store, {name: user for name, user in staged.items() if name not in sending}, refused, result)
        return result

    @staticmethod
    def _add_unsent(
        store: Store, unsent: Dict[str, StagedUser], refused: Dict[str, PasswordError], result: ModuleResult
    ) -> None:
        """Add the users for whom nothing was sent to the results."""
        entries = store.get(unsent) if unsent else {}
        others = [
            not_sent(name, refused[name])
            if name in refused
            else superseded(name, is_finished(entries[name].record, user))
            for name, user in unsent.items()
        ]
        result.users.extend(others)
        lost = [user.error for user in others if user.error]
        if lost:
            result.failed, result.msg = True, result.msg or lost[0]["message"]

    def foresee(self, store: Store, staged: Dict[str, StagedUser], policy: Policy) -> ModuleResult:
        """What :meth:`send` would do; nothing was staged, so a throw-away password stands for the new one."""
        records = {name: entry.record for name, entry in store.get(staged).items()}
        operator = self._operator(store)
        if operator.logins.counted and not store.is_begun:
            # The operator's login may fail, too, and check mode begins no store in which to count it.
            return self._untried(staged)
        entries = []
        for name in staged:
            record, user = records[name], self._users.get(name) or {"name": name}
            self._scrub.add(*(record.secrets if record else ()))
            current = (record.known_password if record else None) or user.get("current_password")
            if record and record.pending:
                mode, failed_logins = protocol.how_to_send(record, self.capabilities, utc_now())
                entries.append(self._entry(name, Sending(record, mode, failed_logins), operator))
            else:
                entries.append(
                    dict(
                        self._extras(name),
                        password=generate(self._policies.get(name, policy)),
                        current_password=current,
                        update_password=ALWAYS,
                    )
                )
        try:
            return self._run(entries, operator)
        except PasswordError as error:
            return self._nobody(staged, error)

    def _untried(self, staged: Iterable[str]) -> ModuleResult:
        """The result of a dry run that makes no login at all."""
        users = [foreseen(name) for name in staged]
        warning = (
            "Check mode made no login at %s, not even the operator's: there is no store yet that could count a failed one."
            % self.capabilities.title
        )
        return ModuleResult(users=users, changed=bool(users), warnings=[warning])

    def know_operator(self) -> None:
        """Look for the operator's password in the store, even if the operator is not among the task's users."""
        name = self._account.name
        if name:
            self._users.setdefault(name, {"name": name})

    @property
    def may_probe(self) -> bool:
        """Whether :meth:`probe` makes logins: in check mode it does so only where a failed one costs nothing."""
        return self.capabilities.failed_logins_per_call is None or not self._action._task.check_mode

    def probe(self, store: Store, users: List[Dict[str, Any]]) -> Dict[str, UserResult]:
        """Log in with passwords, and change nothing.

        :param store: it may know the operator's password.
        :param users: dicts with ``name``, ``password`` and ``failed_logins``.
        :return: by name; ``verified`` is true, false, or null with an ``error`` that says why.
        :raises PasswordError: concerns all of them.
        """
        if not self.may_probe:
            untried = PasswordError(errors.NOT_VERIFIED, _change.NOT_TRIED_MESSAGE % self.capabilities.title)
            return {
                user["name"]: replace(not_sent(user["name"], untried), failed_logins=user["failed_logins"])
                for user in users
            }
        # The caller has counted the logins of this call already, and they have not been made yet.
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
        result = self._run(entries, operator, check_mode=False)
        if result.error:
            raise PasswordError(result.error["kind"], result.error["message"])
        if len(result.users) < len(users):
            raise PasswordError(
                errors.UNEXPECTED_RESPONSE, "The vendor's module did not return a result for each user."
            )
        return {str(user.name): judged(user) for user in result.users}

    def _extras(self, name: str) -> Dict[str, Any]:
        user = self._users.get(name) or {"name": name}
        return {key: value for key, value in user.items() if key != "current_password" and key not in user_options.KEYS}

    def _entry(self, name: str, sending: Sending, operator: Operator) -> Dict[str, Any]:
        """One element of the module's ``users``."""
        record = sending.record
        if record.pending is None:
            raise AssertionError("nothing is pending")
        self._scrub.add(*record.secrets)
        return dict(
            self._extras(name),
            password=record.pending.password,
            current_password=record.known_password,
            update_password=sending.mode,
            failed_logins=sending.failed_logins + operator.extra_failures(name),
        )

    def _retry_rejected(
        self,
        store: Store,
        staged: Dict[str, StagedUser],
        sending: Dict[str, Sending],
        result: ModuleResult,
        policy: Policy,
    ) -> None:
        """Try other passwords, once, for those whose passwords the vendor's policy has refused."""
        refused = result.of_kind(errors.PASSWORD_REJECTED)
        if not refused:
            return
        replaced: Dict[str, Record] = {}
        warnings: List[str] = []
        for asked, names in self._by_policy(refused, policy).items():
            stricter = stricter_policy(asked, self.capabilities)
            made = protocol.replace_refused(
                store, staged, {name: refused[name] for name in names}, stricter, now=utc_now()
            )
            replaced.update(made)
            warnings += against_the_policy(made, asked, stricter) if made else []
        operator = self._operator(store)
        entries = [
            self._entry(
                name,
                Sending(record, ALWAYS, refused[name].failed_logins or sending[name].failed_logins),
                operator,
            )
            for name, record in replaced.items()
        ]
        if not entries:
            return
        try:
            self.sent.update(replaced)
            again = self._run(entries, operator)
        except PasswordError as error:
            again = self._nobody(replaced, error)
        result.replace_users(again)
        result.warnings += [*again.warnings, *warnings]
        if result.failures:
            first = result.failures[0]
            result.msg = "%d of %d users failed; the first is %s: %s" % (
                len(result.failures),
                len(result.users),
                first.name,
                (first.error or {}).get("message"),
            )

    def _by_policy(self, names: Iterable[str], policy: Policy) -> Dict[Policy, List[str]]:
        """Users by the policy of their passwords.

        :param policy: of those without one of their own.
        """
        grouped: Dict[Policy, List[str]] = {}
        for name in names:
            grouped.setdefault(self._policies.get(name, policy), []).append(name)
        return grouped

    def forget_operator(self, store: Store, names: Iterable[str]) -> None:
        """Forget the failed logins of the operator, if it is one of these users or not a user at all: somebody has unlocked them by hand."""
        self._account.forget_failures(store, names)

    def _operator(self, store: Store, failures: Optional[Dict[str, int]] = None) -> Operator:
        return self._account.for_call(store, is_user=self._account.name in self._users, failures=failures)

    def _run(
        self, entries: List[Dict[str, Any]], operator: Operator, check_mode: Optional[bool] = None
    ) -> ModuleResult:
        """Run the vendor's module, with the operator's passwords one after the other until one logs in.

        :raises PasswordError: nothing was sent; :class:`~._vendor_runner.NotRun`.
        """
        result = ModuleResult()
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
                if result.users:
                    break  # what is known is that another password was refused
                raise
            result = self._run_as(candidate, entries, operator, check_mode)
            if result.kind != errors.AUTHENTICATION_FAILED:
                break
            if any(user.state in (State.CHANGED, State.UNKNOWN) for user in result.users):
                # The operator could log in for a while. A second call would send once more what may be in force already.
                break
        if refused and not result.users:
            raise refused
        return result

    def _run_as(
        self, candidate: Candidate, entries: List[Dict[str, Any]], operator: Operator, check_mode: Optional[bool]
    ) -> ModuleResult:
        """One run of the module."""
        args = dict(self._options, **self._account.options(candidate), users=entries)
        more: Dict[str, Callable[[], None]] = {"opened": operator.logins.worked} if operator.logins.counted else {}
        try:
            returned = run_vendor_module(self._action, self.vendor_class, args, self._task_vars, check_mode, **more)
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
        operator.logins.ended(returned, nearby)
        result = ModuleResult.read(returned, entries)
        if result.kind != errors.AUTHENTICATION_FAILED:
            self._account.has_logged_in(candidate)
        result.users = [operator.without_extra(user) for user in result.users]
        return result

    def _nobody(self, names: Iterable[str], error: PasswordError) -> ModuleResult:
        """The result of a call that is not known to have done anything for any user."""
        begun = isinstance(error, NotRun) and error.begun
        doubt = (
            "The vendor's module did not finish, so the change may or may not have happened: ",
            *error.parts,
        )
        described = (error.with_message(doubt, errors.OUTCOME_UNKNOWN) if begun else error).as_dict(self._scrub)
        state = State.UNKNOWN if begun else State.FAILED
        return ModuleResult(
            users=[UserResult(name, None, state, error=described) for name in names],
            failed=True,
            msg=described["message"],
            error=described,
            unreachable=bool(getattr(error, "unreachable", False)),
        )
