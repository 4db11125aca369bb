# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of VMware Cloud Director, as the double keeps them."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.parse
import xml.etree.ElementTree

import pytest
import requests

from tests.doubles.vcd import (
    CHANGE,
    CURRENT,
    LOGIN,
    OPERATOR,
    OPERATOR_API_TOKEN,
    OPERATOR_PASSWORD,
    PROVIDER_LOGIN,
    REFUSALS,
    ROOT,
    SEARCH,
    SYSTEM,
    SYSTEM_API_TOKEN,
    SYSTEM_OPERATOR,
    SYSTEM_PASSWORD,
    TELLS_LOCKED,
    VERSIONS,
    VcdDouble,
)

OLD = "S3cr3t-MARKER-alice"
NEW = "S3cr3t-MARKER-alice-2"
BOB = "S3cr3t-MARKER-bob"
FORM = "application/x-www-form-urlencoded"
SPECIAL = ["a(b)", "a,b", "a;b", "a\\b", "a b", "a+b", "ä-ß", "a&b=c", "a%2Cb", "a'b\"c", "==", "a#b?"]


def make(**options):
    """A double with alice and bob."""
    return VcdDouble({"alice": OLD, "bob": BOB}, **options)


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


class Client:
    """The plainest client there can be: one session."""

    def __init__(self, double, name="alice", password=OLD, *, org="acme", version="37.2", token=None):
        self.url, self.version = double.url, version
        self.headers = {"Accept": "application/json;version=" + version}
        self.answer = None
        if token is None:
            self.answer = log_in(double, name, password, org, version=version)
            assert self.answer.status_code == 200
            token = self.answer.headers["X-VMWARE-VCLOUD-ACCESS-TOKEN"]
        self.token = token
        self.headers["Authorization"] = "Bearer " + token

    def call(self, method, path, **options):
        """One request below the root."""
        return requests.request(method, self.url + ROOT + path, headers={**self.headers, **options.pop("headers", {})}, timeout=5, **options)

    def own(self):
        """The current session."""
        return self.call("GET", "/sessions/current")

    def change(self, user, old=OLD, new=NEW, **options):
        """A change of a password; ``user`` is its URN."""
        return self.call("POST", "/users/%s/changePassword" % user, json={"currentPassword": old, "newPassword": new}, **options)

    def search(self, text=None, page=1, size=25, **more):
        """A page of users."""
        return self.call("GET", "/users", params={**({} if text is None else {"filter": text}), "page": page, "pageSize": size, **more})

    def names(self, text=None):
        """Who is found."""
        return [one["username"] for one in self.search(text, size=128).json()["values"]]

    def user(self, name):
        """One user, by its exact name."""
        (found,) = [one for one in self.search("username==" + escape(name)).json()["values"] if one["username"] == name]
        return found

    def put(self, user, **changes):
        """The whole user again, with changes."""
        return self.call("PUT", "/users/" + user["id"], json={**user, **changes})


def escape(name):
    """A name as a filter wants it."""
    return re.sub(r"([(),;\\])", r"\\\1", name)


def log_in(double, name="alice", password=OLD, org="acme", *, version="37.2", charset="utf-8", **options):
    """A login; the door is that of the organisation."""
    shown = base64.b64encode(("%s@%s:%s" % (name, org, password)).encode(charset)).decode()
    path = "/sessions/provider" if org == SYSTEM else "/sessions"
    return requests.post(
        double.url + ROOT + path, headers={"Accept": "application/json;version=" + version, "Authorization": "Basic " + shown}, timeout=5, **options
    )


def operator(double, **options):
    """A client of the tenant's administrator."""
    return Client(double, OPERATOR, OPERATOR_PASSWORD, **options)


def is_error(answer, status, code, part=""):
    """Whether this is an error in the vendor's form."""
    body = answer.json()
    return (
        (answer.status_code, set(body), body["minorErrorCode"], body["stackTrace"]) == (status, {"minorErrorCode", "message", "stackTrace"}, code, None)
        and re.match(r"\[ [0-9a-f-]{36} \] ", body["message"])
        and part in body["message"]
    )


def is_denied(answer):
    """Whether this is the one answer to all that is wrong with credentials."""
    return is_error(answer, 401, "NOT_AUTHENTICATED", "This operation is denied.")


def is_forbidden(answer):
    """Whether this is the one answer to what is not there or not allowed."""
    return is_error(answer, 403, "ACCESS_TO_RESOURCE_IS_FORBIDDEN")


def is_bad(answer):
    """Whether the request is refused as such."""
    return is_error(answer, 400, "BAD_REQUEST")


