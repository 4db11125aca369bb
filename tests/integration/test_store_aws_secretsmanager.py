# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager: what a writer that dies, fails or meets another one leaves, what other readers see, and what the service refuses."""

from __future__ import annotations

import copy
import functools
import multiprocessing
import os
import signal
import threading
import uuid

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils._stores import aws_secretsmanager
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import parse_utc
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Pending, Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, StoreConflict

from tests.servers.secrets_manager import DROPPED, error, refused
from tests.store_cases.aws_secretsmanager import ACCESS_KEY, SECRET_KEY, AwsSecretsManagerCase
from tests.unit.plugins.rotation_doubles import loader

FORK = multiprocessing.get_context("fork")
# The children only write to the store; they wait for no thread that was not copied.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

ALICE, BOB = "rekey/host-1/alice", "rekey/host-1/bob"
OLDER, OLD, NEW, OTHER = ("S3cr3t-MARKER-%s" % name for name in ("older", "old", "new", "other"))
NOW = "2026-01-31T12:00:00Z"
BEGINNING = aws_secretsmanager.BEGINNING


@pytest.fixture
def case(tmp_path, monkeypatch):
    with AwsSecretsManagerCase(tmp_path) as running:
        # How long the library waits before it tries again is not what is tested here.
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda _self, _context: 0)
        yield running


@pytest.fixture
def service(case):
    return case.service


@pytest.fixture
def store(case):
    opened = case.open()
    yield opened
    opened.close()


def open_with(case, **options):
    """The store with other options; ``None`` takes one away."""
    options = {name: value for name, value in dict(case.options["store_options"], **options).items() if value is not None}
    return open_store("aws_secretsmanager", "host-1", {"store_options": options}, loader())


def pended(record, password=NEW):
    """The record with a pending password."""
    record = copy.deepcopy(record)
    record.pending, record.status = Pending(password, run_id="run", created=NOW, attempts=1), "pending"
    return record


def promoted(record):
    """The record after its pending password was proved."""
    record = copy.deepcopy(record)
    record.promote(parse_utc(NOW), verified=True)
    return record


def dropped(record):
    """The record after its pending password was refused."""
    record = copy.deepcopy(record)
    record.drop_pending()
    return record


def write(store, record, user="alice"):
    """Write a record over whatever stands there."""
    store.put({user: Entry(record, store.get([user])[user].version)})


def read(case, user="alice"):
    """The record as a new process reads it."""
    opened = case.open()
    try:
        return opened.get([user])[user].record
    finally:
        opened.close()


def failure(call, *args, kind="store_failed"):
    """The message of a store that fails; never with a secret, nor with an exception behind it that holds one."""
    with pytest.raises(PasswordError) as caught:
        call(*args)
    assert caught.value.kind == kind and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    assert "MARKER" not in caught.value.message and "MARKER" not in str(caught.value)
    return caught.value.message


BEFORE = Record("alice", password=OLD, previous=OLDER, status="current", rotated_at=NOW, verified=True)
# What a put may be: the records that lead to it, and the one that it writes.
WRITES = {
    "the first pending password": ([], pended(Record("alice"))),
    "the first proof": ([pended(Record("alice"))], promoted(pended(Record("alice")))),
    "a pending password": ([BEFORE], pended(BEFORE)),
    "another try": ([BEFORE, pended(BEFORE)], pended(BEFORE, NEW + "-again")),
    "a proof": ([BEFORE, pended(BEFORE)], promoted(pended(BEFORE))),
    "a refusal": ([BEFORE, pended(BEFORE)], dropped(pended(BEFORE))),
    "a proof and the next one at once": ([BEFORE, pended(BEFORE)], pended(promoted(pended(BEFORE)), OTHER)),
}
all_writes = pytest.mark.parametrize("kind", WRITES)


def prepared(case, kind):
    """Alice as she is before the put, and bob.

    :return: (the record before, the entry to put).
    """
    case.service.forget()
    case.service.secrets.clear()
    store = case.open()
    write(store, Record("bob", password=OTHER, status="current"), "bob")
    steps, record = WRITES[kind]
    for step in steps:
        write(store, step)
    version = store.get(["alice"])["alice"].version
    store.close()
    case.service.forget()
    return (steps[-1] if steps else None), Entry(record, version)


@functools.lru_cache
def _proved(kind):
    steps, record = WRITES[kind]
    return {step.password for step in [*steps, record]} | {step.previous for step in [*steps, record]} | {None}


