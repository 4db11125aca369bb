# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of Acronis: how they are found, who is refused before any write, and what is sent for the others."""

from __future__ import annotations

import pytest

from tests.doubles.acronis import ADMIN, CHANGE, CLIENT, SEARCH, USERS, VIEWER, AcronisDouble
from tests.doubles.acronis_identity import BASE, CLIENT_TENANT, CUSTOMER, LOGIN, STRANGER, UNIT, Person, Tenant
from tests.unit.calls import verdicts
from tests.unit.plugins.module_utils._vendors.acronis_calls import in_force, make, message, queries, run, steps, user
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD

CHANGED = ("changed", True, None)


@pytest.fixture(name="double")
def a_double():
    """A double in its default state."""
    with make() as running:
        yield running


def test_one_user_from_the_login_to_the_revocation(double):
    result = run(double, user())
    assert verdicts(result) == [CHANGED] and result["changed"] is True and result["warnings"] == []
    assert result["users"][0]["id"] == double.people["alice"].id
    assert steps(double) == ["login", "client", "search", "look", "probe", "change", "probe", "revoke", "revoke"]
    assert queries(double, SEARCH) == [{"tenant": CLIENT_TENANT, "text": "alice", "limit": "10"}]
    (sent,) = double.calls(CHANGE)
    assert (sent.method, sent.path, sent.json()) == ("POST", BASE + double.user_path("alice") + CHANGE, {"password": NEW})
    assert sent.headers["content-type"] == "application/json" and sent.headers["authorization"].startswith("Bearer ")
    assert in_force(double) == ["alice"] and double.failed_logins == {"alice": 1}


def test_a_second_run_changes_nothing(double):
    run(double, user())
    double.reset()
    double.read_only = True
    result = run(double, user())
    assert verdicts(result) == [("unchanged", True, None)] and result["changed"] is False
    assert steps(double) == ["login", "client", "search", "look", "probe", "revoke", "revoke"]
    assert (double.writes, double.refused_writes, double.failed_logins) == (0, [], {})


def test_always_costs_no_failed_login(double):
    assert verdicts(run(double, user(), update_password="always")) == [CHANGED]
    assert not double.failed_logins and steps(double).count("probe") == 1


def test_without_verify(double):
    assert verdicts(run(double, user(), update_password="always", verify=False)) == [("changed", None, None)]
    assert "probe" not in steps(double)


def test_check_mode_writes_nothing_and_tells_who_would_be_refused(double):
    double.people["bob"].enabled = False
    double.read_only = True
    result = run(double, user(), user("bob"), user("nobody"), check_mode=True)
    assert verdicts(result) == [("would_change", None, None), ("failed", None, "account_inactive"), ("failed", None, "user_not_found")]
    assert double.refused_writes == [] and "change" not in steps(double) and result["changed"] is True


@pytest.mark.parametrize("url", ["%s/", "%s/api/2", "%s/api/2/"])
def test_the_address_with_or_without_the_path_of_the_api(double, url):
    assert verdicts(run(double, user(), url=url % double.url)) == [CHANGED]


# How they are found.


def test_by_id_by_login_and_by_both(double):
    ids = {name: person.id for name, person in double.people.items()}
    result = run(double, user(None, id=ids["alice"].upper()), user("bob"), user("carol", id=ids["carol"]))
    assert verdicts(result) == [CHANGED] * 3
    assert [(one["name"], one["id"]) for one in result["users"]] == sorted(ids.items())
    assert steps(double).count("search") == 1 and "list" not in steps(double)


def test_an_id_of_somebody_else(double):
    result = run(double, user("bob", id=double.people["alice"].id))
    assert verdicts(result) == [("failed", None, "user_not_found")] and not in_force(double) and steps(double)[-1] == "revoke"


@pytest.mark.parametrize("other", [0, 5])
def test_an_unknown_id(double, other):
    names = double.populate(other)
    result = run(double, user(None, id="ffffffff-0000-4000-8000-000000000000"), *[user(name) for name in names])
    assert verdicts(result) == [("failed", None, "user_not_found")] + [CHANGED] * other
    assert result["users"][0]["name"] is None and "ffffffff" in message(result)


