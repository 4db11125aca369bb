# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be chosen when a job of AWX is launched: check mode, the questions of the surveys, slices, and what a credential carries in files."""

from __future__ import annotations

import types

import pytest

from tests.integration.awx_fixtures import HOST, USERS, Site, a_site, a_store_or_every, a_vendor_or_every, every_store, some_vendors_or_every
from tests.integration.awx_jobs import MOST_DETAIL, Controller
from tests.integration.awx_stores import JobStore
from tests.integration.rotation import old_password
from tests.vendor_cases import CASES, VendorCase

ARRIVAL = 60  # seconds until a request must have come
BY_HAND = "By-Hand-S3cr3t-MARKER-1!"

pytestmark = [pytest.mark.slow]


@a_vendor_or_every
@a_store_or_every
def test_a_dry_run_and_then_some_of_the_users(site: Site) -> None:
    (double,) = site.doubles.values()
    double.read_only = True
    answers = {"rotate_only": "alice, b*"}
    foretold = site.run("Rotate passwords", job_type="check", answers=answers, verbosity=MOST_DETAIL)
    assert foretold.rc == 0, foretold.stdout
    assert (foretold.artifacts["rekey_would_rotate"], foretold.artifacts["rekey_rotated"]) == (2, 0)
    assert not double.refused_writes and not site.records()

    double.read_only = False
    rotated = site.run("Rotate passwords", answers=answers, verbosity=MOST_DETAIL)
    assert rotated.rc == 0 and rotated.artifacts["rekey_rotated"] == 2, rotated.stdout
    assert sorted(site.records()) == ["alice", "bob"] and double.can_log_in("carol", old_password("carol"))
    site.assert_nothing_shown(foretold, rotated)


@a_vendor_or_every
@a_store_or_every
def test_an_emergency_rotates_what_is_young_and_begins_with_a_dry_run(site: Site) -> None:
    (double,) = site.doubles.values()
    assert site.run("Rotate passwords").rc == 0
    young = site.records()
    answers = {"rotate_only": "alice, b*", "rotate_reason": "INC-4711"}
    foretold = site.run("Emergency rotation", job_type="check", answers=answers, verbosity=MOST_DETAIL)
    assert foretold.rc == 0 and foretold.artifacts["rekey_would_rotate"] == 2, foretold.stdout
    assert {name: record.password for name, record in site.records().items()} == {name: record.password for name, record in young.items()}
    rotated = site.run("Emergency rotation", answers=answers, verbosity=MOST_DETAIL)
    records = site.records()
    assert {name: records[name].previous == young[name].password for name in USERS} == {"alice": True, "bob": True, "carol": False}
    assert records["alice"].reason == "INC-4711" and double.can_log_in("alice", records["alice"].password)
    refused = 2 if site.case.proves else 0
    assert rotated.rc == 0 and rotated.artifacts["rekey_not_done"] == 0, rotated.stdout
    assert rotated.artifacts["rekey_rotated"] == 2 and rotated.artifacts.get("rekey_previous_refused", 0) == refused
    site.assert_nothing_shown(foretold, rotated)


@a_vendor_or_every
@a_store_or_every
def test_a_password_set_by_hand_is_entered_in_the_survey(site: Site) -> None:
    (double,) = site.doubles.values()
    assert site.run("Rotate passwords").rc == 0
    double.set_user("bob", BY_HAND)
    answers = {"rotate_hosts": HOST, "rotate_repair_user": "bob", "rotate_repair_password": BY_HAND}
    foretold = site.run("Repair passwords", job_type="check", answers=answers)
    repaired = site.run("Repair passwords", answers=answers, verbosity=MOST_DETAIL, watch=True)
    if site.case.proves:
        assert (repaired.rc, repaired.artifacts["rekey_repaired"]) == (0, 1), repaired.stdout
        assert site.records()["bob"].password == BY_HAND
        site.assert_in_force()
    else:
        # No login is possible there, so nothing could prove what was entered.
        assert repaired.rc == 2 and repaired.artifacts["rekey_repaired"] == 0 and repaired.failed_hosts == [HOST], repaired.stdout
        assert site.records()["bob"].password != BY_HAND
    assert not [leak for job in (foretold, repaired) for leak in job.leaks({BY_HAND})]
    site.assert_nothing_shown(foretold, repaired)


