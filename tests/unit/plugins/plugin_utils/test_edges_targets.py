# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all runs know of a target together: claims on accounts (edges 1, 2, 39) and failed logins of operators (edge 32)."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import claims as claims_file
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import operator_counters as subject
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import target_note
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.claims import Claims
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.operator_counters import OperatorCounters

from tests.unit.plugins.rotation_doubles import MemoryStore

NOW = datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)


def later(seconds):
    return NOW + datetime.timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(target_note.time, "sleep", lambda seconds: None)


@pytest.fixture
def store():
    return MemoryStore()


def claims(store, vendor="milvus", target="https://db.example.com:19530"):
    return Claims(store, vendor, target)


def counters(store, vendor="milvus", target="https://db.example.com:19530"):
    return OperatorCounters(store, vendor, target)


def test_who_comes_first_has_the_account(store):
    assert claims(store).claim("host-1", ["alice", "bob"]) == {}
    assert claims(store).claim("host-2", ["alice", "carol"]) == {"alice": "host-1"}
    assert claims(store).claim("host-1", ["alice", "carol"]) == {"carol": "host-2"}


def test_other_targets_and_vendors_have_accounts_of_their_own(store):
    claims(store).claim("host-1", ["alice"])
    assert claims(store, target="https://other.example.com").claim("host-2", ["alice"]) == {}
    assert claims(store, vendor="vcd").claim("host-2", ["alice"]) == {}


def test_a_claim_that_holds_already_writes_nothing(store):
    claims(store).claim("host-1", ["alice"])
    before = dict(store.notes)
    assert claims(store).claim("host-1", ["alice"]) == {} and claims(store).claim("host-2", ["alice"]) == {"alice": "host-1"} and store.notes == before


def test_what_is_given_back_is_free_again(store):
    claims(store).claim("host-1", ["alice", "bob"])
    claims(store).release("host-2", ["alice"])
    claims(store).release("host-1", ["alice"])
    assert claims(store).claim("host-2", ["alice", "bob"]) == {"bob": "host-1"}


def test_nobody_gives_back_what_another_name_has_claimed(store):
    claims(store).claim("host-1", ["alice"])
    claims(store).release("host-2", ["alice"])
    assert claims(store).claim("host-2", ["alice"]) == {"alice": "host-1"}


def test_two_that_claim_at_once_do_not_both_get_it(store):
    told = []
    store.before_note.append(lambda: told.append(claims(store).claim("host-1", ["alice"])))
    assert claims(store).claim("host-2", ["alice", "bob"]) == {"alice": "host-1"} and told == [{}]


def test_very_many_accounts_take_several_notes(store, monkeypatch):
    monkeypatch.setattr(claims_file, "_CLAIMS_SIZE", 300)
    names = ["user-%d" % number for number in range(35)]
    assert claims(store).claim("host-1", names[:7]) == {} and claims(store).claim("host-1", names) == {}
    assert len(store.notes) >= 4 and all(len(text) < 1000 for _number, text in store.notes.values())
    assert claims(store).claim("host-2", names) == dict.fromkeys(names, "host-1")
    claims(store).release("host-1", names[:20])
    assert claims(store).claim("host-2", names[:21] + ["new"]) == {names[20]: "host-1"}


def test_a_full_note_stays_within_the_limit_of_the_stores(store):
    claims(store).claim("a-host-with-a-name-of-usual-length.example.com", ["user-%d" % number for number in range(5000)])
    assert all(len(text) < 50_000 for _number, text in store.notes.values())


def test_an_operators_failed_logins_add_up_over_hosts_and_users(store):
    assert counters(store).failures("root", NOW, 60.0) == 0
    assert counters(store).add_failure("root", NOW) == 1
    assert counters(store).add_failure("root", later(10)) == 2
    assert counters(store).failures("root", later(10), 60.0) == 2 and counters(store).failures("other", NOW, 60.0) == 0


