# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways of Trove and of the identity services before it, as the double has them."""

from __future__ import annotations

import email.utils
import json
import time
import urllib.parse

import pytest
import requests

from tests.doubles.trove import INSTANCE, TroveDouble
from tests.doubles.trove_identity import ACCOUNT, KEYSTONE, PROJECT_ID, RACKSPACE

OLD = "S3cr3t-MARKER-alice"
NEW = "S3cr3t-MARKER-alice-2"
OPERATOR = "S3cr3t-MARKER-operator"
KEY = "S3cr3t-MARKER-key"
CREDENTIAL = "S3cr3t-MARKER-credential"


def make(users=None, **options):
    """A double with alice, bob, and bob from one address."""
    options = dict({"operators": {"operator": OPERATOR}, "api_keys": {"operator": KEY}, "application_credentials": {"c-1": CREDENTIAL}}, **options)
    return TroveDouble(users or {"alice": OLD, "bob": OLD, "bob@10.0.0.1": OLD}, **options)


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def ask(double, path="", method="GET", token=None, instance=INSTANCE, tenant=PROJECT_ID, accept="application/json", **options):
    """One request about an instance."""
    headers = {"X-Auth-Token": double.issue_token() if token is None else token, "Accept": accept}
    return requests.request(method, "%s/v1.0/%s/instances/%s%s" % (double.url, tenant, instance, path), headers=headers, timeout=5, **options)


def put(double, *users, **options):
    """A change: names, or names and passwords, or names, passwords and hosts."""
    wanted = [dict(zip(("name", "password", "host"), (user, NEW) if isinstance(user, str) else user)) for user in users]
    return ask(double, "/users", "PUT", json={"users": wanted}, **options)


def keystone(double, user="operator", password=OPERATOR, project="customer", domain="Default"):
    """A login at Keystone."""
    identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": {"name": domain}, "password": password}}}
    scope = {"project": {"name": project, "domain": {"name": domain}}}
    return requests.post(double.url + KEYSTONE, json={"auth": {"identity": identity, "scope": scope}}, timeout=5)


def rackspace(double, credentials, tenant=None):
    """A login at Rackspace."""
    return requests.post(double.url + RACKSPACE, json={"auth": dict(credentials, **({"tenantId": tenant} if tenant else {}))}, timeout=5)


def by_key(key=KEY):
    """Credentials."""
    return {"RAX-KSKEY:apiKeyCredentials": {"username": "operator", "apiKey": key}}


def by_password(password=OPERATOR):
    """Credentials."""
    return {"passwordCredentials": {"username": "operator", "password": password}}


