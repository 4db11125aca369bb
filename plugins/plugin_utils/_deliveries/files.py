# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on other hosts: which tasks of the role write which file where. The tasks themselves write the passwords."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Set, Tuple

from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from . import formats
from .options import USERS, Setting, keys_of

SPEC = dict(
    argument_spec=dict(
        users=USERS,
        path=dict(type="str", required=True),
        hosts=dict(type="list", elements="str", required=True, aliases=["host"]),
        format=dict(type="str", choices=sorted(formats.FORMATS)),
        template=dict(type="str"),
        owner=dict(type="str"),
        group=dict(type="str"),
        mode=dict(type="raw", default="0600"),
        become=dict(type="bool", default=False),
        become_user=dict(type="str"),
        restart=dict(type="list", elements="str", default=[]),
        reload=dict(type="list", elements="str", default=[]),
    ),
    required_one_of=[("format", "template")],
    mutually_exclusive=[("format", "template")],
)
OF_USERS: Dict[str, Dict[str, Any]] = dict(
    username=dict(type="str"),
    password=dict(type="str", no_log=False),
    host=dict(type="str", default="*"),
    port=dict(type="str", default="*"),
    database=dict(type="str", default="*"),
    section=dict(type="str", default="client"),
)
# What a user of a file may say, by the format; in a template it says nothing.
_OF_FORMAT = {"env": {"username", "password"}, "pgpass": {"host", "port", "database"}, "my_cnf": {"section"}}


def check(setting: Setting, groups: Mapping[str, List[str]]) -> None:
    """Refuse what would fail in the middle of a delivery.

    :param groups: the hosts of the inventory's groups.
    :raises PasswordError: ``invalid_input``.
    """
    options = setting.options
    if not options["path"].startswith("/"):
        raise setting.wrong("path is not absolute: %s." % options["path"])
    if not isinstance(options["mode"], str):
        raise setting.wrong('mode is not a text; put it into quotes, such as "0600".')
    for recipient in setting.recipients:
        given = {
            name for name, option in OF_USERS.items() if recipient.options[name] != option.get("default")
        } - _OF_FORMAT.get(options["format"], set())
        if given:
            where = "A file in the format %s" % options["format"] if options["format"] else "A template"
            raise setting.wrong("%s does not take %s for %s." % (where, ", ".join(sorted(given)), recipient.name))
    if options["format"] == "env":
        _variables(setting)
    if options["format"] == "my_cnf":
        sections = [recipient.options["section"] for recipient in setting.recipients]
        if len(set(sections)) < len(sections):
            raise setting.wrong("Several users have the same section; give each its own.")
    _hosts(setting, groups)


def require_one_each(settings: List[Setting], groups: Mapping[str, List[str]]) -> None:
    """Refuse two settings for one file, which would replace each other's content for ever.

    :raises PasswordError: ``invalid_input``.
    """
    found: Set[Tuple[str, str]] = set()
    for setting in settings:
        for host in _hosts(setting, groups):
            place = (host, setting.options["path"])
            if place in found:
                raise setting.wrong("Another element writes %s on %s, too." % (place[1], host))
            found.add(place)


def require_writable(setting: Setting) -> None:
    """Refuse a login that the format cannot hold, before anything is written.

    :raises PasswordError: ``invalid_input``.
    """
    if not setting.options["format"]:
        return
    for recipient in setting.recipients:
        values = {"name": recipient.login.username, "password": recipient.login.password}
        values.update((key, recipient.options[key]) for key in _OF_FORMAT["pgpass"])
        for part, value in values.items():
            try:
                formats.quoted(value or "", setting.options["format"])
            except PasswordError as error:
                raise setting.wrong(
                    "The %s of %s cannot be written to %s. %s A password policy can exclude the character."
                    % (part, recipient.name, setting.options["path"], error.message)
                ) from None


def planned(setting: Setting, groups: Mapping[str, List[str]]) -> List[Dict[str, Any]]:
    """What the tasks of the role need to know, one dictionary per host; no password is in it."""
    options = setting.options
    own = {
        name: options[name]
        for name in ("path", "format", "template", "owner", "group", "mode", "become", "become_user")
    }
    users = [
        {
            "name": recipient.name,
            **{option: recipient.options[option] for option in _OF_FORMAT.get(options["format"], ())},
        }
        for recipient in setting.recipients
    ]
    if options["format"] == "env":
        users = [
            {"name": recipient.name, "part": part, "variable": variable}
            for variable, (recipient, part) in _variables(setting).items()
        ]
    return [
        dict(own, title=setting.title, host=host, users=users, services=_services(options, host))
        for host in _hosts(setting, groups)
    ]


def _services(options: Dict[str, Any], host: str) -> List[Dict[str, Any]]:
    """The services that read the file."""
    place = dict(host=host, become=options["become"], become_user=options["become_user"])
    return [
        dict(place, name=name, state=state)
        for state, option in (("restarted", "restart"), ("reloaded", "reload"))
        for name in options[option]
    ]


def _variables(setting: Setting) -> Dict[str, Any]:
    """The variables of an environment file."""
    found = keys_of(setting, "USERNAME", "PASSWORD")
    for variable, (recipient, _part) in found.items():
        if not formats.is_variable(variable):
            raise setting.wrong("%s of %s is not the name of a variable." % (variable, recipient.name))
    return found


def _hosts(setting: Setting, groups: Mapping[str, List[str]]) -> List[str]:
    """The hosts of a setting, each once, the members of groups among them."""
    found: List[str] = []
    for name in setting.options["hosts"]:
        members = groups.get(name) or ([name] if name in groups["all"] or name == "localhost" else [])
        if not members:
            raise setting.wrong("The inventory has neither a host nor a group %s." % name)
        found += members
    return list(dict.fromkeys(found))
