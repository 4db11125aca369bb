# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Number 32: the operator is an account like any other, and is never locked, whatever hosts and runs do at the same time."""

from __future__ import annotations

import datetime
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.rekey.passwords.plugins.action.rotation_info import ActionModule as StatusModule
from ansible_collections.rekey.passwords.plugins.action.rotation_repair import ActionModule as RepairModule
from ansible_collections.rekey.passwords.plugins.action.rotation_run import ActionModule
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import operator as operator_module
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import operator_counters, sender
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import task as task_module
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, Pending, Record

from tests.unit.calls import OLD
from tests.unit.plugins.rotation_doubles import MemoryStore, action
from tests.unit.products import thinned
from tests.vendor_cases import CASES

HOSTS = ("host-1", "host-2", "host-3", "host-4")
WRONG, ALSO_WRONG, STALE = "S3cr3t-MARKER-Wrong-1", "S3cr3t-MARKER-Wrong-2", "S3cr3t-MARKER-Stale-1"
LOCKING = sorted(name for name, case in CASES.items() if case.capabilities.failed_logins_per_call is not None)
# Which option holds the password of whoever acts for all.
SECRET = {"acronis": "client_secret"}


class Shared(MemoryStore):
    """Of which the notes of several hosts are one."""

    guard = threading.Lock()

    def write_note(self, name, content, version):
        with self.guard:
            return super().write_note(name, content, version)


class Site:
    """Four hosts that reach one endpoint, each with a user of its own."""

    def __init__(self, case, double, monkeypatch):
        self.case, self.double, self.runs = case, double, 0
        self.stores = {HOSTS[0]: Shared(HOSTS[0])}
        self.stores.update((host, Shared.sharing(self.stores[HOSTS[0]], host)) for host in HOSTS[1:])
        monkeypatch.setattr(task_module, "open_store", lambda name, host, options, loader: self.stores[host])
        self.connection = dict(case.connection(double), timeout=5, retries=0)

    @property
    def operator(self):
        """The name under which its failed logins are counted."""
        return self.case.operator or self.connection["client_id"]

    def secret(self, value):
        """The connection with another password of the operator."""
        return dict(self.connection, **{SECRET.get(self.case.vendor, "api_password"): value})

    def run(self, connection=None, hosts=HOSTS, check_mode=False, module=ActionModule, **args):
        """One task of one run, at several hosts at a time; the kinds of errors by host."""
        self.runs += 1
        with ThreadPoolExecutor(len(hosts)) as pool:
            results = pool.map(lambda host: self._at(host, connection or self.connection, check_mode, module, dict(args)), hosts)
        return {host: (result.get("error") or {}).get("kind") or ("failed" if result.get("failed") else None) for host, result in zip(hosts, results)}

    def _at(self, host, connection, check_mode, module, args):
        args.update(vendor=self.case.vendor, connection=connection, users=[{"name": self.user(host), "current_password": OLD}, *args.pop("more", ())])
        plugin = action(module, args, check_mode=check_mode)
        plugin._task._uuid = "task of run %d" % self.runs
        result = plugin.run(task_vars={"inventory_hostname": host})
        assert "MARKER" not in repr(result)
        self.last = result
        return result

    @staticmethod
    def user(host):
        """The user of a host."""
        return "user-%s" % host[-1]

    def failures(self):
        """The operator's failed logins as the store has them."""
        notes = [json.loads(text) for _number, text in self.stores[HOSTS[0]].notes.values()]
        return sum(entry["failed_logins"] for note in notes for entry in note.get("operators", {}).values())


@pytest.fixture(params=thinned(LOCKING, 1))
def case(request):
    return CASES[request.param]


@pytest.fixture
def site(case, monkeypatch):
    with case.double({Site.user(host): OLD for host in HOSTS}) as double:
        yield Site(case, double, monkeypatch)
        assert not double.lockouts, "an account was locked"


def test_edge_32_a_right_password_keeps_nobody_waiting_in_vain(site):
    assert site.run() == dict.fromkeys(HOSTS)
    assert site.failures() == 0 and not site.double.failed_logins


