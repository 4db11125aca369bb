# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an administrator's call looks users up at VMware Cloud Director: filters, pages, names that a filter takes for something else."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from tests.doubles.vcd import OPERATOR, SEARCH
from tests.unit.calls import verdict, verdicts
from tests.unit.plugins.module_utils._vendors.vcd_calls import ADMIN, make, run, user
from tests.unit.plugins.module_utils.fake_vendor import NEW, OLD

CHANGED = ("changed", True, None)
MISSING = ("failed", None, "user_not_found")
ODD = ["a(b", "a)b", "a,b", "a;b", "a\\b", "a*b", "a==b", "a'b\"c", "a b", "\u00e4\u4f60", "a%2Cb", "a&filter=x", "a#b", "a+b", "(a)", "\\", "*", ",", "a@b"]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def searches(double):
    """The queries for users."""
    return [one.query.decode("ascii") for one in double.requests if one.path.endswith(SEARCH) and one.method == "GET"]


def look(double, *names, **options):
    """A call in check mode that tries no login, with the queries that it has sent."""
    users = [user(name, update_password="always") for name in names]
    result = run(double, *users, check_mode=True, **dict(ADMIN, **options))
    assert not double.open_sessions
    return verdicts(result), searches(double)


class TestFilter:
    """Names in the query language."""

    @pytest.mark.parametrize("name", ODD)
    def test_a_name_that_is_not_plain(self, name):
        with make(name, "ab", "axb", "alice") as double:
            assert verdict(run(double, user(name), **ADMIN)) == CHANGED
            assert double.users[name] == NEW and double.users["alice"] == OLD and double.users["axb"] == OLD and double.writes == 1
            assert len(searches(double)) == 1

    def test_all_of_them_together(self):
        with make(*ODD) as double:
            states, queries = look(double, *ODD, "nobody")
            assert [state for state, _verified, _kind in states] == ["would_change"] * len(ODD) + ["failed"] and len(queries) == 1

    def test_the_escapes(self):
        with make("alice") as double:
            _states, (query,) = look(double, "alice", "a(b),c;d\\e")
            assert unquote(query) == "page=1&pageSize=128&filter=username==a\\(b\\)\\,c\\;d\\\\e,username==alice"
            assert "=" not in query.partition("&filter=")[2] and "," not in query

    @pytest.mark.parametrize("ignore_case", [True, False])
    def test_only_the_very_name_counts(self, ignore_case):
        with make("Alice", "alicea", "xalice", "al\u0131ce", ignore_case=ignore_case) as double:
            assert look(double, "alice", "al*", "Alice")[0] == [MISSING, MISSING, ("would_change", None, None)]

    @pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.slow), pytest.param(300, marks=pytest.mark.slow)])
    def test_a_tenant_with_ten_thousand_users_of_whom_some_are_asked_for(self, count):
        with make() as double:
            names = double.populate(10000)
            wanted = names[:: 10000 // count][:count]
            states, queries = look(double, *wanted, "nobody")
            assert [state for state, _verified, _kind in states] == ["would_change"] * count + ["failed"]
            # As many requests as the addresses need, and no page of all users.
            assert len(queries) == -(-(count + 1) * 27 // 1500) and all("filter=" in query for query in queries)
            assert max(len(double.url + SEARCH + query) for query in queries) < 1800

    def test_a_name_that_alone_is_longer_than_that(self):
        name = "\u4f60" * 300
        with make(name, "alice") as double:
            assert look(double, name, "alice")[0] == [("would_change", None, None)] * 2 and len(searches(double)) == 2


class TestPages:
    """Where one page does not hold all."""

    @pytest.mark.parametrize("public_url", [None, "https://elsewhere.invalid"])
    def test_more_that_fit_a_filter_than_a_page_holds(self, public_url):
        """The one that is meant comes last; what links to the next page is not followed to another host."""
        names = ["a%03dx" % number for number in range(300)]
        with make(*names, "a*x", public_url=public_url) as double:
            double.set_user("azzzx", OLD)
            assert look(double, "a*x")[0] == [("would_change", None, None)]
            double.remove_user("a*x")
            double.requests.clear()
            states, queries = look(double, "a*x")
            assert states == [MISSING] and [query[:7] for query in queries] == ["page=1&", "page=2&", "page=3&"]

    @pytest.mark.parametrize("status", [400, 414])
    def test_a_server_that_does_not_take_the_filter(self, status):
        with make(*["user%03d" % number for number in range(400)]) as double:
            refused = double.inject("answer", path=SEARCH, status=status, body={"minorErrorCode": "BAD_REQUEST", "message": "[ 1 ] no"})
            states, queries = look(double, "user000", "user399", "nobody")
            assert states == [("would_change", None, None)] * 2 + [MISSING] and refused.fired == 1
            assert [query.partition("&")[0] for query in queries] == ["page=1", "page=1", "page=2", "page=3", "page=4"]
            assert not any("filter" in query for query in queries[1:])

    def test_reading_ends_where_all_are_found(self):
        with make(*["user%03d" % number for number in range(400)]) as double:
            double.inject("answer", path=SEARCH, status=400, body="")
            assert len(look(double, "user001", "user002")[1]) == 2

    @pytest.mark.parametrize("without", ["Link", "pageCount"])
    def test_either_way_to_tell_of_another_page(self, without):
        with make(*["user%03d" % number for number in range(200)]) as double:
            plain = double.page

            def page(*args):
                answer = plain(*args)
                if without == "Link":
                    answer.raw_headers = [pair for pair in answer.raw_headers if pair[0] != b"link"]
                else:
                    answer.body = answer.body.replace(b'"pageCount"', b'"other"')
                    answer.headers["Content-Length"] = str(len(answer.body))
                return answer

            double.page = page
            double.inject("answer", path=SEARCH, status=400, body="")
            assert look(double, "user199")[0] == [("would_change", None, None)]

    def test_a_server_that_always_sends_the_same_page(self):
        with make() as double:
            body = {"pageCount": 1000000, "values": [{"username": "bob", "id": "urn:vcloud:user:1"}]}
            double.inject("answer", path=SEARCH, status=200, body=body, times=None, headers={"Link": '<x>;rel="nextPage"'})
            states, queries = look(double, "alice")
            assert states == [MISSING] and len(queries) == 2

    def test_an_entry_that_is_none(self):
        with make() as double:
            users = [None, 1, {}, {"username": 5}, {"username": "alice"}, {"username": "bob", "id": ""}, [], {"username": "carol", "id": 7}]
            double.inject("answer", path=SEARCH, status=200, body={"values": users}, times=None)
            assert look(double, "alice", "bob", "carol")[0] == [MISSING] * 3

    @pytest.mark.parametrize("kind, options, error", [
        ("html", {"status": 200}, "unexpected_response"), ("wrong_types", {}, "unexpected_response"), ("wrong_types", {"top": "list"}, "unexpected_response"),
        ("truncated", {}, "unexpected_response"), ("answer", {"status": 500}, "vendor_unavailable"), ("answer", {"status": 406}, "unsupported"),
        ("answer", {"status": 400}, "invalid_input"), ("drop", {}, "connection_failed"), ("answer", {"status": 200, "body": {}}, "unexpected_response"),
    ])  # fmt: skip
    def test_no_list_at_all(self, kind, options, error):
        with make() as double:
            double.inject(kind, path=SEARCH, times=None, **options)
            result = run(double, user(), user(OPERATOR), retries=0, **ADMIN)
            assert result["error"]["kind"] == error and double.writes == 0 and not double.open_sessions

    def test_members_that_the_server_does_not_tell(self):
        """An administrator who may not see whether a user is local: the change itself will tell."""
        with make() as double:
            for person in double.people.values():
                person.provider_type = None
            double.nulls = True
            assert look(double, "alice")[0] == [("would_change", None, None)]
