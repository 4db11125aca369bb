# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMware Cloud Director: each way to call the module, the requests that it takes, and what is in force afterwards."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.http import HttpClient

from tests.doubles.vcd import OPERATOR, OPERATOR_API_TOKEN, OPERATOR_PASSWORD, SYSTEM_API_TOKEN, SYSTEM_OPERATOR, SYSTEM_PASSWORD
from tests.unit.calls import verdict, verdicts
from tests.unit.plugins.module_utils._vendors.vcd_calls import ADMIN, BY_TOKEN, OWN_CHANGE, WRONG, logins, make, run, sent, user
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD

CHANGED = ("changed", True, None)
UNCHANGED = ("unchanged", True, None)
ROOT_NEW = "S3cr3t-MARKER-operator-2"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(name="double")
def a_double():
    """A double in its default state; nobody gets locked, and no session stays open."""
    with make() as running:
        yield running
        assert not running.lockouts and not running.open_sessions


class TestOwn:
    """Each user changes its own password."""

    def test_a_change_is_one_login_and_its_proof_another(self, double):
        result = run(double, user())
        assert verdict(result) == CHANGED and result["changed"] is True and result["warnings"] == []
        assert result["users"][0]["id"] == double.people["alice"].urn
        assert sent(double) == OWN_CHANGE and double.users["alice"] == NEW and double.writes == 1 and not double.failed_logins
        changed = double.requests[2]
        assert changed.path.endswith("/users/%s/changePassword" % double.people["alice"].urn)
        assert changed.json() == {"currentPassword": OLD, "newPassword": NEW}

    def test_no_connection_stays_open(self, double, monkeypatch):
        closed = []
        close = HttpClient.close
        monkeypatch.setattr(HttpClient, "close", lambda client: (closed.append(client.base_url), close(client)))
        run(double, user())
        double.inject("html", path="/api/versions", status=404)
        run(double, user())
        assert closed == [double.url] * 2

    def test_a_second_call_changes_nothing_and_costs_one_failed_login(self, double):
        run(double, user())
        double.read_only = True
        double.requests.clear()
        result = run(double, user())
        assert verdict(result) == UNCHANGED and result["changed"] is False and double.refused_writes == []
        assert sent(double) == ["GET versions", "POST sessions", "POST sessions", "DELETE current"] and double.failed_logins == {"alice": 1}

    def test_the_new_password_as_the_current_one_costs_nothing(self, double):
        assert verdict(run(double, user(password=OLD))) == UNCHANGED
        assert sent(double) == ["GET versions", "POST sessions", "DELETE current"] and not double.failed_logins

    def test_always_is_the_same_as_far_as_the_server_can_tell(self, double):
        assert verdict(run(double, user(), update_password="always")) == CHANGED
        assert sent(double) == OWN_CHANGE

    def test_always_without_verify_is_one_session(self, double):
        assert verdict(run(double, user(), update_password="always", verify=False)) == ("changed", None, None)
        assert sent(double) == OWN_CHANGE[:4]

    def test_no_right_is_needed(self, double):
        assert not double.people["alice"].is_admin
        assert verdict(run(double, user())) == CHANGED

    @pytest.mark.parametrize("update_password", ["when_changed", "always"])
    def test_check_mode_writes_nothing(self, double, update_password):
        double.read_only = True
        result = run(double, user(), user("bob", current_password=WRONG), check_mode=True, update_password=update_password)
        # Number 30: whether the current password is right would cost a login that may fail.
        assert verdicts(result) == [("would_change", None, None)] * 2 and double.refused_writes == [] and not double.sessions and not double.failed_logins

    def test_what_is_certain_costs_no_request(self, double):
        result = run(
            double, user("", password=NEW), user("a:b"), user("a\nb"), user("c", password=""), user("d", password="x" * 129), user("e", current_password=None),
            user("f", password=OLD, update_password="always"), user("g", unlock=True), user("h", current_password=""), user("i\ud800"),
            user("j", password="x\ud800"),
        )  # fmt: skip
        assert [kind for _state, _verified, kind in verdicts(result)] == [
            "invalid_input", "invalid_input", "invalid_input", "password_rejected", "password_rejected", "invalid_input", "password_reused", "invalid_input",
            "invalid_input", "invalid_input", "password_rejected",
        ]  # fmt: skip
        assert double.requests == []

    @pytest.mark.parametrize("options, message", [
        ({"org": ""}, "org must not be empty"), ({"org": "a:b"}, "org must not"), ({"api_version": "36.0"}, "at least 36.3"),
        ({"api_version": "newest"}, "api_version must be a version"), ({"url": "vcd.example.com"}, "url must begin with https://"),
        (dict(ADMIN, api_user="a:b"), "api_user must not"),
    ])  # fmt: skip
    def test_wrong_options_cost_no_request(self, double, options, message):
        result = run(double, user(), **options)
        assert result["error"]["kind"] == "invalid_input" and message in result["msg"] and double.requests == []

    @pytest.mark.parametrize("name", ["\u00e4l\u00efce", "alice smith", "a(b),c;d\\e*", "a@b", "\u4f60\u597d", "a/b?c&d=e%41+"])
    @pytest.mark.parametrize("password", ["S3cr3t-MARKER-\u00e4\u20ac\U0001f600", " S3cr3t:MARKER\"'\\<&> ", "S3cr3t-\tMARKER", "x" * 128])
    def test_names_and_passwords_that_are_not_plain(self, name, password):
        with make(name) as double:
            for options in ({}, ADMIN):
                double.set_user(name, OLD)
                assert verdict(run(double, user(name, password=password), allow_control_characters=True, **options)) == CHANGED
                assert double.users[name] == password
            assert not double.failed_logins and not double.open_sessions


