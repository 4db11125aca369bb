# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rackspace Cloud Databases and Trove: the ways to a token, and what becomes of one that ends."""

from __future__ import annotations

import json

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.plugins.module_utils._vendors.rackspace_database_wire import (
    ACCEPTED,
    API,
    BY_KEY,
    BY_KEYSTONE,
    BY_TOKEN,
    KEYSTONE,
    TOKEN,
    UNAUTHORIZED,
    instance,
    keystone_login,
    lookup,
    not_found,
    put,
    rackspace_login,
    run,
    states,
)  # fmt: skip
from tests.unit.plugins.module_utils.fake_vendor import NEW

AFTER_LOGIN = [instance(), lookup(), put("alice")]
SECOND = "S3cr3t-MARKER-second-token"
THIRD = "S3cr3t-MARKER-third-token"
APPLICATION = {"methods": ["application_credential"], "application_credential": {"id": "c-1", "secret": "S3cr3t-MARKER-credential"}}
BY_CREDENTIAL = {"auth_type": "keystone", "auth_url": KEYSTONE, "application_credential_id": "c-1", "application_credential_secret": "S3cr3t-MARKER-credential"}
NAMES = ("RACKSPACE_USERNAME", "RACKSPACE_API_KEY", "RACKSPACE_API_PASSWORD", "RACKSPACE_ACCOUNT_ID", "RACKSPACE_AUTH_URL", "RACKSPACE_REGION",
         "RACKSPACE_DATABASE_ENDPOINT",
         "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME", "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME", "OS_APPLICATION_CREDENTIAL_ID",
         "OS_APPLICATION_CREDENTIAL_SECRET",
         "OS_AUTH_URL", "OS_REGION_NAME", "OS_TOKEN", "OS_ENDPOINT")  # fmt: skip


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def environment(monkeypatch, **variables):
    """Set variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def works(monkeypatch, login, **options):
    """A run that gets its token like this."""
    assert states(run(monkeypatch, [login] + AFTER_LOGIN, "alice", **options)) == [("alice", "changed", None, None)]


def by_password(password="S3cr3t-MARKER-operator", user="operator"):
    """Credentials for Rackspace."""
    return {"passwordCredentials": {"username": user, "password": password}}


class TestWays:
    """What is sent for a token, once in each run."""

    def test_rackspace_with_an_api_key(self, monkeypatch):
        works(monkeypatch, rackspace_login(), **BY_KEY)

    def test_rackspace_with_a_password(self, monkeypatch):
        works(monkeypatch, rackspace_login(credentials=by_password()), api_user="operator", api_password="S3cr3t-MARKER-operator")

    def test_rackspace_with_an_account(self, monkeypatch):
        credentials = {"RAX-KSKEY:apiKeyCredentials": {"username": "operator", "apiKey": "S3cr3t-MARKER-key"}, "tenantId": "123456"}
        works(monkeypatch, rackspace_login(credentials=credentials), account_id="123456", **BY_KEY)

    def test_rackspace_elsewhere(self, monkeypatch):
        works(monkeypatch, rackspace_login(url="https://lon.invalid/v2.0"), auth_url="https://lon.invalid/v2.0", **BY_KEY)

    def test_keystone_with_a_password(self, monkeypatch):
        works(monkeypatch, keystone_login(), **BY_KEYSTONE)

    def test_keystone_with_domains(self, monkeypatch):
        works(monkeypatch, keystone_login(domains=("people", "projects")), user_domain_name="people", project_domain_name="projects", **BY_KEYSTONE)

    def test_keystone_with_an_application_credential(self, monkeypatch):
        works(monkeypatch, keystone_login(identity=APPLICATION, scope=False), **BY_CREDENTIAL)

    def test_a_token_needs_no_login(self, monkeypatch):
        run(monkeypatch, AFTER_LOGIN, "alice", **BY_TOKEN)

    @pytest.mark.parametrize(
        "options, endpoints",
        [
            ({"region": "ORD"}, [{"region": "DFW", "publicURL": "https://dfw.invalid"}, {"region": "ORD", "publicURL": API}]),
            ({"interface": "internal"}, [{"region": "DFW", "publicURL": "https://dfw.invalid", "internalURL": API}]),
            ({"endpoint": API}, [{"region": "DFW", "publicURL": "https://dfw.invalid"}, {"region": "ORD", "publicURL": "https://ord.invalid"}]),
        ],
    )
    def test_which_address_of_the_catalog(self, monkeypatch, options, endpoints):
        works(monkeypatch, rackspace_login(endpoints=endpoints), **dict(BY_KEY, **options))

    def test_no_address_in_the_catalog(self, monkeypatch):
        endpoints = [{"region": "DFW", "publicURL": "https://dfw.invalid"}, {"region": "ORD", "publicURL": "https://ord.invalid"}]
        result = run(monkeypatch, [rackspace_login(endpoints=endpoints)], "alice", **BY_KEY)
        assert result["error"]["kind"] == "target_not_found" and result["msg"].endswith("It offers: DFW (public), ORD (public). Correct region or interface.")

    @pytest.mark.parametrize("login, options", [(rackspace_login(answer=UNAUTHORIZED), BY_KEY), (keystone_login(answer=UNAUTHORIZED), BY_KEYSTONE)])
    def test_a_refused_login_is_not_tried_again(self, monkeypatch, login, options):
        result = run(monkeypatch, [login], "alice", "bob", **options)
        assert result["error"]["kind"] == "authentication_failed" and {state[3] for state in states(result)} == {"authentication_failed"}


class TestMissingOptions:
    """Each way says what it needs, before any request."""

    @pytest.mark.parametrize(
        "options, message",
        [
            ({}, "auth_type rackspace needs api_user and api_key, or api_user and api_password."),
            ({"api_user": "operator"}, "auth_type rackspace needs api_user and api_key, or"),
            ({"api_key": "S3cr3t-MARKER"}, "auth_type rackspace needs"),
            ({"auth_type": "keystone", "api_user": "o", "api_password": "S3cr3t-MARKER"}, "auth_type keystone needs auth_url."),
            (
                dict(BY_KEYSTONE, project_name=None),
                "auth_type keystone needs api_user and api_password and project_name, or application_credential_id and application_credential_secret.",
            ),
            (dict(BY_CREDENTIAL, application_credential_secret=""), "auth_type keystone needs api_user"),
            ({"auth_type": "token", "endpoint": API}, "auth_type token needs api_token and endpoint."),
            ({"auth_type": "token", "api_token": TOKEN}, "auth_type token needs api_token and endpoint."),
        ],
    )
    def test_missing(self, monkeypatch, options, message):
        result = run(monkeypatch, [], "alice", **options)
        assert result["error"]["kind"] == "invalid_input" and result["msg"].startswith(message)


class TestVariables:
    """Which variables of the environment count depends on the way."""

    def test_rackspace(self, monkeypatch):
        environment(
            monkeypatch,
            RACKSPACE_USERNAME="operator",
            RACKSPACE_API_KEY="S3cr3t-MARKER-key",
            RACKSPACE_ACCOUNT_ID="123456",
            RACKSPACE_REGION="DFW",
            RACKSPACE_AUTH_URL="https://lon.invalid/v2.0",
            OS_USERNAME="other",
            OS_PASSWORD="other",
            OS_REGION_NAME="other",
            OS_AUTH_URL="https://other",
        )
        credentials = {"RAX-KSKEY:apiKeyCredentials": {"username": "operator", "apiKey": "S3cr3t-MARKER-key"}, "tenantId": "123456"}
        works(monkeypatch, rackspace_login(url="https://lon.invalid/v2.0", credentials=credentials))

    def test_rackspace_with_a_password(self, monkeypatch):
        environment(monkeypatch, RACKSPACE_USERNAME="operator", RACKSPACE_API_PASSWORD="S3cr3t-MARKER-operator", RACKSPACE_DATABASE_ENDPOINT=API)
        works(monkeypatch, rackspace_login(credentials=by_password(), endpoints=[{"region": "X", "publicURL": "https://other"}]))

    def test_keystone(self, monkeypatch):
        environment(
            monkeypatch,
            OS_AUTH_URL=KEYSTONE,
            OS_USERNAME="operator",
            OS_PASSWORD="S3cr3t-MARKER-operator",
            OS_PROJECT_NAME="shop",
            OS_USER_DOMAIN_NAME="people",
            OS_PROJECT_DOMAIN_NAME="projects",
            OS_REGION_NAME="One",
            RACKSPACE_USERNAME="other",
            RACKSPACE_REGION="other",
            OS_TOKEN="other",
            OS_ENDPOINT="https://other",
        )
        works(monkeypatch, keystone_login(domains=("people", "projects")), auth_type="keystone")

    def test_an_application_credential(self, monkeypatch):
        environment(monkeypatch, OS_AUTH_URL=KEYSTONE, OS_APPLICATION_CREDENTIAL_ID="c-1", OS_APPLICATION_CREDENTIAL_SECRET="S3cr3t-MARKER-credential")
        works(monkeypatch, keystone_login(identity=APPLICATION, scope=False), auth_type="keystone")

    def test_a_token(self, monkeypatch):
        environment(monkeypatch, OS_TOKEN=TOKEN, OS_ENDPOINT=API, RACKSPACE_DATABASE_ENDPOINT="https://other")
        assert states(run(monkeypatch, AFTER_LOGIN, "alice", auth_type="token")) == [("alice", "changed", None, None)]

    def test_what_the_task_says_counts_more(self, monkeypatch):
        environment(monkeypatch, RACKSPACE_USERNAME="other", RACKSPACE_API_KEY="other")
        works(monkeypatch, rackspace_login(), **BY_KEY)

    def test_an_api_key_in_the_environment_does_not_replace_the_password_of_the_task(self, monkeypatch):
        environment(monkeypatch, RACKSPACE_API_KEY="other", RACKSPACE_USERNAME="other")
        works(monkeypatch, rackspace_login(credentials=by_password()), api_user="operator", api_password="S3cr3t-MARKER-operator")

    def test_an_application_credential_in_the_environment_does_not_replace_the_password_of_the_task(self, monkeypatch):
        environment(monkeypatch, OS_APPLICATION_CREDENTIAL_ID="other", OS_APPLICATION_CREDENTIAL_SECRET="other")
        works(monkeypatch, keystone_login(), **BY_KEYSTONE)

    def test_empty_variables_are_none(self, monkeypatch):
        environment(monkeypatch, RACKSPACE_USERNAME="", RACKSPACE_API_KEY="")
        assert run(monkeypatch, [], "alice")["error"]["kind"] == "invalid_input"

    @pytest.mark.parametrize(
        "variables, options, login",
        [
            ({"RACKSPACE_API_KEY": "S3cr3t-MARKER-key"}, {"api_user": "operator"}, rackspace_login),
            ({"OS_PASSWORD": "S3cr3t-MARKER-operator"}, dict(BY_KEYSTONE, api_password=None), keystone_login),
            ({"OS_TOKEN": TOKEN}, {"auth_type": "token", "endpoint": API}, None),
        ],
    )
    def test_secrets_out_of_the_environment_are_shown_nowhere(self, monkeypatch, variables, options, login):
        environment(monkeypatch, **variables)
        (secret,) = variables.values()
        answer = (403, {"forbidden": {"code": secret, "message": "You said %s." % secret}}, {"X-Openstack-Request-Id": secret})
        result = run(monkeypatch, [login(answer=answer)] if login else [instance(answer)], "alice", **options)
        assert "MARKER" not in json.dumps(result) and "You said ********." in result["msg"]

    def test_a_token_that_a_login_has_given_is_shown_nowhere(self, monkeypatch):
        calls = [rackspace_login(), instance((403, {"forbidden": {"code": 403, "message": "Token %s is useless." % TOKEN}}))]
        result = run(monkeypatch, calls, "alice", **BY_KEY)
        assert "MARKER" not in json.dumps(result) and "Token ******** is useless." in result["msg"]


class TestTokensThatEnd:
    """A new one each time, and only where there are credentials to get one."""

    @pytest.mark.parametrize("login, options", [(rackspace_login, BY_KEY), (keystone_login, BY_KEYSTONE)])
    @pytest.mark.parametrize("where", [0, 1, 2])
    def test_anywhere(self, monkeypatch, login, options, where):
        def calls(token):
            return [instance(token=token), lookup(token=token), put("alice", token=token)]

        first, second = calls(TOKEN)[: where + 1], calls(SECOND)[where:]
        first[-1].answer = UNAUTHORIZED
        result = run(monkeypatch, [login()] + first + [login(token=SECOND)] + second, "alice", **options)
        assert states(result) == [("alice", "changed", None, None)]

    def test_a_token_that_was_given_is_not_renewed(self, monkeypatch):
        result = run(monkeypatch, [instance(UNAUTHORIZED)], "alice", "bob", **BY_TOKEN)
        assert result["error"]["kind"] == "authentication_failed"
        assert result["msg"] == "The service refused the token. Check the credentials. The service said: The request you have made requires authentication."

    def test_a_new_token_that_is_refused_too(self, monkeypatch):
        calls = [rackspace_login(), instance(UNAUTHORIZED), rackspace_login(token=SECOND), instance(UNAUTHORIZED, token=SECOND)]
        assert run(monkeypatch, calls, "alice", **BY_KEY)["error"]["kind"] == "authentication_failed"

    def test_a_second_time_in_one_run(self, monkeypatch):
        calls = [
            rackspace_login(),
            instance(UNAUTHORIZED),
            rackspace_login(token=SECOND),
            instance(token=SECOND),
            lookup(token=SECOND),
            put("alice", token=SECOND, answer=UNAUTHORIZED),
            rackspace_login(token=THIRD),
            put("alice", token=THIRD),
        ]
        assert states(run(monkeypatch, calls, "alice", **BY_KEY)) == [("alice", "changed", None, None)]

    @pytest.mark.parametrize(
        "answer, kind",
        [
            (UNAUTHORIZED, "authentication_failed"),
            ((503, "<html>"), "vendor_unavailable"),
            (lambda: PasswordError(errors.TIMED_OUT, "Late.", maybe_applied=True), "timed_out"),
        ],
    )
    def test_no_new_token_in_the_middle_of_the_change(self, monkeypatch, answer, kind):
        """Whatever became of the login, the change was refused: nothing about it is in doubt."""
        calls = [rackspace_login(), instance(), lookup(), put("alice", answer=UNAUTHORIZED), rackspace_login(answer=answer)]
        assert states(run(monkeypatch, calls, "alice", **BY_KEY)) == [("alice", "failed", None, kind)]

    def test_in_the_middle_of_many_changes(self, monkeypatch):
        names = ["user%03d" % number for number in range(101)]
        listing = instance()
        listing.url += "/users"
        listing.answer = (200, {"users": [{"name": name, "host": "%"} for name in names]})
        calls = [rackspace_login(), instance(), listing, put(*names[:100], answer=UNAUTHORIZED), rackspace_login(answer=UNAUTHORIZED)]
        result = run(monkeypatch, calls, *names, **BY_KEY)
        # The second request is not sent any more.
        assert {state[3] for state in states(result)} == {"authentication_failed"} and len(result["users"]) == 101


def test_nobody_logs_in_for_what_is_certainly_wrong(monkeypatch):
    assert states(run(monkeypatch, [], {"name": "alice", "password": "a;b1"}, {"name": "root", "password": NEW}, **BY_KEY)) == [
        ("alice", "failed", None, "password_rejected"), ("root", "failed", None, "invalid_input"),
    ]  # fmt: skip


def test_nobody_logs_in_twice_for_many_users(monkeypatch):
    calls = (
        [rackspace_login(), instance()]
        + [lookup(name + "%2540%2525", answer=not_found() if name == "c" else None) for name in "abcd"]
        + [put(*"abd", answer=ACCEPTED)]
    )
    assert [state[1] for state in states(run(monkeypatch, calls, *"abcd", **BY_KEY))] == ["changed", "changed", "failed", "changed"]
