# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts a playbook covers, which of them failed, and when a run stops early."""

from __future__ import annotations

import difflib
from typing import Any, Iterable, Mapping, Sequence

from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from . import report
from .selection import read_patterns
from .task import Task
from .users import Reason

# They concern one account or one endpoint, and trying the next host costs nothing there. Every other kind may be wrong everywhere:
# a typo in what all hosts share, an unreachable store, an operator's password that is refused.
OF_ONE_HOST = frozenset(
    {
        errors.USER_NOT_FOUND,
        errors.USER_NOT_LOCAL,
        errors.ACCOUNT_LOCKED,
        errors.ACCOUNT_INACTIVE,
        errors.ORPHANED,
        errors.LOGIN_BUDGET_SPENT,
        errors.STORE_CONFLICT,
        errors.TARGET_MISMATCH,
        errors.TARGET_NOT_FOUND,
        errors.TARGET_NOT_READY,
        errors.CONNECTION_FAILED,
        errors.TIMED_OUT,
        errors.VENDOR_UNAVAILABLE,
        errors.RATE_LIMITED,
    }
)


def choose_hosts(task: Task) -> dict[str, Any]:
    """The action rotation_select."""
    groups, hostvars = task.task_vars["groups"], task.task_vars["hostvars"]
    if not groups.get("all"):
        raise PasswordError(errors.INVALID_INPUT, "The inventory has no hosts; give one with -i.")
    matched = matching(task.args["hosts"], groups, task.action._loader)
    names = chosen(
        matched,
        task.task_vars["ansible_play_hosts_all"],
        lambda host: bool(hostvars.raw_get(host).get("rotate_vendor")),
    )
    if task.args["require_only"]:
        _require_only(hostvars, names)
    # Facts may come from an earlier run, by a cache of facts: its failures are not those of this one.
    facts = dict(rotate_chosen_hosts=names, rotate_progress={}, rotate_emergency={})
    return dict(changed=False, hosts=names, ansible_facts=facts)


def _require_only(hostvars: Any, names: Sequence[str]) -> None:
    """Refuse hosts for which nobody has said which users are meant: an empty ``rotate_only`` means all users everywhere else.

    :raises PasswordError: ``invalid_input``.
    """
    without = [host for host in names if not read_patterns(_only_of(hostvars, host))]
    if without:
        raise PasswordError(
            errors.INVALID_INPUT,
            "rotate_only is empty: %s. Say which users to rotate, for example -e rotate_only=alice or -e rotate_only='app-*'. "
            """For all users of these hosts: -e '{"rotate_only": ["*"]}'. Nothing was changed."""
            % report.named(without, len(names), "have no selection of users", of="hosts"),
        )


def _only_of(hostvars: Any, host: str) -> Any:
    """The variable ``rotate_only`` of a host. Only a template takes the time to resolve all variables of the host."""
    only = hostvars.raw_get(host).get("rotate_only")
    parts = [only] if isinstance(only, str) else only if isinstance(only, list) else []
    return hostvars[host].get("rotate_only") if any("{" in str(part) for part in parts) else only


def report_progress(task: Task) -> dict[str, Any]:
    """The action rotation_progress."""
    hostvars, hosts = task.task_vars["hostvars"], task.args["hosts"]
    before = hostvars.raw_get("localhost").get("rotate_progress")
    batch = task.task_vars["ansible_play_batch"]
    results: dict[str, Any] = {host: result_of(hostvars.raw_get(host)) for host in batch}
    others = [host for host in hosts if host not in {*batch, *(before or {}).get("reached", [])}]
    dropped = _dropped(hostvars, others)
    results.update(dropped)
    state = progress(before, results, len(hosts), task.args["max_fail_percentage"])
    lines = summary(state, hosts)
    facts = dict(rotate_progress=dict(state, summary=lines))
    result = dict(changed=False, summary=lines, ansible_facts=facts, **state)
    # No later task runs for them, so the report that ends the run does not name them.
    warnings = report.named(list(dropped), len(hosts), "have new passwords that were not delivered", of="hosts")
    return dict(result, warnings=[warnings]) if dropped else result


def _dropped(hostvars: Any, others: Iterable[str]) -> dict[str, Any]:
    """The results of hosts of the batch that Ansible has dropped, since a consumer of theirs could not be reached."""
    results = {host: result_of(hostvars.raw_get(host)) for host in others}
    return {host: done for host, done in results.items() if done and done["not_delivered"]}


def result_of(variables: Mapping[str, Any]) -> Any:
    """The result of a host; with the user's own tasks it is that of the commit. ``not_delivered``: whether its consumers lack passwords that are in force."""
    done = variables.get("rotate_done")
    done = variables.get("rotate_committed") if done and done.get("skipped") else done
    return done and dict(done, not_delivered=_lacks_delivery(done, variables))


def _lacks_delivery(done: Mapping[str, Any], variables: Mapping[str, Any]) -> bool:
    found, delivered = variables.get("rotate_deliver"), variables.get("rotate_delivered")
    if found is None:
        return bool(done.get("undelivered"))
    # A handler that fails ends the host before anything can be noted.
    return bool(found.get("msg") or (found.get("users") and (delivered is None or delivered.get("msg"))))


