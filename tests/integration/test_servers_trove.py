# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Trove behaves as the collection takes for granted: plain requests, nothing of the collection in between."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.parse

import pytest
import requests

from tests.integration.trove_passwords import KEPT, LOST
from tests.servers import child, machine, own_environment, trove_package

NOT_READY = "Instance %s is not ready, status: %s."


class Client:
    """Requests as one of the users of the cloud."""

    def __init__(self, cloud, token=None, project="customer"):
        self.cloud = cloud
        self.endpoint = cloud.endpoint_of(project)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"X-Auth-Token": cloud.token() if token is None else token, "Accept": "application/json"})

    def ask(self, method, path, **options):
        return self.session.request(method, self.endpoint + path, timeout=30, **options)

    def users_path(self, instance="healthy"):
        return f"/instances/{self.cloud.instances[instance]}/users"

    def change(self, *users, instance="healthy"):
        """A PUT of (name, password) or (name, password, host)."""
        body = {"users": [dict(zip(("name", "password", "host"), user)) for user in users]}
        return self.ask("PUT", self.users_path(instance), json=body)

    def show(self, name, instance="healthy"):
        return self.ask("GET", f"{self.users_path(instance)}/{urllib.parse.quote(urllib.parse.quote(name, safe=''), safe='')}")


@pytest.fixture
def client(trove_cloud):
    return Client(trove_cloud)


