# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests that run jobs as AWX does, and what those tests ask of every job."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import typing as t
import warnings

import pytest

from tests.integration import awx_container
from tests.integration.awx_jobs import Controller, Inventory, Job, operator
from tests.integration.awx_stores import Amazon, Bao, JobStore, MountedVault
from tests.integration.rotation import old_password
from tests.store_cases.aws_secretsmanager import AwsSecretsManagerCase
from tests.store_cases.openbao import OpenBaoCase
from tests.vendor_cases import CASES, VendorCase

HOST = "endpoint-1"
USERS = ("alice", "bob", "carol")
STORES = ("ansible_vault", "aws_secretsmanager", pytest.param("hashi_vault", marks=pytest.mark.real))
OPERATORS = {
    "acronis": "Acronis Cyber Protect Cloud operator",
    "aria_logs": "VMware Aria Operations for Logs operator",
    "milvus": "Milvus operator",
    "rackspace_database": "Rackspace Cloud Databases operator",
    "vcd": "VMware Cloud Director operator",
}
every_store = pytest.mark.parametrize("store", STORES, indirect=True)
# A sample in `make test`; everything in `make test-awx`. The sample has each vendor and each store, but not each with each.
EVERYTHING = os.environ.get("REKEY_AWX_JOBS") == "every"
_PAIRS = itertools.product(CASES.values(), STORES) if EVERYTHING else zip(CASES.values(), itertools.cycle(STORES))
every_vendor_and_store = pytest.mark.parametrize(
    "case, store",
    [pytest.param(case, *store.values, marks=store.marks) if hasattr(store, "values") else (case, store) for case, store in _PAIRS],
    ids=lambda value: getattr(value, "vendor", value),
    indirect=["store"],
)
SOME_VENDORS = list(CASES.values()) if EVERYTHING else [CASES["milvus"], CASES["vcd"]]
some_vendors_or_every = pytest.mark.parametrize("case", SOME_VENDORS, ids=lambda case: case.vendor)
a_store_or_every = pytest.mark.parametrize("store", STORES if EVERYTHING else STORES[:1], indirect=True)
a_vendor_or_every = pytest.mark.parametrize("case", CASES.values() if EVERYTHING else [CASES["milvus"]], ids=lambda case: case.vendor)