class TestAdministrator:
    """An operator sets the passwords of others."""

    ONE = ["GET versions", "POST sessions", "GET users"]
    PROBE = ["POST sessions", "DELETE current"]

    def test_with_the_current_password_no_login_fails(self, double):
        result = run(double, user(), **ADMIN)
        assert verdict(result) == CHANGED and not double.failed_logins and double.users["alice"] == NEW
        assert sent(double) == self.ONE + self.PROBE + ["GET user", "PUT user"] + self.PROBE + ["DELETE current"]
        assert result["users"][0]["id"] == double.people["alice"].urn

    def test_without_it_one_does(self, double):
        assert verdict(run(double, user(current_password=None), **ADMIN)) == CHANGED
        assert sent(double) == self.ONE + ["POST sessions", "GET user", "PUT user"] + self.PROBE + ["DELETE current"]
        assert double.failed_logins == {"alice": 1}

    def test_always_without_verify(self, double):
        assert verdict(run(double, user(), update_password="always", verify=False, **ADMIN)) == ("changed", None, None)
        assert sent(double) == self.ONE + ["GET user", "PUT user", "DELETE current"]

    def test_a_second_call_changes_nothing(self, double):
        run(double, user(current_password=None), **ADMIN)
        double.read_only = True
        double.failed_logins.clear()
        assert verdict(run(double, user(current_password=None), **ADMIN)) == UNCHANGED
        assert double.refused_writes == [] and not double.failed_logins

    def test_everything_else_about_the_user_stays_as_it_is(self):
        people = {"alice": {"full_name": "Alice \u00c4", "description": "x", "email": "alice@example.com", "deployed_vm_quota": 3, "is_group_role": True}}
        for versions in (("36.3",), ("37.2",)):
            with make(people=people, versions=versions, shown_password="******", nulls=True) as double:
                before = repr(double.people["alice"])
                assert verdict(run(double, user(), **ADMIN)) == CHANGED
                assert repr(double.people["alice"]) == before and double.users["alice"] == NEW

    def test_what_somebody_has_changed_since_the_look_up_stays(self, double):
        """A user that is disabled in the middle of a batch is not enabled again by putting back what the look-up had told."""
        seen_by = double.inspect

        def disable(received):
            seen_by(received)
            if "/users/urn:" in received.path:
                double.people["alice"].enabled = False

        double.inspect = disable
        assert verdict(run(double, user(), update_password="always", **ADMIN)) == ("failed", None, "account_inactive")
        assert double.writes == 0 and double.people["alice"].enabled is False

    @pytest.mark.parametrize("attributes, kind", [
        ({"provider_type": "LDAP"}, "user_not_local"), ({"provider_type": "SAML"}, "user_not_local"), ({"provider_type": "OAUTH"}, "user_not_local"),
        ({"stranded": True}, "user_not_local"), ({"enabled": False}, "account_inactive"), ({"locked": True}, "account_locked"),
    ])  # fmt: skip
    def test_what_the_look_up_tells_costs_no_login(self, attributes, kind):
        with make(people={"alice": attributes}) as double:
            result = run(double, user("nobody"), user(), user("bob"), **ADMIN)
            assert verdicts(result) == [("failed", None, "user_not_found"), ("failed", None, kind), CHANGED]
            assert "User nobody does not exist in the organisation acme" in result["users"][0]["error"]["message"] and "alice" not in logins(double)
            assert double.users["alice"] == OLD and not double.failed_logins and not double.open_sessions

    def test_the_operator_among_the_users_comes_last_within_its_own_session(self, double):
        result = run(double, user(OPERATOR, password=ROOT_NEW, current_password="S3cr3t-MARKER-outdated"), user(), concurrency=4, **ADMIN)
        assert verdicts(result) == [CHANGED, CHANGED] and double.users[OPERATOR] == ROOT_NEW and double.users["alice"] == NEW
        assert [one.user for one in double.requests if one.write] == ["alice", OPERATOR] and double.requests[-4].path.endswith("/changePassword")
        # One login to act, one to prove.
        assert logins(double).count(OPERATOR) == 2 and not double.failed_logins
        assert result["users"][0]["id"] == double.people[OPERATOR].urn

    @pytest.mark.parametrize("ends", ["all", "others"])
    def test_a_change_that_ends_the_sessions_of_the_user(self, ends):
        with make(ends_sessions=ends) as double:
            result = run(double, user(OPERATOR, password=ROOT_NEW, current_password=None), user(), **ADMIN)
            assert verdicts(result) == [CHANGED, CHANGED] and not double.open_sessions and result["warnings"] == []
            assert verdict(run(double, user("bob"))) == CHANGED

    def test_the_operator_alone_looks_up_nobody(self, double):
        assert verdict(run(double, user(OPERATOR, password=ROOT_NEW, current_password=None, unlock=True), **ADMIN)) == CHANGED
        assert "GET users" not in sent(double)

    def test_an_operator_whose_password_is_right_already(self, double):
        assert verdict(run(double, user(OPERATOR, password=OPERATOR_PASSWORD), **ADMIN)) == UNCHANGED
        assert sent(double) == ["GET versions", "POST sessions", "DELETE current"]

    @pytest.mark.parametrize("update_password", ["when_changed", "always"])
    def test_check_mode_writes_nothing(self, double, update_password):
        double.read_only = True
        result = run(double, user(), user("nobody"), user(OPERATOR), check_mode=True, update_password=update_password, **ADMIN)
        assert [state for state, _verified, _kind in verdicts(result)] == ["would_change", "failed", "would_change"] and double.refused_writes == []

    def test_a_user_without_rights_acts_for_another(self, double):
        result = run(double, user(), user("bob", password=ROOT_NEW), api_user="bob", api_password=OLD)
        assert verdicts(result) == [("failed", None, "permission_denied"), CHANGED] and double.users["alice"] == OLD
        assert "may not look up users" in result["users"][0]["error"]["message"]

    def test_by_an_api_token(self, double):
        assert verdict(run(double, user(), **BY_TOKEN)) == CHANGED
        assert sent(double)[:4] == ["GET versions", "POST token", "GET current", "GET users"] and double.requests[1].path == "/oauth/tenant/acme/token"

    def test_an_api_token_that_may_only_look(self, double):
        double.inject("answer", method="PUT", status=403, body={"minorErrorCode": "ACCESS_TO_RESOURCE_IS_FORBIDDEN", "message": "[ 1 ] no"})
        result = run(double, user(), **BY_TOKEN)
        assert verdict(result) == ("failed", None, "permission_denied") and "use api_user and api_password" in result["msg"] and double.users["alice"] == OLD