class TestVersions:
    """What the server has, and what must be asked for."""

    def test_the_list_needs_no_login_and_is_xml(self, double):
        answer = requests.get(double.url + VERSIONS, timeout=5)
        space = "{http://www.vmware.com/vcloud/versions}"
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/xml")
        found = xml.etree.ElementTree.fromstring(answer.content).findall(space + "VersionInfo")
        assert [(one.findtext(space + "Version"), one.get("deprecated")) for one in found] == [("36.3", "true"), ("37.2", "false"), ("38.1", "false")]
        assert found[0].findtext(space + "LoginUrl") == double.url + ROOT + "/sessions"

    def test_an_unknown_version(self):
        with make(versions=("39.0.0-alpha", "36.0", "38.0"), deprecated=("36.0",)) as double:
            answer = log_in(double, version="37.2")
            assert is_error(
                answer,
                406,
                "NOT_ACCEPTABLE",
                "The request has invalid accept header: Invalid API version requested. "
                "Supported API versions are: [39.0.0-alpha, 38.0, 36.0 [D]] ([D] indicates deprecated versions)",
            )
            assert not double.failed_logins and log_in(double, version="38.0").status_code == 200

    @pytest.mark.parametrize("accept", ["application/json", "*/*", "application/xml;version=37.2", "application/*+xml;version=37.2", "application/json;v=37.2"])
    def test_a_missing_version_or_another_format(self, double, accept):
        client = Client(double)
        assert is_error(client.call("GET", "/sessions/current", headers={"Accept": accept}), 406, "NOT_ACCEPTABLE", "invalid accept header: . Supp")

    @pytest.mark.parametrize(
        "accept",
        [
            "application/json;version=37.2",
            "application/json; version=37.2",
            "application/*+json;version=37.2",
            "*/*;version=37.2",
            "text/html, application/json;version=37.2",
        ],
    )
    def test_formats_that_hold_the_answer(self, double, accept):
        answer = Client(double).call("GET", "/sessions/current", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json;version=37.2")

    @pytest.mark.parametrize("version, there", [("36.0", False), ("36.2", False), ("36.3", True), ("38.1", True)])
    def test_the_change_is_there_from_36_3_on(self, version, there):
        with make(versions=("36.0", "36.2", "36.3", "38.1")) as double:
            answer = Client(double, version=version).change(double.people["alice"].urn)
            assert answer.status_code == 204 if there else is_forbidden(answer)
            assert double.writes == there

    def test_what_an_absent_operation_is_answered_with_is_an_option(self):
        with make(versions=("36.0",), refusals={"absent": (404, "NOT_FOUND", "No such thing.")}) as double:
            assert is_error(Client(double, version="36.0").change(double.people["alice"].urn), 404, "NOT_FOUND", "No such thing.")

    def test_logging_out_by_the_short_path_is_there_from_36_0_on(self):
        with make(versions=("35.0",)) as double:
            client = Client(double, version="35.0")
            assert is_forbidden(client.call("DELETE", "/sessions/current"))
            assert client.call("DELETE", "/sessions/" + client.answer.json()["id"]).status_code == 204


class TestSessions:
    """Coming in and leaving."""

    def test_a_login_tells_token_and_own_identifier(self, double):
        answer = log_in(double)
        assert answer.headers["X-VMWARE-VCLOUD-TOKEN-TYPE"] == "Bearer"
        body = answer.json()
        assert body["user"] == {"name": "alice", "id": double.people["alice"].urn}
        assert body["org"]["name"] == "acme" and body["roles"] == ["vApp User"]
        (session,) = double.open_sessions
        assert (body["id"], answer.headers["X-VMWARE-VCLOUD-ACCESS-TOKEN"]) == (session.id, session.token)
        assert (session.person.name, session.kind, session.expires) == ("alice", "password", 1800)
        received = double.requests[-1]
        assert (received.login, received.user, received.authenticated_as, received.secrets, received.write) == ("alice", "alice", "alice", [OLD], False)
        assert double.writes == 0

    def test_identifiers_are_stable(self):
        assert make().people["alice"].urn == make().people["alice"].urn != make(org="other").people["alice"].urn
        assert re.fullmatch("urn:vcloud:user:[0-9a-f-]{36}", make().people["alice"].urn)

    @pytest.mark.parametrize("version, there", [("36.3", False), ("37.2", True)])
    def test_the_site_is_told_from_37_1_on(self, double, version, there):
        assert ("site" in log_in(double, version=version).json()) is there

    @pytest.mark.parametrize(
        "name, password, org",
        [
            ("alice", "wrong", "acme"),
            ("nobody", OLD, "acme"),
            ("Alice", OLD, "acme"),
            ("alice", "", "acme"),
            ("alice", OLD, "other"),
            ("alice", OLD, SYSTEM),
            (SYSTEM_OPERATOR, SYSTEM_PASSWORD, "acme"),
        ],
    )
    def test_wrong_credentials(self, double, name, password, org):
        assert is_denied(log_in(double, name, password, org))
        assert double.failed_logins == {name: 1} and not double.sessions

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "Basic !!!",
            "Bearer x",
            "Basic " + base64.b64encode(b"alice:" + OLD.encode()).decode(),
            "Basic " + base64.b64encode(b"alice@acme").decode(),
            "Basic " + base64.b64encode(b"\xff@acme:x").decode(),
        ],
    )
    def test_what_is_no_credentials(self, double, value):
        headers = {"Accept": "application/json;version=37.2", **({"Authorization": value} if value else {})}
        assert is_denied(requests.post(double.url + ROOT + "/sessions", headers=headers, timeout=5))

    def test_the_two_doors(self, double):
        provider = Client(double, SYSTEM_OPERATOR, SYSTEM_PASSWORD, org=SYSTEM)
        assert provider.answer.json()["org"]["name"] == SYSTEM and double.requests[-1].path.endswith(PROVIDER_LOGIN)
        for path, org in (("/sessions", SYSTEM), ("/sessions/provider", "acme")):
            shown = base64.b64encode(("%s@%s:%s" % (("alice", org, OLD) if org == "acme" else (SYSTEM_OPERATOR, org, SYSTEM_PASSWORD))).encode()).decode()
            assert is_denied(
                requests.post(double.url + ROOT + path, timeout=5, headers={"Accept": "application/json;version=37.2", "Authorization": "Basic " + shown})
            )

    def test_a_login_has_no_body(self, double):
        assert is_bad(log_in(double, json={}))

    @pytest.mark.parametrize("password", ["with:colons@acme:x", "pässwörd-ß-€", " leading and trailing ", '"quotes"\\'])
    def test_basic_carries_any_password(self, double, password):
        double.set_user("alice", password)
        assert log_in(double, password=password).status_code == 200

    @pytest.mark.parametrize(
        "split_at, name, org, status",
        [("last", "al@ice", "acme", 200), ("first", "al@ice", "acme", 401), ("first", "alice", "ac@me", 200), ("last", "alice", "ac@me", 401)],
    )
    def test_an_at_sign_is_ambiguous(self, split_at, name, org, status):
        with VcdDouble({name: OLD}, org=org, split_at=split_at) as double:
            assert log_in(double, name, OLD, org).status_code == status

    def test_the_charset_is_an_option(self):
        with VcdDouble({"alice": "pässwörd"}, charset="latin-1") as double:
            assert log_in(double, password="pässwörd").status_code == 401
            assert log_in(double, password="pässwörd", charset="latin-1").status_code == 200

    def test_the_current_session_and_logging_out(self, double):
        client = Client(double)
        assert client.own().json() == client.answer.json()
        assert double.requests[-1].user == "alice"
        answer = client.call("DELETE", "/sessions/current")
        assert (answer.status_code, answer.content) == (204, b"")
        assert not double.open_sessions and double.sessions[0].closed == "logged out"
        assert is_denied(client.own()) and is_denied(client.call("DELETE", "/sessions/current"))

    def test_own_sessions_by_identifier(self, double):
        first, second, other = Client(double), Client(double), Client(double, "bob", BOB)
        listed = first.call("GET", "/sessions", params={"page": 1, "pageSize": 25}).json()
        assert [one["id"] for one in listed["values"]] == [client.answer.json()["id"] for client in (first, second)]
        path = "/sessions/" + second.answer.json()["id"]
        assert first.call("GET", path).json()["id"] == second.answer.json()["id"]
        assert is_forbidden(other.call("GET", path)) and is_forbidden(other.call("DELETE", path))
        assert first.call("DELETE", path).status_code == 204
        assert is_denied(second.own()) and first.own().status_code == 200 and len(double.open_sessions) == 2

    @pytest.mark.parametrize("headers", [{"Authorization": "Bearer other"}, {"Authorization": ""}, {"Authorization": "Basic YWxpY2VAYWNtZTp4"}])
    def test_other_tokens(self, double, headers):
        assert is_denied(Client(double).call("GET", "/sessions/current", headers=headers))

    def test_the_deprecated_header_is_not_enough(self, double):
        client = Client(double)
        assert is_denied(client.call("GET", "/sessions/current", headers={"Authorization": "", "x-vcloud-authorization": client.token}))

    def test_sessions_expire(self, double):
        client, other = Client(double), Client(double)
        double.advance(1799)
        assert client.own().status_code == 200
        double.advance(1)
        # Use keeps a session alive.
        assert is_denied(other.own()) and client.own().status_code == 200
        double.expire()
        assert is_denied(client.own()) and not double.open_sessions
        assert [one.closed for one in double.sessions] == ["expired", "expired"]

    def test_sessions_count_against_the_user(self):
        with make(max_sessions=2) as double:
            first = Client(double)
            assert log_in(double).status_code == 200
            assert is_forbidden(log_in(double)) and log_in(double, "bob", BOB).status_code == 200
            first.call("DELETE", "/sessions/current")
            assert log_in(double).status_code == 200

    def test_disabled_stranded_and_removed_users(self, double):
        client = Client(double)
        double.people["alice"].enabled = False
        assert is_denied(client.own()) and is_denied(log_in(double))
        double.set_user("alice", OLD, enabled=True, stranded=True)
        assert is_denied(log_in(double)) and not double.can_log_in("alice", OLD)
        double.people["alice"].stranded = False
        assert client.own().status_code == 200
        double.remove_user("alice")
        assert is_denied(client.own()) and is_denied(log_in(double))

    @pytest.mark.parametrize("kind, status", [("LOCAL", 200), ("LDAP", 200), ("SAML", 401), ("OAUTH", 401)])
    def test_where_a_password_can_be_shown(self, kind, status):
        with make(people={"alice": {"provider_type": kind}}) as double:
            assert log_in(double).status_code == status

    def test_a_misspelt_attribute_is_an_error(self, double):
        with pytest.raises(AttributeError):
            double.people["alice"].lockd = True