@pytest.mark.parametrize(
    "users, text",
    [
        ([user(), user()], "twice"),
        ([user(), user(None, id=Person("alice").id)], "twice"),
        ([user(None, id=Person("alice").id), user(None, id=Person("alice").id.upper())], "twice"),
    ],
)
def test_the_same_user_twice(double, users, text):
    result = run(double, *users)
    assert result["error"]["kind"] == "invalid_input" and text in result["msg"] and not in_force(double)


@pytest.mark.parametrize(
    "more, text",
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "al\nice"}, "control character"),
        ({"name": None, "id": "42"}, "UUID"),
        ({"id": ""}, "UUID"),
        ({"id": Person("alice").id + "/password"}, "UUID"),
    ],
)
def test_what_is_certainly_no_user(double, more, text):
    result = run(double, user(**more))
    assert verdicts(result) == [("failed", None, "invalid_input")] and text in message(result) and double.requests == []


@pytest.mark.parametrize(
    "login",
    [
        "j\u00fcrgen",
        "\u0416\u0435\u043d\u044f",
        "\U0001f511",
        "a+b@example.com",
        "o'hara",
        "a&b=c",
        "50%",
        "a%20b",
        "two words",
        "*",
        "a?b#c",
        "back\\slash",
        'a"b',
        "sl/ash",
        "semi;colon",
        "(x)",
        "~",
        "colon:colon",
    ],
)
@pytest.mark.parametrize("others", [0, 5])
def test_logins_with_characters_that_mean_something(double, login, others):
    double.set_user(login, OLD)
    password = "S3cr3t-MARKER-\u00e4\u20ac\U0001f511+%&=:\"'\\ "
    users = [user(login, password=password)] + [user(name) for name in double.populate(others)]
    assert verdicts(run(double, *users))[0] == CHANGED and double.users[login] == password
    assert ("search" in steps(double), "list" in steps(double)) == (not others, bool(others))
    assert verdicts(run(double, *users))[0] == ("unchanged", True, None)


def test_the_search_also_finds_others_and_the_one_is_taken(double):
    # Tenants, other logins, e-mail addresses and names, in any case.
    double.tenants[UNIT].name = "alice"
    for name, more in {"Alice": {}, "alice2": {}, "al": {"email": "alice@example.com"}, "x": {"first_name": "Alice"}}.items():
        double.set_user(name, OLD)
        vars(double.people[name]).update(more)
    assert verdicts(run(double, user())) == [CHANGED]
    assert in_force(double, *double.users) == ["alice"] and "list" not in steps(double)


@pytest.mark.parametrize("login", ["ALICE", "alic", "alice@example.com"])
def test_only_the_very_login_counts(double, login):
    result = run(double, user(login))
    assert verdicts(result) == [("failed", None, "user_not_found")] and login in message(result) and not in_force(double)


def test_a_search_that_is_full_proves_nothing(double):
    for number in range(20):
        double.set_user("alice-%d" % number, OLD)
    # The search shows ten of them.
    assert verdicts(run(double, user())) == [CHANGED] and "list" in steps(double)


def test_a_search_that_finds_nobody_is_not_believed(double):
    double.inject("answer", path=SEARCH, status=200, body={"items": []})
    assert verdicts(run(double, user())) == [CHANGED] and "list" in steps(double)


def test_a_search_that_cannot_take_the_text_is_no_end(double):
    double.inject("answer", path=SEARCH, status=400, body={"error": {"code": 400, "message": "Bad request"}})
    assert verdicts(run(double, user(), user("nobody"))) == [CHANGED, ("failed", None, "user_not_found")]
    assert steps(double).count("list") == 1


@pytest.mark.parametrize("others", [0, 5])
def test_two_users_with_one_login(double, others):
    double.set_user("second", OLD)
    double.people["second"].login = "alice"
    users = [user(), user(None, id=double.people["second"].id)] + [user(name) for name in double.populate(others)]
    # A login could be that of the other one.
    result = run(double, *users, update_password="always", verify=False)
    assert verdicts(result) == [("failed", None, "invalid_input")] + [("changed", None, None)] * (1 + others)
    assert "id" in message(result) and in_force(double, "alice", "second") == ["second"]


@pytest.mark.parametrize("others", [0, 5])
def test_a_deleted_user_is_none(double, others):
    double.people["alice"].deleted_at = "2026-01-02T00:00:00+00:00"
    assert verdicts(run(double, user(), *[user(name) for name in double.populate(others)]))[0] == ("failed", None, "user_not_found")


