# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What identifies an endpoint and an account at it: equal for all spellings of one, different for any two."""

from __future__ import annotations

import itertools
import os

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import module_spec
from ansible_collections.rekey.passwords.plugins.module_utils._urls import normalized, without_ending
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.acronis import Acronis
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.aria_logs import AriaLogs
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.milvus import Milvus
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.rackspace_database import RackspaceDatabase
from ansible_collections.rekey.passwords.plugins.module_utils._vendors.vcd import Vcd
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import FORGETS_BY_LOGIN, FORGETS_BY_TIME

SECRET = "S3cr3t-MARKER"
TENANT = "0f0c6c0e-0000-4000-8000-00000000000a"
OTHER_TENANT = "0f0c6c0e-0000-4000-8000-00000000000b"
INSTANCE = "44b277eb-39be-4921-be31-3d61b43651d7"

BASE = {
    Milvus: {"url": "https://db.example.com:19530", "api_user": "root", "api_password": SECRET},
    Vcd: {"url": "https://vcd.example.com", "org": "acme", "api_user": "admin", "api_password": SECRET},
    Acronis: {"url": "https://eu2-cloud.acronis.com", "client_id": "c1", "client_secret": SECRET, "tenant_id": TENANT},
    AriaLogs: {"url": "https://logs.example.com:9543", "api_user": "admin", "api_password": SECRET},
    RackspaceDatabase: {"api_user": "op", "api_key": SECRET, "region": "DFW", "account_id": "1100111", "instance_id": INSTANCE},
}
# Each set names one endpoint.
SAME = [
    (
        Milvus,
        [
            {},
            {"url": "HTTPS://DB.Example.COM:19530/"},
            {"url": " https://db.example.com.:19530// "},
            {"api_user": "other"},
            {"timeout": 5},
            {"api_user": None, "api_password": None, "api_token": SECRET},
            {"url": "https://db.example.com:19530/v2/vectordb/users/"},
        ],
    ),
    (
        Vcd,
        [
            {},
            {"url": "https://vcd.example.com:443"},
            {"url": "https://VCD.example.com/api"},
            {"url": "https://vcd.example.com/api/versions"},
            {"url": "https://vcd.example.com/cloudapi/1.0.0/"},
            {"url": "https://vcd.example.com/tenant/acme/vdcs"},
            {"url": "https://vcd.example.com/provider"},
            {"api_user": None, "api_password": None, "api_token": SECRET},
            {"api_user": None, "api_password": None},
            {"api_version": "37.2"},
        ],
    ),
    (Vcd, [{"org": "System"}, {"org": "system"}, {"org": "SYSTEM"}]),
    (
        Acronis,
        [
            {},
            {"tenant_id": TENANT.upper()},
            {"client_id": "c2", "client_secret": "another"},
            {"url": "https://eu2-cloud.acronis.com/api/2"},
            {"url": "https://eu2-cloud.acronis.com/api/2/"},
            {"activate": True},
        ],
    ),
    (
        AriaLogs,
        [
            {},
            {"url": "https://logs.example.com:9543/api/v2"},
            {"url": "https://logs.example.com:9543/api/v2/sessions"},
            {"api_user": "ops"},
            {"api_provider": "ActiveDirectory"},
        ],
    ),
    (
        RackspaceDatabase,
        [
            {},
            {"api_user": "another"},
            {"api_key": None, "api_password": SECRET},
            {"auth_url": "https://identity.api.rackspacecloud.com/v2.0/"},
            {"auth_url": "https://Identity.API.rackspacecloud.com"},
            {"instance_id": INSTANCE.upper()},
            {"database_login": {}},
            {"timeout": 3},
        ],
    ),
    (
        RackspaceDatabase,
        [
            {"auth_type": "keystone", "auth_url": url, "project_name": "shop", "api_password": SECRET, "account_id": None}
            for url in ("https://keystone.example.com:5000", "https://keystone.example.com:5000/v3", "https://KEYSTONE.example.com:5000/v3/auth/tokens")
        ],
    ),
]
DIFFERENT = [
    (Milvus, [{}, {"url": "http://db.example.com:19530"}, {"url": "https://db.example.com"}, {"url": "https://db2.example.com:19530"},
              {"url": "https://db.example.com:19530/a"}, {"url": "https://db.example.com:19530/A"}]),
    (Vcd, [{}, {"org": "Acme"}, {"org": "other"}, {"org": "System"}, {"url": "https://vcd2.example.com"}]),
    (Acronis, [{}, {"tenant_id": OTHER_TENANT}, {"tenant_id": None}, {"tenant_id": None, "client_id": "c2"}, {"url": "https://us5-cloud.acronis.com"}]),
    (AriaLogs, [{}, {"url": "https://logs.example.com"}, {"url": "https://logs2.example.com:9543"}]),
    (RackspaceDatabase, [
        {}, {"region": "ORD"}, {"account_id": "1100112"}, {"instance_id": "db2"}, {"endpoint": "https://ord.databases.api.rackspacecloud.com/v1.0/1"},
        {"endpoint": "https://ord.databases.api.rackspacecloud.com/v1.0/2"}, {"auth_url": "https://lon.identity.api.rackspacecloud.com/v2.0"},
        {"auth_type": "keystone", "auth_url": "https://keystone.example.com", "project_name": "shop"},
        {"auth_type": "keystone", "auth_url": "https://keystone.example.com", "project_name": "office"},
        {"auth_type": "keystone", "auth_url": "https://keystone.example.com", "project_name": "shop", "project_domain_name": "other"},
    ]),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("MILVUS_", "VCD_", "ACRONIS_", "ARIA_LOGS_", "RACKSPACE_", "OS_")):
            monkeypatch.delenv(name)