@some_vendors_or_every
@a_store_or_every
def test_certificates_arrive_in_files(controller: Controller, case: VendorCase, store: JobStore, tls_files: types.SimpleNamespace) -> None:
    locked = dict(case.locks, tls=tls_files.server, client_ca=tls_files.ca)
    files = {name: getattr(tls_files, path).read_text() for name, path in (("ca_path", "ca"), ("client_cert", "client_cert"), ("client_key", "client_key"))}
    with case.double({name: old_password(name) for name in USERS}, **locked) as double:
        site = Site(controller, case, store, {HOST: double}, fields={**files, "no_validate_certs": False})
        rotated = site.run("Rotate passwords", verbosity=MOST_DETAIL)
        assert rotated.rc == 0 and rotated.artifacts["rekey_rotated"] == len(USERS), rotated.stdout
        site.assert_in_force()
        # The key itself is long, and one line of it is enough to be found.
        site.assert_nothing_shown(rotated)
        assert not rotated.leaks(files["client_key"].splitlines()[1:3])

        del files["ca_path"]
        strict = Site(controller, case, store, {HOST: double}, fields=files).run("Verify passwords")
        assert strict.rc == 2 and "tls_failed" in strict.artifacts["rekey_error_kinds"], strict.stdout
        trusting = Site(controller, case, store, {HOST: double}, fields={**files, "no_validate_certs": True}).run("Verify passwords")
        assert trusting.artifacts["rekey_verified"] == (len(USERS) if case.proves else 0) and not trusting.artifacts["rekey_failed"], trusting.stdout


def test_a_job_does_not_inherit_the_failures_of_another_with_its_facts(controller: Controller, store: JobStore) -> None:
    """AWX keeps facts of the hosts of an inventory, and one of those may be localhost, where the playbooks note their progress."""
    case, answers = CASES["milvus"], {"rotate_hosts": "endpoint-*"}
    with a_site(controller, case, store, ["endpoint-1", "endpoint-2"]) as site:
        site.inventory.hosts["localhost"] = {"ansible_connection": "local"}
        site.doubles["endpoint-1"].inject("answer", times=None, **case.change, **case.refusal)
        failed = site.run("Rotate passwords", answers=answers, fact_cache=True)
        assert failed.rc == 2 and failed.failed_hosts == ["endpoint-1"], failed.stdout
        site.doubles["endpoint-1"].clear_faults()
        fine = site.run("Rotate passwords", answers=answers, fact_cache=failed)
        assert fine.rc == 0 and not fine.failed_hosts and fine.artifacts["rekey_rotated"] == 2 * len(USERS), fine.stdout
        site.assert_in_force()
        site.assert_nothing_shown(failed, fine)


@a_vendor_or_every
@every_store
def test_two_slices_at_once_each_with_its_half(controller: Controller, case: VendorCase, store: JobStore) -> None:
    hosts = ["endpoint-%d" % number for number in range(1, 5)]
    with a_site(controller, case, store, hosts) as site:
        # Both are at work at the same time: neither gets an answer before the other has asked.
        gates = [site.doubles[host].inject("gate", **site.case.change) for host in hosts[:2]]
        jobs = [site.launch("Rotate passwords", part=(number, 2), verbosity=MOST_DETAIL) for number in (1, 2)]
        assert all(gate.arrived.wait(ARRIVAL) for gate in gates), [job.stdout for job in jobs]
        for gate in gates:
            gate.release()
        assert [job.wait().rc for job in jobs] == [0, 0], [job.stdout for job in jobs]
        assert [sorted(job.stats) for job in jobs] == [hosts[::2], hosts[1::2]]
        assert [job.artifacts["rekey_rotated"] for job in jobs] == [2 * len(USERS)] * 2
        assert [double.writes for double in site.doubles.values()] == [1 if case.capabilities.bulk else len(USERS)] * 4
        site.assert_in_force()
        status = site.run("Status of passwords")
        assert status.rc == 0 and status.artifacts["rekey_checked"] == 4 * len(USERS) and not status.artifacts["rekey_pending"], status.stdout
        site.assert_nothing_shown(*jobs, status)