@pytest.mark.parametrize("others", [0, 5])
def test_a_deleted_user_that_is_shown_all_the_same_is_none(double, others):
    shown = {"id": double.people["alice"].id, "login": "alice", "activated": True, "deleted_at": "2026-01-02T00:00:00+00:00"}
    double.inject("answer", path=double.user_path("alice"), times=None, status=200, body=shown)
    names = double.populate(others)
    listed = [shown] + [{"id": double.people[name].id, "login": name, "activated": True, "deleted_at": None} for name in names]
    double.inject("answer", path=USERS, times=None, status=200, body={"items": listed})
    assert verdicts(run(double, user(), *[user(name) for name in names])) == [("failed", None, "user_not_found")] + [CHANGED] * others


def test_a_tenant_with_a_login_is_no_user(double):
    found = [{"obj_type": "tenant", "id": UNIT, "login": "alice"}, {"obj_type": "user", "id": double.people["alice"].id, "login": "alice"}]
    double.inject("answer", path=SEARCH, status=200, body={"items": found})
    assert verdicts(run(double, user())) == [CHANGED] and "list" not in steps(double)


def test_three_users_among_ten_thousand(double):
    names = double.populate(10000)
    wanted = [names[0], names[5000], names[9999]]
    result = run(double, *[user(name) for name in wanted])
    assert verdicts(result) == [CHANGED] * 3 and in_force(double, *names) == wanted
    assert len(double.requests) < 25 and max(double.failed_logins.values()) == 1 and set(double.failed_logins) == set(wanted)


@pytest.mark.parametrize("last_paging", [None, {}, {"cursors": {}}, {"cursors": {"after": ""}}, {"cursors": {"after": None}}])
def test_one_listing_serves_a_batch_over_many_pages(last_paging):
    with make(page_size=7, last_paging=last_paging) as double:
        names = double.populate(40)
        # Of two pages, the second ends on the last user.
        result = run(double, *[user(name) for name in names + ["nobody"]], concurrency=4)
        assert verdicts(result) == [CHANGED] * 40 + [("failed", None, "user_not_found")]
        asked = queries(double, USERS)
        assert len(asked) == 7 and len({one.get("after") for one in asked}) == 7 and "search" not in steps(double)
        assert all(one["subtree_root_tenant_id"] == CLIENT_TENANT and one["limit"] == "2000" and one["lod"] == "full" for one in asked)
        assert len({one.connection for one in double.requests}) <= 4


def test_a_listing_that_goes_in_circles(double):
    names = double.populate(6)
    people = [{"id": double.people[name].id, "login": name} for name in names]
    double.inject("answer", path=USERS, times=None, status=200, body={"items": people, "paging": {"cursors": {"after": "again"}}})
    result = run(double, *[user(name) for name in names])
    assert result["error"]["kind"] == "unexpected_response" and steps(double).count("list") == 2 and not in_force(double, *names)


def test_somebody_on_two_pages_is_one(double):
    names = double.populate(6)
    people = [{"id": double.people[name].id, "login": name, "activated": True, "enabled": True} for name in names]
    double.inject("answer", path=USERS, status=200, body={"items": people, "paging": {"cursors": {"after": "more"}}})
    double.inject("answer", path=USERS, status=200, body={"items": people[:1]})
    assert verdicts(run(double, *[user(name) for name in names])) == [CHANGED] * 6


@pytest.mark.parametrize("others", [0, 5])
def test_a_tenant_other_than_the_clients_own(double, others):
    tenant = "abcdef00-0000-4000-8000-00000000000f"
    double.tenants[tenant] = Tenant(tenant, "Team", "unit", CUSTOMER)
    double.people["bob"].tenant_id = tenant
    users = [user(name) for name in ("alice", "bob", *double.populate(others))]
    result = run(double, *users, tenant_id=tenant.upper())
    assert verdicts(result)[:2] == [("failed", None, "user_not_found"), CHANGED] and in_force(double) == ["bob"]
    assert double.calls(CLIENT) == [] and {one["tenant"] for one in queries(double, SEARCH)} <= {tenant}


@pytest.mark.parametrize("tenant, kind", [("99999999-0000-4000-8000-000000000009", "target_not_found"), (STRANGER, "permission_denied")])
@pytest.mark.parametrize("others", [0, 5])
def test_a_tenant_that_is_not_there_or_somebody_elses(double, tenant, kind, others):
    result = run(double, *[user(name) for name in ("alice", *double.populate(others))], tenant_id=tenant)
    assert result["error"]["kind"] == kind and {one[2] for one in verdicts(result)} == {kind} and not in_force(double)