def eventually(condition, limit_s=10.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def refusal(answer, status, name):
    """The message in the usual shape of an error."""
    content = answer.json()
    assert (answer.status_code, list(content)) == (status, [name]), answer.text
    assert content[name]["code"] == status
    return content[name]["message"]


def accepted(answer):
    return (answer.status_code, answer.content) == (202, b"")


# Changing


def test_a_change_is_accepted_first_and_made_later(trove_cloud, trove_user, client):
    user = trove_user()
    trove_cloud.guest_delay = 1
    answer = client.change((user.name, "Second-2"))
    assert accepted(answer)
    assert answer.headers["X-Openstack-Request-Id"].startswith("req-")
    assert trove_cloud.can_log_in(user.name, user.password)
    assert not trove_cloud.can_log_in(user.name, "Second-2")
    eventually(lambda: trove_cloud.can_log_in(user.name, "Second-2"))
    assert not trove_cloud.can_log_in(user.name, user.password)
    assert trove_cloud.changes()[-1] == ([user.name], "done")


def test_a_change_without_any_delay_of_ours_is_there_within_a_second(trove_cloud, trove_user, client):
    user = trove_user()
    assert accepted(client.change((user.name, "Second-2")))
    eventually(lambda: trove_cloud.can_log_in(user.name, "Second-2"), 1)


def test_the_password_that_is_already_set_is_accepted(trove_cloud, trove_user, client):
    user = trove_user()
    assert accepted(client.change((user.name, user.password)))
    trove_cloud.settle()
    assert trove_cloud.can_log_in(user.name, user.password)


def test_a_change_that_the_database_cannot_make_is_accepted_all_the_same(trove_cloud, trove_user, client):
    user = trove_user()
    trove_cloud.guest_delay = 1
    assert accepted(client.change((user.name, "Second-2")))
    trove_cloud.stop_database()
    trove_cloud.settle()
    trove_cloud.start_database()
    assert trove_cloud.changes()[-1][1] != "done"
    assert trove_cloud.can_log_in(user.name, user.password)


def test_sixty_users_in_one_request(trove_cloud, trove_user, client):
    users = [trove_user() for _number in range(60)]
    assert accepted(client.change(*((user.name, "Second-" + user.name) for user in users)))
    trove_cloud.settle()
    assert all(trove_cloud.can_log_in(user.name, "Second-" + user.name) for user in users)


# Passwords that are lost


@pytest.mark.parametrize("password", LOST, ids=ascii)
def test_passwords_that_are_accepted_and_lost(trove_cloud, trove_user, client, password):
    user = trove_user()
    assert accepted(client.change((user.name, password)))
    trove_cloud.settle()
    assert trove_cloud.changes()[-1][1] != "done"
    assert trove_cloud.can_log_in(user.name, user.password)
    assert not trove_cloud.can_log_in(user.name, password)


def test_passwords_that_are_kept(trove_cloud, trove_user, client):
    users = {password: trove_user() for password in KEPT}
    assert accepted(client.change(*((user.name, password) for password, user in users.items())))
    trove_cloud.settle()
    assert [password for password, user in users.items() if not trove_cloud.can_log_in(user.name, password)] == []


# Passwords and names that are refused


@pytest.mark.parametrize(
    "password, told",
    (
        ("x" * 256, "'%s' is too long"),
        ("!" * 20, "'%s' does not match '^.*[0-9a-zA-Z]+.*$'"),
        ("", "'%s' "),
        ("new\nline9", "does not match"),
    ),
)
def test_passwords_that_the_schema_refuses_are_repeated(trove_cloud, trove_user, client, password, told):
    user = trove_user()
    message = refusal(client.change((user.name, password)), 400, "badRequest")
    assert message.startswith("Validation error: ")
    assert told.replace("%s", password) in message
    assert trove_cloud.can_log_in(user.name, user.password)


def test_a_refused_password_is_repeated_with_escapes(trove_user, client):
    message = refusal(client.change((trove_user().name, "\\\n'!")), 400, "badRequest")
    assert repr("\\\n'!") in message


@pytest.mark.parametrize("name", ("root", "os_admin"))
def test_reserved_names(client, name):
    assert "reserved" in refusal(client.change((name, "Second-2")), 400, "badRequest")


def test_a_name_without_a_letter_of_ascii_is_refused(client):
    assert "does not match" in refusal(client.change(("ä", "Second-2")), 400, "badRequest")


@pytest.mark.parametrize("name", ("x" * 17, "quo'te", "com,ma", " blank"))
def test_names_that_cannot_be(client, name):
    """They may be in the database; Trove cannot touch them."""
    message = refusal(client.change((name, "Second-2")), 400, "badRequest")
    assert message.startswith("An error occurred communicating with the guest: Username ")


# Several users


def test_a_bad_password_behind_good_ones_takes_only_itself_away(trove_cloud, trove_user, client):
    good, bad, behind = trove_user(), trove_user(), trove_user()
    assert accepted(client.change((good.name, "Second-2"), (bad.name, "quo'te2"), (behind.name, "Second-2")))
    trove_cloud.settle()
    assert trove_cloud.can_log_in(good.name, "Second-2")
    assert trove_cloud.can_log_in(bad.name, bad.password)
    assert trove_cloud.can_log_in(behind.name, behind.password)


def test_an_unknown_user_takes_all_away(trove_cloud, trove_user, client):
    first, last = trove_user(), trove_user()
    answer = client.change((first.name, "Second-2"), ("nope", "Second-2"), (last.name, "Second-2"))
    assert refusal(answer, 404, "itemNotFound") == "User nope@% cannot be found on the instance."
    trove_cloud.settle()
    assert trove_cloud.can_log_in(first.name, first.password) and trove_cloud.can_log_in(last.name, last.password)


def test_the_same_user_twice_has_the_last_password(trove_cloud, trove_user, client):
    user = trove_user()
    assert accepted(client.change((user.name, "Second-2"), (user.name, "Third-3")))
    trove_cloud.settle()
    assert trove_cloud.can_log_in(user.name, "Third-3")


# Hosts


def test_a_host_is_a_key_of_its_own(trove_cloud, trove_user, client):
    everywhere, here = trove_user(), trove_user(host="127.0.0.2")
    assert refusal(client.change((here.name, "Second-2")), 404, "itemNotFound") == f"User {here.name}@% cannot be found on the instance."
    assert client.change((here.name + "@127.0.0.2", "Second-2")).status_code in (400, 404)
    assert accepted(client.change((here.name, "Second-2", "127.0.0.2"), (everywhere.name, "Second-2", "%")))
    trove_cloud.settle()
    assert trove_cloud.can_log_in(here.name, "Second-2", "127.0.0.2")
    assert not trove_cloud.can_log_in(here.name, "Second-2")
    assert trove_cloud.can_log_in(everywhere.name, "Second-2")


def test_one_name_at_two_hosts_is_two_users(trove_cloud, client):
    trove_cloud.create_user("twins", "First-1", "127.0.0.2")
    trove_cloud.create_user("twins", "First-1", "127.0.0.3")
    assert accepted(client.change(("twins", "Second-2", "127.0.0.3")))
    trove_cloud.settle()
    assert trove_cloud.can_log_in("twins", "First-1", "127.0.0.2") and trove_cloud.can_log_in("twins", "Second-2", "127.0.0.3")


# Looking up


def test_one_user_is_shown(trove_cloud, client):
    trove_cloud.create_user("carol", "First-1")
    trove_cloud.create_user("dave", "First-1", "10.0.0.1")
    assert client.show("carol").json() == {"user": {"name": "carol", "host": "%", "databases": []}}
    assert client.show("carol@%").json() == {"user": {"name": "carol", "host": "%", "databases": []}}
    assert client.show("dave@10.0.0.1").json() == {"user": {"name": "dave", "host": "10.0.0.1", "databases": []}}
    assert refusal(client.show("dave"), 404, "itemNotFound") == "User dave cannot be found on the instance."
    assert refusal(client.show("nope"), 404, "itemNotFound") == "User nope cannot be found on the instance."


@pytest.mark.parametrize(
    "name, path",
    (
        ("a.b", "a%252Eb"),
        ("a.b", "a%2Eb"),
        ("a.b", "a.b"),
        ("a@b", "a%40b%40%25"),
        ("a@b", "a%2540b%2540%2525"),
        ("a b", "a%20b"),
        ("a b", "a%2520b"),
        ("9ä", "9%25C3%25A4"),
        ("a%b", "a%2525b"),
    ),
)
def test_odd_names_in_a_path(trove_cloud, client, name, path):
    trove_cloud.create_user(name, "First-1")
    answer = client.ask("GET", f"{client.users_path()}/{path}")
    assert answer.json() == {"user": {"name": name, "host": "%", "databases": []}}


def test_names_in_a_path_want_to_be_quoted_twice(trove_cloud, client):
    """Else what is not ASCII is taken for Latin-1."""
    trove_cloud.create_user("9ä", "First-1")
    assert refusal(client.ask("GET", f"{client.users_path()}/9%C3%A4"), 404, "itemNotFound") == "User 9Ã¤ cannot be found on the instance."
    assert accepted(client.change(("9ä", "Second-2")))
    trove_cloud.settle()
    assert trove_cloud.can_log_in("9ä", "Second-2")


def test_one_odd_account_spoils_the_list_and_not_the_look_up(trove_cloud, trove_user, client):
    user = trove_user()
    trove_cloud.create_user("a_name_of_more_than_16", "First-1")
    assert "communicating with the guest" in refusal(client.ask("GET", client.users_path()), 400, "badRequest")
    assert client.show(user.name).status_code == 200
    assert accepted(client.change((user.name, "Second-2")))


def pages(client, follow, limit=10):
    """The names on each page, as long as there is a next one."""
    answer = client.ask("GET", client.users_path()).json()
    while True:
        yield [user["name"] for user in answer["users"]]
        links = answer.get("links")
        limit -= 1
        if not links or not limit:
            return
        assert (len(links), links[0]["rel"]) == (1, "next")
        assert links[0]["href"].startswith("https://")
        answer = client.ask("GET", client.users_path(), params=follow(links[0]["href"])).json()


def marker_as_it_is(href):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(href).query))