class TestLockOut:
    """Too many bad logins."""

    def test_an_account_is_locked_and_looks_like_a_wrong_password(self, double):
        for _attempt in range(5):
            assert double.can_log_in("alice", OLD) and is_denied(log_in(double, password="wrong"))
        assert double.lockouts == {"alice": 1} and double.people["alice"].locked
        assert is_denied(log_in(double)) and not double.can_log_in("alice", OLD)
        assert double.failed_logins == {"alice": 6} and double.lockouts == {"alice": 1}
        assert log_in(double, "bob", BOB).status_code == 200
        double.advance(599)
        assert not double.can_log_in("alice", OLD)
        double.advance(1)
        assert log_in(double).status_code == 200

    def test_a_good_login_begins_anew(self, double):
        for _round in range(3):
            for _attempt in range(4):
                log_in(double, password="wrong")
            assert log_in(double).status_code == 200
        assert not double.lockouts

    def test_asking_whether_one_can_log_in_is_not_counted(self, double):
        assert not any(double.can_log_in("alice", "wrong") for _attempt in range(9))
        assert double.can_log_in("alice", OLD) and not double.failed_logins

    def test_sessions_outlive_the_lock(self, double):
        client = Client(double)
        double.people["alice"].locked = True
        assert client.change(double.people["alice"].urn).status_code == 204
        double.advance(10**6)
        assert not double.can_log_in("alice", NEW)

    def test_a_server_that_tells_a_locked_account(self):
        with make(refusals=TELLS_LOCKED, lockout_after=1) as double:
            assert is_denied(log_in(double, password="wrong"))
            assert is_error(log_in(double), 401, "USER_ACCOUNT_LOCKED", "The account is locked.")

    @pytest.mark.parametrize("options, tenant, provider", [({}, True, False), ({"lockout": False}, False, False), ({"lockout_system": True}, True, True)])
    def test_the_switches(self, options, tenant, provider):
        with make(lockout_after=2, **options) as double:
            for _attempt in range(2):
                log_in(double, password="wrong")
                log_in(double, SYSTEM_OPERATOR, "wrong", SYSTEM)
            assert (double.people["alice"].locked, double.system.people[SYSTEM_OPERATOR].locked) == (tenant, provider)
            assert double.can_log_in(SYSTEM_OPERATOR, SYSTEM_PASSWORD, SYSTEM) is not provider

    @pytest.mark.parametrize("counts", [False, True])
    def test_whether_a_wrong_current_password_counts(self, counts):
        with make(wrong_current_counts=counts, lockout_after=1) as double:
            assert is_bad(Client(double).change(double.people["alice"].urn, old="wrong"))
            assert double.people["alice"].locked is counts and double.failed_logins["alice"] == counts


