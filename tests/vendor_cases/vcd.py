# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMware Cloud Director, with an administrator of the tenant as the operator."""

from __future__ import annotations

from tests.doubles.vcd import OPERATOR, OPERATOR_PASSWORD, SEARCH, SYSTEM_PASSWORD, VcdDouble
from tests.doubles.vcd_sessions import LOGIN
from tests.vendor_cases import VendorCase


def _connection(double):
    return {"url": double.url, "org": double.tenant.name, "api_user": OPERATOR, "api_password": double.users[OPERATOR]}


CASE = VendorCase(
    vendor="vcd",
    double=VcdDouble,
    connection=_connection,
    change={"method": "PUT"},
    lookup={"path": SEARCH, "method": "GET"},
    login={"path": LOGIN},
    complaint=lambda text: {"minorErrorCode": text, "message": "[ %s ] %s" % (text, text)},
    refusal={"status": 400, "body": {"minorErrorCode": "BAD_REQUEST", "message": "[ 1 ] The password does not satisfy the policy.", "stackTrace": None}},
    secrets=(OPERATOR_PASSWORD, SYSTEM_PASSWORD),
    locks_after=5,
    end_logins=lambda double: double.expire(),
    operator=OPERATOR,
    addresses=("https://{{ inventory_hostname }}", "https://vcd.example.com"),
    users={"alice": "alice-before-the-first-rotation", "bob": "bob-before", "carol": "carol-before"},
    variables={"vault_operator": OPERATOR_PASSWORD, "vault_administrator_old": SYSTEM_PASSWORD, "vault_administrator_new": "Administrator-After-1"},
)