def marker_unquoted(href):
    return {name: urllib.parse.unquote(value) for name, value in marker_as_it_is(href).items()}


def test_the_trap_of_the_pages(trove_cloud, client):
    names = [f"page{number:02}" for number in range(45)]
    for name in names:
        trove_cloud.create_user(name, "First-1")
    first = client.ask("GET", client.users_path()).json()
    assert "marker=page19%2540%2525" in first["links"][0]["href"]
    assert list(pages(client, marker_unquoted)) == [names[:20], names[20:40], names[40:]]
    # Followed literally, the same page for ever; as if it were quoted once, likewise.
    literally = client.session.get(first["links"][0]["href"].replace("https://", "http://"), timeout=30).json()
    assert [user["name"] for user in literally["users"]] != names[20:40]
    assert [user["name"] for user in client.ask("GET", client.users_path(), params={"limit": 100}).json()["users"]] in (names[:20], names)


# Instances


def test_an_instance_tells_its_host(trove_cloud, client):
    def shown(name):
        answer = client.ask("GET", f"/instances/{trove_cloud.instances[name]}")
        assert answer.status_code == 200
        return answer.json()["instance"]

    healthy, addressed = shown("healthy"), shown("addressed")
    assert (healthy["hostname"], healthy["status"], healthy["datastore"]["type"]) == (trove_cloud.database_host, "ACTIVE", "mariadb")
    assert all(link["href"].startswith("https://") for link in healthy["links"])
    assert "hostname" not in addressed
    assert (addressed["ip"], addressed["addresses"][0]["address"]) == ([trove_cloud.database_host], trove_cloud.database_host)
    listed = client.ask("GET", "/instances").json()["instances"]
    assert {one["id"] for one in listed} == set(trove_cloud.instances.values()) - {trove_cloud.instances[name] for name in ("foreign", "missing")}
    assert (shown("building")["status"], shown("shut_down")["operating_status"]) == ("BUILD", "SHUTDOWN")


