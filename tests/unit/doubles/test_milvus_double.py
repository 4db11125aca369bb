# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of Milvus, as the double keeps them."""

from __future__ import annotations

import base64

import pytest
import requests

from tests.doubles.milvus import CREATE, DESCRIBE, DROP, LIST, UPDATE, MilvusDouble

OLD = "S3cr3t-MARKER-alice"
NEW = "S3cr3t-MARKER-alice-2"
ROOT = "S3cr3t-MARKER-root"
UNAUTHENTICATED = {"code": 1800, "message": "user hasn't authenticated"}


def make(**options):
    """A double with root, alice and bob."""
    return MilvusDouble({"root": ROOT, "alice": OLD, "bob": "S3cr3t-MARKER-bob"}, **options)


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def bearer(user, password):
    """The header with the documented scheme."""
    return {"Authorization": ("Bearer %s:%s" % (user, password)).encode()}


def basic(user, password):
    """The header with the scheme of the open-source server."""
    return {"Authorization": b"Basic " + base64.b64encode(("%s:%s" % (user, password)).encode())}


def post(double, path, body=None, headers=None, **options):
    """One call; ``headers`` may be ``(user, password)``."""
    if isinstance(headers, tuple):
        headers = bearer(*headers)
    return requests.post(double.url + path, json={} if body is None else body, headers=headers, timeout=5, **options)


def update(double, acting, user="alice", old=OLD, new=NEW):
    """A change of a password."""
    return post(double, UPDATE, {"userName": user, "password": old, "newPassword": new}, acting)


def logs_in(double, user, password, header=bearer):
    """Whether the documented login probe succeeds."""
    answer = post(double, DESCRIBE, {"userName": user}, header(user, password))
    return answer.status_code == 200 and answer.json()["code"] in (0, 200)


def test_a_user_changes_its_own_password_with_immediate_effect(double):
    answer = update(double, ("alice", OLD))
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "data": {}})
    assert logs_in(double, "alice", NEW)
    assert not logs_in(double, "alice", OLD)
    assert double.writes == 1


@pytest.mark.parametrize("code", [0, 200])
def test_success_code_depends_on_the_release(code):
    with make(success_code=code) as double:
        assert update(double, ("alice", OLD)).json() == {"code": code, "data": {}}
        assert post(double, DESCRIBE, {"userName": "alice"}, ("alice", NEW)).json() == {"code": code, "data": ["public"]}
        assert post(double, LIST, {}, ("root", ROOT)).json()["code"] == code


@pytest.mark.parametrize("new", [OLD, "aaaaaa", "x" * 72, "pässwörd"])
def test_passwords_that_the_open_source_server_takes(double, new):
    assert update(double, ("alice", OLD), new=new).json()["code"] == 0
    assert logs_in(double, "alice", new)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": b"Bearer "},
        {"Authorization": b"Bearer some-api-key"},
        {"Authorization": b"Basic !!!"},
        bearer("alice", "wrong"),
        bearer("nobody", OLD),
        bearer("Alice", OLD),
        bearer("alice", ""),
        bearer("", OLD),
        basic("alice", "wrong"),
        {"Authorization": b"bearer alice:" + OLD.encode()},
        {"Authorization": b"Bearer \xff\xfe:x"},
    ],
)
def test_missing_or_wrong_credentials(double, headers):
    answer = post(double, DESCRIBE, {"userName": "alice"}, headers)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


@pytest.mark.parametrize("header", [bearer, basic])
@pytest.mark.parametrize("password", ["with:colons:in:it", "pässwörd-ß", " leading", '"quotes"\\'])
def test_both_schemes_carry_the_password(double, header, password):
    double.set_user("alice", password)
    assert logs_in(double, "alice", password, header)


def test_a_trailing_blank_is_lost_with_bearer_only(double):
    double.set_user("alice", "trailing ")
    assert not logs_in(double, "alice", "trailing ", bearer)
    assert logs_in(double, "alice", "trailing ", basic)