def assert_others_see_only_what_is_proved(service, kind):
    """Neither under AWSCURRENT nor under AWSPREVIOUS stands a password that is not proved, wherever in the text."""
    for label in ("AWSCURRENT", "AWSPREVIOUS"):
        shown = service.shown(ALICE, label) or {}
        assert shown.get("password") in _proved(kind) and not shown.get("pending"), (kind, label)
    shown = service.shown(ALICE, "AWSPENDING") or {}
    assert shown.get("password") in _proved(kind), kind


def places(case, kind):
    """All requests of a put, by watching one; at each of them others see only what is proved."""
    _before, entry = prepared(case, kind)
    case.service.before = case.service.after = lambda _call: assert_others_see_only_what_is_proved(case.service, kind)
    case.open().put({"alice": entry})
    found = case.service.operations()
    case.service.forget()
    return found


def assert_whole(case, kind, before, entry):
    """The record is the old one or the new one, the next reader has finished what was begun, bob is as he was, and the next put works.

    :return: the record.
    """
    service = case.service
    service.forget()
    assert_others_see_only_what_is_proved(service, kind)
    record = read(case)
    assert record in (before, entry.record), kind
    assert_others_see_only_what_is_proved(service, kind)
    assert case.shown("alice")[1] == (record.password if record else None)
    assert read(case, "bob").password == case.shown("bob")[1] == OTHER
    if record is None:
        write(case.open(), entry.record)
        assert read(case) == entry.record
    else:
        again = pended(dropped(record), "S3cr3t-MARKER-next")
        write(case.open(), again)
        assert read(case) == again
        write(case.open(), promoted(again))
        assert (read(case), case.shown("alice")) == (promoted(again), ("alice", "S3cr3t-MARKER-next"))
    return record


def _put(case, entry):
    case.open().put({"alice": entry})


@pytest.mark.slow
@all_writes
def test_killed_at_any_request_the_record_is_the_old_one_or_the_new_one(case, kind):
    operations, found = places(case, kind), []
    assert operations.count("UpdateSecretVersionStage") >= 1 and operations[-1] == "UpdateSecretVersionStage"
    for place in range(len(operations)):
        for moment in ("before", "after"):
            before, entry = prepared(case, kind)
            child = FORK.Process(target=_put, args=(case, entry), daemon=True)

            def die(call, place=place, child=child):
                if call.number == place:
                    os.kill(child.pid, signal.SIGKILL)
                    return DROPPED
                return None

            setattr(case.service, moment, die)
            child.start()
            child.join(60)
            assert child.exitcode == -signal.SIGKILL
            found.append(assert_whole(case, kind, before, entry))
    # First the old one, then the new one, in one turn.
    turn = found.index(entry.record)
    assert found == [before] * turn + [entry.record] * (len(found) - turn)


@pytest.mark.slow
@all_writes
@pytest.mark.parametrize("trouble", [DROPPED, refused("InternalServiceError", "try later", 500), refused("ThrottlingException", "slow down")], ids=str)
def test_one_lost_request_or_answer_does_no_harm_anywhere(case, kind, trouble):
    for place in range(len(places(case, kind))):
        for moment in ("before", "after"):
            before, entry = prepared(case, kind)
            setattr(case.service, moment, lambda call, place=place: trouble if call.number == place else None)
            case.open().put({"alice": entry})
            assert read(case) == entry.record and case.shown("alice")[1] == entry.record.password, (place, moment)
            assert assert_whole(case, kind, before, entry) == entry.record


@pytest.mark.slow
@all_writes
@pytest.mark.parametrize("moment", ["before", "after"])
def test_when_the_service_goes_away_at_any_request_it_is_told_and_nothing_is_torn(case, kind, moment):
    found = []
    for place in range(len(places(case, kind))):
        before, entry = prepared(case, kind)
        setattr(case.service, moment, lambda call, place=place: DROPPED if call.number == place else None)
        # What follows never arrives.
        case.service.before, first = (lambda call, place=place: DROPPED if call.number > place else first(call)), case.service.before
        assert "failed: " in failure(case.open().put, {"alice": entry})
        found.append(assert_whole(case, kind, before, entry))
    turn = found.index(entry.record) if entry.record in found else len(found)
    assert found == [before] * turn + [entry.record] * (len(found) - turn)