class TestProvider:
    """The organisation System."""

    @pytest.mark.parametrize("org", ["System", "SYSTEM"])
    def test_a_system_administrator_changes_its_own_password(self, double, org):
        if org == "SYSTEM":
            # Some servers take it in any case.
            double._organisations["SYSTEM"] = double.system  # pylint: disable=protected-access
        assert verdict(run(double, user(SYSTEM_OPERATOR, current_password=SYSTEM_PASSWORD), org=org)) == CHANGED
        assert double.system.users[SYSTEM_OPERATOR] == NEW and sent(double)[1] == "POST provider"

    @pytest.mark.parametrize("options", [{"api_user": SYSTEM_OPERATOR, "api_password": SYSTEM_PASSWORD}, {"api_token": SYSTEM_API_TOKEN}])
    @pytest.mark.parametrize("sees", ["none", "first", "last"])
    def test_one_sets_the_password_of_another_and_not_that_of_a_tenants_namesake(self, options, sees):
        with make(provider_sees_all=sees != "none") as double:
            double.set_user("alice", OLD, "System")
            if sees == "last":
                # Of two by one name the older comes first.
                double.remove_user("alice")
                double.set_user("alice", OLD)
            assert verdict(run(double, user(), org="System", **options)) == CHANGED
            assert double.system.users["alice"] == NEW and double.users["alice"] == OLD and not double.open_sessions

    def test_a_tenants_token_is_none_of_the_providers(self, double):
        result = run(double, user(), org="System", api_token=OPERATOR_API_TOKEN)
        assert result["error"]["kind"] == "authentication_failed" and double.users["alice"] == OLD


