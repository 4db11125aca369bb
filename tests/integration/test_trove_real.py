# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``rackspace_database_user_password`` through real Ansible on a real Trove, with real databases behind it.

What the module says is never taken for proof: whether a password is in force is asked of the database, and what was sent of Trove's own record.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse

import pytest
import requests
from starlette.responses import JSONResponse

from tests.doubles.base import Double
from tests.integration.module_results import only, run_tasks, told
from tests.integration.trove_passwords import KEPT, KEPT_BUT_REFUSED, LOST
from tests.integration.trove_tasks import (
    ALIAS,
    CHANGED,
    MODULE,
    UNCHANGED,
    UNPROVED,
    WOULD_CHANGE,
    Requests,
    by_password,
    by_token,
    call_error,
    errors,
    failed,
    keystone_down,
    login,
    secret,
    task,
)

# Nobody listens there.
NOWHERE = "http://127.0.0.1:9"


# Change, and change again


def test_change_then_nothing_to_change(ansible, trove_cloud, trove_user):
    first, second, third = secret("first"), secret("second"), secret("third")
    user = trove_user(first)
    who = {"name": user.name, **by_password(trove_cloud)}
    asked = Requests(trove_cloud)
    run = run_tasks(
        ansible,
        task("Change", password=second, **who),
        task("Again", password=second, **who),
        task("By the other name", ALIAS, password=second, **who),
        task("Always", password=second, update_password="always", **who),
        task("Without a proof", password=third, verify=False, **who),
        verbosity=5,
    )
    assert only(run, "Change") == CHANGED and run.result("Change").status == "changed"
    for title in ("Again", "By the other name"):
        assert only(run, title) == UNCHANGED and run.result(title).status == "ok"
    assert only(run, "Always") == CHANGED
    assert only(run, "Without a proof") == UNPROVED
    assert asked.writes() == [202, 202, 202]
    trove_cloud.settle()
    assert [trove_cloud.can_log_in(user.name, password) for password in (first, second, third)] == [False, False, True]
    assert run.leaks([first, second, third, who["api_password"]]) == []


def test_without_a_login_to_the_database_nothing_is_known(ansible, trove_cloud, trove_user):
    user = trove_user()
    alone = by_token(trove_cloud, name=user.name, password=secret("new"), database_login=None)
    unreachable = {**alone, "database_login": {"port": 9, "timeout": 1}}
    run = run_tasks(
        ansible,
        task("Change", **alone),
        task("Again", **alone),
        task("Unreachable", **unreachable),
        # The address is told as such, and not as a host's name.
        task("By address", **{**alone, "instance_id": trove_cloud.instances["addressed"], "database_login": login(trove_cloud)}),
    )
    for title, reason in (("Change", "database_login is not set"), ("Again", "database_login is not set"), ("Unreachable", "127.0.0.1:9")):
        assert only(run, title) == UNPROVED and run.result(title).status == "changed"
        (warning,) = run.result(title)["warnings"]
        assert reason in warning
    assert only(run, "By address") == UNCHANGED and "warnings" not in run.result("By address").result
    assert trove_cloud.can_log_in(user.name, secret("new")) and not trove_cloud.can_log_in(user.name, user.password)


# Many


@pytest.mark.slow
def test_sixty_users_with_one_request(ansible, trove_cloud, trove_user):
    users = [trove_user() for _number in range(60)]
    entries = [{"name": user.name, "password": secret("new-" + user.name)} for user in users]
    options = by_token(trove_cloud, users=entries)
    asked = Requests(trove_cloud)
    run = run_tasks(ansible, task("Batch", **options), task("Again", **options), verbosity=5)
    assert told(run, "Batch") == [(user.name, *CHANGED) for user in users]
    assert told(run, "Again") == [(user.name, *UNCHANGED) for user in users] and run.result("Again").status == "ok"
    # The instance and three pages of users, twice, and the change once.
    assert asked.writes() == [202] and len(asked("GET", end="/users")) == 6 and len(asked()) == 9
    assert all(trove_cloud.can_log_in(user.name, secret("new-" + user.name)) for user in users)
    assert not any(trove_cloud.can_log_in(user.name, user.password) for user in users)
    assert run.leaks([entry["password"] for entry in entries] + [user.password for user in users] + [options["api_token"]]) == []


def test_users_behind_the_trap_of_the_pages(ansible, trove_cloud):
    """The link to the next page leads back to the first: who follows it as it stands never finds these."""
    names = ["page%02d" % number for number in range(45)]
    for name in names:
        trove_cloud.create_user(name, secret("old"))
    wanted = [names[0], names[19], names[20], names[39], names[40], names[44], "page45"]
    asked = Requests(trove_cloud)
    run = run_tasks(ansible, task("Batch", **by_token(trove_cloud), users=[{"name": name, "password": secret("new")} for name in wanted]))
    assert told(run, "Batch") == [(name, *CHANGED) for name in wanted[:-1]] + [("page45", *failed("user_not_found"))]
    # The unknown one is asked for by its name before it is given up, since a list may end early.
    assert (len(asked("GET", end="/users")), asked.writes(), len(asked())) == (3, [202], 6)
    assert [name for name in names if trove_cloud.can_log_in(name, secret("new"))] == wanted[:-1]