@pytest.mark.slow
@all_writes
@pytest.mark.parametrize("moment", ["before", "after"])
def test_of_two_writers_exactly_one_wins_whenever_they_meet(case, kind, moment):
    conflicts = 0
    for place in range(len(places(case, kind))):
        _before, entry = prepared(case, kind)
        theirs = []

        def meet(place, theirs, call):
            if call.number == place and not theirs:
                theirs.append(None)
                other = case.open()
                seen = other.get(["alice"])["alice"]
                theirs[0] = pended(seen.record or Record("alice"), OTHER)
                theirs[0].failed_logins += 1
                other.put({"alice": Entry(theirs[0], seen.version)})
                assert_others_see_only_what_is_proved(case.service, kind)

        setattr(case.service, moment, functools.partial(meet, place, theirs))
        try:
            case.open().put({"alice": entry})
            mine = True
        except StoreConflict as conflict:
            assert conflict.users == ["alice"]
            mine, conflicts = False, conflicts + 1
        # The other one has always won, since it came later or in between; if mine was written, then theirs was made of it.
        assert read(case) == theirs[0], place
        assert theirs[0].failed_logins == 1 and (theirs[0].password == entry.record.password or not mine)
        assert case.shown("alice")[1] == theirs[0].password
        assert_others_see_only_what_is_proved(case.service, kind)
    assert conflicts >= 1


def test_two_writers_of_a_new_user_that_both_saw_nothing(case):
    for place in range(len(places(case, "the first pending password"))):
        _before, entry = prepared(case, "the first pending password")
        rival = Entry(pended(Record("alice"), OTHER), None)

        def meet(call, place=place, rival=rival):
            if call.number == place:
                case.open().put({"alice": rival})

        case.service.before = meet
        with pytest.raises(StoreConflict):
            case.open().put({"alice": entry})
        assert read(case) == rival.record and case.shown("alice")[1] is None


@pytest.mark.parametrize("retries", [0, 2])
def test_a_write_whose_answer_was_lost_and_that_was_overtaken_counts_as_written(case, store, retries):
    write(store, BEFORE)
    overtaken = []

    def overtake(call):
        if call.operation == "UpdateSecretVersionStage" and not overtaken:
            overtaken.append(call)
            for number in range(3):
                write(case.open(), pended(BEFORE, "S3cr3t-MARKER-%d" % number))
            return DROPPED
        return None

    case.service.after = overtake
    write(open_with(case, retries=retries), pended(BEFORE))
    assert overtaken and read(case).pending.password == "S3cr3t-MARKER-2"


def test_a_request_that_arrives_late_moves_no_label_back(case, service, store):
    """A proof whose second move hangs on its way while others go on."""
    write(store, BEFORE)
    write(store, pended(BEFORE))
    service.forget()
    proof, later = promoted(pended(BEFORE)), []

    def go_on(call):
        if call.params.get("VersionStage") == "AWSCURRENT" and call.operation == "UpdateSecretVersionStage" and not later:
            later.append(call)
            write(case.open(), pended(proof, OTHER))
            write(case.open(), promoted(pended(proof, OTHER)))

    service.before = go_on
    write(store, proof)
    assert later and case.shown("alice")[1] == OTHER == read(case).password
    assert service.shown(ALICE, "AWSPREVIOUS")["password"] == NEW


def test_the_labels_are_those_of_awss_own_rotation(service, store):
    write(store, pended(Record("alice")))
    labels = service.labels(ALICE)
    # Nobody who takes the first version for a password finds one there.
    assert labels["AWSCURRENT"] == BEGINNING != labels["AWSPENDING"] and service.shown(ALICE) == {"username": "alice"}
    write(store, promoted(pended(Record("alice"))))
    labels = service.labels(ALICE)
    assert labels["AWSCURRENT"] == labels["AWSPENDING"] and labels["AWSPREVIOUS"] == BEGINNING
    current = labels["AWSCURRENT"]
    second = pended(store.get(["alice"])["alice"].record, OTHER)
    write(store, second)
    assert service.labels(ALICE)["AWSCURRENT"] == current != service.labels(ALICE)["AWSPENDING"]
    # A refused password leaves AWSPREVIOUS where it is.
    write(store, dropped(second))
    assert (service.labels(ALICE)["AWSCURRENT"], service.labels(ALICE)["AWSPREVIOUS"]) == (current, BEGINNING)
    write(store, second)
    write(store, promoted(second))
    assert service.labels(ALICE)["AWSPREVIOUS"] == current
    assert service.shown(ALICE, "AWSPREVIOUS")["password"] == NEW and service.shown(ALICE)["password"] == OTHER
    assert {(call.operation, tuple(sorted(call.params))) for call in service.calls if call.operation.startswith(("Get", "Put"))} == {
        ("GetSecretValue", ("SecretId", "VersionStage")), ("PutSecretValue", ("ClientRequestToken", "SecretId", "SecretString", "VersionStages")),
    }  # fmt: skip


