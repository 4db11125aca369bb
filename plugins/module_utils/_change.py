# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call: which users need a change, the change, the proof by a login, and the result.

Plain data in, plain data out, no AnsibleModule: a module, an action plugin or a test runs it in its own process.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from . import _argument_spec, errors
from ._argument_spec import entries, secrets
from ._options import refuse_odd_paths
from ._parallel import run_parallel
from ._results import State, UserResult
from ._scrub import Scrubber
from .errors import Message, PasswordError, encodable, parts_of, scrubbed
from .http import HttpClient, check_numbers, check_tls_files
from .vendor import FORGETS_BY_LOGIN, FORGETS_BY_TIME, NEVER, WHEN_CHANGED, Account, Vendor

_FIRST_PAUSE = 0.05  # seconds between two looks at a change that may still arrive; doubled each time
# The rotation knows when the last login failed, and adds the time.
RUN_LATER_MESSAGE = "Run again after the lock-out window."
# What to do when the budget of failed logins is spent, by what resets the vendor's count.
SPENT_ADVICE = {
    FORGETS_BY_TIME: RUN_LATER_MESSAGE,
    FORGETS_BY_LOGIN: "Only a successful login or an administrator's unlock resets the vendor's count. Do one of these by hand; in a rotation, "
    "then run the playbook repair with rotate_repair_forget_failed_logins.",
}
BUDGET_SPENT_MESSAGE = "Skipped %s: %s; one more failed login could lock the account. %s"
NOT_TRIED_MESSAGE = "Check mode makes no login at %s, where a failed one counts towards a lock-out: whether the passwords are right is not known."
_NAMED_IN_MESSAGE = 3  # failed users that the message names; all are in the result

# Refusals that are about one of the users in a request, while the others may well succeed.
_FAULTS_OF_ONE = frozenset(
    (errors.USER_NOT_FOUND, errors.PASSWORD_REJECTED, errors.PASSWORD_REUSED, errors.INVALID_INPUT)
)


