# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acronis Cyber Protect Cloud, with an API client in the tenant above that of the users."""

from __future__ import annotations

from tests.doubles.acronis import CHANGE, SEARCH, AcronisDouble
from tests.doubles.acronis_identity import CLIENT_ID, CLIENT_SECRET, CUSTOMER, LOGIN, Person
from tests.vendor_cases import VendorCase

CASE = VendorCase(
    vendor="acronis",
    double=AcronisDouble,
    connection=lambda double: {"url": double.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    change={"path": CHANGE, "method": "POST"},
    lookup={"path": SEARCH, "method": "GET"},
    login={"path": LOGIN},
    complaint=lambda text: {"error": {"code": text, "message": text}},
    refusal={"status": 403, "body": {"error": {"code": 1027, "message": "The operation is not allowed by business rules"}}},
    secrets=(CLIENT_SECRET,),
    # The vendor documents no rule; this is the strictest that the collection allows for.
    locks_after=3,
    locks={"lockout_after": 3, "lockout_window": 3600},
    end_logins=lambda double: double.expire_tokens(),
    addresses=("https://eu2-cloud.acronis.com",),
    # Erin was never activated.
    users={"alice": "alice-before-the-first-rotation", "bob": "bob-before", "carol": "carol-before", "erin": None},
    variables={
        "acronis_client_id": CLIENT_ID, "vault_acronis_client_secret": CLIENT_SECRET, "acronis_customer_id": CUSTOMER, "acronis_carol_id": Person("carol").id,
    },
)  # fmt: skip