def half_done(case, service, store):
    """A proof whose writer died before AWSCURRENT had moved."""
    write(store, BEFORE)
    write(store, pended(BEFORE))
    service.before = lambda call: DROPPED if call.params.get("VersionStage") == "AWSCURRENT" else None
    failure(write, store, promoted(pended(BEFORE)))
    service.forget()
    assert case.shown("alice")[1] == OLD


def test_who_may_only_read_reads_a_half_done_write_and_leaves_it(case, service, store):
    half_done(case, service, store)

    def deny(call):
        moves = call.operation == "UpdateSecretVersionStage" and call.params["VersionStage"] == "AWSCURRENT"
        return refused("AccessDeniedException", "not authorized") if moves else None

    service.before = deny
    assert read(case).password == NEW and case.shown("alice")[1] == OLD
    # Who writes must not build upon it.
    assert "AccessDeniedException" in failure(write, store, pended(promoted(pended(BEFORE)), OTHER))
    assert read(case).pending is None and "PutSecretValue" not in service.operations()
    service.forget()
    assert read(case).password == NEW == case.shown("alice")[1]


def test_several_readers_finish_at_once(case, service, store):
    half_done(case, service, store)
    again = []

    def also(call):
        if call.operation == "UpdateSecretVersionStage" and not again:
            again.append(call)
            assert read(case).password == NEW

    service.before = also
    assert read(case).password == NEW == case.shown("alice")[1] and again


def test_a_reader_that_is_overtaken_reads_again(case, service, store):
    write(store, BEFORE)
    write(store, pended(BEFORE))
    service.forget()
    overtaken = []

    def overtake(call):
        if call.operation == "DescribeSecret" and not overtaken:
            overtaken.append(call)
            write(case.open(), promoted(pended(BEFORE)))

    service.before = overtake
    assert read(case) == promoted(pended(BEFORE)) and overtaken


def test_a_record_that_changes_whenever_it_is_read_is_told(case, service, store):
    write(store, BEFORE)
    write(store, pended(BEFORE))
    before, nested = store.get(["alice"])["alice"], []

    def overtake(call):
        if call.operation == "DescribeSecret" and not nested:
            nested.append(call)
            before.record.pending.attempts += 1
            write(case.open(), before.record)
            nested.clear()

    service.before = overtake
    assert "keeps changing" in failure(store.get, ["alice"])


def test_a_deleted_secret_is_told_and_not_begun_anew(case, service, store):
    write(store, BEFORE)
    version = store.get(["alice"])["alice"].version
    service.secrets[ALICE].delete(1.0)
    for call in (lambda: store.get(["alice"]), lambda: store.put({"alice": Entry(BEFORE, version)}), lambda: store.put({"alice": Entry(BEFORE, None)})):
        assert "aws secretsmanager restore-secret --secret-id %s" % ALICE in failure(call)
    assert store.list() == ["alice"]
    service.secrets[ALICE].restore()
    assert read(case) == BEFORE
    # Deleted without a first version, too.
    service.before = lambda call: DROPPED if call.operation == "PutSecretValue" else None
    failure(write, store, BEFORE, "carol")
    service.forget()
    service.secrets["rekey/host-1/carol"].delete(1.0)
    assert "scheduled for deletion" in failure(store.get, ["carol"]) and "scheduled for deletion" in failure(write, store, BEFORE, "carol")


def by_hand(service, name, text, labels, version=None):
    """A version that somebody else has made, as moto keeps it."""
    from moto.secretsmanager.models import FakeSecret  # pylint: disable=import-outside-toplevel

    version = version or str(uuid.uuid4())
    if name not in service.secrets:
        service.secrets[name] = FakeSecret("123456789012", "eu-central-1", name, {}, version)
    secret = service.secrets[name]
    for content in secret.versions.values():
        content["version_stages"] = [label for label in content["version_stages"] if label not in labels]
    secret.versions[version] = {"version_id": version, "version_stages": list(labels), "createdate": 0}
    if text is not None:
        secret.versions[version]["secret_string"] = text
    return version