def test_edge_32_who_was_refused_is_not_tried_again_by_the_other_hosts_of_the_run(site):
    kinds = site.run(site.secret(WRONG))
    assert sorted(kinds.values()) == ["authentication_failed"] + ["login_budget_spent"] * 3
    assert site.failures() == 1
    # A password that is mended at once works at once.
    assert site.run(force=True) == dict.fromkeys(HOSTS)


def test_edge_32_no_number_of_hosts_and_runs_locks_the_operator(site):
    for number in range(4):
        site.run(site.secret(WRONG), check_mode=number % 2 == 1)
        site.run(site.secret(WRONG), module=StatusModule, verify=True)
    assert site.failures() <= site.case.capabilities.failed_logins_per_call
    assert site.double.failed_logins[site.operator] <= site.case.capabilities.failed_logins_per_call


def test_edge_32_several_runs_at_once_do_not_lock_the_operator(site):
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _number: site.run(site.secret(WRONG)), range(3)))
    assert {kind for kinds in runs for kind in kinds.values()} == {"authentication_failed", "login_budget_spent"}
    assert site.double.failed_logins[site.operator] <= site.case.capabilities.failed_logins_per_call


def test_edge_32_four_hosts_in_several_runs_try_a_mistyped_password_once(site):
    site.run()
    kinds = [site.run(site.secret(WRONG), hosts=[host], force=True)[host] for host in HOSTS]
    assert kinds == ["authentication_failed"] + ["login_budget_spent"] * 3
    site.run(site.secret(WRONG), hosts=HOSTS[:1], module=StatusModule, verify=True)
    assert "this password was refused before" in repr(site.last)
    assert site.failures() == site.double.failed_logins[site.operator] == 1
    # It is mended, and nobody waits.
    assert site.run(force=True) == dict.fromkeys(HOSTS)
    assert site.failures() == (0 if site.case.capabilities.forgets == "good_login" else 1)


def test_edge_32_the_error_says_that_this_password_is_not_tried_again(site):
    site.run(site.secret(WRONG), hosts=HOSTS[:1])
    result = site._at(HOSTS[1], site.secret(WRONG), False, ActionModule, {})
    told = result["msg"]
    assert "Skipped the login of the operator %s: 1 recent failed login at " % site.operator in told and "this password was refused before" in told
    assert "a different one is tried at once" in told
    assert ("Retry after " in told) != (site.case.capabilities.forgets == "good_login")
    assert ("rotate_repair_forget_failed_logins" in told) == (site.case.capabilities.forgets == "good_login")


def test_edge_32_another_mistyped_password_uses_what_is_left_of_the_budget(site):
    kinds = [site.run(site.secret(password), hosts=HOSTS[:1])[HOSTS[0]] for password in (WRONG, ALSO_WRONG, WRONG, "S3cr3t-MARKER-Wrong-3")]
    assert kinds == ["authentication_failed"] * 2 + ["login_budget_spent"] * 2
    assert site.failures() == site.double.failed_logins[site.operator] == 2


def test_edge_32_a_refused_password_is_tried_again_when_the_vendor_has_forgotten(site, monkeypatch):
    site.run(site.secret(WRONG), hosts=HOSTS[:1])
    later = utc_now() + datetime.timedelta(seconds=site.case.capabilities.lockout_window + 1)
    monkeypatch.setattr(operator_module, "utc_now", lambda: later)
    site.double.advance(site.case.capabilities.lockout_window + 1)
    forgotten = site.case.capabilities.forgets != "good_login"
    assert site.run(site.secret(WRONG), hosts=HOSTS[:1]) == {HOSTS[0]: "authentication_failed" if forgotten else "login_budget_spent"}