def test_an_unknown_user_fails_alone_and_a_host_is_a_part_of_the_user(ansible, trove_cloud, trove_user):
    first, last, here, there = trove_user(), trove_user(), trove_user(host="127.0.0.1"), trove_user(host="127.0.0.2")
    trove_cloud.create_user("twins", secret("old"), "127.0.0.2")
    trove_cloud.create_user("twins", secret("old"), "127.0.0.3")
    entries = [
        {"name": first.name},
        {"name": "nope"},
        {"name": here.name, "host": "127.0.0.1"},
        {"name": there.name, "host": "127.0.0.2"},
        {"name": there.name},
        {"name": "twins", "host": "127.0.0.3"},
        {"name": last.name},
    ]
    entries = [{**entry, "password": secret("new")} for entry in entries]
    asked = Requests(trove_cloud)
    run = run_tasks(
        ansible,
        task("Batch", **by_token(trove_cloud), users=entries),
        # As few as these are looked up one by one.
        task("Few", **by_token(trove_cloud), users=entries[1:3]),
        task("One", **by_token(trove_cloud), **entries[2]),
    )
    assert told(run, "Batch") == [
        (first.name, *CHANGED),
        ("nope", *failed("user_not_found")),
        (here.name, *CHANGED),
        # Whom the database lets in from elsewhere only nobody can prove here.
        (there.name, *UNPROVED),
        (there.name, *failed("user_not_found")),
        ("twins", *UNPROVED),
        (last.name, *CHANGED),
    ]
    assert told(run, "Few") == [("nope", *failed("user_not_found")), (here.name, *UNCHANGED)] and only(run, "One") == UNCHANGED
    assert (run.result("Batch").status, run.result("Batch")["changed"]) == ("ignored", True)
    assert "nope@%" in errors(run, "Batch")[1]["message"] and len(run.result("Batch")["warnings"]) == 2
    assert asked.writes() == [202]
    trove_cloud.settle()
    for name, host, is_new in (
        (first.name, None, True),
        (last.name, None, True),
        (here.name, "127.0.0.1", True),
        (there.name, "127.0.0.2", True),
        (there.name, None, False),
        ("twins", "127.0.0.3", True),
        ("twins", "127.0.0.2", False),
    ):
        assert trove_cloud.can_log_in(name, secret("new"), host) is is_new, (name, host)
    assert trove_cloud.can_log_in("twins", secret("old"), "127.0.0.2")


ODD_NAMES = ("a.b", "a b", "a%b", "9ä", "a+b&c=d?", "a#b", "x" * 16)


def test_odd_names(ansible, trove_cloud):
    for name in ODD_NAMES:
        trove_cloud.create_user(name, secret("old"))
    options = by_token(trove_cloud)
    entries = [{"name": name, "password": secret("new")} for name in ODD_NAMES]
    run = run_tasks(ansible, task("Few", **options, users=entries[:4]), task("Few more", **options, users=entries[4:]), task("All", **options, users=entries))
    assert told(run, "Few") + told(run, "Few more") == [(name, *CHANGED) for name in ODD_NAMES]
    assert told(run, "All") == [(name, *UNCHANGED) for name in ODD_NAMES]
    assert all(trove_cloud.can_log_in(name, secret("new")) for name in ODD_NAMES)


def test_one_odd_account_that_spoils_the_list(ansible, trove_cloud, trove_user):
    users = [trove_user() for _number in range(6)]
    trove_cloud.create_user("a_name_of_more_than_16", secret("old"))
    entries = [{"name": name, "password": secret("new")} for name in [*(user.name for user in users), "nope"]]
    run = run_tasks(ansible, task("Batch", **by_token(trove_cloud), users=entries))
    assert told(run, "Batch") == [(user.name, *CHANGED) for user in users] + [("nope", *failed("user_not_found"))]
    assert all(trove_cloud.can_log_in(user.name, secret("new")) for user in users)


# What passwords and names may be