def test_a_secret_that_somebody_else_has_made_is_not_touched_until_it_is_handed_over(case, service, store):
    made = by_hand(service, ALICE, '{"username": "alice", "password": "%s"}' % OLD, ["AWSCURRENT"])
    assert "Give the label to the version" in failure(store.get, ["alice"])
    assert "not written by the rotation" in failure(store.put, {"alice": Entry(BEFORE, None)})
    assert service.labels(ALICE) == {"AWSCURRENT": made}
    service.secrets[ALICE].versions[made]["version_stages"].append("AWSPENDING")
    entry = store.get(["alice"])["alice"]
    assert (entry.record, store.list()) == (Record("alice", password=OLD), ["alice"])
    store.put({"alice": Entry(pended(entry.record), entry.version)})
    assert case.shown("alice")[1] == OLD
    write(store, promoted(pended(entry.record)))
    assert (service.shown(ALICE)["password"], service.shown(ALICE, "AWSPREVIOUS")["password"]) == (NEW, OLD)


def test_a_secret_that_somebody_else_makes_meanwhile_is_not_overwritten(service, store):
    def make(call):
        if call.operation == "CreateSecret":
            by_hand(service, ALICE, '{"username": "alice", "password": "%s"}' % OTHER, ["AWSCURRENT"])

    service.before = make
    with pytest.raises(StoreConflict):
        store.put({"alice": Entry(BEFORE, None)})
    assert service.shown(ALICE)["password"] == OTHER


@pytest.mark.parametrize("at", ["the beginning", "a pending password", "a proof"])
def test_a_current_password_that_somebody_else_has_set_is_told_and_not_overwritten(service, store, at):
    write(store, pended(Record("alice")))
    if at == "the beginning":
        service.secrets[ALICE].versions[service.labels(ALICE)["AWSPENDING"]]["version_stages"] = []
        service.secrets[ALICE].versions[BEGINNING]["version_stages"].append("AWSPENDING")
    elif at == "a proof":
        write(store, promoted(pended(Record("alice"))))
    version = store.get(["alice"])["alice"].version
    by_hand(service, ALICE, '{"username": "alice", "password": "%s"}' % OTHER, ["AWSCURRENT"])
    assert "somebody else has moved the label AWSCURRENT" in failure(store.get, ["alice"])
    assert "somebody else has moved the label AWSCURRENT" in failure(store.put, {"alice": Entry(BEFORE, version)})
    assert service.shown(ALICE)["password"] == OTHER


def test_a_pending_version_that_somebody_gives_out_as_current_is_told(service, store):
    write(store, BEFORE)
    write(store, pended(BEFORE))
    versions, labels = service.secrets[ALICE].versions, service.labels(ALICE)
    versions[labels["AWSCURRENT"]]["version_stages"].remove("AWSCURRENT")
    versions[labels["AWSPENDING"]]["version_stages"].append("AWSCURRENT")
    assert "somebody else has moved the label AWSCURRENT" in failure(store.get, ["alice"])


def test_a_password_that_somebody_else_has_taken_back_is_told_and_not_given_out_again(case, service, store):
    """AWSCURRENT then stands where a writer that was killed before it moved would have left it."""
    write(store, BEFORE)
    write(store, pended(BEFORE))
    write(store, promoted(pended(BEFORE)))
    labels = service.labels(ALICE)
    store._client.update_secret_version_stage(
        SecretId=ALICE, VersionStage="AWSCURRENT", RemoveFromVersionId=labels["AWSCURRENT"], MoveToVersionId=labels["AWSPREVIOUS"]
    )
    assert "somebody else has moved the label AWSCURRENT" in failure(store.get, ["alice"]) and case.shown("alice")[1] == OLD


def test_a_rotation_of_awss_own_that_is_under_way_is_told(service, store):
    by_hand(service, ALICE, '{"username": "alice", "password": "%s"}' % OLD, ["AWSCURRENT"])
    by_hand(service, ALICE, '{"username": "alice", "password": "%s"}' % NEW, ["AWSPENDING"])
    assert "somebody else has moved the label AWSCURRENT" in failure(store.get, ["alice"])