def test_edge_32_after_a_repair_the_same_password_is_tried_again(site):
    # It was right, and it is the account that somebody has put right.
    site.run(site.secret(WRONG), hosts=HOSTS[:1])
    more = [site.operator] if site.case.operator else []
    site.run(hosts=HOSTS[:1], module=RepairModule, forget_failed_logins=True, more=more)
    assert site.run(site.secret(WRONG), hosts=HOSTS[:1], force=True) == {HOSTS[0]: "authentication_failed"}


def test_edge_32_nothing_secret_stands_in_the_note_and_no_digest_unless_a_login_has_failed(site, monkeypatch):
    digests = []
    slow = operator_counters._slow_digest
    monkeypatch.setattr(operator_counters, "_slow_digest", lambda *args: digests.append(args) or slow(*args))
    assert site.run() == dict.fromkeys(HOSTS) and not digests
    site.run(site.secret(WRONG), force=True)
    note = next(text for _number, text in site.stores[HOSTS[0]].notes.values() if "refused" in text)
    assert len(digests) == len(HOSTS) and WRONG not in note and hashlib.sha256(WRONG.encode()).hexdigest()[:8] not in note


def test_edge_32_a_server_that_fails_at_the_login_has_not_refused_the_password(site, monkeypatch):
    """Whatever became of that login counts, but the password may well be right."""
    monkeypatch.setattr(sender, "run_vendor_module", lambda *args, **options: {"error": {"kind": "unexpected_response", "message": "?"}, "users": []})
    site.run(hosts=HOSTS[:1])
    monkeypatch.undo()
    monkeypatch.setattr(task_module, "open_store", lambda name, host, options, loader: site.stores[host])
    assert site.failures() == 1
    assert site.run(hosts=HOSTS[:1]) == {HOSTS[0]: None}


@pytest.mark.parametrize("status, failures", [(400, 0), (404, 0), (500, 0), (401, 1), (403, 1), (None, 1)])
def test_edge_36_an_answer_that_refuses_no_login_counts_for_none(site, monkeypatch, status, failures):
    error = {"kind": "unexpected_response", "message": "?", "http_status": status}
    monkeypatch.setattr(sender, "run_vendor_module", lambda *args, **options: {"error": error, "users": []})
    site.run(hosts=HOSTS[:1])
    assert site.failures() == failures


def test_edge_32_a_spent_budget_names_the_operator_and_the_time(site):
    for password in (WRONG, ALSO_WRONG):
        site.run(site.secret(password))
    result = site._at(HOSTS[0], site.secret(WRONG), False, ActionModule, {})
    told = result["msg"]
    assert "Skipped the login of the operator %s: 2 recent failed logins" % site.operator in told
    assert ("Retry after " in told) != (site.case.capabilities.forgets == "good_login")


def test_edge_30_check_mode_spends_one_login_of_the_operator_and_no_more(site):
    for _time in range(4):
        site.run(site.secret(WRONG), check_mode=True)
    assert site.double.failed_logins[site.operator] == 1
    # A real run may still try, and forgets.
    assert site.run() == dict.fromkeys(HOSTS)


def test_edge_32_a_server_that_is_down_costs_nothing(site):
    down = dict(site.connection, url="http://127.0.0.1:9", retries=0)
    before = {host: repr(store.data) for host, store in site.stores.items()}
    for _night in range(3):
        assert set(site.run(down).values()) == {"connection_failed"}
    assert site.failures() == 0
    for host, store in site.stores.items():
        record = store.record(site.user(host))
        assert (record.pending.sent, record.failed_logins) == (0, 0), before[host]