def test_what_the_service_would_lose_is_refused_before_any_request(ansible, trove_cloud, trove_user):
    """That a real Trove takes each of these with a 202, and that the database then keeps the old one, is shown in test_servers_trove.py."""
    users = [trove_user() for _password in LOST]
    entries = [{"name": user.name, "password": password} for user, password in zip(users, LOST)]
    refused = {"!" * 20: "letter or digit", "x" * 256: "longer than 255", "": "shorter than 1", "new\nline9": "control character"}
    others = [{"name": "user%d" % number, "password": password} for number, password in enumerate(refused)]
    names = ["root", "os_admin", "x" * 17, "", "quo'te", "com,ma", " blank", "ä", "bob@10.0.0.1"]
    asked = Requests(trove_cloud)
    run = run_tasks(
        ansible,
        task("Lost", **by_token(trove_cloud), users=entries),
        # Neither is Keystone asked.
        task("Nowhere", **by_password(trove_cloud, auth_url=NOWHERE), users=entries + others),
        task("Names", **by_token(trove_cloud, endpoint=NOWHERE), users=[{"name": name, "password": secret("new")} for name in names]),
        verbosity=5,
    )
    assert told(run, "Lost") == [(user.name, *failed("password_rejected")) for user in users]
    assert told(run, "Nowhere") == told(run, "Lost") + [(entry["name"], *failed("password_rejected")) for entry in others]
    assert told(run, "Names") == [(name, *failed("invalid_input")) for name in names]
    for title in ("Lost", "Nowhere", "Names"):
        assert (run.result(title)["changed"], call_error(run, title)) == (False, None)
    assert asked() == []
    messages = {password: error["message"] for password, error in zip([*LOST, *refused], errors(run, "Nowhere"))}
    assert [password for password, message in messages.items() if password and password in message] == []
    rules = {
        "quote'9": "Do not use any of these",
        " leading9": "space",
        "bell\a9": "control character",
        "no\u200bwidth9": "control character",
        "!:zz9": "colon",
        "é!:é9": "colon",
        **refused,
    }
    assert {password: rule for password, rule in rules.items() if rule not in messages[password]} == {}
    assert all(trove_cloud.can_log_in(user.name, user.password) for user in users)
    # Shorter ones stand in many a text.
    assert run.leaks([password for password in LOST if len(password.strip().encode()) > 9]) == []


def test_what_the_service_keeps_is_changed_and_proved(ansible, trove_cloud, trove_user):
    users = {password: trove_user() for password in KEPT}
    asked = Requests(trove_cloud)
    run = run_tasks(ansible, task("Batch", **by_token(trove_cloud), users=[{"name": user.name, "password": new} for new, user in users.items()]))
    # Without the names: Ansible hides a password of one character in them, too.
    outcomes = {password: user[1:] for password, user in zip(users, told(run, "Batch"))}
    assert outcomes == dict.fromkeys(KEPT, CHANGED) | dict.fromkeys(KEPT_BUT_REFUSED, failed("password_rejected"))
    assert asked.writes() == [202]
    assert [password for password, user in users.items() if not trove_cloud.can_log_in(user.name, password)] == KEPT_BUT_REFUSED


# After the 202


def test_a_change_that_arrives_late_is_waited_for(ansible, trove_cloud, trove_user):
    users = [trove_user(), trove_user()]
    trove_cloud.guest_delay = 2
    run = run_tasks(ansible, task("Change", **by_token(trove_cloud), users=[{"name": user.name, "password": secret("new")} for user in users]))
    assert told(run, "Change") == [(user.name, *CHANGED) for user in users]
    # No settling: that it is there already is what was proved.
    assert all(trove_cloud.can_log_in(user.name, secret("new")) for user in users)


@pytest.mark.slow
def test_a_change_that_never_arrives(ansible, trove_cloud, trove_user):
    user, unproved, same = trove_user(), trove_user(), trove_user(secret("new"))
    trove_cloud.guest_loses = True
    options = by_token(trove_cloud)
    run = run_tasks(
        ansible,
        task("Change", **options, users=[{"name": one.name, "password": secret("new")} for one in (user, same)]),
        task("Without a proof", **options, name=unproved.name, password=secret("new"), verify=False),
    )
    assert told(run, "Change") == [(user.name, "failed", False, "not_verified"), (same.name, *UNCHANGED)]
    assert run.result("Change").status == "ignored" and "does not log in" in run.result("Change")["msg"]
    # Who does not want a proof learns nothing.
    assert only(run, "Without a proof") == UNPROVED
    assert trove_cloud.can_log_in(user.name, user.password) and trove_cloud.can_log_in(unproved.name, unproved.password)


@pytest.mark.slow
def test_the_database_stops_in_the_middle(ansible, trove_cloud, trove_user):
    users = [trove_user(), trove_user()]
    # Longer than it takes to stop the database.
    trove_cloud.guest_delay = 3
    asked = Requests(trove_cloud)
    entries = [{"name": user.name, "password": secret("new"), "update_password": "always"} for user in users]
    running = ansible.start_playbook(
        [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "tasks": [
                    task("Change", **by_token(trove_cloud), users=entries),
                    task("When it is down", **by_token(trove_cloud), users=entries),
                ],
            }
        ]
    )
    asked.wait_for_write(running)
    trove_cloud.stop_database()
    run = running.wait()
    # The service has said yes, and nobody can tell what became of it; here it is lost.
    assert told(run, "Change") == [(user.name, *UNPROVED) for user in users]
    assert run.result("Change")["changed"] is True
    (warning,) = run.result("Change")["warnings"]
    assert "Passwords cannot be verified" in warning
    assert call_error(run, "When it is down") == "vendor_unavailable" and run.result("When it is down")["changed"] is False
    assert asked.writes() == [202]
    trove_cloud.settle()
    trove_cloud.start_database()
    assert all(trove_cloud.can_log_in(user.name, user.password) for user in users)


