# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the Acronis Account Management API, as the double keeps them."""

from __future__ import annotations

import json
import time
import urllib.parse
import uuid

import pytest
import requests

from tests.doubles.acronis import BASE, CHANGE, CHECK_LOGIN, CLIENT, DOUBLE, MAIL, ME, SEARCH, USERS, AcronisDouble
from tests.doubles.acronis_identity import (
    CLIENT_ID,
    CLIENT_SECRET,
    CLIENT_TENANT,
    CUSTOMER,
    JWT_BEARER,
    LOGIN,
    REVOKE,
    ROOT_TENANT,
    STRANGER,
    TENANT_SCOPE,
    UNIT,
)

OLD = "S3cr3t-MARKER-alice"
NEW = "S3cr3t-MARKER-alice-2"
OPERATOR = (CLIENT_ID, CLIENT_SECRET)


def make(**options):
    """A double with alice and bob."""
    return AcronisDouble(users={"alice": OLD, "bob": "S3cr3t-MARKER-bob"}, **options)


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def call(double, method, path, token=None, **options):
    """One call."""
    headers = dict({"Authorization": "Bearer " + token} if token else {}, **options.pop("headers", {}))
    return requests.request(method, double.url + BASE + path, headers=headers, timeout=5, **options)


def form(double, path, auth=None, **members):
    """One call with a form."""
    return call(double, "POST", path, data=members, auth=auth)


def token_of(double):
    """A token of the client."""
    return form(double, LOGIN, OPERATOR, grant_type="client_credentials").json()["access_token"]


def probe(double, login, password, **more):
    """A login of a user."""
    return form(double, LOGIN, grant_type="password", username=login, password=password, **more)


def get(double, path, token=None, **query):
    """A look at something."""
    return call(double, "GET", path, token or token_of(double), params=query)


def change(double, name="alice", password=NEW, token=None):
    """A change of a password."""
    return call(double, "POST", double.user_path(name) + CHANGE, token or token_of(double), json={"password": password})


