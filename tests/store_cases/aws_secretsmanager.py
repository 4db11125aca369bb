# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager, by moto."""

from __future__ import annotations

import importlib.util
import uuid

import pytest

from tests.servers.secrets_manager import REGION, SecretsManager
from tests.store_cases import StoreCase

ACCESS_KEY = "AKIAS3CR3TMARKER0000"
SECRET_KEY = "S3cr3t-MARKER-aws-secret-key/+=0000000000"


class AwsSecretsManagerCase(StoreCase):
    """See above."""

    name = "aws_secretsmanager"
    secrets = (SECRET_KEY,)

    def __init__(self, folder):
        super().__init__(folder)
        self.service = SecretsManager()

    def __enter__(self):
        for library in ("boto3", "moto", "flask"):
            if importlib.util.find_spec(library) is None:
                pytest.skip("%s is not installed" % library)
        self.service.__enter__()
        return self

    def __exit__(self, kind, error, trace):
        self.service.__exit__(kind, error, trace)

    @property
    def options(self):
        return {
            "store_path": None,
            "store_options": {
                "endpoint_url": self.service.url, "region": REGION, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "timeout": 10, "retries": 1
            },
        }  # fmt: skip

    def disturb(self):
        self.service.leave()

    def mend(self):
        self.service.listen()

    def damage(self, user, host="host-1"):
        secret = self.service.secrets["rekey/%s/%s" % (host, user)]
        for version in secret.versions.values():
            version["version_stages"] = []
        ruin = str(uuid.uuid4())
        content = {"version_id": ruin, "secret_string": '{"username": "S3cr3t-MARKER', "version_stages": ["AWSCURRENT", "AWSPENDING"], "createdate": 0}
        secret.versions[ruin] = content

    def swap(self, host, other):
        secrets, found = self.service.secrets, {}
        for name, new in ((host, other), (other, host)):
            prefix = "rekey/%s/" % name
            for path in [path for path in secrets.keys() if path.startswith(prefix)]:
                found["rekey/%s/%s" % (new, path[len(prefix) :])] = secrets[path].versions
        for path, versions in found.items():
            secrets[path].versions = versions

    def shown(self, user, host="host-1"):
        found = self.service.shown("rekey/%s/%s" % (host, user)) or {}
        return found.get("username"), found.get("password")


CASE = AwsSecretsManagerCase