# Instances


@pytest.mark.slow
def test_instances_that_cannot_be_changed(ansible, trove_cloud, trove_user):
    user = trove_user()
    who = {"name": user.name, "password": secret("new"), "update_password": "always", "retries": 1}
    kinds = {
        "building": "target_not_ready",
        "shut_down": "target_not_ready",
        "foreign": "target_not_found",
        "missing": "target_not_found",
        "unreachable": "vendor_unavailable",
    }
    asked = Requests(trove_cloud)
    tasks = [task(instance, **by_token(trove_cloud, instance), **who) for instance in kinds]
    run = run_tasks(
        ansible,
        *tasks,
        {**task("building, in check mode", **by_token(trove_cloud, "building"), **who), "check_mode": True},
        task("another project", **by_token(trove_cloud, "foreign", endpoint=trove_cloud.endpoint_of("other")), **who),
        task("no identifier", **{**by_token(trove_cloud), "instance_id": "../instances"}, **who),
        verbosity=5,
    )
    kinds.update({"building, in check mode": "target_not_ready", "another project": "permission_denied", "no identifier": "target_not_found"})
    assert {title: call_error(run, title) for title in kinds} == kinds
    assert {title for title in kinds if run.result(title)["changed"]} == set()
    told_of = {title: run.result(title)["error"] for title in kinds}
    assert told_of["building"]["retryable"] and told_of["building"]["http_status"] == 422 and told_of["building"]["request_id"].startswith("req-")
    assert "status: building" in told_of["building"]["message"] and "status: shutdown" in told_of["shut_down"]["message"]
    assert trove_cloud.instances["missing"] in told_of["missing"]["message"] and told_of["missing"]["http_status"] == 404
    assert "Guest Agent" in told_of["unreachable"]["message"]
    # Their texts have tags of HTML in them.
    assert "<" not in told_of["another project"]["message"] and told_of["another project"]["vendor_code"] == "403 Forbidden"
    assert asked.writes() == []
    assert trove_cloud.can_log_in(user.name, user.password)


# Who may


@pytest.mark.slow
def test_ways_to_a_token(ansible, trove_cloud, trove_user):
    user = trove_user()
    user_options = {"name": user.name, "password": secret("new")}
    member, application = by_password(trove_cloud), trove_cloud.application_credential
    credential = {key: member[key] for key in ("auth_type", "auth_url", "region", "instance_id", "database_login")}
    credential.update(application_credential_id=application.id, application_credential_secret=application.secret)
    fine = {
        "password": member,
        "without /v3": {**member, "auth_url": trove_cloud.auth_url.removesuffix("/v3") + "/"},
        "domains": {**member, "user_domain_name": "Default", "project_domain_name": "Default", "interface": "internal"},
        "application credential": credential,
        "token": by_token(trove_cloud),
        "endpoint beside the catalog": {**member, "region": None, "endpoint": trove_cloud.endpoint},
    }
    wrong = {
        "wrong password": ({**member, "api_password": secret("wrong")}, "authentication_failed"),
        "wrong domain": ({**member, "user_domain_name": "elsewhere"}, "authentication_failed"),
        "wrong project": ({**member, "project_name": "other"}, "authentication_failed"),
        "wrong secret": ({**credential, "application_credential_secret": secret("wrong")}, "authentication_failed"),
        "no region": ({**member, "region": None}, "target_not_found"),
        "unknown region": ({**member, "region": "RegionNine"}, "target_not_found"),
        "dead region": ({**member, "region": trove_cloud.dead_region, "retries": 0}, "connection_failed"),
        "dead interface": ({**member, "interface": "admin", "retries": 0}, "connection_failed"),
        "no project": ({**member, "project_name": None}, "invalid_input"),
    }
    asked = Requests(trove_cloud)
    run = run_tasks(
        ansible,
        *(task(title, **user_options, **options) for title, options in fine.items()),
        *(task(title, **user_options, **options) for title, (options, _kind) in wrong.items()),
        verbosity=5,
    )
    titles = list(fine)
    assert [only(run, title) for title in titles] == [CHANGED] + [UNCHANGED] * (len(titles) - 1)
    assert {title: call_error(run, title) for title in wrong} == {title: kind for title, (_options, kind) in wrong.items()}
    assert asked.writes() == [202]
    for title in ("no region", "unknown region"):
        assert "RegionOne (public)" in run.result(title)["msg"]
    assert trove_cloud.can_log_in(user.name, secret("new"))
    assert run.leaks([secret("new"), secret("wrong"), member["api_password"], application.secret, fine["token"]["api_token"]]) == []