def impossible(reason: str) -> t.NoReturn:
    """What is needed is missing: skip, with the reason; with REKEY_REQUIRE_REAL=1 in the environment, fail."""
    if os.environ.get("REKEY_REQUIRE_REAL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Site:
    """Endpoints of one vendor with a store, and the jobs over them.

    :param case: the vendor.
    :param doubles: host names to doubles; each has :data:`USERS` with :func:`old_password`.
    :param connection: options for the inventory besides.
    :param fields: further fields of the operator's credential.
    """

    def __init__(
        self,
        controller: Controller,
        case: VendorCase,
        store: JobStore,
        doubles: dict[str, t.Any],
        connection: dict[str, t.Any] | None = None,
        fields: dict[str, t.Any] | None = None,
    ) -> None:
        self.controller, self.case, self.store, self.doubles = controller, case, store, doubles
        options = {host: case.connection(double) for host, double in doubles.items()}
        # One endpoint is in the credential; with several the inventory says which is whose.
        places = {"url", "auth_url"} if len(doubles) > 1 else set()
        given = {name: value for name, value in next(iter(options.values())).items() if name not in places}
        self.credential, rest = operator(OPERATORS[case.vendor], given, **(fields or {}))
        if case.vendor == "rackspace_database":
            rest["auth_type"] = "rackspace"
        variables = {
            "rotate_vendor": case.vendor,
            "rotate_users": [{"name": name, "current_password": old_password(name)} for name in USERS],
            "rotate_accept_unverified": not case.proves,
            **store.variables,
        }
        own = {"timeout": 5, "retries": 1, **rest, **(connection or {})}
        hosts = {host: {"rotate_connection": {**own, **{name: options[host][name] for name in places & set(options[host])}}} for host in doubles}
        self.inventory = Inventory(variables, hosts)
        self._seen: set[str] = set()

    def launch(self, template: str, **options: t.Any) -> Job:
        options.setdefault("mounts", self.store.mounts)
        return self.controller.launch(template, self.inventory, [self.credential, *self.store.credentials], **options)

    def run(self, template: str, **options: t.Any) -> Job:
        return self.launch(template, **options).wait()

    def records(self, host: str | None = None) -> dict[str, t.Any]:
        """What the store has of a host, by default of the first one."""
        return self.store.records(host or next(iter(self.doubles)), *USERS)

    def secrets(self) -> set[str]:
        """Whatever no job may show: what gives access to vendor and store, and all passwords that the store has had until now."""
        for host in self.doubles:
            for record in self.records(host).values():
                self._seen |= {record.password, record.previous, *((record.pending.password, record.pending.replaces) if record.pending else ())} - {None}
        found = {*self.credential.secrets, *self.case.secrets, *self.store.secrets, *map(old_password, USERS), *self._seen}
        issued = {secret for double in self.doubles.values() for one in double.requests for secret in one.secrets if len(secret) >= 8}
        return found | issued

    def assert_in_force(self) -> None:
        """Nothing is lost: what the store has is what the vendor takes, and no account is locked."""
        for host, double in self.doubles.items():
            records = self.records(host)
            for name in USERS:
                assert double.can_log_in(name, records[name].password), "%s: %s" % (host, name)
                assert records[name].pending is None and records[name].status == "current" and records[name].verified is self.case.proves
            assert not getattr(double, "lockouts", None)

    def assert_nothing_shown(self, *jobs: Job) -> None:
        found = self.secrets()
        assert [leak for job in jobs for leak in job.leaks(found)] == []


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Controller]:
    """Launches jobs."""
    for name in ("awx_plugins.interfaces", "ansible_runner"):
        try:
            __import__(name)
        except ImportError:
            impossible("the Python package of %s is not installed" % name)
    reason = awx_container.unavailable()
    if reason:
        # What a process of xdist prints is lost, a warning is not. It is none of our own code, which would be an error.
        text = "jobs run without a container, as the user who runs the tests: %s" % reason
        warnings.warn_explicit(text, UserWarning, "tests/integration/awx_container.py", 1, "awx")
    made = Controller(tmp_path_factory.mktemp("awx"))
    yield made
    made.close()


@contextlib.contextmanager
def a_store(name: str, controller: Controller, folder: pathlib.Path) -> t.Iterator[JobStore]:
    """A new and empty store."""
    if name == "ansible_vault":
        yield MountedVault(controller, folder)
    elif name == "aws_secretsmanager":
        with AwsSecretsManagerCase(folder) as amazon:
            yield Amazon(amazon)
    else:
        with OpenBaoCase(folder) as bao:
            yield Bao(bao)


@pytest.fixture
def store(request: pytest.FixtureRequest, controller: Controller, tmp_path: pathlib.Path) -> t.Iterator[JobStore]:
    """The store that a test names by a parameter; else the folder of ansible_vault."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(a_store(getattr(request, "param", "ansible_vault"), controller, tmp_path))


@contextlib.contextmanager
def a_site(controller: Controller, case: VendorCase, store: JobStore, hosts: t.Sequence[str] = (HOST,), **options: t.Any) -> t.Iterator[Site]:
    """Endpoints with users; see :class:`Site`."""
    with contextlib.ExitStack() as stack:
        doubles = {host: stack.enter_context(case.double({name: old_password(name) for name in USERS}, **case.locks)) for host in hosts}
        yield Site(controller, case, store, doubles, **options)


@pytest.fixture
def site(controller: Controller, case: VendorCase, store: JobStore) -> t.Iterator[Site]:
    """One endpoint."""
    with a_site(controller, case, store) as made:
        yield made
