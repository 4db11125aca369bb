# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of Aria Operations for Logs, as the double keeps them."""

from __future__ import annotations

import time
import uuid

import pytest
import requests

from tests.doubles.aria_logs import API, CHANGE, DOUBLE, LOGIN, OPERATOR, OPERATOR_PASSWORD, SEARCH, SESSION, AriaLogsDouble
from tests.doubles.aria_logs_people import ACTIVE, EDIT, LOCKED, LOCKED_LOGIN_FAIL, LOCKED_NO_LOGIN, LOCKED_PASSWORD, PENDING, VIEW

OLD = "S3cr3t-MARKER-alice"
NEW = "S3cr3t-MARKER-alice-2"
BOB = "S3cr3t-MARKER-bob"
REFUSED_LOGIN = {"errorMessage": "Invalid credentials or account is locked.", "errorCode": "FIELD_ERROR"}
UNKNOWN_USER = {
    "errorMessage": "Specified user does not exist.",
    "errorCode": "RBAC_USERS_ERROR",
    "errorDetails": {"errorCode": "com.vmware.loginsight.api.errors.rbac.user_does_not_exist"},
}
NOT_SECURE = {
    "errorCode": "com.vmware.loginsight.api.errors.field_password_not_secure",
    "errorMessage": "Password must have only visible ASCII characters including space, must be at least 8 characters long and "
    "contain one uppercase, one lowercase, one number and one special character.",
}
NOBODY = "00000000-0000-4000-8000-000000000000"


def make(**options):
    """A double with alice and bob."""
    return AriaLogsDouble({"alice": OLD, "bob": BOB}, **options)


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def call(double, method, path, session=None, **options):
    """One call below the API."""
    headers = {"Authorization": "Bearer " + session} if session else {}
    return requests.request(method, double.url + API + path, headers=dict(headers, **options.pop("headers", {})), timeout=5, **options)


def log_in(double, name=OPERATOR, password=OPERATOR_PASSWORD, provider="Local"):
    """A login."""
    return call(double, "POST", LOGIN, json={"username": name, "password": password, "provider": provider})


def opened(double, name=OPERATOR, password=OPERATOR_PASSWORD):
    """The identifier of a new session."""
    return log_in(double, name, password).json()["sessionId"]


def path_of(double, name, end=CHANGE):
    """The path of a user, or below it."""
    return "/users/%s%s" % (double.people[name].id if name in double.people else name, end)


def change(double, name="alice", session=None, **body):
    """A change by the operator, or by who has the session."""
    return call(double, "PATCH", path_of(double, name), session or opened(double), json=body or {"password": NEW})


def logs_in(double, name, password, **options):
    """Whether the documented login probe succeeds."""
    return log_in(double, name, password, **options).status_code == 200


def wrong(double, times, name="alice"):
    """Wrong passwords."""
    for _each in range(times):
        assert log_in(double, name, "S3cr3t-MARKER-wrong").json() == REFUSED_LOGIN


def reasons(answer):
    """What the service finds wrong with a password."""
    assert answer.status_code == 400
    assert (answer.json()["errorMessage"], answer.json()["errorCode"]) == ("Some fields have incorrect values", "FIELD_ERROR")
    return answer.json()["errorDetails"]["password"]