def target(vendor, change=None, without=()):
    given = {key: value for key, value in dict(BASE[vendor], **(change or {})).items() if value is not None and key not in without}
    found = ArgumentSpecValidator(**module_spec(vendor)).validate(dict(given, users=[]))
    assert found.error_messages == []
    return vendor.target(found.validated_parameters)


@pytest.mark.parametrize("vendor, changes", SAME)
def test_edge_1_spellings_of_one_endpoint_are_one_target(vendor, changes):
    assert len({target(vendor, change) for change in changes}) == 1


@pytest.mark.parametrize("vendor, changes", DIFFERENT)
def test_edge_1_two_endpoints_are_two_targets(vendor, changes):
    found = [target(vendor, change) for change in changes]
    assert [pair for pair in itertools.combinations(found, 2) if pair[0] == pair[1]] == []


@pytest.mark.parametrize("vendor", BASE)
def test_edge_1_a_target_holds_no_secret_and_is_one_line(vendor):
    found = target(vendor)
    assert SECRET not in found and found.isprintable() and found == found.strip()


@pytest.mark.parametrize(
    "vendor, variables",
    [
        (Milvus, {"MILVUS_URL": "https://db.example.com:19530"}),
        (Vcd, {"VCD_URL": "https://vcd.example.com", "VCD_ORG": "acme"}),
        (Acronis, {"ACRONIS_URL": "https://eu2-cloud.acronis.com", "ACRONIS_TENANT_ID": TENANT}),
        (AriaLogs, {"ARIA_LOGS_URL": "https://logs.example.com:9543"}),
        (RackspaceDatabase, {"RACKSPACE_REGION": "DFW", "RACKSPACE_ACCOUNT_ID": "1100111"}),
    ],
)
def test_edge_1_a_target_may_come_from_the_environment(monkeypatch, vendor, variables):
    expected = target(vendor)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert target(vendor, without=("url", "org", "tenant_id", "region", "account_id")) == expected


@pytest.mark.parametrize("vendor", [Milvus, Vcd, Acronis, AriaLogs])
@pytest.mark.parametrize("url", ["", "db.example.com", "https://u:%s@db.example.com" % SECRET, "https://db:port", "https://[", "https://a b"])
def test_edge_1_what_is_no_url_is_told_and_not_repeated(vendor, url):
    with pytest.raises(PasswordError) as caught:
        target(vendor, {"url": url})
    assert caught.value.kind == errors.INVALID_INPUT and caught.value.message.startswith("url ") and SECRET not in caught.value.message


@pytest.mark.parametrize(
    "left, right",
    [
        ("https://[2001:DB8::0:1]:443", "https://[2001:db8::1]"),
        ("http://10.0.0.1:80/", "http://10.0.0.1"),
        ("https://a.example/x//y/", "https://a.example/x/y"),
    ],
)
def test_edge_1_hosts_ports_and_slashes(left, right):
    assert normalized(left) == normalized(right)


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://a/api", "https://a"),
        ("https://a/gateway/api/", "https://a/gateway"),
        ("https://api", "https://api"),
        ("https://a/apis", "https://a/apis"),
        ("https://a/api/x", "https://a/api/x"),
        ("no url", "no url"),
        ("", ""),
    ],
)
def test_edge_22_only_a_whole_ending_is_cut(url, expected):
    assert without_ending(url, "api") == expected


@pytest.mark.parametrize(
    "vendor, users",
    [
        (
            RackspaceDatabase,
            [
                [{"name": "app"}, {"name": "app", "host": "%"}, {"name": "app", "host": None}],
                [{"name": "app", "host": "10.0.0.1"}],
                [{"name": "App"}],
            ],
        ),
        (Milvus, [[{"name": "app"}], [{"name": "App"}]]),
        (Acronis, [[{"name": "app", "id": TENANT}, {"name": "app", "id": TENANT.upper()}], [{"name": "app"}], [{"name": "app", "id": OTHER_TENANT}]]),
        (AriaLogs, [[{"name": "app", "id": TENANT}], [{"name": "app"}, {"name": "app", "unlock": True}]]),
        (Vcd, [[{"name": "app"}, {"name": "app", "unlock": True}], [{"name": "App"}]]),
    ],
)
def test_edge_39_what_tells_two_users_apart_is_in_their_identities(vendor, users):
    found = [{vendor.account_identity(user) for user in group} for group in users]
    assert all(len(group) == 1 for group in found) and len(set.union(*found)) == len(users)


def test_edge_36_only_a_good_login_forgets_where_the_vendor_counts_in_a_row():
    assert {vendor.name: vendor.capabilities.forgets for vendor in BASE} == {
        "vcd": FORGETS_BY_LOGIN,
        "milvus": FORGETS_BY_TIME,
        "acronis": FORGETS_BY_TIME,
        "aria_logs": FORGETS_BY_TIME,
        "rackspace_database": FORGETS_BY_TIME,
    }