def test_tokens_that_are_refused_and_a_role_that_may_only_read(ansible, trove_cloud, trove_user):
    first, second, third = trove_user(), trove_user(), trove_user(secret("new"))
    revoked = trove_cloud.token()
    trove_cloud.revoke(revoked)
    tokens = {"wrong": secret("token"), "expired": trove_cloud.expired_token(), "revoked": revoked}
    who = {"name": first.name, "password": secret("new")}
    asked = Requests(trove_cloud)
    run = run_tasks(
        ansible,
        *(task(title, **by_token(trove_cloud, api_token=token), **who) for title, token in tokens.items()),
        task("foreign", **by_token(trove_cloud, api_token=trove_cloud.token("foreign")), **who),
        task("reader", **by_password(trove_cloud, "reader"), users=[{"name": user.name, "password": secret("new")} for user in (first, second, third)]),
        verbosity=5,
    )
    for title in tokens:
        assert (call_error(run, title), run.result(title)["error"]["http_status"]) == ("authentication_failed", 401)
    assert call_error(run, "foreign") == "permission_denied"
    # Who may look but not write learns at least whose password is right already.
    assert told(run, "reader") == [(user.name, *failed("permission_denied")) for user in (first, second)] + [(third.name, *UNCHANGED)]
    assert [error and error["http_status"] for error in errors(run, "reader")] == [403, 403, None]
    assert asked.writes() == [403]
    assert trove_cloud.can_log_in(first.name, first.password) and trove_cloud.can_log_in(second.name, second.password)
    assert run.leaks([*tokens.values(), secret("new")]) == []


def test_options_from_the_environment(ansible, trove_cloud, trove_user):
    user = trove_user()
    member, application = trove_cloud.credentials["member"], trove_cloud.application_credential
    what = {"name": user.name, "password": secret("new"), "instance_id": trove_cloud.instances["healthy"], "database_login": login(trove_cloud)}
    openrc = {
        "OS_AUTH_URL": trove_cloud.auth_url,
        "OS_USERNAME": member.username,
        "OS_PASSWORD": member.password,
        "OS_PROJECT_NAME": member.project_name,
        "OS_USER_DOMAIN_NAME": member.user_domain_name,
        "OS_PROJECT_DOMAIN_NAME": member.project_domain_name,
        "OS_REGION_NAME": trove_cloud.region,
    }
    application_rc = {
        "OS_AUTH_URL": trove_cloud.auth_url,
        "OS_REGION_NAME": trove_cloud.region,
        "OS_APPLICATION_CREDENTIAL_ID": application.id,
        "OS_APPLICATION_CREDENTIAL_SECRET": application.secret,
    }
    ready = {"OS_TOKEN": trove_cloud.token(), "OS_ENDPOINT": trove_cloud.endpoint}
    run = run_tasks(
        ansible,
        {**task("openrc", ALIAS, auth_type="keystone", **what), "environment": openrc},
        {**task("application credential", auth_type="keystone", **what), "environment": application_rc},
        {**task("token", auth_type="token", **what), "environment": ready},
        # Those of another way to a token count for nothing.
        {**task("another way", auth_type="rackspace", **what), "environment": {**openrc, **ready}},
        {**task("the task wins", auth_type="keystone", **what, api_password=secret("wrong")), "environment": {**openrc, **application_rc}},
        verbosity=4,
    )
    assert [only(run, title) for title in ("openrc", "application credential", "token")] == [CHANGED, UNCHANGED, UNCHANGED]
    assert [call_error(run, title) for title in ("another way", "the task wins")] == ["invalid_input", "authentication_failed"]
    assert trove_cloud.can_log_in(user.name, secret("new"))


def test_rackspace_identity(ansible, trove_cloud, trove_user, rackspace_identity):
    user, double = trove_user(), rackspace_identity
    key, password, account = double.api_keys["alice"], double.users["alice"], trove_cloud.credentials["member"].project_id
    what = {"name": user.name, "password": secret("new"), "instance_id": trove_cloud.instances["healthy"], "database_login": login(trove_cloud)}
    alice = {**what, "auth_url": double.url + "/v2.0", "api_user": "alice", "region": "ORD", "retries": 0}
    rackspace_rc = {
        "RACKSPACE_AUTH_URL": double.url + "/v2.0",
        "RACKSPACE_USERNAME": "alice",
        "RACKSPACE_API_KEY": key,
        "RACKSPACE_ACCOUNT_ID": account,
        "RACKSPACE_REGION": "ORD",
    }
    wrong = {
        "wrong key": ({"api_key": secret("wrong")}, "authentication_failed"),
        "wrong password": ({"api_password": secret("wrong")}, "authentication_failed"),
        "wrong account": ({"api_key": key, "account_id": "999"}, "authentication_failed"),
        "no region": ({"api_key": key, "region": None}, "target_not_found"),
        "dead region": ({"api_key": key, "region": "DFW"}, "connection_failed"),
        "nothing to log in with": ({}, "invalid_input"),
    }
    run = run_tasks(
        ansible,
        task("API key", **alice, api_key=key),
        task("password", **alice, api_password=password, account_id=account),
        {**task("environment", **what), "environment": rackspace_rc},
        *(task(title, **{**alice, **options}) for title, (options, _kind) in wrong.items()),
        verbosity=4,
    )
    assert [only(run, title) for title in ("API key", "password", "environment")] == [CHANGED, UNCHANGED, UNCHANGED]
    assert {title: call_error(run, title) for title in wrong} == {title: kind for title, (_options, kind) in wrong.items()}
    assert double.failed_logins == {"alice": 2}
    assert "DFW (public), ORD (public)" in run.result("no region")["msg"]
    assert trove_cloud.can_log_in(user.name, secret("new"))
    # What stands in a task's environment Ansible itself prints at this verbosity: the key is not searched for.
    assert run.leaks([secret("new"), secret("wrong"), password, *double.issued]) == []