def matching(pattern: Any, groups: Mapping[str, Sequence[str]], loader: Any) -> list[str]:
    """The hosts that a pattern means.

    :param pattern: as in ``hosts`` of a play, a text or a list.
    :param groups: the hosts of each group, as the variable ``groups`` holds them.
    :raises PasswordError: ``invalid_input``: it is empty, or a part of it matches nothing.
    """
    manager = InventoryManager(loader=loader, parse=False)
    for group, hosts in groups.items():
        manager.add_group(group)
        for host in hosts:
            manager.add_host(host, group=group)
    parts = split_host_pattern(pattern)
    for part in parts:
        if not part.startswith(("!", "&")) and not manager.get_hosts(pattern=part):
            near = difflib.get_close_matches(
                part, sorted({*groups, *(host for hosts in groups.values() for host in hosts)}), 1, 0.6
            )
            hint = " Did you mean %s?" % near[0] if near else ""
            raise PasswordError(
                errors.INVALID_INPUT, "rotate_hosts: no host of the inventory matches %s.%s" % (part, hint)
            )
    return [host.name for host in manager.get_hosts(pattern=parts)]


def chosen(matched: Iterable[str], play_hosts: Sequence[str], has_vendor: Any) -> list[str]:
    """Those of the matching hosts that the run may touch and that have a vendor, in the order of the inventory.

    :param matched: what :func:`matching` returned.
    :param play_hosts: the hosts of the play, from which ``--limit`` has taken some away.
    :param has_vendor: called with a name.
    :raises PasswordError: ``invalid_input``: none is left.
    """
    matching_names = set(matched)
    within = [host for host in play_hosts if host in matching_names]
    if not within:
        raise PasswordError(errors.INVALID_INPUT, "No host is left: rotate_hosts and --limit have none in common.")
    with_vendor = [host for host in within if has_vendor(host)]
    if not with_vendor:
        shown = ", ".join(within[:5]) + (", ..." if len(within) > 5 else "")
        raise PasswordError(
            errors.INVALID_INPUT,
            "None of the %d hosts has the variable rotate_vendor, so there is nothing to rotate: %s"
            % (len(within), shown),
        )
    return with_vendor


def has_failed(done: Mapping[str, Any] | None) -> bool:
    """Whether anything failed at a host.

    :param done: the result of rotation_run or rotation_commit there; ``None`` if it did not come so far.
    """
    return done is None or bool(
        done.get("msg")
        or done.get("error")
        or done.get("not_delivered")
        or any(user.get("error") for user in done.get("users") or [])
    )


def may_be_wrong_everywhere(done: Mapping[str, Any] | None) -> bool:
    """Whether a host failed as a whole, and in a way in which the others may fail, too."""
    if done is None:
        return True
    # A consumer that could not be reached says nothing about the vendors.
    done = dict(done, not_delivered=False)
    users = done.get("users") or []
    # Passwords that were changed by hand concern their users only.
    users = [user for user in users if user.get("reason") != Reason.VERIFY] or users
    if not has_failed(done) or any(not user.get("error") or user.get("reason") == Reason.VERIFY for user in users):
        return False
    kinds = {user["error"].get("kind") for user in users} | (
        {done["error"].get("kind")} if done.get("error") else set()
    )
    return not kinds or not kinds <= OF_ONE_HOST


def progress(
    before: Mapping[str, Any] | None, results: Mapping[str, Any], number: int, max_fail_percentage: float | None
) -> dict[str, Any]:
    """What is known after a batch.

    :param before: what this function returned after the batch before.
    :param results: the outcome of the hosts of the batch, by name, as for :func:`has_failed`.
    :param number: of all hosts of the run.
    :param max_fail_percentage: how many hosts of a batch may fail; ``None`` for the rule that only what may be wrong everywhere ends a run.
    :return: dict with ``reached``, ``failed_hosts`` and ``undelivered_hosts`` (names), ``everywhere`` (how many failed in a way in which all may)
        and ``stopped``.
    """
    before = before or {"reached": [], "failed_hosts": [], "undelivered_hosts": [], "everywhere": 0}
    failed = [name for name, done in results.items() if has_failed(done)]
    undelivered = [name for name, done in results.items() if done and done.get("not_delivered")]
    bad = sum(may_be_wrong_everywhere(done) for done in results.values())
    now = {
        "reached": [*before["reached"], *results],
        "failed_hosts": [*before["failed_hosts"], *failed],
        "undelivered_hosts": [*before["undelivered_hosts"], *undelivered],
        "everywhere": before["everywhere"] + bad,
    }
    tried = len(now["reached"])
    if undelivered:
        # Their consumers are down. However few they are, no other hosts are put at risk.
        stopped = True
    elif max_fail_percentage is not None:
        stopped = 100.0 * len(failed) > max_fail_percentage * len(results)
    else:
        # One host may be the bad one; a second canary settles that, where it is not the last host anyway.
        stopped = now["everywhere"] == tried and (tried > 1 or number - tried <= 1) or (bad == len(results) and bad > 1)
    return dict(now, stopped=bool(stopped and tried < number))


def summary(state: Mapping[str, Any] | None, hosts: Sequence[str]) -> list[str]:
    """Which hosts failed and which were not reached, in sentences.

    :param state: what :func:`progress` returned last.
    :param hosts: all hosts of the run.
    """
    reached, failed, undelivered = (
        set(state[key]) if state else set() for key in ("reached", "failed_hosts", "undelivered_hosts")
    )
    missing = [host for host in hosts if host not in reached]
    lines = []
    if failed:
        lines.append(report.named([host for host in hosts if host in failed], len(hosts), "failed", of="hosts"))
    if undelivered:
        where = [host for host in hosts if host in undelivered]
        lines.append(report.named(where, len(hosts), "have new passwords that were not delivered", of="hosts"))
    if missing:
        lines.append(report.named(missing, len(hosts), "were not reached", of="hosts"))
    return lines or ["Nothing failed on %d host%s." % (len(hosts), "s" if len(hosts) != 1 else "")]