class TestUnlock:
    """Unlocking is part of the same request."""

    @pytest.mark.parametrize("at_the_top", [True, False])
    def test_a_locked_user(self, at_the_top):
        with make(people={"alice": {"locked": True}}) as double:
            options = {"unlock": True} if at_the_top else {}
            result = run(double, user(**({} if at_the_top else {"unlock": True})), user("bob"), **dict(ADMIN, **options))
            assert verdicts(result) == [CHANGED, CHANGED] and not double.people["alice"].locked and not double.failed_logins
            assert double.writes == 2 and logins(double).count("alice") == 1
            put = [one.json() for one in double.requests if one.method == "PUT"]
            assert [body["locked"] for body in put] == [False, False] and [body["password"] for body in put] == [NEW, NEW]

    def test_check_mode_does_not_try_it(self):
        with make(people={"alice": {"locked": True}}, read_only=True) as double:
            assert verdict(run(double, user(), check_mode=True, unlock=True, **ADMIN)) == ("would_change", None, None)
            assert logins(double) == [OPERATOR] and double.people["alice"].locked

    def test_whoever_is_not_locked_and_right_already_is_left_alone(self, double):
        assert verdict(run(double, user(password=OLD, current_password=None), unlock=True, **ADMIN)) == UNCHANGED and double.writes == 0

    def test_no_before_yes(self):
        with make(people={"alice": {"locked": True}}) as double:
            assert verdict(run(double, user(unlock=False), unlock=True, **ADMIN)) == ("failed", None, "account_locked")

    def test_an_api_that_cannot(self):
        with make(versions=("36.3", "37.0")) as double:
            result = run(double, user(unlock=True), user("bob"), **ADMIN)
            assert verdicts(result) == [("failed", None, "unsupported"), CHANGED] and "37.2" in result["msg"] and double.users["alice"] == OLD