@pytest.mark.parametrize(
    "text",
    [
        None, "", "{", "MARKER", "[]", "null", '"S3cr3t-MARKER"', "7", "{}",
        '{"username": "alice", "password": 7}', '{"username": "alice", "S3cr3t": "MARKER"}',
        '{"username": "alice", "labels": "MARKER"}', '{"username": "alice", "labels": {"AWSPENDING": "a"}}', '{"username": "alice", "labels": ["MARKER"]}',
        '{"username": "alice", "labels": {"AWSPENDING": "a", "AWSCURRENT": ["b"]}}', '{"username": "alice", "labels": {"AWSPENDING": "a", "AWSCURRENT": null}}',
    ],
)  # fmt: skip
def test_damaged_content_is_told_and_never_overwritten(service, store, text):
    write(store, Record("bob", password=OTHER, status="current"), "bob")
    version = by_hand(service, ALICE, text, ["AWSCURRENT", "AWSPENDING"])
    entries = [{"alice": Entry(BEFORE, version)}, {"alice": Entry(BEFORE, None)}]
    for call in (lambda: store.get(["bob", "alice"]), *(functools.partial(store.put, entry) for entry in entries)):
        told = failure(call)
        assert ("estore it from a copy" if text is not None else "Give it to a version that holds a record") in told and ALICE in told
    assert service.labels(ALICE) == {"AWSCURRENT": version, "AWSPENDING": version}
    assert store.get(["bob"])["bob"].record.password == OTHER


REFUSALS = {
    "AccessDeniedException": "documentation of this store",
    "DecryptionFailure": "KMS key",
    "EncryptionFailure": "KMS key",
    "ExpiredTokenException": "Get new credentials",
    "InvalidSignatureException": "Check the secret key",
    "LimitExceededException": "quota",
    "UnrecognizedClientException": "Check the access key",
    "InvalidParameterException": "told by the service",
    "InvalidRequestException": "told by the service",
    "MalformedPolicyDocumentException": "told by the service",
    "ResourceNotFoundException": "told by the service",
    "ThrottlingException": "Lower the concurrency",
    "InternalServiceError": "told by the service",
}


@pytest.mark.slow
@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("kind", ["the first pending password", "a proof"])
def test_a_refusal_of_any_request_is_told_with_what_to_do_and_without_what_was_sent(case, kind, code):
    """The service repeats all that was sent, which it does not do in fact; something in between might."""
    operations = places(case, kind)
    for place, operation in enumerate(operations):
        if code in ("ResourceNotFoundException", "InvalidRequestException") and operation in ("GetSecretValue", "DescribeSecret"):
            continue  # an answer like any other
        before, entry = prepared(case, kind)

        def refuse(call, place=place, operation=operation):
            if call.number >= place and call.operation == operation:
                return refused(code, "told by the service: %s %s" % (call.params.get("SecretString"), SECRET_KEY))
            return None

        case.service.before = refuse
        told = failure(case.open().put, {"alice": entry})
        assert code in told and operation in told and REFUSALS[code] in told and ALICE in told and case.service.url in told and "eu-central-1" in told
        assert_whole(case, kind, before, entry)


def test_an_answer_of_something_else_is_no_empty_store(case, service, store):
    write(store, BEFORE)
    version = store.get(["alice"])["alice"].version
    pages = [(200, b"<html>Please log in</html>"), (200, b"{}"), (200, b""), (200, {"Name": ALICE}), (302, b""), (404, b"not here"), (404, {}), (503, b"")]
    for page in pages:
        service.before = lambda _call, page=page: page
        for call in (lambda: store.get(["alice"]), lambda: store.put({"alice": Entry(BEFORE, version)}), lambda: store.put({"alice": Entry(BEFORE, None)})):
            assert case.service.url in failure(call)
        assert case.service.url in failure(store.list)
    service.forget()
    assert read(case) == BEFORE


def test_no_answer_at_all_ends_after_the_time_out_and_stops_the_others(case, service):
    release = threading.Event()
    service.before = lambda _call: release.wait(60) and DROPPED
    store = open_with(case, timeout=0.2, retries=1, concurrency=2)
    try:
        assert "(ReadTimeoutError)" in failure(store.get, ["user-%d" % number for number in range(50)])
        # Two workers, two tries each; the other 48 users are not tried any more.
        assert len(service.calls) <= 4
    finally:
        release.set()


