# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of HashiCorp Vault, as the double keeps them; asked by hvac as it comes, not by the collection's store."""

from __future__ import annotations

import pytest
import requests

from tests.doubles.hashi_vault import ROLE_ID, ROOT_TOKEN, SECRET_ID, HashiVaultDouble, Mount, Role

hvac = pytest.importorskip("hvac", reason="the double is asked by the Python library hvac")
PASSWORD = "S3cr3t-MARKER-1"
PATH = "a/b"


@pytest.fixture(name="double")
def a_double():
    with HashiVaultDouble() as running:
        yield running


@pytest.fixture(name="clients")
def all_clients(double):
    """Makes clients, and closes them at the end."""
    made = []

    def client(token=ROOT_TOKEN, **options):
        made.append(hvac.Client(url=double.url, token=token, timeout=5, **options))
        return made[-1]

    yield client
    for one in made:
        one.adapter.close()


@pytest.fixture(name="kv")
def an_engine(clients):
    """The KV secrets engine at ``secret``, as root."""
    return clients().secrets.kv.v2


def write(kv, password=PASSWORD, cas=None, path=PATH, **options):
    """Write a secret, and return what is told of its new version."""
    return kv.create_or_update_secret(path, {"password": password}, cas=cas, **options)["data"]


def read(kv, version=None, path=PATH, **options):
    """The password in a version of a secret."""
    return kv.read_secret_version(path, version=version, raise_on_deleted_version=True, **options)["data"]["data"]["password"]


def test_versions(kv):
    first = write(kv)
    assert (first["version"], first["deletion_time"], first["destroyed"], first["custom_metadata"]) == (1, "", False, None)
    assert first["created_time"].startswith("20") and first["created_time"].endswith("000Z")
    assert write(kv, "S3cr3t-MARKER-2")["version"] == 2
    assert (read(kv), read(kv, 1), read(kv, 2)) == ("S3cr3t-MARKER-2", PASSWORD, "S3cr3t-MARKER-2")
    with pytest.raises(hvac.exceptions.InvalidPath):
        read(kv, 3)
    answer = kv.read_secret_version(PATH, raise_on_deleted_version=True)["data"]
    assert sorted(answer["metadata"]) == ["created_time", "custom_metadata", "deletion_time", "destroyed", "version"]


@pytest.mark.parametrize("number", [1, 2, -1, 7])
def test_cas_of_a_new_secret(kv, double, number):
    with pytest.raises(hvac.exceptions.InvalidRequest, match="check-and-set parameter did not match the current version"):
        write(kv, cas=number)
    assert double.secret(PATH) is None and write(kv, cas=0)["version"] == 1


def test_cas_of_a_secret_that_is_there(kv, double):
    write(kv)
    for number in (0, 2):
        with pytest.raises(hvac.exceptions.InvalidRequest, match="check-and-set parameter did not match"):
            write(kv, "S3cr3t-MARKER-2", cas=number)
    assert write(kv, "S3cr3t-MARKER-2", cas=1)["version"] == 2
    with pytest.raises(hvac.exceptions.InvalidRequest, match="error parsing check-and-set parameter"):
        write(kv, cas="x")
    assert double.writes == 2


def test_cas_may_be_required_by_the_engine_and_by_the_secret(kv):
    kv.update_metadata(PATH, cas_required=True)
    with pytest.raises(hvac.exceptions.InvalidRequest, match="check-and-set parameter required for this call"):
        write(kv)
    assert write(kv, cas=0)["version"] == 1
    kv.configure(cas_required=True)
    with pytest.raises(hvac.exceptions.InvalidRequest, match="check-and-set parameter required"):
        write(kv, path="other")
    assert kv.read_configuration()["data"]["cas_required"] is True


def test_soft_deletion(kv):
    write(kv)
    kv.delete_latest_version_of_secret(PATH)
    with pytest.raises(hvac.exceptions.InvalidPath) as caught:
        read(kv)
    told = caught.value.json["data"]
    assert told["data"] is None and told["metadata"]["deletion_time"] and told["metadata"]["version"] == 1
    # The number of the current version stays, and cas goes by it.
    with pytest.raises(hvac.exceptions.InvalidRequest, match="did not match"):
        write(kv, cas=0)
    kv.undelete_secret_versions(PATH, [1])
    assert read(kv) == PASSWORD
    kv.delete_secret_versions(PATH, [1])
    assert write(kv, "S3cr3t-MARKER-2", cas=1)["version"] == 2 and read(kv) == "S3cr3t-MARKER-2"
    with pytest.raises(hvac.exceptions.InvalidPath):
        read(kv, 1)


