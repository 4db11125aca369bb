# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the change run for VMware Cloud Director, and what its double has seen of them."""

from __future__ import annotations

import json
import re

from ansible_collections.rekey.passwords.plugins.module_utils._vendors.vcd import Vcd

from tests.doubles.vcd import OPERATOR, OPERATOR_API_TOKEN, OPERATOR_PASSWORD, VcdDouble
from tests.unit.calls import call
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD

ADMIN = {"api_user": OPERATOR, "api_password": OPERATOR_PASSWORD}
BY_TOKEN = {"api_token": OPERATOR_API_TOKEN}
WRONG = "S3cr3t-MARKER-wrong"
SHORT = 0.3  # seconds; a time-out that is meant to come

# What a user without an operator costs that is changed: logins with the old and the new password, and the end of each session.
OWN_CHANGE = ["GET versions", "POST sessions", "POST changePassword", "DELETE current", "POST sessions", "DELETE current"]


def make(*names, **options):
    """A double with users that have the old password; ``alice`` and ``bob`` if none are named."""
    return VcdDouble({name: OLD for name in names or ("alice", "bob")}, **options)


def user(name="alice", **more):
    """An entry of ``users``."""
    return dict({"name": name, "password": NEW, "current_password": OLD}, **more)


def run(double, *users, check_mode=False, clock=None, sleep=None, **options):
    """The result of a call; nobody really waits, no secret is in it, and no session stays open."""
    options = dict({"url": double.url, "org": "acme", "timeout": 20.0}, **options)
    result = call(Vcd, *users, check_mode=check_mode, clock=clock, sleep=sleep, **options)
    assert "MARKER" not in json.dumps(result, ensure_ascii=False) + repr(result), "a secret is shown"
    assert "please report it" not in str(result), result
    assert not any(session.id in str(result) for session in double.sessions)
    return result


def sent(double):
    """The requests in their order, by method and the last part of the path."""
    return ["%s %s" % (one.method, re.sub("^urn:.*", "user", one.path.rpartition("/")[2])) for one in double.requests]


def logins(double):
    """Who tried to open a session, in this order."""
    return [one.login for one in double.requests if one.method == "POST" and "/sessions" in one.path]