def test_keystone_is_down(ansible, trove_cloud, trove_user):
    user = trove_user()
    who = {"name": user.name, "password": secret("new"), "retries": 0}
    with_token, with_password = by_token(trove_cloud), by_password(trove_cloud)
    with keystone_down(trove_cloud):
        run = run_tasks(ansible, task("Log in", **with_password, **who), task("Token", **with_token, **who), verbosity=5)
    # The service itself answers, but cannot find out whose token it is.
    assert [call_error(run, title) for title in ("Log in", "Token")] == ["connection_failed", "vendor_unavailable"]
    assert run.result("Token")["error"]["http_status"] == 503 and "<" not in run.result("Token")["msg"]
    assert all(one["error"]["retryable"] for one in run.results)
    assert trove_cloud.can_log_in(user.name, user.password)
    assert run.leaks([secret("new"), with_token["api_token"], with_password["api_password"]]) == []


# The limit


@pytest.mark.slow
def test_the_rate_limit_is_told_or_waited_for(ansible, trove_cloud, trove_user):
    user, rate = trove_user(), 8
    options = by_token(trove_cloud, name=user.name, password=secret("new"))
    # A change is free again after 60 / 8 seconds, which is long enough for Ansible to start.
    trove_cloud.restart_api(http_put_rate=rate)
    url = "%s/instances/%s/users" % (trove_cloud.endpoint, trove_cloud.instances["healthy"])
    for _number in range(rate):
        requests.put(url, json={"users": []}, headers={"X-Auth-Token": options["api_token"]}, timeout=30)
    asked = Requests(trove_cloud)
    run = run_tasks(ansible, task("Told", **options, retries=0), task("Waited for", **options))
    assert only(run, "Told") == failed("rate_limited") and only(run, "Waited for") == CHANGED
    (error,) = errors(run, "Told")
    assert error["http_status"] == 413 and error["retryable"] and error["vendor_code"] == 413
    assert asked.writes()[:2] == [413, 413] and asked.writes()[-1] == 202
    assert trove_cloud.can_log_in(user.name, secret("new"))


# Check mode


def test_check_mode_with_diff_while_writes_are_refused(ansible, trove_cloud, trove_user):
    alice, carol = trove_user(), trove_user(secret("new"))
    users = [{"name": name, "password": secret("new")} for name in (alice.name, "nope", carol.name)]
    options = by_password(trove_cloud, users=users)
    asked, trove_cloud.read_only = Requests(trove_cloud), True
    run = run_tasks(ansible, task("Check", **options), task("Unproved", **{**options, "database_login": None}), check=True, diff=True, verbosity=5)
    would = [(alice.name, *WOULD_CHANGE), ("nope", *failed("user_not_found"))]
    assert told(run, "Check") == would + [(carol.name, *UNCHANGED)]
    assert told(run, "Unproved") == would + [(carol.name, *WOULD_CHANGE)]
    assert asked() and asked.writes() == []
    before, after = "wanted password: not in force\n", "wanted password: in force\n"
    assert {one["before_header"]: (one["before"], one["after"]) for one in run.result("Check")["diff"]}[alice.name] == (before, after)
    assert run.leaks([secret("new"), options["api_password"]]) == []
    # Without check mode the refusal proves nothing, and no login can tell.
    run = run_tasks(ansible, task("Change", **by_token(trove_cloud, name=alice.name, password=secret("new"), database_login=None)))
    assert only(run, "Change") == ("unknown", None, "outcome_unknown") and run.result("Change")["changed"] is False
    assert asked.writes() == [500]
    assert trove_cloud.can_log_in(alice.name, alice.password)


# PostgreSQL