def test_destroyed_versions_never_come_back(kv):
    write(kv)
    kv.destroy_secret_versions(PATH, [1])
    kv.undelete_secret_versions(PATH, [1])
    with pytest.raises(hvac.exceptions.InvalidPath) as caught:
        read(kv)
    assert caught.value.json["data"]["metadata"]["destroyed"] is True
    assert kv.read_secret_metadata(PATH)["data"]["versions"]["1"]["destroyed"] is True


def test_metadata(kv):
    kv.update_metadata(PATH, max_versions=2, custom_metadata={"owner": "me"})
    with pytest.raises(hvac.exceptions.InvalidPath):
        read(kv)
    for number in range(3):
        write(kv, "S3cr3t-MARKER-%d" % number)
    told = kv.read_secret_metadata(PATH)["data"]
    assert (told["current_version"], told["oldest_version"], sorted(told["versions"]), told["custom_metadata"]) == (3, 2, ["2", "3"], {"owner": "me"})
    kv.delete_metadata_and_all_versions(PATH)
    with pytest.raises(hvac.exceptions.InvalidPath):
        kv.read_secret_metadata(PATH)
    assert write(kv, cas=0)["version"] == 1


def test_ten_versions_are_kept_by_default(kv):
    for number in range(12):
        write(kv, "S3cr3t-MARKER-%d" % number)
    assert kv.read_secret_metadata(PATH)["data"]["oldest_version"] == 3


def test_versions_that_delete_themselves(kv, double):
    kv.configure(delete_version_after="10s")
    assert write(kv)["deletion_time"] and read(kv) == PASSWORD
    double.skew = 11
    with pytest.raises(hvac.exceptions.InvalidPath):
        read(kv)


def test_lists(kv):
    with pytest.raises(hvac.exceptions.InvalidPath):
        kv.list_secrets("a")
    for path in ("a/b", "a/b/c", "a/d%2Fe", "ab"):
        write(kv, path=path)
    assert kv.list_secrets("a")["data"]["keys"] == ["b", "b/", "d%2Fe"]
    assert kv.list_secrets("")["data"]["keys"] == ["a/", "ab"]


def test_the_other_form_of_a_list(clients, kv):
    write(kv)
    strict = clients(strict_http=True)
    assert strict.secrets.kv.v2.list_secrets("a")["data"]["keys"] == ["b"]


@pytest.mark.parametrize("path", ["/v1/secret/x", "/v1/secret/data", "/v1/secret/data/a/"])
def test_paths_that_an_engine_does_not_have(double, path):
    answer = requests.get(double.url + path, headers={"X-Vault-Token": ROOT_TOKEN}, timeout=5)
    assert answer.status_code == 404 and "Invalid path" in answer.json()["warnings"][0]


@pytest.mark.parametrize("path", ["a%2F..%2Fb", "a%2F%2Fb", "a%0Ab"])
def test_paths_that_a_server_refuses(double, path):
    assert requests.get(double.url + "/v1/secret/data/" + path, headers={"X-Vault-Token": ROOT_TOKEN}, timeout=5).status_code == 400


@pytest.mark.parametrize("body", ["", "[]", "{", '{"data": 5}', '{"password": "x"}'])
def test_bodies_that_are_refused(double, body):
    answer = requests.post(double.url + "/v1/secret/data/a", data=body, headers={"X-Vault-Token": ROOT_TOKEN}, timeout=5)
    assert answer.status_code == 400 and double.writes == 0


def test_an_engine_of_version_1_takes_everything(clients, double):
    double.mounts["", "one"] = Mount(version=1)
    client = clients()
    with pytest.raises(hvac.exceptions.InvalidPath):
        read(client.secrets.kv.v2, mount_point="one")
    # Here is why the store must look before it writes.
    for cas in (0, 0, 5):
        assert client.secrets.kv.v2.create_or_update_secret(PATH, {"a": "b"}, cas=cas, mount_point="one").status_code == 204
    assert client.secrets.kv.v1.read_secret("data/" + PATH, mount_point="one")["data"] == {"options": {"cas": 5}, "data": {"a": "b"}}
    assert client.secrets.kv.v1.list_secrets("data", mount_point="one")["data"]["keys"] == ["a/"]
    told = {mount: client.adapter.get("/v1/sys/internal/ui/mounts/" + mount)["data"] for mount in ("one", "secret", "secret/deeper")}
    assert [(one["path"], one["options"]["version"]) for one in told.values()] == [("one/", "1"), ("secret/", "2"), ("secret/", "2")]


