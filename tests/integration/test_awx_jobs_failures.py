# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of AWX that fail or are cancelled, and what becomes of the passwords when somebody launches them again."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.integration.awx_fixtures import HOST, SOME_VENDORS, STORES, USERS, Site, a_site, a_store_or_every, a_vendor_or_every, some_vendors_or_every
from tests.integration.awx_jobs import MOST_DETAIL, Controller, Inventory
from tests.integration.awx_stores import JobStore
from tests.integration.rotation import old_password
from tests.vendor_cases import CASES, VendorCase

ARRIVAL = 60  # seconds until a request must have come
HOSTS = ("endpoint-1", "endpoint-2")

pytestmark = [pytest.mark.slow]


@pytest.fixture
def case() -> VendorCase:
    """The vendor, unless a test is run with others."""
    return CASES["milvus"]


@some_vendors_or_every
@a_store_or_every
def test_one_endpoint_refuses_and_is_relaunched_alone(controller: Controller, case: VendorCase, store: JobStore) -> None:
    with a_site(controller, case, store, HOSTS) as site:
        willing, unwilling = site.doubles.values()
        unwilling.inject("answer", times=None, **case.change, **case.refusal)
        failed = site.run("Rotate passwords", verbosity=MOST_DETAIL)
        assert (failed.rc, failed.status, failed.failed_hosts) == (2, "failed", [HOSTS[1]]), failed.stdout
        assert sorted(failed.artifacts["rekey_failed"]) == ["%s: %s" % (HOSTS[1], name) for name in USERS]
        assert failed.artifacts["rekey_error_kinds"] == ["password_rejected"] and failed.artifacts["rekey_rotated"] == len(USERS)
        assert all(unwilling.can_log_in(name, old_password(name)) for name in USERS)
        assert not any(willing.can_log_in(name, old_password(name)) for name in USERS)

        willing.reset()
        unwilling.reset()
        relaunched = site.run("Rotate passwords", limit=":".join(failed.failed_hosts))
        assert relaunched.rc == 0 and list(relaunched.stats) == [HOSTS[1]], relaunched.stdout
        assert relaunched.artifacts["rekey_rotated"] == len(USERS) and not willing.requests
        site.assert_in_force()
        site.assert_nothing_shown(failed, relaunched)


@a_vendor_or_every
@a_store_or_every
def test_hosts_that_were_not_reached_have_not_failed(controller: Controller, case: VendorCase, store: JobStore) -> None:
    """A refusal that may be the same everywhere ends a job early. AWX then relaunches what failed; the rest is for the next job over all hosts."""
    with a_site(controller, case, store, HOSTS) as site:
        unwilling, other = site.doubles.values()
        unwilling.inject("answer", times=None, **case.change, **case.refusal)
        failed = site.run("Rotate passwords")
        assert failed.rc == 2 and failed.failed_hosts == [HOSTS[0]] and not other.requests, failed.stdout
        summary = str(failed.results("Show the summary of all hosts"))
        assert "were not reached" in summary and HOSTS[1] in summary
        unwilling.clear_faults()
        assert site.run("Rotate passwords", limit=HOSTS[0]).rc == 0 and not other.requests
        rest = site.run("Rotate passwords")
        assert rest.rc == 0 and rest.artifacts["rekey_rotated"] == len(USERS), rest.stdout
        site.assert_in_force()


@a_vendor_or_every
@a_store_or_every
def test_an_endpoint_that_is_down(site: Site) -> None:
    (double,) = site.doubles.values()
    double.stop()
    failed = site.run("Rotate passwords")
    assert (failed.rc, failed.status, failed.failed_hosts) == (2, "failed", [HOST]), failed.stdout
    assert failed.artifacts["rekey_rotated"] == 0 and failed.artifacts["rekey_error_kinds"] == ["connection_failed"]
    site.assert_nothing_shown(failed)


@a_vendor_or_every
@pytest.mark.parametrize("store", STORES[1:], indirect=True)
def test_a_store_that_is_out_of_reach(site: Site) -> None:
    (double,) = site.doubles.values()
    site.store.case.disturb()
    failed = site.run("Rotate passwords")
    assert failed.rc == 2 and failed.artifacts["rekey_error_kinds"] == ["store_failed"] and failed.artifacts["rekey_failed"] == [HOST], failed.stdout
    assert not double.writes, "nothing is sent that cannot be kept"
    site.store.case.mend()
    assert site.run("Rotate passwords", limit=HOST).rc == 0
    site.assert_in_force()
    site.assert_nothing_shown(*site.controller.jobs[-2:])


def test_a_store_whose_volume_is_missing(site: Site, tmp_path: pathlib.Path) -> None:
    site.inventory = Inventory({**site.inventory.variables, "rotate_store_create": False}, site.inventory.hosts)
    failed = site.run("Rotate passwords")
    assert failed.rc == 2 and failed.artifacts["rekey_error_kinds"] == ["store_failed"] and "Is its volume mounted?" in failed.stdout
    (double,) = site.doubles.values()
    assert not double.writes and not list((tmp_path / "store").iterdir())


def _cancelled(site: Site, applies: str) -> dict[str, str]:
    """Cancel a job while the second user's change is under way.

    :param applies: ``now`` if the vendor has made the change by then, ``never`` if it never will.
    :return: the passwords that are in the store now, by user.
    """
    (double,) = site.doubles.values()
    # A request for many has no second user.
    user = None if site.case.capabilities.bulk else "bob"
    fault = double.inject("hang", user=user, applies=applies, **site.case.change)
    job = site.launch("Rotate passwords", verbosity=MOST_DETAIL)
    assert fault.arrived.wait(ARRIVAL), job.stdout
    job.cancel()
    assert fault.left.wait(ARRIVAL)
    assert (job.status, job.rc) == ("canceled", 254)
    pending = {name: record.pending.password for name, record in site.records().items()}
    assert sorted(pending) == sorted(USERS)
    for name in USERS:
        assert sum(double.can_log_in(name, password) for password in (pending[name], old_password(name))) == 1, name
    site.assert_nothing_shown(job)
    return pending


def _assert_that_a_relaunch_finishes(site: Site, pending: dict[str, t.Any]) -> None:
    relaunched = site.run("Rotate passwords", verbosity=MOST_DETAIL)
    assert relaunched.rc == 0 and relaunched.artifacts["rekey_rotated"] == len(USERS), relaunched.stdout
    assert {name: record.password for name, record in site.records().items()} == pending, "others than those that were staged"
    site.assert_in_force()
    site.assert_nothing_shown(relaunched)


@pytest.mark.parametrize(
    "case, applies", [*((case, "now") for case in SOME_VENDORS), (CASES["milvus"], "never")], ids=lambda value: getattr(value, "vendor", value)
)
@a_store_or_every
def test_cancelled_in_the_middle_and_relaunched(controller: Controller, case: VendorCase, store: JobStore, applies: str) -> None:
    with a_site(controller, case, store, connection={"concurrency": 1}) as site:
        _assert_that_a_relaunch_finishes(site, _cancelled(site, applies))


@pytest.mark.parametrize("store", STORES[1:], indirect=True)
def test_cancelled_with_a_store_behind_a_network(controller: Controller, case: VendorCase, store: JobStore) -> None:
    with a_site(controller, case, store, connection={"concurrency": 1}) as site:
        _assert_that_a_relaunch_finishes(site, _cancelled(site, "now"))