def test_a_refusal_of_one_user_stops_nobody_else(case, service):
    users = ["user-%d" % number for number in range(8)]
    store = open_with(case, concurrency=1)
    service.before = lambda call: refused("LimitExceededException") if call.operation == "PutSecretValue" and call.params["SecretId"].endswith("-0") else None
    assert "user-0" in failure(store.put, {user: Entry(Record(user, password=OLD), None) for user in users})
    service.forget()
    assert [user for user, entry in store.get(users).items() if entry.record is None] == ["user-0"] and store.list() == users[1:]


def test_reads_and_writes_are_tried_again_but_not_without_end(case, service, store):
    write(store, BEFORE)
    for retries in (0, 3):
        service.forget()
        service.before = lambda _call: refused("ThrottlingException", "Rate exceeded")
        failure(open_with(case, retries=retries).get, ["alice"])
        assert len(service.calls) == retries + 1


def test_requests_are_made_side_by_side_up_to_the_concurrency(case, service):
    together = threading.Barrier(3)

    def wait(call):
        if call.operation == "GetSecretValue":
            together.wait(30)

    service.before = wait
    assert set(open_with(case, concurrency=3).get(["user-%d" % number for number in range(9)])) == {"user-%d" % number for number in range(9)}
    assert together.n_waiting == 0 and not together.broken


def test_listing_takes_all_pages_and_nothing_else(case, service, store):
    users = sorted("user-%03d" % number for number in range(230))
    for user in users:
        by_hand(service, "rekey/host-1/" + user, "{}", ["AWSPENDING"])
    for name in ("rekey/host-10/alice", "rekey/host-1", "other/host-1/alice", "REKEY/host-1/alice"):
        by_hand(service, name, "{}", ["AWSPENDING"])
    by_hand(service, "rekey/host-1/begun", "{}", ["AWSCURRENT", "AWSPENDING"], BEGINNING)
    by_hand(service, "rekey/host-1/foreign", "{}", ["AWSCURRENT"])
    assert store.list() == users and service.operations() == ["ListSecrets"] * 3
    # Even if the service's filter lets more through.
    listed = [{"Name": name, "SecretVersionsToStages": {"a": ["AWSPENDING"]}} for name in ("rekey/host-10/alice", "rekey/host-1/a=2Fb", "x/rekey/host-1/c")]
    service.before = lambda _call: (200, {"SecretList": listed})
    assert case.open().list() == ["a/b"]


def test_the_key_and_the_prefix_are_passed_on(case, service):
    store = open_with(case, kms_key_id="alias/mine", path_prefix="team/prod")
    write(store, BEFORE)
    (create,) = [call.params for call in service.calls if call.operation == "CreateSecret"]
    assert (create["Name"], create["KmsKeyId"]) == ("team/prod/host-1/alice", "alias/mine") and "SecretString" not in create
    assert store.list() == ["alice"] and case.open().list() == []


def credentials(service):
    """Of the last request: access key, region, session token."""
    call = service.calls[-1]
    scope = call.authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return scope[0], scope[2], call.token


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Nothing of this machine; two profiles."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "credentials").write_text(
        "".join("[%s]\naws_access_key_id = AKIA-%s\naws_secret_access_key = S3cr3t-MARKER\n" % (name, name) for name in ("default", "other")),
        encoding="utf-8",
    )
    (tmp_path / "config").write_text("[profile other]\nregion = eu-west-3\n", encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return monkeypatch


KEYS = {"AWS_ACCESS_KEY_ID": "AKIA-env", "AWS_SECRET_ACCESS_KEY": "x"}
NONE = {"access_key": None, "secret_key": None, "region": None}


@pytest.mark.parametrize(
    "variables, options, found",
    [
        ({}, {}, (ACCESS_KEY, "eu-central-1", None)),
        ({}, {"session_token": "S3cr3t-MARKER-token"}, (ACCESS_KEY, "eu-central-1", "S3cr3t-MARKER-token")),
        ({}, dict(NONE, region="us-east-1"), ("AKIA-default", "us-east-1", None)),
        ({}, dict(NONE, profile="other"), ("AKIA-other", "eu-west-3", None)),
        ({"AWS_PROFILE": "other"}, NONE, ("AKIA-other", "eu-west-3", None)),
        ({"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-east-1"}, NONE, ("AKIA-default", "us-west-2", None)),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, NONE, ("AKIA-default", "us-east-1", None)),
        (dict(KEYS, AWS_SESSION_TOKEN="t"), dict(NONE, region="us-east-1"), ("AKIA-env", "us-east-1", "t")),
        # What is given as an option is not mixed with what the environment says of another identity.
        (dict(KEYS, AWS_SESSION_TOKEN="t"), {}, (ACCESS_KEY, "eu-central-1", None)),
        (KEYS, dict(NONE, profile="other"), ("AKIA-other", "eu-west-3", None)),
        ({"AWS_PROFILE": "other"}, {}, (ACCESS_KEY, "eu-central-1", None)),
    ],
)
def test_credentials_and_the_region_come_from_the_options_or_as_boto3_finds_them(case, service, environment, variables, options, found):
    for name, value in variables.items():
        environment.setenv(name, value)
    open_with(case, **options).get(["alice"])
    assert credentials(service) == found


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"])
def test_the_endpoint_from_the_environment(case, service, environment, variable):
    environment.setenv(variable, service.url)
    open_with(case, endpoint_url=None).get(["alice"])
    assert service.operations() == ["GetSecretValue", "DescribeSecret"]