def refusal(answer):
    """Status and code of a refusal, whose form is checked."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "domain", "details", "context"} and "info" in error["details"]
    return answer.status_code, error["code"]


def everyone(double, **query):
    """All users of a listing, page for page, and how many pages there were."""
    token, found, pages = token_of(double), [], 0
    query = {"subtree_root_tenant_id": CLIENT_TENANT, "lod": "basic", **query}
    while True:
        page = get(double, USERS, token, **query).json()
        found, pages = found + page["items"], pages + 1
        after = page.get("paging", {}).get("cursors", {}).get("after")
        if after is None:
            return found, pages
        query["after"] = after


class TestTokens:
    """The token endpoint, and what tokens are good for."""

    def test_a_client_gets_a_token_that_tells_its_end(self, double):
        answer = form(double, LOGIN, OPERATOR, grant_type="client_credentials")
        body = answer.json()
        assert answer.status_code == 200
        assert set(body) == {"access_token", "token_type", "expires_in", "expires_on", "id_token"}
        assert (body["token_type"], body["expires_in"]) == ("bearer", 7200)
        assert abs(body["expires_on"] - 7200 - time.time()) < 60
        (session,) = double.open_sessions
        assert (session.owner, session.kind, session.tenant) == (CLIENT_ID, "client", CLIENT_TENANT)
        assert double.writes == 0

    @pytest.mark.parametrize("auth", [None, (CLIENT_ID, "wrong"), ("nobody", CLIENT_SECRET), (CLIENT_ID, "")])
    def test_a_wrong_client_is_told_in_the_form_of_tokens(self, double, auth):
        answer = form(double, LOGIN, auth, grant_type="client_credentials")
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert isinstance(answer.json()["error_description"], str)
        assert double.failed_logins == ({auth[0]: 1} if auth else {})

    @pytest.mark.parametrize(
        "members",
        [
            {},
            {"grant_type": "other"},
            {"grant_type": "client_credentials", "extra": "1"},
            {"grant_type": "password", "username": "alice"},
            {"grant_type": "password", "username": "alice", "password": OLD, "tenant": "x"},
            {"grant_type": ["client_credentials"] * 2},
            {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
            {"grant_type": JWT_BEARER, "assertion": "x"},
        ],
    )
    def test_the_form_has_what_the_grant_wants_and_nothing_else(self, double, members):
        answer = form(double, LOGIN, OPERATOR, **members)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert not double.tokens

    def test_the_token_endpoint_takes_forms_only(self, double):
        wanted = {"grant_type": "client_credentials"}
        for options in (
            {"json": wanted},
            {"params": wanted},
            {"data": json.dumps(wanted)},
            {"data": wanted, "params": {"x": "1"}},
            {"data": b"grant_type=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        ):
            assert call(double, "POST", LOGIN, auth=OPERATOR, **options).status_code == 400

    @pytest.mark.parametrize("told", [["expires_in"], ["expires_on"], []])
    def test_the_end_of_a_token_may_be_told_in_part(self, told):
        with make(token_lifetime=60, expiry_told=told) as double:
            body = form(double, LOGIN, OPERATOR, grant_type="client_credentials").json()
            assert set(body) == {"access_token", "token_type", "id_token", *told}
            assert body.get("expires_in", 60) == 60

    def test_a_token_ends_with_its_time(self):
        with make(token_lifetime=60) as double:
            token = token_of(double)
            double.advance(59)
            assert get(double, CLIENT, token).status_code == 200
            double.advance(2)
            assert refusal(get(double, CLIENT, token)) == (401, 401)
            assert not double.open_sessions
            assert get(double, CLIENT).status_code == 200

    def test_tokens_are_ended_by_a_test(self, double):
        token = token_of(double)
        assert double.expire_tokens() == 1
        assert refusal(change(double, token=token)) == (401, 401)
        assert double.writes == 0

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Bearer "},
            {"Authorization": "Bearer unknown"},
            {"Authorization": "Basic YTpi"},
            {"Authorization": "Basic !"},
            {"Authorization": "Nonsense"},
        ],
    )
    def test_everything_else_needs_a_token(self, double, headers):
        for method, path in (("GET", CLIENT), ("GET", USERS), ("GET", SEARCH), ("GET", ME), ("POST", double.user_path("alice") + CHANGE)):
            assert refusal(call(double, method, path, headers=headers)) == (401, 401)

    @pytest.mark.parametrize("more", [{}, {"token_type_hint": "access_token"}])
    def test_a_revoked_token_is_worth_nothing(self, double, more):
        token = token_of(double)
        answer = form(double, REVOKE, token=token, **more)
        assert (answer.status_code, answer.content) == (200, b"")
        assert not double.open_sessions and double.tokens[0].revoked
        assert get(double, CLIENT, token).status_code == 401
        assert double.writes == 0

    def test_revoking_is_strict(self, double):
        token = token_of(double)
        for members in ({}, {"token": token, "token_type_hint": "other"}, {"token": token, "extra": "1"}):
            assert form(double, REVOKE, **members).status_code == 400
        assert call(double, "POST", REVOKE, json={"token": token}).status_code == 400
        assert form(double, REVOKE, (CLIENT_ID, "wrong"), token=token).status_code == 401
        assert len(double.open_sessions) == 1
        assert form(double, REVOKE, token="unknown").status_code == 200
        assert form(double, REVOKE, OPERATOR, token=token).status_code == 200

    def test_a_token_of_a_tenant_reaches_no_further(self, double):
        double.people["bob"].tenant_id = UNIT
        answer = form(double, LOGIN, grant_type=JWT_BEARER, assertion=token_of(double), scope=TENANT_SCOPE + UNIT)
        assert answer.status_code == 200
        token = answer.json()["access_token"]
        assert double.tokens[-1].tenant == UNIT
        assert change(double, "bob", token=token).status_code == 204
        assert refusal(change(double, "alice", token=token)) == (403, 1002)
        assert refusal(get(double, USERS, token, subtree_root_tenant_id=CUSTOMER)) == (403, 1002)

    @pytest.mark.parametrize("scope", [UNIT, TENANT_SCOPE + ROOT_TENANT, TENANT_SCOPE + STRANGER, TENANT_SCOPE + str(uuid.UUID(int=1))])
    def test_a_tenant_out_of_reach_is_no_scope(self, double, scope):
        answer = form(double, LOGIN, grant_type=JWT_BEARER, assertion=token_of(double), scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")

    def test_an_ended_token_is_no_assertion(self, double):
        token = token_of(double)
        double.expire_tokens()
        assert form(double, LOGIN, grant_type=JWT_BEARER, assertion=token, scope=TENANT_SCOPE + UNIT).status_code == 401


class TestProbe:
    """Logins of users."""

    def test_a_user_logs_in_without_the_client(self, double):
        answer = probe(double, "alice", OLD)
        assert answer.status_code == 200
        (session,) = double.open_sessions
        assert (session.owner, session.kind) == ("alice", "user")
        me = get(double, ME, answer.json()["access_token"])
        assert (me.status_code, me.json()["login"]) == (200, "alice")
        (request,) = double.calls(LOGIN)
        assert (request.login, request.user, request.authenticated_as, request.write) == ("alice", "alice", "alice", False)

    @pytest.mark.parametrize("login, password", [("alice", "wrong"), ("alice", ""), ("Alice", OLD), ("nobody", OLD), ("", "")])
    def test_a_wrong_login_is_refused_and_counted(self, double, login, password):
        answer = probe(double, login, password)
        assert (answer.status_code, answer.json()["error"]) == (401, "access_denied")
        assert double.failed_logins == {login: 1}
        assert not double.tokens

    def test_how_a_wrong_login_is_refused_is_an_option(self):
        with make(login_refusal=[400, "invalid_grant"]) as double:
            answer = probe(double, "alice", "wrong")
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

    @pytest.mark.parametrize(
        "attribute, value", [("activated", False), ("enabled", False), ("locked", True), ("external_id", "x"), ("deleted_at", "2026-01-02T00:00:00+00:00")]
    )
    def test_who_may_not_log_in(self, double, attribute, value):
        setattr(double.people["alice"], attribute, value)
        assert probe(double, "alice", OLD).status_code == 401
        assert not double.can_log_in("alice", OLD)

    def test_users_of_a_disabled_tenant_do_not_log_in(self, double):
        double.tenants[CUSTOMER].enabled = False
        assert probe(double, "alice", OLD).status_code == 401

    @pytest.mark.parametrize("status, error", [("enabled", "totp_required"), ("setup_required", "totp_setup_required")])
    @pytest.mark.parametrize("before", [False, True])
    def test_a_second_factor(self, status, error, before):
        with make(mfa_before_password=before, totp_status=400) as double:
            double.people["alice"].mfa_status = status
            answer = probe(double, "alice", OLD)
            assert (answer.status_code, answer.json()["error"]) == (400, error)
            assert probe(double, "alice", "wrong").json()["error"] == (error if before else "access_denied")
            assert double.failed_logins == ({} if before else {"alice": 1})
            assert not double.tokens
            assert double.can_log_in("alice", OLD)

    @pytest.mark.parametrize("before", [False, True])
    def test_the_code_of_the_second_factor(self, before):
        with make(mfa_before_password=before) as double:
            double.people["alice"].mfa_status = "enabled"
            assert probe(double, "alice", OLD, totp_code="000000").json()["error"] == "invalid_totp"
            assert probe(double, "alice", "wrong", totp_code="123456").json()["error"] == "access_denied"
            assert probe(double, "alice", OLD, totp_code="123456").status_code == 200

    @pytest.mark.parametrize("status", ["disabled", "forcibly_disabled", None])
    def test_without_a_second_factor(self, double, status):
        double.people["alice"].mfa_status = status
        assert probe(double, "alice", OLD).status_code == 200

    def test_lock_out(self):
        with make(lockout_after=3) as double:
            for password in ("wrong", "wrong", OLD, "wrong", "wrong"):
                probe(double, "alice", password)
            assert not double.lockouts
            assert probe(double, "alice", "wrong").status_code == 401
            assert double.lockouts == {"alice": 1}
            assert probe(double, "alice", OLD).status_code == 401
            assert probe(double, "bob", "S3cr3t-MARKER-bob").status_code == 200
            assert double.failed_logins == {"alice": 6}
            assert double.summary()["lockouts"] == {"alice": 1}

    def test_nobody_is_locked_by_default(self, double):
        for _attempt in range(20):
            probe(double, "alice", "wrong")
        assert double.can_log_in("alice", OLD)
        assert not double.lockouts

    @pytest.mark.parametrize("unlocks", [False, True])
    def test_whether_a_new_password_unlocks_is_an_option(self, unlocks):
        with make(lockout_after=1, change_unlocks=unlocks) as double:
            probe(double, "alice", "wrong")
            assert change(double).status_code == 204
            assert double.can_log_in("alice", NEW) is unlocks

    def test_asking_the_double_counts_nothing(self):
        with make(lockout_after=1) as double:
            assert not double.can_log_in("alice", "wrong") and not double.can_log_in("nobody", OLD)
            assert double.can_log_in("alice", OLD)
            assert not double.failed_logins and not double.requests

    def test_a_user_changes_no_password(self, double):
        token = probe(double, "alice", OLD).json()["access_token"]
        assert refusal(change(double, token=token)) == (403, 1002)
        assert refusal(get(double, USERS, token, subtree_root_tenant_id=CUSTOMER)) == (403, 1002)
        assert get(double, double.user_path("alice"), token).status_code == 200
        assert refusal(get(double, double.user_path("bob"), token)) == (403, 1002)

    def test_sessions_of_a_removed_user_end(self, double):
        probe(double, "alice", OLD)
        double.remove_user("alice")
        assert not double.open_sessions


class TestChange:
    """Setting a password."""

    def test_the_answer_is_empty_and_the_effect_immediate(self, double):
        answer = change(double)
        assert (answer.status_code, answer.content) == (204, b"")
        assert double.writes == 1
        assert probe(double, "alice", NEW).status_code == 200
        assert probe(double, "alice", OLD).status_code == 401
        (request,) = double.calls(CHANGE)
        assert (request.user, request.login, request.authenticated_as, request.write) == ("alice", CLIENT_ID, CLIENT_ID, True)
        assert request.secrets[0] == NEW and len(request.secrets) == 2

    def test_it_activates(self):
        with AcronisDouble(users={"carol": None}) as double:
            assert get(double, double.user_path("carol")).json()["activated"] is False
            assert change(double, "carol").status_code == 204
            shown = get(double, double.user_path("carol")).json()
            assert (shown["activated"], shown["version"]) == (True, 2)
            assert double.can_log_in("carol", NEW)

    @pytest.mark.parametrize("password", ["ä" * 300, "pässwörd-ß€😀", " blank ", '"quotes"\\', "a", "with:colons/and%20&=+", "line\nbreak", OLD])
    def test_any_character_is_allowed(self, double, password):
        assert change(double, password=password).status_code == 204
        assert probe(double, "alice", password).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b'"text"',
            b"{}",
            b'{"password": null}',
            b'{"password": 5}',
            b'{"Password": "xxxxxxxxx"}',
            b'{"password": "xxxxxxxxx", "extra": 1}',
            b'{"password": "\xff"}',
            b'{"password": "\\ud800"}',
            '{"password": "xxxxxxxxx"}'.encode("utf-16"),
        ],
    )
    def test_the_body_is_the_password_and_nothing_else(self, double, body):
        answer = call(double, "POST", double.user_path("alice") + CHANGE, token_of(double), data=body, headers={"Content-Type": "application/json"})
        assert refusal(answer) == (400, 400)
        assert double.users["alice"] == OLD and double.writes == 0

    @pytest.mark.parametrize(
        "options", [{"data": {"password": NEW}}, {"data": json.dumps({"password": NEW})}, {"json": {"password": NEW}, "headers": {"Accept": "text/html"}}]
    )
    def test_other_types_are_refused(self, double, options):
        assert refusal(call(double, "POST", double.user_path("alice") + CHANGE, token_of(double), **options)) == (415, 415)

    def test_a_charset_does_no_harm(self, double):
        answer = call(
            double,
            "POST",
            double.user_path("alice") + CHANGE,
            token_of(double),
            data=json.dumps({"password": NEW}),
            headers={"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"},
        )
        assert answer.status_code == 204

    @pytest.mark.parametrize("identifier", ["alice", "ME", str(uuid.UUID(int=5)), "upper", "%20"])
    def test_unknown_users(self, double, identifier):
        if identifier == "upper":
            identifier = double.people["alice"].id.upper()
        token = token_of(double)
        answers = [
            call(double, "POST", "%s/%s%s" % (USERS, identifier, CHANGE), token, json={"password": NEW}),
            get(double, "%s/%s" % (USERS, identifier), token),
        ]
        assert [refusal(answer) for answer in answers] == [(404, 404)] * 2

    def test_the_query_stays_empty(self, double):
        answer = call(double, "POST", double.user_path("alice") + CHANGE, token_of(double), json={"password": NEW}, params={"x": "1"})
        assert refusal(answer) == (400, 400)

    @pytest.mark.parametrize("tenant, expected", [(CUSTOMER, 204), (UNIT, 204), (CLIENT_TENANT, 403), (ROOT_TENANT, 403), (STRANGER, 403)])
    def test_users_in_sub_tenants_only(self, double, tenant, expected):
        double.people["alice"].tenant_id = tenant
        answer = change(double)
        assert answer.status_code == expected
        assert expected == 204 or refusal(answer) == (403, 1002)
        assert get(double, double.user_path("alice")).status_code == (403 if tenant in (ROOT_TENANT, STRANGER) else 200)

    def test_the_rule_about_the_own_tenant_is_an_option(self):
        with make(refuses_root_tenant=False) as double:
            double.people["alice"].tenant_id = CLIENT_TENANT
            assert change(double).status_code == 204

    def test_hidden_users_are_not_found(self):
        with make(hides_outsiders=True) as double:
            double.people["alice"].tenant_id = STRANGER
            assert refusal(change(double)) == (404, 404)
            assert refusal(get(double, double.user_path("alice"))) == (404, 404)
            assert refusal(get(double, SEARCH, tenant=STRANGER, text="alice")) == (404, 404)

    @pytest.mark.parametrize("tenant", [CUSTOMER, UNIT])
    @pytest.mark.parametrize("attribute, value, code", [("enabled", False, 1003), ("locked", True, 1012)])
    def test_closed_tenants(self, double, tenant, attribute, value, code):
        double.people["alice"].tenant_id = tenant
        setattr(double.tenants[CUSTOMER], attribute, value)
        assert refusal(change(double)) == (403, code)

    @pytest.mark.parametrize("option, attribute, value, code", [("refuses_disabled", "enabled", False, 1018), ("refuses_external", "external_id", "x", 1027)])
    @pytest.mark.parametrize("refuses", [True, False])
    def test_users_that_may_be_refused(self, option, attribute, value, code, refuses):
        with make(**{option: refuses}) as double:
            setattr(double.people["alice"], attribute, value)
            answer = change(double)
            assert answer.status_code == 204 if not refuses else refusal(answer) == (403, code)
            assert double.users["alice"] == (OLD if refuses else NEW)

    @pytest.mark.parametrize(
        "options, password, status",
        [
            ({}, "", 400),
            ({"min_password": 9}, "x" * 8, 400),
            ({"min_password": 9}, "x" * 9, 204),
            ({"max_password": 9}, "ä" * 9, 204),
            ({"max_password": 9}, "x" * 10, 400),
            ({"refuses_same_password": True}, OLD, 400),
            ({}, OLD, 204),
            ({"min_password": 9, "rule_status": 403}, "x", 403),
        ],
    )
    def test_rules_of_passwords_are_options(self, options, password, status):
        with make(**options) as double:
            answer = change(double, password=password)
            assert answer.status_code == status
            assert status == 204 or refusal(answer) == (status, 1027)

    def test_history(self):
        with make(history=2) as double:
            for number in range(1, 4):
                assert change(double, password="S3cr3t-MARKER-%d" % number).status_code == 204
            assert refusal(change(double, password="S3cr3t-MARKER-1")) == (400, 1027)
            assert refusal(change(double, password="S3cr3t-MARKER-2")) == (400, 1027)
            assert change(double, password=OLD).status_code == 204

    @pytest.mark.parametrize("scopes, looks, changes", [(["tenant_viewer"], 200, 403), (["user_admin"], 403, 204), ([], 403, 403)])
    def test_what_the_client_may_do(self, scopes, looks, changes):
        with make(scopes=scopes) as double:
            assert get(double, double.user_path("alice")).status_code == looks
            assert change(double).status_code == changes

    def test_an_activation_mail_is_a_write(self, double):
        answer = call(double, "POST", double.user_path("alice") + MAIL, token_of(double))
        assert (answer.status_code, double.writes, double.mails) == (204, 1, ["alice"])
        double.reset()
        assert not double.mails

    def test_read_only(self, double):
        double.read_only = True
        assert change(double).status_code == 500
        assert probe(double, "alice", OLD).status_code == 200
        assert len(double.refused_writes) == 1 and double.users["alice"] == OLD


class TestLooking:
    """The client, single users, the search and the listing."""

    def test_the_client_knows_its_tenant(self, double):
        assert get(double, CLIENT).json() == {"client_id": CLIENT_ID, "tenant_id": CLIENT_TENANT, "type": "api_client"}
        assert refusal(get(double, "/clients/" + CUSTOMER)) == (404, 404)

    def test_a_user(self, double):
        person = double.people["alice"]
        person.external_id, person.idp_id, person.mfa_status = "external", CUSTOMER, "setup_required"
        shown = get(double, double.user_path("alice")).json()
        assert (shown["id"], shown["login"], shown["tenant_id"], shown["version"]) == (person.id, "alice", CUSTOMER, 1)
        assert (shown["external_id"], shown["idp_id"], shown["mfa_status"]) == ("external", CUSTOMER, "setup_required")
        assert (shown["activated"], shown["enabled"]) == (True, True)
        assert "external_id" not in get(double, double.user_path("bob")).json()

    def test_a_deleted_user_is_shown_on_demand_only(self, double):
        double.people["alice"].deleted_at = "2026-01-02T00:00:00+00:00"
        path = double.user_path("alice")
        assert refusal(change(double)) == (404, 404)
        assert get(double, path).status_code == get(double, path, allow_deleted="false").status_code == 404
        assert get(double, path, allow_deleted="true").status_code == 200
        assert get(double, path, allow_deleted="True").status_code == 400
        assert [len(everyone(double, allow_deleted=value)[0]) for value in ("true", "false")] == [2, 1]

    def test_the_client_is_no_user(self, double):
        assert refusal(get(double, ME)) == (401, 401)

    def test_identifiers_stay_the_same(self, double):
        before = double.people["alice"].id
        double.remove_user("alice")
        assert refusal(get(double, "%s/%s" % (USERS, before))) == (404, 404)
        double.set_user("alice", NEW)
        assert double.people["alice"].id == before == str(uuid.UUID(before))

    def test_the_search_ignores_case_and_finds_too_much(self, double):
        for name in ("malice", "ALICE", "carol", "dave", "eve"):
            double.set_user(name, OLD)
        double.people["carol"].email = "alice@example.com"
        double.people["dave"].first_name = "Alice"
        double.people["eve"].last_name = "Alicesson"
        double.tenants[UNIT].name = "Alice's unit"
        items = get(double, SEARCH, tenant=CLIENT_TENANT, text="aliCe").json()["items"]
        assert items[0] == {
            "obj_type": "tenant",
            "id": UNIT,
            "parent_id": CUSTOMER,
            "path": [ROOT_TENANT, CLIENT_TENANT, CUSTOMER, UNIT],
            "kind": "unit",
            "name": "Alice's unit",
        }
        assert {one["login"] for one in items[1:]} == {"alice", "malice", "ALICE", "carol", "dave", "eve"}
        assert {one["obj_type"] for one in items[1:]} == {"user"}
        assert double.calls(SEARCH)[0].user == "aliCe"

    @pytest.mark.parametrize("query, expected", [({}, 10), ({"limit": 3}, 3), ({"limit": 100}, 30)])
    def test_the_search_has_a_limit_and_no_cursor(self, double, query, expected):
        double.populate(30)
        answer = get(double, SEARCH, tenant=CUSTOMER, text="user", **query).json()
        assert set(answer) == {"items"} and len(answer["items"]) == expected

    def test_the_search_stays_in_the_tenant(self, double):
        double.people["alice"].tenant_id = STRANGER
        double.people["bob"].tenant_id = UNIT
        assert get(double, SEARCH, tenant=CLIENT_TENANT, text="alice").json() == {"items": []}
        assert [one["login"] for one in get(double, SEARCH, tenant=CUSTOMER, text="bob").json()["items"]] == ["bob"]
        assert refusal(get(double, SEARCH, tenant=STRANGER, text="alice")) == (403, 1002)
        assert refusal(get(double, SEARCH, tenant=str(uuid.UUID(int=1)), text="alice")) == (404, 1005)

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"text": "x"},
            {"tenant": CUSTOMER},
            {"tenant": CUSTOMER, "text": "x", "after": "y"},
            {"tenant": CUSTOMER, "text": "x", "limit": "0"},
            {"tenant": CUSTOMER, "text": ["x", "y"]},
        ],
    )
    def test_the_search_is_strict(self, double, query):
        assert refusal(get(double, SEARCH, **query)) == (400, 400)

    def test_the_search_answers_in_json_only(self, double):
        answer = call(double, "GET", SEARCH, token_of(double), params={"tenant": CUSTOMER, "text": "x"}, headers={"Accept": "text/html, application/xml"})
        assert refusal(answer) == (415, 415)

    @pytest.mark.parametrize("name", ["päul ß", "o'neil+tag@example.com", "a&b=c#d?", "100%25", "a/b", '"quoted"\\', "名前"])
    def test_special_characters_in_names(self, double, name):
        double.set_user(name, OLD)
        assert name in [one["login"] for one in get(double, SEARCH, tenant=CUSTOMER, text=name).json()["items"]]
        assert double.requests[-1].user == name
        assert name in [one["login"] for one in everyone(double)[0]]
        assert get(double, CHECK_LOGIN, username=name).status_code == 409
        assert change(double, name).status_code == 204
        assert probe(double, name, NEW).status_code == 200
        assert double.requests[-1].user == name

    def test_two_users_with_one_login(self, double):
        double.set_user("the other", OLD)
        double.people["the other"].login = "alice"
        assert [one["login"] for one in get(double, SEARCH, tenant=CUSTOMER, text="ALICE").json()["items"]] == ["alice", "alice"]
        assert [one["login"] for one in everyone(double)[0]].count("alice") == 2

    def test_a_free_login(self, double):
        assert get(double, CHECK_LOGIN, username="nobody").status_code == 204
        assert refusal(get(double, CHECK_LOGIN, username="alice")) == (409, 409)

    def test_the_listing_goes_page_for_page(self):
        with make(page_size=4) as double:
            double.populate(9)
            found, pages = everyone(double, limit=2000)
            assert pages == 3
            assert sorted(one["login"] for one in found) == sorted(double.users)
            assert everyone(double, limit=2)[1] == 6
            after = get(double, USERS, subtree_root_tenant_id=CLIENT_TENANT, limit=2).json()["paging"]["cursors"]["after"]
            # A client that does not encode the cursor sends blanks instead of its pluses.
            assert "+" in after
            answer = call(double, "GET", "%s?subtree_root_tenant_id=%s&after=%s" % (USERS, CLIENT_TENANT, after), token_of(double))
            assert refusal(answer) == (400, 400)

    def test_ten_thousand_users(self, double):
        begin = time.monotonic()
        names = double.populate(10000)
        assert time.monotonic() - begin < 5
        found, pages = everyone(double)
        assert (len(found), len(names), pages) == (10002, 10000, 6)
        assert probe(double, names[-1], double.users[names[-1]]).status_code == 200

    def test_a_full_last_page_has_no_cursor(self, double):
        answer = get(double, USERS, subtree_root_tenant_id=CUSTOMER, limit=2).json()
        assert set(answer) == {"timestamp", "items"} and len(answer["items"]) == 2
        double.last_paging = {"cursors": {}}
        assert get(double, USERS, subtree_root_tenant_id=CUSTOMER).json()["paging"] == {"cursors": {}}

    def test_the_listing_stays_in_the_tenant(self, double):
        double.people["alice"].tenant_id = UNIT
        assert [one["login"] for one in everyone(double, subtree_root_tenant_id=UNIT)[0]] == ["alice"]
        double.people["bob"].tenant_id = STRANGER
        assert [one["login"] for one in everyone(double)[0]] == ["alice"]
        for tenant in (ROOT_TENANT, STRANGER):
            assert refusal(get(double, USERS, subtree_root_tenant_id=tenant)) == (403, 1002)
        assert refusal(get(double, USERS, subtree_root_tenant_id=str(uuid.UUID(int=1)))) == (404, 1005)

    def test_the_level_of_detail(self):
        with make(basic_leaves_out=["mfa_status", "external_id"]) as double:
            double.people["alice"].external_id = "external"
            full, basic = ({one["login"]: one for one in everyone(double, lod=level)[0]}["alice"] for level in ("full", "basic"))
            assert set(full) - set(basic) == {"mfa_status", "external_id"}

    def test_chosen_users(self, double):
        double.people["bob"].external_id = "external"
        double.people["alice"].tenant_id = UNIT
        wanted = "%s,%s" % (double.people["alice"].id, uuid.UUID(int=5))
        assert [one["login"] for one in get(double, USERS, uuids=wanted).json()["items"]] == ["alice"]
        assert [one["login"] for one in get(double, USERS, external_ids="external,y", tenant_id=CUSTOMER).json()["items"]] == ["bob"]
        assert get(double, USERS, external_ids="external", tenant_id=UNIT).json()["items"] == []

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"limit": 5},
            {"tenant_id": CUSTOMER},
            {"external_ids": "x"},
            {"uuids": CUSTOMER, "subtree_root_tenant_id": CUSTOMER},
            *(
                {"subtree_root_tenant_id": CUSTOMER, name: value}
                for name, value in (
                    ("limit", 0),
                    ("limit", "x"),
                    ("lod", "all"),
                    ("after", "x"),
                    ("after", "eA=="),
                    ("login", "alice"),
                    ("tenant_id", CUSTOMER),
                )
            ),
        ],
    )
    def test_the_listing_is_strict(self, double, query):
        assert refusal(get(double, USERS, **query)) == (400, 400)


class TestErrorsAndFaults:
    """Forms of errors, paths, methods, and faults."""

    def test_terse_errors(self):
        with make(terse_errors=True) as double:
            answer = get(double, "%s/%s" % (USERS, uuid.UUID(int=5)))
            assert (answer.status_code, answer.json()) == (404, {"error": {"code": 404, "message": "Not found"}})
            assert set(probe(double, "alice", "wrong").json()) == {"error", "error_description"}

    def test_codes_as_text(self):
        with make(string_codes=True) as double:
            double.people["alice"].enabled = False
            assert refusal(change(double)) == (403, "1018")

    @pytest.mark.parametrize(
        "method, path, status",
        [
            ("GET", "/nothing", 404),
            ("GET", USERS + "/", 404),
            ("POST", "/users/x/y/password", 404),
            ("PUT", SEARCH, 405),
            ("GET", LOGIN, 405),
            ("DELETE", USERS + "/me", 405),
            ("PUT", USERS + "/x" + CHANGE, 405),
        ],
    )
    def test_paths_and_methods(self, double, method, path, status):
        assert refusal(call(double, method, path, token_of(double))) == (status, status)
        assert double.requests[-1].write == (method in ("PUT", "POST", "DELETE"))

    def test_paths_without_the_prefix(self, double):
        for path in (LOGIN, "/api/1" + LOGIN, "/"):
            assert requests.post(double.url + path, timeout=5).status_code == 404

    def test_a_change_whose_answer_is_lost(self, double):
        token = token_of(double)
        fault = double.inject("hang", path=CHANGE, user="alice", applies="now")
        with pytest.raises(requests.Timeout):
            requests.post(
                double.url + BASE + double.user_path("alice") + CHANGE, json={"password": NEW}, headers={"Authorization": "Bearer " + token}, timeout=0.3
            )
        assert fault.arrived.wait(5)
        assert double.can_log_in("alice", NEW)

    def test_a_change_that_comes_late(self, double):
        double.inject("real", path=CHANGE, applies="later")
        assert change(double).status_code == 204
        assert double.can_log_in("alice", OLD)
        double.settle()
        assert double.can_log_in("alice", NEW)

    def test_a_change_that_comes_late_for_a_user_that_has_gone(self, double):
        double.inject("real", path=CHANGE, applies="later")
        assert change(double).status_code == 204
        double.remove_user("alice")
        double.settle()
        assert "alice" not in double.users

    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_a_gateway_that_fails(self, double, status):
        double.inject("html", path=CHANGE, status=status)
        assert change(double).status_code == status
        assert double.writes == 0
        assert change(double).status_code == 204

    def test_too_many_requests(self, double):
        double.inject("answer", path=LOGIN, status=429, headers={"Retry-After": "1"})
        assert form(double, LOGIN, OPERATOR, grant_type="client_credentials").status_code == 429
        assert not double.tokens

    def test_no_secret_is_shown(self, double):
        token = token_of(double)
        change(double, token=token)
        probe(double, "alice", NEW)
        form(double, LOGIN, grant_type=JWT_BEARER, assertion=token, scope=TENANT_SCOPE + UNIT)
        form(double, REVOKE, token=token)
        assert [one.secrets[0] for one in double.requests] == [CLIENT_SECRET, NEW, NEW, token, token]
        shown = " ".join(map(repr, (double, double.users, double.people, double.tokens, double.requests, double.faults))) + json.dumps(double.summary())
        assert "MARKER" not in shown
        # Faults that repeat what came in need every secret of it.
        double.inject("echo", path=LOGIN, form="url")
        answer = probe(double, "alice", "S3cr3t-MARKER-&=")
        assert urllib.parse.quote("S3cr3t-MARKER-&=", safe="") in answer.json()["error"]["message"]

    def test_the_user_of_a_revocation(self, double):
        token = probe(double, "alice", OLD).json()["access_token"]
        form(double, REVOKE, token=token)
        assert double.requests[-1].user == "alice"
        assert double.summary()["open_sessions"] == []

    def test_it_is_found_by_its_module(self):
        assert DOUBLE is AcronisDouble