class TestApiTokens:
    """Operators without a password."""

    @staticmethod
    def grant(double, path="/oauth/tenant/acme/token", token=OPERATOR_API_TOKEN, kind=FORM, accept="application/json", **more):
        """Ask for an access token."""
        return requests.post(
            double.url + path,
            data=urllib.parse.urlencode({"grant_type": "refresh_token", "refresh_token": token, **more}),
            timeout=5,
            headers={"Accept": accept, **({"Content-Type": kind} if kind else {})},
        )

    @pytest.mark.parametrize(
        "path, token, name", [("/oauth/tenant/acme/token", OPERATOR_API_TOKEN, OPERATOR), ("/oauth/provider/token", SYSTEM_API_TOKEN, SYSTEM_OPERATOR)]
    )
    def test_a_token_for_a_token(self, double, path, token, name):
        answer = self.grant(double, path, token)
        assert answer.status_code == 200 and answer.json()["token_type"] == "Bearer" and answer.json()["expires_in"] == 1800
        assert (double.requests[-1].login, double.requests[-1].user, double.requests[-1].secrets) == (name, name, [token])
        client = Client(double, token=answer.json()["access_token"])
        assert client.own().json()["user"]["name"] == name and client.search().status_code == 200
        assert [one.kind for one in double.open_sessions] == ["api token"]
        # Use does not keep it alive.
        double.advance(1800)
        assert is_denied(client.own())

    @pytest.mark.parametrize(
        "options",
        [
            {"token": SYSTEM_API_TOKEN},
            {"token": "other"},
            {"path": "/oauth/tenant/other/token"},
            {"path": "/oauth/provider/token"},
            {"path": "/oauth/tenant/System/token", "token": SYSTEM_API_TOKEN},
            {"grant_type": "password"},
            {"client_id": "x"},
        ],
    )
    def test_refused(self, double, options):
        assert is_bad(self.grant(double, **options)) and not double.sessions

    def test_form_and_version(self, double):
        assert self.grant(double, kind="application/json").status_code == 415 and self.grant(double, kind=None).status_code == 415
        assert self.grant(double, accept="application/json;version=37.2").status_code == 200
        assert self.grant(double, accept="application/json;version=1.0").status_code == 406

    def test_revoked(self):
        with make(api_tokens={"alice": "S3cr3t-MARKER-token"}) as double:
            assert self.grant(double, token="S3cr3t-MARKER-token").status_code == 200
            del double.tenant.api_tokens["alice"]
            assert is_bad(self.grant(double, token="S3cr3t-MARKER-token"))


