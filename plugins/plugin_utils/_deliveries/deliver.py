# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ready-made deliveries: settings are checked as a whole before any of them is carried out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._logins import read_logins
from .._rotation.task import Result, Task
from . import files, kubernetes, vault, webhook
from .options import VARIABLES, Setting, read

OPTIONS = dict(
    kind=dict(type="str", choices=list(VARIABLES), required=True),
    deliveries=dict(type="list", elements="raw", required=True),
    users=dict(type="list", elements="str", required=True),
)


def deliver(task: Task) -> Result:
    """Carry out the deliveries of a kind that concern some users, or say what the tasks of the role have to do.

    :return: the action's result, without a secret.
    :raises PasswordError: ``invalid_input``: a setting is wrong, and nothing was done.
    """
    kind = _KINDS[task.args["kind"]]
    settings = read(task.args["kind"], task.args["deliveries"], kind.module.SPEC, kind.module.OF_USERS)
    kind.check(task, settings)
    users = set(task.args["users"])
    concerned = [setting for setting in settings if any(one.name in users for one in setting.recipients)]
    return kind.deliver(task, _with_logins(task, concerned))


def _check_files(task: Task, settings: List[Setting]) -> None:
    for setting in settings:
        files.check(setting, _groups(task))
    files.require_one_each(settings, _groups(task))


def _plan_files(task: Task, settings: List[Setting]) -> Result:
    for setting in settings:
        files.require_writable(setting)
    return dict(changed=False, deliveries=[plan for one in settings for plan in files.planned(one, _groups(task))])


def _check_kubernetes(_task: Task, settings: List[Setting]) -> None:
    for setting in settings:
        kubernetes.planned(setting)


def _plan_kubernetes(_task: Task, settings: List[Setting]) -> Result:
    if settings:
        kubernetes.require_collection()
    return dict(changed=False, deliveries=[kubernetes.planned(setting) for setting in settings])


def _check_vault(task: Task, settings: List[Setting]) -> None:
    for setting in settings:
        vault.check(setting, _folder_of_records(task))


def _deliver_to_vault(task: Task, settings: List[Setting]) -> Result:
    return _each(task, settings, lambda one: vault.deliver(one, check_mode=task.check_mode, loader=task.action._loader))


def _check_webhooks(_task: Task, settings: List[Setting]) -> None:
    for setting in settings:
        webhook.check(setting)


def _call_webhooks(task: Task, settings: List[Setting]) -> Result:
    target = task.record_name()
    return _each(
        task,
        settings,
        lambda one: webhook.deliver(one, target=target, scrub=task.scrub, check_mode=task.check_mode),
    )


@dataclass(frozen=True)
class _Kind:
    """What is done for a kind of deliveries."""

    module: Any  # with the argument specs SPEC and OF_USERS
    check: Callable[[Task, List[Setting]], None]  # before anything is done
    deliver: Callable[[Task, List[Setting]], Result]


_KINDS = {
    "file": _Kind(files, _check_files, _plan_files),
    "kubernetes": _Kind(kubernetes, _check_kubernetes, _plan_kubernetes),
    "vault": _Kind(vault, _check_vault, _deliver_to_vault),
    "webhook": _Kind(webhook, _check_webhooks, _call_webhooks),
}


def _groups(task: Task) -> Mapping[str, List[str]]:
    """The hosts of the inventory's groups."""
    groups: Mapping[str, List[str]] = task.task_vars.get("groups") or {"all": []}
    return groups


def _folder_of_records(task: Task) -> Optional[str]:
    """Where the store keeps its records, if it is a Vault, too."""
    return (task.args["store_options"].get("path") or "rekey") if task.args["store"] == "hashi_vault" else None


def _with_logins(task: Task, settings: List[Setting]) -> List[Setting]:
    """The settings with the logins of all their users.

    :raises PasswordError: ``store_failed``; ``invalid_input``: the store has no password of one of them.
    """
    names = [recipient.name for setting in settings for recipient in setting.recipients]
    logins = read_logins(task.open_store(), names) if names else {}
    task.scrub.add(*(login.password for login in logins.values() if login.password))
    for setting in settings:
        missing = [recipient.name for recipient in setting.recipients if logins[recipient.name].password is None]
        if missing:
            raise setting.wrong("The store has no current password of %s on %s." % (missing[0], task.record_name()))
    return [
        replace(
            setting,
            recipients=tuple(replace(recipient, login=logins[recipient.name]) for recipient in setting.recipients),
        )
        for setting in settings
    ]


def _each(task: Task, settings: List[Setting], carry_out: Callable[[Setting], bool]) -> Result:
    """Carry out every setting, whatever becomes of the others."""
    done: List[Dict[str, Any]] = []
    for setting in settings:
        try:
            done.append(dict(title=setting.title, changed=carry_out(setting), error=None))
        except PasswordError as error:
            done.append(dict(title=setting.title, changed=False, error=error.as_dict(task.scrub)))
    result: Result = dict(changed=any(each["changed"] for each in done), deliveries=done)
    failed = [each for each in done if each["error"]]
    if failed:
        message = " ".join("%s: %s" % (each["title"], each["error"]["message"]) for each in failed)
        result.update(failed=True, msg=message, error=dict(failed[0]["error"], message=message))
    return result