@pytest.mark.parametrize("method", ("GET", "PUT"))
@pytest.mark.parametrize("instance, status", (("building", "building"), ("shut_down", "shutdown")))
def test_instances_that_are_not_ready(trove_cloud, client, method, instance, status):
    answer = client.change(("alice", "Second-2"), instance=instance) if method == "PUT" else client.show("alice", instance)
    assert refusal(answer, 422, "unprocessableEntity") == NOT_READY % (trove_cloud.instances[instance], status)


@pytest.mark.parametrize("instance", ("missing", "foreign"))
def test_instances_that_are_not_there(trove_cloud, client, instance):
    for answer in (client.change(("alice", "Second-2"), instance=instance), client.show("alice", instance)):
        assert refusal(answer, 404, "itemNotFound") == f"Resource {trove_cloud.instances[instance]} cannot be found."


def test_a_guest_that_does_not_answer(client):
    assert refusal(client.change(("alice", "Second-2"), instance="unreachable"), 400, "badRequest") == "Timeout trying to connect to the Guest Agent."


def test_a_database_that_is_down(trove_cloud, trove_user, client):
    user = trove_user()
    trove_cloud.stop_database()
    message = refusal(client.change((user.name, "Second-2")), 400, "badRequest")
    assert message.startswith("An error occurred communicating with the guest: ")
    trove_cloud.start_database()
    assert accepted(client.change((user.name, "Second-2")))
    trove_cloud.settle()
    assert trove_cloud.can_log_in(user.name, "Second-2")


# Bodies


def test_bodies_that_are_not_understood(client):
    path = client.users_path()
    flat = client.ask("PUT", path, data=b"no JSON", headers={"Content-Type": "application/json"})
    assert (flat.status_code, flat.json()["code"]) == (400, "400 Bad Request")
    assert set(flat.json()) == {"message", "code", "title"}
    media = client.ask("PUT", path, data=b"{}", headers={"Content-Type": "text/plain"})
    assert (media.status_code, media.json()["code"]) == (415, "415 Unsupported Media Type")
    assert refusal(client.ask("PUT", path, json={}), 500, "instanceFault").startswith("Internal Server Error.")
    assert refusal(client.ask("PUT", path, data=b"<users/>", headers={"Content-Type": "application/xml"}), 500, "instanceFault")
    assert refusal(client.ask("PUT", path, json={"users": [{"name": "alice"}]}), 400, "badRequest").startswith("Validation error: ")


def test_nobody_is_a_good_body(client):
    assert accepted(client.change())


# Authentication and authorization