class TestChange:
    """A user's own password."""

    def test_a_change(self, double):
        client = Client(double)
        answer = client.change(client.answer.json()["user"]["id"])
        assert (answer.status_code, answer.content) == (204, b"")
        assert double.can_log_in("alice", NEW) and not double.can_log_in("alice", OLD) and double.writes == 1
        received = double.calls(CHANGE)[0]
        assert (received.login, received.user, received.write, received.secrets) == ("alice", "alice", True, [NEW, OLD, client.token])

    def test_the_path_may_be_encoded(self, double):
        assert Client(double).change(urllib.parse.quote(double.people["alice"].urn, safe="")).status_code == 204
        assert double.requests[-1].user == "alice"

    @pytest.mark.parametrize("name", SPECIAL)
    def test_any_name(self, name):
        with VcdDouble({name: OLD}) as double:
            client = Client(double, name)
            assert client.answer.json()["user"]["name"] == name and client.change(double.people[name].urn).status_code == 204
            assert double.requests[-1].user == name and double.can_log_in(name, NEW)

    @pytest.mark.parametrize("name, password", [("alice", OLD), (OPERATOR, OPERATOR_PASSWORD)])
    def test_nobody_elses(self, double, name, password):
        answer = Client(double, name, password).change(double.people["bob"].urn, old=BOB)
        assert is_forbidden(answer) and double.writes == 0 and double.requests[-1].user == "bob"

    @pytest.mark.parametrize("user", ["urn:vcloud:user:00000000-0000-0000-0000-000000000000", "alice", "current"])
    def test_what_does_not_exist_is_forbidden(self, double, user):
        assert is_forbidden(Client(double).change(user))

    @pytest.mark.parametrize("new, right", [("x" * 5, False), ("x" * 6, True), ("ä" * 128, True), ("x" * 129, False), ("", False), (OLD, False)])
    def test_length_and_equality(self, double, new, right):
        answer = Client(double).change(double.people["alice"].urn, new=new)
        assert answer.status_code == 204 if right else is_bad(answer)
        assert double.can_log_in("alice", new if right else OLD) and double.writes == right

    @pytest.mark.parametrize(
        "new, right",
        [("Aa1-" * 3 + "xx", False), ("Aa1-" * 3 + "xxx", True), ("aa1-" * 4, False), ("AA1-" * 4, False), ("Aaa-" * 4, False), ("Aa11" * 4, False)],
    )
    def test_a_strict_server(self, new, right):
        with make(strict=True) as double:
            assert (Client(double).change(double.people["alice"].urn, new=new).status_code == 204) is right

    @pytest.mark.parametrize("occasion, old, new", [("wrong_current", "wrong", NEW), ("same", OLD, OLD), ("policy", OLD, "short")])
    def test_unknown_codes_are_options(self, occasion, old, new):
        for refusal in (REFUSALS[occasion], (403, "OTHER", "Another message.")):
            with make(refusals={occasion: refusal}) as double:
                assert is_error(Client(double).change(double.people["alice"].urn, old, new), *refusal) and double.writes == 0

    @pytest.mark.parametrize("kind", ["LDAP", "SAML", "OAUTH"])
    def test_only_local_users_have_a_password(self, double, kind):
        client = Client(double)
        double.people["alice"].provider_type = kind
        assert is_bad(client.change(double.people["alice"].urn)) and double.writes == 0

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"currentPassword": OLD},
            {"newPassword": NEW},
            {"currentPassword": OLD, "newPassword": NEW, "more": 1},
            {"currentPassword": OLD, "newPassword": None},
            {"currentPassword": OLD, "newPassword": 1234567},
            [],
            "text",
        ],
    )
    def test_other_bodies(self, double, body):
        assert is_bad(Client(double).call("POST", "/users/%s/changePassword" % double.people["alice"].urn, json=body))

    @pytest.mark.parametrize("kind, status", [(FORM, 415), ("text/plain", 415), ("", 415), ("application/json; charset=utf-8", 204)])
    def test_content_types(self, double, kind, status):
        data = json.dumps({"currentPassword": OLD, "newPassword": NEW})
        path = "/users/%s/changePassword" % double.people["alice"].urn
        assert Client(double).call("POST", path, data=data, headers={"Content-Type": kind}).status_code == status

    def test_json_that_is_none(self, double):
        path = "/users/%s/changePassword" % double.people["alice"].urn
        assert is_bad(Client(double).call("POST", path, data="{", headers={"Content-Type": "application/json"}))

    @pytest.mark.parametrize("ends, first, second", [("none", True, True), ("others", True, False), ("all", False, False)])
    def test_whether_sessions_end(self, ends, first, second):
        with make(ends_sessions=ends) as double:
            one, two, bob = Client(double), Client(double), Client(double, "bob", BOB)
            assert one.change(double.people["alice"].urn).status_code == 204
            assert [client.own().status_code == 200 for client in (one, two, bob)] == [first, second, True]

    def test_after_the_end_of_the_session(self, double):
        client = Client(double)
        double.expire()
        assert is_denied(client.change(double.people["alice"].urn)) and double.writes == 0

    @pytest.mark.parametrize(
        "method, path",
        [
            ("GET", "/users/{}/changePassword"),
            ("PUT", "/users/{}/changePassword"),
            ("POST", "/users/{}"),
            ("POST", "/users"),
            ("PATCH", "/users/{}"),
            ("PUT", "/sessions/current"),
        ],
    )
    def test_other_methods(self, double, method, path):
        assert is_error(operator(double).call(method, path.format(double.people["alice"].urn), json={}), 405, "METHOD_NOT_ALLOWED")

    @pytest.mark.parametrize("path", ["/users/", "/user", "/users/{}/changePassword/", "/users/{}/password", "/../2.0.0/users", ""])
    def test_other_paths(self, double, path):
        client = operator(double)
        assert is_forbidden(client.call("GET", path.format(double.people["alice"].urn)))
        assert is_denied(requests.get(double.url + ROOT + path, headers={"Accept": "application/json;version=37.2"}, timeout=5))