class TestIdentity:
    """Tokens."""

    def test_a_keystone_login_leads_to_the_service(self, double):
        answer = keystone(double)
        assert answer.status_code == 201
        catalog = {service["type"]: service["endpoints"] for service in answer.json()["token"]["catalog"]}
        assert {endpoint["interface"] for endpoint in catalog["database"]} == {"admin", "internal", "public"}
        url = catalog["database"][0]["url"]
        token = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
        assert requests.get("%s/instances/%s" % (url, INSTANCE), headers=token, timeout=5).json()["instance"]["status"] == "ACTIVE"

    @pytest.mark.parametrize("wrong", [{"user": "nobody"}, {"password": "wrong"}, {"project": "other"}, {"domain": "other"}])
    def test_keystone_checks_everything(self, double, wrong):
        answer = keystone(double, **wrong)
        assert (answer.status_code, answer.json()["error"]["title"]) == (401, "Unauthorized")
        assert len(double.tokens) == 0 and sum(double.failed_logins.values()) == 1

    @pytest.mark.parametrize("secret, status", [(CREDENTIAL, 201), ("wrong", 401)])
    def test_an_application_credential_knows_its_project(self, double, secret, status):
        identity = {"methods": ["application_credential"], "application_credential": {"id": "c-1", "secret": secret}}
        answer = requests.post(double.url + KEYSTONE, json={"auth": {"identity": identity}}, timeout=5)
        assert answer.status_code == status and ("X-Subject-Token" in answer.headers) is (status == 201)

    @pytest.mark.parametrize("credentials", [by_key(), by_password()])
    @pytest.mark.parametrize("tenant", [None, ACCOUNT])
    def test_a_rackspace_login_leads_to_the_service(self, double, credentials, tenant):
        access = rackspace(double, credentials, tenant).json()["access"]
        assert access["token"]["tenant"]["id"] == ACCOUNT
        catalog = {service["type"]: service["endpoints"] for service in access["serviceCatalog"]}
        assert catalog["object-store"][0]["tenantId"] == "MossoCloudFS_" + ACCOUNT
        url = "%s/instances/%s" % (catalog["rax:database"][0]["publicURL"], INSTANCE)
        assert requests.get(url, headers={"X-Auth-Token": access["token"]["id"]}, timeout=5).status_code == 200

    @pytest.mark.parametrize(
        "credentials, tenant, status",
        [
            (by_key("wrong"), None, 401),
            (by_key(OPERATOR), None, 401),
            (by_password("wrong"), None, 401),
            (by_password(KEY), None, 401),
            (by_key(), "999", 401),
            ({}, None, 400),
            ({"passwordCredentials": {"username": "operator"}}, None, 400),
        ],
    )
    def test_rackspace_checks_everything(self, double, credentials, tenant, status):
        answer = rackspace(double, credentials, tenant)
        (fault,) = answer.json().values()
        assert answer.status_code == fault["code"] == status

    def test_a_second_factor_is_wanted_with_a_password_only(self):
        with make(multi_factor=["operator"]) as double:
            assert [rackspace(double, credentials).status_code for credentials in (by_key(), by_password())] == [200, 401]

    def test_only_the_first_region_leads_here(self):
        with make(regions=["DFW", "ORD"]) as double:
            endpoints = rackspace(double, by_key()).json()["access"]["serviceCatalog"][1]["endpoints"]
            assert [endpoint["region"] for endpoint in endpoints] == ["DFW", "ORD"]
            assert [endpoint["publicURL"].startswith(double.url) for endpoint in endpoints] == [True, False]

    def test_tokens_end_on_command(self, double):
        token = keystone(double).headers["X-Subject-Token"]
        assert ask(double, token=token).status_code == 200
        double.expire_tokens()
        answer = ask(double, token=token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)
        assert ask(double, token="").status_code == 401
        assert double.logins() == 1