def test_postgresql(ansible, trove_cloud, trove_postgresql):
    trove_postgresql.create_user("paula", secret("old"))
    trove_postgresql.create_user("a_name_of_more_than_16", secret("old"))
    options = by_token(trove_cloud, "postgresql", database_login={"engine": "postgresql", "port": trove_postgresql.port})
    names = ["paula", "a_name_of_more_than_16"]
    users = [{"name": name, "password": secret("new")} for name in names] + [{"name": "nope", "password": secret("new")}]
    asked = Requests(trove_cloud)
    run = run_tasks(
        ansible,
        {**task("Check", **options, users=users), "check_mode": True},
        task("Change", **options, users=users),
        task("Again", **options, users=users),
        # That one is lost there, too.
        task("Quote", **options, name="paula", password="quote'9"),
        task("Database", **{**options, "database_login": {**options["database_login"], "database": "nowhere"}}, users=users[:1]),
        verbosity=5,
    )
    unknown = [("nope", *failed("user_not_found"))]
    for title, outcome in (("Check", WOULD_CHANGE), ("Change", CHANGED), ("Again", UNCHANGED)):
        assert told(run, title) == [(name, *outcome) for name in names] + unknown
    assert only(run, "Quote") == failed("password_rejected")
    # The server tells of a missing database only after the password was right.
    assert only(run, "Database") == UNCHANGED
    assert asked.writes() == [202]
    assert [trove_postgresql.can_log_in(name, password) for name in names for password in (secret("new"), secret("old"))] == [True, False] * 2
    assert run.leaks([secret("new"), secret("old")]) == []


# Secrets


class EchoingTrove(Double):
    """Answers each change with an error that repeats the passwords, in ways in which services are known to do that."""

    vendor = "echoing_trove"
    shapes = ("plain", "repr", "json", "url", "html", "flat")

    def routes(self):
        return [
            ("GET", "/v1.0/1/instances/{instance}", self._instance),
            ("GET", "/v1.0/1/instances/{instance}/users/{user}", self._user),
            ("PUT", "/v1.0/1/instances/{shape}/users", self._change),
        ]

    def is_write(self, received):
        return received.method == "PUT"

    @staticmethod
    def _instance(_received, instance):
        return JSONResponse({"instance": {"id": instance, "status": "ACTIVE", "hostname": "127.0.0.1"}})

    @staticmethod
    def _user(_received, instance, user):  # pylint: disable=unused-argument
        return JSONResponse({"user": {"name": user, "host": "%", "databases": []}})

    @staticmethod
    def _change(received, shape):
        password = received.json()["users"][0]["password"]
        text = {"repr": repr(password), "json": json.dumps(password), "url": urllib.parse.quote(password)}.get(shape, password)
        message = "Validation error: users[0]['password'] '%s' is too long, %s" % (text, received.headers["X-Auth-Token"])
        if shape == "html":
            answer = JSONResponse(None, 400)
            answer.body = ("<html><head><title>400 %s</title></head><body>%s<br />%s</body></html>" % (text, message, text)).encode()
            answer.headers.update({"Content-Type": "text/html", "Content-Length": str(len(answer.body))})
            return answer
        if shape == "flat":
            return JSONResponse({"message": message, "code": "400 " + text, "title": text}, 400, {"X-Openstack-Request-Id": text})
        return JSONResponse({"badRequest": {"code": 400, "message": message}}, 400)


def test_errors_that_repeat_a_password(ansible):
    password = "S3cr3t-MARKER-<ü>&%20 {x}"
    with EchoingTrove() as double:
        options = {"auth_type": "token", "api_token": secret("token"), "endpoint": double.url + "/v1.0/1", "name": "alice", "password": password}
        run = run_tasks(ansible, *(task(shape, **options, instance_id=shape) for shape in EchoingTrove.shapes), verbosity=5)
        assert double.writes == 0 and len(double.requests) == 3 * len(EchoingTrove.shapes)
    kinds = {shape: only(run, shape) for shape in EchoingTrove.shapes}
    # Of a page nobody can say what it is about.
    assert kinds == {**dict.fromkeys(EchoingTrove.shapes, failed("password_rejected")), "html": failed("invalid_input")}
    assert "Validation error" in errors(run, "plain")[0]["message"]
    assert run.leaks([password, secret("token")]) == []


def test_ad_hoc_with_secrets_from_the_environment(ansible, trove_cloud, trove_user):
    user = trove_user()
    member = trove_cloud.credentials["member"]
    env = {
        "OS_AUTH_URL": trove_cloud.auth_url,
        "OS_USERNAME": member.username,
        "OS_PASSWORD": member.password,
        "OS_PROJECT_NAME": member.project_name,
        "OS_REGION_NAME": trove_cloud.region,
        "NEW": secret("new"),
    }
    arguments = {
        "auth_type": "keystone",
        "instance_id": trove_cloud.instances["healthy"],
        "name": user.name,
        "password": "{{ lookup('env', 'NEW') }}",
        "database_login": login(trove_cloud),
    }
    run = ansible.adhoc(MODULE, arguments, env=env, verbosity=5, watch=True)
    assert run.rc == 0 and only(run, MODULE) == CHANGED, run.output
    assert trove_cloud.can_log_in(user.name, secret("new")) and not trove_cloud.can_log_in(user.name, user.password)
    again = ansible.adhoc(ALIAS, arguments, env=env)
    assert again.rc == 0 and again.stdout.startswith("localhost | SUCCESS"), again.output
    assert run.command_lines and ansible.leaks([secret("new"), member.password]) == []


