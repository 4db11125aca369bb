# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the process of Keystone, with the Python of the environment that trove_package.py makes; the rest is keystone.py.

The application is Keystone's own; beside it there is a record of requests, and a way to have a token that has expired.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import sys
import unittest.mock
import urllib.parse

import keystone.conf
from cheroot import wsgi
from keystone.cmd import bootstrap
from keystone.common import fernet_utils, provider_api
from keystone.common.sql import upgrades
from keystone.server.flask.core import initialize_application

CONF = keystone.conf.CONF


def make_database():
    """What `keystone-manage` does with db_sync, fernet_setup and credential_setup, without three starts of it."""
    upgrades.offline_sync_database_to_version()
    for settings, purpose in ((CONF.fernet_tokens, "fernet_tokens"), (CONF.fernet_receipts, "fernet_receipts"), (CONF.credential, "credential")):
        os.makedirs(settings.key_repository, mode=0o700)
        keys = fernet_utils.FernetUtils(settings.key_repository, getattr(settings, "max_active_keys", 3), purpose)
        keys.initialize_key_repository()


def bootstrap_with(plan):
    """What `keystone-manage bootstrap` does: the first domain, project, roles, user and endpoints."""
    # It would load the backends, which may happen once in a process, and has.
    with unittest.mock.patch.object(bootstrap.backends, "load_backends"):
        first = bootstrap.Bootstrapper()
    first.admin_username, first.admin_password = "admin", plan["admin_password"]
    first.project_name, first.admin_role_name = "admin", "admin"
    first.service_name, first.region_id = "keystone", plan["region"]
    first.public_url = first.internal_url = first.admin_url = plan["url"]
    first.bootstrap()


def expired_token(query):
    """A token of this user for this project that ended a minute ago."""
    arguments = dict(urllib.parse.parse_qsl(query))
    end = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
    issued = provider_api.ProviderAPIs.token_provider_api.issue_token(
        arguments["user"], ["password"], expires_at=end.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), project_id=arguments["project"]
    )
    return issued.id


class Recorder:
    """Notes every request before its answer leaves, without its contents."""

    def __init__(self, application, path):
        self._application = application
        self._record = open(path, "a", encoding="utf-8", buffering=1)  # pylint: disable=consider-using-with

    def __call__(self, environ, start_response):
        def answer(status, headers, *rest):
            self._record.write(json.dumps([environ["REQUEST_METHOD"], environ["PATH_INFO"], int(status.split()[0])]) + "\n")
            return start_response(status, headers, *rest)

        if environ["PATH_INFO"] == "/_tests/expired_token":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [expired_token(environ["QUERY_STRING"]).encode("ascii")]
        return self._application(environ, answer)


def main(plan):
    # The configuration would read the arguments.
    sys.argv = ["keystone"]
    new = not pathlib.Path(plan["database"]).exists()
    # The same as keystone.server.wsgi.initialize_public_application, which has no place between the configuration and the start.
    application = initialize_application(
        name="public", post_log_configured_function=make_database if new else lambda: None, config_files=[plan["configuration"]]
    )
    if new:
        bootstrap_with(plan)
    server = wsgi.Server(("127.0.0.1", plan["port"]), Recorder(application, plan["record"]), numthreads=4, request_queue_size=64)
    try:
        server.start()
    finally:
        server.stop()


if __name__ == "__main__":
    main(json.loads(sys.stdin.readline()))