class TestAnswers:
    """What stands before a change."""

    @pytest.mark.parametrize("accept, body", [("application/json", {"code": "403 Forbidden", "title": "Forbidden"}), ("*/*", None)])
    def test_another_tenant(self, double, accept, body):
        answer = ask(double, tenant="999", accept=accept)
        assert answer.status_code == 403 and "<br />" in answer.text
        if body:
            assert {key: answer.json()[key] for key in body} == body
        else:
            assert answer.headers["content-type"].startswith("text/html")

    @pytest.mark.parametrize("instance", ["no-such-instance", "f"])
    @pytest.mark.parametrize("path", ["", "/users", "/users/alice"])
    def test_instances_that_are_missing_or_foreign(self, instance, path):
        with make(instances={"f": "FOREIGN"}) as double:
            answer = ask(double, path, instance=instance)
            assert (answer.status_code, answer.json()) == (404, {"itemNotFound": {"code": 404, "message": "Resource %s cannot be found." % instance}})

    @pytest.mark.parametrize("status, word", [("BUILD", "building"), ("SHUTDOWN", "shutdown")])
    def test_instances_that_do_not_run(self, status, word):
        with make(instances={"i": status}) as double:
            assert ask(double, instance="i").json()["instance"]["status"] == status
            message = "Instance i is not ready, status: %s." % word
            for answer in (ask(double, "/users", instance="i"), ask(double, "/users/alice", instance="i"), put(double, "alice", instance="i")):
                assert (answer.status_code, answer.json()) == (422, {"unprocessableEntity": {"code": 422, "message": message}})

    def test_an_instance(self, double):
        instance = ask(double).json()["instance"]
        assert instance["hostname"] == "127.0.0.1" and instance["links"][0]["href"].startswith("https://")
        double.hostname = None
        assert "hostname" not in ask(double).json()["instance"]

    @pytest.mark.parametrize(
        "path, status",
        [
            ("alice", 200),
            ("alice@%25", 200),
            ("alice%40%25", 200),
            ("alice%2540%2525", 200),
            ("bob@10%252E0%252E0%252E1", 200),
            ("bob@10.0.0.1", 404),
            ("alice@10%252E0%252E0%252E1", 404),
            ("nobody", 404),
            ("root", 400),
        ],
    )
    def test_a_user(self, double, path, status):
        answer = ask(double, "/users/" + path)
        assert answer.status_code == status
        if status == 404 and "." not in path:
            assert answer.json()["itemNotFound"]["message"].endswith("cannot be found on the instance.")

    @pytest.mark.parametrize(
        "guest, text", [("silent", "Timeout trying to connect to the Guest Agent."), ("without database", "An error occurred communicating with the guest")]
    )
    def test_without_its_guest_everything_is_a_bad_request(self, double, guest, text):
        double.guest = guest
        for answer in (ask(double, "/users"), ask(double, "/users/alice"), put(double, "alice")):
            assert answer.status_code == 400 and answer.json()["badRequest"]["message"].startswith(text)
        assert ask(double).status_code == 200 and double.writes == 0

    def test_an_odd_account_spoils_the_listing_only(self):
        with make(odd_account=True) as double:
            assert ask(double, "/users").status_code == 400 and ask(double, "/users/alice").status_code == 200

    def test_unknown_paths(self, double):
        assert (ask(double, "/nothing").status_code, ask(double, "/nothing").json()["itemNotFound"]["code"]) == (404, 404)

    def test_every_answer_has_an_identifier(self, double):
        answers = [ask(double), ask(double, "/users/nobody"), put(double, "alice"), ask(double, tenant="999"), keystone(double), ask(double, token="")]
        identifiers = [answer.headers["X-Openstack-Request-Id"] for answer in answers]
        assert len(set(identifiers)) == 6


class TestPages:
    """The trap in the link to the next page."""

    @pytest.fixture(name="many")
    def a_full_double(self):
        """A double with 45 users, and one that no listing shows."""
        with make({"user%02d" % number: OLD for number in range(45)} | {"root": OLD}) as running:
            yield running

    @staticmethod
    def following(many, read_marker):
        """The names of all pages, at most five."""
        names, query = [], ""
        for _page in range(5):
            body = ask(many, "/users" + query).json()
            names.append([user["name"] for user in body["users"]])
            if "links" not in body:
                break
            query = read_marker(body["links"][0]["href"])
        return names

    def test_who_decodes_twice_sees_all(self, many):
        def twice(href):
            marker = urllib.parse.parse_qs(urllib.parse.urlsplit(href).query)["marker"][0]
            return "?marker=" + urllib.parse.quote(urllib.parse.unquote(marker))

        pages = self.following(many, twice)
        assert [len(page) for page in pages] == [20, 20, 5]
        assert sum(pages, []) == ["user%02d" % number for number in range(45)]

    def test_who_follows_the_link_sees_the_last_of_a_page_again(self, many):
        pages = self.following(many, lambda href: "?" + urllib.parse.urlsplit(href).query)
        assert [(page[0], page[-1]) for page in pages] == [("user00", "user19"), ("user19", "user38"), ("user38", "user44")]

    def test_who_follows_the_link_sees_a_page_with_one_user_for_ever(self, many):
        many.page_size = 1
        pages = self.following(many, lambda href: "?" + urllib.parse.urlsplit(href).query)
        assert pages == [["user00"]] * 5

    def test_the_link(self, many):
        href = ask(many, "/users?limit=7").json()["links"][0]["href"]
        assert href.startswith("https://") and href.endswith("/users?limit=7&marker=user06%2540%2525")
        assert len(ask(many, "/users?limit=100").json()["users"]) == 20

    def test_hosts_stand_beside_names(self, double):
        users = [(user["name"], user["host"]) for user in ask(double, "/users").json()["users"]]
        assert users == [("alice", "%"), ("bob", "%"), ("bob", "10.0.0.1")]