@pytest.mark.parametrize("token", ("", "wrong", "gAAAAABwrong", "expired", "revoked"))
def test_bad_tokens(trove_cloud, token):
    if token == "expired":
        token = trove_cloud.expired_token()
    elif token == "revoked":
        token = trove_cloud.token()
        # Of a token that was good a moment ago, too.
        assert Client(trove_cloud, token).show("nope").status_code == 404
        trove_cloud.revoke(token)
    client = Client(trove_cloud, token)
    for answer in (client.show("alice"), client.change(("alice", "Second-2"))):
        assert (answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["title"]) == (401, 401, "Unauthorized")
        assert "Keystone uri" in answer.headers["WWW-Authenticate"]


def test_the_project_of_another(trove_cloud):
    for client in (Client(trove_cloud, trove_cloud.token("foreign")), Client(trove_cloud, project="other")):
        answer = client.change(("alice", "Second-2"))
        assert (answer.status_code, answer.json()["code"], answer.json()["title"]) == (403, "403 Forbidden", "Forbidden")
        assert set(answer.json()) == {"message", "code", "title"}
        assert "<br />" in answer.json()["message"]
        # For who does not ask for JSON there is a page.
        client.session.headers["Accept"] = "*/*"
        assert client.change(("alice", "Second-2")).headers["Content-Type"].startswith("text/html")


def test_the_owner_of_the_foreign_instance_may(trove_cloud, trove_user):
    user = trove_user()
    assert accepted(Client(trove_cloud, trove_cloud.token("foreign"), "other").change((user.name, "Second-2"), instance="foreign"))
    trove_cloud.settle()
    assert trove_cloud.can_log_in(user.name, "Second-2")


def test_a_reader_reads_and_does_not_write(trove_cloud, trove_user):
    user, reader = trove_user(), Client(trove_cloud, trove_cloud.token("reader"))
    assert reader.show(user.name).status_code == 200
    message = refusal(reader.change((user.name, "Second-2")), 403, "forbidden")
    assert "instance:extension:user:update_all" in message or "not permitted" in message
    assert trove_cloud.can_log_in(user.name, user.password)


def test_who_may_log_in_to_keystone_and_what_the_catalog_says(trove_cloud, trove_user):
    application = trove_cloud.application_credential
    identity = {"methods": ["application_credential"], "application_credential": {"id": application.id, "secret": application.secret}}
    answer = requests.post(f"{trove_cloud.auth_url}/auth/tokens", json={"auth": {"identity": identity}}, timeout=30)
    assert answer.status_code == 201
    catalog = {entry["type"]: entry["endpoints"] for entry in answer.json()["token"]["catalog"]}
    urls = {(endpoint["region_id"], endpoint["interface"]): endpoint["url"] for endpoint in catalog["database"]}
    assert urls[trove_cloud.region, "public"] == urls[trove_cloud.region, "internal"] == trove_cloud.endpoint
    assert set(urls) == {(region, interface) for region in ("RegionOne", "RegionTwo") for interface in ("public", "internal", "admin")}
    assert accepted(Client(trove_cloud, answer.headers["X-Subject-Token"]).change((trove_user().name, "Second-2")))
    identity["application_credential"]["secret"] = "wrong"
    wrong = requests.post(f"{trove_cloud.auth_url}/auth/tokens", json={"auth": {"identity": identity}}, timeout=30)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, 401)


def test_keystone_down(trove_cloud, trove_user):
    user, client = trove_user(), Client(trove_cloud)
    trove_cloud.stop_keystone()
    answer = client.change((user.name, "Second-2"))
    assert (answer.status_code, answer.json()["code"]) == (503, "503 Service Unavailable")
    client.session.headers["Accept"] = "*/*"
    page = client.change((user.name, "Second-2"))
    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (503, "text/html")
    with pytest.raises(requests.ConnectionError):
        trove_cloud.token()
    trove_cloud.start_keystone()
    assert accepted(client.change((user.name, "Second-2")))


# The limit


