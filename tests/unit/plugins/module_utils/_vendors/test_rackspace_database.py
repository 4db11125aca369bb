# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rackspace Cloud Databases and Trove: which requests a call makes, and what is refused before the first."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.plugins.module_utils._vendors.rackspace_database_wire import (  # fmt: skip
    BY_TOKEN,
    DATABASE_LOGIN,
    fault,
    instance,
    lookup,
    not_found,
    page,
    put,
    run,
    states,
)
from tests.unit.plugins.module_utils.fake_databases import FakeMySQL, FakePostgreSQL
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD

UNVERIFIED = "Passwords cannot be verified: database_login is not set, and the service does not report whether a change succeeded."


def listed(count, *more):
    """Names in the order in which the service lists them."""
    return sorted(["user%02d" % number for number in range(count)] + list(more))


@pytest.fixture(name="database")
def a_database(monkeypatch):
    """A database that takes every new password; a test changes what it takes."""
    fake = FakeMySQL(lambda user, password: password == NEW)
    monkeypatch.setitem(sys.modules, "pymysql", fake)
    return fake


class TestRequests:
    """What is sent."""

    def test_one_user(self, monkeypatch):
        result = run(monkeypatch, [instance(), lookup(), put("alice")], "alice", **BY_TOKEN)
        assert states(result) == [("alice", "changed", None, None)]
        assert (result["changed"], result["failed"], result["warnings"]) == (True, False, [UNVERIFIED])

    def test_some_users_are_looked_up_one_by_one_and_changed_at_once(self, monkeypatch):
        names = listed(5)
        result = run(monkeypatch, [instance()] + [lookup(name + "%2540%2525") for name in names] + [put(*names)], *names, **BY_TOKEN)
        assert {state[1] for state in states(result)} == {"changed"}

    def test_many_users_are_looked_up_in_the_list(self, monkeypatch):
        names = listed(6)
        assert {state[1] for state in states(run(monkeypatch, [instance(), page(names), put(*names)], *names, **BY_TOKEN))} == {"changed"}

    def test_sixty_users_are_one_change_and_two_hundred_and_fifty_three(self, monkeypatch):
        names = ["u%03d" % number for number in range(250)]
        run(monkeypatch, [instance(), page(names[:60]), put(*names[:60])], *names[:60], **BY_TOKEN)
        run(monkeypatch, [instance(), page(names), put(*names[:100]), put(*names[100:200]), put(*names[200:])], *names, **BY_TOKEN)

    def test_an_unknown_user_fails_alone(self, monkeypatch):
        result = run(monkeypatch, [instance(), lookup(), lookup("bob%2540%2525", not_found("bob@%")), put("alice")], "alice", "bob", **BY_TOKEN)
        assert states(result) == [("alice", "changed", None, None), ("bob", "failed", None, "user_not_found")]
        assert result["users"][1]["error"]["message"] == "User bob@% does not exist on this instance. Correct the name or host, or create the user."

    def test_nobody_is_there(self, monkeypatch):
        assert states(run(monkeypatch, [instance(), lookup(answer=not_found())], "alice", **BY_TOKEN)) == [("alice", "failed", None, "user_not_found")]

    def test_who_is_not_in_the_list_is_looked_up_alone(self, monkeypatch):
        """The list leaves some out, for example those whose host is localhost."""
        names = listed(7)
        calls = [instance(), page(names[:5]), lookup("user05%2540%2525"), lookup("user06%2540%2525", not_found()), put(*names[:6])]
        assert [state[1] for state in states(run(monkeypatch, calls, *names, **BY_TOKEN))] == ["changed"] * 6 + ["failed"]

    @pytest.mark.parametrize(
        "host, path, sent",
        [
            (None, "alice%2540%2525", ("alice", NEW)),
            ("%", "alice%2540%2525", ("alice", NEW)),
            ("", "alice%2540%2525", ("alice", NEW)),
            ("10.0.0.1", "alice%254010%252E0%252E0%252E1", ("alice", NEW, "10.0.0.1")),
            ("10.0.0.%", "alice%254010%252E0%252E0%252E%2525", ("alice", NEW, "10.0.0.%")),
        ],
    )
    def test_the_host_of_a_user(self, monkeypatch, host, path, sent):
        run(monkeypatch, [instance(), lookup(path), put(sent)], {"name": "alice", "password": NEW, "host": host}, **BY_TOKEN)

    @pytest.mark.parametrize(
        "name, path",
        [("a.b", "a%252Eb%2540%2525"), ("a%41", "a%252541%2540%2525"), ("\u00e4b", "%25C3%25A4b%2540%2525"), ("a b#?", "a%2520b%2523%253F%2540%2525")],
    )
    def test_names_that_need_care_in_an_address(self, monkeypatch, name, path):
        run(monkeypatch, [instance(), lookup(path), put(name)], name, **BY_TOKEN)

    def test_the_same_name_with_two_hosts_is_two_users(self, monkeypatch):
        users = [{"name": "alice", "password": NEW}, {"name": "alice", "password": OLD, "host": "10.0.0.1"}]
        calls = [instance(), lookup(), lookup("alice%254010%252E0%252E0%252E1"), put(("alice", NEW), ("alice", OLD, "10.0.0.1"))]
        assert [state[1] for state in states(run(monkeypatch, calls, *users, **BY_TOKEN))] == ["changed"] * 2

    @pytest.mark.parametrize("hosts", [(None, None), (None, "%"), ("%", ""), ("10.0.0.1", "10.0.0.1")])
    def test_the_same_user_twice(self, monkeypatch, hosts):
        users = [{"name": "alice", "password": NEW, "host": host} for host in hosts]
        assert run(monkeypatch, [], *users, **BY_TOKEN)["msg"] == "users names alice twice."

    def test_an_identifier_that_needs_care_in_an_address(self, monkeypatch):
        result = run(monkeypatch, [instance(not_found(), identifier="a%2F..%20b")], "alice", instance_id="a/.. b", **BY_TOKEN)
        assert result["error"]["kind"] == "target_not_found"

    def test_check_mode_writes_nothing(self, monkeypatch, database):
        database._takes = lambda user, password: user == "bob"
        calls = [instance(), lookup(), lookup("bob%2540%2525"), lookup("carol%2540%2525", not_found())]
        result = run(monkeypatch, calls, "alice", "bob", "carol", check_mode=True, database_login=DATABASE_LOGIN, **BY_TOKEN)
        assert [state[1] for state in states(result)] == ["would_change", "unchanged", "failed"]