class TestChanges:
    """The one write there is."""

    def test_a_change(self, double):
        answer = put(double, "alice", ("bob", NEW, "10.0.0.1"))
        assert (answer.status_code, answer.content) == (202, b"")
        assert double.can_log_in("alice", NEW) and double.can_log_in("bob", NEW, "10.0.0.1")
        assert not double.can_log_in("bob", NEW) and not double.can_log_in("alice", OLD)
        assert double.writes == 1

    def test_the_answer_comes_before_the_change(self):
        with make(delay=None) as double:
            assert put(double, "alice").status_code == 202
            assert double.can_log_in("alice", OLD) and double.pending == 1
            double.settle()
            assert double.can_log_in("alice", NEW)

    def test_a_delay_in_seconds(self):
        with make(delay=0.05) as double:
            assert put(double, "alice").status_code == 202
            end = time.monotonic() + 5
            while not double.can_log_in("alice", NEW):
                assert time.monotonic() < end
                time.sleep(0.005)

    @pytest.mark.parametrize(
        "password",
        [
            "a'b1",
            'a"b1',
            "a;b1",
            "a,b1",
            "a/b1",
            "a\\b1",
            "a`b1",
            " ab1",
            "ab1 ",
            "a\tb1",
            "a\u00a0b1",
            "a\x7fb1",
            "a!:zz9",
            ":zz9",
            "a :zz9",
        ],
    )
    def test_what_is_lost_is_answered_as_ever(self, double, password):
        assert put(double, ("alice", password)).status_code == 202
        assert double.can_log_in("alice", OLD) and double.writes == 1

    @pytest.mark.parametrize("password", ["a:zz9", "a::z9", "a%b", "a b1", "p\u00e4ss\u00f6", "-_.+=@%^1", "x" * 255])
    def test_what_is_not_lost(self, double, password):
        assert put(double, ("alice", password)).status_code == 202
        assert double.can_log_in("alice", password)

    @pytest.mark.parametrize("password, lost", [("a'b1", True), ('a"b1', False), ("a;b1", False)])
    def test_another_database_loses_less(self, password, lost):
        with make(engine="postgresql") as double:
            assert put(double, ("alice", password)).status_code == 202
            assert double.can_log_in("alice", password) is not lost

    @pytest.mark.parametrize("password, status", [("a'b1", 400), (" ab1", 400), ("a!:zz9", 202)])
    def test_older_releases_refuse_some_and_say_the_password(self, password, status):
        with make(refuses=True) as double:
            answer = put(double, ("alice", password))
            assert answer.status_code == status and double.can_log_in("alice", OLD)
            assert status == 202 or "'%s' is not a valid password." % password in answer.json()["badRequest"]["message"]

    @pytest.mark.parametrize(
        "users, changed",
        [
            ([("alice", NEW), ("bob", "a;b1")], ["alice"]),
            ([("bob", "a;b1"), ("alice", NEW)], []),
            ([("alice", NEW), ("bob", NEW)], ["alice", "bob"]),
        ],
    )
    def test_the_first_that_is_lost_ends_the_work(self, double, users, changed):
        assert put(double, *users).status_code == 202
        assert [name for name in ("alice", "bob") if double.can_log_in(name, NEW)] == changed

    @pytest.mark.parametrize(
        "users, who",
        [(["alice", "nope"], "nope@%"), (["nope", "alice"], "nope@%"), ([("alice", NEW, "10.0.0.1")], "alice@10.0.0.1"), (["bob@10.0.0.1"], "bob@10.0.0.1@%")],
    )
    def test_one_unknown_user_keeps_all_from_being_changed(self, double, users, who):
        answer = put(double, *users)
        assert (answer.status_code, answer.json()["itemNotFound"]["message"]) == (404, "User %s cannot be found on the instance." % who)
        assert double.writes == 0

    @pytest.mark.parametrize(
        "user, text",
        [
            (("alice", "x" * 256), "is too long"),
            (("alice", "-!-"), "does not match '^.*[0-9a-zA-Z]+.*$'"),
            (("alice", ""), "does not match"),
            (("alice", 7), "is not of type 'string'"),
            (("___", NEW), "does not match"),
            (("alice", NEW, "web-1"), "does not match"),
            (("alice",), "'password' is a required property"),
            (("root", NEW), "reserved list"),
        ],
    )
    def test_what_the_schema_refuses_is_repeated(self, double, user, text):
        answer = put(double, user)
        assert answer.status_code == 400 and text in answer.json()["badRequest"]["message"]
        assert len(user) < 2 or user[1] == NEW or repr(user[1]) in answer.json()["badRequest"]["message"]
        assert double.writes == 0

    def test_nobody_to_change(self, double):
        assert put(double).status_code == 202

    @pytest.mark.parametrize(
        "data, kind, status",
        [(b"{}", "application/json", 500), (b"{", "application/json", 400), (b"{}", "text/plain", 415), (b'{"users": 7}', "application/json", 400)],
    )
    def test_bodies_that_nobody_expects(self, double, data, kind, status):
        headers = {"X-Auth-Token": double.issue_token(), "Content-Type": kind, "Accept": "application/json"}
        url = "%s/v1.0/%s/instances/%s/users" % (double.url, PROJECT_ID, INSTANCE)
        assert requests.put(url, data=data, headers=headers, timeout=5).status_code == status

    def test_a_reader_reads(self):
        with make(readers=["operator"]) as double:
            assert ask(double, "/users").status_code == 200
            answer = put(double, "alice")
            assert (answer.status_code, answer.json()["forbidden"]["code"]) == (403, 403)

    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_too_many_changes(self, form):
        with make(put_rate=2, retry_after=form) as double:
            now = [100.0]
            double.clock = lambda: now[0]
            assert [put(double, "alice").status_code for _number in range(3)] == [202, 202, 413]
            answer = put(double, "alice")
            after = answer.headers["Retry-After"]
            assert answer.json()["overLimit"]["retryAfter"] == "61"
            assert after == "61" if form == "seconds" else 55 < email.utils.parsedate_to_datetime(after).timestamp() - time.time() < 62
            now[0] += 61
            assert put(double, "alice").status_code == 202

    def test_a_fault_decides_over_the_delay(self):
        with make(delay=None) as double:
            double.inject("drop", path="/users", method="PUT", applies="now")
            with pytest.raises(requests.ConnectionError):
                put(double, "alice")
            assert double.can_log_in("alice", NEW)


def test_read_only(double):
    double.read_only = True
    assert put(double, "alice").status_code == 500 and len(double.refused_writes) == 1
    assert ask(double, "/users").status_code == 200 and keystone(double).status_code == 201


def test_what_is_noted_holds_no_secret(double):
    put(double, "alice", "bob", token=keystone(double).headers["X-Subject-Token"])
    rackspace(double, by_key())
    request = double.calls("/users")[0]
    assert (request.user, request.login, request.secrets[:2]) == ("alice", "operator", [NEW, NEW]) and len(request.secrets) == 3
    shown = json.dumps(double.summary()) + repr(double) + repr(double.requests) + repr(double.operators) + repr(double.api_keys)
    assert "MARKER" not in shown and not any(token in shown for token in double.tokens)
