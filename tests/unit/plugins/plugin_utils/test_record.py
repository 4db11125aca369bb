# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record: what is stored comes back, and what is damaged is refused without showing a secret."""

from __future__ import annotations

import json

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import parse_utc
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, ORPHANED, PENDING, DamagedRecord, Pending, Record

CURRENT_PASSWORD = "S3cr3t-MARKER-current"
PREVIOUS_PASSWORD = "S3cr3t-MARKER-previous"
NEW_PASSWORD = "S3cr3t-MARKER-new"
ADOPTED_PASSWORD = "S3cr3t-MARKER-adopted"


def full():
    """A record in which everything is set."""
    return Record(
        username="alice",
        password=CURRENT_PASSWORD,
        previous=PREVIOUS_PASSWORD,
        pending=Pending(NEW_PASSWORD, run_id="run", created="2026-01-31T12:00:00Z", attempts=2, replaces=ADOPTED_PASSWORD),
        status=PENDING,
        rotated_at="2026-01-01T00:00:00Z",
        verified=True,
        failed_logins=3,
        last_error={"kind": "timed_out", "message": "The server timed out.", "at": "2026-01-31T12:00:00Z"},
    )


@pytest.mark.parametrize(
    "record",
    [
        full(),
        Record(username="new"),
        Record(username="ünïcödé 用户", password="pässwörd-密码-🔑"),
        Record(username="quotes", password="'\"\\\n\t\x7f\u2028", pending=Pending(" blanks ")),
    ],
)
def test_a_record_survives_a_store(record):
    assert Record.from_dict(json.loads(json.dumps(record.as_dict()))) == record


def test_applications_find_user_and_password_at_the_top():
    stored = full().as_dict()
    assert (stored["username"], stored["password"]) == ("alice", CURRENT_PASSWORD)


def test_keys_that_an_older_version_did_not_write_get_their_defaults():
    record = Record.from_dict({"username": "alice", "password": CURRENT_PASSWORD})
    assert (record.pending, record.previous, record.failed_logins, record.rotated_at) == (None, None, 0, None)


@pytest.mark.parametrize("attempts", [0, 1, 5])
def test_a_pending_password_of_a_version_that_did_not_note_it_counts_as_sent_when_it_was_taken_up(attempts):
    stored = damaged_pending(attempts=attempts)
    del stored["pending"]["sent"]
    assert Record.from_dict(stored).pending.sent == attempts


@pytest.mark.parametrize("path", ["password", "run_id"])
def test_a_version_that_noted_less_is_still_checked(path):
    stored = damaged_pending(**{path: None})
    del stored["pending"]["sent"]
    with pytest.raises(DamagedRecord):
        Record.from_dict(stored)


WINDOW = 3600.0


def moment(text):
    return parse_utc("2026-01-31T%sZ" % text)


@pytest.mark.parametrize("now, recent", [("12:00:00", 2), ("12:59:59", 2), ("13:00:00", 0), ("11:00:00", 2)])
def test_failed_logins_are_forgotten_when_the_vendor_has_forgotten_them(now, recent):
    record = Record("alice", failed_logins=2, failed_at="2026-01-31T12:00:00Z")
    assert record.recent_failed_logins(moment(now), WINDOW) == recent == record.failed_logins


def test_failed_logins_of_which_nobody_knows_when_they_were_count_from_now_on():
    record = Record("alice", failed_logins=2)
    assert record.recent_failed_logins(moment("12:00:00"), WINDOW) == 2
    assert record.recent_failed_logins(moment("13:00:00"), WINDOW) == 0


def test_a_repair_makes_the_proved_password_the_current_one_and_due():
    record = full()
    record.status, record.lost_runs = ORPHANED, 3
    record.repair(ADOPTED_PASSWORD)
    assert (record.password, record.previous, record.pending, record.status, record.rotated_at) == (ADOPTED_PASSWORD, CURRENT_PASSWORD, None, CURRENT, None)
    assert (record.verified, record.failed_logins, record.lost_runs, record.last_error) == (True, 0, 0, None)


def test_a_repair_by_the_current_password_leaves_its_age():
    record = full()
    record.repair(CURRENT_PASSWORD)
    assert (record.password, record.previous, record.rotated_at) == (CURRENT_PASSWORD, PREVIOUS_PASSWORD, "2026-01-01T00:00:00Z")


def test_no_representation_shows_a_secret():
    assert "MARKER" not in repr(full()) + str(full()) + "%s" % [full().pending]


def test_promote_moves_every_password_one_place_on():
    record = full()
    record.promote(parse_utc("2026-02-01T00:00:00Z"), verified=True)
    assert (record.password, record.previous, record.pending) == (NEW_PASSWORD, CURRENT_PASSWORD, None)
    assert (record.status, record.rotated_at, record.verified, record.failed_logins, record.last_error) == (CURRENT, "2026-02-01T00:00:00Z", True, 0, None)


def test_promote_of_an_adopted_user_keeps_the_password_before_the_first_rotation():
    record = Record(username="alice", pending=Pending(NEW_PASSWORD, replaces=ADOPTED_PASSWORD))
    assert record.known_password == ADOPTED_PASSWORD
    record.promote(parse_utc("2026-02-01T00:00:00Z"), verified=False)
    assert (record.password, record.previous, record.verified) == (NEW_PASSWORD, ADOPTED_PASSWORD, False)