class TestSessions:
    """Login, bearer, expiry."""

    def test_a_login_gives_a_session_of_half_an_hour(self, double):
        answer = log_in(double)
        assert answer.status_code == 200
        session = answer.json().pop("sessionId")
        assert answer.json() == {"userId": double.people[OPERATOR].id, "sessionId": session, "ttl": 1800}
        assert call(double, "GET", SESSION, session).json() == {"userId": double.people[OPERATOR].id, "ttl": 1800}
        double.advance(600)
        assert call(double, "GET", SESSION, session).json()["ttl"] == 1200
        assert double.open_sessions == [OPERATOR]

    @pytest.mark.parametrize(
        "name, password, provider",
        [
            ("alice", "wrong", "Local"),
            ("alice", "", "Local"),
            ("nobody", OLD, "Local"),
            ("Alice", OLD, "Local"),
            ("alice", OLD, "ActiveDirectory"),
            ("alice", OLD, "vIDM"),
        ],
    )
    def test_whatever_is_wrong_the_answer_is_the_same(self, double, name, password, provider):
        answer = log_in(double, name, password, provider)
        assert (answer.status_code, answer.json()) == (401, REFUSED_LOGIN)
        assert double.failed_logins == {name: 1} and not double.sessions

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"username": "alice", "password": OLD},
            {"username": "alice", "provider": "Local"},
            {"password": OLD, "provider": "Local"},
            {"username": "alice", "password": OLD, "provider": "local"},
            {"username": "alice", "password": OLD, "provider": ["Local"]},
            {"username": "alice", "password": 5, "provider": "Local"},
            {"username": "alice", "password": OLD, "provider": "Local", "domain": "x"},
            ["username"],
            "text",
        ],
    )
    def test_a_login_has_exactly_three_members(self, double, body):
        answer = call(double, "POST", LOGIN, json=body)
        assert answer.status_code == 400 and OLD not in answer.text
        assert not double.sessions and not double.failed_logins

    @pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}])
    def test_a_body_must_say_that_it_is_json(self, double, headers):
        data = '{"username": "alice", "password": "%s", "provider": "Local"}' % OLD
        assert call(double, "POST", LOGIN, data=data, headers=headers).status_code == 415
        assert call(double, "POST", LOGIN, data=data, headers={"Content-Type": "application/json; charset=utf-8"}).status_code == 200
        assert call(double, "PATCH", path_of(double, "alice"), opened(double), data='{"password": "%s"}' % NEW, headers=headers).status_code == 415
        assert double.writes == 0

    def test_an_unknown_session(self, double):
        session = opened(double)
        for header in (None, "", session, "Basic " + session, "bearer " + session, "Bearer", "Bearer " + session[:-1], "Bearer %s=" % session):
            answer = call(double, "GET", SEARCH, headers={} if header is None else {"Authorization": header})
            assert (answer.status_code, answer.text) == (401, "Invalid session ID")
            assert answer.headers["content-type"].startswith("text/plain")

    def test_an_unknown_session_can_be_told_in_json(self):
        with make(session_errors="json") as double:
            answer = call(double, "GET", SESSION, "unknown")
            assert (answer.status_code, answer.json()) == (401, {"errorMessage": "Invalid session ID"})

    @pytest.mark.parametrize("end", ["clock", "order"])
    def test_a_session_times_out(self, double, end):
        session = opened(double)
        double.advance(1799)
        assert call(double, "GET", SEARCH, session).status_code == 200
        if end == "clock":
            double.advance(1)
        else:
            double.expire_sessions()
        for method, path, body in (("GET", SEARCH, None), ("GET", SESSION, None), ("PATCH", path_of(double, "alice"), {"password": NEW})):
            answer = call(double, method, path, session, json=body)
            assert (answer.status_code, answer.text) == (440, "Login Timeout")
            assert answer.headers["content-type"].startswith("text/plain")
        assert double.open_sessions == [] and len(double.sessions) == 1 and double.writes == 0
        assert call(double, "GET", SEARCH, opened(double)).status_code == 200

    def test_use_can_prolong_a_session(self):
        with make(sliding=True, ttl=100) as double:
            session = opened(double)
            for _each in range(3):
                double.advance(60)
                assert call(double, "GET", SESSION, session).json()["ttl"] == 100

    def test_a_forgotten_session_is_an_unknown_one(self, double):
        session = opened(double)
        opened(double, "alice", OLD)
        double.revoke_sessions(OPERATOR)
        assert call(double, "GET", SEARCH, session).text == "Invalid session ID"
        assert double.open_sessions == ["alice"]

    def test_no_call_ends_a_session(self, double):
        session = opened(double)
        for method, path in (("DELETE", SESSION), ("DELETE", LOGIN), ("POST", SESSION), ("GET", LOGIN), ("POST", SEARCH), ("PUT", path_of(double, "alice"))):
            assert call(double, method, path, session).status_code == 405
        assert call(double, "DELETE", LOGIN + "/" + session, session).status_code == 404
        assert double.open_sessions == [OPERATOR]

    def test_a_server_that_was_not_set_up(self):
        with make(bootstrapped=False) as double:
            for answer in (log_in(double), call(double, "GET", SEARCH, "any")):
                assert (answer.status_code, answer.json()) == (503, {"errorMessage": "LI server should be bootstrapped to process this API call"})
            assert not double.failed_logins

    def test_authentication_precedes_routing(self, double):
        assert call(double, "GET", "/no/such").status_code == 401
        for path in ("/no/such", "/users/", path_of(double, "alice", "/"), path_of(double, "alice", "/password/")):
            assert call(double, "GET", path, opened(double)).status_code == 404
        assert requests.get(double.url + "/api/v1/users", timeout=5).status_code == 404