class TestPages:
    """The list of users, whose links cannot be followed."""

    def test_markers_are_taken_out_of_links_and_decoded_twice(self, monkeypatch):
        names = listed(45)
        calls = [instance(), page(names[:20], after="user19@%"), page(names[20:40], "user19@%", "user39@%"), page(names[40:], "user39@%"), put(*names)]
        assert {state[1] for state in states(run(monkeypatch, calls, *names, **BY_TOKEN))} == {"changed"}

    @pytest.mark.parametrize("marker", ["a%41b@10.0.0.%", "\u00e4 b@%", "a+b@%", "a&marker=c@%"])
    def test_markers_that_need_care(self, monkeypatch, marker):
        names = listed(6)
        run(monkeypatch, [instance(), page(names[:3], after=marker), page(names[3:], marker), put(*names)], *names, **BY_TOKEN)

    def test_it_ends_when_all_are_found(self, monkeypatch):
        names = listed(6)
        run(monkeypatch, [instance(), page(names + ["x"], after="x@%"), put(*names)], *names, **BY_TOKEN)

    def test_a_service_that_repeats_a_page_is_not_asked_for_ever(self, monkeypatch):
        names = listed(6)
        calls = (
            [instance(), page(names[:3], after="user02@%"), page(names[:3], "user02@%", "user02@%")]
            + [lookup(name + "%2540%2525") for name in names[3:]]
            + [put(*names)]
        )
        assert {state[1] for state in states(run(monkeypatch, calls, *names, **BY_TOKEN))} == {"changed"}

    def test_a_list_that_one_odd_account_spoils(self, monkeypatch):
        names = listed(6)
        odd = fault(400, "badRequest", "An error occurred communicating with the guest: 'a/b' is not a valid user name..")
        run(monkeypatch, [instance(), page([], answer=odd)] + [lookup(name + "%2540%2525") for name in names] + [put(*names)], *names, **BY_TOKEN)

    def test_hosts_count_in_the_list(self, monkeypatch):
        names = listed(6)
        users = [{"name": name, "password": NEW, "host": "10.0.0.1"} for name in names[:1]] + names[1:]
        calls = [instance(), page(names), lookup("user00%254010%252E0%252E0%252E1", not_found()), put(*names[1:])]
        assert [state[1] for state in states(run(monkeypatch, calls, *users, **BY_TOKEN))] == ["failed"] + ["changed"] * 5

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            {"users": None},
            {"users": "x"},
            {"users": ["x", {"name": 7}]},
            "<html>",
            {"users": [], "links": "x"},
            {"users": [], "links": [{"rel": "next"}]},
            {"users": [], "links": [{"rel": "next", "href": 7}]},
            {"users": [], "links": [{"rel": "next", "href": "x?limit=1"}]},
        ],
    )
    def test_lists_that_are_none(self, monkeypatch, body):
        names = listed(6)
        run(monkeypatch, [instance(), page([], answer=(200, body))] + [lookup(name + "%2540%2525") for name in names] + [put(*names)], *names, **BY_TOKEN)