@pytest.mark.parametrize("hides", [False, True])
def test_a_user_outside_of_the_clients_reach(hides):
    with make(hides_outsiders=hides) as double:
        double.people["alice"].tenant_id = STRANGER
        result = run(double, user(None, id=double.people["alice"].id), user("bob"))
        assert verdicts(result) == [("failed", None, "user_not_found" if hides else "permission_denied"), CHANGED]


# Who is refused before any write.


@pytest.mark.parametrize(
    "attributes, kind, text",
    [
        ({"enabled": False}, "account_inactive", "disabled"),
        ({"activated": False}, "account_inactive", "activate: true"),
        ({"external_id": "S-1-5"}, "user_not_local", "identity provider"),
        ({"tenant_id": CLIENT_TENANT}, "permission_denied", "own tenant"),
    ],
)
@pytest.mark.parametrize("others", [0, 5])
@pytest.mark.parametrize("by_id", [False, True])
def test_who_is_refused_before_any_write(double, attributes, kind, text, others, by_id):
    vars(double.people["alice"]).update(attributes)
    wanted = user(None, id=double.people["alice"].id) if by_id else user()
    result = run(double, wanted, user("bob"), *[user(name) for name in double.populate(others)])
    assert verdicts(result) == [("failed", None, kind)] + [CHANGED] * (1 + others)
    assert text in message(result) and "alice" in message(result)
    assert double.calls(CHANGE, user="alice") == [] and "alice" not in double.failed_logins


@pytest.mark.parametrize("options, entry", [({"activate": True}, {}), ({}, {"activate": True}), ({"activate": True}, {"activate": True})])
def test_a_user_that_may_be_activated(options, entry):
    with AcronisDouble({"alice": None, "bob": OLD}) as double:
        result = run(double, user(**entry), **options)
        # It has no password, so none is tried before.
        assert verdicts(result) == [CHANGED] and double.people["alice"].activated and not double.failed_logins


def test_what_counts_for_all_but_one():
    with AcronisDouble({"alice": None, "bob": None}) as double:
        result = run(double, user(), user("bob", activate=False), activate=True)
        assert verdicts(result) == [CHANGED, ("failed", None, "account_inactive")] and not double.people["bob"].activated


def test_activated_in_check_mode():
    with AcronisDouble({"alice": None}) as double:
        assert verdicts(run(double, user(activate=True), check_mode=True)) == [("would_change", None, None)] and not double.people["alice"].activated


def test_activation_that_is_not_told_is_not_taken_for_granted(double):
    double.inject("answer", path=double.user_path("alice"), status=200, body={"id": double.people["alice"].id, "login": "alice", "tenant_id": CUSTOMER})
    assert verdicts(run(double, user())) == [("failed", None, "account_inactive")] and double.calls(CHANGE) == []


# Options, and rights.


@pytest.mark.parametrize(
    "options, text",
    [
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a:b"}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"tenant_id": "Customer"}, "tenant_id"),
    ],
)
def test_options_that_are_certainly_wrong(double, options, text):
    result = run(double, user(), **options)
    assert result["error"]["kind"] == "invalid_input" and text in result["msg"] and double.requests == []


def test_a_password_that_no_request_can_carry(double):
    assert verdicts(run(double, user(password=""), user("bob", password="\udc80x"))) == [("failed", None, "password_rejected")] * 2 and double.requests == []


@pytest.mark.parametrize("scopes, state", [((ADMIN,), None), ((VIEWER,), "probed")])
def test_a_client_that_lacks_a_right(scopes, state):
    with make(scopes=scopes) as double:
        result = run(double, user(), user("bob"))
        assert verdicts(result) == [("failed", None, "permission_denied")] * 2 and not in_force(double)
        # Without the right to look, nobody is tried; without that to change, each is told so by the vendor.
        assert ("error" in result) is (state is None) and steps(double).count("change") == (2 if state else 0)
        assert "right" in result["msg"]


def test_the_login_is_made_once(double):
    run(double, *[user(name) for name in double.populate(20)], concurrency=8, update_password="always", verify=False)
    assert steps(double).count("login") == 1 and len(double.calls(LOGIN)) == 1 and steps(double)[-1] == "revoke"