def test_a_login_that_works_forgets_them_and_one_that_was_not_made_takes_one_back(store):
    for _number in range(2):
        counters(store).add_failure("root", NOW)
    admitted = counters(store).admit("root", limit=9, now=NOW, window=60.0, alone=True)
    assert counters(store).failures("root", NOW, 60.0) == 3
    counters(store).end_login("root", admitted.token, subject.NOT_MADE, window=60.0)
    assert counters(store).failures("root", NOW, 60.0) == 2
    counters(store).forget("root")
    assert counters(store).failures("root", NOW, 60.0) == 0
    counters(store).end_login("root", admitted.token, subject.NOT_MADE, window=60.0)
    counters(store).forget("root")
    assert counters(store).failures("root", NOW, None) == 0


def test_they_are_forgotten_after_the_window_and_never_where_only_a_good_login_forgets(store):
    counters(store).add_failure("root", NOW)
    assert counters(store).failures("root", later(59), 60.0) == 1 and counters(store).failures("root", later(60), 60.0) == 0
    assert counters(store).failures("root", later(10**8), None) == 1
    assert counters(store).failures("root", later(-3600), 60.0) == 1  # the clock was set back
    assert counters(store).add_failure("root", later(60), 60.0) == 1


def test_a_login_that_is_counted_by_two_at_once_counts_twice(store):
    store.before_note.append(lambda: counters(store).add_failure("root", NOW))
    assert counters(store).add_failure("root", NOW) == 2


def refuse(store, password, now=NOW, window=60.0):
    """A login that is admitted and refused."""
    secret = subject.Secret(password)
    admitted = counters(store).admit("root", limit=2, now=now, window=window, alone=True, secret=secret)
    assert admitted.token, admitted
    counters(store).end_login("root", admitted.token, subject.REFUSED, window=window, secret=secret)


def admit(store, password, now=NOW, window=60.0, name="root"):
    return counters(store).admit(name, limit=2, now=now, window=window, alone=True, secret=subject.Secret(password))


def test_edge_32_a_password_that_was_refused_is_known_and_another_is_not(store):
    refuse(store, "S3cr3t-MARKER-1")
    known = admit(store, "S3cr3t-MARKER-1", later(10))
    assert (known.token, known.failed, known.failed_at, known.may_change, known.known) == (None, 1, NOW, False, True)
    assert admit(store, "S3cr3t-MARKER-1", name="other").token
    assert admit(store, "S3cr3t-MARKER-2").token
    assert "MARKER" not in repr(store.notes)


def test_edge_32_several_that_were_refused_share_a_salt_and_operators_do_not(store):
    for password in ("S3cr3t-MARKER-1", "S3cr3t-MARKER-2"):
        refuse(store, password)
    assert admit(store, "S3cr3t-MARKER-1").known and admit(store, "S3cr3t-MARKER-2").known
    spent = admit(store, "S3cr3t-MARKER-3")
    assert (spent.token, spent.failed, spent.known) == (None, 2, False)
    secret = subject.Secret("S3cr3t-MARKER-1")
    token = counters(store).admit("other", limit=2, now=NOW, window=60.0, alone=True, secret=secret).token
    counters(store).end_login("other", token, subject.REFUSED, window=60.0, secret=secret)
    operators = counters(store)._operators()
    assert len(operators["root"]["refused"]["digests"]) == 2
    assert operators["root"]["refused"]["salt"] != operators["other"]["refused"]["salt"]
    assert not set(operators["root"]["refused"]["digests"]) & set(operators["other"]["refused"]["digests"])
    assert all(len(digest) == 8 for digest in operators["root"]["refused"]["digests"])


def test_edge_32_what_was_refused_is_forgotten_with_the_count(store):
    refuse(store, "S3cr3t-MARKER-1")
    assert admit(store, "S3cr3t-MARKER-1", later(59)).known
    assert admit(store, "S3cr3t-MARKER-1", later(60)).token
    assert "refused" not in counters(store)._operators()["root"]