def set_passwords(
    vendor_class: type[Vendor],
    params: dict[str, Any],
    check_mode: bool = False,
    sleep: Callable[[float], Any] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    opened: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Set the passwords of all users of a call.

    :param vendor_class: a subclass of :class:`~.vendor.Vendor`.
    :param params: the options, validated by :meth:`~.vendor.Vendor.spec`.
    :param check_mode: dry run: look up and probe, but write nothing.
    :param sleep: called with seconds to wait.
    :param clock: gives seconds.
    :param opened: called once the operator has logged in.
    :return: dict with ``changed``, ``failed``, ``msg`` (if failed), ``error`` (if the whole call failed), ``users``, ``diff`` and
        ``warnings``; free of secrets. Never raises for anything that a vendor, a network or an argument can do.
    """
    spec = vendor_class.spec()["argument_spec"]
    scrub = Scrubber(secrets(spec, params))
    scrub.keep(*_argument_spec.names(spec, params))
    warnings = _Warnings()
    this = _Call(params, check_mode, warnings, sleep, clock, opened)
    try:
        this.run(vendor_class, scrub)
    except PasswordError as error:
        this.stop(error)
    except Exception as exc:  # pylint: disable=broad-exception-caught
        # Its text is not passed on: it may hold a secret.
        this.stop(_internal(exc))
    return this.result(scrub)


def check_options(vendor: Vendor, params: dict[str, Any], nearby: bool = True, files: bool = True) -> None:
    """Refuse invalid options that do not concern a single user, without a request.

    :param vendor: a :class:`~.vendor.Vendor` that has not been opened.
    :param params: its options.
    :param nearby: whether the call runs on this machine, so that its libraries and files can be looked at.
    :param files: whether to look at those of TLS, too, which a client does when it is made.
    :raises PasswordError: ``invalid_input``.
    """
    check_numbers(params["timeout"], params["retries"], params["concurrency"], params["deadline"])
    refuse_odd_paths(vendor.spec()["argument_spec"], params)
    if nearby:
        vendor.check_call()
        if files:
            check_tls_files(params["ca_path"], params["client_cert"], params["client_key"])


def _internal(exc: BaseException, maybe_applied: bool = False) -> PasswordError:
    return PasswordError(errors.UNEXPECTED_RESPONSE, errors.unexpected_text(exc), maybe_applied=maybe_applied)


def _with_hint(error: PasswordError, values: dict[str, Optional[str]]) -> PasswordError:
    """The error of a refused login; with a hint if a secret begins or ends with white space, usually by mistake.

    :param values: the secrets by the name of their option.
    """
    odd = [name for name, value in values.items() if isinstance(value, str) and value != value.strip()]
    if not odd:
        return error
    text = "%s %s begins or ends with white space, such as a line break; perhaps that does not belong to it."
    return error.with_message(text % (error.message, " and ".join(odd)))


class _Warnings:
    """Collects messages for the user, each once, from any thread."""

    def __init__(self) -> None:
        self._texts: Dict[Tuple[str, ...], bool] = {}

    def __call__(self, message: Message) -> None:
        self._texts[parts_of(message)] = True

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(list(self._texts))


class _Outcome:
    """The state of one user within the call."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.state: Optional[State] = None
        self.verified: Optional[bool] = None
        self.error: Optional[PasswordError] = None
        self.due = False  # a change is to be sent
        self.refuted = False  # a login has shown that the new password is not in force
        self.sent = False  # it was, or at least may have been
        self.sent_at = 0.0  # when the vendor had answered, or failed to
        self.doubt: Optional[PasswordError] = None  # the error that leaves it open whether the change happened
        self.accepted = False  # the vendor said that it is done

    def fail(self, error: PasswordError) -> None:
        self.state = State.FAILED
        self.error = error

    def result(self, scrub: Scrubber) -> UserResult:
        """The outcome as the user sees it."""
        return UserResult(
            name=_sent_by_anybody(self.account.name),
            id=_sent_by_anybody(self.account.id),
            state=self.state or State.UNKNOWN,
            verified=self.verified,
            error=self.error.as_dict(scrub) if self.error else None,
            failed_logins=self.account.failed_logins,
        )


class _Call:
    def __init__(
        self,
        params: dict[str, Any],
        check_mode: bool,
        warn: _Warnings,
        sleep: Callable[[float], Any],
        clock: Callable[[], float],
        opened: Callable[[], None] | None,
    ) -> None:
        self._params = params
        self._check_mode = check_mode
        self._warn = warn
        self._sleep = sleep
        self._clock = clock
        self._opened = opened or (lambda: None)
        self._outcomes: List[_Outcome] = []
        self._made: Optional[Vendor] = None
        self._clients: List[HttpClient] = []
        self._stopped: Optional[PasswordError] = None
        self._lock = threading.Lock()

    def run(self, vendor_class: type[Vendor], scrub: Scrubber) -> None:
        accounts = [Account(entry) for entry in entries(self._params, vendor_class)]
        self._outcomes = [_Outcome(account) for account in accounts]
        # The vendor opens no connection before open(): what is certainly wrong is reported without a request.
        self._made = vendor = vendor_class(self._params, lambda url: self._connect(url, scrub), self._warn, scrub.add)
        todo = self._checked()
        if not todo:
            return
        try:
            vendor.open([outcome.account for outcome in todo])
            self._opened()
            vendor.find([outcome.account for outcome in todo])
            self._check_ids(todo)
            last = [outcome for outcome in todo if vendor.is_operator(outcome.account)]
            self._settle([outcome for outcome in todo if outcome not in last])
            # The operator keeps its password until all others are done.
            self._settle(last)
        finally:
            self._close()

    @property
    def _vendor(self) -> Vendor:
        if self._made is None:
            raise AssertionError("the call has not begun")
        return self._made

    def _close(self) -> None:
        for close in (self._vendor.close, *(client.close for client in self._clients)):
            try:
                close()
            except Exception as exc:  # pylint: disable=broad-exception-caught
                # All is done by now, or failed for a reason that must not be lost.
                self._warn(errors.unexpected_text(exc, " when the connection was closed"))

    def stop(self, error: PasswordError) -> None:
        """The whole call fails: users without an outcome are not tried any more."""
        if error.kind == errors.AUTHENTICATION_FAILED and self._made is not None:
            names = [name for name, option in self._vendor.argument_spec.items() if option.get("no_log")]
            error = _with_hint(error, {name: self._vendor.params.get(name) for name in names})
        with self._lock:
            self._stopped = self._stopped or error

    def _connect(self, url: str, scrub: Scrubber) -> HttpClient:
        names = ("timeout", "retries", "validate_certs", "ca_path", "client_cert", "client_key")
        # The vendor's own: some are in the configuration of its tools.
        options = {name: self._vendor.params[name] for name in names}
        if self._params["deadline"] is not None:
            options["deadline"] = self._params["deadline"]
        client = HttpClient(url, scrub, pool_size=self._params["concurrency"], sleep=self._sleep, **options)
        self._clients.append(client)
        if client.base_url.lower().startswith("http://") and not client.is_local:
            self._warn("The URL begins with http://: passwords travel over the network without encryption.")
        elif not self._params["validate_certs"]:
            self._warn("validate_certs is false: passwords are sent to a server that is not authenticated.")
        return client

    def _checked(self) -> list[_Outcome]:
        """The users whose options are valid, as far as that is known without asking the vendor."""
        # A client looks at the files of TLS when it is made.
        check_options(self._vendor, self._params, files=False)
        seen = {}
        for outcome in self._outcomes:
            account = outcome.account
            key = self._vendor.key(account)
            if key in seen:
                raise _twice(account)
            seen[key] = outcome
            try:
                self._vendor.check(account)
            except PasswordError as error:
                outcome.fail(error)
        return [outcome for outcome in self._outcomes if outcome.error is None]

    @staticmethod
    def _check_ids(outcomes: list[_Outcome]) -> None:
        """Refuse a user that is named by its name and again by its id."""
        ids = Counter(
            outcome.account.id
            for outcome in outcomes
            if outcome.account.id is not None and outcome.account.error is None
        )
        for outcome in outcomes:
            if ids[outcome.account.id] > 1:
                raise _twice(outcome.account)

    def _settle(self, outcomes: list[_Outcome]) -> None:
        """Settle all users: one by one, or in bulk where the vendor can do that."""
        bulk = self._vendor.capabilities.bulk
        if not bulk:
            self._each(outcomes, self._settle_one)
            return
        self._each(outcomes, self._look)
        due = [outcome for outcome in outcomes if outcome.due]
        for start in range(0, len(due), bulk):
            self._send(due[start : start + bulk])
        self._each([outcome for outcome in due if outcome.sent], self._conclude)

    def _settle_one(self, outcome: _Outcome) -> None:
        self._look(outcome)
        if outcome.due:
            self._send([outcome])
        if outcome.sent:
            self._conclude(outcome)

    def _each(self, outcomes: list[_Outcome], step: Callable[[_Outcome], None]) -> None:
        """Do one step for all users, several at a time."""
        run_parallel(lambda outcome: self._guarded(outcome, step), outcomes, self._params["concurrency"])

    def _guarded(self, outcome: _Outcome, step: Callable[[_Outcome], None]) -> None:
        """One step for one user; its errors do not affect the others."""
        if self._stopped is not None and not outcome.sent:
            return
        try:
            if outcome.account.error is not None:
                raise outcome.account.error
            step(outcome)
        except PasswordError as error:
            self._fail(outcome, error)
        except Exception as exc:  # pylint: disable=broad-exception-caught
            self._fail(outcome, _internal(exc))

    def _fail(self, outcome: _Outcome, error: PasswordError) -> None:
        if error.kind == errors.CURRENT_PASSWORD_WRONG:
            name = "password" if outcome.account.update_password == NEVER else "current_password"
            error = _with_hint(error, {name: getattr(outcome.account, name)})
        outcome.fail(error)
        if error.kind == errors.AUTHENTICATION_FAILED:
            # Each further user would cost the operator a failed login.
            self.stop(error)

    def _look(self, outcome: _Outcome) -> None:
        """Find out whether a change is to be sent."""
        account = outcome.account
        limit = self._vendor.capabilities.failed_logins_per_call
        if limit is not None and account.failed_logins >= max(limit, 1):
            raise self._spent(account, failures(account.failed_logins))
        # Check mode may be repeated at will, so it brings nobody nearer to a lock-out. The operator's own password has just logged in.
        careful = self._check_mode and limit is not None and not self._is_operators_own(account)
        if account.update_password == NEVER:
            if careful:
                raise PasswordError(errors.NOT_VERIFIED, NOT_TRIED_MESSAGE % self._vendor.capabilities.title)
            self._only_log_in(outcome)
            return
        needed, proved = self._vendor.change_needed(account), None
        if careful and needed is None and account.update_password == WHEN_CHANGED:
            self._warn(NOT_TRIED_MESSAGE % self._vendor.capabilities.title)
        elif needed is None and account.update_password == WHEN_CHANGED:
            proved = self._is_in_force(account)
            needed, outcome.refuted = not proved, proved is False
        if needed is False:
            outcome.state, outcome.verified = State.UNCHANGED, proved
        elif self._check_mode:
            self._check_current(account, outcome.refuted)
            outcome.state = State.WOULD_CHANGE
        else:
            outcome.due = True

    def _spent(self, account: Account, why: str) -> PasswordError:
        """Return the error of a user whose budget of failed logins is spent."""
        advice = SPENT_ADVICE[self._vendor.capabilities.forgets]
        return PasswordError(errors.LOGIN_BUDGET_SPENT, BUDGET_SPENT_MESSAGE % (account.label, why, advice))

    def _is_operators_own(self, account: Account) -> bool:
        """Whether the password is the one with which the operator has just logged in."""
        options = self._vendor.operator_options
        return (
            options is not None
            and self._vendor.is_operator(account)
            and account.password == self._params.get(options[1])
        )

    def _only_log_in(self, outcome: _Outcome) -> None:
        """Find out whether the password is right, by one login at most."""
        account = outcome.account
        most = self._vendor.capabilities.most_failed_probes
        if most is not None and account.failed_logins >= most:
            raise self._spent(account, failures(account.failed_logins))
        try:
            # Where the look-up says that no login may be tried, none is.
            right = None if self._vendor.change_needed(account) else self._probe(account, account.password)
        except PasswordError as error:
            if error.kind == errors.CURRENT_PASSWORD_WRONG:
                outcome.verified = False
            raise
        outcome.verified = right
        if right is None:
            raise PasswordError(
                errors.NOT_VERIFIED, "No login could show whether the password of %s is right." % account.label
            )
        if not right:
            raise PasswordError(errors.CURRENT_PASSWORD_WRONG, "The password of %s does not log in." % account.label)
        outcome.state = State.UNCHANGED

    def _is_in_force(self, account: Account) -> bool | None:
        """Whether the new password is the one in force already.

        :raises PasswordError: ``current_password_wrong``, where neither logs in and the change would need the current one.
        """
        current = account.current_password
        if not (self._vendor.capabilities.current_first and current):
            return self._probe(account, account.password)
        limit = self._vendor.capabilities.most_failed_probes
        if limit is not None and account.failed_logins + 1 >= limit and not self._vendor.needs_current(account):
            # The operator can set it in any case. The only login that is left proves that, and a good one resets the vendor's count.
            return None
        current_right = self._probe(account, current)
        if current_right or account.password == current:
            in_force = current_right and account.password == current
        else:
            in_force = self._probe(account, account.password)
        if current_right is False and in_force is None and self._vendor.needs_current(account):
            raise self._spent(account, "the current password does not log in")
        if current_right is False and not in_force and self._vendor.needs_current(account):
            raise PasswordError(
                errors.CURRENT_PASSWORD_WRONG,
                "Neither the current password of %s nor the new one logs in." % account.label,
            )
        return in_force

    def _send(self, outcomes: list[_Outcome]) -> None:
        """Send the change of some users in one request, and note whether it was refused or is in doubt."""
        if self._stopped is not None:
            return
        error = None
        try:
            self._vendor.change_all([outcome.account for outcome in outcomes])
        except PasswordError as exc:
            error = exc
        except Exception as exc:  # pylint: disable=broad-exception-caught
            # It may have come before the request or after the answer.
            error = _internal(exc, maybe_applied=True)
        if error is not None and error.counted:
            for outcome in outcomes:
                outcome.account.failed_logins += 1
        if error is not None and not error.maybe_applied:
            self._refused(outcomes, error)
            return
        now = self._clock()
        for outcome in outcomes:
            outcome.sent, outcome.sent_at, outcome.doubt = True, now, error

    def _refused(self, outcomes: list[_Outcome], error: PasswordError) -> None:
        """Deal with a request that certainly changed no user."""
        if len(outcomes) > 1 and error.kind in _FAULTS_OF_ONE:
            # Sent alone, each of the others succeeds, and only the user at fault gets the error.
            for outcome in outcomes:
                self._send([outcome])
            return
        for outcome in outcomes:
            self._fail(outcome, error)
            if outcome.refuted and error.kind in (errors.PASSWORD_REJECTED, errors.PASSWORD_REUSED):
                # Certain now: it was not in force before, and is not accepted.
                outcome.verified = False

    def _conclude(self, outcome: _Outcome) -> None:
        """Find out the outcome of a change that was sent."""
        if outcome.doubt is not None:
            self._resolve(outcome)
            return
        outcome.state, outcome.accepted = State.CHANGED, True
        if self._params["verify"] and outcome.account.password is not None:
            self._verify(outcome)

    def _verify(self, outcome: _Outcome) -> None:
        try:
            outcome.verified = self._prove(outcome)
        except Exception as exc:  # pylint: disable=broad-exception-caught
            # Whatever it is, the vendor has accepted the change.
            error = exc if isinstance(exc, PasswordError) else _internal(exc)
            self._warn(("The new password of %s could not be verified: " % outcome.account.label,) + error.parts)
        if outcome.verified is False:
            outcome.fail(
                PasswordError(
                    errors.NOT_VERIFIED,
                    "The vendor accepted the change, but the new password does not log in. Find out which password is in force.",
                )
            )

    def _prove(self, outcome: _Outcome) -> bool | None:
        """Log in after a change that the vendor has confirmed.

        :return: True, False, or None where no login could show it.
        """
        capabilities = self._vendor.capabilities
        if (
            capabilities.failed_logins_per_call is not None
            and outcome.account.failed_logins >= capabilities.failed_logins_per_call
        ):
            self._warn(
                "The new password of %s was not verified: one more failed login could lock the account."
                % outcome.account.label
            )
            return None
        return self._await_login(outcome, capabilities.settle_seconds, capabilities.failed_logins_per_call)

    def _resolve(self, outcome: _Outcome) -> None:
        """A change ended in an error that proves nothing: find out by a login whether it happened."""
        doubt = outcome.doubt
        if doubt is None:
            raise AssertionError("the change ended without a doubt")
        try:
            capabilities = self._vendor.capabilities
            seconds = capabilities.settle_seconds if capabilities.doubt_seconds is None else capabilities.doubt_seconds
            arrived = self._await_login(outcome, seconds, capabilities.most_failed_probes)
        except Exception:  # pylint: disable=broad-exception-caught
            arrived = None
        if arrived:
            outcome.state, outcome.verified, outcome.accepted = State.CHANGED, True, True
        elif arrived is False:
            outcome.verified = False
            outcome.fail(
                doubt.with_message(
                    doubt.parts + (" The new password does not log in, so the change has not happened yet.",)
                )
            )
        else:
            text = "The change may or may not have happened, and no login could settle it: "
            outcome.fail(doubt.with_message((text,) + doubt.parts, errors.OUTCOME_UNKNOWN))
            outcome.state = State.UNKNOWN

    def _check_current(self, account: Account, new_refuted: bool) -> None:
        """In check mode, report a wrong current password, where it matters and a failed login costs nothing.

        :param new_refuted: a login has shown that the new password is not in force.
        """
        capabilities = self._vendor.capabilities
        if new_refuted and account.current_password == account.password:
            raise PasswordError(errors.CURRENT_PASSWORD_WRONG, "The current password of %s is wrong." % account.label)
        if (
            account.current_password
            and capabilities.failed_logins_per_call is None
            and capabilities.others_need_current != "no"
        ):
            if self._probe(account, account.current_password) is False:
                raise PasswordError(
                    errors.CURRENT_PASSWORD_WRONG, "The current password of %s is wrong." % account.label
                )

    def _probe(self, account: Account, password: str | None, limit: int | None = None) -> bool | None:
        """Log in once, within the budget of failed logins. The only place, beside :meth:`_send`, where failed logins are counted.

        :param limit: failed logins that are allowed by now; ``None`` for as many as may be spent on finding out.
        :return: True, False, or None where no login could show it.
        """
        limit = limit or self._vendor.capabilities.most_failed_probes
        if password is None or (limit is not None and account.failed_logins >= limit):
            return None
        try:
            login = self._vendor.probe(account, password)
        except PasswordError as error:
            account.failed_logins += error.counted
            raise
        account.failed_logins += login.counted
        if login.reason:
            self._warn(login.reason)
        return login.right

    def _await_login(self, outcome: _Outcome, settle: float, limit: int | None) -> bool | None:
        """Log in with the new password, again until it works or the vendor has had its time.

        :param settle: that time in seconds.
        :param limit: failed logins that the user may have by then; None: the vendor does not count them.
        :return: True, False, or None where no login could show it.
        """
        account = outcome.account
        # Of many users that one request changed, the last to be checked have had their time already.
        end = outcome.sent_at + settle
        pause, capabilities = _FIRST_PAUSE, self._vendor.capabilities
        if capabilities.settle_logins is not None:
            limit = min(limit or sys.maxsize, account.failed_logins + capabilities.settle_logins)
            pause = max(pause, 4 * capabilities.settle_first)
        self._sleep_until(outcome.sent_at + min(capabilities.settle_first, settle))
        while limit is None or account.failed_logins < limit:
            if limit is not None and account.failed_logins + 1 >= limit and settle:
                # The only try that is left is worth more when the change has had all its time.
                self._sleep_until(end)
            right = self._probe(account, account.password, limit)
            left = end - self._clock()
            if right is not False or left <= 0:
                return right
            if limit is not None and account.failed_logins >= limit:
                return right
            self._sleep(min(pause, left))
            pause *= 2
        return None

    def _sleep_until(self, moment: float) -> None:
        left = moment - self._clock()
        if left > 0:
            self._sleep(left)

    def result(self, scrub: Scrubber) -> dict[str, Any]:
        """The result of the call, as plain data."""
        for outcome in self._outcomes:
            if outcome.state is None:
                outcome.fail(self._stopped or PasswordError(errors.UNEXPECTED_RESPONSE, "This user was not tried."))
        users = [outcome.result(scrub).as_dict() for outcome in self._outcomes]
        result: dict[str, Any] = {
            "changed": any(outcome.accepted or outcome.state == State.WOULD_CHANGE for outcome in self._outcomes),
            "failed": False,
            "users": users,
            "diff": [_diff(outcome.account, outcome.state) for outcome in self._outcomes],
            "warnings": [scrubbed(message, scrub) for message in self._warn],
        }
        failed = [user for user in users if user["error"]]
        if failed or self._stopped:
            result["failed"] = True
            result["msg"] = _message(failed, len(users))
        if self._stopped:
            result["error"] = self._stopped.as_dict(scrub)
            result["msg"] = result["error"]["message"]
        return result


def _sent_by_anybody(text: Optional[str]) -> Optional[str]:
    """A name or an id, which may be the server's, without characters that no callback can print."""
    return None if text is None else encodable(text)


def failures(number: int) -> str:
    """A number of failed logins, in words."""
    return "1 recent failed login" if number == 1 else "%d recent failed logins" % number


def _message(failed: list[dict[str, Any]], total: int) -> str:
    parts = [
        "%s: %s (%s)" % (user["name"] or user["id"], user["error"]["message"], user["error"]["kind"])
        for user in failed[:_NAMED_IN_MESSAGE]
    ]
    if len(failed) > _NAMED_IN_MESSAGE:
        parts.append("and %d more" % (len(failed) - _NAMED_IN_MESSAGE))
    return "%d of %d users failed. %s" % (len(failed), total, "; ".join(parts))


def _diff(account: Account, state: Optional[State]) -> dict[str, str]:
    before = after = "unknown"
    if state == State.UNCHANGED:
        before = after = "in force"
    elif state in (State.CHANGED, State.WOULD_CHANGE):
        before, after = "not in force", "in force"
    what = "what was asked for" if account.password is None else "wanted password"
    return {
        "before_header": account.label,
        "after_header": account.label,
        "before": "%s: %s\n" % (what, before),
        "after": "%s: %s\n" % (what, after),
    }


def _twice(account: Account) -> PasswordError:
    return PasswordError(errors.INVALID_INPUT, "users names %s twice." % account.label)