class TestOfAnOperatorThatIsRotated:
    """Its password stands in the store, which may be an old copy."""

    @pytest.fixture(params=[name for name in LOCKING if CASES[name].operator])
    def case(self, request):
        return CASES[request.param]

    def test_edge_32_an_old_backup_of_the_operators_record(self, site):
        stale = dict(verified=True, status=CURRENT, rotated_at="2026-01-01T00:00:00Z")
        for host in HOSTS[:2]:
            site.stores[host].keep(Record(site.operator, password=STALE, **stale))
        for number in range(4):
            site.run(more=[site.operator] if number % 2 else [], force=True, hosts=HOSTS[:1])
            site.run(hosts=HOSTS[:1], module=StatusModule, verify=True)
        assert site.double.failed_logins[site.operator] <= site.case.capabilities.failed_logins_per_call

    def test_edge_32_the_password_that_worked_is_tried_first_by_the_next(self, site):
        store = site.stores[HOSTS[0]]
        store.keep(Record(site.operator, password=STALE, verified=True, status=CURRENT, rotated_at="2026-01-01T00:00:00Z"))
        # Only verify looks for an operator that is none of the task's users.
        assert site.run(hosts=HOSTS[:1]) == {HOSTS[0]: None}
        for _time in range(5):
            assert site.run(hosts=HOSTS[:1], module=StatusModule, verify=True) == {HOSTS[0]: None}
        assert site.double.failed_logins[site.operator] == 1

    def test_edge_32_failed_logins_as_a_user_count_for_the_operator_too(self, site):
        spent = site.case.capabilities.failed_logins_per_call
        site.stores[HOSTS[0]].keep(Record(site.operator, password=STALE, failed_logins=spent, failed_at=format_utc(utc_now())))
        assert site.run(hosts=HOSTS[:1], more=[site.operator]) == {HOSTS[0]: "login_budget_spent"}
        assert not site.double.failed_logins

    def test_edge_32_what_was_refused_is_passed_over_for_another_that_the_store_knows(self, site):
        store, given = site.stores[HOSTS[0]], site.connection["api_password"]
        store.keep(Record(site.operator, password=WRONG, rotated_at="2026-01-01T00:00:00Z"))
        # The one of the store and the one of the inventory are the same.
        wrong = site.secret(WRONG)
        assert site.run(wrong, hosts=HOSTS[:1]) == {HOSTS[0]: "authentication_failed"}
        pending = Pending(given, run_id="run", created="2026-01-01T00:00:00Z", attempts=1, sent=1)
        store.keep(Record(site.operator, password=WRONG, pending=pending, rotated_at="2026-01-01T00:00:00Z"))
        assert site.run(wrong, hosts=HOSTS[:1], more=[site.operator], force=True) == {HOSTS[0]: None}, site.last
        assert [site.double.failed_logins[site.operator], site.double.lockouts] == [1, {}]

    def test_edge_32_after_a_run_that_died_one_failed_login_is_enough(self, site):
        store = site.stores[HOSTS[0]]
        given = site.connection["api_password"]
        pending = Pending("New-S3cr3t-MARKER-9", run_id="run", created="2026-01-01T00:00:00Z", attempts=1, sent=1)
        store.keep(Record(site.operator, password=given, pending=pending, rotated_at="2026-01-01T00:00:00Z"))
        site.double.set_user(site.operator, "New-S3cr3t-MARKER-9")
        assert site.run(hosts=HOSTS[:1], more=[site.operator]) == {HOSTS[0]: None}, site.last
        assert site.double.failed_logins[site.operator] == 1


def test_edge_32_somebody_who_has_unlocked_the_operator_says_so_by_the_repair(site):
    for password in (WRONG, ALSO_WRONG, WRONG):
        site.run(site.secret(password))
    assert site.run(hosts=HOSTS[:1]) == {HOSTS[0]: "login_budget_spent"}
    more = [site.operator] if site.case.operator else []
    # By hand a good login was made, or time has passed.
    site.double.advance(86400)
    site.run(hosts=HOSTS[:1], module=RepairModule, forget_failed_logins=True, more=more)
    assert site.run(hosts=HOSTS[:1]) == {HOSTS[0]: None}


def test_edge_32_a_store_that_fails_while_the_login_is_counted_sends_nothing(site):
    store = site.stores[HOSTS[0]]
    assert site.run(hosts=HOSTS[:1]) == {HOSTS[0]: None}
    writes = site.double.writes
    store.before_note = [lambda: None, lambda: setattr(store, "broken", True)]
    site.run(hosts=HOSTS[:1], force=True)
    assert site.double.writes == writes
