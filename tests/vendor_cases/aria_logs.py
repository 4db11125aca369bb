# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMware Aria Operations for Logs, with a local super admin as the operator."""

from __future__ import annotations

from tests.doubles.aria_logs import CHANGE, LOGIN, OPERATOR, OPERATOR_PASSWORD, SEARCH, AriaLogsDouble
from tests.doubles.aria_logs_people import TRIES
from tests.vendor_cases import VendorCase


def _connection(double):
    return {"url": double.url, "api_user": OPERATOR, "api_password": double.users[OPERATOR]}


CASE = VendorCase(
    vendor="aria_logs",
    double=AriaLogsDouble,
    connection=_connection,
    change={"path": CHANGE, "method": "PATCH"},
    lookup={"path": SEARCH, "method": "GET"},
    login={"path": LOGIN},
    complaint=lambda text: {"errorMessage": text, "errorCode": text, "errorDetails": {"x": [{"errorCode": text}]}},
    refusal={
        "status": 400,
        "body": {
            "errorMessage": "Some fields have incorrect values",
            "errorCode": "FIELD_ERROR",
            "errorDetails": {"password": [{"errorMessage": "The password is not secure."}]},
        },
    },
    secrets=(OPERATOR_PASSWORD,),
    takes_any_success=True,
    locks_after=TRIES,
    end_logins=lambda double: double.expire_sessions(),
    operator=OPERATOR,
    addresses=("https://logs.example.com:9543",),
    users={"bob": "bob-before", "carol": "carol-before", "dave": "dave-before"},
    variables={"vault_logs_operator": OPERATOR_PASSWORD},
)
