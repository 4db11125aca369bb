# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ready-made deliveries: settings are checked as a whole before any of them is carried out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Set

from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._logins import read_logins
from .._rotation.task import Result, Task
from . import files, kubernetes, vault, webhook
from .options import VARIABLES, Setting, read

_KINDS: Dict[str, Any] = {"file": files, "kubernetes": kubernetes, "vault": vault, "webhook": webhook}

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
    kind, groups = task.args["kind"], task.task_vars.get("groups") or {"all": []}
    module = _KINDS[kind]
    settings = read(kind, task.args["deliveries"], module.SPEC, module.OF_USERS)
    for setting in settings:
        if kind == "file":
            files.check(setting, groups)
        elif kind == "kubernetes":
            kubernetes.planned(setting)
        elif kind == "vault":
            vault.check(setting, _folder_of_records(task))
        else:
            webhook.check(setting)
    if kind == "file":
        files.require_one_each(settings, groups)
    settings = _with_logins(task, [setting for setting in settings if _concerns(setting, set(task.args["users"]))])
    if kind == "file":
        for setting in settings:
            files.require_writable(setting)
        planned = [plan for setting in settings for plan in files.planned(setting, groups)]
        return dict(changed=False, deliveries=planned)
    if kind == "kubernetes":
        if settings:
            kubernetes.require_collection()
        return dict(changed=False, deliveries=[kubernetes.planned(setting) for setting in settings])
    if kind == "vault":
        return _each(
            task,
            settings,
            lambda setting: vault.deliver(setting, check_mode=task.check_mode, loader=task.action._loader),
        )
    target = task.record_name()
    return _each(
        task,
        settings,
        lambda setting: webhook.deliver(setting, target=target, scrub=task.scrub, check_mode=task.check_mode),
    )


def _folder_of_records(task: Task) -> Optional[str]:
    """Where the store keeps its records, if it is a Vault, too."""
    return (task.args["store_options"].get("path") or "rekey") if task.args["store"] == "hashi_vault" else None


def _concerns(setting: Setting, users: Set[str]) -> bool:
    return any(recipient.name in users for recipient in setting.recipients)


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
