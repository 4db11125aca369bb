# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the change run for Aria Operations for Logs, and what its double has seen of them."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rekey.passwords.plugins.module_utils import _change
from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import module_spec
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.aria_logs import AriaLogs

from tests.doubles.aria_logs import API, CHANGE, LOGIN, OPERATOR, OPERATOR_PASSWORD, SEARCH, AriaLogsDouble
from tests.unit.plugins.module_utils.fake_vendor import Clock

OLD = "Old-S3cr3t-MARKER-1"
NEW = "New-S3cr3t-MARKER-2"
NOBODY = "00000000-0000-4000-8000-000000000000"


def make(*names, **options):
    """A double with some users, alice and bob if none are named, whose password is :data:`OLD`."""
    return AriaLogsDouble(dict.fromkeys(names or ("alice", "bob"), OLD), **options)


def alice(**more):
    """The user of most tests."""
    return dict({"name": "alice", "password": NEW}, **more)


def run(double, *users, check_mode=False, clock=None, **options):
    """The result of a call by the double's operator; nobody really waits."""
    clock = clock or Clock()
    given = dict({"url": double.url, "api_user": OPERATOR, "api_password": OPERATOR_PASSWORD, "timeout": 20.0}, **options)
    validated = ArgumentSpecValidator(**module_spec(AriaLogs)).validate(dict(given, users=list(users)) if users else given)
    assert validated.error_messages == []
    result = _change.set_passwords(AriaLogs, validated.validated_parameters, check_mode, clock.sleep, clock)
    text = repr(result) + str(result)
    assert "MARKER" not in text and not any(session.id in text for session in double.sessions)
    return result


def story(double):
    """The requests in the order in which they arrived, such as ``login alice``."""
    names = {person.id: name for name, person in double.people.items()}
    found = []
    for one in double.requests:
        path = one.path[len(API) :]
        name = names.get(path.split("/")[2] if path.count("/") > 1 else "")
        what = {("POST", LOGIN): "login %s" % one.login, ("GET", SEARCH): "list"}.get((one.method, path))
        what = what or ("change %s" if (one.method, path[-len(CHANGE) :]) == ("PATCH", CHANGE) else one.method + " %s") % name
        found.append(what)
    return found
