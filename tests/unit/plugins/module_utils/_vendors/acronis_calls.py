# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the change run for users of Acronis, against the double, and what has become of them on both sides."""

from __future__ import annotations

import urllib.parse

from ansible_collections.rekey.passwords.plugins.module_utils._vendors.acronis import Acronis

from tests.doubles.acronis import CHANGE, CLIENT, SEARCH, USERS, AcronisDouble
from tests.doubles.acronis_identity import BASE, CLIENT_ID, CLIENT_SECRET, LOGIN, REVOKE
from tests.unit.calls import call
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD

NAMES = ("alice", "bob", "carol")


def make(**options):
    """A double with three users in the customer below the client's tenant."""
    return AcronisDouble(dict.fromkeys(NAMES, OLD), **options)


def user(name="alice", **more):
    """One element of ``users``."""
    return dict({"name": name, "password": NEW}, **more)


def run(double, *users, check_mode=False, clock=None, leaves_open=0, **options):
    """The result; nobody really waits, no secret is in it, and no more than ``leaves_open`` tokens stay behind."""
    options = dict({"url": double.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "timeout": 20.0}, **options)
    result = call(Acronis, *users, check_mode=check_mode, clock=clock, **options)
    assert "MARKER" not in repr(result) and "please report it" not in repr(result), result
    assert len(double.open_sessions) == leaves_open, double.open_sessions
    assert not double.lockouts
    return result


def message(result, index=0):
    """What is told about the error of a user."""
    return result["users"][index]["error"]["message"]


def steps(double):
    """The requests in their order, each by a word."""
    words = {LOGIN: "login", REVOKE: "revoke", CLIENT: "client", SEARCH: "search", USERS: "list"}
    found = []
    for request in double.requests:
        path = request.path[len(BASE) :]
        word = words.get(path) or ("change" if path.endswith(CHANGE) else "look")
        # A login of a user is a probe.
        found.append("probe" if word == "login" and b"grant_type=password" in request.body else word)
    return found


def queries(double, path):
    """The queries with which a path was asked."""
    return [dict(urllib.parse.parse_qsl(request.query.decode())) for request in double.calls(path)]


def in_force(double, *names):
    """Who of them has the new password."""
    return [name for name in names or NAMES if double.users[name] == NEW]