def test_edge_32_only_a_good_login_or_a_repair_forgets_where_no_time_does(store):
    refuse(store, "S3cr3t-MARKER-1", window=None)
    assert admit(store, "S3cr3t-MARKER-1", later(10**8), None).known
    token = admit(store, "S3cr3t-MARKER-2", NOW, None).token
    counters(store).end_login("root", token, subject.WORKED, window=None, secret=subject.Secret("S3cr3t-MARKER-2"))
    assert admit(store, "S3cr3t-MARKER-1", NOW, None).token
    counters(store).forget("root")
    refuse(store, "S3cr3t-MARKER-1", window=None)
    counters(store).forget("root")
    assert admit(store, "S3cr3t-MARKER-1", NOW, None).token


def test_edge_32_a_good_login_does_not_make_a_typo_right_but_itself(store):
    """Where time forgets, failed logins count on after a good one, and so does what was refused."""
    refuse(store, "S3cr3t-MARKER-1")
    right, wrong = subject.Secret("S3cr3t-MARKER-2"), subject.Secret("S3cr3t-MARKER-1")
    for _time in range(3):
        token = counters(store).admit("root", limit=2, now=NOW, window=60.0, alone=True, secret=right).token
        counters(store).end_login("root", token, subject.WORKED, window=60.0, secret=right)
    assert counters(store).failures("root", NOW, 60.0) == 1
    assert counters(store).admit("root", limit=2, now=NOW, window=60.0, alone=True, secret=wrong).known
    # It was under way already when the other was refused, and the vendor took it.
    token = counters(store).admit("root", limit=2, now=NOW, window=60.0, alone=True, secret=right).token
    counters(store).end_login("root", token, subject.WORKED, window=60.0, secret=wrong)
    assert not counters(store).admit("root", limit=2, now=NOW, window=60.0, alone=True, secret=wrong).known


def test_edge_32_a_later_failure_in_a_session_keeps_what_was_refused(store):
    refuse(store, "S3cr3t-MARKER-1")
    assert counters(store).add_failure("root", NOW, 60.0) == 2
    assert admit(store, "S3cr3t-MARKER-1").known
    assert counters(store).add_failure("root", later(60), 60.0) == 1
    assert not admit(store, "S3cr3t-MARKER-1", later(60)).known


@pytest.mark.parametrize("refused", [5, {}, {"salt": 5, "digests": []}, {"salt": "a", "digests": "b"}, {"salt": "a", "digests": []}])
def test_edge_32_a_damaged_digest_costs_a_login_of_the_budget(store, refused):
    store.write_note(counters(store)._name, {"operators": {"root": {"failed_logins": 1, "failed_at": "2026-01-31T12:00:00Z", "refused": refused}}}, None)
    refuse(store, "S3cr3t-MARKER-1")
    assert admit(store, "S3cr3t-MARKER-1").known


@pytest.mark.parametrize("error", [ValueError, AttributeError])
def test_edge_32_without_scrypt_there_is_another_slow_digest(store, monkeypatch, error):
    def missing(*args, **options):
        raise error("disabled for FIPS")

    monkeypatch.setattr(subject.hashlib, "scrypt", missing)
    refuse(store, "S3cr3t-MARKER-1")
    assert admit(store, "S3cr3t-MARKER-1").known and not admit(store, "S3cr3t-MARKER-2").known


def test_edge_32_a_digest_is_computed_once_however_often_others_write(store, monkeypatch):
    computed = []
    monkeypatch.setattr(subject, "_slow_digest", lambda secret, salt: computed.append(salt) or "0123abcd")
    secret = subject.Secret("S3cr3t-MARKER-1")
    token = counters(store).admit("root", limit=2, now=NOW, window=60.0, alone=True, secret=secret).token
    assert not computed
    store.before_note += [lambda: counters(store).add_failure("other", NOW)] * 2
    counters(store).end_login("root", token, subject.REFUSED, window=60.0, secret=secret)
    assert len(computed) == 1
    assert counters(store).admit("root", limit=2, now=NOW, window=60.0, alone=True, secret=secret).known and len(computed) == 1


