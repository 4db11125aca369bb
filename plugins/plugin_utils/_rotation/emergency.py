# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of an emergency rotation: what could not be done comes first, then the counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils import errors

from . import report
from .hosts import result_of
from .task import Task
from .users import Action, Reason

_NOT_REACHED = "not reached, or ended before a password was changed"
_NOT_DELIVERED = "new passwords were NOT delivered to all that use them; see the messages of that host"
_STORED_BEFORE = (
    "rotated, but to a password that an earlier run had left in the store. Run the emergency again for a new one."
)
# By the key of a rotation's result that lists them.
_SKIPPED = {
    "held": "on hold in the inventory. Remove the hold, or change the password by hand.",
    "waiting": "left for a later run, by the maintenance window or the limit of a run.",
}


@dataclass
class Host:
    """The outcome at one host. The lines say what could not be done there."""

    name: str
    rotated: List[str] = field(default_factory=list)  # users, or in check mode those that would be
    refused: List[str] = field(default_factory=list)  # users whose previous passwords are refused
    accepted_risk: List[str] = field(
        default_factory=list
    )  # unchecked, and rotate_accept_unverified says that this may be
    failed: List[str] = field(default_factory=list)  # lines about the whole host
    not_rotated: List[str] = field(default_factory=list)  # lines about users
    still_accepted: List[str] = field(default_factory=list)
    unchecked: List[str] = field(default_factory=list)

    @property
    def lines(self) -> Tuple[List[str], ...]:
        """What could not be done, the worst first."""
        return self.failed, self.not_rotated, self.still_accepted, self.unchecked


def report_emergency(task: Task) -> Dict[str, Any]:
    """The action rotation_emergency."""
    hostvars, names = task.task_vars["hostvars"], task.args["hosts"]
    hosts = [_outcome(name, hostvars, dry=task.check_mode) for name in names]
    # By kind and not by host: what failed as a whole is not overlooked among the users of other hosts.
    not_done = ["%s: %s" % (host.name, line) for kind in range(4) for host in hosts for line in host.lines[kind]]
    failed = [host.name for host in hosts if any(host.lines)]
    heading = ["NOT DONE (%d):" % len(not_done)] if not_done else []
    summary = [*heading, *not_done, *_counts(hosts, dry=task.check_mode)]
    facts = dict(rotate_emergency=dict(summary=summary, failed_hosts=failed))
    return dict(changed=False, summary=summary, not_done=not_done, failed_hosts=failed, ansible_facts=facts)


def _outcome(name: str, hostvars: Any, *, dry: bool) -> Host:
    variables = hostvars.raw_get(name)
    last = result_of(variables) or _failed_step(variables)
    # Where there was a second rotation it has replaced the result of the first.
    first = _ran(variables.get("rotate_first"))
    host, done, again = Host(name), first or last, last or {} if first else {}
    users = {user["name"]: user for user in (done or {}).get("users") or []}
    # What an earlier run had left was finished first, and then rotated once more.
    users.update((user["name"], user) for user in again.get("users") or [])
    if done is None:
        host.failed.append(_NOT_REACHED)
    for one in (done or {}), again:
        # An error of the whole host; that some users failed is said by their own lines.
        if one.get("msg") and (one.get("error") or not one.get("users")):
            stuck = [user["name"] for user in users.values() if _is_error_of(one, user)]
            users = {user: result for user, result in users.items() if user not in stuck}
            host.failed.append("FAILED: %s%s" % (one["msg"], " NOT rotated: %s" % ", ".join(stuck) if stuck else ""))
    if (last or {}).get("not_delivered"):
        host.failed.append(_NOT_DELIVERED)
    if not dry:
        host.not_rotated += _left_of_pairs(done or {}, users)
    _add_users(host, users.values(), dry=dry)
    # Users that the run has skipped are in none of its results.
    for key, why in _SKIPPED.items():
        host.not_rotated += ["%s: NOT rotated: %s" % (name, why) for name in (done or {}).get(key) or []]
    if not dry:
        _add_checks(host, _ran(variables.get("rotate_checked")), hostvars)
    return host