def test_the_rate_limit(trove_cloud, trove_user):
    user, client = trove_user(), Client(trove_cloud)
    trove_cloud.restart_api(http_put_rate=2)
    assert accepted(client.change((user.name, "Second-2"))) and accepted(client.change((user.name, "Third-3")))
    answer = client.change((user.name, "Fourth-4"))
    assert refusal(answer, 413, "overLimit")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.json()["overLimit"]["retryAfter"] == answer.headers["Retry-After"]
    # GET has a limit of its own.
    assert client.show(user.name).status_code == 200
    trove_cloud.settle()
    assert trove_cloud.can_log_in(user.name, "Third-3")


# PostgreSQL


@pytest.mark.parametrize(
    "password, kept",
    [
        *((password, False) for password in ("quote'9", "o'9'o")),
        *((password, True) for password in ('double"9', "semicolon;9", "back`tick9", "com,ma9", "sla/sh9", "back\\slash9")),
        *((password, True) for password in (" blanks9 ", "!:zz9", "{0}9", "%s9", "é密9")),
    ],
    ids=ascii,
)
def test_passwords_on_postgresql(trove_cloud, trove_postgresql, client, password, kept):
    trove_postgresql.create_user("paula", "First-1")
    assert accepted(client.change(("paula", password), instance="postgresql"))
    trove_cloud.settle()
    assert (trove_cloud.changes()[-1][1] == "done") is kept
    assert trove_postgresql.can_log_in("paula", password) is kept
    assert trove_postgresql.can_log_in("paula", "First-1") is not kept


def test_users_of_postgresql(trove_cloud, trove_postgresql, client):
    trove_postgresql.create_user("a_name_of_more_than_16", "First-1")
    assert client.show("a_name_of_more_than_16", "postgresql").json()["user"]["host"] == "%"
    assert refusal(client.show("nope", "postgresql"), 404, "itemNotFound") == "User nope cannot be found on the instance."
    assert client.ask("GET", f"/instances/{trove_cloud.instances['postgresql']}").json()["instance"]["datastore"]["type"] == "postgresql"
    # A host means nothing there.
    assert accepted(client.change(("a_name_of_more_than_16", "Second-2", "10.0.0.1"), instance="postgresql"))
    trove_cloud.settle()
    assert trove_postgresql.can_log_in("a_name_of_more_than_16", "Second-2")


# What a test may order


def test_a_record_of_requests_and_writes_that_are_refused(trove_cloud, trove_user, client):
    user, before, changes = trove_user(), len(trove_cloud.requests()), trove_cloud.changes()
    trove_cloud.read_only = True
    assert client.change((user.name, "Second-2")).status_code == 500
    assert client.show(user.name).status_code == 200
    path = urllib.parse.urlsplit(client.endpoint).path + client.users_path()
    assert trove_cloud.requests()[before:] == [("PUT", path, 500), ("GET", f"{path}/{user.name}", 200)]
    assert trove_cloud.changes() == changes
    assert trove_cloud.can_log_in(user.name, user.password)


def test_a_guest_that_loses_changes(trove_cloud, trove_user, client):
    user = trove_user()
    trove_cloud.guest_loses = True
    assert accepted(client.change((user.name, "Second-2")))
    trove_cloud.settle()
    assert trove_cloud.changes()[-1] == ([user.name], "RuntimeError")
    assert trove_cloud.can_log_in(user.name, user.password)


def test_a_restart_of_the_api_keeps_everything_but_changes_under_way(trove_cloud, trove_user, client):
    user, other, endpoint = trove_user(), trove_user(), trove_cloud.endpoint
    trove_cloud.guest_delay = 60
    assert accepted(client.change((user.name, "Second-2")))
    trove_cloud.guest_delay = 0
    trove_cloud.restart_api()
    assert trove_cloud.endpoint == endpoint
    assert accepted(client.change((other.name, "Second-2")))
    trove_cloud.settle()
    assert trove_cloud.can_log_in(other.name, "Second-2") and trove_cloud.can_log_in(user.name, user.password)


# Rackspace Identity before the real Trove


def rackspace_login(double, credentials):
    return requests.post(f"{double.url}/v2.0/tokens", json={"auth": credentials}, timeout=30)