def test_policies(clients, double, kv):
    write(kv)
    client = clients(double.issue({"secret/data/a/*": {"read"}, "secret/data/a/new": {"create"}, "secret/metadata/+/": {"list"}}))
    mine = client.secrets.kv.v2
    assert read(mine) == PASSWORD and mine.list_secrets("a")["data"]["keys"] == ["b"]
    write(mine, path="a/new")
    for refused in (
        lambda: write(mine),
        lambda: write(mine, path="a/new"),
        lambda: read(mine, path="a/new"),
        lambda: read(mine, path="x"),
        lambda: mine.delete_metadata_and_all_versions(PATH),
        lambda: mine.list_secrets("a/b"),
        mine.read_configuration,
    ):
        with pytest.raises(hvac.exceptions.Forbidden, match="permission denied"):
            refused()
    with pytest.raises(hvac.exceptions.Forbidden, match="preflight capability check returned 403"):
        client.adapter.get("/v1/sys/internal/ui/mounts/elsewhere")


def test_tokens(clients, double):
    token = double.issue(ttl=10)
    assert write(clients(token).secrets.kv.v2)["version"] == 1
    double.skew = 11
    for bad in (token, "S3cr3t-MARKER-unknown"):
        with pytest.raises(hvac.exceptions.Forbidden, match="invalid token"):
            read(clients(bad).secrets.kv.v2)
    token = double.issue()
    client = clients(token)
    client.auth.token.revoke_self()
    with pytest.raises(hvac.exceptions.Forbidden):
        read(client.secrets.kv.v2)


def test_approle(clients, double):
    client = clients(token="")
    answer = client.auth.approle.login(ROLE_ID, SECRET_ID)
    assert answer["auth"]["lease_duration"] == 3600 and client.token == answer["auth"]["client_token"] and client.token in double.tokens
    assert write(client.secrets.kv.v2)["version"] == 1
    for role, secret in ((ROLE_ID, "S3cr3t-MARKER-no"), ("nobody", SECRET_ID), (ROLE_ID, None)):
        with pytest.raises(hvac.exceptions.InvalidRequest, match="invalid role or secret ID"):
            clients(token="").auth.approle.login(role, secret)
    with pytest.raises(hvac.exceptions.Forbidden):
        clients(token="").auth.approle.login(ROLE_ID, SECRET_ID, mount_point="elsewhere")
    assert double.failed_logins == {ROLE_ID: 2, "nobody": 1}


def test_a_secret_id_that_is_used_up(clients, double):
    double.roles["", "approle", "once"] = Role("S3cr3t-MARKER-once", uses=1)
    clients(token="").auth.approle.login("once", "S3cr3t-MARKER-once")
    with pytest.raises(hvac.exceptions.InvalidRequest):
        clients(token="").auth.approle.login("once", "S3cr3t-MARKER-once")


def test_namespaces(clients, double, kv):
    double.mounts["team", "secret"] = Mount()
    inside = clients(namespace="team/").secrets.kv.v2
    write(inside)
    with pytest.raises(hvac.exceptions.InvalidPath):
        read(kv)
    of_team = double.issue(namespace="team")
    assert read(clients(of_team, namespace="team").secrets.kv.v2) == PASSWORD
    for namespace in (None, "other"):
        with pytest.raises(hvac.exceptions.Forbidden):
            read(clients(of_team, namespace=namespace).secrets.kv.v2)


def test_sealed(kv, double):
    write(kv)
    double.sealed = True
    with pytest.raises(hvac.exceptions.VaultDown, match="Vault is sealed"):
        read(kv)
    double.sealed = False
    assert read(kv) == PASSWORD


def test_the_header_of_agents(clients, double):
    double.requires_header = True
    write(clients().secrets.kv.v2)
    with pytest.raises(hvac.exceptions.VaultError, match="missing"):
        read(clients(request_header=False).secrets.kv.v2)


def test_a_write_that_is_postponed_meets_what_is_there_then(kv, double):
    double.inject("real", method="POST", applies="later")
    assert write(kv, cas=0)["version"] == 1 and double.data(PATH) is None
    write(kv, "S3cr3t-MARKER-2", cas=0)
    double.settle()
    assert double.data(PATH) == {"password": "S3cr3t-MARKER-2"} and double.secret(PATH).current == 1


def test_what_may_be_shown_holds_no_secret(kv, double):
    write(kv)
    assert "MARKER" not in "%r %s %r" % (double, double.summary(), double.requests)