def _add_users(host: Host, users: Iterable[Mapping[str, Any]], *, dry: bool) -> None:
    """The outcome of single users."""
    for user in users:
        if user.get("error"):
            host.not_rotated.append(report.not_done(user, "rotated"))
        elif user.get("action") == Action.PROMOTED and user.get("reason") == Reason.UNFINISHED:
            host.not_rotated.append("%s: %s" % (user["name"], _STORED_BEFORE))
        elif user.get("action") in (Action.PROMOTED, Action.SUPERSEDED) or (
            dry and user.get("state") == "would_change"
        ):
            host.rotated.append(user["name"])
        else:
            host.not_rotated.append("%s: NOT rotated (%s)" % (user["name"], user.get("action") or user.get("state")))


def _left_of_pairs(done: Mapping[str, Any], users: Mapping[str, Any]) -> List[str]:
    """A line for each account of a pair that was not changed, since the consumers have not been given the other one."""
    return [
        "%s: NOT rotated, since the consumers of the pair %s may still use it" % (account, pair["name"])
        for pair in done.get("pairs") or []
        for account in pair["accounts"]
        if account not in users
    ]


def _ran(result: Any) -> Mapping[str, Any]:
    """The result of a task; an empty one if it was skipped."""
    return {} if not result or result.get("skipped") else result


def _is_error_of(done: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
    """Whether a user failed for no reason of its own, but with the whole host."""
    common, own = done.get("error") or {}, user.get("error") or {}
    return bool(common) and (own.get("kind"), own.get("message")) == (common.get("kind"), common.get("message"))


def _failed_step(variables: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    """The result of the first step, where it failed and no other followed."""
    staged = variables.get("rotate_staged") or {}
    return staged if staged.get("failed") or staged.get("error") else None


def _add_checks(host: Host, checked: Mapping[str, Any], hostvars: Any) -> None:
    """What the logins after the rotation have shown."""
    by_name = {user["name"]: user for user in checked.get("users") or []}
    why = checked.get("msg") or "no login was made"
    for name in host.rotated:
        user = by_name.get(name)
        error = (user or {}).get("previous_error") or (user or {}).get("error") or {}
        if user and user["verified"] is False:
            host.not_rotated.append("%s: the NEW password does not log in any more; run repair" % name)
        if user and user["previous_refused"]:
            host.refused.append(name)
        elif user and user["previous_refused"] is False:
            host.still_accepted.append("%s: the PREVIOUS password still logs in: %s" % (name, error["message"]))
        elif error.get("kind") == errors.NOT_VERIFIED and _accepts_unverified(hostvars, host.name):
            host.accepted_risk.append(name)
        else:
            host.unchecked.append(
                "%s: not checked whether the previous password is refused: %s" % (name, error.get("message") or why)
            )


def _accepts_unverified(hostvars: Any, name: str) -> bool:
    """Whether the vendor's word counts at a host where no login is possible."""
    try:
        return str(hostvars[name].get("rotate_accept_unverified", False)).lower() in ("true", "yes", "on", "1")
    except Exception:  # pylint: disable=broad-exception-caught
        # Variables that cannot be resolved were reported when they were used.
        return False


def _counts(hosts: List[Host], *, dry: bool) -> List[str]:
    def counted(names: str) -> Tuple[int, int]:
        lists = [getattr(host, names) for host in hosts]
        return sum(map(len, lists)), len([one for one in lists if one])

    rotated = "%d passwords %s at %d of %d hosts."
    lines = [
        rotated
        % (counted("rotated")[0], "would be rotated" if dry else "were rotated", counted("rotated")[1], len(hosts))
    ]
    if dry:
        return [*lines, "Check mode changed nothing, and tried no previous password."]
    lines.append("%d previous passwords are refused." % counted("refused")[0])
    unchecked = ["%s: %s" % (host.name, name) for host in hosts for name in host.accepted_risk]
    if unchecked:
        lines.append(
            "%d previous passwords were not checked, since no login is possible there (rotate_accept_unverified): %s"
            % (len(unchecked), ", ".join(unchecked))
        )
    return lines