@pytest.mark.parametrize("kind", ("api key", "password"))
def test_a_token_of_rackspace_identity_is_good_for_trove(trove_cloud, trove_user, rackspace_identity, kind):
    user = trove_user()
    if kind == "password":
        credentials = {"passwordCredentials": {"username": "alice", "password": rackspace_identity.users["alice"]}}
    else:
        credentials = {"RAX-KSKEY:apiKeyCredentials": {"username": "alice", "apiKey": rackspace_identity.api_keys["alice"]}}
    access = rackspace_login(rackspace_identity, credentials).json()["access"]
    endpoints = {one["region"]: one for entry in access["serviceCatalog"] if entry["type"] == "rax:database" for one in entry["endpoints"]}
    assert endpoints["ORD"] == {"region": "ORD", "tenantId": access["token"]["tenant"]["id"], "publicURL": trove_cloud.endpoint}
    client = Client(trove_cloud, access["token"]["id"])
    assert accepted(client.change((user.name, "Second-2")))
    trove_cloud.settle()
    assert trove_cloud.can_log_in(user.name, "Second-2")
    assert rackspace_identity.expire_tokens() == 1
    assert client.change((user.name, "Third-3")).status_code == 401


# Starting one


def test_without_the_database_there_is_a_reason(monkeypatch, tmp_path):
    mariadb = pytest.importorskip("tests.servers.mariadb")
    monkeypatch.setattr(mariadb.shutil, "which", lambda name, path: None)
    with pytest.raises(machine.Unavailable, match="mariadb-server-core"):
        mariadb.MariaDBServer(tmp_path / "database").create()


def test_servers_die_with_who_started_them(tmp_path):
    code = f"""
import pathlib, sys, time
from tests.servers.child import Child
one = Child("sleeper", ["/bin/sleep", "600"], pathlib.Path({str(tmp_path)!r}), pathlib.Path({str(tmp_path / "log")!r}))
print(one.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=pathlib.Path(child.__file__).parents[2], stdout=subprocess.PIPE, text=True) as starter:
        pid = int(starter.stdout.readline())
        assert pathlib.Path(f"/proc/{pid}").exists()
        os.kill(starter.pid, signal.SIGKILL)
    eventually(lambda: not pathlib.Path(f"/proc/{pid}").exists() or "\nState:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"))


def test_a_server_that_ends_at_once_says_why(tmp_path):
    one = child.Child("server", ["/bin/sh", "-c", "echo the reason; exit 3"], tmp_path, tmp_path / "log")
    with pytest.raises(child.ServerError, match="ended with status 3(?s:.*)the reason"):
        one.wait_until(lambda: False, 10)


@pytest.fixture
def fake_pip(monkeypatch, tmp_path):
    """Environments of one file, so that they cost nothing."""
    commands = []

    def run(command, **_options):
        commands.append(command)
        if command[1:3] == ["-m", "venv"]:
            pathlib.Path(command[3]).mkdir()

    monkeypatch.setattr(own_environment.subprocess, "run", run)
    return commands


def test_many_ask_for_the_environment_at_once_and_one_makes_it(fake_pip, tmp_path, monkeypatch):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        pythons = set(pool.map(lambda _number: trove_package.installed(tmp_path), range(8)))
    assert len(pythons) == 1 and len(fake_pip) == 2
    # Other requirements, another environment.
    changed = tmp_path / "openstack.txt"
    changed.write_text("trove==1\n", encoding="ascii")
    monkeypatch.setattr(trove_package, "REQUIREMENTS", changed)
    assert {trove_package.installed(tmp_path)} == pythons and len(fake_pip) == 4


def test_an_environment_that_cannot_be_made_is_a_reason(monkeypatch, tmp_path):
    def run(command, stdout, **_options):
        pathlib.Path(tmp_path / "began").touch()
        os.write(stdout.fileno(), b"ERROR: no such package\n")
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(own_environment.subprocess, "run", run)
    with pytest.raises(machine.Unavailable, match="no such package"):
        trove_package.installed(tmp_path)
    monkeypatch.setattr(trove_package.sys, "platform", "darwin")
    with pytest.raises(machine.Unavailable, match="darwin"):
        trove_package.installed(tmp_path)
