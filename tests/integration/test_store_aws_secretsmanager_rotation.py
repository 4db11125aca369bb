# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``rotate`` through real Ansible, with its records in AWS Secrets Manager."""

from __future__ import annotations

import functools

import pytest

from tests.doubles.milvus import MilvusDouble
from tests.integration.rotation import COMMIT, ROTATE, STEP_BY_STEP, Rotation, changed, old_password
from tests.servers.secrets_manager import DROPPED, refused, refused_by_sts
from tests.store_cases.aws_secretsmanager import ACCESS_KEY, SECRET_KEY, AwsSecretsManagerCase

USERS = ("alice", "bob", "carol")
HOST = "milvus-1"


@pytest.fixture
def case(tmp_path):
    with AwsSecretsManagerCase(tmp_path) as running:
        yield running


@pytest.fixture
def double():
    with MilvusDouble(users={name: old_password(name) for name in USERS}) as running:
        yield running


@pytest.fixture
def rotation(ansible, case, double):
    options = {name: value for name, value in case.options["store_options"].items() if not name.endswith("_key")}
    made = Rotation(ansible, {HOST: double}, USERS, rotate_store="aws_secretsmanager", rotate_store_options=options)
    # The keys come from the environment, as they do in AWX.
    made.run = functools.partial(made.run, env={"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY})
    return made


def records(case):
    """What the store holds, by user."""
    return {name: entry.record for name, entry in case.open(HOST).get(USERS).items()}


def secrets(case):
    """Every password there is, and the key."""
    found = {SECRET_KEY} | {old_password(name) for name in USERS}
    for record in records(case).values():
        found |= {record.password, record.previous, record.pending.password if record.pending else None}
    return found - {None}


def assert_proved(case, double):
    """What others read under AWSCURRENT is in force."""
    for name, record in records(case).items():
        assert case.shown(name, HOST) == (name, double.users[name]) and double.users[name] == record.password != old_password(name), name
        assert record.pending is None and record.verified is True


def test_rotates_then_has_nothing_to_do_and_the_lookup_reads(rotation, case, double):
    first = rotation.run(watch=True, verbosity=3)
    assert first.rc == 0, first.output
    assert_proved(case, double)
    assert {record.previous for record in records(case).values()} == {old_password(name) for name in USERS}

    case.service.forget()
    second = rotation.run()
    assert (second.rc, changed(second)) == (0, {HOST: 0}), second.output
    assert set(case.service.operations()) == {"GetSecretValue"}

    forced = rotation.run(extra_vars={"rotate_force": True})
    assert forced.rc == 0 and changed(forced) == {HOST: 1}
    assert_proved(case, double)

    play = {
        "hosts": "all", "connection": "local", "gather_facts": False,
        "tasks": [{"name": "Log in", "rekey.passwords.milvus_user_password": {
            "url": double.url, "name": "alice", "current_password": "{{ lookup('rekey.passwords.secret', 'alice') }}",
            "password": "{{ lookup('rekey.passwords.secret', 'alice') }}"}}],
    }  # fmt: skip
    read = rotation.run([play])
    assert read.rc == 0 and read.result("Log in")["users"][0]["state"] == "unchanged", read.output
    # Neither a file, nor a line of output, nor the list of processes has a secret; nothing of the embedded store was made.
    assert not rotation.ansible.leaks(secrets(case)) and not rotation.store.exists()


def test_rotates_as_a_role_with_tags_and_shows_none_of_its_credentials(rotation, case, double):
    more = {"assume_role_arn": "arn:aws:iam::123456789012:role/rotation", "sts_endpoint_url": case.service.url, "tags": {"owner": "dba"}}
    rotation.variables["rotate_store_options"] = {**rotation.variables["rotate_store_options"], **more}
    run = rotation.run(watch=True, verbosity=3)
    assert run.rc == 0, run.output
    assert_proved(case, double)
    roles = case.service.assumed_roles
    assert {call.token for call in case.service.calls if call.operation != "AssumeRole"} >= {role.session_token for role in roles} != set()
    assert case.service.secrets["rekey/%s/alice" % HOST].tags == [{"Key": "owner", "Value": "dba"}]
    case.service.before = lambda call: refused_by_sts("AccessDenied", "not authorized") if call.operation == "AssumeRole" else None
    run = rotation.run(extra_vars={"rotate_force": True}, verbosity=3)
    assert run.rc != 0 and run.result(ROTATE)["msg"].count("AssumeRole of arn:aws:iam::123456789012:role/rotation at ") == 1, run.output
    case.service.forget()
    credentials = {text for role in roles for text in (role.session_token, role.secret_access_key)}
    assert not rotation.ansible.leaks(secrets(case) | credentials)


def test_killed_before_the_commit_the_next_run_finishes_with_the_same_passwords(rotation, case, double):
    rotation.run(kill_at=COMMIT, extra_vars=STEP_BY_STEP)
    pending = {name: record.pending.password for name, record in records(case).items()}
    assert pending == {name: double.users[name] for name in USERS}
    assert [case.shown(name, HOST) for name in USERS] == [(name, None) for name in USERS]
    run = rotation.run()
    assert run.rc == 0 and [user["reason"] for user in run.result(ROTATE)["users"]] == ["unfinished"] * 3, run.output
    assert_proved(case, double)
    assert pending == {name: double.users[name] for name in USERS}
    assert not rotation.ansible.leaks(secrets(case))


def test_cut_off_in_the_middle_of_a_commit_the_next_run_shows_others_the_new_passwords(rotation, case, double):
    case.service.before = lambda call: DROPPED if call.params.get("VersionStage") == "AWSCURRENT" else None
    run = rotation.run()
    assert run.rc != 0 and run.result(ROTATE)["error"]["kind"] == "store_failed"
    case.service.forget()
    assert [case.shown(name, HOST)[1] for name in USERS].count(None) >= 1
    run = rotation.run()
    assert run.rc == 0, run.output
    assert_proved(case, double)
    assert not rotation.ansible.leaks(secrets(case))


def test_a_store_that_refuses_stops_the_run_before_anything_is_sent(rotation, case, double):
    case.service.before = lambda call: refused("AccessDeniedException", "not authorized") if call.operation == "UpdateSecretVersionStage" else None
    run = rotation.run()
    assert run.rc != 0 and "UpdateSecretVersionStage" in run.result(ROTATE)["msg"] and run.result(ROTATE)["error"]["kind"] == "store_failed"
    assert double.users == dict(double.users, **{name: old_password(name) for name in USERS})
    case.service.forget()
    assert rotation.run(check=True).rc == 0 and "PutSecretValue" not in case.service.operations()