class TestRefusedBeforeAnyRequest:
    """What is certainly wrong costs no login and no request."""

    @pytest.mark.parametrize(
        "password, rule",
        [
            *[("S3cr3t-MARKER-%s-x" % character, "Do not use any of these: '\";,/\\`") for character in "'\";,/\\`"],
            (" S3cr3t-MARKER", "begins or ends with a space"),
            ("S3cr3t-MARKER ", "begins or ends with a space"),
            ("S3cr3t-MARKER\n", "begins or ends with a space"),
            ("\u2003S3cr3t-MARKER", "begins or ends with a space"),
            ("S3cr3t\tMARKER", "a control character"),
            ("S3cr3t\0MARKER", "a control character"),
            ("S3cr3t\u00a0MARKER", "a control character"),
            ("S3cr3t\x7fMARKER", "a control character"),
            ("S3cr3t\u200bMARKER", "a control character"),
            ("S3cr3t-MARKER!:zz9", "a colon"),
            (":S3cr3t-MARKER", "a colon"),
            ("S3cr3t MARKER :x", "a colon"),
            ("S3cr3t-MARKER%:\u00e4", "a colon"),
            ("S3cr3t-MARKER-:_", "a colon"),
            ("-!%+=@^", "at least one ASCII letter or digit"),
            ("\u00e4\u00f6\u00fc", "at least one ASCII letter or digit"),
            ("", "shorter than 1 characters"),
            ("S3cr3t-MARKER" * 20, "longer than 255 characters"),
            ("S3cr3t-MARKER\udce4", "UTF-8 cannot encode"),
        ],
    )
    def test_passwords(self, monkeypatch, password, rule):
        result = run(monkeypatch, [], {"name": "alice", "password": password}, **BY_TOKEN)
        assert states(result) == [("alice", "failed", None, "password_rejected")]
        assert rule in result["users"][0]["error"]["message"]
        assert "MARKER" not in json.dumps(result) and (len(password) < 4 or password not in json.dumps(result, ensure_ascii=False))

    @pytest.mark.parametrize("password", ["a:b", "S3cr3t::x", "a1:", "a1: b", "a b", "p\u00e4ss", "-_.+=@%^!#$&*()<>?[]{}|~1", "x" * 255, "%s%(x)s1", "1"])
    def test_passwords_that_are_fine(self, monkeypatch, password):
        run(monkeypatch, [instance(), lookup(), put(("alice", password))], {"name": "alice", "password": password}, **BY_TOKEN)

    @pytest.mark.parametrize(
        "name, text",
        [
            ("", "1 to 16 characters"),
            ("x" * 17, "1 to 16 characters"),
            ("root", "reserved"),
            ("os_admin", "reserved"),
            ("bob@10.0.0.1", "Set the option host instead"),
            *[("a%sb" % character, "control characters or any of") for character in "'\";,/\\`"],
            (" a", "control characters or any of"),
            ("a ", "control characters or any of"),
            ("a\tb", "control characters or any of"),
            ("___", "an ASCII letter or digit"),
            ("\u00e4", "an ASCII letter or digit"),
        ],
    )
    def test_names(self, monkeypatch, name, text):
        result = run(monkeypatch, [], name, **BY_TOKEN)
        assert states(result) == [(name, "failed", None, "invalid_input")]
        assert text in result["users"][0]["error"]["message"]

    @pytest.mark.parametrize("name", ["x" * 16, "Root", "a.b-c_d", "a b"])
    def test_names_that_are_fine(self, monkeypatch, name):
        run(monkeypatch, [instance(), lookup(name.replace(".", "%252E").replace(" ", "%2520") + "%2540%2525"), put(name)], name, **BY_TOKEN)

    def test_names_are_longer_in_postgresql(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", FakePostgreSQL())
        login = dict(DATABASE_LOGIN, engine="postgresql")
        assert states(run(monkeypatch, [instance(), lookup("x" * 63 + "%2540%2525")], "x" * 63, database_login=login, **BY_TOKEN))[0][1] == "unchanged"
        assert "1 to 63 characters" in run(monkeypatch, [], "x" * 64, database_login=login, **BY_TOKEN)["msg"]

    @pytest.mark.parametrize("host", ["web-1", "10.0.0.0/255.0.0.0", "a b", "::1", "%a%b%", "10.0.0.1\n", "'"])
    def test_hosts(self, monkeypatch, host):
        result = run(monkeypatch, [], {"name": "alice", "password": NEW, "host": host}, **BY_TOKEN)
        assert states(result) == [("alice", "failed", None, "invalid_input")] and "The host of a database user" in result["msg"]

    def test_the_others_go_on(self, monkeypatch):
        result = run(monkeypatch, [instance(), lookup(), put("alice")], {"name": "bob", "password": "a;b1"}, "alice", "root", **BY_TOKEN)
        assert [state[1] for state in states(result)] == ["failed", "changed", "failed"]

    @pytest.mark.parametrize(
        "options, text",
        [
            ({"instance_id": ""}, "instance_id must not be empty."),
            ({"endpoint": "db.example.com"}, "endpoint must begin with https://"),
            ({"endpoint": "https://a:b@db"}, "endpoint must not contain a user"),
            (
                {"auth_type": "keystone", "auth_url": "x", "application_credential_id": "i", "application_credential_secret": "S3cr3t-MARKER"},
                "auth_url must begin with https://",
            ),
            ({"database_login": dict(DATABASE_LOGIN, timeout=0.0)}, "timeout must be more than 0"),
            ({"database_login": dict(DATABASE_LOGIN, timeout=float("nan"))}, "timeout must"),
            ({"database_login": dict(DATABASE_LOGIN, port=0)}, "port must be from 1"),
            ({"database_login": dict(DATABASE_LOGIN, port=70000)}, "port must be from 1"),
            ({"database_login": dict(DATABASE_LOGIN, ca_path="/no/such/file")}, "no readable file /no/such/file (ca_path)"),
        ],
    )
    def test_options_that_make_no_sense(self, monkeypatch, database, options, text):
        result = run(monkeypatch, [], "alice", **dict(BY_TOKEN, **options))
        assert result["error"]["kind"] == "invalid_input" and text in result["msg"] and database.calls == []

    @pytest.mark.parametrize("engine, library", [("mysql", "PyMySQL"), ("postgresql", "psycopg")])
    def test_a_library_that_is_missing(self, monkeypatch, engine, library):
        monkeypatch.setitem(sys.modules, {"mysql": "pymysql", "postgresql": "psycopg"}[engine], None)
        result = run(monkeypatch, [], "alice", database_login=dict(DATABASE_LOGIN, engine=engine), **BY_TOKEN)
        assert result["error"]["kind"] == "invalid_input" and library in result["msg"] and result["msg"].startswith("database_login: ")


class TestChangeRefused:
    """Answers to the change of several users."""

    def test_somebody_has_vanished_since_the_look_up(self, monkeypatch):
        gone = not_found("bob@%")
        calls = [instance(), lookup(), lookup("bob%2540%2525"), put("alice", "bob", answer=gone), put("alice"), put("bob", answer=gone)]
        result = run(monkeypatch, calls, "alice", "bob", **BY_TOKEN)
        assert states(result) == [("alice", "changed", None, None), ("bob", "failed", None, "user_not_found")]
        message = result["users"][1]["error"]["message"]
        assert message == "A user was deleted after the look-up. Run again. The service said: User bob@% cannot be found on the instance."

    def test_a_password_that_only_the_service_could_know_to_be_wrong(self, monkeypatch):
        bad = fault(400, "badRequest", "Error loading user: '%s' is not a valid password." % OLD)
        users = ["alice", {"name": "bob", "password": OLD}]
        calls = [instance(), lookup(), lookup("bob%2540%2525"), put("alice", ("bob", OLD), answer=bad), put("alice"), put(("bob", OLD), answer=bad)]
        result = run(monkeypatch, calls, *users, **BY_TOKEN)
        assert states(result) == [("alice", "changed", None, None), ("bob", "failed", None, "password_rejected")]
        error = result["users"][1]["error"]
        assert error["message"] == "The service refused the password. Choose another. The service said: Error loading user: '********' is not a valid password."
        assert (error["http_status"], error["vendor_code"], error["request_id"]) == (400, 400, "req-1")

    def test_the_instance_has_vanished_since_the_look_up(self, monkeypatch):
        gone = fault(404, "itemNotFound", "Resource i-1 cannot be found.")
        result = run(monkeypatch, [instance(), lookup(), lookup("bob%2540%2525"), put("alice", "bob", answer=gone)], "alice", "bob", **BY_TOKEN)
        assert {state[3] for state in states(result)} == {"target_not_found"}

    @pytest.mark.parametrize(
        "answer, kind, text",
        [
            (
                fault(403, "forbidden", "Policy doesn't allow it."),
                "permission_denied",
                "The service denied permission. Grant the right to manage the instance's users. The service said: Policy doesn't allow it.",
            ),
            (fault(413, "overLimit", "This request was rate-limited."), "rate_limited", "The service is rate-limiting requests."),
            (fault(429, "overLimit", "Slowly."), "rate_limited", "The service is rate-limiting requests."),
            (fault(422, "unprocessableEntity", "Instance i-1 is not ready, status: shutdown."), "target_not_ready", "status: shutdown."),
            (fault(422, "unprocessableEntity", "Operation not supported for datastore redis."), "unsupported", "datastore redis"),
            (
                fault(400, "badRequest", "Timeout trying to connect to the Guest Agent."),
                "vendor_unavailable",
                "The service could not reach the instance's database. Run again when it is up.",
            ),
            (
                fault(400, "badRequest", "An error occurred communicating with the guest: password."),
                "vendor_unavailable",
                "could not reach the instance's database",
            ),
            (fault(409, "conflict", "Busy."), "unexpected_response", "Unexpected HTTP status 409. The service said: Busy."),
            ((415, {"message": "Not that.<br />\n", "code": "415 Unsupported Media Type", "title": "x"}), "unexpected_response", "The service said: Not that."),
        ],
    )
    def test_nobody_is_to_blame(self, monkeypatch, answer, kind, text):
        result = run(monkeypatch, [instance(), lookup(), lookup("bob%2540%2525"), put("alice", "bob", answer=answer)], "alice", "bob", **BY_TOKEN)
        assert {state[1:] for state in states(result)} == {("failed", None, kind)} and result["changed"] is False
        assert text in result["users"][0]["error"]["message"]

    @pytest.mark.parametrize(
        "answer, kind",
        [
            (fault(500, "instanceFault", "Keep this ID: x."), "vendor_unavailable"),
            ((502, "<html>Bad Gateway</html>"), "vendor_unavailable"),
            ((200, {}), "unexpected_response"),
            ((204, ""), "unexpected_response"),
            (lambda: PasswordError(errors.TIMED_OUT, "Late.", maybe_applied=True), "timed_out"),
        ],
    )
    @pytest.mark.parametrize("arrived", [True, False, None])
    def test_what_proves_nothing(self, monkeypatch, database, answer, kind, arrived):
        looks = []

        def takes(user, password):
            looks.append(user)
            return (arrived and looks.count(user) > 1) if arrived is not None else database.error(2003)

        database._takes = takes
        calls = [instance(), lookup(), lookup("bob%2540%2525"), put("alice", "bob", answer=answer)]
        result = run(monkeypatch, calls, "alice", "bob", database_login=DATABASE_LOGIN, **BY_TOKEN)
        expected = {True: ("changed", True, None), False: ("failed", False, kind), None: ("unknown", None, "outcome_unknown")}[arrived]
        assert {state[1:] for state in states(result)} == {expected}


class TestLooksRefused:
    """Answers to what comes before the change."""

    @pytest.mark.parametrize("where", ["instance", "lookup", "page"])
    @pytest.mark.parametrize(
        "answer, kind",
        [
            (fault(403, "forbidden", "No."), "permission_denied"),
            (fault(413, "overLimit", "Slowly."), "rate_limited"),
            (fault(500, "instanceFault", "Oops."), "vendor_unavailable"),
            (fault(422, "unprocessableEntity", "Instance i-1 is not ready, status: building."), "target_not_ready"),
            ((503, "<html><body>Keystone is down</body></html>"), "vendor_unavailable"),
            ((204, ""), "unexpected_response"),
        ],
    )
    def test_what_concerns_all(self, monkeypatch, where, answer, kind):
        names = listed(6)
        calls = {"instance": [instance(answer)], "lookup": [instance(), lookup(answer=answer)], "page": [instance(), page([], answer=answer)]}[where]
        result = run(monkeypatch, calls, *(names if where == "page" else ["alice"]), **BY_TOKEN)
        assert result["error"]["kind"] == kind and result["changed"] is False

    @pytest.mark.parametrize(
        "text", ["Timeout trying to connect to the Guest Agent.", 'An error occurred communicating with the guest: (2003, "Can\'t connect").']
    )
    def test_a_guest_that_does_not_answer_is_asked_once(self, monkeypatch, text):
        result = run(monkeypatch, [instance(), lookup(answer=fault(400, "badRequest", text))], "alice", "bob", **BY_TOKEN)
        assert result["error"]["kind"] == "vendor_unavailable" and text in result["msg"]

    @pytest.mark.parametrize(
        "text", ["User show error: 'x' is not a valid user name.", "An error occurred communicating with the guest: Username x is not valid: too long.."]
    )
    def test_a_name_that_only_the_service_could_know_to_be_wrong(self, monkeypatch, text):
        calls = [instance(), lookup(answer=fault(400, "badRequest", text)), lookup("bob%2540%2525"), put("bob")]
        assert states(run(monkeypatch, calls, "alice", "bob", **BY_TOKEN)) == [("alice", "failed", None, "invalid_input"), ("bob", "changed", None, None)]

    def test_an_unknown_instance(self, monkeypatch):
        result = run(monkeypatch, [instance(fault(404, "itemNotFound", "Resource i-1 cannot be found."))], "alice", **BY_TOKEN)
        assert result["error"] == {
            "kind": "target_not_found",
            "message": "The instance does not exist. Correct instance_id, region or project. The service said: Resource i-1 cannot be found.",
            "http_status": 404,
            "vendor_code": 404, "request_id": "req-1", "retryable": False,
        }  # fmt: skip

    @pytest.mark.parametrize("body", [{}, [], {"user": "x"}, "<html>"])
    def test_a_user_that_is_none(self, monkeypatch, body):
        assert run(monkeypatch, [instance(), lookup(answer=(200, body))], "alice", **BY_TOKEN)["error"]["kind"] == "unexpected_response"


class TestLogins:
    """Logins to the database itself."""

    def test_a_password_that_is_right_already(self, monkeypatch, database):
        result = run(monkeypatch, [instance(), lookup()], "alice", database_login=DATABASE_LOGIN, **BY_TOKEN)
        assert states(result) == [("alice", "unchanged", True, None)] and result["warnings"] == []
        assert database.calls[0]["host"] == "db.example.com"

    def test_a_change_that_shows_later(self, monkeypatch, database):
        database._takes = lambda user, password: len(database.calls) > 3
        result = run(monkeypatch, [instance(), lookup(), put("alice")], "alice", database_login=DATABASE_LOGIN, **BY_TOKEN)
        assert states(result) == [("alice", "changed", True, None)] and len(database.calls) == 4

    def test_a_change_that_never_shows(self, monkeypatch, database):
        database._takes = lambda user, password: user == "bob" and len(database.calls) > 2
        calls = [instance(), lookup(), lookup("bob%2540%2525"), put("alice", "bob")]
        result = run(monkeypatch, calls, "alice", "bob", database_login=DATABASE_LOGIN, **BY_TOKEN)
        assert states(result) == [("alice", "failed", False, "not_verified"), ("bob", "changed", True, None)]
        assert result["changed"] is True and result["failed"] is True

    def test_a_database_out_of_reach_is_tried_once(self, monkeypatch, database):
        database._takes = lambda user, password: database.error(2003)
        names = listed(6)
        result = run(monkeypatch, [instance(), page(names), put(*names)], *names, database_login=DATABASE_LOGIN, **BY_TOKEN)
        assert {state[1:] for state in states(result)} == {("changed", None, None)} and result["failed"] is False
        assert len(database.calls) == 1
        assert result["warnings"] == ["Passwords cannot be verified: cannot log in to the database at db.example.com:3306 (error 2003)."]

    def test_an_account_about_which_nothing_can_be_found_out_does_not_spoil_the_others(self, monkeypatch, database):
        database._takes = lambda user, password: database.error(2059) if user == "alice" else password == NEW
        result = run(monkeypatch, [instance(), lookup(), lookup("bob%2540%2525"), put("alice")], "alice", "bob", database_login=DATABASE_LOGIN, **BY_TOKEN)
        assert states(result) == [("alice", "changed", None, None), ("bob", "unchanged", True, None)]
        assert result["warnings"] == ["The password of alice cannot be verified: the database at db.example.com:3306 responded with error 2059."]

    def test_a_locked_account(self, monkeypatch, database):
        database._takes = lambda user, password: database.error(4151)
        assert states(run(monkeypatch, [instance(), lookup()], "alice", database_login=DATABASE_LOGIN, **BY_TOKEN)) == [
            ("alice", "failed", None, "account_locked")
        ]

    def test_the_host_of_the_user_goes_along(self, monkeypatch, database):
        database._takes = lambda user, password: password == NEW and "alice@10.0.0.%"
        user = {"name": "alice", "password": NEW, "host": "10.0.0.%"}
        assert (
            states(run(monkeypatch, [instance(), lookup("alice%254010%252E0%252E0%252E%2525")], user, database_login=DATABASE_LOGIN, **BY_TOKEN))[0][1]
            == "unchanged"
        )

    @pytest.mark.parametrize(
        "host, shown, expected",
        [
            ("given.example.com", {"hostname": "told.example.com"}, "given.example.com"),
            (None, {"hostname": "told.example.com", "ip": ["10.0.0.2"]}, "told.example.com"),
            (None, {"ip": ["10.0.0.2", "10.0.0.3"]}, "10.0.0.2"),
            (None, {"hostname": 7, "ip": ["10.0.0.2"]}, "10.0.0.2"),
        ],
    )
    def test_where_the_database_is(self, monkeypatch, database, host, shown, expected):
        run(monkeypatch, [instance((200, {"instance": shown})), lookup()], "alice", database_login=dict(DATABASE_LOGIN, host=host, port=3307), **BY_TOKEN)
        assert [(call["host"], call["port"]) for call in database.calls] == [(expected, 3307)]

    @pytest.mark.parametrize(
        "body", [{}, [], {"instance": None}, {"instance": {}}, {"instance": {"ip": []}}, {"instance": {"ip": "x"}}, {"instance": {"ip": [7]}}]
    )
    def test_nobody_tells_where_the_database_is(self, monkeypatch, database, body):
        result = run(monkeypatch, [instance((200, body)), lookup(), put("alice")], "alice", database_login=DATABASE_LOGIN, **BY_TOKEN)
        assert states(result) == [("alice", "changed", None, None)] and database.calls == []
        assert result["warnings"] == ["Passwords cannot be verified: the service does not report the database's address; set host in database_login."]

    def test_without_verify_and_always_no_login_is_tried(self, monkeypatch, database):
        options = dict(BY_TOKEN, database_login=DATABASE_LOGIN, update_password="always", verify=False)
        result = run(monkeypatch, [instance(), lookup(), put("alice")], "alice", **options)
        assert states(result) == [("alice", "changed", None, None)] and database.calls == [] and result["warnings"] == []

    def test_postgresql(self, monkeypatch):
        fake = FakePostgreSQL()
        monkeypatch.setitem(sys.modules, "psycopg", fake)
        login = dict(DATABASE_LOGIN, engine="postgresql", database="shop")
        assert states(run(monkeypatch, [instance(), lookup()], "alice", database_login=login, **BY_TOKEN)) == [("alice", "unchanged", True, None)]
        assert (fake.calls[0]["host"], fake.calls[0]["dbname"]) == ("db.example.com", "shop")