class TestLookup:
    """The list and the single user."""

    @pytest.mark.parametrize("envelope", ["array", "object"])
    def test_both_envelopes(self, envelope):
        with make(envelope=envelope) as double:
            users = call(double, "GET", SEARCH, opened(double)).json()
            users = users if envelope == "array" else users["users"]
            assert [user["username"] for user in users] == [OPERATOR, "alice", "bob"]
            assert all(str(uuid.UUID(user["id"])) == user["id"] for user in users)
            assert {(user["type"], user["authStatus"]) for user in users} == {("DEFAULT", "ACTIVE")}

    def test_all_users_come_at_once(self, double):
        began = time.process_time()
        double.populate(10000)
        assert time.process_time() - began < 1
        users = call(double, "GET", SEARCH, opened(double)).json()["users"]
        assert len({user["id"] for user in users}) == len({user["username"] for user in users}) == 10003
        assert logs_in(double, "user-10000", "S3cr3t-MARKER-user-10000")

    @pytest.mark.parametrize("path", [SEARCH, SESSION, "/users/" + NOBODY])
    def test_there_is_no_search_and_no_paging(self, double, path):
        assert call(double, "GET", path, opened(double), params={"username": "alice"}).status_code == 400

    def test_one_user(self, double):
        session = opened(double)
        shown = call(double, "GET", path_of(double, "alice", ""), session)
        assert shown.json() == {"id": double.people["alice"].id, "username": "alice", "type": "DEFAULT", "authStatus": "ACTIVE", "roleIds": []}
        assert call(double, "GET", path_of(double, "alice", "").upper().replace("/USERS", "/users"), session).json() == shown.json()
        assert double.calls(path_of(double, "alice", ""), user="alice")

    @pytest.mark.parametrize("method, end", [("GET", ""), ("PATCH", ""), ("PATCH", CHANGE)])
    def test_unknown_users_and_what_is_no_identifier(self, double, method, end):
        session = opened(double)
        answer = call(double, method, "/users/" + NOBODY + end, session, json={"password": NEW})
        assert (answer.status_code, answer.json()) == (404, UNKNOWN_USER)
        for name in ("alice", NOBODY[:-1], NOBODY.replace("-", ""), "{%s}" % NOBODY):
            answer = call(double, method, "/users/" + name + end, session, json={"password": NEW})
            assert (answer.status_code, answer.json()["errorCode"]) == (400, "FIELD_ERROR")
        assert double.writes == 0

    @pytest.mark.parametrize("name", ["a b", "ä-ß", "dom\\user", "a/b?c#d%41", "O'Neil", '"quoted"', "code", "x@example.com", "ALICE"])
    def test_names_are_taken_as_they_are(self, double, name):
        double.set_user(name, OLD)
        user = next(user for user in call(double, "GET", SEARCH, opened(double)).json()["users"] if user["username"] == name)
        assert change(double, user["id"]).status_code == 200
        assert logs_in(double, name, NEW) and logs_in(double, "alice", OLD)
        assert [one.path for one in double.calls(CHANGE, user=name)] == [API + "/users/%s/password" % user["id"]]

    def test_members_that_are_not_promised_can_be_absent(self):
        with make(omits=["authStatus", "type", "roleIds"]) as double:
            assert all(set(user) == {"id", "username"} for user in call(double, "GET", SEARCH, opened(double)).json()["users"])

    @pytest.mark.parametrize("kind, provider", [("ACTIVE_DIRECTORY", "ActiveDirectory"), ("VIDM", "vIDM")])
    def test_a_name_can_exist_in_another_directory_too(self, double, kind, provider):
        twin = double.add_user("twin", BOB, username="alice", type=kind, domain="example.com")
        users = [user for user in call(double, "GET", SEARCH, opened(double)).json()["users"] if user["username"] == "alice"]
        assert [(user["type"], user.get("domain")) for user in users] == [("DEFAULT", None), (kind, "example.com")]
        assert logs_in(double, "alice", BOB, provider=provider) and logs_in(double, "alice", OLD)
        assert not logs_in(double, "alice", OLD, provider=provider)
        assert reasons(change(double, twin.name)) and double.users["twin"] == BOB
        for _each in range(5):
            assert not logs_in(double, "alice", "wrong", provider=provider)
        assert double.failed_logins == {"twin": 6} and not double.lockouts and not twin.locked

    def test_a_password_for_another_directory_can_get_lost(self):
        with make(ignores_foreign=True) as double:
            double.add_user("carol", BOB, type="VIDM")
            assert change(double, "carol").status_code == 200
            assert double.users["carol"] == BOB