class TestLookup:
    """Who is there."""

    def test_a_user(self, double):
        found = operator(double).user("alice")
        assert found["id"] == double.people["alice"].urn and found["providerType"] == "LOCAL" and found["orgEntityRef"]["name"] == "acme"
        assert "password" not in found and "email" not in found
        assert (double.requests[-1].user, double.requests[-1].write) == ("alice", False)
        assert operator(double).call("GET", "/users/" + found["id"]).json() == found

    @pytest.mark.parametrize(
        "version, there, not_there", [("36.3", {"storedVmQuota"}, {"locked", "stranded"}), ("37.2", {"locked", "stranded"}, {"storedVmQuota"})]
    )
    def test_members_by_version(self, double, version, there, not_there):
        found = operator(double, version=version).user("alice")
        assert there <= set(found) and not not_there & set(found)

    def test_what_is_shown_of_a_password_is_an_option(self):
        with make(shown_password="******", nulls=True) as double:
            found = operator(double).user("alice")
            assert found["password"] == "******" and found["email"] is None

    @pytest.mark.parametrize(
        "text, names",
        [
            ("username==alice", ["alice"]),
            ("username==nobody", []),
            ("username==a*", ["a,b", "alice"]),
            ("username==*", ["a,b", "alice", "b;(c)\\", "bob", "operator"]),
            ("username==ALICE", ["alice"]),
            ("username==alice,username==bob", ["alice", "bob"]),
            ("username==alice;username==bob", []),
            ("username==a*;username!=alice", ["a,b"]),
            ("username==bob,username==a*;username==*e", ["alice", "bob"]),
            ("(username==bob,username==a*);username==*e", ["alice"]),
            ("((username==bob))", ["bob"]),
            (r"username==a\,b", ["a,b"]),
            (r"username==b\;\(c\)\\", ["b;(c)\\"]),
            ("enabled==false", ["bob"]),
            ("providerType==LOCAL;enabled==true;username==*b", ["a,b"]),
            ("locked==true", ["alice"]),
            ("email==bob@example.org", ["bob"]),
            ("username==alic", []),
            (None, ["a,b", "alice", "b;(c)\\", "bob", "operator"]),
        ],
    )
    def test_filters(self, double, text, names):
        double.set_user("a,b", BOB)
        double.set_user("b;(c)\\", BOB)
        double.set_user("bob", BOB, enabled=False, email="bob@example.org")
        double.people["alice"].locked = True
        assert operator(double).names(text) == names

    @pytest.mark.parametrize(
        "text",
        [
            "alice",
            "username=alice",
            "username==",
            "username==a(b)",
            "username==a;",
            "username==a,",
            "(username==a",
            "username==a)",
            "username==a\\",
            r"username==a\*",
            r"username==a\b",
            "name==a",
            "password==x",
            "roleEntityRefs==x",
            "username=gt=a",
            "username==a;;username==b",
        ],
    )
    def test_filters_that_cannot_be_understood(self, double, text):
        assert is_bad(operator(double).search(text))

    def test_locked_is_no_field_before_37_2(self, double):
        assert is_bad(operator(double, version="36.3").search("locked==true"))

    @pytest.mark.parametrize("name", SPECIAL)
    def test_names_are_found_and_told(self, double, name):
        double.set_user(name, OLD)
        assert operator(double).user(name)["id"] == double.people[name].urn
        assert double.requests[-1].user == name

    def test_a_star_finds_others_too(self, double):
        for name in ("a*", "abc"):
            double.set_user(name, OLD)
        assert operator(double).names("username==a*") == ["a*", "abc", "alice"]

    @pytest.mark.parametrize("ignore, names", [(True, ["Alice", "alice"]), (False, ["alice"])])
    def test_whether_case_matters(self, ignore, names):
        with make(ignore_case=ignore) as double:
            double.set_user("Alice", BOB)
            assert operator(double).names("username==alice") == names

    def test_only_administrators(self, double):
        client = Client(double)
        assert is_forbidden(client.search("username==alice")) and is_forbidden(client.call("GET", "/users/" + double.people["alice"].urn))
        double.people["alice"].roles = ["Organization Administrator"]
        assert client.names("username==alice") == ["alice"]

    def test_the_provider_sees_its_own(self, double):
        provider = Client(double, SYSTEM_OPERATOR, SYSTEM_PASSWORD, org=SYSTEM)
        assert provider.names() == [SYSTEM_OPERATOR]
        assert is_forbidden(provider.call("GET", "/users/" + double.people["alice"].urn))
        assert is_forbidden(operator(double).call("GET", "/users/" + double.system.people[SYSTEM_OPERATOR].urn))

    def test_or_all(self):
        with make(provider_sees_all=True) as double:
            double.set_user("alice", BOB, SYSTEM)
            provider = Client(double, SYSTEM_OPERATOR, SYSTEM_PASSWORD, org=SYSTEM)
            found = provider.search("username==alice").json()["values"]
            assert sorted(one["orgEntityRef"]["name"] for one in found) == [SYSTEM, "acme"] and len({one["id"] for one in found}) == 2

    @pytest.mark.parametrize(
        "more",
        [
            {"page": 0},
            {"size": 129},
            {"page": "x"},
            {"size": -1},
            {"other": 1},
            {"page": None},
            {"size": None},
            {"sortAsc": "roleEntityRefs"},
            {"sortAsc": "id"},
        ],
    )
    def test_bad_parameters(self, double, more):
        assert is_bad(operator(double).search("username==alice", **more))

    def test_parameters_may_be_missing_by_option(self):
        with make(paging_required=False) as double:
            answer = operator(double).search(page=None, size=None).json()
            assert (answer["page"], answer["pageSize"], answer["resultTotal"]) == (1, 25, 3)

    def test_sorting(self, double):
        assert [one["username"] for one in operator(double).search(sortDesc="username").json()["values"]] == ["operator", "bob", "alice"]

    @staticmethod
    def links(answer):
        """Relations to addresses."""
        return {relation: address for address, relations in re.findall('<([^>]*)>;rel="([^"]*)"', answer.headers["Link"]) for relation in relations.split()}

    def test_pages(self, double):
        began = time.process_time()
        names = double.populate(10000)
        assert time.process_time() - began < 1 and names[-1] == "user-009999" and double.can_log_in(names[-1], double.users[names[-1]])
        client = operator(double)
        first = client.search("username==user-000*", size=128)
        assert {key: first.json()[key] for key in ("resultTotal", "pageCount", "page", "pageSize")} == {
            "resultTotal": 1000,
            "pageCount": 8,
            "page": 1,
            "pageSize": 128,
        }
        assert set(self.links(first)) == {"up", "nextPage", "lastPage"}
        answer, found = first, []
        while True:
            found += [one["username"] for one in answer.json()["values"]]
            if "nextPage" not in self.links(answer):
                break
            answer = requests.get(self.links(answer)["nextPage"], headers=client.headers, timeout=5)
            assert answer.status_code == 200
        assert found == names[:1000]
        assert set(self.links(answer)) == {"up", "previousPage", "firstPage"} and answer.json()["page"] == 8
        assert client.search("username==user-000*", page=9, size=128).json()["values"] == []
        assert client.search(size=0).json()["values"] == []

    def test_a_link_may_have_several_relations_and_another_address(self):
        with make(public_url="https://vcd.example.org") as double:
            answer = operator(double).search(size=2)
            assert (
                '<https://vcd.example.org/cloudapi/1.0.0/users?page=2&pageSize=2>;rel="lastPage nextPage";type="application/json";model="VcdUsers"'
                in answer.headers["Link"]
            )