HORIZON = {
    # What Horizon's "OpenStack RC file" sets; it asks for the password. The region may be left empty, and is unset then.
    "openrc": """
        export OS_AUTH_URL={auth_url}/
        export OS_PROJECT_ID={project_id}
        export OS_PROJECT_NAME="{project}"
        export OS_USER_DOMAIN_NAME="Default"
        if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
        export OS_PROJECT_DOMAIN_ID="default"
        if [ -z "$OS_PROJECT_DOMAIN_ID" ]; then unset OS_PROJECT_DOMAIN_ID; fi
        unset OS_TENANT_ID
        unset OS_TENANT_NAME
        export OS_USERNAME="{user}"
        read -sr OS_PASSWORD_INPUT
        export OS_PASSWORD=$OS_PASSWORD_INPUT
        export OS_REGION_NAME="{region}"
        if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi
        export OS_INTERFACE=public
        export OS_IDENTITY_API_VERSION=3
        """,
    "application credential": """
        export OS_AUTH_TYPE=v3applicationcredential
        export OS_AUTH_URL={auth_url}
        export OS_IDENTITY_API_VERSION=3
        export OS_REGION_NAME="{region}"
        export OS_INTERFACE=public
        export OS_APPLICATION_CREDENTIAL_ID={credential_id}
        export OS_APPLICATION_CREDENTIAL_SECRET={credential_secret}
        """,
}


@pytest.mark.parametrize("form", HORIZON)
def test_edge_20_the_files_of_horizon_are_enough_at_a_real_keystone(ansible, trove_cloud, trove_user, tmp_path, form):
    user, member, credential = trove_user(), trove_cloud.credentials["member"], trove_cloud.application_credential
    text = HORIZON[form].format(
        auth_url=trove_cloud.auth_url,
        project_id=member.project_id,
        project=member.project_name,
        user=member.username,
        region=trove_cloud.region,
        credential_id=credential.id,
        credential_secret=credential.secret,
    )
    (tmp_path / "openrc.sh").write_text(text)
    options = {"auth_type": "keystone", "instance_id": trove_cloud.instances["healthy"], "database_login": login(trove_cloud)}
    change = task("Change", name=user.name, password=secret("new"), **options)
    run = run_tasks(ansible, change, env=_sourced(tmp_path / "openrc.sh", member.password), verbosity=5)
    assert only(run, "Change") == CHANGED, run.output
    assert trove_cloud.can_log_in(user.name, secret("new"))
    assert run.leaks([member.password, credential.secret, secret("new")]) == []


def _sourced(path, typed):
    """The OpenStack variables of a shell that has read a file, while somebody types a password."""
    script = 'set -e; . "$1"; env -0'
    printed = subprocess.run(["bash", "-c", script, "bash", path], input=typed + "\n", env={"PATH": os.defpath}, capture_output=True, text=True, check=True)
    variables = dict(line.split("=", 1) for line in printed.stdout.split("\0") if line)
    return {name: value for name, value in variables.items() if name.startswith("OS_")}


def test_edge_20_the_clouds_yaml_of_horizon_is_enough_at_a_real_keystone(ansible, trove_cloud, trove_user, tmp_path):
    user, member = trove_user(), trove_cloud.credentials["member"]
    cloud = {
        "auth": {
            "auth_url": trove_cloud.auth_url,
            "username": member.username,
            "project_id": member.project_id,
            "project_name": member.project_name,
            "user_domain_name": member.user_domain_name,
            # Horizon leaves it out; whoever uses the file adds it.
            "password": member.password,
        },
        "region_name": trove_cloud.region,
        "interface": "public",
        "identity_api_version": 3,
    }
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": {"openstack": cloud}}))
    options = {"auth_type": "keystone", "instance_id": trove_cloud.instances["healthy"], "database_login": login(trove_cloud)}
    environment = {"OS_CLOUD": "openstack", "OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")}
    run = run_tasks(ansible, task("Change", name=user.name, password=secret("new"), **options), env=environment, verbosity=5)
    assert only(run, "Change") == CHANGED, run.output
    assert trove_cloud.can_log_in(user.name, secret("new"))
    assert run.leaks([member.password, secret("new")]) == []


def test_module_defaults_under_both_names(ansible, trove_cloud, trove_user):
    user = trove_user()
    tasks = {"rackspace_database": task("Change", name=user.name, password=secret("new")), "all": task("Again", ALIAS, name=user.name, password=secret("new"))}
    plays = [
        {"hosts": "localhost", "gather_facts": False, "tasks": [one], "module_defaults": {"group/rekey.passwords.%s" % group: by_token(trove_cloud)}}
        for group, one in tasks.items()
    ]
    run = ansible.playbook(plays)
    assert run.rc == 0, run.output
    assert (only(run, "Change"), only(run, "Again")) == (CHANGED, UNCHANGED)