def test_there_is_no_lock_out_and_failed_logins_are_counted(double):
    for _attempt in range(20):
        assert not logs_in(double, "alice", "wrong")
    assert logs_in(double, "alice", OLD)
    assert double.failed_logins == {"alice": 20}


def test_authentication_precedes_routing(double):
    assert post(double, "/v2/vectordb/no/such", {}, ("alice", "wrong")).status_code == 401
    answer = post(double, "/v2/vectordb/no/such", {}, ("alice", OLD))
    assert (answer.status_code, answer.text) == (404, "404 page not found")


def test_a_release_without_user_operations():
    with make(users_api=False) as double:
        assert update(double, ("alice", "wrong")).status_code == 401
        answer = update(double, ("alice", OLD))
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/plain")
        assert double.writes == 0


def test_authorization_switched_off():
    with make(authorization=False, super_users=["root"]) as double:
        assert post(double, DESCRIBE, {"userName": "alice"}).json()["code"] == 0
        assert logs_in(double, "alice", "wrong")
        assert update(double, None, old="wrong").json()["code"] == 1400
        assert update(double, ("root", ROOT), old="wrong").json()["code"] == 1400
        assert update(double, None).json()["code"] == 0
        assert double.users["alice"] == NEW


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_wrong_current_password_and_unknown_user(double, user):
    answer = update(double, ("root", ROOT), user=user, old="wrong-password")
    assert answer.status_code == 200
    assert answer.json() == {"code": 1400, "message": "old password not correct for %s: not authenticated" % user}
    assert double.writes == 0 and "nobody" not in double.users


def test_root_changes_another_with_its_old_password(double):
    assert update(double, ("root", ROOT)).json()["code"] == 0
    assert logs_in(double, "alice", NEW)


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_a_super_user_needs_no_old_password_and_creates_unknown_users(user):
    with make(super_users=["root"]) as double:
        assert update(double, ("root", ROOT), user=user, old="wrong-password").json() == {"code": 0, "data": {}}
        assert logs_in(double, user, NEW)


@pytest.mark.parametrize(
    "limit, length, code", [(72, 5, 1100), (72, 6, 0), (72, 72, 0), (72, 73, 1100), (256, 72, 0), (256, 73, 65535), (256, 256, 65535), (256, 257, 1100)]
)
def test_length_limits_in_bytes(limit, length, code):
    with make(max_password=limit) as double:
        answer = update(double, ("alice", OLD), new="x" * length)
        assert (answer.status_code, answer.json()["code"]) == (200, code)
        assert double.writes == (1 if code == 0 else 0)
        assert code != 1100 or answer.json()["message"].startswith("invalid password length: ")
        assert code != 65535 or answer.json()["message"] == "encrypt password failed: bcrypt: password length exceeds 72 bytes"


def test_length_is_counted_in_bytes_not_characters(double):
    assert update(double, ("alice", OLD), new="ä" * 37).json()["code"] == 1100
    assert update(double, ("alice", OLD), new="ä" * 3).json()["code"] == 0


@pytest.mark.parametrize("name", ["userName", "password", "newPassword"])
@pytest.mark.parametrize("value", ["", None, "absent"])
def test_missing_members(double, name, value):
    body = {"userName": "alice", "password": OLD, "newPassword": NEW, name: value}
    if value == "absent":
        del body[name]
    answer = post(double, UPDATE, body, ("root", ROOT))
    assert (answer.status_code, answer.json()["code"]) == (200, 1802)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"text"', b'{"userName": 5, "password": "xxxxxx", "newPassword": "yyyyyy"}'])