def test_a_good_login_makes_up_for_those_of_killed_runs_where_only_that_makes_the_vendor_forget(store, monkeypatch):
    monkeypatch.setattr(subject, "this_process", lambda: {"pid": 1})
    counters(store).admit("root", limit=2, now=NOW, window=None, alone=False)
    monkeypatch.setattr(subject, "this_process", lambda: {"pid": 2})
    monkeypatch.setattr(subject, "has_ended", lambda owner: owner == {"pid": 1})
    token = counters(store).admit("root", limit=2, now=later(1), window=None, alone=False).token
    assert counters(store).failures("root", later(1), None) == 2
    counters(store).end_login("root", token, subject.WORKED, window=None)
    assert counters(store).failures("root", later(2), None) == 0
    # One that is still under way elsewhere stays counted.
    monkeypatch.setattr(subject, "has_ended", lambda owner: False)
    counters(store).admit("root", limit=2, now=later(3), window=None, alone=False)
    token = counters(store).admit("root", limit=2, now=later(4), window=None, alone=False).token
    counters(store).end_login("root", token, subject.WORKED, window=None)
    assert counters(store).failures("root", later(5), None) == 1


def test_claims_and_operators_do_not_disturb_each_other(store):
    claims(store).claim("host-1", ["alice"])
    counters(store).add_failure("root", NOW)
    claims(store).claim("host-1", ["bob"])
    assert counters(store).failures("root", NOW, None) == 1 and claims(store).claim("host-2", ["alice", "bob"]) == {"alice": "host-1", "bob": "host-1"}


@pytest.mark.parametrize(
    "content", [{"claims": []}, {"operators": {"root": 5}}, {"operators": {"root": {"failed_logins": -1}}}, {"operators": {"root": {"failed_logins": True}}}]
)
def test_a_damaged_note_is_an_error(store, content):
    store.write_note(counters(store)._name, content, None)
    with pytest.raises(PasswordError) as caught:
        counters(store).failures("root", NOW, None)
    assert caught.value.kind == "store_failed" and "damaged" in caught.value.message


def test_a_time_that_is_none_counts(store):
    store.write_note(counters(store)._name, {"operators": {"root": {"failed_logins": 2, "failed_at": "yesterday"}}}, None)
    assert counters(store).failures("root", NOW, 60.0) == 2


def test_who_never_gets_through_says_so(store):
    def disturb():
        claims(store, target="https://db.example.com:19530")  # the same note
        store.notes[counters(store)._name] = ((store.notes.get(counters(store)._name) or (0,))[0] + 1, "null")
        store.before_note.append(disturb)

    store.before_note.append(disturb)
    with pytest.raises(PasswordError) as caught:
        claims(store).claim("host-1", ["alice"])
    assert caught.value.kind == "store_conflict"


def test_edge_32_nobody_waits_for_the_login_of_a_process_that_was_killed(store, monkeypatch):
    """It may have failed, so it stays counted; a process that goes on, or that runs elsewhere, is waited for."""
    monkeypatch.setattr(subject, "this_process", lambda: {"pid": 1})
    assert counters(store).admit("root", limit=3, now=NOW, window=60.0, alone=True).token
    monkeypatch.setattr(subject, "has_ended", lambda owner: False)
    waiting = counters(store).admit("root", limit=3, now=NOW, window=60.0, alone=True)
    assert waiting.token is None and waiting.may_change
    monkeypatch.setattr(subject, "has_ended", lambda owner: owner == {"pid": 1})
    assert counters(store).admit("root", limit=3, now=NOW, window=60.0, alone=True).token and counters(store).failures("root", NOW, 60.0) == 2