def test_the_stored_password_is_known_better_than_the_adopted_one():
    assert full().known_password == CURRENT_PASSWORD


@pytest.mark.parametrize("password, status", [(CURRENT_PASSWORD, CURRENT), (None, PENDING)])
def test_a_dropped_password_leaves_the_current_one_alone(password, status):
    record = Record(username="alice", password=password, previous=PREVIOUS_PASSWORD, pending=Pending(NEW_PASSWORD))
    record.drop_pending()
    assert (record.password, record.previous, record.pending, record.status) == (password, PREVIOUS_PASSWORD, None, status)


def damaged(**changes):
    """A full record as it is stored, with some keys otherwise."""
    return dict(full().as_dict(), **changes)


def damaged_pending(**changes):
    """As :func:`damaged`, with the keys within ``pending`` otherwise."""
    return damaged(pending=dict(full().as_dict()["pending"], **changes))


@pytest.mark.parametrize(
    "data, told",
    [
        (None, "the record is not a dictionary"),
        ([], "the record is not a dictionary"),
        ("S3cr3t-MARKER-text", "the record is not a dictionary"),
        ({}, "the record lacks a key"),
        ({"password": CURRENT_PASSWORD}, "the record lacks a key"),
        (damaged(colour="S3cr3t-MARKER-blue", age=3), "the record has keys that this version does not know: age, colour"),
        (damaged(username=None), "username is not a text"),
        (damaged(username=["S3cr3t-MARKER"]), "username is not a text"),
        (damaged(password=1), "password is not a text"),
        (damaged(password=""), "password is not a text"),
        (damaged(password={"S3cr3t-MARKER": 1}), "password is not a text"),
        (damaged(previous=["S3cr3t-MARKER"]), "previous is not a text"),
        (damaged(status="S3cr3t-MARKER"), "this version does not know its status"),
        (damaged(status=["S3cr3t-MARKER"]), "this version does not know its status"),
        (damaged(rotated_at="S3cr3t-MARKER"), "rotated_at is not a time as 2026-01-31T12:00:00Z"),
        (damaged(rotated_at=1767225600), "rotated_at is not a time as 2026-01-31T12:00:00Z"),
        (damaged(verified="S3cr3t-MARKER"), "verified is neither true nor false"),
        (damaged(failed_logins="S3cr3t-MARKER"), "failed_logins is not a number"),
        (damaged(failed_logins=-1), "failed_logins is not a number"),
        (damaged(failed_logins=True), "failed_logins is not a number"),
        (damaged(last_error="S3cr3t-MARKER"), "last_error is not a dictionary"),
        (damaged(failed_at="S3cr3t-MARKER"), "failed_at is not a time as 2026-01-31T12:00:00Z"),
        (damaged(lost_runs="S3cr3t-MARKER"), "lost_runs is not a number"),
        (damaged_pending(sent="S3cr3t-MARKER"), "pending.sent is not a number"),
        (damaged(pending=[]), "pending is not a dictionary"),
        (damaged(pending={}), "pending lacks a key"),
        (damaged(pending={"password": NEW_PASSWORD, "hue": 1}), "pending has keys that this version does not know: hue"),
        (damaged_pending(password=""), "pending.password is not a text"),
        (damaged_pending(password=None), "pending.password is not a text"),
        (damaged_pending(run_id=None), "pending.run_id is not a text"),
        (damaged_pending(created=5), "pending.created is not a text"),
        (damaged_pending(attempts="S3cr3t-MARKER"), "pending.attempts is not a number"),
        (damaged_pending(replaces=["S3cr3t-MARKER"]), "pending.replaces is not a text"),
        (damaged_pending(replaces=""), "pending.replaces is not a text"),
    ],
)
def test_what_is_no_record_is_refused_without_a_secret(data, told):
    with pytest.raises(DamagedRecord) as caught:
        Record.from_dict(data)
    assert str(caught.value) == told
    # Neither what caused it: tracebacks print that, too.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_reading_does_not_change_what_was_read():
    data = full().as_dict()
    before = json.dumps(data)
    Record.from_dict(data).pending.attempts += 1
    assert json.dumps(data) == before


@pytest.mark.parametrize("record", [
    Record("alice"), Record("alice", password="S3cr3t-MARKER-a", status=CURRENT, rotated_at="2026-02-01T00:00:00Z", verified=False),
    Record("alice", password="S3cr3t-MARKER-a", pending=Pending("S3cr3t-MARKER-b", attempts=1)), Record("alice", pending=Pending("S3cr3t-MARKER-b", sent=2)),
])  # fmt: skip
def test_what_has_its_default_need_not_be_told(record):
    short = record.as_short_dict()
    assert Record.from_dict(json.loads(json.dumps(short))) == record
    assert None not in short.values() and "lost_runs" not in short
    # A missing number would mean that an older version has written it.
    assert record.pending is None or short["pending"]["sent"] == record.pending.sent
