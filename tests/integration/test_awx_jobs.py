# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of AWX at every vendor with every store: rotate, nothing to do, verify; and not one secret in what AWX keeps of them."""

from __future__ import annotations

import pytest

from tests.integration.awx_fixtures import HOST, Site, every_vendor_and_store
from tests.integration.awx_jobs import MOST_DETAIL
from tests.integration.rotation import REPORT, old_password

pytestmark = [pytest.mark.slow]

REASON = "INC-4711: leaver"


@every_vendor_and_store
def test_rotates_then_has_nothing_to_do_and_all_log_in(site: Site) -> None:
    double = next(iter(site.doubles.values()))
    rotated = site.run("Rotate passwords", verbosity=MOST_DETAIL, fact_cache=True, watch=True, answers={"rotate_reason": REASON})
    assert (rotated.rc, rotated.status) == (0, "successful"), rotated.stdout
    assert rotated.artifacts == {"rekey_rotated": 3, "rekey_would_rotate": 0, "rekey_failed": [], "rekey_error_kinds": []}
    assert rotated.stats[HOST]["changed"] == 1 and not rotated.failed_hosts
    assert REASON in str(rotated.results(REPORT)[HOST]["msg"])
    site.assert_in_force()
    assert all(record.previous == old_password(name) for name, record in site.records().items())

    double.reset()
    again = site.run("Rotate passwords")
    assert again.rc == 0 and again.stats[HOST]["changed"] == 0 and again.artifacts["rekey_rotated"] == 0, again.stdout
    assert not double.writes

    verified = site.run("Verify passwords", verbosity=MOST_DETAIL, answers={"rotate_only": "a*,bob"})
    # Where no login is possible, verify says so and fails nothing.
    assert verified.artifacts["rekey_checked"] == 2 and verified.artifacts["rekey_failed"] == [], verified.stdout
    assert verified.artifacts["rekey_verified"] == (2 if site.case.proves else 0)
    assert not double.writes and not double.failed_logins
    site.assert_in_force()
    site.assert_nothing_shown(rotated, again, verified)
    assert rotated.leaks([REASON]), "the search finds what is there"
