# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a record says of its owner (edges 1, 2, 39), and that nothing that was sent is forgotten (edge 40)."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import parse_utc
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import CURRENT, DamagedRecord, Earlier, Identity, Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import damaged_records_set_aside, read_record

A = Identity("milvus", "https://a.example.com:19530", "alice")


def sent(password, created="2026-01-01T00:00:00Z", number=1):
    return Pending(password, run_id="run", created=created, attempts=1, sent=number)


@pytest.mark.parametrize("field", ["vendor", "target", "account"])
def test_edge_1_a_record_belongs_to_one_vendor_target_and_account(field):
    record = Record("alice")
    assert record.belongs_to(A)
    record.bind(A, "host-1")
    assert record.identity == A and record.host == "host-1" and record.belongs_to(A)
    other = Identity(**{**{"vendor": A.vendor, "target": A.target, "account": A.account}, field: "another"})
    assert not record.belongs_to(other)
    # What a task does not know is no contradiction, and is not forgotten.
    unknown = Identity(**{**{"vendor": A.vendor, "target": A.target, "account": A.account}, field: None})
    assert record.belongs_to(unknown)
    record.bind(unknown, "host-1")
    assert record.identity == A


def test_all_that_is_noted_survives_a_store():
    record = Record("alice", password="S3cr3t-MARKER-1", earlier=(Earlier("S3cr3t-MARKER-2", "2026-01-01T00:00:00Z"),), set_aside="{}")
    record.bind(A, "host-1")
    for data in (record.as_dict(), record.as_short_dict()):
        assert Record.from_dict(data) == record and isinstance(data["earlier"], list)
    assert "S3cr3t-MARKER-2" in record.secrets and "MARKER" not in repr(record)


def test_a_record_of_an_earlier_version_belongs_to_nobody_yet():
    record = Record.from_dict({"username": "alice", "password": "S3cr3t-MARKER"})
    assert record.identity == Identity() and record.host is None and record.earlier == ()
    assert "earlier" not in record.as_dict() and "earlier" not in record.as_short_dict()


@pytest.mark.parametrize(
    "wrong",
    [{"host": 5}, {"vendor": ""}, {"target": ["x"]}, {"account": {}}, {"earlier": 5}, {"earlier": ["x"]}, {"earlier": [{"password": 5}]},
     {"earlier": [{"password": "S3cr3t-MARKER", "sent_at": 5}]}, {"earlier": [{"sent_at": ""}]}, {"set_aside": 5}],
)  # fmt: skip
def test_a_wrong_type_is_damage(wrong):
    with pytest.raises(DamagedRecord) as caught:
        Record.from_dict(dict({"username": "alice"}, **wrong))
    assert "MARKER" not in str(caught.value)


def test_edge_39_a_record_under_another_name_is_refused():
    record = Record("alice", password="S3cr3t-MARKER")
    record.bind(A, "host-1")
    assert read_record(record.as_dict(), "alice", "/srv/host-1.yml", "host-1") == record
    for user, host in (("alice", "host-2"), ("bob", "host-1")):
        with pytest.raises(PasswordError) as caught:
            read_record(record.as_dict(), user, "/srv/there.yml", host)
        assert caught.value.kind == "target_mismatch" and "/srv/there.yml" in caught.value.message and "MARKER" not in caught.value.message


@pytest.mark.parametrize("give_up", [Record.drop_pending, lambda record: record.repair(record.password), lambda record: record.repair("S3cr3t-MARKER-told")])
def test_edge_40_what_was_sent_is_kept_whatever_takes_its_place(give_up):
    record = Record("alice", password="S3cr3t-MARKER-current", pending=sent("S3cr3t-MARKER-sent", number=2))
    give_up(record)
    assert record.pending is None and [item.password for item in record.earlier] == ["S3cr3t-MARKER-sent"]


@pytest.mark.parametrize("give_up", [Record.drop_pending, lambda record: record.repair(record.password)])
def test_what_was_never_sent_is_not_kept(give_up):
    record = Record("alice", password="S3cr3t-MARKER-current", pending=sent("S3cr3t-MARKER-sent", number=0))
    give_up(record)
    assert record.earlier == ()


def test_edge_40_the_last_five_are_kept_the_newest_first():
    record = Record("alice", password="S3cr3t-MARKER-current")
    for number in range(1, 8):
        record.put_aside(sent("S3cr3t-MARKER-%d" % number, "2026-01-0%dT00:00:00Z" % number))
    assert [item.password[-1] for item in record.earlier] == ["7", "6", "5", "4", "3"]
    record.put_aside(sent("S3cr3t-MARKER-7", "2026-01-07T00:00:00Z"), None)
    assert len(record.earlier) == 5


def test_the_one_that_turns_out_to_be_in_force_is_kept_once():
    record = Record("alice", password="S3cr3t-MARKER-old", earlier=(Earlier("S3cr3t-MARKER-sent"), Earlier("S3cr3t-MARKER-other")))
    record.repair("S3cr3t-MARKER-sent")
    assert record.password == "S3cr3t-MARKER-sent" and [item.password for item in record.earlier] == ["S3cr3t-MARKER-other"]
    record.pending = sent("S3cr3t-MARKER-other")
    record.promote(parse_utc("2026-01-31T00:00:00Z"), verified=True)
    assert record.earlier == ()


def test_a_record_without_a_pending_password_has_none_to_drop():
    record = Record("alice", password="S3cr3t-MARKER-old", status=CURRENT)
    record.drop_pending()
    assert record == Record("alice", password="S3cr3t-MARKER-old", status=CURRENT)


def test_edge_38_a_damaged_record_can_be_set_aside_with_all_that_it_held():
    damaged = {"username": "alice", "password": "S3cr3t-MARKER", "failed_logins": -1}
    with damaged_records_set_aside():
        record = read_record(damaged, "alice", "/srv/there.yml", "host-1")
    assert record.password is None and "S3cr3t-MARKER" in record.set_aside and Record.from_dict(record.as_dict()) == record
    with pytest.raises(PasswordError):
        read_record(damaged, "alice", "/srv/there.yml", "host-1")


def test_edge_36_where_only_a_good_login_forgets_no_time_does():
    record = Record("alice", failed_logins=3, failed_at="2020-01-01T00:00:00Z")
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    assert record.recent_failed_logins(now, None) == 3
    assert record.recent_failed_logins(now, 3600.0) == 0