class TestVersions:
    """Which version of the API is used."""

    @pytest.mark.parametrize("offered, chosen", [
        (("35.0", "36.3"), "36.3"), (("36.3", "37.2", "39.1"), "39.1"), (("9.0", "36.10"), "36.10"), (("37.2", "40.0", "41.0"), "40.0"),
    ])  # fmt: skip
    def test_the_newest_that_both_know(self, offered, chosen):
        with make(versions=offered) as double:
            assert verdict(run(double, user(), **ADMIN)) == CHANGED
            assert {one.headers["accept"] for one in double.requests[1:]} == {"application/json;version=" + chosen}

    @pytest.mark.parametrize("offered, chosen", [
        (("9.0.0", "9.1.0"), "9.1.0"), (("9.0.0",), "9.0.0"), (("39.1", "40.0", "9.0.0", "9.1.0"), "9.1.0"), (("40.0", "9.2.0"), "40.0"),
        (("9.0.0", "9.2.0", "41.0"), "9.0.0"), (("9.0", "36.10", "9.0.0"), "9.0.0"),
    ])  # fmt: skip
    def test_edge_26_versions_of_three_numbers_come_after_those_of_two(self, offered, chosen):
        with make(versions=offered) as double:
            assert verdict(run(double, user(), **ADMIN)) == CHANGED
            assert {one.headers["accept"] for one in double.requests[1:]} == {"application/json;version=" + chosen}

    @pytest.mark.parametrize("version", ["9.0.0", "9.1.0"])
    def test_edge_26_one_of_them_may_be_given(self, version):
        with make(versions=("40.0", "9.0.0", "9.1.0")) as double:
            assert verdict(run(double, user(), api_version=version)) == CHANGED
            assert double.requests[0].headers["accept"] == "application/json;version=" + version

    def test_edge_26_users_are_unlocked_with_them_too(self):
        with make(versions=("9.0.0",), people={"alice": {"locked": True}}) as double:
            assert verdict(run(double, user(), unlock=True, **ADMIN)) == CHANGED

    @pytest.mark.parametrize("offered, message", [(("9.2.0", "41.0"), "9.2.0; to try it, set api_version"), (("9.0", "36.0"), "newest API version is 36.0")])
    def test_edge_26_too_new_or_too_old_is_told(self, offered, message):
        with make(versions=offered) as double:
            result = run(double, user())
            assert result["error"]["kind"] == "unsupported" and message in result["msg"]

    @pytest.mark.parametrize("given", [{}, {"api_version": "9.0.0"}])
    def test_edge_26_a_server_that_knows_one_name_only(self, given):
        with make(versions=("9.0.0",), host_name="vcfa.example.com") as double:
            result = run(double, user(), **ADMIN, **given)
            assert verdict(result)[2] == "unsupported" and "Host header" in result["msg"] and not double.failed_logins

    @pytest.mark.parametrize("ending", ["/api", "/api/", "/api/versions", "/cloudapi", "/cloudapi/1.0.0", "/tenant/acme", "/tenant/acme/vdcs/", "/provider"])
    def test_edge_22_what_was_copied_along_with_the_url_is_cut_off(self, double, ending):
        assert verdict(run(double, user(), url=double.url + ending, **ADMIN)) == CHANGED

    def test_one_that_is_given_is_not_asked_for(self, double):
        assert verdict(run(double, user(), api_version="36.3")) == CHANGED
        assert sent(double) == OWN_CHANGE[1:] and double.requests[0].headers["accept"] == "application/json;version=36.3"

    def test_one_that_is_given_and_not_there(self, double):
        result = run(double, user(), api_version="39.0")
        assert verdict(result) == ("failed", None, "unsupported") and "38.1" in result["msg"] and "api_version" in result["msg"]
        assert not double.failed_logins

    @pytest.mark.parametrize("offered, message", [
        (("35.0", "36.0"), "newest API version is 36.0; at least 36.3"), (("36.0", "41.0"), "41.0; to try it, set api_version"),
    ])  # fmt: skip
    def test_a_server_that_is_too_old_or_too_new(self, offered, message):
        with make(versions=offered) as double:
            result = run(double, user(), user("bob"))
            assert result["error"]["kind"] == "unsupported" and message in result["msg"] and len(double.requests) == 1

    @pytest.mark.parametrize("kind, options, error", [
        ("html", {"status": 200}, "unexpected_response"), ("answer", {"status": 200, "body": {"versionInfo": []}}, "unexpected_response"),
        ("answer", {"status": 200, "body": "<a><Version>36.3</Version></a>"}, "unexpected_response"), ("answer", {"status": 404, "body": "no"}, "unsupported"),
        ("answer", {"status": 401, "body": "no"}, "unexpected_response"), ("truncated", {}, "unexpected_response"),
        ("html", {"status": 500}, "vendor_unavailable"),
    ])  # fmt: skip
    def test_something_else_at_that_address(self, double, kind, options, error):
        double.inject(kind, path="/api/versions", times=None, **options)
        result = run(double, user(), retries=0)
        assert result["error"]["kind"] == error and len(double.requests) == 1