class TestChange:
    """Passwords and locks."""

    def test_a_change_has_effect_at_once_and_an_answer_without_body(self, double):
        answer = change(double)
        assert (answer.status_code, answer.content) == (200, b"")
        assert logs_in(double, "alice", NEW) and not logs_in(double, "alice", OLD) and logs_in(double, "bob", BOB)
        assert (double.writes, double.open_sessions) == (1, [OPERATOR, "alice", "bob"])

    def test_the_operator_changes_its_own(self, double):
        session = opened(double)
        assert change(double, OPERATOR, session).status_code == 200
        assert call(double, "GET", SEARCH, session).status_code == 200
        assert logs_in(double, OPERATOR, NEW) and not logs_in(double, OPERATOR, OPERATOR_PASSWORD)

    def test_a_change_can_end_the_sessions_of_its_user(self):
        with make(change_ends_sessions=True) as double:
            session = opened(double, "alice", OLD)
            change(double)
            assert call(double, "GET", SESSION, session).status_code == 401
            assert double.open_sessions == [OPERATOR]

    @pytest.mark.parametrize("rights, sees, changes", [(None, 403, 403), (VIEW, 200, 403), (EDIT, 200, 200)])
    def test_who_may_do_it(self, double, rights, sees, changes):
        double.people["bob"].rights = rights
        session = opened(double, "bob", BOB)
        assert call(double, "GET", SEARCH, session).status_code == sees
        assert call(double, "GET", path_of(double, "bob", ""), session).status_code == sees
        answer = change(double, session=session)
        assert answer.status_code == changes
        assert changes == 200 or "errorCode" not in answer.json()
        assert (double.writes, logs_in(double, "alice", OLD)) == ((1, False) if changes == 200 else (0, True))

    @pytest.mark.parametrize(
        "new", ["Aa1-aaa", "aaaaaa1-", "AAAAAA1-", "Aaaaaaa-", "Aaaaaaa1", "Aaaaaa1 ", "", "Aa1-aaa\n", "Aa1-aaaä", "Aa1-\taaaa", "Aa1-aaa\x7f"]
    )
    def test_passwords_that_are_not_secure(self, double, new):
        assert reasons(change(double, password=new)) == [NOT_SECURE]
        assert double.writes == 0 and logs_in(double, "alice", OLD)

    @pytest.mark.parametrize("new", ["Aa1-aaaa", "Aa1- aaa", " Aa1-aa ", "Aa1\"\\'{}", "Aa1~" + "x" * 200, OLD])
    def test_passwords_that_are_secure(self, double, new):
        assert change(double, password=new).status_code == 200
        assert logs_in(double, "alice", new)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            "text",
            {"password": None},
            {"password": 12345678},
            {"unlock": "true"},
            {"password": NEW, "unlock": 1},
            {"password": NEW, "oldPassword": OLD},
            {"newPassword": NEW},
            {"password": NEW, "username": "alice"},
            {"code": NEW},
            {"self": NEW},
        ],
    )
    def test_bodies_that_are_refused(self, double, body):
        answer = call(double, "PATCH", path_of(double, "alice"), opened(double), json=body)
        assert answer.status_code == 400 and NEW not in answer.text
        assert double.writes == 0 and double.users["alice"] == OLD

    @pytest.mark.parametrize("data", [b"", b"{", b"null", b"\xff\xfe\xfd"])
    def test_what_is_not_json(self, double, data):
        answer = call(double, "PATCH", path_of(double, "alice"), opened(double), data=data, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400 and double.writes == 0

    def test_the_other_call_changes_a_user_and_shows_it(self, double):
        double.people["alice"].locked = True
        answer = call(double, "PATCH", path_of(double, "alice", ""), opened(double), json={"password": NEW, "email": "a@example.com", "roleIds": ["1"]})
        assert answer.status_code == 200
        assert (answer.json()["email"], answer.json()["roleIds"], answer.json()["authStatus"]) == ("a@example.com", ["1"], LOCKED_LOGIN_FAIL)
        assert double.users["alice"] == NEW and not double.can_log_in("alice", NEW) and double.writes == 1
        assert call(double, "PATCH", path_of(double, "alice", ""), opened(double), json={"unlock": True}).status_code == 400
        assert reasons(call(double, "PATCH", path_of(double, "alice", ""), opened(double), json={"password": "short"})) == [NOT_SECURE]


class TestLockOut:
    """Three wrong passwords within 15 minutes."""

    def test_the_third_locks(self, double):
        wrong(double, 2)
        assert logs_in(double, "alice", OLD) and not double.lockouts
        wrong(double, 1)
        assert log_in(double, "alice", OLD).json() == REFUSED_LOGIN
        assert double.people["alice"].status == LOCKED_LOGIN_FAIL and not double.can_log_in("alice", OLD)
        assert (double.lockouts, double.failed_logins) == ({"alice": 1}, {"alice": 4})
        assert call(double, "GET", path_of(double, "alice", ""), opened(double)).json()["authStatus"] == "LOCKED_LOGIN_FAIL"
        assert logs_in(double, "bob", BOB) and double.writes == 0

    def test_a_login_can_forgive(self):
        with make(success_forgives=True) as double:
            wrong(double, 2)
            assert logs_in(double, "alice", OLD)
            wrong(double, 2)
            assert logs_in(double, "alice", OLD) and not double.lockouts

    def test_only_15_minutes_count(self, double):
        wrong(double, 1)
        double.advance(899)
        wrong(double, 1)
        double.advance(1)
        wrong(double, 1)
        assert double.can_log_in("alice", OLD)
        double.advance(898)
        wrong(double, 1)
        assert double.lockouts == {"alice": 1}

    @pytest.mark.parametrize("locks", [True, False])
    def test_a_super_admin_can_lock_too(self, locks):
        with make(super_admin_locks=locks) as double:
            session = opened(double)
            wrong(double, 3, OPERATOR)
            assert logs_in(double, OPERATOR, OPERATOR_PASSWORD) is not locks
            assert (OPERATOR in double.lockouts) is locks
            assert call(double, "GET", SEARCH, session).status_code == 200

    @pytest.mark.parametrize(
        "body, password",
        [({"password": NEW}, NEW), ({"unlock": True}, OLD), ({"password": NEW, "unlock": False}, NEW), ({"password": NEW, "unlock": True}, NEW)],
    )
    def test_a_new_password_unlocks_and_so_does_an_order(self, double, body, password):
        wrong(double, 3)
        assert change(double, **body).status_code == 200
        assert double.people["alice"].status == ACTIVE and logs_in(double, "alice", password)
        wrong(double, 2)
        assert double.can_log_in("alice", password)

    def test_false_is_no_order_to_unlock_nor_to_lock(self, double):
        assert change(double, unlock=False).status_code == 200
        assert double.people["alice"].status == ACTIVE
        double.people["alice"].locked = True
        assert change(double, unlock=False).status_code == 200
        assert not logs_in(double, "alice", OLD)

    @pytest.mark.parametrize("status, enters", [(PENDING, True)] + [(one, False) for one in LOCKED])
    def test_the_other_states(self, double, status, enters):
        double.people["alice"].status = status
        assert call(double, "GET", path_of(double, "alice", ""), opened(double)).json()["authStatus"] == status
        assert logs_in(double, "alice", OLD) is enters
        assert change(double, password=NEW).status_code == 200
        assert double.people["alice"].status == ACTIVE and logs_in(double, "alice", NEW)

    def test_the_other_states_with_other_options(self):
        with make(logs_in_while=[LOCKED_PASSWORD], unlocks=[LOCKED_LOGIN_FAIL], after_change=PENDING) as double:
            double.people["alice"].status = LOCKED_PASSWORD
            assert logs_in(double, "alice", OLD)
            change(double, password=NEW, unlock=True)
            assert double.people["alice"].status == LOCKED_PASSWORD and double.users["alice"] == NEW
            double.people["alice"].status = LOCKED_NO_LOGIN
            change(double, unlock=True)
            assert not logs_in(double, "alice", NEW)
            double.people["alice"].locked = True
            change(double, password=OLD)
            assert double.people["alice"].status == PENDING and not logs_in(double, "alice", OLD)


class TestStig:
    """The harder rules."""

    @pytest.fixture(name="stig")
    def a_hard_double(self):
        """A double with these rules."""
        with make(stig=True) as running:
            yield running

    @pytest.mark.parametrize("length, taken", [(14, False), (15, True)])
    def test_15_characters(self, stig, length, taken):
        answer = change(stig, password=("Qq7!" + "x" * 20)[:length])
        if taken:
            assert answer.status_code == 200
        else:
            assert reasons(answer) == [dict(NOT_SECURE, errorMessage=NOT_SECURE["errorMessage"].replace("least 8", "least 15"))]

    def test_one_change_in_24_hours(self, stig):
        assert change(stig, password="Qq7!xxxxxxxxxxxx").status_code == 200
        stig.advance(24 * 3600 - 1)
        assert "24 hours" in reasons(change(stig, password="Ww8?yyyyyyyyyyyy"))[0]["errorMessage"]
        assert change(stig, unlock=True).status_code == 200
        stig.advance(1)
        assert change(stig, password="Ww8?yyyyyyyyyyyy").status_code == 200

    def test_the_last_five_are_barred(self, stig):
        passwords = ["Qq7!" + letter * 12 for letter in "abcdef"]
        for password in passwords:
            assert change(stig, password=password).status_code == 200
            stig.advance(24 * 3600)
        for password in passwords[1:]:
            assert "last 5" in reasons(change(stig, password=password))[0]["errorMessage"]
        assert change(stig, password=passwords[0]).status_code == 200

    @pytest.mark.parametrize("different, taken", [(7, False), (8, True)])
    def test_eight_characters_must_differ(self, stig, different, taken):
        stig.set_user("alice", "Qq7!aaaaaaaaaaaa")
        answer = change(stig, password="Qq7!" + "a" * (12 - different) + "z" * different)
        assert (answer.status_code == 200) is taken
        assert taken or "8 characters" in reasons(answer)[0]["errorMessage"]


class TestDouble:
    """What the double tells, and how it fails on command."""

    def test_a_bare_one_serves(self):
        with DOUBLE(users={"alice": OLD}) as double:
            assert change(double).status_code == 200
            assert double.can_log_in("alice", NEW) and not double.can_log_in("alice", OLD) and not double.can_log_in("nobody", OLD)
            assert not double.failed_logins and (double.vendor, double.writes) == ("aria_logs", 1)

    def test_the_operator_can_be_another(self):
        with make(operator=("admin", "S3cr3t-MARKER-admin")) as double:
            assert change(double, session=opened(double, "admin", "S3cr3t-MARKER-admin")).status_code == 200
            assert not logs_in(double, OPERATOR, OPERATOR_PASSWORD)

    def test_what_is_noted_of_requests(self, double):
        session = opened(double)
        change(double, session=session)
        log_in(double, "alice", NEW)
        log_in(double, "nobody", "S3cr3t-MARKER-nobody")
        call(double, "GET", SEARCH, session)
        assert [(one.login, one.authenticated_as, one.user, one.write, one.status) for one in double.requests] == [
            (OPERATOR, OPERATOR, OPERATOR, False, 200),
            (OPERATOR, OPERATOR, "alice", True, 200),
            ("alice", "alice", "alice", False, 200),
            ("nobody", None, "nobody", False, 401),
            (OPERATOR, OPERATOR, None, False, 200),
        ]
        assert [one.secrets for one in double.requests] == [[OPERATOR_PASSWORD], [NEW, session], [NEW], ["S3cr3t-MARKER-nobody"], [session]]

    def test_nothing_secret_is_shown(self, double):
        session = opened(double)
        change(double, session=session)
        wrong(double, 1)
        shown = repr([double, double.users, double.people, double.sessions, double.requests, double.summary()])
        assert "MARKER" not in shown and session not in shown
        assert double.summary()["open_sessions"] == [OPERATOR]

    def test_users_come_and_go_past_all_rules(self, double):
        alice = double.people["alice"]
        alice.locked = True
        double.set_user("alice", "x")
        assert alice.locked and double.people["alice"] is alice and double.users["alice"] == "x"
        session = opened(double, "bob", BOB)
        double.remove_user("bob")
        assert call(double, "GET", SESSION, session).status_code == 401 and not logs_in(double, "bob", BOB)
        double.remove_user("nobody")
        double.set_user("carol", "S3cr3t-MARKER-carol")
        assert logs_in(double, "carol", "S3cr3t-MARKER-carol") and double.writes == 0
        assert make().people["alice"].id == alice.id

    def test_reset_keeps_users_and_sessions(self, double):
        session = opened(double)
        wrong(double, 3)
        double.reset()
        assert not double.lockouts and not double.failed_logins and not double.requests
        assert call(double, "GET", SEARCH, session).status_code == 200 and double.people["alice"].locked

    @pytest.mark.parametrize("kind, options", [("drop", {"applies": "now"}), ("html", {"status": 504, "applies": "now"}), ("drop", {}), ("html", {})])
    def test_an_answer_that_is_lost_before_or_after_the_write(self, double, kind, options):
        session = opened(double)
        double.inject(kind, path=CHANGE, user="alice", **options)
        if kind == "drop":
            with pytest.raises(requests.ConnectionError):
                change(double, session=session)
        else:
            assert change(double, session=session).status_code == options.get("status", 502)
        assert logs_in(double, "alice", NEW if options else OLD)
        assert double.writes == (1 if options else 0)
        assert change(double, session=session).status_code == 200

    def test_a_time_out_after_the_write(self, double):
        session = opened(double)
        fault = double.inject("hang", path=CHANGE, applies="now")
        with pytest.raises(requests.ReadTimeout):
            requests.patch(double.url + API + path_of(double, "alice"), json={"password": NEW}, headers={"Authorization": "Bearer " + session}, timeout=0.2)
        assert fault.left.wait(5) and double.writes == 1
        assert double.can_log_in("alice", NEW)

    def test_a_write_that_comes_later(self, double):
        double.inject("real", path=CHANGE, applies="later")
        assert change(double).status_code == 200
        assert double.pending == 1 and double.can_log_in("alice", OLD)
        double.settle()
        assert double.can_log_in("alice", NEW) and double.writes == 1

    def test_a_write_that_comes_after_its_user_has_gone(self, double):
        double.inject("real", path=CHANGE, applies="later")
        change(double)
        double.remove_user("alice")
        double.settle()
        assert "alice" not in double.users and "alice" not in double.people

    def test_faults_at_a_login_of_one_user(self, double):
        double.inject("answer", path=LOGIN, user="alice", status=503, body={"errorMessage": "later"})
        assert opened(double)
        assert log_in(double, "alice", OLD).status_code == 503
        assert logs_in(double, "alice", OLD)

    def test_an_error_that_repeats_secrets_has_the_vendors_form(self, double):
        session = opened(double)
        double.inject("echo", path=CHANGE, status=400)
        assert change(double, session=session).json() == {"errorMessage": "rejected: %s %s" % (NEW, session)}

    def test_read_only(self):
        with make(read_only=True) as double:
            assert change(double).status_code == 500
            assert len(double.refused_writes) == 1 and double.can_log_in("alice", OLD)