class TestUpdate:
    """What an administrator can do."""

    def test_a_password(self, double):
        client = operator(double)
        user = client.user("alice")
        answer = client.put(user, password=NEW)
        assert (answer.status_code, answer.json()) == (200, user)
        assert double.can_log_in("alice", NEW) and double.writes == 1
        received = double.requests[-1]
        assert (received.login, received.user, received.write, received.secrets[0]) == (OPERATOR, "alice", True, NEW)

    def test_the_own_one_again_and_the_same(self, double):
        client = operator(double)
        assert client.put(client.user(OPERATOR), password=OPERATOR_PASSWORD).status_code == 200 and double.writes == 1

    @pytest.mark.parametrize("password", ["short", "x" * 129, 1234567, ["S3cr3t-MARKER"]])
    def test_passwords_that_are_refused(self, double, password):
        client = operator(double)
        assert is_bad(client.put(client.user("alice"), password=password)) and double.writes == 0

    def test_what_is_left_out_is_reset(self, double):
        double.set_user("alice", OLD, full_name="Alice", email="alice@example.org", enabled=False, description="of acme")
        client = operator(double)
        user = client.user("alice")
        answer = client.put({name: user[name] for name in ("id", "username", "roleEntityRefs")}, password=NEW)
        assert answer.status_code == 200 and answer.json()["enabled"] and answer.json()["fullName"] == ""
        alice = double.people["alice"]
        assert (alice.full_name, alice.email, alice.enabled, alice.description) == ("", None, True, "")

    @pytest.mark.parametrize("version", ["36.3", "37.2", "38.1"])
    def test_the_whole_user_leaves_all_as_it_was(self, double, version):
        double.set_user(
            "alice",
            OLD,
            full_name="Älice",
            email="alice@example.org",
            enabled=False,
            description="of acme",
            stored_vm_quota=3,
            roles=["vApp User", "Organization Administrator"],
            locked=True,
        )
        client = operator(double, version=version)
        before = client.user("alice")
        assert client.put(before, password=NEW).json() == before == client.user("alice")
        assert double.people["alice"].locked and double.users["alice"] == NEW and (version > "37" or double.people["alice"].stored_vm_quota == 3)

    def test_nulls_are_taken_back(self):
        with make(nulls=True) as double:
            client = operator(double)
            assert client.put(client.user("alice")).status_code == 200 and double.users["alice"] == OLD

    def test_a_masked_password_that_is_sent_back_is_set(self):
        with make(shown_password="******") as double:
            client = operator(double)
            assert client.put(client.user("alice")).status_code == 200 and double.users["alice"] == "******"

    @pytest.mark.parametrize(
        "changes",
        [
            {"unknown": 1},
            {"storedVmQuota": 0},
            {"username": "bob"},
            {"username": None},
            {"roleEntityRefs": None},
            {"roleEntityRefs": []},
            {"roleEntityRefs": [{"name": "vApp User"}]},
            {"roleEntityRefs": [{"id": "urn:vcloud:role:other"}]},
            {"roleEntityRefs": "text"},
            {"id": "urn:vcloud:user:1"},
            {"orgEntityRef": {"name": "other"}},
            {"enabled": "true"},
            {"enabled": 1},
            {"providerType": "OTHER"},
            {"email": "nonsense"},
            {"locked": True},
            {"stranded": True},
            {"isGroupRole": True},
            {"nameInSource": "other"},
            {"fullName": 5},
            {"fullName": None},
        ],
    )
    def test_other_bodies(self, double, changes):
        client = operator(double)
        assert is_bad(client.put(client.user("alice"), password=NEW, **changes)) and double.writes == 0 and double.can_log_in("alice", OLD)

    def test_content_types(self, double):
        path = "/users/" + double.people["alice"].urn
        assert operator(double).call("PUT", path, data="{}", headers={"Content-Type": "text/plain"}).status_code == 415
        assert is_bad(operator(double).call("PUT", path, json=[]))

    def test_unlocking(self, double):
        for _attempt in range(5):
            log_in(double, password="wrong")
        client = operator(double)
        user = client.user("alice")
        assert user["locked"] and client.put(user, password=NEW).json()["locked"] and not double.can_log_in("alice", NEW)
        assert client.put(user, locked=False).json()["locked"] is False and double.can_log_in("alice", NEW)
        assert double.people["alice"].bad_logins == 0

    def test_there_is_no_unlocking_before_37_2(self, double):
        double.people["alice"].locked = True
        client = operator(double, version="36.3")
        assert is_bad(client.put(client.user("alice"), locked=False)) and double.people["alice"].locked

    @pytest.mark.parametrize("kind", ["LDAP", "SAML", "OAUTH"])
    def test_external_users_have_no_password(self, double, kind):
        double.people["alice"].provider_type = kind
        client = operator(double)
        assert is_bad(client.put(client.user("alice"), password=NEW)) and double.writes == 0
        assert client.put(client.user("alice"), password=None).status_code == 200

    @pytest.mark.parametrize("user", ["urn:vcloud:user:00000000-0000-0000-0000-000000000000", "alice"])
    def test_what_does_not_exist_is_forbidden(self, double, user):
        client = operator(double)
        assert is_forbidden(client.call("PUT", "/users/" + user, json=client.user("alice")))

    def test_only_administrators(self, double):
        user = operator(double).user("alice")
        assert is_forbidden(Client(double).put(user, password=NEW)) and is_forbidden(Client(double, "bob", BOB).put(user, password=NEW))

    def test_a_server_where_everybody_may_put_its_own_password(self):
        with make(self_service=True) as double:
            client = Client(double)
            user = client.call("GET", "/users/" + double.people["alice"].urn).json()
            assert set(user) == {"username", "fullName", "description", "id", "roleEntityRefs", "orgEntityRef"}
            assert is_forbidden(client.put(user, password=NEW, fullName="Other")) and double.writes == 0
            # The member is beyond its rights.
            assert is_bad(client.put(user, password=NEW, locked=False))
            assert client.put(user, password=NEW).status_code == 200 and double.can_log_in("alice", NEW)
            assert is_forbidden(client.call("GET", "/users/" + double.people["bob"].urn))

    def test_sessions_of_the_user_end_by_option(self):
        with make(ends_sessions="others") as double:
            alice, client = Client(double), operator(double)
            client.put(client.user("alice"), password=NEW)
            assert is_denied(alice.own()) and client.own().status_code == 200


