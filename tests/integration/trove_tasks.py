# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of ``rackspace_database_user_password`` for a real Trove, and what came out of them."""

from __future__ import annotations

import contextlib
import time

MODULE = "rekey.passwords.rackspace_database_user_password"
ALIAS = "rekey.passwords.trove_user_password"
CHANGED = ("changed", True, None)
UNPROVED = ("changed", None, None)
UNCHANGED = ("unchanged", True, None)
WOULD_CHANGE = ("would_change", None, None)


def failed(kind):
    """What is told of a user that certainly was not changed."""
    return ("failed", None, kind)


def secret(label):
    """A password that nobody can mistake for anything else in a text."""
    return "S3cr3t-MARKER-%s" % label


def task(title, module=MODULE, **options):
    """A task that may fail without ending the play."""
    return {"name": title, module: options, "ignore_errors": True}


def errors(run, title):
    """The errors of a task's users."""
    return [user["error"] for user in run.result(title)["users"]]


def call_error(run, title):
    """The kind of the error that concerns a call as a whole; ``None`` if there is none."""
    return (run.result(title).result.get("error") or {}).get("kind")


def login(cloud, **options):
    """The option ``database_login`` for the MariaDB of a cloud; its address is what the service tells."""
    return {"port": cloud.database_port, "timeout": 2} | options


def by_password(cloud, credential="member", **options):
    """The options of a call that logs in at Keystone."""
    who = cloud.credentials[credential]
    return {
        "auth_type": "keystone",
        "auth_url": cloud.auth_url,
        "api_user": who.username,
        "api_password": who.password,
        "project_name": who.project_name,
        "region": cloud.region,
        "instance_id": cloud.instances["healthy"],
        "database_login": login(cloud),
    } | options


def by_token(cloud, instance="healthy", **options):
    """The options of a call with a token."""
    token = options.pop("api_token", None) or cloud.token()
    return {
        "auth_type": "token",
        "api_token": token,
        "endpoint": cloud.endpoint,
        "instance_id": cloud.instances[instance],
        "database_login": login(cloud),
    } | options


class Requests:
    """What a cloud was asked from now on."""

    def __init__(self, cloud):
        self._cloud = cloud
        self._before = len(cloud.requests())

    def __call__(self, method=None, end=""):
        """Paths and statuses of the requests with this method and end of their path."""
        found = self._cloud.requests()[self._before :]
        return [(path, status) for verb, path, status in found if method in (None, verb) and path.endswith(end)]

    def writes(self):
        """The statuses of all that were no mere look."""
        return [status for verb, _path, status in self._cloud.requests()[self._before :] if verb != "GET"]

    def wait_for_write(self, running, limit_s=60.0):
        """Return when a change was answered, while a run of Ansible goes on."""
        end = time.monotonic() + limit_s
        while not self.writes():
            assert time.monotonic() < end and running.poll() is None, "no change was sent"
            time.sleep(0.01)


@contextlib.contextmanager
def keystone_down(cloud):
    """Nobody answers at Keystone's address."""
    cloud.stop_keystone()
    try:
        yield
    finally:
        cloud.start_keystone()