@pytest.mark.parametrize(
    "name, value", [("PATH_PREFIX", "elsewhere"), ("KMS_KEY_ID", "alias/mine"), ("RETRIES", "2"), ("CONCURRENCY", "3"), ("TIMEOUT", "7.5")]
)
def test_the_store_s_own_options_from_the_environment(case, service, environment, name, value):
    environment.setenv("AWS_SECRETSMANAGER_" + name, value)
    store = open_with(case, retries=None, timeout=None)
    write(store, BEFORE)
    create = next(call.params for call in service.calls if call.operation == "CreateSecret")
    config = store._client.meta.config
    assert {
        "PATH_PREFIX": create["Name"].split("/")[0], "KMS_KEY_ID": create.get("KmsKeyId"), "RETRIES": str(config.retries["total_max_attempts"] - 1),
        "CONCURRENCY": str(config.max_pool_connections), "TIMEOUT": str(config.read_timeout),
    }[name] == value and config.connect_timeout == config.read_timeout  # fmt: skip


def test_the_server_s_certificate_is_checked(case, tls_files, environment, tmp_path):
    from tests.servers.secrets_manager import SecretsManager  # pylint: disable=import-outside-toplevel

    with SecretsManager(tls=(str(tls_files.server_cert), str(tls_files.server_key))) as service:
        options = {"endpoint_url": service.url, "retries": 0}
        for authority in (None, str(tls_files.other_ca)):
            assert "CERTIFICATE_VERIFY_FAILED" in failure(open_with(case, ca_path=authority, **options).get, ["alice"])
        assert open_with(case, ca_path=str(tls_files.ca), **options).get(["alice"])["alice"].record is None
        environment.setenv("AWS_CA_BUNDLE", str(tls_files.ca))
        assert open_with(case, **options).get(["alice"])["alice"].record is None


def test_the_gate_is_as_strict_as_the_service(case, service, store):
    """What the protocol relies upon, and moto alone does not do."""
    write(store, BEFORE)
    labels, other = service.labels(ALICE), str(uuid.uuid4())
    client = store._client
    client.put_secret_value(SecretId=ALICE, ClientRequestToken=other, SecretString="{}", VersionStages=["X"])
    for source in ({}, {"RemoveFromVersionId": other}, {"RemoveFromVersionId": BEGINNING}):
        with pytest.raises(client.exceptions.InvalidParameterException):
            client.update_secret_version_stage(SecretId=ALICE, VersionStage="AWSPENDING", MoveToVersionId=other, **source)
    with pytest.raises(client.exceptions.ResourceExistsException):
        client.put_secret_value(SecretId=ALICE, ClientRequestToken=labels["AWSPENDING"], SecretString="{}", VersionStages=["AWSPENDING"])
    client.put_secret_value(SecretId=ALICE, ClientRequestToken=other, SecretString="{}", VersionStages=["AWSPENDING", "AWSCURRENT"])
    assert {label: service.labels(ALICE)[label] for label in ("AWSCURRENT", "AWSPENDING")} == {label: labels[label] for label in ("AWSCURRENT", "AWSPENDING")}
    with pytest.raises(client.exceptions.ClientError):
        client.create_secret(Name="a b")
    assert error("A", "b") == {"__type": "A", "message": "b"} and read(case) == BEFORE