class TestFramework:
    """Faults, notes and secrets."""

    @pytest.mark.parametrize("applies, password", [("never", OLD), ("now", NEW)])
    def test_a_time_out_before_and_after_the_write(self, double, applies, password):
        client = Client(double)
        fault = double.inject("hang", path=CHANGE, user="alice", applies=applies)
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.post(
                double.url + ROOT + "/users/%s/changePassword" % double.people["alice"].urn,
                headers=client.headers,
                timeout=0.3,
                json={"currentPassword": OLD, "newPassword": NEW},
            )
        assert fault.left.wait(5) and double.can_log_in("alice", password) and double.writes == (password == NEW)

    def test_an_answer_before_the_write(self, double):
        client = operator(double)
        user = client.user("alice")
        double.inject("real", path=double.people["alice"].urn, method="PUT", applies="later")
        answer = client.put(user, password=NEW, fullName="Later")
        assert (answer.status_code, answer.json()["fullName"]) == (200, "Later")
        assert double.can_log_in("alice", OLD) and double.pending == 1
        double.settle()
        assert double.can_log_in("alice", NEW) and double.people["alice"].full_name == "Later"

    def test_a_refused_login_by_a_proxy_is_not_counted(self, double):
        double.inject("html", path=LOGIN, method="POST", user="alice")
        assert log_in(double, password="wrong").status_code == 502 and log_in(double, "bob", BOB).status_code == 200
        assert not double.failed_logins

    @pytest.mark.parametrize("path", [LOGIN, PROVIDER_LOGIN, CURRENT, SEARCH, CHANGE, VERSIONS, "/token"])
    def test_faults_find_their_paths(self, double, path):
        double.inject("answer", path=path, times=None, status=503)
        client = Client(double, token="none")
        called = [
            log_in(double),
            log_in(double, SYSTEM_OPERATOR, SYSTEM_PASSWORD, SYSTEM),
            client.own(),
            client.search(),
            client.change("x"),
            requests.get(double.url + VERSIONS, timeout=5),
            TestApiTokens.grant(double),
        ]
        assert [answer.status_code for answer in called].count(503) == 1

    def test_errors_of_faults_have_the_form(self, double):
        client = Client(double)
        double.inject("echo", path=CHANGE, status=400)
        answer = client.change(double.people["alice"].urn)
        assert is_error(answer, 400, "BAD_REQUEST", NEW) and OLD in answer.text

    def test_reading_only(self):
        with make(read_only=True) as double:
            assert Client(double).change(double.people["alice"].urn).status_code == 500
            assert [one.user for one in double.refused_writes] == ["alice"] and double.can_log_in("alice", OLD)

    def test_a_reset_keeps_users_and_sessions(self, double):
        client = Client(double)
        for _attempt in range(5):
            log_in(double, "bob", "wrong")
        double.reset()
        assert not double.lockouts and not double.requests and double.people["bob"].locked and client.own().status_code == 200

    def test_no_secret_is_shown(self, double):
        client = operator(double)
        client.put(client.user("alice"), password=NEW)
        Client(double, password=NEW).change(double.people["alice"].urn, NEW, OLD)
        TestApiTokens.grant(double)
        shown = repr((double, double.users, double.people, double.tenant, double.system, double.sessions, double.requests)) + json.dumps(double.summary())
        assert "S3cr3t" not in shown and "alice" in shown