def test_bodies_that_are_not_the_expected_json(double, data):
    answer = requests.post(double.url + UPDATE, data=data, headers=bearer("root", ROOT), timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (200, 1801)


@pytest.mark.parametrize(
    "path, body, privilege",
    [
        (UPDATE, {"userName": "bob", "password": "S3cr3t-MARKER-bob", "newPassword": NEW}, "PrivilegeUpdateUser"),
        (DESCRIBE, {"userName": "bob"}, "PrivilegeSelectUser"),
        (LIST, {}, "PrivilegeSelectOwnership"),
        (CREATE, {"userName": "carol", "password": NEW}, "PrivilegeCreateOwnership"),
        (DROP, {"userName": "bob"}, "PrivilegeDropOwnership"),
    ],
)
def test_a_user_without_the_privilege(double, path, body, privilege):
    answer = post(double, path, body, ("alice", OLD))
    assert (answer.status_code, answer.json()["code"]) == (403, 65535)
    assert answer.json()["message"].endswith("%s: permission deny to alice" % privilege)
    assert double.writes == 0


def test_the_admin_role_can_be_given_to_others():
    with make(admins=["root", "alice"]) as double:
        assert post(double, LIST, {}, ("alice", OLD)).json() == {"code": 0, "data": ["root", "alice", "bob"]}
        assert update(double, ("alice", OLD), user="bob", old="S3cr3t-MARKER-bob").json()["code"] == 0


def test_root_exists_from_the_start():
    with MilvusDouble() as double:
        assert post(double, LIST, {}, ("root", "Milvus")).json()["data"] == ["root"]


def test_create_and_drop(double):
    assert post(double, CREATE, {"userName": "carol", "password": NEW}, ("root", ROOT)).json() == {"code": 0, "data": {}}
    assert logs_in(double, "carol", NEW)
    assert post(double, CREATE, {"userName": "carol", "password": NEW}, ("root", ROOT)).json()["code"] == 65535
    assert post(double, CREATE, {"userName": "1carol", "password": NEW}, ("root", ROOT)).json()["code"] == 1100
    assert post(double, CREATE, {"userName": "dave", "password": "short"}, ("root", ROOT)).json()["code"] == 1100
    assert post(double, DROP, {"userName": "carol"}, ("root", ROOT)).json()["code"] == 0
    assert not logs_in(double, "carol", NEW)
    assert post(double, DROP, {"userName": "root"}, ("root", ROOT)).json()["code"] == 1401
    assert post(double, DESCRIBE, {"userName": "carol"}, ("root", ROOT)).json()["code"] == 65535
    assert double.writes == 2


def test_the_database_name_is_ignored(double):
    body = {"userName": "alice", "password": OLD, "newPassword": NEW, "dbName": "no_such_database"}
    assert post(double, UPDATE, body, ("alice", OLD)).json()["code"] == 0


class TestCloud:
    """What differs on Zilliz Cloud."""

    @pytest.fixture(name="cloud")
    def a_cloud(self):
        """A cluster with one API key."""
        with MilvusDouble({"db_admin": ROOT, "alice": OLD}, cloud=True, api_keys={"S3cr3t-MARKER-key": "operator"}) as running:
            yield running

    def test_an_api_key_acts_as_an_administrator(self, cloud):
        key = {"Authorization": "Bearer S3cr3t-MARKER-key"}
        assert post(cloud, LIST, {}, key).json()["data"] == ["db_admin", "alice"]
        assert post(cloud, UPDATE, {"userName": "alice", "password": OLD, "newPassword": NEW}, key).json()["code"] == 0
        assert cloud.requests[-1].authenticated_as == "operator"
        assert logs_in(cloud, "alice", NEW)
        assert post(cloud, LIST, {}, {"Authorization": "Bearer another-key"}).status_code == 401

    def test_basic_is_refused(self, cloud):
        assert not logs_in(cloud, "alice", OLD, basic)

    @pytest.mark.parametrize("new, code", [("aaaaaaaa", 1100), ("Aa1-aaa", 1100), ("Aa1" * 22, 1100), ("Aa1aaaaa", 0), ("aa1-aaaa", 0)])
    def test_strict_passwords(self, cloud, new, code):
        assert update(cloud, ("alice", OLD), new=new).json()["code"] == code
