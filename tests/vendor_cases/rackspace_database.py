# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rackspace Cloud Databases, by a double of Trove whose database cannot be reached: no login proves anything there."""

from __future__ import annotations

from tests.doubles.rackspace_identity import TOKENS
from tests.doubles.trove import INSTANCE, TroveDouble
from tests.vendor_cases import VendorCase

_KEY = "operator-S3cr3t-MARKER-api-key"


def _environment(double):
    return {
        "RACKSPACE_AUTH_URL": double.url + "/v2.0", "OS_AUTH_URL": double.url, "OS_USERNAME": "operator", "OS_PASSWORD": "operator-password",
        "OS_PROJECT_NAME": "customer",
    }  # fmt: skip


CASE = VendorCase(
    vendor="rackspace_database",
    double=lambda users, **options: TroveDouble(users, regions=("DFW",), hostname=None, api_keys={"operator": _KEY}, **options),
    connection=lambda double: {"auth_url": double.url + "/v2.0", "api_user": "operator", "api_key": _KEY, "instance_id": INSTANCE},
    change={"path": "/users", "method": "PUT"},
    lookup={"path": INSTANCE, "method": "GET"},
    login={"path": TOKENS},
    complaint=lambda text: {"badRequest": {"code": text, "message": text}},
    refusal={"status": 400, "body": {"badRequest": {"code": 400, "message": "Validation error: users[0]['password'] does not match the rules"}}},
    secrets=(_KEY,),
    end_logins=lambda double: double.tokens.clear(),
    proves=False,
    users={"app": "app-before", "report@10.0.0.1": "report-before"},
    variables={"vault_rackspace_api_key": _KEY, "database_instance_id": INSTANCE, "vault_app": "app-after", "vault_report": "report-after"},
    environment=_environment,
)
